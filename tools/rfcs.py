#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Fills in the last column of docs/rfcs.md: the rooms and headers that cite each RFC.

usage: rfcs.py [--check]          (--check: say what is wrong, write nothing)
"""
import os
import re
import sys

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..")
PAGE = "docs/rfcs.md"
ROW = re.compile(r"^\| *(\d+) *\| *([^|]*[^| ]) *\|([^|]*)\|$")


def place_of(path):
    """src/tcp/x.c is the room tcp; a public header and the ledger stand for themselves."""
    parts = path.split("/")
    if parts[0] == "tests":
        return "tests"
    return f"`{parts[1]}`" if parts[0] == "src" else f"`{parts[-1]}`"


def citations():
    """RFC number -> the places that cite it: rooms, headers, the ledger; tests if nothing else."""
    places = {}
    paths = []
    for top in ("src", "include/lastack", "tests/unit"):
        for folder, _, names in os.walk(os.path.join(ROOT, top)):
            paths += [os.path.relpath(os.path.join(folder, n), ROOT) for n in names
                      if n.endswith((".c", ".h", ".def"))]
    paths.sort(key=lambda path: (not path.startswith("src"), path))
    for path in paths + ["docs/requirements.tsv"]:
        with open(os.path.join(ROOT, path), encoding="utf-8") as f:
            for number in re.findall(r"\bRFC[ -]?(\d+)", f.read()):
                where = places.setdefault(number, [])
                if place_of(path) not in where:
                    where.append(place_of(path))
    return {n: [w for w in where if w != "tests"] or where for n, where in places.items()}


def filled(page, places):
    lines = []
    for line in page.split("\n"):
        row = ROW.match(line)
        if row:
            where = ", ".join(places.get(row.group(1), []))
            line = f"| {row.group(1)} | {row.group(2)} | {where} |"
        lines.append(line)
    return "\n".join(lines)


def main(argv):
    places = citations()
    path = os.path.join(ROOT, PAGE)
    with open(path, encoding="utf-8") as f:
        before = f.read()
    after = filled(before, places)
    rows = [m.group(1) for m in map(ROW.match, before.split("\n")) if m]
    wrong = [f"{PAGE}:1: RFC {n} is cited in {' '.join(places[n])} and not listed; add its title"
             for n in sorted(set(places) - set(rows), key=int)]
    wrong += [f"{PAGE}:1: RFC {n} is cited nowhere; remove its row"
              for n in sorted(set(rows) - set(places), key=int)]
    if "--check" in argv and after != before:
        wrong.append(f"{PAGE}:1: the last column is out of date; run tools/rfcs.py")
    elif after != before:
        with open(path, "w", encoding="utf-8") as f:
            f.write(after)
    print("\n".join(wrong) or "rfcs: clean")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
