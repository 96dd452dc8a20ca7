/* SPDX-License-Identifier: MIT
 *
 * possible.c - the states in which an end may be (RFC 9293 figure 5)
 *
 * Read first: docs/explain.md, "States"; proto/tcp_fsm.h.
 *
 * The set is closed under what a tap cannot see (CLOSE, ABORT, time-outs) and under what passed on
 * its way to the end, delivered or not. It is only ever cut by what the end itself has shown, and
 * only to what can still be reached from there, so that segments that overtake each other do no
 * harm. Both sets are closed under these events, and so is what they have in common: the set is
 * closed anew only when something else has passed.
 */
#include "base/apart.h"
#include "explain/parts.h"

#define BIT(state) LA_TCP_STATE_BIT(LA_TCP_##state)
#define EVENT_BIT(event) (UINT32_C(1) << LA_TCP_EV_##event)

/* Opening anew is another incarnation, with a track of its own. */
static const uint32_t events_of_one =
    ((UINT32_C(1) << LA_TCP_EV_COUNT) - 1) & ~(EVENT_BIT(OPEN_PASSIVE) | EVENT_BIT(OPEN_ACTIVE));
static const uint32_t events_hidden =
    EVENT_BIT(CLOSE) | EVENT_BIT(ABORT) | EVENT_BIT(RCV_UNACCEPTABLE) | EVENT_BIT(ICMP_HARD_ERROR) |
    EVENT_BIT(TIMEOUT_2MSL) | EVENT_BIT(TIMEOUT_USER) | EVENT_BIT(TIMEOUT_R2) |
    EVENT_BIT(TIMEOUT_FIN_WAIT_2) | EVENT_BIT(TIMEOUT_KEEPALIVE) | EVENT_BIT(FORGET);

/* ---- sets that are closed under events ---------------------------------------------------- */

static uint16_t
close_under(uint16_t set, uint32_t events)
{
    uint16_t before;
    do {
        before = set;
        for (unsigned e = 0; e < LA_TCP_EV_COUNT; e++)
            if ((events >> e & 1) != 0)
                set |= la_tcp_fsm_step_set(set, (enum la_tcp_event)e);
    } while (set != before);
    return set;
}

LA_APART static void
learn(struct la_closure *known, uint16_t set, uint32_t events)
{
    *known = (struct la_closure){events, set, close_under(set, events)};
}

/* The same, remembered: few combinations occur. */
static inline uint16_t
closure(struct la_explain *explain, uint16_t set, uint32_t events)
{
    uint64_t mixed = ((uint64_t)events << 16 | set) * UINT64_C(0x9e3779b97f4a7c15);
    struct la_closure *known = &explain->closures[mixed >> (64 - LA_CLOSURES_SHIFT)];
    if (known->from != set || known->events != events)
        learn(known, set, events);
    return known->to;
}

/* Events that may have happened to an end besides the hidden ones, by what passed on its way
 * to it. */
static uint32_t
events_of(unsigned passed)
{
    static const uint32_t of_mark[LA_MARKS_N] = {
        [LA_MARK_SYN] = EVENT_BIT(RCV_SYN) | EVENT_BIT(RCV_SYN_REUSE),
        [LA_MARK_SYN_ACK] = EVENT_BIT(RCV_SYN_ACK) | EVENT_BIT(ACK_OF_SYN),
        [LA_MARK_ACK_OF_SYN] = EVENT_BIT(ACK_OF_SYN),
        [LA_MARK_FIN] = EVENT_BIT(RCV_FIN),
        [LA_MARK_ACK_OF_FIN] = EVENT_BIT(ACK_OF_FIN),
    };
    uint32_t events = 0;
    for (unsigned m = 0; m < LA_MARKS_N; m++)
        if ((passed >> m & 1) != 0)
            events |= of_mark[m];
    if ((passed >> LA_MARK_FIN & passed >> LA_MARK_ACK_OF_FIN & 1) != 0)
        events |= EVENT_BIT(RCV_FIN_ACK_OF_FIN);
    if ((passed & LA_PASSED_RST) != 0)
        events |= EVENT_BIT(RCV_RST) | EVENT_BIT(RCV_RST_TO_LISTEN);
    return events;
}

void
la_possible_init(struct la_explain *explain)
{
    explain->reach_syn = close_under(BIT(SYN_SENT) | BIT(SYN_RECEIVED_ACTIVE), events_of_one);
    explain->reach_open =
        close_under(BIT(SYN_RECEIVED) | BIT(SYN_RECEIVED_ACTIVE) | BIT(ESTABLISHED), events_of_one);
    explain->reach_fin = close_under(BIT(FIN_WAIT_1) | BIT(LAST_ACK), events_of_one);
    explain->reach_acked_fin =
        close_under(BIT(CLOSE_WAIT) | BIT(CLOSING) | BIT(TIME_WAIT), events_of_one);
    for (unsigned passed = 0; passed < LA_PASSED_ANYTHING; passed++)
        explain->events_by_passed[passed] = events_hidden | events_of(passed);
    explain->events_by_passed[LA_PASSED_ANYTHING] = events_of_one;
}

/* ---- one connection ------------------------------------------------------------------------ */

/* By what has passed on its way to the end so far. */
static inline void
widen(struct la_explain *explain, const struct la_track *track, struct la_track_end *e,
      const struct la_track_end *peer)
{
    unsigned passed = e->marks.waiting | e->marks.taken;
    if ((peer->flags & LA_END_RST) != 0)
        passed |= LA_PASSED_RST;
    if (!track->handshake_seen)
        passed = LA_PASSED_ANYTHING;
    if (e->widened_by == passed)
        return;
    e->possible = closure(explain, e->possible, explain->events_by_passed[passed]);
    e->widened_by = (uint8_t)passed;
}

void
la_possible_begin(struct la_explain *explain, struct la_track *track, bool by_syn)
{
    struct la_track_end *client = &track->end[LA_END_CLIENT];
    struct la_track_end *server = &track->end[LA_END_SERVER];
    client->possible = server->possible = LA_TCP_STATES_ALL;
    if (by_syn) {
        client->possible = closure(explain, BIT(SYN_SENT), events_hidden);
        server->possible =
            closure(explain, BIT(CLOSED) | BIT(LISTEN) | BIT(SYN_SENT), events_hidden);
    }
}

/* The earliest states that show what the end has shown so far; what can be reached from them stays
 * possible. */
static inline uint16_t
shown(const struct la_explain *explain, const struct la_placed *placed)
{
    const struct la_track_end *e = placed->me, *peer = placed->peer;
    if ((placed->seen->tcp.flags & (LA_TCP_SYN | LA_TCP_ACK)) == LA_TCP_SYN)
        return explain->reach_syn;
    /* An end in SYN-RECEIVED may send ACKs, and text after a Fast Open (RFC 7413 4.2). */
    uint16_t allowed = explain->reach_open;
    if ((e->flags & LA_END_FIN) != 0)
        allowed &= explain->reach_fin;
    if (la_track_acked_fin(e, peer))
        allowed &= explain->reach_acked_fin;
    return allowed;
}

void
la_possible_segment(struct la_explain *explain, const struct la_track *track,
                    const struct la_placed *placed, uint16_t demand)
{
    struct la_track_end *e = placed->me, *peer = placed->peer;
    e->possible &= shown(explain, placed);
    if (e->possible == 0)
        e->possible = closure(explain, demand, events_of_one);
    widen(explain, track, e, peer);
    widen(explain, track, peer, e);
}
