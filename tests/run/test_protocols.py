#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The old application protocols, each between programs that nobody wrote for this test: HTTP, FTP,
SMTP, Telnet, DNS, SNMP. The client inside and the server outside, then the other way round."""
import email
import fcntl
import hashlib
import json
import os
import pty
import re
import select
import signal
import socket
import struct
import subprocess
import termios
import time
import unittest

import daemons
import servers
import support

BAD_WIRE = ("--delay", "5ms", "--loss", "2%", "--seed", "6")
WIRES = ((), BAD_WIRE)
LINGER = ("--linger", "60s")  # for the other end of a connection, which may be slow to close
only_root = unittest.skipIf(os.geteuid() != 0, "needs root")


class Case(support.Case):
    def daemon(self, port, *words, host="127.0.0.1", env=None):
        """A server on the kernel's stack; returns when it listens on the TCP port."""
        with open(self.path("said"), "ab") as said:
            child = subprocess.Popen([str(w) for w in words], cwd=self.dir, stdout=said,
                                     stderr=said, stdin=subprocess.DEVNULL, env=env)
        self.addCleanup(self.end_daemon, child)
        support.wait_until(lambda: support.connects(port, host) or child.poll() is not None,
                           "it listens")
        self.assertIsNone(child.poll(), self.read("said"))
        return child

    @staticmethod
    def end_daemon(child):
        child.terminate()
        try:
            child.wait(timeout=support.SECONDS)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()

    def told(self, *words, options=(), status=0, **kwargs):
        """Runs WORDS inside. Returns its output and what the JSON says of its connections."""
        done = self.run_inside("--json", self.path("json"), *LINGER, *options, "--", *words, **kwargs)
        self.assertEqual(done.returncode, status, (words, done.stdout, done.stderr))
        with open(self.path("json")) as f:
            events = [json.loads(line) for line in f]
        return done.stdout, [e for e in events if e["kind"] == "CONNECTION"]

    def check_closed(self, connections):
        """Both ends have closed in good order, and nothing was left."""
        for c in connections:
            self.assertIn(c["closed"]["how"], ("FOUR_SEGMENTS", "THREE_SEGMENTS", "SIMULTANEOUS"))
            for end in ("client_end", "server_end"):
                self.assertIn(c[end]["state"], ("CLOSED", "TIME-WAIT"))


def port_of(endpoint):
    return int(endpoint.rsplit(":", 1)[1])


@support.needs("nginx", "curl", "wget", "busybox")
class Http(Case):
    """nginx inside, behind `-p`, is in test_servers.py."""

    def setUp(self):
        super().setUp()
        os.makedirs(self.path("www/sub"))
        self.files = {name: self.file("www/" + name, n) for name, n in
                      (("big", 600000), ("small", 3000), ("empty", 0), ("sub/one", 70000),
                       ("sub/two", 1448))}
        self.port = servers.closed_port()
        self.daemon(self.port, *daemons.nginx(self.dir, ["127.0.0.1:%d" % self.port],
                                              root=self.path("www")))
        self.url = "http://127.0.0.1:%d/" % self.port

    def test_curl(self):
        for options in WIRES:
            out, seen = self.told("curl", "-sS", "-o", "#1", self.url + "{big,small,empty}",
                                  "-w", "%{http_code} ", options=options)
            self.assertEqual(out, "200 200 200 ")
            for name in ("big", "small", "empty"):
                self.assertEqual(self.read(name), self.files[name])
            self.assertEqual([port_of(c["server"]) for c in seen], [self.port])  # kept alive
            self.check_closed(seen)
        out, _ = self.told("curl", "-sS", "-r", "100-199", "-o", "part", self.url + "big")
        self.assertEqual(self.read("part"), self.files["big"][100:200])
        self.told("curl", "-sS", "-f", self.url + "absent", status=22)

    def test_wget_mirrors(self):
        for options in WIRES:
            _, seen = self.told("wget", "-q", "-r", "-nH", "-P", "mirror", "-e", "robots=off",
                                self.url, options=options)
            for name, data in self.files.items():
                self.assertEqual(self.read("mirror/" + name), data, name)
            self.check_closed(seen)
        self.told("wget", "-q", self.url + "absent", status=8)

    def test_busybox(self):
        for options in WIRES:
            _, seen = self.told("busybox", "wget", "-q", "-O", "big", self.url + "big",
                                options=options)
            self.assertEqual(self.read("big"), self.files["big"])
            self.check_closed(seen)


@support.needs("vsftpd", "curl", "tnftp")
class Ftp(Case):
    """Active: the server connects to a port that the client has told it. Passive: the reverse."""

    def begin(self, port, inside=False, host="127.0.0.1"):
        command = daemons.vsftpd(self.dir, port, host)
        if inside:
            child, self.port = self.publish(port, *command, options=("-P",))
            self.up(self.port)
        else:
            child, self.port = self.daemon(port, *command, host=host), port
        os.chmod(self.path("ftp"), 0o755)
        self.data = self.file("ftp/down", 300000)
        os.chmod(self.path("ftp"), 0o555)
        self.url = "ftp://%s:%d/" % ("[::1]" if ":" in host else host, self.port)
        return child

    def check_data(self, seen, active):
        """One connection for control, the others for data: who opened them?"""
        control, *data = sorted(seen, key=lambda c: c["conn"])
        self.assertEqual((port_of(control["server"]), control["opened"]["by"]),
                         (self.port, "client"))
        self.assertGreaterEqual(len(data), 1)
        for c in data:
            self.assertEqual((c["opened"]["how"], c["opened"]["by"]),
                             ("HANDSHAKE", "server" if active else "client"))
        self.check_closed(seen)

    def curl(self, active, wire, *words, status=0):
        how = ("--ftp-port", "-") if active else ()
        out, seen = self.told("curl", "-s", *how, *words,
                              options=(*(("-P",) if active else ()), *wire), status=status)
        self.check_data(seen, active)
        return out, seen

    def test_curl(self):
        self.begin(servers.closed_port())
        up = self.file("up", 200000)
        for active in (False, True):
            for wire in WIRES:
                with self.subTest(active=active, wire=wire):
                    _, seen = self.curl(active, wire, "-o", "got", self.url + "down")
                    self.assertEqual(self.read("got"), self.data)
                    self.assertIn(len(self.data), [c["server_end"]["octets"] for c in seen])
                    self.curl(active, wire, "-T", "up", self.url + "in/up")
                    self.assertEqual(self.read("ftp/in/up"), up)
                    os.unlink(self.path("ftp/in/up"))
                    out, _ = self.curl(active, wire, self.url)
                    self.assertRegex(out, r" down\n")

    def test_ipv6(self):
        """EPSV and EPRT (RFC 2428)."""
        self.begin(servers.closed_port(), host="::1")
        for active in (False, True):
            self.curl(active, BAD_WIRE, "-o", "got", self.url + "down")
            self.assertEqual(self.read("got"), self.data)

    def test_exit_status(self):
        self.begin(servers.closed_port())
        for words in ((), ("--ftp-port", "-")):
            self.told("curl", "-s", *words, self.url + "absent", options=("-P",), status=78)
        self.told("curl", "-s", "-u", "root:x", self.url, status=67)
        # Without -P the server cannot call back.
        self.told("curl", "-s", "--ftp-port", "-", self.url + "down", status=19)

    SESSION = """open 127.0.0.1 %d
user anonymous x
binary
passive %s
get down got
put up in/up
get in/up back
get absent nothing
quit
"""

    def test_interactive_client(self):
        """Several transfers, each by a data connection of its own; ended by QUIT."""
        self.begin(servers.closed_port())
        up = self.file("up", 100000)
        for active in (False, True):
            for wire in WIRES:
                with self.subTest(active=active, wire=wire):
                    with open(self.path("commands"), "w") as f:
                        f.write(self.SESSION % (self.port, "off" if active else "on"))
                    with open(self.path("commands")) as f:
                        _, seen = self.told("tnftp", "-n", "-i", stdin=f, options=("-P", *wire))
                    self.assertEqual(self.read("got"), self.data)
                    self.assertEqual(self.read("ftp/in/up"), up)
                    self.assertFalse(os.path.exists(self.path("nothing")))
                    # With an umask of 022, anonymous may read what it has written.
                    self.assertEqual(self.read("back"), up)
                    os.unlink(self.path("ftp/in/up"))
                    # Control and three files. For the absent one the server was told a port and
                    # never called, or told one and closed it before it had accepted (RST).
                    seen.sort(key=lambda c: c["conn"])
                    self.assertEqual(len(seen), 4 if active else 5)
                    self.check_data(seen[:4], active)

    def test_server_inside(self):
        """Port 21 needs no privilege inside."""
        self.begin(21, inside=True)
        up = self.file("up", 200000)
        # The data connection's port was free on the host a moment ago; somebody may have taken it.
        again = ("--retry", "2", "--retry-connrefused")
        for how in (again, ("--ftp-port", "-")):
            with self.subTest(how):
                self.outside("curl", "-s", *how, "-o", "got", self.url + "down")
                self.assertEqual(self.read("got"), self.data)
                self.outside("curl", "-s", *how, "-T", "up", self.url + "in/up")
                self.assertEqual(self.read("ftp/in/up"), up)
                os.unlink(self.path("ftp/in/up"))


MESSAGE = "From: a@client.test\r\nTo: b@here.test\r\nSubject: %s\r\n\r\n%s\r\n"
BODY = "\r\n".join(["a line", ".a dot", "..", ".", "from here to there"] +
                   ["%d %s" % (k, "x" * (k % 70)) for k in range(4000)])


@support.needs("exim4", "curl")
@unittest.skipIf(os.geteuid() != 0, "exim works for root alone")
class Smtp(Case):
    def mails(self):
        """What has been delivered: subject and body, by the order of arrival."""
        text = self.read("mail").decode() if os.path.exists(self.path("mail")) else ""
        parts = re.split(r"(?m)^From \S+ \w{3} \w{3} .*\n", text)[1:]
        messages = [email.message_from_string(p) for p in parts]
        return [(m["Subject"], m.get_payload().rstrip("\n")) for m in messages]

    def delivered(self, subject):
        want = (subject, BODY.replace("\r\n", "\n"))
        support.wait_until(lambda: want in self.mails(), "a message is delivered")

    def send(self, subject, url):
        with open(self.path("message"), "w", newline="") as f:
            f.write(MESSAGE % (subject, BODY))
        return ("curl", "-sS", url, "--mail-from", "a@client.test", "--mail-rcpt", "b@here.test",
                "-T", "message")

    def test_client_inside(self):
        port = servers.closed_port()
        self.daemon(port, *daemons.exim(self.dir, port))
        url = "smtp://127.0.0.1:%d/client.test" % port
        for wire in WIRES:
            subject = "curl %s" % len(wire)
            _, seen = self.told(*self.send(subject, url), options=wire)
            self.assertEqual([port_of(c["server"]) for c in seen], [port])
            self.check_closed(seen)
            self.delivered(subject)
        self.told("curl", "-s", url, "--mail-from", "a@client.test", "--mail-rcpt", "b@else.test",
                  "-T", "message", status=55)

    def test_relay_inside(self):
        """The mail system itself as client."""
        port = servers.closed_port()
        self.daemon(port, *daemons.exim(self.dir, port))
        for wire in WIRES:
            subject = "relay %s" % len(wire)
            with open(self.path("message"), "w") as f:
                f.write((MESSAGE % (subject, BODY)).replace("\r", ""))
            with open(self.path("message")) as f:
                _, seen = self.told(*daemons.exim_client(self.dir, port), "b@here.test", stdin=f,
                                    options=("--wait-all", *wire))
            self.assertEqual([port_of(c["server"]) for c in seen], [port])
            self.check_closed(seen)
            self.delivered(subject)

    def test_server_inside(self):
        child, port = self.publish(25, *daemons.exim(self.dir, 25))
        self.up(port)
        self.outside(*self.send("inside", "smtp://127.0.0.1:%d/client.test" % port))
        self.delivered("inside")
        self.assertIn(b"H=(client.test) [127.0.0.1]", self.read("log-mainlog"))
        child.terminate()
        child.wait(timeout=support.SECONDS)


class Terminal:
    """A program on a terminal of its own."""

    def __init__(self, words, cwd, rows=30, columns=101):
        self.fd, slave = pty.openpty()
        self.resize(rows, columns)
        self.child = subprocess.Popen(
            [str(w) for w in words], cwd=cwd, stdin=slave, stdout=slave, stderr=slave,
            env=dict(os.environ, TERM="vt100"), start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0))
        os.close(slave)
        self.text = b""

    def resize(self, rows, columns):
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def say(self, octets):
        os.write(self.fd, octets)

    def until(self, word, seconds=support.SECONDS):
        """What it shows up to and with `word`."""
        deadline = time.monotonic() + seconds
        while word not in self.text:
            left = deadline - time.monotonic()
            ready = left > 0 and select.select([self.fd], [], [], left)[0]
            try:
                more = os.read(self.fd, 65536) if ready else b""
            except OSError:  # the other side is closed
                more = b""
            if not more:
                raise AssertionError("%r does not come: %r" % (word, self.text[-2000:]))
            self.text += more
        end = self.text.index(word) + len(word)
        seen, self.text = self.text[:end], self.text[end:]
        return seen

    def escape(self):
        """Until it is heeded: what was typed while the client sets the terminal may be flushed."""
        for last in (False, False, True):
            self.say(b"\x1d")
            try:
                return self.until(b"telnet> ", 10)
            except AssertionError:
                if last:
                    raise

    def close(self):
        if self.child.poll() is None:
            self.child.terminate()
        self.child.wait(timeout=support.SECONDS)
        os.close(self.fd)


@support.needs("busybox", "inetutils-telnet")
class Telnet(Case):
    PROMPT = b"ready> "

    def terminal(self, *words):
        return self.server(Terminal(words, self.dir))

    def client(self, port, wire=None):
        inside = () if wire is None else (support.LASTACK, "run", "--json", self.path("json"),
                                          *LINGER, *wire, "--")
        return self.terminal(*inside, "inetutils-telnet", "127.0.0.1", port)

    def command(self, t, line):
        """What a command shows, without its echo and the next prompt."""
        t.say(line + b"\r")
        t.until(b"\n")
        return t.until(self.PROMPT)[:-len(self.PROMPT)].replace(b"\r\n", b"\n")

    def session(self, t):
        """A shell by way of the network, and what only the options' negotiation can have done."""
        t.until(b"Escape character is '^]'.")
        t.say(b"PS1='ready''> '\r")  # the echo is not the prompt
        t.until(self.PROMPT)
        self.assertEqual(self.command(t, b"echo $((6*7))"), b"42\n")
        self.assertEqual(self.command(t, b"stty size"), b"30 101\n")  # RFC 1073
        t.resize(40, 120)
        support.wait_until(lambda: self.command(t, b"stty size") == b"40 120\n", "the new size")
        shown = self.command(t, b"seq 1 20000 | tee seq")
        self.assertEqual(shown, self.read("seq"))
        t.say(b"sleep 1000\r")
        t.until(b"\n")
        support.wait_until(lambda: self.interrupted(t), "the interrupt arrives")
        t.say(b"\x1d")
        t.until(b"telnet> ")
        t.say(b"status\r")
        t.until(b"Operating in single character mode")  # RFC 857 and RFC 858, agreed
        t.say(b"\r")
        t.until(self.PROMPT)
        t.say(b"exit\r")
        t.until(b"Connection closed by foreign host.")
        t.child.wait(timeout=support.SECONDS)
        return t.child.returncode

    def interrupted(self, t):
        """The shell may not have started the program yet: again, until it answers."""
        t.say(b"\x03")
        try:
            t.until(self.PROMPT, seconds=2)
            return True
        except AssertionError:
            return False

    def test_client_inside(self):
        port = servers.closed_port()
        self.daemon(port, *daemons.telnetd(port))
        native = self.session(self.client(port))
        for wire in WIRES:
            self.assertEqual(self.session(self.client(port, wire)), native)
            with open(self.path("json")) as f:
                seen = [c for c in map(json.loads, f) if c["kind"] == "CONNECTION"]
            self.assertEqual([port_of(c["server"]) for c in seen], [port])
            self.check_closed(seen)

    def test_server_inside(self):
        for wire in WIRES:
            child, port = self.publish(23, *daemons.telnetd(23), options=wire)
            self.up(port)
            self.session(self.client(port))
            self.end(child)

    def synch(self, wire):
        """What a server gets: octets, and which of them was marked as urgent."""
        got = []

        def serve(conn):
            conn.setsockopt(socket.SOL_SOCKET, socket.SO_OOBINLINE, 1)
            while select.select([conn], [], [], 60)[0]:
                marked = servers.at_mark(conn)
                data = conn.recv(1 if marked else 65536)
                if not data:
                    return
                got.append((marked, data))
        server = self.server(servers.Server(serve))
        t = self.client(server.port, wire)
        t.until(b"Escape character is '^]'.")
        t.escape()
        t.say(b"send synch\r")
        support.wait_until(lambda: sum(len(data) for _, data in got) >= 2, "the signal")
        return got

    def test_synch(self):
        """RFC 854: Synch is IAC DM, urgent. (This client marks the first octet of the two.)"""
        native = self.synch(None)
        self.assertEqual(b"".join(data for _, data in native), b"\xff\xf2")
        self.assertEqual([marked for marked, _ in native].count(True), 1)
        for wire in WIRES:
            self.assertEqual(self.synch(wire), native)


def answers(out):
    """What dig +short was told, without its words about questions that it had to repeat."""
    return [line for line in out.splitlines() if not line.startswith(";;")]


@support.needs("dnsmasq", "dig")
class Dns(Case):
    RECORDS = ["host-record=www.test,192.0.2.7,2001:db8::7",
               *["host-record=many.test,192.0.2.%d" % k for k in range(1, 101)],
               *["txt-record=big.test,%s" % (("%02d " % k) * 60) for k in range(30)]]

    def begin(self):
        self.port = servers.closed_port()
        self.daemon(self.port, *daemons.dnsmasq(self.dir, self.port, self.RECORDS))
        self.at = ("@127.0.0.1", "-p", self.port, "+tries=30", "+time=1")

    def test_dig(self):
        self.begin()
        for wire in WIRES:
            for kind, address in (("A", "192.0.2.7"), ("AAAA", "2001:db8::7")):
                # A SYN that is lost goes again after 1 s.
                for how, connections in ((("+notcp",), 0), (("+tcp", "+time=60"), 1)):
                    out, seen = self.told("dig", *self.at, *how, "+short", "www.test", kind,
                                          options=wire)
                    self.assertEqual((answers(out), len(seen)), ([address], connections))
                    self.check_closed(seen)
            out, _ = self.told("dig", *self.at, "absent.test", options=wire)
            self.assertIn("status: NXDOMAIN", out)

    def test_truncated_then_by_tcp(self):
        self.begin()
        big = self.outside("dig", *self.at, "+tcp", "+short", "big.test", "TXT").decode()
        self.assertEqual(big.count("\n"), 30)
        for wire in WIRES:
            out, seen = self.told("dig", *self.at, "+ignore", "big.test", "TXT", options=wire)
            self.assertRegex(out, r"flags: qr aa tc rd")
            self.assertEqual(seen, [])
            out, seen = self.told("dig", *self.at, "+time=60", "+short", "big.test", "TXT",
                                  options=wire)
            self.assertEqual(sorted(answers(out)), sorted(big.splitlines()))
            self.assertEqual([port_of(c["server"]) for c in seen], [self.port])
            self.check_closed(seen)

    def test_many_questions_in_one_run(self):
        self.begin()
        with open(self.path("questions"), "w") as f:
            f.write("www.test A\nwww.test AAAA\nmany.test A\n" * 20)
        for wire in WIRES:
            out, _ = self.told("dig", *self.at, "+short", "-f", "questions", options=wire)
            lines = answers(out)
            self.assertEqual((len(lines), lines.count("192.0.2.7"), lines.count("2001:db8::7")),
                             (20 * 102, 40, 20))

    def test_nobody_answers(self):
        self.port = servers.closed_port()
        self.told("dig", "@127.0.0.1", "-p", self.port, "+tries=1", "+time=2", "www.test",
                  status=9)

    def test_server_inside(self):
        """By TCP from outside, and by UDP from inside."""
        command = daemons.dnsmasq(self.dir, 53, self.RECORDS)
        child, port = self.publish(53, *command)
        self.up(port)
        out = self.outside("dig", "@127.0.0.1", "-p", port, "+tcp", "+short", "www.test")
        self.assertEqual(out, b"192.0.2.7\n")
        self.end(child)
        # On all addresses it heeds only what was sent to its own (IP_PKTINFO).
        for line in ("", "bind-interfaces"):
            self.asked_inside(daemons.dnsmasq(self.dir, 53, self.RECORDS, how=line))

    def asked_inside(self, command):
        out = self.inside("sh", "-c", " ".join(map(str, command)) + """ 2>/dev/null &
            until dig @127.0.0.1 +tries=1 +time=1 www.test >/dev/null; do sleep 0.1; done
            for how in '+notcp www.test' '+tcp www.test' 'big.test TXT'; do
                dig @127.0.0.1 +tries=30 +time=1 +short $how
            done
            kill $!; wait""")
        self.assertEqual(len(answers(out)), 32)

    @only_root
    @support.needs("unshare", "curl", "getent")
    def test_resolver_of_the_c_library(self):
        """A resolv.conf of its own, in a mount namespace; the answer of many.test is truncated."""
        address = "127.53.%d.%d" % (os.getpid() >> 8 & 255, os.getpid() & 255)
        self.daemon(53, *daemons.dnsmasq(self.dir, 53, self.RECORDS + [
            "host-record=here.test,127.0.0.1"], address=address), host=address)
        web = self.server(servers.Server(lambda c: c.sendall(
            b"HTTP/1.0 200 OK\r\n\r\n" + c.recv(65536)[:3])))
        with open(self.path("resolv"), "w") as f:
            f.write("nameserver %s\noptions attempts:5 timeout:5\n" % address)
        for wire in WIRES:
            private = ("unshare", "-m", "sh", "-c",
                       "mount --bind resolv /etc/resolv.conf && exec \"$@\"", "-",
                       support.LASTACK, "run", "--json", "json", *wire, "--")
            out = self.outside(*private, "curl", "-sS", "http://here.test:%d/" % web.port)
            self.assertEqual(out, b"GET")
            out = self.outside(*private, "getent", "ahostsv4", "many.test")
            self.assertEqual(len({line.split()[0] for line in out.splitlines()}), 100)
            with open(self.path("json")) as f:
                seen = [c for c in map(json.loads, f) if c["kind"] == "CONNECTION"]
            self.assertEqual({port_of(c["server"]) for c in seen}, {53})


@support.needs("snmpd", "snmpget", "snmpwalk", "snmpset", "snmpbulkwalk")
class Snmp(Case):
    CONTACT = ".1.3.6.1.2.1.1.4.0"
    SYSTEM = ".1.3.6.1.2.1.1"

    def setUp(self):
        super().setUp()
        os.makedirs(self.path("kept"))
        self.env = dict(os.environ, SNMP_PERSISTENT_DIR=self.path("kept"), MIBS="",
                        SNMPCONFPATH=self.dir)

    def words(self, command, transport, port, *more):
        return (command, "-v2c", "-c", "secret", "-r", "20", "-t", "2", "-O", "nq",
                "%s:127.0.0.1:%d" % (transport, port), *more)

    def check(self, ask):
        """`ask` runs a command and returns its output."""
        for n, transport in enumerate(("udp", "tcp")):
            value = "somebody %d by %s" % (n, transport)
            self.assertIn(value, ask("snmpset", transport, self.CONTACT, "s", value))
            self.assertEqual(ask("snmpget", transport, self.CONTACT),
                             '%s "%s"\n' % (self.CONTACT, value))
            walked = [self.steady(ask(command, transport, self.SYSTEM))
                      for command in ("snmpwalk", "snmpbulkwalk")]
            self.assertIn('%s "%s"' % (self.CONTACT, value), walked[0])
            self.assertGreaterEqual(len(walked[0]), 5)
            self.assertEqual(walked[0], walked[1])

    @staticmethod
    def steady(text):
        """Without what tells the time."""
        return [line for line in text.splitlines() if line.count(":") < 3]

    def test_client_inside(self):
        port = servers.closed_port()
        self.daemon(port, *daemons.snmpd(self.dir, "udp:127.0.0.1:%d" % port,
                                         "tcp:127.0.0.1:%d" % port), env=self.env)
        for wire in WIRES:
            def ask(command, transport, *more):
                out, seen = self.told(*self.words(command, transport, port, *more),
                                      options=wire, env=self.env)
                self.assertEqual([port_of(c["server"]) for c in seen],
                                 [port] if transport == "tcp" else [])
                self.check_closed(seen)
                return out
            self.check(ask)
        done = self.run_inside(*self.words("snmpget", "udp", port, ".1.3.6.1.2.1.1.4.0.9", "-x"),
                               env=self.env)
        self.assertEqual(done.returncode, 1)

    def test_server_inside(self):
        _, port = self.publish(161, *daemons.snmpd(self.dir, "tcp:127.0.0.1:161"), env=self.env)
        self.up(port)

        def ask(command, _, *more):
            return self.outside(*self.words(command, "tcp", port, *more), env=self.env).decode()
        self.check(ask)

    def test_both_inside(self):
        """By UDP, too: snmpd wants to know where each question was sent to (IP_PKTINFO)."""
        for addresses in (("udp:127.0.0.1:161", "tcp:127.0.0.1:161"), ("udp:161", "tcp:161")):
            shell = self.start("sh", "-c", '"$@" & while read -r line; do eval "$line"; '
                               'echo "end of $?"; done; kill $!; wait', "-",
                               *daemons.snmpd(self.dir, *addresses), env=self.env,
                               stdin=subprocess.PIPE)

            def ask(command, transport, *more):
                words = self.words(command, transport, 161, *more)
                shell.stdin.write(" ".join("'%s'" % w for w in words) + "\n")
                shell.stdin.flush()
                return "".join(iter(lambda: self.line_of_output(shell), ""))
            support.wait_until(lambda: ask("snmpget", "tcp", self.CONTACT), "it listens")
            self.check(ask)
            shell.stdin.close()
            self.assertEqual(shell.wait(timeout=support.SECONDS), 0)

    @staticmethod
    def line_of_output(shell):
        """The next line; "" at the end of a command's output."""
        line = shell.stdout.readline()
        return "" if line.startswith("end of ") else line


if __name__ == "__main__":
    support.main()
