/* SPDX-License-Identifier: MIT
 *
 * interests.c - what an epoll descriptor watches, for sockets that are not the kernel's
 */
#include "host/interests.h"

#include <errno.h>
#include <stdlib.h>

static struct la_interest **
find(struct la_interest **at, int fd)
{
    while (*at != NULL && (*at)->fd != fd)
        at = &(*at)->next;
    return at;
}

int
la_interest_ctl(struct la_interest **interests, int op, int fd, const struct epoll_event *event)
{
    struct la_interest **at = find(interests, fd), *w = *at;
    if (op != EPOLL_CTL_ADD && op != EPOLL_CTL_MOD && op != EPOLL_CTL_DEL)
        return -EINVAL;
    if (op != EPOLL_CTL_DEL && event == NULL)
        return -EFAULT;
    if (op == EPOLL_CTL_ADD && w != NULL)
        return -EEXIST;
    if (op != EPOLL_CTL_ADD && w == NULL)
        return -ENOENT;
    if (op == EPOLL_CTL_DEL) {
        *at = w->next;
        free(w);
        return 0;
    }
    if (w == NULL) {
        w = *at = calloc(1, sizeof(*w));
        if (w == NULL)
            return -ENOMEM;
        w->fd = fd;
    }
    w->event = *event;
    w->fresh = true;
    w->off = false;
    return 0;
}

int
la_interest_take(struct la_interest *interests, la_interest_mask *mask, void *of,
                 struct epoll_event *events, int max)
{
    int n = 0;
    for (struct la_interest *w = interests; w != NULL && n < max; w = w->next) {
        if (w->off || ((w->event.events & EPOLLET) != 0 && !w->fresh))
            continue;
        uint32_t ready = mask(of, w->fd) & (w->event.events | EPOLLERR | EPOLLHUP);
        if (ready == 0)
            continue;
        events[n].events = ready;
        events[n++].data = w->event.data;
        w->fresh = false;
        w->off = (w->event.events & EPOLLONESHOT) != 0;
    }
    return n;
}

void
la_interest_touch(struct la_interest *interests, int fd)
{
    for (struct la_interest *w = interests; w != NULL; w = w->next)
        w->fresh |= w->fd == fd;
}

void
la_interest_drop(struct la_interest **interests, int fd)
{
    for (struct la_interest **at = interests; *at != NULL;) {
        struct la_interest *w = *at;
        if (fd < 0 || w->fd == fd) {
            *at = w->next;
            free(w);
        } else {
            at = &w->next;
        }
    }
}
