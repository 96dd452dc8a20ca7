/* SPDX-License-Identifier: MIT
 *
 * test_urgent.c - MSG_OOB in shape: marked when it is sent, in line when it is read
 *
 * Where reads end and when a socket is at the mark is what Linux does with SO_OOBINLINE, but that
 * the marked octet comes alone.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/time.h"
#include "world.h"

static struct world w;
static la_sock client, server;
static char text[100];

static void
begin(void)
{
    world_new(&w);
    world_connect(&w, world_listen(&w), &client, &server);
}

static la_ssize
send_urgent(int end, la_sock s, const char *octets)
{
    struct la_bytes bytes = {(const uint8_t *)octets, strlen(octets)};
    la_ssize n = la_sock_send_urgent(w.set[end], s, bytes, w.pair.now);
    world_settle(&w);
    return n;
}

static bool
at_mark(int end, la_sock s)
{
    bool at;
    assert_int_equal(la_sock_at_mark(w.set[end], s, &at), LA_OK);
    return at;
}

static bool
urges(int end, la_sock s)
{
    return (world_poll(&w, end, s) & LA_POLL_PRI) != 0;
}

/* Asserts that one call reads just this. */
static void
expect_read(int end, la_sock s, const char *octets)
{
    assert_int_equal(world_receive(&w, end, s, text), strlen(octets));
    assert_string_equal(text, octets);
}

static void
test_urgent__the_last_octet_is_marked(void **state)
{
    (void)state;
    begin();
    for (int end = 0; end < 2; end++) {
        la_sock from = end == 0 ? client : server, to = end == 0 ? server : client;
        assert_int_equal(world_send(&w, end, from, "ab"), 2);
        assert_false(urges(1 - end, to));
        assert_int_equal(send_urgent(end, from, "cd!"), 3);
        assert_int_equal(world_send(&w, end, from, "ef"), 2);
        world_run_us(&w, LA_US_PER_S); /* Nagle held them back */
        assert_true(urges(1 - end, to));
        assert_false(at_mark(1 - end, to));
        expect_read(1 - end, to, "abcd");
        assert_true(at_mark(1 - end, to));
        expect_read(1 - end, to, "!");
        assert_false(at_mark(1 - end, to));
        assert_false(urges(1 - end, to));
        expect_read(1 - end, to, "ef");
    }
    world_free(&w);
}

/* A second mark takes the place of one that was not reached. */
static void
test_urgent__the_mark_moves(void **state)
{
    (void)state;
    begin();
    assert_int_equal(send_urgent(0, client, "1"), 1);
    assert_true(at_mark(1, server));
    assert_int_equal(send_urgent(0, client, "2"), 1);
    assert_false(at_mark(1, server));
    expect_read(1, server, "1");
    assert_true(at_mark(1, server));
    expect_read(1, server, "2");
    world_free(&w);
}

/* It makes an event, and a poll says so until it was read. */
static void
test_urgent__an_event(void **state)
{
    (void)state;
    begin();
    struct la_sock_event ev;
    while (la_sock_next_event(w.set[1], &ev)) {
    }
    struct la_bytes bytes = {(const uint8_t *)"!", 1};
    assert_int_equal(la_sock_send_urgent(w.set[0], client, bytes, w.pair.now), 1);
    pair_settle(&w.pair);
    assert_true(la_sock_next_event(w.set[1], &ev));
    assert_int_equal(ev.sock, server);
    assert_int_equal(ev.poll & (LA_POLL_IN | LA_POLL_PRI), LA_POLL_IN | LA_POLL_PRI);
    world_free(&w);
}

static void
test_urgent__refused(void **state)
{
    (void)state;
    bool at;
    begin();
    la_sock fresh = world_stream(&w, 0), datagram;
    assert_int_equal(send_urgent(0, fresh, "x"), LA_ERR_NOT_CONNECTED);
    assert_false(at_mark(0, fresh));
    assert_int_equal(la_sock_open(w.set[0], LA_SOCK_IPV4, LA_SOCK_DATAGRAM, &datagram), LA_OK);
    assert_int_equal(send_urgent(0, datagram, "x"), LA_ERR_NOT_SUPPORTED);
    assert_int_equal(la_sock_at_mark(w.set[0], datagram, &at), LA_ERR_NOT_SUPPORTED);
    assert_int_equal(la_sock_close(w.set[0], fresh, w.pair.now), LA_OK);
    assert_int_equal(send_urgent(0, fresh, "x"), LA_ERR_BAD_HANDLE);
    assert_int_equal(la_sock_at_mark(w.set[0], fresh, &at), LA_ERR_BAD_HANDLE);
    assert_int_equal(send_urgent(0, client, ""), 0); /* no octet, no urgent data */
    assert_false(urges(1, server));
    assert_int_equal(la_sock_shutdown(w.set[0], client, LA_SHUT_WRITE, w.pair.now), LA_OK);
    assert_int_equal(send_urgent(0, client, "x"), LA_ERR_CLOSING);
    world_free(&w);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_urgent__the_last_octet_is_marked),
        cmocka_unit_test(test_urgent__the_mark_moves),
        cmocka_unit_test(test_urgent__an_event),
        cmocka_unit_test(test_urgent__refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
