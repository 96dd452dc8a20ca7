/* SPDX-License-Identifier: MIT
 *
 * scoreboard.h - what is in flight, as ranges with the time they were sent
 *
 * Ranges cover SND.UNA .. SND.NXT without gaps, ascending. A range is any number of segments that
 * were sent at the same instant and had the same luck; so a burst is one range, and memory
 * follows the number of bursts, not of segments. Without memory neighbours are merged, keeping the
 * later time and the higher count: an RTT sample may be lost, never invented.
 */
#ifndef LA_TCP_SCOREBOARD_H
#define LA_TCP_SCOREBOARD_H

#include <lastack/base.h>
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
    uint8_t sent_n;     /* how often: more than 1 = retransmitted (Karn: no RTT sample) */
    bool lost;          /* and not sent again since (RFC 8985) */
};

/* A ring of cap (a power of two) entries. Zero-initialised is empty. */
struct la_tcp_scoreboard {
    struct la_tcp_sent *ring;
    uint16_t cap;
    uint16_t head;
    uint16_t n;
    uint16_t lost_n;    /* ranges that are lost */
    la_instant last_at; /* of the latest transmission, */
    la_seq last_end;    /* and where it ended */
};

enum { LA_TCP_SCOREBOARD_MAX = 4096 };

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

/* The range at i, from 0 to b->n - 1, ascending. */
static inline const struct la_tcp_sent *
la_tcp_scoreboard_at(const struct la_tcp_scoreboard *b, unsigned i)
{
    return &b->ring[(b->head + i) & (unsigned)(b->cap - 1)];
}

/* The first range that ends behind `seq`; b->n: none does. O(log n). */
unsigned la_tcp_scoreboard_find(const struct la_tcp_scoreboard *b, la_seq seq);
/* Cuts range i at `where`, strictly inside, into two. False: no memory, it is whole as before. */
bool la_tcp_scoreboard_split(struct la_tcp_scoreboard *b, struct la_mem *mem, unsigned i,
                             la_seq where);
/* Range i is lost, until it is sent again. */
void la_tcp_scoreboard_lose(struct la_tcp_scoreboard *b, unsigned i);
/* [first, end) was sent just now, so it has flown like this. */
void la_tcp_scoreboard_flown_set(struct la_tcp_scoreboard *b, la_seq first, la_seq end,
                                 const struct la_tcp_flown *flown);
/* Nothing is known to be lost any more. */
void la_tcp_scoreboard_lose_none(struct la_tcp_scoreboard *b);
void la_tcp_scoreboard_check(const struct la_tcp_scoreboard *b, la_seq una, la_seq nxt);

#endif
