/* SPDX-License-Identifier: MIT
 *
 * test_tally.c - what is counted only where there is something to count
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/time.h"
#include "peer.h"
#include "stack/instance.h"

static struct peer p;
static la_handle conn;

static void
begin(void)
{
    peer_new(&p, &(struct peer_cfg){.stack = peer_reno});
    p.wnd = 60000;
    conn = peer_passive(&p, &peer_plain);
}

static void
end(void)
{
    assert_int_equal(la_conn_abort(p.stack, conn, p.now), LA_OK);
    peer_forget(&p);
    assert_int_equal(p.stack->env.tallies.live_n, 0);
    peer_free(&p);
}

static struct la_tcp_conn *
inside(void)
{
    return &la_rec_at(p.stack, (uint32_t)conn)->tcp;
}

/* Text is in flight, and its acknowledgement is repeated n times. */
static void
say_duplicates(unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        struct la_tcp_seg seg = peer_usual(&p, LA_TCP_ACK);
        seg.ack = inside()->snd_una;
        peer_say(&p, &seg, NULL, 0);
    }
}

static void
test_tally__none_without_losses(void **state)
{
    (void)state;
    begin();
    for (unsigned i = 0; i < 100; i++) {
        peer_user_send(&p, conn, 4380);
        peer_collect(&p);
        peer_forget(&p);
        peer_send(&p, LA_TCP_ACK, "0123456789", 10);
        peer_user_read(&p, conn, 10);
        peer_run_us(&p, LA_US_PER_S);
    }
    peer_forget(&p);
    assert_int_equal(p.stack->env.tallies.live_n, 0);
    assert_int_equal(peer_status(&p, conn).bytes_acked, 438000);
    assert_int_equal(peer_status(&p, conn).bytes_received, 1000);
    end();
}

/* Made for the first, and kept beyond the end, for whoever still asks. */
static void
test_tally__losses(void **state)
{
    (void)state;
    begin();
    peer_user_send(&p, conn, 4380);
    peer_collect(&p);
    say_duplicates(2);
    assert_int_equal(p.stack->env.tallies.live_n, 1);
    say_duplicates(2);
    struct la_conn_status status = peer_status(&p, conn);
    assert_int_equal(status.duplicate_acks_n, 4);
    assert_int_equal(status.fast_retransmits_n, 1);
    assert_int_equal(status.retransmissions_n, 1);
    assert_int_equal(status.bytes_retransmitted, 1460);
    peer_forget(&p);
    struct la_tcp_seg rst = peer_usual(&p, LA_TCP_RST);
    peer_say(&p, &rst, NULL, 0);
    status = peer_status(&p, conn);
    assert_int_equal(status.state, LA_TCP_CLOSED);
    assert_int_equal(status.duplicate_acks_n, 4);
    assert_int_equal(status.retransmissions_n, 1);
    end();
}

/* Without memory the connection goes on, and counts when there is some. */
static void
test_tally__no_memory(void **state)
{
    (void)state;
    begin();
    peer_user_send(&p, conn, 4380);
    peer_collect(&p);
    p.stack->env.tallies.max_n = 0;
    say_duplicates(4);
    struct la_conn_status status = peer_status(&p, conn);
    assert_int_equal(status.state, LA_TCP_ESTABLISHED);
    assert_int_equal(status.duplicate_acks_n, 0);
    assert_int_equal(status.retransmissions_n, 0);
    assert_int_equal(la_stack_stats(p.stack)->tcp_retransmissions, 1);
    p.stack->env.tallies.max_n = 1;
    say_duplicates(1);
    assert_int_equal(peer_status(&p, conn).duplicate_acks_n, 1);
    peer_forget(&p);
    peer_send(&p, LA_TCP_ACK, NULL, 0);
    assert_int_equal(peer_status(&p, conn).send_queue_bytes, 0);
    end();
}

/* Octets are counted by sequence numbers; past 2^32 of them, how often those came round is. */
static void
test_tally__beyond_4_gib(void **state)
{
    (void)state;
    begin();
    struct la_tcp_conn *c = inside();
    c->iss = la_seq_add(c->snd_una, 500); /* as if all but 501 octets of 2^32 had been moved */
    c->irs = la_seq_add(c->rcv_nxt, 5);
    assert_int_equal(peer_status(&p, conn).bytes_acked, UINT32_MAX - 500);
    assert_int_equal(peer_status(&p, conn).bytes_received, UINT32_MAX - 5);
    peer_user_send(&p, conn, 1000);
    peer_collect(&p);
    peer_forget(&p);
    peer_send(&p, LA_TCP_ACK, "0123456789", 10);
    struct la_conn_status status = peer_status(&p, conn);
    assert_int_equal(status.bytes_acked, UINT64_C(0x100000000) + 499);
    assert_int_equal(status.bytes_received, UINT64_C(0x100000000) + 4);
    peer_user_read(&p, conn, 10);
    end();
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tally__none_without_losses),
        cmocka_unit_test(test_tally__losses),
        cmocka_unit_test(test_tally__no_memory),
        cmocka_unit_test(test_tally__beyond_4_gib),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
