# SPDX-License-Identifier: MIT
"""Do tshark's analysis and our story say the same of each segment?

Ours is what the events tell: why a segment was sent, and what became of it. tshark sees the same
segments at the client's end of the wire and guesses. The words are tshark's (tcp.analysis.*); each
function below says what ours for it is.
"""
import collections
import os
import re

REPAIRS = ("RETRANSMIT_FAST", "RETRANSMIT_SACK", "RETRANSMIT_PARTIAL", "RETRANSMIT_RACK")
SOON_S = 0.003  # tshark's first round trip as long as it knows none
UNSENT = ("ACK_UNSENT", "SYN_SENT_ACK_UNACCEPTABLE", "ACK_UNACCEPTABLE")
PAGE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "docs", "tshark.md")
ROW = re.compile(r"^\| `([a-z-]+)` \| ([0-9]+) \| ([^|]*) \|([^|]*)\| ([^|]+) \| ([^|]+) \|$", re.M)


class Segment:
    """A frame of the capture with the events that belong to it."""

    def __init__(self, packet, part, sent, results):
        self.packet, self.sent, self.results = packet, sent, results
        self.cause = sent.get("cause", "")
        self.conn = (part, sent.get("conn"))  # connections are counted anew in each part
        self.end = sent["end"]
        self.flags = set(sent["flags"])
        length = packet.length + bool(self.flags & {"SYN"}) + bool(self.flags & {"FIN"})
        self.next = (packet.seq + length) % 2**32

    def dropped_for(self, *reasons):
        return any(e["kind"] == "DROP" and e["reason"] in reasons for e in self.results)

    def met(self, fate):
        return any(e["kind"] == "WIRE" and e["fate"] == fate for e in self.results)


def key_of(packet):
    return (packet.number("tcp.srcport"), packet.number("tcp.dstport"), packet.seq,
            packet.ack if packet.bits & 16 else 0, packet.length, packet.bits & 0x1ff)


BITS = {"FIN": 1, "SYN": 2, "RST": 4, "PSH": 8, "ACK": 16, "URG": 32, "ECE": 64, "CWR": 128,
        "AE": 256}


def key_of_event(event):
    ports = [int(event[side].rsplit(":", 1)[1]) for side in ("local", "remote")]
    if event["kind"] == "SEGMENT_ARRIVED":
        ports.reverse()
    return (*ports, event["seq"], event.get("ack", 0), event["len"],
            sum(BITS[flag] for flag in event["flags"]))


def parts_of(events):
    """Ids and connections are counted anew in each part."""
    parts = []
    for event in events:
        if event["kind"] == "SCENARIO":
            parts.append([])
        parts[-1].append(event)
    return parts


def segments_of(packets, events):
    """One Segment for each TCP frame: what the client's stack sent, and what arrived there."""
    waiting = collections.defaultdict(collections.deque)
    for number, part in enumerate(parts_of(events)):
        sent = {e["segment"]: e for e in part if e["kind"] == "SEGMENT_SENT"}
        results = collections.defaultdict(list)
        for event in part:
            if "segment" in event:
                results[event["segment"]].append(event)
        arrived = {e["segment"] for e in part if e["kind"] == "SEGMENT_ARRIVED"}
        for event in part:
            if event["kind"] == "WIRE" and event["end"] == 1 and event["fate"] == "DELIVERED" and (
                    event.get("segment") in sent.keys() - arrived):  # to an address that nobody has
                waiting[key_of_event(sent[event["segment"]])].append(
                    (number, sent[event["segment"]], results[event["segment"]]))
            if event.get("end") == 0 and event["kind"] in ("SEGMENT_SENT", "SEGMENT_ARRIVED"):
                waiting[key_of_event(event)].append(
                    (number, sent[event["segment"]], results[event["segment"]]))
    found = []
    for packet in (p for p in packets if p.stream is not None):
        if not waiting[key_of(packet)]:
            raise AssertionError(f"frame {packet.frame} is not in the story")
        found.append(Segment(packet, *waiting[key_of(packet)].popleft()))
    left = sum(len(queue) for queue in waiting.values())
    if left:
        raise AssertionError(f"{left} segments of the story are not in the capture")
    return found


# ---- what our story says -----------------------------------------------------------------------

def sent_again(segment):
    return segment.cause.startswith("RETRANSMIT") or (
        segment.sent.get("retransmit_n", 0) > 0
        and segment.cause not in ("WINDOW_PROBE", "KEEPALIVE"))


def after(one, other):
    """Does the number `one` lie behind `other`?"""
    return 0 < (one - other) % 2**32 < 2**31


def answers(segments, causes):
    """Segments that answer one of such a cause: the next that its receiver sends."""
    found, asked = set(), set()
    for segment in segments:
        if (segment.conn, 1 - segment.end) in asked:
            asked.discard((segment.conn, 1 - segment.end))
            found.add(segment)
        if segment.cause in causes:
            asked.add((segment.conn, segment.end))
    return found


class Story:
    """Our words for the segments of one scenario, told in their order."""

    def __init__(self, segments, events):
        self.segments = segments
        self.probe_answers = answers(segments, ("WINDOW_PROBE",))
        self.keepalive_answers = answers(segments, ("KEEPALIVE",))
        self.lost = self._lost(events)
        self.opened = set() # ends between which there was an OPEN
        self.window = {}    # (connection, end): the latest window that it offered
        self.acked = {}     # (connection, end): the latest number that it acknowledged
        self.arrived = {}   # (connection, end): the latest that reached the other end
        self.sent = {}      # (connection, end): the numbers after all that it sent
        self.news_at = {}   # (connection, end): when it sent its latest new text
        self.first_rtt = {} # connection: of the handshake
        self.syn_at = {}    # connection

    @staticmethod
    def _lost(events):
        """(connection, number) of what the server sent and the wire lost: not in the capture."""
        found = []
        for number, part in enumerate(parts_of(events)):
            gone = {e["segment"] for e in part
                    if e["kind"] == "WIRE" and e["end"] == 1 and e["fate"] == "DROPPED"}
            found += [((number, e.get("conn")), e["seq"]) for e in part
                      if e["kind"] == "SEGMENT_SENT" and e["segment"] in gone]
        return found

    def _after_a_loss(self, segment):
        """Something before it was lost on the way to where the capture was taken."""
        gone = [item for item in self.lost if segment.end == 1 and item[0] == segment.conn
                and after(segment.packet.seq, item[1])]
        for item in gone:
            self.lost.remove(item)
        return bool(gone)

    def _on_old_ports(self, segment):
        """An OPEN between ports that had one before."""
        if segment.cause != "OPEN" or "ACK" in segment.flags:
            return False
        ends = (segment.sent["local"], segment.sent["remote"])
        again = ends in self.opened
        self.opened.add(ends)
        return again

    def _is_unneeded(self, segment):
        """RFC 3522 1: it, or the acknowledgement of it, had not been lost."""
        reached = self.arrived.get((segment.conn, 1 - segment.end))
        return (sent_again(segment) and segment.dropped_for("DATA_DUPLICATE")
                and reached is not None and not after(segment.next, reached))

    def _comes_soon(self, segment):
        """Within the first round trip of new text, and not what is acknowledged next: for tshark
        it came late. It does not look at the SACK blocks that asked for it."""
        me, other = (segment.conn, segment.end), (segment.conn, 1 - segment.end)
        since = segment.packet.at - self.news_at.get(me, float("-inf"))
        return (sent_again(segment) and segment.cause in REPAIRS
                and since < self.first_rtt.get(segment.conn, SOON_S)
                and self.acked.get(other) != segment.packet.seq)

    def _note_times(self, segment):
        at, conn = segment.packet.at, segment.conn
        if "SYN" in segment.flags and "ACK" not in segment.flags:
            self.syn_at[conn] = at
        elif conn not in self.first_rtt and self.syn_at.get(conn) and "SYN" not in segment.flags:
            self.first_rtt[conn] = at - self.syn_at[conn]  # a SYN at 0 s has no time for tshark
        if segment.packet.length and not sent_again(segment):
            self.news_at[conn, segment.end] = at

    def words(self, segment):
        """tshark's words that our story would use."""
        me, other = (segment.conn, segment.end), (segment.conn, 1 - segment.end)
        pure = segment.packet.length == 0 and not segment.flags & {"SYN", "FIN", "RST"}
        same_ack = pure and self.acked.get(me) == segment.packet.ack
        same_window = self.window.get(me) == segment.sent["window"]  # RFC 5681 2 (e)
        answers_probe = segment in self.probe_answers
        answers_any = answers_probe or segment in self.keepalive_answers
        late = self._comes_soon(segment)
        self._note_times(segment)
        said = {
            "retransmission": sent_again(segment) and not late,
            "fast_retransmission": segment.cause in REPAIRS and not late,
            "spurious_retransmission": self._is_unneeded(segment),
            "out_of_order": segment.met("REORDERED") or late,
            "duplicate_ack": same_ack and same_window and not answers_any and segment.cause == "ACK_DUPLICATE",
            "zero_window": segment.sent["window_raw"] == 0
                           and not segment.flags & {"SYN", "FIN", "RST"},
            "zero_window_probe": segment.cause == "WINDOW_PROBE",
            "zero_window_probe_ack": answers_probe,
            "window_full": "window_full" in segment.sent,
            "window_update": same_ack and (
                segment.cause == "WINDOW_UPDATE"
                or segment.cause == "ACK_DUPLICATE" and not same_window and not answers_any),
            "keep_alive": segment.cause == "KEEPALIVE",
            "keep_alive_ack": segment in self.keepalive_answers,
            "lost_segment": self._after_a_loss(segment),
            "ack_lost_segment": segment.dropped_for(*UNSENT)
                                and segment.packet.ack not in self.sent.get(other, ()),
            "reused_ports": self._on_old_ports(segment),
        }
        self.window[me] = segment.sent["window"]
        if "ACK" in segment.flags:
            self.acked[me] = segment.packet.ack
            # What a full accept queue turned away is as good as lost.
            if segment.met("DELIVERED") and not segment.dropped_for("ACCEPT_QUEUE_FULL"):
                self.arrived[me] = segment.packet.ack
        if "SYN" in segment.flags and not sent_again(segment):
            self.sent.pop(me, None)  # a new beginning
        self.sent.setdefault(me, set()).add(segment.next)
        return {word for word, so in said.items() if so}


def listed():
    """{(scenario, frame): (tshark's words, our words, why, section)}, as docs/tshark.md has it."""
    with open(PAGE, encoding="utf-8") as file:
        rows = ROW.findall(file.read())
    found = {}
    for name, frame, theirs, ours, why, section in rows:
        words = [set(re.findall(r"`([a-z_]+)`", cell)) for cell in (theirs, ours)]
        found[name, int(frame)] = (*words, why, section)
    if len(found) != len(rows):
        raise AssertionError("docs/tshark.md lists a frame twice")
    return found


def compare(packets, events):
    """{frame: (tshark's words that are not ours, ours that are not tshark's)}."""
    found = {}
    segments = segments_of(packets, events)
    story = Story(segments, events)
    for segment in segments:
        theirs, ours = set(segment.packet.analysis), story.words(segment)
        if "retransmission" in theirs & ours and "fast_retransmission" not in theirs:
            ours.discard("fast_retransmission")  # our word says more: which repair it was
        if segment.cause == "ACK_CHALLENGE":
            theirs.discard("duplicate_ack")  # again ours says more
        if theirs != ours:
            found[segment.packet.frame] = (theirs - ours, ours - theirs)
    return found
