/* SPDX-License-Identifier: MIT
 *
 * advice.h - soft errors: what is said of a connection and does not end it (RFC 1122 4.2.3.9)
 */
#ifndef LA_TCP_ADVICE_H
#define LA_TCP_ADVICE_H

#include "tcp/conn.h"

/* The application can ask for it (SHLD-25), and the trace hears. */
void la_tcp_advise(struct la_tcp_conn *c, la_err err, struct la_tcp_todo *todo);

/* An ICMP error that quotes a segment of this connection (RFC 9293 3.9.2.2, RFC 5927 4): `hard`
 * ends it before it is synchronised; otherwise it is advice. `seq`: the quoted SEG.SEQ. */
void la_tcp_icmp_error(struct la_tcp_conn *c, la_seq seq, la_err err, bool hard,
                       struct la_tcp_todo *todo);

#endif
