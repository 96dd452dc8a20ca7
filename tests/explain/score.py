#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What `lastack explain` says of captures whose truth is known, column by column.

usage: score.py LASTACK FOLDER [-v] [NAME...]

FOLDER holds captures, truth.tsv (what was done) and states/*.tsv (each change of state of both sockets,
by the kernel's tracepoint). Captures of senders with a known congestion control are beside it, in
`congestion` (test_congestion.py). Exit status 1 when something is wrong that is not
excused below. Habits of that tracepoint, which are undone here: the passive side's
LISTEN->SYN_RECV is logged with the third segment; TIME-WAIT is a socket of another kind, so that
FIN_WAIT2->CLOSE and CLOSING->CLOSE of an end whose FIN and whose peer's FIN were exchanged mean
TIME-WAIT; FIN_WAIT2 is passed through even when FIN and ACK come merged.
"""
import collections
import json
import os
import subprocess
import sys

import score_file
import score_wire
import test_congestion

RFC = {"CLOSE": "CLOSED", "SYN_RECV": "SYN-RECEIVED", "FIN_WAIT1": "FIN-WAIT-1",
       "FIN_WAIT2": "FIN-WAIT-2"}
CLOCK_S = 0.001  # between the tracepoint's clock and the capture's
COLUMNS = ("streams", "closer", "close", "complete", "half-close", "RST cause", "transitions", "times",
           "again", "again, far", *score_file.COLUMNS, *score_wire.COLUMNS)
# What the kernel called the reason of a connection's first RST.
CAUSES = {"TCP_STATE": {"linger-abort"}, "TCP_ABORT_ON_CLOSE": {"unread-data"},
          "TCP_ABORT_ON_DATA": {"data-after-close"}, "TCP_KEEPALIVE_TIMEOUT": {"timeout"},
          "TCP_TIMEWAIT_SOCKET": {"data-after-close"}, "TCP_ABORT_ON_LINGER": {"linger-abort"},
          "NO_SOCKET": {"refused", "data-after-close", "half-open-peer", "stray"}}


def rows(path):
    with open(path, encoding="utf-8") as f:
        head = f.readline().rstrip("\n").split("\t")
        for line in f:
            yield dict(zip(head, line.rstrip("\n").split("\t")))


def analyse(lastack, path):
    """What `--json` says, with each end's transitions by themselves."""
    result = subprocess.run([lastack, "explain", "--json", path], capture_output=True, text=True,
                            errors="replace", timeout=120, check=False)
    document = json.loads(result.stdout)
    for conn in document["connections"]:
        conn["ports"] = (conn["client"]["port"], conn["server"]["port"])
        conn["steps"] = {"client": [], "server": []}
        for step in conn["transitions"]:
            conn["steps"][step["end"]].append(step)
    return document


def pairs(steps):
    """Transitions as (from, to); what is undecided as sets of both."""
    return [(name(s, "from"), name(s, "to")) for s in steps]


def name(step, which):
    return step[which] or "/".join(step["possible_" + which])


def kernel_steps(path):
    """{(side, local port, remote port): [[(from, to, time), ...] of each incarnation]}"""
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
            if a == "SYN-SENT" and (not lives or lives[-1][0][:2] != ("CLOSED", "SYN-SENT") or
                                    len(lives[-1]) > 1):
                lives.append([("CLOSED", "SYN-SENT", None)])
            elif a in ("LISTEN", "CLOSED") or not lives:
                lives.append([])
            lives[-1].append((a, b, float(fields[0])))
    return steps


def turned_round(conns, path):
    """In a simultaneous open the capture calls the end client whose SYN passed first."""
    with open(path, encoding="utf-8") as f:
        states = [line.rstrip("\n").split("\t") for line in f if "\tstate\t" in line]
    sides = {(side, int(local)) for _, side, local, *_ in states}
    return bool(conns) and all(("server", c["ports"][0]) in sides and ("client", c["ports"][0]) not in sides
                               for c in conns)


def turn_round(conn):
    """Names its ends as the truth does."""
    other = {"client": "server", "server": "client"}
    conn["ports"] = conn["ports"][::-1]
    for a, b, of in (("client", "server", conn), ("client", "server", conn["steps"]),
                     ("client_to_server", "server_to_client", conn)):
        of[a], of[b] = of[b], of[a]
    for of in filter(None, (conn["close"], conn["close"]["reset"], conn["half_close"])):
        of["by"] = other.get(of["by"], of["by"])


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
    pairs_n = collections.Counter(tuple(sorted(conn["ports"])) for conn in conns)
    for conn in conns:
        if pairs_n[tuple(sorted(conn["ports"]))] > 1:
            continue  # whose RST it was is not told
        reason = causes.get(tuple(sorted(conn["ports"])))
        reset = conn["close"]["reset"]
        if reason is None or reset is None or reset["cause"] in ("injected", "middlebox"):
            continue  # the first RST was nobody's, or none decided anything
        if reset["cause"] in CAUSES.get(reason, ()):
            right += 1
        elif "unknown" in (reset["cause"], reset["certainty"]):
            unknown += 1
        else:
            wrong += 1
            said.append(f"    RST cause {conn['ports']}: ours {reset['cause']}, kernel {reason}")
    return right, wrong, unknown, said


def expected(life):
    """One incarnation as RFC 9293 draws it: (from, to)."""
    return [(a, "TIME-WAIT" if (a, b) == ("CLOSING", "CLOSED") else b) for a, b, _ in life]


def judge_times(steps, life):
    """How many of the same transitions the kernel made when we say, and how many at another time. LISTEN
    and SYN-RECEIVED are logged late, TIME-WAIT is a socket of another kind."""
    right, wrong, said = 0, 0, []
    times = {(a, b): at for a, b, at in life if at is not None and a not in ("LISTEN", "FIN-WAIT-2")}
    for step in steps:
        at = times.get((step["from"], step["to"]))
        if at is None:
            continue
        early = step["earliest"] is not None and at < step["earliest"] - CLOCK_S
        late = step["latest"] is not None and at > step["latest"] + CLOCK_S
        wrong += early or late
        right += not (early or late)
        if early or late:
            said.append(f"    time of {step['end']} {step['from']}>{step['to']}@{step['frame']}"
                        f"{step['certainty'][0]}: ours {step['earliest']} to {step['latest']}, kernel {at}")
    return right, wrong, said


def unsent_fin(life):
    """The same where the FIN stayed in the queue until the connection was reset: no capture shows
    that CLOSE was called."""
    out = list(life)
    for before, after in (("ESTABLISHED", "FIN-WAIT-1"), ("CLOSE-WAIT", "LAST-ACK")):
        if out[-2:] == [(before, after), (after, "CLOSED")]:
            out[-2:] = [(before, "CLOSED")]
    return out


def same(ours, life):
    """Equal, with the freedom that the tracepoint's habits leave. A RST ends TIME-WAIT, too."""
    if ours[-1:] == [("TIME-WAIT", "CLOSED")]:
        ours = ours[:-1]
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


def right_as_seen(steps, life, middle):
    """As far as it was seen: what was inferred at the end may be what the network did not let happen.
    `middle`: the beginning was not captured."""
    ours = pairs(steps)
    while True:
        parts = (life[j:i] for i in range(len(life) + 1) for j in (range(i + 1) if middle else (0,)))
        if any(same(ours, part) for part in parts) or same(ours, unsent_fin(life)):
            return True
        if not ours or steps[len(ours) - 1]["certainty"] == "seen":
            return False
        ours.pop()


def wrong_in(name, said):
    """Something is wrong that is not excused."""
    return any(not line.startswith("    (") and line.split()[0].rstrip(":") not in EXCUSED.get(name, ())
               for line in said)


def undecided(ours):
    return any("/" in a or "/" in b for a, b in ours)


def crossing_unseen(conn, end, life):
    """It opened as well, and its SYN is not in the capture: its SYN,ACK looks like any other."""
    ours = pairs(conn["steps"][end])
    return life[:2] == [("CLOSED", "SYN-SENT"), ("SYN-SENT", "SYN-RECEIVED")] and \
        conn["open"]["kind"] == "three-way" and ours[:1] == [("LISTEN", "SYN-RECEIVED")]


def judge_states(conns, path):
    """(right, wrong, unknown, explanation, (right, wrong) of times); unknown: right as far as it
    goes"""
    steps = kernel_steps(path)
    right, wrong, unknown, said, times = 0, 0, 0, [], [0, 0, []]
    seen = {}
    for conn in conns:
        client, server = conn["ports"]
        n = seen[conn["ports"]] = seen.get(conn["ports"], -1) + 1
        for end, local, remote in (("client", client, server), ("server", server, client)):
            lives = steps.get((end, local, remote)) or steps.get(("both", local, remote)) or []
            life = expected(lives[n]) if n < len(lives) else []
            ours = pairs(conn["steps"][end])
            if not life:
                continue  # the tracepoint knows nothing of this end
            in_time = judge_times(conn["steps"][end], lives[n])
            times = [times[0] + in_time[0], times[1] + in_time[1], times[2] + in_time[2]]
            middle = conn["open"]["kind"] == "mid-stream"
            if crossing_unseen(conn, end, life):
                unknown += 1
                continue
            if same(ours, life) or (middle and any(same(ours, life[i:]) for i in range(len(life)))):
                right += 1
            else:
                right_so_far = undecided(ours) or right_as_seen(conn["steps"][end], life, middle)
                unknown += right_so_far
                wrong += not right_so_far
                mark = "(unknown) " if right_so_far else ""
                said.append(f"    {mark}{end} {local}: ours {show_ours(conn['steps'][end])}\n"
                            f"    {mark}{end} {local}: kernel {show(life)}")
    return right, wrong, unknown, said, times


def show(steps):
    return " ".join(f"{s[0]}>{s[1]}" for s in steps) or "-"


def show_ours(steps):
    return " ".join(f"{name(s, 'from')}>{name(s, 'to')}@{s['frame']}{s['certainty'][0]}"
                    for s in steps) or "-"


# What no capture can show, by column, with the reason. Anything else that is wrong fails the test.
EXCUSED = {
    # The sender's user time-out sends nothing: its next probe was not due yet when the peer sent RST.
    "zero_window_sender_gives_up.pcap": ("closer", "close", "time"),
}

CLOSES = {
    "fin4": {"four-segment"}, "fin3": {"three-segment", "four-segment"},
    "fin": {"four-segment", "three-segment"}, "half-close": {"four-segment", "three-segment"},
    "simultaneous": {"simultaneous"}, "rst": {"reset"}, "fin-then-rst": {"fin-then-reset"},
    "refused": {"refused"}, "icmp": {"unreachable"}, "syn-timeout": {"syn-timeout"},
    "timeout": {"timeout"}, "half-open": {"half-open", "syn-timeout"}, "open": {"open"},
}


def judge(conns, truth):
    """{column: (right, wrong, unknown, what)}"""
    out = {}

    def say(column, ok, ours, theirs, sure=True):
        out[column] = (int(ok), int(not ok and sure), int(not ok and not sure),
                       f"    {'' if sure else '(unknown) '}{column}: ours {ours}, truth {theirs}")

    if truth["truth_streams"].isdigit():
        say("streams", len(conns) == int(truth["truth_streams"]), len(conns), truth["truth_streams"])
    if not conns:
        return out
    main = conns[0]
    sure = main["close"]["certainty"] != "unknown"
    close = truth["truth_close"]
    if truth["truth_closer"] in ("client", "server", "both", "none", "injected"):
        by = "third-party" if truth["truth_closer"] == "injected" else truth["truth_closer"]
        say("closer", main["close"]["by"] == by, main["close"]["by"], by, sure)
    if close in CLOSES:
        kind, half = main["close"]["kind"], main["half_close"]
        say("close", kind in CLOSES[close], kind, close, sure)
        if close == "half-close":
            say("half-close", half is not None and half["by"] == truth["truth_closer"], half,
                truth["truth_closer"])
    if truth["hs_complete"].isdigit():
        ours = sum(c["open"]["complete"] for c in conns)
        say("complete", ours == int(truth["hs_complete"]), ours, truth["hs_complete"])
    return out


def judge_again(conns, truth):
    """{column: (right, wrong, unknown, explanation)}: what each end sent again, by the kernel's own
    counter. Near that end it must be the same; elsewhere some do not pass, and none may be
    invented."""
    out = {"again": [0, 0, 0, []], "again, far": [0, 0, 0, []]}
    for end, way in (("client", "client_to_server"), ("server", "server_to_client")):
        kernel = truth["kernel_retrans_" + end]
        if not kernel.isdigit() or (end == "server" and "SyncookiesSent" in truth["kernel_server"]):
            continue  # nobody counts the SYN,ACKs of whom the kernel has forgotten
        ours = sum(c[way]["retransmissions"]["total"] for c in conns)
        near = end in truth["capture_point"] or "loopback" in truth["capture_point"]
        column = out["again" if near else "again, far"]
        if ours == int(kernel):
            column[0] += 1
        elif not near and ours < int(kernel):
            column[2] += 1
        else:
            column[1] += 1
            column[3].append(f"    the {end} sent again: ours {ours}, kernel {kernel}")
    return out


def main(argv):
    lastack, folder = argv[1:3]
    verbose = "-v" in argv
    names = [a for a in argv[3:] if a != "-v"]
    totals = {c: [0, 0, 0] for c in COLUMNS}
    failed = False
    for truth in rows(os.path.join(folder, "truth.tsv")):
        name = truth["file"]
        if names and not any(n in name for n in names):
            continue
        if truth["truth_closer"] in ("?", "-"):
            continue
        document = analyse(lastack, os.path.join(folder, name))
        conns = document["connections"]
        if truth["states"] and turned_round(conns, os.path.join(folder, truth["states"])):
            for conn in conns:
                turn_round(conn)
        said = []
        for column, (*counts, what) in judge(conns, truth).items():
            for i in range(3):
                totals[column][i] += counts[i]
            said += [] if counts[0] else [what]
        # With MPTCP the tracepoint logs the connection and its subflows, and not all of either.
        if truth["states"] and "MPTcp" not in truth["kernel_client"]:
            counts = judge_states(conns, os.path.join(folder, truth["states"]))
            for i in range(3):
                totals["transitions"][i] += counts[i]
            what = counts[3]
            if not truth["derived_from"]:
                totals["times"][0] += counts[4][0]
                totals["times"][1] += counts[4][1]
                what += counts[4][2]
            said += what
        # With MPTCP each of its ways to give up is called the same (RFC 8684 3.5).
        if truth["states"] and "MPTcp" not in truth["kernel_client"]:
            counts = judge_causes(conns, os.path.join(folder, truth["states"]))
            for i in range(3):
                totals["RST cause"][i] += counts[i]
            said += counts[3]
        for column, counts in (*judge_again(conns, truth).items(), *score_file.judge(document, truth).items(),
                               *score_wire.judge(document, truth).items()):
            for i in range(3):
                totals[column][i] += counts[i]
            said += counts[3]
        wrong_here = wrong_in(name, said)
        failed = failed or wrong_here
        if said and (verbose or wrong_here):
            print(f"{name}: {truth['ground_truth']}")
            print("\n".join(said))
    beside = os.path.join(os.path.dirname(os.path.abspath(folder)), "congestion")
    if os.path.isdir(beside) and not names:
        counts, lines = test_congestion.count(lastack, beside)
        totals["control"] = [counts[what] for what in ("right", "wrong", "unknown")]
        failed = failed or counts["wrong"] > 0
        if verbose:
            print("congestion control:", *lines, sep="\n    ")
    for column in totals:
        right, wrong, unknown = totals[column]
        failed = failed or (right == 0 and column not in (*score_file.COLUMNS, *score_wire.COLUMNS))
        print(f"{column:12} right {right:5} wrong {wrong:5} unknown {unknown:5}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
