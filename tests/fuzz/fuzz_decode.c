/* SPDX-License-Identifier: MIT
 *
 * fuzz_decode.c - any octets as packets of any link type
 *
 * Packets follow each other: an octet for the link type, one for how much was not captured, two for
 * the length, the octets. They share a decoder, so that fragments meet. What is told of a packet
 * lies within it or within the datagram that it completed; whatever it says it has, memory stays
 * bounded.
 */
#include "explain/decode.h"
#include "fuzz.h"
#include "base/link_type.h"

#include <lastack/host.h>
#include <stdlib.h>
#include <string.h>

enum { MEMORY_BYTES = 6 << 20, PATH_BYTES = 64 };

static const uint16_t link_types[] = {
    LA_LINKTYPE_ETHERNET,  LA_LINKTYPE_RAW,        LA_LINKTYPE_NULL,        LA_LINKTYPE_LOOP,
    LA_LINKTYPE_LINUX_SLL, LA_LINKTYPE_LINUX_SLL2, LA_LINKTYPE_PPP,         LA_LINKTYPE_PPP_HDLC,
    LA_LINKTYPE_PPP_DIR,   LA_LINKTYPE_PPP_ETHER,  LA_LINKTYPE_C_HDLC,      LA_LINKTYPE_IEEE802_11,
    LA_LINKTYPE_RADIOTAP,  LA_LINKTYPE_MPLS,       LA_LINKTYPE_NFLOG,       LA_LINKTYPE_IPV4,
    LA_LINKTYPE_IPV6,      LA_LINKTYPE_DLT_RAW,    LA_LINKTYPE_DLT_RAW_BSD,
};

static volatile uint8_t octet_seen;

static void
must(bool ok)
{
    if (!ok)
        abort();
}

static void
look(struct la_bytes bytes)
{
    for (size_t i = 0; i < bytes.n; i++)
        octet_seen ^= bytes.p[i];
}

static void
check_tcp(const struct la_seen *seen)
{
    look(seen->header);
    look(seen->text);
    must(seen->text.n <= seen->tcp.text_bytes);
    must(((seen->oddities & LA_SEEN_SNAPPED_TEXT) != 0) == (seen->text.n < seen->tcp.text_bytes));
    must(seen->src.port == seen->tcp.src_port && seen->dst.port == seen->tcp.dst_port);
    must(seen->tcp.sack_n <= LA_TCP_SACK_MAX);
    must(seen->ip_version == 4 || seen->ip_version == 6);
    if (seen->tcp.has & LA_TCP_HAS_EXTRAS) {
        must(seen->extras.other_n <= LA_TCP_OTHER_KINDS_MAX);
        look(seen->extras.fast_open);
    }
}

static void
check(struct la_decoder *decoder, const struct la_explain_packet *packet)
{
    struct la_seen seen;
    char path[PATH_BYTES];
    la_decode(decoder, packet, &seen);
    must(seen.kind < LA_SEEN_KINDS_N && seen.layers_n <= LA_SEEN_LAYERS_MAX);
    must(strlen(la_seen_path_format(&seen, path, sizeof path)) < sizeof path);
    if (seen.kind == LA_SEEN_TCP) {
        check_tcp(&seen);
        must(seen.checksum == (uint8_t)la_seen_checksum_verify(&seen, la_sum_portable));
    } else if (seen.kind == LA_SEEN_ICMP_ERROR) {
        check_tcp(&seen);
        must(seen.icmp.version == 4 || seen.icmp.version == 6);
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct fuzz_in in = {data, n};
    struct la_mem *mem = la_mem_new(la_host_alloc(), MEMORY_BYTES);
    struct la_decoder decoder;
    int64_t at_ns = 0;
    must(mem != NULL);
    must(la_decoder_init(&decoder, mem, &(struct la_decode_options){.verify_every_n = 1}));
    while (in.n > 0) {
        uint8_t link = fuzz_u8(&in), missing = fuzz_u8(&in);
        size_t want = fuzz_u16(&in);
        size_t packet_n = want < in.n ? want : in.n;
        /* A piece of its own: whoever reads past it is found. */
        uint8_t *octets = malloc(packet_n);
        if (packet_n > 0)
            memcpy(octets, in.p, packet_n);
        in.p += packet_n;
        in.n -= packet_n;
        at_ns += (int64_t)missing * 1000000000;
        check(&decoder,
              &(struct la_explain_packet){
                  .bytes = {octets, packet_n},
                  .wire_bytes = (uint32_t)packet_n + missing,
                  .link_type = link_types[link % (sizeof link_types / sizeof link_types[0])],
                  .at = {at_ns}});
        free(octets);
    }
    la_decoder_fini(&decoder);
    la_mem_unref(mem);
    return 0;
}
