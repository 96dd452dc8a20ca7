/* SPDX-License-Identifier: MIT
 *
 * pd.c - the stack under packetdrill: life, time, packets, calls that block
 */
#include "packetdrill/pd.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <lastack/host.h>
#include "base/time.h"
#include "packetdrill/fds.h"
#include "ways/layout.h"
#include "packetdrill/states.h"

enum { BURST_N = 64, TIMERS_N = 256, ROUNDS_N = 1 << 16 };
enum { PACKETS_N_MAX = 1 << 16 }; /* nobody reads: a script that fails anyway */
enum { PREFIX_LEN_V4 = 32, PREFIX_LEN_V6 = 128, IPV6_MTU_BYTES_MIN = 1280 };
enum { BUDGET_BYTES = 1 << 28 };
enum { STAMP_S_MAX = 1 };
#define BEGIN_NS (INT64_C(1000000000) * 1000000000) /* 2001: a time of day like any other */

/* ---- life ----------------------------------------------------------------------------------- */

struct la_pd *
la_pd_new(const struct la_pd_settings *settings)
{
    struct la_pd *pd = calloc(1, sizeof(*pd));
    if (pd == NULL)
        return NULL;
    pd->settings = *settings;
    pd->now = (la_instant){BEGIN_NS};
    pd->main_tid = gettid();
    (void)pthread_mutex_init(&pd->lock, NULL);
    (void)pthread_cond_init(&pd->turned, NULL);
    (void)pthread_cond_init(&pd->settled, NULL);
    pd->mem = la_mem_new(la_host_alloc(), BUDGET_BYTES);
    if (pd->mem != NULL)
        return pd;
    la_pd_free(pd);
    return NULL;
}

void
la_pd_free(struct la_pd *pd)
{
    la_pd_fds_free(pd);
    la_socks_free(pd->socks);
    la_stack_free(pd->stack);
    if (pd->mem != NULL)
        la_mem_unref(pd->mem);
    for (struct la_pd_packet *p; (p = la_pd_packet_take(pd)) != NULL;)
        free(p);
    free(pd->states);
    (void)pthread_cond_destroy(&pd->settled);
    (void)pthread_cond_destroy(&pd->turned);
    (void)pthread_mutex_destroy(&pd->lock);
    free(pd);
}

void
la_pd_adopt(struct la_pd *pd, const struct la_addr *addr)
{
    bool v4 = la_addr_is_v4(addr);
    if (la_addr_is_any(addr) || la_stack_addr_is_local(pd->stack, addr) ||
        (!v4 && pd->settings.mtu_bytes < IPV6_MTU_BYTES_MIN))
        return;
    la_err err = la_stack_addr_add(pd->stack, 0, addr, v4 ? PREFIX_LEN_V4 : PREFIX_LEN_V6);
    (void)err; /* too many: what follows finds out */
}

/* A point-to-point interface that leads everywhere. */
static la_err
add_interface(struct la_pd *pd)
{
    struct la_iface_cfg iface = {
        .caps = {.layer = LA_LINK_IP, .mtu_bytes = pd->settings.mtu_bytes},
    };
    struct la_addr any4 = la_addr_v4(0, 0, 0, 0), any6 = {{0}};
    int idx;
    la_err err = la_stack_iface_add(pd->stack, &iface, &idx);
    if (err == LA_OK)
        err = la_stack_route_add(pd->stack, idx, &any4, 0, NULL);
    if (err == LA_OK)
        err = la_stack_route_add(pd->stack, idx, &any6, 0, NULL);
    if (err == LA_OK) {
        la_pd_adopt(pd, &pd->settings.local4);
        la_pd_adopt(pd, &pd->settings.local6);
    }
    return err;
}

static bool
make_stack(struct la_pd *pd)
{
    struct la_stack_cfg cfg = pd->settings.ways.cfg;
    cfg.mem = pd->mem;
    cfg.seed[0] = pd->settings.seed;
    if (la_stack_new(&cfg, pd->now, &pd->stack) != LA_OK)
        return false;
    if (add_interface(pd) == LA_OK && la_socks_new(pd->stack, &pd->socks) == LA_OK)
        return true;
    la_stack_free(pd->stack);
    pd->stack = NULL;
    return false;
}

/* A key that has changed: the one before it still counts. */
static void
follow_key(struct la_pd *pd)
{
    const struct la_ways *s = &pd->settings.ways;
    if (!s->fast_open_keyed ||
        (pd->keyed && memcmp(pd->key, s->fast_open_key, sizeof(pd->key)) == 0))
        return;
    la_pd_key(pd, s->fast_open_key);
}

void
la_pd_key(struct la_pd *pd, const uint8_t key[LA_FAST_OPEN_KEY_BYTES])
{
    memcpy(pd->key, key, sizeof(pd->key));
    pd->keyed = true;
    la_stack_fast_open_key_set(pd->stack, key);
}

bool
la_pd_ready(struct la_pd *pd)
{
    la_pd_settings_follow(&pd->settings);
    if (pd->stack == NULL && !make_stack(pd))
        return false;
    follow_key(pd);
    /* A value out of range leaves what was valid before, as a refused sysctl would. */
    if (la_stack_tcp_cfg_set(pd->stack, &pd->settings.ways.cfg.tcp) != LA_OK)
        pd->settings.ways.cfg.tcp = *la_stack_tcp_cfg(pd->stack);
    return true;
}

/* ---- packets -------------------------------------------------------------------------------- */

static void
keep(struct la_pd *pd, const struct la_frame *frame)
{
    size_t n = la_frame_len(frame);
    struct la_pd_packet *p = pd->out_n < PACKETS_N_MAX ? malloc(sizeof(*p) + n) : NULL;
    if (p == NULL)
        return; /* as a full device queue: lost */
    *p = (struct la_pd_packet){NULL, pd->now, n};
    p->n = la_frame_copy_out(frame, 0, p->bytes, n);
    if (pd->settings.ways.layout_bsd)
        la_ways_layout_bsd(p->bytes, p->n);
    if (pd->out_last == NULL)
        pd->out_first = p;
    else
        pd->out_last->next = p;
    pd->out_last = p;
    pd->out_n++;
}

struct la_pd_packet *
la_pd_packet_take(struct la_pd *pd)
{
    struct la_pd_packet *p = pd->out_first;
    if (p == NULL)
        return NULL;
    pd->out_first = p->next;
    if (pd->out_first == NULL)
        pd->out_last = NULL;
    pd->out_n--;
    return p;
}

static bool
collect(struct la_pd *pd)
{
    struct la_frame *frames[BURST_N];
    size_t n = la_stack_output(pd->stack, 0, frames, BURST_N, pd->now);
    for (size_t i = 0; i < n; i++) {
        keep(pd, frames[i]);
        la_frame_free(frames[i]);
    }
    return n > 0;
}

/* Everything the stack does at this instant. */
void
la_pd_move(struct la_pd *pd)
{
    bool more = pd->stack != NULL;
    for (unsigned round = 0; more && round < ROUNDS_N; round++) {
        struct la_sock_event event;
        more = la_stack_run(pd->stack, pd->now, TIMERS_N);
        more |= collect(pd);
        while (la_sock_next_event(pd->socks, &event)) {
            la_pd_fds_event(pd, &event);
            more = true;
        }
    }
    la_pd_fds_look(pd);
    la_pd_states_write(pd);
}

/* ---- calls that block ----------------------------------------------------------------------- */

static bool
all_looked(const struct la_pd *pd)
{
    for (const struct la_pd_wait *w = pd->waits; w != NULL; w = w->next) {
        if (!w->asleep || w->seen != pd->turn)
            return false;
    }
    return pd->returning_tid == 0;
}

/* Lets those that block look again, and waits until they have. A thread that never reads the clock
 * after its call is not waited for longer than a second. */
static void
settle(struct la_pd *pd)
{
    if (pd->waits == NULL)
        return;
    struct timespec until;
    (void)clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += STAMP_S_MAX;
    pd->turn++;
    (void)pthread_cond_broadcast(&pd->turned);
    while (!all_looked(pd)) {
        if (pthread_cond_timedwait(&pd->settled, &pd->lock, &until) != 0)
            break;
    }
    pd->returning_tid = 0;
}

void
la_pd_turn(struct la_pd *pd)
{
    la_pd_move(pd);
    settle(pd);
}

static void
unlink_wait(struct la_pd *pd, const struct la_pd_wait *wait)
{
    struct la_pd_wait **at = &pd->waits;
    while (*at != wait)
        at = &(*at)->next;
    *at = wait->next;
}

/* The thread that moves time has nobody to wait for but the stack's timers. */
static int64_t
block_moving(struct la_pd *pd, la_pd_try *attempt, void *call, la_instant until)
{
    int64_t result = -EAGAIN;
    while (result == -EAGAIN && la_instant_lt(pd->now, until)) {
        la_instant next = la_instant_min(la_pd_deadline(pd), until);
        if (la_instant_is_never(next))
            break;
        la_pd_advance(pd, next);
        result = attempt(pd, call);
        la_pd_turn(pd);
    }
    return result;
}

static void
wait_turn(struct la_pd *pd, struct la_pd_wait *wait)
{
    wait->asleep = true;
    wait->seen = pd->turn;
    (void)pthread_cond_signal(&pd->settled);
    while (wait->seen == pd->turn)
        (void)pthread_cond_wait(&pd->turned, &pd->lock);
    wait->asleep = false;
}

static int64_t
block_waiting(struct la_pd *pd, la_pd_try *attempt, void *call, la_instant until)
{
    int64_t result = -EAGAIN;
    struct la_pd_wait wait = {.next = pd->waits, .until = until};
    pd->waits = &wait;
    while (result == -EAGAIN && la_instant_lt(pd->now, until)) {
        wait_turn(pd, &wait);
        result = attempt(pd, call);
        la_pd_move(pd);
    }
    unlink_wait(pd, &wait);
    pd->returning_tid = gettid();
    (void)pthread_cond_signal(&pd->settled);
    return result;
}

int64_t
la_pd_block(struct la_pd *pd, la_pd_try *attempt, void *call, bool may_block, la_instant until)
{
    int64_t result = attempt(pd, call);
    la_pd_move(pd);
    if (result == -EAGAIN && may_block)
        return gettid() == pd->main_tid ? block_moving(pd, attempt, call, until)
                                        : block_waiting(pd, attempt, call, until);
    settle(pd);
    return result;
}

/* ---- time ----------------------------------------------------------------------------------- */

la_instant
la_pd_deadline(const struct la_pd *pd)
{
    la_instant next = pd->stack == NULL ? LA_INSTANT_NEVER : la_stack_deadline(pd->stack);
    for (const struct la_pd_wait *w = pd->waits; w != NULL; w = w->next) {
        if (la_instant_lt(pd->now, w->until))
            next = la_instant_min(next, w->until);
    }
    return next;
}

void
la_pd_advance(struct la_pd *pd, la_instant to)
{
    for (la_instant next; la_instant_le(next = la_pd_deadline(pd), to);) {
        la_instant before = pd->now;
        pd->now = la_instant_max(pd->now, next);
        la_pd_turn(pd);
        if (la_instant_le(la_pd_deadline(pd), before))
            break; /* more timers than one turn serves: the next call goes on */
    }
    pd->now = la_instant_max(pd->now, to);
}
