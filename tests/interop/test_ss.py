#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""`lastack ss` of a peer on a TUN: half-open connections of a SYN flood, and what the kernel's ss
says of the other end.

usage: test_ss.py LASTACK
"""
import os
import re
import shutil
import socket
import struct
import subprocess
import tempfile
import time
import unittest

import network

SINK = 5001
ADDRESS = network.ADDRESSES[4].stack
SPOOFED = "10.99.0.77"  # on the link, and nobody


def checksum(octets):
    octets += b"\0" * (len(octets) % 2)
    n = sum(struct.unpack("!%dH" % (len(octets) // 2), octets))
    while n >> 16:
        n = (n & 0xffff) + (n >> 16)
    return ~n & 0xffff


SYN, RST = 2, 4


def segment(port, flags, seq):
    """From nobody to the sink."""
    src, dst = socket.inet_aton(SPOOFED), socket.inet_aton(ADDRESS)
    head = struct.pack("!HHIIBBHHH", port, SINK, seq, 0, 5 << 4, flags, 65535, 0, 0)
    total = checksum(src + dst + struct.pack("!BBH", 0, 6, len(head)) + head)
    head = head[:16] + struct.pack("!H", total) + head[18:]
    return struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(head), port, 0, 64, 6, 0, src, dst) + head


class HalfOpen(unittest.TestCase):
    def setUp(self):
        self.dir = tempfile.mkdtemp(prefix="lastack-test-")
        self.addCleanup(shutil.rmtree, self.dir, ignore_errors=True)
        os.environ.update(XDG_RUNTIME_DIR=self.dir, TMPDIR=self.dir)
        self.network = network.Network("tun")
        self.addCleanup(self.network.close)
        self.peer = network.Peer("tun", self.network, ADDRESS)
        self.addCleanup(lambda: self.assertEqual(self.peer.close(), ""))

    def ss(self, *words):
        done = subprocess.run([network.LASTACK, "ss", "-Hn", *words], capture_output=True,
                              text=True, timeout=network.SECONDS, check=False)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        return [line.split() for line in done.stdout.splitlines()]

    def until(self, n, *words):
        """The rows, as soon as there are n of them."""
        end = time.monotonic() + network.SECONDS
        while len(rows := self.ss(*words)) != n and time.monotonic() < end:
            time.sleep(0.02)
        self.assertEqual(len(rows), n, rows[:3])
        return rows

    @staticmethod
    def send(raw, ports, flags, seq):
        for n, port in enumerate(ports):
            raw.sendto(segment(port, flags, seq), (ADDRESS, 0))
            if n % 100 == 99:  # the device's queue is not much longer than that
                time.sleep(0.02)

    def test_flood(self):
        raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
        self.addCleanup(raw.close)
        self.send(raw, range(2000, 2040), SYN, 1000)
        rows = self.until(40, "-t", "state", "syn-received")
        self.assertEqual({row[0] for row in rows}, {"SYN-RECEIVED"})
        self.assertEqual({row[3] for row in rows}, {f"{ADDRESS}:{SINK}"})
        self.assertEqual({row[4] for row in rows}, {f"{SPOOFED}:{p}" for p in range(2000, 2040)})
        self.assertEqual({row[0] for row in self.ss("-t", "--names", "linux", "state", "syn-recv")},
                         {"SYN_RECV"})
        listener, = self.ss("-lt", "sport", f"= :{SINK}")
        self.assertEqual(listener[5], "half-open:40/1024")
        # Each has a timer for its SYN,ACK.
        for row in self.ss("-to", "state", "syn-received"):
            self.assertRegex(row[5], r"^timer:\(on,[\d.]+(ms|sec),\d\)$")
        # More than there is room for: the queue stays full, the rest is answered with cookies.
        self.send(raw, range(3000, 6000), SYN, 1000)
        rows = self.until(1024, "-t", "state", "syn-received")
        listener, = self.ss("-lti", "sport", f"= :{SINK}")[:1]
        self.assertEqual(listener[5], "half-open:1024/1024")
        text = subprocess.run([network.LASTACK, "ss", "-s"], capture_output=True, text=True,
                              check=True).stdout
        counted = re.search(r"(\d+)  SYN_COOKIE_PLAIN", text)
        self.assertIsNotNone(counted, text)
        self.assertGreaterEqual(int(counted.group(1)), 100)
        # An RST at RCV.NXT ends each of them (RFC 9293 3.10.7.4 second).
        end = time.monotonic() + network.SECONDS
        while rows and time.monotonic() < end:
            self.send(raw, [int(row[4].rsplit(":", 1)[1]) for row in rows], RST, 1001)
            rows = self.ss("-t", "state", "syn-received")
        listener, = self.ss("-lt", "sport", f"= :{SINK}")
        self.assertEqual(listener[5], "half-open:0/1024")

    def test_beside_the_kernel(self):
        """Both ends of a connection, as both stacks see it."""
        s = socket.create_connection((ADDRESS, SINK), 60)
        self.addCleanup(s.close)
        ours, = self.until(1, "-t", "state", "established")
        line, = network.open_connections()
        kernel = line.split()
        self.assertEqual((ours[3], ours[4]), (kernel[4], kernel[3]))
        self.assertEqual((ours[0], kernel[0]), ("ESTABLISHED", "ESTAB"))
        s.shutdown(socket.SHUT_WR)  # the sink closes, too
        self.until(0, "-t", "state", "connected")


if __name__ == "__main__":
    network.main()
