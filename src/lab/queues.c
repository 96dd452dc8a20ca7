/* SPDX-License-Identifier: MIT
 *
 * queues.c - scenarios: a listener's queues, and connections that rest
 */
#include "lab/gauge.h"
#include "lab/scenario.h"

#include <stdint.h>

#include "base/time.h"

enum { BACKLOG_N = 2, CLIENTS_N = 4, FIRST_PORT = 50001 };
enum { IDLE_S = 60, INTERVAL_S = 10, PROBES_N = 3 };
enum { REQUEST_BYTES = 100, ANSWER_BYTES = 200, USER_TIMEOUT_MS = 10000 };

/* ---- backlog ---------------------------------------------------------------------------- */

static bool
all_are_up(void *ctx)
{
    const struct la_lab *lab = ctx;
    return la_lab_count(lab, LA_SERVER, LA_EVENT_STATE, LA_TCP_ESTABLISHED) == CLIENTS_N;
}

static void
play_syns_dropped(struct la_lab *lab)
{
    struct la_lab_gauge *gauge = lab->own;
    struct la_endpoint server = la_lab_server(false);
    la_lab_set(lab, LA_SETTING_SOMAXCONN, BACKLOG_N);
    lab->accepts = false;
    la_lab_listen(lab, LA_LAB_BACKLOG_N);
    la_lab_gauge_read(gauge, lab, "listen(8), somaxconn 2");
    la_lab_expect(lab, la_lab_queues(lab).backlog_n == BACKLOG_N,
                  "somaxconn does not bound the backlog");
    for (uint16_t i = 0; i < CLIENTS_N; i++) {
        la_lab_open(lab, LA_CLIENT, (uint16_t)(FIRST_PORT + i), &server);
        la_lab_run(lab, 100);
        la_lab_gauge_read(gauge, lab, i < BACKLOG_N ? "complete, not accepted" : "SYN dropped");
    }
    la_lab_run(lab, 1500); /* the SYNs of the others come once more, in vain */
    la_lab_gauge_read(gauge, lab, "the SYNs came again");
    struct la_listener_status status = la_lab_queues(lab);
    la_lab_expect(lab, status.accept_queue_n == BACKLOG_N, "%u connections wait, not %d",
                  status.accept_queue_n, BACKLOG_N);
    la_lab_expect(lab,
                  status.syn_dropped_n == CLIENTS_N &&
                      la_lab_count(lab, LA_SERVER, LA_EVENT_DROP, LA_REASON_ACCEPT_QUEUE_FULL) ==
                          CLIENTS_N,
                  "%llu SYNs were dropped", (unsigned long long)status.syn_dropped_n);
    la_lab_accepts(lab);
    la_lab_gauge_read(gauge, lab, "the application accepts");
    la_lab_expect(lab, la_lab_await(lab, all_are_up, lab), "the others did not come up");
    la_lab_run(lab, 100);
    la_lab_gauge_read(gauge, lab, "all are up");
    la_lab_expect(lab, la_lab_queues(lab).accept_queue_n == 0, "connections still wait");
}

/* Two handshakes at once for one place: the second to be complete finds none. */
static void
open_two_for_one(struct la_lab *lab)
{
    struct la_lab_gauge *gauge = lab->own;
    struct la_endpoint server = la_lab_server(false);
    lab->accepts = false;
    la_lab_listen(lab, 1);
    la_lab_gauge_read(gauge, lab, "listen(1)");
    la_lab_open(lab, LA_CLIENT, FIRST_PORT, &server);
    la_lab_open(lab, LA_CLIENT, FIRST_PORT + 1, &server);
    la_lab_run(lab, 15);
    la_lab_gauge_read(gauge, lab, "two SYNs came");
    la_lab_run(lab, 100);
    la_lab_gauge_read(gauge, lab, "one place, taken by the first");
    la_lab_expect(
        lab, la_lab_queues(lab).accept_queue_n == 1 && la_lab_queues(lab).accept_dropped_n == 1,
        "the second third segment was not dropped");
}

static void
play_third_dropped(struct la_lab *lab)
{
    struct la_lab_gauge *gauge = lab->own;
    open_two_for_one(lab);
    la_lab_expect(lab, la_lab_queues(lab).syn_queue_n == 1, "the second is not half-open");
    la_lab_await_count(lab, LA_SERVER, LA_EVENT_SEGMENT_SENT, LA_CAUSE_RETRANSMIT_RTO, 1);
    la_lab_run(lab, 100);
    la_lab_gauge_read(gauge, lab, "SYN,ACK again, in vain");
    la_lab_expect(lab, la_lab_queues(lab).accept_dropped_n == 2,
                  "the SYN,ACK was not answered again");
    la_lab_accepts(lab);
    la_lab_await_count(lab, LA_SERVER, LA_EVENT_STATE, LA_TCP_ESTABLISHED, 2);
    la_lab_run(lab, 100);
    la_lab_gauge_read(gauge, lab, "accepted: the next one fits");
    la_lab_expect(lab, la_lab_queues(lab).syn_queue_n == 0, "the second is still half-open");
}

static void
play_third_reset(struct la_lab *lab)
{
    la_lab_set(lab, LA_SETTING_ABORT_ON_OVERFLOW, 1);
    open_two_for_one(lab);
    la_lab_await_state(lab, LA_CLIENT, LA_TCP_CLOSED);
    la_lab_expect(lab, lab->end[LA_CLIENT].err == LA_ERR_CONNECTION_RESET,
                  "the client was told '%s'", la_strerror(lab->end[LA_CLIENT].err));
    la_lab_expect(lab, la_lab_queues(lab).syn_queue_n == 0, "the second is still half-open");
}

static void
tell_gauge(const struct la_lab *lab, const struct la_story_cfg *story)
{
    la_lab_gauge_put(lab->own, story);
}

static const struct la_lab_part backlog_parts[] = {
    {"SYNs find the accept queue full", NULL, play_syns_dropped},
    {"a third segment finds it full: dropped", NULL, play_third_dropped},
    {"the same, answered with RST (abort_on_overflow)", NULL, play_third_reset},
};

const struct la_scenario la_scenario_backlog = {
    .name = "backlog",
    .summary = "the accept queue is full: dropped, or reset",
    .intro =
        "A connection that is complete waits in the listener's accept queue until the "
        "application takes it. Its length is what listen() calls backlog, somaxconn of the stack "
        "at most: listen(8) is two here. (Half-open connections have a queue of their own, "
        "'syn-queue'.) The application is busy. Two clients are served by the stack alone: they "
        "are in ESTABLISHED, although nobody has accepted them. The SYNs of the third and fourth "
        "are dropped without a word, so that they come again later; a RST would tell the clients "
        "that nobody listens. RFC 9293 leaves this to the implementation (3.9.1.1). Then the "
        "application accepts.\n"
        "In the second part the queue has room for one, and two handshakes are under way when it "
        "fills. The third segment of the second is dropped, as if it had been lost: its client is "
        "in ESTABLISHED, the server is not, and sends the SYN,ACK again. With abort_on_overflow "
        "(part 3) it is answered with RST, and the client learns at once.",
    .look = "To its client, a connection that waits in the queue looks like any other: it may "
            "send.\n"
            "The clients that were kept out notice nothing but a slow connection: 1 s, 3 s, the "
            "times of the SYN's retransmission.\n"
            "Parts 2 and 3, last line: patience, or the truth. Linux does the first unless "
            "tcp_abort_on_overflow is set.",
    .parts = backlog_parts,
    .parts_n = 3,
    .tell = tell_gauge,
    .own_bytes = sizeof(struct la_lab_gauge),
};

/* ---- keepalive -------------------------------------------------------------------------- */

static void
setup_keepalive(struct la_bed_cfg *cfg)
{
    cfg->tcp[LA_CLIENT].keepalive = true;
    cfg->tcp[LA_CLIENT].keepalive_idle_s = IDLE_S;
    cfg->tcp[LA_CLIENT].keepalive_interval_s = INTERVAL_S;
    cfg->tcp[LA_CLIENT].keepalive_probes_n = PROBES_N;
}

/* A connection that has been of use: both ends have seen the other's real window. */
static void
establish_and_use(struct la_lab *lab)
{
    la_lab_establish(lab);
    la_lab_send(lab, LA_CLIENT, REQUEST_BYTES);
    la_lab_await_octets(lab, LA_SERVER, REQUEST_BYTES);
    la_lab_send(lab, LA_SERVER, ANSWER_BYTES);
    la_lab_await_octets(lab, LA_CLIENT, ANSWER_BYTES);
    la_lab_run(lab, 100);
    la_lab_mark(lab);
}

static void
play_keepalive(struct la_lab *lab)
{
    establish_and_use(lab);
    la_lab_await_count(lab, LA_CLIENT, LA_EVENT_SEGMENT_ARRIVED, LA_LAB_ANY, 1);
    la_lab_expect_flow(lab, "C:A S:A");
    la_lab_expect(lab, lab->end[LA_CLIENT].state == LA_TCP_ESTABLISHED, "an answer ended it");
    la_lab_lose(lab, LA_CLIENT,
                (struct la_lab_pick){.text_bytes_max = UINT32_MAX, .times_n = UINT32_MAX});
    la_lab_await_state(lab, LA_CLIENT, LA_TCP_CLOSED);
    la_lab_run(lab, 100);
    size_t probes_n = la_lab_count(lab, LA_CLIENT, LA_EVENT_SEGMENT_SENT, LA_CAUSE_KEEPALIVE);
    la_lab_expect(lab, probes_n == 1 + PROBES_N, "%zu probes were sent, not %d", probes_n,
                  1 + PROBES_N);
    la_lab_expect(lab, lab->end[LA_CLIENT].err == LA_ERR_TIMED_OUT, "the client was told '%s'",
                  la_strerror(lab->end[LA_CLIENT].err));
}

/* ---- keepalive, and the user timeout ---------------------------------------------------- */

static void
setup_user_timeout(struct la_bed_cfg *cfg)
{
    cfg->tcp[LA_CLIENT].user_timeout_ms = USER_TIMEOUT_MS;
}

static void
play_user_timeout(struct la_lab *lab)
{
    establish_and_use(lab);
    la_lab_lose(lab, LA_CLIENT,
                (struct la_lab_pick){.text_bytes_max = UINT32_MAX, .times_n = UINT32_MAX});
    la_lab_send(lab, LA_CLIENT, REQUEST_BYTES);
    la_lab_await_state(lab, LA_CLIENT, LA_TCP_CLOSED);
    la_lab_run(lab, 100);
    const struct la_event *sent = la_lab_sent(lab, LA_CLIENT, 0, 0, 0);
    const struct la_event *over = la_lab_find(lab, LA_CLIENT, LA_EVENT_TIMER, LA_TIMER_USER, 0);
    la_lab_expect(lab,
                  sent != NULL && over != NULL &&
                      la_lab_apart(sent, over, USER_TIMEOUT_MS * LA_US_PER_MS) &&
                      over->u.timer.after_us == USER_TIMEOUT_MS * LA_US_PER_MS,
                  "the user timeout did not end it after %d ms", USER_TIMEOUT_MS);
    la_lab_expect(lab,
                  la_lab_count(lab, LA_CLIENT, LA_EVENT_SEGMENT_SENT, LA_CAUSE_RETRANSMIT_RTO) >= 3,
                  "nothing was sent again meanwhile");
    la_lab_expect(lab, lab->end[LA_CLIENT].err == LA_ERR_TIMED_OUT, "the client was told '%s'",
                  la_strerror(lab->end[LA_CLIENT].err));
}

static const struct la_lab_part keepalive_parts[] = {
    {"an idle connection is probed", setup_keepalive, play_keepalive},
    {"the user timeout: octets unacknowledged for ten seconds", setup_user_timeout,
     play_user_timeout},
};

const struct la_scenario la_scenario_keepalive = {
    .name = "keepalive",
    .summary = "an idle connection is probed; the user timeout",
    .intro =
        "TCP sends nothing on an idle connection: it can outlive a broken cable by days. "
        "Keep-alives are an extra, off by default (RFC 9293 3.8.4, MUST-24, MUST-25). The client "
        "has "
        "them on, with 60 s of silence instead of the usual two hours, then 10 s between probes, "
        "three of them. A probe is an empty segment with a number that has been acknowledged "
        "already, so that it must be answered. The first one is. Then the wire is cut.\n"
        "Keep-alives are for silence. An application that has octets under way can say how long "
        "they may stay unacknowledged: the user timeout of OPEN and SEND (3.9.1.1, 3.10.8), "
        "TCP_USER_TIMEOUT to programs. In the second part it is ten seconds; without it, 15 "
        "retransmissions would take a quarter of an hour.",
    .look = "The probe's sequence number is one less than the next to be sent.\n"
            "One unanswered probe means nothing (MUST-29): it may have been lost.\n"
            "The server, which has no keep-alives, keeps its half of the connection for ever.\n"
            "The user timeout counts from the first octet that nobody has acknowledged, whatever "
            "the back-off of the retransmission timer is.",
    .parts = keepalive_parts,
    .parts_n = 2,
};
