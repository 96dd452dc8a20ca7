/* SPDX-License-Identifier: MIT
 *
 * rtt.c - round-trip time and the retransmission timeout
 *
 * Read first: RFC 6298 2, 5; RFC 7323 4, 5.4; RFC 8985 6.2 step 1 (the shortest round trip).
 *
 * DEVIATION(D4): RTO is not less than rto_us_min, by default 200 ms where RFC 6298 2.4 says 1 s.
 */
#include "tcp/rtt.h"

#include "base/extremes.h"

enum { CALM_PARTS = 32 };             /* of the way up, where the round trip has become shorter */
enum { CLOCK_GRANULARITY_US = 1000 }; /* G: the timer wheel fires within a tick of 66 us */

static uint32_t
clamp(uint64_t rto_us, const struct la_tcp_cfg *cfg)
{
    if (rto_us < cfg->rto_us_min)
        return cfg->rto_us_min;
    return rto_us > cfg->rto_us_max ? cfg->rto_us_max : (uint32_t)rto_us;
}

/* RFC 8985 6.2 step 1: of a window of time, so that it follows a path that has become longer: the
 * half that goes on and the one before. Over a pause that is as long nothing is kept. */
static void
keep_shortest(struct la_tcp_conn *c, struct la_tcp_busy *busy, uint32_t sample_us, uint32_t now_ms)
{
    if (busy == NULL) {
        c->rtt_us_min = min32(c->rtt_us_min, sample_us);
        return;
    }
    if (busy->rtt_half_us == 0)
        busy->rtt_half_ms = now_ms;
    if (busy->rtt_old)
        c->rtt_us_min = sample_us;
    else if (now_ms - busy->rtt_half_ms >= LA_TCP_RTT_HALF_WINDOW_MS) {
        c->rtt_us_min = busy->rtt_half_us;
        busy->rtt_half_us = 0;
        busy->rtt_half_ms = now_ms;
    }
    busy->rtt_old = false;
    busy->rtt_half_us = busy->rtt_half_us == 0 ? sample_us : min32(busy->rtt_half_us, sample_us);
    c->rtt_us_min = min32(c->rtt_us_min, sample_us);
}

/* What RTO adds to SRTT, with rto_follows_peaks: the largest of 4 * RTTVAR in a window of data,
 * from which it falls by a quarter in each that stays below, and never below rto_us_min. */
static uint64_t
peak(const struct la_tcp_conn *c, struct la_tcp_busy *busy, const struct la_tcp_cfg *cfg)
{
    uint32_t now = max32(cfg->rto_us_min, min32(c->rttvar_us, UINT32_MAX / 4) * 4);
    if (busy == NULL)
        return now;
    struct la_tcp_peak *p = &busy->peak;
    p->round_us = max32(p->round_us, now);
    p->us = max32(p->us, p->round_us);
    if (!la_seq_gt(c->snd_una, p->round_end))
        return p->us;
    p->us -= (p->us - p->round_us) / 4;
    p->round_end = c->snd_nxt;
    p->round_us = cfg->rto_us_min;
    return p->us;
}

/* SRTT and RTTVAR stand: what follows from them. */
static void
settle(struct la_tcp_conn *c, uint32_t sample_us, struct la_tcp_todo *todo)
{
    const struct la_tcp_cfg *cfg = todo->env->cfg;
    struct la_tcp_busy *busy = la_tcp_busy(c, todo->env);
    keep_shortest(c, busy, sample_us, la_tcp_ms(todo->now));
    uint64_t spread = 4 * (uint64_t)c->rttvar_us;
    if (cfg->rto_follows_peaks)
        spread = peak(c, busy, cfg);
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
        bool calms = c->srtt_us > sample_us && err > c->rttvar_us;
        if (calms && todo->env->cfg->rto_follows_peaks) /* what comes sooner is no reason to wait */
            c->rttvar_us += (err - c->rttvar_us) / CALM_PARTS;
        else
            c->rttvar_us = (uint32_t)((3 * (uint64_t)c->rttvar_us + err) / 4);
        c->srtt_us = (uint32_t)((7 * (uint64_t)c->srtt_us + sample_us) / 8);
    }
    settle(c, sample_us, todo);
}

void
la_tcp_rtt_adapt(struct la_tcp_conn *c, uint32_t srtt_us, uint32_t rttvar_us, uint32_t sample_us,
                 struct la_tcp_todo *todo)
{
    if (sample_us == 0)
        sample_us = 1;
    c->srtt_us = max32(srtt_us + 2u * CLOCK_GRANULARITY_US, sample_us);
    c->rttvar_us = max32(rttvar_us, sample_us / 2);
    settle(c, sample_us, todo);
}

uint32_t
la_tcp_rto_backed_off(const struct la_tcp_conn *c, const struct la_tcp_env *env, unsigned n)
{
    uint32_t linear_n = c->state == LA_TCP_SYN_SENT ? env->cfg->syn_linear_n : 0; /* D26 */
    n = n > linear_n ? n - linear_n : 0;
    return clamp((uint64_t)c->rto_us << (n > 16 ? 16 : n), env->cfg);
}
