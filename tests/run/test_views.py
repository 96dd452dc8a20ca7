#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What a run shows: capture, JSON, ladder; and that a seed repeats it."""
import json
import re
import subprocess

import servers
import support

FETCH = """
import socket, sys
s = socket.create_connection(('127.0.0.1', int(sys.argv[1])))
n = 0
while d := s.recv(65536): n += len(d)
print(n)
"""


class Views(support.Case):
    def setUp(self):
        super().setUp()
        self.bulk = self.server(servers.Server(servers.bulk))

    def fetch(self, *options):
        done = self.run_inside(*options, "--", support.PYTHON, "-c", FETCH, self.bulk.port)
        self.assertEqual((done.returncode, done.stdout), (0, "1048576\n"), done.stderr)
        return done

    def events(self, *options):
        self.fetch("--json", self.path("j"), *options)
        with open(self.path("j")) as f:
            return [json.loads(line) for line in f]

    @support.needs("tshark")
    def test_capture_is_clean_and_commented(self):
        self.fetch("--pcap", self.path("p"), "--delay", "1ms", "--loss", "2%", "--seed", "4")

        def tshark(*words):
            return subprocess.run(["tshark", "-r", self.path("p"), *words], capture_output=True,
                                  text=True, check=True).stdout
        self.assertEqual(tshark("-Y", "_ws.malformed || tcp.checksum.status == 0"), "")
        # By the timer or by SACK, as the moment has it.
        self.assertRegex(tshark("-T", "fields", "-e", "frame.comment"), r"retransmi\w+ (\d+ )?of seq")
        opened = tshark("-Y", "tcp.flags.syn == 1 && tcp.flags.ack == 0", "-T", "fields",
                        "-e", "tcp.stream")
        self.assertEqual(set(opened.split()), {"0"})  # one connection, however often it began
        # Wall-clock stamps: now, not since boot.
        first = float(tshark("-c", "1", "-T", "fields", "-e", "frame.time_epoch"))
        self.assertGreater(first, 1.6e9)

    def test_json(self):
        events = self.events()
        self.assertEqual(events[0]["kind"], "STORY")
        kinds = {e["kind"] for e in events}
        self.assertLessEqual({"SEGMENT_SENT", "STATE", "CALL"}, kinds)

    def test_ecn(self):
        """A line whose queue marks: ECN is used when it is asked for, and what came is whole."""
        line = ("--rate-down", "50mbit", "--ecn-mark-down", "2")
        for options, wanted in (((), False), (("--ecn",), True)):
            events = self.events(*line, *options)
            agreed = {e["ecn"] for e in events if e["kind"] == "NEGOTIATED"}
            self.assertEqual(agreed, {wanted})
            marked = any(e["kind"] == "WIRE" and e["fate"] == "MARKED" for e in events)
            steps = {e["step"] for e in events if e["kind"] == "ECN"}
            self.assertEqual((marked, {"MARK_SEEN", "REDUCED"} <= steps), (wanted, wanted))

    def test_accurate_ecn(self):
        """The sender is told of every marked packet, and no more (RFC 9768 3.2.2)."""
        events = self.events("--rate-down", "50mbit", "--ecn-mark-down", "2", "--accurate-ecn")
        self.assertEqual({e["accurate_ecn"] for e in events if e["kind"] == "NEGOTIATED"}, {True})
        steps = [e for e in events if e["kind"] == "ECN"]
        self.assertLessEqual({"COUNTED", "REDUCED"}, {e["step"] for e in steps})
        marked = sum(e["kind"] == "WIRE" and e["fate"] == "MARKED" for e in events)
        told = sum(e.get("marks", 0) for e in steps)
        self.assertGreater(told, 0)
        self.assertLessEqual(told, marked)

    def test_ladder(self):
        done = self.fetch("--watch", "--delay", "1ms")
        for word in ("SYN-SENT", "ESTABLISHED", "FIN", "RFC 9293"):
            self.assertIn(word, done.stderr)
        self.assertNotIn("\x1b", done.stderr)  # not a terminal

    def test_seed_repeats_the_losses(self):
        def lost(seed):
            """Which of the first 100 packets of each direction were lost."""
            events = self.events("--loss", "5%", "--delay", "1ms", "--seed", seed)
            sent = {0: [], 1: []}
            for e in events:
                if e["kind"] == "SEGMENT_SENT":
                    sent[e["end"]].append(e["segment"])
            gone = {e["segment"] for e in events if e["kind"] == "WIRE" and e["fate"] == "DROPPED"}
            return [[s in gone for s in sent[end][:100]] for end in (0, 1)]
        first, again = lost("11"), lost("11")
        for a, b in zip(first, again):  # how many ACKs there are is not the seed's
            n = min(len(a), len(b))
            self.assertGreater(n, 20)
            self.assertEqual(a[:n], b[:n])
        self.assertIn(True, first[0] + first[1])

    def test_seed_of_chance_is_told(self):
        done = self.fetch("--loss", "0.1%")
        self.assertTrue(re.fullmatch(r"lastack run: the same again: --seed \d+\n", done.stderr),
                        done.stderr)


if __name__ == "__main__":
    support.main()
