/* SPDX-License-Identifier: MIT
 *
 * test_tcp.c - the TCP header: round trips, truncation, options of every shape
 */
#include "gen.h"

#include "base/checksum.h"
#include "wire/tcp_stencil.h"

static const uint16_t HAS_ALL = LA_TCP_HAS_MSS | LA_TCP_HAS_WSCALE | LA_TCP_HAS_SACK_PERMITTED |
                                LA_TCP_HAS_TIMESTAMPS | LA_TCP_HAS_USER_TIMEOUT;

/* Fields of absent options are zero, as judging leaves them. */
static struct la_tcp_seg
seg_random(struct gen *g, uint16_t has, uint8_t sack_n)
{
    struct la_tcp_seg seg = {
        .seq = la_seq_of(gen32(g)),
        .ack = la_seq_of(gen32(g)),
        .text_bytes = gen_below(g, 65536),
        .wnd = gen16(g),
        .up = gen16(g),
        .src_port = gen16(g),
        .dst_port = gen16(g),
        .flags = gen16(g) & LA_TCP_FLAGS_MASK,
        .has = has,
        .sack_n = sack_n,
    };
    seg.len = seg.text_bytes + ((seg.flags & LA_TCP_SYN) != 0) + ((seg.flags & LA_TCP_FIN) != 0);
    if (has & LA_TCP_HAS_MSS)
        seg.mss = gen16(g);
    if (has & LA_TCP_HAS_WSCALE)
        seg.wscale = gen8(g);
    if (has & LA_TCP_HAS_USER_TIMEOUT)
        seg.user_timeout = gen16(g);
    if (has & LA_TCP_HAS_TIMESTAMPS) {
        seg.ts_val = gen32(g);
        seg.ts_ecr = gen32(g);
    }
    for (unsigned i = 0; i < sack_n; i++)
        seg.sack[i] = (struct la_tcp_sack){la_seq_of(gen32(g)), la_seq_of(gen32(g))};
    return seg;
}

static void
assert_seg_equal(const struct la_tcp_seg *a, const struct la_tcp_seg *b)
{
    assert_int_equal(a->seq.v, b->seq.v);
    assert_int_equal(a->ack.v, b->ack.v);
    assert_int_equal(a->len, b->len);
    assert_int_equal(a->text_bytes, b->text_bytes);
    assert_int_equal(a->wnd, b->wnd);
    assert_int_equal(a->up, b->up);
    assert_int_equal(a->src_port, b->src_port);
    assert_int_equal(a->dst_port, b->dst_port);
    assert_int_equal(a->flags, b->flags);
    assert_int_equal(a->has, b->has);
    assert_int_equal(a->wscale, b->wscale);
    assert_int_equal(a->mss, b->mss);
    assert_int_equal(a->user_timeout, b->user_timeout);
    assert_int_equal(a->ts_val, b->ts_val);
    assert_int_equal(a->ts_ecr, b->ts_ecr);
    assert_int_equal(a->sack_n, b->sack_n);
    for (unsigned i = 0; i < a->sack_n; i++) {
        assert_int_equal(a->sack[i].left.v, b->sack[i].left.v);
        assert_int_equal(a->sack[i].right.v, b->sack[i].right.v);
    }
}

/* How many SACK blocks stand beside those options in 40 octets. */
static uint8_t
sack_fit_n(uint16_t has, uint8_t sack_n)
{
    unsigned used = 4;
    used += has & LA_TCP_HAS_MSS ? 4 : 0;
    used += has & LA_TCP_HAS_WSCALE ? 4 : 0;
    used += has & LA_TCP_HAS_USER_TIMEOUT ? 4 : 0;
    used += has & LA_TCP_HAS_TIMESTAMPS ? 12 : has & LA_TCP_HAS_SACK_PERMITTED ? 4 : 0;
    unsigned fit_n = (40 - used) / 8;
    return (uint8_t)(sack_n < fit_n ? sack_n : fit_n);
}

static void
round_trip(struct la_tcp_seg *seg)
{
    uint8_t octets[LA_TCP_HEADER_BYTES_MAX];
    size_t n = la_tcp_seg_header_bytes(seg);
    assert_in_range(n, LA_TCP_HEADER_BYTES, LA_TCP_HEADER_BYTES_MAX);
    assert_int_equal(n % 4, 0);
    memset(octets, 0xa5, sizeof octets);
    assert_int_equal(la_tcp_seg_emit(seg, (struct la_room){octets, n}), n);
    for (size_t i = n; i < sizeof octets; i++)
        assert_int_equal(octets[i], 0xa5);

    struct la_bytes b = exact(octets, n);
    struct la_tcp_view view;
    assert_true(la_tcp_view_init(&view, b));
    assert_int_equal(view.header_bytes, n);
    assert_int_equal(la_tcp_view_checksum(&view), 0);
    assert_int_equal(la_tcp_view_reserved(&view), 0);
    struct la_tcp_seg again;
    la_tcp_seg_judge(&again, &view, seg->text_bytes);
    seg->sack_n = sack_fit_n(seg->has, seg->sack_n);
    assert_seg_equal(seg, &again);
    exact_free(b);
}

static void
test_tcp__round_trip_random(void **state)
{
    (void)state;
    struct gen g = {1};
    for (int i = 0; i < 20000; i++) {
        uint16_t has = gen8(&g) & HAS_ALL;
        struct la_tcp_seg seg = seg_random(&g, has, (uint8_t)gen_below(&g, 5));
        round_trip(&seg);
    }
}

static void
test_tcp__round_trip_all_option_combinations(void **state)
{
    (void)state;
    struct gen g = {2};
    for (unsigned has = 0; has <= HAS_ALL; has++) {
        for (uint8_t sack_n = 0; sack_n <= LA_TCP_SACK_MAX; sack_n++) {
            struct la_tcp_seg seg = seg_random(&g, (uint8_t)has, sack_n);
            round_trip(&seg);
        }
    }
}

/* What we send has no End of Option List, so nothing can stand behind one. */
/* LEDGER: MUST-68, MUST-69 */
static void
test_tcp__options_sent_end_with_the_header(void **state)
{
    (void)state;
    struct gen g = {3};
    for (unsigned has = 0; has <= HAS_ALL; has++)
        for (uint8_t sack_n = 0; sack_n <= LA_TCP_SACK_MAX; sack_n++) {
            struct la_tcp_seg seg = seg_random(&g, (uint8_t)has, sack_n);
            uint8_t octets[LA_TCP_HEADER_BYTES_MAX];
            size_t n = la_tcp_seg_header_bytes(&seg), at = LA_TCP_HEADER_BYTES;
            assert_int_equal(la_tcp_seg_emit(&seg, (struct la_room){octets, n}), n);
            while (at < n) {
                assert_int_not_equal(octets[at], 0);
                if (octets[at] != 1)
                    assert_in_range(octets[at + 1], 2, n - at);
                at += octets[at] == 1 ? 1 : octets[at + 1];
            }
            assert_int_equal(at, n);
        }
}

static void
test_tcp__view_reads_every_field(void **state)
{
    (void)state;
    struct gen g = {3};
    for (int i = 0; i < 2000; i++) {
        uint8_t octets[20];
        gen_fill(&g, octets, sizeof octets);
        octets[12] = (uint8_t)(0x50 | (octets[12] & 0x0f));
        struct la_tcp_view view;
        assert_true(la_tcp_view_init(&view, (struct la_bytes){octets, 20}));
        assert_int_equal(la_tcp_view_src_port(&view), octets[0] << 8 | octets[1]);
        assert_int_equal(la_tcp_view_dst_port(&view), octets[2] << 8 | octets[3]);
        assert_int_equal(la_tcp_view_seq(&view), la_get32(octets + 4));
        assert_int_equal(la_tcp_view_ack(&view), la_get32(octets + 8));
        assert_int_equal(la_tcp_view_reserved(&view), octets[12] >> 1 & 7);
        assert_int_equal(la_tcp_view_flags(&view), (octets[12] & 1) << 8 | octets[13]);
        assert_int_equal(la_tcp_view_window(&view), octets[14] << 8 | octets[15]);
        assert_int_equal(la_tcp_view_checksum(&view), octets[16] << 8 | octets[17]);
        assert_int_equal(la_tcp_view_urgent(&view), octets[18] << 8 | octets[19]);
        assert_int_equal(la_tcp_view_options(&view).n, 0);
    }
}

static void
test_tcp__view_every_truncation(void **state)
{
    (void)state;
    uint8_t octets[64] = {0};
    for (unsigned off = 0; off < 16; off++) {
        octets[12] = (uint8_t)(off << 4);
        for (size_t n = 0; n <= sizeof octets; n++) {
            struct la_bytes b = exact(octets, n);
            struct la_tcp_view view;
            bool want = n >= 20 && off >= 5 && off * 4 <= n;
            assert_int_equal(la_tcp_view_init(&view, b), want);
            if (want)
                assert_int_equal(view.header_bytes, off * 4);
            exact_free(b);
        }
    }
}

/* A header with those option octets, NUL padded to 4. */
static void
judge_options(struct la_tcp_seg *seg, const uint8_t *options, size_t n)
{
    uint8_t octets[60] = {0};
    size_t padded = (n + 3) / 4 * 4;
    octets[12] = (uint8_t)((20 + padded) / 4 << 4);
    memcpy(octets + 20, options, n);
    struct la_bytes b = exact(octets, 20 + padded);
    struct la_tcp_view view;
    assert_true(la_tcp_view_init(&view, b));
    la_tcp_seg_judge(seg, &view, 0);
    exact_free(b);
}
#define JUDGE(seg, ...)                                                                            \
    judge_options((seg), (const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__}))

/* LEDGER: MUST-7, MUST-68 */
static void
test_tcp__option_illegal_lengths(void **state)
{
    (void)state;
    struct la_tcp_seg seg;
    for (unsigned len = 0; len < 256; len++) {
        JUDGE(&seg, 2, 4, 5, 180, 99, (uint8_t)len, 0, 0);
        bool malformed = len < 2 || len > 4;
        assert_int_equal(seg.has & LA_TCP_HAS_MALFORMED, malformed ? LA_TCP_HAS_MALFORMED : 0);
        assert_int_equal(seg.has & LA_TCP_HAS_MSS, LA_TCP_HAS_MSS);
        assert_int_equal(seg.mss, 1460);
    }
    JUDGE(&seg, 1, 1, 1, 2); /* the length octet itself is missing */
    assert_int_equal(seg.has, LA_TCP_HAS_MALFORMED);
}

static void
test_tcp__option_wrong_length_for_its_kind(void **state)
{
    (void)state;
    static const uint8_t kinds[] = {2, 3, 4, 5, 8, 28, 34};
    static const uint8_t right[] = {4, 3, 2, 10, 10, 4, 2};
    for (size_t k = 0; k < sizeof kinds; k++) {
        for (uint8_t len = 2; len <= 36; len++) {
            bool fits = len == right[k] || (kinds[k] == 5 && len > 2 && len % 8 == 2);
            fits |= kinds[k] == 34 && len >= 6 && len <= 18 && len % 2 == 0; /* RFC 7413 4.1.1 */
            uint8_t options[40] = {kinds[k], len};
            memset(options + len, 1, sizeof options - len);
            struct la_tcp_seg seg;
            judge_options(&seg, options, sizeof options);
            assert_int_equal((seg.has & LA_TCP_HAS_MALFORMED) == 0, fits);
            if (!fits) {
                assert_int_equal(seg.has, LA_TCP_HAS_MALFORMED);
                assert_int_equal(seg.sack_n, 0);
            }
        }
    }
}

/* LEDGER: MUST-4, MUST-5, MUST-6, MUST-64, MUST-68 */
static void
test_tcp__option_unaligned_and_unknown(void **state)
{
    (void)state;
    struct la_tcp_seg seg;
    JUDGE(&seg, 1, 8, 10, 1, 2, 3, 4, 5, 6, 7, 8, 3, 3, 9, 254, 5, 1, 1, 1, 4, 2, 2, 4, 2, 24);
    assert_int_equal(seg.has, LA_TCP_HAS_TIMESTAMPS | LA_TCP_HAS_WSCALE | LA_TCP_HAS_UNKNOWN |
                                  LA_TCP_HAS_SACK_PERMITTED | LA_TCP_HAS_MSS);
    assert_int_equal(seg.ts_val, 0x01020304);
    assert_int_equal(seg.ts_ecr, 0x05060708);
    assert_int_equal(seg.wscale, 9);
    assert_int_equal(seg.mss, 536);
}

/* LEDGER: MUST-4 */
static void
test_tcp__option_end_of_list_hides_the_rest(void **state)
{
    (void)state;
    struct la_tcp_seg seg;
    JUDGE(&seg, 3, 3, 7, 0, 2, 4, 5, 180);
    assert_int_equal(seg.has, LA_TCP_HAS_WSCALE);
    JUDGE(&seg, 0, 99, 0, 1);
    assert_int_equal(seg.has, 0);
}

/* RFC 7413 4.1.1: the wish, and cookies of each length, in the layout that Linux sends. */
/* LEDGER: RFC7413-1 */
static void
test_tcp__option_fast_open(void **state)
{
    (void)state;
    for (uint8_t n = 0; n <= 16; n = (uint8_t)(n == 0 ? 4 : n + 2)) {
        struct la_tcp_seg seg = {.flags = LA_TCP_SYN,
                                 .has = LA_TCP_HAS_FAST_OPEN | LA_TCP_HAS_MSS | LA_TCP_HAS_WSCALE |
                                        LA_TCP_HAS_TIMESTAMPS | LA_TCP_HAS_SACK_PERMITTED,
                                 .cookie = {.n = n}};
        for (uint8_t i = 0; i < n; i++)
            seg.cookie.bytes[i] = (uint8_t)(i + 1);
        uint8_t octets[LA_TCP_HEADER_BYTES_MAX];
        size_t bytes = la_tcp_seg_emit(&seg, (struct la_room){octets, sizeof octets});
        assert_int_equal(bytes, 40 + (n + 2 + 3) / 4 * 4);
        assert_int_equal(octets[40], LA_TCP_OPT_FAST_OPEN);
        assert_int_equal(octets[41], n + 2);
        for (size_t i = 42u + n; i < bytes; i++)
            assert_int_equal(octets[i], LA_TCP_OPT_NOP);
        struct la_tcp_view view;
        struct la_tcp_seg again;
        assert_true(la_tcp_view_init(&view, (struct la_bytes){octets, bytes}));
        la_tcp_seg_judge(&again, &view, 0);
        assert_int_equal(again.has, seg.has);
        assert_memory_equal(&again.cookie, &seg.cookie, sizeof seg.cookie);
    }
}

/* Beside a user timeout there is no room for the longest cookie: it is left out, nothing else. */
static void
test_tcp__option_fast_open_without_room(void **state)
{
    (void)state;
    struct la_tcp_seg seg = {.flags = LA_TCP_SYN,
                             .has = LA_TCP_HAS_FAST_OPEN | LA_TCP_HAS_MSS | LA_TCP_HAS_WSCALE |
                                    LA_TCP_HAS_TIMESTAMPS | LA_TCP_HAS_USER_TIMEOUT,
                             .cookie = {.n = 16}};
    assert_int_equal(la_tcp_seg_header_bytes(&seg), 44);
    seg.cookie.n = 14;
    seg.sack_n = 1; /* nor for a block then */
    assert_int_equal(la_tcp_seg_header_bytes(&seg), 60);
}

static void
test_tcp__option_the_last_of_a_kind_counts(void **state)
{
    (void)state;
    struct la_tcp_seg seg;
    JUDGE(&seg, 2, 4, 5, 180, 2, 4, 2, 24);
    assert_int_equal(seg.mss, 536);
    JUDGE(&seg, 5, 10, 0, 0, 0, 1, 0, 0, 0, 2, 5, 10, 0, 0, 0, 3, 0, 0, 0, 4);
    assert_int_equal(seg.sack_n, 1);
    assert_int_equal(seg.sack[0].left.v, 3);
    assert_int_equal(seg.sack[0].right.v, 4);
}

static void
test_tcp__option_timestamps_layouts_agree(void **state)
{
    (void)state;
    struct la_tcp_seg fast, slow;
    JUDGE(&fast, 1, 1, 8, 10, 1, 2, 3, 4, 5, 6, 7, 8);
    JUDGE(&slow, 8, 10, 1, 2, 3, 4, 5, 6, 7, 8, 1, 1);
    assert_seg_equal(&fast, &slow);
    assert_int_equal(fast.has, LA_TCP_HAS_TIMESTAMPS);
}

/* The layout of usual SYNs has a way of its own: what it says, and what anything that differs from
 * it in one octet says, is what NOPs behind it, which have it read option by option, do not
 * change. */
static void
test_tcp__option_usual_syn_agrees(void **state)
{
    (void)state;
    static const uint8_t usual[20] = {2, 4, 5, 180, 4, 2, 8, 10, 1, 2,
                                      3, 4, 9, 8,   7, 6, 1, 3,  3, 7};
    struct la_tcp_seg seg, again;
    judge_options(&seg, usual, sizeof usual);
    assert_int_equal(seg.has, LA_TCP_HAS_MSS | LA_TCP_HAS_SACK_PERMITTED | LA_TCP_HAS_TIMESTAMPS |
                                  LA_TCP_HAS_WSCALE);
    assert_int_equal(seg.mss, 1460);
    assert_int_equal(seg.ts_val, 0x01020304);
    assert_int_equal(seg.ts_ecr, 0x09080706);
    assert_int_equal(seg.wscale, 7);
    for (unsigned i = 0; i < sizeof usual * 256; i++) {
        uint8_t options[24];
        memcpy(options, usual, sizeof usual);
        memset(options + sizeof usual, LA_TCP_OPT_NOP, sizeof options - sizeof usual);
        options[i / 256] = (uint8_t)i;
        judge_options(&seg, options, sizeof usual);
        judge_options(&again, options, sizeof options);
        if (i / 256 == 17 && (uint8_t)i > 4 && (uint8_t)i <= 8)
            continue; /* a length that takes in the NOPs */
        assert_seg_equal(&seg, &again);
    }
}

static void
test_tcp__option_iter_random_octets(void **state)
{
    (void)state;
    struct gen g = {4};
    for (int i = 0; i < 50000; i++) {
        uint8_t octets[60];
        gen_fill(&g, octets, sizeof octets);
        for (size_t k = 20; k < sizeof octets; k++) /* small lengths walk further */
            octets[k] = gen_bool(&g) ? octets[k] % 12 : octets[k];
        octets[12] = (uint8_t)((5 + gen_below(&g, 11)) << 4);
        struct la_bytes b = exact(octets, (size_t)(octets[12] >> 4) * 4);
        struct la_tcp_view view;
        assert_true(la_tcp_view_init(&view, b));
        struct la_tcp_option_iter it = la_tcp_option_iter(&view);
        struct la_tcp_option opt;
        size_t before = it.rest.n;
        while (la_tcp_option_next(&it, &opt)) {
            assert_true(it.rest.n < before); /* progress, hence an end */
            before = it.rest.n;
            assert_true(opt.data.p >= b.p + 20 && opt.data.p + opt.data.n <= b.p + b.n);
        }
        assert_false(la_tcp_option_next(&it, &opt));
        struct la_tcp_seg seg;
        la_tcp_seg_judge(&seg, &view, 0);
        assert_int_equal((seg.has & LA_TCP_HAS_MALFORMED) != 0 || !it.malformed, 1);
        exact_free(b);
    }
}

static void
test_tcp__len_counts_syn_and_fin(void **state)
{
    (void)state;
    for (unsigned flags = 0; flags <= LA_TCP_FLAGS_MASK; flags++) {
        struct la_tcp_seg in = {.flags = (uint16_t)flags}, out;
        uint8_t octets[20];
        struct la_tcp_view view;
        la_tcp_seg_emit(&in, (struct la_room){octets, sizeof octets});
        assert_true(la_tcp_view_init(&view, (struct la_bytes){octets, sizeof octets}));
        la_tcp_seg_judge(&out, &view, 100);
        assert_int_equal(out.flags, flags);
        assert_int_equal(out.text_bytes, 100);
        assert_int_equal(out.len, 100 + (flags & 1) + (flags >> 1 & 1));
    }
}

/* What a stencil of one header writes with another's numbers is what the other would be. */
static void
test_tcp__stencil_writes_what_emit_does(void **state)
{
    (void)state;
    struct gen g = {77};
    for (unsigned round = 0; round < 4000; round++) {
        struct la_tcp_seg first = seg_random(&g, (uint8_t)(round & HAS_ALL), (uint8_t)(round % 5));
        struct la_tcp_seg next = first;
        const struct la_tcp_stencil_numbers numbers = {
            gen16(&g), gen16(&g), la_seq_of(gen32(&g)), la_seq_of(gen32(&g)), gen32(&g), gen32(&g)};
        next.src_port = numbers.src_port;
        next.dst_port = numbers.dst_port;
        next.seq = numbers.seq;
        next.ack = numbers.ack;
        next.ts_val = numbers.ts_val;
        next.ts_ecr = numbers.ts_ecr;
        uint8_t made[LA_TCP_HEADER_BYTES_MAX], wanted[LA_TCP_HEADER_BYTES_MAX];
        size_t n = la_tcp_seg_emit(&first, (struct la_room){made, sizeof(made)});
        struct la_tcp_view view;
        struct la_tcp_stencil stencil;
        assert_true(la_tcp_view_init(&view, (struct la_bytes){made, n}));
        la_tcp_stencil_init(&stencil, &view);
        assert_int_equal(la_tcp_seg_emit(&next, (struct la_room){wanted, sizeof(wanted)}), n);
        uint32_t sum = la_tcp_stencil_emit(&stencil, &numbers, made);
        assert_memory_equal(made, wanted, n);
        uint16_t folded = la_sum_fold(sum), right = la_sum_portable(wanted, n);
        assert_int_equal(folded == 0xffff ? 0 : folded, right == 0xffff ? 0 : right);
    }
}

/* Each order and number of fields survives; beside it SACK has what is left; a longer one is read
 * as far as there are fields (RFC 9768 3.2.3). */
/* LEDGER: RFC9768-38 */
static void
test_tcp__option_accecn(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 8; i++) {
        struct la_tcp_seg seg = {.flags = LA_TCP_ACK, .has = LA_TCP_HAS_ACCECN, .sack_n = 4};
        seg.accecn.order = i / 4 != 0;
        seg.accecn.n = i % 4;
        for (unsigned f = 0; f < seg.accecn.n; f++)
            seg.accecn.field[f] = 0xfedcba - f;
        uint8_t octets[LA_TCP_HEADER_BYTES_MAX];
        size_t n = la_tcp_seg_emit(&seg, (struct la_room){octets, sizeof octets});
        struct la_tcp_view view;
        struct la_tcp_seg read;
        assert_true(la_tcp_view_init(&view, (struct la_bytes){octets, n}));
        la_tcp_seg_judge(&read, &view, 0);
        assert_int_equal(read.has, LA_TCP_HAS_ACCECN);
        assert_memory_equal(&read.accecn, &seg.accecn, sizeof(seg.accecn));
        assert_int_equal(read.sack_n, seg.accecn.n == 3 ? 3 : 4 - (seg.accecn.n > 0));
    }
    uint8_t longer[36] = {
        [12] = 0x90, [20] = LA_TCP_OPT_ACCECN_1, 16, 0, 0, 7, 0, 0, 8, 0, 0, 9, 1};
    struct la_tcp_view view;
    struct la_tcp_seg read;
    assert_true(la_tcp_view_init(&view, (struct la_bytes){longer, sizeof longer}));
    la_tcp_seg_judge(&read, &view, 0);
    assert_int_equal(read.has, LA_TCP_HAS_ACCECN);
    assert_int_equal(read.accecn.order, 1);
    assert_int_equal(read.accecn.n, 3);
    assert_int_equal(read.accecn.field[2], 9);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tcp__round_trip_random),
        cmocka_unit_test(test_tcp__round_trip_all_option_combinations),
        cmocka_unit_test(test_tcp__options_sent_end_with_the_header),
        cmocka_unit_test(test_tcp__view_reads_every_field),
        cmocka_unit_test(test_tcp__view_every_truncation),
        cmocka_unit_test(test_tcp__option_illegal_lengths),
        cmocka_unit_test(test_tcp__option_wrong_length_for_its_kind),
        cmocka_unit_test(test_tcp__option_unaligned_and_unknown),
        cmocka_unit_test(test_tcp__option_end_of_list_hides_the_rest),
        cmocka_unit_test(test_tcp__option_fast_open),
        cmocka_unit_test(test_tcp__option_fast_open_without_room),
        cmocka_unit_test(test_tcp__option_accecn),
        cmocka_unit_test(test_tcp__option_the_last_of_a_kind_counts),
        cmocka_unit_test(test_tcp__option_timestamps_layouts_agree),
        cmocka_unit_test(test_tcp__option_usual_syn_agrees),
        cmocka_unit_test(test_tcp__option_iter_random_octets),
        cmocka_unit_test(test_tcp__len_counts_syn_and_fin),
        cmocka_unit_test(test_tcp__stencil_writes_what_emit_does),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
