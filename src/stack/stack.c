/* SPDX-License-Identifier: MIT
 *
 * stack.c - one instance: made, configured, asked, ended
 */
#include <lastack/stack.h>

#include <string.h>

#include "base/assert.h"
#include "base/checksum.h"
#include "base/mem.h"
#include "base/time.h"
#include "stack/fast_open.h"
#include "stack/time_wait.h"
#include "net/udp.h"
#include "tcp/congestion.h"
#include "tcp/timeout.h"

enum { REC_CHUNK_SHIFT = 6, BUSY_CHUNK_SHIFT = 5, TALLY_CHUNK_SHIFT = 6 };

void
la_stack_cfg_init(struct la_stack_cfg *cfg)
{
    memset(cfg, 0, sizeof(*cfg));
    cfg->conns_n_max = UINT32_C(1) << 24;
    cfg->syn_queue_n_max = 1024;
    cfg->accept_queue_n_max = 4096;
    cfg->syn_cookies = LA_SYN_COOKIES_WHEN_FULL;
    cfg->requests_n_max = 1024;
    cfg->time_wait_n_max = 256 * 1024;
    cfg->port_ephemeral_min = 49152; /* DEVIATION(D28): the dynamic ports alone */
    cfg->port_ephemeral_max = 65535;
    cfg->neighbour_reachable_ms = 30000;
    cfg->checksum_verify = true;
    cfg->tcp = (struct la_tcp_cfg){
        .sndbuf = {4096, 256 * 1024, 0xffff << 8},
        .rcvbuf = {4096, 256 * 1024, 0xffff << 8}, /* what a shift of 8 can say */
        .nagle = true,
        .timestamps = true,
        .window_scale = true,
        .sack = true,
        .rack = true,
        .mtu_probing = true,
        .ecn = LA_ECN_ACCEPT,
        .accecn_option = LA_ACCECN_OPTION_CHANGES,
        .ecn_fallback = true,
        .keepalive_idle_s = 7200,
        .keepalive_interval_s = 75,
        .mss_option = true,
        .keepalive_probes_n = 9,
        .rto_us_initial = 1000000,
        .rto_us_min = 200000,
        .rto_us_max = 60000000,
        .delayed_ack_us = 40000,
        .r1_n = 3,
        .r2_n = 15,
        .r2_syn_n = 7,
        .fin_wait_2_ms = 60000,
        .msl_ms = 30000,
        .ttl_hops = 64,
        .initial_window_n = 10,
        .slow_start_after_idle = true,
        .rst_challenged = true,
        .syn_challenged = true,
        .icmp_hard = LA_ICMP_HEEDED,
        .syn_ecn_n = 1,
        .burst_n_min = 2,
        .congestion_control = "cubic",
    };
}

/* ---- what the wheel asks of a record ----------- ---------------------------------------- */

static struct la_wheel_link *
wheel_link_of_rec(void *ctx, uint32_t idx)
{
    return &la_rec_at(ctx, idx)->wheel;
}

/* ---- events ----------------------------------------------------------------------------- */

/* tcp tells about a connection; handle and addresses are known here. */
static void
emit(void *ctx, const struct la_tcp_conn *c, struct la_event *ev)
{
    struct la_stack *s = ctx;
    ev->end = s->cfg.end_id;
    if (c == NULL) {
        ev->local = s->about_local;
        ev->remote = s->about_remote;
    } else {
        const struct la_rec *rec = la_rec_of(c);
        if (c->name != LA_REC_NONE) /* a SYN cookie's, which is no connection yet */
            ev->conn = la_handle_make(LA_HANDLE_CONN, rec->gen, c->name);
        struct la_tuple tuple = la_rec_tuple(rec);
        ev->local = tuple.local;
        ev->remote = tuple.remote;
    }
    s->cfg.trace.sink(s->cfg.trace.ctx, ev);
}

void
la_stack_trace_set(struct la_stack *s, const struct la_trace *trace)
{
    s->cfg.trace = *trace;
    s->env.trace_mask = trace->sink == NULL ? 0 : trace->mask;
}

/* ---- life ------------------------------------------------------------------------------- */

enum { NEIGHBOUR_REACHABLE_MS_MAX = 3600 * 1000 };
enum { MSS_BYTES_MAX_LEAST = 88 }; /* as LA_OPT_MSS_MAX has it */

static bool
buffer_ok(uint32_t bytes, const struct la_buffer_tuning *tuning)
{
    bool fixed = bytes >= LA_BUFFER_BYTES_MIN && bytes <= LA_BUFFER_BYTES_MAX;
    return (fixed || bytes == 0) && tuning->bytes_min >= LA_BUFFER_BYTES_MIN &&
           tuning->bytes_min <= tuning->bytes_initial &&
           tuning->bytes_initial <= tuning->bytes_max && tuning->bytes_max <= LA_BUFFER_BYTES_MAX;
}

bool
la_tcp_cfg_ok(const struct la_tcp_cfg *t)
{
    bool text_ends = t->congestion_control[sizeof(t->congestion_control) - 1] == 0;
    return buffer_ok(t->sndbuf_bytes, &t->sndbuf) && buffer_ok(t->rcvbuf_bytes, &t->rcvbuf) &&
           t->rto_us_initial > 0 && t->rto_us_min > 0 && t->rto_us_max >= t->rto_us_min &&
           t->delayed_ack_us < 500000 && t->r2_n <= UINT8_MAX && t->r2_syn_n <= UINT8_MAX &&
           t->ttl_hops > 0 && t->keepalive_idle_s > 0 && t->keepalive_idle_s <= UINT16_MAX &&
           t->keepalive_interval_s > 0 && t->keepalive_interval_s <= UINT16_MAX &&
           (t->mss_bytes_max == 0 || t->mss_bytes_max >= MSS_BYTES_MAX_LEAST) &&
           t->ecn <= LA_ECN_ACCURATE_ACCEPT && t->accecn_option <= LA_ACCECN_OPTION_ALWAYS &&
           t->icmp_hard <= LA_ICMP_ALL && t->keepalive_probes_n > 0 &&
           t->keepalive_probes_n <= UINT8_MAX && text_ends &&
           la_cc_find(t->congestion_control) != UINT8_MAX;
}

static bool
cfg_ok(const struct la_stack_cfg *cfg)
{
    const struct la_tcp_cfg *t = &cfg->tcp;
    return cfg->mem != NULL && cfg->conns_n_max > 0 && cfg->conns_n_max <= LA_CONNS_MAX &&
           cfg->accept_queue_n_max > 0 && cfg->time_wait_n_max > 0 &&
           cfg->syn_cookies <= LA_SYN_COOKIES_ALWAYS && cfg->port_ephemeral_min > 0 &&
           cfg->neighbour_reachable_ms <= NEIGHBOUR_REACHABLE_MS_MAX &&
           cfg->port_ephemeral_min <= cfg->port_ephemeral_max && la_tcp_cfg_ok(t);
}

static void
init_values(struct la_stack *s, la_instant now)
{
    struct la_seed seed;
    memcpy(seed.w, s->cfg.seed, sizeof(seed.w));
    s->index_key = la_key_derive(&seed, "index");
    s->isn_key = la_key_derive(&seed, "isn");
    s->timestamp_key = la_key_derive(&seed, "timestamp");
    la_rng_init(&s->port_rng, &seed, "port");
    la_rng_init(&s->cookies.rng, &seed, "cookie");
    la_fast_opens_init(s, &seed);
    s->now = now;
    s->found_idx = LA_REC_NONE;
    la_list_init(&s->output);
    la_list_init(&s->events);
    la_list_init(&s->time_wait);
    s->env.mem = s->mem;
    s->env.cfg = &s->cfg.tcp;
    s->env.stats = &s->stats;
    s->env.emit = emit;
    s->env.ctx = s;
    s->env.segment_id = (uint64_t)(s->cfg.end_id + 1u) << 56;
    struct la_trace trace = s->cfg.trace;
    la_stack_trace_set(s, &trace);
    for (unsigned ipv6 = 0; ipv6 < 2; ipv6++)
        la_pool_init(&s->recs[ipv6], s->mem, (uint32_t)la_rec_bytes(ipv6 != 0), REC_CHUNK_SHIFT,
                     s->cfg.conns_n_max);
    la_pool_init(&s->env.busy, s->mem, sizeof(struct la_tcp_busy), BUSY_CHUNK_SHIFT,
                 LA_TCP_IDLE - 1);
    la_pool_init(&s->env.tallies, s->mem, sizeof(struct la_tcp_tally), TALLY_CHUNK_SHIFT,
                 s->cfg.conns_n_max);
    la_pool_init(&s->env.accecns, s->mem, sizeof(struct la_tcp_accecn), TALLY_CHUNK_SHIFT,
                 s->cfg.conns_n_max);
    la_wheel_init(&s->wheel, wheel_link_of_rec, s, now);
    la_halves_init(s);
    la_time_waits_init(s);
}

la_err
la_stack_new(const struct la_stack_cfg *cfg, la_instant now, struct la_stack **out)
{
    *out = NULL;
    if (!cfg_ok(cfg))
        return LA_ERR_BAD_ARGUMENT;
    struct la_stack *s = la_mem_take(cfg->mem, sizeof(*s));
    if (s == NULL)
        return LA_ERR_NO_MEMORY;
    s->mem = la_mem_ref(cfg->mem);
    s->cfg = *cfg;
    init_values(s, now);
    struct la_net_cfg net_cfg = {
        .mem = s->mem,
        .reason = s->stats.reason,
        .kernel = cfg->checksum,
        .checksum_verify = cfg->checksum_verify,
        .neighbour_reachable_ms = cfg->neighbour_reachable_ms,
        .port_ephemeral_min = cfg->port_ephemeral_min,
        .port_ephemeral_max = cfg->port_ephemeral_max,
    };
    memcpy(net_cfg.seed.w, cfg->seed, sizeof(net_cfg.seed.w));
    struct la_index_records records = {la_stack_hash_next, la_stack_hash_of, s};
    /* Both tables, whatever happens to the first: la_stack_free() ends them both. */
    bool has_index = la_index_init(&s->index, s->mem, &records);
    bool has_tables = la_listeners_init(s) && has_index;
    la_err err = has_tables ? la_net_new(&net_cfg, &s->net) : LA_ERR_NO_MEMORY;
    if (err != LA_OK) {
        la_stack_free(s);
        return err;
    }
    *out = s;
    return LA_OK;
}

void
la_stack_free(struct la_stack *s)
{
    if (s == NULL)
        return;
    for (uint32_t idx = 0; idx < la_recs_end(s); idx++)
        if (la_rec_exists(s, idx) && (la_rec_at(s, idx)->flags & LA_REC_LIVE) != 0)
            la_tcp_conn_fini(&la_rec_at(s, idx)->tcp, &s->env);
    la_listeners_fini(s);
    la_halves_fini(s);
    la_fast_opens_fini(s);
    la_time_waits_fini(s);
    la_index_fini(&s->index);
    la_pool_fini(&s->recs[0]);
    la_pool_fini(&s->recs[1]);
    la_pool_fini(&s->env.busy);
    la_pool_fini(&s->env.tallies);
    la_pool_fini(&s->env.accecns);
    la_net_free(s->net);
    struct la_mem *mem = s->mem;
    la_mem_give(mem, s, sizeof(*s));
    la_mem_unref(mem);
}

/* ---- interfaces and counters ------------------------------------------------------------ */

la_err
la_stack_iface_add(struct la_stack *s, const struct la_iface_cfg *cfg, int *out)
{
    return la_net_iface_add(s->net, cfg, out);
}

la_err
la_stack_addr_add(struct la_stack *s, int iface, const struct la_addr *addr, unsigned prefix_len)
{
    return la_net_addr_add(s->net, iface, addr, prefix_len);
}

la_err
la_stack_route_add(struct la_stack *s, int iface, const struct la_addr *prefix, unsigned prefix_len,
                   const struct la_addr *gateway)
{
    return la_net_route_add(s->net, iface, prefix, prefix_len, gateway);
}

la_instant
la_stack_now(const struct la_stack *s)
{
    return s->now;
}

struct la_mem *
la_stack_mem(const struct la_stack *s)
{
    return s->mem;
}

void
la_stack_seed(const struct la_stack *s, uint64_t out[4])
{
    memcpy(out, s->cfg.seed, sizeof(s->cfg.seed));
}

bool
la_stack_addr_is_local(const struct la_stack *s, const struct la_addr *addr)
{
    return la_net_is_local(s->net, LA_NET_IFACE_LOCAL, addr);
}

const struct la_tcp_cfg *
la_stack_tcp_cfg(const struct la_stack *s)
{
    return &s->cfg.tcp;
}

la_err
la_stack_tcp_cfg_set(struct la_stack *s, const struct la_tcp_cfg *cfg)
{
    if (!la_tcp_cfg_ok(cfg))
        return LA_ERR_BAD_ARGUMENT;
    s->cfg.tcp = *cfg;
    return LA_OK;
}

const struct la_stack_stats *
la_stack_stats(const struct la_stack *s)
{
    return &s->stats;
}

void
la_stack_state_counts(const struct la_stack *s, uint32_t *out)
{
    memcpy(out, s->state_n, sizeof(s->state_n));
}

/* ---- events for the application --------------------------------------------------------- */

static void
take_event(struct la_stack *s, uint32_t idx, struct la_stack_event *out)
{
    struct la_rec *rec = la_rec_at(s, idx);
    la_list_remove(s, &s->events, LA_LIST_EVENTS, idx);
    *out = (struct la_stack_event){.handle = la_rec_handle(s, idx), .user = rec->user};
    if ((rec->flags & LA_REC_REQUEST) == 0) {
        out->kind = LA_STACK_EV_CONN;
        out->ready = rec->ready;
        rec->ready = 0;
    } else if ((rec->flags & LA_REC_GONE) != 0) {
        out->kind = LA_STACK_EV_REQUEST_GONE;
        la_rec_free(s, idx);
    } else {
        out->kind = LA_STACK_EV_REQUEST;
        rec->flags |= LA_REC_TOLD;
    }
}

bool
la_stack_next_event(struct la_stack *s, struct la_stack_event *out)
{
    if (s->events.first != LA_REC_NONE) {
        take_event(s, s->events.first, out);
        return true;
    }
    if (la_listener_next_event(s, out))
        return true;
    la_handle udp;
    uint64_t user;
    if (!la_net_udp_next_ready(s->net, &udp, &user))
        return false;
    *out = (struct la_stack_event){.kind = LA_STACK_EV_UDP,
                                   .ready = LA_READY_READ,
                                   .handle = (uint64_t)LA_HANDLE_UDP << 60 | udp,
                                   .user = user};
    return true;
}

/* ---- time ------------------------------------------------------------------------------- */

bool
la_stack_has_output(const struct la_stack *s)
{
    if (s->output.n > 0 || la_net_has_local(s->net))
        return true;
    for (int i = 0; i < la_net_iface_n(s->net); i++)
        if (la_net_tx_waits(s->net, i))
            return true;
    return false;
}

la_instant
la_stack_deadline(const struct la_stack *s)
{
    la_instant conns =
        la_instant_min(la_wheel_deadline(&s->wheel), la_wheel_deadline(&s->half_wheel));
    return la_instant_min(la_instant_min(conns, la_time_wait_deadline(s)), la_net_deadline(s->net));
}

static void
serve_timers(struct la_stack *s, uint32_t idx)
{
    struct la_tcp_todo todo = la_stack_todo(s, s->now);
    if ((la_rec_at(s, idx)->flags & LA_REC_REQUEST) != 0) {
        la_forward_timeout(s, idx, &todo);
        return;
    }
    la_tcp_timeout(&la_rec_at(s, idx)->tcp, &todo);
    la_rec_settle(s, idx, &todo);
}

bool
la_stack_run(struct la_stack *s, la_instant now, uint32_t budget_n)
{
    now = la_stack_clock(s, now);
    la_net_run(s->net, now);
    la_stack_local(s, now);
    for (uint32_t n = 0; n < budget_n; n++) {
        uint32_t idx = la_wheel_next_due(&s->wheel, now);
        if (idx != LA_WHEEL_NONE)
            serve_timers(s, idx);
        else if (!la_half_run(s, now) && !la_time_wait_run(s, now))
            return false;
    }
    return la_instant_le(la_wheel_deadline(&s->wheel), now) ||
           la_instant_le(la_wheel_deadline(&s->half_wheel), now) ||
           la_instant_le(la_time_wait_deadline(s), now);
}
