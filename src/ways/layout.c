/* SPDX-License-Identifier: MIT
 *
 * layout.c - the order of options in a SYN, as another stack would send it
 */
#include "ways/layout.h"

#include <string.h>

#include "base/checksum.h"
#include "wire/ip.h"
#include "wire/ip4.h"
#include "wire/ip6.h"
#include "wire/tcp.h"

enum { OPTIONS_BYTES_MAX = LA_TCP_HEADER_BYTES_MAX - LA_TCP_HEADER_BYTES };
enum { CHECKSUM_AT = 16 };

struct options {
    uint8_t bytes[OPTIONS_BYTES_MAX];
    size_t n;
};

/* An option begins where its offset leaves `rest` when divided by `by`. */
static const struct place {
    uint8_t kind, by, rest;
} bsd_order[] = {
    {LA_TCP_OPT_MSS, 1, 0},        {LA_TCP_OPT_WSCALE, 2, 1},    {LA_TCP_OPT_SACK_PERMITTED, 2, 0},
    {LA_TCP_OPT_TIMESTAMPS, 4, 2}, {LA_TCP_OPT_FAST_OPEN, 1, 0},
};

static void
put(struct options *out, const struct place *place, struct la_bytes data)
{
    while (out->n < OPTIONS_BYTES_MAX && out->n % place->by != place->rest)
        out->bytes[out->n++] = LA_TCP_OPT_NOP;
    if (out->n + 2 + data.n > OPTIONS_BYTES_MAX)
        return;
    out->bytes[out->n] = place->kind;
    out->bytes[out->n + 1] = (uint8_t)(2 + data.n);
    memcpy(out->bytes + out->n + 2, data.p, data.n);
    out->n += 2 + data.n;
}

/* False: there are others, or they need another space than before. */
static bool
reorder(const struct la_tcp_view *view, struct options *out)
{
    size_t known_n = 0, all_n = 0;
    struct la_tcp_option opt;
    struct la_tcp_option_iter it = la_tcp_option_iter(view);
    while (la_tcp_option_next(&it, &opt))
        all_n += opt.kind != LA_TCP_OPT_NOP;
    for (size_t i = 0; i < sizeof(bsd_order) / sizeof(bsd_order[0]); i++) {
        it = la_tcp_option_iter(view);
        while (la_tcp_option_next(&it, &opt)) {
            if (opt.kind != bsd_order[i].kind)
                continue;
            put(out, &bsd_order[i], opt.data);
            known_n++;
        }
    }
    size_t space = (out->n + 3) / 4 * 4;
    return known_n == all_n && space == la_tcp_view_options(view).n;
}

/* The checksum follows from what it was (RFC 1624). */
static void
replace(uint8_t *tcp, const struct options *options, size_t space)
{
    uint16_t sum = la_get16(tcp + CHECKSUM_AT);
    for (size_t i = 0; i < space; i += 2) {
        uint8_t *at = tcp + LA_TCP_HEADER_BYTES + i;
        uint16_t old = la_get16(at);
        memcpy(at, options->bytes + i, 2);
        sum = la_sum_update(sum, old, la_get16(at));
    }
    la_put16(tcp + CHECKSUM_AT, sum);
}

/* Where the TCP header begins; NULL: it is another protocol. */
static uint8_t *
tcp_of(uint8_t *packet, size_t n)
{
    size_t at = n < LA_IP4_HEADER_BYTES ? n
                : packet[0] >> 4 == 4   ? (size_t)(packet[0] & 15) * 4
                                        : (size_t)LA_IP6_HEADER_BYTES;
    if (at >= n || (packet[0] >> 4 == 4 ? packet[9] : packet[6]) != LA_IP_TCP)
        return NULL;
    return packet + at;
}

void
la_ways_layout_bsd(uint8_t *packet, size_t n)
{
    struct la_tcp_view view;
    struct options options = {.n = 0}; /* what is not filled is END and padding */
    uint8_t *tcp = tcp_of(packet, n);
    if (tcp == NULL || !la_tcp_view_init(&view, (struct la_bytes){tcp, n - (size_t)(tcp - packet)}))
        return;
    if ((la_tcp_view_flags(&view) & LA_TCP_SYN) != 0 && reorder(&view, &options))
        replace(tcp, &options, la_tcp_view_options(&view).n);
}
