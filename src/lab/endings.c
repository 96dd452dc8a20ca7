/* SPDX-License-Identifier: MIT
 *
 * endings.c - scenarios: connections that are refused, reset or given up
 */
#include "lab/scenario.h"

#include <stdint.h>

enum { CLOSED_PORT = 81, UNREAD_BYTES = 100, MANY_BYTES = 200000 };

static const uint8_t opener_gives_up[] = {LA_TCP_CLOSED, LA_TCP_SYN_SENT, LA_TCP_CLOSED, 0};
static const uint8_t client_ends[] = {LA_TCP_CLOSED, LA_TCP_SYN_SENT, LA_TCP_ESTABLISHED,
                                      LA_TCP_CLOSED, 0};
static const uint8_t server_ends[] = {LA_TCP_CLOSED,      LA_TCP_LISTEN, LA_TCP_SYN_RECEIVED,
                                      LA_TCP_ESTABLISHED, LA_TCP_CLOSED, 0};

static void
expect_error(struct la_lab *lab, int end, la_err err)
{
    la_lab_expect(lab, lab->end[end].err == err, "the %s's application was told '%s', not '%s'",
                  la_lab_end_name(end), la_strerror(lab->end[end].err), la_strerror(err));
}

/* ---- refused ---------------------------------------------------------------------------- */

static void
play_refused(struct la_lab *lab)
{
    struct la_endpoint nobody = {la_bed_addr(LA_SERVER, false), CLOSED_PORT};
    la_lab_open(lab, LA_CLIENT, 0, &nobody);
    la_lab_await_state(lab, LA_CLIENT, LA_TCP_CLOSED);
    la_lab_await_quiet(lab);
    la_lab_expect_flow(lab, "C:S S:RA");
    la_lab_expect_path(lab, LA_CLIENT, lab->end[LA_CLIENT].conn, opener_gives_up);
    expect_error(lab, LA_CLIENT, LA_ERR_CONNECTION_REFUSED);
    const struct la_event *syn = la_lab_sent(lab, LA_CLIENT, LA_TCP_SYN, LA_TCP_SYN, 0);
    const struct la_event *rst = la_lab_sent(lab, LA_SERVER, LA_TCP_RST, LA_TCP_RST, 0);
    la_lab_expect(lab,
                  syn != NULL && rst != NULL && rst->u.segment.seq == 0 &&
                      rst->u.segment.ack == syn->u.segment.seq + 1,
                  "the RST does not acknowledge the SYN");
}

static const struct la_lab_part refused_parts[] = {{NULL, NULL, play_refused}};

const struct la_scenario la_scenario_refused = {
    .name = "refused",
    .summary = "a SYN to a port where nobody listens is answered with RST",
    .intro =
        "The client opens a connection to a port of the server that is closed. The server's "
        "host is there, so it answers, and says no: RST,ACK with sequence number 0 and the "
        "client's ISN plus one acknowledged (RFC 9293 3.10.7.1). The acknowledgement is what lets "
        "the client believe it (3.10.7.3 second): a RST that anybody could have sent blindly "
        "would not have it.",
    .look =
        "\"Connection refused\" is an answer, after one round trip. No answer at all is something "
        "else: see 'syn-timeout'.\n"
        "The server has no connection and no state before or afterwards.",
    .parts = refused_parts,
    .parts_n = 1,
};

/* ---- abort ------------------------------------------------------------------------------ */

static void
expect_reset_by(struct la_lab *lab, int by)
{
    const struct la_event *rst = la_lab_sent(lab, by, LA_TCP_RST, LA_TCP_RST, 0);
    la_lab_expect(lab, rst != NULL && rst->u.segment.cause == LA_CAUSE_RST_ABORT,
                  "the %s sent no RST", la_lab_end_name(by));
    la_lab_expect_path(lab, LA_CLIENT, lab->end[LA_CLIENT].conn, client_ends);
    la_lab_expect_path(lab, LA_SERVER, lab->end[LA_SERVER].conn, server_ends);
    expect_error(lab, 1 - by, LA_ERR_CONNECTION_RESET);
}

static void
play_abort(struct la_lab *lab)
{
    la_lab_establish(lab);
    la_lab_send(lab, LA_CLIENT, MANY_BYTES);
    la_lab_run(lab, 5); /* the first segments are still under way */
    la_lab_abort(lab, LA_CLIENT);
    la_lab_await_state(lab, LA_SERVER, LA_TCP_CLOSED);
    la_lab_await_quiet(lab);
    expect_reset_by(lab, LA_CLIENT);
    la_lab_expect(lab, lab->end[LA_SERVER].received_n < MANY_BYTES, "nothing was left to discard");
    la_lab_expect(lab, !lab->end[LA_SERVER].wrong, "the server received other octets than sent");
}

static void
play_close_with_unread(struct la_lab *lab)
{
    la_lab_establish(lab);
    la_lab_reads(lab, LA_SERVER, false);
    la_lab_mark(lab);
    la_lab_send(lab, LA_CLIENT, UNREAD_BYTES);
    la_lab_await_count(lab, LA_SERVER, LA_EVENT_SEGMENT_ARRIVED, LA_LAB_ANY, 1);
    la_lab_run(lab, 200);
    la_lab_expect(lab,
                  la_conn_release(lab->bed->stack[LA_SERVER], lab->end[LA_SERVER].conn,
                                  lab->bed->now) == LA_OK,
                  "the server could not close");
    la_lab_await_state(lab, LA_CLIENT, LA_TCP_CLOSED);
    la_lab_await_quiet(lab);
    expect_reset_by(lab, LA_SERVER);
}

static const struct la_lab_part abort_parts[] = {
    {"ABORT with octets unsent", NULL, play_abort},
    {"close() with octets unread", NULL, play_close_with_unread},
};

const struct la_scenario la_scenario_abort = {
    .name = "abort",
    .summary = "ABORT ends a connection with RST, at once and for good",
    .intro =
        "ABORT is the other way out (RFC 9293 3.10.5): everything queued is thrown away, "
        "a RST tells the peer, and there is no TIME-WAIT. Programs get it with SO_LINGER and a "
        "time of zero. In the first part the client aborts while most of its octets are still "
        "to be sent.\n"
        "In the second part the server's program simply calls close(), but there are octets that "
        "it has not read. They are lost, and the client must know: RST instead of FIN (3.6.1, "
        "RFC 1122 4.2.2.13).",
    .look = "One segment, and both ends are CLOSED. The peer's application is told: \"connection "
            "reset by the peer\".\n"
            "The second part is a common surprise: a server that answers without reading the whole "
            "request resets its client.",
    .parts = abort_parts,
    .parts_n = 2,
};

/* ---- syn-timeout ------------------------------------------------------------------------ */

/* The interval to the next transmission doubles each time, up to the limit. */
static void
expect_doubling(struct la_lab *lab, size_t sent_n)
{
    int64_t interval_us = lab->bed->cfg.tcp[LA_CLIENT].rto_us_initial;
    int64_t max_us = lab->bed->cfg.tcp[LA_CLIENT].rto_us_max;
    for (size_t i = 1; i < sent_n; i++) {
        const struct la_event *before = la_lab_sent(lab, LA_CLIENT, LA_TCP_SYN, LA_TCP_SYN, i - 1);
        const struct la_event *after = la_lab_sent(lab, LA_CLIENT, LA_TCP_SYN, LA_TCP_SYN, i);
        if (before == NULL || after == NULL)
            return;
        la_lab_expect(lab, la_lab_apart(before, after, interval_us),
                      "retransmission %zu did not come after %lld us", i, (long long)interval_us);
        interval_us = interval_us * 2 < max_us ? interval_us * 2 : max_us;
    }
}

static void
play_syn_timeout(struct la_lab *lab)
{
    struct la_endpoint server = la_lab_server(false);
    size_t sent_n = lab->bed->cfg.tcp[LA_CLIENT].r2_syn_n + 1u;
    la_lab_lose(lab, LA_CLIENT,
                (struct la_lab_pick){.text_bytes_max = UINT32_MAX, .times_n = UINT32_MAX});
    la_lab_listen(lab, LA_LAB_BACKLOG_N);
    la_lab_open(lab, LA_CLIENT, 0, &server);
    la_lab_await_state(lab, LA_CLIENT, LA_TCP_CLOSED);
    la_lab_await_quiet(lab);
    size_t syns_n = la_lab_count(lab, LA_CLIENT, LA_EVENT_SEGMENT_SENT, LA_LAB_ANY);
    la_lab_expect(lab, syns_n == sent_n, "%zu SYNs were sent, not %zu", syns_n, sent_n);
    expect_doubling(lab, sent_n);
    la_lab_expect_path(lab, LA_CLIENT, lab->end[LA_CLIENT].conn, opener_gives_up);
    expect_error(lab, LA_CLIENT, LA_ERR_TIMED_OUT);
}

static const struct la_lab_part syn_timeout_parts[] = {{NULL, NULL, play_syn_timeout}};

const struct la_scenario la_scenario_syn_timeout = {
    .name = "syn-timeout",
    .summary = "no answer to the SYN: back-off, then timed out",
    .intro =
        "The wire swallows everything that the client sends, as a firewall that drops silently "
        "does, or a host that is not there. The SYN is sent again after 1 s (RFC 6298 2.1; "
        "older stacks begin with 3 s), and the interval doubles each time (RFC 6298 5.5), up to a "
        "minute. After at least three minutes the client may give up (RFC 9293 3.8.3, MUST-23): "
        "here after seven retransmissions and 183 s.",
    .look =
        "Retransmissions at 1, 3, 7, 15, 31, 63 and 123 s: the sums of 1, 2, 4, 8, 16, 32, 60.\n"
        "All SYNs are the same segment, with the same ISN.\n"
        "The application hears \"connection timed out\" after three minutes; programs that do not "
        "want "
        "to wait so long set a timer of their own.",
    .parts = syn_timeout_parts,
    .parts_n = 1,
};
