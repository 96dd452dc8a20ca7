/* SPDX-License-Identifier: MIT
 *
 * test_accecn.c - accurate ECN (RFC 9768)
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/time.h"
#include "peer.h"
#include "stack/instance.h"
#include "tcp/accecn.h"

enum { SMSS = 1460, TEXT = 100, SYN_ACK = LA_TCP_SYN | LA_TCP_ACK, ASKS = LA_TCP_ACE_MASK };
enum { CLASSIC = LA_TCP_ECE | LA_TCP_CWR };

static struct peer p;
static la_handle conn;
static const struct peer_options sack = {.mss = 1460, .wscale = -1, .sack = true};

static void
set_ask(struct la_stack_cfg *cfg)
{
    cfg->tcp.ecn = LA_ECN_ACCURATE_ASK;
    cfg->tcp.accecn_option = LA_ACCECN_OPTION_OFF;
    peer_reno(cfg);
    cfg->tcp.nagle = false;
}

static void
set_ask_plain(struct la_stack_cfg *cfg)
{
    set_ask(cfg);
    cfg->tcp.ecn = LA_ECN_ACCURATE_ASK_PLAIN;
}

static void
set_accept(struct la_stack_cfg *cfg)
{
    set_ask(cfg);
    cfg->tcp.ecn = LA_ECN_ACCURATE_ACCEPT;
}

static void
begin(void (*stack)(struct la_stack_cfg *))
{
    peer_new(&p, &(struct peer_cfg){.stack = stack});
    p.wnd = 65535;
}

static void
end(void)
{
    peer_forget(&p);
    p.dscp_ecn = 0;
    assert_int_equal(la_conn_abort(p.stack, conn, p.now), LA_OK);
    peer_forget(&p);
    assert_int_equal(p.stack->env.accecns.live_n, 0);
    assert_int_equal(p.stack->env.tallies.live_n, 0);
    peer_free(&p);
}

static unsigned
ace_of(const struct peer_seg *seg)
{
    return la_tcp_ace(seg->tcp.flags);
}

/* The next segment of the stack has this number in ACE, and this field of IP. */
static const struct peer_seg *
expect_ace(unsigned ace, unsigned ip_ecn)
{
    const struct peer_seg *seg = peer_take(&p);
    assert_non_null(seg);
    assert_int_equal(ace_of(seg), ace);
    assert_int_equal(seg->dscp_ecn & LA_IP_ECN_MASK, ip_ecn);
    return seg;
}

/* The stack opens, and the peer's SYN,ACK has `said`, and came as `ip_ecn`. */
static void
open_active(unsigned said, unsigned ip_ecn)
{
    conn = peer_open(&p, NULL);
    expect_ace(7, LA_IP_NOT_ECT);
    p.dscp_ecn = (uint8_t)ip_ecn;
    peer_say_syn(&p, SYN_ACK | la_tcp_ace_flags(said), &sack);
    p.dscp_ecn = 0;
}

/* Agreed, by our SYN; its handshake is over. */
static void
agree(void)
{
    begin(set_ask);
    open_active(2, LA_IP_NOT_ECT);
    expect_ace(2, LA_IP_NOT_ECT);
    assert_true(peer_status(&p, conn).accurate_ecn);
}

/* The peer's SYN came as `ip_ecn`; its SYN,ACK is still to be looked at. */
static la_handle
asked(uint16_t flags, unsigned ip_ecn)
{
    la_handle listener = peer_listen(&p, 4);
    p.dscp_ecn = (uint8_t)ip_ecn;
    peer_say_syn(&p, LA_TCP_SYN | flags, &sack);
    p.dscp_ecn = 0;
    return listener;
}

/* The acknowledgement of the SYN,ACK, with that number. */
static void
third(la_handle listener, unsigned ace)
{
    peer_send(&p, LA_TCP_ACK | la_tcp_ace_flags(ace), NULL, 0);
    assert_int_equal(la_listener_accept(p.stack, listener, &conn, p.now), LA_OK);
    assert_int_equal(la_listener_close(p.stack, listener, p.now), LA_OK);
}

/* An acknowledgement of ours up to `ack`, with that number. */
static void
acknowledge(unsigned ace, la_seq ack)
{
    struct la_tcp_seg seg = peer_usual(&p, LA_TCP_ACK | la_tcp_ace_flags(ace));
    seg.ack = ack;
    peer_say(&p, &seg, NULL, 0);
}

static void
text_arrives(unsigned ip_ecn)
{
    p.dscp_ecn = (uint8_t)ip_ecn;
    peer_send(&p, LA_TCP_ACK | la_tcp_ace_flags(5), NULL, TEXT);
    p.dscp_ecn = 0;
}

/* Text goes as ECT(0), or not. */
static void
expect_text(unsigned ace, bool ect)
{
    peer_forget(&p);
    peer_user_send(&p, conn, TEXT);
    assert_int_equal(peer_status(&p, conn).sends_ect, ect);
    expect_ace(ace, ect ? LA_IP_ECT_0 : LA_IP_NOT_ECT);
}

/* ---- 3.1: agreeing ---------------------------------------------------------------------- */

/* LEDGER: RFC9768-1, RFC9768-3, RFC9768-4, RFC9768-17, RFC9768-34 */
static void
test_accecn__answers_to_our_syn(void **state)
{
    (void)state;
    static const struct {
        unsigned said;
        bool accurate, ecn, sends_ect;
    } table[] = {
        {0, false, false, false}, {1, false, true, true},   {2, true, true, true},
        {3, true, true, false},   {4, true, true, false},   {5, true, true, true},
        {6, true, true, false},   {7, false, false, false},
    };
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        begin(set_ask);
        open_active(table[i].said, LA_IP_NOT_ECT);
        expect_ace(table[i].accurate ? 2 : 0, LA_IP_NOT_ECT);
        struct la_conn_status status = peer_status(&p, conn);
        assert_int_equal(status.accurate_ecn, table[i].accurate);
        assert_int_equal(status.ecn, table[i].ecn);
        assert_int_equal(status.sends_ect, table[i].sends_ect);
        assert_int_equal(p.stack->env.accecns.live_n, table[i].accurate);
        const struct la_event *told = &p.last[LA_EVENT_NEGOTIATED];
        assert_int_equal(told->u.negotiated.accurate_ecn, table[i].accurate);
        expect_text(table[i].accurate ? 5 : 0, table[i].sends_ect);
        end();
    }
}

/* Tables 2 and 3: how the SYN came, and how the SYN,ACK did. A mark of the SYN,ACK counts once. */
/* LEDGER: RFC9768-5, RFC9768-13, RFC9768-16 */
static void
test_accecn__says_how_syn_ack_came(void **state)
{
    (void)state;
    static const unsigned codes[] = {2, 3, 4, 6};
    for (unsigned ip_ecn = 0; ip_ecn < 4; ip_ecn++) {
        unsigned count = ip_ecn == LA_IP_CE ? 6 : 5;
        begin(set_ask);
        open_active(2, ip_ecn);
        expect_ace(codes[ip_ecn], LA_IP_NOT_ECT);
        for (unsigned i = 0; i < 2; i++) { /* the SYN,ACK again, also when it says nothing */
            p.dscp_ecn = (uint8_t)ip_ecn;
            struct la_tcp_seg again = peer_usual(&p, SYN_ACK | la_tcp_ace_flags(i == 0 ? 2 : 0));
            again.seq = la_seq_of(p.iss);
            peer_say(&p, &again, NULL, 0);
            p.dscp_ecn = 0;
            expect_ace(codes[ip_ecn], LA_IP_NOT_ECT);
        }
        expect_text(count, true);
        end();
    }
}

/* D33: a copy that comes when the server has acknowledged text, or has sent some, is acknowledged
 * with the count, which a server behind its handshake takes it for. */
static void
test_accecn__late_copy_of_syn_ack(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        begin(set_ask);
        open_active(2, LA_IP_NOT_ECT);
        expect_ace(2, LA_IP_NOT_ECT);
        if (i == 0) {
            expect_text(5, true);
            acknowledge(5, p.rcv_nxt);
        } else {
            text_arrives(LA_IP_NOT_ECT);
        }
        peer_forget(&p);
        struct la_tcp_seg again = peer_usual(&p, SYN_ACK | la_tcp_ace_flags(2));
        again.seq = la_seq_of(p.iss);
        peer_say(&p, &again, NULL, 0);
        expect_ace(5, LA_IP_NOT_ECT);
        end();
    }
}

/* LEDGER: RFC9768-14 */
static void
test_accecn__answers_before_text(void **state)
{
    (void)state;
    begin(set_ask);
    conn = peer_open(&p, NULL);
    peer_user_send(&p, conn, TEXT);
    expect_ace(7, LA_IP_NOT_ECT);
    p.dscp_ecn = LA_IP_ECT_0;
    peer_say_syn(&p, SYN_ACK | la_tcp_ace_flags(2), &sack);
    p.dscp_ecn = 0;
    assert_int_equal(expect_ace(4, LA_IP_NOT_ECT)->tcp.text_bytes, 0);
    assert_int_equal(expect_ace(5, LA_IP_ECT_0)->tcp.text_bytes, TEXT);
    end();
}

/* LEDGER: RFC9768-1, RFC9768-6, RFC9768-7 */
static void
test_accecn__forms_of_syn(void **state)
{
    (void)state;
    static const unsigned codes[] = {2, 3, 4, 6};
    for (unsigned said = 0; said < 8; said++)
        for (unsigned ip_ecn = 0; ip_ecn < 4; ip_ecn++) {
            bool accurate = said != 0 && said != 3;
            begin(set_accept);
            la_handle listener = asked(la_tcp_ace_flags(said), ip_ecn);
            expect_ace(accurate ? codes[ip_ecn] : said == 3 ? 1 : 0, LA_IP_NOT_ECT);
            third(listener, accurate ? 2 : 0);
            struct la_conn_status status = peer_status(&p, conn);
            assert_int_equal(status.accurate_ecn, accurate);
            assert_int_equal(status.ecn, said != 0);
            expect_text(accurate ? 5 : 0, said != 0);
            end();
        }
}

/* Whoever does not know it answers as RFC 3168 has it; so does one that was told not to. */
static void
test_accecn__is_refused(void **state)
{
    (void)state;
    begin(peer_reno);
    la_handle listener = asked(ASKS, LA_IP_NOT_ECT);
    expect_ace(1, LA_IP_NOT_ECT);
    third(listener, 0);
    assert_true(peer_status(&p, conn).ecn);
    assert_false(peer_status(&p, conn).accurate_ecn);
    end();
}

/* A setting for each direction. */
static void
test_accecn__settings(void **state)
{
    (void)state;
    begin(set_ask_plain);
    conn = peer_open(&p, NULL);
    expect_ace(3, LA_IP_NOT_ECT);
    peer_say_syn(&p, SYN_ACK | la_tcp_ace_flags(1), &sack);
    expect_text(0, true);
    assert_false(peer_status(&p, conn).accurate_ecn);
    end();
    begin(set_accept);
    conn = peer_open(&p, NULL);
    expect_ace(0, LA_IP_NOT_ECT);
    peer_say_syn(&p, SYN_ACK | la_tcp_ace_flags(2), &sack);
    expect_text(0, false);
    end();
    begin(peer_reno); /* of one connection */
    struct la_tcp_cfg cfg = *la_stack_tcp_cfg(p.stack);
    cfg.ecn = LA_ECN_ACCURATE_ASK;
    conn = peer_open(&p, &cfg);
    expect_ace(7, LA_IP_NOT_ECT);
    cfg.ecn = LA_ECN_ACCURATE_ACCEPT + 1;
    struct la_endpoint any = {.port = 0};
    la_handle none;
    assert_int_equal(la_conn_open(p.stack, &any, &p.addr, &cfg, &none, p.now), LA_ERR_BAD_ARGUMENT);
    end();
}

/* Without memory to count in it is not asked for; who was asked waits for the peer to try again. */
/* LEDGER: RFC9768-3 */
static void
test_accecn__no_memory(void **state)
{
    (void)state;
    begin(set_ask);
    p.stack->env.accecns.max_n = 0;
    conn = peer_open(&p, NULL);
    expect_ace(3, LA_IP_NOT_ECT);
    end();
    begin(set_accept);
    p.stack->env.accecns.max_n = 0;
    la_handle listener = asked(ASKS, LA_IP_NOT_ECT);
    expect_ace(2, LA_IP_NOT_ECT);
    struct la_tcp_seg seg = peer_usual(&p, LA_TCP_ACK | la_tcp_ace_flags(2));
    peer_say(&p, &seg, NULL, 0);
    assert_int_equal(p.reason, LA_REASON_NO_MEMORY);
    assert_int_equal(peer_state(&p), LA_TCP_SYN_RECEIVED);
    p.stack->env.accecns.max_n = 1;
    third(listener, 2);
    assert_true(peer_status(&p, conn).accurate_ecn);
    end();
}

/* ---- 3.1.4, 3.1.5: SYNs that come again -------------------------------------------------- */

/* LEDGER: RFC9768-8, RFC9768-9 */
static void
test_accecn__our_syn_again(void **state)
{
    (void)state;
    static const struct {
        unsigned said;
        bool accurate, sends_ect;
    } answers[] = {{0, false, false}, {1, false, false}, {2, true, true}};
    for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
        begin(set_ask);
        conn = peer_open(&p, NULL);
        la_seq iss = expect_ace(7, LA_IP_NOT_ECT)->tcp.seq;
        assert_true(peer_run_until_sent(&p, 2 * LA_US_PER_S));
        expect_ace(7, LA_IP_NOT_ECT);
        assert_int_equal(p.events_n[LA_EVENT_ECN], 0);
        for (unsigned n = 0; n < 2; n++) {
            assert_true(peer_run_until_sent(&p, 9 * LA_US_PER_S));
            assert_int_equal(expect_ace(0, LA_IP_NOT_ECT)->tcp.seq.v, iss.v);
            assert_int_equal(p.events_n[LA_EVENT_ECN], 1);
            assert_int_equal(p.last[LA_EVENT_ECN].u.ecn.step, LA_ECN_SYN_PLAIN);
        }
        /* An answer to an early one still counts: only a peer in that mode gives it. */
        peer_say_syn(&p, SYN_ACK | la_tcp_ace_flags(answers[i].said), &sack);
        expect_ace(answers[i].accurate ? 2 : 0, LA_IP_NOT_ECT);
        assert_int_equal(peer_status(&p, conn).accurate_ecn, answers[i].accurate);
        expect_text(answers[i].accurate ? 5 : 0, answers[i].sends_ect);
        end();
    }
}

/* The SYN,ACK goes again as it was, then as if nothing had been asked; the mode stays. */
/* LEDGER: RFC9768-11, RFC9768-12 */
static void
test_accecn__our_syn_ack_again(void **state)
{
    (void)state;
    for (unsigned times = 1; times < 4; times++) {
        begin(set_accept);
        la_handle listener = asked(ASKS, LA_IP_ECT_0);
        expect_ace(4, LA_IP_NOT_ECT);
        for (unsigned n = 1; n <= times; n++) {
            assert_true(peer_run_until_sent(&p, 9 * LA_US_PER_S));
            expect_ace(n < 2 ? 4 : 0, LA_IP_NOT_ECT);
        }
        third(listener, 2);
        assert_true(peer_status(&p, conn).accurate_ecn);
        expect_text(5, times < 2);
        end();
    }
}

/* The SYN again: how the latest came is told; one that does not ask leaves the mode, but ends ECT.
 */
/* LEDGER: RFC9768-10, RFC9768-12 */
static void
test_accecn__peers_syn_again(void **state)
{
    (void)state;
    for (unsigned plain = 0; plain < 2; plain++) {
        begin(set_accept);
        la_handle listener = asked(ASKS, LA_IP_ECT_0);
        expect_ace(4, LA_IP_NOT_ECT);
        p.dscp_ecn = LA_IP_CE;
        peer_say_syn(&p, (uint16_t)(LA_TCP_SYN | (plain != 0 ? 0 : ASKS)), &sack);
        p.dscp_ecn = 0;
        expect_ace(6, LA_IP_NOT_ECT);
        third(listener, 2);
        assert_true(peer_status(&p, conn).accurate_ecn);
        expect_text(5, plain == 0);
        end();
    }
    begin(set_accept); /* in Not ECN mode nothing that comes later counts */
    la_handle listener = asked(0, LA_IP_NOT_ECT);
    expect_ace(0, LA_IP_NOT_ECT);
    peer_say_syn(&p, LA_TCP_SYN | ASKS, &sack);
    expect_ace(0, LA_IP_NOT_ECT);
    third(listener, 0);
    assert_false(peer_status(&p, conn).ecn);
    end();
}

/* LEDGER: RFC9768-18 */
static void
test_accecn__peer_asks_for_both(void **state)
{
    (void)state;
    for (unsigned first = 0; first < 2; first++) {
        begin(set_accept);
        la_handle listener = asked(first == 0 ? ASKS : CLASSIC, LA_IP_NOT_ECT);
        expect_ace(first == 0 ? 2 : 1, LA_IP_NOT_ECT);
        peer_say_syn(&p, (uint16_t)(LA_TCP_SYN | (first == 0 ? CLASSIC : ASKS)), &sack);
        peer_expect(&p, LA_TCP_RST | LA_TCP_ACK);
        assert_int_equal(p.reason, LA_REASON_ECN_ASKED_TWICE);
        assert_int_equal(peer_state(&p), LA_TCP_CLOSED);
        assert_int_equal(la_listener_close(p.stack, listener, p.now), LA_OK);
        peer_free(&p);
    }
}

/* Each end enters the mode of one that was asked, and says how SYN and SYN,ACK came. */
/* LEDGER: RFC9768-19 */
static void
test_accecn__simultaneous_open(void **state)
{
    (void)state;
    static const struct {
        unsigned asks, agrees;
        bool accurate, ecn;
    } table[] = {{7, 4, true, true}, {3, 1, false, true}, {0, 0, false, false}};
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        begin(set_ask);
        conn = peer_open(&p, NULL);
        expect_ace(7, LA_IP_NOT_ECT);
        p.dscp_ecn = LA_IP_ECT_0;
        peer_say_syn(&p, LA_TCP_SYN | la_tcp_ace_flags(table[i].asks), &sack);
        expect_ace(table[i].agrees, LA_IP_NOT_ECT);
        p.dscp_ecn = LA_IP_CE;
        struct la_tcp_seg answer =
            peer_usual(&p, SYN_ACK | la_tcp_ace_flags(table[i].accurate ? 2 : table[i].agrees));
        answer.seq = la_seq_of(p.iss);
        peer_say(&p, &answer, NULL, 0);
        p.dscp_ecn = 0;
        assert_int_equal(peer_status(&p, conn).state, LA_TCP_ESTABLISHED);
        assert_int_equal(peer_status(&p, conn).accurate_ecn, table[i].accurate);
        assert_int_equal(peer_status(&p, conn).ecn, table[i].ecn);
        if (table[i].accurate)
            expect_ace(6, LA_IP_NOT_ECT);
        acknowledge(table[i].accurate ? 2 : 0, p.rcv_nxt); /* the peer's answer: no counter */
        assert_int_equal(peer_status(&p, conn).marked_out.ce_n, 0);
        expect_text(table[i].accurate ? 6 : 0, table[i].ecn);
        end();
    }
}

/* LEDGER: RFC9768-20 */
static void
test_accecn__forgotten_in_time_wait(void **state)
{
    (void)state;
    agree();
    text_arrives(LA_IP_CE);
    expect_ace(6, LA_IP_NOT_ECT);
    peer_user_read(&p, conn, TEXT);
    assert_int_equal(la_conn_close(p.stack, conn, p.now), LA_OK);
    peer_collect(&p);
    expect_ace(6, LA_IP_NOT_ECT);
    acknowledge(5, p.rcv_nxt);
    peer_send(&p, LA_TCP_FIN | LA_TCP_ACK | la_tcp_ace_flags(5), NULL, 0);
    assert_int_equal(peer_status(&p, conn).state, LA_TCP_TIME_WAIT);
    expect_ace(0, LA_IP_NOT_ECT);
    assert_int_equal(p.stack->env.accecns.live_n, 0);
    end();
}

/* ---- 3.2.2.1, 3.2.2.3, 3.2.2.4: the handshake's end -------------------------------------- */

/* Table 4. */
/* LEDGER: RFC9768-15, RFC9768-21, RFC9768-22 */
static void
test_accecn__third_segment(void **state)
{
    (void)state;
    for (unsigned ace = 0; ace < 8; ace++) {
        bool mangled = ace == 3 || ace == 4 || ace == 6;
        begin(set_accept);
        la_handle listener = asked(ASKS, LA_IP_NOT_ECT);
        expect_ace(2, LA_IP_NOT_ECT);
        third(listener, ace);
        struct la_conn_status status = peer_status(&p, conn);
        assert_int_equal(status.marked_out.ce_n, ace == 6);
        /* 3.2.2.2: the window is reduced for a SYN,ACK that was marked. */
        assert_int_equal(status.cwnd_bytes, (ace == 6 ? 5 : 10) * SMSS);
        expect_text(5, ace != 0 && !mangled);
        acknowledge((ace == 6 ? 6 : 5) + 1, p.rcv_nxt);
        assert_int_equal(peer_status(&p, conn).marked_out.ce_n,
                         ace == 0   ? 0
                         : ace == 6 ? 2
                                    : 1); /* 0: no feedback is heeded */
        text_arrives(LA_IP_CE);           /* feedback is given in each case */
        expect_ace(6, LA_IP_NOT_ECT);
        end();
    }
}

/* The third segment was lost: text brings the counter. */
/* LEDGER: RFC9768-15 */
static void
test_accecn__third_segment_with_text(void **state)
{
    (void)state;
    begin(set_accept);
    la_handle listener = asked(ASKS, LA_IP_NOT_ECT);
    expect_ace(2, LA_IP_NOT_ECT);
    p.dscp_ecn = LA_IP_CE;
    peer_send(&p, LA_TCP_ACK | la_tcp_ace_flags(6), NULL, TEXT);
    p.dscp_ecn = 0;
    expect_ace(6, LA_IP_NOT_ECT);
    assert_int_equal(la_listener_accept(p.stack, listener, &conn, p.now), LA_OK);
    assert_int_equal(la_listener_close(p.stack, listener, p.now), LA_OK);
    expect_text(6, true);
    acknowledge(6, p.rcv_nxt);
    assert_int_equal(peer_status(&p, conn).marked_out.ce_n, 1); /* that was the SYN,ACK's */
    assert_int_equal(peer_status(&p, conn).marked_in.ce_n, 1);
    assert_int_equal(peer_status(&p, conn).marked_in.ce_bytes, TEXT);
    end();
}

/* Zero in the first feedback behind the handshake. */
/* LEDGER: RFC9768-23 */
static void
test_accecn__zeroed(void **state)
{
    (void)state;
    agree();
    expect_text(5, true);
    acknowledge(0, p.rcv_nxt);
    assert_int_equal(p.last[LA_EVENT_ECN].u.ecn.step, LA_ECN_ZEROED);
    expect_text(5, false);
    acknowledge(3, p.rcv_nxt);
    assert_int_equal(peer_status(&p, conn).marked_out.ce_n, 0);
    assert_true(peer_status(&p, conn).accurate_ecn);
    end();
    agree(); /* later it is a count like any other */
    expect_text(5, true);
    acknowledge(7, p.rcv_nxt);
    expect_text(5, true);
    acknowledge(0, p.rcv_nxt);
    assert_int_equal(peer_status(&p, conn).marked_out.ce_n, 3);
    expect_text(5, true);
    end();
}

/* ---- 3.2.2: the receiver ----------------------------------------------------------------- */

/* LEDGER: RFC9768-2, RFC9768-24, RFC9768-25 */
static void
test_accecn__counts(void **state)
{
    (void)state;
    agree();
    static const unsigned marks[] = {3, 2, 1, 0, 3, 3, 2, 3, 3, 3, 1, 3};
    unsigned ce_n = 0, bytes[4] = {0};
    for (size_t i = 0; i < sizeof(marks) / sizeof(marks[0]); i++) {
        text_arrives(marks[i]);
        ce_n += marks[i] == LA_IP_CE;
        bytes[marks[i]] += TEXT;
        (void)peer_run_until_sent(&p, LA_US_PER_S);
        expect_ace((5 + ce_n) % 8, LA_IP_NOT_ECT);
    }
    struct la_conn_marks in = peer_status(&p, conn).marked_in;
    assert_int_equal(in.ce_n, ce_n);
    assert_int_equal(in.ce_bytes, bytes[3]);
    assert_int_equal(in.ect_0_bytes, bytes[2]);
    assert_int_equal(in.ect_1_bytes, bytes[1]);
    end();
}

/* What is not acceptable does not count; what has no text does. */
/* LEDGER: RFC9768-24 */
static void
test_accecn__what_counts(void **state)
{
    (void)state;
    agree();
    text_arrives(LA_IP_NOT_ECT);
    peer_forget(&p);
    p.dscp_ecn = LA_IP_CE;
    struct la_tcp_seg old = peer_usual(&p, LA_TCP_ACK | la_tcp_ace_flags(5));
    old.seq = la_seq_sub(old.seq, TEXT);
    peer_say(&p, &old, NULL, TEXT); /* received before */
    struct la_tcp_seg far = peer_usual(&p, LA_TCP_ACK | la_tcp_ace_flags(5));
    far.seq = la_seq_add(far.seq, 1u << 30);
    peer_say(&p, &far, NULL, TEXT); /* outside the window */
    struct la_tcp_seg unsent = peer_usual(&p, LA_TCP_ACK | la_tcp_ace_flags(5));
    unsent.ack = la_seq_add(unsent.ack, 1000);
    peer_say(&p, &unsent, NULL, TEXT);
    assert_int_equal(peer_status(&p, conn).marked_in.ce_n, 0);
    peer_forget(&p);
    struct la_tcp_seg ahead = peer_usual(&p, LA_TCP_ACK | la_tcp_ace_flags(5));
    ahead.seq = la_seq_add(ahead.seq, TEXT);
    peer_say(&p, &ahead, NULL, TEXT); /* out of order */
    assert_int_equal(ace_of(peer_take(&p)), 6);
    peer_send(&p, LA_TCP_ACK | la_tcp_ace_flags(5), NULL, 0);
    p.dscp_ecn = 0;
    assert_int_equal(peer_status(&p, conn).marked_in.ce_n, 2);
    assert_int_equal(peer_status(&p, conn).marked_in.ce_bytes, TEXT);
    end();
}

/* 3.2.2.5.1. */
/* LEDGER: RFC9768-26, RFC9768-27 */
static void
test_accecn__acknowledges_at_once(void **state)
{
    (void)state;
    agree();
    text_arrives(LA_IP_ECT_0);
    peer_expect_none(&p);
    text_arrives(LA_IP_CE); /* changed */
    expect_ace(6, LA_IP_NOT_ECT);
    text_arrives(LA_IP_CE); /* one more: not yet two */
    peer_expect_none(&p);
    text_arrives(LA_IP_CE);
    expect_ace(0, LA_IP_NOT_ECT);
    text_arrives(LA_IP_ECT_0);
    peer_expect_none(&p);
    peer_run_us(&p, LA_US_PER_S);
    peer_forget(&p);
    for (unsigned n = 1; n <= 7; n++) { /* without text: each third */
        p.dscp_ecn = LA_IP_CE;
        peer_send(&p, LA_TCP_ACK | la_tcp_ace_flags(5), NULL, 0);
        p.dscp_ecn = 0;
        if (n % 3 == 0)
            expect_ace(n % 8, LA_IP_NOT_ECT);
        else
            peer_expect_none(&p);
    }
    end();
}

/* ---- 3.2.2.2, 3.2.2.5.2: the sender ------------------------------------------------------ */

/* A window of ten segments is in flight. */
static la_seq
in_flight(void)
{
    la_seq una = p.rcv_nxt;
    peer_user_send(&p, conn, 10 * SMSS);
    peer_forget(&p);
    return una;
}

/* Once for a window of data, whatever number is told; CWR is nobody's flag. */
/* LEDGER: RFC9768-28, RFC9768-29 */
static void
test_accecn__reduces_once(void **state)
{
    (void)state;
    agree();
    la_seq una = in_flight();
    acknowledge(6, la_seq_add(una, SMSS));
    struct la_conn_status status = peer_status(&p, conn);
    assert_int_equal(status.cwnd_bytes, 5 * SMSS);
    assert_int_equal(status.marked_out.ce_n, 1);
    assert_int_equal(p.last[LA_EVENT_ECN].u.ecn.step, LA_ECN_REDUCED);
    assert_int_equal(p.last[LA_EVENT_ECN].u.ecn.marks_n, 1);
    acknowledge(0, la_seq_add(una, 3 * SMSS)); /* two more: told, and enough was done */
    assert_int_equal(peer_status(&p, conn).marked_out.ce_n, 3);
    assert_int_equal(peer_status(&p, conn).cwnd_bytes, 5 * SMSS);
    assert_int_equal(p.events_n[LA_EVENT_ECN], 1);
    acknowledge(0, la_seq_add(una, 10 * SMSS));
    peer_user_send(&p, conn, 2 * SMSS);
    assert_int_equal(ace_of(peer_take(&p)), 5); /* our own count, and no CWR in it */
    peer_forget(&p);
    acknowledge(1, p.rcv_nxt); /* the next window */
    assert_int_equal(p.events_n[LA_EVENT_ECN], 2);
    assert_true(peer_status(&p, conn).cwnd_bytes < 5 * SMSS);
    end();
}

/* A number that has not changed lets the window grow. */
static void
test_accecn__unmarked(void **state)
{
    (void)state;
    agree();
    la_seq una = in_flight();
    acknowledge(5, la_seq_add(una, 2 * SMSS));
    assert_int_equal(peer_status(&p, conn).cwnd_bytes, 12 * SMSS);
    assert_int_equal(p.events_n[LA_EVENT_ECN], 0);
    end();
}

/* One that acknowledges nothing may be older than what is known. */
/* LEDGER: RFC9768-30 */
static void
test_accecn__superseded(void **state)
{
    (void)state;
    agree();
    la_seq una = in_flight();
    acknowledge(5, la_seq_add(una, 2 * SMSS));
    acknowledge(7, la_seq_add(una, 2 * SMSS));
    acknowledge(7, la_seq_add(una, SMSS));
    assert_int_equal(peer_status(&p, conn).marked_out.ce_n, 0);
    struct la_tcp_seg seg = peer_usual(&p, LA_TCP_ACK | la_tcp_ace_flags(6));
    seg.ack = la_seq_add(una, 2 * SMSS);
    seg.sack_n = 1; /* but SACK says that something arrived */
    seg.sack[0] = (struct la_tcp_sack){la_seq_add(una, 4 * SMSS), la_seq_add(una, 5 * SMSS)};
    peer_say(&p, &seg, NULL, 0);
    assert_int_equal(peer_status(&p, conn).marked_out.ce_n, 1);
    end();
}

/* LEDGER: RFC9768-31 */
static void
test_accecn__may_have_cycled(void **state)
{
    (void)state;
    static const struct {
        unsigned first_n, ace, marks_n;
    } table[] = {
        {1, 5, 8},            /* nine at once: none, or eight */
        {1, 6, 9},            /* one, or nine */
        {1, 7, 2},            /* two: ten there cannot be */
        {2, 5, 8}, {3, 5, 0}, /* seven cannot be a cycle */
        {0, 5, 0},            /* ten at once from the beginning: that is how this path is */
        {0, 6, 1},
    };
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        agree();
        la_seq una = in_flight();
        if (table[i].first_n > 0)
            acknowledge(5, la_seq_add(una, table[i].first_n * SMSS));
        acknowledge(table[i].ace, la_seq_add(una, 10 * SMSS));
        assert_int_equal(peer_status(&p, conn).marked_out.ce_n, table[i].marks_n);
        end();
    }
}

/* Our SYN is told to have been marked. */
/* LEDGER: RFC9768-32 */
static void
test_accecn__marked_syn(void **state)
{
    (void)state;
    begin(set_ask);
    open_active(6, LA_IP_NOT_ECT);
    expect_ace(2, LA_IP_NOT_ECT);
    assert_int_equal(peer_status(&p, conn).marked_out.ce_n, 0);
    assert_int_equal(peer_status(&p, conn).cwnd_bytes, 5 * SMSS);
    expect_text(5, false);
    acknowledge(6, p.rcv_nxt); /* feedback still counts */
    assert_int_equal(peer_status(&p, conn).marked_out.ce_n, 1);
    end();
}

/* ---- with others' parts ------------------------------------------------------------------ */

/* A burst of text with numbers in ACE is gathered as any other, but for marked text. */
/* LEDGER: RFC9768-33 */
static void
test_accecn__gathered(void **state)
{
    (void)state;
    for (unsigned marked = 0; marked < 2; marked++) {
        agree();
        la_stack_trace_set(p.stack, &(struct la_trace){0});
        peer_hold(&p);
        for (unsigned i = 0; i < 6; i++)
            text_arrives(marked != 0 ? LA_IP_CE : LA_IP_ECT_0);
        peer_release(&p);
        assert_int_equal(peer_status(&p, conn).receive_queue_bytes, 6 * TEXT);
        assert_int_equal(peer_status(&p, conn).marked_in.ce_n, marked != 0 ? 6 : 0);
        assert_int_equal(peer_status(&p, conn).marked_in.ect_0_bytes, marked != 0 ? 0 : 6 * TEXT);
        end();
    }
}

/* The tally survives the end of accurate ECN. */
static void
test_accecn__tally(void **state)
{
    (void)state;
    begin(set_ask);
    conn = peer_open(&p, NULL);
    peer_forget(&p);
    assert_true(peer_run_until_sent(&p, 2 * LA_US_PER_S));
    peer_forget(&p);
    assert_int_equal(peer_status(&p, conn).retransmissions_n, 1);
    peer_say_syn(&p, SYN_ACK, &sack);
    assert_int_equal(peer_status(&p, conn).retransmissions_n, 1);
    assert_int_equal(p.stack->env.accecns.live_n, 0);
    assert_int_equal(p.stack->env.tallies.live_n, 1);
    end();
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_accecn__answers_to_our_syn),
        cmocka_unit_test(test_accecn__says_how_syn_ack_came),
        cmocka_unit_test(test_accecn__late_copy_of_syn_ack),
        cmocka_unit_test(test_accecn__answers_before_text),
        cmocka_unit_test(test_accecn__forms_of_syn),
        cmocka_unit_test(test_accecn__is_refused),
        cmocka_unit_test(test_accecn__settings),
        cmocka_unit_test(test_accecn__no_memory),
        cmocka_unit_test(test_accecn__our_syn_again),
        cmocka_unit_test(test_accecn__our_syn_ack_again),
        cmocka_unit_test(test_accecn__peers_syn_again),
        cmocka_unit_test(test_accecn__peer_asks_for_both),
        cmocka_unit_test(test_accecn__simultaneous_open),
        cmocka_unit_test(test_accecn__forgotten_in_time_wait),
        cmocka_unit_test(test_accecn__third_segment),
        cmocka_unit_test(test_accecn__third_segment_with_text),
        cmocka_unit_test(test_accecn__zeroed),
        cmocka_unit_test(test_accecn__counts),
        cmocka_unit_test(test_accecn__what_counts),
        cmocka_unit_test(test_accecn__acknowledges_at_once),
        cmocka_unit_test(test_accecn__reduces_once),
        cmocka_unit_test(test_accecn__unmarked),
        cmocka_unit_test(test_accecn__superseded),
        cmocka_unit_test(test_accecn__may_have_cycled),
        cmocka_unit_test(test_accecn__marked_syn),
        cmocka_unit_test(test_accecn__gathered),
        cmocka_unit_test(test_accecn__tally),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
