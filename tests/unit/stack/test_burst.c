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

#include "base/frame.h"
#include "base/time.h"
#include "pair.h"

enum { SEGMENTS_N = 10, SMSS = 1448, SERVER = 1 };

struct heard {
    unsigned acks_n, arrived_n, syns_n;
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
    heard->syns_n += (event->u.segment.flags & LA_TCP_SYN) != 0;
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

static struct la_frame *
one_from(struct pair *p, int end)
{
    struct la_frame *frames[2];
    assert_int_equal(la_stack_output(p->end[end], 0, frames, 2, p->now), 1);
    return frames[0];
}

/* The SYN comes again, and in the same burst the ACK of the SYN,ACK that answered the first: the
 * connection is ESTABLISHED then, and a SYN,ACK is not what is sent. */
static void
test_burst__syn_again_and_the_third_segment(void **state)
{
    (void)state;
    struct heard heard = {0};
    struct pair p;
    struct pair_cfg cfg = {.seed = 1, .trace = {hear, &heard, LA_EVENT_ALL}};
    struct la_endpoint at = pair_addr(1, false, 80), any = {{{0}}, 0};
    la_handle listener, client, server;
    assert_true(pair_new(&p, &cfg));
    assert_int_equal(la_listener_open(p.end[1], &at, 1, NULL, &listener, p.now), LA_OK);
    assert_int_equal(la_conn_open(p.end[0], &any, &at, NULL, &client, p.now), LA_OK);
    struct la_frame *syn = one_from(&p, 0);
    struct la_frame *burst[2] = {la_frame_clone(syn), NULL};
    assert_non_null(burst[0]);
    la_stack_input(p.end[1], 0, &syn, 1, p.now);
    struct la_frame *syn_ack = one_from(&p, 1);
    la_stack_input(p.end[0], 0, &syn_ack, 1, p.now);
    burst[1] = one_from(&p, 0);
    heard = (struct heard){0};
    la_stack_input(p.end[1], 0, burst, 2, p.now);
    assert_int_equal(la_listener_accept(p.end[1], listener, &server, p.now), LA_OK);
    pair_run_us(&p, LA_US_PER_S);
    assert_int_equal(heard.syns_n, 0);
    assert_int_equal(heard.acks_n, 1); /* the SYN that came again is answered all the same */
    assert_int_equal(pair_free(&p), 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_burst__one_ack_at_its_end),
        cmocka_unit_test(test_burst__syn_again_and_the_third_segment),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
