#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""`lastack bench`: tiny runs, their JSON, and mistakes.

usage: test_bench.py PROGRAM SANITIZERS
"""
import json
import subprocess
import sys
import unittest

PROGRAM, SANITIZERS = sys.argv.pop(1), sys.argv.pop(1)


def bench(*args):
    return subprocess.run([PROGRAM, "bench", *args], capture_output=True, text=True, check=False)


def results(*args):
    done = bench(*args, "--json")
    if done.returncode != 0:
        raise AssertionError(f"{args}: {done.returncode}: {done.stderr}")
    return json.loads(done.stdout)


class Mem(unittest.TestCase):
    def test_moves_all_octets(self):
        found = results("mem", "3M")
        self.assertEqual((found["version"], found["bench"], found["bytes"]), (1, "mem", 3 << 20))
        self.assertEqual(found["segment_bytes"], 1448)
        self.assertEqual(found["segments_again"], 0)
        # Full segments but for a few at the ends of buffers.
        self.assertAlmostEqual(found["segments_data"], (3 << 20) / 1448, delta=100)
        self.assertGreater(found["cpu_s"], 0)
        self.assertEqual(found["checksum"], 1)

    def test_options_take_effect(self):
        found = results("mem", "100K", "--mtu", "9000", "--mss", "8960", "--write", "3000",
                        "--window", "64K", "--no-checksum")
        self.assertEqual(found["segment_bytes"], 8948)
        self.assertEqual((found["write_bytes"], found["window_bytes"]), (3000, 65536))
        self.assertEqual((found["mtu_bytes"], found["checksum"]), (9000, 0))

    def test_super_segments(self):
        found = results("mem", "3M", "--tso")
        self.assertEqual((found["tso"], found["checksum"], found["segments_again"]), (1, 0, 0))
        self.assertAlmostEqual(found["segments_data"], (3 << 20) / 1448, delta=100)

    def test_ipv6(self):
        found = results("mem", "3M", "--ipv6")
        self.assertEqual((found["ipv6"], found["segments_again"]), (1, 0))
        self.assertEqual(found["segment_bytes"], 1500 - 40 - 20 - 12)

    def test_odd_sizes(self):
        for args in (("1",), ("12345", "--write", "1", "--window", "4K"),
                     ("100K", "--mss", "88", "--mtu", "128"),
                     ("200K", "--write", "16M", "--window", "32M"),
                     ("200K", "--mtu", "65535", "--mss", "65495")):
            self.assertEqual(results("mem", *args)["segments_again"], 0, args)

    def test_the_table_says_the_same(self):
        done = bench("mem", "64K")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertIn("65536  octets moved", done.stdout)


PATH = ("--delay", "10ms", "--rate", "200mbit", "--queue", "350", "--seed", "1")


class Goodput(unittest.TestCase):
    """In virtual time: the figures are the same on any machine."""

    def test_fills_a_path_and_repeats(self):
        found = results("goodput", "3", *PATH)
        self.assertEqual((found["version"], found["bench"], found["lost"]), (1, "goodput", 0))
        # 200 Mbit/s of packets are 193 of text.
        self.assertTrue(170 < found["mbit_per_s"] < 193.1, found)
        self.assertEqual(results("goodput", "3", *PATH), found)

    def test_options_take_effect(self):
        lossy = (*PATH, "--loss-up", "1%")
        found = results("goodput", "3", *lossy)
        self.assertGreater(found["lost"], 0)
        self.assertLess(found["mbit_per_s"], 60)
        for option in ("--no-sack", "--no-rack", "--no-timestamps"):
            self.assertNotEqual(results("goodput", "3", *lossy, option), found, option)
        window = results("goodput", "3", *PATH, "--window", "65536")["mbit_per_s"]
        self.assertTrue(10 < window < 65536 * 8 / 0.02 / 1e6, window)  # at most one a round trip

    def test_several_connections(self):
        found = results("goodput", "3", *PATH, "--cc", "reno", "--cc", "reno")
        self.assertAlmostEqual(found["mbit_0"] + found["mbit_1"], found["mbit_per_s"], delta=0.1)
        self.assertTrue(0.5 <= found["jain"] <= 1)

    def test_lines_under_way(self):
        done = bench("goodput", "0.5", *PATH, "--every", "100ms")
        lines = [line for line in done.stdout.splitlines() if " cwnd " in line]
        self.assertEqual([line.split()[0] for line in lines],
                         ["0.100", "0.200", "0.300", "0.400", "0.500"])
        self.assertIn("cubic", lines[0])


@unittest.skipIf(SANITIZERS != "none", "a sanitizer's allocator weighs more than it counts")
class Conns(unittest.TestCase):
    def test_weighs_both_ends(self):
        found = results("conns", "2000")
        self.assertEqual((found["version"], found["bench"], found["connections"]),
                         (1, "conns", 2000))
        self.assertAlmostEqual(found["bytes_per_pair"], 2 * found["bytes_per_end"], delta=0.2)
        # A record, its place in the index and in the timer wheel; nothing for queues at rest.
        self.assertGreater(found["bytes_per_end"], 64)
        self.assertLess(found["bytes_per_end"], 448)

    def test_ipv6(self):
        self.assertEqual(results("conns", "500", "--ipv6")["connections"], 500)

    def test_few(self):
        self.assertEqual(results("conns", "1")["connections"], 1)


class Mistakes(unittest.TestCase):
    def test_one_line_and_status_2(self):
        for args, what in ((("fly",), "'fly';"), (("mem",), "a number is missing: 'BYTES'"),
                           (("conns",), "a number is missing: 'N'"),
                           (("mem", "x"), "'x';"), (("mem", "-1"), "'-1';"),
                           (("mem", "1T"), "'1T';"), (("mem", "1MM"), "'1MM';"),
                           (("mem", "0"), "BYTES"), (("mem", "99999999999999999999"), "BYTES"),
                           (("mem", "17179869184G"), "BYTES"),
                           (("mem", "1M", "2M"), "'2M';"), (("mem", "1M", "--fly"), "'--fly';"),
                           (("mem", "1M", "--mtu"), "'--mtu';"),
                           (("mem", "1M", "--mtu", "9"), "--mtu"),
                           (("mem", "1M", "--mss", "big"), "--mss"),
                           (("mem", "1M", "--window", "2G"), "--window"),
                           (("conns", "0"), "N must"), (("conns", "9", "--mtu", "1500"), "--mtu")):
            done = bench(*args)
            self.assertEqual((done.returncode, done.stdout), (2, ""), args)
            self.assertEqual(done.stderr.count("\n"), 1, args)
            self.assertIn(what, done.stderr)

    def test_goodput(self):
        for args, what in ((("1",), "--rate"), (("1", "--loss", "1%"), "--rate"),
                           ((), "a number is missing: SECONDS"), (("x",), "'x';"), (("0",), "'0';"),
                           (("1", "2"), "'2';"), (("1", "--fly"), "'--fly';"),
                           (("1", "--cc"), "'--cc';"), (("1", "--loss", "2"), "--loss"),
                           (("1", "--cc", "a-name-that-is-too-long"), "'a-name"),
                           (("1", "--window", "1"), "--window"), (("1", "--every", "x"), "'x';"),
                           (("1", *17 * ("--cc", "reno")), "too many")):
            done = bench("goodput", *args)
            self.assertEqual((done.returncode, done.stdout), (2, ""), args)
            self.assertEqual(done.stderr.count("\n"), 1, args)
            self.assertIn(what, done.stderr)
        done = bench("goodput", "1", *PATH, "--cc", "vegas")
        self.assertEqual((done.returncode, done.stdout, done.stderr.count("\n")), (1, "", 1))

    def test_path(self):
        for args, what in (((), "wanted"), (("a",), "wanted are two"), (("a", "b", "c"), "'c';"),
                           (("a", "b", "--fly"), "'--fly';"), (("a", "b", "--rate", "x"), "--rate")):
            done = bench("path", *args)
            self.assertEqual((done.returncode, done.stdout), (2, ""), args)
            self.assertEqual(done.stderr.count("\n"), 1, args)
            self.assertIn(what, done.stderr)
        done = bench("path", "no-such-dev0@no-such-space", "b")
        self.assertEqual((done.returncode, done.stdout, done.stderr.count("\n")), (1, "", 1))
        self.assertIn("no-such-space", done.stderr)

    def test_peer(self):
        good = ("tap", "no-such-dev0", "10.9.0.2", "1500")
        for args, what in (((), "wanted"), (good[:3], "wanted"), (("tip", *good[1:]), "'tip';"),
                           ((*good[:2], "10.9", "1500"), "'10.9';"),
                           ((*good[:2], "10.9.0.2/33", "1500"), "'10.9.0.2/33';"),
                           ((*good[:2], "fd00::2/", "1500"), "'fd00::2/';"),
                           ((*good[:3], "67"), "'67';"), ((*good[:3], "65536"), "'65536';"),
                           ((*good, "more"), "'more';"), ((*good, "--cc"), "'--cc';"),
                           ((*good, "--cc", "a-name-that-is-too-long"), "'a-name"),
                           ((*good, "--window", "1"), "--window"),
                           ((*good, "--gateway", "fd00::1"), "'fd00::1';"),
                           ((*good, "--fly", "1"), "'--fly';")):
            done = bench("peer", *args)
            self.assertEqual((done.returncode, done.stdout), (2, ""), args)
            self.assertEqual(done.stderr.count("\n"), 1, args)
            self.assertIn(what, done.stderr)
        done = bench("peer", "tap", "a-name-that-is-too-long", "10.9.0.2", "1500")
        self.assertEqual((done.returncode, done.stdout, done.stderr.count("\n")), (1, "", 1))
        self.assertIn("tap a-name-that-is-too-long cannot be used: ", done.stderr)

    def test_full_disk(self):
        with open("/dev/full", "w", encoding="utf-8") as full:
            done = subprocess.run([PROGRAM, "bench", "mem", "1K"], stdout=full,
                                  stderr=subprocess.PIPE, text=True, check=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn("cannot write", done.stderr)


if __name__ == "__main__":
    unittest.main()
