/* SPDX-License-Identifier: MIT
 *
 * test_transfer.c - octets both ways over bad wires arrive whole, in order, once, and both ends end
 *
 * Each case is a seed: faults, MTU, buffers, sizes and who closes first are drawn from it. A
 * failure names the seed.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/rng.h"
#include "base/time.h"
#include "pair.h"

struct side {
    struct la_stack *stack;
    la_handle conn;
    uint64_t send_n, sent_n, received_n;
    size_t chunk_n;
    bool closed, ended, released, bad;
    la_err err;
};

static unsigned never_connected_n;

static uint8_t
octet_at(int end, uint64_t i)
{
    return (uint8_t)(i * 31 + i / 251 + (uint64_t)end * 97);
}

static void
push(struct side *side, int end, la_instant now)
{
    uint8_t buf[8192];
    while (side->sent_n < side->send_n) {
        size_t n = side->chunk_n;
        if (n > side->send_n - side->sent_n)
            n = (size_t)(side->send_n - side->sent_n);
        for (size_t i = 0; i < n; i++)
            buf[i] = octet_at(end, side->sent_n + i);
        la_ssize took =
            la_conn_send(side->stack, side->conn, (struct la_bytes){buf, n}, false, now);
        if (took <= 0)
            break;
        side->sent_n += (uint64_t)took;
    }
    if (side->sent_n == side->send_n && !side->closed)
        side->closed = la_conn_close(side->stack, side->conn, now) == LA_OK;
}

static void
pull(struct side *side, int peer_end, la_instant now)
{
    uint8_t buf[4096];
    la_ssize n;
    while ((n = la_conn_receive(side->stack, side->conn, (struct la_room){buf, sizeof(buf)}, now)) >
           0)
        for (la_ssize i = 0; i < n; i++)
            side->bad |= buf[i] != octet_at(peer_end, side->received_n++);
    side->ended |= n == 0;
    if (n < 0 && n != LA_ERR_AGAIN && n != LA_ERR_BAD_HANDLE)
        side->err = (la_err)n;
}

static void
serve(struct side *side, int end, la_instant now)
{
    if (side->released)
        return;
    push(side, end, now);
    pull(side, !end, now);
    if (side->ended && side->closed)
        side->released = la_conn_release(side->stack, side->conn, now) == LA_OK;
}

static double
draw(struct la_rng *rng, double max)
{
    return la_rng_below(rng, 3) == 0 ? max * (double)la_rng_below(rng, 1000) / 1000 : 0;
}

static void
draw_cfg(struct la_rng *rng, struct pair_cfg *cfg, struct la_tcp_cfg tcp[2])
{
    struct la_stack_cfg defaults;
    la_stack_cfg_init(&defaults);
    static const uint32_t mtus[] = {1500, 1500, 576, 1280, 9000, 65535};
    cfg->mtu_bytes = mtus[la_rng_below(rng, 6)];
    for (int i = 0; i < 2; i++) {
        struct la_impair *im = &cfg->impair[i];
        im->delay_ns = (int64_t)la_rng_below(rng, 50) * LA_NS_PER_MS;
        im->jitter_ns = im->delay_ns / 4;
        im->loss = draw(rng, 0.15);
        im->burst_loss = draw(rng, 0.05);
        im->reorder = draw(rng, 0.2);
        im->duplicate = draw(rng, 0.1);
        im->corrupt = draw(rng, 0.05);
        im->rate_bps = la_rng_below(rng, 3) == 0 ? 2000000 + la_rng_below(rng, 50000000) : 0;
        im->queue_n = 20 + (uint32_t)la_rng_below(rng, 100);
        tcp[i] = defaults.tcp;
        tcp[i].timestamps = la_rng_below(rng, 2) == 0;
        tcp[i].window_scale = la_rng_below(rng, 2) == 0;
        tcp[i].nagle = la_rng_below(rng, 2) == 0;
        tcp[i].rcvbuf_bytes = 4096u << la_rng_below(rng, 8);
        tcp[i].sndbuf_bytes = 4096u << la_rng_below(rng, 8);
        tcp[i].delayed_ack_us = (uint32_t)la_rng_below(rng, 3) * 40000;
        tcp[i].msl_ms = 1000;
        cfg->tcp[i] = &tcp[i];
    }
}

/* Streams of their own: the wires stay what they were. */
static void
draw_later_settings(const struct la_seed *seed, struct pair_cfg *cfg, struct la_tcp_cfg tcp[2])
{
    struct la_rng rng_sack, rng_ecn, rng_rack;
    la_rng_init(&rng_sack, seed, "sack");
    la_rng_init(&rng_ecn, seed, "ecn");
    la_rng_init(&rng_rack, seed, "rack");
    for (int i = 0; i < 2; i++) {
        tcp[i].sack = la_rng_below(&rng_sack, 4) != 0;
        tcp[i].ecn = (uint8_t)la_rng_below(&rng_ecn, 3);
        tcp[i].rack = la_rng_below(&rng_rack, 4) != 0;
        cfg->impair[i].mark_n = 1 + (uint32_t)la_rng_below(&rng_ecn, 20);
    }
}

static void
run_case(uint64_t seed, uint64_t octets_max)
{
    struct la_rng rng;
    struct la_seed s = {{seed}};
    la_rng_init(&rng, &s, "case");
    struct pair_cfg cfg = {.seed = seed};
    struct la_tcp_cfg tcp[2];
    draw_cfg(&rng, &cfg, tcp);
    draw_later_settings(&s, &cfg, tcp);
    struct pair p;
    assert_true(pair_new(&p, &cfg));
    struct side side[2] = {{.stack = p.end[0]}, {.stack = p.end[1]}};
    bool ipv6 = cfg.mtu_bytes >= 1280 && la_rng_below(&rng, 2) == 0;
    if (!pair_connect(&p, ipv6, &side[0].conn, &side[1].conn)) {
        /* A burst of losses can be longer than patience; nothing else is an excuse. */
        struct la_conn_status status;
        assert_int_equal(la_conn_status(p.end[0], side[0].conn, &status), LA_OK);
        assert_int_equal(status.err, LA_ERR_TIMED_OUT);
        assert_true(++never_connected_n <= 10);
        assert_int_equal(pair_free(&p), 0);
        return;
    }
    for (int i = 0; i < 2; i++) {
        side[i].send_n = la_rng_below(&rng, octets_max);
        side[i].chunk_n = 1 + (size_t)la_rng_below(&rng, 8191);
    }
    la_instant begin = p.now;
    do {
        serve(&side[0], 0, p.now);
        serve(&side[1], 1, p.now);
        pair_settle(&p);
        if (la_instant_diff_us(p.now, begin) > 3600 * LA_US_PER_S)
            break;
    } while (pair_step(&p));
    uint32_t states[LA_TCP_STATE_COUNT], left = 0;
    for (int i = 0; i < 2; i++) {
        la_stack_state_counts(p.end[i], states);
        for (int st = 0; st < LA_TCP_STATE_COUNT; st++)
            left += states[st];
        if (side[i].bad || side[i].received_n != side[!i].send_n || !side[i].released ||
            side[i].err != LA_OK || left != 0)
            fail_msg("seed %llu end %d: bad %d, received %llu of %llu, released %d, %s, %u left",
                     (unsigned long long)seed, i, side[i].bad,
                     (unsigned long long)side[i].received_n, (unsigned long long)side[!i].send_n,
                     side[i].released, la_err_name(side[i].err), left);
    }
    if (pair_free(&p) != 0)
        fail_msg("seed %llu: frames or blocks leaked", (unsigned long long)seed);
}

static void
test_transfer__small(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 1500; seed++)
        run_case(seed, 3000);
}

/* LEDGER: RFC2525-4 */
static void
test_transfer__large(void **state)
{
    (void)state;
    for (uint64_t seed = 10001; seed <= 10150; seed++)
        run_case(seed, 400000);
}

int
main(int argc, char **argv)
{
    if (argc == 2) { /* one seed, as a failure names it */
        char *end;
        uint64_t seed = strtoull(argv[1], &end, 10);
        run_case(seed, seed > 10000 ? 400000 : 3000);
        return 0;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_transfer__small),
        cmocka_unit_test(test_transfer__large),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
