# SPDX-License-Identifier: MIT
"""What stands between the ends and meddles: routers, middleboxes, attackers.

A router takes from the TTL, marks instead of losing (RFC 3168), and drops what is too big for its next link, with or
without saying so. A middlebox takes options out of SYNs, or ends what it does not like with RSTs to both ends. An
attacker who sees the connection forges a RST, a SYN or text for one of them.
"""
import struct

from segments import ACK, FIN, RST, SYN, fill_checksum, fill_ip_checksum, icmp_error, is_v4, layers, set_length

NOP = 1
FORGED = ("box", "rst", "rst-in-window", "rst-outside", "syn", "text")


def draw(rng, family, network):
    """The plan of one."""
    out = {"hops": rng.choice((0, 1, 1, 5, 14)), "mark": rng.choice((0, 0, 0, 0.02, 0.2))}
    kind = rng.choice(("none",) * 12 + ("strip", "mss", "pmtu", "pmtu", "black-hole", "box", "box", "rst", "rst",
                                        "rst-in-window", "rst-outside", "syn", "text", "text", "soft-icmp"))
    if kind in ("strip", "mss") and network == "spoil":
        kind = "none"  # what was spoilt would be right again
    out["kind"], out["side"], out["nth"] = kind, rng.choice("ab"), rng.choice((1, 1, 2, 5, 12))
    if kind == "strip":
        out["options"] = rng.choice(((3,), (4,), (8,), (3, 4, 8), (34,)))
    elif kind == "mss":
        out["mss"] = rng.choice((536, 1000, 1360))
    elif kind in ("pmtu", "black-hole"):
        out["mtu"] = rng.choice((1280, 1400)) if family == 6 else rng.choice((576, 1000, 1400, 1492))
    return out


def option_at(frame, tcp, text, kind):
    """Where that option of the TCP header lies, or None."""
    at = tcp + 20
    while at < text and frame[at] != 0:
        if frame[at] == kind:
            return at
        at += 1 if frame[at] == NOP else max(frame[at + 1] if at + 1 < text else 2, 2)
    return None


class Meddler:
    def __init__(self, rng, plan):
        self.rng, self.plan, self.kind = rng, plan, plan["kind"]
        self.texts, self.done = 0, False

    def passes(self, side, frame):
        """A frame passes the middle: (frame as it goes on, or None; [(side, frame) that is sent besides])."""
        where = layers(frame)
        if where is None:
            return frame, []
        frame = self.routed(bytearray(frame), where)
        if self.kind in ("strip", "mss") and frame[where[1] + 13] & SYN and side == self.plan["side"]:
            self.changed(frame, where)
        if self.kind in ("pmtu", "black-hole") and len(frame) - 14 > self.plan["mtu"] and side == self.plan["side"]:
            return None, self.too_big(side, frame)
        if self.kind == "soft-icmp" and side == self.plan["side"] and where[3] > where[2] and self.is_the_one():
            rule = (3, 1) if is_v4(frame) else (1, 0)
            return None, [(other(side), icmp_error(frame, rule))]
        return frame, self.forged(side, frame, where)

    def routed(self, frame, _):
        at = 22 if is_v4(frame) else 21
        frame[at] = max(frame[at] - self.plan["hops"], 1)
        shift = 0 if is_v4(frame) else 4
        if frame[15] >> shift & 3 in (1, 2) and self.rng.random() < self.plan["mark"]:
            frame[15] |= 3 << shift
        fill_ip_checksum(frame)
        return frame

    def changed(self, frame, where):
        _, tcp, text, end = where
        for kind in self.plan.get("options", ()):
            at = option_at(frame, tcp, text, kind)
            if at is not None:
                n = frame[at + 1]
                frame[at:at + n] = bytes([NOP] * n)
        at = option_at(frame, tcp, text, 2)
        if "mss" in self.plan and at is not None:
            had, = struct.unpack_from("!H", frame, at + 2)
            struct.pack_into("!H", frame, at + 2, min(had, self.plan["mss"]))
        fill_checksum(frame, tcp, end)

    def too_big(self, side, frame):
        if self.kind == "black-hole" or (is_v4(frame) and not frame[20] & 0x40):
            return []
        return [(other(side), icmp_error(frame, (3, 4) if is_v4(frame) else (2, 0), self.plan["mtu"]))]

    def is_the_one(self):
        self.texts += 1
        if self.done or self.texts < self.plan["nth"]:
            return False
        self.done = True
        return True

    def forged(self, side, frame, where):
        """What is made of the n-th segment with text of a side."""
        _, tcp, text, end = where
        if self.kind not in FORGED or side != self.plan["side"] or end == text or \
                frame[tcp + 13] & (SYN | FIN | RST) or not self.is_the_one():
            return []
        seq, ack = struct.unpack_from("!II", frame, tcp + 4)
        after = (seq + end - text) & 0xffffffff
        if self.kind == "box":
            return [(side, self.made(frame, where, after, ack, RST | ACK)),
                    (other(side), self.turned(frame, where, ack, after, RST | ACK))]
        if self.kind == "text":
            return [(side, self.made(frame, where, seq, ack, frame[tcp + 13], self.rng.randbytes(end - text)))]
        if self.kind == "syn":
            return [(side, self.made(frame, where, (after + 1000) & 0xffffffff, 0, SYN))]
        off = {"rst": 0, "rst-in-window": 2000, "rst-outside": 1 << 30}[self.kind]
        return [(side, self.made(frame, where, (after + off) & 0xffffffff, 0, RST))]

    def made(self, frame, where, seq, ack, flags, words=b""):
        """Like that frame, from elsewhere: another TTL and identification, no options but where they are text's."""
        tcp, text = where[1:3]
        out = bytearray(frame[:text if words else tcp + 20]) + words
        struct.pack_into("!II", out, tcp + 4, seq, ack)
        if not words:
            out[tcp + 12] = 5 << 4
        out[tcp + 13] = flags
        out[22 if is_v4(out) else 21] = 44
        if is_v4(out):
            out[18:20] = b"\0\0"
        set_length(out)
        fill_checksum(out, tcp, len(out))
        return out

    def turned(self, frame, where, seq, ack, flags):
        """The same, towards its sender."""
        out = bytearray(frame)
        tcp = where[1]
        out[0:6], out[6:12] = frame[6:12], frame[0:6]
        at, n = (26, 4) if is_v4(frame) else (22, 16)
        out[at:at + n], out[at + n:at + 2 * n] = frame[at + n:at + 2 * n], frame[at:at + n]
        out[tcp:tcp + 2], out[tcp + 2:tcp + 4] = frame[tcp + 2:tcp + 4], frame[tcp:tcp + 2]
        return self.made(out, where, seq, ack, flags)


def other(side):
    return "b" if side == "a" else "a"
