#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Random scripts of calls and packets on lastack and on the kernel's TCP, the answers compared.

usage: differ.py SUBJECT [--scripts N] [--seed S] [--workers N] [--all-rows] [--planted]

SUBJECT is the program of subject.c. Script number i has the seed S + i. A difference that known.py
does not know is played again, made as short as it goes, and printed as a ladder of both. Needs root;
everything happens in namespaces of its own.
"""
import argparse
import collections
import multiprocessing
import os
import re
import subprocess
import sys
import traceback

sys.path[1:1] = [os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "interop")]
# pylint: disable=wrong-import-position
import known
import ladder
import network
import play
import script as scripts
import subjects

PAGE = "docs/differences-tcp.md"
AGAIN = 3         # times that a difference must show again before it counts
SHOWN_MAX = 5     # of one kind
SYSCTLS = {
    "tcp_challenge_ack_limit": 2147483647, "tcp_invalid_ratelimit": 0,  # ours: ten a second
    "tcp_comp_sack_nr": 0,         # each out-of-order segment is acknowledged at once
    "tcp_tso_win_divisor": 255,   # nothing waits for a larger burst
    "tcp_early_retrans": 0, "tcp_recovery": 0, "tcp_frto": 0,
    "tcp_ecn": 0, "tcp_fastopen": 0, "tcp_syncookies": 0, "tcp_no_metrics_save": 1,
    "tcp_congestion_control": "reno", "tcp_autocorking": 0, "tcp_max_orphans": 1 << 20,
}


def build_network(name):
    """One TUN; towards it no timer is due within a script, and no ACK is delayed."""
    network.add_namespace(name, "tun", "la0")
    with open("/proc/sys/net/ipv6/conf/la0/disable_ipv6", "w", encoding="ascii") as f:
        f.write("1")
    for key, value in SYSCTLS.items():
        subjects.sysctl(key, value)
    network.ip("addr", "add", subjects.ADDRESS + "/32", "dev", "la0")
    network.ip("link", "set", "la0", "up")
    network.ip("route", "add", "10.99.0.0/16", "dev", "la0", "rto_min", "10s", "quickack", "1")


def judged(bench, script):
    """An Outcome; a difference counts only when it shows each time."""
    outcome = bench.play(script)
    for _ in range(AGAIN):
        if not outcome.differs:
            break
        outcome = bench.play(script)
    return outcome


def work(args, first, step, queue):
    name = f"lastack-differ-{os.getpid()}"
    try:
        build_network(name)
        subjects.sysctl("tcp_sack", 0 if args.planted else 1)
        bench = play.Bench("la0", args.subject)
        for seed in range(args.seed + first, args.seed + args.scripts, step):
            outcome = judged(bench, scripts.drawn(seed))
            shown = None
            if outcome.differs:
                outcome = bench.shrunk(outcome)
                shown = ladder.text(outcome)
            steps_n = len(outcome.sides[0].rows)
            queue.put((seed, steps_n, outcome.classes, outcome.fields or outcome.wrong, shown))
        status = bench.close()
        queue.put((None, status, None, None, None))
    except BaseException:  # pylint: disable=broad-exception-caught
        queue.put((None, traceback.format_exc(), None, None, None))
    finally:
        subprocess.run(["ip", "netns", "del", name], check=False, capture_output=True)


def gather(args, queue):
    """What the workers report, until all have ended: (failures, Counter of classes, ...)."""
    found, classes, steps_n, scripts_n, left = collections.defaultdict(list), \
        collections.Counter(), 0, 0, args.workers
    troubles = []
    while left > 0:
        seed, n, met, kind, shown = queue.get()
        if seed is None:
            left -= 1
            troubles += [n] if n != 0 else []
            continue
        scripts_n, steps_n = scripts_n + 1, steps_n + n
        classes.update(set(met))
        if shown is not None:
            found[str(kind)].append((seed, shown))
    return found, classes, scripts_n, steps_n, troubles


def report(args, found, classes, scripts_n, steps_n, troubles):
    for kind, cases in sorted(found.items(), key=lambda item: len(item[1])):
        print(f"\n==== {len(cases)} scripts differ in: {kind}\n")
        for _, shown in sorted(cases, key=lambda case: len(case[1]))[:args.shown]:
            print(shown)
    print(f"{scripts_n} scripts, {steps_n} steps, seeds from {args.seed}")
    for name, n in classes.most_common():
        print(f"  known difference {name}: {n} scripts")
    missed = [name for name in known.names() if name not in classes]
    if args.all_rows and missed:
        print("known differences that did not occur: " + ", ".join(missed))
    differing_n = sum(map(len, found.values()))
    print(f"differences that are not known: {differing_n} scripts")
    for trouble in troubles:
        print(f"a worker failed: {trouble}")
    complete = scripts_n == args.scripts
    return 0 if complete and not troubles and bool(found) == args.planted else 1


def documented():
    """The rows of the page."""
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", PAGE)
    with open(path, encoding="utf-8") as f:
        return set(re.findall(r"^\| `([a-z0-9-]+)` \|", f.read(), re.M))


def main():
    parser = argparse.ArgumentParser(description="lastack and the kernel's TCP, compared")
    parser.add_argument("subject", help="the program of subject.c")
    parser.add_argument("--scripts", type=int, default=300)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--workers", type=int, default=os.cpu_count())
    parser.add_argument("--shown", type=int, default=SHOWN_MAX, help="ladders of each kind")
    parser.add_argument("--all-rows", action="store_true",
                        help="say which known differences did not occur")
    parser.add_argument("--planted", action="store_true",
                        help="the kernel does without SACK: differences must be found")
    args = parser.parse_args()
    stray = set(known.names()) ^ documented()
    if stray:
        print(f"{PAGE} and known.py do not name the same rows: {', '.join(sorted(stray))}")
        return 1
    reason = network.missing()
    if reason is not None:
        print("SKIPPED: " + reason)
        return 77
    queue = multiprocessing.Queue()
    workers = [multiprocessing.Process(target=work, args=(args, i, args.workers, queue))
               for i in range(args.workers)]
    for worker in workers:
        worker.start()
    return report(args, *gather(args, queue))


if __name__ == "__main__":
    sys.exit(main())
