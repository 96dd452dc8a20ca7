/* SPDX-License-Identifier: MIT
 *
 * rtt.c - round-trip time and the retransmission timeout
 *
 * Read first: RFC 6298 2, 5; RFC 7323 4, 5.4.
 *
 * DEVIATION(D4): RTO is not less than rto_us_min, by default 200 ms where RFC 6298 2.4 says 1 s.
 */
#include "tcp/rtt.h"

enum { CLOCK_GRANULARITY_US = 1000 }; /* G: the timer wheel fires within a tick of 66 us */

static uint32_t
clamp(uint64_t rto_us, const struct la_tcp_cfg *cfg)
{
    if (rto_us < cfg->rto_us_min)
        return cfg->rto_us_min;
    return rto_us > cfg->rto_us_max ? cfg->rto_us_max : (uint32_t)rto_us;
}

void
la_tcp_rtt_sample(struct la_tcp_conn *c, uint32_t sample_us, struct la_tcp_todo *todo)
{
    if (sample_us == 0)
        sample_us = 1;
    if (c->srtt_us == 0) { /* 2.2 */
        c->srtt_us = sample_us;
        c->rttvar_us = sample_us / 2;
    } else { /* 2.3: beta 1/4, alpha 1/8; RTTVAR first */
        uint32_t err = c->srtt_us > sample_us ? c->srtt_us - sample_us : sample_us - c->srtt_us;
        c->rttvar_us = (uint32_t)((3 * (uint64_t)c->rttvar_us + err) / 4);
        c->srtt_us = (uint32_t)((7 * (uint64_t)c->srtt_us + sample_us) / 8);
    }
    if (sample_us < c->rtt_us_min)
        c->rtt_us_min = sample_us;
    uint64_t spread = 4 * (uint64_t)c->rttvar_us;
    if (spread < CLOCK_GRANULARITY_US)
        spread = CLOCK_GRANULARITY_US;
    c->rto_us = clamp(c->srtt_us + spread, todo->env->cfg);
    c->backoff_n = 0;
    if (!la_tcp_hears(todo->env, LA_EVENT_RTT))
        return;
    struct la_event ev = {.at = todo->now, .kind = LA_EVENT_RTT, .segment_id = todo->segment_id};
    ev.u.rtt.sample_us = sample_us;
    ev.u.rtt.srtt_us = c->srtt_us;
    ev.u.rtt.rttvar_us = c->rttvar_us;
    ev.u.rtt.rto_us = c->rto_us;
    todo->env->emit(todo->env->ctx, c, &ev);
}

uint32_t
la_tcp_rto_backed_off(const struct la_tcp_conn *c, const struct la_tcp_env *env, unsigned n)
{
    return clamp((uint64_t)c->rto_us << (n > 16 ? 16 : n), env->cfg);
}
