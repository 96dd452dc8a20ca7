/* SPDX-License-Identifier: MIT
 *
 * ppp.c - PPP's protocol field and the PPPoE header
 */
#include "wire/ppp.h"
#include "base/assert.h"

enum { FRAMING = 0xff03, VERSION_AND_TYPE = 0x11 };

bool
la_ppp_judge(struct la_ppp *ppp, struct la_bytes bytes)
{
    struct la_rd rd = la_rd_init(bytes);
    *ppp = (struct la_ppp){.framed = bytes.n > 0 && bytes.p[0] == FRAMING >> 8};
    if (ppp->framed && la_rd16(&rd) != FRAMING)
        return false;
    ppp->protocol = la_rd8(&rd);
    ppp->compressed = (ppp->protocol & 1) != 0;
    if (!ppp->compressed)
        ppp->protocol = (uint16_t)(ppp->protocol << 8 | la_rd8(&rd));
    return !rd.failed && (ppp->protocol & 1) != 0;
}

size_t
la_ppp_header_bytes(const struct la_ppp *ppp)
{
    return (ppp->framed ? 2u : 0u) + (ppp->compressed ? 1u : 2u);
}

size_t
la_ppp_emit(const struct la_ppp *ppp, struct la_room room)
{
    LA_ASSERT(room.n >= la_ppp_header_bytes(ppp));
    LA_ASSERT((ppp->protocol & 1) != 0 && (!ppp->compressed || ppp->protocol <= 0xff));
    struct la_wr wr = la_wr_init(room);
    if (ppp->framed)
        la_wr16(&wr, FRAMING);
    if (ppp->compressed)
        la_wr8(&wr, (uint8_t)ppp->protocol);
    else
        la_wr16(&wr, ppp->protocol);
    return la_ppp_header_bytes(ppp);
}

bool
la_pppoe_judge(struct la_pppoe *pppoe, struct la_bytes bytes)
{
    struct la_rd rd = la_rd_init(bytes);
    uint8_t version_and_type = la_rd8(&rd);
    *pppoe = (struct la_pppoe){.code = la_rd8(&rd)};
    pppoe->session = la_rd16(&rd);
    pppoe->len_bytes = la_rd16(&rd);
    return !rd.failed && version_and_type == VERSION_AND_TYPE;
}

size_t
la_pppoe_emit(const struct la_pppoe *pppoe, struct la_room room)
{
    LA_ASSERT(room.n >= LA_PPPOE_BYTES);
    struct la_wr wr = la_wr_init(room);
    la_wr8(&wr, VERSION_AND_TYPE);
    la_wr8(&wr, pppoe->code);
    la_wr16(&wr, pppoe->session);
    la_wr16(&wr, pppoe->len_bytes);
    return LA_PPPOE_BYTES;
}
