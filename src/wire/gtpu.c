/* SPDX-License-Identifier: MIT
 *
 * gtpu.c - the GTP-U header, version 1
 *
 * Sequence number, N-PDU number and the first extension's type are all there as soon as one of
 * them means something (5.1).
 */
#include "wire/gtpu.h"
#include "base/assert.h"

enum { VERSION_AND_TYPE = 0x30, VERSION_AND_TYPE_MASK = 0xf0, HAS_MASK = 7, SPARE_BIT = 8 };

bool
la_gtpu_judge(struct la_gtpu *gtpu, struct la_bytes bytes)
{
    struct la_rd rd = la_rd_init(bytes);
    uint8_t first = la_rd8(&rd);
    *gtpu = (struct la_gtpu){.has = first & HAS_MASK, .message = la_rd8(&rd)};
    gtpu->len_bytes = la_rd16(&rd);
    gtpu->teid = la_rd32(&rd);
    if ((first & (VERSION_AND_TYPE_MASK | SPARE_BIT)) != VERSION_AND_TYPE)
        return false;
    if (gtpu->has != 0) {
        gtpu->sequence = la_rd16(&rd);
        gtpu->npdu = la_rd8(&rd);
        gtpu->next = la_rd8(&rd);
    }
    /* Each ends with the type of the next one; a length of 0 would never end (5.2.1). */
    const uint8_t *begin = rd.p;
    size_t n = 0;
    for (uint8_t type = gtpu->has & LA_GTPU_HAS_EXTENSIONS ? gtpu->next : 0; type != 0;) {
        size_t ext_n = rd.n > 0 ? (size_t)rd.p[0] * 4 : 0;
        struct la_bytes ext = la_rd_bytes(&rd, ext_n);
        if (rd.failed || ext_n == 0)
            return false;
        n += ext_n;
        type = ext.p[ext_n - 1];
    }
    if (n > 0)
        gtpu->extensions = (struct la_bytes){begin, n};
    return !rd.failed;
}

size_t
la_gtpu_header_bytes(const struct la_gtpu *gtpu)
{
    return (size_t)LA_GTPU_BYTES_MIN + (gtpu->has != 0 ? 4 : 0) + gtpu->extensions.n;
}

size_t
la_gtpu_emit(const struct la_gtpu *gtpu, struct la_room room)
{
    LA_ASSERT(room.n >= la_gtpu_header_bytes(gtpu));
    LA_ASSERT(gtpu->has <= HAS_MASK);
    struct la_wr wr = la_wr_init(room);
    la_wr8(&wr, VERSION_AND_TYPE | gtpu->has);
    la_wr8(&wr, gtpu->message);
    la_wr16(&wr, gtpu->len_bytes);
    la_wr32(&wr, gtpu->teid);
    if (gtpu->has != 0) {
        la_wr16(&wr, gtpu->sequence);
        la_wr8(&wr, gtpu->npdu);
        la_wr8(&wr, gtpu->next);
    }
    la_wr_bytes(&wr, gtpu->extensions);
    return la_gtpu_header_bytes(gtpu);
}
