# SPDX-License-Identifier: MIT
"""TCP in IPv4: packets to fields and back, checksums made and verified."""
import dataclasses
import socket
import struct

FLAGS = "FSRPAUEC"


@dataclasses.dataclass
class Segment:
    source: str = ""
    destination: str = ""
    source_port: int = 0
    destination_port: int = 0
    seq: int = 0
    ack: int = 0
    flags: str = ""
    window: int = 0
    urgent: int = 0
    text: bytes = b""
    mss: int | None = None
    scale: int | None = None
    sack_permitted: bool = False
    stamps: tuple | None = None  # TSval, TSecr
    sack: tuple = ()             # ((left, right), ...)
    wrong_checksum: bool = False

    @property
    def length(self):
        return len(self.text) + ("S" in self.flags) + ("F" in self.flags)


def checksum(data):
    if len(data) & 1:
        data += b"\0"
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


def pseudo(source, destination, length):
    return source + destination + struct.pack("!BBH", 0, socket.IPPROTO_TCP, length)


def options(seg):
    out = b""
    if seg.mss is not None:
        out += struct.pack("!BBH", 2, 4, seg.mss)
    if seg.scale is not None:
        out += struct.pack("!BBBB", 1, 3, 3, seg.scale)
    if seg.sack_permitted:
        out += b"\1\1\4\2"
    if seg.stamps is not None:
        out += struct.pack("!BBBBII", 1, 1, 8, 10, *seg.stamps)
    if seg.sack:
        out += struct.pack("!BBBB", 1, 1, 5, 2 + 8 * len(seg.sack))
        out += b"".join(struct.pack("!II", *block) for block in seg.sack)
    return out


def build(seg):
    """The IPv4 packet."""
    opts = options(seg)
    bits = sum(1 << FLAGS.index(name) for name in seg.flags)
    head = struct.pack("!HHIIBBHHH", seg.source_port, seg.destination_port, seg.seq & 0xffffffff,
                       seg.ack & 0xffffffff, (20 + len(opts)) << 2, bits, seg.window, 0, seg.urgent)
    body = head + opts + seg.text
    source, destination = map(socket.inet_aton, (seg.source, seg.destination))
    total = checksum(pseudo(source, destination, len(body)) + body)
    return ip(source, destination, socket.IPPROTO_TCP, body[:16] + struct.pack("!H", total) + body[18:])


def ip(source, destination, protocol, body):
    head = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(body), 0, 0x4000, 64, protocol, 0) + source + \
        destination
    return head[:10] + struct.pack("!H", checksum(head)) + head[12:] + body


def ping(source, destination, number):
    """An echo request, whose reply says that everything before it has been dealt with."""
    body = struct.pack("!BBHHH", 8, 0, 0, 0x6c61, number & 0xffff)
    body = body[:2] + struct.pack("!H", checksum(body)) + body[4:]
    return ip(socket.inet_aton(source), socket.inet_aton(destination), socket.IPPROTO_ICMP, body)


def is_pong(packet, number):
    return packet[9] == socket.IPPROTO_ICMP and packet[20] == 0 and \
        struct.unpack_from("!H", packet, 26)[0] == number & 0xffff


def parse_options(seg, raw):
    while raw and raw[0] != 0:
        if raw[0] == 1:
            raw = raw[1:]
            continue
        kind, body = raw[0], raw[2:raw[1]]
        if kind == 2:
            seg.mss = struct.unpack("!H", body)[0]
        elif kind == 3:
            seg.scale = body[0]
        elif kind == 4:
            seg.sack_permitted = True
        elif kind == 5:
            seg.sack = tuple(struct.unpack_from("!II", body, i) for i in range(0, len(body), 8))
        elif kind == 8:
            seg.stamps = struct.unpack("!II", body)
        raw = raw[raw[1]:]


def parse(packet):
    """A Segment, or None where it is another protocol."""
    if packet[0] != 0x45 or packet[9] != socket.IPPROTO_TCP:
        return None
    body = packet[20:struct.unpack_from("!H", packet, 2)[0]]
    ports_and_numbers = struct.unpack_from("!HHIIBBHHH", body)
    off = (ports_and_numbers[4] >> 4) * 4
    seg = Segment(socket.inet_ntoa(packet[12:16]), socket.inet_ntoa(packet[16:20]),
                  *ports_and_numbers[:4])
    seg.flags = "".join(name for i, name in enumerate(FLAGS) if ports_and_numbers[5] & 1 << i)
    seg.window, seg.urgent = ports_and_numbers[6], ports_and_numbers[8]
    seg.text = body[off:]
    parse_options(seg, body[20:off])
    seg.wrong_checksum = checksum(pseudo(packet[12:16], packet[16:20], len(body)) + body) != 0
    return seg
