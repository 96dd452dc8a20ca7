# SPDX-License-Identifier: MIT
"""A connection between lastack, under `run`, and the kernel, whichever of them opens it.

Each test has an agent of its own, a program under `lastack run`. In the end nothing may be left in
the kernel, and `run` must end by itself: it does so when each of its connections is CLOSED or in
TIME-WAIT, or after a time for which no test waits.
"""
import functools
import itertools
import socket
import subprocess
import time
import unittest

import agent
import network

FAMILIES = {4: socket.AF_INET, 6: socket.AF_INET6}


def each_way(test):
    """Calls it with the two sides as its arguments, in either order."""
    @functools.wraps(test)
    def twice(self):
        for sides in (("stack", "kernel"), ("kernel", "stack")):
            with self.subTest(first=sides[0]):
                test(self, *sides)
    return twice


class Cases:
    """Made into a test class with kind, family and opener ("stack" or "kernel")."""
    kind, family, opener = "tun", 4, "stack"
    run_options = ()

    @classmethod
    def setUpClass(cls):
        cls.network = cls.make_network()
        cls.addClassCleanup(cls.network.close)

    @classmethod
    def make_network(cls):
        return network.Network(cls.kind)

    def setUp(self):
        self.addresses = network.ADDRESSES[self.family]
        self.af = FAMILIES[self.family]
        addrs = self.addresses
        via = f"{self.kind}:{self.network.device},{addrs.stack}/{addrs.length}"
        self.agent = agent.Agent(*self.network.words, network.LASTACK, "run", "--linger", "120s",
                                 *self.run_options, "--via", via)
        self.addCleanup(self.agent.kill)
        self.addCleanup(self.check_nothing_is_left)  # before that

    def check_nothing_is_left(self):
        end = time.monotonic() + network.SECONDS
        while (left := network.open_connections()) and time.monotonic() < end:
            time.sleep(0.01)
        self.assertEqual(left, [], "in the kernel")
        self.end_run()

    def end_run(self):
        """Lets the program end, and the run with it."""
        try:
            self.assertEqual(self.agent.close(network.SECONDS), ("", 0))
        except subprocess.TimeoutExpired:
            self.fail("a connection is left in the stack")

    def listen(self, side, backlog=1000):
        """A listener of "stack" or "kernel", and where it is."""
        address = getattr(self.addresses, side)
        listener = self.agent.server(address, 0, self.af, backlog) if side == "stack" else \
            socket.create_server((address, 0), family=self.af, backlog=backlog)
        listener.settimeout(60)
        self.addCleanup(listener.close)
        return listener, listener.getsockname()[:2]

    def open(self, side):
        s = self.agent.socket(self.af) if side == "stack" else socket.socket(self.af)
        s.settimeout(60)
        return s

    def connect(self, receive_bytes=None):
        """{"stack": socket, "kernel": socket}, connected. The kernel's receive buffer, if given."""
        passive = "kernel" if self.opener == "stack" else "stack"
        listener, address = self.listen(passive)
        active = self.open(self.opener)
        if receive_bytes is not None:
            kernels = active if self.opener == "kernel" else listener
            kernels.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
        active.connect(address)
        accepted = listener.accept()
        accepted = accepted[0] if isinstance(accepted, tuple) else accepted
        accepted.settimeout(60)
        listener.close()
        return {self.opener: active, passive: accepted}


class Bulk:
    """Much text, on whatever path the cases beside it are."""
    bulk_bytes = 0

    def test_bulk_both_ways(self):
        ends = self.connect()
        wait = agent.start("both_ways", ends["stack"], 1, self.bulk_bytes, 2, self.bulk_bytes)
        agent.run("both_ways", ends["kernel"], 2, self.bulk_bytes, 1, self.bulk_bytes)
        wait()
        for s in ends.values():
            s.close()

    @each_way
    def test_bulk_one_way(self, sender, receiver):
        ends = self.connect()
        wait = agent.start("send", ends[sender], 3, self.bulk_bytes)
        agent.run("receive", ends[receiver], 3, self.bulk_bytes)
        wait()
        ends[sender].close()
        self.assertEqual(ends[receiver].recv(1), b"")
        ends[receiver].close()


def variants(cases, module, openers=("stack", "kernel")):
    """Puts classes for kinds, families and openers into a module: each pair of values once, or in
    the long form all combinations."""
    for kind, family, opener in itertools.product(("tun", "tap"), (4, 6), openers):
        odd = (kind == "tap") ^ (family == 6) ^ (opener == "kernel")
        if odd and not network.LONG:
            continue
        name = f"{cases.__name__}{kind.title()}{family}"
        name += f"{opener.title()}Opens" if len(openers) > 1 else ""
        module[name] = type(name, (cases, unittest.TestCase),
                            {"kind": kind, "family": family, "opener": opener,
                             "__module__": module["__name__"]})
