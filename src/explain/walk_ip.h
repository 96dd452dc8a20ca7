/* SPDX-License-Identifier: MIT
 *
 * walk_ip.h - inside the decoder: the steps through IP and TCP that nearly every packet takes
 *
 * Read first: RFC 791 3.1, RFC 8200 3, RFC 9293 3.1.
 *
 * Inline, and without a call that is given the place: as long as only these are taken, it lies in
 * registers. What is unusual is named as the next step, and taken in decode_ip.c.
 */
#ifndef LA_EXPLAIN_WALK_IP_H
#define LA_EXPLAIN_WALK_IP_H

#include "explain/walk.h"
#include "wire/ip.h"
#include "wire/ip4.h"
#include "wire/ip6.h"

/* What IP says of its length, held against what is there. `n` counts from the place. */
static inline void
la_walk_length(struct la_walk *w, size_t n)
{
    if (n < w->wire_n) {
        w->seen->oddities |= LA_SEEN_PADDED;
        la_walk_limit(w, n);
    } else if (n > w->wire_n) {
        w->seen->oddities |= LA_SEEN_LENGTH_BEYOND_FRAME;
        w->wire_n = n;
    }
}

/* ---- TCP ------------------------------------------------------------------------------------ */

/* Options that struct la_tcp_seg has no place for. */
void la_walk_tcp_extras(struct la_seen *seen, struct la_tcp_view view);

static inline void
la_walk_tcp_take(struct la_walk *w, const struct la_tcp_view *view)
{
    struct la_seen *seen = w->seen;
    size_t text_n = w->wire_n > view->header_bytes ? w->wire_n - view->header_bytes : 0;
    size_t header_n = w->n < view->header_bytes ? w->n : view->header_bytes;
    la_tcp_seg_take(&seen->tcp, view, (uint32_t)text_n);
    if ((seen->tcp.has & LA_TCP_HAS_EXTRAS) != 0)
        la_walk_tcp_extras(seen, *view);
    seen->src.port = seen->tcp.src_port;
    seen->dst.port = seen->tcp.dst_port;
    seen->header = (struct la_bytes){w->p, header_n};
    seen->text = (struct la_bytes){w->p + header_n, w->n - header_n};
    if (seen->text.n < text_n)
        seen->oddities |= LA_SEEN_SNAPPED_TEXT;
    if (la_tcp_view_reserved(view) != 0)
        seen->oddities |= LA_SEEN_RESERVED_BITS;
}

static inline enum la_walk_layer
la_walk_tcp(struct la_walk *w)
{
    struct la_tcp_view view;
    if (!la_tcp_view_init(&view, la_walk_bytes(w)))
        return LA_WALK_TCP_CUT;
    la_walk_tcp_take(w, &view);
    return la_walk_settle(w, LA_SEEN_TCP);
}

/* What the protocol number right behind an IP header names. */
static inline enum la_walk_layer
la_walk_protocol(struct la_walk *w, uint8_t protocol, enum la_walk_layer other)
{
    w->seen->protocol = protocol;
    return protocol == LA_IP_TCP ? LA_WALK_TCP : other;
}

/* ---- IP ------------------------------------------------------------------------------------- */

static inline enum la_walk_layer
la_walk_ip4(struct la_walk *w)
{
    struct la_seen *seen = w->seen;
    struct la_ip4_view view;
    if (!la_ip4_view_init(&view, la_walk_bytes(w))) {
        size_t need = w->n == 0 ? LA_IP4_HEADER_BYTES : (w->p[0] & 0x0fu) * 4;
        bool wrong = w->n > 0 && (w->p[0] >> 4 != 4 || need < LA_IP4_HEADER_BYTES);
        return wrong ? la_walk_settle(w, LA_SEEN_MALFORMED) : la_walk_short(w, need);
    }
    seen->ip_version = 4;
    seen->ttl_hops = la_ip4_view_ttl_hops(&view);
    seen->dscp_ecn = la_ip4_view_dscp_ecn(&view);
    seen->dont_fragment = (la_ip4_view_flags(&view) & 2) != 0;
    seen->has_ip_id = true;
    seen->ip_id = la_ip4_view_id(&view);
    seen->oddities = 0;
    seen->src.addr = la_ip4_view_src(&view);
    seen->dst.addr = la_ip4_view_dst(&view);
    size_t total = la_ip4_view_total_bytes(&view);
    if (total == 0) {
        seen->oddities |= LA_SEEN_LENGTH_ZERO;
        total = w->wire_n;
    }
    if (total < view.header_bytes)
        return la_walk_settle(w, LA_SEEN_MALFORMED);
    la_walk_length(w, total);
    la_walk_skip(w, view.header_bytes);
    enum la_walk_layer upper =
        la_walk_protocol(w, la_ip4_view_protocol(&view), LA_WALK_UPPER);
    if (!la_ip4_view_is_fragment(&view))
        return upper;
    w->fragment.off_bytes = la_ip4_view_frag_off_bytes(&view);
    w->fragment.more = (la_ip4_view_flags(&view) & 1) != 0;
    return LA_WALK_FRAGMENT;
}

static inline enum la_walk_layer
la_walk_ip6(struct la_walk *w)
{
    struct la_seen *seen = w->seen;
    struct la_ip6_view view;
    if (!la_ip6_view_init(&view, la_walk_bytes(w)))
        return w->n > 0 && w->p[0] >> 4 != 6 ? la_walk_settle(w, LA_SEEN_MALFORMED)
                                             : la_walk_short(w, LA_IP6_HEADER_BYTES);
    seen->ip_version = 6;
    seen->ttl_hops = la_ip6_view_hop_limit(&view);
    seen->dscp_ecn = la_ip6_view_dscp_ecn(&view);
    seen->dont_fragment = true; /* RFC 8200 5: routers do not fragment */
    seen->has_ip_id = false;
    seen->oddities = 0;
    seen->src.addr = la_ip6_view_src(&view);
    seen->dst.addr = la_ip6_view_dst(&view);
    la_walk_skip(w, LA_IP6_HEADER_BYTES);
    size_t payload_bytes = la_ip6_view_payload_bytes(&view);
    if (payload_bytes != 0)
        la_walk_length(w, payload_bytes);
    else if (w->wire_n > 0)
        seen->oddities |= LA_SEEN_LENGTH_ZERO; /* Or what follows is a jumbogram's option. */
    return la_walk_protocol(w, la_ip6_view_next_header(&view), LA_WALK_IP6_EXTENSIONS);
}

#endif
