/* SPDX-License-Identifier: MIT
 *
 * test_want.c - readers that are refused memory, and so are the libraries that they use
 *
 * Each capture is read once in peace, and then again and again with another allocation refused,
 * alone or with all behind it, until one is never reached. There is one line of error, or what was
 * read is whole, or it is what stands before the place where a note says that memory was missing;
 * and nothing leaks. malloc() of this program is everybody's: zlib and libzstd call it, too.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <errno.h>

#include "capture/captures.h"
#include "files.h"

enum { EPOCH_S = 1700000000, LINKTYPE_RAW = 101 };
enum { BIG_PACKETS_N = 4, PCAPNG_PACKETS_N = 40 + BIG_PACKETS_N, PCAP_PACKETS_N = 20 };
#define PCAP_MICRO UINT32_C(0xa1b2c3d4)

void *__libc_malloc(size_t n);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *p, size_t n);
void __libc_free(void *p);

/* Of the whole program, its libraries included. */
#define EVERYBODYS __attribute__((visibility("default")))
EVERYBODYS void *malloc(size_t n);
EVERYBODYS void *calloc(size_t n, size_t size);
EVERYBODYS void *realloc(void *p, size_t n);
EVERYBODYS void free(void *p);

static bool watched, and_all_behind;
static unsigned calls_n, fails_at;
static long live_n;

static bool
refused(void)
{
    if (!watched)
        return false;
    calls_n++;
    bool fails = fails_at != 0 && (calls_n == fails_at || (and_all_behind && calls_n > fails_at));
    if (fails)
        errno = ENOMEM;
    return fails;
}

static void *
counted(void *p)
{
    live_n += watched && p != NULL;
    return p;
}

void *
malloc(size_t n)
{
    return refused() ? NULL : counted(__libc_malloc(n));
}

void *
calloc(size_t n, size_t size)
{
    return refused() ? NULL : counted(__libc_calloc(n, size));
}

void *
realloc(void *p, size_t n)
{
    if (refused())
        return NULL;
    void *grown = __libc_realloc(p, n);
    return p == NULL ? counted(grown) : grown;
}

void
free(void *p)
{
    live_n -= watched && p != NULL;
    __libc_free(p);
}

/* ---- reading ---------------------------------------------------------------------------- */

/* What was read, and how it ended. */
struct got {
    bool opened, failed;
    char error[LA_CAPTURE_LINE_BYTES];
    unsigned packets_n;
    uint64_t hash[FILES_PACKETS_MAX]; /* of each packet */
    size_t notes_n;
    char note[LA_CAPTURE_LINE_BYTES]; /* the first one */
};

static uint64_t
hash_of(const struct la_capture_packet *packet)
{
    uint64_t hash = (uint64_t)packet->at.ns ^ packet->link_type ^ (uint64_t)packet->iface_idx << 32;
    for (uint32_t i = 0; i < packet->cap_bytes; i++)
        hash = (hash ^ packet->data[i]) * UINT64_C(0x100000001b3);
    return hash;
}

static void
packets_read(struct la_captures *captures, struct got *got)
{
    const struct la_capture_note *notes;
    struct la_capture_packet packet;
    while (la_captures_next(captures, &packet) == LA_CAPTURE_PACKET) {
        assert_true(got->packets_n < FILES_PACKETS_MAX);
        got->hash[got->packets_n++] = hash_of(&packet);
    }
    got->failed = la_captures_failed(captures);
    got->notes_n = la_captures_notes(captures, 0, &notes);
    if (got->notes_n > 0)
        memcpy(got->note, notes[0].text, sizeof(got->note));
}

/* With `follow` through a buffer, else mapped. */
static struct got
read_once(const char *path, bool follow)
{
    const struct la_captures_options options = {.follow = follow};
    struct got got = {0};
    calls_n = 0;
    live_n = 0;
    watched = true;
    bool is_mistaken;
    struct la_captures *captures = la_captures_new(&options, &is_mistaken, got.error);
    got.opened = captures != NULL && la_captures_add_file(captures, path, got.error);
    if (got.opened)
        packets_read(captures, &got);
    la_captures_free(captures);
    watched = false;
    return got;
}

static void
holds(const struct got *got, const struct got *whole)
{
    if (live_n != 0)
        fail_msg("call %u: %ld blocks are left", fails_at, live_n);
    if (!got->opened) {
        if (strstr(got->error, "memory") == NULL || strchr(got->error, '\n') != NULL)
            fail_msg("call %u: not opened, and nothing says why: %s", fails_at, got->error);
        return;
    }
    assert_in_range(got->packets_n, 0, whole->packets_n);
    assert_memory_equal(got->hash, whole->hash, got->packets_n * sizeof(got->hash[0]));
    if (got->packets_n == whole->packets_n && got->notes_n == 0 && !got->failed)
        return;
    if (!got->failed || got->notes_n != 1 || strstr(got->note, "memory") == NULL)
        fail_msg("call %u: %u packets, %zu notes: %s", fails_at, got->packets_n, got->notes_n,
                 got->note);
}

/* All that is asked for to read these octets, and at least calls_n_min calls. */
static void
in_want(struct la_bytes octets, unsigned packets_n, unsigned calls_n_min)
{
    char path[32];
    int fd = files_on_disk(octets, path);
    for (int follow = 0; follow < 2; follow++) {
        fails_at = 0;
        const struct got whole = read_once(path, follow != 0);
        holds(&whole, &whole);
        assert_int_equal(whole.packets_n, packets_n);
        assert_true(calls_n >= calls_n_min + (unsigned)follow);
        for (int all = 0; all < 2; all++) {
            and_all_behind = all != 0;
            do {
                fails_at++;
                const struct got got = read_once(path, follow != 0);
                holds(&got, &whole);
            } while (calls_n >= fails_at);
            fails_at = 0;
        }
    }
    close(fd);
}

/* ---- tests ------------------------------------------------------------------------------ */

/* More interfaces than the first room holds, of different kinds, with packets between them, of
 * which some are more than the first buffer holds. */
static void
pcapng_fill(struct files_writer *w)
{
    files_section(w);
    for (uint32_t i = 0; i < 20; i++) {
        files_iface(w, i % 2 == 0 ? 1 : LINKTYPE_RAW, 0, 0);
        files_packet(w, i, i, 20, (uint8_t)i);
    }
    for (uint32_t i = 0; i < BIG_PACKETS_N; i++)
        files_packet(w, 19, 5, 300000, 7);
    for (uint32_t i = 0; i < 20; i++)
        files_packet(w, i, 6, 40, (uint8_t)(i + 1));
}

static void
pcap_fill(struct files_writer *w)
{
    files_pcap(w, PCAP_MICRO, 1);
    for (uint32_t s = 0; s < PCAP_PACKETS_N; s++)
        files_record(w, EPOCH_S + s, s, s % 4 == 3 ? 250000 : 60, (uint8_t)(s + 1), 16);
}

/* la_captures_new(), two arrays, a name and a reader; a buffer, when it is followed. */
enum { CALLS_TO_OPEN = 5 };

static void
test_want__plain(void **state)
{
    struct files_writer pcap = {0}, pcapng = {0};
    (void)state;
    pcap_fill(&pcap);
    pcapng_fill(&pcapng);
    in_want((struct la_bytes){pcap.buf.p, pcap.buf.n}, PCAP_PACKETS_N, CALLS_TO_OPEN);
    in_want((struct la_bytes){pcapng.buf.p, pcapng.buf.n}, PCAPNG_PACKETS_N, CALLS_TO_OPEN + 2);
    la_capture_buf_fini(&pcap.buf);
    la_capture_buf_fini(&pcapng.buf);
}

#if LA_HAVE_ZLIB && LA_HAVE_ZSTD

/* In two members: a buffer, the state and the library's own, which comes when there is something to
 * unpack. */
static void
test_want__compressed(void **state)
{
    enum { ROOM = 1 << 20 };
    struct files_writer pcap = {0}, pcapng = {0};
    uint8_t *file = malloc(ROOM);
    (void)state;
    assert_non_null(file);
    pcap_fill(&pcap);
    pcapng_fill(&pcapng);
    for (int zstd = 0; zstd < 2; zstd++)
        for (int ng = 0; ng < 2; ng++) {
            const struct files_writer *w = ng != 0 ? &pcapng : &pcap;
            size_t half = w->buf.n / 3;
            size_t n = files_packed(zstd != 0, (struct la_bytes){w->buf.p, half}, file, ROOM);
            n += files_packed(zstd != 0, (struct la_bytes){w->buf.p + half, w->buf.n - half},
                              file + n, ROOM - n);
            in_want((struct la_bytes){file, n}, ng != 0 ? PCAPNG_PACKETS_N : PCAP_PACKETS_N,
                    CALLS_TO_OPEN + 4);
        }
    la_capture_buf_fini(&pcap.buf);
    la_capture_buf_fini(&pcapng.buf);
    free(file);
}

#endif

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_want__plain),
#if LA_HAVE_ZLIB && LA_HAVE_ZSTD
        cmocka_unit_test(test_want__compressed),
#endif
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
