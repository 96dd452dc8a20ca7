/* SPDX-License-Identifier: MIT
 *
 * icmp4.c - the ICMP header
 *
 * Read first: RFC 792; RFC 1122 3.2.2; RFC 1191 4.
 */
#include "wire/icmp4.h"
#include "base/assert.h"

bool
la_icmp4_view_init(struct la_icmp4_view *view, struct la_bytes bytes)
{
    if (bytes.n < LA_ICMP4_HEADER_BYTES)
        return false;
    *view = (struct la_icmp4_view){bytes.p};
    return true;
}

uint8_t
la_icmp4_view_type(const struct la_icmp4_view *view)
{
    return view->p[0];
}

uint8_t
la_icmp4_view_code(const struct la_icmp4_view *view)
{
    return view->p[1];
}

uint16_t
la_icmp4_view_checksum(const struct la_icmp4_view *view)
{
    return la_get16(view->p + 2);
}

uint32_t
la_icmp4_view_rest(const struct la_icmp4_view *view)
{
    return la_get32(view->p + 4);
}

void
la_icmp4_judge(struct la_icmp4 *icmp, const struct la_icmp4_view *view)
{
    uint32_t rest = la_icmp4_view_rest(view);
    *icmp = (struct la_icmp4){.type = la_icmp4_view_type(view), .code = la_icmp4_view_code(view)};
    switch (icmp->type) {
    case LA_ICMP4_ECHO:
    case LA_ICMP4_ECHO_REPLY:
        icmp->id = (uint16_t)(rest >> 16);
        icmp->seq = (uint16_t)rest;
        break;
    case LA_ICMP4_UNREACHABLE:
        if (icmp->code == LA_ICMP4_FRAGMENTATION_NEEDED)
            icmp->mtu_bytes = (uint16_t)rest;
        break;
    case LA_ICMP4_PARAMETER:
        icmp->pointer = (uint8_t)(rest >> 24);
        break;
    case LA_ICMP4_TIME_EXCEEDED:
    case LA_ICMP4_SOURCE_QUENCH:
        break;
    default:
        icmp->rest = rest;
    }
}

static uint32_t
rest_of(const struct la_icmp4 *icmp)
{
    switch (icmp->type) {
    case LA_ICMP4_ECHO:
    case LA_ICMP4_ECHO_REPLY:
        return (uint32_t)icmp->id << 16 | icmp->seq;
    case LA_ICMP4_UNREACHABLE:
        return icmp->code == LA_ICMP4_FRAGMENTATION_NEEDED ? icmp->mtu_bytes : 0;
    case LA_ICMP4_PARAMETER:
        return (uint32_t)icmp->pointer << 24;
    case LA_ICMP4_TIME_EXCEEDED:
    case LA_ICMP4_SOURCE_QUENCH:
        return 0;
    default:
        return icmp->rest;
    }
}

size_t
la_icmp4_emit(const struct la_icmp4 *icmp, struct la_room room)
{
    LA_ASSERT(room.n >= LA_ICMP4_HEADER_BYTES);
    room.p[0] = icmp->type;
    room.p[1] = icmp->code;
    la_put16(room.p + 2, 0);
    la_put32(room.p + 4, rest_of(icmp));
    return LA_ICMP4_HEADER_BYTES;
}

bool
la_icmp4_is_error(uint8_t type)
{
    return type == LA_ICMP4_UNREACHABLE || type == LA_ICMP4_SOURCE_QUENCH ||
           type == LA_ICMP4_REDIRECT || type == LA_ICMP4_TIME_EXCEEDED ||
           type == LA_ICMP4_PARAMETER;
}
