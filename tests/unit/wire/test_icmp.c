/* SPDX-License-Identifier: MIT
 *
 * test_icmp.c - ICMP, ICMPv6 and neighbour discovery
 */
#include "gen.h"

#include "base/addr.h"
#include "wire/icmp4.h"
#include "wire/icmp6.h"

static void
test_icmp4__round_trip(void **state)
{
    (void)state;
    struct gen g = {1};
    for (unsigned type = 0; type < 256; type++) {
        for (unsigned i = 0; i < 64; i++) {
            uint8_t octets[8], again_octets[8];
            gen_fill(&g, octets, sizeof octets);
            octets[0] = (uint8_t)type;
            octets[1] = (uint8_t)(i % 16);
            struct la_icmp4_view view;
            struct la_icmp4 icmp, again;
            assert_true(la_icmp4_view_init(&view, (struct la_bytes){octets, 8}));
            la_icmp4_judge(&icmp, &view);
            assert_int_equal(la_icmp4_emit(&icmp, (struct la_room){again_octets, 8}), 8);
            assert_memory_equal(again_octets, octets, 2);
            assert_int_equal(again_octets[2] | again_octets[3], 0);
            assert_true(la_icmp4_view_init(&view, (struct la_bytes){again_octets, 8}));
            la_icmp4_judge(&again, &view);
            assert_int_equal(again.type, icmp.type);
            assert_int_equal(again.code, icmp.code);
            assert_int_equal(again.pointer, icmp.pointer);
            assert_int_equal(again.id, icmp.id);
            assert_int_equal(again.seq, icmp.seq);
            assert_int_equal(again.mtu_bytes, icmp.mtu_bytes);
            assert_int_equal(again.rest, icmp.rest);
        }
    }
}

static void
test_icmp4__fields_by_type(void **state)
{
    (void)state;
    const uint8_t echo[8] = {8, 0, 0xab, 0xcd, 0x12, 0x34, 0x56, 0x78};
    const uint8_t needed[8] = {3, 4, 0, 0, 0xff, 0xff, 0x05, 0x14};
    const uint8_t parameter[8] = {12, 0, 0, 0, 20, 1, 2, 3};
    struct la_icmp4_view view;
    struct la_icmp4 icmp;
    assert_true(la_icmp4_view_init(&view, (struct la_bytes){echo, 8}));
    assert_int_equal(la_icmp4_view_checksum(&view), 0xabcd);
    la_icmp4_judge(&icmp, &view);
    assert_int_equal(icmp.id, 0x1234);
    assert_int_equal(icmp.seq, 0x5678);
    assert_true(la_icmp4_view_init(&view, (struct la_bytes){needed, 8}));
    la_icmp4_judge(&icmp, &view);
    assert_int_equal(icmp.mtu_bytes, 1300);
    assert_true(la_icmp4_view_init(&view, (struct la_bytes){parameter, 8}));
    la_icmp4_judge(&icmp, &view);
    assert_int_equal(icmp.pointer, 20);
    for (size_t n = 0; n < 8; n++) {
        struct la_bytes cut = exact(echo, n);
        assert_false(la_icmp4_view_init(&view, cut));
        exact_free(cut);
    }
}

static void
test_icmp4__error_types(void **state)
{
    (void)state;
    for (unsigned type = 0; type < 256; type++) {
        bool error = type == 3 || type == 4 || type == 5 || type == 11 || type == 12;
        assert_int_equal(la_icmp4_is_error((uint8_t)type), error);
    }
}

/* Every field the type has, at random. */
static struct la_icmp6
icmp6_random(struct gen *g, uint8_t type)
{
    struct la_icmp6 icmp = {.type = type, .code = gen8(g)};
    bool neighbour = type == 135 || type == 136;
    if (type == LA_ICMP6_ECHO || type == LA_ICMP6_ECHO_REPLY) {
        icmp.id = gen16(g);
        icmp.seq = gen16(g);
    } else if (type == LA_ICMP6_TOO_BIG) {
        icmp.mtu_bytes = gen32(g);
    } else if (type == LA_ICMP6_PARAMETER) {
        icmp.pointer = gen32(g);
    } else if (type == LA_ICMP6_ROUTER_ADVERTISEMENT) {
        icmp.hop_limit = gen8(g);
        icmp.ra_flags = gen8(g);
        icmp.lifetime_s = gen16(g);
        icmp.reachable_ms = gen32(g);
        icmp.retransmit_ms = gen32(g);
    } else if (!neighbour && type != 1 && type != 3 && type != 133) {
        icmp.rest = gen32(g);
    }
    if (neighbour)
        gen_fill(g, &icmp.target, sizeof icmp.target);
    if (type == LA_ICMP6_NEIGHBOUR_ADVERTISEMENT)
        icmp.na_flags = gen8(g) & 0xe0;
    if (type >= 133 && type <= 136) {
        icmp.has = gen8(g) & (LA_ICMP6_HAS_SOURCE_LINK | LA_ICMP6_HAS_TARGET_LINK);
        if (icmp.has & LA_ICMP6_HAS_SOURCE_LINK)
            gen_fill(g, icmp.source_link, 6);
        if (icmp.has & LA_ICMP6_HAS_TARGET_LINK)
            gen_fill(g, icmp.target_link, 6);
    }
    return icmp;
}

static void
assert_icmp6_equal(const struct la_icmp6 *a, const struct la_icmp6 *b)
{
    assert_int_equal(a->type, b->type);
    assert_int_equal(a->code, b->code);
    assert_int_equal(a->has, b->has);
    assert_int_equal(a->na_flags, b->na_flags);
    assert_memory_equal(a->source_link, b->source_link, 6);
    assert_memory_equal(a->target_link, b->target_link, 6);
    assert_int_equal(a->id, b->id);
    assert_int_equal(a->seq, b->seq);
    assert_int_equal(a->mtu_bytes, b->mtu_bytes);
    assert_int_equal(a->pointer, b->pointer);
    assert_memory_equal(&a->target, &b->target, sizeof a->target);
    assert_int_equal(a->hop_limit, b->hop_limit);
    assert_int_equal(a->ra_flags, b->ra_flags);
    assert_int_equal(a->lifetime_s, b->lifetime_s);
    assert_int_equal(a->reachable_ms, b->reachable_ms);
    assert_int_equal(a->retransmit_ms, b->retransmit_ms);
    assert_int_equal(a->rest, b->rest);
}

static void
test_icmp6__round_trip(void **state)
{
    (void)state;
    struct gen g = {2};
    for (unsigned type = 0; type < 256; type++) {
        for (unsigned i = 0; i < 64; i++) {
            struct la_icmp6 icmp = icmp6_random(&g, (uint8_t)type), again;
            uint8_t octets[LA_ICMP6_HEADER_BYTES_MAX];
            size_t n = la_icmp6_header_bytes(&icmp);
            assert_in_range(n, 8, LA_ICMP6_HEADER_BYTES_MAX);
            assert_int_equal(la_icmp6_emit(&icmp, (struct la_room){octets, n}), n);
            struct la_bytes b = exact(octets, n);
            struct la_icmp6_view view;
            assert_true(la_icmp6_view_init(&view, b));
            la_icmp6_judge(&again, &view);
            assert_icmp6_equal(&icmp, &again);
            exact_free(b);
        }
    }
}

static void
test_icmp6__every_truncation(void **state)
{
    (void)state;
    uint8_t octets[32] = {0};
    for (unsigned type = 0; type < 256; type++) {
        size_t need = type == 134 ? 16 : type == 135 || type == 136 ? 24 : 8;
        octets[0] = (uint8_t)type;
        for (size_t n = 0; n <= sizeof octets; n++) {
            struct la_bytes b = exact(octets, n);
            struct la_icmp6_view view;
            assert_int_equal(la_icmp6_view_init(&view, b), n >= need);
            exact_free(b);
        }
    }
}

static uint8_t
solicitation_has(const uint8_t *options, size_t n)
{
    uint8_t octets[80] = {LA_ICMP6_NEIGHBOUR_SOLICITATION};
    memcpy(octets + 24, options, n);
    struct la_bytes b = exact(octets, 24 + n);
    struct la_icmp6_view view;
    struct la_icmp6 icmp;
    assert_true(la_icmp6_view_init(&view, b));
    la_icmp6_judge(&icmp, &view);
    exact_free(b);
    return icmp.has;
}

static void
test_icmp6__option_lengths(void **state)
{
    (void)state;
    uint8_t options[24] = {LA_ICMP6_OPT_SOURCE_LINK, 1, 1, 2, 3, 4, 5, 6, 200, 1};
    assert_int_equal(solicitation_has(options, 8), LA_ICMP6_HAS_SOURCE_LINK);
    assert_int_equal(solicitation_has(options, 16),
                     LA_ICMP6_HAS_SOURCE_LINK | LA_ICMP6_HAS_UNKNOWN);
    for (size_t n = 9; n < 16; n++)
        assert_int_equal(solicitation_has(options, n),
                         LA_ICMP6_HAS_SOURCE_LINK | LA_ICMP6_HAS_MALFORMED);
    options[9] = 0;
    assert_int_equal(solicitation_has(options, 24),
                     LA_ICMP6_HAS_SOURCE_LINK | LA_ICMP6_HAS_MALFORMED);
    options[1] = 2; /* an address of 14 octets is not Ethernet's */
    assert_int_equal(solicitation_has(options, 16), LA_ICMP6_HAS_MALFORMED);
    options[1] = 255;
    assert_int_equal(solicitation_has(options, 24), LA_ICMP6_HAS_MALFORMED);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_icmp4__round_trip),
        cmocka_unit_test(test_icmp4__fields_by_type),
        cmocka_unit_test(test_icmp4__error_types),
        cmocka_unit_test(test_icmp6__round_trip),
        cmocka_unit_test(test_icmp6__every_truncation),
        cmocka_unit_test(test_icmp6__option_lengths),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
