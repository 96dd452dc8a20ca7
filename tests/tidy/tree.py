# SPDX-License-Identifier: MIT
"""What the tidy tests share: the files of a tree, C text without comments, and findings."""
import os
import re
import sys

SKIP_DIRS = {"build", ".git", "__pycache__"}


class Findings:
    """What is wrong, where, and how to mend it."""

    def __init__(self):
        self.lines = []

    def add(self, path, line, what, mend):
        self.lines.append(f"{path}:{line}: {what}; {mend}")

    def finish(self, title):
        """Prints everything; the exit status for main()."""
        for line in self.lines:
            print(line)
        if self.lines:
            print(f"{title}: {len(self.lines)} findings")
            return 1
        print(f"{title}: clean")
        return 0


def files(root, tops, endings):
    """Paths below root/top with one of the endings, relative to root, sorted."""
    found = []
    for top in tops:
        start = os.path.join(root, top)
        if os.path.isfile(start) and start.endswith(endings):
            found.append(top)
        for folder, dirs, names in os.walk(start):
            dirs[:] = sorted(d for d in dirs if d not in SKIP_DIRS and not d.startswith("build"))
            for name in sorted(names):
                if name.endswith(endings):
                    found.append(os.path.relpath(os.path.join(folder, name), root))
    return found


def read(root, path):
    with open(os.path.join(root, path), encoding="utf-8") as f:
        return f.read()


def _blank(match):
    return re.sub(r"[^\n]", " ", match.group(0))


COMMENT = re.compile(r'"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'|/\*.*?\*/|//[^\n]*', re.S)


def without_comments(text):
    """Comments become spaces; line numbers and columns stay."""
    return COMMENT.sub(lambda m: _blank(m) if m.group(0).startswith("/") else m.group(0), text)


def without_comments_and_strings(text):
    return COMMENT.sub(_blank, text)


FUNCTION_HEAD = re.compile(r"^([a-z_]\w*)\(")


def functions(text):
    """(name, line of the opening brace, line of the closing one), 1-based, in the house's form:
    name at column 0, both braces at column 0."""
    name, start = None, None
    for number, line in enumerate(without_comments_and_strings(text).split("\n"), 1):
        head = FUNCTION_HEAD.match(line)
        if head and start is None:
            name = head.group(1)
        elif line.startswith("{") and name is not None:
            start = number
        elif line.startswith("}"):
            if start is not None:
                yield name, start, number
            name, start = None, None


def root_from(argv):
    return argv[1] if len(argv) > 1 else os.path.join(os.path.dirname(__file__), "..", "..")


def skip(why):
    """Status 77 is "skipped" to Meson."""
    print(f"skipped: {why}")
    sys.exit(77)
