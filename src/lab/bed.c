/* SPDX-License-Identifier: MIT
 *
 * bed.c - a test bed: two stacks, a wire between them, virtual time, a record of what happened
 */
#include "lab/bed.h"

#include <stdlib.h>

#include "base/assert.h"
#include "base/frame.h"
#include "base/time.h"
#include "lab/packet.h"
#include "proto/event_segment.h"

enum { MTU_BYTES = 1500, DELAY_MS = 10, PREFIX_LEN_V4 = 24, PREFIX_LEN_V6 = 64 };
/* Bounds one instant, should two applications answer each other without end. */
enum { ROUNDS_N_MAX = 1 << 16 };
enum { EVENTS_ROOM_MIN = 256 };
enum { IPV6_MTU_BYTES_MIN = 1280 };
enum { LOCAL_MAC = 0x02 }; /* locally administered: no manufacturer's */
/* Ids of packets made by hand: stacks use (end_id + 1) << 56 and upwards. */
#define MADE_ID_BASE (UINT64_C(3) << 56)

/* ---- events ----------------------------------------------------------------------------- */

static void
record(struct la_bed *bed, const struct la_event *event)
{
    if (bed->events_n == bed->events_room) {
        size_t room = bed->events_room == 0 ? EVENTS_ROOM_MIN : bed->events_room * 2;
        struct la_event *grown = realloc(bed->events, room * sizeof(*grown));
        if (grown == NULL) {
            bed->record_failed = true;
            return;
        }
        bed->events = grown;
        bed->events_room = room;
    }
    bed->events[bed->events_n++] = *event;
}

void
la_bed_tell(struct la_bed *bed, const struct la_event *event)
{
    record(bed, event);
    for (size_t i = 0; i < LA_BED_HEARS_N; i++) {
        const struct la_trace *trace = &bed->cfg.hears[i];
        if (trace->sink != NULL && (trace->mask & LA_EVENT_BIT(event->kind)) != 0)
            trace->sink(trace->ctx, event);
    }
}

static void
hear(void *ctx, const struct la_event *event)
{
    la_bed_tell(ctx, event);
}

/* ---- made and ended --------------------------------------------------------------------- */

struct la_addr
la_bed_addr(int end, bool v6)
{
    if (!v6)
        return la_addr_v4(10, 0, 0, (uint8_t)(end + 1));
    return (struct la_addr){{0x20, 0x01, 0x0d, 0xb8, [15] = (uint8_t)(end + 1)}};
}

void
la_bed_cfg_init(struct la_bed_cfg *cfg, struct la_mem *mem, uint64_t seed)
{
    struct la_stack_cfg stack;
    struct la_impair plain = {.delay_ns = DELAY_MS * LA_NS_PER_MS};
    la_stack_cfg_init(&stack);
    *cfg = (struct la_bed_cfg){
        .mem = mem,
        .seed = seed,
        .mtu_bytes = {MTU_BYTES, MTU_BYTES},
        .tcp = {stack.tcp, stack.tcp},
        .impair = {plain, plain},
    };
}

void
la_bed_cfg_path(struct la_bed_cfg *cfg, uint32_t delay_ms, uint64_t rate_bps)
{
    struct la_impair path = {.delay_ns = delay_ms * LA_NS_PER_MS, .rate_bps = rate_bps};
    cfg->impair[LA_CLIENT] = cfg->impair[LA_SERVER] = path;
}

static la_err
stack_new(struct la_bed *bed, int end, struct la_stack **out)
{
    const struct la_bed_cfg *cfg = &bed->cfg;
    struct la_iface_cfg iface = {
        .caps = {.layer = cfg->layer, .mtu_bytes = cfg->mtu_bytes[end]},
        .mac = {LOCAL_MAC, [5] = (uint8_t)(end + 1)},
    };
    struct la_stack_cfg stack;
    struct la_addr v4 = la_bed_addr(end, false), v6 = la_bed_addr(end, true);
    int idx;
    la_stack_cfg_init(&stack);
    stack.mem = cfg->mem;
    stack.seed[0] = cfg->seed;
    stack.seed[1] = (uint64_t)end + 1;
    stack.seed[2] = bed->reboots_n;
    stack.end_id = (uint8_t)end;
    stack.tcp = cfg->tcp[end];
    stack.trace = (struct la_trace){hear, bed, LA_EVENT_ALL};
    la_err err = la_stack_new(&stack, bed->now, out);
    if (err != LA_OK)
        return err;
    err = la_stack_iface_add(*out, &iface, &idx);
    if (err == LA_OK)
        err = la_stack_addr_add(*out, idx, &v4, PREFIX_LEN_V4);
    if (err == LA_OK && cfg->mtu_bytes[end] >= IPV6_MTU_BYTES_MIN)
        err = la_stack_addr_add(*out, idx, &v6, PREFIX_LEN_V6);
    if (err == LA_OK)
        return LA_OK;
    la_stack_free(*out);
    *out = NULL;
    return err;
}

la_err
la_bed_reboot(struct la_bed *bed, int end)
{
    struct la_stack *fresh = NULL;
    bed->reboots_n++;
    la_err err = stack_new(bed, end, &fresh);
    if (err != LA_OK)
        return err;
    la_stack_free(bed->stack[end]);
    bed->stack[end] = fresh;
    return LA_OK;
}

static la_err
wire_new(struct la_bed *bed)
{
    const struct la_bed_cfg *cfg = &bed->cfg;
    uint32_t mtu_bytes = cfg->mtu_bytes[LA_CLIENT] > cfg->mtu_bytes[LA_SERVER]
                             ? cfg->mtu_bytes[LA_CLIENT]
                             : cfg->mtu_bytes[LA_SERVER];
    struct la_wire_cfg wire = {
        .mem = cfg->mem,
        .seed = cfg->seed,
        .caps = {.layer = cfg->layer, .mtu_bytes = mtu_bytes},
        .impair = {cfg->impair[LA_CLIENT], cfg->impair[LA_SERVER]},
        .trace = {hear, bed, LA_EVENT_ALL},
    };
    la_err err = la_wire_new(&wire, &bed->wire);
    if (err != LA_OK)
        return err;
    bed->tap = la_wire_end(bed->wire, LA_CLIENT);
    if (cfg->capture == NULL)
        return LA_OK;
    struct la_link *tee = la_tee_new(bed->tap, cfg->capture, cfg->capture_iface);
    if (tee == NULL)
        return LA_ERR_NO_MEMORY;
    bed->tap = tee;
    la_wire_outer_set(bed->wire, LA_CLIENT, tee);
    return LA_OK;
}

la_err
la_bed_new(const struct la_bed_cfg *cfg, struct la_bed **out)
{
    *out = NULL;
    struct la_bed *bed = calloc(1, sizeof(*bed));
    if (bed == NULL)
        return LA_ERR_NO_MEMORY;
    bed->cfg = *cfg;
    bed->now = cfg->begin_at;
    la_mem_ref(cfg->mem);
    la_err err = wire_new(bed);
    for (int end = LA_CLIENT; err == LA_OK && end <= LA_SERVER; end++)
        err = stack_new(bed, end, &bed->stack[end]);
    if (err != LA_OK) {
        la_bed_free(bed);
        return err;
    }
    *out = bed;
    return LA_OK;
}

void
la_bed_free(struct la_bed *bed)
{
    if (bed == NULL)
        return;
    if (bed->wire != NULL) {
        la_wire_outer_set(bed->wire, LA_CLIENT, NULL);
        la_wire_drop_set(bed->wire, LA_CLIENT, NULL, NULL);
        la_wire_drop_set(bed->wire, LA_SERVER, NULL, NULL);
        bed->tap->ops->free(bed->tap);
    }
    la_wire_free(bed->wire);
    la_stack_free(bed->stack[LA_CLIENT]);
    la_stack_free(bed->stack[LA_SERVER]);
    la_mem_unref(bed->cfg.mem);
    free(bed->events);
    free(bed);
}

/* ---- time ------------------------------------------------------------------------------- */

static bool
serve(struct la_bed *bed)
{
    const struct la_bed_app *app = &bed->cfg.app;
    bool served = false;
    for (int end = LA_CLIENT; end <= LA_SERVER; end++) {
        struct la_stack_event event;
        if (app->serve != NULL) {
            served |= app->serve(app->ctx, end);
            continue;
        }
        while (la_stack_next_event(bed->stack[end], &event)) {
            served = true;
            if (app->ready != NULL)
                app->ready(app->ctx, end, &event);
        }
    }
    return served;
}

void
la_bed_settle(struct la_bed *bed)
{
    bool again = true;
    for (unsigned round = 0; again && round < ROUNDS_N_MAX; round++) {
        la_wire_pump(bed->wire, bed->stack[LA_CLIENT], bed->stack[LA_SERVER], bed->now);
        again = serve(bed);
    }
}

static void
jump(struct la_bed *bed, la_instant to)
{
    to = la_instant_max(bed->now, to);
    if (bed->cfg.pace.wait != NULL)
        bed->cfg.pace.wait(bed->cfg.pace.ctx, bed, to);
    bed->now = to;
}

bool
la_bed_run(struct la_bed *bed, la_bed_done *done, void *ctx, la_instant until)
{
    la_bed_settle(bed);
    while (done == NULL || !done(ctx)) {
        la_instant next = la_wire_next(bed->wire, bed->stack[LA_CLIENT], bed->stack[LA_SERVER]);
        if (la_instant_is_never(next) || la_instant_lt(until, next)) {
            if (!la_instant_is_never(until))
                jump(bed, until);
            return false;
        }
        jump(bed, next);
        la_bed_settle(bed);
    }
    return true;
}

/* ---- packets made by hand --------------------------------------------------------------- */

uint64_t
la_bed_send_packet(struct la_bed *bed, int from_end, struct la_bytes packet)
{
    struct la_lab_packet read;
    struct la_frame *frame = la_frame_from_bytes(bed->cfg.mem, packet);
    if (frame == NULL)
        return 0;
    frame->id = MADE_ID_BASE + ++bed->made_n;
    uint64_t id = frame->id;
    if (la_lab_packet_read(&read, packet)) {
        struct la_event event = {
            .at = bed->now,
            .kind = LA_EVENT_SEGMENT_SENT,
            .end = (uint8_t)from_end,
            .segment_id = id,
            .local = read.src,
            .remote = read.dst,
        };
        la_event_segment_of(&event.u.segment, &read.seg, read.seg.wnd);
        la_bed_tell(bed, &event);
    }
    struct la_link *link = from_end == LA_CLIENT ? bed->tap : la_wire_end(bed->wire, from_end);
    size_t taken_n = la_link_send(link, &frame, 1, bed->now);
    LA_ASSERT(taken_n == 1); /* a wire takes every frame, a tee what its inner link takes */
    return id;
}
