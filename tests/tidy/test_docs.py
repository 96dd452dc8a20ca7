#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""docs.py finds what is planted."""
import os
import unittest

import docs
import planted


class Docs(planted.PlantedTest):
    commands = "  run        run a program\n"
    options = "  -q, --quick    not slow (--slow)\n"

    def check(self, root, findings):
        program = os.path.join(root, "lastack")
        with open(program, "w", encoding="utf-8") as f:
            f.write(f"#!/bin/sh\ncase $1 in run) cat <<'E'\n{self.options}E\n;; *) cat <<'E'\n"
                    f"usage\n\ncommands:\n{self.commands}E\nesac\n")
        os.chmod(program, 0o755)
        docs.check(root, program, findings)

    def test_clean(self):
        self.assert_clean()

    def test_broken_link(self):
        self.append("README.md", "[x](docs/none.md)\n")
        self.assert_finds("README.md:4:", "link to docs/none.md")

    def test_broken_anchor(self):
        self.append("README.md", "[x](#it) [y](#nowhere)\n")
        self.assert_finds("README.md:4:", "no heading #nowhere")

    def test_link_in_code_is_none(self):
        self.append("README.md", "```\n[x](none.md)\n```\n")
        self.assert_clean()

    def test_unknown_target(self):
        self.append("README.md", "```\nmake coffee\n```\n")
        self.assert_finds("README.md:5:", "`make coffee`")

    def test_unknown_command(self):
        self.append("README.md", "Type `lastack fly me`.\n")
        self.assert_finds("README.md:4:", "`lastack fly`")

    def test_one_ladder_is_enough(self):
        ladder = "── #1  client 10.77.0.2:1  server 10.77.0.1:8125 ───\n"
        block = f"```\n$ lastack run -- curl http://127.0.0.1:8125/x\n{ladder}```\n"
        self.append("README.md", block)
        self.assert_clean()
        self.append("README.md", block + block)
        self.assert_finds("README.md:8:", "a second ladder")

    def test_ladder_of_another_command_or_of_none(self):
        ladder = "── #1  client 10.77.0.2:1  server 10.77.0.1:8125 ───\n"
        self.append("README.md", f"```\n$ lastack run -- curl http://127.0.0.1:80/x\n{ladder}```\n")
        self.assert_finds("README.md:5:", "another command")
        self.append("README.md", f"```\n{ladder}```\n")
        self.assert_finds("README.md:5:", "without its command")

    def test_options_of_help_and_page(self):
        self.append("docs/man/lastack-run.1.scd", "*-q*, *--quick*\n\tNot --slow, -z is no option.\n")
        self.assert_clean()
        for page, what in (("*-q*, *--quick*\n", "--slow is in --help, not here"),
                           ("*--quick*, *--slow*\n", "-q is in --help, not here"),
                           ("*-q*, *-x*, *--quick*, --slow-up\n", "-x is here, not in --help"),
                           ("*-q*, *--quick*\n\t--slow --loud\n", "--loud is here, not in --help")):
            self.plant("docs/man/lastack-run.1.scd", "lastack-run(1)\n\n" + page)
            self.assert_finds("docs/man/lastack-run.1.scd:1:", what)

    def test_command_without_page(self):
        self.commands += "  lab        scenarios\n"
        self.assert_finds("docs/man/lastack-lab.1.scd:1:", "no man page")

    def test_page_without_command(self):
        self.plant("docs/man/lastack-fly.1.scd", "x\n")
        self.assert_finds("docs/man/lastack-fly.1.scd:1:", "of no command")

    def test_function_without_comment(self):
        self.append("include/lastack/stack.h", "\nint la_stack_y(void);\n")
        self.assert_finds("include/lastack/stack.h:10:", "la_stack_y() has no comment")

    def test_function_in_a_commented_group(self):
        self.append("include/lastack/stack.h", "int la_stack_y(void);\n")
        self.assert_clean()


if __name__ == "__main__":
    unittest.main()
