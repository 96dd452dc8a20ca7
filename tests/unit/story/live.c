/* SPDX-License-Identifier: MIT
 *
 * live.c - two real stacks on a real wire, in virtual time, telling their story
 */
#include "live.h"

#include <lastack/host.h>
#include <lastack/stack.h>

#include <string.h>

#include "base/time.h"

enum { SERVER_PORT = 80 };

struct stage {
    const struct live_cfg *cfg;
    struct la_stack *stack[2];
    struct la_wire *wire;
    la_handle listener, conn, accepted;
    size_t sent_n, received_n;
    la_instant read_at;
    bool client_open, client_closed, server_closed;
};

static bool
stack_new(struct stage *stage, struct la_mem *mem, int end, const struct la_trace *trace)
{
    struct la_stack_cfg cfg;
    const struct la_iface_cfg iface = {.caps = {.mtu_bytes = 1500}};
    const struct la_addr addr = la_addr_v4(10, 0, 0, (uint8_t)(end + 1));
    int idx;
    la_stack_cfg_init(&cfg);
    cfg.mem = mem;
    cfg.end_id = (uint8_t)end;
    cfg.seed[0] = stage->cfg->seed + (uint64_t)end;
    cfg.trace = *trace;
    if (stage->cfg->act == LIVE_SLOW)
        cfg.tcp.rcvbuf_bytes = 8192;
    return la_stack_new(&cfg, (la_instant){0}, &stage->stack[end]) == LA_OK &&
           la_stack_iface_add(stage->stack[end], &iface, &idx) == LA_OK &&
           la_stack_addr_add(stage->stack[end], idx, &addr, 24) == LA_OK;
}

static void
client_works(struct stage *stage, la_instant now)
{
    static const uint8_t octets[4096];
    size_t all = stage->cfg->octets;
    if (!stage->client_open)
        return;
    while (stage->sent_n < all) {
        size_t n = all - stage->sent_n < sizeof(octets) ? all - stage->sent_n : sizeof(octets);
        la_ssize taken =
            la_conn_send(stage->stack[0], stage->conn, (struct la_bytes){octets, n}, false, now);
        if (taken <= 0)
            return;
        stage->sent_n += (size_t)taken;
    }
    if (stage->client_closed)
        return;
    stage->client_closed = true;
    if (stage->cfg->act == LIVE_ABORT)
        (void)!la_conn_abort(stage->stack[0], stage->conn, now);
    else
        (void)!la_conn_close(stage->stack[0], stage->conn, now);
}

static void
server_works(struct stage *stage, la_instant now)
{
    uint8_t octets[4096];
    la_ssize n;
    if (stage->accepted == 0 &&
        la_listener_accept(stage->stack[1], stage->listener, &stage->accepted, now) != LA_OK)
        return;
    if (now.ns < stage->read_at.ns || stage->server_closed)
        return;
    while ((n = la_conn_receive(stage->stack[1], stage->accepted,
                                (struct la_room){octets, sizeof(octets)}, now)) > 0)
        stage->received_n += (size_t)n;
    if (n != LA_ERR_AGAIN) {
        stage->server_closed = true;
        (void)!la_conn_close(stage->stack[1], stage->accepted, now);
    }
}

static bool
play(struct stage *stage)
{
    const struct la_endpoint any = {0};
    const struct la_endpoint to = {la_addr_v4(10, 0, 0, 2), SERVER_PORT};
    la_instant now = {0};
    if (stage->cfg->act == LIVE_SLOW)
        stage->read_at.ns = 2 * LA_NS_PER_S;
    if (stage->cfg->act != LIVE_REFUSED &&
        la_listener_open(stage->stack[1], &to, 4, NULL, &stage->listener, now) != LA_OK)
        return false;
    if (la_conn_open(stage->stack[0], &any, &to, NULL, &stage->conn, now) != LA_OK)
        return false;
    while (!la_instant_is_never(now)) {
        struct la_stack_event ev;
        if (now.ns > 600 * LA_NS_PER_S)
            return false;
        la_wire_pump(stage->wire, stage->stack[0], stage->stack[1], now);
        for (int end = 0; end < 2; end++)
            while (la_stack_next_event(stage->stack[end], &ev))
                stage->client_open = stage->client_open || (ev.ready & LA_READY_OPEN) != 0;
        client_works(stage, now);
        server_works(stage, now);
        la_wire_pump(stage->wire, stage->stack[0], stage->stack[1], now);
        la_instant next = la_wire_next(stage->wire, stage->stack[0], stage->stack[1]);
        if (now.ns < stage->read_at.ns)
            next = la_instant_min(next, stage->read_at);
        now = next;
    }
    return true;
}

bool
live_run(const struct live_cfg *cfg, const struct la_trace *trace)
{
    struct stage stage = {.cfg = cfg};
    struct la_mem *mem = la_mem_new(la_host_alloc(), 0);
    if (mem == NULL)
        return false;
    struct la_wire_cfg wire = {.mem = mem, .seed = cfg->seed, .trace = *trace};
    wire.caps.mtu_bytes = 1500;
    wire.impair[0] = wire.impair[1] = cfg->impair;
    bool ok = stack_new(&stage, mem, 0, trace) && stack_new(&stage, mem, 1, trace) &&
              la_wire_new(&wire, &stage.wire) == LA_OK && play(&stage);
    if (stage.wire != NULL)
        la_wire_free(stage.wire);
    la_stack_free(stage.stack[0]);
    la_stack_free(stage.stack[1]);
    la_mem_unref(mem);
    return ok;
}
