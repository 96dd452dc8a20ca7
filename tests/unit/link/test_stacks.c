/* SPDX-License-Identifier: MIT
 *
 * test_stacks.c - two stacks on a bad wire: octets arrive, and runs repeat
 *
 * The stacks' seeds choose ports, sequence numbers and timestamps. None of that may change what the
 * wire does.
 */
#include "support.h"

#include <lastack/stack.h>

enum { OCTETS = 300000, NEWS_N = 4096, SERVER_PORT = 7 };

/* What the wire did, in order. */
struct news {
    int64_t at_ns; /* since the start */
    uint8_t end, fate, copy_n;
    uint16_t reason;
};

struct record {
    size_t n;
    int64_t start_ns;
    uint16_t client_port;
    struct news news[NEWS_N];
};

static void
hear(void *ctx, const struct la_event *event)
{
    struct record *record = ctx;
    assert_true(record->n < NEWS_N);
    if (event->end == 0)
        record->client_port = event->local.port;
    struct news *news = &record->news[record->n++];
    memset(news, 0, sizeof(*news));
    news->at_ns = event->at.ns - record->start_ns;
    news->end = event->end;
    news->fate = event->u.wire.fate;
    news->copy_n = event->u.wire.copy_n;
    news->reason = event->u.wire.reason;
}

struct rig {
    struct test_alloc alloc;
    struct la_mem *mem;
    struct la_stack *client, *server;
    struct la_wire *wire;
    la_handle listener, conn, accepted;
    size_t sent_n, received_n;
    bool closed;
};

static struct la_stack *
stack_new(struct rig *rig, uint8_t end_id, uint64_t seed, la_instant now)
{
    struct la_stack_cfg cfg;
    struct la_stack *stack;
    const struct la_iface_cfg iface = {.caps = {.mtu_bytes = 1500}};
    const struct la_addr addr = la_addr_v4(10, 0, 0, (uint8_t)(end_id + 1));
    int idx;
    la_stack_cfg_init(&cfg);
    cfg.mem = rig->mem;
    cfg.end_id = end_id;
    cfg.seed[0] = seed;
    assert_int_equal(la_stack_new(&cfg, now, &stack), LA_OK);
    assert_int_equal(la_stack_iface_add(stack, &iface, &idx), LA_OK);
    assert_int_equal(la_stack_addr_add(stack, idx, &addr, 24), LA_OK);
    return stack;
}

static uint8_t
octet_at(size_t off)
{
    return (uint8_t)(off * 31 + (off >> 8) * 7);
}

static void
client_works(struct rig *rig, la_instant now)
{
    uint8_t octets[2000];
    while (rig->sent_n < OCTETS) {
        size_t n = OCTETS - rig->sent_n < sizeof(octets) ? OCTETS - rig->sent_n : sizeof(octets);
        for (size_t i = 0; i < n; i++)
            octets[i] = octet_at(rig->sent_n + i);
        la_ssize taken =
            la_conn_send(rig->client, rig->conn, (struct la_bytes){octets, n}, false, now);
        if (taken <= 0) {
            assert_true(taken == LA_ERR_AGAIN);
            return;
        }
        rig->sent_n += (size_t)taken;
    }
    if (!rig->closed)
        assert_int_equal(la_conn_close(rig->client, rig->conn, now), LA_OK);
    rig->closed = true;
}

/* True: everything has arrived. */
static bool
server_works(struct rig *rig, la_instant now)
{
    uint8_t octets[3000];
    la_ssize n;
    if (rig->accepted == 0 &&
        la_listener_accept(rig->server, rig->listener, &rig->accepted, now) != LA_OK)
        return false;
    while ((n = la_conn_receive(rig->server, rig->accepted,
                                (struct la_room){octets, sizeof(octets)}, now)) > 0) {
        for (size_t i = 0; i < (size_t)n; i++)
            assert_int_equal(octets[i], octet_at(rig->received_n + i));
        rig->received_n += (size_t)n;
    }
    assert_true(n == 0 || n == LA_ERR_AGAIN);
    return n == 0;
}

static void
transfer(struct record *record, const struct la_impair *impair, uint64_t stack_seed,
         int64_t start_ns)
{
    struct rig rig = {0};
    la_instant now = la_instant_of_ns(start_ns);
    const struct la_endpoint any = {0};
    const struct la_endpoint to = {la_addr_v4(10, 0, 0, 2), SERVER_PORT};
    memset(record, 0, sizeof(*record));
    record->start_ns = start_ns;
    rig.mem = test_mem_new(&rig.alloc);
    rig.client = stack_new(&rig, 0, stack_seed, now);
    rig.server = stack_new(&rig, 1, stack_seed + 1000, now);
    struct la_wire_cfg cfg = test_wire_cfg(rig.mem);
    cfg.impair[0] = cfg.impair[1] = *impair;
    cfg.trace = (struct la_trace){hear, record, LA_EVENT_BIT(LA_EVENT_WIRE)};
    assert_int_equal(la_wire_new(&cfg, &rig.wire), LA_OK);
    assert_int_equal(la_listener_open(rig.server, &to, 4, NULL, &rig.listener, now), LA_OK);
    assert_int_equal(la_conn_open(rig.client, &any, &to, NULL, &rig.conn, now), LA_OK);
    for (bool done = false; !done; now = la_wire_next(rig.wire, rig.client, rig.server)) {
        struct la_stack_event ev;
        assert_false(la_instant_is_never(now)); /* something is always to be expected */
        assert_true(now.ns - start_ns < 600 * LA_NS_PER_S);
        la_wire_pump(rig.wire, rig.client, rig.server, now);
        while (la_stack_next_event(rig.client, &ev) || la_stack_next_event(rig.server, &ev))
            continue;
        client_works(&rig, now);
        done = server_works(&rig, now);
        la_wire_pump(rig.wire, rig.client, rig.server, now);
    }
    assert_int_equal(rig.received_n, OCTETS);
    la_wire_free(rig.wire);
    la_stack_free(rig.client);
    la_stack_free(rig.server);
    test_mem_free(rig.mem, &rig.alloc);
}

static struct record one, two;

static void
test_stacks__every_octet(void **state)
{
    (void)state;
    const struct la_impair wires[] = {
        {0},
        {.delay_ns = 20 * LA_NS_PER_MS, .loss = 0.03},
        {.delay_ns = 5 * LA_NS_PER_MS, .jitter_ns = 2 * LA_NS_PER_MS, .burst_loss = 0.02},
        {.delay_ns = LA_NS_PER_MS, .reorder = 0.1, .duplicate = 0.1, .corrupt = 0.02},
        {.rate_bps = 20000000, .queue_n = 20, .delay_ns = 10 * LA_NS_PER_MS},
    };
    for (size_t i = 0; i < sizeof(wires) / sizeof(wires[0]); i++)
        transfer(&one, &wires[i], 1, 0);
}

/* Other ports, numbers and timestamps, another time of day: the wire does the same things at the
 * same instants of the run. */
static void
test_stacks__runs_repeat(void **state)
{
    (void)state;
    const struct la_impair bad = {.delay_ns = 15 * LA_NS_PER_MS,
                                  .jitter_ns = LA_NS_PER_MS,
                                  .rate_bps = 50000000,
                                  .loss = 0.02,
                                  .burst_loss = 0.01,
                                  .reorder = 0.02,
                                  .duplicate = 0.02,
                                  .corrupt = 0.01};
    /* A start that the stacks' clocks (ticks of 2^16 ns, timestamps in ms) divide. */
    const int64_t later_ns = INT64_C(1024000000) * 1700000000;
    transfer(&one, &bad, 1, 0);
    assert_true(one.n > 300);
    for (uint64_t seed = 2; seed < 6; seed++) {
        transfer(&two, &bad, seed, seed % 2 == 0 ? 0 : later_ns);
        assert_int_not_equal(one.client_port, two.client_port);
        assert_int_equal(one.n, two.n);
        for (size_t i = 0; i < one.n; i++)
            assert_memory_equal(&one.news[i], &two.news[i], sizeof(one.news[i]));
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_stacks__every_octet),
        cmocka_unit_test(test_stacks__runs_repeat),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
