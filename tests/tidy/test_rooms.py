#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""rooms.py finds what is planted."""
import os
import shutil
import subprocess
import unittest

import planted
import rooms
import tree


class Includes(planted.PlantedTest):
    @staticmethod
    def check(root, findings):
        rooms.check_includes(root, findings)

    def test_clean(self):
        self.assert_clean()

    def test_include_against_the_arrow(self):
        self.append("src/base/one.c", '#include "wire/tcp.h"\n')
        self.assert_finds("src/base/one.c:13:", 'room base includes "wire/tcp.h" of wire')

    def test_public_header_against_the_arrow(self):
        self.append("src/base/one.c", "#include <lastack/stack.h>\n")
        self.assert_finds("src/base/one.c:13:", "<lastack/stack.h> of stack")

    def test_system_header_in_core(self):
        self.append("src/base/one.c", "#include <stdio.h>\n")
        self.assert_finds("src/base/one.c:13:", "core room base includes <stdio.h>")

    def test_room_behind_a_named_header(self):
        self.append("src/link/wire.c", '#include "stack/table.h"\n')
        self.assert_finds("src/link/wire.c:7:", 'includes "stack/table.h" of stack')

    def test_public_header_without_owner(self):
        self.plant("include/lastack/new.h", "")
        self.assert_finds("include/lastack/new.h:1:", "without an owner")

    def test_file_in_no_room(self):
        self.plant("src/attic/a.c", "")
        self.assert_finds("src/attic/a.c:1:", "in no room")

    def test_table_for_readers(self):
        table = planted.CLEAN["docs/architecture.md"]
        self.plant("docs/architecture.md", table.replace("| base wire |", "| base |"))
        self.assert_finds("docs/architecture.md:4:", "room stack may use something else")
        self.plant("docs/architecture.md", table.replace("| `wire` | codecs | base |\n", ""))
        self.assert_finds("docs/architecture.md:1:", "room wire is not in the table")

    def test_commented_include_is_none(self):
        self.append("src/base/one.c", "/* #include <stdio.h> */\n")
        self.assert_clean()


@unittest.skipUnless(shutil.which("cc") and shutil.which("ar"), "no compiler")
class Symbols(planted.PlantedTest):
    def library(self, room, code):
        self.plant(f"src/{room}/{room}.c", code)
        base = os.path.join(self.root, room)
        subprocess.run(["cc", "-O2", "-fPIC", "-w", "-c", f"{self.root}/src/{room}/{room}.c", "-o",
                        f"{base}.o"], check=True)
        path = os.path.join(self.root, f"lib{room}.a")
        subprocess.run(["ar", "rc", path, f"{base}.o"], check=True)
        return path

    def found(self, *libraries):
        findings = tree.Findings()
        shutil.copytree(os.path.join(os.path.dirname(__file__), "..", "..", "tools"),
                        os.path.join(self.root, "tools"), dirs_exist_ok=True,
                        ignore=shutil.ignore_patterns("layers.txt"))
        rooms.check_symbols(self.root, libraries, findings)
        return findings.lines

    def test_clean(self):
        base = self.library("base", "#include <string.h>\n"
                                    "void la_one(char *p, int n) { memset(p, n, n); }")
        wire = self.library("wire", "void la_one(char *, int); void la_two(char *p) "
                                    "{ la_one(p, 2); }")
        self.assertEqual(self.found(base, wire), [])

    def test_libc_in_core(self):
        base = self.library("base", "void *malloc(unsigned long); void *la_m(void) "
                                    "{ return malloc(9); }")
        self.assertIn("core room base calls malloc", self.found(base)[0])

    def test_call_against_the_arrow(self):
        wire = self.library("wire", "int la_two(int x) { return x; }")
        base = self.library("base", "int la_two(int); int la_one(int x) { return la_two(x) + 1; }")
        self.assertIn("base calls la_two of wire", self.found(base, wire)[0])

    def test_global_that_changes(self):
        base = self.library("base", "int count; int la_one(void) { return count++; }")
        self.assertIn("octets in .bss", self.found(base)[0])

    def test_function_of_a_named_header(self):
        stack = self.library("stack", "int la_stack_x(void) { return 1; } "
                                      "int la_inside(void) { return 2; }")
        good = self.library("link", "int la_stack_x(void); int la_l(void) "
                                    "{ return la_stack_x() + 1; }")
        self.assertEqual(self.found(stack, good), [])
        bad = self.library("link", "int la_inside(void); int la_l(void) "
                                   "{ return la_inside() + 1; }")
        self.assertIn("link calls la_inside of stack", self.found(stack, bad)[0])

    def core_found(self, code):
        findings = tree.Findings()
        rooms.check_core(self.library("base", code), findings)
        return findings.lines

    def test_core_as_one(self):
        self.assertEqual(self.core_found("#include <string.h>\nstatic int one(int x) { return x; } "
                                         "int la_two(char *p) { memset(p, 0, 9); return one(1); }"),
                         [])
        self.assertIn("the core calls malloc", self.core_found(
            "void *malloc(unsigned long); void *la_m(void) { return malloc(9); }")[0])
        self.assertIn("one is seen", self.core_found("int one(void) { return 1; }")[0])
        self.assertIn("octets in .data", self.core_found(
            "static int count = 1; int la_one(void) { return count++; }")[0])


if __name__ == "__main__":
    unittest.main()
