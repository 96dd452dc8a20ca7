#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What `lastack explain` says of what held senders of the kernel back, where that is known.

usage: test_limits.py LASTACK FOLDER          (FOLDER: tests/captures)
"""
import json
import os
import subprocess
import sys

FINDINGS = {"WINDOW_FULL", "SILLY_WINDOW", "SILLY_SEGMENT", "NAGLE_DELAYED_ACK"}
# (capture, what held the client back for most of its time, the findings about that)
CASES = (
    ("limits/rcvbuf16k_r20_d20.pcap.gz", "receiver", {"WINDOW_FULL"}),
    ("limits/path_r5_d10_q300.pcap.gz", "path", set()),
    ("limits/cwnd_r50_d20_loss.pcap.gz", "congestion", set()),
    ("limits/nagle_two_writes.pcap.gz", "application", {"NAGLE_DELAYED_ACK"}),
    ("limits/nodelay_two_writes.pcap.gz", "application", set()),
    ("limits/one_write.pcap.gz", "application", set()),
    ("kernel/throughput_limited_by_receiver_window.pcap", "receiver", {"WINDOW_FULL"}),
    ("kernel/throughput_limited_by_application.pcap", "application", set()),
    ("kernel/nagle_delayed_ack_stall.pcap", None, {"NAGLE_DELAYED_ACK"}),
    ("kernel/bulk_download.pcap", None, set()),
)
MOST = 0.6


def explain(lastack, path):
    done = subprocess.run([lastack, "explain", "-q", "--json", path], capture_output=True, text=True,
                          timeout=240, check=True)
    return json.loads(done.stdout)["connections"][0]


def judge(conn, limit, expected):
    """What is wrong, and a line about it."""
    us = conn["client_to_server"]["limits"]
    whole = sum(n or 0 for n in us.values()) or 1
    shares = {name[:-3]: (n or 0) / whole for name, n in us.items()}
    most = max(shares, key=shares.get)
    found = {f["id"]: f for f in conn["findings"] if f["id"] in FINDINGS}
    wrong = []
    if limit is not None and (most != limit or shares[most] < MOST):
        wrong.append(f"limit {limit}")
    if set(found) != expected:
        wrong.append(f"findings {sorted(expected)}")
    for f in found.values():
        if not (f["segments"] and f["section"] and f["count"] >= len(f["segments"])):
            wrong.append(f"{f['id']} without segments")
    return wrong, f"{most} {shares[most]:.0%}, {sorted(found) or 'no finding'}"


def main(lastack, folder):
    failed = False
    for name, limit, expected in CASES:
        wrong, line = judge(explain(lastack, os.path.join(folder, name)), limit, expected)
        print(f"{'wrong' if wrong else 'right'} {name}: {line}"
              f"{'; expected: ' + ', '.join(wrong) if wrong else ''}")
        failed = failed or bool(wrong)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:3]))
