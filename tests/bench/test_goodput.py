#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""`make bench-goodput`: both kinds of sender move octets over each kind of path.

usage: test_goodput.py LASTACK BENCH-LOAD [BENCH-LWIP]
"""
import subprocess
import sys
import unittest

import smoke

import goodput
import path
import stacks

PROGRAMS = sys.argv[1:]


class Goodput(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        # A run that came too late on a busy machine would be run again, and discarded in the end.
        cls.results, cls.output, cls.pid = smoke.run(PROGRAMS[:2], "goodput", "--only",
                                                     "none,burst,reorder,share", "--late", "100")
        cls.found = cls.results["goodput"]

    def test_a_row_for_each_control_and_path(self):
        rows = [(row["control"], row["fault"]) for row in self.found["alone"]]
        self.assertEqual(rows, [(control, fault) for control in self.found["lastack_controls"]
                                for fault in ("none", "burst", "reorder")])
        self.assertIn("reno", self.found["lastack_controls"])

    def test_both_senders_of_each_pair(self):
        kernel = path.kernel_controls()
        for row in self.found["alone"]:
            with self.subTest(control=row["control"], fault=row["fault"]):
                self.assertGreater(row["lastack"], 0)
                if row["control"] in kernel:
                    self.assertGreater(row["kernel"], 0)
                    self.assertFalse(row["is_reference"])

    def test_shared(self):
        expected = [list(s) for s in goodput.SHARERS
                    if set(s) <= set(self.found["lastack_controls"])]
        self.assertEqual([row["sharers"] for row in self.found["shared"]], expected)
        for row in self.found["shared"]:
            self.assertGreater(row["lastack"], 0)

    def test_nothing_went_wrong_unseen(self):
        self.assertEqual((self.results["wrong"], self.found["discarded"]), ([], 0))

    def test_width(self):
        self.assertLessEqual(max(map(len, self.output.splitlines()[:-1])), 80)

    def test_no_namespace_is_left(self):
        names = subprocess.run(["ip", "netns"], capture_output=True, text=True, check=True).stdout
        self.assertNotIn(f"lastack-bench-{self.pid}-", names)


if __name__ == "__main__":
    reason = stacks.missing()
    if reason is not None:
        print("SKIPPED: " + reason)
        sys.exit(77)
    unittest.main(argv=sys.argv[:1], verbosity=2)
