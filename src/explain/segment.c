/* SPDX-License-Identifier: MIT
 *
 * segment.c - one segment through the parts of the analyser
 *
 * The order matters: which incarnation it belongs to; whether it is a packet at all or a copy of
 * one; its SYN, which says what its numbers mean; its numbers; then what follows from them.
 */
#include "explain/parts.h"

/* ---- which incarnation -------------------------------------------------------------------- */

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

/* It came into a connection that lives: a new beginning if it is answered as one (RFC 9293 3.5.1),
 * an attack or an old duplicate if it is challenged (RFC 5961 4). */
static void
keep_syn(struct la_explain *explain, struct la_track *track, const struct la_placed *placed)
{
    struct la_track_rare *rare = la_track_rare(explain, track);
    if (rare == NULL)
        return;
    rare->syn_waits = true;
    rare->syn_from = placed->from;
    rare->syn = *placed->seen;
    rare->syn.text = rare->syn.header = (struct la_bytes){NULL, 0};
    rare->syn_at_ns = placed->at_ns;
    rare->syn_frame = placed->frame;
}

/* The SYN that was kept is answered: it was a beginning. */
static struct la_track *
begin_from_kept(struct la_explain *explain, struct la_track *track, struct la_placed *placed)
{
    const struct la_tcp_seg *seg = &placed->seen->tcp;
    const struct la_track_rare *rare = track->rare;
    if (rare == NULL || !rare->syn_waits || rare->syn_from == placed->from ||
        (seg->flags & (LA_TCP_SYN | LA_TCP_ACK)) != (LA_TCP_SYN | LA_TCP_ACK) ||
        !la_seq_eq(seg->ack, la_seq_add(rare->syn.tcp.seq, 1)))
        return track;
    struct la_seen syn = rare->syn;
    struct la_placed first = {
        .seen = &syn, .at_ns = rare->syn_at_ns, .frame = rare->syn_frame, .iface = placed->iface};
    la_flows_end(explain, track);
    la_segment(explain, &first);
    return la_flows_find(explain, placed->seen, &placed->from);
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

static struct la_track *
track_of(struct la_explain *explain, struct la_placed *placed)
{
    const struct la_tcp_seg *seg = &placed->seen->tcp;
    struct reuse reuse = {.is_known = false};
    struct la_track *track = la_flows_find(explain, placed->seen, &placed->from);
    if (track != NULL)
        track = begin_from_kept(explain, track, placed);
    if (track != NULL && is_new_syn(track, placed->from, seg)) {
        if (is_over(track) || !track->complete) {
            reuse_of(track, placed, &reuse);
            la_flows_end(explain, track);
            track = NULL;
        } else {
            keep_syn(explain, track, placed);
        }
    }
    if (track == NULL) {
        track = la_flows_begin(explain, placed);
        if (track == NULL)
            return NULL;
        (void)la_flows_find(explain, placed->seen, &placed->from);
        remark_reuse(explain, track, placed, &reuse);
    }
    return track;
}

/* ---- the parts --------------------------------------------------------------------------------
 */

static void
count(struct la_track *track, const struct la_placed *placed)
{
    struct la_track_end *e = &track->end[placed->from];
    if (e->segments_n == 0)
        e->ttl_hops = placed->seen->ttl_hops;
    e->segments_n++;
    bool rst = (placed->seen->tcp.flags & LA_TCP_RST) != 0;
    if (!rst && placed->at_ns > e->last_at_ns)
        e->last_at_ns = placed->at_ns;
}

/* Text of an end behind its own RST: that was not its RST (heuristic), and the connection lives. */
static void
goes_on(struct la_explain *explain, struct la_track *track, const struct la_placed *placed)
{
    struct la_track_end *e = &track->end[placed->from];
    if ((e->flags & LA_END_RST) == 0 || placed->new_bytes == 0)
        return;
    e->flags |= LA_END_WENT_ON;
    if (track->list == LA_LIST_CLOSED)
        la_flows_list(explain, track, LA_LIST_LIVE);
}

static bool
is_stray_syn(const struct la_track *track, const struct la_placed *placed)
{
    return track->rare != NULL && track->rare->syn_waits && track->rare->syn_frame == placed->frame;
}

void
la_segment(struct la_explain *explain, struct la_placed *placed)
{
    struct la_track *track = track_of(explain, placed);
    if (track == NULL) {
        explain->file.unwatched++;
        return;
    }
    track->last_frame = placed->frame;
    if (placed->at_ns > track->last_at_ns)
        track->last_at_ns = placed->at_ns;
    placed->is_copy = la_artefacts_is_copy(explain, track, placed);
    if (placed->is_copy || is_stray_syn(track, placed))
        return;
    la_unseen_syn(explain, track, placed);
    la_opening_segment(explain, track, placed);
    la_numbers_place(track, placed);
    la_tell_segment(explain, track, placed);
    if (!placed->is_strange && (placed->seen->tcp.flags & LA_TCP_RST) == 0) {
        la_patience_segment(track, placed);
        goes_on(explain, track, placed);
    }
    if (!placed->is_strange)
        la_artefacts_clock(explain, track, placed);
    if (!placed->is_strange)
        la_violations_segment(explain, track, placed);
    count(track, placed);
    if (placed->is_strange)
        return;
    if ((placed->seen->tcp.flags & LA_TCP_RST) != 0) {
        la_reset_segment(explain, track, placed);
    } else {
        la_closing_take_fin(track, placed);
        la_unseen_acked(explain, track, placed);
        la_states_segment(explain, track, placed);
    }
    la_closing_segment(explain, track, placed);
}
