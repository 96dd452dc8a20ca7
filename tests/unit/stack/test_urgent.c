/* SPDX-License-Identifier: MIT
 *
 * test_urgent.c - the mark over bad wires: it stands where the sender put it, and is not lost
 *
 * Each seed has a wire that loses, repeats and reorders, windows that close, plain and urgent
 * octets of any length, and readers of any speed. The stacks gather and make super-segments.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/rng.h"
#include "base/time.h"
#include "pair.h"

enum { STREAM_BYTES = 300000, MARKS_MAX = 4096, STEPS_MAX = 2000000 };

struct run {
    struct pair pair;
    struct la_rng rng;
    la_handle from, to;
    uint64_t sent_n, read_n;
    uint64_t mark[MARKS_MAX]; /* octets of the stream up to each, ascending */
    size_t marks_n;
    uint64_t told_n;
};

static struct run r;

static uint32_t
below(uint32_t n)
{
    return (uint32_t)la_rng_below(&r.rng, n);
}

static void
write_some(void)
{
    static uint8_t octets[100000];
    if (r.sent_n >= STREAM_BYTES || below(3) == 0)
        return;
    bool urgent = below(4) == 0 && r.marks_n < MARKS_MAX;
    size_t n = 1 + below(below(10) == 0 ? sizeof(octets) : 3000);
    for (size_t i = 0; i < n; i++)
        octets[i] = (uint8_t)((r.sent_n + i) * 7);
    struct la_bytes bytes = {octets, n};
    la_ssize took = urgent ? la_conn_send_urgent(r.pair.end[0], r.from, bytes, r.pair.now)
                           : la_conn_send(r.pair.end[0], r.from, bytes, below(2) == 0, r.pair.now);
    assert_true(took > 0 || took == LA_ERR_AGAIN);
    if (took <= 0)
        return;
    r.sent_n += (uint64_t)took;
    if (urgent)
        r.mark[r.marks_n++] = r.sent_n;
}

static bool
is_mark(uint64_t at)
{
    size_t first = 0, n = r.marks_n;
    while (n > 0) {
        size_t half = n / 2;
        if (r.mark[first + half] < at) {
            first += half + 1;
            n -= half + 1;
        } else {
            n = half;
        }
    }
    return first < r.marks_n && r.mark[first] == at;
}

static void
read_some(void)
{
    static uint8_t octets[50000];
    if (below(4) == 0)
        return;
    struct la_room room = {octets, 1 + below(sizeof(octets))};
    la_ssize urgent = la_conn_urgent(r.pair.end[1], r.to);
    la_ssize n = la_conn_receive(r.pair.end[1], r.to, room, r.pair.now);
    assert_true(urgent >= 0 && (n > 0 || n == LA_ERR_AGAIN));
    /* Either the mark itself, or as far as the pointer's 16 bits reached. */
    uint64_t up = r.read_n + (uint64_t)urgent;
    assert_true(urgent == 0 || up <= r.mark[r.marks_n - 1]);
    for (la_ssize i = 0; i < n; i++)
        assert_int_equal(octets[i], (uint8_t)((r.read_n + (uint64_t)i) * 7));
    if (n <= 0)
        return;
    assert_true(urgent == 0 || n <= urgent);
    bool reached = urgent > 0 && n == urgent;
    r.read_n += (uint64_t)n;
    if (reached && is_mark(r.read_n))
        r.told_n++;
}

static void
play(uint64_t seed)
{
    struct la_seed key = {{seed}};
    r = (struct run){0};
    la_rng_init(&r.rng, &key, "test urgent");
    struct la_impair impair = {.delay_ns = 1000000 + below(20000000),
                               .rate_bps = below(2) == 0 ? 0 : 5000000 + below(50000000),
                               .loss = below(5) * 0.01,
                               .duplicate = below(3) * 0.01,
                               .reorder = below(4) * 0.01};
    assert_true(pair_new(&r.pair, &(struct pair_cfg){.seed = seed, .impair = {impair, impair}}));
    assert_true(pair_connect(&r.pair, false, &r.from, &r.to));
    bool slow = below(2) == 0;
    for (uint32_t step = 0; r.read_n < STREAM_BYTES; step++) {
        assert_true(step < STEPS_MAX);
        write_some();
        if (!slow || below(10) == 0)
            read_some();
        pair_settle(&r.pair);
        if (below(2) == 0)
            pair_run_us(&r.pair, 1 + below(20000));
    }
    while (r.read_n < r.sent_n) {
        read_some();
        pair_run_us(&r.pair, 20000);
    }
    /* What stands at the end of the stream behind the last mark is plain. */
    assert_int_equal(la_conn_urgent(r.pair.end[1], r.to), 0);
    assert_true(r.marks_n > 0 && r.told_n > 0);
    pair_run_us(&r.pair, LA_US_PER_S * 20);
    struct la_conn_status status;
    assert_int_equal(la_conn_status(r.pair.end[0], r.from, &status), LA_OK);
    assert_int_equal(status.urgent_unacked_bytes, 0);
    assert_int_equal(la_conn_abort(r.pair.end[0], r.from, r.pair.now), LA_OK);
    pair_settle(&r.pair);
    assert_int_equal(la_conn_release(r.pair.end[1], r.to, r.pair.now), LA_OK);
    assert_int_equal(pair_free(&r.pair), 0);
}

static void
test_urgent__over_bad_wires(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 40; seed++)
        play(seed);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_urgent__over_bad_wires),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
