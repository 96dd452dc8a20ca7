# SPDX-License-Identifier: MIT
"""What a sender gets through a bad path, beside the kernel's sender with the same control.

Runs come in pairs with one seed, one after the other, so that what the machine does meanwhile
befalls both. Where the machine was too busy the pair is run again, and discarded in the end.
"""
import contextlib
import os
import queue
import statistics
import subprocess
import threading

import path
import stacks

LINK = path.Link(200, 350)
# A tenth of it, so that what each does to the other has time to show.
SHARED = path.Link(20, 35)
FAULTS = (
    path.Fault("none", "no loss"),
    path.Fault("loss0.1", "loss 0.1 %", "--loss-up", "0.1%"),
    path.Fault("loss1", "loss 1 %", "--loss-up", "1%"),
    path.Fault("loss3", "loss 3 %", "--loss-up", "3%"),
    path.Fault("burst", "loss 0.5 % in bursts", "--burst-loss-up", "0.5%",
               "--burst-length-up", "10"),
    path.Fault("reorder", "2 % come 5 ms later", "--reorder-up", "2%",
               "--reorder-delay-up", "5ms"),
)
CONTROLS = ("reno", "cubic", "bbr")
AT_LEAST = 0.95
# BBR's model answers loss beyond 2 %, and the kernel's older BBR does not: reported, not promised.
REPORTED = {("bbr", "loss3"), ("bbr", "burst")}
# What the kernel reached where these were written down: for a kernel without that control.
REFERENCE = {
    "cubic": {"none": 188, "loss0.1": 35, "loss1": 6.3, "loss3": 3.2, "reorder": 187},
    "bbr": {"none": 188, "loss0.1": 189, "loss1": 184, "loss3": 178, "reorder": 190},
}
SHARERS = (("reno", "reno"), ("cubic", "cubic"), ("bbr", "bbr"), ("cubic", "reno"))
JAIN_AT_LEAST = 0.95
TRIES_N = 3
# Runs that leave most of the path empty disturb each other little.
LIGHT_LANES_PER_CORE, SHARED_LANES_PER_CORE = 4, 8


def is_light(control, fault):
    return control != "bbr" and fault.key not in ("none", "reorder")


class Job:
    """Pairs of runs of one row."""

    def __init__(self, senders, link, fault, seed, options):
        self.senders, self.link, self.fault, self.seed = senders, link, fault, seed
        self.options, self.tries_n = options, 0
        self.found = None  # {"kernel": [Mbit/s of each], "lastack": the same}

    def kinds(self):
        """In turns: neither is always the first."""
        return self.senders if self.seed % 2 else dict(reversed(self.senders.items()))

    def run(self, lane):
        self.tries_n += 1
        found = {}
        for kind, senders in self.kinds().items():
            found[kind] = lane.run(senders, self.link, self.fault, self.seed, **self.options)
        self.found = found


def lastack_controls(lastack):
    """Those of CONTROLS that it knows."""
    return [c for c in CONTROLS
            if subprocess.run([lastack, "bench", "goodput", "0.001", "--delay", "1ms", "--cc", c],
                              capture_output=True, check=False).returncode == 0]


def chosen(names, only):
    """Those that are named, or all where none is; none where other things are asked for."""
    named = [name for name in names if name in only]
    return named if named or only == {"share"} else list(names)


def jobs_of(size, kernel, ours, only):
    """{row: [Job...]}, first those of one sender, then of two."""
    found = {}
    keys = chosen([fault.key for fault in FAULTS], only)
    for control in chosen(ours, only):
        for fault in (fault for fault in FAULTS if fault.key in keys):
            kinds = [k for k in ("kernel", "lastack") if k == "lastack" or control in kernel]
            senders = {k: [path.Sender(k, control)] for k in kinds}
            found[(control, fault.key)] = [
                Job(senders, LINK, fault, seed, {"seconds": size.goodput_s})
                for seed in range(1, size.pairs_n + 1)]
    for sharers in SHARERS:
        if not set(sharers) <= set(ours) or (only and "share" not in only):
            continue
        kinds = [k for k in ("kernel", "lastack") if k == "lastack" or set(sharers) <= set(kernel)]
        senders = {k: [path.Sender(k, control) for control in sharers] for k in kinds}
        found[sharers] = [
            Job(senders, SHARED, FAULTS[0], seed,
                {"seconds": size.share_s, "skip": size.share_s / 4,
                 # The one meets the other anywhere in its growth.
                 "apart": size.share_s / 100 * (1 + seed % 10)})
            for seed in range(1, size.pairs_n + 1)]
    return found


class Pool:
    """Lanes that take jobs until none is left."""

    def __init__(self, args, lanes_n, progress):
        self.args, self.lanes_n, self.progress = args, lanes_n, progress
        self.waiting, self.wrong, self.discarded = queue.SimpleQueue(), [], []
        self.left_n = 0

    def work(self, lane):
        while True:
            try:
                job = self.waiting.get_nowait()
            except queue.Empty:
                return
            try:
                job.run(lane)
            except path.Disturbed:
                if job.tries_n < TRIES_N:
                    self.waiting.put(job)
                    continue
                self.discarded.append(job)
            except (stacks.Failed, OSError, ValueError) as e:
                self.wrong.append(str(e))
            self.left_n -= 1
            self.progress(f"goodput: {self.left_n} pairs to go")

    def run(self, jobs):
        self.left_n = len(jobs)
        for job in jobs:
            self.waiting.put(job)
        with contextlib.ExitStack() as made:
            lanes = [made.enter_context(path.lane(self.args.lastack, self.args.load, f"lane{i}",
                                                  self.args.late))
                     for i in range(min(self.lanes_n, len(jobs)))]
            threads = [threading.Thread(target=self.work, args=(lane,)) for lane in lanes]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        self.progress("")


def in_turns(jobs):
    """Of each row the first pair, then of each the second: what changes in time befalls all."""
    return [job for pairs in zip(*jobs.values()) for job in pairs]


def run(args, size, progress):
    """Results by row, and one line for each thing that went wrong."""
    kernel, ours = path.kernel_controls(), lastack_controls(args.lastack)
    jobs = jobs_of(size, kernel, ours, args.only)
    faults = {fault.key: fault for fault in FAULTS}
    light = {row: pairs for row, pairs in jobs.items()
             if row not in SHARERS and is_light(row[0], faults[row[1]])}
    shared = {row: pairs for row, pairs in jobs.items() if row in SHARERS}
    heavy = {row: pairs for row, pairs in jobs.items() if row not in light and row not in shared}
    cores_n = len(os.sched_getaffinity(0))
    wrong, discarded = [], []
    for rows, lanes_n in ((heavy, cores_n), (light, LIGHT_LANES_PER_CORE * cores_n),
                          (shared, SHARED_LANES_PER_CORE * cores_n)):
        pool = Pool(args, lanes_n, progress)
        if rows:
            pool.run(in_turns(rows))
        wrong += pool.wrong
        discarded += pool.discarded
    results = {"seconds": size.goodput_s, "share_seconds": size.share_s, "pairs": size.pairs_n,
               "kernel_controls": kernel, "lastack_controls": ours, "discarded": len(discarded),
               "alone": [], "shared": []}
    for row, pairs in jobs.items():
        found = [job.found for job in pairs if job.found is not None]
        if row in SHARERS:
            results["shared"].append(share_summary(row, found))
        else:
            results["alone"].append(summary(row[0], faults[row[1]], found))
    return results, wrong


# ---- what the pairs say

def median(values):
    return statistics.median(values) if values else None


def verdict(measured, promised, is_promised=True):
    if measured is None:
        return "not measured"
    if not is_promised:
        return "reported"
    return "kept" if measured >= promised else "not kept"


def summary(control, fault, pairs):
    """A row of one sender: medians, their ratio."""
    mbit = {kind: [sum(p[kind]) for p in pairs if kind in p] for kind in ("kernel", "lastack")}
    ours, theirs = median(mbit["lastack"]), median(mbit["kernel"])
    is_reference = theirs is None and ours is not None
    if is_reference:
        theirs = REFERENCE.get(control, {}).get(fault.key)
    ratio = ours / theirs if ours is not None and theirs else None
    return {"control": control, "fault": fault.key, "path": fault.text, "mbit_per_s": mbit,
            "kernel": theirs, "lastack": ours, "ratio": ratio, "is_reference": is_reference,
            "pairs": len(pairs), "promised": AT_LEAST,
            "verdict": verdict(ratio, AT_LEAST, (control, fault.key) not in REPORTED)}


def jain(rates):
    """R. Jain's index of fairness: 1 when all have the same, 1 / n when one has everything."""
    squares = sum(r * r for r in rates)
    return sum(rates) ** 2 / (len(rates) * squares) if squares else 0.0


def share_summary(sharers, pairs):
    """Two senders on one path: how alike; of two controls, how many times the second's the first
    has."""
    of_one_kind = sharers[0] == sharers[1]

    def measure(rates):
        return jain(rates) if of_one_kind else rates[0] / rates[1] if rates[1] else None

    found = {kind: [m for p in pairs if kind in p and (m := measure(p[kind])) is not None]
             for kind in ("kernel", "lastack")}
    ours = median(found["lastack"])
    return {"sharers": sharers, "of": "jain" if of_one_kind else "ratio", "values": found,
            "kernel": median(found["kernel"]), "lastack": ours, "pairs": len(pairs),
            "rates": [p.get("lastack") for p in pairs],
            "promised": JAIN_AT_LEAST if of_one_kind else None,
            "verdict": verdict(ours, JAIN_AT_LEAST, of_one_kind)}
