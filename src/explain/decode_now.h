/* SPDX-License-Identifier: MIT
 *
 * decode_now.h - la_decode() for who has a packet in hand, and many behind it
 */
#ifndef LA_EXPLAIN_DECODE_NOW_H
#define LA_EXPLAIN_DECODE_NOW_H

#include <string.h>

#include "base/assert.h"
#include "base/link_type.h"
#include "explain/walk_ip.h"

/* To the end, by whatever there is. */
void la_walk_on(struct la_walk w, enum la_walk_layer layer);

/* The steps of nearly every packet; what comes next where it is another one. */
static inline enum la_walk_layer
la_walk_usual(struct la_walk *w)
{
    if (w->packet->link_type != LA_LINKTYPE_ETHERNET)
        return LA_WALK_LINK;
    enum la_walk_layer layer = la_walk_ethernet(w);
    if (layer == LA_WALK_IP4)
        layer = la_walk_ip4(w);
    else if (layer == LA_WALK_IP6)
        layer = la_walk_ip6(w);
    if (layer != LA_WALK_TCP)
        return layer;
    w->seen->is_bare = true;
    return la_walk_tcp(w);
}

/* Is it this segment's turn to have its checksum verified? */
static inline bool
la_decoder_is_due(struct la_decoder *decoder, const struct la_seen *seen)
{
    if (decoder->options.verify_first_n > 0) {
        decoder->options.verify_first_n--;
        return true;
    }
    if (decoder->options.verify_control &&
        (seen->tcp.flags & (LA_TCP_SYN | LA_TCP_FIN | LA_TCP_RST)) != 0)
        return true;
    if (decoder->options.verify_every_n == 0 || --decoder->until_verify_n > 0)
        return false;
    decoder->until_verify_n = decoder->options.verify_every_n;
    return true;
}

/* Its checksum is looked at, and counted. */
void la_decoder_verify(struct la_decoder *decoder, struct la_seen *seen);

/* la_decode(), inline. */
static inline void
la_decode_now(struct la_decoder *decoder, const struct la_explain_packet *packet,
              struct la_seen *seen)
{
    struct la_walk w = {
        .decoder = decoder,
        .packet = packet,
        .seen = seen,
        .p = packet->bytes.p,
        .n = packet->bytes.n,
        .wire_n = packet->wire_bytes > packet->bytes.n ? packet->wire_bytes : packet->bytes.n,
    };
    memset(seen, 0, offsetof(struct la_seen, tcp));
    enum la_walk_layer layer = la_walk_usual(&w);
    if (layer != LA_WALK_END)
        la_walk_on(w, layer);
    LA_ASSERT(seen->kind < LA_SEEN_KINDS_N);
    decoder->kinds_n[seen->kind]++;
    if (seen->kind == LA_SEEN_TCP && la_decoder_is_due(decoder, seen))
        la_decoder_verify(decoder, seen);
}

#endif
