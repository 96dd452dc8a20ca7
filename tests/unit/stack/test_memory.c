/* SPDX-License-Identifier: MIT
 *
 * test_memory.c - every allocation fails once, many fail, the budget is tiny
 *
 * Two stacks on a perfect wire, one allocator that can fail. Whatever fails: no crash, no leak, and
 * once there is memory again every octet arrives, once and in order, or a call has said why not.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/time.h"
#include "pair.h"
#include "peer.h"

enum { OCTETS = 40000, ENOUGH_BYTES = 256 << 10 };

/* From call `first` of alloc on all fail, until `for_us` of virtual time have passed; with 0 only
 * that call does. */
static struct {
    uint64_t calls_n, first;
    int64_t for_us;
    const struct pair *pair; /* its clock */
    la_instant until;
    int64_t live_bytes;
} faults;

static void *
take(void *ctx, size_t n)
{
    (void)ctx;
    uint64_t call = faults.calls_n++;
    if (call == faults.first)
        faults.until = la_instant_add_us(faults.pair->now, faults.for_us);
    if (call == faults.first ||
        (call > faults.first && la_instant_lt(faults.pair->now, faults.until)))
        return NULL;
    faults.live_bytes += (int64_t)n;
    return malloc(n);
}

static void
give(void *ctx, void *bytes, size_t n)
{
    (void)ctx;
    faults.live_bytes -= (int64_t)n;
    free(bytes);
}

struct side {
    struct la_stack *stack;
    la_handle conn;
    uint32_t sent_n, received_n;
    bool closed, ended, released;
};

static uint8_t
octet_at(int end, uint32_t i)
{
    return (uint8_t)(i * 13 + i / 256 + (unsigned)end);
}

static void
serve(struct side *side, int end, la_instant now)
{
    uint8_t buf[1000];
    if (side->released)
        return;
    while (side->sent_n < OCTETS) {
        uint32_t n = OCTETS - side->sent_n < sizeof(buf) ? OCTETS - side->sent_n : sizeof(buf);
        for (uint32_t i = 0; i < n; i++)
            buf[i] = octet_at(end, side->sent_n + i);
        la_ssize took =
            la_conn_send(side->stack, side->conn, (struct la_bytes){buf, n}, false, now);
        if (took <= 0) { /* nothing else is allowed: neither end may give up */
            assert_true(took == LA_ERR_AGAIN || took == LA_ERR_NO_MEMORY);
            break;
        }
        side->sent_n += (uint32_t)took;
    }
    if (side->sent_n == OCTETS && !side->closed)
        side->closed = la_conn_close(side->stack, side->conn, now) == LA_OK;
    la_ssize n;
    while ((n = la_conn_receive(side->stack, side->conn, (struct la_room){buf, sizeof(buf)}, now)) >
           0)
        for (la_ssize i = 0; i < n; i++)
            assert_int_equal(buf[i], octet_at(!end, side->received_n++));
    assert_true(n == 0 || n == LA_ERR_AGAIN);
    side->ended |= n == 0;
    if (side->ended && side->closed)
        side->released = la_conn_release(side->stack, side->conn, now) == LA_OK;
}

/* Both ends connect: again and again while there is no memory for it. */
static bool
connect_ends(struct pair *p, struct side side[2])
{
    la_handle listener = 0;
    struct la_endpoint at = pair_addr(1, false, 80), any = {{{0}}, 0};
    for (unsigned i = 0; i < 5000; i++) {
        if (listener == 0) {
            la_err err = la_listener_open(p->end[1], &at, 4, NULL, &listener, p->now);
            assert_true(err == LA_OK || err == LA_ERR_NO_MEMORY);
        }
        if (listener != 0 && side[0].conn == 0) {
            la_err err = la_conn_open(p->end[0], &any, &at, NULL, &side[0].conn, p->now);
            assert_true(err == LA_OK || err == LA_ERR_NO_MEMORY);
        }
        if (listener != 0 &&
            la_listener_accept(p->end[1], listener, &side[1].conn, p->now) == LA_OK)
            return la_listener_close(p->end[1], listener, p->now) == LA_OK;
        pair_run_us(p, 10000);
    }
    return false;
}

static void
transfer(struct pair *p, struct side side[2])
{
    la_instant begin = p->now;
    do {
        serve(&side[0], 0, p->now);
        serve(&side[1], 1, p->now);
        pair_run_us(p, 5000);
    } while (!(side[0].released && side[1].released) &&
             la_instant_diff_us(p->now, begin) < 300 * LA_US_PER_S);
    pair_run_us(p, 100 * LA_US_PER_S);
}

/* connect, OCTETS both ways, close; false: there was too little memory for all of it. */
static bool
run(uint64_t budget_bytes)
{
    struct la_alloc alloc = {take, give, NULL};
    struct pair_cfg cfg = {.seed = 1,
                           .alloc = &alloc,
                           .budget_bytes = budget_bytes,
                           .keep_nothing = budget_bytes == 0};
    static struct pair p;
    faults.calls_n = 0;
    faults.live_bytes = 0;
    faults.pair = &p;
    if (!pair_new(&p, &cfg)) {
        pair_free(&p);
        assert_int_equal(faults.live_bytes, 0);
        return false;
    }
    struct side side[2] = {{.stack = p.end[0]}, {.stack = p.end[1]}};
    bool connected = connect_ends(&p, side);
    if (connected)
        transfer(&p, side);
    uint32_t states[LA_TCP_STATE_COUNT], left = 0;
    for (int i = 0; i < 2; i++) {
        la_stack_state_counts(p.end[i], states);
        for (int s = 0; s < LA_TCP_STATE_COUNT; s++)
            left += states[s];
    }
    bool whole = connected && side[0].received_n == OCTETS && side[1].received_n == OCTETS;
    bool poor = budget_bytes != 0 && budget_bytes < ENOUGH_BYTES; /* octets may wait for ever */
    if (!poor && (!whole || left != 0))
        fail_msg("allocation %llu, %lld us: connected %d, received %u and %u, %u left",
                 (unsigned long long)faults.first, (long long)faults.for_us, connected,
                 side[0].received_n, side[1].received_n, left);
    assert_int_equal(pair_free(&p), 0);
    assert_int_equal(faults.live_bytes, 0);
    return whole;
}

/* How many calls a run makes when none fails. */
static uint64_t
calls_of_a_run(void)
{
    faults.first = UINT64_MAX;
    assert_true(run(0));
    assert_true(faults.calls_n > 150);
    return faults.calls_n;
}

static void
test_memory__each_allocation_fails_once(void **state)
{
    (void)state;
    uint64_t calls_n = calls_of_a_run();
    unsigned made_n = 0;
    faults.for_us = 0;
    for (faults.first = 0; faults.first < calls_n; faults.first++)
        made_n += run(0);
    assert_true(made_n > calls_n / 2);
}

/* No memory at all for a while, from every call on. */
static void
test_memory__outages(void **state)
{
    (void)state;
    uint64_t calls_n = calls_of_a_run();
    static const int64_t lengths_us[] = {1, 30000, 300000, 5000000};
    for (size_t i = 0; i < 4; i++) {
        faults.for_us = lengths_us[i];
        for (faults.first = 0; faults.first < calls_n; faults.first++)
            (void)run(0);
    }
}

/* A budget that is hardly enough for two stacks: slow, and right. */
static void
test_memory__tiny_budgets(void **state)
{
    (void)state;
    faults.first = UINT64_MAX;
    unsigned made_n = 0;
    for (uint64_t budget = 16 << 10; budget <= 1 << 20; budget += 16 << 10)
        made_n += run(budget);
    assert_true(made_n >= 50);
}

/* ---- what waits leaves room for what moves ---------------------------------------------- */

enum { CONNS = 20, BUDGET_BYTES = 2 << 20 };

/* Send queues may not take the memory that frames need, or they would wait for ever. */
static void
test_memory__full_send_queues_move(void **state)
{
    (void)state;
    struct pair_cfg cfg = {.seed = 1, .budget_bytes = BUDGET_BYTES};
    static struct pair p;
    static uint8_t octets[256 << 10];
    la_handle client[CONNS], server[CONNS];
    assert_true(pair_new(&p, &cfg));
    uint64_t queued = 0, received = 0;
    for (unsigned i = 0; i < CONNS; i++)
        assert_true(pair_connect(&p, false, &client[i], &server[i]));
    for (unsigned i = 0; i < CONNS; i++) {
        la_ssize n = la_conn_send(p.end[0], client[i], (struct la_bytes){octets, sizeof(octets)},
                                  false, p.now);
        assert_true(n > 0 || n == LA_ERR_NO_MEMORY);
        queued += n > 0 ? (uint64_t)n : 0;
    }
    assert_true(queued > BUDGET_BYTES / 2);
    assert_true(queued < (uint64_t)CONNS * sizeof(octets)); /* it did not all fit */
    for (unsigned round = 0; round < 1000 && received < queued; round++) {
        pair_run_us(&p, 100000);
        for (unsigned i = 0; i < CONNS; i++) {
            la_ssize n;
            while ((n = la_conn_receive(p.end[1], server[i],
                                        (struct la_room){octets, sizeof(octets)}, p.now)) > 0)
                received += (uint64_t)n;
        }
    }
    assert_int_equal(received, queued);
    assert_int_equal(pair_free(&p), 0);
}

/* Nor may runs out of order, which a peer can make many of: a hole in each of many streams,
 * for ever. */
static void
test_memory__runs_out_of_order_leave_room(void **state)
{
    (void)state;
    static struct peer p;
    peer_new(&p, &(struct peer_cfg){.budget_bytes = BUDGET_BYTES});
    la_handle listener = peer_listen(&p, CONNS), conn[100];
    la_seq nxt[100], acks[100];
    unsigned conns_n = 0;
    for (; conns_n < 100; conns_n++) {
        p.addr.port = (uint16_t)(6000 + conns_n);
        conn[conns_n] = peer_connect(&p, listener, &peer_plain);
        nxt[conns_n] = p.snd_nxt;
        acks[conns_n] = p.rcv_nxt;
        for (uint32_t off = 1460; off < 64000; off += 1460) {
            struct la_tcp_seg seg = peer_usual(&p, LA_TCP_ACK);
            seg.seq = la_seq_add(seg.seq, off);
            peer_say(&p, &seg, NULL, 1460);
        }
        peer_forget(&p);
    }
    struct la_mem_stats stats;
    la_mem_stats_get(p.mem, &stats);
    assert_true(stats.peak_bytes <= BUDGET_BYTES);
    for (unsigned i = 0; i < conns_n; i++) { /* what is in order is served all the same */
        p.addr.port = (uint16_t)(6000 + i);
        p.snd_nxt = nxt[i];
        p.rcv_nxt = acks[i];
        uint64_t before = peer_status(&p, conn[i]).bytes_received;
        peer_send(&p, LA_TCP_ACK, NULL, 1460);
        uint64_t now = peer_status(&p, conn[i]).bytes_received;
        assert_true(now >= before + 1460);
        peer_user_read(&p, conn[i], (size_t)now);
        peer_forget(&p);
    }
    peer_free(&p);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_memory__each_allocation_fails_once),
        cmocka_unit_test(test_memory__outages),
        cmocka_unit_test(test_memory__tiny_budgets),
        cmocka_unit_test(test_memory__full_send_queues_move),
        cmocka_unit_test(test_memory__runs_out_of_order_leave_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
