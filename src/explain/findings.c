/* SPDX-License-Identifier: MIT
 *
 * findings.c - what was noticed, kept small until the caller asks
 */
#include "explain/parts.h"

static struct la_found *
found_at(const struct la_explain *explain, uint32_t idx)
{
    return la_pool_at(&explain->found, idx);
}

static void
add_frame(struct la_explain_finding *finding, uint64_t frame)
{
    finding->n++;
    if (finding->frames_n < LA_FINDING_FRAMES_MAX && frame != 0)
        finding->frames[finding->frames_n++] = frame;
}

/* One chain of findings: its ends, and how many may still be added. */
struct chain {
    uint32_t *first, *last;
    bool full;
};

static struct la_explain_finding *
add(struct la_explain *explain, const struct chain *chain, enum la_finding id, enum la_who who)
{
    uint32_t idx = chain->full ? LA_POOL_NONE : la_pool_take(&explain->found);
    if (idx == LA_POOL_NONE)
        return NULL;
    struct la_found *found = found_at(explain, idx);
    *found = (struct la_found){
        .next = NONE,
        .finding = {.id = (uint16_t)id, .who = (uint8_t)who, .certainty = LA_CERTAINTY_SEEN},
    };
    if (*chain->last == NONE)
        *chain->first = idx;
    else
        found_at(explain, *chain->last)->next = idx;
    *chain->last = idx;
    return &found->finding;
}

static struct la_explain_finding *
find_or_add(struct la_explain *explain, const struct chain *chain, enum la_finding id,
            enum la_who who)
{
    for (uint32_t i = *chain->first; i != NONE; i = found_at(explain, i)->next) {
        struct la_explain_finding *finding = &found_at(explain, i)->finding;
        if (finding->id == id && finding->who == who)
            return finding;
    }
    return add(explain, chain, id, who);
}

struct la_explain_finding *
la_found(struct la_explain *explain, struct la_track *track, enum la_finding id, enum la_who who,
         uint64_t frame)
{
    struct chain chain = {&track->found_first, &track->found_last,
                          track->findings_n >= LA_FINDINGS_N_MAX};
    struct la_explain_finding *finding = find_or_add(explain, &chain, id, who);
    if (finding == NULL)
        return NULL;
    if (finding->n == 0)
        track->findings_n++;
    add_frame(finding, frame);
    return finding;
}

struct la_explain_finding *
la_found_in_file(struct la_explain *explain, enum la_finding id, uint64_t frame)
{
    struct chain chain = {&explain->file_found_first, &explain->file_found_last, false};
    struct la_explain_finding *finding = find_or_add(explain, &chain, id, LA_WHO_NONE);
    if (finding != NULL)
        add_frame(finding, frame);
    return finding;
}

struct la_explain_finding *
la_found_anew_in_file(struct la_explain *explain, enum la_finding id, unsigned n_max)
{
    struct chain chain = {&explain->file_found_first, &explain->file_found_last, false};
    unsigned n = 0;
    for (uint32_t i = *chain.first; i != NONE; i = found_at(explain, i)->next)
        n += found_at(explain, i)->finding.id == id;
    struct la_explain_finding *finding = n < n_max ? add(explain, &chain, id, LA_WHO_NONE) : NULL;
    if (finding != NULL)
        finding->n = 1;
    return finding;
}

bool
la_found_has(const struct la_explain *explain, const struct la_track *track, enum la_finding id)
{
    for (uint32_t i = track->found_first; i != NONE; i = found_at(explain, i)->next)
        if (found_at(explain, i)->finding.id == id)
            return true;
    return false;
}

void
la_found_free(struct la_explain *explain, uint32_t first)
{
    while (first != NONE) {
        uint32_t next = found_at(explain, first)->next;
        la_pool_give(&explain->found, first);
        first = next;
    }
}

static bool
has_room_for(struct la_explain *explain, size_t n)
{
    if (n <= explain->findings_cap)
        return true;
    size_t cap = n * 2, bytes = sizeof(explain->findings[0]);
    struct la_explain_finding *grown = la_mem_take(explain->mem, cap * bytes);
    if (grown == NULL)
        return false;
    if (explain->findings_cap > 0)
        memcpy(grown, explain->findings, explain->findings_cap * bytes);
    la_mem_give(explain->mem, explain->findings, explain->findings_cap * bytes);
    explain->findings = grown;
    explain->findings_cap = cap;
    return true;
}

/* Nobody is accused of what is uncertain. */
static bool
is_told(const struct la_explain_finding *finding)
{
    return finding->certainty != LA_CERTAINTY_UNKNOWN ||
           la_finding_requirement((enum la_finding)finding->id)[0] == 0;
}

size_t
la_found_list(struct la_explain *explain, uint32_t first)
{
    size_t n = 0;
    for (uint32_t i = first; i != NONE; i = found_at(explain, i)->next) {
        if (!is_told(&found_at(explain, i)->finding))
            continue;
        if (!has_room_for(explain, n + 1))
            break;
        explain->findings[n++] = found_at(explain, i)->finding;
    }
    return n;
}
