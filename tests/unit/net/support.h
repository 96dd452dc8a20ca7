/* SPDX-License-Identifier: MIT
 *
 * support.h - a host with three interfaces, and packets put together by hand
 *
 *   0  point to point   10.0.0.1/24      2001:db8::1/64
 *   1  Ethernet         192.168.1.1/24   2001:db8:1::1/64, fe80::1/64; default gateways .254,
 * fe80::fe 2  point to point   172.16.0.1/24, any_address
 *
 * Packets are laid out octet by octet here, not by the codecs that are tested.
 */
#ifndef TESTS_UNIT_NET_SUPPORT_H
#define TESTS_UNIT_NET_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/addr.h"
#include "base/bytes.h"
#include "base/mem.h"
#include "base/time.h"
#include "net/net.h"
#include "net/udp.h"

/* ---- memory ----------------------------------------------------------------------------- */

struct test_alloc {
    size_t live_n;
    uint64_t calls_n;
    uint64_t fail_at; /* this call and all later ones fail; 0 = none */
};

static inline void *
test_alloc_take(void *ctx, size_t n)
{
    struct test_alloc *alloc = ctx;
    alloc->calls_n++;
    if (alloc->fail_at != 0 && alloc->calls_n >= alloc->fail_at)
        return NULL;
    alloc->live_n++;
    return malloc(n);
}

static inline void
test_alloc_give(void *ctx, void *p, size_t n)
{
    struct test_alloc *alloc = ctx;
    (void)n;
    alloc->live_n--;
    free(p);
}

/* ---- packets ---------------------------------------------------------------------------- */

struct pkt {
    uint8_t b[70000];
    size_t n;
};

static inline uint32_t
test_sum(uint32_t sum, const uint8_t *p, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        sum += i % 2 ? p[i] : (uint32_t)p[i] << 8;
        sum = (sum & 0xffff) + (sum >> 16);
    }
    return sum;
}

static inline void
put_sum(uint8_t *field, uint32_t sum)
{
    la_put16(field, (uint16_t)~sum);
}

static inline struct la_addr
addr_of(const char *text)
{
    struct la_addr addr;
    assert_true(la_addr_parse(text, &addr));
    return addr;
}

static inline struct la_endpoint
end_of(const char *text, uint16_t port)
{
    return (struct la_endpoint){addr_of(text), port};
}

/* What the checksum of protocol `proto` covers besides the octets themselves. */
static inline uint32_t
pseudo(const struct la_addr *src, const struct la_addr *dst, uint8_t proto, size_t n)
{
    bool v4 = la_addr_is_v4(src);
    uint32_t sum = test_sum(0, v4 ? src->b + 12 : src->b, v4 ? 4 : 16);
    sum = test_sum(sum, v4 ? dst->b + 12 : dst->b, v4 ? 4 : 16);
    return test_sum(sum, (const uint8_t[]){0, proto, (uint8_t)(n >> 8), (uint8_t)n}, 4);
}

/* An IP packet around n octets at `l4`; the upper checksum is filled in for known protocols. */
static inline void
pkt_ip(struct pkt *p, const char *src, const char *dst, uint8_t proto, const void *l4, size_t n)
{
    struct la_addr s = addr_of(src), d = addr_of(dst);
    bool v4 = la_addr_is_v4(&s);
    size_t h = v4 ? 20 : 40;
    memset(p->b, 0, h);
    memcpy(p->b + h, l4, n);
    p->n = h + n;
    if (v4) {
        p->b[0] = 0x45;
        la_put16(p->b + 2, (uint16_t)p->n);
        p->b[8] = 64;
        p->b[9] = proto;
        memcpy(p->b + 12, s.b + 12, 4);
        memcpy(p->b + 16, d.b + 12, 4);
        put_sum(p->b + 10, test_sum(0, p->b, 20));
    } else {
        p->b[0] = 0x60;
        la_put16(p->b + 4, (uint16_t)n);
        p->b[6] = proto;
        p->b[7] = 64;
        memcpy(p->b + 8, s.b, 16);
        memcpy(p->b + 24, d.b, 16);
    }
    size_t off = proto == 6 ? 16 : proto == 17 ? 6 : proto == 58 || proto == 1 ? 2 : 0;
    if (off == 0 || n < off + 2)
        return;
    la_put16(p->b + h + off, 0);
    uint32_t sum = proto == 1 ? 0 : pseudo(&s, &d, proto, n);
    put_sum(p->b + h + off, test_sum(sum, p->b + h, n));
}

static inline void
pkt_ip4_checksum(struct pkt *p)
{
    la_put16(p->b + 10, 0);
    put_sum(p->b + 10, test_sum(0, p->b, (size_t)(p->b[0] & 15) * 4));
}

static inline void
pkt_udp(struct pkt *p, const char *src, uint16_t sport, const char *dst, uint16_t dport,
        const char *text)
{
    uint8_t l4[1500] = {0};
    size_t n = strlen(text);
    la_put16(l4, sport);
    la_put16(l4 + 2, dport);
    la_put16(l4 + 4, (uint16_t)(8 + n));
    memcpy(l4 + 8, text, n);
    pkt_ip(p, src, dst, 17, l4, 8 + n);
}

static inline void
pkt_tcp(struct pkt *p, const char *src, const char *dst, const char *text)
{
    uint8_t l4[1500] = {0x9c, 0x40, 0, 80, 1, 2, 3, 4, 5, 6, 7, 8, 0x50, 0x10, 0xff, 0xff};
    memcpy(l4 + 20, text, strlen(text));
    pkt_ip(p, src, dst, 6, l4, 20 + strlen(text));
}

static inline void
pkt_eth(struct pkt *p, const char *dst, const char *src, uint16_t type)
{
    memmove(p->b + 14, p->b, p->n);
    memcpy(p->b, dst, 6);
    memcpy(p->b + 6, src, 6);
    la_put16(p->b + 12, type);
    p->n += 14;
}

#define MAC_US "\x02\0\0\0\0\x01"
#define MAC_PEER "\x02\0\0\0\0\x99"
#define MAC_ALL "\xff\xff\xff\xff\xff\xff"

/* ---- the host --------------------------------------------------------------------------- */

struct host {
    struct test_alloc alloc;
    struct la_mem *mem;
    struct la_net *net;
    uint64_t reason[LA_REASON_COUNT];
    la_instant now;
    struct la_net_in in;
    struct la_frame *frame; /* of the latest LA_NET_TCP, freed with the next packet */
};

static inline void
host_iface(struct host *h, uint8_t layer, bool any_address)
{
    struct la_iface_cfg cfg = {.caps = {.layer = layer, .mtu_bytes = 1500},
                               .mac = {2, 0, 0, 0, 0, 1},
                               .any_address = any_address};
    int iface;
    assert_int_equal(la_net_iface_add(h->net, &cfg, &iface), LA_OK);
}

static inline void
host_addr(struct host *h, int iface, const char *text, unsigned prefix_len)
{
    struct la_addr addr = addr_of(text);
    assert_int_equal(la_net_addr_add(h->net, iface, &addr, prefix_len), LA_OK);
}

static inline void
host_default(struct host *h, int iface, const char *any, const char *gateway)
{
    struct la_addr prefix = addr_of(any), via = addr_of(gateway);
    assert_int_equal(la_net_route_add(h->net, iface, &prefix, 0, &via), LA_OK);
}

static inline int
host_setup_reachable(void **state, uint32_t reachable_ms)
{
    struct host *h = calloc(1, sizeof *h);
    assert_non_null(h);
    const struct la_alloc alloc = {test_alloc_take, test_alloc_give, &h->alloc};
    h->mem = la_mem_new(&alloc, 0);
    h->now = la_instant_of_ns(1000000);
    struct la_net_cfg cfg = {
        .mem = h->mem, .seed = {{1, 2, 3, 4}}, .reason = h->reason, .checksum_verify = true,
        .neighbour_reachable_ms = reachable_ms};
    assert_int_equal(la_net_new(&cfg, &h->net), LA_OK);
    host_iface(h, LA_LINK_IP, false);
    host_iface(h, LA_LINK_ETHERNET, false);
    host_iface(h, LA_LINK_IP, true);
    host_addr(h, 0, "10.0.0.1", 24);
    host_addr(h, 0, "2001:db8::1", 64);
    host_addr(h, 1, "192.168.1.1", 24);
    host_addr(h, 1, "fe80::1", 64);
    host_addr(h, 1, "2001:db8:1::1", 64);
    host_addr(h, 2, "172.16.0.1", 24);
    host_default(h, 1, "0.0.0.0", "192.168.1.254");
    host_default(h, 1, "::", "fe80::fe");
    *state = h;
    return 0;
}

static inline int
host_setup(void **state)
{
    return host_setup_reachable(state, 30000);
}

/* Nothing may be out when the net is gone. */
static inline int
host_teardown(void **state)
{
    struct host *h = *state;
    la_frame_free(h->frame);
    la_net_free(h->net);
    struct la_mem_stats stats;
    la_mem_stats_get(h->mem, &stats);
    assert_int_equal(stats.frames_live_n, 0);
    assert_int_equal(stats.blocks_live_n, 0);
    la_mem_unref(h->mem);
    assert_int_equal(h->alloc.live_n, 0);
    free(h);
    return 0;
}

/* One frame in. The octets may come in one block, in the frame's room, or all as payload. */
static inline enum la_net_verdict
host_input(struct host *h, int iface, const struct pkt *p)
{
    la_frame_free(h->frame);
    h->frame = NULL;
    struct la_frame *frame = la_frame_from_bytes(h->mem, (struct la_bytes){p->b, p->n});
    assert_non_null(frame);
    enum la_net_verdict verdict = la_net_input(h->net, iface, frame, &h->in, h->now);
    if (verdict == LA_NET_TCP)
        h->frame = frame;
    return verdict;
}

/* The packet is dropped for exactly that reason. */
static inline void
expect_drop(struct host *h, int iface, const struct pkt *p, enum la_reason reason)
{
    uint64_t before[LA_REASON_COUNT];
    memcpy(before, h->reason, sizeof before);
    assert_int_equal(host_input(h, iface, p), LA_NET_TAKEN);
    for (int r = 0; r < LA_REASON_COUNT; r++) {
        if (h->reason[r] != before[r] + (r == (int)reason))
            fail_msg("reason %s counted %d times, expected %s", la_reason_name((enum la_reason)r),
                     (int)(h->reason[r] - before[r]), la_reason_name(reason));
    }
}

/* The next frame that leaves; false when there is none. */
static inline bool
host_output(struct host *h, int iface, struct pkt *p)
{
    struct la_frame *frame = la_net_tx_pop(h->net, iface);
    if (!frame)
        return false;
    la_frame_check(frame);
    p->n = la_frame_copy_out(frame, 0, p->b, sizeof p->b);
    assert_int_equal(p->n, la_frame_len(frame));
    la_frame_free(frame);
    return true;
}

static inline void
expect_silence(struct host *h)
{
    for (int i = 0; i < la_net_iface_n(h->net); i++)
        assert_null(la_net_tx_pop(h->net, i));
}

/* All checksums of an IP packet. */
static inline void
expect_checksums(const struct pkt *p, size_t off)
{
    const uint8_t *b = p->b + off;
    bool v4 = b[0] >> 4 == 4;
    size_t h = v4 ? 20 : 40, n = p->n - off - h;
    uint8_t proto = v4 ? b[9] : b[6];
    struct la_addr src = v4 ? la_addr_from_v4(b + 12) : la_addr_from_v6(b + 8);
    struct la_addr dst = v4 ? la_addr_from_v4(b + 16) : la_addr_from_v6(b + 24);
    if (v4) {
        assert_int_equal(test_sum(0, b, 20), 0xffff);
        assert_int_equal(la_get16(b + 2), p->n - off);
    } else {
        assert_int_equal(la_get16(b + 4), n);
    }
    uint32_t sum = proto == 1 ? 0 : pseudo(&src, &dst, proto, n);
    assert_int_equal(test_sum(sum, b + h, n), 0xffff);
}

#endif
