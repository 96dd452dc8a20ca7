/* SPDX-License-Identifier: MIT
 *
 * unseen.c - segments that were sent and not captured, as far as others show it
 *
 * An acknowledgement shows that something was there to be acknowledged. Where that decides a state,
 * the missing segment goes through the parts as if it had passed together with the one that shows
 * it; nothing is counted, and what follows from it is inferred. A capture of one direction alone is
 * understood in this way.
 */
#include "explain/parts.h"

static void
infer(struct la_explain *explain, struct la_track *track, const struct la_placed *by,
      const struct la_tcp_seg *seg)
{
    struct la_seen seen = {.kind = LA_SEEN_TCP, .tcp = *seg};
    struct la_placed placed = {.seen = &seen,
                               .at_ns = by->at_ns,
                               .frame = by->frame,
                               .from = (uint8_t)(1 - by->from),
                               .me = by->peer,
                               .peer = by->me,
                               .is_inferred = true};
    seen.tcp.len =
        seg->text_bytes + ((seg->flags & LA_TCP_SYN) != 0) + ((seg->flags & LA_TCP_FIN) != 0);
    placed.new_bytes = seg->text_bytes;
    struct la_track_end *sender = placed.me;
    if ((seg->flags & LA_TCP_ACK) != 0) {
        sender->ack = seg->ack;
        sender->flags |= LA_END_ACKED;
    }
    if ((seg->flags & LA_TCP_SYN) != 0)
        la_opening_segment(explain, track, &placed);
    if ((seg->flags & LA_TCP_FIN) != 0)
        la_closing_take_fin(track, &placed);
    la_states_segment(explain, track, &placed);
    la_closing_segment(explain, track, &placed);
}

/* Before the segment itself: the SYN that it answers. */
void
la_unseen_syn(struct la_explain *explain, struct la_track *track, const struct la_placed *placed)
{
    const struct la_tcp_seg *seg = &placed->seen->tcp;
    const struct la_track_end *e = placed->me, *peer = placed->peer;
    if ((seg->flags & LA_TCP_ACK) == 0 || (seg->flags & LA_TCP_RST) != 0 ||
        (peer->flags & LA_END_SPOKE) != 0 || (e->flags & LA_END_ACKED) != 0)
        return;
    struct la_tcp_seg syn = {.seq = la_seq_sub(seg->ack, 1), .flags = LA_TCP_SYN};
    bool answers = (seg->flags & LA_TCP_SYN) != 0;
    if (!answers && (e->flags & LA_END_SYN) == 0)
        return;
    if (!answers) { /* The third segment of a handshake: the second is missing. */
        syn.flags |= LA_TCP_ACK;
        syn.ack = la_seq_add(e->iss, 1 + e->syn_text_bytes);
    }
    infer(explain, track, placed, &syn);
}

/* When the segment was placed: what it acknowledges and nobody saw. A single number behind the
 * end's own FIN, with nothing else in the segment, is the peer's FIN (heuristic). */
void
la_unseen_acked(struct la_explain *explain, struct la_track *track, const struct la_placed *placed)
{
    const struct la_tcp_seg *seg = &placed->seen->tcp;
    const struct la_track_end *e = placed->me, *peer = placed->peer;
    if (!placed->acks_missing || peer->segments_n > 0 || !track->handshake_seen)
        return;
    bool fin = placed->missing_bytes == 1 && seg->len == 0 && (e->flags & LA_END_FIN) != 0 &&
               (peer->flags & LA_END_FIN) == 0;
    struct la_tcp_seg missing = {
        .seq = la_seq_sub(seg->ack, placed->missing_bytes),
        .ack = fin ? la_seq_add(e->fin_seq, 1) : seg->seq,
        .text_bytes = fin ? 0 : placed->missing_bytes,
        .flags = fin ? LA_TCP_ACK | LA_TCP_FIN : LA_TCP_ACK,
    };
    infer(explain, track, placed, &missing);
}

/* Text of an end whose SYN was acknowledged. Heuristic: a program closes, or aborts, a connection
 * that it was given, and it is given none before the handshake is complete, though RFC 9293 3.10.4
 * knows a CLOSE in SYN-RECEIVED. */
static bool
shows_third(const struct la_placed *placed)
{
    const struct la_tcp_seg *seg = &placed->seen->tcp;
    if ((seg->flags & LA_TCP_SYN) != 0)
        return false;
    /* One that was taken to be lost, because the SYN,ACK went again, came after all. */
    bool was_lost = (placed->me->marks.again >> LA_MARK_ACK_OF_SYN & 1) != 0;
    if ((seg->flags & LA_TCP_RST) != 0)
        return (seg->flags & LA_TCP_ACK) != 0 && (placed->peer->segments_n == 0 || was_lost);
    return (seg->flags & LA_TCP_FIN) != 0 ||
           (placed->new_bytes > 0 && !la_opening_may_speak_early(placed->me, placed->peer));
}

void
la_unseen_third(struct la_explain *explain, struct la_track *track, const struct la_placed *placed)
{
    const struct la_track_end *e = placed->me, *peer = placed->peer;
    const uint8_t bit = 1u << LA_MARK_ACK_OF_SYN;
    if (!shows_third(placed) || ((e->marks.waiting | e->marks.taken) & bit) != 0)
        return;
    infer(
        explain, track, placed,
        &(struct la_tcp_seg){.seq = peer->nxt, .ack = la_seq_add(e->iss, 1), .flags = LA_TCP_ACK});
}

/* RFC 9293 3.10.7.1: SEQ=SEG.ACK. What the RST answers had acknowledged the FIN. */
void
la_unseen_answered(struct la_explain *explain, struct la_track *track,
                   const struct la_placed *placed)
{
    const struct la_tcp_seg *seg = &placed->seen->tcp;
    const struct la_track_end *e = placed->me, *peer = placed->peer;
    la_seq behind = la_seq_add(e->fin_seq, 1);
    if ((seg->flags & LA_TCP_ACK) != 0 || peer->segments_n > 0 ||
        (e->flags & (LA_END_FIN | LA_END_FIN_ACKED)) != LA_END_FIN || !la_seq_eq(seg->seq, behind))
        return;
    infer(explain, track, placed,
          &(struct la_tcp_seg){.seq = peer->nxt, .ack = behind, .flags = LA_TCP_ACK});
}
