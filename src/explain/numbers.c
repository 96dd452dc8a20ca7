/* SPDX-License-Identifier: MIT
 *
 * numbers.c - a segment among the sequence numbers (RFC 9293 3.4)
 *
 * The tap sees what both ends say and infers what either has: `nxt` from what an end sent, `una`
 * and `edge` from what its peer acknowledged and offered. A segment whose numbers lie far from both
 * is strange: an old duplicate, a forgery or damage. Nothing is learnt from it.
 *
 * Heuristic: "far" is more than two windows, or 1 MiB where the window is not known.
 */
#include "base/apart.h"
#include "explain/measure.h"
#include "explain/parts.h"
#include "proto/tcp_accept.h"

enum { FAR_BYTES_MIN = 1 << 20 };

static uint32_t
far_bytes(const struct la_track_end *receiver)
{
    uint64_t far = 2 * (uint64_t)receiver->window_max;
    return far > FAR_BYTES_MIN ? (uint32_t)(far < INT32_MAX / 2 ? far : INT32_MAX / 2)
                               : FAR_BYTES_MIN;
}

static inline bool
is_far(la_seq a, la_seq b, const struct la_track_end *receiver)
{
    int32_t diff = la_seq_diff(a, b);
    if (diff >= -FAR_BYTES_MIN && diff <= FAR_BYTES_MIN)
        return false;
    int32_t far = (int32_t)far_bytes(receiver);
    return diff > far || diff < -far;
}

/* An acknowledgement of what cannot have been sent, captured or not: nothing follows a FIN, and
 * nothing goes beyond the window (RFC 9293 3.8.6.1: but for the octet of a probe). */
static bool
acks_nothing(const struct la_track_end *me, const struct la_track_end *peer, la_seq ack)
{
    bool has_edge = (peer->flags & LA_END_EDGE) != 0;
    bool knows_edge = has_edge && (me->flags & LA_END_SCALE_KNOWN) != 0;
    bool has_begun = (peer->flags & (LA_END_SYN | LA_END_SYN_ACK)) != 0;
    return (peer->flags & LA_END_FIN) != 0 || (has_begun && !has_edge) ||
           (knows_edge && la_seq_gt(ack, la_seq_add(peer->edge, 1)));
}

/* Of an earlier incarnation: before its first number, as long as numbers have not wrapped. */
static bool
is_before(const struct la_track_end *me, la_seq seq)
{
    enum { WRAP_BYTES = 1 << 30 };
    return (me->flags & (LA_END_SYN | LA_END_SYN_ACK)) != 0 && me->unique_bytes < WRAP_BYTES &&
           la_seq_lt(seq, me->iss);
}

/* Of an earlier incarnation: behind a gap, and sent before what stands in front of the gap. */
static bool
is_older(const struct la_track_end *me, const struct la_tcp_seg *seg)
{
    return (seg->has & LA_TCP_HAS_TIMESTAMPS) != 0 &&
           (me->options & LA_EXPLAIN_HAS_TIMESTAMPS) != 0 && la_seq_gt(seg->seq, me->nxt) &&
           la_tcp_ts_older(seg->ts_val, me->ts_val);
}

LA_APART static bool
is_strange(const struct la_placed *placed)
{
    const struct la_track_end *me = placed->me, *peer = placed->peer;
    const struct la_tcp_seg *seg = &placed->seen->tcp;
    if ((me->flags & LA_END_SPOKE) != 0 &&
        (is_before(me, seg->seq) || is_far(seg->seq, me->nxt, peer) || is_older(me, seg)))
        return true;
    return (seg->flags & LA_TCP_ACK) != 0 && (peer->flags & LA_END_SPOKE) != 0 &&
           (is_far(seg->ack, peer->nxt, me) ||
            (la_seq_gt(seg->ack, peer->nxt) && acks_nothing(me, peer, seg->ack)));
}

/* A probe of a closed window may carry an octet beyond it (RFC 9293 3.8.6.1). */
static uint32_t
beyond_edge(const struct la_track_end *me, const struct la_placed *placed, la_seq text_end)
{
    int32_t beyond = la_seq_diff(text_end, me->edge);
    bool known = (me->flags & LA_END_EDGE) != 0 && (placed->peer->flags & LA_END_SCALE_KNOWN) != 0;
    if (!known || beyond <= 0 || (me->window_closed && placed->new_bytes == 1))
        return 0;
    return (uint32_t)beyond;
}

/* RFC 9293 3.8.6: the right edge should not move left; RFC 7323 2.4: rounding by the scale may.
 * Only a segment that is the newest in both numbers says what is offered now; to who has sent a
 * FIN, nothing is. */
static uint32_t
shrunk(const struct la_track_end *me, const struct la_track_end *peer,
       const struct la_placed *placed, la_seq edge)
{
    const struct la_tcp_seg *seg = &placed->seen->tcp;
    if (la_seq_ge(edge, peer->edge) || (peer->flags & (LA_END_EDGE | LA_END_FIN)) != LA_END_EDGE ||
        (me->flags & LA_END_SCALE_KNOWN) == 0 || placed->old_bytes > 0 ||
        !la_seq_eq(la_seq_add(seg->seq, seg->len), me->nxt) || !la_seq_eq(seg->ack, me->ack))
        return 0;
    int32_t back = la_seq_diff(peer->edge, edge) - (1 << me->wscale) + 1;
    return back > 0 ? (uint32_t)back : 0;
}

static inline la_seq
text_of(const struct la_tcp_seg *seg)
{
    return (seg->flags & LA_TCP_SYN) != 0 ? la_seq_add(seg->seq, 1) : seg->seq;
}

/* Of what `me` sends: where it lies against what it has sent. Returns true if that is nothing. */
LA_APART static bool
compare_text(struct la_track_end *me, struct la_placed *placed)
{
    const struct la_tcp_seg *seg = &placed->seen->tcp;
    la_seq text = text_of(seg), text_end = la_seq_add(text, seg->text_bytes);
    bool is_first = (me->flags & LA_END_SPOKE) == 0;
    if (is_first) {
        me->flags |= LA_END_SPOKE;
        me->nxt = me->una = seg->seq;
    }
    int32_t beyond = la_seq_diff(text_end, me->nxt);
    if (la_seq_gt(seg->seq, me->nxt))
        placed->gap_bytes = (uint32_t)la_seq_diff(seg->seq, me->nxt);
    if (beyond > 0)
        placed->new_bytes = (uint32_t)beyond < seg->text_bytes ? (uint32_t)beyond : seg->text_bytes;
    placed->old_bytes = seg->text_bytes - placed->new_bytes;
    if (placed->old_bytes == 0)
        return is_first;
    /* The file has it behind its acknowledgement. */
    if (me->missing_bytes >= placed->old_bytes && la_seq_le(me->missing_from, text) &&
        la_seq_le(text_end, me->missing_to)) {
        me->missing_bytes -= placed->old_bytes;
        me->unique_bytes += placed->old_bytes;
    }
    me->timing = false; /* Karn's rule, RFC 6298 3 */
    return is_first;
}

/* New text behind its peer's, or the first of all: an answer. Since when it was due, by the
 * capture's clock; 0: it is none. */
static uint32_t
turn_us(const struct la_track_end *me, const struct la_track_end *peer, int64_t at_ns)
{
    bool greets = (me->flags & LA_END_SYN_ACK) != 0 && peer->text_at_ns == 0 &&
                  me->text_at_ns == 0 && peer->syn_n < peer->segments_n;
    if (peer->text_at_ns <= me->text_at_ns && !greets)
        return 0;
    int64_t asked_ns = greets ? peer->last_at_ns : peer->text_at_ns;
    if (peer->measure != NULL && peer->measure->sent_at_ns > asked_ns)
        asked_ns = peer->measure->sent_at_ns; /* It was asked again. */
    int64_t us = (at_ns - asked_ns) / LA_NS_PER_US;
    return us < 0 || me->window_closed ? 0 : us < UINT32_MAX ? (uint32_t)us : UINT32_MAX;
}

static inline void
place_text(struct la_track_end *me, struct la_placed *placed)
{
    const struct la_tcp_seg *seg = &placed->seen->tcp;
    bool is_first = false;
    if (placed->is_next)
        placed->new_bytes = seg->text_bytes;
    else
        is_first = compare_text(me, placed);
    if (placed->new_bytes > 0) {
        la_seq text_end = la_seq_add(text_of(seg), seg->text_bytes);
        placed->beyond_bytes = beyond_edge(me, placed, text_end);
        if (!me->timing && placed->gap_bytes == 0) {
            me->timing = true;
            me->timed_at_ns = placed->at_ns;
            me->timed_seq = text_end;
            me->turn_us = turn_us(me, placed->peer, placed->at_ns);
            me->turn_frame = (uint32_t)placed->frame;
        }
        me->unique_bytes += placed->new_bytes;
        me->text_at_ns = placed->at_ns;
        if (!is_first)
            me->flags |= LA_END_NEW_TEXT;
    }
    me->bytes += seg->text_bytes;
    if (seg->text_bytes > me->segment_bytes_max) {
        me->segment_bytes_max = seg->text_bytes;
        me->largest_seq = seg->seq;
    }
    me->nxt = la_seq_max(me->nxt, la_seq_add(seg->seq, seg->len));
}

/* RFC 7323 2.2: the window of a SYN is never scaled; that of others is, if both SYNs had the
 * option. Unknown scales count as none: the window is then a lower bound. */
static uint32_t
scaled(const struct la_track_end *me, const struct la_tcp_seg *seg)
{
    bool scale = (me->flags & LA_END_SCALE_KNOWN) != 0 && (seg->flags & LA_TCP_SYN) == 0;
    return (uint32_t)seg->wnd << (scale ? me->wscale : 0);
}

/* From text that passed to its acknowledgement: the way from the tap to `me` and back. */
static void
take_time(struct la_track_end *me, struct la_track_end *peer, struct la_placed *placed)
{
    if (!peer->timing || la_seq_lt(placed->seen->tcp.ack, peer->timed_seq))
        return;
    peer->timing = false;
    int64_t us = (placed->at_ns - peer->timed_at_ns) / LA_NS_PER_US;
    placed->rtt_us = us;
    if (us >= 0 && us < me->part_us_min)
        me->part_us_min = (uint32_t)us;
    if (us > me->part_us_max && us < UINT32_MAX)
        me->part_us_max = (uint32_t)us;
}

/* What is acknowledged and did not pass. */
LA_APART static void
note_missing(struct la_track_end *peer, struct la_placed *placed)
{
    la_seq ack = placed->seen->tcp.ack;
    if ((peer->flags & LA_END_SPOKE) == 0) {
        peer->flags |= LA_END_SPOKE;
        peer->nxt = peer->una = ack;
    }
    if (la_seq_le(ack, peer->nxt))
        return;
    placed->acks_missing = true;
    placed->missing_bytes = (uint32_t)la_seq_diff(ack, peer->nxt);
    peer->missing_bytes += placed->missing_bytes;
    peer->missing_from = peer->nxt;
    peer->missing_to = ack;
    peer->nxt = ack;
}

/* What `me` acknowledges of its peer's, and offers it. */
static void
place_ack(struct la_placed *placed)
{
    struct la_track_end *me = placed->me, *peer = placed->peer;
    const struct la_tcp_seg *seg = &placed->seen->tcp;
    me->ack = (me->flags & LA_END_ACKED) != 0 ? la_seq_max(me->ack, seg->ack) : seg->ack;
    me->flags |= LA_END_ACKED;
    me->last_ack = seg->ack;
    if (!placed->is_next)
        note_missing(peer, placed);
    if (la_seq_gt(seg->ack, peer->una)) {
        placed->acked_bytes = (uint32_t)la_seq_diff(seg->ack, peer->una);
        peer->una = seg->ack;
    }
    take_time(me, peer, placed);
    peer->window_closed = placed->window == 0;
    la_seq edge = la_seq_add(seg->ack, placed->window);
    placed->shrunk_bytes = shrunk(me, peer, placed, edge);
    peer->edge = (peer->flags & LA_END_EDGE) != 0 ? la_seq_max(peer->edge, edge) : edge;
    peer->flags |= LA_END_EDGE;
}

void
la_numbers_place(struct la_placed *placed)
{
    struct la_track_end *me = placed->me;
    const struct la_tcp_seg *seg = &placed->seen->tcp;
    placed->rtt_us = -1;
    placed->window = scaled(me, seg);
    if (!placed->is_next && (placed->is_strange || is_strange(placed))) {
        placed->is_strange = true;
        return;
    }
    /* A RST's numbers may be anybody's, and its window means nothing. */
    if ((seg->flags & LA_TCP_RST) != 0)
        return;
    me->window = placed->window;
    me->window_raw = seg->wnd;
    if (placed->window > me->window_max)
        me->window_max = placed->window;
    place_text(me, placed);
    if ((seg->flags & LA_TCP_ACK) != 0)
        place_ack(placed);
}
