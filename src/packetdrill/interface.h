/* SPDX-License-Identifier: MIT
 *
 * interface.h - what packetdrill asks of a stack that it loads (--so_filename)
 *
 * packetdrill finds one function by its name and gives it a table to fill. The order and the types
 * of the members are packetdrill's binary interface; each function gets `ctx` back first. It calls
 * without looking whether a member is there, so each is filled. Read next: docs/packetdrill.md.
 *
 * The calls of the BSD interface answer as the system calls of that name do: -1 and errno.
 */
#ifndef LA_PACKETDRILL_INTERFACE_H
#define LA_PACKETDRILL_INTERFACE_H

#include <poll.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/types.h>
#include <sys/uio.h>

struct la_pd_interface {
    void *ctx;
    void (*free)(void *ctx); /* at the end of a script that passed */
    int (*socket)(void *ctx, int domain, int type, int protocol);
    int (*bind)(void *ctx, int fd, const struct sockaddr *addr, socklen_t n);
    int (*listen)(void *ctx, int fd, int backlog);
    int (*accept)(void *ctx, int fd, struct sockaddr *addr, socklen_t *n);
    int (*connect)(void *ctx, int fd, const struct sockaddr *addr, socklen_t n);
    ssize_t (*read)(void *ctx, int fd, void *p, size_t n);
    ssize_t (*readv)(void *ctx, int fd, const struct iovec *pieces, int pieces_n);
    ssize_t (*recv)(void *ctx, int fd, void *p, size_t n, int flags);
    ssize_t (*recvfrom)(void *ctx, int fd, void *p, size_t n, int flags, struct sockaddr *addr,
                        socklen_t *addr_n);
    ssize_t (*recvmsg)(void *ctx, int fd, struct msghdr *msg, int flags);
    ssize_t (*write)(void *ctx, int fd, const void *p, size_t n);
    ssize_t (*writev)(void *ctx, int fd, const struct iovec *pieces, int pieces_n);
    ssize_t (*send)(void *ctx, int fd, const void *p, size_t n, int flags);
    ssize_t (*sendto)(void *ctx, int fd, const void *p, size_t n, int flags,
                      const struct sockaddr *addr, socklen_t addr_n);
    ssize_t (*sendmsg)(void *ctx, int fd, const struct msghdr *msg, int flags);
    int (*fcntl)(void *ctx, int fd, int cmd, ...);
    int (*ioctl)(void *ctx, int fd, unsigned long request, ...);
    int (*close)(void *ctx, int fd);
    int (*shutdown)(void *ctx, int fd, int how);
    int (*getsockopt)(void *ctx, int fd, int level, int name, void *value, socklen_t *n);
    int (*setsockopt)(void *ctx, int fd, int level, int name, const void *value, socklen_t n);
    int (*poll)(void *ctx, struct pollfd *fds, nfds_t fds_n, int timeout_ms);
    /* An IP datagram arrives. */
    int (*netdev_send)(void *ctx, const void *p, size_t n);
    /* Waits for the next IP datagram that leaves; *n is the room, then its length (0: there will be
     * none), *at_us when it left, by the clock of gettimeofday below. */
    int (*netdev_receive)(void *ctx, void *p, size_t *n, long long *at_us);
    int (*usleep)(void *ctx, useconds_t us);
    int (*gettimeofday)(void *ctx, struct timeval *tv, struct timezone *tz);
    int (*epoll_create)(void *ctx, int size);
    int (*epoll_ctl)(void *ctx, int epoll_fd, int op, int fd, struct epoll_event *event);
    int (*epoll_wait)(void *ctx, int epoll_fd, struct epoll_event *events, int max,
                      int timeout_ms);
    int (*pipe)(void *ctx, int fds[2]);
    int (*splice)(void *ctx, int fd_in, loff_t *off_in, int fd_out, loff_t *off_out, size_t n,
                  unsigned flags);
};

/* The name that packetdrill looks up. `flags` is the text of --so_flags, or NULL. */
__attribute__((visibility("default"))) void
packetdrill_interface_init(const char *flags, struct la_pd_interface *out);

#endif
