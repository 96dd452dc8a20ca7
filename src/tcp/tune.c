/* SPDX-License-Identifier: MIT
 *
 * tune.c - buffers that grow with what the path and the application move
 *
 * Read first: docs/theory/buffers.md; RFC 9293 3.8.6 (windows are offered, never taken back).
 *
 * Per connection, the receiver keeps a mark: up to where the application had read, and when. A
 * round trip later the mark says how much it reads in one.
 */
#include "tcp/tune.h"

#include "base/mem.h"
#include "tcp/again.h"
#include "tcp/rtt.h"

/* What is read in a round trip may double in the next (slow start), and what is offered now is used
 * one later still. */
enum { GROWTH = 4 };
/* Two windows: one in flight, one that takes its place when it is acknowledged. */
enum { SEND_WINDOWS = 2 };
/* What Linux adds to a segment before it rounds up, and after. */
enum { SEGMENT_HEADERS_BYTES = 640, SEGMENT_BYTES = 256 };
/* See round_trip_ms(). */
enum { QUEUE = 4 };
/* A pause after which what was known about the path is old. */
enum { OLD_MS = 60000 };
/* No connection's buffer may be more than this part of what memory is left. */
enum { MEMORY_PARTS = 8 };

/* What a buffer of this kind may be now. */
static uint32_t
limit(const struct la_buffer_tuning *tuning, const struct la_tcp_env *env)
{
    uint64_t share = la_mem_left(env->mem) / MEMORY_PARTS;
    if (share >= tuning->bytes_max)
        return tuning->bytes_max;
    return share > tuning->bytes_min ? (uint32_t)share : tuning->bytes_min;
}

static uint32_t
initial(const struct la_buffer_tuning *tuning, const struct la_tcp_env *env)
{
    uint32_t most = limit(tuning, env);
    return tuning->bytes_initial < most ? tuning->bytes_initial : most;
}

void
la_tcp_tune_open(struct la_tcp_conn *c, const struct la_tcp_cfg *cfg)
{
    uint32_t mss = c->smss + la_tcp_option_bytes(c);
    if (cfg->rcvbuf_whole && c->rcvbuf_tuned)
        c->rcvbuf_bytes = (c->rcvbuf_bytes + mss - 1) / mss * mss & LA_TCP_BUFFER_MASK;
}

/* ---- receiving -------------------------------------------------------------------------- */

/* The round trip as the receiver sees it: since the acknowledgement that the peer echoes was sent,
 * else what the sender's half of this connection has measured, in the handshake at the latest. A
 * queue that builds up is no reason to offer more: several times the shortest one counts as that.
 * 0: not known. */
static uint32_t
round_trip_ms(const struct la_tcp_conn *c, const struct la_tcp_seg *seg, la_instant now)
{
    uint32_t ms = 0, most_ms = c->rtt_us_min / (LA_US_PER_MS / QUEUE) + 1;
    if ((c->flags & LA_TCP_F_TIMESTAMPS) != 0 && (seg->has & LA_TCP_HAS_TIMESTAMPS) != 0 &&
        seg->ts_ecr != 0)
        ms = la_tcp_ts_now(c, now) - seg->ts_ecr;
    else if (c->srtt_us != 0)
        ms = c->srtt_us / LA_US_PER_MS;
    else
        return 0;
    if (ms > most_ms)
        ms = most_ms;
    return ms == 0 ? 1 : ms;
}

static void
set_mark(struct la_tcp_conn *c, la_seq read_to, uint32_t now_ms)
{
    c->read_mark = read_to;
    c->read_mark_ms = now_ms;
}

void
la_tcp_tune_receive(struct la_tcp_conn *c, const struct la_tcp_busy *busy,
                    const struct la_tcp_seg *seg, struct la_tcp_todo *todo)
{
    if (!c->rcvbuf_tuned)
        return;
    const struct la_buffer_tuning *tuning = &todo->env->cfg->rcvbuf;
    la_seq read_to = la_seq_sub(c->rcv_nxt, busy->rcvq.len);
    uint32_t now_ms = la_tcp_ms(todo->now);
    uint32_t passed_ms = now_ms - c->read_mark_ms;
    uint32_t rtt_ms = round_trip_ms(c, seg, todo->now);
    if (passed_ms > OLD_MS) {
        c->rcvbuf_bytes = initial(tuning, todo->env) & LA_TCP_BUFFER_MASK;
        set_mark(c, read_to, now_ms);
        return;
    }
    if (rtt_ms == 0 || passed_ms < rtt_ms)
        return;
    uint64_t read = (uint32_t)la_seq_diff(read_to, c->read_mark);
    if (passed_ms > rtt_ms) /* the mark has waited longer than that */
        read = read * rtt_ms / passed_ms;
    set_mark(c, read_to, now_ms);
    uint32_t most = limit(tuning, todo->env);
    uint64_t want = GROWTH * read;
    if (want > most)
        want = most;
    if (want > c->rcvbuf_bytes)
        c->rcvbuf_bytes = (uint32_t)want & LA_TCP_BUFFER_MASK;
    else if (c->rcvbuf_bytes > most) /* memory has become short: less is offered from now on */
        c->rcvbuf_bytes = most & LA_TCP_BUFFER_MASK;
}

/* ---- sending ---------------------------------------------------------------------------- */

void
la_tcp_tune_pieces(struct la_tcp_conn *c, const struct la_tcp_busy *busy,
                   const struct la_tcp_env *env)
{
    if (!c->sndbuf_tuned || la_tcp_pipe(c, busy) + c->smss > c->cwnd_bytes)
        return;
    uint32_t each = 1, most = limit(&env->cfg->sndbuf, env);
    while (each < c->smss + (uint32_t)SEGMENT_HEADERS_BYTES)
        each *= 2;
    uint64_t want = (uint64_t)SEND_WINDOWS * (c->cwnd_bytes / c->smss) * (each + SEGMENT_BYTES);
    if (want > most)
        want = most;
    if (want > c->sndbuf_bytes)
        c->sndbuf_bytes = (uint32_t)want & LA_TCP_BUFFER_MASK;
}

void
la_tcp_tune_send(struct la_tcp_conn *c, const struct la_tcp_env *env)
{
    if (!c->sndbuf_tuned || env->cfg->sndbuf_piece_bytes != 0 ||
        c->cwnd_bytes <= c->sndbuf_bytes / SEND_WINDOWS)
        return;
    uint32_t most = limit(&env->cfg->sndbuf, env);
    uint32_t want = c->cwnd_bytes < most / SEND_WINDOWS ? SEND_WINDOWS * c->cwnd_bytes : most;
    if (want > c->sndbuf_bytes)
        c->sndbuf_bytes = want & LA_TCP_BUFFER_MASK;
}

void
la_tcp_tune_rest(struct la_tcp_conn *c, const struct la_tcp_env *env)
{
    if (c->sndbuf_tuned)
        c->sndbuf_bytes = initial(&env->cfg->sndbuf, env) & LA_TCP_BUFFER_MASK;
}
