/* SPDX-License-Identifier: MIT
 *
 * tally.c - what a connection counts that not every one has to
 */
#include "tcp/tally.h"

struct la_tcp_tally *
la_tcp_tally(struct la_tcp_conn *c, struct la_tcp_env *env)
{
    if (c->tally_idx != LA_POOL_NONE)
        return la_pool_at(&env->tallies, c->tally_idx);
    uint32_t idx = la_pool_take(&env->tallies);
    if (idx == LA_POOL_NONE)
        return &env->lost_tally;
    struct la_tcp_tally *tally = la_pool_at(&env->tallies, idx);
    *tally = (struct la_tcp_tally){0};
    c->tally_idx = idx;
    return tally;
}

const struct la_tcp_tally *
la_tcp_tally_of(const struct la_tcp_conn *c, const struct la_tcp_env *env)
{
    static const struct la_tcp_tally none;
    return c->tally_idx == LA_POOL_NONE ? &none : la_pool_at(&env->tallies, c->tally_idx);
}

void
la_tcp_tally_give(struct la_tcp_conn *c, struct la_tcp_env *env)
{
    if (c->tally_idx == LA_POOL_NONE)
        return;
    la_pool_give(&env->tallies, c->tally_idx);
    c->tally_idx = LA_POOL_NONE;
}

uint64_t
la_tcp_bytes_acked(const struct la_tcp_conn *c, const struct la_tcp_env *env)
{
    return (uint64_t)la_tcp_tally_of(c, env)->acked_wraps_n << 32 | la_tcp_acked_low(c);
}

uint64_t
la_tcp_bytes_received(const struct la_tcp_conn *c, const struct la_tcp_env *env)
{
    return (uint64_t)la_tcp_tally_of(c, env)->received_wraps_n << 32 | la_tcp_received_low(c);
}
