/* SPDX-License-Identifier: MIT
 *
 * reset.c - RSTs: who sent them, and why (RFC 9293 3.5.2, 3.5.3, 3.10.7)
 *
 * Read first: docs/explain.md, "Resets".
 *
 * A RST is kept with what was known when it passed, and judged when the connection is over: what
 * follows tells a forged one from a real one. The decisive RST is the first that its receiver had
 * to believe (RFC 5961 3.2), or the first at all where none is.
 *
 * Two shapes tell much. An end without a connection answers with the numbers of what it was sent
 * and, if that had an ACK, without one (RFC 9293 3.10.7.1). An end that has the connection and
 * gives it up sends <SEQ=SND.NXT> and, in common stacks, an ACK.
 */
#include "explain/measure.h"
#include "explain/parts.h"

/* Heuristic: a program that has read everything and aborts does so at once; text that lay there for
 * longer was not read. */
enum { AT_ONCE_NS = 10000000 };
/* Heuristic: a program that waits for text reads it sooner. */
enum { READ_NS = 20000000 };
/* Heuristic: an end that spoke a moment ago has not restarted since. */
enum { SILENT_NS = 1000000000 };

/* ---- as it passes ------------------------------------------------------------------------- */

static bool
is_answer(const struct la_placed *placed)
{
    const struct la_tcp_seg *seg = &placed->seen->tcp;
    const struct la_track_end *peer = placed->peer;
    if ((seg->flags & LA_TCP_ACK) == 0)
        return (peer->flags & LA_END_ACKED) != 0 &&
               (la_seq_eq(seg->seq, peer->ack) || la_seq_eq(seg->seq, peer->last_ack));
    return seg->seq.v == 0 && (peer->flags & LA_END_SPOKE) != 0 && la_seq_eq(seg->ack, peer->nxt);
}

/* Where it stands in the receiver's window, as far as the tap knows that. In SYN-SENT the ACK
 * decides (RFC 9293 3.10.7.3 second). */
static enum la_tcp_rst_kind
place_of(const struct la_placed *placed)
{
    const struct la_tcp_seg *seg = &placed->seen->tcp;
    const struct la_track_end *e = placed->me, *peer = placed->peer;
    if ((peer->flags & LA_END_SPOKE) == 0 && (e->flags & LA_END_SYN) != 0) {
        /* Nothing came back: it takes its SYN back. */
        if (la_seq_eq(seg->seq, e->nxt))
            return LA_TCP_RST_EXACT;
        return la_seq_eq(seg->seq, e->iss) ? LA_TCP_RST_IN_WINDOW : LA_TCP_RST_OUTSIDE;
    }
    if ((peer->flags & LA_END_ACKED) == 0)
        return (seg->flags & LA_TCP_ACK) != 0 && la_seq_eq(seg->ack, peer->nxt)
                   ? LA_TCP_RST_EXACT
                   : LA_TCP_RST_OUTSIDE;
    if (la_seq_eq(seg->seq, e->nxt))
        return LA_TCP_RST_EXACT;
    /* Heuristic: common stacks believe the number of the FIN that they have just acknowledged: the
     * RST answers what they sent before. */
    if ((e->flags & LA_END_FIN) != 0 && la_seq_eq(seg->seq, e->fin_seq) &&
        la_seq_eq(peer->ack, e->nxt))
        return LA_TCP_RST_EXACT;
    return la_tcp_rst_classify(peer->ack, peer->window, seg->seq);
}

/* As soon as an answer to the ACK of the handshake takes. */
static bool
answers_third_ack(const struct la_placed *placed)
{
    const struct la_track_end *e = placed->me;
    const struct la_marks *marks = &e->marks;
    if ((marks->waiting >> LA_MARK_ACK_OF_SYN & 1) == 0 || e->part_us_min == UINT32_MAX)
        return false;
    int64_t since_us = (placed->at_ns - marks->at_ns[LA_MARK_ACK_OF_SYN]) / LA_NS_PER_US;
    return since_us <= (int64_t)e->part_us_min + e->part_us_min / 8 + LA_US_PER_MS;
}

/* Heuristic: an end that gives up offers more than it did a moment ago, because it threw away what
 * it had not read. By more than the scale rounds, and nothing came in between. */
static bool
freed_room(const struct la_placed *placed)
{
    const struct la_track_end *e = placed->me;
    const struct la_tcp_seg *seg = &placed->seen->tcp;
    bool spoke = e->segments_n > e->syn_n + e->rst_n + 1; /* This one is counted. */
    return spoke && (seg->flags & LA_TCP_ACK) != 0 && la_seq_eq(seg->ack, e->last_ack) &&
           seg->wnd > e->window_raw + 2u;
}

/* How long what passes on its way to an end takes to show in what that sends, at most. */
static int64_t
way_ns(const struct la_track_end *e)
{
    if (e->part_us_min == UINT32_MAX)
        return 0;
    return ((int64_t)e->part_us_max + e->part_us_max / 4) * LA_NS_PER_US;
}

/* Its latest text, whether that was new or filled a hole. 0: none. */
static int64_t
text_ns(const struct la_track_end *e)
{
    const struct la_measure *m = e->measure;
    return m != NULL && m->sent_at_ns > e->text_at_ns ? m->sent_at_ns : e->text_at_ns;
}

/* How long it may take to acknowledge text: twice the shortest time that it took, or the longest
 * one before the latest, which may be the one in question. */
static int64_t
answer_ns(const struct la_track_end *e, const struct la_measure *of_text)
{
    int64_t us = e->part_us_min == UINT32_MAX ? 0 : 2 * (int64_t)e->part_us_min;
    uint32_t longest_us = of_text == NULL ? 0 : la_rtt_longest_before(of_text);
    return (longest_us > us ? longest_us : us) * LA_NS_PER_US;
}

/* What it could not have read, and what lay there. A RST closes no stream that its sender has read
 * to the end: where more than a segment still comes, some lies there (heuristic). */
static uint32_t
evidence_of_unread(const struct la_track *track, const struct la_placed *placed)
{
    const struct la_tcp_seg *seg = &placed->seen->tcp;
    const struct la_track_end *e = placed->me, *peer = placed->peer;
    uint32_t evidence = 0;
    int64_t since_ns = placed->at_ns - peer->text_at_ns;
    if ((seg->flags & LA_TCP_ACK) != 0 && (peer->flags & LA_END_FIN) == 0 &&
        peer->unique_bytes > 0 && la_seq_gt(peer->nxt, seg->ack) &&
        since_ns <= way_ns(e) + AT_ONCE_NS) {
        evidence |= LA_RST_TEXT_ON_WAY;
        if (peer->nxt.v - seg->ack.v > peer->segment_bytes_max)
            evidence |= LA_RST_STREAM_ON_WAY;
    }
    if (freed_room(placed)) {
        evidence |= LA_RST_FREED_ROOM;
        int64_t heard_ns = text_ns(peer);
        bool lay_long =
            heard_ns != 0 && e->last_at_ns - heard_ns > READ_NS + answer_ns(e, peer->measure);
        /* RFC 9293 3.8.6.2.2: a program's reading is told when it opens the window that much. */
        if (lay_long || seg->wnd > 2u * e->window_raw)
            evidence |= LA_RST_LAY_THERE;
    }
    bool acks_more = (seg->flags & LA_TCP_ACK) != 0 && (peer->flags & LA_END_SPOKE) != 0 &&
                     la_seq_gt(seg->ack, peer->nxt);
    if (track->handshake_seen && peer->unique_bytes + peer->missing_bytes == 0 && !acks_more &&
        (!track->complete || peer->segments_n > peer->syn_n))
        evidence |= LA_RST_HEARD_NONE;
    if (track->handshake_seen && e->unique_bytes == 0 && peer->segments_n > 0)
        evidence |= LA_RST_NEVER_SAID;
    if ((e->segments_n > e->rst_n + 1 && e->window == 0) || peer->window_closed)
        evidence |= LA_RST_WINDOW_SHUT;
    if (peer->text_at_ns > e->text_at_ns)
        evidence |= LA_RST_HEARD_LAST;
    if (peer->text_at_ns != 0 && since_ns > AT_ONCE_NS + way_ns(e))
        evidence |= LA_RST_HEARD_LONG_AGO;
    return evidence;
}

/* Heuristic: an end that gives up sends an ACK and its window; one that answers without a
 * connection sends neither. Who makes a RST up puts anything there. */
static bool
has_other_window(const struct la_track_end *e, const struct la_tcp_seg *seg)
{
    enum { FAR_FACTOR = 4 };
    return (seg->flags & LA_TCP_ACK) == 0 && e->window_raw != 0 &&
           seg->wnd > FAR_FACTOR * (uint32_t)e->window_raw;
}

static uint32_t
evidence_of(const struct la_track *track, const struct la_placed *placed)
{
    const struct la_seen *seen = placed->seen;
    const struct la_track_end *e = placed->me, *peer = placed->peer;
    uint32_t evidence = evidence_of_unread(track, placed);
    if (is_answer(placed))
        evidence |= LA_RST_ANSWERS;
    if (e->segments_n > 0 && seen->ttl_hops != e->ttl_hops &&
        (e->copies_n == 0 || seen->ttl_hops != e->ttl_copy_hops))
        evidence |= LA_RST_OTHER_TTL;
    if ((e->flags & LA_END_FIN) != 0 && peer->text_at_ns > e->fin_at_ns)
        evidence |= LA_RST_TEXT_AFTER_FIN;
    if ((e->flags & LA_END_FIN) != 0 && (e->flags & LA_END_ACKED) != 0 &&
        la_seq_gt(e->ack, la_seq_add(e->fin_ack, 1)))
        evidence |= LA_RST_TOOK_AFTER_FIN; /* Its peer's FIN is one number. */
    if ((peer->flags & LA_END_FIN) != 0 && (seen->tcp.flags & LA_TCP_ACK) != 0 &&
        la_seq_gt(seen->tcp.ack, peer->fin_seq))
        evidence |= LA_RST_ACKS_FIN;
    if ((peer->flags & LA_END_SYN_ACK) != 0 && (seen->tcp.flags & LA_TCP_ACK) != 0 &&
        la_seq_gt(seen->tcp.ack, peer->iss))
        evidence |= LA_RST_ACKS_SYN;
    /* Of a capture of one direction nobody knows what was answered. */
    if (peer->segments_n > 0 &&
        (la_patience_was_due(e, placed->at_ns) || la_patience_ends_probing(e, placed->at_ns)))
        evidence |= LA_RST_DUE;
    if (has_other_window(e, &seen->tcp))
        evidence |= LA_RST_OTHER_WINDOW;
    if (placed->at_ns - e->last_at_ns > SILENT_NS)
        evidence |= LA_RST_LONG_SILENT;
    if ((e->flags & LA_END_FIN) != 0)
        evidence |= LA_RST_AFTER_OWN_FIN;
    if ((peer->flags & LA_END_RST) != 0)
        evidence |= LA_RST_AFTER_RST;
    if (track->first_fin <= LA_END_SERVER)
        evidence |= LA_RST_AFTER_FIN;
    if (track->handshake_seen && !track->complete)
        evidence |= LA_RST_IN_OPENING;
    /* This one is counted. */
    if (e->syn_n > 0 && e->segments_n == e->syn_n + e->rst_n + 1)
        evidence |= LA_RST_ONLY_SYNS;
    if (answers_third_ack(placed))
        evidence |= LA_RST_TO_THIRD_ACK;
    if ((e->flags & LA_END_ACKED) != 0 && la_seq_gt(peer->nxt, e->ack))
        evidence |= LA_RST_MORE_TO_ANSWER;
    return evidence;
}

/* Where a RST is kept, in their order. Of many, one that its receiver had to believe more than
 * another takes the place of that: a stream is answered by a RST for each of its ACKs, and of those
 * the last ones are at the left edge (RFC 9293 3.10.7.1). */
static struct la_rst *
slot_for(struct la_track_rare *rare, uint8_t place)
{
    if (rare->rst_n < LA_RSTS_N_MAX)
        return &rare->rst[rare->rst_n++];
    unsigned goes = LA_RSTS_N_MAX;
    for (unsigned i = 0; i < LA_RSTS_N_MAX; i++)
        if (rare->rst[i].place > place)
            goes = i;
    if (goes == LA_RSTS_N_MAX)
        return NULL;
    for (unsigned i = goes; i + 1 < LA_RSTS_N_MAX; i++)
        rare->rst[i] = rare->rst[i + 1];
    return &rare->rst[LA_RSTS_N_MAX - 1];
}

void
la_reset_segment(struct la_explain *explain, struct la_track *track, const struct la_placed *placed)
{
    const struct la_seen *seen = placed->seen;
    struct la_track_end *e = placed->me;
    struct la_track_rare *rare = la_track_rare(explain, track);
    uint8_t place = (uint8_t)place_of(placed);
    struct la_rst *slot = rare == NULL ? NULL : slot_for(rare, place);
    if (slot != NULL)
        *slot = (struct la_rst){
            .at_ns = placed->at_ns,
            .after_ns = la_marks_sent_ns(e, e->last_at_ns),
            .frame = la_track_frame(track, placed->frame),
            .seq = seen->tcp.seq,
            .from = placed->from,
            .flags = seen->tcp.flags,
            .ttl_hops = seen->ttl_hops,
            .place = place,
            .evidence = evidence_of(track, placed),
        };
    e->flags |= LA_END_RST;
    e->rst_n++;
}

void
la_reset_text(struct la_track *track, const struct la_placed *placed)
{
    int64_t way = way_ns(&track->end[placed->from]) + LA_NS_PER_MS;
    for (unsigned i = 0; track->rare != NULL && i < track->rare->rst_n; i++) {
        struct la_rst *rst = &track->rare->rst[i];
        if (rst->from == placed->from || (rst->flags & LA_TCP_ACK) == 0 ||
            placed->at_ns - rst->at_ns > way)
            continue;
        if ((rst->evidence & LA_RST_TEXT_ON_WAY) != 0)
            rst->evidence |= LA_RST_STREAM_ON_WAY;
        rst->evidence |= LA_RST_TEXT_ON_WAY;
    }
}

bool
la_reset_is_behind(const struct la_track *track, const struct la_placed *placed)
{
    const struct la_tcp_seg *seg = &placed->seen->tcp;
    la_seq behind = la_seq_add(seg->seq, seg->len);
    for (unsigned i = 0; track->rare != NULL && i < track->rare->rst_n; i++) {
        const struct la_rst *rst = &track->rare->rst[i];
        if (rst->from != placed->from || placed->at_ns < rst->at_ns || !la_seq_gt(behind, rst->seq))
            continue;
        /* The number of an answer is its peer's, and text before it may have been overtaken. */
        if ((rst->evidence & LA_RST_ANSWERS) != 0 &&
            la_marks_sent_ns(placed->me, placed->at_ns) < rst->at_ns)
            continue;
        return true;
    }
    return false;
}

/* ---- when it is over ------------------------------------------------------------------------ */

static bool
is_believed(const struct la_track *track, const struct la_rst *rst)
{
    const struct la_track_end *receiver = &track->end[1 - rst->from];
    if (rst->place == LA_TCP_RST_EXACT)
        return true;
    /* RFC 5961 3.2 challenges it; a receiver that fell silent did not. */
    return rst->place == LA_TCP_RST_IN_WINDOW && receiver->last_at_ns <= rst->at_ns;
}

bool
la_reset_is_exact(const struct la_track *track)
{
    for (unsigned i = 0; track->rare != NULL && i < track->rare->rst_n; i++)
        if (track->rare->rst[i].place == LA_TCP_RST_EXACT)
            return true;
    return false;
}

/* It gave the connection up, whether its peer had to believe it or not: nothing else came after it.
 */
bool
la_reset_is_own(const struct la_track *track, const struct la_rst *rst)
{
    return rst->place != LA_TCP_RST_OUTSIDE && track->end[rst->from].last_at_ns <= rst->at_ns;
}

const struct la_rst *
la_reset_decisive(const struct la_track *track)
{
    if (track->rare == NULL || track->rare->rst_n == 0)
        return NULL;
    for (unsigned i = 0; i < track->rare->rst_n; i++)
        if (is_believed(track, &track->rare->rst[i]) ||
            la_reset_is_own(track, &track->rare->rst[i]))
            return &track->rare->rst[i];
    return NULL;
}

bool
la_reset_is_forged(const struct la_track *track, const struct la_rst *rst)
{
    const struct la_track_end *e = &track->end[rst->from];
    return (e->flags & LA_END_WENT_ON) != 0 ||
           (rst->evidence & (LA_RST_OTHER_TTL | LA_RST_OTHER_WINDOW)) != 0;
}

/* What is left when nothing shows text that it had not read: RFC 2525 2.17 or ABORT. Heuristic: an
 * end that listened, and then waited, did not read. */
static enum la_reset_cause
likelier_of(uint32_t evidence)
{
    const uint32_t unread = LA_RST_TEXT_ON_WAY | LA_RST_FREED_ROOM | LA_RST_WINDOW_SHUT;
    if ((evidence & unread) != 0)
        return LA_RESET_UNREAD_DATA;
    bool waited = (evidence & LA_RST_HEARD_LAST) != 0 &&
                  (evidence & (LA_RST_NEVER_SAID | LA_RST_HEARD_LONG_AGO)) != 0;
    return waited ? LA_RESET_UNREAD_DATA : LA_RESET_LINGER_ABORT;
}

/* It comes as soon after the ACK of the handshake as an answer takes, and its sender never said
 * anything. Few programs accept, and abort without a word, that fast; but of the stacks that have
 * no room, most answer without an ACK (RFC 9293 3.10.7.1). */
bool
la_reset_may_be_backlog(const struct la_rst *rst)
{
    const uint32_t shown = LA_RST_TO_THIRD_ACK | LA_RST_ONLY_SYNS;
    return (rst->evidence & shown) == shown;
}

/* Whoever has no connection answers each segment (RFC 9293 3.10.7.1). One RST alone, where more
 * than the ACK of the handshake was under way, may as well be the answer to what came behind that.
 */
bool
la_reset_answers_one_of_many(const struct la_track *track, const struct la_rst *rst)
{
    return (rst->evidence & LA_RST_MORE_TO_ANSWER) != 0 && track->end[rst->from].rst_n == 1;
}

/* An end that has it gave it up. */
static enum la_reset_cause
cause_of_abort(const struct la_rst *rst)
{
    uint32_t evidence = rst->evidence;
    bool bare = (rst->flags & LA_TCP_ACK) == 0;
    /* Who took such text had closed one way alone, and gives up what it has. */
    bool lives = !bare && (evidence & LA_RST_TOOK_AFTER_FIN) != 0;
    if ((evidence & LA_RST_TEXT_AFTER_FIN) != 0 && !lives)
        return LA_RESET_DATA_AFTER_CLOSE;
    /* Heuristic: who gives up sends an ACK. What this answers was not captured. */
    if (bare && (evidence & LA_RST_AFTER_OWN_FIN) != 0)
        return LA_RESET_DATA_AFTER_CLOSE;
    if ((evidence & LA_RST_DUE) != 0)
        return LA_RESET_TIMEOUT;
    if (bare && la_reset_may_be_backlog(rst))
        return LA_RESET_BACKLOG;
    return likelier_of(evidence);
}

/* An end without the connection answered. */
static enum la_reset_cause
cause_of_answer(const struct la_rst *rst)
{
    uint32_t evidence = rst->evidence;
    if ((evidence & LA_RST_AFTER_RST) != 0)
        return LA_RESET_STRAY; /* It had been told that the connection is over. */
    if ((evidence & (LA_RST_TEXT_AFTER_FIN | LA_RST_AFTER_OWN_FIN)) != 0)
        return LA_RESET_DATA_AFTER_CLOSE;
    /* A full queue answers the ACK of the handshake, or what comes in its place; an end that is
     * gone answers whatever comes later. */
    bool late = (evidence & (LA_RST_TO_THIRD_ACK | LA_RST_IN_OPENING)) == 0;
    if ((evidence & LA_RST_ONLY_SYNS) != 0 && rst->from == LA_END_SERVER && !late)
        return LA_RESET_BACKLOG;
    if ((evidence & LA_RST_IN_OPENING) != 0)
        return rst->from == LA_END_SERVER ? LA_RESET_REFUSED : LA_RESET_STRAY;
    return LA_RESET_HALF_OPEN_PEER;
}

/* Heuristic: who ends a connection towards both ends stands between them. */
static bool
forges_both_ways(const struct la_track *track)
{
    bool forged[2] = {false, false};
    for (unsigned i = 0; i < track->rare->rst_n; i++)
        if (la_reset_is_forged(track, &track->rare->rst[i]))
            forged[track->rare->rst[i].from] = true;
    return forged[0] && forged[1];
}

enum la_reset_cause
la_reset_cause_of(const struct la_track *track, const struct la_rst *rst)
{
    if (la_reset_is_forged(track, rst))
        return forges_both_ways(track) ? LA_RESET_MIDDLEBOX : LA_RESET_INJECTED;
    return (rst->evidence & LA_RST_ANSWERS) != 0 ? cause_of_answer(rst) : cause_of_abort(rst);
}

/* Does the evidence decide between ABORT and text that was not read? */
static bool
is_decided(const struct la_rst *rst, enum la_reset_cause cause)
{
    const uint32_t shown = LA_RST_STREAM_ON_WAY | LA_RST_LAY_THERE | LA_RST_WINDOW_SHUT;
    return (rst->evidence & (cause == LA_RESET_UNREAD_DATA ? shown : LA_RST_HEARD_NONE)) != 0;
}

/* What the numbers alone say is seen; what rests on who spoke when is inferred. */
static enum la_certainty
certainty_of(const struct la_track *track, const struct la_rst *rst, enum la_reset_cause cause)
{
    bool answers =
        (rst->evidence & LA_RST_ANSWERS) != 0 && track->end[1 - rst->from].segments_n > 0;
    if (cause == LA_RESET_REFUSED || (cause == LA_RESET_DATA_AFTER_CLOSE && answers))
        return LA_CERTAINTY_SEEN;
    if ((cause == LA_RESET_UNREAD_DATA || cause == LA_RESET_LINGER_ABORT) &&
        (!is_decided(rst, cause) || la_reset_may_be_backlog(rst)))
        return LA_CERTAINTY_UNKNOWN;
    /* A program may have given it up; or the third segment, which it would answer, did not pass. */
    if (cause == LA_RESET_BACKLOG && (!answers || (rst->evidence & LA_RST_IN_OPENING) != 0 ||
                                      la_reset_answers_one_of_many(track, rst)))
        return LA_CERTAINTY_UNKNOWN;
    /* It spoke a moment ago: another RST of it may have been lost before this one. So may its FIN
     * have gone before the capture began. */
    if (cause == LA_RESET_HALF_OPEN_PEER &&
        ((rst->evidence & LA_RST_LONG_SILENT) == 0 || !track->handshake_seen))
        return LA_CERTAINTY_UNKNOWN;
    if (cause == LA_RESET_INJECTED && (track->end[rst->from].flags & LA_END_WENT_ON) != 0)
        return LA_CERTAINTY_SEEN;
    return LA_CERTAINTY_INFERRED;
}

/* What else it may as well have been. */
static enum la_reset_cause
or_cause_of(const struct la_track *track, const struct la_rst *rst, enum la_reset_cause cause)
{
    if (cause == LA_RESET_LINGER_ABORT && la_reset_may_be_backlog(rst))
        return LA_RESET_BACKLOG;
    if (cause == LA_RESET_UNREAD_DATA || cause == LA_RESET_BACKLOG)
        return LA_RESET_LINGER_ABORT;
    if (cause == LA_RESET_LINGER_ABORT)
        return LA_RESET_UNREAD_DATA;
    /* RFC 9293 3.10.5: nor has ABORT's RST an ACK, though few stacks do it so. */
    if (cause == LA_RESET_HALF_OPEN_PEER)
        return track->handshake_seen ? LA_RESET_LINGER_ABORT : LA_RESET_DATA_AFTER_CLOSE;
    return LA_RESET_NONE;
}

void
la_reset_judge(const struct la_track *track, struct la_explain_reset *out)
{
    *out = (struct la_explain_reset){.cause = LA_RESET_NONE};
    out->n[0] = track->end[0].rst_n;
    out->n[1] = track->end[1].rst_n;
    const struct la_rst *rst = la_reset_decisive(track);
    if (rst == NULL)
        return;
    out->cause = (uint8_t)la_reset_cause_of(track, rst);
    out->by = (uint8_t)(la_reset_is_forged(track, rst) ? LA_WHO_THIRD : la_who_of(rst->from));
    out->certainty = (uint8_t)certainty_of(track, rst, (enum la_reset_cause)out->cause);
    if (out->certainty == LA_CERTAINTY_UNKNOWN)
        out->or_cause = (uint8_t)or_cause_of(track, rst, (enum la_reset_cause)out->cause);
    out->frame = track->first_frame + rst->frame;
}
