/* SPDX-License-Identifier: MIT
 *
 * decode_report.c - what can be said of a decoded packet: its checksum, its path, its kind's name
 *
 * Read first: RFC 1071; RFC 9293 3.1 (checksum).
 */
#include "base/addr.h"
#include "base/apart.h"
#include "base/assert.h"
#include "explain/decode.h"
#include "wire/ip.h"

#include <string.h>

/* Devices that finish the checksum are given the sum of the pseudo-header, with the length or, of
 * those that cut segments themselves, without; some systems leave 0. */
LA_APART static bool
is_unfilled(uint16_t field, uint32_t pseudo, size_t l4_bytes)
{
    uint32_t length = (uint32_t)(l4_bytes >> 16) + (uint32_t)(l4_bytes & 0xffff);
    uint16_t without = la_sum_fold(la_sum_fold(pseudo) + (0xffffu - la_sum_fold(length)));
    return field == 0 || field == la_sum_fold(pseudo) || field == without;
}

bool
la_seen_checksum_is_left(const struct la_seen *seen, uint16_t field, size_t l4_bytes)
{
    uint32_t pseudo = la_ip_pseudo_sum(
        &(struct la_ip_pseudo){seen->src.addr, seen->dst.addr, LA_IP_TCP, (uint32_t)l4_bytes});
    return is_unfilled(field, pseudo, l4_bytes);
}

/* More than any segment has (BIG TCP): work that a frame may ask for. */
enum { VERIFIED_BYTES_MAX = 512 << 10 };

enum la_seen_checksum
la_seen_checksum_verify(const struct la_seen *seen, la_sum_fn *sum)
{
    LA_ASSERT(seen->kind == LA_SEEN_TCP);
    if ((seen->oddities & LA_SEEN_HEADER_CUT) || seen->text.n > VERIFIED_BYTES_MAX)
        return LA_SEEN_CHECKSUM_PARTIAL;
    size_t l4_bytes = seen->header.n + seen->tcp.text_bytes;
    uint16_t field = la_get16(seen->header.p + 16);
    uint32_t pseudo = la_ip_ends_sum(&seen->src.addr, &seen->dst.addr) + LA_IP_TCP +
                      (uint32_t)(l4_bytes >> 16) + (uint32_t)(l4_bytes & 0xffff);
    if (seen->text.n == seen->tcp.text_bytes) {
        /* The text stands behind the header. */
        uint32_t all = la_sum_fold(pseudo) + sum(seen->header.p, seen->header.n + seen->text.n);
        if (la_sum_fold(all) == 0xffff)
            return LA_SEEN_CHECKSUM_GOOD;
        return is_unfilled(field, pseudo, l4_bytes) ? LA_SEEN_CHECKSUM_UNFILLED
                                                    : LA_SEEN_CHECKSUM_BAD;
    }
    return field != 0 && is_unfilled(field, pseudo, l4_bytes) ? LA_SEEN_CHECKSUM_UNFILLED
                                                              : LA_SEEN_CHECKSUM_PARTIAL;
}

const char *
la_seen_kind_name(enum la_seen_kind kind)
{
    static const char *const names[LA_SEEN_KINDS_N] = {
        [LA_SEEN_TCP] = "TCP",
        [LA_SEEN_ICMP_ERROR] = "ICMP error about TCP",
        [LA_SEEN_FRAGMENT] = "IP fragment",
        [LA_SEEN_UDP] = "UDP",
        [LA_SEEN_ICMP] = "ICMP",
        [LA_SEEN_OTHER_IP] = "another IP protocol",
        [LA_SEEN_ENCRYPTED] = "encrypted",
        [LA_SEEN_NOT_IP] = "not IP",
        [LA_SEEN_UNKNOWN_LINK] = "unknown link type",
        [LA_SEEN_SNAPPED] = "captured too short",
        [LA_SEEN_MALFORMED] = "malformed",
        [LA_SEEN_TOO_DEEP] = "too many layers",
    };
    return kind < LA_SEEN_KINDS_N ? names[kind] : "?";
}

struct text {
    char *p;
    size_t n; /* room left, the zero octet included */
};

static void
put(struct text *text, const char *words)
{
    while (*words != 0 && text->n > 1) {
        *text->p++ = *words++;
        text->n--;
    }
    *text->p = 0;
}

static void
put_number(struct text *text, uint32_t v)
{
    char digits[11];
    size_t i = sizeof digits - 1;
    digits[i] = 0;
    do {
        digits[--i] = (char)('0' + v % 10);
        v /= 10;
    } while (v != 0);
    put(text, digits + i);
}

static void
put_layer(struct text *text, const struct la_seen_layer *layer)
{
    static const char *const names[] = {
        [LA_SEEN_LAYER_VLAN] = "vlan",   [LA_SEEN_LAYER_MPLS] = "mpls",
        [LA_SEEN_LAYER_PPPOE] = "pppoe", [LA_SEEN_LAYER_IP] = "ip",
        [LA_SEEN_LAYER_GRE] = "gre",     [LA_SEEN_LAYER_GRETAP] = "gretap",
        [LA_SEEN_LAYER_VXLAN] = "vxlan", [LA_SEEN_LAYER_GENEVE] = "geneve",
        [LA_SEEN_LAYER_GTPU] = "gtp-u",  [LA_SEEN_LAYER_ERSPAN] = "erspan",
    };
    char addr[LA_ADDR_TEXT_BYTES];
    LA_ASSERT(layer->kind < sizeof names / sizeof names[0]);
    put(text, names[layer->kind]);
    if (layer->has_id) {
        put(text, " ");
        put_number(text, layer->id);
    }
    if (!la_addr_is_any(&layer->dst)) {
        put(text, " ");
        put(text, la_addr_format(&layer->src, addr));
        put(text, " > ");
        put(text, la_addr_format(&layer->dst, addr));
    }
}

char *
la_seen_path_format(const struct la_seen *seen, char *out, size_t n)
{
    struct text text = {out, n};
    LA_ASSERT(n > 0);
    *out = 0;
    for (unsigned i = 0; i < seen->layers_n; i++) {
        if (i > 0)
            put(&text, ", ");
        put_layer(&text, &seen->layers[i]);
    }
    return out;
}
