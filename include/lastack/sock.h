/* SPDX-License-Identifier: MIT
 *
 * lastack/sock.h - BSD sockets in shape, without blocking and without file descriptors
 *
 * What a program calls: socket, bind, listen, accept, connect, send, recv, shutdown, close,
 * getsockopt, setsockopt, poll; with the errors that POSIX and Linux give. A set of sockets
 * belongs to one stack and takes its events: with a set, call la_sock_next_event(), not
 * la_stack_next_event().
 *
 * Errors as in lastack/stack.h: BAD_HANDLE for a socket that is none of the set, otherwise what
 * stands at the function. Nothing blocks: what would is AGAIN.
 */
#ifndef LASTACK_SOCK_H
#define LASTACK_SOCK_H

#include <lastack/stack.h>

LA_API_BEGIN

struct la_socks;
typedef uint64_t la_sock; /* 0 = none */

enum la_sock_family { LA_SOCK_IPV4 = 4, LA_SOCK_IPV6 = 6 };
enum la_sock_type { LA_SOCK_STREAM = 1, LA_SOCK_DATAGRAM = 2 };

/* Takes over the stack's application events. NO_MEMORY. */
la_err la_socks_new(struct la_stack *stack, struct la_socks **out) LA_MUST_CHECK;
/* Closes what is open (la_sock_close). The stack must still be there. */
void la_socks_free(struct la_socks *socks);

/* NO_MEMORY, BAD_ARGUMENT. */
la_err la_sock_open(struct la_socks *socks, enum la_sock_family family, enum la_sock_type type,
                    la_sock *out) LA_MUST_CHECK;
/* Port 0 is chosen here. ADDRESS_IN_USE, ADDRESS_NOT_AVAILABLE, BAD_FAMILY, BAD_STATE (twice). */
la_err la_sock_bind(struct la_socks *socks, la_sock s, const struct la_endpoint *local);
/* Stream: IN_PROGRESS first, ALREADY while under way, OK once when it is up (after IN_PROGRESS),
 * then IS_CONNECTED; or the error of the attempt, once, after which it may be tried again.
 * Datagram: sets the peer; remote NULL dissolves. */
la_err la_sock_connect(struct la_socks *socks, la_sock s, const struct la_endpoint *remote,
                       la_instant now);
/* Connects and sends what its SYN can carry (TCP Fast Open, RFC 7413; sendto() with MSG_FASTOPEN).
 * How much that was: send the rest when it is up. IN_PROGRESS: nothing, since no cookie is known;
 * the SYN asks for one. When it is up already, as la_sock_send(). ALREADY; NOT_SUPPORTED where
 * la_tcp_cfg.fast_open of the stack is off, and for datagrams; else as la_sock_connect(). The peer
 * may deliver twice what goes with a SYN. */
la_ssize la_sock_connect_send(struct la_socks *socks, la_sock s, const struct la_endpoint *remote,
                              struct la_bytes bytes, la_instant now);
/* Binds to a random port when not bound; again: changes the backlog (negative: the most there is).
 * ADDRESS_IN_USE, ADDRESS_NOT_AVAILABLE, BAD_STATE (connected), NOT_SUPPORTED (a datagram socket),
 * LIMIT, NO_MEMORY. */
la_err la_sock_listen(struct la_socks *socks, la_sock s, int backlog, la_instant now);
/* AGAIN, BAD_STATE (not listening), NOT_SUPPORTED (a datagram socket), NO_MEMORY (the connection is
 * reset). peer may be NULL. */
la_err la_sock_accept(struct la_socks *socks, la_sock s, la_sock *out, struct la_endpoint *peer,
                      la_instant now) LA_MUST_CHECK;
/* `to` NULL: the peer. Stream: octets, AGAIN, NOT_CONNECTED, CLOSING (EPIPE), the error once. */
la_ssize la_sock_send(struct la_socks *socks, la_sock s, struct la_bytes bytes, bool more,
                      const struct la_endpoint *to, la_instant now);
/* Stream: octets, 0 at the end, AGAIN, the error once then 0. from and full_n may be NULL. */
la_ssize la_sock_receive(struct la_socks *socks, la_sock s, struct la_room room, size_t *full_n,
                         struct la_endpoint *from, la_instant now);
/* MSG_OOB: the last octet that it takes is the one marked. Stream only (NOT_SUPPORTED); otherwise
 * as la_sock_send(). */
la_ssize la_sock_send_urgent(struct la_socks *socks, la_sock s, struct la_bytes bytes,
                             la_instant now);
/* MSG_EOR: what was sent ends a record; no segment holds octets from before and behind it. Stream
 * only (NOT_SUPPORTED); NOT_CONNECTED, NO_MEMORY. */
la_err la_sock_end_record(struct la_socks *socks, la_sock s, la_instant now);
/* Urgent data is always in line (SO_OOBINLINE). la_sock_receive() stops before the marked octet
 * and behind it, so that it comes alone; here (SIOCATMARK): is it the next one to be read? */
la_err la_sock_at_mark(const struct la_socks *socks, la_sock s, bool *out);
enum la_shutdown { LA_SHUT_READ = 0, LA_SHUT_WRITE = 1, LA_SHUT_BOTH = 2 };
/* Of a connect under way: ends it (CONNECTION_RESET is pending). Of a listener: READ and BOTH end
 * listening, which may begin again. NOT_CONNECTED, BAD_ARGUMENT. */
la_err la_sock_shutdown(struct la_socks *socks, la_sock s, enum la_shutdown how, la_instant now);
/* Obeys linger on/0 (RST); otherwise the connection goes on to its end without the handle. */
la_err la_sock_close(struct la_socks *socks, la_sock s, la_instant now);

/* The address it is bound to; any address and port 0 before that. */
la_err la_sock_local(const struct la_socks *socks, la_sock s, struct la_endpoint *out);
/* NOT_CONNECTED. */
la_err la_sock_peer(const struct la_socks *socks, la_sock s, struct la_endpoint *out);
/* SO_ERROR: the pending error, which is cleared. */
la_err la_sock_error_take(struct la_socks *socks, la_sock s);
/* The connection behind a stream socket for la_conn_* (peek, reserve, status …); 0 = none. */
la_handle la_sock_conn(const struct la_socks *socks, la_sock s);

/* Options with Linux's meaning; values in Linux's units. */
enum la_sock_option {
    LA_SO_REUSEADDR, LA_SO_KEEPALIVE, LA_SO_LINGER_S /* -1 = off */, LA_SO_SNDBUF, LA_SO_RCVBUF,
    LA_SO_BROADCAST, LA_SO_V6ONLY, LA_SO_TTL, LA_SO_TOS,
    LA_SO_NODELAY, LA_SO_CORK, LA_SO_QUICKACK, LA_SO_MAXSEG, LA_SO_KEEPIDLE, LA_SO_KEEPINTVL,
    LA_SO_KEEPCNT, LA_SO_USER_TIMEOUT, LA_SO_SYNCNT, LA_SO_REUSEPORT,
    LA_SO_CONGESTION /* la_congestion_find() */,
    LA_SO_FASTOPEN, /* of a listener: la_tcp_cfg.fast_open_n_max */
    LA_SO_FASTOPEN_CONNECT, /* la_sock_connect() succeeds at once where a cookie is known, and the
                               first la_sock_send() connects. NOT_SUPPORTED as there */
    LA_SO_MAX_PACING_RATE, /* octets/s; -1: no bound. 0 is none either, as there */
    LA_SO_NOTSENT_LOWAT, /* la_sock_send() takes nothing more while so many octets are unsent; with
                            less than half of that, OUT; 0: as much as the send buffer takes */
    LA_SO_NOOPT, /* FreeBSD's TCP_NOOPT: no options, and none of the peer's are heeded */
    LA_SO_COUNT
};
/* Switches take any value, 0 is off. Before a connection or after, on a listener for those to come.
 * NO_SUCH_OPTION, BAD_ARGUMENT (what Linux answers with EINVAL). */
la_err la_sock_option_set(struct la_socks *socks, la_sock s, enum la_sock_option opt, int64_t value,
                          la_instant now);
la_err la_sock_option_get(const struct la_socks *socks, la_sock s, enum la_sock_option opt,
                          int64_t *out);

/* Level-triggered, as poll() reports. PRI: urgent data was announced and not yet all read. */
enum la_poll { LA_POLL_IN = 1, LA_POLL_PRI = 2, LA_POLL_OUT = 4, LA_POLL_ERR = 8, LA_POLL_HUP = 16,
               LA_POLL_RDHUP = 32 };
uint32_t la_sock_poll(const struct la_socks *socks, la_sock s);

/* What poll() would say. */
struct la_sock_event {
    la_sock sock;
    uint32_t poll; /* LA_POLL_* as of now */
    uint64_t user;
};
/* A socket whose poll mask may have changed since it was last reported. */
bool la_sock_next_event(struct la_socks *socks, struct la_sock_event *out);
la_err la_sock_user_set(struct la_socks *socks, la_sock s, uint64_t user);

LA_API_END

#endif
