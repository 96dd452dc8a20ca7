/* SPDX-License-Identifier: MIT
 *
 * dissect.h - a frame taken apart, field by field, and its checksums computed before the reader
 *
 * Ethernet frames as the stacks here make them: ARP; IPv4 without options and IPv6 without
 * extension headers; TCP, UDP, ICMP and neighbour discovery above them.
 */
#ifndef LA_LAB_DISSECT_H
#define LA_LAB_DISSECT_H

#include <lastack/frame.h>
#include <lastack/story.h>

enum { LA_LAB_FRAME_BYTES_MAX = 256, LA_LAB_PSEUDO_BYTES_MAX = 40 };

/* A copy of what was on the wire. */
struct la_lab_frame {
    uint8_t octets[LA_LAB_FRAME_BYTES_MAX];
    size_t n; /* 0: none */
};

/* Every octet: offset, hexadecimal, name of the field, what it means here. */
void la_lab_dissect(const struct la_story_cfg *story, const struct la_lab_frame *frame);

/* What a checksum is computed over. */
struct la_lab_sum {
    const char *name; /* "IPv4", "TCP", … */
    uint8_t octets[LA_LAB_PSEUDO_BYTES_MAX + LA_LAB_FRAME_BYTES_MAX]; /* the field itself as 0 */
    size_t n;
    size_t pseudo_n;  /* of them at the beginning: not sent, but counted */
    size_t off;       /* where the frame's own part begins in the frame */
    size_t field_off; /* of the field, in the frame */
    uint16_t field;   /* what it says */
};

/* IPv4's own checksum; false when the frame has none. */
bool la_lab_sum_of_ip(struct la_lab_sum *sum, const struct la_lab_frame *frame);
/* That of TCP, UDP or ICMP; false when the frame has none. */
bool la_lab_sum_of_upper(struct la_lab_sum *sum, const struct la_lab_frame *frame);
/* RFC 1071: what the field must be. */
uint16_t la_lab_sum_result(const struct la_lab_sum *sum);
/* Word by word. */
void la_lab_sum_put(const struct la_story_cfg *story, const struct la_lab_sum *sum);

#endif
