#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Real servers inside, behind `-p`, and their usual clients outside: every octet is compared."""
import hashlib
import http.client
import json
import os
import pwd
import shutil
import signal
import socket
import subprocess
import threading
import time

import daemons
import servers
import support

BOTH = ("127.0.0.1", "[::1]")
BAD_WIRE = ("--delay", "5ms", "--loss", "1%", "--seed", "9")


@support.needs("nginx", "curl")
class Nginx(support.Case):
    def begin(self, *options, listen=""):
        child, port = self.publish(80, *self.configure("first", listen), options=options)
        self.up(port, *BOTH)
        return child, port

    def configure(self, mark, listen=""):
        return daemons.nginx(self.dir, ["80" + listen, "[::]:80" + listen], mark=mark)

    def get(self, port, path, host="127.0.0.1"):
        return self.outside("curl", "-sS", "-f", "http://%s:%d/%s" % (host, port, path))

    def master(self):
        with open(self.path("pid")) as f:
            return int(f.read())

    def test_files(self):
        big, small = self.file("big", 20000000), self.file("small", 3000)
        child, port = self.begin()
        for host, client in zip(BOTH, ("127.0.0.1", "::1")):
            self.assertEqual(self.get(port, "big", host), big)
            self.assertEqual(self.get(port, "who", host).decode(),
                             "first %s %s" % (client, client))
        for _ in range(100):  # each on a connection of its own
            self.assertEqual(self.get_once(port), small)
        self.ends(child, signal.SIGQUIT, status=0)
        self.assertFalse(support.connects(port))

    def get_once(self, port):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=support.SECONDS)
        connection.request("GET", "/small", headers={"Connection": "close"})
        body = connection.getresponse().read()
        connection.close()
        return body

    def test_keep_alive_of_many_at_once(self):
        small = self.file("small", 3000)
        _, port = self.begin()
        wrong = []

        def ask():
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=support.SECONDS)
            for _ in range(10):
                connection.request("GET", "/small")
                if connection.getresponse().read() != small:
                    wrong.append(1)
            connection.close()
        threads = [threading.Thread(target=ask) for _ in range(100)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        self.assertEqual(wrong, [])

    def test_reload(self):
        """HUP: new workers listen on the same sockets, and old connections end in peace."""
        for listen in ("", " reuseport"):
            with self.subTest(listen):
                child, port = self.begin(listen=listen)
                old = http.client.HTTPConnection("127.0.0.1", port, timeout=support.SECONDS)
                old.request("GET", "/who")
                self.assertTrue(old.getresponse().read().startswith(b"first"))
                self.configure("second", listen)
                os.kill(self.master(), signal.SIGHUP)
                # The old workers accept until they are told to stop.
                support.wait_until(lambda: all(self.get(port, "who").startswith(b"second")
                                               for _ in range(10)), "reloaded")
                old.close()
                self.ends(child, signal.SIGQUIT, status=0)

    def test_listening_ends_by_a_reload(self):
        _, port = self.begin()
        with open(self.path("conf")) as f:
            text = f.read()
        with open(self.path("conf"), "w") as f:
            f.write(text.replace("listen [::]:80; ", ""))
        os.kill(self.master(), signal.SIGHUP)
        support.wait_until(lambda: not support.connects(port, "::1"), "no IPv6 any longer")
        self.assertTrue(self.get(port, "who").startswith(b"first"))

    def test_on_a_bad_wire(self):
        big = self.file("big", 1000000)
        _, port = self.begin(*BAD_WIRE)
        for host in BOTH:
            self.assertEqual(self.get(port, "big", host), big)


@support.needs("redis-server", "redis-cli", "redis-benchmark")
class Redis(support.Case):
    def test_benchmark(self):
        child, port = self.publish(6379, "redis-server", "--save", "", "--bind", "127.0.0.1", "::1",
                                   "--dir", self.dir)
        self.up(port, *BOTH)
        value = "v" * 1000000
        self.outside("redis-cli", "-p", port, "set", "key", value[:100000])
        for host in ("127.0.0.1", "::1"):
            self.assertEqual(self.outside("redis-cli", "-h", host, "-p", port, "get", "key"),
                             value[:100000].encode() + b"\n")
        out = self.outside("redis-benchmark", "-p", port, "-q", "-n", 5000, "-c", 50,
                           "-t", "set,get,lrange_100", "--csv").decode()
        self.assertEqual([l.split(",")[0].strip('"').split()[0] for l in out.splitlines()[1:]],
                         ["SET", "GET", "LPUSH", "LRANGE_100"])
        self.outside("redis-benchmark", "-p", port, "-q", "-k", 0, "-n", 500, "-t", "ping_mbulk")
        clients = self.outside("redis-cli", "-p", port, "client", "list").decode()
        self.assertRegex(clients, r"addr=127\.0\.0\.1:\d+ laddr=127\.0\.0\.1:6379 ")
        self.ends(child, status=0)


class Python(support.Case):
    def test_http_server(self):
        data = self.file("f", 3000000)
        for options in ((), BAD_WIRE):
            child, port = self.publish(8000, support.PYTHON, "-m", "http.server", "-b", "::",
                                       options=options)
            self.up(port, *BOTH)
            for host in ("127.0.0.1", "::1"):
                connection = http.client.HTTPConnection(host, port, timeout=support.SECONDS)
                connection.request("GET", "/f")
                self.assertEqual(connection.getresponse().read(), data)
                connection.close()
            self.ends(child, signal.SIGINT, status=0)

    def test_asyncio(self):
        code = """
import asyncio, hashlib
async def serve(r, w):
    n = int(await r.readline())
    data = await r.readexactly(n)
    w.write(hashlib.sha256(data).digest() + data); await w.drain()
    w.close()
async def main():
    s = await asyncio.start_server(serve, ['127.0.0.1', '::1'], 8000, reuse_port=True, limit=1<<20)
    await s.serve_forever()
asyncio.run(main())
"""
        _, port = self.publish(8000, support.PYTHON, "-c", code)
        self.up(port, *BOTH)
        answers = []

        def ask(k):
            data = os.urandom(k * 1000)
            with socket.create_connection((("127.0.0.1", "::1")[k % 2], port), timeout=support.SECONDS) as s:
                s.sendall(b"%d\n" % len(data) + data)
                answer = s.makefile("rb").read()
            answers.append(answer == hashlib.sha256(data).digest() + data)
        threads = [threading.Thread(target=ask, args=(k,)) for k in range(100)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        self.assertEqual(answers, [True] * 100)

    def test_threads_accept_together(self):
        """A pool that blocks in accept(), and processes that do."""
        code = """
import os, socket, threading
s = socket.create_server(('', 8000), backlog=100)
def work():
    while True:
        c, _ = s.accept(); c.sendall(c.recv(10) + b'%d' % os.getpid()); c.close()
for _ in range(2):
    if os.fork() == 0: break
for _ in range(4): threading.Thread(target=work).start()
"""
        _, port = self.publish(8000, support.PYTHON, "-c", code)
        self.up(port)
        pids, n = set(), 0
        end = time.monotonic() + support.SECONDS
        while n < 200 or len(pids) < 2 and time.monotonic() < end:
            n += 1
            with socket.create_connection(("127.0.0.1", port), timeout=support.SECONDS) as s:
                s.sendall(b"x")
                answer = s.makefile("rb").read()
            self.assertEqual(answer[:1], b"x")
            pids.add(answer[1:])
        self.assertGreater(len(pids), 1)


@support.needs("sshd", "ssh", "ssh-keygen")
class Sshd(support.Case):
    def key(self, name):
        self.outside("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", self.path(name))
        return self.path(name)

    def test_login_by_key(self):
        user = pwd.getpwuid(os.geteuid())
        if user.pw_shell.endswith(("nologin", "false")):
            self.skipTest("%s may not log in" % user.pw_name)
        if os.geteuid() == 0:
            os.makedirs("/run/sshd", exist_ok=True)  # where it gives up its privilege
        host_key, key = self.key("host"), self.key("client")
        shutil.copy(key + ".pub", self.path("authorized"))
        child, port = self.publish(
            2222, shutil.which("sshd"), "-D", "-e", "-f", "/dev/null", "-h", host_key, "-p", "2222",
            "-o", "AuthorizedKeysFile=" + self.path("authorized"), "-o", "StrictModes=no",
            "-o", "PidFile=none", "-o", "UsePAM=no")
        self.up(port, *BOTH)
        data = self.file("f", 5000000)
        for host in ("127.0.0.1", "::1"):
            ssh = ("ssh", "-q", "-F", "/dev/null", "-i", key, "-p", port, "-o", "BatchMode=yes",
                   "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null",
                   "%s@%s" % (user.pw_name, host))
            self.assertEqual(self.outside(*ssh, "cat " + self.path("f")), data)
            shown = self.outside(*ssh, "echo $SSH_CONNECTION").split()
            self.assertEqual((shown[0], shown[2:]), (host.encode(), [host.encode(), b"2222"]))
        with open(self.path("f"), "rb") as f:
            up = subprocess.run([str(w) for w in ssh] + ["sha256sum"], stdin=f, timeout=support.SECONDS,
                                capture_output=True)
        self.assertEqual(up.stdout.split()[0].decode(), hashlib.sha256(data).hexdigest())
        self.ends(child, status=0)


@support.needs("iperf3")
class Iperf(support.Case):
    """Its own figures say how much arrived."""

    def wait(self, server):
        """It closes its listener after each test, and opens another."""
        for line in server.stdout:
            if "listening" in line:
                return
        self.fail("it does not listen")

    def check(self, text, *, options):
        result = json.loads(text)
        self.assertNotIn("error", result, options)
        sent = result["end"]["sum_sent"]["bytes"]
        received = result["end"]["sum_received"]["bytes"]
        self.assertGreater(received, 1000000, options)
        self.assertLessEqual(received, sent)

    def test_server(self):
        child, port = self.publish(5201, "iperf3", "-s", "--forceflush")
        for options in ((), ("-R",), ("--bidir",), ("-P", "4"), ("-6",)):
            self.wait(child)
            self.check(self.outside("iperf3", "-J", "-c", "::1" if "-6" in options else "127.0.0.1",
                                    "-p", port, "-n", "50M", *options), options=options)

    def test_client(self):
        port = servers.closed_port()
        server = subprocess.Popen(["iperf3", "-s", "-p", str(port), "--forceflush"], text=True,
                                  stdout=subprocess.PIPE)
        self.addCleanup(server.communicate)
        self.addCleanup(server.terminate)
        for options in ((), ("-R",), ("--bidir",)):
            self.wait(server)
            self.check(self.inside("iperf3", "-J", "-c", "127.0.0.1", "-p", port, "-n", "50M",
                                   *options), options=options)


@support.needs("node", "curl")
class Node(support.Case):
    def test_http_server(self):
        if subprocess.run(["node", "-e", ""], capture_output=True).returncode != 0:
            self.skipTest("node does not start for this user")
        code = """
const http = require('http'), crypto = require('crypto');
const server = http.createServer((q, r) => {
  const hash = crypto.createHash('sha256');
  q.on('data', d => hash.update(d));
  q.on('end', () => r.end(hash.digest('hex') + ' ' + q.socket.remoteAddress));
});
process.on('SIGTERM', () => { server.close(); server.closeAllConnections(); });
server.listen(3000);
"""
        child, port = self.publish(3000, "node", "-e", code)
        self.up(port, *BOTH)
        digest = hashlib.sha256(self.file("f", 5000000)).hexdigest()
        for host, seen in (("127.0.0.1", "::ffff:127.0.0.1"), ("[::1]", "::1")):
            out = self.outside("curl", "-sS", "-T", self.path("f"), "http://%s:%d/" % (host, port))
            self.assertEqual(out.decode(), digest + " " + seen)
        self.ends(child, status=0)


if __name__ == "__main__":
    support.main()
