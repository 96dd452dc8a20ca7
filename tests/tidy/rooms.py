#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The one-way arrows between the rooms of src/, by includes and by linked symbols.

usage: rooms.py ROOT includes
       rooms.py ROOT symbols LIBRARY...       (libNAME.a of each room, from a plain -O2 build)
       rooms.py ROOT core OBJECT              (all core rooms but explain, optimised as a whole)
"""
import os
import re
import subprocess
import sys

import tree

ARCHITECTURE = "docs/architecture.md"

SYSTEM_HEADERS_CORE = {"limits.h", "stdalign.h", "stdbool.h", "stddef.h", "stdint.h", "string.h"}
CALLS_CORE = {"memcpy", "memmove", "memset", "memcmp", "la_assert_failed"}
# Emitted by the compiler or the linker's rules, not by the source: the offset table of position
# independent code, and 64-bit division on 32-bit machines.
CALLS_COMPILER = re.compile(r"_GLOBAL_OFFSET_TABLE_$|_?\.TOC\.$|__u?(?:div|mod|divmod)[sdt]i[34]$")
INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*([<"])([^>"]+)[>"]', re.M)


class Layers:
    """tools/layers.txt."""

    def __init__(self, root):
        self.root = root
        self.may = {}
        self.core = set()
        self.owner = {}
        for line in tree.read(root, "tools/layers.txt").split("\n"):
            line = line.split("#")[0].strip()
            if not line:
                continue
            left, right = line.split(":")
            if left.startswith("@"):
                for name in right.split():
                    self.owner["lastack/" + name] = left[1:]
                continue
            room, *marks = left.split()
            self.may[room] = right.split()
            if "core" in marks:
                self.core.add(room)

    def closure(self, header):
        """A public header and the public headers that it includes, directly or not."""
        seen, todo = set(), [header]
        while todo:
            name = todo.pop()
            if name in seen or not os.path.exists(os.path.join(self.root, "include", name)):
                continue
            seen.add(name)
            todo += [m.group(2) for m in INCLUDE.finditer(tree.read(self.root, "include/" + name))]
        return seen

    def allows_header(self, room, header):
        """May `room` include the public header <lastack/...>?"""
        words = self.may[room]
        owner = self.owner.get(header)
        if "*" in words or owner == room or owner in words:
            return True
        return any(header in self.closure(w) for w in words if "/" in w)

    def allows_room(self, room, other):
        return room == other or other in self.may[room] or "*" in self.may[room]


def included_room(layers, path, name):
    """The room that an include of "room/file.h" or <lastack/file.h> leads to, None: no room."""
    head = name.split("/")[0]
    if head == "lastack":
        return layers.owner.get(name)
    if "/" in name:
        return head if head in layers.may else None
    return path.split("/")[1]


def check_include(layers, room, path, line, quote, name, findings):
    mend = f"tools/layers.txt lets {room} use: {' '.join(layers.may[room]) or 'nothing'}"
    if name.startswith("lastack/"):
        if name not in layers.owner:
            findings.add(path, line, f"<{name}> has no owner", "add it to tools/layers.txt")
        elif not layers.allows_header(room, name):
            findings.add(path, line, f"room {room} includes <{name}> of {layers.owner[name]}", mend)
    elif quote == "<":
        if room in layers.core and name not in SYSTEM_HEADERS_CORE:
            findings.add(path, line, f"core room {room} includes <{name}>",
                         "core rooms take what they need as arguments")
    else:
        other = included_room(layers, path, name)
        if other is None:
            findings.add(path, line, f'"{name}" is in no room of tools/layers.txt',
                         'include "room/file.h"')
        elif not layers.allows_room(room, other):
            findings.add(path, line, f'room {room} includes "{name}" of {other}', mend)


def check_table(root, layers, findings):
    """The table of rooms for readers says what tools/layers.txt says."""
    told = {}
    for line, row in enumerate(tree.read(root, ARCHITECTURE).split("\n"), 1):
        m = re.match(r"\| `(\w+)` \|.*\|([^|]*)\|$", row)
        if m:
            told[m.group(1)] = line
            may = m.group(2).replace("`", "").replace("everything", "*").split()
            if sorted(may) != sorted(layers.may.get(m.group(1), [])):
                findings.add(ARCHITECTURE, line, f"room {m.group(1)} may use something else",
                             f"tools/layers.txt: {' '.join(layers.may.get(m.group(1), []))}")
    for room in layers.may.keys() - told.keys():
        findings.add(ARCHITECTURE, 1, f"room {room} is not in the table", "write its row")


def check_includes(root, findings):
    layers = Layers(root)
    check_table(root, layers, findings)
    paths = tree.files(root, ["src"], (".c", ".h", ".def"))
    public = tree.files(root, ["include/lastack"], (".h", ".def"))
    for path in paths + public:
        if path in public:
            name = path[len("include/"):]
            if name not in layers.owner:
                findings.add(path, 1, "a public header without an owner",
                             "add it to tools/layers.txt")
                continue
            room = layers.owner[name]
        else:
            room = path.split("/")[1]
        if path.count("/") < 2 or room not in layers.may:
            findings.add(path, 1, "a file in no room of tools/layers.txt", "move it to a room")
            continue
        text = tree.read(root, path)
        for m in INCLUDE.finditer(tree.without_comments(text)):
            line = text.count("\n", 0, m.start()) + 1
            check_include(layers, room, path, line, m.group(1), m.group(2), findings)


def run(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def symbols(library):
    """(defined, undefined) of an archive; undefined maps a symbol to the object that wants it."""
    defined, undefined = set(), {}
    for line in run("nm", "-A", "-g", library).split("\n"):
        parts = line.split()
        if len(parts) < 2:
            continue
        where, kind, name = parts[0], parts[-2], parts[-1]
        if kind in "Uw":
            undefined.setdefault(name, re.sub(r".*?([^:/]+\.o):.*", r"\1", where))
        else:
            defined.add(name)
    return defined, {n: o for n, o in undefined.items() if n not in defined}


def writable_bytes(library):
    """Sections of the archive that can change at run time: (section, bytes)."""
    for line in run("size", "-A", library).split("\n"):
        parts = line.split()
        if len(parts) == 3 and re.match(r"\.(t?data|t?bss)(\.(?!rel\.ro)|$)", parts[0]):
            if int(parts[1]) > 0:
                yield parts[0], int(parts[1])


def room_of_library(path):
    return re.sub(r"^lib|\.a$", "", os.path.basename(path))


def declared_in(root, headers):
    sys.path.insert(0, os.path.join(root, "tools"))
    import symbols as names
    found = set()
    for header in headers:
        found.update(names.declared_functions(tree.read(root, "include/" + header)))
    return found


def allowed_symbols(layers, room, defined):
    """la_* symbols of the rooms and headers in a room's row."""
    allowed = set()
    for word in layers.may[room]:
        if "/" in word:
            allowed |= declared_in(layers.root, layers.closure(word))
        else:
            allowed |= defined.get(word, set())
    return allowed


def check_symbols(root, libraries, findings):
    layers = Layers(root)
    by_room = {room_of_library(path): path for path in libraries}
    table = {room: symbols(path) for room, path in by_room.items()}
    defined = {room: pair[0] for room, pair in table.items()}
    for room, (_, undefined) in sorted(table.items()):
        if room not in layers.may:
            findings.add(by_room[room], 0, "a library of no room", "name it after its room")
            continue
        if "*" in layers.may[room]:
            continue
        allowed = allowed_symbols(layers, room, defined)
        for name, where in sorted(undefined.items()):
            if name.startswith("la_") and name != "la_assert_failed":
                if name not in allowed:
                    owner = next((r for r in defined if name in defined[r]), "no room")
                    findings.add(f"src/{room}/{where}", 0, f"{room} calls {name} of {owner}",
                                 f"tools/layers.txt lets it use: {' '.join(layers.may[room])}")
            elif room in layers.core and name not in CALLS_CORE and not CALLS_COMPILER.match(name):
                findings.add(f"src/{room}/{where}", 0, f"core room {room} calls {name}",
                             f"core rooms may call only {' '.join(sorted(CALLS_CORE))}")
        if room in layers.core:
            for section, size in writable_bytes(by_room[room]):
                findings.add(f"src/{room}", 0, f"core room {room} has {size} octets in {section}",
                             "no globals that change: make it const, or part of an instance")


def check_core(path, findings):
    """The core as one object, as the library has it."""
    defined, undefined = symbols(path)
    for name in sorted(undefined):
        if name not in CALLS_CORE and not CALLS_COMPILER.match(name):
            findings.add(path, 0, f"the core calls {name}",
                         f"it may call only {' '.join(sorted(CALLS_CORE))}")
    for name in sorted(defined):
        if not name.startswith("la_"):
            findings.add(path, 0, f"{name} is seen by whoever links the library",
                         "make it static, or begin its name with la_")
    for section, size in writable_bytes(path):
        findings.add(path, 0, f"the core has {size} octets in {section}",
                     "no globals that change: make it const, or part of an instance")


def main(argv):
    root, what = argv[1], argv[2]
    findings = tree.Findings()
    if what == "includes":
        check_includes(root, findings)
    elif what == "core":
        check_core(argv[3], findings)
    else:
        check_symbols(root, argv[3:], findings)
    return findings.finish(f"rooms ({what})")


if __name__ == "__main__":
    sys.exit(main(sys.argv))
