#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Breaks a rule in a copy of the tree, and looks whether the test that serves it fails.

usage: mutants.py [--n N] [--seed S] [--row ID] [--level MUST] [--table NAME] [--list] [ROOT]

tests/mutants/table.txt has the mutations: one block each, `row`, `file`, `test` (executable below
tests/unit, and test function; or `script` and the name of one in tests/script), `old` (text that
stands exactly once in the file) and `new`. N of them, drawn by the seed, are tried one after the
other (default: all). --level: rows of that name only, one mutation each. --table explore: what
`lastack sim explore` must notice, where `test` is its arguments. --table bbr: rules of its draft,
which no row of the ledger has. The copy is built plainly, once, before; a mutation that does not
compile, or that no longer fits the source, is an error, not a success. Exit status 0: every one was
caught.
"""
import argparse
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile

FIELDS = ("row", "file", "test", "old", "new")
SKIP = ("build*", ".git", "__pycache__")
TEST_S = 120


class Wrong(Exception):
    """A mutation that cannot be tried."""


def parse(text):
    """[{row, file, test, old, new}]; blocks are separated by lines of '---'. Lines that begin with a
    space continue the field above, without that space."""
    found = []
    for number, block in enumerate(re.split(r"^---$", text, flags=re.M), 1):
        entry, last = {}, None
        for line in block.split("\n"):
            if line.startswith("#") or not line.strip():
                continue
            if line.startswith(" "):
                if last is None:
                    raise Wrong(f"block {number}: continues nothing")
                entry[last] += "\n" + line[1:]
                continue
            last, _, value = line.partition(":")
            entry[last] = value[1:] if value.startswith(" ") else value
        if not entry:
            continue
        if sorted(entry) != sorted(FIELDS):
            raise Wrong(f"block {number}: fields {', '.join(entry)}; wanted {', '.join(FIELDS)}")
        found.append(entry)
    return found


def broken(text, entry):
    """The file's text with the mutation."""
    if text.count(entry["old"]) != 1:
        raise Wrong(f"{entry['row']}: `old` stands {text.count(entry['old'])} times in "
                    f"{entry['file']}")
    if entry["old"] == entry["new"]:
        raise Wrong(f"{entry['row']}: changes nothing")
    return text.replace(entry["old"], entry["new"])


def serves(root, entry):
    """Does the mark above the test name the row?"""
    if entry["test"].startswith("sim ") or entry["row"].startswith("BBR-"):
        return True  # a law of the exploration, or a draft's rule: no row of the ledger
    sys.path.insert(0, os.path.join(root, "tools"))
    import conformance
    known = {r[0] for r in conformance.requirements(root)}
    test = entry["test"].split(" ")[1]
    return any(t == test for _, t in conformance.tests_of_rows(root, known).get(entry["row"], []))


def build(copy, target):
    out = subprocess.run(["ninja", "-C", os.path.join(copy, "build"), "-j2", target],
                         capture_output=True, text=True)
    return out.returncode == 0, out.stdout


def explored(copy, entry):
    """(verdict, remark) of exploring one configuration with the broken copy."""
    built, log = build(copy, "lastack")
    if not built:
        return "error", [*re.findall(r".*error:.*", log), "does not build"][0]
    out = subprocess.run([os.path.join(copy, "build/lastack"), *entry["test"].split(" ")],
                         capture_output=True, text=True, errors="replace")
    if out.returncode == 0:
        return "missed", ""
    last = (out.stderr.strip() or out.stdout.split("\nin all")[0].strip()).split("\n")[-1]
    return "caught", re.sub(r"^.*\d  (?=[AB]: )|^lastack: ", "", last)


def scripted(copy, entry):
    """(verdict, remark) of playing one packet script on the broken copy."""
    built, log = build(copy, "lastack")
    if not built:
        return "error", [*re.findall(r".*error:.*", log), "does not build"][0]
    script = os.path.join(copy, "tests/script", entry["test"].split(" ")[1] + ".pkt")
    out = subprocess.run([os.path.join(copy, "build/lastack"), "drill", script],
                         capture_output=True, text=True, errors="replace", timeout=TEST_S)
    return "caught" if out.returncode != 0 else "missed", ""


def caught(copy, entry):
    """(verdict, remark) of running the test executable on the broken copy."""
    if entry["test"].startswith("sim "):
        return explored(copy, entry)
    if entry["test"].startswith("script "):
        return scripted(copy, entry)
    target, test = entry["test"].split(" ")
    built, log = build(copy, f"tests/unit/{target}")
    if not built:
        errors = [line for line in log.split("\n") if "error:" in line] or ["does not build"]
        return "error", errors[0]
    try:
        out = subprocess.run([os.path.join(copy, "build/tests/unit", target)], capture_output=True,
                             text=True, timeout=TEST_S, errors="replace")
    except subprocess.TimeoutExpired:
        return "caught", "did not end"
    log = out.stdout + out.stderr
    # ERROR: what it found made its tear-down fail, too.
    if re.search(rf"^\[  (FAILED  |ERROR   )\] {test}$", log, re.M):
        return "caught", ""
    if out.returncode < 0:
        return "caught", "ended by an assertion"
    others = set(re.findall(r"^\[  (?:FAILED  |ERROR   )\] (test_\w+)$", log, re.M))
    return "missed", "but " + ", ".join(sorted(others)) + " fails" if others else ""


def try_one(copy, entry):
    path = os.path.join(copy, entry["file"])
    with open(path, encoding="utf-8") as f:
        text = f.read()
    with open(path, "w", encoding="utf-8") as f:
        f.write(broken(text, entry))
    try:
        return caught(copy, entry)
    finally:
        with open(path, "w", encoding="utf-8") as f:
            f.write(text)


def scratch(root, folder):
    copy = os.path.join(folder, "tree")
    shutil.copytree(root, copy, ignore=shutil.ignore_patterns(*SKIP), symlinks=True)
    subprocess.run(["meson", "setup", "build"], cwd=copy, check=True, stdout=subprocess.DEVNULL)
    return copy


def run(root, entries):
    missed = 0
    print("| row | broken | test | result |\n|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        copy = scratch(root, folder)
        for entry in entries:
            test = entry["test"]
            test = test if test.startswith("sim ") else test.split(" ")[1]
            if not serves(root, entry):
                verdict, remark = "error", f"{test} does not claim {entry['row']}"
            else:
                try:
                    verdict, remark = try_one(copy, entry)
                except Wrong as wrong:
                    verdict, remark = "error", str(wrong)
            missed += verdict != "caught"
            print(f"| {entry['row']} | `{entry['file']}` | `{test}` | {verdict}"
                  f"{' (' + remark + ')' if remark else ''} |", flush=True)
    print(f"\n{len(entries) - missed} of {len(entries)} caught")
    return missed


def main(argv):
    parser = argparse.ArgumentParser()
    parser.add_argument("--n", type=int)
    parser.add_argument("--seed", default="1")
    parser.add_argument("--row")
    parser.add_argument("--level")
    parser.add_argument("--table", default="table")
    parser.add_argument("--list", action="store_true")
    parser.add_argument("root", nargs="?", default=os.path.join(os.path.dirname(__file__), ".."))
    args = parser.parse_args(argv[1:])
    with open(os.path.join(args.root, f"tests/mutants/{args.table}.txt"), encoding="utf-8") as f:
        entries = parse(f.read())
    if args.row:
        entries = [e for e in entries if e["row"] == args.row]
    if args.level:
        entries = list({e["row"]: e for e in entries
                        if e["row"].startswith(args.level + "-")}.values())
    if args.n is not None and args.n < len(entries):
        entries = random.Random(args.seed).sample(entries, args.n)
    if not args.list:
        return 1 if run(args.root, entries) else 0
    for entry in entries:
        with open(os.path.join(args.root, entry["file"]), encoding="utf-8") as f:
            broken(f.read(), entry)
        if not serves(args.root, entry):
            raise Wrong(f"{entry['row']}: {entry['test']} does not claim it")
        print(entry["row"], entry["file"], entry["test"])
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv))
    except Wrong as wrong:
        print(wrong)
        sys.exit(1)
