/* SPDX-License-Identifier: MIT
 *
 * measure.c - what is counted and timed of one direction: taken, led through, given back
 */
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
la_measure_get(struct la_explain *explain, struct la_track_end *e)
{
    if (e->measure == NONE) {
        uint32_t idx = la_pool_take(&explain->measures);
        if (idx == LA_POOL_NONE)
            return NULL;
        memset(la_pool_at(&explain->measures, idx), 0, sizeof(struct la_measure));
        e->measure = idx;
    }
    return la_measure_of(explain, e);
}

void
la_measure_free(struct la_explain *explain, struct la_track_end *e)
{
    if (e->measure != NONE)
        la_pool_give(&explain->measures, e->measure);
    e->measure = NONE;
}

void
la_measure_segment(struct la_explain *explain, struct la_track *track, struct la_placed *placed)
{
    const struct la_tcp_seg *seg = &placed->seen->tcp;
    struct la_track_end *me = &track->end[placed->from], *peer = &track->end[1 - placed->from];
    bool probes = seg->text_bytes == 0 && (seg->flags & (LA_TCP_SYN | LA_TCP_FIN)) == 0 &&
                  la_seq_lt(seg->seq, me->nxt);
    bool fin_again = (seg->flags & LA_TCP_FIN) != 0 && (me->flags & LA_END_FIN) != 0;
    bool wants = seg->text_bytes > 0 || fin_again || probes || placed->gap_bytes > 0;
    struct la_measure *mine = wants ? la_measure_get(explain, me) : la_measure_of(explain, me);
    struct la_measure *its = la_measure_of(explain, peer);
    if (mine != NULL && wants)
        la_loss_sent(mine, track, placed);
    if (placed->is_copy)
        la_artefacts_count_copy(explain, me, false);
    me->unique_bytes += placed->filled_bytes;
    if (its != NULL && (seg->flags & LA_TCP_ACK) != 0) {
        la_loss_acked(its, track, placed);
        if (placed->rtt_us >= 0)
            la_rtt_sample(its, placed->rtt_us);
    }
    if (mine != NULL)
        la_flow_segment(mine, track, placed->from, placed);
    if (its != NULL)
        la_flow_segment(its, track, 1u - placed->from, placed);
}

void
la_measure_fill(const struct la_explain *explain, const struct la_track *track, unsigned end,
                struct la_explain_direction *out)
{
    const struct la_track_end *e = &track->end[end];
    const struct la_measure *m = la_measure_of(explain, e);
    struct la_explain_retransmissions *again = &out->retransmissions;
    /* Of a simultaneous open, the SYN,ACK has the SYN's number and is another segment. */
    uint32_t first_n = (e->flags & LA_END_SYN) != 0 && (e->flags & LA_END_SYN_ACK) != 0 ? 2 : 1;
    again->syn = e->syn_n > first_n ? e->syn_n - first_n : 0;
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
    out->duplicate_acks = m->duplicate_ack_n;
    la_rtt_fill(m, &out->rtt);
    la_flow_fill(m, track, out);
}
