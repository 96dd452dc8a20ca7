#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The linker's symbol map, from the public headers: what they declare is exported, nothing else.

usage: symbols.py HEADER... > lastack.map
"""
import re
import sys


def declared_functions(text):
    """Names of the functions that a header declares; static inline ones have no symbol."""
    text = re.sub(r"/\*.*?\*/", " ", text, flags=re.S)
    text = re.sub(r"^[ \t]*#(?:.*\\\n)*.*$", "", text, flags=re.M)
    text = re.sub(r"^LA_API_(?:BEGIN|END)$", "", text, flags=re.M)
    text = re.sub(r"__attribute__\s*\(\([^()]*\)\)|LA_MUST_CHECK", " ", text)
    flat, depth = [], 0
    for ch in text:
        if ch == "}":
            depth -= 1
            if depth == 0:
                flat.append(" {} ")
            continue
        if ch == "{":
            depth += 1
        elif depth == 0:
            flat.append(ch)
    names = []
    for part in re.split(r";", "".join(flat)):
        part = part.rsplit("{}", 1)[-1] if "static inline" in part else part
        if "typedef" in part or "static inline" in part:
            continue
        found = re.search(r"[\w*]\s+\**\s*(la_\w+)\s*\(", part)
        if found:
            names.append(found.group(1))
    return names


def main(paths):
    names = set()
    for path in paths:
        with open(path, encoding="utf-8") as header:
            names.update(declared_functions(header.read()))
    print("{\n  global:")
    for name in sorted(names):
        print(f"    {name};")
    print("  local:\n    *;\n};")


if __name__ == "__main__":
    main(sys.argv[1:])
