# SPDX-License-Identifier: MIT
"""What the tests of `lastack run` share.

A test file is run as `test_x.py LASTACK [unittest arguments]`.
"""
import faulthandler
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
LASTACK = os.path.abspath(sys.argv[1]) if len(sys.argv) > 1 else ""
PYTHON = sys.executable
SECONDS = 120  # for what comes sooner or later: it tells a hang, not a busy machine
HANG_SECONDS = 900  # for a whole test


def needs(*programs):
    """Skips a test when a program is not installed."""
    missing = [p for p in programs if shutil.which(p) is None]
    return unittest.skipIf(missing, "not installed: " + " ".join(missing))


class Case(unittest.TestCase):
    def setUp(self):
        self.dir = tempfile.mkdtemp(prefix="lastack-test-")
        self.addCleanup(shutil.rmtree, self.dir, ignore_errors=True)
        watchdog = threading.Timer(HANG_SECONDS, self.hangs)
        watchdog.daemon = True
        watchdog.start()
        self.addCleanup(watchdog.cancel)

    def hangs(self):
        """Tells where everybody waits, and ends the others so that the test fails."""
        print("%s hangs" % self.id(), file=sys.stderr, flush=True)
        faulthandler.dump_traceback(all_threads=True)
        others = processes_of(self.dir)
        for pid in others:
            print("\n".join(describe(pid)), file=sys.stderr, flush=True)
        for pid in others:
            os.kill(pid, signal.SIGKILL)
        time.sleep(20)
        os._exit(1)  # it waits for something else yet

    def path(self, name):
        return os.path.join(self.dir, name)

    def server(self, server):
        self.addCleanup(server.close)
        return server

    def start(self, *words, **kwargs):
        """`lastack run WORDS`, not waited for."""
        kwargs.setdefault("stdin", subprocess.DEVNULL)
        child = subprocess.Popen([LASTACK, "run", *[str(w) for w in words]], cwd=self.dir,
                                 stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                 **kwargs)
        self.addCleanup(self.end, child)
        return child

    @staticmethod
    def end(child):
        """A server inside goes first: it would outlive a supervisor that is killed."""
        if child.poll() is None:
            child.terminate()
            try:
                child.wait(timeout=SECONDS)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()
        if child.stdin is not None:
            child.stdin.close()
        child.stdout.close()
        child.stderr.close()

    def publish(self, port, *words, options=(), **kwargs):
        """`lastack run -p 0:PORT OPTIONS -- WORDS`, not waited for, and the port of the host."""
        child = self.start("-p", "0:%s" % port, *options, "--", *words, **kwargs)
        line = child.stderr.readline()
        said = re.fullmatch(r"lastack run: port %s is published at port (\d+)\n" % port, line)
        self.assertIsNotNone(said, line)
        return child, int(said[1])

    def run_inside(self, *words, timeout=SECONDS, **kwargs):
        """`lastack run WORDS` to its end; a hang is a failure."""
        kwargs.setdefault("stdin", subprocess.DEVNULL)
        return subprocess.run([LASTACK, "run", *[str(w) for w in words]], capture_output=True,
                              text=True, timeout=timeout, cwd=self.dir, **kwargs)

    def inside(self, *words, **kwargs):
        """The same, and it must succeed without a word on standard error. Returns its output."""
        done = self.run_inside(*words, **kwargs)
        self.assertEqual((done.returncode, done.stderr), (0, ""), done.stdout[-2000:])
        return done.stdout

    def python(self, code, *arguments, options=(), **kwargs):
        """Python code inside."""
        return self.inside(*options, "--", PYTHON, "-c", code, *arguments, **kwargs)

    def outside(self, *words, status=0, timeout=SECONDS, **kwargs):
        """WORDS on the kernel's stack, to their end. Returns their output, octets."""
        kwargs.setdefault("stdin", subprocess.DEVNULL)
        done = subprocess.run([str(w) for w in words], capture_output=True, timeout=timeout,
                              cwd=self.dir, **kwargs)
        self.assertEqual(done.returncode, status, (words, done.stdout, done.stderr))
        return done.stdout

    def file(self, name, n):
        """A new file of n octets, which are returned."""
        data = os.urandom(n)
        with open(self.path(name), "wb") as f:
            f.write(data)
        return data

    def read(self, name):
        with open(self.path(name), "rb") as f:
            return f.read()

    def ends(self, child, number=signal.SIGTERM, status=None):
        """After the signal it ends by itself, in good order."""
        child.send_signal(number)
        child.communicate(timeout=SECONDS)
        self.assertEqual(child.returncode, 128 + number if status is None else status)

    @staticmethod
    def up(port, *hosts):
        for host in hosts or ("127.0.0.1",):
            wait_until(lambda: connects(port, host.strip("[]")), "it listens")


def processes_of(folder):
    """Our descendants, and whoever works in the folder: who lost its parent is not ours."""
    parent, there = {}, set()
    for pid in (int(name) for name in os.listdir("/proc") if name.isdigit()):
        try:
            with open("/proc/%d/stat" % pid, encoding="utf-8") as f:
                parent[pid] = int(f.read().rpartition(")")[2].split()[1])
            if os.readlink("/proc/%d/cwd" % pid) == folder:
                there.add(pid)
        except OSError:  # it has ended, or is another user's
            continue
    found = {os.getpid()}
    while more := {pid for pid in parent if parent[pid] in found | there} - found:
        found |= more
    return sorted((found | there) - {os.getpid()})


def describe(pid):
    """What a process is and where it waits, line by line."""
    yield "process %d" % pid
    for name in ("cmdline", "stat", "wchan", "syscall", "stack"):
        try:
            with open("/proc/%d/%s" % (pid, name), encoding="utf-8", errors="replace") as f:
                yield "  %s: %s" % (name, f.read(2000).replace("\0", " ").strip())
        except OSError as error:
            yield "  %s: %s" % (name, error.strerror)


def wait_until(condition, what, seconds=SECONDS):
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError("in vain: " + what)
        time.sleep(0.02)


def connects(port, host="127.0.0.1"):
    """Is there a listener? One that has just been closed resets."""
    try:
        socket.create_connection((host, port), timeout=SECONDS).close()
        return True
    except ConnectionError:
        return False


def main():
    del sys.argv[1:2]
    unittest.main(verbosity=2)
