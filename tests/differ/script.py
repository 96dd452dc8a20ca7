# SPDX-License-Identifier: MIT
"""Scripts: what the application calls and what the scripted peer sends, drawn from a seed.

Numbers of a packet are relative to what the peer has learned when it sends it (peer.py): a base and
how far from it.
"""
import dataclasses
import random

APP_OCTETS = (1, 10, 100, 1000, 1460, 3000, 6000)
TEXT_OCTETS = (1, 2, 10, 100, 536, 1000)


@dataclasses.dataclass(frozen=True)
class Call:
    name: str
    args: tuple = ()

    def __str__(self):
        return " ".join(map(str, (self.name, *self.args)))


@dataclasses.dataclass(frozen=True)
class Packet:
    flags: str
    seq: tuple = ("una", 0)   # una: acknowledged to us; nxt: behind what we sent; edge: of the window
    ack: tuple = ("rcv", 0)   # rcv: all that came; acked: what we acknowledged last; iss: theirs
    text: int = 0
    window: int = 65535
    stamps: str = "auto"      # auto (where agreed), old, none, wrong (an echo of nothing)
    sack: tuple = ()          # pairs of distances from `acked`
    urgent: int = 0

    def __str__(self):
        default = Packet(self.flags)
        words = [self.flags or "-", f"seq={self.seq[0]}{self.seq[1]:+d}"]
        if "A" in self.flags:
            words.append(f"ack={self.ack[0]}{self.ack[1]:+d}")
        words += [f"{name}={getattr(self, name)}" for name in
                  ("text", "window", "stamps", "sack", "urgent")
                  if getattr(self, name) != getattr(default, name)]
        return " ".join(words)


@dataclasses.dataclass(frozen=True)
class Script:
    seed: int
    iss: int
    mss: int | None
    scale: int | None
    sack: bool
    stamps: bool
    steps: tuple

    def __str__(self):
        words = [f"iss={self.iss:#x}", f"mss={self.mss}", f"scale={self.scale}"]
        words += ["sack"] * self.sack + ["timestamps"] * self.stamps
        return f"seed {self.seed}: the peer has {' '.join(words)}"


def opening(rng):
    syn, final = Packet("S", ("iss", 0)), Packet("A")
    forms = [
        [Call("listen"), syn, final, Call("accept")],
        [Call("listen"), syn, Packet("AP", text=rng.choice(TEXT_OCTETS)), Call("accept")],
        [Call("connect"), Packet("SA", ("iss", 0)), Call("error")],
        [Call("connect"), syn, Packet("A", ("iss", 1))],
        [Call("connect"), syn, Packet("SA", ("iss", 0))],
    ]
    steps = rng.choices(forms, (10, 2, 10, 2, 1))[0]
    if rng.random() < 0.25:
        steps.insert(rng.randint(1, len(steps)), wild(rng))
    if rng.random() < 0.08:
        del steps[rng.randrange(1, len(steps))]
    if rng.random() < 0.8:
        steps.append(Call("nodelay"))
    return steps


def near(rng):
    return rng.choice((0, 0, 0, 1, -1, 1, -1, 2, -2, 10, -10, 500, -500, 100000, -100000))


def wild(rng):
    """Any flags, any numbers: most of it must be answered by the first tests of 3.10.7."""
    flags = rng.choices(("A", "S", "SA", "R", "RA", "F", "FA", "AP", "", "P", "SF", "SFA", "SR", "AU"),
                        (6, 3, 3, 2, 2, 1, 2, 3, 1, 1, 1, 1, 1, 1))[0]
    return Packet(flags, (rng.choice(("una", "nxt", "edge", "iss")), near(rng)),
                  (rng.choice(("rcv", "acked", "iss")), near(rng)),
                  rng.choice((0, 0, 0, 1, 10, 100)) if "S" not in flags else 0,
                  rng.choice((0, 1, 1000, 65535, 65535)),
                  rng.choices(("auto", "old", "none", "wrong"), (12, 2, 1, 1))[0],
                  urgent=rng.choice((0, 1, 5)) if "U" in flags else 0)


def data(rng):
    return Packet("AP", text=rng.choice(TEXT_OCTETS))


def out_of_order(rng):
    fin = "F" * (rng.random() < 0.15)
    return Packet("A" + fin, ("una", rng.choice((1, 10, 100, 1000, 5000))),
                  text=rng.choice(TEXT_OCTETS))


def overlapping(rng):
    fin = "F" * (rng.random() < 0.15)
    return Packet("A" + fin, ("una", -rng.choice((1, 2, 10, 100))), text=rng.choice(TEXT_OCTETS))


def at_the_edge(rng):
    text = rng.choice((0, 1, 10, 100))
    return Packet("A", ("edge", rng.choice((-text - 1, -text, -text + 1, -1, 0, 1))), text=text)


def reset(rng):
    place = rng.choice((("una", 0), ("una", 0), ("una", 1), ("una", 500), ("una", -1), ("edge", -1),
                        ("edge", 0), ("edge", 1), ("nxt", 0)))
    return Packet(rng.choice(("R", "RA")), place)


def syn_again(rng):
    place = rng.choice((("una", 0), ("una", 100), ("iss", 0), ("iss", 0), ("una", -1), ("una", 200000)))
    return Packet(rng.choice(("S", "S", "SA")), place)


def acknowledgement(rng):
    return Packet("A", ack=rng.choice((("rcv", 0),) * 6 + (("acked", 0), ("acked", 1), ("acked", 100),
                                                         ("rcv", -1), ("acked", 536))))


def acknowledgement_off(rng):
    far = rng.choice((("rcv", 1), ("rcv", 1000), ("rcv", 200000), ("acked", -1), ("acked", -1000),
                      ("acked", -200000), ("iss", 1), ("iss", 2)))
    return Packet("AP" if rng.random() < 0.5 else "A", ack=far, text=rng.choice((0, 10)))


def window(rng):
    return Packet("A", ack=rng.choice((("rcv", 0), ("acked", 0))), text=rng.choice((0, 1, 1, 1)),
                  window=rng.choice((0, 0, 1, 10, 100, 1000, 5000)))


def stamps_off(rng):
    return Packet(rng.choice(("A", "AP", "FA", "R")), text=rng.choice((0, 0, 10)),
                  stamps=rng.choice(("old", "old", "old", "none", "wrong", "wrong")))


def selective(rng):
    start = rng.choice((1, 100, 1000, 1460))
    blocks = ((start, start + rng.choice((1, 100, 1460))),)
    if rng.random() < 0.3:
        blocks += ((start + 3000, start + 3500),)
    return Packet("A", ack=("acked", 0), sack=blocks)


def urgent(rng):
    return Packet("AU", text=rng.choice((0, 1, 10, 100)), urgent=rng.choice((0, 1, 5, 10, 1000)))


def fin(rng):
    return Packet("FA", ack=rng.choice((("rcv", 0),) * 3 + (("acked", 0),)),
                  text=rng.choice((0, 0, 0, 10)))


def without_ack(rng):
    return Packet(rng.choice(("", "P", "F", "FP")), text=rng.choice((0, 10)))


PACKETS = ((data, 30), (acknowledgement, 30), (fin, 10), (out_of_order, 15), (overlapping, 12),
           (at_the_edge, 8), (reset, 8), (syn_again, 8), (acknowledgement_off, 10), (window, 8),
           (stamps_off, 5), (selective, 6), (urgent, 5), (without_ack, 3), (wild, 10))
CALLS = (("send", 25), ("receive", 20), ("shutdown", 8), ("close", 6), ("linger", 3), ("nodelay", 3),
         ("error", 4), ("accept", 2), ("urgent", 3))


def drawn_call(rng):
    name = rng.choices(*zip(*CALLS))[0]
    if name in ("send", "urgent"):
        return Call(name, (rng.choice(APP_OCTETS),))
    if name == "receive":
        return Call(name, (rng.choice((1, 10, 1000, 20000)),))
    return Call(name, (rng.choice((0, 1, 1, 1, 2)),) if name == "shutdown" else ())


def drawn(seed):
    rng = random.Random(seed)
    steps = opening(rng)
    for _ in range(rng.randint(2, 14)):
        if rng.random() < 0.35:
            steps.append(drawn_call(rng))
            if steps[-1].name == "close":
                steps += [rng.choices(*zip(*PACKETS))[0](rng) for _ in range(rng.randint(1, 5))]
                break
        else:
            steps.append(rng.choices(*zip(*PACKETS))[0](rng))
    return Script(seed, rng.choice((1000, 0xfffffff0, 0x7ffffff0, rng.getrandbits(32))),
                  rng.choice((None, 536, 1000, 1460, 1460, 1460, 9000)),
                  rng.choice((None, 0, 2, 7, 7, 14)), rng.random() < 0.7, rng.random() < 0.6,
                  tuple(steps))
