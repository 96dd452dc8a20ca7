/* SPDX-License-Identifier: MIT
 *
 * servers.c - servers: half-open connections over time, floods, cookies, full queues
 *
 * Read first: RFC 4987. A listener is an endpoint that SYNs were sent to. What the verdicts rest on
 * is counted as connections go through their handshake; they are made once, when the capture has
 * ended.
 *
 * Heuristics, all of them:
 * - flood: many SYNs, most of which nobody completes, from many sources or at a high rate;
 * - cookies: SYN,ACKs of unfinished handshakes are not repeated (a queue would: RFC 6298 2 makes it
 *   wait no longer than 3 s), because nothing remembers them;
 * - full accept queue: several clients' SYNs or last ACKs are ignored, copies included, while other
 *   connections of that listener live. Loss takes single segments, and not of new clients only;
 * - scan: one source tries many ports of one host, few of which answer;
 * - spray: many SYNs, each to another server, came to nothing, and one in 16 or more is from an
 *   address that no host has (of addresses drawn at random one in eight is).
 */
#include "explain/parts.h"
#include "explain/share.h"

enum {
    LISTENERS_N_MAX = 4096,
    CHUNK_SHIFT = 3,
    FLOOD_N_MIN = 64,
    COOKIES_N_MIN = 16,
    IGNORED_N_MIN = 2,
    SCAN_PORTS_N_MIN = 16,
    SPRAY_N_MIN = 64,
    SPRAY_SHARE = 16
};

static struct la_server *
listener_at(const struct la_explain *explain, uint32_t idx)
{
    return la_pool_at(&explain->listeners, idx);
}

static uint32_t *
next_of(void *ctx, uint32_t idx)
{
    return &listener_at(ctx, idx)->hash_next;
}

static uint32_t
hash_of(void *ctx, uint32_t idx)
{
    return listener_at(ctx, idx)->hash;
}

bool
la_servers_init(struct la_explain *explain)
{
    la_pool_init(&explain->listeners, explain->mem, sizeof(struct la_server), CHUNK_SHIFT,
                 LISTENERS_N_MAX);
    memset(explain->listener_recent, 0xff, sizeof(explain->listener_recent)); /* NONE */
    return la_index_init(&explain->listener_index, explain->mem,
                         &(struct la_index_records){next_of, hash_of, explain});
}

void
la_servers_fini(struct la_explain *explain)
{
    la_index_fini(&explain->listener_index);
    la_pool_fini(&explain->listeners);
}

static uint32_t
hash_endpoint(const struct la_explain *explain, const struct la_endpoint *at)
{
    uint64_t words[3];
    memcpy(words, at->addr.b, sizeof(at->addr.b));
    words[2] = at->port;
    return (uint32_t)la_hash_words(&explain->key, words, 3);
}

static bool
is_same(const struct la_endpoint *a, const struct la_endpoint *b)
{
    return a->port == b->port && la_addr_same(&a->addr, &b->addr);
}

/* Those that SYNs went to lately are found without the index's hash, see flows.h. */
static uint32_t *
recent_place(struct la_explain *explain, const struct la_endpoint *at)
{
    const uint64_t odd = UINT64_C(0x9e3779b97f4a7c15);
    uint64_t mixed = la_flows_word(at->addr.b) ^ la_flows_word(at->addr.b + 8) ^ at->port;
    mixed ^= mixed >> 32;
    return &explain->listener_recent[mixed * odd >> (64 - LA_LISTENERS_SHIFT)];
}

static uint32_t
find_or_add(struct la_explain *explain, const struct la_endpoint *at, const struct la_addr *client,
            int64_t at_ns)
{
    uint32_t hash = hash_endpoint(explain, at);
    uint32_t idx = la_index_first(&explain->listener_index, hash);
    while (idx != LA_INDEX_NONE && !is_same(&listener_at(explain, idx)->at, at))
        idx = listener_at(explain, idx)->hash_next;
    if (idx == LA_INDEX_NONE) {
        idx = la_pool_take(&explain->listeners);
        if (idx == LA_POOL_NONE)
            return NONE;
        struct la_server *fresh = listener_at(explain, idx);
        memset(fresh, 0, sizeof(*fresh));
        fresh->at = *at;
        fresh->client = *client;
        fresh->hash = hash;
        fresh->one_client = true;
        fresh->first_at_ns = at_ns;
        la_index_insert(&explain->listener_index, idx, hash);
    }
    return idx;
}

/* A bit for each client; the client of one SYN is often that of the next. */
static unsigned
bit_of(struct la_explain *explain, const struct la_addr *client)
{
    struct la_source *recent = &explain->source_recent;
    if (recent->is_known && la_addr_same(&recent->addr, client))
        return recent->bit;
    uint64_t words[2];
    memcpy(words, client->b, sizeof(words));
    uint64_t hash = la_hash_words(&explain->key, words, 2);
    *recent = (struct la_source){*client, (uint16_t)(hash % LA_SOURCES_BITS), true};
    return recent->bit;
}

uint32_t
la_servers_syn(struct la_explain *explain, const struct la_endpoint *at,
               const struct la_addr *client, int64_t at_ns)
{
    uint32_t *recent = recent_place(explain, at), idx = *recent;
    if (idx == NONE || !is_same(&listener_at(explain, idx)->at, at))
        idx = *recent = find_or_add(explain, at, client, at_ns);
    if (idx == NONE)
        return NONE;
    struct la_server *listener = listener_at(explain, idx);
    listener->syn_n++;
    listener->last_at_ns = at_ns;
    listener->one_client = listener->one_client && la_addr_same(&listener->client, client);
    unsigned source = bit_of(explain, client);
    listener->sources[source / 64] |= UINT64_C(1) << source % 64;
    return idx;
}

void
la_servers_begin(struct la_explain *explain, struct la_track *track, bool by_syn)
{
    struct la_endpoint at = la_track_endpoint(track, LA_END_SERVER);
    struct la_endpoint client = la_track_endpoint(track, LA_END_CLIENT);
    if (explain->outbox == NULL) {
        if (by_syn)
            track->listener = la_servers_syn(explain, &at, &client.addr, track->first_at_ns);
        return;
    }
    struct la_note *note = la_outbox_note(explain, track, LA_NOTE_BEGIN, track->first_at_ns);
    if (note == NULL)
        return;
    note->by_syn = by_syn;
    note->server = at;
    note->client = client.addr;
    if (by_syn)
        track->listener = 0; /* The whole knows which. */
}

/* ---- half-open over time ------------------------------------------------------------------- */

/* Few samples for any length of time: when they are too many, two become one. */
static void
sample(struct la_server *listener, int64_t at_ns)
{
    struct la_explain_half_open *samples = listener->samples;
    unsigned n = listener->samples_n;
    if (n > 0 && at_ns - samples[n - 1].at.ns < listener->interval_ns) {
        if (listener->half_open_n > samples[n - 1].n)
            samples[n - 1].n = listener->half_open_n;
        return;
    }
    if (n == LA_EXPLAIN_SAMPLES_MAX) {
        for (unsigned i = 0; i < n / 2; i++) {
            samples[i].at = samples[2 * i].at;
            samples[i].n =
                samples[2 * i].n > samples[2 * i + 1].n ? samples[2 * i].n : samples[2 * i + 1].n;
        }
        n /= 2;
        int64_t span_ns = at_ns - samples[0].at.ns;
        listener->interval_ns = span_ns / (LA_EXPLAIN_SAMPLES_MAX / 2);
    }
    samples[n] = (struct la_explain_half_open){{at_ns}, listener->half_open_n};
    listener->samples_n = (uint8_t)(n + 1);
}

void
la_servers_count(struct la_explain *explain, uint32_t idx, int64_t at_ns, bool more)
{
    struct la_server *listener = listener_at(explain, idx);
    listener->half_open_n += more ? 1 : UINT32_MAX;
    if (listener->half_open_n > listener->half_open_n_max) {
        listener->half_open_n_max = listener->half_open_n;
        listener->half_open_max_at_ns = at_ns;
    }
    sample(listener, at_ns);
}

void
la_servers_half_open(struct la_explain *explain, struct la_track *track, int64_t at_ns, bool more)
{
    if (track->listener == NONE || track->half_open == more)
        return;
    track->half_open = more;
    if (explain->outbox == NULL)
        la_servers_count(explain, track->listener, at_ns, more);
    else
        (void)la_outbox_note(explain, track, more ? LA_NOTE_HALF_OPEN : LA_NOTE_COMPLETE, at_ns);
}

/* ---- a connection is over -------------------------------------------------------------------- */

/* RFC 6298 2: after at most 3 s a SYN,ACK that is remembered goes again. */
static bool
is_forgotten(const struct la_explain *explain, const struct la_track_end *server)
{
    enum { FIRST_RTO_S_MAX = 3 };
    return server->syn_n == 1 &&
           explain->now_ns - server->syn_at_ns > FIRST_RTO_S_MAX * LA_NS_PER_S;
}

/* enum la_ending. */
static uint16_t
ending_of(const struct la_explain *explain, const struct la_track *track)
{
    const struct la_track_end *client = &track->end[LA_END_CLIENT];
    const struct la_track_end *server = &track->end[LA_END_SERVER];
    const struct la_rst *rst = la_reset_decisive(track);
    enum la_reset_cause cause = rst != NULL ? la_reset_cause_of(track, rst) : LA_RESET_NONE;
    unsigned ending = 0;
    if ((server->flags & LA_END_SYN_ACK) != 0) {
        ending |= LA_ENDING_ANSWERED;
        ending |= server->syn_n > 1 ? LA_ENDING_ANSWERED_AGAIN : 0;
        ending |= track->complete ? LA_ENDING_COMPLETE : 0;
        ending |= !track->complete && cause == LA_RESET_NONE ? LA_ENDING_UNFINISHED : 0;
        ending |= !track->complete && is_forgotten(explain, server) ? LA_ENDING_FORGOTTEN : 0;
        /* The ACK of its SYN,ACK had passed before that went again. */
        bool passed = (server->marks.again >> LA_MARK_ACK_OF_SYN & 1) != 0;
        bool ignored = track->complete && passed && server->syn_n > 1 && client->syn_n == 1;
        ending |= ignored ? LA_ENDING_IGNORED : 0;
    } else if (cause == LA_RESET_REFUSED) {
        ending |= LA_ENDING_REFUSED;
    } else if ((server->flags & LA_END_SPOKE) == 0) {
        ending |= LA_ENDING_UNANSWERED;
        ending |= client->syn_n > 1 ? LA_ENDING_IGNORED : 0;
    }
    ending |= cause == LA_RESET_BACKLOG ? LA_ENDING_BACKLOG_RST : 0;
    return (uint16_t)ending;
}

void
la_servers_ended(struct la_explain *explain, uint32_t idx, uint16_t ending)
{
    struct la_server *listener = listener_at(explain, idx);
    listener->synack_n += (ending & LA_ENDING_ANSWERED) != 0;
    listener->synack_again_n += (ending & LA_ENDING_ANSWERED_AGAIN) != 0;
    const uint16_t trouble = LA_ENDING_IGNORED | LA_ENDING_BACKLOG_RST;
    listener->complete_n += (ending & LA_ENDING_COMPLETE) != 0;
    listener->served_n += (ending & (LA_ENDING_COMPLETE | trouble)) == LA_ENDING_COMPLETE;
    listener->refused_n += (ending & LA_ENDING_REFUSED) != 0;
    listener->unanswered_n += (ending & LA_ENDING_UNANSWERED) != 0;
    listener->unfinished_n += (ending & LA_ENDING_UNFINISHED) != 0;
    listener->forgotten_n += (ending & LA_ENDING_FORGOTTEN) != 0;
    listener->ignored_n += (ending & LA_ENDING_IGNORED) != 0;
    listener->backlog_rst_n += (ending & LA_ENDING_BACKLOG_RST) != 0;
}

uint16_t
la_servers_end(struct la_explain *explain, struct la_track *track)
{
    la_servers_half_open(explain, track, track->last_at_ns, false);
    uint16_t ending = track->listener == NONE ? 0 : ending_of(explain, track);
    if (explain->outbox == NULL && track->listener != NONE)
        la_servers_ended(explain, track->listener, ending);
    return ending;
}

/* ---- verdicts --------------------------------------------------------------------------- */

/* __builtin_popcountll() may be a call. */
static unsigned
bits_of(uint64_t word)
{
    unsigned n = 0;
    for (; word != 0; word &= word - 1)
        n++;
    return n;
}

/* Linear counting: how many different sources set that many bits. */
static uint64_t
sources_of(const struct la_server *listener)
{
    unsigned set = 0;
    for (unsigned i = 0; i < LA_SOURCES_BITS / 64; i++)
        set += bits_of(listener->sources[i]);
    /* -m ln(1 - set/m), by the series; enough for verdicts. */
    uint64_t m = LA_SOURCES_BITS, share = set * 1024 / m, sum = 0, power = 1024;
    for (unsigned k = 1; k <= 32; k++) {
        power = power * share / 1024;
        sum += power / k;
    }
    return m * sum / 1024 > set ? m * sum / 1024 : set;
}

static void
tell(struct la_explain *explain, enum la_finding id, const int64_t values[LA_FINDING_VALUES_MAX])
{
    struct la_explain_finding *finding =
        la_found_anew_in_file(explain, id, LA_EXPLAIN_TOLD_SERVERS_MAX);
    if (finding == NULL)
        return;
    finding->certainty = LA_CERTAINTY_INFERRED;
    memcpy(finding->values, values, sizeof(finding->values));
}

static void
judge(struct la_explain *explain, struct la_server *listener)
{
    uint64_t open = listener->complete_n + listener->refused_n;
    uint64_t bad = listener->syn_n > open ? listener->syn_n - open : 0;
    uint64_t sources = sources_of(listener);
    listener->is_flooded = bad >= FLOOD_N_MIN && bad * 5 >= listener->syn_n * 4;
    if (listener->is_flooded)
        tell(explain, LA_FINDING_SYN_FLOOD,
             (int64_t[]){(int64_t)listener->syn_n, (int64_t)sources, listener->half_open_n_max});
    listener->has_cookies = listener->forgotten_n >= COOKIES_N_MIN &&
                            listener->forgotten_n * 4 >= listener->unfinished_n;
    if (listener->has_cookies)
        tell(explain, LA_FINDING_SYN_COOKIES, (int64_t[]){(int64_t)listener->forgotten_n, 0, 0});
    listener->is_full = !listener->is_flooded && listener->served_n > 0 &&
                        (listener->ignored_n >= IGNORED_N_MIN || listener->backlog_rst_n > 0);
    if (listener->is_full)
        tell(explain, LA_FINDING_ACCEPT_QUEUE_FULL,
             (int64_t[]){(int64_t)(listener->ignored_n + listener->backlog_rst_n),
                         (int64_t)listener->served_n, 0});
}

/* Two ports of one host that the same source, and no other, has tried. */
static bool
is_alike(const struct la_server *a, const struct la_server *b)
{
    return a->one_client && b->one_client && la_addr_same(&a->at.addr, &b->at.addr) &&
           la_addr_same(&a->client, &b->client);
}

/* Ports of the host that `first` is on, tried by the same source; each is counted once. */
static void
judge_scan(struct la_explain *explain, uint32_t first)
{
    const struct la_server *one = listener_at(explain, first);
    int64_t tried = 0, answered = 0;
    for (uint32_t i = first; i < explain->listeners.live_n; i++) {
        struct la_server *listener = listener_at(explain, i);
        if (listener->is_counted || !is_alike(listener, one))
            continue;
        listener->is_counted = true;
        tried++;
        answered += listener->synack_n > 0;
    }
    if (tried < SCAN_PORTS_N_MIN || answered * 5 >= tried)
        return;
    tell(explain, LA_FINDING_PORT_SCAN, (int64_t[]){tried, answered, 0});
    for (uint32_t i = first; i < explain->listeners.live_n; i++)
        if (is_alike(listener_at(explain, i), one))
            listener_at(explain, i)->is_scanned = true;
}

/* RFC 1122 3.2.1.3: what is no source but of a host that has no address yet; and 240.0.0.0/4, which
 * is nobody's. */
static bool
is_nobodys(const struct la_addr *addr)
{
    enum { RESERVED_MIN = 240 };
    if (!la_addr_is_v4(addr))
        return la_addr_is_multicast(addr) || la_addr_is_any(addr);
    const uint8_t *b = la_addr_v4_bytes(addr);
    return la_addr_is_multicast(addr) || b[0] == 0 || b[0] >= RESERVED_MIN;
}

static void
judge_spray(struct la_explain *explain)
{
    int64_t tried = 0, nobodys = 0;
    for (uint32_t i = 0; i < explain->listeners.live_n; i++) {
        const struct la_server *listener = listener_at(explain, i);
        if (listener->syn_n != 1 || listener->synack_n + listener->refused_n > 0)
            continue;
        tried++;
        nobodys += is_nobodys(&listener->client);
    }
    if (tried >= SPRAY_N_MIN && nobodys * SPRAY_SHARE >= tried)
        tell(explain, LA_FINDING_SYN_SPRAY, (int64_t[]){tried, nobodys, 0});
}

void
la_servers_finish(struct la_explain *explain)
{
    judge_spray(explain);
    /* Nothing is ever given back to this pool: the first live_n are in use. */
    for (uint32_t i = 0; i < explain->listeners.live_n; i++)
        judge(explain, listener_at(explain, i));
    for (uint32_t i = 0; i < explain->listeners.live_n; i++)
        if (!listener_at(explain, i)->is_counted && listener_at(explain, i)->one_client)
            judge_scan(explain, i);
}

bool
la_explain_listener_get(const struct la_explain *explain, size_t idx,
                        struct la_explain_listener *out)
{
    if (idx >= explain->listeners.live_n)
        return false;
    const struct la_server *listener = listener_at(explain, (uint32_t)idx);
    *out = (struct la_explain_listener){
        .at = listener->at,
        .syn_n = listener->syn_n,
        .synack_n = listener->synack_n,
        .synack_again_n = listener->synack_again_n,
        .complete_n = listener->complete_n,
        .refused_n = listener->refused_n,
        .unanswered_n = listener->unanswered_n,
        .unfinished_n = listener->unfinished_n,
        .ignored_n = listener->ignored_n,
        .backlog_rst_n = listener->backlog_rst_n,
        .sources_n = sources_of(listener),
        .half_open_n_max = listener->half_open_n_max,
        .half_open_max_at = {listener->half_open_max_at_ns},
        .first_at = {listener->first_at_ns},
        .last_at = {listener->last_at_ns},
        .is_flooded = listener->is_flooded,
        .has_cookies = listener->has_cookies,
        .is_full = listener->is_full,
        .is_scanned = listener->is_scanned,
        .scanner = listener->client,
        .samples = listener->samples,
        .samples_n = listener->samples_n,
    };
    return true;
}
