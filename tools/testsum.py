#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The closing line of .ci/run, from Meson's test log.

usage: testsum.py TESTLOG.JSON STATUS-OF-MAKE

Prints the end of what failed tests said, skipped and failed tests by name, then "N passed, N failed,
N skipped". Fails when a test failed, when make failed otherwise (the build counts as one failure), or
when nothing ran.
"""
import json
import sys

TOLD_TESTS, TOLD_LINES = 3, 40

PASSED = ("OK", "EXPECTEDFAIL")
SKIPPED = ("SKIP", "IGNORED")


def counts(records):
    """Names of the tests by outcome: passed, failed, skipped."""
    passed, failed, skipped = [], [], []
    for record in records:
        if record["result"] in PASSED:
            passed.append(record["name"])
        elif record["result"] in SKIPPED:
            skipped.append(record["name"])
        else:
            failed.append(record["name"])
    return passed, failed, skipped


def tell_failures(records):
    """What the first of those that failed said last, here, because logs get cut above."""
    failed = [r for r in records if r["result"] not in PASSED + SKIPPED]
    for record in failed[:TOLD_TESTS]:
        said = (record.get("stdout") or "") + (record.get("stderr") or "")
        print(f"--- {record['name']}: {record['result']}, the end of what it said")
        for line in said.splitlines()[-TOLD_LINES:]:
            print(f"    {line[:200]}")


def main(path, make_status):
    try:
        with open(path, encoding="utf-8") as log:
            records = [json.loads(line) for line in log if line.strip()]
    except OSError:
        records = []
    passed, failed, skipped = counts(records)
    tell_failures(records)
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
