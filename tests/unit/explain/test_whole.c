/* SPDX-License-Identifier: MIT
 *
 * test_whole.c - notes of any number of parts are taken in the order of packets
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <lastack/host.h>
#include <string.h>

#include "base/mem.h"
#include "base/rng.h"
#include "explain/share.h"

enum { NOTES_N = 300, SAME_N = 3, MEM_BYTES = 64 << 20 };

static void
no_result(void *ctx, const struct la_explain_conn *conn)
{
    (void)ctx;
    (void)conn;
    fail();
}

struct places {
    unsigned part[NOTES_N];
    uint32_t track[NOTES_N];
};

/* A connection begins with each note, some with the same packet. Which part has it is drawn among
 * the first parts: the others have nothing to say. */
static void
notes_make(struct la_outbox *outboxes, unsigned parts_n, struct places *places, struct la_rng *rng)
{
    for (size_t i = 0; i < NOTES_N; i++) {
        unsigned part = (unsigned)la_rng_below(rng, parts_n);
        struct la_outbox *outbox = &outboxes[part];
        places->part[i] = part;
        places->track[i] = (uint32_t)outbox->notes_n;
        outbox->notes[outbox->notes_n] = (struct la_note){.packet_n = 1 + i / SAME_N,
                                                          .order = i,
                                                          .track = (uint32_t)outbox->notes_n,
                                                          .kind = LA_NOTE_BEGIN};
        outbox->notes_n++;
    }
}

/* Twice: an outbox that was emptied is like a new one. */
static void
collect_from(unsigned parts_n, unsigned talking_n)
{
    static struct la_note notes[LA_PARTS_MAX][NOTES_N];
    struct la_outbox outboxes[LA_PARTS_MAX], *of_all[LA_PARTS_MAX];
    struct la_explain_cfg cfg;
    struct la_whole whole;
    struct places places;
    struct la_rng rng;
    struct la_mem *mem = la_mem_new(la_host_alloc(), MEM_BYTES);
    la_rng_init(&rng, &(struct la_seed){{parts_n, talking_n}}, "parts");
    la_explain_cfg_init(&cfg);
    assert_int_equal(la_whole_init(&whole, &cfg, mem), LA_OK);
    for (unsigned i = 0; i < parts_n; i++) {
        la_outbox_init(&outboxes[i], mem);
        outboxes[i].notes = notes[i];
        of_all[i] = &outboxes[i];
    }
    for (uint64_t before_n = 0; before_n < 2 * NOTES_N; before_n += NOTES_N) {
        notes_make(outboxes, talking_n, &places, &rng);
        la_whole_collect(&whole, of_all, parts_n, no_result, NULL);
        assert_false(whole.is_incomplete);
        assert_int_equal(whole.next_id, before_n + NOTES_N);
        for (size_t i = 0; i < NOTES_N; i++)
            assert_int_equal(whole.part[places.part[i]].slots[places.track[i]].id, before_n + i);
    }
    la_whole_fini(&whole);
    la_mem_unref(mem);
}

static void
test_any_number_of_parts(void **state)
{
    (void)state;
    for (unsigned parts_n = 1; parts_n <= LA_PARTS_MAX; parts_n++)
        collect_from(parts_n, parts_n);
}

static void
test_parts_with_nothing_to_say(void **state)
{
    (void)state;
    for (unsigned talking_n = 1; talking_n < 5; talking_n++)
        collect_from(5, talking_n);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_any_number_of_parts),
                                       cmocka_unit_test(test_parts_with_nothing_to_say)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
