/* SPDX-License-Identifier: MIT
 *
 * sll.c - the pseudo-headers of Linux's cooked captures
 *
 * Read first: https://www.tcpdump.org/linktypes/LINKTYPE_LINUX_SLL.html and _SLL2.html.
 */
#include "wire/sll.h"
#include "base/assert.h"

#include <string.h>

bool
la_sll_judge(struct la_sll *sll, struct la_bytes bytes)
{
    struct la_rd rd = la_rd_init(bytes);
    *sll = (struct la_sll){0};
    sll->packet_type = la_rd16(&rd);
    sll->arphrd_type = la_rd16(&rd);
    sll->addr_bytes = la_rd16(&rd);
    struct la_bytes addr = la_rd_bytes(&rd, LA_SLL_ADDR_BYTES);
    sll->protocol = la_rd16(&rd);
    if (rd.failed)
        return false;
    memcpy(sll->addr, addr.p, sizeof sll->addr);
    return true;
}

bool
la_sll2_judge(struct la_sll *sll, struct la_bytes bytes)
{
    struct la_rd rd = la_rd_init(bytes);
    *sll = (struct la_sll){0};
    sll->protocol = la_rd16(&rd);
    sll->reserved = la_rd16(&rd);
    sll->iface = la_rd32(&rd);
    sll->arphrd_type = la_rd16(&rd);
    sll->packet_type = la_rd8(&rd);
    sll->addr_bytes = la_rd8(&rd);
    struct la_bytes addr = la_rd_bytes(&rd, LA_SLL_ADDR_BYTES);
    if (rd.failed)
        return false;
    memcpy(sll->addr, addr.p, sizeof sll->addr);
    return true;
}

size_t
la_sll_emit(const struct la_sll *sll, struct la_room room)
{
    LA_ASSERT(room.n >= LA_SLL_BYTES);
    struct la_wr wr = la_wr_init(room);
    la_wr16(&wr, sll->packet_type);
    la_wr16(&wr, sll->arphrd_type);
    la_wr16(&wr, sll->addr_bytes);
    la_wr_bytes(&wr, (struct la_bytes){sll->addr, sizeof sll->addr});
    la_wr16(&wr, sll->protocol);
    return LA_SLL_BYTES;
}

size_t
la_sll2_emit(const struct la_sll *sll, struct la_room room)
{
    LA_ASSERT(room.n >= LA_SLL2_BYTES);
    struct la_wr wr = la_wr_init(room);
    la_wr16(&wr, sll->protocol);
    la_wr16(&wr, sll->reserved);
    la_wr32(&wr, sll->iface);
    la_wr16(&wr, sll->arphrd_type);
    la_wr8(&wr, (uint8_t)sll->packet_type);
    la_wr8(&wr, (uint8_t)sll->addr_bytes);
    la_wr_bytes(&wr, (struct la_bytes){sll->addr, sizeof sll->addr});
    return LA_SLL2_BYTES;
}
