# SPDX-License-Identifier: MIT
"""What the kernel's tracepoints say of its TCP, with times on the clock of captures."""
import os
import re
import subprocess
import time

EVENTS = ("sock/inet_sock_set_state", "tcp/tcp_retransmit_skb", "tcp/tcp_send_reset", "tcp/tcp_receive_reset",
          "tcp/tcp_retransmit_synack")
# Where an event knows ports, those of other programs of this machine are left out: the buffer is small.
PORTS = "(sport >= 7000 && sport <= 7001) || (dport >= 7000 && dport <= 7001)"
LINE = re.compile(r"\s(\d+\.\d+): (\w+): (.*)$")
PAIR = re.compile(r"(\w+)=(\S+)")


class Tracer:
    """An instance of the tracer of its own: a context."""

    def __init__(self, name):
        self.root = next((r for r in ("/sys/kernel/tracing", "/sys/kernel/debug/tracing")
                          if os.path.exists(r + "/instances")), None)
        if self.root is None:
            self.root = "/sys/kernel/tracing"
            subprocess.run(["mount", "-t", "tracefs", "none", self.root], check=True, capture_output=True)
        self.path = f"{self.root}/instances/{name}"
        self.offset = time.time() - time.monotonic()

    def write(self, file, value):
        with open(f"{self.path}/{file}", "w", encoding="ascii") as f:
            f.write(value)

    def __enter__(self):
        os.mkdir(self.path)
        self.write("trace_clock", "mono")
        self.write("buffer_size_kb", "4096")
        for event in EVENTS:
            if os.path.exists(f"{self.path}/events/{event}"):
                try:
                    self.write(f"events/{event}/filter", PORTS)
                except OSError:
                    pass  # it has no ports of its own
                self.write(f"events/{event}/enable", "1")
        return self

    def __exit__(self, *_):
        for event in EVENTS:
            self.write(f"events/{event}/enable", "0")
        os.rmdir(self.path)

    def clear(self):
        self.write("trace", "")
        self.offset = time.clock_gettime(time.CLOCK_REALTIME) - time.clock_gettime(time.CLOCK_MONOTONIC)

    def lines(self, client, server):
        """Of these two addresses, in order: (time, side, local port, remote port, event, detail)."""
        out = []
        with open(f"{self.path}/trace", encoding="ascii", errors="replace") as f:
            for text in f:
                found = LINE.search(text)
                if found:
                    line = self.line(found, client, server)
                    if line:
                        out.append(line)
        return sorted(out, key=lambda line: float(line[0]))

    def line(self, found, client, server):
        at, event, rest = found.groups()
        fields = dict(PAIR.findall(rest))
        detail = ""
        if event == "tcp_send_reset":
            local, lport = split(fields.get("src", ""))
            _, rport = split(fields.get("dest", ""))
            detail = f"{fields.get('state', '')} {fields.get('reason', '')}"
        else:
            v6 = fields.get("family") == "AF_INET6"
            local = fields.get("saddrv6" if v6 else "saddr")
            lport, rport = fields.get("sport", "0"), fields.get("dport", "0")
        side = {client: "client", server: "server"}.get(local)
        if side is None and event == "inet_sock_set_state" and lport == "0":
            peer = fields.get("daddrv6" if v6 else "daddr")
            side = {client: "server", server: "client"}.get(peer)
        if side is None:
            return None
        if event == "inet_sock_set_state":
            if fields.get("protocol") != "IPPROTO_TCP":
                return None
            detail = f"{fields['oldstate']}->{fields['newstate']}".replace("TCP_", "")
        kind = {"inet_sock_set_state": "state", "tcp_retransmit_skb": "retransmit",
                "tcp_retransmit_synack": "retransmit_synack"}.get(event, event.replace("tcp_", ""))
        return f"{float(at) + self.offset:.6f}", side, lport, rport, kind, detail


def split(endpoint):
    """("10.0.0.1:80") or ("[fd00::1]:80")"""
    host, _, port = endpoint.rpartition(":")
    return host.strip("[]"), port or "0"


def verdict(lines):
    """(closer, close) of a run with one connection, as score.py's truth has them."""
    fins, ends, resets = {}, {}, {}
    for at, side, _, remote, event, detail in lines:
        if remote == "0" and event != "send_reset":
            continue
        if event == "state":
            if detail.endswith(("->FIN_WAIT1", "->LAST_ACK")):
                fins.setdefault(side, float(at))
            if detail in ("ESTABLISHED->FIN_WAIT1", "SYN_RECV->FIN_WAIT1"):
                ends[side] = "active"
        elif event == "send_reset":
            resets.setdefault(side, (float(at), detail))
    if resets and not fins:
        first = min(resets, key=lambda side: resets[side][0])
        reason = resets[first][1]
        if all("TCP_STATE" in reason for _, reason in resets.values()) and len(resets) == 2:
            return "mixed", "mixed"  # they crossed: which one passes first depends on the place
        if reason.startswith("UNKNOWN") or "NO_SOCKET" in reason:
            return ("server", "refused") if not any(d.endswith("->ESTABLISHED") for *_, d in lines) else \
                ("mixed", "mixed")
        return (first, "rst") if "KEEPALIVE" not in reason else (first, "mixed")
    if len(fins) == 2 and not resets:
        active = [side for side in fins if ends.get(side) == "active"]
        if len(active) == 1:
            return active[0], "fin"
        return "both", "simultaneous"
    return "mixed", "mixed"
