/* SPDX-License-Identifier: MIT
 *
 * loss.c - what was sent again, and why
 *
 * Text that passes the tap a second time was sent again. Text that passes for the first time after
 * text behind it is late, or was sent again after it was lost before the tap: its timestamp tells
 * (RFC 7323 3: it is the time of sending) or its IP identification, where those of the end count
 * its packets, then what it echoes, and where none does, the time since the hole was seen: a
 * retransmission takes a round trip at least (heuristic: three quarters of the shortest one, 3 ms
 * where none is known).
 * By the same marks text that had passed and is older than what has passed since is no
 * retransmission, but a copy that the network made.
 *
 * The cause is what the sender could know: duplicate acknowledgements or SACK blocks beyond the
 * text (RFC 5681 3.2, RFC 6675, RFC 8985) make it fast; otherwise a timer expired, that of a tail
 * loss probe (RFC 8985 7.2) if it is the last text that was sent and the timeout (RFC 6298) is not
 * due.
 */
#include "base/extremes.h"
#include "explain/measure.h"
#include "explain/parts.h"

enum { LATE_NS_UNKNOWN = 3000000, TIMESTAMPS_BYTES = 12, MSS_DEFAULT = 536 };

/* ---- the order of sending ------------------------------------------------------------- */

/* Heuristic: a step from one text to the next, with ACKs and super-segments between, or back where
 * they overtook each other; so many in a row are no chance. */
enum { ID_STEP_MAX = 1024, ID_STEPS_N_MIN = 2 };

/* The identification of packets, where it is not left out (RFC 6864 4.1). */
static bool
has_id(const struct la_seen *seen)
{
    return seen->has_ip_id && seen->ip_id != 0;
}

static bool
counts_packets(const struct la_measure *m)
{
    return m->id_steps_n >= ID_STEPS_N_MIN;
}

static void
note_order(struct la_measure *m, const struct la_seen *seen)
{
    if ((seen->tcp.has & LA_TCP_HAS_TIMESTAMPS) != 0 &&
        (!m->has_ts || la_tcp_ts_older(m->ts_high, seen->tcp.ts_val))) {
        m->ts_high = seen->tcp.ts_val;
        m->has_ts = true;
    }
    if (!has_id(seen))
        return;
    int16_t step = (int16_t)(seen->ip_id - m->id_high);
    if (m->has_id && (step > ID_STEP_MAX || step < -ID_STEP_MAX))
        m->id_steps_n = 0;
    else if (m->has_id && step != 0 && m->id_steps_n < UINT8_MAX)
        m->id_steps_n++;
    if (!m->has_id || step > 0 || !counts_packets(m))
        m->id_high = (uint16_t)seen->ip_id;
    m->has_id = true;
}

/* Something that has passed was sent after it. */
static bool
is_outrun(const struct la_measure *m, const struct la_seen *seen)
{
    if (m->has_ts && (seen->tcp.has & LA_TCP_HAS_TIMESTAMPS) != 0 && seen->tcp.ts_val != m->ts_high)
        return la_tcp_ts_older(seen->tcp.ts_val, m->ts_high);
    int16_t step = (int16_t)(seen->ip_id - m->id_high);
    return counts_packets(m) && has_id(seen) && step <= 0 && step >= -ID_STEP_MAX;
}

/* It was sent after all that has passed. */
static bool
is_newest(const struct la_measure *m, const struct la_seen *seen)
{
    if (m->has_ts && (seen->tcp.has & LA_TCP_HAS_TIMESTAMPS) != 0 && seen->tcp.ts_val != m->ts_high)
        return la_tcp_ts_older(m->ts_high, seen->tcp.ts_val);
    return counts_packets(m) && has_id(seen) && (int16_t)(seen->ip_id - m->id_high) > 0;
}

/* ---- holes ------------------------------------------------------------------------------ */

static void
hole_open(struct la_measure *m, const struct la_placed *placed)
{
    const struct la_tcp_seg *seg = &placed->seen->tcp;
    if (m->holes_n == LA_HOLES_N)
        return; /* what fills it counts as sent again */
    m->holes[m->holes_n++] = (struct la_hole){
        .from = la_seq_sub(seg->seq, placed->gap_bytes),
        .to = seg->seq,
        .at_ns = placed->at_ns,
        .ts_val = seg->ts_val,
        .ts_ecr = seg->ts_ecr,
        .peer_ts = placed->peer->ts_at_ns != 0 ? placed->peer->ts_seen : 0,
        .ip_id = (uint16_t)placed->seen->ip_id,
        .has_ts = (seg->has & LA_TCP_HAS_TIMESTAMPS) != 0,
        .has_ip_id = has_id(placed->seen),
    };
}

/* The hole that all of the text lies in; NULL: none. */
static struct la_hole *
hole_of(struct la_measure *m, la_seq from, la_seq to)
{
    for (unsigned i = 0; i < m->holes_n; i++)
        if (la_seq_le(m->holes[i].from, from) && la_seq_le(to, m->holes[i].to))
            return &m->holes[i];
    return NULL;
}

static void
hole_drop(struct la_measure *m, struct la_hole *hole)
{
    *hole = m->holes[--m->holes_n];
}

static void
hole_fill(struct la_measure *m, struct la_hole *hole, la_seq from, la_seq to)
{
    struct la_hole rest = *hole;
    rest.from = to;
    hole->to = from;
    bool has_rest = la_seq_lt(rest.from, rest.to);
    if (!la_seq_lt(hole->from, hole->to)) {
        if (has_rest)
            *hole = rest;
        else
            hole_drop(m, hole);
    } else if (has_rest && m->holes_n < LA_HOLES_N) {
        m->holes[m->holes_n++] = rest;
    }
}

/* What of the holes lies in there is filled; returns how many octets that are. */
static uint32_t
holes_fill(struct la_measure *m, la_seq from, la_seq to)
{
    uint32_t filled = 0;
    for (unsigned i = m->holes_n; i-- > 0;) {
        la_seq a = la_seq_gt(m->holes[i].from, from) ? m->holes[i].from : from;
        la_seq b = la_seq_lt(m->holes[i].to, to) ? m->holes[i].to : to;
        if (!la_seq_lt(a, b))
            continue;
        filled += (uint32_t)la_seq_diff(b, a);
        hole_fill(m, &m->holes[i], a, b);
    }
    return filled;
}

/* What is acknowledged and has never passed was not captured. */
static void
holes_acked(struct la_measure *m, struct la_track_end *sender)
{
    for (unsigned i = m->holes_n; i-- > 0;) {
        const struct la_hole *hole = &m->holes[i];
        if (!la_seq_le(hole->to, sender->una))
            continue;
        m->gap_n++;
        sender->missing_bytes += (uint32_t)la_seq_diff(hole->to, hole->from);
        sender->missing_from = hole->from;
        sender->missing_to = hole->to;
        hole_drop(m, &m->holes[i]);
    }
}

/* What an end echoes does not go back (RFC 7323 4.3): of two segments of one tick, the later one
 * has the later echo. 0: both are the same, or nothing is echoed. */
static int
order_by_echo(const struct la_hole *hole, const struct la_tcp_seg *seg)
{
    if (seg->ts_ecr == 0 || hole->ts_ecr == 0)
        return 0;
    if (seg->ts_ecr != hole->ts_ecr)
        return la_tcp_ts_older(seg->ts_ecr, hole->ts_ecr) ? -1 : 1;
    /* Its sender had not heard what came back until the hole was seen. */
    return hole->peer_ts != 0 && la_tcp_ts_older(seg->ts_ecr, hole->peer_ts) ? -1 : 0;
}

/* The least time between a hole and a retransmission that it causes, at the tap. */
static int64_t
round_trip_ns(const struct la_measure *m, const struct la_placed *placed)
{
    uint32_t mine_us = placed->me->part_us_min, other_us = placed->peer->part_us_min;
    if (m->rtt_n > 0)
        other_us = m->rtt_us_min;
    if (other_us == UINT32_MAX)
        return LATE_NS_UNKNOWN;
    return ((int64_t)other_us + (mine_us == UINT32_MAX ? 0 : mine_us)) * LA_NS_PER_US * 3 / 4;
}

/* Did it overtake nothing, but was overtaken? */
static bool
is_late(const struct la_measure *m, const struct la_hole *hole, const struct la_placed *placed)
{
    const struct la_tcp_seg *seg = &placed->seen->tcp;
    if (hole->has_ts && (seg->has & LA_TCP_HAS_TIMESTAMPS) != 0 && seg->ts_val != hole->ts_val)
        return la_tcp_ts_older(seg->ts_val, hole->ts_val);
    if (counts_packets(m) && hole->has_ip_id && has_id(placed->seen))
        return (int16_t)(placed->seen->ip_id - hole->ip_id) < 0;
    int order =
        hole->has_ts && (seg->has & LA_TCP_HAS_TIMESTAMPS) != 0 ? order_by_echo(hole, seg) : 0;
    if (order != 0)
        return order < 0;
    return placed->at_ns - hole->at_ns < round_trip_ns(m, placed);
}

/* ---- causes ----------------------------------------------------------------------------- */

static bool
shows_loss(const struct la_measure *m, la_seq to)
{
    return m->duplicates_now > 0 || (m->sacked && la_seq_gt(m->sack_high, to));
}

static int64_t
waited_ns_of(const struct la_measure *m, const struct la_placed *placed)
{
    return placed->at_ns - (m->heard_at_ns > m->sent_at_ns ? m->heard_at_ns : m->sent_at_ns);
}

/* RFC 8985 7.2, 7.3: the last segment, once, where SACK was agreed, nothing is being repaired and
 * no block was reported; an acknowledgement twice without a block hinders no probe.
 * The probe is due after two round trips and the time of a delayed acknowledgement, but not later
 * than the timeout: who has a probe never begins with that. Heuristic: a quarter more. */
static bool
is_tail_probe(const struct la_measure *m, const struct la_placed *placed, la_seq to,
              int64_t timeout_ns)
{
    enum { DELAYED_ACK_US_MAX = 200000 };
    const struct la_track_end *me = placed->me, *peer = placed->peer;
    int64_t due_ns = (2 * (int64_t)m->srtt_us + DELAYED_ACK_US_MAX) * LA_NS_PER_US;
    int64_t most_ns = due_ns > timeout_ns ? due_ns : timeout_ns;
    return la_seq_eq(to, me->nxt) && !m->probed && m->recovery == LA_RECOVERY_NONE && !m->sacked &&
           (me->options & peer->options & LA_EXPLAIN_HAS_SACK_PERMITTED) != 0 &&
           waited_ns_of(m, placed) <= most_ns + most_ns / 4;
}

static enum la_cause
cause_by_timer(struct la_measure *m, const struct la_track *track, const struct la_placed *placed,
               la_seq to)
{
    const struct la_track_end *me = placed->me;
    int64_t timeout_ns = la_rtt_timeout_ns(m, track, placed->from);
    int64_t waited_ns = waited_ns_of(m, placed);
    if (is_tail_probe(m, placed, to, timeout_ns)) {
        m->probed = true;
        return LA_CAUSE_TAIL_PROBE;
    }
    if (waited_ns < timeout_ns / 2)
        return LA_CAUSE_NONE;
    m->recovery = LA_RECOVERY_RTO;
    m->recover = me->nxt;
    return LA_CAUSE_RETRANSMIT_RTO;
}

static enum la_cause
cause_of(struct la_measure *m, const struct la_track *track, const struct la_placed *placed,
         la_seq to)
{
    const struct la_track_end *me = placed->me;
    bool again_rto = m->recovery == LA_RECOVERY_RTO && la_seq_le(to, m->recover);
    int64_t waited_ns = placed->at_ns - m->sent_at_ns;
    int64_t timeout_ns = la_rtt_timeout_ns(m, track, placed->from);
    if (again_rto && waited_ns < timeout_ns / 2)
        return LA_CAUSE_RETRANSMIT_RTO;
    /* Where it shows, and nothing was sent for so long, it was not enough (RFC 5681 3.2: three). */
    bool expired = waited_ns_of(m, placed) >= timeout_ns - timeout_ns / 10;
    if (!again_rto && !expired && shows_loss(m, to)) {
        if (m->recovery == LA_RECOVERY_NONE)
            m->recover = me->nxt;
        m->recovery = LA_RECOVERY_FAST;
        return m->sacked ? LA_CAUSE_RETRANSMIT_SACK : LA_CAUSE_RETRANSMIT_FAST;
    }
    if (m->recovery == LA_RECOVERY_FAST &&
        la_seq_eq(la_seq_sub(to, placed->seen->tcp.text_bytes), me->una))
        return LA_CAUSE_RETRANSMIT_PARTIAL;
    return cause_by_timer(m, track, placed, to);
}

/* How many segments the sender cut it into, had no device gathered them. */
static uint32_t
segments_of(const struct la_placed *placed)
{
    const struct la_track_end *peer = placed->peer;
    uint32_t mss = (peer->options & LA_EXPLAIN_HAS_MSS) != 0 ? peer->mss : MSS_DEFAULT;
    if ((placed->seen->tcp.has & LA_TCP_HAS_TIMESTAMPS) != 0 && mss > TIMESTAMPS_BYTES)
        mss -= TIMESTAMPS_BYTES;
    bool known = (peer->options & LA_EXPLAIN_HAS_MSS) != 0 && mss > 0;
    return known && placed->old_bytes > mss ? (placed->old_bytes + mss - 1) / mss : 1;
}

static void
count_again(struct la_measure *m, enum la_cause cause, uint32_t n)
{
    if (cause == LA_CAUSE_RETRANSMIT_RTO)
        m->rto_n += n;
    else if (cause == LA_CAUSE_TAIL_PROBE)
        m->tail_probe_n += n;
    else if (cause == LA_CAUSE_NONE)
        m->unknown_n += n;
    else
        m->fast_n += n;
}

/* ---- sent ------------------------------------------------------------------------------- */

/* Returns how often it has been sent again by now, of what is remembered. */
static uint8_t
remember(struct la_measure *m, const struct la_track_end *me, la_seq from, la_seq to, uint32_t n)
{
    unsigned times_n = 1;
    for (unsigned i = 0; i < LA_AGAINS_N && i < m->agains_n; i++)
        times_n += la_seq_le(m->agains[i].from, from) && la_seq_lt(from, m->agains[i].to);
    struct la_again *again = &m->agains[m->agains_n++ % LA_AGAINS_N];
    /* It had been acknowledged when it passed: it came for nothing, wherever the tap is. */
    *again = (struct la_again){.from = from, .to = to, .is_spurious = la_seq_le(to, me->una)};
    if (again->is_spurious)
        m->spurious_n += n;
    return (uint8_t)times_n;
}

/* A FIN that has not passed before. */
static bool
is_first_fin(const struct la_placed *placed)
{
    return (placed->seen->tcp.flags & LA_TCP_FIN) != 0 && (placed->me->flags & LA_END_FIN) == 0;
}

static void
text_again(struct la_measure *m, const struct la_track *track, struct la_placed *placed)
{
    const struct la_tcp_seg *seg = &placed->seen->tcp;
    la_seq from = (seg->flags & LA_TCP_SYN) != 0 ? la_seq_add(seg->seq, 1) : seg->seq;
    la_seq to = la_seq_add(from, placed->old_bytes);
    struct la_hole *hole = hole_of(m, from, to);
    if (hole != NULL) {
        bool late = is_late(m, hole, placed);
        placed->filled_bytes = placed->old_bytes;
        hole_fill(m, hole, from, to);
        if (late) {
            m->reordered_n++;
            return;
        }
    } else if (is_outrun(m, placed->seen)) {
        placed->filled_bytes = holes_fill(m, from, to);
        placed->is_copy = placed->filled_bytes == 0 && !is_first_fin(placed);
        m->reordered_n += !placed->is_copy; /* late, for a part of it at least */
        return;
    }
    uint32_t n = segments_of(placed);
    placed->cause = (uint8_t)cause_of(m, track, placed, to);
    /* Nothing made its sender send what had been acknowledged, and nothing shows that it did. */
    if (placed->cause == LA_CAUSE_NONE && hole == NULL && !is_first_fin(placed) &&
        la_seq_le(la_seq_add(seg->seq, seg->len), placed->me->una) && !is_newest(m, placed->seen)) {
        placed->is_copy = true;
        return;
    }
    if (hole == NULL) /* Parts of some it may fill all the same. */
        placed->filled_bytes = holes_fill(m, from, to);
    count_again(m, (enum la_cause)placed->cause, n);
    placed->again_n = remember(m, placed->me, from, to, n);
}

/* RFC 9293 3.8.4: the number before the next one, with nothing to acknowledge; 3.8.6.1: the same,
 * or an octet, into a window that is shut. */
static bool
is_probe(struct la_measure *m, const struct la_track_end *me, struct la_placed *placed)
{
    const struct la_tcp_seg *seg = &placed->seen->tcp;
    bool before = la_seq_eq(la_seq_add(seg->seq, 1), me->nxt) && placed->new_bytes == 0;
    bool small = seg->text_bytes <= 1 && (seg->flags & (LA_TCP_SYN | LA_TCP_FIN)) == 0;
    if (!small)
        return false;
    if (me->window_closed && (before || seg->text_bytes == 1)) {
        m->window_probe_n++;
        placed->cause = LA_CAUSE_WINDOW_PROBE;
        return true;
    }
    if (!before || !la_seq_eq(me->una, me->nxt) || (me->flags & LA_END_FIN) != 0)
        return false;
    m->keepalive_n++;
    placed->cause = LA_CAUSE_KEEPALIVE;
    return true;
}

/* An ACK behind the FIN's number had passed, and this FIN was sent after that. */
static bool
fin_again(struct la_measure *m, const struct la_placed *placed)
{
    const struct la_tcp_seg *seg = &placed->seen->tcp;
    la_seq at = la_seq_add(seg->seq, seg->text_bytes);
    const struct la_hole *hole = hole_of(m, at, la_seq_add(at, 1));
    return hole != NULL && !is_late(m, hole, placed);
}

void
la_loss_sent(struct la_measure *m, const struct la_track *track, struct la_placed *placed)
{
    const struct la_track_end *me = placed->me;
    const struct la_tcp_seg *seg = &placed->seen->tcp;
    bool fin = (seg->flags & LA_TCP_FIN) != 0;
    if (placed->goes_on && seg->text_bytes > 1) { /* New, and no probe. */
        note_order(m, placed->seen);
        m->sent_at_ns = placed->at_ns;
        return;
    }
    if (is_probe(m, me, placed))
        return;
    if (placed->gap_bytes > 0)
        hole_open(m, placed); /* By an ACK, too: it overtook text that went before it. */
    if (placed->old_bytes > 0) {
        text_again(m, track, placed);
    } else if (fin && seg->text_bytes == 0 &&
               ((me->flags & LA_END_FIN) != 0 || fin_again(m, placed))) {
        placed->cause = LA_CAUSE_RETRANSMIT_RTO;
        m->fin_n++;
        placed->again_n = (uint8_t)min32(m->fin_n, UINT8_MAX);
    }
    if (placed->is_copy)
        return;
    if (fin && m->holes_n > 0) /* An ACK that overtook it left a hole of one. */
        (void)holes_fill(m, la_seq_add(seg->seq, seg->text_bytes), la_seq_add(seg->seq, seg->len));
    if (seg->text_bytes > 0)
        note_order(m, placed->seen);
    if (seg->text_bytes > 0 || fin)
        m->sent_at_ns = placed->at_ns;
}

/* ---- acknowledged ----------------------------------------------------------------------- */

/* RFC 2883 4: the receiver had it twice. Which of several it reports, the numbers do not tell: one
 * that is known to have come for nothing, if there is one. */
static void
take_duplicate_block(struct la_measure *m, const struct la_tcp_sack *block)
{
    struct la_again *reported = NULL;
    for (unsigned i = 0; i < LA_AGAINS_N && i < m->agains_n; i++) {
        struct la_again *again = &m->agains[i];
        bool meets = la_seq_lt(again->from, block->right) && la_seq_lt(block->left, again->to);
        if (!meets || again->is_reported)
            continue;
        if (reported == NULL || (again->is_spurious && !reported->is_spurious))
            reported = again;
    }
    if (reported == NULL)
        return;
    m->spurious_n += !reported->is_spurious;
    reported->is_spurious = reported->is_reported = true;
}

static bool
take_blocks(struct la_measure *m, const struct la_tcp_seg *seg)
{
    bool first = la_tcp_seg_has_dsack(seg), news = false;
    if (first)
        take_duplicate_block(m, &seg->sack[0]);
    for (unsigned i = first ? 1 : 0; i < seg->sack_n; i++) {
        if (m->sacked && !la_seq_gt(seg->sack[i].right, m->sack_high))
            continue;
        m->sack_high = seg->sack[i].right;
        m->sacked = news = true;
    }
    return news;
}

void
la_loss_acked(struct la_measure *m, const struct la_placed *placed)
{
    const struct la_track_end *sender = placed->peer;
    const struct la_tcp_seg *seg = &placed->seen->tcp;
    bool news = seg->sack_n > 0 && take_blocks(m, seg);
    if (placed->acked_bytes > 0) {
        m->probed = false;
        m->duplicates_now = 0;
        holes_acked(m, placed->peer);
        if (m->sacked && la_seq_ge(sender->una, m->sack_high))
            m->sacked = false;
        if (m->recovery != LA_RECOVERY_NONE && la_seq_ge(sender->una, m->recover))
            m->recovery = LA_RECOVERY_NONE;
        news = true;
    } else if (seg->len == 0 && la_seq_eq(seg->ack, sender->una) &&
               la_seq_lt(sender->una, sender->nxt) && placed->window == m->window_last) {
        m->duplicates_now++; /* RFC 5681 2 */
        m->duplicate_ack_n++;
    }
    if (placed->acks_missing)
        m->gap_n++;
    if (news)
        m->heard_at_ns = placed->at_ns;
    m->window_last = placed->window;
}
