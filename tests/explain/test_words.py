#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What `lastack explain` says of captures by default, as somebody who knows nothing of them reads it.

usage: test_words.py LASTACK FOLDER          (FOLDER: captures of the kernel with known truths)
"""
import os
import re
import subprocess
import sys

# (capture, what is said, how often)
CASES = (
    ("port_scan.pcap", r"The same of #\d", None),
    ("close_simultaneous.pcap", r"[Bb]oth ends closed at the same time", 1),
    ("open_simultaneous.pcap", r"[Bb]oth ends (opened )?at (once|the same time)", 1),
    ("lost_fin_retransmitted.pcap", r"The FIN was sent \d times \((client|server)\)", 1),
    ("capture_missing_packets.pcap", r"octets were acknowledged and not captured", None),
    ("zero_window_recovers.pcap", r"because the other's window was shut", 1),
    ("throughput_limited_by_application.pcap", r"The client had nothing to send for \d+ % of its time", 1),
    ("syn_black_hole_backoff.pcap", r"The SYN was sent \d times, the second one after", 1),
    ("half_close_data_after_fin.pcap", r"It is open when the capture ends", 0),
)


def said(lastack, path):
    done = subprocess.run([lastack, "explain", path], capture_output=True, text=True, timeout=60, check=True)
    return re.sub(r"\s+", " ", done.stdout)


def main(lastack, folder):
    failed = False
    for name, words, times in CASES:
        n = len(re.findall(words, said(lastack, os.path.join(folder, name))))
        right = n == times or (times is None and n > 0)
        print(f"{'right' if right else 'wrong'} {name}: {n} times \"{words}\"")
        failed = failed or not right
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:3]))
