/* SPDX-License-Identifier: MIT
 *
 * result.c - what the caller gets of a connection that has ended
 */
#include "explain/measure.h"
#include "explain/parts.h"

/* Heuristic: the end that answers in less than an eighth of the whole round trip is where the tap
 * stands; below 100 us in all, nothing can be said. */
static void
locate_tap(const struct la_track *track, struct la_explain_conn *out)
{
    enum { WHOLE_US_MIN = 100, NEAR_SHARE = 8 };
    uint64_t client = track->end[LA_END_CLIENT].part_us_min;
    uint64_t server = track->end[LA_END_SERVER].part_us_min;
    out->tap = LA_TAP_UNKNOWN;
    if (client == UINT32_MAX || server == UINT32_MAX || client + server < WHOLE_US_MIN)
        return;
    out->tap_certainty = LA_CERTAINTY_INFERRED;
    if (client * NEAR_SHARE < client + server)
        out->tap = LA_TAP_CLIENT;
    else if (server * NEAR_SHARE < client + server)
        out->tap = LA_TAP_SERVER;
    else
        out->tap = LA_TAP_BETWEEN;
}

/* *out is clear. */
static void
count_direction(const struct la_explain *explain, const struct la_track *track, unsigned end,
                struct la_explain_direction *out)
{
    const struct la_track_end *e = &track->end[end];
    bool doubles = la_artefacts_doubles(explain) || la_artefacts_is_mirrored(e);
    uint32_t answers_n = la_artefacts_answers_n(track, end);
    out->segments = e->segments_n + answers_n;
    out->bytes = e->bytes;
    out->bytes_unique = e->unique_bytes;
    out->bytes_missing = e->missing_bytes;
    if (doubles)
        out->capture_duplicates = e->copies_n - answers_n;
    else
        out->network_duplicates = e->copies_n - answers_n;
    la_measure_count(track, end, out);
}

void
la_result_brief(struct la_explain *explain, const struct la_track *track,
                const struct la_explain_close *close, struct la_explain_conn *out)
{
    memset(out, 0, sizeof(*out));
    out->id = track->id;
    out->path_key = track->key.path_key;
    out->first_frame = track->first_frame;
    out->last_frame = track->last_frame;
    out->first_at.ns = track->first_at_ns;
    out->last_at.ns = track->last_at_ns;
    out->evicted = track->evicted;
    out->client_guessed = track->client_guessed;
    out->close = *close;
    if (close->kind == LA_CLOSE_OPEN) /* It may not even have begun. */
        out->open.kind = (uint8_t)la_opening_kind(track);
    for (unsigned end = 0; end < 2; end++) {
        out->at[end] = la_track_endpoint(track, end);
        count_direction(explain, track, end, &out->direction[end]);
    }
    out->findings_n = la_found_list(explain, track->found_first);
    out->findings = explain->findings;
}

void
la_result_rest(struct la_explain *explain, const struct la_track *track,
               struct la_explain_conn *out)
{
    locate_tap(track, out);
    la_opening_judge(explain, track, &out->open);
    for (unsigned end = 0; end < 2; end++) {
        const struct la_track_end *e = &track->end[end];
        struct la_explain_direction *direction = &out->direction[end];
        out->possible[end] = e->possible;
        out->proven[end] = e->proven;
        out->proven_certainty[end] = e->certainty;
        direction->window_max = e->window_max;
        direction->segment_bytes_max = e->segment_bytes_max;
        direction->ttl_hops = e->ttl_hops;
        direction->flags = e->tcp_flags;
        la_measure_fill(track, end, direction);
    }
    if (!explain->cfg.no_transitions)
        out->transitions_n = la_steps_list(explain, track);
    out->transitions = explain->transitions;
}
