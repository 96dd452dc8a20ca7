/* SPDX-License-Identifier: MIT
 *
 * reset.c - RSTs: who sent them, and why (RFC 9293 3.5.2, 3.5.3, 3.10.7)
 *
 * A RST is kept as it passed; it is judged when the connection is over, because what follows tells
 * a forged one from a real one.
 */
#include "explain/parts.h"

/* RFC 9293 3.10.7.1: an end that knows no connection answers with the numbers of what it was sent:
 * <SEQ=SEG.ACK> if that had an ACK, else <SEQ=0><ACK=SEG.SEQ+SEG.LEN>. */
static bool
is_answer(const struct la_track *track, const struct la_placed *placed)
{
    const struct la_tcp_seg *seg = &placed->seen->tcp;
    const struct la_track_end *peer = &track->end[1 - placed->from];
    if ((seg->flags & LA_TCP_ACK) == 0)
        return (peer->flags & LA_END_ACKED) != 0 && la_seq_eq(seg->seq, peer->ack);
    return seg->seq.v == 0 && (peer->flags & LA_END_ACKED) == 0;
}

void
la_reset_segment(struct la_explain *explain, struct la_track *track, const struct la_placed *placed)
{
    const struct la_seen *seen = placed->seen;
    struct la_track_end *e = &track->end[placed->from], *peer = &track->end[1 - placed->from];
    e->flags |= LA_END_RST;
    e->rst_n++;
    struct la_track_rare *rare = la_track_rare(explain, track);
    if (rare == NULL || rare->rst_n == LA_RSTS_N_MAX)
        return;
    la_seq expected = (peer->flags & LA_END_ACKED) != 0 ? peer->ack : e->nxt;
    struct la_rst *rst = &rare->rst[rare->rst_n++];
    *rst = (struct la_rst){
        .at_ns = placed->at_ns,
        .frame = la_track_frame(track, placed->frame),
        .seq = seen->tcp.seq.v,
        .ack = seen->tcp.ack.v,
        .ip_id = (uint16_t)seen->ip_id,
        .from = placed->from,
        .flags = seen->tcp.flags,
        .ttl_hops = seen->ttl_hops,
        .has_timestamps = (seen->tcp.has & LA_TCP_HAS_TIMESTAMPS) != 0,
        .place = (uint8_t)(la_seq_eq(seen->tcp.seq, e->nxt)
                               ? LA_TCP_RST_EXACT
                               : la_tcp_rst_classify(expected, peer->window, seen->tcp.seq)),
        .answers = is_answer(track, placed),
    };
}

void
la_reset_judge(const struct la_explain *explain, const struct la_track *track,
               struct la_explain_reset *out)
{
    (void)explain;
    *out = (struct la_explain_reset){.cause = LA_RESET_NONE};
    out->n[0] = track->end[0].rst_n;
    out->n[1] = track->end[1].rst_n;
    if (track->rare == NULL || track->rare->rst_n == 0)
        return;
    const struct la_rst *rst = &track->rare->rst[0];
    out->cause = LA_RESET_UNKNOWN;
    out->by = (uint8_t)la_who_of(rst->from);
    out->frame = track->first_frame + rst->frame;
    const struct la_track_end *e = &track->end[rst->from];
    if (!track->complete && rst->from == LA_END_SERVER && (e->flags & LA_END_SYN_ACK) == 0) {
        out->cause = LA_RESET_REFUSED;
        out->certainty = LA_CERTAINTY_SEEN;
    }
}
