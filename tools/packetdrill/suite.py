#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A tree of packetdrill's scripts against lastack: what passes, folder by folder, and why not.

usage: suite.py [options] FOLDER-OR-SCRIPT...

Nothing of the host changes: commands that scripts run are those of tools/packetdrill, by PATH.
Lines between #ifdef and #endif count where the name was given with -D (FreeBSD's suite).
"""
import argparse
import collections
import concurrent.futures
import os
import pathlib
import re
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
NOTHING = ("ip", "tc", "ethtool", "nstat")
# FreeBSD's names of states in %{ }%, as packetdrill has them on Linux.
STATES = {"ESTABLISHED": "ESTABLISHED", "SYN_SENT": "SYN_SENT", "SYN_RECEIVED": "SYN_RECV",
          "FIN_WAIT_1": "FIN_WAIT1", "FIN_WAIT_2": "FIN_WAIT2", "TIME_WAIT": "TIME_WAIT",
          "CLOSED": "CLOSE", "CLOSE_WAIT": "CLOSE_WAIT", "LAST_ACK": "LAST_ACK",
          "LISTEN": "LISTEN", "CLOSING": "CLOSING"}
# FreeBSD's names of ICMP codes that Google's packetdrill knows by number.
CODES = {"ttl_exceeded_in_transit": "code_0", "frag_reass_exceeded": "code_1"}
# As Google's run_all.py has them: words for the module, and for packetdrill.
FAMILIES = {
    "ipv4": ("local=192.168.0.1", "--local_ip=192.168.0.1 --gateway_ip=192.168.0.1"
             " --netmask_ip=255.255.0.0 --remote_ip=192.0.2.1 -D TFO_COOKIE=3021b9d889017eeb"
             " -D CODE=host_unreachable -D CMSG_LEVEL_IP=SOL_IP -D CMSG_TYPE_RECVERR=IP_RECVERR"),
    "ipv6": ("local=fd3d:0a0b:17d6::1,mtu=1520", "--mtu=1520 --local_ip=fd3d:0a0b:17d6::1"
             " --gateway_ip=fd3d:0a0b:17d6:8888::1 --remote_ip=fd3d:fa7b:d17d::1"
             " -D TFO_COOKIE=c1d1e9742a47a9bc -D CMSG_LEVEL_IP=SOL_IPV6"
             " -D CMSG_TYPE_RECVERR=IPV6_RECVERR"),
}


def preprocessed(text, names):
    """What is left when `names` are defined."""
    out, shown = [], [True]
    for line in text.splitlines():
        word = line.split()
        if word[:1] in (["#ifdef"], ["#ifndef"]):
            shown.append(shown[-1] and (word[1] in names) == (word[0] == "#ifdef"))
            line = ""
        elif word[:1] == ["#else"] and len(shown) > 1:
            shown[-1] = shown[-2] and not shown[-1]
            line = ""
        elif word[:1] == ["#endif"] and len(shown) > 1:
            shown.pop()
            line = ""
        out.append(line if shown[-1] else "")
    text = re.sub(r"[./\w]*/set_sysctls\.py", "set_sysctls.py", "\n".join(out) + "\n")
    text = re.sub(r"\bTCPI_(%s)\b" % "|".join(STATES), lambda m: f"TCP_{STATES[m[1]]}", text)
    text = re.sub(r"\b(%s)\b" % "|".join(CODES), lambda m: CODES[m[1]], text)
    return re.sub(r"/tmp/sysctl_restore_\S+\.sh", "true", text)


def commands(folder):
    """The stand-ins, first in PATH."""
    for path in HERE.iterdir():
        if os.access(path, os.X_OK) and path.name not in ("suite.py", "compare.py", "nothing"):
            os.symlink(path, folder / path.name)
    for name in NOTHING:
        os.symlink(HERE / "nothing", folder / name)


def play(args, script):
    """(passed, what packetdrill said)"""
    version = re.search(r"--ip_version=(\S+)", script.read_text(errors="replace"))
    family = version.group(1) if version else args.family
    ours, words = FAMILIES.get(family, FAMILIES["ipv4"])
    with tempfile.TemporaryDirectory(prefix="lastack-pd-") as name:
        folder = pathlib.Path(name)
        commands(folder)
        text = preprocessed(script.read_text(errors="replace"), args.define)
        (folder / "script.pkt").write_text(text)
        (folder / "sysctls").touch()
        flags = f"profile={args.profile},sysctls={name}/sysctls,states={name}/states"
        if not version:
            flags += f",{ours}"
        flags += "".join(f",mtu={n}" for n in re.findall(r"^--mtu=(\d+)", text, re.MULTILINE))
        env = dict(os.environ, PATH=f"{name}:{os.environ['PATH']}", LD_PRELOAD=args.module,
                   PD_SYSCTLS=f"{name}/sysctls", PD_STATES=f"{name}/states")
        command = [args.packetdrill, f"--so_filename={args.module}",
                   f"--so_flags={','.join([flags, *args.flags])}"]
        given = set(re.findall(r"^(--\w+)=", text, re.MULTILINE))
        command += [] if version else [f"--ip_version={family}"]
        command += [] if version else [w for w in words.split() if w.split("=")[0] not in given]
        try:
            r = subprocess.run([*command, f"{name}/script.pkt"], cwd=script.parent, env=env,
                               capture_output=True, text=True, errors="replace", timeout=30)
        except subprocess.TimeoutExpired:
            return False, "no end"
        said = " | ".join((r.stderr + r.stdout).split("\n")).replace(f"{name}/script.pkt", "line")
        return r.returncode == 0, said.strip(" |")


def scripts_of(paths):
    """Those that the paths name, in their order."""
    scripts = sorted(s.resolve() for p in paths
                     for s in ([p] if p.is_file() else p.rglob("*.pkt")))
    if not scripts:
        sys.exit(f"{pathlib.Path(sys.argv[0]).name}: no scripts there")
    return scripts


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--packetdrill", required=True, help="the program")
    parser.add_argument("--module", default="build/src/packetdrill/liblastack-packetdrill.so")
    parser.add_argument("--profile", default="linux")
    parser.add_argument("--family", choices=sorted(FAMILIES), default="ipv4")
    parser.add_argument("--flags", action="append", default=[], help="more of --so_flags")
    parser.add_argument("-D", dest="define", action="append", default=[])
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--say", action="store_true", help="each script, and why it failed")
    parser.add_argument("path", nargs="+", type=pathlib.Path)
    args = parser.parse_args()
    args.module = str(pathlib.Path(args.module).resolve())
    args.packetdrill = str(pathlib.Path(args.packetdrill).resolve())
    scripts = scripts_of(args.path)
    root = os.path.commonpath([s.parent for s in scripts])
    counts = collections.defaultdict(lambda: [0, 0])
    with concurrent.futures.ThreadPoolExecutor(args.jobs) as pool:
        for script, (ok, said) in zip(scripts, pool.map(lambda s: play(args, s), scripts)):
            counts[os.path.relpath(script.parent, root)][not ok] += 1
            if args.say:
                print("pass" if ok else "FAIL", os.path.relpath(script, root), said[:900])
    for folder, (passed, failed) in sorted(counts.items()):
        print(f"{folder:44} {passed:4} passed {failed:4} failed")
    total = [sum(c[i] for c in counts.values()) for i in (0, 1)]
    print(f"{'together':44} {total[0]:4} passed {total[1]:4} failed")
    return 1 if total[1] else 0


if __name__ == "__main__":
    sys.exit(main())
