/* SPDX-License-Identifier: MIT
 *
 * control.c - what comes beside the octets of recvmsg(): flags, and control messages
 *
 * Read first: cmsg(3), tcp(7) on TCP_INQ, host/errqueue.h.
 */
#include "drill/calls.h"

#include <limits.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/time.h"

enum { MESSAGES_N_MAX = 2 };

struct message {
    int level, type;
    int64_t number;                        /* of one that holds an int, */
    const struct la_errqueue_entry *entry; /* or that tells of the error queue */
};

/* One field of a struct that the script may have left out. */
static bool
same_field(struct la_drill_doing *d, const struct la_drill_value *of, const char *name,
           int64_t came)
{
    const struct la_drill_value *value = NULL;
    for (const struct la_drill_value *v = of->first; v != NULL; v = v->next)
        if (v->field != NULL && strcmp(v->field, name) == 0)
            value = v;
    if (value == NULL || value->kind == LA_DRILL_ELLIPSIS)
        return true;
    if (value->kind != LA_DRILL_INT)
        return la_drill_fail(d->run, "%s needs a number", name);
    return la_drill_same(d, name, value, value->number, came);
}

static bool
same_error(struct la_drill_doing *d, const struct la_drill_value *data,
           const struct sock_extended_err *ee)
{
    return same_field(d, data, "ee_errno", ee->ee_errno) &&
           same_field(d, data, "ee_origin", ee->ee_origin) &&
           same_field(d, data, "ee_type", ee->ee_type) &&
           same_field(d, data, "ee_code", ee->ee_code) &&
           same_field(d, data, "ee_info", ee->ee_info) &&
           same_field(d, data, "ee_data", ee->ee_data);
}

/* {scm_sec=0, scm_nsec=10000000}, since the script began; 0: any time. */
static bool
same_time(struct la_drill_doing *d, const struct la_drill_value *data, la_instant at)
{
    const struct la_drill_value *s = la_drill_field(data, "scm_sec", 0);
    const struct la_drill_value *ns = la_drill_field(data, "scm_nsec", 1);
    if (s == NULL || ns == NULL || s->kind != LA_DRILL_INT || ns->kind != LA_DRILL_INT)
        return la_drill_fail(d->run, "a timestamp needs {scm_sec=0, scm_nsec=10000000}");
    int64_t came_us = d->run->now_us - la_instant_diff_us(la_drill_now(d->run), at);
    int64_t us = s->number * 1000000 + ns->number / 1000, off_us = came_us - us;
    int64_t tolerance_us = d->run->script->cfg.tolerance_us;
    if (us == 0 || (off_us <= tolerance_us && off_us >= -tolerance_us))
        return true;
    return la_drill_same(d, "the timestamp, in us,", NULL, us, came_us);
}

static bool
same_message(struct la_drill_doing *d, const struct la_drill_value *value,
             const struct message *came)
{
    if (value->kind != LA_DRILL_STRUCT)
        return la_drill_fail(d->run,
                             "msg_control needs [{cmsg_level=…, cmsg_type=…, cmsg_data=…}]");
    if (!same_field(d, value, "cmsg_level", came->level) ||
        !same_field(d, value, "cmsg_type", came->type))
        return false;
    const struct la_drill_value *data = la_drill_field(value, "cmsg_data", 2);
    if (data == NULL || data->kind == LA_DRILL_ELLIPSIS)
        return true;
    if (came->entry == NULL)
        return same_field(d, value, "cmsg_data", came->number);
    if (data->kind != LA_DRILL_STRUCT)
        return la_drill_fail(d->run, "this control message holds a struct: cmsg_data={ee_errno=…}");
    return came->level == SOL_SOCKET ? same_time(d, data, came->entry->at)
                                     : same_error(d, data, &came->entry->ee);
}

/* What the line says of flags and control messages, against what came. */
static bool
same(struct la_drill_doing *d, int64_t flags, const struct message *messages, uint32_t n)
{
    const struct la_drill_value *message = la_drill_arg(d, 1);
    if (!same_field(d, message, "msg_flags", flags))
        return false;
    const struct la_drill_value *control = la_drill_field(message, "msg_control", UINT_MAX);
    if (control == NULL || control->kind != LA_DRILL_LIST)
        return true;
    if (!la_drill_same(d, "the count of control messages", NULL, control->count, n))
        return false;
    const struct la_drill_value *value = control->first;
    for (uint32_t i = 0; i < n; i++, value = value->next)
        if (!same_message(d, value, &messages[i]))
            return false;
    return true;
}

bool
la_drill_call_read_errors(struct la_drill_doing *d)
{
    struct la_errqueue_entry *entry = la_errqueue_take(&d->fd->errors);
    struct message messages[MESSAGES_N_MAX];
    uint32_t n = 0;
    if (entry == NULL) {
        *d->answer = (struct la_drill_answer){.value = -1, .error = "EAGAIN"};
        return true;
    }
    *d->answer = (struct la_drill_answer){.value = 0};
    if (entry->stamped)
        messages[n++] = (struct message){SOL_SOCKET, SO_TIMESTAMPING, 0, entry};
    messages[n++] = (struct message){d->fd->v6 ? SOL_IPV6 : SOL_IP,
                                     d->fd->v6 ? IPV6_RECVERR : IP_RECVERR, 0, entry};
    bool good = same(d, MSG_ERRQUEUE | (entry->cut ? MSG_TRUNC : 0), messages, n);
    free(entry);
    return good;
}

/* TCP_INQ: how much is left to be read; 1 when that is the end of the stream. */
bool
la_drill_call_read_beside(struct la_drill_doing *d)
{
    struct la_conn_status s;
    struct message left = {SOL_TCP, TCP_CM_INQ, 0, NULL};
    la_handle conn = la_sock_conn(d->run->socks, d->fd->sock);
    bool tells =
        d->fd->tells_queue && conn != 0 && la_conn_status(d->run->stack, conn, &s) == LA_OK;
    if (tells)
        left.number = s.receive_queue_bytes == 0 && (s.ready & LA_READY_END) != 0
                          ? 1
                          : (int64_t)s.receive_queue_bytes;
    return same(d, 0, &left, tells);
}
