/* SPDX-License-Identifier: MIT
 *
 * world.h - two stacks with a set of sockets each, for the tests of sock
 */
#ifndef LA_TESTS_WORLD_H
#define LA_TESTS_WORLD_H

#include <lastack/sock.h>
#include "pair.h"

struct world {
    struct pair pair;
    struct la_socks *set[2];
};

/* 10.0.0.1 and 10.0.0.2 (fd00::1, ::2). Asserts that it could be made. */
void world_new(struct world *w);
/* Asserts that nothing is left. */
void world_free(struct world *w);
/* Moves what can move, and takes the events of both sets. */
void world_settle(struct world *w);
void world_run_us(struct world *w, int64_t us);

la_sock world_stream(struct world *w, int end);
/* A socket of end 1 that listens at port 80. */
la_sock world_listen(struct world *w);
/* A connected pair: `client` of end 0, `server` of end 1. */
void world_connect(struct world *w, la_sock listener, la_sock *client, la_sock *server);
la_err world_try_connect(struct world *w, la_sock s, uint16_t port);

la_ssize world_send(struct world *w, int end, la_sock s, const char *text);
/* Up to 99 octets into a text of its own. */
la_ssize world_receive(struct world *w, int end, la_sock s, char text[100]);
uint32_t world_poll(const struct world *w, int end, la_sock s);

#endif
