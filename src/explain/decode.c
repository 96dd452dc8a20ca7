/* SPDX-License-Identifier: MIT
 *
 * decode.c - from captured octets to a TCP segment: where to begin, and what is counted
 *
 * Read first: docs/theory/reading.md; https://www.tcpdump.org/linktypes.html.
 */
#include "base/apart.h"
#include "explain/decode_now.h"

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

LA_APART void
la_walk_on(struct la_walk w, enum la_walk_layer layer)
{
    for (unsigned i = 0; layer != LA_WALK_END; i++) {
        if (i == WALK_STEPS_MAX) {
            (void)la_walk_settle(&w, LA_SEEN_TOO_DEEP);
            break;
        }
        layer = step(&w, layer);
    }
}

LA_APART void
la_decoder_verify(struct la_decoder *decoder, struct la_seen *seen)
{
    seen->checksum = (uint8_t)la_seen_checksum_verify(seen, decoder->options.sum);
    if (seen->checksum == LA_SEEN_CHECKSUM_GOOD || seen->checksum == LA_SEEN_CHECKSUM_BAD)
        la_sums_note(&decoder->counted, &seen->src.addr, seen->checksum == LA_SEEN_CHECKSUM_GOOD);
}

bool
la_decoder_trusts(const struct la_decoder *decoder, const struct la_addr *src)
{
    if (decoder->sums != LA_SUMS_COUNTED)
        return decoder->sums == LA_SUMS_TRUSTED;
    return la_sums_tell(&decoder->counted, src);
}

bool
la_decoder_disbelieves(struct la_decoder *decoder, struct la_seen *seen)
{
    if (seen->checksum == LA_SEEN_CHECKSUM_UNVERIFIED)
        la_decoder_verify(decoder, seen);
    return seen->checksum == LA_SEEN_CHECKSUM_BAD && la_decoder_trusts(decoder, &seen->src.addr);
}

void
la_decode(struct la_decoder *decoder, const struct la_explain_packet *packet, struct la_seen *seen)
{
    la_decode_now(decoder, packet, seen);
}
