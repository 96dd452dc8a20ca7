#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""`lastack COMMAND`: help, version and mistakes.

usage: test_dispatch.py PROGRAM VERSION
"""
import os
import re
import subprocess
import sys
import tempfile
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

    def test_wrong_words_are_shown_in_quotes(self):
        """In one line, whatever is in them: nothing at all, or what would end the line."""
        for words in (["run", "--linger"], ["run", "--loss"], ["run", "-p"], ["run", "--congestion"],
                      ["explain", "--conn"], ["explain", "--color"], ["explain", "--from"],
                      ["explain", "--filter"], ["annotate", "--names"], ["lab"], ["lab", "--width"],
                      ["lab", "--names"], ["sim"], ["sim", "--seed"], ["sim", "explore"],
                      ["ss", "--end"], ["ss", "state"], ["bench"], ["bench", "mem"],
                      ["bench", "goodput"]):
            for wrong in ("", "wrong"):
                done = run(*words, wrong, *(["--", "true"] if words[0] == "run" else []))
                self.assertIn(done.returncode, (2, 125), words)
                self.assertEqual((done.stdout, done.stderr.count("\n")), ("", 1), done.stderr)
                self.assertRegex(done.stderr, rf"'{wrong}'|ends there", words)
        for command in ("run", "explain", "annotate", "lab", "drill", "sim", "ss", "bench"):
            done = run(command, "--a\nb\033[31m")
            self.assertEqual(done.stderr.count("\n"), 1, done.stderr)
            self.assertNotIn("\033", done.stderr)

    def test_help_fits_into_80_columns(self):
        for line in run("--help").stdout.split("\n"):
            self.assertLessEqual(len(line), 80, line)

    def test_every_command_has_help(self):
        for name in re.findall(r"^  (\w+) ", run("--help").stdout, re.M):
            plain, by_name = run(name, "--help"), run("help", name)
            self.assertEqual(plain.returncode, 0, name)
            self.assertIn(f"lastack {name}", plain.stdout)
            self.assertEqual(plain.stdout, by_name.stdout)
            for line in (plain.stdout + run("sim", "explore", "-h").stdout).split("\n"):
                self.assertLessEqual(len(line), 80, line)

    def test_help_behind_each_command_and_benchmark(self):
        benchmarks = set(re.findall(r"^       lastack bench ([\w-]+) ", run("bench", "-h").stdout, re.M))
        self.assertIn("path", benchmarks)
        for words in ([["run"], ["explain"], ["annotate"], ["lab"], ["drill"], ["sim"], ["ss"],
                       ["bench"], ["sim", "explore"]] + [["bench", b] for b in sorted(benchmarks)]):
            for option in ("-h", "--help"):
                done = run(*words, option)
                self.assertEqual((done.returncode, done.stderr), (0, ""), words)
                self.assertIn("usage: lastack", done.stdout)

    def test_options_in_help_are_options(self):
        """Each is taken, or its value is refused; a wrong one is refused with the way out."""
        for words in (["run"], ["explain"], ["annotate"], ["lab"], ["drill"], ["sim"], ["ss"],
                      ["sim", "explore"]):
            text = run(*words, "--help").stdout
            pieces = re.split(r"(?<=\S)  +|\n", text)
            options = {o for piece in pieces if re.match(r" *-", piece)
                       for o in re.findall(r"(?<![\w-])--?[A-Za-z][\w-]*", piece)}
            self.assertGreater(len(options), 2)
            for option in sorted(options | {"--no-such-thing"}):
                # Behind a value that nothing can mean, or as the value itself, nothing is begun.
                done = run(*words, option, "--no-such-thing", stdin=subprocess.DEVNULL, timeout=60)
                refused = re.search(rf"no option '{option}';|{option}=.* no such option", done.stderr)
                self.assertEqual(bool(refused), option == "--no-such-thing", done.stderr)

    def test_full_disk(self):
        """Of every command: what was said is lost, so it says so, in one line, and fails."""
        with tempfile.TemporaryDirectory() as folder:
            script = os.path.join(folder, "one.pkt")
            with open(script, "w", encoding="utf-8") as f:
                f.write("0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3\n")
            capture = os.path.join(folder, "one.pcap")
            self.assertEqual(run("lab", "refused", "--pcap", capture).returncode, 0)
            names = re.findall(r"^  (\w+) ", run("--help").stdout, re.M)
            for words in ([["--help"], ["--version"], ["help"], ["lab"], ["lab", "refused"],
                           ["drill", script], ["drill", "--json", script],
                           ["sim", "--steps"], ["sim", "--runs", "5"], ["sim", "explore", "--list"],
                           ["bench", "mem", "1K"], ["explain", capture],
                           ["explain", "--json", capture], ["explain", "-F", "help"],
                           ["annotate", capture, "-o", "/dev/full"]] +
                          [[name, "--help"] for name in names]):
                with self.subTest(words=words), open("/dev/full", "w", encoding="utf-8") as full:
                    done = subprocess.run([PROGRAM, *words], stdout=full, stderr=subprocess.PIPE,
                                          text=True, check=False, timeout=120)
                    self.assertEqual(done.returncode, 125 if words[0] == "run" else 1, done.stderr)
                    self.assertEqual(done.stderr.count("\n"), 1, done.stderr)
                    self.assertIn("No space left on device", done.stderr)
                    if "annotate" not in words[0] or "--help" in words:
                        self.assertIn("cannot write to standard output", done.stderr)


if __name__ == "__main__":
    unittest.main()
