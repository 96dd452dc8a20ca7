/* SPDX-License-Identifier: MIT
 *
 * closing.c - how a connection was closed, and by whom (RFC 9293 3.6)
 */
#include "explain/parts.h"

void
la_closing_take_fin(struct la_track *track, struct la_placed *placed)
{
    const struct la_tcp_seg *seg = &placed->seen->tcp;
    struct la_track_end *e = placed->me;
    if ((seg->flags & (LA_TCP_FIN | LA_TCP_RST)) != LA_TCP_FIN)
        return;
    e->fin_n += !placed->is_inferred;
    if ((e->flags & LA_END_FIN) != 0)
        return;
    placed->fin_first = true;
    e->flags |= LA_END_FIN;
    e->fin_seq = la_seq_add(seg->seq, seg->len - 1);
    e->fin_ack = seg->ack;
    e->fin_at_ns = placed->at_ns;
    e->fin_frame = la_track_frame(track, placed->frame);
    placed->peer->bytes_at_fin = placed->peer->unique_bytes;
}

bool
la_closing_was_answered(const struct la_track_end *e, const struct la_track_end *peer)
{
    return (peer->flags & LA_END_FIN) != 0 && la_seq_gt(peer->fin_ack, e->fin_seq);
}

bool
la_closing_was_overtaken(const struct la_placed *placed)
{
    return placed->fin_first && placed->again_n > 0 &&
           (placed->me->flags & LA_END_ACK_OVER_FIN) != 0 &&
           la_seq_eq(la_seq_add(placed->seen->tcp.seq, placed->seen->tcp.len), placed->me->nxt);
}

static void
note_fins(struct la_track *track, const struct la_placed *placed)
{
    struct la_track_end *e = placed->me;
    const struct la_track_end *peer = placed->peer;
    const struct la_tcp_seg *seg = &placed->seen->tcp;
    bool acks_fin = (peer->flags & LA_END_FIN) != 0 && (seg->flags & LA_TCP_ACK) != 0 &&
                    la_seq_gt(seg->ack, peer->fin_seq);
    if (placed->fin_first) {
        if (track->first_fin > LA_END_SERVER)
            track->first_fin = placed->from;
        if (la_closing_was_answered(e, peer)) {
            track->first_fin = placed->from;
            placed->peer->flags |= LA_END_FIN_ACKS_FIN;
        }
        if (acks_fin && !la_closing_was_overtaken(placed))
            e->flags |= LA_END_FIN_ACKS_FIN;
        if (seg->text_bytes > 0)
            e->flags |= LA_END_FIN_WITH_TEXT;
    } else if (acks_fin && (e->flags & LA_END_FIN) == 0 && placed->gap_bytes == 0) {
        e->flags |= LA_END_BARE_ACK_OF_FIN; /* Not behind a FIN that it overtook. */
    } else if (acks_fin && (e->flags & (LA_END_FIN | LA_END_BARE_ACK_OF_FIN)) == 0 &&
               placed->gap_bytes == 1 && seg->len == 0 && peer->fin_n == 1) {
        e->flags |= LA_END_ACK_OVER_FIN;
    }
    if (acks_fin && placed->new_bytes > 0)
        e->flags |= LA_END_TEXT_BEHIND_FIN;
}

void
la_closing_segment(struct la_explain *explain, struct la_track *track, struct la_placed *placed)
{
    const struct la_track_end *a = &track->end[0], *b = &track->end[1];
    bool rst = (placed->seen->tcp.flags & LA_TCP_RST) != 0;
    if (!rst)
        note_fins(track, placed);
    bool closed = (a->flags & b->flags & LA_END_FIN_ACKED) != 0;
    if ((closed || (rst && la_reset_is_exact(track))) && track->list != LA_LIST_CLOSED)
        la_flows_list(explain, track, LA_LIST_CLOSED);
}

/* ---- the verdict ---------------------------------------------------------------------------- */

/* Heuristic: an end that closes first has its peer's FIN to acknowledge after its own. Where it
 * sent nothing after its FIN, and only its direction was captured, the FIN answered. */
bool
la_closing_answers(const struct la_track *track, unsigned end)
{
    const struct la_track_end *e = &track->end[end], *peer = &track->end[1 - end];
    return peer->segments_n == 0 && (e->flags & LA_END_FIN) != 0 &&
           (peer->flags & (LA_END_FIN | LA_END_RST)) == 0 && e->last_at_ns == e->fin_at_ns &&
           e->unique_bytes + peer->missing_bytes > 0;
}

/* The last that it acknowledged of its peer's was not captured, and nothing of the peer's was
 * behind it. */
bool
la_closing_may_have_heard(const struct la_track *track, unsigned end)
{
    const struct la_track_end *peer = &track->end[1 - end];
    return (peer->flags & LA_END_FIN) == 0 && peer->missing_bytes > 0 &&
           la_seq_eq(peer->missing_to, peer->nxt);
}

bool
la_closing_is_doubtful(const struct la_track *track, unsigned end)
{
    return (track->end[end].flags & LA_END_FIN) != 0 && la_closing_may_have_heard(track, end);
}

static void
judge_fins(const struct la_track *track, struct la_explain_close *out)
{
    unsigned first = track->first_fin;
    const struct la_track_end *e = &track->end[first], *peer = &track->end[1 - first];
    out->by = (uint8_t)la_who_of(first);
    out->certainty = LA_CERTAINTY_SEEN;
    if (la_closing_answers(track, first)) {
        out->by = (uint8_t)la_who_of(1 - first);
        out->certainty = LA_CERTAINTY_INFERRED;
        out->kind = LA_CLOSE_THREE_SEGMENT;
        out->segments_n = 3;
        return;
    }
    if (la_closing_is_doubtful(track, first))
        out->certainty = LA_CERTAINTY_INFERRED;
    const uint32_t went_on = LA_END_BARE_ACK_OF_FIN | LA_END_TEXT_BEHIND_FIN;
    if ((peer->flags & went_on) == went_on)
        out->half_close_by = out->by;
    if ((peer->flags & LA_END_FIN) == 0)
        return;
    out->half_close_us = (peer->fin_at_ns - e->fin_at_ns) / LA_NS_PER_US;
    if ((peer->flags & (LA_END_FIN_ACKS_FIN | LA_END_BARE_ACK_OF_FIN)) == 0) {
        out->kind = LA_CLOSE_SIMULTANEOUS;
        out->by = LA_WHO_BOTH;
        out->segments_n = 4;
    } else {
        bool four = (peer->flags & LA_END_BARE_ACK_OF_FIN) != 0;
        out->kind = four ? LA_CLOSE_FOUR_SEGMENT : LA_CLOSE_THREE_SEGMENT;
        out->segments_n = four ? 4 : 3;
    }
}

static void
judge_reset(const struct la_track *track, const struct la_rst *rst, struct la_explain_close *out)
{
    if (out->reset.cause == LA_RESET_REFUSED) {
        out->kind = LA_CLOSE_REFUSED;
        out->by = out->reset.by;
    } else if ((rst->evidence & LA_RST_AFTER_FIN) != 0) {
        out->kind = LA_CLOSE_FIN_THEN_RESET;
        out->by = (uint8_t)la_who_of(track->first_fin);
    } else {
        out->kind = LA_CLOSE_RESET;
        out->by = out->reset.by;
    }
    /* Why it came may be unknown; that it came, and from whom, is not. */
    out->certainty =
        out->reset.certainty == LA_CERTAINTY_UNKNOWN ? LA_CERTAINTY_INFERRED : out->reset.certainty;
    /* It crossed the FIN: which of the two was sent first is not told. */
    if ((rst->evidence & LA_RST_AFTER_FIN) != 0 && rst->from != track->first_fin &&
        !la_marks_can_show(&track->end[rst->from], track->end[track->first_fin].fin_at_ns,
                           rst->at_ns))
        out->certainty = LA_CERTAINTY_UNKNOWN;
    out->half_close_by = LA_WHO_NONE;
}

/* The end that gave up without a word; 2: none did. */
static unsigned
gave_up(const struct la_explain *explain, const struct la_track *track, const struct la_rst *rst)
{
    int64_t end_ns = rst != NULL ? rst->at_ns : explain->now_ns;
    for (unsigned end = 0; end < 2; end++)
        if (la_patience_gave_up(&track->end[end], end_ns))
            return end;
    return 2;
}

static void
judge_silence(const struct la_explain *explain, const struct la_track *track,
              struct la_explain_close *out)
{
    const struct la_track_end *client = &track->end[LA_END_CLIENT];
    const struct la_track_end *server = &track->end[LA_END_SERVER];
    /* RFC 6298 2: without an answer the first SYN goes again after a second. */
    enum { FIRST_RTO_S = 1 };
    bool waited = explain->now_ns - client->last_at_ns >= FIRST_RTO_S * LA_NS_PER_S;
    out->certainty = LA_CERTAINTY_INFERRED;
    if (track->rare != NULL && track->rare->has_icmp && !track->complete)
        out->kind = LA_CLOSE_UNREACHABLE;
    else if (track->handshake_seen && (server->flags & LA_END_SPOKE) == 0)
        out->kind = client->syn_n > 1 || waited ? LA_CLOSE_SYN_TIMEOUT : LA_CLOSE_OPEN;
    else if (!track->complete && track->handshake_seen)
        out->kind = LA_CLOSE_HALF_OPEN;
    else
        out->kind = gave_up(explain, track, NULL) < 2 ? LA_CLOSE_TIMEOUT : LA_CLOSE_OPEN;
    if (out->kind == LA_CLOSE_OPEN)
        out->certainty = LA_CERTAINTY_SEEN;
}

void
la_closing_judge(const struct la_explain *explain, const struct la_track *track,
                 struct la_explain_close *out)
{
    const struct la_track_end *a = &track->end[0], *b = &track->end[1];
    const struct la_rst *rst = la_reset_decisive(track);
    *out = (struct la_explain_close){.kind = LA_CLOSE_OPEN, .half_close_us = -1};
    la_reset_judge(track, &out->reset);
    if (track->first_fin <= LA_END_SERVER)
        judge_fins(track, out);
    bool finished = (a->flags & b->flags & LA_END_FIN_ACKED) != 0;
    if (rst != NULL && gave_up(explain, track, rst) < 2 && !finished) {
        out->kind = LA_CLOSE_TIMEOUT;
        out->by = LA_WHO_NONE;
        out->certainty = LA_CERTAINTY_INFERRED;
    } else if (rst != NULL && !finished) {
        judge_reset(track, rst, out);
    } else if (out->kind == LA_CLOSE_OPEN) {
        judge_silence(explain, track, out);
    }
}
