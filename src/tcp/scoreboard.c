/* SPDX-License-Identifier: MIT
 *
 * scoreboard.c - ranges in flight
 *
 * Read first: RFC 6298 3 (Karn's algorithm); RFC 8985 6.2 step 5 (segments by time of sending).
 */
#include "tcp/scoreboard.h"

#include <string.h>

#include "base/assert.h"
#include "base/mem.h"
#include "base/time.h"

enum { CAP_FIRST = 4, NONE = LA_TCP_SENT_NONE };

static uint16_t
idx_of(const struct la_tcp_scoreboard *b, const struct la_tcp_sent *sent)
{
    return (uint16_t)(sent - b->sent);
}

/* ---- the order of sending --------------------------------------------------------------- */

static void
unlink_sent(struct la_tcp_scoreboard *b, uint16_t idx)
{
    struct la_tcp_sent *sent = &b->sent[idx];
    *(sent->older == NONE ? &b->oldest : &b->sent[sent->older].newer) = sent->newer;
    *(sent->newer == NONE ? &b->newest : &b->sent[sent->newer].older) = sent->older;
    if (b->unjudged == idx)
        b->unjudged = sent->newer;
}

/* Behind `older`; NONE: before all others. */
static void
link_behind(struct la_tcp_scoreboard *b, uint16_t idx, uint16_t older)
{
    struct la_tcp_sent *sent = &b->sent[idx];
    sent->older = older;
    sent->newer = older == NONE ? b->oldest : b->sent[older].newer;
    *(older == NONE ? &b->oldest : &b->sent[older].newer) = idx;
    *(sent->newer == NONE ? &b->newest : &b->sent[sent->newer].older) = idx;
}

static void
link_newest(struct la_tcp_scoreboard *b, uint16_t idx)
{
    link_behind(b, idx, b->newest);
    if (b->unjudged == NONE)
        b->unjudged = idx;
}

/* ---- room ------------------------------------------------------------------------------- */

static uint16_t
take(struct la_tcp_scoreboard *b)
{
    uint16_t idx = b->unused;
    b->unused = b->sent[idx].newer;
    return idx;
}

static void
give(struct la_tcp_scoreboard *b, uint16_t idx)
{
    b->sent[idx].newer = b->unused;
    b->unused = idx;
}

static size_t
room_bytes(unsigned cap)
{
    return cap * (sizeof(struct la_tcp_sent) + 2 * sizeof(uint16_t));
}

/* Makes room for one range more; false: neighbours must be merged instead. */
static bool
grow(struct la_tcp_scoreboard *b, struct la_mem *mem)
{
    if (b->row.n < b->cap)
        return true;
    if (b->cap >= LA_TCP_SCOREBOARD_MAX)
        return false;
    unsigned cap = b->cap == 0 ? (unsigned)CAP_FIRST : b->cap * 2u;
    struct la_tcp_sent *sent = la_mem_take(mem, room_bytes(cap));
    if (sent == NULL)
        return false;
    uint16_t *order = (uint16_t *)(sent + cap);
    if (b->cap > 0) {
        memcpy(sent, b->sent, b->cap * sizeof(*sent));
        memcpy(order, b->order + b->row.head, b->row.n * sizeof(*order));
        la_mem_give(mem, b->sent, room_bytes(b->cap));
    } else {
        b->unused = b->oldest = b->newest = b->unjudged = NONE;
    }
    b->sent = sent;
    b->order = order;
    b->row = (struct la_row){.cap = 2 * cap, .n = b->row.n};
    for (unsigned i = cap; i > b->cap; i--)
        give(b, (uint16_t)(i - 1));
    b->cap = (uint16_t)cap;
    return true;
}

static void
lost_set(struct la_tcp_scoreboard *b, struct la_tcp_sent *sent, uint32_t lost_bytes)
{
    b->lost_bytes = b->lost_bytes - sent->lost_bytes + lost_bytes;
    sent->lost_bytes = lost_bytes;
}

static void
remove_at(struct la_tcp_scoreboard *b, unsigned i)
{
    uint16_t idx = b->order[b->row.head + i];
    lost_set(b, &b->sent[idx], 0);
    unlink_sent(b, idx);
    give(b, idx);
    la_row_close(&b->row, b->order, sizeof(*b->order), i, 1);
}

/* Range i takes i + 1 in: the later time, the higher count. What was sent at different times can
 * give no RTT sample any more, so it counts as sent again. What is lost in one of them alone does
 * not count as lost: RACK judges anew, by the later time. */
static void
merge_next(struct la_tcp_scoreboard *b, unsigned i)
{
    struct la_tcp_sent *keep = la_tcp_scoreboard_at(b, i);
    struct la_tcp_sent *gone = la_tcp_scoreboard_at(b, i + 1);
    bool both = keep->lost_bytes > 0 && gone->lost_bytes > 0;
    if (!both && keep->lost_bytes + gone->lost_bytes > 0)
        b->unjudged = b->oldest;
    uint32_t lost_bytes = both ? keep->lost_bytes + gone->lost_bytes : 0;
    keep->end = gone->end;
    if (gone->sent_n > keep->sent_n)
        keep->sent_n = gone->sent_n;
    if (keep->sent_at.ns != gone->sent_at.ns && keep->sent_n == 1)
        keep->sent_n = 2;
    if (la_instant_le(keep->sent_at, gone->sent_at)) {
        keep->flown = gone->flown;
        keep->sent_at = gone->sent_at;
        unlink_sent(b, idx_of(b, keep));
        link_behind(b, idx_of(b, keep), idx_of(b, gone));
        if (b->unjudged == idx_of(b, gone))
            b->unjudged = idx_of(b, keep);
    }
    remove_at(b, i + 1);
    lost_set(b, keep, lost_bytes);
}

/* Room for one more range, by merging the two lowest when there is no memory. False only when the
 * board has no memory at all. */
static bool
make_room(struct la_tcp_scoreboard *b, struct la_mem *mem)
{
    if (grow(b, mem))
        return true;
    if (b->row.n < 2)
        return false;
    merge_next(b, 0);
    return true;
}

void
la_tcp_scoreboard_fini(struct la_tcp_scoreboard *b, struct la_mem *mem)
{
    if (b->cap > 0)
        la_mem_give(mem, b->sent, room_bytes(b->cap));
    if (b->sacked.row.cap > 0)
        la_mem_give(mem, b->sacked.room, b->sacked.row.cap * sizeof(*b->sacked.room));
    *b = (struct la_tcp_scoreboard){0};
}

/* ---- sending ---------------------------------------------------------------------------- */

/* What is sent at one instant counts as sent in the order of its numbers (RFC 8985 6.2 step 2).
 * Where a retransmission follows new text within it that is not so, and what was sent first would
 * tell that the other is lost: it counts as sent a nanosecond later. */
static la_instant
stamp(struct la_tcp_scoreboard *b, la_seq end, la_instant now)
{
    if (la_instant_lt(b->last_at, now))
        b->last_at = now;
    else if (b->row.n > 0 && la_seq_le(end, b->last_end))
        b->last_at = la_instant_add_ns(b->last_at, 1);
    b->last_end = end;
    return b->last_at;
}

void
la_tcp_scoreboard_sent(struct la_tcp_scoreboard *b, struct la_mem *mem, la_seq first, la_seq end,
                       la_instant now)
{
    la_instant sent_at = stamp(b, end, now);
    if (b->row.n > 0) {
        struct la_tcp_sent *last = la_tcp_scoreboard_at(b, b->row.n - 1);
        LA_DCHECK(la_seq_eq(last->end, first));
        if (last->sent_at.ns == sent_at.ns && last->sent_n == 1 && last->lost_bytes == 0 &&
            last->newer == NONE) {
            last->end = end;
            if (b->unjudged == NONE)
                b->unjudged = b->newest;
            return;
        }
    }
    if (!make_room(b, mem))
        return; /* no memory at all: these octets give no RTT sample */
    uint16_t idx = take(b);
    b->sent[idx] =
        (struct la_tcp_sent){.first = first, .end = end, .sent_at = sent_at, .sent_n = 1};
    link_newest(b, idx);
    unsigned i = b->row.n;
    la_row_open(&b->row, b->order, sizeof(*b->order), i);
    b->order[b->row.head + i] = idx;
}

static uint32_t
missing(const struct la_tcp_scoreboard *b, la_seq first, la_seq end)
{
    struct la_range range = {first, end};
    return (uint32_t)la_seq_diff(end, first) - la_ranges_within(&b->sacked, range);
}

bool
la_tcp_scoreboard_split(struct la_tcp_scoreboard *b, struct la_mem *mem, uint16_t sent,
                        la_seq where)
{
    unsigned i = la_tcp_scoreboard_find(b, b->sent[sent].first);
    if (!grow(b, mem))
        return false;
    uint16_t behind = take(b);
    struct la_tcp_sent *left = &b->sent[sent], *right = &b->sent[behind];
    LA_DCHECK(la_seq_lt(left->first, where) && la_seq_lt(where, left->end));
    *right = *left;
    link_behind(b, behind, sent);
    la_row_open(&b->row, b->order, sizeof(*b->order), i + 1);
    b->order[b->row.head + i + 1] = behind;
    uint32_t n = (uint32_t)la_seq_diff(left->end, where);
    left->flown.flight_bytes -= left->flown.flight_bytes < n ? left->flown.flight_bytes : n;
    left->end = right->first = where;
    if (left->lost_bytes > 0) {
        right->lost_bytes = missing(b, where, right->end);
        left->lost_bytes -= right->lost_bytes;
    }
    return true;
}

unsigned
la_tcp_scoreboard_find(const struct la_tcp_scoreboard *b, la_seq seq)
{
    unsigned low = 0, high = b->row.n;
    while (low < high) {
        unsigned middle = (low + high) / 2;
        if (la_seq_gt(la_tcp_scoreboard_at(b, middle)->end, seq))
            high = middle;
        else
            low = middle + 1;
    }
    return low;
}

const struct la_tcp_sent *
la_tcp_scoreboard_holding(const struct la_tcp_scoreboard *b, la_seq seq)
{
    unsigned i = la_tcp_scoreboard_find(b, seq);
    return i < b->row.n ? la_tcp_scoreboard_at(b, i) : NULL;
}

void
la_tcp_scoreboard_flown_set(struct la_tcp_scoreboard *b, la_seq first, la_seq end,
                            const struct la_tcp_flown *flown)
{
    for (unsigned i = la_tcp_scoreboard_find(b, first); i < b->row.n; i++) {
        if (la_seq_ge(la_tcp_scoreboard_at(b, i)->first, end))
            return;
        la_tcp_scoreboard_at(b, i)->flown = *flown;
    }
}

uint8_t
la_tcp_scoreboard_resent(struct la_tcp_scoreboard *b, struct la_mem *mem, la_seq first, la_seq end,
                         la_instant now)
{
    uint8_t before = 1;
    la_instant sent_at = stamp(b, end, now);
    for (unsigned i = la_tcp_scoreboard_find(b, first); i < b->row.n; i++) {
        uint16_t idx = b->order[b->row.head + i];
        if (la_seq_ge(b->sent[idx].first, end))
            break;
        if (la_seq_lt(b->sent[idx].first, first) && la_tcp_scoreboard_split(b, mem, idx, first))
            continue;
        if (la_seq_gt(b->sent[idx].end, end))
            (void)la_tcp_scoreboard_split(b, mem, idx, end);
        struct la_tcp_sent *r = &b->sent[idx];
        if (r->sent_n > before)
            before = r->sent_n;
        r->sent_at = sent_at;
        lost_set(b, r, 0);
        if (r->sent_n < UINT8_MAX)
            r->sent_n++;
        unlink_sent(b, idx);
        link_newest(b, idx);
        const struct la_tcp_sent *lower = i > 0 ? la_tcp_scoreboard_at(b, i - 1) : NULL;
        if (lower != NULL && lower->sent_n == r->sent_n && lower->sent_at.ns == sent_at.ns &&
            lower->lost_bytes == 0) {
            merge_next(b, i - 1);
            i--;
        }
    }
    return before;
}

/* ---- what becomes of it ----------------------------------------------------------------- */

void
la_tcp_scoreboard_lose(struct la_tcp_scoreboard *b, struct la_tcp_sent *sent)
{
    LA_ASSERT(sent->lost_bytes == 0);
    b->lost_from = b->lost_bytes == 0 ? sent->first : la_seq_min(b->lost_from, sent->first);
    lost_set(b, sent, missing(b, sent->first, sent->end));
}

void
la_tcp_scoreboard_arrived(struct la_tcp_scoreboard *b, struct la_range range)
{
    if (b->lost_bytes == 0)
        return;
    for (unsigned i = la_tcp_scoreboard_find(b, range.start); i < b->row.n; i++) {
        struct la_tcp_sent *sent = la_tcp_scoreboard_at(b, i);
        if (la_seq_ge(sent->first, range.end))
            return;
        if (sent->lost_bytes == 0)
            continue;
        la_seq first = la_seq_max(sent->first, range.start);
        la_seq end = la_seq_min(sent->end, range.end);
        lost_set(b, sent, sent->lost_bytes - (uint32_t)la_seq_diff(end, first));
    }
}

void
la_tcp_scoreboard_sacked(struct la_tcp_scoreboard *b, struct la_range range)
{
    const struct la_range *whole = la_ranges_at_or_above(&b->sacked, range.start);
    unsigned i = la_tcp_scoreboard_find(b, whole->start);
    while (i + 1 < b->row.n) {
        const struct la_tcp_sent *upper = la_tcp_scoreboard_at(b, i + 1);
        if (la_seq_gt(upper->end, whole->end))
            return;
        if (la_seq_ge(la_tcp_scoreboard_at(b, i)->first, whole->start))
            merge_next(b, i);
        else
            i++;
    }
}

void
la_tcp_scoreboard_lose_none(struct la_tcp_scoreboard *b)
{
    for (unsigned i = 0; i < b->row.n && b->lost_bytes > 0; i++)
        lost_set(b, la_tcp_scoreboard_at(b, i), 0);
    b->unjudged = b->oldest;
}

void
la_tcp_scoreboard_sack_none(struct la_tcp_scoreboard *b)
{
    la_ranges_clear(&b->sacked);
    for (unsigned i = 0; i < b->row.n; i++) {
        struct la_tcp_sent *sent = la_tcp_scoreboard_at(b, i);
        if (sent->lost_bytes > 0)
            lost_set(b, sent, missing(b, sent->first, sent->end));
    }
    b->unjudged = b->oldest;
}

void
la_tcp_scoreboard_acked(struct la_tcp_scoreboard *b, la_seq una, la_instant *sent_at)
{
    bool again = false;
    *sent_at = LA_INSTANT_NEVER;
    while (b->row.n > 0) {
        struct la_tcp_sent *r = la_tcp_scoreboard_at(b, 0);
        if (la_seq_ge(r->first, una))
            break;
        again |= r->sent_n > 1;
        *sent_at = r->sent_at;
        if (la_seq_gt(r->end, una)) {
            r->first = una;
            break;
        }
        remove_at(b, 0);
    }
    if (again)
        *sent_at = LA_INSTANT_NEVER;
}

static void
check_order_of_sending(const struct la_tcp_scoreboard *b)
{
    unsigned n = 0;
    bool unjudged_found = b->unjudged == NONE;
    uint16_t before = NONE;
    for (uint16_t idx = b->oldest; idx != NONE; idx = b->sent[idx].newer, n++) {
        LA_ASSERT(b->sent[idx].older == before);
        LA_ASSERT(before == NONE || la_instant_le(b->sent[before].sent_at, b->sent[idx].sent_at));
        unjudged_found |= idx == b->unjudged;
        before = idx;
    }
    LA_ASSERT(before == b->newest && n == b->row.n && unjudged_found);
}

void
la_tcp_scoreboard_check(const struct la_tcp_scoreboard *b, la_seq una, la_seq nxt)
{
    la_ranges_check(&b->sacked);
    if (b->row.n == 0)
        return; /* nothing in flight, or no memory to remember it */
    LA_ASSERT(la_seq_ge(la_tcp_scoreboard_at(b, 0)->first, una));
    LA_ASSERT(la_seq_eq(la_tcp_scoreboard_at(b, b->row.n - 1)->end, nxt));
    uint32_t lost_bytes = 0;
    for (unsigned i = 0; i < b->row.n; i++) {
        const struct la_tcp_sent *sent = la_tcp_scoreboard_at(b, i);
        lost_bytes += sent->lost_bytes;
        LA_ASSERT(la_seq_lt(sent->first, sent->end));
        LA_ASSERT(i == 0 || la_seq_eq(la_tcp_scoreboard_at(b, i - 1)->end, sent->first));
        LA_ASSERT(sent->lost_bytes == 0 ||
                  (sent->lost_bytes == missing(b, sent->first, sent->end) &&
                   la_seq_ge(sent->first, b->lost_from)));
    }
    LA_ASSERT(lost_bytes == b->lost_bytes);
    check_order_of_sending(b);
}
