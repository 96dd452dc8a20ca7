# SPDX-License-Identifier: MIT
"""What needs no privilege: stack to stack in one process, idle connections, a program under `run`."""
import contextlib
import json
import os
import re
import shutil
import statistics
import subprocess
import tempfile

WAYS = {"checksums": [], "none": ["--no-checksum"], "super": ["--tso"]}
# Long moves count as one instruction per vector, not one per octet.
TUNABLES = ("glibc.cpu.x86_rep_movsb_threshold=1000000000:"
            "glibc.cpu.x86_rep_stosb_threshold=1000000000")
FEW_BYTES, MANY_BYTES = 4 << 20, 16 << 20
OCTETS_OF_REFERENCE = 1460


class Failed(Exception):
    """A benchmark did not end well; the text says which."""


def bench(program, *words):
    done = subprocess.run([program, "bench", *words, "--json"], capture_output=True, text=True,
                          check=False)
    if done.returncode != 0:
        raise Failed(f"lastack bench {' '.join(words)}: {done.stderr.strip()}")
    return json.loads(done.stdout)


def transfers(program, size, progress):
    """`bench mem` in its three ways, in turns: for each the run in the middle, by time."""
    runs = {way: [] for way in WAYS}
    for number in range(size.mem_rounds_n):
        progress(f"stack to stack, round {number + 1} of {size.mem_rounds_n}")
        for way, options in WAYS.items():
            runs[way].append(bench(program, "mem", str(size.mem_bytes), *options))
    progress("")
    return {way: statistics_of(found) for way, found in runs.items()}


def statistics_of(runs):
    runs.sort(key=lambda r: r["ns_per_1460"])
    middle = dict(runs[len(runs) // 2])
    middle["ns_per_1460_min"], middle["ns_per_1460_max"] = (runs[0]["ns_per_1460"],
                                                            runs[-1]["ns_per_1460"])
    return middle


def instructions(program):
    """Per 1460 octets and per segment with data, from runs of two sizes, so that what both do once
    cancels out. None without valgrind."""
    if shutil.which("valgrind") is None:
        return None
    found = []
    for size in (FEW_BYTES, MANY_BYTES):
        done = subprocess.run(["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null",
                               program, "bench", "mem", str(size), "--json"],
                              env=dict(os.environ, GLIBC_TUNABLES=TUNABLES), capture_output=True,
                              text=True, check=False)
        counted = re.search(r"Collected : (\d+)", done.stderr)
        if done.returncode != 0 or counted is None:
            raise Failed("valgrind could not run lastack bench mem")
        found.append((int(counted.group(1)), json.loads(done.stdout)["segments_data"]))
    (few, few_segments), (many, many_segments) = found
    return {"per_1460": (many - few) / (MANY_BYTES - FEW_BYTES) * OCTETS_OF_REFERENCE,
            "per_segment": (many - few) / (many_segments - few_segments)}


def conns(program, size):
    """Octets per idle connection, by family."""
    n = str(size.conns_n)
    return {"ipv4": bench(program, "conns", n), "ipv6": bench(program, "conns", n, "--ipv6")}


def records(program, size):
    """Octets of what stands for a connection that is half-open, or in TIME-WAIT."""
    n = str(size.conns_n)
    return {"half_open": bench(program, "half-open", n)["bytes_each"],
            "time_wait_ipv4": bench(program, "time-wait", n)["bytes_each"],
            "time_wait_ipv6": bench(program, "time-wait", n, "--ipv6")["bytes_each"]}


def flood(program, size):
    """SYNs in one process, 1000 connections among them: the run in the middle."""
    runs = [bench(program, "flood", str(size.flood_n)) for _ in range(size.mem_rounds_n)]
    return sorted(runs, key=lambda r: r["syns_per_s"])[len(runs) // 2]


# ---- a program under `run`

@contextlib.contextmanager
def server(folder):
    """Serves the folder by HTTP on loopback; the port."""
    with subprocess.Popen(["python3", "-u", "-m", "http.server", "--bind", "127.0.0.1",
                           "--directory", folder, "0"], stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL, text=True) as process:
        try:
            found = re.search(r" port (\d+) ", process.stdout.readline())
            if found is None:
                raise Failed("python3 -m http.server does not start")
            yield int(found.group(1))
        finally:
            process.kill()


def download_s(before, port, size_bytes):
    done = subprocess.run([*before, "curl", "-s", "-o", os.devnull, "-w",
                           "%{time_total} %{size_download}", f"http://127.0.0.1:{port}/file"],
                          capture_output=True, text=True, check=False)
    words = done.stdout.split()
    if done.returncode != 0 or len(words) != 2 or int(words[1]) != size_bytes:
        raise Failed(f"a download failed: {' '.join([*before, 'curl'])}: {done.stderr.strip()}")
    return float(words[0])


def downloads(program, size, progress):
    """Seconds, direct and through `lastack run`, in turns: the best of each. None without curl."""
    if shutil.which("curl") is None:
        return None
    direct, through = [], []
    with tempfile.TemporaryDirectory() as folder:
        with open(os.path.join(folder, "file"), "wb") as f:
            f.truncate(size.file_bytes)
        with server(folder) as port:
            for number in range(size.file_rounds_n):
                progress(f"curl, round {number + 1} of {size.file_rounds_n}")
                direct.append(download_s([], port, size.file_bytes))
                through.append(download_s([program, "run", "--"], port, size.file_bytes))
    progress("")
    return {"bytes": size.file_bytes, "direct_s": min(direct), "through_s": min(through)}
