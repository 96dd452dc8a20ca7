/* SPDX-License-Identifier: MIT
 *
 * calls.c - life of a socket: socket, bind, listen, accept, connect, shutdown, close, fcntl, ioctl
 *
 * Read first: the manual pages of these calls in section 2.
 */
#include "packetdrill/calls.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/time.h"
#include "host/errors.h"
#include "host/names.h"

static int64_t
result(la_err err)
{
    return -la_err_to_errno(err);
}

/* ---- socket --------------------------------------------------------------------------------- */

static int64_t
open_sock(struct la_pd *pd, struct la_pd_fd *f, la_sock *out)
{
    return result(la_sock_open(pd->socks, f->family == AF_INET ? LA_SOCK_IPV4 : LA_SOCK_IPV6,
                               f->datagram ? LA_SOCK_DATAGRAM : LA_SOCK_STREAM, out));
}

int64_t
la_pd_socket(struct la_pd *pd, int domain, int type, int protocol)
{
    int kind = type & ~(SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (domain != AF_INET && domain != AF_INET6)
        return -EAFNOSUPPORT;
    if (kind != SOCK_STREAM && kind != SOCK_DGRAM)
        return -ESOCKTNOSUPPORT;
    if (protocol != 0 && protocol != (kind == SOCK_STREAM ? IPPROTO_TCP : IPPROTO_UDP))
        return -EPROTONOSUPPORT;
    if (!la_pd_ready(pd))
        return -ENOMEM;
    struct la_pd_fd *f = la_pd_fd_new(pd);
    if (f == NULL)
        return -errno;
    f->family = domain;
    f->datagram = kind == SOCK_DGRAM;
    f->nonblocking = (type & SOCK_NONBLOCK) != 0;
    la_sock sock;
    int64_t err = open_sock(pd, f, &sock);
    if (err != 0) {
        la_pd_fd_close(pd, f);
        return err;
    }
    la_pd_fd_attach(pd, f, sock);
    return f->fd;
}

/* ---- names ---------------------------------------------------------------------------------- */

static int64_t
read_name(const struct la_pd_fd *f, const struct sockaddr *addr, socklen_t n,
          struct la_endpoint *out)
{
    struct sockaddr_storage sa = {0};
    if (addr == NULL)
        return -EFAULT;
    socklen_t wants =
        f->family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6);
    if (n < sizeof(sa.ss_family) || n > sizeof(sa))
        return -EINVAL;
    memcpy(&sa, addr, n);
    if (sa.ss_family != f->family)
        return -EAFNOSUPPORT;
    if (n < wants)
        return -EINVAL;
    la_name_from_host(&sa, out);
    return 0;
}

int64_t
la_pd_bind(struct la_pd *pd, int fd, const struct sockaddr *addr, socklen_t n)
{
    struct la_pd_fd *f = la_pd_fd_of(pd, fd);
    struct la_endpoint local;
    if (f == NULL || f->sock == 0)
        return -EBADF;
    int64_t err = read_name(f, addr, n, &local);
    if (err != 0)
        return err;
    la_pd_adopt(pd, &local.addr);
    return result(la_sock_bind(pd->socks, f->sock, &local));
}

int64_t
la_pd_listen(struct la_pd *pd, int fd, int backlog)
{
    struct la_pd_fd *f = la_pd_fd_of(pd, fd);
    if (f == NULL || f->sock == 0)
        return -EBADF;
    if (!la_pd_ready(pd))
        return -ENOMEM;
    int64_t err = result(la_sock_listen(pd->socks, f->sock, backlog, pd->now));
    f->listening |= err == 0;
    la_pd_turn(pd);
    return err;
}

/* ---- accept --------------------------------------------------------------------------------- */

struct accepting {
    struct la_pd_fd *f;
    la_sock sock;
    struct la_endpoint peer;
};

static int64_t
try_accept(struct la_pd *pd, void *call)
{
    struct accepting *a = call;
    return result(la_sock_accept(pd->socks, a->f->sock, &a->sock, &a->peer, pd->now));
}

static la_instant
until(const struct la_pd *pd, int64_t timeout_us)
{
    return timeout_us == 0 ? LA_INSTANT_NEVER : la_instant_add_us(pd->now, timeout_us);
}

int64_t
la_pd_accept(struct la_pd *pd, int fd, struct sockaddr *addr, socklen_t *n)
{
    struct accepting a = {.f = la_pd_fd_of(pd, fd)};
    if (a.f == NULL || a.f->sock == 0)
        return -EBADF;
    int64_t err =
        la_pd_block(pd, try_accept, &a, !a.f->nonblocking, until(pd, a.f->receive_timeout_us));
    if (err != 0)
        return err;
    struct la_pd_fd *fresh = la_pd_fd_new(pd);
    if (fresh == NULL) {
        err = -errno;
        (void)la_sock_close(pd->socks, a.sock, pd->now);
        return err;
    }
    fresh->family = a.f->family;
    memcpy(fresh->kept, a.f->kept, sizeof(fresh->kept));
    fresh->stack_set = a.f->stack_set;
    fresh->tells_queue = a.f->tells_queue;
    fresh->errors.zerocopy = a.f->errors.zerocopy;
    fresh->receive_timeout_us = a.f->receive_timeout_us;
    fresh->send_timeout_us = a.f->send_timeout_us;
    la_pd_fd_attach(pd, fresh, a.sock);
    if (addr != NULL && n != NULL) {
        struct sockaddr_storage sa;
        socklen_t true_n = la_name_encode(fresh->family, &a.peer, &sa);
        memcpy(addr, &sa, true_n < *n ? true_n : *n);
        *n = true_n;
    }
    return fresh->fd;
}

/* ---- connect -------------------------------------------------------------------------------- */

struct connecting {
    struct la_pd_fd *f;
    struct la_endpoint remote;
    bool started;
};

static int64_t
try_connect(struct la_pd *pd, void *call)
{
    struct connecting *c = call;
    la_err err = la_sock_connect(pd->socks, c->f->sock, &c->remote, pd->now);
    bool under_way = err == LA_ERR_IN_PROGRESS || (err == LA_ERR_ALREADY && c->started);
    c->started |= err == LA_ERR_IN_PROGRESS;
    return under_way ? -EAGAIN : result(err);
}

/* connect() to AF_UNSPEC: the connection is aborted, the socket is as new. */
static int64_t
dissolve(struct la_pd *pd, struct la_pd_fd *f)
{
    la_sock fresh, old = f->sock;
    if (f->datagram)
        return result(la_sock_connect(pd->socks, old, NULL, pd->now));
    int64_t err = open_sock(pd, f, &fresh);
    if (err != 0)
        return err;
    la_pd_options_copy(pd, f, old, fresh);
    (void)la_sock_option_set(pd->socks, old, LA_SO_LINGER_S, 0, pd->now);
    (void)la_sock_close(pd->socks, old, pd->now);
    la_pd_fd_attach(pd, f, fresh);
    la_pd_turn(pd);
    return 0;
}

int64_t
la_pd_connect(struct la_pd *pd, int fd, const struct sockaddr *addr, socklen_t n)
{
    struct connecting c = {.f = la_pd_fd_of(pd, fd)};
    if (c.f == NULL || c.f->sock == 0)
        return -EBADF;
    if (addr != NULL && n >= sizeof(addr->sa_family) && addr->sa_family == AF_UNSPEC)
        return dissolve(pd, c.f);
    int64_t err = read_name(c.f, addr, n, &c.remote);
    if (err == 0 && !la_pd_ready(pd))
        err = -ENOMEM;
    if (err != 0)
        return err;
    c.started = !c.f->nonblocking;
    err = la_pd_block(pd, try_connect, &c, !c.f->nonblocking, until(pd, c.f->send_timeout_us));
    return err == -EAGAIN ? -EINPROGRESS : err;
}

/* ---- shutdown, close ------------------------------------------------------------------------ */

int64_t
la_pd_shutdown(struct la_pd *pd, int fd, int how)
{
    struct la_pd_fd *f = la_pd_fd_of(pd, fd);
    if (f == NULL || f->sock == 0)
        return -EBADF;
    int64_t err = result(la_sock_shutdown(pd->socks, f->sock, (enum la_shutdown)how, pd->now));
    f->listening &= how == SHUT_WR;
    la_pd_turn(pd);
    return err;
}

/* SO_LINGER with a time: waits until all that was sent, the FIN too, is acknowledged. */
static int64_t
try_linger(struct la_pd *pd, void *call)
{
    const struct la_pd_fd *f = call;
    struct la_conn_status status;
    if (!la_pd_fd_status(pd, f, &status))
        return 0;
    bool waits = status.state == LA_TCP_FIN_WAIT_1 || status.state == LA_TCP_CLOSING ||
                 status.state == LA_TCP_LAST_ACK;
    return waits ? -EAGAIN : 0;
}

int64_t
la_pd_close(struct la_pd *pd, int fd)
{
    struct la_pd_fd *f = la_pd_fd_of(pd, fd);
    struct la_conn_status status;
    int64_t linger_s = -1;
    if (f == NULL)
        return -EBADF;
    if (f->sock != 0 && !f->datagram)
        (void)la_sock_option_get(pd->socks, f->sock, LA_SO_LINGER_S, &linger_s);
    if (linger_s > 0 && la_pd_fd_status(pd, f, &status) && status.receive_queue_bytes == 0) {
        (void)la_sock_shutdown(pd->socks, f->sock, LA_SHUT_WRITE, pd->now);
        (void)la_pd_block(pd, try_linger, f, !f->nonblocking, until(pd, linger_s * 1000000));
    }
    la_pd_fd_close(pd, f);
    la_pd_turn(pd);
    return 0;
}

/* ---- fcntl, ioctl --------------------------------------------------------------------------- */

int64_t
la_pd_fcntl(struct la_pd *pd, int fd, int cmd, int arg)
{
    struct la_pd_fd *f = la_pd_fd_of(pd, fd);
    if (f == NULL)
        return -EBADF;
    if (cmd == F_GETFL)
        return O_RDWR | (f->nonblocking ? O_NONBLOCK : 0);
    if (cmd == F_SETFL) {
        f->nonblocking = (arg & O_NONBLOCK) != 0;
        return 0;
    }
    int r = fcntl(fd, cmd, arg);
    return r < 0 ? -errno : r;
}

int64_t
la_pd_ioctl(struct la_pd *pd, int fd, unsigned long request, int *arg)
{
    struct la_pd_fd *f = la_pd_fd_of(pd, fd);
    struct la_conn_status status = {0};
    if (f == NULL || f->sock == 0)
        return -EBADF;
    if (arg == NULL)
        return -EFAULT;
    if (request == FIONBIO) {
        f->nonblocking = *arg != 0;
        return 0;
    }
    bool connected = la_pd_fd_status(pd, f, &status);
    if (!connected && !f->datagram)
        return -EINVAL;
    bool mark = false;
    switch (request) {
    case SIOCINQ:
        *arg = (int)status.receive_queue_bytes;
        return 0;
    case SIOCOUTQ:
        *arg = (int)status.send_queue_bytes;
        return 0;
    case SIOCOUTQNSD:
        *arg = (int)status.unsent_bytes;
        return 0;
    case SIOCATMARK:
        (void)la_sock_at_mark(pd->socks, f->sock, &mark);
        *arg = mark;
        return 0;
    default:
        return -ENOTTY;
    }
}
