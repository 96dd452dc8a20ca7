#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""`lastack drill`: what it says about scripts that fail or cannot be read, options, exit statuses.

usage: test_command.py PROGRAM FOLDER
"""
import json
import os
import subprocess
import sys
import tempfile
import unittest

FOLDER = sys.argv.pop()
PROGRAM = sys.argv.pop()

OPENED = """0  socket(..., SOCK_STREAM, IPPROTO_TCP) = 3
+0 bind(3, ..., ...) = 0
+0 listen(3, 1) = 0
+0 < S 0:0(0) win 65535 <mss 1000>
+0 > S. 0:0(0) ack 1 <mss 1460>
+0 < . 1:1(0) ack 1 win 65535
+0 accept(3, ..., ...) = 4
"""
# What asks for ECN gets it here, but not from Linux as it is by itself.
LINUX = OPENED.replace("< S ", "< SEW ")


class Drill(unittest.TestCase):
    def setUp(self):
        self.dir = tempfile.TemporaryDirectory()
        self.addCleanup(self.dir.cleanup)

    def script(self, text, name="s.pkt"):
        path = os.path.join(self.dir.name, name)
        with open(path, "wb") as file:
            file.write(text if isinstance(text, bytes) else text.encode())
        return path

    def drill(self, *args):
        return subprocess.run([PROGRAM, "drill", *args], capture_output=True, text=True,
                              check=False, timeout=120)

    def fails(self, text, message, status=1, line=None):
        """The script's first line of complaint is this one."""
        path = self.script(text)
        done = self.drill("-q", path)
        self.assertEqual(done.returncode, status, done.stdout)
        first = done.stdout.split("\n")[0]
        where = path + (f":{line}: " if line else ":")
        self.assertTrue(first.startswith(where), first)
        self.assertIn(message, first)
        if status == 2:
            self.assertLessEqual(done.stdout.count("\n"), 3)
        return done.stdout

    def test_passes_in_silence(self):
        done = self.drill("-q", self.script(OPENED))
        self.assertEqual((done.returncode, done.stdout, done.stderr), (0, "", ""))

    def test_another_packet(self):
        out = self.fails(OPENED + "+0 < P. 1:11(10) ack 1 win 65535\n+.040 > . 1:1(0) ack 12\n",
                         "the acknowledgement is 11, not 12", line=9)
        self.assertIn("  expected  +.040 > . 1:1(0) ack 12\n", out)
        self.assertIn("  came      > . 1:1(0) ack 11 win 65525\n", out)
        self.assertIn("PSH,ACK", out)

    def test_too_late(self):
        self.fails(OPENED + "+0 < P. 1:11(10) ack 1 win 65535\n+0 > . 1:1(0) ack 11\n",
                   "the packet did not come", line=9)

    def test_too_early(self):
        self.fails(OPENED + "+0 write(4, ..., 10) = 10\n+1 > P. 1:11(10) ack 1\n",
                   "the packet came at 0.000000, not at 1.000000", line=9)

    def test_one_too_many(self):
        self.fails(OPENED + "+0 write(4, ..., 10) = 10\n", "that no line expects", line=8)

    def test_calls(self):
        for call, message in (("+0 read(4, ..., 10) = 10", "the call waits here"),
                              ("+0 write(4, ..., 10) = 9", "the call gave 10, not 9"),
                              ("+0...0.2 read(4, ..., 10) = 10", "the call has not returned"),
                              ("+0 ioctl(4, SIOCINQ, [1]) = 0", "the value is 0, not 1"),
                              ("+0 fork() = 0", "no call is named fork"),
                              ("+0 read(4) = 0", "needs a number")):
            self.fails(OPENED + call + "\n", message, line=8)

    def test_what_was_read_is_compared(self):
        data = OPENED + '+0 < P. 1:4(3) ack 1 win 65535 "abc"\n'
        self.fails(data + '+0 read(4, "abd", 10) = 3\n', "is not what the line says")
        done = self.drill(self.script(data + '+0 read(4, "abc", 10) = 3\n*  > . 1:1(0) ack 4\n'))
        self.assertEqual(done.returncode, 0, done.stdout)

    def test_conditions(self):
        out = self.fails(OPENED + "+0 %{ state == ESTABLISHED\n mss_send == 999 }%\n",
                         "the condition does not hold", line=9)
        self.assertIn("  came      mss_send = 1000\n", out)
        self.fails(OPENED + "+0 %{ reason NOBODY == 1 }%\n", "no reason is called NOBODY")
        self.fails(OPENED + "+0 %{ 1 / 0 }%\n", "a division by 0")
        self.fails(OPENED + "+0 %{ " + "(" * 100 + " }%\n", "nested too deep")

    def test_unreadable(self):
        for text, message in (("", "there is no event in it"),
                              ("0 socket(", "a value is missing"),
                              ("0 < Q 0:0(0)", "flags are"),
                              ("0 < S 0:1(0)", "is not 0 octets long"),
                              ("0 < S 0:0(0) win 70000", "out of range"),
                              ("0 < S 0:0(0) win 1 <mss>", "a number is missing"),
                              ("0 < S 0:0(0) <...>", "is for packets that come out"),
                              ("0 bind(3, [[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]) = 0", "nested"),
                              ("0 read(3, \"\\q\", 1) = 1", "no escape"),
                              ("0 `ls`", "'ls' cannot be run"),
                              ("0 `sysctl -w net.ipv4.tcp_sack=1; mv x y`", "'mv' cannot be run"),
                              ("0 `nagle=2`\n0 close(3) = -1 EBADF", "nagle cannot be '2'"),
                              ("`ls`\n0 close(3) = -1 EBADF", "'ls' cannot be run"),
                              ("`net.ipv4.tcp_none=1`\n0 close(3) = -1 EBADF", "no setting"),
                              ("--colour=red\n0 close(3) = -1 EBADF", "no such option"),
                              ("+0~+1 close(3) = 0", "only a packet with >"),
                              ("0 frobnicate", "'(' is missing"),
                              (b"\xff\x00\xfe", "neither <, >"),
                              ("0 %{ 1", "no closing '}%'"),
                              ("0 close(3) = -1 EWHAT", "no error is called EWHAT")):
            self.fails(text, message, status=2)

    def test_where_it_cannot_be_read(self):
        out = self.fails("0 socket(...) = 3\n+0  listen(3, 1 = 0\n", "')' is missing before '= 0'", line=2, status=2)
        self.assertIn("  line      +0  listen(3, 1 = 0\n" + " " * 28 + "^\n", out)
        out = self.fails("0 socket(...) = 3\n" + " " * 200 + "+0 bind(3,)\n", "missing", line=2, status=2)
        self.assertTrue(all(len(line) <= 80 for line in out.splitlines()), out)

    def test_what_came_too_early(self):
        out = self.fails(OPENED + "+0 < . 2001:3001(1000) ack 1 win 65535\n"
                         "+.1 < . 1:1001(1000) ack 1 win 65535\n+0 > . 1:1(0) ack 1001\n",
                         "the acknowledgement is 1, not 1001", line=10)
        self.assertIn("  hint      it was sent at 0.000000; does a line for it lack before this one?\n", out)

    def test_options_are_named(self):
        syn = "0 socket(..., SOCK_STREAM|SOCK_NONBLOCK, IPPROTO_TCP) = 3\n+0 connect(3, ..., ...) = -1 EINPROGRESS\n"
        for options, message in (("mss 1440,nop,nop,sackOK,nop,wscale 8", "option 1 is mss 1460, not mss 1440"),
                                 ("mss 1460,nop,nop,sackOK", "option 5, nop, is one too many")):
            self.fails("`timestamps=0`\n" + syn + f"+0 > S 0:0(0) <{options}>\n", message)
        out = self.fails("0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3\n"
                         "+0 setsockopt(3, SOL_TCP, TCP_ULP, [1], 4) = 0\n", "the call gave -1 ENOENT, not 0")
        self.assertIn("  came      setsockopt() = -1 ENOENT (No such file or directory)\n", out)
        self.assertNotIn("segments", out)

    def test_a_script_too_large(self):
        self.fails("// " + "x" * (1 << 20), "at most 1048576 octets", status=2)

    def test_no_file(self):
        done = self.drill("-q", "/nonexistent.pkt")
        self.assertEqual(done.returncode, 2)
        self.assertEqual(done.stdout, "/nonexistent.pkt: cannot be read: "
                                      "No such file or directory\n")

    def test_json(self):
        paths = [self.script(OPENED, "a.pkt"), self.script(OPENED + "+0 close(9) = 0\n", "b.pkt")]
        done = self.drill("--json", "-j", "2", *paths)
        a, b = [json.loads(line) for line in done.stdout.splitlines()]
        self.assertEqual((a["result"], a["events"], a["script"]), ("passed", 7, paths[0]))
        self.assertEqual((b["result"], b["line"], b["came"]), ("failed", 8, "close() = -1 EBADF (Bad file descriptor)"))
        self.assertEqual(done.returncode, 1)

    def test_order_and_closing_line(self):
        paths = [self.script(OPENED + f"+0 close({i}) = 0\n", f"{i}.pkt") for i in range(10, 30)]
        done = self.drill("-j", "3", *paths)
        named = [line.split(":")[0] for line in done.stdout.splitlines() if line[0] == "/"]
        self.assertEqual(named, paths)
        self.assertIn("20 scripts: 0 passed, 20 failed;", done.stdout.splitlines()[-1])

    def test_same_every_time(self):
        path = self.script(OPENED)
        self.assertEqual(self.drill("-v", "-q", path).stdout, self.drill("-v", "-q", path).stdout)

    def test_defines(self):
        path = self.script(OPENED + "+0 < P. 1:11(SIZE) ack 1 win 65535\n"
                                    "+0 read(4, ..., SIZE) = SIZE\n* > . 1:1(0) ack 11\n")
        self.assertEqual(self.drill("-D", "SIZE=10", path).returncode, 0)
        self.assertEqual(self.drill(path).returncode, 2)
        path = self.script("#ifdef SIZE\n" + OPENED + "#else\n0 nonsense\n#endif\n")
        self.assertEqual(self.drill("-D", "SIZE", path).returncode, 0)
        self.assertEqual(self.drill(path).returncode, 2)

    def played_as(self, text, *options):
        """The profile, and what the closing line says of it."""
        path = self.script(text)
        done = self.drill("--json", *options, path)
        said = self.drill(*options, path).stdout.splitlines()[-1]
        return json.loads(done.stdout).get("as"), said

    def test_recognised(self):
        for command, profile in (("sysctl -q net.ipv4.tcp_sack=1", "linux"),
                                 ("../common/defaults.sh", "linux"),
                                 ("./set_sysctls.py /proc/sys/net/ipv4/tcp_sack=1", "linux"),
                                 ("sysctl -w kern.none=1 net.ipv4.tcp_sack=1", "freebsd"),
                                 ("nagle=1; sysctl -w \\\n net.inet.tcp.sack.enable=1", "freebsd"),
                                 ("nagle=1; true", None), ("net.ipv4.tcp_sack=1", None),
                                 ("profile=bsd65535; sysctl -w net.ipv4.tcp_sack=1", None)):
            as_, said = self.played_as(f"`{command}`\n" + OPENED)
            self.assertEqual(as_, profile, command)
            self.assertEqual(f"; 1 as {profile};" in said, profile is not None, said)
        self.assertEqual(self.drill("-q", self.script("`tc x`\n" + LINUX)).returncode, 0)
        self.assertEqual(self.drill("-q", self.script(LINUX)).returncode, 1)
        out = self.fails("`nagle=1;\n  nstat`\n" + OPENED + "+0 close(9) = 0\n", "gave -1 EBADF, not 0")
        self.assertIn("  as        linux, for line 2 has nstat (--as NAME: as another)\n", out)

    def test_as(self):
        self.assertEqual(self.drill("--as", "linux", self.script(LINUX)).returncode, 0)
        self.assertEqual(self.drill("--as=default", self.script("`tc x`\n" + LINUX)).returncode, 1)
        own = self.script("`profile=linux`\n" + LINUX)
        self.assertEqual(self.drill("--as=freebsd", own).returncode, 0)
        done = self.drill("--as=plan9", own)
        self.assertEqual((done.returncode, done.stdout), (2, ""))
        self.assertIn("default, linux, freebsd or bsd65535 is needed", done.stderr)

    def test_strict(self):
        """Each difference of packetdrill's judgement, told by --as; each is a failure without."""
        opened = OPENED.replace("S 0:0(0)", "S 7:7(0)").replace("0:0(0) ack 1 <mss 1460>", "5:5(0) ack 8 <mss 1460>")
        text = "+0 write(4, ..., 2000) = 2000\n+0 > P. 1:2001(2000) ack 1\n"
        for name, script, option in (
                ("numbers and segments", opened + text, None),
                ("each segment a line", opened + text, "--strict_segments"),
                ("behind the last line", OPENED + "+0 write(4, ..., 10) = 10\n", None),
                ("an eighth", OPENED + "+0 write(4, ..., 10) = 10\n+0 > P. 1:11(10) ack 1\n"
                                       "+.22 > P. 1:11(10) ack 1\n", None),
                ("a call that waits", OPENED + "+0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 5\n"
                                               "+0 connect(5, ..., ...) = -1 ETIMEDOUT\n", None)):
            path = self.script(script)
            options = [option] if option else []
            done = self.drill("-q", "--as", "default", path)
            self.assertEqual(done.returncode, 1, name)
            done = self.drill("-q", "--as", "default", "--strict=0", *options, path)
            self.assertEqual(done.returncode, 1 if option else 0, name + done.stdout)
            done = self.drill("-q", "--as", "linux", *options, path)
            self.assertEqual(done.returncode, 1 if option else 0, name + done.stdout)
            self.assertEqual(self.drill("-q", "--as", "linux", "--strict=1", path).returncode, 1, name)

    def test_end_of_a_call(self):
        waits = OPENED + "+.1...0.3 read(4, ..., 10) = 10\n+.2 < P. 1:11(10) ack 1 win 65535\n* > . 1:1(0) ack 11\n"
        self.assertEqual(self.drill("-q", self.script(waits)).returncode, 0)
        self.fails(waits.replace("0.3", "0.4"), "the call returned at 0.300000, not at 0.400000")

    def test_python(self):
        self.assertEqual(self.drill("-q", self.script(OPENED + """+0 %{ n = 9
 n += 1; print(n); assert n == 10, 'n=%d;' % n
 assert (tcpi_options & TCPI_OPT_SACK) == 0, tcpi_options  # none
 assert 9 < n <= \\
    10
 assert not n == 9 and n ^ 3 == 9 and 1 << 3 | 1 == n - 1
 assert tcpi_ca_state == TCP_CA_Open and tcpi_state == TCP_ESTABLISHED and ~n == -11
}%
""")).returncode, 0)
        self.fails(OPENED + "+0 %{ m += 1 }%\n", "nothing is called m")

    def test_options_of_sockets(self):
        self.assertEqual(self.drill("-q", "-D", "NAME=SO_MARK", self.script(
            OPENED + "+0 setsockopt(4, SOL_SOCKET, NAME, [7], 4) = 0\n"
                     "+0 getsockopt(4, SOL_SOCKET, SO_MARK, [7], [4]) = 0\n"
                     "+0 setsockopt(4, SOL_TCP, TCP_NOTSENT_LOWAT, [0xffffffff], 4) = 0\n"
                     "+0 getsockopt(4, SOL_TCP, TCP_NOTSENT_LOWAT, [0xffffffff], [4]) = 0\n"
                     "+0 setsockopt(4, SOL_SOCKET, SO_ZEROCOPY, [3], 4) = -1 EINVAL\n"
                     "+0 setsockopt(3, SOL_TCP, TCP_FASTOPEN_KEY, \"too short\", 9) = -1 EINVAL\n"
                     "+0 write(4, NULL, 10) = -1 EFAULT\n+0 read(9, ..., 1) = -1\n")).returncode, 0)

    def test_set(self):
        path = self.script(OPENED + "+0 write(4, ..., 10) = 10\n+0 > P. 1:11(10) ack 1\n"
                                    "+0 write(4, ..., 10) = 10\n+0 > P. 11:21(10) ack 1\n")
        self.assertEqual(self.drill("-q", path).returncode, 1)
        self.assertEqual(self.drill("-q", "--set=nagle=0", path).returncode, 0)
        self.assertEqual(self.drill("-q", "--set", "nagle=0", "--set", "sack=0", path).returncode, 0)
        for value, message in (("nagle=2", "nagle cannot be '2'"), ("ls", "'ls' cannot be run"),
                               ("x=1", "no setting is called x"), ("x" * 600, "together at most")):
            done = self.drill(f"--set={value}", path)
            self.assertEqual(done.returncode, 2, done.stdout)
            self.assertIn(message, done.stderr)
        self.fails("--set=rcvbuf_max=65536\n" + OPENED, "rcvbuf_initial is above rcvbuf_max; set both")

    def test_arithmetic(self):
        self.assertEqual(self.drill("-q", self.script(
            "`net.ipv4.tcp_rmem=\"4096 131072 $((32*1024*1024))\"`\n"
            "0 socket(..., SOCK_STREAM|SOCK_NONBLOCK, IPPROTO_TCP) = 3\n"
            "+0 connect(3, ..., ...) = -1 EINPROGRESS\n"
            "+0 > S 0:0(0) <mss 1460,sackOK,TS val 0 ecr 0,nop,wscale 10>\n")).returncode, 0)
        for bad in ("$((", "$((1", "$((1*", "$((1*2)", "$((x))"):
            self.fails(f"`nagle={bad}`\n0 close(3) = -1 EBADF", "nagle cannot be", status=2)

    def test_another_dialect(self):
        self.assertEqual(self.drill("-q", "--as", "linux", self.script(
            "0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3\n"
            "+0 setsockopt(3, SOL_TCP, TCP_KEEPINIT, [5], 4) = 0\n"
            "+0 getsockopt(3, SOL_TCP, TCP_KEEPINIT, [5], [4]) = 0\n"
            "+0 bind(3, ..., ...) = 0\n+0 < (ttl 3) S 0:0(0) win 32792 <mss 1000>\n"
            "+0 > (ttl 64) R. 0:0(0)! ack 1! win 0\n+0 listen(3, 5) = 0\n"
            "+0 < (tos 0x28) S 0:0(0) win 32792 <mss 1000>\n+0 > (tos 0) S. 0:0(0) ack 1 <mss 1460>\n"
            "+0 < . 1:1(0) ack 1 win 32792\n+0 accept(3, ..., ...) = 4\n+0 < icmp echo_request id 1 seq 1\n"
            "+0 < F  . 1:1(0) ack 1 win 32792\n+0 > . 1:1(0) ack 2\n"
            "+0 `sockstat -s | grep 'CLOSE_WAIT'`\n")).returncode, 0)

    def test_echo(self):
        said = "`profile=linux; # a comment\n echo 2 > /proc/sys/net/ipv4/tcp_ecn 2>&1; echo 1 > /sys/x`\n"
        self.assertEqual(self.drill("-q", self.script(said + LINUX)).returncode, 1)

    def test_command_line(self):
        for args, message in (((), "a script is missing"), (("-j", "0", "x"), "-j needs"),
                              (("--frob=1", "x"), "no such option"), (("-x",), "no option '-x'"),
                              (("--define", "", "x"), "--define needs")):
            done = self.drill(*args)
            self.assertEqual((done.returncode, done.stdout), (2, ""))
            self.assertIn(message, done.stderr)
            self.assertEqual(done.stderr.count("\n"), 1)

    def test_help_fits(self):
        done = self.drill("--help")
        self.assertEqual(done.returncode, 0)
        self.assertLess(max(map(len, done.stdout.splitlines())), 81)


if __name__ == "__main__":
    unittest.main()
