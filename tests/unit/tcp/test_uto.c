/* SPDX-License-Identifier: MIT
 *
 * test_uto.c - the user timeout option (RFC 5482)
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/time.h"
#include "peer.h"

enum { MINUTES = 0x8000 };

static struct peer p;
static la_handle conn;
static uint32_t own_ms;

static void
on(struct la_stack_cfg *cfg)
{
    cfg->tcp.user_timeout_option = true;
    cfg->tcp.user_timeout_ms = own_ms;
}

/* A passive connection; the peer's SYN has the option when `said` is not 0. */
static struct la_tcp_seg
begin(void (*stack)(struct la_stack_cfg *), uint16_t said)
{
    peer_new(&p, &(struct peer_cfg){.stack = stack});
    la_handle listener = peer_listen(&p, 1);
    struct la_tcp_seg syn = peer_usual(&p, LA_TCP_SYN);
    if (said != 0) {
        syn.has |= LA_TCP_HAS_USER_TIMEOUT;
        syn.user_timeout = said;
    }
    peer_say(&p, &syn, NULL, 0);
    p.snd_nxt = la_seq_add(p.snd_nxt, 1);
    struct la_tcp_seg answer = peer_expect(&p, LA_TCP_SYN | LA_TCP_ACK)->tcp;
    peer_send(&p, LA_TCP_ACK, NULL, 0);
    assert_int_equal(la_listener_accept(p.stack, listener, &conn, p.now), LA_OK);
    return answer;
}

static void
end(void)
{
    (void)la_conn_abort(p.stack, conn, p.now);
    peer_forget(&p);
    peer_free(&p);
}

/* The peer's option in an acknowledgement; what is in force then, in seconds. */
static uint32_t
heed(uint16_t said)
{
    struct la_tcp_seg seg = peer_usual(&p, LA_TCP_ACK);
    seg.has |= LA_TCP_HAS_USER_TIMEOUT;
    seg.user_timeout = said;
    peer_say(&p, &seg, NULL, 0);
    peer_forget(&p);
    return peer_status(&p, conn).user_timeout_ms / 1000;
}

/* Off by default: neither said nor heeded. */
static void
test_uto__off(void **state)
{
    (void)state;
    struct la_tcp_seg answer = begin(NULL, 600);
    assert_int_equal(answer.has & LA_TCP_HAS_USER_TIMEOUT, 0);
    assert_int_equal(heed(600), 0);
    peer_user_send(&p, conn, 10);
    assert_int_equal(peer_expect(&p, LA_TCP_ACK)->tcp.has & LA_TCP_HAS_USER_TIMEOUT, 0);
    end();
}

/* In the SYN,ACK, and once more in the first segment that is no SYN. */
/* LEDGER: RFC5482-1 */
static void
test_uto__said(void **state)
{
    (void)state;
    struct la_tcp_seg answer = begin(on, 0);
    assert_int_equal(answer.has & LA_TCP_HAS_USER_TIMEOUT, LA_TCP_HAS_USER_TIMEOUT);
    assert_int_equal(answer.user_timeout, 300); /* ADV_UTO where nothing was set */
    for (unsigned i = 0; i < 2; i++) {
        peer_user_send(&p, conn, 10);
        const struct la_tcp_seg *text = &peer_expect(&p, LA_TCP_ACK)->tcp;
        assert_int_equal((text->has & LA_TCP_HAS_USER_TIMEOUT) != 0, i == 0);
        assert_int_equal(i == 0 ? text->user_timeout : 300, 300);
        peer_send(&p, LA_TCP_ACK, NULL, 0);
    }
    /* After a change; seconds up to 15 bits, then minutes. */
    static const struct {
        int64_t ms;
        uint16_t said;
    } cases[] = {{5000, 5},
                 {1, 1},
                 {32767000, 32767},
                 {32768000, MINUTES | 547},
                 {INT64_C(4294967295), MINUTES | 0x7fff}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(
            la_conn_option_set(p.stack, conn, LA_OPT_USER_TIMEOUT_MS, cases[i].ms, p.now), LA_OK);
        peer_user_send(&p, conn, 10);
        const struct la_tcp_seg *text = &peer_expect(&p, LA_TCP_ACK)->tcp;
        assert_true((text->has & LA_TCP_HAS_USER_TIMEOUT) != 0);
        assert_int_equal(text->user_timeout, cases[i].said);
        peer_send(&p, LA_TCP_ACK, NULL, 0);
    }
    end();
}

/* A full segment has no room for it: none is larger than the path takes; the next one has it. */
static void
test_uto__waits_for_room(void **state)
{
    (void)state;
    begin(on, 0);
    uint32_t smss = peer_status(&p, conn).mss_send;
    peer_user_send(&p, conn, smss);
    const struct la_tcp_seg *text = &peer_expect(&p, LA_TCP_ACK)->tcp;
    assert_int_equal(text->text_bytes, smss);
    assert_int_equal(text->has & LA_TCP_HAS_USER_TIMEOUT, 0);
    peer_send(&p, LA_TCP_ACK, NULL, 0);
    peer_user_send(&p, conn, smss - 4);
    assert_true((peer_expect(&p, LA_TCP_ACK)->tcp.has & LA_TCP_HAS_USER_TIMEOUT) != 0);
    end();
}

/* min(U_LIMIT, max(ADV_UTO, REMOTE_UTO, L_LIMIT)), in SYN and later; 0 is reserved. */
/* LEDGER: RFC5482-1 */
static void
test_uto__heeded(void **state)
{
    (void)state;
    begin(on, 0);
    assert_int_equal(peer_status(&p, conn).user_timeout_ms, 0);
    assert_int_equal(heed(0), 0);
    assert_int_equal(heed(MINUTES), 0);
    assert_int_equal(heed(1), 300);
    assert_int_equal(heed(600), 600);
    assert_int_equal(heed(MINUTES | 20), 1200);
    assert_int_equal(heed(0x7fff), 3600);
    assert_int_equal(heed(0xffff), 3600);
    end();
    begin(on, 900);
    assert_int_equal(peer_status(&p, conn).user_timeout_ms, 0); /* half-open: no room for it */
    assert_int_equal(heed(900), 900);
    end();
}

/* What the application has set is its own. */
static void
test_uto__own_value_stays(void **state)
{
    (void)state;
    own_ms = 7000;
    struct la_tcp_seg answer = begin(on, 0);
    own_ms = 0;
    assert_int_equal(answer.user_timeout, 7);
    assert_int_equal(heed(600), 7);
    assert_int_equal(la_conn_option_set(p.stack, conn, LA_OPT_USER_TIMEOUT_MS, 0, p.now), LA_OK);
    assert_int_equal(heed(600), 600); /* it has given that up */
    end();
}

/* It ends the connection, and R2 does not end it before. */
static void
test_uto__ends_it(void **state)
{
    (void)state;
    begin(on, 0);
    assert_int_equal(la_conn_option_set(p.stack, conn, LA_OPT_R2_N, 3, p.now), LA_OK);
    assert_int_equal(heed(400), 400);
    peer_user_send(&p, conn, 10);
    peer_run_us(&p, 395 * LA_US_PER_S);
    assert_int_equal(peer_state(&p), LA_TCP_ESTABLISHED);
    peer_run_us(&p, 10 * LA_US_PER_S);
    assert_int_equal(peer_state(&p), LA_TCP_CLOSED);
    assert_int_equal(p.last[LA_EVENT_STATE].u.state.event, LA_TCP_EV_TIMEOUT_USER);
    assert_int_equal(la_conn_release(p.stack, conn, p.now), LA_OK);
    peer_forget(&p);
    peer_free(&p);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_uto__off),
        cmocka_unit_test(test_uto__said),
        cmocka_unit_test(test_uto__waits_for_room),
        cmocka_unit_test(test_uto__heeded),
        cmocka_unit_test(test_uto__own_value_stays),
        cmocka_unit_test(test_uto__ends_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
