# SPDX-License-Identifier: MIT
"""What a run is: a network, what stands in it, the settings of both ends and what they do, drawn at random."""
import meddle
import play
from play import script

def hop(rng, kind):
    h = {"delay": rng.choice((0.0002, 0.001, 0.005, 0.02, 0.05))}
    if kind in ("loss", "bad"):
        h["loss"] = rng.choice((0.005, 0.02, 0.05, 0.1))
    if kind in ("burst", "bad"):
        h["burst"] = rng.choice((0.002, 0.01))
    if kind in ("reorder", "bad"):
        h["reorder"] = rng.choice((0.01, 0.05, 0.2))
    if kind in ("repeat", "bad"):
        h["repeat"] = rng.choice((0.01, 0.1))
    if kind in ("spoil",):
        h["spoil"] = rng.choice((0.01, 0.05))
    if kind in ("jitter", "bad"):
        h["jitter"] = rng.choice((0.002, 0.02))
    if kind == "rate":
        h["rate"], h["queue"] = rng.choice((60000, 250000, 1250000)), rng.choice((5, 20, 100))
    return h


KINDS = ("clean",) * 4 + ("loss", "loss", "burst", "reorder", "repeat", "spoil", "jitter", "rate", "bad")
OPENS = ("plain",) * 14 + ("fast-open", "fast-open", "refused", "icmp", "filtered", "simultaneous", "simultaneous",
                           "reuse", "reuse", "reuse", "backlog", "several", "several", "many", "closed-at-once",
                           "flood", "flood", "defer", "unaccepted", "mptcp", "md5", "scan")
# "tap" is a bad network; the others are the kernel's own devices, which are next to perfect.
DEVICES = ("tap",) * 9 + ("veth", "lo")


def sysctls(rng):
    s = {"tcp_syn_retries": 2, "tcp_synack_retries": 3,
         "tcp_retries2": rng.choice((3, 5)), "tcp_fin_timeout": rng.choice((2, 60)),
         "tcp_fastopen": rng.choice((3, 3, 3, 1, 0)),
         "tcp_orphan_retries": rng.choice((0, 2)), "tcp_tw_reuse": 1, "ip_local_port_range": "20000 29000"}
    for name, odds in (("tcp_timestamps", 0.25), ("tcp_sack", 0.2), ("tcp_window_scaling", 0.15)):
        if rng.random() < odds:
            s[name] = 0
    if rng.random() < 0.25:
        s["tcp_ecn"] = 1
    if rng.random() < 0.15:
        s["tcp_rmem"] = "4096 8192 16384"
    if rng.random() < 0.1:
        s["tcp_abort_on_overflow"] = 1
    for name, value in (("tcp_early_retrans", 0), ("tcp_dsack", 0), ("tcp_recovery", 0), ("tcp_frto", 0),
                        ("tcp_mtu_probing", 1), ("tcp_rfc1337", 1), ("tcp_slow_start_after_idle", 0),
                        ("tcp_wmem", "4096 8192 16384"), ("tcp_autocorking", 0)):
        if rng.random() < 0.08:
            s[name] = value
    return s


def options(rng):
    """Of a socket, before it connects or listens: (level, name, value)."""
    out = []
    for level, name, values in ((6, 2, (300, 1000)),            # TCP_MAXSEG
                                (1, 8, (3000, 20000, 300000)),  # SO_RCVBUF
                                (1, 7, (5000, 60000)),          # SO_SNDBUF
                                (6, 10, (2000, 30000)),         # TCP_WINDOW_CLAMP
                                (1, 47, (200000, 2000000))):    # SO_MAX_PACING_RATE
        if rng.random() < 0.07:
            out.append((level, name, rng.choice(values)))
    return out


def scripts(rng, how, device, end):
    n = {"several": rng.randrange(3, 9), "flood": rng.randrange(3, 9), "backlog": rng.randrange(3, 6),
         "unaccepted": rng.randrange(1, 4), "many": rng.randrange(15, 30), "reuse": 2, "fast-open": 2}.get(how, 1)
    kinds = play.AGAIN if how == "reuse" else play.CALM if n > 1 or how == "mptcp" else \
        set(play.ENDS) - play.CUTS if device != "tap" else set(play.ENDS)
    return [script(rng, end or rng.choice(sorted(kinds))) for _ in range(n)]


def plan(rng, opens=None, end=None, network=None):
    how = opens or rng.choice(OPENS)
    kind, family = network or rng.choice(KINDS), rng.choice((4, 4, 6))
    device = "tap" if network or how in ("flood", "icmp", "filtered") else rng.choice(DEVICES)
    if device == "lo" and how == "refused":
        device = "veth"
    offload = rng.random() < 0.35
    out = {"open": how, "family": family, "device": device, "offload": offload, "network": kind,
           "gathers": offload and kind != "spoil" and rng.random() < 0.5,
           "hops": {side: [hop(rng, kind if rng.random() < 0.7 else "clean") for _ in range(2)]
                    for side in "ab"},
           "drops": [], "icmp": None, "control": rng.choice(("cubic", "cubic", "reno", "bbr")),
           "pause": rng.choice((0.02, 1.3, 1.3, 3)),
           "mtu": {side: rng.choice((1500,) * 6 + (1280, 9000) + ((576,) if family == 4 else ()))
                   for side in ("client", "server")},
           "options": {side: options(rng) for side in ("client", "server")},
           "meddler": meddle.draw(rng, family, kind), "sysctl": {"client": sysctls(rng), "server": sysctls(rng)}}
    for side in "ab":  # one of the two hops is next to nothing, as where the capture is at an end
        out["hops"][side][rng.randrange(2)]["delay"] = 0.0002
    if rng.random() < 0.2:
        first = rng.randrange(1, 4)
        kind = rng.choice(("syn", "fin", "ack", "text", "rst"))
        out["drops"] = [(rng.choice("ab"), kind, first, first + rng.randrange(2))]
    out["scripts"] = scripts(rng, how, device, end)
    if how == "icmp":
        out["icmp"] = rng.choice(((3, 1), (3, 3), (3, 13)) if out["family"] == 4 else ((1, 1), (1, 3), (1, 4)))
    if how == "filtered":
        out["drops"] = [("a", "syn", 1, 99)]
    if how == "flood":
        out["flood"] = {"n": rng.choice((200, 600)), "rate": rng.choice((150, 400)),
                        "sources": rng.choice((1, 50, 5000))}
        out["sysctl"]["server"].update(tcp_syncookies=rng.choice((0, 1, 2)),
                                       tcp_max_syn_backlog=rng.choice((64, 4096)))
    return out
