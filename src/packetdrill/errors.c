/* SPDX-License-Identifier: MIT
 *
 * errors.c - recvmsg() with MSG_ERRQUEUE
 */
#include "packetdrill/errors.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/time.h"

bool
la_pd_errors_sent(struct la_pd *pd, struct la_pd_fd *f, int flags)
{
    struct la_conn_status status;
    bool has = la_pd_fd_status(pd, f, &status);
    bool good = la_errqueue_sent(&f->errors, (flags & MSG_ZEROCOPY) != 0, has ? &status : NULL);
    la_pd_fds_look(pd); /* it may have left already */
    return good;
}

/* One more control message; false: no room. */
static bool
put(struct msghdr *msg, size_t *used_n, int level, int type, const void *data, size_t n)
{
    if (msg->msg_control == NULL || msg->msg_controllen < *used_n + CMSG_LEN(n)) {
        msg->msg_flags |= MSG_CTRUNC;
        return false;
    }
    struct cmsghdr *cmsg = (struct cmsghdr *)(void *)((uint8_t *)msg->msg_control + *used_n);
    cmsg->cmsg_level = level;
    cmsg->cmsg_type = type;
    cmsg->cmsg_len = CMSG_LEN(n);
    memcpy(CMSG_DATA(cmsg), data, n);
    size_t left_n = msg->msg_controllen - *used_n;
    *used_n += left_n < CMSG_SPACE(n) ? left_n : CMSG_SPACE(n);
    return true;
}

int64_t
la_pd_errors_take(struct la_pd_fd *f, struct msghdr *msg)
{
    struct la_errqueue_entry *entry = la_errqueue_take(&f->errors);
    bool v4 = f->family == AF_INET;
    size_t used_n = 0;
    if (entry == NULL)
        return -EAGAIN;
    struct {
        struct sock_extended_err ee;
        struct sockaddr_in6 offender; /* nobody; its room is that of the family */
    } said = {.ee = entry->ee};
    size_t n = sizeof(said.ee) + (v4 ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6));
    struct timespec at[3] = {
        {.tv_sec = entry->at.ns / LA_NS_PER_S, .tv_nsec = (long)(entry->at.ns % LA_NS_PER_S)}};
    msg->msg_flags = MSG_ERRQUEUE | (entry->cut ? MSG_TRUNC : 0);
    msg->msg_namelen = 0;
    bool fits = !entry->stamped || put(msg, &used_n, SOL_SOCKET, SO_TIMESTAMPING, at, sizeof(at));
    if (fits)
        put(msg, &used_n, v4 ? SOL_IP : SOL_IPV6, v4 ? IP_RECVERR : IPV6_RECVERR, &said, n);
    msg->msg_controllen = used_n;
    free(entry);
    return 0;
}
