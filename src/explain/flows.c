/* SPDX-License-Identifier: MIT
 *
 * flows.c - tracks come and go
 *
 * A track is in one of four lists. OPENING holds those whose handshake is not complete, the one
 * that was heard last at the end: they end when nothing was heard for longer than any SYN is
 * repeated. CLOSED holds those that are over, for late segments: the oldest ends by time, or when
 * so many packets have passed. (A limit to their number would make what is said of a connection
 * depend on which others are watched in the same place, see share.h.) DONE waits for the caller.
 * LIVE is everything else and has no order: when there is no room for a new track, a hand walks
 * over all of them and ends the one of a few that was silent longest.
 */
#include "base/apart.h"
#include "explain/measure.h"
#include "explain/parts.h"
#include "explain/share.h"

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
        explain->lists[i] = (struct la_list){NULL, NULL, 0};
    explain->note_order = la_note_order(LA_NOTE_SEGMENT, 0);
    explain->lent = NULL;
    explain->file_found_first = explain->file_found_last = NONE;
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

/* Both directions have one: addresses, then ports and path, in any order of the ends that both
 * agree on. */
struct key_words {
    uint64_t w[5];
    bool are_mapped; /* IPv4 addresses */
};

static inline struct key_words
words_between(const struct la_endpoint *src, const struct la_endpoint *dst, uint32_t path_key)
{
    const uint64_t x[2] = {la_flows_word(src->addr.b), la_flows_word(src->addr.b + 8)};
    const uint64_t y[2] = {la_flows_word(dst->addr.b), la_flows_word(dst->addr.b + 8)};
    bool swapped = x[1] != y[1] ? x[1] > y[1] : x[0] != y[0] ? x[0] > y[0] : src->port > dst->port;
    const uint64_t low_port = swapped ? dst->port : src->port;
    const uint64_t high_port = swapped ? src->port : dst->port;
    return (struct key_words){
        .w = {swapped ? y[0] : x[0], swapped ? y[1] : x[1], swapped ? x[0] : y[0],
              swapped ? x[1] : y[1], low_port << 48 | high_port << 32 | path_key},
        .are_mapped = la_addr_is_mapped(&src->addr) && la_addr_is_mapped(&dst->addr)};
}

/* Of IPv4 addresses, the eight octets that differ. */
static uint32_t
hash_between(const struct la_explain *explain, const struct la_endpoint *src,
             const struct la_endpoint *dst, uint32_t path_key)
{
    const struct key_words words = words_between(src, dst, path_key);
    if (!words.are_mapped)
        return (uint32_t)la_hash_words(&explain->key, words.w, 5);
    uint32_t a, b;
    memcpy(&a, (const uint8_t *)&words.w[1] + 4, sizeof(a));
    memcpy(&b, (const uint8_t *)&words.w[3] + 4, sizeof(b));
    return (uint32_t)la_hash_words(&explain->key, (uint64_t[]){(uint64_t)a << 32 | b, words.w[4]},
                                   2);
}

static uint32_t
hash_seen(const struct la_explain *explain, const struct la_seen *seen)
{
    return hash_between(explain, &seen->src, &seen->dst, seen->path_key);
}

LA_APART struct la_track *
la_flows_seek(struct la_explain *explain, const struct la_seen *seen, struct la_track **recent,
              uint8_t *from)
{
    uint32_t hash = hash_seen(explain, seen);
    uint32_t idx = la_index_first(&explain->index, hash);
    explain->sought_hash = hash;
    explain->was_sought = true;
    while (idx != LA_INDEX_NONE) {
        struct la_track *track = la_track_at(explain, idx);
        if (track->hash == hash &&
            la_flows_is_between(track, &seen->src, &seen->dst, seen->path_key, from)) {
            explain->was_sought = false;
            *recent = track;
            return track;
        }
        idx = track->hash_next;
    }
    return NULL;
}

bool
la_explain_look(const struct la_explain *explain, const struct la_endpoint *a,
                const struct la_endpoint *b, struct la_explain_look *out)
{
    uint32_t idx = la_index_first(&explain->index, hash_between(explain, a, b, 0));
    uint8_t end_of_a = 0;
    while (idx != LA_INDEX_NONE &&
           !la_flows_is_between(la_track_at(explain, idx), a, b, 0, &end_of_a))
        idx = la_track_at(explain, idx)->hash_next;
    if (idx == LA_INDEX_NONE)
        return false;
    const struct la_track *track = la_track_at(explain, idx);
    *out = (struct la_explain_look){.id = track->id, .end_of_a = end_of_a};
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
    if (track->list_prev != NULL)
        track->list_prev->list_next = track->list_next;
    else
        list->first = track->list_next;
    if (track->list_next != NULL)
        track->list_next->list_prev = track->list_prev;
    else
        list->last = track->list_prev;
}

static void
enlist(struct la_explain *explain, struct la_track *track, enum la_track_list which)
{
    struct la_list *list = &explain->lists[which];
    track->list = (uint8_t)which;
    track->listed_at_ns = explain->now_ns;
    track->listed_n = explain->packet_n;
    list->n++;
    if (which == LA_LIST_LIVE)
        return;
    if (which != LA_LIST_DONE && list->first == NULL)
        explain->expire_n = 0; /* Looks again. */
    track->list_prev = list->last;
    track->list_next = NULL;
    if (list->last != NULL)
        list->last->list_next = track;
    else
        list->first = track;
    list->last = track;
}

void
la_flows_list(struct la_explain *explain, struct la_track *track, enum la_track_list list)
{
    if (track->list == list && explain->lists[list].last == track) {
        track->listed_at_ns = explain->now_ns; /* It is there. */
        track->listed_n = explain->packet_n;
        return;
    }
    unlist(explain, track);
    enlist(explain, track, list);
}

/* ---- when there is no room --------------------------------------------------------------- */

/* The caller takes what is ended only after the call: room is made before the last is gone. */
static bool
is_tight(const struct la_explain *explain)
{
    const struct la_pool *pool = &explain->tracks;
    if (pool->live_n + SPARE_N >= pool->max_n)
        return true;
    return pool->live_n + SPARE_N >= pool->items_n &&
           la_mem_available(explain->mem) < explain->spare_bytes;
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
    uint16_t flags = seen->tcp.flags;
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
    bool sender = sender_is_client(seen);
    const struct la_endpoint *client = sender ? &seen->src : &seen->dst;
    const struct la_endpoint *server = sender ? &seen->dst : &seen->src;
    track->key = (struct la_flow_key){.addr = {client->addr, server->addr},
                                      .port = {client->port, server->port},
                                      .path_key = seen->path_key};
    track->idx = idx;
    track->hash = explain->was_sought ? explain->sought_hash : hash_seen(explain, seen);
    track->is_used = true;
    track->client_guessed = (seen->tcp.flags & LA_TCP_SYN) == 0;
    track->first_fin = 2;
    track->listener = NONE;
    track->id = explain->next_id++;
    track->first_frame = placed->frame;
    track->first_at_ns = placed->at_ns;
    track->steps_first = track->steps_last = track->found_first = track->found_last = NONE;
    for (unsigned end = 0; end < 2; end++)
        track->end[end].part_us_min = NONE;
    la_index_insert(&explain->index, idx, track->hash);
    *la_flows_recent(explain, seen) = track;
    enlist(explain, track, track->client_guessed ? LA_LIST_LIVE : LA_LIST_OPENING);
    la_states_begin(explain, track, (seen->tcp.flags & LA_TCP_SYN) != 0);
    explain->file.connections++;
    la_servers_begin(explain, track, (seen->tcp.flags & LA_TCP_SYN) != 0);
    return track;
}

void
la_flows_end(struct la_explain *explain, struct la_track *track)
{
    struct la_explain_close close;
    la_index_remove(&explain->index, track->idx, track->hash);
    la_settle(explain, track);
    la_closing_judge(explain, track, &close);
    la_remarks(explain, track, &close);
    la_artefacts_end(explain, track);
    uint16_t ending = la_servers_end(explain, track);
    if (explain->outbox == NULL) {
        la_flows_list(explain, track, LA_LIST_DONE);
    } else {
        la_part_ended(explain, track, ending, &close);
        la_flows_free(explain, track);
    }
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
    track->list = LA_LIST_DONE; /* for who remembers it */
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

/* When the first one of a list, the oldest, has waited long enough. */
static void
soonest(struct la_explain *explain, enum la_track_list list, int64_t wait_ns)
{
    const struct la_track *track = explain->lists[list].first;
    if (track == NULL)
        return;
    uint64_t packet_n = track->listed_n + explain->cfg.closed_packets;
    if (track->listed_at_ns + wait_ns < explain->expire_ns)
        explain->expire_ns = track->listed_at_ns + wait_ns;
    if (list == LA_LIST_CLOSED && packet_n < explain->expire_n)
        explain->expire_n = packet_n;
}

static inline void
fetch(const void *from, size_t bytes)
{
    enum { LINE_BYTES = 64 };
    for (size_t off = 0; off < bytes; off += LINE_BYTES)
        __builtin_prefetch((const uint8_t *)from + off);
}

/* What hangs on a track and is looked at when it ends; of its samples, the first few: most that end
 * have no more. */
static void
fetch_rest(const struct la_explain *explain, const struct la_track *track)
{
    enum { MEASURE_BYTES = offsetof(struct la_measure, rtt_us) + 64 };
    for (unsigned end = 0; end < 2; end++)
        if (track->end[end].measure != NULL)
            fetch(track->end[end].measure, MEASURE_BYTES);
    if (track->steps_first != NONE)
        fetch(la_pool_at(&explain->steps, track->steps_first), sizeof(struct la_steps));
    if (track->steps_last != NONE)
        fetch(la_pool_at(&explain->steps, track->steps_last), sizeof(struct la_steps));
}

/* A track that has waited has left the caches long ago, and several may end at once: records are
 * asked for when so many others come first, and what hangs on them some later. */
static void
fetch_ahead(const struct la_explain *explain)
{
    enum { RECORD_AHEAD = 8, REST_AHEAD = 4 };
    const struct la_track *track = explain->lists[LA_LIST_CLOSED].first;
    for (unsigned n = 0; track != NULL && n < RECORD_AHEAD; n++) {
        if (n == REST_AHEAD)
            fetch_rest(explain, track);
        track = track->list_next;
    }
    if (track != NULL)
        fetch(track, sizeof(struct la_track));
}

LA_APART void
la_flows_expire(struct la_explain *explain)
{
    const int64_t closed_ns = (int64_t)explain->cfg.closed_s * LA_NS_PER_S;
    const int64_t opening_ns = OPENING_S_MAX * LA_NS_PER_S;
    const struct la_list *closed = &explain->lists[LA_LIST_CLOSED];
    while (closed->first != NULL) {
        struct la_track *track = closed->first;
        if (explain->packet_n <= track->listed_n + explain->cfg.closed_packets &&
            explain->now_ns - track->listed_at_ns <= closed_ns)
            break;
        explain->note_order = la_note_order(LA_NOTE_CLOSED, track->listed_n);
        la_flows_end(explain, track);
        fetch_ahead(explain);
    }
    const struct la_list *opening = &explain->lists[LA_LIST_OPENING];
    while (opening->first != NULL) {
        struct la_track *track = opening->first;
        if (explain->now_ns - track->listed_at_ns <= opening_ns)
            break;
        explain->note_order = la_note_order(LA_NOTE_OPENING, track->listed_n);
        la_flows_end(explain, track);
    }
    explain->note_order = la_note_order(LA_NOTE_SEGMENT, 0);
    explain->expire_ns = INT64_MAX;
    explain->expire_n = UINT64_MAX;
    soonest(explain, LA_LIST_CLOSED, closed_ns);
    soonest(explain, LA_LIST_OPENING, opening_ns);
}

/* ---- the end ----------------------------------------------------------------------------------
 */

/* Takes the run that the list begins with, in the order of appearance, off it. */
static struct la_track *
take_run(struct la_track **list)
{
    struct la_track *run = *list, *last = run;
    for (;;) {
        struct la_track *next = last->list_next;
        if (next == NULL || next->first_frame < last->first_frame) {
            *list = next;
            last->list_next = NULL;
            return run;
        }
        last = next;
    }
}

/* Puts the one that appeared first at *tail, which moves on. */
static void
merge(struct la_track *a, struct la_track *b, struct la_track ***tail)
{
    while (a != NULL || b != NULL) {
        bool from_a = b == NULL || (a != NULL && a->first_frame <= b->first_frame);
        struct la_track **from = from_a ? &a : &b;
        **tail = *from;
        *tail = &(*from)->list_next;
        *from = **tail;
    }
}

/* All that are watched, by their first packet: in runs that are there, two of which become one as
 * long as there are two. Records of a pool follow the order of appearance for long stretches. */
void
la_flows_line_up(struct la_explain *explain)
{
    struct la_track *list = NULL, **tail = &list;
    uint32_t n = 0;
    for (uint32_t i = 0; i < explain->tracks.items_n; i++) {
        struct la_track *track = la_track_at(explain, i);
        if (!track->is_used || track->list == LA_LIST_DONE)
            continue;
        track->list = LA_LIST_LIVE;
        *tail = track;
        tail = &track->list_next;
        n++;
    }
    *tail = NULL;
    explain->lists[LA_LIST_OPENING] = explain->lists[LA_LIST_CLOSED] =
        (struct la_list){NULL, NULL, 0};
    explain->lists[LA_LIST_LIVE].n = n;
    for (uint32_t runs_n = 2; runs_n > 1;) {
        struct la_track *merged = NULL;
        tail = &merged;
        for (runs_n = 0; list != NULL; runs_n++) {
            struct la_track *a = take_run(&list), *b = NULL;
            if (list != NULL)
                b = take_run(&list);
            merge(a, b, &tail);
        }
        list = merged;
    }
    explain->lists[LA_LIST_LIVE].first = list;
}

size_t
la_flows_end_some(struct la_explain *explain, uint64_t before_frame)
{
    size_t n = 0;
    struct la_list *live = &explain->lists[LA_LIST_LIVE];
    while (live->first != NULL) {
        struct la_track *track = live->first;
        if (track->first_frame >= before_frame)
            break;
        live->first = track->list_next;
        explain->note_order = la_note_order(LA_NOTE_FINISH, track->first_frame);
        la_flows_end(explain, track);
        n++;
    }
    return n;
}
