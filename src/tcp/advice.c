/* SPDX-License-Identifier: MIT
 *
 * advice.c - soft errors, and the ICMP messages that most of them come from
 *
 * Read first: RFC 9293 3.9.2.2, RFC 5927. Deviation: D9.
 */
#include "tcp/advice.h"

void
la_tcp_advise(struct la_tcp_conn *c, la_err err, struct la_tcp_todo *todo)
{
    c->err_soft = (int8_t)err; /* MUST-56: advice; SHLD-25: the application can ask */
    if (!la_tcp_hears(todo->env, LA_EVENT_ERROR))
        return;
    struct la_event ev = {.at = todo->now, .kind = LA_EVENT_ERROR};
    ev.u.error.err = err;
    ev.u.error.soft = true;
    todo->env->emit(todo->env->ctx, c, &ev);
}

void
la_tcp_icmp_error(struct la_tcp_conn *c, la_seq seq, la_err err, bool hard,
                  struct la_tcp_todo *todo)
{
    /* RFC 5927 4.1: only about what is in flight. */
    if (c->state == LA_TCP_CLOSED || c->state == LA_TCP_LISTEN || la_seq_lt(seq, c->snd_una) ||
        la_seq_ge(seq, c->snd_nxt)) {
        todo->reason = LA_REASON_ICMP_UNMATCHED;
        return;
    }
    /* DEVIATION(D9): SHLD-26 asks for the end in every state; RFC 5927 5.2 tells why not. */
    if (hard && !la_tcp_is_synchronised(c)) {
        todo->env->stats->tcp_attempt_fails++;
        la_tcp_end(c, LA_TCP_EV_ICMP_HARD_ERROR, err, todo);
        return;
    }
    la_tcp_advise(c, err, todo);
}
