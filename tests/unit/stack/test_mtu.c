/* SPDX-License-Identifier: MIT
 *
 * test_mtu.c - segments fit the interface, however small it is
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/time.h"
#include "pair.h"

enum { OCTETS_N = 1000 };

/* RFC 791 3.2: every module must be able to forward 68 octets, and an interface may have no more.
 */
static void
test_mtu__the_smallest_carries_octets(void **state)
{
    (void)state;
    static uint8_t octets[OCTETS_N];
    static const uint32_t mtus[] = {68, 69, 80, 103, 104, 105, 296};
    for (size_t i = 0; i < sizeof(mtus) / sizeof(mtus[0]); i++) {
        struct pair p;
        struct pair_cfg cfg = {.seed = i, .mtu_bytes = mtus[i]};
        la_handle client, server;
        struct la_conn_status status;
        assert_true(pair_new(&p, &cfg));
        assert_true(pair_connect(&p, false, &client, &server));
        struct la_bytes all = {octets, OCTETS_N};
        assert_int_equal(la_conn_send(p.end[0], client, all, false, p.now), OCTETS_N);
        pair_run_us(&p, 10 * LA_US_PER_S);
        assert_int_equal(la_conn_status(p.end[1], server, &status), LA_OK);
        assert_int_equal(status.bytes_received, OCTETS_N);
        assert_true(status.mss_receive + 40 <= mtus[i]);
        assert_int_equal(la_stack_stats(p.end[0])->reason[LA_REASON_PACKET_TOO_BIG], 0);
        assert_int_equal(pair_free(&p), 0);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_mtu__the_smallest_carries_octets),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
