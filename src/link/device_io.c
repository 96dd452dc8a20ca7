/* SPDX-License-Identifier: MIT
 *
 * device_io.c - frames to and from a TUN or TAP device
 *
 * Read first: device.h; virtio 1.2 5.1.6.2 and 5.1.6.4.
 *
 * Payload is not copied in either direction. A packet is read into a small block, which most
 * packets fit, and a large one behind it, which then becomes payload: a receive queue of small
 * segments does not hold large blocks. A packet is written as the pieces it consists of.
 */
#include "link/device.h"

#include "base/frame.h"

#include <errno.h>
#include <linux/virtio_net.h>
#include <sys/uio.h>
#include <unistd.h>

enum {
    HEAD_BYTES = 1600,
    REST_BYTES = 65536,
    PIECES_MAX = 64,
    TCP_OFFSET_OCTET = 12,
    TCP_FLAGS_OCTET = 13
};

/* ---- out --------------------------------------------------------------------------------- */

/* The segment's header ends where its data offset says, when it lies in the head. */
static uint16_t
header_bytes(const struct la_frame *frame)
{
    uint32_t off = frame->csum_start;
    if (off + TCP_OFFSET_OCTET >= frame->head_n)
        return (uint16_t)frame->head_n;
    return (uint16_t)(off + (uint32_t)(frame->head[off + TCP_OFFSET_OCTET] >> 4) * 4);
}

static bool
has_cwr(const struct la_frame *frame)
{
    uint32_t off = (uint32_t)frame->csum_start + TCP_FLAGS_OCTET;
    return off < frame->head_n && (frame->head[off] & LA_TCP_CWR) != 0;
}

static struct virtio_net_hdr
marks_of(const struct la_frame *frame)
{
    struct virtio_net_hdr marks = {.gso_type = VIRTIO_NET_HDR_GSO_NONE};
    if (frame->csum != LA_CSUM_PARTIAL)
        return marks;
    marks.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM;
    marks.csum_start = frame->csum_start;
    marks.csum_offset = frame->csum_off;
    if (frame->gso_kind == LA_GSO_NONE)
        return marks;
    marks.gso_type =
        frame->gso_kind == LA_GSO_TCPV4 ? VIRTIO_NET_HDR_GSO_TCPV4 : VIRTIO_NET_HDR_GSO_TCPV6;
    if (has_cwr(frame))
        marks.gso_type |= VIRTIO_NET_HDR_GSO_ECN; /* CWR is the first segment's alone */
    marks.gso_size = frame->gso_size;
    marks.hdr_len = header_bytes(frame);
    return marks;
}

static ssize_t
write_pieces(int fd, struct virtio_net_hdr *marks, const struct la_bytes *pieces, size_t n)
{
    struct iovec iov[PIECES_MAX + 1] = {{marks, sizeof(*marks)}};
    for (size_t i = 0; i < n; i++)
        iov[i + 1] = (struct iovec){(void *)(uintptr_t)pieces[i].p, pieces[i].n};
    return writev(fd, iov, (int)n + 1);
}

/* A frame of more pieces than one call takes goes in one copy. */
static ssize_t
write_copy(int fd, struct virtio_net_hdr *marks, const struct la_frame *frame)
{
    struct la_room room;
    size_t n = la_frame_len(frame);
    struct la_frame *copy = la_frame_with_room(frame->mem, n, &room);
    if (copy == NULL) {
        errno = ENOMEM;
        return -1;
    }
    struct la_bytes all = {room.p, la_frame_copy_out(frame, 0, room.p, n)};
    ssize_t done = write_pieces(fd, marks, &all, 1);
    int error = errno;
    la_frame_free(copy);
    errno = error;
    return done;
}

/* False: the device takes no more at the moment. Whatever else goes wrong (the device is down, it
 * knows no such packet) is a packet lost. */
static bool
write_frame(int fd, const struct la_frame *frame)
{
    struct la_bytes pieces[PIECES_MAX];
    struct virtio_net_hdr marks = marks_of(frame);
    size_t n = la_frame_pieces(frame, pieces, PIECES_MAX);
    ssize_t done;
    do {
        done =
            n <= PIECES_MAX ? write_pieces(fd, &marks, pieces, n) : write_copy(fd, &marks, frame);
    } while (done < 0 && errno == EINTR);
    return done >= 0 || (errno != EAGAIN && errno != ENOBUFS);
}

size_t
la_device_send(struct la_link *link, struct la_frame **take_frames, size_t n, la_instant now)
{
    const struct la_device *device = (const struct la_device *)link;
    (void)now;
    for (size_t i = 0; i < n; i++) {
        if (!write_frame(device->fd, take_frames[i]))
            return i;
        la_frame_free(take_frames[i]);
    }
    return n;
}

/* ---- in ---------------------------------------------------------------------------------- */

static bool
prepare(struct la_device *device)
{
    if (device->spare == NULL)
        device->spare = la_frame_with_room(device->mem, HEAD_BYTES, &device->room);
    if (device->rest == NULL)
        device->rest = la_block_take(device->mem, REST_BYTES);
    return device->spare != NULL && device->rest != NULL;
}

/* A partial checksum is a local sender's word that the octets are right; nobody has seen a wire. */
static void
marks_take(struct la_frame *frame, const struct virtio_net_hdr *marks)
{
    size_t n = la_frame_len(frame);
    if ((marks->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM) != 0) {
        size_t field_end = (size_t)marks->csum_start + marks->csum_offset + 2;
        frame->csum = field_end <= n ? LA_CSUM_PARTIAL : LA_CSUM_UNKNOWN;
        frame->csum_start = marks->csum_start;
        frame->csum_off = marks->csum_offset;
    } else if ((marks->flags & VIRTIO_NET_HDR_F_DATA_VALID) != 0) {
        frame->csum = LA_CSUM_VALID;
    }
    unsigned kind = marks->gso_type & ~(unsigned)VIRTIO_NET_HDR_GSO_ECN;
    bool tcp4 = kind == VIRTIO_NET_HDR_GSO_TCPV4, tcp6 = kind == VIRTIO_NET_HDR_GSO_TCPV6;
    if ((tcp4 || tcp6) && marks->gso_size > 0) {
        frame->gso_kind = tcp4 ? LA_GSO_TCPV4 : LA_GSO_TCPV6;
        frame->gso_size = marks->gso_size;
    }
}

/* The packet of n octets that was read. NULL: dropped, no memory for it. */
static struct la_frame *
packet_take(struct la_device *device, size_t n)
{
    struct la_frame *frame = device->spare;
    size_t head_n = n < device->room.n ? n : device->room.n;
    la_frame_commit(frame, head_n);
    device->spare = NULL;
    if (n == head_n)
        return frame;
    uint32_t rest_n = (uint32_t)(n - head_n);
    struct la_block *rest = device->rest;
    rest->used_n = rest_n;
    bool whole = la_chain_append_block(&frame->payload, device->mem, rest, 0, rest_n);
    la_block_unref(rest);
    device->rest = NULL;
    if (whole)
        return frame;
    la_frame_free(frame);
    return NULL;
}

/* One packet. False: nothing waits, or there is no memory to read it into. */
static bool
read_packet(struct la_device *device, struct la_frame **out)
{
    struct virtio_net_hdr marks;
    *out = NULL;
    if (!prepare(device))
        return false;
    struct iovec iov[3] = {{&marks, sizeof(marks)},
                           {device->room.p, device->room.n},
                           {device->rest->bytes, device->rest->size_n}};
    ssize_t got = readv(device->fd, iov, 3);
    if (got < (ssize_t)sizeof(marks))
        return false;
    *out = packet_take(device, (size_t)got - sizeof(marks));
    if (*out != NULL)
        marks_take(*out, &marks);
    return true;
}

size_t
la_device_receive(struct la_link *link, struct la_frame **frames, size_t max, la_instant now)
{
    struct la_device *device = (struct la_device *)link;
    size_t n = 0;
    struct la_frame *frame;
    while (n < max && read_packet(device, &frame)) {
        if (frame == NULL)
            continue;
        frame->at = now;
        frames[n++] = frame;
    }
    return n;
}
