#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What lastack costs, beside the kernel and lwIP in the same run: `make bench`.

Asserts nothing about time: it prints, and says which promises the figures of this run keep.
The status is 1 when something could not be measured that should have been.
"""
import argparse
import json
import os
import signal
import sys

import analyse
import device
import flood
import goodput
import inside
import path
import promises
import report
import stacks


class Size:
    """How much of everything."""

    def __init__(self, rounds_n, seconds, held_n, mem_mib, mem_rounds_n, conns_n, file_mib,
                 file_rounds_n, counts_instructions, pairs_n, goodput_s, share_s, flood_n,
                 connects_n, analysed_n):
        self.rounds_n, self.seconds, self.held_n = rounds_n, seconds, held_n
        self.flood_rounds_n, self.flood_s = 2 * rounds_n - 1, seconds / 2
        self.mem_bytes, self.mem_rounds_n, self.conns_n = mem_mib << 20, mem_rounds_n, conns_n
        self.file_bytes, self.file_rounds_n = file_mib << 20, file_rounds_n
        self.counts_instructions = counts_instructions
        self.flood_n, self.connects_n = flood_n, connects_n
        self.analysed_n = analysed_n
        self.pairs_n, self.goodput_s, self.share_s = pairs_n, goodput_s, share_s


SIZES = {
    "full": Size(5, 1.0, 10000, 1024, 5, 100000, 256, 3, True, 20, 3, 15, 4000000,
                 1000, 4000000),
    "quick": Size(3, 0.2, 2000, 256, 3, 20000, 64, 1, True, 2, 1, 3, 1000000, 1000, 1000000),
    # does it work at all?
    "smoke": Size(1, 0.05, 200, 4, 1, 2000, 1, 1, False, 1, 0.2, 0.2, 20000, 20, 8000),
}
PARTS = ("inside", "explain", "devices", "goodput")


def progress(text):
    """What is going on, on a terminal, where the next line overwrites it."""
    if sys.stderr.isatty():
        print(f"\r\033[K{text}", end="", file=sys.stderr, flush=True)


def subjects_of(args):
    found = [stacks.lastack(args.lastack, "tap"), stacks.lastack(args.lastack, "tun"),
             stacks.KernelOnVeth()]
    if args.lwip is not None:
        found.append(stacks.lwip(args.lwip))
    return found


def run_inside(args, size, results):
    """What went wrong, one line each."""
    try:
        measure_inside(args, size, results)
    except inside.Failed as e:
        return [str(e)]
    return []


def measure_inside(args, size, results):
    results["mem"] = inside.transfers(args.lastack, size, progress)
    report.transfers(results["mem"], size)
    if size.counts_instructions:
        results["instructions"] = inside.instructions(args.lastack)
        report.instructions(results["instructions"])
    results["conns"] = inside.conns(args.lastack, size)
    report.conns(results["conns"])
    results["records"] = inside.records(args.lastack, size)
    report.records(results["records"])
    results["mem_flood"] = inside.flood(args.lastack, size)
    report.mem_flood(results["mem_flood"], size)
    results["run"] = inside.downloads(args.lastack, size, progress)
    report.downloads(results["run"], size)


def run_explain(args, size, results):
    """What went wrong, one line each."""
    try:
        results["explain"] = analyse.measure(args, size, progress)
    except inside.Failed as e:
        return [str(e)]
    report.explain(results["explain"], size)
    return []


def run_devices(args, size, results):
    """What went wrong, one line each."""
    reason = stacks.missing()
    if reason is not None:
        report.title("over devices, beside the kernel and lwIP")
        print(f"SKIPPED: {reason}")
        results["device_skipped"] = reason
        return []
    subjects = subjects_of(args)
    notes = []
    results["device"], wrong = device.run(args.load, subjects, size, notes.append, progress)
    report.devices(results["device"], subjects, size)
    if args.lwip is None:
        notes.append("No lwIP: liblwip-dev was not there when this was built.")
    for note in notes:
        print(note)
    results["flood"], more_wrong = flood.run(args.load, args.lastack, size, progress)
    report.flood(results["flood"])
    return wrong + more_wrong


def run_goodput(args, size, results):
    """What went wrong, one line each."""
    reason = stacks.missing()
    if reason is not None:
        report.title("goodput through a bad path, beside the kernel")
        print(f"SKIPPED: {reason}")
        results["goodput_skipped"] = reason
        return []
    results["goodput"], wrong = goodput.run(args, size, progress)
    report.goodput(results["goodput"])
    return wrong


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("lastack", help="build/lastack")
    parser.add_argument("load", help="build/bench/bench-load")
    parser.add_argument("lwip", nargs="?", help="build/bench/bench-lwip, where it could be built")
    parser.add_argument("--size", choices=SIZES, default="full", help="how much (full)")
    parser.add_argument("--part", choices=PARTS, help="this part alone")
    parser.add_argument("--only", metavar="WORD,...", default="",
                        help="of goodput: these controls, paths (none loss1 reorder ...), 'share'")
    parser.add_argument("--late", metavar="PERCENT", type=float, default=path.LATE_PERCENT_MAX,
                        help="of goodput: a run of which more packets left the path late than this "
                             "is discarded (%(default)s)")
    parser.add_argument("--json", metavar="FILE", help="the same results as JSON")
    args = parser.parse_args()
    args.lastack, args.load = os.path.abspath(args.lastack), os.path.abspath(args.load)
    args.only = set(args.only.split(",")) - {""}
    args.lwip = os.path.abspath(args.lwip) if args.lwip else None
    return args


def main():
    args = arguments()
    size = SIZES[args.size]
    machine = {"cores": len(os.sched_getaffinity(0)), "load": os.getloadavg()[0]}
    report.machine(machine)
    results = {"version": 1, "size": args.size, "machine": machine}
    wrong = []
    parts = {"inside": run_inside, "explain": run_explain, "devices": run_devices, "goodput": run_goodput}
    for part in PARTS if args.part is None else [args.part]:
        wrong += parts[part](args, size, results)
    results["promises"] = promises.judge(results)
    report.promises(results["promises"])
    results["wrong"] = wrong
    if args.json is not None:
        with open(args.json, "w", encoding="utf-8") as f:
            json.dump(results, f, indent=1)
            f.write("\n")
        print(f"\nThe same as JSON: {args.json}")
    for line in wrong:
        print(f"bench: {line}", file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    # Whatever ends it, namespaces and servers go first.
    signal.signal(signal.SIGTERM, lambda number, _frame: sys.exit(128 + number))
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        progress("")
        sys.exit(130)
