/* SPDX-License-Identifier: MIT
 *
 * runs.c - text that has arrived beyond RCV.NXT
 *
 * Read first: RFC 2018 4 (the order of blocks).
 */
#include "tcp/runs.h"

#include <string.h>

#include "base/assert.h"
#include "base/mem.h"

enum { PLACES_FIRST = 4 };

uint32_t
la_tcp_runs_behind(const struct la_tcp_runs *runs, la_seq seq)
{
    uint32_t low = 0, high = runs->row.n;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (la_seq_gt(la_tcp_runs_at(runs, middle)->seq, seq))
            high = middle;
        else
            low = middle + 1;
    }
    return low;
}

/* Place for one more; false: no memory. */
static bool
make_place(struct la_tcp_runs *runs, struct la_mem *mem)
{
    uint32_t before = runs->row.cap, n = runs->row.n;
    if (n < before)
        return true;
    uint32_t cap = before == 0 ? (uint32_t)PLACES_FIRST : before * 2;
    struct la_tcp_run **room = la_mem_take(mem, cap * sizeof(*room));
    if (room == NULL)
        return false;
    if (before > 0) {
        memcpy(room, runs->room + runs->row.head, n * sizeof(*room));
        la_mem_give(mem, runs->room, before * sizeof(*room));
    }
    runs->room = room;
    runs->row = (struct la_row){.cap = cap, .n = n};
    return true;
}

static void
unlink_run(struct la_tcp_runs *runs, struct la_tcp_run *run)
{
    if (run->newer != NULL)
        run->newer->older = run->older;
    else
        runs->latest = run->older;
    if (run->older != NULL)
        run->older->newer = run->newer;
}

static void
link_latest(struct la_tcp_runs *runs, struct la_tcp_run *run)
{
    run->newer = NULL;
    run->older = runs->latest;
    if (runs->latest != NULL)
        runs->latest->newer = run;
    runs->latest = run;
}

struct la_tcp_run *
la_tcp_runs_insert(struct la_tcp_runs *runs, struct la_mem *mem, uint32_t most, uint32_t i,
                   la_seq seq)
{
    if (runs->row.n >= most || !make_place(runs, mem))
        return NULL;
    struct la_tcp_run *run = la_mem_take(mem, sizeof(*run));
    if (run == NULL)
        return NULL;
    run->seq = seq;
    la_row_open(&runs->row, runs->room, sizeof(struct la_tcp_run *), i);
    runs->room[runs->row.head + i] = run;
    link_latest(runs, run);
    return run;
}

void
la_tcp_runs_remove(struct la_tcp_runs *runs, struct la_mem *mem, uint32_t i)
{
    struct la_tcp_run *run = la_tcp_runs_at(runs, i);
    runs->bytes -= run->octets.len;
    la_chain_clear(&run->octets);
    unlink_run(runs, run);
    la_mem_give(mem, run, sizeof(*run));
    la_row_close(&runs->row, runs->room, sizeof(struct la_tcp_run *), i, 1);
}

void
la_tcp_runs_touch(struct la_tcp_runs *runs, struct la_tcp_run *run)
{
    unlink_run(runs, run);
    link_latest(runs, run);
}

void
la_tcp_runs_clear(struct la_tcp_runs *runs, struct la_mem *mem)
{
    while (runs->row.n > 0)
        la_tcp_runs_remove(runs, mem, runs->row.n - 1);
    if (runs->row.cap > 0)
        la_mem_give(mem, runs->room, runs->row.cap * sizeof(struct la_tcp_run *));
    *runs = (struct la_tcp_runs){0};
}

void
la_tcp_runs_check(const struct la_tcp_runs *runs, la_seq rcv_nxt)
{
    la_seq edge = rcv_nxt;
    uint32_t bytes = 0, n = 0;
    for (uint32_t i = 0; i < runs->row.n; i++) {
        const struct la_tcp_run *run = la_tcp_runs_at(runs, i);
        LA_ASSERT(la_seq_gt(run->seq, edge) && run->octets.len > 0);
        edge = la_tcp_run_end(run);
        bytes += run->octets.len;
    }
    for (const struct la_tcp_run *run = runs->latest; run != NULL; run = run->older, n++)
        LA_ASSERT((run->newer == NULL) == (run == runs->latest));
    LA_ASSERT(bytes == runs->bytes && n == runs->row.n);
}
