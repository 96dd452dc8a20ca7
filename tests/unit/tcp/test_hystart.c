/* SPDX-License-Identifier: MIT
 *
 * test_hystart.c - HyStart++ (RFC 9406), one acknowledgement at a time
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "tcp/hystart.h"

enum { SMSS = 1000, MS = 1000, SAMPLES_N = 8 };

static struct la_tcp_conn c;
static struct la_hystart h;
static la_instant now;
static bool is_paced;

static void
begin(void)
{
    memset(&c, 0, sizeof(c));
    memset(&h, 0, sizeof(h));
    c.smss = SMSS;
    c.cwnd_bytes = 100 * SMSS;
    c.rtt_us_min = 20 * MS;
    is_paced = false;
    c.ssthresh_bytes = UINT32_MAX;
    c.snd_nxt = la_seq_of(100 * SMSS);
}

/* One more segment is acknowledged, `after_us` after the last, and one was sent before. */
static uint32_t
ack_after(int64_t after_us, uint32_t rtt_us)
{
    now = la_instant_add_us(now, after_us);
    struct la_cc_ack a = {.now = now, .acked_bytes = SMSS, .rtt_us = rtt_us, .paced = is_paced};
    c.snd_una = la_seq_add(c.snd_una, SMSS);
    bool first = !h.round_on; /* nothing was sent beyond the first window yet */
    c.snd_nxt = la_seq_add(c.snd_nxt, first ? 0 : SMSS);
    uint32_t divisor = la_hystart_acked(&c, &h, &a, c.snd_una);
    c.snd_nxt = la_seq_add(c.snd_nxt, first ? SMSS : 0);
    return divisor;
}

/* The next one, too late to be of a train. */
static uint32_t
ack(uint32_t rtt_us)
{
    return ack_after(3 * MS, rtt_us);
}

/* A round of a hundred segments, of which `samples_n` tell the round trip. Returns the last
 * divisor. */
static uint32_t
round_of(unsigned samples_n, uint32_t rtt_us)
{
    uint32_t divisor = 1;
    for (unsigned i = 0; i < 100 && divisor != 0; i++)
        divisor = ack(i < samples_n ? rtt_us : 0);
    return divisor;
}

/* LEDGER: RFC9406-1 */
static void
test_hystart__rounds(void **state)
{
    (void)state;
    begin();
    for (unsigned i = 0; i < 99; i++)
        assert_int_equal(ack(20 * MS), 1);
    assert_int_equal(h.current_round_us, 20 * MS);
    assert_int_equal(ack(19 * MS), 1); /* the octet at SND.NXT when the round began */
    assert_int_equal(h.last_round_us, 19 * MS);
    assert_int_equal(h.current_round_us, 0);
    assert_int_equal(h.samples_n, 0);
    assert_true(la_seq_eq(h.window_end, la_seq_of(200 * SMSS)));
}

/* Eight samples, and the shortest of them counts. */
/* LEDGER: RFC9406-2 */
static void
test_hystart__thresholds(void **state)
{
    (void)state;
    static const struct {
        uint32_t last_us, enough_us;
    } cases[] = {
        {20 * MS, 24 * MS},   /* 20 / 8 is less than 4 ms */
        {32 * MS, 36 * MS},   /* 4 ms */
        {80 * MS, 90 * MS},   /* an eighth */
        {128 * MS, 144 * MS}, /* 16 ms */
        {400 * MS, 416 * MS}, /* not more */
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        begin();
        assert_int_equal(round_of(100, cases[i].last_us), 1);
        assert_int_equal(round_of(100, cases[i].enough_us - 1), 1);
        begin();
        assert_int_equal(round_of(100, cases[i].last_us), 1);
        for (unsigned k = 0; k < SAMPLES_N - 1; k++)
            assert_int_equal(ack(cases[i].enough_us), 1);
        assert_int_equal(ack(cases[i].enough_us + 5 * MS), 4);
        begin();
        assert_int_equal(round_of(100, cases[i].last_us), 1);
        assert_int_equal(ack(cases[i].last_us), 1); /* a single short one: no queue */
        assert_int_equal(round_of(99, 2 * cases[i].enough_us), 1);
    }
}

static void
test_hystart__too_few_samples(void **state)
{
    (void)state;
    begin();
    assert_int_equal(round_of(100, 20 * MS), 1);
    assert_int_equal(round_of(SAMPLES_N - 1, 60 * MS), 1);
    assert_int_equal(h.css_baseline_us, 0);
    begin(); /* nor is there anything to compare with in the first round */
    assert_int_equal(round_of(100, 500 * MS), 1);
    begin();
    assert_int_equal(round_of(0, 0), 1); /* a round that was not measured */
    assert_int_equal(round_of(100, 60 * MS), 1);
}

/* LEDGER: RFC9406-3, RFC9406-5 */
static void
test_hystart__five_rounds(void **state)
{
    (void)state;
    begin();
    assert_int_equal(round_of(100, 20 * MS), 1);
    for (unsigned i = 0; i < 4; i++) /* the round in which it began counts */
        assert_int_equal(round_of(100, 30 * MS), 4);
    assert_int_equal(round_of(100, 30 * MS), 0);
}

/* LEDGER: RFC9406-4 */
static void
test_hystart__jitter(void **state)
{
    (void)state;
    begin();
    assert_int_equal(round_of(100, 20 * MS), 1);
    for (unsigned i = 0; i < 3; i++)
        assert_int_equal(round_of(100, 30 * MS), 4);
    for (unsigned i = 0; i < SAMPLES_N - 1; i++)
        assert_int_equal(ack(29 * MS), 4);
    assert_int_equal(ack(29 * MS), 1); /* below the baseline: as fast as before */
    assert_int_equal(round_of(92, 29 * MS), 1);
    for (unsigned i = 0; i < 4; i++) /* and the rounds are counted anew */
        assert_int_equal(round_of(100, 40 * MS), 4);
    assert_int_equal(round_of(100, 40 * MS), 0);
}

/* LEDGER: RFC9406-7 */
static void
test_hystart__first_slow_start_only(void **state)
{
    (void)state;
    begin();
    assert_true(la_hystart_is_on(&c));
    c.ssthresh_bytes = 64000;
    assert_false(la_hystart_is_on(&c));
}

/* How long acknowledgements that come every `gap_us` go on before slow start ends; 0: for as long
 * as a round lasts. */
static int64_t
train_us(int64_t gap_us)
{
    la_instant began_at = la_instant_add_us(now, gap_us); /* with the first one */
    for (unsigned i = 0; i < 99; i++)
        if (ack_after(gap_us, 20 * MS) == 0)
            return la_instant_diff_us(now, began_at);
    return 0;
}

/* Half the shortest round trip and half a millisecond. */
static void
test_hystart__train(void **state)
{
    (void)state;
    begin();
    assert_int_equal(train_us(500), 11 * MS);
    begin();
    assert_int_equal(train_us(2 * MS), 12 * MS);
    begin();
    assert_int_equal(train_us(100), 0); /* too short */
    begin();
    assert_int_equal(train_us(2 * MS + 1), 0); /* each comes alone */
    begin();
    is_paced = true;
    assert_int_equal(train_us(500), 21500);
    begin();
    c.cwnd_bytes = 15 * SMSS;
    assert_int_equal(train_us(500), 0);
    begin();
    c.rtt_us_min = UINT32_MAX; /* nothing was measured yet */
    assert_int_equal(train_us(500), 0);
}

/* It ends with the first gap, and begins anew with the round. */
static void
test_hystart__train_breaks(void **state)
{
    (void)state;
    begin();
    for (unsigned i = 0; i < 20; i++)
        assert_int_equal(ack_after(500, 20 * MS), 1);
    for (unsigned i = 20; i < 100; i++)
        assert_int_equal(ack_after(i == 20 ? 3 * MS : 500, 20 * MS), 1);
    assert_int_equal(h.samples_n, 0);
    for (unsigned i = 0; i < 21; i++)
        assert_int_equal(ack_after(500, 20 * MS), 1);
    assert_int_equal(ack_after(500, 20 * MS), 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hystart__rounds),
        cmocka_unit_test(test_hystart__thresholds),
        cmocka_unit_test(test_hystart__too_few_samples),
        cmocka_unit_test(test_hystart__five_rounds),
        cmocka_unit_test(test_hystart__jitter),
        cmocka_unit_test(test_hystart__first_slow_start_only),
        cmocka_unit_test(test_hystart__train),
        cmocka_unit_test(test_hystart__train_breaks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
