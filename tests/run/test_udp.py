#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Datagrams: DNS as resolvers ask it, both families, errors, limits, UDP left to the kernel."""
import socket
import struct
import subprocess

import servers
import support


def dns_answer(query):
    """An A record 127.0.0.9 or an AAAA record ::9 for every name."""
    end = 12
    while query[end]:
        end += query[end] + 1
    kind = struct.unpack("!H", query[end + 1:end + 3])[0]
    address = {1: socket.inet_aton("127.0.0.9"), 28: bytes(15) + b"\t"}.get(kind)
    head = query[:2] + struct.pack("!HHHHH", 0x8580, 1, 1 if address else 0, 0, 0)
    record = struct.pack("!HHHIH", 0xc00c, kind, 1, 60, len(address)) + address if address else b""
    return head + query[12:end + 5] + record


RESOLVER = """
import os, socket, struct, sys, select
# What glibc's resolver does: connect, sendmmsg of two queries, poll, FIONREAD, recvfrom.
import ctypes, array, fcntl, termios
libc = ctypes.CDLL(None, use_errno=True)
class iovec(ctypes.Structure):
    _fields_ = [('base', ctypes.c_char_p), ('len', ctypes.c_size_t)]
class msghdr(ctypes.Structure):
    _fields_ = [('name', ctypes.c_void_p), ('namelen', ctypes.c_uint),
                ('iov', ctypes.POINTER(iovec)),
                ('iovlen', ctypes.c_size_t), ('control', ctypes.c_void_p),
                ('controllen', ctypes.c_size_t), ('flags', ctypes.c_int)]
class mmsghdr(ctypes.Structure):
    _fields_ = [('hdr', msghdr), ('len', ctypes.c_uint)]
def query(kind, ident):
    head = struct.pack('!HHHHHH', ident, 0x100, 1, 0, 0, 0)
    return head + b'\\x04host\\x04test\\0' + struct.pack('!HH', kind, 1)
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC)
s.setsockopt(socket.IPPROTO_IP, 11, 1)  # IP_RECVERR
s.connect(('127.0.0.1', int(sys.argv[1])))
qs = [query(1, 1), query(28, 2)]
iov = [iovec(q, len(q)) for q in qs]
vec = (mmsghdr * 2)(*[mmsghdr(msghdr(None, 0, ctypes.pointer(v), 1, None, 0, 0), 0) for v in iov])
print(libc.sendmmsg(s.fileno(), vec, 2, 0x4000), [v.len == len(q) for v, q in zip(vec, qs)])
for _ in range(2):
    select.select([s], [], [], 60)
    n = array.array('i', [0]); fcntl.ioctl(s, termios.FIONREAD, n)
    data, peer = s.recvfrom(2048)
    print(len(data) == n[0], peer[1] == int(sys.argv[1]), data[0:2].hex(), data[-1])
"""


class Dns(support.Case):
    def test_as_the_c_library_asks(self):
        dns = self.server(servers.UdpServer(dns_answer))
        self.assertEqual(self.python(RESOLVER, dns.port),
                         "2 [True, True]\nTrue True 0001 9\nTrue True 0002 9\n")

    def test_with_loss_the_answer_to_a_repeated_question_comes(self):
        dns = self.server(servers.UdpServer(dns_answer))
        self.assertEqual(self.python("""
import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.settimeout(0.1)
while True:
    s.sendto(b'x' * 12 + b'\\0\\0\\1\\0\\1', ('127.0.0.1', int(sys.argv[1])))
    try: print(len(s.recvfrom(100)[0]) > 12); break
    except TimeoutError: pass
""", dns.port, options=("--loss", "50%", "--seed", "2")), "True\n")

    @support.needs("node")
    def test_of_node(self):
        dns = self.server(servers.UdpServer(dns_answer))
        code = ("const {Resolver} = require('dns'); const r = new Resolver();"
                "r.setServers(['127.0.0.1:%d']);"
                "r.resolve4('host.test', (e, a) => console.log(e, a));")

        if subprocess.run(["node", "-e", ""], capture_output=True).returncode != 0:
            self.skipTest("node does not start for this user")
        self.assertEqual(self.inside("node", "-e", code % dns.port), "null [ '127.0.0.9' ]\n")


class Datagrams(support.Case):
    def setUp(self):
        super().setUp()
        self.echo = self.server(servers.UdpServer())

    def test_dead_server_is_told_at_once(self):
        self.assertEqual(self.python("""
import socket, sys, time, errno
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.settimeout(60)
s.connect(('127.0.0.1', int(sys.argv[1])))
s.send(b'x')
try: s.recvfrom(10)
except OSError as e: print(errno.errorcode[e.errno])
s.send(b'y')
while not (error := s.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)): time.sleep(0.02)
print(errno.errorcode[error])
""", servers.closed_port()), "ECONNREFUSED\nECONNREFUSED\n")

    def test_more_than_a_queue_holds(self):
        """200 answers wait while the program sleeps: those that fit come in order."""
        out = self.python("""
import socket, sys, time
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.settimeout(60)
for i in range(60):
    s.sendto(b'%d' % i, ('127.0.0.1', int(sys.argv[1])))
time.sleep(0.5)
got = []
try:
    while 59 not in got: got.append(int(s.recvfrom(10)[0]))
except TimeoutError: pass
print(len(got), got == sorted(got))
""", self.echo.port)
        n, ordered = out.split()
        self.assertGreaterEqual(int(n), 50)
        self.assertEqual(ordered, "True")

    def test_sent_just_before_the_end(self):
        """What is on the wire when the program ends arrives."""
        got = []
        last = self.server(servers.UdpServer(got.append))
        self.python("""
import os, socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.connect(('127.0.0.1', int(sys.argv[1])))
for i in range(5): os.write(s.fileno(), b'%d' % i)
os._exit(0)
""", last.port, options=("--delay", "50ms"))
        support.wait_until(lambda: len(got) == 5, "five datagrams")
        self.assertEqual(got, [b"0", b"1", b"2", b"3", b"4"])

    def test_size(self):
        self.assertEqual(self.python("""
import socket, sys, errno
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.settimeout(60)
to = ('127.0.0.1', int(sys.argv[1]))
print(s.sendto(b'x' * 1472, to), len(s.recvfrom(2000)[0]))
try: s.sendto(b'x' * 65508, to)
except OSError as e: print(errno.errorcode[e.errno])
""", self.echo.port), "1472 1472\nEMSGSIZE\n")

    def test_many_sockets(self):
        self.assertEqual(self.python("""
import socket, sys
ss = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(100)]
for i, s in enumerate(ss):
    s.settimeout(60); s.sendto(b'%d' % i, ('127.0.0.1', int(sys.argv[1])))
print(all(int(s.recvfrom(10)[0]) == i for i, s in enumerate(ss)))
""", self.echo.port), "True\n")

    def test_asyncio_endpoint(self):
        self.assertEqual(self.python("""
import asyncio, sys
class P(asyncio.DatagramProtocol):
    def __init__(self): self.got = asyncio.get_running_loop().create_future()
    def datagram_received(self, data, addr): self.got.set_result((data, addr))
async def main():
    t, p = await asyncio.get_running_loop().create_datagram_endpoint(
        P, remote_addr=('127.0.0.1', int(sys.argv[1])))
    t.sendto(b'hi'); print((await asyncio.wait_for(p.got, 60))[0])
asyncio.run(main())
""", self.echo.port), "b'hi'\n")

    def test_left_to_the_kernel(self):
        out = self.python("""
import os, socket, sys
u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); u.settimeout(60)
u.sendto(b'hi', ('127.0.0.1', int(sys.argv[1])))
t = socket.socket()
ino = os.fstat(u.fileno()).st_ino
lines = [l for l in open('/proc/net/udp') if ' %d ' % ino in l]
tcp = [l for l in open('/proc/net/tcp') if ' %d ' % os.fstat(t.fileno()).st_ino in l]
print(u.recvfrom(9)[0], len(lines), len(tcp) > 0)
""", self.echo.port, options=("--no-udp",))
        self.assertEqual(out, "b'hi' 1 False\n")

    def test_reachability_sorts_addresses(self):
        """connect() of a datagram socket says what the host would (RFC 6724)."""
        code = """
import errno, socket
def reach(family, address):
    s = socket.socket(family, socket.SOCK_DGRAM)
    try: s.connect((address, 9)); return s.getsockname()[0] != ''
    except OSError as e: return errno.errorcode[e.errno]
print(reach(socket.AF_INET, '127.0.0.1'), reach(socket.AF_INET6, '2001:db8::1'))
"""

        native = subprocess.run([support.PYTHON, "-c", code], capture_output=True, text=True).stdout
        self.assertEqual(self.python(code), native)


if __name__ == "__main__":
    support.main()
