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

#include "base/mem.h"
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
/* LEDGER: RFC2525-4 */
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

/* ---- a segment that is to be queued ----------------------------------------------------- */

enum { PIECES = 17, PIECES_BYTES = 5500, AGAIN_BYTES = 500, SINGLES = 80, BUFFER_BYTES = 2000 };

/* In which order octets arrive: ahead, in order up to a gap, over what is there, at last in order.
 */
static const struct {
    uint16_t off, n;
} pieces[PIECES] = {{4100, 300}, {2900, 600}, {5300, 200},  {0, 300},    {300, 300},  {600, 300},
                    {900, 300},  {1200, 300}, {1500, 300},  {1800, 300}, {2100, 300}, {2400, 400},
                    {4200, 200}, {3400, 900}, {2800, 1400}, {4700, 600}, {4300, 400}};

struct stream {
    struct peer p;
    la_handle conn;
    la_seq first;       /* of its octets */
    la_seq acked, edge; /* what the stack has said */
    uint32_t bytes;
};

static uint8_t
stream_octet(size_t off)
{
    return (uint8_t)(off * 7);
}

/* Says n octets from `off` on. What the stack says then: an ACK never goes back, nor does the right
 * edge, and what has been acknowledged is there. */
static void
stream_say(struct stream *s, size_t off, size_t n)
{
    uint8_t text[PIECES_BYTES];
    struct la_tcp_seg seg = peer_usual(&s->p, LA_TCP_ACK);
    const struct peer_seg *answer;
    for (size_t i = 0; i < n; i++)
        text[i] = stream_octet(off + i);
    seg.seq = la_seq_add(s->first, (uint32_t)off);
    peer_say(&s->p, &seg, text, n);
    while ((answer = peer_take(&s->p)) != NULL) {
        la_seq edge = la_seq_add(answer->tcp.ack, answer->tcp.wnd);
        assert_int_equal(answer->tcp.flags, LA_TCP_ACK);
        assert_true(la_seq_ge(answer->tcp.ack, s->acked) && la_seq_ge(edge, s->edge));
        s->acked = answer->tcp.ack;
        s->edge = edge;
    }
    uint64_t received_n = peer_status(&s->p, s->conn).bytes_received;
    assert_true(la_seq_diff(s->acked, s->first) <= (int32_t)received_n);
}

/* Single octets keep a device's buffer alive each; behind many of them what arrives is copied. */
static void
stream_new(struct stream *s, bool copies)
{
    const struct peer_options options = {.mss = 1460, .wscale = -1, .sack = true};
    peer_new(&s->p, &(struct peer_cfg){0});
    la_mem_keep_nothing(s->p.mem);
    s->conn = peer_passive(&s->p, &options);
    s->first = s->acked = s->edge = s->p.snd_nxt;
    s->bytes = PIECES_BYTES + (copies ? SINGLES : 0);
    s->p.room_bytes = copies ? BUFFER_BYTES : 0;
    for (uint32_t off = 0; off + PIECES_BYTES < s->bytes; off++)
        stream_say(s, off, 1);
}

static void
stream_read(struct stream *s)
{
    uint8_t octets[PIECES_BYTES + SINGLES + 1];
    size_t n = 0;
    la_ssize took;
    while ((took = la_conn_receive(s->p.stack, s->conn,
                                   (struct la_room){octets + n, sizeof(octets) - n}, s->p.now)) > 0)
        n += (size_t)took;
    assert_int_equal(n, s->bytes);
    for (size_t i = 0; i < n; i++)
        assert_int_equal(octets[i], stream_octet(i));
}

/* One arrival of the pieces, during which the fail_at-th allocation and those behind it, for_n in
 * all, fail; then the peer sends again what is missing. Returns how many allocations there were. */
static uint64_t
queue_pieces(bool copies, uint64_t fail_at, uint64_t for_n, uint32_t drops_n[LA_REASON_COUNT])
{
    static struct stream s;
    stream_new(&s, copies);
    struct peer_memory *memory = &s.p.memory;
    memory->calls_n = 0;
    memory->fail_at = fail_at;
    memory->fail_for_n = for_n;
    for (unsigned i = 0; i < PIECES; i++) {
        stream_say(&s, s.bytes - PIECES_BYTES + pieces[i].off, pieces[i].n);
        drops_n[s.p.reason]++;
    }
    uint64_t calls_n = memory->calls_n;
    memory->fail_at = 0;
    for (unsigned i = 0; i < PIECES_BYTES && la_seq_diff(s.acked, s.first) < (int32_t)s.bytes;
         i++) {
        size_t off = (size_t)la_seq_diff(s.acked, s.first);
        stream_say(&s, off, s.bytes - off < 10 ? s.bytes - off : 10);
        peer_run_us(&s.p, LA_US_PER_S);
    }
    stream_read(&s);
    assert_int_equal(la_conn_abort(s.p.stack, s.conn, s.p.now), LA_OK);
    peer_collect(&s.p);
    peer_forget(&s.p);
    peer_free(&s.p);
    return calls_n;
}

/* Whichever allocation fails while segments are queued, in order or ahead: what found no room is
 * not acknowledged, what was offered stays offered, and all arrives when it is sent again. */
static void
test_memory__a_segment_finds_no_room(void **state)
{
    (void)state;
    static const uint64_t lengths[] = {1, 2, 3, 4, 6, 10, 1000000};
    for (unsigned copies = 0; copies < 2; copies++) {
        uint32_t drops_n[LA_REASON_COUNT] = {0};
        uint64_t calls_n = queue_pieces(copies != 0, 0, 0, drops_n);
        assert_true(calls_n > 2 * PIECES);
        assert_int_equal(drops_n[LA_REASON_NO_MEMORY] + drops_n[LA_REASON_OUT_OF_ORDER_LIMIT], 0);
        for (unsigned i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++)
            for (uint64_t fail_at = 1; fail_at <= calls_n; fail_at++)
                (void)queue_pieces(copies != 0, fail_at, lengths[i], drops_n);
        assert_true(drops_n[LA_REASON_NO_MEMORY] > 0);
        assert_true(drops_n[LA_REASON_OUT_OF_ORDER_LIMIT] > 0);
    }
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
        cmocka_unit_test(test_memory__a_segment_finds_no_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
