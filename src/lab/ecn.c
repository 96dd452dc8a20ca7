/* SPDX-License-Identifier: MIT
 *
 * ecn.c - scenario: a queue marks segments instead of dropping them
 */
#include "lab/scenario.h"

#include "base/time.h"

enum { TEXT_BYTES = 60000, DELAY_MS = 10, RATE_BPS = 10000000, MARK_N = 6 };

static void
setup(struct la_bed_cfg *cfg)
{
    la_bed_cfg_path(cfg, DELAY_MS, RATE_BPS);
    cfg->impair[LA_CLIENT].mark_n = MARK_N;
    cfg->tcp[LA_CLIENT].ecn = LA_ECN_ASK;
}

static bool
agreed(const struct la_lab *lab, int end)
{
    const struct la_event *event = la_lab_find(lab, end, LA_EVENT_NEGOTIATED, LA_LAB_ANY, 0);
    return event != NULL && event->u.negotiated.ecn;
}

static void
transfer(struct la_lab *lab)
{
    la_lab_establish(lab);
    la_lab_run(lab, 100);
    la_lab_send_close(lab, LA_CLIENT, TEXT_BYTES);
    la_lab_await_octets(lab, LA_SERVER, TEXT_BYTES);
    la_lab_close(lab, LA_SERVER);
    la_lab_await_state(lab, LA_CLIENT, LA_TCP_TIME_WAIT);
    la_lab_expect_octets(lab, LA_SERVER, TEXT_BYTES);
}

/* ---- the queue marks -------------------------------------------------------------------- */

/* One window, one reduction: whatever else was marked in it. */
static void
expect_reductions_apart(struct la_lab *lab, size_t reduced_n)
{
    for (size_t i = 1; i < reduced_n; i++) {
        const struct la_event *before =
            la_lab_find(lab, LA_CLIENT, LA_EVENT_ECN, LA_ECN_REDUCED, i - 1);
        const struct la_event *event = la_lab_find(lab, LA_CLIENT, LA_EVENT_ECN, LA_ECN_REDUCED, i);
        la_lab_expect(lab, la_instant_diff_us(event->at, before->at) >= 2 * DELAY_MS * LA_US_PER_MS,
                      "the window was reduced twice in a round trip");
    }
}

static void
play_marks(struct la_lab *lab)
{
    transfer(lab);
    la_lab_expect(lab, agreed(lab, LA_CLIENT) && agreed(lab, LA_SERVER), "ECN was not agreed");
    size_t marked_n = la_lab_count(lab, LA_CLIENT, LA_EVENT_WIRE, LA_WIRE_MARKED);
    size_t reduced_n = la_lab_count(lab, LA_CLIENT, LA_EVENT_ECN, LA_ECN_REDUCED);
    size_t seen_n = la_lab_count(lab, LA_SERVER, LA_EVENT_ECN, LA_ECN_MARK_SEEN);
    la_lab_expect(lab, marked_n > 0, "the queue marked nothing");
    la_lab_expect(lab, seen_n > 0, "the server saw no mark");
    la_lab_expect(lab, reduced_n > 0 && reduced_n <= marked_n, "%zu marks, %zu reductions",
                  marked_n, reduced_n);
    expect_reductions_apart(lab, reduced_n);
    const uint8_t cwr = LA_TCP_CWR | LA_TCP_SYN;
    la_lab_expect(lab, la_lab_sent(lab, LA_CLIENT, cwr, LA_TCP_CWR, 0) != NULL,
                  "the client did not say CWR");
    la_lab_expect(lab, la_lab_sent(lab, LA_CLIENT, cwr, LA_TCP_CWR, reduced_n) == NULL,
                  "the client said CWR more often than it reduced its window");
    la_lab_expect(lab, la_lab_count(lab, LA_SERVER, LA_EVENT_ECN, LA_ECN_ECHO_ENDS) > 0,
                  "the server did not stop to echo");
    la_lab_expect(lab, la_lab_count(lab, LA_CLIENT, LA_EVENT_WIRE, LA_WIRE_DROPPED) == 0,
                  "something was dropped");
}

/* ---- a middlebox ------------------------------------------------------------------------ */

static void
play_middlebox(struct la_lab *lab)
{
    const uint8_t asks = LA_TCP_SYN | LA_TCP_ECE | LA_TCP_CWR;
    la_lab_lose(lab, LA_CLIENT,
                (struct la_lab_pick){.flags_mask = asks,
                                     .flags = asks,
                                     .text_bytes_max = UINT32_MAX,
                                     .times_n = UINT32_MAX});
    transfer(lab);
    la_lab_expect(lab, lab->pick[LA_CLIENT].lost_n == 1, "%u SYNs that ask were lost, not 1",
                  lab->pick[LA_CLIENT].lost_n);
    la_lab_expect(lab, !agreed(lab, LA_CLIENT) && !agreed(lab, LA_SERVER), "ECN was agreed");
    la_lab_expect(lab, la_lab_count(lab, LA_CLIENT, LA_EVENT_ECN, LA_ECN_SYN_PLAIN) == 1,
                  "the client did not give ECN up");
    la_lab_expect(lab, la_lab_count(lab, LA_CLIENT, LA_EVENT_WIRE, LA_WIRE_MARKED) == 0,
                  "segments were marked although no end is capable of ECN");
}

static const struct la_lab_part parts[] = {
    {"a queue that marks", setup, play_marks},
    {"a middlebox that drops SYNs which ask for ECN", setup, play_middlebox},
};

const struct la_scenario la_scenario_ecn = {
    .name = "ecn",
    .summary = "congestion is marked instead of dropped: CE, ECE, CWR",
    .intro =
        "The SYNs agree on explicit congestion notification (RFC 3168 6.1.1): ECE and CWR in the "
        "SYN "
        "ask, ECE alone in the SYN,ACK agrees. New text then travels as ECT(0) in its IP header. "
        "The "
        "queue before the 10 Mbit/s line marks such packets from the sixth waiting one on (CE). "
        "The "
        "server says so in each acknowledgement (ECE) until it hears that the client has acted "
        "(CWR); the client halves its window once, as for a loss, but nothing was lost.\n"
        "In the second part somebody on the path drops SYNs with these bits, as some firewalls "
        "did. "
        "The repetition does not ask, and the connection comes up without ECN (6.1.1.1).",
    .look = "ECE in acknowledgements, from the marked segment until the one with CWR.\n"
            "One reduction for all marks of one window.\n"
            "No retransmission, where a queue that drops would have cost some.",
    .parts = parts,
    .parts_n = 2,
};
