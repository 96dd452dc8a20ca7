# SPDX-License-Identifier: MIT
"""A script that differs, as a reader wants to see it: each step with both answers."""


def segment_words(seg, iss, irs):
    """Numbers counted from the initial ones."""
    def from_first(n, first):
        return "?" if first is None else str((n - first + (1 << 31)) % (1 << 32) - (1 << 31))
    words = [seg.flags or "-", "seq=" + from_first(seg.seq, iss)]
    if "A" in seg.flags:
        words.append("ack=" + from_first(seg.ack, irs))
    words.append(f"win={seg.window}")
    if seg.text:
        words.append(f"text={len(seg.text)}")
    for name in ("urgent", "mss", "scale", "stamps"):
        if getattr(seg, name):
            words.append(f"{name}={getattr(seg, name)}")
    if seg.sack_permitted:
        words.append("sack-permitted")
    for left, right in seg.sack:
        words.append(f"sack={from_first(left, irs)}-{from_first(right, irs)}")
    return " ".join(words)


def row_lines(side, row):
    iss, irs, name = side.peer.script.iss, side.peer.irs, f"{side.subject.name:8}"
    if row.sent is not None:
        yield f"  {name} > {segment_words(row.sent, iss, irs)}"
    for seg in row.received:
        yield f"  {name} < {segment_words(seg, irs, iss)}"
    result = row.answer.result if len(row.answer.result) < 60 else \
        f"{row.answer.result[:40]}... ({len(row.answer.result) // 2} octets)"
    yield f"  {name}   {row.answer.state} {result}"


def text(outcome):
    lines = [str(outcome.script)]
    for rows in zip(*(side.rows for side in outcome.sides)):
        lines.append(str(rows[0].step))
        for side, row in zip(outcome.sides, rows):
            lines += row_lines(side, row)
    lines.append(f"differ in: {', '.join(outcome.fields)}" if outcome.fields else
                 f"lastack: {outcome.wrong}")
    return "\n".join(lines) + "\n"


