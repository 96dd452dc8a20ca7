/* SPDX-License-Identifier: MIT
 *
 * test_duplicates.c - duplicate acknowledgements of a burst with a hole in it (RFC 5681 3.2, 4.2)
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/time.h"
#include "pair.h"

enum { SEGMENTS_N = 10, LOST_IDX = 2, HEADERS_BYTES = 52, RTO_MIN_MS = 200 };

struct heard {
    unsigned duplicates_n, fast_n, timeouts_n;
    uint32_t hole, first_ack;
};

static void
hear(void *ctx, const struct la_event *event)
{
    struct heard *heard = ctx;
    const struct la_event_segment *seg = &event->u.segment;
    if (event->kind != LA_EVENT_SEGMENT_SENT)
        return;
    heard->fast_n += seg->cause == LA_CAUSE_RETRANSMIT_RACK;
    heard->timeouts_n += seg->cause == LA_CAUSE_RETRANSMIT_RTO;
    if (seg->cause != LA_CAUSE_ACK_DUPLICATE)
        return;
    if (heard->duplicates_n++ == 0)
        heard->first_ack = seg->ack;
    assert_int_equal(seg->ack, heard->first_ack);
    assert_int_equal(seg->len, 0);
}

/* One packet with text is lost. */
struct hole {
    unsigned seen_n;
};

static bool
pick(void *ctx, const struct la_frame *frame, uint64_t ordinal)
{
    struct hole *hole = ctx;
    (void)ordinal;
    return la_frame_len(frame) > HEADERS_BYTES && hole->seen_n++ == LOST_IDX;
}

/* All segments arrive at one instant, so that one la_stack_input() takes them. */
static void
test_duplicates__each_segment_of_a_burst_draws_one(void **state)
{
    (void)state;
    static uint8_t octets[SEGMENTS_N * 1448];
    struct heard heard = {0};
    struct hole hole = {0};
    struct pair p;
    la_handle client, server;
    struct pair_cfg cfg = {
        .seed = 1,
        .impair = {{.delay_ns = 10 * LA_NS_PER_MS}, {.delay_ns = 10 * LA_NS_PER_MS}},
        .trace = {hear, &heard, LA_EVENT_ALL},
    };
    assert_true(pair_new(&p, &cfg));
    assert_true(pair_connect(&p, false, &client, &server));
    la_wire_drop_set(p.wire, 0, pick, &hole);
    struct la_bytes all = {octets, sizeof(octets)};
    assert_int_equal(la_conn_send(p.end[0], client, all, false, p.now), sizeof(octets));
    pair_run_us(&p, 100 * LA_US_PER_MS); /* less than any timeout */

    struct la_conn_status status;
    assert_int_equal(la_conn_status(p.end[1], server, &status), LA_OK);
    assert_int_equal(status.bytes_received, sizeof(octets));
    /* The first of them acknowledges what stood before the hole. */
    assert_int_equal(heard.duplicates_n, SEGMENTS_N - LOST_IDX - 2);
    assert_int_equal(heard.fast_n, 1);
    assert_int_equal(heard.timeouts_n, 0);
    assert_int_equal(pair_free(&p), 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_duplicates__each_segment_of_a_burst_draws_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
