# SPDX-License-Identifier: MIT
"""Runs bench/bench.py in its smallest size and reads what it says."""
import json
import os
import subprocess
import sys
import tempfile

BENCH = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "bench")
sys.path.insert(0, BENCH)


def run(programs, part, *options):
    """Results, output and process id; fails when something could not be measured."""
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "bench.json")
        with subprocess.Popen([sys.executable, os.path.join(BENCH, "bench.py"), *programs,
                               "--size", "smoke", "--part", part, "--json", path, *options],
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
            output, errors = process.communicate()
        if process.returncode != 0:
            raise AssertionError(f"status {process.returncode}: {errors}{output}")
        with open(path, encoding="utf-8") as f:
            return json.load(f), output, process.pid
