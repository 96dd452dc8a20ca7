# SPDX-License-Identifier: MIT
"""The differences that are known: one predicate for each row of docs/differences-tcp.md.

A predicate says what must be true of the step, of the states before it and of both answers, so that
another difference at the same place is still found.
"""
import script as scripts
from moment import SYNCHRONISED

BEHIND_FIN = ("CLOSE-WAIT", "LAST-ACK", "CLOSING", "TIME-WAIT")
REPLY = {"ack", "bare", "echo", "sack", "shut", "urgent"}  # what one acknowledgement more changes


# ---- rows: what each one is, in its docstring ----

def old_ack_of_nothing(m):
    """an acknowledgement of octets before the first"""
    return m.before.state in SYNCHRONISED and m.has("A") and m.has_not("R", "S") and m.ack < 1 or \
        m.fields <= REPLY and old_acks(m) and is_before(m.kernel.ack, m.ours.ack)


def old_acks(m):
    return any(isinstance(step, scripts.Packet) and "A" in step.flags and
               (step.ack[1] < 0 or step.ack[0] != "rcv") for step in [*m.history, m.step])


def is_before(a, b):
    return isinstance(a, int) and isinstance(b, int) and a < b


def timestamp_missing(m):
    """a segment without the timestamps that were agreed upon"""
    return m.stamped and m.has_not("R") and m.sent.stamps is None and \
        m.before.state != "SYN-SENT" and not m.ours.bare


def paws_of_a_bare_ack(m):
    """an acknowledgement without text and with an old timestamp"""
    return m.stamped and m.is_packet(stamps="old") and m.sent.length == 0 and m.ours.bare and \
        not m.kernel.bare


def at_the_edge(m):
    """a segment that begins just behind the window"""
    earlier = any(isinstance(step, scripts.Packet) and step.seq == ("edge", 0) and "A" in step.flags
                  for step in m.history)
    return m.sent is not None and m.start == m.before.edge or \
        earlier and m.fields <= REPLY | {"text", "fin"}


def across_the_edge(m):
    """a segment of which the end is beyond the window"""
    return m.sent is not None and m.before.una <= m.start < m.before.edge < m.end and \
        (m.kernel.ack == m.before.una or bool(m.kernel.reset) or m.has("R"))


def text_before_rcv_nxt(m):
    """text of which the last octet is the one before RCV.NXT"""
    return m.before.state != "CLOSED" and m.sent is not None and m.sent.length > 0 and \
        m.end == m.before.una


def without_flags(m):
    """an unacceptable segment with neither ACK, RST nor SYN"""
    return m.has_not("A", "R", "S") and not m.kernel.bare and m.ours.bare and \
        m.kernel.state == m.ours.state


def nagle(m):
    """a short segment behind full ones of the same write, or behind urgent data"""
    return not m.called("nodelay") and m.fields <= REPLY | {"text", "fin", "state"} and \
        text_reaches(m.kernel) > text_reaches(m.ours)


def text_reaches(answer):
    return max((right for _, right in answer.text), default=0)


def crossed_syn_options(m):
    """the options of the SYN,ACK of a simultaneous open"""
    return m.before.state == "SYN-SENT" and m.fields == {"syn"} and m.ours.syn[:1] == ("SA",) and \
        m.ours.syn[:2] == m.kernel.syn[:2]


def crossed_syn_ack(m):
    """the SYN,ACK of a simultaneous open is acknowledged, or not"""
    return m.before.state == "SYN-RECEIVED" and m.called("connect") and m.has("S", "A") and \
        m.start == 0 and m.fields <= REPLY | {"reset"} and m.kernel.bare


def crossed_syn_wrong_ack(m):
    """a simultaneous open that is completed without an acknowledgement of the SYN"""
    return m.before.state == "SYN-RECEIVED" and m.called("connect") and m.has("A") and \
        m.ack < 1 and m.kernel.state in SYNCHRONISED and bool(m.ours.reset)


def syn_again(m):
    """the peer's SYN, or SYN,ACK, again in SYN-RECEIVED"""
    return m.before.state == "SYN-RECEIVED" and m.has("S") and m.start == 0 and m.kernel.bare and \
        m.ours.syn[:1] == ("SA",)


def syn_received_ack_first(m):
    """a wrong acknowledgement in a segment that SYN-RECEIVED rejects anyway"""
    return m.before.state == "SYN-RECEIVED" and m.called("listen") and m.has("A") and \
        m.ack != 1 and (bool(m.kernel.reset) or m.has("R"))


def syn_received_echo(m):
    """a timestamp echoed from an acknowledgement that SYN-RECEIVED has sent"""
    return m.before.state == m.kernel.state == "SYN-RECEIVED" and m.called("listen") and \
        m.stamped and m.has("A") and m.ack == 1 and m.kernel.bare and m.ours.state != "SYN-RECEIVED"


def small_records(m):
    """what is answered, and with which options, in TIME-WAIT or, after close(), in FIN-WAIT-2"""
    small = m.before.state == "TIME-WAIT" or m.before.state == "FIN-WAIT-2" and m.called("close")
    return small and m.ours.state in (m.before.state, "CLOSED") and m.sent is not None and \
        m.fields <= REPLY | {"reset", "state"} and m.kernel.state in (m.before.state, "CLOSED")


def syn_in_syn_received(m):
    """a SYN in the window in SYN-RECEIVED"""
    return m.before.state == "SYN-RECEIVED" and m.called("listen") and m.has("S") and \
        m.fields == {"reset"} and m.kernel.state == m.ours.state == "CLOSED"


def listener_closed(m):
    """close() of a listener with a connection in SYN-RECEIVED"""
    return m.is_call("close", "shutdown") and m.before.state == "SYN-RECEIVED" and \
        m.called("listen") and \
        not m.accepted and bool(m.ours.reset)


def shutdown_in_syn_received(m):
    """shutdown() in SYN-RECEIVED of connect(), and what arrives afterwards"""
    if m.is_call("error", "receive", "send") and m.fields == {"result"}:
        return m.called("connect") and m.called("shutdown") and not was_reset(m) and \
            m.ours.result in ("ECONNRESET", "ENOTCONN")
    return m.called("connect") and m.called("shutdown") and not m.called("close") and \
        m.before.state in ("SYN-RECEIVED", "FIN-WAIT-1", "FIN-WAIT-2") and bool(m.ours.reset) and \
        m.kernel.ack is not None


def closing_with_text_unsent(m):
    """CLOSE in CLOSE-WAIT while text waits for room"""
    return m.fields == {"state"} and m.kernel.state == "LAST-ACK" and \
        m.ours.state == m.before.state == "CLOSE-WAIT" and m.is_call("close", "shutdown")


def loss_recovery(m):
    """what is sent after SACK blocks or duplicate acknowledgements"""
    blocks = [step for step in [*m.history, m.step] if isinstance(step, scripts.Packet) and
              (step.sack or step.ack[0] == "acked" and "A" in step.flags)]
    return m.fields <= REPLY | {"text", "fin", "state"} and bool(blocks) and m.sent is not None and \
        bool(m.fields & {"text", "fin"})


def congestion_window(m):
    """how much may be in flight after several writes"""
    return m.fields <= REPLY | {"text", "fin"} and m.sent is None and \
        len([step for step in m.history if isinstance(step, scripts.Call) and
             step.name in ("send", "urgent")]) > 0 and \
        (text_reaches(m.ours), m.ours.fin or 0) > (text_reaches(m.kernel), m.kernel.fin or 0)


def initial_window(m):
    """the first flight after a SYN,ACK that was sent twice"""
    syns = [step for step in m.history if isinstance(step, scripts.Packet) and "S" in step.flags]
    return m.fields <= REPLY | {"text", "fin", "state"} and len(syns) > 1 and \
        text_reaches(m.kernel) > text_reaches(m.ours)


def urgent_into_a_zero_window(m):
    """urgent data for a window of zero"""
    return m.is_call("urgent") and m.fields <= REPLY | {"text"} and not m.kernel.text and \
        len(m.ours.text) == 1 and m.ours.text[0][1] - m.ours.text[0][0] == 1


def text_over_an_early_fin(m):
    """text where a FIN stands that came early"""
    return any(isinstance(step, scripts.Packet) and "F" in step.flags for step in m.history) and \
        m.sent is not None and bool(m.sent.text) and not m.kernel.reset and not m.ours.reset and \
        is_before(m.ours.ack, m.kernel.ack)


def echo_in_time_wait(m):
    """the timestamp of text that arrives in TIME-WAIT"""
    return m.fields == {"echo"} and m.ours.state == "TIME-WAIT"


def ignored_text_is_acknowledged(m):
    """text that begins behind the peer's FIN"""
    return m.before.state in BEHIND_FIN and \
        m.sent is not None and m.sent.length > 0 and m.start >= m.before.una and m.fields <= REPLY and \
        m.ours.bare and not m.kernel.bare


def syn_with_fin(m):
    """a SYN with a FIN for a listener"""
    return m.before.state in ("CLOSED", "TIME-WAIT") and m.has("S", "F") and not m.kernel.syn and bool(m.ours.syn)


def close_in_syn_received(m):
    """CLOSE in SYN-RECEIVED"""
    return m.before.state == "SYN-RECEIVED" and m.is_call("close", "shutdown") and \
        m.kernel.state == "FIN-WAIT-1" and m.ours.state == "SYN-RECEIVED"


def sack_of_a_fin(m):
    """a FIN that came too early, in a SACK block"""
    early = [step for step in [*m.history, m.step]
             if isinstance(step, scripts.Packet) and "F" in step.flags]
    return m.fields == {"sack"} and bool(early) and bool(m.kernel.sack)


def dsack_with_fin(m):
    """text that came twice, with a FIN"""
    return m.fields == {"sack"} and m.ours.state in BEHIND_FIN and not m.kernel.sack


def sack_with_text(m):
    """SACK blocks on segments with text"""
    others = {"sack", "text"} | ({"echo"} if old_acks(m) else set())
    return "sack" in m.fields and m.fields <= others and \
        (bool(m.ours.text) or m.ours.fin is not None)


def shut_down_both(m):
    """text after shutdown() of both directions, or close() after that of reading"""
    both = m.called("shutdown", 2) or \
        m.called("shutdown", 0) and (m.called("shutdown", 1) or m.called("close"))
    return both and m.sent is not None and bool(m.sent.text) and bool(m.kernel.reset) and \
        m.kernel.state == "CLOSED" and not m.ours.reset


def unread_and_shut(m):
    """close() with unread octets after shutdown() of the reading direction"""
    return m.is_call("close") and (m.called("shutdown", 2) or m.called("shutdown", 0)) and \
        bool(m.kernel.reset) and not m.ours.reset


def text_after_fin(m):
    """text behind the peer's FIN"""
    return m.before.state in BEHIND_FIN and m.sent is not None and \
        bool(m.sent.text) and m.start < m.before.una < m.end and bool(m.kernel.reset) and \
        not m.ours.reset


def number_of_the_reset(m):
    """the RST for text that nobody reads any more"""
    return m.fields == {"reset"} and m.called("close") and m.sent is not None and \
        bool(m.sent.text) and m.kernel.reset == ((m.ack, None),)


def reset_before_the_fin(m):
    """a RST with the number of the peer's FIN"""
    return m.before.state in BEHIND_FIN and m.has("R") and \
        m.start == m.before.una - 1 and m.kernel.state == "CLOSED"


def smaller_window_ignored(m):
    """a smaller window with the same numbers as before"""
    return m.before.window_ignored and m.fields <= REPLY | {"text", "fin", "state"}


def echo_of_an_old_ack(m):
    """the timestamp of a segment with an old acknowledgement"""
    return "echo" in m.fields and m.fields <= {"echo", "sack"} and old_acks(m)


def syn_sent_echo(m):
    """a timestamp in SYN-SENT that echoes nothing of ours"""
    return m.before.state == "SYN-SENT" and m.is_packet(stamps="wrong") and bool(m.kernel.reset) and \
        not m.ours.reset


def silly_window(m):
    """a short segment that fills the peer's window"""
    return m.fields <= REPLY | {"text"} and \
        0 < abs(text_reaches(m.kernel) - text_reaches(m.ours)) < 1460 and small_windows(m)


def small_windows(m):
    return any(isinstance(step, scripts.Packet) and step.window < 65535 for step in m.history)


def fin_and_a_small_window(m):
    """text or a FIN after windows whose segments came in another order than they were sent"""
    early = any(isinstance(step, scripts.Packet) and step.seq[1] > 0 for step in m.history)
    return m.sent is None and m.fields <= REPLY | {"fin", "text"} and small_windows(m) and early and \
        bool(m.fields & {"fin", "text"}) and (m.kernel.bare, m.ours.bare) == (False, False)


def reset_behind_a_block(m):
    """a RST with the number behind a SACK block"""
    return m.has("R") and m.kernel.state == "CLOSED" and m.ours.state == m.before.state and \
        m.ours.bare and bool(m.ours.sack)


def dsack_before_established(m):
    """text that came twice, in SYN-RECEIVED"""
    return m.fields == {"sack"} and m.before.state == "SYN-RECEIVED" and not m.ours.sack


def dsack_and_paws(m):
    """text of which a part came twice, with an old timestamp"""
    return m.fields == {"sack"} and m.is_packet(stamps="old") and \
        m.ours.sack == m.kernel.sack[1:]


def windows_differ(m):
    """text at the edge again: the windows are not of one size"""
    return m.fields == {"sack"} and any(isinstance(step, scripts.Packet) and
                                        step.seq[0] == "edge" for step in [*m.history, m.step])


def reset_and_a_smaller_window(m):
    """the number of the RST of close() when the window has shrunk"""
    return m.is_call("close") and m.fields == {"reset"} and bool(m.kernel.reset) and \
        small_windows(m)


def syn_sent_sooner(m):
    """the SYN again, at once, after an unacceptable acknowledgement"""
    return m.fields == {"syn"} and m.kernel.state == "SYN-SENT" and m.kernel.syn[:1] == ("S",) and \
        not m.ours.syn


def syn_and_text_again(m):
    """the peer's SYN again in SYN-RECEIVED, with something behind it"""
    return m.before.state == "SYN-RECEIVED" and m.has("S") and m.start == 0 and m.sent.length > 1 and \
        m.kernel.syn[:1] == ("SA",) and m.ours.state == "CLOSED"


def reset_and_paws(m):
    """a RST with an old timestamp in SYN-RECEIVED"""
    return m.before.state == m.kernel.state == "SYN-RECEIVED" and m.has("R") and \
        m.is_packet(stamps="old")


def abort_in_time_wait(m):
    """close() with SO_LINGER 0 in TIME-WAIT"""
    return m.is_call("close") and m.called("linger") and m.fields == {"state"} and \
        m.kernel.state == m.before.state == "TIME-WAIT"


def was_reset(m):
    """Has a RST arrived, perhaps for an earlier connection of the same socket?"""
    return any(isinstance(step, scripts.Packet) and "R" in step.flags for step in m.history)


def unread_after_a_reset(m):
    """reading what had arrived before a RST"""
    return m.is_call("receive") and m.fields == {"result"} and m.ours.result in ("ECONNRESET", "=") and \
        m.kernel.result.startswith("=") and was_reset(m)


def error_after_a_fin(m):
    """the error of a RST behind the peer's FIN, or behind shutdown()"""
    return m.is_call("send", "urgent", "error") and m.fields == {"result"} and was_reset(m) and \
        {m.kernel.result, m.ours.result} == {"EPIPE", "ECONNRESET"}


def reading_after_shut_read(m):
    """reading after shutdown() of the reading direction"""
    return m.is_call("receive") and m.fields == {"result"} and m.ours.result == "=" and \
        (m.called("shutdown", 0) or m.called("shutdown", 2))


def urgent_reads(m):
    """where a read ends when urgent data is there"""
    return m.is_call("receive") and m.fields == {"result"} and m.kernel.result[0] == "=" and \
        m.ours.result[0] == "=" and any(isinstance(step, scripts.Packet) and "U" in step.flags
                                        for step in m.history) and \
        (m.kernel.result.startswith(m.ours.result) or m.ours.result.startswith(m.kernel.result))


def never_connected(m):
    """errors of calls on a socket that was never connected"""
    return m.sent is None and m.fields == {"result"} and \
        (not m.before.was_up or m.called("listen") and not m.accepted)


ROWS = (old_ack_of_nothing, timestamp_missing, paws_of_a_bare_ack, at_the_edge, across_the_edge,
        text_before_rcv_nxt, without_flags, crossed_syn_options, crossed_syn_ack,
        crossed_syn_wrong_ack, syn_again, syn_received_ack_first, syn_received_echo, small_records,
        syn_with_fin, syn_in_syn_received, listener_closed, close_in_syn_received,
        shutdown_in_syn_received, closing_with_text_unsent, dsack_with_fin, sack_of_a_fin,
        sack_with_text, shut_down_both, unread_and_shut, text_after_fin,
        ignored_text_is_acknowledged, text_over_an_early_fin, number_of_the_reset,
        syn_sent_echo, silly_window, fin_and_a_small_window,
        reset_behind_a_block, dsack_before_established, dsack_and_paws, windows_differ,
        reset_before_the_fin, reset_and_a_smaller_window, smaller_window_ignored,
        echo_of_an_old_ack, echo_in_time_wait, urgent_into_a_zero_window, nagle, initial_window,
        congestion_window, loss_recovery, syn_sent_sooner, syn_and_text_again, reset_and_paws,
        abort_in_time_wait, unread_after_a_reset, error_after_a_fin, reading_after_shut_read,
        urgent_reads, never_connected)
# The connections are alike afterwards, and the script goes on.
GO_ON = (syn_sent_sooner, paws_of_a_bare_ack, without_flags, crossed_syn_options, crossed_syn_ack,
         syn_again, dsack_with_fin, sack_of_a_fin, number_of_the_reset, dsack_and_paws,
         dsack_before_established, windows_differ, ignored_text_is_acknowledged, never_connected)


def name(row):
    return row.__name__.replace("_", "-")


def names():
    return [name(row) for row in ROWS]


def known(moment):
    """(name, whether the connections are alike afterwards), or None."""
    row = next((row for row in ROWS if row(moment)), None)
    return None if row is None else (name(row), row in GO_ON)
