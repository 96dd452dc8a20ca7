/* SPDX-License-Identifier: MIT
 *
 * explain_jobs.c - the analysis in several threads
 *
 * Slots hold batches of packets, then what is to be done when there are no more. Batches are cut by
 * the number of packets alone, and collected one by one: what is said does not depend on how many
 * threads there are.
 */
#include "cli/explain_jobs.h"

#include <lastack/host.h>
#include <stdlib.h>

#include "base/mem.h"
#include "cli/turns.h"

enum {
    SLOTS_N = 5, /* more are more than the caches have room for */
    AHEAD_N = 3,
    AT_ONCE_N = 64,
    FINISH_N = 512,
    PARTS_EACH_N = 4,
    PART_BYTES_MIN = 1 << 20,
    WHOLE_SHARE = 8, /* of the memory */
    INTAKE_SHARE = 16,
    LINES_BYTES = 128 /* two lines of the cache: they are fetched in pairs */
};

_Static_assert((int)LA_PARTS_MAX <= (int)LA_TURNS_PARTS_MAX, "turns are for all parts");

enum work { WORK_BATCH, WORK_ALONE, WORK_LINE_UP, WORK_FINISH };

/* How far the filling is. */
enum stage { STAGE_READ, STAGE_LINE_UP, STAGE_FINISH, STAGE_OVER };

struct slot {
    enum work work;
    uint64_t before_frame; /* WORK_FINISH */
    struct la_batch batch;
};

struct share {
    struct la_part part;
    struct la_mem *mem;
    struct la_outbox outboxes[SLOTS_N];
    uint8_t apart[LINES_BYTES]; /* from the next one's, which another thread writes */
};

struct la_explain_jobs {
    struct la_explain_jobs_cfg cfg;
    unsigned parts_n, slots_n; /* of a part that is alone, one */
    struct share *shares;
    struct slot *slots;
    /* Whoever fills. */
    struct la_mem *intake_mem;
    struct la_intake intake;
    enum stage stage;
    bool failed;
    /* Whoever collects. */
    struct la_mem *whole_mem;
    struct la_whole whole;
};

static struct slot *
slot_at(struct la_explain_jobs *jobs, uint64_t n)
{
    return &jobs->slots[n % jobs->slots_n];
}

static struct la_outbox *
outbox_at(struct la_explain_jobs *jobs, unsigned part, uint64_t n)
{
    return &jobs->shares[part].outboxes[n % jobs->slots_n];
}

/* ---- the work of each turn ----------------------------------------------------------------------
 */

/* A batch for all parts. False: there was no packet more. */
static bool
fill_batch(struct la_explain_jobs *jobs, struct slot *slot)
{
    struct la_batch *batch = &slot->batch;
    slot->work = WORK_BATCH;
    la_batch_begin(batch, &jobs->intake);
    while (batch->n < LA_BATCH_N) {
        struct la_explain_packet packets[AT_ONCE_N];
        size_t room = LA_BATCH_N - batch->n;
        size_t n = jobs->cfg.read(jobs->cfg.ctx, packets, room < AT_ONCE_N ? room : AT_ONCE_N);
        if (n == 0) {
            jobs->stage = STAGE_LINE_UP;
            break;
        }
        if (!la_intake_take(&jobs->intake, batch, packets, n))
            jobs->failed = true;
    }
    return batch->n > 0;
}

/* A part that is alone takes packets as they are read; as many as a batch has, so that what is said
 * is the same. */
static bool
fill_alone(struct la_explain_jobs *jobs, struct slot *slot, struct la_outbox *outbox)
{
    struct la_explain_packet packets[AT_ONCE_N];
    size_t taken_n = 0, n;
    slot->work = WORK_ALONE;
    do {
        size_t room = LA_BATCH_N - taken_n;
        n = jobs->cfg.read(jobs->cfg.ctx, packets, room < AT_ONCE_N ? room : AT_ONCE_N);
        la_part_take_all(&jobs->shares[0].part, &jobs->intake, packets, n, outbox);
        taken_n += n;
    } while (n > 0 && taken_n < LA_BATCH_N && jobs->cfg.stays);
    if (n == 0)
        jobs->stage = STAGE_LINE_UP;
    return taken_n > 0;
}

/* Some at a time: none is told of before all that appeared before it. */
static void
fill_finish(struct la_explain_jobs *jobs, struct slot *slot)
{
    slot->work = WORK_FINISH;
    slot->before_frame = UINT64_MAX;
    for (unsigned i = 0; i < jobs->parts_n; i++) {
        uint64_t left = la_part_left(&jobs->shares[i].part, FINISH_N);
        slot->before_frame = left < slot->before_frame ? left : slot->before_frame;
    }
    if (slot->before_frame == UINT64_MAX)
        jobs->stage = STAGE_OVER;
}

static unsigned
fill(void *ctx, uint64_t n)
{
    struct la_explain_jobs *jobs = ctx;
    struct slot *slot = slot_at(jobs, n);
    bool filled = true;
    switch (jobs->stage) {
    case STAGE_READ:
        filled = jobs->parts_n == 1 ? fill_alone(jobs, slot, outbox_at(jobs, 0, n))
                                    : fill_batch(jobs, slot);
        break;
    case STAGE_LINE_UP:
        slot->work = WORK_LINE_UP;
        jobs->stage = STAGE_FINISH;
        break;
    case STAGE_FINISH:
        fill_finish(jobs, slot);
        break;
    case STAGE_OVER:
        filled = false;
        break;
    }
    return (filled ? LA_TURNS_FILLED : 0u) | (jobs->stage != STAGE_READ ? LA_TURNS_REST : 0u) |
           (jobs->stage == STAGE_OVER ? LA_TURNS_LAST : 0u);
}

static void
analyse(void *ctx, unsigned part, uint64_t n)
{
    struct la_explain_jobs *jobs = ctx;
    const struct slot *slot = slot_at(jobs, n);
    const struct la_part *of = &jobs->shares[part].part;
    struct la_outbox *outbox = outbox_at(jobs, part, n);
    switch (slot->work) {
    case WORK_BATCH:
        la_part_take(of, &slot->batch, outbox);
        break;
    case WORK_ALONE: /* It was, when the slot was filled. */
        break;
    case WORK_LINE_UP: /* The intake has come to rest. */
        la_part_finish_begin(of, jobs->intake.now_ns, jobs->intake.file.packets);
        break;
    case WORK_FINISH:
        la_part_finish_some(of, slot->before_frame, outbox);
        break;
    }
}

static void
collect(void *ctx, uint64_t n)
{
    struct la_explain_jobs *jobs = ctx;
    struct la_outbox *outboxes[LA_PARTS_MAX];
    for (unsigned i = 0; i < jobs->parts_n; i++)
        outboxes[i] = outbox_at(jobs, i, n);
    la_whole_collect(&jobs->whole, outboxes, jobs->parts_n, jobs->cfg.tell, jobs->cfg.ctx);
}

void
la_explain_jobs_run(struct la_explain_jobs *jobs)
{
    struct la_part parts[LA_PARTS_MAX];
    la_turns_run(&(struct la_turns_cfg){.threads_n = jobs->cfg.jobs_n,
                                        .parts_n = jobs->parts_n,
                                        .slots_n = jobs->slots_n,
                                        .ahead_n = AHEAD_N,
                                        .fill = fill,
                                        .part = analyse,
                                        .collect = collect,
                                        .ctx = jobs});
    for (unsigned i = 0; i < jobs->parts_n; i++)
        parts[i] = jobs->shares[i].part;
    la_whole_finish(&jobs->whole, &jobs->intake, parts, jobs->parts_n);
}

/* ---- all of it --------------------------------------------------------------------------------
 */

unsigned
la_explain_jobs_parts(unsigned jobs_n, uint64_t memory_bytes)
{
    uint64_t n = jobs_n == 1 ? 1 : (uint64_t)jobs_n * PARTS_EACH_N;
    uint64_t n_max = memory_bytes / PART_BYTES_MIN;
    n_max = n_max < jobs_n ? jobs_n : n_max < LA_PARTS_MAX ? n_max : LA_PARTS_MAX;
    return (unsigned)(n < n_max ? n : n_max);
}

static bool
share_init(struct la_explain_jobs *jobs, unsigned number)
{
    struct share *share = &jobs->shares[number];
    struct la_explain_cfg cfg = jobs->cfg.explain;
    unsigned n = jobs->parts_n;
    uint64_t bytes = jobs->cfg.memory_bytes;
    bytes -= bytes / WHOLE_SHARE + bytes / INTAKE_SHARE;
    cfg.conns_n_max = cfg.conns_n_max / n > 0 ? cfg.conns_n_max / n : 1;
    share->part = (struct la_part){.share = number, .wants = jobs->cfg.wants};
    share->part.ctx = jobs->cfg.wants != NULL ? jobs->cfg.contexts[number] : NULL;
    share->mem = la_mem_new(la_host_alloc(), bytes / n);
    if (share->mem == NULL || la_explain_new(&cfg, share->mem, &share->part.explain) != LA_OK)
        return false;
    for (unsigned i = 0; i < SLOTS_N; i++)
        la_outbox_init(&share->outboxes[i], share->mem);
    share->part.explain->outbox = &share->outboxes[0]; /* It is a part from now on. */
    return true;
}

/* Batches, of which nothing is touched before it is filled. */
static bool
slots_init(struct la_explain_jobs *jobs)
{
    jobs->slots = aligned_alloc(_Alignof(struct slot), jobs->slots_n * sizeof(jobs->slots[0]));
    for (unsigned i = 0; i < jobs->slots_n && jobs->slots != NULL; i++) {
        jobs->slots[i].batch.decoded = NULL;
        jobs->slots[i].batch.decoded_cap = 0;
    }
    return jobs->slots != NULL;
}

static bool
init(struct la_explain_jobs *jobs)
{
    uint64_t bytes = jobs->cfg.memory_bytes;
    jobs->shares = calloc(jobs->parts_n, sizeof(jobs->shares[0]));
    if (jobs->shares == NULL || !slots_init(jobs))
        return false;
    jobs->whole_mem = la_mem_new(la_host_alloc(), bytes / WHOLE_SHARE);
    jobs->intake_mem = la_mem_new(la_host_alloc(), bytes / INTAKE_SHARE);
    if (jobs->whole_mem == NULL || jobs->intake_mem == NULL ||
        !la_intake_init(&jobs->intake, jobs->intake_mem, jobs->parts_n) ||
        la_whole_init(&jobs->whole, &jobs->cfg.explain, jobs->whole_mem) != LA_OK)
        return false;
    for (unsigned i = 0; i < jobs->parts_n; i++)
        if (!share_init(jobs, i))
            return false;
    return true;
}

struct la_explain_jobs *
la_explain_jobs_new(const struct la_explain_jobs_cfg *cfg)
{
    struct la_explain_jobs *jobs = calloc(1, sizeof(*jobs));
    if (jobs == NULL)
        return NULL;
    jobs->cfg = *cfg;
    jobs->parts_n = la_explain_jobs_parts(cfg->jobs_n, cfg->memory_bytes);
    jobs->slots_n = jobs->parts_n == 1 ? 1 : SLOTS_N;
    if (init(jobs))
        return jobs;
    la_explain_jobs_free(jobs);
    return NULL;
}

static void
share_fini(struct share *share)
{
    if (share->mem == NULL)
        return;
    for (unsigned i = 0; i < SLOTS_N; i++)
        if (share->outboxes[i].mem != NULL)
            la_outbox_fini(&share->outboxes[i]);
    la_explain_free(share->part.explain);
    la_mem_unref(share->mem);
}

void
la_explain_jobs_free(struct la_explain_jobs *jobs)
{
    if (jobs == NULL)
        return;
    for (unsigned i = 0; i < jobs->parts_n && jobs->shares != NULL; i++)
        share_fini(&jobs->shares[i]);
    free(jobs->shares);
    if (jobs->intake_mem != NULL) {
        for (unsigned i = 0; i < jobs->slots_n; i++)
            la_batch_fini(&jobs->slots[i].batch, &jobs->intake);
        la_intake_fini(&jobs->intake);
        la_mem_unref(jobs->intake_mem);
    }
    free(jobs->slots);
    la_whole_fini(&jobs->whole);
    if (jobs->whole_mem != NULL)
        la_mem_unref(jobs->whole_mem);
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
    bool was_short = la_mem_was_short(jobs->whole_mem) || la_mem_was_short(jobs->intake_mem);
    for (unsigned i = 0; i < jobs->parts_n; i++)
        was_short |= la_mem_was_short(jobs->shares[i].mem);
    return was_short || jobs->failed || jobs->whole.is_incomplete;
}
