/* SPDX-License-Identifier: MIT
 *
 * gre.c - the GRE header
 *
 * Read first: RFC 2784 2, RFC 2890 2, RFC 2637 4.1.
 */
#include "wire/gre.h"
#include "base/assert.h"

enum {
    FLAG_CHECKSUM = 0x8000,
    FLAG_KEY = 0x2000,
    FLAG_SEQUENCE = 0x1000,
    FLAG_ACK = 0x0080, /* version 1 */
    VERSION_MASK = 7
};

static uint16_t
flags_of(const struct la_gre *gre)
{
    return (uint16_t)((gre->has & LA_GRE_HAS_CHECKSUM ? FLAG_CHECKSUM : 0) |
                      (gre->has & LA_GRE_HAS_KEY ? FLAG_KEY : 0) |
                      (gre->has & LA_GRE_HAS_SEQUENCE ? FLAG_SEQUENCE : 0) |
                      (gre->has & LA_GRE_HAS_ACK ? FLAG_ACK : 0) | gre->version);
}

bool
la_gre_judge(struct la_gre *gre, struct la_bytes bytes)
{
    struct la_rd rd = la_rd_init(bytes);
    uint16_t flags = la_rd16(&rd);
    *gre = (struct la_gre){
        .has = (uint8_t)((flags & FLAG_CHECKSUM ? LA_GRE_HAS_CHECKSUM : 0) |
                         (flags & FLAG_KEY ? LA_GRE_HAS_KEY : 0) |
                         (flags & FLAG_SEQUENCE ? LA_GRE_HAS_SEQUENCE : 0) |
                         (flags & FLAG_ACK ? LA_GRE_HAS_ACK : 0)),
        .version = flags & VERSION_MASK,
        .protocol = la_rd16(&rd),
    };
    if (gre->version > 1 || (gre->version == 0 && (gre->has & LA_GRE_HAS_ACK)) ||
        flags_of(gre) != flags)
        return false;
    if (gre->has & LA_GRE_HAS_CHECKSUM) {
        gre->checksum = la_rd16(&rd);
        gre->reserved = la_rd16(&rd);
    }
    if (gre->has & LA_GRE_HAS_KEY)
        gre->key = la_rd32(&rd);
    if (gre->has & LA_GRE_HAS_SEQUENCE)
        gre->sequence = la_rd32(&rd);
    if (gre->has & LA_GRE_HAS_ACK)
        gre->ack = la_rd32(&rd);
    return !rd.failed;
}

size_t
la_gre_header_bytes(const struct la_gre *gre)
{
    size_t n = LA_GRE_BYTES_MIN;
    for (unsigned bit = LA_GRE_HAS_CHECKSUM; bit <= LA_GRE_HAS_ACK; bit <<= 1)
        n += gre->has & bit ? 4 : 0;
    return n;
}

size_t
la_gre_emit(const struct la_gre *gre, struct la_room room)
{
    LA_ASSERT(room.n >= la_gre_header_bytes(gre));
    LA_ASSERT(gre->version <= 1);
    struct la_wr wr = la_wr_init(room);
    la_wr16(&wr, flags_of(gre));
    la_wr16(&wr, gre->protocol);
    if (gre->has & LA_GRE_HAS_CHECKSUM) {
        la_wr16(&wr, gre->checksum);
        la_wr16(&wr, gre->reserved);
    }
    if (gre->has & LA_GRE_HAS_KEY)
        la_wr32(&wr, gre->key);
    if (gre->has & LA_GRE_HAS_SEQUENCE)
        la_wr32(&wr, gre->sequence);
    if (gre->has & LA_GRE_HAS_ACK)
        la_wr32(&wr, gre->ack);
    return la_gre_header_bytes(gre);
}
