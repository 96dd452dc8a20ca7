#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What `make bench` concludes from figures: medians, ratios, promises."""
import contextlib
import io
import os
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "bench"))

import device
import goodput
import promises
import report
import stacks


def one_round(gbit, p50=10.0, slab=1000.0):
    return {"bulk-out": {"gbit_per_s": gbit, "cpu_s_per_gb": 0.25},
            "bulk-in": {"gbit_per_s": gbit, "cpu_s_per_gb": 0.3},
            "talk": {"p50_us": p50, "p99_us": 20.0, "cpu_us": 9.0},
            "churn": {"per_s": 20000.0, "cpu_us": 30.0, "failed": 0},
            "hold": {"stack_rss_bytes": 300.0, "slab_bytes": slab, "looked_at": 4, "alive": 4}}


def results_of(rounds):
    for r in rounds:
        device.weigh_held(r)
    return {"device": device.summaries(rounds)}


class Summaries(unittest.TestCase):
    def test_median_and_spread(self):
        found = results_of([{"lastack_tap": one_round(g)} for g in (1.0, 9.0, 4.0)])["device"]
        self.assertEqual(found["bulk-out"]["lastack_tap"]["gbit_per_s"],
                         {"median": 4.0, "min": 1.0, "max": 9.0})

    def test_a_round_that_failed_is_left_out(self):
        found = results_of([{"lastack_tap": one_round(1.0)}, {}])["device"]
        self.assertEqual(found["bulk-in"]["lastack_tap"]["gbit_per_s"]["median"], 1.0)

    def test_the_kernel_weighs_what_the_load_alone_does_not(self):
        found = results_of([{"lastack_tap": one_round(1.0, slab=2000.0),
                             "kernel_veth": one_round(1.0, slab=5500.0)}])["device"]
        self.assertEqual(found["hold"]["kernel_veth"]["stack_bytes"]["median"], 3500.0)
        self.assertEqual(found["hold"]["lastack_tap"]["stack_bytes"]["median"], 300.0)


class Goodput(unittest.TestCase):
    NONE, LOSS_3 = goodput.FAULTS[0], goodput.FAULTS[3]

    @staticmethod
    def pairs(*rates):
        return [{"kernel": [k], "lastack": [l]} for k, l in rates]

    def test_medians_and_their_ratio(self):
        row = goodput.summary("cubic", self.NONE, self.pairs((100, 50), (200, 190), (300, 400)))
        self.assertEqual((row["kernel"], row["lastack"], row["ratio"], row["verdict"]),
                         (200, 190, 0.95, "kept"))
        row = goodput.summary("cubic", self.NONE, self.pairs((200, 189)))
        self.assertEqual(row["verdict"], "not kept")

    def test_what_is_not_promised(self):
        row = goodput.summary("bbr", self.LOSS_3, self.pairs((100, 10)))
        self.assertEqual(row["verdict"], "reported")

    def test_a_kernel_without_the_control(self):
        row = goodput.summary("bbr", self.NONE, [{"lastack": [94.0]}])
        self.assertEqual((row["kernel"], row["ratio"], row["is_reference"]), (188, 0.5, True))

    def test_all_discarded(self):
        row = goodput.summary("reno", self.NONE, [])
        self.assertEqual((row["ratio"], row["verdict"]), (None, "not measured"))

    def test_jain(self):
        self.assertEqual(goodput.jain([5.0, 5.0]), 1.0)
        self.assertEqual(goodput.jain([8.0, 0.0]), 0.5)
        row = goodput.share_summary(("reno", "reno"), [{"lastack": [6.0, 4.0]}])
        self.assertEqual((round(row["lastack"], 4), row["verdict"]), (0.9615, "kept"))

    def test_two_controls(self):
        row = goodput.share_summary(("cubic", "reno"), [{"lastack": [6.0, 4.0], "kernel": [4.0, 4.0]}])
        self.assertEqual((row["kernel"], row["lastack"], row["verdict"]), (1.0, 1.5, "reported"))

    def test_table(self):
        found = {"seconds": 4, "share_seconds": 20, "pairs": 20, "discarded": 1,
                 "lastack_controls": ["reno", "cubic"],
                 "alone": [goodput.summary("cubic", fault, self.pairs((188.5, 179.25)))
                           for fault in goodput.FAULTS],
                 "shared": [goodput.share_summary(s, [{"kernel": [9, 9], "lastack": [9, 9]}])
                            for s in goodput.SHARERS]}
        text = io.StringIO()
        with contextlib.redirect_stdout(text):
            report.goodput(found)
        lines = text.getvalue().splitlines()
        self.assertLessEqual(max(map(len, lines)), 80)
        self.assertIn("cubic  no loss                   188.5     179.2    0.95   >= 0.95  kept",
                      lines)
        self.assertTrue(any("lastack does not have it: bbr" in line for line in lines))


class Promises(unittest.TestCase):
    @staticmethod
    def verdict(results, text):
        return next(p for p in promises.judge(results) if p["promise"].startswith(text))

    def test_at_most(self):
        for p50, verdict in ((9.5, "kept"), (9.51, "not kept")):
            results = results_of([{"lastack_tun": one_round(10.0, p50)}])
            self.assertEqual(self.verdict(results, "request/response")["verdict"], verdict)

    def test_at_least(self):
        for gbit, verdict in ((7.0, "kept"), (6.9, "not kept")):
            results = results_of([{"lastack_tun": one_round(gbit), "kernel_veth": one_round(10.0)}])
            self.assertEqual(self.verdict(results, "bulk over TUN, rate")["verdict"],
                             verdict)

    def test_the_worse_direction_counts(self):
        found = self.verdict(results_of([{"lastack_tun": one_round(7.0)}]),
                             "bulk over TUN, CPU")
        self.assertEqual((found["measured"], found["verdict"]), (0.3, "not kept"))

    def test_what_did_not_run_is_not_kept(self):
        for found in promises.judge({"instructions": None}):
            self.assertEqual((found["measured"], found["verdict"]), (None, "not measured"))


class Table(unittest.TestCase):
    def test_columns_and_ratios(self):
        rounds = [{"lastack_tap": one_round(6.0), "lastack_tun": one_round(7.0),
                   "kernel_veth": one_round(8.0), "lwip_tap": one_round(1.5)}]
        subjects = [stacks.lastack("x", "tap"), stacks.lastack("x", "tun"), stacks.KernelOnVeth(),
                    stacks.lwip("y")]
        text = io.StringIO()
        with contextlib.redirect_stdout(text):
            report.devices(results_of(rounds)["device"], subjects, type("Size", (), {"rounds_n": 1}))
        lines = text.getvalue().splitlines()
        self.assertLessEqual(max(map(len, lines)), 80)
        bulk = next(l for l in lines if l.startswith("bulk to it"))
        self.assertEqual(bulk.split()[-6:], ["6.00", "7.00", "8.00", "1.50", "0.75", "4.00"])


if __name__ == "__main__":
    unittest.main(verbosity=2)
