#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Where `lastack explain` takes its packets from: files, pipes, files that grow, several, interfaces.

usage: test_reading.py PROGRAM FOLDER          (FOLDER: captures of the kernel with known truths)

Interfaces are captured in a network namespace of its own; without root that part says that it is left out.
"""
import gzip
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import unittest

PROGRAM = sys.argv[1]
FOLDER = sys.argv[2]
SECONDS = 120


def capture(name):
    return os.path.join(FOLDER, name)


def read(name):
    with open(capture(name), "rb") as f:
        return f.read()


def explain(*words, stdin=subprocess.DEVNULL, status=0):
    """The JSON document, and what was said on standard error."""
    done = subprocess.run([PROGRAM, "explain", "--json", "-q", *words], stdin=stdin,
                          capture_output=True, text=True, timeout=SECONDS, check=False)
    assert done.returncode == status, (done.returncode, done.stderr)
    return json.loads(done.stdout), done.stderr


def packets(document):
    return document["file"]["packets"]


class Files(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="lastack-reading-")
        self.addCleanup(shutil.rmtree, self.folder)

    def file(self, name, octets):
        path = os.path.join(self.folder, name)
        with open(path, "wb") as f:
            f.write(octets)
        return path

    def test_standard_input(self):
        plain = read("half_close_data_after_fin.pcap")
        for octets in (plain, gzip.compress(plain), read("file_pcapng.pcapng")):
            with open(self.file("in", octets), "rb") as f:
                document, said = explain("-", stdin=f)
            self.assertEqual((packets(document), said), (38, ""))

    def test_fifo(self):
        path = os.path.join(self.folder, "fifo")
        os.mkfifo(path)

        def write():
            with open(path, "wb", buffering=0) as f:
                octets = read("half_close_data_after_fin.pcap")
                for off in range(0, len(octets), 1000):
                    f.write(octets[off:off + 1000])

        writer = threading.Thread(target=write)
        writer.start()
        document, said = explain(path)
        writer.join()
        self.assertEqual((packets(document), said), (38, ""))

    def test_merged_by_time(self):
        """One connection in two files, one for each direction, is the connection."""
        octets = read("half_close_data_after_fin.pcap")
        head, at, parts = octets[:24], 24, {}
        while at < len(octets):
            n = 16 + int.from_bytes(octets[at + 8:at + 12], "little")
            source = octets[at + 16 + 26:at + 16 + 30]
            parts[source] = parts.get(source, b"") + octets[at:at + n]
            at += n
        self.assertEqual(len(parts), 2)
        paths = [self.file(f"{i}.pcap", head + part) for i, part in enumerate(parts.values())]
        merged = explain(*reversed(paths))[0]
        whole = explain(capture("half_close_data_after_fin.pcap"))[0]
        for key in ("open", "close", "half_close", "states"):
            self.assertEqual(merged["connections"][0][key], whole["connections"][0][key])
        self.assertEqual(packets(merged), 38)

    def test_packet_filter(self):
        document, _ = explain("--packets", "src host 10.78.0.1",
                              capture("half_close_data_after_fin.pcap"))
        self.assertEqual(document["connections"][0]["server_to_client"]["segments"], 0)
        self.assertEqual(packets(document) + document["file"]["packets_filtered"], 38)
        for words in (("--packets", "port port", capture("half_close_data_after_fin.pcap")),
                      ("-i", "lo", "port", "port")):
            done = subprocess.run([PROGRAM, "explain", *words], capture_output=True, text=True, timeout=SECONDS,
                                  check=False)
            self.assertEqual((done.returncode, done.stdout, done.stderr.count("\n")), (2, "", 1))
            self.assertIn("'port port' is not understood", done.stderr)

    def test_connection_filter(self):
        """40 connections, eight of each kind; the server closes the second, resets the fourth."""
        path = capture("many_connections_mixed_ends.pcap")
        for text, n in (("closed_by == server", 8), ("reset_by == server", 8),
                        ("not tcp.flags.reset and ip.addr == 10.78.0.0/16", 24),
                        ("tcp.stream in {3, 10..12}", 4), ("not tcp", 0)):
            document, _ = explain("--filter", text, path)
            self.assertEqual(len(document["connections"]), n, text)
            self.assertEqual(document["file"]["connections"], 40)
        for view in ("verdict", "table", "ladder"):
            done = subprocess.run([PROGRAM, "explain", "--filter", "not tcp", "-f", view, path],
                                  capture_output=True, text=True, timeout=SECONDS, check=True)
            self.assertIn("the filter holds for none of 40 connections\n", done.stdout)
        done = subprocess.run([PROGRAM, "explain", "--filter", "closed_by == nobody", path],
                              capture_output=True, text=True, timeout=SECONDS, check=False)
        self.assertEqual((done.returncode, done.stdout, done.stderr.count("\n")), (2, "", 1))

    def test_damage(self):
        document, said = explain(capture("file_cut_in_record.pcap"), status=3)
        self.assertEqual(packets(document), 24)
        self.assertEqual(said.count("\n"), 1)
        self.assertIn("cut at offset 15509", said)
        document, said = explain(capture("file_zero_bytes.pcap"), status=3)
        self.assertIn("empty", said)
        done = subprocess.run([PROGRAM, "explain", __file__], capture_output=True, text=True,
                              timeout=SECONDS, check=False)
        self.assertEqual((done.returncode, done.stdout), (1, ""))
        self.assertIn("not a capture", done.stderr)

    def test_one_bad_of_two(self):
        document, said = explain(capture("file_zero_bytes.pcap"), capture("refused_rst.pcap"),
                                 status=3)
        self.assertEqual(packets(document), 2)
        self.assertEqual(said.count("\n"), 1)


class Growing(unittest.TestCase):
    """A program that goes on until it is told to stop."""

    def follow(self, *words):
        child = subprocess.Popen([PROGRAM, "explain", "--jsonl", "-q", *words],
                                 stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.addCleanup(child.wait)
        self.addCleanup(child.kill)
        return child

    def end(self, child):
        child.send_signal(signal.SIGINT)
        out, err = child.communicate(timeout=SECONDS)
        self.assertEqual(child.returncode, 0, err)
        return [json.loads(line) for line in out.splitlines()]

    def test_follow(self):
        """From an empty file on. What is told before the end is told as it happens."""
        octets = read("port_scan.pcap")
        with tempfile.NamedTemporaryFile(suffix=".pcap") as f:
            child = self.follow("--follow", f.name)
            for off in range(0, len(octets), 300):
                f.write(octets[off:off + 300])
                f.flush()
            self.until("all is read", lambda: self.position(child, f.name) == len(octets) and
                       self.rests(child))
            found = [line for line in self.end(child) if "client" in line]
            self.assertEqual(len(found), 40)

    def until(self, what, condition):
        deadline = time.monotonic() + SECONDS
        while not condition():
            self.assertLess(time.monotonic(), deadline, what)
            time.sleep(0.05)

    def rests(self, child):
        """Whether all its threads sleep: what was read is dealt with as well."""
        states = []
        for task in os.listdir(f"/proc/{child.pid}/task"):
            with open(f"/proc/{child.pid}/task/{task}/stat", encoding="utf-8") as f:
                states.append(f.read().rpartition(")")[2].split()[0])
        return set(states) == {"S"}

    def position(self, child, path):
        """How far the program has read the file; -1: it has not opened it yet."""
        for fd in os.listdir(f"/proc/{child.pid}/fd"):
            try:
                if os.path.samefile(f"/proc/{child.pid}/fd/{fd}", path):
                    with open(f"/proc/{child.pid}/fdinfo/{fd}", encoding="ascii") as f:
                        return int(f.readline().split()[1])
            except FileNotFoundError:  # closed since, while the program starts
                continue
        return -1

    @unittest.skipUnless(os.geteuid() == 0, "interfaces: root is needed")
    def test_interfaces(self):
        """lo and any, with a filter, in a namespace: connections to one port and not to the other."""
        space = f"h-read-{os.getpid()}"
        subprocess.run(["ip", "netns", "add", space], check=True)
        self.addCleanup(subprocess.run, ["ip", "netns", "del", space], check=True)
        inside = ["ip", "netns", "exec", space]
        subprocess.run([*inside, "ip", "link", "set", "up", "dev", "lo"], check=True)
        talk = ("import socket\n"
                "for port in (7001, 7002, 7001):\n"
                "    l = socket.socket(); l.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)\n"
                "    l.bind(('127.0.0.1', port)); l.listen()\n"
                "    c = socket.create_connection(('127.0.0.1', port)); a, _ = l.accept()\n"
                "    c.sendall(b'x' * 100); c.close(); a.recv(100); a.close(); l.close()\n")
        for name in ("lo", "any"):
            child = subprocess.Popen([*inside, PROGRAM, "explain", "--jsonl", "-q", "-i", name,
                                      "tcp", "port", "7001"],
                                     stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
            self.addCleanup(child.kill)
            self.until("it captures", lambda child=child: self.captures(child))
            subprocess.run([*inside, sys.executable, "-c", talk], check=True, timeout=SECONDS)
            lines = self.end(child)
            ports = [line["server"]["port"] for line in lines if "client" in line]
            self.assertEqual(ports, [7001, 7001])

    def captures(self, child):
        """Whether it has a packet socket that does not block: that is done last, behind the filter."""
        with open(f"/proc/{child.pid}/net/packet", encoding="ascii") as f:
            sockets = {f"socket:[{line.split()[-1]}]" for line in f.readlines()[1:]}
        for fd in os.listdir(f"/proc/{child.pid}/fd"):
            try:
                if os.readlink(f"/proc/{child.pid}/fd/{fd}") in sockets:
                    with open(f"/proc/{child.pid}/fdinfo/{fd}", encoding="ascii") as f:
                        flags = dict(line.split(":", 1) for line in f.read().splitlines())["flags"]
                    return int(flags, 8) & os.O_NONBLOCK != 0
            except FileNotFoundError:  # closed since
                continue
        return False

    def test_no_such_interface(self):
        done = subprocess.run([PROGRAM, "explain", "-i", "none-such"], capture_output=True,
                              text=True, timeout=SECONDS, check=False)
        self.assertEqual(done.returncode, 1)
        self.assertEqual(done.stderr.count("\n"), 1)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1], verbosity=2)
