/* SPDX-License-Identifier: MIT
 *
 * data.c - send and recv
 */
#include "base/addr.h"
#include "sock/set.h"

/* A connection's error is reported once (POSIX); then reading is at its end and writing is
 * closed. */
static la_ssize
once(struct la_sk *sk, la_ssize n, la_err afterwards)
{
    bool ended = n == LA_ERR_CONNECTION_RESET || n == LA_ERR_TIMED_OUT ||
                 n == LA_ERR_HOST_UNREACHABLE || n == LA_ERR_NET_UNREACHABLE ||
                 n == LA_ERR_CONNECTION_REFUSED || n == LA_ERR_CONNECTION_ABORTED;
    if (!ended)
        return n;
    if (sk->err_taken)
        return afterwards;
    sk->err_taken = true;
    return n;
}

static la_ssize
send_datagram(struct la_socks *set, struct la_sk *sk, struct la_bytes bytes,
              const struct la_endpoint *to, la_instant now)
{
    if (to == NULL && sk->peer.port == 0)
        return LA_ERR_NO_DESTINATION;
    if (to != NULL && sk->family == LA_SOCK_IPV4 && !la_addr_is_v4(&to->addr))
        return LA_ERR_BAD_FAMILY;
    la_err err = la_sk_autobind(set, sk);
    if (err != LA_OK)
        return err;
    return la_udp_send(set->stack, sk->handle, NULL, to, bytes, now);
}

/* What a stream socket without a connection answers. */
static la_err
not_connected(const struct la_sk *sk)
{
    return sk->phase == LA_SK_CONNECTING || sk->phase == LA_SK_DEFERRED ? LA_ERR_AGAIN
                                                                        : LA_ERR_NOT_CONNECTED;
}

enum how { PUSHED, MORE, URGENT };

static la_ssize
send_stream(struct la_socks *set, struct la_sk *sk, struct la_bytes bytes, enum how how,
            la_instant now)
{
    if (sk->phase == LA_SK_FAILED)
        return sk->err != LA_OK ? la_sock_error_take(set, la_sk_name(sk)) : LA_ERR_CLOSING;
    if (sk->phase == LA_SK_DEFERRED)
        return la_sk_open_send(set, sk, &sk->peer, bytes, now);
    if (sk->phase != LA_SK_CONNECTED)
        return not_connected(sk);
    if (sk->shut_write)
        return LA_ERR_CLOSING;
    la_ssize n = how == URGENT ? la_conn_send_urgent(set->stack, sk->handle, bytes, now)
                               : la_conn_send(set->stack, sk->handle, bytes, how == MORE, now);
    return once(sk, n == LA_ERR_NOT_CONNECTED ? LA_ERR_CLOSING : n, LA_ERR_CLOSING);
}

la_ssize
la_sock_send(struct la_socks *set, la_sock s, struct la_bytes bytes, bool more,
             const struct la_endpoint *to, la_instant now)
{
    struct la_sk *sk = la_sk_of(set, s);
    if (sk == NULL)
        return LA_ERR_BAD_HANDLE;
    if (sk->phase == LA_SK_DATAGRAM)
        return send_datagram(set, sk, bytes, to, now);
    return send_stream(set, sk, bytes, more ? MORE : PUSHED, now);
}

la_ssize
la_sock_send_urgent(struct la_socks *set, la_sock s, struct la_bytes bytes, la_instant now)
{
    struct la_sk *sk = la_sk_of(set, s);
    if (sk == NULL)
        return LA_ERR_BAD_HANDLE;
    if (sk->phase == LA_SK_DATAGRAM)
        return LA_ERR_NOT_SUPPORTED;
    return send_stream(set, sk, bytes, URGENT, now);
}

la_err
la_sock_end_record(struct la_socks *set, la_sock s, la_instant now)
{
    const struct la_sk *sk = la_sk_of(set, s);
    if (sk == NULL)
        return LA_ERR_BAD_HANDLE;
    if (sk->phase == LA_SK_DATAGRAM)
        return LA_ERR_NOT_SUPPORTED;
    return sk->phase == LA_SK_CONNECTED ? la_conn_end_record(set->stack, sk->handle, now)
                                        : LA_ERR_NOT_CONNECTED;
}

la_err
la_sock_at_mark(const struct la_socks *set, la_sock s, bool *out)
{
    const struct la_sk *sk = la_sk_of(set, s);
    *out = false;
    if (sk == NULL)
        return LA_ERR_BAD_HANDLE;
    if (sk->phase == LA_SK_DATAGRAM)
        return LA_ERR_NOT_SUPPORTED;
    *out = sk->phase == LA_SK_CONNECTED && la_conn_urgent(set->stack, sk->handle) == 1;
    return LA_OK;
}

/* The octets before the marked one, or it alone. */
static la_ssize
receive_to_mark(struct la_socks *set, const struct la_sk *sk, struct la_room room, la_instant now)
{
    la_ssize urgent = la_conn_urgent(set->stack, sk->handle);
    if (urgent > 1 && room.n > (size_t)urgent - 1)
        room.n = (size_t)urgent - 1;
    return la_conn_receive(set->stack, sk->handle, room, now);
}

la_ssize
la_sock_receive(struct la_socks *set, la_sock s, struct la_room room, size_t *full_n,
                struct la_endpoint *from, la_instant now)
{
    struct la_sk *sk = la_sk_of(set, s);
    if (sk == NULL)
        return LA_ERR_BAD_HANDLE;
    if (sk->phase == LA_SK_DATAGRAM) {
        struct la_udp_from ends;
        if (sk->handle == 0)
            return LA_ERR_AGAIN;
        la_ssize n = la_udp_receive(set->stack, sk->handle, room, full_n, &ends);
        if (n >= 0 && from != NULL)
            *from = ends.remote;
        return n;
    }
    if (sk->phase == LA_SK_FAILED)
        return sk->err != LA_OK ? la_sock_error_take(set, s) : 0;
    if (sk->phase != LA_SK_CONNECTED)
        return not_connected(sk);
    la_ssize n = receive_to_mark(set, sk, room, now);
    if (n == LA_ERR_AGAIN && sk->shut_read)
        n = 0;
    if (n >= 0 && full_n != NULL)
        *full_n = (size_t)n;
    return once(sk, n == LA_ERR_NOT_CONNECTED ? 0 : n, LA_OK);
}
