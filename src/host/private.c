/* SPDX-License-Identifier: MIT
 *
 * private.c - names and pairs of unix sockets that nobody else can reach
 *
 * Read first: unix(7).
 *
 * An abstract name can be connected to by every process of the network namespace. So a listener is
 * bound in a new directory of mode 0700, its name opened with O_PATH and removed again at once: it
 * stays reachable through /proc/self/fd/N, by us alone, and nothing is left behind, not even after
 * SIGKILL.
 */
#include "host/private.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { OWN_BACKLOG_N = 16, SEND_BUFFER_BYTES = 1024 * 1024 };

/* Binds and reaches `fd` in a directory that is made and removed here. */
static int
bind_in(const char *parent, int fd)
{
    char dir[sizeof(((struct sockaddr_un *)0)->sun_path) - 4];
    int n = snprintf(dir, sizeof(dir), "%s/lastack-XXXXXX", parent);
    if (n < 0 || (size_t)n >= sizeof(dir) || mkdtemp(dir) == NULL)
        return -ENOENT;
    struct sockaddr_un sa = {.sun_family = AF_UNIX};
    (void)snprintf(sa.sun_path, sizeof(sa.sun_path), "%s/s", dir);
    int path_fd = -1, error = 0;
    if (bind(fd, (const struct sockaddr *)&sa, sizeof(sa)) == 0)
        path_fd = open(sa.sun_path, O_PATH | O_CLOEXEC);
    if (path_fd < 0)
        error = errno;
    (void)unlink(sa.sun_path);
    (void)rmdir(dir);
    return path_fd >= 0 ? path_fd : -error;
}

static int
bind_privately(int fd)
{
    const char *parents[] = {getenv("XDG_RUNTIME_DIR"), getenv("TMPDIR"), "/tmp", "/dev/shm", "."};
    int path_fd = -ENOENT;
    for (size_t i = 0; i < sizeof(parents) / sizeof(parents[0]) && path_fd < 0; i++) {
        if (parents[i] != NULL && parents[i][0] != '\0')
            path_fd = bind_in(parents[i], fd);
        if (path_fd == -EINVAL)
            break; /* bound already: another directory does not help */
    }
    return path_fd;
}

static struct sockaddr_un
address_of(int path_fd)
{
    struct sockaddr_un sa = {.sun_family = AF_UNIX};
    (void)snprintf(sa.sun_path, sizeof(sa.sun_path), "/proc/self/fd/%d", path_fd);
    return sa;
}

int
la_private_listen(int fd, int backlog)
{
    int path_fd = bind_privately(fd);
    if (path_fd >= 0 && listen(fd, backlog) != 0) {
        int error = errno;
        (void)close(path_fd);
        return -error;
    }
    return path_fd;
}

int
la_private_init(struct la_private *p)
{
    p->path_fd = -1;
    p->listener_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (p->listener_fd < 0)
        return errno;
    p->path_fd = la_private_listen(p->listener_fd, OWN_BACKLOG_N);
    return p->path_fd < 0 ? -p->path_fd : 0;
}

void
la_private_fini(struct la_private *p)
{
    if (p->listener_fd >= 0)
        (void)close(p->listener_fd);
    if (p->path_fd >= 0)
        (void)close(p->path_fd);
    p->listener_fd = -1;
    p->path_fd = -1;
}

int
la_private_pair(const struct la_private *p, int borrowed_fd)
{
    struct sockaddr_un sa = address_of(p->path_fd);
    if (connect(borrowed_fd, (const struct sockaddr *)&sa, sizeof(sa)) != 0)
        return -errno;
    int fd = accept4(p->listener_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0)
        return -errno;
    la_private_widen(fd);
    return fd;
}

void
la_private_name_of(const void *sockaddr_un, size_t n, char name[8])
{
    const struct sockaddr_un *sa = sockaddr_un;
    size_t off = offsetof(struct sockaddr_un, sun_path);
    memset(name, 0, 8);
    if (n > off + 1 && n - off - 1 < 8 && sa->sun_path[0] == '\0')
        memcpy(name, sa->sun_path + 1, n - off - 1);
}

int
la_private_connect(int path_fd, char name[8])
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return -errno;
    struct sockaddr_un own = {.sun_family = AF_UNIX};
    socklen_t own_n = sizeof(own);
    struct sockaddr_un sa = address_of(path_fd);
    if (bind(fd, (const struct sockaddr *)&own, sizeof(own.sun_family)) != 0 ||
        getsockname(fd, (struct sockaddr *)&own, &own_n) != 0 ||
        connect(fd, (const struct sockaddr *)&sa, sizeof(sa)) != 0) {
        int error = errno;
        (void)close(fd);
        return -error;
    }
    la_private_name_of(&own, own_n, name);
    la_private_widen(fd);
    return fd;
}

bool
la_private_is_listening(int path_fd)
{
    /* A socket of the wrong type is told EPROTOTYPE by a living one, ECONNREFUSED by none. */
    struct sockaddr_un sa = address_of(path_fd);
    int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    bool alive = fd >= 0 && connect(fd, (const struct sockaddr *)&sa, sizeof(sa)) != 0 &&
                 errno == EPROTOTYPE;
    if (fd >= 0)
        (void)close(fd);
    return alive;
}

void
la_private_widen(int fd)
{
    int bytes = SEND_BUFFER_BYTES;
    (void)setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof(bytes));
}
