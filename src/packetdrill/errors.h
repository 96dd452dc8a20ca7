/* SPDX-License-Identifier: MIT
 *
 * errors.h - recvmsg() with MSG_ERRQUEUE
 */
#ifndef LA_PACKETDRILL_ERRORS_H
#define LA_PACKETDRILL_ERRORS_H

#include <sys/socket.h>
#include "packetdrill/fds.h"

/* A send was taken. False: no memory to remember it. */
bool la_pd_errors_sent(struct la_pd *pd, struct la_pd_fd *f, int flags);
/* 0 and what waits first in msg, or -EAGAIN. */
int64_t la_pd_errors_take(struct la_pd_fd *f, struct msghdr *msg);

#endif
