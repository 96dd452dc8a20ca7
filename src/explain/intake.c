/* SPDX-License-Identifier: MIT
 *
 * intake.c - what of a capture belongs to no one flow, and whose share each packet is
 *
 * Time, fragments and tunnels, and whether checksums can be believed are one matter for the whole
 * capture. A packet that can be seen at a glance to be of TCP is left to its part to decode, which
 * is nearly every one; of the rest, which segment it holds is found out here.
 *
 * Checksums of the first segments are all verified, and decide: where more are right than wrong, a
 * wrong one means that the packet was changed.
 */
#include "base/apart.h"
#include "base/link_type.h"
#include "base/sane.h"
#include "explain/flows.h"
#include "explain/parts.h"
#include "explain/share.h"
#include "wire/ethernet.h"
#include "wire/ip.h"
#include "wire/ip4.h"
#include "wire/ip6.h"

enum { PORTS_BYTES = 4 };

bool
la_intake_init(struct la_intake *intake, struct la_mem *mem, unsigned parts_n)
{
    const struct la_decode_options options = {.verify_control = true};
    *intake = (struct la_intake){.mem = mem, .now_ns = INT64_MIN, .parts_n = parts_n};
    memset(intake->part_of, LA_SHARE_NOBODY, sizeof(intake->part_of));
    return la_decoder_init(&intake->decoder, mem, &options);
}

void
la_intake_fini(struct la_intake *intake)
{
    la_decoder_fini(&intake->decoder);
}

void
la_batch_begin(struct la_batch *batch, const struct la_intake *intake)
{
    batch->n = batch->decoded_n = 0;
    batch->before_n = intake->file.packets;
    batch->lots_n = 0;
    for (unsigned part = 0; part < intake->parts_n; part++)
        batch->given_n[part] = batch->lot_first[part] = 0;
}

void
la_batch_fini(struct la_batch *batch, struct la_intake *intake)
{
    la_mem_give(intake->mem, batch->decoded, batch->decoded_cap * sizeof(batch->decoded[0]));
    batch->decoded = NULL;
    batch->decoded_cap = 0;
}

/* ---- shares -----------------------------------------------------------------------------------
 */

/* What a part has been given, and once more what its flows are likely to get: of those that begin
 * at the same time nobody has had packets yet. */
static uint64_t
load_of(const struct la_intake *intake, unsigned part, uint64_t usual_n)
{
    return intake->taken_n[part] + intake->buckets_n[part] * usual_n;
}

/* A few flows may have nearly all packets: the first one of a bucket goes to the part that has the
 * least load so far, and those of the bucket stay there. */
LA_APART static uint8_t
part_choose(struct la_intake *intake)
{
    uint64_t taken_n = 0, buckets_n = 0;
    unsigned best = 0;
    for (unsigned i = 0; i < intake->parts_n; i++) {
        taken_n += intake->taken_n[i];
        buckets_n += intake->buckets_n[i];
    }
    uint64_t usual_n = buckets_n > 0 ? taken_n / buckets_n : 0;
    for (unsigned i = 1; i < intake->parts_n; i++)
        if (load_of(intake, i, usual_n) < load_of(intake, best, usual_n))
            best = i;
    intake->buckets_n[best]++;
    return (uint8_t)best;
}

/* Where the part's next packet goes that begins a lot. */
LA_APART static uint16_t
lot_add(struct la_batch *batch, unsigned part)
{
    uint16_t lot = batch->lots_n++;
    if (batch->given_n[part] == 0)
        batch->lot_first[part] = lot;
    else
        batch->lot_next[batch->lot_last[part]] = lot;
    batch->lot_last[part] = lot;
    batch->lot_next[lot] = 0;
    return lot;
}

/* Both directions of a flow have one share. Balance matters here, not whether somebody can steer
 * it: who makes all flows of a capture fall to one part makes it slow, and nothing else. (Not the
 * factor of la_flows_recent(): a part would use some of its places, and not others.) */
static inline struct la_given *
give(struct la_intake *intake, struct la_batch *batch, uint64_t mixed)
{
    uint64_t bucket = mixed * UINT64_C(0xd6e8feb86659fd93) >> (64 - LA_BUCKETS_BITS);
    if (intake->part_of[bucket] == LA_SHARE_NOBODY)
        intake->part_of[bucket] = part_choose(intake);
    unsigned part = intake->part_of[bucket];
    uint32_t n = batch->given_n[part] % LA_LOT_N;
    uint16_t lot = n == 0 ? lot_add(batch, part) : batch->lot_last[part];
    batch->given_n[part]++;
    intake->taken_n[part]++;
    return &batch->lots[lot][n];
}

static inline uint64_t
mix_ip4(struct la_ip4_view ip4, const uint8_t *ports)
{
    struct la_addr src = la_ip4_view_src(&ip4), dst = la_ip4_view_dst(&ip4);
    return la_flows_mix(la_flows_word(src.b) + la_flows_word(dst.b),
                        la_flows_word(src.b + 8) + la_flows_word(dst.b + 8), la_get16(ports),
                        la_get16(ports + 2), 0);
}

static inline uint64_t
mix_ip6(struct la_ip6_view ip6, const uint8_t *ports)
{
    struct la_addr src = la_ip6_view_src(&ip6), dst = la_ip6_view_dst(&ip6);
    return la_flows_mix(la_flows_word(src.b) + la_flows_word(dst.b),
                        la_flows_word(src.b + 8) + la_flows_word(dst.b + 8), la_get16(ports),
                        la_get16(ports + 2), 0);
}

/* Ethernet, IP without anything between it and TCP, no fragment? *mixed: its flow. Where its other
 * fields contradict themselves it is no segment, and it does not matter whose. */
static inline bool
is_simple(const struct la_explain_packet *packet, uint64_t *mixed)
{
    const uint8_t *p = packet->bytes.p + LA_ETH_HEADER_BYTES;
    size_t n = packet->bytes.n;
    if (packet->link_type != LA_LINKTYPE_ETHERNET ||
        n < LA_ETH_HEADER_BYTES + LA_IP4_HEADER_BYTES + PORTS_BYTES)
        return false;
    n -= LA_ETH_HEADER_BYTES + PORTS_BYTES;
    uint16_t type = la_get16(p - 2);
    if (type == LA_ETH_IPV4) {
        const struct la_ip4_view ip4 = {p, (uint8_t)((p[0] & 0x0f) * 4)};
        if (p[0] >> 4 != 4 || ip4.header_bytes < LA_IP4_HEADER_BYTES || n < ip4.header_bytes ||
            la_ip4_view_protocol(&ip4) != LA_IP_TCP || la_ip4_view_is_fragment(&ip4))
            return false;
        *mixed = mix_ip4(ip4, p + ip4.header_bytes);
        return true;
    }
    const struct la_ip6_view ip6 = {p};
    if (type != LA_ETH_IPV6 || n < LA_IP6_HEADER_BYTES || p[0] >> 4 != 6 ||
        la_ip6_view_next_header(&ip6) != LA_IP_TCP)
        return false;
    *mixed = mix_ip6(ip6, p + LA_IP6_HEADER_BYTES);
    return true;
}

/* ---- what is decoded here ----------------------------------------------------------------------
 */

/* Keeps what was decoded: its octets may be those of a fragment buffer. */
static bool
keep(struct la_intake *intake, struct la_batch *batch, const struct la_seen *seen)
{
    if (batch->decoded_n == batch->decoded_cap) {
        size_t cap = batch->decoded_cap == 0 ? 16 : batch->decoded_cap * 2;
        struct la_decoded *grown = la_mem_take(intake->mem, cap * sizeof(*grown));
        if (grown == NULL)
            return false;
        for (size_t i = 0; i < batch->decoded_n; i++) {
            grown[i] = batch->decoded[i];
            grown[i].seen.header.p = grown[i].header;
        }
        la_batch_fini(batch, intake);
        batch->decoded = grown;
        batch->decoded_cap = cap;
    }
    struct la_decoded *one = &batch->decoded[batch->decoded_n++];
    one->seen = *seen;
    size_t n = seen->header.n < sizeof(one->header) ? seen->header.n : sizeof(one->header);
    if (n > 0)
        memcpy(one->header, seen->header.p, n);
    one->seen.header = (struct la_bytes){one->header, n};
    return true;
}

/* ---- packets ----------------------------------------------------------------------------------
 */

static void
note_checksum(struct la_intake *intake, const struct la_seen *seen)
{
    intake->sums.segments_n++;
    intake->sums.good_n += seen->checksum == LA_SEEN_CHECKSUM_GOOD;
    intake->sums.bad_n += seen->checksum == LA_SEEN_CHECKSUM_BAD;
}

/* Of the text of what is not simple nothing is needed any more. */
LA_APART void
la_intake_seen(struct la_intake *intake, struct la_seen *seen)
{
    bool is_tcp = seen->kind == LA_SEEN_TCP;
    if (is_tcp && intake->sums.segments_n < LA_SUMS_FIRST_N)
        note_checksum(intake, seen);
    if (!seen->is_bare) {
        if (is_tcp && seen->checksum == LA_SEEN_CHECKSUM_UNVERIFIED)
            seen->checksum = (uint8_t)la_seen_checksum_verify(seen, intake->decoder.options.sum);
        seen->text = (struct la_bytes){NULL, 0};
    }
}

LA_APART static void
look_at(struct la_intake *intake, const struct la_explain_packet *packet, uint16_t marks,
        struct la_seen *seen)
{
    intake->decoder.options.verify_first_n = (marks & LA_BATCH_VERIFY) != 0;
    la_decode(&intake->decoder, packet, seen);
    la_intake_seen(intake, seen);
}

/* One of the first segments, which tell of checksums. Its part decodes it as every one that is
 * simple. */
LA_APART static void
look_for_sums(struct la_intake *intake, const struct la_explain_packet *packet, uint16_t marks)
{
    struct la_seen seen;
    look_at(intake, packet, marks, &seen);
}

/* It is not simple. NULL: it is nobody's; or there is no memory, and *kept is false. */
LA_APART static struct la_given *
give_decoded(struct la_intake *intake, struct la_batch *batch,
             const struct la_explain_packet *packet, uint16_t marks, bool *kept)
{
    struct la_seen seen;
    look_at(intake, packet, marks, &seen);
    if (seen.kind != LA_SEEN_TCP && seen.kind != LA_SEEN_ICMP_ERROR)
        return NULL;
    *kept = keep(intake, batch, &seen);
    return *kept ? give(intake, batch, la_flows_mix_seen(&seen)) : NULL;
}

/* The packet behind the batch's. */
static inline bool
take_one(struct la_intake *intake, struct la_batch *batch, const struct la_explain_packet *packet)
{
    const size_t place = batch->n++;
    const la_instant at = la_instant_sane(packet->at);
    uint16_t marks = la_intake_see(intake, at.ns);
    uint64_t mixed;
    bool kept = true;
    struct la_given *given;
    batch->now_ns[place] = intake->now_ns;
    if (is_simple(packet, &mixed)) {
        if (intake->sums.segments_n < LA_SUMS_FIRST_N)
            look_for_sums(intake, packet, marks);
        given = give(intake, batch, mixed);
    } else {
        given = give_decoded(intake, batch, packet, marks, &kept);
        marks |= LA_BATCH_DECODED;
    }
    if (given == NULL)
        return kept;
    given->packet = *packet;
    given->packet.at = at;
    given->now_ns = intake->now_ns;
    given->place = (uint16_t)place;
    given->marks = marks | la_intake_trusts(intake);
    given->decoded_at = (uint16_t)(batch->decoded_n - 1); /* if it is */
    return true;
}

bool
la_intake_take(struct la_intake *intake, struct la_batch *batch,
               const struct la_explain_packet *packets, size_t n)
{
    bool all_kept = true;
    for (size_t i = 0; i < n; i++)
        all_kept &= take_one(intake, batch, &packets[i]);
    return all_kept;
}
