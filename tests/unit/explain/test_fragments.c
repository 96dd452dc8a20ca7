/* SPDX-License-Identifier: MIT
 *
 * test_fragments.c - datagrams out of fragments: any order, twice, overlapping, cut, too many
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "base/rng.h"
#include "explain/fragments.h"
#include "frames.h"
#include "wire/ip.h"
#include "base/link_type.h"

enum { DATAGRAM_BYTES = 1003 };

static uint8_t datagram[DATAGRAM_BYTES];

static struct la_fragment
piece(uint32_t id, uint32_t off, uint32_t n)
{
    return (struct la_fragment){.src = frame_a,
                                .dst = frame_b,
                                .id = id,
                                .version = 4,
                                .protocol = LA_IP_TCP,
                                .more = off + n < DATAGRAM_BYTES,
                                .off_bytes = off,
                                .wire_bytes = n,
                                .bytes = {datagram + off, n}};
}

static int
setup(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof datagram; i++)
        datagram[i] = (uint8_t)(i * 7 + i / 251);
    return 0;
}

/* Cuts of any size, in any order, some of them twice: the datagram is whole when the last piece has
 * come, and never before. */
static void
test_fragments__any_order(void **state)
{
    (void)state;
    struct la_mem *mem = frame_mem();
    struct la_fragments *f = la_fragments_new(mem);
    struct la_rng rng;
    la_rng_init(&rng, &(struct la_seed){{5}}, "fragments");
    for (uint32_t run = 0; run < 300; run++) {
        struct la_fragment pieces[160];
        uint32_t n = 0, off = 0;
        while (off < DATAGRAM_BYTES) {
            uint32_t size = 8 * (1 + (uint32_t)la_rng_below(&rng, 40));
            size = size < DATAGRAM_BYTES - off ? size : DATAGRAM_BYTES - off;
            pieces[n++] = piece(run, off, size);
            off += size;
        }
        for (uint32_t i = n; i-- > 1;) {
            uint32_t j = (uint32_t)la_rng_below(&rng, i + 1);
            struct la_fragment swap = pieces[i];
            pieces[i] = pieces[j];
            pieces[j] = swap;
        }
        struct la_bytes out;
        uint32_t wire_bytes;
        for (uint32_t i = 0; i < n; i++) {
            if (i + 1 < n && la_rng_below(&rng, 4) == 0)
                assert_false(la_fragments_add(f, &pieces[i], &out, &wire_bytes));
            assert_int_equal(la_fragments_add(f, &pieces[i], &out, &wire_bytes), i + 1 == n);
        }
        assert_int_equal(wire_bytes, DATAGRAM_BYTES);
        assert_int_equal(out.n, DATAGRAM_BYTES);
        assert_memory_equal(out.p, datagram, DATAGRAM_BYTES);
    }
    assert_int_equal(la_fragments_counts_get(f)->whole_n, 300);
    assert_int_equal(la_fragments_counts_get(f)->given_up_n, 0);
    la_fragments_free(f);
    struct la_mem_stats stats;
    la_mem_stats_get(mem, &stats);
    la_mem_unref(mem);
}

/* Of IPv4 the first octets stay; IPv6 forbids overlap, but for exact repetitions. */
static void
test_fragments__overlap(void **state)
{
    static const uint8_t others[64] = {0};
    (void)state;
    for (uint8_t version = 4; version <= 6; version += 2) {
        struct la_mem *mem = frame_mem();
        struct la_fragments *f = la_fragments_new(mem);
        struct la_bytes out;
        uint32_t wire_bytes;
        struct la_fragment first = piece(1, 0, 400), again = piece(1, 392, 64), last;
        last = piece(1, 400, DATAGRAM_BYTES - 400);
        again.bytes.p = others;
        first.version = again.version = last.version = version;
        assert_false(la_fragments_add(f, &first, &out, &wire_bytes));
        assert_false(la_fragments_add(f, &first, &out, &wire_bytes));
        assert_false(la_fragments_add(f, &again, &out, &wire_bytes));
        bool whole = la_fragments_add(f, &last, &out, &wire_bytes);
        assert_int_equal(whole, version == 4);
        if (whole) {
            assert_memory_equal(out.p, datagram, 400);
            assert_memory_equal(out.p + 400, others, 56);
            assert_memory_equal(out.p + 456, datagram + 456, DATAGRAM_BYTES - 456);
        }
        assert_int_equal(la_fragments_counts_get(f)->given_up_n, version == 6);
        la_fragments_free(f);
        la_mem_unref(mem);
    }
}

/* What cannot be. */
static void
test_fragments__impossible(void **state)
{
    struct la_mem *mem = frame_mem();
    struct la_fragments *f = la_fragments_new(mem);
    struct la_bytes out;
    uint32_t wire_bytes;
    (void)state;
    struct la_fragment bad[] = {piece(1, 0, 12), piece(1, 0, 0), piece(1, 4, 8), piece(1, 0, 8)};
    bad[0].more = bad[2].more = true;
    bad[3].off_bytes = 65528;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        bad[i].bytes = (struct la_bytes){datagram, bad[i].wire_bytes};
        assert_false(la_fragments_add(f, &bad[i], &out, &wire_bytes));
    }
    assert_int_equal(la_fragments_counts_get(f)->refused_n, 4);
    /* Octets behind the end; an end before octets; two ends. */
    const struct la_fragment end = piece(2, 800, DATAGRAM_BYTES - 800);
    struct la_fragment behind = piece(2, 1000, 8), before = piece(3, 80, 3);
    behind.bytes.p = before.bytes.p = datagram;
    before.more = false;
    assert_false(la_fragments_add(f, &end, &out, &wire_bytes));
    behind.more = true;
    assert_false(la_fragments_add(f, &behind, &out, &wire_bytes));
    struct la_fragment late = piece(3, 160, 80);
    assert_false(la_fragments_add(f, &late, &out, &wire_bytes));
    assert_false(la_fragments_add(f, &before, &out, &wire_bytes));
    assert_int_equal(la_fragments_counts_get(f)->given_up_n, 2);
    la_fragments_free(f);
    la_mem_unref(mem);
}

/* First pieces for ever: bounded, and the latest ones can still become whole. Old ones do not mix
 * with a new use of their identification. */
static void
test_fragments__bounds(void **state)
{
    struct la_mem *mem = frame_mem();
    struct la_fragments *f = la_fragments_new(mem);
    struct la_bytes out;
    uint32_t wire_bytes;
    struct la_mem_stats stats;
    (void)state;
    for (uint32_t id = 0; id < 3000; id++) {
        static uint8_t zeros[65536];
        struct la_fragment big = piece(id, 0, 65000 / 8 * 8);
        big.more = true;
        big.bytes.p = zeros;
        assert_false(
            la_fragments_add(f, id % 2 ? &big : &(struct la_fragment){0}, &out, &wire_bytes));
        la_mem_stats_get(mem, &stats);
        assert_true(stats.used_bytes < LA_FRAGMENTS_BYTES_MAX + (64 << 10));
    }
    for (uint32_t id = 5000; id < 7000; id++) {
        struct la_fragment first = piece(id, 0, 800);
        assert_false(la_fragments_add(f, &first, &out, &wire_bytes));
    }
    struct la_fragment last = piece(6999, 800, DATAGRAM_BYTES - 800);
    assert_true(la_fragments_add(f, &last, &out, &wire_bytes));
    last.id = 5000;
    assert_false(la_fragments_add(f, &last, &out, &wire_bytes));
    last.id = 6998;
    last.at.ns = INT64_C(61000000000);
    assert_false(la_fragments_add(f, &last, &out, &wire_bytes));
    la_fragments_free(f);
    la_mem_unref(mem);
}

static bool refuse;

static void *
sometimes(void *ctx, size_t n)
{
    (void)ctx;
    return refuse ? NULL : malloc(n);
}

static void
give(void *ctx, void *p, size_t n)
{
    (void)ctx;
    (void)n;
    free(p);
}

static void
test_fragments__no_memory(void **state)
{
    struct la_mem *mem = la_mem_new(&(struct la_alloc){sometimes, give, NULL}, 0);
    struct la_bytes out;
    uint32_t wire_bytes;
    (void)state;
    refuse = true;
    assert_null(la_fragments_new(mem));
    refuse = false;
    struct la_fragments *f = la_fragments_new(mem);
    struct la_fragment first = piece(1, 0, 800), last = piece(1, 800, DATAGRAM_BYTES - 800);
    refuse = true;
    assert_false(la_fragments_add(f, &first, &out, &wire_bytes));
    assert_int_equal(la_fragments_counts_get(f)->given_up_n, 1);
    refuse = false;
    assert_false(la_fragments_add(f, &first, &out, &wire_bytes));
    assert_true(la_fragments_add(f, &last, &out, &wire_bytes));
    la_fragments_free(f);
    la_mem_unref(mem);
}

/* Through the decoder: IPv4 and IPv6, a tunnel's packet in fragments, and that in fragments again;
 * snapped ones as far as they go. */
static void
put_fragments(struct la_decoder *decoder, const struct frame *whole, size_t header_n, size_t cut,
              size_t cap_n, struct la_seen *seen)
{
    const uint8_t *p = whole->room + whole->off;
    size_t body_n = whole->n - header_n;
    for (size_t off = 0; off < body_n; off += cut) {
        static uint8_t packet[FRAME_BYTES_MAX];
        size_t n = body_n - off < cut ? body_n - off : cut;
        memcpy(packet, p, header_n);
        memcpy(packet + header_n, p + header_n + off, n);
        la_put16(packet + 2, (uint16_t)(header_n + n));
        la_put16(packet + 6, (uint16_t)((off + n < body_n ? 0x2000 : 0) | off / 8));
        size_t all = header_n + n;
        la_decode(decoder,
                  &(struct la_explain_packet){.bytes = {packet, all < cap_n ? all : cap_n},
                                              .wire_bytes = (uint32_t)all,
                                              .link_type = LA_LINKTYPE_RAW},
                  seen);
        assert_int_equal(seen->kind, off + n < body_n ? LA_SEEN_FRAGMENT : seen->kind);
    }
}

static void
test_fragments__decoded(void **state)
{
    struct la_mem *mem = frame_mem();
    struct la_decoder decoder;
    struct la_seen seen;
    struct frame frame;
    (void)state;
    assert_true(la_decoder_init(&decoder, mem, &(struct la_decode_options){.verify_every_n = 1}));
    frame_usual(&frame, 1400);
    put_fragments(&decoder, &frame, 20, 296, SIZE_MAX, &seen);
    assert_true(seen.kind == LA_SEEN_TCP && seen.checksum == LA_SEEN_CHECKSUM_GOOD);
    assert_int_equal(seen.oddities, LA_SEEN_REASSEMBLED);
    assert_int_equal(seen.text.n, 1400);

    put_fragments(&decoder, &frame, 20, 296, 100, &seen);
    assert_int_equal(seen.kind, LA_SEEN_TCP);
    assert_true(seen.tcp.text_bytes == 1400 && seen.text.n == 48);
    assert_int_equal(seen.oddities, LA_SEEN_REASSEMBLED | LA_SEEN_SNAPPED_TEXT);

    frame_ip4(&frame, &frame_b, &frame_a, LA_IP_IPV4);
    put_fragments(&decoder, &frame, 20, 800, SIZE_MAX, &seen);
    assert_true(seen.kind == LA_SEEN_TCP && seen.checksum == LA_SEEN_CHECKSUM_GOOD);
    assert_int_equal(seen.layers_n, 1);
    la_decoder_fini(&decoder);
    la_mem_unref(mem);
}

static void
test_fragments__decoded_ip6(void **state)
{
    struct la_mem *mem = frame_mem();
    struct la_decoder decoder;
    struct la_seen seen = {0};
    struct frame whole;
    (void)state;
    assert_true(la_decoder_init(&decoder, mem, &(struct la_decode_options){.verify_every_n = 1}));
    frame_tcp(&whole, &frame_a6, &frame_b6, LA_TCP_ACK, 2000);
    for (size_t off = 0; off < whole.n; off += 1024) {
        struct frame frame = {0};
        size_t n = whole.n - off < 1024 ? whole.n - off : 1024;
        uint8_t header[8] = {LA_IP_TCP, 0, 0, 0, 1, 2, 3, 4};
        la_put16(header + 2, (uint16_t)(off | (off + n < whole.n)));
        frame_push(&frame, whole.room + whole.off + off, n);
        frame_push(&frame, header, sizeof header);
        frame_ip6(&frame, &frame_a6, &frame_b6, LA_IP_FRAGMENT);
        la_decode(&decoder,
                  &(struct la_explain_packet){.bytes = {frame.room + frame.off, frame.n},
                                              .wire_bytes = (uint32_t)frame.n,
                                              .link_type = LA_LINKTYPE_RAW},
                  &seen);
    }
    assert_true(seen.kind == LA_SEEN_TCP && seen.checksum == LA_SEEN_CHECKSUM_GOOD);
    assert_true(seen.has_ip_id && seen.ip_id == 0x01020304);
    assert_int_equal(seen.text.n, 2000);
    la_decoder_fini(&decoder);
    la_mem_unref(mem);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fragments__any_order),   cmocka_unit_test(test_fragments__overlap),
        cmocka_unit_test(test_fragments__impossible),  cmocka_unit_test(test_fragments__bounds),
        cmocka_unit_test(test_fragments__no_memory),   cmocka_unit_test(test_fragments__decoded),
        cmocka_unit_test(test_fragments__decoded_ip6),
    };
    return cmocka_run_group_tests(tests, setup, NULL);
}
