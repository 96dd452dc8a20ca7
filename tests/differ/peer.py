# SPDX-License-Identifier: MIT
"""The scripted peer: turns the relative numbers of a script into packets, and learns from answers.

Positions are counted from the initial sequence number of whoever sends them: a SYN is at 0, the
first octet at 1.
"""
import dataclasses

import segment
from subjects import ADDRESS, app_octets

STAMP_FIRST = 1000000
UNKNOWN_ACK = 0x12345678  # where the other end's numbers are not known yet


def text_octets(position, n):
    return bytes((i * 13 + i // 256 + 5) & 255 for i in range(position, position + n))


def signed(n):
    n &= 0xffffffff
    return n - (1 << 32) if n >= 1 << 31 else n


class Peer:
    def __init__(self, script, address, port, subject_port):
        self.script, self.address, self.port, self.subject_port = script, address, port, subject_port
        self.irs = None      # their initial sequence number
        self.una = 0         # position of ours that they acknowledged
        self.nxt = 0         # behind the octets that we sent without a hole
        self.rcv = 0         # behind the octets that came
        self.acked = 0       # position of theirs that we acknowledged last
        self.edge = 0        # right edge of their window, a position of ours
        self.edges = []      # that packets were counted from, and about where those are
        self.scale = 0       # of their window
        self.stamp = STAMP_FIRST
        self.echo = 0        # their latest TSval
        self.agreed = False  # timestamps
        self.last = None     # ((seq, ack), window) of the latest segment that we sent with an ACK
        self.window_ignored = False  # it had a smaller window, and nothing else that was new
        self.wrong = []      # what no TCP may do

    # ---- sending ----

    def position(self, place):
        base = {"una": self.una, "nxt": self.nxt, "edge": self.edge, "iss": 0}[place[0]]
        return base + place[1]

    def ack_number(self, place):
        if self.irs is None:
            return UNKNOWN_ACK + place[1]
        base = {"rcv": self.rcv, "acked": self.acked, "iss": 0}[place[0]]
        return self.irs + base + place[1]

    def stamps_of(self, packet):
        self.stamp += 1
        syn = "S" in packet.flags
        if packet.stamps == "none" or not (self.script.stamps if syn else self.agreed):
            return None
        value = self.stamp - 500 if packet.stamps == "old" else self.stamp
        echo = (self.echo + 1000000 * (packet.stamps == "wrong")) if "A" in packet.flags else 0
        return value, echo & 0xffffffff

    def packet(self, packet):
        """The Segment for a Packet of the script."""
        if packet.seq[0] == "edge":
            start = self.position(packet.seq)
            self.edges.append((self.edge, start - 2000, start + packet.text + 2000))
        seq, script, syn = self.position(packet.seq), self.script, "S" in packet.flags
        off = seq + syn
        seg = segment.Segment(
            self.address, ADDRESS, self.port, self.subject_port, script.iss + seq, 0,
            "".join(f for f in segment.FLAGS if f in packet.flags), packet.window, packet.urgent,
            text_octets(off, packet.text), stamps=self.stamps_of(packet))
        if syn:
            seg.mss, seg.scale, seg.sack_permitted = script.mss, script.scale, script.sack
        if "A" in packet.flags:
            seg.ack = self.ack_number(packet.ack) & 0xffffffff
            if self.irs is not None:
                self.note_window(seg)
                self.acked = max(self.acked, min(self.rcv, signed(seg.ack - self.irs)))
                seg.sack = tuple(tuple((self.irs + self.acked + x) & 0xffffffff for x in block)
                                 for block in packet.sack)
        if seq <= self.nxt:
            self.nxt = max(self.nxt, seq + seg.length)
        return seg

    def note_window(self, seg):
        start = signed(seg.seq - self.script.iss)
        if not 0 <= signed(seg.ack - self.irs) <= self.rcv or "S" in seg.flags or \
                "R" in seg.flags or start > self.edge or max(start, start + seg.length - 1) < self.una:
            return  # it says nothing, then
        if self.last is not None and signed(seg.seq - self.last[0][0]) < 0:
            return
        numbers = (seg.seq, seg.ack)
        if self.last is not None and self.last[0] == numbers and 0 < seg.window < self.last[1]:
            self.window_ignored = True
            return
        self.window_ignored, self.last = False, (numbers, seg.window)

    # ---- learning ----

    def learn(self, seg):
        """Of each segment that came; says what is wrong with it."""
        if seg.wrong_checksum:
            self.wrong.append("a wrong checksum")
        if "S" in seg.flags and "R" not in seg.flags:
            self.learn_syn(seg)
        if self.irs is None or "R" in seg.flags:
            return
        if seg.stamps is not None:
            self.echo = seg.stamps[0]
        start = signed(seg.seq - self.irs) + ("S" in seg.flags)
        if seg.text and app_octets(start - 1, len(seg.text)) != seg.text:
            self.wrong.append(f"octets at {start} that the application did not write there")
        self.rcv = max(self.rcv, signed(seg.seq - self.irs) + seg.length)
        if "A" in seg.flags:
            self.learn_ack(seg)

    def learn_syn(self, seg):
        if self.irs is not None and seg.seq != self.irs:
            self.rcv = self.acked = self.edge = 0  # a new incarnation
        self.irs = seg.seq
        self.scale = seg.scale if seg.scale is not None and self.script.scale is not None else 0
        self.agreed = seg.stamps is not None and self.script.stamps

    def learn_ack(self, seg):
        self.una = max(self.una, signed(seg.ack - self.script.iss))
        window = seg.window << (0 if "S" in seg.flags else self.scale)
        edge = signed(seg.ack - self.script.iss) + window
        if "S" not in seg.flags and edge < self.edge and signed(seg.ack - self.script.iss) == self.una:
            self.wrong.append(f"the right edge of the window moved left, {self.edge} to {edge}")
        self.edge = max(self.edge, edge)


@dataclasses.dataclass
class Answer:
    """What a step has brought, without what may differ."""
    result: str = ""
    state: str = ""
    syn: tuple = ()      # flags, ack, MSS, scaled, SACK permitted, timestamps
    reset: tuple = ()    # (seq, ack or None), ...
    text: tuple = ()     # merged ranges of octets sent
    fin: int | None = None
    ack: object = None   # the last one sent
    bare: bool = False   # a segment without SYN, FIN, RST and text was sent
    sack: tuple = ()
    echo: int | None = None
    shut: bool = False   # the last window is zero
    urgent: int | None = None

    def differing(self, other):
        return [f.name for f in dataclasses.fields(self)
                if getattr(self, f.name) != getattr(other, f.name)]

    def __str__(self):
        words = [f"{f.name}={getattr(self, f.name)}" for f in dataclasses.fields(self)
                 if getattr(self, f.name) not in (None, (), "", False)]
        return " ".join(words)


def merged(ranges):
    out = []
    for left, right in sorted(ranges):
        if out and left <= out[-1][1]:
            out[-1] = (out[-1][0], max(out[-1][1], right))
        else:
            out.append((left, right))
    return tuple(out)


class Normaliser:
    """Says an answer in numbers that both subjects share."""

    def __init__(self, peer):
        self.peer = peer

    def ours(self, n):
        """A position of ours: near the window's edge, which differs, as its distance from that."""
        position = signed(n - self.peer.script.iss)
        for edge, left, right in reversed(self.peer.edges):
            if left <= position <= right and edge > 10000:
                return f"edge{position - edge:+d}"
        return position

    def theirs(self, n):
        return n if self.peer.irs is None else signed(n - self.peer.irs)

    def reset(self, seg):
        """A RST with an ACK answers a segment without one: its number is 0, not relative."""
        if "A" in seg.flags and seg.seq == 0:
            return "0", self.ours(seg.ack)
        return self.theirs(seg.seq), self.ours(seg.ack) if "A" in seg.flags else None

    def answer(self, result, state, segments, said, reading):
        """After the peer has learned. said: what was acknowledged before; reading: the step is a
        call that takes octets from the queue."""
        out, ranges, resets = Answer(result, state), [], []
        for seg in segments:
            plain = seg.flags.replace("P", "")
            start = self.theirs(seg.seq)
            if "R" in plain:
                resets.append(self.reset(seg))
                continue
            if "S" in plain:
                out.syn = (plain, self.ours(seg.ack) if "A" in plain else None, seg.mss,
                           seg.scale is not None, seg.sack_permitted, seg.stamps is not None)
                continue
            if seg.text:
                ranges.append((start, start + len(seg.text)))
            if "F" in plain:
                out.fin = start + len(seg.text)
            out.bare |= not seg.text and "F" not in plain
            out.ack, out.shut = self.ours(seg.ack), seg.window == 0
            out.sack = tuple(tuple(self.ours(x) for x in block) for block in seg.sack)
            out.echo = seg.stamps[1] if seg.stamps is not None else None
            if "U" in plain and seg.text:
                out.urgent = start + seg.urgent
        out.text, out.reset = merged(ranges), tuple(sorted(set(resets), key=str))
        if out.text or out.fin is not None:
            out.bare = False
        if out.bare and said == out.ack and reading and not out.shut:
            return Answer(result, state)  # a window update: when is everybody's own business
        return out
