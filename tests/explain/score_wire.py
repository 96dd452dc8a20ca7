# SPDX-License-Identifier: MIT
"""What `lastack explain` counts in each direction, against what the wire carried and the kernels counted.

truth/make.py writes both: `passed` is what passed the tap's place, per client's port and side (passed.py),
`info` is TCP_INFO of both ends. A capture of a sender's own device shows what the kernel counted; elsewhere
the wire knows. More than there was is wrong; less is unknown, where the capture need not show all.
"""
import collections
import json

PORT = 7000
RTT_SLACK_US = 1000  # a tick of the timestamps, which kernel and tap need not see at one time
SIDES = ("a", "b")   # the client sends, the server sends
KINDS = {"tail_probe": ("TCPLossProbes",), "fast": ("TCPFastRetrans", "TCPLostRetransmit", "TCPSlowStartRetrans"),
         "rto": ("TCPTimeouts", "TCPSlowStartRetrans", "TCPLostRetransmit")}


def directions(conns):
    """{(client's port, side): [direction, ...]}; of a simultaneous open either end may be called client."""
    out = collections.defaultdict(list)
    for conn in conns:
        turned = conn["client"]["port"] == PORT
        port = conn["server" if turned else "client"]["port"]
        for side, way in zip(reversed(SIDES) if turned else SIDES, ("client_to_server", "server_to_client")):
            out[str(port), side].append(conn[way])
    return out


def is_sender(truth, side):
    return truth["capture_point"] == ("client" if side == "a" else "server")


def verdict(ours, low, high):
    return "right" if low <= ours <= high else "unknown" if ours < low else "wrong"


def passed(ours, truth):
    """{column: [(verdict, words)]}"""
    out = collections.defaultdict(list)
    for port, ways in json.loads(truth["passed"]).items():
        for side, there in ways.items():
            if is_sender(truth, side):
                continue
            mine = ours.get((port, side), [])
            again = sum(d["retransmissions"]["total"] for d in mine)
            copies = sum(d["network_duplicates"] for d in mine)
            late = sum(d["reordered"] for d in mine)
            spurious = sum(d["retransmissions"]["spurious"] for d in mine)
            n = there.get("again", 0)
            out["again, wire"].append((verdict(again, n, n), f"{port}{side} again: ours {again}, wire {n}"))
            n = there.get("repeats", 0)
            # What is a copy and what went again is one question; what is too much here, is missing there.
            high = n + there.get("again", 0) - again if again < there.get("again", 0) else n
            out["copies"].append((verdict(copies, n, high), f"{port}{side} copies: ours {copies}, wire {n}"))
            n = there.get("overtaken", 0)
            high = n + there.get("overtaken_again", 0)
            out["overtaken"].append((verdict(late, n, high), f"{port}{side} overtaken: ours {late}, wire {n}"))
            n = there.get("spurious", 0)
            out["spurious"].append((verdict(spurious, n, n), f"{port}{side} spurious: ours {spurious}, wire {n}"))
    return out


def kinds(ours, truth):
    """Why it went again, at the sender: no more of a kind than the kernel counted events of it."""
    out = []
    for side in SIDES:
        if not is_sender(truth, side):
            continue
        counters = json.loads(truth["kernel_client" if side == "a" else "kernel_server"])
        for kind, names in KINDS.items():
            n = sum(d["retransmissions"][kind] for (_, s), ds in ours.items() if s == side for d in ds)
            most = sum(counters.get(name, 0) for name in names)
            if n > 0:
                out.append(("right" if n <= most else "wrong", f"{side} {kind}: ours {n}, kernel {most}"))
    return out


def rtt(ours, truth):
    """The least round trip: the kernel's own, where the tap is at the sender."""
    out = []
    for end, ends in json.loads(truth["info"] or "{}").items():
        side = "a" if end == "client" else "b"
        for port, info in ends.items():
            mine = ours.get((port, side), [])
            if not is_sender(truth, side) or len(mine) != 1 or (mine[0]["rtt_us"] or {"samples": 0})["samples"] < 3:
                continue
            least, there = mine[0]["rtt_us"]["min"], info["min_rtt"]
            # The kernel's is that of its latest minutes, of a handshake as well, and of one ACK of several.
            close = least >= there - RTT_SLACK_US and least <= info["rtt"] * 4 + RTT_SLACK_US
            out.append(("right" if close else "wrong", f"{port}{side} least RTT: ours {least}, kernel {there}"))
    return out


def gaps(ours, truth):
    """A capture that nothing was taken out of has all that passed: what seems to be missing there, is not."""
    out = []
    for (port, side), ways in ours.items() if not truth["derived_from"] else ():
        n = sum(d["capture_gaps"] for d in ways)
        out.append(("right" if n == 0 else "wrong", f"{port}{side} gaps: ours {n}, wire 0"))
    return out


def zero_windows(ours, truth):
    """How often the receiver shut its window, by its kernel's counter, where the tap is at it. A window that the
    capture shows shut again, or that a device held back, need not be one of its own making."""
    out = []
    for side, kernel in (("a", "kernel_server"), ("b", "kernel_client")):
        if truth["derived_from"] or is_sender(truth, side) or truth["capture_point"] == "middle":
            continue
        n = sum(d["zero_windows"] for (_, s), ds in ours.items() if s == side for d in ds)
        there = json.loads(truth[kernel]).get("TCPToZeroWindowAdv", 0)
        if n or there:
            out.append((verdict(n, there, there), f"{side} window shut: ours {n}, kernel {there}"))
    return out


BUSY_US_MIN, MOST, LITTLE = 200000, 0.6, 0.05  # shares between the two are not judged
LIMITS = {"receiver_us": "rwnd_limited", "send_buffer_us": "sndbuf_limited"}


def limits(ours, truth):
    """What held a sender back while it had something in flight: its own kernel's chronometer, where the tap is at
    the sender. Most of the time, or next to none of it."""
    out = []
    for end, ends in json.loads(truth["info"] or "{}").items():
        side = "a" if end == "client" else "b"
        for port, info in ends.items():
            mine = ours.get((port, side), [])
            if not is_sender(truth, side) or truth["derived_from"] or len(mine) != 1 or info["busy"] < BUSY_US_MIN:
                continue
            for name, kernel in LIMITS.items():
                share, us = info[kernel] / info["busy"], mine[0]["limits"][name]
                if LITTLE < share < MOST:
                    continue
                expected = share >= MOST
                word = "unknown" if us is None else \
                    "right" if (us / info["busy"] >= MOST / 2) == expected else "wrong"
                out.append((word, f"{port}{side} {name}: ours {us}, kernel {info[kernel]} of {info['busy']}"))
    return out


COLUMNS = ("again, wire", "copies", "overtaken", "spurious", "kinds", "RTT", "gaps", "windows shut", "limits")


def judge(document, truth):
    """{column: (right, wrong, unknown, explanation)}"""
    out = {}
    # What is damaged on its way, or not for whom it seems to be, cannot be counted so.
    if not truth.get("passed") or truth["wire"] == "spoil" or truth["ground_truth"].startswith("flood"):
        return out
    ours = directions(document["connections"])
    verdicts = passed(ours, truth)
    for column, of in (("kinds", kinds), ("RTT", rtt), ("gaps", gaps), ("windows shut", zero_windows),
                       ("limits", limits)):
        verdicts[column] = of(ours, truth)
    for column, of in verdicts.items():
        counts = [sum(v == word for v, _ in of) for word in ("right", "wrong", "unknown")]
        out[column] = (*counts, [f"    {what}" for v, what in of if v == "wrong"])
    return out
