# SPDX-License-Identifier: MIT
"""What may become of a capture: cut, thinned, doubled, joined, disordered, its clock stepped."""
import os
import struct

import wire


def read(path):
    with open(path, "rb") as f:
        f.read(24)
        while head := f.read(16):
            s, ns, n, _ = (int.from_bytes(head[i:i + 4], "little") for i in (0, 4, 8, 12))
            yield s * 10**9 + ns, f.read(n)


def streams_n(path):
    """How many of the connections left something in the capture."""
    ports = set()
    for _, frame in read(path):
        where = wire.layers(frame)
        if where is not None:
            ports.add(frozenset(struct.unpack_from("!HH", frame, where[1])))
    return len(ports)


def source(frame):
    return frame[26:30] if frame[12:14] == b"\x08\x00" else frame[22:38]


def follows(frame, other):
    """The second is the text right behind the first, and nothing else has changed: GRO joins them."""
    a, b = wire.layers(frame), wire.layers(other)
    if a is None or b is None or a[1:3] != b[1:3] or source(frame) != source(other):
        return False
    tcp, text = a[1], a[2]
    seq = struct.unpack_from("!I", frame, tcp + 4)[0] + a[3] - text
    return (frame[tcp:tcp + 4] == other[tcp:tcp + 4] and a[3] > text and b[3] > text and
            seq & 0xffffffff == struct.unpack_from("!I", other, tcp + 4)[0] and
            frame[tcp + 8:tcp + 13] == other[tcp + 8:tcp + 13] and
            frame[tcp + 13] == wire.ACK and other[tcp + 13] & ~wire.PSH == wire.ACK and
            frame[tcp + 20:text] == other[tcp + 20:text])


def join(frame, other):
    """One super-segment, with checksums as they would be."""
    a, b = wire.layers(frame), wire.layers(other)
    out = bytearray(frame[:a[3]]) + other[b[2]:b[3]]
    out[a[1] + 13] |= other[b[1] + 13]
    if frame[12:14] == b"\x08\x00":
        struct.pack_into("!H", out, 16, len(out) - 14)
        out[24:26] = b"\0\0"
        struct.pack_into("!H", out, 24, wire.sum16(bytes(out[14:34])) ^ 0xffff)
    else:
        struct.pack_into("!H", out, 18, len(out) - 54)
    wire.fill_checksum(out, a[1], len(out))
    return bytes(out)


def joined(packets):
    """As a device gives them to the system: what comes within 50 us of each other is one."""
    out = []
    for at, frame in packets:
        if out and at - out[-1][0] < 50000 and len(out[-1][1]) < 40000 and follows(out[-1][1], frame):
            out[-1] = (out[-1][0], join(out[-1][1], frame))
        else:
            out.append((at, frame))
    return out


def snapped(rng, packets):
    """Cut at a length that leaves the numbers of TCP: options are what is lost."""
    least = 96 if any(frame[12:14] == b"\x86\xdd" for _, frame in packets) else 64
    return rng.choice([n for n in (64, 96, 128) if n >= least])


KINDS = ("snap", "snap", "up", "down", "gaps", "late", "early", "twice", "mirror", "disorder", "clock", "joined")


def derive(rng, folder, name, place):
    """[(file name, capture point, derived, artefact)]: the capture, and what became of it. `derived`:
    what the kernel counted is not all there; `artefact`: what the analyser may say of the file."""
    packets = list(read(os.path.join(folder, f"{name}.{place}.pcap")))
    out = [(f"{name}.{place}.pcap", place, False, "")]
    kind, n = rng.choice(KINDS), len(packets)
    if n == 0:
        return out
    first, snap, artefact, derived = source(packets[0][1]), 0, "", True
    if kind == "snap":
        kept, snap, derived = packets, snapped(rng, packets), False
    elif kind in ("up", "down"):
        kept, artefact = [p for p in packets if (source(p[1]) == first) == (kind == "up")], "CAPTURE_ONE_WAY"
    elif kind == "gaps":
        kept, artefact = [p for p in packets if rng.random() > 0.04], "CAPTURE_MISSING"
    elif kind == "late":
        kept = packets[rng.randrange(1, max(n - 2, 2)):]
    elif kind == "early":
        kept = packets[:rng.randrange(2, max(n, 3))]
    elif kind in ("twice", "mirror"):
        pause = 2000 if kind == "twice" else rng.choice((30000, 300000))
        kept, artefact, derived = [q for p in packets for q in (p, (p[0] + pause, p[1]))], "CAPTURE_TWICE", False
        kept.sort(key=lambda p: p[0])
    elif kind == "clock":
        step = rng.choice((3600, 86400, -100)) * 10**9
        where = rng.randrange(n)
        kept = [(at + (step if i >= where else 0), f) for i, (at, f) in enumerate(packets)]
        artefact = "CAPTURE_CLOCK_STEP"
    elif kind == "joined":
        kept, artefact = joined(packets), "CAPTURE_SUPER"
    else:
        kept, artefact = list(packets), "CAPTURE_BACK"
        for i in range(n - 1):
            if rng.random() < 0.05:
                kept[i], kept[i + 1] = kept[i + 1], kept[i]
    file = f"{name}.{place}.{kind}.pcap"
    wire.pcap_write(os.path.join(folder, file), kept, snap)
    return out + [(file, place, derived, artefact)]
