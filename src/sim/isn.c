/* SPDX-License-Identifier: MIT
 *
 * isn.c - initial sequence numbers shortly before the wrap
 *
 * RFC 6528: ISN = M + F(addresses, ports, secret), M a clock of 4 microseconds. F is learnt from an
 * instance with the same secret at time zero; then the host's clock is set so that M is what is
 * missing when the connection opens. The stack itself knows nothing of it.
 */
#include "base/mem.h"
#include "sim/world.h"
#include "stack/instance.h"

#define TICK_NS (4 * LA_NS_PER_US)

/* F of the connection as seen from `end`; false: no memory. */
static bool
learn(const struct la_sim_world *world, const struct la_sim_conn *conn, unsigned end, uint32_t *f)
{
    struct la_sim_memory memory = {.every_n = 1};
    struct la_alloc alloc = la_sim_memory_alloc(&memory);
    struct la_stack_cfg cfg = world->host[conn->app[end].host].cfg;
    struct la_iface_cfg iface = {.caps = {.layer = LA_LINK_IP, .mtu_bytes = 1500}};
    struct la_stack *stack = NULL;
    la_handle handle;
    int idx;
    cfg.mem = la_mem_new(&alloc, 0);
    cfg.seed[2] = 0; /* of its first boot */
    bool learnt =
        cfg.mem != NULL && la_stack_new(&cfg, la_instant_of_ns(0), &stack) == LA_OK &&
        la_stack_iface_add(stack, &iface, &idx) == LA_OK &&
        la_stack_addr_add(stack, idx, &conn->at[end].addr, world->ipv6 ? 64 : 24) == LA_OK &&
        la_conn_open(stack, &conn->at[end], &conn->at[1 - end], NULL, &handle,
                     la_instant_of_ns(0)) == LA_OK;
    if (learnt)
        *f = la_rec_at(stack, la_rec_of_handle(stack, handle, false))->tcp.iss.v;
    la_stack_free(stack);
    la_mem_unref(cfg.mem);
    return learnt;
}

void
la_sim_isn_set(struct la_sim_world *world, const struct la_sim_step *step)
{
    unsigned end = (uint32_t)step->a[1] % 2, i = 0;
    uint32_t f;
    while (i < world->conns_n && world->conn[i].step->id != step->a[0])
        i++;
    if (i == world->conns_n || world->conn[i].at[0].port == 0 ||
        !learn(world, &world->conn[i], end, &f))
        return;
    const struct la_sim_conn *conn = &world->conn[i];
    struct la_sim_clock *clock = &world->host[conn->app[end].host].clock;
    uint32_t m = 0 - f - (uint32_t)step->a[2];
    /* A turn of M more, so that it is not before the host's zero. */
    int64_t at_ns = ((INT64_C(1) << 32) + m) * TICK_NS;
    int64_t passed_ns = la_sim_clock_read(clock, conn->app[0].next_write_ns).ns - clock->host_ns;
    clock->host_ns = at_ns - passed_ns;
    world->counts.step[LA_SIM_ISN]++;
}
