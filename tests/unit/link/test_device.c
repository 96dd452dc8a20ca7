/* SPDX-License-Identifier: MIT
 *
 * test_device.c - frames to and from a device, which here is one end of a pair of datagram sockets
 *
 * What the kernel's driver makes of them is tested by tests/interop.
 */
#include "support.h"

#include "link/device.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/virtio_net.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

struct pair {
    struct test_alloc alloc;
    struct la_mem *mem;
    struct la_device device;
    int other; /* the kernel's side */
};

static struct pair
pair_new(void)
{
    struct pair p = {0};
    int fd[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0, fd), 0);
    p.device.fd = fd[0];
    p.other = fd[1];
    return p;
}

/* The allocator's counters must stay where they are, so in two steps. */
static void
pair_init(struct pair *p)
{
    p->mem = test_mem_new(&p->alloc);
    p->device.mem = p->mem;
}

static void
pair_free(struct pair *p)
{
    la_frame_free(p->device.spare);
    if (p->device.rest != NULL)
        la_block_unref(p->device.rest);
    (void)close(p->device.fd);
    (void)close(p->other);
    test_mem_free(p->mem, &p->alloc);
}

static uint8_t octets[70000];

static void
octets_init(void)
{
    for (size_t i = 0; i < sizeof(octets); i++)
        octets[i] = (uint8_t)(i % 251);
}

static void
put(const struct pair *p, const struct virtio_net_hdr *marks, size_t n)
{
    struct iovec iov[2] = {{(void *)(uintptr_t)marks, sizeof(*marks)}, {octets, n}};
    assert_int_equal(writev(p->other, iov, 2), (ssize_t)(sizeof(*marks) + n));
}

static size_t
receive(struct pair *p, struct la_frame **frames, size_t max)
{
    return la_device_receive(&p->device.link, frames, max, ms(7));
}

static struct la_frame *
receive_one(struct pair *p)
{
    struct la_frame *frame = NULL;
    assert_int_equal(receive(p, &frame, 1), 1);
    la_frame_check(frame);
    return frame;
}

static void
assert_octets(const struct la_frame *frame, size_t n)
{
    static uint8_t found[sizeof(octets)];
    assert_int_equal(la_frame_len(frame), n);
    assert_int_equal(la_frame_copy_out(frame, 0, found, n), n);
    assert_memory_equal(found, octets, n);
}

/* ---- in ---------------------------------------------------------------------------------- */

static void
test_device__packets_of_any_size_arrive(void **state)
{
    static const size_t sizes[] = {0, 1, 40, 1500, 1599, 1600, 2112, 2113, 9000, 65000, 65535};
    const struct virtio_net_hdr none = {0};
    struct pair p = pair_new();
    (void)state;
    pair_init(&p);
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        put(&p, &none, sizes[i]);
        struct la_frame *frame = receive_one(&p);
        assert_octets(frame, sizes[i]);
        assert_int_equal(frame->csum, LA_CSUM_UNKNOWN);
        assert_int_equal(frame->gso_size, 0);
        assert_int_equal(frame->at.ns, ms(7).ns);
        la_frame_free(frame);
    }
    struct la_frame *frame;
    assert_int_equal(receive(&p, &frame, 1), 0);
    pair_free(&p);
}

static void
test_device__a_small_packet_holds_no_large_block(void **state)
{
    enum { N = 50 };
    const struct virtio_net_hdr none = {0};
    struct pair p = pair_new();
    struct la_frame *frames[N];
    struct la_mem_stats stats;
    (void)state;
    pair_init(&p);
    for (size_t i = 0; i < N; i++) {
        put(&p, &none, 1500);
        frames[i] = receive_one(&p);
    }
    la_mem_stats_get(p.mem, &stats);
    assert_int_equal(stats.blocks_live_n, N + 1);
    assert_in_range(stats.used_bytes, 1, N * 4096 + 512 * 1024);
    for (size_t i = 0; i < N; i++)
        la_frame_free(frames[i]);
    pair_free(&p);
}

static void
test_device__no_more_than_asked_for(void **state)
{
    const struct virtio_net_hdr none = {0};
    struct pair p = pair_new();
    struct la_frame *frames[4];
    (void)state;
    pair_init(&p);
    for (size_t i = 1; i <= 5; i++)
        put(&p, &none, i);
    assert_int_equal(receive(&p, frames, 4), 4);
    for (size_t i = 0; i < 4; i++) {
        assert_octets(frames[i], i + 1);
        la_frame_free(frames[i]);
    }
    la_frame_free(receive_one(&p));
    pair_free(&p);
}

static void
test_device__marks_of_what_arrives(void **state)
{
    struct pair p = pair_new();
    (void)state;
    pair_init(&p);
    put(&p,
        &(struct virtio_net_hdr){.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
                                 .gso_type = VIRTIO_NET_HDR_GSO_TCPV4 | VIRTIO_NET_HDR_GSO_ECN,
                                 .gso_size = 1448,
                                 .csum_start = 20,
                                 .csum_offset = 16},
        5000);
    struct la_frame *frame = receive_one(&p);
    assert_int_equal(frame->csum, LA_CSUM_PARTIAL);
    assert_int_equal(frame->csum_start, 20);
    assert_int_equal(frame->csum_off, 16);
    assert_int_equal(frame->gso_kind, LA_GSO_TCPV4);
    assert_int_equal(frame->gso_size, 1448);
    la_frame_free(frame);

    put(&p,
        &(struct virtio_net_hdr){.flags = VIRTIO_NET_HDR_F_DATA_VALID,
                                 .gso_type = VIRTIO_NET_HDR_GSO_TCPV6,
                                 .gso_size = 1428},
        5000);
    frame = receive_one(&p);
    assert_int_equal(frame->csum, LA_CSUM_VALID);
    assert_int_equal(frame->gso_kind, LA_GSO_TCPV6);
    la_frame_free(frame);
    pair_free(&p);
}

static void
test_device__marks_without_sense_are_none(void **state)
{
    struct pair p = pair_new();
    (void)state;
    pair_init(&p);
    put(&p,
        &(struct virtio_net_hdr){.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
                                 .gso_type = VIRTIO_NET_HDR_GSO_TCPV4,
                                 .csum_start = 90,
                                 .csum_offset = 16},
        100);
    struct la_frame *frame = receive_one(&p);
    assert_int_equal(frame->csum, LA_CSUM_UNKNOWN);
    assert_int_equal(frame->gso_kind, LA_GSO_NONE);
    la_frame_free(frame);
    put(&p, &(struct virtio_net_hdr){.gso_type = VIRTIO_NET_HDR_GSO_UDP, .gso_size = 9}, 100);
    frame = receive_one(&p);
    assert_int_equal(frame->gso_size, 0);
    la_frame_free(frame);
    assert_int_equal(write(p.other, octets, 3), 3); /* no whole header of virtio */
    assert_int_equal(receive(&p, &frame, 1), 0);
    pair_free(&p);
}

static void
test_device__without_memory_packets_wait_or_are_lost(void **state)
{
    const struct virtio_net_hdr none = {0};
    (void)state;
    for (uint64_t fail_from = 2;; fail_from++) {
        struct pair p = pair_new();
        struct la_frame *frames[2] = {NULL, NULL};
        pair_init(&p);
        p.alloc.fail_from = fail_from;
        put(&p, &none, 9000);
        put(&p, &none, 9000);
        size_t n = receive(&p, frames, 2);
        bool refused = p.alloc.asked_n >= fail_from;
        for (size_t i = 0; i < n; i++) {
            assert_octets(frames[i], 9000);
            la_frame_free(frames[i]);
        }
        pair_free(&p);
        if (!refused) {
            assert_int_equal(n, 2);
            return;
        }
    }
}

/* ---- out --------------------------------------------------------------------------------- */

/* What the kernel's side reads: the marks, and n octets that are the pattern's. */
static struct virtio_net_hdr
taken(const struct pair *p, size_t n)
{
    static uint8_t found[sizeof(octets)];
    struct virtio_net_hdr marks;
    struct iovec iov[2] = {{&marks, sizeof(marks)}, {found, sizeof(found)}};
    assert_int_equal(readv(p->other, iov, 2), (ssize_t)(sizeof(marks) + n));
    assert_memory_equal(found, octets, n);
    return marks;
}

static void
send_one(struct pair *p, struct la_frame *take_frame)
{
    assert_int_equal(la_device_send(&p->device.link, &take_frame, 1, ms(1)), 1);
}

static struct la_frame *
frame_of(const struct pair *p, size_t n)
{
    struct la_frame *frame = la_frame_from_bytes(p->mem, (struct la_bytes){octets, n});
    assert_non_null(frame);
    return frame;
}

static void
test_device__frames_leave_with_their_marks(void **state)
{
    struct pair p = pair_new();
    (void)state;
    pair_init(&p);
    send_one(&p, frame_of(&p, 100));
    struct virtio_net_hdr marks = taken(&p, 100);
    assert_int_equal(marks.flags | marks.gso_type | marks.gso_size, 0);

    struct la_frame *frame = frame_of(&p, 4000);
    frame->csum = LA_CSUM_PARTIAL;
    frame->csum_start = 20;
    frame->csum_off = 16;
    frame->gso_kind = LA_GSO_TCPV6;
    frame->gso_size = 1428;
    assert_true(la_frame_need(frame, 60));
    unsigned header_n = (unsigned)(octets[32] >> 4) * 4;
    send_one(&p, frame);
    marks = taken(&p, 4000);
    assert_int_equal(marks.flags, VIRTIO_NET_HDR_F_NEEDS_CSUM);
    assert_int_equal(marks.csum_start, 20);
    assert_int_equal(marks.csum_offset, 16);
    assert_int_equal(marks.gso_type, VIRTIO_NET_HDR_GSO_TCPV6);
    assert_int_equal(marks.gso_size, 1428);
    assert_int_equal(marks.hdr_len, 20 + header_n);
    pair_free(&p);
}

static void
test_device__a_frame_of_many_pieces_leaves_whole(void **state)
{
    enum { PIECES = 200, PIECE_BYTES = 31 };
    struct pair p = pair_new();
    (void)state;
    pair_init(&p);
    struct la_frame *frame = frame_of(&p, 40);
    size_t n = 40;
    for (size_t i = 0; i < PIECES; i++, n += PIECE_BYTES) {
        struct la_block *block = la_block_take(p.mem, PIECE_BYTES);
        assert_non_null(block);
        memcpy(block->bytes, octets + n, PIECE_BYTES);
        block->used_n = PIECE_BYTES;
        assert_true(la_chain_append_block(&frame->payload, p.mem, block, 0, PIECE_BYTES));
        la_block_unref(block);
    }
    assert_true(la_frame_pieces(frame, NULL, 0) >= PIECES);
    send_one(&p, frame);
    (void)taken(&p, n);
    pair_free(&p);
}

static void
test_device__a_full_device_leaves_the_rest_to_the_caller(void **state)
{
    enum { N = 4000 };
    struct pair p = pair_new();
    static struct la_frame *frames[N];
    (void)state;
    pair_init(&p);
    for (size_t i = 0; i < N; i++)
        frames[i] = frame_of(&p, 1000);
    size_t n = la_device_send(&p.device.link, frames, N, ms(1));
    assert_in_range(n, 1, N - 1);
    for (size_t i = n; i < N; i++)
        la_frame_free(frames[i]);
    pair_free(&p);
}

static void
test_device__a_device_that_fails_loses_packets(void **state)
{
    struct pair p = pair_new();
    (void)state;
    pair_init(&p);
    (void)close(p.other);
    p.other = -1;
    send_one(&p, frame_of(&p, 1000));
    pair_free(&p);
}

/* ---- opening ----------------------------------------------------------------------------- */

static void
test_device__names_that_cannot_be(void **state)
{
    struct test_alloc alloc = {0};
    struct la_mem *mem = test_mem_new(&alloc);
    struct la_link *link;
    (void)state;
    struct la_device_cfg cfg = {.mem = mem, .name = ""};
    assert_int_equal(la_tun_open(&cfg, &link), EINVAL);
    assert_null(link);
    cfg.name = "sixteen-octets-x";
    assert_int_equal(la_tap_open(&cfg, &link), ENAMETOOLONG);
    assert_null(link);
    test_mem_free(mem, &alloc);
}

int
main(void)
{
    octets_init();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_device__packets_of_any_size_arrive),
        cmocka_unit_test(test_device__a_small_packet_holds_no_large_block),
        cmocka_unit_test(test_device__no_more_than_asked_for),
        cmocka_unit_test(test_device__marks_of_what_arrives),
        cmocka_unit_test(test_device__marks_without_sense_are_none),
        cmocka_unit_test(test_device__without_memory_packets_wait_or_are_lost),
        cmocka_unit_test(test_device__frames_leave_with_their_marks),
        cmocka_unit_test(test_device__a_frame_of_many_pieces_leaves_whole),
        cmocka_unit_test(test_device__a_full_device_leaves_the_rest_to_the_caller),
        cmocka_unit_test(test_device__a_device_that_fails_loses_packets),
        cmocka_unit_test(test_device__names_that_cannot_be),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
