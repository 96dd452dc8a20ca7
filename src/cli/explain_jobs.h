/* SPDX-License-Identifier: MIT
 *
 * explain_jobs.h - the analysis in several threads, by shares of the flows
 *
 * Read first: explain/share.h. The caller's thread is one of them. There are more parts than
 * threads, so that a thread that has nothing to do finds a part that waits. With one job there is
 * one part, and no thread but the caller's; the same is said in the same order.
 */
#ifndef LA_CLI_EXPLAIN_JOBS_H
#define LA_CLI_EXPLAIN_JOBS_H

#include "explain/share.h"

struct la_explain_jobs;

/* Puts packets, up to max of them, into the room, in the order of the capture; returns how many. 0:
 * it has ended. */
typedef size_t la_explain_read(void *ctx, struct la_explain_packet *room, size_t max);

struct la_explain_jobs_cfg {
    struct la_explain_cfg explain; /* its trace: with one job only */
    uint64_t memory_bytes;         /* for all together */
    unsigned jobs_n;               /* up to LA_PARTS_MAX */
    bool stays;                    /* what was read is there to the end, not to the next call alone;
                                      else there must be one job, which waits for nothing */
    /* Called in any thread: for one part, and of those that are not of parts for all, one call at a
     * time. */
    la_part_wants *wants;          /* with contexts[part]; NULL: all */
    void *const *contexts;
    la_explain_read *read;         /* with ctx */
    la_whole_tell *tell;           /* with ctx; in the order of ending */
    void *ctx;
};

/* How many parts that many jobs have. */
unsigned la_explain_jobs_parts(unsigned jobs_n, uint64_t memory_bytes);
/* NULL: no memory. */
struct la_explain_jobs *la_explain_jobs_new(const struct la_explain_jobs_cfg *cfg);
void la_explain_jobs_free(struct la_explain_jobs *jobs);
/* Reads the capture to its end; all connections have been told of then. Once. */
void la_explain_jobs_run(struct la_explain_jobs *jobs);
/* Listeners and the file. */
struct la_explain *la_explain_jobs_whole(struct la_explain_jobs *jobs);
/* Something may be missing for lack of memory, besides what was ended early, which is counted. The
 * capture has ended. */
bool la_explain_jobs_failed(const struct la_explain_jobs *jobs);

#endif
