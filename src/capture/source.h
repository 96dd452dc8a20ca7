/* SPDX-License-Identifier: MIT
 *
 * source.h - the octets of a capture, as a window that moves forward
 *
 * A regular file is mapped, and what was handed out stays where it is. Everything else (pipes,
 * compressed files, files that grow) is read into a buffer that slides.
 */
#ifndef LA_CAPTURE_SOURCE_H
#define LA_CAPTURE_SOURCE_H

#include <lastack/base.h>

struct la_capture_unpack;

struct la_capture_source {
    const uint8_t *at;   /* the next octet */
    const uint8_t *end;  /* behind the last one that is there now */
    uint64_t off;        /* of `at` in the (uncompressed) file */
    bool ended;          /* nothing comes behind `end` */
    bool follow;         /* the end of a regular file is not the end */
    int err;             /* errno of a read that failed; then `ended` is set */
    const char *damage;  /* what is wrong with compressed octets; then `ended` is set */
    int fd;              /* -1: nothing is open */
    const uint8_t *map;  /* mapped file, or NULL */
    size_t map_bytes;
    uint8_t *buf;        /* or: the buffer */
    size_t buf_bytes;
    uint64_t file_bytes; /* of a regular file; 0: not known */
    uint64_t read_bytes; /* from the (compressed) file so far; not of a map */
    struct la_capture_unpack *unpack; /* what makes octets out of a compressed file, or NULL */
};

/* path "-" is standard input. 0 or an errno value. */
int la_capture_source_open(struct la_capture_source *src, const char *path, bool follow);
/* If the octets at the start are those of a compressed file, the source becomes what is in it.
 * False: it cannot be unpacked here; *error is a static sentence. */
bool la_capture_source_unpack(struct la_capture_source *src, const char **error);
/* More octets until n are there; true when they are. False without `ended`: more may come later. */
bool la_capture_source_fill(struct la_capture_source *src, size_t n);
/* Octets of the file, as it lies there, that have been used. */
uint64_t la_capture_source_done(const struct la_capture_source *src);
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
