/* SPDX-License-Identifier: MIT
 *
 * ready.c - poll and epoll
 *
 * Read first: poll(2), epoll(7).
 */
#include "packetdrill/calls.h"

#include <errno.h>
#include <stdlib.h>

#include "base/time.h"

/* LA_POLL_* and the names of poll(2) and epoll(7), which have the same values. */
static const struct {
    uint32_t la, host;
} bits[] = {
    {LA_POLL_IN, POLLIN | POLLRDNORM},   {LA_POLL_PRI, POLLPRI}, {LA_POLL_ERR, POLLERR},
    {LA_POLL_OUT, POLLOUT | POLLWRNORM}, {LA_POLL_HUP, POLLHUP}, {LA_POLL_RDHUP, POLLRDHUP},
};

static uint32_t
mask_of(struct la_pd *pd, const struct la_pd_fd *f)
{
    uint32_t la = la_sock_poll(pd->socks, f->sock), host = 0;
    for (size_t i = 0; i < sizeof(bits) / sizeof(bits[0]); i++)
        host |= (la & bits[i].la) != 0 ? bits[i].host : 0;
    return host | (f->errors.entries != NULL ? (uint32_t)POLLERR : 0);
}

static la_instant
until(const struct la_pd *pd, int timeout_ms)
{
    return timeout_ms < 0 ? LA_INSTANT_NEVER
                          : la_instant_add_us(pd->now, (int64_t)timeout_ms * 1000);
}

/* ---- poll ----------------------------------------------------------------------------------- */

struct polling {
    struct pollfd *fds;
    nfds_t fds_n;
};

static int64_t
try_poll(struct la_pd *pd, void *call)
{
    struct polling *p = call;
    int64_t n = 0;
    for (nfds_t i = 0; i < p->fds_n; i++) {
        const struct la_pd_fd *f = la_pd_fd_of(pd, p->fds[i].fd);
        uint32_t wanted = (uint16_t)p->fds[i].events | POLLERR | POLLHUP;
        if (f == NULL || f->sock == 0)
            (void)poll(&p->fds[i], 1, 0);
        else
            p->fds[i].revents = (short)(mask_of(pd, f) & wanted);
        n += p->fds[i].revents != 0;
    }
    return n > 0 ? n : -EAGAIN;
}

int64_t
la_pd_poll(struct la_pd *pd, struct pollfd *fds, nfds_t fds_n, int timeout_ms)
{
    struct polling p = {fds, fds_n};
    if (fds == NULL && fds_n > 0)
        return -EFAULT;
    int64_t n = la_pd_block(pd, try_poll, &p, timeout_ms != 0, until(pd, timeout_ms));
    return n == -EAGAIN ? 0 : n;
}

/* ---- epoll ---------------------------------------------------------------------------------- */

int64_t
la_pd_epoll_create(struct la_pd *pd)
{
    struct la_pd_fd *f = la_pd_fd_new(pd);
    return f == NULL ? -errno : f->fd;
}

int64_t
la_pd_epoll_ctl(struct la_pd *pd, int epoll_fd, int op, int fd, struct epoll_event *event)
{
    struct la_pd_fd *epoll = la_pd_fd_of(pd, epoll_fd);
    const struct la_pd_fd *f = la_pd_fd_of(pd, fd);
    if (epoll == NULL || f == NULL)
        return -EBADF;
    if (epoll->sock != 0 || f->sock == 0)
        return -EINVAL;
    return la_interest_ctl(&epoll->interests, op, fd, event);
}

struct epolling {
    struct la_pd_fd *epoll;
    struct epoll_event *events;
    int max;
};

static uint32_t
mask_of_fd(void *of, int fd)
{
    struct la_pd *pd = of;
    const struct la_pd_fd *f = la_pd_fd_of(pd, fd);
    return f == NULL ? 0 : mask_of(pd, f);
}

static int64_t
try_epoll(struct la_pd *pd, void *call)
{
    const struct epolling *e = call;
    int n = la_interest_take(e->epoll->interests, mask_of_fd, pd, e->events, e->max);
    return n > 0 ? n : -EAGAIN;
}

int64_t
la_pd_epoll_wait(struct la_pd *pd, int epoll_fd, struct epoll_event *events, int max,
                 int timeout_ms)
{
    struct epolling e = {la_pd_fd_of(pd, epoll_fd), events, max};
    if (e.epoll == NULL)
        return -EBADF;
    if (e.epoll->sock != 0 || max <= 0)
        return -EINVAL;
    if (events == NULL)
        return -EFAULT;
    int64_t n = la_pd_block(pd, try_epoll, &e, timeout_ms != 0, until(pd, timeout_ms));
    return n == -EAGAIN ? 0 : n;
}
