/* SPDX-License-Identifier: MIT
 *
 * send.c - how much new data may be sent now
 *
 * Read first: RFC 9293 3.8.6.2.1 (silly windows, sender), 3.7.4 (Nagle), 3.8.6 (windows may
 * shrink); RFC 5681 3.1.
 */
#include "tcp/send.h"

#include "base/extremes.h"
#include "tcp/again.h"
#include "tcp/fast_open.h"
#include "tcp/undo.h"
#include "tcp/urgent.h"

uint32_t
la_tcp_unsent(const struct la_tcp_conn *c, const struct la_tcp_busy *busy)
{
    if (busy == NULL || (c->flags & LA_TCP_F_FIN_SENT) != 0)
        return 0;
    return busy->sndq.len - (uint32_t)la_seq_diff(c->snd_nxt, la_tcp_sndq_seq(c));
}

bool
la_tcp_fin_waits(const struct la_tcp_conn *c)
{
    return (c->flags & (LA_TCP_F_CLOSE_CALLED | LA_TCP_F_FIN_SENT)) == LA_TCP_F_CLOSE_CALLED;
}

/* A SYN,ACK before the handshake is complete (RFC 7413) stands before the window.
 * U of 3.8.6.2.1: SND.UNA + SND.WND - SND.NXT; a window that shrank leaves nothing. */
static uint32_t
usable_window(const struct la_tcp_conn *c)
{
    uint32_t flight = la_tcp_flight(c) - la_tcp_fast_open_serves(c);
    return c->snd_wnd > flight ? c->snd_wnd - flight : 0;
}

/* DEVIATION(D17): a peer that has moved its right edge to the left (RFC 9293 3.8.6, MUST-34) finds
 * SND.NXT outside its window and would drop our acknowledgements of what it sends. Less than one
 * unit of scaling is rounding, and a FIN counts one. */
la_seq
la_tcp_bare_seq(const struct la_tcp_conn *c)
{
    uint32_t unit = UINT32_C(1) << c->snd_wscale;
    bool shrank = la_tcp_flight(c) > c->snd_wnd && la_tcp_flight(c) - c->snd_wnd > unit;
    return shrank && la_tcp_is_synchronised(c) ? la_seq_add(c->snd_una, c->snd_wnd) : c->snd_nxt;
}

static uint32_t
congestion_room(const struct la_tcp_conn *c, const struct la_tcp_busy *busy)
{
    uint32_t cwnd = la_tcp_cwnd_now(c, busy);
    uint32_t pipe = la_tcp_pipe(c, busy), syn = la_tcp_fast_open_serves(c);
    pipe -= min32(pipe, syn);
    if (pipe == 0 && cwnd < c->smss)
        return c->smss;
    uint32_t room = cwnd > pipe ? cwnd - pipe : 0;
    bool whole = busy->phase == LA_CC_RECOVERY && (c->flags & LA_TCP_F_SACK) != 0;
    return whole && room < c->smss ? 0 : room; /* RFC 6675 5 (C): cwnd - pipe >= 1 SMSS */
}

/* Is text unacknowledged? (A SYN,ACK is none: RFC 7413 lets text follow it.) */
static bool
text_is_out(const struct la_tcp_conn *c)
{
    return la_tcp_flight(c) > (la_tcp_fast_open_serves(c) ? 1u : 0u);
}

/* 3.7.4; and Minshall's, which does not let a short segment wait for full ones before it. */
static bool
nagle_waits(const struct la_tcp_conn *c, const struct la_tcp_busy *busy)
{
    return (c->flags & LA_TCP_F_NAGLE) != 0 && text_is_out(c) &&
           (!busy->nagle_short || la_seq_gt(busy->short_end, c->snd_una));
}

/* Does the user want to add to what is queued before it goes? */
static bool
is_held(const struct la_tcp_conn *c)
{
    bool cork = (c->flags & LA_TCP_F_CORK) != 0 && c->flush != LA_TCP_FLUSH_ALL;
    return cork || ((c->flags & LA_TCP_F_MORE) != 0 && c->flush == LA_TCP_FLUSH_NONE);
}

/* Octets from SND.NXT to where the piece of the queue ends that they stand in. */
static uint32_t
piece_unsent(const struct la_tcp_conn *c, const struct la_tcp_busy *busy)
{
    return (uint32_t)la_seq_diff(la_tcp_pieces_limit(c, busy, c->snd_nxt), c->snd_nxt);
}

/* May a segment of n octets, less than SMSS, be sent? */
static bool
small_segment_allowed(const struct la_tcp_conn *c, const struct la_tcp_busy *busy, uint32_t n,
                      bool forced)
{
    bool all = n == la_tcp_unsent(c, busy); /* nothing queued stays behind */
    if (forced)
        return true; /* 3.8.6.2.1 (4): the override timeout */
    if (!all && n == piece_unsent(c, busy))
        return true; /* nothing can be added: a record ends here, and another follows */
    if (all && (c->flags & LA_TCP_F_CLOSE_CALLED) != 0)
        return true; /* nothing can be added: the FIN pushes it */
    if (all && !is_held(c) && !nagle_waits(c, busy))
        return true; /* (2), (3) with Nagle: PUSHed, and nothing unacknowledged */
    /* (3): a good part of the largest window there ever was. */
    return !all && n >= c->snd_wnd_max / 2 && c->snd_wnd_max / 2 < c->smss;
}

uint32_t
la_tcp_room(const struct la_tcp_conn *c, const struct la_tcp_busy *busy)
{
    return min32(usable_window(c), congestion_room(c, busy));
}

struct la_tcp_allowance
la_tcp_allowed(const struct la_tcp_conn *c, const struct la_tcp_busy *busy, uint32_t segment_max,
               bool forced)
{
    struct la_tcp_allowance none = {0, false};
    if (busy == NULL || (c->flags & LA_TCP_F_FIN_SENT) != 0)
        return none;
    if (busy->phase == LA_CC_LOSS && la_seq_lt(busy->rtx_nxt, busy->recover) &&
        !la_tcp_undo_waits(busy))
        return none; /* what was lost goes first */
    if (busy->rests)
        return none;
    uint32_t unsent = la_tcp_unsent(c, busy);
    uint32_t usable = usable_window(c);
    uint32_t n = min32(min32(unsent, segment_max), la_tcp_room(c, busy));
    if (busy->pieces.row.n > 0)
        n = min32(n, piece_unsent(c, busy));
    if (n > c->smss)
        n -= n % c->smss; /* a super-segment holds full segments only */
    bool all = n == unsent;
    /* Urgent octets do not wait for an acknowledgement (3.7.4) or for more (the cork), as with
     * Linux and BSD; silly windows they do avoid. */
    bool urges = all && la_tcp_urgent_unsent(c, busy);
    if (n < c->smss && n > 0 && !urges && !small_segment_allowed(c, busy, n, forced))
        return none;
    bool fin = la_tcp_fin_waits(c) && all && usable > n && !la_tcp_fast_open_serves(c); /* D5 */
    return (struct la_tcp_allowance){n, fin};
}

struct la_tcp_allowance
la_tcp_probe_allowed(const struct la_tcp_conn *c, const struct la_tcp_busy *busy)
{
    uint32_t n = min32(min32(la_tcp_unsent(c, busy), c->smss), usable_window(c));
    if (n > 0 && busy->pieces.row.n > 0)
        n = min32(n, piece_unsent(c, busy));
    bool small = n < c->smss && !small_segment_allowed(c, busy, n, false);
    return (struct la_tcp_allowance){small ? 0 : n, false};
}
