# SPDX-License-Identifier: MIT
"""A small clean tree in a temporary folder, for tests that plant one fault in it."""
import os
import tempfile
import unittest

import tree

LAYERS = """base core:
wire core: base
link: base lastack/stack.h
stack core: base wire
cli: *
@base: base.h
@stack: stack.h
"""

CLEAN = {
    "tools/layers.txt": LAYERS,
    "docs/architecture.md": "| `base` | octets | |\n| `wire` | codecs | base |\n"
                            "| `link` | links | base `lastack/stack.h` |\n"
                            "| `stack` | an instance | base wire |\n"
                            "| `cli` | commands | everything |\n",
    "docs/rfcs.md": "| 791 | Internet Protocol | wire |\n",
    "docs/deviations.md": "## D1: one\n",
    "include/lastack/base.h": "/* SPDX-License-Identifier: MIT\n *\n * lastack/base.h - v\n */\n"
                              "#ifndef B_H\n#define B_H\n\n/* The answer. */\n"
                              "int la_one(void);\n\n#endif\n",
    "include/lastack/stack.h": "/* SPDX-License-Identifier: MIT\n *\n * lastack/stack.h - s\n */\n"
                               "#include <lastack/base.h>\n\n/* Works. */\nint la_stack_x(void);\n",
    "src/base/one.c": "/* SPDX-License-Identifier: MIT\n *\n * one.c - one (RFC 791)\n */\n"
                      "#include <lastack/base.h>\n\n/* DEVIATION(D1) */\nint\nla_one(void)\n{\n"
                      "    return 1;\n}\n",
    "src/link/wire.c": "/* SPDX-License-Identifier: MIT\n *\n * wire.c - a wire\n */\n"
                       "#include <stdlib.h>\n#include <lastack/stack.h>\n",
    "src/cli/command.c": "/* SPDX-License-Identifier: MIT\n *\n * command.c - the table\n */\n"
                         "static struct c commands[] = {\n"
                         "    {\"run\", \"run a program\", la_cli_run},\n};\n",
    "README.md": "# It\n\nSee [docs](docs/rfcs.md) and `make check`, `lastack run`.\n",
    "Makefile": "check:\n\ttrue\n",
    "docs/man/lastack.1.scd": "lastack(1)\n\nlastack-run(1)\n",
    "docs/man/lastack-run.1.scd": "lastack-run(1)\n\n*-q*, *--quick*\n\tNot --slow.\n",
    ".clang-format": "BasedOnStyle: LLVM\nBreakBeforeBraces: Linux\nIndentWidth: 4\n"
                     "AlwaysBreakAfterDefinitionReturnType: All\nSortIncludes: false\n",
}


class PlantedTest(unittest.TestCase):
    """Subclasses set `check(root, findings)`."""

    def setUp(self):
        self._folder = tempfile.TemporaryDirectory()
        self.addCleanup(self._folder.cleanup)
        self.root = self._folder.name
        for path, text in CLEAN.items():
            self.plant(path, text)

    def plant(self, path, text):
        full = os.path.join(self.root, path)
        os.makedirs(os.path.dirname(full), exist_ok=True)
        with open(full, "w", encoding="utf-8") as f:
            f.write(text)

    def append(self, path, text):
        self.plant(path, CLEAN[path] + text)

    def findings(self):
        found = tree.Findings()
        self.check(self.root, found)
        return found.lines

    def assert_clean(self):
        self.assertEqual(self.findings(), [])

    def assert_finds(self, where, what):
        """Exactly one finding, at that place, and with a remedy."""
        lines = self.findings()
        self.assertEqual(len(lines), 1, lines)
        self.assertTrue(lines[0].startswith(where), lines[0])
        self.assertIn(what, lines[0])
        self.assertIn("; ", lines[0])
