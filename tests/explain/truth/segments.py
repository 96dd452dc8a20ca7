# SPDX-License-Identifier: MIT
"""Frames of Ethernet that hold TCP: where its parts lie, checksums, cutting and joining, errors about them."""
import struct

FIN, SYN, RST, PSH, ACK = 1, 2, 4, 8, 16


def sum16(data):
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return total


def is_v4(frame):
    return frame[12:14] == b"\x08\x00"


def layers(frame):
    """(offset of IP, offset of TCP, offset of text, end of the packet), or None: no TCP."""
    if len(frame) < 54:
        return None
    if is_v4(frame) and frame[23] == 6:
        tcp = 14 + (frame[14] & 15) * 4
        end = 14 + struct.unpack_from("!H", frame, 16)[0]
    elif frame[12:14] == b"\x86\xdd" and frame[20] == 6:
        tcp, end = 54, 54 + struct.unpack_from("!H", frame, 18)[0]
    else:
        return None
    if len(frame) < tcp + 20:
        return None
    return 14, tcp, tcp + (frame[tcp + 12] >> 4) * 4, end


def source(frame):
    return frame[26:30] if is_v4(frame) else frame[22:38]


def pseudo_sum(frame, tcp, end):
    addrs = bytes(frame[26:34] if is_v4(frame) else frame[22:54])
    return sum16(addrs + struct.pack("!HH", 6, end - tcp))


def fill_checksum(frame, tcp, end):
    """The whole TCP checksum, of a packet whose IP header is right."""
    frame[tcp + 16:tcp + 18] = b"\0\0"
    total = pseudo_sum(frame, tcp, end) + sum16(bytes(frame[tcp:end]))
    struct.pack_into("!H", frame, tcp + 16, (total & 0xffff) + (total >> 16) ^ 0xffff)


def fill_ip_checksum(frame):
    if is_v4(frame):
        frame[24:26] = b"\0\0"
        struct.pack_into("!H", frame, 24, sum16(bytes(frame[14:14 + (frame[14] & 15) * 4])) ^ 0xffff)


def set_length(frame):
    """What the IP header says of the length is that of the frame."""
    if is_v4(frame):
        struct.pack_into("!H", frame, 16, len(frame) - 14)
        fill_ip_checksum(frame)
    else:
        struct.pack_into("!H", frame, 18, len(frame) - 54)


def cut(frame, size):
    """A super-segment as the packets that a device would send."""
    _, tcp, text, end = layers(frame)
    seq, = struct.unpack_from("!I", frame, tcp + 4)
    ip_id, = struct.unpack_from("!H", frame, 18)
    for i, at in enumerate(range(text, end, size)):
        part = bytearray(frame[:text]) + frame[at:min(at + size, end)]
        last = at + size >= end
        struct.pack_into("!I", part, tcp + 4, (seq + at - text) & 0xffffffff)
        if not last:
            part[tcp + 13] &= ~(FIN | PSH) & 0xff
        if i > 0:
            part[tcp + 13] &= 0x7f  # CWR stands in the first alone (RFC 3168 6.1.2)
        if is_v4(part):
            struct.pack_into("!H", part, 18, (ip_id + i) & 0xffff)
        set_length(part)
        fill_checksum(part, tcp, len(part))
        yield part


def follows(frame, other):
    """The second is the text right behind the first, and nothing else has changed: GRO joins them."""
    a, b = layers(frame), layers(other)
    if a is None or b is None or a[1:3] != b[1:3] or source(frame) != source(other):
        return False
    tcp, text = a[1], a[2]
    seq = struct.unpack_from("!I", frame, tcp + 4)[0] + a[3] - text
    return (frame[tcp:tcp + 4] == other[tcp:tcp + 4] and a[3] > text and b[3] > text and
            seq & 0xffffffff == struct.unpack_from("!I", other, tcp + 4)[0] and
            frame[tcp + 8:tcp + 13] == other[tcp + 8:tcp + 13] and
            frame[tcp + 13] == ACK and other[tcp + 13] & ~PSH == ACK and
            frame[tcp + 20:text] == other[tcp + 20:text])


def join(frame, other):
    """One super-segment, with checksums as they would be."""
    a, b = layers(frame), layers(other)
    out = bytearray(frame[:a[3]]) + other[b[2]:b[3]]
    out[a[1] + 13] |= other[b[1] + 13]
    set_length(out)
    fill_checksum(out, a[1], len(out))
    return out


def icmp_error(frame, rule, word=0):
    """A router's answer (RFC 792, RFC 4443) to the packet: rule is (type, code), word what follows the checksum."""
    v4 = is_v4(frame)
    head = bytes(frame[6:12] + frame[0:6] + frame[12:14])
    quoted = bytes(frame[14:14 + (28 if v4 else 60)])
    body = struct.pack("!BBHI", *rule, 0, word) + quoted
    if v4:
        body = body[:2] + struct.pack("!H", sum16(body) ^ 0xffff) + body[4:]
        ip = struct.pack("!BBHHHBBH", 0x45, 0xc0, 20 + len(body), 77, 0, 63, 1, 0) + \
            bytes(frame[30:34]) + bytes(frame[26:30])
        ip = ip[:10] + struct.pack("!H", sum16(ip) ^ 0xffff) + ip[12:]
    else:
        addrs = bytes(frame[38:54]) + bytes(frame[22:38])
        total = sum16(addrs + struct.pack("!II", len(body), 58) + body)
        body = body[:2] + struct.pack("!H", total ^ 0xffff) + body[4:]
        ip = struct.pack("!IHBB", 0x60000000, len(body), 58, 63) + addrs
    return bytearray(head + ip + body)
