/* SPDX-License-Identifier: MIT
 *
 * unpack.c - what is in a gzip or zstd file
 *
 * Read first: RFC 1952, RFC 8878; zlib.h and zstd.h. Either library may be missing; then the file
 * is recognised, and the message says what to do.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#if LA_HAVE_ZLIB
#define ZLIB_CONST
#include <zlib.h>
#endif
#if LA_HAVE_ZSTD
#include <zstd.h>
#include <zstd_errors.h>
#endif

#include "capture/unpack.h"

/* A window of 128 MiB (zstd --long=27) at most: memory that a file may ask for. */
enum { ZSTD_WINDOW_LOG_MAX = 27, GZIP_WINDOW_BITS = 15 + 16, PIECE_BYTES_MAX = 1 << 20 };

struct la_capture_unpack {
    enum la_capture_packed kind;
    struct la_capture_source packed;
    bool within;  /* a member or frame has begun and not ended */
    bool starved; /* there was no memory to go on: packed.err says so */
    const char *damage;
#if LA_HAVE_ZLIB
    z_stream gzip;
#endif
#if LA_HAVE_ZSTD
    ZSTD_DStream *zstd;
#endif
};

enum la_capture_packed
la_capture_packed_kind(const uint8_t magic[LA_CAPTURE_PACKED_MAGIC_BYTES])
{
    static const struct {
        uint8_t octets[LA_CAPTURE_PACKED_MAGIC_BYTES];
        uint8_t n;
        enum la_capture_packed kind;
    } kinds[] = {
        {{0x1f, 0x8b, 8}, 3, LA_CAPTURE_GZIP},
        {{0x28, 0xb5, 0x2f, 0xfd}, 4, LA_CAPTURE_ZSTD},
        {{0xfd, '7', 'z', 'X'}, 4, LA_CAPTURE_XZ},
        {{'B', 'Z', 'h'}, 3, LA_CAPTURE_BZIP2},
        {{0x04, 0x22, 0x4d, 0x18}, 4, LA_CAPTURE_LZ4},
    };
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        if (memcmp(magic, kinds[i].octets, kinds[i].n) == 0)
            return kinds[i].kind;
    return LA_CAPTURE_PLAIN;
}

#if LA_HAVE_ZLIB || LA_HAVE_ZSTD
/* Both libraries take their windows late. It ends as with octets that cannot be read. */
static void
starve(struct la_capture_unpack *u)
{
    u->starved = true;
    u->packed.err = ENOMEM;
    u->packed.ended = true;
}
#endif

#if LA_HAVE_ZLIB
static const char *
gzip_begin(struct la_capture_unpack *u)
{
    return inflateInit2(&u->gzip, GZIP_WINDOW_BITS) == Z_OK ? NULL : "no memory to unpack it";
}

/* One step; octets made. */
static size_t
gzip_step(struct la_capture_unpack *u, uint8_t *out, size_t n)
{
    struct la_capture_source *packed = &u->packed;
    size_t left = la_capture_source_left(packed);
    size_t in = left < PIECE_BYTES_MAX ? left : PIECE_BYTES_MAX;
    size_t room = n < PIECE_BYTES_MAX ? n : PIECE_BYTES_MAX;
    u->gzip.next_in = packed->at;
    u->gzip.avail_in = (uInt)in;
    u->gzip.next_out = out;
    u->gzip.avail_out = (uInt)room;
    int result = inflate(&u->gzip, Z_NO_FLUSH);
    la_capture_source_skip(packed, in - u->gzip.avail_in);
    u->within = true;
    if (result == Z_STREAM_END) {
        u->within = false;
        (void)inflateReset(&u->gzip);
    } else if (result == Z_MEM_ERROR) {
        starve(u);
    } else if (result != Z_OK && result != Z_BUF_ERROR) {
        u->damage = "its gzip compression is damaged";
    }
    return room - u->gzip.avail_out;
}

static void
gzip_end(struct la_capture_unpack *u)
{
    (void)inflateEnd(&u->gzip);
}
#else
static const char *
gzip_begin(struct la_capture_unpack *u)
{
    (void)u;
    return "compressed with gzip, and this program was built without zlib: unpack it first (gzip "
           "-dc), or install zlib1g-dev and build again";
}
#endif

#if LA_HAVE_ZSTD
static const char *
zstd_begin(struct la_capture_unpack *u)
{
    u->zstd = ZSTD_createDStream();
    if (u->zstd == NULL ||
        ZSTD_isError(ZSTD_DCtx_setParameter(u->zstd, ZSTD_d_windowLogMax, ZSTD_WINDOW_LOG_MAX)))
        return "no memory to unpack it";
    return NULL;
}

static size_t
zstd_step(struct la_capture_unpack *u, uint8_t *out, size_t n)
{
    ZSTD_inBuffer in = {u->packed.at, la_capture_source_left(&u->packed), 0};
    ZSTD_outBuffer made = {out, n, 0};
    size_t result = ZSTD_decompressStream(u->zstd, &made, &in);
    la_capture_source_skip(&u->packed, in.pos);
    u->within = result != 0;
    ZSTD_ErrorCode error = ZSTD_getErrorCode(result);
    if (error == ZSTD_error_memory_allocation)
        starve(u);
    else if (error == ZSTD_error_frameParameter_windowTooLarge)
        u->damage = "its zstd compression needs a window beyond 128 MiB: unpack it first (zstd -dc "
                    "--long=31)";
    else if (error != ZSTD_error_no_error)
        u->damage = "its zstd compression is damaged";
    return made.pos;
}

static void
zstd_end(struct la_capture_unpack *u)
{
    (void)ZSTD_freeDStream(u->zstd);
}
#else
static const char *
zstd_begin(struct la_capture_unpack *u)
{
    (void)u;
    return "compressed with zstd, and this program was built without libzstd: unpack it first "
           "(zstd "
           "-dc), or install libzstd-dev and build again";
}
#endif

static const char *
unpack_begin(struct la_capture_unpack *u)
{
    switch (u->kind) {
    case LA_CAPTURE_GZIP:
        return gzip_begin(u);
    case LA_CAPTURE_ZSTD:
        return zstd_begin(u);
    case LA_CAPTURE_XZ:
        return "compressed with xz: unpack it first (xz -dc)";
    case LA_CAPTURE_BZIP2:
        return "compressed with bzip2: unpack it first (bzip2 -dc)";
    case LA_CAPTURE_LZ4:
        return "compressed with lz4: unpack it first (lz4 -dc)";
    case LA_CAPTURE_PLAIN:
        break;
    }
    return "not compressed";
}

struct la_capture_unpack *
la_capture_unpack_new(enum la_capture_packed kind, const struct la_capture_source *packed,
                      const char **error)
{
    struct la_capture_unpack *u = calloc(1, sizeof(*u));
    if (u == NULL) {
        *error = "no memory to unpack it";
        return NULL;
    }
    u->kind = kind;
    u->packed.fd = -1;
    *error = unpack_begin(u);
    if (*error != NULL) {
        la_capture_unpack_free(u);
        return NULL;
    }
    u->packed = *packed;
    return u;
}

static size_t
unpack_step(struct la_capture_unpack *u, uint8_t *out, size_t n)
{
#if LA_HAVE_ZLIB
    if (u->kind == LA_CAPTURE_GZIP)
        return gzip_step(u, out, n);
#endif
#if LA_HAVE_ZSTD
    if (u->kind == LA_CAPTURE_ZSTD)
        return zstd_step(u, out, n);
#endif
    (void)u;
    (void)out;
    (void)n;
    return 0;
}

/* Between members: zeros pad tapes and block devices; whatever else is no member ends the file. */
static bool
member_follows(struct la_capture_unpack *u)
{
    struct la_capture_source *packed = &u->packed;
    while (la_capture_source_has(packed, 1) && packed->at[0] == 0)
        la_capture_source_skip(packed, 1);
    if (!la_capture_source_has(packed, LA_CAPTURE_PACKED_MAGIC_BYTES) ||
        u->kind == LA_CAPTURE_ZSTD) /* a skippable frame has another number: its library knows */
        return la_capture_source_left(packed) > 0;
    if (la_capture_packed_kind(packed->at) == u->kind)
        return true;
    u->damage = "octets that belong to nothing follow its compressed ones";
    return false;
}

size_t
la_capture_unpack_read(struct la_capture_unpack *u, uint8_t *out, size_t n)
{
    while (u->damage == NULL && !u->starved) {
        if (!u->within && !member_follows(u))
            return 0;
        size_t made = unpack_step(u, out, n);
        if (made > 0)
            return made;
        /* Nothing was made of what is there: more is needed. */
        if (u->within && u->damage == NULL &&
            !la_capture_source_has(&u->packed, la_capture_source_left(&u->packed) + 1)) {
            if (u->packed.ended && u->packed.err == 0)
                u->damage = "its compressed octets end too early";
            return 0;
        }
    }
    return 0;
}

const char *
la_capture_unpack_state(const struct la_capture_unpack *u, const struct la_capture_source **packed)
{
    *packed = &u->packed;
    return u->damage;
}

void
la_capture_unpack_free(struct la_capture_unpack *u)
{
    if (u == NULL)
        return;
#if LA_HAVE_ZLIB
    if (u->kind == LA_CAPTURE_GZIP)
        gzip_end(u);
#endif
#if LA_HAVE_ZSTD
    if (u->kind == LA_CAPTURE_ZSTD)
        zstd_end(u);
#endif
    la_capture_source_close(&u->packed);
    free(u);
}
