#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What `lastack explain` says of captures whose truth is known, column by column.

usage: score.py LASTACK FOLDER [-v] [NAME...]

FOLDER holds captures, truth.tsv (what was done) and states/*.tsv (each change of state of both sockets,
by the kernel's tracepoint). Habits of that tracepoint, which are undone here: the passive side's
LISTEN->SYN_RECV is logged with the third segment; TIME-WAIT is a socket of another kind, so that
FIN_WAIT2->CLOSE and CLOSING->CLOSE of an end whose FIN and whose peer's FIN were exchanged mean
TIME-WAIT; FIN_WAIT2 is passed through even when FIN and ACK come merged.
"""
import os
import subprocess
import sys

RFC = {"CLOSE": "CLOSED", "SYN_RECV": "SYN-RECEIVED", "FIN_WAIT1": "FIN-WAIT-1",
       "FIN_WAIT2": "FIN-WAIT-2"}
COLUMNS = ("streams", "closer", "close", "complete", "half-close", "RST cause", "transitions")
# What the kernel called the reason of a connection's first RST.
CAUSES = {"TCP_STATE": {"linger-abort"}, "TCP_ABORT_ON_CLOSE": {"unread-data"},
          "TCP_ABORT_ON_DATA": {"data-after-close"}, "TCP_KEEPALIVE_TIMEOUT": {"timeout"},
          "NO_SOCKET": {"refused", "data-after-close", "half-open-peer", "stray"}}


def rows(path):
    with open(path, encoding="utf-8") as f:
        head = f.readline().rstrip("\n").split("\t")
        for line in f:
            yield dict(zip(head, line.rstrip("\n").split("\t")))


def analyse(lastack, path):
    """The connections as dictionaries."""
    result = subprocess.run([lastack, "explain", path], capture_output=True, text=True,
                            errors="replace", timeout=60, check=False)
    conns = []
    for line in result.stdout.split("\n"):
        if line and line[0].isdigit() and "\t" in line:
            fields = line.split("\t")
            conn = dict(f.split("=", 1) for f in fields[3:])
            conn["ports"] = tuple(int(f.rsplit(":", 1)[1]) for f in fields[1:3])
            conn["steps"] = {"client": [], "server": []}
            conns.append(conn)
        elif " -> " in line:
            _, end, step, event, frame, certainty, _ = line.split("\t")
            a, b = step.split(" -> ")
            conns[-1]["steps"][end].append((a, b, event, frame, certainty))
    return conns


def kernel_steps(path):
    """{(side, local port, remote port): [[(from, to), ...] of each incarnation]}"""
    steps = {}
    with open(path, encoding="utf-8") as f:
        for line in f:
            fields = line.rstrip("\n").split("\t")
            if line.startswith("#") or len(fields) < 6 or fields[4] != "state" or fields[2] == "0":
                continue
            a, b = (RFC.get(s, s.replace("_", "-")) for s in fields[5].split("->"))
            if a == b:
                continue
            lives = steps.setdefault((fields[1], int(fields[2]), int(fields[3])), [])
            if a == "SYN-SENT" and (not lives or lives[-1] != [("CLOSED", "SYN-SENT")]):
                lives.append([("CLOSED", "SYN-SENT")])
            elif a in ("LISTEN", "CLOSED") or not lives:
                lives.append([])
            lives[-1].append((a, b))
    return steps


def kernel_causes(path):
    """{(local port, remote port): reason of the first RST that was sent}"""
    causes = {}
    with open(path, encoding="utf-8") as f:
        for line in f:
            fields = line.rstrip("\n").split("\t")
            if len(fields) >= 6 and fields[4] == "send_reset" and fields[3] != "0":
                pair = tuple(sorted((int(fields[2]), int(fields[3]))))
                causes.setdefault(pair, fields[5].split()[-1])
    return causes


def judge_causes(conns, path):
    causes = kernel_causes(path)
    right, wrong, unknown, said = 0, 0, 0, []
    for conn in conns:
        reason = causes.get(tuple(sorted(conn["ports"])))
        if reason is None or conn["reset"] in ("none", "injected"):
            continue  # the first RST was nobody's, or none decided anything
        if conn["reset"] == "unknown":
            unknown += 1
        elif conn["reset"] in CAUSES.get(reason, ()):
            right += 1
        else:
            wrong += 1
            said.append(f"    RST cause {conn['ports']}: ours {conn['reset']}, kernel {reason}")
    return right, wrong, unknown, said


def expected(life):
    """One incarnation as RFC 9293 draws it."""
    out = []
    for a, b in life:
        if a == "CLOSING" and b == "CLOSED":
            b = "TIME-WAIT"
        out.append((a, b))
    return out


def same(ours, life):
    """Equal, with the freedom that the tracepoint's habits leave."""
    a, b = list(ours), list(life)
    while a and b:
        if a[0] == b[0]:
            a.pop(0), b.pop(0)
        elif (a[0] == ("FIN-WAIT-1", "TIME-WAIT") and
              b[:2] == [("FIN-WAIT-1", "FIN-WAIT-2"), ("FIN-WAIT-2", "CLOSED")]):
            a.pop(0)
            b = b[2:]
        elif a[0] == ("FIN-WAIT-2", "TIME-WAIT") and b[0] == ("FIN-WAIT-2", "CLOSED"):
            a.pop(0), b.pop(0)
        else:
            return False
    return not a and not b


def undecided(ours):
    return any("/" in a or "/" in b for a, b in ours)


def judge_states(conns, path):
    """(right, wrong, unknown, explanation); unknown: right as far as it goes"""
    steps = kernel_steps(path)
    right, wrong, unknown, said = 0, 0, 0, []
    seen = {}
    for conn in conns:
        client, server = conn["ports"]
        n = seen[conn["ports"]] = seen.get(conn["ports"], -1) + 1
        for end, local, remote in (("client", client, server), ("server", server, client)):
            lives = steps.get((end, local, remote)) or steps.get(("both", local, remote)) or []
            life = expected(lives[n]) if n < len(lives) else []
            ours = [(a, b) for a, b, *_ in conn["steps"][end]]
            if not life:
                continue  # the tracepoint knows nothing of this end
            middle = conn["open"].startswith("mid-stream")
            if same(ours, life) or (middle and any(same(ours, life[i:]) for i in range(len(life)))):
                right += 1
            else:
                if undecided(ours) or any(same(ours, life[:i]) for i in range(len(life))):
                    unknown += 1
                else:
                    wrong += 1
                said.append(f"    {end} {local}: ours {show(conn['steps'][end])}\n"
                            f"    {' ' * len(end)} {local}: kernel {show(life)}")
    return right, wrong, unknown, said


def show(steps):
    return " ".join(f"{s[0]}>{s[1]}" + (f"@{s[3].split()[1]}{s[4][0]}" if len(s) > 2 else "")
                    for s in steps) or "-"


CLOSES = {
    "fin4": {"four-segment"}, "fin3": {"three-segment", "four-segment"},
    "fin": {"four-segment", "three-segment"}, "half-close": {"four-segment", "three-segment"},
    "simultaneous": {"simultaneous"}, "rst": {"reset"}, "fin-then-rst": {"fin-then-reset"},
    "refused": {"refused"}, "icmp": {"unreachable"}, "syn-timeout": {"syn-timeout"},
    "timeout": {"timeout"}, "half-open": {"half-open", "syn-timeout"}, "open": {"open"},
}


def judge(conns, truth):
    """{column: (right, wrong, what)}"""
    out = {}

    def say(column, ok, ours, theirs):
        out[column] = (int(ok), int(not ok), f"    {column}: ours {ours}, truth {theirs}")

    say("streams", len(conns) == int(truth["truth_streams"]), len(conns), truth["truth_streams"])
    if not conns:
        return out
    main = conns[0]
    close = truth["truth_close"]
    if truth["truth_closer"] in ("client", "server", "both", "none", "injected"):
        by = "third-party" if truth["truth_closer"] == "injected" else truth["truth_closer"]
        say("closer", main["by"] == by, main["by"], by)
    if close in CLOSES:
        say("close", main["close"] in CLOSES[close], main["close"], close)
        if close == "half-close":
            say("half-close", main["half-close"] == truth["truth_closer"], main["half-close"],
                truth["truth_closer"])
    if truth["hs_complete"].isdigit():
        ours = sum("incomplete" not in c["open"] and "mid" not in c["open"] for c in conns)
        say("complete", ours == int(truth["hs_complete"]), ours, truth["hs_complete"])
    return out


def main(argv):
    lastack, folder = argv[1:3]
    verbose = "-v" in argv
    names = [a for a in argv[3:] if a != "-v"]
    totals = {c: [0, 0, 0] for c in COLUMNS}
    for truth in rows(os.path.join(folder, "truth.tsv")):
        name = truth["file"]
        if names and not any(n in name for n in names):
            continue
        if truth["truth_closer"] in ("?", "-"):
            continue
        conns = analyse(lastack, os.path.join(folder, name))
        said = []
        for column, (right, wrong, what) in judge(conns, truth).items():
            totals[column][0] += right
            totals[column][1] += wrong
            said += [what] if wrong else []
        # With MPTCP the tracepoint logs the connection and its subflows, and not all of either.
        if truth["states"] and "MPTcp" not in truth["kernel_client"]:
            counts = judge_states(conns, os.path.join(folder, truth["states"]))
            for i in range(3):
                totals["transitions"][i] += counts[i]
            what = counts[3]
            said += what
        if truth["states"]:
            counts = judge_causes(conns, os.path.join(folder, truth["states"]))
            for i in range(3):
                totals["RST cause"][i] += counts[i]
            said += counts[3]
        if said and verbose:
            print(f"{name}: {truth['ground_truth']}")
            print("\n".join(said))
    for column in COLUMNS:
        right, wrong, unknown = totals[column]
        print(f"{column:12} right {right:5} wrong {wrong:5} unknown {unknown:5}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
