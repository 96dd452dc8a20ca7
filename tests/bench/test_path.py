#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""`lastack bench path` by itself: it delays, limits, loses and holds back what it says, by the seed.

No time is asserted but the least that a packet can need.

usage: test_path.py LASTACK
"""
import ctypes
import os
import socket
import sys
import threading
import time
import unittest

import smoke  # pylint: disable=unused-import  # finds bench/

import path
import stacks

LASTACK = os.path.abspath(sys.argv.pop(1)) if len(sys.argv) > 1 else ""
SENDER, RECEIVER, PORT = "10.9.0.2", "10.9.0.1", 7000
TEXT_BYTES = 1000
PACKET_BITS = (TEXT_BYTES + 28) * 8
CLONE_NEWNET = 0x40000000


def socket_in(space, address):
    """A datagram socket of that namespace."""
    libc = ctypes.CDLL(None, use_errno=True)
    with open("/proc/self/ns/net", "rb") as home, open(f"/run/netns/{space}", "rb") as there:
        if libc.setns(there.fileno(), CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), "setns")
        try:
            s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 24)
            s.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 24)
            s.bind((address, PORT))
        finally:
            libc.setns(home.fileno(), CLONE_NEWNET)
    return s


class Got:
    """What the receiver saw: numbers in order of arrival, and when."""

    def __init__(self, s):
        self.numbers, self.at = [], []
        self.socket = s
        s.settimeout(1)

    def take(self):
        try:
            while True:
                self.numbers.append(int.from_bytes(self.socket.recv(2000)[:4], "big"))
                self.at.append(time.monotonic())
        except TimeoutError:
            pass


class Path(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.made = path.lane(LASTACK, "", "path")
        cls.lane = cls.made.__enter__()  # pylint: disable=unnecessary-dunder-call

    @classmethod
    def tearDownClass(cls):
        cls.made.__exit__(None, None, None)

    def send(self, packets_n, link, *options, seed=1):
        """(what arrived, when each was sent, what the path counted)."""
        with socket_in(self.lane.far["kernel"], SENDER) as sender, \
                socket_in(self.lane.near, RECEIVER) as receiver:
            got, sent_at = Got(receiver), []
            with self.lane.path("kernel", link, path.Fault("", "", *options), seed) as counted:
                thread = threading.Thread(target=got.take)
                thread.start()
                for number in range(packets_n):
                    sent_at.append(time.monotonic())
                    sender.sendto(number.to_bytes(4, "big") + bytes(TEXT_BYTES - 4),
                                  (RECEIVER, PORT))
                thread.join()
        return got, sent_at, counted

    def test_delay_and_rate(self):
        link = path.Link(50, 1000)
        got, sent_at, counted = self.send(500, link)
        self.assertEqual(got.numbers, list(range(500)))
        self.assertEqual((counted["up_sent"], counted["up_delivered"]), (500, 500))
        self.assertGreaterEqual(got.at[0] - sent_at[0], path.ONE_WAY_MS / 1000)
        # The last one waits for all before it, however late the first was read.
        needed_s = 500 * PACKET_BITS / 50e6 + path.ONE_WAY_MS / 1000
        self.assertGreaterEqual(got.at[-1] - sent_at[0], needed_s)

    def test_full_queue(self):
        """At 1 Mbit/s the queue moves little while a burst arrives."""
        got, _, counted = self.send(200, path.Link(1, 50))
        dropped_n = counted["up_queue_dropped"]
        self.assertEqual(len(got.numbers) + dropped_n, 200)
        self.assertEqual(got.numbers[:50], list(range(50)))
        self.assertGreater(dropped_n, 0)

    def test_loss_follows_the_seed(self):
        found = [self.send(3000, path.Link(200, 10000), "--loss-up", "2%", seed=seed)
                 for seed in (7, 7, 8)]
        (first, _, counted), (again, _, _), (other, _, _) = found
        self.assertEqual(counted["up_lost"], 3000 - len(first.numbers))
        self.assertTrue(25 <= counted["up_lost"] <= 100, counted["up_lost"])
        self.assertEqual(first.numbers, again.numbers)
        self.assertNotEqual(first.numbers, other.numbers)

    def test_bursts(self):
        got, _, counted = self.send(3000, path.Link(200, 10000), "--burst-loss-up", "5%",
                                    "--burst-length-up", "10")
        lost = sorted(set(range(3000)) - set(got.numbers))
        self.assertEqual(counted["up_burst_lost"], len(lost))
        bursts_n = sum(1 for n in lost if n - 1 not in lost)
        self.assertTrue(4 <= len(lost) / bursts_n <= 25, (len(lost), bursts_n))

    def test_held_back(self):
        got, _, counted = self.send(3000, path.Link(50, 10000), "--reorder-up", "2%",
                                    "--reorder-delay-up", "5ms")
        self.assertEqual(sorted(got.numbers), list(range(3000)))
        overtaken, highest = [], -1
        for number in got.numbers:
            if number < highest:
                overtaken.append(highest - number)
            highest = max(highest, number)
        # Only the last few may have none behind them that could overtake.
        self.assertTrue(0 <= counted["up_reordered"] - len(overtaken) <= 3)
        self.assertTrue(25 <= len(overtaken) <= 100, len(overtaken))
        # 5 ms are so many packets of this rate, when nothing stands still.
        self.assertLessEqual(max(overtaken), 5e-3 * 50e6 / PACKET_BITS + 2)


if __name__ == "__main__":
    reason = stacks.missing()
    if reason is not None:
        print("SKIPPED: " + reason)
        sys.exit(77)
    unittest.main(verbosity=2)
