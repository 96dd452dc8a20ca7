/* SPDX-License-Identifier: MIT
 *
 * decode.c - from captured octets to a TCP segment: where to begin, and what is counted
 *
 * Read first: docs/theory/reading.md; https://www.tcpdump.org/linktypes.html.
 */
#include "base/assert.h"
#include "explain/walk.h"
#include "wire/link_type.h"
#include "wire/sll.h"

#include <string.h>

enum {
    FAMILY_BYTES = 4,
    FAMILY_IP4 = 2, /* AF_INET everywhere; AF_INET6 is a different number on each system */
    FAMILY_IP6_BSD = 24,
    FAMILY_IP6_FREEBSD = 28,
    FAMILY_IP6_DARWIN = 30,
    SLL_LLC = 4,
    WALK_STEPS_MAX = 64
};

bool
la_decoder_init(struct la_decoder *decoder, struct la_mem *mem,
                const struct la_decode_options *options)
{
    (void)mem;
    *decoder = (struct la_decoder){.options = *options};
    if (decoder->options.sum == NULL)
        decoder->options.sum = la_sum_portable;
    decoder->until_verify_n = options->verify_every_n;
    return true;
}

void
la_decoder_fini(struct la_decoder *decoder)
{
    *decoder = (struct la_decoder){0};
}

struct la_seen_layer *
la_walk_layer(struct la_walk *w, enum la_seen_layer_kind kind)
{
    struct la_seen *seen = w->seen;
    if (seen->layers_n == LA_SEEN_LAYERS_MAX) {
        (void)la_walk_settle(w, LA_SEEN_TOO_DEEP);
        return NULL;
    }
    struct la_seen_layer *layer = &seen->layers[seen->layers_n++];
    *layer = (struct la_seen_layer){.kind = (uint8_t)kind};
    return layer;
}

/* LINKTYPE_NULL: in the byte order of whoever wrote it, which is not said. Families are small, so
 * the order is the one in which the number is. */
static enum la_walk_layer
loopback(struct la_walk *w)
{
    if (w->n < FAMILY_BYTES)
        return la_walk_short(w, FAMILY_BYTES);
    uint32_t family = la_get32(w->p);
    if (family > UINT16_MAX)
        family = __builtin_bswap32(family);
    la_walk_skip(w, FAMILY_BYTES);
    switch (family) {
    case FAMILY_IP4:
        return LA_WALK_IP4;
    case 10: /* Linux */
    case FAMILY_IP6_BSD:
    case FAMILY_IP6_FREEBSD:
    case FAMILY_IP6_DARWIN:
        return LA_WALK_IP6;
    default:
        return la_walk_settle(w, LA_SEEN_NOT_IP);
    }
}

static enum la_walk_layer
cooked(struct la_walk *w, bool second)
{
    struct la_sll sll;
    struct la_bytes bytes = {w->p, w->n};
    size_t n = second ? LA_SLL2_BYTES : LA_SLL_BYTES;
    if (!(second ? la_sll2_judge(&sll, bytes) : la_sll_judge(&sll, bytes)))
        return la_walk_short(w, n);
    la_walk_skip(w, n);
    w->ethertype = sll.protocol;
    return sll.protocol == SLL_LLC ? LA_WALK_LLC : LA_WALK_ETHERTYPE;
}

static enum la_walk_layer
link_begin(struct la_walk *w, uint16_t link_type)
{
    switch (link_type) {
    case LA_LINK_ETHERNET:
        return LA_WALK_ETHERNET;
    case LA_LINK_RAW:
    case LA_LINK_DLT_RAW:
    case LA_LINK_DLT_RAW_BSD:
        return LA_WALK_IP;
    case LA_LINK_IPV4:
        return LA_WALK_IP4;
    case LA_LINK_IPV6:
        return LA_WALK_IP6;
    case LA_LINK_NULL:
    case LA_LINK_LOOP:
        return loopback(w);
    case LA_LINK_LINUX_SLL:
        return cooked(w, false);
    case LA_LINK_LINUX_SLL2:
        return cooked(w, true);
    default:
        return la_walk_settle(w, LA_SEEN_UNKNOWN_LINK);
    }
}

static enum la_walk_layer
ip(struct la_walk *w)
{
    if (w->n == 0)
        return la_walk_short(w, 1);
    switch (w->p[0] >> 4) {
    case 4:
        return LA_WALK_IP4;
    case 6:
        return LA_WALK_IP6;
    default:
        return la_walk_settle(w, LA_SEEN_MALFORMED);
    }
}

static enum la_walk_layer
step(struct la_walk *w, enum la_walk_layer layer)
{
    switch (layer) {
    case LA_WALK_END:
        break;
    case LA_WALK_ETHERNET:
        return la_walk_ethernet(w);
    case LA_WALK_ETHERTYPE:
        return la_walk_ethertype(w);
    case LA_WALK_LLC:
        return la_walk_llc(w);
    case LA_WALK_IP:
        return ip(w);
    case LA_WALK_IP4:
        return la_walk_ip4(w);
    case LA_WALK_IP6:
        return la_walk_ip6(w);
    }
    return LA_WALK_END;
}

/* Is it this segment's turn to have its checksum verified? */
static bool
is_due(struct la_decoder *decoder, const struct la_seen *seen)
{
    if (decoder->options.verify_control &&
        (seen->tcp.flags & (LA_TCP_SYN | LA_TCP_FIN | LA_TCP_RST)) != 0)
        return true;
    if (decoder->options.verify_every_n == 0 || --decoder->until_verify_n > 0)
        return false;
    decoder->until_verify_n = decoder->options.verify_every_n;
    return true;
}

void
la_decode(struct la_decoder *decoder, const struct la_decode_packet *packet, struct la_seen *seen)
{
    struct la_walk w = {
        .decoder = decoder,
        .seen = seen,
        .p = packet->bytes.p,
        .n = packet->bytes.n,
        .wire_n = packet->wire_bytes > packet->bytes.n ? packet->wire_bytes : packet->bytes.n,
    };
    memset(seen, 0, offsetof(struct la_seen, tcp));
    enum la_walk_layer layer = link_begin(&w, packet->link_type);
    for (unsigned i = 0; layer != LA_WALK_END; i++) {
        if (i == WALK_STEPS_MAX) {
            (void)la_walk_settle(&w, LA_SEEN_TOO_DEEP);
            break;
        }
        layer = step(&w, layer);
    }
    LA_ASSERT(seen->kind < LA_SEEN_KINDS_N);
    decoder->kinds_n[seen->kind]++;
    if (seen->kind == LA_SEEN_TCP && is_due(decoder, seen))
        seen->checksum = (uint8_t)la_seen_checksum_verify(seen, decoder->options.sum);
}
