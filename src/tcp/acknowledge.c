/* SPDX-License-Identifier: MIT
 *
 * acknowledge.c - at once, later, or as a challenge
 *
 * Read first: RFC 9293 3.8.6.3; RFC 5681 4.2; RFC 5961 7.
 */
#include "tcp/acknowledge.h"

enum { STRAY_ACKS_PER_S = 10 };

void
la_tcp_ack_now(struct la_tcp_conn *c, enum la_cause cause)
{
    if ((c->want & LA_TCP_WANT_ACK) == 0)
        c->ack_cause = (unsigned)cause & LA_TCP_ACK_CAUSE_MASK;
    c->want |= LA_TCP_WANT_ACK;
}

void
la_tcp_ack_out_of_order(struct la_tcp_conn *c, struct la_tcp_busy *busy)
{
    if (busy->owed.duplicates_n < UINT8_MAX)
        busy->owed.duplicates_n++;
    la_tcp_ack_now(c, LA_CAUSE_ACK_DUPLICATE);
}

void
la_tcp_ack_in_order(struct la_tcp_busy *busy)
{
    busy->owed.duplicates_n = 0;
}

/* Linux's way: text is acknowledged at once until it is answered by text, and a FIN, but for one
 * alone behind text, for which the application's own is waited. */
static bool
is_urgent(const struct la_tcp_conn *c, const struct la_tcp_busy *busy, const struct la_tcp_env *env,
          uint32_t waiting)
{
    bool fin = (c->flags & LA_TCP_F_FIN_RECEIVED) != 0;
    if (!env->cfg->ack_replies_later)
        return false;
    if (fin && waiting == 1 && c->state == LA_TCP_ESTABLISHED)
        return !busy->heard_text || c->fast_opened != 0;
    return fin || !busy->replies;
}

void
la_tcp_ack_later(struct la_tcp_conn *c, struct la_tcp_busy *busy, const struct la_tcp_env *env,
                 la_instant now)
{
    struct la_tcp_owed *owed = &busy->owed;
    uint32_t waiting = (uint32_t)la_seq_diff(c->rcv_nxt, owed->acked);
    bool second = !la_instant_is_never(owed->at) || (c->flags & LA_TCP_F_FIN_RECEIVED) != 0;
    if (waiting >= 2u * c->rcv_mss || is_urgent(c, busy, env, waiting) ||
        env->cfg->delayed_ack_us == 0 || (env->cfg->ack_every_second && second) ||
        (c->flags & LA_TCP_F_QUICK_ACK) != 0)
        la_tcp_ack_now(c, LA_CAUSE_ACK);
    else if (la_instant_is_never(owed->at))
        owed->at = la_instant_add_us(now, env->cfg->delayed_ack_us);
}

void
la_tcp_ack_replied(struct la_tcp_busy *busy, const struct la_tcp_todo *todo)
{
    int64_t after_us = la_instant_diff_us(todo->now, busy->text_at);
    busy->replies |=
        after_us == 0 || (busy->heard_text && after_us < (int64_t)todo->env->cfg->delayed_ack_us);
}

/* At once, but not more often than so many times in a second. */
static void
ack_limited(struct la_tcp_conn *c, enum la_cause cause, struct la_tcp_todo *todo)
{
    uint8_t second = la_tcp_challenge_second(todo->now);
    if ((c->challenges & ~LA_TCP_CHALLENGES_MASK) != second)
        c->challenges = second;
    if (la_tcp_challenges(c) >= STRAY_ACKS_PER_S) {
        todo->reason = LA_REASON_CHALLENGE_ACK_LIMITED;
        return;
    }
    c->challenges++;
    la_tcp_ack_now(c, cause);
}

void
la_tcp_ack_challenge(struct la_tcp_conn *c, struct la_tcp_todo *todo)
{
    ack_limited(c, LA_CAUSE_ACK_CHALLENGE, todo);
}

void
la_tcp_ack_unacceptable(struct la_tcp_conn *c, const struct la_tcp_seg *seg,
                        struct la_tcp_todo *todo)
{
    bool syn = (seg->flags & LA_TCP_SYN) != 0;
    if (syn && la_tcp_is_synchronised(c))
        la_tcp_ack_challenge(c, todo);
    else if (syn || seg->len == 0)
        ack_limited(c, LA_CAUSE_ACK_DUPLICATE, todo);
    else
        la_tcp_ack_now(c, LA_CAUSE_ACK_DUPLICATE);
}

void
la_tcp_ack_sent(struct la_tcp_conn *c, struct la_tcp_busy *busy, bool bare)
{
    c->want &= (uint8_t)~LA_TCP_WANT_ACK;
    if (busy == NULL)
        return;
    struct la_tcp_owed *owed = &busy->owed;
    owed->at = LA_INSTANT_NEVER;
    owed->acked = c->rcv_nxt;
    if (bare && owed->duplicates_n > 0)
        owed->duplicates_n--;
    if (owed->duplicates_n > 0 || busy->dsack_bytes > 0) /* the number has just been said */
        la_tcp_ack_now(c, LA_CAUSE_ACK_DUPLICATE);
}
