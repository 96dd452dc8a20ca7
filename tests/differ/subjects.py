# SPDX-License-Identifier: MIT
"""The two that are compared: the kernel behind a TUN in a namespace, and lastack in virtual time.

Both answer do(call) with (result, packets that came out) and arrive(packet) with the packets.
"""
import errno
import fcntl
import os
import select
import socket
import struct
import subprocess

import segment

ADDRESS = "10.99.0.1"
MARK = "10.99.0.2"  # whose pings tell that the kernel has dealt with everything before
TUNSETIFF, IFF_TUN, IFF_NO_PI = 0x400454ca, 1, 0x1000
STATES = (None, "ESTABLISHED", "SYN-SENT", "SYN-RECEIVED", "FIN-WAIT-1", "FIN-WAIT-2", "TIME-WAIT",
          "CLOSED", "CLOSE-WAIT", "LAST-ACK", "CLOSED", "CLOSING", "SYN-RECEIVED")
PING_S, PINGS_MAX = 0.5, 40
HOW = (socket.SHUT_RD, socket.SHUT_WR, socket.SHUT_RDWR)


def app_octets(off, n):
    """The application's stream; subject.c has the same."""
    return bytes((i * 7 + i // 256) & 255 for i in range(off, off + n))


class TooSlow(Exception):
    """The kernel has not answered in time: says nothing about TCP."""


def sysctl(name, value):
    path = "/proc/sys/net/ipv4/" + name
    if os.path.exists(path):
        with open(path, "w", encoding="ascii") as f:
            f.write(str(value))


class Device:
    """The scripted peer's end of the TUN."""

    def __init__(self, name):
        self.fd = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
        fcntl.ioctl(self.fd, TUNSETIFF, struct.pack("16sH", name.encode(), IFF_TUN | IFF_NO_PI))
        self.pings_n = 0

    def settle(self):
        """Everything that the kernel has sent because of what happened until now."""
        self.pings_n += 1
        packets = []
        for _ in range(PINGS_MAX):
            os.write(self.fd, segment.ping(MARK, ADDRESS, self.pings_n))
            if self.collect(packets):
                return packets
        raise TooSlow(f"no answer to {PINGS_MAX} pings")

    def collect(self, packets):
        """What comes before the answer to the ping; whether that came."""
        while select.select([self.fd], [], [], PING_S)[0]:
            packet = os.read(self.fd, 65600)
            if segment.is_pong(packet, self.pings_n):
                return True
            packets.append(packet)
        return False

    def send(self, packet):
        os.write(self.fd, packet)

    def close(self):
        os.close(self.fd)


class Diag:
    """States of connections, by sock_diag."""
    NETLINK_SOCK_DIAG, SOCK_DIAG_BY_FAMILY = 4, 20

    def __init__(self):
        self.socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, self.NETLINK_SOCK_DIAG)

    def state(self, port, peer, peer_port):
        ask = struct.pack("<BBBxI", socket.AF_INET, socket.IPPROTO_TCP, 0, 0xffffffff)
        ask += struct.pack("!HH", port, peer_port)
        ask += socket.inet_aton(ADDRESS) + bytes(12) + socket.inet_aton(peer) + bytes(12)
        ask += struct.pack("=III", 0, 0xffffffff, 0xffffffff)
        self.socket.send(struct.pack("=IHHII", 16 + len(ask), self.SOCK_DIAG_BY_FAMILY, 1, 0, 0) + ask)
        answer = self.socket.recv(65536)
        if struct.unpack_from("=H", answer, 4)[0] != self.SOCK_DIAG_BY_FAMILY:
            return "CLOSED"
        return STATES[answer[17]]  # a listener, found in place of the connection, is none


class Kernel:
    """One script on the kernel: sockets that do not block."""
    name = "kernel"

    def __init__(self, device, diag, peer, peer_port):
        self.device, self.diag, self.peer, self.peer_port = device, diag, peer, peer_port
        self.first = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self.sockets = [self.first]
        for option in (socket.SO_OOBINLINE, socket.SO_REUSEADDR):
            self.first.setsockopt(socket.SOL_SOCKET, option, 1)
        self.first.setblocking(False)
        self.first.bind((ADDRESS, 0))
        self.port = self.first.getsockname()[1]

    def arrive(self, packet):
        self.device.send(packet)
        return self.device.settle()

    def do(self, call):
        try:
            result = getattr(self, "call_" + call.name)(*call.args)
        except OSError as e:
            result = errno.errorcode[e.errno]
        return result, self.device.settle()

    def state(self):
        return self.diag.state(self.port, self.peer, self.peer_port)

    def call_listen(self):
        self.first.listen(8)
        return "OK"

    def call_accept(self):
        sock, _ = self.first.accept()
        sock.setblocking(False)
        self.sockets.append(sock)
        return "OK"

    def call_connect(self):
        self.first.connect((self.peer, self.peer_port))
        return "OK"

    def call_send(self, off, n):
        return str(self.sockets[-1].send(app_octets(off, n), socket.MSG_NOSIGNAL))

    def call_urgent(self, off, n):
        return str(self.sockets[-1].send(app_octets(off, n), socket.MSG_NOSIGNAL | socket.MSG_OOB))

    def call_receive(self, n):
        return "=" + self.sockets[-1].recv(n).hex()

    def call_shutdown(self, how):
        self.sockets[-1].shutdown(HOW[how])
        return "OK"

    def call_linger(self):
        self.sockets[-1].setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        return "OK"

    def call_nodelay(self):
        self.sockets[-1].setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return "OK"

    def call_error(self):
        err = self.sockets[-1].getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        return errno.errorcode[err] if err else "OK"

    def call_close(self):
        self.sockets[-1].close()
        return "OK"

    def end(self):
        """Gives back what the script has left."""
        for sock in self.sockets:
            if sock.fileno() >= 0:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                sock.close()
        self.device.settle()


class Driver:
    """The process of subject.c; lives for many scripts."""

    def __init__(self, program):
        self.process = subprocess.Popen(  # pylint: disable=consider-using-with
            [program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def ask(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        if not answer.endswith("\n"):
            raise AssertionError(f"the stack's process ended, status {self.process.wait()}, at: {line}")
        result, *packets = answer.split()
        return result, [bytes.fromhex(packet) for packet in packets]

    def close(self):
        self.process.stdin.close()
        self.process.stdout.close()
        return self.process.wait()


class Stack:
    """One script on lastack."""
    name = "lastack"
    port = 5000

    def __init__(self, driver, seed, peer, peer_port):
        self.driver, self.peer, self.peer_port = driver, peer, peer_port
        driver.ask(f"new {seed}")

    def arrive(self, packet):
        return self.driver.ask("packet " + packet.hex())[1]

    def do(self, call):
        args = (self.peer, self.peer_port) if call.name == "connect" else call.args
        return self.driver.ask(" ".join(map(str, (call.name, *args))))

    def state(self):
        return self.driver.ask(f"state {self.peer_port}")[0]

    def end(self):
        """The next one begins afresh."""
