/* SPDX-License-Identifier: MIT
 *
 * fds.h - the descriptors that packetdrill holds
 *
 * Each is a real one (an eventfd), so that its number is nobody else's and the final close() of
 * what a script leaves open succeeds. Descriptors that are not in this table are the kernel's:
 * pipes, files; calls on those are passed on.
 */
#ifndef LA_PACKETDRILL_FDS_H
#define LA_PACKETDRILL_FDS_H

#include "host/errqueue.h"
#include "host/option_rows.h"
#include "host/interests.h"
#include "packetdrill/pd.h"

struct la_pd_fd {
    struct la_pd_fd *next;
    int fd;
    la_sock sock; /* 0: an epoll descriptor */
    int family;
    bool datagram;
    bool nonblocking;
    bool listening;
    bool tells_queue; /* TCP_INQ */
    struct la_errqueue errors;
    int64_t receive_timeout_us, send_timeout_us; /* 0 = none */
    int32_t kept[LA_OPTIONS_KEPT_N];
    uint32_t stack_set; /* a bit per LA_SO_* that the script has set */
    struct la_interest *interests; /* of an epoll descriptor */
};

/* NULL: not one of ours. */
struct la_pd_fd *la_pd_fd_of(const struct la_pd *pd, int fd);
/* A descriptor without a socket; NULL and errno: ENOMEM, EMFILE. */
struct la_pd_fd *la_pd_fd_new(struct la_pd *pd);
/* Gives `f` a socket of its own, or an accepted one. */
void la_pd_fd_attach(struct la_pd *pd, struct la_pd_fd *f, la_sock sock);
/* Closes socket and descriptor. */
void la_pd_fd_close(struct la_pd *pd, struct la_pd_fd *f);
/* The connection of a stream socket; false: it has none. */
bool la_pd_fd_status(const struct la_pd *pd, const struct la_pd_fd *f, struct la_conn_status *out);
void la_pd_fds_free(struct la_pd *pd);
/* Something happened to a socket. */
void la_pd_fds_event(struct la_pd *pd, const struct la_sock_event *event);
/* Something was acknowledged, perhaps. */
void la_pd_fds_look(struct la_pd *pd);

#endif
