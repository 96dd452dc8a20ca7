#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Writes the ladder of README.md anew: runs the command that stands above it.

usage: readme.py LASTACK               (needs curl)

The page that the command fetches is served here, on the port that the command names. Times differ
from run to run; what happens does not, because the seed decides it.
"""
import functools
import http.server
import os
import re
import subprocess
import sys
import tempfile
import threading

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..")
BLOCK = re.compile(r"(```\n\$ (lastack run [^\n]*)\n)(.*?)(```\n)", re.S)
PAGE_BYTES = 5000


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format, *args):  # pylint: disable=redefined-builtin
        pass


def ladder(lastack, command):
    """What the command prints, run in a folder of its own."""
    url = re.search(r"http://127\.0\.0\.1:([0-9]+)/(\S+)", command)
    with tempfile.TemporaryDirectory() as site, tempfile.TemporaryDirectory() as folder:
        with open(os.path.join(site, url.group(2)), "wb") as page:
            page.write(b"x" * PAGE_BYTES)
        handler = functools.partial(Quiet, directory=site)
        with http.server.ThreadingHTTPServer(("127.0.0.1", int(url.group(1))), handler) as server:
            threading.Thread(target=server.serve_forever, daemon=True).start()
            words = [lastack, *command.split()[1:]]
            done = subprocess.run(words, cwd=folder, capture_output=True, text=True, check=False,
                                  timeout=120)
            server.shutdown()
        got = os.path.join(folder, url.group(2))
        fetched = os.path.getsize(got) if os.path.exists(got) else 0
    if done.returncode != 0 or fetched != PAGE_BYTES:
        sys.exit(f"readme.py: {command}: {fetched} octets, status {done.returncode}: {done.stderr}")
    return done.stderr + done.stdout


def main(argv):
    if len(argv) != 2:
        sys.exit(__doc__)
    path = os.path.join(ROOT, "README.md")
    with open(path, encoding="utf-8") as file:
        text = file.read()
    found = BLOCK.search(text)
    if found is None:
        sys.exit("readme.py: README.md has no block that begins with '$ lastack run'")
    fresh = ladder(os.path.abspath(argv[1]), found.group(2))
    with open(path, "w", encoding="utf-8") as file:
        file.write(text[:found.end(1)] + fresh.rstrip("\n") + "\n" + text[found.start(4):])


if __name__ == "__main__":
    main(sys.argv)
