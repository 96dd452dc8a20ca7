/* SPDX-License-Identifier: MIT
 *
 * pace.c - when the next quantum may leave
 *
 * Read first: draft-ietf-ccwg-bbr-06 5.6.2 (pacing rate), 5.6.3 (send quantum).
 */
#include "tcp/pace.h"

#include "base/extremes.h"
#include "base/time.h"
#include "tcp/congestion.h"
#include "tcp/send.h"

enum { QUANTUM_BYTES_MAX = 65536, QUANTA_PER_S = 1000 };
/* A round trip of so many units of 512 us halves what a burst gets beyond its rate as often. */
enum { QUANTA_OF_BURST_PER_S = 1024, NEAR_UNIT_US = 512, NEAR_UNITS_N = 17 };
enum { BURST_GAP_US = 1000 };
/* As Linux does where it paces Reno and CUBIC: in slow start twice as fast as the window says,
 * since it doubles in a round trip; later a fifth faster, for it may be larger by then. Percent. */
enum { SLOW_START_GAIN = 200, AVOIDANCE_GAIN = 120 };
enum { BOUND_BITS = 10, BOUND_MASK = (1 << BOUND_BITS) - 1 };

/* Of a control that has no rate of its own. */
static uint64_t
window_rate(const struct la_tcp_conn *c, const struct la_tcp_busy *busy)
{
    if (c->srtt_us == 0)
        return 0; /* nothing is known about the path: the initial window leaves at once */
    bool doubles = busy->phase == LA_CC_SLOW_START && c->cwnd_bytes < c->ssthresh_bytes / 2;
    uint64_t gain = doubles ? SLOW_START_GAIN : AVOIDANCE_GAIN;
    uint64_t rate = gain * c->cwnd_bytes * (LA_US_PER_S / 100) / c->srtt_us;
    return rate == 0 ? 1 : rate;
}

/* ---- the bound: ten bits, shifted by what six bits say ----------------------------------------
 */

uint64_t
la_tcp_pace_bound(const struct la_tcp_conn *c)
{
    return (uint64_t)(c->pace_bound & BOUND_MASK) << (c->pace_bound >> BOUND_BITS);
}

void
la_tcp_pace_bound_set(struct la_tcp_conn *c, uint64_t rate)
{
    uint32_t shift = 0;
    if (rate > INT64_MAX) /* what LA_OPT_PACING_RATE_MAX can say */
        rate = INT64_MAX;
    while (rate >> shift > BOUND_MASK)
        shift++;
    c->pace_bound = (uint16_t)(shift << BOUND_BITS | (uint32_t)(rate >> shift));
}

void
la_tcp_pace_begin(struct la_tcp_conn *c, struct la_tcp_busy *busy, la_instant now)
{
    busy->pace = (struct la_tcp_pace){.release_at = now};
    c->want = (uint8_t)((c->want & ~LA_TCP_WANT_RELEASE) | LA_TCP_WANT_DATA);
}

/* ---- the rate -------------------------------------------------------------------------------- */

uint64_t
la_tcp_pacing_rate(const struct la_tcp_conn *c, const struct la_tcp_busy *busy,
                   const struct la_tcp_env *env)
{
    const struct la_cc_ops *ops = la_cc_ops(c->cc);
    uint64_t rate = 0, bound = la_tcp_pace_bound(c);
    if (ops->pacing_rate != NULL)
        rate = ops->pacing_rate(c, busy);
    else if (env->cfg->pacing || bound != 0)
        rate = window_rate(c, busy);
    return bound != 0 && (rate == 0 || rate > bound) ? bound : rate;
}

uint32_t
la_tcp_pacing_quantum(const struct la_tcp_conn *c, uint64_t rate)
{
    uint64_t quantum = rate / QUANTA_PER_S;
    if (quantum > QUANTUM_BYTES_MAX)
        return QUANTUM_BYTES_MAX;
    return quantum < 2u * c->smss ? 2u * c->smss : (uint32_t)quantum;
}

/* As Linux cuts: what the window sends in 1/1024 s, and as much more as a path is short. There,
 * too, the rate counts whether or not anything is paced by it. In segments. */
static uint32_t
burst_n(const struct la_tcp_conn *c, const struct la_tcp_busy *busy, const struct la_tcp_env *env)
{
    uint64_t rate = window_rate(c, busy), bytes = rate / QUANTA_OF_BURST_PER_S;
    uint32_t near = c->rtt_us_min / NEAR_UNIT_US;
    if (rate == 0 || bytes > QUANTUM_BYTES_MAX)
        bytes = QUANTUM_BYTES_MAX;
    if (near < NEAR_UNITS_N)
        bytes += QUANTUM_BYTES_MAX >> near;
    uint32_t n = (uint32_t)(bytes / c->smss);
    return n < env->cfg->burst_n_min ? env->cfg->burst_n_min : n;
}

uint32_t
la_tcp_burst_bytes(const struct la_tcp_conn *c, const struct la_tcp_busy *busy,
                   const struct la_tcp_env *env)
{
    uint32_t n = burst_n(c, busy, env), half = c->cwnd_bytes / 2 / c->smss;
    if (n > half)
        n = half;
    return (n == 0 ? 1 : n) * c->smss;
}

/* Linux's rule (tcp_tso_win_divisor): text that is cut now leaves in small pieces for ever after.
 */
bool
la_tcp_burst_waits(const struct la_tcp_conn *c, const struct la_tcp_busy *busy,
                   const struct la_tcp_todo *todo, bool *full)
{
    const struct la_tcp_scoreboard *board = &busy->board;
    uint32_t part = todo->env->cfg->burst_window_part, unsent = la_tcp_unsent(c, busy);
    *full = false;
    if (part == 0 || busy->phase == LA_CC_RECOVERY || busy->phase == LA_CC_LOSS ||
        board->row.n == 0)
        return false;
    la_instant last_at = la_tcp_scoreboard_at(board, board->row.n - 1u)->sent_at;
    la_instant first_at = la_tcp_scoreboard_at(board, 0)->sent_at;
    if (la_instant_diff_us(todo->now, last_at) > BURST_GAP_US)
        return false;
    uint32_t piece = (uint32_t)la_seq_diff(la_tcp_pieces_limit(c, busy, c->snd_nxt), c->snd_nxt);
    uint32_t room = la_tcp_room(c, busy);
    uint32_t window = min32(c->snd_wnd, c->cwnd_bytes);
    if (piece <= c->smss || room >= burst_n(c, busy, todo->env) * c->smss ||
        (piece < unsent && room >= piece) || room >= window / part)
        return false;
    int64_t due_us = (int64_t)c->srtt_us - la_instant_diff_us(todo->now, first_at);
    if (due_us > (int64_t)min32(c->srtt_us / 2, BURST_GAP_US))
        return false; /* the acknowledgement is far */
    *full = la_tcp_flight(c) + room < c->snd_wnd;
    return room <= piece || (c->flags & LA_TCP_F_CLOSE_CALLED) == 0;
}

static int64_t
ns_for(uint32_t n, uint64_t rate)
{
    uint64_t ns = (uint64_t)n * LA_NS_PER_S / rate;
    return (int64_t)ns;
}

uint32_t
la_tcp_pace_room(const struct la_tcp_conn *c, struct la_tcp_busy *busy,
                 const struct la_tcp_todo *todo)
{
    uint64_t rate = la_tcp_pacing_rate(c, busy, todo->env);
    if (rate == 0)
        return UINT32_MAX;
    struct la_tcp_pace *pace = &busy->pace;
    uint32_t quantum = la_tcp_pacing_quantum(c, rate);
    la_instant earliest = la_instant_of_ns(todo->now.ns - ns_for(quantum, rate) / 2);
    bool over = pace->left_bytes == 0 ? la_instant_le(pace->release_at, todo->now)
                                      : la_instant_lt(pace->release_at, earliest);
    if (over) { /* a new one; only what has waited for its time has come late */
        la_instant from = pace->waits ? earliest : todo->now;
        pace->left_bytes = quantum;
        pace->release_at = la_instant_max(pace->release_at, from);
        pace->waits = false;
    }
    if (pace->left_bytes == 0)
        return 0;
    return pace->left_bytes > c->smss ? pace->left_bytes : c->smss;
}

void
la_tcp_pace_sent(const struct la_tcp_conn *c, struct la_tcp_busy *busy, uint32_t n,
                 const struct la_tcp_todo *todo)
{
    uint64_t rate = la_tcp_pacing_rate(c, busy, todo->env);
    if (rate == 0)
        return;
    struct la_tcp_pace *pace = &busy->pace;
    pace->left_bytes -= min32(n, pace->left_bytes);
    pace->release_at = la_instant_of_ns(pace->release_at.ns + ns_for(n, rate));
}
