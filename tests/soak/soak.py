#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Connections for hours, over three kinds of wire, and whether anything grows or slows meanwhile.

usage: soak.py LASTACK SOAK_WIRE [--hours N | --seconds N] [--period N] [--no-latency]

Loads: `wire` (two stacks in one process, virtual time), `run` (a client under `lastack run`), `tun`
(the kernel as client of `lastack bench peer`; needs root). Each period adds a row per load. At the
end each is judged: memory and descriptors after the first half against the quarter before, which
lets it warm up; latency likewise; no error, and no connection left.
"""
import argparse
import os
import signal
import statistics
import subprocess
import sys
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "..", "run"), os.path.join(HERE, "..", "interop")]
PAGE_KIB = os.sysconf("SC_PAGE_SIZE") // 1024
COLUMNS = (("time s", 8), ("load", 6), ("connections", 13), ("MB", 10), ("p50 us", 9), ("p99 us", 9),
           ("RSS KiB", 10), ("fds", 5), ("errors", 8))
# What is still flat: allocators and the kernel's page cache of a process are not exact.
WARM_UP_S = 120
RSS_RATIO, RSS_SLACK_KIB, FDS_SLACK, LATENCY_RATIO, LATENCY_SLACK_US = 1.05, 1024, 4, 2.0, 2000


class Row:
    def __init__(self, conns, octets, p50, p99, errors, rss_kib, fds):
        self.conns, self.octets, self.p50, self.p99 = conns, octets, p50, p99
        self.errors, self.rss_kib, self.fds = errors, rss_kib, fds


class Load:
    """A process that prints a line per period; `watched` is the one whose memory counts."""
    name = ""

    def __init__(self, words, began):
        self.began, self.rows, self.left = began, [], []
        self.process = subprocess.Popen(  # pylint: disable=consider-using-with
            words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.watched = self.process.pid
        self.thread = threading.Thread(target=self.read)
        self.thread.start()

    def read(self):
        for line in self.process.stdout:
            if line == "rest\n":
                self.left = self.look()
                self.process.stdin.write("\n")
                self.process.stdin.flush()
            else:
                self.add(*map(int, line.split()))

    def add(self, conns, octets, p50, p99, errors):
        try:
            with open(f"/proc/{self.watched}/statm", encoding="ascii") as f:
                rss_kib = int(f.read().split()[1]) * PAGE_KIB
            fds = len(os.listdir(f"/proc/{self.watched}/fd"))
        except (OSError, IndexError):  # it has just ended
            rss_kib, fds = (self.rows[-1].rss_kib, self.rows[-1].fds) if self.rows else (0, 0)
        row = Row(conns, octets, p50, p99, errors, rss_kib, fds)
        self.rows.append(row)
        print_row(f"{time.monotonic() - self.began:.0f}", self.name, conns,
                  f"{octets / 1e6:.1f}", p50, p99, rss_kib, fds, errors)

    def look(self):
        """Connections beyond TIME-WAIT of the process that is watched."""
        end = time.monotonic() + 60
        while time.monotonic() < end:
            out = subprocess.run([ARGS.lastack, "ss", "-H", "-n", "-t", "--end", "all", "--pid",
                                  str(self.watched), "exclude", "time-wait", "exclude", "listening"],
                                 capture_output=True, text=True, check=False)
            if out.returncode == 0 and out.stdout == "":
                return []
            time.sleep(0.2)
        return out.stdout.splitlines() or [out.stderr]

    def stop(self):
        self.process.terminate()

    def close(self):
        self.thread.join()
        return self.process.wait()


class Wire(Load):
    name = "wire"

    def __init__(self, began):
        super().__init__([ARGS.soak_wire, str(ARGS.seconds), str(ARGS.period), "1"], began)

    def add(self, conns, octets, p50, p99, errors):
        # The last column is of connections that are under way, as they are during a round.
        super().add(conns, octets, p50, p99, 0)


class Run(Load):
    name = "run"

    def __init__(self, began):
        import servers  # pylint: disable=import-outside-toplevel
        self.server = servers.Server(servers.echo)
        super().__init__([ARGS.lastack, "run", "--linger", "30s", "--delay", "1ms", "--loss", "0.2%",
                          "--seed", "1", "--", *client_words("127.0.0.1", self.server.port)], began)

    def close(self):
        status = super().close()
        self.server.close()
        return status


class Tun(Load):
    name = "tun"

    def __init__(self, began, network):
        self.network = network.Network("tun")
        address = network.ADDRESSES[4].stack
        self.peer = network.Peer("tun", self.network, address)
        super().__init__(client_words(address, 5003), began)
        self.watched = self.peer.process.pid

    def close(self):
        status = super().close()
        said = self.peer.close()
        self.network.close()
        if said:
            print("tun:", said)
        return status or int(said != "")


def client_words(host, port):
    return [sys.executable, os.path.join(HERE, "client.py"), host, str(port), str(ARGS.seconds),
            str(ARGS.period), "1"]


def print_row(*values):
    print("".join(str(v).rjust(width) for v, (_, width) in zip(values, COLUMNS)), flush=True)


def judge(load, status):
    """What is wrong with it, as sentences."""
    n = len(load.rows)
    wrong = [f"it ended with status {status}"] if status != 0 else []
    if load.left:
        wrong.append(f"{len(load.left)} connections are left: {load.left[0]}")
    if n == 0:
        return wrong + ["it said nothing"]
    if load.rows[-1].errors:
        wrong.append(f"{load.rows[-1].errors} errors")
    if load.rows[-1].conns == 0:
        wrong.append("no connection was made")
    if n < 8 or ARGS.seconds < WARM_UP_S:
        return wrong  # too little to be compared
    before, after = load.rows[n // 4:n // 2], load.rows[n // 2:]
    rss = [statistics.median(r.rss_kib for r in rows) for rows in (before, after[len(after) // 2:])]
    if rss[1] > rss[0] * RSS_RATIO + RSS_SLACK_KIB:
        wrong.append(f"memory grew from {rss[0]:.0f} to {rss[1]:.0f} KiB")
    fds = [max(r.fds for r in rows) for rows in (before, after)]
    if fds[1] > fds[0] + FDS_SLACK:
        wrong.append(f"descriptors grew from {fds[0]} to {fds[1]}")
    for what in () if ARGS.no_latency else ("p50", "p99"):
        us = [statistics.median(getattr(r, what) for r in rows) for rows in (before, after)]
        if us[1] > us[0] * LATENCY_RATIO + LATENCY_SLACK_US:
            wrong.append(f"{what} of the latency grew from {us[0]:.0f} to {us[1]:.0f} us")
    return wrong


def start():
    import network  # pylint: disable=import-outside-toplevel
    network.LASTACK = ARGS.lastack
    began = time.monotonic()
    loads = [Wire(began), Run(began)]
    why = network.missing()
    if why is None:
        loads.append(Tun(began, network))
    else:
        print(f"tun: skipped, it {why}")
    return loads


def main():
    print_row(*(name for name, _ in COLUMNS))
    loads, status = start(), 0
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    try:
        for load in loads:
            load.thread.join()
    except (KeyboardInterrupt, SystemExit):
        for load in loads:
            load.stop()
        print("soak: interrupted")
    for load in loads:
        wrong = judge(load, load.close())
        print(f"{load.name}: {'; '.join(wrong) or 'flat, nothing left'}", flush=True)
        status |= int(bool(wrong))
    return status


def parse():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("lastack")
    parser.add_argument("soak_wire")
    parser.add_argument("--hours", type=float, default=8)
    parser.add_argument("--seconds", type=float)
    parser.add_argument("--period", type=float, default=60)
    parser.add_argument("--no-latency", action="store_true")
    args = parser.parse_args()
    if args.seconds is None:
        args.seconds = args.hours * 3600
    args.lastack = os.path.abspath(args.lastack)
    args.soak_wire = os.path.abspath(args.soak_wire)
    return args


if __name__ == "__main__":
    ARGS = parse()
    sys.exit(main())
