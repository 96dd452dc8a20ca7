#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A program whose sockets another process uses: it runs under `lastack run`, the test does not.

Inside (`agent.py` without arguments), requests come on standard input and answers leave on standard
output. Outside, an Agent starts it, and `agent.socket()` and `agent.server()` give objects with the
calls of a Python socket. Whatever a call raises inside is raised outside.
"""
import pickle
import random
import socket
import struct
import subprocess
import sys
import threading

import octets

# What needs no round trip for each call: functions that get the sockets inside.


def serve_echo(listener, n):
    """Takes n connections, all before any ends, and sends back what each brings."""
    listener.settimeout(60)
    conns = [listener.accept()[0] for _ in range(n)]
    for conn in conns:
        conn.settimeout(60)
        while data := conn.recv(1 << 16):
            conn.sendall(data)
        conn.close()
    return n


def serve_echo_in_turn(listener, n):
    """The same with n connections one after another."""
    for _ in range(n):
        serve_echo(listener, 1)
    return n


def close_at_end(conn):
    """Closes as soon as the peer has."""
    if conn.recv(1):
        raise AssertionError("there is more before the end")
    conn.close()


def ask(address, n):
    """n connections at a time, each with a message of its own that comes back."""
    conns = [socket.create_connection(address, 60) for _ in range(n)]
    messages = [random.randbytes(1 + i * 37 % 4000) for i in range(n)]
    for conn, message in zip(conns, messages):
        conn.sendall(message)
        conn.shutdown(socket.SHUT_WR)
    for conn, message in zip(conns, messages):
        back = b""
        while data := conn.recv(4096):
            back += data
        conn.close()
        if back != message:
            raise AssertionError(f"{len(back)} octets came back for {len(message)}, or wrong ones")
    return n


def ask_in_turn(address, n):
    """n connections one after another."""
    for _ in range(n):
        ask(address, 1)
    return n


def both_ways(conn, out_seed, out_n, in_seed, in_n):
    """Sends and receives at once; the end of each direction is its FIN."""
    failed = []

    def write():
        try:
            octets.send(conn, out_seed, out_n)
            conn.shutdown(socket.SHUT_WR)
        except BaseException as error:  # pylint: disable=broad-except
            failed.append(error)

    conn.settimeout(60)
    writer = threading.Thread(target=write)
    writer.start()
    try:
        octets.receive_all(conn, in_seed, in_n)
    finally:
        writer.join()
    if failed:
        raise failed[0]


def await_data(conn):
    """Until there is something to read; leaves it there."""
    conn.recv(1, socket.MSG_PEEK)


def close_with_reset(conn):
    conn.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    conn.close()


def fill(conn, start=0):
    """Sends of stream 1 from octet `start` until nothing is taken for a second; where that is."""
    stream, n = octets.Stream(1), start
    conn.settimeout(1)
    try:
        while True:
            n += conn.send(stream.at(n, octets.CHUNK))
    except (TimeoutError, BlockingIOError):
        conn.settimeout(60)
        return n


# ---- the inside


def main():
    held, to, out = {}, sys.stdin.buffer, sys.stdout.buffer
    functions = dict(globals(), **vars(octets))
    while True:
        try:
            name, subject, args = pickle.load(to)
        except EOFError:
            return
        try:
            call = functions[name] if subject is None else getattr(held[subject], name)
            value = call(*[held[a.number] if isinstance(a, Reference) else a for a in args])
            if isinstance(value, tuple) and value and isinstance(value[0], socket.socket):
                value = value[0]  # of accept()
            if isinstance(value, socket.socket):
                held[id(value)] = value
                value = Reference(id(value))
            answer = (True, value)
        except Exception as error:  # pylint: disable=broad-except
            answer = (False, error)
        pickle.dump(answer, out)
        out.flush()


class Reference:
    """A socket inside, for both sides."""

    def __init__(self, number):
        self.number = number


def make_socket(family):
    return socket.socket(family)


def make_server(host, port, family, backlog):
    return socket.create_server((host, port), family=family, backlog=backlog)


# ---- the outside


class Agent:
    """Started by words before it: those of `lastack run` with its options."""

    def __init__(self, *words):
        self.process = subprocess.Popen(  # pylint: disable=consider-using-with
            [*words, "--", sys.executable, __file__],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.said = None

    def begin(self, name, subject, *args):
        """A call that the caller does not yet wait for."""
        pickle.dump((name, subject, args), self.process.stdin)
        self.process.stdin.flush()

    def end(self):
        """What the last call gave."""
        try:
            good, value = pickle.load(self.process.stdout)
        except EOFError:
            raise AssertionError("the agent has ended: " +
                                 self.process.communicate()[1].decode()) from None
        if not good:
            raise value
        return Remote(self, value) if isinstance(value, Reference) else value

    def call(self, name, *args):
        self.begin(name, None, *args)
        return self.end()

    def socket(self, family):
        return self.call("make_socket", family)

    def server(self, host, port, family, backlog=1000):
        return self.call("make_server", host, port, family, backlog)

    def close(self, seconds):
        """Lets it end, if it has not. What was said on standard error; the status. TimeoutExpired:
        the run does not end, because a connection is left."""
        if self.process.stdin is not None:
            self.process.stdin.close()
            self.process.stdin = None
            self.said = self.process.communicate(timeout=seconds)[1].decode()
        return self.said, self.process.returncode

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.communicate()


class Remote:
    """A socket inside."""

    def __init__(self, agent, reference):
        self.agent, self.reference = agent, reference

    def __getattr__(self, name):
        def call(*args):
            self.agent.begin(name, self.reference.number, *args)
            return self.agent.end()
        return call


def run(name, conn, *args):
    """One of the functions above, or of octets, where the socket is."""
    return start(name, conn, *args)()


def start(name, conn, *args):
    """The same in the background: call what it returns for the result. One at a time inside."""
    if isinstance(conn, Remote):
        conn.agent.begin(name, None, conn.reference, *args)
        return conn.agent.end
    result = []
    function = globals().get(name) or getattr(octets, name)

    def work():
        try:
            result.append((True, function(conn, *args)))
        except BaseException as error:  # pylint: disable=broad-except
            result.append((False, error))

    thread = threading.Thread(target=work, daemon=True)
    thread.start()

    def wait():
        thread.join()
        good, value = result[0]
        if not good:
            raise value
        return value
    return wait


if __name__ == "__main__":
    import agent  # classes that are pickled are those of this name, on both sides

    agent.main()
