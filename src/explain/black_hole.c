/* SPDX-License-Identifier: MIT
 *
 * black_hole.c - large packets that never arrive, and nobody says so (RFC 4821 7.7)
 *
 * Path MTU discovery fails where a router drops what is too large for the next link, and its ICMP
 * errors are dropped as well. Small segments pass, and so the handshake does, and a request; the
 * first large answer never does, however often it is sent. Where the tap stands before the router,
 * it sees that in what is sent again; behind it, in a hole that nothing fills.
 */
#include "explain/measure.h"
#include "explain/parts.h"

enum { TIMEOUTS_N_MIN = 2, LARGE_BYTES_MIN = 512, HOLE_S_MIN = 3 };

/* What went again last began with the first octet that is missing, and was as large as any. */
static uint32_t
stuck_bytes(const struct la_measure *m, const struct la_track_end *e,
            const struct la_track_end *receiver)
{
    if (m->agains_n == 0)
        return 0;
    const struct la_again *again = &m->agains[(m->agains_n - 1u) % LA_AGAINS_N];
    uint32_t bytes = (uint32_t)la_seq_diff(again->to, again->from);
    uint32_t mss = la_measure_mss(receiver);
    uint32_t large = e->segment_bytes_max < mss ? e->segment_bytes_max : mss;
    bool is_large = bytes >= LARGE_BYTES_MIN && bytes >= large - large / 4;
    return is_large && la_seq_eq(again->from, e->una) ? bytes : 0;
}

/* Nothing as large was ever acknowledged; what was smaller was; and the receiver was heard after
 * all new text had been sent, and a timeout. */
static void
remark_stuck(struct la_explain *explain, struct la_track *track, unsigned sender)
{
    const struct la_track_end *e = &track->end[sender], *receiver = &track->end[1 - sender];
    const struct la_measure *m = e->measure;
    uint32_t bytes = stuck_bytes(m, e, receiver);
    bool acked_little = track->complete && la_seq_le(e->una, e->largest_seq);
    bool is_heard =
        m->sacked || receiver->last_at_ns - e->text_at_ns > la_rtt_timeout_ns(m, track, sender);
    if (bytes == 0 || m->rto_n + m->tail_probe_n < TIMEOUTS_N_MIN || !acked_little || !is_heard)
        return;
    struct la_explain_finding *finding =
        la_found(explain, track, LA_FINDING_MTU_BLACK_HOLE, la_who_of(sender), track->last_frame);
    if (finding == NULL)
        return;
    finding->certainty = LA_CERTAINTY_INFERRED;
    finding->n = m->rto_n + m->tail_probe_n;
    finding->values[0] = bytes;
    finding->values[1] = (m->sent_at_ns - e->text_at_ns) / LA_NS_PER_US;
}

/* The first octet that its receiver still asks for lies in it. */
static void
remark_hole(struct la_explain *explain, struct la_track *track, unsigned sender)
{
    const struct la_track_end *e = &track->end[sender];
    const struct la_measure *m = e->measure;
    const struct la_hole *hole = NULL;
    for (unsigned i = 0; i < m->holes_n; i++)
        if (la_seq_eq(m->holes[i].from, e->una))
            hole = &m->holes[i];
    if (hole == NULL)
        return;
    uint32_t bytes = (uint32_t)la_seq_diff(hole->to, hole->from);
    int64_t since_ns = track->end[1 - sender].last_at_ns - hole->at_ns;
    if (bytes < LARGE_BYTES_MIN || bytes < e->segment_bytes_max || !la_seq_gt(e->nxt, hole->to) ||
        since_ns < HOLE_S_MIN * LA_NS_PER_S)
        return;
    struct la_explain_finding *finding =
        la_found(explain, track, LA_FINDING_HOLE_STAYED, la_who_of(sender), track->last_frame);
    if (finding == NULL)
        return;
    finding->certainty = LA_CERTAINTY_INFERRED;
    finding->values[0] = bytes;
    finding->values[1] = since_ns / LA_NS_PER_US;
    finding->values[2] = la_seq_diff(e->nxt, hole->to);
}

void
la_black_hole_remark(struct la_explain *explain, struct la_track *track)
{
    for (unsigned sender = 0; sender < 2; sender++) {
        const struct la_measure *m = track->end[sender].measure;
        bool is_told = track->rare != NULL && track->rare->has_icmp;
        if (m == NULL || is_told || !la_seq_lt(track->end[sender].una, track->end[sender].nxt))
            continue;
        remark_stuck(explain, track, sender);
        remark_hole(explain, track, sender);
    }
}
