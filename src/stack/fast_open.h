/* SPDX-License-Identifier: MIT
 *
 * fast_open.h - cookies of TCP Fast Open (RFC 7413): given out and judged, received and kept
 *
 * Of the server: a cookie is a keyed hash of both addresses, so that whoever brings one has
 * received a segment of ours at that address. A SYN with such a cookie becomes a connection at once
 * and goes to the accept queue, its text with it. How many may be open by a cookie alone is bounded
 * for each listener; a connection that its "peer" resets counts for a while longer, since that peer
 * may be the victim of one who spoofs (5.1).
 *
 * Of the client: for each peer its cookie, the MSS that it announced, and whether it served
 * (4.1.3).
 */
#ifndef LA_STACK_FAST_OPEN_H
#define LA_STACK_FAST_OPEN_H

#include "stack/half.h"

void la_fast_opens_init(struct la_stack *s, const struct la_seed *seed);
void la_fast_opens_fini(struct la_stack *s);

/* ---- of the server (fast_open.c) -------------------------------------------------------- */

/* A SYN for a listener with room in its accept queue, which shows a cookie. True: it has become a
 * connection. False: it opens in the ordinary way; todo->reason may say why. */
bool la_fast_open_take(struct la_stack *s, const struct la_half_open *open,
                       const struct la_tcp_seg *syn, struct la_tcp_todo *todo);
/* Does the SYN,ACK tell this SYN's sender a cookie? */
bool la_fast_open_tells(struct la_stack *s, uint32_t listener, const struct la_tcp_seg *syn);
/* The cookie of whoever is at the other end. */
struct la_tcp_cookie la_fast_open_cookie(struct la_stack *s, const struct la_tuple *tuple);
/* A record with LA_REC_FAST_OPEN has left SYN-RECEIVED. */
void la_fast_open_left(struct la_stack *s, struct la_rec *rec);
/* The listener goes: what it has opened so counts nowhere any more. */
void la_fast_open_forget_listener(struct la_stack *s, uint32_t listener);
/* How many count at a listener. */
uint32_t la_fast_open_pending(const struct la_stack *s, const struct la_listener *l);

/* ---- of the client (fast_open_peers.c) -------------------------------------------------- */

/* A connection is being opened, and may use a cookie or ask for one. */
void la_fast_open_begin(struct la_stack *s, struct la_rec *rec, struct la_tcp_todo *todo);
/* What the SYN carried, before its answer is looked at. */
struct la_fast_open_asked {
    bool asked;
    bool wished; /* it showed no cookie, but asked for one */
    bool bare;   /* it needed none */
    uint32_t text_bytes;
};
struct la_fast_open_asked la_fast_open_asked(const struct la_stack *s,
                                             const struct la_tcp_conn *c);
/* And the answer, once the connection is ESTABLISHED by it. */
void la_fast_open_learn(struct la_stack *s, const struct la_rec *rec,
                        const struct la_fast_open_asked *asked, const struct la_tcp_seg *seg);
/* There was none. */
void la_fast_open_unanswered(struct la_stack *s, const struct la_rec *rec);

#endif
