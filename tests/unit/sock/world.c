/* SPDX-License-Identifier: MIT
 *
 * world.c - two stacks with a set of sockets each
 */
#include "world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "base/time.h"

void
world_new(struct world *w)
{
    struct pair_cfg cfg = {.seed = 3};
    assert_true(pair_new(&w->pair, &cfg));
    for (int end = 0; end < 2; end++)
        assert_int_equal(la_socks_new(w->pair.end[end], &w->set[end]), LA_OK);
}

void
world_free(struct world *w)
{
    la_socks_free(w->set[0]);
    la_socks_free(w->set[1]);
    assert_int_equal(pair_free(&w->pair), 0);
}

void
world_settle(struct world *w)
{
    struct la_sock_event ev;
    pair_settle(&w->pair);
    for (int end = 0; end < 2; end++)
        while (w->set[end] != NULL && la_sock_next_event(w->set[end], &ev))
            assert_int_not_equal(ev.sock, 0);
}

void
world_run_us(struct world *w, int64_t us)
{
    pair_run_us(&w->pair, us);
    world_settle(w);
}

la_sock
world_stream(struct world *w, int end)
{
    la_sock s;
    assert_int_equal(la_sock_open(w->set[end], LA_SOCK_IPV4, LA_SOCK_STREAM, &s), LA_OK);
    return s;
}

la_sock
world_listen(struct world *w)
{
    la_sock s = world_stream(w, 1);
    struct la_endpoint at = pair_addr(1, false, 80);
    assert_int_equal(la_sock_bind(w->set[1], s, &at), LA_OK);
    assert_int_equal(la_sock_listen(w->set[1], s, 8, w->pair.now), LA_OK);
    return s;
}

la_err
world_try_connect(struct world *w, la_sock s, uint16_t port)
{
    struct la_endpoint to = pair_addr(1, false, port);
    return la_sock_connect(w->set[0], s, &to, w->pair.now);
}

void
world_connect(struct world *w, la_sock listener, la_sock *client, la_sock *server)
{
    *client = world_stream(w, 0);
    assert_int_equal(world_try_connect(w, *client, 80), LA_ERR_IN_PROGRESS);
    world_settle(w);
    assert_int_equal(world_try_connect(w, *client, 80), LA_OK);
    assert_int_equal(la_sock_accept(w->set[1], listener, server, NULL, w->pair.now), LA_OK);
    world_settle(w);
}

la_ssize
world_send(struct world *w, int end, la_sock s, const char *text)
{
    struct la_bytes bytes = {(const uint8_t *)text, strlen(text)};
    la_ssize n = la_sock_send(w->set[end], s, bytes, false, NULL, w->pair.now);
    world_settle(w);
    return n;
}

la_ssize
world_receive(struct world *w, int end, la_sock s, char text[100])
{
    struct la_room room = {(uint8_t *)text, 99};
    la_ssize n = la_sock_receive(w->set[end], s, room, NULL, NULL, w->pair.now);
    text[n < 0 ? 0 : n] = 0;
    world_settle(w);
    return n;
}

uint32_t
world_poll(const struct world *w, int end, la_sock s)
{
    return la_sock_poll(w->set[end], s);
}
