/* SPDX-License-Identifier: MIT
 *
 * test_stream.c - stream sockets: connect, listen, accept, shutdown, close, poll in each phase
 *
 * What is expected was tried on Linux, where lastack/sock.h does not say otherwise.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/time.h"
#include "world.h"

enum {
    IN = LA_POLL_IN,
    OUT = LA_POLL_OUT,
    ERR = LA_POLL_ERR,
    HUP = LA_POLL_HUP,
    RDHUP = LA_POLL_RDHUP
};

static struct world w;
static char text[100];

/* ---- connect ---------------------------------------------------------------------------- */

static void
test_stream__connect(void **state)
{
    (void)state;
    world_new(&w);
    (void)world_listen(&w);
    la_sock s = world_stream(&w, 0);
    struct la_endpoint name;
    assert_int_equal(world_poll(&w, 0, s), OUT | HUP);
    assert_int_equal(la_sock_local(w.set[0], s, &name), LA_OK);
    assert_int_equal(name.port, 0);
    assert_int_equal(world_try_connect(&w, s, 80), LA_ERR_IN_PROGRESS);
    assert_int_equal(world_poll(&w, 0, s), 0);
    assert_int_equal(world_try_connect(&w, s, 80), LA_ERR_ALREADY);
    assert_int_equal(la_sock_peer(w.set[0], s, &name), LA_ERR_NOT_CONNECTED);
    assert_int_equal(world_send(&w, 0, world_stream(&w, 0), "x"), LA_ERR_NOT_CONNECTED);
    world_settle(&w);
    assert_int_equal(world_poll(&w, 0, s), OUT);
    assert_int_equal(world_try_connect(&w, s, 80), LA_OK); /* once */
    assert_int_equal(world_try_connect(&w, s, 80), LA_ERR_IS_CONNECTED);
    assert_int_equal(la_sock_peer(w.set[0], s, &name), LA_OK);
    assert_int_equal(name.port, 80);
    assert_int_equal(la_sock_local(w.set[0], s, &name), LA_OK);
    struct la_endpoint mine = pair_addr(0, false, 0);
    assert_true(la_addr_equal(&name.addr, &mine.addr));
    assert_int_not_equal(name.port, 0);
    assert_int_not_equal(la_sock_conn(w.set[0], s), 0);
    world_free(&w);
}

static void
test_stream__while_connecting(void **state)
{
    (void)state;
    world_new(&w);
    (void)world_listen(&w);
    la_sock s = world_stream(&w, 0);
    assert_int_equal(world_try_connect(&w, s, 80), LA_ERR_IN_PROGRESS);
    struct la_bytes bytes = {(const uint8_t *)"x", 1};
    assert_int_equal(la_sock_send(w.set[0], s, bytes, false, NULL, w.pair.now), LA_ERR_AGAIN);
    struct la_room room = {(uint8_t *)text, 1};
    assert_int_equal(la_sock_receive(w.set[0], s, room, NULL, NULL, w.pair.now), LA_ERR_AGAIN);
    assert_int_equal(la_sock_listen(w.set[0], s, 1, w.pair.now), LA_ERR_BAD_STATE);
    struct la_endpoint any = {la_addr_v4(0, 0, 0, 0), 0};
    assert_int_equal(la_sock_bind(w.set[0], s, &any), LA_ERR_BAD_STATE);
    /* shutdown() ends the attempt, and another may be made. */
    assert_int_equal(la_sock_shutdown(w.set[0], s, LA_SHUT_WRITE, w.pair.now), LA_OK);
    assert_int_equal(world_poll(&w, 0, s) & (OUT | ERR | HUP), OUT | ERR | HUP);
    assert_int_equal(la_sock_error_take(w.set[0], s), LA_ERR_CONNECTION_RESET);
    assert_int_equal(world_try_connect(&w, s, 80), LA_ERR_IN_PROGRESS);
    world_settle(&w);
    assert_int_equal(world_try_connect(&w, s, 80), LA_OK);
    world_free(&w);
}

static void
test_stream__refused(void **state)
{
    (void)state;
    world_new(&w);
    la_sock s = world_stream(&w, 0);
    assert_int_equal(world_try_connect(&w, s, 81), LA_ERR_IN_PROGRESS);
    world_settle(&w);
    assert_int_equal(world_poll(&w, 0, s), IN | OUT | ERR | HUP | RDHUP);
    assert_int_equal(world_try_connect(&w, s, 81), LA_ERR_CONNECTION_REFUSED); /* once */
    assert_int_equal(world_try_connect(&w, s, 81), LA_ERR_IN_PROGRESS);
    world_settle(&w);
    assert_int_equal(la_sock_error_take(w.set[0], s), LA_ERR_CONNECTION_REFUSED);
    assert_int_equal(la_sock_error_take(w.set[0], s), LA_OK);
    assert_int_equal(world_poll(&w, 0, s), IN | OUT | HUP | RDHUP);
    assert_int_equal(world_receive(&w, 0, s, text), 0);
    assert_int_equal(world_send(&w, 0, s, "x"), LA_ERR_CLOSING);
    assert_int_equal(la_sock_conn(w.set[0], s), 0);
    (void)world_listen(&w); /* and now it would do */
    assert_int_equal(world_try_connect(&w, s, 80), LA_ERR_IN_PROGRESS);
    world_settle(&w);
    assert_int_equal(world_try_connect(&w, s, 80), LA_OK);
    assert_int_equal(world_poll(&w, 0, s), OUT);
    world_free(&w);
}

static void
test_stream__connect_errors(void **state)
{
    (void)state;
    world_new(&w);
    la_sock s = world_stream(&w, 0), l = world_listen(&w), out;
    struct la_endpoint v6 = pair_addr(1, true, 80), nowhere = {la_addr_v4(192, 0, 2, 1), 80};
    assert_int_equal(la_sock_connect(w.set[0], s, &v6, w.pair.now), LA_ERR_BAD_FAMILY);
    assert_int_equal(la_sock_connect(w.set[0], s, NULL, w.pair.now), LA_ERR_NO_DESTINATION);
    assert_int_equal(la_sock_connect(w.set[0], s, &nowhere, w.pair.now), LA_ERR_NO_ROUTE);
    assert_int_equal(la_sock_connect(w.set[1], l, &nowhere, w.pair.now), LA_ERR_IS_CONNECTED);
    assert_int_equal(la_sock_accept(w.set[0], s, &out, NULL, w.pair.now), LA_ERR_BAD_STATE);
    assert_int_equal(la_sock_shutdown(w.set[0], s, LA_SHUT_BOTH, w.pair.now), LA_ERR_NOT_CONNECTED);
    assert_int_equal(la_sock_open(w.set[0], (enum la_sock_family)9, LA_SOCK_STREAM, &out),
                     LA_ERR_BAD_ARGUMENT);
    assert_int_equal(la_sock_open(w.set[0], LA_SOCK_IPV4, (enum la_sock_type)9, &out),
                     LA_ERR_BAD_ARGUMENT);
    world_free(&w);
}

/* ---- listen, accept --------------------------------------------------------------------- */

static void
test_stream__listen_and_accept(void **state)
{
    (void)state;
    world_new(&w);
    la_sock l = world_listen(&w), client = world_stream(&w, 0), server;
    struct la_endpoint peer, name;
    assert_int_equal(world_poll(&w, 1, l), 0);
    assert_int_equal(la_sock_accept(w.set[1], l, &server, &peer, w.pair.now), LA_ERR_AGAIN);
    assert_int_equal(server, 0);
    assert_int_equal(world_try_connect(&w, client, 80), LA_ERR_IN_PROGRESS);
    world_settle(&w);
    assert_int_equal(world_poll(&w, 1, l), IN);
    assert_int_equal(la_sock_option_set(w.set[1], l, LA_SO_NODELAY, 1, w.pair.now), LA_OK);
    assert_int_equal(la_sock_accept(w.set[1], l, &server, &peer, w.pair.now), LA_OK);
    assert_int_equal(world_poll(&w, 1, l), 0);
    assert_int_equal(world_poll(&w, 1, server), OUT);
    assert_int_equal(la_sock_local(w.set[0], client, &name), LA_OK);
    assert_int_equal(peer.port, name.port);
    assert_int_equal(la_sock_peer(w.set[1], server, &name), LA_OK);
    assert_int_equal(peer.port, name.port);
    assert_int_equal(la_sock_local(w.set[1], server, &name), LA_OK);
    assert_int_equal(name.port, 80);
    int64_t value; /* options are inherited */
    assert_int_equal(la_sock_option_get(w.set[1], server, LA_SO_NODELAY, &value), LA_OK);
    assert_int_equal(value, 1);
    assert_int_equal(
        la_conn_option_get(w.pair.end[1], la_sock_conn(w.set[1], server), LA_OPT_NAGLE, &value),
        LA_OK);
    assert_int_equal(value, 0);
    assert_int_equal(world_receive(&w, 1, l, text), LA_ERR_NOT_CONNECTED);
    assert_int_equal(la_sock_listen(w.set[1], l, 3, w.pair.now), LA_OK); /* another backlog */
    assert_int_equal(la_sock_close(w.set[1], l, w.pair.now), LA_OK);
    world_settle(&w);
    assert_int_equal(world_send(&w, 1, server, "still here"), 10);
    assert_int_equal(world_receive(&w, 0, client, text), 10);
    world_free(&w);
}

static void
test_stream__listen_without_bind(void **state)
{
    (void)state;
    world_new(&w);
    la_sock s = world_stream(&w, 0);
    struct la_endpoint name;
    assert_int_equal(la_sock_listen(w.set[0], s, -1, w.pair.now), LA_OK);
    assert_int_equal(la_sock_local(w.set[0], s, &name), LA_OK);
    assert_int_not_equal(name.port, 0);
    world_free(&w);
}

/* shutdown() of a listener: reading ends it, and it may listen again (Linux). */
static void
test_stream__shutdown_of_a_listener(void **state)
{
    (void)state;
    world_new(&w);
    la_sock l = world_listen(&w), client = world_stream(&w, 0), server;
    assert_int_equal(la_sock_shutdown(w.set[1], l, LA_SHUT_WRITE, w.pair.now), LA_OK);
    assert_int_equal(world_poll(&w, 1, l), 0);
    assert_int_equal(la_sock_shutdown(w.set[1], l, LA_SHUT_READ, w.pair.now), LA_OK);
    assert_int_equal(world_poll(&w, 1, l), OUT | HUP);
    assert_int_equal(la_sock_accept(w.set[1], l, &server, NULL, w.pair.now), LA_ERR_BAD_STATE);
    assert_int_equal(world_try_connect(&w, client, 80), LA_ERR_IN_PROGRESS);
    world_settle(&w);
    assert_int_equal(la_sock_error_take(w.set[0], client), LA_ERR_CONNECTION_REFUSED);
    assert_int_equal(la_sock_listen(w.set[1], l, 4, w.pair.now), LA_OK);
    assert_int_equal(world_try_connect(&w, client, 80), LA_ERR_IN_PROGRESS);
    world_settle(&w);
    assert_int_equal(la_sock_accept(w.set[1], l, &server, NULL, w.pair.now), LA_OK);
    world_free(&w);
}

/* ---- a connection's phases -------------------------------------------------------------- */

static void
test_stream__poll_in_each_phase(void **state)
{
    (void)state;
    world_new(&w);
    la_sock l = world_listen(&w), a, b;
    world_connect(&w, l, &a, &b);
    assert_int_equal(world_poll(&w, 0, a), OUT);
    assert_int_equal(world_send(&w, 1, b, "x"), 1);
    assert_int_equal(world_poll(&w, 0, a), IN | OUT);
    assert_int_equal(la_sock_shutdown(w.set[1], b, LA_SHUT_WRITE, w.pair.now), LA_OK);
    world_settle(&w);
    assert_int_equal(world_poll(&w, 0, a), IN | OUT | RDHUP);
    assert_int_equal(world_poll(&w, 1, b), OUT);
    assert_int_equal(world_send(&w, 1, b, "x"), LA_ERR_CLOSING);
    assert_int_equal(world_receive(&w, 0, a, text), 1);
    assert_int_equal(world_poll(&w, 0, a), IN | OUT | RDHUP);
    assert_int_equal(world_receive(&w, 0, a, text), 0);
    assert_int_equal(world_receive(&w, 0, a, text), 0);
    assert_int_equal(world_send(&w, 0, a, "half"), 4); /* the other direction is open */
    assert_int_equal(world_receive(&w, 1, b, text), 4);
    assert_int_equal(la_sock_shutdown(w.set[0], a, LA_SHUT_WRITE, w.pair.now), LA_OK);
    assert_int_equal(world_poll(&w, 0, a), IN | OUT | HUP | RDHUP); /* before the peer knows */
    world_settle(&w);
    assert_int_equal(world_poll(&w, 0, a), IN | OUT | HUP | RDHUP);
    assert_int_equal(world_poll(&w, 1, b), IN | OUT | HUP | RDHUP);
    for (unsigned how = LA_SHUT_READ; how <= LA_SHUT_BOTH; how++) { /* TIME-WAIT, CLOSED */
        assert_int_equal(la_sock_shutdown(w.set[0], a, (enum la_shutdown)how, w.pair.now),
                         LA_ERR_NOT_CONNECTED);
        assert_int_equal(la_sock_shutdown(w.set[1], b, (enum la_shutdown)how, w.pair.now),
                         LA_ERR_NOT_CONNECTED);
    }
    assert_int_equal(la_sock_close(w.set[0], a, w.pair.now), LA_OK);
    assert_int_equal(la_sock_close(w.set[1], b, w.pair.now), LA_OK);
    assert_int_equal(la_sock_close(w.set[1], b, w.pair.now), LA_ERR_BAD_HANDLE);
    world_free(&w);
}

static void
test_stream__shutdown_read(void **state)
{
    (void)state;
    world_new(&w);
    la_sock l = world_listen(&w), a, b;
    world_connect(&w, l, &a, &b);
    assert_int_equal(la_sock_shutdown(w.set[0], a, LA_SHUT_READ, w.pair.now), LA_OK);
    assert_int_equal(world_poll(&w, 0, a), IN | OUT | RDHUP);
    assert_int_equal(world_receive(&w, 0, a, text), 0);
    assert_int_equal(world_send(&w, 1, b, "into the void"), 13);
    assert_int_equal(world_poll(&w, 1, b), OUT); /* acknowledged, not refused */
    assert_int_equal(world_receive(&w, 0, a, text), 0);
    assert_int_equal(world_send(&w, 0, a, "x"), 1);
    assert_int_equal(la_sock_shutdown(w.set[0], a, LA_SHUT_BOTH, w.pair.now), LA_OK);
    assert_int_equal(world_poll(&w, 0, a), IN | OUT | HUP | RDHUP);
    world_settle(&w);
    assert_int_equal(world_poll(&w, 1, b), IN | OUT | RDHUP);
    assert_int_equal(world_send(&w, 0, a, "x"), LA_ERR_CLOSING);
    assert_int_equal(la_sock_shutdown(w.set[0], a, (enum la_shutdown)7, w.pair.now),
                     LA_ERR_BAD_ARGUMENT);
    world_free(&w);
}

static void
test_stream__reset(void **state)
{
    (void)state;
    for (unsigned how = 0; how < 3; how++) { /* told by recv(), send() or SO_ERROR: once */
        world_new(&w);
        la_sock l = world_listen(&w), a, b;
        world_connect(&w, l, &a, &b);
        assert_int_equal(la_sock_option_set(w.set[1], b, LA_SO_LINGER_S, 0, w.pair.now), LA_OK);
        assert_int_equal(la_sock_close(w.set[1], b, w.pair.now), LA_OK);
        world_settle(&w);
        assert_int_equal(world_poll(&w, 0, a), IN | OUT | ERR | HUP | RDHUP);
        if (how == 0)
            assert_int_equal(world_receive(&w, 0, a, text), LA_ERR_CONNECTION_RESET);
        else if (how == 1)
            assert_int_equal(world_send(&w, 0, a, "x"), LA_ERR_CONNECTION_RESET);
        else
            assert_int_equal(la_sock_error_take(w.set[0], a), LA_ERR_CONNECTION_RESET);
        assert_int_equal(la_sock_error_take(w.set[0], a), LA_OK);
        assert_int_equal(world_receive(&w, 0, a, text), 0);
        assert_int_equal(world_send(&w, 0, a, "x"), LA_ERR_CLOSING);
        assert_int_equal(world_poll(&w, 0, a), IN | OUT | HUP | RDHUP);
        assert_int_equal(la_sock_close(w.set[0], a, w.pair.now), LA_OK);
        world_free(&w);
    }
}

/* close() without linger: what was written still arrives, then the end. */
static void
test_stream__close_delivers(void **state)
{
    (void)state;
    world_new(&w);
    la_sock l = world_listen(&w), a, b;
    world_connect(&w, l, &a, &b);
    struct la_bytes bytes = {(const uint8_t *)"last words", 10};
    assert_int_equal(la_sock_send(w.set[0], a, bytes, false, NULL, w.pair.now), 10);
    assert_int_equal(la_sock_close(w.set[0], a, w.pair.now), LA_OK);
    world_settle(&w);
    assert_int_equal(world_receive(&w, 1, b, text), 10);
    assert_string_equal(text, "last words");
    assert_int_equal(world_receive(&w, 1, b, text), 0);
    assert_int_equal(la_sock_close(w.set[1], b, w.pair.now), LA_OK);
    world_run_us(&w, 100 * LA_US_PER_S);
    uint32_t n[LA_TCP_STATE_COUNT], left = 0;
    for (int end = 0; end < 2; end++) {
        la_stack_state_counts(w.pair.end[end], n);
        for (unsigned s = 0; s < LA_TCP_STATE_COUNT; s++)
            left += n[s];
    }
    assert_int_equal(left, 0);
    world_free(&w);
}

/* ---- the set ---------------------------------------------------------------------------- */

static void
test_stream__events(void **state)
{
    (void)state;
    world_new(&w);
    la_sock l = world_listen(&w), a, b;
    world_connect(&w, l, &a, &b);
    assert_int_equal(la_sock_user_set(w.set[0], a, 4711), LA_OK);
    struct la_bytes bytes = {(const uint8_t *)"x", 1};
    assert_int_equal(la_sock_send(w.set[1], b, bytes, false, NULL, w.pair.now), 1);
    assert_int_equal(la_sock_send(w.set[1], b, bytes, false, NULL, w.pair.now), 1);
    pair_settle(&w.pair);
    struct la_sock_event ev;
    unsigned events_n = 0;
    while (la_sock_next_event(w.set[0], &ev)) {
        assert_int_equal(ev.sock, a);
        assert_int_equal(ev.user, 4711);
        assert_int_equal(ev.poll, IN | OUT);
        events_n++;
    }
    assert_int_equal(events_n, 1);
    assert_int_equal(la_sock_send(w.set[1], b, bytes, false, NULL, w.pair.now), 1);
    pair_settle(&w.pair); /* closed before its event was taken: none comes */
    assert_int_equal(la_sock_close(w.set[0], a, w.pair.now), LA_OK);
    assert_false(la_sock_next_event(w.set[0], &ev));
    world_free(&w);
}

static void
test_stream__names_that_are_stale(void **state)
{
    (void)state;
    world_new(&w);
    la_sock s = world_stream(&w, 0);
    assert_int_equal(la_sock_close(w.set[0], s, w.pair.now), LA_OK);
    la_sock next = world_stream(&w, 0);
    assert_int_not_equal(next, s);
    const la_sock bad[] = {0, s, UINT64_MAX, next + 1, next ^ UINT64_C(1) << 32};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct la_endpoint at = {la_addr_v4(0, 0, 0, 0), 0};
        la_sock out;
        int64_t value;
        struct la_room room = {(uint8_t *)text, 1};
        struct la_bytes bytes = {(const uint8_t *)"x", 1};
        struct la_socks *set = w.set[0];
        la_instant now = w.pair.now;
        assert_int_equal(la_sock_bind(set, bad[i], &at), LA_ERR_BAD_HANDLE);
        assert_int_equal(la_sock_connect(set, bad[i], &at, now), LA_ERR_BAD_HANDLE);
        assert_int_equal(la_sock_listen(set, bad[i], 1, now), LA_ERR_BAD_HANDLE);
        assert_int_equal(la_sock_accept(set, bad[i], &out, NULL, now), LA_ERR_BAD_HANDLE);
        assert_int_equal(la_sock_send(set, bad[i], bytes, false, NULL, now), LA_ERR_BAD_HANDLE);
        assert_int_equal(la_sock_receive(set, bad[i], room, NULL, NULL, now), LA_ERR_BAD_HANDLE);
        assert_int_equal(la_sock_shutdown(set, bad[i], LA_SHUT_READ, now), LA_ERR_BAD_HANDLE);
        assert_int_equal(la_sock_close(set, bad[i], now), LA_ERR_BAD_HANDLE);
        assert_int_equal(la_sock_local(set, bad[i], &at), LA_ERR_BAD_HANDLE);
        assert_int_equal(la_sock_peer(set, bad[i], &at), LA_ERR_BAD_HANDLE);
        assert_int_equal(la_sock_error_take(set, bad[i]), LA_ERR_BAD_HANDLE);
        assert_int_equal(la_sock_conn(set, bad[i]), 0);
        assert_int_equal(la_sock_option_set(set, bad[i], LA_SO_TTL, 1, now), LA_ERR_BAD_HANDLE);
        assert_int_equal(la_sock_option_get(set, bad[i], LA_SO_TTL, &value), LA_ERR_BAD_HANDLE);
        assert_int_equal(la_sock_user_set(set, bad[i], 1), LA_ERR_BAD_HANDLE);
        assert_int_equal(la_sock_poll(set, bad[i]), ERR);
    }
    world_free(&w);
}

/* What is open when the set goes is closed: the stack lives on without it. */
static void
test_stream__a_set_that_goes_closes(void **state)
{
    (void)state;
    world_new(&w);
    la_sock l = world_listen(&w), a, b;
    world_connect(&w, l, &a, &b);
    la_socks_free(w.set[1]);
    w.set[1] = NULL;
    world_run_us(&w, 0);
    assert_int_equal(world_poll(&w, 0, a), IN | OUT | RDHUP);
    assert_int_equal(la_sock_close(w.set[0], a, w.pair.now), LA_OK);
    la_sock again = world_stream(&w, 0);
    assert_int_equal(world_try_connect(&w, again, 80), LA_ERR_IN_PROGRESS);
    world_run_us(&w, 100 * LA_US_PER_S);
    assert_int_equal(la_sock_error_take(w.set[0], again), LA_ERR_CONNECTION_REFUSED);
    uint32_t n[LA_TCP_STATE_COUNT], left = 0;
    la_stack_state_counts(w.pair.end[1], n);
    for (unsigned s = 0; s < LA_TCP_STATE_COUNT; s++)
        left += n[s];
    assert_int_equal(left, 0);
    world_free(&w);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_stream__connect),
        cmocka_unit_test(test_stream__while_connecting),
        cmocka_unit_test(test_stream__refused),
        cmocka_unit_test(test_stream__connect_errors),
        cmocka_unit_test(test_stream__listen_and_accept),
        cmocka_unit_test(test_stream__listen_without_bind),
        cmocka_unit_test(test_stream__shutdown_of_a_listener),
        cmocka_unit_test(test_stream__poll_in_each_phase),
        cmocka_unit_test(test_stream__shutdown_read),
        cmocka_unit_test(test_stream__reset),
        cmocka_unit_test(test_stream__close_delivers),
        cmocka_unit_test(test_stream__events),
        cmocka_unit_test(test_stream__names_that_are_stale),
        cmocka_unit_test(test_stream__a_set_that_goes_closes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
