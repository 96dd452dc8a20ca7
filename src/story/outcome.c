/* SPDX-License-Identifier: MIT
 *
 * outcome.c - how a connection was opened and closed, by whom
 *
 * Read first: RFC 9293 3.5 (establishing), 3.6 (closing), figures 6 to 13.
 */
#include "story/outcome.h"

static const struct {
    const char *name, *text;
} opens[OPEN_HOW_COUNT] =
    {
        [OPEN_NOT_SEEN] = {"NOT_SEEN", "before the first event"},
        [OPEN_HANDSHAKE] = {"HANDSHAKE", "handshake"},
        [OPEN_SIMULTANEOUS] = {"SIMULTANEOUS", "simultaneous"},
        [OPEN_REFUSED] = {"REFUSED", "refused"},
        [OPEN_TIMED_OUT] = {"TIMED_OUT", "timed out"},
        [OPEN_FAILED] = {"FAILED", "failed"},
        [OPEN_PENDING] = {"PENDING", "pending"},
},
  closes[CLOSE_HOW_COUNT] = {
      [CLOSE_NONE] = {"NONE", "-"},
      [CLOSE_FOUR_SEGMENTS] = {"FOUR_SEGMENTS", "four segments"},
      [CLOSE_THREE_SEGMENTS] = {"THREE_SEGMENTS", "three segments"},
      [CLOSE_SIMULTANEOUS] = {"SIMULTANEOUS", "simultaneous"},
      [CLOSE_RESET] = {"RESET", "reset"},
      [CLOSE_TIMED_OUT] = {"TIMED_OUT", "timed out"},
      [CLOSE_HALF] = {"HALF", "half-closed"},
      [CLOSE_STILL_OPEN] = {"STILL_OPEN", "still open"},
};

const char *
la_outcome_open_name(enum open_how how)
{
    return opens[how].name;
}

const char *
la_outcome_open_text(enum open_how how)
{
    return opens[how].text;
}

const char *
la_outcome_close_name(enum close_how how)
{
    return closes[how].name;
}

const char *
la_outcome_close_text(enum close_how how)
{
    return closes[how].text;
}

uint64_t
la_story_conn_retransmits_n(const struct conn_end *end)
{
    uint64_t n = 0;
    for (size_t i = 0; i < RETRANSMIT_KINDS; i++)
        n += end->retransmits_n[i];
    return n;
}

uint64_t
la_story_conn_lost_n(const struct conn_end *end)
{
    return end->lost_n + end->queue_dropped_n;
}

static bool
ended_by_timeout(const struct conn_end *end)
{
    return end->was_closed &&
           (end->last_event == LA_TCP_EV_TIMEOUT_USER || end->last_event == LA_TCP_EV_TIMEOUT_R2 ||
            end->last_event == LA_TCP_EV_TIMEOUT_KEEPALIVE);
}

/* The end that opened without being asked, BY_NOBODY when both or neither did. */
static uint8_t
opener_of(const struct conn *conn)
{
    bool l = conn->end[LEFT].syn_plain_sent, r = conn->end[RIGHT].syn_plain_sent;
    return l == r ? BY_NOBODY : l ? LEFT : RIGHT;
}

static bool
is_up(const struct conn *conn)
{
    for (unsigned side = LEFT; side <= RIGHT; side++) {
        const struct conn_end *end = &conn->end[side];
        if (end->was_up || end->octets != 0 || end->fin_sent)
            return true;
    }
    return false;
}

static void
judge_open(const struct conn *conn, struct outcome *out)
{
    out->open_by = opener_of(conn);
    bool both = conn->end[LEFT].syn_plain_sent && conn->end[RIGHT].syn_plain_sent;
    if (is_up(conn)) {
        out->open_how = both                        ? OPEN_SIMULTANEOUS
                        : out->open_by == BY_NOBODY ? OPEN_NOT_SEEN
                                                    : OPEN_HANDSHAKE;
        const struct conn_end *end = &conn->end[out->open_by == RIGHT ? RIGHT : LEFT];
        if (end->was_up && end->syn_sent && !la_instant_is_never(end->up_at))
            out->open_ns = la_story_ns_between(end->up_at, end->syn_at);
        return;
    }
    if (out->open_by == BY_NOBODY && !both) {
        out->open_how = OPEN_NOT_SEEN;
        return;
    }
    unsigned opener = out->open_by == RIGHT ? RIGHT : LEFT;
    const struct conn_end *end = &conn->end[opener], *peer = &conn->end[opener ^ 1];
    if (ended_by_timeout(end))
        out->open_how = OPEN_TIMED_OUT;
    else if (peer->rst_sent)
        out->open_how = OPEN_REFUSED;
    else if (end->was_closed)
        out->open_how = end->last_event == LA_TCP_EV_RCV_RST ? OPEN_REFUSED : OPEN_FAILED;
    else
        out->open_how = OPEN_PENDING;
}

/* Two FINs: were they sent in turn? */
static void
judge_fins(const struct conn *conn, struct outcome *out)
{
    const struct conn_end *l = &conn->end[LEFT], *r = &conn->end[RIGHT];
    bool right_first = l->fin_covers_peer || l->acked_peer_fin ||
                       (!r->fin_covers_peer && !r->acked_peer_fin && r->fin_at.ns < l->fin_at.ns);
    const struct conn_end *first = right_first ? r : l, *second = right_first ? l : r;
    out->close_by = right_first ? RIGHT : LEFT;
    if (second->acked_peer_fin) {
        out->close_how = CLOSE_FOUR_SEGMENTS;
    } else if (second->fin_covers_peer) {
        out->close_how = CLOSE_THREE_SEGMENTS;
    } else {
        out->close_how = CLOSE_SIMULTANEOUS;
        out->close_by = BY_NOBODY;
        return;
    }
    out->half_closed_ns = la_story_ns_between(second->fin_at, first->fin_at);
}

/* A RST that both ends have survived was not believed (RFC 5961 3.2). */
static bool
rst_counts(const struct conn_end *l, const struct conn_end *r)
{
    bool survived = l->state != 0 && r->state != 0 && !l->was_closed && !r->was_closed;
    return (l->rst_sent || r->rst_sent) && !survived;
}

static void
judge_close(const struct conn *conn, struct outcome *out)
{
    const struct conn_end *l = &conn->end[LEFT], *r = &conn->end[RIGHT];
    if (!is_up(conn)) {
        out->close_how = CLOSE_NONE;
        return;
    }
    bool reset = rst_counts(l, r);
    uint8_t reset_by = !r->rst_sent || (l->rst_sent && l->rst_at.ns <= r->rst_at.ns) ? LEFT : RIGHT;
    uint8_t timed_by = ended_by_timeout(l) ? LEFT : ended_by_timeout(r) ? RIGHT : BY_NOBODY;
    if (l->fin_sent && r->fin_sent) {
        judge_fins(conn, out);
        out->reset_after_close = reset;
    } else if (timed_by != BY_NOBODY) {
        out->close_how = CLOSE_TIMED_OUT;
        out->close_by = timed_by;
    } else if (reset) {
        out->close_how = CLOSE_RESET;
        out->close_by = reset_by;
    } else if (l->fin_sent || r->fin_sent) {
        out->close_how = CLOSE_HALF;
        out->close_by = l->fin_sent ? LEFT : RIGHT;
    } else if (l->was_closed || r->was_closed) {
        /* An ABORT whose RST was not seen. */
        out->close_how = CLOSE_RESET;
        out->close_by = l->was_closed ? LEFT : RIGHT;
    } else {
        out->close_how = CLOSE_STILL_OPEN;
    }
}

void
la_outcome_of(const struct conn *conn, struct outcome *out)
{
    *out = (struct outcome){
        .open_by = BY_NOBODY, .close_by = BY_NOBODY, .open_ns = -1, .half_closed_ns = -1};
    judge_open(conn, out);
    judge_close(conn, out);
}
