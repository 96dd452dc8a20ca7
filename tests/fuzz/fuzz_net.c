/* SPDX-License-Identifier: MIT
 *
 * fuzz_net.c - any frames, on Ethernet and point to point, while time passes and sockets talk
 *
 * The input is a list of actions: a frame arrives (its checksums repaired if the action says so),
 * time passes, a datagram is sent, sockets are opened, connected, read and closed. Properties: no
 * crash, bounded queues, every frame is freed, and each frame that leaves is well formed.
 */
#include <lastack/host.h>
#include <stdlib.h>
#include <string.h>

#include "base/addr.h"
#include "base/bytes.h"
#include "base/mem.h"
#include "base/time.h"
#include "fuzz.h"
#include "net/net.h"
#include "net/udp.h"

enum { ACTIONS_MAX = 64, SOCKETS = 4 };

#define REQUIRE(x)                                                                                 \
    do {                                                                                           \
        if (!(x))                                                                                  \
            abort();                                                                               \
    } while (0)

struct world {
    struct la_mem *mem;
    struct la_net *net;
    uint64_t reason[LA_REASON_COUNT];
    la_instant now;
    la_handle udp[SOCKETS];
};

static struct la_addr
addr_of(const char *text)
{
    struct la_addr addr;
    REQUIRE(la_addr_parse(text, &addr));
    return addr;
}

static void
world_init(struct world *w)
{
    static const char *const addrs[3][2] = {
        {"10.0.0.1", "2001:db8::1"}, {"192.168.1.1", "fe80::1"}, {"172.16.0.1", "2001:db8:2::1"}};
    *w = (struct world){.mem = la_mem_new(la_host_alloc(), 0), .now = {1}};
    struct la_net_cfg cfg = {.mem = w->mem, .reason = w->reason};
    REQUIRE(la_net_new(&cfg, &w->net) == LA_OK);
    for (int i = 0; i < 3; i++) {
        struct la_iface_cfg iface = {
            .caps = {.layer = i == 1 ? LA_LINK_ETHERNET : LA_LINK_IP, .mtu_bytes = 1500},
            .mac = {2, 0, 0, 0, 0, 1},
            .any_address = i == 2};
        int n;
        REQUIRE(la_net_iface_add(w->net, &iface, &n) == LA_OK && n == i);
        for (int k = 0; k < 2; k++) {
            struct la_addr addr = addr_of(addrs[i][k]);
            REQUIRE(la_net_addr_add(w->net, i, &addr, k == 0 ? 24 : 64) == LA_OK);
        }
    }
    struct la_addr any = addr_of("0.0.0.0"), gateway = addr_of("192.168.1.254");
    REQUIRE(la_net_route_add(w->net, 1, &any, 0, &gateway) == LA_OK);
}

/* What leaves: an IP packet of the length that it says, or ARP. */
static void
check_frame(const struct world *w, int iface, struct la_frame *frame)
{
    uint8_t b[64];
    (void)w;
    la_frame_check(frame);
    size_t n = la_frame_copy_out(frame, 0, b, sizeof b), len = la_frame_len(frame), off = 0;
    REQUIRE(frame->csum != LA_CSUM_PARTIAL && frame->gso_size == 0);
    if (iface == 1) {
        REQUIRE(n >= 14);
        off = 14;
        if (la_get16(b + 12) == 0x0806)
            REQUIRE(len == 42);
    }
    if (iface != 1 || la_get16(b + 12) != 0x0806) {
        REQUIRE(n >= off + 20);
        size_t said = b[off] >> 4 == 4 ? la_get16(b + off + 2) : la_get16(b + off + 4) + 40u;
        REQUIRE(said == len - off && said <= 1500);
    }
    la_frame_free(frame);
}

static void
drain(struct world *w)
{
    struct la_frame *frame;
    struct la_net_in in;
    enum la_net_verdict verdict;
    while ((verdict = la_net_local_next(w->net, &frame, &in, w->now)) != LA_NET_IDLE) {
        REQUIRE((verdict == LA_NET_TCP) == (frame != NULL));
        la_frame_free(frame);
    }
    for (int i = 0; i < 3; i++) {
        while ((frame = la_net_tx_pop(w->net, i)) != NULL)
            check_frame(w, i, frame);
    }
}

static void
repair_ip4(uint8_t *p, size_t n)
{
    size_t header_n = n > 0 ? (size_t)(p[0] & 15) * 4 : 0;
    if (n < 20 || p[0] >> 4 != 4 || header_n < 20 || header_n > n)
        return;
    la_put16(p + 10, 0);
    la_put16(p + 10, (uint16_t)~la_sum_portable(p, header_n));
}

static void
frame_arrives(struct world *w, struct fuzz_in *in)
{
    uint8_t how = fuzz_u8(in);
    size_t n = fuzz_u8(in);
    int iface = how % 3;
    if (n > in->n)
        n = in->n;
    uint8_t *octets = malloc(n + 1);
    memcpy(octets, in->p, n);
    in->p += n;
    in->n -= n;
    size_t off = iface == 1 ? 14 : 0;
    if ((how & 64) && n > off)
        repair_ip4(octets + off, n - off);
    struct la_frame *frame = la_frame_take(w->mem);
    size_t head_n = (how & 32) ? n / 2 : n;
    if (head_n > 100)
        head_n = 100;
    memcpy(la_frame_push(frame, head_n), octets, head_n);
    struct la_bytes rest = {octets + head_n, n - head_n};
    REQUIRE(la_chain_append_bytes(&frame->payload, w->mem, rest) == rest.n);
    free(octets);
    struct la_net_in info;
    enum la_net_verdict verdict = la_net_input(w->net, iface, frame, &info, w->now);
    if (verdict != LA_NET_TCP)
        return;
    if (how & 128)
        la_net_icmp_unreachable(w->net, &info, (struct la_bytes){frame->head, frame->head_n},
                                (enum la_net_icmp_kind)(how % 4 + 1), w->now);
    la_frame_free(frame);
}

static void
socket_acts(struct world *w, struct fuzz_in *in)
{
    static const char *const peers[] = {"10.0.0.2", "192.168.1.7", "10.0.0.1", "2001:db8::9"};
    static const char *const locals[] = {"::", "0.0.0.0", "10.0.0.1", "2001:db8::1"};
    uint8_t what = fuzz_u8(in), which = fuzz_u8(in);
    la_handle *udp = &w->udp[which % SOCKETS], ready;
    struct la_endpoint peer = {addr_of(peers[which / 4 % 4]), (uint16_t)(which / 16 + 1)};
    struct la_endpoint local = {addr_of(locals[which / 4 % 4]), (uint16_t)(which / 16)};
    uint8_t octets[255 * 6] = {0};
    uint64_t user;
    switch (what % 6) {
    case 0:
        if (*udp == 0)
            (void)!la_net_udp_open(w->net, &local, which % 3 == 0, udp);
        break;
    case 1:
        (void)la_net_udp_connect(w->net, *udp, what & 128 ? NULL : &peer);
        break;
    case 2:
        (void)!la_net_udp_send(w->net, *udp, NULL, &peer, (struct la_bytes){octets, what * 6u},
                               w->now);
        break;
    case 3:
        (void)!la_net_udp_receive(w->net, *udp, (struct la_room){octets, what}, NULL, NULL);
        break;
    case 4:
        if (la_net_udp_close(w->net, *udp) == LA_OK)
            *udp = 0;
        break;
    default:
        if (la_net_udp_next_ready(w->net, &ready, &user))
            REQUIRE(la_net_udp_local(w->net, ready, &local) == LA_OK);
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct fuzz_in in = {data, n};
    struct world w;
    world_init(&w);
    for (int i = 0; i < ACTIONS_MAX && in.n > 0; i++) {
        uint8_t action = fuzz_u8(&in);
        if (action % 4 == 0) {
            w.now = la_instant_add_us(w.now, (int64_t)fuzz_u8(&in) * 20000);
            la_net_run(w.net, w.now);
        } else if (action % 4 == 1) {
            socket_acts(&w, &in);
        } else {
            frame_arrives(&w, &in);
        }
        if (action & 128)
            drain(&w);
    }
    drain(&w);
    la_net_free(w.net);
    struct la_mem_stats stats;
    la_mem_stats_get(w.mem, &stats);
    REQUIRE(stats.frames_live_n == 0 && stats.blocks_live_n == 0);
    la_mem_unref(w.mem);
    return 0;
}
