/* SPDX-License-Identifier: MIT
 *
 * scoreboard.h - what is in flight, as ranges with the time they were sent
 *
 * Ranges cover SND.UNA .. SND.NXT without gaps, ascending. A range is any number of segments that
 * were sent at the same instant and had the same luck; so a burst is one range, and memory
 * follows the number of bursts, not of segments. Without memory neighbours are merged, keeping the
 * later time and the higher count: an RTT sample may be lost, never invented. So are neighbours
 * that are SACKed whole.
 *
 * Ranges stand in two orders: by number, and by when they were sent. RACK goes through the second
 * one, once: `unjudged` is the first range that it has not found lost or arrived.
 */
#ifndef LA_TCP_SCOREBOARD_H
#define LA_TCP_SCOREBOARD_H

#include <lastack/base.h>
#include "base/ranges.h"
#include "base/seq.h"

/* What the connection had delivered when a range was sent; rate.h. Zeroed where nobody measures. */
struct la_tcp_flown {
    uint32_t delivered;    /* P.delivered, modulo 2^32 */
    uint32_t lost;         /* P.lost, likewise */
    uint32_t flight_bytes; /* P.tx_in_flight, with all of the range */
    uint32_t send_us;      /* P.send_time - P.first_send_time */
    uint32_t ack_us;       /* P.send_time - P.delivered_time */
    bool app_limited;      /* P.is_app_limited */
};

struct la_tcp_sent {
    la_seq first, end;  /* [first, end) */
    la_instant sent_at; /* the latest transmission, or some ns later: see stamp() */
    struct la_tcp_flown flown;
    uint32_t lost_bytes; /* found lost (RFC 8985), not SACKed and not sent again since */
    uint16_t older, newer; /* neighbours in the order of sending */
    uint8_t sent_n;      /* how often: more than 1 = retransmitted (Karn: no RTT sample) */
};

/* Zero-initialised is empty. */
struct la_tcp_scoreboard {
    struct la_tcp_sent *sent; /* cap of them, anywhere */
    uint16_t *order;          /* 2 * cap places: which of them, by number */
    struct la_row row;        /* in `order` */
    struct la_ranges sacked;  /* inside SND.UNA .. SND.NXT, never at SND.UNA */
    uint16_t cap;             /* a power of two */
    uint16_t unused;          /* the first of those that hold no range */
    uint16_t oldest, newest;  /* in the order of sending */
    uint16_t unjudged;        /* all older ones are lost or have arrived */
    uint32_t lost_bytes;      /* of all ranges */
    la_seq lost_from;         /* no range before it has lost octets */
    la_instant last_at;       /* of the latest transmission, */
    la_seq last_end;          /* and where it ended */
};

enum { LA_TCP_SCOREBOARD_MAX = 32768, LA_TCP_SENT_NONE = UINT16_MAX };

void la_tcp_scoreboard_fini(struct la_tcp_scoreboard *b, struct la_mem *mem);
/* [first, end) was sent for the first time; first is the board's end (or the board is empty). */
void la_tcp_scoreboard_sent(struct la_tcp_scoreboard *b, struct la_mem *mem, la_seq first,
                            la_seq end, la_instant now);
/* [first, end), inside the board, was sent again. Returns how often it had been sent before. */
uint8_t la_tcp_scoreboard_resent(struct la_tcp_scoreboard *b, struct la_mem *mem, la_seq first,
                                 la_seq end, la_instant now);
/* Everything below `una` is acknowledged. *sent_at: when the newest range among it was sent; NEVER
 * when a part of it was sent again, or there was none: then the acknowledgement may have waited for
 * that part, and tells nothing about the path. */
void la_tcp_scoreboard_acked(struct la_tcp_scoreboard *b, la_seq una, la_instant *sent_at);

/* The range at i, from 0 to row.n - 1, ascending. */
static inline struct la_tcp_sent *
la_tcp_scoreboard_at(const struct la_tcp_scoreboard *b, unsigned i)
{
    return &b->sent[b->order[b->row.head + i]];
}

/* The first range that ends behind `seq`; row.n: none does. O(log n). */
unsigned la_tcp_scoreboard_find(const struct la_tcp_scoreboard *b, la_seq seq);
/* The range that holds `seq`; NULL: none does. O(log n). */
const struct la_tcp_sent *la_tcp_scoreboard_holding(const struct la_tcp_scoreboard *b, la_seq seq);
/* Cuts the range in `sent` at `where`, strictly inside, into two; it is the first of them. False:
 * no memory, it is whole as before. The ranges may have moved. */
bool la_tcp_scoreboard_split(struct la_tcp_scoreboard *b, struct la_mem *mem, uint16_t sent,
                             la_seq where);
/* What is not SACKed of the range is lost, until it is sent again or arrives. */
void la_tcp_scoreboard_lose(struct la_tcp_scoreboard *b, struct la_tcp_sent *sent);
/* [first, end), not SACKed before, has arrived. */
void la_tcp_scoreboard_arrived(struct la_tcp_scoreboard *b, struct la_range range);
/* [first, end) has been added to what is SACKed. Ranges of which nothing is missing become one:
 * when each was sent does not matter any more. */
void la_tcp_scoreboard_sacked(struct la_tcp_scoreboard *b, struct la_range range);
/* [first, end) was sent just now, so it has flown like this. */
void la_tcp_scoreboard_flown_set(struct la_tcp_scoreboard *b, la_seq first, la_seq end,
                                 const struct la_tcp_flown *flown);
/* Nothing is known to be lost any more; RACK judges anew. */
void la_tcp_scoreboard_lose_none(struct la_tcp_scoreboard *b);
/* Nothing counts as SACKed any more. */
void la_tcp_scoreboard_sack_none(struct la_tcp_scoreboard *b);
void la_tcp_scoreboard_check(const struct la_tcp_scoreboard *b, la_seq una, la_seq nxt);

#endif
