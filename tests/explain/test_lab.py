#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""On each capture of the lab `lastack explain` finds the transitions that the stacks themselves made.

usage: test_lab.py LASTACK [-v] [NAME...]

The stacks tell their changes of state (lab --json); the capture is taken at one end (lab --pcap). Of an
end's transitions the analyser may miss those that no segment shows, and only at the end of its
connection: time-outs, and what was closed without a word. It may invent none.
"""
import json
import os
import subprocess
import sys
import tempfile

import score

# What nothing on the wire shows.
SILENT = {"TIMEOUT_2MSL", "TIMEOUT_USER", "TIMEOUT_R2", "TIMEOUT_FIN_WAIT_2", "TIMEOUT_KEEPALIVE",
          "FORGET", "ABORT", "CLOSE", "RCV_RST", "RCV_RST_TO_LISTEN", "RCV_SYN_REUSE",
          "ICMP_HARD_ERROR", "RCV_FIN", "ACK_OF_SYN", "RCV_SYN", "RCV_SYN_ACK",
          "RCV_UNACCEPTABLE"}


def stack_steps(path):
    """{(local, remote): [[(from, to, event), ...] of each incarnation]}"""
    steps = {}
    with open(path, encoding="utf-8") as f:
        for line in f:
            e = json.loads(line)
            if e["kind"] != "STATE" or e["event"] == "OPEN_PASSIVE":
                continue
            lives = steps.setdefault((e["local"], e["remote"]), [])
            if e["event"] == "OPEN_ACTIVE" or e["from"] == "LISTEN" or not lives:
                lives.append([])
            lives[-1].append((e["from"], e["to"], e["event"]))
    return steps


def endpoint(at):
    return f"[{at['addr']}]:{at['port']}" if ":" in at["addr"] else f"{at['addr']}:{at['port']}"


def fits(ours, life):
    """Ours is a prefix, and the rest of the life is silent. A scenario of several parts is one capture,
    but the world of a part ends: who waited for an answer then seems to have given up."""
    if ours and ours[-1] == ("SYN-RECEIVED", "CLOSED") and life[-1][1] == "SYN-RECEIVED":
        ours = ours[:-1]
    theirs = [s[:2] for s in life]
    same = len(ours) <= len(theirs) and all(  # what is undecided is a set
        their in our.split("/") for mine, other in zip(ours, theirs) for our, their in zip(mine, other))
    return same and all(s[2] in SILENT for s in life[len(ours):])


def check(lastack, name, folder, verbose):
    capture, events = (os.path.join(folder, name + end) for end in (".pcapng", ".json"))
    subprocess.run([lastack, "lab", name, "--pcap", capture, "--json", events], check=False,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=240)
    steps = stack_steps(events)
    right, wrong = 0, []
    for conn in score.analyse(lastack, capture)["connections"]:
        client, server = endpoint(conn["client"]), endpoint(conn["server"])
        for end, key in (("client", (client, server)), ("server", (server, client))):
            ours = score.pairs(conn["steps"][end])
            lives = steps.get(key, [])
            if not lives:
                continue  # a peer made by hand, a cookie, or nobody: there is no truth
            if any(fits(ours, life) for life in lives):
                right += 1
            else:
                wrong.append(f"{name}: {end} {key[0]}: explain {score.show_ours(conn['steps'][end])}\n" +
                             "\n".join(f"    stack {score.show(life)}" for life in lives))
    if verbose:
        print(f"{name}: {right} right, {len(wrong)} wrong")
    return right, wrong


def main(argv):
    lastack, verbose = argv[1], "-v" in argv
    listing = subprocess.run([lastack, "lab"], capture_output=True, text=True, check=True).stdout
    names = [a for a in argv[2:] if a != "-v"] or [line.split()[0] for line in listing.split("\n\n")[0]
                                                   .split("\n") if line]
    right, wrong = 0, []
    with tempfile.TemporaryDirectory() as folder:
        for name in names:
            n, said = check(lastack, name, folder, verbose)
            right += n
            wrong += said
    print("\n".join(wrong))
    print(f"{len(names)} scenarios: {right} ends right, {len(wrong)} wrong")
    return 1 if wrong or right == 0 else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
