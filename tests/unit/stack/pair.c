/* SPDX-License-Identifier: MIT
 *
 * pair.c - two stacks and a wire in virtual time
 */
#include "pair.h"

#include <string.h>

#include "base/mem.h"
#include "base/time.h"

struct la_endpoint
pair_addr(int end, bool ipv6, uint16_t port)
{
    struct la_endpoint e = {la_addr_v4(10, 0, 0, (uint8_t)(end + 1)), port};
    if (ipv6) {
        e.addr = (struct la_addr){{0xfd}};
        e.addr.b[15] = (uint8_t)(end + 1);
    }
    return e;
}

static bool
end_new(struct pair *p, const struct pair_cfg *cfg, int end, const struct la_link_caps *caps)
{
    struct la_stack_cfg c;
    la_stack_cfg_init(&c);
    c.mem = p->mem;
    c.seed[0] = cfg->seed;
    c.seed[1] = (uint64_t)end;
    c.end_id = (uint8_t)end;
    c.trace = cfg->trace;
    if (cfg->tcp[end] != NULL)
        c.tcp = *cfg->tcp[end];
    struct la_iface_cfg iface = {.caps = *caps};
    struct la_endpoint v4 = pair_addr(end, false, 0);
    struct la_endpoint v6 = pair_addr(end, true, 0);
    int idx = 0;
    return la_stack_new(&c, p->now, &p->end[end]) == LA_OK &&
           la_stack_iface_add(p->end[end], &iface, &idx) == LA_OK &&
           la_stack_addr_add(p->end[end], idx, &v4.addr, 24) == LA_OK &&
           la_stack_addr_add(p->end[end], idx, &v6.addr, 64) == LA_OK;
}

bool
pair_new(struct pair *p, const struct pair_cfg *cfg)
{
    memset(p, 0, sizeof(*p));
    p->now = la_instant_of_ns(INT64_C(1000) * LA_NS_PER_S);
    p->mem = la_mem_new(cfg->alloc != NULL ? cfg->alloc : la_host_alloc(), cfg->budget_bytes);
    if (p->mem == NULL)
        return false;
    if (cfg->keep_nothing)
        la_mem_keep_nothing(p->mem);
    struct la_link_caps caps = {.layer = LA_LINK_IP,
                                .mtu_bytes = cfg->mtu_bytes == 0 ? 1500 : cfg->mtu_bytes};
    struct la_wire_cfg wire = {.mem = p->mem,
                               .seed = cfg->seed,
                               .caps = caps,
                               .impair = {cfg->impair[0], cfg->impair[1]},
                               .trace = cfg->trace};
    return end_new(p, cfg, 0, &caps) && end_new(p, cfg, 1, &caps) &&
           la_wire_new(&wire, &p->wire) == LA_OK;
}

uint64_t
pair_free(struct pair *p)
{
    la_stack_free(p->end[0]);
    la_stack_free(p->end[1]);
    if (p->wire != NULL)
        la_wire_free(p->wire);
    struct la_mem_stats stats = {0};
    if (p->mem == NULL)
        return 0;
    la_mem_stats_get(p->mem, &stats);
    la_mem_unref(p->mem);
    return stats.frames_live_n + stats.blocks_live_n;
}

void
pair_settle(struct pair *p)
{
    la_wire_pump(p->wire, p->end[0], p->end[1], p->now);
}

bool
pair_step(struct pair *p)
{
    la_instant next = la_wire_next(p->wire, p->end[0], p->end[1]);
    if (la_instant_is_never(next))
        return false;
    p->now = la_instant_max(p->now, next);
    pair_settle(p);
    return true;
}

void
pair_run_us(struct pair *p, int64_t us)
{
    la_instant until = la_instant_add_us(p->now, us);
    pair_settle(p);
    while (la_instant_le(la_wire_next(p->wire, p->end[0], p->end[1]), until) && pair_step(p)) {
    }
    p->now = until;
    pair_settle(p);
}

bool
pair_connect(struct pair *p, bool ipv6, la_handle *client, la_handle *server)
{
    la_handle listener;
    struct la_endpoint at = pair_addr(1, ipv6, 80), any = {{{0}}, 0};
    if (la_listener_open(p->end[1], &at, 16, NULL, &listener, p->now) != LA_OK ||
        la_conn_open(p->end[0], &any, &at, NULL, client, p->now) != LA_OK)
        return false;
    pair_settle(p);
    for (int i = 0; i < 1000; i++) {
        if (la_listener_accept(p->end[1], listener, server, p->now) == LA_OK)
            return la_listener_close(p->end[1], listener, p->now) == LA_OK;
        if (!pair_step(p))
            return false;
    }
    return false;
}
