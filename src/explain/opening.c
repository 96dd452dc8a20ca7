/* SPDX-License-Identifier: MIT
 *
 * opening.c - how a connection was opened (RFC 9293 3.5)
 *
 * SYNs, what they offered and what was agreed, how long the handshake took on either side of the
 * tap, and what came instead of an answer.
 */
#include "base/extremes.h"
#include "explain/parts.h"

/* Of these, both vocabularies say the same. */
enum {
    USUAL_OPTIONS = LA_EXPLAIN_HAS_MSS | LA_EXPLAIN_HAS_WSCALE | LA_EXPLAIN_HAS_SACK_PERMITTED |
                    LA_EXPLAIN_HAS_TIMESTAMPS
};
_Static_assert((int)LA_EXPLAIN_HAS_MSS == LA_TCP_HAS_MSS &&
                   (int)LA_EXPLAIN_HAS_WSCALE == LA_TCP_HAS_WSCALE &&
                   (int)LA_EXPLAIN_HAS_SACK_PERMITTED == LA_TCP_HAS_SACK_PERMITTED &&
                   (int)LA_EXPLAIN_HAS_TIMESTAMPS == LA_TCP_HAS_TIMESTAMPS,
               "options of a SYN");

/* RFC 3168 6.1.1: ECE and CWR; RFC 9768 3.1: AE as well, which others take for the same. */
static uint32_t
ecn_asked(uint16_t flags)
{
    switch (flags & LA_TCP_ACE_MASK) {
    case LA_TCP_ECE | LA_TCP_CWR:
        return LA_EXPLAIN_HAS_ECN;
    case LA_TCP_ACE_MASK:
        return LA_EXPLAIN_HAS_ECN | LA_EXPLAIN_HAS_ACCURATE_ECN;
    default:
        return 0;
    }
}

static uint32_t
ecn_granted(uint16_t flags)
{
    if ((flags & LA_TCP_ACE_MASK) == LA_TCP_ECE)
        return LA_EXPLAIN_HAS_ECN;
    return la_tcp_accecn_is_granted(flags) ? LA_EXPLAIN_HAS_ACCURATE_ECN : 0;
}

uint32_t
la_opening_options(const struct la_seen *seen)
{
    const struct la_tcp_seg *seg = &seen->tcp;
    uint32_t options = seg->has & USUAL_OPTIONS;
    if ((seg->has & LA_TCP_HAS_USER_TIMEOUT) != 0)
        options |= LA_EXPLAIN_HAS_USER_TIMEOUT;
    options |= (seg->flags & LA_TCP_ACK) != 0 ? ecn_granted(seg->flags) : ecn_asked(seg->flags);
    if ((seg->has & LA_TCP_HAS_EXTRAS) == 0)
        return options;
    const struct la_tcp_extras *extras = &seen->extras;
    if ((extras->has & LA_TCP_EXTRA_MD5) != 0)
        options |= LA_EXPLAIN_HAS_MD5;
    if ((extras->has & LA_TCP_EXTRA_AO) != 0)
        options |= LA_EXPLAIN_HAS_AO;
    if ((extras->mptcp >> LA_MPTCP_CAPABLE & 1) != 0)
        options |= LA_EXPLAIN_HAS_MPTCP;
    if ((extras->mptcp >> LA_MPTCP_JOIN & 1) != 0)
        options |= LA_EXPLAIN_HAS_MPTCP_JOIN;
    if ((extras->has & LA_TCP_EXTRA_FAST_OPEN) != 0)
        options |= extras->fast_open.n > 0
                       ? LA_EXPLAIN_HAS_FAST_OPEN | LA_EXPLAIN_HAS_FAST_OPEN_COOKIE
                       : LA_EXPLAIN_HAS_FAST_OPEN;
    return options;
}

bool
la_opening_may_speak_early(const struct la_track_end *e, const struct la_track_end *peer)
{
    bool has_cookie = (peer->options & LA_EXPLAIN_HAS_FAST_OPEN_COOKIE) != 0;
    bool refused = (e->flags & LA_END_SYN_ACK) != 0 && (e->flags & LA_END_SYN_UNSEEN) == 0 &&
                   peer->syn_text_bytes > 0;
    return (e->flags & LA_END_TOOK_SYN_TEXT) != 0 || (has_cookie && !refused);
}

/* Its SYN was captured with all its options. */
static bool
knows_options(const struct la_track_end *e)
{
    return (e->flags & (LA_END_SYN_UNSEEN | LA_END_SYN_CUT)) == 0;
}

/* RFC 7323 2.2: only if both SYNs had the option; 2.3: a shift above 14 counts as 14. */
static void
agree_on_scale(struct la_track *track)
{
    const struct la_track_end *a = &track->end[0], *b = &track->end[1];
    uint32_t said = 0;
    for (unsigned end = 0; end < 2; end++)
        if (knows_options(&track->end[end]))
            said |= track->end[end].options;
    bool both = (a->options & b->options & LA_EXPLAIN_HAS_WSCALE) != 0;
    if (!knows_options(a) || !knows_options(b)) {
        /* RFC 7323 2.2: the SYN,ACK has it only if the SYN had. The other shift stays unknown. */
        bool answer = (a->flags & LA_END_SYN_ACK) != 0 ? knows_options(a) : knows_options(b);
        if (!answer || (said & LA_EXPLAIN_HAS_WSCALE) == 0)
            return;
        both = true;
    }
    for (unsigned end = 0; end < 2; end++) {
        struct la_track_end *e = &track->end[end];
        if (!knows_options(e))
            continue;
        e->flags |= LA_END_SCALE_KNOWN;
        if (!both)
            e->wscale = 0;
        else if (e->wscale > 14)
            e->wscale = 14;
    }
}

/* The same SYN again; a SYN,ACK after a SYN is something new. */
static void
again(struct la_explain *explain, struct la_track *track, const struct la_placed *placed)
{
    struct la_track_end *e = placed->me;
    enum la_finding id = (placed->seen->tcp.flags & LA_TCP_ACK) != 0 ? LA_FINDING_SYN_ACK_REPEATED
                                                                     : LA_FINDING_SYN_REPEATED;
    struct la_explain_finding *finding =
        la_found(explain, track, id, la_who_of(placed->from), placed->frame);
    if (finding == NULL)
        return;
    finding->values[0] = e->syn_n;
    if (finding->n == 1)
        finding->values[1] = (placed->at_ns - e->syn_at_ns) / LA_NS_PER_US;
}

static void
take_syn(struct la_explain *explain, struct la_track *track, struct la_placed *placed)
{
    const struct la_seen *seen = placed->seen;
    const struct la_tcp_seg *seg = &seen->tcp;
    struct la_track_end *e = placed->me, *peer = placed->peer;
    bool answers = (seg->flags & LA_TCP_ACK) != 0;
    uint32_t kind = answers ? LA_END_SYN_ACK : LA_END_SYN;
    bool was_unseen = !placed->is_inferred && (e->flags & LA_END_SYN_UNSEEN) != 0;
    if (was_unseen) /* The file has it behind its answer. */
        e->flags &= ~(uint32_t)(LA_END_SYN_UNSEEN | kind);
    placed->syn_first = (e->flags & (LA_END_SYN | LA_END_SYN_ACK)) == 0;
    if (placed->is_inferred)
        e->flags |= LA_END_SYN_UNSEEN;
    else
        e->syn_n++;
    placed->syn_again = (e->flags & kind) != 0;
    if (placed->syn_again) {
        placed->again_n = (uint8_t)min32(e->syn_n - 1, UINT8_MAX);
        /* A SYN,ACK may go again because the SYN did. */
        placed->cause = answers ? LA_CAUSE_NONE : LA_CAUSE_RETRANSMIT_RTO;
        again(explain, track, placed);
    }
    e->flags |= kind;
    if (!placed->syn_first)
        return;
    placed->syn_first = !was_unseen;
    e->flags |= LA_END_SPOKE;
    if (!was_unseen) {
        e->iss = e->una = seg->seq;
        e->nxt = la_seq_add(seg->seq, 1);
    }
    e->options = la_opening_options(seen);
    e->ts_val = seg->ts_val;
    if ((seen->oddities & LA_SEEN_HEADER_CUT) != 0)
        e->flags |= LA_END_SYN_CUT;
    if (seen->checksum == LA_SEEN_CHECKSUM_BAD)
        e->flags |= LA_END_SYN_DAMAGED;
    e->mss = seg->mss;
    e->wscale = seg->wscale;
    e->syn_window = seg->wnd;
    e->syn_frame = la_track_frame(track, placed->frame);
    e->syn_at_ns = placed->at_ns;
    e->syn_text_bytes = seg->text_bytes;
    if (answers && peer->syn_text_bytes > 0 && la_seq_gt(seg->ack, la_seq_add(peer->iss, 1)))
        e->flags |= LA_END_TOOK_SYN_TEXT;
    track->handshake_seen |= track->first_frame == placed->frame;
    if (placed->is_inferred)
        return;
    if ((peer->flags & (LA_END_SYN | LA_END_SYN_ACK)) == 0)
        return;
    agree_on_scale(track);
    bool timestamps = (e->options & peer->options & LA_EXPLAIN_HAS_TIMESTAMPS) != 0;
    if ((e->flags & peer->flags & LA_END_SCALE_KNOWN) != 0)
        track->usual_has = LA_TRACK_AGREED | (timestamps ? LA_TCP_HAS_TIMESTAMPS : 0);
}

/* Time from what passed on its way to an end to its answer: once, and only if neither went again
 * (Karn's rule, RFC 6298 3). */
static void
part_from_handshake(const struct la_placed *placed)
{
    struct la_track_end *e = placed->me;
    const struct la_track_end *peer = placed->peer;
    const struct la_tcp_seg *seg = &placed->seen->tcp;
    bool answers = (seg->flags & LA_TCP_ACK) != 0 &&
                   (seg->flags & LA_TCP_FIN) == 0; /* That is the user's doing, at any time. */
    if (placed->is_inferred || e->part_us_min != UINT32_MAX || !answers || peer->syn_n != 1 ||
        e->syn_n > 1 || !la_seq_eq(seg->ack, la_seq_add(peer->iss, 1)))
        return;
    int64_t us = (placed->at_ns - peer->syn_at_ns) / LA_NS_PER_US;
    if (us >= 0 && us < UINT32_MAX)
        e->part_us_min = e->part_us_max = (uint32_t)us;
}

/* RFC 9293 3.10.7.4 fourth, 3.5.1: an end that has an older connection of these addresses answers a
 * SYN with the numbers of that. */
static bool
answers_for_older(const struct la_placed *placed)
{
    const struct la_tcp_seg *seg = &placed->seen->tcp;
    const struct la_track_end *e = placed->me, *peer = placed->peer;
    return (seg->flags & (LA_TCP_SYN | LA_TCP_RST | LA_TCP_ACK)) == LA_TCP_ACK &&
           (e->flags & LA_END_SPOKE) == 0 && (peer->flags & LA_END_SYN) != 0 &&
           (peer->flags & LA_END_ACKED) == 0 && !la_seq_eq(seg->ack, la_seq_add(peer->iss, 1)) &&
           !la_seq_eq(seg->ack, peer->nxt);
}

/* A SYN,ACK of an end that has gone on in the meantime, in a capture that began later. */
static bool
comes_late(const struct la_track *track, const struct la_placed *placed)
{
    const uint8_t both = LA_TCP_SYN | LA_TCP_ACK;
    const struct la_track_end *e = placed->me;
    return (placed->seen->tcp.flags & both) == both && !track->handshake_seen &&
           (e->flags & (LA_END_SYN | LA_END_SYN_ACK)) == 0 && e->segments_n > 0;
}

void
la_opening_segment(struct la_explain *explain, struct la_track *track, struct la_placed *placed)
{
    const struct la_tcp_seg *seg = &placed->seen->tcp;
    struct la_track_end *e = placed->me, *peer = placed->peer;
    if (comes_late(track, placed))
        placed->is_strange = true;
    else if ((seg->flags & LA_TCP_SYN) != 0)
        take_syn(explain, track, placed);
    if (placed->syn_first && (seg->flags & LA_TCP_ACK) != 0)
        la_servers_half_open(explain, track, placed->at_ns, true);
    if (answers_for_older(placed)) {
        placed->is_strange = true;
        (void)la_found(explain, track, LA_FINDING_TIME_WAIT_ANSWERED, la_who_of(placed->from),
                       placed->frame);
    }
    part_from_handshake(placed);
    bool both = (e->flags & (LA_END_SYN | LA_END_SYN_ACK)) != 0 &&
                (peer->flags & (LA_END_SYN | LA_END_SYN_ACK)) != 0;
    if (both && (seg->flags & LA_TCP_ACK) != 0 && la_seq_gt(seg->ack, peer->iss) &&
        (la_seq_le(seg->ack, peer->nxt) || (peer->flags & LA_END_EDGE) != 0) &&
        la_seq_gt(e->nxt, e->iss) && (e->flags & LA_END_SYN_ACKED) != 0 && !track->complete) {
        track->complete = true;
        la_servers_half_open(explain, track, placed->at_ns, false);
        la_flows_list(explain, track, LA_LIST_LIVE);
    }
}

/* A SYN that came sooner than an answer can was under way already; one that was not captured may
 * have been. */
static bool
syns_crossed(const struct la_track_end *client, const struct la_track_end *server)
{
    if ((client->flags & server->flags & LA_END_SYN_ACK) != 0 ||
        ((client->flags | server->flags) & LA_END_SYN_UNSEEN) != 0)
        return true;
    return server->part_us_min != UINT32_MAX &&
           server->syn_at_ns - client->syn_at_ns < (int64_t)server->part_us_min * LA_NS_PER_US;
}

enum la_open_kind
la_opening_kind(const struct la_track *track)
{
    const struct la_track_end *c = &track->end[LA_END_CLIENT], *s = &track->end[LA_END_SERVER];
    if (!track->handshake_seen)
        return LA_OPEN_MID_STREAM;
    /* RFC 9293 3.5 figure 8: both send SYN,ACK. In a split handshake only the client does. */
    if ((s->flags & LA_END_SYN) != 0) {
        if ((c->flags & LA_END_SYN_ACK) == 0 && la_reset_is_exact(track) && !track->complete)
            return LA_OPEN_REFUSED; /* And later it called back. */
        bool split = (c->flags & LA_END_SYN_ACK) != 0 && (s->flags & LA_END_SYN_ACK) == 0;
        return syns_crossed(c, s) && !(split && track->complete) ? LA_OPEN_SIMULTANEOUS
                                                                 : LA_OPEN_SPLIT;
    }
    if ((s->flags & LA_END_SYN_ACK) == 0) {
        if (track->rare != NULL && track->rare->has_icmp)
            return LA_OPEN_UNREACHABLE;
        /* RFC 9293 3.10.7.3 second: without an ACK of the SYN a RST refuses nothing. */
        if ((s->flags & LA_END_RST) != 0 && la_reset_decisive(track) != NULL)
            return LA_OPEN_REFUSED;
        return (s->flags & LA_END_SPOKE) != 0 ? LA_OPEN_THREE_WAY : LA_OPEN_UNANSWERED;
    }
    if (!track->complete)
        return LA_OPEN_HALF_OPEN;
    return c->syn_text_bytes > 0 ? LA_OPEN_FAST_OPEN : LA_OPEN_THREE_WAY;
}

static bool
saw_both_syns(const struct la_track *track)
{
    return ((track->end[0].flags | track->end[1].flags) & LA_END_SYN_UNSEEN) == 0;
}

void
la_opening_judge(struct la_explain *explain, const struct la_track *track,
                 struct la_explain_open *out)
{
    (void)explain;
    *out = (struct la_explain_open){.kind = (uint8_t)la_opening_kind(track),
                                    .complete = track->complete && saw_both_syns(track),
                                    .agreed = track->end[0].options & track->end[1].options,
                                    .rtt_us = -1};
    for (unsigned end = 0; end < 2; end++) {
        const struct la_track_end *e = &track->end[end];
        bool seen =
            (e->flags & (LA_END_SYN | LA_END_SYN_ACK)) != 0 && (e->flags & LA_END_SYN_UNSEEN) == 0;
        out->rtt_part_us[end] = e->part_us_min == UINT32_MAX ? -1 : (int64_t)e->part_us_min;
        out->syn[end] = (struct la_explain_syn){
            .seen = seen,
            .isn = e->iss.v,
            .options = e->options,
            .mss = e->mss,
            .window = e->syn_window,
            .wscale = e->wscale,
            .text_bytes = e->syn_text_bytes,
            .n = e->syn_n + la_artefacts_answers_n(track, end),
            .frame = seen ? track->first_frame + e->syn_frame : 0,
            .at = {e->syn_at_ns},
        };
        /* RFC 9293 3.7.1: without the option 536, over IPv6 1220. */
        bool v4 = la_addr_is_v4(&track->key.addr[0]);
        out->mss[1 - end] = e->mss != 0 ? e->mss : seen ? (v4 ? 536 : 1220) : 0;
    }
    if (out->rtt_part_us[0] >= 0 && out->rtt_part_us[1] >= 0)
        out->rtt_us = out->rtt_part_us[0] + out->rtt_part_us[1];
}
