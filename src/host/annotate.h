/* SPDX-License-Identifier: MIT
 *
 * annotate.h - the story as comments on the packets of a capture
 *
 * A trace sink for the events of two stacks and their wire. It says, on the packet that caused it
 * or shows it: changes of state with their section, why a segment was sent again, why one was
 * dropped or answered specially, and what the wire did to it.
 *
 * A change of state that a call or a timer caused has no packet of its own: it stands on the next
 * segment that the connection sends (at most LA_ANNOTATE_WAITING_N wait, the oldest is given up).
 */
#ifndef LA_HOST_ANNOTATE_H
#define LA_HOST_ANNOTATE_H

#include <lastack/capture.h>
#include <lastack/event.h>

enum { LA_ANNOTATE_WAITING_N = 16, LA_ANNOTATE_TEXT_BYTES = 160 };

/* The kinds of event that it has use for. */
#define LA_ANNOTATE_MASK                                                                           \
    (LA_EVENT_BIT(LA_EVENT_SEGMENT_SENT) | LA_EVENT_BIT(LA_EVENT_WIRE) |                           \
     LA_EVENT_BIT(LA_EVENT_STATE) | LA_EVENT_BIT(LA_EVENT_DROP) | LA_EVENT_BIT(LA_EVENT_URGENT))

struct la_annotate_waiting {
    uint64_t conn; /* 0 = free */
    uint8_t end;
    char text[LA_ANNOTATE_TEXT_BYTES];
};

struct la_annotate {
    struct la_capture_writer *writer;
    const char *end_name[2];
    uint32_t waiting_next;
    struct la_annotate_waiting waiting[LA_ANNOTATE_WAITING_N];
};

/* end_name: what the stacks with end_id 0 and 1 are called ("client", "server"); borrowed. */
void la_annotate_init(struct la_annotate *annotate, struct la_capture_writer *writer,
                      const char *const end_name[2]);
/* A sink for struct la_trace; ctx is the struct la_annotate. */
void la_annotate_event(void *ctx, const struct la_event *event);

#endif
