/* SPDX-License-Identifier: MIT
 *
 * scoreboard.c - ranges in flight
 *
 * Read first: RFC 6298 3 (Karn's algorithm).
 */
#include "tcp/scoreboard.h"

#include "base/assert.h"
#include "base/mem.h"
#include "base/time.h"

static struct la_tcp_sent *
at(const struct la_tcp_scoreboard *b, unsigned i)
{
    return &b->ring[(b->head + i) & (unsigned)(b->cap - 1)];
}

/* Entry i takes i + 1 in: the later time, the higher count. What was sent at different times can
 * give no RTT sample any more, so it counts as sent again. */
static void
merge_next(struct la_tcp_scoreboard *b, unsigned i)
{
    struct la_tcp_sent *keep = at(b, i);
    struct la_tcp_sent *gone = at(b, i + 1);
    keep->end = gone->end;
    if (gone->sent_n > keep->sent_n)
        keep->sent_n = gone->sent_n;
    if (keep->sent_at.ns != gone->sent_at.ns && keep->sent_n == 1)
        keep->sent_n = 2;
    if (la_instant_le(keep->sent_at, gone->sent_at))
        keep->flown = gone->flown;
    keep->sent_at = la_instant_max(keep->sent_at, gone->sent_at);
    b->lost_n = (uint16_t)(b->lost_n - (keep->lost || gone->lost));
    if (keep->lost != gone->lost)
        keep->lost =
            false; /* what is sent again too early costs less than a gap in the knowledge */
    for (unsigned j = i + 1; j + 1 < b->n; j++)
        *at(b, j) = *at(b, j + 1);
    b->n--;
}

/* Makes room for one entry more; false: neighbours must be merged instead. */
static bool
grow(struct la_tcp_scoreboard *b, struct la_mem *mem)
{
    if (b->n < b->cap)
        return true;
    if (b->cap >= LA_TCP_SCOREBOARD_MAX)
        return false;
    unsigned cap = b->cap == 0 ? 4 : b->cap * 2u;
    struct la_tcp_sent *ring = la_mem_take(mem, cap * sizeof(*ring));
    if (ring == NULL)
        return false;
    for (unsigned i = 0; i < b->n; i++)
        ring[i] = *at(b, i);
    if (b->ring != NULL)
        la_mem_give(mem, b->ring, b->cap * sizeof(*ring));
    b->ring = ring;
    b->cap = (uint16_t)cap;
    b->head = 0;
    return true;
}

/* Room for one more entry, by merging the two oldest when there is no memory. False only when the
 * board has no memory at all. */
static bool
make_room(struct la_tcp_scoreboard *b, struct la_mem *mem)
{
    if (grow(b, mem))
        return true;
    if (b->n < 2)
        return false;
    merge_next(b, 0);
    return true;
}

void
la_tcp_scoreboard_fini(struct la_tcp_scoreboard *b, struct la_mem *mem)
{
    if (b->ring != NULL)
        la_mem_give(mem, b->ring, b->cap * sizeof(*b->ring));
    *b = (struct la_tcp_scoreboard){0};
}

/* What is sent at one instant counts as sent in the order of its numbers (RFC 8985 6.2 step 2).
 * Where a retransmission follows new text within it that is not so, and what was sent first would
 * tell that the other is lost: it counts as sent a nanosecond later. */
static la_instant
stamp(struct la_tcp_scoreboard *b, la_seq end, la_instant now)
{
    if (la_instant_lt(b->last_at, now))
        b->last_at = now;
    else if (b->n > 0 && la_seq_le(end, b->last_end))
        b->last_at = la_instant_add_ns(b->last_at, 1);
    b->last_end = end;
    return b->last_at;
}

void
la_tcp_scoreboard_sent(struct la_tcp_scoreboard *b, struct la_mem *mem, la_seq first, la_seq end,
                       la_instant now)
{
    la_instant sent_at = stamp(b, end, now);
    if (b->n > 0) {
        struct la_tcp_sent *last = at(b, b->n - 1u);
        LA_DCHECK(la_seq_eq(last->end, first));
        if (last->sent_at.ns == sent_at.ns && last->sent_n == 1 && !last->lost) {
            last->end = end;
            return;
        }
    }
    if (!make_room(b, mem))
        return; /* no memory at all: these octets give no RTT sample */
    *at(b, b->n) =
        (struct la_tcp_sent){.first = first, .end = end, .sent_at = sent_at, .sent_n = 1};
    b->n++;
}

bool
la_tcp_scoreboard_split(struct la_tcp_scoreboard *b, struct la_mem *mem, unsigned i, la_seq where)
{
    if (!grow(b, mem))
        return false;
    for (unsigned j = b->n; j > i + 1; j--)
        *at(b, j) = *at(b, j - 1);
    b->n++;
    *at(b, i + 1) = *at(b, i);
    struct la_tcp_flown *flown = &at(b, i)->flown;
    uint32_t behind = (uint32_t)la_seq_diff(at(b, i)->end, where);
    flown->flight_bytes -= flown->flight_bytes < behind ? flown->flight_bytes : behind;
    at(b, i)->end = where;
    at(b, i + 1)->first = where;
    b->lost_n = (uint16_t)(b->lost_n + at(b, i)->lost);
    return true;
}

unsigned
la_tcp_scoreboard_find(const struct la_tcp_scoreboard *b, la_seq seq)
{
    unsigned low = 0, high = b->n;
    while (low < high) {
        unsigned middle = (low + high) / 2;
        if (la_seq_gt(at(b, middle)->end, seq))
            high = middle;
        else
            low = middle + 1;
    }
    return low;
}

void
la_tcp_scoreboard_lose(struct la_tcp_scoreboard *b, unsigned i)
{
    LA_ASSERT(i < b->n && !at(b, i)->lost);
    at(b, i)->lost = true;
    b->lost_n++;
}

void
la_tcp_scoreboard_flown_set(struct la_tcp_scoreboard *b, la_seq first, la_seq end,
                            const struct la_tcp_flown *flown)
{
    for (unsigned i = la_tcp_scoreboard_find(b, first); i < b->n; i++) {
        if (la_seq_ge(at(b, i)->first, end))
            return;
        at(b, i)->flown = *flown;
    }
}

void
la_tcp_scoreboard_lose_none(struct la_tcp_scoreboard *b)
{
    for (unsigned i = 0; i < b->n && b->lost_n > 0; i++) {
        b->lost_n = (uint16_t)(b->lost_n - at(b, i)->lost);
        at(b, i)->lost = false;
    }
}

uint8_t
la_tcp_scoreboard_resent(struct la_tcp_scoreboard *b, struct la_mem *mem, la_seq first, la_seq end,
                         la_instant now)
{
    uint8_t before = 1;
    la_instant sent_at = stamp(b, end, now);
    for (unsigned i = 0; i < b->n; i++) {
        if (la_seq_le(at(b, i)->end, first))
            continue;
        if (la_seq_ge(at(b, i)->first, end))
            break;
        if (la_seq_lt(at(b, i)->first, first) && la_tcp_scoreboard_split(b, mem, i, first))
            continue;
        if (la_seq_gt(at(b, i)->end, end))
            (void)la_tcp_scoreboard_split(b, mem, i, end);
        struct la_tcp_sent *r = at(b, i);
        if (r->sent_n > before)
            before = r->sent_n;
        r->sent_at = sent_at;
        b->lost_n = (uint16_t)(b->lost_n - r->lost);
        r->lost = false;
        if (r->sent_n < UINT8_MAX)
            r->sent_n++;
        const struct la_tcp_sent *before_r = i > 0 ? at(b, i - 1) : NULL;
        if (before_r != NULL && before_r->sent_n == r->sent_n &&
            before_r->sent_at.ns == sent_at.ns && !before_r->lost) {
            merge_next(b, i - 1);
            i--;
        }
    }
    return before;
}

void
la_tcp_scoreboard_acked(struct la_tcp_scoreboard *b, la_seq una, la_instant *sent_at)
{
    bool again = false;
    *sent_at = LA_INSTANT_NEVER;
    while (b->n > 0) {
        struct la_tcp_sent *r = at(b, 0);
        if (la_seq_ge(r->first, una))
            break;
        again |= r->sent_n > 1;
        *sent_at = r->sent_at;
        if (la_seq_gt(r->end, una)) {
            r->first = una;
            break;
        }
        b->lost_n = (uint16_t)(b->lost_n - r->lost);
        b->head = (uint16_t)((b->head + 1u) & (unsigned)(b->cap - 1));
        b->n--;
    }
    if (again)
        *sent_at = LA_INSTANT_NEVER;
}

void
la_tcp_scoreboard_check(const struct la_tcp_scoreboard *b, la_seq una, la_seq nxt)
{
    if (b->n == 0)
        return; /* nothing in flight, or no memory to remember it */
    LA_ASSERT(la_seq_ge(at(b, 0)->first, una));
    LA_ASSERT(la_seq_eq(at(b, b->n - 1u)->end, nxt));
    unsigned lost_n = 0;
    for (unsigned i = 0; i < b->n; i++) {
        lost_n += at(b, i)->lost;
        LA_ASSERT(la_seq_lt(at(b, i)->first, at(b, i)->end));
        LA_ASSERT(i == 0 || la_seq_eq(at(b, i - 1)->end, at(b, i)->first));
    }
    LA_ASSERT(lost_n == b->lost_n);
}
