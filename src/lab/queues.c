/* SPDX-License-Identifier: MIT
 *
 * queues.c - scenarios: a listener's queues, and connections that rest
 */
#include "lab/scenario.h"

#include <stdint.h>

#include "base/time.h"

enum { BACKLOG_N = 2, CLIENTS_N = 4, FIRST_PORT = 50001 };
enum { IDLE_S = 60, INTERVAL_S = 10, PROBES_N = 3 };
enum { REQUEST_BYTES = 100, ANSWER_BYTES = 200, USER_TIMEOUT_MS = 10000 };

/* ---- backlog ---------------------------------------------------------------------------- */

static uint32_t
waiting_n(const struct la_lab *lab)
{
    struct la_listener_status status = {.accept_queue_n = 0};
    la_err err = la_listener_status(lab->bed->stack[LA_SERVER], lab->listener, &status);
    return err == LA_OK ? status.accept_queue_n : UINT32_MAX;
}

static bool
all_are_up(void *ctx)
{
    const struct la_lab *lab = ctx;
    return la_lab_count(lab, LA_SERVER, LA_EVENT_STATE, LA_TCP_ESTABLISHED) == CLIENTS_N;
}

static void
play_backlog(struct la_lab *lab)
{
    struct la_endpoint server = la_lab_server(false);
    lab->accepts = false;
    la_lab_listen(lab, BACKLOG_N);
    for (uint16_t i = 0; i < CLIENTS_N; i++) {
        la_lab_open(lab, LA_CLIENT, (uint16_t)(FIRST_PORT + i), &server);
        la_lab_run(lab, 100);
    }
    la_lab_run(lab, 1500); /* the SYNs of the others come once more, in vain */
    la_lab_expect(lab, waiting_n(lab) == BACKLOG_N, "%u connections wait, not %d", waiting_n(lab),
                  BACKLOG_N);
    size_t dropped_n = la_lab_count(lab, LA_SERVER, LA_EVENT_DROP, LA_REASON_ACCEPT_QUEUE_FULL);
    la_lab_expect(lab, dropped_n >= CLIENTS_N, "%zu SYNs were dropped", dropped_n);
    la_lab_accepts(lab);
    la_lab_expect(lab, la_lab_await(lab, all_are_up, lab), "the others did not come up");
    la_lab_run(lab, 100);
    la_lab_expect(lab, waiting_n(lab) == 0, "connections still wait");
}

static const struct la_lab_part backlog_parts[] = {{NULL, NULL, play_backlog}};

const struct la_scenario la_scenario_backlog = {
    .name = "backlog",
    .summary = "the accept queue is full, and SYNs are dropped",
    .intro =
        "A connection that is complete waits in the listener's accept queue until the "
        "application takes it; its length is what listen() calls backlog, here two. The "
        "application is busy. Two clients are served by the stack alone: they are in ESTABLISHED, "
        "although nobody has accepted them. The SYNs of the third and fourth are dropped without "
        "a word, so that they come again later; a RST would tell the clients that nobody "
        "listens. RFC 9293 leaves this to the implementation (3.9.1.1).\n"
        "Then the application accepts.",
    .look =
        "To its client, a connection that waits in the queue looks like any other: it may send.\n"
        "The clients that were kept out notice nothing but a slow connection: 1 s, 3 s, the times "
        "of the SYN's retransmission.",
    .parts = backlog_parts,
    .parts_n = 1,
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
