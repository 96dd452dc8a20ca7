#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The ladder as people see it, against tests/golden/story/; and what docs/ladder.md quotes.

usage: golden.py SHOW FOLDER [--update]     (SHOW: build/tests/unit/story/story_show)

--update writes the files anew: look at the difference before you commit it. The
page is mended by hand.
"""
import difflib
import os
import re
import subprocess
import sys

WIDTHS = (80, 200)
VARIANTS = [  # file name, arguments
    ("simple.60.txt", ["simple", "60"]),
    ("simple.100.ascii.txt", ["simple", "100", "ladder", "ascii"]),
    ("simple.100.color.txt", ["simple", "100", "ladder", "color"]),
    ("simple.100.absolute-linux.txt", ["simple", "100", "ladder", "absolute,linux"]),
    ("tap.100.one.txt", ["tap", "100", "ladder", "one"]),
    ("rto.json", ["rto", "80", "json"]),
]


def cases(show):
    names = subprocess.run([show], capture_output=True, text=True, check=True).stdout.split()
    for name in names:
        for width in WIDTHS:
            yield f"{name}.{width}.txt", [name, str(width)]
    yield from VARIANTS


def stale_quotes(show, page):
    """Blocks of the page that no scene shows at 100 columns; what explains is no quote."""
    shown = ""
    for scene in ("rto", "bulk", "interleaved"):
        shown += subprocess.run([show, scene, "100"], capture_output=True,
                                check=True).stdout.decode("utf-8")
    with open(page, encoding="utf-8") as f:
        blocks = re.findall(r"^```\n(.*?)^```$", f.read(), re.S | re.M)
    return [b for b in blocks if b not in shown and "arrow with" not in b]


def main(argv):
    show, folder = argv[1], argv[2]
    update = "--update" in argv
    bad = 0
    known = set()
    for name, args in cases(show):
        known.add(name)
        path = os.path.join(folder, name)
        got = subprocess.run([show, *args], capture_output=True, check=True).stdout.decode("utf-8")
        if update:
            with open(path, "w", encoding="utf-8") as f:
                f.write(got)
            continue
        wanted = ""
        if os.path.exists(path):
            with open(path, encoding="utf-8") as f:
                wanted = f.read()
        if got != wanted:
            bad += 1
            sys.stdout.writelines(difflib.unified_diff(wanted.splitlines(True),
                                                       got.splitlines(True), path, "now"))
    for name in sorted(set(os.listdir(folder)) - known):
        bad += 1
        print(f"{os.path.join(folder, name)}: no scene makes this file; remove it")
    for block in stale_quotes(show, os.path.join(folder, "..", "..", "..", "docs", "ladder.md")):
        bad += 1
        print(f"docs/ladder.md quotes what is not shown any more:\n{block}")
    if bad:
        print(f"{bad} files differ; if that is meant: {argv[0]} {show} {folder} --update")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
