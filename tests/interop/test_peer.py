#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The kernel as client of `lastack bench peer`: TUN and TAP, IPv4 and IPv6, with and without
offloads.

usage: test_peer.py LASTACK [--long]
"""
import array
import errno
import fcntl
import os
import select
import socket
import struct
import threading
import time
import unittest

import network

SIOCATMARK = 0x8905
SINK, SOURCE, ECHO, NOBODY = 5001, 5002, 5003, 5999
BULK_BYTES = 100_000_000 if network.LONG else 20 << 20
IN_TURN_N, TOGETHER_N = (1000, 200) if network.LONG else (300, 100)
PERIOD = bytes(range(251))
PATTERN = PERIOD * 1024


class Base:
    """A peer, and what each test needs."""
    kind, family, options = "tun", 4, ()
    settings = {}  # of the kernel's TCP

    @classmethod
    def setUpClass(cls):
        cls.network = network.Network(cls.kind)
        cls.addClassCleanup(cls.network.close)
        cls.address = network.ADDRESSES[cls.family].stack
        cls.peer = network.Peer(cls.kind, cls.network, cls.address, *cls.options)
        for name, value in cls.settings.items():
            with open(f"/proc/sys/net/ipv4/tcp_{name}", "w", encoding="ascii") as f:
                f.write(value)

    @classmethod
    def tearDownClass(cls):
        said = cls.peer.close()
        assert said == "", said

    def setUp(self):
        self.addCleanup(self.check_nothing_is_left)  # the last cleanup

    def check_nothing_is_left(self):
        """Nothing is left in the kernel or in the peer beyond TIME-WAIT."""
        end = time.monotonic() + 60
        while (left := self.left()) and time.monotonic() < end:
            time.sleep(0.01)
        self.assertEqual(left, [])

    def left(self):
        states = self.peer.connections()
        states.pop("TIME-WAIT", None)
        return network.open_connections() + sorted(states.items())

    def connect(self, port, **kwargs):
        s = socket.create_connection((self.address, port), 120, **kwargs)
        self.addCleanup(s.close)
        return s

    @staticmethod
    def read_all(s):
        octets = bytearray()
        while data := s.recv(1 << 18):
            octets += data
        return bytes(octets)

    def agreed(self):
        """What a new connection agreed, as TCP_INFO has it: timestamps 1, SACK 2, window scaling 4,
        ECN 8."""
        s = self.connect(ECHO)
        s.sendall(b"hello")
        self.assertEqual(s.recv(9), b"hello")
        return s.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 8)[5] & 15


class Cases(Base):
    """One class per kind of link and family is made from this."""

    # ---- opening

    def test_handshake(self):
        self.assertEqual(self.agreed() & 13, 5)  # the kernel does not ask for ECN by itself
        s = self.connect(ECHO)
        headers = 40 if self.family == 4 else 60
        mss = s.getsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG)
        self.assertEqual(mss, network.MTU - headers - 12)

    def test_refused(self):
        with self.assertRaises(ConnectionRefusedError):
            self.connect(NOBODY)

    def test_unresolved_neighbour(self):
        """The SYN,ACK waits for the neighbour's address, and is not dropped."""
        for _ in range(10):
            network.ip("neigh", "flush", "dev", self.network.device)
            with network.Capture(self.network) as capture:
                self.test_handshake()
                self.assertTrue(capture.wait(lambda seen: any(s.flags == "A" for s in seen)))
            # Two connections, a SYN each: neither was sent again. If not, once, the machine was busy
            # for a second.
            syns = [s.seq for s in capture.segments if s.flags == "S"]
            if len(syns) == len(set(syns)):
                return
        self.fail("a SYN is sent again each time")

    def test_sequence_of_connections(self):
        for i in range(IN_TURN_N):
            with socket.create_connection((self.address, ECHO), 120) as s:
                s.sendall(b"%d" % i)
                self.assertEqual(s.recv(9), b"%d" % i)

    def test_many_at_once(self):
        conns = [self.connect(ECHO) for _ in range(TOGETHER_N)]
        message = os.urandom(3000)
        for s in conns:
            s.sendall(message)
        for s in conns:
            s.shutdown(socket.SHUT_WR)
        for s in conns:
            self.assertEqual(self.read_all(s), message)

    # ---- data

    def test_bulk_echo(self):
        sent = os.urandom(BULK_BYTES)
        s = self.connect(ECHO)

        def write():
            s.sendall(sent)
            s.shutdown(socket.SHUT_WR)

        writer = threading.Thread(target=write)
        writer.start()
        back = self.read_all(s)
        writer.join()
        self.assertTrue(back == sent, f"{len(back)} octets came back, not the same")

    def test_bulk_source(self):
        s = self.connect(SOURCE)
        n = 0
        while n < BULK_BYTES:
            data = s.recv(1 << 16)
            off = n % len(PERIOD)
            self.assertTrue(data and data == PATTERN[off:off + len(data)], f"behind octet {n}")
            n += len(data)
        s.shutdown(socket.SHUT_WR)
        while data := s.recv(1 << 16):
            off = n % len(PERIOD)
            self.assertTrue(data == PATTERN[off:off + len(data)], f"behind octet {n}")
            n += len(data)

    def test_bulk_sink(self):
        s = self.connect(SINK)
        octets = bytes(1 << 16)
        for _ in range((BULK_BYTES >> 16) + 1):
            s.sendall(octets)
        s.shutdown(socket.SHUT_WR)
        self.assertEqual(s.recv(1), b"")
        acked = struct.unpack_from("=Q", s.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 256),
                                   120)[0]
        self.assertGreaterEqual(acked, BULK_BYTES)

    def test_odd_sizes(self):
        s = self.connect(ECHO)
        for n in (1, 2, 535, 536, 1447, 1448, 1449, 2896, 4095, 65483, 65535, 65536, 200001):
            sent = os.urandom(n)
            s.sendall(sent)
            back = bytearray()
            while len(back) < n:
                back += s.recv(n - len(back))
            self.assertTrue(back == sent, n)

    def test_small_segments(self):
        """One octet per segment."""
        s = self.connect(ECHO)
        s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sent = os.urandom(2000)
        for i in range(len(sent)):
            s.send(sent[i:i + 1])
        s.shutdown(socket.SHUT_WR)
        self.assertEqual(self.read_all(s), sent)

    def test_zero_window(self):
        """A reader that rests closes the window in both directions, and it opens again."""
        s = self.connect(ECHO)
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8192)
        s.setblocking(False)
        sent_n, still_at = 0, time.monotonic()
        while time.monotonic() - still_at < 0.4:
            try:
                n = s.send(PATTERN[sent_n % len(PERIOD):][:60000])
                sent_n, still_at = sent_n + n, time.monotonic()
            except BlockingIOError:
                select.select([], [s], [], 0.1)
        time.sleep(0.3)  # probes go to and fro
        s.setblocking(True)
        s.settimeout(60)
        s.shutdown(socket.SHUT_WR)
        back = self.read_all(s)
        self.assertEqual(len(back), sent_n)
        self.assertTrue(back == (PERIOD * (sent_n // 251 + 1))[:sent_n])

    # ---- urgent data: what the echo marks in return is what it was told

    @staticmethod
    def at_mark(s):
        answer = array.array("i", [0])
        fcntl.ioctl(s, SIOCATMARK, answer)
        return answer[0] != 0

    def read_to_mark(self, s, n):
        """n octets, and there it is: not before."""
        octets = b""
        while len(octets) < n:
            self.assertFalse(self.at_mark(s), len(octets))
            octets += s.recv(min(1 << 16, n - len(octets)))
        self.await_mark(s)
        self.assertTrue(self.at_mark(s))
        return octets

    def await_mark(self, s):
        poll = select.poll()
        poll.register(s, select.POLLPRI)
        self.assertEqual([mask & select.POLLPRI for _, mask in poll.poll(60000)],
                         [select.POLLPRI])

    def urgent_connection(self):
        s = self.connect(ECHO)
        s.setsockopt(socket.SOL_SOCKET, socket.SO_OOBINLINE, 1)
        return s

    def test_urgent_octet_is_in_line(self):
        s = self.urgent_connection()
        s.sendall(b"ab")
        s.send(b"!", socket.MSG_OOB)
        s.sendall(b"cd")
        s.shutdown(socket.SHUT_WR)
        self.assertEqual(self.read_all(s), b"ab!cd")

    def test_urgent_marks(self):
        """Each at its octet: behind nothing, in a segment, segments behind its announcement."""
        s = self.urgent_connection()
        for n in (0, 1, 2, 500, 1447, 1448, 1449, 40000):
            before, after = os.urandom(n), os.urandom(n)
            s.sendall(before)
            s.send(b"!", socket.MSG_OOB)
            s.sendall(after)
            self.assertTrue(self.read_to_mark(s, n) == before, n)
            rest = b""
            while len(rest) < 1 + n:
                rest += s.recv(1 + n - len(rest))
            self.assertTrue(rest == b"!" + after, n)
            self.assertFalse(self.at_mark(s))

    def test_urgent_octet_alone(self):
        """Not in line: the kernel takes the octet out, and it is the right one."""
        s = self.connect(ECHO)
        s.sendall(b"ab")
        s.send(b"c!", socket.MSG_OOB)  # the last octet is the one
        s.sendall(b"de")
        self.await_mark(s)
        self.assertEqual(s.recv(1, socket.MSG_OOB), b"!")
        s.shutdown(socket.SHUT_WR)
        self.assertEqual(self.read_all(s), b"abcde")

    def test_urgent_pointer_as_rfc_1122_had_it(self):
        """With tcp_stdurg the kernel takes the octet that the pointer means, not the one before."""
        path = "/proc/sys/net/ipv4/tcp_stdurg"
        s = self.urgent_connection()

        def put(value):
            with open(path, "w", encoding="ascii") as f:
                f.write(value)

        self.addCleanup(put, "0")
        put("1")
        s.sendall(b"ab")
        s.send(b"!", socket.MSG_OOB)
        s.sendall(b"cd")
        self.assertEqual(self.read_to_mark(s, 3), b"ab!")
        s.shutdown(socket.SHUT_WR)
        self.assertEqual(self.read_all(s), b"cd")

    def test_urgent_through_a_zero_window(self):
        """The kernel is told while it cannot take another octet."""
        s = self.urgent_connection()
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8192)
        s.setblocking(False)
        sent_n, still_at = 0, time.monotonic()
        while time.monotonic() - still_at < 0.4:
            try:
                n = s.send(PATTERN[sent_n % len(PERIOD):][:60000])
                sent_n, still_at = sent_n + n, time.monotonic()
            except BlockingIOError:
                select.select([], [s], [], 0.1)
        s.setblocking(True)
        s.settimeout(60)
        writer = threading.Thread(target=lambda: s.send(b"!", socket.MSG_OOB))
        writer.start()
        octets = self.read_to_mark(s, sent_n)
        writer.join()
        self.assertTrue(octets == (PERIOD * (sent_n // 251 + 1))[:sent_n])
        self.assertEqual(s.recv(10), b"!")

    # ---- closing

    def test_close_by_client(self):
        s = self.connect(ECHO)
        s.sendall(b"x")
        self.assertEqual(s.recv(1), b"x")
        s.close()

    def test_half_close_with_data_behind_the_fin(self):
        """The peer goes on sending for a while after it has our FIN."""
        s = self.connect(SOURCE)
        first = s.recv(1)
        s.shutdown(socket.SHUT_WR)
        octets = first + self.read_all(s)
        self.assertGreater(len(octets), 1)
        self.assertTrue(octets == (PERIOD * (len(octets) // 251 + 1))[:len(octets)])

    def test_reset_by_client(self):
        for port in (SINK, SOURCE, ECHO):
            s = self.connect(port)
            s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            s.send(b"x")
            s.close()
        self.test_handshake()

    def test_close_with_unread_data(self):
        """The kernel sends RST (RFC 2525 2.17); the peer forgets the connection."""
        s = self.connect(SOURCE)
        s.recv(1)
        s.close()
        self.test_handshake()

    def test_data_for_the_source(self):
        """What nobody asked for is read and discarded, then comes the orderly end."""
        s = self.connect(SOURCE)
        s.recv(1)
        s.sendall(b"unasked" * 1000)
        s.shutdown(socket.SHUT_WR)
        self.assertGreater(len(self.read_all(s)), 0)

    # ---- others

    def test_path_mtu_of_the_client(self):
        """A client that announces small segments gets them."""
        s = socket.socket(socket.AF_INET if self.family == 4 else socket.AF_INET6)
        self.addCleanup(s.close)
        s.settimeout(60)
        s.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, 600)
        s.connect((self.address, ECHO))
        sent = os.urandom(300000)
        writer = threading.Thread(target=lambda: (s.sendall(sent), s.shutdown(socket.SHUT_WR)))
        writer.start()
        self.assertTrue(self.read_all(s) == sent)
        writer.join()

    def test_port_in_time_wait_is_used_again(self):
        """A client's port comes back with a higher sequence number or time stamp."""
        family = socket.AF_INET if self.family == 4 else socket.AF_INET6
        for i in range(20):
            with socket.socket(family) as s:
                s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                s.settimeout(60)
                s.bind(("", 33333))
                end = time.monotonic() + network.SECONDS
                while (error := s.connect_ex((self.address, ECHO))) == errno.EADDRNOTAVAIL:
                    self.assertLess(time.monotonic(), end)  # the last one's end is still under way
                    time.sleep(0.01)
                self.assertEqual(error, 0)
                s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                s.sendall(b"%d" % i)
                self.assertEqual(s.recv(9), b"%d" % i)


class WithoutOptions(Cases, unittest.TestCase):
    settings = {"timestamps": "0", "window_scaling": "0", "sack": "0"}

    def test_handshake(self):
        self.assertEqual(self.agreed(), 0)


class WithEcnAndLittleMemory(Cases, unittest.TestCase):
    kind = "tap"

    def test_handshake(self):
        self.assertEqual(self.agreed(), 15)

    settings = {"ecn": "1", "rmem": "4096 4096 8192", "wmem": "4096 4096 16384"}


class WithEcn(Base, unittest.TestCase):
    """The kernel asks for ECN (SHLD-8)."""
    family, settings = 6, {"ecn": "1"}

    def test_agreed(self):
        self.assertEqual(self.agreed(), 15)

    test_bulk_echo = Cases.test_bulk_echo
    test_port_in_time_wait_is_used_again = Cases.test_port_in_time_wait_is_used_again


class EcnRefused(Base, unittest.TestCase):
    options, settings = ("--no-ecn",), {"ecn": "1"}

    def test_refused(self):
        self.assertEqual(self.agreed(), 7)


class Tun4(Cases, unittest.TestCase):
    pass


class Tun6(Cases, unittest.TestCase):
    family = 6


class Tap4(Cases, unittest.TestCase):
    kind = "tap"


class Tap6(Cases, unittest.TestCase):
    kind, family = "tap", 6


class Tap4Plain(Cases, unittest.TestCase):
    kind, options = "tap", ("--plain", "--window", "65536")


class Tun6Plain(Cases, unittest.TestCase):
    family, options = 6, ("--plain",)


if __name__ == "__main__":
    network.main()
