#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Every .c file is as clang-format would leave it.

usage: format.py ROOT
"""
import os
import re
import shutil
import subprocess
import sys

import tree

TOPS = ["src", "tests", "examples", "bench"]


def check(root, clang_format, findings):
    paths = tree.files(root, TOPS, (".c",))
    if not paths:
        return
    result = subprocess.run([clang_format, "--dry-run", "--style=file", *paths], cwd=root,
                            capture_output=True, text=True, check=False)
    seen = set()
    for m in re.finditer(r"^([^:\n]+):(\d+):\d+: (?:warning|error): (.*)$", result.stderr, re.M):
        if m.group(1) not in seen:  # the first place in a file is enough
            seen.add(m.group(1))
            findings.add(m.group(1), m.group(2), "not as clang-format leaves it",
                         f"run clang-format -i {m.group(1)}")
    if result.returncode != 0 and not seen:
        findings.add(".clang-format", 1, result.stderr.strip()[:200], "mend the configuration")


def main(argv):
    clang_format = shutil.which("clang-format")
    if clang_format is None:
        tree.skip("clang-format is missing (make check installs it)")
    findings = tree.Findings()
    check(os.path.abspath(tree.root_from(argv)), clang_format, findings)
    return findings.finish("format")


if __name__ == "__main__":
    sys.exit(main(sys.argv))
