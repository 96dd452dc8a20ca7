/* SPDX-License-Identifier: MIT
 *
 * flows.h - tracks come and go, and are found by their four-tuple
 */
#ifndef LA_EXPLAIN_FLOWS_H
#define LA_EXPLAIN_FLOWS_H

#include "explain/track.h"

bool la_flows_init(struct la_explain *explain) LA_MUST_CHECK;
void la_flows_fini(struct la_explain *explain);
/* A new one; none of this four-tuple may be there. When room gets short, another is ended early.
 * NULL: no memory. */
struct la_track *la_flows_begin(struct la_explain *explain, const struct la_placed *placed);
/* Moves it to the end of a list; LIVE is none. */
void la_flows_list(struct la_explain *explain, struct la_track *track, enum la_track_list list);
/* Judges it for good and queues it for the caller; a part tells of it, and it is gone. */
void la_flows_end(struct la_explain *explain, struct la_track *track);
/* Ends what has waited long enough at `explain->now_ns` and `explain->packet_n`. */
void la_flows_expire(struct la_explain *explain);
/* Has anything? */
static inline bool
la_flows_is_due(const struct la_explain *explain)
{
    return explain->now_ns > explain->expire_ns || explain->packet_n > explain->expire_n;
}
/* The capture has ended. First all stand in line, in the order of appearance; */
void la_flows_line_up(struct la_explain *explain);
/* then those that appeared before a frame are ended. Returns how many. */
size_t la_flows_end_some(struct la_explain *explain, uint64_t before_frame);
/* Gives a track that is DONE and told back. */
void la_flows_free(struct la_explain *explain, struct la_track *track);
struct la_track_rare *la_track_rare(struct la_explain *explain, struct la_track *track);

/* ---- by four-tuple ---------------------------------------------------------------------- */

static inline uint64_t
la_flows_word(const uint8_t *p)
{
    uint64_t word;
    memcpy(&word, p, sizeof(word));
    return word;
}

/* Is it the track between them? *from: which end `a` is. Ports tell, unless both are the same. */
static inline bool
la_flows_is_between(const struct la_track *track, const struct la_endpoint *a,
                    const struct la_endpoint *b, uint32_t path_key, uint8_t *from)
{
    const struct la_flow_key *key = &track->key;
    unsigned at = key->port[0] != a->port;
    if (a->port == b->port)
        at = !la_addr_same(&key->addr[0], &a->addr);
    const uint8_t *x = key->addr[at].b, *y = key->addr[1 - at].b;
    *from = (uint8_t)at;
    return ((la_flows_word(x) ^ la_flows_word(a->addr.b)) |
            (la_flows_word(x + 8) ^ la_flows_word(a->addr.b + 8)) |
            (la_flows_word(y) ^ la_flows_word(b->addr.b)) |
            (la_flows_word(y + 8) ^ la_flows_word(b->addr.b + 8)) |
            (uint64_t)(key->port[at] ^ a->port) | (uint64_t)(key->port[1 - at] ^ b->port) |
            (key->path_key ^ path_key)) == 0;
}

/* The index's hash is one that nobody can steer, and costs accordingly. Most segments belong to a
 * track that was found a moment ago: its place is a mix of both endpoints that costs little, the
 * same for both directions. Whoever makes keys collide here gains nothing but the look into the
 * index. */
static inline struct la_track **
la_flows_recent(struct la_explain *explain, const struct la_seen *seen)
{
    const uint64_t odd = UINT64_C(0x9e3779b97f4a7c15);
    const uint8_t *a = seen->src.addr.b, *b = seen->dst.addr.b;
    uint64_t mixed = la_flows_word(a) + la_flows_word(b) +
                     (la_flows_word(a + 8) + la_flows_word(b + 8)) * odd;
    uint32_t product = (uint32_t)seen->src.port * seen->dst.port;
    uint32_t sum = (uint32_t)seen->src.port + seen->dst.port;
    mixed ^= mixed >> 32 ^ (uint64_t)sum << 32 ^ product ^ seen->path_key;
    return &explain->recent[mixed * odd >> (64 - LA_RECENT_SHIFT)];
}

/* The same by the index; what is found is recent from now on. */
struct la_track *la_flows_seek(struct la_explain *explain, const struct la_seen *seen,
                               struct la_track **recent, uint8_t *from);

/* The track of the segment's four-tuple; NULL: none yet. *from: the end that sent it. */
static inline struct la_track *
la_flows_find(struct la_explain *explain, const struct la_seen *seen, uint8_t *from)
{
    struct la_track **recent = la_flows_recent(explain, seen);
    struct la_track *track = *recent;
    if (track == NULL || track->list == LA_LIST_DONE ||
        !la_flows_is_between(track, &seen->src, &seen->dst, seen->path_key, from))
        return la_flows_seek(explain, seen, recent, from);
    explain->was_sought = false;
    return track;
}

#endif
