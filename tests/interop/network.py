# SPDX-License-Identifier: MIT
"""A network namespace with one TUN or TAP, the kernel's TCP on one side of it.

Needs root; everything is made inside the namespace and goes with it. A test file is run as
`test_x.py LASTACK [unittest arguments]` and skips visibly (77) where it cannot run.
"""
import ctypes
import os
import shutil
import subprocess
import sys
import unittest

LASTACK = os.path.abspath(sys.argv[1]) if len(sys.argv) > 1 else ""
MTU = 1500
CLONE_NEWNET = 0x40000000


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
    for program in ("ip", "ss"):
        if shutil.which(program) is None:
            return f"needs {program} (iproute2)"
    probe = subprocess.run(["unshare", "--net", "true"], capture_output=True, check=False)
    return "needs the right to make network namespaces" if probe.returncode != 0 else None


class Network:
    """The namespace of this process from now on, until close()."""

    def __init__(self, kind):
        self.name = f"lastack-test-{os.getpid()}"
        self.device = "la0"
        ip("netns", "add", self.name)
        self.home = open("/proc/self/ns/net", "rb")  # pylint: disable=consider-using-with
        try:
            enter(self.name)
            ip("link", "set", "lo", "up")
            ip("tuntap", "add", "dev", self.device, "mode", kind)
            ip("link", "set", self.device, "mtu", str(MTU))
            for family in ADDRESSES.values():
                nodad = ["nodad"] if ":" in family.kernel else []
                ip("addr", "add", f"{family.kernel}/{family.length}", "dev", self.device, *nodad)
            ip("link", "set", self.device, "up")
        except BaseException:
            self.close()
            raise

    def close(self):
        ctypes.CDLL(None).setns(self.home.fileno(), CLONE_NEWNET)
        self.home.close()
        subprocess.run(["ip", "netns", "del", self.name], check=False, capture_output=True)


def open_connections():
    """Lines of `ss` about TCP connections of the kernel that are neither listening nor in
    TIME-WAIT."""
    out = subprocess.run(["ss", "-Htan", "exclude", "listening", "exclude", "time-wait"],
                         check=True, capture_output=True, text=True).stdout
    return out.splitlines()


class Peer:
    """`lastack bench peer` on the device."""

    def __init__(self, kind, network, address, *options):
        self.process = subprocess.Popen(  # pylint: disable=consider-using-with
            [LASTACK, "bench", "peer", kind, network.device, address, str(MTU), *options],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        line = self.process.stdout.readline()
        if not line.startswith("serving "):
            raise AssertionError("the peer does not start: " + self.process.communicate()[1])

    def close(self):
        """What it has said on standard error; it must still have run."""
        alive = self.process.poll() is None
        self.process.kill()
        said = self.process.communicate()[1]
        return said if alive else said + f"ended by itself: {self.process.returncode}"


def main():
    del sys.argv[1:2]
    reason = missing()
    if reason is not None:
        print("SKIPPED: " + reason)
        sys.exit(77)
    unittest.main(verbosity=2)
