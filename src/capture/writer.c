/* SPDX-License-Identifier: MIT
 *
 * writer.c - capture files with comments: packets are held back until their story is known
 *
 * What a segment causes at the far end is known only after it has crossed the wire, and why a
 * segment is sent is known before it does. So the latest packets are held (at most HELD_N, for
 * HELD_NS of packet time, HELD_BYTES octets), and comments that come too early wait (EARLY_N).
 *
 * Blocks leave in whole blocks only: after a flush, or at any write, the file can be read.
 * Allocation failure is an error like a full disk: sticky, and reported by flush and close.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <lastack/capture.h>

#include "base/assert.h"
#include "base/bytes.h"
#include "base/checksum.h"
#include "base/frame.h"
#include "base/link_type.h"
#include "base/time.h"
#include "capture/output.h"
#include "capture/pcapng.h"

enum {
    HELD_N = 1024,
    HELD_BYTES = 4 << 20,
    HELD_NS = 1000000000,
    EARLY_N = 64,
    COMMENTS_BYTES_MAX = 128 << 10, /* of one packet; readers refuse blocks of many MiB */
    WRITE_BYTES = 64 << 10,
    UDP_CHECKSUM_OFF = 6
};

struct held {
    la_instant at;
    uint64_t id;
    uint32_t iface;
    bool outbound;
    struct la_capture_buf bytes;
    struct la_capture_buf options;
};

struct early {
    uint64_t id;
    char *text;
};

struct la_capture_writer {
    struct la_capture_output output;
    struct la_capture_buf blocks; /* encoded, not yet written */
    struct la_pcapng_stats *ifaces;
    uint32_t ifaces_n;
    uint32_t held_first; /* ring */
    uint32_t held_n;
    size_t held_bytes;
    uint32_t early_first; /* ring */
    uint32_t early_n;
    struct early early[EARLY_N];
    struct held held[HELD_N];
};

static void
write_blocks(struct la_capture_writer *w)
{
    la_capture_output_write(&w->output, (struct la_bytes){w->blocks.p, w->blocks.n});
    la_capture_buf_reset(&w->blocks);
}

/* Called after a block was appended at `off`. */
static void
block_done(struct la_capture_writer *w, size_t off)
{
    if (w->blocks.failed) { /* the blocks before it are whole and stay */
        w->blocks.n = off;
        w->blocks.failed = false;
        write_blocks(w);
        if (w->output.err == 0)
            w->output.err = ENOMEM;
    } else if (w->blocks.n >= WRITE_BYTES) {
        write_blocks(w);
    }
}

static struct held *
held_at(struct la_capture_writer *w, uint32_t idx)
{
    return &w->held[(w->held_first + idx) % HELD_N];
}

static void
oldest_done(struct la_capture_writer *w)
{
    struct held *oldest = held_at(w, 0);
    struct la_pcapng_stats *stats = &w->ifaces[oldest->iface];
    size_t off = w->blocks.n;
    la_pcapng_packet(&w->blocks, &(struct la_pcapng_packet){
                                     .iface = oldest->iface,
                                     .at = oldest->at,
                                     .outbound = oldest->outbound,
                                     .id = oldest->id,
                                     .bytes = {oldest->bytes.p, oldest->bytes.n},
                                     .options = {oldest->options.p, oldest->options.n},
                                 });
    block_done(w, off);
    if (stats->packets_n++ == 0)
        stats->first_at = oldest->at;
    stats->last_at = oldest->at;
    w->held_bytes -= oldest->bytes.n;
    la_capture_buf_fini(&oldest->bytes);
    la_capture_buf_fini(&oldest->options);
    w->held_first = (w->held_first + 1) % HELD_N;
    w->held_n--;
}

static void
comment_add(struct held *held, const char *text)
{
    size_t before_n = held->options.n;
    if (before_n > COMMENTS_BYTES_MAX)
        return;
    la_pcapng_comment(&held->options, text);
    if (held->options.failed) { /* the packet is worth more than the comment */
        held->options.n = before_n;
        held->options.failed = false;
    }
}

/* Comments that came before their packet. */
static void
early_join(struct la_capture_writer *w, struct held *held)
{
    for (uint32_t i = 0; i < w->early_n && held->id != 0; i++) {
        struct early *early = &w->early[(w->early_first + i) % EARLY_N];
        if (early->id != held->id)
            continue;
        comment_add(held, early->text);
        free(early->text);
        *early = (struct early){0};
    }
    while (w->early_n > 0 && w->early[w->early_first].text == NULL) {
        w->early_first = (w->early_first + 1) % EARLY_N;
        w->early_n--;
    }
}

static void
early_add(struct la_capture_writer *w, uint64_t id, const char *text)
{
    char *copy = strdup(text);
    if (copy == NULL)
        return;
    if (w->early_n == EARLY_N) {
        free(w->early[w->early_first].text);
        w->early_first = (w->early_first + 1) % EARLY_N;
        w->early_n--;
    }
    w->early[(w->early_first + w->early_n++) % EARLY_N] = (struct early){id, copy};
}

/* A frame whose checksum was left to the link is shown as the link would send it. */
static void
checksum_complete(const struct la_frame *frame, struct la_capture_buf *bytes)
{
    size_t field_off = (size_t)frame->csum_start + frame->csum_off;
    if (frame->csum != LA_CSUM_PARTIAL || field_off + 2 > bytes->n)
        return;
    uint16_t sum = la_sum_portable(bytes->p + frame->csum_start, bytes->n - frame->csum_start);
    uint16_t checksum = (uint16_t)~sum;
    if (checksum == 0 && frame->csum_off == UDP_CHECKSUM_OFF)
        checksum = 0xFFFF; /* RFC 768: 0 would mean that there is none */
    la_put16(bytes->p + field_off, checksum);
}

int
la_capture_writer_open(const char *path, const char *application, struct la_capture_writer **out)
{
    struct la_capture_writer *w = calloc(1, sizeof(*w));
    *out = NULL;
    if (w == NULL)
        return ENOMEM;
    int err = la_capture_output_open(&w->output, path);
    if (err != 0) {
        free(w);
        return err;
    }
    la_pcapng_section(&w->blocks, application);
    block_done(w, 0);
    err = la_capture_writer_flush(w); /* a place that takes nothing is known at once */
    if (err != 0) {
        (void)la_capture_writer_close(w);
        return err;
    }
    *out = w;
    return 0;
}

int
la_capture_writer_iface(struct la_capture_writer *w, const char *name, const char *description,
                        enum la_capture_layer layer, uint32_t *out)
{
    size_t off = w->blocks.n;
    struct la_pcapng_stats *ifaces =
        realloc(w->ifaces, ((size_t)w->ifaces_n + 1) * sizeof(*w->ifaces));
    if (ifaces == NULL)
        return ENOMEM;
    w->ifaces = ifaces;
    la_pcapng_iface(&w->blocks, &(struct la_pcapng_iface){
                                    .name = name,
                                    .description = description,
                                    .link_type = layer == LA_CAPTURE_ETHERNET ? LA_LINKTYPE_ETHERNET
                                                                              : LA_LINKTYPE_RAW,
                                });
    block_done(w, off);
    ifaces[w->ifaces_n] = (struct la_pcapng_stats){.iface = w->ifaces_n};
    *out = w->ifaces_n++;
    return w->output.err;
}

void
la_capture_writer_packet(struct la_capture_writer *w, uint32_t iface, const struct la_frame *frame,
                         bool outbound, la_instant at)
{
    size_t n = la_frame_len(frame);
    LA_ASSERT(iface < w->ifaces_n);
    while (w->held_n > 0 && (w->held_n == HELD_N || w->held_bytes + n > HELD_BYTES ||
                             la_instant_lt(la_instant_add_ns(held_at(w, 0)->at, HELD_NS), at)))
        oldest_done(w);
    if (w->output.err != 0)
        return;
    struct held *held = held_at(w, w->held_n);
    *held = (struct held){.at = at, .id = la_frame_id(frame), .iface = iface, .outbound = outbound};
    uint8_t *bytes = la_capture_buf_extend(&held->bytes, n);
    if (bytes == NULL) {
        w->output.err = ENOMEM;
        return;
    }
    (void)la_frame_copy_out(frame, 0, bytes, n);
    checksum_complete(frame, &held->bytes);
    early_join(w, held);
    w->held_bytes += n;
    w->held_n++;
}

void
la_capture_writer_comment(struct la_capture_writer *w, uint64_t segment_id, const char *text)
{
    if (segment_id == 0 || w->output.err != 0)
        return;
    for (uint32_t i = w->held_n; i-- > 0;)
        if (held_at(w, i)->id == segment_id) {
            comment_add(held_at(w, i), text);
            return;
        }
    early_add(w, segment_id, text);
}

int
la_capture_writer_flush(struct la_capture_writer *w)
{
    while (w->held_n > 0)
        oldest_done(w);
    write_blocks(w);
    return w->output.err;
}

int
la_capture_writer_close(struct la_capture_writer *w)
{
    while (w->held_n > 0)
        oldest_done(w);
    for (uint32_t i = 0; i < w->ifaces_n; i++) {
        size_t off = w->blocks.n;
        la_pcapng_stats(&w->blocks, &w->ifaces[i]);
        block_done(w, off);
    }
    write_blocks(w);
    for (uint32_t i = 0; i < w->early_n; i++)
        free(w->early[(w->early_first + i) % EARLY_N].text);
    int err = la_capture_output_close(&w->output);
    la_capture_buf_fini(&w->blocks);
    free(w->ifaces);
    free(w);
    return err;
}
