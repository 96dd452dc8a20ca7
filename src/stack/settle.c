/* SPDX-License-Identifier: MIT
 *
 * settle.c - what follows when something has happened to a record: answers, events, timers, its end
 *
 * Read first: RFC 8201 5.2 (what is known of a path); RFC 3168 5 (a RST is never ECN-capable).
 */
#include "base/assert.h"
#include "base/time.h"
#include "stack/fast_open.h"
#include "stack/time_wait.h"
#include "tcp/mtu.h"
#include "tcp/out.h"
#include "tcp/segment.h"

enum { IP_PROTOCOL_TCP = 6, STARVED_RETRY_US = 10000 };

struct la_tcp_todo
la_stack_todo(struct la_stack *s, la_instant now)
{
    return (struct la_tcp_todo){.env = &s->env, .now = now};
}

la_instant
la_stack_clock(struct la_stack *s, la_instant now)
{
    s->now = la_instant_max(s->now, now);
    return s->now;
}

void
la_stack_drop(struct la_stack *s, enum la_reason reason)
{
    s->stats.reason[reason]++;
}

void
la_stack_send_rst(struct la_stack *s, const struct la_tuple *tuple, const struct la_rec *rec,
                  struct la_tcp_todo *todo)
{
    todo->rst = false;
    s->about_local = tuple->local;
    s->about_remote = tuple->remote;
    const struct la_tcp_conn *c = rec == NULL ? NULL : &rec->tcp;
    struct la_frame *f = la_tcp_rst_frame(c, tuple->local.port, tuple->remote.port, todo);
    if (f == NULL)
        return;
    struct la_net_out out = {
        .src = tuple->local.addr,
        .dst = tuple->remote.addr,
        .protocol = IP_PROTOCOL_TCP,
        .ttl_hops = c == NULL ? s->cfg.tcp.ttl_hops : c->ttl_hops,
        .dscp_ecn = c == NULL ? 0 : c->dscp_ecn,
        .dont_fragment = true,
    };
    la_err err = la_net_output(s->net, f, &out, todo->now);
    (void)err; /* a RST that cannot be sent is as good as one that was lost */
}

void
la_rec_tell(struct la_stack *s, uint32_t idx, uint32_t ready)
{
    struct la_rec *rec = la_rec_at(s, idx);
    if ((rec->flags & (LA_REC_OWNED | LA_REC_REQUEST)) == 0)
        return;
    rec->ready |= (uint8_t)ready;
    if (!la_rec_on_list(rec, LA_LIST_EVENTS))
        la_list_push(s, &s->events, LA_LIST_EVENTS, idx);
}

void
la_stack_tell_call(struct la_stack *s, uint32_t idx, enum la_call call, uint64_t octets)
{
    if (!la_tcp_hears(&s->env, LA_EVENT_CALL))
        return;
    struct la_event ev = {.at = s->now, .kind = LA_EVENT_CALL};
    ev.u.call.call = (uint8_t)call;
    ev.u.call.octets = octets;
    s->env.emit(s, &la_rec_at(s, idx)->tcp, &ev);
}

static bool
is_over(const struct la_rec *rec)
{
    /* Apart: gcc makes one load of both tests, of what has just been stored in parts, and a
     * processor waits until that is in its cache. */
    if (rec->tcp.state != LA_TCP_LISTEN)
        return rec->tcp.state == LA_TCP_CLOSED;
    return (rec->tcp.flags & LA_TCP_F_HELD) == 0;
}

static void
count_state(struct la_stack *s, uint32_t idx, struct la_rec *rec)
{
    if (rec->counted == rec->tcp.state)
        return;
    if ((rec->flags & LA_REC_FAST_OPEN) != 0 && rec->tcp.state != LA_TCP_SYN_RECEIVED &&
        rec->counted == LA_TCP_SYN_RECEIVED)
        la_fast_open_left(s, rec);
    s->state_n[rec->counted]--;
    rec->counted = rec->tcp.state;
    s->state_n[rec->counted]++;
    if (rec->counted == LA_TCP_TIME_WAIT && rec->queue == LA_QUEUE_NONE) {
        rec->queue = LA_QUEUE_TIME_WAIT;
        la_list_push(s, &s->time_wait, LA_LIST_QUEUE, idx);
    } else if (rec->counted != LA_TCP_TIME_WAIT && rec->queue == LA_QUEUE_TIME_WAIT) {
        la_list_remove(s, &s->time_wait, LA_LIST_QUEUE, idx);
        rec->queue = LA_QUEUE_NONE;
    }
}

/* A connection that is over keeps its record while a handle, or the accept queue, holds it. */
static void
settle_over(struct la_stack *s, uint32_t idx)
{
    struct la_rec *rec = la_rec_at(s, idx);
    la_wheel_disarm(&s->wheel, idx);
    la_rec_unindex(s, idx);
    if (rec->tcp.fast_open == LA_TCP_FAST_OPEN_ASKS && rec->tcp.err == LA_ERR_TIMED_OUT)
        la_fast_open_unanswered(s, rec);
    if (la_rec_on_list(rec, LA_LIST_OUTPUT))
        la_list_remove(s, &s->output, LA_LIST_OUTPUT, idx);
    bool held =
        (rec->flags & (LA_REC_OWNED | LA_REC_REQUEST)) != 0 || rec->queue == LA_QUEUE_ACCEPT;
    if (!held)
        la_rec_free(s, idx);
}

static void
doubt(struct la_stack *s, const struct la_rec *rec)
{
    struct la_addr remote = la_rec_remote(rec);
    la_net_doubt(s->net, &remote);
}

void
la_rec_answer(struct la_stack *s, const struct la_rec *rec, struct la_tcp_todo *todo)
{
    if (todo->rst) {
        struct la_tuple tuple = la_rec_tuple(rec);
        la_stack_send_rst(s, &tuple, rec, todo);
    }
    if (todo->doubt_path)
        doubt(s, rec);
}

/* A connection begins with what routers have said about its path to others (RFC 8201 5.2). */
static void
know_path(struct la_stack *s, struct la_rec *rec, struct la_tcp_todo *todo)
{
    struct la_addr remote = la_rec_remote(rec);
    uint32_t mtu_bytes = la_net_path_mtu(s->net, &remote, todo->now);
    if (mtu_bytes != 0)
        la_tcp_mtu_known(&rec->tcp, mtu_bytes, rec->ipv6 != 0, todo);
}

void
la_rec_settle(struct la_stack *s, uint32_t idx, struct la_tcp_todo *todo)
{
    struct la_rec *rec = la_rec_at(s, idx);
    if (todo->established)
        know_path(s, rec, todo);
    la_rec_answer(s, rec, todo);
    count_state(s, idx, rec);
    if (todo->wake != 0)
        la_rec_tell(s, idx, todo->wake);
    if (is_over(rec)) {
        settle_over(s, idx);
        return;
    }
    LA_DCHECK((la_tcp_conn_check(&rec->tcp, &s->env), true));
    la_instant deadline = la_tcp_deadline(&rec->tcp, &s->env, todo->now);
    if (todo->starved) /* then it comes here again, and goes to the list below */
        deadline = la_instant_min(deadline, la_instant_add_us(todo->now, STARVED_RETRY_US));
    else if (la_tcp_has_output(&rec->tcp) && !la_rec_on_list(rec, LA_LIST_OUTPUT))
        la_list_push(s, &s->output, LA_LIST_OUTPUT, idx);
    if (!la_instant_is_never(deadline))
        la_wheel_arm_lazy(&s->wheel, idx, deadline);
    if (rec->tcp.state == LA_TCP_TIME_WAIT) {
        (void)la_time_wait_fold(s, idx);
        la_time_waits_bound(s, idx);
    }
}
