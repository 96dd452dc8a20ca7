/* SPDX-License-Identifier: MIT
 *
 * checksum.c - checksums over frames: verified, or filled in where a link cannot
 *
 * Read first: RFC 1071; RFC 768 (zero); RFC 9293 3.1; base/frame.h on marks.
 */
#include "net/internal.h"

#include "base/assert.h"
#include "wire/ip.h"

/* Where UDP keeps its checksum; TCP's is at 16 and ICMPv6's at 2, so it names the protocol. */
enum { UDP_CHECKSUM_OFF = 6 };

uint16_t
la_net_sum(const struct la_net *net, uint32_t sum, const struct la_frame *frame)
{
    if (frame->head_n > 0)
        sum = la_sum_combine(sum, net->kernel(frame->head, frame->head_n), 0);
    if (frame->payload.len == 0)
        return la_sum_fold(sum);
    return la_sum_fold(la_sum_chain(sum, &frame->payload, frame->head_n, net->kernel));
}

static bool
is_trusted(const struct la_net *net, const struct la_frame *frame)
{
    /* DEVIATION(D10): MUST-3, unless who made the instance knows that nothing can be corrupted. */
    return !net->checksum_verify || frame->csum == LA_CSUM_VALID || frame->csum == LA_CSUM_PARTIAL;
}

bool
la_net_l4_sum_ok(const struct la_net *net, uint32_t sum, const struct la_frame *frame)
{
    return is_trusted(net, frame) || la_net_sum(net, sum, frame) == 0xffff;
}

bool
la_net_l4_checksum_ok(const struct la_net *net, const struct la_net_in *in,
                      const struct la_frame *frame)
{
    if (is_trusted(net, frame))
        return true;
    uint32_t l4_bytes = (uint32_t)la_frame_octets(frame);
    uint32_t sum =
        la_ip_ends_sum(&in->src, &in->dst) + in->protocol + (l4_bytes >> 16) + (l4_bytes & 0xffff);
    return la_net_sum(net, sum, frame) == 0xffff;
}

void
la_net_checksum_finish(struct la_net *net, struct la_frame *frame)
{
    uint32_t start = frame->csum_start;
    LA_ASSERT(start + frame->csum_off + 2u <= frame->head_n);
    la_net_checksum_put(net, frame, net->kernel(frame->head + start, frame->head_n - start));
}

void
la_net_checksum_put(struct la_net *net, struct la_frame *frame, uint32_t head_sum)
{
    LA_ASSERT(frame->csum == LA_CSUM_PARTIAL);
    uint32_t start = frame->csum_start, head_n = frame->head_n - start;
    uint16_t checksum =
        (uint16_t)~la_sum_fold(la_sum_chain(head_sum, &frame->payload, head_n, net->kernel));
    /* RFC 768: a computed zero is sent as all ones, zero means that none was made. */
    if (checksum == 0 && frame->csum_off == UDP_CHECKSUM_OFF)
        checksum = 0xffff;
    la_put16(frame->head + start + frame->csum_off, checksum);
    frame->csum = LA_CSUM_VALID;
}
