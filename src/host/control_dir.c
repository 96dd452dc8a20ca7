/* SPDX-License-Identifier: MIT
 *
 * control_dir.c - where the control sockets of running instances stand
 *
 * Read first: unix(7), renameat2(2), and "symlink race" anywhere.
 *
 * /tmp is everybody's. So the directory is opened without following a link, and used through that
 * descriptor when it is this user's and closed to others: what a path means later does not matter.
 * A socket is listening before it gets its name. So one that refuses is a dead process's, and
 * whoever meets it may remove it.
 */
#include "host/control_dir.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { BACKLOG_N = 16, NAMES_N = 16, SWEEP_N_MAX = 1024 };

/* False: there is no such place in this environment. */
static bool
path_of(unsigned place, char path[PATH_MAX])
{
    const char *runtime = getenv("XDG_RUNTIME_DIR"), *tmp = getenv("TMPDIR");
    int n;
    if (place == 0 && (runtime == NULL || runtime[0] != '/'))
        return false;
    if (place == 0)
        n = snprintf(path, PATH_MAX, "%s/lastack", runtime);
    else
        n = snprintf(path, PATH_MAX, "%s/lastack-%lu", tmp != NULL && tmp[0] == '/' ? tmp : "/tmp",
                     (unsigned long)geteuid());
    return n > 0 && n < PATH_MAX;
}

/* Ours, and nobody else may enter. */
static bool
is_private(int fd)
{
    struct stat st;
    if (fstat(fd, &st) != 0 || st.st_uid != geteuid())
        return false;
    return (st.st_mode & 077) == 0 || fchmod(fd, 0700) == 0;
}

int
la_control_dir_open(unsigned place, bool create)
{
    char path[PATH_MAX];
    if (!path_of(place, path))
        return -ENOENT;
    if (create && mkdir(path, 0700) != 0 && errno != EEXIST)
        return -errno;
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return errno == ENOTDIR || errno == ELOOP || errno == EACCES ? -EPERM : -errno;
    if (is_private(fd))
        return fd;
    (void)close(fd);
    return -EPERM;
}

void
la_control_dir_tidy(unsigned place)
{
    char path[PATH_MAX];
    if (path_of(place, path))
        (void)rmdir(path);
}

/* By the descriptor: what stands in sun_path is short and goes through no link. */
static struct sockaddr_un
address_of(int dir_fd, const char *name)
{
    struct sockaddr_un sa = {.sun_family = AF_UNIX};
    (void)snprintf(sa.sun_path, sizeof(sa.sun_path), "/proc/self/fd/%d/%s", dir_fd, name);
    return sa;
}

static int
connect_to(int dir_fd, const char *name)
{
    struct sockaddr_un sa = address_of(dir_fd, name);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return -errno;
    if (connect(fd, (const struct sockaddr *)&sa, sizeof(sa)) == 0)
        return fd;
    int error = errno;
    (void)close(fd);
    return -error;
}

int
la_control_dir_connect(int dir_fd, const char *name)
{
    int fd = connect_to(dir_fd, name);
    if (fd == -ECONNREFUSED)
        (void)unlinkat(dir_fd, name, 0);
    return fd;
}

/* Never over a living one: of another PID namespace, which shares the directory with us. */
static int
show(int dir_fd, const char *hidden, const char *name)
{
    if (renameat2(dir_fd, hidden, dir_fd, name, RENAME_NOREPLACE) == 0)
        return 0;
    if (errno != EEXIST)
        return errno;
    int other = la_control_dir_connect(dir_fd, name);
    if (other >= 0)
        (void)close(other);
    if (other != -ECONNREFUSED)
        return EEXIST;
    return renameat2(dir_fd, hidden, dir_fd, name, RENAME_NOREPLACE) == 0 ? 0 : errno;
}

int
la_control_dir_publish(int dir_fd, int fd, char name[LA_CONTROL_NAME_BYTES])
{
    char hidden[LA_CONTROL_NAME_BYTES];
    (void)snprintf(hidden, sizeof(hidden), ".%d", (int)getpid());
    (void)unlinkat(dir_fd, hidden, 0); /* left by one that was killed in between */
    struct sockaddr_un sa = address_of(dir_fd, hidden);
    if (bind(fd, (const struct sockaddr *)&sa, sizeof(sa)) != 0)
        return errno;
    int error = listen(fd, BACKLOG_N) != 0 ? errno : EEXIST;
    for (int i = 0; i < NAMES_N && error == EEXIST; i++) {
        (void)snprintf(name, LA_CONTROL_NAME_BYTES, i == 0 ? "%d.sock" : "%d.%d.sock",
                       (int)getpid(), i);
        error = show(dir_fd, hidden, name);
    }
    if (error != 0)
        (void)unlinkat(dir_fd, hidden, 0);
    return error;
}

bool
la_control_name_pid(const char *name, uint32_t *out_pid)
{
    char *end;
    if (name[0] < '1' || name[0] > '9' || strlen(name) >= LA_CONTROL_NAME_BYTES)
        return false;
    unsigned long pid = strtoul(name, &end, 10);
    if (end[0] == '.' && end[1] >= '1' && end[1] <= '9')
        (void)strtoul(end + 1, &end, 10);
    *out_pid = (uint32_t)pid;
    return strcmp(end, ".sock") == 0 && pid <= INT_MAX;
}

/* A number that lives may be another process by now, which `lastack ss` finds out. */
static bool
is_dead(uint32_t pid)
{
    return kill((pid_t)pid, 0) != 0 && errno == ESRCH;
}

static void
sweep_one(int dir_fd, const char *name)
{
    char *end;
    uint32_t pid;
    if (la_control_name_pid(name, &pid) && is_dead(pid)) {
        int fd = la_control_dir_connect(dir_fd, name);
        if (fd >= 0)
            (void)close(fd);
    } else if (name[0] == '.' && name[1] >= '1' && name[1] <= '9') {
        /* Hidden: one that was killed before its socket got its name. */
        unsigned long number = strtoul(name + 1, &end, 10);
        if (*end == '\0' && number <= INT_MAX && is_dead((uint32_t)number))
            (void)unlinkat(dir_fd, name, 0);
    }
}

void
la_control_dir_sweep(int dir_fd)
{
    int copy = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = copy >= 0 ? fdopendir(copy) : NULL;
    const struct dirent *e;
    for (int i = 0; dir != NULL && i < SWEEP_N_MAX && (e = readdir(dir)) != NULL; i++)
        sweep_one(dir_fd, e->d_name);
    if (dir != NULL)
        (void)closedir(dir);
    else if (copy >= 0)
        (void)close(copy);
}
