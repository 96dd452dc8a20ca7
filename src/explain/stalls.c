/* SPDX-License-Identifier: MIT
 *
 * stalls.c - what small windows and small segments cost
 *
 * Full windows: the sender has filled what was offered and waits (RFC 9293 3.8.6).
 *
 * Silly windows (RFC 9293 3.8.6.2). A receiver opens a window that is smaller than a segment and
 * than half of the largest one that it offered; a sender fills such a rest of a window with a
 * segment of its size, though it had not waited as an override timer would have.
 *
 * Nagle against delayed ACK (RFC 9293 3.7.4, 3.8.6.3), a heuristic: one small segment was in
 * flight, its acknowledgement took 30 to 550 ms more than the way there and back and carried no
 * text, and the next text followed at once. It had waited for that.
 */
#include "base/extremes.h"
#include "explain/measure.h"
#include "explain/parts.h"

enum { DELAYED_US_MAX = 550000, AT_ONCE_US = 5000 };
enum { OVERRIDE_MS_MIN = 100, TIMES_MIN = 3, SHARE = 10 };

static void
note(struct la_stall *stall, const struct la_track *track, const struct la_placed *placed,
     int64_t us)
{
    if (stall->n < LA_STALL_FRAMES_N)
        stall->frames[stall->n] = la_track_frame(track, placed->frame);
    stall->n++;
    stall->us += us > 0 ? (uint64_t)us : 0;
}

/* RFC 9293 3.8.6.2.1: what is worth a segment, or an update of the window. The largest that passed
 * may be several, which a device has not cut yet, or has joined. */
static uint32_t
worth(const struct la_track_end *sender, const struct la_track_end *receiver)
{
    uint32_t segment = min32(sender->segment_bytes_max, la_measure_mss(receiver));
    return min32(segment, receiver->window_max / 2);
}

/* ---- text ------------------------------------------------------------------------------- */

void
la_stalls_sent(struct la_measure *m, const struct la_track *track, const struct la_placed *placed)
{
    const struct la_track_end *me = placed->me;
    uint32_t part_us = me->part_us_min == UINT32_MAX ? 0 : me->part_us_min;
    if (m->limit == LA_LIMIT_RECEIVER && !me->window_closed)
        note(&m->full, track, placed, 0);
    int64_t waited_ns = placed->at_ns - m->heard_at_ns;
    bool fills = la_seq_eq(me->nxt, me->edge) && !me->window_closed && placed->gap_bytes == 0 &&
                 (placed->peer->flags & LA_END_SCALE_KNOWN) != 0;
    if (fills && placed->new_bytes > 1 && placed->new_bytes < worth(me, placed->peer) &&
        waited_ns < OVERRIDE_MS_MIN * LA_NS_PER_MS)
        note(&m->silly_sent, track, placed, 0);
    if (m->delayed_us > 0 &&
        placed->at_ns - m->delayed_at_ns <= (AT_ONCE_US + 2 * (int64_t)part_us) * LA_NS_PER_US)
        note(&m->nagle, track, placed, m->delayed_us);
    m->delayed_us = 0;
}

/* ---- acknowledgements ------------------------------------------------------------------- */

void
la_stalls_acked(struct la_measure *m, const struct la_track *track, const struct la_placed *placed)
{
    const struct la_track_end *sender = placed->peer, *receiver = placed->me;
    int32_t opened = la_seq_diff(sender->edge, m->edge_last);
    bool known = m->edge_known && (receiver->flags & LA_END_SCALE_KNOWN) != 0;
    bool is_small = placed->window < receiver->window_max / 2; /* which most are not */
    if (known && opened > 0 && placed->window > 0 && is_small &&
        placed->window < worth(sender, receiver))
        note(&m->silly_offered, track, placed, 0);
    int64_t late_us = placed->rtt_us - (int64_t)receiver->part_us_min;
    bool alone = la_seq_eq(sender->una, sender->nxt) && placed->acked_bytes == m->text_bytes_last;
    bool delayed = late_us >= LA_STALL_US_MIN && late_us <= DELAYED_US_MAX &&
                   placed->seen->tcp.text_bytes == 0;
    if (delayed && alone && placed->acked_bytes < la_measure_mss(receiver)) {
        m->delayed_us = (uint32_t)late_us;
        m->delayed_at_ns = placed->at_ns;
    }
}

/* ---- of a connection that is over -------------------------------------------------------- */

static struct la_explain_finding *
find(struct la_explain *explain, struct la_track *track, enum la_finding id, enum la_who who,
     const struct la_stall *stall)
{
    struct la_explain_finding *finding = NULL;
    for (uint32_t i = 0; i < stall->n && i < LA_STALL_FRAMES_N; i++)
        finding = la_found(explain, track, id, who, track->first_frame + stall->frames[i]);
    if (finding == NULL)
        return NULL;
    finding->n = stall->n;
    finding->values[0] = stall->n;
    finding->values[1] = (int64_t)stall->us;
    return finding;
}

/* A window that was filled is worth a word when that took a tenth of the sender's time. */
static void
remark_full(struct la_explain *explain, struct la_track *track, unsigned sender,
            struct la_measure *m)
{
    uint64_t all_ns = 0, held_ns = m->limit_ns[LA_LIMIT_RECEIVER];
    for (unsigned i = 0; i < LA_LIMIT_COUNT; i++)
        all_ns += m->limit_ns[i];
    bool often = m->full.n > 1 && held_ns * SHARE >= all_ns;
    if (!often || !la_rounds_tell(m, track, sender))
        return;
    m->full.us = held_ns / (uint64_t)LA_NS_PER_US;
    struct la_explain_finding *finding =
        find(explain, track, LA_FINDING_WINDOW_FULL, la_who_of(1 - sender), &m->full);
    if (finding != NULL)
        finding->values[2] = track->end[1 - sender].window_max;
}

void
la_stalls_remark(struct la_explain *explain, struct la_track *track)
{
    for (unsigned sender = 0; sender < 2; sender++) {
        struct la_measure *m = track->end[sender].measure;
        if (m == NULL)
            continue;
        remark_full(explain, track, sender, m);
        if (m->silly_offered.n >= TIMES_MIN)
            (void)find(explain, track, LA_FINDING_SILLY_WINDOW, la_who_of(1 - sender),
                       &m->silly_offered);
        /* Stacks that cut one now and then are not worth a word. */
        if (m->silly_sent.n >= TIMES_MIN &&
            (uint64_t)m->silly_sent.n * SHARE >= track->end[sender].segments_n)
            (void)find(explain, track, LA_FINDING_SILLY_SEGMENT, la_who_of(sender), &m->silly_sent);
        struct la_explain_finding *nagle =
            m->nagle.n < TIMES_MIN
                ? NULL
                : find(explain, track, LA_FINDING_NAGLE_DELAYED_ACK, la_who_of(sender), &m->nagle);
        if (nagle != NULL)
            nagle->certainty = LA_CERTAINTY_INFERRED;
    }
}
