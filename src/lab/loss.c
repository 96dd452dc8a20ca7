/* SPDX-License-Identifier: MIT
 *
 * loss.c - scenarios: segments get lost, and are sent again
 */
#include "lab/scenario.h"

#include <stdint.h>

#include "base/time.h"

enum { SMALL_BYTES = 500, LARGE_BYTES = 20000, TIMES_LOST = 3, THIRD = 2 };
enum { DELAY_MS = 10, RATE_BPS = 10000000 };
enum { HOLES = 3, FIRST_HOLE = 1, ROUND_TRIP_US = 25000 };

/* ---- rto -------------------------------------------------------------------------------- */

static void
play_rto(struct la_lab *lab)
{
    la_lab_establish(lab);
    la_lab_run(lab, 100);
    la_lab_mark(lab);
    la_lab_lose(lab, LA_CLIENT,
                (struct la_lab_pick){
                    .text_bytes_min = 1, .text_bytes_max = UINT32_MAX, .times_n = TIMES_LOST});
    la_lab_send(lab, LA_CLIENT, SMALL_BYTES);
    la_lab_await_octets(lab, LA_SERVER, SMALL_BYTES);
    la_lab_run(lab, 500);
    la_lab_send(lab, LA_CLIENT, SMALL_BYTES); /* after the repair all is as before */
    la_lab_await_octets(lab, LA_SERVER, 2 * SMALL_BYTES);
    la_lab_run(lab, 500);

    la_lab_expect_octets(lab, LA_SERVER, 2 * SMALL_BYTES);
    size_t again_n = la_lab_count(lab, LA_CLIENT, LA_EVENT_SEGMENT_SENT, LA_CAUSE_RETRANSMIT_RTO);
    la_lab_expect(lab, again_n == TIMES_LOST, "%zu retransmissions by timeout, not %d", again_n,
                  TIMES_LOST);
    for (size_t i = 0; i < TIMES_LOST; i++) {
        const struct la_event *timer =
            la_lab_find(lab, LA_CLIENT, LA_EVENT_TIMER, LA_TIMER_RETRANSMIT, i);
        la_lab_expect(lab,
                      timer != NULL && timer->u.timer.backoff_n == i + 1 &&
                          timer->u.timer.next_us == 2 * timer->u.timer.after_us,
                      "the timeout did not double");
    }
}

static void
setup_rto(struct la_bed_cfg *cfg)
{
    cfg->tcp[LA_CLIENT].rack = false; /* a tail loss probe would take the first timeout's place */
}

static const struct la_lab_part rto_parts[] = {{NULL, setup_rto, play_rto}};

const struct la_scenario la_scenario_rto = {
    .name = "rto",
    .summary = "the retransmission timeout, with back-off, then recovery",
    .intro =
        "One segment of 500 octets is lost three times in a row. Nothing follows it that could "
        "cause a duplicate acknowledgement, so only the timer helps: the retransmission timeout, "
        "computed from the measured round-trip time (RFC 6298 2), here at its minimum of "
        "200 ms. Each expiry sends the earliest unacknowledged segment again and doubles the "
        "timeout "
        "(5.4 to 5.6); the congestion window falls to one segment (RFC 5681 3.1). The fourth "
        "transmission arrives.",
    .look = "The intervals: 200, 400, 800 ms. The lost segments end at an x on the wire.\n"
            "The acknowledgement after the repair is no round-trip sample by itself: which of four "
            "transmissions it answers, only the timestamps tell (RFC 6298 3, RFC 7323 4).\n"
            "The next segment needs no repair, and the back-off is over.",
    .parts = rto_parts,
    .parts_n = 1,
};

/* ---- fast-retransmit -------------------------------------------------------------------- */

static size_t
count_fast(const struct la_lab *lab)
{
    return la_lab_count(lab, LA_CLIENT, LA_EVENT_SEGMENT_SENT, LA_CAUSE_RETRANSMIT_FAST) +
           la_lab_count(lab, LA_CLIENT, LA_EVENT_SEGMENT_SENT, LA_CAUSE_RETRANSMIT_SACK) +
           la_lab_count(lab, LA_CLIENT, LA_EVENT_SEGMENT_SENT, LA_CAUSE_RETRANSMIT_RACK);
}

static void
play_fast_retransmit(struct la_lab *lab)
{
    la_lab_establish(lab);
    la_lab_run(lab, 100);
    la_lab_mark(lab);
    la_lab_lose(
        lab, LA_CLIENT,
        (struct la_lab_pick){
            .text_bytes_min = 1, .text_bytes_max = UINT32_MAX, .spare_n = THIRD, .times_n = 1});
    la_lab_send(lab, LA_CLIENT, LARGE_BYTES);
    la_lab_await_octets(lab, LA_SERVER, LARGE_BYTES);
    la_lab_run(lab, 500);
    la_lab_expect_octets(lab, LA_SERVER, LARGE_BYTES);
    size_t dup_n = la_lab_count(lab, LA_SERVER, LA_EVENT_SEGMENT_SENT, LA_CAUSE_ACK_DUPLICATE);
    la_lab_expect(lab, dup_n >= 3, "%zu duplicate acknowledgements are too few", dup_n);
    la_lab_expect(lab, count_fast(lab) == 1, "%zu fast retransmissions, not 1", count_fast(lab));
    la_lab_expect(lab,
                  la_lab_count(lab, LA_CLIENT, LA_EVENT_SEGMENT_SENT, LA_CAUSE_RETRANSMIT_RTO) == 0,
                  "the timer had to help");
}

static void
setup_slow_path(struct la_bed_cfg *cfg)
{
    la_bed_cfg_path(cfg, DELAY_MS, RATE_BPS);
    cfg->tcp[LA_CLIENT].rack = false; /* the rules before RFC 8985; scenario "rack" has that */
}

static const struct la_lab_part fast_retransmit_parts[] = {
    {NULL, setup_slow_path, play_fast_retransmit}};

const struct la_scenario la_scenario_fast_retransmit = {
    .name = "fast-retransmit",
    .summary = "three duplicate ACKs repair a loss without the timer",
    .intro =
        "The client sends 20000 octets, and the third segment is lost. What follows it arrives out "
        "of order; the server keeps it and repeats at once which octet it still waits for (RFC "
        "5681 "
        "4.2). The third such duplicate acknowledgement means that segments do arrive and one is "
        "missing: the client sends it again without waiting for the timer (RFC 5681 3.2, RFC "
        "6675 5). When the hole is filled, one acknowledgement jumps over everything.",
    .look =
        "Duplicate acknowledgements: the same number again and again, one for each segment behind "
        "the hole.\n"
        "The repair leaves about one round trip after the loss; the timer would have needed at "
        "least 200 ms.\n"
        "ssthresh becomes half of what was under way, and the congestion window goes on from "
        "there; "
        "it is not reset to one segment.",
    .parts = fast_retransmit_parts,
    .parts_n = 1,
};

/* ---- sack ------------------------------------------------------------------------------- */

static void
play_sack(struct la_lab *lab)
{
    la_lab_establish(lab);
    la_lab_run(lab, 100);
    la_lab_mark(lab);
    la_lab_lose(lab, LA_CLIENT,
                (struct la_lab_pick){.text_bytes_min = 1,
                                     .text_bytes_max = UINT32_MAX,
                                     .spare_n = FIRST_HOLE,
                                     .times_n = HOLES,
                                     .between_n = 1});
    la_lab_send(lab, LA_CLIENT, LARGE_BYTES);
    la_lab_await_octets(lab, LA_SERVER, LARGE_BYTES);
    la_lab_run(lab, 500);
    la_lab_expect_octets(lab, LA_SERVER, LARGE_BYTES);
    size_t again_n = la_lab_count(lab, LA_CLIENT, LA_EVENT_SEGMENT_SENT, LA_CAUSE_RETRANSMIT_SACK);
    la_lab_expect(lab, again_n == HOLES, "%zu repairs, not %d", again_n, HOLES);
    const struct la_event *first =
        la_lab_find(lab, LA_CLIENT, LA_EVENT_SEGMENT_SENT, LA_CAUSE_RETRANSMIT_SACK, 0);
    const struct la_event *last =
        la_lab_find(lab, LA_CLIENT, LA_EVENT_SEGMENT_SENT, LA_CAUSE_RETRANSMIT_SACK, HOLES - 1);
    la_lab_expect(lab,
                  first != NULL && last != NULL &&
                      la_instant_diff_us(last->at, first->at) < ROUND_TRIP_US,
                  "the repairs took more than a round trip");
    la_lab_expect(lab,
                  la_lab_count(lab, LA_CLIENT, LA_EVENT_SEGMENT_SENT, LA_CAUSE_RETRANSMIT_RTO) == 0,
                  "the timer had to help");
}

static const struct la_lab_part sack_parts[] = {{NULL, setup_slow_path, play_sack}};

const struct la_scenario la_scenario_sack = {
    .name = "sack",
    .summary = "three holes in one window, repaired in one round trip",
    .intro =
        "The client sends 20000 octets, and of the first window the second, fourth and sixth "
        "segment are lost. The server's acknowledgements repeat the number that it waits for, and "
        "say in SACK blocks which octets behind it have arrived (RFC 2018). What lies below enough "
        "of them is lost (RFC 6675 4): the client sends one hole after the other again as "
        "the octets in the network become fewer than the halved window, and does not wait for each "
        "repair to be acknowledged before the next, as it would have to without SACK (RFC 6582).",
    .look = "The blocks: the newest first, growing; the holes are what lies between them.\n"
            "Three repairs, each said to be a hole between SACK blocks, within one round trip.\n"
            "One recovery: the congestion window is halved once, not once for each loss.",
    .parts = sack_parts,
    .parts_n = 1,
};
