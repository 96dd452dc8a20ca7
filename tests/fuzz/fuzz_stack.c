/* SPDX-License-Identifier: MIT
 *
 * fuzz_stack.c - a peer that says anything, at any time, to an application that does anything
 *
 * The input is a list of decisions: a raw frame; a TCP segment that nearly fits (numbers are taken
 * from what the instance sent, then moved); time passing; a call of the user's. Whatever happens,
 * the instance must survive it, keep its budget, and give every frame and block back at the end.
 * Checksums are not verified, so that the interesting part is reached.
 *
 * Frames are handed over one by one, or held until something else is decided and handed over as a
 * burst; a segment of a burst may be followed by some that continue it. A stack whose trace does
 * not listen to segments gathers those (src/stack/gather.c).
 */
#include "fuzz.h"

#include <lastack/stack.h>

#include <stdlib.h>
#include <string.h>

enum { HANDLES = 8, BUDGET_BYTES = 4 << 20, HOST_PORT = 80, PEER_PORT = 5000 };
enum { BURST_N = 32, MORE_N_MAX = 7 };

/* The second octet of the input. */
enum { MODE_BURSTS = 1, MODE_DEAF = 2 /* the trace does not listen to segments */ };

/* Refuses every `every_n`-th request; 0 = none. */
struct allocator {
    unsigned every_n, requests_n;
};

struct world {
    struct allocator allocator;
    uint64_t budget_bytes;
    struct la_mem *mem;
    struct la_stack *stack;
    la_instant now;
    la_handle listener;
    la_handle conns[HANDLES];
    size_t conns_n;
    uint32_t seq; /* what the peer sends next */
    uint32_t ack; /* what the instance has sent so far */
    uint16_t host_port, peer_port;
    bool bursts;
    struct la_frame *held[BURST_N];
    size_t held_n;
};

static void *
take(void *ctx, size_t n)
{
    struct allocator *a = ctx;
    if (a->every_n != 0 && ++a->requests_n % a->every_n == 0)
        return NULL;
    return malloc(n);
}

static void
give(void *ctx, void *p, size_t n)
{
    (void)ctx;
    (void)n;
    free(p);
}

/* A broken promise is a finding, as a crash is. */
static void
must(bool ok)
{
    if (!ok)
        abort();
}

static void
put16(uint8_t *p, uint32_t v)
{
    p[0] = (uint8_t)(v >> 8);
    p[1] = (uint8_t)v;
}

static void
put32(uint8_t *p, uint32_t v)
{
    put16(p, v >> 16);
    put16(p + 2, v);
}

static uint32_t
get32(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/* The story is told in full while this runs: every event has its words, and a state changes only
 * from where it was. */
static void
hear(void *ctx, const struct la_event *event)
{
    (void)ctx;
    must(event->kind < LA_EVENT_KIND_COUNT);
    if (event->kind == LA_EVENT_STATE) {
        must(event->u.state.from != event->u.state.to);
        must(event->u.state.from >= LA_TCP_CLOSED && event->u.state.from < LA_TCP_STATE_COUNT);
        must(event->u.state.to >= LA_TCP_CLOSED && event->u.state.to < LA_TCP_STATE_COUNT);
    } else if (event->kind == LA_EVENT_DROP) {
        must(event->u.drop.reason != LA_REASON_NONE && event->u.drop.reason < LA_REASON_COUNT);
    } else if (event->kind == LA_EVENT_SEGMENT_SENT) {
        must(event->u.segment.cause < LA_CAUSE_COUNT);
    }
}

static void
deliver(struct world *w)
{
    if (w->held_n > 0)
        la_stack_input(w->stack, 0, w->held, w->held_n, w->now);
    w->held_n = 0;
}

static void
input(struct world *w, const uint8_t *p, size_t n)
{
    struct la_frame *frame = la_frame_from_bytes(w->mem, (struct la_bytes){p, n});
    if (frame == NULL)
        return;
    w->held[w->held_n++] = frame;
    if (!w->bursts || w->held_n == BURST_N)
        deliver(w);
}

/* The peer learns where the instance stands from what it sends. */
static void
output(struct world *w)
{
    struct la_frame *frames[16];
    size_t n;
    for (unsigned rounds = 0; rounds < 64; rounds++) {
        n = la_stack_output(w->stack, 0, frames, 16, w->now);
        must(n <= 16);
        for (size_t i = 0; i < n; i++) {
            uint8_t head[40];
            size_t got = la_frame_copy_out(frames[i], 0, head, sizeof(head));
            if (got == sizeof(head) && head[0] == 0x45 && head[9] == 6) {
                uint32_t len = (uint32_t)la_frame_len(frames[i]) - 20 - (head[32] >> 4) * 4u;
                w->host_port = (uint16_t)(head[20] << 8 | head[21]);
                w->peer_port = (uint16_t)(head[22] << 8 | head[23]);
                w->ack = get32(head + 24) + len + ((head[33] & 3) != 0);
            }
            la_frame_free(frames[i]);
        }
        if (n < 16)
            return;
    }
}

/* An option that says it is SACK gets blocks near what the instance has sent. */
static void
near_miss_options(const struct world *w, uint8_t *p, uint32_t n)
{
    if (n < 12 || p[0] != 5)
        return;
    uint32_t blocks_n = (n - 4) / 8;
    for (uint32_t i = 0; i < blocks_n; i++) {
        uint8_t *block = p + 2 + 8 * i;
        uint32_t left = w->ack - (uint32_t)block[0] * 97;
        put32(block + 4, left + (uint32_t)block[1] * 97);
        put32(block, left);
    }
    p[1] = (uint8_t)(2 + 8 * blocks_n);
    for (uint32_t i = 2 + 8 * blocks_n; i < n; i++)
        p[i] = 1;
}

/* A segment from the peer: flags, numbers near the right ones, options, text; in a burst, as many
 * as `more_n` that say the same and continue it. */
static void
segment(struct world *w, struct fuzz_in *in, unsigned more_n)
{
    uint8_t p[20 + 60 + 2048];
    memset(p, 0, sizeof(p));
    uint8_t flags = fuzz_u8(in);
    uint8_t shape = fuzz_u8(in);
    uint32_t options_n = (shape & 0x0fu) > 10 ? 0 : (shape & 0x0fu) * 4;
    uint32_t text_n = (shape & 0x10) != 0 ? fuzz_u16(in) & 0x7ffu : 0;
    int8_t seq_moved = (shape & 0x20) != 0 ? (int8_t)fuzz_u8(in) : 0;
    int8_t ack_moved = (shape & 0x40) != 0 ? (int8_t)fuzz_u8(in) : 0;
    if ((shape & 0x80) != 0) {
        w->host_port = HOST_PORT;
        w->peer_port = (uint16_t)(PEER_PORT + (fuzz_u8(in) & 3));
    }
    uint32_t total = 20 + 20 + options_n + text_n, text_total = text_n;
    p[0] = 0x45;
    put16(p + 2, total);
    p[8] = 64;
    p[9] = 6;
    memcpy(p + 12, (uint8_t[]){10, 0, 0, 2, 10, 0, 0, 1}, 8);
    uint32_t sum = 0;
    for (size_t i = 0; i < 20; i += 2)
        sum += (uint32_t)p[i] << 8 | p[i + 1];
    sum = (sum & 0xffff) + (sum >> 16);
    put16(p + 10, ~(sum + (sum >> 16)) & 0xffff);
    uint8_t *tcp = p + 20;
    put16(tcp, w->peer_port);
    put16(tcp + 2, w->host_port);
    put32(tcp + 4, w->seq + (uint32_t)(seq_moved * (seq_moved & 1 ? 1 : 997)));
    put32(tcp + 8, w->ack + (uint32_t)(ack_moved * (ack_moved & 1 ? 1 : 997)));
    tcp[12] = (uint8_t)((20 + options_n) << 2);
    tcp[13] = flags;
    put16(tcp + 14, (uint32_t)fuzz_u8(in) << (shape & 8));
    for (uint32_t i = 0; i < options_n; i++)
        tcp[20 + i] = fuzz_u8(in);
    near_miss_options(w, tcp + 20, options_n);
    if ((flags & LA_TCP_URG) != 0)
        put16(tcp + 18, fuzz_u16(in));
    input(w, p, total);
    for (unsigned i = 0; w->bursts && i < more_n; i++) {
        put32(tcp + 4, get32(tcp + 4) + text_n);
        input(w, p, total);
        text_total += text_n;
    }
    if (seq_moved == 0)
        w->seq += text_total + ((flags & 3) != 0);
}

static void
raw_frame(struct world *w, struct fuzz_in *in)
{
    uint8_t p[512];
    size_t n = fuzz_u16(in) & 0x1ffu;
    for (size_t i = 0; i < n; i++)
        p[i] = fuzz_u8(in);
    input(w, p, n);
}

static void
pass_time(struct world *w, uint8_t how_long)
{
    w->now.ns += INT64_C(1000000) << (how_long & 0x0f); /* 1 ms .. 32 s */
    for (unsigned i = 0; i < 10000 && la_stack_run(w->stack, w->now, 64); i++)
        must(i < 9999);
}

static void
adopt(struct world *w, la_handle conn)
{
    if (w->conns_n == HANDLES)
        (void)la_conn_release(w->stack, conn, w->now);
    else
        w->conns[w->conns_n++] = conn;
}

static void
drop(struct world *w, size_t idx)
{
    w->conns[idx] = w->conns[--w->conns_n];
}

static void
call_on_conn(struct world *w, size_t idx, uint8_t what, struct fuzz_in *in)
{
    static uint8_t bytes[4096];
    la_handle conn = w->conns[idx];
    struct la_conn_status status;
    size_t n;
    uint8_t how;
    enum la_conn_option option;
    switch (what) { /* each value is read in a statement of its own: the order counts */
    case 0:
        n = fuzz_u16(in) & 0xfffu;
        how = fuzz_u8(in);
        if ((how & 2) != 0)
            (void)la_conn_send_urgent(w->stack, conn, (struct la_bytes){bytes, n}, w->now);
        else
            (void)la_conn_send(w->stack, conn, (struct la_bytes){bytes, n}, (how & 1) != 0, w->now);
        break;
    case 1:
        (void)la_conn_receive(w->stack, conn, (struct la_room){bytes, fuzz_u16(in) & 0xfffu},
                              w->now);
        break;
    case 2:
        (void)la_conn_close(w->stack, conn, w->now);
        break;
    case 3:
        (void)la_conn_abort(w->stack, conn, w->now);
        drop(w, idx);
        break;
    case 4:
        (void)la_conn_release(w->stack, conn, w->now);
        drop(w, idx);
        break;
    case 5:
        (void)la_conn_close_read(w->stack, conn, w->now);
        break;
    case 6:
        option = (enum la_conn_option)(fuzz_u8(in) & 31);
        (void)la_conn_option_set(w->stack, conn, option, (int16_t)fuzz_u16(in), w->now);
        break;
    default:
        must(la_conn_status(w->stack, conn, &status) == LA_OK);
        break;
    }
}

static void
user_call(struct world *w, struct fuzz_in *in)
{
    uint8_t what = fuzz_u8(in);
    la_handle conn;
    struct la_endpoint any = {{{0}}, 0};
    struct la_endpoint peer = {la_addr_v4(10, 0, 0, 2), PEER_PORT};
    if ((what & 0x0f) == 8) {
        if (la_listener_accept(w->stack, w->listener, &conn, w->now) == LA_OK)
            adopt(w, conn);
    } else if ((what & 0x0f) == 9) {
        if (la_conn_open(w->stack, &any, &peer, NULL, &conn, w->now) == LA_OK)
            adopt(w, conn);
    } else if (w->conns_n > 0) {
        call_on_conn(w, (what >> 4) % w->conns_n, what & 7, in);
    }
}

/* `shortage` says how memory runs out: not at all, early, or now and then. False: there was not
 * even enough to begin. */
static bool
begin(struct world *w, uint8_t shortage, uint8_t mode)
{
    const uint32_t segments =
        LA_EVENT_BIT(LA_EVENT_SEGMENT_SENT) | LA_EVENT_BIT(LA_EVENT_SEGMENT_ARRIVED);
    const struct la_alloc alloc = {take, give, &w->allocator};
    struct la_stack_cfg cfg;
    struct la_iface_cfg iface = {.caps = {.layer = LA_LINK_IP, .mtu_bytes = 1500}};
    struct la_addr v4 = la_addr_v4(10, 0, 0, 1);
    struct la_addr v6;
    struct la_endpoint any = {{{0}}, HOST_PORT};
    int idx = 0;
    w->budget_bytes = shortage == 0 || shortage > 127 ? BUDGET_BYTES : shortage * 8192u;
    w->allocator.every_n = shortage > 127 ? shortage - 126u : 0;
    w->mem = la_mem_new(&alloc, w->budget_bytes);
    la_stack_cfg_init(&cfg);
    cfg.mem = w->mem;
    cfg.seed[0] = 1;
    cfg.checksum_verify = false;
    w->bursts = (mode & MODE_BURSTS) != 0;
    cfg.trace = (struct la_trace){
        hear, NULL, (mode & MODE_DEAF) != 0 ? LA_EVENT_ALL & ~segments : LA_EVENT_ALL};
    cfg.conns_n_max = 64;
    cfg.syn_queue_n_max = 4;
    cfg.time_wait_n_max = 4;
    return w->mem != NULL && la_stack_new(&cfg, w->now, &w->stack) == LA_OK &&
           la_stack_iface_add(w->stack, &iface, &idx) == LA_OK &&
           la_stack_addr_add(w->stack, idx, &v4, 24) == LA_OK &&
           la_addr_parse("2001:db8::1", &v6) &&
           la_stack_addr_add(w->stack, idx, &v6, 64) == LA_OK &&
           la_listener_open(w->stack, &any, 4, NULL, &w->listener, w->now) == LA_OK;
}

static void
end(struct world *w)
{
    struct la_mem_stats stats;
    la_stack_free(w->stack);
    if (w->mem == NULL)
        return;
    la_mem_stats_get(w->mem, &stats);
    must(stats.frames_live_n == 0 && stats.blocks_live_n == 0);
    must(stats.peak_bytes <= w->budget_bytes);
    la_mem_unref(w->mem);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct fuzz_in in = {data, n};
    struct world w = {.seq = 1000, .host_port = HOST_PORT, .peer_port = PEER_PORT};
    struct la_stack_event event;
    uint8_t shortage = fuzz_u8(&in);
    uint8_t mode = fuzz_u8(&in);
    bool begun = begin(&w, shortage, mode);
    must(begun || shortage != 0);
    for (unsigned steps = 0; begun && in.n > 0 && steps < 2000; steps++) {
        uint8_t op = fuzz_u8(&in);
        if ((op & 7) < 4)
            deliver(&w);
        switch (op & 7) {
        case 0:
            raw_frame(&w, &in);
            break;
        case 1:
            pass_time(&w, op >> 3);
            break;
        case 2:
        case 3:
            user_call(&w, &in);
            break;
        default:
            segment(&w, &in, (op >> 3) & MORE_N_MAX);
            break;
        }
        if (in.n == 0)
            deliver(&w);
        if (w.held_n > 0)
            continue;
        output(&w);
        for (unsigned i = 0; la_stack_next_event(w.stack, &event); i++)
            must(i < 10000);
    }
    if (begun)
        deliver(&w);
    end(&w);
    return 0;
}
