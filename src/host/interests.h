/* SPDX-License-Identifier: MIT
 *
 * interests.h - what an epoll descriptor watches, for sockets that are not the kernel's
 *
 * Read first: epoll(7). Whoever has the sockets says what is ready at one (a mask of EPOLL* bits),
 * and when something has happened there, which is what EPOLLET reports.
 */
#ifndef LA_HOST_INTERESTS_H
#define LA_HOST_INTERESTS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/epoll.h>

struct la_interest {
    struct la_interest *next;
    int fd;
    struct epoll_event event;
    bool fresh; /* something happened since it was reported (EPOLLET) */
    bool off;   /* reported once (EPOLLONESHOT) */
};

/* epoll_ctl(): 0 or a negative errno value. */
int la_interest_ctl(struct la_interest **interests, int op, int fd,
                    const struct epoll_event *event);
/* What is ready at a descriptor; 0 also for one that is closed. */
typedef uint32_t la_interest_mask(void *of, int fd);
/* One look of epoll_wait(): how many events were written, at most max. */
int la_interest_take(struct la_interest *interests, la_interest_mask *mask, void *of,
                  struct epoll_event *events, int max);
/* Something happened at the descriptor. */
void la_interest_touch(struct la_interest *interests, int fd);
/* The descriptor is closed; -1: forgets all. */
void la_interest_drop(struct la_interest **interests, int fd);

#endif
