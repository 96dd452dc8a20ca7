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

#include "base/mem.h"
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
static uint64_t moved, budget_bytes;
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
    struct pair_cfg pair_cfg = {.seed = seed,
                                .budget_bytes = budget_bytes,
                                .impair = {there, back},
                                .tcp = {&cfg.tcp, &cfg.tcp},
                                .mtu_bytes = MTU_BYTES};
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

/* ---- a queue that overflows with thousands of segments in flight ------------------------ */

static uint64_t
dropped(void)
{
    struct la_wire_stats stats;
    la_wire_stats_get(pair.wire, 0, &stats);
    return stats.queue_dropped_n;
}

/* 100 ms and 1 Gbit/s: slow start overflows the queue, and loses thousands of segments in as many
 * places. Each is sent again once for each time that it was lost; no timeout comes; and what the
 * window allows afterwards is used, which is more where the queue holds a part of it. Reno has no
 * HyStart++; CUBIC has, which comes too late where a round trip doubles so much. */
static void
overflow(const char *control, uint32_t queue_n, uint32_t least_percent)
{
    enum { RTT_MS = 100, BUFFERS_BYTES = 64000000 };
    struct path path = {RTT_MS / 2, 1000, queue_n, 0, control, BUFFERS_BYTES};
    begin(&path, 1);
    (void)run_ms(20 * RTT_MS);
    while (sender().phase == LA_CC_RECOVERY)
        (void)run_ms(RTT_MS);
    assert_true(dropped() > 500);
    assert_true(moved > capacity(&path, 20 * RTT_MS) * 30 / 100); /* slow start is in it */
    assert_true(sender().retransmissions_n <= dropped());
    uint64_t octets = run_ms(10 * RTT_MS);
    assert_true(octets > capacity(&path, 10 * RTT_MS) * least_percent / 100);
    assert_true(sender().retransmissions_n <= dropped());
    assert_int_equal(sender().rto_n, 0);
    end();
}

static void
test_path__overflow_reno(void **state)
{
    (void)state;
    overflow("reno", 2000, 50); /* half of what path and queue held */
    overflow("reno", 8000, 90);
}

static void
test_path__overflow_cubic(void **state)
{
    (void)state;
    overflow("cubic", 2000, 70);
    overflow("cubic", 8000, 90);
}

static void
test_path__overflow_bbr(void **state)
{
    (void)state;
    overflow("bbr", 2000, 90);
    overflow("bbr", 8000, 90);
}

/* ---- buffers that nobody has set -------------------------------------------------------- */

static struct la_conn_status
receiver(void)
{
    struct la_conn_status status;
    assert_int_equal(la_conn_status(pair.end[1], server, &status), LA_OK);
    return status;
}

/* 100 ms and 1 Gbit/s: 12.5 MB under way. Slow start alone needs ten round trips for it; buffers
 * that follow it do not slow it down. */
static void
test_path__buffers_grow(void **state)
{
    (void)state;
    enum { RTT_MS = 100, ROUNDS_N = 13 };
    struct path path = {RTT_MS / 2, 1000, 20000, 0, "cubic", 0};
    begin(&path, 1);
    assert_int_equal(receiver().rcvbuf_bytes, 256 << 10);
    assert_int_equal(sender().sndbuf_bytes, 256 << 10);
    uint64_t octets = 0;
    unsigned rounds_n = 0;
    while (octets < capacity(&path, RTT_MS) * 95 / 100) {
        octets = run_ms(RTT_MS);
        rounds_n++;
        assert_true(rounds_n <= ROUNDS_N);
    }
    octets = run_ms(10 * RTT_MS); /* and it stays so */
    assert_true(octets > capacity(&path, 10 * RTT_MS) * 95 / 100);
    assert_true(receiver().rcvbuf_bytes > 12500000);
    assert_true(receiver().rcvbuf_bytes <= 0xffff << 8);
    assert_int_equal(sender().retransmissions_n, 0);
    end();
}

/* The same with buffers of a fixed size: a window of 256 KiB for each round trip, for ever. */
static void
test_path__fixed_buffers_stay(void **state)
{
    (void)state;
    struct path path = {50, 1000, 20000, 0, "cubic", 256 << 10};
    begin(&path, 1);
    (void)run_ms(2000);
    uint64_t octets = run_ms(1000);
    assert_in_range(octets, 2000000, 10 * (256 << 10));
    assert_int_equal(receiver().rcvbuf_bytes, 256 << 10);
    end();
}

/* An application that does not read makes no buffer grow; nor does a slow path. */
static void
test_path__grow_only_with_use(void **state)
{
    (void)state;
    struct path path = {5, 10, 1000, 0, "cubic", 0};
    begin(&path, 1);
    (void)run_ms(5000);
    assert_int_equal(receiver().rcvbuf_bytes, 256 << 10);
    end();
    path = (struct path){50, 1000, 20000, 0, "cubic", 0};
    begin(&path, 1);
    for (unsigned i = 0; i < 2000 && pair_step(&pair); i++) {
        (void)la_conn_send(pair.end[0], client, (struct la_bytes){chunk, CHUNK_BYTES}, false,
                           pair.now);
        pair_settle(&pair);
    }
    assert_int_equal(receiver().rcvbuf_bytes, 256 << 10);
    assert_true(receiver().receive_queue_bytes <= (256 + 64) << 10); /* rounding, too */
    end();
}

/* A budget: no buffer grows to more than an eighth of what memory is left, and all arrives. */
static void
test_path__buffers_and_the_budget(void **state)
{
    (void)state;
    struct path path = {50, 1000, 20000, 0, "cubic", 0};
    budget_bytes = 32 << 20;
    begin(&path, 1);
    budget_bytes = 0;
    (void)run_ms(3000);
    assert_true(receiver().rcvbuf_bytes <= 4 << 20);
    assert_true(sender().sndbuf_bytes <= 4 << 20);
    assert_true(moved > 10 << 20);
    end();
}

/* What was sent and read is given back, and so is the right to queue so much. */
static void
test_path__idle_gives_back(void **state)
{
    (void)state;
    struct path path = {50, 1000, 20000, 0, "cubic", 0};
    struct la_mem_stats before, after;
    begin(&path, 1);
    la_mem_stats_get(pair.mem, &before);
    (void)run_ms(1500);
    assert_true(sender().sndbuf_bytes > 2 << 20);
    while (sender().send_queue_bytes > 0) { /* no more is written; what is left is read */
        assert_true(pair_step(&pair));
        while (la_conn_receive(pair.end[1], server, (struct la_room){chunk, CHUNK_BYTES},
                               pair.now) > 0) {
        }
        pair_settle(&pair);
    }
    pair_run_us(&pair, 2 * LA_US_PER_S);
    la_mem_stats_get(pair.mem, &after);
    assert_int_equal(after.blocks_live_n, before.blocks_live_n);
    assert_int_equal(after.frames_live_n, before.frames_live_n);
    assert_int_equal(sender().sndbuf_bytes, 256 << 10);
    uint32_t grown = receiver().rcvbuf_bytes;
    assert_true(grown > 2 << 20);
    pair_run_us(&pair, 100 * LA_US_PER_S); /* what is known of the path is old: it begins anew */
    assert_int_equal(
        la_conn_send(pair.end[0], client, (struct la_bytes){chunk, 1000}, false, pair.now), 1000);
    pair_run_us(&pair, LA_US_PER_S);
    assert_int_equal(receiver().rcvbuf_bytes, 256 << 10);
    end();
}

/* ---- what it says of itself ------------------------------------------------------------- */

/* The path is the limit: no window, no buffer. */
static void
test_path__status_of_a_full_path(void **state)
{
    (void)state;
    struct path path = {10, 50, 400, 0, "cubic", BUFFER_BYTES};
    begin(&path, 1);
    (void)run_ms(2000);
    struct la_conn_status status = sender();
    uint64_t rate = capacity(&path, 1000);
    assert_in_range(status.delivery_rate, rate * 8 / 10, rate * 11 / 10);
    assert_in_range(status.busy_us, 1950000, 2050000);
    assert_true(status.rwnd_limited_us < 10000);
    assert_true(status.sndbuf_limited_us < 10000);
    assert_true(status.bytes_delivered >= status.bytes_acked);
    assert_true(status.bytes_delivered <=
                status.bytes_acked + status.flight_bytes + status.lost_bytes);
    assert_int_equal(la_instant_diff_us(pair.now, status.sent_at) / 5000, 0);
    assert_int_equal(status.pacing_rate, 0);
    assert_false(status.reordering);
    end();
}

/* The peer's window is the limit: 64 KiB on a path that holds ten times as much. */
static void
test_path__status_of_a_small_window(void **state)
{
    (void)state;
    struct path path = {50, 100, 1000, 0, "cubic", BUFFER_BYTES};
    begin(&path, 1);
    assert_int_equal(la_conn_option_set(pair.end[1], server, LA_OPT_RCVBUF_BYTES, 65536, pair.now),
                     LA_OK);
    (void)run_ms(3000); /* the window that was offered before is used up */
    struct la_conn_status before = sender();
    (void)run_ms(2000);
    struct la_conn_status status = sender();
    assert_true(status.rwnd_limited_us - before.rwnd_limited_us > 1500000);
    assert_in_range(status.busy_us - before.busy_us, 1950000, 2050000);
    end();
}

/* The send buffer is the limit: 64 KiB of it, the writer always waits. */
static void
test_path__status_of_a_small_buffer(void **state)
{
    (void)state;
    struct path path = {50, 100, 1000, 0, "cubic", BUFFER_BYTES};
    begin(&path, 1);
    assert_int_equal(la_conn_option_set(pair.end[0], client, LA_OPT_SNDBUF_BYTES, 65536, pair.now),
                     LA_OK);
    (void)run_ms(1000);
    struct la_conn_status before = sender();
    (void)run_ms(2000);
    struct la_conn_status status = sender();
    assert_true(status.sndbuf_limited_us - before.sndbuf_limited_us > 1500000);
    assert_true(status.rwnd_limited_us < 10000);
    end();
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_path__without_loss),
        cmocka_unit_test(test_path__with_loss),
        cmocka_unit_test(test_path__slow_start_ends_without_loss),
        cmocka_unit_test(test_path__long_and_fast),
        cmocka_unit_test(test_path__overflow_reno),
        cmocka_unit_test(test_path__overflow_cubic),
        cmocka_unit_test(test_path__overflow_bbr),
        cmocka_unit_test(test_path__buffers_grow),
        cmocka_unit_test(test_path__fixed_buffers_stay),
        cmocka_unit_test(test_path__grow_only_with_use),
        cmocka_unit_test(test_path__buffers_and_the_budget),
        cmocka_unit_test(test_path__idle_gives_back),
        cmocka_unit_test(test_path__status_of_a_full_path),
        cmocka_unit_test(test_path__status_of_a_small_window),
        cmocka_unit_test(test_path__status_of_a_small_buffer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
