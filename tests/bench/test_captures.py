# SPDX-License-Identifier: MIT
"""bench-captures: the same file twice, as many packets as it says, opened and closed as it says."""
import os
import struct
import subprocess
import sys
import tempfile
import unittest

PROGRAM = sys.argv.pop(1)
FIN, SYN, RST, ACK = 1, 2, 4, 16
ETHERNET, IP4 = 14, 20


def made(folder, *args):
    """What it printed, as a dictionary, and the file's octets."""
    path = os.path.join(folder, "made.pcap")
    words = subprocess.run([PROGRAM, args[0], str(args[1]), path, *map(str, args[2:])], check=True,
                           capture_output=True, text=True).stdout.split()
    with open(path, "rb") as f:
        return dict(zip(words[::2], map(int, words[1::2]))), f.read()


def packets(octets):
    """(captured octets, length on the wire) of each record."""
    at = 24
    while at < len(octets):
        _, _, kept, length = struct.unpack_from("=IIII", octets, at)
        yield octets[at + 16:at + 16 + kept], length
        at += 16 + kept


def flags_of(octets):
    """TCP flags of each segment."""
    for packet, _ in packets(octets):
        if packet[12:14] == b"\x08\x00" and packet[ETHERNET + 9] == 6:
            yield packet[ETHERNET + IP4 + 13]


class Captures(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name

    def test_short(self):
        said, octets = made(self.folder, "short", 320)
        flags = list(flags_of(octets))
        self.assertEqual(said["connections"], 320)
        self.assertEqual(said["packets"], sum(1 for _ in packets(octets)))
        self.assertEqual(said["octets"], sum(length for _, length in packets(octets)))
        self.assertGreaterEqual(sum(f & (SYN | ACK) == SYN for f in flags), 320)
        self.assertGreaterEqual(sum(f & FIN != 0 for f in flags), 2 * 300)
        self.assertGreaterEqual(sum(f & RST != 0 for f in flags), 320 // 16)

    def test_same_arguments_same_file(self):
        self.assertEqual(made(self.folder, "short", 100), made(self.folder, "short", 100))
        self.assertEqual(made(self.folder, "bulk", 2000, 96), made(self.folder, "bulk", 2000, 96))

    def test_bulk_is_snapped(self):
        said, octets = made(self.folder, "bulk", 3000, 96)
        self.assertGreaterEqual(said["packets"], 3000)
        self.assertEqual(said["connections"], 8)
        self.assertLessEqual(max(len(kept) for kept, _ in packets(octets)), 96)
        self.assertEqual(said["octets"], sum(length for _, length in packets(octets)))

    def test_arguments(self):
        for args in ([], ["bulk", "0", "x"], ["long", "1", "x"], ["bulk", "1", "x", "3"]):
            run = subprocess.run([PROGRAM, *args], capture_output=True, text=True, check=False)
            self.assertEqual(run.returncode, 2)
            self.assertIn("usage:", run.stderr)
        run = subprocess.run([PROGRAM, "bulk", "1", self.folder], capture_output=True, text=True,
                             check=False)
        self.assertEqual(run.returncode, 1)
        self.assertIn(self.folder, run.stderr)


if __name__ == "__main__":
    unittest.main()
