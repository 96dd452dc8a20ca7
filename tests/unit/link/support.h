/* SPDX-License-Identifier: MIT
 *
 * support.h - packets, allocators and wires for the tests of the link room
 */
#ifndef LA_TEST_LINK_SUPPORT_H
#define LA_TEST_LINK_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <lastack/link.h>

#include "base/frame.h"
#include "base/mem.h"
#include "base/time.h"
#include "wire/ip.h"
#include "wire/ip4.h"
#include "wire/tcp.h"

/* malloc() that refuses from the `fail_from`-th request on (0 = never), and counts what is out. */
struct test_alloc {
    uint64_t asked_n;
    uint64_t fail_from;
    size_t live_n;
};

static inline void *
test_alloc_take(void *ctx, size_t n)
{
    struct test_alloc *alloc = ctx;
    if (++alloc->asked_n >= alloc->fail_from && alloc->fail_from != 0)
        return NULL;
    alloc->live_n++;
    return aligned_alloc(64, (n + 63) / 64 * 64);
}

static inline void
test_alloc_give(void *ctx, void *p, size_t n)
{
    struct test_alloc *alloc = ctx;
    (void)n;
    alloc->live_n -= p != NULL;
    free(p);
}

static inline struct la_mem *
test_mem_new(struct test_alloc *alloc)
{
    const struct la_alloc ops = {test_alloc_take, test_alloc_give, alloc};
    struct la_mem *mem = la_mem_new(&ops, 0);
    assert_non_null(mem);
    return mem;
}

/* Nothing that was made with `mem` is left. */
static inline void
test_mem_free(struct la_mem *mem, const struct test_alloc *alloc)
{
    struct la_mem_stats stats;
    la_mem_stats_get(mem, &stats);
    assert_int_equal(stats.frames_live_n, 0);
    assert_int_equal(stats.blocks_live_n, 0);
    la_mem_unref(mem);
    assert_int_equal(alloc->live_n, 0);
}

struct test_segment {
    uint16_t client_port;
    uint16_t server_port;
    bool from_server;
    uint8_t flags;
    uint32_t seq;
    size_t text_bytes;
    uint64_t id;
};

/* An IPv4 TCP packet between 10.0.0.1 (client) and 10.0.0.2 (server), checksum left out. NULL: no
 * memory. */
static inline struct la_frame *
test_segment_try(struct la_mem *mem, const struct test_segment *segment)
{
    uint8_t octets[40 + 1460] = {0};
    const struct la_addr client = la_addr_v4(10, 0, 0, 1), server = la_addr_v4(10, 0, 0, 2);
    const struct la_ip4 ip = {.src = segment->from_server ? server : client,
                              .dst = segment->from_server ? client : server,
                              .total_bytes = (uint16_t)(40 + segment->text_bytes),
                              .ttl_hops = 64,
                              .protocol = LA_IP_TCP};
    const struct la_tcp_seg seg = {
        .seq = la_seq_of(segment->seq),
        .src_port = segment->from_server ? segment->server_port : segment->client_port,
        .dst_port = segment->from_server ? segment->client_port : segment->server_port,
        .flags = segment->flags};
    assert_true(segment->text_bytes <= 1460);
    (void)la_ip4_emit(&ip, (struct la_room){octets, 20});
    (void)la_tcp_seg_emit(&seg, (struct la_room){octets + 20, 20});
    struct la_frame *frame =
        la_frame_from_bytes(mem, (struct la_bytes){octets, 40 + segment->text_bytes});
    if (frame != NULL)
        frame->id = segment->id;
    return frame;
}

static inline struct la_frame *
test_segment(struct la_mem *mem, const struct test_segment *segment)
{
    struct la_frame *frame = test_segment_try(mem, segment);
    assert_non_null(frame);
    return frame;
}

static inline struct la_wire_cfg
test_wire_cfg(struct la_mem *mem)
{
    return (struct la_wire_cfg){.mem = mem, .seed = 7, .caps = {.mtu_bytes = 1500}};
}

static inline la_instant
ms(int64_t n)
{
    return la_instant_of_ns(n * LA_NS_PER_MS);
}

static inline void
test_send(struct la_wire *wire, int end, struct la_frame *take_frame, la_instant now)
{
    assert_int_equal(la_link_send(la_wire_end(wire, end), &take_frame, 1, now), 1);
}

/* The next frame that has arrived at `end`, or NULL. */
static inline struct la_frame *
test_receive(struct la_wire *wire, int end, la_instant now)
{
    struct la_frame *frame = NULL;
    size_t n = la_link_receive(la_wire_end(wire, end), &frame, 1, now);
    return n == 0 ? NULL : frame;
}

#endif
