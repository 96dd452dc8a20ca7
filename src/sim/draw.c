/* SPDX-License-Identifier: MIT
 *
 * draw.c - a plan from a seed
 *
 * Most runs have few faults, so that what they do to each other stays visible; some have many. What
 * is rare in the world is not rare here.
 */
#include <lastack/stack.h>

#include "base/rng.h"
#include "sim/plan.h"
#include "tcp/congestion.h"

enum { HEAL_MS_MAX = 40000, PORTS = 3, PORT_FIRST = 40000 };

struct drawing {
    struct la_sim_plan *plan;
    struct la_rng rng;
    int32_t heal_ms;
    uint8_t shape, conns_n;
};

static int32_t
below(struct drawing *d, int32_t n)
{
    return (int32_t)la_rng_below(&d->rng, (uint64_t)n);
}

static bool
chance(struct drawing *d, int32_t percent)
{
    return below(d, 100) < percent;
}

/* Each order of magnitude is as likely as the next. */
static int32_t
spread(struct drawing *d, int32_t min, int32_t max)
{
    int32_t top = min;
    while (top < max && chance(d, 75))
        top = top < max / 2 ? top * 2 : max;
    return min + below(d, top - min + 1);
}

static void
add(struct drawing *d, enum la_sim_step_kind kind, const int32_t a[LA_SIM_ARGS])
{
    struct la_sim_plan *plan = d->plan;
    if (plan->n == LA_SIM_STEPS_MAX)
        return;
    struct la_sim_step *step = &plan->step[plan->n];
    *step = (struct la_sim_step){.kind = (uint8_t)kind, .id = (uint8_t)plan->n};
    for (unsigned i = 0; i < LA_SIM_ARGS; i++)
        step->a[i] = a[i];
    plan->n++;
}

#define ADD(d, kind, ...) add(d, kind, (const int32_t[LA_SIM_ARGS]){__VA_ARGS__})

/* When a fault begins and ends. */
static void
span(struct drawing *d, int32_t *from, int32_t *to)
{
    bool always = chance(d, 50);
    *from = always ? 0 : below(d, d->heal_ms);
    *to = always ? d->heal_ms : *from + spread(d, 20, 10000);
}

/* ---- the network ------------------------------------------------------------------------ */

static void
draw_network(struct drawing *d)
{
    static const uint8_t shapes[] = {
        LA_SIM_DIRECT,     LA_SIM_DIRECT, LA_SIM_DIRECT, LA_SIM_ROUTED,    LA_SIM_ROUTED,
        LA_SIM_ROUTED_FAR, LA_SIM_BOXED,  LA_SIM_BOXED,  LA_SIM_BOXED_FAR, LA_SIM_TWO_WAYS};
    d->shape = shapes[below(d, sizeof(shapes))];
    ADD(d, LA_SIM_TOPOLOGY, d->shape, chance(d, 30));
    ADD(d, LA_SIM_HEAL, d->heal_ms);
    for (int32_t pipe = 0; pipe < 2; pipe++)
        if (chance(d, 60))
            ADD(d, LA_SIM_DELAY, pipe, spread(d, 1, 300000), chance(d, 30) ? below(d, 20000) : 0);
    if (chance(d, 15))
        ADD(d, LA_SIM_RATE, below(d, 8), 200 + spread(d, 1, 50000), 1 + spread(d, 1, 50));
}

static void
draw_fault(struct drawing *d)
{
    int32_t from, to, pipe = below(d, 8);
    span(d, &from, &to);
    switch (below(d, 11)) {
    case 10:
        ADD(d, LA_SIM_MARK, pipe, spread(d, 50, 5000), from, to);
        break;
    case 0:
    case 1:
        ADD(d, LA_SIM_LOSS, pipe, spread(d, 20, 3000), from, to);
        break;
    case 2:
        ADD(d, LA_SIM_BURST, pipe, spread(d, 20, 1500), 1 + below(d, 10), from, to);
        break;
    case 3:
        ADD(d, LA_SIM_PERIODIC, pipe, 2 + below(d, 30), from, to);
        break;
    case 4:
        ADD(d, LA_SIM_LOSE_KIND, pipe, 1 << below(d, 7), 100 + below(d, 700), from, to);
        break;
    case 5:
        ADD(d, LA_SIM_REORDER, pipe, spread(d, 50, 5000), spread(d, 100, 200000), from, to);
        break;
    case 6:
        ADD(d, LA_SIM_DUPLICATE, pipe, spread(d, 50, 5000), from, to);
        break;
    case 7:
        ADD(d, chance(d, 75) ? LA_SIM_CORRUPT : LA_SIM_DISGUISE, pipe, spread(d, 20, 1500), from,
            to);
        break;
    case 8:
        ADD(d, LA_SIM_MTU, pipe, 576 + below(d, 900), chance(d, 70), from, to);
        break;
    default:
        ADD(d, LA_SIM_OUTAGE, pipe, chance(d, 30) ? 1 + below(d, 3) : 0, from,
            from + spread(d, 10, 20000));
        break;
    }
}

static void
draw_box(struct drawing *d)
{
    int32_t from, to, every = 30 + spread(d, 10, 3000);
    span(d, &from, &to);
    switch (below(d, 10)) {
    case 0:
        ADD(d, LA_SIM_STRIP, 1 + below(d, 15), 1, 500 + below(d, 501), from, to);
        break;
    case 1:
        ADD(d, LA_SIM_STRIP, 1 + below(d, 15), 0, spread(d, 5, 200), from, to);
        break;
    case 2:
        ADD(d, LA_SIM_SHUFFLE, below(d, 1001), from, to);
        break;
    case 3:
        ADD(d, LA_SIM_SPLIT, below(d, 1001), from, to);
        break;
    case 4:
        ADD(d, LA_SIM_MERGE, 100 + below(d, 20000), from, to);
        break;
    case 5:
        ADD(d, LA_SIM_SHIFT, below(d, INT32_MAX), chance(d, 60));
        break;
    case 6:
        ADD(d, LA_SIM_INJECT_RST, chance(d, 60), every, from, to);
        break;
    case 7:
        ADD(d, chance(d, 50) ? LA_SIM_INJECT_SYN : LA_SIM_INJECT_DATA, chance(d, 60), every, from,
            to);
        break;
    case 8:
        ADD(d, LA_SIM_REPLAY, below(d, 60), every, from, to);
        break;
    default:
        ADD(d, LA_SIM_OPTIMISTIC, chance(d, 60), every, from, to);
        break;
    }
}

/* ---- hosts ------------------------------------------------------------------------------ */

static void
draw_tcp(struct drawing *d, int32_t host)
{
    static const struct {
        uint8_t field;
        int32_t min, max;
    } fields[] = {
        {LA_SIM_F_SNDBUF, 4096, 262144},
        {LA_SIM_F_RCVBUF, 4096, 4194304},
        {LA_SIM_F_ECN, 1, 2},
        {LA_SIM_F_ECN, 1, LA_ECN_ACCURATE_ACCEPT},
        {LA_SIM_F_ECN, LA_ECN_ACCURATE_ASK, LA_ECN_ACCURATE_ASK},
        {LA_SIM_F_ECN, LA_ECN_ACCURATE_ASK, LA_ECN_ACCURATE_ACCEPT},
        {LA_SIM_F_ECN, 0, 0},
        {LA_SIM_F_MSS, 88, 1460},
        {LA_SIM_F_NAGLE, 0, 0},
        {LA_SIM_F_TIMESTAMPS, 0, 0},
        {LA_SIM_F_WSCALE, 0, 0},
        {LA_SIM_F_SACK, 0, 0},
        {LA_SIM_F_RACK, 0, 0},
        {LA_SIM_F_COOKIES, 0, 0},
        {LA_SIM_F_COOKIES, LA_SYN_COOKIES_ALWAYS, LA_SYN_COOKIES_ALWAYS},
        {LA_SIM_F_OVERFLOW, 1, 1},
        {LA_SIM_F_RCVBUF_MAX, 4096, 4194304},
        {LA_SIM_F_SNDBUF_MAX, 4096, 4194304},
        {LA_SIM_F_PACING, 1, 1},
        {LA_SIM_F_IDLE_WINDOW, 0, 0},
        {LA_SIM_F_MTU_PROBING, 0, 0},
        {LA_SIM_F_PUSH_BURSTS, 1, 1},
        {LA_SIM_F_WINDOW_SLIDES, 1, 1},
        {LA_SIM_F_ACK_EVERY_SECOND, 1, 1},
        {LA_SIM_F_TIME_WAIT_HOLDS, 1, 1},
        {LA_SIM_F_KEEPALIVE_S, 1, 20},
        {LA_SIM_F_DELAYED_ACK_US, 0, 400000},
        {LA_SIM_F_RTO_US_MAX, 2000000, 60000000},
        {LA_SIM_F_RTO_US_MIN, 10000, 1000000},
        {LA_SIM_F_R2, 3, 15},
        {LA_SIM_F_R2_SYN, 2, 7},
        {LA_SIM_F_USER_TIMEOUT_MS, 500, 60000},
        {LA_SIM_F_FIN_WAIT_2_MS, 100, 60000},
        {LA_SIM_F_MSL_MS, 20, 30000},
        {LA_SIM_F_INITIAL_WINDOW, 0, 10},
        {LA_SIM_F_TIME_WAIT_N, 1, 3},
        {LA_SIM_F_SYN_QUEUE_N, 1, 2},
        {LA_SIM_F_BACKLOG_N, 1, 2},
    };
    size_t i = (size_t)below(d, sizeof(fields) / sizeof(fields[0]));
    int32_t value =
        fields[i].max > 0 ? spread(d, fields[i].min > 0 ? fields[i].min : 1, fields[i].max) : 0;
    ADD(d, LA_SIM_TCP, host, fields[i].field, value);
}

static void
draw_host_fault(struct drawing *d)
{
    int32_t host = below(d, 2);
    switch (below(d, 7)) {
    case 6:
        ADD(d, LA_SIM_SHUT, below(d, d->heal_ms), spread(d, 1, 20000));
        break;
    case 0:
        ADD(d, LA_SIM_CRASH, host, below(d, d->heal_ms), spread(d, 1, 20000));
        break;
    case 1:
        ADD(d, LA_SIM_JUMP, host, below(d, d->heal_ms), spread(d, 1, 100000000));
        break;
    case 2:
        ADD(d, LA_SIM_DRIFT, host, spread(d, 1, 50000) * (chance(d, 50) ? 1 : -1));
        break;
    case 3:
        ADD(d, LA_SIM_PIECEMEAL, host);
        ADD(d, LA_SIM_ALLOC_FAIL, host, spread(d, 1, 5000), spread(d, 1, 500), 1 + below(d, 3));
        break;
    case 4:
        ADD(d, LA_SIM_ALLOC_FAIL, host, spread(d, 1, 200), spread(d, 1, 20), 1 + below(d, 3));
        break;
    default:
        ADD(d, LA_SIM_BUDGET, host, 768 + spread(d, 1, 4000));
        break;
    }
}

/* Both ends count marks, and there are some. */
static void
draw_accurate(struct drawing *d)
{
    for (int32_t host = 0; host < 2; host++) {
        ADD(d, LA_SIM_TCP, host, LA_SIM_F_ECN, LA_ECN_ACCURATE_ASK);
        if (chance(d, 30))
            ADD(d, LA_SIM_TCP, host, LA_SIM_F_ACCECN_OPTION, below(d, LA_ACCECN_OPTION_ALWAYS + 1));
        if (chance(d, 30))
            ADD(d, LA_SIM_TCP, host, LA_SIM_F_ECT_ALL, 1);
    }
    for (int32_t i = 0; i < 2; i++)
        ADD(d, LA_SIM_MARK, below(d, 4), spread(d, 50, 10000), 0, d->heal_ms);
}

/* ---- applications ----------------------------------------------------------------------- */

static int32_t
draw_octets(struct drawing *d)
{
    if (chance(d, 10))
        return 0;
    return chance(d, 70) ? below(d, 3000) : chance(d, 80) ? below(d, 30000) : below(d, 200000);
}

static void
draw_conn(struct drawing *d, int32_t port)
{
    int32_t workload = below(d, LA_SIM_WORKLOADS), pace = spread(d, 1, 100000);
    int32_t id = (int32_t)d->plan->n;
    int32_t up = draw_octets(d), down = draw_octets(d);
    if (workload == LA_SIM_W_TINY) { /* each octet may be a segment */
        up %= 1500;
        down %= 300;
    } else if (workload == LA_SIM_W_SLOW_READER) {
        up %= 20000;
        down %= 20000;
        for (int32_t host = 0; host < 2; host++)
            if (chance(d, 70))
                ADD(d, LA_SIM_TCP, host, LA_SIM_F_RCVBUF, 4096 + spread(d, 1, 12000));
        id = (int32_t)d->plan->n;
    }
    int32_t at = chance(d, 40) ? below(d, 50) : below(d, d->heal_ms);
    ADD(d, LA_SIM_CONN, chance(d, 20) ? 2 : 0, workload, at, up, down, pace);
    d->conns_n++;
    if (port != 0)
        ADD(d, LA_SIM_PORT, id, port);
    if (port != 0 && chance(d, 40))
        ADD(d, LA_SIM_ISN, id, below(d, 2), below(d, 60000));
    if (chance(d, 12))
        ADD(d, LA_SIM_ACT, id, below(d, 2), at + spread(d, 1, 3000), below(d, LA_SIM_CALLS));
}

void
la_sim_plan_draw(struct la_sim_plan *plan, uint64_t seed)
{
    struct la_seed from = {{seed}};
    struct drawing drawing = {.plan = plan}, *d = &drawing;
    *plan = (struct la_sim_plan){.seed = seed};
    la_rng_init(&d->rng, &from, "plan");
    d->heal_ms = 500 + below(d, HEAL_MS_MAX);
    draw_network(d);
    int32_t faults_n = chance(d, 20) ? 0 : spread(d, 1, 5);
    for (int32_t i = 0; i < faults_n; i++)
        draw_fault(d);
    bool boxed = d->shape == LA_SIM_BOXED || d->shape == LA_SIM_BOXED_FAR;
    for (int32_t i = 0; boxed && i <= below(d, 3); i++)
        draw_box(d);
    for (int32_t host = 0; host < 2; host++) {
        for (int32_t i = below(d, 6); i > 0; i--)
            draw_tcp(d, host);
        if (chance(d, 60))
            ADD(d, LA_SIM_TCP, host, LA_SIM_F_CONTROL, below(d, la_cc_n()));
        if (chance(d, 10))
            ADD(d, LA_SIM_LISTENS, host, 1);
    }
    if (chance(d, 25))
        draw_host_fault(d);
    int32_t conns_n = 1 + spread(d, 1, 10);
    int32_t port = chance(d, 40) ? PORT_FIRST : 0;
    for (int32_t i = 0; i < conns_n; i++)
        draw_conn(d, port == 0 ? 0 : port + below(d, PORTS));
    bool fast = chance(d, 15);
    for (int32_t host = 0; host < 2; host++) {
        if (fast && chance(d, 90))
            ADD(d, LA_SIM_TCP, host, LA_SIM_F_FAST_OPEN, 1);
        if (chance(d, 5))
            ADD(d, LA_SIM_TCP, host, LA_SIM_F_NAGLE_SHORT, 1);
    }
    if (chance(d, 10))
        draw_accurate(d);
}
