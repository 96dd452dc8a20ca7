# SPDX-License-Identifier: MIT
"""Servers on the host's loopback, each at a free port, for programs that run inside."""
import array
import fcntl
import hashlib
import random
import select
import socket
import struct
import threading

SIOCATMARK = 0x8905
PATTERN = bytes(range(256)) * 4096


def end(sock, thread):
    """Closes a socket that the thread reads. Were it only closed, the thread might be about to read it,
    and would then take what belongs to the next socket of this number."""
    try:
        sock.shutdown(socket.SHUT_RDWR)  # wakes the thread
    except OSError:  # of datagrams without a peer, which are woken all the same
        pass
    thread.join()
    sock.close()


class Server:
    """A TCP server; `serve` gets each connection in a thread of its own."""

    def __init__(self, serve, family=socket.AF_INET, host="127.0.0.1"):
        self.serve = serve
        self.socket = socket.socket(family, socket.SOCK_STREAM)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind((host, 0))
        self.socket.listen(200)
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
        try:
            self.serve(conn)
        except OSError:
            pass
        conn.close()

    def close(self):
        end(self.socket, self.thread)


def echo(conn):
    while data := conn.recv(65536):
        conn.sendall(data)


def at_mark(conn):
    answer = array.array("i", [0])
    fcntl.ioctl(conn, SIOCATMARK, answer)
    return answer[0] != 0


def urgent(conn):
    """An echo that marks in return what was marked."""
    conn.setsockopt(socket.SOL_SOCKET, socket.SO_OOBINLINE, 1)
    while True:
        select.select([conn], [], [])  # what is asked for next must be there
        marked = at_mark(conn)
        data = conn.recv(1 if marked else 65536)
        if not data:
            return
        if marked:
            conn.send(data, socket.MSG_OOB)
        else:
            conn.sendall(data)


def bulk(conn):
    """1 MiB, then the end."""
    conn.sendall(PATTERN)


def reset(conn):
    conn.recv(1)
    conn.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def transfer(conn):
    """`G N\\n`: sends N octets. `P N\\n` and N octets: answers their SHA-256."""
    line = b""
    while not line.endswith(b"\n"):
        line += conn.recv(1)
    verb, n = line.split()[0], int(line.split()[1])
    if verb == b"G":
        while n > 0:
            n -= conn.send(PATTERN[:min(n, len(PATTERN))])
        return
    digest = hashlib.sha256()
    while n > 0:
        data = conn.recv(min(n, 1 << 20))
        if not data:
            return
        digest.update(data)
        n -= len(data)
    conn.sendall(digest.hexdigest().encode())


def pattern_digest(n):
    digest = hashlib.sha256()
    while n > 0:
        digest.update(PATTERN[:min(n, len(PATTERN))])
        n -= min(n, len(PATTERN))
    return digest.hexdigest()


def closed_port():
    """A port where nothing listens, and which no client gets by chance: below the kernel's range for
    these, and drawn, since others may be drawing as well."""
    with open("/proc/sys/net/ipv4/ip_local_port_range", encoding="ascii") as f:
        end = int(f.read().split()[0])
    while True:
        port = random.SystemRandom().randrange(min(10000, end // 2), end)
        with socket.socket() as s:
            try:
                s.bind(("127.0.0.1", port))
                return port
            except OSError:  # it has somebody already
                pass


class UdpServer:
    """Answers each datagram with what `answer` makes of it (None: nothing)."""

    def __init__(self, answer=lambda data: data):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        self.answer = answer
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        while True:
            data, peer = self.socket.recvfrom(65536)
            if peer is None:  # the end
                return
            reply = self.answer(data)
            if reply is not None:
                self.socket.sendto(reply, peer)

    def close(self):
        end(self.socket, self.thread)
