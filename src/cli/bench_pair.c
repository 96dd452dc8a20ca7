/* SPDX-License-Identifier: MIT
 *
 * bench_pair.c - two stacks in one process, joined by a memory wire
 */
#include "cli/bench.h"

#include <lastack/host.h>
#include <stdio.h>

#include "cli/cli.h"

int
la_bench_failed(const char *what)
{
    fprintf(stderr, "lastack bench: %s\n", what);
    return LA_CLI_FAILED;
}

void
la_bench_pair_cfg_init(struct la_bench_pair_cfg *cfg)
{
    struct la_stack_cfg stack;
    la_stack_cfg_init(&stack);
    *cfg = (struct la_bench_pair_cfg){.tcp = stack.tcp,
                                      .mtu_bytes = 1500,
                                      .checksum = true,
                                      .conns_n_max = 1024,
                                      .syn_queue_n_max = stack.syn_queue_n_max,
                                      .time_wait_n_max = stack.time_wait_n_max};
}

/* 10.0.0.1 and .2, or fd00::1 and ::2. */
static struct la_addr
addr_of(bool ipv6, uint8_t end_id)
{
    uint8_t last = (uint8_t)(1 + end_id);
    return ipv6 ? (struct la_addr){{0xfd, [15] = last}} : la_addr_v4(10, 0, 0, last);
}

struct la_endpoint
la_bench_server(const struct la_bench_pair *pair, uint16_t port)
{
    return (struct la_endpoint){addr_of(pair->ipv6, 1), port};
}

static la_err
stack_new(struct la_bench_pair *pair, const struct la_bench_pair_cfg *cfg,
          const struct la_link_caps *caps, uint8_t end_id)
{
    struct la_stack **out = end_id == 0 ? &pair->client : &pair->server;
    struct la_stack_cfg stack;
    la_stack_cfg_init(&stack);
    stack.mem = pair->mem;
    stack.seed[0] = end_id;
    stack.end_id = end_id;
    stack.conns_n_max = cfg->conns_n_max;
    stack.syn_queue_n_max = cfg->syn_queue_n_max;
    stack.time_wait_n_max = cfg->time_wait_n_max;
    stack.port_ephemeral_min = 1024;
    stack.checksum = la_host_checksum();
    stack.checksum_verify = cfg->checksum;
    stack.tcp = cfg->tcp;
    struct la_iface_cfg iface = {.caps = *caps};
    struct la_addr addr = addr_of(cfg->ipv6, end_id);
    int idx;
    la_err err = la_stack_new(&stack, pair->now, out);
    if (err == LA_OK)
        err = la_stack_iface_add(*out, &iface, &idx);
    return err == LA_OK ? la_stack_addr_add(*out, idx, &addr, cfg->ipv6 ? 64 : 24) : err;
}

bool
la_bench_pair_init(struct la_bench_pair *pair, const struct la_bench_pair_cfg *cfg)
{
    struct la_link_caps caps = {
        .layer = LA_LINK_IP,
        .mtu_bytes = cfg->mtu_bytes,
        .checksum_tx = !cfg->checksum,
        .checksum_rx = !cfg->checksum,
        .tso4 = cfg->tso,
        .tso6 = cfg->tso,
    };
    *pair = (struct la_bench_pair){.mem = la_mem_new(la_host_alloc(), 0), .ipv6 = cfg->ipv6};
    if (pair->mem == NULL) {
        la_bench_failed("no memory");
        return false;
    }
    struct la_wire_cfg wire = {.mem = pair->mem,
                               .seed = cfg->seed,
                               .caps = caps,
                               .impair = {cfg->impair[0], cfg->impair[1]}};
    la_err err = stack_new(pair, cfg, &caps, 0);
    if (err == LA_OK)
        err = stack_new(pair, cfg, &caps, 1);
    if (err == LA_OK)
        err = la_wire_new(&wire, &pair->wire);
    if (err == LA_OK)
        return true;
    la_bench_failed(la_strerror(err));
    la_bench_pair_fini(pair);
    return false;
}

void
la_bench_pair_fini(struct la_bench_pair *pair)
{
    la_wire_free(pair->wire);
    la_stack_free(pair->client);
    la_stack_free(pair->server);
    la_mem_unref(pair->mem);
    *pair = (struct la_bench_pair){0};
}

bool
la_bench_listen(struct la_bench_pair *pair, uint16_t port, la_handle *out)
{
    enum { BACKLOG = 4096 };
    struct la_endpoint local = la_bench_server(pair, port);
    return la_listener_open(pair->server, &local, BACKLOG, NULL, out, pair->now) == LA_OK;
}

void
la_bench_drain_events(struct la_bench_pair *pair)
{
    struct la_stack_event ev;
    while (la_stack_next_event(pair->client, &ev) || la_stack_next_event(pair->server, &ev))
        continue;
}

void
la_bench_turn(struct la_bench_pair *pair, int64_t ns)
{
    la_wire_pump(pair->wire, pair->client, pair->server, pair->now);
    pair->now.ns += ns;
}

void
la_bench_rest(struct la_bench_pair *pair, int64_t ns)
{
    int64_t end_ns = pair->now.ns + ns;
    la_wire_pump(pair->wire, pair->client, pair->server, pair->now);
    for (;;) {
        la_instant next = la_wire_next(pair->wire, pair->client, pair->server);
        if (next.ns > end_ns)
            break;
        pair->now = next;
        la_wire_pump(pair->wire, pair->client, pair->server, pair->now);
    }
    pair->now.ns = end_ns;
}
