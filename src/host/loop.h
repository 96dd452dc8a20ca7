/* SPDX-License-Identifier: MIT
 *
 * loop.h - one epoll, nanosecond deadlines
 *
 * Whoever owns a descriptor embeds a struct la_watch and is called back with the epoll events. A
 * watch may be removed (and its memory freed) from any callback, also that of another watch: events
 * of it that still wait in the batch are struck out.
 */
#ifndef LA_HOST_LOOP_H
#define LA_HOST_LOOP_H

#include <lastack/base.h>
#include <sys/epoll.h>

struct la_watch;
typedef void la_watch_fn(struct la_watch *watch, uint32_t events);

struct la_watch {
    int fd; /* -1: not watched */
    la_watch_fn *on_ready;
};

enum { LA_LOOP_BATCH_N = 64 };

struct la_loop {
    int epoll_fd;
    int fd_limit; /* descriptors from here on are not watched: see la_loop_add() */
    int batch_n; /* events of the batch that is being served */
    int batch_idx;
    struct epoll_event batch[LA_LOOP_BATCH_N];
};

/* 0 or an errno value. */
int la_loop_init(struct la_loop *loop);
void la_loop_fini(struct la_loop *loop);

/* Watches fd, which stays the caller's. events: EPOLLIN | …, with EPOLLET where the owner keeps
 * account of readiness itself. 0 or an errno value: EMFILE when few descriptors are left, so that
 * what is needed for a moment (borrowing) always finds one. */
int la_loop_add(struct la_loop *loop, struct la_watch *watch, int fd, uint32_t events);
int la_loop_change(struct la_loop *loop, struct la_watch *watch, uint32_t events);
/* Forgets the watch and closes its descriptor; nothing happens when it is not watched. */
void la_loop_close(struct la_loop *loop, struct la_watch *watch);
/* Forgets the watch; its descriptor stays open. */
void la_loop_remove(struct la_loop *loop, struct la_watch *watch);

/* Waits for at most wait_ns (0: not at all; negative: for ever) for a batch of events, and returns
 * how many there are. Then la_loop_serve() calls their watches: in between the caller looks at its
 * clock. */
int la_loop_wait(struct la_loop *loop, int64_t wait_ns);
void la_loop_serve(struct la_loop *loop);

#endif
