/* SPDX-License-Identifier: MIT
 *
 * arrive_ack.h - SEGMENT ARRIVES, fifth: check the ACK field (RFC 9293 3.10.7.4)
 *
 * With what a step says and may leave behind.
 */
#ifndef LA_TCP_ARRIVE_ACK_H
#define LA_TCP_ARRIVE_ACK_H

#include "tcp/conn.h"
#include "wire/tcp.h"

/* Does the next step follow? */
enum la_tcp_step { LA_TCP_NEXT, LA_TCP_DONE };

/* The segment is dropped, for that reason. */
static inline enum la_tcp_step
la_tcp_drop(struct la_tcp_todo *todo, enum la_reason reason)
{
    todo->reason = reason;
    return LA_TCP_DONE;
}

/* It is answered with a RST without ACK. */
static inline void
la_tcp_answer_rst(struct la_tcp_todo *todo, la_seq seq, enum la_cause cause)
{
    todo->rst = true;
    todo->rst_flags = LA_TCP_RST;
    todo->rst_cause = (uint8_t)cause;
    todo->rst_seq = seq;
    todo->rst_ack = la_seq_of(0);
}

enum la_tcp_step la_tcp_arrive_ack(struct la_tcp_conn *c, const struct la_tcp_seg *seg,
                                   struct la_tcp_todo *todo);

#endif
