/* SPDX-License-Identifier: MIT
 *
 * test_ecn.c - explicit congestion notification (RFC 3168 5, 6.1)
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/time.h"
#include "peer.h"
#include "wire/ip.h"

enum { SMSS = 1460, BOTH = LA_TCP_ECE | LA_TCP_CWR, TEXT = 100, SYN_ACK = LA_TCP_SYN | LA_TCP_ACK };

static struct peer p;
static la_handle conn;

static void
set_ask(struct la_stack_cfg *cfg)
{
    cfg->tcp.ecn = LA_ECN_ASK;
    peer_reno(cfg);
    cfg->tcp.nagle = false;
}

static void
set_ask_small(struct la_stack_cfg *cfg)
{
    set_ask(cfg);
    cfg->tcp.initial_window_n = 1;
}

static void
set_ask_small_cubic(struct la_stack_cfg *cfg)
{
    set_ask_small(cfg);
    memcpy(cfg->tcp.congestion_control, "cubic", sizeof("cubic"));
}

static void
set_off(struct la_stack_cfg *cfg)
{
    cfg->tcp.ecn = LA_ECN_OFF;
}

static void
begin(void (*stack)(struct la_stack_cfg *), bool ipv6)
{
    peer_new(&p, &(struct peer_cfg){.stack = stack, .ipv6 = ipv6});
    p.wnd = 65535;
}

static void
end(void)
{
    peer_free(&p);
}

/* The stack opens; `said` is in the peer's SYN,ACK. */
static void
open_active(uint8_t said)
{
    conn = peer_open(&p, NULL);
    assert_non_null(peer_take(&p));
    peer_say_syn(&p, (uint8_t)(SYN_ACK | said), &peer_plain);
    peer_expect(&p, LA_TCP_ACK);
}

/* Established, asked by us, agreed to. */
static void
agree(void (*stack)(struct la_stack_cfg *))
{
    begin(stack, false);
    open_active(LA_TCP_ECE);
    assert_true(peer_status(&p, conn).ecn);
}

/* The next segment that the stack sent: IP's field and the two flags. */
static const struct peer_seg *
expect_marks(unsigned ecn, uint16_t flags)
{
    const struct peer_seg *seg = peer_take(&p);
    assert_non_null(seg);
    assert_int_equal(seg->dscp_ecn & LA_IP_ECN_MASK, ecn);
    assert_int_equal(seg->tcp.flags & BOTH, flags);
    return seg;
}

static void
acknowledge(uint16_t flags, la_seq ack)
{
    struct la_tcp_seg seg = peer_usual(&p, (uint8_t)(LA_TCP_ACK | flags));
    seg.ack = ack;
    peer_say(&p, &seg, NULL, 0);
}

/* Text of the peer, marked or not, and the acknowledgement that it draws at the latest. */
static void
text_arrives(uint8_t ecn, uint16_t flags)
{
    p.dscp_ecn = ecn;
    peer_send(&p, (uint8_t)(LA_TCP_ACK | flags), NULL, TEXT);
    p.dscp_ecn = 0;
    (void)peer_run_until_sent(&p, LA_US_PER_S);
}

/* ---- 6.1.1 ------------------------------------------------------------------------------ */

/* LEDGER: RFC3168-1, RFC3168-3, RFC3168-7b, SHLD-8 */
static void
test_ecn__asks_and_agrees(void **state)
{
    (void)state;
    for (unsigned v6 = 0; v6 < 2; v6++) {
        begin(set_ask, v6 != 0);
        conn = peer_open(&p, NULL);
        const struct peer_seg *syn = peer_expect(&p, LA_TCP_SYN | BOTH);
        assert_int_equal(syn->dscp_ecn, 0);
        peer_say_syn(&p, SYN_ACK | LA_TCP_ECE, &peer_plain);
        expect_marks(LA_IP_NOT_ECT, 0);
        assert_true(p.last[LA_EVENT_NEGOTIATED].u.negotiated.ecn);
        peer_user_send(&p, conn, TEXT);
        expect_marks(LA_IP_ECT_0, 0);
        end();

        begin(NULL, v6 != 0); /* agrees by default */
        la_handle listener = peer_listen(&p, 8);
        peer_say_syn(&p, LA_TCP_SYN | BOTH, &peer_plain);
        assert_int_equal(expect_marks(LA_IP_NOT_ECT, LA_TCP_ECE)->dscp_ecn, 0);
        peer_send(&p, LA_TCP_ACK, NULL, 0);
        assert_int_equal(la_listener_accept(p.stack, listener, &conn, p.now), LA_OK);
        assert_true(peer_status(&p, conn).ecn);
        peer_user_send(&p, conn, TEXT);
        expect_marks(LA_IP_ECT_0, 0);
        end();
    }
}

/* LEDGER: RFC3168-2, RFC3168-2a, RFC3168-2b */
static void
test_ecn__forms_of_syn(void **state)
{
    (void)state;
    for (unsigned bits = 0; bits < 4; bits++) {
        uint8_t said = (uint8_t)(bits << 6);
        for (unsigned off = 0; off < 2; off++) {
            begin(off != 0 ? set_off : NULL, false);
            la_handle listener = peer_listen(&p, 8);
            peer_say_syn(&p, (uint8_t)(LA_TCP_SYN | said), &peer_plain);
            bool agreed = off == 0 && said == BOTH;
            expect_marks(LA_IP_NOT_ECT, agreed ? LA_TCP_ECE : 0);
            peer_send(&p, LA_TCP_ACK, NULL, 0);
            assert_int_equal(la_listener_accept(p.stack, listener, &conn, p.now), LA_OK);
            assert_int_equal(peer_status(&p, conn).ecn, agreed);
            peer_user_send(&p, conn, TEXT);
            expect_marks(agreed ? LA_IP_ECT_0 : LA_IP_NOT_ECT, 0);
            end();
        }
    }
}

/* LEDGER: RFC3168-2a, RFC3168-4, RFC3168-4a */
static void
test_ecn__forms_of_syn_ack(void **state)
{
    (void)state;
    void (*const stacks[])(struct la_stack_cfg *) = {set_ask, NULL, set_off};
    for (unsigned bits = 0; bits < 4; bits++) {
        for (unsigned i = 0; i < 3; i++) {
            begin(stacks[i], false);
            conn = peer_open(&p, NULL);
            expect_marks(LA_IP_NOT_ECT, stacks[i] == set_ask ? BOTH : 0);
            peer_say_syn(&p, (uint8_t)(SYN_ACK | bits << 6), &peer_plain);
            expect_marks(LA_IP_NOT_ECT, 0);
            bool agreed = stacks[i] == set_ask && bits << 6 == LA_TCP_ECE;
            assert_int_equal(peer_status(&p, conn).ecn, agreed);
            peer_user_send(&p, conn, TEXT);
            expect_marks(agreed ? LA_IP_ECT_0 : LA_IP_NOT_ECT, 0);
            if (!agreed) { /* what is not agreed is not echoed either */
                text_arrives(LA_IP_CE, 0);
                expect_marks(LA_IP_NOT_ECT, 0);
            }
            end();
        }
    }
}

/* Both ends open at once and ask. */
static void
test_ecn__simultaneous_open(void **state)
{
    (void)state;
    for (unsigned asks = 0; asks < 2; asks++) {
        begin(asks != 0 ? set_ask : NULL, false);
        conn = peer_open(&p, NULL);
        expect_marks(LA_IP_NOT_ECT, asks != 0 ? BOTH : 0);
        peer_say_syn(&p, LA_TCP_SYN | BOTH, &peer_plain);
        expect_marks(LA_IP_NOT_ECT, asks != 0 ? LA_TCP_ECE : 0);
        peer_send(&p, LA_TCP_ACK, NULL, 0);
        assert_int_equal(peer_status(&p, conn).ecn, asks != 0);
        end();
    }
}

/* 6.1.1.1: the SYN is not answered, the repetitions do not ask. The answer may still be to the
 * first one: then nothing of ours is marked, and marks of the peer's are echoed. */
/* LEDGER: RFC3168-4, RFC3168-4c, RFC3168-5 */
static void
test_ecn__falls_back(void **state)
{
    (void)state;
    begin(set_ask, false);
    conn = peer_open(&p, NULL);
    expect_marks(LA_IP_NOT_ECT, BOTH);
    for (unsigned i = 0; i < 2; i++) {
        assert_true(peer_run_until_sent(&p, 10 * LA_US_PER_S));
        expect_marks(LA_IP_NOT_ECT, 0);
    }
    assert_int_equal(p.events_n[LA_EVENT_ECN], 1);
    assert_int_equal(p.last[LA_EVENT_ECN].u.ecn.step, LA_ECN_SYN_PLAIN);
    peer_say_syn(&p, SYN_ACK | LA_TCP_ECE, &peer_plain);
    expect_marks(LA_IP_NOT_ECT, 0);
    assert_false(peer_status(&p, conn).ecn);
    peer_user_send(&p, conn, TEXT);
    expect_marks(LA_IP_NOT_ECT, 0);
    text_arrives(LA_IP_CE, 0);
    expect_marks(LA_IP_NOT_ECT, LA_TCP_ECE);
    end();
}

/* The peer gives up asking when its first SYN is answered late. */
/* LEDGER: RFC3168-4, RFC3168-4a */
static void
test_ecn__peer_falls_back(void **state)
{
    (void)state;
    begin(NULL, false);
    la_handle listener = peer_listen(&p, 8);
    peer_say_syn(&p, LA_TCP_SYN | BOTH, &peer_plain);
    expect_marks(LA_IP_NOT_ECT, LA_TCP_ECE);
    peer_say_syn(&p, LA_TCP_SYN, &peer_plain);
    expect_marks(LA_IP_NOT_ECT, 0);
    peer_send(&p, LA_TCP_ACK, NULL, 0);
    assert_int_equal(la_listener_accept(p.stack, listener, &conn, p.now), LA_OK);
    peer_user_send(&p, conn, TEXT);
    expect_marks(LA_IP_NOT_ECT, 0);
    end();
}

/* A connection of a listener or request has its own setting; what TOS says about the field of
 * the network counts for nothing. */
static void
test_ecn__settings(void **state)
{
    (void)state;
    begin(NULL, false);
    struct la_tcp_cfg cfg = *la_stack_tcp_cfg(p.stack);
    assert_int_equal(cfg.ecn, LA_ECN_ACCEPT);
    cfg.ecn = LA_ECN_ACCURATE_ACCEPT + 1;
    struct la_endpoint any = {.port = 0};
    assert_int_equal(la_conn_open(p.stack, &any, &p.addr, &cfg, &conn, p.now), LA_ERR_BAD_ARGUMENT);
    cfg.ecn = LA_ECN_ASK;
    cfg.dscp_ecn = 0xbb; /* EF and CE */
    conn = peer_open(&p, &cfg);
    assert_int_equal(expect_marks(LA_IP_NOT_ECT, BOTH)->dscp_ecn, 0xb8);
    peer_say_syn(&p, SYN_ACK | LA_TCP_ECE, &peer_plain);
    peer_forget(&p);
    int64_t tos;
    assert_int_equal(la_conn_option_set(p.stack, conn, LA_OPT_DSCP_ECN, 0x23, p.now), LA_OK);
    assert_int_equal(la_conn_option_get(p.stack, conn, LA_OPT_DSCP_ECN, &tos), LA_OK);
    assert_int_equal(tos, 0x20);
    peer_user_send(&p, conn, TEXT);
    assert_int_equal(expect_marks(LA_IP_ECT_0, 0)->dscp_ecn, 0x22);
    end();
}

/* ---- 6.1.3: receiving ------------------------------------------------------------------- */

/* LEDGER: RFC3168-9, RFC3168-10 */
static void
test_ecn__echoes_until_cwr(void **state)
{
    (void)state;
    agree(set_ask);
    text_arrives(LA_IP_ECT_0, 0);
    expect_marks(LA_IP_NOT_ECT, 0);
    for (unsigned round = 0; round < 2; round++) {
        text_arrives(LA_IP_CE, 0);
        expect_marks(LA_IP_NOT_ECT, LA_TCP_ECE);
        assert_int_equal(p.last[LA_EVENT_ECN].u.ecn.step, LA_ECN_MARK_SEEN);
        for (unsigned i = 0; i < 3; i++) {
            text_arrives(LA_IP_ECT_0, 0);
            expect_marks(LA_IP_NOT_ECT, LA_TCP_ECE);
        }
        peer_user_send(&p, conn, TEXT); /* an ACK rides on text */
        expect_marks(LA_IP_ECT_0, LA_TCP_ECE);
        text_arrives(LA_IP_ECT_0, LA_TCP_CWR);
        expect_marks(LA_IP_NOT_ECT, 0);
        assert_int_equal(p.last[LA_EVENT_ECN].u.ecn.step, LA_ECN_ECHO_ENDS);
        text_arrives(LA_IP_ECT_0, 0);
        expect_marks(LA_IP_NOT_ECT, 0);
    }
    /* The segment with CWR was marked itself. */
    text_arrives(LA_IP_CE, 0);
    expect_marks(LA_IP_NOT_ECT, LA_TCP_ECE);
    text_arrives(LA_IP_CE, LA_TCP_CWR);
    expect_marks(LA_IP_NOT_ECT, LA_TCP_ECE);
    end();
}

/* Mark and CWR are acknowledged at once: the sender's window may be one segment. */
static void
test_ecn__no_delay(void **state)
{
    (void)state;
    agree(set_ask);
    peer_send(&p, LA_TCP_ACK, NULL, TEXT);
    peer_expect_none(&p); /* delayed */
    p.dscp_ecn = LA_IP_CE;
    peer_send(&p, LA_TCP_ACK, NULL, TEXT);
    expect_marks(LA_IP_NOT_ECT, LA_TCP_ECE);
    p.dscp_ecn = LA_IP_ECT_0;
    peer_send(&p, LA_TCP_ACK | LA_TCP_CWR, NULL, TEXT);
    expect_marks(LA_IP_NOT_ECT, 0);
    end();
}

/* LEDGER: RFC3168-11a */
static void
test_ecn__marks_that_do_not_count(void **state)
{
    (void)state;
    agree(set_ask);
    p.dscp_ecn = LA_IP_CE;
    struct la_tcp_seg seg = peer_usual(&p, LA_TCP_ACK);
    peer_say(&p, &seg, NULL, 0); /* no text */
    peer_expect_none(&p);
    seg.seq = la_seq_add(p.snd_nxt, 1u << 30); /* beyond the window */
    peer_say(&p, &seg, NULL, TEXT);
    expect_marks(LA_IP_NOT_ECT, 0);
    seg = peer_usual(&p, LA_TCP_ACK);
    p.dscp_ecn = 0;
    peer_send(&p, LA_TCP_ACK, NULL, TEXT);
    (void)peer_run_until_sent(&p, LA_US_PER_S);
    expect_marks(LA_IP_NOT_ECT, 0);
    p.dscp_ecn = LA_IP_CE; /* received before */
    peer_say(&p, &seg, NULL, TEXT);
    expect_marks(LA_IP_NOT_ECT, 0);
    seg = peer_usual(&p, LA_TCP_ACK);
    seg.ack = la_seq_add(p.rcv_nxt, 1000); /* acknowledges what was not sent */
    peer_say(&p, &seg, NULL, TEXT);
    expect_marks(LA_IP_NOT_ECT, 0);
    assert_int_equal(p.events_n[LA_EVENT_ECN], 0);
    p.dscp_ecn = LA_IP_CE; /* out of order, but inside the window */
    seg = peer_usual(&p, LA_TCP_ACK);
    seg.seq = la_seq_add(p.snd_nxt, 10);
    peer_say(&p, &seg, NULL, TEXT);
    expect_marks(LA_IP_NOT_ECT, LA_TCP_ECE);
    end();
}

static void
set_small_buffer(struct la_stack_cfg *cfg)
{
    set_ask(cfg);
    cfg->tcp.rcvbuf_bytes = 4096;
}

/* LEDGER: RFC3168-12a */
static void
test_ecn__marked_probe(void **state)
{
    (void)state;
    agree(set_small_buffer);
    while (p.last[LA_EVENT_WINDOW].u.window.ours == false) { /* the reader rests */
        peer_send(&p, LA_TCP_ACK, NULL, 1024);
        (void)peer_run_until_sent(&p, LA_US_PER_S);
        peer_forget(&p);
    }
    p.dscp_ecn = LA_IP_CE;
    struct la_tcp_seg probe = peer_usual(&p, LA_TCP_ACK);
    peer_say(&p, &probe, NULL, 1);
    assert_int_equal(p.reason, LA_REASON_ZERO_WINDOW_PROBE);
    assert_int_equal(expect_marks(LA_IP_NOT_ECT, LA_TCP_ECE)->tcp.wnd, 0);
    end();
}

/* LEDGER: RFC3168-4d */
static void
test_ecn__forgotten_in_time_wait(void **state)
{
    (void)state;
    agree(set_ask);
    text_arrives(LA_IP_CE, 0);
    expect_marks(LA_IP_NOT_ECT, LA_TCP_ECE);
    peer_user_read(&p, conn, TEXT);
    peer_forget(&p);
    assert_int_equal(la_conn_close(p.stack, conn, p.now), LA_OK);
    peer_collect(&p);
    expect_marks(LA_IP_NOT_ECT, LA_TCP_ECE); /* the FIN, which acknowledges as well */
    struct la_tcp_seg fin = peer_usual(&p, LA_TCP_FIN | LA_TCP_ACK);
    peer_say(&p, &fin, NULL, 0);
    assert_int_equal(peer_status(&p, conn).state, LA_TCP_TIME_WAIT);
    expect_marks(LA_IP_NOT_ECT, 0);
    assert_false(peer_status(&p, conn).ecn);
    end();
}

/* ---- 6.1.2: sending --------------------------------------------------------------------- */

/* The window in segments. */
static uint32_t
cwnd_n(void)
{
    return peer_status(&p, conn).cwnd_bytes / SMSS;
}

/* LEDGER: RFC3168-6, RFC3168-7, RFC3168-8, RFC3168-8a, RFC3168-4b */
static void
test_ecn__reduces_once(void **state)
{
    (void)state;
    agree(set_ask);
    peer_user_send(&p, conn, 60 * SMSS);
    la_seq una = p.rcv_nxt;
    for (unsigned i = 0; i < 10; i++)
        expect_marks(LA_IP_ECT_0, 0);
    assert_int_equal(cwnd_n(), 10);
    /* Each of these acknowledgements of the first window says ECE. */
    for (unsigned i = 1; i <= 5; i++) {
        acknowledge(LA_TCP_ECE, la_seq_add(una, i * SMSS));
        assert_int_equal(cwnd_n(), 5);
        assert_int_equal(peer_status(&p, conn).ssthresh_bytes, 5 * SMSS);
        peer_expect_none(&p);
    }
    assert_int_equal(p.events_n[LA_EVENT_ECN], 1);
    assert_int_equal(p.last[LA_EVENT_ECN].u.ecn.step, LA_ECN_REDUCED);
    assert_int_equal(p.last[LA_EVENT_ECN].u.ecn.cwnd_bytes, 5 * SMSS);
    /* The first new segment says CWR, no other does. */
    acknowledge(LA_TCP_ECE, la_seq_add(una, 7 * SMSS));
    expect_marks(LA_IP_ECT_0, LA_TCP_CWR);
    expect_marks(LA_IP_ECT_0, 0);
    acknowledge(LA_TCP_ECE, la_seq_add(una, 10 * SMSS)); /* all of the first window */
    assert_int_equal(cwnd_n(), 5);
    for (unsigned i = 0; i < 3; i++)
        expect_marks(LA_IP_ECT_0, 0);
    acknowledge(0, la_seq_add(una, 11 * SMSS)); /* the one with CWR: the echo has ended */
    expect_marks(LA_IP_ECT_0, 0);
    acknowledge(LA_TCP_ECE, la_seq_add(una, 12 * SMSS)); /* a mark of the second window */
    assert_int_equal(p.events_n[LA_EVENT_ECN], 2);
    assert_int_equal(peer_status(&p, conn).ssthresh_bytes, 5 * SMSS / 2);
    peer_expect_none(&p);
    assert_int_equal(peer_status(&p, conn).retransmissions_n, 0);
    end();
}

/* Duplicate ACKs carry the echo as well; those of what was never agreed say nothing. */
static void
test_ecn__echo_of_a_duplicate(void **state)
{
    (void)state;
    for (unsigned agreed = 0; agreed < 2; agreed++) {
        begin(set_ask, false);
        open_active(agreed != 0 ? LA_TCP_ECE : 0);
        la_seq una = p.rcv_nxt;
        peer_user_send(&p, conn, 10 * SMSS);
        peer_forget(&p);
        acknowledge(LA_TCP_ECE, una);
        assert_int_equal(cwnd_n(), agreed != 0 ? 5 : 10);
        acknowledge(LA_TCP_ECE, una);
        assert_int_equal(cwnd_n(), agreed != 0 ? 5 : 10);
        end();
    }
}

/* An echo outside: nothing is in flight, too old, of what was not sent. */
static void
test_ecn__echoes_that_do_not_count(void **state)
{
    (void)state;
    agree(set_ask);
    la_seq una = p.rcv_nxt;
    acknowledge(LA_TCP_ECE, una);
    assert_int_equal(cwnd_n(), 10);
    peer_user_send(&p, conn, SMSS);
    peer_forget(&p);
    acknowledge(LA_TCP_ECE, la_seq_sub(una, 5));
    acknowledge(LA_TCP_ECE, la_seq_add(una, 2 * SMSS));
    assert_int_equal(cwnd_n(), 10);
    assert_int_equal(p.events_n[LA_EVENT_ECN], 0);
    end();
}

/* LEDGER: RFC3168-6, RFC3168-8, RFC3168-8b, RFC3168-11 */
static void
test_ecn__a_loss_in_the_same_window(void **state)
{
    (void)state;
    agree(set_ask);
    la_seq una = p.rcv_nxt;
    peer_user_send(&p, conn, 60 * SMSS);
    peer_forget(&p);
    acknowledge(LA_TCP_ECE, la_seq_add(una, SMSS));
    assert_int_equal(cwnd_n(), 5);
    /* The second segment is lost: fast retransmit, but no second reduction. */
    for (unsigned i = 0; i < 3; i++)
        acknowledge(LA_TCP_ECE, la_seq_add(una, SMSS));
    const struct peer_seg *again = expect_marks(LA_IP_NOT_ECT, 0);
    assert_int_equal(la_seq_diff(again->tcp.seq, una), SMSS);
    assert_int_equal(peer_status(&p, conn).ssthresh_bytes, 5 * SMSS);
    peer_expect_none(&p);
    acknowledge(LA_TCP_ECE, la_seq_add(una, 10 * SMSS));
    assert_int_equal(cwnd_n(), 2); /* what RFC 6582 leaves: flight, at least one, and one */
    expect_marks(LA_IP_ECT_0, LA_TCP_CWR);
    expect_marks(LA_IP_ECT_0, 0);
    end();
}

/* After a loss it is the recovery that has reduced the window: echoes of that window add nothing.
 */
/* LEDGER: RFC3168-6, RFC3168-8, RFC3168-8b, RFC3168-11 */
static void
test_ecn__an_echo_after_a_loss(void **state)
{
    (void)state;
    for (unsigned timeout = 0; timeout < 2; timeout++) {
        agree(set_ask);
        la_seq una = p.rcv_nxt;
        peer_user_send(&p, conn, 60 * SMSS);
        peer_forget(&p);
        for (unsigned i = 0; i < 3 && timeout == 0; i++)
            acknowledge(0, una);
        if (timeout != 0)
            (void)peer_run_until_sent(&p, 10 * LA_US_PER_S);
        while (p.seg_n > 0) { /* limited transmit sends new text before the third duplicate */
            const struct peer_seg *seg = peer_take(&p);
            bool is_new = la_seq_diff(seg->tcp.seq, una) >= 10 * SMSS;
            assert_int_equal(seg->dscp_ecn, is_new ? LA_IP_ECT_0 : LA_IP_NOT_ECT);
            assert_int_equal(seg->tcp.flags & BOTH, 0);
        }
        uint32_t ssthresh = peer_status(&p, conn).ssthresh_bytes;
        assert_int_equal(ssthresh, 5 * SMSS);
        acknowledge(LA_TCP_ECE, p.rcv_nxt);
        assert_int_equal(peer_status(&p, conn).ssthresh_bytes, ssthresh);
        assert_int_equal(p.events_n[LA_EVENT_ECN], 0);
        expect_marks(LA_IP_ECT_0, LA_TCP_CWR);
        end();
    }
}

/* LEDGER: RFC3168-12, RFC3168-10 */
static void
test_ecn__probes(void **state)
{
    (void)state;
    agree(set_ask);
    la_seq una = p.rcv_nxt;
    peer_user_send(&p, conn, 2 * SMSS);
    peer_forget(&p);
    p.wnd = 0;
    acknowledge(LA_TCP_ECE, la_seq_add(una, 2 * SMSS)); /* CWR waits */
    peer_user_send(&p, conn, 1000);
    for (unsigned i = 0; i < 3; i++) {
        assert_true(peer_run_until_sent(&p, 100 * LA_US_PER_S));
        assert_int_equal(expect_marks(LA_IP_NOT_ECT, 0)->tcp.text_bytes, 1);
    }
    p.wnd = 65535;
    acknowledge(0, la_seq_add(una, 2 * SMSS));
    const struct peer_seg *seg = expect_marks(LA_IP_NOT_ECT, 0); /* its first octet went before */
    assert_int_equal(seg->tcp.text_bytes, 1000);
    acknowledge(0, p.rcv_nxt);
    peer_user_send(&p, conn, 1000);
    expect_marks(LA_IP_ECT_0, LA_TCP_CWR);
    end();
}

static void
window_of_one_segment(void (*stack)(struct la_stack_cfg *))
{
    agree(stack);
    la_seq una = p.rcv_nxt;
    peer_user_send(&p, conn, 40 * SMSS);
    peer_forget(&p);
    uint32_t sent_n = (uint32_t)la_seq_diff(p.rcv_nxt, una) / SMSS;
    while (cwnd_n() > 1) { /* an echo for each window: 2, then 1 */
        acknowledge(LA_TCP_ECE, p.rcv_nxt);
        if (cwnd_n() > 1)
            peer_forget(&p);
    }
    peer_forget(&p);
    assert_true(la_seq_diff(p.rcv_nxt, una) > (int32_t)(sent_n * SMSS));
    assert_int_equal(peer_status(&p, conn).cwnd_bytes, SMSS);
    uint32_t rto_us = peer_status(&p, conn).rto_us;
    peer_run_us(&p, rto_us / 2);
    acknowledge(LA_TCP_ECE, p.rcv_nxt); /* nothing is in flight any more, and nothing may go */
    assert_int_equal(peer_status(&p, conn).cwnd_bytes, SMSS);
    peer_run_us(&p, rto_us - 2 * LA_US_PER_MS);
    peer_expect_none(&p);
    peer_run_us(&p, 4 * LA_US_PER_MS);
    const struct peer_seg *seg = expect_marks(LA_IP_ECT_0, LA_TCP_CWR);
    assert_int_equal(seg->tcp.text_bytes, SMSS);
    peer_expect_none(&p);
    assert_int_equal(peer_status(&p, conn).retransmissions_n, 0);
    acknowledge(0, p.rcv_nxt); /* and it goes on */
    expect_marks(LA_IP_ECT_0, 0);
    end();
}

/* LEDGER: RFC3168-7a, RFC9438-12 */
static void
test_ecn__window_of_one_segment(void **state)
{
    (void)state;
    window_of_one_segment(set_ask_small);
    window_of_one_segment(set_ask_small_cubic);
}

/* The same, and the timer finds a segment lost instead. */
static void
test_ecn__loss_while_it_rests(void **state)
{
    (void)state;
    agree(set_ask_small);
    la_seq una = p.rcv_nxt;
    peer_user_send(&p, conn, 40 * SMSS);
    peer_forget(&p);
    while (cwnd_n() > 1) {
        una = p.rcv_nxt;
        acknowledge(LA_TCP_ECE, p.rcv_nxt);
        peer_forget(&p);
    }
    acknowledge(LA_TCP_ECE, una); /* a duplicate of the window before; limited transmit */
    expect_marks(LA_IP_ECT_0, 0);
    acknowledge(LA_TCP_ECE, la_seq_add(una, SMSS));
    peer_expect_none(&p);
    assert_true(peer_run_until_sent(&p, 10 * LA_US_PER_S));
    assert_int_equal(la_seq_diff(expect_marks(LA_IP_NOT_ECT, 0)->tcp.seq, una), SMSS);
    acknowledge(0, p.rcv_nxt);
    expect_marks(LA_IP_ECT_0, LA_TCP_CWR);
    end();
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ecn__asks_and_agrees),
        cmocka_unit_test(test_ecn__forms_of_syn),
        cmocka_unit_test(test_ecn__forms_of_syn_ack),
        cmocka_unit_test(test_ecn__simultaneous_open),
        cmocka_unit_test(test_ecn__falls_back),
        cmocka_unit_test(test_ecn__peer_falls_back),
        cmocka_unit_test(test_ecn__settings),
        cmocka_unit_test(test_ecn__echoes_until_cwr),
        cmocka_unit_test(test_ecn__no_delay),
        cmocka_unit_test(test_ecn__marks_that_do_not_count),
        cmocka_unit_test(test_ecn__marked_probe),
        cmocka_unit_test(test_ecn__forgotten_in_time_wait),
        cmocka_unit_test(test_ecn__reduces_once),
        cmocka_unit_test(test_ecn__echo_of_a_duplicate),
        cmocka_unit_test(test_ecn__echoes_that_do_not_count),
        cmocka_unit_test(test_ecn__a_loss_in_the_same_window),
        cmocka_unit_test(test_ecn__an_echo_after_a_loss),
        cmocka_unit_test(test_ecn__probes),
        cmocka_unit_test(test_ecn__window_of_one_segment),
        cmocka_unit_test(test_ecn__loss_while_it_rests),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
