/* SPDX-License-Identifier: MIT
 *
 * steps.c - the transitions of a connection, kept small until the caller asks
 */
#include "base/apart.h"
#include "explain/parts.h"

static struct la_steps *
block_at(const struct la_explain *explain, uint32_t idx)
{
    return la_pool_at(&explain->steps, idx);
}

LA_APART static bool
take_block(struct la_explain *explain, struct la_track *track)
{
    uint32_t idx = la_pool_take(&explain->steps);
    if (idx == LA_POOL_NONE)
        return false;
    struct la_steps *block = block_at(explain, idx);
    block->next = NONE;
    if (track->steps_last == NONE)
        track->steps_first = idx;
    else
        block_at(explain, track->steps_last)->next = idx;
    track->steps_last = idx;
    track->steps_room = LA_STEPS_PER_BLOCK;
    track->steps_end = block->step;
    return true;
}

/* Of a block: all but the last one are full. */
static uint32_t
count_of(const struct la_track *track, uint32_t idx)
{
    return LA_STEPS_PER_BLOCK - (idx == track->steps_last ? track->steps_room : 0u);
}

static bool
is_one(uint16_t set)
{
    return set != 0 && (set & (set - 1)) == 0;
}

void
la_steps_add(struct la_explain *explain, struct la_track *track, const struct la_step *step)
{
    if (track->steps_room == 0 && !take_block(explain, track)) {
        track->steps_lost = true;
        return;
    }
    track->steps_room--;
    *track->steps_end++ = *step;
    track->steps_open |= step->certainty == LA_CERTAINTY_UNKNOWN;
}

void
la_steps_doubt_close(struct la_explain *explain, struct la_track *track, unsigned end)
{
    for (uint32_t idx = track->steps_first; idx != NONE; idx = block_at(explain, idx)->next) {
        struct la_steps *block = block_at(explain, idx);
        for (uint32_t i = 0; i < count_of(track, idx); i++) {
            struct la_step *step = &block->step[i];
            if (step->end == end && step->event == LA_TCP_EV_CLOSE) {
                step->from |= LA_TCP_STATE_BIT(LA_TCP_CLOSE_WAIT);
                step->to |= LA_TCP_STATE_BIT(LA_TCP_LAST_ACK);
            } else if (step->end != end && step->event == LA_TCP_EV_RCV_FIN) {
                step->from |= LA_TCP_STATE_BIT(LA_TCP_FIN_WAIT_2);
                step->to |= LA_TCP_STATE_BIT(LA_TCP_TIME_WAIT);
            } else {
                continue;
            }
            step->certainty = LA_CERTAINTY_UNKNOWN;
            track->steps_open = true;
        }
    }
}

void
la_steps_doubt_end(struct la_explain *explain, struct la_track *track, unsigned end, uint16_t state)
{
    for (uint32_t idx = track->steps_first; idx != NONE; idx = block_at(explain, idx)->next) {
        struct la_steps *block = block_at(explain, idx);
        for (uint32_t i = 0; i < count_of(track, idx); i++) {
            struct la_step *step = &block->step[i];
            if (step->end != end || step->to != LA_TCP_STATE_BIT(LA_TCP_CLOSED))
                continue;
            step->from |= state;
            step->certainty = LA_CERTAINTY_UNKNOWN;
            track->steps_open = true;
        }
    }
}

bool
la_steps_take_back(struct la_track *track, unsigned end, enum la_tcp_event event)
{
    if (track->steps_last == NONE || count_of(track, track->steps_last) == 0)
        return false;
    const struct la_step *latest = track->steps_end - 1;
    if (latest->end != end || latest->event != event || latest->certainty != LA_CERTAINTY_INFERRED)
        return false;
    track->steps_end--;
    track->steps_room++;
    return true;
}

bool
la_steps_replace(struct la_explain *explain, struct la_track *track, enum la_tcp_event event,
                 enum la_tcp_state from, const struct la_step *instead, struct la_step *was)
{
    struct la_step *latest = NULL;
    for (uint32_t idx = track->steps_first; idx != NONE; idx = block_at(explain, idx)->next) {
        struct la_steps *block = block_at(explain, idx);
        for (uint32_t i = 0; i < count_of(track, idx); i++)
            if (block->step[i].end == instead->end)
                latest = &block->step[i];
    }
    if (latest == NULL || latest->event != event || latest->from != LA_TCP_STATE_BIT(from))
        return false;
    *was = *latest;
    *latest = *instead;
    return true;
}

/* A step that would keep nothing was right in another reading, and stays. */
static void
narrow(struct la_step *step, uint16_t can)
{
    if ((is_one(step->from) && is_one(step->to)) || (step->to & can) == 0)
        return;
    uint16_t to = step->to & can, from = 0;
    for (unsigned left = step->from & can; left != 0; left &= left - 1) {
        uint16_t bit = (uint16_t)(left & -left);
        if ((la_tcp_fsm_step_set(bit, (enum la_tcp_event)step->event) & to) != 0)
            from |= bit;
    }
    if (from == 0)
        return;
    step->from = from;
    step->to = la_tcp_fsm_step_set(from, (enum la_tcp_event)step->event) & to;
    if (is_one(step->from) && is_one(step->to))
        step->certainty = LA_CERTAINTY_INFERRED;
}

void
la_steps_narrow(struct la_explain *explain, struct la_track *track, const uint16_t can[2])
{
    if (!track->steps_open)
        return;
    for (uint32_t idx = track->steps_first; idx != NONE; idx = block_at(explain, idx)->next) {
        struct la_steps *block = block_at(explain, idx);
        for (uint32_t i = 0; i < count_of(track, idx); i++)
            narrow(&block->step[i], can[block->step[i].end]);
    }
}

void
la_steps_free(struct la_explain *explain, struct la_track *track)
{
    while (track->steps_first != NONE) {
        uint32_t idx = track->steps_first;
        track->steps_first = block_at(explain, idx)->next;
        la_pool_give(&explain->steps, idx);
    }
    track->steps_last = NONE;
}

static const char *
section_of(const struct la_step *step)
{
    for (unsigned left = step->from; left != 0; left &= left - 1) {
        const struct la_tcp_edge *edge =
            la_tcp_fsm_edge((enum la_tcp_state)__builtin_ctz(left), (enum la_tcp_event)step->event);
        if (edge->to != 0)
            return edge->section;
    }
    return "";
}

static bool
has_room_for(struct la_explain *explain, size_t n)
{
    if (n <= explain->transitions_cap)
        return true;
    size_t cap = n * 2, bytes = sizeof(explain->transitions[0]);
    struct la_explain_transition *grown = la_mem_take(explain->mem, cap * bytes);
    if (grown == NULL)
        return false;
    if (explain->transitions_cap > 0)
        memcpy(grown, explain->transitions, explain->transitions_cap * bytes);
    la_mem_give(explain->mem, explain->transitions, explain->transitions_cap * bytes);
    explain->transitions = grown;
    explain->transitions_cap = cap;
    return true;
}

/* By frame; what one frame did keeps its order. Few and nearly sorted. */
static void
insert(struct la_explain_transition *sorted, size_t n, const struct la_explain_transition *one)
{
    size_t i = n;
    while (i > 0 && sorted[i - 1].frame > one->frame && !(sorted[i - 1].end == one->end)) {
        sorted[i] = sorted[i - 1];
        i--;
    }
    sorted[i] = *one;
}

size_t
la_steps_list(struct la_explain *explain, const struct la_track *track)
{
    size_t n = 0;
    for (uint32_t idx = track->steps_first; idx != NONE; idx = block_at(explain, idx)->next) {
        const struct la_steps *block = block_at(explain, idx);
        for (uint32_t i = 0; i < count_of(track, idx); i++) {
            const struct la_step *step = &block->step[i];
            struct la_explain_transition one = {
                .end = step->end,
                .event = step->event,
                .certainty = step->certainty,
                .from = step->from,
                .to = step->to,
                .section = section_of(step),
                .frame = track->first_frame + step->frame,
                .earliest = {step->earliest_ns},
                .latest = {step->latest_ns},
            };
            if (!has_room_for(explain, n + 1))
                return n;
            insert(explain->transitions, n++, &one);
        }
    }
    return n;
}
