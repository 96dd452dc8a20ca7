/* SPDX-License-Identifier: MIT
 *
 * track.c - what a segment tells about its connection, when it is first met
 *
 * Read first: RFC 9293 3.4 (sequence space: SYN and FIN count one each).
 */
#include "story/story.h"

#include "wire/tcp.h"

static void
base_set(struct conn_end *end, uint32_t base, int64_t high)
{
    end->base = base;
    end->base_known = true;
    end->high = high;
}

/* A SYN gives the ISN. Without one, numbers count as if the first octet seen were number 1. A RST
 * may carry any number (RFC 9293 3.10.7.1), so it gives none. */
static void
learn_bases(struct conn *conn, unsigned from, const struct la_event_segment *s)
{
    struct conn_end *end = &conn->end[from], *peer = &conn->end[from ^ 1];
    if ((s->flags & LA_TCP_RST) != 0)
        return;
    if ((s->flags & LA_TCP_SYN) != 0 && !end->syn_sent)
        base_set(end, s->seq, 0);
    else if (!end->base_known)
        base_set(end, s->seq - 1, 1);
    if ((s->flags & LA_TCP_ACK) != 0 && !peer->base_known)
        base_set(peer, s->ack - 1, 1);
}

static void
count_retransmission(struct conn_end *end, struct row *row)
{
    const struct la_event_segment *s = &row->segment;
    bool probe = s->cause == LA_CAUSE_WINDOW_PROBE || s->cause == LA_CAUSE_KEEPALIVE;
    bool cause = s->cause >= LA_CAUSE_RETRANSMIT_RTO && s->cause <= LA_CAUSE_RETRANSMIT_MTU;
    /* The SYN,ACK of a simultaneous open repeats the SYN's number, not the SYN. */
    bool crossed = (s->flags & LA_TCP_SYN) != 0 && (s->flags & LA_TCP_ACK) != 0 &&
                   end->syn_plain_sent && !end->syn_ack_sent;
    row->again = (s->retransmit_n != 0 && !crossed) || cause;
    if (row->again && !probe)
        end->retransmits_n[s->cause < LA_CAUSE_COUNT ? s->cause : LA_CAUSE_NONE]++;
}

/* Octets not sent before, and how far the sequence space has been used. */
static void
count_octets(struct conn_end *end, const struct row *row)
{
    const struct la_event_segment *s = &row->segment;
    if (!end->base_known || (s->flags & LA_TCP_RST) != 0)
        return;
    int64_t first = row->seq_rel + ((s->flags & LA_TCP_SYN) != 0);
    int64_t last = first + s->len;
    int64_t known = end->high > first ? end->high : first;
    if (last > known)
        end->octets += (uint64_t)(last - known);
    int64_t used = last + ((s->flags & LA_TCP_FIN) != 0);
    if (used > end->high)
        end->high = used;
}

static void
track_fin(struct conn *conn, const struct row *row)
{
    struct conn_end *end = &conn->end[row->from], *peer = &conn->end[row->from ^ 1];
    const struct la_event_segment *s = &row->segment;
    bool covers = (s->flags & LA_TCP_ACK) != 0 && peer->fin_sent && row->ack_rel >= peer->fin_end;
    if ((s->flags & LA_TCP_FIN) == 0) {
        if (covers && !end->fin_sent)
            end->acked_peer_fin = true;
    } else if (!end->fin_sent) {
        end->fin_sent = true;
        end->fin_at = row->begun_at;
        end->fin_end = row->seq_rel + ((s->flags & LA_TCP_SYN) != 0) + s->len + 1;
        end->fin_covers_peer = covers;
    }
}

/* Only an ACK that repeats the last one is a duplicate for its receiver (RFC 5681 2), whatever made
 * its sender send it. */
static void
track_duplicate_ack(struct conn_end *end, struct row *row)
{
    if ((row->segment.flags & LA_TCP_ACK) == 0)
        return;
    row->acks_nothing = end->dup_ack == row->ack_rel;
    if (!row->acks_nothing)
        end->dup_ack_n = 0;
    else if (row->segment.cause == LA_CAUSE_ACK_DUPLICATE)
        end->dup_ack_n++;
    end->dup_ack = row->ack_rel;
}

/* Is accurate ECN agreed, by the SYNs? Then the flags say a number in what follows. */
static void
track_counting(struct conn *conn, struct row *row)
{
    uint16_t flags = row->segment.flags;
    bool syn = (flags & LA_TCP_SYN) != 0;
    if (syn && (flags & LA_TCP_ACK) == 0)
        conn->end[row->from].asks_for_counts = la_tcp_accecn_is_asked(flags);
    else if (syn && conn->end[row->from ^ 1].asks_for_counts)
        conn->counts_marks |= la_tcp_accecn_is_granted(flags);
    bool forgotten = row->state[row->from] == LA_TCP_TIME_WAIT; /* RFC 9768 3.1.2 */
    row->counts = conn->counts_marks && (flags & (LA_TCP_SYN | LA_TCP_RST)) == 0 && !forgotten;
}

void
la_story_track_segment(struct conn *conn, struct row *row)
{
    const struct la_event_segment *s = &row->segment;
    struct conn_end *end = &conn->end[row->from], *peer = &conn->end[row->from ^ 1];
    learn_bases(conn, row->from, s);
    row->seq_rel =
        end->base_known ? la_story_conn_relative(conn, row->from, s->seq) : (int64_t)s->seq;
    row->ack_rel =
        peer->base_known ? la_story_conn_relative(conn, row->from ^ 1, s->ack) : (int64_t)s->ack;
    end->segments_n++;
    count_retransmission(end, row);
    count_octets(end, row);
    track_fin(conn, row);
    track_duplicate_ack(end, row);
    track_counting(conn, row);
    if ((s->flags & LA_TCP_SYN) != 0) {
        if (!end->syn_sent)
            end->syn_at = row->begun_at;
        end->syn_sent = true;
        bool plain = (s->flags & LA_TCP_ACK) == 0;
        end->syn_plain_sent = end->syn_plain_sent || plain;
        end->syn_ack_sent = end->syn_ack_sent || !plain;
    }
    if ((s->flags & LA_TCP_RST) != 0 && !end->rst_sent) {
        end->rst_sent = true;
        end->rst_at = row->begun_at;
        end->rst_cause = s->cause;
    }
}

void
la_story_track_state(struct conn *conn, unsigned side, const struct la_event *e)
{
    struct conn_end *end = &conn->end[side];
    /* RFC 9293 3.6.1: the previous connection gives way to a SYN that belongs to this one. */
    if (e->u.state.from == LA_TCP_TIME_WAIT && e->u.state.event == LA_TCP_EV_RCV_SYN_REUSE)
        return;
    end->state = e->u.state.to < LA_TCP_STATE_COUNT ? e->u.state.to : 0;
    if (end->state == LA_TCP_CLOSED) {
        end->was_closed = true;
        end->last_event = e->u.state.event;
    }
    if (end->state == LA_TCP_ESTABLISHED && !end->was_up) {
        end->was_up = true;
        end->up_at = e->at;
    }
}
