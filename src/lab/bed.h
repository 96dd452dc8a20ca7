/* SPDX-License-Identifier: MIT
 *
 * bed.h - a test bed: two stacks, a wire between them, virtual time, a record of what happened
 *
 * Time jumps from one instant at which something can happen to the next; a minute of TIME-WAIT
 * costs nothing. Applications are served after each step. Everything that the stacks and the wire
 * tell is recorded, in order, and handed to whoever else hears.
 *
 * Same configuration and same calls: the same run, octet for octet.
 */
#ifndef LA_LAB_BED_H
#define LA_LAB_BED_H

#include <lastack/capture.h>
#include <lastack/link.h>

struct la_bed;

enum { LA_CLIENT = 0, LA_SERVER = 1 };
enum { LA_BED_HEARS_N = 3 };

/* How an application is told of readiness, as la_stack_next_event() reports it. One that takes the
 * stack's events itself (a set of sockets does) has `serve` instead: true when it did something. */
struct la_bed_app {
    void (*ready)(void *ctx, int end, const struct la_stack_event *event);
    bool (*serve)(void *ctx, int end); /* NULL: `ready` is told */
    void *ctx;
};

/* Before time jumps to `until`; a clock on a wall may be waited for. */
struct la_bed_pace {
    void (*wait)(void *ctx, const struct la_bed *bed, la_instant until); /* NULL: nobody */
    void *ctx;
};

struct la_bed_cfg {
    struct la_mem *mem;      /* required; referenced */
    uint64_t seed;           /* of both stacks and of the wire */
    uint8_t layer;           /* enum la_link_layer: of the wire; default IP packets */
    uint32_t mtu_bytes[2];   /* of each end's interface; the wire takes the larger one */
    struct la_tcp_cfg tcp[2];
    struct la_impair impair[2];
    la_instant begin_at;
    struct la_bed_app app;
    struct la_bed_pace pace;
    struct la_trace hears[LA_BED_HEARS_N]; /* besides the record; zeroed: nobody */
    struct la_capture_writer *capture;     /* NULL = none; taps the client's end; borrowed */
    uint32_t capture_iface;
};

/* A plain wire of 10 ms each way, MTU 1500, the stacks' defaults, nobody hears. */
void la_bed_cfg_init(struct la_bed_cfg *cfg, struct la_mem *mem, uint64_t seed);
/* Both directions take their time: what is sent at once arrives one by one. */
void la_bed_cfg_path(struct la_bed_cfg *cfg, uint32_t delay_ms, uint64_t rate_bps);

struct la_bed {
    struct la_bed_cfg cfg;
    struct la_stack *stack[2];
    struct la_wire *wire;
    struct la_link *tap;     /* the client's end of the wire, or a tee of it */
    la_instant now;
    struct la_event *events; /* the record */
    size_t events_n, events_room;
    bool record_failed;      /* no memory for a part of it */
    uint64_t made_n;         /* packets made by hand */
    uint64_t reboots_n;
};

/* NO_MEMORY, BAD_ARGUMENT (the wire's faults, an MTU out of range). */
la_err la_bed_new(const struct la_bed_cfg *cfg, struct la_bed **out) LA_MUST_CHECK;
/* NULL is allowed. */
void la_bed_free(struct la_bed *bed);

/* 10.0.0.1 and 10.0.0.2, 2001:db8::1 and 2001:db8::2. */
struct la_addr la_bed_addr(int end, bool v6);

/* A crash: everything that `end` knew is gone, without a word to the other. It is there again at
 * once under its addresses, with other secrets. NO_MEMORY: the end is as before. */
la_err la_bed_reboot(struct la_bed *bed, int end) LA_MUST_CHECK;

/* Does all that can be done now, applications included. Call it after user calls. */
void la_bed_settle(struct la_bed *bed);
/* Steps until `done` (NULL: never) says so, or the clock stands at `until`, or nothing can happen
 * any more (the clock stays then if `until` is NEVER). Returns what `done` says. */
typedef bool la_bed_done(void *ctx);
bool la_bed_run(struct la_bed *bed, la_bed_done *done, void *ctx, la_instant until);

/* Puts a whole IP packet onto the wire as if `from_end` sent it, and tells it as SEGMENT_SENT if it
 * is TCP. Returns the segment's id, 0: no memory. */
uint64_t la_bed_send_packet(struct la_bed *bed, int from_end, struct la_bytes packet);

/* To the record and to whoever hears. */
void la_bed_tell(struct la_bed *bed, const struct la_event *event);

#endif
