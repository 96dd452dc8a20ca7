# SPDX-License-Identifier: MIT
"""Each stack on its device under the same loads, in interleaved rounds."""
import os
import statistics

import stacks


class Row:
    """One figure of a load: a line of the table."""

    def __init__(self, load, key, text, decimals, more_is_better=False):
        self.load, self.key, self.text = load, key, text
        self.decimals, self.more_is_better = decimals, more_is_better


# In the order in which they run and are printed.
ROWS = (
    Row("bulk-out", "gbit_per_s", "bulk to it, Gbit/s", 2, True),
    Row("bulk-out", "cpu_s_per_gb", "  CPU s/GB, both ends", 3),
    Row("bulk-in", "gbit_per_s", "bulk from it, Gbit/s", 2, True),
    Row("bulk-in", "cpu_s_per_gb", "  CPU s/GB, both ends", 3),
    Row("talk", "p50_us", "request/response, p50 us", 2),
    Row("talk", "p99_us", "  p99 us", 2),
    Row("talk", "cpu_us", "  CPU us, both ends", 2),
    Row("churn", "per_s", "churn, connections/s", 0, True),
    Row("churn", "cpu_us", "  CPU us, both ends", 2),
    Row("hold", "stack_bytes", "idle connection, octets", 0),
)
CHURN_CONNECTIONS = 32


def measure(running, size):
    """All loads on one stack: results by load. Request/response has one core for both ends."""
    core = min(os.sched_getaffinity(0))
    seconds = ("--seconds", str(size.seconds))
    sources = ("--source", stacks.SOURCE_IP, "--sources", str(stacks.SOURCES_N))
    return {
        "bulk-out": running.load("bulk-out", *seconds),
        "bulk-in": running.load("bulk-in", *seconds),
        "talk": running.load("talk", *seconds, core=core),
        "churn": running.load("churn", *seconds, "--connections", str(CHURN_CONNECTIONS), *sources),
        "hold": running.load("hold", "--connections", str(size.held_n)),
    }


def weigh_held(round_results):
    """What an idle connection weighs at the stack's end.

    A process is weighed by its resident pages. The kernel keeps connections in slabs, where both
    ends lie: the other stacks say what the load's end alone takes.
    """
    load_end = [r["hold"]["slab_bytes"] for key, r in round_results.items() if key != "kernel_veth"]
    for key, r in round_results.items():
        held = r["hold"]
        held["stack_bytes"] = held["stack_rss_bytes"]
        if key == "kernel_veth":
            held["stack_bytes"] = None
            if load_end:
                held["stack_bytes"] = held["slab_bytes"] - statistics.median(load_end)


def summary(values):
    values = [v for v in values if v is not None]
    if not values:
        return None
    return {"median": statistics.median(values), "min": min(values), "max": max(values)}


def summaries(rounds):
    """{load: {stack: {key: summary}}} of rounds, each {stack: {load: {key: number}}}."""
    found = {}
    for load in dict.fromkeys(row.load for row in ROWS):
        found[load] = {}
        for stack in dict.fromkeys(s for r in rounds for s in r):
            results = [r[stack][load] for r in rounds if stack in r]
            found[load][stack] = {key: summary([r.get(key) for r in results]) for key in results[0]}
    return found


def run(load, subjects, size, say, progress):
    """Summaries, and one line for each thing that went wrong."""
    rounds, wrong, said = [], [], {}
    for number in range(size.rounds_n):
        results = {}
        for subject in subjects:
            progress(f"round {number + 1} of {size.rounds_n}: {' '.join(subject.title)}")
            try:
                with subject.running(load) as running:
                    said[subject.key] = running.said
                    results[subject.key] = measure(running, size)
            except stacks.Failed as e:
                wrong.append(f"{' '.join(subject.title)}, round {number + 1}: {e}")
                continue
            wrong += doubts(subject, results[subject.key], number)
        weigh_held(results)
        rounds.append(results)
    progress("")
    if "lwip_tap" in said:
        say(f"Debian's {said['lwip_tap'].removeprefix('serving ')}")
    return summaries(rounds), wrong


def doubts(subject, results, number):
    """What a figure alone would not tell."""
    found = []
    where = f"{' '.join(subject.title)}, round {number + 1}"
    if results["churn"]["failed"] > 0:
        found.append(f"{where}: {results['churn']['failed']} connections of churn failed")
    held = results["hold"]
    if held["alive"] < held["looked_at"]:
        found.append(f"{where}: of {held['looked_at']} idle connections {held['alive']} answer")
    return found
