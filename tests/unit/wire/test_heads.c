/* SPDX-License-Identifier: MIT
 *
 * test_heads.c - do the headers of a segment repeat those of another? Every bit of them.
 */
#include "gen.h"

#include "base/addr.h"
#include "wire/ethernet.h"
#include "wire/heads.h"
#include "wire/ip.h"
#include "wire/ip4.h"
#include "wire/ip6.h"

enum { OCTETS_MAX = LA_ETH_HEADER_BYTES + LA_IP6_HEADER_BYTES + LA_TCP_HEADER_BYTES_MAX };
enum { TEXT_BYTES = 1448, CHECKSUM4_OFF = 10 };

/* A segment's headers, behind those of Ethernet or of no link. */
struct packet {
    uint8_t p[OCTETS_MAX];
    uint8_t link_n, ip_n;
    uint32_t n, frame_n; /* headers; with text */
    bool v4;
};

static struct packet
packet_of(struct gen *g, bool v4, bool ethernet)
{
    struct packet packet = {.v4 = v4};
    struct la_tcp_seg seg = {.seq = la_seq_of(gen32(g)),
                             .ack = la_seq_of(gen32(g)),
                             .src_port = gen16(g),
                             .dst_port = gen16(g),
                             .wnd = gen16(g),
                             .flags = LA_TCP_ACK,
                             .has = LA_TCP_HAS_TIMESTAMPS,
                             .ts_val = gen32(g),
                             .ts_ecr = gen32(g)};
    packet.link_n = ethernet ? LA_ETH_HEADER_BYTES : 0;
    packet.ip_n = v4 ? LA_IP4_HEADER_BYTES : LA_IP6_HEADER_BYTES;
    gen_fill(g, packet.p, packet.link_n);
    uint8_t *ip = packet.p + packet.link_n;
    struct la_room room = {ip, packet.ip_n};
    size_t tcp_n = la_tcp_seg_header_bytes(&seg), l4_n = tcp_n + TEXT_BYTES;
    struct la_ip4 ip4 = {.src = la_addr_v4(10, 0, 0, 1),
                         .dst = la_addr_v4(10, 0, 0, 2),
                         .total_bytes = (uint16_t)(LA_IP4_HEADER_BYTES + l4_n),
                         .id = 7,
                         .ttl_hops = 64,
                         .protocol = LA_IP_TCP,
                         .dont_fragment = true};
    struct la_ip6 ip6 = {.src = {{0xfd, 1}},
                         .dst = {{0xfd, 2}},
                         .payload_bytes = (uint16_t)l4_n,
                         .next_header = LA_IP_TCP,
                         .hop_limit = 64};
    (void)(v4 ? la_ip4_emit(&ip4, room) : la_ip6_emit(&ip6, room));
    la_tcp_seg_emit(&seg, (struct la_room){ip + packet.ip_n, tcp_n});
    la_put16(ip + packet.ip_n + 16, gen16(g));
    packet.n = (uint32_t)(packet.link_n + packet.ip_n + tcp_n);
    packet.frame_n = packet.n + TEXT_BYTES;
    return packet;
}

static struct la_heads
heads_of(const struct packet *packet)
{
    struct la_heads heads;
    struct la_bytes bytes = {packet->p, packet->n};
    assert_true(la_heads_init(&heads, bytes, packet->link_n, packet->ip_n));
    assert_int_equal(heads.n, packet->n);
    return heads;
}

/* May this bit differ, IPv4's checksum aside? In octets behind the link's header. */
static bool
may_differ(const struct packet *packet, unsigned off, unsigned bit)
{
    if (off < packet->link_n)
        return false;
    off -= packet->link_n;
    if (off < packet->ip_n)
        return packet->v4 && (off == 4 || off == 5); /* the identification */
    off -= packet->ip_n;
    bool sequence = off >= 4 && off < 8, checksum = off == 16 || off == 17;
    return sequence || checksum || (off == 13 && 1u << bit == LA_TCP_PSH);
}

/* With IPv4's checksum made to fit a change of the word at word_off. */
static void
correct(struct packet *changed, const struct packet *packet, unsigned word_off)
{
    uint8_t *sum = changed->p + packet->link_n + CHECKSUM4_OFF;
    la_put16(sum, la_sum_update(la_get16(sum), la_get16(packet->p + word_off),
                                la_get16(changed->p + word_off)));
}

static void
each_bit(struct gen *g, bool v4, bool ethernet)
{
    const struct packet packet = packet_of(g, v4, ethernet);
    struct la_heads heads = heads_of(&packet);
    assert_true(la_heads_repeat(&heads, packet.p, packet.frame_n));
    assert_false(la_heads_repeat(&heads, packet.p, packet.frame_n + 1));
    unsigned length_off = packet.link_n + (v4 ? 2u : 4u);
    for (unsigned i = 0; i < 8 * packet.n; i++) {
        unsigned off = i / 8, word_off = off & ~1u, ip_off = word_off - packet.link_n;
        struct packet changed = packet;
        changed.p[off] ^= (uint8_t)(1u << i % 8);
        bool in_ip4 = v4 && off >= packet.link_n && ip_off < LA_IP4_HEADER_BYTES;
        assert_int_equal(la_heads_repeat(&heads, changed.p, packet.frame_n),
                         !in_ip4 && may_differ(&packet, off, i % 8));
        if (in_ip4 && ip_off != CHECKSUM4_OFF)
            correct(&changed, &packet, word_off);
        uint32_t said_n = (uint32_t)heads.uncounted_n + la_get16(changed.p + length_off);
        assert_int_equal(la_heads_repeat(&heads, changed.p, said_n),
                         may_differ(&packet, off, i % 8) || word_off == length_off);
    }
}

static void
test_heads__every_bit(void **state)
{
    (void)state;
    struct gen g = {9};
    for (unsigned i = 0; i < 40; i++)
        each_bit(&g, (i & 1) != 0, (i & 2) != 0);
}

/* The sum of pseudo-header and TCP header of one that repeats them is what adding up gives. */
static void
test_heads__sum(void **state)
{
    (void)state;
    struct gen g = {10};
    for (unsigned i = 0; i < 4000; i++) {
        struct packet packet = packet_of(&g, (i & 1) != 0, (i & 2) != 0);
        struct la_heads heads = heads_of(&packet);
        uint8_t *tcp = packet.p + packet.link_n + packet.ip_n;
        la_put32(tcp + 4, gen32(&g));
        la_put16(tcp + 16, gen16(&g));
        tcp[13] ^= gen_bool(&g) ? LA_TCP_PSH : 0;
        struct la_ip_pseudo pseudo = {.src = la_addr_v4(10, 0, 0, 1),
                                      .dst = la_addr_v4(10, 0, 0, 2),
                                      .protocol = LA_IP_TCP,
                                      .l4_bytes = gen_below(&g, 60000)};
        if (!packet.v4) {
            pseudo.src = (struct la_addr){{0xfd, 1}};
            pseudo.dst = (struct la_addr){{0xfd, 2}};
        }
        size_t tcp_n = packet.n - packet.link_n - packet.ip_n;
        uint32_t sum = la_sum_combine(la_ip_pseudo_sum(&pseudo), la_sum_portable(tcp, tcp_n), 0);
        uint32_t frame_n = (uint32_t)heads.tcp_off + pseudo.l4_bytes;
        assert_int_equal(la_sum_fold(la_heads_tcp_sum(&heads, packet.p, frame_n)),
                         la_sum_fold(sum));
    }
}

static void
test_heads__what_is_not_repeated(void **state)
{
    (void)state;
    struct gen g = {11};
    const struct packet packet = packet_of(&g, true, true);
    struct la_heads heads;
    for (uint32_t n = 0; n <= packet.n; n++) { /* cut short: read in full only */
        struct la_bytes bytes = exact(packet.p, n);
        assert_int_equal(la_heads_init(&heads, bytes, packet.link_n, packet.ip_n), n == packet.n);
        assert_int_equal(heads.p != NULL, n == packet.n);
        exact_free(bytes);
    }
    struct la_bytes bytes = {packet.p, packet.n};
    assert_false(la_heads_init(&heads, bytes, packet.link_n, LA_IP4_HEADER_BYTES + 4));
    assert_false(la_heads_init(&heads, bytes, packet.link_n, LA_IP6_HEADER_BYTES));
    assert_false(la_heads_init(&heads, bytes, LA_ETH_HEADER_BYTES_MAX + 1, packet.ip_n));
    assert_null(heads.p);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_heads__every_bit),
        cmocka_unit_test(test_heads__sum),
        cmocka_unit_test(test_heads__what_is_not_repeated),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
