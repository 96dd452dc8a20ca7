/* SPDX-License-Identifier: MIT
 *
 * process.c - reaching into the program: its descriptors and its memory
 *
 * Read first: pidfd_open(2), pidfd_getfd(2), process_vm_readv(2).
 *
 * Notifications name *threads*. A pidfd of a thread that is not the leader needs PIDFD_THREAD
 * (Linux 6.9); before that the leader's serves (wrong only for threads with a descriptor table of
 * their own). pidfds are cached, since opening one costs more than the borrowing: a cached one
 * whose process died says ESRCH and is opened again, in case the number was given to a new thread.
 */
#include "host/process.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

enum { CACHED_N_MAX = 128 };
enum { THREAD_FLAG = O_EXCL }; /* PIDFD_THREAD, not in older headers */

struct la_process {
    struct la_process *newer, *older;
    pid_t tid;
    int pidfd;
};

static void
unlink_process(struct la_processes *ps, struct la_process *p)
{
    if (p->newer != NULL)
        p->newer->older = p->older;
    else
        ps->newest = p->older;
    if (p->older != NULL)
        p->older->newer = p->newer;
    else
        ps->oldest = p->newer;
}

static void
link_newest(struct la_processes *ps, struct la_process *p)
{
    p->newer = NULL;
    p->older = ps->newest;
    if (ps->newest != NULL)
        ps->newest->newer = p;
    else
        ps->oldest = p;
    ps->newest = p;
}

static void
drop(struct la_processes *ps, struct la_process *p)
{
    unlink_process(ps, p);
    (void)la_map_take(&ps->by_tid, (uint64_t)p->tid);
    (void)close(p->pidfd);
    free(p);
    ps->n--;
}

void
la_processes_fini(struct la_processes *ps)
{
    while (ps->newest != NULL)
        drop(ps, ps->newest);
    la_map_fini(&ps->by_tid);
}

/* One line of /proc/TID/status: the number after `key`, or -1. */
static long
status_number(pid_t tid, const char *key)
{
    char path[64], line[256];
    (void)snprintf(path, sizeof(path), "/proc/%d/status", (int)tid);
    FILE *f = fopen(path, "re");
    long value = -1;
    while (f != NULL && value < 0 && fgets(line, sizeof(line), f) != NULL) {
        if (strncmp(line, key, strlen(key)) == 0)
            value = strtol(line + strlen(key), NULL, 10);
    }
    if (f != NULL)
        (void)fclose(f);
    return value;
}

pid_t
la_process_leader(pid_t tid)
{
    long leader = status_number(tid, "Tgid:");
    return leader > 0 ? (pid_t)leader : 0;
}

static int
open_pidfd(pid_t tid)
{
    long fd = syscall(SYS_pidfd_open, tid, THREAD_FLAG);
    if (fd < 0 && errno == EINVAL)
        fd = syscall(SYS_pidfd_open, tid, 0);
    if (fd < 0 && (errno == EINVAL || errno == ENOENT)) {
        pid_t leader = la_process_leader(tid);
        errno = ESRCH;
        fd = leader > 0 ? syscall(SYS_pidfd_open, leader, 0) : -1;
    }
    return fd < 0 ? -errno : (int)fd;
}

static struct la_process *
look_up(struct la_processes *ps, pid_t tid, int *error)
{
    struct la_process *p = la_map_get(&ps->by_tid, (uint64_t)tid);
    if (p != NULL) {
        if (p != ps->newest) {
            unlink_process(ps, p);
            link_newest(ps, p);
        }
        return p;
    }
    int fd = open_pidfd(tid);
    if (fd < 0) {
        *error = fd;
        return NULL;
    }
    if (ps->n >= CACHED_N_MAX)
        drop(ps, ps->oldest);
    p = calloc(1, sizeof(*p));
    if (p == NULL || !la_map_put(&ps->by_tid, (uint64_t)tid, p)) {
        free(p);
        (void)close(fd);
        *error = -ENOMEM;
        return NULL;
    }
    p->tid = tid;
    p->pidfd = fd;
    link_newest(ps, p);
    ps->n++;
    return p;
}

int
la_process_borrow(struct la_processes *ps, pid_t tid, int fd)
{
    int error = -ESRCH;
    for (int attempt = 0; attempt < 2; attempt++) {
        struct la_process *p = look_up(ps, tid, &error);
        if (p == NULL)
            return error;
        long copy = syscall(SYS_pidfd_getfd, p->pidfd, fd, 0);
        if (copy >= 0)
            return (int)copy;
        error = -errno;
        if (error != -ESRCH)
            return error;
        drop(ps, p);
    }
    return error;
}

bool
la_process_fd_is_cloexec(pid_t tid, int fd)
{
    char path[64], line[128];
    (void)snprintf(path, sizeof(path), "/proc/%d/fdinfo/%d", (int)tid, fd);
    FILE *f = fopen(path, "re");
    bool cloexec = false;
    while (f != NULL && fgets(line, sizeof(line), f) != NULL) {
        if (strncmp(line, "flags:", 6) == 0)
            cloexec = (strtoul(line + 6, NULL, 8) & O_CLOEXEC) != 0;
    }
    if (f != NULL)
        (void)fclose(f);
    return cloexec;
}

char *
la_process_name(pid_t tid, char out[16])
{
    char path[64];
    (void)snprintf(path, sizeof(path), "/proc/%d/comm", (int)tid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd >= 0 ? read(fd, out, 15) : -1;
    if (fd >= 0)
        (void)close(fd);
    if (n <= 0)
        return strcpy(out, "?");
    out[n] = '\0';
    out[strcspn(out, "\n")] = '\0';
    return out;
}

/* Does one of the descriptors of this process lead to `link`? */
static bool
search_process(pid_t pid, const char *link, int *fd)
{
    char path[64], target[64];
    (void)snprintf(path, sizeof(path), "/proc/%d/fd", (int)pid);
    DIR *dir = opendir(path);
    bool found = false;
    for (struct dirent *e; dir != NULL && !found && (e = readdir(dir)) != NULL;) {
        ssize_t n = readlinkat(dirfd(dir), e->d_name, target, sizeof(target) - 1);
        target[n > 0 ? n : 0] = '\0';
        found = strcmp(target, link) == 0;
        if (found)
            *fd = (int)strtol(e->d_name, NULL, 10);
    }
    if (dir != NULL)
        (void)closedir(dir);
    return found;
}

bool
la_process_search(uint64_t inode, pid_t *tid, int *fd)
{
    char link[64];
    (void)snprintf(link, sizeof(link), "socket:[%llu]", (unsigned long long)inode);
    DIR *dir = opendir("/proc");
    bool found = false;
    for (struct dirent *e; dir != NULL && !found && (e = readdir(dir)) != NULL;) {
        *tid = (pid_t)strtol(e->d_name, NULL, 10);
        found = *tid > 0 && *tid != getpid() && search_process(*tid, link, fd);
    }
    if (dir != NULL)
        (void)closedir(dir);
    return found;
}

int
la_process_read(pid_t tid, uint64_t addr, void *out, size_t n)
{
    struct iovec here = {out, n};
    struct iovec there = {(void *)(uintptr_t)addr, n};
    if (n == 0)
        return 0;
    return process_vm_readv(tid, &here, 1, &there, 1, 0) == (ssize_t)n ? 0 : EFAULT;
}

int
la_process_write(pid_t tid, uint64_t addr, const void *bytes, size_t n)
{
    struct iovec here = {(void *)(uintptr_t)bytes, n};
    struct iovec there = {(void *)(uintptr_t)addr, n};
    if (n == 0)
        return 0;
    return process_vm_writev(tid, &here, 1, &there, 1, 0) == (ssize_t)n ? 0 : EFAULT;
}
