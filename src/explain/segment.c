/* SPDX-License-Identifier: MIT
 *
 * segment.c - one segment through the parts of the analyser
 *
 * The order matters: which incarnation it belongs to; whether it is a packet at all or a copy of
 * one; its SYN, which says what its numbers mean; its numbers; then what follows from them.
 */
#include "base/apart.h"
#include "explain/measure.h"
#include "explain/parts.h"

/* ---- which incarnation -------------------------------------------------------------------- */

/* What is measured is needed in a moment, when the numbers are known. */
static inline void
fetch(const struct la_measure *m)
{
    if (m == NULL)
        return;
    __builtin_prefetch(&m->rto_n);
    __builtin_prefetch(&m->prints_n);
    __builtin_prefetch(&m->limit_ns);
    __builtin_prefetch(&m->rounds);
}

static inline struct la_track *
find(struct la_explain *explain, struct la_placed *placed)
{
    struct la_track *track = la_flows_find(explain, placed->seen, &placed->from);
    if (track != NULL) {
        struct la_track_end *client = &track->end[0], *server = &track->end[1];
        placed->me = placed->from == LA_END_CLIENT ? client : server;
        placed->peer = placed->from == LA_END_CLIENT ? server : client;
        placed->mine = placed->me->measure;
        placed->its = placed->peer->measure;
        fetch(placed->mine);
        fetch(placed->its);
    }
    return track;
}

static bool
is_over(const struct la_track *track)
{
    return track->list == LA_LIST_CLOSED;
}

/* A SYN of an end that has another number than the one it began with. */
static bool
is_new_syn(const struct la_track *track, unsigned from, const struct la_tcp_seg *seg)
{
    const struct la_track_end *e = &track->end[from];
    if ((seg->flags & (LA_TCP_SYN | LA_TCP_ACK | LA_TCP_RST)) != LA_TCP_SYN)
        return false;
    if ((e->flags & (LA_END_SYN | LA_END_SYN_ACK)) != 0)
        return !la_seq_eq(e->iss, seg->seq);
    return (e->flags & LA_END_SPOKE) != 0;
}

/* ---- a SYN that came into a connection ------------------------------------------------------ */

/* It is a new beginning if it is answered and the answer acknowledged (RFC 9293 3.5.1); an old
 * duplicate if the answer is reset (3.5 figure 9); an attack, or a peer that has restarted, if it
 * is challenged (RFC 5961 4). Until then, it and its answer are kept aside. */
static void
keep(struct la_seen *kept, const struct la_seen *seen)
{
    *kept = *seen;
    kept->text = kept->header = (struct la_bytes){NULL, 0};
}

static bool
keep_syn(struct la_explain *explain, struct la_track *track, const struct la_placed *placed)
{
    struct la_track_rare *rare = la_track_rare(explain, track);
    if (rare == NULL)
        return false;
    if (!rare->syn_waits || !la_seq_eq(rare->syn.tcp.seq, placed->seen->tcp.seq)) {
        keep(&rare->syn, placed->seen);
        rare->syn_waits = true;
        rare->answer_waits = false;
        rare->syn_from = placed->from;
        rare->syn_at_ns = placed->at_ns;
        rare->syn_frame = placed->frame;
    }
    return true;
}

static void
begin_from_kept(struct la_explain *explain, struct la_track *track)
{
    struct la_track_rare *rare = track->rare;
    struct la_seen syn = rare->syn, answer = rare->answer;
    uint64_t syn_frame = rare->syn_frame, answer_frame = rare->answer_frame;
    int64_t syn_at_ns = rare->syn_at_ns, answer_at_ns = rare->answer_at_ns;
    rare->syn_waits = false;
    la_flows_end(explain, track);
    la_segment(explain, &syn, syn_frame, 0, syn_at_ns);
    la_segment(explain, &answer, answer_frame, 0, answer_at_ns);
}

/* It comes again, and nobody has answered the SYN before it, or its sender has reset what answered
 * (RFC 9293 3.5.1 figure 10): no old duplicate does that. */
static bool
comes_again(const struct la_track *track, const struct la_placed *placed)
{
    const struct la_track_rare *rare = track->rare;
    bool unanswered = !track->complete && (placed->peer->flags & LA_END_SPOKE) == 0;
    bool has_reset = is_over(track) && (placed->me->flags & LA_END_RST) != 0;
    return rare != NULL && rare->syn_waits && rare->syn_from == placed->from &&
           la_seq_eq(rare->syn.tcp.seq, placed->seen->tcp.seq) && (unanswered || has_reset);
}

enum kept { KEPT_NOT, KEPT_ASIDE, KEPT_BEGAN };

/* Has the segment to do with the SYN that was kept? */
static enum kept
about_kept(struct la_explain *explain, struct la_track *track, const struct la_placed *placed)
{
    struct la_track_rare *rare = track->rare;
    if (rare == NULL || !rare->syn_waits)
        return KEPT_NOT;
    const struct la_tcp_seg *seg = &placed->seen->tcp;
    uint16_t flags = seg->flags & (LA_TCP_SYN | LA_TCP_ACK | LA_TCP_RST);
    if (placed->from != rare->syn_from) {
        if (flags != (LA_TCP_SYN | LA_TCP_ACK) ||
            !la_seq_eq(seg->ack, la_seq_add(rare->syn.tcp.seq, 1)))
            return KEPT_NOT;
        if (!rare->answer_waits) {
            keep(&rare->answer, placed->seen);
            rare->answer_waits = true;
            rare->answer_at_ns = placed->at_ns;
            rare->answer_frame = placed->frame;
        }
        return KEPT_ASIDE;
    }
    if (!rare->answer_waits)
        return KEPT_NOT;
    if (flags == LA_TCP_RST && la_seq_eq(seg->seq, rare->answer.tcp.ack)) {
        rare->syn_waits = rare->answer_waits = false;
        (void)la_found(explain, track, LA_FINDING_SYN_OLD, la_who_of(placed->from),
                       rare->syn_frame);
        return KEPT_ASIDE;
    }
    if (flags != LA_TCP_ACK || !la_seq_eq(seg->ack, la_seq_add(rare->answer.tcp.seq, 1)))
        return KEPT_NOT;
    begin_from_kept(explain, track);
    return KEPT_BEGAN;
}

/* Heuristic: nobody gives an open up, and tries again with another number, before the first SYN
 * would have gone again (RFC 6298 2: a second). */
static bool
is_replaced(const struct la_track *track, const struct la_placed *placed)
{
    enum { FIRST_RTO_S = 1 };
    /* An end that has closed or given up opens anew; of its peer nothing may have been captured. */
    if (placed->peer->segments_n == 0 && (placed->me->flags & (LA_END_FIN | LA_END_RST)) != 0)
        return true;
    int64_t since_ns = placed->at_ns - placed->me->last_at_ns;
    return is_over(track) || (!track->complete && since_ns >= FIRST_RTO_S * LA_NS_PER_S);
}

/* Heuristic: whose SYN was damaged on its way, and comes again, has begun nothing yet. The numbers
 * of the first one are forgotten; that it was sent is not. */
static bool
was_damaged(const struct la_track *track, const struct la_placed *placed)
{
    const struct la_track_end *me = placed->me;
    const uint32_t spoken = LA_END_SYN_DAMAGED | LA_END_SYN | LA_END_SYN_ACKED;
    return (me->flags & spoken) == (LA_END_SYN_DAMAGED | LA_END_SYN) && !track->complete &&
           me->segments_n == me->syn_n && placed->seen->checksum == LA_SEEN_CHECKSUM_GOOD;
}

static void
forget_syn(struct la_track_end *me)
{
    me->flags &= ~(uint32_t)(LA_END_SYN_DAMAGED | LA_END_SYN | LA_END_SYN_CUT | LA_END_SPOKE);
    me->timing = false;
}

/* What a SYN found of the connection that had its addresses and ports before. */
struct reuse {
    bool is_known;
    bool is_newer; /* by its timestamp or its number */
    int64_t since_ns;
};

/* RFC 6191 2, of the cases in which an end in TIME-WAIT may accept: a newer timestamp, or the same
 * or none and a greater number. */
static void
reuse_of(const struct la_track *old, const struct la_placed *placed, struct reuse *out)
{
    const struct la_tcp_seg *seg = &placed->seen->tcp;
    const struct la_track_end *e = &old->end[placed->from];
    if ((e->flags & LA_END_SPOKE) == 0 || !old->complete)
        return;
    bool timestamps = (seg->has & LA_TCP_HAS_TIMESTAMPS) != 0;
    bool had = (e->options & old->end[1 - placed->from].options & LA_EXPLAIN_HAS_TIMESTAMPS) != 0;
    out->is_known = true;
    out->since_ns = placed->at_ns - old->last_at_ns;
    bool cut =
        (placed->seen->oddities & LA_SEEN_HEADER_CUT) != 0 || (e->flags & LA_END_SYN_CUT) != 0;
    if (cut && !la_seq_gt(seg->seq, e->nxt))
        out->is_known = false; /* There may have been timestamps. */
    if (timestamps && had && seg->ts_val != e->ts_val)
        out->is_newer = la_tcp_ts_older(e->ts_val, seg->ts_val);
    else
        out->is_newer = la_seq_gt(seg->seq, e->nxt) || (timestamps && !had);
}

static void
remark_reuse(struct la_explain *explain, struct la_track *track, const struct la_placed *placed,
             const struct reuse *reuse)
{
    enum { TWO_MSL_S = 240 }; /* RFC 9293 3.4.2: the MSL is two minutes */
    if (!reuse->is_known || reuse->since_ns > TWO_MSL_S * LA_NS_PER_S)
        return;
    struct la_explain_finding *finding = la_found(
        explain, track, reuse->is_newer ? LA_FINDING_PORT_REUSED : LA_FINDING_PORT_REUSED_EARLY,
        la_who_of(placed->from), placed->frame);
    if (finding != NULL)
        finding->values[0] = reuse->since_ns / LA_NS_PER_US;
}

LA_APART static struct la_track *
track_with_care(struct la_explain *explain, struct la_placed *placed, struct la_track *track)
{
    const struct la_tcp_seg *seg = &placed->seen->tcp;
    struct reuse reuse = {.is_known = false};
    if (track != NULL) {
        enum kept kept = about_kept(explain, track, placed);
        if (kept == KEPT_BEGAN)
            track = find(explain, placed);
        placed->is_strange = kept == KEPT_ASIDE;
    }
    if (track != NULL && is_new_syn(track, placed->from, seg)) {
        if (was_damaged(track, placed)) {
            forget_syn(placed->me);
        } else if (comes_again(track, placed)) {
            struct la_seen syn = track->rare->syn;
            uint64_t frame = track->rare->syn_frame;
            int64_t at_ns = track->rare->syn_at_ns;
            track->rare->syn_waits = false;
            la_flows_end(explain, track);
            la_segment(explain, &syn, frame, 0, at_ns);
            track = find(explain, placed);
        } else if (!is_replaced(track, placed)) {
            placed->is_strange = keep_syn(explain, track, placed);
        } else {
            reuse_of(track, placed, &reuse);
            la_flows_end(explain, track);
            track = NULL;
        }
    }
    if (track == NULL) {
        /* A wrong octet in a port is no connection. */
        placed->is_disbelieved = la_decoder_disbelieves(&explain->decoder, &explain->seen);
        track = placed->is_disbelieved ? NULL : la_flows_begin(explain, placed);
        if (track == NULL)
            return NULL;
        (void)find(explain, placed);
        remark_reuse(explain, track, placed, &reuse);
    }
    return track;
}

/* NULL: no memory, or placed->is_disbelieved. With placed->is_strange the segment was kept aside.
 */
static inline struct la_track *
track_of(struct la_explain *explain, struct la_placed *placed)
{
    struct la_track *track = find(explain, placed);
    bool opens = (placed->seen->tcp.flags & LA_TCP_SYN) != 0;
    return track != NULL && track->rare == NULL && !opens ? track
                                                          : track_with_care(explain, placed, track);
}

/* ---- the parts --------------------------------------------------------------------------------
 */

/* An acknowledgement that lies far behind what passed is looked at (numbers.c). */
static inline bool
is_next(const struct la_placed *placed)
{
    enum { FAR_BYTES = 1 << 20 };
    const uint8_t control = LA_TCP_SYN | LA_TCP_RST | LA_TCP_ACK;
    const struct la_tcp_seg *seg = &placed->seen->tcp;
    const struct la_track_end *e = placed->me, *peer = placed->peer;
    return (seg->flags & control) == LA_TCP_ACK && la_seq_eq(seg->seq, e->nxt) &&
           la_seq_ge(seg->ack, peer->una) && peer->nxt.v - seg->ack.v <= FAR_BYTES &&
           (e->flags & peer->flags & LA_END_SPOKE) != 0;
}

static void
count(const struct la_placed *placed)
{
    struct la_track_end *e = placed->me;
    if (e->segments_n == 0)
        e->ttl_hops = placed->seen->ttl_hops;
    e->segments_n++;
    e->tcp_flags |= placed->seen->tcp.flags;
    bool rst = (placed->seen->tcp.flags & LA_TCP_RST) != 0;
    if (!rst && placed->at_ns > e->last_at_ns)
        e->last_at_ns = placed->at_ns;
}

/* Text of an end behind its own RST: that was not its RST (heuristic), and the connection lives. */
static void
speaks_on(struct la_explain *explain, struct la_track *track, const struct la_placed *placed)
{
    struct la_track_end *e = placed->me;
    if (placed->new_bytes > 0 && (placed->peer->flags & LA_END_RST) != 0)
        la_reset_text(track, placed);
    if ((e->flags & LA_END_RST) == 0 || placed->new_bytes == 0 ||
        !la_reset_is_behind(track, placed))
        return;
    e->flags |= LA_END_WENT_ON;
    if (track->list == LA_LIST_CLOSED)
        la_flows_list(explain, track, LA_LIST_LIVE);
}

/* Numbers that go on from what was seen before need no proof. Others may be those of a segment that
 * was damaged on its way, which its receiver drops (RFC 9293 3.1): the checksum tells, in a capture
 * where most of them are right. */
static bool
is_damaged(struct la_explain *explain, struct la_track *track, const struct la_placed *placed)
{
    bool was_kept = placed->seen != &explain->seen;
    if (placed->goes_on || was_kept || !la_decoder_disbelieves(&explain->decoder, &explain->seen))
        return false;
    la_violations_checksum(explain, track, placed);
    return true;
}

/* The handshake is over, and how long it took is known: no segment but a SYN tells about it. */
static inline bool
is_opened(const struct la_track *track, const struct la_placed *placed)
{
    return track->complete && placed->me->part_us_min != UINT32_MAX;
}

/* Neither end has sent a FIN: only a FIN or RST closes anything. */
static inline bool
is_closing(const struct la_track *track)
{
    return ((track->end[0].flags | track->end[1].flags) & LA_END_FIN) != 0;
}

/* Behind the numbers: what the segment does to states and to the connection. */
static void
follow(struct la_explain *explain, struct la_track *track, struct la_placed *placed)
{
    enum {
        SYN_RECEIVED =
            LA_TCP_STATE_BIT(LA_TCP_SYN_RECEIVED) | LA_TCP_STATE_BIT(LA_TCP_SYN_RECEIVED_ACTIVE)
    };
    uint16_t flags = placed->seen->tcp.flags;
    if (placed->goes_on && la_states_are_settled(placed->me, placed->peer))
        return;
    if ((placed->me->proven & ~SYN_RECEIVED) == 0)
        la_unseen_third(explain, track, placed);
    if ((flags & LA_TCP_RST) != 0) {
        la_unseen_answered(explain, track, placed);
        la_reset_segment(explain, track, placed);
    } else {
        if ((flags & LA_TCP_FIN) != 0)
            la_closing_take_fin(track, placed);
        if (placed->acks_missing)
            la_unseen_acked(explain, track, placed);
        la_states_segment(explain, track, placed);
    }
    if ((flags & LA_TCP_RST) != 0 || is_closing(track))
        la_closing_segment(explain, track, placed);
}

/* Positive for all sane times (sane.h): they are divided more cheaply. */
static inline uint32_t
clock_us(int64_t at_ns)
{
    const uint64_t before_ns = UINT64_C(2400000000) * LA_NS_PER_S;
    return (uint32_t)(((uint64_t)at_ns + before_ns) / LA_NS_PER_US);
}

/* It was strange, and is not any more. */
static void
take_anew(struct la_explain *explain, struct la_track *track, const struct la_placed *placed,
          bool is_told)
{
    struct la_leap *leap = &track->rare->leap;
    if (is_told)
        track->end[leap->from].segments_n--; /* It is counted again. */
    else
        la_leap_keep(leap, placed);
    leap->is_taken = true;
    leap->is_told = is_told;
    la_segment(explain, &leap->seen, leap->frame, placed->iface, leap->at_ns);
    leap->is_taken = leap->is_told = false;
    track->last_frame = placed->frame;
}

/* Far from all numbers so far, or kept aside. Nothing is learnt, unless both ends stand there. */
LA_APART static void
take_strange(struct la_explain *explain, struct la_track *track, const struct la_placed *placed)
{
    if (!la_leap_shows(explain, track, placed)) {
        la_tell_segment(explain, track, placed);
        count(placed);
        return;
    }
    if (track->rare->leap.frame != placed->frame)
        take_anew(explain, track, placed, true);
    take_anew(explain, track, placed, false);
}

/* Most segments neither open nor close anything: parts that only have to do with that are left out
 * for them, on conditions that stand here. */
static inline void
take(struct la_explain *explain, struct la_track *track, struct la_placed *placed)
{
    if (track->list == LA_LIST_OPENING) /* It was heard of last. */
        la_flows_list(explain, track, LA_LIST_OPENING);
    track->last_frame = placed->frame;
    if (placed->at_ns > track->last_at_ns)
        track->last_at_ns = placed->at_ns;
    placed->at_us = clock_us(placed->at_ns);
    placed->is_next = is_next(placed);
    placed->goes_on = placed->is_next && (placed->seen->tcp.flags & LA_TCP_FIN) == 0;
    la_artefacts_take(explain, track, placed);
    if (placed->is_copy || placed->is_strange || is_damaged(explain, track, placed))
        return;
    bool rst = (placed->seen->tcp.flags & LA_TCP_RST) != 0;
    if (!placed->is_next) {
        if (!la_violations_flags(explain, track, placed)) {
            placed->is_strange = true;
            la_tell_segment(explain, track, placed);
            count(placed);
            return;
        }
        if ((placed->peer->flags & LA_END_SPOKE) == 0)
            la_unseen_syn(explain, track, placed);
    }
    if ((placed->seen->tcp.flags & LA_TCP_SYN) != 0 || !is_opened(track, placed))
        la_opening_segment(explain, track, placed);
    la_numbers_place(placed);
    if (placed->is_strange) {
        take_strange(explain, track, placed);
        return;
    }
    if (placed->is_other)
        placed->is_strange = la_violations_other_text(explain, track, placed);
    if (!placed->is_strange && !rst)
        la_measure_segment(explain, track, placed);
    if (placed->is_copy)
        return;
    la_tell_segment(explain, track, placed);
    if (placed->is_strange) {
        count(placed);
        return;
    }
    if (!rst) {
        la_patience_segment(placed);
        speaks_on(explain, track, placed);
    }
    la_artefacts_clock(explain, placed);
    la_violations_segment(explain, track, placed);
    count(placed);
    follow(explain, track, placed);
}

void
la_segment(struct la_explain *explain, const struct la_seen *seen, uint64_t frame, uint32_t iface,
           int64_t at_ns)
{
    struct la_placed placed = {.seen = seen, .at_ns = at_ns, .frame = frame, .iface = iface};
    struct la_track *track = track_of(explain, &placed);
    if (track != NULL) {
        take(explain, track, &placed);
    } else {
        explain->file.unwatched += !placed.is_disbelieved;
        explain->file.bad_checksums += placed.is_disbelieved;
    }
}
