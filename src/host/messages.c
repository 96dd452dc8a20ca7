/* SPDX-License-Identifier: MIT
 *
 * messages.c - send and receive calls that carry an address, and all of them on datagram sockets
 *
 * Read first: send(2), recv(2); docs/theory/run.md on datagrams.
 *
 * On a stream a message without address is the kernel's business (CONTINUE). With one, TCP ignores
 * the address where a unix socket would refuse it or write its own name, so the octets are passed
 * through here. A single-threaded supervisor copies each header once and believes its copy.
 */
#include "host/messages.h"

#include "host/calls.h"
#include "host/connect.h"
#include "host/datagram.h"
#include "host/errors.h"
#include "host/names.h"
#include "host/packet_info.h"
#include "host/supervisor.h"

#include <errno.h>
#include <limits.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>

enum { VECTOR_N_MAX = 1024 }; /* UIO_MAXIOV bounds sendmmsg(), too */

/* ---- reading the call ---------------------------------------------------------------------- */

/* sendto() and recvfrom(). */
static void
of_plain(const struct la_syscall *call, struct la_message *out)
{
    out->pieces[0] = (struct iovec){(void *)(uintptr_t)call->args[1], call->args[2]};
    out->pieces_n = 1;
    out->room_n = call->args[2];
    out->flags = (int)(uint32_t)call->args[3];
    out->name = call->args[4];
    out->name_len = call->args[5]; /* recvfrom: the address of the length */
    out->len_addr = call->args[5];
    out->hdr = 0;
    out->control = 0;
    out->control_n = 0;
}

/* The struct msghdr at `hdr`. 0, EFAULT, EMSGSIZE (too many pieces), EINVAL. */
static int
of_hdr(const struct la_syscall *call, uint64_t hdr, int flags, struct la_message *out)
{
    struct msghdr h;
    int error = la_process_read(call->tid, hdr, &h, sizeof(h));
    if (error != 0)
        return error;
    if (h.msg_iovlen > LA_MESSAGE_PIECES_N)
        return EMSGSIZE;
    error = la_process_read(call->tid, (uint64_t)(uintptr_t)h.msg_iov, out->pieces,
                            h.msg_iovlen * sizeof(out->pieces[0]));
    if (error != 0)
        return error;
    out->pieces_n = h.msg_iovlen;
    out->room_n = 0;
    for (size_t i = 0; i < out->pieces_n; i++) {
        if (__builtin_add_overflow(out->room_n, out->pieces[i].iov_len, &out->room_n) ||
            out->room_n > SSIZE_MAX)
            return EINVAL;
    }
    out->name = (uint64_t)(uintptr_t)h.msg_name;
    out->name_len = h.msg_namelen;
    out->len_addr = 0;
    out->hdr = hdr;
    out->control = (uint64_t)(uintptr_t)h.msg_control;
    out->control_n = out->control != 0 ? h.msg_controllen : 0;
    out->flags = flags;
    return 0;
}

/* Copies the octets to be sent; the result's length, or a negative errno value. */
static ssize_t
gather(const struct la_syscall *call, const struct la_message *m, void *buf, size_t cap)
{
    size_t want_n = m->room_n < cap ? m->room_n : cap;
    struct iovec here = {buf, want_n};
    if (want_n == 0)
        return 0;
    ssize_t n = process_vm_readv(call->tid, &here, 1, m->pieces, m->pieces_n, 0);
    return n == (ssize_t)want_n ? n : -EFAULT;
}

/* Copies received octets out, as many as fit. 0 or EFAULT. */
static int
scatter(const struct la_syscall *call, const struct la_message *m, const void *buf, size_t n)
{
    size_t want_n = m->room_n < n ? m->room_n : n;
    struct iovec here = {(void *)(uintptr_t)buf, want_n};
    if (want_n == 0)
        return 0;
    ssize_t got = process_vm_writev(call->tid, &here, 1, m->pieces, m->pieces_n, 0);
    return got == (ssize_t)want_n ? 0 : EFAULT;
}

static int
message_of(const struct la_syscall *call, struct la_message *m)
{
    if (call->nr == SYS_sendmsg || call->nr == SYS_recvmsg)
        return of_hdr(call, call->args[1], (int)(uint32_t)call->args[2], m);
    of_plain(call, m);
    return 0;
}

/* ---- writing results ----------------------------------------------------------------------- */

/* Puts a 32-bit or word-sized member of the program's struct msghdr. */
static int
put_hdr(const struct la_syscall *call, uint64_t hdr, size_t off, const void *value, size_t n)
{
    return la_process_write(call->tid, hdr + off, value, n);
}

/* The address (NULL: none, length 0), the flags, and ancillary data. */
static int
put_results(const struct la_visit *v, const struct la_message *m, const struct la_endpoint *from,
            int out_flags)
{
    struct sockaddr_storage sa;
    const struct la_syscall *call = &v->call;
    uint32_t true_n = from != NULL ? la_name_encode(v->ps->family, from, &sa) : 0;
    if (m->hdr == 0) {
        uint32_t none = 0;
        if (m->name == 0)
            return 0;
        return from != NULL ? la_name_write(call, m->name, m->len_addr, v->ps->family, from)
                            : la_process_write(call->tid, m->len_addr, &none, sizeof(none));
    }
    size_t control_n = from != NULL ? la_packet_info_put(v->ps, call, m, from, &out_flags) : 0;
    size_t n = true_n < m->name_len ? true_n : m->name_len;
    int error = m->name != 0 ? la_process_write(call->tid, m->name, &sa, n) : 0;
    if (error == 0 && m->name != 0)
        error =
            put_hdr(call, m->hdr, offsetof(struct msghdr, msg_namelen), &true_n, sizeof(true_n));
    if (error == 0)
        error = put_hdr(call, m->hdr, offsetof(struct msghdr, msg_controllen), &control_n,
                        sizeof(control_n));
    if (error == 0)
        error = put_hdr(call, m->hdr, offsetof(struct msghdr, msg_flags), &out_flags,
                        sizeof(out_flags));
    return error;
}

/* ---- streams ------------------------------------------------------------------------------- */

static bool
may_block(const struct la_visit *v, const struct la_message *m)
{
    return (m->flags & MSG_DONTWAIT) == 0 && !la_visit_is_nonblocking(v);
}

/* MSG_FASTOPEN before there is a connection: on a fresh socket it opens one, on one that is being
 * opened it waits, as one that was interrupted does. False: it is a send like others. */
static bool
send_fast(struct la_visit *v, const struct la_message *m, struct la_bytes bytes)
{
    struct la_name to;
    if (v->ps->state == LA_PSOCK_CONNECTING) {
        if (may_block(v, m))
            la_wait_keep(v, LA_WAIT_SEND, la_visit_timeout_ns(v, SO_SNDTIMEO));
        else
            la_syscall_fail(&v->call, EALREADY);
        return true;
    }
    if (v->ps->state != LA_PSOCK_FRESH)
        return false;
    int error = la_name_read(&v->call, m->name, m->name_len, v->ps->family, &to);
    if (error == 0 && to.unspec)
        error = EOPNOTSUPP;
    if (error != 0)
        la_syscall_fail(&v->call, error);
    else if (la_syscall_is_alive(&v->call))
        la_connect_send(v, &to.endpoint, bytes, may_block(v, m));
    return true;
}

static void
stream_send(struct la_visit *v, const struct la_message *m)
{
    ssize_t n = gather(&v->call, m, v->run->scratch, LA_RUN_SCRATCH_BYTES);
    if (n < 0) {
        la_syscall_fail(&v->call, EFAULT);
        return;
    }
    bool fast = (m->flags & MSG_FASTOPEN) != 0;
    if (fast && send_fast(v, m, (struct la_bytes){v->run->scratch, (size_t)n}))
        return;
    if (v->ps->state != LA_PSOCK_ESTABLISHED) {
        la_syscall_fail(&v->call, v->ps->error != 0 ? v->ps->error : EPIPE);
        return;
    }
    if (!la_syscall_is_alive(&v->call))
        return;
    size_t before_n = fast && v->kept ? v->ps->near.syn_taken_n : 0; /* went with the SYN */
    v->ps->near.syn_taken_n = 0;
    ssize_t sent = before_n == (size_t)n && n > 0
                       ? 0
                       : send(v->fd, v->run->scratch + before_n, (size_t)n - before_n,
                              MSG_DONTWAIT | MSG_NOSIGNAL | (m->flags & MSG_OOB));
    if (sent >= 0 || before_n > 0)
        la_syscall_return(&v->call, (int64_t)before_n + (sent > 0 ? sent : 0));
    else if (errno == EAGAIN && may_block(v, m))
        la_wait_keep(v, LA_WAIT_SEND, la_visit_timeout_ns(v, SO_SNDTIMEO));
    else
        la_syscall_fail(&v->call, errno);
}

static void
stream_receive(struct la_visit *v, const struct la_message *m)
{
    size_t cap = m->room_n < LA_RUN_SCRATCH_BYTES ? m->room_n : LA_RUN_SCRATCH_BYTES;
    if (v->ps->state != LA_PSOCK_ESTABLISHED && v->ps->state != LA_PSOCK_SPENT) {
        la_syscall_fail(&v->call, ENOTCONN);
        return;
    }
    if (!la_syscall_is_alive(&v->call))
        return;
    ssize_t n = recv(v->fd, v->run->scratch, cap, MSG_DONTWAIT | (m->flags & (MSG_PEEK | MSG_OOB)));
    if (n < 0 && errno == EAGAIN && may_block(v, m) && (m->flags & MSG_OOB) == 0) {
        la_wait_keep(v, LA_WAIT_RECEIVE, la_visit_timeout_ns(v, SO_RCVTIMEO));
        return;
    }
    int error = n < 0 ? errno : scatter(&v->call, m, v->run->scratch, (size_t)n);
    if (error == 0)
        error = put_results(v, m, NULL, 0);
    if (error == 0)
        la_syscall_return(&v->call, n);
    else
        la_syscall_fail(&v->call, error);
}

/* ---- datagrams ----------------------------------------------------------------------------- */

/* The length sent, or a negative errno value. */
static ssize_t
datagram_send(const struct la_visit *v, const struct la_message *m)
{
    struct la_name to;
    if (m->name != 0) {
        int error = la_name_read(&v->call, m->name, m->name_len, v->ps->family, &to);
        if (error != 0)
            return -error;
    }
    if (m->room_n > LA_DATAGRAM_BYTES_MAX)
        return -EMSGSIZE;
    ssize_t n = gather(&v->call, m, v->run->scratch, LA_RUN_SCRATCH_BYTES);
    if (n < 0)
        return n;
    if (!la_syscall_is_alive(&v->call))
        return -ENOENT;
    struct la_bytes bytes = {v->run->scratch, (size_t)n};
    bool addressed = m->name != 0 && !to.unspec;
    int error = la_datagram_send(v->ps, addressed ? &to.endpoint : NULL, bytes);
    return error != 0 ? -error : n;
}

/* The length that recv() returns, or a negative errno value; -EAGAIN: nothing there. */
static ssize_t
datagram_receive(const struct la_visit *v, const struct la_message *m)
{
    if ((m->flags & MSG_ERRQUEUE) != 0)
        return -EAGAIN;
    if (!la_syscall_is_alive(&v->call))
        return -ENOENT;
    struct la_endpoint from;
    ssize_t n = la_datagram_receive(v->ps, v->fd, (m->flags & MSG_PEEK) != 0, &from);
    if (n < 0)
        return n;
    int error = scatter(&v->call, m, v->run->scratch, (size_t)n);
    int out_flags = (size_t)n > m->room_n ? MSG_TRUNC : 0;
    if (error == 0)
        error = put_results(v, m, &from, out_flags);
    if (error != 0)
        return -error;
    return (size_t)n > m->room_n && (m->flags & MSG_TRUNC) == 0 ? (ssize_t)m->room_n : n;
}

static void
answer_length(const struct la_visit *v, ssize_t n)
{
    if (n >= 0)
        la_syscall_return(&v->call, n);
    else
        la_syscall_fail(&v->call, (int)-n);
}

/* ---- the calls ----------------------------------------------------------------------------- */

void
la_syscall_send(struct la_visit *v)
{
    struct la_message m;
    int error = message_of(&v->call, &m);
    if (error != 0)
        la_syscall_fail(&v->call, error);
    else if (v->ps->datagram)
        answer_length(v, datagram_send(v, &m));
    else if (m.name == 0)
        la_syscall_continue(&v->call);
    else
        stream_send(v, &m);
}

void
la_syscall_receive(struct la_visit *v)
{
    struct la_message m;
    int error = message_of(&v->call, &m);
    if (error != 0) {
        la_syscall_fail(&v->call, error);
        return;
    }
    if (!v->ps->datagram) {
        if (m.name == 0)
            la_syscall_continue(&v->call);
        else
            stream_receive(v, &m);
        return;
    }
    ssize_t n = datagram_receive(v, &m);
    if (n == -EAGAIN && may_block(v, &m) && (m.flags & MSG_ERRQUEUE) == 0)
        la_wait_keep(v, LA_WAIT_RECEIVE, la_visit_timeout_ns(v, SO_RCVTIMEO));
    else
        answer_length(v, n);
}

static uint64_t
vector_at(const struct la_syscall *call, unsigned idx)
{
    return call->args[1] + (uint64_t)idx * sizeof(struct mmsghdr);
}

static int
put_vector_length(const struct la_syscall *call, unsigned idx, ssize_t n)
{
    unsigned len = (unsigned)n;
    return la_process_write(call->tid, vector_at(call, idx) + offsetof(struct mmsghdr, msg_len),
                            &len, sizeof(len));
}

typedef ssize_t one_fn(const struct la_visit *, const struct la_message *);

/* Serves messages one by one until one fails; how many were served, or a negative errno value when
 * it is the first. */
static int
each(const struct la_visit *v, one_fn *one, int *flags_out)
{
    struct la_message m;
    unsigned n = (unsigned)v->call.args[2];
    int flags = (int)(uint32_t)v->call.args[3];
    *flags_out = flags;
    if (n > VECTOR_N_MAX)
        n = VECTOR_N_MAX;
    for (unsigned i = 0; i < n; i++) {
        int error = of_hdr(&v->call, vector_at(&v->call, i), flags, &m);
        ssize_t len = error != 0 ? -error : one(v, &m);
        if (len >= 0 && put_vector_length(&v->call, i, len) != 0)
            len = -EFAULT;
        if (len < 0)
            return i > 0 ? (int)i : (int)len;
    }
    return (int)n;
}

void
la_syscall_sendmmsg(struct la_visit *v)
{
    int flags;
    if (v->ps->datagram)
        answer_length(v, each(v, datagram_send, &flags));
    else
        la_syscall_continue(&v->call);
}

void
la_syscall_recvmmsg(struct la_visit *v)
{
    int flags;
    if (!v->ps->datagram) {
        la_syscall_continue(&v->call);
        return;
    }
    /* As with MSG_WAITFORONE: what is there now, or else the first that comes. */
    int n = each(v, datagram_receive, &flags);
    if (n == -EAGAIN && (flags & MSG_DONTWAIT) == 0 && !la_visit_is_nonblocking(v))
        la_wait_keep(v, LA_WAIT_RECEIVE, la_visit_timeout_ns(v, SO_RCVTIMEO));
    else
        answer_length(v, n);
}
