/* SPDX-License-Identifier: MIT
 *
 * udp.c - the UDP header (RFC 768)
 */
#include "wire/udp.h"
#include "base/assert.h"

bool
la_udp_view_init(struct la_udp_view *view, struct la_bytes bytes)
{
    if (bytes.n < LA_UDP_HEADER_BYTES)
        return false;
    *view = (struct la_udp_view){bytes.p};
    return true;
}

uint16_t
la_udp_view_src_port(const struct la_udp_view *view)
{
    return la_get16(view->p);
}

uint16_t
la_udp_view_dst_port(const struct la_udp_view *view)
{
    return la_get16(view->p + 2);
}

uint16_t
la_udp_view_len_bytes(const struct la_udp_view *view)
{
    return la_get16(view->p + 4);
}

uint16_t
la_udp_view_checksum(const struct la_udp_view *view)
{
    return la_get16(view->p + 6);
}

void
la_udp_judge(struct la_udp *udp, const struct la_udp_view *view)
{
    *udp = (struct la_udp){
        .src_port = la_udp_view_src_port(view),
        .dst_port = la_udp_view_dst_port(view),
        .len_bytes = la_udp_view_len_bytes(view),
        .checksum = la_udp_view_checksum(view),
    };
}

size_t
la_udp_emit(const struct la_udp *udp, struct la_room room)
{
    LA_ASSERT(room.n >= LA_UDP_HEADER_BYTES);
    la_put16(room.p, udp->src_port);
    la_put16(room.p + 2, udp->dst_port);
    la_put16(room.p + 4, udp->len_bytes);
    la_put16(room.p + 6, udp->checksum);
    return LA_UDP_HEADER_BYTES;
}
