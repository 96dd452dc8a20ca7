# SPDX-License-Identifier: MIT
"""The captures of `lastack lab` as tshark reads them, beside the story that we tell of them."""
import functools
import json
import os
import subprocess
import sys
import tempfile

PROGRAM = sys.argv[1]
SERVER_PORT = 4242
# What tshark says of a segment beyond what stands in it.
FLAGS = ("retransmission", "fast_retransmission", "spurious_retransmission", "out_of_order",
         "duplicate_ack", "zero_window", "zero_window_probe", "zero_window_probe_ack",
         "window_full", "window_update", "keep_alive", "keep_alive_ack", "lost_segment",
         "ack_lost_segment", "reused_ports")
ANALYSIS = {flag: f"tcp.analysis.{flag}" for flag in FLAGS}
FIELDS = ("frame.number", "frame.time_relative", "tcp.stream", "tcp.srcport", "tcp.dstport",
          "tcp.flags", "tcp.len", "tcp.seq_raw", "tcp.ack_raw", "tcp.options.mss_val",
          "tcp.options.wscale.shift", "tcp.options.sack_le", "tcp.window_size", "tcp.urgent_pointer",
          "ip.dsfield.ecn",
          "arp.opcode", "icmp.type", "icmpv6.type", "udp.length", "_ws.malformed",
          "_ws.expert.severity", "tcp.checksum.status", "ip.checksum.status", "frame.comment",
          *ANALYSIS.values())


class Packet:
    """One line of tshark's answer."""

    def __init__(self, line):
        self.field = dict(zip(FIELDS, line.split("\t")))
        self.at = float(self.field["frame.time_relative"])
        self.frame = self.number("frame.number")
        self.stream = self.number("tcp.stream")
        self.length = self.number("tcp.len")
        self.seq, self.ack = self.number("tcp.seq_raw"), self.number("tcp.ack_raw")
        self.window = self.number("tcp.window_size")
        self.comments = self.field["frame.comment"]
        self.bits = int(self.field["tcp.flags"] or "0", 16)
        self.flags = "".join(letter for letter, bit in
                             (("S", 2), ("F", 1), ("R", 4), ("P", 8), ("A", 16), ("E", 64),
                              ("C", 128)) if self.bits & bit)
        self.urgent = self.number("tcp.urgent_pointer") if self.bits & 32 else 0
        self.from_server = self.number("tcp.srcport") == SERVER_PORT
        self.analysis = {flag for flag, name in ANALYSIS.items() if self.field[name] != ""}

    def number(self, name):
        text = self.field[name]
        return int(text) if text else None

    def has(self, name):
        return self.field[name] != ""

    @property
    def said(self):
        """ "C:SA": who, and the flags without PSH. """
        return ("S:" if self.from_server else "C:") + self.flags.replace("P", "")


def scenarios():
    text = subprocess.run([PROGRAM, "lab"], capture_output=True, text=True, check=True).stdout
    return [line.split()[0] for line in text.split("\n\n")[0].split("\n")]


@functools.lru_cache(maxsize=None)
def play(name):
    """(packets as tshark sees them, events as we tell them) of a scenario."""
    with tempfile.TemporaryDirectory() as folder:
        path, lines = os.path.join(folder, "x.pcapng"), os.path.join(folder, "x.json")
        done = subprocess.run([PROGRAM, "lab", name, "--pcap", path, "--json", lines],
                              check=False, capture_output=True, text=True, timeout=60)
        if done.returncode != 0:
            raise AssertionError(f"{name}: {done.stderr}")
        with open(lines, encoding="utf-8") as file:
            events = [json.loads(line) for line in file]
        command = ["tshark", "-n", "-r", path, "-T", "fields", "-o", "tcp.check_checksum:TRUE",
                   "-o", "ip.check_checksum:TRUE", "-E", "separator=/t", "-E", "occurrence=a"]
        for field in FIELDS:
            command += ["-e", field]
        read = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60,
                              env={**os.environ, "HOME": folder})
    if read.returncode != 0:
        raise AssertionError(f"{name}: tshark: {read.stderr}")
    return [Packet(line) for line in read.stdout.split("\n") if line], events
