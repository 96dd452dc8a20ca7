/* SPDX-License-Identifier: MIT
 *
 * flow.c - the flows that cross a wire, and how many packets of each have passed
 */
#include <string.h>

#include "base/assert.h"
#include "base/mem.h"
#include "base/rng.h"
#include "link/flow.h"

enum { BUCKETS_N_MIN = 64, RECORDS_SHIFT = 6, IP_TCP = 6 };

_Static_assert(sizeof(struct la_wire_flow_key) == 2 * sizeof(struct la_endpoint) + 2,
               "the key is hashed as octets");

static struct la_wire_flow *
record_at(const struct la_wire_flows *flows, uint32_t idx)
{
    return la_pool_at(&flows->records, idx);
}

void
la_wire_flows_init(struct la_wire_flows *flows, struct la_mem *mem, uint64_t seed,
                   uint32_t records_n_max)
{
    const struct la_seed from = {{seed}};
    LA_ASSERT(records_n_max >= 2);
    *flows = (struct la_wire_flows){.mem = mem, .oldest = LA_POOL_NONE, .newest = LA_POOL_NONE};
    flows->table_key = la_key_derive(&from, "wire flow table");
    flows->id_key = la_key_derive(&from, "wire flow identity");
    la_pool_init(&flows->records, mem, sizeof(struct la_wire_flow), RECORDS_SHIFT, records_n_max);
}

void
la_wire_flows_fini(struct la_wire_flows *flows)
{
    if (flows->buckets != NULL)
        la_mem_give(flows->mem, flows->buckets, flows->buckets_n * sizeof(*flows->buckets));
    la_pool_fini(&flows->records);
    *flows = (struct la_wire_flows){0};
}

static uint32_t *
bucket_of(const struct la_wire_flows *flows, const struct la_wire_flow_key *key)
{
    uint64_t words[5] = {0};
    memcpy(words, key, sizeof(*key));
    uint64_t hash = la_hash_words(&flows->table_key, words, 5);
    return &flows->buckets[hash & (flows->buckets_n - 1)];
}

/* ---- by age ----------------------------------------------------------------------------- */

static void
age_remove(struct la_wire_flows *flows, uint32_t idx)
{
    const struct la_wire_flow *record = record_at(flows, idx);
    if (record->older == LA_POOL_NONE)
        flows->oldest = record->newer;
    else
        record_at(flows, record->older)->newer = record->newer;
    if (record->newer == LA_POOL_NONE)
        flows->newest = record->older;
    else
        record_at(flows, record->newer)->older = record->older;
}

static void
age_append(struct la_wire_flows *flows, uint32_t idx)
{
    struct la_wire_flow *record = record_at(flows, idx);
    record->older = flows->newest;
    record->newer = LA_POOL_NONE;
    if (flows->newest == LA_POOL_NONE)
        flows->oldest = idx;
    else
        record_at(flows, flows->newest)->newer = idx;
    flows->newest = idx;
}

/* ---- the table -------------------------------------------------------------------------- */

static void
chain_append(struct la_wire_flows *flows, uint32_t idx)
{
    struct la_wire_flow *record = record_at(flows, idx);
    uint32_t *bucket = bucket_of(flows, &record->key);
    record->chain_next = *bucket;
    *bucket = idx + 1;
}

static void
chain_remove(struct la_wire_flows *flows, uint32_t idx)
{
    const struct la_wire_flow *record = record_at(flows, idx);
    uint32_t *link = bucket_of(flows, &record->key);
    while (*link != idx + 1) {
        LA_ASSERT(*link != 0);
        link = &record_at(flows, *link - 1)->chain_next;
    }
    *link = record->chain_next;
}

/* As many buckets as records. Without memory the chains grow longer instead, but for the first
 * time. */
static bool
buckets_grow(struct la_wire_flows *flows)
{
    uint32_t old_n = flows->buckets_n;
    uint32_t *old = flows->buckets;
    uint32_t want_n = old_n == 0 ? BUCKETS_N_MIN : 2 * old_n;
    if (flows->records.live_n < old_n)
        return true;
    uint32_t *buckets = la_mem_take(flows->mem, want_n * sizeof(*buckets));
    if (buckets == NULL)
        return old_n != 0;
    flows->buckets = buckets;
    flows->buckets_n = want_n;
    for (uint32_t idx = flows->oldest; idx != LA_POOL_NONE; idx = record_at(flows, idx)->newer)
        chain_append(flows, idx);
    if (old_n != 0)
        la_mem_give(flows->mem, old, old_n * sizeof(*old));
    return true;
}

static uint32_t
find(const struct la_wire_flows *flows, const struct la_wire_flow_key *key)
{
    uint32_t link = flows->buckets_n == 0 ? 0 : *bucket_of(flows, key);
    while (link != 0) {
        const struct la_wire_flow *record = record_at(flows, link - 1);
        if (memcmp(&record->key, key, sizeof(*key)) == 0)
            return link - 1;
        link = record->chain_next;
    }
    return LA_POOL_NONE;
}

static uint32_t
add(struct la_wire_flows *flows, const struct la_wire_flow_key *key)
{
    if (flows->records.live_n == flows->records.max_n) {
        uint32_t oldest = flows->oldest;
        chain_remove(flows, oldest);
        age_remove(flows, oldest);
        la_pool_give(&flows->records, oldest);
    }
    if (!buckets_grow(flows))
        return LA_POOL_NONE;
    uint32_t idx = la_pool_take(&flows->records);
    if (idx == LA_POOL_NONE)
        return LA_POOL_NONE;
    *record_at(flows, idx) = (struct la_wire_flow){
        .key = *key, .side = {{.last_at = {INT64_MIN}}, {.last_at = {INT64_MIN}}}};
    chain_append(flows, idx);
    age_append(flows, idx);
    return idx;
}

/* Found or made, and the newest from now on. */
static struct la_wire_flow *
record_of(struct la_wire_flows *flows, const struct la_wire_flow_key *key)
{
    uint32_t idx = find(flows, key);
    if (idx == LA_POOL_NONE) {
        idx = add(flows, key);
    } else if (idx != flows->newest) {
        age_remove(flows, idx);
        age_append(flows, idx);
    }
    return idx == LA_POOL_NONE ? NULL : record_at(flows, idx);
}

/* ---- identity --------------------------------------------------------------------------- */

static bool
is_open(const struct la_wire_packet *packet)
{
    return (packet->tcp_flags & (LA_TCP_SYN | LA_TCP_ACK | LA_TCP_RST)) == LA_TCP_SYN;
}

static const struct la_endpoint *
server_of(const struct la_wire_packet *packet)
{
    if (packet->protocol != IP_TCP || is_open(packet))
        return &packet->dst;
    if ((packet->tcp_flags & LA_TCP_SYN) != 0)
        return &packet->src;
    return packet->src.port < packet->dst.port ? &packet->src : &packet->dst;
}

/* A SYN that is neither this side's first packet nor a repetition begins a new incarnation. */
static bool
is_reuse(const struct la_wire_flow_side *side, const struct la_wire_packet *packet)
{
    if (!is_open(packet) || side->packets_n == 0)
        return false;
    return !side->syn_seen || side->syn_seq != packet->tcp_seq;
}

static uint64_t
identity(const struct la_wire_flows *flows, const struct la_wire_flow *server)
{
    uint8_t octets[1 + sizeof(struct la_addr) + 2 + 8];
    const struct la_endpoint *at = &server->key.end[0];
    octets[0] = server->key.protocol;
    memcpy(octets + 1, at->addr.b, sizeof(at->addr.b));
    octets[17] = (uint8_t)(at->port >> 8);
    octets[18] = (uint8_t)at->port;
    for (unsigned i = 0; i < 8; i++)
        octets[19 + i] = (uint8_t)(server->id >> (56 - 8 * i));
    return la_hash(&flows->id_key, (struct la_bytes){octets, sizeof(octets)});
}

static bool
number_take(struct la_wire_flows *flows, struct la_wire_flow *flow,
            const struct la_wire_packet *packet)
{
    const struct la_wire_flow_key key = {
        .end[0] = *server_of(packet), .protocol = packet->protocol, .kind = LA_WIRE_RECORD_SERVER};
    struct la_wire_flow *server = record_of(flows, &key);
    if (server == NULL)
        return false;
    server->id++;
    flow->id = identity(flows, server);
    for (unsigned i = 0; i < 2; i++)
        flow->side[i] = (struct la_wire_flow_side){.last_at = flow->side[i].last_at};
    return true;
}

struct la_wire_flow *
la_wire_flows_count(struct la_wire_flows *flows, const struct la_wire_packet *packet, unsigned from)
{
    struct la_wire_flow_key key = {.protocol = packet->protocol, .kind = LA_WIRE_RECORD_FLOW};
    key.end[from] = packet->src;
    key.end[1 - from] = packet->dst;
    struct la_wire_flow *flow = record_of(flows, &key);
    if (flow == NULL)
        return NULL;
    struct la_wire_flow_side *side = &flow->side[from];
    bool unnumbered = flow->side[0].packets_n == 0 && flow->side[1].packets_n == 0;
    if ((unnumbered || is_reuse(side, packet)) && !number_take(flows, flow, packet))
        return NULL;
    side->packets_n++;
    if (is_open(packet)) {
        side->syn_seen = true;
        side->syn_seq = packet->tcp_seq;
    }
    return flow;
}
