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
import time
import unittest

import smoke  # pylint: disable=unused-import  # finds bench/

import path
import stacks

LASTACK = os.path.abspath(sys.argv.pop(1)) if len(sys.argv) > 1 else ""
SENDER, RECEIVER, PORT = "10.9.0.2", "10.9.0.1", 7000
TEXT_BYTES = 1000
PACKET_BITS = (TEXT_BYTES + 28) * 8
CLONE_NEWNET, SO_SNDBUFFORCE, SO_RCVBUFFORCE = 0x40000000, 32, 33


def socket_in(space, address):
    """A datagram socket of that namespace."""
    libc = ctypes.CDLL(None, use_errno=True)
    with open("/proc/self/ns/net", "rb") as home, open(f"/run/netns/{space}", "rb") as there:
        if libc.setns(there.fileno(), CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), "setns")
        try:
            s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            for option in (SO_RCVBUFFORCE, SO_SNDBUFFORCE):  # nothing is lost but on the path
                s.setsockopt(socket.SOL_SOCKET, option, 1 << 26)
            s.bind((address, PORT))
        finally:
            libc.setns(home.fileno(), CLONE_NEWNET)
    return s


class Got:
    """What the receiver saw: numbers in order of arrival, and when."""

    def __init__(self, s):
        self.numbers, self.at = [], []
        self.socket = s

    def until(self, is_enough, seconds):
        """Whether it is, within that time; takes what comes."""
        end = time.monotonic() + seconds
        while not (enough := is_enough()) and (left := end - time.monotonic()) > 0:
            self.socket.settimeout(left)
            try:
                octets = self.socket.recv(2000)
            except TimeoutError:
                continue
            self.numbers.append(int.from_bytes(octets[:4], "big"))
            self.at.append(time.monotonic())
        return enough


class Path(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.made = path.lane(LASTACK, "", "path")
        cls.lane = cls.made.__enter__()  # pylint: disable=unnecessary-dunder-call

    @classmethod
    def tearDownClass(cls):
        cls.made.__exit__(None, None, None)

    def send(self, packets_n, link, *options, seed=1, all_arrive=False):
        """(what arrived, when each was sent, what the path counted). Behind the packets come more, until
        the last of all arrives: then nothing is under way any longer, however slow the machine is."""
        with socket_in(self.lane.far["kernel"], SENDER) as sender, \
                socket_in(self.lane.near, RECEIVER) as receiver:
            got, sent_at, patience_s = Got(receiver), [], 0.5

            def send_one():
                number = len(sent_at)
                sent_at.append(time.monotonic())
                sender.sendto(number.to_bytes(4, "big") + bytes(TEXT_BYTES - 4), (RECEIVER, PORT))

            with self.lane.path("kernel", link, path.Fault("", "", *options), seed) as counted:
                for _ in range(packets_n):
                    send_one()
                while not got.until(lambda: len(sent_at) - 1 in got.numbers[-100:], patience_s):
                    patience_s *= 2
                    send_one()
                if all_arrive:
                    self.assertTrue(got.until(lambda: len(got.numbers) == len(sent_at), 120))
        return got, sent_at, counted

    def test_delay_and_rate(self):
        link = path.Link(50, 1000)
        got, sent_at, counted = self.send(500, link)
        n = len(sent_at)
        self.assertEqual(got.numbers, list(range(n)))
        self.assertEqual((counted["up_sent"], counted["up_delivered"]), (n, n))
        self.assertGreaterEqual(got.at[0] - sent_at[0], path.ONE_WAY_MS / 1000)
        # The last one waits for all before it, however late the first was read.
        needed_s = n * PACKET_BITS / 50e6 + path.ONE_WAY_MS / 1000
        self.assertGreaterEqual(got.at[-1] - sent_at[0], needed_s)

    def test_full_queue(self):
        """At 1 Mbit/s the queue moves little while a burst arrives."""
        got, sent_at, counted = self.send(1000, path.Link(1, 50))
        dropped_n = counted["up_queue_dropped"]
        self.assertEqual(len(got.numbers) + dropped_n, len(sent_at))
        self.assertEqual(got.numbers[:50], list(range(50)))
        self.assertGreater(dropped_n, 0)

    def test_loss_follows_the_seed(self):
        found = [self.send(3000, path.Link(200, 10000), "--loss-up", "2%", seed=seed)
                 for seed in (7, 7, 8)]
        (got, sent_at, counted), _, _ = found
        self.assertEqual(counted["up_lost"], len(sent_at) - len(got.numbers))
        first, again, other = ([n for n in got.numbers if n < 3000] for got, _, _ in found)
        self.assertTrue(25 <= counted["up_lost"] <= 100, counted["up_lost"])
        self.assertEqual(first, again)
        self.assertNotEqual(first, other)

    def test_bursts(self):
        got, sent_at, counted = self.send(3000, path.Link(200, 10000), "--burst-loss-up", "5%",
                                          "--burst-length-up", "10")
        lost = sorted(set(range(len(sent_at))) - set(got.numbers))
        self.assertEqual(counted["up_burst_lost"], len(lost))
        bursts_n = sum(1 for n in lost if n - 1 not in lost)
        self.assertTrue(4 <= len(lost) / bursts_n <= 25, (len(lost), bursts_n))

    def test_held_back(self):
        for _ in range(10):
            got, sent_at, counted = self.send(3000, path.Link(50, 10000), "--reorder-up", "2%",
                                              "--reorder-delay-up", "5ms", all_arrive=True)
            self.assertEqual(sorted(got.numbers), list(range(len(sent_at))))
            overtaken, highest = [], -1
            for number in got.numbers:
                if number < highest:
                    overtaken.append(highest - number)
                highest = max(highest, number)
            # Only the last few may have none behind them that could overtake: if they are more, the
            # sender stood still, and the line as well.
            alone_n = counted["up_reordered"] - len(overtaken)
            self.assertGreaterEqual(alone_n, 0)
            if alone_n <= 3:
                break
        self.assertLessEqual(alone_n, 3)
        self.assertTrue(25 <= len(overtaken) <= 100, len(overtaken))
        # 5 ms are so many packets of this rate, when nothing stands still.
        self.assertLessEqual(max(overtaken), 5e-3 * 50e6 / PACKET_BITS + 2)


if __name__ == "__main__":
    reason = stacks.missing()
    if reason is not None:
        print("SKIPPED: " + reason)
        sys.exit(77)
    unittest.main(verbosity=2)
