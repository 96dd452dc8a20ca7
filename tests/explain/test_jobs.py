#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""`lastack explain --jobs N` says the same for any N, octet for octet.

usage: test_jobs.py PROGRAM BENCH-CAPTURES FOLDER
"""
import glob
import os
import subprocess
import sys
import tempfile
import unittest

PROGRAM, MAKER, FOLDER = sys.argv[1:4]
CAPTURES = sorted(glob.glob(os.path.join(FOLDER, "*.pcap")) +
                  glob.glob(os.path.join(FOLDER, "*.pcapng")))
JOBS = ("2", "4", "7")


def explain(*words):
    """Exit status, what was said and what was complained about."""
    done = subprocess.run([PROGRAM, "explain", "-q", *words], stdin=subprocess.DEVNULL,
                          capture_output=True, timeout=240, check=False)
    assert done.returncode in (0, 3), (words, done.returncode, done.stderr)
    return done.returncode, done.stdout, done.stderr


class Jobs(unittest.TestCase):
    def same(self, *words, jobs=JOBS):
        one = explain("--jobs", "1", *words)
        for n in jobs:
            with self.subTest(jobs=n, words=words[:3]):
                self.assertEqual(explain("--jobs", n, *words), one)
        return one[1]

    def test_every_capture(self):
        self.assertGreater(len(CAPTURES), 100)
        for path in CAPTURES:
            self.same("--json", path, jobs=("3",))

    def test_all_captures_at_once(self):
        # Flows of one capture meet those of others, and end when those are in the middle.
        self.same("--json", *CAPTURES)
        self.same(*CAPTURES)

    def test_a_capture_of_many_batches(self):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "short.pcap")
            subprocess.run([MAKER, "short", "3000", path, "96"], stdout=subprocess.DEVNULL,
                           check=True)
            text = self.same("--json", path)
            for words in (["--jsonl"], [], ["--stats", "-n", "7"], ["-n", "0"], ["-f", "csv"],
                          ["-f", "table"], ["-c", "1234", "--json"],
                          ["-F", "retransmissions > 0 and server.port == 8001", "--json"],
                          ["--from", "+0.1s", "--to", "+0.3s", "--json"]):
                self.same(*words, path, jobs=("2", "4"))

    def test_what_is_no_file_has_one_job(self):
        path = os.path.join(FOLDER, "half_close_data_after_fin.pcap")
        with subprocess.Popen(["cat", path], stdout=subprocess.PIPE) as cat:
            done = subprocess.run([PROGRAM, "explain", "-q", "--json", "--jobs", "4", "-"],
                                  stdin=cat.stdout, capture_output=True, check=True)
        self.assertEqual(done.stdout.replace(b'"-"', b"PATH"),
                         explain("--json", path)[1].replace(b'"%s"' % path.encode(), b"PATH"))


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
