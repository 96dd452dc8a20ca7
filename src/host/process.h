/* SPDX-License-Identifier: MIT
 *
 * process.h - reaching into the program: its descriptors and its memory
 */
#ifndef LA_HOST_PROCESS_H
#define LA_HOST_PROCESS_H

#include "host/map.h"

#include <stdint.h>
#include <sys/types.h>

/* pidfds of threads that called lately. Zero-initialised is empty. */
struct la_processes {
    struct la_map by_tid;
    struct la_process *newest, *oldest;
    unsigned n;
};

void la_processes_fini(struct la_processes *ps);

/* A copy of descriptor `fd` of thread `tid`, close-on-exec: the caller closes it within the same
 * call, because the program's last close is seen by nobody as long as a copy exists. Negative
 * errno: EBADF (no such descriptor), ESRCH (the thread is gone), EPERM (may not be watched). */
int la_process_borrow(struct la_processes *ps, pid_t tid, int fd);
/* The descriptor flags that pidfd_getfd() does not tell: is `fd` of `tid` close-on-exec? */
bool la_process_fd_is_cloexec(pid_t tid, int fd);
/* The short name of the thread's program for messages; "?" when it is gone. Returns `out`. */
char *la_process_name(pid_t tid, char out[16]);

/* The process that the thread belongs to; 0 when it is gone. */
pid_t la_process_leader(pid_t tid);

/* Who has a socket of this inode open, by going through all of /proc: slow, and rarely needed. */
bool la_process_search(uint64_t inode, pid_t *tid, int *fd);

/* Exactly n octets from or to the thread's memory. 0, or EFAULT. */
int la_process_read(pid_t tid, uint64_t addr, void *out, size_t n);
int la_process_write(pid_t tid, uint64_t addr, const void *bytes, size_t n);

#endif
