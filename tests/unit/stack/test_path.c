/* SPDX-License-Identifier: MIT
 *
 * test_path.c - one bulk transfer over a path with a rate, in virtual time: is the path used?
 *
 * What is counted are octets that arrived, round trips and losses; no clock but the wire's.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/time.h"
#include "pair.h"

enum { CHUNK_BYTES = 1 << 18, BUFFER_BYTES = 4 << 20, MTU_BYTES = 1500, TEXT_BYTES = 1448 };

struct path {
    uint32_t delay_ms; /* one way */
    uint32_t rate_mbps;
    uint32_t queue_n;
    double loss;
    const char *control;
    uint32_t buffer_bytes; /* 0 = the defaults */
};

static struct pair pair;
static la_handle client, server;
static uint64_t moved;
static struct la_stack_cfg cfg;
static uint8_t chunk[CHUNK_BYTES];

static void
begin(const struct path *path, uint64_t seed)
{
    struct la_impair there = {.delay_ns = path->delay_ms * LA_NS_PER_MS,
                              .rate_bps = path->rate_mbps * UINT64_C(1000000),
                              .queue_n = path->queue_n};
    struct la_impair back = there;
    there.loss = path->loss;
    la_stack_cfg_init(&cfg);
    if (path->buffer_bytes != 0)
        cfg.tcp.sndbuf_bytes = cfg.tcp.rcvbuf_bytes = path->buffer_bytes;
    memcpy(cfg.tcp.congestion_control, path->control, strlen(path->control) + 1);
    struct pair_cfg pair_cfg = {
        .seed = seed, .impair = {there, back}, .tcp = {&cfg.tcp, &cfg.tcp}, .mtu_bytes = MTU_BYTES};
    assert_true(pair_new(&pair, &pair_cfg));
    assert_true(pair_connect(&pair, false, &client, &server));
    moved = 0;
}

/* Writes and reads all that is possible now. */
static void
serve(void)
{
    struct la_stack_event event;
    for (int end = 0; end < 2; end++)
        while (la_stack_next_event(pair.end[end], &event)) {
        }
    while (la_conn_send(pair.end[0], client, (struct la_bytes){chunk, CHUNK_BYTES}, false,
                        pair.now) > 0) {
    }
    la_ssize n;
    while ((n = la_conn_receive(pair.end[1], server, (struct la_room){chunk, CHUNK_BYTES},
                                pair.now)) > 0)
        moved += (uint64_t)n;
    pair_settle(&pair);
}

/* Octets that arrive within so many milliseconds. */
static uint64_t
run_ms(int64_t ms)
{
    uint64_t before = moved;
    la_instant until = la_instant_add_us(pair.now, ms * LA_US_PER_MS);
    do {
        serve();
        assert_true(pair_step(&pair));
    } while (la_instant_lt(pair.now, until));
    return moved - before;
}

static struct la_conn_status
sender(void)
{
    struct la_conn_status status;
    assert_int_equal(la_conn_status(pair.end[0], client, &status), LA_OK);
    return status;
}

static void
end(void)
{
    (void)pair_free(&pair);
}

/* What the wire can carry of text. */
static uint64_t
capacity(const struct path *path, int64_t ms)
{
    return path->rate_mbps * UINT64_C(1000000) / 8 * (uint64_t)ms / 1000 * TEXT_BYTES / MTU_BYTES;
}

/* ---- tests ------------------------------------------------------------------------------ */

static void
test_path__without_loss(void **state)
{
    (void)state;
    static const char *const names[] = {"cubic", "reno"};
    for (size_t i = 0; i < 2; i++) {
        struct path path = {10, 200, 350, 0, names[i], BUFFER_BYTES};
        begin(&path, 1);
        uint64_t octets = run_ms(3000);
        assert_true(octets > capacity(&path, 3000) * 94 / 100);
        assert_int_equal(sender().rto_n, 0);
        end();
    }
}

/* Losses that have nothing to do with congestion: what the kernel's cubic moved over the same path
 * (35 and 6.3 Mbit/s), less a quarter; and more than half of Reno's sawtooth everywhere. */
static void
test_path__with_loss(void **state)
{
    (void)state;
    static const struct {
        double loss;
        uint32_t least_mbps;
    } cases[] = {{0.001, 26}, {0.01, 5}, {0.03, 2}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        uint64_t octets = 0;
        struct path path = {10, 200, 350, cases[i].loss, "cubic", BUFFER_BYTES};
        for (uint64_t seed = 1; seed <= 4; seed++) {
            begin(&path, seed);
            octets += run_ms(5000);
            end();
        }
        assert_true(octets * 8 / 20 > cases[i].least_mbps * UINT64_C(1000000));
    }
}

/* HyStart++: where the queue is long, slow start ends before it is full. */
static void
test_path__slow_start_ends_without_loss(void **state)
{
    (void)state;
    struct path path = {10, 200, 6000, 0, "cubic", 4 * BUFFER_BYTES};
    begin(&path, 1);
    for (unsigned i = 0; i < 100 && sender().ssthresh_bytes == UINT32_MAX; i++)
        (void)run_ms(20);
    struct la_conn_status status = sender();
    assert_int_not_equal(status.ssthresh_bytes, UINT32_MAX);
    assert_int_equal(status.retransmissions_n, 0);
    assert_true(status.cwnd_bytes > 345 * TEXT_BYTES);  /* the path is full */
    assert_true(status.cwnd_bytes < 6000 * TEXT_BYTES); /* the queue is not */
    end();
    path.control = "reno"; /* which has no such thing */
    begin(&path, 1);
    (void)run_ms(2000);
    assert_true(sender().retransmissions_n > 0);
    end();
}

/* Long round trips are no handicap: after a loss, cubic is back much sooner than Reno. */
static void
test_path__long_and_fast(void **state)
{
    (void)state;
    uint64_t octets[2];
    static const char *const names[] = {"cubic", "reno"};
    for (size_t i = 0; i < 2; i++) {
        struct path path = {50, 200, 300, 0.00005, names[i], 4 * BUFFER_BYTES};
        begin(&path, 3);
        octets[i] = run_ms(20000);
        end();
    }
    assert_true(octets[0] > octets[1] * 5 / 4);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_path__without_loss),
        cmocka_unit_test(test_path__with_loss),
        cmocka_unit_test(test_path__slow_start_ends_without_loss),
        cmocka_unit_test(test_path__long_and_fast),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
