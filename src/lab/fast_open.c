/* SPDX-License-Identifier: MIT
 *
 * fast_open.c - scenario: text in the SYN, once the server has given a cookie
 *
 * Read first: RFC 7413 1, 3, 4.2; docs/theory/fast-open.md.
 */
#include "lab/scenario.h"

#include "base/time.h"

enum { REQUEST_BYTES = 100, ANSWER_BYTES = 300, PENDING_N_MAX = 16 };

static void
setup(struct la_bed_cfg *cfg)
{
    cfg->tcp[LA_CLIENT].fast_open = true;
    cfg->tcp[LA_SERVER].fast_open_n_max = PENDING_N_MAX;
}

/* A request with the SYN, where that may be, and the answer to it. Returns how long it took. */
static int64_t
ask(struct la_lab *lab)
{
    struct la_endpoint local = {.port = 0}, server = la_lab_server(false);
    la_instant asked_at = lab->bed->now;
    la_handle conn;
    la_lab_mark(lab);
    la_lab_expect(lab,
                  la_conn_open(lab->bed->stack[LA_CLIENT], &local, &server, NULL, &conn,
                               lab->bed->now) == LA_OK,
                  "active OPEN failed");
    la_lab_send(lab, LA_CLIENT, REQUEST_BYTES);              /* before the SYN leaves */
    la_lab_await_state(lab, LA_SERVER, LA_TCP_SYN_RECEIVED); /* of this one */
    la_lab_await_octets(lab, LA_SERVER, REQUEST_BYTES);
    la_lab_send(lab, LA_SERVER, ANSWER_BYTES);
    la_lab_await_octets(lab, LA_CLIENT, ANSWER_BYTES);
    la_lab_expect_octets(lab, LA_SERVER, REQUEST_BYTES);
    la_lab_expect_octets(lab, LA_CLIENT, ANSWER_BYTES);
    return la_instant_diff_us(lab->bed->now, asked_at);
}

static void
hang_up(struct la_lab *lab)
{
    la_lab_run(lab, 100);
    la_lab_close(lab, LA_CLIENT);
    la_lab_run(lab, 100);
    la_lab_close(lab, LA_SERVER);
    la_lab_run(lab, 100);
}

/* The nth SYN of the client since the mark: with so much text, and the option or not. */
static void
expect_syn(struct la_lab *lab, size_t nth, uint32_t text_bytes, bool option)
{
    const struct la_event *syn = la_lab_sent(lab, LA_CLIENT, LA_TCP_SYN, LA_TCP_SYN, nth);
    la_lab_expect(lab,
                  syn != NULL && syn->u.segment.len == text_bytes &&
                      ((syn->u.segment.has & LA_SEG_HAS_FAST_OPEN) != 0) == option,
                  "SYN %zu is not the one that was to be shown", nth + 1);
}

/* Does the server's SYN,ACK acknowledge what came with the SYN, and tell a cookie? */
static void
expect_syn_ack(struct la_lab *lab, uint32_t text_bytes, bool cookie)
{
    const struct la_event *syn = la_lab_sent(lab, LA_CLIENT, LA_TCP_SYN, LA_TCP_SYN, 0);
    const struct la_event *answer = la_lab_sent(lab, LA_SERVER, LA_TCP_SYN, LA_TCP_SYN, 0);
    la_lab_expect(lab,
                  syn != NULL && answer != NULL &&
                      answer->u.segment.ack == syn->u.segment.seq + 1 + text_bytes &&
                      ((answer->u.segment.has & LA_SEG_HAS_FAST_OPEN) != 0) == cookie,
                  "the SYN,ACK is not the one that was to be shown");
}

static void
learn(struct la_lab *lab)
{
    la_lab_listen(lab, LA_LAB_BACKLOG_N);
    (void)ask(lab);
    expect_syn(lab, 0, 0, true);
    expect_syn_ack(lab, 0, true);
    hang_up(lab);
}

/* ---- the parts -------------------------------------------------------------------------- */

static void
play_learn_and_show(struct la_lab *lab)
{
    la_lab_listen(lab, LA_LAB_BACKLOG_N);
    int64_t first_us = ask(lab);
    expect_syn(lab, 0, 0, true);
    expect_syn_ack(lab, 0, true);
    hang_up(lab);
    int64_t second_us = ask(lab);
    expect_syn(lab, 0, REQUEST_BYTES, true);
    expect_syn_ack(lab, REQUEST_BYTES, false);
    la_lab_expect(lab, second_us * 3 <= first_us * 2, "a round trip was not saved");
    hang_up(lab);
}

static void
play_other_key(struct la_lab *lab)
{
    learn(lab);
    for (uint8_t i = 1; i <= 2; i++) { /* the one before it counts still */
        const uint8_t key[LA_FAST_OPEN_KEY_BYTES] = {i};
        la_stack_fast_open_key_set(lab->bed->stack[LA_SERVER], key);
    }
    (void)ask(lab);
    expect_syn(lab, 0, REQUEST_BYTES, true);
    expect_syn_ack(lab, 0, true);
    la_lab_expect(lab, la_lab_count(lab, LA_SERVER, LA_EVENT_DROP, LA_REASON_FAST_OPEN_COOKIE) == 1,
                  "the cookie was not found to be another's");
    hang_up(lab);
    (void)ask(lab);
    expect_syn(lab, 0, REQUEST_BYTES, true);
    expect_syn_ack(lab, REQUEST_BYTES, false);
}

static void
play_lost(struct la_lab *lab)
{
    learn(lab);
    la_lab_lose(lab, LA_CLIENT,
                (struct la_lab_pick){.flags_mask = LA_TCP_SYN,
                                     .flags = LA_TCP_SYN,
                                     .text_bytes_max = UINT32_MAX,
                                     .times_n = 1});
    (void)ask(lab);
    expect_syn(lab, 0, REQUEST_BYTES, true);
    expect_syn(lab, 1, 0, false);
    expect_syn_ack(lab, 0, false);
}

static const struct la_lab_part fast_open_parts[] = {
    {"a cookie is asked for, and shown", setup, play_learn_and_show},
    {"the server's key has changed", setup, play_other_key},
    {"the SYN with text is lost", setup, play_lost},
};

const struct la_scenario la_scenario_fast_open = {
    .name = "fast-open",
    .summary = "the request travels in the SYN: a round trip less",
    .intro =
        "A SYN may carry text, but it may also be forged: a server that serves what comes with it "
        "works for an address that never asked. With TCP Fast Open (RFC 7413) it does so only for "
        "clients that show a cookie, a keyed hash of both addresses, which it has sent them "
        "before. To have got it, the address must be the client's own.\n"
        "The first connection asks for the cookie (a Fast Open option without one) and is "
        "otherwise like any other: its request waits for the handshake. The second one shows the "
        "cookie, with the request in the SYN. The server's application gets it in SYN-RECEIVED and "
        "answers at once, behind the SYN,ACK.\n"
        "In part 2 the server's key has changed between the connections, twice, since the one "
        "before still counts. The cookie is none of its own then: the SYN alone is acknowledged, "
        "the text is sent again, and a new cookie comes with the SYN,ACK. In part 3 the SYN is "
        "lost. What was sent in vain may be a middlebox's doing, so the next one is an ordinary "
        "SYN (4.1.3.1).",
    .look =
        "The time from the client's SYN to the end of the answer: two round trips of 20 ms at the "
        "first connection, one at the second.\n"
        "The SYN,ACK of the second connection acknowledges the SYN and 100 octets; that of "
        "part 2 the SYN alone.\n"
        "The server sends text in SYN-RECEIVED, before the client's ACK has come.\n"
        "The same SYN, copied and sent later, would have the request served again: Fast Open "
        "is for requests that bear it (RFC 7413 2.1).",
    .parts = fast_open_parts,
    .parts_n = 3,
};
