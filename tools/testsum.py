#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The closing line of .ci/run, from Meson's test log.

usage: testsum.py TESTLOG.JSON STATUS-OF-MAKE

Prints skipped and failed tests by name, then "N passed, N failed, N skipped". Fails when a test
failed, when make failed otherwise (the build counts as one failure), or when nothing ran.
"""
import json
import sys

PASSED = ("OK", "EXPECTEDFAIL")
SKIPPED = ("SKIP", "IGNORED")


def counts(lines):
    """Names of the tests by outcome: passed, failed, skipped."""
    passed, failed, skipped = [], [], []
    for line in lines:
        record = json.loads(line)
        if record["result"] in PASSED:
            passed.append(record["name"])
        elif record["result"] in SKIPPED:
            skipped.append(record["name"])
        else:
            failed.append(record["name"])
    return passed, failed, skipped


def main(path, make_status):
    try:
        with open(path, encoding="utf-8") as log:
            passed, failed, skipped = counts(line for line in log if line.strip())
    except OSError:
        passed, failed, skipped = [], [], []
    if make_status != 0 and not failed:
        failed = ["make check (see above)"]
    if make_status == 0 and not passed:
        failed = failed or ["no test ran"]
    for name in skipped:
        print(f"skipped: {name}")
    for name in failed:
        print(f"failed: {name}")
    print(f"{len(passed)} passed, {len(failed)} failed, {len(skipped)} skipped")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], int(sys.argv[2])))
