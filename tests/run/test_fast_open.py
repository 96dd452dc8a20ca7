#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""TCP Fast Open of programs: MSG_FASTOPEN, TCP_FASTOPEN_CONNECT, curl; both ends on the stack."""
import os
import subprocess

import support

# A server that echoes (or answers HTTP), and what is known of how each connection was opened.
BEGIN = """
import errno, select, socket, subprocess, sys, threading
TCP_FASTOPEN, TCP_FASTOPEN_CONNECT, SYN_DATA = 23, 30, 32
PAGE = b"HTTP/1.1 200 OK\\r\\nContent-Length: 2\\r\\nConnection: close\\r\\n\\r\\nhi"
listener = socket.socket()
listener.setsockopt(socket.IPPROTO_TCP, TCP_FASTOPEN, 5)
listener.bind(("127.0.0.1", 0))
listener.listen(9)
to = listener.getsockname()
opened = []
def with_text(s):
    return bool(s.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 8)[5] & SYN_DATA)
def serve(conn):
    opened.append(with_text(conn))
    with conn:
        while data := conn.recv(65536):
            conn.sendall(PAGE if data.startswith(b"GET ") else data)
def accept():
    while True:
        threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()
threading.Thread(target=accept, daemon=True).start()
def echoed(s, text):
    s.settimeout(60)
    got = b""
    while len(got) < len(text) and (data := s.recv(65536)):
        got += data
    return got == text
def learn():
    s = socket.socket()
    assert s.sendto(b"cookie?", socket.MSG_FASTOPEN, to) == 7
    assert echoed(s, b"cookie?") and not with_text(s)
silent = socket.socket()
silent.bind(("127.0.0.1", 0))
nobody = silent.getsockname()
"""

SENDTO = """
for text in (b"first", b"second", b"x", bytes(range(256)) * 1000):
    s = socket.socket()
    n = s.sendto(text, socket.MSG_FASTOPEN, to)
    s.sendall(text[n:])
    print(n == len(text) or n > 60000, echoed(s, text), with_text(s))
"""

SENDTO_NONBLOCKING = """
s = socket.socket()
s.setblocking(False)
try:
    s.sendto(b"first", socket.MSG_FASTOPEN, to)
except BlockingIOError as error:
    print(error.errno == errno.EINPROGRESS)
select.select([], [s], [])
s.send(b"first")
print(echoed(s, b"first"), with_text(s))
for text in (b"second", bytes(range(256)) * 1000):
    s = socket.socket()
    s.setblocking(False)
    n = s.sendto(text, socket.MSG_FASTOPEN, to)
    s.setblocking(True)
    s.sendall(text[n:])
    print(0 < n, echoed(s, text), with_text(s))
"""

DEFERRED = """
learn()
for text in (b"second", b"x", bytes(range(256)) * 1000):
    for blocking in (True, False):
        s = socket.socket()
        s.setsockopt(socket.IPPROTO_TCP, TCP_FASTOPEN_CONNECT, 1)
        s.setblocking(blocking)
        s.connect(to)
        print(select.select([], [s], [], 0)[1] == [s], end=" ")
        s.setblocking(True)
        s.sendall(text)
        print(echoed(s, text), with_text(s))
"""

MISTAKES = """
learn()
def deferred(to):
    s = socket.socket()
    s.setsockopt(socket.IPPROTO_TCP, TCP_FASTOPEN_CONNECT, 1)
    s.connect(to)
    return s
def tell(call, *args):
    try:
        print(call(*args))
    except OSError as error:
        print(errno.errorcode[error.errno])
s = deferred(to)
tell(s.connect, to)
tell(s.getpeername)
s.close()
s = deferred(to)
s.shutdown(socket.SHUT_RDWR)
s.close()
tell(socket.socket().sendto, b"x", socket.MSG_FASTOPEN, nobody)
s = socket.socket()
s.sendto(b"x", socket.MSG_FASTOPEN, to)
tell(s.sendto, b"y", socket.MSG_FASTOPEN, to)
print(echoed(s, b"xy"))
"""

CURL = """
learn()
for i in range(2):
    out = subprocess.run(["curl", "-sS", "--tcp-fastopen", "http://%s:%d/" % to],
                         capture_output=True, text=True)
    print(out.stdout, out.stderr, opened[-1])
"""


HOLD = """
learn()
s = socket.socket()
s.sendto(b"x", socket.MSG_FASTOPEN, to)
print(echoed(s, b"x"), to[1], flush=True)
sys.stdin.readline()
"""


class FastOpen(support.Case):
    def play(self, code):
        return self.inside("--", support.PYTHON, "-c", BEGIN + code).split("\n")[:-1]

    def test_sendto(self):
        self.assertEqual(self.play(SENDTO), ["True True False"] + 3 * ["True True True"])

    def test_sendto_nonblocking(self):
        self.assertEqual(self.play(SENDTO_NONBLOCKING),
                         ["True", "True False"] + 2 * ["True True True"])

    def test_deferred(self):
        self.assertEqual(self.play(DEFERRED), 6 * ["True True True"])

    def test_mistakes(self):
        self.assertEqual(self.play(MISTAKES), ["EISCONN", "ENOTCONN", "ECONNREFUSED", "1", "True"])

    def test_ss_tells(self):
        os.mkdir(self.path("runtime"), 0o700)
        env = dict(os.environ, XDG_RUNTIME_DIR=self.path("runtime"))
        child = self.start("--", support.PYTHON, "-c", BEGIN + HOLD, stdin=subprocess.PIPE,
                           env=env)
        said = child.stdout.readline().split()
        self.assertEqual(said[0], "True")

        def told():
            return subprocess.run([support.LASTACK, "ss", "-Htni", "state", "established"], env=env,
                                  capture_output=True, text=True, check=True,
                                  timeout=support.SECONDS).stdout.count(" fastopen ")
        support.wait_until(lambda: told() == 2, "both ends are established, and say so")
        child.communicate("\n", timeout=support.SECONDS)
        self.assertEqual(child.returncode, 0)

    @support.needs("curl")
    def test_curl(self):
        self.assertEqual(self.play(CURL), 2 * ["hi  True"])


if __name__ == "__main__":
    support.main()
