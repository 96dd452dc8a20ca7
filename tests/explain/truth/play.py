# SPDX-License-Identifier: MIT
"""What two programs do with a connection: scripts drawn at random, and the threads that play them.

A script is a list of steps for either end, `script(rng)` draws one; `Player` carries one end out in its namespace.
"""
import ctypes
import errno
import os
import select
import socket
import struct
import threading
import time

CLONE_NEWNET = 0x40000000
TCP_REPAIR, TCP_USER_TIMEOUT, TCP_INFO, TCP_FASTOPEN = 19, 18, 11, 23
MSG_FASTOPEN = 0x20000000
PATIENCE_S = 25
# Of struct tcp_info (include/uapi/linux/tcp.h): times of this sender in us, and what it counted.
INFO = {"state": ("B", 0), "rtt": ("I", 68), "total_retrans": ("I", 100), "min_rtt": ("I", 148),
        "busy": ("Q", 168), "rwnd_limited": ("Q", 176), "sndbuf_limited": ("Q", 184), "bytes_sent": ("Q", 200),
        "bytes_retrans": ("Q", 208), "dsack_dups": ("I", 216), "reord_seen": ("I", 220), "rcv_ooopack": ("I", 224)}


def enter(namespace):
    """Moves this thread into it."""
    with open(f"/run/netns/{namespace}", "rb") as f:
        if ctypes.CDLL(None, use_errno=True).setns(f.fileno(), CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), "setns")


# ---- one end -------------------------------------------------------------------------------------


class Player:
    """Steps of one end of one connection."""

    def __init__(self, sock, meet, command):
        self.sock, self.meet, self.command = sock, meet, command
        self.error, self.info, self.done = None, None, []

    def play(self, steps):
        self.sock.settimeout(PATIENCE_S)
        try:
            for name, *args in steps:
                getattr(self, name)(*args)
                self.done.append(name)
        except TimeoutError as e:
            self.error = errno.errorcode.get(e.errno, "patience")
        except OSError as e:
            self.error = errno.errorcode.get(e.errno, str(e.errno))
        except threading.BrokenBarrierError:
            self.error = "barrier"

    def note(self):
        """TCP_INFO, as long as the socket is there."""
        if self.sock.fileno() >= 0:
            try:
                raw = self.sock.getsockopt(socket.IPPROTO_TCP, TCP_INFO, 256)
            except OSError:
                return  # no socket of TCP alone
            self.info = {name: struct.unpack_from(form, raw, at)[0] for name, (form, at) in INFO.items()
                         if at + struct.calcsize(form) <= len(raw)}

    def send(self, n, piece=65536):
        while n > 0:
            n -= self.sock.send(b"\x55" * min(n, piece))

    def trickle(self, n, piece, pause):
        for _ in range(n):
            self.sock.sendall(b"\xaa" * piece)
            time.sleep(pause)

    def recv(self, n):
        while n > 0:
            data = self.sock.recv(min(n, 65536))
            if not data:
                raise OSError(errno.EPIPE, "early end")
            n -= len(data)

    def drink(self, n, piece, pause):
        """Reads slowly."""
        while n > 0:
            self.recv(min(n, piece))
            n -= piece
            time.sleep(pause)

    def eof(self):
        while self.sock.recv(65536):
            pass

    def wait(self, seconds):
        time.sleep(seconds)

    def together(self):
        self.meet.wait(PATIENCE_S)

    def shut(self, how):
        self.note()
        self.sock.shutdown(how)

    def close(self):
        self.note()
        self.sock.close()

    def abort(self):
        self.note()
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()

    def vanish(self):
        """The host has restarted: nothing is sent, nobody knows the connection."""
        self.note()
        self.sock.setsockopt(socket.IPPROTO_TCP, TCP_REPAIR, 1)
        self.sock.close()

    def option(self, level, name, value):
        self.sock.setsockopt(level, name, value)

    def urgent(self):
        self.sock.send(b"!", socket.MSG_OOB)

    def cut(self, sides):
        for side in sides:
            os.write(self.command, f"cut:{side} ".encode())

    def heal(self, sides):
        for side in sides:
            os.write(self.command, f"heal:{side} ".encode())

    def error_comes(self, seconds):
        poll = select.poll()
        poll.register(self.sock, select.POLLERR | select.POLLHUP)
        poll.poll(seconds * 1000)
        code = self.sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if code:
            raise OSError(code, "")


# ---- what is said ---------------------------------------------------------------------------------


def talk(rng):
    """Steps of (client, server) that leave nothing unread."""
    a, b = [], []
    for _ in range(rng.choice((0, 1, 1, 1, 2, 3))):
        kind = rng.choice(("up", "up", "down", "ask", "both", "trickle", "tiny", "slow", "pause"))
        n = rng.choice((1, 100, 1448, 3000, 20000, 60000, 150000, 300000))
        if kind == "up":
            a, b = a + [("send", n)], b + [("recv", n)]
        elif kind == "down":
            a, b = a + [("recv", n)], b + [("send", n)]
        elif kind == "both":
            n = min(n, 20000)
            a, b = a + [("send", n), ("recv", n)], b + [("send", n), ("recv", n)]
        elif kind == "slow":
            n = rng.choice((30000, 90000))
            a = a + [("send", n)]
            b = b + [("drink", n, rng.choice((300, 2000, 8000)), 0.01 if n < 50000 else 0.003)]
        elif kind == "pause":
            pause = rng.choice((0.3, 1.2, 3))
            a, b = a + [("send", 5000), ("wait", pause), ("send", 20000)], b + [("recv", 25000)]
        elif kind == "trickle":
            count, piece = rng.randrange(3, 20), rng.choice((10, 500, 2000))
            a = a + [("trickle", count, piece, rng.choice((0.001, 0.01, 0.04)))]
            b = b + [("recv", count * piece)]
        else:
            for _ in range(rng.randrange(1, 8)):
                m = rng.choice((1, 36, 600)) if kind == "tiny" else rng.choice((300, 8000))
                a = a + [("send", m), ("recv", 2 * m)]
                b = b + [("recv", m), ("send", 2 * m)]
    return a, b


# ---- how it ends ----------------------------------------------------------------------------------
# Each returns the steps of the end that ends it and of the other one, after a talk.


def end_orderly(rng):
    return [("close",)], [("eof",)] + rng.choice(([], [("wait", 0.1)], [("wait", 0.3)])) + [("close",)]


def end_shut(rng):
    return [("shut", 1), ("eof",), ("close",)], [("eof",), ("wait", rng.choice((0, 0.2))), ("close",)]


def end_half_close(rng):
    n = rng.choice((1, 500, 30000, 200000))
    pause = rng.choice((0, 0.05, 0.5, 2.5))
    return [("shut", 1), ("eof",), ("close",)], \
        [("eof",), ("wait", pause), ("send", n), ("wait", rng.choice((0, 0.3))), ("close",)]


def end_simultaneous(_):
    return [("together",), ("shut", 1), ("eof",), ("close",)], \
        [("together",), ("shut", 1), ("eof",), ("close",)]


def end_unread(rng):
    n = rng.choice((1, 700, 5000, 40000))
    say = [("send", 50)] if rng.random() < 0.5 else []
    return [("wait", rng.choice((0.3, 0.6, 1.5)))] + say + [("wait", rng.choice((0, 0.1, 0.4))), ("close",)], \
        [("send", n), ("error_comes", 5), ("eof",)]


def end_read_some(_):
    return [("recv", 1000), ("wait", 0.4), ("close",)], [("send", 9000), ("error_comes", 5)]


def end_abort(rng):
    return [("wait", rng.choice((0, 0.005, 0.1, 1.2))), ("abort",)], [("error_comes", 8), ("eof",)]


def end_abort_sending(rng):
    return [("send", rng.choice((30000, 200000))), ("abort",)], [("eof",), ("close",)]


def end_abort_receiving(rng):
    return [("recv", rng.choice((5000, 50000))), ("abort",)], [("send", 400000), ("close",)]


def end_late_data(rng):
    return [("close",)], [("wait", rng.choice((0.3, 0.9))), ("send", 100), ("wait", 0.3), ("send", 100),
                          ("close",)]


def end_close_while_receiving(_):
    return [("recv", 3000), ("close",)], [("send", 250000), ("close",)]


def end_fin_wait_2(rng):
    late = rng.choice(([("send", 10), ("wait", 0.5)], [("close",)], [("abort",)]))
    return [("close",)], [("wait", 4.5)] + late


def end_dead(rng):
    sides = rng.choice(("ab", "a", "b"))
    n = rng.choice((1, 5000, 60000))
    return [("cut", sides), ("send", n), ("error_comes", 15), ("close",)], \
        [("wait", rng.choice((1, 9))), ("abort",)] if rng.random() < 0.4 else [("wait", 12)]


def end_user_timeout(rng):
    return [("option", 6, TCP_USER_TIMEOUT, rng.choice((1500, 3000))), ("cut", "ab"), ("send", 3000),
            ("error_comes", 12)], [("wait", 10)]


def end_keepalive_dead(rng):
    sides = rng.choice(("ab", "a", "b"))
    return [("option", 1, socket.SO_KEEPALIVE, 1), ("option", 6, 4, 1), ("option", 6, 5, 1),
            ("option", 6, 6, 3), ("cut", sides), ("error_comes", 12)], [("wait", 9)]


def end_keepalive_alive(_):
    return [("option", 1, socket.SO_KEEPALIVE, 1), ("option", 6, 4, 1), ("option", 6, 5, 1),
            ("option", 6, 6, 3), ("wait", 3.5), ("close",)], [("eof",), ("close",)]


def end_vanish(rng):
    say = rng.choice(([("send", 300)], [("close",)], [("send", 300), ("close",)]))
    return [("vanish",)], [("wait", rng.choice((0.1, 1.6)))] + say + [("wait", 0.5)]


def end_zero_window(rng):
    n = rng.choice((40000, 90000))
    then = rng.choice(([("recv", n), ("eof",), ("close",)], [("close",)], [("abort",)], [("wait", 3)]))
    return [("send", n), ("close",)], [("wait", rng.choice((1, 2.8)))] + then


def end_zero_window_given_up(_):
    return [("option", 6, TCP_USER_TIMEOUT, 2500), ("send", 400000), ("error_comes", 10)], [("wait", 9)]


def end_open(_):
    return [("wait", 0.3)], [("wait", 0.3)]


def end_urgent(_):
    return [("send", 300), ("urgent",), ("send", 20), ("wait", 0.1), ("close",)], [("eof",), ("close",)]


def end_shut_rd(_):
    return [("shut", 0), ("wait", 0.4), ("close",)], [("send", 400), ("wait", 0.2), ("eof",), ("close",)]


def end_shut_both(_):
    return [("shut", 2), ("wait", 0.5), ("close",)], [("wait", 0.1), ("send", 10), ("wait", 0.2), ("close",)]


def end_path_back(_):
    """The path dies for a while, and comes back."""
    return [("cut", "ab"), ("send", 8000), ("wait", 1.3), ("heal", "ab"), ("wait", 1), ("close",)], \
        [("eof",), ("close",)]


def end_unread_then_fin(rng):
    """What comes next meets a FIN behind which more was unread."""
    return [("wait", 0.3), ("shut", 1), ("wait", 0.3), ("close",)], \
        [("send", rng.choice((10, 3000))), ("eof",), ("wait", 0.6), ("send", 10), ("close",)]


def end_close_both_at_once(_):
    return [("together",), ("close",)], [("together",), ("close",)]


def end_abort_both(_):
    return [("together",), ("abort",)], [("together",), ("abort",)]


def end_abort_after_fin(rng):
    """It closes, and gives up while its peer goes on."""
    return [("shut", 1), ("wait", rng.choice((0.02, 0.3))), ("abort",)], \
        [("trickle", 20, 200, 0.05), ("close",)]


ENDS = {name[4:]: f for name, f in list(globals().items()) if name.startswith("end_")}
CALM = {"orderly", "shut", "half_close", "abort", "unread", "late_data"}  # for several at a time
AGAIN = CALM | {"vanish", "close_both_at_once", "abort_after_fin"}  # before the same ports come again
# What needs a path that can be cut.
CUTS = {"dead", "user_timeout", "keepalive_dead", "path_back"}


def script(rng, name=None):
    """{"end": name, "by": side, "client": steps, "server": steps}"""
    name = name or rng.choice(sorted(ENDS))
    a, b = talk(rng)
    first, second = ENDS[name](rng)
    by = rng.choice(("client", "server"))
    if by == "server":
        first, second = second, first
    return {"end": name, "by": by, "client": a + first, "server": b + second}
