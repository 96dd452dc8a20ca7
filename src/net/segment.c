/* SPDX-License-Identifier: MIT
 *
 * segment.c - cutting a super-segment into segments of gso_size octets
 *
 * Read first: RFC 9293 3.1; RFC 3168 6.1.2 (CWR goes out once).
 *
 * The pieces share the payload's blocks; only the headers are copied. What a device with
 * segmentation offload does: sequence numbers advance, FIN and PSH stay with the last piece, CWR
 * with the first; the identification, where one is needed, counts up.
 */
#include "net/internal.h"

#include <string.h>

#include "base/assert.h"
#include "wire/ip4.h"
#include "wire/ip6.h"
#include "wire/tcp.h"

/* IPv4 without options or IPv6 without extensions, and TCP: what la_net_output() makes. */
enum { HEADERS_BYTES_MAX = LA_IP6_HEADER_BYTES + LA_TCP_HEADER_BYTES_MAX };

struct headers {
    uint8_t bytes[HEADERS_BYTES_MAX]; /* of a piece of gso_size octets */
    uint32_t ip_n;
    uint32_t n;
    bool v4;
    bool identified;
};

/* Lengths and checksums of `old_len` octets of text become those of `new_len`. */
static void
put_lengths(const struct headers *h, uint8_t *p, uint32_t old_len, uint32_t new_len)
{
    uint32_t tcp_n = h->n - h->ip_n;
    uint8_t *tcp = p + h->ip_n;
    if (h->v4) {
        uint16_t old_total = la_get16(p + 2), total = (uint16_t)(h->n + new_len);
        la_put16(p + 2, total);
        la_put16(p + 10, la_sum_update(la_get16(p + 10), old_total, total));
    } else {
        la_put16(p + 4, (uint16_t)(tcp_n + new_len));
    }
    /* The field holds the pseudo-header's sum. One's complement: subtracting is adding the inverse;
     * lengths fit 16 bits here. */
    uint32_t sum = la_get16(tcp + 16) + (uint16_t) ~(tcp_n + old_len) + (tcp_n + new_len);
    la_put16(tcp + 16, la_sum_fold(sum));
}

static void
headers_take(struct headers *h, struct la_frame *frame)
{
    h->v4 = frame->gso_kind == LA_GSO_TCPV4;
    h->ip_n = h->v4 ? LA_IP4_HEADER_BYTES : LA_IP6_HEADER_BYTES;
    LA_ASSERT(frame->head_n >= h->ip_n + LA_TCP_HEADER_BYTES);
    h->n = h->ip_n + (uint32_t)(frame->head[h->ip_n + 12] >> 4) * 4;
    LA_ASSERT(frame->head_n >= h->n && h->n <= HEADERS_BYTES_MAX);
    memcpy(h->bytes, frame->head, h->n);
    /* RFC 6864 4.1: what may not be fragmented needs no identification. */
    h->identified = h->v4 && (h->bytes[6] & 0x40) == 0;
    put_lengths(h, h->bytes, (uint32_t)la_frame_octets(frame) - h->n, frame->gso_size);
    la_frame_pull(frame, h->n);
}

static void
put_id(uint8_t *p, uint32_t idx)
{
    uint16_t old_id = la_get16(p + 4), id = (uint16_t)(old_id + idx);
    la_put16(p + 4, id);
    la_put16(p + 10, la_sum_update(la_get16(p + 10), old_id, id));
}

static void
put_tcp(uint8_t *p, uint32_t off, bool first, bool last)
{
    la_put32(p + 4, la_get32(p + 4) + off);
    if (!last)
        p[13] &= (uint8_t) ~(LA_TCP_FIN | LA_TCP_PSH);
    if (!first)
        p[13] &= (uint8_t)~LA_TCP_CWR;
}

/* In steps of a vector, the last one overlapping: for an unknown length gcc makes a `rep movs`,
 * which costs more than all of them together. */
static inline void
copy_headers(uint8_t *p, const struct headers *h)
{
    enum { STEP_BYTES = 16 };
    uint32_t last_off = h->n - STEP_BYTES;
    for (uint32_t off = 0; off < last_off; off += STEP_BYTES)
        memcpy(p + off, h->bytes + off, STEP_BYTES);
    memcpy(p + last_off, h->bytes + last_off, STEP_BYTES);
}

/* The next `len` octets of text, of which `off` are gone already. */
static struct la_frame *
piece_take(struct la_frame *frame, const struct headers *h, uint32_t off, uint32_t len)
{
    struct la_frame *piece = la_frame_take(frame->mem);
    if (!piece)
        return NULL;
    if (!la_chain_move_front(&piece->payload, &frame->payload, len)) {
        la_frame_free(piece);
        return NULL;
    }
    uint8_t *p = la_frame_push(piece, h->n);
    copy_headers(p, h);
    if (len != frame->gso_size)
        put_lengths(h, p, frame->gso_size, len);
    if (h->identified)
        put_id(p, off / frame->gso_size);
    put_tcp(p + h->ip_n, off, off == 0, frame->payload.len == 0);
    piece->csum = LA_CSUM_PARTIAL;
    piece->csum_start = (uint16_t)h->ip_n;
    piece->csum_off = frame->csum_off;
    piece->flow_hash = frame->flow_hash;
    piece->id = frame->id;
    piece->at = frame->at;
    return piece;
}

bool
la_net_segment(struct la_frame *take_frame, struct la_frameq *out)
{
    LA_ASSERT(take_frame->gso_size > 0 && take_frame->csum == LA_CSUM_PARTIAL);
    struct headers h;
    headers_take(&h, take_frame);
    bool ok = la_frame_head_to_payload(take_frame);
    uint32_t off = 0;
    while (ok && (take_frame->payload.len > 0 || off == 0)) {
        uint32_t left = take_frame->payload.len;
        uint32_t len = left < take_frame->gso_size ? left : take_frame->gso_size;
        struct la_frame *piece = piece_take(take_frame, &h, off, len);
        ok = piece != NULL;
        if (ok)
            la_frameq_push(out, piece);
        off += len > 0 ? len : 1;
    }
    la_frame_free(take_frame);
    return ok;
}
