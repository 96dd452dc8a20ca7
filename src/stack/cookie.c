/* SPDX-License-Identifier: MIT
 *
 * cookie.c - SYN cookies, made and taken
 *
 * Read first: stack/cookie.h; RFC 4987 3.6 and appendix A; RFC 7323 5.4 (the timestamp clock).
 *
 * ISS, from the top: 28 bits of SipHash-2-4 over the four-tuple, the peer's ISN and all that the
 * rest encodes; 1 bit that says which of two keys; 3 bits of MSS. A key is used for KEY_S seconds
 * and understood for KEY_S more, then it is gone. A guess is right once in 2^28 times, and only
 * where a cookie was given out within that time.
 *
 * Timestamp, the lowest OPTION_BITS of it: what the SYN offered. They must not run ahead of the
 * clock, or the next segment would look older than this one: 64 ms earlier then.
 *
 * A flood asks for the same again and again. What tcp/ has made of one such SYN is kept as a
 * stencil, and the next answers are written with it: octet by octet what tcp/ would make. Where an
 * answer depends on more (somebody listens, or memory is short), tcp/ makes it.
 *
 * A lost third segment: nobody sends the SYN,ACK again. The peer's first text brings the cookie
 * once more; a peer that waits for the server to speak waits for ever (RFC 4987 3.6).
 */
#include "stack/cookie.h"

#include "base/assert.h"
#include "base/time.h"
#include "tcp/accecn.h"
#include "tcp/arrive.h"
#include "tcp/kinds.h"
#include "tcp/open.h"
#include "tcp/receive.h"
#include "tcp/rtt.h"
#include "tcp/segment.h"
#include "wire/ip.h"

enum { KEY_S = 64, MSS_BITS = 3, KEY_BIT = 1 << MSS_BITS, LOW_BITS = MSS_BITS + 1 };
enum { OPTION_BITS = 6, OPTION_MASK = (1 << OPTION_BITS) - 1 };
enum { OPTION_NO_SCALE = 15, OPTION_SACK = 16, OPTION_ECN = 32 };
/* Not in the timestamp: that there was one. Else a third segment that has lost it, or been given
 * one, on its way could bring the cookie of another SYN, and the two ends disagree from the
 * beginning. */
enum { OPTION_STAMPED = 64 };
/* Only among answers: how the SYN came, where accurate ECN is agreed. */
enum { KIND_ACCURATE = 128, KIND_ECN_SHIFT = 8 };

/* From small links to jumbo frames; the two in the middle are those of most of the Internet. */
static const uint16_t mss_table[1 << MSS_BITS] = {64, 216, 536, 1220, 1380, 1440, 1460, 8960};

/* ---- keys ------------------------------------------------------------------------------- */

static int64_t
age_now(const struct la_stack *s)
{
    return s->now.ns / (KEY_S * LA_NS_PER_S);
}

/* The key that is used now; the one before it stays, if it was the last age's. */
static void
rotate_keys(struct la_stack *s)
{
    struct la_cookies *k = &s->cookies;
    int64_t age = age_now(s);
    if (k->age == age && k->used)
        return;
    bool next = k->used && k->age + 1 == age;
    for (int64_t a = next ? age : age - 1; a <= age; a++) {
        struct la_key *key = &k->key[a & 1];
        key->k0 = la_rng_next(&k->rng);
        key->k1 = la_rng_next(&k->rng);
    }
    k->age = age;
    k->used = true;
}

/* ---- the cookie ------------------------------------------------------------------------- */

/* What a cookie is about. `low`: the lowest bits of the ISS. */
static uint32_t
cookie(const struct la_stack *s, const struct la_tuple *t, la_seq irs, unsigned low,
       unsigned options)
{
    uint64_t words[LA_TUPLE_WORDS_MAX];
    size_t n = la_tuple_words(t, words);
    words[n - 1] = words[n - 1] << 32 | irs.v; /* behind the ports */
    const struct la_key *key = &s->cookies.key[(low & KEY_BIT) != 0];
    uint64_t hash = la_hash_words_and(key, words, n, low << 16 | options);
    return (uint32_t)(hash << LOW_BITS) | low;
}

static unsigned
mss_index(uint16_t mss)
{
    unsigned i = (1u << MSS_BITS) - 1;
    while (i > 0 && mss_table[i] > mss)
        i--;
    return i;
}

/* For that of RFC 3168? */
static bool
asks_for_ecn(const struct la_tcp_seg *syn)
{
    const unsigned ecn = LA_TCP_ECE | LA_TCP_CWR;
    return (syn->flags & ecn) == ecn;
}

/* Accurate ECN is asked for, and agreed to here. Nothing of it need be remembered: its
 * acknowledgement will say so (RFC 9768 5.1). */
static bool
is_accurate(const struct la_listener *l, const struct la_tcp_seg *syn)
{
    return l->cfg.ecn >= LA_ECN_ACCURATE_ASK && la_tcp_accecn_is_asked(syn->flags);
}

/* What the SYN offers, in OPTION_BITS. */
static unsigned
options_of(const struct la_tcp_seg *syn)
{
    unsigned options = OPTION_NO_SCALE;
    if ((syn->has & LA_TCP_HAS_WSCALE) != 0)
        options = syn->wscale < OPTION_NO_SCALE ? syn->wscale : OPTION_NO_SCALE - 1;
    options |= (syn->has & LA_TCP_HAS_SACK_PERMITTED) != 0 ? OPTION_SACK : 0;
    options |= asks_for_ecn(syn) ? OPTION_ECN : 0;
    return options;
}

/* The SYN as far as a cookie remembers it. */
static struct la_tcp_seg
remembered_syn(la_seq irs, unsigned mss_idx, bool stamped, unsigned options)
{
    struct la_tcp_seg syn = {.seq = irs,
                             .len = 1,
                             .flags = LA_TCP_SYN,
                             .has = LA_TCP_HAS_MSS,
                             .mss = mss_table[mss_idx]};
    if (!stamped)
        return syn;
    syn.has |= LA_TCP_HAS_TIMESTAMPS;
    if ((options & OPTION_NO_SCALE) != OPTION_NO_SCALE)
        syn.has |= LA_TCP_HAS_WSCALE;
    syn.wscale = (uint8_t)(options & OPTION_NO_SCALE);
    syn.has |= (options & OPTION_SACK) != 0 ? LA_TCP_HAS_SACK_PERMITTED : 0;
    syn.flags |= (options & OPTION_ECN) != 0 ? LA_TCP_ECE | LA_TCP_CWR : 0;
    return syn;
}

static bool
is_stamped(const struct la_listener *l, const struct la_tcp_seg *seg)
{
    return l->cfg.timestamps && (seg->has & LA_TCP_HAS_TIMESTAMPS) != 0;
}

/* ---- given out -------------------------------------------------------------------------- */

bool
la_cookie_wanted(const struct la_stack *s, uint32_t listener, const struct la_tcp_todo *todo)
{
    /* The ISS that follows an incarnation in TIME-WAIT must be beyond the old one's numbers. */
    if (s->cfg.syn_cookies == LA_SYN_COOKIES_NEVER || todo->follows)
        return false;
    return s->cfg.syn_cookies == LA_SYN_COOKIES_ALWAYS ||
           la_listener_at(s, listener)->syn_queue_n >= s->cfg.syn_queue_n_max;
}

/* TSval by a clock, so that its lowest bits are `options`. */
static uint32_t
stamp_with(uint32_t clock, unsigned options)
{
    uint32_t stamp = (clock & ~(uint32_t)OPTION_MASK) | (options & OPTION_MASK);
    return stamp - clock - 1 < OPTION_MASK ? stamp - (OPTION_MASK + 1) : stamp;
}

/* A SYN to be answered, as far as the cookie remembers it, and what the cookie is. */
struct asked {
    const struct la_half_open *open;
    la_seq irs, iss;
    uint32_t ts_val;
    unsigned mss_idx, options; /* options 0: without timestamps */
    bool accurate;             /* accurate ECN */
    uint8_t ecn;               /* IP's ECN field of the SYN */
};

/* What of a SYN decides how the answer looks, besides its numbers: which options it has, but not
 * the window scale that it says. */
static unsigned
kind_of(const struct asked *asked)
{
    unsigned options = asked->options;
    unsigned marks = asked->accurate ? KIND_ACCURATE | (unsigned)asked->ecn << KIND_ECN_SHIFT : 0;
    return marks | (options & ~(unsigned)OPTION_NO_SCALE) |
           ((options & OPTION_NO_SCALE) == OPTION_NO_SCALE);
}

/* Would answers to SYNs like this one differ in nothing but what a stencil has from each? */
static bool
is_regular(const struct la_stack *s, const struct la_listener *l)
{
    return s->env.trace_mask == 0 && la_tcp_receive_is_free(&l->fresh, &s->env);
}

/* As tcp/ makes it. False: no route. */
static bool
answer_anew(struct la_stack *s, const struct asked *asked, struct la_tcp_todo *todo)
{
    struct la_rec rec;
    if (!la_half_rec_init(s, asked->open, asked->iss, &rec))
        return false;
    struct la_tcp_seg syn =
        remembered_syn(asked->irs, asked->mss_idx, asked->options != 0, asked->options);
    syn.ts_val = asked->ts_val;
    syn.flags |= asked->accurate ? LA_TCP_ACE_MASK : 0;
    rec.tcp.name = LA_REC_NONE;
    /* No connection begins: the listener stays in LISTEN. */
    la_tcp_take_syn(&rec.tcp, &syn, todo);
    if (asked->options != 0) {
        uint32_t clock = la_tcp_ts_now(&rec.tcp, todo->now);
        rec.tcp.ts_offset += stamp_with(clock, asked->options) - clock;
    }
    struct la_frame *frame;
    struct la_tcp_out out = {
        .frames = &frame, .max = 1, .src_port = rec.local_port, .dst_port = rec.remote_port};
    la_tcp_output_cookie(&rec.tcp, &out, todo);
    struct la_listener *l = la_listener_at(s, asked->open->listener);
    struct la_tcp_view view;
    if (out.n == 1 && is_regular(s, l) &&
        la_tcp_view_init(&view, (struct la_bytes){frame->head, frame->head_n})) {
        la_tcp_stencil_init(&l->cookie_form.stencil, &view);
        l->cookie_form.kind = kind_of(asked);
    }
    la_rec_send_frames(s, &rec, &out, todo->now);
    return true;
}

static void
send_again(struct la_stack *s, const struct asked *asked, uint32_t ts_offset,
           struct la_tcp_todo *todo)
{
    const struct la_tuple *tuple = &asked->open->tuple;
    const struct la_listener *l = la_listener_at(s, asked->open->listener);
    const struct la_tcp_stencil *stencil = &l->cookie_form.stencil;
    struct la_frame *frame = la_tcp_bare_frame(todo);
    if (frame == NULL)
        return;
    struct la_tcp_stencil_numbers numbers = {
        .src_port = tuple->local.port,
        .dst_port = tuple->remote.port,
        .seq = asked->iss,
        .ack = la_seq_add(asked->irs, 1),
        .ts_val = stamp_with(la_tcp_ts_at(ts_offset, todo->now), asked->options),
        .ts_ecr = asked->ts_val,
    };
    struct la_net_out out = {
        .src = tuple->local.addr,
        .dst = tuple->remote.addr,
        .protocol = LA_IP_TCP,
        .ttl_hops = l->fresh.ttl_hops,
        .dscp_ecn = l->fresh.dscp_ecn,
        .dont_fragment = true,
        .summed = true,
    };
    out.l4_sum = la_tcp_stencil_emit(stencil, &numbers, la_frame_push(frame, stencil->n));
    frame->id = ++s->env.segment_id;
    s->stats.tcp_segments_out++;
    la_err err = la_net_output(s->net, frame, &out, todo->now);
    (void)err; /* as good as lost on its way */
}

/* As the last one was made, to the octet. False: it would be another. */
static bool
answer_again(struct la_stack *s, const struct asked *asked, struct la_tcp_todo *todo)
{
    const struct la_listener *l = la_listener_at(s, asked->open->listener);
    const struct la_cookie_form *form = &l->cookie_form;
    struct la_tcp_open opening;
    if (form->stencil.n == 0 || form->kind != kind_of(asked) || !is_regular(s, l) ||
        !la_rec_opening(s, &asked->open->tuple, &l->cfg, &opening) ||
        opening.mtu_bytes != l->fresh_mtu_bytes || opening.ipv6 != l->fresh_ipv6)
        return false;
    send_again(s, asked, opening.ts_offset, todo);
    return true;
}

void
la_cookie_answer(struct la_stack *s, const struct la_half_open *open, const struct la_tcp_seg *syn,
                 struct la_tcp_todo *todo)
{
    rotate_keys(s);
    struct la_listener *l = la_listener_at(s, open->listener);
    bool stamped = is_stamped(l, syn);
    bool accurate = is_accurate(l, syn);
    unsigned options = stamped ? options_of(syn) | OPTION_STAMPED : 0;
    options &= accurate ? ~(unsigned)OPTION_ECN : ~0u;
    unsigned mss_idx = mss_index((syn->has & LA_TCP_HAS_MSS) != 0 ? syn->mss : 536);
    unsigned low = mss_idx | ((s->cookies.age & 1) != 0 ? KEY_BIT : 0u);
    struct asked asked = {
        .open = open,
        .irs = syn->seq,
        .iss = la_seq_of(cookie(s, &open->tuple, syn->seq, low, options)),
        .ts_val = syn->ts_val,
        .mss_idx = mss_idx,
        .options = options,
        .accurate = accurate,
        .ecn = todo->ecn,
    };
    if (!answer_again(s, &asked, todo) && !answer_anew(s, &asked, todo)) {
        todo->reason = LA_REASON_NO_ROUTE;
        return;
    }
    l->cookie_at = todo->now;
    l->cookies_sent_n++;
    todo->reason = stamped ? LA_REASON_SYN_COOKIE : LA_REASON_SYN_COOKIE_PLAIN;
}

/* ---- taken ------------------------------------------------------------------------------ */

/* Can a cookie that this listener gave out still come back? */
static bool
is_awaited(const struct la_stack *s, const struct la_listener *l)
{
    return l->cookies_sent_n > 0 &&
           la_instant_diff_us(s->now, l->cookie_at) < 2 * KEY_S * LA_US_PER_S;
}

/* Becomes a connection, by all the edges of the figure at once. */
static void
complete(struct la_stack *s, const struct la_half_open *open, const struct la_tcp_seg *syn,
         const struct la_tcp_seg *seg, struct la_tcp_todo *todo)
{
    struct la_rec rec;
    (void)la_half_rec_init(s, open, la_seq_sub(seg->ack, 1), &rec);
    uint32_t reserved = la_half_reserve(s, &rec);
    if (reserved == LA_REC_NONE) {
        todo->reason = LA_REASON_NO_MEMORY;
        return;
    }
    struct la_tcp_conn *c = &rec.tcp;
    s->state_n[LA_TCP_SYN_RECEIVED]++;
    la_tcp_open_passive(c, syn, false, todo);
    c->want = 0;
    c->snd_nxt = seg->ack;
    (void)la_tcp_receive_window(c, &s->env, true);
    la_tcp_arrive(c, seg, todo);
    s->state_n[LA_TCP_SYN_RECEIVED]--;
    if (todo->established) {
        la_listener_at(s, open->listener)->cookies_taken_n++;
        la_half_promote(s, reserved, &rec, todo);
        return;
    }
    la_tcp_end(c, LA_TCP_EV_FORGET, LA_OK, todo); /* a segment that the window does not take */
    la_tcp_conn_fini(c, &s->env);
    la_rec_give(s, reserved);
}

bool
la_cookie_arrive(struct la_stack *s, const struct la_half_open *open, const struct la_tcp_seg *seg,
                 struct la_tcp_todo *todo)
{
    struct la_listener *l = la_listener_at(s, open->listener);
    if ((seg->flags & (LA_TCP_ACK | LA_TCP_SYN | LA_TCP_RST)) != LA_TCP_ACK || !is_awaited(s, l))
        return false;
    rotate_keys(s);
    la_seq irs = la_seq_sub(seg->seq, 1);
    uint32_t iss = seg->ack.v - 1;
    bool stamped = is_stamped(l, seg);
    unsigned low = iss & ((1u << LOW_BITS) - 1),
             options = stamped ? (seg->ts_ecr & OPTION_MASK) | OPTION_STAMPED : 0;
    if (cookie(s, &open->tuple, irs, low, options) != iss) {
        l->cookies_bad_n++;
        return false;
    }
    if (!la_listener_has_room(s, open->listener)) {
        todo->reason = LA_REASON_ACCEPT_QUEUE_FULL;
        l->accept_dropped_n++;
        return true;
    }
    struct la_tcp_seg syn = remembered_syn(irs, low & ((1u << MSS_BITS) - 1), stamped, options);
    syn.ts_val = seg->ts_val;
    if (l->cfg.ecn >= LA_ECN_ACCURATE_ASK && la_tcp_accecn_is_kept(seg))
        syn.flags |= LA_TCP_ACE_MASK;
    complete(s, open, &syn, seg, todo);
    return true;
}
