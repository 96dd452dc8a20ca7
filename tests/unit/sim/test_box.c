/* SPDX-License-Identifier: MIT
 *
 * test_box.c - what the middlebox does to a packet: options, boundaries, numbers
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "sim/world.h"

enum { TEXT_N = 700 };

static struct la_sim_world world;
static uint8_t text[TEXT_N];

/* As the client (end 0) or the server sends it. */
static struct la_sim_packet *
made(unsigned end, const struct la_tcp_seg *seg, size_t text_n)
{
    struct la_endpoint at[2] = {{la_sim_addr(0, world.ipv6), 4000},
                                {la_sim_addr(1, world.ipv6), 80}};
    struct la_lab_packet like = {
        .src = at[end], .dst = at[1 - end], .seg = *seg, .text = {text, text_n}};
    struct la_sim_packet *packet = la_sim_packet_make(&world.packets, &like);
    assert_non_null(packet);
    assert_true(packet->is_tcp);
    packet->conn = 0;
    return packet;
}

/* Its checksums are what they should be. */
static void
assert_sound(struct la_sim_packet *packet)
{
    uint8_t before[2];
    size_t off = la_sim_packet_tcp_off(packet) + 16;
    memcpy(before, packet->bytes + off, 2);
    la_sim_packet_sum(packet);
    assert_memory_equal(packet->bytes + off, before, 2);
}

static const struct la_tcp_seg syn = {
    .seq = {1000},
    .flags = LA_TCP_SYN,
    .has = LA_TCP_HAS_MSS | LA_TCP_HAS_WSCALE | LA_TCP_HAS_SACK_PERMITTED | LA_TCP_HAS_TIMESTAMPS,
    .mss = 1400,
    .wscale = 5,
    .ts_val = 77,
};

static void
test_box__strips(void **state)
{
    (void)state;
    static const struct {
        unsigned kind;
        uint8_t has;
    } kinds[] = {{LA_SIM_O_MSS, LA_TCP_HAS_MSS},
                 {LA_SIM_O_WSCALE, LA_TCP_HAS_WSCALE},
                 {LA_SIM_O_SACK, LA_TCP_HAS_SACK_PERMITTED},
                 {LA_SIM_O_TIMESTAMPS, LA_TCP_HAS_TIMESTAMPS}};
    for (size_t i = 0; i < 4; i++) {
        struct la_sim_packet *packet = made(0, &syn, 0);
        uint32_t n = packet->n;
        assert_true(la_sim_box_strip(packet, kinds[i].kind));
        assert_int_equal(packet->read.seg.has, syn.has & ~kinds[i].has);
        assert_int_equal(packet->n, n);
        assert_sound(packet);
        assert_false(la_sim_box_strip(packet, kinds[i].kind)); /* there is none any more */
        la_sim_packet_free(&world.packets, packet);
    }
}

/* Another order, the same meaning. */
static void
test_box__shuffles(void **state)
{
    (void)state;
    struct la_sim_packet *packet = made(0, &syn, 0);
    struct la_tcp_seg before = packet->read.seg;
    uint8_t octets[60];
    memcpy(octets, packet->bytes, packet->n);
    assert_true(la_sim_box_shuffle(packet));
    assert_memory_not_equal(packet->bytes, octets, packet->n);
    assert_memory_equal(&packet->read.seg, &before, sizeof(before));
    assert_sound(packet);
    la_sim_packet_free(&world.packets, packet);
    struct la_tcp_seg bare = {.flags = LA_TCP_ACK};
    packet = made(0, &bare, 0);
    assert_false(la_sim_box_shuffle(packet));
    la_sim_packet_free(&world.packets, packet);
}

/* Two of one, and one of the two again: what it was. */
static void
test_box__splits_and_merges(void **state)
{
    (void)state;
    struct la_tcp_seg seg = {.seq = {UINT32_MAX - 5},
                             .ack = {9},
                             .wnd = 500,
                             .flags = LA_TCP_ACK | LA_TCP_PSH | LA_TCP_FIN,
                             .has = LA_TCP_HAS_TIMESTAMPS,
                             .ts_val = 5};
    for (unsigned ipv6 = 0; ipv6 < 2; ipv6++) {
        world.ipv6 = ipv6 != 0;
        for (size_t n = 2; n <= TEXT_N; n += 37) {
            struct la_sim_packet *whole = made(0, &seg, n), *two[2];
            assert_true(la_sim_box_split(&world, whole, two));
            assert_int_equal(two[0]->read.text.n + two[1]->read.text.n, n);
            assert_true(la_seq_eq(two[1]->read.seg.seq,
                                  la_seq_add(seg.seq, (uint32_t)two[0]->read.text.n)));
            assert_int_equal(two[0]->read.seg.flags, LA_TCP_ACK);
            assert_int_equal(two[1]->read.seg.flags, seg.flags);
            assert_sound(two[0]);
            assert_sound(two[1]);
            assert_null(la_sim_box_merge(&world, two[1], two[0]));
            struct la_sim_packet *again = la_sim_box_merge(&world, two[0], two[1]);
            assert_non_null(again);
            assert_int_equal(again->n, whole->n);
            assert_memory_equal(again->bytes, whole->bytes, whole->n);
            la_sim_packet_free(&world.packets, whole);
            la_sim_packet_free(&world.packets, two[0]);
            la_sim_packet_free(&world.packets, two[1]);
            la_sim_packet_free(&world.packets, again);
        }
    }
    world.ipv6 = false;
    struct la_sim_packet *one = made(0, &seg, 1), *two[2];
    assert_false(la_sim_box_split(&world, one, two));
    la_sim_packet_free(&world.packets, one);
}

/* The client's numbers move where the server sees them, and back where it speaks of them. */
static void
test_box__shifts(void **state)
{
    (void)state;
    world.box.shift_by = UINT32_C(0xfffffff0);
    struct la_tcp_seg seg = {.seq = {100}, .ack = {200}, .flags = LA_TCP_ACK};
    struct la_sim_packet *packet = made(0, &seg, 10);
    la_sim_box_shift(&world, packet);
    assert_int_equal(packet->read.seg.seq.v, 100 + world.box.shift_by);
    assert_int_equal(packet->read.seg.ack.v, 200);
    assert_sound(packet);
    la_sim_packet_free(&world.packets, packet);
    seg.sack_n = 2;
    seg.sack[0] = (struct la_tcp_sack){{300}, {310}};
    seg.sack[1] = (struct la_tcp_sack){{320}, {330}};
    for (unsigned with_sack = 0; with_sack < 2; with_sack++) {
        uint32_t by = with_sack != 0 ? world.box.shift_by : 0;
        world.box.shift_sack = with_sack != 0;
        packet = made(1, &seg, 0);
        la_sim_box_shift(&world, packet);
        assert_int_equal(packet->read.seg.seq.v, 100);
        assert_int_equal(packet->read.seg.ack.v, 200 - world.box.shift_by);
        for (unsigned i = 0; i < 2; i++) {
            assert_int_equal(packet->read.seg.sack[i].left.v, seg.sack[i].left.v - by);
            assert_int_equal(packet->read.seg.sack[i].right.v, seg.sack[i].right.v - by);
        }
        assert_sound(packet);
        la_sim_packet_free(&world.packets, packet);
    }
    world.box.shift_by = 0;
}

static int
fini(void **state)
{
    (void)state;
    la_sim_packets_fini(&world.packets);
    return 0;
}

int
main(void)
{
    for (size_t i = 0; i < TEXT_N; i++)
        text[i] = (uint8_t)(i * 7);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_box__strips),
        cmocka_unit_test(test_box__shuffles),
        cmocka_unit_test(test_box__splits_and_merges),
        cmocka_unit_test(test_box__shifts),
    };
    return cmocka_run_group_tests(tests, NULL, fini);
}
