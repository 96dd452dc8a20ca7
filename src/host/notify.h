/* SPDX-License-Identifier: MIT
 *
 * notify.h - one notified system call: receiving and answering
 *
 * A call is answered exactly once, by one of la_syscall_return, la_syscall_fail,
 * la_syscall_continue and a successful la_syscall_give_fd; or it is kept (waiters.h) and answered
 * later. Results must stand in the program's memory before the answer.
 */
#ifndef LA_HOST_NOTIFY_H
#define LA_HOST_NOTIFY_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* By value, so that a waiter can keep it. */
struct la_syscall {
    int notify_fd;
    uint64_t id;
    pid_t tid; /* a thread, in our PID namespace */
    uint32_t arch;
    int nr;
    uint64_t args[6];
};

/* Optional: the caller and the supervisor wake each other on one processor (Linux 6.6), which makes
 * a call four to five times cheaper. */
void la_notify_tune(int notify_fd);
/* False: the caller was interrupted or killed meanwhile. Blocks unless notify_fd polls readable. */
bool la_notify_receive(int notify_fd, struct la_syscall *out);

void la_syscall_return(const struct la_syscall *call, int64_t value);
/* error: a positive errno value; 0 returns 0. */
void la_syscall_fail(const struct la_syscall *call, int error);
/* The kernel performs the call itself. */
void la_syscall_continue(const struct la_syscall *call);
/* Is the caller still waiting? It is not after a signal or its death. To be asked before every side
 * effect that a repetition of the call would do twice. */
bool la_syscall_is_alive(const struct la_syscall *call);
/* Installs a copy of fd at the lowest free number and returns that number, in one step. 0, or an
 * errno value (ENOENT: the caller is gone; the call is not answered). */
int la_syscall_give_fd(const struct la_syscall *call, int fd, bool cloexec);
/* Puts a copy of fd over the program's descriptor `number`; the call stays to be answered. */
int la_syscall_replace_fd(const struct la_syscall *call, int fd, int number, bool cloexec);

/* The program's descriptor, in all calls that reach us: the first argument. */
static inline int
la_syscall_fd(const struct la_syscall *call)
{
    return (int)(uint32_t)call->args[0];
}

#endif
