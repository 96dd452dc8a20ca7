/* SPDX-License-Identifier: MIT
 *
 * usage.c - was cwnd used?
 *
 * Read first: RFC 7661 4.1.
 */
#include "tcp/usage.h"

#include "tcp/again.h"

void
la_tcp_usage_sent(const struct la_tcp_conn *c, struct la_tcp_busy *busy, bool full)
{
    struct la_tcp_usage *usage = &busy->usage;
    uint32_t flight = la_tcp_flight(c);
    full |= la_tcp_pipe(c, busy) + c->smss > c->cwnd_bytes;
    if (la_seq_lt(c->snd_una, usage->end) && !full && (usage->full || flight <= usage->most_bytes))
        return;
    *usage = (struct la_tcp_usage){c->snd_nxt, flight, full};
}

uint32_t
la_tcp_usage_news(const struct la_tcp_conn *c, uint32_t n, uint32_t duplicates_n)
{
    uint32_t told = duplicates_n * c->smss, least = n < c->smss ? n : c->smss;
    return n > told + least ? n - told : least;
}

bool
la_tcp_usage_is_full(const struct la_tcp_conn *c, const struct la_tcp_busy *busy,
                     const struct la_tcp_env *env)
{
    const struct la_tcp_usage *usage = &busy->usage;
    if (!env->cfg->usage_by_window)
        return la_tcp_pipe(c, busy) * 2 >= c->cwnd_bytes;
    bool doubles = c->cwnd_bytes < c->ssthresh_bytes && c->cwnd_bytes / 2 < usage->most_bytes;
    return usage->full || doubles;
}
