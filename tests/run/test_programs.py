#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Real programs inside: curl, wget, nc, Python, C, Go, redis, ssh, git."""
import hashlib
import http.server
import os
import shutil
import socket
import subprocess
import sys
import threading

import servers
import support

HELPER = os.path.abspath(sys.argv.pop(2)) if len(sys.argv) > 2 else None


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        n = int(self.path.rsplit("/", 1)[-1] or 0)
        self.send_response(200)
        self.send_header("Content-Length", str(n))
        self.end_headers()
        while n > 0:
            self.wfile.write(servers.PATTERN[:min(n, len(servers.PATTERN))])
            n -= min(n, len(servers.PATTERN))

    def do_PUT(self):
        left, digest = int(self.headers["Content-Length"]), hashlib.sha256()
        while left > 0:
            data = self.rfile.read(min(left, 1 << 16))
            digest.update(data)
            left -= len(data)
        body = digest.hexdigest().encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class HttpServer(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 200

    def __init__(self, address="127.0.0.1"):
        self.address_family = socket.AF_INET6 if ":" in address else socket.AF_INET
        super().__init__((address, 0), Handler)
        self.port = self.server_address[1]
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def close(self):
        self.shutdown()
        self.server_close()


class Http(support.Case):
    def setUp(self):
        super().setUp()
        self.http = self.server(HttpServer())

    def url(self, n, host="127.0.0.1"):
        return "http://%s:%d/%d" % (host, self.http.port, n)

    def curl(self, *words, options=()):
        return self.inside(*options, "--", "curl", "-sS", *words)

    @support.needs("curl")
    def test_curl_keep_alive(self):
        out = self.curl("-o", "a", "-o", "b", "-w", "%{num_connects} %{size_download}\n",
                        self.url(1000), self.url(2000))
        self.assertEqual(out, "1 1000\n0 2000\n")

    @support.needs("curl")
    def test_curl_upload(self):
        with open(self.path("up"), "wb") as f:
            f.write(os.urandom(3000000))
        with open(self.path("up"), "rb") as f:
            want = hashlib.sha256(f.read()).hexdigest()
        self.assertEqual(self.curl("-T", self.path("up"), self.url(0)), want)

    @support.needs("curl")
    def test_curl_localhost_and_ipv6(self):
        self.http = self.server(HttpServer("::1"))
        shown = self.curl("-o", "x", "-w", "%{remote_ip} %{local_ip}", self.url(10, "[::1]"))
        self.assertEqual(shown, "::1 ::1")
        shown = self.curl("-o", "x", "-w", "%{size_download}", self.url(10, "localhost"))
        self.assertEqual(shown, "10")

    @support.needs("curl")
    def test_curl_refused(self):
        done = self.run_inside("--", "curl", "-sS", "http://127.0.0.1:%d/" % servers.closed_port())
        self.assertEqual(done.returncode, 7)
        self.assertIn("Failed to connect", done.stderr)

    @support.needs("curl")
    def test_curl_unreachable(self):
        """A network that the host has no route to, and one that swallows everything."""
        done = self.run_inside("--", "curl", "-sS", "--max-time", "60", "http://[fec0::1]:1/")
        self.assertEqual(done.returncode, 7, done.stderr)

    def test_connect_outlasts_lost_syns(self):
        """R1, after the third repetition of a SYN (7 s), is no answer: the SYN goes on."""
        self.assertEqual(self.python("""
import errno, select, socket, sys
s = socket.socket(); s.setblocking(False)
print(errno.errorcode[s.connect_ex(('127.0.0.1', int(sys.argv[1])))],
      select.select([], [s], [], 9))
""", self.http.port, options=("--loss-up", "100%", "--seed", "1")),
                         "EINPROGRESS ([], [], [])\n")

    @support.needs("curl")
    def test_over_a_bad_wire(self):
        for words in (("--loss", "3%"), ("--reorder", "10%", "--reorder-delay", "3ms"),
                      ("--duplicate", "20%"), ("--corrupt", "2%"), ("--mtu", "576"),
                      ("--rate", "20mbit", "--jitter", "1ms"), ("--burst-loss", "1%")):
            with self.subTest(words):
                out = self.path("x")
                self.curl("-o", out, self.url(300000),
                          options=(*words, "--delay", "1ms", "--seed", "5"))
                with open(out, "rb") as f:
                    self.assertEqual(hashlib.sha256(f.read()).hexdigest(),
                                     servers.pattern_digest(300000))

    @support.needs("wget")
    def test_wget(self):
        self.inside("wget", "-q", "-O", self.path("w"), self.url(500000))
        self.assertEqual(os.path.getsize(self.path("w")), 500000)

    @support.needs("busybox")
    def test_busybox_wget(self):
        self.inside("busybox", "wget", "-q", "-O", self.path("w"), self.url(500000))
        self.assertEqual(os.path.getsize(self.path("w")), 500000)

    def test_python_urllib_and_http_client(self):
        self.assertEqual(self.python("""
import urllib.request, http.client, sys
print(len(urllib.request.urlopen(sys.argv[1]).read()))
c = http.client.HTTPConnection('127.0.0.1', int(sys.argv[2]))
for n in (5, 70000):
    c.request('GET', '/%d' % n); print(len(c.getresponse().read()))
""", self.url(123456), self.http.port), "123456\n5\n70000\n")

    def test_python_asyncio(self):
        self.assertEqual(self.python("""
import asyncio, sys
async def get(n):
    r, w = await asyncio.open_connection('127.0.0.1', int(sys.argv[1]))
    w.write(b'GET /%d HTTP/1.0\\r\\n\\r\\n' % n)
    body = (await r.read()).split(b'\\r\\n\\r\\n', 1)[1]
    w.close()
    return len(body) == n
async def serve():
    async def echo(r, w):
        w.write(await r.readexactly(4)); await w.drain(); w.close()
    s = await asyncio.start_server(echo, '127.0.0.1', 0)
    async def ask():
        r, w = await asyncio.open_connection(*s.sockets[0].getsockname())
        w.write(b'ping'); return await r.read() == b'ping'
    return all(await asyncio.gather(*[ask() for _ in range(50)]))
async def main():
    print(all(await asyncio.gather(*[get(i * 100) for i in range(100)])), await serve())
asyncio.run(main())
""", self.http.port), "True True\n")


class Others(support.Case):
    def setUp(self):
        super().setUp()
        self.echo = self.server(servers.Server(servers.echo))

    @support.needs("nc")
    def test_nc(self):
        done = self.inside("sh", "-c", "echo hello | nc -N 127.0.0.1 %d" % self.echo.port)
        self.assertEqual(done, "hello\n")

    def test_static_c_client(self):
        for how in ("blocking", "poll", "select", "epoll"):
            with self.subTest(how):
                self.assertEqual(self.inside(HELPER, self.echo.port, 3000000, how), "ok\n")

    def test_static_c_client_over_a_bad_wire(self):
        self.assertEqual(self.inside("--loss", "2%", "--delay", "1ms", "--seed", "3", "--", HELPER,
                                     self.echo.port, 200000, "epoll"), "ok\n")

    def test_many_programs_at_once(self):
        script = " & ".join("%s %d 100000 poll" % (HELPER, self.echo.port) for _ in range(10))
        self.assertEqual(self.inside("sh", "-c", script + " & wait"), "ok\n" * 10)

    @support.needs("go")
    def test_go(self):
        env = dict(os.environ, GO111MODULE="off", CGO_ENABLED="0", GOCACHE=self.path("cache"),
                   GOPATH=self.path("path"), HOME=self.dir)
        built = subprocess.run(["go", "build", "-o", self.path("client"),
                                os.path.join(support.HERE, "client.go")],
                               env=env, capture_output=True, text=True)
        self.assertEqual(built.returncode, 0, built.stderr)
        out = self.inside(self.path("client"), self.echo.port, servers.closed_port())
        self.assertEqual(out, "true\nfailures: 0\n")

    @support.needs("redis-server", "redis-cli")
    def test_redis(self):
        port = servers.closed_port()
        server = subprocess.Popen(["redis-server", "--port", str(port), "--bind", "127.0.0.1",
                                   "--save", "", "--dir", self.dir], stdout=subprocess.DEVNULL)
        self.addCleanup(server.wait)
        self.addCleanup(server.terminate)
        out = self.inside("sh", "-c", """
            until redis-cli -p %d ping >/dev/null 2>&1; do sleep 0.1; done
            redis-cli -p %d set key value
            redis-cli -p %d get key
            """ % (port, port, port))
        self.assertEqual(out, "OK\nvalue\n")

    @support.needs("redis-server", "redis-cli")
    def test_redis_server_inside(self):
        port = servers.closed_port()
        out = self.inside("sh", "-c", """
            redis-server --port %d --bind 127.0.0.1 --save '' --dir . >/dev/null &
            until redis-cli -p %d ping >/dev/null 2>&1; do sleep 0.1; done
            redis-cli -p %d set key value
            redis-cli -p %d get key
            redis-cli -p %d shutdown nosave; wait
            """ % (port, port, port, port, port))
        self.assertEqual(out, "OK\nvalue\n")

    @support.needs("ssh", "ssh-keygen")
    def test_ssh(self):
        if os.getuid() != 0 or not os.path.exists("/usr/sbin/sshd"):
            self.skipTest("needs root and sshd")
        key, port = self.path("key"), servers.closed_port()
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key], check=True)
        shutil.copy(key + ".pub", self.path("authorized"))
        os.makedirs("/run/sshd", exist_ok=True)
        sshd = subprocess.Popen(["/usr/sbin/sshd", "-D", "-e", "-f", "/dev/null", "-p", str(port),
                                 "-h", key,
                                 "-o", "ListenAddress=127.0.0.1", "-o", "StrictModes=no",
                                 "-o", "AuthorizedKeysFile=" + self.path("authorized")],
                                stderr=subprocess.DEVNULL)
        self.addCleanup(sshd.wait)
        self.addCleanup(sshd.terminate)
        self.up(port)
        out = self.inside("ssh", "-q", "-F", "/dev/null", "-i", key, "-p", port, "-o",
                          "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null",
                          "root@127.0.0.1",
                          "head -c 2000000 /dev/zero | wc -c; echo $SSH_CLIENT | wc -w")
        self.assertEqual(out.split(), ["2000000", "3"])

    @support.needs("node")
    def test_node(self):
        code = """
const net = require('net'), http = require('http');
const c = net.connect(+process.argv[1], '127.0.0.1', () => c.end('hello'));
c.on('data', d => process.stdout.write(d));
c.on('close', () => {
  net.connect(+process.argv[2], '127.0.0.1').on('error', e => {
    console.log(' ' + e.code);
    const s = http.createServer((q, r) => r.end('served')).listen(0, '127.0.0.1', () =>
      http.get({port: s.address().port, host: '127.0.0.1', agent: false}, r => {
        r.on('data', d => process.stdout.write(d));
        r.on('end', () => { console.log(); s.close(); });
      }));
  });
});"""
        if subprocess.run(["node", "-e", ""], capture_output=True).returncode != 0:
            self.skipTest("node does not start for this user")
        self.assertEqual(self.inside("node", "-e", code, self.echo.port, servers.closed_port()),
                         "hello ECONNREFUSED\nserved\n")


class Bulk(support.Case):
    """1 GB each way, every octet counted."""

    def setUp(self):
        super().setUp()
        self.transfer = self.server(servers.Server(servers.transfer))

    CODE = """
import hashlib, socket, sys
port, verb, n = int(sys.argv[1]), sys.argv[2], int(sys.argv[3])
pattern = bytes(range(256)) * 4096
s = socket.create_connection(('127.0.0.1', port))
s.sendall(b'%s %d\\n' % (verb.encode(), n))
if verb == 'G':
    digest, buf = hashlib.sha256(), bytearray(1 << 20)
    while k := s.recv_into(buf):
        digest.update(memoryview(buf)[:k])
    print(digest.hexdigest())
else:
    while n > 0:
        n -= s.send(pattern[:min(n, len(pattern))])
    print(s.recv(100).decode())
"""

    def one(self, verb, n, *options):
        out = self.python(self.CODE, self.transfer.port, verb, n, options=options, timeout=3 * support.SECONDS)
        self.assertEqual(out.strip(), servers.pattern_digest(n))

    def test_down(self):
        self.one("G", 1000000000, "--mtu", "65520")

    def test_up(self):
        self.one("P", 1000000000, "--mtu", "65520")

    def test_ordinary_mtu(self):
        self.one("G", 100000000)
        self.one("P", 100000000)


if __name__ == "__main__":
    support.main()
