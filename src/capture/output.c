/* SPDX-License-Identifier: MIT
 *
 * output.c - a file, pipe or standard output that octets are written to
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "capture/output.h"

int
la_capture_output_open(struct la_capture_output *out, const char *path)
{
    bool is_stdout = strcmp(path, "-") == 0;
    int fd = is_stdout ? STDOUT_FILENO : open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    struct stat st;
    if (fd < 0)
        return errno;
    if (fstat(fd, &st) != 0) {
        int err = errno;
        if (!is_stdout)
            close(fd);
        return err;
    }
    *out = (struct la_capture_output){
        .fd = fd,
        .owned = !is_stdout,
        .signals = S_ISFIFO(st.st_mode) || S_ISSOCK(st.st_mode),
    };
    return 0;
}

/* write() with SIGPIPE blocked in this thread, and taken back if this call raised it: one that was
 * pending before belongs to somebody else. */
static ssize_t
write_without_signal(int fd, struct la_bytes bytes)
{
    sigset_t sigpipe, before, pending;
    sigemptyset(&sigpipe);
    sigaddset(&sigpipe, SIGPIPE);
    sigpending(&pending);
    pthread_sigmask(SIG_BLOCK, &sigpipe, &before);
    ssize_t written = write(fd, bytes.p, bytes.n);
    int err = errno;
    if (written < 0 && err == EPIPE && sigismember(&pending, SIGPIPE) == 0) {
        const struct timespec at_once = {0, 0};
        while (sigtimedwait(&sigpipe, NULL, &at_once) < 0 && errno == EINTR)
            continue;
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    errno = err;
    return written;
}

void
la_capture_output_write(struct la_capture_output *out, struct la_bytes bytes)
{
    while (out->err == 0 && bytes.n > 0) {
        ssize_t written =
            out->signals ? write_without_signal(out->fd, bytes) : write(out->fd, bytes.p, bytes.n);
        if (written >= 0) {
            bytes.p += written;
            bytes.n -= (size_t)written;
        } else if (errno == EAGAIN) {
            struct pollfd pfd = {.fd = out->fd, .events = POLLOUT};
            (void)poll(&pfd, 1, -1); /* a failure shows at the next write */
        } else if (errno != EINTR) {
            out->err = errno;
        }
    }
}

int
la_capture_output_close(struct la_capture_output *out)
{
    if (out->owned && close(out->fd) != 0 && out->err == 0)
        out->err = errno;
    out->fd = -1;
    return out->err;
}
