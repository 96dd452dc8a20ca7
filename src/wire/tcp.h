/* SPDX-License-Identifier: MIT
 *
 * tcp.h - the TCP header (RFC 9293 3.1, 3.2), in two tiers
 *
 * struct la_tcp_view: checked octets, represents anything that can stand there. struct la_tcp_seg:
 * the judged meaning, host order. la_tcp_seg_emit() is the inverse of view + judge.
 */
#ifndef LA_WIRE_TCP_H
#define LA_WIRE_TCP_H

#include <lastack/wire.h>
#include "base/bytes.h"
#include "base/seq.h"

enum { LA_TCP_HEADER_BYTES = 20, LA_TCP_HEADER_BYTES_MAX = 60, LA_TCP_SACK_MAX = 4 };
enum { LA_TCP_TIMESTAMPS_OPTION_BYTES = 10 }; /* the option */
enum { LA_TCP_FLAGS_N = 9, LA_TCP_FLAGS_MASK = (1 << LA_TCP_FLAGS_N) - 1 };

enum la_tcp_option_kind {
    LA_TCP_OPT_EOL = 0,
    LA_TCP_OPT_NOP = 1,
    LA_TCP_OPT_MSS = 2,
    LA_TCP_OPT_WSCALE = 3,
    LA_TCP_OPT_SACK_PERMITTED = 4,
    LA_TCP_OPT_SACK = 5,
    LA_TCP_OPT_TIMESTAMPS = 8,
    LA_TCP_OPT_USER_TIMEOUT = 28,
    LA_TCP_OPT_FAST_OPEN = 34, /* RFC 7413 */
    LA_TCP_OPT_ACCECN_0 = 172, /* RFC 9768 */
    LA_TCP_OPT_ACCECN_1 = 174,
    LA_TCP_OPT_EXPERIMENT_1 = 253, /* RFC 6994: a 16 or 32 bit identifier follows */
    LA_TCP_OPT_EXPERIMENT_2 = 254
};

enum { LA_TCP_FAST_OPEN_EXPERIMENT_ID = 0xf989 };

enum { LA_TCP_COOKIE_BYTES_MIN = 4, LA_TCP_COOKIE_BYTES_MAX = 16 };

/* ---- tier one: octets ------------------------------------------------------------------- */

struct la_tcp_view {
    const uint8_t *p;
    uint8_t header_bytes; /* data offset x 4, 20..60, all of it present */
};

/* False: fewer than 20 octets, data offset below 5 or beyond the octets. The only bounds check. */
static inline bool
la_tcp_view_init(struct la_tcp_view *view, struct la_bytes bytes)
{
    if (bytes.n < LA_TCP_HEADER_BYTES)
        return false;
    unsigned header_bytes = (unsigned)(bytes.p[12] >> 4) * 4;
    if (header_bytes < LA_TCP_HEADER_BYTES || header_bytes > bytes.n)
        return false;
    *view = (struct la_tcp_view){bytes.p, (uint8_t)header_bytes};
    return true;
}

static inline uint16_t
la_tcp_view_src_port(const struct la_tcp_view *view)
{
    return la_get16(view->p);
}

static inline uint16_t
la_tcp_view_dst_port(const struct la_tcp_view *view)
{
    return la_get16(view->p + 2);
}

static inline uint32_t
la_tcp_view_seq(const struct la_tcp_view *view)
{
    return la_get32(view->p + 4);
}

static inline uint32_t
la_tcp_view_ack(const struct la_tcp_view *view)
{
    return la_get32(view->p + 8);
}

/* Three bits; the fourth is AE. */
static inline uint8_t
la_tcp_view_reserved(const struct la_tcp_view *view)
{
    return view->p[12] >> 1 & 7;
}

/* As they stand in two octets of a header, from octet 12 on. */
static inline uint16_t
la_tcp_flags_at(const uint8_t *p)
{
    return la_get16(p) & LA_TCP_FLAGS_MASK;
}

static inline uint16_t
la_tcp_view_flags(const struct la_tcp_view *view)
{
    return la_tcp_flags_at(view->p + 12);
}

static inline uint16_t
la_tcp_view_window(const struct la_tcp_view *view)
{
    return la_get16(view->p + 14);
}

static inline uint16_t
la_tcp_view_checksum(const struct la_tcp_view *view)
{
    return la_get16(view->p + 16);
}

static inline uint16_t
la_tcp_view_urgent(const struct la_tcp_view *view)
{
    return la_get16(view->p + 18);
}

static inline struct la_bytes
la_tcp_view_options(const struct la_tcp_view *view)
{
    return (struct la_bytes){view->p + LA_TCP_HEADER_BYTES,
                             (size_t)view->header_bytes - LA_TCP_HEADER_BYTES};
}

/* "FIN" for 0, and so on up to "AE". */
const char *la_tcp_flag_name(unsigned bit);

/* Options one by one, NOP included; after EOL `rest` holds the padding. */
struct la_tcp_option {
    uint8_t kind;
    struct la_bytes data; /* behind kind and length */
};
struct la_tcp_option_iter {
    struct la_bytes rest;
    bool malformed; /* a length of 0, 1, or past the header (MUST-7) */
};
struct la_tcp_option_iter la_tcp_option_iter(const struct la_tcp_view *view);
/* False at the end, at EOL, or at a malformed option. */
bool la_tcp_option_next(struct la_tcp_option_iter *it, struct la_tcp_option *out);

/* The one's complement sum of what the segments of a burst say differently: sequence number, PSH,
 * checksum. */
static inline uint32_t
la_tcp_changing_sum(const uint8_t *p)
{
    uint32_t seq = la_get32(p + 4);
    return (seq >> 16) + (seq & 0xffff) + (p[13] & LA_TCP_PSH) + la_get16(p + 16);
}

/* ---- tier two: meaning ------------------------------------------------------------------ */

enum la_tcp_seg_has {
    LA_TCP_HAS_MSS = 1,
    LA_TCP_HAS_WSCALE = 2,
    LA_TCP_HAS_SACK_PERMITTED = 4,
    LA_TCP_HAS_TIMESTAMPS = 8,
    LA_TCP_HAS_USER_TIMEOUT = 16,
    LA_TCP_HAS_UNKNOWN = 32,   /* skipped (MUST-6) */
    LA_TCP_HAS_MALFORMED = 64, /* an option was malformed; those before it stand */
    LA_TCP_HAS_FAST_OPEN = 128,
    LA_TCP_HAS_ACCECN = 256
};

struct la_tcp_sack {
    la_seq left;  /* first octet of the block */
    la_seq right; /* the octet after it */
};

/* A Fast Open cookie (RFC 7413 4.1.1): an even number of octets; 0: one is asked for. */
struct la_tcp_cookie {
    uint8_t n;
    bool experiment; /* under RFC 6994's identifier F989, as before the option had a number */
    uint8_t unused[2];
    uint8_t bytes[LA_TCP_COOKIE_BYTES_MAX];
};

/* Accurate ECN's option (RFC 9768 3.2.3): the low 24 bits of up to three counts. */
enum { LA_TCP_ACCECN_FIELDS = 3 };
struct la_tcp_accecn_option {
    uint8_t order; /* 0: EE0B, ECEB, EE1B; 1: EE1B, ECEB, EE0B */
    uint8_t n;     /* so many of them */
    uint8_t unused[2];
    uint32_t field[LA_TCP_ACCECN_FIELDS];
};

struct la_tcp_seg {
    la_seq seq;   /* SEG.SEQ */
    la_seq ack;   /* SEG.ACK, meaningful with ACK */
    uint32_t len; /* SEG.LEN: text + SYN + FIN */
    uint32_t text_bytes;
    uint16_t wnd; /* SEG.WND as sent, unscaled */
    uint16_t up;  /* SEG.UP */
    uint16_t src_port;
    uint16_t dst_port;
    uint16_t flags; /* LA_TCP_* */
    uint16_t has;   /* enum la_tcp_seg_has */
    uint16_t mss;
    uint16_t user_timeout; /* as on the wire: granularity bit and 15 bits */
    uint8_t wscale;
    uint8_t sack_n;
    uint8_t unused[2];
    uint32_t ts_val;
    uint32_t ts_ecr;
    struct la_tcp_sack sack[LA_TCP_SACK_MAX];
    struct la_tcp_cookie cookie;        /* with LA_TCP_HAS_FAST_OPEN */
    struct la_tcp_accecn_option accecn; /* with LA_TCP_HAS_ACCECN */
};

/* text_bytes: octets behind the header. Options of wrong length for their kind are MALFORMED; the
 * last one of a kind counts. Of blocks, cookie and AccECN, what sack_n and `has` do not name keeps
 * what it held. Never fails: a view is good. */
void la_tcp_seg_judge(struct la_tcp_seg *seg, const struct la_tcp_view *view, uint32_t text_bytes);
/* The options alone, to a segment that has none yet. */
void la_tcp_options_judge(struct la_tcp_seg *seg, struct la_tcp_view view);

/* The layout that RFC 7323 appendix A recommends, alone: nearly every segment of a connection. */
static inline bool
la_tcp_has_timestamps_only(const struct la_tcp_view *view)
{
    enum { BYTES = LA_TCP_HEADER_BYTES + 2 + LA_TCP_TIMESTAMPS_OPTION_BYTES };
    const uint32_t head = (uint32_t)LA_TCP_OPT_NOP << 24 | LA_TCP_OPT_NOP << 16 |
                          LA_TCP_OPT_TIMESTAMPS << 8 | LA_TCP_TIMESTAMPS_OPTION_BYTES;
    return view->header_bytes == BYTES && la_get32(view->p + LA_TCP_HEADER_BYTES) == head;
}

/* la_tcp_seg_judge(), inline. */
static inline void
la_tcp_seg_take(struct la_tcp_seg *seg, const struct la_tcp_view *view, uint32_t text_bytes)
{
    uint16_t flags = la_tcp_view_flags(view);
    seg->seq = la_seq_of(la_tcp_view_seq(view));
    seg->ack = la_seq_of(la_tcp_view_ack(view));
    seg->len = text_bytes + ((flags & LA_TCP_SYN) != 0) + ((flags & LA_TCP_FIN) != 0);
    seg->text_bytes = text_bytes;
    seg->wnd = la_tcp_view_window(view);
    seg->up = la_tcp_view_urgent(view);
    seg->src_port = la_tcp_view_src_port(view);
    seg->dst_port = la_tcp_view_dst_port(view);
    seg->flags = flags;
    seg->has = seg->mss = seg->user_timeout = 0;
    seg->wscale = seg->sack_n = seg->unused[0] = seg->unused[1] = 0;
    seg->ts_val = seg->ts_ecr = 0;
    if (la_tcp_has_timestamps_only(view)) {
        seg->ts_val = la_get32(view->p + LA_TCP_HEADER_BYTES + 4);
        seg->ts_ecr = la_get32(view->p + LA_TCP_HEADER_BYTES + 8);
        seg->has = LA_TCP_HAS_TIMESTAMPS;
    } else if (view->header_bytes != LA_TCP_HEADER_BYTES) {
        la_tcp_options_judge(seg, *view);
    }
}

/* Octets that la_tcp_seg_emit() will write: 20..60. SACK blocks, or a cookie, that do not fit are
 * left out. */
size_t la_tcp_seg_header_bytes(const struct la_tcp_seg *seg);
/* Writes the header with checksum 0; room->n must be at least the above. Layout: MSS,
 * SACK-permitted + timestamps, AccECN, window scale in the order Linux uses (4-octet aligned with
 * NOPs, RFC 7323 appendix A). Returns octets written. */
size_t la_tcp_seg_emit(const struct la_tcp_seg *seg, struct la_room room);

/* Does the first SACK block report a duplicate (RFC 2883 5)? It lies before the acknowledgement of
 * the same segment, or inside the second block. */
bool la_tcp_seg_has_dsack(const struct la_tcp_seg *seg);

#endif
