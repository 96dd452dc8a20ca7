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

enum { PORTS_BYTES = 4, LAST_BYTES = 4 };

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
        batch->of[part].at = NULL;
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

/* The part's next packet begins a lot? */
static inline bool
is_lot_due(const struct la_batch *batch, unsigned part)
{
    return (uintptr_t)batch->of[part].at % LA_LOT_BYTES == 0;
}

LA_APART static void
lot_add(struct la_batch *batch, unsigned part)
{
    uint16_t lot = batch->lots_n++;
    if (batch->of[part].at == NULL)
        batch->of[part].first = lot;
    else
        batch->lot_next[batch->of[part].last] = lot;
    batch->of[part].last = lot;
    batch->of[part].at = batch->lots[lot];
}

/* Where the part's next packet goes. */
static inline struct la_given *
give_part(struct la_intake *intake, struct la_batch *batch, unsigned part)
{
    intake->taken_n[part]++;
    return batch->of[part].at++;
}

static struct la_given *
give(struct la_intake *intake, struct la_batch *batch, unsigned bucket)
{
    if (intake->part_of[bucket] == LA_SHARE_NOBODY)
        intake->part_of[bucket] = part_choose(intake);
    unsigned part = intake->part_of[bucket];
    if (is_lot_due(batch, part))
        lot_add(batch, part);
    return give_part(intake, batch, part);
}

/* Both directions of a flow have one bucket, by the last octets of the addresses (which tell hosts
 * apart in IPv6, too) and by the ports. Balance matters here, not whether somebody can steer it:
 * who makes all flows of a capture fall into one makes it slow, and nothing else. */
static inline unsigned
bucket_of(const uint8_t src[LAST_BYTES], const uint8_t dst[LAST_BYTES],
          const uint8_t ports[PORTS_BYTES], uint32_t path_key)
{
    uint32_t a, b;
    uint16_t port[2];
    memcpy(&a, src, sizeof(a));
    memcpy(&b, dst, sizeof(b));
    memcpy(port, ports, sizeof(port));
    uint64_t mixed = ((uint64_t)(a + b) << 32) + port[0] + port[1] + path_key;
    return (unsigned)(mixed * UINT64_C(0xd6e8feb86659fd93) >> (64 - LA_BUCKETS_BITS));
}

static unsigned
bucket_of_seen(const struct la_seen *seen)
{
    enum { LAST_AT = sizeof(seen->src.addr.b) - LAST_BYTES };
    uint8_t ports[PORTS_BYTES];
    la_put16(ports, seen->src.port);
    la_put16(ports + 2, seen->dst.port);
    return bucket_of(seen->src.addr.b + LAST_AT, seen->dst.addr.b + LAST_AT, ports, seen->path_key);
}

/* Ethernet, IP without anything between it and TCP, no fragment? *bucket: its flow's. Where its
 * other fields contradict themselves it is no segment, and it does not matter whose. */
static inline bool
is_simple(const struct la_explain_packet *packet, unsigned *bucket)
{
    /* The last octets of the addresses. */
    enum { IP4_SRC_AT = 12, IP4_DST_AT = 16, IP6_SRC_AT = 20, IP6_DST_AT = 36 };
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
        *bucket = bucket_of(p + IP4_SRC_AT, p + IP4_DST_AT, p + ip4.header_bytes, 0);
        return true;
    }
    const struct la_ip6_view ip6 = {p};
    if (type != LA_ETH_IPV6 || n < LA_IP6_HEADER_BYTES || p[0] >> 4 != 6 ||
        la_ip6_view_next_header(&ip6) != LA_IP_TCP)
        return false;
    *bucket = bucket_of(p + IP6_SRC_AT, p + IP6_DST_AT, p + LA_IP6_HEADER_BYTES, 0);
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
    intake->sums_n++;
    if (seen->checksum == LA_SEEN_CHECKSUM_GOOD || seen->checksum == LA_SEEN_CHECKSUM_BAD)
        la_sums_note(&intake->sums, &seen->src.addr, seen->checksum == LA_SEEN_CHECKSUM_GOOD);
}

/* Of the text of what is not simple nothing is needed any more. */
LA_APART void
la_intake_seen(struct la_intake *intake, struct la_seen *seen)
{
    bool is_tcp = seen->kind == LA_SEEN_TCP;
    if (is_tcp && la_intake_is_first(intake))
        note_checksum(intake, seen);
    if (!seen->is_bare) {
        if (is_tcp && seen->checksum == LA_SEEN_CHECKSUM_UNVERIFIED)
            seen->checksum = (uint8_t)la_seen_checksum_verify(seen, intake->decoder.options.sum);
        seen->text = (struct la_bytes){NULL, 0};
    }
}

static void
look_at(struct la_intake *intake, const struct la_explain_packet *packet, uint8_t marks,
        struct la_seen *seen)
{
    intake->decoder.options.verify_first_n = (marks & LA_BATCH_VERIFY) != 0;
    la_decode(&intake->decoder, packet, seen);
    la_intake_seen(intake, seen);
}

/* One of the first segments, which tell of checksums. Its part decodes it as every one that is
 * simple. */
LA_APART static void
look_for_sums(struct la_intake *intake, const struct la_explain_packet *packet, uint8_t marks)
{
    struct la_seen seen;
    look_at(intake, packet, marks, &seen);
}

/* It is not simple. NULL: it is nobody's; or there is no memory, and *kept is false. */
LA_APART static struct la_given *
give_decoded(struct la_intake *intake, struct la_batch *batch,
             const struct la_explain_packet *packet, uint8_t marks, bool *kept)
{
    struct la_seen seen;
    look_at(intake, packet, marks, &seen);
    if (seen.kind != LA_SEEN_TCP && seen.kind != LA_SEEN_ICMP_ERROR)
        return NULL;
    *kept = keep(intake, batch, &seen);
    if (!*kept)
        return NULL;
    struct la_given *given = give(intake, batch, bucket_of_seen(&seen));
    given->decoded_at = (uint16_t)(batch->decoded_n - 1);
    return given;
}

/* Packets before the next one that is verified, whatever it is. */
static inline size_t
until_due(const struct la_intake *intake)
{
    return LA_SUMS_EVERY_N - 1 - intake->file.packets % LA_SUMS_EVERY_N;
}

static inline void
fill(struct la_given *given, const struct la_explain_packet *packet, int64_t now_ns, size_t place,
     unsigned marks)
{
    given->packet = *packet;
    given->now_ns = now_ns;
    given->place = (uint16_t)place;
    given->marks = (uint8_t)marks;
}

/* Only where sources differ it is looked for. */
LA_APART static struct la_addr
source_of(const struct la_batch *batch, const struct la_given *given)
{
    enum { IP4_SRC_AT = 12, IP6_SRC_AT = 8 };
    const uint8_t *p = given->packet.bytes.p + LA_ETH_HEADER_BYTES;
    if ((given->marks & LA_BATCH_DECODED) != 0)
        return batch->decoded[given->decoded_at].seen.src.addr;
    return p[0] >> 4 == 4 ? la_addr_from_v4(p + IP4_SRC_AT) : la_addr_from_v6(p + IP6_SRC_AT);
}

/* The packet behind the batch's. False: no memory. */
static bool
take_one(struct la_intake *intake, struct la_batch *batch, const struct la_explain_packet *packet)
{
    const size_t place = batch->n++;
    const la_instant at = la_instant_sane(packet->at);
    uint8_t marks = la_intake_see(intake, at.ns);
    unsigned bucket;
    bool kept = true;
    struct la_given *given;
    batch->now_ns[place] = intake->now_ns;
    if (is_simple(packet, &bucket)) {
        if (la_intake_is_first(intake))
            look_for_sums(intake, packet, marks);
        given = give(intake, batch, bucket);
    } else {
        given = give_decoded(intake, batch, packet, marks, &kept);
        marks |= LA_BATCH_DECODED;
    }
    if (given == NULL)
        return kept;
    fill(given, packet, intake->now_ns, place, marks);
    given->packet.at = at;
    const struct la_addr src =
        intake->sums.some_left ? source_of(batch, given) : (struct la_addr){{0}};
    given->marks |= la_intake_trusts(intake, &src);
    return true;
}

/* The same for packets with nothing unusual about them, which are nearly all. Whatever else there
 * is ends the run, and is take_one()'s. Returns how many. */
static size_t
take_run(struct la_intake *intake, struct la_batch *batch, const struct la_explain_packet *packets,
         size_t n)
{
    /* Nothing that is filled can be part of these. */
    const size_t place = batch->n, until_due_n = until_due(intake);
    const uint8_t marks = la_intake_trusts(intake, &(struct la_addr){{0}});
    int64_t now_ns = intake->now_ns;
    size_t i;
    if (intake->file.packets == 0 || la_intake_is_first(intake) || intake->sums.some_left)
        return 0;
    n = n < until_due_n ? n : until_due_n;
    for (i = 0; i < n; i++) {
        const int64_t at_ns = packets[i].at.ns;
        unsigned bucket;
        if (at_ns < now_ns || at_ns > LA_NS_LATEST || !is_simple(&packets[i], &bucket))
            break;
        const unsigned part = intake->part_of[bucket];
        if (part == LA_SHARE_NOBODY || is_lot_due(batch, part))
            break;
        now_ns = at_ns;
        batch->now_ns[place + i] = now_ns;
        fill(give_part(intake, batch, part), &packets[i], now_ns, place + i, marks);
    }
    if (i == 0)
        return 0;
    batch->n = place + i;
    intake->file.packets += i;
    intake->file.last_at.ns = intake->now_ns = now_ns;
    return i;
}

bool
la_intake_take(struct la_intake *intake, struct la_batch *batch,
               const struct la_explain_packet *packets, size_t n)
{
    bool all_kept = true;
    for (size_t i = 0; i < n;) {
        i += take_run(intake, batch, &packets[i], n - i);
        if (i < n)
            all_kept &= take_one(intake, batch, &packets[i++]);
    }
    return all_kept;
}
