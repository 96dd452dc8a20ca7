/* SPDX-License-Identifier: MIT
 *
 * views.c - what a command shows of the story: ladder, JSON, capture
 *
 * A view that can no longer be written (a full disk) is said once; the run goes on.
 */
#include "cli/views.h"

#include <errno.h>
#include <string.h>

static const int64_t flush_ns = INT64_C(200000000);

static void
say(const char *name, int error)
{
    (void)fprintf(stderr, "lastack run: %s cannot be written: %s\n", name, strerror(error));
}

static void
sink(void *ctx, const struct la_event *event)
{
    struct la_views *v = ctx;
    if (v->capture != NULL && (LA_ANNOTATE_MASK & LA_EVENT_BIT(event->kind)) != 0)
        la_annotate_event(&v->annotate, event);
}

static bool
open_capture(struct la_views *v, const char *name)
{
    static const char *const ends[2] = {"client", "server"};
    int error = la_capture_writer_open(name, "lastack run", &v->capture);
    if (error == 0)
        error = la_capture_writer_iface(v->capture, "lastack0", "the program's end of the wire",
                                        LA_CAPTURE_IP, &v->capture_iface);
    if (error != 0) {
        say(name, error);
        return false;
    }
    v->pcap_name = name;
    la_annotate_init(&v->annotate, v->capture, ends);
    return true;
}

bool
la_views_open(struct la_views *v, const struct la_views_cfg *cfg)
{
    *v = (struct la_views){0};
    return cfg->pcap == NULL || open_capture(v, cfg->pcap);
}

struct la_trace
la_views_trace(struct la_views *v)
{
    struct la_trace trace = {.sink = sink, .ctx = v};
    if (v->capture != NULL)
        trace.mask |= LA_ANNOTATE_MASK;
    return trace;
}

static void
capture_failed(struct la_views *v, int error)
{
    if (error != 0 && !v->failed)
        say(v->pcap_name, error);
    v->failed |= error != 0;
}

void
la_views_idle(void *ctx, la_instant now)
{
    struct la_views *v = ctx;
    if (now.ns - v->flushed_at.ns < flush_ns)
        return;
    v->flushed_at = now;
    if (v->capture != NULL)
        capture_failed(v, la_capture_writer_flush(v->capture));
}

bool
la_views_close(struct la_views *v)
{
    if (v->capture != NULL)
        capture_failed(v, la_capture_writer_close(v->capture));
    v->capture = NULL;
    return !v->failed;
}
