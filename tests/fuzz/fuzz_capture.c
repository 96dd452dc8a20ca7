/* SPDX-License-Identifier: MIT
 *
 * fuzz_capture.c - any octets as a capture file: pcap, pcapng, compressed or nothing of the kind
 *
 * The first octet chooses: a file that is there, or one that grows in two steps while it is read.
 * Every octet that is handed out is looked at; there are never more packets than headers would fit;
 * a file that grows gives no packet that the whole one does not have, unless there is damage.
 */
#include "capture/reader.h"
#include "fuzz.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { RECORD_BYTES_MIN = 12, UNPACKED_MAX = 1 << 22 };

static volatile uint8_t seen;

static void
must(bool ok)
{
    if (!ok)
        abort();
}

struct result {
    size_t packets_n;
    bool damaged;
};

static void
take_packets(struct la_capture_reader *reader, struct result *result)
{
    struct la_capture_packet packet;
    size_t unpacked_n = 0;
    while (unpacked_n < UNPACKED_MAX &&
           la_capture_reader_next(reader, &packet) == LA_CAPTURE_PACKET) {
        must(packet.wire_bytes >= packet.cap_bytes);
        must(packet.frame_n == ++result->packets_n);
        for (uint32_t i = 0; i < packet.cap_bytes; i++)
            seen ^= packet.data[i];
        for (size_t i = 0; i < packet.comment.n; i++)
            seen ^= packet.comment.p[i];
        unpacked_n += packet.cap_bytes + RECORD_BYTES_MIN;
    }
}

static void
look_at_notes(const struct la_capture_reader *reader, struct result *result)
{
    const struct la_capture_note *notes;
    size_t n = la_capture_reader_notes(reader, &notes);
    must(n <= LA_CAPTURE_NOTES_MAX);
    for (size_t i = 0; i < n; i++) {
        must(memchr(notes[i].text, '\0', LA_CAPTURE_LINE_BYTES) != NULL && notes[i].n > 0);
        result->damaged |= notes[i].is_damage;
    }
    uint64_t done_bytes, all_bytes;
    la_capture_reader_progress(reader, &done_bytes, &all_bytes);
}

/* The first n octets, then all of them. */
static struct result
read_file(const uint8_t *data, size_t n, size_t all_n)
{
    struct result result = {0};
    const struct la_capture_reader_options options = {.follow = n < all_n};
    char error[LA_CAPTURE_LINE_BYTES] = "", path[32];
    int fd = memfd_create("fuzz", MFD_CLOEXEC);
    must(fd >= 0 && write(fd, data, n) == (ssize_t)n);
    (void)snprintf(path, sizeof path, "/dev/fd/%d", fd);
    struct la_capture_reader *reader = la_capture_reader_open(path, &options, error);
    must((reader == NULL) == (error[0] != '\0'));
    must(memchr(error, '\0', sizeof error) != NULL);
    if (reader != NULL) {
        take_packets(reader, &result);
        if (n < all_n) {
            must(write(fd, data + n, all_n - n) == (ssize_t)(all_n - n));
            take_packets(reader, &result);
        }
        look_at_notes(reader, &result);
        la_capture_reader_close(reader);
    }
    close(fd);
    return result;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    if (n == 0)
        return 0;
    size_t all_n = n - 1, first_n = all_n * data[0] / 256;
    struct result whole = read_file(data + 1, all_n, all_n);
    if (data[0] != 0) {
        struct result grown = read_file(data + 1, first_n, all_n);
        must(whole.damaged || grown.damaged || grown.packets_n <= whole.packets_n);
    }
    return 0;
}
