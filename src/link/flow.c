/* SPDX-License-Identifier: MIT
 *
 * flow.c - the flows that cross a wire, and how many packets of each have passed
 */
#include <string.h>

#include "base/assert.h"
#include "base/rng.h"
#include "link/flow.h"
#include "wire/ip.h"

enum { RECORDS_SHIFT = 6 };

_Static_assert(sizeof(struct la_wire_flow_key) == 2 * sizeof(struct la_endpoint) + 2,
               "the key is hashed as octets");

static struct la_wire_flow *
record_at(const struct la_wire_flows *flows, uint32_t idx)
{
    return la_pool_at(&flows->records, idx);
}

static uint32_t *
index_next_of(void *ctx, uint32_t idx)
{
    return &record_at((struct la_wire_flows *)ctx, idx)->index_next;
}

static uint32_t
index_hash_of(void *ctx, uint32_t idx)
{
    return record_at((struct la_wire_flows *)ctx, idx)->hash;
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
    la_index_fini(&flows->index);
    la_pool_fini(&flows->records);
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

static uint32_t
hash_of(const struct la_wire_flows *flows, const struct la_wire_flow_key *key)
{
    uint64_t words[5] = {0};
    memcpy(words, key, sizeof(*key));
    return (uint32_t)la_hash_words(&flows->table_key, words, 5);
}

/* The table is made with the first flow: most wires never have one. */
static bool
index_ready(struct la_wire_flows *flows)
{
    const struct la_index_records records = {index_next_of, index_hash_of, flows};
    if (!flows->indexed) {
        flows->indexed = la_index_init(&flows->index, flows->mem, &records);
        if (!flows->indexed)
            la_index_fini(&flows->index);
    }
    return flows->indexed;
}

static uint32_t
find(const struct la_wire_flows *flows, const struct la_wire_flow_key *key, uint32_t hash)
{
    uint32_t idx = la_index_first(&flows->index, hash);
    while (idx != LA_INDEX_NONE && memcmp(&record_at(flows, idx)->key, key, sizeof(*key)) != 0)
        idx = la_index_next(&flows->index, idx);
    return idx;
}

static uint32_t
add(struct la_wire_flows *flows, const struct la_wire_flow_key *key, uint32_t hash)
{
    if (flows->records.live_n == flows->records.max_n) {
        uint32_t oldest = flows->oldest;
        la_index_remove(&flows->index, oldest, record_at(flows, oldest)->hash);
        age_remove(flows, oldest);
        la_pool_give(&flows->records, oldest);
    }
    uint32_t idx = la_pool_take(&flows->records);
    if (idx == LA_POOL_NONE)
        return LA_POOL_NONE;
    *record_at(flows, idx) = (struct la_wire_flow){
        .key = *key, .hash = hash, .side = {{.last_at = {INT64_MIN}}, {.last_at = {INT64_MIN}}}};
    la_index_insert(&flows->index, idx, hash);
    age_append(flows, idx);
    return idx;
}

/* Found or made, and the newest from now on. */
static struct la_wire_flow *
record_of(struct la_wire_flows *flows, const struct la_wire_flow_key *key)
{
    if (!index_ready(flows))
        return NULL;
    uint32_t hash = hash_of(flows, key);
    uint32_t idx = find(flows, key, hash);
    if (idx == LA_INDEX_NONE) {
        idx = add(flows, key, hash);
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
    if (packet->protocol != LA_IP_TCP || is_open(packet))
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
