/* SPDX-License-Identifier: MIT
 *
 * test_pieces.c - records, what counts in the send buffer, how much may wait unsent
 *
 * Read first: send(2), MSG_EOR; tcp(7), TCP_NOTSENT_LOWAT; RFC 9293 3.9.1.2.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/time.h"
#include "peer.h"

enum { SMSS = 1000, PIECE_BYTES = 1280, SNDBUF_BYTES = 20000 };

static struct peer p;
static la_handle conn;
static const struct peer_options options = {.mss = SMSS, .wscale = -1};

static void
begin(void (*stack)(struct la_stack_cfg *cfg))
{
    const struct peer_cfg cfg = {.stack = stack};
    peer_new(&p, &cfg);
    p.wnd = 20000;
    conn = peer_passive(&p, &options);
}

static void
end(void)
{
    assert_int_equal(la_conn_abort(p.stack, conn, p.now), LA_OK);
    peer_forget(&p);
    peer_free(&p);
}

static la_ssize
queue(size_t n)
{
    static const uint8_t octets[1 << 16];
    return la_conn_send(p.stack, conn, (struct la_bytes){octets, n}, false, p.now);
}

static void
queue_record(size_t n)
{
    assert_int_equal(queue(n), n);
    assert_int_equal(la_conn_end_record(p.stack, conn, p.now), LA_OK);
}

static void
expect_text(uint32_t n, bool push)
{
    const struct peer_seg *seg = peer_expect(&p, LA_TCP_ACK);
    assert_int_equal(seg->tcp.text_bytes, n);
    assert_int_equal((seg->tcp.flags & LA_TCP_PSH) != 0, push);
}

static void
acknowledge(void)
{
    peer_send(&p, LA_TCP_ACK, NULL, 0);
}

/* A record's last segment is short and pushed, whatever follows it, and does not wait for Nagle. */
static void
test_pieces__records(void **state)
{
    (void)state;
    begin(NULL);
    queue_record(300);
    queue_record(1400);
    queue_record(200);
    assert_int_equal(queue(500), 500);
    peer_collect(&p);
    expect_text(300, true);
    expect_text(SMSS, false);
    expect_text(400, true);
    expect_text(200, true);
    peer_expect_none(&p); /* this is no record yet: Nagle has it */
    acknowledge();
    expect_text(500, true);
    acknowledge();
    assert_int_equal(la_conn_end_record(p.stack, conn, p.now), LA_OK); /* nothing is queued */
    end();
}

/* What is sent again does not join what two records hold either. */
static void
test_pieces__records_again(void **state)
{
    (void)state;
    begin(NULL);
    la_seq first = p.rcv_nxt;
    assert_int_equal(la_conn_option_set(p.stack, conn, LA_OPT_NAGLE, 0, p.now), LA_OK);
    queue_record(300);
    queue_record(400);
    peer_collect(&p);
    expect_text(300, true);
    expect_text(400, true);
    assert_true(peer_run_until_sent(&p, 10 * LA_US_PER_S));
    expect_text(300, true);
    p.rcv_nxt = la_seq_add(first, 300);
    acknowledge();
    expect_text(400, true);
    end();
}

static void
small_memory(struct la_stack_cfg *cfg)
{
    cfg->tcp.sndbuf_bytes = SNDBUF_BYTES;
}

/* Records cost places, which the send buffer pays for: no number of them is without a bound. */
static void
test_pieces__records_are_bounded(void **state)
{
    (void)state;
    begin(small_memory);
    size_t n = 0;
    p.wnd = 0;
    acknowledge();
    while (queue(1) == 1) {
        assert_int_equal(la_conn_end_record(p.stack, conn, p.now), LA_OK);
        n++;
        assert_true(n < SNDBUF_BYTES);
    }
    assert_true(n > SNDBUF_BYTES / 16);
    end();
}

static void
test_pieces__no_memory(void **state)
{
    (void)state;
    begin(NULL);
    p.wnd = 0;
    acknowledge();
    assert_int_equal(queue(10), 10);
    p.memory.fail_all = true;
    la_err err = la_conn_end_record(p.stack, conn, p.now);
    p.memory.fail_all = false;
    assert_int_equal(err, LA_ERR_NO_MEMORY);
    assert_int_equal(la_conn_end_record(p.stack, conn, p.now), LA_OK);
    end();
}

static void
with_pieces(struct la_stack_cfg *cfg)
{
    cfg->tcp.sndbuf_bytes = SNDBUF_BYTES;
    cfg->tcp.sndbuf_piece_bytes = PIECE_BYTES;
    cfg->tcp.initial_window_n = 2;
}

/* Half of the largest window is a piece; one that begins within the buffer is taken whole, and each
 * counts for more than its text. */
static void
test_pieces__count_for_more(void **state)
{
    (void)state;
    begin(with_pieces);
    assert_int_equal(queue(25000), 10000); /* half of 20000 */
    assert_int_equal(queue(15000), 10000); /* 11280 are less than the buffer */
    assert_int_equal(queue(5000), LA_ERR_AGAIN);
    peer_collect(&p);
    expect_text(SMSS, false);
    expect_text(SMSS, false);
    acknowledge(); /* 18000 and two pieces' 2560 are left: still more than the buffer */
    (void)peer_forget(&p);
    assert_int_equal(queue(5000), LA_ERR_AGAIN);
    end();
}

/* No more is taken while so much is unsent; less than half of it makes room. */
static void
test_pieces__unsent(void **state)
{
    (void)state;
    begin(NULL);
    p.wnd = 3000;
    acknowledge();
    assert_int_equal(la_conn_option_set(p.stack, conn, LA_OPT_NOTSENT_LOWAT_BYTES, 4000, p.now),
                     LA_OK);
    int64_t value;
    assert_int_equal(la_conn_option_get(p.stack, conn, LA_OPT_NOTSENT_LOWAT_BYTES, &value), LA_OK);
    assert_int_equal(value, 4000);
    assert_int_equal(queue(9000), 4000);
    assert_int_equal(queue(1), LA_ERR_AGAIN);
    peer_collect(&p);
    expect_text(SMSS, false);
    expect_text(SMSS, false);
    expect_text(SMSS, false);
    assert_true((peer_ready(&p, conn) & LA_READY_WRITE) != 0); /* 1000 are unsent */
    assert_int_equal(queue(9000), 3000);
    assert_int_equal(queue(1), LA_ERR_AGAIN);
    peer_collect(&p);
    assert_int_equal(peer_status(&p, conn).ready & LA_READY_WRITE, 0);
    peer_take(&p);
    acknowledge();
    assert_true((peer_ready(&p, conn) & LA_READY_WRITE) != 0);
    assert_int_equal(la_conn_option_set(p.stack, conn, LA_OPT_NOTSENT_LOWAT_BYTES, 0, p.now),
                     LA_OK);
    assert_int_equal(queue(20000), 20000);
    end();
}

static void
with_lowat(struct la_stack_cfg *cfg)
{
    cfg->tcp.notsent_lowat_bytes = 2000;
}

static void
test_pieces__unsent_of_instance(void **state)
{
    (void)state;
    begin(with_lowat);
    p.wnd = 0;
    acknowledge();
    assert_int_equal(queue(9000), 2000);
    end();
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pieces__records),
        cmocka_unit_test(test_pieces__records_again),
        cmocka_unit_test(test_pieces__records_are_bounded),
        cmocka_unit_test(test_pieces__no_memory),
        cmocka_unit_test(test_pieces__count_for_more),
        cmocka_unit_test(test_pieces__unsent),
        cmocka_unit_test(test_pieces__unsent_of_instance),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
