/* SPDX-License-Identifier: MIT
 *
 * pcapng.h - the blocks of a pcapng file, encoded
 *
 * Read first: draft-ietf-opsawg-pcapng, 3 (blocks and options) and 4.1-4.3, 4.6.
 *
 * Little-endian whatever the machine, so that equal input gives equal files. Every block is
 * appended whole; without memory the buffer is marked failed and its content is worthless.
 */
#ifndef LA_CAPTURE_PCAPNG_H
#define LA_CAPTURE_PCAPNG_H

#include "capture/buf.h"

struct la_pcapng_iface {
    const char *name;        /* NULL or "": no option */
    const char *description; /* the same */
    uint16_t link_type;      /* enum la_pcapng_link_type */
};

struct la_pcapng_packet {
    uint32_t iface;
    la_instant at;           /* since the Unix epoch; what lies before it is written as 0 */
    bool outbound;
    bool no_direction;       /* outbound is not known */
    uint32_t wire_bytes;     /* what the packet had, when that is more than `bytes` */
    uint64_t id;             /* epb_packetid; 0 = none */
    struct la_bytes bytes;
    struct la_bytes options; /* what la_pcapng_comment() appended */
};

struct la_pcapng_stats {
    uint32_t iface;
    la_instant first_at, last_at;
    uint64_t packets_n;
};

/* Section Header Block; application: shb_userappl, NULL for none. */
void la_pcapng_section(struct la_capture_buf *buf, const char *application);
/* Interface Description Block, stamps in nanoseconds. */
void la_pcapng_iface(struct la_capture_buf *buf, const struct la_pcapng_iface *iface);
/* One opt_comment, for struct la_pcapng_packet.options; cut to 65535 octets. */
void la_pcapng_comment(struct la_capture_buf *options, const char *text);
/* Enhanced Packet Block. */
void la_pcapng_packet(struct la_capture_buf *buf, const struct la_pcapng_packet *packet);
/* Interface Statistics Block. */
void la_pcapng_stats(struct la_capture_buf *buf, const struct la_pcapng_stats *stats);

#endif
