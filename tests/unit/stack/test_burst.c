/* SPDX-License-Identifier: MIT
 *
 * test_burst.c - segments that arrive together are acknowledged together
 *
 * Read first: RFC 9293 3.10.7.4, before "first".
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/time.h"
#include "pair.h"

enum { SEGMENTS_N = 10, SMSS = 1448, SERVER = 1 };

struct heard {
    unsigned acks_n, arrived_n;
    uint32_t first, last; /* acknowledgement numbers */
};

static void
hear(void *ctx, const struct la_event *event)
{
    struct heard *heard = ctx;
    if (event->end != SERVER)
        return;
    heard->arrived_n += event->kind == LA_EVENT_SEGMENT_ARRIVED && event->u.segment.len > 0;
    if (event->kind != LA_EVENT_SEGMENT_SENT)
        return;
    if (heard->acks_n++ == 0)
        heard->first = event->u.segment.ack;
    heard->last = event->u.segment.ack;
}

/* Ten segments reach one la_stack_input(): no ACK before all of them have been looked at. */
/* LEDGER: MUST-58, MUST-59 */
static void
test_burst__one_ack_at_its_end(void **state)
{
    (void)state;
    static uint8_t octets[SEGMENTS_N * SMSS];
    struct heard heard = {0};
    struct pair p;
    la_handle client, server;
    struct pair_cfg cfg = {
        .seed = 1,
        .impair = {{.delay_ns = 10 * LA_NS_PER_MS}, {.delay_ns = 10 * LA_NS_PER_MS}},
        .trace = {hear, &heard, LA_EVENT_ALL},
    };
    assert_true(pair_new(&p, &cfg));
    assert_true(pair_connect(&p, false, &client, &server));
    pair_run_us(&p, 100 * LA_US_PER_MS);
    heard = (struct heard){0};
    struct la_bytes all = {octets, sizeof(octets)};
    assert_int_equal(la_conn_send(p.end[0], client, all, false, p.now), sizeof(octets));
    pair_run_us(&p, LA_US_PER_S);

    struct la_conn_status status;
    assert_int_equal(la_conn_status(p.end[1], server, &status), LA_OK);
    assert_int_equal(status.bytes_received, sizeof(octets));
    assert_int_equal(heard.arrived_n, SEGMENTS_N);
    assert_int_equal(heard.acks_n, 1);
    assert_int_equal(la_conn_status(p.end[0], client, &status), LA_OK);
    assert_int_equal(status.send_queue_bytes, 0);
    assert_int_equal(pair_free(&p), 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_burst__one_ack_at_its_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
