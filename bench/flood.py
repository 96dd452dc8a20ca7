# SPDX-License-Identifier: MIT
"""A SYN flood over a device: lastack on a TUN, the kernel on veth, in turns.

The flood and the connections that mean it have one core, the process with the stack has another. The
kernel is measured as it comes, its receive path run where the flood sends. Nothing is scheduled in
real time: a flood that is would starve the kernel's receive path when that has become a thread
(ksoftirqd). So it takes a quiet machine. Both stacks remember 1024 half-open connections and then
answer with SYN cookies. What counts is the answers that came back. Rounds are short and many, and
ratios are taken round by round: a machine's clock swings.

Beside them, what the TUN device gives to a process that only turns packets round: the ceiling of any
stack behind one.
"""
import os
import statistics

import stacks

DEVICE = "bench0"
FLOOD_NET = "10.200.0.0/16"
SYN_QUEUE_N = 1024


class LastackOnTun:
    key, title = "lastack_tun", "lastack, TUN"

    def __init__(self, program):
        self.program = program

    def measure(self, load, size, cores):
        with stacks.lastack(self.program, "tun").running(load) as running:
            return flood(running, size, cores)


class Bounce:
    key, title = "bounce_tun", "packets turned round, TUN"

    @staticmethod
    def measure(load, size, cores):
        device = stacks.OnDevice("bounce", ("bounce", "tun"), "tun",
                                 lambda name: [load, "bounce", stacks.STACK_IP, "--device", name])
        with device.running(load) as running:
            return flood(running, size, cores, "--bare")


class KernelOnVeth:
    key, title = "kernel_veth", "kernel, veth"

    @staticmethod
    def measure(load, size, cores):
        with stacks.KernelOnVeth().running(load) as running:
            far = running.far
            stacks.ip("-n", far, "route", "add", FLOOD_NET, "via", stacks.LOAD_IP)
            stacks.write(far, "/proc/sys/net/ipv4/tcp_max_syn_backlog", str(SYN_QUEUE_N))
            return flood(running, size, cores)


def flood(running, size, cores, *options):
    return running.load("flood", "--device", DEVICE, "--seconds", str(size.flood_s),
                        "--connections", str(size.connects_n), "--source", stacks.SOURCE_IP,
                        "--sources", str(stacks.SOURCES_N), *options, core=cores[0], stack_core=cores[-1])


def run(load, program, size, progress):
    """The results, and one line for each thing that went wrong."""
    cores = sorted(os.sched_getaffinity(0))
    subjects = (LastackOnTun(program), KernelOnVeth(), Bounce())
    rounds, wrong = {s.key: [] for s in subjects}, []
    for number in range(size.flood_rounds_n):
        for subject in subjects:
            progress(f"SYN flood, round {number + 1} of {size.flood_rounds_n}: {subject.title}")
            try:
                rounds[subject.key].append(subject.measure(load, size, cores))
            except stacks.Failed as e:
                wrong.append(f"SYN flood, {subject.title}, round {number + 1}: {e}")
    progress("")
    found = {key: summary(results) for key, results in rounds.items() if results}
    wrong += [f"SYN flood, {s.title}: {found[s.key]['connects']} of "
              f"{found[s.key]['connects_tried']} connections succeeded" for s in subjects
              if s.key == "lastack_tun" and s.key in found and not all_connected(found[s.key])]
    return found, wrong


def summary(results):
    return {"stack_cpu_us": statistics.median(r["stack_cpu_us"] for r in results),
            "per_s": statistics.median(r["per_s"] for r in results),
            "rounds_per_s": [r["per_s"] for r in results],
            "connects": min(r["connects"] for r in results),
            "connects_tried": results[0]["connects_tried"]}


def all_connected(found):
    return found["connects"] == found["connects_tried"]


def ratio(found, kernel="kernel_veth"):
    """The median of the rounds' ratios; None when a connection of lastack failed."""
    ours, theirs = found["lastack_tun"], found[kernel]
    if not all_connected(ours):
        return None
    return statistics.median(a / b for a, b in zip(ours["rounds_per_s"], theirs["rounds_per_s"]))
