/* SPDX-License-Identifier: MIT
 *
 * sack.c - SACKed octets and loss detection
 *
 * Read first: RFC 6675 2 (terms), 4 (Update, IsLost, SetPipe, NextSeg), 5; RFC 2018 5, 8.
 */
#include "tcp/sack.h"

#include <string.h>

#include "base/assert.h"
#include "base/mem.h"
#include "tcp/rack.h"
#include "tcp/rate.h"

enum { RANGES_FIRST = 8 };

static uint32_t
min32(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

/* ---- the scoreboard --------------------------------------------------------------------- */

/* Place for one range more, as far as memory and the limit go. */
static void
make_place(struct la_ranges *sacked, struct la_mem *mem)
{
    if (sacked->n < sacked->cap || sacked->cap == LA_TCP_SACKED_MAX)
        return;
    uint32_t cap = sacked->cap == 0 ? (uint32_t)RANGES_FIRST : sacked->cap * 2;
    struct la_range *room = la_mem_take(mem, cap * sizeof(*room));
    if (room == NULL)
        return;
    if (sacked->cap > 0) {
        memcpy(room, sacked->r, sacked->n * sizeof(*room));
        la_mem_give(mem, sacked->r, sacked->cap * sizeof(*room));
    }
    sacked->r = room;
    sacked->cap = cap;
}

/* Where a block has no place the octets count as not SACKed; at worst they are sent again. */
static bool
take_block(struct la_ranges *sacked, struct la_range block, struct la_mem *mem)
{
    if (la_ranges_contains(sacked, block))
        return false;
    make_place(sacked, mem);
    return la_ranges_add(sacked, block);
}

/* It is on the board, and not SACKed. */
static void
arrived(struct la_tcp_conn *c, struct la_tcp_busy *busy, struct la_range range,
        const struct la_tcp_seg *seg, struct la_tcp_todo *todo)
{
    if (la_tcp_rack_is_on(c))
        la_tcp_rack_delivered(c, busy, range, seg, todo);
    la_tcp_rate_delivered(busy, range);
}

void
la_tcp_sack_delivered(struct la_tcp_conn *c, struct la_tcp_busy *busy, struct la_range range,
                      const struct la_tcp_seg *seg, struct la_tcp_todo *todo)
{
    la_seq first = la_tcp_sack_skip(busy, range.start);
    while (la_seq_lt(first, range.end)) {
        uint32_t n = (uint32_t)la_seq_diff(range.end, first);
        la_seq end = la_seq_add(first, la_tcp_sack_gap(busy, first, n));
        arrived(c, busy, (struct la_range){first, end}, seg, todo);
        first = la_tcp_sack_skip(busy, end);
    }
}

bool
la_tcp_sack_update(struct la_tcp_conn *c, struct la_tcp_busy *busy, const struct la_tcp_seg *seg,
                   struct la_tcp_todo *todo)
{
    bool news = false;
    for (unsigned i = la_tcp_seg_has_dsack(seg); i < seg->sack_n; i++) {
        const struct la_tcp_sack *s = &seg->sack[i];
        bool empty = la_seq_ge(s->left, s->right);
        if (!empty && la_seq_le(s->right, c->snd_una))
            continue;
        if (empty || la_seq_le(s->left, c->snd_una) || la_seq_gt(s->right, c->snd_nxt)) {
            if (todo->reason == LA_REASON_NONE)
                todo->reason = LA_REASON_SACK_OUTSIDE;
            continue;
        }
        struct la_range block = {s->left, s->right};
        todo->delivered_bytes += la_tcp_sack_missing(busy, block.start, block.end);
        la_tcp_sack_delivered(c, busy, block, seg, todo);
        news |= take_block(&busy->sacked, block, todo->env->mem);
    }
    return news;
}

bool
la_tcp_sack_advance(const struct la_tcp_conn *c, struct la_tcp_busy *busy)
{
    if (busy->sacked.n == 0)
        return false;
    la_ranges_remove_below(&busy->sacked, c->snd_una);
    if (busy->sacked.n == 0 || la_seq_gt(busy->sacked.r[0].start, c->snd_una))
        return false;
    la_tcp_sack_forget(busy);
    return true;
}

void
la_tcp_sack_forget(struct la_tcp_busy *busy)
{
    for (uint32_t i = 0; i < busy->sacked.n; i++) /* it will be delivered once more */
        busy->rate.delivered -=
            (uint32_t)la_seq_diff(busy->sacked.r[i].end, busy->sacked.r[i].start);
    busy->sacked.n = 0;
}

void
la_tcp_sack_fini(struct la_tcp_busy *busy, struct la_mem *mem)
{
    if (busy->sacked.cap > 0)
        la_mem_give(mem, busy->sacked.r, busy->sacked.cap * sizeof(*busy->sacked.r));
    busy->sacked = (struct la_ranges){0};
}

uint32_t
la_tcp_sack_missing(const struct la_tcp_busy *busy, la_seq first, la_seq end)
{
    if (la_seq_ge(first, end))
        return 0;
    uint32_t n = (uint32_t)la_seq_diff(end, first);
    for (uint32_t i = 0; i < busy->sacked.n; i++) {
        la_seq left = la_seq_max(busy->sacked.r[i].start, first);
        la_seq right = la_seq_min(busy->sacked.r[i].end, end);
        if (la_seq_lt(left, right))
            n -= (uint32_t)la_seq_diff(right, left);
    }
    return n;
}

la_seq
la_tcp_sack_skip(const struct la_tcp_busy *busy, la_seq seq)
{
    if (busy->sacked.n == 0)
        return seq;
    const struct la_range *r = la_ranges_at_or_above(&busy->sacked, seq);
    return r != NULL && la_seq_le(r->start, seq) ? r->end : seq;
}

uint32_t
la_tcp_sack_gap(const struct la_tcp_busy *busy, la_seq first, uint32_t n)
{
    if (busy->sacked.n == 0)
        return n;
    const struct la_range *r = la_ranges_at_or_above(&busy->sacked, first);
    return r == NULL ? n : min32(n, (uint32_t)la_seq_diff(r->start, first));
}

/* ---- RFC 6675 4 ------------------------------------------------------------------------- */

/* IsLost() is true for octets before the returned number that are not SACKed, and for no others:
 * DupThresh runs, or more than (DupThresh - 1) * SMSS octets, are SACKed above them. */
static la_seq
lost_end(const struct la_tcp_conn *c, const struct la_tcp_busy *busy)
{
    uint32_t bytes = 0;
    unsigned runs_n = 0;
    for (uint32_t i = busy->sacked.n; i > 0; i--) {
        const struct la_range *r = &busy->sacked.r[i - 1];
        bytes += (uint32_t)la_seq_diff(r->end, r->start);
        runs_n++;
        if (runs_n >= LA_TCP_DUP_THRESH || bytes > (LA_TCP_DUP_THRESH - 1u) * c->smss)
            return r->start;
    }
    return c->snd_una;
}

bool
la_tcp_sack_is_lost(const struct la_tcp_conn *c, const struct la_tcp_busy *busy)
{
    return la_seq_gt(lost_end(c, busy), c->snd_una);
}

uint32_t
la_tcp_sack_pipe(const struct la_tcp_conn *c, const struct la_tcp_busy *busy)
{
    la_seq lost = lost_end(c, busy);
    return la_tcp_sack_missing(busy, lost, c->snd_nxt) +
           la_tcp_sack_missing(busy, c->snd_una, busy->high_rxt);
}

/* The hole at or behind HighRxt, when it begins before `end`. */
static bool
hole_before(const struct la_tcp_conn *c, const struct la_tcp_busy *busy, la_seq end,
            struct la_tcp_again *again)
{
    la_seq first = la_tcp_sack_skip(busy, la_seq_max(busy->high_rxt, c->snd_una));
    if (!la_seq_lt(first, end))
        return false;
    *again = (struct la_tcp_again){first, la_tcp_sack_gap(busy, first, c->smss), false};
    return true;
}

bool
la_tcp_sack_next(const struct la_tcp_conn *c, const struct la_tcp_busy *busy,
                 struct la_tcp_again *again)
{
    return hole_before(c, busy, lost_end(c, busy), again);
}

/* Rule 4, a MAY: the segment that ends with the highest octet not SACKed, once per recovery. What
 * this recovery has sent again already is not sent a third time. */
static bool
rescue(const struct la_tcp_conn *c, const struct la_tcp_busy *busy, struct la_tcp_again *again)
{
    if (!la_seq_gt(c->snd_una, busy->rescue_rxt))
        return false;
    la_seq end = c->snd_nxt;
    la_seq floor = c->snd_una;
    for (uint32_t i = busy->sacked.n; i > 0; i--) {
        const struct la_range *r = &busy->sacked.r[i - 1];
        if (la_seq_lt(r->end, end)) {
            floor = r->end;
            break;
        }
        end = r->start;
    }
    if (!la_seq_gt(end, la_seq_max(floor, busy->high_rxt)))
        return false;
    uint32_t n = min32((uint32_t)la_seq_diff(end, floor), c->smss);
    *again = (struct la_tcp_again){la_seq_sub(end, n), n, true};
    return true;
}

bool
la_tcp_sack_last_resort(const struct la_tcp_conn *c, const struct la_tcp_busy *busy,
                        struct la_tcp_again *again)
{
    uint32_t n = busy->sacked.n;
    la_seq highest = n > 0 ? busy->sacked.r[n - 1].start : c->snd_una;
    return hole_before(c, busy, highest, again) || rescue(c, busy, again);
}
