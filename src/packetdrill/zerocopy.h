/* SPDX-License-Identifier: MIT
 *
 * zerocopy.h - MSG_ZEROCOPY, answered as the kernel answers where it had to copy
 *
 * Read first: Documentation/networking/msg_zerocopy.rst of Linux. Text is copied here, always, and
 * each notification says so (SO_EE_CODE_ZEROCOPY_COPIED). They come when the text was acknowledged.
 */
#ifndef LA_PACKETDRILL_ZEROCOPY_H
#define LA_PACKETDRILL_ZEROCOPY_H

#include <sys/socket.h>
#include "packetdrill/pd.h"

/* A send under way: what the connection will have had acknowledged when all of it is. */
struct la_pd_lent {
    struct la_pd_lent *next;
    uint64_t end;
};

/* Of a socket; zeroed: SO_ZEROCOPY is off. */
struct la_pd_zerocopy {
    bool on;
    uint32_t next_id;
    struct la_pd_lent *first, **last; /* those not acknowledged; their numbers end before next_id */
    uint32_t lent_n;
    bool ready;         /* first_id to last_id wait to be read */
    uint32_t first_id, last_id;
};

/* A send with MSG_ZEROCOPY was taken. False: no memory to remember it. */
bool la_pd_zerocopy_sent(struct la_pd *pd, struct la_pd_fd *f);
/* Looks at what was acknowledged; true: there is something new to be read. */
bool la_pd_zerocopy_look(const struct la_pd *pd, struct la_pd_fd *f);
/* MSG_ERRQUEUE: 0 and the notification in msg, or -EAGAIN. */
int64_t la_pd_zerocopy_take(struct la_pd_fd *f, struct msghdr *msg);
void la_pd_zerocopy_free(struct la_pd_zerocopy *z);

#endif
