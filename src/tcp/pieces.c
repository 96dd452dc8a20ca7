/* SPDX-License-Identifier: MIT
 *
 * pieces.c - where a segment of the send queue must end
 *
 * Read first: send(2), MSG_EOR; tcp(7), TCP_NOTSENT_LOWAT.
 */
#include "tcp/pieces.h"

#include <string.h>

#include "base/mem.h"
#include "tcp/conn.h"
#include "tcp/send.h"

/* What one may hold at most: what a super-segment can, and half of the largest window there was. */
enum { PIECE_BYTES_MAX = 65215, WINDOW_HALVED_FROM = 536, PLACES_FIRST = 8 };

static struct la_tcp_piece *
at(const struct la_tcp_pieces *pieces, uint32_t i)
{
    return &pieces->room[pieces->row.head + i];
}

static la_seq
queue_end(const struct la_tcp_conn *c, const struct la_tcp_busy *busy)
{
    return la_seq_add(la_tcp_sndq_seq(c), busy->sndq.len);
}

/* The number of the first that ends behind `seq`; row.n: none does. */
static uint32_t
find(const struct la_tcp_pieces *pieces, la_seq seq)
{
    uint32_t low = 0, high = pieces->row.n;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (la_seq_gt(at(pieces, middle)->end, seq))
            high = middle;
        else
            low = middle + 1;
    }
    return low;
}

/* Place for one more; false: no memory. */
static bool
make_place(struct la_tcp_pieces *pieces, struct la_mem *mem)
{
    uint32_t before = pieces->row.cap, n = pieces->row.n;
    if (n < before)
        return true;
    uint32_t cap = before == 0 ? (uint32_t)PLACES_FIRST : before * 2;
    struct la_tcp_piece *room = la_mem_take(mem, cap * sizeof(*room));
    if (room == NULL)
        return false;
    if (before > 0) {
        memcpy(room, pieces->room + pieces->row.head, n * sizeof(*room));
        la_mem_give(mem, pieces->room, before * sizeof(*room));
    }
    pieces->room = room;
    pieces->row = (struct la_row){.cap = cap, .n = n};
    return true;
}

/* The piece that ends at `end`, which lies in the queue or at its end; NULL: no memory for it. */
static struct la_tcp_piece *
cut(struct la_tcp_pieces *pieces, struct la_mem *mem, la_seq end)
{
    uint32_t i = find(pieces, la_seq_sub(end, 1));
    if (i < pieces->row.n && la_seq_eq(at(pieces, i)->end, end))
        return at(pieces, i);
    if (!make_place(pieces, mem))
        return NULL;
    la_row_open(&pieces->row, pieces->room, sizeof(*pieces->room), i);
    *at(pieces, i) = (struct la_tcp_piece){.end = end};
    return at(pieces, i);
}

/* What the send queue counts for in the send buffer. */
static uint64_t
charge_of(const struct la_tcp_busy *busy, const struct la_tcp_env *env)
{
    uint32_t each = env->cfg->sndbuf_piece_bytes;
    if (each == 0) /* an empty record costs no text, but a place */
        each = sizeof(struct la_tcp_piece);
    return busy->sndq.len + (uint64_t)each * busy->pieces.row.n;
}

/* Octets of a full one. */
static uint32_t
goal(const struct la_tcp_conn *c)
{
    uint32_t n = c->snd_wnd_max > WINDOW_HALVED_FROM ? c->snd_wnd_max / 2 : c->snd_wnd_max;
    if (n > PIECE_BYTES_MAX || n == 0) /* no window is known yet */
        n = PIECE_BYTES_MAX;
    return n < c->smss ? c->smss : n - n % c->smss;
}

/* Octets that may be added to the last one: none, once it has left, is full or ends a record. */
static uint32_t
room_in_last(const struct la_tcp_conn *c, const struct la_tcp_busy *busy)
{
    const struct la_tcp_pieces *pieces = &busy->pieces;
    uint32_t n = pieces->row.n;
    if (n == 0 || at(pieces, n - 1)->record || la_seq_le(at(pieces, n - 1)->end, c->snd_nxt))
        return 0;
    la_seq from = n == 1 ? la_tcp_sndq_seq(c) : at(pieces, n - 2)->end;
    uint32_t len = (uint32_t)la_seq_diff(at(pieces, n - 1)->end, from);
    return len < goal(c) ? goal(c) - len : 0;
}

/* TCP_NOTSENT_LOWAT of the connection, or of the instance; 0 = none. */
static uint32_t
lowat(const struct la_tcp_busy *busy, const struct la_tcp_env *env)
{
    return busy != NULL && busy->lowat_bytes != 0 ? busy->lowat_bytes
                                                  : env->cfg->notsent_lowat_bytes;
}

bool
la_tcp_pieces_low(const struct la_tcp_conn *c, const struct la_tcp_busy *busy,
                  const struct la_tcp_env *env)
{
    uint32_t sndbuf_bytes = c->sndbuf_bytes, most = lowat(busy, env);
    return charge_of(busy, env) <= sndbuf_bytes - sndbuf_bytes / 3 &&
           (most == 0 || la_tcp_unsent(c, busy) < most - most / 2);
}

uint32_t
la_tcp_pieces_room(const struct la_tcp_conn *c, const struct la_tcp_busy *busy,
                   const struct la_tcp_env *env)
{
    uint64_t charge = busy == NULL ? 0 : charge_of(busy, env);
    uint32_t most = lowat(busy, env), unsent = la_tcp_unsent(c, busy);
    bool full = charge >= c->sndbuf_bytes || (most != 0 && unsent >= most);
    if (env->cfg->sndbuf_piece_bytes != 0) { /* the last one that begins may exceed the buffer */
        uint32_t n = busy == NULL ? 0 : room_in_last(c, busy);
        if (n > 0)
            return n;
        return full ? 0 : goal(c);
    }
    if (full)
        return 0;
    uint32_t room = c->sndbuf_bytes - (uint32_t)charge;
    return most == 0 || room < most - unsent ? room : most - unsent;
}

void
la_tcp_pieces_queued(const struct la_tcp_conn *c, struct la_tcp_busy *busy, struct la_tcp_env *env,
                     uint32_t n, bool more)
{
    struct la_tcp_pieces *pieces = &busy->pieces;
    if (env->cfg->sndbuf_piece_bytes == 0 || n == 0)
        return;
    la_seq end = queue_end(c, busy);
    struct la_tcp_piece *piece = room_in_last(c, busy) > 0 ? NULL : cut(pieces, env->mem, end);
    if (piece == NULL && pieces->row.n > 0)
        piece = at(pieces, pieces->row.n - 1);
    if (piece == NULL)
        return;
    piece->end = end;
    piece->pushed = !more;
}

la_err
la_tcp_pieces_end(const struct la_tcp_conn *c, struct la_tcp_busy *busy, struct la_tcp_env *env)
{
    la_seq end = queue_end(c, busy);
    if (busy->sndq.len == 0)
        return LA_OK;
    struct la_tcp_piece *piece = cut(&busy->pieces, env->mem, end);
    if (piece == NULL)
        return LA_ERR_NO_MEMORY;
    piece->record = piece->pushed = true;
    return LA_OK;
}

void
la_tcp_pieces_sent(const struct la_tcp_conn *c, struct la_tcp_busy *busy, struct la_tcp_env *env,
                   la_seq end)
{
    if (env->cfg->sndbuf_piece_bytes != 0 && la_seq_le(end, queue_end(c, busy)))
        (void)cut(&busy->pieces, env->mem, end);
}

bool
la_tcp_pieces_pushed(const struct la_tcp_busy *busy, la_seq seq)
{
    const struct la_tcp_pieces *pieces = &busy->pieces;
    uint32_t i = find(pieces, la_seq_sub(seq, 1));
    return i < pieces->row.n && la_seq_eq(at(pieces, i)->end, seq) && at(pieces, i)->pushed;
}

la_seq
la_tcp_pieces_limit(const struct la_tcp_conn *c, const struct la_tcp_busy *busy, la_seq seq)
{
    uint32_t i = find(&busy->pieces, seq);
    return i < busy->pieces.row.n ? at(&busy->pieces, i)->end : queue_end(c, busy);
}

void
la_tcp_pieces_acked(const struct la_tcp_conn *c, struct la_tcp_busy *busy, struct la_tcp_env *env)
{
    struct la_tcp_pieces *pieces = &busy->pieces;
    if (pieces->row.n == 0)
        return;
    la_row_close(&pieces->row, pieces->room, sizeof(*pieces->room), 0, find(pieces, c->snd_una));
    if (pieces->row.n == 0)
        la_tcp_pieces_clear(pieces, env);
}

void
la_tcp_pieces_clear(struct la_tcp_pieces *pieces, struct la_tcp_env *env)
{
    if (pieces->room != NULL)
        la_mem_give(env->mem, pieces->room, pieces->row.cap * sizeof(*pieces->room));
    *pieces = (struct la_tcp_pieces){0};
}
