#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""`lastack annotate`: the same packets, with comments that tshark reads; our own comments stay.

usage: test_annotate.py PROGRAM FOLDER
"""
import os
import shutil
import subprocess
import sys
import tempfile
import unittest

PROGRAM, FOLDER = sys.argv[1:3]


def annotate(*words, status=0):
    done = subprocess.run([PROGRAM, "annotate", *words], capture_output=True, text=True, timeout=120,
                          check=False)
    assert done.returncode == status, (words, done.returncode, done.stderr)
    return done.stderr


def fields(path, *names):
    """What tshark reads of each packet."""
    words = [w for name in names for w in ("-e", name)]
    done = subprocess.run(["tshark", "-r", path, "-T", "fields", *words], capture_output=True,
                          text=True, check=True)
    return [line.split("\t") for line in done.stdout.rstrip("\n").split("\n")]


@unittest.skipUnless(shutil.which("tshark"), "tshark is not installed")
class Packets(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.out = os.path.join(folder.name, "out.pcapng")

    def same(self, name, status=0):
        path = os.path.join(FOLDER, name)
        annotate(path, "-o", self.out, status=status)
        what = ("frame.number", "frame.time_epoch", "frame.len", "frame.cap_len", "frame.protocols",
                "tcp.seq_raw", "tcp.ack_raw", "tcp.flags")
        self.assertEqual(fields(self.out, *what), fields(path, *what))

    def test_the_same_packets(self):
        for name in ("loss_burst_sack.pcap", "format_snaplen_68.pcap", "format_sll2.pcap",
                     "frame_raw_ip.pcap", "file_pcapng_two_interfaces.pcapng", "frame_vxlan.pcap"):
            with self.subTest(name):
                self.same(name)

    def test_states_and_reasons(self):
        annotate(os.path.join(FOLDER, "loss_one_segment_fast_retransmit.pcap"), "-o", self.out)
        comments = [row[0] for row in fields(self.out, "frame.comment")]
        self.assertIn("client SYN-SENT, server SYN-RECEIVED", comments[0])
        self.assertIn("RFC 9293 3.10.7.3 fourth", comments[1])
        again = [c for c in comments if "retransmission 1 of seq 27513" in c]
        self.assertEqual(len(again), 1)
        self.assertIn("a hole between SACK blocks (RFC 6675 5)", again[0])
        self.assertIn("client TIME-WAIT, server CLOSED", comments[-1])
        annotate(os.path.join(FOLDER, "loss_one_segment_fast_retransmit.pcap"), "-o", self.out,
                 "--names", "linux")
        self.assertIn("client SYN_SENT, server SYN_RECV", fields(self.out, "frame.comment")[0][0])

    def test_comments_stay(self):
        once, twice = self.out, self.out + ".2"
        annotate(os.path.join(FOLDER, "fin_with_last_data.pcap"), "-o", once)
        annotate(once, "-o", twice)
        for before, after in zip(fields(once, "frame.comment"), fields(twice, "frame.comment")):
            self.assertTrue(after[0].startswith(before[0].split(",client")[0].split(",server")[0]))

    def test_damage(self):
        error = annotate(os.path.join(FOLDER, "file_cut_in_record.pcap"), "-o", self.out, status=3)
        self.assertEqual(error.count("\n"), 1)
        self.assertGreater(len(fields(self.out, "frame.number")), 10)


class Mistakes(unittest.TestCase):
    def test_command_line(self):
        path = os.path.join(FOLDER, "fin_with_last_data.pcap")
        for words in ([], [path], [path, path, "-o", "x"], ["-", "-o", "x"], [path, "-o", path],
                      [path, "-o", "x", "--names", "latin"], [path, "-o"]):
            self.assertEqual(annotate(*words, status=2).count("\n"), 1)
        annotate("/nonexistent", "-o", "x", status=1)
        annotate(path, "-o", "/nonexistent/x", status=1)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
