/* SPDX-License-Identifier: MIT
 *
 * urgent.c - urgent data, both ways: SND.UP and RCV.UP
 *
 * Read first: RFC 9293 3.8.5, 3.10.2, 3.10.3, 3.10.7.4 sixth; RFC 6093 (what other stacks do, and
 * why new applications should do without).
 *
 * Nothing of the stream is taken out of it: the pointer marks a place. It means the octet behind
 * the urgent data (MUST-62). Linux sends and reads it so, too, unless its sysctl tcp_stdurg is set,
 * which makes it mean the last urgent octet, as RFC 1122 4.2.2.4 had it.
 *
 * What a peer can do with it: a pointer is at most 65,535 octets ahead of a number inside the
 * window, so RCV.UP is never far enough to be taken for a number that lies behind. One that is not
 * ahead of what was read says nothing. One for which no octets ever come keeps la_tcp_busy in
 * place, as an octet out of order does.
 */
#include "tcp/urgent.h"

#include "base/assert.h"

/* ---- sending ---------------------------------------------------------------------------- */

void
la_tcp_urgent_queued(struct la_tcp_conn *c, struct la_tcp_env *env)
{
    struct la_tcp_busy *busy = la_tcp_busy(c, env);
    LA_ASSERT(busy != NULL && busy->sndq.len > 0);
    busy->snd_up = la_seq_add(la_tcp_sndq_seq(c), busy->sndq.len);
    c->flags |= LA_TCP_F_URGENT_OUT;
}

bool
la_tcp_urgent_unsent(const struct la_tcp_conn *c, const struct la_tcp_busy *busy)
{
    return (c->flags & LA_TCP_F_URGENT_OUT) != 0 && la_seq_gt(busy->snd_up, c->snd_nxt);
}

/* "The absence of this flag indicates that there is no urgent data outstanding" (3.8.5): every
 * segment before SND.UP has it, also one sent again, one without text, and a window probe. Where
 * SND.UP is further away than 16 bits can say, the pointer goes as far as it can and advances with
 * the segments: a sequence of urgent data has any length (MUST-31). */
void
la_tcp_urgent_mark(const struct la_tcp_conn *c, const struct la_tcp_busy *busy,
                   struct la_tcp_seg *seg)
{
    if ((c->flags & LA_TCP_F_URGENT_OUT) == 0 || (seg->flags & LA_TCP_SYN) != 0 ||
        !la_seq_gt(busy->snd_up, seg->seq))
        return;
    uint32_t ahead = (uint32_t)la_seq_diff(busy->snd_up, seg->seq);
    seg->flags |= LA_TCP_URG;
    seg->up = (uint16_t)(ahead > UINT16_MAX ? UINT16_MAX : ahead);
}

void
la_tcp_urgent_acked(struct la_tcp_conn *c, const struct la_tcp_busy *busy)
{
    if ((c->flags & LA_TCP_F_URGENT_OUT) != 0 && la_seq_ge(c->snd_una, busy->snd_up))
        c->flags &= ~(uint32_t)LA_TCP_F_URGENT_OUT;
}

/* ---- receiving -------------------------------------------------------------------------- */

/* The number of the first octet that the application has not read. */
static la_seq
first_unread(const struct la_tcp_conn *c, const struct la_tcp_busy *busy)
{
    uint32_t fin = (c->flags & LA_TCP_F_FIN_RECEIVED) != 0;
    return la_seq_sub(c->rcv_nxt, fin + (busy == NULL ? 0 : busy->rcvq.len));
}

static void
tell_urgent(const struct la_tcp_conn *c, const struct la_tcp_busy *busy, struct la_tcp_todo *todo)
{
    if (!la_tcp_hears(todo->env, LA_EVENT_URGENT))
        return;
    struct la_event ev = {.at = todo->now, .kind = LA_EVENT_URGENT, .segment_id = todo->segment_id};
    ev.u.urgent.pointer = busy->rcv_up.v;
    ev.u.urgent.unread_bytes = la_tcp_urgent_unread(c, busy);
    todo->env->emit(todo->env->ctx, c, &ev);
}

/* "RCV.UP <- max(RCV.UP,SEG.UP)". The application is told when urgent data appears and when the
 * pointer advances (MUST-32), not when the same pointer comes again. */
void
la_tcp_urgent_arrived(struct la_tcp_conn *c, const struct la_tcp_seg *seg, struct la_tcp_todo *todo)
{
    if ((c->flags & (LA_TCP_F_READ_CLOSED | LA_TCP_F_RELEASED)) != 0)
        return; /* nobody to tell */
    struct la_tcp_busy *busy = la_tcp_busy(c, todo->env);
    la_seq seg_up = la_seq_add(seg->seq, seg->up);
    bool pending = (c->flags & LA_TCP_F_URGENT_IN) != 0;
    if (!la_seq_gt(seg_up, pending ? busy->rcv_up : first_unread(c, busy)))
        return;
    busy = la_tcp_busy_get(c, todo->env, todo->now);
    if (busy == NULL) { /* the peer's next segment before SND.UP says it again */
        todo->reason = LA_REASON_NO_MEMORY;
        return;
    }
    busy->rcv_up = seg_up;
    c->flags |= LA_TCP_F_URGENT_IN;
    todo->wake |= LA_READY_URGENT;
    tell_urgent(c, busy, todo);
}

uint32_t
la_tcp_urgent_unread(const struct la_tcp_conn *c, const struct la_tcp_busy *busy)
{
    if ((c->flags & LA_TCP_F_URGENT_IN) == 0)
        return 0;
    return (uint32_t)la_seq_diff(busy->rcv_up, first_unread(c, busy));
}

void
la_tcp_urgent_settle(struct la_tcp_conn *c, struct la_tcp_busy *busy)
{
    if ((c->flags & LA_TCP_F_URGENT_IN) == 0)
        return;
    if ((c->flags & LA_TCP_F_FIN_RECEIVED) != 0)
        busy->rcv_up = la_seq_min(busy->rcv_up, la_seq_sub(c->rcv_nxt, 1));
    if (la_seq_le(busy->rcv_up, first_unread(c, busy)))
        c->flags &= ~(uint32_t)LA_TCP_F_URGENT_IN;
}
