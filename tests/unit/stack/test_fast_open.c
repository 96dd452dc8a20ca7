/* SPDX-License-Identifier: MIT
 *
 * test_fast_open.c - TCP Fast Open, both ends: cookies, text in a SYN, bounds, fall-back
 *
 * Read first: RFC 7413 4 and 5.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/time.h"
#include "pair.h"
#include "peer.h"
#include "stack/fast_open.h"

enum { LIMIT = 2, MSS = 1000, S = 1000000 };

static struct peer p;

static void
served(struct la_stack_cfg *cfg)
{
    cfg->tcp.fast_open_n_max = LIMIT;
}

static void
asking(struct la_stack_cfg *cfg)
{
    cfg->tcp.fast_open = true;
}

static const struct peer_cfg server = {.stack = served}, client = {.stack = asking};

static struct la_listener_status
status_of(la_handle listener)
{
    struct la_listener_status status;
    assert_int_equal(la_listener_status(p.stack, listener, &status), LA_OK);
    return status;
}

/* ---- the server ------------------------------------------------------------------------- */

/* A SYN with the option; NULL: it asks. */
static void
say_syn(const struct la_tcp_cookie *cookie, const char *text)
{
    size_t n = strlen(text);
    p.snd_nxt = la_seq_of(p.iss);
    struct la_tcp_seg seg = peer_usual(&p, LA_TCP_SYN);
    seg.has |= LA_TCP_HAS_MSS | LA_TCP_HAS_FAST_OPEN;
    seg.mss = MSS;
    if (cookie != NULL)
        seg.cookie = *cookie;
    seg.text_bytes = (uint32_t)n;
    seg.len = 1 + seg.text_bytes;
    p.snd_nxt = la_seq_add(p.snd_nxt, 1);
    peer_say(&p, &seg, text, n);
}

/* The SYN,ACK, which acknowledges so much text. */
static struct la_tcp_seg
answer(uint32_t text_bytes)
{
    struct la_tcp_seg seg = peer_expect(&p, LA_TCP_SYN | LA_TCP_ACK)->tcp;
    assert_true(la_seq_eq(seg.ack, la_seq_add(la_seq_of(p.iss), 1 + text_bytes)));
    p.snd_nxt = seg.ack;
    return seg;
}

/* From another port; the one before is left as it is. */
static void
next_peer(void)
{
    p.addr.port++;
    p.iss += 100000;
    p.host.port = PEER_HOST_PORT;
}

static struct la_tcp_cookie
cookie_asked_for(void)
{
    say_syn(NULL, "");
    struct la_tcp_seg seg = answer(0);
    assert_int_equal(seg.has & LA_TCP_HAS_FAST_OPEN, LA_TCP_HAS_FAST_OPEN);
    assert_int_equal(seg.cookie.n, 8);
    peer_send(&p, LA_TCP_RST, NULL, 0);
    (void)peer_forget(&p);
    next_peer();
    return seg.cookie;
}

static void
read_exactly(la_handle conn, const char *text)
{
    uint8_t room[64];
    la_ssize n = la_conn_receive(p.stack, conn, (struct la_room){room, sizeof(room)}, p.now);
    assert_int_equal(n, strlen(text));
    assert_memory_equal(room, text, strlen(text));
}

static void
write_text(la_handle conn, const char *text)
{
    struct la_bytes bytes = {(const uint8_t *)text, strlen(text)};
    assert_int_equal(la_conn_send(p.stack, conn, bytes, false, p.now), bytes.n);
    peer_collect(&p);
}

/* 4.2.2: text is delivered, and answered, before the handshake is complete. */
/* LEDGER: RFC7413-2 */
static void
test_fast_open__one_round_trip(void **state)
{
    (void)state;
    for (int ipv6 = 0; ipv6 < 2; ipv6++) {
        peer_new(&p, &(struct peer_cfg){.stack = served, .ipv6 = ipv6 == 1});
        la_handle listener = peer_listen(&p, 4);
        struct la_tcp_cookie cookie = cookie_asked_for();
        say_syn(&cookie, "request");
        assert_int_equal(p.reason, LA_REASON_FAST_OPEN);
        struct la_tcp_seg seg = answer(7);
        assert_int_equal(seg.has & LA_TCP_HAS_FAST_OPEN, 0);
        la_handle conn = peer_accepted(&p, listener);
        assert_int_equal(peer_status(&p, conn).state, LA_TCP_SYN_RECEIVED);
        assert_true(peer_status(&p, conn).fast_opened);
        assert_int_equal(peer_ready(&p, conn) & LA_READY_READ, LA_READY_READ);
        read_exactly(conn, "request");
        write_text(conn, "response");
        assert_int_equal(peer_expect(&p, LA_TCP_ACK | LA_TCP_PSH)->tcp.text_bytes, 8);
        assert_int_equal(status_of(listener).fast_open_pending_n, 1);
        peer_send(&p, LA_TCP_ACK, "more", 4);
        assert_int_equal(peer_status(&p, conn).state, LA_TCP_ESTABLISHED);
        assert_int_equal(peer_status(&p, conn).send_queue_bytes, 0);
        assert_int_equal(status_of(listener).fast_open_pending_n, 0);
        read_exactly(conn, "more");
        assert_int_equal(status_of(listener).fast_opens_n, 1);
        peer_free(&p);
    }
}

/* The SYN,ACK is no text: it takes nothing from the initial window (RFC 6928 2: it counts segments
 * of data), nor from what the SYN offers. */
static void
test_fast_open__the_syn_takes_no_room(void **state)
{
    (void)state;
    enum { INITIAL_N = 10, OFFERED_N = 3 };
    static char text[2 * INITIAL_N * MSS + 1];
    memset(text, 'x', sizeof(text) - 1);
    for (int narrow = 0; narrow < 2; narrow++) {
        peer_new(&p, &server);
        p.wnd = narrow != 0 ? OFFERED_N * MSS : UINT16_MAX;
        la_handle listener = peer_listen(&p, 4);
        struct la_tcp_cookie cookie = cookie_asked_for();
        say_syn(&cookie, "request");
        (void)answer(7);
        write_text(peer_accepted(&p, listener), text);
        for (int i = 0; i < (narrow != 0 ? OFFERED_N : INITIAL_N); i++)
            assert_int_equal(peer_expect(&p, LA_TCP_ACK)->tcp.text_bytes, MSS);
        peer_expect_none(&p);
        peer_free(&p);
    }
}

/* The third segment acknowledges the SYN alone: what was sent before it goes again, by the timer.
 */
static void
test_fast_open__the_response_was_lost(void **state)
{
    (void)state;
    peer_new(&p, &server);
    la_handle listener = peer_listen(&p, 4);
    struct la_tcp_cookie cookie = cookie_asked_for();
    say_syn(&cookie, "x");
    struct la_tcp_seg seg = answer(1);
    la_handle conn = peer_accepted(&p, listener);
    write_text(conn, "response");
    (void)peer_forget(&p);
    assert_true(peer_run_until_sent(&p, 2 * S)); /* SYN,ACK again, and nothing else */
    (void)answer(1);
    peer_expect_none(&p);
    p.rcv_nxt = la_seq_add(seg.seq, 1);
    peer_send(&p, LA_TCP_ACK, NULL, 0);
    assert_true(peer_run_until_sent(&p, 10 * S));
    const struct peer_seg *again = peer_expect(&p, LA_TCP_ACK | LA_TCP_PSH);
    assert_true(la_seq_eq(again->tcp.seq, la_seq_add(seg.seq, 1)));
    assert_memory_equal(again->text, "response", 8);
    peer_free(&p);
}

/* A cookie of another address, or none of ours: an ordinary handshake, and the right one is told.
 */
/* LEDGER: RFC7413-3 */
static void
test_fast_open__a_foreign_cookie(void **state)
{
    (void)state;
    peer_new(&p, &server);
    la_handle listener = peer_listen(&p, 4);
    struct la_tcp_cookie right = cookie_asked_for(), wrong = right;
    for (unsigned i = 0; i < 3; i++, next_peer()) {
        wrong = right;
        if (i == 0)
            wrong.bytes[7] ^= 1;
        if (i > 0)
            wrong.n = i == 1 ? 4 : 16;
        say_syn(&wrong, "early");
        assert_int_equal(p.reason, LA_REASON_FAST_OPEN_COOKIE);
        struct la_tcp_seg seg = answer(0);
        assert_memory_equal(&seg.cookie, &right, sizeof(right));
        la_handle conn;
        assert_int_equal(la_listener_accept(p.stack, listener, &conn, p.now), LA_ERR_AGAIN);
        peer_send(&p, LA_TCP_ACK, "late", 4);
        read_exactly(peer_accepted(&p, listener), "late");
    }
    assert_int_equal(status_of(listener).fast_opens_n, 0);
    peer_free(&p);
}

/* What Linux gives out with that key for these addresses. */
static void
test_fast_open__cookies_are_those_of_linux(void **state)
{
    (void)state;
    static const struct {
        const char *local, *remote;
        uint8_t cookie[8];
    } known[] = {
        {"192.168.0.1", "192.0.2.1", {0x30, 0x21, 0xb9, 0xd8, 0x89, 0x01, 0x7e, 0xeb}},
        {"fd3d:a0b:17d6::1", "fd3d:fa7b:d17d::1", {0xc1, 0xd1, 0xe9, 0x74, 0x2a, 0x47, 0xa9, 0xbc}},
    };
    static const uint8_t key[LA_FAST_OPEN_KEY_BYTES] = {0xa1, 0xa1, 0xa1, 0xa1, 0xb2, 0xb2,
                                                        0xb2, 0xb2, 0xc3, 0xc3, 0xc3, 0xc3,
                                                        0xd4, 0xd4, 0xd4, 0xd4};
    peer_new(&p, &server);
    la_stack_fast_open_key_set(p.stack, key);
    for (size_t i = 0; i < 2; i++) {
        struct la_tuple tuple = {{{{0}}, 80}, {{{0}}, 5000}};
        assert_true(la_addr_parse(known[i].local, &tuple.local.addr));
        assert_true(la_addr_parse(known[i].remote, &tuple.remote.addr));
        struct la_tcp_cookie cookie = la_fast_open_cookie(p.stack, &tuple);
        assert_int_equal(cookie.n, 8);
        assert_memory_equal(cookie.bytes, known[i].cookie, 8);
    }
    peer_free(&p);
}

/* 4.1.2: a cookie of the key before still opens, and the new one is told; one before that does not.
 * Keys that are drawn change every 12 hours. */
static void
test_fast_open__keys_change(void **state)
{
    (void)state;
    for (int told = 0; told < 2; told++) {
        uint8_t key[LA_FAST_OPEN_KEY_BYTES] = {1};
        peer_new(&p, &server);
        (void)peer_listen(&p, 8);
        if (told)
            la_stack_fast_open_key_set(p.stack, key);
        struct la_tcp_cookie first = cookie_asked_for();
        for (unsigned age = 0; age < 3; age++, next_peer()) {
            say_syn(&first, "x");
            struct la_tcp_seg seg = answer(age < 2 ? 1 : 0);
            assert_int_equal((seg.has & LA_TCP_HAS_FAST_OPEN) != 0, age > 0);
            if (age > 0)
                assert_memory_not_equal(&seg.cookie, &first, sizeof(first));
            peer_send(&p, LA_TCP_ACK, NULL, 0);
            (void)peer_forget(&p);
            key[0]++;
            if (told)
                la_stack_fast_open_key_set(p.stack, key);
            else
                peer_run_us(&p, INT64_C(43201) * S);
        }
        peer_free(&p);
    }
}

/* 5.1: beyond the bound there is no Fast Open; a RST does not make room at once. */
/* LEDGER: RFC7413-4 */
static void
test_fast_open__the_bound(void **state)
{
    (void)state;
    peer_new(&p, &server);
    la_handle listener = peer_listen(&p, 16);
    struct la_tcp_cookie cookie = cookie_asked_for();
    for (unsigned i = 0; i < LIMIT; i++, next_peer()) {
        say_syn(&cookie, "x");
        (void)answer(1);
        if (i == 0)
            peer_send(&p, LA_TCP_RST, NULL, 0);
    }
    assert_int_equal(status_of(listener).fast_open_pending_n, LIMIT);
    say_syn(&cookie, "x");
    assert_int_equal(p.reason, LA_REASON_FAST_OPEN_LIMIT);
    assert_int_equal(answer(0).has & LA_TCP_HAS_FAST_OPEN, 0);
    next_peer();
    la_handle reset = peer_accepted(&p, listener);
    assert_int_equal(peer_status(&p, reset).err, LA_ERR_CONNECTION_RESET);
    assert_int_equal(peer_status(&p, reset).state, LA_TCP_CLOSED);
    peer_run_us(&p, INT64_C(120) * S);
    (void)peer_forget(&p);
    assert_int_equal(status_of(listener).fast_open_pending_n, 1);
    say_syn(&cookie, "x");
    assert_int_equal(p.reason, LA_REASON_FAST_OPEN);
    (void)answer(1);
    peer_free(&p);
}

/* The listener goes while one that it has opened is half-way: nothing counts at whoever comes to
 * its place. */
static void
test_fast_open__the_listener_goes(void **state)
{
    (void)state;
    peer_new(&p, &server);
    la_handle listener = peer_listen(&p, 4);
    struct la_tcp_cookie cookie = cookie_asked_for();
    say_syn(&cookie, "x");
    (void)answer(1);
    la_handle conn = peer_accepted(&p, listener);
    assert_int_equal(la_listener_close(p.stack, listener, p.now), LA_OK);
    la_handle other = peer_listen(&p, 4);
    peer_send(&p, LA_TCP_ACK, NULL, 0);
    assert_int_equal(peer_status(&p, conn).state, LA_TCP_ESTABLISHED);
    assert_int_equal(status_of(other).fast_open_pending_n, 0);
    peer_free(&p);
}

/* CLOSE before the handshake is complete waits for it (D5); what was written goes before. */
static void
test_fast_open__closed_early(void **state)
{
    (void)state;
    peer_new(&p, &server);
    la_handle listener = peer_listen(&p, 4);
    struct la_tcp_cookie cookie = cookie_asked_for();
    say_syn(&cookie, "x");
    (void)answer(1);
    la_handle conn = peer_accepted(&p, listener);
    read_exactly(conn, "x");
    write_text(conn, "bye");
    assert_int_equal(la_conn_release(p.stack, conn, p.now), LA_OK);
    peer_collect(&p);
    (void)peer_expect(&p, LA_TCP_ACK | LA_TCP_PSH);
    peer_expect_none(&p);
    peer_send(&p, LA_TCP_ACK, NULL, 0);
    (void)peer_expect(&p, LA_TCP_ACK | LA_TCP_FIN);
    peer_free(&p);
}

/* Off unless it was asked for; the SYN again means SYN,ACK again; a FIN in the SYN waits. */
static void
test_fast_open__off_and_again(void **state)
{
    (void)state;
    peer_new(&p, &(struct peer_cfg){.stack = NULL});
    (void)peer_listen(&p, 4);
    say_syn(NULL, "");
    assert_int_equal(answer(0).has & LA_TCP_HAS_FAST_OPEN, 0);
    peer_free(&p);

    peer_new(&p, &server);
    (void)peer_listen(&p, 4);
    struct la_tcp_cookie cookie = cookie_asked_for();
    for (unsigned i = 0; i < 2; i++) {
        say_syn(&cookie, "x");
        (void)answer(1);
    }
    say_syn(&cookie, "");
    (void)answer(1);
    peer_free(&p);
}

/* Each allocation fails in turn: without memory it is an ordinary opening, or none. */
static void
test_fast_open__without_memory(void **state)
{
    (void)state;
    peer_new(&p, &server);
    (void)peer_listen(&p, 64);
    struct la_tcp_cookie cookie = cookie_asked_for();
    for (uint64_t fail_at = 1; fail_at < 12; fail_at++, next_peer()) {
        p.memory.calls_n = 0;
        p.memory.fail_at = fail_at;
        p.memory.fail_for_n = UINT32_MAX;
        say_syn(&cookie, "text");
        p.memory.fail_at = 0;
        (void)peer_forget(&p);
        p.snd_nxt = la_seq_add(la_seq_of(p.iss), 1);
        peer_send(&p, LA_TCP_RST, NULL, 0);
        peer_run_us(&p, INT64_C(130) * S);
        (void)peer_forget(&p);
    }
    peer_free(&p);
}

/* ---- the client ------------------------------------------------------------------------- */

static const struct la_tcp_cookie theirs = {.n = 6, .bytes = {1, 2, 3, 4, 5, 6}};

/* Opens, and writes before anything was sent. */
static la_handle
open_and_write(const char *text)
{
    struct la_endpoint local = {{{0}}, 0};
    la_handle conn;
    assert_int_equal(la_conn_open(p.stack, &local, &p.addr, NULL, &conn, p.now), LA_OK);
    p.host.port = peer_status(&p, conn).local.port;
    write_text(conn, text);
    return conn;
}

/* SYN,ACK; ack: text that it acknowledges; cookie NULL: without the option. */
static void
say_syn_ack(const struct la_tcp_seg *syn, uint32_t text_bytes, const struct la_tcp_cookie *cookie,
            const char *text)
{
    p.iss += 1000;
    p.snd_nxt = la_seq_of(p.iss);
    p.rcv_nxt = la_seq_add(syn->seq, 1 + text_bytes);
    struct la_tcp_seg seg = peer_usual(&p, LA_TCP_SYN | LA_TCP_ACK);
    seg.has |= LA_TCP_HAS_MSS;
    seg.mss = MSS;
    if (cookie != NULL) {
        seg.has |= LA_TCP_HAS_FAST_OPEN;
        seg.cookie = *cookie;
    }
    seg.text_bytes = (uint32_t)strlen(text);
    seg.len = 1 + seg.text_bytes;
    p.snd_nxt = la_seq_add(p.snd_nxt, seg.len);
    peer_say(&p, &seg, text, seg.text_bytes);
}

static void
learn_cookie(void)
{
    la_handle conn = open_and_write("");
    struct la_tcp_seg syn = peer_expect(&p, LA_TCP_SYN)->tcp;
    assert_int_equal(syn.has & LA_TCP_HAS_FAST_OPEN, LA_TCP_HAS_FAST_OPEN);
    assert_int_equal(syn.cookie.n, 0);
    assert_false(la_stack_fast_open_known(p.stack, &p.addr.addr));
    say_syn_ack(&syn, 0, &theirs, "");
    (void)peer_forget(&p);
    assert_true(la_stack_fast_open_known(p.stack, &p.addr.addr));
    assert_int_equal(la_conn_abort(p.stack, conn, p.now), LA_OK);
    peer_collect(&p);
    (void)peer_forget(&p);
}

/* 4.2.1: the cookie is shown with the text; the response may come with the SYN,ACK. */
static void
test_fast_open__text_with_our_syn(void **state)
{
    (void)state;
    peer_new(&p, &client);
    learn_cookie();
    uint32_t room;
    la_handle conn;
    struct la_endpoint local = {{{0}}, 0};
    assert_int_equal(la_conn_open(p.stack, &local, &p.addr, NULL, &conn, p.now), LA_OK);
    assert_int_equal(la_conn_fast_open_room(p.stack, conn, &room), LA_OK);
    assert_int_equal(room, MSS - 40);
    p.host.port = peer_status(&p, conn).local.port;
    write_text(conn, "request");
    const struct peer_seg *syn = peer_expect(&p, LA_TCP_SYN);
    assert_memory_equal(&syn->tcp.cookie, &theirs, sizeof(theirs));
    assert_int_equal(syn->tcp.text_bytes, 7);
    assert_memory_equal(syn->text, "request", 7);
    assert_int_equal(la_conn_fast_open_room(p.stack, conn, &room), LA_OK);
    assert_int_equal(room, 0);
    say_syn_ack(&syn->tcp, 7, NULL, "response");
    const struct peer_seg *ack = peer_expect(&p, LA_TCP_ACK);
    assert_true(la_seq_eq(ack->tcp.ack, p.snd_nxt));
    assert_int_equal(ack->tcp.text_bytes, 0);
    read_exactly(conn, "response");
    assert_true(peer_status(&p, conn).fast_opened);
    assert_int_equal(peer_status(&p, conn).bytes_acked, 7);
    peer_free(&p);
}

/* What the SYN,ACK does not acknowledge is sent again, all or a part, and counts as that. */
/* LEDGER: FSM-SEG-SYNSENT-2 */
static void
test_fast_open__text_is_not_taken(void **state)
{
    (void)state;
    for (uint32_t taken = 0; taken < 7; taken += 3) {
        peer_new(&p, &client);
        learn_cookie();
        la_handle conn = open_and_write("request");
        struct la_tcp_seg syn = peer_expect(&p, LA_TCP_SYN)->tcp;
        say_syn_ack(&syn, taken, NULL, "");
        const struct peer_seg *again = peer_expect(&p, LA_TCP_ACK | LA_TCP_PSH);
        assert_true(la_seq_eq(again->tcp.seq, la_seq_add(syn.seq, 1 + taken)));
        assert_int_equal(again->tcp.text_bytes, 7 - taken);
        assert_memory_equal(again->text, &"request"[taken], 7 - taken);
        assert_int_equal(peer_status(&p, conn).bytes_retransmitted, 7 - taken);
        assert_int_equal(peer_status(&p, conn).fast_opened, taken > 0);
        peer_send(&p, LA_TCP_ACK, NULL, 0);
        assert_int_equal(peer_status(&p, conn).send_queue_bytes, 0);
        peer_free(&p);
    }
}

/* 4.1.3.1: the SYN again is an ordinary one. Its SYN,ACK may still acknowledge the text, of the SYN
 * that was not lost after all. The second in a row makes the next ones ordinary for a while. */
/* LEDGER: RFC7413-5 */
static void
test_fast_open__the_syn_is_lost(void **state)
{
    (void)state;
    peer_new(&p, &client);
    learn_cookie();
    for (uint32_t i = 0; i < 2; i++) {
        la_handle conn = open_and_write("request");
        assert_int_equal(peer_expect(&p, LA_TCP_SYN)->tcp.text_bytes, 7);
        assert_true(peer_run_until_sent(&p, 2 * S));
        struct la_tcp_seg syn = peer_expect(&p, LA_TCP_SYN)->tcp;
        assert_int_equal(syn.text_bytes, 0);
        assert_int_equal(syn.has & LA_TCP_HAS_FAST_OPEN, 0);
        say_syn_ack(&syn, i * 7, NULL, "");
        const struct peer_seg *seg = peer_expect(&p, i == 0 ? LA_TCP_ACK | LA_TCP_PSH : LA_TCP_ACK);
        assert_int_equal(seg->tcp.text_bytes, i == 0 ? 7 : 0);
        assert_int_equal(la_conn_abort(p.stack, conn, p.now), LA_OK);
        peer_collect(&p);
        (void)peer_forget(&p);
    }
    assert_false(la_stack_fast_open_known(p.stack, &p.addr.addr));
    (void)open_and_write("request");
    struct la_tcp_seg syn = peer_expect(&p, LA_TCP_SYN)->tcp;
    assert_int_equal(syn.text_bytes, 0);
    assert_int_equal(syn.has & LA_TCP_HAS_FAST_OPEN, 0);
    peer_run_us(&p, INT64_C(241) * S);
    assert_true(la_stack_fast_open_known(p.stack, &p.addr.addr));
    peer_free(&p);
}

/* 4.1.3.1: a peer that has no cookie for us is not asked again for a while. */
static void
test_fast_open__no_cookie_for_us(void **state)
{
    (void)state;
    peer_new(&p, &client);
    for (unsigned i = 0; i < 3; i++) {
        la_handle conn = open_and_write("");
        struct la_tcp_seg syn = peer_expect(&p, LA_TCP_SYN)->tcp;
        assert_int_equal((syn.has & LA_TCP_HAS_FAST_OPEN) != 0, i != 1);
        say_syn_ack(&syn, 0, NULL, "");
        assert_int_equal(la_conn_abort(p.stack, conn, p.now), LA_OK);
        peer_collect(&p);
        (void)peer_forget(&p);
        if (i == 1)
            peer_run_us(&p, INT64_C(241) * S);
    }
    peer_free(&p);
}

/* More peers than the table holds: it stays as large, and those that came last are known. */
static void
test_fast_open__many_peers(void **state)
{
    (void)state;
    peer_new(&p, &client);
    learn_cookie();
    int64_t before = p.memory.live_bytes;
    struct la_rec rec = {.tcp.name = 0};
    struct la_tcp_seg seg = {.has = LA_TCP_HAS_FAST_OPEN, .cookie = theirs};
    struct la_fast_open_asked asked = {.asked = true, .wished = true};
    unsigned known_n = 0;
    for (unsigned i = 0; i < 5000; i++) {
        struct la_tuple tuple = {p.host, p.addr};
        tuple.remote.addr = la_addr_v4(10, 1, (uint8_t)(i >> 8), (uint8_t)i);
        la_rec_tuple_set(&rec, &tuple);
        la_fast_open_learn(p.stack, &rec, &asked, &seg);
        assert_true(la_stack_fast_open_known(p.stack, &tuple.remote.addr));
    }
    assert_int_equal(p.memory.live_bytes, before);
    for (unsigned i = 0; i < 5000; i++) {
        struct la_addr addr = la_addr_v4(10, 1, (uint8_t)(i >> 8), (uint8_t)i);
        known_n += la_stack_fast_open_known(p.stack, &addr);
    }
    assert_in_range(known_n, 900, 1024);
    peer_free(&p);
}

/* ---- both ------------------------------------------------------------------------------- */

/* Octets once and in order, whatever the wire loses. */
static void
test_fast_open__between_two_stacks(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 60; seed++) {
        struct la_stack_cfg defaults;
        la_stack_cfg_init(&defaults);
        struct la_tcp_cfg cfg = defaults.tcp;
        cfg.fast_open = true;
        cfg.fast_open_n_max = 16;
        struct pair_cfg pair_cfg = {.seed = seed + 1, .tcp = {&cfg, &cfg}};
        for (int end = 0; end < 2; end++)
            pair_cfg.impair[end] = (struct la_impair){.loss = seed < 10 ? 0 : 0.2,
                                                      .delay_ns = 5000000,
                                                      .duplicate = 0.1,
                                                      .reorder = 0.2,
                                                      .reorder_ns = 20000000};
        struct pair w;
        assert_true(pair_new(&w, &pair_cfg));
        bool ipv6 = seed % 2 == 1;
        struct la_endpoint any = {{{0}}, 0}, at = pair_addr(1, ipv6, 80);
        la_handle listener, conn[2];
        assert_int_equal(la_listener_open(w.end[1], &at, 16, NULL, &listener, w.now), LA_OK);
        unsigned fast_n = 0;
        for (unsigned round = 0; round < 6; round++) {
            uint8_t sent[3000], got[3000];
            for (size_t i = 0; i < sizeof(sent); i++)
                sent[i] = (uint8_t)(i * 7 + round);
            assert_int_equal(la_conn_open(w.end[0], &any, &at, NULL, &conn[0], w.now), LA_OK);
            assert_int_equal(la_conn_send(w.end[0], conn[0], (struct la_bytes){sent, sizeof(sent)},
                                          false, w.now),
                             sizeof(sent));
            size_t n = 0;
            conn[1] = 0;
            for (unsigned step = 0; step < 20000 && n < sizeof(got); step++) {
                assert_true(pair_step(&w));
                if (conn[1] == 0)
                    (void)!la_listener_accept(w.end[1], listener, &conn[1], w.now);
                la_ssize more =
                    conn[1] == 0
                        ? 0
                        : la_conn_receive(w.end[1], conn[1],
                                          (struct la_room){got + n, sizeof(got) - n}, w.now);
                n += more > 0 ? (size_t)more : 0;
            }
            assert_int_equal(n, sizeof(got));
            assert_memory_equal(got, sent, sizeof(got));
            struct la_conn_status status;
            assert_int_equal(la_conn_status(w.end[1], conn[1], &status), LA_OK);
            fast_n += status.fast_opened;
            for (int end = 0; end < 2; end++)
                assert_int_equal(la_conn_abort(w.end[end], conn[end], w.now), LA_OK);
            pair_run_us(&w, INT64_C(300) * S);
        }
        assert_true(seed >= 10 || fast_n == 5);
        assert_int_equal(pair_free(&w), 0);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fast_open__one_round_trip),
        cmocka_unit_test(test_fast_open__the_syn_takes_no_room),
        cmocka_unit_test(test_fast_open__the_response_was_lost),
        cmocka_unit_test(test_fast_open__a_foreign_cookie),
        cmocka_unit_test(test_fast_open__cookies_are_those_of_linux),
        cmocka_unit_test(test_fast_open__keys_change),
        cmocka_unit_test(test_fast_open__the_bound),
        cmocka_unit_test(test_fast_open__the_listener_goes),
        cmocka_unit_test(test_fast_open__closed_early),
        cmocka_unit_test(test_fast_open__off_and_again),
        cmocka_unit_test(test_fast_open__without_memory),
        cmocka_unit_test(test_fast_open__text_with_our_syn),
        cmocka_unit_test(test_fast_open__text_is_not_taken),
        cmocka_unit_test(test_fast_open__the_syn_is_lost),
        cmocka_unit_test(test_fast_open__no_cookie_for_us),
        cmocka_unit_test(test_fast_open__many_peers),
        cmocka_unit_test(test_fast_open__between_two_stacks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
