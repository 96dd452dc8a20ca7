/* SPDX-License-Identifier: MIT
 *
 * texts.c - other text under sequence numbers that had passed
 *
 * Who sends again sends the same octets (RFC 9293 3.8.1). Where others come, somebody else is at
 * work: text was forged, or rewritten on its way. Text is not kept; its sum is, and that costs no
 * pass over it: a segment's checksum (RFC 9293 3.1) is over addresses, header and text, and so what
 * the header with its checksum sums up to tells what the text does. The addresses are the same for
 * all of a direction.
 *
 * Only segments of the same number and length are compared, with the latest ones that passed: who
 * forges text races its true sender, or sends it again as it was. Heuristic: sums that are apart by
 * a power of two are those of a header in which one bit was changed on its way.
 */
#include "base/apart.h"
#include "base/bytes.h"
#include "explain/measure.h"
#include "explain/parts.h"

enum { CHECKSUM_AT = 16, NUMBERS_END_AT = 8 };

/* All of the header but ports and sequence number; modulo 65535, not 0. */
static uint32_t
header_sum(const struct la_bytes *header)
{
    uint64_t sum = 0;
    for (size_t i = NUMBERS_END_AT; i + sizeof(uint32_t) <= header->n; i += sizeof(uint32_t))
        sum += la_get32(header->p + i);
    sum = (sum >> 32) + (sum & UINT32_MAX);
    sum = (sum >> 16) + (sum & UINT16_MAX);
    sum = (sum >> 16) + (sum & UINT16_MAX);
    return (uint32_t)((sum >> 16) + (sum & UINT16_MAX));
}

/* A header that was captured in part tells nothing: its place stays empty. */
static struct la_text
text_of(const struct la_seen *seen)
{
    if (seen->header.n < LA_TCP_HEADER_BYTES || (seen->oddities & LA_SEEN_HEADER_CUT) != 0)
        return (struct la_text){.header_bytes = 0};
    return (struct la_text){
        .seq = seen->tcp.seq,
        .text_bytes = seen->tcp.text_bytes,
        .sum = (uint16_t)header_sum(&seen->header),
        .field = la_get16(seen->header.p + CHECKSUM_AT),
        .header_bytes = (uint8_t)seen->header.n,
    };
}

void
la_texts_remember(struct la_measure *m, const struct la_seen *seen)
{
    m->texts[m->prints_n % LA_TEXTS_N] = text_of(seen);
}

/* Left to the device, the field tells nothing. */
static bool
tells(const struct la_text *text, const struct la_seen *seen)
{
    return text->header_bytes > 0 &&
           !la_seen_checksum_is_left(seen, text->field, text->header_bytes + text->text_bytes);
}

/* The length stands in the pseudo-header. */
static uint32_t
sum_of(const struct la_text *text)
{
    return ((uint32_t)text->sum + text->header_bytes) % UINT16_MAX;
}

static bool
are_apart_by_a_bit(uint32_t a, uint32_t b)
{
    uint32_t up = (a + UINT16_MAX - b) % UINT16_MAX, down = (b + UINT16_MAX - a) % UINT16_MAX;
    return (up & (up - 1)) == 0 || (down & (down - 1)) == 0;
}

LA_APART bool
la_texts_differ(const struct la_measure *m, const struct la_seen *seen)
{
    const struct la_text now = text_of(seen);
    bool differs = false;
    if (!tells(&now, seen))
        return false;
    for (unsigned i = 0; i < LA_TEXTS_N && i < m->prints_n; i++) {
        const struct la_text *text = &m->texts[i];
        if (!la_seq_eq(text->seq, now.seq) || text->text_bytes != now.text_bytes ||
            !tells(text, seen))
            continue;
        if (sum_of(text) == sum_of(&now) || are_apart_by_a_bit(sum_of(text), sum_of(&now)))
            return false;
        differs = true;
    }
    return differs;
}
