/* SPDX-License-Identifier: MIT
 *
 * tcp_info.h - TCP_INFO as Linux writes it
 */
#ifndef LA_HOST_TCP_INFO_H
#define LA_HOST_TCP_INFO_H

#include <lastack/stack.h>

struct la_psock;
struct tcp_info;

/* Of one connection, over what `out` holds. */
void la_tcp_info_of(const struct la_conn_status *status, la_instant now, struct tcp_info *out);
/* Of a socket of the program, whatever state it is in. */
void la_tcp_info_fill(const struct la_psock *ps, struct tcp_info *out);

#endif
