#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""`lastack sim explore`: every order of events, whole and without a violation; the command line.

usage: test_explore.py LASTACK
"""
import os
import re
import subprocess
import sys
import unittest

LASTACK = os.path.abspath(sys.argv[1]) if len(sys.argv) > 1 else ""
STATES_LEAST = 1000000


def explore(*words):
    return subprocess.run([LASTACK, "sim", "explore", *words], capture_output=True, text=True)


class Explore(unittest.TestCase):
    def test_all(self):
        done = explore()
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        print(done.stdout, file=sys.stderr)
        states_n = int(re.search(r"^in all +(\d+)", done.stdout, re.M)[1])
        self.assertGreaterEqual(states_n, STATES_LEAST)

    def test_it_can_be_repeated(self):
        """Nothing but the state decides: no address, no clock, no padding."""
        self.assertEqual(explore("crash").stdout, explore("crash").stdout)

    def test_each_congestion_control(self):
        for control in ("reno", "cubic", "bbr"):
            done = explore("--congestion", control, "crossing")
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
            self.assertRegex(done.stdout, r"(?m)^crossing .* all$")

    def test_a_bound_is_a_failure(self):
        done = explore("--states", "100", "close")
        self.assertEqual(done.returncode, 1)
        self.assertIn("given up", done.stdout)

    def test_list_and_help(self):
        self.assertRegex(explore("--list").stdout, r"(?m)^handshake +active and passive OPEN$")
        self.assertIn("usage: lastack sim explore", explore("--help").stdout)

    def test_mistakes(self):
        for words in (("--wide",), ("nothing",), ("--states",), ("--states", "0"),
                      ("--congestion",), ("--congestion", "vegas"),
                      ("--complete-every", "x")):
            done = explore(*words)
            self.assertEqual(done.returncode, 2, words)
            self.assertRegex(done.stderr, r"\Alastack sim explore: .*; see 'lastack sim explore --help'\n\Z")


if __name__ == "__main__":
    del sys.argv[1:2]
    unittest.main(verbosity=2)
