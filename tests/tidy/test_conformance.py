#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""tools/conformance.py finds what is planted, and judges rows as it says."""
import contextlib
import io
import os
import sys
import unittest

import planted

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "..", "tools"))
import conformance

ROWS = "id\tsource\tlevel\trequirement\tmark\n" + "".join(
    f"MUST-{n}\tRFC 9293 §3.1\tMUST\tRule {n}.\t\n" for n in range(1, 8)
) + "RFC2018-1\tRFC 2018 §3\tMUST\tOther.\t\n"
TEST = "/* LEDGER: MUST-1, MUST-2 */\nstatic void\ntest_a__b(void **state)\n{\n}\n"
LEDGER = "MUST-3\tdeviation\tD1\nMUST-4\tnot-applicable\tno such thing\nMUST-5\topen\tis missing\n"


class Conformance(planted.PlantedTest):
    def setUp(self):
        super().setUp()
        self.plant("docs/requirements.tsv", ROWS)
        self.plant("docs/ledger.tsv", LEDGER)
        self.plant("tests/unit/test_a.c", TEST)
        self.plant("tests/run/test_b.py", "class B:\n    # LEDGER: MUST-6\n    def test_c(self):\n")

    def run_tool(self, *options):
        out = io.StringIO()
        with contextlib.redirect_stdout(out):
            status = conformance.main(["conformance.py", *options, self.root])
        return status, out.getvalue()

    def assert_wrong(self, what):
        status, out = self.run_tool()
        self.assertEqual(status, 1)
        self.assertIn(what, out)

    def rows(self):
        text = conformance.page(self.root)
        return {line.split(" | ")[0][2:]: line for line in text.split("\n")
                if line.startswith("| MUST-")}

    def test_verdicts(self):
        rows = self.rows()
        for row, verdict in (("MUST-1", "tested"), ("MUST-2", "tested"), ("MUST-3", "deviation"),
                             ("MUST-4", "not applicable"), ("MUST-5", "open"), ("MUST-6", "tested"),
                             ("MUST-7", "open")):
            self.assertIn(f"| {verdict} |", rows[row])
        self.assertIn("`tests/unit/test_a.c`: `test_a__b`", rows["MUST-1"])
        self.assertIn("`tests/run/test_b.py`: `test_c`", rows["MUST-6"])
        self.assertIn("| all | 7 | 3 | 1 | 1 | 2 |", conformance.page(self.root))
        self.assertIn("| RFC 2018 | 1 |", conformance.page(self.root))

    def test_a_packet_script_is_a_test(self):
        self.plant("tests/script/rfc9293_x.pkt", "// RFC 9293: x.\n// LEDGER: MUST-7\n\n0 ...\n")
        self.assertIn("| tested |", self.rows()["MUST-7"])
        self.assertIn("`tests/script/rfc9293_x.pkt`: `rfc9293_x`", self.rows()["MUST-7"])

    def test_an_rfc_is_judged_once_a_row_is_spoken_of(self):
        self.plant("docs/requirements.tsv", ROWS + "RFC2018-2\tRFC 2018 §4\tMAY\tMore.\t\n"
                   "RFC768-1\tRFC 768\tMUST\tNot yet.\t\n")
        self.plant("tests/unit/test_d.c", TEST.replace("MUST-1, MUST-2", "RFC2018-2"))
        text = conformance.page(self.root)
        self.assertIn("## RFC 2018: MUST\n\n| row | section | rule | verdict | where, why |\n"
                      "|---|---|---|---|---|\n| RFC2018-1 | 3 | Other. | open |", text)
        self.assertIn("| RFC2018-2 | 4 | More. | tested | `tests/unit/test_d.c`", text)
        self.assertIn("| RFC 768 | 1 |", text)
        self.assertNotIn("| RFC 2018 | 1 |", text)
        self.assertLess(text.index("## RFC 9293, in numbers"), text.index("## RFC 2018, in numbers"))

    def test_check(self):
        self.assertEqual(self.run_tool("--check")[0], 1)
        self.assertEqual(self.run_tool()[0], 0)
        self.assertEqual(self.run_tool("--check")[0], 0)
        self.plant("docs/ledger.tsv", LEDGER.replace("is missing", "is gone"))
        status, out = self.run_tool("--check")
        self.assertEqual(status, 1)
        self.assertIn("docs/conformance.md:1: not what the ledger says; run", out)

    def test_unknown_row_in_a_test(self):
        self.plant("tests/unit/test_a.c", TEST.replace("MUST-2", "MUST-99"))
        self.assert_wrong("tests/unit/test_a.c:1: no row MUST-99")

    def test_a_test_that_serves_too_much(self):
        ids = ", ".join(f"MUST-{n}" for n in range(1, 7))
        self.plant("tests/unit/test_a.c", TEST.replace("MUST-1, MUST-2", ids))
        self.assert_wrong("serves 6 rows")

    def test_a_mark_above_nothing(self):
        self.plant("tests/unit/test_a.c", TEST.replace("static void", "\nstatic void"))
        self.assert_wrong("belongs to no test")

    def test_unknown_row_in_the_ledger(self):
        self.plant("docs/ledger.tsv", "MUST-99\topen\tx\n")
        self.assert_wrong("docs/ledger.tsv:1: no row MUST-99")

    def test_deviation_that_is_not_described(self):
        self.plant("docs/ledger.tsv", "MUST-3\tdeviation\tD9\n")
        self.assert_wrong("D9 is not in docs/deviations.md")

    def test_unknown_verdict_and_second_line(self):
        self.plant("docs/ledger.tsv", "MUST-3\tfine\tx\n")
        self.assert_wrong("verdict fine")
        self.plant("docs/ledger.tsv", "MUST-3\topen\tx\nMUST-3\topen\tx\n")
        self.assert_wrong("docs/ledger.tsv:2: MUST-3 stands here twice")
        self.plant("docs/ledger.tsv", "MUST-3\topen\n")
        self.assert_wrong("not three fields")

    def test_open_row_that_a_test_claims(self):
        self.plant("docs/ledger.tsv", "MUST-1\topen\tx\n")
        self.assert_wrong("MUST-1 is open but test_a__b claims it")

    def test_note_without_a_test(self):
        self.plant("docs/ledger.tsv", "MUST-7\tnote\tx\n")
        self.assert_wrong("a note on MUST-7")


if __name__ == "__main__":
    unittest.main()
