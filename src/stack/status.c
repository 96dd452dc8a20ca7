/* SPDX-License-Identifier: MIT
 *
 * status.c - STATUS (RFC 9293 3.9.1.6), the walk over all connections, and their options
 */
#include "base/assert.h"
#include "base/time.h"
#include "stack/half.h"
#include "stack/time_wait.h"
#include "tcp/again.h"
#include "tcp/clocks.h"
#include "tcp/congestion.h"
#include "tcp/accecn.h"
#include "tcp/ecn.h"
#include "tcp/pace.h"
#include "tcp/rack.h"
#include "tcp/send.h"
#include "tcp/tally.h"
#include "tcp/timeout.h"
#include "tcp/urgent.h"
#include "tcp/user.h"
#include "tcp/uto.h"

static uint32_t
ready_level(const struct la_stack *s, const struct la_tcp_conn *c)
{
    const struct la_tcp_busy *busy = la_tcp_busy(c, &s->env);
    uint32_t queued = busy == NULL ? 0 : busy->sndq.len;
    uint32_t ready = 0;
    if (la_tcp_readable(c, &s->env) != LA_ERR_AGAIN)
        ready |= LA_READY_READ;
    if (la_tcp_is_synchronised(c))
        ready |= LA_READY_OPEN;
    bool refused = (c->flags & LA_TCP_F_WRITER_WAITS) != 0 && queued > 0;
    if (la_tcp_can_send(c) && !refused && (busy == NULL || la_tcp_pieces_low(c, busy, &s->env)))
        ready |= LA_READY_WRITE;
    if ((c->flags & LA_TCP_F_FIN_RECEIVED) != 0)
        ready |= LA_READY_END;
    if ((c->flags & LA_TCP_F_URGENT_IN) != 0)
        ready |= LA_READY_URGENT;
    if (c->err != LA_OK)
        ready |= LA_READY_ERROR;
    if (c->state == LA_TCP_CLOSED || c->state == LA_TCP_TIME_WAIT)
        ready |= LA_READY_CLOSED | LA_READY_READ | LA_READY_WRITE;
    if (queued == 0)
        ready |= LA_READY_SENT;
    return ready;
}

uint32_t
la_stack_ready_level(const struct la_stack *s, uint32_t idx)
{
    return ready_level(s, &la_rec_at(s, idx)->tcp);
}

/* The record of a connection; of one that has a smaller one, in `room`. NULL: no such handle. */
static const struct la_rec *
look_up(const struct la_stack *s, la_handle conn, struct la_rec *room)
{
    uint32_t idx = la_rec_of_handle(s, conn, false);
    if (idx != LA_REC_NONE)
        return la_rec_at(s, idx);
    if (conn >> 60 != LA_HANDLE_CONN)
        return NULL;
    if ((idx = la_half_of_handle(s, conn)) != LA_POOL_NONE)
        la_half_view(s, idx, room);
    else if ((idx = la_time_wait_of_handle(s, conn)) != LA_REC_NONE)
        la_time_wait_unfold(s, idx, room);
    return idx != LA_REC_NONE ? room : NULL;
}

/* A status costs the same however much is in flight. */
enum { RANGES_LOOKED_AT = 64 };

static uint32_t
again_bytes(const struct la_tcp_busy *busy)
{
    uint32_t n = 0;
    for (unsigned i = 0; i < busy->board.row.n && i < RANGES_LOOKED_AT; i++) {
        const struct la_tcp_sent *sent = la_tcp_scoreboard_at(&busy->board, i);
        if (sent->sent_n > 1 && sent->lost_bytes == 0)
            n += la_tcp_sack_missing(busy, sent->first, sent->end);
    }
    return n;
}

static void
progress_status(const struct la_stack *s, const struct la_tcp_conn *c, struct la_conn_status *out)
{
    const struct la_tcp_busy *busy = la_tcp_busy(c, &s->env);
    out->reordering = (c->flags & LA_TCP_F_REORDERS) != 0;
    out->sent_at =
        la_instant_add_us(s->now, -(int64_t)(la_tcp_ms(s->now) - c->sent_ms) * LA_US_PER_MS);
    out->user_timeout_ms = c->user_timeout_ms;
    out->fast_opened = c->fast_opened;
    out->pacing_rate_max = la_tcp_pace_bound(c);
    out->bytes_delivered = out->bytes_acked;
    out->text_at = LA_INSTANT_NEVER;
    if (busy == NULL)
        return;
    uint32_t missing = la_tcp_sack_missing(busy, c->snd_una, c->snd_nxt);
    out->bytes_delivered += la_tcp_flight(c) - missing;
    out->delivery_rate = busy->clocks.rate;
    out->pacing_rate = la_tcp_pacing_rate(c, busy, &s->env);
    out->rwnd_limited_us = la_tcp_clocks_us(busy, LA_TCP_CLOCK_RWND, s->now);
    out->sndbuf_limited_us = la_tcp_clocks_us(busy, LA_TCP_CLOCK_SNDBUF, s->now);
    out->busy_us = la_tcp_clocks_us(busy, LA_TCP_CLOCK_BUSY, s->now) + out->rwnd_limited_us +
                   out->sndbuf_limited_us;
    bool recovers = busy->phase == LA_CC_RECOVERY || busy->phase == LA_CC_LOSS;
    out->disordered = !recovers && (busy->dupacks_n > 0 || busy->board.sacked.row.n > 0);
    out->reduced = !recovers && la_tcp_ecn_marks(c) && la_tcp_ecn_is_reduced(c, busy);
    out->again_bytes = again_bytes(busy);
    out->text_at = busy->text_at.ns == 0 ? LA_INSTANT_NEVER : busy->text_at;
    out->reorder_bytes = busy->rack.reorder_bytes;
    if (!la_tcp_rack_is_on(c))
        return;
    out->lost_bytes = busy->board.lost_bytes;
    out->reordering_us = la_tcp_rack_reo_wnd_us(c, busy);
}

/* RFC 9768 3.2: without what the counters begin with. */
static void
marks_status(const struct la_stack *s, const struct la_tcp_conn *c, struct la_conn_status *out)
{
    const struct la_tcp_accecn *a = la_tcp_accecn(c, &s->env);
    out->accurate_ecn = la_tcp_accecn_is_agreed(c);
    out->sends_ect = la_tcp_is_synchronised(c) && la_tcp_ecn_marks(c);
    if (a == NULL || !out->accurate_ecn)
        return;
    out->marked_in =
        (struct la_conn_marks){a->r.cep - LA_TCP_CEP_FIRST, a->r.ceb, a->r.e0b - 1, a->r.e1b - 1};
    out->marked_out =
        (struct la_conn_marks){a->s.cep - LA_TCP_CEP_FIRST, a->s.ceb, a->s.e0b - 1, a->s.e1b - 1};
}

static void
queues_status(const struct la_stack *s, const struct la_tcp_conn *c, struct la_conn_status *out)
{
    const struct la_tcp_busy *busy = la_tcp_busy(c, &s->env);
    out->phase = busy != NULL ? busy->phase : la_cc_resting_phase(c, NULL);
    if (busy == NULL)
        return;
    out->send_queue_bytes = busy->sndq.len;
    out->unsent_bytes = la_tcp_is_synchronised(c) ? la_tcp_unsent(c, busy) : busy->sndq.len;
    out->receive_queue_bytes = busy->rcvq.len;
    out->out_of_order_bytes = busy->runs.bytes;
    out->flight_bytes = la_tcp_pipe(c, busy);
    int64_t stalled_us = busy->sndq.len > 0 ? la_instant_diff_us(s->now, busy->progress_at) : 0;
    out->stalled_ms =
        stalled_us / LA_US_PER_MS > UINT32_MAX ? UINT32_MAX : (uint32_t)(stalled_us / LA_US_PER_MS);
    out->urgent_unread_bytes = la_tcp_urgent_unread(c, busy);
    if ((c->flags & LA_TCP_F_URGENT_OUT) != 0)
        out->urgent_unacked_bytes = (uint32_t)la_seq_diff(busy->snd_up, la_tcp_sndq_seq(c));
}

/* Where it stands between the peer and the application, and what is its own besides the RFC's. */
static void
place_status(const struct la_stack *s, const struct la_rec *rec, struct la_conn_status *out)
{
    const struct la_tcp_conn *c = &rec->tcp;
    const char *name = la_cc_ops(c->cc)->name;
    out->owned = (rec->flags & LA_REC_OWNED) != 0;
    out->half_open = (c->name & LA_HALF_IDX) != 0;
    if (out->half_open)
        out->retransmissions_n = la_half_again_n(s, c->name & ~LA_HALF_IDX);
    out->accept_waits = rec->queue == LA_QUEUE_ACCEPT;
    const struct la_tcp_busy *busy = la_tcp_busy(c, &s->env);
    out->ack_at = (c->want & LA_TCP_WANT_ACK) == 0 ? la_tcp_ack_at(busy) : LA_INSTANT_NEVER;
    out->keepalive_at = la_tcp_keepalive_at(c, s->now);
    out->keepalive_sent_n = c->keepalive_sent_n;
    out->heard_at =
        la_instant_add_us(s->now, -(int64_t)(la_tcp_ms(s->now) - c->heard_ms) * LA_US_PER_MS);
    out->sndbuf_bytes = c->sndbuf_bytes;
    out->rcvbuf_bytes = c->rcvbuf_bytes;
    for (size_t i = 0; i + 1 < sizeof(out->congestion_control) && name[i] != 0; i++)
        out->congestion_control[i] = name[i];
}

/* What nobody knows any more of a connection that was folded in TIME-WAIT. */
static void
forget_unknown(struct la_conn_status *out)
{
    out->mss_send = out->mss_receive = 0;
    out->snd_wnd = 0;
    out->cwnd_bytes = out->ssthresh_bytes = out->rto_us = 0;
    out->sndbuf_bytes = out->rcvbuf_bytes = 0;
    out->segments_received = 0;
    out->heard_at = out->sent_at = LA_INSTANT_NEVER;
    out->user_timeout_ms = 0;
    out->bytes_delivered = 0;
    out->congestion_control[0] = 0;
}

la_err
la_conn_status(const struct la_stack *s, la_handle conn, struct la_conn_status *out)
{
    struct la_rec room;
    const struct la_rec *rec = look_up(s, conn, &room);
    if (rec == NULL)
        return LA_ERR_BAD_HANDLE;
    const struct la_tcp_conn *c = &rec->tcp;
    struct la_tuple tuple = la_rec_tuple(rec);
    const struct la_tcp_tally *tally = la_tcp_tally_of(c, &s->env);
    bool scaled = (c->flags & LA_TCP_F_WSCALE) != 0;
    *out = (struct la_conn_status){
        .local = tuple.local,
        .remote = tuple.remote,
        .state = c->state,
        .passive = (c->flags & LA_TCP_F_PASSIVE) != 0,
        .err = c->err,
        .err_soft = c->err_soft,
        .ready = ready_level(s, c),
        .mss_send = c->smss,
        .mss_receive = c->rmss,
        .mss_received = c->rcv_mss,
        .snd_wnd = c->snd_wnd,
        .rcv_wnd = la_tcp_rcv_wnd(c),
        .wscale_send = scaled ? c->snd_wscale : 255,
        .wscale_receive = scaled ? c->rcv_wscale : 255,
        .timestamps = (c->flags & LA_TCP_F_TIMESTAMPS) != 0,
        .sack = (c->flags & LA_TCP_F_SACK) != 0,
        .ecn = la_tcp_ecn_marks(c) || la_tcp_accecn_is_agreed(c),
        .cwnd_bytes = c->cwnd_bytes,
        .ssthresh_bytes = c->ssthresh_bytes,
        .srtt_us = c->srtt_us,
        .rttvar_us = c->rttvar_us,
        .rto_us = c->rto_us,
        .rtt_us_min = c->rtt_us_min == UINT32_MAX ? 0 : c->rtt_us_min,
        .bytes_sent = la_tcp_bytes_acked(c, &s->env),
        .bytes_acked = la_tcp_bytes_acked(c, &s->env),
        .bytes_received = la_tcp_bytes_received(c, &s->env),
        .bytes_retransmitted = tally->bytes_retransmitted,
        .segments_sent = c->segments_sent,
        .segments_received = c->segments_received,
        .retransmissions_n = tally->retransmissions_n,
        .rto_n = tally->rto_n,
        .fast_retransmits_n = tally->fast_retransmits_n,
        .duplicate_acks_n = tally->duplicate_acks_n,
        .backoff_n = c->backoff_n,
        .timer = c->timer == LA_TCP_TIMER_NONE ? UINT8_MAX : c->timer,
        .timer_at = c->timer_at,
        .user = rec->user,
    };
    marks_status(s, c, out);
    queues_status(s, c, out);
    place_status(s, rec, out);
    progress_status(s, c, out);
    if (rec == &room && c->state == LA_TCP_TIME_WAIT)
        forget_unknown(out);
    out->bytes_sent += out->send_queue_bytes - out->unsent_bytes;
    return LA_OK;
}

/* ---- walking ---------------------------------------------------------------------------- */

/* The next live record that is a request or is none. */
static bool
rec_next(const struct la_stack *s, bool request, uint32_t *cursor, la_handle *out)
{
    *out = 0;
    for (unsigned n = 0; n < LA_WALK_N_MAX && *cursor < la_recs_end(s) && *out == 0; n++) {
        uint32_t idx = (*cursor)++;
        unsigned flags = la_rec_exists(s, idx) ? la_rec_at(s, idx)->flags : 0;
        bool is_request = (flags & LA_REC_REQUEST) != 0;
        if ((flags & LA_REC_LIVE) != 0 && (flags & LA_REC_GONE) == 0 && is_request == request)
            *out = la_rec_handle(s, idx);
    }
    return *out != 0 || *cursor < la_recs_end(s);
}

bool
la_conn_next(const struct la_stack *s, uint32_t *cursor, la_handle *out)
{
    if (*cursor < LA_WAIT_IDX && rec_next(s, false, cursor, out))
        return true;
    /* Then those in TIME-WAIT and the half-open ones, as far as the walk has the others behind. */
    if (*cursor < LA_HALF_IDX) {
        uint32_t at = *cursor < LA_WAIT_IDX ? 0 : *cursor & ~LA_WAIT_IDX;
        bool more = la_time_wait_next(s, &at, out);
        *cursor = more ? at | LA_WAIT_IDX : LA_HALF_IDX;
        if (more)
            return true;
    }
    uint32_t at = *cursor & ~LA_HALF_IDX;
    bool more = la_half_next(s, &at, out);
    *cursor = at | LA_HALF_IDX;
    return more;
}

bool
la_forward_next(const struct la_stack *s, uint32_t *cursor, la_handle *out)
{
    return rec_next(s, true, cursor, out);
}

/* ---- options ---------------------------------------------------------------------------- */

static uint32_t
clamp(int64_t value, uint32_t min, uint32_t max)
{
    if (value < (int64_t)min)
        return min;
    return value > (int64_t)max ? max : (uint32_t)value;
}

/* The flag that an option is; 0: it is none. */
static enum la_tcp_flag
flag_of(enum la_conn_option opt)
{
    static const uint32_t flags[LA_OPT_COUNT] = {
        [LA_OPT_NAGLE] = LA_TCP_F_NAGLE,
        [LA_OPT_CORK] = LA_TCP_F_CORK,
        [LA_OPT_QUICK_ACK] = LA_TCP_F_QUICK_ACK,
        [LA_OPT_KEEPALIVE] = LA_TCP_F_KEEPALIVE,
        [LA_OPT_RELEASE_RESETS] = LA_TCP_F_RELEASE_RESETS,
    };
    return (unsigned)opt < LA_OPT_COUNT ? (enum la_tcp_flag)flags[opt] : (enum la_tcp_flag)0;
}

static la_err
set_flag(struct la_tcp_conn *c, enum la_tcp_flag flag, bool on, struct la_tcp_todo *todo)
{
    c->flags = on ? c->flags | flag : c->flags & ~(uint32_t)flag;
    if (flag == LA_TCP_F_KEEPALIVE)
        la_tcp_keepalive_start(c, todo->now);
    if (flag == LA_TCP_F_NAGLE && !on)
        c->flush = LA_TCP_FLUSH_ALL; /* as Linux (tcp(7), TCP_NODELAY), also over TCP_CORK */
    c->want |= LA_TCP_WANT_DATA;     /* what Nagle or the cork held back may go now */
    return LA_OK;
}

static la_err
set_value_option(struct la_tcp_conn *c, enum la_conn_option opt, int64_t value,
                 struct la_tcp_todo *todo)
{
    switch (opt) {
    case LA_OPT_KEEPALIVE_IDLE_S:
        c->keepalive_idle_s = (uint16_t)clamp(value, 1, UINT16_MAX);
        la_tcp_keepalive_start(c, todo->now);
        return LA_OK;
    case LA_OPT_KEEPALIVE_INTERVAL_S:
        c->keepalive_interval_s = (uint16_t)clamp(value, 1, UINT16_MAX);
        return LA_OK;
    case LA_OPT_KEEPALIVE_PROBES_N:
        c->keepalive_probes_n = (uint8_t)clamp(value, 1, UINT8_MAX);
        return LA_OK;
    case LA_OPT_SNDBUF_BYTES:
        c->sndbuf_bytes = clamp(value, todo->env->cfg->sndbuf.bytes_min, LA_BUFFER_BYTES_MAX) &
                          LA_TCP_BUFFER_MASK;
        c->sndbuf_tuned = false;
        return LA_OK;
    case LA_OPT_RCVBUF_BYTES:
        c->rcvbuf_bytes = clamp(value, todo->env->cfg->rcvbuf.bytes_min, LA_BUFFER_BYTES_MAX) &
                          LA_TCP_BUFFER_MASK;
        c->rcvbuf_tuned = false;
        return LA_OK;
    case LA_OPT_USER_TIMEOUT_MS:
        la_tcp_uto_set(c, clamp(value, 0, UINT32_MAX));
        return LA_OK;
    case LA_OPT_R2_N:
        c->r2_n = (uint8_t)clamp(value, 0, UINT8_MAX);
        return LA_OK;
    case LA_OPT_R2_SYN_N:
        c->r2_syn_n = (uint8_t)clamp(value, 0, UINT8_MAX);
        return LA_OK;
    case LA_OPT_TTL_HOPS:
        if (value < 1 || value > 255)
            return LA_ERR_BAD_ARGUMENT;
        c->ttl_hops = (uint8_t)value;
        return LA_OK;
    case LA_OPT_DSCP_ECN:
        /* TCP sets the ECN field itself. */
        c->dscp_ecn = (uint8_t)clamp(value, 0, UINT8_MAX) & (uint8_t)~LA_IP_ECN_MASK;
        return LA_OK;
    case LA_OPT_MSS_MAX:
        if (value < 88 || value > UINT16_MAX)
            return LA_ERR_BAD_ARGUMENT;
        if (value < c->smss)
            c->smss = (uint16_t)value;
        if (value < c->rmss)
            c->rmss = (uint16_t)value;
        return LA_OK;
    case LA_OPT_CONGESTION:
        if (!la_cc_exists(value))
            return LA_ERR_BAD_ARGUMENT;
        la_cc_switch(c, la_tcp_busy(c, todo->env), (uint8_t)value);
        return LA_OK;
    case LA_OPT_PACING_RATE_MAX:
        if (value < 0)
            return LA_ERR_BAD_ARGUMENT;
        la_tcp_pace_bound_set(c, (uint64_t)value);
        if (la_tcp_busy(c, todo->env) != NULL)
            la_tcp_pace_begin(c, la_tcp_busy(c, todo->env), todo->now);
        return LA_OK;
    case LA_OPT_NOTSENT_LOWAT_BYTES:
        return la_tcp_set_lowat(c, clamp(value, 0, UINT32_MAX), todo);
    case LA_OPT_NAGLE:
    case LA_OPT_KEEPALIVE:
    case LA_OPT_CORK:
    case LA_OPT_QUICK_ACK:
    case LA_OPT_RELEASE_RESETS:
    case LA_OPT_COUNT:
        break;
    }
    return LA_ERR_NO_SUCH_OPTION;
}

la_err
la_conn_option_set(struct la_stack *s, la_handle conn, enum la_conn_option opt, int64_t value,
                   la_instant now)
{
    now = la_stack_clock(s, now);
    uint32_t idx = la_rec_owned(s, conn);
    if (idx == LA_REC_NONE)
        return LA_ERR_BAD_HANDLE;
    struct la_tcp_conn *c = &la_rec_at(s, idx)->tcp;
    struct la_tcp_todo todo = la_stack_todo(s, now);
    enum la_tcp_flag flag = flag_of(opt);
    la_err err =
        flag != 0 ? set_flag(c, flag, value != 0, &todo) : set_value_option(c, opt, value, &todo);
    if (c->state != LA_TCP_CLOSED)
        la_rec_settle(s, idx, &todo);
    return err;
}

la_err
la_conn_option_get(const struct la_stack *s, la_handle conn, enum la_conn_option opt, int64_t *out)
{
    struct la_rec room;
    const struct la_rec *rec = look_up(s, conn, &room);
    if (rec == NULL)
        return LA_ERR_BAD_HANDLE;
    const struct la_tcp_conn *c = &rec->tcp;
    const struct la_tcp_busy *busy = la_tcp_busy(c, &s->env);
    if ((unsigned)opt >= LA_OPT_COUNT)
        return LA_ERR_NO_SUCH_OPTION;
    const int64_t values[LA_OPT_COUNT] = {
        [LA_OPT_KEEPALIVE_IDLE_S] = c->keepalive_idle_s,
        [LA_OPT_KEEPALIVE_INTERVAL_S] = c->keepalive_interval_s,
        [LA_OPT_KEEPALIVE_PROBES_N] = c->keepalive_probes_n,
        [LA_OPT_SNDBUF_BYTES] = c->sndbuf_bytes,
        [LA_OPT_RCVBUF_BYTES] = c->rcvbuf_bytes,
        [LA_OPT_USER_TIMEOUT_MS] = c->user_timeout_ms,
        [LA_OPT_R2_N] = c->r2_n,
        [LA_OPT_R2_SYN_N] = c->r2_syn_n,
        [LA_OPT_TTL_HOPS] = c->ttl_hops,
        [LA_OPT_DSCP_ECN] = c->dscp_ecn,
        [LA_OPT_MSS_MAX] = c->smss,
        [LA_OPT_CONGESTION] = c->cc,
        [LA_OPT_PACING_RATE_MAX] = (int64_t)la_tcp_pace_bound(c),
        [LA_OPT_NOTSENT_LOWAT_BYTES] = busy == NULL ? 0 : busy->lowat_bytes,
    };
    enum la_tcp_flag flag = flag_of(opt);
    *out = flag != 0 ? (c->flags & flag) != 0 : values[opt];
    return LA_OK;
}
