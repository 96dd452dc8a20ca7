/* SPDX-License-Identifier: MIT
 *
 * errqueue.c - the error queue of a socket that sends: MSG_ZEROCOPY and SO_TIMESTAMPING
 */
#include "host/errqueue.h"

#include <errno.h>
#include <linux/net_tstamp.h>
#include <stdlib.h>

enum { SENDS_N_MAX = 4096 }; /* that nobody has read about */

struct la_errqueue_send {
    struct la_errqueue_send *next;
    uint64_t end; /* octets of the stream up to its last one */
    uint32_t id;
    bool zerocopy, left;
};

enum {
    STAMPS = SOF_TIMESTAMPING_TX_SCHED | SOF_TIMESTAMPING_TX_SOFTWARE | SOF_TIMESTAMPING_TX_ACK
};

bool
la_errqueue_stamps_set(struct la_errqueue *q, int64_t flags, const struct la_conn_status *status)
{
    if (flags < 0 || (flags & ~(int64_t)SOF_TIMESTAMPING_MASK) != 0)
        return false;
    bool counts = (flags & SOF_TIMESTAMPING_OPT_ID) != 0;
    if (counts && status == NULL)
        return false;
    if (counts && (q->stamps & SOF_TIMESTAMPING_OPT_ID) == 0)
        q->stamps_from = status->bytes_acked;
    q->stamps = (uint32_t)flags;
    return true;
}

static bool
stamps(const struct la_errqueue *q)
{
    return (q->stamps & STAMPS) != 0 && (q->stamps & SOF_TIMESTAMPING_SOFTWARE) != 0;
}

bool
la_errqueue_sent(struct la_errqueue *q, bool zerocopy, const struct la_conn_status *status)
{
    zerocopy = zerocopy && q->zerocopy;
    if (!zerocopy && !stamps(q))
        return true;
    struct la_errqueue_send **at = &q->sends, *send;
    if (q->sends_n == SENDS_N_MAX || (send = calloc(1, sizeof(*send))) == NULL)
        return false;
    while (*at != NULL)
        at = &(*at)->next;
    send->end = status == NULL ? 0 : status->bytes_acked + status->send_queue_bytes;
    send->zerocopy = zerocopy;
    send->id = zerocopy ? q->next_id++ : 0;
    *at = send;
    q->sends_n++;
    return true;
}

static bool
queue(struct la_errqueue *q, const struct la_errqueue_entry *what)
{
    struct la_errqueue_entry **at = &q->entries, *entry = malloc(sizeof(*entry));
    if (entry == NULL)
        return false; /* as in the kernel, where a notification may be lost */
    while (*at != NULL)
        at = &(*at)->next;
    *entry = *what;
    entry->next = NULL;
    *at = entry;
    return true;
}

static bool
stamp(struct la_errqueue *q, const struct la_errqueue_send *send, unsigned flag, unsigned what,
      la_instant now)
{
    bool counts = (q->stamps & SOF_TIMESTAMPING_OPT_ID) != 0;
    if (!stamps(q) || (q->stamps & flag) == 0)
        return false;
    struct la_errqueue_entry entry = {
        .stamped = true, .cut = (q->stamps & SOF_TIMESTAMPING_OPT_TSONLY) == 0, .at = now};
    entry.ee.ee_errno = ENOMSG;
    entry.ee.ee_origin = SO_EE_ORIGIN_TIMESTAMPING;
    entry.ee.ee_info = what;
    entry.ee.ee_data = counts ? (uint32_t)(send->end - 1 - q->stamps_from) : 0;
    return queue(q, &entry);
}

/* Notifications of sends that follow each other become one. */
static bool
tell_copied(struct la_errqueue *q, uint32_t id)
{
    struct la_errqueue_entry *last = q->entries;
    while (last != NULL && last->next != NULL)
        last = last->next;
    if (last != NULL && !last->stamped && last->ee.ee_data + 1 == id) {
        last->ee.ee_data = id;
        return true;
    }
    struct la_errqueue_entry entry = {.stamped = false};
    entry.ee.ee_origin = SO_EE_ORIGIN_ZEROCOPY;
    entry.ee.ee_code = SO_EE_CODE_ZEROCOPY_COPIED;
    entry.ee.ee_info = entry.ee.ee_data = id;
    return queue(q, &entry);
}

bool
la_errqueue_look(struct la_errqueue *q, const struct la_conn_status *status, la_instant now)
{
    bool over = status == NULL || status->state == LA_TCP_CLOSED, news = false;
    uint64_t acked = over ? 0 : status->bytes_acked;
    uint64_t left = over ? 0 : acked + status->send_queue_bytes - status->unsent_bytes;
    for (struct la_errqueue_send *s = q->sends; s != NULL && !over; s = s->next) {
        if (s->left || left < s->end)
            continue;
        s->left = true;
        news |= stamp(q, s, SOF_TIMESTAMPING_TX_SCHED, SCM_TSTAMP_SCHED, now);
        news |= stamp(q, s, SOF_TIMESTAMPING_TX_SOFTWARE, SCM_TSTAMP_SND, now);
    }
    while (q->sends != NULL && (over || q->sends->end <= acked)) {
        struct la_errqueue_send *done = q->sends;
        if (!over)
            news |= stamp(q, done, SOF_TIMESTAMPING_TX_ACK, SCM_TSTAMP_ACK, now);
        if (done->zerocopy)
            news |= tell_copied(q, done->id);
        q->sends = done->next;
        q->sends_n--;
        free(done);
    }
    return news;
}

struct la_errqueue_entry *
la_errqueue_take(struct la_errqueue *q)
{
    struct la_errqueue_entry *first = q->entries;
    if (first != NULL)
        q->entries = first->next;
    return first;
}

void
la_errqueue_fini(struct la_errqueue *q)
{
    for (struct la_errqueue_send *s; (s = q->sends) != NULL; free(s))
        q->sends = s->next;
    for (struct la_errqueue_entry *e; (e = la_errqueue_take(q)) != NULL;)
        free(e);
}
