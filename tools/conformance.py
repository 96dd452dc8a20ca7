#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Writes docs/conformance.md: what of each rule is tested, departed from, not applicable or open.

usage: conformance.py [--check] [ROOT]     (--check: compares instead of writing)

Rules are the rows of docs/requirements.tsv. A test names the rows that it would fail for, in a
comment right above it: `/* LEDGER: MUST-10, MUST-11 */` in C, `# LEDGER: MUST-10` in Python; a packet
script, which is one test, in a line of its own, `// LEDGER: MUST-10`; at most five.
docs/ledger.tsv says the rest, one row per line, separated by tabs: id, verdict, text.
    deviation   Dn of docs/deviations.md (a test may show what is done instead)
    not-applicable   why
    open        what is missing (no test may claim the row)
    note        a remark on a tested row
An RFC is judged, all its rows, as soon as a test or the ledger speaks of one of them; RFC 9293 always.
"""
import os
import re
import sys
from collections import Counter

ROWS_PER_TEST_MAX = 5
FIRST = "RFC 9293"
VERDICTS = ("tested", "deviation", "not applicable", "open")
DECLARED = ("deviation", "not-applicable", "open", "note")
ROW_ID = re.compile(r"^[A-Z0-9][A-Za-z0-9-]*$")
MARK = re.compile(r"^(?:/\* LEDGER: (?P<c>[^/]*?)\s*\*/\n(?:static )?void\n(?P<test_c>\w+)\(|"
                  r"[ ]*# LEDGER: (?P<py>[^\n]*)\n[ ]*def (?P<test_py>\w+)\(|"
                  r"// LEDGER: (?P<pkt>[^\n]*)\n)", re.M)


class Wrong(Exception):
    """What cannot be a ledger: where, what, and how to mend it."""


def read(root, path):
    with open(os.path.join(root, path), encoding="utf-8") as f:
        return f.read()


def requirements(root):
    """[(id, source, level, text)] in the order of the file."""
    rows = []
    for line in read(root, "docs/requirements.tsv").split("\n")[1:]:
        if line:
            rows.append(tuple(line.split("\t")[:4]))
    return rows


def test_files(root):
    for folder, dirs, names in os.walk(os.path.join(root, "tests")):
        dirs[:] = sorted(d for d in dirs if d not in ("tidy", "corpus", "mutants", "__pycache__"))
        for name in sorted(names):
            if name.endswith((".c", ".py", ".pkt")):
                yield os.path.relpath(os.path.join(folder, name), root)


def marks(text, path, known):
    """[(test, [ids])] of one file."""
    found = []
    for m in MARK.finditer(text):
        ids = [i.strip() for i in re.sub(r"\s+(\* )?", " ", m["c"] or m["py"] or m["pkt"]).split(",")]
        test = m["test_c"] or m["test_py"] or os.path.basename(path).removesuffix(".pkt")
        at = f"{path}:{text.count(chr(10), 0, m.start()) + 1}"
        if len(ids) > ROWS_PER_TEST_MAX:
            raise Wrong(f"{at}: {test} serves {len(ids)} rows; {ROWS_PER_TEST_MAX} is the limit, "
                        "write another test")
        for i in ids:
            if i not in known:
                raise Wrong(f"{at}: no row {i}; see docs/requirements.tsv")
        found.append((test, ids))
    if len(found) != len(re.findall(r"(?:/\*|#|//) LEDGER:", text)):
        raise Wrong(f"{path}:1: a LEDGER mark that belongs to no test; put it on the line above the "
                    "function")
    return found


def tests_of_rows(root, known):
    """{id: [(path, test)]}"""
    served = {}
    for path in test_files(root):
        for test, ids in marks(read(root, path), path, known):
            for i in ids:
                served.setdefault(i, []).append((path, test))
    return served


def declared(root, known):
    """{id: (verdict, text)} of docs/ledger.tsv."""
    deviations = set(re.findall(r"^## (D\d+):", read(root, "docs/deviations.md"), re.M))
    found = {}
    for number, line in enumerate(read(root, "docs/ledger.tsv").split("\n"), 1):
        if not line or line.startswith("#"):
            continue
        at = f"docs/ledger.tsv:{number}"
        parts = line.split("\t")
        if len(parts) != 3 or not parts[2]:
            raise Wrong(f"{at}: not three fields; write id, verdict and text between tabs")
        row, verdict, text = parts
        if row not in known or not ROW_ID.match(row):
            raise Wrong(f"{at}: no row {row}; see docs/requirements.tsv")
        if row in found:
            raise Wrong(f"{at}: {row} stands here twice; keep one")
        if verdict not in DECLARED:
            raise Wrong(f"{at}: verdict {verdict}; one of {', '.join(DECLARED)}")
        if verdict == "deviation" and text.split(" ")[0] not in deviations:
            raise Wrong(f"{at}: {text} is not in docs/deviations.md; describe it there")
        found[row] = (verdict, text)
    return found


def anchor(root, name):
    title = re.search(rf"^## ({name}: .*)$", read(root, "docs/deviations.md"), re.M).group(1)
    plain = re.sub(r"[^\w\- ]", "", title.lower())
    return f"[{name}](deviations.md#{plain.replace(' ', '-')}): {title[len(name) + 2:]}"


def verdict_of(row, served, said):
    """(verdict, text) of one row; a row nobody speaks of is open."""
    verdict, text = said.get(row, ("", ""))
    if row in served and verdict in ("open", "not-applicable"):
        raise Wrong(f"docs/ledger.tsv:1: {row} is {verdict} but {served[row][0][1]} claims it; "
                    "drop one of them")
    if verdict == "note" and row not in served:
        raise Wrong(f"docs/ledger.tsv:1: a note on {row}, which no test serves; say open instead")
    if verdict == "deviation":
        return "deviation", text
    if row in served:
        return "tested", text
    if verdict == "not-applicable":
        return "not applicable", text
    return "open", text or "no test says so yet"


def where(root, row, verdict, text, served):
    parts = []
    if verdict == "deviation":
        name, _, rest = text.partition(" ")
        parts.append(anchor(root, name) + (f" ({rest})" if rest else ""))
    elif text:
        parts.append(text)
    parts += [f"`{path}`: `{test}`" for path, test in served.get(row, [])]
    return "<br>".join(p.replace("|", "\\|") for p in parts)


HEAD = """# Conformance

What of each rule is shown by a test, what is done otherwise on purpose, and what is missing.
Generated by [tools/conformance.py](../tools/conformance.py) from
[requirements.tsv](requirements.tsv), [ledger.tsv](ledger.tsv) and the `LEDGER` marks in the tests:
do not edit, run `tools/conformance.py`. [testing.md](testing.md) says how it is tested that these
tests can fail.

* **tested**: the named tests fail when the rule is broken.
* **deviation**: done otherwise, for the reason in [deviations.md](deviations.md).
* **not applicable**: nothing here that the rule could be about, or an option that is not taken.
* **open**: missing, or not shown by any test.
"""


def rfc_of(row):
    """ "RFC 3168"; what has no number is named as it is. """
    return re.match(r"[A-Za-z]+[ -]?[A-Za-z0-9-]*", row[1]).group(0)


def row_groups(rows, rfc):
    """Keyword of RFC 2119, or what has none."""
    rest = "Procedures (section 3.10) and algorithms" if rfc == FIRST else "Algorithms"
    titles = {"MUST": "MUST", "MUST NOT": "MUST", "SHOULD": "SHOULD", "SHOULD NOT": "SHOULD",
              "MAY": "MAY"}
    groups = {}
    for row in rows:
        groups.setdefault(titles.get(row[2], rest), []).append(row)
    return groups


def judged_rfcs(rows, served, said):
    """{RFC: its rows}, RFC 9293 first, then in the order of their numbers."""
    spoken_of = {rfc_of(r) for r in rows if r[0] in served or r[0] in said} - {FIRST}
    names = [FIRST] + sorted(spoken_of, key=lambda name: (len(name), name))
    return {name: [r for r in rows if rfc_of(r) == name] for name in names}


def sections(root, rfc, ours, served, said):
    """The lines about one RFC."""
    verdicts = {r[0]: verdict_of(r[0], served, said) for r in ours}
    out = [f"\n## {rfc}, in numbers\n",
           "| | rows | " + " | ".join(VERDICTS) + " |", "|---|---|" + "---|" * len(VERDICTS)]
    groups = row_groups(ours, rfc)
    for title, group in list(groups.items()) + [("all", ours)]:
        n = Counter(verdicts[r[0]][0] for r in group)
        out.append(f"| {title} | {len(group)} | " + " | ".join(str(n[v]) for v in VERDICTS) + " |")
    for title, group in groups.items():
        out += [f"\n## {rfc}: {title}\n", "| row | section | rule | verdict | where, why |",
                "|---|---|---|---|---|"]
        for row, source, level, text in group:
            verdict, why = verdicts[row]
            rule = text.replace("|", "\\|")
            if level in ("MUST NOT", "SHOULD NOT"):
                rule = f"({level}) {rule}"
            section = source.replace(f"{rfc} §", "").replace("§", "")
            out.append(f"| {row} | {section} | {rule} | {verdict} | "
                       f"{where(root, row, verdict, why, served)} |")
    return out


def page(root):
    rows = requirements(root)
    known = {r[0] for r in rows}
    served, said = tests_of_rows(root, known), declared(root, known)
    judged = judged_rfcs(rows, served, said)
    others = Counter(rfc_of(r) for r in rows if rfc_of(r) not in judged)
    out = [HEAD.rstrip("\n")]
    for rfc, ours in judged.items():
        out += sections(root, rfc, ours, served, said)
    if others:
        out += ["\n## Not yet looked at\n", "Rows of [requirements.tsv](requirements.tsv) that this "
                "page does not judge yet.\n", "| source | rows |", "|---|---|"]
        out += [f"| {name} | {n} |" for name, n in others.items()]
    return "\n".join(out) + "\n"


def main(argv):
    args = [a for a in argv[1:] if a != "--check"]
    root = args[0] if args else os.path.join(os.path.dirname(__file__), "..")
    path = os.path.join(root, "docs", "conformance.md")
    try:
        text = page(root)
    except Wrong as wrong:
        print(wrong)
        return 1
    if "--check" not in argv:
        with open(path, "w", encoding="utf-8") as f:
            f.write(text)
        return 0
    if not os.path.exists(path) or read(root, "docs/conformance.md") != text:
        print("docs/conformance.md:1: not what the ledger says; run tools/conformance.py")
        return 1
    print("conformance: up to date")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
