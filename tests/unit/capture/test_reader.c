/* SPDX-License-Identifier: MIT
 *
 * test_reader.c - captures of every kind give their packets, and damaged ones what is there
 */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "files.h"

#define PCAP_MICRO UINT32_C(0xa1b2c3d4)
#define PCAP_NANO UINT32_C(0xa1b23c4d)
enum { EPOCH_S = 1700000000 };

static struct la_bytes
octets_of(const struct files_writer *w)
{
    assert_false(w->buf.failed);
    return (struct la_bytes){w->buf.p, w->buf.n};
}

static int64_t
ns_of(uint32_t s, uint32_t ns)
{
    return (int64_t)s * 1000000000 + ns;
}

/* Each magic number, in both byte orders, with the record headers that go with it. */
static void
test_reader__pcap_variants(void **state)
{
    static const struct {
        uint32_t magic, header_bytes, file_extra_bytes, unit_ns;
    } variants[] = {
        {PCAP_MICRO, 16, 0, 1000}, {PCAP_MICRO, 20, 0, 1000}, {PCAP_MICRO, 24, 0, 1000},
        {PCAP_NANO, 16, 0, 1},     {0xa1b2cd34, 24, 0, 1000}, {0xa1b2cd34, 28, 0, 1000},
        {0xa1b234cd, 16, 0, 1000}, {0xa12b3c4d, 16, 0, 1000}, {0x1c0001ac, 16, 4, 1},
        {0x1c0001ab, 16, 4, 1000},
    };
    (void)state;
    for (size_t v = 0; v < sizeof variants / sizeof variants[0]; v++)
        for (int i = 0; i < 4; i++) {
            struct files_writer w = {.big_endian = i & 1};
            files_pcap(&w, variants[v].magic, 101);
            if (variants[v].file_extra_bytes != 0)
                files_u32(&w, 0);
            for (uint32_t n = 0; n < 5; n++)
                files_record(&w, EPOCH_S + n, n, 40 + n, (uint8_t)(0x45 + n),
                             variants[v].header_bytes);
            const struct files_read *got = files_read_back(octets_of(&w), i & 2);
            assert_true(got->opened);
            assert_int_equal(got->n, 5);
            assert_int_equal(got->notes_n, 0);
            for (uint32_t n = 0; n < 5; n++) {
                assert_int_equal(got->packet[n].at.ns, ns_of(EPOCH_S + n, n * variants[v].unit_ns));
                assert_int_equal(got->packet[n].cap_bytes, 40 + n);
                assert_int_equal(got->packet[n].wire_bytes, 50 + n);
                assert_int_equal(got->packet[n].link_type, 101);
                assert_int_equal(got->packet[n].frame_n, n + 1);
                assert_int_equal(got->first[n], 0x45 + n);
            }
            la_capture_buf_fini(&w.buf);
        }
}

/* Cut anywhere: the whole records before the cut, and one note unless it is between records. */
static void
test_reader__pcap_cut_anywhere(void **state)
{
    struct files_writer w = {0};
    (void)state;
    files_pcap(&w, PCAP_MICRO, 1);
    for (uint32_t n = 0; n < 4; n++)
        files_record(&w, EPOCH_S + n, n, 30, (uint8_t)n, 16);
    for (size_t n = 0; n <= w.buf.n; n++)
        for (int pipe = 0; pipe < 2; pipe++) {
            const struct files_read *got =
                files_read_back((struct la_bytes){w.buf.p, n}, pipe != 0);
            assert_true(got->opened);
            assert_int_equal(got->n, n < 24 ? 0 : (n - 24) / 46);
            assert_int_equal(got->damage_n, n < 24 || (n - 24) % 46 != 0);
        }
    la_capture_buf_fini(&w.buf);
}

/* One record's length is absurd: the others are all there. */
static void
test_reader__pcap_resynchronises(void **state)
{
    static const uint32_t lengths[] = {0x7fffffff, 0xffffffff, 300000, 31, 29, 0, 100};
    (void)state;
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++)
        for (int pipe = 0; pipe < 2; pipe++) {
            struct files_writer w = {0};
            files_pcap(&w, PCAP_MICRO, 1);
            for (uint32_t n = 0; n < 8; n++)
                files_record(&w, EPOCH_S + n, n, 30, (uint8_t)(0x80 + n), 16);
            la_capture_buf_set_u32(&w.buf, 24 + 2 * 46 + 8, lengths[i]);
            const struct files_read *got = files_read_back(octets_of(&w), pipe != 0);
            assert_true(got->opened);
            assert_true(got->damage_n >= 1);
            assert_true(got->n >= 6);
            for (size_t n = 0; n < 2; n++)
                assert_int_equal(got->first[n], 0x80 + n);
            /* From the fourth on they are what they were. A pipe's octets that were taken for a
             * packet are gone. */
            for (size_t n = 0; n < 4; n++)
                assert_int_equal(got->first[got->n - 1 - n], 0x87 - n);
            if (pipe == 0)
                assert_int_equal(got->first[got->n - 5], 0x83);
            la_capture_buf_fini(&w.buf);
        }
}

/* Clocks jump, and a stamp can be wrong: that is no damage of the file's structure. */
static void
test_reader__pcap_time_jumps(void **state)
{
    static const uint32_t jumps_s[2][6] = {
        {EPOCH_S, EPOCH_S + 1, 2 * (EPOCH_S / 2) - 400000000, 2 * (EPOCH_S / 2) - 399999999,
         2 * (EPOCH_S / 2) - 399999998, 2 * (EPOCH_S / 2) - 399999997},
        {EPOCH_S, EPOCH_S + 1, 12345, EPOCH_S + 2, EPOCH_S + 3, EPOCH_S + 4}};
    (void)state;
    for (int i = 0; i < 2; i++) {
        struct files_writer w = {0};
        files_pcap(&w, PCAP_NANO, 1);
        for (uint32_t n = 0; n < 6; n++)
            files_record(&w, jumps_s[i][n], n, 30, (uint8_t)(0x80 + n), 16);
        const struct files_read *got = files_read_back(octets_of(&w), false);
        assert_int_equal(got->n, 6);
        assert_int_equal(got->notes_n, 0);
        for (uint32_t n = 0; n < 6; n++)
            assert_int_equal(got->packet[n].at.ns, ns_of(jumps_s[i][n], n));
        la_capture_buf_fini(&w.buf);
    }
}

/* cat a.pcap b.pcap: another byte order, another link type. */
static void
test_reader__pcap_behind_pcap(void **state)
{
    struct files_writer w = {0};
    (void)state;
    files_pcap(&w, PCAP_MICRO, 1);
    files_record(&w, EPOCH_S, 1, 30, 1, 16);
    w.big_endian = true;
    files_pcap(&w, PCAP_NANO, 101);
    files_pcap(&w, PCAP_NANO, 113);
    files_record(&w, EPOCH_S, 2, 30, 2, 16);
    const struct files_read *got = files_read_back(octets_of(&w), false);
    assert_int_equal(got->n, 2);
    assert_int_equal(got->damage_n, 0);
    assert_int_equal(got->notes_n, 1);
    assert_int_equal(got->packet[0].link_type, 1);
    assert_int_equal(got->packet[1].link_type, 113);
    assert_int_equal(got->packet[1].at.ns, ns_of(EPOCH_S, 2));
    assert_int_equal(got->packet[1].frame_n, 2);
    la_capture_buf_fini(&w.buf);
}

static void
test_reader__foreign_files(void **state)
{
    static const struct {
        const char *octets;
        const char *says;
    } files[] = {
        {"GIF89a..", "not a capture: begins with 47 49 46 38"},
        {"\xfd"
         "7zXZ...",
         "xz -dc"},
        {"BZh91AY", "bzip2 -dc"},
        {"\x04\x22\x4d\x18...", "lz4 -dc"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        const struct files_read *got = files_read_back(
            (struct la_bytes){(const uint8_t *)files[i].octets, strlen(files[i].octets)}, false);
        assert_false(got->opened);
        assert_non_null(strstr(got->error, files[i].says));
    }
    char error[LA_CAPTURE_LINE_BYTES];
    const struct la_capture_reader_options options = {0};
    assert_null(la_capture_reader_open("/nonexistent/file", &options, error));
    assert_non_null(strstr(error, "No such file"));
    assert_null(la_capture_reader_open("/", &options, error));
    assert_non_null(strstr(error, "Is a directory"));
}

/* RFC 1761; cut anywhere, and with a record that cannot be. */
static void
test_reader__snoop(void **state)
{
    struct files_writer w = {.big_endian = true};
    (void)state;
    files_bytes(&w, "snoop\0\0\0", 8);
    files_u32(&w, 2);
    files_u32(&w, 4);
    for (uint32_t n = 0; n < 4; n++) {
        const uint32_t fields[] = {40, 30, 24 + 32, n, EPOCH_S + n, n};
        for (size_t i = 0; i < 6; i++)
            files_u32(&w, fields[i]);
        for (size_t i = 0; i < 32; i++)
            files_bytes(&w, &(uint8_t){(uint8_t)(0x80 + n)}, 1);
    }
    for (size_t n = 0; n <= w.buf.n; n++) {
        const struct files_read *got = files_read_back((struct la_bytes){w.buf.p, n}, n % 2 != 0);
        if (n >= 4 && n < 8) { /* not even its name is there */
            assert_false(got->opened);
            continue;
        }
        assert_true(got->opened);
        assert_int_equal(got->n, n < 16 ? 0 : (n - 16) / 56);
        assert_int_equal(got->damage_n, n < 16 || (n - 16) % 56 != 0);
    }
    const struct files_read *got = files_read_back(octets_of(&w), false);
    assert_int_equal(got->packet[3].at.ns, ns_of(EPOCH_S + 3, 3000));
    assert_true(got->packet[3].cap_bytes == 30 && got->packet[3].wire_bytes == 40);
    assert_int_equal(got->packet[3].link_type, 1);
    assert_int_equal(got->first[3], 0x83);
    assert_int_equal(got->notes_n, 1);
    assert_non_null(strstr(got->note[0], "3 packets were dropped"));
    w.buf.p[16 + 56 + 8] = 1;
    got = files_read_back(octets_of(&w), false);
    assert_int_equal(got->n, 1);
    assert_int_equal(got->damage_n, 1);
    la_capture_buf_fini(&w.buf);
}

/* ---- pcapng -----------------------------------------------------------------------------------
 */

/* Two sections of either byte order, each with interfaces of its own; what is no packet is skipped.
 */
static void
test_reader__pcapng_sections(void **state)
{
    (void)state;
    for (int i = 0; i < 4; i++) {
        struct files_writer w = {.big_endian = i & 1};
        files_section(&w);
        files_iface(&w, 1, 0, 0);
        files_block(&w, 4, "\0\0\0\0", 4);      /* names */
        files_block(&w, 10, "KSLT\0\0\0\0", 8); /* decryption secrets */
        files_packet(&w, 0, UINT64_C(1700000000000001), 41, 1);
        files_iface(&w, 101, 9, 3600);
        files_block(&w, 0xBAD, "\0\0\0\1abcd", 8); /* custom */
        files_block(&w, 0x12345, "unknown", 7);
        files_packet(&w, 1, UINT64_C(1700000000000000002), 42, 2);
        w.big_endian = !w.big_endian;
        files_section(&w);
        files_iface(&w, 113, 0x80 | 32, -5);
        files_packet(&w, 0, (UINT64_C(1700000000) << 32) | 0x80000000, 43, 3);
        const struct files_read *got = files_read_back(octets_of(&w), i & 2);
        assert_true(got->opened);
        assert_int_equal(got->n, 3);
        assert_int_equal(got->notes_n, 0);
        static const int64_t at_ns[] = {1700000000000001000, 1700003600000000002,
                                        1699999995500000000};
        static const uint16_t link_types[] = {1, 101, 113};
        for (size_t n = 0; n < 3; n++) {
            assert_int_equal(got->packet[n].at.ns, at_ns[n]);
            assert_int_equal(got->packet[n].link_type, link_types[n]);
            assert_int_equal(got->packet[n].iface_idx, n);
            assert_int_equal(got->packet[n].cap_bytes, 41 + n);
            assert_int_equal(got->packet[n].wire_bytes, 42 + n);
            assert_true(got->packet[n].has_time);
            assert_int_equal(got->first[n], n + 1);
        }
        la_capture_buf_fini(&w.buf);
    }
}

/* Stamps of every resolution mean the same moment; those that 64 bits cannot hold do no harm. */
static void
test_reader__pcapng_resolutions(void **state)
{
    struct files_writer w = {0};
    uint64_t unit = 1;
    uint32_t ifaces_n = 0;
    (void)state;
    files_section(&w);
    for (uint8_t n = 1; n <= 9; n++, ifaces_n++)
        files_iface(&w, 1, n, 0);
    files_iface(&w, 1, 0x80 | 20, 0);
    files_iface(&w, 1, 0x80 | 50, 0);
    files_iface(&w, 1, 12, 0);
    for (uint32_t i = 0; i < ifaces_n; i++) {
        unit *= 10;
        files_packet(&w, i, 1000 * unit + unit / 10 * 5, 4, 1);
    }
    files_packet(&w, ifaces_n, (1000 << 20) + (1 << 19), 4, 1);
    files_packet(&w, ifaces_n + 1, (UINT64_C(1000) << 50) + (UINT64_C(1) << 49), 4, 1);
    files_packet(&w, ifaces_n + 2, UINT64_C(1000500000000000), 4, 1);
    files_iface(&w, 1, 1, INT64_MAX);
    files_iface(&w, 1, 0x80 | 127, INT64_MIN);
    files_iface(&w, 1, 127, 0);
    for (uint32_t i = 0; i < 3; i++)
        files_packet(&w, ifaces_n + 3 + i, UINT64_MAX, 4, 1);
    const struct files_read *got = files_read_back(octets_of(&w), false);
    assert_int_equal(got->n, ifaces_n + 6);
    assert_int_equal(got->notes_n, 0);
    for (uint32_t i = 0; i < ifaces_n + 3; i++)
        assert_int_equal(got->packet[i].at.ns, ns_of(1000, 500000000));
    assert_int_equal(got->packet[ifaces_n + 3].at.ns, INT64_MAX);
    assert_int_equal(got->packet[ifaces_n + 4].at.ns, INT64_MIN);
    assert_int_equal(got->packet[ifaces_n + 5].at.ns, 0);
    la_capture_buf_fini(&w.buf);
}

/* Simple and obsolete packet blocks; comments and flags of an enhanced one; drops. */
static void
test_reader__pcapng_packet_blocks(void **state)
{
    static const uint8_t simple[104] = {100, [4] = 7};
    static const uint8_t obsolete[] = {0, 0, 9, 0, 0, 0, 0, 0, 5, 0, 0, 0,
                                       4, 0, 0, 0, 4, 0, 0, 0, 8, 8, 8, 8};
    static const uint8_t enhanced[] = {0,   0, 0, 0, 0, 0, 0, 0, 6, 0, 0, 0, 1, 0,   0,
                                       0,   1, 0, 0, 0, 9, 0, 0, 0, 1, 0, 3, 0, 'a', 'b',
                                       'c', 0, 2, 0, 4, 0, 2, 0, 0, 0, 0, 0, 0, 0};
    static const uint8_t stats[] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 5, 0,
                                    8, 0, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0};
    struct files_writer w = {0};
    (void)state;
    files_section(&w);
    files_iface(&w, 1, 0, 0); /* snapshot length 96 */
    files_block(&w, 3, simple, sizeof simple);
    files_block(&w, 2, obsolete, sizeof obsolete);
    files_block(&w, 6, enhanced, sizeof enhanced);
    files_block(&w, 5, stats, sizeof stats);
    files_block(&w, 5, stats, sizeof stats);
    const struct files_read *got = files_read_back(octets_of(&w), false);
    assert_int_equal(got->n, 3);
    assert_int_equal(got->damage_n, 0);
    assert_int_equal(got->notes_n, 2);
    assert_non_null(strstr(got->note[0], "without a time"));
    assert_non_null(strstr(got->note[1], "3 packets were dropped"));
    assert_int_equal(got->packet[0].cap_bytes, 96);
    assert_int_equal(got->packet[0].wire_bytes, 100);
    assert_false(got->packet[0].has_time);
    assert_int_equal(got->packet[0].at.ns, 0);
    assert_int_equal(got->packet[1].at.ns, 5000);
    assert_int_equal(got->first[1], 8);
    assert_int_equal(got->packet[2].direction, LA_CAPTURE_OUTBOUND);
    assert_int_equal(got->packet[2].comment.n, 3);
    la_capture_buf_fini(&w.buf);
}

/* A wrong octet anywhere behind the header of the section: the other packets are there. */
static void
test_reader__pcapng_one_wrong_octet(void **state)
{
    struct files_writer w = {0};
    (void)state;
    files_section(&w);
    files_iface(&w, 1, 0, 0);
    size_t begin = w.buf.n;
    for (uint8_t n = 0; n < 6; n++)
        files_packet(&w, 0, n, 20, (uint8_t)(0x80 + n));
    for (size_t off = begin; off < w.buf.n; off++) {
        size_t bad = (off - begin) / 52;
        for (int bit = 0; bit < 8; bit += 7) {
            w.buf.p[off] ^= (uint8_t)(1 << bit);
            const struct files_read *got = files_read_back(octets_of(&w), bit == 7);
            assert_true(got->opened);
            assert_true(got->n == 5 || got->n == 6);
            for (size_t n = 0; n < bad; n++)
                assert_int_equal(got->first[n], 0x80 + n);
            for (size_t n = 0; n < 5 - bad; n++)
                assert_int_equal(got->first[got->n - 1 - n], 0x85 - n);
            /* Another type of block is none that is wrong. */
            bool in_type = (off - begin) % 52 < 4;
            assert_int_equal(got->damage_n, in_type || got->n == 6 ? got->damage_n : 1);
            w.buf.p[off] ^= (uint8_t)(1 << bit);
        }
    }
    la_capture_buf_fini(&w.buf);
}

static void
test_reader__pcapng_cut_anywhere(void **state)
{
    struct files_writer w = {0};
    (void)state;
    files_section(&w);
    files_iface(&w, 1, 0, 0);
    size_t begin = w.buf.n;
    for (uint8_t n = 0; n < 3; n++)
        files_packet(&w, 0, n, 20, (uint8_t)(0x80 + n));
    for (size_t n = 0; n <= w.buf.n; n++) {
        const struct files_read *got = files_read_back((struct la_bytes){w.buf.p, n}, n % 2 != 0);
        assert_true(got->opened);
        assert_int_equal(got->n, n < begin ? 0 : (n - begin) / 52);
        bool between = n == 28 || n == begin || (n > begin && (n - begin) % 52 == 0);
        assert_int_equal(got->damage_n, !between);
    }
    la_capture_buf_fini(&w.buf);
}

/* An interface of which only the number is known keeps it: those behind it keep theirs. */
static void
test_reader__pcapng_interface_cut(void **state)
{
    struct files_writer w = {0};
    (void)state;
    files_section(&w);
    files_iface(&w, 1, 0, 0);
    files_block(&w, 1, "\1\0\0\0", 4);
    files_iface(&w, 101, 0, 0);
    for (uint32_t iface = 0; iface < 3; iface++)
        files_packet(&w, iface, iface, 20, (uint8_t)(iface + 1));
    const struct files_read *got = files_read_back(octets_of(&w), false);
    assert_int_equal(got->n, 2);
    assert_int_equal(got->packet[0].link_type, 1);
    assert_int_equal(got->first[1], 3);
    assert_int_equal(got->packet[1].link_type, 101);
    assert_int_equal(got->notes_n, 1);
    assert_non_null(strstr(got->note[0], "is cut; its packets are left out"));
    la_capture_buf_fini(&w.buf);
}

/* ---- compressed -------------------------------------------------------------------------------
 */

#if LA_HAVE_ZLIB && LA_HAVE_ZSTD

/* One file in two members; cut anywhere and with any octet wrong it gives a result. */
static void
test_reader__compressed(void **state)
{
    static uint8_t file[8192];
    struct files_writer w = {0};
    (void)state;
    files_pcap(&w, PCAP_MICRO, 1);
    for (uint32_t n = 0; n < 20; n++)
        files_record(&w, EPOCH_S + n, n * 7919, 40, (uint8_t)(0x80 + n), 16);
    for (int zstd = 0; zstd < 2; zstd++) {
        size_t n = files_packed(zstd, (struct la_bytes){w.buf.p, 301}, file, sizeof file);
        size_t first_n = n;
        n += files_packed(zstd, (struct la_bytes){w.buf.p + 301, w.buf.n - 301}, file + n,
                          sizeof file - n);
        for (int pipe = 0; pipe < 2; pipe++) {
            const struct files_read *got = files_read_back((struct la_bytes){file, n}, pipe != 0);
            assert_int_equal(got->n, 20);
            assert_int_equal(got->notes_n, 0);
            assert_int_equal(got->first[19], 0x80 + 19);
        }
        for (size_t cut = 5; cut < n; cut++) {
            const struct files_read *got = files_read_back((struct la_bytes){file, cut}, false);
            assert_true(got->opened);
            assert_true(cut < first_n || got->n >= (301 - 24) / 56);
            assert_int_equal(got->notes_n, 1);
            assert_int_equal(got->damage_n, 1);
        }
        for (size_t off = 5; off < n; off++) {
            file[off] ^= 0x10;
            const struct files_read *got = files_read_back((struct la_bytes){file, n}, false);
            assert_true(got->n <= 20);
            assert_true(!got->opened || off < first_n || got->n >= (301 - 24) / 56);
            file[off] ^= 0x10;
        }
    }
    la_capture_buf_fini(&w.buf);
}

#endif

/* ---- files that grow ---------------------------------------------------------------------------
 */

/* Octet by octet, from nothing on: each packet comes once, as soon as it is whole. */
static void
test_reader__follows(void **state)
{
    struct files_writer pcap = {0}, pcapng = {.big_endian = true};
    char error[LA_CAPTURE_LINE_BYTES], path[32];
    const struct la_capture_reader_options options = {.follow = true};
    (void)state;
    files_pcap(&pcap, PCAP_MICRO, 1);
    files_section(&pcapng);
    files_iface(&pcapng, 1, 0, 0);
    for (uint8_t n = 0; n < 5; n++) {
        files_record(&pcap, EPOCH_S + n, n, 30, n, 16);
        files_packet(&pcapng, 0, n, 30, n);
    }
    for (int ng = 0; ng < 2; ng++) {
        struct la_bytes all = octets_of(ng ? &pcapng : &pcap);
        size_t record_n = ng ? 64 : 46, begin = all.n - 5 * record_n;
        int fd = files_on_disk((struct la_bytes){NULL, 0}, path);
        struct la_capture_reader *reader = la_capture_reader_open(path, &options, error);
        assert_non_null(reader);
        size_t got_n = 0;
        for (size_t n = 0; n <= all.n; n++) {
            struct la_capture_packet packet;
            enum la_capture_next next;
            while ((next = la_capture_reader_next(reader, &packet)) == LA_CAPTURE_PACKET) {
                assert_int_equal(packet.data[0], got_n);
                got_n++;
            }
            assert_int_equal(next, LA_CAPTURE_IDLE);
            assert_int_equal(got_n, n < begin ? 0 : (n - begin) / record_n);
            if (n < all.n)
                assert_int_equal(pwrite(fd, all.p + n, 1, (off_t)n), 1);
        }
        struct la_capture_packet packet;
        assert_int_equal(ftruncate(fd, 10), 0);
        assert_int_equal(la_capture_reader_next(reader, &packet), LA_CAPTURE_END);
        const struct la_capture_note *notes;
        assert_int_equal(la_capture_reader_notes(reader, &notes), 1);
        assert_non_null(strstr(notes[0].text, "became shorter"));
        la_capture_reader_close(reader);
        close(fd);
    }
    la_capture_buf_fini(&pcap.buf);
    la_capture_buf_fini(&pcapng.buf);
}

/* A mapped file that somebody cuts off: what was there before the cut, and a note; no signal. */
static void
test_reader__shrinks(void **state)
{
    static const size_t cuts[] = {0, 100, 4096 * 300 + 17, 3 << 20};
    struct files_writer w = {0};
    char error[LA_CAPTURE_LINE_BYTES], path[32];
    const struct la_capture_reader_options options = {0};
    (void)state;
    files_pcap(&w, PCAP_MICRO, 1);
    for (uint32_t n = 0; n < 80; n++)
        files_record(&w, EPOCH_S + n, n, 100000, (uint8_t)n, 16);
    for (size_t i = 0; i < sizeof cuts / sizeof cuts[0]; i++) {
        const struct la_capture_note *notes;
        struct la_capture_packet packet;
        size_t n = 0;
        int fd = files_on_disk(octets_of(&w), path);
        struct la_capture_reader *reader = la_capture_reader_open(path, &options, error);
        assert_non_null(reader);
        while (la_capture_reader_next(reader, &packet) == LA_CAPTURE_PACKET) {
            if (++n == 3)
                assert_int_equal(ftruncate(fd, (off_t)cuts[i]), 0);
            for (uint32_t off = 0; off < packet.cap_bytes; off += 4096)
                assert_true(packet.data[off] == n - 1 || packet.data[off] == 0);
        }
        assert_true(n >= 3 && n < 80);
        assert_true(la_capture_reader_notes(reader, &notes) > 0);
        la_capture_reader_close(reader);
        close(fd);
    }
    la_capture_buf_fini(&w.buf);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reader__pcap_variants),
        cmocka_unit_test(test_reader__pcap_cut_anywhere),
        cmocka_unit_test(test_reader__pcap_resynchronises),
        cmocka_unit_test(test_reader__pcap_time_jumps),
        cmocka_unit_test(test_reader__pcap_behind_pcap),
        cmocka_unit_test(test_reader__foreign_files),
        cmocka_unit_test(test_reader__snoop),
        cmocka_unit_test(test_reader__pcapng_sections),
        cmocka_unit_test(test_reader__pcapng_resolutions),
        cmocka_unit_test(test_reader__pcapng_packet_blocks),
        cmocka_unit_test(test_reader__pcapng_one_wrong_octet),
        cmocka_unit_test(test_reader__pcapng_cut_anywhere),
        cmocka_unit_test(test_reader__pcapng_interface_cut),
#if LA_HAVE_ZLIB && LA_HAVE_ZSTD
        cmocka_unit_test(test_reader__compressed),
#endif
        cmocka_unit_test(test_reader__follows),
        cmocka_unit_test(test_reader__shrinks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
