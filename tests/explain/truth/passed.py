# SPDX-License-Identifier: MIT
"""What passed each place of the wire, told by the wire itself: it knows every packet that it carries.

Per connection, direction and place: packets that passed twice, text that came behind later packets, what
was sent again, and what of that came for nothing, because its text reached the receiver without it.
"""
import struct

from segments import ACK, FIN, SYN

HALF = 1 << 31
PLACES = {"a": ("client", "middle", "server"), "b": ("server", "middle", "client")}
WORDS = ("again", "again_text", "repeats", "repeats_text", "overtaken", "overtaken_again", "spurious")


class Packet:
    """A packet of TCP, as it was sent: sequence numbers are counted from the connection's first one."""

    def __init__(self, number, way, first, last, text, again):
        self.number, self.way, self.first, self.last, self.text, self.again = number, way, first, last, text, again
        self.arrived = False


class Way:
    """A direction of a connection."""

    def __init__(self, seq):
        self.seq = self.high = seq  # the latest number, whole and unwrapped: the next one to be sent
        self.latest = {}            # place: the latest packet that passed
        self.had = {}               # place: {packet: times}
        self.overtaken = {}         # place: {packet}
        self.packets = []
        self.answered = False       # it has sent a SYN,ACK

    def whole(self, seq):
        """The number without its wrapping, near the highest one."""
        return self.high + ((seq - self.high + HALF) % (2 * HALF)) - HALF


class Passed:
    def __init__(self):
        self.ways, self.packets = {}, []

    def sent(self, side, frame, where):
        """An end sent it; returns its number."""
        _, tcp, text, end = where
        ports = struct.unpack_from("!HH", frame, tcp)
        key = side, ports if side == "a" else ports[::-1]
        seq, = struct.unpack_from("!I", frame, tcp + 4)
        flags = frame[tcp + 13]
        way = self.ways.get(key)
        if way is None or (flags & SYN and (seq - way.seq) % (2 * HALF) and way.packets):
            old = way
            way = self.ways[key] = Way(seq)
            if old is not None:  # another connection between the same ports: counted together
                way.packets, way.latest, way.had, way.overtaken = old.packets, old.latest, old.had, old.overtaken
        first = way.whole(seq)
        last = first + end - text + bool(flags & SYN) + bool(flags & FIN)
        number = len(self.packets)
        # The SYN,ACK of a simultaneous open has its SYN's number and is another segment (RFC 9293 3.5).
        crossing = flags & (SYN | ACK) == SYN | ACK and way.packets and not way.answered
        way.answered = way.answered or flags & (SYN | ACK) == SYN | ACK
        again = last > first and first < way.high and not crossing
        packet = Packet(number, way, first, last, end > text, again)
        way.high = max(way.high, last)
        way.packets.append(packet)
        self.packets.append(packet)
        self.passes(0, number)
        return number

    def passes(self, hop, number):
        """It passes the sender (0), the middle (1), the receiver (2)."""
        if number is None:
            return
        packet = self.packets[number]
        had = packet.way.had.setdefault(hop, {})
        had[number] = had.get(number, 0) + 1
        if had[number] > 1:
            return
        if number < packet.way.latest.get(hop, 0) and packet.text:
            packet.way.overtaken.setdefault(hop, set()).add(number)
        packet.way.latest[hop] = max(number, packet.way.latest.get(hop, 0))
        packet.arrived = packet.arrived or hop == 2

    def for_nothing(self, packet):
        """All of its text reached the receiver, in packets that were sent before it."""
        at = packet.first
        for other in sorted((p for p in packet.way.packets if p.arrived and p.last > p.first), key=lambda p: p.first):
            if other.number < packet.number and other.first <= at:
                at = max(at, other.last)
        return at >= packet.last

    def count(self, way, hop):
        out = dict.fromkeys(WORDS, 0)
        for number, times in way.had.get(hop, {}).items():
            packet = self.packets[number]
            out["repeats"] += times - 1
            out["repeats_text"] += (times - 1) * packet.text
            out["again"] += packet.again
            out["again_text"] += packet.again and packet.text
            out["spurious"] += packet.again and packet.text and self.for_nothing(packet)
        for number in way.overtaken.get(hop, ()):
            out["overtaken_again" if self.packets[number].again else "overtaken"] += 1
        return out

    def counts(self):
        """{place: {client's port: {side that sent: counts}}}; nothing of whom nobody spoke for (wire.Flood)."""
        out = {place: {} for place in PLACES["a"]}
        for (side, ports), way in self.ways.items():
            for hop, place in enumerate(PLACES[side] if ("a", ports) in self.ways else ()):
                counts = {word: n for word, n in self.count(way, hop).items() if n > 0}
                out[place].setdefault(ports[0], {})[side] = counts
        return out
