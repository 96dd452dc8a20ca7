#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""`make bench`, the analyser: every figure is there.

usage: test_explain.py LASTACK BENCH-LOAD [BENCH-LWIP]
"""
import sys
import unittest

import smoke

PROGRAMS = sys.argv[1:]


class Explain(unittest.TestCase):
    def test_figures(self):
        results, output, _ = smoke.run(PROGRAMS, "explain")
        found = results["explain"]
        for kind in ("bulk", "short"):
            self.assertGreater(found[kind]["packets"], 2000)
            self.assertGreater(found[kind]["packets_per_s"], 0)
            self.assertIn(kind, output)
        if found["tshark"] is not None:
            self.assertGreater(found["tshark"]["packets_per_s"], 0)
        verdicts = {p["promise"]: p["verdict"] for p in results["promises"]}
        self.assertIn(verdicts["analyser, million packets/s, bulk"], ("kept", "not kept"))


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1], verbosity=2)
