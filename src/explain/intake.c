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
    for (unsigned part = 0; part < intake->parts_n; part++) {
        batch->last[part] = (uint16_t)(LA_BATCH_N + part);
        batch->next[LA_BATCH_N + part] = LA_BATCH_END;
    }
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

/* Both directions of a flow have one share. Balance matters here, not whether somebody can steer
 * it: who makes all flows of a capture fall to one part makes it slow, and nothing else. */
static inline uint64_t
mixed(uint64_t high, uint64_t low, uint16_t port)
{
    uint64_t h = (high ^ port) * UINT64_C(0x9e3779b97f4a7c15) + low;
    return (h ^ h >> 29) * UINT64_C(0xd6e8feb86659fd93);
}

static inline uint64_t
flow_hash(uint64_t src_mixed, uint64_t dst_mixed, uint32_t path_key)
{
    return (src_mixed + dst_mixed + path_key) * UINT64_C(0x9e3779b97f4a7c15);
}

static inline uint64_t
endpoint_mixed(const uint8_t addr[16], uint16_t port)
{
    uint64_t words[2];
    memcpy(words, addr, sizeof(words));
    return mixed(words[0], words[1], port);
}

/* The same of an IPv4 address as a packet has it. */
static inline uint64_t
endpoint4_mixed(const uint8_t addr[4], uint16_t port)
{
    static const uint8_t mapped[4] = {0, 0, 0xff, 0xff};
    uint64_t low;
    memcpy(&low, mapped, sizeof(mapped));
    memcpy((uint8_t *)&low + sizeof(mapped), addr, 4);
    return mixed(0, low, port);
}

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

/* Puts the packet behind those of its flow's part. */
static inline void
give(struct la_intake *intake, struct la_batch *batch, size_t i, uint64_t flow_hash)
{
    uint8_t *part = &intake->part_of[flow_hash >> (64 - LA_BUCKETS_BITS)];
    if (*part == LA_SHARE_NOBODY)
        *part = part_choose(intake);
    intake->taken_n[*part]++;
    batch->next[batch->last[*part]] = (uint16_t)i;
    batch->next[i] = LA_BATCH_END;
    batch->last[*part] = (uint16_t)i;
}

/* Ethernet, IP without anything between it and TCP, no fragment: where ports begin. 0: it is not.
 * Where its other fields contradict themselves it is no segment, and it does not matter whose. */
static inline size_t
simple_ports_at(const struct la_explain_packet *packet)
{
    const uint8_t *p = packet->bytes.p + LA_ETH_HEADER_BYTES;
    size_t n = packet->bytes.n, at = 0;
    if (packet->link_type != LA_LINKTYPE_ETHERNET || n < LA_ETH_HEADER_BYTES + LA_IP4_HEADER_BYTES)
        return 0;
    uint16_t type = la_get16(p - 2);
    if (type == LA_ETH_IPV4) {
        const struct la_ip4_view ip4 = {p, (uint8_t)((p[0] & 0x0f) * 4)};
        if (p[0] >> 4 == 4 && ip4.header_bytes >= LA_IP4_HEADER_BYTES &&
            la_ip4_view_protocol(&ip4) == LA_IP_TCP && !la_ip4_view_is_fragment(&ip4))
            at = LA_ETH_HEADER_BYTES + (size_t)ip4.header_bytes;
    } else if (type == LA_ETH_IPV6 && n >= LA_ETH_HEADER_BYTES + LA_IP6_HEADER_BYTES) {
        const struct la_ip6_view ip6 = {p};
        if (p[0] >> 4 == 6 && la_ip6_view_next_header(&ip6) == LA_IP_TCP)
            at = LA_ETH_HEADER_BYTES + LA_IP6_HEADER_BYTES;
    }
    return at > 0 && n >= at + PORTS_BYTES ? at : 0;
}

static inline uint64_t
simple_hash(const struct la_explain_packet *packet, size_t ports_at)
{
    enum { IP4_SRC_AT = 12, IP4_DST_AT = 16, IP6_SRC_AT = 8, IP6_DST_AT = 24 };
    const uint8_t *p = packet->bytes.p + LA_ETH_HEADER_BYTES;
    uint16_t src_port = la_get16(packet->bytes.p + ports_at);
    uint16_t dst_port = la_get16(packet->bytes.p + ports_at + 2);
    if (p[0] >> 4 == 4)
        return flow_hash(endpoint4_mixed(p + IP4_SRC_AT, src_port),
                         endpoint4_mixed(p + IP4_DST_AT, dst_port), 0);
    return flow_hash(endpoint_mixed(p + IP6_SRC_AT, src_port),
                     endpoint_mixed(p + IP6_DST_AT, dst_port), 0);
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
    batch->decoded_at[batch->n] = (uint16_t)batch->decoded_n;
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
    intake->sums_n++;
    if (seen->checksum == LA_SEEN_CHECKSUM_GOOD || seen->checksum == LA_SEEN_CHECKSUM_BAD)
        la_sums_note(&intake->sums, &seen->src.addr, seen->checksum == LA_SEEN_CHECKSUM_GOOD);
}

/* Of the text of what is not simple nothing is needed any more. */
LA_APART void
la_intake_seen(struct la_intake *intake, struct la_seen *seen)
{
    bool is_tcp = seen->kind == LA_SEEN_TCP;
    if (is_tcp && intake->sums_n < LA_SUMS_FIRST_N)
        note_checksum(intake, seen);
    if (!seen->is_bare) {
        if (is_tcp && seen->checksum == LA_SEEN_CHECKSUM_UNVERIFIED)
            seen->checksum = (uint8_t)la_seen_checksum_verify(seen, intake->decoder.options.sum);
        seen->text = (struct la_bytes){NULL, 0};
    }
}

/* One of the first, or not simple. False: no memory. */
LA_APART static bool
take_with_care(struct la_intake *intake, struct la_batch *batch, size_t i, bool is_simple)
{
    struct la_seen seen;
    const struct la_explain_packet *packet = &batch->packets[i];
    intake->decoder.options.verify_first_n = (batch->marks[i] & LA_BATCH_VERIFY) != 0;
    la_decode(&intake->decoder, packet, &seen);
    la_intake_seen(intake, &seen);
    if (is_simple || (seen.kind != LA_SEEN_TCP && seen.kind != LA_SEEN_ICMP_ERROR))
        return true;
    if (!keep(intake, batch, &seen))
        return false;
    batch->marks[i] |= LA_BATCH_DECODED;
    give(intake, batch, i,
         flow_hash(endpoint_mixed(seen.src.addr.b, seen.src.port),
                   endpoint_mixed(seen.dst.addr.b, seen.dst.port), seen.path_key));
    return true;
}

/* Only where sources differ it is looked for. */
LA_APART static struct la_addr
source_of(const struct la_batch *batch, size_t i, size_t ports_at)
{
    enum { IP4_SRC_AT = 12, IP6_SRC_AT = 8 };
    const uint8_t *p = batch->packets[i].bytes.p + LA_ETH_HEADER_BYTES;
    if ((batch->marks[i] & LA_BATCH_DECODED) != 0)
        return batch->decoded[batch->decoded_at[i]].seen.src.addr;
    if (ports_at == 0)
        return (struct la_addr){{0}}; /* no segment */
    return p[0] >> 4 == 4 ? la_addr_from_v4(p + IP4_SRC_AT) : la_addr_from_v6(p + IP6_SRC_AT);
}

/* The packet behind the batch's. */
static inline bool
take_one(struct la_intake *intake, struct la_batch *batch)
{
    size_t i = batch->n;
    struct la_explain_packet *packet = &batch->packets[i];
    bool kept = true;
    packet->at = la_instant_sane(packet->at);
    size_t ports_at = simple_ports_at(packet);
    batch->marks[i] = la_intake_see(intake, packet->at.ns);
    batch->now_ns[i] = intake->now_ns;
    if (ports_at > 0)
        give(intake, batch, i, simple_hash(packet, ports_at));
    if (ports_at == 0 || intake->sums_n < LA_SUMS_FIRST_N)
        kept = take_with_care(intake, batch, i, ports_at > 0);
    const struct la_addr src =
        intake->sums.some_left ? source_of(batch, i, ports_at) : (struct la_addr){{0}};
    batch->marks[i] |= la_intake_trusts(intake, &src);
    batch->n++;
    return kept;
}

bool
la_intake_take(struct la_intake *intake, struct la_batch *batch, size_t n)
{
    bool all_kept = true;
    for (size_t i = 0; i < n; i++)
        all_kept &= take_one(intake, batch);
    return all_kept;
}
