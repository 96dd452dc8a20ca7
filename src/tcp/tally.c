/* SPDX-License-Identifier: MIT
 *
 * tally.c - what a connection counts that not every one has to
 */
#include "tcp/tally.h"

#include <string.h>

static struct la_pool *
pool_of(const struct la_tcp_conn *c, struct la_tcp_env *env)
{
    return (c->flags & LA_TCP_F_ACCECN) != 0 ? &env->accecns : &env->tallies;
}

/* NULL: no memory. */
static struct la_tcp_tally *
make(struct la_tcp_conn *c, struct la_tcp_env *env)
{
    /* RFC 9768 3.2.1: not 0, which is what a middlebox would make of them. */
    static const struct la_tcp_marks first = {.cep = LA_TCP_CEP_FIRST, .e0b = 1, .e1b = 1};
    struct la_pool *pool = pool_of(c, env);
    uint32_t idx = la_pool_take(pool);
    if (idx == LA_POOL_NONE)
        return NULL;
    c->tally_idx = idx;
    struct la_tcp_tally *tally = la_pool_at(pool, idx);
    memset(tally, 0, pool->item_bytes);
    struct la_tcp_accecn *accecn = la_tcp_accecn(c, env);
    if (accecn != NULL) {
        accecn->r = accecn->s = first;
        accecn->told = first;
        accecn->told_cep = first.cep;
    }
    return tally;
}

struct la_tcp_tally *
la_tcp_tally(struct la_tcp_conn *c, struct la_tcp_env *env)
{
    if (c->tally_idx != LA_POOL_NONE)
        return la_pool_at(pool_of(c, env), c->tally_idx); /* of la_tcp_accecn the first member */
    struct la_tcp_tally *tally = make(c, env);
    return tally != NULL ? tally : &env->lost_tally;
}

const struct la_tcp_tally *
la_tcp_tally_of(const struct la_tcp_conn *c, const struct la_tcp_env *env)
{
    static const struct la_tcp_tally none;
    if (c->tally_idx == LA_POOL_NONE)
        return &none;
    const struct la_tcp_accecn *accecn = la_tcp_accecn(c, env);
    return accecn != NULL ? &accecn->tally : la_pool_at(&env->tallies, c->tally_idx);
}

void
la_tcp_tally_give(struct la_tcp_conn *c, struct la_tcp_env *env)
{
    if (c->tally_idx == LA_POOL_NONE)
        return;
    la_pool_give(pool_of(c, env), c->tally_idx);
    c->tally_idx = LA_POOL_NONE;
}

struct la_tcp_accecn *
la_tcp_accecn_get(struct la_tcp_conn *c, struct la_tcp_env *env)
{
    if (c->tally_idx == LA_POOL_NONE && make(c, env) == NULL)
        return NULL;
    return la_tcp_accecn(c, env);
}

void
la_tcp_tally_narrow(struct la_tcp_conn *c, struct la_tcp_env *env)
{
    static const struct la_tcp_tally none;
    if ((c->flags & LA_TCP_F_ACCECN) == 0)
        return;
    struct la_tcp_tally kept = *la_tcp_tally_of(c, env);
    la_tcp_tally_give(c, env);
    c->flags &= ~(LA_TCP_F_ACCECN | LA_TCP_F_SYN_MARK);
    if (memcmp(&kept, &none, sizeof(kept)) != 0)
        *la_tcp_tally(c, env) = kept;
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
