/* SPDX-License-Identifier: MIT
 *
 * loop.c - one epoll, nanosecond deadlines
 *
 * Read first: epoll(7), epoll_pwait2(2). The time-out of epoll_wait() is in milliseconds, too
 * coarse for a wire that serialises a packet in 12 us: where epoll_pwait2() (Linux 5.11) is
 * missing, time-outs are rounded up to a millisecond.
 */
#include "host/loop.h"

#include <errno.h>
#include <limits.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

/* The hard limit less some for a moment's use. */
static int
fd_limit(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_max > INT_MAX)
        return INT_MAX;
    return (int)limit.rlim_max - (limit.rlim_max > 256 ? 64 : (int)limit.rlim_max / 4);
}

int
la_loop_init(struct la_loop *loop)
{
    loop->fd_limit = fd_limit();
    loop->batch_n = 0;
    loop->batch_idx = 0;
    loop->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    return loop->epoll_fd < 0 ? errno : 0;
}

void
la_loop_fini(struct la_loop *loop)
{
    if (loop->epoll_fd >= 0)
        (void)close(loop->epoll_fd);
    loop->epoll_fd = -1;
}

int
la_loop_add(struct la_loop *loop, struct la_watch *watch, int fd, uint32_t events)
{
    struct epoll_event ev = {.events = events, .data.ptr = watch};
    if (fd >= loop->fd_limit)
        return EMFILE;
    if (epoll_ctl(loop->epoll_fd, EPOLL_CTL_ADD, fd, &ev) != 0)
        return errno;
    watch->fd = fd;
    return 0;
}

int
la_loop_change(struct la_loop *loop, struct la_watch *watch, uint32_t events)
{
    struct epoll_event ev = {.events = events, .data.ptr = watch};
    return epoll_ctl(loop->epoll_fd, EPOLL_CTL_MOD, watch->fd, &ev) != 0 ? errno : 0;
}

void
la_loop_remove(struct la_loop *loop, struct la_watch *watch)
{
    if (watch->fd < 0)
        return;
    (void)epoll_ctl(loop->epoll_fd, EPOLL_CTL_DEL, watch->fd, NULL);
    watch->fd = -1;
    for (int i = loop->batch_idx; i < loop->batch_n; i++) {
        if (loop->batch[i].data.ptr == watch)
            loop->batch[i].data.ptr = NULL;
    }
}

void
la_loop_close(struct la_loop *loop, struct la_watch *watch)
{
    int fd = watch->fd;
    la_loop_remove(loop, watch);
    if (fd >= 0)
        (void)close(fd);
}

static int
wait_for_events(struct la_loop *loop, int64_t wait_ns)
{
    struct timespec ts = {.tv_sec = wait_ns / 1000000000, .tv_nsec = wait_ns % 1000000000};
    int n =
        epoll_pwait2(loop->epoll_fd, loop->batch, LA_LOOP_BATCH_N, wait_ns < 0 ? NULL : &ts, NULL);
    if (n >= 0 || errno != ENOSYS)
        return n;
    int64_t wait_ms = (wait_ns + 999999) / 1000000;
    int timeout = wait_ns < 0 ? -1 : wait_ms > 60000 ? 60000 : (int)wait_ms;
    return epoll_wait(loop->epoll_fd, loop->batch, LA_LOOP_BATCH_N, timeout);
}

int
la_loop_wait(struct la_loop *loop, int64_t wait_ns)
{
    int n = wait_for_events(loop, wait_ns);
    loop->batch_n = n > 0 ? n : 0; /* EINTR: signals are served through their own descriptor */
    loop->batch_idx = 0;
    return loop->batch_n;
}

void
la_loop_serve(struct la_loop *loop)
{
    while (loop->batch_idx < loop->batch_n) {
        const struct epoll_event *ev = &loop->batch[loop->batch_idx++];
        struct la_watch *watch = ev->data.ptr;
        if (watch != NULL)
            watch->on_ready(watch, ev->events);
    }
    loop->batch_n = 0;
    loop->batch_idx = 0;
}
