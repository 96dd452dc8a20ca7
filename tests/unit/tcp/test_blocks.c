/* SPDX-License-Identifier: MIT
 *
 * test_blocks.c - the SACK blocks that a receiver reports
 *
 * Read first: RFC 2018 4 and its examples (7); RFC 2883 4. Octets are numbered as they are there.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/time.h"
#include "peer.h"

static struct peer p;
static la_handle conn;
static la_seq zero; /* octet 0 of the example */
static const struct peer_options plain = {.mss = 1460, .wscale = 0, .sack = true};
static const struct peer_options stamped = {
    .mss = 1460, .wscale = 0, .sack = true, .timestamps = true};

/* A connection on which the peer's first octet has the number `first`. */
static void
begin(const struct peer_options *options, uint32_t first)
{
    peer_new(&p, &(struct peer_cfg){0});
    p.wnd = 65535;
    conn = peer_passive(&p, options);
    zero = la_seq_sub(p.snd_nxt, first);
}

static void
end(void)
{
    assert_int_equal(la_conn_abort(p.stack, conn, p.now), LA_OK);
    peer_forget(&p);
    peer_free(&p);
}

/* The segment with the octets [left, right). */
static void
give(uint32_t left, uint32_t right)
{
    struct la_tcp_seg seg = peer_usual(&p, LA_TCP_ACK);
    seg.seq = la_seq_add(zero, left);
    peer_say(&p, &seg, NULL, right - left);
}

struct blocks {
    uint32_t at[2 * LA_TCP_SACK_MAX]; /* left, right, left, ...; 0 ends */
};

static void
check_blocks(const struct la_tcp_seg *seg, const struct blocks *blocks)
{
    unsigned n = 0;
    while (n < LA_TCP_SACK_MAX && blocks->at[2 * n + 1] != 0)
        n++;
    assert_int_equal(seg->sack_n, n);
    for (unsigned i = 0; i < n; i++) {
        assert_int_equal(la_seq_diff(seg->sack[i].left, zero), blocks->at[2 * i]);
        assert_int_equal(la_seq_diff(seg->sack[i].right, zero), blocks->at[2 * i + 1]);
    }
}

/* One ACK was sent, at once or delayed, and says this. */
static void
expect(uint32_t ack, struct blocks blocks)
{
    if (p.seg_n == 0)
        assert_true(peer_run_until_sent(&p, LA_US_PER_S));
    const struct peer_seg *seg = peer_expect(&p, LA_TCP_ACK);
    assert_int_equal(la_seq_diff(seg->tcp.ack, zero), ack);
    check_blocks(&seg->tcp, &blocks);
    peer_expect_none(&p);
}

#define EXPECT(ack, ...) expect(ack, (struct blocks){{__VA_ARGS__}})

/* ---- RFC 2018 7 ------------------------------------------------------------------------- */

/* LEDGER: RFC2018-4, RFC2018-5, RFC2018-5a */
static void
test_blocks__rfc2018_case_1(void **state)
{
    (void)state;
    begin(&plain, 5000);
    for (uint32_t left = 5000; left < 7000; left += 500) {
        give(left, left + 500);
        EXPECT(left + 500, 0);
    }
    end();
}

/* LEDGER: RFC2018-3, RFC2018-6, RFC2018-9 */
static void
test_blocks__rfc2018_case_2(void **state)
{
    (void)state;
    begin(&plain, 5000);
    for (uint32_t left = 5500; left < 9000; left += 500) {
        give(left, left + 500);
        EXPECT(5000, 5500, left + 500);
    }
    end();
}

static void
test_blocks__rfc2018_case_3(void **state)
{
    (void)state;
    begin(&plain, 5000);
    give(5000, 5500);
    EXPECT(5500, 0);
    give(6000, 6500);
    EXPECT(5500, 6000, 6500);
    give(7000, 7500);
    EXPECT(5500, 7000, 7500, 6000, 6500);
    give(8000, 8500);
    EXPECT(5500, 8000, 8500, 7000, 7500, 6000, 6500);
    give(6500, 7000);
    EXPECT(5500, 6000, 7500, 8000, 8500);
    give(5500, 6000);
    EXPECT(7500, 8000, 8500);
    give(7500, 8000);
    EXPECT(8500, 0);
    end();
}

/* ---- RFC 2883 4 ------------------------------------------------------------------------- */

/* LEDGER: RFC2883-1, RFC2883-2, RFC2883-3, RFC2883-4 */
static void
test_blocks__rfc2883_duplicates(void **state)
{
    (void)state;
    begin(&plain, 3000);
    give(3000, 3500); /* example 1 */
    give(3500, 4000);
    peer_forget(&p);
    give(3000, 3500);
    EXPECT(4000, 3000, 3500);
    give(4500, 5000); /* example 2 */
    EXPECT(4000, 4500, 5000);
    give(3000, 3500);
    EXPECT(4000, 3000, 3500, 4500, 5000);
    give(5000, 5500); /* example 3 */
    EXPECT(4000, 4500, 5500);
    give(5000, 5500);
    EXPECT(4000, 5000, 5500, 4500, 5500);
    give(5500, 6000); /* each duplicate once */
    EXPECT(4000, 4500, 6000);
    end();
}

/* LEDGER: RFC2883-3, RFC2883-4 */
static void
test_blocks__rfc2883_parts(void **state)
{
    (void)state;
    begin(&plain, 1000); /* example 4 */
    give(2000, 2500);
    give(1000, 1500);
    peer_forget(&p);
    give(1000, 2000);
    EXPECT(2500, 1000, 1500);
    end();
    begin(&plain, 1000); /* example 5 */
    give(3000, 3500);
    give(1000, 1500);
    give(2000, 2500);
    peer_forget(&p);
    give(1000, 2500);
    EXPECT(2500, 1000, 1500, 3000, 3500);
    end();
    begin(&plain, 1000); /* example 6; 2500-3000 arrives, as its last line has it */
    give(3500, 4000);
    give(1500, 2000);
    peer_forget(&p);
    give(2500, 3000);
    EXPECT(1000, 2500, 3000, 1500, 2000, 3500, 4000);
    give(1500, 3000);
    EXPECT(1000, 1500, 2000, 1500, 3000, 3500, 4000);
    end();
}

/* 4.3: also what PAWS rejects. */
/* LEDGER: RFC2883-5 */
static void
test_blocks__rfc2883_paws(void **state)
{
    (void)state;
    begin(&stamped, 1000);
    p.ts_val += 100;
    give(1000, 1500);
    EXPECT(1500, 0);
    p.ts_val -= 50;
    give(1000, 1500);
    EXPECT(1500, 1000, 1500);
    assert_int_equal(p.reason, LA_REASON_PAWS);
    give(1500, 2000); /* not received before */
    EXPECT(1500, 0);
    end();
}

/* ---- room ------------------------------------------------------------------------------- */

/* LEDGER: RFC2018-7, RFC2018-8 */
static void
test_blocks__as_many_as_fit(void **state)
{
    (void)state;
    begin(&plain, 1000);
    for (uint32_t left = 2000; left < 12000; left += 2000)
        give(left, left + 1000);
    peer_forget(&p);
    give(12000, 13000);
    EXPECT(1000, 12000, 13000, 10000, 11000, 8000, 9000, 6000, 7000);
    give(2500, 2600); /* a duplicate and its run come first */
    EXPECT(1000, 2500, 2600, 2000, 3000, 12000, 13000, 10000, 11000);
    end();
    begin(&stamped, 1000);
    for (uint32_t left = 2000; left < 12000; left += 2000)
        give(left, left + 1000);
    peer_forget(&p);
    give(12000, 13000);
    EXPECT(1000, 12000, 13000, 10000, 11000, 8000, 9000);
    end();
}

/* A segment never grows beyond SMSS: the full one says nothing, the short one what fits. */
static void
test_blocks__beside_text(void **state)
{
    (void)state;
    begin(&plain, 1000);
    give(2000, 3000);
    give(4000, 5000);
    peer_forget(&p);
    peer_user_send(&p, conn, 1460);
    assert_int_equal(peer_expect(&p, LA_TCP_ACK)->tcp.sack_n, 0);
    struct la_tcp_seg seg = peer_usual(&p, LA_TCP_ACK);
    seg.seq = la_seq_add(zero, 1000);
    peer_say(&p, &seg, NULL, 0);
    peer_user_send(&p, conn, 1460 - 12);
    check_blocks(&peer_expect(&p, LA_TCP_ACK)->tcp, &(struct blocks){{4000, 5000}});
    end();
}

/* RFC 2018 2, 4: blocks only when the peer has said that it understands them. */
/* LEDGER: RFC2018-2 */
static void
test_blocks__only_when_agreed(void **state)
{
    (void)state;
    begin(&peer_plain, 1000);
    assert_false(peer_status(&p, conn).sack);
    give(2000, 3000);
    EXPECT(1000, 0);
    give(2000, 3000);
    EXPECT(1000, 0);
    end();
}

/* What is thrown away is not reported any more (RFC 2018 8), nor after the end of the stream. */
static void
test_blocks__fin_ends_them(void **state)
{
    (void)state;
    begin(&plain, 1000);
    struct la_tcp_seg seg = peer_usual(&p, LA_TCP_ACK | LA_TCP_FIN);
    seg.seq = la_seq_add(zero, 2000);
    peer_say(&p, &seg, NULL, 1000);
    EXPECT(1000, 2000, 3000);
    give(1000, 2000);
    EXPECT(3001, 0);
    give(1000, 2000);
    EXPECT(3001, 1000, 2000);
    end();
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_blocks__rfc2018_case_1),
        cmocka_unit_test(test_blocks__rfc2018_case_2),
        cmocka_unit_test(test_blocks__rfc2018_case_3),
        cmocka_unit_test(test_blocks__rfc2883_duplicates),
        cmocka_unit_test(test_blocks__rfc2883_parts),
        cmocka_unit_test(test_blocks__rfc2883_paws),
        cmocka_unit_test(test_blocks__as_many_as_fit),
        cmocka_unit_test(test_blocks__beside_text),
        cmocka_unit_test(test_blocks__only_when_agreed),
        cmocka_unit_test(test_blocks__fin_ends_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
