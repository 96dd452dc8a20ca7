/* SPDX-License-Identifier: MIT
 *
 * calls.c - a notified call on one of our sockets, and who serves which
 *
 * A descriptor is recognised by borrowing it (pidfd_getfd) and asking for its cookie, 1.3 us: the
 * handlers need the descriptor anyway. What is not ours the kernel serves itself.
 */
#include "host/calls.h"

#include "host/errors.h"
#include "host/supervisor.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>

bool
la_visit_is_nonblocking(const struct la_visit *v)
{
    return (fcntl(v->fd, F_GETFL) & O_NONBLOCK) != 0;
}

int64_t
la_visit_timeout_ns(const struct la_visit *v, int option)
{
    struct timeval tv = {0};
    socklen_t n = sizeof(tv);
    (void)getsockopt(v->fd, SOL_SOCKET, option, &tv, &n);
    return (int64_t)tv.tv_sec * 1000000000 + (int64_t)tv.tv_usec * 1000;
}

static void
serve(struct la_visit *v)
{
    switch (v->call.nr) {
    case SYS_connect:
        la_syscall_connect(v);
        break;
    case SYS_accept:
    case SYS_accept4:
        la_syscall_accept(v);
        break;
    case SYS_bind:
        la_syscall_bind(v);
        break;
    case SYS_listen:
        la_syscall_listen(v);
        break;
    case SYS_getsockname:
        la_syscall_getsockname(v);
        break;
    case SYS_getpeername:
        la_syscall_getpeername(v);
        break;
    case SYS_getsockopt:
        la_syscall_getsockopt(v);
        break;
    case SYS_setsockopt:
        la_syscall_setsockopt(v);
        break;
    case SYS_shutdown:
        la_syscall_shutdown(v);
        break;
    case SYS_sendto:
    case SYS_sendmsg:
        la_syscall_send(v);
        break;
    case SYS_recvfrom:
    case SYS_recvmsg:
        la_syscall_receive(v);
        break;
    case SYS_sendmmsg:
        la_syscall_sendmmsg(v);
        break;
    case SYS_recvmmsg:
        la_syscall_recvmmsg(v);
        break;
    default:
        la_syscall_continue(&v->call);
        break;
    }
}

/* Borrows, recognises and serves. A failure to borrow is left to the kernel: it says EBADF itself,
 * and a process that may not be watched has no socket of ours (see la_syscall_socket). */
static void
visit(struct la_visit *v)
{
    v->fd = la_process_borrow(&v->run->processes, v->call.tid, la_syscall_fd(&v->call));
    v->ps = v->fd >= 0 ? la_registry_find(&v->run->registry, v->fd) : NULL;
    if (v->ps != NULL)
        v->ps->caller = v->call.tid;
    if (v->ps != NULL)
        serve(v);
    else
        la_syscall_continue(&v->call);
    if (v->fd >= 0)
        (void)close(v->fd);
}

static bool
is_foreign(uint32_t arch)
{
#if defined(__x86_64__)
    return arch != AUDIT_ARCH_X86_64;
#else
    return arch != AUDIT_ARCH_AARCH64;
#endif
}

static void
refuse_foreign(struct la_run *run, const struct la_syscall *call)
{
    char name[16];
    if (!run->foreign_said)
        la_host_say("%s is a 32-bit program, which cannot run on the stack: its socket calls fail",
                    la_process_name(call->tid, name));
    run->foreign_said = true;
    la_syscall_fail(call, ENOSYS);
}

void
la_calls_serve(struct la_run *run)
{
    struct la_visit v = {.run = run, .fd = -1};
    if (!la_notify_receive(run->program.notify_fd, &v.call))
        return;
    if (is_foreign(v.call.arch))
        refuse_foreign(run, &v.call);
    else if (v.call.nr == SYS_socket)
        la_syscall_socket(run, &v.call);
    else
        visit(&v);
}

void
la_calls_resume(struct la_psock *ps, int kind)
{
    struct la_waiter *w;
    while ((w = la_wait_first(ps, (enum la_wait_kind)kind)) != NULL) {
        struct la_visit v = {
            .run = ps->run, .call = w->call, .kept = true, .deadline = w->deadline};
        unsigned before_n = ps->waiting_n;
        la_wait_drop(w);
        visit(&v);
        if (ps->doomed || ps->waiting_n >= before_n)
            return;
    }
}
