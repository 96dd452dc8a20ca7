/* SPDX-License-Identifier: MIT
 *
 * explain_jobs.c - the analysis in several threads
 *
 * The caller's thread fills batches in turn and collects what the jobs made of the oldest; each job
 * takes every batch, in its own time, and looks at its share. Batches are cut by the number of
 * packets alone, and collected one by one, so that what is said does not depend on who was faster.
 */
#include "cli/explain_jobs.h"

#include <lastack/host.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>

#include "base/mem.h"

enum { SLOTS_N = 16, FINISH_N = 512, WHOLE_SHARE = 8 };

enum work { WORK_BATCH, WORK_LINE_UP, WORK_FINISH };

struct slot {
    enum work work;
    uint64_t before_frame; /* WORK_FINISH */
    struct la_batch batch;
    struct la_outbox *outboxes; /* one for each job */
};

struct job {
    struct la_explain_jobs *jobs;
    struct la_mem *mem;
    struct la_part part;
    pthread_t thread;
    bool runs;       /* in its thread; otherwise the caller's does its work */
    uint64_t done_n; /* slots; under the lock when it runs */
};

struct la_explain_jobs {
    struct la_explain_jobs_cfg cfg;
    struct la_mem *mem; /* of whole and intake */
    struct la_whole whole;
    struct la_intake intake;
    struct job job[LA_PARTS_MAX];
    struct slot slots[SLOTS_N];
    unsigned slots_n; /* those in use: of a job that is alone, one */
    size_t alone_n;   /* packets that such a one has taken since it was collected from */
    pthread_mutex_t lock;
    pthread_cond_t published, done;
    uint64_t published_n, collected_n; /* slots; published_n under the lock */
    bool over;                         /* under the lock */
    bool failed;
};

/* ---- jobs -------------------------------------------------------------------------------------
 */

static void
work(const struct job *job, unsigned number, struct slot *slot)
{
    const struct la_intake *intake = &job->jobs->intake;
    switch (slot->work) {
    case WORK_BATCH:
        la_part_take(&job->part, &slot->batch, &slot->outboxes[number]);
        break;
    case WORK_LINE_UP: /* The intake has come to rest. */
        la_part_finish_begin(&job->part, intake->now_ns, intake->file.packets);
        break;
    case WORK_FINISH:
        la_part_finish_some(&job->part, slot->before_frame, &slot->outboxes[number]);
        break;
    }
}

static void *
run(void *ctx)
{
    struct job *job = ctx;
    struct la_explain_jobs *jobs = job->jobs;
    unsigned number = job->part.share;
    (void)pthread_mutex_lock(&jobs->lock);
    for (;;) {
        while (jobs->published_n == job->done_n && !jobs->over)
            (void)pthread_cond_wait(&jobs->published, &jobs->lock);
        if (jobs->published_n == job->done_n)
            break;
        struct slot *slot = &jobs->slots[job->done_n % jobs->slots_n];
        (void)pthread_mutex_unlock(&jobs->lock);
        work(job, number, slot);
        (void)pthread_mutex_lock(&jobs->lock);
        job->done_n++;
        (void)pthread_cond_signal(&jobs->done);
    }
    (void)pthread_mutex_unlock(&jobs->lock);
    return NULL;
}

/* Signals are the caller's thread's. */
static void
start(struct la_explain_jobs *jobs)
{
    sigset_t all, before;
    (void)sigfillset(&all);
    (void)sigdelset(&all, SIGBUS); /* capture/map.h */
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    for (unsigned i = 0; i < jobs->cfg.jobs_n && jobs->cfg.jobs_n > 1; i++) {
        struct job *job = &jobs->job[i];
        job->runs = pthread_create(&job->thread, NULL, run, job) == 0;
    }
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
}

static bool
has_done(struct la_explain_jobs *jobs, uint64_t n)
{
    for (unsigned i = 0; i < jobs->cfg.jobs_n; i++)
        if (jobs->job[i].done_n < n)
            return false;
    return true;
}

/* ---- slots ------------------------------------------------------------------------------------
 */

static struct slot *
slot_now(struct la_explain_jobs *jobs)
{
    return &jobs->slots[jobs->published_n % jobs->slots_n];
}

static void
collect(struct la_explain_jobs *jobs)
{
    struct slot *slot = &jobs->slots[jobs->collected_n % jobs->slots_n];
    struct la_outbox *outboxes[LA_PARTS_MAX];
    (void)pthread_mutex_lock(&jobs->lock);
    while (!has_done(jobs, jobs->collected_n + 1))
        (void)pthread_cond_wait(&jobs->done, &jobs->lock);
    (void)pthread_mutex_unlock(&jobs->lock);
    for (unsigned i = 0; i < jobs->cfg.jobs_n; i++)
        outboxes[i] = &slot->outboxes[i];
    if (slot->work != WORK_LINE_UP)
        la_whole_collect(&jobs->whole, outboxes, jobs->cfg.jobs_n, jobs->cfg.tell, jobs->cfg.ctx);
    jobs->collected_n++;
}

/* What no thread of its own does: all with one job, and that of a job whose thread did not start.
 */
static void
work_here(struct la_explain_jobs *jobs, struct slot *slot)
{
    for (unsigned i = 0; i < jobs->cfg.jobs_n; i++) {
        struct job *job = &jobs->job[i];
        if (job->runs)
            continue;
        work(job, i, slot);
        job->done_n++;
    }
}

static bool
is_alone(const struct la_explain_jobs *jobs)
{
    return jobs->cfg.jobs_n == 1;
}

/* What the slot asks for was done. */
static void
collect_alone(struct la_explain_jobs *jobs)
{
    jobs->alone_n = 0;
    jobs->job[0].done_n++;
    jobs->published_n++;
    collect(jobs);
}

/* The slot that was filled is everybody's, and the next one free. */
static void
publish(struct la_explain_jobs *jobs)
{
    struct slot *slot = slot_now(jobs);
    (void)pthread_mutex_lock(&jobs->lock);
    jobs->published_n++;
    (void)pthread_cond_broadcast(&jobs->published);
    (void)pthread_mutex_unlock(&jobs->lock);
    work_here(jobs, slot);
    if (jobs->published_n - jobs->collected_n == jobs->slots_n)
        collect(jobs);
    slot_now(jobs)->work = WORK_BATCH;
    la_batch_begin(&slot_now(jobs)->batch, &jobs->intake);
}

/* As many at a time as a batch has, so that what is said is the same. */
static void
take_alone(struct la_explain_jobs *jobs, const struct la_explain_packet *packets, size_t n)
{
    while (n > 0) {
        size_t room = LA_BATCH_N - jobs->alone_n, some = n < room ? n : room;
        la_part_take_all(&jobs->job[0].part, &jobs->intake, packets, some,
                         &slot_now(jobs)->outboxes[0]);
        packets += some;
        n -= some;
        jobs->alone_n += some;
        if (jobs->alone_n == LA_BATCH_N)
            collect_alone(jobs);
    }
}

void
la_explain_jobs_take(struct la_explain_jobs *jobs, const struct la_explain_packet *packets,
                     size_t n)
{
    if (is_alone(jobs)) {
        take_alone(jobs, packets, n);
        return;
    }
    for (size_t i = 0; i < n; i++) {
        struct la_batch *batch = &slot_now(jobs)->batch;
        if (!la_intake_take(&jobs->intake, batch, &packets[i]))
            jobs->failed = true;
        if (batch->n == LA_BATCH_N)
            publish(jobs);
    }
}

void
la_explain_jobs_flush(struct la_explain_jobs *jobs)
{
    if (jobs->alone_n > 0)
        collect_alone(jobs);
    if (slot_now(jobs)->batch.n > 0)
        publish(jobs);
    while (jobs->collected_n < jobs->published_n)
        collect(jobs);
}

static void
work_on(struct la_explain_jobs *jobs, enum work work, uint64_t before_frame)
{
    slot_now(jobs)->work = work;
    slot_now(jobs)->before_frame = before_frame;
    publish(jobs);
    la_explain_jobs_flush(jobs);
}

/* Some at a time: none is told of before all that appeared before it. */
void
la_explain_jobs_finish(struct la_explain_jobs *jobs)
{
    struct la_part parts[LA_PARTS_MAX];
    la_explain_jobs_flush(jobs);
    work_on(jobs, WORK_LINE_UP, 0);
    for (uint64_t before_frame = 0; before_frame != UINT64_MAX;) {
        before_frame = UINT64_MAX;
        for (unsigned i = 0; i < jobs->cfg.jobs_n; i++) {
            uint64_t left = la_part_left(&jobs->job[i].part, FINISH_N);
            before_frame = left < before_frame ? left : before_frame;
        }
        work_on(jobs, WORK_FINISH, before_frame);
    }
    for (unsigned i = 0; i < jobs->cfg.jobs_n; i++)
        parts[i] = jobs->job[i].part;
    la_whole_finish(&jobs->whole, &jobs->intake, parts, jobs->cfg.jobs_n);
}

/* ---- all of it --------------------------------------------------------------------------------
 */

static bool
job_init(struct la_explain_jobs *jobs, unsigned number)
{
    struct job *job = &jobs->job[number];
    struct la_explain_cfg cfg = jobs->cfg.explain;
    unsigned n = jobs->cfg.jobs_n;
    uint64_t whole_bytes = jobs->cfg.memory_bytes / WHOLE_SHARE;
    cfg.conns_n_max = cfg.conns_n_max / n > 0 ? cfg.conns_n_max / n : 1;
    job->jobs = jobs;
    job->part = (struct la_part){.share = number, .wants = jobs->cfg.wants};
    job->part.ctx = jobs->cfg.wants != NULL ? jobs->cfg.contexts[number] : NULL;
    job->mem = la_mem_new(la_host_alloc(), (jobs->cfg.memory_bytes - whole_bytes) / n);
    if (job->mem == NULL || la_explain_new(&cfg, job->mem, &job->part.explain) != LA_OK)
        return false;
    for (unsigned i = 0; i < SLOTS_N; i++)
        la_outbox_init(&jobs->slots[i].outboxes[number], job->mem);
    job->part.explain->outbox = &jobs->slots[0].outboxes[number]; /* It is a part from now on. */
    return true;
}

static bool
init(struct la_explain_jobs *jobs)
{
    jobs->mem = la_mem_new(la_host_alloc(), jobs->cfg.memory_bytes / WHOLE_SHARE);
    if (jobs->mem == NULL || !la_intake_init(&jobs->intake, jobs->mem, jobs->cfg.jobs_n) ||
        la_whole_init(&jobs->whole, &jobs->cfg.explain, jobs->mem) != LA_OK)
        return false;
    for (unsigned i = 0; i < SLOTS_N; i++) {
        jobs->slots[i].outboxes = calloc(jobs->cfg.jobs_n, sizeof(jobs->slots[i].outboxes[0]));
        if (jobs->slots[i].outboxes == NULL)
            return false;
    }
    for (unsigned i = 0; i < jobs->cfg.jobs_n; i++)
        if (!job_init(jobs, i))
            return false;
    la_batch_begin(&slot_now(jobs)->batch, &jobs->intake);
    start(jobs);
    return true;
}

struct la_explain_jobs *
la_explain_jobs_new(const struct la_explain_jobs_cfg *cfg)
{
    struct la_explain_jobs *jobs = calloc(1, sizeof(*jobs));
    if (jobs == NULL)
        return NULL;
    jobs->cfg = *cfg;
    jobs->slots_n = cfg->jobs_n == 1 ? 1 : SLOTS_N;
    (void)pthread_mutex_init(&jobs->lock, NULL);
    (void)pthread_cond_init(&jobs->published, NULL);
    (void)pthread_cond_init(&jobs->done, NULL);
    if (init(jobs))
        return jobs;
    la_explain_jobs_free(jobs);
    return NULL;
}

static void
job_fini(struct la_explain_jobs *jobs, unsigned number)
{
    struct job *job = &jobs->job[number];
    if (job->runs)
        (void)pthread_join(job->thread, NULL);
    for (unsigned i = 0; i < SLOTS_N && job->mem != NULL; i++)
        if (jobs->slots[i].outboxes != NULL && jobs->slots[i].outboxes[number].mem != NULL)
            la_outbox_fini(&jobs->slots[i].outboxes[number]);
    la_explain_free(job->part.explain);
    if (job->mem != NULL)
        la_mem_unref(job->mem);
}

void
la_explain_jobs_free(struct la_explain_jobs *jobs)
{
    if (jobs == NULL)
        return;
    (void)pthread_mutex_lock(&jobs->lock);
    jobs->over = true;
    (void)pthread_cond_broadcast(&jobs->published);
    (void)pthread_mutex_unlock(&jobs->lock);
    for (unsigned i = 0; i < jobs->cfg.jobs_n; i++)
        job_fini(jobs, i);
    for (unsigned i = 0; i < SLOTS_N; i++) {
        if (jobs->mem != NULL)
            la_batch_fini(&jobs->slots[i].batch, &jobs->intake);
        free(jobs->slots[i].outboxes);
    }
    la_whole_fini(&jobs->whole);
    la_intake_fini(&jobs->intake);
    if (jobs->mem != NULL)
        la_mem_unref(jobs->mem);
    (void)pthread_cond_destroy(&jobs->done);
    (void)pthread_cond_destroy(&jobs->published);
    (void)pthread_mutex_destroy(&jobs->lock);
    free(jobs);
}

struct la_explain *
la_explain_jobs_whole(struct la_explain_jobs *jobs)
{
    return jobs->whole.explain;
}

bool
la_explain_jobs_failed(const struct la_explain_jobs *jobs)
{
    bool was_short = la_mem_was_short(jobs->mem);
    for (unsigned i = 0; i < jobs->cfg.jobs_n; i++)
        was_short |= la_mem_was_short(jobs->job[i].mem);
    return was_short || jobs->failed || jobs->whole.is_incomplete;
}
