/* SPDX-License-Identifier: MIT
 *
 * fuzz_story.c - events that no stack would emit, in any order
 *
 * The input is a list of events over a few endpoints and ids, with fields taken as they come. The
 * story must survive them within its bounds, and no line may be wider than asked for.
 */
#include "fuzz.h"

#include <lastack/story.h>

#include <stdlib.h>
#include <string.h>

struct output {
    uint32_t width;
    size_t columns;
};

static void
measure(void *ctx, const char *bytes, size_t n)
{
    struct output *out = ctx;
    for (size_t i = 0; i < n; i++) {
        if (bytes[i] == '\n')
            out->columns = 0;
        else if (((uint8_t)bytes[i] & 0xc0) != 0x80)
            out->columns++;
        if (out->columns > out->width)
            abort();
    }
}

static void
ignore(void *ctx, const char *bytes, size_t n)
{
    (void)ctx;
    if (n == 0 || bytes == NULL)
        abort();
}

static struct la_endpoint
endpoint(struct fuzz_in *in)
{
    uint8_t choice = fuzz_u8(in);
    return (struct la_endpoint){la_addr_v4(10, 0, 0, choice & 1), choice >> 1 & 3};
}

static struct la_event
event(struct fuzz_in *in, la_instant *now)
{
    struct la_event e;
    memset(&e, 0, sizeof(e));
    uint8_t pace = fuzz_u8(in);
    now->ns += (int64_t)fuzz_u8(in) << (pace & 31);
    e.at = *now;
    if (pace >= 250)
        e.at = pace >= 253 ? LA_INSTANT_NEVER : (la_instant){INT64_MIN};
    e.kind = fuzz_u8(in) % (LA_EVENT_KIND_COUNT + 1);
    e.end = fuzz_u8(in) & 3;
    e.segment_id = fuzz_u8(in) & 15;
    e.conn = fuzz_u8(in);
    e.local = endpoint(in);
    e.remote = endpoint(in);
    uint8_t raw[sizeof(e.u)];
    for (size_t i = 0; i < sizeof(raw); i++)
        raw[i] = fuzz_u8(in);
    /* Booleans are what a compiler makes of them. */
    if (e.kind <= LA_EVENT_SEGMENT_ARRIVED || e.kind == LA_EVENT_STATE || e.kind == LA_EVENT_WIRE ||
        e.kind == LA_EVENT_DROP || e.kind == LA_EVENT_TIMER || e.kind == LA_EVENT_RTT ||
        e.kind == LA_EVENT_CONGESTION || e.kind == LA_EVENT_CALL)
        memcpy(&e.u, raw, sizeof(raw));
    else if (e.kind == LA_EVENT_WINDOW)
        e.u.window.window = raw[0], e.u.window.ours = (raw[1] & 1) != 0;
    else if (e.kind == LA_EVENT_ERROR)
        e.u.error.err = (int8_t)raw[0], e.u.error.soft = (raw[1] & 1) != 0;
    else
        e.u.negotiated.mss_send = raw[0], e.u.negotiated.sack = (raw[1] & 1) != 0;
    return e;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct fuzz_in in = {data, n};
    struct la_story_cfg cfg;
    struct la_story *story;
    la_story_cfg_init(&cfg);
    cfg.width = (uint32_t)(60 + fuzz_u8(&in) % 181);
    cfg.flags = fuzz_u16(&in) & ~(uint32_t)LA_STORY_COLOR;
    cfg.rows_n_max = 1 + fuzz_u8(&in) % 32;
    cfg.conns_n_max = fuzz_u8(&in) % 8;
    cfg.plain_n_max = fuzz_u8(&in) % 4;
    cfg.hold_ms_max = fuzz_u8(&in);
    struct output out = {cfg.width, 0};
    cfg.ladder = (struct la_story_writer){measure, &out};
    cfg.json = (struct la_story_writer){ignore, NULL};
    if (la_story_new(&cfg, &story) != LA_OK)
        return 0;
    struct la_trace trace = la_story_trace(story);
    la_instant now = {0};
    while (in.n > 0) {
        struct la_event e = event(&in, &now);
        trace.sink(trace.ctx, &e);
        if ((e.conn & 15) == 7)
            la_story_flush(story, now);
    }
    la_story_finish(story);
    la_story_free(story);
    return 0;
}
