/* SPDX-License-Identifier: MIT
 *
 * test_tee.c - the tap passes everything on and captures what the inner link took, once
 */
#include <stdio.h>
#include <unistd.h>

#include "support.h"

#include <lastack/capture.h>

/* An inner link that takes at most `room_n` frames, and hands them back. */
struct narrow {
    struct la_link link;
    struct la_frameq queue;
    size_t room_n;
    bool freed;
};

static size_t
narrow_send(struct la_link *link, struct la_frame **take_frames, size_t n, la_instant now)
{
    struct narrow *narrow = (struct narrow *)link;
    size_t taken_n = 0;
    (void)now;
    while (taken_n < n && narrow->room_n > 0) {
        la_frameq_push(&narrow->queue, take_frames[taken_n++]);
        narrow->room_n--;
    }
    return taken_n;
}

static size_t
narrow_receive(struct la_link *link, struct la_frame **frames, size_t max, la_instant now)
{
    struct narrow *narrow = (struct narrow *)link;
    size_t n = 0;
    (void)now;
    while (n < max && narrow->queue.n > 0)
        frames[n++] = la_frameq_pop(&narrow->queue);
    return n;
}

static la_instant
narrow_deadline(const struct la_link *link)
{
    (void)link;
    return ms(77);
}

static int
narrow_descriptor(const struct la_link *link)
{
    (void)link;
    return 5;
}

static void
narrow_free(struct la_link *link)
{
    ((struct narrow *)link)->freed = true;
}

static const struct la_link_ops narrow_ops = {
    .send = narrow_send,
    .receive = narrow_receive,
    .deadline = narrow_deadline,
    .descriptor = narrow_descriptor,
    .free = narrow_free,
};

/* Packet blocks of a capture by direction (epb_flags: 1 in, 2 out), little-endian. */
static void
count_packets(const char *path, unsigned *in_n, unsigned *out_n)
{
    static uint8_t octets[1 << 20];
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    size_t n = fread(octets, 1, sizeof(octets), file);
    fclose(file);
    *in_n = *out_n = 0;
    for (size_t off = 0; off + 12 <= n;) {
        uint32_t type, total, captured;
        memcpy(&type, octets + off, 4);
        memcpy(&total, octets + off + 4, 4);
        if (type == 6) {
            memcpy(&captured, octets + off + 20, 4);
            const uint8_t *options = octets + off + 28 + (captured + 3) / 4 * 4;
            assert_int_equal(options[0], 2);
            *in_n += options[4] == 1;
            *out_n += options[4] == 2;
        }
        off += total;
    }
}

static void
test_tee__captures_what_was_taken(void **state)
{
    (void)state;
    char path[] = "/tmp/test_tee_XXXXXX";
    struct test_alloc alloc = {0};
    struct la_mem *mem = test_mem_new(&alloc);
    struct narrow narrow = {.link = {&narrow_ops, {.mtu_bytes = 1400, .tso4 = true}}};
    struct la_capture_writer *writer;
    struct la_frame *frames[200];
    uint32_t iface;
    unsigned in_n, out_n;
    close(mkstemp(path));
    assert_int_equal(la_capture_writer_open(path, "test", &writer), 0);
    assert_int_equal(la_capture_writer_iface(writer, "a", NULL, LA_CAPTURE_IP, &iface), 0);
    struct la_link *tee = la_tee_new(&narrow.link, writer, iface);
    assert_non_null(tee);
    assert_int_equal(tee->caps.mtu_bytes, 1400);
    assert_true(tee->caps.tso4);
    assert_int_equal(la_link_deadline(tee).ns, ms(77).ns);
    assert_int_equal(tee->ops->descriptor(tee), 5);

    for (size_t i = 0; i < 200; i++)
        frames[i] = test_segment(mem, &(struct test_segment){.client_port = 1, .id = i + 1});
    narrow.room_n = 130;
    assert_int_equal(la_link_send(tee, frames, 200, ms(1)), 130);
    assert_int_equal(la_link_send(tee, frames + 130, 70, ms(1)), 0);
    narrow.room_n = 1000;
    assert_int_equal(la_link_send(tee, frames + 130, 70, ms(2)), 70);
    struct la_frame *back[30];
    assert_int_equal(la_link_receive(tee, back, 30, ms(3)), 30);
    for (size_t i = 0; i < 30; i++) {
        assert_int_equal(la_frame_id(back[i]), i + 1); /* the frame itself, in order */
        assert_ptr_equal(back[i], frames[i]);
        la_frame_free(back[i]);
    }
    tee->ops->free(tee);
    assert_true(narrow.freed);
    la_frameq_clear(&narrow.queue);
    assert_int_equal(la_capture_writer_close(writer), 0);
    count_packets(path, &in_n, &out_n);
    assert_int_equal(out_n, 200);
    assert_int_equal(in_n, 30);
    unlink(path);
    test_mem_free(mem, &alloc);
}

/* Sends until there is no memory for another frame; returns how many were not captured. */
static unsigned
missing_without_memory(uint64_t more_n)
{
    char path[] = "/tmp/test_tee_XXXXXX";
    struct test_alloc alloc = {0};
    struct la_mem *mem = test_mem_new(&alloc);
    struct narrow narrow = {.link = {&narrow_ops, {.mtu_bytes = 1400}}, .room_n = 100000};
    struct la_capture_writer *writer;
    uint32_t iface;
    unsigned in_n, out_n, sent_n = 0;
    close(mkstemp(path));
    assert_int_equal(la_capture_writer_open(path, "test", &writer), 0);
    assert_int_equal(la_capture_writer_iface(writer, "a", NULL, LA_CAPTURE_IP, &iface), 0);
    struct la_link *tee = la_tee_new(&narrow.link, writer, iface);
    assert_non_null(tee);
    alloc.fail_from = alloc.asked_n + more_n;
    for (;;) {
        struct la_frame *frame = test_segment_try(
            mem, &(struct test_segment){.client_port = 1, .text_bytes = 1000, .id = 1});
        if (frame == NULL)
            break;
        assert_int_equal(la_link_send(tee, &frame, 1, ms(1)), 1);
        sent_n++;
    }
    tee->ops->free(tee);
    assert_int_equal(narrow.queue.n, sent_n);
    la_frameq_clear(&narrow.queue);
    assert_int_equal(la_capture_writer_close(writer), 0);
    count_packets(path, &in_n, &out_n);
    assert_true(out_n <= sent_n);
    unlink(path);
    test_mem_free(mem, &alloc);
    return sent_n - out_n;
}

/* Without memory for the captured copy the frame still goes out. */
static void
test_tee__no_memory_for_the_copy(void **state)
{
    (void)state;
    unsigned missing_n = 0;
    for (uint64_t more_n = 1; more_n < 10; more_n++)
        missing_n += missing_without_memory(more_n);
    assert_true(missing_n > 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tee__captures_what_was_taken),
        cmocka_unit_test(test_tee__no_memory_for_the_copy),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
