/* SPDX-License-Identifier: MIT
 *
 * test_captures.c - several captures in the order of their time, and filters
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "capture/captures.h"
#include "files.h"

enum { EPOCH_S = 1700000000, FILES_N = 5 };
#define PCAP_NANO UINT32_C(0xa1b23c4d)

static struct la_captures *
captures_new(const char *filter)
{
    bool is_mistaken = true;
    char error[LA_CAPTURE_LINE_BYTES] = "";
    const struct la_captures_options options = {.filter = filter};
    struct la_captures *captures = la_captures_new(&options, &is_mistaken, error);
    if (captures == NULL || is_mistaken)
        fail_msg("%s", error);
    return captures;
}

/* Packets of FILES_N files, the i-th second's in file i modulo FILES_N; the last file's own order
 * is wrong at one place. */
static void
test_captures__merged(void **state)
{
    struct files_writer w[FILES_N] = {0};
    int fds[FILES_N];
    char path[32], error[LA_CAPTURE_LINE_BYTES];
    struct la_capture_packet packet;
    struct la_captures *captures = captures_new(NULL);
    (void)state;
    for (int i = 0; i < FILES_N; i++)
        files_pcap(&w[i], PCAP_NANO, 1);
    for (uint32_t s = 0; s < 50; s++) {
        uint32_t stamp = s == 44 ? 49 : s == 49 ? 44 : s;
        files_record(&w[s % FILES_N], EPOCH_S + stamp, 0, 20, (uint8_t)stamp, 16);
    }
    for (int i = 0; i < FILES_N; i++) {
        fds[i] = files_on_disk((struct la_bytes){w[i].buf.p, w[i].buf.n}, path);
        assert_true(la_captures_add_file(captures, path, error));
        la_capture_buf_fini(&w[i].buf);
    }
    assert_false(la_captures_add_file(captures, "/nonexistent", error));
    assert_int_equal(la_captures_n(captures), FILES_N);
    unsigned back_n = 0, n_of[FILES_N] = {0};
    int64_t last_ns = 0;
    for (unsigned n = 0; n < 50; n++) {
        assert_int_equal(la_captures_next(captures, &packet), LA_CAPTURE_PACKET);
        back_n += packet.at.ns < last_ns;
        last_ns = packet.at.ns;
        assert_int_equal(packet.data[0], packet.at.ns / 1000000000 - EPOCH_S);
        assert_true(packet.file_idx < FILES_N);
        assert_int_equal(packet.frame_n, ++n_of[packet.file_idx]);
    }
    assert_int_equal(back_n, 1);
    assert_int_equal(la_captures_next(captures, &packet), LA_CAPTURE_END);
    uint64_t done_bytes, all_bytes;
    la_captures_progress(captures, &done_bytes, &all_bytes);
    assert_true(all_bytes > 0 && done_bytes == all_bytes);
    la_captures_free(captures);
    for (int i = 0; i < FILES_N; i++)
        close(fds[i]);
}

#if LA_HAVE_PCAP

/* The same language on every link type; where it means nothing there, a remark. */
static void
test_captures__filtered(void **state)
{
    static const uint8_t raw[] = {0x45, 0, 0,  40, 0,  0,  0, 0, 64, 6,   0, 0, 10, 0,
                                  0,    1, 10, 0,  0,  2,  0, 9, 1,  187, 0, 0, 0,  0,
                                  0,    0, 0,  0,  80, 16, 0, 0, 0,  0,   0, 0};
    static const struct {
        const char *filter;
        unsigned n, notes_n;
    } rows[] = {{"tcp port 443", 2, 0}, {"port 80", 0, 0},       {"src host 10.0.0.1", 2, 0},
                {"ip", 2, 0},           {"ether proto 2", 0, 1}, {"vlan 5", 0, 1}};
    struct files_writer w = {0};
    char path[32], error[LA_CAPTURE_LINE_BYTES];
    (void)state;
    files_section(&w);
    files_iface(&w, 1, 0, 0);
    files_iface(&w, 101, 0, 0);
    for (uint32_t iface = 0; iface < 2; iface++) {
        struct files_writer body = {0};
        uint32_t n = sizeof raw + (iface == 0 ? 14 : 0);
        files_u32(&body, iface);
        files_u32(&body, 0);
        files_u32(&body, 1);
        files_u32(&body, n);
        files_u32(&body, n);
        if (iface == 0)
            files_bytes(&body, "\1\1\1\1\1\1\2\2\2\2\2\2\x8\0", 14);
        files_bytes(&body, raw, sizeof raw);
        files_block(&w, 6, body.buf.p, body.buf.n);
        la_capture_buf_fini(&body.buf);
    }
    int fd = files_on_disk((struct la_bytes){w.buf.p, w.buf.n}, path);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct la_captures *captures = captures_new(rows[i].filter);
        const struct la_capture_note *notes;
        struct la_capture_packet packet;
        unsigned n = 0;
        assert_true(la_captures_add_file(captures, path, error));
        while (la_captures_next(captures, &packet) == LA_CAPTURE_PACKET)
            n++;
        assert_int_equal(n, rows[i].n);
        assert_int_equal(la_captures_filtered_n(captures), 2 - rows[i].n);
        assert_int_equal(la_captures_notes(captures, 0, &notes), rows[i].notes_n);
        la_captures_free(captures);
    }
    close(fd);
    const struct la_captures_options bad = {.filter = "port fortytwo and ("};
    bool is_mistaken = false;
    assert_null(la_captures_new(&bad, &is_mistaken, error));
    assert_true(is_mistaken);
    assert_non_null(strstr(error, "not understood"));
    assert_null(strchr(error, '\n'));
    la_capture_buf_fini(&w.buf);
}

#endif

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_captures__merged),
#if LA_HAVE_PCAP
        cmocka_unit_test(test_captures__filtered),
#endif
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
