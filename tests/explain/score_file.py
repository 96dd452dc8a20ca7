# SPDX-License-Identifier: MIT
"""What `lastack explain` says of the capture, its servers and who broke a rule, against what is known."""
import json

PORT = 7000
# Requirements that the kernel does break now and then, in these runs: small windows and what is sent into
# them without Nagle; and in a simultaneous open without the peer's window scale it scales all the same.
KERNEL_BREAKS = {"SILLY_WINDOW", "SILLY_SEGMENT"}
KERNEL_BREAKS_BOTH_OPEN = {"WINDOW_SHRUNK", "BEYOND_WINDOW"}
# Nothing of this happens to a capture by itself.
ARTEFACTS = {"CAPTURE_ONE_WAY", "CAPTURE_TWICE", "CAPTURE_CLOCK_STEP", "CAPTURE_BACK"}


def counters(truth):
    """What truth/make.py counted; None: another made this truth."""
    return json.loads(truth["kernel_server"]) if "artefact" in truth else None


def server(document, truth):
    """Flood, SYN cookies and full accept queue of the server: those that the kernel counted."""
    counts, out = counters(truth), []
    listeners = [one for one in document["file"]["listeners"] if one["port"] == PORT]
    # What floods the server does not pass the client.
    if counts is None or truth["derived_from"] or not listeners or truth["capture_point"] == "client":
        return out
    flood = truth["ground_truth"].startswith("flood;")
    for word, ours, theirs, told in (
            ("flood", listeners[0]["flooded"], flood, True),
            ("cookies", listeners[0]["cookies"], counts.get("SyncookiesSent", 0) > 0, False),
            ("queue full", listeners[0]["queue_full"], counts.get("ListenOverflows", 0) > 0, False)):
        # Few cookies, and a queue that was full for one, need not show.
        verdict = "right" if ours == theirs else "unknown" if theirs and not told else "wrong"
        out.append((verdict, f"{word}: ours {ours}, kernel {theirs}"))
    return out


def point(document, truth):
    # In a simultaneous open who is the client is a matter of names; also if one SYN did not pass.
    ours = [conn["capture_point"] for conn in document["connections"]
            if conn["open"]["kind"] != "simultaneous" and conn["client"]["port"] != PORT]
    out = []
    if not truth.get("point") or truth["derived_from"]:
        return out
    for one in ours:
        verdict = "right" if one == truth["point"] else "unknown" if one == "unknown" else "wrong"
        out.append((verdict, f"capture point: ours {one}, truth {truth['point']}"))
    return out


def artefacts(document, truth):
    ours = {one["id"] for one in document["file"]["artefacts"]}
    expected = truth.get("artefact", "")
    out = [("wrong", f"artefact: ours {one}, truth {expected or 'none'}")
           for one in sorted(ours & ARTEFACTS - {expected})] if "artefact" in truth else []
    if expected:  # A short capture may be too short to show it.
        out.append(("right" if expected in ours else "unknown", f"artefact: ours {sorted(ours)}, truth {expected}"))
    return out


def accused(document, truth):
    """The kernel breaks next to nothing: who is accused, is so wrongly."""
    out = []
    for conn in document["connections"] if "artefact" in truth else ():
        excused = KERNEL_BREAKS | (KERNEL_BREAKS_BOTH_OPEN if conn["open"]["kind"] == "simultaneous" else set())
        broken = [f["id"] for f in conn["findings"] if f["requirement"] and f["id"] not in excused]
        out.append(("wrong" if broken else "right", f"accused: {conn['client']['port']} of {' '.join(broken)}"))
    return out


# What shows that somebody else sent something: causes of a reset, and findings.
FOREIGN = {"injected", "middlebox", "SYN_CHALLENGED", "RESET_FORGED", "RESET_OUTLIVED", "OTHER_TEXT"}
MEDDLERS = {"box": {"middlebox"}, "rst": {"injected", "RESET_FORGED", "RESET_OUTLIVED"},
            "rst-in-window": {"RESET_FORGED", "RESET_OUTLIVED"}, "rst-outside": {"RESET_FORGED", "RESET_OUTLIVED"},
            "syn": {"SYN_CHALLENGED"}, "text": {"OTHER_TEXT"}}


def meddled(document, truth):
    """Who is said to have meddled, did; a segment that was forged need not show as such."""
    said = set()
    for conn in document["connections"]:
        said |= {f["id"] for f in conn["findings"]}
        said.add(conn["close"]["reset"]["cause"] if conn["close"]["reset"] else "")
    said &= FOREIGN
    if "meddler" not in truth:
        return []
    kind = MEDDLERS.get(truth["meddler"], set())
    # A client that has restarted, and a delayed SYN, are challenged as well.
    wrong = said - {"SYN_CHALLENGED"} - (FOREIGN if kind else set())
    return [("wrong" if wrong else "right" if said & kind or not kind else "unknown",
             f"meddled: ours {sorted(said)}, truth {truth['meddler']}")]


COLUMNS = {"servers": server, "tap": point, "artefact": artefacts, "accused": accused, "meddled": meddled}


def judge(document, truth):
    """{column: (right, wrong, unknown, explanation)}"""
    out = {}
    for column, of in COLUMNS.items():
        verdicts = of(document, truth)
        counts = [sum(v == word for v, _ in verdicts) for word in ("right", "wrong", "unknown")]
        out[column] = (*counts, [f"    {what}" for v, what in verdicts if v == "wrong"])
    return out
