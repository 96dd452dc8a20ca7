/* SPDX-License-Identifier: MIT
 *
 * geneve.c - the Geneve header
 */
#include "wire/geneve.h"
#include "base/assert.h"

bool
la_geneve_judge(struct la_geneve *geneve, struct la_bytes bytes)
{
    struct la_rd rd = la_rd_init(bytes);
    uint8_t version_and_length = la_rd8(&rd);
    uint8_t flags = la_rd8(&rd);
    *geneve = (struct la_geneve){
        .control = (flags & 0x80) != 0,
        .critical = (flags & 0x40) != 0,
        .reserved_1 = flags & 0x3f,
        .protocol = la_rd16(&rd),
    };
    uint32_t vni = la_rd32(&rd);
    geneve->vni = vni >> 8;
    geneve->reserved_2 = (uint8_t)vni;
    geneve->options = la_rd_bytes(&rd, (version_and_length & 0x3fu) * 4);
    return !rd.failed && version_and_length >> 6 == 0;
}

size_t
la_geneve_header_bytes(const struct la_geneve *geneve)
{
    return LA_GENEVE_BYTES_MIN + geneve->options.n;
}

size_t
la_geneve_emit(const struct la_geneve *geneve, struct la_room room)
{
    LA_ASSERT(room.n >= la_geneve_header_bytes(geneve));
    LA_ASSERT(geneve->options.n % 4 == 0 && geneve->options.n <= LA_GENEVE_OPTIONS_BYTES_MAX);
    LA_ASSERT(geneve->vni < 1u << 24 && geneve->reserved_1 < 1u << 6);
    struct la_wr wr = la_wr_init(room);
    la_wr8(&wr, (uint8_t)(geneve->options.n / 4));
    la_wr8(&wr, (uint8_t)(geneve->control << 7 | geneve->critical << 6 | geneve->reserved_1));
    la_wr16(&wr, geneve->protocol);
    la_wr32(&wr, geneve->vni << 8 | geneve->reserved_2);
    la_wr_bytes(&wr, geneve->options);
    return la_geneve_header_bytes(geneve);
}
