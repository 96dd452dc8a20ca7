#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The command: exit statuses, options, messages, signals, when it ends."""
import ctypes
import os
import platform
import signal
import struct
import subprocess
import threading
import time
import unittest

import servers
import support

CONNECT_AND_STAY = """
import socket, sys, time, os
s = socket.create_connection(('127.0.0.1', int(sys.argv[1])))
print('up', flush=True)
%s
"""


def refuse_seccomp(error):
    """From here on seccomp() fails with `error`, as an old kernel or a strict container has it."""
    number, prctl_no_new_privs, prctl_seccomp, filter_mode = 317, 38, 22, 2
    program = struct.pack("HBBIHBBIHBBIHBBI", 0x20, 0, 0, 0, 0x15, 0, 1, number,
                          0x06, 0, 0, 0x00050000 | error, 0x06, 0, 0, 0x7fff0000)
    code = ctypes.create_string_buffer(program, len(program))
    prog = ctypes.create_string_buffer(struct.pack("HxxxxxxP", 4, ctypes.addressof(code)))
    libc = ctypes.CDLL(None)
    libc.prctl(prctl_no_new_privs, 1, 0, 0, 0)
    if libc.prctl(prctl_seccomp, filter_mode, ctypes.byref(prog)) != 0:
        os._exit(99)


class Status(support.Case):
    @unittest.skipUnless(platform.machine() == "x86_64", "the number of seccomp() on x86-64")
    def test_without_seccomp_notification(self):
        for error, words in ((1, "refused here"), (38, "no seccomp"), (22, "no seccomp")):
            done = self.run_inside("--", "touch", self.path("ran"),
                                   preexec_fn=lambda error=error: refuse_seccomp(error))
            self.assertEqual(done.returncode, 125, done.stderr)
            self.assertEqual(done.stderr.count("\n"), 1, done.stderr)
            self.assertIn(words, done.stderr)
            self.assertFalse(os.path.exists(self.path("ran")))

    def status(self, *words):
        done = self.run_inside(*words)
        return done.returncode, done.stderr

    def test_of_the_program(self):
        for code in (0, 1, 7, 255):
            self.assertEqual(self.status("--", "sh", "-c", "exit %d" % code), (code, ""))

    def test_of_a_signal(self):
        self.assertEqual(self.status("--", "sh", "-c", "kill -TERM $$"), (128 + 15, ""))

    def test_not_found(self):
        done = self.run_inside("--", "no-such-program", env=dict(os.environ, PATH="/usr/bin:/bin"))
        code, said = done.returncode, done.stderr
        self.assertEqual(code, 127)
        self.assertRegex(said, r"^lastack run: no-such-program: no such program.*\n$")

    def test_not_executable(self):
        path = self.path("text")
        open(path, "w").close()
        code, said = self.status("--", path)
        self.assertEqual(code, 126)
        self.assertRegex(said, r"^lastack run: .* cannot be executed: .*\n$")

    def test_usage(self):
        for words, wants in (
                ((), "a program is missing"), (("--",), "a program is missing"), (("--bogus", "x"), "--bogus"),
                (("--delay", "20", "--", "true"), "a time such as"),
                (("--delay",), "needs a time"), (("--loss", "200%", "--", "true"), "a share"),
                (("--loss=-1", "--", "true"), "a share"), (("--rate", "fast", "true"), "a rate"),
                (("--mtu", "12", "--", "true"), "68 to 65535"), (("--seed", "x", "true"), "whole"),
                (("--linger", "soon", "true"), "--linger"), (("-x", "true"), "-x"),
                (("--pcap",), "missing"), (("--reorder-delay", "5", "true"), "a time")):
            code, said = self.status(*words)
            self.assertEqual((code, said.count("\n")), (125, 1), (words, said))
            self.assertIn(wants, said)
            self.assertTrue(said.startswith("lastack run: "), said)

    def test_help(self):
        done = self.run_inside("--help")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        for word in ("--loss", "--watch", "--pcap", "Exit status"):
            self.assertIn(word, done.stdout)

    def test_options_end_where_the_program_begins(self):
        self.assertEqual(self.inside("echo", "--delay", "-x"), "--delay -x\n")

    def test_inside_itself(self):
        code, said = self.status("--", support.LASTACK, "run", "--", "true")
        self.assertEqual(code, 125)
        self.assertRegex(said, r"^lastack run: already running under a supervisor.*\n$")

    def test_capture_that_cannot_be_opened(self):
        code, said = self.status("--pcap", "/no/such/directory/x", "--", "touch", self.path("ran"))
        self.assertEqual(code, 125)
        self.assertEqual(said.count("\n"), 1)
        self.assertFalse(os.path.exists(self.path("ran")))

    def test_view_that_can_no_longer_be_written(self):
        """Said once, and the run goes on."""
        echo = self.server(servers.Server(servers.echo))
        for option in ("--pcap", "--json"):
            fifo = self.path("fifo" + option)
            os.mkfifo(fifo)
            child = self.start(option, fifo, "--", support.PYTHON, "-c",
                               CONNECT_AND_STAY % "sys.stdin.readline(); print('end')", echo.port,
                               stdin=subprocess.PIPE)
            with open(fifo, "rb"):
                self.assertEqual(child.stdout.readline(), "up\n")
            out, said = child.communicate("on\n", timeout=support.SECONDS)
            self.assertEqual((child.returncode, out), (125, "end\n"), said)
            self.assertRegex(said, r"^lastack run: cannot write \S+: .*\n$")

    def test_full_disk(self):
        """Of standard output it is said; where the ladder goes, nothing more can be said."""
        echo = self.server(servers.Server(servers.echo))
        program = ["--", support.PYTHON, "-c", "import socket, sys; "
                   "socket.create_connection(('127.0.0.1', int(sys.argv[1])))", str(echo.port)]
        with open("/dev/full", "w", encoding="utf-8") as full:
            done = subprocess.run([support.LASTACK, "run", "--json", "-", *program], stdout=full,
                                  stderr=subprocess.PIPE, text=True, check=False, timeout=support.SECONDS)
            self.assertEqual(done.returncode, 125)
            self.assertRegex(done.stderr, r"^lastack run: cannot write to standard output.*\n$")
            done = subprocess.run([support.LASTACK, "run", "--watch", *program], stderr=full,
                                  check=False, timeout=support.SECONDS)
            self.assertEqual(done.returncode, 125)


class Environment(support.Case):
    def test_program_finds_things_as_they_were(self):
        """Signal dispositions, mask, limits, descriptors and standard streams."""
        code = """
import os, signal, resource
print(signal.getsignal(signal.SIGPIPE) == signal.SIG_IGN or signal.getsignal(signal.SIGPIPE))
st = dict(l.split(':', 1) for l in open('/proc/self/status') if ':' in l)
print(st['SigBlk'].strip(), resource.getrlimit(resource.RLIMIT_NOFILE))
print(sorted(int(n) for n in os.listdir('/proc/self/fd'))[:-1])
"""
        native = subprocess.run([support.PYTHON, "-c", code], capture_output=True, text=True,
                                stdin=subprocess.DEVNULL)
        self.assertEqual(self.python(code), native.stdout)

    def test_nothing_is_left_in_the_temporary_directory(self):
        os.mkdir(self.path("tmp"))
        env = dict(os.environ, TMPDIR=self.path("tmp"))
        env.pop("XDG_RUNTIME_DIR", None)
        self.inside("--", support.PYTHON, "-c",
                    "import socket; s = socket.create_server(('127.0.0.1', 0))", env=env)
        self.assertEqual(os.listdir(self.path("tmp")), [])

    def test_io_uring_is_absent_and_undumpable_is_pretended(self):
        self.assertEqual(self.python("""
import ctypes, os
libc = ctypes.CDLL(None, use_errno=True)
print(libc.syscall(425, 4, 0), os.strerror(ctypes.get_errno()))
print(libc.prctl(4, 0, 0, 0, 0), libc.prctl(3, 0, 0, 0, 0))
import socket
s = socket.socket(); print(s.family.name)
"""), "-1 Function not implemented\n0 1\nAF_INET\n")

    def test_refused_calls_are_traced(self):
        code = """
import socket
s = socket.socket()
try: s.setsockopt(socket.IPPROTO_TCP, 99, 1)
except OSError as e: print(e.errno)
"""
        done = self.run_inside("--trace", "--", support.PYTHON, "-c", code)
        self.assertEqual((done.returncode, done.stdout), (0, "92\n"))
        self.assertRegex(done.stderr, r"^lastack run: refused: setsockopt\(level 6, option 99\) of "
                                      r"python3?\S*\[\d+\]: Protocol not available\n$")


class Ending(support.Case):
    def setUp(self):
        super().setUp()
        self.echo = self.server(servers.Server(servers.echo))

    def timed(self, *words):
        began = time.monotonic()
        done = self.run_inside(*words)
        return done, time.monotonic() - began

    def end_after_up(self, *words):
        """Seconds from the program's "up" to the end."""
        child = self.start(*words)
        self.assertEqual(child.stdout.readline(), "up\n")
        began = time.monotonic()
        self.assertEqual(child.wait(timeout=support.SECONDS), 0)
        return time.monotonic() - began

    def test_unsent_data_is_sent_after_the_program_has_ended(self):
        sink = self.server(servers.Server(servers.transfer))
        n = 5000000
        done, seconds = self.timed("--rate", "40mbit", "--", support.PYTHON, "-c", """
import socket, sys, os
s = socket.create_connection(('127.0.0.1', %d))
s.sendall(b'P %d\\n' + b'x' * %d)
os._exit(3)
""" % (sink.port, n, n))
        self.assertEqual(done.returncode, 3, done.stderr)
        self.assertGreater(seconds, 0.5)

    def test_linger_bounds_the_wait(self):
        over = threading.Event()

        def never_closes(conn):
            while conn.recv(1):
                pass
            over.wait()
        server = self.server(servers.Server(never_closes))
        self.addCleanup(over.set)
        seconds = self.end_after_up("--linger", "6.7", "--", support.PYTHON, "-c",
                                    CONNECT_AND_STAY % "", server.port)
        self.assertGreater(seconds, 6.5)  # it would be 5 s by default

    def test_ends_at_once_when_nothing_is_open(self):
        # If it waited, it would be waited for in vain.
        self.end_after_up("--linger", str(2 * support.SECONDS), "--", support.PYTHON, "-c",
                          CONNECT_AND_STAY % "s.close()", self.echo.port)

    BACKGROUND = CONNECT_AND_STAY % """
s.close()
if os.fork() == 0:
    time.sleep(1)
    s = socket.create_connection(('127.0.0.1', int(sys.argv[1])))
    s.sendall(b'late'); print(s.recv(4).decode(), flush=True)
"""

    def test_wait_all(self):
        done = self.run_inside("--wait-all", "--", support.PYTHON, "-c", self.BACKGROUND,
                               self.echo.port)
        self.assertEqual((done.returncode, done.stdout), (0, "up\nlate\n"), done.stderr)

    def test_without_wait_all_descendants_do_not_keep_it(self):
        child = self.start("--", "sh", "-c", "sleep 600 >&- 2>&- & echo $!; exit 4")
        sleeper = int(child.stdout.readline())
        self.assertEqual(child.wait(timeout=support.SECONDS), 4)
        os.kill(sleeper, signal.SIGKILL)  # so it is there yet

    def test_signal_is_forwarded(self):
        child = self.start("--", "sh", "-c",
                           "trap 'exit 9' TERM; echo up; while :; do sleep 0.1; done")
        self.assertEqual(child.stdout.readline(), "up\n")
        child.send_signal(signal.SIGTERM)
        self.assertEqual(child.wait(timeout=support.SECONDS), 9)

    def test_second_interrupt_ends_at_once(self):
        child = self.start("--", support.PYTHON, "-c",
                           "import signal, time; "
                           "signal.signal(2, lambda *_: print('no', flush=True)); "
                           "print('up', flush=True)\nwhile True: time.sleep(0.1)")
        self.assertEqual(child.stdout.readline(), "up\n")
        child.send_signal(signal.SIGINT)
        self.assertEqual(child.stdout.readline(), "no\n")
        self.assertIsNone(child.poll())
        child.send_signal(signal.SIGINT)
        self.assertEqual(child.wait(timeout=support.SECONDS), 130)

    def test_killed_supervisor_leaves_a_program_with_errors_not_hanging(self):
        child = self.start("--", support.PYTHON, "-c", CONNECT_AND_STAY % "s.recv(1); os._exit(0)",
                           self.echo.port)
        self.assertEqual(child.stdout.readline(), "up\n")
        child.kill()
        child.wait()
        self.assertEqual(child.stdout.read(), "")  # ends when the program does


if __name__ == "__main__":
    support.main()
