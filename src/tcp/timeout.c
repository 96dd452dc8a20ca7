/* SPDX-License-Identifier: MIT
 *
 * timeout.c - when a timer expires
 *
 * Read first: RFC 9293 3.8.1 (retransmission), 3.8.3 (R1, R2), 3.8.4 (keep-alive), 3.8.6.1 (probing
 * a zero window), 3.10.8; RFC 6298 5.
 */
#include "tcp/timeout.h"

#include "base/assert.h"
#include "tcp/acknowledge.h"
#include "tcp/advice.h"
#include "tcp/ecn.h"
#include "tcp/rate.h"
#include "tcp/recovery.h"
#include "tcp/rtt.h"
#include "tcp/tlp.h"

static void
tell_timer(const struct la_tcp_conn *c, enum la_timer_kind kind, unsigned backoff_n,
           uint32_t after_us, uint32_t next_us, struct la_tcp_todo *todo)
{
    if (!la_tcp_hears(todo->env, LA_EVENT_TIMER))
        return;
    struct la_event ev = {.at = todo->now, .kind = LA_EVENT_TIMER};
    ev.u.timer.timer = (uint8_t)kind;
    ev.u.timer.backoff_n = (uint8_t)(backoff_n > UINT8_MAX ? UINT8_MAX : backoff_n);
    ev.u.timer.after_us = after_us;
    ev.u.timer.next_us = next_us;
    todo->env->emit(todo->env->ctx, c, &ev);
}

void
la_tcp_time_wait_start(struct la_tcp_conn *c, struct la_tcp_todo *todo)
{
    LA_ASSERT(c->state == LA_TCP_TIME_WAIT);
    int64_t us = 2 * (int64_t)todo->env->cfg->msl_ms * LA_US_PER_MS;
    la_tcp_ecn_forget(c, todo->env);
    la_tcp_timer_set(c, LA_TIMER_TIME_WAIT, la_instant_add_us(todo->now, us));
}

void
la_tcp_fin_wait_2_start(struct la_tcp_conn *c, struct la_tcp_todo *todo)
{
    if (c->state != LA_TCP_FIN_WAIT_2 || (c->flags & LA_TCP_F_RELEASED) == 0)
        return;
    int64_t us = (int64_t)todo->env->cfg->fin_wait_2_ms * LA_US_PER_MS;
    la_tcp_timer_set(c, LA_TIMER_FIN_WAIT_2, la_instant_add_us(todo->now, us));
}

/* The first millisecond that is as far ahead. */
static void
look_later(struct la_tcp_conn *c, la_instant now, int64_t after_us)
{
    la_instant at = la_instant_add_us(now, after_us + LA_US_PER_MS);
    c->keepalive_ms = la_tcp_ms(la_instant_add_ns(at, -1));
}

void
la_tcp_keepalive_start(struct la_tcp_conn *c, la_instant now)
{
    c->keepalive_sent_n = 0;
    look_later(c, now, c->keepalive_idle_s * LA_US_PER_S);
}

/* ---- retransmission and persist --------------------------------------------------------- */

static bool
is_syn_state(const struct la_tcp_conn *c)
{
    return c->state == LA_TCP_SYN_SENT || c->state == LA_TCP_SYN_RECEIVED ||
           c->state == LA_TCP_SYN_RECEIVED_ACTIVE;
}

/* For how long there may be no progress; 0: for ever. The local user timeout (RFC 9293 3.10.8
 * first), or what the instance grants a peer that keeps its window shut (RFC 6429 4). */
static uint32_t
patience_ms(const struct la_tcp_conn *c, const struct la_tcp_env *env)
{
    uint32_t shut_ms = env->cfg->zero_window_ms;
    if (c->timer != LA_TIMER_PERSIST || c->snd_wnd != 0 || shut_ms == 0)
        return c->user_timeout_ms;
    return c->user_timeout_ms != 0 && c->user_timeout_ms < shut_ms ? c->user_timeout_ms : shut_ms;
}

static bool
patience_over(const struct la_tcp_busy *busy, uint32_t ms, la_instant now)
{
    return ms != 0 && busy != NULL &&
           la_instant_diff_us(now, busy->progress_at) >= (int64_t)ms * LA_US_PER_MS;
}

static void
end_by_user_timeout(struct la_tcp_conn *c, uint32_t ms, struct la_tcp_todo *todo)
{
    uint64_t after_us = ms * UINT64_C(1000);
    tell_timer(c, LA_TIMER_USER, 1, after_us > UINT32_MAX ? UINT32_MAX : (uint32_t)after_us, 0,
               todo);
    la_tcp_end(c, LA_TCP_EV_TIMEOUT_USER, LA_ERR_TIMED_OUT, todo);
}

enum { R2_UNOWNED_N = 15 };

/* R2 of 3.8.3. A peer that has answered the latest probe but offers no window is not given up
 * (MUST-37, SHLD-17), as long as somebody owns the connection: 3.8.6.1 leaves the resources of the
 * others to us. */
static bool
r2_reached(const struct la_tcp_conn *c, uint32_t after_us)
{
    uint32_t r2_n = is_syn_state(c) ? c->r2_syn_n : c->r2_n;
    if (r2_n == 0 && (c->flags & LA_TCP_F_RELEASED) != 0)
        r2_n = R2_UNOWNED_N; /* "never" was said by an owner who has gone */
    if (r2_n == 0 || c->backoff_n < r2_n)
        return false;
    if (c->uto_on && c->user_timeout_ms != 0 && la_tcp_is_synchronised(c))
        return false; /* RFC 5482 3: what both ends have agreed to wait takes its place */
    bool answered = la_tcp_heard_since(c, la_instant_add_us(c->timer_at, -(int64_t)after_us));
    return c->snd_wnd != 0 || !answered || (c->flags & LA_TCP_F_RELEASED) != 0;
}

static la_instant
next_expiry(const struct la_tcp_busy *busy, uint32_t patience, uint32_t next_us, la_instant now)
{
    la_instant at = la_instant_add_us(now, next_us);
    if (patience == 0 || busy == NULL)
        return at;
    la_instant end = la_instant_add_us(busy->progress_at, (int64_t)patience * LA_US_PER_MS);
    return la_instant_min(at, la_instant_max(end, now));
}

static void
reach_r1(struct la_tcp_conn *c, struct la_tcp_todo *todo)
{
    if (c->backoff_n < todo->env->cfg->r1_n || (c->flags & LA_TCP_F_R1_REACHED) != 0)
        return;
    c->flags |= LA_TCP_F_R1_REACHED; /* SHLD-9: tell the application before R2 */
    todo->doubt_path = true;         /* 3.8.3 (b): and the IP layer */
    la_tcp_advise(c, LA_ERR_TIMED_OUT, todo);
}

static void
retransmission_timeout(struct la_tcp_conn *c, struct la_tcp_todo *todo)
{
    struct la_tcp_env *env = todo->env;
    struct la_tcp_busy *busy = la_tcp_busy(c, env);
    uint32_t after_us = la_tcp_rto_backed_off(c, env, c->backoff_n);
    if (la_tcp_ecn_rest_over(c, busy)) {
        la_tcp_timer_stop(c);
        return;
    }
    uint32_t patience = patience_ms(c, env);
    if (patience_over(busy, patience, todo->now)) {
        end_by_user_timeout(c, patience, todo);
        return;
    }
    if (r2_reached(c, after_us)) {
        tell_timer(c, LA_TIMER_RETRANSMIT, c->backoff_n + 1u, after_us, 0, todo);
        la_tcp_end(c, LA_TCP_EV_TIMEOUT_R2, LA_ERR_TIMED_OUT, todo);
        return;
    }
    uint32_t next_us = la_tcp_rto_backed_off(c, env, c->backoff_n + 1u);
    tell_timer(c, LA_TIMER_RETRANSMIT, c->backoff_n + 1u, after_us, next_us, todo);
    if (busy != NULL)
        busy->cause = LA_CAUSE_RETRANSMIT_RTO;
    if (is_syn_state(c))
        c->want |= LA_TCP_WANT_SYN;
    else if (busy != NULL)
        la_tcp_timed_out(c, busy, todo);
    if (c->backoff_n < UINT8_MAX)
        c->backoff_n++;
    reach_r1(c, todo);
    la_tcp_timer_set(c, LA_TIMER_RETRANSMIT, next_expiry(busy, patience, next_us, todo->now));
}

static void
persist_timeout(struct la_tcp_conn *c, struct la_tcp_todo *todo)
{
    struct la_tcp_env *env = todo->env;
    const struct la_tcp_busy *busy = la_tcp_busy(c, env);
    uint32_t after_us = la_tcp_rto_backed_off(c, env, c->backoff_n);
    uint32_t patience = patience_ms(c, env);
    if (patience_over(busy, patience, todo->now)) {
        end_by_user_timeout(c, patience, todo);
        return;
    }
    if (r2_reached(c, after_us)) {
        la_tcp_end(c, LA_TCP_EV_TIMEOUT_R2, LA_ERR_TIMED_OUT, todo);
        return;
    }
    c->want |= LA_TCP_WANT_WINDOW_PROBE;
    if (c->backoff_n < UINT8_MAX)
        c->backoff_n++;
    uint32_t next_us = la_tcp_rto_backed_off(c, env, c->backoff_n); /* SHLD-30: exponentially */
    tell_timer(c, LA_TIMER_PERSIST, c->backoff_n, after_us, next_us, todo);
    la_tcp_timer_set(c, LA_TIMER_PERSIST, next_expiry(busy, patience, next_us, todo->now));
}

/* ---- the others ------------------------------------------------------------------------- */

static void
keepalive_timeout(struct la_tcp_conn *c, struct la_tcp_todo *todo)
{
    int64_t idle_us = (int64_t)(la_tcp_ms(todo->now) - c->heard_ms) * LA_US_PER_MS;
    int64_t idle_limit_us = c->keepalive_idle_s * LA_US_PER_S;
    /* MUST-26: only when nothing is outstanding and nothing was heard. */
    if (la_tcp_flight(c) > 0 || (c->keepalive_sent_n == 0 && idle_us < idle_limit_us)) {
        int64_t gone_us = la_tcp_flight(c) > 0 ? 0 : idle_us;
        look_later(c, todo->now, idle_limit_us - gone_us);
        return;
    }
    if (c->keepalive_sent_n >= c->keepalive_probes_n) { /* MUST-29: never after one alone */
        todo->rst = true;
        todo->rst_flags = LA_TCP_RST | LA_TCP_ACK;
        todo->rst_cause = LA_CAUSE_RST_TIMEOUT;
        todo->rst_seq = c->snd_nxt;
        todo->rst_ack = c->rcv_nxt;
        la_tcp_end(c, LA_TCP_EV_TIMEOUT_KEEPALIVE, LA_ERR_TIMED_OUT, todo);
        return;
    }
    c->keepalive_sent_n++;
    c->want |= LA_TCP_WANT_KEEPALIVE;
    look_later(c, todo->now, c->keepalive_interval_s * LA_US_PER_S);
    tell_timer(c, LA_TIMER_KEEPALIVE, c->keepalive_sent_n, (uint32_t)(idle_us & UINT32_MAX),
               (uint32_t)(c->keepalive_interval_s * LA_US_PER_S), todo);
}

static void
main_timeout(struct la_tcp_conn *c, struct la_tcp_todo *todo)
{
    switch (c->timer) {
    case LA_TIMER_RETRANSMIT:
        retransmission_timeout(c, todo);
        break;
    case LA_TIMER_REORDER:
        tell_timer(c, LA_TIMER_REORDER, 1, 0, 0, todo);
        la_tcp_reordering_over(c, la_tcp_busy(c, todo->env), todo);
        break;
    case LA_TIMER_PROBE:
        tell_timer(c, LA_TIMER_PROBE, 1, 0, 0, todo);
        la_tcp_tlp_expired(c, la_tcp_busy(c, todo->env), todo);
        break;
    case LA_TIMER_PERSIST:
        persist_timeout(c, todo);
        break;
    case LA_TIMER_FIN_WAIT_2:
        tell_timer(c, LA_TIMER_FIN_WAIT_2, 1, todo->env->cfg->fin_wait_2_ms * 1000u, 0, todo);
        la_tcp_end(c, LA_TCP_EV_TIMEOUT_FIN_WAIT_2, LA_OK, todo);
        break;
    case LA_TIMER_TIME_WAIT:
        tell_timer(c, LA_TIMER_TIME_WAIT, 1, 2 * todo->env->cfg->msl_ms * 1000u, 0, todo);
        la_tcp_end(c, LA_TCP_EV_TIMEOUT_2MSL, LA_OK, todo);
        break;
    default:
        LA_ASSERT(false);
    }
}

/* Text that waited for its release time may leave. */
static void
release(struct la_tcp_conn *c, struct la_tcp_busy *busy, la_instant now)
{
    if (busy == NULL)
        return;
    la_tcp_rate_look(c, busy);
    if ((c->want & LA_TCP_WANT_RELEASE) == 0 || la_instant_lt(now, busy->pace.release_at))
        return;
    c->want = (uint8_t)((c->want & ~LA_TCP_WANT_RELEASE) | LA_TCP_WANT_DATA);
}

void
la_tcp_timeout(struct la_tcp_conn *c, struct la_tcp_todo *todo)
{
    struct la_tcp_busy *busy = la_tcp_busy(c, todo->env);
    release(c, busy, todo->now);
    if (la_instant_le(la_tcp_ack_at(busy), todo->now)) {
        busy->owed.at = LA_INSTANT_NEVER;
        tell_timer(c, LA_TIMER_DELAYED_ACK, 1, todo->env->cfg->delayed_ack_us, 0, todo);
        la_tcp_ack_now(c, LA_CAUSE_ACK_DELAYED);
    }
    if (la_instant_le(la_tcp_keepalive_at(c, todo->now), todo->now))
        keepalive_timeout(c, todo);
    if (c->state != LA_TCP_CLOSED && la_instant_le(c->timer_at, todo->now))
        main_timeout(c, todo);
}
