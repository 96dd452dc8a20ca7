/* SPDX-License-Identifier: MIT
 *
 * lastack/base.h - values that every other header uses
 *
 * Time, bytes, addresses, errors and memory. Nothing here performs I/O, reads a clock or
 * keeps a global: time is an argument, memory comes from a struct la_mem that the embedder made.
 *
 * Byte order: host order everywhere, except inside byte arrays that hold what was on the wire.
 */
#ifndef LASTACK_BASE_H
#define LASTACK_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LA_MUST_CHECK __attribute__((warn_unused_result))

/* Around the declarations of every public header: visible outside a shared library, C linkage. */
#ifdef __cplusplus
#define LA_API_BEGIN _Pragma("GCC visibility push(default)") extern "C" {
#define LA_API_END } _Pragma("GCC visibility pop")
#else
#define LA_API_BEGIN _Pragma("GCC visibility push(default)")
#define LA_API_END _Pragma("GCC visibility pop")
#endif

LA_API_BEGIN

/* ---- errors ----------------------------------------------------------------------------- */

/* 0 is success; negative values are enum la_err_code (lastack/err.def). */
typedef int32_t la_err;
/* A length, or a negative la_err. */
typedef int64_t la_ssize;

enum la_err_code {
    LA_OK = 0,
#define ERR(name, value, errno_name, text) LA_ERR_##name = (value),
#include <lastack/err.def>
#undef ERR
};

/* One English sentence without full stop; never NULL, also for unknown values. Pure. */
const char *la_strerror(la_err err);
/* The code's short name, such as "CONNECTION_REFUSED". Never NULL. Pure. */
const char *la_err_name(la_err err);

/* ---- time ------------------------------------------------------------------------------- */

/* A point in time: nanoseconds since an epoch of the embedder's choice (a capture's stamps use
 * the Unix epoch). It must never go back between two calls on one instance. */
typedef struct {
    int64_t ns;
} la_instant;

#define LA_INSTANT_NEVER ((la_instant){INT64_MAX})

/* ---- bytes ------------------------------------------------------------------------------ */

/* Borrowed bytes: never freed by the borrower, valid as long as their source. */
struct la_bytes {
    const uint8_t *p;
    size_t n;
};

/* Borrowed room to write into. */
struct la_room {
    uint8_t *p;
    size_t n;
};

/* ---- addresses -------------------------------------------------------------------------- */

/* An IPv6 address, or an IPv4 address in its v4-mapped form ::ffff:a.b.c.d (such addresses never
 * appear on the wire, so the two families cannot be confused). */
struct la_addr {
    uint8_t b[16];
};

struct la_endpoint {
    struct la_addr addr;
    uint16_t port;
};

/* "10.0.0.1", "2001:db8::1"; no port, no brackets. False when the text is not an address. */
bool la_addr_parse(const char *text, struct la_addr *out);
/* Room for any address with its zero byte. */
#define LA_ADDR_TEXT_BYTES 46
/* RFC 5952 form for IPv6. Returns `out`. */
char *la_addr_format(const struct la_addr *addr, char out[LA_ADDR_TEXT_BYTES]);
struct la_addr la_addr_v4(uint8_t a, uint8_t b, uint8_t c, uint8_t d);
bool la_addr_is_v4(const struct la_addr *addr);
bool la_addr_equal(const struct la_addr *a, const struct la_addr *b);
/* 0.0.0.0 or ::, "any address". */
bool la_addr_is_any(const struct la_addr *addr);

/* ---- memory ----------------------------------------------------------------------------- */

/* The embedder's allocator. `free` is told the size that was asked for. Blocks are aligned for
 * any object. `alloc` may return NULL at any time: that is a tested path. */
struct la_alloc {
    void *(*alloc)(void *ctx, size_t n);
    void (*free)(void *ctx, void *p, size_t n);
    void *ctx;
};

/* An allocator with a byte budget, and the pools of frames and payload blocks drawn from it. One
 * thread's. Stacks joined in one thread may share one, and then hand frames to each other
 * without copying. Counted: it lives until the last holder and the last block is gone. */
struct la_mem;

/* budget_bytes: what may be taken from `alloc` at any one time, 0 = no limit.
 * NULL when not even the object itself could be allocated. Caller owns one reference. */
struct la_mem *la_mem_new(const struct la_alloc *alloc, uint64_t budget_bytes);
/* All memory inside [base, base + n), `base` aligned to 64: the whole state of an instance can be
 * cloned by copying the region back to the same address. What the region holds is the budget. NULL
 * when n is too small (< 64 KiB) or `base` is not aligned. */
struct la_mem *la_mem_new_arena(void *base, size_t n);
struct la_mem *la_mem_ref(struct la_mem *mem);
void la_mem_unref(struct la_mem *mem);

struct la_mem_stats {
    uint64_t used_bytes;    /* taken from the allocator now, free lists included */
    uint64_t peak_bytes;
    uint64_t budget_bytes;  /* 0 = none */
    uint64_t alloc_n;       /* calls of alloc that succeeded */
    uint64_t failed_n;      /* requests refused by the allocator or the budget */
    uint64_t frames_live_n; /* frames that somebody owns */
    uint64_t blocks_live_n; /* payload blocks that somebody refers to */
};
void la_mem_stats_get(const struct la_mem *mem, struct la_mem_stats *out);
/* Gives what the free lists hold back to the allocator as far as whole pieces are free. */
void la_mem_trim(struct la_mem *mem);

/* ---- assertions ------------------------------------------------------------------------- */

/* The one process-wide symbol: called when an internal invariant does not hold, noreturn. The
 * library brings a weak definition that traps; an embedder may define its own. A received frame
 * can never get here: if one does, it is a bug of lastack. */
__attribute__((noreturn)) void la_assert_failed(const char *file, int line, const char *expr);

/* "0.1.0" */
const char *la_version(void);

LA_API_END

#endif
