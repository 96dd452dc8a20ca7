#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""`make bench` without privilege: every figure of one process is there.

usage: test_inside.py LASTACK BENCH-LOAD [BENCH-LWIP]
"""
import sys
import unittest

import smoke

PROGRAMS = sys.argv[1:]


class Inside(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.results, cls.output, _ = smoke.run(PROGRAMS, "inside")

    def test_transfers(self):
        for way in ("checksums", "none", "super"):
            found = self.results["mem"][way]
            self.assertEqual(found["bytes"], 4 << 20)
            self.assertGreater(found["ns_per_1460"], 0)
            self.assertEqual(found["segments_again"], 0)

    def test_idle_connections(self):
        for family in ("ipv4", "ipv6"):
            self.assertEqual(self.results["conns"][family]["connections"], 2000)
            self.assertGreater(self.results["conns"][family]["bytes_per_end"], 0)

    def test_records(self):
        self.assertEqual(set(self.results["records"]),
                         {"half_open", "time_wait_ipv4", "time_wait_ipv6"})
        for octets in self.results["records"].values():
            self.assertGreater(octets, 0)

    def test_flood(self):
        found = self.results["mem_flood"]
        self.assertEqual((found["syns"], found["connects"]), (20000, 1000))
        self.assertGreater(found["syns_per_s"], 0)

    def test_program_under_run(self):
        if self.results["run"] is None:
            self.skipTest("needs curl")
        self.assertEqual(self.results["run"]["bytes"], 1 << 20)
        self.assertGreater(self.results["run"]["through_s"], 0)

    def test_what_was_not_measured_is_said(self):
        verdicts = {p["promise"]: p["verdict"] for p in self.results["promises"]}
        self.assertEqual(verdicts["request/response over TUN, one core, p50 us"], "not measured")
        self.assertIn(verdicts["stack to stack, ns per 1460 octets"], ("kept", "not kept"))

    def test_width(self):
        self.assertLessEqual(max(map(len, self.output.splitlines()[:-1])), 80)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1], verbosity=2)
