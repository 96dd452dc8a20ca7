/* SPDX-License-Identifier: MIT
 *
 * test_captures.c - captures of the real kernel, read whole and cut at every octet
 *
 * The folder is the only argument; it has a truth.tsv that says how many packets and TCP segments
 * there are (as tshark counts them). The environment variable LASTACK_CAPTURES names another folder
 * whose captures are cut as well, those of its folders included.
 */
#include <dirent.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "capture/reader.h"
#include "frames.h"

enum { CUT_BYTES = 2048, LINE_BYTES = 16384, PATH_BYTES = 4096, COLUMNS_MAX = 64, DEPTH_MAX = 3 };

static const char *folder;

struct count {
    bool opened;
    char error[LA_CAPTURE_LINE_BYTES];
    uint64_t packets_n, tcp_n, damage_n;
};

static struct count
count_of(const char *path)
{
    struct count count = {0};
    struct la_capture_packet packet;
    struct la_decoder decoder;
    struct la_seen seen;
    const struct la_capture_note *notes;
    struct la_capture_reader *reader =
        la_capture_reader_open(path, &(struct la_capture_reader_options){0}, count.error);
    count.opened = reader != NULL;
    if (reader == NULL)
        return count;
    struct la_mem *mem = frame_mem();
    assert_true(la_decoder_init(&decoder, mem, &(struct la_decode_options){.verify_every_n = 1}));
    while (la_capture_reader_next(reader, &packet) == LA_CAPTURE_PACKET) {
        la_decode(&decoder,
                  &(struct la_explain_packet){.bytes = {packet.data, packet.cap_bytes},
                                              .wire_bytes = packet.wire_bytes,
                                              .link_type = packet.link_type,
                                              .at = packet.at},
                  &seen);
        count.packets_n++;
    }
    count.tcp_n = decoder.kinds_n[LA_SEEN_TCP] + decoder.kinds_n[LA_SEEN_ICMP_ERROR];
    size_t n = la_capture_reader_notes(reader, &notes);
    for (size_t i = 0; i < n; i++) {
        count.damage_n += notes[i].is_damage;
        assert_true(strlen(notes[i].text) > 0);
        assert_null(strchr(notes[i].text, '\n'));
    }
    la_capture_reader_close(reader);
    la_decoder_fini(&decoder);
    la_mem_unref(mem);
    return count;
}

/* ---- the truth ---------------------------------------------------------------------------------
 */

struct row {
    char *field[COLUMNS_MAX];
    unsigned n;
};

static void
split(char *line, struct row *row)
{
    row->n = 0;
    line[strcspn(line, "\n")] = '\0';
    for (char *at = line; at != NULL && row->n < COLUMNS_MAX;)
        row->field[row->n++] = strsep(&at, "\t");
}

static unsigned
column(const struct row *head, const char *name)
{
    for (unsigned i = 0; i < head->n; i++)
        if (strcmp(head->field[i], name) == 0)
            return i;
    fail_msg("no column %s", name);
    return 0;
}

static void
test_captures__counts(void **state)
{
    static char head_line[LINE_BYTES], line[LINE_BYTES];
    char path[PATH_BYTES];
    struct row head, row;
    unsigned files_n = 0;
    (void)state;
    (void)snprintf(path, sizeof path, "%s/truth.tsv", folder);
    FILE *truth = fopen(path, "r");
    assert_non_null(truth);
    assert_non_null(fgets(head_line, sizeof head_line, truth));
    split(head_line, &head);
    unsigned packets = column(&head, "packets"), tcp = column(&head, "tcp_packets");
    unsigned opens = column(&head, "opens");
    while (fgets(line, sizeof line, truth) != NULL) {
        split(line, &row);
        (void)snprintf(path, sizeof path, "%s/%s", folder, row.field[0]);
        struct count count = count_of(path);
        uint64_t packets_n = strtoull(row.field[packets], NULL, 10);
        uint64_t tcp_n = strtoull(row.field[tcp], NULL, 10);
        bool whole = strncmp(row.field[opens], "yes", 3) == 0 && packets_n > 0;
        bool right = whole ? count.packets_n == packets_n && count.tcp_n == tcp_n
                           : count.packets_n >= packets_n;
        if (!count.opened || count.damage_n != (whole ? 0 : 1) || !right)
            fail_msg("%s: %s, %llu packets of %llu, %llu segments of %llu, %llu kinds of damage",
                     row.field[0], count.opened ? "opened" : count.error,
                     (unsigned long long)count.packets_n, (unsigned long long)packets_n,
                     (unsigned long long)count.tcp_n, (unsigned long long)tcp_n,
                     (unsigned long long)count.damage_n);
        files_n++;
    }
    fclose(truth);
    assert_true(files_n > 100);
}

/* ---- cut ---------------------------------------------------------------------------------------
 */

/* The file's first octets, one more each time: there is a result, or one line that says why not. */
static void
cut_everywhere(const char *path)
{
    uint8_t octets[CUT_BYTES];
    char cut[32];
    int in = open(path, O_RDONLY | O_CLOEXEC);
    int out = memfd_create("cut", MFD_CLOEXEC);
    assert_true(in >= 0 && out >= 0);
    ssize_t n = read(in, octets, sizeof octets);
    assert_true(n >= 0);
    close(in);
    (void)snprintf(cut, sizeof cut, "/dev/fd/%d", out);
    for (ssize_t i = 0; i <= n; i++) {
        struct count count = count_of(cut);
        assert_true(count.opened || strlen(count.error) > 0);
        assert_null(strchr(count.error, '\n'));
        if (i < n)
            assert_int_equal(pwrite(out, octets + i, 1, i), 1);
    }
    close(out);
}

static bool
is_capture(const char *name)
{
    static const char *const endings[] = {".pcap", ".pcapng", ".pcap.gz", ".snoop"};
    for (size_t i = 0; i < sizeof endings / sizeof endings[0]; i++) {
        size_t n = strlen(name), end_n = strlen(endings[i]);
        if (n > end_n && strcmp(name + n - end_n, endings[i]) == 0)
            return true;
    }
    return false;
}

static unsigned
cut_folder(const char *top, unsigned depth)
{
    unsigned files_n = 0;
    DIR *dir = depth < DEPTH_MAX ? opendir(top) : NULL;
    for (struct dirent *entry; dir != NULL && (entry = readdir(dir)) != NULL;) {
        char path[PATH_BYTES];
        struct stat st;
        (void)snprintf(path, sizeof path, "%s/%s", top, entry->d_name);
        if (entry->d_name[0] == '.' || stat(path, &st) != 0)
            continue;
        if (S_ISDIR(st.st_mode)) {
            files_n += cut_folder(path, depth + 1);
        } else if (is_capture(entry->d_name)) {
            cut_everywhere(path);
            files_n++;
        }
    }
    if (dir != NULL)
        closedir(dir);
    return files_n;
}

static void
test_captures__cut_everywhere(void **state)
{
    (void)state;
    assert_true(cut_folder(folder, 0) > 100);
}

static void
test_captures__others_cut_everywhere(void **state)
{
    const char *others = getenv("LASTACK_CAPTURES");
    (void)state;
    if (others == NULL) {
        print_message("LASTACK_CAPTURES names no folder: only those of the tree were cut\n");
        skip();
    }
    assert_true(cut_folder(others, 0) > 0);
}

int
main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_captures__counts),
        cmocka_unit_test(test_captures__cut_everywhere),
        cmocka_unit_test(test_captures__others_cut_everywhere),
    };
    if (argc != 2) {
        fprintf(stderr, "usage: test_captures FOLDER\n");
        return 2;
    }
    folder = argv[1];
    return cmocka_run_group_tests(tests, NULL, NULL);
}
