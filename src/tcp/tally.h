/* SPDX-License-Identifier: MIT
 *
 * tally.h - what a connection counts that not every one has to
 *
 * Most connections lose nothing and move less than 4 GiB: what counts that lies in a record of its
 * own, made when there is something to count. Without memory for it, that goes uncounted until
 * there is; a statistic is no reason to refuse a segment.
 */
#ifndef LA_TCP_TALLY_H
#define LA_TCP_TALLY_H

#include "tcp/conn.h"

/* To count in: never NULL, and good until the next call. */
struct la_tcp_tally *la_tcp_tally(struct la_tcp_conn *c, struct la_tcp_env *env);
/* To read: zeros when nothing was counted. */
const struct la_tcp_tally *la_tcp_tally_of(const struct la_tcp_conn *c,
                                           const struct la_tcp_env *env);
void la_tcp_tally_give(struct la_tcp_conn *c, struct la_tcp_env *env);

/* Where LA_TCP_F_ACCECN is set: the longer record, whose first part is the tally. NULL: it is not
 * set, or there is no record. Made when there is none; NULL: no memory. */
enum { LA_TCP_CEP_FIRST = 5 };
static inline struct la_tcp_accecn *
la_tcp_accecn(const struct la_tcp_conn *c, const struct la_tcp_env *env)
{
    return (c->flags & LA_TCP_F_ACCECN) != 0 && c->tally_idx != LA_POOL_NONE
               ? la_pool_at(&env->accecns, c->tally_idx)
               : NULL;
}
struct la_tcp_accecn *la_tcp_accecn_get(struct la_tcp_conn *c, struct la_tcp_env *env);
/* Accurate ECN is over, or did not begin: the flag goes, what else was counted stays. */
void la_tcp_tally_narrow(struct la_tcp_conn *c, struct la_tcp_env *env);

/* Octets of text that were acknowledged, and that were received in order. */
uint64_t la_tcp_bytes_acked(const struct la_tcp_conn *c, const struct la_tcp_env *env);
uint64_t la_tcp_bytes_received(const struct la_tcp_conn *c, const struct la_tcp_env *env);

#endif
