#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A program without sense, and programs that run into limits: nothing crashes, hangs or leaks."""
import os
import resource
import subprocess
import sys

import servers
import support

HOSTILE = os.path.abspath(sys.argv.pop(2)) if len(sys.argv) > 2 else None


def few_descriptors():
    resource.setrlimit(resource.RLIMIT_NOFILE, (300, 300))


class Hostile(support.Case):
    def setUp(self):
        super().setUp()
        self.echo = self.server(servers.Server(servers.echo))

    def test_random_calls(self):
        for seed in (1, 2, 3):
            self.assertEqual(self.inside("--linger", "1", "--", HOSTILE, seed, 10000,
                                         self.echo.port), "done\n")

    def test_random_calls_on_a_bad_wire(self):
        done = self.run_inside("--linger", "1", "--loss", "5%", "--delay", "1ms", "--seed", "3",
                               "--watch", "--pcap", self.path("p"), "--", HOSTILE, 4, 5000,
                               self.echo.port)
        self.assertEqual((done.returncode, done.stdout), (0, "done\n"), done.stderr[-2000:])

    def test_descriptors_run_out(self):
        """Of the supervisor: connections fail one by one, and work again when others are closed."""
        code = """
import socket, sys, time
made, refused, last = [], 0, None
for i in range(250):
    s = socket.socket()
    try:
        s.connect(('127.0.0.1', int(sys.argv[1]))); s.sendall(b'x'); s.recv(1); made.append(s)
    except OSError: refused += 1
for s in made: s.close()
print(len(made) > 50, refused > 50)
while True:  # the server outside closes its ends when it gets round to it
    try:
        s = socket.create_connection(('127.0.0.1', int(sys.argv[1]))); s.sendall(b'y')
        print(s.recv(1)); break
    except OSError: time.sleep(0.02)
"""
        done = self.run_inside("--", support.PYTHON, "-c", code, self.echo.port,
                               preexec_fn=few_descriptors)
        self.assertEqual((done.returncode, done.stdout), (0, "True True\nb'y'\n"), done.stderr)

    def test_program_killed_in_the_middle(self):
        for signal in ("KILL", "SEGV"):
            done = self.run_inside("--linger", "1", "--", "sh", "-c",
                                   "%s 7 1000000 %d & sleep 0.3; kill -%s $!; wait $!; exit 5"
                                   % (HOSTILE, self.echo.port, signal))
            self.assertEqual(done.returncode, 5, done.stderr)

    def test_many_threads_that_block(self):
        self.assertEqual(self.python("""
import socket, threading
s = socket.create_server(('127.0.0.1', 0), backlog=100)
got = []
def serve():
    c, _ = s.accept(); got.append(c.recv(1)); c.close()
ts = [threading.Thread(target=serve) for _ in range(60)]
for t in ts: t.start()
for i in range(60):
    with socket.create_connection(s.getsockname()) as c: c.sendall(b'x')
for t in ts: t.join()
print(got.count(b'x'))
"""), "60\n")

    def test_32_bit_socket_calls_are_refused(self):
        source, program = self.path("x.c"), self.path("x")
        with open(source, "w") as f:
            f.write("int main(void) { int r; __asm__ volatile(\"int $0x80\" : \"=a\"(r) : \"a\"(359),"
                    "\"b\"(2), \"c\"(1), \"d\"(0)); return r == -38 ? 3 : 4; }")
        if subprocess.run(["cc", "-o", program, source], capture_output=True).returncode != 0:
            self.skipTest("not x86-64, or no compiler")
        done = self.run_inside("--", program)
        self.assertEqual(done.returncode, 3)
        self.assertRegex(done.stderr, r"^lastack run: x is a 32-bit program.*\n$")


if __name__ == "__main__":
    support.main()
