/* SPDX-License-Identifier: MIT
 *
 * live_take.c - the scripted peer takes what the host sends: every packet must be sound
 *
 * Lengths and checksums are right, and each octet of text is the one that the application sent at
 * that place, first time or again.
 */
#include "live.h"

#include "base/bytes.h"
#include "base/checksum.h"
#include "wire/tcp.h"

#include <string.h>

enum { BATCH = 16, ROUNDS_MAX = 4096, MTU = 1500 };

/* A packet of the host's, taken apart. */
struct taken {
    const uint8_t *p;
    size_t n, header_n;
    struct la_tcp_seg seg;
    const uint8_t *text;
};

/* False: it is no TCP. */
static bool
take_apart(const uint8_t *p, size_t n, struct taken *out)
{
    struct la_tcp_view view;
    bool v6 = p[0] >> 4 == 6;
    live_must(n >= (v6 ? 40u : 20u) && n <= MTU && (v6 || p[0] == 0x45));
    live_must((v6 ? la_get16(p + 4) + 40u : la_get16(p + 2)) == n);
    live_must(v6 || la_sum_portable(p, 20) == 0xffff);
    size_t header_n = v6 ? 40 : 20;
    uint8_t protocol = v6 ? p[6] : p[9];
    *out = (struct taken){.p = p, .n = n, .header_n = header_n};
    if (protocol == 1)
        live_must(la_sum_portable(p + header_n, n - header_n) == 0xffff);
    if (protocol != 6 && protocol != 58)
        return false;
    uint32_t sum = la_sum_portable(v6 ? p + 8 : p + 12, v6 ? 32 : 8);
    sum += protocol + (uint32_t)(n - header_n) + la_sum_portable(p + header_n, n - header_n);
    live_must(la_sum_fold(sum) == 0xffff);
    if (protocol != 6)
        return false;
    live_must(la_tcp_view_init(&view, (struct la_bytes){p + header_n, n - header_n}));
    la_tcp_seg_judge(&out->seg, &view, (uint32_t)(n - header_n - view.header_bytes));
    live_must((out->seg.has & (LA_TCP_HAS_MALFORMED | LA_TCP_HAS_UNKNOWN)) == 0);
    out->text = p + header_n + view.header_bytes;
    return true;
}

static struct live_slot *
slot_of(struct live_peer *peer, const struct la_tcp_seg *seg)
{
    unsigned idx = (unsigned)(seg->dst_port - LIVE_PEER_PORT);
    if (idx >= LIVE_SLOTS_N)
        return NULL;
    struct live_slot *s = &peer->slot[idx];
    return (seg->flags & LA_TCP_SYN) != 0 || seg->src_port == s->host_port ? s : NULL;
}

/* The host's SYN begins a connection, perhaps again. */
static void
take_syn(struct live_slot *s, const struct la_tcp_seg *seg)
{
    s->host_port = seg->src_port;
    s->host_iss = seg->seq.v;
    s->host_nxt = seg->seq.v + 1;
    s->host_timestamps = (seg->has & LA_TCP_HAS_TIMESTAMPS) != 0;
    s->host_wscale = (seg->has & LA_TCP_HAS_WSCALE) != 0 ? seg->wscale : 0;
    s->host_heard = true;
}

/* True: the peer owes an answer. */
static bool
take_segment(struct live_slot *s, const struct taken *t)
{
    const struct la_tcp_seg *seg = &t->seg;
    s->last_n = t->n < LIVE_LAST_BYTES ? t->n : LIVE_LAST_BYTES;
    memcpy(s->last, t->p, s->last_n);
    if ((seg->flags & LA_TCP_RST) != 0)
        return false;
    bool syn = (seg->flags & LA_TCP_SYN) != 0;
    if (syn)
        take_syn(s, seg);
    if (!s->host_heard)
        return false;
    uint32_t position = seg->seq.v + syn - s->host_iss - 1;
    for (uint32_t i = 0; i < seg->text_bytes; i++)
        live_must(t->text[i] == live_sent_octet(position + i));
    if ((seg->has & LA_TCP_HAS_TIMESTAMPS) != 0)
        s->ts_echo = seg->ts_val;
    if ((seg->flags & LA_TCP_ACK) != 0) {
        s->host_ack = seg->ack.v;
        s->host_edge = seg->ack.v + ((uint32_t)seg->wnd << (syn ? 0 : s->host_wscale));
    }
    uint32_t end = seg->seq.v + seg->len;
    if ((int32_t)(end - s->host_nxt) > 0)
        s->host_nxt = end;
    return seg->len > 0;
}

void
live_peer_take(struct live_peer *peer)
{
    bool owes[LIVE_SLOTS_N] = {false};
    struct la_frame *frames[BATCH];
    uint8_t p[MTU + 1];
    struct taken t;
    for (unsigned rounds = 0; la_stack_has_output(peer->stack); rounds++) {
        live_must(rounds < ROUNDS_MAX);
        size_t n = la_stack_output(peer->stack, 0, frames, BATCH, peer->now);
        for (size_t i = 0; i < n; i++) {
            size_t packet_n = la_frame_copy_out(frames[i], 0, p, sizeof(p));
            la_frame_free(frames[i]);
            if (!take_apart(p, packet_n, &t))
                continue;
            struct live_slot *s = slot_of(peer, &t.seg);
            if (s != NULL && take_segment(s, &t))
                owes[s - peer->slot] = true;
        }
        if (n < BATCH)
            break;
    }
    for (unsigned i = 0; i < LIVE_SLOTS_N; i++) {
        if (owes[i] && peer->slot[i].answers)
            live_peer_answer(peer, &peer->slot[i]);
    }
}
