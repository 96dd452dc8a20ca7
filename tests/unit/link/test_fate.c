/* SPDX-License-Identifier: MIT
 *
 * test_fate.c - the n-th packet of a flow meets the same fate in every run, at the rates asked for
 */
#include <math.h>

#include "support.h"

#include "link/fate.h"

enum { PACKETS_N = 3000 };

/* What became of each packet of the flow under test, as the event stream tells. */
enum { LOST = 1, BURST = 2, CORRUPTED = 4, DUPLICATED = 8, REORDERED = 16 };

struct story {
    uint8_t fate[2 * PACKETS_N]; /* by segment id; ids from PACKETS_N on are other flows */
    int64_t way_ns[2 * PACKETS_N];
    la_instant sent_at[2 * PACKETS_N];
};

static void
hear(void *ctx, const struct la_event *event)
{
    struct story *story = ctx;
    uint8_t *fate = &story->fate[event->segment_id];
    assert_int_equal(event->kind, LA_EVENT_WIRE);
    assert_int_equal(event->end, 0);
    switch ((enum la_wire_fate)event->u.wire.fate) {
    case LA_WIRE_DELIVERED:
        if (event->u.wire.copy_n == 0)
            story->way_ns[event->segment_id] = event->at.ns - story->sent_at[event->segment_id].ns;
        break;
    case LA_WIRE_DROPPED:
        *fate |= event->u.wire.reason == LA_REASON_WIRE_LOST ? LOST : BURST;
        assert_true(event->u.wire.reason == LA_REASON_WIRE_LOST ||
                    event->u.wire.reason == LA_REASON_WIRE_BURST);
        break;
    case LA_WIRE_CORRUPTED:
        *fate |= CORRUPTED;
        break;
    case LA_WIRE_DUPLICATED:
        assert_int_equal(event->u.wire.copy_n, 1);
        *fate |= DUPLICATED;
        break;
    case LA_WIRE_REORDERED:
        *fate |= REORDERED;
        break;
    case LA_WIRE_MARKED: /* depends on time, not on the draw */
        fail();
        break;
    }
}

struct run {
    struct la_impair impair;
    uint64_t seed;
    uint16_t client_port;
    int64_t start_ns;
    int64_t gap_ns;
    unsigned others_n; /* packets of other flows between two of ours */
};

static void
one_more(struct la_wire *wire, struct la_mem *mem, struct story *story,
         const struct test_segment *segment, la_instant now)
{
    story->sent_at[segment->id] = now;
    test_send(wire, 0, test_segment(mem, segment), now);
}

static void
receive_all(struct la_wire *wire, la_instant now)
{
    for (;;) {
        la_instant at = la_link_deadline(la_wire_end(wire, 1));
        if (la_instant_lt(now, at))
            return;
        struct la_frame *frame = test_receive(wire, 1, at);
        assert_non_null(frame);
        la_frame_free(frame);
    }
}

static void
play(const struct run *run, struct story *story)
{
    struct test_alloc alloc = {0};
    struct la_mem *mem = test_mem_new(&alloc);
    struct la_wire_cfg cfg = test_wire_cfg(mem);
    struct la_wire *wire;
    la_instant now = la_instant_of_ns(run->start_ns);
    memset(story, 0, sizeof(*story));
    cfg.seed = run->seed;
    cfg.impair[0] = run->impair;
    cfg.trace = (struct la_trace){hear, story, LA_EVENT_BIT(LA_EVENT_WIRE)};
    assert_int_equal(la_wire_new(&cfg, &wire), LA_OK);
    for (uint64_t i = 0; i < PACKETS_N; i++) {
        struct test_segment segment = {.client_port = run->client_port,
                                       .server_port = 80,
                                       .flags = i == 0 ? LA_TCP_SYN : LA_TCP_ACK,
                                       .seq = 1,
                                       .text_bytes = i == 0 ? 0 : 100,
                                       .id = i};
        one_more(wire, mem, story, &segment, now);
        for (unsigned k = 0; k < run->others_n; k++) {
            segment = (struct test_segment){.client_port = (uint16_t)(1024 + (i * 3 + k) % 777),
                                            .server_port = (uint16_t)(443 + k),
                                            .flags = LA_TCP_ACK,
                                            .id = PACKETS_N + (i + k) % PACKETS_N};
            one_more(wire, mem, story, &segment, now);
        }
        now = la_instant_add_ns(now, run->gap_ns);
        receive_all(wire, now);
    }
    receive_all(wire, la_instant_add_ns(now, 1000 * LA_NS_PER_S));
    la_wire_free(wire);
    test_mem_free(mem, &alloc);
}

static const struct la_impair everything = {.delay_ns = 40 * LA_NS_PER_MS,
                                            .jitter_ns = 1 * LA_NS_PER_MS,
                                            .loss = 0.05,
                                            .burst_loss = 0.05,
                                            .reorder = 0.05,
                                            .duplicate = 0.05,
                                            .corrupt = 0.05};

static struct story one, two;

/* Another clock, other flows in between, another client port: the same fates, and the same way
 * wherever packets are further apart than the jitter. */
static void
test_fate__same_in_every_run(void **state)
{
    (void)state;
    const struct run quiet = {everything, 7, 50000, 0, 3 * LA_NS_PER_MS, 0};
    const struct run busy = {everything, 7, 61234, 1722222222123456789, 5 * LA_NS_PER_MS + 77, 3};
    play(&quiet, &one);
    play(&busy, &two);
    assert_memory_equal(one.fate, two.fate, PACKETS_N);
    assert_memory_equal(one.way_ns, two.way_ns, PACKETS_N * sizeof(one.way_ns[0]));
    const struct run dense = {everything, 7, 50001, 5, 10, 1};
    play(&dense, &two);
    assert_memory_equal(one.fate, two.fate, PACKETS_N);
}

static void
test_fate__seed_matters(void **state)
{
    (void)state;
    const struct run a = {everything, 7, 50000, 0, LA_NS_PER_MS, 0};
    const struct run b = {everything, 8, 50000, 0, LA_NS_PER_MS, 0};
    play(&a, &one);
    play(&b, &two);
    assert_memory_not_equal(one.fate, two.fate, PACKETS_N);
}

/* Within five standard deviations. */
static void
assert_share(unsigned n, double share)
{
    double sigma = sqrt(PACKETS_N * share * (1 - share));
    assert_true(fabs(n - PACKETS_N * share) < 5 * sigma);
}

/* The n-th packet of one direction tells nothing about the n-th of the other. */
static void
test_fate__directions_differ(void **state)
{
    (void)state;
    const struct la_link_caps caps = {.mtu_bytes = 1500};
    const struct la_impair half = {.loss = 0.5};
    struct la_wire_fate_keys keys;
    struct la_wire_faults faults;
    struct la_wire_flow flow = {.id = 1};
    unsigned same_n = 0;
    la_wire_fate_keys_init(&keys, 7);
    assert_int_equal(la_wire_faults_init(&faults, &half, &caps), LA_OK);
    for (unsigned i = 0; i < PACKETS_N; i++) {
        struct la_wire_verdict verdict[2];
        for (unsigned from = 0; from < 2; from++) {
            flow.side[from].packets_n++;
            la_wire_fate_decide(&verdict[from], &keys, &faults, &flow, from);
        }
        same_n += verdict[0].lost == verdict[1].lost;
    }
    assert_share(same_n, 0.5);
}

static unsigned
count(const struct story *story, uint8_t fate)
{
    unsigned n = 0;
    for (unsigned i = 0; i < PACKETS_N; i++)
        n += (story->fate[i] & fate) != 0;
    return n;
}

/* Switching one fault on leaves the outcomes of the others as they were; only what is lost has no
 * other fate. */
static void
test_fate__faults_are_independent(void **state)
{
    (void)state;
    struct run run = {everything, 7, 50000, 0, LA_NS_PER_MS, 0};
    const struct la_impair alone[] = {{.loss = 0.05},
                                      {.burst_loss = 0.05},
                                      {.corrupt = 0.05},
                                      {.duplicate = 0.05},
                                      {.reorder = 0.05}};
    const uint8_t fates[] = {LOST, BURST, CORRUPTED, DUPLICATED, REORDERED};
    play(&run, &one);
    for (unsigned k = 0; k < 5; k++) {
        run.impair = alone[k];
        play(&run, &two);
        assert_true(count(&two, fates[k]) > 0);
        for (unsigned i = 0; i < PACKETS_N; i++) {
            bool lost_before = fates[k] != LOST && (one.fate[i] & (LOST | BURST) & ~fates[k]) != 0;
            if (!lost_before)
                assert_int_equal(one.fate[i] & fates[k], two.fate[i]);
        }
    }
}

static void
test_fate__rates(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 10; seed++) {
        struct run run = {.seed = seed, .client_port = 50000, .gap_ns = LA_NS_PER_MS};
        run.impair = (struct la_impair){.loss = 0.1};
        play(&run, &one);
        assert_share(count(&one, LOST), 0.1);
        run.impair = (struct la_impair){.duplicate = 0.02, .corrupt = 0.5, .reorder = 0.3};
        play(&run, &one);
        assert_share(count(&one, DUPLICATED), 0.02);
        assert_share(count(&one, CORRUPTED), 0.5);
        assert_share(count(&one, REORDERED), 0.3);
    }
}

/* Over ten seeds: the share, and the mean length of a burst. */
static void
test_fate__bursts(void **state)
{
    (void)state;
    const double burst_n = 6, share = 0.1;
    unsigned lost_n = 0, bursts_n = 0;
    for (uint64_t seed = 0; seed < 10; seed++) {
        const struct run run = {.impair = {.burst_loss = share, .burst_n = burst_n},
                                .seed = seed,
                                .client_port = 50000,
                                .gap_ns = LA_NS_PER_MS};
        play(&run, &one);
        for (unsigned i = 0; i < PACKETS_N; i++) {
            lost_n += (one.fate[i] & BURST) != 0;
            bursts_n += (one.fate[i] & BURST) != 0 && (i == 0 || (one.fate[i - 1] & BURST) == 0);
        }
    }
    assert_true(fabs((double)lost_n / (10 * PACKETS_N) - share) < 0.03);
    assert_true(fabs((double)lost_n / bursts_n - burst_n) < 1);
}

/* A flow begins in the bad state as often as it is in it: one packet each of many flows. */
static void
test_fate__bursts_from_the_start(void **state)
{
    (void)state;
    struct test_alloc alloc = {0};
    struct la_mem *mem = test_mem_new(&alloc);
    struct la_wire_cfg cfg = test_wire_cfg(mem);
    struct la_wire *wire;
    struct la_wire_stats stats;
    cfg.impair[0] = (struct la_impair){.burst_loss = 0.5, .burst_n = 20};
    assert_int_equal(la_wire_new(&cfg, &wire), LA_OK);
    for (uint16_t i = 0; i < PACKETS_N; i++)
        test_send(wire, 0,
                  test_segment(mem, &(struct test_segment){.client_port = (uint16_t)(10000 + i),
                                                           .server_port = 80,
                                                           .flags = LA_TCP_SYN}),
                  ms(0));
    la_wire_stats_get(wire, 0, &stats);
    assert_share((unsigned)stats.burst_lost_n, 0.5);
    la_wire_free(wire);
    test_mem_free(mem, &alloc);
}

static void
test_fate__certain(void **state)
{
    (void)state;
    const struct run all_lost = {.impair = {.loss = 1}, .client_port = 1, .gap_ns = 1};
    const struct run all_burst = {.impair = {.burst_loss = 1}, .client_port = 1, .gap_ns = 1};
    play(&all_lost, &one);
    assert_int_equal(count(&one, LOST), PACKETS_N);
    play(&all_burst, &one);
    assert_int_equal(count(&one, BURST), PACKETS_N);
}

/* Uniform in [-jitter, +jitter]: both halves are met, and the ends approached. */
static void
test_fate__jitter(void **state)
{
    (void)state;
    const struct run run = {.impair = {.delay_ns = 10 * LA_NS_PER_MS, .jitter_ns = LA_NS_PER_MS},
                            .client_port = 50000,
                            .gap_ns = 3 * LA_NS_PER_MS};
    int64_t least = INT64_MAX, most = 0;
    unsigned early_n = 0;
    play(&run, &one);
    for (unsigned i = 0; i < PACKETS_N; i++) {
        early_n += one.way_ns[i] < 10 * LA_NS_PER_MS;
        least = one.way_ns[i] < least ? one.way_ns[i] : least;
        most = one.way_ns[i] > most ? one.way_ns[i] : most;
    }
    assert_share(early_n, 0.5);
    assert_true(least >= 9 * LA_NS_PER_MS && least < 9 * LA_NS_PER_MS + LA_NS_PER_MS / 100);
    assert_true(most <= 11 * LA_NS_PER_MS && most > 11 * LA_NS_PER_MS - LA_NS_PER_MS / 100);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fate__same_in_every_run),
        cmocka_unit_test(test_fate__seed_matters),
        cmocka_unit_test(test_fate__directions_differ),
        cmocka_unit_test(test_fate__faults_are_independent),
        cmocka_unit_test(test_fate__rates),
        cmocka_unit_test(test_fate__bursts),
        cmocka_unit_test(test_fate__bursts_from_the_start),
        cmocka_unit_test(test_fate__certain),
        cmocka_unit_test(test_fate__jitter),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
