/* SPDX-License-Identifier: MIT
 *
 * lastack/link.h - links: where frames come from and go to
 *
 * The interface that every link implements (src/stack/link.h is this file), and the memory wire
 * that joins two stacks, in virtual or in real time, with faults on demand.
 */
#ifndef LASTACK_LINK_H
#define LASTACK_LINK_H

#include <lastack/stack.h>

LA_API_BEGIN

/* ---- any link --------------------------------------------------------------------------- */

struct la_link;
struct la_link_ops {
    /* Takes as many of the n frames as it can, returns how many; the rest stay the caller's. */
    size_t (*send)(struct la_link *link, struct la_frame **take_frames, size_t n, la_instant now);
    /* Up to `max` frames that have arrived by `now`; the caller owns them. */
    size_t (*receive)(struct la_link *link, struct la_frame **frames, size_t max, la_instant now);
    /* When receive() can next have something without outside help; NEVER otherwise. */
    la_instant (*deadline)(const struct la_link *link);
    /* A descriptor that polls readable when frames wait, or -1. */
    int (*descriptor)(const struct la_link *link);
    void (*free)(struct la_link *link);
};
/* First member of every link. */
struct la_link {
    const struct la_link_ops *ops;
    struct la_link_caps caps;
};

/* The operations of any link, as in struct la_link_ops. */
static inline size_t
la_link_send(struct la_link *l, struct la_frame **take_frames, size_t n, la_instant now)
{
    return l->ops->send(l, take_frames, n, now);
}

static inline size_t
la_link_receive(struct la_link *l, struct la_frame **frames, size_t max, la_instant now)
{
    return l->ops->receive(l, frames, max, now);
}

static inline la_instant
la_link_deadline(const struct la_link *l)
{
    return l->ops->deadline(l);
}

/* ---- the memory wire -------------------------------------------------------------------- */

/* One direction's faults. Zero-initialised is a perfect wire. Probabilities are 0..1. */
struct la_impair {
    int64_t delay_ns;       /* one way */
    int64_t jitter_ns;      /* uniform in [-jitter, +jitter]; a flow's order is kept */
    uint64_t rate_bps;      /* bits per second of IP packets; 0 = unlimited */
    uint32_t queue_n;       /* packets that may wait for the rate; 0 = 1000 */
    uint32_t mark_n;        /* from so many waiting on, those that can be are marked CE; 0: never */
    double loss;            /* independent */
    double burst_loss;      /* share of packets lost in bursts (Gilbert), mean length burst_n */
    double burst_n;         /* at least 1; 0 = 5 */
    double reorder;         /* share held back by reorder_ns */
    int64_t reorder_ns;     /* 0 = 5 ms */
    double duplicate;
    double corrupt;         /* share with one flipped bit */
    uint32_t mtu_bytes;     /* larger packets are dropped; 0 = the link's */
};

/* Fate = keyed hash of (seed, flow, direction, ordinal), where the flow is (protocol, address and
 * port of its server, number of this flow among those to that server): the n-th packet of a flow
 * meets the same fate in every run, whatever the clock, the client's port and other flows do. Only
 * what a full queue drops, and a long one marks, depends on time. docs/theory/wire.md has the long
 * form. */
struct la_wire_cfg {
    struct la_mem *mem;            /* where held frames' bookkeeping comes from; referenced */
    uint64_t seed;
    struct la_link_caps caps;      /* of both ends; checksum and tso are refused when corrupt > 0 */
    struct la_impair impair[2];    /* [0] what end 0 sends, [1] what end 1 sends */
    struct la_trace trace;         /* LA_EVENT_WIRE */
};

struct la_wire;
/* NO_MEMORY, BAD_ARGUMENT (a probability outside 0..1, another value out of range, a layer or MTU
 * that no link has, caps that corruption forbids). Frames whose checksum was left to the link
 * arrive with that mark: it vouches for them. */
la_err la_wire_new(const struct la_wire_cfg *cfg, struct la_wire **out) LA_MUST_CHECK;
/* End 0 or 1 as a link. Owned by the wire: its free() does nothing. It takes every frame; one for
 * which there is no memory is dropped (WIRE_NO_MEMORY). */
struct la_link *la_wire_end(struct la_wire *wire, int end);
/* Changes faults while it runs, for packets sent from now on; none overtakes its own flow.
 * BAD_ARGUMENT as for la_wire_new(), and nothing is changed. */
la_err la_wire_impair_set(struct la_wire *wire, int from_end, const struct la_impair *impair);
/* ordinal: 1 for the first packet of its flow in this direction, counted since the wire first had
 * a use for ordinals: from the start when a fault needs them, else from la_wire_drop_set() on. */
typedef bool la_wire_pick(void *ctx, const struct la_frame *frame, uint64_t ordinal);
/* Drops the next packets of `from_end` for which `pick` says true (for scenarios); NULL ends it.
 * It sees each packet once, as the wire takes it. */
void la_wire_drop_set(struct la_wire *wire, int from_end, la_wire_pick *pick, void *ctx);
/* Frames under way are dropped without a word. NULL is allowed. */
void la_wire_free(struct la_wire *wire);

struct la_wire_stats {
    uint64_t sent_n, delivered_n, lost_n, burst_lost_n, queue_dropped_n, reordered_n, duplicated_n,
        corrupted_n, too_big_n, no_memory_n, marked_n;
    uint64_t octets; /* of all IP packets sent */
};
/* What happened to the packets that `from_end` sent. */
void la_wire_stats_get(const struct la_wire *wire, int from_end, struct la_wire_stats *out);

/* Moves everything that can move now between two stacks (interface 0 of each) and the wire, and
 * runs timers; returns when nothing is left to do at `now`. */
void la_wire_pump(struct la_wire *wire, struct la_stack *a, struct la_stack *b, la_instant now);
/* The earliest instant at which la_wire_pump() has something to do: virtual time jumps there. It is
 * the latest instant seen, when there is something already. */
la_instant la_wire_next(const struct la_wire *wire, const struct la_stack *a,
                        const struct la_stack *b);
/* Lets la_wire_pump() use `outer`, which passes through end `end` (a tee), in place of the bare
 * end. Borrowed: set NULL before it is freed. */
void la_wire_outer_set(struct la_wire *wire, int end, struct la_link *outer);

/* ---- devices of Linux --------------------------------------------------------------------- */

/* What the stack leaves to the device, and the kernel to the stack. */
enum la_device_offload {
    LA_DEVICE_OFFLOAD_NONE,     /* packets as on any wire */
    LA_DEVICE_OFFLOAD_CHECKSUM, /* checksums stay undone as long as a packet is on this machine */
    LA_DEVICE_OFFLOAD_ALL       /* and super-segments of TCP uncut, up to 64 KiB, both ways */
};

struct la_device_cfg {
    struct la_mem *mem;     /* of the frames that arrive; referenced */
    const char *name;       /* of the interface; made, and gone with the link, if there is none */
    uint32_t mtu_bytes;     /* largest IP packet; 0 = the device's */
    enum la_device_offload offload;
};

/* Opens a TUN (IP packets) or a TAP (Ethernet frames) as a link; freeing it closes it. Addresses,
 * routes and whether it is up are the kernel's business (ip(8)); what is sent to a device that is
 * down is lost. 0, or an errno value: ENOENT or ENXIO (no /dev/net/tun), EPERM or EACCES (neither
 * privileged nor the owner of a device that exists), EBUSY (somebody has it open), EINVAL (a
 * device of another kind, or no name of one), ENAMETOOLONG, EMSGSIZE (mtu_bytes above the
 * device's), ENOMEM and what else open(2) and ioctl(2) say. */
int la_tun_open(const struct la_device_cfg *cfg, struct la_link **out) LA_MUST_CHECK;
int la_tap_open(const struct la_device_cfg *cfg, struct la_link **out) LA_MUST_CHECK;

/* One round of a stack (interface 0) and a link: what has arrived (a bounded number), what is due,
 * what is to be sent. What the link does not take is lost, as on any full queue. True: more may
 * wait. */
bool la_link_pump(struct la_link *link, struct la_stack *stack, la_instant now);
/* The last part of it alone, for answers to what it brought: nothing is looked for that arrived. */
void la_link_flush(struct la_link *link, struct la_stack *stack, la_instant now);

/* ---- the tap ---------------------------------------------------------------------------- */

/* A link that passes everything through `inner` and writes it to a capture. See
 * lastack/capture.h for the writer. */
struct la_capture_writer;
/* Takes `inner`. iface: the interface number in the capture; what is sent is outbound, stamps are
 * the `now` of send and receive. Freeing it frees `inner`, not the writer. NULL: no memory, and
 * `inner` stays the caller's. */
struct la_link *la_tee_new(struct la_link *inner, struct la_capture_writer *writer, uint32_t iface);

LA_API_END

#endif
