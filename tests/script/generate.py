#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Writes the scripts rfc9293_STATE__EVENT.pkt: what each state does with each kind of segment.

Expectations are written from RFC 9293 3.10.7 (and RFC 5961, which it includes), step by step, not
from what the stack does. Departures carry their number in docs/deviations.md.

usage: generate.py FOLDER [--check]       (--check: say which file differs, write nothing)
"""
import os
import sys

OPEN = """0     socket(..., SOCK_STREAM, IPPROTO_TCP) = 3
+0    bind(3, ..., ...) = 0
+0    listen(3, 5) = 0
"""
SYN = """+0    < S 0:0(0) win 32792 <mss 1000>
+0    > S. 0:0(0) ack 1 <mss 1460>
"""
UP = SYN + """+.1   < . 1:1(0) ack 1 win 32792
+0    accept(3, ..., ...) = 4
"""
PEER_FIN = """+0    < F. 1:1(0) ack 1 win 32792
*     > . 1:1(0) ack 2
"""
OWN_FIN = """+0    shutdown(4, SHUT_WR) = 0
+0    > F. 1:1(0) ack 1
"""
BEYOND = 100000  # further than any window here
WRAP = 1 << 32


class State:
    """How to get there; una, nxt: SND.UNA and SND.NXT; rcv: RCV.NXT."""

    def __init__(self, name, prelude, una, nxt, rcv):
        self.name, self.prelude = name, prelude
        self.una, self.nxt, self.rcv = una, nxt, rcv

    @property
    def file(self):
        return self.name.lower().replace("-", "_")


STATES = [
    State("SYN-RECEIVED", OPEN + SYN, 0, 1, 1),
    State("ESTABLISHED", OPEN + UP, 1, 1, 1),
    State("FIN-WAIT-1", OPEN + UP + OWN_FIN, 1, 2, 1),
    State("FIN-WAIT-2", OPEN + UP + OWN_FIN + "+.01  < . 1:1(0) ack 2 win 32792\n", 2, 2, 1),
    State("CLOSE-WAIT", OPEN + UP + PEER_FIN, 1, 1, 2),
    State("CLOSING", OPEN + UP + OWN_FIN + "+.01  < F. 1:1(0) ack 1 win 32792\n"
          "*     > . 2:2(0) ack 2\n", 1, 2, 2),
    State("LAST-ACK", OPEN + UP + PEER_FIN + "+0    shutdown(4, SHUT_WR) = 0\n"
          "+0    > F. 1:1(0) ack 2\n", 1, 2, 2),
    State("TIME-WAIT", OPEN + UP + OWN_FIN + "+.01  < F. 1:1(0) ack 2 win 32792\n"
          "*     > . 2:2(0) ack 2\n", 2, 2, 2),
]
RECEIVING = {"ESTABLISHED", "FIN-WAIT-1", "FIN-WAIT-2"}
FINISHED = {"CLOSE-WAIT", "CLOSING", "LAST-ACK", "TIME-WAIT"}  # the peer's FIN was received


def segment(flags, seq, ack=None, length=0, more=""):
    text = f"+.01  < {flags} {seq % WRAP}:{(seq + length) % WRAP}({length})"
    if ack is not None:
        text += f" ack {ack % WRAP}"
    return text + " win 32792" + more + "\n"


def ack(s, rcv=None):
    return f"+0    > . {s.nxt}:{s.nxt}(0) ack {s.rcv if rcv is None else rcv}\n"


def ends(state, *reasons):
    lines = [f"state == {state}"] + [f"reason {r} >= 1" for r in reasons]
    return "+.15  %{ " + "\n         ".join(lines) + " }%\n"


# Each gives (section, what it says, lines), or None where the pair means nothing.

def rst_exact(s):
    if s.name == "TIME-WAIT":
        return ("RFC 1337 3 (F1), D15", "a RST in TIME-WAIT is ignored; the state keeps its 2 MSL",
                segment("R", s.rcv) + ends("TIME-WAIT", "RST_IN_TIME_WAIT"))
    text = "a RST at RCV.NXT resets the connection, and is not answered"
    if s.name == "SYN-RECEIVED":
        return ("RFC 9293 3.10.7.4 second", text + "; after a passive OPEN, back to LISTEN",
                segment("R", s.rcv) + SYN.replace("+0 ", "+.15", 1).replace("S 0:0", "S 5000:5000")
                .replace("ack 1 ", "ack 5001 "))
    return ("RFC 9293 3.10.7.4 second", text, segment("R", s.rcv) + ends("CLOSED"))


def rst_in_window(s):
    if s.name == "TIME-WAIT":
        return ("RFC 1337 3 (F1), D15", "a RST in TIME-WAIT is ignored",
                segment("R", s.rcv + 100) + ends("TIME-WAIT"))
    return ("RFC 5961 3.2", "a RST in the window but not at RCV.NXT draws a challenge ACK",
            segment("R", s.rcv + 100) + ack(s) + ends(s.name, "RST_IN_WINDOW"))


def rst_beyond(s):
    return ("RFC 9293 3.10.7.4 second", "a RST outside the window is dropped without an answer",
            segment("R", s.rcv + BEYOND) + ends(s.name))


def rst_before(s):
    return ("RFC 9293 3.10.7.4 second", "a RST left of the window is dropped without an answer",
            segment("R", s.rcv - 1) + ends(s.name))


def syn_in_window(s):
    if s.name == "TIME-WAIT":
        return ("RFC 9293 3.10.7.4 first", "a SYN beyond all that was received may open anew",
                "+.01  < S 1000:1000(0) win 32792 <mss 1000>\n"
                "+0    > S. 0:0(0) ack 1001 <mss 1460>\n")
    if s.name == "SYN-RECEIVED":
        return None  # passive: rfc9293_syn_received__second_syn.pkt, by hand
    return ("RFC 5961 4.2", "a SYN in a synchronised state draws a challenge ACK",
            segment("S", s.rcv + 10) + ack(s) + ends(s.name, "SYN_IN_WINDOW"))


def syn_again(s):
    if s.name == "SYN-RECEIVED":
        return ("RFC 9293 3.10.7.4 first, D6", "the peer's SYN again draws the SYN,ACK again",
                segment("S", 0, more=" <mss 1000>") + "+0    > S. 0:0(0) ack 1 <mss 1460>\n"
                + ends(s.name))
    return ("RFC 5961 4.2", "the peer's first SYN, long after, draws an ACK",
            segment("S", 0, more=" <mss 1000>") + ack(s) + ends(s.name))


def syn_ack(s):
    if s.name in ("SYN-RECEIVED", "TIME-WAIT"):
        return None
    return ("RFC 5961 4.2", "a SYN,ACK in a synchronised state draws a challenge ACK",
            segment("S.", s.rcv, s.nxt) + ack(s) + ends(s.name, "SYN_IN_WINDOW"))


def ack_unsent(s):
    if s.name == "SYN-RECEIVED":
        return ("RFC 9293 3.10.7.4 fifth", "an ACK that does not acknowledge our SYN is answered "
                "with a RST at its number",
                segment(".", s.rcv, s.nxt + 100) + "+0    > R 101:101(0)\n"
                + "+.15  %{ reason ACK_UNACCEPTABLE == 1 }%\n")
    return ("RFC 9293 3.10.7.4 fifth", "an ACK of what was never sent draws an ACK, and is dropped",
            segment(".", s.rcv, s.nxt + 100) + ack(s) + ends(s.name, "ACK_UNSENT"))


def ack_too_old(s):
    if s.name == "SYN-RECEIVED":
        return None
    return ("RFC 5961 5.2", "an ACK older than the largest window draws a challenge ACK",
            segment(".", s.rcv, s.una - BEYOND) + ack(s) + ends(s.name, "ACK_TOO_OLD"))


def ack_duplicate(s):
    if s.name == "SYN-RECEIVED":
        return None
    return ("RFC 9293 3.10.7.4 fifth", "an ACK that was there before changes nothing",
            segment(".", s.rcv, s.una) + ends(s.name))


def no_ack(s):
    return ("RFC 9293 3.10.7.4 fifth", "a segment without ACK is dropped, without an answer",
            segment("P", s.rcv, None, 10) + ends(s.name, "NO_ACK"))


def no_flags(s):
    return ("RFC 9293 3.10.7.4 fifth", "a segment without any flag is dropped, without an answer",
            segment("-", s.rcv) + ends(s.name, "NO_ACK"))


def text_in_order(s):
    if s.name in RECEIVING:
        return ("RFC 9293 3.10.7.4 seventh", "text at RCV.NXT is taken, acknowledged and read",
                segment("P.", s.rcv, s.una, 10) + f"*     > . {s.nxt}:{s.nxt}(0) ack {s.rcv + 10}\n"
                + "+0    read(4, ..., 100) = 10\n" + ends(s.name))
    if s.name in FINISHED:
        return ("RFC 9293 3.10.7.4 seventh", "text behind the peer's FIN is ignored",
                segment("P.", s.rcv, s.una, 10) + ack(s)
                + ends(s.name, "DATA_AFTER_FIN"))
    return ("RFC 9293 3.10.7.4 fifth, seventh", "the ACK of our SYN may bring text along",
            segment("P.", s.rcv, s.nxt, 10) + "*     > . 1:1(0) ack 11\n"
            + "+0    accept(3, ..., ...) = 4\n+0    read(4, ..., 100) = 10\n" + ends("ESTABLISHED"))


def text_ahead(s):
    if s.name in RECEIVING:
        return ("RFC 5681 4.2", "text behind a hole draws a duplicate ACK at once, and waits",
                segment("P.", s.rcv + 100, s.una, 10) + ack(s) + ends(s.name)
                + "+0    %{ out_of_order_bytes == 10 }%\n")
    return None


def text_beyond(s):
    return ("RFC 9293 3.10.7.4 first", "text outside the window draws an ACK, and is dropped",
            segment("P.", s.rcv + BEYOND, max(s.una, 1), 10) + ack(s)
            + ends(s.name, "SEQ_OUTSIDE_WINDOW"))


def text_before(s):
    return ("RFC 9293 3.10.7.4 first", "text left of the window draws an ACK, and is dropped",
            segment("P.", s.rcv - 10, max(s.una, 1), 10) + ack(s) + ends(s.name))


def text_partly_old(s):
    if s.name not in RECEIVING:
        return None
    return ("RFC 9293 3.10.7.4 seventh", "of text that overlaps RCV.NXT only the new part is taken",
            segment("P.", s.rcv, s.una, 10) + segment("P.", s.rcv + 5, s.una, 10)
            + f"*     > . {s.nxt}:{s.nxt}(0) ack {s.rcv + 15}\n"
            + "+0    read(4, ..., 100) = 15\n" + ends(s.name))


def keepalive_probe(s):
    return ("RFC 9293 3.8.4", "a segment at RCV.NXT-1 without text (a keep-alive) draws an ACK",
            segment(".", s.rcv - 1, max(s.una, 1)) + ack(s) + ends(s.name))


def fin(s):
    after = {"ESTABLISHED": "CLOSE-WAIT", "FIN-WAIT-1": "CLOSING", "FIN-WAIT-2": "TIME-WAIT"}
    if s.name in after:
        end = ends(after[s.name])
        return ("RFC 9293 3.10.7.4 eighth", f"a FIN leads to {after[s.name]}",
                segment("F.", s.rcv, s.una) + f"*     > . {s.nxt}:{s.nxt}(0) ack {s.rcv + 1}\n"
                + "+0    read(4, ..., 100) = 0\n" + end)
    if s.name == "SYN-RECEIVED":
        return ("RFC 9293 3.10.7.4 eighth", "a FIN with the ACK of our SYN leads to CLOSE-WAIT",
                segment("F.", s.rcv, s.nxt) + "*     > . 1:1(0) ack 2\n"
                "+0    accept(3, ..., ...) = 4\n+0    read(4, ..., 100) = 0\n" + ends("CLOSE-WAIT"))
    return ("RFC 9293 3.10.7.4 eighth", "the peer's FIN again draws an ACK; the state remains",
            segment("F.", s.rcv - 1, s.una) + ack(s) + ends(s.name))


def fin_with_text(s):
    after = {"ESTABLISHED": "CLOSE-WAIT", "FIN-WAIT-1": "CLOSING", "FIN-WAIT-2": "TIME-WAIT"}
    if s.name not in after:
        return None
    return ("RFC 9293 3.10.7.4 seventh, eighth", "text first, then its FIN",
            segment("FP.", s.rcv, s.una, 10) + f"*     > . {s.nxt}:{s.nxt}(0) ack {s.rcv + 11}\n"
            + "+0    read(4, ..., 100) = 10\n+0    read(4, ..., 100) = 0\n" + ends(after[s.name]))


def fin_ahead(s):
    if s.name not in RECEIVING:
        return None
    return ("RFC 9293 3.10.7.4 eighth", "a FIN behind a hole counts when the hole is filled",
            segment("F.", s.rcv + 10, s.una) + ack(s) + segment("P.", s.rcv, s.una, 10)
            + f"*     > . {s.nxt}:{s.nxt}(0) ack {s.rcv + 11}\n"
            + "+0    read(4, ..., 100) = 10\n+0    read(4, ..., 100) = 0\n")


def ack_of_fin(s):
    after = {"FIN-WAIT-1": "FIN-WAIT-2", "CLOSING": "TIME-WAIT", "LAST-ACK": "CLOSED"}
    if s.name not in after:
        return None
    return ("RFC 9293 3.10.7.4 fifth", f"the ACK of our FIN leads to {after[s.name]}",
            segment(".", s.rcv, s.nxt) + ends(after[s.name]))


def fin_again_after_loss(s):
    if s.name not in ("FIN-WAIT-1", "CLOSING", "LAST-ACK"):
        return None
    return ("RFC 6298 5.4", "a FIN that nobody acknowledges is sent again",
            f"*     > F. 1:1(0) ack {s.rcv}\n" + segment(".", s.rcv, s.nxt))


def bad_checksum(s):
    return ("RFC 9293 3.1 (MUST-3)", "a segment with a wrong checksum is dropped",
            f"+.01  < [bad_checksum] R {s.rcv}:{s.rcv}(0) win 0\n" + ends(s.name, "TCP_CHECKSUM"))


def port_unreachable(s):
    if s.name in ("SYN-RECEIVED", "TIME-WAIT", "FIN-WAIT-2"):
        return None
    if s.una == s.nxt:
        return ("RFC 5927 4", "an ICMP error about what is not in flight is ignored",
                f"+.01  < icmp unreachable port_unreachable [{s.nxt}:{s.nxt}(0)]\n"
                + ends(s.name, "ICMP_UNMATCHED"))
    return ("RFC 5927 5, D9", "a hard ICMP error ends no synchronised connection",
            f"+.01  < icmp unreachable port_unreachable [{s.una}:{s.una}(0)]\n" + ends(s.name))


def options_malformed(s):
    if s.name == "SYN-RECEIVED":
        return None
    return ("RFC 9293 3.1 (MUST-7)", "an option of length 0 is survived; the segment counts",
            segment("P.", s.rcv + BEYOND, s.una, 10, " <raw fd00,nop,nop>") + ack(s)
            + ends(s.name))


def unknown_option(s):
    if s.name not in RECEIVING:
        return None
    return ("RFC 9293 3.1 (MUST-6)", "an unknown option is skipped; the text counts",
            segment("P.", s.rcv, s.una, 10, " <raw fd04abcd>")
            + f"*     > . {s.nxt}:{s.nxt}(0) ack {s.rcv + 10}\n+0    read(4, ..., 100) = 10\n")


def everything_at_once(s):
    if s.name in ("SYN-RECEIVED", "TIME-WAIT"):
        return None
    return ("RFC 9293 3.10.7.4 second", "of SYN, FIN, RST, PSH, URG and ACK at RCV.NXT the RST "
            "is looked at first", segment("FSRP.U", s.rcv, s.nxt) + ends("CLOSED"))


def reserved_bits(s):
    if s.name not in RECEIVING:
        return None
    return ("RFC 9293 3.1 (MUST-8)", "reserved header bits are ignored when a segment comes",
            f"+.01  < [reserved 15] P. {s.rcv}:{s.rcv + 10}(10) ack {s.una} win 32792\n"
            + f"*     > . {s.nxt}:{s.nxt}(0) ack {s.rcv + 10}\n+0    read(4, ..., 100) = 10\n")


EVENTS = [rst_exact, rst_in_window, rst_beyond, rst_before, syn_in_window, syn_again, syn_ack,
          ack_unsent, ack_too_old, ack_duplicate, no_ack, no_flags, text_in_order, text_ahead,
          text_beyond, text_before, text_partly_old, keepalive_probe, fin, fin_with_text, fin_ahead,
          ack_of_fin, fin_again_after_loss, bad_checksum, port_unreachable, options_malformed,
          unknown_option, everything_at_once, reserved_bits]


def wrapped(text):
    """The comment, in lines of at most 100."""
    lines, line = [], "//"
    for word in text.split():
        if len(line) + 1 + len(word) > 99:
            lines.append(line)
            line = "//"
        line += " " + word
    return "\n".join(lines + [line]) + "\n"


def scripts():
    for state in STATES:
        for event in EVENTS:
            case = event(state)
            if case is None:
                continue
            section, text, lines = case
            head = wrapped(f"{section}: {text}. In {state.name}. (generate.py)")
            yield f"rfc9293_{state.file}__{event.__name__}.pkt", f"{head}\n{state.prelude}\n{lines}"


def main(argv):
    folder, check = argv[1], "--check" in argv
    wanted = dict(scripts())
    there = {n for n in os.listdir(folder) if n.startswith("rfc9293_") and "__" in n}
    wrong = 0
    for name in sorted(there - set(wanted)):
        with open(os.path.join(folder, name), encoding="utf-8") as file:
            if "(generate.py)" in file.read():
                print(f"{name}: generate.py no longer makes it")
                wrong += 1
    for name, text in wanted.items():
        path = os.path.join(folder, name)
        old = None
        if os.path.exists(path):
            with open(path, encoding="utf-8") as file:
                old = file.read()
        if old == text:
            continue
        if check:
            print(f"{name} differs: run generate.py {folder}")
            wrong += 1
        else:
            with open(path, "w", encoding="utf-8") as file:
                file.write(text)
    return wrong != 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
