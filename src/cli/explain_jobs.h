/* SPDX-License-Identifier: MIT
 *
 * explain_jobs.h - the analysis in several threads, each with a share of the flows
 *
 * Read first: explain/share.h. With one job there is no thread but the caller's, and the same is
 * said in the same order; so it does the work of a job whose thread cannot be started.
 */
#ifndef LA_CLI_EXPLAIN_JOBS_H
#define LA_CLI_EXPLAIN_JOBS_H

#include "explain/share.h"

struct la_explain_jobs;

struct la_explain_jobs_cfg {
    struct la_explain_cfg explain; /* its trace: with one job only */
    uint64_t memory_bytes;         /* for all together */
    unsigned jobs_n;               /* up to LA_PARTS_MAX */
    la_part_wants *wants;          /* in the jobs' threads, with contexts[job]; NULL: all */
    void *const *contexts;
    la_whole_tell *tell;           /* in the caller's thread */
    void *ctx;
};

/* NULL: no memory. */
struct la_explain_jobs *la_explain_jobs_new(const struct la_explain_jobs_cfg *cfg);
void la_explain_jobs_free(struct la_explain_jobs *jobs);
/* Packets in the order of the capture. Their octets stay until la_explain_jobs_flush(). Connections
 * are told of when it is convenient. */
void la_explain_jobs_take(struct la_explain_jobs *jobs, const struct la_explain_packet *packets,
                          size_t n);
/* All packets that were taken have been analysed, and connections told of. */
void la_explain_jobs_flush(struct la_explain_jobs *jobs);
/* The capture has ended: connections that are left are told of. */
void la_explain_jobs_finish(struct la_explain_jobs *jobs);
/* Listeners and the file. */
struct la_explain *la_explain_jobs_whole(struct la_explain_jobs *jobs);
/* Something may be missing for lack of memory, besides what was ended early, which is counted. The
 * capture has ended. */
bool la_explain_jobs_failed(const struct la_explain_jobs *jobs);

#endif
