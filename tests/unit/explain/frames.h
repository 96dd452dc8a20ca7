/* SPDX-License-Identifier: MIT
 *
 * frames.h - packets made from the inside out, and decoded
 */
#ifndef LA_TEST_EXPLAIN_FRAMES_H
#define LA_TEST_EXPLAIN_FRAMES_H

#include "explain/decode.h"

enum { FRAME_BYTES_MAX = 4096 };

/* Headers are put in front of what is there. */
struct frame {
    uint8_t room[FRAME_BYTES_MAX];
    size_t off; /* of the first octet */
    size_t n;
};

extern const struct la_addr frame_a, frame_b, frame_a6, frame_b6;

/* A segment from port 1000 to 80 with sequence number 5 and n octets of text, checksum right for
 * the two addresses. */
void frame_tcp(struct frame *frame, const struct la_addr *src, const struct la_addr *dst,
               uint16_t flags, size_t text_n);
void frame_push(struct frame *frame, const void *octets, size_t n);
void frame_ip4(struct frame *frame, const struct la_addr *src, const struct la_addr *dst,
               uint8_t protocol);
void frame_ip6(struct frame *frame, const struct la_addr *src, const struct la_addr *dst,
               uint8_t next);
void frame_udp(struct frame *frame, uint16_t dst_port);
void frame_ethernet(struct frame *frame, uint16_t type);
/* The usual: a segment of n octets in IPv4. */
void frame_usual(struct frame *frame, size_t text_n);

/* A new decoder each time; fragments are put together. */
struct la_seen frame_seen(const struct frame *frame, uint16_t link_type);
/* The first `cap_n` octets of it. */
struct la_seen frame_seen_cut(const struct frame *frame, uint16_t link_type, size_t cap_n);

struct la_mem *frame_mem(void);

#endif
