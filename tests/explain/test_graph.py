#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""`lastack explain --graph` and `--plot`: what is drawn, how wide, and what is said when it cannot be.

usage: test_graph.py PROGRAM FOLDER          (FOLDER: tests/captures)
"""
import glob
import json
import os
import shutil
import subprocess
import sys
import tempfile
import unittest
import xml.etree.ElementTree

PROGRAM, FOLDER = os.path.abspath(sys.argv[1]), sys.argv[2]
BULK = os.path.join(FOLDER, "congestion", "reno_r3_d10_q6_loss1.pcap.gz")
LOSS = os.path.join(FOLDER, "kernel", "loss_burst_sack.pcap")
BOTH_WAYS = os.path.join(FOLDER, "kernel", "bidirectional_bulk.pcap")
MANY = os.path.join(FOLDER, "kernel", "many_connections_mixed_ends.pcap")
DOWNLOAD = os.path.join(FOLDER, "kernel", "bulk_download.pcap")  # at the receiver
REFUSED = os.path.join(FOLDER, "kernel", "refused_rst.pcap")
AXIS = 9  # columns before the field


def explain(*words, status=0, env=None):
    done = subprocess.run([PROGRAM, "explain", *words], capture_output=True, text=True, timeout=240,
                          check=False, env=env)
    assert done.returncode == status, (words, done.returncode, done.stderr)
    return done


def pictures(text):
    """A list of lines for each picture."""
    return [p.split("\n") for p in text.rstrip("\n").split("\n\n")]


def field(lines):
    """The rows of cells, from above, without the axis."""
    rows = [line for line in lines if len(line) > AXIS - 1 and line[AXIS - 1] in "┤│|"]
    return [row[AXIS:] for row in rows if not row[AXIS - 1:].startswith(("││", "│slow"))]


class Terminal(unittest.TestCase):
    def test_all(self):
        done = explain("-c", "0", "--graph", "all", LOSS)
        titles = [p[0].split(" · ")[0] for p in pictures(done.stdout)]
        self.assertEqual(titles[:4], ["time-sequence of the client's text",
                                      "the client's octets in flight",
                                      "round trip from here to the server", "throughput of text"])
        self.assertTrue(all(t.startswith("the capture: ") for t in titles[4:]), titles)
        self.assertEqual((len(titles), done.stderr), (6, ""))

    def test_time_sequence(self):
        """Six segments of one burst were lost and sent again; SACK blocks came in between."""
        text = explain("-c", "0", "--graph", "time-sequence", LOSS).stdout
        for glyph in "┃█▪✗":
            self.assertIn(glyph, text)
        for name in ("sent", "acknowledged", "SACK", "sent again", "edge of the offered window"):
            self.assertIn(name, text.split("╰")[1])
        # Later text has higher numbers: what is sent only moves to the right on the way up.
        first = [row.find("┃") for row in field(text.split("\n")) if "┃" in row]
        self.assertEqual(first, sorted(first, reverse=True))
        self.assertNotIn("✗", explain("-c", "0", "--graph", "time-sequence", BOTH_WAYS).stdout)

    def test_sides(self):
        def titles(*words):
            done = explain("-c", "0", "--graph", "time-sequence,flight", *words, BOTH_WAYS)
            return [p[0].split(" · ")[0] for p in pictures(done.stdout)]
        self.assertEqual(len(titles()), 2)
        self.assertEqual(len(titles("--side", "both")), 4)
        for side in ("client", "server"):
            self.assertEqual([side in t for t in titles("--side", side)], [True, True])

    def test_far_from_the_sender(self):
        """What is in flight at the receiver is not what the sender has in flight, and is not called so."""
        here = "in flight as seen from here, far from the sender"
        self.assertIn(here, explain("-c", "0", "--graph", "flight", DOWNLOAD).stdout)
        at_sender = explain("-c", "0", "--graph", "flight", BULK).stdout
        self.assertNotIn(here, at_sender)
        self.assertIn("congestion window, estimated", at_sender)
        self.assertIn("│av", at_sender)

    def test_width_and_characters(self):
        for width in (60, 80, 120, 200, 400):
            text = explain("-c", "0", "--graph", "all", "--width", str(width), BULK).stdout
            self.assertLessEqual(max(map(len, text.split("\n"))), width)
            longest = max(len(row) for row in field(text.split("\n")))
            self.assertGreaterEqual(longest, min(width, 240) - AXIS - 2)
            self.assertNotIn("\033", text)
        ascii_only = explain("-c", "0", "--graph", "all", "--ascii", BULK).stdout
        self.assertTrue(ascii_only.isascii())
        self.assertNotIn("?", ascii_only)
        coloured = explain("-c", "0", "--graph", "all", "--color", "always", BULK).stdout
        self.assertIn("\033[", coloured)

    def test_io_sums(self):
        """The area under the packets is their number, to within a row of the picture."""
        text = explain("--graph", "io", "--width", "209", BULK).stdout
        lines = pictures(text)[0]
        rows = field(lines)
        eighths = " ▁▂▃▄▅▆▇█"
        cells = sum(eighths.find(c) / 8 if c in eighths else 1 for row in rows for c in row)
        top = max(int(line[:AXIS - 2]) for line in lines if line[:AXIS - 2].strip().isdigit())
        at = next(i for i, line in enumerate(lines[2:]) if line[:AXIS - 2].strip() == str(top))
        per_row = top / (len(rows) - at - 0.5)  # packets/s
        document = json.loads(explain("--json", BULK).stdout)["file"]
        seconds = (document["last_time"] - document["first_time"]) / 200
        self.assertAlmostEqual(cells * per_row * seconds / document["packets"], 1, delta=0.1)

    def test_beside_another_view(self):
        text = explain("-f", "table", "-c", "0", "--graph", "rtt", LOSS).stdout
        self.assertLess(text.index("how it ended"), text.index("round trip from here"))

    def test_mistakes(self):
        for words in (("--graph", "rtt", LOSS), ("--graph", "nonsense", LOSS),
                      ("--graph", "", LOSS), ("--json", "--graph", "io", LOSS),
                      ("-c", "0", "--graph", "rtt", "--side", "left", LOSS)):
            done = explain(*words, status=2)
            self.assertEqual((done.stdout, done.stderr.count("\n")), ("", 1), words)
        done = explain("-c", "77", "--graph", "rtt", LOSS, status=1)
        self.assertIn("no connection 77", done.stderr)
        self.assertIn("no text", explain("-c", "0", "--graph", "rtt", REFUSED, status=1).stderr)


class Files(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="lastack-graph-")
        self.addCleanup(shutil.rmtree, self.folder)
        self.place = os.path.join(self.folder, "new")

    def names(self):
        return sorted(os.path.basename(p) for p in glob.glob(os.path.join(self.place, "*")))

    @unittest.skipIf(shutil.which("gnuplot") is None, "gnuplot is missing")
    def test_pictures(self):
        done = explain("-c", "0", "--plot", self.place, BOTH_WAYS)
        self.assertEqual(self.names(), sorted(
            [f"conn-0-{what}-{side}.svg" for what in ("time-sequence", "flight", "rtt")
             for side in ("client", "server")] +
            ["conn-0-throughput.svg", "io-bits.svg", "io-packets.svg"]))
        for name in self.names():
            root = xml.etree.ElementTree.parse(os.path.join(self.place, name)).getroot()
            self.assertTrue(root.tag.endswith("svg"))
            drawn = [e for e in root.iter() if e.tag.endswith(("path", "use", "circle"))]
            self.assertGreater(len(drawn), 10, name)
        self.assertEqual(done.stderr, f"lastack explain: 9 pictures are in {self.place}\n")
        self.assertIn("Opened by the client", done.stdout)  # the verdict, not the ladder

    @unittest.skipIf(shutil.which("gnuplot") is None, "gnuplot is missing")
    def test_capture_alone_and_beside_json(self):
        done = explain("--json", "-q", "--plot", self.place, MANY)
        self.assertEqual(self.names(), ["io-bits.svg", "io-packets.svg"])
        self.assertEqual((len(json.loads(done.stdout)["connections"]), done.stderr), (40, ""))

    def test_without_gnuplot(self):
        done = explain("-c", "0", "--plot", self.place, LOSS, status=1,
                       env=dict(os.environ, PATH=self.folder))
        self.assertEqual(done.stderr.count("\n"), 1)
        self.assertIn("apt install gnuplot-nox", done.stderr)
        self.assertEqual(self.names(), [])

    def test_no_folder(self):
        with open(self.place, "w", encoding="utf-8"):
            pass
        done = explain("--plot", self.place, LOSS, status=1)
        self.assertIn("cannot make the folder", done.stderr)
        self.assertEqual((done.stdout, done.stderr.count("\n")), ("", 1))


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1] + sys.argv[3:])
