#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Which congestion control `lastack explain` takes a sender to have: right, wrong and unknown.

usage: test_congestion.py LASTACK FOLDER

FOLDER holds captures of the kernel whose names begin with the control. The same is asked of our own
senders, as the lab's scenario has them. A wrong guess fails, and so do too few right ones.
"""
import collections
import glob
import json
import os
import subprocess
import sys
import tempfile

RIGHT_N_MIN = 6
# The parts of `lastack lab congestion`, in their order.
LAB = ("reno", "cubic", "cubic", "bbr", "reno", "reno")


def explain(lastack, path):
    done = subprocess.run([lastack, "explain", "-q", "--json", path], capture_output=True, text=True,
                          timeout=240, check=True)
    return json.loads(done.stdout)["connections"]


def cases(lastack, folder, place):
    """(name, truth, what is known of the sender's direction)"""
    for path in sorted(glob.glob(os.path.join(folder, "*.pcap.gz"))):
        name = os.path.basename(path)
        for conn in explain(lastack, path):
            yield name, name.split("_")[0], conn["client_to_server"]
    path = os.path.join(place, "lab.pcapng")
    subprocess.run([lastack, "lab", "congestion", "--pcap", path], stdout=subprocess.DEVNULL,
                   timeout=240, check=True)
    conns = explain(lastack, path)
    assert len(conns) == len(LAB), len(conns)
    for part, (truth, conn) in enumerate(zip(LAB, conns), 1):
        yield f"lab congestion, part {part}", truth, conn["client_to_server"]


def check_words(lastack, folder):
    """In words and in the table of figures stands what the JSON has."""
    path = os.path.join(folder, "cubic_r3_d10_q6_loss1.pcap.gz")
    way = explain(lastack, path)[0]["client_to_server"]
    sure = round(way["congestion_control"]["confidence"] * 100)
    done = subprocess.run([lastack, "explain", "-q", "--stats", "--width", "400", path],
                          capture_output=True, text=True, timeout=240, check=True)
    assert f"CUBIC's: after a loss it keeps {way['congestion_control']['kept_percent']} % " \
           f"(inferred, {sure} % sure)" in done.stdout, done.stdout
    rows = {line[2:28].strip(): line[28:].split() for line in done.stdout.split("\n")}
    assert rows["congestion control"] == ["cubic,", str(sure), "%", "sure", "-"], rows
    assert rows["rate of the path"][2] == "-", rows


def count(lastack, folder):
    """How many guesses are right, wrong and unknown, and a line for each."""
    counts, lines = collections.Counter(), []
    with tempfile.TemporaryDirectory(prefix="lastack-congestion-") as place:
        for name, truth, way in cases(lastack, folder, place):
            guess = way["congestion_control"]
            family, sure = guess["family"], guess["confidence"]
            what = ("unknown" if family == "unknown" else "right" if family == truth else "wrong")
            counts[what] += 1
            lines.append(f"{what:8} {name}: {family}, sure {sure}, {guess['losses']} losses keep "
                         f"{guess['kept_percent']} %, {guess['dips']} dips")
            assert (sure is None) == (family == "unknown") and 0 <= (sure or 0) < 1
            far = "at_receiver" in name
            assert far == (way["limits"]["path_us"] is None), name
    return counts, lines


def main(lastack, folder):
    check_words(lastack, folder)
    counts, lines = count(lastack, folder)
    print("\n".join(lines))
    print(f"control      right {counts['right']:5} wrong {counts['wrong']:5} "
          f"unknown {counts['unknown']:5}")
    return 1 if counts["wrong"] > 0 or counts["right"] < RIGHT_N_MIN else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:3]))
