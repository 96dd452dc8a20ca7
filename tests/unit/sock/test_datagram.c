/* SPDX-License-Identifier: MIT
 *
 * test_datagram.c - datagram sockets: bind, connect, send, recv, errors
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "world.h"

static struct world w;
static char text[100];

static la_sock
datagram(int end)
{
    la_sock s;
    assert_int_equal(la_sock_open(w.set[end], LA_SOCK_IPV4, LA_SOCK_DATAGRAM, &s), LA_OK);
    return s;
}

static la_ssize
send_to(int end, la_sock s, const char *what, const struct la_endpoint *to)
{
    struct la_bytes bytes = {(const uint8_t *)what, strlen(what)};
    la_ssize n = la_sock_send(w.set[end], s, bytes, false, to, w.pair.now);
    world_settle(&w);
    return n;
}

static void
test_datagram__send_and_receive(void **state)
{
    (void)state;
    world_new(&w);
    la_sock a = datagram(0), b = datagram(1);
    struct la_endpoint to = pair_addr(1, false, 53), from, name;
    assert_int_equal(world_poll(&w, 0, a), LA_POLL_OUT);
    assert_int_equal(world_receive(&w, 0, a, text), LA_ERR_AGAIN);
    assert_int_equal(send_to(0, a, "x", NULL), LA_ERR_NO_DESTINATION);
    assert_int_equal(la_sock_peer(w.set[0], a, &name), LA_ERR_NOT_CONNECTED);
    assert_int_equal(la_sock_bind(w.set[1], b, &to), LA_OK);
    assert_int_equal(la_sock_bind(w.set[1], b, &to), LA_ERR_BAD_STATE);
    assert_int_equal(send_to(0, a, "hello", &to), 5);
    assert_int_equal(send_to(0, a, "", &to), 0); /* an empty datagram is one, too */
    assert_int_equal(world_poll(&w, 1, b), LA_POLL_OUT | LA_POLL_IN);
    size_t full_n = 0;
    struct la_room room = {(uint8_t *)text, 3};
    assert_int_equal(la_sock_receive(w.set[1], b, room, &full_n, &from, w.pair.now), 3);
    assert_int_equal(full_n, 5); /* cut, and it says so */
    assert_memory_equal(text, "hel", 3);
    assert_int_equal(la_sock_local(w.set[0], a, &name), LA_OK);
    assert_int_equal(from.port, name.port);
    assert_int_equal(la_sock_receive(w.set[1], b, room, &full_n, &from, w.pair.now), 0);
    assert_int_equal(full_n, 0);
    assert_int_equal(la_sock_receive(w.set[1], b, room, NULL, NULL, w.pair.now), LA_ERR_AGAIN);
    assert_int_equal(world_poll(&w, 1, b), LA_POLL_OUT);
    assert_int_equal(send_to(1, b, "back", &from), 4);
    assert_int_equal(world_receive(&w, 0, a, text), 4);
    static char big[2000];
    memset(big, 'x', sizeof(big) - 1);
    assert_int_equal(send_to(0, a, big, &to), LA_ERR_MESSAGE_TOO_BIG);
    world_free(&w);
}

static void
test_datagram__connect(void **state)
{
    (void)state;
    world_new(&w);
    la_sock a = datagram(0), b = datagram(1), other = datagram(1);
    struct la_endpoint at = pair_addr(1, false, 53), elsewhere = pair_addr(1, false, 54), name;
    assert_int_equal(la_sock_bind(w.set[1], b, &at), LA_OK);
    assert_int_equal(la_sock_bind(w.set[1], other, &elsewhere), LA_OK);
    assert_int_equal(la_sock_connect(w.set[0], a, &at, w.pair.now), LA_OK);
    assert_int_equal(la_sock_peer(w.set[0], a, &name), LA_OK);
    assert_int_equal(name.port, 53);
    assert_int_equal(send_to(0, a, "q", NULL), 1);
    assert_int_equal(world_receive(&w, 1, b, text), 1);
    assert_int_equal(la_sock_local(w.set[0], a, &name), LA_OK);
    struct la_endpoint back = pair_addr(0, false, name.port);
    assert_int_equal(send_to(1, other, "not for you", &back), 11); /* only the peer is heard */
    assert_int_equal(world_receive(&w, 0, a, text), LA_ERR_AGAIN);
    assert_int_equal(send_to(1, b, "r", &back), 1);
    assert_int_equal(world_receive(&w, 0, a, text), 1);
    assert_int_equal(la_sock_connect(w.set[0], a, NULL, w.pair.now), LA_OK); /* dissolved */
    assert_int_equal(la_sock_peer(w.set[0], a, &name), LA_ERR_NOT_CONNECTED);
    assert_int_equal(send_to(0, a, "q", NULL), LA_ERR_NO_DESTINATION);
    assert_int_equal(send_to(1, other, "and now", &back), 7);
    assert_int_equal(world_receive(&w, 0, a, text), 7);
    world_free(&w);
}

/* RFC 1122 4.1.3.3: ICMP errors reach the application, once. */
static void
test_datagram__refused(void **state)
{
    (void)state;
    world_new(&w);
    la_sock a = datagram(0);
    struct la_endpoint nobody = pair_addr(1, false, 9);
    assert_int_equal(la_sock_connect(w.set[0], a, &nobody, w.pair.now), LA_OK);
    assert_int_equal(send_to(0, a, "x", NULL), 1);
    assert_int_not_equal(world_poll(&w, 0, a) & (LA_POLL_IN | LA_POLL_ERR), 0);
    assert_int_equal(world_receive(&w, 0, a, text), LA_ERR_PORT_UNREACHABLE);
    assert_int_equal(world_receive(&w, 0, a, text), LA_ERR_AGAIN);
    assert_int_equal(world_poll(&w, 0, a), LA_POLL_OUT);
    world_free(&w);
}

static void
test_datagram__what_it_cannot(void **state)
{
    (void)state;
    world_new(&w);
    la_sock a = datagram(0), out;
    struct la_endpoint v6 = pair_addr(1, true, 53);
    assert_int_equal(la_sock_listen(w.set[0], a, 1, w.pair.now), LA_ERR_NOT_SUPPORTED);
    assert_int_equal(la_sock_accept(w.set[0], a, &out, NULL, w.pair.now), LA_ERR_NOT_SUPPORTED);
    assert_int_equal(la_sock_shutdown(w.set[0], a, LA_SHUT_BOTH, w.pair.now), LA_ERR_NOT_CONNECTED);
    assert_int_equal(send_to(0, a, "x", &v6), LA_ERR_BAD_FAMILY);
    assert_int_equal(la_sock_connect(w.set[0], a, &v6, w.pair.now), LA_ERR_BAD_FAMILY);
    assert_int_equal(la_sock_conn(w.set[0], a), 0);
    world_free(&w);
}

/* Octets 1 and 8 of the next packet: TOS and TTL. */
static void
expect_marks(uint8_t tos, uint8_t ttl_hops)
{
    struct la_frame *frame;
    uint8_t header[20];
    assert_int_equal(la_stack_output(w.pair.end[0], 0, &frame, 1, w.pair.now), 1);
    assert_int_equal(la_frame_copy_out(frame, 0, header, sizeof(header)), sizeof(header));
    la_frame_free(frame);
    assert_int_equal(header[1], tos);
    assert_int_equal(header[8], ttl_hops);
}

/* Before there is a port, and after. */
/* LEDGER: RFC1122-U8 */
static void
test_datagram__options_take_effect(void **state)
{
    (void)state;
    world_new(&w);
    la_sock s = datagram(0);
    struct la_endpoint to = pair_addr(1, false, 53);
    struct la_bytes bytes = {(const uint8_t *)"x", 1};
    assert_int_equal(la_sock_option_set(w.set[0], s, LA_SO_TTL, 7, w.pair.now), LA_OK);
    assert_int_equal(la_sock_option_set(w.set[0], s, LA_SO_TOS, 0x10, w.pair.now), LA_OK);
    assert_int_equal(la_sock_send(w.set[0], s, bytes, false, &to, w.pair.now), 1);
    expect_marks(0x10, 7);
    assert_int_equal(la_sock_option_set(w.set[0], s, LA_SO_TTL, 99, w.pair.now), LA_OK);
    assert_int_equal(la_sock_option_set(w.set[0], s, LA_SO_TOS, 0xb8, w.pair.now), LA_OK);
    assert_int_equal(la_sock_option_set(w.set[0], s, LA_SO_BROADCAST, 1, w.pair.now), LA_OK);
    assert_int_equal(la_sock_send(w.set[0], s, bytes, false, &to, w.pair.now), 1);
    expect_marks(0xb8, 99);
    world_free(&w);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_datagram__send_and_receive),
        cmocka_unit_test(test_datagram__connect),
        cmocka_unit_test(test_datagram__refused),
        cmocka_unit_test(test_datagram__what_it_cannot),
        cmocka_unit_test(test_datagram__options_take_effect),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
