/* SPDX-License-Identifier: MIT
 *
 * flow.c - what is in flight, and what holds a sender back
 *
 * Between two segments of a connection something keeps each sender from sending more. What that is
 * follows from what the tap knew at the first of the two (heuristics, in this order):
 *
 *   nothing in flight, or the latest segment was not full   the application had no more
 *     (none was, if the largest had less than a third of the MSS: paths may take less than that),
 *     or less was sent so far than a window begins with (RFC 6928 2), and nothing was lost
 *   the rest of the window has no room for a segment        the receiver (RFC 9293 3.8.6)
 *   a recovery is on, or a full window's worth is out       the congestion window (RFC 5681)
 *
 * The shares of the send buffer and of the path are taken out of the last one at the end of each
 * round trip: see rounds.c.
 */
#include "base/apart.h"
#include "explain/measure.h"

enum { FULL_SHARE = 3, INITIAL_SEGMENTS_N = 10 };

static inline enum la_limit
limit_of(const struct la_measure *m, const struct la_track_end *me,
         const struct la_track_end *receiver, int32_t flight)
{
    int32_t room = la_seq_diff(me->edge, me->nxt);
    uint32_t full = me->segment_bytes_max;
    if (me->window_closed)
        return LA_LIMIT_RECEIVER;
    if (flight <= 0)
        return LA_LIMIT_APPLICATION;
    if ((me->flags & LA_END_EDGE) != 0 && room < (int32_t)full)
        return LA_LIMIT_RECEIVER;
    if (m->recovery != LA_RECOVERY_NONE)
        return LA_LIMIT_CONGESTION;
    if (full < la_measure_mss(receiver) / FULL_SHARE)
        return LA_LIMIT_APPLICATION;
    bool is_little = me->unique_bytes < (uint64_t)INITIAL_SEGMENTS_N * full &&
                     m->rto_n + m->fast_n + m->tail_probe_n == 0;
    return m->text_bytes_last < full || is_little ? LA_LIMIT_APPLICATION : LA_LIMIT_CONGESTION;
}

/* Or opened. */
LA_APART static void
shut(struct la_measure *m, const struct la_track_end *me, int64_t at_ns)
{
    if (me->window_closed) {
        m->zero_at_ns = at_ns;
        m->zero_window_n++;
    } else {
        m->zero_us += (uint64_t)((at_ns - m->zero_at_ns) / LA_NS_PER_US);
        m->zero_at_ns = 0;
    }
}

static inline void
pass(struct la_measure *m, const struct la_track_end *sender, const struct la_track_end *receiver,
     int64_t at_ns)
{
    int32_t flight = la_seq_diff(sender->nxt, sender->una);
    if (m->limit_at_ns != 0 && at_ns > m->limit_at_ns)
        m->limit_ns[m->limit] += (uint64_t)(at_ns - m->limit_at_ns);
    m->limit_at_ns = at_ns;
    if (flight > 0 && (uint32_t)flight > m->flight_bytes_max)
        m->flight_bytes_max = (uint32_t)flight;
    if (sender->window_closed != (m->zero_at_ns != 0))
        shut(m, sender, at_ns);
    m->limit = (uint8_t)limit_of(m, sender, receiver, flight);
    m->rounds.limits |= (uint8_t)(1u << m->limit | (unsigned)(flight <= 0) << LA_ROUND_EMPTY);
}

void
la_flow_segment(const struct la_placed *placed)
{
    struct la_measure *mine = placed->mine, *its = placed->its;
    if (mine != NULL) {
        if (placed->seen->tcp.text_bytes > 0)
            mine->text_bytes_last = placed->seen->tcp.text_bytes;
        pass(mine, placed->me, placed->peer, placed->at_ns);
    }
    if (its != NULL)
        pass(its, placed->peer, placed->me, placed->at_ns);
}

void
la_flow_fill(const struct la_measure *m, const struct la_track *track,
             struct la_explain_direction *out)
{
    out->flight_bytes_max = m->flight_bytes_max;
    out->zero_windows = m->zero_window_n;
    out->zero_window_us = m->zero_us;
    if (m->zero_at_ns != 0 && track->last_at_ns > m->zero_at_ns)
        out->zero_window_us += (uint64_t)((track->last_at_ns - m->zero_at_ns) / LA_NS_PER_US);
    for (unsigned i = 0; i < LA_LIMIT_COUNT; i++)
        out->limit_us[i] = m->limit_ns[i] / (uint64_t)LA_NS_PER_US;
}
