#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A client that opens connections to an echo server without end, and compares every octet.

usage: client.py HOST PORT SECONDS PERIOD_S SEED

Each period prints a line: connections, octets, the median and the 99th percentile of the time that
one octet took there and back (microseconds), errors. At the end it closes everything, says "rest"
and waits for a line on standard input, so that somebody can look at what is left.
"""
import random
import socket
import struct
import sys
import threading
import time

THREADS_N = 4
TURN_S = 0.02  # so that ports in TIME-WAIT, of whichever end, do not run out
PATTERN = bytes(range(251)) * 1100
LOCK = threading.Lock()


class Figures:
    def __init__(self):
        self.conns, self.octets, self.errors, self.samples = 0, 0, 0, []

    def line(self):
        with LOCK:
            samples, self.samples = sorted(self.samples), []
        p50, p99 = (samples[len(samples) * p // 100] if samples else 0 for p in (50, 99))
        print(self.conns, self.octets, p50, p99, self.errors, flush=True)


def read_exactly(s, n):
    octets = bytearray()
    while len(octets) < n:
        data = s.recv(min(65536, n - len(octets)))
        if not data:
            raise ConnectionError("ended early")
        octets += data
    return bytes(octets)


def talk(address, rng, figures):
    """One connection: single octets, a block, and one of the endings."""
    with socket.create_connection(address, 60) as s:
        for _ in range(rng.randrange(1, 8)):
            began = time.monotonic_ns()
            s.sendall(b"x")
            if read_exactly(s, 1) != b"x":
                raise ValueError("an octet is wrong")
            with LOCK:
                figures.samples.append((time.monotonic_ns() - began) // 1000)
        size = rng.randrange(1 << rng.randrange(1, 18))
        s.sendall(PATTERN[:size])
        ending = rng.randrange(4)
        if ending == 0:  # a reset, with data under way
            s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            return size
        if ending == 1:
            s.shutdown(socket.SHUT_WR)
        if read_exactly(s, size) != PATTERN[:size]:
            raise ValueError("an octet is wrong")
        return size


def run(address, end, seed, figures):
    rng = random.Random(seed)
    while (began := time.monotonic()) < end:
        try:
            size = talk(address, rng, figures)
            with LOCK:
                figures.conns += 1
                figures.octets += size
        except (OSError, ValueError) as error:
            print(f"client: {error}", file=sys.stderr, flush=True)
            with LOCK:
                figures.errors += 1
        time.sleep(max(0, began + TURN_S - time.monotonic()))


def main(host, port, seconds, period, seed):
    figures = Figures()
    end = time.monotonic() + float(seconds)
    threads = [threading.Thread(target=run, args=((host, int(port)), end, int(seed) + i, figures))
               for i in range(THREADS_N)]
    for t in threads:
        t.start()
    line_at = time.monotonic() + float(period)
    while line_at < end:
        time.sleep(max(0, line_at - time.monotonic()))
        figures.line()
        line_at += float(period)
    for t in threads:
        t.join()
    figures.line()
    print("rest", flush=True)
    sys.stdin.readline()


if __name__ == "__main__":
    main(*sys.argv[1:])
