/* SPDX-License-Identifier: MIT
 *
 * fuzz_live.c - connections that really stand, and then segments that nearly fit
 *
 * The input is a list of decisions of both ends. Its first octets choose the address family, what
 * the connections agree on, how memory runs out, what the trace listens to, and whether the peer's
 * segments arrive one by one or in bursts: a stack whose trace does not listen to segments gathers
 * those of a burst (src/stack/gather.c). Checksums are right and verified.
 *
 * Properties, besides no crash and no broken invariant: each octet that either application gets or
 * sends stands in its place; the right edge of the window never moves left; what leaves is sound;
 * the budget is kept; once the application has given everything up, timers end every connection;
 * and every frame and block comes back.
 */
#include "live.h"

#include "base/seq.h"

#include <stdlib.h>
#include <string.h>

enum { HANDLES_N = 8, STEPS_MAX = 400, EVENTS_MAX = 10000, IO_BYTES = 4096, END_STEPS_MAX = 20000 };
static const int64_t end_step_ns_min = INT64_C(50000000);
static const uint64_t budget_bytes_usual = UINT64_C(4) << 20;

/* A connection as its application sees it. */
struct handle {
    la_handle conn;
    uint32_t sent_n;
    uint16_t peer_port;
    bool placed;       /* it is known where in the sequence space the stream stands … */
    uint32_t next_seq; /* … namely here */
};

/* Refuses every `every_n`-th request; 0 = none. */
struct allocator {
    unsigned every_n, requests_n;
};

/* The right edge that a connection has offered. */
struct edge {
    uint64_t conn;
    uint32_t at;
};

struct live {
    struct allocator allocator;
    uint64_t budget_bytes;
    struct live_peer peer;
    struct la_trace trace;
    struct fuzz_in in;
    la_handle listener;
    struct handle handle[HANDLES_N];
    size_t handles_n;
    struct edge edge[HANDLES_N];
    size_t edges_n; /* ever; the oldest is overwritten */
};

void
live_must(bool ok)
{
    if (!ok)
        abort();
}

static void *
take(void *ctx, size_t n)
{
    struct allocator *a = ctx;
    return a->every_n != 0 && ++a->requests_n % a->every_n == 0 ? NULL : malloc(n);
}

static void
give(void *ctx, void *p, size_t n)
{
    (void)ctx;
    (void)n;
    free(p);
}

/* ---- the trace ------------------------------------------------------------------------------- */

/* RFC 9293 3.8.6: a receiver does not shrink its window. (That of a SYN is not scaled, and cannot
 * say more than 65535.) */
static void
check_edge(struct live *w, const struct la_event *event)
{
    const struct la_event_segment *seg = &event->u.segment;
    uint32_t at = seg->ack + seg->window;
    if (event->conn == 0 || (seg->flags & (LA_TCP_ACK | LA_TCP_RST | LA_TCP_SYN)) != LA_TCP_ACK)
        return;
    for (size_t i = 0; i < HANDLES_N; i++) {
        if (w->edge[i].conn != event->conn)
            continue;
        live_must((int32_t)(at - w->edge[i].at) >= 0);
        w->edge[i].at = at;
        return;
    }
    w->edge[w->edges_n++ % HANDLES_N] = (struct edge){event->conn, at};
}

static void
hear(void *ctx, const struct la_event *event)
{
    struct live *w = ctx;
    live_must(event->kind < LA_EVENT_KIND_COUNT);
    if (event->kind == LA_EVENT_STATE)
        live_must(event->u.state.from != event->u.state.to);
    else if (event->kind == LA_EVENT_DROP)
        live_must(event->u.drop.reason != LA_REASON_NONE);
    else if (event->kind == LA_EVENT_SEGMENT_SENT)
        check_edge(w, event);
}

/* ---- the application ------------------------------------------------------------------------- */

static void
adopt(struct live *w, la_handle conn)
{
    struct la_conn_status status;
    live_must(la_conn_status(w->peer.stack, conn, &status) == LA_OK);
    if (w->handles_n == HANDLES_N)
        (void)la_conn_release(w->peer.stack, conn, w->peer.now);
    else
        w->handle[w->handles_n++] = (struct handle){.conn = conn, .peer_port = status.remote.port};
}

static void
forget(struct live *w, struct handle *h)
{
    *h = w->handle[--w->handles_n];
}

static bool
fits(const uint8_t *p, size_t n, uint32_t seq)
{
    size_t i = 0;
    while (i < n && p[i] == packet_octet(seq + (uint32_t)i))
        i++;
    return i == n;
}

/* Octets come to the application: from where the peer's SYN said on, without a gap. */
static void
check_received(struct live *w, struct handle *h, const uint8_t *p, size_t n)
{
    const struct live_slot *s = &w->peer.slot[h->peer_port - LIVE_PEER_PORT];
    for (size_t i = 0; n > 0 && i < s->syns_n && !h->placed; i++) {
        h->next_seq = s->syns[i] + 1;
        h->placed = fits(p, n, h->next_seq);
    }
    live_must(n == 0 || (h->placed && fits(p, n, h->next_seq)));
    h->next_seq += (uint32_t)n;
}

static void
call_send(struct live *w, struct handle *h, uint8_t how)
{
    uint8_t bytes[IO_BYTES];
    struct la_stack *stack = w->peer.stack;
    struct la_room room;
    la_ssize sent = 0;
    size_t n = fuzz_u16(&w->in) % IO_BYTES;
    for (size_t i = 0; i < n; i++)
        bytes[i] = live_sent_octet(h->sent_n + (uint32_t)i);
    if ((how & 3) == 1) {
        sent = la_conn_send_urgent(stack, h->conn, (struct la_bytes){bytes, n}, w->peer.now);
    } else if ((how & 3) == 2) {
        if (la_conn_reserve(stack, h->conn, n, &room) == LA_OK) {
            n = n < room.n ? n : room.n;
            memcpy(room.p, bytes, n);
            if (la_conn_commit(stack, h->conn, n, (how & 4) != 0, w->peer.now) == LA_OK)
                sent = (la_ssize)n;
        }
    } else {
        sent =
            la_conn_send(stack, h->conn, (struct la_bytes){bytes, n}, (how & 4) != 0, w->peer.now);
    }
    live_must(sent <= (la_ssize)n);
    h->sent_n += sent > 0 ? (uint32_t)sent : 0;
}

static void
call_receive(struct live *w, struct handle *h, uint8_t how)
{
    uint8_t bytes[IO_BYTES];
    struct la_bytes pieces[4];
    size_t n = fuzz_u16(&w->in) % IO_BYTES, pieces_n = 0;
    if ((how & 1) == 0) {
        la_ssize got =
            la_conn_receive(w->peer.stack, h->conn, (struct la_room){bytes, n}, w->peer.now);
        live_must(got <= (la_ssize)n);
        check_received(w, h, bytes, got > 0 ? (size_t)got : 0);
    } else if (la_conn_peek(w->peer.stack, h->conn, pieces, 4, &pieces_n) == LA_OK) {
        for (size_t i = 0, all = 0; i < pieces_n && i < 4; i++) {
            check_received(w, h, pieces[i].p, pieces[i].n);
            all += pieces[i].n;
            if (i + 1 == pieces_n || i == 3)
                live_must(la_conn_consume(w->peer.stack, h->conn, all, w->peer.now) == LA_OK);
        }
    }
}

static void
call_on_conn(struct live *w, struct handle *h, uint8_t what)
{
    struct la_stack *stack = w->peer.stack;
    struct la_conn_status status;
    enum la_conn_option option;
    int64_t value;
    switch (what & 7) { /* each value is read in a statement of its own: the order counts */
    case 0:
    case 1:
        call_send(w, h, fuzz_u8(&w->in));
        break;
    case 2:
        call_receive(w, h, fuzz_u8(&w->in));
        break;
    case 3:
        (void)la_conn_close(stack, h->conn, w->peer.now);
        break;
    case 4:
        if ((fuzz_u8(&w->in) & 1) != 0)
            (void)la_conn_abort(stack, h->conn, w->peer.now);
        else
            (void)la_conn_release(stack, h->conn, w->peer.now);
        forget(w, h);
        break;
    case 5:
        (void)la_conn_close_read(stack, h->conn, w->peer.now);
        break;
    case 6:
        option = (enum la_conn_option)(fuzz_u8(&w->in) % (LA_OPT_COUNT + 1));
        value = (int16_t)fuzz_u16(&w->in);
        (void)la_conn_option_set(stack, h->conn, option, value, w->peer.now);
        (void)la_conn_option_get(stack, h->conn, option, &value);
        break;
    default:
        live_must(la_conn_status(stack, h->conn, &status) == LA_OK);
        break;
    }
}

static void
act_user(struct live *w, uint8_t what)
{
    struct la_endpoint any = {{{0}}, 0}, to = {la_addr_v4(10, 0, 0, 2), 0};
    la_handle conn;
    if (w->peer.v6)
        live_must(la_addr_parse("2001:db8::2", &to.addr));
    if ((what & 8) != 0 && w->handles_n > 0) {
        call_on_conn(w, &w->handle[(what >> 4) % w->handles_n], what);
    } else if ((what & 7) == 0) {
        to.port = (uint16_t)(LIVE_PEER_PORT + LIVE_PASSIVE_N + (what >> 4) % 2);
        if (la_conn_open(w->peer.stack, &any, &to, NULL, &conn, w->peer.now) == LA_OK)
            adopt(w, conn);
    } else if (la_listener_accept(w->peer.stack, w->listener, &conn, w->peer.now) == LA_OK) {
        adopt(w, conn);
    }
}

/* ---- beginning, going on, ending ------------------------------------------------------------- */

static void
draw_tcp_cfg(struct live *w, struct la_tcp_cfg *tcp)
{
    uint8_t how = fuzz_u8(&w->in);
    tcp->timestamps = (how & 1) == 0;
    tcp->window_scale = (how & 2) == 0;
    tcp->sack = (how & 4) == 0;
    tcp->nagle = (how & 8) == 0;
    tcp->keepalive = (how & 16) != 0;
    tcp->ecn = (how & 32) != 0 ? LA_ECN_ASK : LA_ECN_ACCEPT;
    tcp->delayed_ack_us = (how & 64) != 0 ? 0 : tcp->delayed_ack_us;
    tcp->rcvbuf_bytes = (how & 128) != 0 ? 4096 : 65536;
    tcp->sndbuf_bytes = (how & 128) != 0 ? 4096 : 65536;
}

/* False: there was not even enough memory to begin. */
static bool
begin(struct live *w)
{
    const struct la_alloc alloc = {take, give, &w->allocator};
    static const uint32_t masks[4] = {
        0, LA_EVENT_ALL, LA_EVENT_BIT(LA_EVENT_SEGMENT_SENT) | LA_EVENT_BIT(LA_EVENT_STATE),
        LA_EVENT_ALL &
            ~(LA_EVENT_BIT(LA_EVENT_SEGMENT_ARRIVED) | LA_EVENT_BIT(LA_EVENT_SEGMENT_SENT))};
    struct la_stack_cfg cfg;
    struct la_iface_cfg iface = {.caps = {.layer = LA_LINK_IP, .mtu_bytes = 1500}};
    struct la_addr v4 = la_addr_v4(10, 0, 0, 1), v6;
    struct la_endpoint any = {{{0}}, LIVE_HOST_PORT};
    uint8_t how = fuzz_u8(&w->in), shortage = fuzz_u8(&w->in);
    int idx = 0;
    w->budget_bytes = shortage == 0 || shortage > 127 ? budget_bytes_usual : shortage * 8192u;
    w->allocator.every_n = shortage > 127 ? shortage - 126u : 0;
    w->peer = (struct live_peer){.in = &w->in, .now = {INT64_C(1000000000)}};
    w->peer.v6 = (how & 1) != 0;
    w->peer.holds = (how & 2) != 0;
    w->peer.mem = la_mem_new(&alloc, w->budget_bytes);
    live_peer_init(&w->peer);
    la_stack_cfg_init(&cfg);
    draw_tcp_cfg(w, &cfg.tcp);
    cfg.mem = w->peer.mem;
    cfg.seed[0] = 1;
    cfg.trace = (struct la_trace){hear, w, masks[how >> 2 & 3]};
    cfg.conns_n_max = 16;
    cfg.syn_queue_n_max = cfg.time_wait_n_max = 4;
    return w->peer.mem != NULL && la_stack_new(&cfg, w->peer.now, &w->peer.stack) == LA_OK &&
           la_stack_iface_add(w->peer.stack, &iface, &idx) == LA_OK &&
           la_stack_addr_add(w->peer.stack, idx, &v4, 24) == LA_OK &&
           la_addr_parse("2001:db8::1", &v6) &&
           la_stack_addr_add(w->peer.stack, idx, &v6, 64) == LA_OK &&
           la_listener_open(w->peer.stack, &any, 4, NULL, &w->listener, w->peer.now) == LA_OK;
}

static void
settle(struct live *w)
{
    struct la_stack_event event;
    live_peer_take(&w->peer);
    for (unsigned i = 0; la_stack_next_event(w->peer.stack, &event); i++)
        live_must(i < EVENTS_MAX);
}

static void
run_until(struct live *w, la_instant at)
{
    w->peer.now = at.ns > w->peer.now.ns ? at : w->peer.now;
    for (unsigned i = 0; la_stack_run(w->peer.stack, w->peer.now, 64); i++)
        live_must(i < EVENTS_MAX);
}

static void
step(struct live *w)
{
    uint8_t what = fuzz_u8(&w->in);
    switch (what & 3) {
    case 0:
        live_peer_flush(&w->peer);
        run_until(w, (la_instant){w->peer.now.ns + (INT64_C(1000000) << (what >> 2 & 15))});
        break;
    case 1:
        act_user(w, fuzz_u8(&w->in));
        break;
    default:
        live_peer_act(&w->peer, (uint8_t)(what >> 2 | (what & 1) << 6));
        break;
    }
    if (!w->peer.holds || w->peer.held_n == 0)
        settle(w);
}

static uint32_t
conns_n(const struct live *w)
{
    uint32_t states[LA_TCP_STATE_COUNT], n = 0;
    la_stack_state_counts(w->peer.stack, states);
    for (unsigned i = 0; i < LA_TCP_STATE_COUNT; i++)
        n += states[i];
    return n;
}

/* Nobody holds anything any more, and the peer has died: timers end what remains. */
static void
give_up(struct live *w)
{
    live_peer_flush(&w->peer);
    while (w->handles_n > 0) {
        (void)la_conn_release(w->peer.stack, w->handle[0].conn, w->peer.now);
        forget(w, &w->handle[0]);
    }
    live_must(la_listener_close(w->peer.stack, w->listener, w->peer.now) == LA_OK);
    for (unsigned i = 0; i < LIVE_SLOTS_N; i++)
        w->peer.slot[i].answers = false;
    for (unsigned i = 0;; i++) {
        settle(w);
        if (conns_n(w) == 0)
            return;
        la_instant at = la_stack_deadline(w->peer.stack);
        live_must(i < END_STEPS_MAX && at.ns != LA_INSTANT_NEVER.ns);
        /* One that finds no memory asks again each 10 ms until its time is up. */
        int64_t soonest_ns = w->peer.now.ns + end_step_ns_min;
        run_until(w, (la_instant){at.ns > soonest_ns ? at.ns : soonest_ns});
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct live w = {.in = {data, n}};
    struct la_mem_stats stats;
    if (begin(&w)) {
        for (unsigned i = 0; i < STEPS_MAX && w.in.n > 0; i++)
            step(&w);
        give_up(&w);
    }
    la_stack_free(w.peer.stack);
    if (w.peer.mem == NULL)
        return 0;
    la_mem_stats_get(w.peer.mem, &stats);
    live_must(stats.frames_live_n == 0 && stats.blocks_live_n == 0);
    live_must(stats.peak_bytes <= w.budget_bytes);
    la_mem_unref(w.peer.mem);
    return 0;
}
