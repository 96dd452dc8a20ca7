#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""packetdrill with lastack's module against `lastack drill`: where they judge a script differently.

usage: compare.py --packetdrill PROGRAM [--lastack PROGRAM] [--profile P] [-D NAME] FOLDER-OR-SCRIPT...

Both play each script as suite.py does. A line for each that one passes and the other does not, with
what the other one says first, and the counts.
"""
import argparse
import collections
import concurrent.futures
import json
import os
import pathlib
import re
import subprocess
import sys

import suite


def drill(args, script):
    """(passed, what `lastack drill` said)"""
    words = suite.FAMILIES[args.family][1].split()
    options = [w for w in words if w.startswith(("--local_ip", "--remote_ip", "--mtu"))]
    names = [words[i + 1] for i, w in enumerate(words) if w == "-D"]
    if re.search(r"^--ip_version=", script.read_text(errors="replace"), re.MULTILINE):
        options = []
    else:
        options.append(f"--ip_version={args.family}")
    for name in [*names, *args.define]:
        options += ["-D", name]
    done = subprocess.run([args.lastack, "drill", "--json", *options, str(script)],
                          capture_output=True, text=True, errors="replace", timeout=60, check=False)
    try:
        said = json.loads(done.stdout)
    except json.JSONDecodeError:
        return False, (done.stderr + done.stdout).strip()
    if said["result"] == "passed":
        return True, ""
    parts = [f"line {said['line']}: {said['message']}", said["expected"], said["came"]]
    return False, " | ".join(p for p in parts if p)


def both(args, script):
    """The two verdicts, packetdrill's first."""
    return suite.play(args, script), drill(args, script)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--packetdrill", required=True, help="the program")
    parser.add_argument("--module", default="build/src/packetdrill/liblastack-packetdrill.so")
    parser.add_argument("--lastack", default="build/lastack")
    parser.add_argument("--profile", default="linux", help="of the module; drill recognises its own")
    parser.add_argument("--family", choices=sorted(suite.FAMILIES), default="ipv4")
    parser.add_argument("--flags", action="append", default=[], help="more of --so_flags")
    parser.add_argument("-D", dest="define", action="append", default=[])
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("path", nargs="+", type=pathlib.Path)
    args = parser.parse_args()
    for name in ("module", "packetdrill", "lastack"):
        setattr(args, name, str(pathlib.Path(getattr(args, name)).resolve()))
    scripts = suite.scripts_of(args.path)
    root = os.path.commonpath([s.parent for s in scripts])
    counts = collections.Counter()
    with concurrent.futures.ThreadPoolExecutor(args.jobs) as pool:
        for script, verdicts in zip(scripts, pool.map(lambda s: both(args, s), scripts)):
            (theirs, said), (ours, answer) = verdicts
            counts[theirs, ours] += 1
            if theirs != ours:
                who, why = ("drill", answer) if theirs else ("packetdrill", said)
                print(f"{os.path.relpath(script, root)}: {who} fails: {why[:300]}")
    print(f"{len(scripts)} scripts: {counts[True, True]} pass in both, {counts[True, False]} in packetdrill"
          f" alone, {counts[False, True]} in drill alone, {counts[False, False]} in neither")
    return 1 if counts[True, False] else 0


if __name__ == "__main__":
    sys.exit(main())
