/* SPDX-License-Identifier: MIT
 *
 * test_share.c - flows that are few are spread evenly over the parts, whenever they begin
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <lastack/host.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/link_type.h"
#include "base/mem.h"
#include "explain/share.h"

enum { FLOWS_N = 8, ROUNDS_N = 32, PACKET_BYTES = 54, TAGGED_BYTES = 58, PARTS_MAX = 4 };

/* Ethernet, IPv4, TCP; in one direction or the other. */
static void
packet_make(uint8_t p[PACKET_BYTES], unsigned flow, bool back)
{
    uint16_t client = (uint16_t)(20000 + 977 * flow), server = 8000;
    memset(p, 0, PACKET_BYTES);
    la_put16(p + 12, 0x0800);
    p[14] = 0x45;
    la_put16(p + 16, PACKET_BYTES - 14);
    p[23] = 6;
    la_put32(p + 26, back ? 0x0a000002 : 0x0a000001);
    la_put32(p + 30, back ? 0x0a000001 : 0x0a000002);
    la_put16(p + 34, back ? server : client);
    la_put16(p + 36, back ? client : server);
    p[46] = 5 << 4;
    p[47] = 0x10;
}

/* The part's i-th packet of the batch; NULL: it has none. */
static const struct la_given *
given_to(const struct la_batch *batch, unsigned part, size_t i)
{
    size_t lot = batch->of[part].first;
    if (batch->of[part].at == NULL)
        return NULL;
    for (; i >= la_batch_given_n(batch, part, lot); i -= LA_LOT_N) {
        if (lot == batch->of[part].last)
            return NULL;
        lot = batch->lot_next[lot];
    }
    return &batch->lots[lot][i];
}

/* The part that the batch's last packet was given to. */
static unsigned
part_of_last(const struct la_batch *batch, unsigned parts_n)
{
    unsigned part = 0;
    while (part < parts_n &&
           (batch->of[part].at == NULL || batch->of[part].at[-1].place != batch->n - 1))
        part++;
    assert_true(part < parts_n);
    return part;
}

static void
tagged_make(uint8_t p[TAGGED_BYTES], const uint8_t packet[PACKET_BYTES])
{
    memcpy(p, packet, 12);
    la_put16(p + 12, 0x8100);
    la_put16(p + 14, 7);
    memcpy(p + 16, packet + 12, PACKET_BYTES - 12);
}

struct spread {
    struct la_mem *mem;
    struct la_intake *intake;
    struct la_batch *batch;
    unsigned parts_n;
    uint64_t packets_n, given_n[PARTS_MAX];
    uint8_t octets[FLOWS_N][2][PACKET_BYTES];
    uint8_t tagged[FLOWS_N][TAGGED_BYTES]; /* the same in one direction, in a VLAN */
};

static void
spread_init(struct spread *s, unsigned parts_n)
{
    *s = (struct spread){.mem = la_mem_new(la_host_alloc(), 64 << 20), .parts_n = parts_n};
    s->intake = calloc(1, sizeof(*s->intake));
    s->batch = aligned_alloc(_Alignof(struct la_batch), sizeof(*s->batch));
    assert_true(s->mem != NULL && s->intake != NULL && s->batch != NULL);
    assert_true(la_intake_init(s->intake, s->mem, parts_n));
    s->batch->decoded = NULL;
    s->batch->decoded_cap = 0;
    la_batch_begin(s->batch, s->intake);
    for (unsigned flow = 0; flow < FLOWS_N; flow++)
        for (unsigned back = 0; back < 2; back++)
            packet_make(s->octets[flow][back], flow, back != 0);
    for (unsigned flow = 0; flow < FLOWS_N; flow++)
        tagged_make(s->tagged[flow], s->octets[flow][0]);
}

static void
spread_fini(struct spread *s)
{
    la_batch_fini(s->batch, s->intake);
    la_intake_fini(s->intake);
    free(s->batch);
    free(s->intake);
    la_mem_unref(s->mem);
}

/* Returns whose packet it is. */
static unsigned
spread_take_octets(struct spread *s, const uint8_t *octets, size_t n)
{
    struct la_batch *batch = s->batch;
    if (batch->n == LA_BATCH_N)
        la_batch_begin(batch, s->intake);
    size_t i = batch->n;
    const struct la_explain_packet packet = {.bytes = {octets, n},
                                             .wire_bytes = (uint32_t)n,
                                             .link_type = LA_LINKTYPE_ETHERNET,
                                             .frame = ++s->packets_n,
                                             .at = {(int64_t)s->packets_n}};
    assert_true(la_intake_take(s->intake, batch, &packet, 1));
    assert_int_equal(batch->n, i + 1);
    unsigned part = part_of_last(batch, s->parts_n);
    s->given_n[part]++;
    return part;
}

/* A packet of a flow in one direction or the other. */
static unsigned
spread_take(struct spread *s, unsigned flow, bool back)
{
    return spread_take_octets(s, s->octets[flow][back], PACKET_BYTES);
}

static void
spread_over(unsigned parts_n)
{
    struct spread s;
    unsigned part[FLOWS_N];
    spread_init(&s, parts_n);
    for (unsigned i = 0; i < FLOWS_N * ROUNDS_N; i++) {
        unsigned flow = i % FLOWS_N, given = spread_take(&s, flow, i / FLOWS_N % 2 != 0);
        if (i < FLOWS_N)
            part[flow] = given;
        assert_int_equal(given, part[flow]); /* both directions, for ever */
    }
    for (unsigned i = 0; i < parts_n; i++)
        assert_int_equal(s.given_n[i], FLOWS_N * ROUNDS_N / parts_n);
    spread_fini(&s);
}

static void
test_two(void **state)
{
    (void)state;
    spread_over(2);
}

static void
test_four(void **state)
{
    (void)state;
    spread_over(4);
}

/* One part is a little ahead when half of the flows begin, all at the same time: they do not all go
 * to the other one. */
static void
test_many_begin_at_once(void **state)
{
    struct spread s;
    (void)state;
    spread_init(&s, 2);
    for (unsigned i = 0; i < FLOWS_N / 2 * ROUNDS_N + 1; i++)
        (void)spread_take(&s, i % (FLOWS_N / 2), false);
    uint64_t before_n[2] = {s.given_n[0], s.given_n[1]};
    for (unsigned i = 0; i < FLOWS_N / 2 * ROUNDS_N; i++)
        (void)spread_take(&s, FLOWS_N / 2 + i % (FLOWS_N / 2), false);
    for (unsigned i = 0; i < 2; i++)
        assert_int_equal(s.given_n[i] - before_n[i], FLOWS_N / 4 * ROUNDS_N);
    spread_fini(&s);
}

/* What is decoded by the intake, for it is not simple, has the part of its flow's other packets. */
static void
test_simple_or_not(void **state)
{
    struct spread s;
    unsigned part[FLOWS_N];
    (void)state;
    spread_init(&s, PARTS_MAX);
    for (unsigned flow = 0; flow < FLOWS_N; flow++)
        part[flow] = spread_take(&s, flow, false);
    for (unsigned flow = 0; flow < FLOWS_N; flow++) {
        size_t decoded_n = s.batch->decoded_n;
        assert_int_equal(spread_take_octets(&s, s.tagged[flow], TAGGED_BYTES), part[flow]);
        assert_int_equal(s.batch->decoded_n, decoded_n + 1);
    }
    spread_fini(&s);
}

/* However many packets a part has: each packet is one part's, and parts have them in order. */
static void
test_all_are_given_in_order(void **state)
{
    struct spread s;
    size_t given_n = 0;
    (void)state;
    spread_init(&s, 3);
    for (unsigned i = 0; i < LA_BATCH_N; i++)
        (void)spread_take(&s, i % 7 == 0 ? i % FLOWS_N : 0, false);
    for (unsigned part = 0; part < s.parts_n; part++) {
        int64_t before = -1;
        const struct la_given *given;
        for (size_t i = 0; (given = given_to(s.batch, part, i)) != NULL; i++) {
            assert_true(given->place > before);
            assert_int_equal(given->packet.frame, given->place + 1);
            assert_int_equal(given->now_ns, s.batch->now_ns[given->place]);
            before = given->place;
            given_n++;
        }
    }
    assert_int_equal(given_n, LA_BATCH_N);
    spread_fini(&s);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_two), cmocka_unit_test(test_four),
                                       cmocka_unit_test(test_many_begin_at_once),
                                       cmocka_unit_test(test_simple_or_not),
                                       cmocka_unit_test(test_all_are_given_in_order)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
