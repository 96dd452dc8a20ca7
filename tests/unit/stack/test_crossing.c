/* SPDX-License-Identifier: MIT
 *
 * test_crossing.c - simultaneous open (RFC 9293 3.5 figure 7): what it is not
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/time.h"
#include "pair.h"

enum { SMSS = 1448 };

/* The SYN,ACK repeats a SYN that was not lost: neither a retransmission (RFC 6298 5.7 would make
 * the timeout begin at 3 s) nor a reason for an initial window of one segment (RFC 5681 3.1). */
static void
test_crossing__the_syn_ack_is_no_retransmission(void **state)
{
    (void)state;
    struct pair p;
    struct pair_cfg cfg = {
        .seed = 1,
        .impair = {{.delay_ns = 10 * LA_NS_PER_MS}, {.delay_ns = 10 * LA_NS_PER_MS}},
    };
    la_handle conn[2];
    assert_true(pair_new(&p, &cfg));
    for (int end = 0; end < 2; end++) {
        struct la_endpoint local = pair_addr(end, false, 4000),
                           remote = pair_addr(!end, false, 4000);
        assert_int_equal(la_conn_open(p.end[end], &local, &remote, NULL, &conn[end], p.now), LA_OK);
    }
    pair_run_us(&p, 100 * LA_US_PER_MS);
    for (int end = 0; end < 2; end++) {
        struct la_conn_status status;
        assert_int_equal(la_conn_status(p.end[end], conn[end], &status), LA_OK);
        assert_int_equal(status.state, LA_TCP_ESTABLISHED);
        assert_int_equal(status.retransmissions_n, 0);
        assert_int_equal(la_stack_stats(p.end[end])->tcp_retransmissions, 0);
        assert_in_range(status.rto_us, 1, 1000000);
        assert_int_equal(status.cwnd_bytes, 10 * SMSS);
        assert_in_range(status.snd_wnd, 65000, 65535); /* a SYN,ACK's is not scaled */
    }
    assert_int_equal(pair_free(&p), 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_crossing__the_syn_ack_is_no_retransmission),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
