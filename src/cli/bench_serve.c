/* SPDX-License-Identifier: MIT
 *
 * bench_serve.c - the three services of `lastack bench peer`: sink, source, echo
 *
 * A connection needs no memory of its own here: which service it has, and how far the source has
 * come in its pattern, stand in the value that the stack keeps for its user. Nothing is buffered
 * outside the stack, so a peer that does not read is a window that closes.
 */
#include "cli/bench_serve.h"

enum { PATTERN_PERIOD = 251, CHUNK_BYTES = 65536, PIECES_MAX = 16, BACKLOG = 4096 };
enum { SINK, SOURCE, ECHO };

static const uint16_t ports[LA_BENCH_SERVICES_N] = {[SINK] = 5001, [SOURCE] = 5002, [ECHO] = 5003};

/* Octet i of the source's stream is i modulo a prime, so that no lost or doubled segment of usual
 * size goes unnoticed. */
static uint8_t pattern[CHUNK_BYTES + PATTERN_PERIOD];

struct peer {
    struct la_stack *stack;
    la_handle conn;
    uint64_t user; /* the service, and above it where in the pattern the source stands */
    la_instant now;
};

/* Neither data nor the end, but something else: is the connection still to be served? */
static bool
goes_on(const struct peer *p, la_err err)
{
    if (err == LA_ERR_AGAIN || err == LA_ERR_NO_MEMORY)
        return true;
    (void)la_conn_release(p->stack, p->conn, p->now);
    return false;
}

/* Reads and discards all there is. False: the connection has ended, by the peer or by an error. */
static bool
sink(const struct peer *p)
{
    struct la_bytes pieces[PIECES_MAX];
    size_t pieces_n;
    la_err err;
    while ((err = la_conn_peek(p->stack, p->conn, pieces, PIECES_MAX, &pieces_n)) == LA_OK) {
        size_t n = 0;
        for (size_t i = 0; i < pieces_n; i++)
            n += pieces[i].n;
        if (n == 0) {
            (void)la_conn_release(p->stack, p->conn, p->now);
            return false;
        }
        err = la_conn_consume(p->stack, p->conn, n, p->now);
        if (err != LA_OK)
            break;
    }
    return goes_on(p, err);
}

static void
source(struct peer *p)
{
    la_ssize sent;
    if (!sink(p))
        return;
    for (;;) {
        uint64_t at = p->user / LA_BENCH_SERVICES_N;
        sent = la_conn_send(p->stack, p->conn, (struct la_bytes){pattern + at, CHUNK_BYTES}, false,
                            p->now);
        if (sent <= 0)
            break;
        at = (at + (uint64_t)sent) % PATTERN_PERIOD;
        p->user = at * LA_BENCH_SERVICES_N + SOURCE;
    }
    if (goes_on(p, (la_err)sent))
        (void)la_conn_user_set(p->stack, p->conn, p->user);
}

/* A mark goes back to where it stood: the octet before it is sent alone. */
static la_ssize
send_back(const struct peer *p, struct la_bytes piece)
{
    la_ssize urgent = la_conn_urgent(p->stack, p->conn);
    if (urgent == 1)
        return la_conn_send_urgent(p->stack, p->conn, piece, p->now);
    if (urgent > 1 && piece.n >= (size_t)urgent)
        piece.n = (size_t)urgent - 1;
    return la_conn_send(p->stack, p->conn, piece, false, p->now);
}

/* What was read is consumed when the other direction has taken it. */
static void
echo(const struct peer *p)
{
    struct la_bytes piece;
    size_t pieces_n;
    la_err err;
    while ((err = la_conn_peek(p->stack, p->conn, &piece, 1, &pieces_n)) == LA_OK) {
        if (pieces_n == 0) {
            (void)la_conn_release(p->stack, p->conn, p->now);
            return;
        }
        la_ssize sent = send_back(p, piece);
        err = sent < 0 ? (la_err)sent : la_conn_consume(p->stack, p->conn, (size_t)sent, p->now);
        if (err != LA_OK)
            break;
    }
    (void)goes_on(p, err);
}

static void
serve(struct peer *p)
{
    switch (p->user % LA_BENCH_SERVICES_N) {
    case SINK:
        (void)sink(p);
        break;
    case SOURCE:
        source(p);
        break;
    default:
        echo(p);
        break;
    }
}

static void
accept_all(struct la_stack *stack, la_handle listener, uint64_t user, la_instant now)
{
    struct peer p = {.stack = stack, .now = now};
    while (la_listener_accept(stack, listener, &p.conn, now) == LA_OK) {
        p.user = user;
        (void)la_conn_user_set(stack, p.conn, user);
        serve(&p);
    }
}

void
la_bench_serve(struct la_stack *stack, la_instant now)
{
    struct la_stack_event ev;
    while (la_stack_next_event(stack, &ev)) {
        if (ev.kind == LA_STACK_EV_LISTENER) {
            accept_all(stack, ev.handle, ev.user, now);
        } else if (ev.kind == LA_STACK_EV_CONN) {
            struct peer p = {stack, ev.handle, ev.user, now};
            serve(&p);
        }
    }
}

la_err
la_bench_serve_open(struct la_stack *stack, const struct la_addr *addr, la_instant now)
{
    la_err err = LA_OK;
    for (size_t i = 0; i < sizeof(pattern); i++)
        pattern[i] = (uint8_t)(i % PATTERN_PERIOD);
    for (uint64_t i = 0; i < LA_BENCH_SERVICES_N && err == LA_OK; i++) {
        struct la_endpoint local = {*addr, ports[i]};
        la_handle listener;
        err = la_listener_open(stack, &local, BACKLOG, NULL, &listener, now);
        if (err == LA_OK)
            err = la_listener_user_set(stack, listener, i);
    }
    return err;
}
