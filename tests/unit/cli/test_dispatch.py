#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""`lastack COMMAND`: help, version and mistakes.

usage: test_dispatch.py PROGRAM VERSION
"""
import re
import subprocess
import sys
import unittest

PROGRAM, VERSION = sys.argv.pop(1), sys.argv.pop(1)


def run(*args, **more):
    return subprocess.run([PROGRAM, *args], capture_output=True, text=True, check=False, **more)


class Dispatch(unittest.TestCase):
    def test_help_goes_to_standard_output(self):
        for word in ("--help", "-h", "help"):
            done = run(word)
            self.assertEqual((done.returncode, done.stderr), (0, ""))
            self.assertIn("usage: lastack COMMAND", done.stdout)

    def test_nothing_is_a_mistake(self):
        done = run()
        self.assertEqual((done.returncode, done.stdout), (2, ""))
        self.assertIn("usage: lastack COMMAND", done.stderr)

    def test_version(self):
        self.assertEqual(run("--version").stdout, f"lastack {VERSION}\n")
        self.assertEqual(run("-V").returncode, 0)

    def test_unknown_words_get_one_line(self):
        for words, what in ((["fly"], "no command 'fly'"), (["--fly"], "no option '--fly'"),
                            (["help", "fly"], "no command 'fly'"), ([""], "no command ''")):
            done = run(*words)
            self.assertEqual((done.returncode, done.stdout), (2, ""))
            self.assertEqual(done.stderr.count("\n"), 1)
            self.assertIn(what, done.stderr)
            self.assertIn("lastack --help", done.stderr)

    def test_every_command_has_help(self):
        for name in re.findall(r"^  (\w+) ", run("--help").stdout, re.M):
            plain, by_name = run(name, "--help"), run("help", name)
            self.assertEqual(plain.returncode, 0, name)
            self.assertIn(f"lastack {name}", plain.stdout)
            self.assertEqual(plain.stdout, by_name.stdout)

    def test_full_disk(self):
        with open("/dev/full", "w", encoding="utf-8") as full:
            done = subprocess.run([PROGRAM, "--help"], stdout=full, stderr=subprocess.PIPE,
                                  text=True, check=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn("cannot write", done.stderr)


if __name__ == "__main__":
    unittest.main()
