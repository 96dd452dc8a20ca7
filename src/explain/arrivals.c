/* SPDX-License-Identifier: MIT
 *
 * arrivals.c - what of that which passed had reached an end when it sent this segment
 *
 * The segment's numbers say which SYN and FIN its sender has received. Whether an ACK of its own
 * SYN or FIN has reached it shows in what it does, or is assumed, when there was time for it: the
 * transition is then inferred. Only of what waits (marks.c) is anything asked.
 */
#include "explain/parts.h"

#define BIT(state) LA_TCP_STATE_BIT(LA_TCP_##state)
#define MARK_BIT(mark) ((uint8_t)(1u << LA_MARK_##mark))

static const uint8_t syns = MARK_BIT(SYN) | MARK_BIT(SYN_ACK);
static const uint8_t fins = MARK_BIT(FIN) | MARK_BIT(ACK_OF_FIN);

/* ---- which ---------------------------------------------------------------------------------- */

struct taking {
    uint8_t marks;   /* 1 << enum la_mark */
    uint8_t certain; /* of them, those whose arrival the segment shows */
};

static bool
can_show(const struct la_placed *placed, enum la_mark mark)
{
    const struct la_track_end *e = placed->me;
    return la_marks_can_show(e, e->marks.at_ns[mark], placed->at_ns);
}

/* An ACK that passed, and had time to arrive, did not: what it acknowledges comes again. */
static void
lost(struct la_explain *explain, struct la_track *track, const struct la_placed *placed,
     enum la_mark mark)
{
    struct la_marks *marks = &placed->me->marks;
    uint8_t bit = (uint8_t)(1u << mark);
    marks->waiting &= (uint8_t)~bit;
    marks->again |= bit;
    enum la_finding id =
        mark == LA_MARK_ACK_OF_SYN ? LA_FINDING_THIRD_ACK_REPEATED : LA_FINDING_LAST_ACK_LOST;
    struct la_explain_finding *finding =
        la_found(explain, track, id, la_who_of(1 - placed->from), placed->frame);
    if (finding != NULL)
        finding->certainty = LA_CERTAINTY_INFERRED;
}

static inline void
look_for_syn(const struct la_placed *placed, struct taking *taking)
{
    const struct la_tcp_seg *seg = &placed->seen->tcp;
    const struct la_track_end *e = placed->me, *peer = placed->peer;
    struct la_marks *marks = &placed->me->marks;
    bool syn = (seg->flags & LA_TCP_SYN) != 0;
    if ((seg->flags & LA_TCP_ACK) != 0 && (peer->flags & (LA_END_SYN | LA_END_SYN_ACK)) != 0 &&
        la_seq_gt(seg->ack, peer->iss)) {
        /* A SYN that reaches SYN-SENT is answered with a SYN,ACK; without one, the peer's SYN,ACK
         * came first. After a SYN, that is no more than an ACK (RFC 9293 3.5 figure 8). */
        bool met_syn = syn || (e->flags & LA_END_SYN_ACK) != 0 ||
                       (marks->taken & MARK_BIT(SYN)) != 0 ||
                       (marks->waiting & MARK_BIT(SYN_ACK)) == 0;
        if (met_syn)
            taking->certain |= MARK_BIT(SYN);
        else
            marks->waiting &= (uint8_t)~MARK_BIT(SYN);
        if (!syn && ((marks->waiting | marks->taken) & MARK_BIT(SYN)) == 0)
            taking->certain |= MARK_BIT(SYN_ACK);
    }
    taking->marks |= taking->certain & syns;
    if (!syn && can_show(placed, LA_MARK_SYN_ACK))
        taking->marks |= MARK_BIT(SYN_ACK);
}

static bool
acks_text(const struct la_track_end *peer, const struct la_tcp_seg *seg)
{
    return (peer->flags & (LA_END_SYN | LA_END_SYN_ACK)) != 0 &&
           la_seq_gt(seg->ack, la_seq_add(peer->iss, 1 + peer->syn_text_bytes));
}

static inline void
look_for_ack_of_syn(struct la_explain *explain, struct la_track *track,
                    const struct la_placed *placed, struct taking *taking)
{
    const struct la_tcp_seg *seg = &placed->seen->tcp;
    const struct la_track_end *e = placed->me, *peer = placed->peer;
    bool syn = (seg->flags & LA_TCP_SYN) != 0, fin = (seg->flags & LA_TCP_FIN) != 0;
    /* All text of the peer's carries an ACK of the SYN. */
    bool speaks = placed->new_bytes > 0 && !syn && !la_opening_may_speak_early(e, peer);
    if (speaks || (placed->acked_bytes > 0 && acks_text(peer, seg)))
        taking->certain |= MARK_BIT(ACK_OF_SYN);
    taking->marks |= taking->certain & MARK_BIT(ACK_OF_SYN);
    if (fin && !syn && e->proven == BIT(SYN_RECEIVED))
        taking->marks |= MARK_BIT(ACK_OF_SYN); /* As la_unseen_third() has it. */
    if (can_show(placed, LA_MARK_ACK_OF_SYN)) {
        if (syn) /* It goes again: what passed did not arrive. */
            lost(explain, track, placed, LA_MARK_ACK_OF_SYN);
        taking->marks |= MARK_BIT(ACK_OF_SYN);
    }
}

static inline void
look_for_fin(struct la_explain *explain, struct la_track *track, const struct la_placed *placed,
             struct taking *taking)
{
    const struct la_tcp_seg *seg = &placed->seen->tcp;
    const struct la_track_end *e = placed->me, *peer = placed->peer;
    const struct la_marks *marks = &e->marks;
    bool has_fin = (seg->flags & LA_TCP_ACK) != 0 && (peer->flags & LA_END_FIN) != 0 &&
                   la_seq_gt(seg->ack, peer->fin_seq);
    if (has_fin) {
        taking->certain |= MARK_BIT(FIN);
        if (marks->frame[LA_MARK_ACK_OF_FIN] <= marks->frame[LA_MARK_FIN])
            taking->certain |= MARK_BIT(ACK_OF_FIN); /* The FIN carried it, or repeated it. */
    }
    taking->marks |= taking->certain & fins;
    /* Together with a FIN that the segment does not acknowledge, it has not come yet. */
    bool with_fin = (marks->waiting & MARK_BIT(FIN)) != 0 && !has_fin &&
                    marks->frame[LA_MARK_FIN] == marks->frame[LA_MARK_ACK_OF_FIN];
    if ((marks->waiting & MARK_BIT(ACK_OF_FIN)) == 0 || with_fin ||
        !can_show(placed, LA_MARK_ACK_OF_FIN))
        return;
    if ((seg->flags & LA_TCP_FIN) != 0)
        lost(explain, track, placed, LA_MARK_ACK_OF_FIN);
    /* That ends there and says no more, but that there is no connection, or a new one. */
    if (e->proven != BIT(LAST_ACK) || (seg->flags & (LA_TCP_SYN | LA_TCP_RST)) != 0)
        taking->marks |= MARK_BIT(ACK_OF_FIN);
}

/* ---- in which order, and as what --------------------------------------------------------------
 */

/* The next of the marks, by the time at which it passed. There is one at least. */
static inline enum la_mark
first_of(const struct la_marks *marks, uint8_t set)
{
    unsigned best = (unsigned)__builtin_ctz(set);
    for (unsigned left = set & (set - 1u); left != 0; left &= left - 1) {
        unsigned m = (unsigned)__builtin_ctz(left);
        if (marks->frame[m] < marks->frame[best])
            best = m;
    }
    return (enum la_mark)best;
}

/* A mark as an event, in the state in which the end is. */
static inline enum la_tcp_event
event_of(const struct la_track_end *e, enum la_mark mark)
{
    static const uint8_t of_mark[LA_MARKS_N] = {
        [LA_MARK_SYN] = LA_TCP_EV_RCV_SYN,           [LA_MARK_SYN_ACK] = LA_TCP_EV_RCV_SYN_ACK,
        [LA_MARK_ACK_OF_SYN] = LA_TCP_EV_ACK_OF_SYN, [LA_MARK_FIN] = LA_TCP_EV_RCV_FIN,
        [LA_MARK_ACK_OF_FIN] = LA_TCP_EV_ACK_OF_FIN,
    };
    if (mark == LA_MARK_SYN_ACK && (e->proven & BIT(SYN_SENT)) == 0)
        return LA_TCP_EV_ACK_OF_SYN;
    return (enum la_tcp_event)of_mark[mark];
}

/* One segment that carried both, to an end that waits for both (RFC 9293 figure 5). Each copy of a
 * FIN that acknowledges does so. */
static inline bool
came_merged(const struct la_track_end *e, const struct la_track_end *peer, enum la_mark mark,
            uint8_t set)
{
    if (e->proven != BIT(FIN_WAIT_1))
        return false;
    return (mark == LA_MARK_FIN && (peer->flags & LA_END_FIN_ACKS_FIN) != 0) ||
           ((set & fins) == fins &&
            e->marks.frame[LA_MARK_FIN] == e->marks.frame[LA_MARK_ACK_OF_FIN]);
}

/* The ACK of a FIN that passed before the peer's own FIN may have been lost, and come with that. A
 * FIN that was not captured may have been an octet, and come before or with the ACK. */
static inline bool
shows(const struct la_track_end *e, enum la_mark mark, bool is_certain, bool is_guessed)
{
    bool is_fin = (fins >> mark & 1) != 0;
    return is_certain && !(is_guessed && is_fin) &&
           (mark != LA_MARK_ACK_OF_FIN ||
            e->marks.frame[LA_MARK_ACK_OF_FIN] == e->marks.frame[LA_MARK_FIN]);
}

static inline void
take(struct la_explain *explain, struct la_track *track, const struct la_placed *placed,
     const struct taking *taking)
{
    struct la_track_end *e = placed->me;
    struct la_marks *marks = &e->marks;
    uint8_t left = taking->marks & marks->waiting;
    while (left != 0) {
        enum la_mark mark = first_of(marks, left);
        enum la_tcp_event event = event_of(e, mark);
        uint8_t took = (uint8_t)(1u << mark);
        if ((took & fins) != 0 && came_merged(e, placed->peer, mark, left)) {
            event = LA_TCP_EV_RCV_FIN_ACK_OF_FIN;
            took = fins;
        }
        bool is_certain = (taking->certain >> mark & 1) != 0;
        bool is_guessed = ((marks->unseen | marks->again) >> mark & 1) != 0;
        bool is_seen = !placed->is_inferred && shows(e, mark, is_certain, is_guessed);
        struct la_step step = {
            .end = placed->from,
            .event = (uint8_t)event,
            .certainty = is_seen ? LA_CERTAINTY_SEEN : LA_CERTAINTY_INFERRED,
            .frame = marks->frame[mark],
            .earliest_ns = is_guessed ? INT64_MAX : marks->at_ns[mark],
            /* Where no more than the time speaks for it, it may have come later. */
            .latest_ns = is_certain ? placed->at_ns : INT64_MAX,
        };
        (void)la_states_move(explain, track, &step); /* Without an edge it was no news. */
        marks->waiting &= (uint8_t)~took;
        marks->taken |= took;
        left &= (uint8_t)~took;
    }
}

void
la_arrivals_take(struct la_explain *explain, struct la_track *track, const struct la_placed *placed)
{
    struct taking taking = {0, 0};
    uint8_t waiting = placed->me->marks.waiting;
    if ((waiting & syns) != 0)
        look_for_syn(placed, &taking);
    if ((waiting & MARK_BIT(ACK_OF_SYN)) != 0)
        look_for_ack_of_syn(explain, track, placed, &taking);
    if ((waiting & fins) != 0)
        look_for_fin(explain, track, placed, &taking);
    take(explain, track, placed, &taking);
}
