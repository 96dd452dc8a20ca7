/* SPDX-License-Identifier: MIT
 *
 * turns.c - how long an end took to answer, whatever the network did
 *
 * A turn is new text of an end behind new text of its peer (numbers.c notes it with the text that
 * is timed), or the first text of all where the server speaks first. What passed since the peer's
 * latest text, its last copy, is the way from the tap to the end and back, and the end's own time
 * (heuristic: the shortest round trip is the way).
 */
#include "explain/measure.h"
#include "explain/parts.h"

enum { ROUND_TRIPS = 4 };

void
la_turns_take(struct la_measure *m, const struct la_track *track, struct la_track_end *e)
{
    uint32_t own_us = e->turn_us > e->part_us_min ? e->turn_us - e->part_us_min : 0;
    e->turn_us = 0;
    if (m->answers_n == 0)
        memset(&m->answers, 0, sizeof(m->answers));
    if (m->answers_n < UINT16_MAX)
        m->answers_n++;
    m->answers.us += own_us;
    if (own_us <= m->answers.us_max)
        return;
    m->answers.us_max = own_us;
    m->answers.frame = e->turn_frame - (uint32_t)track->first_frame;
}

/* Worth a word where most of the time in which not the client was asked for something went by at
 * the server, and four round trips and a fifth of a second at once. */
void
la_turns_remark(struct la_explain *explain, struct la_track *track)
{
    const struct la_track_end *client = &track->end[LA_END_CLIENT];
    const struct la_track_end *server = &track->end[LA_END_SERVER];
    const struct la_measure *m = server->measure;
    if (client->part_us_min == UINT32_MAX || server->part_us_min == UINT32_MAX)
        return;
    int64_t way_us = (int64_t)client->part_us_min + server->part_us_min;
    int64_t last_ns =
        client->text_at_ns > server->text_at_ns ? client->text_at_ns : server->text_at_ns;
    int64_t busy_us = (last_ns - track->first_at_ns) / LA_NS_PER_US;
    if (client->measure != NULL && client->measure->answers_n > 0)
        busy_us -= (int64_t)client->measure->answers.us;
    if (m->answers.us_max < ROUND_TRIPS * way_us || 2 * (int64_t)m->answers.us < busy_us)
        return;
    struct la_explain_finding *finding =
        la_found(explain, track, LA_FINDING_SLOW_ANSWER, LA_WHO_SERVER,
                 track->first_frame + m->answers.frame);
    if (finding == NULL)
        return;
    finding->certainty = LA_CERTAINTY_INFERRED;
    finding->n = m->answers_n;
    finding->values[0] = m->answers.us_max;
    finding->values[1] = (int64_t)m->answers.us;
    finding->values[2] = way_us;
}
