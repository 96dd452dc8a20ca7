/* SPDX-License-Identifier: MIT
 *
 * sack.c - SACKed octets and loss detection
 *
 * Read first: RFC 6675 2 (terms), 4 (Update, IsLost, SetPipe, NextSeg), 5; RFC 2018 5, 8.
 */
#include "tcp/sack.h"

#include <string.h>

#include "base/assert.h"
#include "base/extremes.h"
#include "base/mem.h"
#include "tcp/rack.h"
#include "tcp/rate.h"

enum { RANGES_FIRST = 8 };

/* ---- the scoreboard --------------------------------------------------------------------- */

/* How many ranges there may be: what honest receivers need, one for every second segment at most.
 * The rule of RFC 6675 alone goes through them all for each acknowledgement. */
static uint32_t
ranges_max(const struct la_tcp_conn *c)
{
    uint32_t n = la_tcp_rack_is_on(c) ? la_tcp_flight(c) / c->smss : 0;
    return n < LA_TCP_SACKED_MIN ? LA_TCP_SACKED_MIN : min32(n, LA_TCP_SACKED_MAX);
}

/* Place for one range more, as far as memory and the limit go. */
static void
make_place(struct la_ranges *sacked, uint32_t most, struct la_mem *mem)
{
    uint32_t before = sacked->row.cap, n = sacked->row.n;
    if (n < before || before >= most)
        return;
    uint32_t cap = before == 0 ? (uint32_t)RANGES_FIRST : before * 2;
    struct la_range *room = la_mem_take(mem, cap * sizeof(*room));
    if (room == NULL)
        return;
    if (before > 0) {
        memcpy(room, la_ranges_at(sacked, 0), n * sizeof(*room));
        la_mem_give(mem, sacked->room, before * sizeof(*room));
    }
    sacked->room = room;
    sacked->row = (struct la_row){.cap = cap, .n = n};
}

/* It is on the board, and not SACKed. */
static void
arrived(struct la_tcp_conn *c, struct la_tcp_busy *busy, struct la_range range,
        const struct la_tcp_seg *seg, struct la_tcp_todo *todo)
{
    la_tcp_scoreboard_arrived(&busy->board, range);
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

/* True: the block says something new. Where it has no place its octets count as not SACKed; at
 * worst they are sent again. */
static bool
take_block(struct la_tcp_conn *c, struct la_tcp_busy *busy, struct la_range block,
           const struct la_tcp_seg *seg, struct la_tcp_todo *todo)
{
    struct la_ranges *sacked = &busy->board.sacked;
    if (la_ranges_contains(sacked, block))
        return false;
    make_place(sacked, ranges_max(c), todo->env->mem);
    if (!la_ranges_has_place(sacked, block))
        return false;
    todo->delivered_bytes += la_tcp_sack_missing(busy, block.start, block.end);
    la_tcp_sack_delivered(c, busy, block, seg, todo);
    bool added = la_ranges_add(sacked, block);
    LA_ASSERT(added);
    la_tcp_scoreboard_sacked(&busy->board, block);
    return true;
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
        news |= take_block(c, busy, (struct la_range){s->left, s->right}, seg, todo);
    }
    return news;
}

bool
la_tcp_sack_advance(const struct la_tcp_conn *c, struct la_tcp_busy *busy)
{
    struct la_ranges *sacked = &busy->board.sacked;
    la_ranges_remove_below(sacked, c->snd_una);
    const struct la_range *first = la_ranges_first(sacked);
    if (first == NULL || la_seq_gt(first->start, c->snd_una))
        return false;
    la_tcp_sack_forget(busy);
    return true;
}

void
la_tcp_sack_forget(struct la_tcp_busy *busy)
{
    busy->rate.delivered -= busy->board.sacked.total; /* it will be delivered once more */
    la_tcp_scoreboard_sack_none(&busy->board);
}

uint32_t
la_tcp_sack_missing(const struct la_tcp_busy *busy, la_seq first, la_seq end)
{
    if (la_seq_ge(first, end))
        return 0;
    struct la_range range = {first, end};
    return (uint32_t)la_seq_diff(end, first) - la_ranges_within(&busy->board.sacked, range);
}

la_seq
la_tcp_sack_skip(const struct la_tcp_busy *busy, la_seq seq)
{
    const struct la_range *r = la_ranges_at_or_above(&busy->board.sacked, seq);
    return r != NULL && la_seq_le(r->start, seq) ? r->end : seq;
}

uint32_t
la_tcp_sack_gap(const struct la_tcp_busy *busy, la_seq first, uint32_t n)
{
    const struct la_range *r = la_ranges_at_or_above(&busy->board.sacked, first);
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
    const struct la_ranges *sacked = &busy->board.sacked;
    for (uint32_t i = sacked->row.n; i > 0; i--) {
        const struct la_range *r = la_ranges_at(sacked, i - 1);
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
    const struct la_ranges *sacked = &busy->board.sacked;
    for (uint32_t i = sacked->row.n; i > 0; i--) {
        const struct la_range *r = la_ranges_at(sacked, i - 1);
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
    const struct la_ranges *sacked = &busy->board.sacked;
    uint32_t n = sacked->row.n;
    la_seq highest = n > 0 ? la_ranges_at(sacked, n - 1)->start : c->snd_una;
    return hole_before(c, busy, highest, again) || rescue(c, busy, again);
}
