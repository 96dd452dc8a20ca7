# SPDX-License-Identifier: MIT
"""A bad network between two devices of the kernel, and what was seen of it at three places.

Two TAP devices, one in each namespace; every frame of one comes out of the other after two hops. A
hop delays, loses, repeats, overtakes, spoils and queues; between the hops is the place `middle`. At
the devices, packet sockets see what tcpdump would see there, with the kernel's times.
"""
import fcntl
import heapq
import json
import os
import random
import select
import socket
import struct
import time

import meddle
import passed
from segments import ACK, FIN, RST, SYN, cut, fill_checksum, follows, icmp_error, join, layers, pseudo_sum, sum16

ETH_P_ALL = 3
TUNSETIFF, TUNSETOFFLOAD = 0x400454CA, 0x400454D0
IFF_TAP, IFF_NO_PI, IFF_VNET_HDR = 0x0002, 0x1000, 0x4000
TUN_F_CSUM, TUN_F_TSO4, TUN_F_TSO6 = 1, 2, 4
VNET = struct.Struct("=BBHHHH")
SO_TIMESTAMPNS = 35


class Hop:
    """One way over one hop: when each frame leaves it."""

    def __init__(self, rng, delay=0.0, jitter=0.0, loss=0.0, burst=0.0, reorder=0.0, repeat=0.0,
                 spoil=0.0, rate=0, queue=100):
        self.rng = rng
        self.delay, self.jitter, self.loss, self.burst = delay, jitter, loss, burst
        self.reorder, self.repeat, self.spoil = reorder, repeat, spoil
        self.rate, self.queue = rate, queue
        self.free_at = self.last_due = 0.0
        self.losing = False

    def pass_on(self, frame, now):
        """[(due, frame), ...]"""
        self.losing = self.rng.random() < (0.6 if self.losing else self.burst)
        if self.losing or self.rng.random() < self.loss:
            return []
        if self.rate:
            start = max(now, self.free_at)
            if (start - now) * self.rate > self.queue * 1500:
                return []
            now = self.free_at = start + len(frame) / self.rate
        due = now + self.delay + self.rng.random() * self.jitter
        if self.rng.random() < self.reorder:
            due += self.delay * self.rng.uniform(0.1, 1.5) + 0.002
        else:
            due = self.last_due = max(due, self.last_due)
        if self.rng.random() < self.spoil and len(frame) > 60:
            frame = bytearray(frame)
            frame[self.rng.randrange(38, len(frame))] ^= 1 << self.rng.randrange(8)
        out = [(due, frame)]
        if self.rng.random() < self.repeat:
            out.append((due + self.rng.random() * 0.003, frame))
        return out


class Rules:
    """What is done to named segments of a run, and to the path while it lasts."""

    def __init__(self, drops, icmp):
        self.drops = drops  # [(side, kind, first, last)]: of that kind, by number from 1
        self.icmp = icmp    # (type, code) that answers a SYN instead of the server, or None
        self.counts = {}
        self.cut = set()

    def drops_it(self, side, frame, where):
        if side in self.cut:
            return True
        _, tcp, text, end = where
        flags = frame[tcp + 13]
        kind = "syn" if flags & SYN else "fin" if flags & FIN else "rst" if flags & RST else \
            "text" if end > text else "ack"
        n = self.counts[side, kind] = self.counts.get((side, kind), 0) + 1
        return any((side, kind) == rule[:2] and rule[2] <= n <= rule[3] for rule in self.drops)


class Flood:
    """SYNs of addresses that nobody has, to the server (RFC 4987 2)."""

    def __init__(self, rng, plan, macs, server, port):
        self.rng, self.left, self.pause = rng, plan["n"], 1.0 / plan["rate"]
        self.sources, self.macs, self.server, self.port = plan["sources"], macs, server, port
        self.next_at = time.monotonic() + 0.3

    def frame(self):
        n = self.rng.randrange(self.sources)
        if len(self.server) == 4:
            source = bytes((198, 18, n // 250, 1 + n % 250))
        else:
            source = bytes.fromhex("20010002") + bytes(10) + struct.pack("!H", n + 1)
        syn = struct.pack("!HHIIBBHHHBBH", self.rng.randrange(1024, 65536), self.port, self.rng.getrandbits(32), 0,
                          0x60, SYN, 1024, 0, 0, 2, 4, 1460)
        if len(self.server) == 4:
            ip = struct.pack("!BBHHHBBH", 0x45, 0, 44, self.rng.getrandbits(16), 0, 52, 6, 0) + source + self.server
            ip = ip[:10] + struct.pack("!H", sum16(ip) ^ 0xffff) + ip[12:]
            out = bytearray(self.macs + b"\x08\x00" + ip + syn)
        else:
            out = bytearray(self.macs + b"\x86\xdd" + struct.pack("!IHBB", 0x60000000, 24, 6, 52) + source +
                            self.server + syn)
        fill_checksum(out, len(out) - 24, len(out))
        return out

    def due(self, now):
        while self.left > 0 and now >= self.next_at:
            self.left -= 1
            self.next_at += self.pause
            yield self.frame()


class Wire:
    def __init__(self, taps, sniffers, commands, plan, seed):
        self.taps, self.sniffers, self.commands = taps, sniffers, commands
        self.offload, self.gathers, self.held = plan["offload"], plan["gathers"], {}
        rng = random.Random(seed)
        self.hops = {side: [Hop(rng, **hop) for hop in plan["hops"][side]] for side in "ab"}
        self.meddler = meddle.Meddler(rng, plan["meddler"])
        self.rules = Rules([tuple(rule) for rule in plan["drops"]], plan["icmp"])
        self.flood = Flood(rng, plan["flood"], *plan["flood_to"]) if "flood" in plan else None
        self.waiting, self.order = [], 0
        self.seen = {"client": [], "middle": [], "server": []}
        self.passed = passed.Passed()

    def put(self, due, side, hop, frame, number=None):
        self.order += 1
        heapq.heappush(self.waiting, (due, self.order, side, hop, frame, number))

    def enter(self, side, hop, frame, number=None):
        """The frame is before that hop, now."""
        for due, out in self.hops[side][hop].pass_on(frame, time.monotonic()):
            self.put(due, side, hop + 1, out, number)

    def take(self, side, frame):
        where = layers(frame)
        if where is None:
            self.put(0, side, 2, frame)  # what is no TCP is not our matter
            return
        number = self.passed.sent(side, frame, where)
        if self.rules.icmp and frame[where[1] + 13] & (SYN | ACK) == SYN:
            self.put(time.monotonic() + 0.004, "b" if side == "a" else "a", 2,
                     icmp_error(frame, self.rules.icmp))
        elif not self.rules.drops_it(side, frame, where):
            self.enter(side, 0, frame, number)

    def read(self, side, fd):
        for _ in range(64):
            try:
                data = os.read(fd, 70000)
            except BlockingIOError:
                return
            if not self.offload:
                self.take(side, bytearray(data))
                continue
            flags, kind, _, size, start, _ = VNET.unpack_from(data)
            frame = bytearray(data[VNET.size:])
            if kind:
                for part in cut(frame, size):
                    self.take(side, part)
                continue
            if flags & 1 and (where := layers(frame)) is not None:
                fill_checksum(frame, start, where[3])
            self.take(side, frame)

    def move(self):
        """All that is due; seconds until the next is."""
        while self.waiting:
            due, _, side, hop, frame, number = self.waiting[0]
            now = time.monotonic()
            if due > now:
                self.let_go("a"), self.let_go("b")
                return due - now
            heapq.heappop(self.waiting)
            if hop < 2:
                self.in_the_middle(side, hop, frame, number)
                continue
            self.passed.passes(hop, number)
            if self.flood is not None and side == "b" and self.is_spoofed(frame):
                continue  # the answer goes elsewhere
            self.deliver(side, frame)
        self.let_go("a"), self.let_go("b")
        return 1.0

    def in_the_middle(self, side, hop, frame, number):
        """The capture there sees what comes to the router; what that makes of it goes on."""
        self.passed.passes(hop, number)
        self.seen["middle"].append((time.time_ns(), bytes(frame)))
        if number is None:
            self.enter(side, hop, frame, number)
            return
        on, besides = self.meddler.passes(side, frame)
        if on is not None:
            self.enter(side, hop, on, number)
        for way, made in besides:
            self.put(0, way, 1, made)

    def deliver(self, side, frame):
        """To the other end's device, which may gather what comes together (GRO)."""
        held = self.held.get(side)
        if held is not None and len(held[0]) < 30000 and follows(held[0], frame):
            self.held[side] = join(held[0], frame), held[1]
            return
        self.let_go(side)
        where = layers(frame) if self.gathers else None
        if where is not None and where[3] > where[2]:
            self.held[side] = frame, where[3] - where[2]
        else:
            self.write(side, bytes(VNET.size) if self.offload else b"", frame)

    def let_go(self, side):
        frame, size = self.held.pop(side, (None, 0))
        if frame is None:
            return
        _, tcp, text, end = layers(frame)
        head = bytes(VNET.size)
        if end - text > size:
            frame = bytearray(frame)
            struct.pack_into("!H", frame, tcp + 16, pseudo_sum(frame, tcp, end))
            head = VNET.pack(1, 1 if frame[12:14] == b"\x08\x00" else 4, text, size, tcp, 16)
        self.write(side, head, frame)

    def write(self, side, head, frame):
        try:
            os.write(self.taps["b" if side == "a" else "a"], head + bytes(frame))
        except OSError:
            pass  # the device is down, as a scenario may want

    @staticmethod
    def is_spoofed(frame):
        return frame[30:32] == b"\xc6\x12" if frame[12:14] == b"\x08\x00" else frame[38:40] == b"\x20\x01"

    def command(self):
        """False: the run is over."""
        for line in os.read(self.commands, 65536).decode().split():
            if line == "end":
                return False
            what, side = line.split(":")
            (self.rules.cut.add if what == "cut" else self.rules.cut.discard)(side)
        return True

    def serve(self):
        goes_on, wait = True, 1.0
        fds = {fd: side for side, fd in self.taps.items()}
        places = {sock.fileno(): place for place, sock in self.sniffers.items()}
        poll = select.poll()
        for fd in [*fds, *places, self.commands]:
            poll.register(fd, select.POLLIN)
        while goes_on:
            for fd, _ in poll.poll(max(wait * 1000, 0.1)):
                if fd in fds:
                    self.read(fds[fd], fd)
                elif fd == self.commands:
                    goes_on = self.command()
            for place, sock in self.sniffers.items():
                self.seen[place].extend(sniffed(sock))
            wait = self.move()
            if self.flood is not None and self.flood.left > 0:
                for frame in self.flood.due(time.monotonic()):
                    self.put(0, "a", 1, frame)  # it comes in between
                wait = min(wait, self.flood.pause)


def tap_open(name, offload):
    fd = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    flags = IFF_TAP | IFF_NO_PI | (IFF_VNET_HDR if offload else 0)
    fcntl.ioctl(fd, TUNSETIFF, struct.pack("16sH22x", name.encode(), flags))
    if offload:
        fcntl.ioctl(fd, TUNSETOFFLOAD, TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6)
    return fd


def sniffer_open(name):
    sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
    sock.setsockopt(socket.SOL_SOCKET, 33, 1 << 26)  # SO_RCVBUFFORCE
    sock.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
    sock.bind((name, 0))
    return sock


def sniffed(sock, skips=lambda address: False):
    """What has come: (time, frame)."""
    out = []
    while True:
        try:
            data, control, _, address = sock.recvmsg(70000, 64, socket.MSG_DONTWAIT)
        except (BlockingIOError, OSError):
            return out
        at = struct.unpack("qq", control[0][2])
        if not skips(address):
            out.append((at[0] * 10**9 + at[1], data))


def is_kept(frame):
    """TCP, and errors of ICMP."""
    if layers(frame) is not None:
        return True
    v4 = frame[12:14] == b"\x08\x00" and frame[23] == 1
    return v4 or (frame[12:14] == b"\x86\xdd" and frame[20] == 58 and frame[54] < 128)


def pcap_write(path, packets, snap=0, link=1):
    with open(path, "wb") as f:
        f.write(struct.pack("<IHHiIII", 0xa1b23c4d, 2, 4, 0, 0, snap or 262144, link))
        for at, frame in packets:
            kept = frame[:snap] if snap else frame
            f.write(struct.pack("<IIII", at // 10**9, at % 10**9, len(kept), len(frame)) + kept)


def run(taps, sniffers, commands, plan, seed, folder, name):
    """The child process of a run: carries, and writes the captures at its end."""
    wire = Wire(taps, sniffers, commands, plan, seed)
    wire.serve()
    for place, packets in wire.seen.items():
        packets = sorted((p for p in packets if is_kept(p[1])), key=lambda p: p[0])
        pcap_write(os.path.join(folder, f"{name}.{place}.pcap"), packets)
    with open(os.path.join(folder, f"{name}.plan.json"), "w", encoding="utf-8") as f:
        json.dump(plan, f, default=str)
    with open(os.path.join(folder, f"{name}.passed.json"), "w", encoding="utf-8") as f:
        json.dump(wire.passed.counts(), f)
