/* SPDX-License-Identifier: MIT
 *
 * interface.c - the table that packetdrill calls, and its door
 *
 * Each function takes the lock, lets the call be served, and says -1 and errno where that failed.
 * What is not ours is the kernel's. Besides the door, this module exports getsockopt(), sendfile()
 * and close(): preloaded as well (LD_PRELOAD), it serves those of packetdrill's calls that go past
 * the table.
 */
#include "packetdrill/interface.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/sendfile.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/time.h"
#include "packetdrill/calls.h"

enum { IOV_N_MAX = 1024 };
#define RECEIVE_US_MAX (INT64_C(86400) * 1000000) /* longer than any timer of a connection */

/* One process runs one script; the interposed calls have no ctx. */
static struct la_pd *the_pd;

static struct la_pd *
enter(void *ctx)
{
    struct la_pd *pd = ctx;
    (void)pthread_mutex_lock(&pd->lock);
    return pd;
}

static int64_t
leave(struct la_pd *pd, int64_t result)
{
    (void)pthread_mutex_unlock(&pd->lock);
    if (result >= 0)
        return result;
    errno = (int)-result;
    return -1;
}

/* ---- sockets -------------------------------------------------------------------------------- */

static int
do_socket(void *ctx, int domain, int type, int protocol)
{
    struct la_pd *pd = enter(ctx);
    return (int)leave(pd, la_pd_socket(pd, domain, type, protocol));
}

static int
do_bind(void *ctx, int fd, const struct sockaddr *addr, socklen_t n)
{
    struct la_pd *pd = enter(ctx);
    return (int)leave(pd, la_pd_bind(pd, fd, addr, n));
}

static int
do_listen(void *ctx, int fd, int backlog)
{
    struct la_pd *pd = enter(ctx);
    return (int)leave(pd, la_pd_listen(pd, fd, backlog));
}

static int
do_accept(void *ctx, int fd, struct sockaddr *addr, socklen_t *n)
{
    struct la_pd *pd = enter(ctx);
    return (int)leave(pd, la_pd_accept(pd, fd, addr, n));
}

static int
do_connect(void *ctx, int fd, const struct sockaddr *addr, socklen_t n)
{
    struct la_pd *pd = enter(ctx);
    return (int)leave(pd, la_pd_connect(pd, fd, addr, n));
}

static int
do_shutdown(void *ctx, int fd, int how)
{
    struct la_pd *pd = enter(ctx);
    return (int)leave(pd, la_pd_shutdown(pd, fd, how));
}

static bool
is_ours(void *ctx, int fd)
{
    struct la_pd *pd = enter(ctx);
    bool ours = la_pd_fd_of(pd, fd) != NULL;
    (void)leave(pd, 0);
    return ours;
}

static int
do_close(void *ctx, int fd)
{
    if (!is_ours(ctx, fd))
        return (int)syscall(SYS_close, fd);
    struct la_pd *pd = enter(ctx);
    return (int)leave(pd, la_pd_close(pd, fd));
}

static int
do_getsockopt(void *ctx, int fd, int level, int name, void *value, socklen_t *n)
{
    struct la_pd *pd = enter(ctx);
    return (int)leave(pd, la_pd_getsockopt(pd, fd, level, name, value, n));
}

static int
do_setsockopt(void *ctx, int fd, int level, int name, const void *value, socklen_t n)
{
    struct la_pd *pd = enter(ctx);
    return (int)leave(pd, la_pd_setsockopt(pd, fd, level, name, value, n));
}

static int
do_fcntl(void *ctx, int fd, int cmd, ...)
{
    va_list args;
    va_start(args, cmd);
    int arg = cmd == F_GETFL || cmd == F_GETFD ? 0 : va_arg(args, int);
    va_end(args);
    if (!is_ours(ctx, fd))
        return fcntl(fd, cmd, arg);
    struct la_pd *pd = enter(ctx);
    return (int)leave(pd, la_pd_fcntl(pd, fd, cmd, arg));
}

static int
do_ioctl(void *ctx, int fd, unsigned long request, ...)
{
    va_list args;
    va_start(args, request);
    int *arg = va_arg(args, int *);
    va_end(args);
    if (!is_ours(ctx, fd))
        return ioctl(fd, request, arg);
    struct la_pd *pd = enter(ctx);
    return (int)leave(pd, la_pd_ioctl(pd, fd, request, arg));
}

/* ---- octets --------------------------------------------------------------------------------- */

static ssize_t
do_recvmsg(void *ctx, int fd, struct msghdr *msg, int flags)
{
    struct la_pd *pd = enter(ctx);
    return (ssize_t)leave(pd, la_pd_receive(pd, fd, msg, flags));
}

static ssize_t
do_recvfrom(void *ctx, int fd, void *p, size_t n, int flags, struct sockaddr *addr,
            socklen_t *addr_n)
{
    struct iovec piece = {p, n};
    struct msghdr msg = {.msg_name = addr,
                         .msg_namelen = addr_n == NULL ? 0 : *addr_n,
                         .msg_iov = &piece,
                         .msg_iovlen = 1};
    ssize_t r = do_recvmsg(ctx, fd, &msg, flags);
    if (r >= 0 && addr_n != NULL)
        *addr_n = msg.msg_namelen;
    return r;
}

static ssize_t
do_recv(void *ctx, int fd, void *p, size_t n, int flags)
{
    return do_recvfrom(ctx, fd, p, n, flags, NULL, NULL);
}

static ssize_t
do_readv(void *ctx, int fd, const struct iovec *pieces, int pieces_n)
{
    if (!is_ours(ctx, fd))
        return readv(fd, pieces, pieces_n);
    struct iovec copy[IOV_N_MAX];
    if (pieces_n < 0 || pieces_n > IOV_N_MAX) {
        errno = EINVAL;
        return -1;
    }
    memcpy(copy, pieces, (size_t)pieces_n * sizeof(copy[0]));
    struct msghdr msg = {.msg_iov = copy, .msg_iovlen = (size_t)pieces_n};
    return do_recvmsg(ctx, fd, &msg, 0);
}

static ssize_t
do_read(void *ctx, int fd, void *p, size_t n)
{
    return is_ours(ctx, fd) ? do_recv(ctx, fd, p, n, 0) : read(fd, p, n);
}

static ssize_t
do_sendmsg(void *ctx, int fd, const struct msghdr *msg, int flags)
{
    struct la_pd *pd = enter(ctx);
    return (ssize_t)leave(pd, la_pd_send(pd, fd, msg, flags));
}

/* The interface's pointers to what is only read become those of struct msghdr, which writes too. */
static ssize_t
do_sendto(void *ctx, int fd, const void *p, size_t n, int flags, const struct sockaddr *addr,
          socklen_t addr_n)
{
    struct sockaddr_storage sa = {0};
    struct iovec piece = {(void *)(uintptr_t)p, n};
    struct msghdr msg = {.msg_iov = &piece, .msg_iovlen = 1};
    if (addr != NULL && addr_n <= sizeof(sa)) {
        memcpy(&sa, addr, addr_n);
        msg.msg_name = &sa;
        msg.msg_namelen = addr_n;
    }
    return do_sendmsg(ctx, fd, &msg, flags);
}

static ssize_t
do_send(void *ctx, int fd, const void *p, size_t n, int flags)
{
    return do_sendto(ctx, fd, p, n, flags, NULL, 0);
}

static ssize_t
do_writev(void *ctx, int fd, const struct iovec *pieces, int pieces_n)
{
    if (!is_ours(ctx, fd))
        return writev(fd, pieces, pieces_n);
    struct iovec copy[IOV_N_MAX];
    if (pieces_n < 0 || pieces_n > IOV_N_MAX) {
        errno = EINVAL;
        return -1;
    }
    memcpy(copy, pieces, (size_t)pieces_n * sizeof(copy[0]));
    struct msghdr msg = {.msg_iov = copy, .msg_iovlen = (size_t)pieces_n};
    return do_sendmsg(ctx, fd, &msg, 0);
}

static ssize_t
do_write(void *ctx, int fd, const void *p, size_t n)
{
    return is_ours(ctx, fd) ? do_send(ctx, fd, p, n, 0) : write(fd, p, n);
}

static int
do_pipe(void *ctx, int fds[2])
{
    (void)ctx;
    return pipe(fds);
}

/* packetdrill passes offsets also where the script says NULL; neither pipes nor sockets have any.
 */
static int
do_splice(void *ctx, int fd_in, loff_t *off_in, int fd_out, loff_t *off_out, size_t n,
          unsigned flags)
{
    (void)off_in;
    (void)off_out;
    if (!is_ours(ctx, fd_in) && !is_ours(ctx, fd_out))
        return (int)splice(fd_in, NULL, fd_out, NULL, n, flags);
    struct la_pd *pd = enter(ctx);
    return (int)leave(pd, la_pd_splice(pd, fd_in, fd_out, n, flags));
}

/* ---- readiness ------------------------------------------------------------------------------ */

static int
do_poll(void *ctx, struct pollfd *fds, nfds_t fds_n, int timeout_ms)
{
    struct la_pd *pd = enter(ctx);
    return (int)leave(pd, la_pd_poll(pd, fds, fds_n, timeout_ms));
}

static int
do_epoll_create(void *ctx, int size)
{
    (void)size;
    struct la_pd *pd = enter(ctx);
    return (int)leave(pd, la_pd_epoll_create(pd));
}

static int
do_epoll_ctl(void *ctx, int epoll_fd, int op, int fd, struct epoll_event *event)
{
    struct la_pd *pd = enter(ctx);
    return (int)leave(pd, la_pd_epoll_ctl(pd, epoll_fd, op, fd, event));
}

static int
do_epoll_wait(void *ctx, int epoll_fd, struct epoll_event *events, int max, int timeout_ms)
{
    struct la_pd *pd = enter(ctx);
    return (int)leave(pd, la_pd_epoll_wait(pd, epoll_fd, events, max, timeout_ms));
}

/* ---- packets and time ----------------------------------------------------------------------- */

static int64_t
to_us(la_instant at)
{
    return at.ns / LA_NS_PER_US;
}

/* The address that a packet goes to is ours: nothing else says so when a script binds to any. */
static void
adopt_destination(struct la_pd *pd, struct la_bytes packet)
{
    enum { V4_AT = 16, V4_BYTES = 20, V6_AT = 24, V6_BYTES = 40 };
    struct la_addr addr;
    const uint8_t *p = packet.p;
    if (packet.n >= V4_BYTES && p[0] >> 4 == 4) {
        p += V4_AT;
        addr = la_addr_v4(p[0], p[1], p[2], p[3]);
    } else if (packet.n >= V6_BYTES && p[0] >> 4 == 6) {
        memcpy(addr.b, p + V6_AT, sizeof(addr.b));
    } else {
        return;
    }
    la_pd_adopt(pd, &addr);
}

static int
do_netdev_send(void *ctx, const void *p, size_t n)
{
    struct la_pd *pd = enter(ctx);
    struct la_bytes packet = {p, n};
    if (!la_pd_ready(pd))
        return (int)leave(pd, -ENOMEM);
    adopt_destination(pd, packet);
    struct la_frame *frame = la_frame_from_bytes(pd->mem, packet);
    if (frame == NULL)
        return (int)leave(pd, -ENOMEM);
    la_stack_input(pd->stack, 0, &frame, 1, pd->now);
    la_pd_turn(pd);
    return (int)leave(pd, 0);
}

static int
do_netdev_receive(void *ctx, void *p, size_t *n, long long *at_us)
{
    struct la_pd *pd = enter(ctx);
    la_instant give_up = la_instant_add_us(pd->now, RECEIVE_US_MAX);
    struct la_pd_packet *packet;
    *at_us = to_us(pd->now);
    while ((packet = la_pd_packet_take(pd)) == NULL) {
        la_instant next = la_pd_deadline(pd);
        if (la_instant_lt(give_up, next)) {
            *n = 0;
            return (int)leave(pd, 0);
        }
        la_pd_advance(pd, next);
    }
    *n = packet->n < *n ? packet->n : *n;
    memcpy(p, packet->bytes, *n);
    *at_us = to_us(packet->at);
    free(packet);
    return (int)leave(pd, 0);
}

static int
do_usleep(void *ctx, useconds_t us)
{
    struct la_pd *pd = enter(ctx);
    la_instant to = la_instant_add_us(pd->now, us);
    la_pd_advance(pd, to);
    return (int)leave(pd, 0);
}

static int
do_gettimeofday(void *ctx, struct timeval *tv, struct timezone *tz)
{
    (void)tz;
    struct la_pd *pd = enter(ctx);
    if (pd->returning_tid == gettid()) {
        pd->returning_tid = 0;
        (void)pthread_cond_signal(&pd->settled);
    } else {
        la_pd_advance(pd, la_instant_add_us(pd->now, 1));
    }
    int64_t us = to_us(pd->now);
    tv->tv_sec = us / 1000000;
    tv->tv_usec = us % 1000000;
    return (int)leave(pd, 0);
}

static void
do_free(void *ctx)
{
    the_pd = NULL;
    la_pd_free(ctx);
}

/* ---- the doors ------------------------------------------------------------------------------ */

static const struct la_pd_interface interface = {
    .free = do_free,
    .socket = do_socket,
    .bind = do_bind,
    .listen = do_listen,
    .accept = do_accept,
    .connect = do_connect,
    .read = do_read,
    .readv = do_readv,
    .recv = do_recv,
    .recvfrom = do_recvfrom,
    .recvmsg = do_recvmsg,
    .write = do_write,
    .writev = do_writev,
    .send = do_send,
    .sendto = do_sendto,
    .sendmsg = do_sendmsg,
    .fcntl = do_fcntl,
    .ioctl = do_ioctl,
    .close = do_close,
    .shutdown = do_shutdown,
    .getsockopt = do_getsockopt,
    .setsockopt = do_setsockopt,
    .poll = do_poll,
    .netdev_send = do_netdev_send,
    .netdev_receive = do_netdev_receive,
    .usleep = do_usleep,
    .gettimeofday = do_gettimeofday,
    .epoll_create = do_epoll_create,
    .epoll_ctl = do_epoll_ctl,
    .epoll_wait = do_epoll_wait,
    .pipe = do_pipe,
    .splice = do_splice,
};

void
packetdrill_interface_init(const char *flags, struct la_pd_interface *out)
{
    struct la_pd_settings settings;
    char error[LA_PD_ERROR_BYTES];
    la_pd_settings_init(&settings);
    if (!la_pd_settings_parse(&settings, flags, error)) {
        (void)fprintf(stderr, "liblastack-packetdrill: %s\n", error);
        exit(EXIT_FAILURE);
    }
    the_pd = la_pd_new(&settings);
    if (the_pd == NULL) {
        (void)fprintf(stderr, "liblastack-packetdrill: out of memory\n");
        exit(EXIT_FAILURE);
    }
    *out = interface;
    out->ctx = the_pd;
}

/* For %{ }% in scripts, which ask for TCP_INFO past the table. */
__attribute__((visibility("default"))) int
getsockopt(int fd, int level, int name, void *restrict value, socklen_t *restrict n)
{
    if (the_pd != NULL && is_ours(the_pd, fd))
        return do_getsockopt(the_pd, fd, level, name, value, n);
    return (int)syscall(SYS_getsockopt, fd, level, name, value, n);
}

/* Which has no place in the table. */
__attribute__((visibility("default"))) ssize_t
sendfile(int out_fd, int in_fd, off_t *offset, size_t n)
{
    if (the_pd == NULL || !is_ours(the_pd, out_fd))
        return (ssize_t)syscall(SYS_sendfile, out_fd, in_fd, offset, n);
    struct la_pd *pd = enter(the_pd);
    return (ssize_t)leave(pd, la_pd_sendfile(pd, out_fd, in_fd, offset, n));
}

/* For what a script leaves open. */
__attribute__((visibility("default"))) int
close(int fd)
{
    return the_pd != NULL ? do_close(the_pd, fd) : (int)syscall(SYS_close, fd);
}
