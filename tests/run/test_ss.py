#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""`lastack ss` beside running programs: what is listed, how, and what hostile clients can do."""
import fcntl
import json
import os
import pty
import re
import select
import socket
import struct
import subprocess
import termios
import threading
import unittest

import servers
import support

CONTROL_MD = os.path.join(support.HERE, "..", "..", "docs", "control.md")

# Sockets in many states, inside. Port numbers come out on its standard output; it ends when it is
# told to on its standard input.
PROGRAM = """
import socket, sys
def listener(backlog, family=socket.AF_INET, host='127.0.0.1'):
    s = socket.socket(family); s.bind((host, 0)); s.listen(backlog); return s
def pair(l):
    c = socket.create_connection(l.getsockname()[:2]); return c, l.accept()[0]
keep = []
a = listener(7)
keep += [pair(a)]                                   # ESTABLISHED both ends
c, s = pair(a); s.shutdown(socket.SHUT_WR); keep += [c, s]  # FIN-WAIT-2, CLOSE-WAIT
c, s = pair(a); s.close(); c.recv(1); c.close()     # TIME-WAIT at one end
c, s = pair(a); c.sendall(b'x' * 1234); keep += [c, s]  # not read
c.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
b = listener(5, socket.AF_INET6, '::1')
keep += [socket.create_connection(b.getsockname()[:2])]  # not accepted
n = socket.socket(); n.setblocking(False)
try: n.connect(('127.0.0.1', int(sys.argv[1])))     # SYN-SENT: nobody answers
except BlockingIOError: pass
u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); u.bind(('127.0.0.1', 0))
v = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); v.connect(('127.0.0.1', 53))
print(a.getsockname()[1], b.getsockname()[1], u.getsockname()[1], flush=True)
sys.stdin.readline()
"""


class Silent:
    """A port of the host that answers no SYN: its accept queue is full and stays so."""

    def __init__(self):
        self.listener = socket.socket()
        self.listener.bind(("127.0.0.1", 0))
        self.listener.listen(0)
        self.port = self.listener.getsockname()[1]
        self.waits = socket.create_connection(("127.0.0.1", self.port))
        # Connected is not yet queued: the last ACK may still be on its way on a busy machine.
        if not select.select([self.listener], [], [], 60)[0]:
            raise TimeoutError("a connection does not reach its listener")

    def close(self):
        self.waits.close()
        self.listener.close()


class Ss(support.Case):
    """One runtime folder per test."""

    def setUp(self):
        super().setUp()
        os.mkdir(self.path("runtime"), 0o700)
        self.env = dict(os.environ, XDG_RUNTIME_DIR=self.path("runtime"), TMPDIR=self.dir)
        self.env.pop("COLUMNS", None)

    def ss(self, *words, status=0, said="", **env):
        done = subprocess.run([support.LASTACK, "ss", *[str(w) for w in words]], timeout=support.SECONDS,
                              capture_output=True, text=True, env=dict(self.env, **env))
        self.assertEqual((done.returncode, done.stderr), (status, said), done.stdout)
        return done.stdout

    def rows(self, *words, **kwargs):
        """Lists of words, without the header."""
        return [line.split() for line in self.ss("-H", "-n", *words, **kwargs).splitlines()]

    def objects(self, *words):
        return [json.loads(line) for line in self.ss("--json", *words).splitlines()]

    def program(self, code, *arguments, options=()):
        """Runs Python code inside and returns the child when it has written its first line."""
        child = subprocess.Popen([support.LASTACK, "run", "--linger", "0", *options, "--",
                                  support.PYTHON, "-c", code, *[str(a) for a in arguments]],
                                 cwd=self.dir, env=self.env, stdin=subprocess.PIPE,
                                 stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.addCleanup(self.stop, child)
        child.first_line = child.stdout.readline().split()
        return child

    @staticmethod
    def stop(child):
        if child.poll() is None:
            child.kill()
        child.communicate()

    def control(self, child):
        return os.path.join(self.path("runtime"), "lastack", "%d.sock" % child.pid)

    def connect(self, child):
        s = socket.socket(socket.AF_UNIX)
        self.addCleanup(s.close)
        s.settimeout(60)
        s.connect(self.control(child))
        return s


def read_all(s):
    octets = b""
    try:
        while data := s.recv(1 << 16):
            octets += data
    except ConnectionResetError:
        pass
    return octets


class Listing(Ss):
    """One program for all of these."""

    def setUp(self):
        super().setUp()
        silent = self.server(Silent())
        self.child = self.program(PROGRAM, silent.port)
        self.a, self.b, self.u = [int(w) for w in self.child.first_line]
        self.silent = silent.port
        support.wait_until(self.rests, "nothing moves any more")

    def rests(self):
        """Everything sent is where it goes to, and acknowledged (by delayed ACKs, lastly)."""
        conns = [o for o in self.objects("-t", "--end", "near") if o["kind"] == "CONNECTION"]
        moving = [o for o in conns if o["state"] != "SYN-SENT" and
                  (o.get("send_queue_bytes", 0) > 0 or "ack_us" in o)]
        return (self.states() == self.CONNECTED and moving == [] and
                1234 in [o.get("bytes_received") for o in conns] and
                [row[0] for row in self.rows("-t", "--end", "far")] == ["SYN-HELD"])

    def states(self, *words, **kwargs):
        return sorted(row[0] for row in self.rows("-t", *words, **kwargs))

    CONNECTED = sorted(["ESTABLISHED"] * 6 + ["FIN-WAIT-2", "CLOSE-WAIT", "TIME-WAIT", "SYN-SENT"])

    def test_states(self):
        self.assertEqual(self.states(), self.CONNECTED)
        self.assertEqual(self.states("-a"), sorted(self.CONNECTED + ["LISTEN"] * 2))
        self.assertEqual(self.states("-l"), ["LISTEN"] * 2)
        self.assertEqual(self.states("-a", "--names", "linux"),
                         sorted(["ESTABLISHED"] * 6 + ["FIN_WAIT2", "CLOSE_WAIT", "TIME_WAIT",
                                                       "SYN_SENT"] + ["LISTEN"] * 2))
        self.assertIn("FIN_WAIT_2", self.states("--names", "bsd"))

    def test_filters(self):
        a, b = self.a, self.b
        for words, states in (
                (["state", "time-wait"], ["TIME-WAIT"]),
                (["state", "TIME_WAIT"], ["TIME-WAIT"]),
                (["state", "listening"], ["LISTEN"] * 2),
                (["state", "syn-received"], []),
                (["state", "syn-sent"], ["SYN-SENT"]),
                (["state", "connected"], self.CONNECTED),
                (["state", "all"], sorted(self.CONNECTED + ["LISTEN"] * 2)),
                (["state", "bucket"], ["TIME-WAIT"]),
                (["state", "close-wait", "state", "fin-wait-2"], ["CLOSE-WAIT", "FIN-WAIT-2"]),
                (["exclude", "established", "exclude", "listen"],
                 ["CLOSE-WAIT", "FIN-WAIT-2", "SYN-SENT", "TIME-WAIT"]),
                (["dst", "10.77.0.1"], ["SYN-SENT"]),
                (["dport", "=", ":%d" % self.silent], ["SYN-SENT"]),
                (["dst", "10.77.0.1:%d" % self.silent], ["SYN-SENT"]),
                (["dst", "10.77.0.1:1"], []),
                (["dst", "fd77::/64"], ["ESTABLISHED"] * 2),
                (["state", "all", "sport = :%d" % a],
                 ["ESTABLISHED", "ESTABLISHED", "FIN-WAIT-2", "LISTEN", "TIME-WAIT"]),
                (["( sport = :%d or dport = :%d ) and not src fd77::/16" % (b, b)], []),
                (["sport = :%d or dport = :%d" % (b, b)], ["ESTABLISHED"] * 2),
                (["state", "listen", "sport = :%d" % b], ["LISTEN"]),
                (["not ( dst 10.77.0.2 or dst fd77::2 )"], ["SYN-SENT"])):
            self.assertEqual(self.states(*words), states, words)

    def test_queues(self):
        rows = self.rows("-lt")
        by_port = {row[3].rsplit(":", 1)[1]: row for row in rows}
        # One waits to be accepted; the limits are the backlogs.
        self.assertEqual(by_port[str(self.a)][1:3], ["0", "7"])
        self.assertEqual(by_port[str(self.b)][1:3], ["1", "5"])
        self.assertEqual(by_port[str(self.a)][5], "half-open:0/1024")
        unread = [o for o in self.objects("-t") if o["kind"] == "CONNECTION" and
                  o["bytes_received"] == 1234]
        self.assertEqual(len(unread), 1)

    def test_udp(self):
        self.assertEqual([(row[0], row[3].rsplit(":", 1)[1]) for row in self.rows("-ul")],
                         [("UNCONN", str(self.u))])
        self.assertEqual([(row[0], row[4]) for row in self.rows("-u")],
                         [("ESTAB", "10.77.0.1:53")])
        self.assertEqual(len(self.rows("-ua")), 2)
        self.assertEqual({row[0] for row in self.rows("-a")}, {"tcp", "udp"})

    def test_timers_processes_and_info(self):
        name = os.path.basename(os.path.realpath(support.PYTHON))[:15]
        text = self.ss("-Htno", "state", "time-wait")
        self.assertEqual(len(re.findall(r"timer:\(timewait,(1min)?\d*(sec)?,0\)", text)), 1, text)
        text = self.ss("-Htno", "state", "syn-sent")
        self.assertRegex(text, r"timer:\(on,[\d.]+(ms|sec),\d\)")
        self.assertEqual(self.ss("-Htno").count("timer:(keepalive,1"), 1)
        text = self.ss("-Htnp", "state", "close-wait")
        self.assertRegex(text, r'users:\(\("%s[^"]*",pid=\d+\)\)' % re.escape(name[:6]))
        text = self.ss("-Htni", "state", "established")
        for word in ("ts sack ", " rto:", " mss:", " cwnd:", "wscale:", " bytes_received:1234",
                     " segs_in:", " lastrcv:"):
            self.assertIn(word, text)
        self.assertIn("orphan", self.ss("-Htni", "state", "time-wait"))

    def test_far_side(self):
        self.assertEqual([row[0] for row in self.rows("-t", "--end", "far")], ["SYN-HELD"])
        self.assertEqual([row[0] for row in self.rows("-t", "--end", "far", "state",
                                                      "syn-received")], ["SYN-HELD"])
        rows = self.rows("-t", "--end", "all")
        self.assertEqual([row[1] for row in rows if row[0] == "far"], ["SYN-HELD"])
        self.assertEqual(len(rows), len(self.CONNECTED) + 1)

    def test_summary(self):
        text = self.ss("-s")
        self.assertRegex(text, r"^lastack run, pid %d, up [\d.]+ s: " % self.child.pid)
        self.assertRegex(text, r"connections +10: .*ESTABLISHED 6")
        counters = [o for o in self.objects("-s") if o["kind"] == "COUNTERS"]
        self.assertEqual(len(counters), 1)
        self.assertEqual(counters[0]["states"]["TIME-WAIT"], 1)
        self.assertEqual(counters[0]["tcp_passive_opens"], 5)

    def test_width(self):
        """Nothing is wider than it may be, and nothing is lost."""
        for width in (80, 120, 200):
            support.wait_until(lambda width=width: self.fits(width), "no word comes or goes")

    def fits(self, width):
        """Not, when a word has come meanwhile, as when the SYN is sent again."""
        before = len(self.ss("-Htnaoip").split())
        text = self.ss("-Htnaoip", COLUMNS=str(width))
        self.assertLessEqual(max(len(line) for line in text.splitlines()), width)
        if len(self.ss("-Htnaoip").split()) != before:
            return False
        self.assertEqual(len(text.split()), before)
        return True

    def test_terminal(self):
        main, child = pty.openpty()
        fcntl.ioctl(child, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
        done = subprocess.Popen([support.LASTACK, "ss", "-tanoip"], stdout=child, env=self.env)
        os.close(child)
        octets = b""
        try:
            while data := os.read(main, 65536):
                octets += data
        except OSError:
            pass  # its end, as Linux tells it
        self.assertEqual(done.wait(timeout=support.SECONDS), 0)
        os.close(main)
        lines = octets.decode().splitlines()
        self.assertGreater(len(lines), 20)
        self.assertLessEqual(max(len(line) for line in lines), 80)

    def documented(self):
        """kind -> {key: type}, from docs/control.md."""
        tables, kind = {}, None
        with open(CONTROL_MD, encoding="utf-8") as f:
            for line in f:
                if line.startswith("## "):
                    kind = line[3:].strip()
                m = re.match(r"\| `(\w+)`((?:, `\w+`)*) \| (\w+) \|", line)
                if m:
                    tables.setdefault(kind, {})[m.group(1)] = m.group(3)
        return tables

    def test_json_is_as_documented(self):
        tables = self.documented()
        types = {"integer": int, "string": str, "boolean": bool, "object": dict}
        seen = {}
        for o in self.objects("-a", "--end", "all"):
            allowed = dict(tables["Every object"], **tables[o["kind"]])
            for key, value in o.items():
                self.assertIn(key, allowed, o)
                self.assertIs(type(value), types[allowed[key]], (key, o))
                seen.setdefault(o["kind"], set()).add(key)
        self.assertEqual(set(seen), {"INSTANCE", "LISTENER", "CONNECTION", "REQUEST", "UDP",
                                     "COUNTERS"})
        # Keys that this program does not bring about.
        absent = {"err", "err_soft", "ack_us"}
        for kind, keys in seen.items():
            always = set(tables[kind]) | set(tables["Every object"])
            self.assertEqual(always - keys - absent, {"end"} if kind == "INSTANCE" else set(), kind)

    def test_no_room_on_the_output(self):
        if not os.path.exists("/dev/full"):
            self.skipTest("no /dev/full")
        with open("/dev/full", "w", encoding="utf-8") as full:
            done = subprocess.run([support.LASTACK, "ss", "-a"], stdout=full, env=self.env,
                                  stderr=subprocess.PIPE, text=True, timeout=support.SECONDS)
        self.assertEqual(done.returncode, 1)
        self.assertRegex(done.stderr, r"^lastack ss: cannot write to standard output.*\n$")


WAITS = "import sys; print('up', flush=True); sys.stdin.readline()"


class Instances(Ss):
    NONE = "lastack ss: no instance of yours is running; 'lastack run -- PROGRAM' starts one\n"

    def test_none(self):
        self.assertEqual(self.ss(status=1, said=self.NONE), "")
        self.assertEqual(self.ss("--json", status=1, said=self.NONE), "")
        self.ss("--pid", 1, status=1, said="lastack ss: no instance of yours has the pid 1\n")

    def test_usage(self):
        for words, wants in ((["-x"], "-x"), (["--bogus"], "--bogus"), (["--end", "left"], "left"),
                             (["--names", "x"], "rfc, linux or bsd"), (["--pid", "0"], "--pid"),
                             (["--pid"], "--pid"), (["--watch", "soon"], "soon"),
                             (["--watch", "0"], "--watch"), (["state", "open"], "open"),
                             (["dport"], "port"), (["bogus"], "bogus"), (["(", "dport", "1"], ")")):
            done = subprocess.run([support.LASTACK, "ss", *words], env=self.env, timeout=support.SECONDS,
                                  capture_output=True, text=True)
            self.assertEqual((done.returncode, done.stdout), (2, ""), words)
            self.assertEqual(done.stderr.count("\n"), 1, done.stderr)
            self.assertTrue(done.stderr.startswith("lastack ss: "), done.stderr)
            self.assertIn(wants, done.stderr)
        self.assertIn("Exit status", self.ss("--help"))

    def test_two(self):
        code = "import socket; s = socket.create_server(('127.0.0.1', 0)); " + WAITS
        one, two = self.program(code), self.program(code)
        rows = self.rows("-tl")
        self.assertEqual({row[0] for row in rows}, {str(one.pid), str(two.pid)})
        self.assertEqual(len(self.rows("-tl", "--pid", one.pid)), 1)
        self.assertEqual({o["instance"] for o in self.objects("-s", "--pid", two.pid)}, {two.pid})
        out, said = one.communicate("\n", timeout=support.SECONDS)
        self.assertEqual((one.returncode, out, said), (0, "", ""))
        self.assertEqual(len(self.rows("-tl")), 1)
        two.communicate("\n", timeout=support.SECONDS)
        self.ss(status=1, said=self.NONE)
        self.assertEqual(os.listdir(self.path("runtime")), [])

    def test_killed(self):
        """It leaves its socket, which the next one who asks removes."""
        child = self.program(WAITS)
        path = self.control(child)
        self.assertTrue(os.path.exists(path))
        child.kill()
        child.communicate()
        self.assertTrue(os.path.exists(path))
        self.ss(status=1, said=self.NONE)
        self.assertFalse(os.path.exists(path))

    def test_killed_and_the_next_instance_sweeps(self):
        first = self.program(WAITS)
        first.kill()
        first.communicate()
        second = self.program(WAITS)
        self.assertEqual(os.listdir(os.path.dirname(self.control(second))),
                         ["%d.sock" % second.pid])

    def test_temporary_folder(self):
        self.env["XDG_RUNTIME_DIR"] = ""
        self.program(WAITS)
        folder = self.path("lastack-%d" % os.geteuid())
        self.assertEqual(os.stat(folder).st_mode & 0o777, 0o700)
        self.assertIn("lastack run", self.ss("-s"))

    def test_no_place(self):
        """The run goes on; --trace says why nothing can be asked."""
        self.env.update(XDG_RUNTIME_DIR="/proc/no", TMPDIR="/proc/no")
        for options in ((), ("--trace",)):
            done = self.run_inside(*options, "--", "echo", "on", env=self.env)
            self.assertEqual((done.returncode, done.stdout), (0, "on\n"))
            self.assertEqual("no control socket" in done.stderr, options != ())

    def test_watch(self):
        child = self.program(WAITS)
        done = subprocess.Popen([support.LASTACK, "ss", "-s", "--watch", "20ms"], env=self.env,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        heads = 0
        while heads < 3:
            line = done.stdout.readline()
            self.assertNotEqual(line, "")
            heads += line.startswith("lastack run, pid %d" % child.pid)
        child.communicate("\n", timeout=support.SECONDS)
        done.communicate(timeout=support.SECONDS)  # ends when nothing is left
        self.assertEqual(done.returncode, 1)

    def test_name_that_is_a_trap(self):
        """A terminal is not told anything by what a program calls itself."""
        code = ("import ctypes, socket; ctypes.CDLL(None).prctl(15, b'\\x1b[2Jx\\xff', 0, 0, 0); "
                "s = socket.create_server(('127.0.0.1', 0)); " + WAITS)
        self.program(code, "\x1b]0;title\x07")
        for words in (("-tlp",), ("-s",), ("--json", "-l")):
            self.assertNotRegex(self.ss(*words), r"[\x00-\x09\x0b-\x1f\x7f]")
        self.assertIn("?[2Jx?", self.ss("-tlp"))


INFO = """
import socket, sys
s = socket.create_connection(('127.0.0.1', int(sys.argv[1])))
for n in range(20):
    s.sendall(b'x' * 3000); s.recv(3000, socket.MSG_WAITALL)
print('up', flush=True)
sys.stdin.readline()
print(s.getsockopt(6, socket.TCP_INFO, 192).hex())
"""


class Info(Ss):
    def test_tcp_info_says_the_same(self):
        """A program reads of its connection what `lastack ss` says of it."""
        echo = self.server(servers.Server(servers.echo))
        child = self.program(INFO, echo.port, options=("--delay", "5ms"))
        seen = []

        def rests():  # all that was sent is acknowledged: nothing moves any more
            seen[:] = [o for o in self.objects("-t") if o["kind"] == "CONNECTION"]
            return seen[0]["send_queue_bytes"] == 0 and "ack_us" not in seen[0]
        support.wait_until(rests, "it rests")
        conn, = seen
        out = bytes.fromhex(child.communicate("\n", timeout=support.SECONDS)[0])
        self.assertEqual(out[0:2], b"\1\0")
        u32 = lambda at: struct.unpack_from("=I", out, at)[0]
        u64 = lambda at: struct.unpack_from("=Q", out, at)[0]
        mss = conn["mss_send"]
        self.assertEqual(
            (u32(8), u32(16), u32(68), u32(72), u32(80), u32(100), u64(120), u64(128)),
            (conn["rto_us"], mss, conn["srtt_us"], conn["rttvar_us"], conn["cwnd_bytes"] // mss,
             conn["retransmissions_n"], conn["bytes_acked"], conn["bytes_received"]))
        self.assertEqual(conn["bytes_acked"], 60000)
        self.assertGreaterEqual(conn["rtt_us_min"], 10000)
        self.assertGreaterEqual(u32(56) * 1000 + 1000, conn["heard_us"])


TALKS = """
import socket, sys
s = socket.create_connection(('127.0.0.1', int(sys.argv[1])))
print('up', flush=True)
for line in sys.stdin:
    s.sendall(b'ping'); print(s.recv(4).decode(), flush=True)
"""


class Hostile(Ss):
    """Whatever they do at the control socket, the program goes on, and so does `lastack ss`."""

    def setUp(self):
        super().setUp()
        self.echo = self.server(servers.Server(servers.echo))
        self.child = self.program(TALKS, self.echo.port)

    def is_well(self):
        self.child.stdin.write("go\n")
        self.child.stdin.flush()
        self.assertEqual(self.child.stdout.readline(), "ping\n")

    def try_ss(self):
        return subprocess.run([support.LASTACK, "ss", "-H", "-t"], env=self.env, text=True,
                              timeout=support.SECONDS, capture_output=True, check=False)

    def is_listed(self):
        """As soon as there is room for one who asks: others have gone, and the supervisor sees it."""
        support.wait_until(lambda: self.try_ss().returncode == 0, "it answers")
        self.assertEqual([row[0] for row in self.rows("-t")], ["ESTABLISHED"])

    def test_garbage(self):
        for octets in (b"\n", b"\x00\n", b"\xff" * 100 + b"\n", b"GET / HTTP/1.1\r\n\r\n",
                       b"lastack 1 status " + b"near " * 20 + b"\n", b"x" * 100000):
            s = self.connect(self.child)
            try:
                s.sendall(octets)
            except (BrokenPipeError, ConnectionResetError):
                pass
            answer = read_all(s)
            last = json.loads(answer.splitlines()[-1]) if answer else {"kind": "ERROR"}
            self.assertIn(last["kind"], ("ERROR", "END"))
            self.is_well()
        self.assertEqual([row[0] for row in self.rows("-t")], ["ESTABLISHED"])

    def test_many_that_stay_silent(self):
        crowd = []

        def crowded():  # unless ten seconds pass meanwhile, and they are sent away
            while crowd:
                crowd.pop().close()
            crowd.extend(self.connect(self.child) for _ in range(8))
            self.is_well()
            return "too many others are asking it" in self.try_ss().stderr
        support.wait_until(crowded, "there is no room")
        crowd.pop().close()
        self.is_listed()
        self.is_well()
        # Ten seconds are all that a silent one gets.
        self.assertEqual([read_all(s) for s in crowd], [b""] * 7)

    def test_many_that_come_and_go(self):
        stop = threading.Event()

        def flood():
            while not stop.is_set():
                s = socket.socket(socket.AF_UNIX)
                try:
                    s.connect(self.control(self.child))
                    s.sendall(b"lastack 1 status\n")
                except OSError:
                    pass
                s.close()
        threads = [threading.Thread(target=flood) for _ in range(3)]
        for t in threads:
            t.start()
        try:
            for _ in range(200):
                self.is_well()
        finally:
            stop.set()
            for t in threads:
                t.join()
        self.is_listed()

    def test_program_ends_while_somebody_asks(self):
        s = self.connect(self.child)
        s.sendall(b"lastack 1 sta")
        out, said = self.child.communicate("", timeout=support.SECONDS)
        self.assertEqual((self.child.returncode, out, said), (0, "", ""))
        self.assertEqual(read_all(s), b"")
        self.assertEqual(os.listdir(self.path("runtime")), [])


if __name__ == "__main__":
    support.main()
