/* SPDX-License-Identifier: MIT
 *
 * tcp_stencil.c - a TCP header that is written many times
 *
 * Read first: wire/tcp.h; RFC 1071 2 (A: a sum is the sum of its parts).
 *
 * Byte order: network in octets, host in struct la_tcp_stencil_numbers.
 */
#include "wire/tcp_stencil.h"

#include <string.h>

#include "base/assert.h"
#include "base/checksum.h"

enum { SEQ_OFF = 4, ACK_OFF = 8, NUMBERS_END = 12, CHECKSUM_OFF = 16, STAMPS_BYTES = 8 };

void
la_tcp_stencil_init(struct la_tcp_stencil *stencil, const struct la_tcp_view *view)
{
    struct la_tcp_option_iter it = la_tcp_option_iter(view);
    struct la_tcp_option option;
    *stencil = (struct la_tcp_stencil){.n = view->header_bytes};
    memcpy(stencil->octets, view->p, view->header_bytes);
    memset(stencil->octets, 0, NUMBERS_END);
    la_put16(stencil->octets + CHECKSUM_OFF, 0);
    while (la_tcp_option_next(&it, &option)) {
        if (option.kind != LA_TCP_OPT_TIMESTAMPS)
            continue;
        stencil->stamps_off = (uint8_t)(option.data.p - view->p);
        LA_ASSERT(option.data.n == STAMPS_BYTES && stencil->stamps_off % 2 == 0);
        memset(stencil->octets + stencil->stamps_off, 0, STAMPS_BYTES);
    }
    stencil->sum = la_sum_portable(stencil->octets, stencil->n);
}

static uint32_t
put_number(uint8_t *out, uint32_t number)
{
    la_put32(out, number);
    return (number >> 16) + (number & 0xffff);
}

uint32_t
la_tcp_stencil_emit(const struct la_tcp_stencil *stencil,
                    const struct la_tcp_stencil_numbers *numbers, uint8_t *out)
{
    uint32_t sum = stencil->sum;
    LA_ASSERT(stencil->n >= LA_TCP_HEADER_BYTES);
    la_copy_header(out, stencil->octets, stencil->n);
    sum += put_number(out, (uint32_t)numbers->src_port << 16 | numbers->dst_port);
    sum += put_number(out + SEQ_OFF, numbers->seq.v);
    sum += put_number(out + ACK_OFF, numbers->ack.v);
    if (stencil->stamps_off == 0)
        return sum;
    sum += put_number(out + stencil->stamps_off, numbers->ts_val);
    return sum + put_number(out + stencil->stamps_off + 4, numbers->ts_ecr);
}
