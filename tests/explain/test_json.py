#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""`lastack explain --json` and `--jsonl` against their schema, on every capture that is there.

usage: test_json.py PROGRAM SCHEMA FOLDER
"""
import csv
import glob
import io
import json
import os
import subprocess
import sys
import unittest

try:
    import jsonschema
except ImportError:
    print("left out: python3-jsonschema is not installed")
    sys.exit(77)

PROGRAM, SCHEMA, FOLDER = sys.argv[1:4]


def explain(*words, status=(0, 3)):
    done = subprocess.run([PROGRAM, "explain", "-q", *words], capture_output=True, text=True,
                          timeout=240, check=False)
    assert done.returncode in status, (words, done.returncode, done.stderr)
    return done.stdout


class Json(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        with open(SCHEMA, encoding="utf-8") as f:
            cls.schema = json.load(f)
        jsonschema.Draft202012Validator.check_schema(cls.schema)
        cls.captures = sorted(glob.glob(os.path.join(FOLDER, "*.pcap*")))
        assert cls.captures

    def test_every_capture(self):
        validator = jsonschema.Draft202012Validator(self.schema)
        conns = findings = 0
        for path in self.captures:
            with self.subTest(os.path.basename(path)):
                document = json.loads(explain("--json", path))
                errors = [f"{list(e.absolute_path)}: {e.message}"
                          for e in validator.iter_errors(document)]
                self.assertEqual(errors, [])
                conns += len(document["connections"])
                findings += sum(len(c["findings"]) for c in document["connections"])
        self.assertGreater(conns, 100)
        self.assertGreater(findings, 10)

    def test_lines_are_the_same_connections(self):
        path = os.path.join(FOLDER, "many_connections_mixed_ends.pcap")
        whole = json.loads(explain("--json", path))
        lines = [json.loads(line) for line in explain("--jsonl", path).splitlines()]
        self.assertEqual(lines[-1].pop("type"), "file")
        self.assertEqual(lines[-1].pop("version"), whole["version"])
        self.assertEqual(lines.pop(), whole["file"])
        for line in lines:
            self.assertEqual(line.pop("type"), "connection")
            self.assertEqual(line.pop("version"), whole["version"])
        self.assertEqual(lines, whole["connections"])

    def test_csv_has_a_line_for_each(self):
        path = os.path.join(FOLDER, "many_connections_mixed_ends.pcap")
        whole = json.loads(explain("--json", path))["connections"]
        table = list(csv.DictReader(io.StringIO(explain("-f", "csv", path))))
        self.assertEqual([int(row["id"]) for row in table], [c["id"] for c in whole])
        self.assertEqual([row["close"] for row in table], [c["close"]["kind"] for c in whole])
        self.assertEqual([int(row["client_bytes"]) for row in table],
                         [c["client_to_server"]["bytes"] for c in whole])

    def test_one_connection(self):
        path = os.path.join(FOLDER, "many_connections_mixed_ends.pcap")
        document = json.loads(explain("--json", "--conn", "7", path))
        self.assertEqual([c["id"] for c in document["connections"]], [7])


class Text(unittest.TestCase):
    PATH = os.path.join(FOLDER, "many_connections_mixed_ends.pcap")

    def test_verdict_tells_of_the_worst_and_counts_all(self):
        text = explain("-n", "2", "--width", "80", self.PATH)
        self.assertEqual(sum(line.startswith("#") for line in text.splitlines()), 2)
        self.assertIn("40 connections", text)
        self.assertIn("These are the 2 with most trouble", text)
        self.assertNotIn("\033", text)

    def test_table_has_a_line_for_each(self):
        lines = explain("-f", "table", self.PATH).splitlines()
        self.assertEqual(len(lines), 1 + 40)

    def test_table_fits_the_terminal(self):
        full = explain("-f", "table", self.PATH).splitlines()
        for width in (80, 90, 100, 120, 200):
            lines = explain("-f", "table", "--width", str(width), self.PATH).splitlines()
            self.assertEqual(len(lines), len(full))
            self.assertLessEqual(max(map(len, lines)), width)
            for word in ("client", "server", "closed", "how it ended"):
                self.assertIn(word, lines[0])
        self.assertEqual(lines, full)

    def test_ladder_shows_segments_of_one(self):
        text = explain("-c", "3", "--ascii", self.PATH)
        self.assertIn("SYN-SENT", text)
        self.assertIn("ESTABLISHED", text)
        self.assertIn("#3  client", text)
        self.assertTrue(text.isascii())
        none = explain("-c", "4711", self.PATH)
        self.assertIn("there is no connection 4711", none)

    def test_a_full_disk_is_no_lack_of_memory(self):
        with open("/dev/full", "w", encoding="utf-8") as full:
            done = subprocess.run([PROGRAM, "explain", "--json", self.PATH], stdout=full, stderr=subprocess.PIPE,
                                  text=True, check=False)
        self.assertEqual((done.returncode, done.stderr.count("\n")), (1, 1), done.stderr)
        self.assertIn("No space left on device", done.stderr)

    def test_a_scan_names_who_scans(self):
        scan = os.path.join(os.path.dirname(self.PATH), "port_scan.pcap")
        listeners = json.loads(explain("--json", scan))["file"]["listeners"]
        self.assertEqual({one["scanned_by"] for one in listeners}, {"10.78.0.1"})
        others = json.loads(explain("--json", self.PATH))["file"]["listeners"]
        self.assertEqual({one["scanned_by"] for one in others}, {None})

    def test_what_is_wrong_on_the_command_line(self):
        for words, says in ((["--frobnicate", self.PATH], "no option"),
                            ([], "a capture is missing"),
                            (["-f", "yaml", self.PATH], "verdict, table, ladder"),
                            (["--from", "noon", self.PATH], "seconds since 1970"),
                            (["--memory", "1", self.PATH], "from 4 to")):
            done = subprocess.run([PROGRAM, "explain", *words], capture_output=True, text=True,
                                  check=False)
            self.assertEqual(done.returncode, 2, words)
            self.assertEqual(done.stderr.count("\n"), 1)
            self.assertIn(says, done.stderr)

    def test_times(self):
        text = explain("--from", "+0.2s", "--to", "+0.4s", "--json", self.PATH)
        some = json.loads(text)["file"]["packets"]
        self.assertGreater(some, 0)
        self.assertLess(some, 424)

    def test_not_a_capture(self):
        explain(os.path.join(FOLDER, "README.md"), status=(1,))
        explain("/nonexistent/x.pcap", status=(1,))


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
