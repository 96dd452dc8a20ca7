/* SPDX-License-Identifier: MIT
 *
 * source.c - the octets of a capture, as a window that moves forward
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "capture/map.h"
#include "capture/source.h"
#include "capture/unpack.h"

enum { READ_BYTES = 256 << 10, WINDOW_BYTES = 2 << 20 };

static bool
map_file(struct la_capture_source *src, const struct stat *st)
{
    if (src->follow || !S_ISREG(st->st_mode) || st->st_size <= 0 ||
        (uint64_t)st->st_size > SIZE_MAX / 2)
        return false;
    off_t begin = lseek(src->fd, 0, SEEK_CUR); /* standard input may stand in the middle */
    if (begin < 0 || begin >= st->st_size)
        return false;
    size_t n = (size_t)st->st_size;
    src->map = la_capture_map_new(src->fd, n);
    if (src->map == NULL)
        return false;
    src->map_bytes = n;
    src->at = src->end = src->map + begin;
    src->off = (uint64_t)begin;
    return true;
}

static bool
buffer_begin(struct la_capture_source *src)
{
    src->buf = malloc(READ_BYTES);
    src->buf_bytes = READ_BYTES;
    src->at = src->end = src->buf;
    return src->buf != NULL;
}

int
la_capture_source_open(struct la_capture_source *src, const char *path, bool follow)
{
    bool is_stdin = strcmp(path, "-") == 0;
    struct stat st;
    *src = (struct la_capture_source){.fd = -1, .follow = follow};
    int fd = is_stdin ? fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3) : open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return errno;
    src->fd = fd;
    int err = fstat(fd, &st) != 0 ? errno : S_ISDIR(st.st_mode) ? EISDIR : 0;
    if (err == 0 && S_ISREG(st.st_mode))
        src->file_bytes = (uint64_t)st.st_size;
    else
        src->follow = false; /* a pipe's end is its end */
    if (err == 0 && !map_file(src, &st) && !buffer_begin(src))
        err = ENOMEM;
    if (err != 0)
        la_capture_source_close(src);
    return err;
}

bool
la_capture_source_unpack(struct la_capture_source *src, const char **error)
{
    if (!la_capture_source_has(src, LA_CAPTURE_PACKED_MAGIC_BYTES))
        return true;
    enum la_capture_packed kind = la_capture_packed_kind(src->at);
    if (kind == LA_CAPTURE_PLAIN)
        return true;
    struct la_capture_source inner = {
        .fd = -1, .follow = src->follow, .file_bytes = src->file_bytes};
    if (!buffer_begin(&inner)) {
        *error = "no memory to unpack it";
        return false;
    }
    inner.unpack = la_capture_unpack_new(kind, src, error);
    if (inner.unpack == NULL) {
        la_capture_source_close(&inner);
        return false;
    }
    *src = inner;
    return true;
}

/* A file that has shrunk meanwhile ends there. */
static bool
map_on(struct la_capture_source *src, size_t n)
{
    size_t off = (size_t)(src->end - src->map);
    size_t to = (size_t)(src->at - src->map) + n + WINDOW_BYTES;
    if (n > src->map_bytes || to > src->map_bytes)
        to = src->map_bytes;
    if (!la_capture_map_on(src->map, off, to)) {
        src->err = ESTALE;
        src->ended = true;
        return false;
    }
    src->end = src->map + to;
    src->ended = to == src->map_bytes;
    return la_capture_source_left(src) >= n;
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

/* Nothing more was in the file. Of one that is followed this is no end, unless it has shrunk: then
 * somebody else's octets stand where ours were. */
static void
file_ended(struct la_capture_source *src)
{
    struct stat st;
    src->ended = !src->follow;
    if (src->follow && fstat(src->fd, &st) == 0 && (uint64_t)st.st_size < src->read_bytes) {
        src->err = ESTALE;
        src->ended = true;
    }
}

/* Octets made or read; 0: see `ended`. */
static size_t
read_on(struct la_capture_source *src, uint8_t *to, size_t n)
{
    if (src->unpack != NULL) {
        const struct la_capture_source *packed;
        size_t got = la_capture_unpack_read(src->unpack, to, n);
        src->damage = got > 0 ? NULL : la_capture_unpack_state(src->unpack, &packed);
        if (got == 0) {
            (void)la_capture_unpack_state(src->unpack, &packed);
            src->err = packed->err;
            src->ended = packed->ended || src->damage != NULL;
        }
        return got;
    }
    ssize_t got = read(src->fd, to, n);
    if (got == 0) {
        file_ended(src);
    } else if (got < 0 && errno != EINTR) {
        src->err = errno;
        src->ended = true;
    }
    src->read_bytes += got > 0 ? (uint64_t)got : 0;
    return got > 0 ? (size_t)got : 0;
}

bool
la_capture_source_fill(struct la_capture_source *src, size_t n)
{
    if (src->ended)
        return false;
    if (src->map != NULL)
        return map_on(src, n);
    if (!make_room(src, n))
        return false;
    while (la_capture_source_left(src) < n) {
        uint8_t *to = src->buf + (src->end - src->buf);
        size_t got = read_on(src, to, (size_t)(src->buf + src->buf_bytes - src->end));
        if (got == 0)
            return false;
        src->end += got;
    }
    return true;
}

uint64_t
la_capture_source_done(const struct la_capture_source *src)
{
    if (src->unpack != NULL) {
        const struct la_capture_source *packed;
        (void)la_capture_unpack_state(src->unpack, &packed);
        return la_capture_source_done(packed);
    }
    if (src->map != NULL)
        return (uint64_t)(src->at - src->map);
    return src->read_bytes - la_capture_source_left(src);
}

void
la_capture_source_close(struct la_capture_source *src)
{
    if (src->map != NULL)
        la_capture_map_free(src->map, src->map_bytes);
    free(src->buf);
    if (src->fd >= 0)
        close(src->fd);
    la_capture_unpack_free(src->unpack);
    *src = (struct la_capture_source){.fd = -1};
}
