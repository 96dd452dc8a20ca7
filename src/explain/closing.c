/* SPDX-License-Identifier: MIT
 *
 * closing.c - how a connection was closed, and by whom (RFC 9293 3.6)
 */
#include "explain/parts.h"

static void
note_fins(struct la_track *track, const struct la_placed *placed)
{
    struct la_track_end *e = &track->end[placed->from];
    const struct la_track_end *peer = &track->end[1 - placed->from];
    const struct la_tcp_seg *seg = &placed->seen->tcp;
    bool acks_fin = (peer->flags & LA_END_FIN) != 0 && (seg->flags & LA_TCP_ACK) != 0 &&
                    la_seq_gt(seg->ack, peer->fin_seq);
    if (placed->fin_first) {
        if (track->first_fin > LA_END_SERVER)
            track->first_fin = placed->from;
        if (acks_fin)
            e->flags |= LA_END_FIN_ACKS_FIN;
        if (seg->text_bytes > 0)
            e->flags |= LA_END_FIN_WITH_TEXT;
    } else if (acks_fin && (e->flags & LA_END_FIN) == 0) {
        e->flags |= LA_END_BARE_ACK_OF_FIN;
    }
}

void
la_closing_segment(struct la_explain *explain, struct la_track *track, struct la_placed *placed)
{
    const struct la_track_end *a = &track->end[0], *b = &track->end[1];
    if ((placed->seen->tcp.flags & LA_TCP_RST) == 0)
        note_fins(track, placed);
    bool closed = (a->flags & b->flags & LA_END_FIN_ACKED) != 0;
    if ((closed || ((a->flags | b->flags) & LA_END_RST) != 0) && track->list != LA_LIST_CLOSED)
        la_flows_list(explain, track, LA_LIST_CLOSED);
}

static void
judge_fins(const struct la_track *track, struct la_explain_close *out)
{
    unsigned first = track->first_fin;
    const struct la_track_end *e = &track->end[first], *peer = &track->end[1 - first];
    out->by = (uint8_t)la_who_of(first);
    out->certainty = LA_CERTAINTY_SEEN;
    if ((peer->flags & LA_END_FIN) == 0) {
        out->kind = LA_CLOSE_OPEN;
        return;
    }
    out->half_close_us = (peer->fin_at_ns - e->fin_at_ns) / LA_NS_PER_US;
    if (peer->text_at_ns > e->fin_at_ns && (peer->flags & LA_END_BARE_ACK_OF_FIN) != 0)
        out->half_close_by = out->by;
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
judge_reset(const struct la_track *track, struct la_explain_close *out)
{
    if (out->reset.cause == LA_RESET_REFUSED)
        out->kind = LA_CLOSE_REFUSED;
    else
        out->kind = track->first_fin <= LA_END_SERVER ? LA_CLOSE_FIN_THEN_RESET : LA_CLOSE_RESET;
    if (track->first_fin > LA_END_SERVER)
        out->by = out->reset.by;
    out->certainty = out->reset.certainty;
}

void
la_closing_judge(struct la_explain *explain, const struct la_track *track,
                 struct la_explain_close *out)
{
    const struct la_track_end *a = &track->end[0], *b = &track->end[1];
    *out = (struct la_explain_close){.kind = LA_CLOSE_OPEN, .half_close_us = -1};
    la_reset_judge(explain, track, &out->reset);
    if (track->first_fin <= LA_END_SERVER)
        judge_fins(track, out);
    bool closed = (a->flags & b->flags & LA_END_FIN_ACKED) != 0;
    if (!closed && out->reset.cause != LA_RESET_NONE)
        judge_reset(track, out);
    else if (out->kind == LA_CLOSE_OPEN && !track->complete && track->handshake_seen)
        out->kind = (b->flags & LA_END_SYN_ACK) != 0 ? LA_CLOSE_HALF_OPEN : LA_CLOSE_SYN_TIMEOUT;
}
