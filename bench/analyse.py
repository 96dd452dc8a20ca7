# SPDX-License-Identifier: MIT
"""`lastack explain` on captures of any size, beside tshark: packets for each second of CPU."""
import os
import shutil
import statistics
import subprocess
import tempfile
import time

from inside import Failed

KINDS = ("bulk", "short")
SNAP_BYTES = "96"
SAMPLE_S = 0.01
TSHARK = ("tshark", "-q", "-z", "io,stat,0,tcp.analysis.retransmission", "-r")


def make(load, kind, n, path):
    """How many packets it has."""
    program = os.path.join(os.path.dirname(load), "bench-captures")
    done = subprocess.run([program, kind, str(n), path, SNAP_BYTES], capture_output=True, text=True,
                          check=False)
    if done.returncode != 0:
        raise Failed(f"bench-captures {kind}: {done.stderr.strip()}")
    return int(done.stdout.split()[1])


def anonymous_kib(pid):
    """Of its own memory; pages of the file are the kernel's and not counted."""
    try:
        with open(f"/proc/{pid}/status", encoding="ascii") as f:
            return next((int(line.split()[1]) for line in f if line.startswith("RssAnon")), 0)
    except OSError:
        return 0


def run(words):
    """CPU seconds, the most anonymous memory that was seen, and seconds by the clock."""
    most = 0
    begin = time.monotonic()
    with subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        while True:
            most = max(most, anonymous_kib(process.pid))
            pid, status, usage = os.wait4(process.pid, os.WNOHANG)
            if pid != 0:
                break
            time.sleep(SAMPLE_S)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise Failed(f"{' '.join(words[:2])}: status {process.returncode}")
    return usage.ru_utime + usage.ru_stime, most / 1024, time.monotonic() - begin


def beside_itself_s(words):
    """Seconds by the clock until two such programs are done that were started together: what two
    cores of this machine give to work that shares nothing."""
    begin = time.monotonic()
    both = [subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            for _ in range(2)]
    statuses = [process.wait() for process in both]
    if any(statuses):
        raise Failed(f"{' '.join(words[:2])}: status {max(statuses)}")
    return time.monotonic() - begin


def by_rounds(ones, others):
    """The median of the rounds' ratios: a machine's clock swings."""
    return statistics.median(a / max(b, 1e-9) for a, b in zip(ones, others))


def measure(args, size, progress):
    results = {}
    with tempfile.TemporaryDirectory() as folder:
        for kind, n in zip(KINDS, (size.analysed_n, size.analysed_n // 16)):
            progress(f"explain: a capture, {kind}")
            path = os.path.join(folder, kind + ".pcap")
            packets = make(args.load, kind, n, path)
            words = {jobs: [args.lastack, "explain", "-q", "-n", "0", "--jobs", str(jobs), path]
                     for jobs in (1, 2)}
            found, pairs_s = {1: [], 2: []}, []
            for number in range(size.mem_rounds_n):
                progress(f"explain, {kind}, round {number + 1} of {size.mem_rounds_n}")
                for jobs, runs in found.items():
                    runs.append(run(words[jobs]))
                pairs_s.append(beside_itself_s(words[1]))
            cpu_s = {jobs: statistics.median(cpu for cpu, _, _ in runs)
                     for jobs, runs in found.items()}
            clock_s = {jobs: [clock for _, _, clock in runs] for jobs, runs in found.items()}
            results[kind] = {"packets": packets, "packets_per_s": packets / max(cpu_s[1], 1e-9),
                             "anonymous_mib": max(memory for _, memory, _ in found[1]),
                             "two_jobs_speedup": by_rounds(clock_s[1], clock_s[2]),
                             "two_programs_speedup": 2 * by_rounds(clock_s[1], pairs_s),
                             "two_jobs_cpu": cpu_s[2] / max(cpu_s[1], 1e-9)}
        results["tshark"] = beside(args, size, folder, progress)
    progress("")
    return results


def beside(args, size, folder, progress):
    """tshark on the smaller kind of the same; None without it."""
    if shutil.which("tshark") is None:
        return None
    progress("tshark")
    path = os.path.join(folder, "few.pcap")
    packets = make(args.load, "bulk", max(size.analysed_n // 20, 1000), path)
    cpu_s, memory, _ = run([*TSHARK, path])
    return {"packets": packets, "packets_per_s": packets / cpu_s, "anonymous_mib": memory}
