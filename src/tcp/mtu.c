/* SPDX-License-Identifier: MIT
 *
 * mtu.c - how large a segment the path takes
 *
 * Read first: RFC 1191 3, 5, 6.3, 6.4, 7; RFC 8201 4, 5; RFC 5927 4.1, 7.2; RFC 4821 7. Our
 * segments carry DF: without this, a path with a smaller MTU is a hole into which every full
 * segment falls.
 */
#include "tcp/mtu.h"

#include "tcp/congestion.h"
#include "tcp/rack.h"
#include "tcp/recovery.h"

enum { IPV4_HEADER_BYTES = 20, IPV6_HEADER_BYTES = 40, TCP_HEADER_BYTES = 20 };
/* DEVIATION(D27): IPv4 below 552 is not believed. RFC 8201 4: IPv6 never goes below 1280. */
enum { MTU_LEAST_V4 = 552, MTU_LEAST_V6 = 1280 };
/* RFC 4821 7.2: nearly every path takes 1024, and almost all of the rest half of it. */
enum { BASE_BYTES = 1024, BASE_LEAST_BYTES = 512, TIMEOUTS_N = 1, MORE_TIMEOUTS_N = 3 };
/* RFC 1191 6.3, RFC 8201 5.3: larger packets are tried again. */
enum { RETRY_S = 600 };
/* RFC 4821 7.1: closer than that a search is at its end. 7.4: enough must follow the probe for its
 * loss to be seen. */
enum { SEARCH_STEP_BYTES = 32, BEHIND_N = 4 };

/* RFC 1191 7.1: a router that does not say. The next plateau below what was too much. */
static uint32_t
guess(uint32_t packet_bytes)
{
    static const uint16_t plateaus[] = {65535, 32000, 17914, 8166, 4352, 2002, 1492, 1006};
    for (size_t i = 0; i < sizeof(plateaus) / sizeof(plateaus[0]); i++)
        if (plateaus[i] < packet_bytes)
            return plateaus[i];
    return MTU_LEAST_V4;
}

static uint32_t
headers_bytes(const struct la_tcp_conn *c, bool ipv6)
{
    return (uint32_t)TCP_HEADER_BYTES + (ipv6 ? IPV6_HEADER_BYTES : IPV4_HEADER_BYTES) +
           la_tcp_option_bytes(c);
}

static void
tell(const struct la_tcp_conn *c, enum la_loss_rule rule, struct la_tcp_todo *todo)
{
    if (!la_tcp_hears(todo->env, LA_EVENT_LOSS))
        return;
    struct la_event ev = {.at = todo->now, .kind = LA_EVENT_LOSS, .segment_id = todo->segment_id};
    ev.u.loss.rule = (uint8_t)rule;
    ev.u.loss.mss = c->smss;
    todo->env->emit(todo->env->ctx, c, &ev);
}

/* ---- less ------------------------------------------------------------------------------- */

/* Larger segments are tried again from `after_s` on, up to what the connection began with. */
static void
reduce(struct la_tcp_conn *c, struct la_tcp_busy *busy, uint32_t smss, uint32_t after_s,
       const struct la_tcp_todo *todo)
{
    struct la_tcp_mtu *mtu = &busy->mtu;
    if (mtu->full == 0)
        mtu->full = c->smss;
    c->smss = (uint16_t)smss;
    mtu->bound = mtu->full;
    mtu->probe_bytes = 0;
    mtu->carried = 0;
    mtu->next_at = la_instant_add_us(todo->now, after_s * LA_US_PER_S);
}

/* Is the segment at `seq` the probe? Then it has failed, and was meant to be able to. */
static bool
is_probe(const struct la_tcp_busy *busy, la_seq seq)
{
    return busy->mtu.probe_bytes != 0 && la_seq_eq(seq, busy->mtu.probe_first);
}

/* A SYN with text (RFC 7413) was too long. It goes again at once, and alone; what it offers is a
 * hint of what the way back may take. False: there was no text with it. */
static bool
syn_too_big(struct la_tcp_conn *c, struct la_tcp_busy *busy, uint32_t mtu_bytes, bool ipv6,
            struct la_tcp_todo *todo)
{
    uint32_t least = ipv6 ? MTU_LEAST_V6 : MTU_LEAST_V4;
    uint32_t headers = /* MSS counts no options */
        (uint32_t)TCP_HEADER_BYTES + (ipv6 ? IPV6_HEADER_BYTES : IPV4_HEADER_BYTES);
    if (busy->fast_open.text_bytes == 0 || (c->flags & LA_TCP_F_SYN_RETRANSMITTED) != 0)
        return false;
    if (busy->cause == LA_CAUSE_RETRANSMIT_MTU)
        return true; /* once */
    if (mtu_bytes != 0) {
        uint32_t smss = (mtu_bytes < least ? least : mtu_bytes) - headers;
        c->rmss = smss < c->rmss ? (uint16_t)smss : c->rmss;
        todo->path_mtu_bytes = (uint16_t)(smss + headers);
    }
    busy->cause = LA_CAUSE_RETRANSMIT_MTU;
    c->want |= LA_TCP_WANT_SYN;
    return true;
}

void
la_tcp_too_big(struct la_tcp_conn *c, la_seq seq, uint32_t mtu_bytes, bool ipv6,
               struct la_tcp_todo *todo)
{
    struct la_tcp_busy *busy = la_tcp_busy(c, todo->env);
    bool ours = busy != NULL && la_seq_ge(seq, c->snd_una) && la_seq_lt(seq, c->snd_nxt);
    if (ours && c->state == LA_TCP_SYN_SENT && syn_too_big(c, busy, mtu_bytes, ipv6, todo))
        return;
    if (!ours || !la_tcp_is_synchronised(c)) {
        todo->reason = LA_REASON_ICMP_UNMATCHED;
        return;
    }
    uint32_t headers = headers_bytes(c, ipv6);
    if (mtu_bytes == 0)
        mtu_bytes = guess((is_probe(busy, seq) ? busy->mtu.probe_bytes : c->smss) + headers);
    uint32_t least = ipv6 ? MTU_LEAST_V6 : MTU_LEAST_V4;
    uint32_t smss = (mtu_bytes < least ? least : mtu_bytes) - headers;
    if (is_probe(busy, seq) && smss >= c->smss && smss < busy->mtu.probe_bytes) {
        busy->mtu.bound = (uint16_t)smss; /* its loss is found as any other */
        return;
    }
    if (smss >= c->smss) {
        todo->reason = LA_REASON_ICMP_IGNORED;
        return;
    }
    if (busy->mtu.carried > smss && c->backoff_n == 0) {
        todo->reason = LA_REASON_ICMP_DOUBTED;
        return;
    }
    reduce(c, busy, smss, RETRY_S, todo);
    todo->path_mtu_bytes = (uint16_t)(smss + headers);
    tell(c, LA_LOSS_MTU_TOLD, todo);
    la_tcp_sent_too_big(c, busy, todo);
}

void
la_tcp_mtu_known(struct la_tcp_conn *c, uint32_t mtu_bytes, bool ipv6, struct la_tcp_todo *todo)
{
    uint32_t headers = headers_bytes(c, ipv6);
    if (mtu_bytes <= headers || mtu_bytes - headers >= c->smss)
        return;
    c->smss = (uint16_t)(mtu_bytes - headers);
    tell(c, LA_LOSS_MTU_KNOWN, todo);
}

/* RFC 4821 7.7: timeouts in a row. What is smaller than the base anyway would fare no better. */
static void
suspect_black_hole(struct la_tcp_conn *c, struct la_tcp_busy *busy, struct la_tcp_todo *todo)
{
    uint32_t base = c->backoff_n >= MORE_TIMEOUTS_N ? BASE_LEAST_BYTES : BASE_BYTES;
    if (!todo->env->cfg->mtu_probing || c->backoff_n < TIMEOUTS_N || c->smss <= base ||
        la_tcp_flight(c) <= base)
        return;
    reduce(c, busy, base, 0, todo);
    tell(c, LA_LOSS_MTU_BLACK_HOLE, todo);
}

/* ---- and more again --------------------------------------------------------------------- */

/* The search goes on between what the path takes and what it may take, or rests. */
static void
search_on(const struct la_tcp_conn *c, struct la_tcp_mtu *mtu, la_instant now)
{
    mtu->probe_bytes = 0;
    mtu->next_at = now;
    if (c->smss >= mtu->full) {
        *mtu = (struct la_tcp_mtu){.carried = mtu->carried};
    } else if (mtu->bound < c->smss + SEARCH_STEP_BYTES) {
        mtu->bound = mtu->full;
        mtu->next_at = la_instant_add_us(now, RETRY_S * LA_US_PER_S);
    }
}

void
la_tcp_mtu_acked(struct la_tcp_conn *c, struct la_tcp_busy *busy, uint32_t octets,
                 struct la_tcp_todo *todo)
{
    struct la_tcp_mtu *mtu = &busy->mtu;
    if (octets >= c->smss)
        mtu->carried = c->smss;
    if (mtu->probe_bytes == 0 ||
        la_seq_lt(c->snd_una, la_seq_add(mtu->probe_first, mtu->probe_bytes)))
        return;
    c->smss = mtu->carried = mtu->probe_bytes;
    search_on(c, mtu, todo->now);
    tell(c, LA_LOSS_MTU_PROBED, todo);
}

static void
fail(struct la_tcp_conn *c, struct la_tcp_busy *busy, struct la_tcp_todo *todo)
{
    struct la_tcp_mtu *mtu = &busy->mtu;
    if (mtu->bound >= mtu->probe_bytes)
        mtu->bound = (uint16_t)(mtu->probe_bytes - 1);
    search_on(c, mtu, todo->now);
    tell(c, LA_LOSS_MTU_PROBE_LOST, todo);
}

bool
la_tcp_mtu_probe_lost(struct la_tcp_conn *c, struct la_tcp_busy *busy, struct la_tcp_todo *todo)
{
    const struct la_tcp_mtu *mtu = &busy->mtu;
    if (mtu->probe_bytes == 0)
        return false;
    struct la_tcp_again again;
    bool by_rack = busy->board.lost_bytes > 0;
    la_seq first = by_rack && la_tcp_rack_next(c, busy, &again) ? again.first : c->snd_una;
    if (!la_seq_eq(first, mtu->probe_first))
        return false; /* 7.6.4: something else was lost before it; it may still arrive */
    bool alone = !by_rack || busy->board.lost_bytes == mtu->probe_bytes;
    fail(c, busy, todo);
    return alone;
}

void
la_tcp_mtu_timed_out(struct la_tcp_conn *c, struct la_tcp_busy *busy, struct la_tcp_todo *todo)
{
    if (busy->mtu.probe_bytes != 0)
        fail(c, busy, todo);
    suspect_black_hole(c, busy, todo);
}

uint32_t
la_tcp_mtu_probe_next(const struct la_tcp_conn *c, const struct la_tcp_busy *busy, uint32_t unsent,
                      la_instant now)
{
    const struct la_tcp_mtu *mtu = &busy->mtu;
    if (mtu->full == 0 || mtu->probe_bytes != 0 || la_instant_lt(now, mtu->next_at) ||
        (busy->phase != LA_CC_SLOW_START && busy->phase != LA_CC_AVOIDANCE))
        return 0;
    /* 7.3: all at once first, since most often the path is as it was; then halves. */
    uint32_t n = mtu->bound == mtu->full ? mtu->full : (c->smss + mtu->bound + 1u) / 2;
    uint32_t needed = n + BEHIND_N * c->smss;
    return unsent >= needed && c->cwnd_bytes >= needed && c->snd_wnd >= needed ? n : 0;
}

void
la_tcp_mtu_probe_sent(struct la_tcp_busy *busy, la_seq first, uint32_t n)
{
    busy->mtu.probe_first = first;
    busy->mtu.probe_bytes = (uint16_t)n;
}
