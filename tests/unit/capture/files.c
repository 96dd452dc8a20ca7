/* SPDX-License-Identifier: MIT
 *
 * files.c - capture files of any shape, made octet by octet, and what a reader makes of them
 */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>
#if LA_HAVE_ZLIB && LA_HAVE_ZSTD
#include <zlib.h>
#include <zstd.h>
#endif

#include "files.h"

enum { SNAP_BYTES = 262144, SECTION_MAGIC = 0x1A2B3C4D, BLOCK_SECTION = 0x0A0D0D0A };

void
files_bytes(struct files_writer *w, const void *p, size_t n)
{
    la_capture_buf_bytes(&w->buf, (struct la_bytes){p, n});
}

void
files_u16(struct files_writer *w, uint16_t v)
{
    la_capture_buf_u16(&w->buf, w->big_endian ? __builtin_bswap16(v) : v);
}

void
files_u32(struct files_writer *w, uint32_t v)
{
    la_capture_buf_u32(&w->buf, w->big_endian ? __builtin_bswap32(v) : v);
}

void
files_pcap(struct files_writer *w, uint32_t magic, uint32_t link_type)
{
    files_u32(w, magic);
    files_u16(w, 2);
    files_u16(w, 4);
    files_u32(w, 0);
    files_u32(w, 0);
    files_u32(w, SNAP_BYTES);
    files_u32(w, link_type);
}

static void
fill_bytes(struct files_writer *w, uint8_t fill, size_t n)
{
    for (size_t i = 0; i < n; i++)
        files_bytes(w, &fill, 1);
}

void
files_record(struct files_writer *w, uint32_t s, uint32_t fraction, uint32_t n, uint8_t fill,
             uint32_t header_bytes)
{
    files_u32(w, s);
    files_u32(w, fraction);
    files_u32(w, n);
    files_u32(w, n + 10);
    fill_bytes(w, 0xee, header_bytes - 16);
    fill_bytes(w, fill, n);
}

void
files_block(struct files_writer *w, uint32_t type, const void *body, size_t n)
{
    uint32_t total = (uint32_t)(12 + ((n + 3) & ~(size_t)3));
    files_u32(w, type);
    files_u32(w, total);
    files_bytes(w, body, n);
    fill_bytes(w, 0, total - 12 - n);
    files_u32(w, total);
}

/* The body of a block, in the same byte order. */
static void
block_of(struct files_writer *w, uint32_t type, struct files_writer *body)
{
    files_block(w, type, body->buf.p, body->buf.n);
    la_capture_buf_fini(&body->buf);
}

void
files_section(struct files_writer *w)
{
    struct files_writer body = {.big_endian = w->big_endian};
    files_u32(&body, SECTION_MAGIC);
    files_u16(&body, 1);
    files_u16(&body, 0);
    files_u32(&body, UINT32_MAX);
    files_u32(&body, UINT32_MAX);
    block_of(w, BLOCK_SECTION, &body);
}

void
files_iface(struct files_writer *w, uint16_t link_type, uint8_t resolution, int64_t offset_s)
{
    struct files_writer body = {.big_endian = w->big_endian};
    files_u16(&body, link_type);
    files_u16(&body, 0);
    files_u32(&body, 96);
    if (resolution != 0) {
        files_u16(&body, 9);
        files_u16(&body, 1);
        fill_bytes(&body, resolution, 1);
        fill_bytes(&body, 0, 3);
    }
    if (offset_s != 0) {
        uint64_t v = (uint64_t)offset_s;
        files_u16(&body, 14);
        files_u16(&body, 8);
        files_u32(&body, (uint32_t)(w->big_endian ? v >> 32 : v));
        files_u32(&body, (uint32_t)(w->big_endian ? v : v >> 32));
    }
    files_u32(&body, 0);
    block_of(w, 1, &body);
}

void
files_packet(struct files_writer *w, uint32_t iface, uint64_t stamp, uint32_t n, uint8_t fill)
{
    struct files_writer body = {.big_endian = w->big_endian};
    files_u32(&body, iface);
    files_u32(&body, (uint32_t)(stamp >> 32));
    files_u32(&body, (uint32_t)stamp);
    files_u32(&body, n);
    files_u32(&body, n + 1);
    fill_bytes(&body, fill, n);
    block_of(w, 6, &body);
}

#if LA_HAVE_ZLIB && LA_HAVE_ZSTD
size_t
files_packed(bool zstd, struct la_bytes in, uint8_t *out, size_t room)
{
    if (zstd) {
        size_t n = ZSTD_compress(out, room, in.p, in.n, 1);
        assert_false(ZSTD_isError(n));
        return n;
    }
    z_stream z = {.avail_in = (uInt)in.n, .next_out = out, .avail_out = (uInt)room};
    memcpy(&z.next_in, &in.p, sizeof z.next_in);
    assert_int_equal(deflateInit2(&z, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
    assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
    size_t n = room - z.avail_out;
    deflateEnd(&z);
    return n;
}

#endif

int
files_on_disk(struct la_bytes octets, char path[32])
{
    int fd = memfd_create("capture", MFD_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, octets.p, octets.n), (ssize_t)octets.n);
    (void)snprintf(path, 32, "/dev/fd/%d", fd);
    return fd;
}

/* The reading end of a pipe into which a child writes the octets, a few at a time. */
static int
through_pipe(struct la_bytes octets, char path[32], pid_t *child)
{
    int fds[2];
    assert_int_equal(pipe(fds), 0);
    *child = fork();
    assert_true(*child >= 0);
    if (*child == 0) {
        close(fds[0]);
        for (size_t off = 0, n; off < octets.n; off += n) {
            n = octets.n - off < 7 ? octets.n - off : 7;
            if (write(fds[1], octets.p + off, n) != (ssize_t)n)
                break;
        }
        _exit(0);
    }
    close(fds[1]);
    (void)snprintf(path, 32, "/dev/fd/%d", fds[0]);
    return fds[0];
}

static void
read_all(struct files_read *out, const char *path)
{
    const struct la_capture_reader_options options = {0};
    const struct la_capture_note *notes;
    struct la_capture_packet packet;
    struct la_capture_reader *reader = la_capture_reader_open(path, &options, out->error);
    out->opened = reader != NULL;
    if (reader == NULL)
        return;
    while (la_capture_reader_next(reader, &packet) == LA_CAPTURE_PACKET) {
        assert_true(out->n < FILES_PACKETS_MAX);
        assert_true(packet.wire_bytes >= packet.cap_bytes);
        for (uint32_t i = 1; i < packet.cap_bytes; i++)
            out->first[out->n] |= (uint8_t)(packet.data[i] ^ packet.data[0]); /* all are the same */
        if (packet.cap_bytes > 0 && out->first[out->n] == 0)
            out->first[out->n] = packet.data[0];
        out->packet[out->n++] = packet;
    }
    assert_int_equal(la_capture_reader_next(reader, &packet), LA_CAPTURE_END);
    out->notes_n = la_capture_reader_notes(reader, &notes);
    for (size_t i = 0; i < out->notes_n; i++) {
        out->damage_n += notes[i].is_damage;
        assert_null(strchr(notes[i].text, '\n'));
        (void)snprintf(out->note[i], LA_CAPTURE_LINE_BYTES, "%s", notes[i].text);
    }
    la_capture_reader_close(reader);
}

struct files_read *
files_read_back(struct la_bytes octets, bool pipe)
{
    static struct files_read out;
    char path[32];
    pid_t child = 0;
    out = (struct files_read){0};
    int fd = pipe ? through_pipe(octets, path, &child) : files_on_disk(octets, path);
    read_all(&out, path);
    close(fd);
    if (pipe)
        assert_int_equal(waitpid(child, NULL, 0), child);
    return &out;
}
