#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""format.py finds what is planted."""
import shutil
import unittest

import format as clang_format_test
import planted
import tree


class Format(planted.PlantedTest):
    @staticmethod
    def check(root, findings):
        clang_format_test.check(root, shutil.which("clang-format"), findings)

    def test_clean(self):
        self.assert_clean()

    def test_crooked(self):
        self.append("src/base/one.c", "int x( void ) { return 1; }\n")
        self.assert_finds("src/base/one.c:13:", "not as clang-format leaves it")


if __name__ == "__main__":
    if shutil.which("clang-format") is None:
        tree.skip("clang-format is missing (make check installs it)")
    unittest.main()
