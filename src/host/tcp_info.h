/* SPDX-License-Identifier: MIT
 *
 * tcp_info.h - TCP_INFO as Linux writes it
 */
#ifndef LA_HOST_TCP_INFO_H
#define LA_HOST_TCP_INFO_H

struct la_psock;
struct tcp_info;

void la_tcp_info_fill(const struct la_psock *ps, struct tcp_info *out);

#endif
