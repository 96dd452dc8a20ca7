/* SPDX-License-Identifier: MIT
 *
 * leap.c - numbers that leap over what was not captured
 *
 * A capture that loses more than two windows of a stream goes on with numbers that are far from all
 * that passed before. One such segment may be old, forged or damaged. Heuristic: where the other
 * end answers it with numbers that are as far, both ends have come there, and the capture alone has
 * not: nobody who forges for one end makes the other follow him. Of a capture of one direction,
 * four segments in a row tell. Numbers leap forward, by less than half of their circle (RFC 9293
 * 3.4).
 *
 * Nothing is missing where a second SYN,ACK with another number is what both ends go on with.
 */
#include "explain/measure.h"
#include "explain/parts.h"

enum { IN_ROW_N_MIN = 4, NEAR_BYTES_MIN = 1 << 16 };

static bool
is_near(la_seq a, la_seq b, const struct la_track_end *receiver)
{
    int32_t diff = la_seq_diff(a, b);
    int32_t near = receiver->window_max > NEAR_BYTES_MIN && receiver->window_max < INT32_MAX / 2
                       ? (int32_t)receiver->window_max
                       : NEAR_BYTES_MIN;
    return diff <= near && diff >= -near;
}

/* Nothing goes back, nothing follows a FIN, and what has an older timestamp is old. */
static bool
may_leap(const struct la_track *track, const struct la_placed *placed)
{
    bool renumbered = track->rare != NULL && track->rare->leap.has_syn_ack;
    const struct la_track_end *me = placed->me, *peer = placed->peer;
    const struct la_tcp_seg *seg = &placed->seen->tcp;
    const uint16_t control = LA_TCP_SYN | LA_TCP_RST | LA_TCP_ACK;
    bool is_old = (seg->has & LA_TCP_HAS_TIMESTAMPS) != 0 &&
                  (me->options & LA_EXPLAIN_HAS_TIMESTAMPS) != 0 &&
                  la_tcp_ts_older(seg->ts_val, me->ts_val);
    return (seg->flags & control) == LA_TCP_ACK && !is_old &&
           ((me->flags | peer->flags) & LA_END_FIN) == 0 && (me->flags & LA_END_SPOKE) != 0 &&
           (renumbered || (la_seq_ge(seg->seq, me->una) && la_seq_ge(seg->ack, peer->una)));
}

void
la_leap_keep(struct la_leap *leap, const struct la_placed *placed)
{
    const struct la_tcp_seg *seg = &placed->seen->tcp;
    bool follows = leap->segments_n > 0 && leap->from == placed->from &&
                   la_seq_eq(seg->seq, la_seq_add(leap->seen.tcp.seq, leap->seen.tcp.len)) &&
                   la_seq_ge(seg->ack, leap->seen.tcp.ack);
    if (!follows) {
        leap->segments_n = 0;
        leap->first_seq = seg->seq;
    }
    leap->segments_n++;
    leap->from = placed->from;
    leap->frame = placed->frame;
    leap->at_ns = placed->at_ns;
    leap->seen = *placed->seen;
    leap->seen.text = leap->seen.header = (struct la_bytes){NULL, 0};
}

/* The other end's numbers are those that it says, and it is answered by those that it has. */
static bool
agrees(const struct la_leap *leap, const struct la_placed *placed)
{
    const struct la_tcp_seg *kept = &leap->seen.tcp, *seg = &placed->seen->tcp;
    return leap->segments_n > 0 && leap->from != placed->from &&
           is_near(seg->ack, la_seq_add(kept->seq, kept->len), placed->me) &&
           is_near(seg->seq, kept->ack, placed->peer);
}

/* What lies between is missing; what was measured goes on behind it, and what held a sender back
 * meanwhile is not known. */
static void
go_on_from(struct la_track_end *e, la_seq seq)
{
    struct la_measure *m = e->measure;
    if (m != NULL)
        m->limit_at_ns = 0;
    if (!la_seq_gt(seq, e->nxt))
        return;
    e->missing_bytes += (uint32_t)la_seq_diff(seq, e->nxt);
    e->missing_from = e->nxt;
    e->missing_to = seq;
    e->nxt = e->una = seq;
    e->flags &= ~(uint32_t)LA_END_EDGE;
    e->timing = false;
    e->repeats_n = 0;
    if (m == NULL)
        return;
    for (unsigned i = 0; i < m->holes_n; i++)
        e->missing_bytes += (uint32_t)la_seq_diff(m->holes[i].to, m->holes[i].from);
    m->gap_n += 1u + m->holes_n;
    m->holes_n = 0;
    m->agains_n = 0;
    m->duplicates_now = 0;
    m->recovery = m->rounds.recovery = LA_RECOVERY_NONE;
    memset(m->texts, 0, sizeof(m->texts)); /* The same numbers may come around again. */
    m->sacked = m->probed = m->edge_known = m->rounds.begun = false;
}

/* A SYN,ACK with another number than the first one, before there was any text. Not where the client
 * has reset the first one: what it is told to have ended is not undone. */
static void
note_syn_ack(struct la_explain *explain, struct la_track *track, const struct la_placed *placed)
{
    const struct la_tcp_seg *seg = &placed->seen->tcp;
    const uint16_t both = LA_TCP_SYN | LA_TCP_ACK;
    bool is_second = (seg->flags & (both | LA_TCP_RST)) == both && placed->from == LA_END_SERVER &&
                     (placed->me->flags & LA_END_SYN_ACK) != 0 &&
                     (placed->peer->flags & LA_END_RST) == 0 &&
                     placed->me->unique_bytes + placed->me->missing_bytes == 0 &&
                     la_seq_le(seg->ack, placed->peer->nxt);
    struct la_track_rare *rare = is_second ? la_track_rare(explain, track) : NULL;
    if (rare == NULL)
        return;
    rare->leap.has_syn_ack = true;
    rare->leap.syn_ack_seq = seg->seq;
    rare->leap.syn_ack_frame = placed->frame;
}

/* The server's numbers are those of its second SYN,ACK, and what either end has said about the
 * first one shows nothing. */
static bool
begins_anew(struct la_explain *explain, struct la_track *track, unsigned end, la_seq seq)
{
    const struct la_leap *leap = &track->rare->leap;
    struct la_track_end *e = &track->end[end];
    if (!leap->has_syn_ack || end != LA_END_SERVER || e->unique_bytes + e->missing_bytes > 0 ||
        !la_seq_eq(seq, la_seq_add(leap->syn_ack_seq, 1)))
        return false;
    e->iss = leap->syn_ack_seq;
    e->nxt = e->una = seq;
    e->flags &= ~(uint32_t)LA_END_EDGE;
    e->timing = false;
    e->repeats_n = 0;
    la_possible_begin(explain, track, false);
    (void)la_found(explain, track, LA_FINDING_SYN_ACK_OTHER, la_who_of(end), leap->syn_ack_frame);
    return true;
}

bool
la_leap_shows(struct la_explain *explain, struct la_track *track, const struct la_placed *placed)
{
    note_syn_ack(explain, track, placed);
    struct la_track_rare *rare = may_leap(track, placed) ? la_track_rare(explain, track) : NULL;
    if (rare == NULL || rare->leap.is_taken)
        return false;
    struct la_leap *leap = &rare->leap;
    bool agreed = agrees(leap, placed);
    if (!agreed)
        la_leap_keep(leap, placed);
    bool alone = placed->peer->segments_n == 0 && leap->segments_n >= IN_ROW_N_MIN;
    if (!agreed && !alone)
        return false;
    struct la_track_end *e = &track->end[leap->from];
    const struct la_tcp_seg *kept = &leap->seen.tcp;
    if (!begins_anew(explain, track, leap->from, leap->first_seq))
        go_on_from(e, leap->first_seq);
    if (la_seq_gt(kept->seq, e->nxt)) { /* What of it passed before the latest one. */
        uint32_t passed_bytes = (uint32_t)la_seq_diff(kept->seq, e->nxt);
        e->unique_bytes += passed_bytes;
        e->bytes += passed_bytes;
        e->nxt = kept->seq;
    }
    if (!begins_anew(explain, track, 1u - leap->from, kept->ack))
        go_on_from(&track->end[1 - leap->from], kept->ack);
    leap->segments_n = 0;
    return true;
}
