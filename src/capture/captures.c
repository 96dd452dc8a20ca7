/* SPDX-License-Identifier: MIT
 *
 * captures.c - packets of several captures in the order of their time
 *
 * Each capture has its next packet waiting; a heap has the earliest one on top. A packet's octets
 * stay where they are until its own capture is asked again.
 */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "capture/captures.h"
#include "capture/live.h"
#include "capture/notes.h"

enum { FDS_MAX = 64 };

struct capture {
    char *name;
    struct la_capture_reader *reader; /* or */
    struct la_capture_live *live;
    bool ended;
    bool waits; /* its packet is in the heap */
    struct la_capture_packet packet;
    struct la_capture_notes notes; /* beside the reader's: about the filter */
    struct la_capture_note *all;   /* both, for la_captures_notes() */
};

struct la_captures {
    struct la_captures_options options;
    struct la_capture_filter *filter;
    uint64_t filtered_n;
    struct capture *captures;
    uint32_t captures_n;
    uint32_t *heap; /* captures_n places */
    uint32_t heap_n;
    uint32_t idle_n; /* of those asked last */
    uint32_t latest; /* whose packet was handed out: only it, and idle ones, can have a new one */
    bool begun;
};

struct la_captures *
la_captures_new(const struct la_captures_options *options, bool *is_mistaken,
                char error[LA_CAPTURE_LINE_BYTES])
{
    *is_mistaken = false;
    struct la_captures *c = calloc(1, sizeof(*c));
    if (c == NULL) {
        (void)snprintf(error, LA_CAPTURE_LINE_BYTES, "no memory");
        return NULL;
    }
    c->options = *options;
    if (options->filter == NULL)
        return c;
    c->filter = la_capture_filter_new(options->filter, is_mistaken, error);
    if (c->filter != NULL)
        return c;
    free(c);
    return NULL;
}

/* A place for one more, or NULL. */
static struct capture *
place_new(struct la_captures *c, const char *name, char error[LA_CAPTURE_LINE_BYTES])
{
    size_t n = (size_t)c->captures_n + 1;
    struct capture *captures = realloc(c->captures, n * sizeof(*captures));
    if (captures != NULL)
        c->captures = captures;
    uint32_t *heap = realloc(c->heap, n * sizeof(*heap));
    if (heap != NULL)
        c->heap = heap;
    char *copy = strdup(name);
    if (captures == NULL || heap == NULL || copy == NULL) {
        free(copy);
        (void)snprintf(error, LA_CAPTURE_LINE_BYTES, "no memory");
        return NULL;
    }
    captures[c->captures_n] = (struct capture){.name = copy};
    return &captures[c->captures_n];
}

static bool
place_keep(struct la_captures *c, struct capture *place)
{
    if (place->reader != NULL || place->live != NULL) {
        c->captures_n++;
        return true;
    }
    free(place->name);
    return false;
}

bool
la_captures_add_file(struct la_captures *c, const char *path, char error[LA_CAPTURE_LINE_BYTES])
{
    const struct la_capture_reader_options options = {.follow = c->options.follow};
    struct capture *place = place_new(c, path, error);
    if (place == NULL)
        return false;
    place->reader = la_capture_reader_open(path, &options, error);
    return place_keep(c, place);
}

bool
la_captures_add_iface(struct la_captures *c, const char *name, char error[LA_CAPTURE_LINE_BYTES])
{
    const struct la_capture_live_options options = {.snap_bytes = c->options.snap_bytes,
                                                    .promiscuous = c->options.promiscuous};
    struct capture *place = place_new(c, name, error);
    if (place == NULL)
        return false;
    place->live = la_capture_live_open(name, &options, c->filter, error);
    return place_keep(c, place);
}

/* An interface's packets have passed it in the kernel. */
static bool
passes(struct la_captures *c, struct capture *capture, const struct la_capture_packet *packet)
{
    const char *error = NULL;
    if (c->filter == NULL || la_capture_filter_holds(c->filter, packet, &error))
        return true;
    c->filtered_n++;
    if (error != NULL) /* the text's address tells link types apart */
        la_capture_notes_add(&capture->notes, error, 0, false, "%s; left those out", error);
    return false;
}

/* The capture's next packet that passes the filter. */
static enum la_capture_next
capture_next(struct la_captures *c, struct capture *capture, struct la_capture_packet *packet)
{
    if (capture->live != NULL)
        return la_capture_live_next(capture->live, packet);
    for (;;) {
        enum la_capture_next next = la_capture_reader_next(capture->reader, packet);
        if (next != LA_CAPTURE_PACKET || passes(c, capture, packet))
            return next;
    }
}

/* ---- the heap: the earliest packet on top, of equal ones that of the first capture
 * --------------- */

static bool
is_before(const struct la_captures *c, uint32_t a, uint32_t b)
{
    int64_t at_a = c->captures[a].packet.at.ns, at_b = c->captures[b].packet.at.ns;
    return at_a != at_b ? at_a < at_b : a < b;
}

static void
swap(struct la_captures *c, uint32_t i, uint32_t j)
{
    uint32_t idx = c->heap[i];
    c->heap[i] = c->heap[j];
    c->heap[j] = idx;
}

static void
heap_push(struct la_captures *c, uint32_t idx)
{
    uint32_t i = c->heap_n++;
    c->heap[i] = idx;
    for (; i > 0 && is_before(c, c->heap[i], c->heap[(i - 1) / 2]); i = (i - 1) / 2)
        swap(c, i, (i - 1) / 2);
}

static uint32_t
heap_pop(struct la_captures *c)
{
    uint32_t top = c->heap[0];
    c->heap[0] = c->heap[--c->heap_n];
    for (uint32_t i = 0;;) {
        uint32_t least = i, left = 2 * i + 1, right = left + 1;
        if (left < c->heap_n && is_before(c, c->heap[left], c->heap[least]))
            least = left;
        if (right < c->heap_n && is_before(c, c->heap[right], c->heap[least]))
            least = right;
        if (least == i)
            return top;
        swap(c, i, least);
        i = least;
    }
}

static void
ask(struct la_captures *c, uint32_t idx)
{
    struct capture *capture = &c->captures[idx];
    if (capture->ended || capture->waits)
        return;
    enum la_capture_next next = capture_next(c, capture, &capture->packet);
    capture->ended = next == LA_CAPTURE_END;
    capture->waits = next == LA_CAPTURE_PACKET;
    c->idle_n += next == LA_CAPTURE_IDLE;
    if (capture->waits)
        heap_push(c, idx);
}

/* Nothing is at hand: waits until an interface has something, or a file may have grown. */
static void
wait_for_more(const struct la_captures *c)
{
    struct pollfd pfds[FDS_MAX];
    nfds_t n = 0;
    for (uint32_t i = 0; i < c->captures_n && n < FDS_MAX; i++)
        if (c->captures[i].live != NULL)
            pfds[n++] = (struct pollfd){la_capture_live_fd(c->captures[i].live), POLLIN, 0};
    (void)poll(pfds, n, (int)c->options.wait_ms);
}

static enum la_capture_next
one_next(struct la_captures *c, struct la_capture_packet *packet)
{
    enum la_capture_next next = capture_next(c, &c->captures[0], packet);
    if (next == LA_CAPTURE_IDLE)
        wait_for_more(c);
    return next;
}

enum la_capture_next
la_captures_next(struct la_captures *c, struct la_capture_packet *packet)
{
    if (c->captures_n == 1)
        return one_next(c, packet);
    bool all = !c->begun || c->idle_n > 0;
    c->begun = true;
    c->idle_n = 0;
    for (uint32_t i = all ? 0 : c->latest; i < (all ? c->captures_n : c->latest + 1); i++)
        ask(c, i);
    if (c->heap_n == 0) {
        if (c->idle_n > 0)
            wait_for_more(c);
        return c->idle_n > 0 ? LA_CAPTURE_IDLE : LA_CAPTURE_END;
    }
    c->latest = heap_pop(c);
    c->captures[c->latest].waits = false;
    *packet = c->captures[c->latest].packet;
    packet->file_idx = c->latest;
    return LA_CAPTURE_PACKET;
}

enum la_capture_next
la_captures_some(struct la_captures *c, struct la_capture_packet *packets, size_t max, size_t *n)
{
    enum la_capture_next next = la_captures_next(c, packets);
    struct capture *one = &c->captures[0];
    *n = 1;
    if (next != LA_CAPTURE_PACKET || c->captures_n != 1 || one->reader == NULL)
        return next;
    size_t more_n = la_capture_reader_more(one->reader, packets + 1, max - 1);
    if (c->filter == NULL) {
        *n += more_n;
        return next;
    }
    for (size_t i = 0; i < more_n; i++)
        if (passes(c, one, &packets[i + 1]))
            packets[(*n)++] = packets[i + 1];
    return next;
}

bool
la_captures_stay(const struct la_captures *c)
{
    for (uint32_t i = 0; i < c->captures_n; i++)
        if (c->captures[i].reader == NULL || !la_capture_reader_stays(c->captures[i].reader))
            return false;
    return true;
}

uint32_t
la_captures_n(const struct la_captures *c)
{
    return c->captures_n;
}

const char *
la_captures_name(const struct la_captures *c, uint32_t idx)
{
    return c->captures[idx].name;
}

size_t
la_captures_notes(struct la_captures *c, uint32_t idx, const struct la_capture_note **out)
{
    struct capture *capture = &c->captures[idx];
    const struct la_capture_note *own;
    size_t n = capture->live != NULL ? la_capture_live_notes(capture->live, &own)
                                     : la_capture_reader_notes(capture->reader, &own);
    *out = own;
    if (capture->notes.n == 0)
        return n;
    free(capture->all);
    capture->all = calloc(n + capture->notes.n, sizeof(*capture->all));
    if (capture->all == NULL)
        return n;
    if (n > 0)
        memcpy(capture->all, own, n * sizeof(*own));
    memcpy(capture->all + n, capture->notes.note, capture->notes.n * sizeof(*own));
    *out = capture->all;
    return n + capture->notes.n;
}

bool
la_captures_failed(const struct la_captures *c)
{
    for (uint32_t i = 0; i < c->captures_n; i++)
        if (c->captures[i].reader != NULL && la_capture_reader_failed(c->captures[i].reader))
            return true;
    return false;
}

uint64_t
la_captures_filtered_n(const struct la_captures *c)
{
    return c->filtered_n;
}

void
la_captures_progress(const struct la_captures *c, uint64_t *done_bytes, uint64_t *all_bytes)
{
    bool known = true;
    *done_bytes = *all_bytes = 0;
    for (uint32_t i = 0; i < c->captures_n; i++) {
        uint64_t done = 0, all = 0;
        if (c->captures[i].reader != NULL)
            la_capture_reader_progress(c->captures[i].reader, &done, &all);
        known = known && all != 0;
        *done_bytes += done;
        *all_bytes += all;
    }
    if (!known)
        *all_bytes = 0;
}

void
la_captures_free(struct la_captures *c)
{
    if (c == NULL)
        return;
    for (uint32_t i = 0; i < c->captures_n; i++) {
        struct capture *capture = &c->captures[i];
        if (capture->reader != NULL)
            la_capture_reader_close(capture->reader);
        la_capture_live_close(capture->live);
        free(capture->name);
        free(capture->all);
    }
    la_capture_filter_free(c->filter);
    free(c->captures);
    free(c->heap);
    free(c);
}
