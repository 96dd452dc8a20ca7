/* SPDX-License-Identifier: MIT
 *
 * test_ip.c - IPv4, IPv6 with its extension headers, the pseudo-header, UDP
 */
#include "gen.h"

#include "base/addr.h"
#include "base/checksum.h"
#include "wire/ip.h"
#include "wire/ip4.h"
#include "wire/ip6.h"
#include "wire/udp.h"

static struct la_addr
v4_random(struct gen *g)
{
    return la_addr_v4(gen8(g), gen8(g), gen8(g), gen8(g));
}

static void
assert_ip4_equal(const struct la_ip4 *a, const struct la_ip4 *b)
{
    assert_true(la_addr_equal(&a->src, &b->src));
    assert_true(la_addr_equal(&a->dst, &b->dst));
    assert_int_equal(a->total_bytes, b->total_bytes);
    assert_int_equal(a->id, b->id);
    assert_int_equal(a->frag_off_bytes, b->frag_off_bytes);
    assert_int_equal(a->ttl_hops, b->ttl_hops);
    assert_int_equal(a->protocol, b->protocol);
    assert_int_equal(a->dscp_ecn, b->dscp_ecn);
    assert_int_equal(a->reserved_flag, b->reserved_flag);
    assert_int_equal(a->dont_fragment, b->dont_fragment);
    assert_int_equal(a->more_fragments, b->more_fragments);
    assert_int_equal(a->options.n, b->options.n);
    if (a->options.n > 0)
        assert_memory_equal(a->options.p, b->options.p, a->options.n);
}

static void
test_ip4__round_trip_and_truncation(void **state)
{
    (void)state;
    struct gen g = {1};
    uint8_t options[40];
    for (int i = 0; i < 5000; i++) {
        gen_fill(&g, options, sizeof options);
        struct la_ip4 ip = {
            .src = v4_random(&g),
            .dst = v4_random(&g),
            .total_bytes = gen16(&g),
            .id = gen16(&g),
            .frag_off_bytes = gen16(&g) & 0xfff8,
            .ttl_hops = gen8(&g),
            .protocol = gen8(&g),
            .dscp_ecn = gen8(&g),
            .reserved_flag = gen_bool(&g),
            .dont_fragment = gen_bool(&g),
            .more_fragments = gen_bool(&g),
            .options = {options, (size_t)gen_below(&g, 11) * 4},
        };
        uint8_t octets[LA_IP4_HEADER_BYTES_MAX];
        size_t n = la_ip4_header_bytes(&ip);
        assert_int_equal(la_ip4_emit(&ip, (struct la_room){octets, n}), n);
        struct la_ip4_view view;
        size_t cut_n = gen_below(&g, (uint32_t)n);
        struct la_bytes cut = exact(octets, cut_n);
        assert_false(la_ip4_view_init(&view, cut));
        exact_free(cut);
        struct la_bytes b = exact(octets, n);
        assert_true(la_ip4_view_init(&view, b));
        assert_true(la_ip4_view_checksum_ok(&view));
        struct la_ip4 again;
        la_ip4_judge(&again, &view);
        assert_ip4_equal(&ip, &again);
        exact_free(b);
        octets[gen_below(&g, 20)] ^= (uint8_t)(1 + gen_below(&g, 255));
        if (la_ip4_view_init(&view, (struct la_bytes){octets, sizeof octets}))
            assert_false(la_ip4_view_checksum_ok(&view) && view.header_bytes == n);
    }
}

/* What a stencil writes is what emit does, for every length and identification. */
static void
test_ip4__stencil_writes_what_emit_does(void **state)
{
    (void)state;
    struct gen g = {7};
    for (int i = 0; i < 5000; i++) {
        struct la_ip4 ip = {
            .src = v4_random(&g),
            .dst = v4_random(&g),
            .total_bytes = i % 16 == 0 ? UINT16_MAX : gen16(&g),
            .id = i % 8 == 0 ? 0 : gen16(&g),
            .ttl_hops = gen8(&g),
            .protocol = gen8(&g),
            .dscp_ecn = gen8(&g),
            .dont_fragment = gen_bool(&g),
        };
        struct la_ip4_common common = {&ip.src,     &ip.dst,     ip.ttl_hops,
                                       ip.protocol, ip.dscp_ecn, ip.dont_fragment};
        struct la_ip4_stencil stencil;
        uint8_t want[LA_IP4_HEADER_BYTES], octets[LA_IP4_HEADER_BYTES];
        la_ip4_emit(&ip, (struct la_room){want, sizeof want});
        la_ip4_stencil_init(&stencil, &common);
        la_ip4_stencil_emit(&stencil, ip.total_bytes, ip.id, octets);
        assert_memory_equal(octets, want, sizeof want);
    }
}

static void
test_ip4__version_and_header_length(void **state)
{
    (void)state;
    uint8_t octets[60] = {0};
    for (unsigned first = 0; first < 256; first++) {
        octets[0] = (uint8_t)first;
        for (size_t n = 0; n <= sizeof octets; n++) {
            struct la_bytes b = exact(octets, n);
            struct la_ip4_view view;
            bool want = n >= 20 && first >> 4 == 4 && (first & 15) >= 5 && (first & 15) * 4 <= n;
            assert_int_equal(la_ip4_view_init(&view, b), want);
            exact_free(b);
        }
    }
}

static uint8_t
ip4_has(const uint8_t *options, size_t n)
{
    uint8_t octets[60] = {(uint8_t)(0x40 | (20 + n) / 4)};
    memcpy(octets + 20, options, n);
    struct la_bytes b = exact(octets, 20 + n);
    struct la_ip4_view view;
    struct la_ip4 ip;
    assert_true(la_ip4_view_init(&view, b));
    la_ip4_judge(&ip, &view);
    exact_free(b);
    return ip.has;
}

static void
test_ip4__options(void **state)
{
    (void)state;
    assert_int_equal(ip4_has((const uint8_t[]){1, 1, 1, 0}, 4), 0);
    assert_int_equal(ip4_has((const uint8_t[]){131, 3, 4, 0}, 4), LA_IP4_HAS_SOURCE_ROUTE);
    assert_int_equal(ip4_has((const uint8_t[]){1, 137, 3, 4}, 4), LA_IP4_HAS_SOURCE_ROUTE);
    assert_int_equal(ip4_has((const uint8_t[]){148, 4, 0, 0}, 4), LA_IP4_HAS_OTHER);
    assert_int_equal(ip4_has((const uint8_t[]){0, 131, 3, 4}, 4), 0);
    for (unsigned len = 0; len < 256; len++) {
        uint8_t options[] = {1, 7, (uint8_t)len, 0};
        bool malformed = len < 2 || len > 3;
        assert_int_equal(ip4_has(options, 4), malformed ? LA_IP4_HAS_MALFORMED : LA_IP4_HAS_OTHER);
    }
    assert_int_equal(ip4_has((const uint8_t[]){1, 1, 1, 7}, 4), LA_IP4_HAS_MALFORMED);
}

static void
test_ip6__round_trip_and_truncation(void **state)
{
    (void)state;
    struct gen g = {2};
    for (int i = 0; i < 5000; i++) {
        struct la_ip6 ip = {
            .flow_label = gen32(&g) & 0xfffff,
            .payload_bytes = gen16(&g),
            .next_header = gen8(&g),
            .hop_limit = gen8(&g),
            .dscp_ecn = gen8(&g),
        };
        gen_fill(&g, &ip.src, sizeof ip.src);
        gen_fill(&g, &ip.dst, sizeof ip.dst);
        uint8_t octets[40];
        assert_int_equal(la_ip6_emit(&ip, (struct la_room){octets, 40}), 40);
        struct la_ip6_view view;
        struct la_bytes cut = exact(octets, gen_below(&g, 40));
        assert_false(la_ip6_view_init(&view, cut));
        exact_free(cut);
        struct la_ip6 again;
        assert_true(la_ip6_view_init(&view, (struct la_bytes){octets, 40}));
        la_ip6_judge(&again, &view);
        assert_true(la_addr_equal(&ip.src, &again.src));
        assert_true(la_addr_equal(&ip.dst, &again.dst));
        assert_int_equal(ip.flow_label, again.flow_label);
        assert_int_equal(ip.payload_bytes, again.payload_bytes);
        assert_int_equal(ip.next_header, again.next_header);
        assert_int_equal(ip.hop_limit, again.hop_limit);
        assert_int_equal(ip.dscp_ecn, again.dscp_ecn);
        octets[0] = (uint8_t)(octets[0] ^ 0x20);
        assert_false(la_ip6_view_init(&view, (struct la_bytes){octets, 40}));
    }
}

static struct la_ip6_exts
exts_of(uint8_t next, const uint8_t *p, size_t n)
{
    struct la_bytes b = exact(p, n);
    struct la_ip6_exts exts;
    la_ip6_exts_judge(&exts, next, b);
    exact_free(b);
    return exts;
}
#define EXTS(next, ...)                                                                            \
    exts_of((next), (const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__}))

static void
test_ip6__extension_headers_are_walked(void **state)
{
    (void)state;
    struct la_ip6_exts e = EXTS(6, 1, 2, 3);
    assert_int_equal(e.protocol, 6);
    assert_int_equal(e.upper_off, 0);
    assert_int_equal(e.problem, LA_IP6_PROBLEM_NONE);

    /* Hop-by-hop (PadN), destination (Pad1 x 6), routing without segments left, atomic fragment. */
    e = EXTS(0, 60, 0, 1, 4, 0, 0, 0, 0, 43, 0, 0, 0, 0, 0, 0, 0, 44, 0, 9, 0, 0, 0, 0, 0, 17, 0, 0,
             0, 1, 2, 3, 4, 0xaa);
    assert_int_equal(e.problem, LA_IP6_PROBLEM_NONE);
    assert_int_equal(e.protocol, 17);
    assert_int_equal(e.upper_off, 32);
    assert_false(e.is_fragment);
    assert_int_equal(e.frag_id, 0x01020304);

    e = EXTS(44, 6, 0, 0, 1, 0, 0, 0, 7);
    assert_true(e.is_fragment && e.more_fragments);
    assert_int_equal(e.frag_off_bytes, 0);
    /* What stands behind a later fragment's header is not walked. */
    e = EXTS(44, 60, 0, 0, 0x10, 0, 0, 0, 7, 60, 255, 0);
    assert_true(e.is_fragment && !e.more_fragments);
    assert_int_equal(e.frag_off_bytes, 16);
    assert_int_equal(e.problem, LA_IP6_PROBLEM_NONE);
    assert_int_equal(e.upper_off, 8);
}

static void
test_ip6__extension_header_problems(void **state)
{
    (void)state;
    struct la_ip6_exts e = EXTS(60, 0, 0, 0, 0, 0, 0, 0, 0, 6, 0, 0, 0, 0, 0, 0, 0);
    assert_int_equal(e.problem, LA_IP6_PROBLEM_ORDER);
    assert_int_equal(e.problem_off, 40); /* the destination header's "next header" */
    e = EXTS(60, 43, 0, 1, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 6, 0, 0, 0, 0, 0, 0, 0);
    assert_int_equal(e.problem, LA_IP6_PROBLEM_ORDER);
    assert_int_equal(e.problem_off, 48); /* the routing header's */
    e = EXTS(43, 6, 0, 0, 1, 0, 0, 0, 0);
    assert_int_equal(e.problem, LA_IP6_PROBLEM_ROUTING);
    assert_int_equal(e.problem_off, 42);
    e = EXTS(60, 6, 0, 0x1e, 4, 0, 0, 0, 0); /* action 00: skipped */
    assert_int_equal(e.problem, LA_IP6_PROBLEM_NONE);
    e = EXTS(60, 6, 0, 0, 0x5e, 0, 0, 0, 0);
    assert_int_equal(e.problem, LA_IP6_PROBLEM_OPTION_SILENT);
    e = EXTS(60, 6, 0, 1, 0, 0x9e, 0, 0, 0);
    assert_int_equal(e.problem, LA_IP6_PROBLEM_OPTION_REPORT);
    assert_int_equal(e.problem_off, 44);
    e = EXTS(60, 6, 0, 1, 1, 0, 0xc2, 0, 0);
    assert_int_equal(e.problem, LA_IP6_PROBLEM_OPTION_REPORT_UNICAST);
    e = EXTS(60, 6, 0, 1, 5, 0, 0, 0, 0);
    assert_int_equal(e.problem, LA_IP6_PROBLEM_OPTION_MALFORMED);
    e = EXTS(60, 6, 0, 0, 0, 0, 0, 0, 1);
    assert_int_equal(e.problem, LA_IP6_PROBLEM_OPTION_MALFORMED);
    uint8_t many[9 * 8] = {0};
    for (size_t i = 0; i < sizeof many; i += 8)
        many[i] = 60;
    e = exts_of(60, many, sizeof many);
    assert_int_equal(e.problem, LA_IP6_PROBLEM_TOO_MANY);
    many[7 * 8] = 6;
    e = exts_of(60, many, sizeof many);
    assert_int_equal(e.problem, LA_IP6_PROBLEM_NONE);
    assert_int_equal(e.upper_off, 64);
}

static void
test_ip6__extension_header_truncation(void **state)
{
    (void)state;
    uint8_t octets[24] = {60, 1, 1, 12, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 6};
    octets[17] = 0;
    for (size_t n = 0; n < sizeof octets; n++)
        assert_int_equal(exts_of(0, octets, n).problem, LA_IP6_PROBLEM_TRUNCATED);
    assert_int_equal(exts_of(0, octets, sizeof octets).problem, LA_IP6_PROBLEM_NONE);
    struct gen g = {3};
    for (int i = 0; i < 50000; i++) {
        uint8_t noise[96];
        gen_fill(&g, noise, sizeof noise);
        for (size_t k = 0; k < sizeof noise; k += 8) {
            noise[k] = (const uint8_t[]){0, 43, 44, 60, 6}[gen_below(&g, 5)];
            noise[k + 1] = (uint8_t)gen_below(&g, 3);
        }
        size_t n = gen_below(&g, sizeof noise + 1);
        struct la_ip6_exts e = exts_of(noise[0], noise, n);
        assert_true(e.upper_off <= n);
    }
}

static void
test_ip__pseudo_header(void **state)
{
    (void)state;
    /* The text of RFC 9293 3.1: source, destination, zero, protocol, length. */
    const uint8_t v4[12] = {10, 1, 2, 3, 192, 168, 255, 254, 0, 6, 0x12, 0x34};
    struct la_ip_pseudo pseudo = {la_addr_v4(10, 1, 2, 3), la_addr_v4(192, 168, 255, 254), 6,
                                  0x1234};
    assert_int_equal(la_sum_fold(la_ip_pseudo_sum(&pseudo)), la_sum_portable(v4, sizeof v4));
    /* RFC 8200 8.1: 32 bits of length. */
    uint8_t v6[40] = {0};
    struct gen g = {4};
    for (int i = 0; i < 1000; i++) {
        gen_fill(&g, v6, 36);
        memset(v6 + 36, 0, 3);
        v6[39] = gen8(&g);
        v6[0] = 0x20; /* not v4-mapped */
        v6[16] = 0x20;
        struct la_ip_pseudo p6 = {la_addr_from_v6(v6), la_addr_from_v6(v6 + 16), v6[39],
                                  la_get32(v6 + 32)};
        assert_int_equal(la_sum_fold(la_ip_pseudo_sum(&p6)), la_sum_portable(v6, sizeof v6));
    }
}

static void
test_udp__round_trip_and_truncation(void **state)
{
    (void)state;
    struct gen g = {5};
    for (int i = 0; i < 2000; i++) {
        struct la_udp udp = {gen16(&g), gen16(&g), gen16(&g), gen16(&g)}, again;
        uint8_t octets[8];
        struct la_udp_view view;
        assert_int_equal(la_udp_emit(&udp, (struct la_room){octets, 8}), 8);
        struct la_bytes cut = exact(octets, gen_below(&g, 8));
        assert_false(la_udp_view_init(&view, cut));
        exact_free(cut);
        assert_true(la_udp_view_init(&view, (struct la_bytes){octets, 8}));
        la_udp_judge(&again, &view);
        assert_memory_equal(&udp, &again, sizeof udp);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ip4__round_trip_and_truncation),
        cmocka_unit_test(test_ip4__stencil_writes_what_emit_does),
        cmocka_unit_test(test_ip4__version_and_header_length),
        cmocka_unit_test(test_ip4__options),
        cmocka_unit_test(test_ip6__round_trip_and_truncation),
        cmocka_unit_test(test_ip6__extension_headers_are_walked),
        cmocka_unit_test(test_ip6__extension_header_problems),
        cmocka_unit_test(test_ip6__extension_header_truncation),
        cmocka_unit_test(test_ip__pseudo_header),
        cmocka_unit_test(test_udp__round_trip_and_truncation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
