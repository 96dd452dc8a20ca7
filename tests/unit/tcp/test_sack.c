/* SPDX-License-Identifier: MIT
 *
 * test_sack.c - what SACK blocks mean for what is sent again
 *
 * Read first: RFC 6675; RFC 2018 5, 8. RACK, which finds losses otherwise, is off. The scoreboard
 * is compared with a model that has one flag per octet and says RFC 6675 4 word by word; the rest
 * are scenarios with SMSS 1000.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "base/rng.h"
#include "base/time.h"
#include "peer.h"
#include "tcp/sack.h"

/* ---- the scoreboard and its model ------------------------------------------------------- */

enum { MODEL_SMSS = 10, MODEL_OCTETS = 400, DUP_THRESH = 3 };

static struct {
    bool sacked[MODEL_OCTETS];
    uint32_t una, nxt, high_rxt;
} model;

/* RFC 6675 4, IsLost(SeqNum). */
static bool
model_is_lost(uint32_t off)
{
    uint32_t runs_n = 0, octets_n = 0;
    for (uint32_t i = off + 1; i < model.nxt; i++) {
        octets_n += model.sacked[i];
        runs_n += model.sacked[i] && !model.sacked[i - 1];
    }
    return runs_n >= DUP_THRESH || octets_n > (DUP_THRESH - 1) * MODEL_SMSS;
}

/* SetPipe(), (a) and (b). */
static uint32_t
model_pipe(void)
{
    uint32_t pipe = 0;
    for (uint32_t i = model.una; i < model.nxt; i++) {
        if (model.sacked[i])
            continue;
        pipe += !model_is_lost(i);
        pipe += i < model.high_rxt;
    }
    return pipe;
}

/* NextSeg() (1), or (3) without (1.c). `nxt` when there is none. */
static uint32_t
model_next(bool must_be_lost)
{
    uint32_t highest = 0;
    for (uint32_t i = model.una; i < model.nxt; i++)
        if (model.sacked[i])
            highest = i;
    for (uint32_t i = model.una; i < highest; i++)
        if (!model.sacked[i] && i >= model.high_rxt && (!must_be_lost || model_is_lost(i)))
            return i;
    return model.nxt;
}

static void
compare(const struct la_tcp_conn *c, const struct la_tcp_busy *busy)
{
    struct la_tcp_again again;
    assert_int_equal(la_tcp_sack_is_lost(c, busy), model_is_lost(model.una));
    assert_int_equal(la_tcp_sack_pipe(c, busy), model_pipe());
    bool found = la_tcp_sack_next(c, busy, &again);
    assert_int_equal(found, model_next(true) < model.nxt);
    if (!found && (!la_tcp_sack_last_resort(c, busy, &again) || again.rescue)) {
        assert_int_equal(model_next(false), model.nxt);
        return;
    }
    uint32_t first = (uint32_t)la_seq_diff(again.first, c->iss);
    assert_int_equal(first, model_next(found));
    assert_in_range(again.n, 1, MODEL_SMSS);
    for (uint32_t i = first; i < first + again.n; i++)
        assert_false(model.sacked[i]);
    assert_true(again.n == MODEL_SMSS || model.sacked[first + again.n]);
}

static void
model_report(struct la_rng *rng, struct la_tcp_conn *c, struct la_tcp_busy *busy,
             struct la_tcp_env *env)
{
    struct la_tcp_todo todo = {.env = env};
    struct la_tcp_seg seg = {.ack = c->snd_una, .sack_n = 1 + (uint8_t)la_rng_below(rng, 4)};
    bool news = false;
    for (unsigned i = 0; i < seg.sack_n; i++) {
        uint32_t left = model.una + (uint32_t)la_rng_below(rng, model.nxt - model.una);
        uint32_t right = left + (uint32_t)la_rng_below(rng, 40);
        seg.sack[i].left = la_seq_add(c->iss, left);
        seg.sack[i].right = la_seq_add(c->iss, right);
    }
    for (unsigned i = la_tcp_seg_has_dsack(&seg); i < seg.sack_n; i++) {
        uint32_t left = (uint32_t)la_seq_diff(seg.sack[i].left, c->iss);
        uint32_t right = (uint32_t)la_seq_diff(seg.sack[i].right, c->iss);
        for (uint32_t k = left; left > model.una && right <= model.nxt && k < right; k++) {
            news |= !model.sacked[k];
            model.sacked[k] = true;
        }
    }
    assert_int_equal(la_tcp_sack_update(c, busy, &seg, &todo), news);
}

/* LEDGER: RFC6675-1, RFC6675-3, RFC6675-4, RFC6675-5 */
static void
test_sack__agrees_with_the_model(void **state)
{
    (void)state;
    struct la_mem *mem = la_mem_new(la_host_alloc(), 0);
    for (uint64_t seed = 0; seed < 400; seed++) {
        struct la_rng rng;
        la_rng_init(&rng, &(struct la_seed){{seed}}, "sack");
        struct la_tcp_env env = {.mem = mem};
        struct la_tcp_busy busy = {0};
        struct la_tcp_conn c = {.smss = MODEL_SMSS, .iss = la_seq_of((uint32_t)(0 - seed))};
        memset(&model, 0, sizeof(model));
        model.nxt = 100 + (uint32_t)la_rng_below(&rng, 250);
        c.snd_una = busy.high_rxt = busy.rescue_rxt = c.iss;
        c.snd_nxt = la_seq_add(c.iss, model.nxt);
        while (model.una < model.nxt) {
            model_report(&rng, &c, &busy, &env);
            compare(&c, &busy);
            if (la_rng_below(&rng, 3) == 0) {
                uint32_t next = model_next(false);
                model.high_rxt = next < model.nxt ? next + 1 : model.high_rxt;
                busy.high_rxt = la_seq_add(c.iss, model.high_rxt);
            }
            if (la_rng_below(&rng, 4) != 0)
                continue;
            model.una += 1 + (uint32_t)la_rng_below(&rng, 30);
            while (model.una < model.nxt && model.sacked[model.una])
                model.una++;
            model.una = model.una < model.nxt ? model.una : model.nxt;
            c.snd_una = la_seq_add(c.iss, model.una);
            assert_false(la_tcp_sack_advance(&c, &busy));
        }
        la_tcp_scoreboard_fini(&busy.board, mem);
    }
    la_mem_unref(mem);
}

/* ---- scenarios -------------------------------------------------------------------------- */

enum { SMSS = 1000, RTT_US = 100000, WINDOW_N = 20 };

static struct peer p;
static la_handle conn;
static la_seq base; /* number of the first octet */

static void
initial_window_20(struct la_stack_cfg *cfg)
{
    cfg->tcp.initial_window_n = WINDOW_N;
    peer_reno(cfg);
    cfg->tcp.rack = false;
    cfg->tcp.nagle = false;
}

struct blocks {
    uint32_t at[2 * LA_TCP_SACK_MAX]; /* left, right, left, ...; 0 ends */
};

/* An ACK of the first n octets with blocks, counted from the first octet. */
static void
ack(uint32_t n, struct blocks blocks)
{
    struct la_tcp_seg seg = peer_usual(&p, LA_TCP_ACK);
    seg.ack = la_seq_add(base, n);
    for (unsigned i = 0; i < LA_TCP_SACK_MAX && blocks.at[2 * i + 1] != 0; i++) {
        seg.sack[i].left = la_seq_add(base, blocks.at[2 * i]);
        seg.sack[i].right = la_seq_add(base, blocks.at[2 * i + 1]);
        seg.sack_n++;
    }
    peer_say(&p, &seg, NULL, 0);
}

#define ACK(n, ...) ack(n, (struct blocks){{__VA_ARGS__}})

static void
expect_sent(uint32_t first, uint32_t end_off)
{
    for (uint32_t off = first; off < end_off; off += SMSS) {
        const struct peer_seg *seg = peer_expect(&p, LA_TCP_ACK);
        assert_int_equal(la_seq_diff(seg->tcp.seq, base), off);
        assert_int_equal(seg->tcp.text_bytes, end_off - off < SMSS ? end_off - off : SMSS);
    }
    assert_int_equal(p.seg_n, 0);
}

/* 20 segments in flight; `more` segments wait behind them. The first two are acknowledged. */
static void
begin(bool sack, uint32_t more)
{
    peer_new(&p, &(struct peer_cfg){.stack = initial_window_20});
    p.wnd = 65535;
    la_handle listener = peer_listen(&p, 1);
    peer_say_syn(&p, LA_TCP_SYN, &(struct peer_options){.mss = SMSS, .wscale = 0, .sack = sack});
    assert_int_equal(
        (peer_expect(&p, LA_TCP_SYN | LA_TCP_ACK)->tcp.has & LA_TCP_HAS_SACK_PERMITTED) != 0, sack);
    peer_run_us(&p, RTT_US);
    peer_send(&p, LA_TCP_ACK, NULL, 0);
    assert_int_equal(la_listener_accept(p.stack, listener, &conn, p.now), LA_OK);
    base = p.rcv_nxt;
    peer_user_send(&p, conn, (WINDOW_N + more) * SMSS);
    expect_sent(0, WINDOW_N * SMSS);
    peer_run_us(&p, RTT_US);
    ACK(2000, 0);
    peer_forget(&p);
}

static void
end(void)
{
    assert_int_equal(la_conn_abort(p.stack, conn, p.now), LA_OK);
    peer_forget(&p);
    peer_free(&p);
}

static void
expect_recovery(uint16_t n)
{
    assert_int_equal(peer_status(&p, conn).fast_retransmits_n, n);
    assert_int_equal(peer_status(&p, conn).rto_n, 0);
}

/* Holes at 2000, 5000, 9000. Flight 18,000: ssthresh and cwnd become 9000; the repairs go out as
 * the pipe falls below it, all within the round trip. */
/* LEDGER: RFC2018-10, RFC2018-11, RFC6675-12, RFC6675-14, RFC6675-15 */
static void
test_sack__three_holes_in_one_round_trip(void **state)
{
    (void)state;
    begin(true, 0);
    ACK(2000, 3000, 4000);
    ACK(2000, 3000, 5000);
    peer_expect_none(&p);
    expect_recovery(0);
    ACK(2000, 6000, 7000, 3000, 5000); /* DupAcks reaches DupThresh */
    expect_sent(2000, 3000);
    assert_int_equal(p.last[LA_EVENT_SEGMENT_SENT].u.segment.cause, LA_CAUSE_RETRANSMIT_SACK);
    expect_recovery(1);
    assert_int_equal(peer_status(&p, conn).cwnd_bytes, 9000);
    assert_int_equal(peer_status(&p, conn).ssthresh_bytes, 9000);
    ACK(2000, 6000, 9000, 3000, 5000);
    ACK(2000, 10000, 12000, 6000, 9000, 3000, 5000);
    peer_expect_none(&p); /* pipe is 10,000 */
    ACK(2000, 10000, 13000, 6000, 9000, 3000, 5000);
    expect_sent(5000, 6000);
    assert_int_equal(p.last[LA_EVENT_SEGMENT_SENT].u.segment.cause, LA_CAUSE_RETRANSMIT_SACK);
    ACK(2000, 10000, 14000, 6000, 9000, 3000, 5000);
    expect_sent(9000, 10000);
    for (uint32_t right = 15000; right <= 20000; right += SMSS)
        ACK(2000, 10000, right, 6000, 9000, 3000, 5000);
    peer_expect_none(&p);
    peer_run_us(&p, RTT_US);
    ACK(5000, 10000, 20000, 6000, 9000);
    ACK(9000, 10000, 20000);
    peer_expect_none(&p);
    assert_int_equal(p.last[LA_EVENT_CONGESTION].u.congestion.phase, LA_CC_RECOVERY);
    ACK(20000, 0);
    assert_int_not_equal(p.last[LA_EVENT_CONGESTION].u.congestion.phase, LA_CC_RECOVERY);
    expect_recovery(1);
    assert_int_equal(peer_status(&p, conn).retransmissions_n, 3);
    assert_int_equal(peer_status(&p, conn).cwnd_bytes, 9000);
    end();
}

/* RFC 6675 5 (2): more than (DupThresh - 1) * SMSS octets above, in the first such ACK. */
/* LEDGER: RFC6675-11 */
static void
test_sack__lost_by_octets(void **state)
{
    (void)state;
    begin(true, 0);
    ACK(2000, 3000, 5000);
    peer_expect_none(&p);
    ACK(2000, 3000, 5001);
    expect_sent(2000, 3000);
    expect_recovery(1);
    end();
}

/* NextSeg() rule 2: no hole is lost beyond HighRxt, so new data follows; cwnd - pipe >= SMSS. */
/* LEDGER: RFC6675-6 */
static void
test_sack__new_data_in_recovery(void **state)
{
    (void)state;
    begin(true, 10);
    ACK(2000, 3000, 6000); /* 20000 to 24000 went out in slow start; flight is 22,000 */
    expect_sent(2000, 3000);
    assert_int_equal(peer_status(&p, conn).cwnd_bytes, 11000);
    ACK(2000, 3000, 13000); /* pipe 12,000 */
    peer_expect_none(&p);
    ACK(2000, 3000, 14000); /* 11,000 */
    peer_expect_none(&p);
    ACK(2000, 3000, 14500); /* less than SMSS is free */
    peer_expect_none(&p);
    ACK(2000, 3000, 15000);
    expect_sent(24000, 25000);
    ACK(2000, 3000, 17000);
    expect_sent(25000, 27000);
    end();
}

/* Rules 3 and 4: without new data, a hole that is not surely lost, then the end of what is out. */
/* LEDGER: RFC6675-7, RFC6675-8, RFC6675-9, RFC6675-13 */
static void
test_sack__last_resort(void **state)
{
    (void)state;
    begin(true, 0);
    ACK(2000, 3000, 6000);
    expect_sent(2000, 3000);
    ACK(2000, 3000, 15000);
    peer_expect_none(&p);
    ACK(2000, 16000, 17000, 3000, 15000); /* 1000 octets above the hole at 15000 */
    expect_sent(15000, 16000);
    ACK(2000, 16000, 18000, 3000, 15000);
    peer_expect_none(&p);
    ACK(15000, 16000, 18000);
    expect_sent(19000, 20000); /* the rescue */
    ACK(18000, 0);
    peer_expect_none(&p); /* is one */
    ACK(20000, 0);
    assert_int_not_equal(p.last[LA_EVENT_CONGESTION].u.congestion.phase, LA_CC_RECOVERY);
    assert_int_equal(peer_status(&p, conn).retransmissions_n, 3);
    expect_recovery(1);
    end();
}

/* RFC 3042 2, RFC 6675 2: without new blocks there is nothing to learn from a duplicate. */
/* LEDGER: RFC2018-14, RFC5681-21 */
static void
test_sack__duplicates_without_news(void **state)
{
    (void)state;
    begin(true, 10);
    peer_forget(&p);
    for (unsigned i = 0; i < 5; i++)
        ACK(2000, 0);
    ACK(2000, 3000, 4000);
    peer_forget(&p); /* limited transmit */
    for (unsigned i = 0; i < 5; i++)
        ACK(2000, 3000, 4000);
    for (unsigned i = 0; i < 5; i++)
        ACK(2000, 1000, 2000, 3000, 4000); /* D-SACK */
    peer_expect_none(&p);
    expect_recovery(0);
    end();
}

static void
test_sack__is_not_used_unless_agreed(void **state)
{
    (void)state;
    begin(false, 0);
    for (uint32_t right = 4000; right < 6000; right += SMSS)
        ACK(2000, 3000, right);
    peer_expect_none(&p);
    ACK(2000, 3000, 6000);
    expect_sent(2000, 3000);
    assert_int_equal(p.last[LA_EVENT_SEGMENT_SENT].u.segment.cause, LA_CAUSE_RETRANSMIT_FAST);
    ACK(3000, 0); /* a partial ACK, RFC 6582: what the blocks said does not count */
    expect_sent(3000, 4000);
    end();
}

/* ---- reneging, timeouts ----------------------------------------------------------------- */

/* RFC 2018 8. The receiver throws away what it has reported; an ACK shows it. */
/* LEDGER: RFC2018-15, RFC6675-2 */
static void
test_sack__reneging_in_recovery(void **state)
{
    (void)state;
    begin(true, 0);
    ACK(2000, 3000, 20000);
    expect_sent(2000, 3000);
    ACK(3000, 0);
    expect_sent(3000, 4000);
    assert_int_equal(p.last[LA_EVENT_CONGESTION].u.congestion.phase, LA_CC_LOSS);
    ACK(4000, 0);
    expect_sent(4000, 6000);
    ACK(6000, 0);
    expect_sent(6000, 9000); /* RFC 3465 2.3: one segment for an ACK */
    expect_recovery(1);
    ACK(20000, 0);
    assert_int_equal(p.last[LA_EVENT_CONGESTION].u.congestion.phase, LA_CC_SLOW_START);
    end();
}

/* RFC 2018 5: after a timeout everything counts as missing, but what is reported from then on. */
/* LEDGER: RFC2018-12, RFC2018-13, RFC6675-17, RFC6675-16 */
static void
test_sack__timeout(void **state)
{
    (void)state;
    begin(true, 0);
    ACK(2000, 3000, 20000);
    expect_sent(2000, 3000);
    assert_true(peer_run_until_sent(&p, 10 * LA_US_PER_S));
    expect_sent(2000, 3000);
    assert_int_equal(p.last[LA_EVENT_SEGMENT_SENT].u.segment.cause, LA_CAUSE_RETRANSMIT_RTO);
    ACK(3000, 0); /* reneged */
    expect_sent(3000, 5000);
    ACK(4000, 6000, 20000);
    expect_sent(5000, 6000);
    ACK(5000, 6000, 20000);
    peer_expect_none(&p);
    ACK(6000, 0); /* reneged once more: from there on again */
    assert_int_equal(la_seq_diff(peer_expect(&p, LA_TCP_ACK)->tcp.seq, base), 6000);
    peer_forget(&p);
    ACK(20000, 0);
    assert_int_equal(peer_status(&p, conn).fast_retransmits_n, 1);
    end();
}

/* ---- hostile blocks --------------------------------------------------------------------- */

/* LEDGER: RFC2018-17 */
static void
test_sack__blocks_outside(void **state)
{
    (void)state;
    static const struct blocks bad[] = {
        {{4000, 4000}},   {{5000, 4000}},       {{2000, 5000}}, /* at SND.UNA */
        {{1000, 5000}},                                         /* across it */
        {{3000, 20001}},                                        /* beyond SND.NXT */
        {{20000, 30000}}, {{3000, 0x80000001}}, {{0x90000000, 5000}},
    };
    begin(true, 0);
    const struct la_stack_stats *stats = la_stack_stats(p.stack);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        uint64_t before = stats->reason[LA_REASON_SACK_OUTSIDE];
        for (unsigned k = 0; k < 4; k++)
            ack(2000, bad[i]);
        assert_int_equal(stats->reason[LA_REASON_SACK_OUTSIDE], before + 4);
    }
    peer_expect_none(&p);
    expect_recovery(0);
    ACK(2000, 500, 1000, 3000, 4000); /* D-SACK and a good one: nothing to remark */
    assert_int_equal(p.reason, LA_REASON_NONE);
    end();
}

/* One octet here, one there: memory and work stay bounded, and the transfer goes on. */
static void
test_sack__many_small_blocks(void **state)
{
    (void)state;
    begin(true, 0);
    for (uint32_t at = 19998; at > 2100; at -= 8)
        ACK(2000, at, at + 1, at - 2, at - 1, at - 4, at - 3, at - 6, at - 5);
    peer_forget(&p);
    ACK(20000, 0);
    assert_int_equal(peer_status(&p, conn).flight_bytes, 0);
    peer_user_send(&p, conn, SMSS);
    expect_sent(20000, 21000);
    end();
}

/* Two duplicates, an acknowledgement that advances, and two more: none of them is the third. */
/* LEDGER: RFC6675-10 */
static void
test_sack__an_advance_begins_the_count_anew(void **state)
{
    (void)state;
    begin(true, 0);
    ACK(2000, 3000, 3400);
    ACK(2000, 3000, 3800);
    ACK(4000, 0);
    ACK(4000, 5000, 5400);
    ACK(4000, 5000, 5800);
    expect_recovery(0);
    ACK(4000, 5000, 5900);
    expect_recovery(1);
    end();
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sack__agrees_with_the_model),
        cmocka_unit_test(test_sack__three_holes_in_one_round_trip),
        cmocka_unit_test(test_sack__lost_by_octets),
        cmocka_unit_test(test_sack__new_data_in_recovery),
        cmocka_unit_test(test_sack__last_resort),
        cmocka_unit_test(test_sack__duplicates_without_news),
        cmocka_unit_test(test_sack__is_not_used_unless_agreed),
        cmocka_unit_test(test_sack__reneging_in_recovery),
        cmocka_unit_test(test_sack__timeout),
        cmocka_unit_test(test_sack__blocks_outside),
        cmocka_unit_test(test_sack__many_small_blocks),
        cmocka_unit_test(test_sack__an_advance_begins_the_count_anew),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
