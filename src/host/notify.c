/* SPDX-License-Identifier: MIT
 *
 * notify.c - one notified system call: receiving and answering
 *
 * Read first: seccomp_unotify(2).
 *
 * ENOENT from any of these means that the caller was interrupted or killed: normal, and nothing is
 * left to do. The filter is installed without SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV: with it a
 * blocked accept or connect would ignore handled signals (Ctrl-C in Python). The price is that the
 * same call may arrive twice, since SA_RESTART makes the kernel repeat it: handlers are idempotent.
 *
 * CONTINUE lets the kernel read memory and descriptor again, so another thread can change either
 * in between. It then gets what it asked for: `run` is not a sandbox.
 */
#include "host/notify.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/seccomp.h>
#include <string.h>
#include <sys/ioctl.h>

/* Not in older headers. */
#define IOCTL_SET_FLAGS SECCOMP_IOW(4, __u64)
enum { FD_SYNC_WAKE_UP = 1 };

void
la_notify_tune(int notify_fd)
{
    (void)ioctl(notify_fd, IOCTL_SET_FLAGS, FD_SYNC_WAKE_UP);
}

bool
la_notify_receive(int notify_fd, struct la_syscall *out)
{
    struct seccomp_notif notif;
    memset(&notif, 0, sizeof(notif)); /* the kernel insists on zeroes */
    if (ioctl(notify_fd, SECCOMP_IOCTL_NOTIF_RECV, &notif) != 0)
        return false;
    out->notify_fd = notify_fd;
    out->id = notif.id;
    out->tid = (pid_t)notif.pid;
    out->arch = notif.data.arch;
    out->nr = notif.data.nr;
    for (int i = 0; i < 6; i++)
        out->args[i] = notif.data.args[i];
    return true;
}

static void
answer(const struct la_syscall *call, int64_t value, int error, uint32_t flags)
{
    struct seccomp_notif_resp resp = {
        .id = call->id, .val = value, .error = -error, .flags = flags};
    (void)ioctl(call->notify_fd, SECCOMP_IOCTL_NOTIF_SEND, &resp);
}

void
la_syscall_return(const struct la_syscall *call, int64_t value)
{
    answer(call, value, 0, 0);
}

void
la_syscall_fail(const struct la_syscall *call, int error)
{
    answer(call, 0, error, 0);
}

void
la_syscall_continue(const struct la_syscall *call)
{
    answer(call, 0, 0, SECCOMP_USER_NOTIF_FLAG_CONTINUE);
}

bool
la_syscall_is_alive(const struct la_syscall *call)
{
    uint64_t id = call->id;
    return ioctl(call->notify_fd, SECCOMP_IOCTL_NOTIF_ID_VALID, &id) == 0;
}

static int
add_fd(const struct la_syscall *call, struct seccomp_notif_addfd *add, bool cloexec)
{
    add->id = call->id;
    add->newfd_flags = cloexec ? O_CLOEXEC : 0;
    return ioctl(call->notify_fd, SECCOMP_IOCTL_NOTIF_ADDFD, add) < 0 ? errno : 0;
}

int
la_syscall_give_fd(const struct la_syscall *call, int fd, bool cloexec)
{
    struct seccomp_notif_addfd add = {.flags = SECCOMP_ADDFD_FLAG_SEND, .srcfd = (uint32_t)fd};
    return add_fd(call, &add, cloexec);
}

int
la_syscall_replace_fd(const struct la_syscall *call, int fd, int number, bool cloexec)
{
    struct seccomp_notif_addfd add = {
        .flags = SECCOMP_ADDFD_FLAG_SETFD, .srcfd = (uint32_t)fd, .newfd = (uint32_t)number};
    return add_fd(call, &add, cloexec);
}
