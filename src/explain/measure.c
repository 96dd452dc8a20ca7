/* SPDX-License-Identifier: MIT
 *
 * measure.c - what is counted and timed of one direction: taken, led through, given back
 */
#include "base/apart.h"
#include "explain/measure.h"

#include "explain/parts.h"

enum { CHUNK_SHIFT = 6 };

void
la_measures_init(struct la_explain *explain)
{
    la_pool_init(&explain->measures, explain->mem, sizeof(struct la_measure), CHUNK_SHIFT,
                 NONE - 1);
}

struct la_measure *
la_measure_take(struct la_explain *explain, struct la_track_end *e)
{
    uint32_t idx = la_pool_take(&explain->measures);
    if (idx == LA_POOL_NONE)
        return NULL;
    struct la_measure *m = la_pool_at(&explain->measures, idx);
    memset(m, 0, offsetof(struct la_measure, answers));
    m->idx = idx;
    e->measure = m;
    return m;
}

static void
throughput_add(struct la_explain *explain, const struct la_track *track, struct la_measure *m,
               const struct la_placed *placed)
{
    uint32_t fresh = placed->new_bytes + placed->filled_bytes;
    if (fresh == 0)
        return;
    if (m->throughput == NULL) {
        m->throughput = la_mem_take(explain->mem, sizeof(*m->throughput));
        if (m->throughput == NULL)
            return;
        la_buckets_init(m->throughput, track->first_at_ns);
    }
    la_buckets_add(m->throughput, placed->at_ns, fresh);
}

void
la_measure_free(struct la_explain *explain, struct la_track_end *e)
{
    struct la_measure *m = e->measure;
    if (m == NULL)
        return;
    if (m->throughput != NULL)
        la_mem_give(explain->mem, m->throughput, sizeof(*m->throughput));
    la_pool_give(&explain->measures, m->idx);
    e->measure = NULL;
}

/* Most segments pass here: what is asked of few is asked for by few. */
static inline void
held_back_sent(const struct la_explain *explain, struct la_measure *m, const struct la_track *track,
               const struct la_placed *placed)
{
    bool is_new = placed->new_bytes > 0;
    if (is_new && (m->limit == LA_LIMIT_RECEIVER || m->delayed_us > 0))
        la_stalls_sent(m, track, placed);
    if (is_new || m->rounds.recovery != m->recovery)
        la_rounds_sent(explain, m, track, placed);
}

static inline void
held_back_acked(const struct la_explain *explain, struct la_measure *m,
                const struct la_track *track, const struct la_placed *placed)
{
    if (placed->window < placed->peer->segment_bytes_max || placed->rtt_us >= LA_STALL_US_MIN)
        la_stalls_acked(m, track, placed);
    if ((placed->seen->tcp.flags & LA_TCP_ACK) != 0) {
        m->edge_last = placed->peer->edge;
        m->edge_known = true;
    }
    if (placed->acked_bytes > 0 || m->rounds.recovery != m->recovery)
        la_rounds_acked(explain, m, track, placed);
}

/* Without text, it says something about text. */
static bool
is_wanted(const struct la_placed *placed)
{
    const struct la_tcp_seg *seg = &placed->seen->tcp;
    const struct la_track_end *me = placed->me;
    bool probes = (seg->flags & (LA_TCP_SYN | LA_TCP_FIN)) == 0 && la_seq_lt(seg->seq, me->nxt);
    bool fin_again = (seg->flags & LA_TCP_FIN) != 0 && (me->flags & LA_END_FIN) != 0;
    bool late_fin = (seg->flags & LA_TCP_FIN) != 0 && la_seq_lt(seg->seq, me->nxt);
    return fin_again || late_fin || probes || placed->gap_bytes > 0;
}

void
la_measure_segment(struct la_explain *explain, struct la_track *track, struct la_placed *placed)
{
    const struct la_tcp_seg *seg = &placed->seen->tcp;
    struct la_track_end *me = placed->me;
    bool wants = seg->text_bytes > 0 || (!placed->goes_on && is_wanted(placed));
    bool is_shut = placed->peer->window_closed;
    if (placed->mine == NULL && placed->its == NULL && !wants && !is_shut)
        return;
    if (placed->mine == NULL && wants) {
        placed->mine = la_measure_take(explain, me);
        la_artefacts_first_text(placed);
    }
    struct la_measure *mine = placed->mine, *its = placed->its;
    if (mine != NULL && wants) {
        la_loss_sent(mine, track, placed);
        if (placed->is_copy)
            la_artefacts_count_copy(explain, me, false);
        me->unique_bytes += placed->filled_bytes;
        if (explain->cfg.throughput)
            throughput_add(explain, track, mine, placed);
    }
    if (its != NULL && (seg->flags & LA_TCP_ACK) != 0) {
        la_loss_acked(its, placed);
        if (placed->rtt_us >= 0) {
            la_rtt_sample(its, placed->rtt_us);
            la_tell_rtt(explain, track, 1u - placed->from, its, placed);
            if (placed->peer->turn_us > 0)
                la_turns_take(its, track, placed->peer);
        }
    }
    /* A window that is shut is measured for who cannot send, whatever was captured of that. */
    if (its == NULL && is_shut)
        placed->its = la_measure_take(explain, placed->peer);
    la_flow_segment(placed);
    if (((seg->flags & LA_TCP_ACE_MASK) | (placed->seen->dscp_ecn & LA_IP_ECN_MASK)) != 0 ||
        (its != NULL && its->ece))
        la_ecn_segment(explain, track, placed);
    if (mine != NULL)
        held_back_sent(explain, mine, track, placed);
    if (its != NULL)
        held_back_acked(explain, its, track, placed);
}

void
la_measure_count(const struct la_track *track, unsigned end, struct la_explain_direction *out)
{
    const struct la_track_end *e = &track->end[end];
    const struct la_measure *m = e->measure;
    struct la_explain_retransmissions *again = &out->retransmissions;
    /* Of a simultaneous open, the SYN,ACK has the SYN's number and is another segment. */
    uint32_t first_n = (e->flags & LA_END_SYN) != 0 && (e->flags & LA_END_SYN_ACK) != 0 ? 2 : 1;
    again->syn = e->syn_n > first_n ? e->syn_n - first_n : 0;
    again->syn += la_artefacts_answers_n(track, end);
    again->total = again->syn;
    if (m == NULL)
        return;
    again->rto = m->rto_n;
    again->fast = m->fast_n;
    again->tail_probe = m->tail_probe_n;
    again->fin = m->fin_n;
    again->unknown = m->unknown_n;
    again->spurious = m->spurious_n;
    again->total += again->rto + again->fast + again->tail_probe + again->fin + again->unknown;
    out->keepalives = m->keepalive_n;
    out->window_probes = m->window_probe_n;
    out->reordered = m->reordered_n;
    out->capture_gaps = m->gap_n;
    out->ect = m->ect_n;
    out->ce = m->ce_n;
    out->ce_reports = m->reports_n;
    out->duplicate_acks = m->duplicate_ack_n;
    la_flow_count(m, track, out);
}

void
la_measure_fill(const struct la_track *track, unsigned end, struct la_explain_direction *out)
{
    const struct la_measure *m = track->end[end].measure;
    if (m == NULL)
        return;
    la_rtt_fill(m, &out->rtt);
    la_flow_fill(m, out);
    la_rounds_fill(m, track, end, out);
    if (m->throughput == NULL)
        return;
    la_buckets_add(m->throughput, track->last_at_ns, 0);
    out->throughput = m->throughput->sum;
    out->throughput_n = m->throughput->n;
    out->throughput_ms = (uint64_t)(m->throughput->width_ns / LA_NS_PER_MS);
}
