#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Plays every script of a folder; each must say first which RFC it was written from.

usage: play.py PROGRAM FOLDER [OPTION...]       (options of `lastack drill`)
"""
import glob
import os
import re
import subprocess
import sys


def heads(paths):
    """The scripts whose first lines do not name what they test."""
    bad = []
    for path in paths:
        with open(path, encoding="utf-8") as file:
            if not re.match(r"// (RFC \d+|draft-[a-z0-9-]+|POSIX|Linux)\b", file.readline()):
                bad.append(path)
    return bad


def main(argv):
    program, folder, options = argv[1], argv[2], argv[3:]
    paths = sorted(glob.glob(os.path.join(folder, "*.pkt")))
    if not paths:
        print(f"no scripts in {folder}")
        return 1
    bad = heads(paths)
    for path in bad:
        print(f"{path}:1: begin with '// RFC NNNN SECTION: what it says'")
    done = subprocess.run([program, "drill", "-j", "2", *options, *paths], check=False)
    return 1 if bad else done.returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv))
