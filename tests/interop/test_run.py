#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Programs on `lastack run --via`, the kernel's TCP as server and as client.

usage: test_run.py LASTACK
"""
import array
import fcntl
import hashlib
import os
import select
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
import unittest

import network

BULK_BYTES = 20 << 20
SIOCATMARK = 0x8905
PATTERN = bytes(range(251)) * 1024

FETCH = """
import hashlib, socket, sys
s = socket.create_connection((sys.argv[1], int(sys.argv[2])))
digest = hashlib.sha256()
while data := s.recv(1 << 16):
    digest.update(data)
print(digest.hexdigest())
"""

ECHO_ALL = """
import hashlib, os, socket, sys, threading
s = socket.create_connection((sys.argv[1], int(sys.argv[2])))
sent = os.urandom(int(sys.argv[3]))
def write():
    s.sendall(sent); s.shutdown(socket.SHUT_WR)
threading.Thread(target=write).start()
back = bytearray()
while data := s.recv(1 << 16):
    back += data
print(len(back), bytes(back) == sent)
"""

MARK = """
import array, fcntl, select, socket, sys
s = socket.create_connection((sys.argv[1], int(sys.argv[2])), 60)
s.settimeout(None)
s.setsockopt(socket.SOL_SOCKET, socket.SO_OOBINLINE, 1)
def at_mark():
    answer = array.array('i', [0])
    fcntl.ioctl(s, 0x8905, answer)
    return answer[0] != 0
def exactly(n):
    data = b''
    while len(data) < n:
        data += s.recv(n - len(data))
    return data
s.sendall(b'ab')
s.send(b'!', socket.MSG_OOB)
s.sendall(b'cd')
poll = select.poll()
poll.register(s, select.POLLPRI)
assert poll.poll(60000)
print(exactly(2), at_mark(), exactly(1), at_mark(), exactly(2))
"""

FAST = """
import os, select, socket, sys
to = (sys.argv[1], int(sys.argv[2]))
def fresh():
    s = socket.socket(socket.AF_INET6 if ':' in to[0] else socket.AF_INET)
    s.settimeout(60)
    return s
def deferred(to):
    s = fresh()
    s.setsockopt(socket.IPPROTO_TCP, 30, 1)  # TCP_FASTOPEN_CONNECT
    s.connect(to)
    s.sendall(b'ask')
    return s
for i in range(3):
    if i == 1:
        s = fresh()
        s.sendto(b'ask', socket.MSG_FASTOPEN, to)
    else:
        s = deferred(to)
    print(s.recv(9) == b'ask', end=' ')
    print(s.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 8)[5] & 32 != 0)
    s.close()
s = deferred((to[0], 1))
select.select([s], [], [], 60)
print(os.strerror(s.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)))
"""

FAST_SERVE = """
import socket, sys
l = socket.socket(socket.AF_INET6 if ':' in sys.argv[1] else socket.AF_INET)
l.setsockopt(socket.IPPROTO_TCP, socket.TCP_FASTOPEN, 5)
l.bind((sys.argv[1], 7))
l.listen(5)
print('listening', flush=True)
flags = []
for i in range(2):
    c, peer = l.accept()
    while data := c.recv(1 << 16):
        c.sendall(data)
    flags.append(c.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 8)[5] & 32 != 0)
    c.close()
print(*flags, sep='\\n')
"""

SERVE = """
import socket, sys
family = socket.AF_INET6 if ':' in sys.argv[1] else socket.AF_INET
l = socket.create_server((sys.argv[1], 7), family=family)
print('listening', flush=True)
for i in range(int(sys.argv[2])):
    c, peer = l.accept()
    while data := c.recv(1 << 16):
        c.sendall(data)
    c.close()
"""


def echo(conn):
    while data := conn.recv(1 << 16):
        conn.sendall(data)


def at_mark(conn):
    answer = array.array("i", [0])
    fcntl.ioctl(conn, SIOCATMARK, answer)
    return answer[0] != 0


def urgent(conn):
    """An echo that marks in return what was marked."""
    conn.setsockopt(socket.SOL_SOCKET, socket.SO_OOBINLINE, 1)
    while select.select([conn], [], []):
        marked = at_mark(conn)
        data = conn.recv(1 if marked else 1 << 16)
        if not data:
            return
        conn.send(data, socket.MSG_OOB if marked else 0)


def source(conn):
    n = 0
    while n < BULK_BYTES:
        n += conn.send(PATTERN[n % 251:][:min(BULK_BYTES - n, 65536)])


def reset(conn):
    conn.recv(1)
    conn.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


class Server:
    """The kernel's: each connection in a thread, at a free port of every address."""

    def __init__(self, serve):
        self.serve = serve
        self.socket = socket.create_server(("::", 0), family=socket.AF_INET6,
                                           dualstack_ipv6=True, backlog=200)
        self.port = self.socket.getsockname()[1]
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        while True:
            try:
                conn, _ = self.socket.accept()
            except OSError:
                return
            threading.Thread(target=self.one, args=(conn,), daemon=True).start()

    def one(self, conn):
        with conn:
            try:
                self.serve(conn)
            except OSError:
                pass

    def close(self):
        self.socket.shutdown(socket.SHUT_RDWR)
        self.thread.join()  # it reads no other socket that gets this number
        self.socket.close()


class Cases:
    """One class per kind of device is made from this."""
    kind = "tun"

    @classmethod
    def setUpClass(cls):
        cls.network = network.Network(cls.kind)
        cls.addClassCleanup(cls.network.close)
        # Threads stay where they were made, so a pool made before would be elsewhere.
        cls.echo, cls.source, cls.reset = Server(echo), Server(source), Server(reset)
        for server in (cls.echo, cls.source, cls.reset):
            cls.addClassCleanup(server.close)
        cls.dir = tempfile.mkdtemp(prefix="lastack-test-")
        cls.addClassCleanup(shutil.rmtree, cls.dir, ignore_errors=True)

    def setUp(self):
        self.addCleanup(self.check_nothing_is_left)

    def check_nothing_is_left(self):
        end = time.monotonic() + network.SECONDS
        while (left := network.open_connections()) and time.monotonic() < end:
            time.sleep(0.01)
        self.assertEqual(left, [])

    def via(self):
        addrs = network.ADDRESSES.values()
        words = [f"{self.kind}:{self.network.device}"]
        words += [f"{a.stack}/{a.length}" for a in addrs]
        if self.kind == "tap":
            words += [a.kernel for a in addrs]
        return ",".join(words)

    def start(self, *words):
        child = subprocess.Popen(  # pylint: disable=consider-using-with
            [network.LASTACK, "run", "--via", self.via(), *map(str, words)],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.addCleanup(self.end, child)
        return child

    @staticmethod
    def end(child):
        if child.poll() is None:
            child.kill()
        child.communicate()

    def inside(self, *words):
        """Runs it to its end; it must succeed without a word on standard error."""
        out, said = self.start(*words).communicate(timeout=network.SECONDS)
        self.assertEqual(said, "")
        return out

    def python(self, code, *words):
        return self.inside("--", sys.executable, "-c", code, *words)

    # ---- the kernel as server

    def test_bulk(self):
        wanted = hashlib.sha256((PATTERN * (BULK_BYTES // len(PATTERN) + 1))[:BULK_BYTES])
        for address in network.ADDRESSES.values():
            self.assertEqual(self.python(FETCH, address.kernel, self.source.port).strip(),
                             wanted.hexdigest())
            self.assertEqual(self.python(ECHO_ALL, address.kernel, self.echo.port, BULK_BYTES),
                             f"{BULK_BYTES} True\n")

    def test_refused_and_reset(self):
        self.assertEqual(self.python("""
import socket, sys
for port in (1, int(sys.argv[2])):
    try:
        s = socket.create_connection((sys.argv[1], port), 60)
        s.sendall(b'x')
        print(s.recv(1))
    except OSError as error:
        print(type(error).__name__)
""", network.ADDRESSES[4].kernel, self.reset.port),
                         "ConnectionRefusedError\nConnectionResetError\n")

    def test_many_connections(self):
        self.assertEqual(self.python("""
import socket, sys
to = (sys.argv[1], int(sys.argv[2]))
for i in range(100):
    with socket.create_connection(to, 60) as s:
        s.sendall(b'%d' % i)
        assert s.recv(9) == b'%d' % i
conns = [socket.create_connection(to, 60) for i in range(100)]
for i, s in enumerate(conns):
    s.sendall(b'%d' % i)
print(all(s.recv(9) == b'%d' % i for i, s in enumerate(conns)))
""", network.ADDRESSES[6].kernel, self.echo.port), "True\n")

    def test_urgent_data(self):
        """Marked on its way out, marked when it comes back."""
        server = Server(urgent)
        self.addCleanup(server.close)
        for address in network.ADDRESSES.values():
            self.assertEqual(self.python(MARK, address.kernel, server.port),
                             "b'ab' True b'!' False b'cd'\n")

    def test_udp(self):
        server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.addCleanup(server.close)
        server.bind((network.ADDRESSES[4].kernel, 0))
        child = self.start("--", sys.executable, "-c", """
import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.sendto(b'ask', (sys.argv[1], int(sys.argv[2])))
print(s.recvfrom(99))
""", *server.getsockname())
        server.settimeout(60)
        data, peer = server.recvfrom(99)
        self.assertEqual((data, peer[0]), (b"ask", network.ADDRESSES[4].stack))
        server.sendto(b"answer", peer)
        self.assertEqual(child.communicate(timeout=network.SECONDS)[0],
                         f"(b'answer', {server.getsockname()})\n")

    @unittest.skipIf(shutil.which("curl") is None, "not installed: curl")
    def test_curl(self):
        def page(conn):
            request = b""
            while not request.endswith(b"\r\n\r\n") and (data := conn.recv(4096)):
                request += data
            conn.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello")
        server = Server(page)
        self.addCleanup(server.close)
        for host in (network.ADDRESSES[4].kernel, f"[{network.ADDRESSES[6].kernel}]"):
            self.assertEqual(self.inside("--", "curl", "-sS", f"http://{host}:{server.port}/"),
                             "hello")

    @unittest.skipIf(shutil.which("nc") is None, "not installed: nc")
    def test_nc(self):
        out = self.inside("--", "sh", "-c", 'printf hello | nc -N "$0" "$1"',
                          network.ADDRESSES[4].kernel, self.echo.port)
        self.assertEqual(out, "hello")

    def test_ecn(self):
        """ECN is agreed only where it is asked for; what is carried is the same."""
        agreed = []

        def tell_and_echo(conn):
            agreed.append(conn.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 8)[5] & 8 != 0)
            echo(conn)
        server = Server(tell_and_echo)
        self.addCleanup(server.close)
        for options in ((), ("--ecn",), ("--no-ecn",)):
            for address in network.ADDRESSES.values():
                out = self.inside(*options, "--", sys.executable, "-c", ECHO_ALL, address.kernel,
                                  server.port, 3 << 20)
                self.assertEqual(out, f"{3 << 20} True\n")
        self.assertEqual(agreed, [False, False, True, True, False, False])

    def test_fast_open(self):
        """The kernel's server gives a cookie, later takes what comes with the SYN; and what becomes
        of it where nobody listens."""
        network.let_fast_open()
        opened = []

        def tell_and_echo(conn):
            opened.append(network.opened_with_text(conn))
            echo(conn)
        server = Server(tell_and_echo)
        self.addCleanup(server.close)
        server.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_FASTOPEN, 10)
        for address in network.ADDRESSES.values():
            self.assertEqual(self.python(FAST, address.kernel, server.port),
                             "True False\nTrue True\nTrue True\nConnection refused\n")
        self.assertEqual(opened, 2 * [False, True, True])

    # ---- the kernel as client

    def test_fast_open_serves(self):
        network.let_fast_open()
        for address in network.ADDRESSES.values():
            family = socket.AF_INET6 if ":" in address.stack else socket.AF_INET
            child = self.start("--", sys.executable, "-c", FAST_SERVE, address.stack)
            self.assertEqual(child.stdout.readline(), "listening\n")
            for _ in range(2):
                with socket.socket(family) as s:
                    self.assertEqual(s.sendto(b"ask", socket.MSG_FASTOPEN, (address.stack, 7)), 3)
                    s.settimeout(60)
                    self.assertEqual(s.recv(9), b"ask")
                    s.shutdown(socket.SHUT_WR)
                    self.assertEqual(s.recv(9), b"")
            self.assertEqual(child.communicate(timeout=network.SECONDS)[0], "False\nTrue\n")

    def test_program_serves(self):
        for address, listen in ((network.ADDRESSES[4].stack, "0.0.0.0"),
                                (network.ADDRESSES[6].stack, network.ADDRESSES[6].stack)):
            child = self.start("--", sys.executable, "-c", SERVE, listen, 2)
            self.assertEqual(child.stdout.readline(), "listening\n")
            sent = os.urandom(3 << 20)
            for _ in range(2):
                with socket.create_connection((address, 7), 60) as s:
                    writer = threading.Thread(
                        target=lambda s=s: (s.sendall(sent), s.shutdown(socket.SHUT_WR)))
                    writer.start()
                    back = bytearray()
                    while data := s.recv(1 << 16):
                        back += data
                    writer.join()
                    self.assertTrue(back == sent)
            self.assertEqual(child.wait(timeout=network.SECONDS), 0)

    def test_loopback_is_the_programs_own(self):
        self.assertEqual(self.python("""
import socket, sys
try:
    socket.create_connection(('127.0.0.1', int(sys.argv[1])), 60)
except ConnectionRefusedError:
    print('refused')
for host, family in (('127.0.0.1', socket.AF_INET), ('::1', socket.AF_INET6)):
    l = socket.create_server((host, 0), family=family)
    s = socket.create_connection(l.getsockname()[:2], 60)
    c, peer = l.accept()
    s.sendall(b'x')
    print(c.recv(1), peer[0], s.getpeername()[0])
""", self.echo.port), "refused\nb'x' 127.0.0.1 127.0.0.1\nb'x' ::1 ::1\n")

    # ---- views

    def test_views_have_one_end(self):
        pcap = os.path.join(self.dir, "x.pcapng")
        child = self.start("--watch", "--pcap", pcap, "--", sys.executable, "-c", ECHO_ALL,
                           network.ADDRESSES[4].kernel, self.echo.port, 5000)
        out, said = child.communicate(timeout=network.SECONDS)
        self.assertEqual(out, "5000 True\n")
        self.assertIn("ESTABLISHED", said)
        self.assertRegex(said, r"trouble +(nothing lost|.* sent again)")  # as the moment has it
        if shutil.which("tshark") is not None:
            found = subprocess.run(["tshark", "-r", pcap, "-o", "tcp.check_checksum:TRUE", "-Y",
                                    "tcp", "-T", "fields", "-e", "tcp.checksum.status", "-e",
                                    "_ws.malformed"], capture_output=True, text=True, check=True)
            self.assertEqual(set(found.stdout.split()), {"1"})

    # ---- mistakes

    def test_mistakes_are_one_line(self):
        device = f"{self.kind}:{self.network.device}"
        other = ("tap" if self.kind == "tun" else "tun") + ":" + self.network.device
        for words, wants in ((("--via", "x"), "not 'x'"), (("--via", self.kind + ":"), "--via needs"),
                             (("--via", device + ",1.2.3.4/33"), "not '1.2.3.4/33'"),
                             (("--via", device + ",1.2.3.4"), "--via needs"),
                             (("--via", device + ",1.2.3.4/24,x"), "not 'x'"),
                             (("--via", device, "--loss", "1%"), "--loss"),
                             (("--seed", "1", "--via", device), "--seed"),
                             (("--via", other), "cannot be used"),
                             (("--via", "tun:" + "x" * 20), "15 characters"),
                             (("--via", "tun:down0"), "ip link set up down0")):
            done = subprocess.run([network.LASTACK, "run", *words, "--", "true"],
                                  capture_output=True, text=True, check=False)
            self.assertEqual((done.returncode, done.stderr.count("\n")), (125, 1), (words, done))
            self.assertTrue(done.stderr.startswith("lastack run: "))
            self.assertIn(wants, done.stderr)


class Tun(Cases, unittest.TestCase):
    pass


class Tap(Cases, unittest.TestCase):
    kind = "tap"


if __name__ == "__main__":
    network.main()
