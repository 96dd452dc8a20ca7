# SPDX-License-Identifier: MIT
"""A stream in which each octet depends on where it stands, sent and compared by either end."""
import random

PERIOD = 1048583  # a prime: no lost or doubled run of usual size goes unnoticed
CHUNK = 1 << 16


class Stream:
    """The same octets for the same seed, on both ends."""

    def __init__(self, seed):
        block = random.Random(seed).randbytes(PERIOD)
        self.octets = memoryview(block + block[:CHUNK])

    def at(self, n, length):
        off = n % PERIOD
        return self.octets[off:off + min(length, CHUNK)]


def send(sock, seed, length, start=0):
    """Sends `length` octets of the stream from octet `start` on."""
    stream, n, end = Stream(seed), start, start + length
    while n < end:
        n += sock.send(stream.at(n, end - n))
    return length


def receive(sock, seed, length, start=0):
    """Receives exactly `length` octets and compares each."""
    stream, n, end = Stream(seed), start, start + length
    while n < end:
        data = sock.recv(min(CHUNK, end - n))
        if not data:
            raise AssertionError(f"the stream ends behind {n} octets, not {end}")
        if data != stream.at(n, len(data)):
            raise AssertionError(f"wrong octets behind octet {n}")
        n += len(data)
    return length


def receive_all(sock, seed, length):
    """The same, and then the end of the stream."""
    receive(sock, seed, length)
    more = sock.recv(1)
    if more:
        raise AssertionError(f"{more!r} instead of the end of the stream")
    return length
