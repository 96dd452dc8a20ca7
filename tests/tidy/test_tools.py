#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The small tools: the symbol map and the closing line of .ci/run."""
import contextlib
import io
import json
import os
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "..", "tools"))
import symbols
import testsum


class SymbolMap(unittest.TestCase):
    def test_declarations(self):
        text = ("LA_API_BEGIN\n/* int la_commented(void); */\nint la_a(void);\n"
                "struct la_s {\n    int (*la_field)(int);\n};\n"
                "const char *la_b(const struct la_s *s,\n                 int n) LA_MUST_CHECK;\n"
                "static inline int\nla_inline(void)\n{\n    return la_a();\n}\n"
                "/* After it. */\nint la_after(void);\n"
                "typedef int la_fn(void);\n"
                "__attribute__((noreturn)) void la_c(void);\nLA_API_END\n")
        self.assertEqual(symbols.declared_functions(text), ["la_a", "la_b", "la_after", "la_c"])


class ClosingLine(unittest.TestCase):
    def run_sum(self, results, make_status):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "log.json")
            if results is not None:
                with open(path, "w", encoding="utf-8") as log:
                    for i, result in enumerate(results):
                        log.write(json.dumps({"name": f"t{i}", "result": result,
                                              "stdout": f"out{i}\n", "stderr": f"err{i}\n"}) + "\n")
            out = io.StringIO()
            with contextlib.redirect_stdout(out):
                status = testsum.main(path, make_status)
        self.said = out.getvalue()
        return status, self.said.strip().split("\n")[-1]

    def test_all_good(self):
        self.assertEqual(self.run_sum(["OK", "SKIP", "OK"], 0),
                         (0, "2 passed, 0 failed, 1 skipped"))

    def test_failures(self):
        self.assertEqual(self.run_sum(["OK", "FAIL", "TIMEOUT", "ERROR"], 1),
                         (1, "1 passed, 3 failed, 0 skipped"))
        self.assertIn("--- t2: TIMEOUT, the end of what it said\n    out2\n    err2\n", self.said)
        self.assertNotIn("out0", self.said)

    def test_broken_build(self):
        self.assertEqual(self.run_sum(None, 2), (1, "0 passed, 1 failed, 0 skipped"))

    def test_nothing_ran(self):
        self.assertEqual(self.run_sum([], 0), (1, "0 passed, 1 failed, 0 skipped"))


if __name__ == "__main__":
    unittest.main()
