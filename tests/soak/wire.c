/* SPDX-License-Identifier: MIT
 *
 * wire.c - connections without end between two stacks on a bad wire, in virtual time
 *
 * usage: soak-wire SECONDS PERIOD_S SEED
 *
 * Runs for SECONDS of real time. Four connections at a time say something, get it back and end in
 * one of the ways there are. Each period prints a line: connections, octets, the median and the
 * 99th percentile of the real time that a connection took (microseconds), connections that are
 * left beyond TIME-WAIT. Status 1 when an octet is wrong, or something is left at the end.
 */
#include "pair.h"

#include "base/rng.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TOGETHER_N = 4, PORT = 80, IO_BYTES = 16384, SAMPLES_MAX = 1 << 16, STEPS_MAX = 1 << 20 };

enum ending { END_CLOSE, END_ABORT, END_RELEASE_UNREAD, END_KINDS };

/* One connection of the client. */
struct talk {
    la_handle conn;
    size_t want_n, sent_n, back_n; /* octets to be said, said, and got back */
    enum ending ending;
    bool done;
};

struct soak {
    struct pair pair;
    struct la_rng rng;
    la_handle listener;
    struct talk talk[TOGETHER_N];
    uint64_t conns_n, octets_n;
    uint32_t samples[SAMPLES_MAX]; /* of this period, in microseconds */
    size_t samples_n;
};

static uint8_t pattern[2 * IO_BYTES + 251];

static void
must(bool ok, const char *what)
{
    if (!ok) {
        fprintf(stderr, "soak-wire: %s\n", what);
        exit(1);
    }
}

/* The octets of every stream from `position` on. */
static const uint8_t *
octets_at(size_t position)
{
    return pattern + position % 251;
}

/* ---- the server ------------------------------------------------------------------------------ */

static void
echo(struct soak *s, la_handle conn)
{
    uint8_t octets[IO_BYTES];
    struct la_stack *server = s->pair.end[1];
    for (;;) {
        struct la_conn_status status;
        must(la_conn_status(server, conn, &status) == LA_OK, "a handle went away");
        size_t room_n = status.sndbuf_bytes - status.send_queue_bytes;
        struct la_room room = {octets, room_n < IO_BYTES ? room_n : IO_BYTES};
        bool waits = room.n == 0 && status.err == LA_OK;
        la_ssize n = !waits ? la_conn_receive(server, conn, room, s->pair.now) : LA_ERR_AGAIN;
        if (n == LA_ERR_AGAIN)
            return;
        if (n <= 0 || la_conn_send(server, conn, (struct la_bytes){octets, (size_t)n}, false,
                                   s->pair.now) < 0) {
            must(la_conn_release(server, conn, s->pair.now) == LA_OK, "release at the server");
            return;
        }
    }
}

static void
serve(struct soak *s)
{
    struct la_stack_event ev;
    while (la_stack_next_event(s->pair.end[1], &ev)) {
        la_handle conn;
        if (ev.kind == LA_STACK_EV_CONN)
            echo(s, ev.handle);
        while (ev.kind == LA_STACK_EV_LISTENER &&
               la_listener_accept(s->pair.end[1], s->listener, &conn, s->pair.now) == LA_OK)
            echo(s, conn);
    }
}

/* ---- the client ------------------------------------------------------------------------------ */

static void
talk_new(struct soak *s, struct talk *t)
{
    bool ipv6 = la_rng_below(&s->rng, 2) == 1;
    struct la_endpoint any = {{{0}}, 0}, to = pair_addr(1, ipv6, PORT);
    *t = (struct talk){.want_n = (size_t)la_rng_below(&s->rng, 1 << la_rng_below(&s->rng, 18)) + 1,
                       .ending = (enum ending)(la_rng_below(&s->rng, 8) % 6)};
    if (t->ending >= END_KINDS)
        t->ending = END_CLOSE;
    must(la_conn_open(s->pair.end[0], &any, &to, NULL, &t->conn, s->pair.now) == LA_OK,
         "no connection can be opened");
    s->conns_n++;
}

static void
talk_end(struct soak *s, struct talk *t)
{
    if (t->ending == END_ABORT)
        (void)la_conn_abort(s->pair.end[0], t->conn, s->pair.now);
    else
        (void)la_conn_release(s->pair.end[0], t->conn, s->pair.now);
    t->done = true;
}

static void
listen_back(struct soak *s, struct talk *t)
{
    uint8_t octets[IO_BYTES];
    la_ssize n;
    while ((n = la_conn_receive(s->pair.end[0], t->conn, (struct la_room){octets, IO_BYTES},
                                s->pair.now)) > 0) {
        must(memcmp(octets, octets_at(t->back_n), (size_t)n) == 0, "an octet is wrong");
        t->back_n += (size_t)n;
        s->octets_n += (uint64_t)n;
        must(t->back_n <= t->sent_n, "more came back than was sent");
        if (t->ending == END_RELEASE_UNREAD && t->back_n < t->want_n)
            break; /* what is behind stays unread, if it has come already */
    }
    must(n >= 0 || n == LA_ERR_AGAIN, la_strerror((la_err)n));
}

static void
say(struct soak *s, struct talk *t)
{
    while (t->sent_n < t->want_n) {
        size_t n = t->want_n - t->sent_n < IO_BYTES ? t->want_n - t->sent_n : IO_BYTES;
        struct la_bytes bytes = {octets_at(t->sent_n), n};
        la_ssize sent = la_conn_send(s->pair.end[0], t->conn, bytes, false, s->pair.now);
        if (sent <= 0) {
            must(sent == LA_ERR_AGAIN, la_strerror((la_err)sent));
            return;
        }
        t->sent_n += (size_t)sent;
    }
}

/* Four connections from their beginning to their end; the server's ends may linger. */
static void
round_of_talks(struct soak *s)
{
    struct la_stack_event ev;
    int64_t began_ns = la_host_now().ns;
    for (unsigned i = 0; i < TOGETHER_N; i++)
        talk_new(s, &s->talk[i]);
    unsigned done_n = 0;
    for (unsigned steps = 0; done_n < TOGETHER_N; steps++) {
        must(steps < STEPS_MAX && pair_step(&s->pair), "a connection does not end");
        serve(s);
        while (la_stack_next_event(s->pair.end[0], &ev))
            continue;
        for (unsigned i = 0; i < TOGETHER_N; i++) {
            struct talk *t = &s->talk[i];
            if (t->done)
                continue;
            say(s, t);
            listen_back(s, t);
            bool half = t->ending != END_CLOSE && t->back_n >= t->want_n / 2 && t->back_n > 0;
            if (t->back_n == t->want_n || half)
                talk_end(s, t);
            done_n += t->done ? 1 : 0;
        }
    }
    if (s->samples_n < SAMPLES_MAX)
        s->samples[s->samples_n++] = (uint32_t)((la_host_now().ns - began_ns) / 1000 / TOGETHER_N);
}

/* ---- figures --------------------------------------------------------------------------------- */

static int
compare(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

static uint32_t
left_n(const struct soak *s)
{
    uint32_t counts[LA_TCP_STATE_COUNT], n = 0;
    for (int end = 0; end < 2; end++) {
        la_stack_state_counts(s->pair.end[end], counts);
        for (int state = LA_TCP_SYN_SENT; state < LA_TCP_TIME_WAIT; state++)
            n += counts[state];
    }
    return n;
}

static void
print_line(struct soak *s)
{
    qsort(s->samples, s->samples_n, sizeof(s->samples[0]), compare);
    uint32_t p50_us = s->samples_n > 0 ? s->samples[s->samples_n / 2] : 0;
    uint32_t p99_us = s->samples_n > 0 ? s->samples[s->samples_n * 99 / 100] : 0;
    printf("%" PRIu64 " %" PRIu64 " %" PRIu32 " %" PRIu32 " %" PRIu32 "\n", s->conns_n, s->octets_n,
           p50_us, p99_us, left_n(s));
    (void)fflush(stdout);
    s->samples_n = 0;
}

int
main(int argc, char **argv)
{
    static struct soak s;
    must(argc == 4, "usage: soak-wire SECONDS PERIOD_S SEED");
    int64_t began_ns = la_host_now().ns, now_ns = began_ns;
    int64_t end_ns = began_ns + (int64_t)(atof(argv[1]) * 1e9);
    int64_t period_ns = (int64_t)(atof(argv[2]) * 1e9), line_ns = began_ns + period_ns;
    struct la_seed seed = {{strtoull(argv[3], NULL, 10)}};
    struct la_impair bad = {.delay_ns = 2000000, .loss = 0.01, .reorder = 0.01, .duplicate = 0.01};
    struct la_stack_cfg defaults;
    la_stack_cfg_init(&defaults);
    struct la_tcp_cfg server = defaults.tcp;
    server.keepalive = true; /* a client's RST may be lost, and then nobody else tells the server */
    struct pair_cfg cfg = {.seed = seed.w[0], .impair = {bad, bad}, .tcp = {NULL, &server}};
    struct la_endpoint at = {{{0}}, PORT};
    for (size_t i = 0; i < sizeof(pattern); i++)
        pattern[i] = (uint8_t)(i % 251);
    la_rng_init(&s.rng, &seed, "soak");
    must(pair_new(&s.pair, &cfg) &&
             la_listener_open(s.pair.end[1], &at, 64, NULL, &s.listener, s.pair.now) == LA_OK,
         "no memory");
    for (; now_ns < end_ns; now_ns = la_host_now().ns) {
        round_of_talks(&s);
        if (now_ns >= line_ns) {
            print_line(&s);
            line_ns += period_ns;
        }
    }
    /* Nothing begins any more: timers end what remains. */
    for (unsigned steps = 0; left_n(&s) > 0; steps++) {
        must(steps < STEPS_MAX && pair_step(&s.pair), "a connection is left");
        serve(&s);
    }
    print_line(&s);
    must(pair_free(&s.pair) == 0, "a frame or a block is left");
    return 0;
}
