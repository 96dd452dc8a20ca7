/* SPDX-License-Identifier: MIT
 *
 * test_writer.c - the capture writer: whole blocks, what is held back, errors
 *
 * What other programs make of the files is in test_tshark.c.
 */
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>

#include "support.h"

/* realloc() whose n-th call fails, and those behind it, too, if they shall. Linked in place of the
 * real one. */
static struct {
    unsigned calls_n;
    unsigned fails_at; /* 0 = never */
    bool for_good;
} reallocs;
void *__real_realloc(void *p, size_t n);
void *__wrap_realloc(void *p, size_t n);

void *
__wrap_realloc(void *p, size_t n)
{
    unsigned call = ++reallocs.calls_n;
    if (reallocs.fails_at != 0 &&
        (call == reallocs.fails_at || (reallocs.for_good && call > reallocs.fails_at)))
        return NULL;
    return __real_realloc(p, n);
}

/* What stands in a file: block types in order, and that each block is whole. */
struct content {
    uint32_t packets_n;
    uint32_t comments_n;
    uint32_t stats_n;
    uint64_t packets_of_stats_n;
    size_t octets;
    uint8_t bytes[16 << 20];
};

static uint32_t
u32_at(const struct content *content, size_t off)
{
    uint32_t v;
    memcpy(&v, content->bytes + off, 4);
    return v;
}

/* Comments among the options that begin at `off`; the list must end before `end`. */
static uint32_t
comments_at(const struct content *content, size_t off, size_t end)
{
    uint32_t n = 0;
    for (;;) {
        assert_true(off + 4 <= end);
        uint32_t head = u32_at(content, off);
        if ((head & 0xFFFF) == 0)
            break;
        n += (head & 0xFFFF) == 1;
        off += 4 + ((head >> 16) + 3) / 4 * 4;
    }
    assert_int_equal(off + 4, end);
    return n;
}

static void
content_read(struct content *content, const char *path)
{
    memset(content, 0, sizeof(*content));
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    content->octets = fread(content->bytes, 1, sizeof(content->bytes), file);
    fclose(file);
    assert_true(content->octets < sizeof(content->bytes));
    size_t off = 0;
    for (; off < content->octets;) {
        assert_true(off + 12 <= content->octets);
        uint32_t type = u32_at(content, off), n = u32_at(content, off + 4);
        assert_int_equal(type == 0x0A0D0D0A, off == 0);
        assert_int_equal(n % 4, 0);
        assert_true(n >= 12 && off + n <= content->octets);
        assert_int_equal(u32_at(content, off + n - 4), n);
        if (type == 6) {
            size_t options = off + 28 + (u32_at(content, off + 20) + 3) / 4 * 4;
            content->packets_n++;
            content->comments_n += comments_at(content, options, off + n - 4);
        } else if (type == 5) {
            content->stats_n++;
            content->packets_of_stats_n += u32_at(content, off + n - 16);
        }
        off += n;
    }
    assert_int_equal(off, content->octets);
}

static struct content content;

/* A comment for which a buffer that has room for a short one must grow. */
static const char long_text[] = ".................................................................."
                                ".............................."
                                ".................................................................."
                                ".............................."
                                ".................................................................."
                                "..............................";

struct rig {
    struct la_mem *mem;
    struct la_capture_writer *writer;
    uint32_t iface;
    char path[64];
};

static void
rig_init(struct rig *rig)
{
    rig->mem = plain_mem();
    temporary_path(rig->path);
    assert_int_equal(la_capture_writer_open(rig->path, "test", &rig->writer), 0);
    assert_int_equal(
        la_capture_writer_iface(rig->writer, "wire", "a test", LA_CAPTURE_IP, &rig->iface), 0);
    assert_int_equal(rig->iface, 0);
}

static void
packet(struct rig *rig, uint64_t id, la_instant at)
{
    struct la_frame *frame = syn_frame(rig->mem, id, 64);
    la_capture_writer_packet(rig->writer, rig->iface, frame, true, at);
    la_frame_free(frame);
}

static void
rig_fini(struct rig *rig)
{
    assert_int_equal(la_capture_writer_close(rig->writer), 0);
    content_read(&content, rig->path);
    unlink(rig->path);
    la_mem_unref(rig->mem);
}

static void
test_writer__holds_and_flushes(void **state)
{
    (void)state;
    struct rig rig;
    rig_init(&rig);
    for (int64_t i = 0; i < 5; i++)
        packet(&rig, (uint64_t)i + 1, la_instant_of_ns(i));
    content_read(&content, rig.path);
    assert_int_equal(content.packets_n, 0);
    assert_int_equal(la_capture_writer_flush(rig.writer), 0);
    content_read(&content, rig.path);
    assert_int_equal(content.packets_n, 5);
    rig_fini(&rig);
    assert_int_equal(content.packets_n, 5);
    assert_int_equal(content.stats_n, 1);
    assert_int_equal(content.packets_of_stats_n, 5);
}

/* At any time the file holds whole blocks, and no more packets wait than is promised. */
static void
test_writer__always_readable(void **state)
{
    (void)state;
    struct rig rig;
    rig_init(&rig);
    for (uint64_t i = 0; i < 5000; i++) {
        packet(&rig, i + 1, la_instant_of_ns((int64_t)i));
        if (i % 500 == 0)
            content_read(&content, rig.path);
    }
    content_read(&content, rig.path);
    assert_true(content.packets_n > 3000);
    rig_fini(&rig);
    assert_int_equal(content.packets_n, 5000);
}

/* A packet is given up to the file after a second of packet time. */
static void
test_writer__comments_while_held(void **state)
{
    (void)state;
    struct rig rig;
    rig_init(&rig);
    packet(&rig, 1, la_instant_of_ns(0));
    packet(&rig, 2, la_instant_of_ns(900 * LA_NS_PER_MS));
    la_capture_writer_comment(rig.writer, 1, "in time");
    la_capture_writer_comment(rig.writer, 1, "a second one");
    packet(&rig, 3, la_instant_of_ns(1001 * LA_NS_PER_MS));
    la_capture_writer_comment(rig.writer, 1, "too late");
    la_capture_writer_comment(rig.writer, 2, "in time");
    la_capture_writer_comment(rig.writer, 0, "on nothing");
    la_capture_writer_comment(rig.writer, 2, "");
    rig_fini(&rig);
    assert_int_equal(content.packets_n, 3);
    assert_int_equal(content.comments_n, 3);
}

/* Large packets are held as far as 4 MiB go, however many have passed. */
static void
test_writer__held_octets_are_bounded(void **state)
{
    (void)state;
    enum { TEXT_BYTES = 60000, PACKETS_N = 200, HELD_N = (4 << 20) / (TEXT_BYTES + 40) };
    static uint8_t text[TEXT_BYTES];
    const struct la_bytes bytes = {text, sizeof(text)};
    struct rig rig;
    rig_init(&rig);
    struct la_frame *frame = syn_frame(rig.mem, 1, 64);
    assert_int_equal(la_chain_append_bytes(&frame->payload, rig.mem, bytes), bytes.n);
    for (frame->id = 1; frame->id <= PACKETS_N; frame->id++)
        la_capture_writer_packet(rig.writer, rig.iface, frame, true, la_instant_of_ns(0));
    la_frame_free(frame);
    for (uint64_t id = PACKETS_N; id > PACKETS_N - HELD_N; id--)
        la_capture_writer_comment(rig.writer, id, "held");
    la_capture_writer_comment(rig.writer, PACKETS_N - HELD_N, "written");
    rig_fini(&rig);
    assert_int_equal(content.packets_n, PACKETS_N);
    assert_int_equal(content.comments_n, HELD_N);
}

/* A comment may come before its packet; only so many wait, the oldest goes. */
static void
test_writer__early_comments(void **state)
{
    (void)state;
    struct rig rig;
    rig_init(&rig);
    for (uint64_t id = 1; id <= 100; id++)
        la_capture_writer_comment(rig.writer, id, "early");
    la_capture_writer_comment(rig.writer, 100, "early, too");
    for (uint64_t id = 1; id <= 100; id++)
        packet(&rig, id, la_instant_of_ns(1));
    for (uint64_t id = 1; id <= 100; id++) /* once only */
        packet(&rig, id, la_instant_of_ns(1));
    rig_fini(&rig);
    assert_int_equal(content.comments_n, 64);
}

/* However much is said of one packet, its block stays one that readers accept. */
static void
test_writer__comments_are_bounded(void **state)
{
    (void)state;
    struct rig rig;
    static char text[70000];
    memset(text, 'x', sizeof(text) - 1);
    memcpy(text + 65533, "\xE2\x82\xAC", 3); /* the cut falls into a character */
    rig_init(&rig);
    packet(&rig, 1, la_instant_of_ns(0));
    for (unsigned i = 0; i < 20; i++)
        la_capture_writer_comment(rig.writer, 1, text);
    rig_fini(&rig);
    assert_true(content.comments_n >= 1 && content.comments_n <= 3);
    bool whole_character = false; /* the option's code and its length, 65533 */
    for (size_t off = 0; off + 4 <= content.octets; off += 4)
        whole_character |= u32_at(&content, off) == (UINT32_C(65533) << 16 | 1);
    assert_true(whole_character);
    assert_true(content.octets < 300000);
}

static void
test_writer__checksum_left_to_the_link(void **state)
{
    (void)state;
    struct rig rig;
    rig_init(&rig);
    struct la_frame *frame = syn_frame(rig.mem, 1, 64);
    uint8_t want[2] = {frame->head[36], frame->head[37]};
    uint32_t pseudo = 0x0a00 + 0x0001 + 0x0a00 + 0x0002 + 6 + 20;
    frame->head[36] = (uint8_t)(pseudo >> 8);
    frame->head[37] = (uint8_t)pseudo;
    frame->csum = LA_CSUM_PARTIAL;
    frame->csum_start = 20;
    frame->csum_off = 16;
    la_capture_writer_packet(rig.writer, rig.iface, frame, true, la_instant_of_ns(0));
    frame->csum_start = 30; /* reaches past the packet: left alone */
    la_capture_writer_packet(rig.writer, rig.iface, frame, true, la_instant_of_ns(0));
    la_frame_free(frame);
    rig_fini(&rig);
    unsigned found_n = 0;
    for (size_t off = 0; off + 40 < content.octets; off += 4)
        if (u32_at(&content, off) == 6 && u32_at(&content, off + 20) == 40)
            found_n += memcmp(content.bytes + off + 28 + 36, want, 2) == 0;
    assert_int_equal(found_n, 1);
}

static void
test_writer__nowhere_to_write(void **state)
{
    (void)state;
    struct la_capture_writer *writer = NULL;
    assert_int_equal(la_capture_writer_open("/nonexistent/x.pcapng", NULL, &writer), ENOENT);
    assert_null(writer);
    assert_int_equal(la_capture_writer_open("/dev/full", NULL, &writer), ENOSPC);
    assert_null(writer);
    assert_int_equal(la_capture_writer_open("/tmp", NULL, &writer), EISDIR);
    assert_null(writer);
}

/* The reader of a pipe goes away: an error, not a signal; it stays, and close() says it again. */
static void
test_writer__broken_pipe(void **state)
{
    (void)state;
    struct la_mem *mem = plain_mem();
    struct la_capture_writer *writer;
    struct la_frame *frame = syn_frame(mem, 1, 64);
    char path[32];
    uint32_t iface;
    int fds[2];
    assert_int_equal(pipe(fds), 0);
    snprintf(path, sizeof(path), "/dev/fd/%d", fds[1]);
    assert_int_equal(la_capture_writer_open(path, NULL, &writer), 0);
    assert_int_equal(la_capture_writer_iface(writer, "w", NULL, LA_CAPTURE_IP, &iface), 0);
    la_capture_writer_packet(writer, iface, frame, true, la_instant_of_ns(0));
    close(fds[0]);
    assert_int_equal(la_capture_writer_flush(writer), EPIPE);
    for (unsigned i = 0; i < 3000; i++) {
        la_capture_writer_packet(writer, iface, frame, true, la_instant_of_ns(i));
        la_capture_writer_comment(writer, 1, "nobody reads it");
    }
    assert_int_equal(la_capture_writer_flush(writer), EPIPE);
    assert_int_equal(la_capture_writer_close(writer), EPIPE);
    close(fds[1]);
    la_frame_free(frame);
    la_mem_unref(mem);
    sigset_t pending;
    sigpending(&pending);
    assert_false(sigismember(&pending, SIGPIPE));
}

/* A pipe that does not block, and is full most of the time, is waited for: nothing is missing. */
static void
test_writer__slow_pipe(void **state)
{
    (void)state;
    enum { PACKETS_N = 5000 };
    struct la_mem *mem = plain_mem();
    struct la_capture_writer *writer;
    struct la_frame *frame = syn_frame(mem, 1, 64);
    char into[64], command[128];
    uint32_t iface;
    int fds[2], status;
    int stdout_kept = dup(STDOUT_FILENO);
    temporary_path(into);
    fflush(stdout);
    assert_int_equal(pipe(fds), 0);
    snprintf(command, sizeof(command), "sleep 0.2; cat <&%d >%s", fds[0], into);
    pid_t reader = fork();
    assert_true(reader >= 0);
    if (reader == 0) {
        close(fds[1]);
        execl("/bin/sh", "sh", "-c", command, (char *)NULL);
        _exit(127);
    }
    close(fds[0]);
    /* As an inherited standard output can be: the description is shared and does not block. */
    fcntl(fds[1], F_SETFL, O_NONBLOCK);
    dup2(fds[1], STDOUT_FILENO);
    close(fds[1]);
    int err = la_capture_writer_open("-", NULL, &writer);
    if (err == 0) {
        err = la_capture_writer_iface(writer, "w", NULL, LA_CAPTURE_IP, &iface);
        for (int64_t i = 0; i < PACKETS_N; i++)
            la_capture_writer_packet(writer, iface, frame, true, la_instant_of_ns(i));
        err |= la_capture_writer_close(writer);
    }
    dup2(stdout_kept, STDOUT_FILENO);
    close(stdout_kept);
    assert_int_equal(err, 0);
    assert_int_equal(waitpid(reader, &status, 0), reader);
    content_read(&content, into);
    assert_int_equal(content.packets_n, PACKETS_N);
    unlink(into);
    la_frame_free(frame);
    la_mem_unref(mem);
}

/* Each realloc that can fail, alone or for good: an error in the end unless only a comment was
 * lost, and the file holds whole blocks. */
static void
test_writer__no_memory(void **state)
{
    (void)state;
    enum { PACKETS_N = 50 };
    unsigned errors_n = 0;
    for (unsigned i = 0; i < 500; i++) {
        struct rig rig;
        rig_init(&rig);
        reallocs.calls_n = 0;
        reallocs.fails_at = 1 + i / 2;
        reallocs.for_good = i % 2 == 0;
        for (uint64_t id = 1; id <= PACKETS_N; id++) {
            packet(&rig, id, la_instant_of_ns((int64_t)id));
            la_capture_writer_comment(rig.writer, id, "a comment");
            la_capture_writer_comment(rig.writer, id, long_text);
        }
        int err = la_capture_writer_close(rig.writer);
        bool failed = reallocs.calls_n >= reallocs.fails_at;
        reallocs.fails_at = 0;
        content_read(&content, rig.path);
        assert_true(err == 0 ? content.packets_n == PACKETS_N : err == ENOMEM);
        assert_true(failed || (err == 0 && content.comments_n == 2 * PACKETS_N));
        errors_n += err != 0;
        unlink(rig.path);
        la_mem_unref(rig.mem);
    }
    assert_true(errors_n > 100);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_writer__holds_and_flushes),
        cmocka_unit_test(test_writer__always_readable),
        cmocka_unit_test(test_writer__comments_while_held),
        cmocka_unit_test(test_writer__held_octets_are_bounded),
        cmocka_unit_test(test_writer__early_comments),
        cmocka_unit_test(test_writer__comments_are_bounded),
        cmocka_unit_test(test_writer__checksum_left_to_the_link),
        cmocka_unit_test(test_writer__nowhere_to_write),
        cmocka_unit_test(test_writer__broken_pipe),
        cmocka_unit_test(test_writer__slow_pipe),
        cmocka_unit_test(test_writer__no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
