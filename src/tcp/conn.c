/* SPDX-License-Identifier: MIT
 *
 * conn.c - the connection record: life, state changes, invariants
 *
 * Read first: RFC 9293 3.3.1 (the TCB), figure 5, 3.10.
 */
#include "tcp/conn.h"

#include <string.h>

#include "base/assert.h"
#include "base/mem.h"
#include "proto/tcp_fsm.h"
#include "tcp/congestion.h"
#include "tcp/fast_open.h"
#include "tcp/pace.h"
#include "tcp/rate.h"
#include "tcp/receive.h"
#include "tcp/sack.h"
#include "tcp/rtt.h"
#include "tcp/send.h"
#include "tcp/tally.h"
#include "tcp/timeout.h"
#include "tcp/tune.h"
#include "tcp/urgent.h"
#include "tcp/uto.h"

/* RFC 9293 3.7.1: what a segment may carry when the peer says nothing (MUST-15a, 15b). */
/* MSS_MIN: the smallest MTU of an interface, 68 (RFC 791 3.2), less the headers. */
enum { DEFAULT_MSS_V4 = 536, DEFAULT_MSS_V6 = 1220, MSS_MIN = 28 };
enum { IPV4_HEADER_BYTES = 20, IPV6_HEADER_BYTES = 40, TCP_HEADER_BYTES = 20 };

/* The shift that lets 16 bits offer the whole buffer (RFC 7323 2.2). */
static uint8_t
window_shift(uint32_t rcvbuf_bytes)
{
    uint8_t shift = 0;
    while (shift < 14 && (UINT32_C(65535) << shift) < rcvbuf_bytes)
        shift++;
    return shift;
}

static uint32_t
buffer(uint32_t fixed_bytes, uint32_t initial_bytes)
{
    return fixed_bytes != 0 ? fixed_bytes : initial_bytes;
}

/* What may be offered in a SYN. */
static uint32_t
offers_of(const struct la_tcp_cfg *cfg)
{
    return (cfg->window_scale ? LA_TCP_F_WSCALE : 0u) |
           (cfg->timestamps ? LA_TCP_F_TIMESTAMPS : 0u) | (cfg->sack ? LA_TCP_F_SACK : 0u) |
           (cfg->ecn != LA_ECN_OFF ? LA_TCP_F_ECN : 0u) |
           (cfg->ecn >= LA_ECN_ACCURATE_ASK ? LA_TCP_F_ACCECN : 0u);
}

static bool
asks_for_ecn(const struct la_tcp_cfg *cfg)
{
    return cfg->ecn == LA_ECN_ASK || cfg->ecn == LA_ECN_ACCURATE_ASK ||
           cfg->ecn == LA_ECN_ACCURATE_ASK_PLAIN;
}

/* What the peer's SYN has no part in. */
static void
take_cfg(struct la_tcp_conn *c, const struct la_tcp_cfg *cfg)
{
    c->flags &= ~(uint32_t)(LA_TCP_F_NAGLE | LA_TCP_F_KEEPALIVE | LA_TCP_F_RACK);
    c->flags |= (cfg->nagle ? LA_TCP_F_NAGLE : 0u) | (cfg->keepalive ? LA_TCP_F_KEEPALIVE : 0u) |
                (cfg->rack ? LA_TCP_F_RACK : 0u);
    c->sndbuf_tuned = cfg->sndbuf_bytes == 0;
    c->rcvbuf_tuned = cfg->rcvbuf_bytes == 0;
    uint32_t sndbuf = buffer(cfg->sndbuf_bytes, cfg->sndbuf.bytes_initial);
    uint32_t rcvbuf = buffer(cfg->rcvbuf_bytes, cfg->rcvbuf.bytes_initial);
    c->sndbuf_bytes = sndbuf & LA_TCP_BUFFER_MASK;
    c->rcvbuf_bytes = rcvbuf & LA_TCP_BUFFER_MASK;
    c->rcv_wscale =
        LA_TCP_WSCALE_MASK & window_shift(c->rcvbuf_tuned ? cfg->rcvbuf.bytes_max : rcvbuf);
    if (cfg->mss_bytes_max != 0 && c->rmss > cfg->mss_bytes_max)
        c->rmss = cfg->mss_bytes_max;
    c->mss_silent = !cfg->mss_option;
    c->rto_us = cfg->rto_us_initial;
    c->uto_on = cfg->user_timeout_option;
    la_tcp_uto_set(c, cfg->user_timeout_ms);
    c->keepalive_idle_s = (uint16_t)cfg->keepalive_idle_s;
    c->keepalive_interval_s = (uint16_t)cfg->keepalive_interval_s;
    c->keepalive_probes_n = (uint8_t)cfg->keepalive_probes_n;
    c->r2_n = (uint8_t)cfg->r2_n;
    la_tcp_pace_bound_set(c, cfg->pacing_rate_max);
    c->r2_syn_n = (uint8_t)cfg->r2_syn_n;
    c->ttl_hops = cfg->ttl_hops;
    c->dscp_ecn = cfg->dscp_ecn & (uint8_t)~LA_IP_ECN_MASK; /* tcp/ecn.h sets that */
}

void
la_tcp_conn_init(struct la_tcp_conn *c, const struct la_tcp_open *open, la_instant now)
{
    memset(c, 0, sizeof(*c));
    c->state = LA_TCP_CLOSED;
    c->timer = LA_TCP_TIMER_NONE;
    c->flags = offers_of(open->cfg) | (asks_for_ecn(open->cfg) ? LA_TCP_F_ECN_ASK : 0u);

    /* MUST-67: MMS_R - 20, options not taken off (RFC 6691). */
    uint32_t ip_bytes = open->ipv6 ? IPV6_HEADER_BYTES : IPV4_HEADER_BYTES;
    uint32_t mss = open->mtu_bytes > ip_bytes + TCP_HEADER_BYTES + MSS_MIN
                       ? open->mtu_bytes - ip_bytes - TCP_HEADER_BYTES
                       : MSS_MIN;
    c->rmss = (uint16_t)(mss > UINT16_MAX ? UINT16_MAX : mss);
    take_cfg(c, open->cfg);
    c->smss = open->ipv6 ? DEFAULT_MSS_V6 : DEFAULT_MSS_V4;
    if (c->smss > c->rmss)
        c->smss = c->rmss;
    if (c->mss_silent) /* the peer will think so (MUST-15) */
        c->rmss = c->smss;
    c->rcv_mss = c->smss;

    c->rtt_us_min = UINT32_MAX;
    c->timer_at = LA_INSTANT_NEVER;
    c->tally_idx = LA_POOL_NONE;
    c->marks_option = open->cfg->accecn_option != LA_ACCECN_OPTION_OFF;
    c->cc = open->cc & LA_TCP_CC_MASK;
    la_tcp_conn_begin(c, open->iss, open->ts_offset, now);
}

void
la_tcp_conn_begin(struct la_tcp_conn *c, la_seq iss, uint32_t ts_offset, la_instant now)
{
    c->iss = c->snd_una = c->snd_nxt = iss;
    c->ts_offset = ts_offset;
    c->busy_idx = LA_TCP_IDLE | la_tcp_ms(now);
    c->heard_ms = c->sent_ms = la_tcp_ms(now);
}

void
la_tcp_conn_configure(struct la_tcp_conn *c, const struct la_tcp_cfg *cfg, uint8_t cc)
{
    LA_ASSERT(c->state == LA_TCP_LISTEN && (c->flags & LA_TCP_F_HELD) != 0);
    take_cfg(c, cfg);
    c->cc = cc & LA_TCP_CC_MASK;
    uint32_t option_bytes = la_tcp_option_bytes(c);
    uint32_t dropped =
        c->flags & ~offers_of(cfg) &
        (LA_TCP_F_WSCALE | LA_TCP_F_TIMESTAMPS | LA_TCP_F_SACK | LA_TCP_F_ECN | LA_TCP_F_ACCECN);
    c->flags &= ~dropped;
    if (cfg->ecn < LA_ECN_ACCURATE_ASK)
        c->flags &= ~(uint32_t)LA_TCP_F_ECN_EITHER;
    if ((dropped & LA_TCP_F_ACCECN) != 0) /* its SYN says as much to RFC 3168 */
        c->flags &= ~LA_TCP_F_SYN_MARK;
    if ((c->flags & LA_TCP_F_WSCALE) == 0)
        c->rcv_wscale = 0;
    c->smss = (uint16_t)(c->smss + option_bytes - la_tcp_option_bytes(c));
    if (c->smss + la_tcp_option_bytes(c) > c->rmss)
        c->smss = (uint16_t)(c->rmss - la_tcp_option_bytes(c));
    c->rcv_mss = c->smss;
}

void
la_tcp_conn_fini(struct la_tcp_conn *c, struct la_tcp_env *env)
{
    la_tcp_busy_give(c, env);
    la_tcp_tally_give(c, env);
}

void
la_tcp_busy_give(struct la_tcp_conn *c, struct la_tcp_env *env)
{
    struct la_tcp_busy *busy = la_tcp_busy(c, env);
    if (busy == NULL)
        return;
    la_chain_clear(&busy->sndq);
    la_tcp_pieces_clear(&busy->pieces, env);
    la_chain_clear(&busy->rcvq);
    la_tcp_early_clear(busy, env);
    la_tcp_scoreboard_fini(&busy->board, env->mem);
    c->flags &= ~(uint32_t)(LA_TCP_F_URGENT_OUT | LA_TCP_F_URGENT_IN);
    uint32_t used_ms = busy->used_ms;
    c->want &= (uint8_t)~LA_TCP_WANT_RELEASE;
    la_pool_give(&env->busy, c->busy_idx);
    c->busy_idx = LA_TCP_IDLE | used_ms;
}

struct la_tcp_busy *
la_tcp_busy_get(struct la_tcp_conn *c, struct la_tcp_env *env, la_instant now)
{
    if ((c->busy_idx & LA_TCP_IDLE) == 0)
        return la_pool_at(&env->busy, c->busy_idx);
    uint32_t idx = la_pool_take(&env->busy);
    if (idx == LA_POOL_NONE)
        return NULL;
    struct la_tcp_busy *busy = la_pool_at(&env->busy, idx);
    memset(busy, 0, sizeof(*busy));
    busy->owed = (struct la_tcp_owed){.at = LA_INSTANT_NEVER, .acked = c->rcv_nxt};
    busy->nagle_short = env->cfg->nagle_short;
    busy->recover = la_seq_sub(c->snd_una, 1);
    busy->rtx_nxt = busy->short_end = c->snd_una;
    busy->rtt_round_end = busy->usage.end = busy->peak.round_end = c->snd_una;
    busy->reduced_end = la_seq_sub(c->snd_una, 1);
    busy->tlp.rtt_known = true;
    busy->progress_at = now;
    busy->rtt_old = la_tcp_ms(now) - c->sent_ms >= LA_TCP_RTT_HALF_WINDOW_MS;
    busy->used_ms = c->busy_idx & ~LA_TCP_IDLE;
    la_tcp_rate_begin(c, busy, la_cc_ops(c->cc)->samples);
    if (la_cc_ops(c->cc)->resume != NULL)
        la_cc_ops(c->cc)->resume(c, busy);
    busy->phase = la_cc_resting_phase(c, busy);
    c->busy_idx = idx;
    return busy;
}

/* Does it stay while the connection is idle? */
static bool
is_kept(const struct la_tcp_conn *c, const struct la_tcp_busy *busy, const struct la_tcp_env *env)
{
    return (busy->lowat_bytes != 0 || env->cfg->idle_keeps) && c->state != LA_TCP_TIME_WAIT &&
           c->state != LA_TCP_CLOSED;
}

/* Is something owed to the peer? */
static bool
owes(const struct la_tcp_conn *c, const struct la_tcp_busy *busy)
{
    return !la_seq_eq(busy->owed.acked, c->rcv_nxt) || busy->owed.duplicates_n != 0 ||
           busy->dsack_bytes != 0;
}

void
la_tcp_busy_settle(struct la_tcp_conn *c, struct la_tcp_env *env)
{
    struct la_tcp_busy *busy = la_tcp_busy(c, env);
    if (busy == NULL || busy->sndq.len != 0 || busy->rcvq.len != 0 || busy->runs.row.n != 0 ||
        busy->fin_early || owes(c, busy) || la_tcp_flight(c) != 0 || la_tcp_fin_waits(c) ||
        busy->rests || is_kept(c, busy, env) || (c->flags & LA_TCP_F_URGENT_IN) != 0)
        return;
    if (la_cc_ops(c->cc)->rest != NULL)
        la_cc_ops(c->cc)->rest(c, busy);
    la_tcp_tune_rest(c, env);
    la_tcp_busy_give(c, env);
}

bool
la_tcp_is_synchronised(const struct la_tcp_conn *c)
{
    return c->state >= LA_TCP_ESTABLISHED;
}

bool
la_tcp_can_send(const struct la_tcp_conn *c)
{
    if (la_tcp_fast_open_serves(c))
        return true;
    return c->state == LA_TCP_ESTABLISHED || c->state == LA_TCP_CLOSE_WAIT;
}

void
la_tcp_enter(struct la_tcp_conn *c, enum la_tcp_event event, struct la_tcp_todo *todo)
{
    enum la_tcp_state from = (enum la_tcp_state)c->state;
    const struct la_tcp_edge *edge = la_tcp_fsm_edge(from, event);
    LA_ASSERT(edge->to != 0);
    c->state = edge->to;
    if (!la_tcp_hears(todo->env, LA_EVENT_STATE) || (edge->to == from))
        return;
    struct la_event ev = {.at = todo->now, .kind = LA_EVENT_STATE, .segment_id = todo->segment_id};
    ev.u.state.from = (uint8_t)from;
    ev.u.state.to = edge->to;
    ev.u.state.event = (uint8_t)event;
    todo->env->emit(todo->env->ctx, c, &ev);
}

void
la_tcp_end(struct la_tcp_conn *c, enum la_tcp_event event, la_err err, struct la_tcp_todo *todo)
{
    la_tcp_enter(c, event, todo);
    if (err != LA_OK && c->err == LA_OK)
        c->err = (int8_t)err;
    la_tcp_timer_stop(c);
    c->want = 0;
    /* What was received stays readable after an orderly end; after an error it is gone with the
     * connection (RFC 9293 3.10.7.4 second: "all segment queues should be flushed"). */
    struct la_tcp_busy *busy = la_tcp_busy(c, todo->env);
    if (busy != NULL) { /* no acknowledgement follows */
        busy->owed = (struct la_tcp_owed){.at = LA_INSTANT_NEVER, .acked = c->rcv_nxt};
        busy->dsack_bytes = 0;
    }
    bool keeps = err == LA_OK || todo->env->cfg->reset_keeps_text; /* DEVIATION(D26) */
    if (busy != NULL && (!keeps || (c->flags & LA_TCP_F_RELEASED) != 0 || busy->rcvq.len == 0))
        la_tcp_busy_give(c, todo->env);
    else if (busy != NULL && err != LA_OK)
        la_chain_clear(&busy->sndq);
    todo->wake |= LA_READY_CLOSED | LA_READY_READ | LA_READY_WRITE |
                  (err != LA_OK ? LA_READY_ERROR : LA_READY_END);
    if (err == LA_OK || !la_tcp_hears(todo->env, LA_EVENT_ERROR))
        return;
    struct la_event ev = {.at = todo->now, .kind = LA_EVENT_ERROR, .segment_id = todo->segment_id};
    ev.u.error.err = err;
    todo->env->emit(todo->env->ctx, c, &ev);
}

la_instant
la_tcp_deadline(const struct la_tcp_conn *c, const struct la_tcp_env *env, la_instant now)
{
    const struct la_tcp_busy *busy = la_tcp_busy(c, env);
    la_instant at = la_instant_min(c->timer_at, la_tcp_ack_at(busy));
    at = la_instant_min(at, la_tcp_keepalive_at(c, now));
    if ((c->want & LA_TCP_WANT_RELEASE) == 0)
        return at;
    return la_instant_min(at, busy->pace.release_at);
}

void
la_tcp_timer_set(struct la_tcp_conn *c, enum la_timer_kind kind, la_instant at)
{
    if (c->timer != kind && !(la_tcp_timer_retransmits(c->timer) && la_tcp_timer_retransmits(kind)))
        c->backoff_n = 0;
    c->timer = (uint32_t)kind & LA_TCP_TIMER_MASK;
    c->timer_at = at;
}

void
la_tcp_timer_stop(struct la_tcp_conn *c)
{
    c->timer = LA_TCP_TIMER_NONE;
    c->timer_at = LA_INSTANT_NEVER;
    c->backoff_n = 0;
}

static void
check_urgent(const struct la_tcp_conn *c, const struct la_tcp_busy *busy)
{
    la_seq queue_end = la_seq_add(la_tcp_sndq_seq(c), busy->sndq.len);
    LA_ASSERT((c->flags & LA_TCP_F_URGENT_OUT) == 0 ||
              (la_seq_gt(busy->snd_up, c->snd_una) && la_seq_le(busy->snd_up, queue_end)));
    LA_ASSERT(
        (c->flags & LA_TCP_F_URGENT_IN) == 0 ||
        (la_tcp_urgent_unread(c, busy) > 0 && la_tcp_urgent_unread(c, busy) <= UINT32_MAX / 2));
}

static void
check_busy(const struct la_tcp_conn *c, const struct la_tcp_busy *busy)
{
    la_chain_check(&busy->sndq);
    la_chain_check(&busy->rcvq);
    if (!la_tcp_is_synchronised(c))
        return;
    uint32_t fin = (c->flags & LA_TCP_F_FIN_SENT) != 0;
    uint32_t text_in_flight = la_tcp_flight(c) - fin * (la_tcp_flight(c) != 0);
    LA_ASSERT(busy->sndq.len >= text_in_flight);
    la_tcp_scoreboard_check(&busy->board, c->snd_una, c->snd_nxt);
    check_urgent(c, busy);
    const struct la_ranges *sacked = &busy->board.sacked;
    if (sacked->row.n > 0) {
        LA_ASSERT(la_seq_gt(la_ranges_at(sacked, 0)->start, c->snd_una));
        LA_ASSERT(la_seq_le(la_ranges_at(sacked, sacked->row.n - 1)->end, c->snd_nxt));
    }
    la_tcp_runs_check(&busy->runs, c->rcv_nxt);
    LA_ASSERT(la_seq_le(busy->owed.acked, c->rcv_nxt));
}

void
la_tcp_conn_check(const struct la_tcp_conn *c, const struct la_tcp_env *env)
{
    LA_ASSERT(c->state >= LA_TCP_CLOSED && c->state < LA_TCP_STATE_COUNT);
    if (c->state == LA_TCP_CLOSED)
        return;
    LA_ASSERT(la_seq_le(c->snd_una, c->snd_nxt));
    LA_ASSERT(la_tcp_is_synchronised(c) || la_seq_ge(c->snd_una, c->iss));
    LA_ASSERT(la_seq_le(c->rcv_nxt, c->rcv_adv));
    bool fin_sent = (c->flags & LA_TCP_F_FIN_SENT) != 0;
    LA_ASSERT(!fin_sent || c->state == LA_TCP_FIN_WAIT_1 || c->state == LA_TCP_FIN_WAIT_2 ||
              c->state == LA_TCP_CLOSING || c->state == LA_TCP_LAST_ACK ||
              c->state == LA_TCP_TIME_WAIT);
    bool fin_received = (c->flags & LA_TCP_F_FIN_RECEIVED) != 0;
    LA_ASSERT(!fin_received || c->state == LA_TCP_CLOSE_WAIT || c->state == LA_TCP_CLOSING ||
              c->state == LA_TCP_LAST_ACK || c->state == LA_TCP_TIME_WAIT);
    LA_ASSERT((c->timer == LA_TCP_TIMER_NONE) == la_instant_is_never(c->timer_at));
    LA_ASSERT(c->state != LA_TCP_TIME_WAIT || c->timer == LA_TIMER_TIME_WAIT);
    LA_ASSERT(c->smss > 0);
    LA_ASSERT(c->cwnd_bytes > 0 || !la_tcp_is_synchronised(c));
    const struct la_tcp_busy *busy = la_tcp_busy(c, env);
    LA_ASSERT(busy != NULL || (c->flags & (LA_TCP_F_URGENT_OUT | LA_TCP_F_URGENT_IN)) == 0);
    if (busy != NULL)
        check_busy(c, busy);
}
