# SPDX-License-Identifier: MIT
"""A network namespace with one TUN or TAP, the kernel's TCP on one side of it.

Needs root; everything is made inside the namespace and goes with it. A test file is run as
`test_x.py LASTACK [RELAY] [--long] [unittest arguments]` and skips visibly (77) where it cannot run.
--long: in the sizes of a release, which take minutes.
"""
import collections
import ctypes
import os
import shutil
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
import unittest

LASTACK = os.path.abspath(sys.argv[1]) if len(sys.argv) > 1 else ""
LONG = "--long" in sys.argv
MTU = 1500
CLONE_NEWNET = 0x40000000
SECONDS = 120  # for what comes sooner or later: it tells a hang, not a busy machine


class Addresses:
    def __init__(self, kernel, stack, length):
        self.kernel, self.stack, self.length = kernel, stack, length


ADDRESSES = {4: Addresses("10.99.0.1", "10.99.0.2", 24), 6: Addresses("fd99::1", "fd99::2", 64)}


def enter(name):
    """Moves this process into the namespace."""
    with open(f"/run/netns/{name}", "rb") as f:
        if ctypes.CDLL(None, use_errno=True).setns(f.fileno(), CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), "setns")


def ip(*words):
    subprocess.run(["ip", *words], check=True, capture_output=True, text=True)


def missing():
    """Why no test can run here, or None."""
    if os.geteuid() != 0:
        return "needs root for network namespaces"
    if not os.path.exists("/dev/net/tun"):
        return "needs /dev/net/tun"
    for program, package in (("ip", "iproute2"), ("ss", "iproute2"), ("nsenter", "util-linux")):
        if shutil.which(program) is None:
            return f"needs {program} ({package})"
    probe = subprocess.run(["unshare", "--net", "true"], capture_output=True, check=False)
    return "needs the right to make network namespaces" if probe.returncode != 0 else None


def add_namespace(name, kind, device):
    """With one device, up. This process is in it afterwards."""
    ip("netns", "add", name)
    enter(name)
    ip("link", "set", "lo", "up")
    ip("tuntap", "add", "dev", device, "mode", kind)
    ip("link", "set", device, "mtu", str(MTU), "txqueuelen", "10000")


class Network:
    """The namespace of this process from now on, until close(). lastack is to be started with
    `words` before it and finds `device`."""

    def __init__(self, kind):
        self.name = f"lastack-test-{os.getpid()}"
        self.kernel_device = self.device = "la0"
        self.words = []
        self.home = open("/proc/self/ns/net", "rb")  # pylint: disable=consider-using-with
        try:
            self.build(kind)
        except BaseException:
            self.close()
            raise

    def build(self, kind):
        add_namespace(self.name, kind, self.kernel_device)
        for family in ADDRESSES.values():
            nodad = ["nodad"] if ":" in family.kernel else []
            ip("addr", "add", f"{family.kernel}/{family.length}", "dev", self.kernel_device, *nodad)
        ip("link", "set", self.kernel_device, "up")

    def close(self):
        ctypes.CDLL(None).setns(self.home.fileno(), CLONE_NEWNET)
        self.home.close()
        subprocess.run(["ip", "netns", "del", self.name], check=False, capture_output=True)


class RelayedNetwork(Network):
    """lastack is in another namespace, behind a path with delay and loss."""

    def __init__(self, kind, relay, delay_ms, loss_percent, seed):
        self.far_name = f"lastack-test-{os.getpid()}-far"
        self.relay_words = [relay, kind, "la0", self.far_name, "la1",
                            *map(str, (delay_ms, loss_percent, seed))]
        self.relay = None
        super().__init__(kind)

    def build(self, kind):
        self.device, self.words = "la1", ["nsenter", f"--net=/run/netns/{self.far_name}"]
        add_namespace(self.far_name, kind, self.device)
        # It is there to pass packets through, not to answer them.
        with open(f"/proc/sys/net/ipv6/conf/{self.device}/disable_ipv6", "w", encoding="ascii") as f:
            f.write("1")
        ip("link", "set", self.device, "up")
        super().build(kind)
        self.relay = subprocess.Popen(  # pylint: disable=consider-using-with
            self.relay_words, stdout=subprocess.PIPE, text=True)
        if self.relay.stdout.readline() != "ready\n":
            raise AssertionError("the relay does not start")

    def hold(self):
        """Nothing arrives any more."""
        self.tell(signal.SIGUSR1, "holds\n")

    def go_on(self):
        """What has been sent meanwhile arrives."""
        self.tell(signal.SIGUSR2, "goes on\n")

    def tell(self, number, answer):
        self.relay.send_signal(number)
        line = self.relay.stdout.readline()
        if line != answer:
            raise AssertionError(f"the relay says {line!r}")

    def fates(self):
        """Ends the relay: {direction: {"seen": n, "lost": n, "dropped": n}}."""
        self.relay.terminate()
        lines = [line.split() for line in self.relay.communicate()[0].splitlines()]
        return {line[0]: dict(zip(line[1::2], map(int, line[2::2]))) for line in lines}

    def close(self):
        if self.relay is not None and self.relay.poll() is None:
            self.relay.kill()
            self.relay.communicate()
        super().close()
        subprocess.run(["ip", "netns", "del", self.far_name], check=False, capture_output=True)


def let_fast_open():
    """Clients and servers of the kernel's, in this namespace."""
    with open("/proc/sys/net/ipv4/tcp_fastopen", "w", encoding="ascii") as f:
        f.write("3")


def opened_with_text(conn):
    """TCPI_OPT_SYN_DATA: text of the SYN was taken."""
    return conn.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 8)[5] & 32 != 0


Segment = collections.namedtuple("Segment", "sender flags seq ack window length")


class Capture:
    """The TCP segments that pass the kernel's device from now on: a context."""
    ETH_P_ALL, SO_RCVBUFFORCE = 3, 33
    FLAGS = "FSRPAU"

    def __init__(self, network):
        self.segments, self.done = [], False
        self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, 0)
        self.socket.setsockopt(socket.SOL_SOCKET, self.SO_RCVBUFFORCE, 1 << 26)  # nothing is lost
        self.socket.settimeout(0.05)
        self.socket.bind((network.kernel_device, self.ETH_P_ALL))
        self.thread = threading.Thread(target=self.listen)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.done = True
        self.thread.join()
        self.socket.close()

    def listen(self):
        while True:
            try:
                self.take(self.socket.recv(65600))
            except TimeoutError:
                if self.done:
                    return

    def take(self, packet):
        v4 = packet[0] >> 4 == 4
        if packet[9 if v4 else 6] != socket.IPPROTO_TCP:
            return
        source = socket.inet_ntop(socket.AF_INET, packet[12:16]) if v4 else \
            socket.inet_ntop(socket.AF_INET6, packet[8:24])
        off = (packet[0] & 15) * 4 if v4 else 40
        end = struct.unpack_from("!H", packet, 2)[0] if v4 else \
            40 + struct.unpack_from("!H", packet, 4)[0]
        seq, ack, length, flags, window = struct.unpack_from("!IIBBH", packet, off + 4)
        names = "".join(name for i, name in enumerate(self.FLAGS) if flags & 1 << i)
        sender = "kernel" if source == ADDRESSES[4 if v4 else 6].kernel else "stack"
        self.segments.append(Segment(sender, names, seq, ack, window,
                                     end - off - (length >> 4) * 4))

    def wait(self, wanted, seconds=SECONDS):
        """Until wanted(segments) is true; whether it is."""
        end = time.monotonic() + seconds
        while not (found := wanted(list(self.segments))) and time.monotonic() < end:
            time.sleep(0.01)
        return found


def open_connections():
    """Lines of `ss` about TCP connections of the kernel that are neither listening nor in
    TIME-WAIT."""
    out = subprocess.run(["ss", "-Htan", "exclude", "listening", "exclude", "time-wait"],
                         check=True, capture_output=True, text=True).stdout
    return out.splitlines()


def in_time_wait(port, wanted_n):
    """How many connections of this local port the kernel has in TIME-WAIT: the number that is wanted
    as soon as it is that, for a segment is seen before the state that it brings."""
    end = time.monotonic() + SECONDS
    while True:
        out = subprocess.run(["ss", "-Htan", "state", "time-wait", "sport", "=", f":{port}"],
                             check=True, capture_output=True, text=True).stdout
        n = len(out.splitlines())
        if n == wanted_n or time.monotonic() > end:
            return n
        time.sleep(0.01)


class Peer:
    """`lastack bench peer` on the device."""

    def __init__(self, kind, network, address, *options):
        self.process = subprocess.Popen(  # pylint: disable=consider-using-with
            [*network.words, LASTACK, "bench", "peer", kind, network.device, address, str(MTU),
             *options],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        line = self.process.stdout.readline()
        if not line.startswith("serving "):
            raise AssertionError("the peer does not start: " + self.process.communicate()[1])

    def connections(self):
        """{state: how many}, by the stack's own count."""
        self.process.send_signal(signal.SIGUSR1)
        return self.parse(self.process.stdout.readline())

    @staticmethod
    def parse(line):
        if not line.startswith("connections: "):
            raise AssertionError(f"not a line about connections: {line!r}")
        words = line.removeprefix("connections: ").strip()
        pairs = [] if words == "none" else [pair.split() for pair in words.split(", ")]
        return {state: int(n) for n, state in pairs}

    def close(self):
        """Ends it. What it has said on standard error, and what was wrong in the end: it must have
        run until now, and hold no connection beyond TIME-WAIT."""
        self.process.terminate()
        out, said = self.process.communicate()
        if self.process.returncode != 0:
            return said + f"ended with status {self.process.returncode}"
        left = set(self.parse(out)) - {"TIME-WAIT"}
        return said + (f"connections left: {out}" if left else "")


def main():
    sys.argv[1:2] = []
    sys.argv = [word for word in sys.argv if word != "--long"]
    reason = missing()
    if reason is not None:
        print("SKIPPED: " + reason)
        sys.exit(77)
    unittest.main(verbosity=2)
