/* SPDX-License-Identifier: MIT
 *
 * test_parts.c - what the simulator is built from: clocks, agenda, memory, packets, counters
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/rng.h"
#include "base/time.h"
#include "sim/agenda.h"
#include "sim/clock.h"
#include "sim/counts.h"
#include "sim/memory.h"
#include "sim/packet.h"
#include "sim/plan.h"

/* However fast or slow, a clock never goes back, and reaches what it is asked for, not before. */
static void
test_clock__reaches(void **state)
{
    (void)state;
    static const int64_t ppms[] = {0, 1, -1, 50000, -50000, 900000, -900000};
    struct la_rng rng;
    struct la_seed seed = {{1}};
    la_rng_init(&rng, &seed, "clock");
    for (size_t i = 0; i < sizeof(ppms) / sizeof(ppms[0]); i++) {
        struct la_sim_clock clock = {.host_ns = INT64_C(1000000) * LA_NS_PER_S, .ppm = ppms[i]};
        int64_t now_ns = 0;
        for (unsigned n = 0; n < 2000; n++) {
            la_instant shown = la_sim_clock_read(&clock, now_ns);
            la_instant wanted =
                la_instant_add_ns(shown, (int64_t)la_rng_below(&rng, UINT64_C(1) << 44));
            int64_t at_ns = la_sim_clock_reaches(&clock, wanted);
            assert_true(at_ns >= now_ns);
            assert_true(la_instant_le(wanted, la_sim_clock_read(&clock, at_ns)));
            if (at_ns > now_ns)
                assert_true(la_instant_lt(la_sim_clock_read(&clock, at_ns - 10), wanted));
            if (n % 100 == 0)
                la_sim_clock_jump(&clock, at_ns, (int64_t)la_rng_below(&rng, 1000000));
            now_ns = at_ns;
        }
    }
    struct la_sim_clock clock = {.ppm = 5};
    assert_true(la_sim_clock_reaches(&clock, LA_INSTANT_NEVER) == INT64_MAX);
}

/* By time, and what is due at one instant in the order it was put. */
static void
test_agenda__order(void **state)
{
    (void)state;
    struct la_sim_agenda agenda = {0};
    struct la_rng rng;
    struct la_seed seed = {{2}};
    la_rng_init(&rng, &seed, "agenda");
    assert_true(la_sim_agenda_next_ns(&agenda) == INT64_MAX);
    for (unsigned n = 0; n < 3000; n++) {
        struct la_sim_item item = {.at_ns = (int64_t)la_rng_below(&rng, 50)};
        assert_true(la_sim_agenda_put(&agenda, &item));
    }
    struct la_sim_item before = {.at_ns = -1};
    while (agenda.n > 0) {
        int64_t next_ns = la_sim_agenda_next_ns(&agenda);
        struct la_sim_item item = la_sim_agenda_take(&agenda);
        assert_true(item.at_ns == next_ns);
        assert_true(item.at_ns > before.at_ns ||
                    (item.at_ns == before.at_ns && item.order > before.order));
        before = item;
    }
    free(agenda.heap);
}

static void
test_memory__refuses_when_told(void **state)
{
    (void)state;
    struct la_sim_memory memory = {.first_n = 2, .count_n = 5, .every_n = 2, .refuses = true};
    struct la_alloc alloc = la_sim_memory_alloc(&memory);
    void *p[10];
    for (size_t i = 0; i < 10; i++) {
        p[i] = alloc.alloc(alloc.ctx, 100);
        assert_true((p[i] == NULL) == (i == 2 || i == 4 || i == 6));
    }
    assert_int_equal(memory.refused_n, 3);
    assert_int_equal(memory.used_bytes, 700);
    for (size_t i = 0; i < 10; i++)
        if (p[i] != NULL)
            alloc.free(alloc.ctx, p[i], 100);
    assert_int_equal(memory.used_bytes, 0);
    assert_int_equal(memory.peak_bytes, 700);
}

static void
test_packet__made_read_and_copied(void **state)
{
    (void)state;
    struct la_sim_packets packets = {0};
    static const uint8_t text[] = "octets";
    for (unsigned ipv6 = 0; ipv6 < 2; ipv6++) {
        struct la_addr a = ipv6 ? (struct la_addr){{0xfd, [15] = 1}} : la_addr_v4(10, 0, 0, 1);
        struct la_addr b = ipv6 ? (struct la_addr){{0xfd, [15] = 2}} : la_addr_v4(10, 0, 0, 2);
        struct la_lab_packet like = {.src = {a, 1000},
                                     .dst = {b, 80},
                                     .seg = {.seq = {7}, .ack = {9}, .flags = LA_TCP_ACK},
                                     .text = {text, sizeof(text)}};
        struct la_sim_packet *packet = la_sim_packet_make(&packets, &like);
        assert_non_null(packet);
        assert_true(packet->is_tcp);
        assert_int_equal(packet->read.seg.seq.v, 7);
        assert_int_equal(la_sim_packet_kinds(packet), LA_SIM_K_TEXT);
        assert_int_equal(la_sim_packet_tcp_off(packet), ipv6 ? 40 : 20);
        struct la_sim_packet *copy = la_sim_packet_copy(&packets, packet);
        la_sim_packet_sum(copy); /* it was right */
        assert_int_equal(copy->n, packet->n);
        assert_memory_equal(copy->bytes, packet->bytes, packet->n);
        assert_true(copy->read.text.p > copy->bytes && copy->id != packet->id);
        la_sim_packet_free(&packets, copy);
        la_sim_packet_free(&packets, packet);
    }
    la_sim_packets_fini(&packets);
}

/* Whatever can be exercised has a name of its own; what is excused is something that can be. */
static void
test_counts__cover(void **state)
{
    (void)state;
    static struct la_sim_counts counts;
    static struct la_sim_cover covers[1000];
    static const char *const excused[][2] = {
#define EXCUSE(group, name, why) {group, name},
#include "sim/excuse.def"
#undef EXCUSE
    };
    size_t n = 0;
    while (n < 1000 && la_sim_cover_at(&counts, n, &covers[n]))
        n++;
    assert_true(n > 100 && n < 1000);
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < i; j++)
            assert_false(strcmp(covers[i].group, covers[j].group) == 0 &&
                         strcmp(covers[i].name, covers[j].name) == 0);
    for (size_t i = 0; i < sizeof(excused) / sizeof(excused[0]); i++) {
        size_t found_n = 0;
        for (size_t j = 0; j < n; j++)
            found_n += strcmp(covers[j].group, excused[i][0]) == 0 &&
                       strcmp(covers[j].name, excused[i][1]) == 0 && covers[j].excuse != NULL;
        assert_int_equal(found_n, 1);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_clock__reaches),
        cmocka_unit_test(test_agenda__order),
        cmocka_unit_test(test_memory__refuses_when_told),
        cmocka_unit_test(test_packet__made_read_and_copied),
        cmocka_unit_test(test_counts__cover),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
