/* SPDX-License-Identifier: MIT
 *
 * explore_key.c - when two points of an exploration are the same
 *
 * The state is the connections' memory, what is on the way and what the applications know. Left
 * out, because it decides nothing here: clocks (a timer is armed or not), measurements of the round
 * trip, counters, windows of congestion beyond what two segments need, and which block holds an
 * octet. A new member of struct la_tcp_conn or la_tcp_busy is part of the state until it is
 * named here.
 */
#include "sim/explore_world.h"

#include <string.h>

#include "base/extremes.h"
#include "base/hash.h"
#include "base/time.h"
#include "tcp/acknowledge.h"
#include "tcp/congestion.h"
#include "tcp/rtt.h"
#include "tcp/tally.h"

enum { SEGMENTS_THAT_MATTER = 4, RUNS_MAX = 8 };

struct run {
    uint32_t seq, len, rank;
};

struct end_key {
    struct la_tcp_conn conn;
    struct la_tcp_busy busy;
    struct la_tcp_accecn accecn;
    struct la_tcp_sent board[8];
    struct la_range sacked[8];
    struct run runs[RUNS_MAX];
    struct la_world_app app;
    uint8_t ack_armed, timer_answered;
    uint8_t live, opened, disturbed;
    uint8_t closed_behind[LA_WORLD_INCARNATIONS];
    uint8_t unused[3];
};

struct key {
    struct end_key end[2];
    struct la_world_seg net[2][LA_WORLD_NET_N + LA_WORLD_RST_ROOM];
    uint8_t net_n[2];
    uint8_t left[6];
};

static void
key_of_conn(struct end_key *k, const struct la_world_end *end)
{
    struct la_tcp_conn *c = &k->conn;
    memcpy(c, &end->conn, sizeof(*c));
    k->ack_armed = !la_instant_is_never(la_world_ack_at(end));
    uint32_t after_us = la_tcp_rto_backed_off(&end->conn, &end->env, c->backoff_n);
    k->timer_answered = c->timer == LA_TIMER_PERSIST &&
                        la_tcp_heard_since(c, la_instant_add_us(c->timer_at, -(int64_t)after_us));
    c->backoff_n = (uint8_t)min32(c->backoff_n, (uint32_t)c->r2_n + 1);
    uint32_t cap = SEGMENTS_THAT_MATTER * (uint32_t)c->smss;
    c->cwnd_bytes = min32(c->cwnd_bytes, cap);
    c->ssthresh_bytes = min32(c->ssthresh_bytes, cap);
    c->timer_at = la_instant_of_ns(0);
    c->srtt_us = c->rttvar_us = c->rto_us = c->rtt_us_min = 0;
    c->heard_ms = c->sent_ms = c->keepalive_ms = c->busy_idx = c->tally_idx = c->cc_kept = 0;
    c->challenges = la_tcp_challenges(c);
    c->read_mark = la_seq_of(0);
    c->read_mark_ms = 0;
    c->segments_sent = c->segments_received = 0;
}

static void
key_of_runs(struct end_key *k, const struct la_tcp_busy *busy)
{
    const struct la_tcp_runs *runs = &busy->runs;
    for (uint32_t i = 0; i < runs->row.n && i < RUNS_MAX; i++) {
        const struct la_tcp_run *run = la_tcp_runs_at(runs, i);
        k->runs[i] = (struct run){run->seq.v, run->octets.len, 0};
        for (const struct la_tcp_run *newer = run->newer; newer != NULL; newer = newer->newer)
            k->runs[i].rank++;
    }
}

/* Which was first, and nothing more: 0 is now. */
static la_instant
rank_of(la_instant at, const struct la_tcp_busy *busy, la_instant now)
{
    const struct la_tcp_scoreboard *b = &busy->board;
    int64_t rank = la_instant_lt(at, now);
    for (uint32_t i = 0; i < b->row.n; i++)
        rank += la_instant_lt(at, la_tcp_scoreboard_at(b, i)->sent_at);
    return la_instant_of_ns(rank);
}

/* RACK's and TLP's times, too, by their order alone. */
static void
key_of_rack(struct la_tcp_busy *b, const struct la_tcp_busy *busy, la_instant now)
{
    b->rack.xmit_at = rank_of(busy->rack.xmit_at, busy, now);
    b->rack.acked_at = rank_of(busy->rack.acked_at, busy, now);
    b->rack.rtt_us = busy->rack.rtt_us != 0;
    b->rack.reorder_bytes = 0;
    b->tlp.rto_at = la_instant_of_ns(0);
}

static void
key_of_busy(struct end_key *k, const struct la_tcp_busy *busy, la_instant now)
{
    struct la_tcp_busy *b = &k->busy;
    memcpy(b, busy, sizeof(*b));
    uint32_t board_n = busy->board.row.n, sacked_n = busy->board.sacked.row.n;
    for (uint32_t i = 0; i < board_n && i < 8; i++) {
        k->board[i] = *la_tcp_scoreboard_at(&busy->board, i);
        k->board[i].sent_at = rank_of(k->board[i].sent_at, busy, now);
        k->board[i].older = k->board[i].newer = 0; /* sent_at says it */
        memset(&k->board[i].flown, 0, sizeof(k->board[i].flown));
    }
    for (uint32_t i = 0; i < sacked_n && i < 8; i++)
        k->sacked[i] = *la_ranges_at(&busy->board.sacked, i);
    key_of_rack(b, busy, now);
    key_of_runs(k, busy);
    uint32_t sndq_n = b->sndq.len, rcvq_n = b->rcvq.len;
    memset(&b->sndq, 0, sizeof(b->sndq));
    memset(&b->rcvq, 0, sizeof(b->rcvq));
    memset(&b->snd_mark, 0, sizeof(b->snd_mark));
    memset(&b->board, 0, sizeof(b->board));
    b->sndq.len = sndq_n;
    b->rcvq.len = rcvq_n;
    b->board.row.n = board_n;
    b->board.sacked.row.n = sacked_n;
    memset(&b->runs, 0, sizeof(b->runs));
    b->runs.row.n = busy->runs.row.n;
    b->runs.bytes = busy->runs.bytes;
    b->owed.at = la_instant_of_ns(0);
    b->rtt_round_end = la_seq_of(0);
    b->rtt_half_us = b->rtt_half_ms = 0;
    b->rtt_old = b->undo.adapts = false; /* they touch what is measured, which is no part of it */
    b->undo.srtt_us = b->undo.rttvar_us = 0;
    b->lost_bytes = b->used_bytes = 0;
    memset(&b->clocks, 0, sizeof(b->clocks));
    b->used_ms = 0;
    memset(&b->rate, 0, sizeof(b->rate));
    memset(&b->pace, 0, sizeof(b->pace));
    memset(&b->usage, 0, sizeof(b->usage)); /* of windows; peaks are measurements */
    memset(&b->peak, 0, sizeof(b->peak));
    memset(&b->cc, 0, sizeof(b->cc));
    b->cc.reno.acked_bytes = k->conn.cc == la_cc_find("reno") ? busy->cc.reno.acked_bytes : 0;
    b->progress_at = b->text_at = la_instant_of_ns(0); /* of ack_replies_later, which is off */
    b->heard_text = b->replies = false;
    b->mtu.next_at = la_instant_of_ns(0); /* no text there is as long as a segment can be */
    b->mtu.carried = 0;
}

/* Too few segments for ACE to go round, which is what the average is for. */
static void
key_of_accecn(struct end_key *k, const struct la_tcp_accecn *accecn)
{
    memcpy(&k->accecn, accecn, sizeof(k->accecn));
    memset(&k->accecn.tally, 0, sizeof(k->accecn.tally));
    k->accecn.acked_8n = 0;
    k->accecn.heeded_ts = 0;
}

static void
key_of_end(struct end_key *k, const struct la_world_end *end)
{
    k->live = end->live;
    k->opened = end->opened;
    k->disturbed = end->disturbed;
    memcpy(&k->app, &end->app, sizeof(k->app));
    memcpy(k->closed_behind, end->closed_behind, sizeof(k->closed_behind));
    if (!end->live)
        return;
    key_of_conn(k, end);
    const struct la_tcp_accecn *accecn = la_tcp_accecn(&end->conn, &end->env);
    if (accecn != NULL)
        key_of_accecn(k, accecn);
    const struct la_tcp_busy *busy = la_tcp_busy(&end->conn, &end->env);
    if (busy != NULL)
        key_of_busy(k, busy, end->now);
}

/* What is on the way has no order: any of it may arrive next. */
static void
key_of_net(struct la_world_seg *k, const struct la_world_net *net)
{
    for (unsigned i = 0; i < net->n; i++) {
        unsigned at = i;
        while (at > 0 && memcmp(&net->at[i], &k[at - 1], sizeof(*k)) < 0) {
            k[at] = k[at - 1];
            at--;
        }
        k[at] = net->at[i];
    }
}

struct la_world_key
la_world_key(const struct la_world_ctx *ctx)
{
    static const struct la_key seeds[2] = {{UINT64_C(0x243f6a8885a308d3), 1},
                                           {UINT64_C(0x13198a2e03707344), 2}};
    const struct la_world *w = ctx->world;
    struct key k;
    memset(&k, 0, sizeof(k));
    for (unsigned e = 0; e < 2; e++) {
        key_of_end(&k.end[e], &w->end[e]);
        key_of_net(k.net[e], &w->net[e]);
        k.net_n[e] = w->net[e].n;
    }
    k.left[0] = w->lost_n;
    k.left[1] = w->doubled_n;
    k.left[2] = w->aborts_n;
    k.left[3] = w->crashes_n;
    k.left[4] = w->early_n;
    k.left[5] = w->marked_n;
    struct la_bytes bytes = {(const uint8_t *)&k, sizeof(k)};
    return (struct la_world_key){{la_hash(&seeds[0], bytes), la_hash(&seeds[1], bytes)}};
}
