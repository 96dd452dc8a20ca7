/* SPDX-License-Identifier: MIT
 *
 * fast_open.c - TCP Fast Open, the server: cookies given out, judged, and what they open
 *
 * Read first: stack/fast_open.h; RFC 7413 4.1.2, 4.2.2, 5.1.
 *
 * The hash is that of Linux (SipHash-2-4 of the addresses as they stand in the IP header, from the
 * peer's on): with its key, one can answer for the other behind one address.
 */
#include "stack/fast_open.h"

#include <string.h>

#include "base/addr.h"
#include "base/bytes.h"
#include "base/mem.h"
#include "base/time.h"
#include "tcp/fast_open.h"
#include "tcp/open.h"

enum { COOKIE_BYTES = 8, KEY_S = 12 * 3600, REFUSED_S = 60 };

/* ---- keys ------------------------------------------------------------------------------- */

void
la_fast_opens_init(struct la_stack *s, const struct la_seed *seed)
{
    la_rng_init(&s->fast_opens.rng, seed, "fast open");
}

void
la_fast_opens_fini(struct la_stack *s)
{
    la_stack_fast_open_forget(s);
}

static uint64_t
little64(const uint8_t *p)
{
    uint64_t v = 0;
    for (unsigned i = 8; i-- > 0;)
        v = v << 8 | p[i];
    return v;
}

/* The one that was used so far opens for a while longer. */
static void
next_key(struct la_fast_opens *f, struct la_key key)
{
    f->key[1] = f->keys_n == 0 ? key : f->key[0];
    f->key[0] = key;
    f->keys_n = f->keys_n == 0 ? 1 : 2;
}

void
la_stack_fast_open_key_set(struct la_stack *s, const uint8_t key[LA_FAST_OPEN_KEY_BYTES])
{
    struct la_fast_opens *f = &s->fast_opens;
    if (!f->key_told)
        f->keys_n = 0; /* cookies of a key of our own have no place beside it */
    f->key_told = true;
    next_key(f, (struct la_key){little64(key), little64(key + 8)});
}

/* 4.1.2: the key changes from time to time, unless it is the embedder's. */
static void
rotate_keys(struct la_stack *s)
{
    struct la_fast_opens *f = &s->fast_opens;
    if (f->key_told || (f->keys_n > 0 && la_instant_lt(s->now, f->rotate_at)))
        return;
    bool old = f->keys_n > 0 && la_instant_diff_us(s->now, f->rotate_at) > KEY_S * LA_US_PER_S;
    if (old) /* nobody has asked for so long that the latest one is too old as well */
        f->keys_n = 0;
    struct la_key key;
    key.k0 = la_rng_next(&f->rng);
    key.k1 = la_rng_next(&f->rng);
    next_key(f, key);
    f->rotate_at = la_instant_add_us(s->now, KEY_S * LA_US_PER_S);
}

/* ---- cookies ---------------------------------------------------------------------------- */

static struct la_tcp_cookie
cookie_by(const struct la_key *key, const struct la_tuple *t)
{
    uint8_t octets[2 * sizeof(t->remote.addr.b)];
    size_t skip = la_addr_is_mapped(&t->remote.addr) ? 12 : 0;
    size_t n = sizeof(t->remote.addr.b) - skip;
    memcpy(octets, t->remote.addr.b + skip, n);
    memcpy(octets + n, t->local.addr.b + skip, n);
    uint64_t hash = la_hash(key, (struct la_bytes){octets, 2 * n});
    struct la_tcp_cookie cookie = {.n = COOKIE_BYTES};
    for (unsigned i = 0; i < COOKIE_BYTES; i++, hash >>= 8)
        cookie.bytes[i] = (uint8_t)hash;
    return cookie;
}

struct la_tcp_cookie
la_fast_open_cookie(struct la_stack *s, const struct la_tuple *tuple)
{
    rotate_keys(s);
    return cookie_by(&s->fast_opens.key[0], tuple);
}

/* No early end: how much of it was right is nobody's business. */
static bool
cookie_equal(const struct la_tcp_cookie *a, const struct la_tcp_cookie *b)
{
    unsigned differing = (unsigned)(a->n ^ b->n);
    for (unsigned i = 0; i < COOKIE_BYTES; i++)
        differing |= (unsigned)(a->bytes[i] ^ b->bytes[i]);
    return differing == 0;
}

enum verdict { FOREIGN, FORMER, OURS };

static enum verdict
judge(struct la_stack *s, const struct la_tuple *tuple, const struct la_tcp_cookie *cookie)
{
    struct la_tcp_cookie right = la_fast_open_cookie(s, tuple);
    if (cookie_equal(cookie, &right))
        return OURS;
    right = cookie_by(&s->fast_opens.key[1], tuple);
    return s->fast_opens.keys_n > 1 && cookie_equal(cookie, &right) ? FORMER : FOREIGN;
}

/* ---- how many --------------------------------------------------------------------------- */

/* Those that a RST has ended count in the period when that happened and the one behind it. */
static int64_t
period_now(const struct la_stack *s)
{
    return s->now.ns / (REFUSED_S * LA_NS_PER_S);
}

static void
count_refused(const struct la_stack *s, struct la_listener *l)
{
    int64_t passed = period_now(s) - l->fast_open_period;
    if (passed > 0) {
        l->fast_open_refused_n[1] = passed == 1 ? l->fast_open_refused_n[0] : 0;
        l->fast_open_refused_n[0] = 0;
        l->fast_open_period = period_now(s);
    }
    l->fast_open_refused_n[0]++;
}

uint32_t
la_fast_open_pending(const struct la_stack *s, const struct la_listener *l)
{
    int64_t passed = period_now(s) - l->fast_open_period;
    uint32_t refused_n = passed <= 1 ? l->fast_open_refused_n[0] : 0;
    refused_n += passed == 0 ? l->fast_open_refused_n[1] : 0;
    return l->fast_open_n + refused_n;
}

static bool
has_room(const struct la_stack *s, const struct la_listener *l)
{
    return la_fast_open_pending(s, l) < l->cfg.fast_open_n_max;
}

void
la_fast_open_left(struct la_stack *s, struct la_rec *rec)
{
    struct la_listener *l = la_listener_at(s, rec->listener);
    rec->flags &= (uint8_t)~LA_REC_FAST_OPEN;
    l->fast_open_n--;
    if (rec->tcp.err == LA_ERR_CONNECTION_RESET)
        count_refused(s, l);
}

void
la_fast_open_forget_listener(struct la_stack *s, uint32_t listener)
{
    struct la_listener *l = la_listener_at(s, listener);
    for (uint32_t idx = 0; idx < la_recs_end(s) && l->fast_open_n > 0; idx++) {
        if (!la_rec_exists(s, idx))
            continue;
        struct la_rec *rec = la_rec_at(s, idx);
        if ((rec->flags & LA_REC_FAST_OPEN) == 0 || rec->listener != listener)
            continue;
        rec->flags &= (uint8_t)~LA_REC_FAST_OPEN;
        l->fast_open_n--;
    }
}

/* ---- a SYN ------------------------------------------------------------------------------ */

bool
la_fast_open_tells(struct la_stack *s, uint32_t listener, const struct la_tcp_seg *syn)
{
    const struct la_listener *l = la_listener_at(s, listener);
    return (syn->has & LA_TCP_HAS_FAST_OPEN) != 0 && l->cfg.fast_open_n_max > 0 && has_room(s, l);
}

/* 4.2.2: the connection is there before the handshake is complete, and waits to be accepted. */
static bool
open_now(struct la_stack *s, const struct la_half_open *open, const struct la_tcp_seg *syn,
         bool tells, struct la_tcp_todo *todo)
{
    struct la_listener *l = la_listener_at(s, open->listener);
    uint32_t idx;
    if (la_rec_new(s, &open->tuple, &l->cfg, open->iface, &idx) != LA_OK)
        return false;
    struct la_rec *rec = la_rec_at(s, idx);
    rec->listener = (uint16_t)open->listener;
    rec->flags |= LA_REC_FAST_OPEN;
    l->fast_open_n++;
    l->fast_opens_n++;
    if (todo->follows)
        la_tcp_open_beyond(&rec->tcp, todo->follows_nxt);
    la_tcp_open_passive(&rec->tcp, syn, false, todo);
    if (tells) {
        struct la_tcp_cookie cookie = la_fast_open_cookie(s, &open->tuple);
        cookie.experiment = syn->cookie.experiment;
        la_tcp_fast_open_reply(&rec->tcp, &cookie, todo);
    }
    la_tcp_fast_open_take(&rec->tcp, todo);
    la_listener_established(s, idx);
    la_rec_settle(s, idx, todo);
    if (todo->reason == LA_REASON_NONE)
        todo->reason = LA_REASON_FAST_OPEN;
    return true;
}

bool
la_fast_open_take(struct la_stack *s, const struct la_half_open *open, const struct la_tcp_seg *syn,
                  struct la_tcp_todo *todo)
{
    const struct la_listener *l = la_listener_at(s, open->listener);
    bool has = (syn->has & LA_TCP_HAS_FAST_OPEN) != 0 && syn->cookie.n > 0;
    bool bare = l->cfg.fast_open_bare && syn->text_bytes > 0;
    if ((!has && !bare) || l->cfg.fast_open_n_max == 0)
        return false;
    if (!has_room(s, l)) { /* 5.1: as if there were no such thing, for now */
        todo->reason = LA_REASON_FAST_OPEN_LIMIT;
        return false;
    }
    enum verdict verdict = bare ? OURS : judge(s, &open->tuple, &syn->cookie);
    if (verdict == FOREIGN) {
        todo->reason = LA_REASON_FAST_OPEN_COOKIE;
        return false;
    }
    return open_now(s, open, syn, verdict == FORMER, todo);
}
