/* SPDX-License-Identifier: MIT
 *
 * net.c - the instance: its interfaces, counters and timers
 *
 * Read first: net.h.
 */
#include "net/internal.h"

#include <string.h>

#include "base/assert.h"
#include "base/mem.h"
#include "base/time.h"

enum { MTU_BYTES_MIN = 68, MTU_BYTES_MAX = 65535 };

la_err
la_net_new(const struct la_net_cfg *cfg, struct la_net **out)
{
    if (!cfg->mem || !cfg->reason)
        return LA_ERR_BAD_ARGUMENT;
    if (cfg->port_ephemeral_min > cfg->port_ephemeral_max)
        return LA_ERR_BAD_ARGUMENT;
    struct la_net *net = la_mem_take(cfg->mem, sizeof *net);
    if (!net)
        return LA_ERR_NO_MEMORY;
    net->mem = la_mem_ref(cfg->mem);
    net->reason = cfg->reason;
    net->kernel = cfg->kernel ? cfg->kernel : la_sum_portable;
    net->checksum_verify = cfg->checksum_verify;
    net->neigh_reachable_ms = cfg->neighbour_reachable_ms;
    net->key = la_key_derive(&cfg->seed, "net");
    la_rng_init(&net->rng_id, &cfg->seed, "ip id");
    net->icmp_tokens_at = LA_INSTANT_NEVER;
    net->fragments_at = LA_INSTANT_NEVER;
    la_neigh_init(net);
    la_udp_init(net, cfg);
    *out = net;
    return LA_OK;
}

void
la_net_free(struct la_net *net)
{
    if (!net)
        return;
    la_udp_fini(net);
    la_net_paths_fini(net);
    la_net_fragments_fini(net);
    la_neigh_fini(net);
    la_frameq_clear(&net->local);
    la_frameq_clear(&net->failed);
    for (int i = 0; i < net->port_n; i++)
        la_frameq_clear(&net->port[i].tx);
    struct la_mem *mem = net->mem;
    la_mem_give(mem, net, sizeof *net);
    la_mem_unref(mem);
}

const struct la_net_stats *
la_net_stats(const struct la_net *net)
{
    return &net->stats;
}

void
la_net_drop(struct la_net *net, enum la_reason reason)
{
    LA_ASSERT(reason < LA_REASON_COUNT);
    net->reason[reason]++;
}

la_err
la_net_iface_add(struct la_net *net, const struct la_iface_cfg *cfg, int *out)
{
    const struct la_link_caps *caps = &cfg->caps;
    if (caps->mtu_bytes < MTU_BYTES_MIN || caps->mtu_bytes > MTU_BYTES_MAX)
        return LA_ERR_BAD_ARGUMENT;
    if (caps->layer != LA_LINK_IP && caps->layer != LA_LINK_ETHERNET)
        return LA_ERR_BAD_ARGUMENT;
    if (net->port_n == LA_NET_IFACES_MAX)
        return LA_ERR_LIMIT;
    net->port[net->port_n].cfg = *cfg;
    *out = net->port_n++;
    memset(net->dest, 0, sizeof net->dest);
    return LA_OK;
}

const struct la_iface_cfg *
la_net_iface(const struct la_net *net, int iface)
{
    if (iface < 0 || iface >= net->port_n)
        return NULL;
    return &net->port[iface].cfg;
}

int
la_net_iface_n(const struct la_net *net)
{
    return net->port_n;
}

la_instant
la_net_deadline(const struct la_net *net)
{
    return la_instant_min(net->neigh_at, net->fragments_at);
}

void
la_net_run(struct la_net *net, la_instant now)
{
    la_neigh_run(net, now);
    la_net_fragments_run(net, now);
}
