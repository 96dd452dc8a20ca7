/* SPDX-License-Identifier: MIT
 *
 * frames.c - packets made from the inside out, and decoded
 */
#include <setjmp.h>
#include <stdarg.h>
#include <lastack/host.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "frames.h"
#include "wire/ethernet.h"
#include "wire/ip.h"
#include "wire/ip4.h"
#include "wire/ip6.h"
#include "wire/udp.h"

const struct la_addr frame_a = {{[10] = 0xff, [11] = 0xff, [12] = 10, [15] = 1}};
const struct la_addr frame_b = {{[10] = 0xff, [11] = 0xff, [12] = 10, [15] = 2}};
const struct la_addr frame_a6 = {{0x20, 1, 0xd, 0xb8, [15] = 1}};
const struct la_addr frame_b6 = {{0x20, 1, 0xd, 0xb8, [15] = 2}};

static uint8_t *
front(struct frame *frame, size_t n)
{
    if (frame->n == 0)
        frame->off = FRAME_BYTES_MAX;
    assert_true(n <= frame->off);
    frame->off -= n;
    frame->n += n;
    return frame->room + frame->off;
}

void
frame_push(struct frame *frame, const void *octets, size_t n)
{
    uint8_t *at = front(frame, n);
    memcpy(at, octets, n);
}

void
frame_tcp(struct frame *frame, const struct la_addr *src, const struct la_addr *dst, uint16_t flags,
          size_t text_n)
{
    struct la_tcp_seg seg = {.seq = la_seq_of(5),
                             .ack = la_seq_of(7),
                             .wnd = 900,
                             .src_port = 1000,
                             .dst_port = 80,
                             .flags = flags,
                             .has = LA_TCP_HAS_TIMESTAMPS,
                             .ts_val = 11,
                             .ts_ecr = 12};
    *frame = (struct frame){0};
    memset(front(frame, text_n), 'x', text_n);
    size_t n = la_tcp_seg_header_bytes(&seg);
    uint8_t *at = front(frame, n);
    la_tcp_seg_emit(&seg, (struct la_room){at, n});
    uint32_t sum =
        la_ip_pseudo_sum(&(struct la_ip_pseudo){*src, *dst, LA_IP_TCP, (uint32_t)frame->n});
    la_put16(at + 16, (uint16_t)~la_sum_fold(la_sum_fold(sum) + la_sum_portable(at, frame->n)));
}

void
frame_ip4(struct frame *frame, const struct la_addr *src, const struct la_addr *dst,
          uint8_t protocol)
{
    struct la_ip4 ip = {.src = *src,
                        .dst = *dst,
                        .total_bytes = (uint16_t)(20 + frame->n),
                        .id = 77,
                        .ttl_hops = 61,
                        .protocol = protocol,
                        .dscp_ecn = 2,
                        .dont_fragment = true};
    la_ip4_emit(&ip, (struct la_room){front(frame, 20), 20});
}

void
frame_ip6(struct frame *frame, const struct la_addr *src, const struct la_addr *dst, uint8_t next)
{
    struct la_ip6 ip = {.src = *src,
                        .dst = *dst,
                        .payload_bytes = (uint16_t)frame->n,
                        .next_header = next,
                        .hop_limit = 62,
                        .dscp_ecn = 1};
    la_ip6_emit(&ip, (struct la_room){front(frame, 40), 40});
}

void
frame_udp(struct frame *frame, uint16_t dst_port)
{
    struct la_udp udp = {
        .src_port = 40000, .dst_port = dst_port, .len_bytes = (uint16_t)(8 + frame->n)};
    la_udp_emit(&udp, (struct la_room){front(frame, 8), 8});
}

void
frame_ethernet(struct frame *frame, uint16_t type)
{
    struct la_eth eth = {.dst = {2}, .src = {4}, .type = type};
    la_eth_emit(&eth, (struct la_room){front(frame, 14), 14});
}

void
frame_usual(struct frame *frame, size_t text_n)
{
    frame_tcp(frame, &frame_a, &frame_b, LA_TCP_ACK, text_n);
    frame_ip4(frame, &frame_a, &frame_b, LA_IP_TCP);
}

struct la_mem *
frame_mem(void)
{
    struct la_mem *mem = la_mem_new(la_host_alloc(), 0);
    assert_non_null(mem);
    return mem;
}

struct la_seen
frame_seen_cut(const struct frame *frame, uint16_t link_type, size_t cap_n)
{
    struct la_decoder decoder;
    struct la_seen seen;
    assert_true(la_decoder_init(&decoder, NULL, &(struct la_decode_options){.verify_every_n = 1}));
    /* A piece of its own: whoever reads past it is found by the sanitizer. */
    uint8_t *octets = malloc(cap_n);
    memcpy(octets, frame->room + frame->off, cap_n);
    la_decode(&decoder,
              &(struct la_explain_packet){.bytes = {octets, cap_n},
                                          .wire_bytes = (uint32_t)frame->n,
                                          .link_type = link_type},
              &seen);
    assert_int_equal(decoder.kinds_n[seen.kind], 1);
    la_decoder_fini(&decoder);
    free(octets);
    return seen;
}

struct la_seen
frame_seen(const struct frame *frame, uint16_t link_type)
{
    return frame_seen_cut(frame, link_type, frame->n);
}
