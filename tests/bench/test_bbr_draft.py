#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""test_bbr_draft.py - the model of BBR's draft, and lastack beside it

usage: test_bbr_draft.py LASTACK
"""
import json
import os
import statistics
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "bench"))

import bbr_draft  # noqa: E402 (it lies in bench/)

SECONDS, SEEDS = 4, range(1, 7)
LASTACK = sys.argv.pop(1)


def model(loss, mbps=200, any_loss=False, seconds=SECONDS, seeds=SEEDS):
    path = bbr_draft.usual_path(loss, mbps, any_loss)
    return statistics.median(bbr_draft.rates(path, seconds, seeds))


def lastack(loss):
    found = []
    for seed in SEEDS:
        run = subprocess.run(
            [LASTACK, "bench", "goodput", str(SECONDS), "--cc", "bbr", "--delay", "10ms", "--rate",
             "200mbit", "--queue", "350", "--loss-up", str(loss), "--seed", str(seed), "--json"],
            capture_output=True, text=True, check=True)
        found.append(json.loads(run.stdout)["mbit_per_s"])
    return statistics.median(found)


class Model(unittest.TestCase):
    def test_fills_a_path_without_loss(self):
        self.assertGreater(model(0, mbps=20, seeds=[1]), 20 * 0.9)

    def test_gives_way_beyond_the_threshold(self):
        self.assertLess(model(0.03), 200 / 3)

    def test_the_draft_gives_way_no_later(self):
        self.assertLess(model(0.03, any_loss=True), 1.2 * model(0.03))


class Beside(unittest.TestCase):
    def test_lastack_gives_way_no_more_than_the_draft(self):
        """Quanta and the beginning are ours, so it may be more; a part less is chance."""
        self.assertGreater(lastack(0.03), 0.8 * model(0.03))


if __name__ == "__main__":
    unittest.main()
