#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The same script on the kernel and inside: every case must say the same, but for what a unix
socket cannot say (docs/differences.md)."""
import os
import subprocess

import servers
import support

SCRIPT = os.path.join(support.HERE, "semantics.py")

# Row of docs/differences.md, and what is seen inside.
DIFFERENT = {
    "fresh_socket":  # writing to a socket that was never connected: ENOTCONN, not EPIPE
        "['OUT+HUP', ('0.0.0.0', 0), 'ENOTCONN', 'ENOTCONN', 'ENOTCONN', 'EINVAL']",
}


def results(text):
    return dict(line.split(" = ", 1) for line in text.splitlines())


class Semantics(support.Case):
    def setUp(self):
        super().setUp()
        tcp = [self.server(servers.Server(s)) for s in (servers.echo, servers.bulk, servers.reset,
                                                          servers.urgent)]
        udp = self.server(servers.UdpServer())
        self.command = [support.PYTHON, SCRIPT, *[str(s.port) for s in tcp],
                        str(servers.closed_port()), str(udp.port)]

    def compare(self, *options):
        native = subprocess.run(self.command, capture_output=True, text=True,
                                timeout=2 * support.SECONDS)
        self.assertEqual(native.returncode, 0, native.stderr)
        inside = self.run_inside(*options, "--", *self.command, timeout=2 * support.SECONDS)
        self.assertEqual(inside.returncode, 0, inside.stderr)
        want, got = results(native.stdout), results(inside.stdout)
        want.update(DIFFERENT)
        self.assertEqual(len(got), len(want))
        for case in want:
            with self.subTest(case):
                self.assertEqual(got.get(case), want[case])

    def test_on_a_perfect_wire(self):
        self.compare()

    def test_with_delay(self):
        self.compare("--delay", "2ms", "--jitter", "1ms", "--seed", "1")


if __name__ == "__main__":
    support.main()
