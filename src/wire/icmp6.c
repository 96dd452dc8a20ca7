/* SPDX-License-Identifier: MIT
 *
 * icmp6.c - ICMPv6 and neighbour discovery
 *
 * Read first: RFC 4443 2 and 3; RFC 4861 4.
 */
#include "wire/icmp6.h"
#include "base/addr.h"
#include "base/assert.h"

#include <string.h>

enum { RA_BYTES = 16, NEIGHBOUR_BYTES = 24, OPTION_UNIT_BYTES = 8 };

static bool
is_neighbour(uint8_t type)
{
    return type == LA_ICMP6_NEIGHBOUR_SOLICITATION || type == LA_ICMP6_NEIGHBOUR_ADVERTISEMENT;
}

static bool
has_options(uint8_t type)
{
    return is_neighbour(type) || type == LA_ICMP6_ROUTER_SOLICITATION ||
           type == LA_ICMP6_ROUTER_ADVERTISEMENT;
}

static uint8_t
fixed_bytes_of(uint8_t type)
{
    if (is_neighbour(type))
        return NEIGHBOUR_BYTES;
    return type == LA_ICMP6_ROUTER_ADVERTISEMENT ? RA_BYTES : LA_ICMP6_HEADER_BYTES;
}

bool
la_icmp6_view_init(struct la_icmp6_view *view, struct la_bytes bytes)
{
    if (bytes.n < LA_ICMP6_HEADER_BYTES || bytes.n < fixed_bytes_of(bytes.p[0]))
        return false;
    *view = (struct la_icmp6_view){bytes, fixed_bytes_of(bytes.p[0])};
    return true;
}

uint8_t
la_icmp6_view_type(const struct la_icmp6_view *view)
{
    return view->bytes.p[0];
}

uint8_t
la_icmp6_view_code(const struct la_icmp6_view *view)
{
    return view->bytes.p[1];
}

uint32_t
la_icmp6_view_rest(const struct la_icmp6_view *view)
{
    return la_get32(view->bytes.p + 4);
}

struct la_addr
la_icmp6_view_target(const struct la_icmp6_view *view)
{
    LA_ASSERT(is_neighbour(la_icmp6_view_type(view)));
    return la_addr_from_v6(view->bytes.p + 8);
}

struct la_icmp6_option_iter
la_icmp6_option_iter(const struct la_icmp6_view *view)
{
    struct la_bytes rest = {view->bytes.p + view->fixed_bytes, view->bytes.n - view->fixed_bytes};
    if (!has_options(la_icmp6_view_type(view)))
        rest.n = 0;
    return (struct la_icmp6_option_iter){rest, false};
}

bool
la_icmp6_option_next(struct la_icmp6_option_iter *it, struct la_icmp6_option *out)
{
    if (it->malformed || it->rest.n == 0)
        return false;
    const uint8_t *p = it->rest.p;
    size_t n = it->rest.n < 2 ? 0 : (size_t)p[1] * OPTION_UNIT_BYTES;
    if (n == 0 || n > it->rest.n) {
        it->malformed = true;
        return false;
    }
    *out = (struct la_icmp6_option){p[0], {p + 2, n - 2}};
    it->rest.p += n;
    it->rest.n -= n;
    return true;
}

static void
judge_link(struct la_icmp6 *icmp, const struct la_icmp6_option *opt)
{
    bool source = opt->kind == LA_ICMP6_OPT_SOURCE_LINK;
    if (opt->data.n != 6) {
        icmp->has |= LA_ICMP6_HAS_MALFORMED;
        return;
    }
    memcpy(source ? icmp->source_link : icmp->target_link, opt->data.p, 6);
    icmp->has |= source ? LA_ICMP6_HAS_SOURCE_LINK : LA_ICMP6_HAS_TARGET_LINK;
}

static void
judge_options(struct la_icmp6 *icmp, const struct la_icmp6_view *view)
{
    struct la_icmp6_option_iter it = la_icmp6_option_iter(view);
    struct la_icmp6_option opt;
    while (la_icmp6_option_next(&it, &opt)) {
        if (opt.kind == LA_ICMP6_OPT_SOURCE_LINK || opt.kind == LA_ICMP6_OPT_TARGET_LINK)
            judge_link(icmp, &opt);
        else
            icmp->has |= LA_ICMP6_HAS_UNKNOWN;
    }
    if (it.malformed)
        icmp->has |= LA_ICMP6_HAS_MALFORMED;
}

static void
judge_router_advertisement(struct la_icmp6 *icmp, const struct la_icmp6_view *view)
{
    const uint8_t *p = view->bytes.p;
    icmp->hop_limit = p[4];
    icmp->ra_flags = p[5];
    icmp->lifetime_s = la_get16(p + 6);
    icmp->reachable_ms = la_get32(p + 8);
    icmp->retransmit_ms = la_get32(p + 12);
}

void
la_icmp6_judge(struct la_icmp6 *icmp, const struct la_icmp6_view *view)
{
    uint32_t rest = la_icmp6_view_rest(view);
    *icmp = (struct la_icmp6){.type = la_icmp6_view_type(view), .code = la_icmp6_view_code(view)};
    switch (icmp->type) {
    case LA_ICMP6_ECHO:
    case LA_ICMP6_ECHO_REPLY:
        icmp->id = (uint16_t)(rest >> 16);
        icmp->seq = (uint16_t)rest;
        break;
    case LA_ICMP6_TOO_BIG:
        icmp->mtu_bytes = rest;
        break;
    case LA_ICMP6_PARAMETER:
        icmp->pointer = rest;
        break;
    case LA_ICMP6_ROUTER_ADVERTISEMENT:
        judge_router_advertisement(icmp, view);
        break;
    case LA_ICMP6_NEIGHBOUR_ADVERTISEMENT:
        icmp->na_flags = (uint8_t)(rest >> 24) &
                         (LA_ICMP6_NA_ROUTER | LA_ICMP6_NA_SOLICITED | LA_ICMP6_NA_OVERRIDE);
        icmp->target = la_icmp6_view_target(view);
        break;
    case LA_ICMP6_NEIGHBOUR_SOLICITATION:
        icmp->target = la_icmp6_view_target(view);
        break;
    case LA_ICMP6_UNREACHABLE:
    case LA_ICMP6_TIME_EXCEEDED:
    case LA_ICMP6_ROUTER_SOLICITATION:
        break;
    default:
        icmp->rest = rest;
    }
    judge_options(icmp, view);
}

static uint32_t
rest_of(const struct la_icmp6 *icmp)
{
    switch (icmp->type) {
    case LA_ICMP6_ECHO:
    case LA_ICMP6_ECHO_REPLY:
        return (uint32_t)icmp->id << 16 | icmp->seq;
    case LA_ICMP6_TOO_BIG:
        return icmp->mtu_bytes;
    case LA_ICMP6_PARAMETER:
        return icmp->pointer;
    case LA_ICMP6_ROUTER_ADVERTISEMENT:
        return (uint32_t)icmp->hop_limit << 24 | (uint32_t)icmp->ra_flags << 16 | icmp->lifetime_s;
    case LA_ICMP6_NEIGHBOUR_ADVERTISEMENT:
        return (uint32_t)icmp->na_flags << 24;
    case LA_ICMP6_NEIGHBOUR_SOLICITATION:
    case LA_ICMP6_UNREACHABLE:
    case LA_ICMP6_TIME_EXCEEDED:
    case LA_ICMP6_ROUTER_SOLICITATION:
        return 0;
    default:
        return icmp->rest;
    }
}

size_t
la_icmp6_header_bytes(const struct la_icmp6 *icmp)
{
    size_t n = fixed_bytes_of(icmp->type);
    if (!has_options(icmp->type))
        return n;
    if (icmp->has & LA_ICMP6_HAS_SOURCE_LINK)
        n += OPTION_UNIT_BYTES;
    if (icmp->has & LA_ICMP6_HAS_TARGET_LINK)
        n += OPTION_UNIT_BYTES;
    return n;
}

static void
emit_link(struct la_wr *wr, enum la_icmp6_option_kind kind, const uint8_t mac[6])
{
    la_wr8(wr, (uint8_t)kind);
    la_wr8(wr, 1);
    la_wr_bytes(wr, (struct la_bytes){mac, 6});
}

size_t
la_icmp6_emit(const struct la_icmp6 *icmp, struct la_room room)
{
    LA_ASSERT(room.n >= la_icmp6_header_bytes(icmp));
    struct la_wr wr = la_wr_init(room);
    la_wr8(&wr, icmp->type);
    la_wr8(&wr, icmp->code);
    la_wr16(&wr, 0);
    la_wr32(&wr, rest_of(icmp));
    if (is_neighbour(icmp->type))
        la_wr_bytes(&wr, (struct la_bytes){icmp->target.b, sizeof icmp->target.b});
    if (icmp->type == LA_ICMP6_ROUTER_ADVERTISEMENT) {
        la_wr32(&wr, icmp->reachable_ms);
        la_wr32(&wr, icmp->retransmit_ms);
    }
    if (has_options(icmp->type)) {
        if (icmp->has & LA_ICMP6_HAS_SOURCE_LINK)
            emit_link(&wr, LA_ICMP6_OPT_SOURCE_LINK, icmp->source_link);
        if (icmp->has & LA_ICMP6_HAS_TARGET_LINK)
            emit_link(&wr, LA_ICMP6_OPT_TARGET_LINK, icmp->target_link);
    }
    LA_ASSERT(!wr.failed);
    return la_icmp6_header_bytes(icmp);
}

bool
la_icmp6_is_error(uint8_t type)
{
    return type < LA_ICMP6_ECHO;
}
