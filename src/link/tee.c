/* SPDX-License-Identifier: MIT
 *
 * tee.c - the tap: a link that writes what passes to a capture
 *
 * Only what the inner link takes has been sent, and by then it is the inner link's: so a second
 * frame with the same octets (payload shared) is kept for the capture. A frame for which there is
 * no memory is sent all the same and is missing in the capture.
 */
#include <stdlib.h>

#include <lastack/capture.h>
#include <lastack/link.h>

#include "base/frame.h"

enum { BURST_N = 64 };

struct tee {
    struct la_link link; /* first: a link is cast back to its tee */
    struct la_link *inner;
    struct la_capture_writer *writer;
    uint32_t iface;
};

/* At most BURST_N frames. */
static size_t
send_burst(struct tee *tee, struct la_frame **take_frames, size_t n, la_instant now)
{
    struct la_frame *shown[BURST_N];
    for (size_t i = 0; i < n; i++)
        shown[i] = la_frame_clone(take_frames[i]);
    size_t taken_n = la_link_send(tee->inner, take_frames, n, now);
    for (size_t i = 0; i < n; i++) {
        if (i < taken_n && shown[i] != NULL)
            la_capture_writer_packet(tee->writer, tee->iface, shown[i], true, now);
        la_frame_free(shown[i]);
    }
    return taken_n;
}

static size_t
tee_send(struct la_link *link, struct la_frame **take_frames, size_t n, la_instant now)
{
    struct tee *tee = (struct tee *)link;
    size_t taken_n = 0;
    while (taken_n < n) {
        size_t burst_n = n - taken_n < BURST_N ? n - taken_n : BURST_N;
        size_t got_n = send_burst(tee, take_frames + taken_n, burst_n, now);
        taken_n += got_n;
        if (got_n < burst_n)
            break;
    }
    return taken_n;
}

static size_t
tee_receive(struct la_link *link, struct la_frame **frames, size_t max, la_instant now)
{
    struct tee *tee = (struct tee *)link;
    size_t n = la_link_receive(tee->inner, frames, max, now);
    for (size_t i = 0; i < n; i++)
        la_capture_writer_packet(tee->writer, tee->iface, frames[i], false, now);
    return n;
}

static la_instant
tee_deadline(const struct la_link *link)
{
    return la_link_deadline(((const struct tee *)link)->inner);
}

static int
tee_descriptor(const struct la_link *link)
{
    const struct la_link *inner = ((const struct tee *)link)->inner;
    return inner->ops->descriptor(inner);
}

static void
tee_free(struct la_link *link)
{
    struct tee *tee = (struct tee *)link;
    tee->inner->ops->free(tee->inner);
    free(tee);
}

static const struct la_link_ops tee_ops = {
    .send = tee_send,
    .receive = tee_receive,
    .deadline = tee_deadline,
    .descriptor = tee_descriptor,
    .free = tee_free,
};

struct la_link *
la_tee_new(struct la_link *inner, struct la_capture_writer *writer, uint32_t iface)
{
    struct tee *tee = malloc(sizeof(*tee));
    if (tee == NULL)
        return NULL;
    *tee = (struct tee){{&tee_ops, inner->caps}, inner, writer, iface};
    return &tee->link;
}
