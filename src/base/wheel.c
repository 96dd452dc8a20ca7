/* SPDX-License-Identifier: MIT
 *
 * wheel.c - the hierarchical timer wheel
 *
 * Read first: Varghese and Lauck, "Hashed and hierarchical timing wheels", 1987, scheme 7.
 *
 * A tick is a number of 48 bits; level L looks at bits 6L .. 6L+5. A node waits at the level of the
 * highest group of bits in which its tick differs from tick_now, in the slot that its own bits
 * name. So every slot of a level lies before every slot of the next level, and all slots but those
 * of the top level lie ahead of tick_now without wrapping. Nodes keep the lower 32 bits of their
 * ticks: none is farther ahead than LA_WHEEL_AHEAD_MAX, and none is behind, since tick_now waits
 * for those that are due.
 *
 * Ticks are counted from the earliest instant that there is, so that all of them are positive.
 */
#include "base/wheel.h"

#include "base/assert.h"

enum { GROUP_BITS = 6, TOP = LA_WHEEL_LEVELS - 1, EXPIRED = LA_WHEEL_LEVELS * LA_WHEEL_SLOTS };
#define SIGN_BIT (UINT64_C(1) << 63)

/* ---- ticks ------------------------------------------------------------------------------ */

static uint64_t
tick_before(la_instant at)
{
    return ((uint64_t)at.ns ^ SIGN_BIT) >> LA_WHEEL_TICK_SHIFT;
}

static uint64_t
tick_after(la_instant at)
{
    uint64_t ns = (uint64_t)at.ns ^ SIGN_BIT;
    return (ns >> LA_WHEEL_TICK_SHIFT) + ((ns & ((1U << LA_WHEEL_TICK_SHIFT) - 1)) != 0);
}

static la_instant
instant_of(uint64_t tick)
{
    if (tick >> (64 - LA_WHEEL_TICK_SHIFT))
        return LA_INSTANT_NEVER;
    return (la_instant){(int64_t)((tick << LA_WHEEL_TICK_SHIFT) ^ SIGN_BIT)};
}

static uint64_t
tick_of(const struct la_wheel *w, const struct la_wheel_link *link)
{
    return w->tick_now + (uint32_t)(link->tick - (uint32_t)w->tick_now);
}

/* ---- lists ------------------------------------------------------------------------------ */

static struct la_wheel_link *
link_at(const struct la_wheel *w, uint32_t idx)
{
    return w->link_of(w->ctx, idx);
}

static unsigned
slot_of(unsigned level, uint64_t tick)
{
    return (unsigned)(tick >> (GROUP_BITS * level)) % LA_WHEEL_SLOTS;
}

static void
slot_push(struct la_wheel *w, unsigned level, unsigned slot, uint32_t idx)
{
    uint32_t *first = &w->slot[level][slot];
    struct la_wheel_link *link = link_at(w, idx);
    link->next = *first;
    link->prev = LA_WHEEL_HEAD | (level * LA_WHEEL_SLOTS + slot);
    if (link->next != LA_WHEEL_NONE)
        link_at(w, link->next)->prev = idx;
    *first = idx;
    w->occupied[level] |= UINT64_C(1) << slot;
}

static void
expired_append(struct la_wheel *w, uint32_t idx)
{
    struct la_wheel_link *link = link_at(w, idx);
    link->next = LA_WHEEL_NONE;
    if (w->expired == LA_WHEEL_NONE) {
        link->prev = LA_WHEEL_HEAD | EXPIRED;
        w->expired = idx;
    } else {
        link->prev = w->expired_last;
        link_at(w, w->expired_last)->next = idx;
    }
    w->expired_last = idx;
}

static void
unlink_node(struct la_wheel *w, const struct la_wheel_link *link)
{
    if (link->next != LA_WHEEL_NONE)
        link_at(w, link->next)->prev = link->prev;
    else if (w->expired_last != LA_WHEEL_NONE && link_at(w, w->expired_last) == link)
        w->expired_last = link->prev & LA_WHEEL_HEAD ? LA_WHEEL_NONE : link->prev;
    if (!(link->prev & LA_WHEEL_HEAD)) {
        link_at(w, link->prev)->next = link->next;
        return;
    }
    unsigned code = link->prev & ~LA_WHEEL_HEAD;
    if (code == EXPIRED) {
        w->expired = link->next;
        return;
    }
    unsigned level = code / LA_WHEEL_SLOTS;
    unsigned slot = code % LA_WHEEL_SLOTS;
    w->slot[level][slot] = link->next;
    if (link->next == LA_WHEEL_NONE)
        w->occupied[level] &= ~(UINT64_C(1) << slot);
}

/* Puts a node where its tick belongs at tick_now. */
static void
place(struct la_wheel *w, uint32_t idx, uint64_t tick)
{
    if (tick <= w->tick_now) {
        expired_append(w, idx);
        return;
    }
    unsigned highest = 63 - (unsigned)__builtin_clzll(tick ^ w->tick_now);
    unsigned level = highest / GROUP_BITS;
    if (level > TOP)
        level = TOP;
    slot_push(w, level, slot_of(level, tick), idx);
}

/* ---- advancing -------------------------------------------------------------------------- */

struct next_slot {
    unsigned level;
    unsigned slot;
    uint64_t tick; /* when it begins */
};

/* The first slot that is not empty. False: all are. */
static bool
find_next(const struct la_wheel *w, struct next_slot *next)
{
    for (unsigned level = 0; level < LA_WHEEL_LEVELS; level++) {
        uint64_t bits = w->occupied[level];
        if (!bits)
            continue;
        unsigned shift = GROUP_BITS * level;
        unsigned here = slot_of(level, w->tick_now);
        /* Turned so that bit 0 is the slot of tick_now; below the top nothing wraps. */
        bits = bits >> here | bits << (-here & (LA_WHEEL_SLOTS - 1));
        unsigned ahead = (unsigned)__builtin_ctzll(bits);
        next->level = level;
        next->slot = (here + ahead) % LA_WHEEL_SLOTS;
        next->tick = ((w->tick_now >> shift) + ahead) << shift;
        return true;
    }
    return false;
}

/* Moves the nodes of a slot, which begins at tick_now, to where they belong now. */
static void
cascade(struct la_wheel *w, const struct next_slot *next)
{
    uint32_t idx = w->slot[next->level][next->slot];
    w->slot[next->level][next->slot] = LA_WHEEL_NONE;
    w->occupied[next->level] &= ~(UINT64_C(1) << next->slot);
    while (idx != LA_WHEEL_NONE) {
        const struct la_wheel_link *link = link_at(w, idx);
        uint32_t after = link->next;
        place(w, idx, tick_of(w, link));
        idx = after;
    }
}

void
la_wheel_init(struct la_wheel *w, la_wheel_link_fn *link_of, void *ctx, la_instant now)
{
    *w = (struct la_wheel){
        .tick_now = tick_before(now),
        .expired = LA_WHEEL_NONE,
        .expired_last = LA_WHEEL_NONE,
        .link_of = link_of,
        .ctx = ctx,
    };
    for (int level = 0; level < LA_WHEEL_LEVELS; level++) {
        for (int slot = 0; slot < LA_WHEEL_SLOTS; slot++)
            w->slot[level][slot] = LA_WHEEL_NONE;
    }
}

void
la_wheel_link_init(struct la_wheel_link *link)
{
    *link = (struct la_wheel_link){LA_WHEEL_NONE, LA_WHEEL_NONE, 0};
}

bool
la_wheel_is_armed(const struct la_wheel_link *link)
{
    return link->prev != LA_WHEEL_NONE;
}

la_instant
la_wheel_at(const struct la_wheel *w, const struct la_wheel_link *link)
{
    return la_wheel_is_armed(link) ? instant_of(tick_of(w, link)) : LA_INSTANT_NEVER;
}

static uint64_t
within_reach(const struct la_wheel *w, uint64_t tick)
{
    if (tick < w->tick_now)
        return w->tick_now;
    uint64_t farthest = w->tick_now + LA_WHEEL_AHEAD_MAX;
    return tick < farthest ? tick : farthest;
}

void
la_wheel_arm(struct la_wheel *w, uint32_t idx, la_instant at)
{
    LA_ASSERT(idx < LA_WHEEL_HEAD);
    struct la_wheel_link *link = link_at(w, idx);
    uint64_t tick = within_reach(w, tick_after(at));
    bool armed = la_wheel_is_armed(link), never = at.ns == INT64_MAX;
    if (armed && !never && tick_of(w, link) == tick)
        return; /* and keeps its turn */
    if (armed)
        unlink_node(w, link);
    la_wheel_link_init(link);
    if (never)
        return;
    link->tick = (uint32_t)tick;
    place(w, idx, tick);
}

void
la_wheel_arm_lazy(struct la_wheel *w, uint32_t idx, la_instant at)
{
    const struct la_wheel_link *link = link_at(w, idx);
    if (!la_wheel_is_armed(link) || tick_of(w, link) > tick_after(at))
        la_wheel_arm(w, idx, at);
}

void
la_wheel_disarm(struct la_wheel *w, uint32_t idx)
{
    la_wheel_arm(w, idx, LA_INSTANT_NEVER);
}

uint32_t
la_wheel_next_due(struct la_wheel *w, la_instant now)
{
    uint64_t target = tick_before(now);
    while (w->expired == LA_WHEEL_NONE) {
        struct next_slot next;
        if (!find_next(w, &next) || next.tick > target) {
            if (target > w->tick_now)
                w->tick_now = target;
            return LA_WHEEL_NONE;
        }
        w->tick_now = next.tick;
        cascade(w, &next);
    }
    uint32_t idx = w->expired;
    struct la_wheel_link *link = link_at(w, idx);
    unlink_node(w, link);
    la_wheel_link_init(link);
    return idx;
}

la_instant
la_wheel_deadline(const struct la_wheel *w)
{
    struct next_slot next;
    if (w->expired != LA_WHEEL_NONE)
        return instant_of(w->tick_now);
    return find_next(w, &next) ? instant_of(next.tick) : LA_INSTANT_NEVER;
}

/* ---- invariants ------------------------------------------------------------------------- */

static void
check_list(const struct la_wheel *w, uint32_t first, unsigned code)
{
    uint32_t prev = LA_WHEEL_HEAD | code;
    for (uint32_t idx = first; idx != LA_WHEEL_NONE; idx = link_at(w, idx)->next) {
        const struct la_wheel_link *link = link_at(w, idx);
        LA_ASSERT(link->prev == prev);
        LA_ASSERT(la_wheel_is_armed(link));
        LA_ASSERT((code == EXPIRED) == (tick_of(w, link) == w->tick_now));
        prev = idx;
    }
    LA_ASSERT(code != EXPIRED || first == LA_WHEEL_NONE || prev == w->expired_last);
}

void
la_wheel_check(const struct la_wheel *w)
{
    check_list(w, w->expired, EXPIRED);
    for (unsigned level = 0; level < LA_WHEEL_LEVELS; level++) {
        for (unsigned slot = 0; slot < LA_WHEEL_SLOTS; slot++) {
            uint32_t first = w->slot[level][slot];
            LA_ASSERT((first != LA_WHEEL_NONE) == (w->occupied[level] >> slot & 1));
            check_list(w, first, level * LA_WHEEL_SLOTS + slot);
        }
    }
}
