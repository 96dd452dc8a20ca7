#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""api.py finds what is planted."""
import os
import shutil
import subprocess
import unittest

import api
import planted


@unittest.skipUnless(shutil.which("cc"), "no compiler")
class Api(planted.PlantedTest):
    code = "int la_one(void) { return 1; } int la_stack_x(void) { return 2; }"

    def check(self, root, findings):
        library = os.path.join(root, "liblastack.so")
        self.plant("all.c", self.code)
        subprocess.run(["cc", "-shared", "-fPIC", "-w", os.path.join(root, "all.c"), "-o", library],
                       check=True)
        api.check_exports(root, library, findings)
        api.check_alone(root, findings)

    def test_clean(self):
        self.assert_clean()

    def test_declared_and_not_defined(self):
        self.append("include/lastack/stack.h", "int la_stack_y(void);\n")
        self.assert_finds("include/lastack/stack.h:1:", "la_stack_y() is declared and not")

    def test_exported_and_not_declared(self):
        self.code += " int la_secret(void) { return 3; }"
        lines = self.findings()
        self.assertEqual(len(lines), 1, lines)
        self.assertIn("la_secret is exported", lines[0])

    def test_header_that_does_not_compile_alone(self):
        self.append("include/lastack/stack.h", "uint32_t la_stack_x(void);\n")
        self.assertIn("does not compile alone", self.findings()[0])


if __name__ == "__main__":
    unittest.main()
