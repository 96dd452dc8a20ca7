/* SPDX-License-Identifier: MIT
 *
 * flow.c - the connections of a script: endpoints, number bases, streams
 */
#include "drill/run.h"

#include <stdlib.h>
#include <string.h>

struct la_addr
la_drill_addr(const struct la_drill_cfg *cfg, bool local)
{
    if (local && cfg->has_local)
        return cfg->local;
    if (!local && cfg->has_remote)
        return cfg->remote;
    if (!cfg->v6) /* RFC 5737 */
        return local ? la_addr_v4(198, 51, 100, 1) : la_addr_v4(192, 0, 2, 1);
    return (struct la_addr){/* RFC 3849 */
                            {0x20, 0x01, 0x0d, 0xb8, 0, local ? 1 : 2, [15] = 1}};
}

static bool
same(const struct la_endpoint *a, const struct la_endpoint *b)
{
    return a->port == b->port && la_addr_equal(&a->addr, &b->addr);
}

struct la_drill_flow *
la_drill_flow_get(struct la_drill_run *run, const struct la_endpoint *local,
                  const struct la_endpoint *remote)
{
    for (uint32_t i = 0; i < run->flows_n; i++)
        if (same(&run->flows[i]->local, local) && same(&run->flows[i]->remote, remote))
            return run->flows[i];
    if (run->flows_n == LA_DRILL_FLOWS_N) {
        la_drill_fail(run, "a script has at most %d connections", LA_DRILL_FLOWS_N);
        return NULL;
    }
    struct la_drill_flow *flow = calloc(1, sizeof(*flow));
    if (flow == NULL) {
        la_drill_fail(run, "out of memory");
        return NULL;
    }
    flow->local = *local;
    flow->remote = *remote;
    run->flows[run->flows_n++] = flow;
    return flow;
}

void
la_drill_flow_free(struct la_drill_flow *flow)
{
    for (struct la_drill_clock_pair *next; flow->clocks != NULL; flow->clocks = next) {
        next = flow->clocks->next;
        free(flow->clocks);
    }
    free(flow->written);
    free(flow);
}

uint32_t
la_drill_peer_offset(const struct la_drill_run *run, const struct la_drill_flow *flow, bool syn)
{
    return run->script->cfg.peer_isn + (run->strict || syn ? 0 : flow->irs);
}

uint32_t
la_drill_local_offset(const struct la_drill_run *run, const struct la_drill_flow *flow, bool syn)
{
    return flow->local_offset + (run->strict || syn ? 0 : flow->iss);
}

uint8_t
la_drill_octet(bool out, uint64_t at)
{
    /* Neighbours differ, and so do octets any number of segments apart. */
    uint64_t mixed = (at + (out ? 1 : 0x10000)) * UINT64_C(0x9e3779b97f4a7c15);
    return (uint8_t)(mixed >> 56);
}

bool
la_drill_flow_wrote(struct la_drill_flow *flow, const uint8_t *octets, size_t n)
{
    if (flow->written_n + n > flow->written_room) {
        size_t room = (flow->written_n + n) * 2;
        uint8_t *grown =
            flow->written_n + n > LA_DRILL_CALL_BYTES_MAX ? NULL : realloc(flow->written, room);
        if (grown == NULL)
            return false;
        flow->written = grown;
        flow->written_room = room;
    }
    memcpy(flow->written + flow->written_n, octets, n);
    flow->written_n += n;
    return true;
}

bool
la_drill_flow_clock(struct la_drill_run *run, struct la_drill_flow *flow, uint32_t script,
                    uint32_t live)
{
    struct la_drill_clock_pair *pair = malloc(sizeof(*pair));
    if (pair == NULL)
        return la_drill_fail(run, "out of memory");
    *pair = (struct la_drill_clock_pair){script, live, flow->clocks};
    flow->clocks = pair;
    return true;
}

uint32_t
la_drill_flow_clock_live(const struct la_drill_flow *flow, uint32_t script)
{
    for (const struct la_drill_clock_pair *pair = flow->clocks; pair != NULL; pair = pair->next)
        if (pair->script == script)
            return pair->live;
    return script + flow->ts_offset;
}
