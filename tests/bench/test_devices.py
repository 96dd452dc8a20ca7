#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""`make bench` over devices: every stack answers every load.

usage: test_devices.py LASTACK BENCH-LOAD [BENCH-LWIP]
"""
import subprocess
import sys
import unittest

import smoke

import device
import stacks

PROGRAMS = sys.argv[1:]


class Devices(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.results, cls.output, cls.pid = smoke.run(PROGRAMS, "devices")
        cls.expected = {"lastack_tap", "lastack_tun", "kernel_veth"}
        if len(PROGRAMS) > 2:
            cls.expected.add("lwip_tap")

    def test_every_figure_of_every_stack(self):
        for row in device.ROWS:
            found = self.results["device"][row.load]
            self.assertEqual(set(found), self.expected)
            for stack, figures in found.items():
                with self.subTest(load=row.load, stack=stack, key=row.key):
                    self.assertIsNotNone(figures[row.key])
                    # Few idle connections may fit in pages that were there before.
                    if row.key != "stack_bytes":
                        self.assertGreater(figures[row.key]["median"], 0)

    def test_nothing_went_wrong_unseen(self):
        self.assertEqual(self.results["wrong"], [])
        for stack in self.expected:
            held = self.results["device"]["hold"][stack]
            self.assertEqual(held["alive"], held["looked_at"])
            self.assertEqual(self.results["device"]["churn"][stack]["failed"]["max"], 0)

    def test_flood(self):
        self.assertEqual(set(self.results["flood"]), {"lastack_tun", "kernel_veth", "bounce_tun"})
        for stack, found in self.results["flood"].items():
            self.assertEqual(found["connects"], found["connects_tried"] if stack != "bounce_tun" else 0)
            self.assertGreater(found["per_s"], 0)

    def test_a_column_each(self):
        self.assertIn("veth", self.output)
        self.assertEqual("lwIP" in self.output.split("bulk to it")[0], len(PROGRAMS) > 2)

    def test_no_namespace_is_left(self):
        names = subprocess.run(["ip", "netns"], capture_output=True, text=True, check=True).stdout
        self.assertNotIn(f"lastack-bench-{self.pid}-", names)


if __name__ == "__main__":
    reason = stacks.missing()
    if reason is not None:
        print("SKIPPED: " + reason)
        sys.exit(77)
    unittest.main(argv=sys.argv[:1], verbosity=2)
