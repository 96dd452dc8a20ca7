/* SPDX-License-Identifier: MIT
 *
 * setup.c - a world from its plan: configuration, faults made ready, what begins when
 */
#include <stdio.h>

#include "base/assert.h"
#include "sim/world.h"
#include "tcp/congestion.h"

enum { HEAL_MS_DEFAULT = 30000, FAST_OPENS_N = 8 };
/* Of the bound on progress: round trips, delayed ACKs, a host that has to start. */
#define SLACK_NS (10 * LA_NS_PER_S)

/* ---- the plan --------------------------------------------------------------------------- */

/* On or off. NULL: that field is something else. */
static bool *
flag_of(struct la_sim_host *host, int32_t field)
{
    struct la_tcp_cfg *tcp = &host->cfg.tcp;
    switch (field) {
    case LA_SIM_F_NAGLE:
        return &tcp->nagle;
    case LA_SIM_F_TIMESTAMPS:
        return &tcp->timestamps;
    case LA_SIM_F_WSCALE:
        return &tcp->window_scale;
    case LA_SIM_F_SACK:
        return &tcp->sack;
    case LA_SIM_F_RACK:
        return &tcp->rack;
    case LA_SIM_F_PACING:
        return &tcp->pacing;
    case LA_SIM_F_IDLE_WINDOW:
        return &tcp->slow_start_after_idle;
    case LA_SIM_F_MTU_PROBING:
        return &tcp->mtu_probing;
    case LA_SIM_F_PUSH_BURSTS:
        return &tcp->push_bursts;
    case LA_SIM_F_WINDOW_SLIDES:
        return &tcp->window_slides;
    case LA_SIM_F_ACK_EVERY_SECOND:
        return &tcp->ack_every_second;
    case LA_SIM_F_FAST_OPEN:
        return &tcp->fast_open;
    case LA_SIM_F_NAGLE_SHORT:
        return &tcp->nagle_short;
    case LA_SIM_F_TIME_WAIT_HOLDS:
        return &tcp->time_wait_holds;
    case LA_SIM_F_ECT_ALL:
        return &tcp->ect_all;
    case LA_SIM_F_OVERFLOW:
        return &host->cfg.abort_on_overflow;
    default:
        return NULL;
    }
}

/* The same for numbers. */
static uint32_t *
number_of(struct la_sim_host *host, int32_t field)
{
    struct la_tcp_cfg *tcp = &host->cfg.tcp;
    switch (field) {
    case LA_SIM_F_SNDBUF:
        return &tcp->sndbuf_bytes;
    case LA_SIM_F_RCVBUF:
        return &tcp->rcvbuf_bytes;
    case LA_SIM_F_DELAYED_ACK_US:
        return &tcp->delayed_ack_us;
    case LA_SIM_F_RTO_US_MAX:
        return &tcp->rto_us_max;
    case LA_SIM_F_RTO_US_MIN:
        return &tcp->rto_us_min;
    case LA_SIM_F_R2:
        return &tcp->r2_n;
    case LA_SIM_F_R2_SYN:
        return &tcp->r2_syn_n;
    case LA_SIM_F_USER_TIMEOUT_MS:
        return &tcp->user_timeout_ms;
    case LA_SIM_F_FIN_WAIT_2_MS:
        return &tcp->fin_wait_2_ms;
    case LA_SIM_F_MSL_MS:
        return &tcp->msl_ms;
    case LA_SIM_F_TIME_WAIT_N:
        return &host->cfg.time_wait_n_max;
    case LA_SIM_F_SYN_QUEUE_N:
        return &host->cfg.syn_queue_n_max;
    case LA_SIM_F_BACKLOG_N:
        return &host->backlog_n;
    default:
        return NULL;
    }
}

static void
set_tuning(struct la_buffer_tuning *tuning, uint32_t bytes_max)
{
    tuning->bytes_max = bytes_max < tuning->bytes_min ? tuning->bytes_min : bytes_max;
    if (tuning->bytes_initial > tuning->bytes_max)
        tuning->bytes_initial = tuning->bytes_max;
}

static void
set_field(struct la_sim_host *host, int32_t field, int32_t value)
{
    struct la_tcp_cfg *tcp = &host->cfg.tcp;
    bool *flag = flag_of(host, field);
    uint32_t v = (uint32_t)value, *number = number_of(host, field);
    if (flag != NULL) {
        *flag = v != 0;
        tcp->fast_open_n_max = tcp->fast_open ? FAST_OPENS_N : 0;
    } else if (number != NULL) {
        *number = v;
    } else if (field == LA_SIM_F_MSS) {
        tcp->mss_bytes_max = (uint16_t)v;
    } else if (field == LA_SIM_F_ECN) {
        tcp->ecn = (uint8_t)v;
    } else if (field == LA_SIM_F_ACCECN_OPTION) {
        tcp->accecn_option = (uint8_t)(v % (LA_ACCECN_OPTION_ALWAYS + 1));
    } else if (field == LA_SIM_F_INITIAL_WINDOW) {
        tcp->initial_window_n = (uint16_t)v;
    } else if (field == LA_SIM_F_CONTROL) {
        (void)snprintf(tcp->congestion_control, sizeof(tcp->congestion_control), "%s",
                       la_cc_ops((uint8_t)(v % la_cc_n()))->name);
    } else if (field == LA_SIM_F_KEEPALIVE_S) {
        tcp->keepalive = true;
        tcp->keepalive_idle_s = tcp->keepalive_interval_s = v;
        tcp->keepalive_probes_n = 3;
    } else if (field == LA_SIM_F_RCVBUF_MAX || field == LA_SIM_F_SNDBUF_MAX) {
        set_tuning(field == LA_SIM_F_RCVBUF_MAX ? &tcp->rcvbuf : &tcp->sndbuf, v);
    } else if (field == LA_SIM_F_COOKIES) {
        host->cfg.syn_cookies = (uint8_t)(v % (LA_SYN_COOKIES_ALWAYS + 1));
    }
    if ((uint32_t)field < LA_SIM_FIELDS)
        host->world->counts.field[field]++;
}

/* What holds from the beginning. */
static void
prepare_host(struct la_sim_world *world, const struct la_sim_step *step)
{
    struct la_sim_host *host = &world->host[(uint32_t)step->a[0] % LA_SIM_HOSTS];
    if (step->kind == LA_SIM_TCP)
        set_field(host, step->a[1], step->a[2]);
    else if (step->kind == LA_SIM_DRIFT)
        host->clock.ppm = step->a[1];
    else if (step->kind == LA_SIM_BUDGET)
        host->budget_bytes = (uint64_t)(uint32_t)step->a[1] * 1024;
    else if (step->kind == LA_SIM_PIECEMEAL)
        host->piecemeal = true;
    else if (step->kind == LA_SIM_LISTENS)
        host->listens_all = step->a[1] != 0;
    else if (step->kind == LA_SIM_ALLOC_FAIL) {
        host->memory.refuses = true;
        host->memory.first_n = (uint32_t)step->a[1];
        host->memory.count_n = (uint32_t)step->a[2];
        host->memory.every_n = step->a[3] > 0 ? (uint32_t)step->a[3] : 1;
    } else
        return;
    if (step->kind != LA_SIM_ALLOC_FAIL)
        world->counts.step[step->kind]++;
}

static int64_t
ms(int32_t value)
{
    return (int64_t)(value < 0 ? 0 : value) * LA_NS_PER_MS;
}

/* The two last arguments that a fault uses are its times; none of them outlasts the healing. */
static void
add_fault(struct la_sim_world *world, const struct la_sim_step *step)
{
    static const uint8_t from_at[LA_SIM_STEP_KINDS] = {
        [LA_SIM_LOSS] = 2,       [LA_SIM_BURST] = 3,      [LA_SIM_PERIODIC] = 2,
        [LA_SIM_LOSE_KIND] = 3,  [LA_SIM_REORDER] = 3,    [LA_SIM_DUPLICATE] = 2,
        [LA_SIM_MARK] = 2,       [LA_SIM_CORRUPT] = 2,    [LA_SIM_DISGUISE] = 2,
        [LA_SIM_MTU] = 3,        [LA_SIM_OUTAGE] = 2,     [LA_SIM_STRIP] = 3,
        [LA_SIM_SHUFFLE] = 1,    [LA_SIM_SPLIT] = 1,      [LA_SIM_MERGE] = 1,
        [LA_SIM_INJECT_RST] = 2, [LA_SIM_INJECT_SYN] = 2, [LA_SIM_INJECT_DATA] = 2,
        [LA_SIM_REPLAY] = 2,     [LA_SIM_OPTIMISTIC] = 2,
    };
    unsigned at = from_at[step->kind];
    if (at == 0)
        return;
    struct la_sim_fault *fault = &world->fault[world->faults_n++];
    double share = (double)step->a[1] / 10000;
    struct la_impair impair = {0};
    struct la_link_caps caps = {.layer = LA_LINK_IP, .mtu_bytes = 65535};
    fault->step = step;
    fault->from_ns = fault->next_ns = ms(step->a[at]);
    fault->to_ns = ms(step->a[at + 1]) < world->heal_ns ? ms(step->a[at + 1]) : world->heal_ns;
    share = share < 0 ? 0 : share > 1 ? 1 : share;
    impair.loss = step->kind == LA_SIM_LOSS ? share : 0;
    impair.burst_loss = step->kind == LA_SIM_BURST ? share : 0;
    impair.burst_n = step->kind == LA_SIM_BURST && step->a[2] >= 1 ? step->a[2] : 0;
    impair.reorder = step->kind == LA_SIM_REORDER ? share : 0;
    impair.reorder_ns =
        step->kind == LA_SIM_REORDER && step->a[2] > 0 ? step->a[2] * LA_NS_PER_US : 0;
    impair.duplicate = step->kind == LA_SIM_DUPLICATE ? share : 0;
    impair.corrupt = step->kind == LA_SIM_CORRUPT || step->kind == LA_SIM_DISGUISE ? share : 0;
    la_err err = la_wire_faults_init(&fault->faults, &impair, &caps);
    LA_ASSERT(err == LA_OK); /* all in range: drawn or clamped */
    if (fault->faults.keyed)
        la_wire_fate_keys_init(&fault->keys, la_sim_draw(world, step->id, 0));
    fault->flow.id = step->id;
    if (step->kind >= LA_SIM_INJECT_RST)
        la_sim_put(world, fault->from_ns, LA_SIM_I_BOX, 0, NULL);
}

static void
take_step(struct la_sim_world *world, const struct la_sim_step *step, unsigned index)
{
    switch (step->kind) {
    case LA_SIM_CRASH:
    case LA_SIM_JUMP:
        la_sim_put(world, ms(step->a[1]), LA_SIM_I_STEP, index, NULL);
        break;
    case LA_SIM_ACT:
        la_sim_put(world, ms(step->a[2]), LA_SIM_I_STEP, index, NULL);
        break;
    case LA_SIM_SHUT:
        la_sim_put(world, ms(step->a[0]), LA_SIM_I_STEP, index, NULL);
        break;
    case LA_SIM_CONN:
        if (world->conns_n < LA_SIM_CONNS)
            la_sim_conn_init(world, step);
        break;
    case LA_SIM_SHIFT: /* others look at it to know what the box does */
        world->box.shift_by = la_sim_is_boxed(world) ? (uint32_t)step->a[0] : 0;
        world->box.shift_sack = step->a[1] != 0;
        break;
    default:
        add_fault(world, step);
    }
}

void
la_sim_setup(struct la_sim_world *world)
{
    const struct la_sim_plan *plan = world->plan;
    world->heal_ns = HEAL_MS_DEFAULT * LA_NS_PER_MS;
    for (uint32_t i = 0; i < plan->n; i++) {
        const struct la_sim_step *step = &plan->step[i];
        if (step->kind == LA_SIM_TOPOLOGY) {
            world->shape = (uint8_t)((uint32_t)step->a[0] % LA_SIM_SHAPES);
            world->ipv6 = step->a[1] != 0;
            world->counts.step[LA_SIM_TOPOLOGY]++;
        } else if (step->kind == LA_SIM_HEAL)
            world->heal_ns = ms(step->a[0]);
    }
    for (unsigned i = 0; i < LA_SIM_HOSTS; i++)
        la_sim_host_init(world, i);
    for (uint32_t i = 0; i < plan->n; i++)
        prepare_host(world, &plan->step[i]);
    la_sim_pipes_build(world);
    for (uint32_t i = 0; i < plan->n; i++)
        take_step(world, &plan->step[i], i);
    for (uint32_t i = 0; i < plan->n; i++)
        if (plan->step[i].kind == LA_SIM_ISN)
            la_sim_isn_set(world, &plan->step[i]);
    /* RFC 6298 5.5: what waits longest is a timer that has backed off as far as it may; one loss
     * before the healing can cost one such wait, and probing a window that opened another. A
     * port that is used again may have to wait for the end of TIME-WAIT (D15). */
    uint64_t rto_us = 0, msl_us = 0;
    for (unsigned i = 0; i < LA_SIM_HOSTS; i++) {
        const struct la_tcp_cfg *tcp = &world->host[i].cfg.tcp;
        rto_us = tcp->rto_us_max > rto_us ? tcp->rto_us_max : rto_us;
        msl_us = tcp->msl_ms * UINT64_C(1000) > msl_us ? tcp->msl_ms * UINT64_C(1000) : msl_us;
    }
    world->bound_ns = (3 * rto_us + 2 * msl_us) * (uint64_t)LA_NS_PER_US + SLACK_NS;
}
