/* SPDX-License-Identifier: MIT
 *
 * flows.c - tracks come and go
 *
 * A track is in one of four lists. OPENING holds those whose handshake is not complete, in order of
 * time: they end when nothing was heard for longer than any SYN is repeated. CLOSED holds those
 * that are over, for late segments: the oldest ends by time or when there are too many. DONE waits
 * for the caller. LIVE is everything else and has no order: when there is no room for a new track,
 * a hand walks over all of them and ends the one of a few that was silent longest.
 */
#include "explain/measure.h"
#include "explain/parts.h"

enum {
    CHUNK_SHIFT = 6,
    EVICT_LOOKS_N = 16,
    SPARE_N = 64,       /* records */
    OPENING_S_MAX = 240 /* RFC 9293 3.8.3, MUST-23: a SYN is repeated for at least 3 minutes */
};

static uint32_t *
next_of(void *ctx, uint32_t idx)
{
    return &la_track_at(ctx, idx)->hash_next;
}

static uint32_t
hash_of(void *ctx, uint32_t idx)
{
    return la_track_at(ctx, idx)->hash;
}

bool
la_flows_init(struct la_explain *explain)
{
    uint64_t n_max = explain->cfg.conns_n_max;
    uint32_t tracks_max = n_max < NONE ? (uint32_t)n_max : NONE - 1;
    la_pool_init(&explain->tracks, explain->mem, sizeof(struct la_track), CHUNK_SHIFT, tracks_max);
    la_pool_init(&explain->steps, explain->mem, sizeof(struct la_steps), CHUNK_SHIFT, NONE - 1);
    la_measures_init(explain);
    la_pool_init(&explain->found, explain->mem, sizeof(struct la_found), CHUNK_SHIFT, NONE - 1);
    for (unsigned i = 0; i < LA_LISTS_N; i++)
        explain->lists[i] = (struct la_list){NONE, NONE, 0};
    explain->lent = explain->file_found_first = explain->file_found_last = NONE;
    return la_index_init(&explain->index, explain->mem,
                         &(struct la_index_records){next_of, hash_of, explain});
}

void
la_flows_fini(struct la_explain *explain)
{
    for (uint32_t i = 0; i < explain->tracks.items_n; i++) {
        struct la_track *track = la_track_at(explain, i);
        if (!track->is_used)
            continue;
        la_mem_give(explain->mem, track->rare, sizeof(*track->rare));
        for (unsigned end = 0; end < 2; end++)
            la_measure_free(explain, &track->end[end]);
    }
    la_index_fini(&explain->index);
    la_pool_fini(&explain->tracks);
    la_pool_fini(&explain->steps);
    la_pool_fini(&explain->measures);
    la_pool_fini(&explain->found);
}

/* ---- by four-tuple ---------------------------------------------------------------------- */

static int
compare(const struct la_endpoint *a, const struct la_endpoint *b)
{
    int by_addr = memcmp(a->addr.b, b->addr.b, sizeof(a->addr.b));
    return by_addr != 0 ? by_addr : (int)a->port - (int)b->port;
}

/* Both directions have one key. Returns which endpoint of the key `src` is. */
static unsigned
make_key(const struct la_endpoint *src, const struct la_endpoint *dst, struct la_flow_key *key)
{
    bool swapped = compare(src, dst) > 0;
    const struct la_endpoint *low = swapped ? dst : src, *high = swapped ? src : dst;
    key->addr[0] = low->addr;
    key->addr[1] = high->addr;
    key->port[0] = low->port;
    key->port[1] = high->port;
    key->path_key = 0;
    return swapped;
}

static unsigned
key_of(const struct la_seen *seen, struct la_flow_key *key)
{
    unsigned side = make_key(&seen->src, &seen->dst, key);
    key->path_key = seen->path_key;
    return side;
}

static uint32_t
hash_key(const struct la_explain *explain, const struct la_flow_key *key)
{
    uint64_t words[5];
    memcpy(words, key->addr, sizeof(key->addr));
    words[4] = (uint64_t)key->port[0] << 48 | (uint64_t)key->port[1] << 32 | key->path_key;
    return (uint32_t)la_hash_words(&explain->key, words, 5);
}

static bool
is_same(const struct la_flow_key *a, const struct la_flow_key *b)
{
    return memcmp(a->addr, b->addr, sizeof(a->addr)) == 0 && a->port[0] == b->port[0] &&
           a->port[1] == b->port[1] && a->path_key == b->path_key;
}

static struct la_track *
find(const struct la_explain *explain, const struct la_flow_key *key)
{
    uint32_t hash = hash_key(explain, key);
    for (uint32_t idx = la_index_first(&explain->index, hash); idx != LA_INDEX_NONE;) {
        struct la_track *track = la_track_at(explain, idx);
        if (track->hash == hash && is_same(&track->key, key))
            return track;
        idx = track->hash_next;
    }
    return NULL;
}

struct la_track *
la_flows_find(struct la_explain *explain, const struct la_seen *seen, uint8_t *from)
{
    struct la_flow_key key;
    unsigned side = key_of(seen, &key);
    struct la_track *track = find(explain, &key);
    if (track != NULL)
        *from = side == track->client ? LA_END_CLIENT : LA_END_SERVER;
    return track;
}

bool
la_explain_look(const struct la_explain *explain, const struct la_endpoint *a,
                const struct la_endpoint *b, struct la_explain_look *out)
{
    struct la_flow_key key;
    unsigned side = make_key(a, b, &key);
    const struct la_track *track = find(explain, &key);
    if (track == NULL)
        return false;
    *out = (struct la_explain_look){
        .id = track->id, .end_of_a = side == track->client ? LA_END_CLIENT : LA_END_SERVER};
    for (unsigned end = 0; end < 2; end++) {
        const struct la_track_end *e = &track->end[end];
        out->possible[end] = e->possible;
        out->proven[end] = e->proven;
        out->isn_known[end] = (e->flags & (LA_END_SYN | LA_END_SYN_ACK)) != 0;
        out->isn[end] = e->iss.v;
    }
    return true;
}

/* ---- lists -------------------------------------------------------------------------------- */

static void
unlist(struct la_explain *explain, struct la_track *track)
{
    struct la_list *list = &explain->lists[track->list];
    list->n--;
    if (track->list == LA_LIST_LIVE)
        return;
    if (track->list_prev != NONE)
        la_track_at(explain, track->list_prev)->list_next = track->list_next;
    else
        list->first = track->list_next;
    if (track->list_next != NONE)
        la_track_at(explain, track->list_next)->list_prev = track->list_prev;
    else
        list->last = track->list_prev;
}

static void
enlist(struct la_explain *explain, struct la_track *track, enum la_track_list which)
{
    struct la_list *list = &explain->lists[which];
    track->list = (uint8_t)which;
    track->listed_at_ns = explain->now_ns;
    list->n++;
    if (which == LA_LIST_LIVE)
        return;
    track->list_prev = list->last;
    track->list_next = NONE;
    if (list->last != NONE)
        la_track_at(explain, list->last)->list_next = track->idx;
    else
        list->first = track->idx;
    list->last = track->idx;
}

void
la_flows_list(struct la_explain *explain, struct la_track *track, enum la_track_list list)
{
    unlist(explain, track);
    enlist(explain, track, list);
}

/* ---- when there is no room --------------------------------------------------------------- */

/* The caller takes what is ended only after the call: room is made before the last is gone. */
static bool
is_tight(const struct la_explain *explain)
{
    const struct la_pool *pool = &explain->tracks;
    bool is_full = pool->live_n + SPARE_N >= pool->max_n;
    bool is_short = la_mem_available(explain->mem) < explain->spare_bytes;
    return is_full || (is_short && pool->live_n + SPARE_N >= pool->items_n);
}

static void
evict(struct la_explain *explain)
{
    struct la_track *oldest = NULL;
    uint32_t looked_n = 0;
    for (uint32_t n = 0; n < explain->tracks.items_n && looked_n < EVICT_LOOKS_N; n++) {
        explain->hand = explain->hand + 1 < explain->tracks.items_n ? explain->hand + 1 : 0;
        struct la_track *track = la_track_at(explain, explain->hand);
        if (!track->is_used || track->list == LA_LIST_DONE)
            continue;
        looked_n++;
        if (oldest == NULL || track->last_at_ns < oldest->last_at_ns)
            oldest = track;
    }
    if (oldest == NULL)
        return;
    oldest->evicted = oldest->list != LA_LIST_CLOSED;
    explain->file.evicted += oldest->evicted;
    la_flows_end(explain, oldest);
}

/* ---- begin and end --------------------------------------------------------------------------- */

/* The sender of a SYN is the client, the receiver of a SYN,ACK as well (RFC 9293 3.5). Of a
 * connection whose beginning is missing, by convention the end with the higher port. */
static bool
sender_is_client(const struct la_seen *seen)
{
    uint8_t flags = seen->tcp.flags;
    if ((flags & LA_TCP_SYN) != 0)
        return (flags & LA_TCP_ACK) == 0;
    return seen->src.port >= seen->dst.port;
}

struct la_track *
la_flows_begin(struct la_explain *explain, const struct la_placed *placed)
{
    const struct la_seen *seen = placed->seen;
    if (is_tight(explain))
        evict(explain);
    uint32_t idx = la_pool_take(&explain->tracks);
    if (idx == LA_POOL_NONE)
        return NULL;
    struct la_track *track = la_track_at(explain, idx);
    memset(track, 0, sizeof(*track));
    unsigned side = key_of(seen, &track->key);
    bool sender = sender_is_client(seen);
    track->client = (uint8_t)(sender ? side : 1 - side);
    track->idx = idx;
    track->hash = hash_key(explain, &track->key);
    track->is_used = true;
    track->client_guessed = (seen->tcp.flags & LA_TCP_SYN) == 0;
    track->first_fin = 2;
    track->listener = NONE;
    track->id = explain->next_id++;
    track->first_frame = placed->frame;
    track->first_at_ns = placed->at_ns;
    track->steps_first = track->steps_last = track->found_first = track->found_last = NONE;
    for (unsigned end = 0; end < 2; end++)
        track->end[end].part_us_min = track->end[end].measure = NONE;
    la_index_insert(&explain->index, idx, track->hash);
    track->list = LA_LIST_LIVE;
    enlist(explain, track, track->client_guessed ? LA_LIST_LIVE : LA_LIST_OPENING);
    la_states_begin(explain, track, (seen->tcp.flags & LA_TCP_SYN) != 0);
    explain->file.connections++;
    if ((seen->tcp.flags & LA_TCP_SYN) != 0)
        la_servers_begin(explain, track);
    return track;
}

void
la_flows_end(struct la_explain *explain, struct la_track *track)
{
    la_index_remove(&explain->index, track->idx, track->hash);
    la_settle(explain, track);
    la_remarks(explain, track);
    la_artefacts_end(explain, track);
    la_servers_end(explain, track);
    la_flows_list(explain, track, LA_LIST_DONE);
}

void
la_flows_free(struct la_explain *explain, struct la_track *track)
{
    unlist(explain, track);
    la_steps_free(explain, track);
    la_found_free(explain, track->found_first);
    for (unsigned end = 0; end < 2; end++)
        la_measure_free(explain, &track->end[end]);
    la_mem_give(explain->mem, track->rare, sizeof(*track->rare));
    track->is_used = false;
    la_pool_give(&explain->tracks, track->idx);
}

struct la_track_rare *
la_track_rare(struct la_explain *explain, struct la_track *track)
{
    if (track->rare == NULL)
        track->rare = la_mem_take(explain->mem, sizeof(*track->rare));
    return track->rare;
}

/* ---- what has waited long enough ----------------------------------------------------------------
 */

void
la_flows_expire(struct la_explain *explain)
{
    const struct la_list *closed = &explain->lists[LA_LIST_CLOSED];
    int64_t wait_ns = (int64_t)explain->cfg.closed_s * LA_NS_PER_S;
    while (closed->first != NONE) {
        struct la_track *track = la_track_at(explain, closed->first);
        if (closed->n <= explain->cfg.closed_n_max &&
            explain->now_ns - track->listed_at_ns <= wait_ns)
            break;
        la_flows_end(explain, track);
    }
    const struct la_list *opening = &explain->lists[LA_LIST_OPENING];
    while (opening->first != NONE) {
        struct la_track *track = la_track_at(explain, opening->first);
        if (explain->now_ns - track->listed_at_ns <= OPENING_S_MAX * LA_NS_PER_S)
            break;
        if (explain->now_ns - track->last_at_ns <= OPENING_S_MAX * LA_NS_PER_S)
            la_flows_list(explain, track, LA_LIST_OPENING);
        else
            la_flows_end(explain, track);
    }
}

/* In the order of their appearance, as far as the pool's indices follow it. */
void
la_flows_end_all(struct la_explain *explain)
{
    for (uint32_t i = 0; i < explain->tracks.items_n; i++) {
        struct la_track *track = la_track_at(explain, i);
        if (track->is_used && track->list != LA_LIST_DONE)
            la_flows_end(explain, track);
    }
}
