/* SPDX-License-Identifier: MIT
 *
 * turns.c - several threads that share the work of a pipeline
 *
 * One lock guards who does what, and passes on what was done. It is held for a moment between two
 * pieces of work, which are large.
 */
#include "cli/turns.h"

#include <pthread.h>
#include <signal.h>

#include "base/assert.h"

enum { NO_PART = LA_TURNS_PARTS_MAX };

struct turn {
    uint64_t done_n; /* slots */
    bool is_taken;   /* a thread is at work on the next one */
};

struct turns;

struct thread {
    struct turns *turns;
    unsigned number;
    pthread_t id;
    bool runs; /* beside the caller's */
};

struct turns {
    const struct la_turns_cfg *cfg;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct turn parts[LA_TURNS_PARTS_MAX];
    uint64_t filled_n, collected_n; /* slots */
    bool is_filling, is_collecting;
    bool rests; /* the parts are to come to rest before the next slot is filled */
    bool is_full;
    unsigned idle_n; /* threads that wait */
    struct thread threads[LA_TURNS_THREADS_MAX];
};

/* ---- what there is to do ------------------------------------------------------------------------
 */

static uint64_t
least_done_n(const struct turns *turns)
{
    uint64_t n = turns->parts[0].done_n;
    for (unsigned i = 1; i < turns->cfg->parts_n; i++)
        n = turns->parts[i].done_n < n ? turns->parts[i].done_n : n;
    return n;
}

static bool
may_fill(const struct turns *turns, uint64_t done_n)
{
    return !turns->is_filling && !turns->is_full &&
           turns->filled_n - turns->collected_n < turns->cfg->slots_n &&
           (!turns->rests || done_n == turns->filled_n);
}

/* Of the parts that wait the one that is behind most. A thread has its own ones, whose memory is in
 * its cache: it looks after another's only when that is far behind, or none of its own waits. */
static unsigned
part_for(const struct turns *turns, unsigned thread)
{
    unsigned best = NO_PART;
    uint64_t best_n = UINT64_MAX;
    for (unsigned i = 0; i < turns->cfg->parts_n; i++) {
        const struct turn *part = &turns->parts[i];
        bool own = i % turns->cfg->threads_n == thread;
        uint64_t n = part->done_n + (own ? 0 : turns->cfg->ahead_n);
        if (part->is_taken || part->done_n == turns->filled_n || n >= best_n)
            continue;
        best = i;
        best_n = n;
    }
    return best;
}

/* ---- doing it, without the lock -----------------------------------------------------------------
 */

static void
leave(struct turns *turns)
{
    (void)pthread_mutex_unlock(&turns->lock);
}

/* What was done may be what others wait for. */
static void
come_back(struct turns *turns)
{
    (void)pthread_mutex_lock(&turns->lock);
    if (turns->idle_n > 0)
        (void)pthread_cond_broadcast(&turns->changed);
}

static void
collect(struct turns *turns)
{
    uint64_t slot = turns->collected_n;
    turns->is_collecting = true;
    leave(turns);
    turns->cfg->collect(turns->cfg->ctx, slot);
    come_back(turns);
    turns->is_collecting = false;
    turns->collected_n++;
}

static void
fill(struct turns *turns)
{
    uint64_t slot = turns->filled_n;
    turns->is_filling = true;
    leave(turns);
    unsigned filled = turns->cfg->fill(turns->cfg->ctx, slot);
    come_back(turns);
    turns->is_filling = false;
    turns->filled_n += (filled & LA_TURNS_FILLED) != 0;
    turns->rests = (filled & LA_TURNS_REST) != 0;
    turns->is_full = (filled & LA_TURNS_LAST) != 0;
}

static void
look_after(struct turns *turns, unsigned number)
{
    struct turn *part = &turns->parts[number];
    uint64_t slot = part->done_n;
    part->is_taken = true;
    leave(turns);
    turns->cfg->part(turns->cfg->ctx, number, slot);
    come_back(turns);
    part->is_taken = false;
    part->done_n++;
}

/* False: there is nothing to do. */
static bool
do_something(struct turns *turns, unsigned thread)
{
    uint64_t done_n = least_done_n(turns);
    LA_ASSERT(turns->collected_n <= done_n && done_n <= turns->filled_n);
    if (!turns->is_collecting && turns->collected_n < done_n) {
        collect(turns);
        return true;
    }
    bool is_ahead = turns->filled_n - done_n >= turns->cfg->ahead_n;
    bool may = may_fill(turns, done_n);
    unsigned part = may && !is_ahead ? NO_PART : part_for(turns, thread);
    if (part != NO_PART)
        look_after(turns, part);
    else if (may)
        fill(turns);
    else
        return false;
    return true;
}

static void *
run(void *ctx)
{
    const struct thread *thread = ctx;
    struct turns *turns = thread->turns;
    (void)pthread_mutex_lock(&turns->lock);
    while (!turns->is_full || turns->collected_n < turns->filled_n) {
        if (do_something(turns, thread->number))
            continue;
        turns->idle_n++;
        (void)pthread_cond_wait(&turns->changed, &turns->lock);
        turns->idle_n--;
    }
    (void)pthread_mutex_unlock(&turns->lock);
    return NULL;
}

static void
start(struct turns *turns)
{
    sigset_t all, before;
    (void)sigfillset(&all);
    (void)sigdelset(&all, SIGBUS); /* capture/map.h */
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    for (unsigned i = 0; i < turns->cfg->threads_n; i++) {
        struct thread *thread = &turns->threads[i];
        thread->turns = turns;
        thread->number = i;
        thread->runs = i > 0 && pthread_create(&thread->id, NULL, run, thread) == 0;
    }
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
}

void
la_turns_run(const struct la_turns_cfg *cfg)
{
    struct turns turns = {.cfg = cfg};
    LA_ASSERT(cfg->threads_n > 0 && cfg->threads_n <= LA_TURNS_THREADS_MAX);
    LA_ASSERT(cfg->parts_n > 0 && cfg->parts_n <= LA_TURNS_PARTS_MAX);
    LA_ASSERT(cfg->slots_n > 0 && cfg->ahead_n > 0);
    (void)pthread_mutex_init(&turns.lock, NULL);
    (void)pthread_cond_init(&turns.changed, NULL);
    start(&turns);
    (void)run(&turns.threads[0]);
    for (unsigned i = 1; i < cfg->threads_n; i++)
        if (turns.threads[i].runs)
            (void)pthread_join(turns.threads[i].id, NULL);
    (void)pthread_cond_destroy(&turns.changed);
    (void)pthread_mutex_destroy(&turns.lock);
}
