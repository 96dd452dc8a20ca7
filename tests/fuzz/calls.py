#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Programs that make system calls without sense, under a `lastack run` with sanitizers, until the
time is over. Each seed is another program (tests/run/hostile.c); the next one is kept in a file, so
that a later run goes on.

usage: calls.py LASTACK HOSTILE SEED_FILE SECONDS
"""
import os
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "run"))

CALLS_N, RUN_SECONDS_MAX = 5000, 300
NETWORKS = ([], ["--loss", "5%", "--delay", "1ms"], ["--no-udp"], ["--watch"],
            ["--mtu", "576", "--reorder", "5%", "--duplicate", "5%"])


def run_one(lastack, hostile, seed, port):
    """None, or what was wrong."""
    words = [lastack, "run", "--linger", "1", *NETWORKS[seed % len(NETWORKS)], "--", hostile,
             str(seed), str(CALLS_N), str(port)]
    try:
        done = subprocess.run(words, capture_output=True, text=True, errors="replace",
                              timeout=RUN_SECONDS_MAX, check=False)
    except subprocess.TimeoutExpired:
        return f"{' '.join(words)}\nis not over after {RUN_SECONDS_MAX} s"
    if done.returncode == 0 and done.stdout == "done\n" and "Sanitizer" not in done.stderr:
        return None
    return f"{' '.join(words)}\nended with {done.returncode}: {done.stderr[-4000:]}"


def main(lastack, hostile, seed_file, seconds):
    import servers  # pylint: disable=import-outside-toplevel
    echo = servers.Server(servers.echo)
    seed = 1
    if os.path.exists(seed_file):
        with open(seed_file, encoding="ascii") as f:
            seed = int(f.read())
    first, end = seed, time.monotonic() + float(seconds)
    wrong = None
    while wrong is None and time.monotonic() < end:
        wrong = run_one(lastack, hostile, seed, echo.port)
        seed += 1 if wrong is None else 0
        with open(seed_file, "w", encoding="ascii") as f:
            f.write(f"{seed}\n")
    echo.close()
    print(f"calls: {seed - first} programs, seeds {first} to {seed - 1}")
    if wrong is not None:
        print(wrong, file=sys.stderr)
    return int(wrong is not None)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
