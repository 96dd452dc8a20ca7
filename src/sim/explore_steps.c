/* SPDX-License-Identifier: MIT
 *
 * explore_steps.c - which steps there are, and which a network without faults would take
 *
 * Read first: RFC 9293 3.9.1 (the calls).
 */
#include "sim/explore_world.h"

#include "base/assert.h"
#include "base/time.h"
#include "tcp/user.h"

/* ---- what may happen -------------------------------------------------------------------- */

bool
la_world_may_read(const struct la_world_ctx *ctx, unsigned e)
{
    const struct la_world_end *end = &ctx->world->end[e];
    if (!end->live || end->app.released || end->app.saw_end)
        return false;
    return la_tcp_readable(&end->conn, &end->env) >= 0;
}

bool
la_world_is_quiet(const struct la_world *w)
{
    return w->net[0].n == 0 && w->net[1].n == 0;
}

static bool
may_open(const struct la_world_ctx *ctx, unsigned e)
{
    const struct la_world_end *end = &ctx->world->end[e];
    return !end->live && !end->opened && (e == 0 || ctx->cfg->open == LA_EXPLORE_SIMULTANEOUS);
}

static bool
may_send(const struct la_world_ctx *ctx, unsigned e)
{
    const struct la_world_end *end = &ctx->world->end[e];
    return end->live && !end->app.released && end->app.sent_n < ctx->cfg->octets[e] &&
           la_tcp_send_state(&end->conn) == LA_OK;
}

struct steps {
    struct la_step *at;
    unsigned n;
};

static void
add(struct steps *steps, enum la_step_kind kind, unsigned end, unsigned idx)
{
    LA_ASSERT(steps->n < LA_WORLD_STEPS_MAX);
    steps->at[steps->n++] = (struct la_step){(uint8_t)kind, (uint8_t)end, (uint8_t)idx};
}

static void
add_calls(const struct la_world_ctx *ctx, unsigned e, struct steps *steps)
{
    const struct la_world *w = ctx->world;
    const struct la_world_end *end = &w->end[e];
    if (may_open(ctx, e))
        add(steps, LA_STEP_OPEN, e, 0);
    if (may_send(ctx, e))
        add(steps, LA_STEP_SEND, e, 0);
    if (la_world_may_read(ctx, e))
        add(steps, LA_STEP_READ, e, 0);
    if (!end->live || end->app.released)
        return;
    if (ctx->cfg->closes && !end->app.closed)
        add(steps, LA_STEP_CLOSE, e, 0);
    if (ctx->cfg->closes)
        add(steps, LA_STEP_RELEASE, e, 0);
    if (w->aborts_n > 0)
        add(steps, LA_STEP_ABORT, e, 0);
    if (w->crashes_n > 0)
        add(steps, LA_STEP_CRASH, e, 0);
}

unsigned
la_world_steps(const struct la_world_ctx *ctx, struct la_step *at)
{
    const struct la_world *w = ctx->world;
    struct steps steps = {at, 0};
    for (unsigned e = 0; e < 2; e++) {
        add_calls(ctx, e, &steps);
        for (unsigned i = 0; i < w->net[e].n; i++) {
            add(&steps, LA_STEP_DELIVER, e, i);
            if (w->lost_n > 0)
                add(&steps, LA_STEP_LOSE, e, i);
            if (w->doubled_n > 0 && w->net[e].n < LA_WORLD_NET_N)
                add(&steps, LA_STEP_DOUBLE, e, i);
            if (w->marked_n > 0 && w->net[e].at[i].ecn == LA_IP_ECT_0)
                add(&steps, LA_STEP_MARK, e, i);
        }
        if (w->end[e].live && !la_instant_is_never(la_world_ack_at(&w->end[e])))
            add(&steps, LA_STEP_ACK_TIMER, e, 0);
        bool timer = w->end[e].live && w->end[e].conn.timer != LA_TCP_TIMER_NONE;
        if (timer && (la_world_is_quiet(w) || w->early_n > 0))
            add(&steps, LA_STEP_TIMER, e, 0);
    }
    return steps.n;
}

/* ---- the fair way to the end ------------------------------------------------------------ */

static bool
fair_call(const struct la_world_ctx *ctx, unsigned e, struct la_step *step)
{
    const struct la_world_end *end = &ctx->world->end[e];
    enum la_step_kind kind;
    if (may_open(ctx, e))
        kind = LA_STEP_OPEN;
    else if (may_send(ctx, e))
        kind = LA_STEP_SEND;
    else if (la_world_may_read(ctx, e))
        kind = LA_STEP_READ;
    else if (end->live && !end->app.closed && la_tcp_is_synchronised(&end->conn))
        kind = LA_STEP_CLOSE;
    else if (end->live && !end->app.released && end->app.saw_end)
        kind = LA_STEP_RELEASE;
    else
        return false;
    *step = (struct la_step){(uint8_t)kind, (uint8_t)e, 0};
    return true;
}

/* The timer that is due first, each end by its own clock. */
static bool
fair_timer(const struct la_world_ctx *ctx, struct la_step *step)
{
    int64_t best = INT64_MAX;
    for (unsigned e = 0; e < 2; e++) {
        const struct la_world_end *end = &ctx->world->end[e];
        if (!end->live)
            continue;
        la_instant at = la_tcp_deadline(&end->conn, &end->env, end->now);
        if (la_instant_is_never(at))
            continue;
        int64_t left_ns = at.ns - end->now.ns;
        if (left_ns >= best)
            continue;
        best = left_ns;
        bool ack = la_instant_lt(la_world_ack_at(end), end->conn.timer_at);
        *step = (struct la_step){(uint8_t)(ack ? LA_STEP_ACK_TIMER : LA_STEP_TIMER), (uint8_t)e, 0};
    }
    return best != INT64_MAX;
}

/* Where an end has gone without the other one's knowledge, an application that only waits waits for
 * ever (RFC 9293 3.5.1): at last it gives its handle up. */
static bool
fair_release(const struct la_world_ctx *ctx, struct la_step *step)
{
    const struct la_world_end *end = ctx->world->end;
    for (unsigned e = 0; e < 2; e++) {
        bool waits = end[e].live && !end[e].app.released;
        if (waits && (end[0].disturbed || end[1].disturbed)) {
            *step = (struct la_step){LA_STEP_RELEASE, (uint8_t)e, 0};
            return true;
        }
    }
    return false;
}

bool
la_world_fair_step(const struct la_world_ctx *ctx, struct la_step *step)
{
    if (fair_call(ctx, 0, step) || fair_call(ctx, 1, step))
        return true;
    for (unsigned e = 0; e < 2; e++) {
        if (ctx->world->net[e].n > 0) {
            *step = (struct la_step){LA_STEP_DELIVER, (uint8_t)e, 0};
            return true;
        }
    }
    return fair_timer(ctx, step) || fair_release(ctx, step);
}

/* ---- telling ---------------------------------------------------------------------------- */

static void
tell_segment(FILE *out, const struct la_world_seg *s, unsigned to)
{
    static const char letter[] = "FSRPAUECN";
    char flags[LA_TCP_FLAGS_N + 1];
    unsigned n = 0;
    for (unsigned i = 0; i < LA_TCP_FLAGS_N; i++) {
        if ((s->seg.flags & 1u << i) != 0)
            flags[n++] = letter[i];
    }
    flags[n] = '\0';
    int32_t seq = (int32_t)(s->seg.seq.v - la_world_first_iss(1 - to));
    int32_t ack = (int32_t)(s->seg.ack.v - la_world_first_iss(to));
    (void)fprintf(out, " %s seq %d+%u ack %d win %u%s", flags, seq, s->seg.text_bytes, ack,
                  s->seg.wnd, s->ecn == LA_IP_CE ? " CE" : "");
}

void
la_world_tell_step(FILE *out, const struct la_world *world, struct la_step step)
{
    static const char *const names[] = {"OPEN",
                                        "SEND",
                                        "RECEIVE",
                                        "CLOSE",
                                        "release",
                                        "ABORT",
                                        "crashes",
                                        "takes",
                                        "misses",
                                        "is sent twice",
                                        "will get with a mark",
                                        "timer expires",
                                        "delayed ACK is due"};
    (void)fprintf(out, "  %c %-18s", step.end == 0 ? 'A' : 'B', names[step.kind]);
    bool segment = step.kind == LA_STEP_DELIVER || step.kind == LA_STEP_LOSE ||
                   step.kind == LA_STEP_DOUBLE || step.kind == LA_STEP_MARK;
    if (segment)
        tell_segment(out, &world->net[step.end].at[step.idx], step.end);
    for (unsigned e = 0; e < 2; e++)
        (void)fprintf(
            out, "%s%c %s", e == 0 ? "   [" : ", ", e == 0 ? 'A' : 'B',
            world->end[e].live
                ? la_tcp_state_name((enum la_tcp_state)world->end[e].conn.state, LA_NAMES_RFC)
                : "-");
    (void)fputs("]\n", out);
}
