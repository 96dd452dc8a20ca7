/* SPDX-License-Identifier: MIT
 *
 * source.h - the octets of a capture, as a window that moves forward
 *
 * A regular file is mapped and its window is the whole rest. Everything else (pipes, compressed
 * files, files that grow) is read into a buffer that slides.
 */
#ifndef LA_CAPTURE_SOURCE_H
#define LA_CAPTURE_SOURCE_H

#include <lastack/base.h>

struct la_capture_source {
    const uint8_t *at;  /* the next octet */
    const uint8_t *end; /* behind the last one that is there now */
    uint64_t off;       /* of `at` in the (uncompressed) file */
    bool ended;         /* nothing comes behind `end` */
    int err;            /* errno of a read that failed; then `ended` is set */
    int fd;             /* -1: standard input is not ours to close, or nothing is open */
    uint8_t *map;       /* mapped file, or NULL */
    size_t map_bytes;
    uint8_t *buf;       /* or: the buffer */
    size_t buf_bytes;
};

/* path "-" is standard input. 0 or an errno value. */
int la_capture_source_open(struct la_capture_source *src, const char *path);
/* More octets until n are there; true when they are. At most n + what one read brings is held. */
bool la_capture_source_fill(struct la_capture_source *src, size_t n);
void la_capture_source_close(struct la_capture_source *src);

static inline size_t
la_capture_source_left(const struct la_capture_source *src)
{
    return (size_t)(src->end - src->at);
}

/* Are n octets there, now or after reading on? */
static inline bool
la_capture_source_has(struct la_capture_source *src, size_t n)
{
    return la_capture_source_left(src) >= n || (!src->ended && la_capture_source_fill(src, n));
}

/* n octets are there. */
static inline void
la_capture_source_skip(struct la_capture_source *src, size_t n)
{
    src->at += n;
    src->off += n;
}

#endif
