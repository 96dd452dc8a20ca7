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
la_tcp_blocks_touch(struct la_tcp_busy *busy, struct la_tcp_ooo *run)
{
    run->touched = ++busy->ooo_touches_n;
}

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

/* The run touched latest of those that were touched more than `age` touches ago; NULL: none. */
static const struct la_tcp_ooo *
next_older(const struct la_tcp_busy *busy, uint32_t age)
{
    const struct la_tcp_ooo *best = NULL;
    uint32_t best_age = UINT32_MAX;
    for (const struct la_tcp_ooo *o = busy->ooo; o != NULL; o = o->next) {
        uint32_t o_age = busy->ooo_touches_n + 1 - o->touched;
        if (o_age > age && o_age < best_age) {
            best = o;
            best_age = o_age;
        }
    }
    return best;
}

void
la_tcp_blocks_fill(const struct la_tcp_conn *c, struct la_tcp_busy *busy, struct la_tcp_seg *seg)
{
    if (busy == NULL || (c->flags & LA_TCP_F_SACK) == 0 || (seg->flags & LA_TCP_SYN) != 0 ||
        (busy->ooo == NULL && busy->dsack_bytes == 0))
        return;
    unsigned max = blocks_max(c, seg);
    if (max == 0)
        return;
    if (busy->dsack_bytes > 0) {
        la_seq right = la_seq_add(busy->dsack_left, busy->dsack_bytes);
        seg->sack[seg->sack_n++] = (struct la_tcp_sack){busy->dsack_left, right};
        busy->dsack_bytes = 0;
    }
    const struct la_tcp_ooo *run = next_older(busy, 0);
    while (run != NULL && seg->sack_n < max) {
        la_seq right = la_seq_add(run->seq, run->octets.len);
        seg->sack[seg->sack_n++] = (struct la_tcp_sack){run->seq, right};
        run = next_older(busy, busy->ooo_touches_n + 1 - run->touched);
    }
}
