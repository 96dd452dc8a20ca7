#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The documents agree with the tree: links, commands, man pages, header comments.

usage: docs.py ROOT [PROGRAM]          (PROGRAM: build/lastack, asked for its commands)
"""
import os
import re
import subprocess
import sys

import tree

LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")


def without_code(text):
    """Fenced blocks and `code` become spaces: what looks like a link there is none."""
    blank = lambda m: re.sub(r"[^\n]", " ", m.group(0))
    text = re.sub(r"^```.*?^```", blank, text, flags=re.S | re.M)
    return re.sub(r"`[^`\n]*`", blank, text)


def anchors(text):
    """The names that headings get on a page."""
    found = set()
    for title in re.findall(r"^#+ (.*)$", text, re.M):
        name = re.sub(r"[^\w\- ]", "", re.sub(r"[`*]", "", title).strip().lower())
        found.add(name.replace(" ", "-"))
    return found


def markdown(root):
    tops = [n for n in os.listdir(root) if n.endswith(".md")] + ["docs", "tests", "bench"]
    return tree.files(root, sorted(tops), (".md",))


def check_links(root, findings):
    for path in markdown(root):
        text = tree.read(root, path)
        for m in LINK.finditer(without_code(text)):
            line = text.count("\n", 0, m.start()) + 1
            target, _, anchor = m.group(1).partition("#")
            if re.match(r"[a-z]+:", target):
                continue
            file = os.path.normpath(os.path.join(os.path.dirname(path), target)) if target else path
            if not os.path.exists(os.path.join(root, file)):
                findings.add(path, line, f"link to {target}, which does not exist", "mend the link")
            elif anchor and file.endswith(".md") and anchor not in anchors(tree.read(root, file)):
                findings.add(path, line, f"no heading #{anchor} in {file}", "mend the link")


def commands_of(program):
    """The commands that `lastack --help` lists."""
    text = subprocess.run([program, "--help"], capture_output=True, text=True, check=True).stdout
    part = text.split("\ncommands:\n", 1)
    return re.findall(r"^  (\w+)\s", part[1], re.M) if len(part) == 2 else []


def check_man_pages(root, commands, findings):
    for name in commands:
        page = f"docs/man/lastack-{name}.1.scd"
        if not os.path.exists(os.path.join(root, page)):
            findings.add(page, 1, f"no man page for `lastack {name}`",
                         "write it (see lastack.1.scd)")
        elif f"lastack-{name}" not in tree.read(root, "docs/man/lastack.1.scd"):
            findings.add("docs/man/lastack.1.scd", 1, f"lastack-{name}(1) is not mentioned",
                         "add it to COMMANDS and SEE ALSO")
    for page in tree.files(root, ["docs/man"], (".scd",)):
        name = re.match(r"docs/man/lastack-(\w+)\.1\.scd", page)
        if name and name.group(1) not in commands:
            findings.add(page, 1, "a man page of no command", "remove it, or add the command")


def help_of(program, *words):
    done = subprocess.run([program, *words, "--help"], capture_output=True, text=True, check=False)
    return done.stdout if done.returncode == 0 else ""


def long_options(text):
    """--name, wherever it stands; --name-up and --name-down are the same for one direction."""
    names = re.findall(r"(?<![\w-])--[a-z][\w-]*", text)
    return {re.sub(r"-(up|down)$", "", name) for name in names}


def short_options(text, begin):
    """-x, where options are described: pieces of lines that begin so."""
    pieces = [p for line in text.split("\n") for p in re.split(r"(?<=\S)  +", line)]
    return {o for p in pieces if re.match(begin, p)
            for o in re.findall(r"(?<![\w-])-[A-Za-z](?![\w-])", p)}


def check_options(root, program, commands, findings):
    """What --help says of options the man page says as well, and nothing else."""
    for name in commands:
        page = f"docs/man/lastack-{name}.1.scd"
        if not os.path.exists(os.path.join(root, page)):
            continue
        man = tree.read(root, page).replace("\\", "")
        said = help_of(program, name)
        for below in re.findall(rf"^ +lastack {name} (\w+) .*--help", said, re.M):
            said += help_of(program, name, below)
        here = long_options(said) | short_options(said, r" *-")
        there = long_options(man) | short_options(man, r"\*-")
        for option in sorted(here - there):
            findings.add(page, 1, f"{option} is in --help, not here", "describe it")
        for option in sorted(there - here):
            findings.add(page, 1, f"{option} is here, not in --help", "mend the one that is wrong")


def code_of(text):
    """Lines of fenced blocks and pieces of `code`, with their line numbers."""
    fenced = False
    for number, line in enumerate(text.split("\n"), 1):
        if line.startswith("```"):
            fenced = not fenced
        elif fenced:
            yield number, line
        else:
            for piece in re.findall(r"`([^`]+)`", line):
                yield number, piece


def check_commands(root, findings):
    """`make X` and `lastack X` in the documents exist."""
    targets = set(re.findall(r"^([a-z]+):", tree.read(root, "Makefile"), re.M))
    table = re.findall(r'^    \{"(\w+)", "', tree.read(root, "src/cli/command.c"), re.M)
    for path in markdown(root):
        for number, code in code_of(tree.read(root, path)):
            m = re.match(r"\s*(?:\$ )?make ([a-z]+)\b", code)
            if m and m.group(1) not in targets:
                findings.add(path, number, f"`make {m.group(1)}` is no target of the Makefile",
                             "mend the document or the Makefile")
            m = re.match(r"\s*(?:\$ )?(?:build/)?lastack ([a-z]+)\b", code)
            if m and m.group(1) not in table + ["help"]:
                findings.add(path, number, f"`lastack {m.group(1)}` is no command",
                             "mend the document")


def check_ladders(root, findings):
    """README's ladder is one, of the command that stands above it."""
    text = tree.read(root, "README.md")
    blocks = [m for m in re.finditer(r"^```\n(.*?)^```", text, re.S | re.M) if "──" in m.group(1)]
    for m in blocks:
        line = text.count("\n", 0, m.start()) + 2
        command = m.group(1).split("\n")[0]
        port = re.search(r" server \S+:([0-9]+) ─", m.group(1))
        if not command.startswith("$ lastack "):
            findings.add("README.md", line, "a ladder without its command",
                         "write the command above it, and run tools/readme.py")
        elif port and f":{port.group(1)}/" not in command:
            findings.add("README.md", line, "a ladder of another command", "run tools/readme.py")
    if len(blocks) > 1:
        findings.add("README.md", text.count("\n", 0, blocks[1].start()) + 1, "a second ladder",
                     "one is enough")


def check_header_comments(root, findings):
    """Every public function has a comment, alone or with the group of lines that it stands in."""
    for path in tree.files(root, ["include/lastack"], (".h",)):
        text = tree.read(root, path)
        code = tree.without_comments(text).split("\n")
        lines = text.split("\n")
        for number, line in enumerate(code, 1):
            m = re.match(r"(?!typedef|#|\s)[\w *]+?\b(la_\w+)\(", line)
            if m is None:
                continue
            at = number - 1
            while at >= 0 and lines[at].strip():
                if code[at].strip() != lines[at].strip():
                    break
                at -= 1
            if at < 0 or not lines[at].strip():
                findings.add(path, number, f"{m.group(1)}() has no comment",
                             "write its contract above it")


def check_security(root, findings):
    """Each test that docs/security.md names exists, and each row names one."""
    path = "docs/security.md"
    if not os.path.exists(os.path.join(root, path)):
        return
    known = set()
    for file in tree.files(root, ["tests"], (".c",)):
        known.update(re.findall(r"^(test_\w+)\(", tree.read(root, file), re.M))
    for line, row in enumerate(tree.read(root, path).splitlines(), 1):
        if not row.startswith("| ") or row.startswith("| attack "):
            continue
        named = re.findall(r"`(test_\w+)`", row)
        for name in named:
            if name not in known:
                findings.add(path, line, f"no test {name}", "name one that exists")
        if not named:
            findings.add(path, line, "an attack without a test", "name the test")


def check(root, program, findings):
    commands = commands_of(program) if program else None
    check_links(root, findings)
    check_commands(root, findings)
    check_header_comments(root, findings)
    check_ladders(root, findings)
    check_security(root, findings)
    if commands is not None:
        check_man_pages(root, commands, findings)
        check_options(root, program, commands, findings)


def main(argv):
    findings = tree.Findings()
    check(tree.root_from(argv), argv[2] if len(argv) > 2 else None, findings)
    return findings.finish("docs")


if __name__ == "__main__":
    sys.exit(main(sys.argv))
