/* SPDX-License-Identifier: MIT
 *
 * errqueue.h - the error queue of a socket that sends: MSG_ZEROCOPY and SO_TIMESTAMPING
 *
 * Read first: networking/msg_zerocopy and networking/timestamping of Linux's documentation. Text is
 * copied here, always, and each notification of MSG_ZEROCOPY says so; it comes when the text was
 * acknowledged. A timestamp is that of the last octet of a write: when it first left, and when it
 * was acknowledged. Both follow from what a connection has sent and has had acknowledged, which
 * whoever has the sockets tells.
 */
#ifndef LA_HOST_ERRQUEUE_H
#define LA_HOST_ERRQUEUE_H

#include <lastack/stack.h>
#include <time.h>
#include <linux/errqueue.h>

/* What waits to be read. */
struct la_errqueue_entry {
    struct la_errqueue_entry *next;
    struct sock_extended_err ee;
    bool stamped; /* SO_TIMESTAMPING: it happened then, */
    bool cut;     /* and the text comes with it, for which nobody has room */
    la_instant at;
};

/* Of a socket; zeroed: everything is off. */
struct la_errqueue {
    bool zerocopy;         /* SO_ZEROCOPY */
    uint32_t stamps;       /* SO_TIMESTAMPING */
    uint64_t stamps_from;  /* the octet that SOF_TIMESTAMPING_OPT_ID counts from */
    uint32_t next_id;      /* of sends with MSG_ZEROCOPY */
    struct la_errqueue_send *sends; /* under way, in order */
    uint32_t sends_n;
    struct la_errqueue_entry *entries;
};

/* SO_TIMESTAMPING was set. False: it cannot be so. */
bool la_errqueue_stamps_set(struct la_errqueue *q, int64_t flags,
                            const struct la_conn_status *status);
/* A send was taken, with MSG_ZEROCOPY or without; NULL: there is no connection any more. False: no
 * memory to remember it. */
bool la_errqueue_sent(struct la_errqueue *q, bool zerocopy, const struct la_conn_status *status);
/* Looks at what has happened since. True: there is something new to be read. */
bool la_errqueue_look(struct la_errqueue *q, const struct la_conn_status *status, la_instant now);
/* The oldest, which the caller frees; NULL: there is none. */
struct la_errqueue_entry *la_errqueue_take(struct la_errqueue *q);
void la_errqueue_fini(struct la_errqueue *q);

#endif
