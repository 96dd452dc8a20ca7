/* SPDX-License-Identifier: MIT
 *
 * launch.c - starts the program under the filter
 *
 * Read first: seccomp(2), seccomp_unotify(2), pidfd_getfd(2), prctl(2) on PR_SET_CHILD_SUBREAPER.
 *
 *     child                                   parent
 *     install the filter
 *     write its listener's number  ------->   pidfd_getfd() it, read a word of the child's memory
 *     wait                         <-------   go
 *     socket(AF_INET)  = = = notified = = >   answer it with a descriptor (ADDFD_FLAG_SEND)
 *     execvp, or write errno       ------->   end of file: the program runs
 *
 * The listener may not be *sent* over a unix socket: sendmsg() may be notified, and would wait for
 * the supervisor that waits for it. A number and pidfd_getfd() need no notified call. The listener
 * is close-on-exec by itself.
 *
 * Facilities are probed by using them, never by the kernel's version: containers refuse single
 * calls.
 */
#include "host/launch.h"

#include "host/errors.h"
#include "host/filter.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

enum step { STEP_FILTER, STEP_SOCKET, STEP_EXEC };

/* What the child writes: the step, and its result (negative: an errno value). */
struct report {
    int32_t step;
    int32_t value;
};

/* What the child gives back before it executes the program. */
static struct {
    sigset_t mask;
    struct sigaction sigpipe;
    struct rlimit nofile;
} original;

/* Read from the child's memory: it has the value at the same address, being a fork of us. */
static uint64_t memory_probe;

int
la_launch_prepare(int *signal_fd)
{
    struct sigaction ignore = {.sa_handler = SIG_IGN};
    (void)sigaction(SIGPIPE, &ignore, &original.sigpipe);

    sigset_t set;
    sigemptyset(&set);
    static const int wanted[] = {SIGCHLD, SIGINT, SIGTERM, SIGHUP, SIGQUIT};
    for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++)
        sigaddset(&set, wanted[i]);
    if (sigprocmask(SIG_BLOCK, &set, &original.mask) != 0)
        return errno;
    *signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    if (*signal_fd < 0)
        return errno;

    if (getrlimit(RLIMIT_NOFILE, &original.nofile) == 0) {
        struct rlimit all = {original.nofile.rlim_max, original.nofile.rlim_max};
        (void)setrlimit(RLIMIT_NOFILE, &all);
    }
    /* Daemons stay our descendants, as waiting for all needs, and Yama's ptrace_scope 1. */
    return prctl(PR_SET_CHILD_SUBREAPER, 1) != 0 ? errno : 0;
}

static void
report(int fd, enum step step, int value)
{
    struct report r = {(int32_t)step, value};
    if (write(fd, &r, sizeof(r)) != (ssize_t)sizeof(r))
        _exit(LA_EXIT_OURS);
}

/* The filter's listener, or a negative errno value. Privileges are given up (setuid programs then
 * run without theirs) only where the kernel asks for it: not with CAP_SYS_ADMIN. */
static int
install_filter(const struct la_filter *filter)
{
    struct sock_fprog prog = {filter->n, (struct sock_filter *)(uintptr_t)filter->ins};
    long fd =
        syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER, &prog);
    if (fd < 0 && errno == EACCES) {
        if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
            return -errno;
        fd = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER, &prog);
    }
    return fd < 0 ? -errno : (int)fd;
}

__attribute__((noreturn)) static void
child(char *const *argv, const struct la_filter *filter, int up, int go)
{
    (void)sigaction(SIGPIPE, &original.sigpipe, NULL);
    (void)setrlimit(RLIMIT_NOFILE, &original.nofile);

    report(up, STEP_FILTER, install_filter(filter));
    char byte;
    if (read(go, &byte, 1) != 1)
        _exit(LA_EXIT_OURS);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    report(up, STEP_SOCKET, fd < 0 ? -errno : fd);
    if (fd >= 0)
        (void)close(fd);

    (void)sigprocmask(SIG_SETMASK, &original.mask, NULL);
    (void)execvp(argv[0], argv);
    report(up, STEP_EXEC, -errno);
    _exit(LA_EXIT_OURS);
}

static int
explain_seccomp(int error)
{
    switch (error) {
    case EBUSY:
        la_host_say("already running under a supervisor (seccomp: %s): the kernel allows one, so "
                    "run the command outside of it",
                    strerror(error));
        break;
    case EPERM:
    case EACCES:
        la_host_say("the system call seccomp() is refused here (%s): allow it, in a container for "
                    "example with --security-opt seccomp=unconfined",
                    strerror(error));
        break;
    default:
        la_host_say("no seccomp user notification on this kernel (seccomp: %s): Linux 5.14 or "
                    "later is needed",
                    strerror(error));
        break;
    }
    return LA_EXIT_OURS;
}

static int
explain_call(const char *call, int error)
{
    la_host_say("the system call %s is refused here (%s): Linux 5.14 or later is needed, and a "
                "container or Yama setting that permits tracing one's own children "
                "(--cap-add SYS_PTRACE, or kernel.yama.ptrace_scope below 2)",
                call, strerror(error));
    return LA_EXIT_OURS;
}

static int
take_listener(struct la_launch *l, int number)
{
    int pidfd = (int)syscall(SYS_pidfd_open, l->pid, 0);
    if (pidfd < 0)
        return explain_call("pidfd_open()", errno);
    l->notify_fd = (int)syscall(SYS_pidfd_getfd, pidfd, number, 0);
    int error = errno;
    (void)close(pidfd);
    return l->notify_fd < 0 ? explain_call("pidfd_getfd()", error) : 0;
}

static int
probe_memory(pid_t pid)
{
    uint64_t seen = 0;
    struct iovec here = {&seen, sizeof(seen)};
    struct iovec there = {&memory_probe, sizeof(memory_probe)};
    ssize_t n = process_vm_readv(pid, &here, 1, &there, 1, 0);
    if (n != (ssize_t)sizeof(seen))
        return explain_call("process_vm_readv()", n < 0 ? errno : EFAULT);
    return seen == memory_probe ? 0 : explain_call("process_vm_readv()", EFAULT);
}

/* The child calls socket() and gets `fd`: descriptor passing with ADDFD_FLAG_SEND works. */
static int
probe_notification(int notify_fd, int fd)
{
    struct pollfd p = {.fd = notify_fd, .events = POLLIN};
    struct seccomp_notif notif = {0};
    if (poll(&p, 1, 5000) != 1 || ioctl(notify_fd, SECCOMP_IOCTL_NOTIF_RECV, &notif) != 0)
        return explain_seccomp(ENOSYS);
    struct seccomp_notif_addfd add = {
        .id = notif.id,
        .flags = SECCOMP_ADDFD_FLAG_SEND,
        .srcfd = (uint32_t)fd,
        .newfd_flags = O_CLOEXEC,
    };
    if (ioctl(notify_fd, SECCOMP_IOCTL_NOTIF_ADDFD, &add) < 0) {
        int error = errno;
        struct seccomp_notif_resp resp = {.id = notif.id, .error = -error};
        (void)ioctl(notify_fd, SECCOMP_IOCTL_NOTIF_SEND, &resp);
        return explain_call("ioctl(SECCOMP_IOCTL_NOTIF_ADDFD)", error);
    }
    return 0;
}

static bool
read_report(int up, struct report *r)
{
    ssize_t n;
    do
        n = read(up, r, sizeof(*r));
    while (n < 0 && errno == EINTR);
    return n == (ssize_t)sizeof(*r);
}

static int
explain_exec(const char *program, int error)
{
    if (error == ENOENT) {
        la_host_say("%s: no such program: check the name, or give its path", program);
        return LA_EXIT_NOT_FOUND;
    }
    la_host_say("%s cannot be executed: %s", program, strerror(error));
    return LA_EXIT_NOT_EXECUTABLE;
}

/* The file that execvp() would take; false: none. */
static bool
find_program(const char *name, struct stat *st)
{
    const char *dirs = getenv("PATH");
    char path[PATH_MAX];
    if (strchr(name, '/') != NULL || dirs == NULL)
        return stat(name, st) == 0;
    for (const char *dir = dirs; *dir != '\0';) {
        size_t n = strcspn(dir, ":");
        int len = snprintf(path, sizeof(path), "%.*s/%s", (int)n, dir, name);
        if (len > 0 && (size_t)len < sizeof(path) && stat(path, st) == 0 && S_ISREG(st->st_mode))
            return true;
        dir += n + (dir[n] == ':');
    }
    return false;
}

/* Without privilege the filter needs no_new_privs, and such a program fails in its own words. */
static void
warn_of_setuid(const char *name)
{
    struct stat st;
    if (geteuid() != 0 && find_program(name, &st) && (st.st_mode & (S_ISUID | S_ISGID)) != 0)
        la_host_say("%s is setuid: it runs without that privilege here, unless lastack is run as "
                    "root",
                    name);
}

static int
handshake(struct la_launch *l, const char *program, int up, int go)
{
    struct report r;
    if (!read_report(up, &r))
        return explain_call("pipe()", EIO);
    if (r.value < 0)
        return explain_seccomp(-r.value);
    int code = take_listener(l, r.value);
    if (code == 0)
        code = probe_memory(l->pid);
    if (code != 0)
        return code;
    if (write(go, "", 1) != 1)
        return explain_call("pipe()", errno);
    code = probe_notification(l->notify_fd, go);
    if (code != 0)
        return code;
    if (!read_report(up, &r) || r.value < 0)
        return explain_call("ioctl(SECCOMP_IOCTL_NOTIF_ADDFD)", EIO);
    return read_report(up, &r) ? explain_exec(program, -r.value) : 0;
}

int
la_launch(char *const *argv, bool udp, struct la_launch *out)
{
    struct la_filter filter;
    la_filter_build(&filter, udp);
    *out = (struct la_launch){.pid = -1, .notify_fd = -1};
    warn_of_setuid(argv[0]);
    memory_probe = (uint64_t)getpid() << 32 | UINT32_C(0x1a57acc5);

    int up[2], go[2];
    if (pipe2(up, O_CLOEXEC) != 0)
        return explain_call("pipe2()", errno);
    if (pipe2(go, O_CLOEXEC) != 0) {
        (void)close(up[0]);
        (void)close(up[1]);
        return explain_call("pipe2()", errno);
    }
    out->pid = fork();
    if (out->pid == 0)
        child(argv, &filter, up[1], go[0]);
    (void)close(up[1]);
    (void)close(go[0]);
    int code = out->pid < 0 ? explain_call("fork()", errno) : handshake(out, argv[0], up[0], go[1]);
    (void)close(up[0]);
    (void)close(go[1]);
    if (code != 0 && out->pid > 0) {
        (void)kill(out->pid, SIGKILL);
        (void)waitpid(out->pid, NULL, 0);
        if (out->notify_fd >= 0)
            (void)close(out->notify_fd);
    }
    return code;
}
