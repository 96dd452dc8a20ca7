/* SPDX-License-Identifier: MIT
 *
 * states.c - both ends along the state figure (RFC 9293 figure 5)
 *
 * Read first: docs/explain.md, "States"; proto/tcp_fsm.h.
 *
 * `proven` is the state as of the end's latest segment: by what it has done itself, here, and by
 * what had reached it (arrivals.c). What else it may be in by now, possible.c says.
 *
 * Opening a new connection is no event here: that is another incarnation, with a track of its own.
 */
#include "base/apart.h"
#include "explain/parts.h"

#define BIT(state) LA_TCP_STATE_BIT(LA_TCP_##state)

static const uint16_t synchronised = BIT(ESTABLISHED) | BIT(FIN_WAIT_1) | BIT(FIN_WAIT_2) |
                                     BIT(CLOSE_WAIT) | BIT(CLOSING) | BIT(LAST_ACK) |
                                     BIT(TIME_WAIT);

void
la_states_begin(struct la_explain *explain, struct la_track *track, bool by_syn)
{
    struct la_track_end *client = &track->end[LA_END_CLIENT];
    struct la_track_end *server = &track->end[LA_END_SERVER];
    client->proven = by_syn ? BIT(CLOSED) : synchronised;
    server->proven = by_syn ? BIT(CLOSED) | BIT(LISTEN) : synchronised;
    la_possible_begin(explain, track, by_syn);
}

/* ---- one event --------------------------------------------------------------------------------
 */

static bool
is_one(uint16_t set)
{
    return set != 0 && (set & (set - 1)) == 0;
}

static bool
is_several(uint16_t set)
{
    return (set & (set - 1)) != 0;
}

/* Of the states that have an edge for the event, and where that leads. */
static inline void
push(uint16_t set, enum la_tcp_event event, struct la_step *step)
{
    if (is_one(set)) {
        unsigned to = la_tcp_fsm_edge((enum la_tcp_state)__builtin_ctz(set), event)->to;
        step->from = to != 0 ? set : 0;
        step->to = to != 0 ? LA_TCP_STATE_BIT(to) : 0;
        return;
    }
    unsigned from = 0, after = 0;
    for (unsigned left = set; left != 0; left &= left - 1) {
        unsigned to = la_tcp_fsm_edge((enum la_tcp_state)__builtin_ctz(left), event)->to;
        if (to == 0)
            continue;
        from |= left & -left;
        after |= LA_TCP_STATE_BIT(to);
    }
    step->from = (uint16_t)from;
    step->to = (uint16_t)after;
}

bool
la_states_move(struct la_explain *explain, struct la_track *track, struct la_step *step)
{
    struct la_track_end *e = &track->end[step->end];
    push(e->proven, (enum la_tcp_event)step->event, step);
    if (step->from == 0)
        return false;
    if (is_several(step->from) || is_several(step->to))
        step->certainty = LA_CERTAINTY_UNKNOWN;
    e->proven = step->to;
    e->certainty = step->certainty;
    la_steps_add(explain, track, step);
    la_tell_step(explain, track, step);
    return true;
}

/* ---- what a segment demands ------------------------------------------------------------------ */

/* The states in which its sender can have sent it, by what is known of both ends' SYN and FIN. */
static uint16_t
demanded(const struct la_placed *placed)
{
    const struct la_tcp_seg *seg = &placed->seen->tcp;
    const struct la_track_end *e = placed->me, *peer = placed->peer;
    if ((seg->flags & LA_TCP_SYN) != 0)
        return (seg->flags & LA_TCP_ACK) != 0 ? BIT(SYN_RECEIVED) | BIT(SYN_RECEIVED_ACTIVE)
                                              : BIT(SYN_SENT);
    bool knows_start = (e->flags & (LA_END_SYN | LA_END_SYN_ACK | LA_END_NEW_TEXT)) != 0;
    bool knows_peer = (peer->flags & (LA_END_SYN | LA_END_SYN_ACK | LA_END_NEW_TEXT)) != 0;
    bool fin = (e->flags & LA_END_FIN) != 0;
    bool acked_fin = la_track_acked_fin(e, peer);
    uint16_t by_own = synchronised, by_peer = synchronised;
    const uint16_t opening = BIT(SYN_RECEIVED) | BIT(SYN_RECEIVED_ACTIVE);
    bool acked_syn = (e->marks.taken >> LA_MARK_ACK_OF_SYN & 1) != 0;
    if (!fin && !acked_fin && !acked_syn && (e->proven & opening) != 0)
        return opening | BIT(ESTABLISHED); /* It may answer, and not have had the ACK. */
    if (fin)
        by_own = BIT(FIN_WAIT_1) | BIT(FIN_WAIT_2) | BIT(CLOSING) | BIT(LAST_ACK) | BIT(TIME_WAIT);
    else if (knows_start)
        by_own = BIT(ESTABLISHED) | BIT(CLOSE_WAIT);
    if (acked_fin)
        by_peer = BIT(CLOSE_WAIT) | BIT(CLOSING) | BIT(LAST_ACK) | BIT(TIME_WAIT);
    else if (knows_peer || (peer->flags & LA_END_FIN) != 0)
        by_peer = BIT(ESTABLISHED) | BIT(FIN_WAIT_1) | BIT(FIN_WAIT_2);
    return by_own & by_peer;
}

/* ---- one segment ------------------------------------------------------------------------------
 */

static int64_t
earliest_close(const struct la_track_end *e, const struct la_placed *placed)
{
    /* A FIN without text was not queued behind any: the user closed after the last of it went out.
     * Elsewhere than at the end, what passes may be what went again after a loss. */
    return placed->seen->tcp.text_bytes == 0 && la_marks_is_near(e)
               ? la_marks_sent_ns(e, e->text_at_ns)
               : INT64_MAX;
}

LA_APART static void
find_impossible(struct la_explain *explain, struct la_track *track, const struct la_placed *placed,
                enum la_tcp_event event)
{
    struct la_explain_finding *finding =
        la_found(explain, track, LA_FINDING_IMPOSSIBLE, la_who_of(placed->from), placed->frame);
    if (finding != NULL && finding->n == 1) {
        finding->values[0] = event;
        finding->values[1] = placed->me->proven;
    }
}

static inline void
own_event(struct la_explain *explain, struct la_track *track, const struct la_placed *placed,
          enum la_tcp_event event, int64_t earliest_ns)
{
    struct la_step step = {
        .end = placed->from,
        .event = (uint8_t)event,
        .certainty = placed->is_inferred ? LA_CERTAINTY_INFERRED : LA_CERTAINTY_SEEN,
        .frame = la_track_frame(track, placed->frame),
        .earliest_ns = earliest_ns,
        .latest_ns = placed->at_ns,
    };
    if (!la_states_move(explain, track, &step))
        find_impossible(explain, track, placed, event);
}

/* The segment cannot come from where the figure has led: something was missed. */
static void
resume(struct la_explain *explain, struct la_track *track, const struct la_placed *placed,
       uint16_t demand)
{
    struct la_track_end *e = placed->me;
    /* It is the first one of its sender that was captured, in a capture that begins in the
     * handshake: who sends SYN,ACK has listened (heuristic: few ends open at the same time). */
    if (!track->handshake_seen && e->segments_n <= 1 && (demand & BIT(SYN_RECEIVED)) != 0) {
        e->proven = BIT(SYN_RECEIVED);
        e->certainty = LA_CERTAINTY_INFERRED;
        return;
    }
    struct la_explain_finding *finding =
        la_found(explain, track, LA_FINDING_MISSED, la_who_of(placed->from), placed->frame);
    if (finding != NULL && finding->n == 1) {
        finding->certainty = LA_CERTAINTY_INFERRED;
        finding->values[0] = e->proven;
        finding->values[1] = demand;
    }
    e->proven = demand;
    e->certainty = is_one(demand) ? LA_CERTAINTY_INFERRED : LA_CERTAINTY_UNKNOWN;
}

/* The file has it behind its peer's FIN, which answers it: that was sent in CLOSE-WAIT. */
static void
put_before(struct la_explain *explain, struct la_track *track, const struct la_placed *placed)
{
    struct la_track_end *me = placed->me, *peer = placed->peer;
    struct la_step close;
    const struct la_step heard = {
        .end = (uint8_t)(1 - placed->from),
        .event = LA_TCP_EV_RCV_FIN,
        .certainty = LA_CERTAINTY_SEEN,
        .frame = la_track_frame(track, placed->frame),
        .from = BIT(ESTABLISHED),
        .to = BIT(CLOSE_WAIT),
        .earliest_ns = INT64_MAX,
        .latest_ns = peer->fin_at_ns,
    };
    if (peer->proven != BIT(FIN_WAIT_1) ||
        !la_steps_replace(explain, track, LA_TCP_EV_CLOSE, LA_TCP_ESTABLISHED, &heard, &close))
        return;
    la_tell_step(explain, track, &heard);
    peer->proven = BIT(CLOSE_WAIT);
    (void)la_states_move(explain, track, &close);
    peer->marks.waiting &= (uint8_t) ~(1u << LA_MARK_FIN);
    peer->marks.taken |= 1u << LA_MARK_FIN;
    me->flags |= LA_END_FIN_ACKED;
    me->marks.waiting |= 1u << LA_MARK_ACK_OF_FIN;
    me->marks.frame[LA_MARK_ACK_OF_FIN] = peer->fin_frame;
    me->marks.at_ns[LA_MARK_ACK_OF_FIN] = peer->fin_at_ns;
}

/* It had closed before it heard of its peer's FIN: its own was lost, and an ACK behind it was not.
 */
static void
close_before(struct la_explain *explain, struct la_track *track, const struct la_placed *placed)
{
    struct la_track_end *me = placed->me;
    struct la_step heard;
    const struct la_step close = {
        .end = placed->from,
        .event = LA_TCP_EV_CLOSE,
        .certainty = LA_CERTAINTY_INFERRED,
        .frame = placed->peer->fin_frame,
        .from = BIT(ESTABLISHED),
        .to = BIT(FIN_WAIT_1),
        .earliest_ns = INT64_MAX,
        .latest_ns = me->last_at_ns,
    };
    if (me->proven != BIT(CLOSE_WAIT) ||
        !la_steps_replace(explain, track, LA_TCP_EV_RCV_FIN, LA_TCP_ESTABLISHED, &close, &heard)) {
        own_event(explain, track, placed, LA_TCP_EV_CLOSE, INT64_MAX);
        return;
    }
    la_tell_step(explain, track, &close);
    me->proven = BIT(FIN_WAIT_1);
    heard.certainty = LA_CERTAINTY_INFERRED;
    (void)la_states_move(explain, track, &heard);
}

/* A SYN,ACK of an end that has sent a SYN answers another one (RFC 9293 3.5 figure 8): where none
 * of its peer's was captured, that had opened as well, and its own SYN,ACK came out of SYN-SENT. */
LA_APART static void
cross(struct la_explain *explain, struct la_track *track, const struct la_placed *placed)
{
    struct la_track_end *me = placed->me, *peer = placed->peer;
    struct la_step heard;
    const struct la_step open = {
        .end = (uint8_t)(1 - placed->from),
        .event = LA_TCP_EV_OPEN_ACTIVE,
        .certainty = LA_CERTAINTY_INFERRED,
        .frame = me->syn_frame,
        .from = BIT(CLOSED),
        .to = BIT(SYN_SENT),
        .earliest_ns = INT64_MAX,
        .latest_ns = peer->syn_at_ns,
    };
    const uint8_t syn = 1u << LA_MARK_SYN;
    peer->flags |= LA_END_SYN;
    if (((me->marks.waiting | me->marks.taken) & syn) == 0) {
        me->marks.waiting |= syn;
        me->marks.unseen |= syn;
        me->marks.frame[LA_MARK_SYN] = la_track_frame(track, placed->frame);
        me->marks.at_ns[LA_MARK_SYN] = placed->at_ns;
    }
    if (peer->proven != BIT(SYN_RECEIVED) ||
        !la_steps_replace(explain, track, LA_TCP_EV_RCV_SYN, LA_TCP_LISTEN, &open, &heard))
        return;
    la_tell_step(explain, track, &open);
    peer->proven = BIT(SYN_SENT);
    (void)la_states_move(explain, track, &heard);
}

static bool
crosses_unseen(const struct la_placed *placed)
{
    const uint8_t both = LA_TCP_SYN | LA_TCP_ACK;
    const uint32_t peers = placed->peer->flags & (LA_END_SYN | LA_END_SYN_ACK);
    return (placed->seen->tcp.flags & both) == both && (placed->me->flags & LA_END_SYN) != 0 &&
           peers == LA_END_SYN_ACK;
}

/* A first FIN shows that there was none before, also where the beginning was not captured. */
static void
look_back(struct la_explain *explain, struct la_track *track, const struct la_placed *placed)
{
    static const uint16_t own = BIT(CLOSED) | BIT(LISTEN) | BIT(SYN_SENT) | BIT(SYN_RECEIVED) |
                                BIT(SYN_RECEIVED_ACTIVE) | BIT(ESTABLISHED) | BIT(CLOSE_WAIT);
    static const uint16_t peers = BIT(CLOSED) | BIT(LISTEN) | BIT(SYN_SENT) | BIT(SYN_RECEIVED) |
                                  BIT(SYN_RECEIVED_ACTIVE) | BIT(ESTABLISHED) | BIT(FIN_WAIT_1) |
                                  BIT(FIN_WAIT_2);
    if (placed->me->segments_n == 0)
        return; /* The capture begins with it: it may be the second copy. */
    if (!track->steps_open && is_one(placed->me->proven) && is_one(placed->peer->proven))
        return; /* Nothing is undecided. */
    uint16_t can[2];
    can[placed->from] = own;
    can[1 - placed->from] = peers;
    la_steps_narrow(explain, track, can);
    for (unsigned end = 0; end < 2; end++) {
        struct la_track_end *e = &track->end[end];
        if (is_one(e->proven) || (e->proven & can[end]) == 0)
            continue;
        e->proven &= can[end];
        e->certainty = is_one(e->proven) ? LA_CERTAINTY_INFERRED : LA_CERTAINTY_UNKNOWN;
    }
}

/* The segment is no event for its receiver, and its sender has shown before what it shows. */
static bool
shows_nothing_new(const struct la_explain *explain, const struct la_track_end *e,
                  const struct la_track_end *peer)
{
    const uint32_t known = LA_END_SYN_ACKED | LA_END_FIN;
    return e->marks.waiting == 0 && e->proven == BIT(ESTABLISHED) && (e->flags & LA_END_FIN) == 0 &&
           (peer->flags & known) == LA_END_SYN_ACKED &&
           ((peer->marks.waiting | peer->marks.taken) >> LA_MARK_ACK_OF_SYN & 1) != 0 &&
           (e->possible & ~explain->reach_open) == 0;
}

/* A segment that neither opens nor closes, and changes nothing but how sure its sender's state is.
 */
static bool
is_plain(const struct la_explain *explain, const struct la_placed *placed)
{
    struct la_track_end *e = placed->me, *peer = placed->peer;
    unsigned flags = placed->seen->tcp.flags & (LA_TCP_SYN | LA_TCP_FIN | LA_TCP_RST | LA_TCP_ACK);
    if (flags != LA_TCP_ACK)
        return false;
    if (la_states_are_settled(e, peer))
        return true;
    if (!shows_nothing_new(explain, e, peer))
        return false;
    if (placed->new_bytes > 0 && placed->acked_bytes > 0)
        e->certainty = LA_CERTAINTY_SEEN;
    return true;
}

LA_APART static void
take_segment(struct la_explain *explain, struct la_track *track, const struct la_placed *placed)
{
    struct la_track_end *e = placed->me;
    const struct la_tcp_seg *seg = &placed->seen->tcp;
    la_marks_segment(track, placed);
    if (placed->syn_first && (seg->flags & LA_TCP_ACK) == 0) {
        if ((e->proven & BIT(CLOSED)) != 0)
            e->proven = BIT(CLOSED); /* Nobody opens actively on a listener (RFC 9293 3.10.1). */
        own_event(explain, track, placed, LA_TCP_EV_OPEN_ACTIVE, INT64_MAX);
    }
    if (crosses_unseen(placed))
        cross(explain, track, placed);
    if (e->marks.waiting != 0)
        la_arrivals_take(explain, track, placed);
    if (placed->fin_first) {
        look_back(explain, track, placed);
        if (la_closing_was_overtaken(placed))
            close_before(explain, track, placed);
        else
            own_event(explain, track, placed, LA_TCP_EV_CLOSE, earliest_close(e, placed));
        if (la_closing_was_answered(e, placed->peer))
            put_before(explain, track, placed);
    }
    uint16_t demand = demanded(placed);
    uint16_t stays = e->proven & demand;
    if (stays == 0)
        resume(explain, track, placed, demand);
    else if (stays != e->proven) {
        e->proven = stays;
        e->certainty = is_one(stays) ? LA_CERTAINTY_INFERRED : LA_CERTAINTY_UNKNOWN;
    } else if (is_one(stays) && placed->new_bytes > 0 && placed->acked_bytes > 0)
        e->certainty = LA_CERTAINTY_SEEN;
    la_possible_segment(explain, track, placed, demand);
}

void
la_states_segment(struct la_explain *explain, struct la_track *track,
                  const struct la_placed *placed)
{
    if (!is_plain(explain, placed))
        take_segment(explain, track, placed);
}

void
la_states_step(struct la_explain *explain, struct la_track *track, struct la_step *step)
{
    if (step->event == LA_TCP_EV_RCV_RST && track->end[step->end].proven == BIT(SYN_RECEIVED))
        step->event = LA_TCP_EV_RCV_RST_TO_LISTEN; /* RFC 9293 3.10.7.4 second */
    if (is_one(track->end[step->end].proven))
        (void)la_states_move(explain, track, step); /* Without an edge it was no news. */
}
