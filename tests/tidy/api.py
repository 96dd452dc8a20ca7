#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The shared library exports what the public headers declare: all of it and nothing else; and each
public header compiles alone, as C and as C++.

usage: api.py ROOT LIBRARY.so
"""
import os
import shutil
import subprocess
import sys

import tree

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "..", "tools"))
import symbols


def check_exports(root, library, findings):
    declared = {}
    for path in tree.files(root, ["include/lastack"], (".h",)):
        for name in symbols.declared_functions(tree.read(root, path)):
            declared[name] = path
    listing = subprocess.run(["nm", "-D", "--defined-only", library], capture_output=True,
                             text=True, check=True).stdout
    exported = {line.split()[-1].split("@")[0] for line in listing.split("\n") if line}
    for name in sorted(declared.keys() - exported):
        findings.add(declared[name], 1, f"{name}() is declared and not exported",
                     "define it, and put LA_API_BEGIN and LA_API_END around the declarations")
    for name in sorted(exported - declared.keys()):
        findings.add(library, 0, f"{name} is exported but in no public header",
                     "make it static or la_-internal; the map comes from tools/symbols.py")


def check_alone(root, findings):
    """The strictest flags that an embedder may use."""
    for compiler, language in (("cc", "c"), ("c++", "c++")):
        if shutil.which(compiler) is None:
            continue
        standard = "c11" if language == "c" else "c++17"
        for path in tree.files(root, ["include/lastack"], (".h",)):
            result = subprocess.run(
                [compiler, "-x", language, f"-std={standard}", "-Wall", "-Wextra", "-Werror",
                 "-fsyntax-only", "-Iinclude", "-include", path, "/dev/null"],
                cwd=root, capture_output=True, text=True, check=False)
            if result.returncode != 0:
                findings.add(path, 1, f"does not compile alone as {standard}: " +
                             result.stderr.strip().split("\n")[0], "include what it uses")


def main(argv):
    findings = tree.Findings()
    check_exports(argv[1], argv[2], findings)
    check_alone(argv[1], findings)
    return findings.finish("api")


if __name__ == "__main__":
    sys.exit(main(sys.argv))
