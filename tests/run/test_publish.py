#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""`lastack run -p` and `-P`: how a server inside is reached from the host.

Inside runs a puppet: it does what it is told, a line of Python at a time."""
import ast
import hashlib
import os
import re
import resource
import signal
import socket
import struct
import subprocess
import threading

import servers
import support

PUPPET = """
import hashlib, os, socket, struct, sys
def listener(host, port, family=None, backlog=50, **options):
    s = socket.socket(family or (socket.AF_INET6 if ':' in host else socket.AF_INET))
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if 'v6only' in options: s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    s.bind((host, port)); s.listen(backlog)
    return s
def everything(s):
    data = bytearray()
    while part := s.recv(1 << 20): data += part
    return len(data), hashlib.sha256(data).hexdigest()
def name(fn, *arguments):
    try: return fn(*arguments)
    except OSError as e: return type(e).__name__
for line in sys.stdin:
    try: print(repr(eval(line)), flush=True)
    except SyntaxError: exec(line); print('None', flush=True)
"""
BOTH = ("127.0.0.1", "::1")
RESET_ON_CLOSE = struct.pack("ii", 1, 0)


class Puppet:
    def __init__(self, child):
        self.child = child

    def __call__(self, code):
        self.child.stdin.write(code + "\n")
        self.child.stdin.flush()
        line = self.child.stdout.readline()
        if line == "":
            raise AssertionError(self.child.stderr.read())
        return ast.literal_eval(line)


class Case(support.Case):
    def puppet(self, port=80, options=()):
        child, host_port = self.publish(port, support.PYTHON, "-c", PUPPET, options=options,
                                        stdin=subprocess.PIPE)
        return Puppet(child), host_port

    def plain_puppet(self, *options):
        return Puppet(self.start(*options, "--", support.PYTHON, "-c", PUPPET,
                                 stdin=subprocess.PIPE))

    def client(self, port, host="127.0.0.1", source=None):
        s = socket.create_connection((host, port), timeout=support.SECONDS, source_address=source)
        self.addCleanup(s.close)
        return s

    def pair(self, inside, port, host="127.0.0.1"):
        """A client outside; `c` inside."""
        s = self.client(port, host)
        inside("c, peer = s.accept()")
        return s


class Listening(Case):
    def test_refused_unless_the_program_listens(self):
        """As by the kernel, in each family; and again when it has closed its listener."""
        inside, port = self.puppet()
        self.assertEqual([support.connects(port, host) for host in BOTH], [False, False])
        inside("s = listener('0.0.0.0', 80)")
        first = self.pair(inside, port)
        self.assertFalse(support.connects(port, "::1"))
        inside("six = listener('::', 80, v6only=1)")
        self.client(port, "::1").sendall(b"6")
        self.assertEqual(inside("six.accept()[0].recv(1)"), b"6")
        inside("s.close()")
        support.wait_until(lambda: not support.connects(port), "the listener is gone")
        self.assertTrue(support.connects(port, "::1"))
        inside("old = c; s = listener('127.0.0.1', 80)")
        second = self.pair(inside, port)
        for s, name in ((first, "old"), (second, "c")):
            s.sendall(b"hello")
            self.assertEqual(inside(name + ".recv(10)"), b"hello")

    def test_shutdown_of_a_listener(self):
        inside, port = self.puppet()
        inside("s = listener('::', 80)")
        self.assertEqual([support.connects(port, host) for host in BOTH], [True, True])
        inside("s.shutdown(socket.SHUT_RD)")
        self.assertEqual([support.connects(port, host) for host in BOTH], [False, False])
        inside("t = listener('0.0.0.0', 80)")
        self.assertEqual([support.connects(port, host) for host in BOTH], [True, False])

    def test_several_processes_listen_on_one_port(self):
        """SO_REUSEPORT: all are served, and the port is refused when the last one has gone."""
        code = """
import os, socket, sys, time
def serve():
    s = socket.socket(); s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    s.bind(('', 80)); s.listen(50); os.write(1, b'up\\n')
    while True:
        c, _ = s.accept(); c.sendall(b'%d' % os.getpid()); c.close()
for _ in range(3):
    if os.fork() == 0: serve()
sys.stdin.read()
"""
        child, port = self.publish(80, support.PYTHON, "-c", code, stdin=subprocess.PIPE)
        for _ in range(3):
            self.assertEqual(child.stdout.readline(), "up\n")

        def ask():
            try:
                return self.client(port).recv(20)
            except ConnectionError:
                return b""
        served = [ask() for _ in range(60)]
        pids = set(served)
        self.assertEqual(len(pids), 3, pids)
        gone = pids.pop()
        os.kill(int(gone), signal.SIGKILL)
        support.wait_until(lambda: {ask() for _ in range(30)} == pids, "two go on")
        for pid in pids:
            os.kill(int(pid), signal.SIGKILL)
        support.wait_until(lambda: not support.connects(port), "nobody is left")

    def test_ends_with_the_program(self):
        """At once, also while connections are still waited for."""
        inside, port = self.puppet(options=("--linger", "600s"))
        inside("s = listener('0.0.0.0', 80)")
        open_ = self.pair(inside, port)
        inside("c.sendall(b'x' * 1000)")
        inside.child.send_signal(signal.SIGTERM)
        support.wait_until(lambda: not support.connects(port), "refused")
        self.assertIsNone(inside.child.poll())  # our end is not closed yet
        data = b""
        while part := open_.recv(5000):
            data += part
        self.assertEqual(len(data), 1000)
        open_.close()
        self.assertEqual(inside.child.wait(timeout=support.SECONDS), 128 + 15)


class Connections(Case):
    def setUp(self):
        super().setUp()
        self.inside, self.port = self.puppet()
        self.inside("s = listener('::', 80)")

    def test_the_clients_address(self):
        cases = [("127.0.0.1", ("127.0.0.1", 0), "::ffff:127.0.0.1"),
                 ("127.0.0.1", ("127.0.0.9", 0), "::ffff:127.0.0.9"), ("::1", ("::1", 0), "::1")]
        own = host_address()
        if own is not None:
            cases.append((own, (own, 0), "::ffff:" + own))
        for host, source, seen in cases:
            with self.subTest(source):
                s = self.client(self.port, host, source)
                self.inside("c, peer = s.accept()")
                self.assertEqual(self.inside("peer[:2]"), (seen, s.getsockname()[1]))
                self.assertEqual(self.inside("c.getpeername() == peer"), True)
                if host != own:
                    local = "::1" if host == "::1" else "::ffff:127.0.0.1"
                    self.assertEqual(self.inside("c.getsockname()[:2]"), (local, 80))

    def test_half_close(self):
        data = os.urandom(1000000)
        s = self.pair(self.inside, self.port)
        writer = threading.Thread(target=lambda: (s.sendall(data), s.shutdown(socket.SHUT_WR)))
        writer.start()
        self.assertEqual(self.inside("everything(c)"),
                         (len(data), hashlib.sha256(data).hexdigest()))
        writer.join()
        self.inside("c.sendall(b'answer'); c.shutdown(socket.SHUT_WR)")
        self.assertEqual(s.makefile("rb").read(), b"answer")

    def test_half_close_by_the_program(self):
        s = self.pair(self.inside, self.port)
        self.inside("c.shutdown(socket.SHUT_WR)")
        self.assertEqual(s.recv(1), b"")
        s.sendall(b"late")
        s.close()
        self.assertEqual(self.inside("everything(c)[0]"), 4)

    def test_data_before_it_is_accepted(self):
        s = self.client(self.port, "::1")
        s.sendall(b"early")
        s.shutdown(socket.SHUT_WR)
        self.inside("c, peer = s.accept()")
        self.assertEqual(self.inside("everything(c)[0]"), 5)

    def test_urgent_data_before_it_is_accepted(self):
        s = self.client(self.port)
        s.sendall(b"first")
        s.send(b"!", socket.MSG_OOB)
        s.sendall(b"last")
        s.shutdown(socket.SHUT_WR)
        self.inside("c, peer = s.accept()")
        self.assertEqual(self.inside("c.recv(5, socket.MSG_WAITALL)"), b"first")
        support.wait_until(lambda: self.inside("name(c.recv, 1, socket.MSG_OOB)") == b"!", "urgent")
        self.assertEqual(self.inside("everything(c)[0]"), 4)

    def test_reset_by_the_client(self):
        s = self.pair(self.inside, self.port)
        s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
        s.close()
        self.assertEqual(self.inside("name(c.recv, 1)"), "ConnectionResetError")

    def test_reset_by_the_program(self):
        s = self.pair(self.inside, self.port)
        self.inside("c.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))")
        self.inside("c.close()")
        self.assertRaises(ConnectionResetError, s.recv, 1)

    def test_program_is_killed(self):
        s = self.pair(self.inside, self.port)
        s.sendall(b"unread")
        self.inside("c.recv(6, socket.MSG_PEEK | socket.MSG_WAITALL)")  # it has come, and stays
        pid = self.inside("os.getpid()")
        os.kill(pid, signal.SIGKILL)
        self.assertRaises(ConnectionResetError, s.recv, 1)
        self.assertEqual(self.inside.child.wait(timeout=support.SECONDS), 128 + 9)

    def test_who_does_not_read_stops_the_other(self):
        n = 60000000  # more than all buffers on the way hold
        s = self.pair(self.inside, self.port)
        sent = []
        writer = threading.Thread(target=lambda: sent.append(send_pattern(s, n)))
        writer.start()
        writer.join(1.0)
        self.assertTrue(writer.is_alive())
        self.assertEqual(self.inside("everything(c)"), (n, servers.pattern_digest(n)))
        writer.join()
        self.assertEqual(sent, [n])

    def test_many_at_once(self):
        self.inside("import threading")
        self.inside("echo = lambda c: (c.sendall(c.recv(100)), c.close())")
        self.inside("loop = lambda: [threading.Thread(target=echo, args=s.accept()[:1]).start() "
                    "for _ in range(400)]")
        self.inside("threading.Thread(target=loop, daemon=True).start()")
        answers = []

        def ask(k):
            for i in range(20):
                with socket.create_connection(("127.0.0.1", self.port), timeout=support.SECONDS) as s:
                    s.sendall(b"%d %d" % (k, i))
                    answers.append(s.recv(100) == b"%d %d" % (k, i))
        threads = [threading.Thread(target=ask, args=(k,)) for k in range(20)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        self.assertEqual(answers, [True] * 400)


class OnABadWire(Case):
    def test_bytes(self):
        n = 2000000
        for host in BOTH:
            inside, port = self.puppet(options=("--delay", "5ms", "--loss", "1%", "--seed", "3"))
            inside("s = listener('::', 80)")
            s = self.pair(inside, port, host)
            writer = threading.Thread(target=send_pattern, args=(s, n))
            writer.start()
            self.assertEqual(inside("everything(c)"), (n, servers.pattern_digest(n)))
            writer.join()
            inside("c.sendall(b'done'); c.close()")
            self.assertEqual(s.makefile("rb").read(), b"done")


class Views(Case):
    def test_the_client_opens(self):
        inside, port = self.puppet(options=("--json", self.path("json"), "--watch"))
        inside("s = listener('0.0.0.0', 80)")
        s = self.pair(inside, port)
        client_port = s.getsockname()[1]
        s.close()
        inside("c.close()")
        inside.child.stdin.close()
        inside.child.wait(timeout=support.SECONDS)
        said = inside.child.stderr.read()
        self.assertRegex(said, r"program 10\.77\.0\.2:80  outside 10\.77\.0\.1:%d " % client_port)
        self.assertRegex(said, r"opened +by outside")


class Errors(Case):
    def refused(self, *options):
        done = self.run_inside(*options, "--", "touch", self.path("ran"))
        self.assertEqual((done.returncode, done.stderr.count("\n"), done.stdout), (125, 1, ""),
                         done.stderr)
        self.assertFalse(os.path.exists(self.path("ran")))
        return done.stderr

    def test_port_in_use(self):
        for family, host, address in ((socket.AF_INET, "127.0.0.1", "127.0.0.1"),
                                      (socket.AF_INET6, "::1", "[::1]")):
            other = self.server(servers.Server(servers.echo, family, host))
            for prefix in (address + ":", ""):
                said = self.refused("-p", "%s%d:80" % (prefix, other.port))
                self.assertIn("Address already in use", said)
                self.assertIn("port %d of" % other.port, said)

    def test_port_that_another_run_has_published(self):
        """Although its program does not listen yet."""
        _, port = self.puppet()
        self.assertIn("Address already in use", self.refused("-p", "%d:80" % port))

    def test_again_at_once(self):
        """Connections of the last run in TIME-WAIT are no obstacle."""
        port = servers.closed_port()
        for _ in range(2):
            inside = self.plain_puppet("-p", "%d:80" % port)
            inside("s = listener('0.0.0.0', 80)")
            s = self.pair(inside, port)
            inside("c.close()")
            self.assertEqual(s.recv(1), b"")
            s.close()
            inside.child.stdin.close()
            self.assertEqual(inside.child.wait(timeout=support.SECONDS), 0)

    def test_privileged_port(self):
        with open("/proc/sys/net/ipv4/ip_unprivileged_port_start") as f:
            first = int(f.read())
        if os.geteuid() == 0 or first < 10:
            self.skipTest("every port may be bound here")
        self.assertRegex(self.refused("-p", "7:80"), "Permission denied.*1024")

    def test_address_of_somebody_else(self):
        self.assertIn("no address of this host", self.refused("-p", "192.0.2.1:0:80"))

    def test_usage(self):
        for value in ("", "x", "80x", "0", "8080:0", "8080:", ":", "65536:80", "1:65536", "-1:80",
                      "1:2:3", "::1:8080:80", "[::1]:80", "[127.0.0.1]:8080:80", "[::1:8080:80",
                      "1.2.3.4:80", "127.0.0.1:8080:80:90", "9" * 200):
            for form in (("-p", value), ("--publish=" + value,)):
                self.assertIn("--publish needs", self.refused(*form))
        self.assertIn("missing", self.run_inside("-p").stderr)
        self.assertIn("--via", self.refused("-p", "80", "--via", "tun:x"))
        self.assertIn("--via", self.refused("-P", "--via", "tun:x"))
        self.assertIn("too many", self.refused(*["-p0:80"] * 65))

    def test_several(self):
        child = self.start("-p", "127.0.0.1:0:80", "-p[::1]:0:81", "--publish", "0:82", "--",
                           support.PYTHON, "-c", PUPPET, stdin=subprocess.PIPE)
        inside, ports = Puppet(child), []
        for port in (80, 81, 82):
            said = re.match(r"lastack run: port (\d+) is published at port (\d+)\n",
                            child.stderr.readline())
            self.assertEqual(int(said[1]), port)
            ports.append(int(said[2]))
            inside("s%d = listener('::', %d)" % (port, port))
        up = [[support.connects(port, host) for host in BOTH] for port in ports]
        self.assertEqual(up, [[True, False], [False, True], [True, True]])


class Limits(Case):
    def test_one_endpoint_of_a_client_twice(self):
        """At two ports of the host that lead to the same one inside: one gets another port."""
        child = self.start("-p", "127.0.0.1:0:80", "-p", "127.0.0.1:0:80", "--", support.PYTHON,
                           "-c", PUPPET, stdin=subprocess.PIPE)
        inside = Puppet(child)
        ports = [int(child.stderr.readline().split()[-1]) for _ in range(2)]
        inside("s = listener('0.0.0.0', 80)")
        source, seen = ("127.0.0.1", 0), []
        for port in ports:
            s = socket.socket()
            self.addCleanup(s.close)
            s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            s.bind(source)
            s.connect(("127.0.0.1", port))
            source = s.getsockname()
            inside("c, peer = s.accept()")
            seen.append(inside("peer"))
            s.sendall(b"%d" % port)
            self.assertEqual(inside("c.recv(10)"), b"%d" % port)
        self.assertEqual(seen[0], source)
        self.assertEqual(seen[1][0], "127.0.0.1")
        self.assertNotEqual(seen[1][1], source[1])

    def test_descriptors_run_out(self):
        """Clients wait in the kernel's queue, and are served when others have gone."""
        inside = Puppet(self.start(
            "-p", "0:80", "--", support.PYTHON, "-c", PUPPET, stdin=subprocess.PIPE,
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (200, 200))))
        port = int(inside.child.stderr.readline().split()[-1])
        inside("s = listener('0.0.0.0', 80, backlog=400)")
        clients = [self.client(port) for _ in range(250)]
        self.assertIn("too many connections", inside.child.stderr.readline())
        for s in clients[:-1]:
            s.close()
        clients[-1].sendall(b"last")
        inside("c = s.accept()[0]")
        for _ in range(260):
            if inside("c.recv(4)") == b"last":
                break
            inside("c = s.accept()[0]")
        else:
            self.fail("the last one was not served")


class PublishAll(Case):
    def test_called_back_at_a_port_of_the_programs_choice(self):
        """As in FTP's active mode: a server of the host connects to the port that it is told."""
        def call_back(conn):
            port = int(conn.recv(100))
            with socket.create_connection(("127.0.0.1", port)) as s:
                s.sendall(b"called back from %d" % s.getsockname()[1])
        server = self.server(servers.Server(call_back))
        out = self.python("""
import socket, sys
control = socket.create_connection(('127.0.0.1', int(sys.argv[1])))
data = socket.socket(); data.bind((control.getsockname()[0], 0)); data.listen(1)
control.sendall(b'%d' % data.getsockname()[1])
conn, peer = data.accept()
print(conn.makefile().read() == 'called back from %d' % peer[1], peer[0])
""", server.port, options=("-P",))
        self.assertEqual(out, "True 127.0.0.1\n")

    def test_families(self):
        inside = self.plain_puppet("--publish-all")
        for host, up in (("127.0.0.1", [True, False]), ("::1", [False, True]),
                         ("0.0.0.0", [True, False]), ("::", [True, True])):
            inside("s = listener(%r, 0)" % host)
            port = inside("s.getsockname()[1]")
            self.assertEqual([support.connects(port, h) for h in BOTH], up, host)
            inside("s.close()")
            support.wait_until(lambda: not any(support.connects(port, h) for h in BOTH), "closed")
            socket.create_server(("127.0.0.1", port)).close()  # the host has it again

    def test_unbound_and_chosen_by_the_program(self):
        inside = self.plain_puppet("-P")
        inside("s = socket.socket(); s.listen(1)")
        self.assertTrue(support.connects(inside("s.getsockname()[1]")))
        port = servers.closed_port()
        inside("t = listener('', %d)" % port)
        self.assertTrue(support.connects(port))

    def test_port_that_the_host_uses(self):
        """It is said, and the program listens all the same."""
        other = self.server(servers.Server(servers.echo))
        inside = self.plain_puppet("-P")
        inside("s = listener('127.0.0.1', %d)" % other.port)
        said = inside.child.stderr.readline()
        self.assertRegex(said, r"^lastack run: port %d is not published at port %d of 127\.0\.0\.1: "
                               r"Address already in use\n$" % (other.port, other.port))
        self.assertEqual(inside("socket.create_connection(s.getsockname()) is not None"), True)

    def test_a_port_that_is_published_by_name(self):
        """-p decides alone."""
        child = self.start("-P", "-p", "0:8000", "--", support.PYTHON, "-c", PUPPET,
                           stdin=subprocess.PIPE)
        port = int(child.stderr.readline().split()[-1])
        Puppet(child)("s = listener('0.0.0.0', 8000)")
        self.assertTrue(support.connects(port))
        child.stdin.close()
        self.assertEqual((child.wait(timeout=support.SECONDS), child.stderr.read()), (0, ""))


def send_pattern(s, n):
    left = n
    while left > 0:
        left -= s.send(servers.PATTERN[:min(left, len(servers.PATTERN))])
    s.shutdown(socket.SHUT_WR)
    return n


def host_address():
    """An address of this host that is not loopback; no packet is sent."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        try:
            s.connect(("192.0.2.1", 9))
        except OSError:
            return None
        return s.getsockname()[0]


if __name__ == "__main__":
    support.main()
