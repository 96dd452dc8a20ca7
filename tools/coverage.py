#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Which lines and branches of each room the tests reach.

usage: coverage.py BUILD [SUITE...]

BUILD was configured with -Db_coverage=true. Runs the suites (unit, lab, fuzz and run when none is
named), prints a table by room, and writes BUILD/coverage/index.html, which shows each line.
"""
import glob
import json
import os
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
SUITES = ("unit", "lab", "fuzz", "run")


def run_tests(build, suites):
    for path in glob.glob(os.path.join(build, "**", "*.gcda"), recursive=True):
        os.unlink(path)  # of a build that is no more
    words = [word for suite in suites for word in ("--suite", suite)]
    status = subprocess.run(["meson", "test", "-C", build, "--no-rebuild", "--print-errorlogs",
                             "--timeout-multiplier", "4", *words], check=False).returncode
    if status != 0:
        print("coverage: some tests failed; what they reached counts", file=sys.stderr)
    return status


def measure(build):
    """What gcovr has counted, by file."""
    out = os.path.join(build, "coverage")
    os.makedirs(out, exist_ok=True)
    summary = os.path.join(out, "summary.json")
    subprocess.run(["gcovr", "--root", ROOT, "--object-directory", build, "--filter",
                    os.path.join(ROOT, "src") + "/", "--gcov-ignore-parse-errors", "--html-details",
                    os.path.join(out, "index.html"), "--json-summary", summary, build],
                   check=True, stdout=subprocess.DEVNULL)
    with open(summary, encoding="utf-8") as f:
        return json.load(f)["files"]


def by_room(files):
    rooms = {}
    for file in files:
        words = file["filename"].split("/")
        for room in (words[words.index("src") + 1], "all"):
            counts = rooms.setdefault(room, dict.fromkeys(COUNTS, 0))
            for name in COUNTS:
                counts[name] += file[name]
    rooms["all"] = rooms.pop("all")  # stands last
    return rooms


COUNTS = ("line_total", "line_covered", "branch_total", "branch_covered")


def percent(counts, kind):
    total = counts[kind + "_total"]
    return f"{100 * counts[kind + '_covered'] / total:.1f} %" if total else "-"


def print_table(rooms):
    print(f"{'room':<10}{'lines':>8}{'reached':>10}{'branches':>10}{'reached':>10}")
    for room, counts in rooms.items():
        print(f"{room:<10}{counts['line_total']:>8}{percent(counts, 'line'):>10}"
              f"{counts['branch_total']:>10}{percent(counts, 'branch'):>10}")


def main(build, *suites):
    status = run_tests(build, suites or SUITES)
    print_table(by_room(measure(build)))
    print(f"every line: {os.path.join(build, 'coverage', 'index.html')}")
    return status


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
