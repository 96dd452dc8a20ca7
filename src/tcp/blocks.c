/* SPDX-License-Identifier: MIT
 *
 * blocks.c - SACK blocks that we report
 *
 * Read first: RFC 2018 3, 4; RFC 2883 4.
 *
 * RFC 2018 4 orders blocks by when they were first in an option. Text for a run makes that run
 * first, so ordering runs by their latest text is the same.
 */
#include "tcp/blocks.h"

enum { OPTION_HEAD_BYTES = 4, BLOCK_BYTES = 8 }; /* two NOPs, kind, length */

void
la_tcp_blocks_duplicate(struct la_tcp_conn *c, la_seq first, uint32_t n, struct la_tcp_todo *todo)
{
    if ((c->flags & LA_TCP_F_SACK) == 0 || n == 0 || todo->duplicate)
        return;
    struct la_tcp_busy *busy = la_tcp_busy_get(c, todo->env, todo->now);
    if (busy == NULL)
        return; /* no memory: a duplicate need not be reported */
    todo->duplicate = true;
    busy->dsack_left = first;
    busy->dsack_bytes = n;
}

unsigned
la_tcp_blocks_n(const struct la_tcp_conn *c, const struct la_tcp_busy *busy)
{
    if (busy == NULL || (c->flags & LA_TCP_F_SACK) == 0)
        return 0;
    return busy->runs.row.n + (busy->dsack_bytes > 0);
}

/* How many blocks fit. */
static unsigned
blocks_max(const struct la_tcp_conn *c, const struct la_tcp_seg *seg)
{
    uint32_t room = LA_TCP_HEADER_BYTES_MAX - (uint32_t)la_tcp_seg_header_bytes(seg);
    if (seg->text_bytes > 0) {
        uint32_t left = c->smss > seg->text_bytes ? c->smss - seg->text_bytes : 0;
        room = left < room ? left : room;
    }
    return room < OPTION_HEAD_BYTES ? 0 : (room - OPTION_HEAD_BYTES) / BLOCK_BYTES;
}

void
la_tcp_blocks_fill(const struct la_tcp_conn *c, struct la_tcp_busy *busy, struct la_tcp_seg *seg)
{
    if ((seg->flags & LA_TCP_SYN) != 0 || la_tcp_blocks_n(c, busy) == 0)
        return;
    unsigned max = blocks_max(c, seg);
    if (max == 0)
        return;
    if (busy->dsack_bytes > 0) {
        la_seq right = la_seq_add(busy->dsack_left, busy->dsack_bytes);
        seg->sack[seg->sack_n++] = (struct la_tcp_sack){busy->dsack_left, right};
        busy->dsack_bytes = 0;
    }
    for (const struct la_tcp_run *run = busy->runs.latest; run != NULL && seg->sack_n < max;
         run = run->older)
        seg->sack[seg->sack_n++] = (struct la_tcp_sack){run->seq, la_tcp_run_end(run)};
}
