/* SPDX-License-Identifier: MIT
 *
 * test_live.c - the story of real stacks: every row finds its end, whatever the wire does
 */
#include "live.h"
#include "support.h"

static void
tell(struct rig *rig, const struct live_cfg *cfg, uint32_t flags)
{
    rig_begin(rig, rig_cfg(120, flags));
    assert_true(live_run(cfg, &rig->trace));
    rig_finish(rig);
    assert_int_equal(rig->stats.unplaced_n, 0);
    assert_int_equal(rig->stats.rows_let_go_n, 0);
    must_not_show(rig, "unknown");
    must_not_show(rig, "under way");
    must_not_show(rig, "┄"); /* an arrival without its departure */
}

static void
test_live__transfer(void **state)
{
    (void)state;
    struct rig rig;
    tell(&rig, &(struct live_cfg){.seed = 1, .octets = 3000, .impair = {.delay_ns = 20000000}}, 0);
    must_show(&rig, "opened    by client: handshake, 40.0 ms");
    must_show(&rig, "closed    by client: ");
    must_show(&rig, "→ 3,000 octets in ");
    must_show(&rig, "nothing lost, nothing sent twice");
    must_show(&rig, "now       client CLOSED, server CLOSED");
    rig_end(&rig);
}

static void
test_live__a_bad_wire(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 10; seed++) {
        struct rig rig;
        struct la_impair impair = {.delay_ns = 10000000,
                                   .rate_bps = 20000000,
                                   .loss = 0.03,
                                   .corrupt = 0.005,
                                   .reorder = 0.01};
        tell(&rig, &(struct live_cfg){.seed = seed, .octets = 200000, .impair = impair},
             LA_STORY_FULL);
        must_show(&rig, "✗ lost on the wire");
        must_show(&rig, "retransmi");
        must_show(&rig, "→ 200,000 octets in ");
        rig_end(&rig);
    }
}

static void
test_live__refused_aborted_and_slow(void **state)
{
    (void)state;
    struct rig rig;
    struct la_impair impair = {.delay_ns = 1000000};
    tell(&rig, &(struct live_cfg){.act = LIVE_REFUSED, .impair = impair}, 0);
    must_show(&rig, "opened    not at all: client asked, server refused");
    rig_end(&rig);
    tell(&rig, &(struct live_cfg){.act = LIVE_ABORT, .octets = 500, .impair = impair}, 0);
    must_show(&rig, "closed    by client: reset, ABORT by its user");
    rig_end(&rig);
    tell(&rig, &(struct live_cfg){.act = LIVE_SLOW, .octets = 20000, .impair = impair}, 0);
    must_show(&rig, "zero-window probe 1");
    must_show(&rig, "closes its window");
    must_show(&rig, "opens its window again");
    rig_end(&rig);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_live__transfer),
        cmocka_unit_test(test_live__a_bad_wire),
        cmocka_unit_test(test_live__refused_aborted_and_slow),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
