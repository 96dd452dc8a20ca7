#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""lastack and the kernel at the two ends of a path: what crosses on its way, what is lost on a bad one.

usage: test_relay.py LASTACK RELAY [--long]
"""
import errno
import json
import os
import select
import subprocess
import sys
import tempfile
import time

import agent
import network
import pair

RELAY = os.path.abspath(sys.argv.pop(2)) if len(sys.argv) > 2 else ""
LOSSY_BYTES = 20_000_000 if network.LONG else 2_000_000
SYN, SYN_ACK = "S", "SA"


class Cases(pair.Cases):
    delay_ms, loss_percent, seed = 0, 0, 1

    @classmethod
    def make_network(cls):
        return network.RelayedNetwork(cls.kind, RELAY, cls.delay_ms, cls.loss_percent, cls.seed)


class Crossing(Cases):
    """What both ends send while the path holds everything back has crossed."""
    delay_ms = 20  # so that a burst is rarely more than a segment

    def setUp(self):
        with tempfile.NamedTemporaryFile(prefix="lastack-test-", suffix=".json", delete=False) as f:
            self.story = f.name
        self.addCleanup(os.unlink, self.story)
        self.run_options = ("--json", self.story)
        super().setUp()

    def states(self):
        """The stack's states in order, when the run has ended."""
        self.end_run()
        with open(self.story, encoding="utf-8") as f:
            events = [json.loads(line) for line in f]
        return [e["to"] for e in events if e["kind"] == "STATE"]

    def await_state(self, state):
        """Of the stack's connection: that the program has closed is noticed a moment later."""
        end = time.monotonic() + network.SECONDS
        seen = []
        while seen != [state]:
            self.assertLess(time.monotonic(), end, seen)
            out = subprocess.run([network.LASTACK, "ss", "-Hnt", "--pid", str(self.agent.process.pid)],
                                 capture_output=True, text=True, check=True).stdout
            seen = [line.split()[0] for line in out.splitlines()]

    def open_both(self):
        """A connection that neither end has listened for."""
        addresses = {side: (getattr(self.addresses, side), 7000) for side in ("stack", "kernel")}
        ends = {side: self.open(side) for side in addresses}
        for side, s in ends.items():
            s.bind(addresses[side])
            s.settimeout(0)
        self.network.hold()
        for side, s in ends.items():
            self.assertEqual(s.connect_ex(addresses["kernel" if side == "stack" else "stack"]),
                             errno.EINPROGRESS)
        self.network.go_on()
        for s in ends.values():
            s.settimeout(60)
        select.select([], [ends["kernel"]], [], 60)
        ends["stack"].sendall(b"to the kernel")
        ends["kernel"].sendall(b"to the stack")
        self.assertEqual(ends["kernel"].recv(100), b"to the kernel")
        self.assertEqual(ends["stack"].recv(100), b"to the stack")
        return ends

    def test_open_and_close_at_once(self):
        """RFC 9293 figures 7 and 13."""
        with network.Capture(self.network) as capture:
            ends = self.open_both()
            self.network.hold()
            for s in ends.values():
                s.close()
            self.await_state("FIN-WAIT-1")
            self.network.go_on()
            self.assertTrue(capture.wait(lambda seen: len(self.with_flag(seen, "F")) == 2))
            states = self.states()
        # Each sends SYN, and SYN,ACK after the other's; no ACK of the handshake is needed. Where the
        # other's SYN,ACK comes in one burst with its SYN, an ACK is enough.
        seen = set(self.with_flag(capture.segments, "S"))
        self.assertEqual(seen | {("stack", SYN_ACK)},
                         {("kernel", SYN), ("stack", SYN), ("kernel", SYN_ACK), ("stack", SYN_ACK)})
        self.assertEqual(states, ["SYN-SENT", "SYN-RECEIVED", "ESTABLISHED", "FIN-WAIT-1",
                                  "CLOSING", "TIME-WAIT"])
        self.assertEqual(network.in_time_wait(7000, 1), 1)

    @staticmethod
    def with_flag(segments, flag):
        """(sender, flags) of each that has it, repetitions left out."""
        return list(dict.fromkeys((s.sender, s.flags.replace("P", "")) for s in segments
                                  if flag in s.flags))


class Lossy(pair.Bulk, Cases):
    """One in a hundred packets is lost, either way."""
    delay_ms, loss_percent, seed = 1, 1, 7
    bulk_bytes = LOSSY_BYTES

    @classmethod
    def tearDownClass(cls):
        for direction, n in cls.network.fates().items():
            share = n["lost"] / n["seen"]
            assert 0.005 < share < 0.02, (direction, n)
            assert n["dropped"] == 0, (direction, n)
        super().tearDownClass()


pair.variants(Crossing, globals(), openers=["both"])
pair.variants(Lossy, globals())
del Crossing, Lossy

if __name__ == "__main__":
    network.main()
