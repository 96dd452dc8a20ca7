#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""`lastack sim`: 200,000 connections without a broken law, with all that can be exercised; each bug that
was found; a lie is found, made small and shown; mistakes get one line.

usage: test_sim.py PROGRAM REGRESSIONS
"""
import os
import re
import subprocess
import sys
import unittest

PROGRAM = sys.argv.pop(1)
REGRESSIONS = sys.argv.pop(1)
RUNS = 52000
CONNECTIONS_MIN = 200000


def sim(*args, seconds=300):
    return subprocess.run([PROGRAM, "sim", *args], capture_output=True, text=True, check=False,
                          timeout=seconds)


def regressions():
    """[(law, name, plan)]"""
    with open(REGRESSIONS, encoding="utf-8") as f:
        lines = [line.strip() for line in f if line.strip() and not line.startswith("#")]
    return [re.fullmatch(r"(\w+) ([\w-]+): (seed=.*)", line).groups() for line in lines]


class Runs(unittest.TestCase):
    def test_many(self):
        done = sim("--runs", str(RUNS), "--covered", seconds=1000)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        found = re.search(r"^connections +([\d,]+):", done.stdout, re.M)
        self.assertGreaterEqual(int(found.group(1).replace(",", "")), CONNECTIONS_MIN)
        self.assertIn("all bit-identical", done.stdout)
        self.assertEqual(done.stderr, "")
        print(done.stdout)

    def test_how_many_processes_changes_nothing(self):
        def figures(*args):
            text = sim("--runs", "300", "--twice", "0", *args).stdout
            return re.sub(r"(?m)^real time.*$", "", text)
        self.assertEqual(figures("--jobs", "1"), figures("--jobs", "3"))
        self.assertNotEqual(figures("--jobs", "1"), figures("--jobs", "1", "--seed", "2"))

    def test_regressions(self):
        self.assertGreater(len(regressions()), 3)
        names = [name for _, name, _ in regressions()]
        self.assertEqual(len(names), len(set(names)))
        for law, name, plan in regressions():
            with self.subTest(name=name, law=law):
                done = sim("--plan", plan)
                self.assertEqual(done.returncode, 0, done.stdout)
                self.assertIn("all laws held", done.stdout)
                self.assertEqual(done.stdout.split("\n")[0], plan)


class Failures(unittest.TestCase):
    def test_a_lie_is_shown(self):
        done = sim("--runs", "200", "--mutant", "OCTET_CHANGED", "--jobs", "1")
        self.assertEqual(done.returncode, 1)
        self.assertRegex(done.stdout, r"run of seed \d+: PREFIX is broken")
        plan = re.search(r"^lastack sim --ladder --plan '(.*)'$", done.stdout, re.M).group(1)
        self.assertIn("ESTABLISHED", done.stdout)  # the ladder
        again = sim("--plan", plan, "--mutant", "OCTET_CHANGED")
        self.assertEqual(again.returncode, 1)
        self.assertIn("PREFIX is broken", again.stdout)
        self.assertEqual(sim("--plan", plan).returncode, 0)  # it was the lie
        seed = re.search(r"run of seed (\d+)", done.stdout).group(1)
        self.assertIn("PREFIX is broken",
                      sim("--run", seed, "--mutant", "OCTET_CHANGED").stdout)

    def test_an_assertion_is_a_result(self):
        done = sim("--runs", "200", "--mutant", "BROKEN_INVARIANT", "--jobs", "1")
        self.assertEqual(done.returncode, 1)
        self.assertRegex(done.stdout, r"ASSERTION is broken.*\n.*src/tcp/conn\.c:\d+: ")


class CommandLine(unittest.TestCase):
    def test_one_run(self):
        done = sim("--plan", "seed=7; 0:conn 0 2 10 500 500; 1:loss 0 900 0 4000", "--ladder")
        self.assertEqual(done.returncode, 0, done.stdout)
        self.assertRegex(done.stdout, r"all laws held; hash [0-9a-f]{16}")
        self.assertIn("SYN-SENT", done.stdout)
        self.assertEqual(done.stdout, sim("--plan", "seed=7; 0:conn 0 2 10 500 500; "
                                          "1:loss 0 900 0 4000", "--ladder").stdout)

    def test_help_and_steps(self):
        for args in (["--help"], ["-h"], ["--steps"]):
            done = sim(*args)
            self.assertEqual(done.returncode, 0)
            self.assertEqual(done.stderr, "")
            for line in done.stdout.split("\n"):
                self.assertLessEqual(len(line), 100)

    def test_mistakes(self):
        for args in (["--runs"], ["--runs", "x"], ["--runs", "-1"], ["--jobs", "0"],
                     ["--jobs", "99999"], ["--frobnicate"], ["7"], ["--plan", "seed=1; 0:nonsense"],
                     ["--plan", ""], ["--mutant", "NOBODY"], ["--ladder"],
                     ["--run", "1", "--plan", "seed=1"]):
            with self.subTest(args=args):
                done = sim(*args)
                self.assertEqual(done.returncode, 2)
                self.assertEqual(done.stdout, "")
                self.assertRegex(done.stderr, r"\Alastack sim: .+\n\Z")
                if args[1:] in (["x"], ["99999"]):
                    self.assertRegex(done.stderr, args[0] + " needs a (whole )?number")

    def test_a_full_disk_is_a_failure(self):
        with open("/dev/full", "w", encoding="utf-8") as full:
            done = subprocess.run([PROGRAM, "sim", "--steps"], stdout=full, stderr=subprocess.PIPE,
                                  text=True, check=False)
        self.assertEqual(done.returncode, 1)
        self.assertRegex(done.stderr, r"\Alastack sim: cannot write")


if __name__ == "__main__":
    os.environ["NO_COLOR"] = "1"
    unittest.main(verbosity=2)
