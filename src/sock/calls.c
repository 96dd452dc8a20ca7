/* SPDX-License-Identifier: MIT
 *
 * calls.c - socket, connect, listen, accept, shutdown, close
 *
 * Read first: POSIX connect(), Linux tcp(7); RFC 9293 3.9.1.
 */
#include "base/addr.h"
#include "sock/set.h"

la_err
la_sock_open(struct la_socks *set, enum la_sock_family family, enum la_sock_type type, la_sock *out)
{
    *out = 0;
    if ((family != LA_SOCK_IPV4 && family != LA_SOCK_IPV6) ||
        (type != LA_SOCK_STREAM && type != LA_SOCK_DATAGRAM))
        return LA_ERR_BAD_ARGUMENT;
    struct la_sk *sk = la_sk_new(set, family, type);
    if (sk == NULL)
        return LA_ERR_NO_MEMORY;
    *out = la_sk_name(sk);
    return LA_OK;
}

/* ---- connect ---------------------------------------------------------------------------- */

static la_err
connect_datagram(struct la_socks *set, struct la_sk *sk, const struct la_endpoint *remote)
{
    la_err err = la_sk_autobind(set, sk);
    if (err == LA_OK)
        err = la_udp_connect(set->stack, sk->handle, remote);
    if (err == LA_OK)
        sk->peer = remote == NULL ? (struct la_endpoint){{{0}}, 0} : *remote;
    return err;
}

/* `fast`: by Fast Open. */
static la_err
start_connect(struct la_socks *set, struct la_sk *sk, const struct la_endpoint *remote, bool fast,
              la_instant now)
{
    struct la_endpoint local = {sk->local.addr, sk->bound ? sk->local.port : 0};
    /* A socket bound to "any" of the other family is not bound to an address. */
    if (la_addr_is_any(&local.addr))
        local.addr = la_addr_is_v4(&remote->addr) ? la_addr_v4(0, 0, 0, 0) : (struct la_addr){{0}};
    struct la_tcp_cfg cfg = la_sk_cfg(set, sk);
    cfg.fast_open = fast && sk->options[LA_SO_NOOPT] == 0;
    la_err err = la_conn_open(set->stack, &local, remote, &cfg, &sk->handle, now);
    if (err != LA_OK)
        return err;
    sk->err = LA_OK;
    sk->err_taken = sk->shut_read = sk->shut_write = false;
    sk->peer = *remote;
    sk->phase = LA_SK_CONNECTING;
    la_sk_options_apply(set, sk, now);
    err = la_conn_user_set(set->stack, sk->handle, la_sk_name(sk));
    return err == LA_OK ? LA_ERR_IN_PROGRESS : err;
}

la_ssize
la_sk_open_send(struct la_socks *set, struct la_sk *sk, const struct la_endpoint *remote,
                struct la_bytes bytes, la_instant now)
{
    uint32_t room;
    la_err err = start_connect(set, sk, remote, true, now);
    if (err != LA_ERR_IN_PROGRESS)
        return err;
    if (la_conn_fast_open_room(set->stack, sk->handle, &room) != LA_OK || room == 0 || bytes.n == 0)
        return LA_ERR_IN_PROGRESS;
    bytes.n = bytes.n < room ? bytes.n : room;
    la_ssize n = la_conn_send(set->stack, sk->handle, bytes, false, now);
    return n > 0 ? n : LA_ERR_IN_PROGRESS;
}

la_ssize
la_sock_connect_send(struct la_socks *set, la_sock s, const struct la_endpoint *remote,
                     struct la_bytes bytes, la_instant now)
{
    struct la_sk *sk = la_sk_of(set, s);
    if (sk == NULL)
        return LA_ERR_BAD_HANDLE;
    if (sk->phase == LA_SK_DATAGRAM || !la_stack_tcp_cfg(set->stack)->fast_open)
        return LA_ERR_NOT_SUPPORTED;
    if (sk->family == LA_SOCK_IPV4 && !la_addr_is_v4(&remote->addr))
        return LA_ERR_BAD_FAMILY;
    if (sk->phase == LA_SK_CONNECTING)
        return LA_ERR_ALREADY;
    if (sk->phase == LA_SK_LISTENING)
        return LA_ERR_IS_CONNECTED;
    if (sk->phase == LA_SK_CONNECTED) /* as Linux: there is no SYN any more */
        return la_sock_send(set, s, bytes, false, NULL, now);
    if (sk->phase == LA_SK_FAILED && sk->err != LA_OK)
        return la_sock_error_take(set, s);
    return la_sk_open_send(set, sk, sk->phase == LA_SK_DEFERRED ? &sk->peer : remote, bytes, now);
}

/* LA_SO_FASTOPEN_CONNECT: where the SYN could carry text, it waits for some. */
static la_err
connect_fast(struct la_socks *set, struct la_sk *sk, const struct la_endpoint *remote,
             la_instant now)
{
    if (!la_stack_fast_open_known(set->stack, &remote->addr))
        return start_connect(set, sk, remote, true, now);
    sk->err = LA_OK;
    sk->err_taken = sk->shut_read = sk->shut_write = false;
    sk->peer = *remote;
    sk->phase = LA_SK_DEFERRED;
    return LA_OK;
}

la_err
la_sock_connect(struct la_socks *set, la_sock s, const struct la_endpoint *remote, la_instant now)
{
    struct la_sk *sk = la_sk_of(set, s);
    if (sk == NULL)
        return LA_ERR_BAD_HANDLE;
    if (remote != NULL && sk->family == LA_SOCK_IPV4 && !la_addr_is_v4(&remote->addr))
        return LA_ERR_BAD_FAMILY;
    switch ((enum la_sk_phase)sk->phase) {
    case LA_SK_DATAGRAM:
        return connect_datagram(set, sk, remote);
    case LA_SK_CONNECTING:
        return LA_ERR_ALREADY;
    case LA_SK_DEFERRED:
    case LA_SK_LISTENING:
        return LA_ERR_IS_CONNECTED;
    case LA_SK_CONNECTED:
        if (!sk->up_untold)
            return LA_ERR_IS_CONNECTED;
        sk->up_untold = false;
        return LA_OK;
    case LA_SK_FAILED:
        if (sk->err != LA_OK)
            return la_sock_error_take(set, s);
        break;
    case LA_SK_FRESH:
        break;
    }
    if (remote == NULL)
        return LA_ERR_NO_DESTINATION;
    if (sk->options[LA_SO_FASTOPEN_CONNECT] != 0 && la_stack_tcp_cfg(set->stack)->fast_open)
        return connect_fast(set, sk, remote, now);
    return start_connect(set, sk, remote, false, now);
}

la_err
la_sock_error_take(struct la_socks *set, la_sock s)
{
    struct la_sk *sk = la_sk_of(set, s);
    if (sk == NULL)
        return LA_ERR_BAD_HANDLE;
    la_err err = sk->err;
    sk->err = LA_OK;
    struct la_conn_status status;
    if (err == LA_OK && sk->phase == LA_SK_CONNECTED && !sk->err_taken &&
        la_conn_status(set->stack, sk->handle, &status) == LA_OK && status.err != LA_OK) {
        sk->err_taken = true;
        err = status.err;
    }
    return err;
}

/* ---- listen, accept --------------------------------------------------------------------- */

la_err
la_sock_listen(struct la_socks *set, la_sock s, int backlog, la_instant now)
{
    struct la_sk *sk = la_sk_of(set, s);
    if (sk == NULL)
        return LA_ERR_BAD_HANDLE;
    uint32_t n = backlog < 0 ? UINT32_MAX : (uint32_t)backlog;
    if (sk->phase == LA_SK_LISTENING)
        return la_listener_backlog_set(set->stack, sk->handle, n);
    if (sk->phase == LA_SK_DATAGRAM)
        return LA_ERR_NOT_SUPPORTED;
    if (sk->phase != LA_SK_FRESH && sk->phase != LA_SK_FAILED)
        return LA_ERR_BAD_STATE;
    la_err err = la_sk_autobind(set, sk);
    if (err != LA_OK)
        return err;
    struct la_tcp_cfg tcp = la_sk_cfg(set, sk);
    struct la_listener_cfg cfg = {.local = sk->local,
                                  .backlog = n,
                                  .tcp = &tcp,
                                  .v6only = sk->options[LA_SO_V6ONLY] != 0,
                                  .shared = sk->options[LA_SO_REUSEPORT] != 0};
    err = la_listener_open_cfg(set->stack, &cfg, &sk->handle, now);
    if (err != LA_OK)
        return err;
    sk->phase = LA_SK_LISTENING;
    return la_listener_user_set(set->stack, sk->handle, la_sk_name(sk));
}

la_err
la_sock_accept(struct la_socks *set, la_sock s, la_sock *out, struct la_endpoint *peer,
               la_instant now)
{
    *out = 0;
    struct la_sk *sk = la_sk_of(set, s);
    if (sk == NULL)
        return LA_ERR_BAD_HANDLE;
    if (sk->phase == LA_SK_DATAGRAM)
        return LA_ERR_NOT_SUPPORTED;
    if (sk->phase != LA_SK_LISTENING)
        return LA_ERR_BAD_STATE;
    la_handle conn;
    la_err err = la_listener_accept(set->stack, sk->handle, &conn, now);
    if (err != LA_OK)
        return err;
    struct la_conn_status status;
    struct la_sk *fresh = la_sk_new(set, (enum la_sock_family)sk->family, LA_SOCK_STREAM);
    err = la_conn_status(set->stack, conn, &status);
    if (fresh == NULL || err != LA_OK) {
        if (fresh != NULL)
            la_sk_free(set, fresh);
        la_err ended = la_conn_abort(set->stack, conn, now);
        return ended == LA_OK ? LA_ERR_NO_MEMORY : ended;
    }
    for (unsigned i = 0; i < LA_SO_COUNT; i++)
        fresh->options[i] = sk->options[i];
    fresh->phase = LA_SK_CONNECTED;
    fresh->handle = conn;
    fresh->local = status.local;
    fresh->peer = status.remote;
    la_sk_options_apply(set, fresh, now);
    la_sk_touch(set, fresh);
    if (peer != NULL)
        *peer = status.remote;
    *out = la_sk_name(fresh);
    return la_conn_user_set(set->stack, conn, *out);
}

/* ---- shutdown, close -------------------------------------------------------------------- */

/* As Linux: reading from a listener is accepting; it can listen again. */
static la_err
shut_listener(struct la_socks *set, struct la_sk *sk, enum la_shutdown how, la_instant now)
{
    if (how == LA_SHUT_WRITE)
        return LA_OK;
    la_err err = la_listener_close(set->stack, sk->handle, now);
    sk->handle = 0;
    sk->phase = LA_SK_FRESH;
    la_sk_touch(set, sk);
    return err;
}

/* As Linux: the attempt is over. */
static la_err
shut_attempt(struct la_socks *set, struct la_sk *sk, la_instant now)
{
    la_err err = la_conn_release(set->stack, sk->handle, now);
    sk->handle = 0;
    sk->phase = LA_SK_FAILED;
    sk->err = LA_ERR_CONNECTION_RESET;
    la_sk_touch(set, sk);
    return err;
}

static la_err
shut_connection(struct la_socks *set, struct la_sk *sk, enum la_shutdown how, la_instant now)
{
    struct la_conn_status status;
    la_err err = la_conn_status(set->stack, sk->handle, &status);
    if (err == LA_OK && (status.state == LA_TCP_CLOSED || status.state == LA_TCP_TIME_WAIT))
        err = LA_ERR_NOT_CONNECTED; /* as Linux: nothing is left to shut down */
    if (err != LA_OK)
        return err;
    if (how != LA_SHUT_WRITE) {
        sk->shut_read = true;
        if (!la_stack_tcp_cfg(set->stack)->shut_read_hears)
            err = la_conn_close_read(set->stack, sk->handle, now);
    }
    if (err == LA_OK && how != LA_SHUT_READ) {
        sk->shut_write = true;
        err = la_conn_close(set->stack, sk->handle, now);
    }
    la_sk_touch(set, sk);
    return err;
}

la_err
la_sock_shutdown(struct la_socks *set, la_sock s, enum la_shutdown how, la_instant now)
{
    struct la_sk *sk = la_sk_of(set, s);
    if (sk == NULL)
        return LA_ERR_BAD_HANDLE;
    if (how != LA_SHUT_READ && how != LA_SHUT_WRITE && how != LA_SHUT_BOTH)
        return LA_ERR_BAD_ARGUMENT;
    switch ((enum la_sk_phase)sk->phase) {
    case LA_SK_CONNECTED:
        return shut_connection(set, sk, how, now);
    case LA_SK_CONNECTING:
        return shut_attempt(set, sk, now);
    case LA_SK_LISTENING:
        return shut_listener(set, sk, how, now);
    case LA_SK_FRESH:
    case LA_SK_DEFERRED:
    case LA_SK_FAILED:
    case LA_SK_DATAGRAM:
        break;
    }
    return LA_ERR_NOT_CONNECTED;
}

la_err
la_sock_close(struct la_socks *set, la_sock s, la_instant now)
{
    struct la_sk *sk = la_sk_of(set, s);
    if (sk == NULL)
        return LA_ERR_BAD_HANDLE;
    la_err err = LA_OK;
    if (sk->handle != 0) {
        if (sk->phase == LA_SK_LISTENING)
            err = la_listener_close(set->stack, sk->handle, now);
        else if (sk->phase == LA_SK_DATAGRAM)
            err = la_udp_close(set->stack, sk->handle);
        else
            err = la_conn_release(set->stack, sk->handle, now);
    }
    la_sk_free(set, sk);
    return err;
}

la_handle
la_sock_conn(const struct la_socks *set, la_sock s)
{
    const struct la_sk *sk = la_sk_of(set, s);
    bool stream = sk != NULL && (sk->phase == LA_SK_CONNECTED || sk->phase == LA_SK_CONNECTING);
    return stream ? sk->handle : 0;
}
