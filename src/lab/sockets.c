/* SPDX-License-Identifier: MIT
 *
 * sockets.c - scenario: the calls of BSD sockets, and the segments that each causes
 */
#include "lab/calls.h"
#include "lab/scenario.h"

enum { REQUEST_BYTES = 100, ANSWER_BYTES = 3000, LAST_BYTES = 50, SMALL_BYTES = 10 };
enum { BACKLOG_N = 8, PAUSE_MS = 200, MSS_SMALL = 500, BLOCK_MS = 5000 };

/* ---- the calls, as a program that blocks would make them -------------------------------- */

struct program {
    struct la_lab_calls *calls;
    struct la_lab *lab;
    int end;
};

static la_sock
make(struct program p, char name)
{
    la_sock s = 0;
    la_lab_call(p.calls, p.end, "%c = socket(AF_INET, SOCK_STREAM)", name);
    la_err err = la_sock_open(p.calls->socks[p.end], LA_SOCK_IPV4, LA_SOCK_STREAM, &s);
    la_lab_expect(p.lab, err == LA_OK, "socket(): %s", la_strerror(err));
    la_lab_call_returns(p.calls, PAUSE_MS, "%s", "");
    return s;
}

static void
returned(struct program p, la_err err)
{
    la_lab_expect(p.lab, err == LA_OK, "a call failed: %s", la_strerror(err));
    la_lab_call_returns(p.calls, PAUSE_MS, " = %d", err);
}

static void
set(struct program p, la_sock s, const char *text, enum la_sock_option option, int value)
{
    la_lab_call(p.calls, p.end, "setsockopt(%s, %d)", text, value);
    returned(p, la_sock_option_set(p.calls->socks[p.end], s, option, value, p.lab->bed->now));
}

/* Both calls that only speak to the program itself. */
static void
bind_and_listen(struct program p, la_sock s)
{
    struct la_endpoint any = {la_addr_v4(0, 0, 0, 0), LA_LAB_PORT};
    la_lab_call(p.calls, p.end, "bind(l, 0.0.0.0:%d)", LA_LAB_PORT);
    returned(p, la_sock_bind(p.calls->socks[p.end], s, &any));
    la_lab_call(p.calls, p.end, "listen(l, %d)", BACKLOG_N);
    returned(p, la_sock_listen(p.calls->socks[p.end], s, BACKLOG_N, p.lab->bed->now));
}

struct waiting {
    const struct la_socks *socks;
    la_sock sock;
    uint32_t for_any;
};

static bool
is_ready(void *ctx)
{
    const struct waiting *w = ctx;
    return (la_sock_poll(w->socks, w->sock) & w->for_any) != 0;
}

static void
block(struct program p, la_sock s, uint32_t for_any)
{
    struct waiting w = {p.calls->socks[p.end], s, for_any};
    la_lab_expect(p.lab, la_lab_await(p.lab, is_ready, &w), "a call blocks for ever");
}

static void
do_connect(struct program p, la_sock s, la_err wanted)
{
    struct la_endpoint server = la_lab_server(false);
    struct la_socks *socks = p.calls->socks[p.end];
    la_lab_call(p.calls, p.end, "connect(c, 10.0.0.2:%d)", LA_LAB_PORT);
    la_err err = la_sock_connect(socks, s, &server, p.lab->bed->now);
    la_lab_expect(p.lab, err == LA_ERR_IN_PROGRESS, "connect() did not begin: %s",
                  la_strerror(err));
    block(p, s, LA_POLL_OUT | LA_POLL_ERR | LA_POLL_HUP);
    err = la_sock_connect(socks, s, &server, p.lab->bed->now);
    la_lab_expect(p.lab, err == wanted, "connect() said '%s', not '%s'", la_strerror(err),
                  la_strerror(wanted));
    la_lab_call_returns(p.calls, PAUSE_MS, "%s", err == LA_OK ? " = 0" : " = -1, ECONNREFUSED");
}

static la_sock
do_accept(struct program p, la_sock s)
{
    la_sock fresh = 0;
    la_lab_call(p.calls, p.end, "s = accept(l)");
    block(p, s, LA_POLL_IN);
    la_err err = la_sock_accept(p.calls->socks[p.end], s, &fresh, NULL, p.lab->bed->now);
    la_lab_expect(p.lab, err == LA_OK, "accept(): %s", la_strerror(err));
    la_lab_call_returns(p.calls, PAUSE_MS, "%s", "");
    return fresh;
}

static void
do_send(struct program p, la_sock s, size_t n, bool more)
{
    static const uint8_t octets[ANSWER_BYTES];
    la_lab_call(p.calls, p.end, "send(%c, %zu octets%s)", p.end == LA_CLIENT ? 'c' : 's', n,
                more ? ", MSG_MORE" : "");
    la_ssize sent_n = la_sock_send(p.calls->socks[p.end], s, (struct la_bytes){octets, n}, more,
                                   NULL, p.lab->bed->now);
    la_lab_expect(p.lab, sent_n == (la_ssize)n, "send() took %lld octets", (long long)sent_n);
    la_lab_call_returns(p.calls, PAUSE_MS, " = %lld", (long long)sent_n);
}

static void
do_recv(struct program p, la_sock s, la_ssize wanted)
{
    uint8_t room[ANSWER_BYTES];
    la_lab_call(p.calls, p.end, "recv(%c)", p.end == LA_CLIENT ? 'c' : 's');
    block(p, s, LA_POLL_IN | LA_POLL_HUP | LA_POLL_ERR);
    la_ssize n = la_sock_receive(p.calls->socks[p.end], s, (struct la_room){room, sizeof(room)},
                                 NULL, NULL, p.lab->bed->now);
    la_lab_expect(p.lab, n == wanted, "recv() returned %lld, not %lld", (long long)n,
                  (long long)wanted);
    la_lab_call_returns(p.calls, PAUSE_MS, " = %lld%s", (long long)(n < 0 ? -1 : n),
                        n == 0                         ? ": the end"
                        : n == LA_ERR_CONNECTION_RESET ? ", ECONNRESET"
                                                       : "");
}

static void
do_close(struct program p, la_sock s, char name)
{
    la_lab_call(p.calls, p.end, "close(%c)", name);
    returned(p, la_sock_close(p.calls->socks[p.end], s, p.lab->bed->now));
}

/* How many segments the latest call caused. */
static void
expect_caused(struct program p, size_t n)
{
    size_t last = p.calls->calls_n - 1;
    size_t caused_n = la_lab_call_segments(p.calls, last);
    la_lab_expect(p.lab, caused_n == n, "%s caused %zu segments, not %zu", p.calls->call[last].text,
                  caused_n, n);
}

/* ---- a life ----------------------------------------------------------------------------- */

static void
expect_name(struct program p, la_sock s)
{
    struct la_endpoint local, peer;
    la_lab_call(p.calls, p.end, "getsockname(c), getpeername(c)");
    la_err err = la_sock_local(p.calls->socks[p.end], s, &local);
    if (err == LA_OK)
        err = la_sock_peer(p.calls->socks[p.end], s, &peer);
    la_lab_expect(p.lab, err == LA_OK && peer.port == LA_LAB_PORT && local.port != 0,
                  "the socket does not know its addresses");
    returned(p, err);
    expect_caused(p, 0);
}

static la_sock
server_begins(struct program server)
{
    la_sock l = make(server, 'l');
    expect_caused(server, 0);
    bind_and_listen(server, l);
    expect_caused(server, 0);
    return l;
}

static void
play_life(struct la_lab *lab)
{
    struct la_lab_calls *calls = lab->own;
    la_lab_calls_begin(calls, lab, 3);
    struct program client = {calls, lab, LA_CLIENT}, server = {calls, lab, LA_SERVER};
    la_sock l = server_begins(server);
    la_sock c = make(client, 'c');
    do_connect(client, c, LA_OK);
    expect_caused(client, 3);
    la_sock s = do_accept(server, l);
    expect_caused(server, 0); /* the handshake does not need it */
    expect_name(client, c);
    do_send(client, c, REQUEST_BYTES, false);
    expect_caused(client, 2);
    do_recv(server, s, REQUEST_BYTES);
    expect_caused(server, 0);
    do_send(server, s, ANSWER_BYTES, false);
    do_recv(client, c, ANSWER_BYTES);
    expect_caused(client, 0);
    la_lab_call(calls, LA_CLIENT, "shutdown(c, SHUT_WR)");
    returned(client, la_sock_shutdown(calls->socks[LA_CLIENT], c, LA_SHUT_WRITE, lab->bed->now));
    expect_caused(client, 2);
    do_recv(server, s, 0);
    expect_caused(server, 0);
    do_send(server, s, LAST_BYTES, false);
    do_recv(client, c, LAST_BYTES);
    do_close(server, s, 's');
    expect_caused(server, 2);
    do_close(client, c, 'c');
    expect_caused(client, 0);
    do_close(server, l, 'l');
    expect_caused(server, 0);
    la_sock again = make(client, 'c');
    do_connect(client, again, LA_ERR_CONNECTION_REFUSED);
    expect_caused(client, 2);
    do_close(client, again, 'c');
    expect_caused(client, 0);
    la_lab_calls_end(calls);
}

/* ---- options ---------------------------------------------------------------------------- */

static void
play_options(struct la_lab *lab)
{
    struct la_lab_calls *calls = lab->own;
    la_lab_calls_begin(calls, lab, 3);
    struct program client = {calls, lab, LA_CLIENT}, server = {calls, lab, LA_SERVER};
    la_sock l = server_begins(server);
    la_sock c = make(client, 'c');
    set(client, c, "c, TCP_MAXSEG", LA_SO_MAXSEG, MSS_SMALL);
    expect_caused(client, 0);
    do_connect(client, c, LA_OK);
    const struct la_event *syn = la_lab_sent(lab, LA_CLIENT, LA_TCP_SYN, LA_TCP_SYN, 0);
    la_lab_expect(lab, syn != NULL && syn->u.segment.mss == MSS_SMALL,
                  "the SYN does not say what TCP_MAXSEG asked for");
    la_sock s = do_accept(server, l);
    do_send(client, c, SMALL_BYTES, true);
    expect_caused(client, 0);
    do_send(client, c, SMALL_BYTES, false);
    expect_caused(client, 2); /* both, in one segment */
    set(client, c, "c, TCP_CORK", LA_SO_CORK, 1);
    do_send(client, c, SMALL_BYTES, false);
    expect_caused(client, 0);
    set(client, c, "c, TCP_CORK", LA_SO_CORK, 0);
    expect_caused(client, 2);
    do_recv(server, s, 3 * (la_ssize)SMALL_BYTES);
    set(client, c, "c, SO_LINGER, on", LA_SO_LINGER_S, 0);
    expect_caused(client, 0);
    do_close(client, c, 'c');
    expect_caused(client, 1);
    do_recv(server, s, LA_ERR_CONNECTION_RESET);
    do_close(server, s, 's');
    expect_caused(server, 0);
    do_close(server, l, 'l');
    la_lab_calls_end(calls);
}

static void
tell(const struct la_lab *lab, const struct la_story_cfg *story)
{
    la_lab_calls_tell(lab->own, story);
}

static const struct la_lab_part sockets_parts[] = {
    {"a life, from socket() to close()", NULL, play_life},
    {"options, before and after", NULL, play_options},
};

const struct la_scenario la_scenario_sockets = {
    .name = "sockets",
    .summary = "the calls of BSD sockets, and the segments each causes",
    .intro =
        "Programs do not say OPEN and SEND but socket(), connect() and send(). A server and a "
        "client make these calls here, 200 ms apart, so that all that a call causes is over "
        "before the next one. Below the ladder stands each call, and beside it what was on the "
        "wire until the next (RFC 9293 3.9.1 has the calls behind them).\n"
        "Many calls cause nothing: they speak to the stack. And much happens without a call: the "
        "acknowledgements, the whole handshake at the server's end.",
    .look = "listen() is the passive OPEN. The server's part of the handshake is done before "
            "accept(), which only takes the connection from the queue.\n"
            "connect() is the active OPEN: three segments, and it returns after two.\n"
            "send() returns when the octets are in the buffer. How many segments they take is not "
            "the program's affair: 3000 octets take three, two calls may take one.\n"
            "shutdown(SHUT_WR) sends a FIN and can still read; close() of the other end sends the "
            "other FIN; the last close() sends nothing, as all is said.\n"
            "recv() = 0 is the peer's FIN, and ECONNRESET its RST.",
    .parts = sockets_parts,
    .parts_n = 2,
    .tell = tell,
    .own_bytes = sizeof(struct la_lab_calls),
};
