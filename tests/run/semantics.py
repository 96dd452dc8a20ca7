#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What sockets do, case by case, one line of output each: run natively and inside, then compared.

usage: semantics.py ECHO_PORT BULK_PORT RESET_PORT URGENT_PORT CLOSED_PORT UDP_PORT [CASE...]

ECHO answers what it gets and closes after the client; BULK sends 1 MiB and closes; RESET resets
after the first octet; URGENT is an echo that keeps marks; nothing listens on CLOSED; UDP answers
each datagram with its own.
"""
import array
import collections
import errno
import fcntl
import os
import select
import signal
import socket
import struct
import sys
import termios
import threading
import time

HOST = "127.0.0.1"
ECHO, BULK, RESET, URGENT, CLOSED, UDP = (int(a) for a in sys.argv[1:7])
SIOCATMARK = 0x8905
PATIENCE_S, PATIENCE_MS = 60, 60000  # for what is to come, however late
CASES = []


def case(fn):
    CASES.append(fn)
    return fn


def name(e):
    return errno.errorcode.get(e.errno, str(e)) if isinstance(e, OSError) and e.errno else str(e)


def attempt(fn, *args):
    try:
        return fn(*args)
    except (OSError, BlockingIOError) as e:
        return name(e)


def tcp():
    return socket.socket(socket.AF_INET, socket.SOCK_STREAM)


def connected(port=None):
    s = tcp()
    s.settimeout(PATIENCE_S)
    s.connect((HOST, port or ECHO))
    s.settimeout(None)  # a time-out would make the descriptor non-blocking
    return s


def mask(s, want=0x2000 | select.POLLIN | select.POLLOUT | select.POLLPRI, wait_ms=0):
    p = select.poll()
    p.register(s, want)
    got = p.poll(wait_ms)
    bits = got[0][1] if got else 0
    names = [(1, "IN"), (2, "PRI"), (4, "OUT"), (8, "ERR"), (16, "HUP"), (0x2000, "RDHUP")]
    return "+".join(n for b, n in names if bits & b) or "-"


def error_of(s):
    e = s.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
    return errno.errorcode.get(e, e)


def start_connect(port):
    s = tcp()
    s.setblocking(False)
    return s, attempt(s.connect, (HOST, port))


# ---- opening ---------------------------------------------------------------------------------


@case
def kind_of_socket():
    s = tcp()
    u = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    return [s.getsockopt(socket.SOL_SOCKET, o) for o in
            (socket.SO_TYPE, socket.SO_DOMAIN, socket.SO_PROTOCOL, socket.SO_ACCEPTCONN)] + \
        [u.getsockopt(socket.SOL_SOCKET, o) for o in
         (socket.SO_TYPE, socket.SO_DOMAIN, socket.SO_PROTOCOL)]


@case
def wrong_combinations():
    return [attempt(lambda f, t, p: socket.socket(f, t, p).type, f, t, p) for f, t, p in (
        (socket.AF_INET, socket.SOCK_STREAM, 17), (socket.AF_INET, socket.SOCK_DGRAM, 6),
        (socket.AF_INET, 5, 0), (socket.AF_INET, 77, 0), (99, socket.SOCK_STREAM, 0))]


@case
def fresh_socket():
    s = tcp()
    return [mask(s), s.getsockname(), attempt(s.getpeername), attempt(s.send, b"x"),
            attempt(s.shutdown, 2), attempt(s.accept)]


@case
def connect_blocking():
    s = connected()
    return [s.getsockname()[0], s.getsockname()[1] > 0, s.getpeername()[1] == ECHO, mask(s),
            attempt(s.connect, (HOST, ECHO))]


@case
def connect_refused():
    s = tcp()
    first = attempt(s.connect, (HOST, CLOSED))
    return [first, error_of(s), attempt(s.connect, (HOST, ECHO)), attempt(s.send, b"x")]


@case
def connect_nonblocking():
    s, first = start_connect(ECHO)
    ready = select.select([], [s], [], PATIENCE_S)[1] == [s]
    return [first, ready, error_of(s), attempt(s.connect, (HOST, ECHO)),
            attempt(s.connect, (HOST, ECHO)), s.send(b"x")]


@case
def connect_nonblocking_refused():
    s, first = start_connect(CLOSED)
    select.select([], [s], [], PATIENCE_S)
    return [first, mask(s), error_of(s), error_of(s), attempt(s.send, b"x"), attempt(s.recv, 1)]


@case
def connect_nonblocking_refused_retry():
    s, _ = start_connect(CLOSED)
    select.select([], [s], [], PATIENCE_S)
    told = error_of(s)
    again = attempt(s.connect, (HOST, ECHO))
    third = attempt(s.connect, (HOST, ECHO))
    ready = select.select([], [s], [], PATIENCE_S)[1] == [s]
    return [told, again, third, ready, error_of(s)]


@case
def connect_by_repeated_connect():
    s, first = start_connect(CLOSED)
    select.select([], [s], [], PATIENCE_S)
    return [first, attempt(s.connect, (HOST, CLOSED))]


@case
def connect_epoll_registered_before():
    s = tcp()
    s.setblocking(False)
    ep = select.epoll()
    ep.register(s, select.EPOLLIN | select.EPOLLOUT | select.EPOLLRDHUP | select.EPOLLET)
    before = [e for _, e in ep.poll(0)]
    first = attempt(s.connect, (HOST, ECHO))
    events = ep.poll(PATIENCE_S)
    return [before, first, [e & select.EPOLLOUT for _, e in events], error_of(s)]


@case
def connect_bad_arguments():
    import ctypes
    libc = ctypes.CDLL(None, use_errno=True)
    s = tcp()

    def raw(addr, n):
        ctypes.set_errno(0)
        return errno.errorcode.get(ctypes.get_errno(), "0") if libc.connect(
            s.fileno(), addr, n) == 0 else errno.errorcode[ctypes.get_errno()]
    good = struct.pack("=HH4s8x", socket.AF_INET, socket.htons(ECHO), socket.inet_aton(HOST))
    return [raw(good, 8), raw(b"\x63\0" + good[2:], 16), raw(ctypes.c_void_p(8), 16),
            raw(good, 1), raw(good, 4096)]


@case
def connect_families():
    s4, s6 = tcp(), socket.socket(socket.AF_INET6, socket.SOCK_STREAM)
    s6.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
    ok = attempt(s6.connect, ("::ffff:127.0.0.1", ECHO))
    return [attempt(s6.getpeername)[0], attempt(s6.getsockname)[0], ok]


@case
def connect_unspec_dissolves():
    import ctypes
    libc = ctypes.CDLL(None, use_errno=True)
    s = connected()
    r = libc.connect(s.fileno(), b"\0" * 16, 16)
    return [r, attempt(s.getpeername), attempt(s.connect, (HOST, ECHO)), attempt(s.send, b"x")]


@case
def connect_any_address_is_local():
    s = tcp()
    return [attempt(s.connect, ("0.0.0.0", ECHO)), s.getpeername()[0]]


# ---- data ------------------------------------------------------------------------------------


@case
def echo():
    s = connected()
    s.sendall(b"hello")
    return [s.recv(5), mask(s)]


@case
def peek_and_waitall():
    s = connected()
    s.sendall(b"hello")
    peeked = s.recv(5, socket.MSG_PEEK | socket.MSG_WAITALL)
    return [peeked, s.recv(5, socket.MSG_WAITALL)]


@case
def fionread():
    s = connected()
    s.sendall(b"hello")
    select.select([s], [], [], PATIENCE_S)
    n = array.array("i", [0])
    fcntl.ioctl(s, termios.FIONREAD, n)
    return n[0]


@case
def receive_to_the_end():
    s = connected(BULK)
    n = 0
    while True:
        data = s.recv(65536)
        if not data:
            break
        n += len(data)
    return [n, s.recv(1), mask(s)]


def at_mark(s):
    answer = array.array("i", [0])
    fcntl.ioctl(s, SIOCATMARK, answer)
    return answer[0] != 0


def exactly(s, n):
    data = b""
    while len(data) < n and (more := s.recv(n - len(data))):
        data += more
    return data


@case
def urgent_octet():
    s = connected(URGENT)
    said = [attempt(s.recv, 1, socket.MSG_OOB)]
    s.sendall(b"ab")
    s.send(b"!", socket.MSG_OOB)
    s.sendall(b"cd")
    said += [mask(s, select.POLLPRI, PATIENCE_MS), exactly(s, 2), at_mark(s),
             s.recv(1, socket.MSG_OOB | socket.MSG_PEEK), s.recv(1, socket.MSG_OOB),
             attempt(s.recv, 1, socket.MSG_OOB), exactly(s, 2), at_mark(s)]
    return said + [mask(s, select.POLLPRI)]


@case
def urgent_octet_in_line():
    s = connected(URGENT)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_OOBINLINE, 1)
    s.sendall(b"ab")
    s.send(b"c!", socket.MSG_OOB)
    s.sendall(b"de")
    said = [mask(s, select.POLLPRI, PATIENCE_MS), s.recv(2), at_mark(s), s.recv(100), at_mark(s)]
    return said + [attempt(s.recv, 1, socket.MSG_OOB), exactly(s, 3), at_mark(s)]


@case
def urgent_octets_one_after_the_other():
    s = connected(URGENT)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_OOBINLINE, 1)
    said = []
    for i in range(20):
        s.send(b"%c" % (65 + i), socket.MSG_OOB)
        said += [mask(s, select.POLLPRI, PATIENCE_MS), at_mark(s), s.recv(9)]
        s.sendall(b"-" * i)
        said.append(len(exactly(s, i)))
    return said


@case
def urgent_octet_behind_much():
    s = connected(URGENT)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_OOBINLINE, 1)
    sent = os.urandom(300000)

    def write():
        s.sendall(sent)
        s.send(b"!", socket.MSG_OOB)
        s.sendall(sent)

    writer = threading.Thread(target=write)
    writer.start()
    before = exactly(s, len(sent))
    said = [before == sent, mask(s, select.POLLPRI, PATIENCE_MS), at_mark(s)]
    said += [exactly(s, 1), exactly(s, len(sent)) == sent]
    writer.join()
    return said


@case
def urgent_octet_with_an_address():
    s = connected(URGENT)
    s.sendto(b"ab!", socket.MSG_OOB, (HOST, 9))
    return [mask(s, select.POLLPRI, PATIENCE_MS), exactly(s, 2), s.recvfrom(1, socket.MSG_OOB)[0],
            attempt(s.recvfrom, 1, socket.MSG_OOB)]


@case
def urgent_octet_and_the_end():
    s = connected(URGENT)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_OOBINLINE, 1)
    s.send(b"ab!", socket.MSG_OOB)
    s.shutdown(socket.SHUT_WR)
    return [exactly(s, 100), mask(s, wait_ms=PATIENCE_MS)]


@case
def urgent_octet_and_a_reset():
    s = connected(RESET)
    s.send(b"ab!", socket.MSG_OOB)
    return [mask(s, select.POLLIN, PATIENCE_MS), attempt(s.recv, 1), attempt(s.recv, 1)]


@case
def urgent_octet_makes_a_signal():
    s = connected(URGENT)
    came = threading.Event()
    signal.signal(signal.SIGURG, lambda *_: came.set())
    fcntl.fcntl(s, fcntl.F_SETOWN, os.getpid())
    s.send(b"!", socket.MSG_OOB)
    # The signal is about the pointer; the octet may come later.
    return [came.wait(PATIENCE_S), mask(s, select.POLLPRI, PATIENCE_MS), s.recv(1, socket.MSG_OOB)]


@case
def urgent_octet_of_accepted():
    listener = tcp()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_OOBINLINE, 1)
    listener.bind((HOST, 0))
    listener.listen()
    s = connected(listener.getsockname()[1])
    c, _ = listener.accept()
    c.send(b"ab!", socket.MSG_OOB)
    s.send(b"?", socket.MSG_OOB)
    said = [mask(s, select.POLLPRI, PATIENCE_MS), exactly(s, 2), s.recv(1, socket.MSG_OOB)]
    return said + [mask(c, select.POLLPRI, PATIENCE_MS), at_mark(c), c.recv(9)]


@case
def half_close_by_us():
    s = connected()
    s.sendall(b"hello")
    s.shutdown(socket.SHUT_WR)
    data = b""
    while True:
        d = s.recv(100)
        if not d:
            break
        data += d
    return [data, attempt(s.shutdown, socket.SHUT_RD)]


@case
def shutdown_both():
    s = connected()
    s.shutdown(socket.SHUT_RDWR)
    return [attempt(s.recv, 1), mask(s, wait_ms=PATIENCE_MS).replace("IN+OUT", "OUT+IN")]


@case
def send_after_shutdown():
    s = connected()
    s.shutdown(socket.SHUT_WR)
    return attempt(s.send, b"x")


@case
def reset_by_peer():
    s = connected(RESET)
    s.sendall(b"x")
    return [mask(s, select.POLLIN, PATIENCE_MS), attempt(s.recv, 1), attempt(s.recv, 1)]


@case
def reset_seen_by_so_error():
    s = connected(RESET)
    s.sendall(b"x")
    select.select([s], [], [], PATIENCE_S)
    return [error_of(s), error_of(s), attempt(s.recv, 1)]


@case
def receive_timeout():
    s = connected()
    s.settimeout(None)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack("ll", 0, 100000))
    t = time.monotonic()
    r = attempt(s.recv, 1)
    return [r, time.monotonic() - t > 0.05]


@case
def nonblocking_receive():
    s = connected()
    s.setblocking(False)
    return attempt(s.recv, 1)


@case
def sendto_with_address_on_a_stream():
    s = connected()
    return [s.sendto(b"abc", (HOST, 9)), s.recv(3)]


@case
def recvfrom_on_a_stream():
    s = connected()
    s.sendall(b"abc")
    return s.recvfrom(3)


@case
def recvfrom_on_a_stream_blocks():
    s = connected()
    s.settimeout(None)
    threading.Timer(0.2, s.sendall, (b"abc",)).start()
    return s.recvfrom(3)


@case
def vectors():
    s = connected()
    n = s.sendmsg([b"ab", b"cd", b"ef"])
    got = b""
    while len(got) < 6:
        got += s.recvmsg(6)[0]
    return [n, got]


@case
def sendfile():
    s = connected()
    fd = os.memfd_create("x")
    os.write(fd, b"z" * 300000)
    sent, off = 0, 0
    got = [0]

    def drain():
        while got[0] < 300000:
            got[0] += len(s.recv(65536))
    t = threading.Thread(target=drain)
    t.start()
    while off < 300000:
        sent = os.sendfile(s.fileno(), fd, off, 300000 - off)
        off += sent
    t.join()
    return [off, got[0]]


@case
def large_both_ways():
    s = connected()
    got = [0]

    def drain():
        while got[0] < 5000000:
            got[0] += len(s.recv(65536))
    t = threading.Thread(target=drain)
    t.start()
    s.sendall(b"q" * 5000000)
    t.join()
    return got[0]


@case
def not_writable_when_full():
    s = connected(BULK)  # never reads
    s.setblocking(False)
    total = 0
    try:
        while True:
            total += s.send(b"x" * 65536)
    except (BlockingIOError, ConnectionError) as e:
        pass
    return total > 0


# ---- descriptors -----------------------------------------------------------------------------


@case
def dup_and_fork_share():
    s = connected()
    d = socket.socket(fileno=os.dup(s.fileno()))
    s.close()
    pid = os.fork()
    if pid == 0:
        d.sendall(b"child")
        os._exit(0)
    os.waitpid(pid, 0)
    return [d.recv(5), d.family.name, d.getpeername()[1] == ECHO]


@case
def inherited_by_exec():
    s = connected()
    s.set_inheritable(True)
    code = ("import socket,sys;s=socket.socket(fileno=%d);s.sendall(b'exec');"
            "print(s.family.name, s.getpeername()[1]==%d, s.recv(4))" % (s.fileno(), ECHO))
    r, w = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.dup2(w, 1)
        os.execv(sys.executable, [sys.executable, "-c", code])
    os.close(w)
    with open(r, "rb") as f:
        out = f.read()
    os.waitpid(pid, 0)
    return out


@case
def passed_over_a_unix_socket():
    a, b = socket.socketpair()
    s = connected()
    socket.send_fds(a, [b"x"], [s.fileno()])
    s.close()
    _, fds, _, _ = socket.recv_fds(b, 1, 1)
    t = socket.socket(fileno=fds[0])
    t.sendall(b"moved")
    return [t.recv(5), t.getpeername()[1] == ECHO]


@case
def close_on_exec_flags():
    s = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    s.set_inheritable(True)
    t = socket.socket(socket.AF_INET, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
    return [s.get_inheritable(), t.get_inheritable(),
            bool(fcntl.fcntl(t, fcntl.F_GETFL) & os.O_NONBLOCK),
            bool(fcntl.fcntl(s, fcntl.F_GETFL) & os.O_NONBLOCK)]


@case
def not_a_socket_and_no_descriptor():
    import ctypes
    libc = ctypes.CDLL(None, use_errno=True)
    r, _ = os.pipe()

    def e(rc):
        return errno.errorcode[ctypes.get_errno()] if rc < 0 else rc
    return [e(libc.listen(r, 1)), e(libc.listen(999, 1)), e(libc.shutdown(r, 2))]


# ---- signals ---------------------------------------------------------------------------------


class Alarm(Exception):
    pass


def raise_alarm(*_):
    raise Alarm


@case
def accept_is_interrupted():
    signal.signal(signal.SIGALRM, raise_alarm)
    s = tcp()
    s.bind((HOST, 0))
    s.listen()
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.2)
        s.accept()
        return "accepted"
    except Alarm:
        return "interrupted"


@case
def receive_is_interrupted_and_goes_on():
    signal.signal(signal.SIGALRM, lambda *_: None)
    s = connected()
    signal.setitimer(signal.ITIMER_REAL, 0.1)
    threading.Timer(0.3, s.sendall, (b"x",)).start()
    return s.recv(1)


@case
def accept_restarts_after_a_handled_signal():
    signal.signal(signal.SIGALRM, lambda *_: None)
    signal.siginterrupt(signal.SIGALRM, False)
    s = tcp()
    s.bind((HOST, 0))
    s.listen()
    signal.setitimer(signal.ITIMER_REAL, 0.1)
    threading.Timer(0.3, lambda: socket.create_connection(s.getsockname())).start()
    c, peer = s.accept()
    return [peer[0], c.getsockname() == s.getsockname()]


# ---- listening -------------------------------------------------------------------------------


def listener(address=(HOST, 0), family=socket.AF_INET):
    s = socket.socket(family, socket.SOCK_STREAM)
    s.bind(address)
    s.listen(5)
    return s


@case
def listen_accept_echo():
    s = listener()
    c = socket.create_connection(s.getsockname())
    a, peer = s.accept()
    a.sendall(b"hi")
    return [peer == c.getsockname(), a.getpeername() == c.getsockname(), c.recv(2),
            a.getsockname() == s.getsockname(),
            s.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)]


@case
def listen_poll():
    s = listener()
    before = mask(s)
    c = socket.create_connection(s.getsockname())
    return [before, mask(s, wait_ms=PATIENCE_MS), c is not None]


@case
def accept_nonblocking():
    s = listener()
    s.setblocking(False)
    first = attempt(s.accept)
    c = socket.create_connection(s.getsockname())
    select.select([s], [], [], PATIENCE_S)
    a, _ = s.accept()
    return [first, bool(fcntl.fcntl(a, fcntl.F_GETFL) & os.O_NONBLOCK), c is not None]


@case
def accept_timeout():
    s = listener()
    s.settimeout(None)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack("ll", 0, 100000))
    return attempt(s.accept)


@case
def listen_without_bind():
    s = tcp()
    s.listen()
    return [s.getsockname()[0], s.getsockname()[1] > 0]


@case
def listen_again_and_on_connected():
    s = listener()
    s.listen(100)
    c = connected()
    return [attempt(c.listen), attempt(s.connect, (HOST, ECHO))]


@case
def bind_errors():
    s = listener()
    t, u = tcp(), tcp()
    u.bind((HOST, 0))
    return [attempt(t.bind, s.getsockname()), attempt(u.bind, (HOST, 0)),
            attempt(t.bind, ("192.0.2.1", 0)), attempt(t.connect, s.getsockname())]


def mostly(fn):
    """What most of five say: a port that was free a moment ago may have somebody else by chance."""
    return collections.Counter(fn() for _ in range(5)).most_common(1)[0][0]


@case
def bind_close_bind():
    def once():
        s = tcp()
        s.bind((HOST, 0))
        name_ = s.getsockname()
        s.close()
        return attempt(tcp().bind, name_)
    return mostly(once)


@case
def refused_after_listener_closed():
    def once():
        s = listener()
        name_ = s.getsockname()
        s.close()
        return attempt(tcp().connect, name_)
    return mostly(once)


@case
def many_at_once():
    s = listener()
    s.listen(64)
    cs = [socket.create_connection(s.getsockname()) for _ in range(40)]
    done = []

    def worker():
        for _ in range(10):
            a, _ = s.accept()
            a.sendall(b"k")
            a.close()
            done.append(1)
    ts = [threading.Thread(target=worker) for _ in range(4)]
    for t in ts:
        t.start()
    for t in ts:
        t.join()
    return [len(done), all(c.recv(2) == b"k" for c in cs)]


@case
def preforked():
    s = listener()
    pids = []
    for _ in range(3):
        pid = os.fork()
        if pid == 0:
            for _ in range(4):
                a, _ = s.accept()
                a.sendall(b"p")
                a.close()
            os._exit(0)
        pids.append(pid)
    got = [socket.create_connection(s.getsockname()).recv(1) for _ in range(12)]
    return [got.count(b"p"), [os.waitpid(p, 0)[1] for p in pids]]


@case
def ipv6_loopback_inside():
    s = listener(("::1", 0), socket.AF_INET6)
    c = socket.socket(socket.AF_INET6, socket.SOCK_STREAM)
    c.connect(s.getsockname())
    a, peer = s.accept()
    return [peer[0], c.getsockname()[0], a.getsockname()[0]]


@case
def dual_stack_listener():
    s = socket.create_server(("", 0), family=socket.AF_INET6, dualstack_ipv6=True)
    c = socket.create_connection((HOST, s.getsockname()[1]))
    a, peer = s.accept()
    return [s.getsockname()[0], peer[0], c.getpeername()[0], a.getsockname()[0]]


@case
def both_families_on_one_port():
    """0.0.0.0 and ::, with IPV6_V6ONLY."""
    four = listener(("0.0.0.0", 0))
    port = four.getsockname()[1]
    six = socket.socket(socket.AF_INET6, socket.SOCK_STREAM)
    dual = attempt(six.bind, ("::", port))
    six.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    six.bind(("::", port))
    six.listen(5)
    seen = []
    for s, host in ((four, HOST), (six, "::1")):
        c = socket.create_connection((host, port))
        a, peer = s.accept()
        seen += [peer[0], a.getsockname()[0], c.getpeername()[0]]
    return [dual, six.getsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY), seen]


@case
def v6only_takes_no_ipv4():
    s = socket.socket(socket.AF_INET6, socket.SOCK_STREAM)
    s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    s.bind(("::", 0))
    s.listen(5)
    return attempt(socket.create_connection, (HOST, s.getsockname()[1]))


def sharing(first, second):
    """Two listeners on one port, each with or without SO_REUSEPORT."""
    a, b = tcp(), tcp()
    for s, on in ((a, first), (b, second)):
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, on)
    a.bind((HOST, 0))
    a.listen(50)
    bound = attempt(b.bind, a.getsockname())
    return a, b, bound


@case
def reuse_port_needs_both():
    return [sharing(1, 0)[2], sharing(0, 1)[2], sharing(1, 1)[2]]


@case
def reuse_port_spreads():
    a, b, _ = sharing(1, 1)
    b.listen(50)
    clients = [socket.create_connection(a.getsockname()) for _ in range(40)]
    taken = {a: 0, b: 0}
    while sum(taken.values()) < len(clients):
        for s in select.select([a, b], [], [], PATIENCE_S)[0]:
            s.accept()
            taken[s] += 1
    b.close()
    late = socket.create_connection(a.getsockname())
    return [taken[a] > 5, taken[b] > 5, a.accept()[1] == late.getsockname()]


@case
def peer_closes_accepted():
    s = listener()
    c = socket.create_connection(s.getsockname())
    a, _ = s.accept()
    c.close()
    return [a.recv(1), mask(a, wait_ms=PATIENCE_MS)]


@case
def accepted_is_reset():
    s = listener()
    c = socket.create_connection(s.getsockname())
    a, _ = s.accept()
    c.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    c.close()
    select.select([a], [], [], PATIENCE_S)
    return [attempt(a.recv, 1), attempt(a.recv, 1)]


@case
def writing_on_after_the_peer_has_closed_fails():
    s = listener()
    c = socket.create_connection(s.getsockname())
    a, _ = s.accept()
    a.close()
    c.settimeout(5)
    before = c.recv(1)
    end = time.monotonic() + PATIENCE_S
    try:
        while time.monotonic() < end:
            c.send(b"x")
            time.sleep(0.01)
        return "goes on"
    except (BrokenPipeError, ConnectionResetError):
        return [before, "fails"]


@case
def close_with_unread_data_resets():
    s = listener()
    c = socket.create_connection(s.getsockname())
    a, _ = s.accept()
    c.sendall(b"unread")
    select.select([a], [], [], PATIENCE_S)
    a.close()
    select.select([c], [], [], PATIENCE_S)
    return attempt(c.recv, 1)


# ---- options ---------------------------------------------------------------------------------


@case
def options_read_back():
    s = tcp()
    out = []
    for level, opt, value in (
            (socket.SOL_SOCKET, socket.SO_REUSEADDR, 1),
            (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
            (socket.SOL_SOCKET, socket.SO_OOBINLINE, 1),
            (socket.SOL_SOCKET, socket.SO_PRIORITY, 3),
            (socket.IPPROTO_TCP, socket.TCP_NODELAY, 1),
            (socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 77),
            (socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 7),
            (socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 5),
            (socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, 9000),
            (socket.IPPROTO_TCP, socket.TCP_SYNCNT, 3), (socket.IPPROTO_TCP, socket.TCP_CORK, 1),
            (socket.IPPROTO_IP, socket.IP_TOS, 0x10), (socket.IPPROTO_IP, socket.IP_TTL, 33),
            (socket.SOL_SOCKET, socket.SO_RCVBUF, 50000)):
        s.setsockopt(level, opt, value)
        out.append(s.getsockopt(level, opt))
    return out


@case
def option_max_pacing_rate():
    """An unsigned int or an unsigned long; all ones is no bound."""
    s, rate = tcp(), 47
    out = [s.getsockopt(socket.SOL_SOCKET, rate, n) for n in (4, 8)]
    for value in (struct.pack("=I", 3000000000), struct.pack("=Q", 10000000001),
                  struct.pack("=I", 0xffffffff), struct.pack("=I", 0), b"\1\1"):
        out.append(attempt(s.setsockopt, socket.SOL_SOCKET, rate, value))
        out += [s.getsockopt(socket.SOL_SOCKET, rate, n) for n in (4, 8)]
    return out


@case
def options_refused():
    s = tcp()
    return [attempt(s.setsockopt, socket.IPPROTO_TCP, 200, 1), attempt(s.getsockopt, 999, 1),
            attempt(s.setsockopt, socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 0),
            attempt(s.setsockopt, socket.IPPROTO_TCP, socket.TCP_NODELAY, b"\1")]


@case
def option_linger():
    s = tcp()
    before = s.getsockopt(socket.SOL_SOCKET, socket.SO_LINGER, 8)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 3))
    return [before, s.getsockopt(socket.SOL_SOCKET, socket.SO_LINGER, 8)]


@case
def tcp_info():
    s = connected()
    info = s.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 104)
    return [len(info), info[0]]


# ---- datagrams -------------------------------------------------------------------------------


def udp():
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.settimeout(PATIENCE_S)
    return s


@case
def udp_sendto_recvfrom():
    s = udp()
    n = s.sendto(b"ping", (HOST, UDP))
    return [n, s.recvfrom(100) == (b"ping", (HOST, UDP)), s.getsockname()[1] > 0]


@case
def udp_connected():
    s = udp()
    s.connect((HOST, UDP))
    s.send(b"a")
    first = s.recv(10)
    os.write(s.fileno(), b"bb")
    select.select([s], [], [], PATIENCE_S)
    return [first, os.read(s.fileno(), 10), s.getpeername() == (HOST, UDP), s.getsockname()[0]]


@case
def udp_without_peer():
    s = udp()
    return [attempt(s.getpeername), attempt(s.sendmsg, [b"x"]), attempt(s.shutdown, 2)]


@case
def udp_refused():
    s = udp()
    s.connect((HOST, CLOSED))
    s.send(b"x")
    return [mask(s, select.POLLIN, PATIENCE_MS) != "-", attempt(s.recvfrom, 10)]


@case
def udp_truncated_and_peeked():
    s = udp()
    s.sendto(b"0123456789", (HOST, UDP))
    peeked = s.recvfrom(4, socket.MSG_PEEK)[0]
    full = s.recv_into(bytearray(4), 0, socket.MSG_TRUNC | socket.MSG_PEEK)
    msg = s.recvmsg(4)
    return [peeked, full, msg[0], bool(msg[2] & socket.MSG_TRUNC)]


@case
def udp_empty_datagram():
    s = udp()
    s.sendto(b"", (HOST, UDP))
    return s.recvfrom(10)[0]


def packet_info(s, room=200):
    """Where the next datagram was sent to, as ancillary data say; and whom to answer."""
    data, items, flags, peer = s.recvmsg(100, room)
    shown = []
    for level, kind, value in items:
        if level == socket.IPPROTO_IP and len(value) == 12:
            index, spec, to = struct.unpack("i4s4s", value)
            shown.append(("IPv4", kind, index, socket.inet_ntoa(spec), socket.inet_ntoa(to)))
        elif level == socket.IPPROTO_IPV6 and len(value) == 20:
            to, index = struct.unpack("16si", value)
            shown.append(("IPv6", kind, index, socket.inet_ntop(socket.AF_INET6, to)))
        else:
            shown.append((level, kind, len(value)))
    return (data, shown, flags), peer, items


IP_PKTINFO, IPV6_RECVPKTINFO = 8, 49


@case
def udp_where_it_was_sent_to():
    shown = []
    v4 = [(socket.IPPROTO_IP, IP_PKTINFO)]
    v6 = [(socket.IPPROTO_IPV6, IPV6_RECVPKTINFO)]
    for family, host, options, to in (
            (socket.AF_INET, "", v4, "127.0.0.1"), (socket.AF_INET, "127.0.0.1", v4, "127.0.0.1"),
            (socket.AF_INET6, "::", v6, "::1"), (socket.AF_INET6, "::1", v6, "::1"),
            (socket.AF_INET6, "::", v4 + v6, "127.0.0.1"), (socket.AF_INET6, "::", v4, "::1")):
        s = socket.socket(family, socket.SOCK_DGRAM)
        s.settimeout(PATIENCE_S)
        for level, option in options:
            s.setsockopt(level, option, 1)
        s.bind((host, 0))
        t = socket.socket(socket.AF_INET6 if ":" in to else socket.AF_INET, socket.SOCK_DGRAM)
        t.settimeout(PATIENCE_S)
        t.connect((to, s.getsockname()[1]))
        shown.append([s.getsockopt(*o) for o in options])
        for room in (200, 56, 40, 33, 31, 20, 15, 0):
            t.send(b"x")
            what, peer, items = packet_info(s, room)
            shown.append((to, room, what))
            s.sendmsg([b"answer"], items if room == 200 else [], 0, peer)
            shown.append(t.recv(100))
        s.setsockopt(*options[0], 0)
        t.send(b"y")
        shown.append(packet_info(s)[0])
    return shown


@case
def udp_many_in_order():
    s = udp()
    for i in range(30):
        s.sendto(b"%d" % i, (HOST, UDP))
    return [int(s.recvfrom(10)[0]) for _ in range(30)] == list(range(30))


@case
def udp_inside():
    a, b = udp(), udp()
    a.bind((HOST, 0))
    b.sendto(b"hi", a.getsockname())
    data, peer = a.recvfrom(10)
    a.sendto(b"yo", peer)
    return [data, peer[0], b.recvfrom(10) == (b"yo", a.getsockname())]


@case
def udp_nonblocking_and_timeout():
    s = udp()
    s.setblocking(False)
    first = attempt(s.recvfrom, 10)
    t = udp()
    t.settimeout(None)
    t.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack("ll", 0, 100000))
    return [first, attempt(t.recvfrom, 10)]


@case
def udp_mixed_native_reads_keep_addresses():
    s = udp()
    other = udp()
    other.bind((HOST, 0))
    s.bind((HOST, 0))
    other.sendto(b"1", s.getsockname())
    other.sendto(b"22", s.getsockname())
    select.select([s], [], [], PATIENCE_S)
    time.sleep(0.1)
    one = os.read(s.fileno(), 10)
    two = s.recvfrom(10)
    s.sendto(b"333", (HOST, UDP))
    three = s.recvfrom(10)
    return [one, two == (b"22", other.getsockname()), three == (b"333", (HOST, UDP))]


@case
def udp_reconnect_and_dissolve():
    import ctypes
    libc = ctypes.CDLL(None, use_errno=True)
    s = udp()
    s.connect((HOST, UDP))
    r = libc.connect(s.fileno(), b"\0" * 16, 16)
    return [r, attempt(s.getpeername), attempt(s.sendto, b"x", (HOST, UDP)), s.recvfrom(5)[0]]


@case
def getaddrinfo_of_localhost():
    return sorted({a[4][0] for a in socket.getaddrinfo("localhost", 80, socket.AF_INET)})


# ---- other families --------------------------------------------------------------------------


@case
def unix_sockets_are_native():
    a, b = socket.socketpair()
    a.sendmsg([b"x"])
    return [b.recvmsg(1)[0], a.getsockopt(socket.SOL_SOCKET, socket.SO_TYPE), a.getsockname()]


@case
def netlink_is_native():
    s = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0)
    s.bind((0, 0))
    s.send(struct.pack("=IHHII", 17, 18, 0x301, 1, 0) + b"\0")
    return len(s.recv(65536)) > 20


def main():
    chosen = sys.argv[7:]
    for fn in CASES:
        if chosen and fn.__name__ not in chosen:
            continue
        signal.alarm(0)
        try:
            result = fn()
        except Exception as e:  # a case that fails is a result, too
            result = "%s: %s" % (type(e).__name__, e)
        print(fn.__name__, "=", result, flush=True)


main()
