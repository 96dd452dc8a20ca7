/* SPDX-License-Identifier: MIT
 *
 * conn.c - which connection an event belongs to
 *
 * A connection is its pair of endpoints and an incarnation: a new one begins when an end whose last
 * one is finished opens again (RFC 9293 3.4.3, 3.6.1).
 */
#include "story/draw.h"
#include "story/outcome.h"

#include <stdlib.h>
#include <string.h>

/* How far the search for a connection that can be forgotten goes. */
enum { EVICT_STEPS_N_MAX = 64 };

static bool
endpoint_same(const struct la_endpoint *a, const struct la_endpoint *b)
{
    return a->port == b->port && memcmp(&a->addr, &b->addr, sizeof(a->addr)) == 0;
}

static bool
pair_is(const struct conn *conn, const struct la_event *e)
{
    return (endpoint_same(&conn->endpoint[LEFT], &e->local) &&
            endpoint_same(&conn->endpoint[RIGHT], &e->remote)) ||
           (endpoint_same(&conn->endpoint[RIGHT], &e->local) &&
            endpoint_same(&conn->endpoint[LEFT], &e->remote));
}

static uint64_t
endpoint_hash(const struct la_story *st, const struct la_endpoint *endpoint)
{
    uint64_t words[2];
    memcpy(words, &endpoint->addr, sizeof(words));
    return la_hash2(&st->key, words[0] ^ (uint64_t)endpoint->port << 16, words[1]);
}

/* The same for either order. */
static struct conn **
bucket_of(struct la_story *st, const struct la_endpoint *a, const struct la_endpoint *b)
{
    uint64_t hash = endpoint_hash(st, a) + endpoint_hash(st, b);
    return &st->conn_buckets[hash & (st->conn_buckets_n - 1)];
}

uint8_t
la_story_conn_side(const struct conn *conn, const struct la_event *e)
{
    if (endpoint_same(&e->local, &e->remote))
        return e->end & 1;
    return endpoint_same(&conn->endpoint[LEFT], &e->local) ? LEFT : RIGHT;
}

/* The opener is left when no convention says otherwise. */
static bool
local_is_left(const struct la_event *e)
{
    if (e->end < 2)
        return e->end == 0;
    uint16_t flags = e->u.segment.flags;
    return !(e->kind == LA_EVENT_SEGMENT_ARRIVED &&
             (flags & (LA_TCP_SYN | LA_TCP_ACK)) == LA_TCP_SYN);
}

static bool
state_rests(const struct conn_end *end)
{
    return end->state == LA_TCP_CLOSED || end->state == LA_TCP_TIME_WAIT;
}

static bool
state_absent(const struct conn_end *end)
{
    return end->state == 0 || end->state == LA_TCP_LISTEN;
}

/* Ended by something that ends it for both: not by its user alone, whose peer may yet be heard. */
static bool
ended_alone(const struct conn_end *end)
{
    return end->last_event == LA_TCP_EV_CLOSE || end->last_event == LA_TCP_EV_ABORT;
}

bool
la_story_conn_is_over(const struct conn *conn)
{
    const struct conn_end *l = &conn->end[LEFT], *r = &conn->end[RIGHT];
    bool l_closed = l->state == LA_TCP_CLOSED && l->was_closed;
    bool r_closed = r->state == LA_TCP_CLOSED && r->was_closed;
    return (l_closed && r_closed) || (l_closed && state_absent(r) && !ended_alone(l)) ||
           (r_closed && state_absent(l) && !ended_alone(r));
}

bool
la_story_conn_is_resting(const struct conn *conn)
{
    const struct conn_end *l = &conn->end[LEFT], *r = &conn->end[RIGHT];
    return (state_rests(l) && (state_rests(r) || state_absent(r))) ||
           (state_rests(r) && state_absent(l));
}

/* Does the event open a connection at its end? */
static bool
event_opens(const struct la_event *e, const struct conn_end *end)
{
    if (e->kind == LA_EVENT_CALL)
        return e->u.call.call == LA_CALL_OPEN_ACTIVE;
    if (e->kind == LA_EVENT_STATE)
        return e->u.state.event == LA_TCP_EV_OPEN_ACTIVE;
    if (e->kind != LA_EVENT_SEGMENT_SENT)
        return false;
    const struct la_event_segment *s = &e->u.segment;
    return (s->flags & (LA_TCP_SYN | LA_TCP_ACK | LA_TCP_RST)) == LA_TCP_SYN && end->syn_sent &&
           s->seq != end->base;
}

static bool
end_is_spent(const struct conn *conn, unsigned side)
{
    const struct conn_end *end = &conn->end[side], *peer = &conn->end[side ^ 1];
    if (end->state == 0)
        return conn->summed_up || end->fin_sent || end->rst_sent || peer->rst_sent;
    return end->was_closed ? end->state == LA_TCP_CLOSED : end->state == LA_TCP_TIME_WAIT;
}

static void
unlink_conn(struct la_story *st, struct conn *conn)
{
    struct conn **link = bucket_of(st, &conn->endpoint[LEFT], &conn->endpoint[RIGHT]);
    while (*link != conn)
        link = &(*link)->bucket_next;
    *link = conn->bucket_next;
    *(conn->older != NULL ? &conn->older->newer : &st->oldest) = conn->newer;
    *(conn->newer != NULL ? &conn->newer->older : &st->newest) = conn->older;
    st->conns_live_n--;
    if (conn->announced && !conn->summed_up)
        st->alive_n--;
}

void
la_story_conn_free(struct la_story *st, struct conn *conn)
{
    for (unsigned side = LEFT; side <= RIGHT; side++) {
        la_remark_forget(&conn->end[side]);
        if (conn->end[side].floating != NULL)
            la_row_free(st, conn->end[side].floating);
        for (struct row *row; (row = la_row_queue_pop(&conn->end[side].lane)) != NULL;)
            la_row_free(st, row);
    }
    la_fold_drop(st, conn);
    unlink_conn(st, conn);
    free(conn);
}

/* Forgets an old connection, best one whose summary has been written. False: all are in use. */
static bool
evict(struct la_story *st)
{
    struct conn *victim = NULL;
    int steps = 0;
    for (struct conn *c = st->oldest; c != NULL && steps < EVICT_STEPS_N_MAX;
         c = c->newer, steps++) {
        if (c->rows_n != 0)
            continue;
        if (victim == NULL)
            victim = c;
        if (c->summed_up) {
            victim = c;
            break;
        }
    }
    if (victim == NULL)
        return false;
    la_fold_end(st, victim);
    la_story_conn_free(st, victim);
    st->stats.conns_let_go_n++;
    return true;
}

static struct conn *
conn_new(struct la_story *st, const struct la_event *e)
{
    st->stats.conns_n++;
    struct conn *conn = NULL;
    if (st->conns_live_n < st->cfg.conns_n_max || evict(st))
        conn = la_story_take(st, sizeof(*conn));
    if (conn == NULL) {
        st->stats.conns_let_go_n++;
        return NULL;
    }
    conn->number = story_has(st, LA_STORY_CONN_NUMBERS) ? (uint32_t)(e->conn - 1)
                                                        : (uint32_t)st->stats.conns_n;
    conn->first_at = conn->last_at = la_instant_is_never(e->at) ? st->now : e->at;
    bool left = local_is_left(e);
    conn->endpoint[LEFT] = left ? e->local : e->remote;
    conn->endpoint[RIGHT] = left ? e->remote : e->local;
    struct conn **bucket = bucket_of(st, &e->local, &e->remote);
    conn->bucket_next = *bucket;
    *bucket = conn;
    conn->older = st->newest;
    *(st->newest != NULL ? &st->newest->newer : &st->oldest) = conn;
    st->newest = conn;
    st->conns_live_n++;
    return conn;
}

/* Can the event stand at the beginning of what is known of a connection? */
static bool
event_introduces(const struct la_event *e)
{
    switch ((enum la_event_kind)e->kind) {
    case LA_EVENT_SEGMENT_SENT:
    case LA_EVENT_SEGMENT_ARRIVED:
    case LA_EVENT_STATE:
        return true;
    case LA_EVENT_CALL:
        return e->u.call.call == LA_CALL_OPEN_ACTIVE;
    case LA_EVENT_WIRE:
    case LA_EVENT_DROP:
    case LA_EVENT_TIMER:
    case LA_EVENT_RTT:
    case LA_EVENT_CONGESTION:
    case LA_EVENT_WINDOW:
    case LA_EVENT_NEGOTIATED:
    case LA_EVENT_ERROR:
    case LA_EVENT_ECN:
    case LA_EVENT_LOSS:
    case LA_EVENT_URGENT:
    case LA_EVENT_KIND_COUNT:
        break;
    }
    return false;
}

struct conn *
la_story_conn_of_event(struct la_story *st, const struct la_event *e)
{
    if (e->local.port == 0 || e->remote.port == 0)
        return NULL;
    struct conn *conn = *bucket_of(st, &e->local, &e->remote);
    while (conn != NULL && !pair_is(conn, e))
        conn = conn->bucket_next;
    if (conn != NULL) {
        unsigned side = la_story_conn_side(conn, e);
        if (!event_opens(e, &conn->end[side]) || !end_is_spent(conn, side)) {
            if (conn->last_at.ns < e->at.ns && !la_instant_is_never(e->at))
                conn->last_at = e->at;
            return conn;
        }
    }
    return event_introduces(e) ? conn_new(st, e) : NULL;
}

int64_t
la_story_conn_relative(const struct conn *conn, unsigned side, uint32_t seq)
{
    const struct conn_end *end = &conn->end[side];
    return end->high + (int32_t)(seq - (end->base + (uint32_t)end->high));
}
