/* SPDX-License-Identifier: MIT
 *
 * test_gather.c - gathered and super-segments do what single segments do
 *
 * Twins: two stacks with one seed, which are called alike and get the same frames. One listens to
 * every segment, so it takes and makes them one by one; the other gathers what arrives and cuts
 * what it sends. What comes out of both must be the same, octet for octet (but for the IP header's
 * identification and checksum), and so must what their connections and counters say. A third stack
 * is the peer; between it and the twins packets are lost, repeated and moved.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <lastack/host.h>

#include "base/checksum.h"
#include "base/frame.h"
#include "base/rng.h"
#include "base/time.h"
#include "link/mark.h"
#include "pair.h"
#include "wire/ip4.h"
#include "wire/tcp.h"

enum { ALONE, TOGETHER, PEER, STACKS_N };
enum { BURST_MAX = 4096, PACKET_BYTES_MAX = 1600, IP4_ID_OFF = 4, IP4_CHECKSUM_OFF = 10 };

struct twins {
    struct la_rng rng;
    struct la_mem *mem;
    struct la_stack *stack[STACKS_N];
    la_handle conn[STACKS_N];
    la_instant now;
    unsigned bad_percent;
    struct la_frame *held[2 * BURST_MAX]; /* from the peer, under way */
    size_t held_n;
};

static uint32_t
below(struct twins *t, uint32_t n)
{
    return (uint32_t)la_rng_below(&t->rng, n);
}

static void
hear(void *ctx, const struct la_event *event)
{
    (void)ctx;
    (void)event;
}

static struct la_stack *
stack_new(struct twins *t, int which, uint64_t seed, const struct la_tcp_cfg *tcp)
{
    struct la_stack_cfg cfg;
    struct la_stack *stack = NULL;
    la_stack_cfg_init(&cfg);
    cfg.mem = t->mem;
    cfg.seed[0] = seed + (which == PEER);
    cfg.tcp = *tcp;
    if (which == ALONE)
        cfg.trace = (struct la_trace){hear, NULL, LA_EVENT_ALL};
    struct la_iface_cfg iface = {.caps = {.layer = LA_LINK_IP, .mtu_bytes = 1500}};
    struct la_endpoint at = pair_addr(which == PEER, false, 0);
    int idx;
    assert_int_equal(la_stack_new(&cfg, t->now, &stack), LA_OK);
    assert_int_equal(la_stack_iface_add(stack, &iface, &idx), LA_OK);
    assert_int_equal(la_stack_addr_add(stack, idx, &at.addr, 24), LA_OK);
    return stack;
}

/* ---- frames ----------------------------------------------------------------------------- */

static size_t
output(struct twins *t, int which, struct la_frame *frames[BURST_MAX])
{
    size_t n = la_stack_output(t->stack[which], 0, frames, BURST_MAX, t->now);
    assert_true(n < BURST_MAX);
    return n;
}

static size_t
octets_of(const struct la_frame *frame, uint8_t out[PACKET_BYTES_MAX])
{
    size_t n = la_frame_copy_out(frame, 0, out, PACKET_BYTES_MAX);
    memset(out + IP4_ID_OFF, 0, 2);
    memset(out + IP4_CHECKSUM_OFF, 0, 2);
    return n;
}

/* Losses, repetitions and moves, the same for everybody who gets them. */
static size_t
spoil(struct twins *t, struct la_frame *frames[2 * BURST_MAX], size_t n)
{
    size_t kept_n = 0;
    for (size_t i = 0; i < n; i++) {
        if (below(t, 100) < t->bad_percent)
            la_frame_free(frames[i]);
        else
            frames[kept_n++] = frames[i];
    }
    n = kept_n;
    for (size_t i = 0; i < kept_n; i++)
        if (below(t, 100) < t->bad_percent)
            frames[n++] = la_frame_clone(frames[i]);
    for (size_t i = 1; i < n; i++) {
        if (below(t, 100) >= t->bad_percent)
            continue;
        size_t j = below(t, (uint32_t)n);
        struct la_frame *moved = frames[i];
        frames[i] = frames[j];
        frames[j] = moved;
    }
    return n;
}

/* Another IP header, with the checksum that belongs to it. */
static void
twist_ip(struct twins *t, uint8_t *ip)
{
    static const uint8_t offs[] = {1, 2, 3, 4, 6, 8, 9, 12, 15, 16, 19};
    uint8_t *octet = ip + offs[below(t, sizeof(offs))];
    uint8_t *word = ip + (octet - ip) / 2 * 2;
    uint16_t old_word = la_get16(word);
    *octet ^= (uint8_t)(1u << below(t, 8));
    la_put16(ip + IP4_CHECKSUM_OFF,
             la_sum_update(la_get16(ip + IP4_CHECKSUM_OFF), old_word, la_get16(word)));
}

/* Another header in a run. TCP's checksum is not looked at again, but for the case that breaks it:
 * the frame says it was verified. */
static void
twist(struct twins *t, struct la_frame *frame)
{
    uint8_t *tcp = frame->head + LA_IP4_HEADER_BYTES;
    switch (below(t, 11)) {
    case 8:
        twist_ip(t, frame->head);
        break;
    case 9: /* IP's checksum is wrong */
        frame->head[IP4_CHECKSUM_OFF] ^= 1;
        break;
    case 10: /* TCP's checksum is wrong, and nobody has looked at it */
        tcp[17] ^= 4;
        frame->csum = LA_CSUM_UNKNOWN;
        break;
    case 0: /* a port, so that it is for nobody */
        tcp[3] ^= 1;
        break;
    case 1: /* the acknowledgement */
        la_put32(tcp + 8, la_get32(tcp + 8) + below(t, 400000) - 200000);
        break;
    case 2: /* a flag, RST seldom */
        tcp[13] ^= (uint8_t)(below(t, 20) == 0 ? LA_TCP_RST : 1u << (3 + below(t, 5)));
        break;
    case 3: /* the window */
        tcp[14] ^= (uint8_t)below(t, 16);
        break;
    case 4: /* the sequence number */
        la_put32(tcp + 4, la_get32(tcp + 4) + below(t, 3000) - 1500);
        break;
    default: /* the time */
        if (tcp[12] >> 4 == 8)
            tcp[27] = (uint8_t)(tcp[27] + 1);
    }
}

/* Several in a row the same way, so that they fit together again. */
static void
twist_some(struct twins *t, struct la_frame **frames, size_t n)
{
    size_t some_n = 1 + below(t, 3);
    const struct la_rng same = t->rng;
    for (size_t i = 0; i < n && i < some_n; i++) {
        t->rng = same;
        twist(t, frames[i]);
    }
}

/* A queue on the way marks a few in a row. */
static void
mark_some(struct twins *t, struct la_frame **frames, size_t n)
{
    size_t some_n = 1 + below(t, 12);
    for (size_t i = 0; i < n && i < some_n; i++)
        (void)la_wire_mark(frames[i], LA_LINK_IP);
}

/* What the peer sends may be held back, so that what it sent at several times arrives at once. */
static void
peer_to_twins(struct twins *t)
{
    struct la_frame *copies[2 * BURST_MAX];
    t->held_n += output(t, PEER, t->held + t->held_n);
    if (t->held_n < BURST_MAX / 2 && below(t, 3) == 0)
        return;
    size_t n = spoil(t, t->held, t->held_n);
    for (size_t i = 0; i < n; i++)
        if (below(t, 200) < t->bad_percent)
            twist_some(t, t->held + i, n - i);
    for (size_t i = 0; i < n; i++)
        if (below(t, 200) < t->bad_percent)
            mark_some(t, t->held + i, n - i);
    for (size_t i = 0; i < n; i++)
        copies[i] = la_frame_clone(t->held[i]);
    la_stack_input(t->stack[ALONE], 0, t->held, n, t->now);
    la_stack_input(t->stack[TOGETHER], 0, copies, n, t->now);
    t->held_n = 0;
}

static void
twins_to_peer(struct twins *t)
{
    struct la_frame *frames[2 * BURST_MAX], *others[BURST_MAX];
    size_t n = output(t, ALONE, frames);
    size_t others_n = output(t, TOGETHER, others);
    for (size_t i = 0; i < n && i < others_n; i++) {
        uint8_t a[PACKET_BYTES_MAX], b[PACKET_BYTES_MAX];
        size_t a_n = octets_of(frames[i], a), b_n = octets_of(others[i], b);
        assert_int_equal(a_n, b_n);
        assert_memory_equal(a, b, a_n);
        la_frame_free(others[i]);
    }
    assert_int_equal(n, others_n);
    n = spoil(t, frames, n);
    la_stack_input(t->stack[PEER], 0, frames, n, t->now);
}

/* ---- what both say ---------------------------------------------------------------------- */

static void
compare(const struct twins *t)
{
    struct la_conn_status a, b;
    memset(&a, 0, sizeof(a)); /* padding, which the calls leave alone */
    memset(&b, 0, sizeof(b));
    la_err err = la_conn_status(t->stack[ALONE], t->conn[ALONE], &a);
    assert_int_equal(la_conn_status(t->stack[TOGETHER], t->conn[TOGETHER], &b), err);
    if (err == LA_OK) {
        a.timer_at = b.timer_at = (la_instant){0}; /* compared by what comes of it */
        assert_memory_equal(&a, &b, sizeof(a));
    }
    const struct la_stack_stats *sa = la_stack_stats(t->stack[ALONE]);
    const struct la_stack_stats *sb = la_stack_stats(t->stack[TOGETHER]);
    assert_memory_equal(sa, sb, sizeof(*sa));
}

/* ---- calls ------------------------------------------------------------------------------ */

static la_ssize
send_at(struct twins *t, int which, struct la_bytes bytes, bool urgent)
{
    struct la_stack *stack = t->stack[which];
    return urgent ? la_conn_send_urgent(stack, t->conn[which], bytes, t->now)
                  : la_conn_send(stack, t->conn[which], bytes, false, t->now);
}

static void
send_some(struct twins *t, bool peer)
{
    uint8_t octets[60000];
    size_t n = 1 + below(t, below(t, 2) == 0 ? 3000 : sizeof(octets));
    for (size_t i = 0; i < n; i++)
        octets[i] = (uint8_t)(i * 7 + n);
    struct la_bytes bytes = {octets, n};
    bool urgent = below(t, 10) == 0;
    la_ssize took = send_at(t, peer ? PEER : ALONE, bytes, urgent);
    if (!peer)
        assert_int_equal(send_at(t, TOGETHER, bytes, urgent), took);
}

static void
receive_some(struct twins *t)
{
    uint8_t a[70000], b[70000];
    size_t n = 1 + below(t, sizeof(a));
    la_ssize a_n = la_conn_receive(t->stack[ALONE], t->conn[ALONE], (struct la_room){a, n}, t->now);
    la_ssize b_n =
        la_conn_receive(t->stack[TOGETHER], t->conn[TOGETHER], (struct la_room){b, n}, t->now);
    assert_int_equal(a_n, b_n);
    if (a_n > 0)
        assert_memory_equal(a, b, (size_t)a_n);
    (void)la_conn_receive(t->stack[PEER], t->conn[PEER], (struct la_room){a, n}, t->now);
}

static void
pass_time(struct twins *t)
{
    static const int64_t steps_ns[] = {1000, 100000, 50 * LA_NS_PER_MS, 700 * LA_NS_PER_MS};
    t->now = la_instant_add_ns(t->now, steps_ns[below(t, 4)]);
    for (int i = 0; i < STACKS_N; i++)
        while (la_stack_run(t->stack[i], t->now, 64))
            continue;
}

/* ---- one life --------------------------------------------------------------------------- */

static void
begin(struct twins *t, uint64_t seed, bool active)
{
    struct la_stack_cfg cfg;
    struct la_seed s = {{seed, 1, 2, 3}};
    *t = (struct twins){.now = {LA_NS_PER_S}, .mem = la_mem_new(la_host_alloc(), 0)};
    la_rng_init(&t->rng, &s, "gather");
    la_stack_cfg_init(&cfg);
    cfg.tcp.rcvbuf_bytes = 20000u + below(t, 200000);
    cfg.tcp.sndbuf_bytes = 20000u + below(t, 200000);
    cfg.tcp.timestamps = below(t, 4) != 0;
    cfg.tcp.nagle = below(t, 2) != 0;
    cfg.tcp.rack = below(t, 4) != 0;
    cfg.tcp.sack = below(t, 4) != 0;
    cfg.tcp.ecn = below(t, 2) != 0 ? LA_ECN_ASK : LA_ECN_ACCEPT;
    cfg.tcp.mss_bytes_max = (uint16_t)(below(t, 3) == 0 ? 100 + below(t, 1300) : 0);
    for (int i = 0; i < STACKS_N; i++)
        t->stack[i] = stack_new(t, i, seed, &cfg.tcp);
    struct la_endpoint any = {{{0}}, 0}, to = pair_addr(active, false, 7);
    la_handle listener[STACKS_N] = {0};
    for (int i = 0; i < STACKS_N; i++) {
        if ((i == PEER) == active)
            assert_int_equal(la_listener_open(t->stack[i], &to, 8, NULL, &listener[i], t->now),
                             LA_OK);
        else
            assert_int_equal(la_conn_open(t->stack[i], &any, &to, NULL, &t->conn[i], t->now),
                             LA_OK);
    }
    for (int i = 0; i < 30; i++) {
        twins_to_peer(t);
        peer_to_twins(t);
    }
    for (int i = 0; i < STACKS_N; i++)
        if (listener[i] != 0)
            assert_int_equal(la_listener_accept(t->stack[i], listener[i], &t->conn[i], t->now),
                             LA_OK);
}

static void
close_some(struct twins *t)
{
    if (below(t, 2) == 0) {
        (void)la_conn_close(t->stack[PEER], t->conn[PEER], t->now);
        return;
    }
    la_err a = la_conn_close(t->stack[ALONE], t->conn[ALONE], t->now);
    assert_int_equal(la_conn_close(t->stack[TOGETHER], t->conn[TOGETHER], t->now), a);
}

static void
live(struct twins *t, unsigned steps_n)
{
    for (unsigned i = 0; i < steps_n; i++) {
        uint32_t what = below(t, 16);
        if (what < 6)
            send_some(t, what < 4);
        else if (what < 9)
            receive_some(t);
        else if (what == 9)
            pass_time(t);
        else if (what == 10 && i > steps_n / 2)
            close_some(t);
        twins_to_peer(t);
        peer_to_twins(t);
        compare(t);
    }
}

/* LEDGER: RFC3168-9 */
static void
test_gather__twins_agree(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 600; seed++) {
        struct twins t;
        begin(&t, seed, seed % 2 == 0);
        t.bad_percent = seed % 5 == 0 ? 0 : (unsigned)(seed % 7);
        live(&t, 120);
        for (size_t i = 0; i < t.held_n; i++)
            la_frame_free(t.held[i]);
        for (int i = 0; i < STACKS_N; i++)
            la_stack_free(t.stack[i]);
        struct la_mem_stats stats;
        la_mem_stats_get(t.mem, &stats);
        assert_int_equal(stats.frames_live_n + stats.blocks_live_n, 0);
        la_mem_unref(t.mem);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_gather__twins_agree),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
