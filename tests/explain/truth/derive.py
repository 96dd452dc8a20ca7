# SPDX-License-Identifier: MIT
"""What may become of a capture: cut, thinned, doubled, joined, disordered, its clock stepped."""
import os
import struct

import wire
from segments import follows, join, layers, set_length, source, sum16


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
        where = layers(frame)
        if where is not None:
            ports.add(frozenset(struct.unpack_from("!HH", frame, where[1])))
    return len(ports)


def joined(packets):
    """As a device gives them to the system: what comes within 50 us of each other is one."""
    out = []
    for at, frame in packets:
        if out and at - out[-1][0] < 50000 and len(out[-1][1]) < 40000 and follows(out[-1][1], frame):
            out[-1] = (out[-1][0], bytes(join(out[-1][1], frame)))
        else:
            out.append((at, frame))
    return out


def snapped(rng, packets):
    """Cut at a length that leaves the numbers of TCP: options are what is lost."""
    least = 96 if any(frame[12:14] == b"\x86\xdd" for _, frame in packets) else 64
    return rng.choice([n for n in (64, 96, 128) if n >= least])


def fragmented(frame, size):
    """The packet in fragments of IPv4 of that size."""
    if frame[12:14] != b"\x08\x00" or len(frame) <= 34 + size:
        return [frame]
    head = (frame[14] & 15) * 4
    body, out = frame[14 + head:14 + struct.unpack_from("!H", frame, 16)[0]], []
    for at in range(0, len(body), size):
        part = bytearray(frame[:14 + head]) + body[at:at + size]
        struct.pack_into("!H", part, 20, at // 8 | (0x2000 if at + size < len(body) else 0))
        set_length(part)
        out.append(bytes(part))
    return out


def inner(number):
    """A header of IPv4 that carries another protocol between two routers."""
    def around(payload):
        head = struct.pack("!BBHHHBBH8s", 0x45, 0, 20 + len(payload), 9, 0, 64, number, 0, bytes(range(10, 18)))
        return head[:10] + struct.pack("!H", sum16(head) ^ 0xffff) + head[12:] + payload
    return around


def in_ip(number, before=b""):
    return lambda f: f[:12] + b"\x08\x00" + inner(number)(before + f[14:])


def vxlan(frame):
    udp = struct.pack("!HHHH", 50000, 4789, 16 + len(frame), 0) + bytes((8, 0, 0, 0, 0, 0, 42, 0)) + frame
    return frame[:12] + b"\x08\x00" + inner(17)(udp)


# How the same packets look on other links and in tunnels: (link type, frame -> frame).
FRAMES = {
    "raw": (101, lambda f: f[14:]),
    "sll": (113, lambda f: struct.pack("!HHH", 0, 1, 6) + f[6:12] + bytes(2) + f[12:]),
    "sll2": (276, lambda f: f[12:14] + bytes(2) + struct.pack("!IHBB", 2, 1, 0, 6) + f[6:12] + bytes(2) + f[14:]),
    "vlan": (1, lambda f: f[:12] + b"\x81\x00\x00\x07" + f[12:]),
    "pppoe": (1, lambda f: f[:12] + b"\x88\x64\x11\x00" + struct.pack("!HH", 3, len(f) - 12) +
              (b"\x00\x21" if f[12:14] == b"\x08\x00" else b"\x00\x57") + f[14:]),
    "mpls": (1, lambda f: f[:12] + b"\x88\x47\x00\x01\x01\x40" + f[14:]),
    "ipip": (1, lambda f: in_ip(4 if f[12:14] == b"\x08\x00" else 41)(f)),
    "gre": (1, lambda f: in_ip(47, bytes(2) + f[12:14])(f)),
    "vxlan": (1, vxlan),
}
KINDS = ("framed", "framed", "fragments", "both", "snap", "snap", "up", "down", "gaps", "late",
         "early", "twice", "mirror", "disorder", "clock", "joined")


def derive(rng, folder, name, place):
    """[(file name, capture point, derived, artefact)]: the capture, and what became of it. `derived`:
    what the kernel counted is not all there; `artefact`: what the analyser may say of the file."""
    packets = list(read(os.path.join(folder, f"{name}.{place}.pcap")))
    out = [(f"{name}.{place}.pcap", place, False, "")]
    kind, n, link = rng.choice(KINDS), len(packets), 1
    if kind == "both" and place != "client":
        kind = "late"
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
    elif kind == "framed":
        link, around = FRAMES[rng.choice(sorted(FRAMES))]
        kept, derived = [(at, around(frame)) for at, frame in packets], False
    elif kind == "fragments":
        size = rng.choice((48, 256, 1024))
        kept, derived = [(at, part) for at, frame in packets for part in fragmented(frame, size)], False
    elif kind == "both":
        other = os.path.join(folder, f"{name}.server.pcap")
        kept = sorted(packets + list(read(other)), key=lambda p: p[0])
        artefact = "CAPTURE_TWICE"
    elif kind == "joined":
        kept, artefact = joined(packets), "CAPTURE_SUPER"
    else:
        kept, artefact = list(packets), "CAPTURE_BACK"
        for i in range(n - 1):
            if rng.random() < 0.05:
                kept[i], kept[i + 1] = kept[i + 1], kept[i]
    file = f"{name}.{place}.{kind}.pcap"
    wire.pcap_write(os.path.join(folder, file), kept, snap, link)
    return out + [(file, place, derived, artefact)]
