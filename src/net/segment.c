/* SPDX-License-Identifier: MIT
 *
 * segment.c - cutting a super-segment into segments of gso_size octets
 *
 * Read first: RFC 9293 3.1; RFC 3168 6.1.2 (CWR goes out once).
 *
 * The pieces share the payload's blocks; only the headers are copied. What a device with
 * segmentation offload does: sequence numbers advance, FIN and PSH stay with the last piece, CWR
 * with the first; the identification, where one is needed, counts up. So all pieces but the first
 * and the last differ in their sequence numbers alone.
 */
#include "net/internal.h"

#include <string.h>

#include "base/assert.h"
#include "wire/ip4.h"
#include "wire/ip6.h"
#include "wire/tcp.h"

/* IPv4 without options or IPv6 without extensions, and TCP: what la_net_output() makes. */
enum { HEADERS_BYTES_MAX = LA_IP6_HEADER_BYTES + LA_TCP_HEADER_BYTES_MAX };

/* Lengths and checksums of `old_len` octets of text become those of `new_len`. */
static void
put_lengths(const struct la_net_cut *cut, uint8_t *p, uint32_t old_len, uint32_t new_len)
{
    uint32_t tcp_n = cut->n - cut->ip_n;
    uint8_t *tcp = p + cut->ip_n;
    if (cut->v4) {
        uint16_t old_total = la_get16(p + 2), total = (uint16_t)(cut->n + new_len);
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

void
la_net_cut_begin(struct la_net_cut *cut, struct la_frame *take_frame)
{
    struct la_frame *frame = take_frame;
    LA_ASSERT(frame->gso_size > 0 && frame->csum == LA_CSUM_PARTIAL);
    *cut = (struct la_net_cut){.frame = frame, .v4 = frame->gso_kind == LA_GSO_TCPV4};
    cut->ip_n = cut->v4 ? LA_IP4_HEADER_BYTES : LA_IP6_HEADER_BYTES;
    LA_ASSERT(frame->head_n >= cut->ip_n + LA_TCP_HEADER_BYTES);
    cut->n = cut->ip_n + (uint32_t)(frame->head[cut->ip_n + 12] >> 4) * 4;
    LA_ASSERT(frame->head_n >= cut->n && cut->n <= HEADERS_BYTES_MAX);
    memcpy(cut->bytes, frame->head, cut->n);
    /* RFC 6864 4.1: what may not be fragmented needs no identification. */
    cut->identified = cut->v4 && (cut->bytes[6] & 0x40) == 0;
    put_lengths(cut, cut->bytes, (uint32_t)la_frame_octets(frame) - cut->n, frame->gso_size);
    uint8_t *tcp = cut->bytes + cut->ip_n;
    cut->seq = la_get32(tcp + 4);
    cut->end_flags = tcp[13] & (LA_TCP_FIN | LA_TCP_PSH | LA_TCP_CWR);
    tcp[13] &= (uint8_t)~cut->end_flags;
    cut->same_sum = (uint16_t)~la_sum_fold((cut->seq >> 16) + (cut->seq & 0xffff)) +
                    (uint32_t)la_sum_portable(tcp, cut->n - cut->ip_n);
    la_frame_pull(frame, cut->n);
    if (!la_frame_head_to_payload(frame))
        la_net_cut_end(cut);
}

void
la_net_cut_end(struct la_net_cut *cut)
{
    la_frame_free(cut->frame);
    cut->frame = NULL;
}

static void
put_id(uint8_t *p, uint32_t idx)
{
    uint16_t old_id = la_get16(p + 4), id = (uint16_t)(old_id + idx);
    la_put16(p + 4, id);
    la_put16(p + 10, la_sum_update(la_get16(p + 10), old_id, id));
}

/* What the first and the last piece have of their own. */
static void
put_end(struct la_net_cut *cut, uint8_t *p, uint32_t len)
{
    uint8_t *tcp = p + cut->ip_n;
    if (cut->off == 0)
        tcp[13] |= cut->end_flags & LA_TCP_CWR;
    if (cut->frame->payload.len == 0)
        tcp[13] |= cut->end_flags & (LA_TCP_FIN | LA_TCP_PSH);
    if (len != cut->frame->gso_size)
        put_lengths(cut, p, cut->frame->gso_size, len);
    cut->head_sum = la_sum_portable(tcp, cut->n - cut->ip_n);
}

/* The headers of `piece`, which holds its text. */
static void
put_headers(struct la_net_cut *cut, struct la_frame *piece)
{
    const struct la_frame *frame = cut->frame;
    uint8_t *p = piece->head;
    uint32_t seq = cut->seq + cut->off;
    la_copy_header(p, cut->bytes, cut->n);
    la_put32(p + cut->ip_n + 4, seq);
    cut->head_sum = cut->same_sum + (seq >> 16) + (seq & 0xffff);
    if (cut->identified)
        put_id(p, cut->off / frame->gso_size);
    if (cut->off == 0 || frame->payload.len == 0)
        put_end(cut, p, piece->payload.len);
}

struct la_frame *
la_net_cut_next(struct la_net_cut *cut)
{
    struct la_frame *frame = cut->frame;
    if (frame == NULL || (frame->payload.len == 0 && cut->begun))
        return NULL;
    uint32_t left = frame->payload.len, len = left < frame->gso_size ? left : frame->gso_size;
    struct la_frame *piece = la_frame_take_piece(frame, cut->n);
    if (piece == NULL || !la_chain_move_front(&piece->payload, &frame->payload, len)) {
        la_frame_free(piece);
        la_net_cut_end(cut);
        return NULL;
    }
    put_headers(cut, piece);
    piece->csum = LA_CSUM_PARTIAL;
    piece->csum_start = (uint16_t)cut->ip_n;
    piece->csum_off = frame->csum_off;
    cut->off += len;
    cut->begun = true;
    return piece;
}
