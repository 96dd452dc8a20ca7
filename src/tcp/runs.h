/* SPDX-License-Identifier: MIT
 *
 * runs.h - text that has arrived beyond RCV.NXT
 *
 * A run is text without gaps; between two of them there is one. They stand in two orders: by
 * number, and by when text last came for them, which is the order of SACK blocks (RFC 2018 4).
 *
 * Their number is bounded by what an honest sender needs when every second segment is lost: one for
 * each full segment that the receive buffer takes; LA_TCP_RUNS_MIN always, LA_TCP_RUNS_MAX at most.
 * A segment costs the logarithm of that, and moving half of them as pointers at worst (64 KiB).
 */
#ifndef LA_TCP_RUNS_H
#define LA_TCP_RUNS_H

#include <lastack/base.h>
#include "base/chain.h"
#include "base/row.h"
#include "base/seq.h"

struct la_tcp_run {
    la_seq seq;
    struct la_chain octets;          /* never empty */
    struct la_tcp_run *newer, *older; /* text came for it later, earlier */
};

/* Zeroed: there are none. */
struct la_tcp_runs {
    struct la_tcp_run **room; /* places of the row; ascending, disjoint, not touching */
    struct la_row row;
    struct la_tcp_run *latest; /* that text came for */
    uint32_t bytes;            /* of text, in all of them */
};

enum { LA_TCP_RUNS_MIN = 256, LA_TCP_RUNS_MAX = 16384 };

/* The run at i, from 0 to row.n - 1, ascending. */
static inline struct la_tcp_run *
la_tcp_runs_at(const struct la_tcp_runs *runs, uint32_t i)
{
    return runs->room[runs->row.head + i];
}

static inline la_seq
la_tcp_run_end(const struct la_tcp_run *run)
{
    return la_seq_add(run->seq, run->octets.len);
}

/* The number of the first run that begins behind `seq`; row.n: none does. O(log n). */
uint32_t la_tcp_runs_behind(const struct la_tcp_runs *runs, la_seq seq);
/* A run with number i that begins at `seq`, still without text. NULL: there are `most`, or no
 * memory. */
struct la_tcp_run *la_tcp_runs_insert(struct la_tcp_runs *runs, struct la_mem *mem, uint32_t most,
                                      uint32_t i, la_seq seq);
/* Run i and what text it has left are given back. */
void la_tcp_runs_remove(struct la_tcp_runs *runs, struct la_mem *mem, uint32_t i);
/* Text has come for it. */
void la_tcp_runs_touch(struct la_tcp_runs *runs, struct la_tcp_run *run);
void la_tcp_runs_clear(struct la_tcp_runs *runs, struct la_mem *mem);
/* Asserts the invariants; all of it lies behind `rcv_nxt`. */
void la_tcp_runs_check(const struct la_tcp_runs *runs, la_seq rcv_nxt);

#endif
