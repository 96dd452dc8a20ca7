/* SPDX-License-Identifier: MIT
 *
 * decode.c - from captured octets to a TCP segment: where to begin, and what is counted
 *
 * Read first: docs/theory/reading.md; https://www.tcpdump.org/linktypes.html.
 */
#include "base/apart.h"
#include "base/assert.h"
#include "base/link_type.h"
#include "explain/walk_ip.h"

#include <string.h>

enum { WALK_STEPS_MAX = 64 };

bool
la_decoder_init(struct la_decoder *decoder, struct la_mem *mem,
                const struct la_decode_options *options)
{
    *decoder = (struct la_decoder){.options = *options};
    if (decoder->options.sum == NULL)
        decoder->options.sum = la_sum_portable;
    decoder->until_verify_n = options->verify_every_n;
    if (mem != NULL)
        decoder->fragments = la_fragments_new(mem);
    return mem == NULL || decoder->fragments != NULL;
}

void
la_decoder_fini(struct la_decoder *decoder)
{
    la_fragments_free(decoder->fragments);
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
    case LA_WALK_LINK:
        return la_walk_link(w);
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
    case LA_WALK_IP6_EXTENSIONS:
        return la_walk_ip6_extensions(w);
    case LA_WALK_FRAGMENT:
        return la_walk_fragment(w);
    case LA_WALK_UPPER:
        return la_walk_upper(w);
    case LA_WALK_TCP:
        return la_walk_tcp(w);
    case LA_WALK_TCP_CUT:
        return la_walk_tcp_cut(w);
    case LA_WALK_MPLS:
        return la_walk_mpls(w);
    case LA_WALK_PPP:
        return la_walk_ppp(w);
    case LA_WALK_PPPOE:
        return la_walk_pppoe(w);
    }
    return LA_WALK_END;
}

/* To the end, by whatever there is. */
LA_APART static void
walk_on(struct la_walk w, enum la_walk_layer layer)
{
    for (unsigned i = 0; layer != LA_WALK_END; i++) {
        if (i == WALK_STEPS_MAX) {
            (void)la_walk_settle(&w, LA_SEEN_TOO_DEEP);
            break;
        }
        layer = step(&w, layer);
    }
}

/* The steps of nearly every packet; what comes next where it is another one. */
static inline enum la_walk_layer
walk_usual(struct la_walk *w)
{
    if (w->link_type != LA_LINKTYPE_ETHERNET)
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
static bool
is_due(struct la_decoder *decoder, const struct la_seen *seen)
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

static void
verify(struct la_decoder *decoder, struct la_seen *seen)
{
    seen->checksum = (uint8_t)la_seen_checksum_verify(seen, decoder->options.sum);
    decoder->checksums_n[seen->checksum]++;
}

bool
la_decoder_trusts(const struct la_decoder *decoder)
{
    if (decoder->sums != LA_SUMS_COUNTED)
        return decoder->sums == LA_SUMS_TRUSTED;
    return decoder->checksums_n[LA_SEEN_CHECKSUM_GOOD] > decoder->checksums_n[LA_SEEN_CHECKSUM_BAD];
}

bool
la_decoder_disbelieves(struct la_decoder *decoder, struct la_seen *seen)
{
    if (seen->checksum == LA_SEEN_CHECKSUM_UNVERIFIED)
        verify(decoder, seen);
    return seen->checksum == LA_SEEN_CHECKSUM_BAD && la_decoder_trusts(decoder);
}

void
la_decode(struct la_decoder *decoder, const struct la_decode_packet *packet, struct la_seen *seen)
{
    struct la_walk w = {
        .decoder = decoder,
        .seen = seen,
        .p = packet->bytes.p,
        .n = packet->bytes.n,
        .at = packet->at,
        .link_type = packet->link_type,
        .wire_n = packet->wire_bytes > packet->bytes.n ? packet->wire_bytes : packet->bytes.n,
    };
    memset(seen, 0, offsetof(struct la_seen, tcp));
    seen->direction = packet->direction;
    enum la_walk_layer layer = walk_usual(&w);
    if (layer != LA_WALK_END)
        walk_on(w, layer);
    LA_ASSERT(seen->kind < LA_SEEN_KINDS_N);
    decoder->kinds_n[seen->kind]++;
    if (seen->kind == LA_SEEN_TCP && is_due(decoder, seen))
        verify(decoder, seen);
}
