#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""`lastack lab`: every scenario shows what it should, the same each time, on any width; mistakes
get one line.

usage: test_command.py PROGRAM
"""
import json
import os
import pty
import re
import shutil
import subprocess
import sys
import tempfile
import time
import unittest
from xml.etree import ElementTree

PROGRAM = sys.argv.pop(1)


def lab(*args, **more):
    return subprocess.run([PROGRAM, "lab", *args], capture_output=True, text=True, check=False,
                          timeout=300, **more)


def listed():
    """[(name, summary)] of the table."""
    return re.findall(r"^([a-z][a-z-]*) +(\S.*)$", lab().stdout, re.M)


NAMES = [name for name, _ in listed()]
EXPECTED = {"handshake", "open-simultaneous", "mss", "options", "transfer", "close",
            "close-merged", "close-simultaneous", "half-close", "time-wait", "refused", "abort",
            "syn-timeout", "rto", "fast-retransmit", "zero-window", "layers", "sockets", "binding",
            "linger", "silly-window", "keepalive", "backlog", "syn-queue", "syn-flood",
            "syn-cookies", "congestion", "pmtu", "fast-open"}


def on_terminal(args, env):
    """What the command writes to a terminal."""
    parent, child = pty.openpty()
    with subprocess.Popen([PROGRAM, "lab", *args], stdin=subprocess.DEVNULL, stdout=child,
                          stderr=subprocess.DEVNULL, env=env) as process:
        os.close(child)
        text = b""
        while True:
            try:
                piece = os.read(parent, 65536)
            except OSError:  # the other side is closed
                break
            if not piece:
                break
            text += piece
        process.wait(timeout=300)
    os.close(parent)
    return text


class Scenarios(unittest.TestCase):
    def test_the_list(self):
        done = lab()
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertLessEqual(EXPECTED, set(NAMES))
        for line in done.stdout.split("\n"):
            self.assertLessEqual(len(line), 80)

    def test_each_is_shown_and_fits(self):
        for name in NAMES:
            for width in (60, 80, 200):
                done = lab(name, "--width", str(width))
                self.assertEqual((done.returncode, done.stderr), (0, ""), name)
                for line in done.stdout.split("\n"):
                    self.assertLessEqual(len(line), width, f"{name} at {width}: {line}")
                    self.assertEqual(line, line.rstrip(), f"{name} at {width}")
                self.assertIn("What to look for", done.stdout)
                self.assertNotIn("fate unknown", done.stdout)

    def test_a_new_incarnation_is_not_ended_by_the_old_one(self):
        self.assertNotIn("reset", lab("time-wait").stdout.split("#2 10.0.0.1")[1].split("---")[0])

    def test_a_rst_that_nobody_believes_ends_nothing(self):
        blind, exact = lab("rst-attack").stdout.split("Part 2")
        self.assertIn("closed    not yet", blind)
        self.assertIn("closed    by client: reset", exact)

    def test_urgent_data_in_words(self):
        said = " ".join(lab("urgent", "--width", "200").stdout.split())
        for words in ("● SEND, urgent", "urg 4000",
                      "urgent data before seq 4001, of which 2,552 octets follow",
                      "the urgent pointer advances: urgent data before seq 4301",
                      "server is told: urgent data before seq 4301, 4,300 octets unread",
                      "client is told: urgent data before seq 4, 3 octets unread",
                      "held back for a larger window, in vain: after 200 ms"):
            self.assertIn(words, said)
        lines = lab("urgent", "--json", "-").stdout.split("\n")
        told = [json.loads(line) for line in lines if line.startswith("{")]
        told = [e for e in told if e["kind"] == "URGENT"]
        self.assertEqual([e["unread"] for e in told], [1, 3, 4000, 4300, 6001])

    def test_half_open_connections_over_time(self):
        """The table below the ladder is what the listener says; the flood stays out of the ladder,
        and JSON has it."""
        done = lab("syn-flood", "--width", "100").stdout
        parts = done.split("Part ")[1:]
        rows = [re.findall(r"^ +([0-9.]+)  [█·]* +([0-9]+)/([0-9]+) +[0-9]+/8 +([0-9]+) +([0-9]+)",
                           part, re.M) for part in parts]
        at_end = [tuple(int(n) for n in part[-1][1:]) for part in rows]
        self.assertEqual([row[1] for row in at_end], [32, 32, 1024])
        self.assertEqual(max(int(row[1]) for row in rows[0]), 32)
        self.assertEqual(at_end[0][0], 0)            # given up, a minute later
        self.assertEqual(at_end[1][2], 0)            # with cookies nothing is dropped
        self.assertGreater(at_end[1][3], 100)
        self.assertGreater(max(int(row[1]) for row in rows[2]), 300)
        self.assertIn("connection timed out", parts[0])
        self.assertNotIn("10.0.0.1" + "23:", done)
        lines = [json.loads(line) for line in lab("syn-flood", "--json", "-").stdout.split("\n")
                 if line]
        self.assertIn("10.0.0.123", {e.get("local", "").split(":")[0] for e in lines})

    # LEDGER: RFC4821-1
    def test_a_lost_mtu_probe_reduces_nothing(self):
        told = [json.loads(line) for line in lab("pmtu", "--json", "-").stdout.split("\n") if line]
        told = [e for e in told if e["kind"] in ("LOSS", "CONGESTION") and e["end"] == 0]
        lost = [n for n, e in enumerate(told) if e.get("rule") == "MTU_PROBE_LOST"]
        self.assertGreaterEqual(len(lost), 3)
        for n in lost:
            recovery = told[n + 1]
            self.assertEqual((recovery["kind"], recovery["phase"]), ("CONGESTION", "RECOVERY"))
            self.assertEqual(recovery["ssthresh"], recovery["cwnd"])
        self.assertGreater(told[-1]["cwnd"], 10000)

    def test_same_seed_same_run(self):
        with tempfile.TemporaryDirectory() as folder:
            seen = []
            for run in ("a", "b"):
                pcap, lines = f"{folder}/{run}.pcapng", f"{folder}/{run}.json"
                done = lab("--all", "--seed", "7", "--loss", "0%", "--pcap", pcap, "--json", lines)
                self.assertEqual((done.returncode, done.stderr), (0, ""))
                with open(pcap, "rb") as file, open(lines, encoding="utf-8") as text:
                    seen.append((done.stdout, text.read(), file.read()))
            self.assertEqual(seen[0], seen[1])

    def test_other_seeds_are_other_runs_and_pass(self):
        runs = set()
        for seed in range(20, 40):
            done = lab("--all", "--seed", str(seed))
            self.assertEqual((done.returncode, done.stderr), (0, ""), seed)
            runs.add(done.stdout)
        self.assertEqual(len(runs), 20)

    def test_several_names(self):
        text = lab("close", "refused").stdout
        self.assertLess(text.index("close: "), text.index("refused: "))

    def test_other_networks(self):
        for option in ("--delay=100ms", "--rate=1mbit", "--mtu=9000", "--duplicate=1%"):
            for name in ("transfer", "refused", "rto", "syn-timeout"):
                done = lab(name, option)
                self.assertEqual((done.returncode, done.stderr), (0, ""), (name, option))

    def test_a_network_that_prevents_it(self):
        done = lab("handshake", "--loss", "100%")
        self.assertEqual(done.returncode, 1)
        self.assertEqual(done.stderr.count("\n"), 1)
        self.assertIn("handshake", done.stderr)
        self.assertIn("network options", done.stderr)
        self.assertIn("lost", done.stdout)


class Plots(unittest.TestCase):
    def test_in_the_terminal(self):
        for width in ("60", "80", "200"):
            text = lab("congestion", "--width", width).stdout
            picture = text.split("reno: the congestion window\n")[1].split("Part 2")[0]
            rows = re.findall(r"^[ 0-9]{7} [│┤](.*)$", picture, re.M)
            self.assertEqual(len(rows), 16)
            self.assertIn("✗", picture)
            # A saw: somewhere between two teeth it is lower than at both.
            heights = [sum(len(row) > x and row[x] not in " ✗" for row in rows)
                       for x in range(int(width) - 12)]
            half = heights[len(heights) // 3:]
            self.assertGreater(max(half), min(half) * 1.5)

    def test_without_gnuplot(self):
        with tempfile.TemporaryDirectory() as folder:
            done = lab("congestion", "--plot", folder, env=dict(os.environ, PATH=folder))
            self.assertEqual(done.returncode, 1)
            self.assertEqual(done.stderr.count("\n"), 1)
            self.assertIn("gnuplot", done.stderr)
            self.assertEqual(os.listdir(folder), [])

    def test_plot_without_a_picture(self):
        with tempfile.TemporaryDirectory() as folder:
            done = lab("close", "--plot", os.path.join(folder, "x"))
            self.assertEqual((done.returncode, done.stdout, os.listdir(folder)), (2, "", []))
        self.assertIn("congestion has pictures, not 'close';", done.stderr)

    @unittest.skipIf(shutil.which("gnuplot") is None, "gnuplot is missing")
    def test_as_svg(self):
        with tempfile.TemporaryDirectory() as folder:
            where = os.path.join(folder, "it's new")
            done = lab("congestion", "close", "--plot", where)
            self.assertEqual((done.returncode, done.stderr), (0, ""))
            parts_n = int(re.search(r"^Part 1 of ([0-9]+)", done.stdout, re.M)[1])
            self.assertEqual(set(os.listdir(where)),
                             {f"congestion-{n}.svg" for n in range(1, parts_n + 1)})
            for name in os.listdir(where):
                with open(os.path.join(where, name), encoding="utf-8") as file:
                    picture = file.read()
                root = ElementTree.fromstring(picture)
                self.assertTrue(root.tag.endswith("svg"), name)
                for words in ("congestion window", "seconds", "segments", "slow start|startup"):
                    self.assertRegex(picture, words, name)

    @unittest.skipIf(shutil.which("gnuplot") is None, "gnuplot is missing")
    def test_places_that_cannot_be_written(self):
        for place in ("/dev/null/x", "/proc", "/nowhere/at/all"):
            done = lab("congestion", "--plot", place)
            self.assertEqual(done.returncode, 1)
            self.assertEqual(done.stderr.count("\n"), 1, done.stderr)
            self.assertIn(place, done.stderr)


class Live(unittest.TestCase):
    """In real time, with the scenario as an instance that `lastack ss` can ask."""

    def ask(self, env, *words):
        return subprocess.run([PROGRAM, "ss", *words], capture_output=True, text=True, check=False,
                              timeout=300, env=env).stdout

    def test_half_open_connections_in_ss(self):
        with tempfile.TemporaryDirectory() as folder:
            env = dict(os.environ, XDG_RUNTIME_DIR=folder, TMPDIR=folder)
            with subprocess.Popen([PROGRAM, "lab", "syn-flood", "--live"], env=env,
                                  stdout=subprocess.DEVNULL) as process:
                counts, until = [], time.monotonic() + 60
                while (not counts or counts[-1] < 32) and time.monotonic() < until:
                    counts += [int(n) for n in re.findall(r"half-open:([0-9]+)/32",
                                                          self.ask(env, "-l"))]
                rows = self.ask(env)
                process.kill()
        self.assertEqual(counts[-1:], [32])
        self.assertEqual(counts, sorted(counts))
        self.assertEqual(rows.count("SYN-RECEIVED"), 32)

    def test_the_same_as_in_no_time(self):
        with tempfile.TemporaryDirectory() as folder:
            env = dict(os.environ, XDG_RUNTIME_DIR=folder, TMPDIR=folder)
            self.assertEqual(lab("refused", "--live", env=env).stdout, lab("refused").stdout)


class Views(unittest.TestCase):
    def test_ascii(self):
        done = lab("--all", "--ascii")
        self.assertEqual(done.returncode, 0)
        self.assertTrue(done.stdout.isascii())
        self.assertFalse(lab("close").stdout.isascii())

    def test_color(self):
        self.assertIn("\033[", lab("close", "--color", "always").stdout)
        for choice in ("auto", "never"):
            self.assertNotIn("\033[", lab("close", "--color", choice).stdout)
        plain = re.sub(r"\033\[[0-9;]*m", "", lab("close", "--color=always").stdout)
        self.assertEqual(plain, lab("close").stdout)

    def test_color_on_a_terminal(self):
        env = {"TERM": "xterm", "PATH": os.environ.get("PATH", "")}
        self.assertIn(b"\033[", on_terminal(["refused"], env))
        self.assertNotIn(b"\033[", on_terminal(["refused", "--color=never"], env))
        self.assertNotIn(b"\033[", on_terminal(["refused"], {**env, "NO_COLOR": "1"}))
        self.assertIn(b"\033[", on_terminal(["refused"], {**env, "NO_COLOR": ""}))
        self.assertNotIn(b"\033[", on_terminal(["refused"], {**env, "TERM": "dumb"}))

    def test_full_and_absolute(self):
        folded, full = lab("window-scale").stdout, lab("window-scale", "--full").stdout
        self.assertGreater(full.count("\n"), 10 * folded.count("\n"))
        self.assertIn("SYN seq 0 ", lab("refused").stdout)
        self.assertRegex(lab("refused", "--absolute").stdout, r"SYN seq [0-9]{3,}")

    def test_fast_open_is_told_on_one_line(self):
        self.assertRegex(lab("fast-open").stdout, r"(?m)^ +│ +fast-open +│ *$")

    def test_names(self):
        self.assertIn("SYN-RECEIVED", lab("handshake").stdout)
        text = lab("handshake", "--names", "linux").stdout
        self.assertIn("SYN_RECV", text)
        self.assertIn("SYN_RCVD", lab("handshake", "--names", "bsd").stdout)

    def test_json(self):
        for name in NAMES:
            done = lab(name, "--json", "-")
            self.assertEqual((done.returncode, done.stderr), (0, ""))
            lines = [json.loads(line) for line in done.stdout.split("\n") if line]
            self.assertEqual(lines[0]["kind"], "SCENARIO")
            self.assertEqual(lines[0]["name"], name)
            parts = [line for line in lines if line["kind"] == "SCENARIO"]
            self.assertEqual([p["part"] for p in parts], list(range(1, parts[0]["parts"] + 1)))
            self.assertIn("STATE", {line["kind"] for line in lines})
            self.assertEqual({line["v"] for line in lines}, {1})


    def test_layers_takes_every_octet_apart(self):
        """Each frame is written out without a gap, and its checksums come out right."""
        text = lab("layers", "--width", "80").stdout
        frames = re.split(r"^--- .*: ([0-9]+) octets$", text, flags=re.M)
        self.assertEqual(len(frames), 2 * 8 + 1)
        for size, body in zip(frames[1::2], frames[2::2]):
            at = 0
            body = re.split(r"^The checksum|^Part|^What", body, flags=re.M)[0]
            for off, octets in re.findall(r"^ {0,3}([0-9]+)  ((?:[0-9a-f]{2}[ \n])+)", body, re.M):
                self.assertEqual(int(off), at)
                at += len(octets.split())
            self.assertEqual(at, int(size))
        sums = re.findall(r"ffff - ([0-9a-f]{4}) = ([0-9a-f]{4}), and octets [0-9]+ and [0-9]+ of "
                          r"the frame say ([0-9a-f]{4}): equal", " ".join(text.split()))
        self.assertEqual(len(sums), 7)
        for total, result, said in sums:
            self.assertEqual(int(total, 16) ^ 0xffff, int(result, 16))
            self.assertEqual(result, said)

    def test_sockets_and_what_they_cause(self):
        text = lab("sockets", "--width", "80").stdout
        life = text.split("Each call")[1].split("Part 2")[0]
        self.assertRegex(life, r"accept\(l\) +nothing")
        self.assertRegex(life, r"connect\(c, 10.0.0.2:4242\) = 0 +──▶ SYN mss 1460\n"
                               r" +◀── SYN,ACK mss 1460\n +──▶ ACK\n")
        self.assertRegex(life, r"shutdown\(c, SHUT_WR\) = 0 +──▶ FIN,ACK\n +◀── ACK\n")
        narrow = lab("sockets", "--width", "60").stdout
        self.assertRegex(narrow, r"connect\(c, 10.0.0.2:4242\) = 0\n +──▶ SYN mss 1460\n")


class Mistakes(unittest.TestCase):
    def test_unknown_scenarios(self):
        for word, near in (("hanshake", "'handshake'"), ("closing", "'close'"),
                           ("simultaneous", "-simultaneous'"), ("timeout", "'syn-timeout'"),
                           ("zero_window", "'zero-window'"), ("hand", "'handshake'"),
                           ("half", "'half-"), ("x" * 500, "lists them"),
                           ("quux", "lists them"), ("", "lists them")):
            done = lab(word)
            self.assertEqual((done.returncode, done.stdout), (2, ""), word)
            self.assertEqual(done.stderr.count("\n"), 1, word)
            self.assertIn(near, done.stderr)

    def test_bad_options(self):
        for words in (["--fly"], ["-x"], ["--"], ["close", "--seed"], ["close", "--seed", "seven"],
                      ["close", "--width", "12"], ["close", "--width", "80x"],
                      ["close", "--width=-80"], ["close", "--color", "blue"],
                      ["close", "--names", "latin"], ["close", "--loss", "200%"],
                      ["close", "--delay", "soon"], ["close", "--mtu", "67"], ["close", "--pcap"],
                      ["--all", "close"], ["close", "--" + "y" * 300], ["close"] * 100):
            done = lab(*words)
            self.assertEqual((done.returncode, done.stdout), (2, ""), words)
            self.assertEqual(done.stderr.count("\n"), 1, words)

    def test_places_that_cannot_be_written(self):
        for option in ("--pcap", "--json"):
            done = lab("close", option, "/nowhere/at/all")
            self.assertEqual(done.returncode, 1)
            self.assertEqual(done.stderr.count("\n"), 1)
            self.assertIn("/nowhere/at/all", done.stderr)
            done = lab("window-scale", option, "/dev/full")
            self.assertEqual(done.returncode, 1, option)
            self.assertEqual(done.stderr.count("\n"), 1, done.stderr)

    def test_full_disk(self):
        for words in ([], ["close"], ["--help"]):
            with open("/dev/full", "w", encoding="utf-8") as full:
                done = subprocess.run([PROGRAM, "lab", *words], stdout=full, check=False,
                                      stderr=subprocess.PIPE, text=True, timeout=300)
            self.assertEqual(done.returncode, 1, words)
            self.assertIn("cannot write", done.stderr)

    def test_help(self):
        done = lab("--help")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        for option in ("--pcap", "--json", "--seed", "--loss", "--width", "--ascii", "--all"):
            self.assertIn(option, done.stdout)


if __name__ == "__main__":
    unittest.main()
