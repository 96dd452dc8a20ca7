#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""House style that a compiler does not check: lengths, headers, names, citations.

usage: style.py ROOT
"""
import os
import re
import sys

import tree

LINE_CHARS_MAX = 100
SCRIPT_LINE_CHARS_MAX = 120  # scripts quote commands and other scripts
FUNCTION_LINES_MAX = 80
FILE_LINES_WARN = 600
CORE = ("base", "wire", "proto", "tcp", "net", "stack", "sock", "explain")
# Value types (a number in a struct, so that it cannot be mixed up) are the only typedef'd structs.
TYPEDEF_STRUCTS = {"la_instant", "la_seq"}
# Conditions in core rooms beside include guards: what a debug build checks.
CONDITIONS = {"src/base/assert.h": {"LA_DEBUG"}}
# The one writer of a connection's state; a new record begins as CLOSED.
STATE_WRITER = "la_tcp_enter"
STATE_ROOMS = ("tcp", "stack", "sock")
LEFT_UNDONE = re.compile(r"\b(TO" r"DO|FIX" r"ME|XX" r"X)\b")

C_TOPS = ["src", "include", "tests", "examples", "bench"]


def check_lines(path, text, findings):
    chars_max = LINE_CHARS_MAX if path.endswith((".c", ".h")) else SCRIPT_LINE_CHARS_MAX
    for number, line in enumerate(text.split("\n"), 1):
        if len(line) > chars_max and not path.endswith(".def"):
            findings.add(path, number, f"{len(line)} characters",
                         f"break the line before {chars_max}")
        if "\t" in line:
            findings.add(path, number, "a tab", "use spaces")
        if line != line.rstrip():
            findings.add(path, number, "spaces at the end of the line", "remove them")
        if LEFT_UNDONE.search(line):
            findings.add(path, number, "work left undone", "finish it, or open an issue")
    if text and not text.endswith("\n"):
        findings.add(path, text.count("\n") + 1, "no newline at the end", "add one")


def check_conflicts(root, findings):
    """No merge was left half done, in documents and build files neither."""
    tops = [name for name in os.listdir(root) if not name.startswith("build")]
    for path in tree.files(root, sorted(tops), (".md", ".build", ".c", ".h", ".def", ".py", ".sh",
                                                ".scd", ".txt", ".tsv", "Makefile")):
        text = tree.read(root, path)
        for m in re.finditer(r"^(<{7}|>{7}) ", text, re.M):
            findings.add(path, text.count("\n", 0, m.start()) + 1, "a conflict marker of a merge",
                         "finish the merge")


def check_file_header(path, text, findings):
    """SPDX line, then the file's own name and what it is."""
    if path.endswith(".def"):
        if not text.startswith("/*"):
            findings.add(path, 1, "no comment at the top", "say what a line of it means")
        return
    name = path.split("/")[-1]
    if path.startswith("include/lastack/"):
        name = "lastack/" + name
    head = text.split("*/")[0]
    if not text.startswith("/* SPDX-License-Identifier: MIT\n"):
        findings.add(path, 1, "no SPDX line", "begin with /* SPDX-License-Identifier: MIT")
    elif not re.search(rf"^ \* {re.escape(name)} - \S", head, re.M):
        findings.add(path, 3, "the file header does not name the file",
                     f"write ' * {name} - what it is' as its third line")


def check_functions(path, text, findings):
    for name, start, end in tree.functions(text):
        if end - start - 1 > FUNCTION_LINES_MAX:
            findings.add(path, start, f"{name}() has {end - start - 1} lines",
                         f"split it: {FUNCTION_LINES_MAX} is the limit, 60 the aim")


def check_typedefs(path, code, findings):
    for m in re.finditer(r"\btypedef\s+(struct|union|enum)\b", code):
        rest = code[m.end():]
        body = (re.match(r"\s*\w*\s*\{[^{}]*\}\s*(\w+)", rest) or
                re.match(r"\s*\w+\s+(\w+)\s*;", rest))
        if body is None:  # a function or pointer type that mentions a struct
            continue
        name = body.group(1)
        if name not in TYPEDEF_STRUCTS:
            findings.add(path, code.count("\n", 0, m.start()) + 1,
                         f"typedef of {m.group(1)} {name}",
                         "write the kind out; only value types are typedef'd")


def guard_of(code):
    m = re.search(r"^#ifndef (\w+)\n#define \1$", code, re.M)
    return m.group(1) if m else None


def check_conditions(path, code, findings):
    """Core rooms have no configuration in the preprocessor."""
    if path.split("/")[0] != "src" or path.split("/")[1] not in CORE:
        return
    guard = guard_of(code)
    for m in re.finditer(r"^[ \t]*#[ \t]*(if|ifdef|ifndef|elif)\b[ \t]*(.*)$", code, re.M):
        if m.group(1) == "ifndef" and m.group(2).strip() == guard:
            continue
        if m.group(2).strip() in CONDITIONS.get(path, ()):
            continue
        findings.add(path, code.count("\n", 0, m.start()) + 1, f"#{m.group(1)} in a core room",
                     "make it a run-time choice of the instance's configuration")


def check_state_writer(path, text, findings):
    parts = path.split("/")
    if parts[0] != "src" or parts[1] not in STATE_ROOMS:
        return
    code = tree.without_comments_and_strings(text)
    spans = list(tree.functions(text))
    for m in re.finditer(r"->\s*state\s*=(?!=)\s*(\w*;?)", code):
        line = code.count("\n", 0, m.start()) + 1
        inside = [name for name, start, end in spans if start <= line <= end]
        begins = m.group(1) == "LA_TCP_CLOSED;" and inside and inside[0].endswith("_init")
        if inside != [STATE_WRITER] and not begins:
            findings.add(path, line, f"{inside[0] if inside else 'a macro'} writes a state",
                         f"raise an event through {STATE_WRITER}(), the only writer")


def check_deviations(root, findings):
    """DEVIATION(Dn) in the code and the rows of the document are the same set."""
    marks, rows = {}, {}
    for path in tree.files(root, ["src", "include"], (".c", ".h", ".def")):
        text = tree.read(root, path)
        for m in re.finditer(r"DEVIATION\((D\d+)\)", text):
            marks.setdefault(m.group(1), (path, text.count("\n", 0, m.start()) + 1))
    for path in tree.files(root, ["docs/deviations.md", "docs/conformance.md"], (".md",)):
        text = tree.read(root, path)
        for m in re.finditer(r"^(?:#+ |\| *)(D\d+)\b", text, re.M):
            rows.setdefault(m.group(1), (path, text.count("\n", 0, m.start()) + 1))
    for name, (path, line) in sorted(marks.items()):
        if name not in rows:
            findings.add(path, line, f"deviation {name} is not in the docs",
                         "describe it in docs/deviations.md")
    for name, (path, line) in sorted(rows.items()):
        if name not in marks:
            findings.add(path, line, f"deviation {name} is marked nowhere in the code",
                         f"mark the place with DEVIATION({name}), or drop the row")


def check_rfcs(root, findings):
    """Every RFC that the code cites stands in docs/rfcs.md, with its title."""
    titles = dict(re.findall(r"^\| *(\d+) *\| *([^|]*[^| ]) *\|", tree.read(root, "docs/rfcs.md"),
                             re.M))
    for path in tree.files(root, ["src", "include", "tests/unit"], (".c", ".h", ".def")):
        text = tree.read(root, path)
        for m in re.finditer(r"\bRFC[ -]?(\d+)", text):
            if m.group(1) not in titles:
                findings.add(path, text.count("\n", 0, m.start()) + 1,
                             f"RFC {m.group(1)} is not in docs/rfcs.md",
                             "add its number, title and where it is used")


def check_file(path, text, findings):
    check_lines(path, text, findings)
    check_file_header(path, text, findings)
    check_functions(path, text, findings)
    code = tree.without_comments_and_strings(text)
    check_typedefs(path, code, findings)
    check_conditions(path, code, findings)
    check_state_writer(path, text, findings)


def check(root, findings):
    for path in tree.files(root, C_TOPS, (".c", ".h", ".def")):
        text = tree.read(root, path)
        check_file(path, text, findings)
        if text.count("\n") > FILE_LINES_WARN:
            print(f"{path}:1: warning: {text.count(chr(10))} lines; is it still one noun?")
    scripts = tree.files(root, ["tests", "tools", ".ci", "bench"], (".py", ".sh", "run"))
    for path in scripts:
        text = tree.read(root, path)
        check_lines(path, text, findings)
        if "SPDX-License-Identifier: MIT" not in "".join(text.split("\n")[:3]):
            findings.add(path, 1, "no SPDX line", "add # SPDX-License-Identifier: MIT")
    check_conflicts(root, findings)
    check_deviations(root, findings)
    check_rfcs(root, findings)


def main(argv):
    findings = tree.Findings()
    check(tree.root_from(argv), findings)
    return findings.finish("style")


if __name__ == "__main__":
    sys.exit(main(sys.argv))
