/* SPDX-License-Identifier: MIT
 *
 * faults.h - one direction's faults, checked and made ready
 *
 * Shares become thresholds once, so that deciding a packet's fate compares integers.
 */
#ifndef LA_LINK_FAULTS_H
#define LA_LINK_FAULTS_H

#include <lastack/link.h>

/* A draw has this many bits; a threshold is a share of 2^53, exact for a double. */
enum { LA_WIRE_DRAW_BITS = 53 };

struct la_wire_faults {
    int64_t delay_ns;
    int64_t jitter_ns;
    int64_t reorder_ns;
    uint64_t rate_bps;    /* 0 = unlimited */
    uint32_t queue_n;
    uint32_t mark_n;      /* 0 = never */
    uint32_t mtu_bytes;
    uint64_t loss;        /* thresholds, from here */
    uint64_t burst_share; /* stationary share of the bad state */
    uint64_t burst_enter; /* good to bad */
    uint64_t burst_leave; /* bad to good */
    uint64_t reorder;
    uint64_t duplicate;
    uint64_t corrupt;
    bool keyed;           /* some of it depends on a draw */
    bool perfect;         /* nothing but the MTU applies */
};

/* BAD_ARGUMENT: a share outside 0..1, a negative time, a mean burst below 1, an MTU below 68, or
 * corruption where `caps` leave checksums to the wire (nobody would notice it). */
la_err la_wire_faults_init(struct la_wire_faults *out, const struct la_impair *impair,
                           const struct la_link_caps *caps) LA_MUST_CHECK;

#endif
