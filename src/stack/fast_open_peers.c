/* SPDX-License-Identifier: MIT
 *
 * fast_open_peers.c - TCP Fast Open, the client: cookies of others, and how they served
 *
 * Read first: stack/fast_open.h; RFC 7413 4.1.3, 4.2.1.
 *
 * A table of fixed size: SETS_N sets of WAYS_N, chosen by a keyed hash of the peer's address; the
 * one used longest ago gives way. It is there once a cookie has come.
 *
 * Negative responses (4.1.3.1) make SYNs to that peer ordinary ones for a while, longer each time:
 * an answer without a cookie to one that asked, or to one with text that is left unacknowledged;
 * and the second SYN in a row that had to be sent again, for one may be bad luck.
 */
#include "stack/fast_open.h"

#include <string.h>

#include "base/addr.h"
#include "base/mem.h"
#include "base/time.h"
#include "tcp/fast_open.h"

enum { SETS_N = 256, WAYS_N = 4, FAILED_BEARABLE_N = 1, FAILED_N_MAX = 10, PAUSE_S = 60 };

struct la_fast_open_peer {
    struct la_addr addr;
    struct la_tcp_cookie cookie; /* n is 0: none */
    uint16_t mss;                /* 0: not announced */
    uint8_t failed_n;            /* negative responses in a row */
    bool used;
    uint32_t used_s;  /* seconds of the stack's clock, modulo 2^32 */
    uint32_t again_s; /* with failed_n > FAILED_BEARABLE_N: not before */
};

static uint32_t
seconds(const struct la_stack *s)
{
    return (uint32_t)(uint64_t)(s->now.ns / LA_NS_PER_S);
}

static struct la_fast_open_peer *
set_of(const struct la_stack *s, const struct la_addr *addr)
{
    uint64_t words[2];
    memcpy(words, addr->b, sizeof(words));
    return s->fast_opens.peers + la_hash_words(&s->index_key, words, 2) % SETS_N * WAYS_N;
}

/* NULL: nothing is known. */
static struct la_fast_open_peer *
find(const struct la_stack *s, const struct la_addr *addr)
{
    if (s->fast_opens.peers == NULL)
        return NULL;
    struct la_fast_open_peer *set = set_of(s, addr);
    for (unsigned i = 0; i < WAYS_N; i++) {
        if (set[i].used && la_addr_equal(&set[i].addr, addr))
            return &set[i];
    }
    return NULL;
}

static struct la_fast_open_peer *
find_or_make(struct la_stack *s, const struct la_addr *addr)
{
    struct la_fast_open_peer *peer = find(s, addr);
    if (peer != NULL)
        return peer;
    if (s->fast_opens.peers == NULL) {
        size_t bytes = sizeof(*peer) * SETS_N * WAYS_N;
        s->fast_opens.peers = la_mem_take(s->mem, bytes);
        if (s->fast_opens.peers == NULL)
            return NULL;
        memset(s->fast_opens.peers, 0, bytes);
        s->fast_opens.peers_bytes = bytes;
    }
    peer = set_of(s, addr);
    for (unsigned i = 1; i < WAYS_N && peer->used; i++) {
        struct la_fast_open_peer *other = set_of(s, addr) + i;
        if (!other->used || (int32_t)(other->used_s - peer->used_s) < 0)
            peer = other;
    }
    *peer = (struct la_fast_open_peer){.addr = *addr, .used = true};
    return peer;
}

static bool
pauses(const struct la_stack *s, const struct la_fast_open_peer *peer)
{
    return peer->failed_n > FAILED_BEARABLE_N && (int32_t)(peer->again_s - seconds(s)) > 0;
}

void
la_stack_fast_open_forget(struct la_stack *s)
{
    if (s->fast_opens.peers != NULL)
        la_mem_give(s->mem, s->fast_opens.peers, s->fast_opens.peers_bytes);
    s->fast_opens.peers = NULL;
}

bool
la_stack_fast_open_known(const struct la_stack *s, const struct la_addr *remote)
{
    const struct la_fast_open_peer *peer = find(s, remote);
    return s->cfg.tcp.fast_open_bare || (peer != NULL && peer->cookie.n > 0 && !pauses(s, peer));
}

la_err
la_conn_fast_open_room(const struct la_stack *s, la_handle conn, uint32_t *out)
{
    uint32_t idx = la_rec_owned(s, conn);
    *out = 0;
    if (idx == LA_REC_NONE)
        return LA_ERR_BAD_HANDLE;
    const struct la_tcp_conn *c = &la_rec_at(s, idx)->tcp;
    const struct la_tcp_busy *busy = la_tcp_busy(c, &s->env);
    if (busy != NULL && c->fast_open == LA_TCP_FAST_OPEN_ASKS &&
        (busy->fast_open.cookie.n > 0 || busy->fast_open.bare) && la_seq_eq(c->snd_nxt, c->iss))
        *out = la_tcp_fast_open_room(c, busy->fast_open.mss);
    return LA_OK;
}

void
la_fast_open_begin(struct la_stack *s, struct la_rec *rec, struct la_tcp_todo *todo)
{
    struct la_addr remote = la_rec_remote(rec);
    struct la_fast_open_peer *peer = find(s, &remote);
    struct la_tcp_cookie none = {.n = 0};
    if (s->cfg.tcp.fast_open_bare) { /* RFC 7413 4.1.3: both ends' administrators have said so */
        uint16_t mss = peer == NULL || peer->mss == 0 ? rec->tcp.rmss : peer->mss;
        la_tcp_fast_open_ask(&rec->tcp, &none, mss, todo);
        struct la_tcp_busy *busy = la_tcp_busy(&rec->tcp, &s->env);
        if (busy != NULL)
            busy->fast_open.bare = true;
        return;
    }
    if (peer == NULL) {
        la_tcp_fast_open_ask(&rec->tcp, &none, 0, todo);
        return;
    }
    peer->used_s = seconds(s);
    if (pauses(s, peer))
        return;
    la_tcp_fast_open_ask(&rec->tcp, &peer->cookie, peer->mss, todo);
    s->isn_past += la_tcp_fast_open_room(&rec->tcp, peer->mss);
}

struct la_fast_open_asked
la_fast_open_asked(const struct la_stack *s, const struct la_tcp_conn *c)
{
    const struct la_tcp_busy *busy = la_tcp_busy(c, &s->env);
    bool asked = c->fast_open == LA_TCP_FAST_OPEN_ASKS && busy != NULL;
    bool bare = asked && busy->fast_open.bare;
    return (struct la_fast_open_asked){asked, asked && !bare && busy->fast_open.cookie.n == 0, bare,
                                       asked ? busy->fast_open.text_bytes : 0};
}

/* `surely`: by an answer, not for want of one. */
static void
failed(const struct la_stack *s, struct la_fast_open_peer *peer, bool surely)
{
    if (surely && peer->failed_n < FAILED_BEARABLE_N)
        peer->failed_n = FAILED_BEARABLE_N;
    peer->failed_n = (uint8_t)(peer->failed_n < FAILED_N_MAX ? peer->failed_n + 1 : FAILED_N_MAX);
    peer->again_s = seconds(s) + ((uint32_t)PAUSE_S << peer->failed_n);
}

void
la_fast_open_unanswered(struct la_stack *s, const struct la_rec *rec)
{
    struct la_addr remote = la_rec_remote(rec);
    struct la_fast_open_peer *peer = find(s, &remote);
    if (peer != NULL)
        failed(s, peer, false);
}

void
la_fast_open_learn(struct la_stack *s, const struct la_rec *rec,
                   const struct la_fast_open_asked *asked, const struct la_tcp_seg *seg)
{
    bool told = (seg->has & LA_TCP_HAS_FAST_OPEN) != 0 && seg->cookie.n > 0 && !asked->bare;
    bool again = (rec->tcp.flags & LA_TCP_F_SYN_RETRANSMITTED) != 0;
    bool unheeded = !told && (asked->wished || (asked->text_bytes > 0 && !rec->tcp.fast_opened));
    struct la_addr remote = la_rec_remote(rec);
    struct la_fast_open_peer *peer =
        told || asked->bare || (unheeded && !again) ? find_or_make(s, &remote) : find(s, &remote);
    if (peer == NULL)
        return;
    peer->used_s = seconds(s);
    if (told)
        peer->cookie = seg->cookie;
    if ((seg->has & LA_TCP_HAS_MSS) != 0)
        peer->mss = seg->mss;
    if (again || unheeded)
        failed(s, peer, !again);
    else
        peer->failed_n = 0;
}
