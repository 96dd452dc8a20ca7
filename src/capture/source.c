/* SPDX-License-Identifier: MIT
 *
 * source.c - the octets of a capture, as a window that moves forward
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "capture/source.h"

enum { READ_BYTES = 256 << 10 };

static bool
map_file(struct la_capture_source *src, const struct stat *st)
{
    if (!S_ISREG(st->st_mode) || st->st_size <= 0 || (uint64_t)st->st_size > SIZE_MAX / 2)
        return false;
    off_t begin = lseek(src->fd, 0, SEEK_CUR); /* standard input may stand in the middle */
    if (begin < 0 || begin >= st->st_size)
        return false;
    size_t n = (size_t)st->st_size;
    void *map = mmap(NULL, n, PROT_READ, MAP_PRIVATE, src->fd, 0);
    if (map == MAP_FAILED)
        return false;
    (void)madvise(map, n, MADV_SEQUENTIAL);
    src->map = map;
    src->map_bytes = n;
    src->at = src->map + begin;
    src->end = src->map + n;
    src->ended = true;
    return true;
}

int
la_capture_source_open(struct la_capture_source *src, const char *path)
{
    bool is_stdin = strcmp(path, "-") == 0;
    struct stat st;
    *src = (struct la_capture_source){.fd = -1};
    int fd = is_stdin ? fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3) : open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return errno;
    src->fd = fd;
    int err = fstat(fd, &st) != 0 ? errno : S_ISDIR(st.st_mode) ? EISDIR : 0;
    if (err == 0 && !map_file(src, &st)) {
        src->buf = malloc(READ_BYTES);
        src->buf_bytes = READ_BYTES;
        src->at = src->end = src->buf;
        err = src->buf == NULL ? ENOMEM : 0;
    }
    if (err != 0)
        la_capture_source_close(src);
    return err;
}

/* Room for n octets from `at` on, and for a read behind them where that is little. */
static bool
make_room(struct la_capture_source *src, size_t n)
{
    size_t left = la_capture_source_left(src);
    if (n > src->buf_bytes) {
        uint8_t *buf = n > SIZE_MAX / 2 ? NULL : malloc(n + READ_BYTES);
        if (buf == NULL) {
            src->err = ENOMEM;
            src->ended = true;
            return false;
        }
        memcpy(buf, src->at, left);
        free(src->buf);
        src->buf = buf;
        src->buf_bytes = n + READ_BYTES;
    } else if ((size_t)(src->buf + src->buf_bytes - src->at) < n) {
        memmove(src->buf, src->at, left);
    } else {
        return true;
    }
    src->at = src->buf;
    src->end = src->buf + left;
    return true;
}

bool
la_capture_source_fill(struct la_capture_source *src, size_t n)
{
    if (src->ended || !make_room(src, n))
        return false;
    while (la_capture_source_left(src) < n && !src->ended) {
        uint8_t *to = src->buf + (src->end - src->buf);
        ssize_t got = read(src->fd, to, (size_t)(src->buf + src->buf_bytes - src->end));
        if (got > 0) {
            src->end += got;
        } else if (got == 0) {
            src->ended = true;
        } else if (errno != EINTR) {
            src->err = errno;
            src->ended = true;
        }
    }
    return la_capture_source_left(src) >= n;
}

void
la_capture_source_close(struct la_capture_source *src)
{
    if (src->map != NULL)
        munmap(src->map, src->map_bytes);
    free(src->buf);
    if (src->fd >= 0)
        close(src->fd);
    *src = (struct la_capture_source){.fd = -1};
}
