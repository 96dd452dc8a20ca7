/* SPDX-License-Identifier: MIT
 *
 * explore.c - the search: depth first, every step from every state once
 *
 * Two searches in one. Each state that was not seen before is entered, its way remembered; and from
 * a share of them a network that has healed is watched to the end, which must come: no state is a
 * trap.
 */
#include "sim/explore.h"

#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "sim/explore_world.h"
#include "tcp/congestion.h"

enum { COMPLETION_STEPS_MAX = 400, SEEN_FIRST_N = 1 << 16, PROGRESS_EVERY = 1 << 17 };

/* The configurations: forms of opening, moving text and closing, with what may disturb them. */
const struct la_explore_cfg la_explore_list[] = {
    {.name = "handshake",
     .about = "active and passive OPEN",
     .window_bytes = 8,
     .lost_n = 1,
     .doubled_n = 1,
     .early_n = 2,
     .r2_n = 2,
     .sack = true},
    {.name = "crossing",
     .about = "simultaneous OPEN",
     .open = LA_EXPLORE_SIMULTANEOUS,
     .window_bytes = 8,
     .lost_n = 1,
     .doubled_n = 1,
     .early_n = 1,
     .r2_n = 2},
    {.name = "transfer",
     .about = "two octets, SACK",
     .octets = {2, 0},
     .window_bytes = 8,
     .lost_n = 1,
     .doubled_n = 1,
     .early_n = 1,
     .r2_n = 2,
     .sack = true},
    {.name = "newreno",
     .about = "two octets, no SACK",
     .octets = {2, 0},
     .window_bytes = 8,
     .lost_n = 1,
     .doubled_n = 1,
     .early_n = 1,
     .r2_n = 2},
    {.name = "rack",
     .about = "two octets, SACK, RACK-TLP, CUBIC",
     .octets = {2, 0},
     .window_bytes = 8,
     .lost_n = 1,
     .doubled_n = 1,
     .early_n = 1,
     .r2_n = 2,
     .sack = true,
     .rack = true,
     .control = "cubic"},
    {.name = "marks",
     .about = "two octets, accurate ECN, marks",
     .octets = {2, 0},
     .window_bytes = 8,
     .lost_n = 1,
     .marked_n = 2,
     .r2_n = 2,
     .sack = true},
    {.name = "cubic",
     .about = "two octets, no SACK, CUBIC",
     .octets = {2, 0},
     .window_bytes = 8,
     .lost_n = 1,
     .doubled_n = 1,
     .early_n = 1,
     .r2_n = 2,
     .control = "cubic",
     .deep = true},
    {.name = "zero-window",
     .about = "three octets for a window of two",
     .octets = {3, 0},
     .window_bytes = 2,
     .lost_n = 1,
     .early_n = 1,
     .r2_n = 2},
    {.name = "close",
     .about = "CLOSE and release by both, nothing doubled",
     .window_bytes = 8,
     .lost_n = 1,
     .early_n = 1,
     .r2_n = 2,
     .closes = true},
    {.name = "abort",
     .about = "ABORT by either, one octet",
     .octets = {1, 0},
     .window_bytes = 8,
     .lost_n = 1,
     .doubled_n = 1,
     .aborts_n = 1,
     .r2_n = 2},
    {.name = "crash",
     .about = "an end forgets everything, and begins anew",
     .octets = {1, 0},
     .window_bytes = 8,
     .doubled_n = 1,
     .crashes_n = 1,
     .r2_n = 2},
    {.name = "close-doubled",
     .about = "CLOSE and release by both",
     .window_bytes = 8,
     .lost_n = 1,
     .doubled_n = 1,
     .early_n = 1,
     .r2_n = 2,
     .closes = true,
     .deep = true},
    {.name = "close-crossing",
     .about = "simultaneous OPEN, then CLOSE",
     .open = LA_EXPLORE_SIMULTANEOUS,
     .window_bytes = 8,
     .lost_n = 1,
     .doubled_n = 1,
     .r2_n = 2,
     .closes = true,
     .deep = true},
    {.name = "close-text",
     .about = "one octet, then CLOSE",
     .octets = {1, 0},
     .window_bytes = 8,
     .lost_n = 1,
     .doubled_n = 1,
     .r2_n = 1,
     .closes = true,
     .deep = true},
    {.name = "both-ways",
     .about = "an octet each way",
     .octets = {1, 1},
     .window_bytes = 8,
     .lost_n = 1,
     .doubled_n = 1,
     .early_n = 1,
     .r2_n = 1,
     .sack = true,
     .deep = true},
    {.name = "abort-close",
     .about = "ABORT, CLOSE and release",
     .window_bytes = 8,
     .lost_n = 1,
     .doubled_n = 1,
     .aborts_n = 1,
     .r2_n = 1,
     .closes = true,
     .deep = true},
    {.name = "crash-lossy",
     .about = "an end forgets everything, one segment is lost",
     .octets = {1, 0},
     .window_bytes = 8,
     .lost_n = 1,
     .doubled_n = 1,
     .early_n = 1,
     .crashes_n = 1,
     .r2_n = 2,
     .deep = true},
    {.name = NULL},
};

/* ---- states that were seen -------------------------------------------------------------- */

struct seen {
    struct la_world_key *at; /* open addressing; both words 0: free */
    uint64_t cap, n;
};

static struct la_world_key *
slot_of(const struct seen *seen, struct la_world_key key)
{
    uint64_t i = key.w[0] & (seen->cap - 1);
    while ((seen->at[i].w[0] | seen->at[i].w[1]) != 0 &&
           (seen->at[i].w[0] != key.w[0] || seen->at[i].w[1] != key.w[1]))
        i = (i + 1) & (seen->cap - 1);
    return &seen->at[i];
}

static bool
seen_grow(struct seen *seen)
{
    struct seen wider = {.cap = seen->cap == 0 ? SEEN_FIRST_N : seen->cap * 2, .n = seen->n};
    wider.at = calloc(wider.cap, sizeof(*wider.at));
    if (wider.at == NULL)
        return false;
    for (uint64_t i = 0; i < seen->cap; i++) {
        if ((seen->at[i].w[0] | seen->at[i].w[1]) != 0)
            *slot_of(&wider, seen->at[i]) = seen->at[i];
    }
    free(seen->at);
    *seen = wider;
    return true;
}

/* *fresh: it was not there. False: no memory. */
static bool
seen_add(struct seen *seen, struct la_world_key key, bool *fresh)
{
    if (seen->n >= seen->cap / 2 && !seen_grow(seen))
        return false;
    struct la_world_key *slot = slot_of(seen, key);
    *fresh = (slot->w[0] | slot->w[1]) == 0;
    if (*fresh) {
        *slot = key;
        seen->n++;
    }
    return true;
}

/* ---- the way ---------------------------------------------------------------------------- */

/* A state on the way, with what may still follow. */
struct place {
    struct la_world world;
    struct la_step steps[LA_WORLD_STEPS_MAX];
    unsigned steps_n, next;
    uint8_t arena[LA_WORLD_ARENA_BYTES];
};

struct search {
    struct la_world_ctx ctx;
    const struct la_explore_how *how;
    struct seen seen;
    struct place **way;
    uint32_t depth, way_cap;
};

/* The search under way, for an assertion that fails in it. */
static const struct search *running;

static void
save(const struct search *s, struct place *place)
{
    place->world = *s->ctx.world;
    memcpy(place->arena, s->ctx.arena, LA_WORLD_ARENA_BYTES);
}

static void
restore(struct search *s, const struct place *place)
{
    *s->ctx.world = place->world;
    memcpy(s->ctx.arena, place->arena, LA_WORLD_ARENA_BYTES);
}

static bool
enter(struct search *s)
{
    if (s->depth == s->way_cap) {
        uint32_t cap = s->way_cap == 0 ? 64 : s->way_cap * 2;
        struct place **wider = realloc(s->way, cap * sizeof(*wider));
        if (wider == NULL)
            return false;
        memset(wider + s->way_cap, 0, (cap - s->way_cap) * sizeof(*wider));
        s->way = wider;
        s->way_cap = cap;
    }
    if (s->way[s->depth] == NULL)
        s->way[s->depth] = malloc(sizeof(struct place));
    struct place *place = s->way[s->depth];
    if (place == NULL)
        return false;
    save(s, place);
    place->steps_n = la_world_steps(&s->ctx, place->steps);
    place->next = 0;
    s->depth++;
    return true;
}

void
la_explore_tell_way(FILE *out)
{
    if (running == NULL)
        return;
    for (uint32_t i = 0; i < running->depth; i++) {
        const struct place *place = running->way[i];
        if (place->next > 0)
            la_world_tell_step(out, &place->world, place->steps[place->next - 1]);
    }
}

/* ---- the search ------------------------------------------------------------------------- */

static void
complete(struct search *s, const struct place *from)
{
    FILE *out = s->how->out;
    struct la_explore_result *result = s->ctx.result;
    struct la_step step;
    uint32_t n = 0;
    while (s->ctx.world->violation[0] == '\0' && la_world_fair_step(&s->ctx, &step)) {
        la_world_do(&s->ctx, step);
        if (++n == COMPLETION_STEPS_MAX)
            la_world_violated(s->ctx.world, step.end, "a healed network, and no end");
    }
    if (s->ctx.world->violation[0] == '\0')
        la_world_check_over(&s->ctx);
    if (n > result->completion_max)
        result->completion_max = n;
    result->completions_n++;
    if (s->ctx.world->violation[0] == '\0' || out == NULL)
        return;
    la_explore_tell_way(out);
    (void)fputs("  and then, with nothing lost any more:\n", out);
    restore(s, from);
    for (uint32_t i = 0; i < n && la_world_fair_step(&s->ctx, &step); i++) {
        la_world_tell_step(out, s->ctx.world, step);
        la_world_do(&s->ctx, step);
    }
    la_world_check_over(&s->ctx);
}

/* True: goes on. */
static bool
arrived(struct search *s, bool *no_memory)
{
    struct la_explore_result *result = s->ctx.result;
    if (s->ctx.world->violation[0] != '\0') {
        if (s->how->out != NULL)
            la_explore_tell_way(s->how->out);
        return false;
    }
    struct la_world_key key = la_world_key(&s->ctx);
    bool fresh;
    if (!seen_add(&s->seen, key, &fresh) || (fresh && !enter(s))) {
        *no_memory = true;
        return false;
    }
    if (!fresh)
        return true;
    result->states_n++;
    if (s->depth > result->depth_max)
        result->depth_max = s->depth;
    if (s->how->progress != NULL && result->states_n % PROGRESS_EVERY == 0)
        s->how->progress(result);
    if (key.w[1] % s->how->complete_every == 0)
        complete(s, s->way[s->depth - 1]);
    return s->ctx.world->violation[0] == '\0';
}

static bool
search(struct search *s)
{
    struct la_explore_result *result = s->ctx.result;
    bool no_memory = false;
    uint64_t states_max = s->how->states_max;
    bool go_on = arrived(s, &no_memory);
    while (go_on && s->depth > 0 && (states_max == 0 || result->states_n < states_max)) {
        struct place *place = s->way[s->depth - 1];
        if (place->next == place->steps_n) {
            s->depth--;
            continue;
        }
        restore(s, place);
        la_world_do(&s->ctx, place->steps[place->next++]);
        result->steps_n++;
        go_on = arrived(s, &no_memory);
    }
    result->exhausted = go_on && s->depth == 0;
    memcpy(result->violation, s->ctx.world->violation, sizeof(result->violation));
    return !no_memory;
}

bool
la_explore_run(const struct la_explore_cfg *cfg, const struct la_explore_how *how,
               struct la_explore_result *result)
{
    memset(result, 0, sizeof(*result));
    struct search *s = calloc(1, sizeof(*s));
    if (s == NULL)
        return false;
    s->how = how;
    s->ctx.cfg = cfg;
    const char *control = how->control != NULL ? how->control : cfg->control;
    s->ctx.control = la_cc_find(control != NULL ? control : "reno");
    LA_ASSERT(la_cc_exists(s->ctx.control));
    s->ctx.result = result;
    s->ctx.world = calloc(1, sizeof(*s->ctx.world));
    s->ctx.arena = aligned_alloc(64, LA_WORLD_ARENA_BYTES);
    bool ok = s->ctx.world != NULL && s->ctx.arena != NULL && la_world_init(&s->ctx);
    running = s;
    ok = ok && search(s);
    running = NULL;
    for (uint32_t i = 0; i < s->way_cap; i++)
        free(s->way[i]);
    free(s->way);
    free(s->seen.at);
    free(s->ctx.arena);
    free(s->ctx.world);
    free(s);
    return ok;
}
