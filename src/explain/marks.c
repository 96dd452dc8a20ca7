/* SPDX-License-Identifier: MIT
 *
 * marks.c - what of a segment is an event for the end that it goes to
 *
 * A tap between the ends cannot know that the far end received a segment until that end shows it:
 * a mark waits until then (arrivals.c), and is set again when a later copy passes.
 */
#include "explain/parts.h"

static inline void
set_mark(struct la_track *track, const struct la_placed *placed, enum la_mark mark)
{
    struct la_marks *marks = &placed->peer->marks;
    uint8_t bit = (uint8_t)(1u << mark);
    if (((marks->waiting | marks->taken) & bit) != 0)
        return;
    marks->waiting |= bit;
    if (placed->is_inferred)
        marks->unseen |= bit;
    marks->at_ns[mark] = placed->at_ns;
    marks->frame[mark] = la_track_frame(track, placed->frame);
}

static bool
acknowledges(const struct la_tcp_seg *seg, la_seq number)
{
    return (seg->flags & LA_TCP_ACK) != 0 && la_seq_gt(seg->ack, number);
}

/* Heuristic: a FIN is acknowledged at once (RFC 9293 3.10.7.4 eighth), so that one whose ACK did
 * not come within the longest time that an answer took, a quarter and a millisecond more, did not
 * arrive: the one that comes again does. */
static bool
fin_was_lost(const struct la_marks *marks, const struct la_track_end *end, int64_t now_ns)
{
    if ((marks->waiting >> LA_MARK_FIN & 1) == 0 || end->part_us_min == UINT32_MAX)
        return false;
    int64_t way_us = (int64_t)end->part_us_max + end->part_us_max / 4 + LA_US_PER_MS;
    return now_ns - marks->at_ns[LA_MARK_FIN] > way_us * LA_NS_PER_US;
}

void
la_marks_segment(struct la_track *track, const struct la_placed *placed)
{
    const struct la_tcp_seg *seg = &placed->seen->tcp;
    struct la_track_end *peer = placed->peer;
    const uint8_t passed = peer->marks.waiting | peer->marks.taken;
    if ((seg->flags & (LA_TCP_SYN | LA_TCP_FIN)) == 0 && (peer->flags & LA_END_FIN) == 0 &&
        (passed >> LA_MARK_ACK_OF_SYN & 1) != 0)
        return; /* It is no first one of anything. */
    bool syn = (seg->flags & LA_TCP_SYN) != 0;
    bool peer_began = (peer->flags & (LA_END_SYN | LA_END_SYN_ACK)) != 0;
    if (syn && (seg->flags & LA_TCP_ACK) == 0)
        set_mark(track, placed, LA_MARK_SYN);
    if (peer_began && acknowledges(seg, peer->iss)) {
        peer->flags |= LA_END_SYN_ACKED;
        set_mark(track, placed, syn ? LA_MARK_SYN_ACK : LA_MARK_ACK_OF_SYN);
    }
    if ((seg->flags & LA_TCP_FIN) != 0) {
        if (fin_was_lost(&peer->marks, peer, placed->at_ns)) {
            peer->marks.waiting &= (uint8_t) ~(1u << LA_MARK_FIN);
            peer->marks.again |= 1u << LA_MARK_FIN;
        }
        set_mark(track, placed, LA_MARK_FIN);
    }
    if ((peer->flags & LA_END_FIN) != 0 && acknowledges(seg, peer->fin_seq)) {
        peer->flags |= LA_END_FIN_ACKED;
        set_mark(track, placed, LA_MARK_ACK_OF_FIN);
    }
}

bool
la_marks_is_near(const struct la_track_end *end)
{
    enum { NEAR_US = 1000 };
    return end->part_us_min <= NEAR_US;
}

/* Heuristic: the way from an end to the tap takes no longer than the slowest way there and back so
 * far would, were its queues to double, and a millisecond. */
int64_t
la_marks_sent_ns(const struct la_track_end *end, int64_t passed_ns)
{
    if (passed_ns == 0 || end->part_us_min == UINT32_MAX)
        return INT64_MAX;
    int64_t us = la_marks_is_near(end) ? (int64_t)end->part_us_min
                                       : 2 * (int64_t)end->part_us_max + LA_US_PER_MS;
    return passed_ns - us * LA_NS_PER_US;
}

/* Heuristic: an answer takes no less than half the shortest time that one took so far. Where the
 * capture's clock was set back between them, the file's order is all that is left. */
bool
la_marks_can_show(const struct la_track_end *end, int64_t mark_ns, int64_t at_ns)
{
    int64_t since_ns = at_ns - mark_ns;
    int64_t least_ns =
        end->part_us_min == UINT32_MAX ? 0 : (int64_t)end->part_us_min * LA_NS_PER_US / 2;
    return since_ns >= least_ns || since_ns < -LA_NS_PER_S;
}
