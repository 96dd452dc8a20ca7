/* SPDX-License-Identifier: MIT
 *
 * test_wire.c - what the memory wire does to packets: delay, rate, MTU, order, damage, memory
 *
 * Fates as such are in test_fate.c.
 */
#include "support.h"

#include "wire/ip4.h"

struct rig {
    struct test_alloc alloc;
    struct la_mem *mem;
    struct la_wire *wire;
    uint64_t next_id;
};

static void
rig_init_caps(struct rig *rig, const struct la_impair *impair, struct la_link_caps caps)
{
    *rig = (struct rig){.next_id = 1};
    rig->mem = test_mem_new(&rig->alloc);
    struct la_wire_cfg cfg = test_wire_cfg(rig->mem);
    cfg.caps = caps;
    cfg.impair[0] = *impair;
    assert_int_equal(la_wire_new(&cfg, &rig->wire), LA_OK);
}

static void
rig_init(struct rig *rig, const struct la_impair *impair)
{
    rig_init_caps(rig, impair, (struct la_link_caps){.mtu_bytes = 1500});
}

static void
rig_fini(struct rig *rig)
{
    la_wire_free(rig->wire);
    test_mem_free(rig->mem, &rig->alloc);
}

static struct la_wire_stats
stats_of(const struct rig *rig)
{
    struct la_wire_stats stats;
    la_wire_stats_get(rig->wire, 0, &stats);
    return stats;
}

/* The client sends a data segment of one flow. */
static uint64_t
send(struct rig *rig, size_t text_bytes, la_instant now)
{
    const struct test_segment segment = {.client_port = 50000,
                                         .server_port = 80,
                                         .flags = LA_TCP_ACK,
                                         .text_bytes = text_bytes,
                                         .id = rig->next_id};
    test_send(rig->wire, 0, test_segment(rig->mem, &segment), now);
    return rig->next_id++;
}

/* The id of what arrives next; 0 = nothing. */
static uint64_t
arrive(struct rig *rig, la_instant now)
{
    struct la_frame *frame = test_receive(rig->wire, 1, now);
    uint64_t id = frame == NULL ? 0 : frame->id;
    la_frame_free(frame);
    return id;
}

static la_instant
deadline(struct rig *rig)
{
    return la_link_deadline(la_wire_end(rig->wire, 1));
}

static void
test_wire__perfect(void **state)
{
    (void)state;
    struct rig rig;
    rig_init(&rig, &(struct la_impair){0});
    assert_true(la_instant_is_never(deadline(&rig)));
    uint64_t asked_n;
    (void)send(&rig, 100, ms(1));
    assert_int_equal(arrive(&rig, ms(1)), 1);
    asked_n = rig.alloc.asked_n;
    for (uint64_t i = 0; i < 100; i++) {
        struct la_frame *frame = test_segment(
            rig.mem, &(struct test_segment){.client_port = 1, .server_port = 2, .id = i + 10});
        test_send(rig.wire, 0, frame, ms(2));
        assert_int_equal(deadline(&rig).ns, ms(2).ns);
        assert_ptr_equal(test_receive(rig.wire, 1, ms(2)), frame); /* moved, not copied */
        la_frame_free(frame);
    }
    assert_int_equal(rig.alloc.asked_n, asked_n);
    assert_int_equal(stats_of(&rig).sent_n, 101);
    assert_int_equal(stats_of(&rig).delivered_n, 101);
    assert_int_equal(stats_of(&rig).octets, 140 + 100 * 40);
    rig_fini(&rig);
}

static void
test_wire__frames_in_flight_are_freed(void **state)
{
    (void)state;
    struct rig rig;
    rig_init(&rig, &(struct la_impair){0});
    (void)send(&rig, 0, ms(0));
    assert_int_equal(
        la_wire_impair_set(rig.wire, 0, &(struct la_impair){.delay_ns = 5, .jitter_ns = 5}), LA_OK);
    for (unsigned i = 0; i < 50; i++)
        (void)send(&rig, 10, ms(0));
    rig_fini(&rig); /* asserts that nothing is left */
    la_wire_free(NULL);
}

static void
test_wire__delay(void **state)
{
    (void)state;
    struct rig rig;
    rig_init(&rig, &(struct la_impair){.delay_ns = ms(40).ns});
    for (int64_t i = 0; i < 300; i++)
        (void)send(&rig, 0, ms(i));
    for (uint64_t i = 1; i <= 300; i++) {
        la_instant at = ms((int64_t)i - 1 + 40);
        assert_int_equal(deadline(&rig).ns, at.ns);
        assert_int_equal(arrive(&rig, la_instant_of_ns(at.ns - 1)), 0);
        assert_int_equal(arrive(&rig, at), i);
    }
    assert_true(la_instant_is_never(deadline(&rig)));
    rig_fini(&rig);
}

/* 1000 octets at 1 Mbit/s take 8 ms; nine of ten sent at once: one on the line, eight wait. */
static void
test_wire__rate_and_queue(void **state)
{
    (void)state;
    struct rig rig;
    rig_init(&rig, &(struct la_impair){.rate_bps = 1000000, .queue_n = 8, .delay_ns = ms(3).ns});
    for (unsigned i = 0; i < 10; i++)
        (void)send(&rig, 960, ms(0));
    assert_int_equal(stats_of(&rig).queue_dropped_n, 1);
    for (uint64_t i = 1; i <= 9; i++) {
        la_instant at = ms((int64_t)i * 8 + 3);
        assert_int_equal(deadline(&rig).ns, at.ns);
        assert_int_equal(arrive(&rig, at), i);
    }
    assert_int_equal(arrive(&rig, ms(1000)), 0);
    (void)send(&rig, 960, ms(1000));
    assert_int_equal(deadline(&rig).ns, ms(1011).ns);
    rig_fini(&rig);
}

static void
test_wire__mtu(void **state)
{
    (void)state;
    struct rig rig;
    rig_init(&rig, &(struct la_impair){.mtu_bytes = 1000});
    (void)send(&rig, 960, ms(0));
    (void)send(&rig, 961, ms(0));
    assert_int_equal(arrive(&rig, ms(0)), 1);
    assert_int_equal(arrive(&rig, ms(0)), 0);
    assert_int_equal(stats_of(&rig).too_big_n, 1);
    rig_fini(&rig);
}

/* What counts is the packets that a super-segment will be cut into. */
static void
test_wire__super_segments(void **state)
{
    (void)state;
    struct rig rig;
    uint8_t text[9000] = {0};
    rig_init_caps(&rig, &(struct la_impair){0},
                  (struct la_link_caps){
                      .mtu_bytes = 1500, .checksum_tx = true, .checksum_rx = true, .tso4 = true});
    for (uint16_t size = 1460; size <= 1461; size++) {
        struct la_frame *frame = test_segment(
            rig.mem, &(struct test_segment){.client_port = 1, .server_port = 2, .id = size});
        const struct la_bytes bytes = {text, sizeof(text)};
        assert_int_equal(la_chain_append_bytes(&frame->payload, rig.mem, bytes), bytes.n);
        frame->gso_size = size;
        frame->gso_kind = LA_GSO_TCPV4;
        frame->csum = LA_CSUM_PARTIAL;
        test_send(rig.wire, 0, frame, ms(0));
    }
    struct la_frame *frame = test_receive(rig.wire, 1, ms(0));
    assert_non_null(frame);
    assert_int_equal(frame->id, 1460);
    assert_int_equal(frame->gso_size, 1460);
    assert_int_equal(frame->csum, LA_CSUM_PARTIAL);
    la_frame_free(frame);
    assert_int_equal(stats_of(&rig).too_big_n, 1);

    /* One that is cut into nothing counts as it is. */
    assert_int_equal(la_wire_impair_set(rig.wire, 0, &(struct la_impair){.mtu_bytes = 600}), LA_OK);
    frame = test_segment(rig.mem, &(struct test_segment){.client_port = 1, .text_bytes = 500});
    frame->gso_size = 1460;
    test_send(rig.wire, 0, frame, ms(0));
    assert_ptr_equal(test_receive(rig.wire, 1, ms(0)), frame);
    la_frame_free(frame);
    rig_fini(&rig);
}

/* A checksum that its sender made is looked at where it arrives, unless the wire marks frames. */
static void
test_wire__marks(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 8; i++) {
        struct rig rig;
        const struct la_impair impair = {.delay_ns = (i & 1) != 0 ? 1000 : 0};
        bool marks = (i & 2) != 0;
        enum la_csum_mark sent = (i & 4) != 0 ? LA_CSUM_VALID : LA_CSUM_PARTIAL;
        rig_init_caps(
            &rig, &impair,
            (struct la_link_caps){.mtu_bytes = 1500, .checksum_tx = true, .checksum_rx = marks});
        struct la_frame *frame = test_segment(rig.mem, &(struct test_segment){.client_port = 1});
        frame->csum = (uint8_t)sent;
        test_send(rig.wire, 0, frame, ms(0));
        frame = test_receive(rig.wire, 1, ms(1));
        assert_non_null(frame);
        assert_int_equal(frame->csum, sent == LA_CSUM_VALID && !marks ? LA_CSUM_UNKNOWN : sent);
        la_frame_free(frame);
        rig_fini(&rig);
    }
}

static void
test_wire__refuses(void **state)
{
    (void)state;
    struct test_alloc alloc = {0};
    struct la_mem *mem = test_mem_new(&alloc);
    struct la_wire *wire;
    struct la_wire_cfg cfg = test_wire_cfg(mem);
    cfg.impair[1].corrupt = 0.1;
    cfg.caps.checksum_tx = true;
    assert_int_equal(la_wire_new(&cfg, &wire), LA_ERR_BAD_ARGUMENT);
    assert_null(wire);
    cfg = test_wire_cfg(mem);
    cfg.caps.mtu_bytes = 0;
    assert_int_equal(la_wire_new(&cfg, &wire), LA_ERR_BAD_ARGUMENT);
    cfg = test_wire_cfg(mem);
    alloc.fail_from = 1;
    assert_int_equal(la_wire_new(&cfg, &wire), LA_ERR_NO_MEMORY);
    alloc.fail_from = 0;
    cfg.caps.checksum_rx = true;
    assert_int_equal(la_wire_new(&cfg, &wire), LA_OK);
    assert_int_equal(la_wire_impair_set(wire, 0, &(struct la_impair){.corrupt = 0.1}),
                     LA_ERR_BAD_ARGUMENT);
    la_wire_free(wire);
    test_mem_free(mem, &alloc);
}

/* Jitter far above the distance of packets: their order stays. */
static void
test_wire__jitter_keeps_order(void **state)
{
    (void)state;
    struct rig rig;
    bool varied = false;
    int64_t last_gap_ns = 0;
    rig_init(&rig, &(struct la_impair){.delay_ns = ms(50).ns, .jitter_ns = ms(20).ns});
    la_instant last = ms(0);
    for (int64_t i = 0; i < 1000; i++)
        (void)send(&rig, 0, ms(i));
    for (uint64_t i = 1; i <= 1000; i++) {
        la_instant at = deadline(&rig);
        assert_int_equal(arrive(&rig, at), i);
        assert_true(la_instant_le(last, at));
        assert_true(at.ns >= ms((int64_t)i - 1 + 30).ns && at.ns <= ms((int64_t)i - 1 + 70).ns);
        varied |= at.ns - last.ns != last_gap_ns;
        last_gap_ns = at.ns - last.ns;
        last = at;
    }
    assert_true(varied);
    rig_fini(&rig);
}

/* More jitter than delay: nothing arrives before it was sent. */
static void
test_wire__jitter_above_delay(void **state)
{
    (void)state;
    struct rig rig;
    rig_init(&rig, &(struct la_impair){.jitter_ns = 5});
    for (int64_t i = 0; i < 100; i++) {
        (void)send(&rig, 0, ms(i));
        assert_true(deadline(&rig).ns >= ms(i).ns && deadline(&rig).ns <= ms(i).ns + 5);
        assert_int_equal(arrive(&rig, deadline(&rig)), i + 1);
    }
    rig_fini(&rig);
}

static void
test_wire__reorder(void **state)
{
    (void)state;
    enum { N = 10000 };
    struct rig rig;
    uint64_t highest = 0, overtaken_n = 0;
    rig_init(&rig,
             &(struct la_impair){.delay_ns = ms(1).ns, .reorder = 0.1, .reorder_ns = ms(3).ns});
    for (int64_t i = 0; i < N; i++)
        (void)send(&rig, 0, la_instant_of_ns(i * LA_NS_PER_MS + i % 2)); /* never two at once */
    for (uint64_t i = 0; i < N; i++) {
        la_instant at = deadline(&rig);
        uint64_t id = arrive(&rig, at);
        int64_t way_ns = at.ns - ((int64_t)id - 1) * LA_NS_PER_MS - (int64_t)(id - 1) % 2;
        assert_true(way_ns == ms(1).ns || way_ns == ms(4).ns);
        assert_true(way_ns == ms(4).ns || id > highest);
        overtaken_n += id < highest;
        highest = id > highest ? id : highest;
    }
    assert_true(overtaken_n > N / 10 * 8 / 10 && overtaken_n < N / 10 * 12 / 10);
    assert_true(stats_of(&rig).reordered_n >= overtaken_n);
    rig_fini(&rig);
}

static void
test_wire__duplicate(void **state)
{
    (void)state;
    struct rig rig;
    rig_init(&rig, &(struct la_impair){.duplicate = 1, .delay_ns = 5});
    (void)send(&rig, 300, ms(0));
    struct la_frame *first = test_receive(rig.wire, 1, ms(1));
    struct la_frame *second = test_receive(rig.wire, 1, ms(1));
    uint8_t a[340], b[340];
    assert_non_null(first);
    assert_non_null(second);
    assert_int_equal(first->id, 1);
    assert_int_equal(second->id, 1);
    assert_int_equal(la_frame_copy_out(first, 0, a, sizeof(a)), 340);
    assert_int_equal(la_frame_copy_out(second, 0, b, sizeof(b)), 340);
    assert_memory_equal(a, b, 340);
    la_frame_free(first);
    la_frame_free(second);
    assert_int_equal(arrive(&rig, ms(1)), 0);
    assert_int_equal(stats_of(&rig).sent_n, 1);
    assert_int_equal(stats_of(&rig).delivered_n, 2);
    assert_int_equal(stats_of(&rig).duplicated_n, 1);
    rig_fini(&rig);
}

/* One bit differs, and not in memory that somebody else looks at. */
static void
test_wire__corrupt(void **state)
{
    (void)state;
    struct rig rig;
    unsigned different_places_n = 0;
    size_t last_place = 0;
    rig_init(&rig, &(struct la_impair){.corrupt = 1});
    for (unsigned i = 0; i < 100; i++) {
        uint8_t before[540], after[540], kept[540];
        unsigned flipped_n = 0;
        struct la_frame *frame = test_segment(
            rig.mem, &(struct test_segment){
                         .client_port = 1, .server_port = 2, .text_bytes = 500, .id = i + 1});
        struct la_frame *sender = NULL;
        if (i % 2 == 0)
            assert_true(la_frame_head_to_payload(frame)); /* all of it in shared blocks */
        sender = la_frame_clone(frame);
        assert_non_null(sender);
        assert_int_equal(la_frame_copy_out(frame, 0, before, sizeof(before)), 540);
        test_send(rig.wire, 0, frame, ms(0));
        frame = test_receive(rig.wire, 1, ms(0));
        assert_non_null(frame);
        assert_int_equal(frame->id, i + 1);
        assert_int_equal(la_frame_copy_out(frame, 0, after, sizeof(after)), 540);
        assert_int_equal(la_frame_copy_out(sender, 0, kept, sizeof(kept)), 540);
        assert_memory_equal(before, kept, 540);
        for (size_t k = 0; k < 540; k++)
            if (before[k] != after[k]) {
                flipped_n += (unsigned)__builtin_popcount((unsigned)(before[k] ^ after[k]));
                different_places_n += k != last_place;
                last_place = k;
            }
        assert_int_equal(flipped_n, 1);
        la_frame_free(frame);
        la_frame_free(sender);
    }
    assert_true(different_places_n > 90);
    assert_int_equal(stats_of(&rig).corrupted_n, 100);
    rig_fini(&rig);
}

/* The damage is in the IP packet, never in the Ethernet header. */
static void
test_wire__corrupt_spares_the_link_header(void **state)
{
    (void)state;
    struct rig rig;
    rig_init_caps(&rig, &(struct la_impair){.corrupt = 1},
                  (struct la_link_caps){.mtu_bytes = 1500, .layer = LA_LINK_ETHERNET});
    for (unsigned i = 0; i < 200; i++) {
        const uint8_t frame_octets[16] = {[12] = 0x08, [13] = 0x00};
        uint8_t after[16];
        test_send(rig.wire, 0, la_frame_from_bytes(rig.mem, (struct la_bytes){frame_octets, 16}),
                  ms(0));
        struct la_frame *frame = test_receive(rig.wire, 1, ms(0));
        assert_non_null(frame);
        assert_int_equal(la_frame_copy_out(frame, 0, after, 16), 16);
        assert_memory_equal(frame_octets, after, 14);
        assert_memory_not_equal(frame_octets, after, 16);
        la_frame_free(frame);
    }
    assert_int_equal(stats_of(&rig).octets, 200 * 2);
    rig_fini(&rig);
}

/* No octets at all, half an Ethernet header, half an IP header, and noise: they pass. */
static void
test_wire__hostile_frames(void **state)
{
    (void)state;
    for (unsigned layer = LA_LINK_IP; layer <= LA_LINK_ETHERNET; layer++) {
        struct rig rig;
        const struct la_impair all = {.delay_ns = 9,
                                      .jitter_ns = 9,
                                      .rate_bps = 1000000,
                                      .duplicate = 0.5,
                                      .corrupt = 0.5,
                                      .reorder = 0.5};
        rig_init_caps(&rig, &all,
                      (struct la_link_caps){.mtu_bytes = 1500, .layer = (uint8_t)layer});
        for (uint32_t i = 0; i < 3000; i++) {
            uint8_t octets[80];
            for (size_t k = 0; k < sizeof(octets); k++)
                octets[k] = (uint8_t)(i * 2654435761u >> (k % 24));
            if (i % 3 == 0 && layer == LA_LINK_ETHERNET) {
                octets[12] = 0x86;
                octets[13] = 0xdd;
            }
            octets[layer == LA_LINK_IP ? 0 : 14] = i % 2 == 0 ? 0x60 : 0x45;
            test_send(rig.wire, 0, la_frame_from_bytes(rig.mem, (struct la_bytes){octets, i % 81}),
                      ms(i));
        }
        for (struct la_frame *frame; (frame = test_receive(rig.wire, 1, ms(100000))) != NULL;)
            la_frame_free(frame);
        struct la_wire_stats stats = stats_of(&rig);
        assert_int_equal(stats.delivered_n, 3000 + stats.duplicated_n);
        rig_fini(&rig);
    }
}

/* From each allocation on that can fail: nothing leaks, everything is counted, and afterwards the
 * wire works. */
static void
test_wire__no_memory(void **state)
{
    (void)state;
    const struct la_impair all = {.delay_ns = ms(5).ns,
                                  .jitter_ns = ms(1).ns,
                                  .rate_bps = 10000000,
                                  .loss = 0.1,
                                  .burst_loss = 0.1,
                                  .duplicate = 0.3,
                                  .corrupt = 0.3,
                                  .reorder = 0.3};
    for (uint64_t more = 1; more < 60; more += more < 20 ? 1 : 7) {
        struct rig rig;
        uint64_t got_n = 0, sent_n = 0;
        rig_init(&rig, &all);
        rig.alloc.fail_from = rig.alloc.asked_n + more;
        for (uint16_t i = 0; i < 1500; i++) {
            struct la_frame *frame = test_segment_try(
                rig.mem, &(struct test_segment){.client_port = (uint16_t)(1000 + i % 300),
                                                .server_port = (uint16_t)(80 + i % 3),
                                                .text_bytes = 1 + i % 1200,
                                                .id = i});
            if (frame == NULL)
                continue;
            sent_n++;
            test_send(rig.wire, 0, frame, ms(i / 10));
        }
        for (struct la_frame *frame; (frame = test_receive(rig.wire, 1, ms(100000))) != NULL;) {
            got_n++;
            la_frame_free(frame);
        }
        struct la_wire_stats stats = stats_of(&rig);
        assert_int_equal(stats.sent_n, sent_n);
        assert_int_equal(stats.delivered_n, got_n);
        assert_true(stats.no_memory_n > 0 || sent_n < 1500);
        assert_true(got_n + stats.lost_n + stats.burst_lost_n + stats.queue_dropped_n +
                        stats.no_memory_n >=
                    sent_n);
        assert_true(got_n + stats.lost_n + stats.burst_lost_n + stats.queue_dropped_n <=
                    sent_n + stats.duplicated_n);
        rig.alloc.fail_from = 0;
        assert_int_equal(la_wire_impair_set(rig.wire, 0, &(struct la_impair){0}), LA_OK);
        uint64_t id = send(&rig, 10, ms(100000));
        assert_int_equal(arrive(&rig, ms(100000)), id);
        rig_fini(&rig);
    }
}

static bool
is_third_or_fifth(void *ctx, const struct la_frame *frame, uint64_t ordinal)
{
    uint64_t *seen_n = ctx;
    ++*seen_n;
    return la_frame_id(frame) != 0 && (ordinal == 3 || ordinal == 5);
}

static void
test_wire__picked(void **state)
{
    (void)state;
    struct rig rig;
    uint64_t seen_n = 0;
    rig_init(&rig, &(struct la_impair){0});
    la_wire_drop_set(rig.wire, 0, is_third_or_fifth, &seen_n);
    for (unsigned i = 0; i < 6; i++)
        (void)send(&rig, 0, ms(0));
    const uint64_t want[] = {1, 2, 4, 6, 0};
    for (unsigned i = 0; i < 5; i++)
        assert_int_equal(arrive(&rig, ms(0)), want[i]);
    assert_int_equal(seen_n, 6);
    la_wire_drop_set(rig.wire, 0, NULL, NULL);
    assert_int_equal(send(&rig, 0, ms(0)), 7);
    assert_int_equal(arrive(&rig, ms(0)), 7);
    assert_int_equal(seen_n, 6);
    assert_int_equal(stats_of(&rig).lost_n, 2);
    rig_fini(&rig);
}

/* A shorter delay does not let packets overtake their own flow. */
static void
test_wire__change_keeps_order(void **state)
{
    (void)state;
    const struct la_impair steps[] = {{.delay_ns = 90},
                                      {.delay_ns = 10},
                                      {.delay_ns = 50, .jitter_ns = 50},
                                      {.delay_ns = 1, .jitter_ns = 1},
                                      {0},
                                      {.rate_bps = 1000000000},
                                      {0}};
    struct rig rig;
    uint64_t last = 0;
    rig_init(&rig, &(struct la_impair){0});
    for (int64_t i = 0; i < 70; i++) {
        assert_int_equal(la_wire_impair_set(rig.wire, 0, &steps[i / 10]), LA_OK);
        (void)send(&rig, 0, la_instant_of_ns(i));
    }
    for (uint64_t id; (id = arrive(&rig, ms(1))) != 0; last = id)
        assert_int_equal(id, last + 1);
    assert_int_equal(last, 70);
    rig_fini(&rig);
}

static void
test_wire__fault_switched_on(void **state)
{
    (void)state;
    struct rig rig;
    rig_init(&rig, &(struct la_impair){0});
    (void)send(&rig, 0, ms(0));
    assert_int_equal(la_wire_impair_set(rig.wire, 0, &(struct la_impair){.loss = 1}), LA_OK);
    (void)send(&rig, 0, ms(0));
    assert_int_equal(arrive(&rig, ms(0)), 1);
    assert_int_equal(arrive(&rig, ms(0)), 0);
    assert_int_equal(stats_of(&rig).lost_n, 1);
    rig_fini(&rig);
}

/* Nor does a delay that is taken away, on a wire that counts no flows. */
static void
test_wire__delay_taken_away(void **state)
{
    (void)state;
    struct rig rig;
    rig_init(&rig, &(struct la_impair){.delay_ns = ms(10).ns});
    (void)send(&rig, 0, ms(0));
    assert_int_equal(la_wire_impair_set(rig.wire, 0, &(struct la_impair){0}), LA_OK);
    (void)send(&rig, 0, ms(1));
    assert_int_equal(arrive(&rig, ms(9)), 0);
    assert_int_equal(arrive(&rig, ms(10)), 1);
    assert_int_equal(arrive(&rig, ms(10)), 2);
    (void)send(&rig, 0, ms(11));
    assert_int_equal(arrive(&rig, ms(11)), 3);
    rig_fini(&rig);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_wire__perfect),
        cmocka_unit_test(test_wire__frames_in_flight_are_freed),
        cmocka_unit_test(test_wire__delay),
        cmocka_unit_test(test_wire__rate_and_queue),
        cmocka_unit_test(test_wire__mtu),
        cmocka_unit_test(test_wire__super_segments),
        cmocka_unit_test(test_wire__marks),
        cmocka_unit_test(test_wire__refuses),
        cmocka_unit_test(test_wire__jitter_keeps_order),
        cmocka_unit_test(test_wire__jitter_above_delay),
        cmocka_unit_test(test_wire__reorder),
        cmocka_unit_test(test_wire__duplicate),
        cmocka_unit_test(test_wire__corrupt),
        cmocka_unit_test(test_wire__corrupt_spares_the_link_header),
        cmocka_unit_test(test_wire__hostile_frames),
        cmocka_unit_test(test_wire__no_memory),
        cmocka_unit_test(test_wire__picked),
        cmocka_unit_test(test_wire__change_keeps_order),
        cmocka_unit_test(test_wire__fault_switched_on),
        cmocka_unit_test(test_wire__delay_taken_away),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
