/* SPDX-License-Identifier: MIT
 *
 * calls.h - the calls of the interface on sockets, with the lock held
 *
 * Results are as of the kernel's system calls: a value, or a negative errno value. -EBADF also says
 * that a descriptor is not ours.
 */
#ifndef LA_PACKETDRILL_CALLS_H
#define LA_PACKETDRILL_CALLS_H

#include <poll.h>
#include <sys/socket.h>
#include "packetdrill/fds.h"

/* calls.c: life of a socket */
int64_t la_pd_socket(struct la_pd *pd, int domain, int type, int protocol);
int64_t la_pd_bind(struct la_pd *pd, int fd, const struct sockaddr *addr, socklen_t n);
int64_t la_pd_listen(struct la_pd *pd, int fd, int backlog);
int64_t la_pd_accept(struct la_pd *pd, int fd, struct sockaddr *addr, socklen_t *n);
int64_t la_pd_connect(struct la_pd *pd, int fd, const struct sockaddr *addr, socklen_t n);
int64_t la_pd_shutdown(struct la_pd *pd, int fd, int how);
int64_t la_pd_close(struct la_pd *pd, int fd);
int64_t la_pd_fcntl(struct la_pd *pd, int fd, int cmd, int arg);
int64_t la_pd_ioctl(struct la_pd *pd, int fd, unsigned long request, int *arg);

/* data.c: octets */
int64_t la_pd_receive(struct la_pd *pd, int fd, struct msghdr *msg, int flags);
/* From a file of the kernel's. */
int64_t la_pd_sendfile(struct la_pd *pd, int out_fd, int in_fd, off_t *offset, size_t n);
int64_t la_pd_send(struct la_pd *pd, int fd, const struct msghdr *msg, int flags);
int64_t la_pd_splice(struct la_pd *pd, int fd_in, int fd_out, size_t n, unsigned flags);

/* options.c */
int64_t la_pd_getsockopt(struct la_pd *pd, int fd, int level, int name, void *value, socklen_t *n);
int64_t la_pd_setsockopt(struct la_pd *pd, int fd, int level, int name, const void *value,
                         socklen_t n);
/* Gives a new socket what the script has set on the one before. */
void la_pd_options_copy(struct la_pd *pd, const struct la_pd_fd *f, la_sock from, la_sock to);

/* ready.c */
int64_t la_pd_poll(struct la_pd *pd, struct pollfd *fds, nfds_t fds_n, int timeout_ms);
int64_t la_pd_epoll_create(struct la_pd *pd);
int64_t la_pd_epoll_ctl(struct la_pd *pd, int epoll_fd, int op, int fd, struct epoll_event *event);
int64_t la_pd_epoll_wait(struct la_pd *pd, int epoll_fd, struct epoll_event *events, int max,
                         int timeout_ms);

#endif
