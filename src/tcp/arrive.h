/* SPDX-License-Identifier: MIT
 *
 * arrive.h - SEGMENT ARRIVES (RFC 9293 3.10.7.3, 3.10.7.4)
 */
#ifndef LA_TCP_ARRIVE_H
#define LA_TCP_ARRIVE_H

#include "tcp/conn.h"
#include "wire/tcp.h"

/*
 * la_tcp_arrive - one segment for a connection that is neither CLOSED nor LISTEN
 *
 *   seg         its header, judged; the checksum was right
 *   todo->text  its octets; what the connection keeps is taken out
 *
 * Afterwards todo says what must follow; todo->reason why it was dropped or remarked upon. Segments
 * are not sent from here: la_tcp_output() does that once for a whole burst (MUST-58, MUST-59).
 */
void la_tcp_arrive(struct la_tcp_conn *c, const struct la_tcp_seg *seg, struct la_tcp_todo *todo);

#endif
