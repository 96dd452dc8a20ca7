/* SPDX-License-Identifier: MIT
 *
 * zerocopy.c - MSG_ZEROCOPY, answered as the kernel answers where it had to copy
 */
#include "packetdrill/zerocopy.h"

#include <errno.h>
#include <linux/errqueue.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "packetdrill/fds.h"

bool
la_pd_zerocopy_sent(struct la_pd *pd, struct la_pd_fd *f)
{
    struct la_pd_zerocopy *z = &f->zerocopy;
    struct la_conn_status status;
    struct la_pd_lent *lent = malloc(sizeof(*lent));
    if (lent == NULL)
        return false;
    *lent = (struct la_pd_lent){0};
    if (la_pd_fd_status(pd, f, &status)) /* else it is over already */
        lent->end = status.bytes_acked + status.send_queue_bytes;
    if (z->first == NULL)
        z->last = &z->first;
    *z->last = lent;
    z->last = &lent->next;
    z->next_id++;
    z->lent_n++;
    return true;
}

/* The oldest is done: it joins what waits to be read. */
static void
finish_first(struct la_pd_zerocopy *z)
{
    struct la_pd_lent *lent = z->first;
    uint32_t id = z->next_id - z->lent_n;
    z->first = lent->next;
    z->lent_n--;
    free(lent);
    if (!z->ready)
        z->first_id = id;
    z->last_id = id;
    z->ready = true;
}

bool
la_pd_zerocopy_look(const struct la_pd *pd, struct la_pd_fd *f)
{
    struct la_pd_zerocopy *z = &f->zerocopy;
    struct la_conn_status status;
    if (z->first == NULL)
        return false;
    bool over = !la_pd_fd_status(pd, f, &status) || status.state == LA_TCP_CLOSED;
    bool news = false;
    while (z->first != NULL && (over || z->first->end <= status.bytes_acked)) {
        finish_first(z);
        news = true;
    }
    return news;
}

int64_t
la_pd_zerocopy_take(struct la_pd_fd *f, struct msghdr *msg)
{
    struct la_pd_zerocopy *z = &f->zerocopy;
    bool v4 = f->family == AF_INET;
    if (!z->ready)
        return -EAGAIN;
    struct {
        struct sock_extended_err ee;
        struct sockaddr_in6 offender; /* nobody; its room is that of the family */
    } said = {.ee = {.ee_origin = SO_EE_ORIGIN_ZEROCOPY,
                     .ee_code = SO_EE_CODE_ZEROCOPY_COPIED,
                     .ee_info = z->first_id,
                     .ee_data = z->last_id}};
    size_t n = sizeof(said.ee) + (v4 ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6));
    z->ready = false;
    msg->msg_flags = MSG_ERRQUEUE;
    msg->msg_namelen = 0;
    if (msg->msg_control == NULL || msg->msg_controllen < CMSG_LEN(n)) {
        msg->msg_flags |= MSG_CTRUNC;
        msg->msg_controllen = 0;
        return 0;
    }
    struct cmsghdr *cmsg = CMSG_FIRSTHDR(msg);
    cmsg->cmsg_level = v4 ? SOL_IP : SOL_IPV6;
    cmsg->cmsg_type = v4 ? IP_RECVERR : IPV6_RECVERR;
    cmsg->cmsg_len = CMSG_LEN(n);
    memcpy(CMSG_DATA(cmsg), &said, n);
    if (msg->msg_controllen > CMSG_SPACE(n))
        msg->msg_controllen = CMSG_SPACE(n);
    return 0;
}

void
la_pd_zerocopy_free(struct la_pd_zerocopy *z)
{
    for (struct la_pd_lent *next; z->first != NULL; z->first = next) {
        next = z->first->next;
        free(z->first);
    }
}
