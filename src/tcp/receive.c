/* SPDX-License-Identifier: MIT
 *
 * receive.c - the receive queue, runs beyond RCV.NXT, the offered window
 *
 * Read first: RFC 9293 3.8.6 (managing the window), 3.8.6.2.2 (silly windows, receiver), 3.10.7.4
 * seventh; RFC 7323 2.3 (the window field is shifted).
 *
 * The right edge never moves left. Two things could move it: rounding by the window scale, so the
 * field is rounded up and the edge moves right with it, by less than one unit; and a lack of
 * memory, so octets that were promised room and find none are dropped without acknowledgement.
 */
#include "tcp/receive.h"

#include "base/assert.h"
#include "base/extremes.h"
#include "base/mem.h"
#include "tcp/acknowledge.h"
#include "tcp/blocks.h"
#include "tcp/tally.h"
#include "tcp/urgent.h"

/* How far the queue may outgrow the buffer before octets are dropped: rounding up moves the edge by
 * up to a unit for each acknowledgement, which an application that does not read lets add up. */
enum { ROUNDING_SLACK_BYTES = 64 * 1024, ROUNDING_SLACK_PART = 4 };
/* What a queue may keep alive beyond twice its length before octets are copied. */
enum { PIN_SLACK_BYTES = 64 * 1024 };

/* How many runs there may be; see runs.h. */
static uint32_t
runs_max(const struct la_tcp_conn *c)
{
    uint32_t n = c->rcvbuf_bytes / c->rmss;
    return n < LA_TCP_RUNS_MIN ? LA_TCP_RUNS_MIN : min32(n, LA_TCP_RUNS_MAX);
}

void
la_tcp_early_clear(struct la_tcp_busy *busy, struct la_tcp_env *env)
{
    la_tcp_runs_clear(&busy->runs, env->mem);
    busy->fin_early = false;
}

/* Moves `src` to the end of `dst`, or copies it where it keeps much more alive than it fills.
 * False: no memory for the copy; src is unchanged. */
static bool
keep(struct la_tcp_busy *busy, struct la_mem *mem, struct la_chain *dst, struct la_chain *src)
{
    uint32_t held = busy->rcvq.len + busy->runs.bytes + src->len;
    bool joins = dst->last != NULL && src->first != NULL && dst->last->block == src->first->block;
    uint64_t pins = joins && src->n == 1 ? 0 : la_chain_pinned(src);
    if (busy->rcv_pinned_bytes + pins <= 2 * (uint64_t)held + PIN_SLACK_BYTES) {
        busy->rcv_pinned_bytes += (uint32_t)pins;
        la_chain_append_chain(dst, src);
        return true;
    }
    uint32_t before = dst->len;
    for (const struct la_slice *s = src->first; s != NULL; s = s->next) {
        struct la_bytes piece = {s->block->bytes + s->off, s->len};
        if (la_chain_append_bytes(dst, mem, piece) < piece.n) {
            la_chain_drop_back(dst, dst->len - before);
            return false;
        }
    }
    busy->rcv_pinned_bytes += src->len;
    la_chain_clear(src);
    return true;
}

/* Octets at RCV.NXT go to the queue. False: no memory. */
static bool
take_in_order(struct la_tcp_conn *c, struct la_tcp_busy *busy, struct la_chain *text,
              struct la_tcp_todo *todo)
{
    uint32_t n = text->len;
    if ((c->flags & LA_TCP_F_READ_CLOSED) != 0)
        la_chain_clear(text);
    else if (!keep(busy, todo->env->mem, &busy->rcvq, text)) {
        /* Out-of-order octets are given back first: they can be sent again. */
        la_tcp_early_clear(busy, todo->env);
        if (!keep(busy, todo->env->mem, &busy->rcvq, text))
            return false;
    }
    uint32_t before = la_tcp_received_low(c);
    c->rcv_nxt = la_seq_add(c->rcv_nxt, n);
    if (la_tcp_received_low(c) < before)
        la_tcp_tally(c, todo->env)->received_wraps_n++;
    todo->wake |= LA_READY_READ;
    return true;
}

/* Runs that RCV.NXT has reached join the queue. */
static void
join_runs(struct la_tcp_conn *c, struct la_tcp_busy *busy, struct la_tcp_todo *todo)
{
    struct la_tcp_runs *runs = &busy->runs;
    while (runs->row.n > 0 && la_seq_le(la_tcp_runs_at(runs, 0)->seq, c->rcv_nxt)) {
        struct la_tcp_run *run = la_tcp_runs_at(runs, 0);
        struct la_chain octets = {0};
        uint32_t known = min32((uint32_t)la_seq_diff(c->rcv_nxt, run->seq), run->octets.len);
        la_tcp_blocks_duplicate(c, run->seq, known, todo);
        runs->bytes -= run->octets.len;
        la_chain_drop_front(&run->octets, known);
        la_chain_append_chain(&octets, &run->octets);
        la_tcp_runs_remove(runs, todo->env->mem, 0);
        bool taken = octets.len == 0 || take_in_order(c, busy, &octets, todo);
        la_chain_clear(&octets);
        if (!taken)
            return; /* the peer sends it again */
    }
}

/* Puts the first n octets of text, a gap's worth, at the end of run i - 1 or between that and run
 * i. False: no room. */
static bool
insert_piece(struct la_tcp_conn *c, struct la_tcp_busy *busy, uint32_t i, la_seq seq, uint32_t n,
             struct la_tcp_todo *todo)
{
    struct la_mem *mem = todo->env->mem;
    struct la_tcp_runs *runs = &busy->runs;
    struct la_chain piece = {0}, *text = todo->text;
    if (la_mem_left(mem) < la_mem_reserve(mem) && la_mem_available(mem) < la_mem_reserve(mem))
        return false;
    if (n == text->len)
        la_chain_append_chain(&piece, text);
    else if (la_chain_share(&piece, mem, text, 0, n, NULL))
        la_chain_drop_front(text, n);
    else
        return false;

    struct la_tcp_run *run = i > 0 ? la_tcp_runs_at(runs, i - 1) : NULL;
    bool joins = run != NULL && la_seq_eq(la_tcp_run_end(run), seq);
    if (!joins)
        run = la_tcp_runs_insert(runs, mem, runs_max(c), i++, seq);
    if (run == NULL || !keep(busy, mem, &run->octets, &piece)) {
        la_chain_clear(&piece);
        if (run != NULL && !joins)
            la_tcp_runs_remove(runs, mem, i - 1);
        return false;
    }
    runs->bytes += n;
    la_tcp_runs_touch(runs, run);
    if (i < runs->row.n && la_seq_eq(la_tcp_run_end(run), la_tcp_runs_at(runs, i)->seq)) {
        la_chain_append_chain(&run->octets, &la_tcp_runs_at(runs, i)->octets);
        la_tcp_runs_remove(runs, mem, i);
    }
    return true;
}

/* Octets beyond RCV.NXT become runs. False: some were dropped for lack of room. */
static bool
take_early(struct la_tcp_conn *c, struct la_tcp_busy *busy, la_seq seq, struct la_tcp_todo *todo)
{
    struct la_chain *text = todo->text;
    while (text->len > 0) {
        uint32_t i = la_tcp_runs_behind(&busy->runs, seq);
        struct la_tcp_run *prev = i > 0 ? la_tcp_runs_at(&busy->runs, i - 1) : NULL;
        la_seq prev_end = prev == NULL ? seq : la_tcp_run_end(prev);
        if (la_seq_gt(prev_end, seq)) {
            uint32_t known = min32(text->len, (uint32_t)la_seq_diff(prev_end, seq));
            la_chain_drop_front(text, known);
            la_tcp_blocks_duplicate(c, seq, known, todo);
            la_tcp_runs_touch(&busy->runs, prev);
            seq = la_seq_add(seq, known);
            continue;
        }
        uint32_t n = text->len;
        if (i < busy->runs.row.n)
            n = min32(n, (uint32_t)la_seq_diff(la_tcp_runs_at(&busy->runs, i)->seq, seq));
        if (!insert_piece(c, busy, i, seq, n, todo))
            return false;
        seq = la_seq_add(seq, n);
    }
    return true;
}

/* Nothing follows a FIN (RFC 9293 3.10.7.4 seventh): what a peer claims behind it goes, so that
 * RCV.NXT stops where the FIN stands. */
static void
drop_runs_behind(struct la_tcp_busy *busy, la_seq end, struct la_tcp_env *env)
{
    struct la_tcp_runs *runs = &busy->runs;
    while (runs->row.n > 0) {
        struct la_tcp_run *run = la_tcp_runs_at(runs, runs->row.n - 1);
        if (la_seq_le(la_tcp_run_end(run), end))
            return;
        if (la_seq_lt(run->seq, end)) {
            uint32_t beyond = (uint32_t)la_seq_diff(la_tcp_run_end(run), end);
            la_chain_drop_back(&run->octets, beyond);
            runs->bytes -= beyond;
            return;
        }
        la_tcp_runs_remove(runs, env->mem, runs->row.n - 1);
    }
}

/* Cuts off what is known already and what lies beyond the window, or behind a FIN that came early.
 * Returns the first number left. */
static la_seq
trim(struct la_tcp_conn *c, const struct la_tcp_busy *busy, la_seq seq, bool *fin,
     struct la_tcp_todo *todo)
{
    struct la_chain *text = todo->text;
    if (la_seq_lt(seq, c->rcv_nxt)) {
        uint32_t known = min32((uint32_t)la_seq_diff(c->rcv_nxt, seq), text->len);
        la_chain_drop_front(text, known);
        la_tcp_blocks_duplicate(c, seq, known, todo);
        if (todo->duplicate)
            la_tcp_ack_now(c, LA_CAUSE_ACK);
        seq = la_seq_add(seq, known);
    }
    la_seq end = la_seq_add(seq, text->len);
    la_seq limit = c->rcv_adv;
    enum la_reason reason = LA_REASON_DATA_BEYOND_WINDOW;
    if (busy->fin_early && la_seq_lt(busy->fin_seq, limit)) {
        limit = busy->fin_seq;
        reason = LA_REASON_DATA_AFTER_FIN;
    }
    if (la_seq_gt(end, limit)) {
        uint32_t beyond = min32((uint32_t)la_seq_diff(end, limit), text->len);
        la_chain_drop_back(text, beyond);
        *fin = false;
        todo->reason = reason;
    }
    return seq;
}

bool
la_tcp_receive_text(struct la_tcp_conn *c, la_seq seq, bool fin, struct la_tcp_todo *todo)
{
    struct la_tcp_busy *busy = la_tcp_busy_get(c, todo->env, todo->now);
    if (busy == NULL) {
        todo->reason = LA_REASON_NO_MEMORY;
        return false;
    }
    seq = trim(c, busy, seq, &fin, todo);
    if (todo->text->len > 0) {
        busy->text_at = todo->now;
        busy->heard_text = true;
    }
    uint32_t n = todo->text->len;
    uint32_t piece = todo->segments_n > 1 ? min32(todo->piece_bytes, n) : n;
    if (piece > c->rcv_mss) /* RFC 5681 4.2: a coalesced segment is no full-sized one */
        c->rcv_mss = (uint16_t)min32(piece, c->rmss);
    uint32_t rcvbuf_bytes = c->rcvbuf_bytes;
    uint32_t room = rcvbuf_bytes + rcvbuf_bytes / ROUNDING_SLACK_PART + ROUNDING_SLACK_BYTES;
    if (busy->rcvq.len + busy->runs.bytes + n > room && la_seq_le(seq, c->rcv_nxt))
        la_tcp_early_clear(busy, todo->env); /* what is in order goes first */
    if (busy->rcvq.len + busy->runs.bytes + n > room) {
        todo->reason = LA_REASON_NO_MEMORY;
        return false;
    }
    if (fin && la_seq_gt(la_seq_add(seq, n), c->rcv_nxt)) {
        busy->fin_early = true;
        busy->fin_seq = la_seq_add(seq, n);
        drop_runs_behind(busy, busy->fin_seq, todo->env);
    }
    if (la_seq_gt(seq, c->rcv_nxt)) {
        if (!take_early(c, busy, seq, todo))
            todo->reason = LA_REASON_OUT_OF_ORDER_LIMIT;
        la_tcp_ack_out_of_order(c, busy);
        return false;
    }
    if (n > 0) {
        bool had_gap = busy->runs.row.n > 0;
        if (!take_in_order(c, busy, todo->text, todo)) {
            todo->reason = LA_REASON_NO_MEMORY;
            return false;
        }
        join_runs(c, busy, todo);
        la_tcp_ack_in_order(busy);
        if (had_gap)
            la_tcp_ack_now(c, LA_CAUSE_ACK); /* RFC 5681 4.2: fills a gap */
        else
            la_tcp_ack_later(c, busy, todo->env, todo->now);
    }
    return fin || (busy->fin_early && la_seq_eq(busy->fin_seq, c->rcv_nxt));
}

/* ---- the window ------------------------------------------------------------------------- */

/* The largest window that our segments can say (RFC 7323 2.3). */
static uint32_t
window_max(const struct la_tcp_conn *c)
{
    return UINT32_C(0xffff) << ((c->flags & LA_TCP_F_WSCALE) != 0 ? c->rcv_wscale : 0);
}

/* Memory pressure: future offers shrink, given ones stay. */
static uint32_t
within_memory(const struct la_tcp_env *env, uint32_t room)
{
    uint64_t left = la_mem_left(env->mem);
    if (room > left / 4)
        left = la_mem_available(env->mem);
    return room > left / 4 ? (uint32_t)(left / 4) : room;
}

uint32_t
la_tcp_receive_room(const struct la_tcp_conn *c, const struct la_tcp_env *env)
{
    const struct la_tcp_busy *busy = la_tcp_busy(c, env);
    uint32_t held = busy == NULL ? 0 : busy->rcvq.len;
    return within_memory(env, c->rcvbuf_bytes > held ? c->rcvbuf_bytes - held : 0);
}

/* Where the right edge could be: the buffer's room behind RCV.NXT, as far as it can be said. */
static la_seq
edge_possible(const struct la_tcp_conn *c, const struct la_tcp_env *env)
{
    return la_seq_add(c->rcv_nxt, min32(la_tcp_receive_room(c, env), window_max(c)));
}

bool
la_tcp_receive_is_free(const struct la_tcp_conn *c, const struct la_tcp_env *env)
{
    return within_memory(env, c->rcvbuf_bytes) == c->rcvbuf_bytes;
}

/* RFC 9293 3.8.6.2.2: by at least min(half the buffer, one segment), or not at all (MUST-39). */
static uint32_t
edge_step_min(const struct la_tcp_conn *c)
{
    return min32(c->rcvbuf_bytes / 2, c->rmss);
}

/* The same for an ACK that goes out anyway. A window that takes a segment is not silly, however
 * little its edge has moved. */
static uint32_t
edge_step_passing(const struct la_tcp_conn *c, const struct la_tcp_env *env, uint32_t possible)
{
    uint32_t step = edge_step_min(c);
    return env->cfg->window_slides && possible >= step ? 1 : step;
}

static void
tell_zero_window(struct la_tcp_conn *c, uint32_t window)
{
    if (window == 0)
        c->flags |= LA_TCP_F_ZERO_WINDOW;
    else
        c->flags &= ~(uint32_t)LA_TCP_F_ZERO_WINDOW;
}

uint16_t
la_tcp_receive_window(struct la_tcp_conn *c, struct la_tcp_env *env, bool syn)
{
    la_seq target = edge_possible(c, env);
    uint32_t possible = (uint32_t)la_seq_diff(target, c->rcv_nxt);
    if (la_seq_diff(target, c->rcv_adv) < (int32_t)edge_step_passing(c, env, possible))
        target = c->rcv_adv;
    uint32_t wnd = (uint32_t)la_seq_diff(target, c->rcv_nxt);
    unsigned shift = syn || (c->flags & LA_TCP_F_WSCALE) == 0 ? 0 : c->rcv_wscale;
    uint32_t field = (wnd >> shift) + ((wnd & ((UINT32_C(1) << shift) - 1)) != 0);
    if (field > UINT16_MAX)
        field = UINT16_MAX;
    c->rcv_adv = la_seq_max(c->rcv_adv, la_seq_add(c->rcv_nxt, field << shift));
    tell_zero_window(c, field);
    return (uint16_t)field;
}

void
la_tcp_receive_consumed(struct la_tcp_conn *c, struct la_tcp_env *env, uint32_t n)
{
    struct la_tcp_busy *busy = la_tcp_busy(c, env);
    LA_ASSERT(busy != NULL && n <= busy->rcvq.len);
    uint32_t before = busy->rcvq.len;
    la_chain_drop_front(&busy->rcvq, n);
    la_tcp_urgent_settle(c, busy);
    busy->rcv_pinned_bytes -= (uint32_t)((uint64_t)busy->rcv_pinned_bytes * n / before);
    if ((c->flags & LA_TCP_F_FIN_RECEIVED) != 0 || !la_tcp_is_synchronised(c))
        return;
    uint32_t offered = la_tcp_rcv_wnd(c), full = min32(c->rcvbuf_bytes, window_max(c));
    int32_t gain = la_seq_diff(edge_possible(c, env), c->rcv_adv);
    bool low = offered < full / 4 && gain >= (int32_t)edge_step_min(c) * 2;
    bool shut = offered < c->rcv_mss && gain >= (int32_t)edge_step_min(c);
    if (low || shut || gain >= (int32_t)(full / (env->cfg->window_slides ? 4 : 2)))
        la_tcp_ack_now(c, LA_CAUSE_WINDOW_UPDATE);
}
