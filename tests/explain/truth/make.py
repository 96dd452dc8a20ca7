#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Captures of the real kernel, with what it did: new ones each time.

usage: make.py FOLDER [--runs N] [--seed S] [--jobs N] [--open KIND] [--end KIND] [--network KIND]

Needs root. For each run two namespaces, a bad network between them (wire.py) and programs that do
something with connections (play.py) are drawn at random. The folder gets captures at the client, at
the server and between, some that a script then cuts, thins or disorders, states/*.tsv (the
kernel's changes of state, retransmissions and RSTs) and truth.tsv, in the form that
tests/explain/score.py reads. `truth_closer` and `truth_close` are read from the kernel's own trace.
"""
import argparse
import json
import multiprocessing
import os
import random
import signal
import socket
import struct
import sys
import threading
import time

import derive
import meddle
import networks
import plans
import play
import trace
from segments import FIN, RST, layers

FIELDS = ("file", "capture_point", "truth_streams", "truth_closer", "truth_close", "kernel_retrans_client",
          "kernel_retrans_server", "kernel_client", "kernel_server", "wire", "derived_from", "states",
          "ground_truth", "hs_complete", "point", "artefact", "passed", "info", "meddler")
PORT = networks.PORT
IPPROTO_MPTCP, TCP_MD5SIG = 262, 14
HUNG_S = 300  # no run takes that long, however busy the machine is
AT_ONCE = ("several", "many", "flood")


def counters():
    """This thread's namespace: {name: number}."""
    out = {}
    for path in ("snmp", "netstat"):
        with open(f"/proc/thread-self/net/{path}", encoding="ascii") as f:
            lines = f.read().splitlines()
        for head, values in zip(lines[::2], lines[1::2]):
            if head.startswith(("Tcp:", "TcpExt:")):
                pre = "Tcp." if head.startswith("Tcp:") else ""
                out.update(zip((pre + w for w in head.split()[1:]), map(int, values.split()[1:])))
    return out


class Run:
    """All connections of one plan."""

    def __init__(self, network, plan):
        self.network, self.plan = network, plan
        self.af = socket.AF_INET if plan["family"] == 4 else socket.AF_INET6
        self.port = PORT
        self.counts, self.before, self.notes = {}, {}, []
        self.start = threading.Event()
        self.ready = threading.Barrier(3)
        self.kept = []

    def address(self, side):
        return self.network.addrs[side][self.plan["family"]]

    def client_port(self, i):
        return {"simultaneous": self.port + 1, "reuse": 33000}.get(self.plan["open"], 21000 + 13 * i)

    def socket(self, side):
        """One that is not bound yet, as the plan has them."""
        sock = socket.socket(self.af, socket.SOCK_STREAM, IPPROTO_MPTCP if self.plan["open"] == "mptcp" else 0)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if self.plan["open"] == "mptcp":
            return sock
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, self.plan["control"].encode())
        for option in self.plan["options"][side]:
            sock.setsockopt(*option)
        if self.plan["open"] == "md5":
            peer = socket.inet_pton(self.af, self.address("server" if side == "client" else "client"))
            at = struct.pack("=HH", self.af, 0) + (peer if self.af == socket.AF_INET else bytes(4) + peer)
            sock.setsockopt(socket.IPPROTO_TCP, TCP_MD5SIG, at.ljust(128, b"\0") +
                            struct.pack("=BBHi80s", 0, 0, 5, 0, b"of us"))
        return sock

    def note(self, side, i, player):
        self.notes.append({"side": side, "i": i, "error": player.error, "info": player.info,
                           "done": len(player.done), "port": self.client_port(i)})

    def thread(self, side, body):
        play.enter(self.network.names[side])
        before = self.before[side] = counters()
        self.ready.wait(30)
        try:
            body()
        except OSError as e:
            self.notes.append({"side": side, "i": None, "error": str(e)})
        self.ready.wait(120)
        time.sleep(self.plan["tail"])
        after = counters()
        self.counts[side] = {k: v - before.get(k, 0) for k, v in after.items() if v != before.get(k, 0)}
        self.ready.wait(30)

    def counters_now(self, side):
        """How often that end sent again, when the capture has ended."""
        out = []

        def body():
            play.enter(self.network.names[side])
            out.append(counters().get("Tcp.RetransSegs", 0) - self.before[side].get("Tcp.RetransSegs", 0))
        thread = threading.Thread(target=body)
        thread.start()
        thread.join()
        return out[0]

    def play_one(self, side, sock, i, meet):
        player = play.Player(sock, meet, self.network.command)
        player.play(self.plan["scripts"][i][side])
        player.note()
        self.note(side, i, player)
        self.kept.append(sock)  # what is still open stays so until the capture ends

    def in_parallel(self, calls, side):
        def body(call, args):
            play.enter(self.network.names[side])
            call(*args)
        threads = [threading.Thread(target=body, args=(call, args)) for call, *args in calls]
        for t in threads:
            t.start()
        for t in threads:
            t.join()

    def server(self):
        how, meets = self.plan["open"], self.meets
        if how in ("refused", "simultaneous"):
            if how == "simultaneous":
                sock = self.socket_bound("server", self.port)
                self.start.wait(10)
                sock.connect((self.address("client"), self.port + 1))
                self.play_one("server", sock, 0, meets[0])
            return
        listener = self.socket("server")
        if how != "mptcp":
            listener.setsockopt(socket.IPPROTO_TCP, play.TCP_FASTOPEN, 16)
        if how == "defer":
            listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_DEFER_ACCEPT, 3)
        listener.bind((self.address("server"), self.port))
        listener.listen(1 if how == "backlog" else 64)
        self.kept.append(listener)
        listener.settimeout(10)
        self.start.set()
        if how == "unaccepted":
            time.sleep(0.8)
            listener.close()
        if how in ("icmp", "filtered", "backlog", "unaccepted"):
            return
        calls = []
        for i in range(len(meets)):
            sock, peer = listener.accept()
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, i % 2)
            j = self.order[peer[1]] if how in AT_ONCE else i
            if how in AT_ONCE:
                calls.append((self.play_one, "server", sock, j, meets[j]))
                continue
            self.play_one("server", sock, i, meets[i])
        self.in_parallel(calls, "server")

    def socket_bound(self, side, port):
        sock = self.socket(side)
        sock.bind((self.address(side), port))
        sock.settimeout(12)
        return sock

    def scan(self):
        """Port after port, of which one has somebody."""
        for i in range(40):
            sock = self.socket("client")
            self.kept.append(sock)
            sock.settimeout(5)
            if sock.connect_ex((self.address("server"), self.port - 20 + i)) == 0:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                sock.close()

    def connect(self, i, meet):
        how, at = self.plan["open"], (self.address("server"), self.port)
        sock = self.socket_bound("client", self.client_port(i))
        try:
            if how == "fast-open":
                sock.sendto(b"first words", play.MSG_FASTOPEN, at)
            else:
                sock.connect(at)
        except OSError as e:
            self.notes.append({"side": "client", "i": i, "error": str(e)})
            self.kept.append(sock)
            return
        if how in ("backlog", "unaccepted"):
            self.kept.append(sock)
            try:
                sock.send(b"hello")
            except OSError:
                pass
            return
        if how == "closed-at-once":
            sock.close()
            return
        if how == "defer":
            time.sleep(self.plan["pause"])  # it speaks late, or too late
        self.play_one("client", sock, i, meet)

    def client(self):
        self.start.wait(10)
        calls = [(self.connect, i, meet) for i, meet in enumerate(self.meets)]
        if self.plan["open"] == "flood":
            time.sleep(0.6)
        if self.plan["open"] == "scan":
            self.scan()
            return
        if self.plan["open"] in AT_ONCE + ("backlog", "unaccepted"):
            self.in_parallel(calls, "client")
            return
        for call, *args in calls:
            call(*args)
            time.sleep(self.plan["pause"] if self.plan["open"] == "reuse" else 0.02)

    def carry_out(self):
        self.meets = [threading.Barrier(2) for _ in self.plan["scripts"]]
        self.order = {21000 + 13 * i: i for i in range(len(self.meets))}
        if self.plan["open"] in ("refused", "simultaneous"):
            threading.Timer(0.2, self.start.set).start()
        threads = [threading.Thread(target=self.thread, args=(side, getattr(self, side)), daemon=True)
                   for side in ("client", "server")]
        for t in threads:
            t.start()
        self.ready.wait(30)   # counters are read: go
        self.ready.wait(200)  # both are done
        self.ready.wait(30)   # counters are read again


def shows_end(path, close):
    """What ended it passed: a RST, or a FIN of either end, the one of who closed second as well."""
    fins, resets = set(), 0
    for _, frame in derive.read(path):
        where = layers(frame)
        if where is None:
            continue
        if frame[where[1] + 13] & FIN:
            fins.add(frame[where[1]:where[1] + 2])
        resets += frame[where[1] + 13] & RST != 0
    return len(fins) == 2 if close in ("fin", "half-close", "simultaneous") else bool(fins or resets)


def point_of(plan, place):
    """Where the analyser should find the tap. This wire itself takes a while: next to nothing is not told
    from little there."""
    if plan["device"] != "tap":
        return ""
    if place != "middle":
        return "near-" + place
    a, b = plan["hops"]["a"], plan["hops"]["b"]
    client, server = a[0]["delay"] + b[1]["delay"], a[1]["delay"] + b[0]["delay"]
    return "between" if min(client, server) > 0.3 * (client + server) else ""


def words(plan):
    """The plan in a line."""
    ends = ", ".join(f"{s['end']} by {s['by']}" for s in plan["scripts"][:3])
    rules = " ".join(f"{a}:{k}:{m}-{n}" for a, k, m, n in plan["drops"])
    off = " ".join(f"{side[0]}:{k[4:]}={v}" for side in plan["sysctl"] for k, v in plan["sysctl"][side].items()
                   if k in ("tcp_timestamps", "tcp_sack", "tcp_window_scaling", "tcp_ecn", "tcp_rmem",
                            "tcp_abort_on_overflow", "tcp_early_retrans"))
    meddler = " ".join(f"{k}={v}" for k, v in plan["meddler"].items() if v)
    network = plan["network"] if plan["device"] == "tap" else plan["device"]
    return f"{plan['open']}; {ends}; {plan['control']}; network {network} {rules}; {meddler}; IPv{plan['family']}" \
        f"{'; offload' if plan['offload'] else ''}; {off}"


def one_run(number, args, tracer):
    rng = random.Random(args.seed * 1000003 + number)
    plan = plans.plan(rng, args.open, args.end, args.network)
    plan["tail"] = 5 if "flood" in plan else rng.choice((0.2, 0.2, 0.2, 1.5, 5))
    name = f"r{number:04}_{plan['open']}_{plan['scripts'][0]['end']}"
    network = networks.KINDS[plan["device"]](number % 30000, plan, args.seed + number, args.folder, name)
    tracer.clear()
    run = Run(network, plan)
    try:
        run.carry_out()
        lines = tracer.lines(run.address("client"), run.address("server"))
        network.end()
        late = {side: run.counters_now(side) for side in ("client", "server")}
    finally:
        for sock in run.kept:
            sock.close()
        network.close()
    with open(os.path.join(args.folder, "states", name + ".tsv"), "w", encoding="utf-8") as f:
        f.write("# kernel truth: pcap_time side local_port remote_port event detail\n")
        f.writelines("\t".join(line) + "\n" for line in lines)
    with open(os.path.join(args.folder, name + ".notes.json"), "w", encoding="utf-8") as f:
        json.dump({"notes": run.notes, "counts": run.counts}, f, indent=1)
    plain = len(plan["scripts"]) == 1 and plan["open"] not in ("scan", "mptcp") and \
        plan["meddler"]["kind"] not in meddle.FORGED
    closer, close = trace.verdict(lines) if plain else ("mixed", "mixed")
    script = plan["scripts"][0]
    if script["end"] == "half_close" and (closer, close) == (script["by"], "fin"):
        close = "half-close"
    opened = sum(line[1] == "client" and line[5].endswith("->ESTABLISHED") for line in lines)
    def again(side, counts, derived):
        n = counts.get("Tcp.RetransSegs", 0)
        if plan["device"] == "lo":
            return ""  # both ends count together
        return n if not derived and late[side] == n else ""  # what went on went out of sight

    passed = {}
    if plan["device"] == "tap":
        with open(os.path.join(args.folder, name + ".passed.json"), encoding="utf-8") as f:
            passed = json.load(f)
    info = {side: {n["port"]: n["info"] for n in run.notes if n["side"] == side and n.get("info")}
            for side in ("client", "server")} if plan["open"] not in ("reuse", "mptcp") else {}
    rows = []
    for place in network.PLACES:
        for file, point, derived, artefact in derive.derive(rng, args.folder, name, place):
            c, s = run.counts.get("client", {}), run.counts.get("server", {})
            told = not derived and shows_end(os.path.join(args.folder, f"{name}.{place}.pcap"), close)
            rows.append({
                "file": file, "capture_point": point,
                "truth_streams": "-" if derived or plan["network"] == "spoil" or
                plan["open"] in ("reuse", "flood", "scan", "mptcp") else
                derive.streams_n(os.path.join(args.folder, f"{name}.{place}.pcap")),
                "truth_closer": closer if told else "mixed", "truth_close": close if told else "mixed",
                "kernel_retrans_client": again("client", c, derived),
                "kernel_retrans_server": again("server", s, derived),
                "kernel_client": json.dumps(c), "kernel_server": json.dumps(s),
                "wire": plan["network"] if plan["device"] == "tap" else plan["device"],
                "derived_from": file if derived else "", "states": f"states/{name}.tsv",
                "ground_truth": words(plan),
                "hs_complete": opened if place == "client" and not derived and "flood" not in plan else "",
                "point": point_of(plan, place), "artefact": artefact,
                "passed": json.dumps(passed[place]) if not derived and passed else "", "info": json.dumps(info),
                "meddler": plan["meddler"]["kind"] if plan["device"] == "tap" else "none"})
    return rows


def give_up(*_):
    raise TimeoutError(f"it hung for {HUNG_S} s")


def worker(jobs, results, args, number):
    signal.signal(signal.SIGALRM, give_up)
    with trace.Tracer(f"unseen-{os.getpid()}-{number}") as tracer:
        while (job := jobs.get()) is not None:
            signal.alarm(HUNG_S)
            try:
                out = one_run(job, args, tracer)
            except Exception as e:  # pylint: disable=broad-except
                out = repr(e)
            signal.alarm(0)
            results.put((job, out))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("folder")
    parser.add_argument("--runs", type=int, default=50)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=4)
    for word in ("open", "end", "network"):
        parser.add_argument("--" + word)
    args = parser.parse_args()
    if os.geteuid() != 0:
        sys.exit("make.py: needs root for network namespaces and the kernel's trace")
    os.makedirs(os.path.join(args.folder, "states"), exist_ok=True)
    jobs, results = multiprocessing.Queue(), multiprocessing.Queue()
    for i in range(args.first, args.first + args.runs):
        jobs.put(i)
    workers = [multiprocessing.Process(target=worker, args=(jobs, results, args, i)) for i in range(args.jobs)]
    for w in workers:
        jobs.put(None)
        w.start()
    with open(os.path.join(args.folder, "truth.tsv"), "w", encoding="utf-8") as f:
        f.write("\t".join(FIELDS) + "\n")
        for _ in range(args.runs):
            job, rows = results.get()
            if isinstance(rows, str):
                print(f"run {job}: {rows}", file=sys.stderr)
                continue
            for row in rows:
                f.write("\t".join(str(row[k]) for k in FIELDS) + "\n")
            f.flush()
    for w in workers:
        w.join()


if __name__ == "__main__":
    main()
