#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""tools/mutants.py reads its table, refuses what does not fit, and tells caught from missed."""
import os
import subprocess
import sys
import unittest
from unittest import mock

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "..", "tools"))
import mutants

ROOT = os.path.join(os.path.dirname(__file__), "..", "..")
BLOCK = ("# a remark\nrow: MUST-1\nfile: src/a.c\ntest: tcp/test_a test_a__b\n"
         "old:     if (x)\n         y();\nnew:     if (!x)\n         y();\n---\n")
ENTRY = {"row": "MUST-1", "file": "src/a.c", "test": "tcp/test_a test_a__b",
         "old": "    if (x)\n        y();", "new": "    if (!x)\n        y();"}


class Mutants(unittest.TestCase):
    def test_parse(self):
        self.assertEqual(mutants.parse(BLOCK), [ENTRY])
        with self.assertRaisesRegex(mutants.Wrong, "block 1: fields row; wanted"):
            mutants.parse("row: MUST-1\n---\n")

    def test_fits_exactly_once(self):
        text = "    if (x)\n        y();\n"
        self.assertEqual(mutants.broken(text, ENTRY), "    if (!x)\n        y();\n")
        with self.assertRaisesRegex(mutants.Wrong, "stands 2 times in src/a.c"):
            mutants.broken(text * 2, ENTRY)
        with self.assertRaisesRegex(mutants.Wrong, "stands 0 times"):
            mutants.broken("", ENTRY)
        with self.assertRaisesRegex(mutants.Wrong, "changes nothing"):
            mutants.broken(text, dict(ENTRY, new=ENTRY["old"]))

    def verdict(self, status, stdout, built=True):
        ran = subprocess.CompletedProcess([], status, stdout, "")
        with mock.patch.object(mutants, "build", return_value=(built, "x.c:1: error: no")), \
                mock.patch.object(mutants.subprocess, "run", return_value=ran):
            return mutants.caught("/nowhere", ENTRY)

    def test_verdicts(self):
        self.assertEqual(self.verdict(1, "[  FAILED  ] test_a__b\n"), ("caught", ""))
        self.assertEqual(self.verdict(1, "[  ERROR   ] test_a__b\n"), ("caught", ""))
        self.assertEqual(self.verdict(0, "[       OK ] test_a__b\n"), ("missed", ""))
        self.assertEqual(self.verdict(1, "[  FAILED  ] test_a__c\n"),
                         ("missed", "but test_a__c fails"))
        self.assertEqual(self.verdict(-6, "")[0], "caught")
        self.assertEqual(self.verdict(0, "", built=False), ("error", "x.c:1: error: no"))

    def test_scripts(self):
        script = dict(ENTRY, test="script rfc_x")
        for status, verdict in ((0, "missed"), (1, "caught")):
            ran = subprocess.CompletedProcess([], status, "", "")
            with mock.patch.object(mutants, "build", return_value=(True, "")), \
                    mock.patch.object(mutants.subprocess, "run", return_value=ran) as run:
                self.assertEqual(mutants.caught("/nowhere", script), (verdict, ""))
            self.assertEqual(run.call_args[0][0][1:], ["drill", "/nowhere/tests/script/rfc_x.pkt"])
        with mock.patch.object(mutants, "build", return_value=(False, "x.c:1: error: no")):
            self.assertEqual(mutants.caught("/nowhere", script), ("error", "x.c:1: error: no"))

    def test_the_tables_fit_the_sources(self):
        for table, least, form in (("table", 120, r"^([a-z]+/test_\w+ test_\w+|script \w+)$"),
                                   ("bbr", 18, r"^tcp/test_\w+ test_\w+$"),
                                   ("explore", 8, r"^sim explore [a-z-]+$")):
            with open(os.path.join(ROOT, f"tests/mutants/{table}.txt"), encoding="utf-8") as f:
                entries = mutants.parse(f.read())
            self.assertGreaterEqual(len(entries), least)
            for entry in entries:
                self.assertRegex(entry["test"], form)
                with open(os.path.join(ROOT, entry["file"]), encoding="utf-8") as f:
                    self.assertNotEqual(mutants.broken(f.read(), entry), "")


if __name__ == "__main__":
    unittest.main()
