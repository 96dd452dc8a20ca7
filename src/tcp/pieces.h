/* SPDX-License-Identifier: MIT
 *
 * pieces.h - where a segment of the send queue must end
 *
 * A segment holds octets of one piece alone, whether it is sent or sent again. Pieces end where
 * the user has ended a record (MSG_EOR). With cfg->sndbuf_piece_bytes the queue is cut throughout,
 * as Linux's is into socket buffers: each is filled by one or more SENDs up to the size of a
 * super-segment, is cut again where a segment has left, and counts in the send buffer for more than
 * its text.
 */
#ifndef LA_TCP_PIECES_H
#define LA_TCP_PIECES_H

#include <lastack/base.h>
#include "base/row.h"
#include "base/seq.h"

struct la_tcp_conn;
struct la_tcp_busy;
struct la_tcp_env;

struct la_tcp_piece {
    la_seq end;
    bool record; /* a record ends here: nothing is added to the piece */
    bool pushed; /* a SEND ended here that did not say that more follows (PSH) */
};

/* Zeroed: the queue is one piece. */
struct la_tcp_pieces {
    struct la_tcp_piece *room; /* places of the row, ascending */
    struct la_row row;
};

/* Octets that may be queued now, in this piece or as the next; busy NULL: nothing is queued. */
uint32_t la_tcp_pieces_room(const struct la_tcp_conn *c, const struct la_tcp_busy *busy,
                            const struct la_tcp_env *env);
/* Is a third of the send buffer free, and what is unsent less than half of what TCP_NOTSENT_LOWAT
 * says? Then a writer that was refused is woken. */
bool la_tcp_pieces_low(const struct la_tcp_conn *c, const struct la_tcp_busy *busy,
                       const struct la_tcp_env *env);
/* n octets were queued, with or without more to follow. Without memory for a piece of their own
 * they lengthen the last one. */
void la_tcp_pieces_queued(const struct la_tcp_conn *c, struct la_tcp_busy *busy,
                          struct la_tcp_env *env, uint32_t n, bool more);
/* What is queued ends a record. NO_MEMORY. */
la_err la_tcp_pieces_end(const struct la_tcp_conn *c, struct la_tcp_busy *busy,
                         struct la_tcp_env *env);
/* A segment of new text has left that ends at `end`. */
void la_tcp_pieces_sent(const struct la_tcp_conn *c, struct la_tcp_busy *busy,
                        struct la_tcp_env *env, la_seq end);
/* Where the piece that holds `seq` ends. O(log n). */
la_seq la_tcp_pieces_limit(const struct la_tcp_conn *c, const struct la_tcp_busy *busy, la_seq seq);
/* Does a SEND end at `seq`, as far as pieces tell? */
bool la_tcp_pieces_pushed(const struct la_tcp_busy *busy, la_seq seq);
/* SND.UNA has moved. */
void la_tcp_pieces_acked(const struct la_tcp_conn *c, struct la_tcp_busy *busy,
                         struct la_tcp_env *env);
void la_tcp_pieces_clear(struct la_tcp_pieces *pieces, struct la_tcp_env *env);

#endif
