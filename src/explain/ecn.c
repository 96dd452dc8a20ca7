/* SPDX-License-Identifier: MIT
 *
 * ecn.c - marks of congestion: as they pass, and as receivers report them (RFC 3168, RFC 9768)
 *
 * A queue that fills marks packets in place of dropping them, and the sender's window shrinks
 * without a loss. Before the queue no mark has passed the tap yet: there the receiver's reports
 * tell.
 */
#include "base/apart.h"
#include "explain/measure.h"
#include "explain/parts.h"

/* RFC 9768 3.2: both counters begin so, and three bits of them are told. */
enum { ACE_FIRST = 5, ACE_N = 8 };

static void
find(struct la_explain *explain, struct la_track *track, enum la_finding id, unsigned sender,
     uint64_t frame, uint32_t n)
{
    struct la_explain_finding *finding = la_found(explain, track, id, la_who_of(sender), frame);
    if (finding != NULL)
        finding->values[0] = n;
}

static void
take_mark(struct la_explain *explain, struct la_track *track, const struct la_placed *placed)
{
    struct la_measure *m = placed->mine;
    m->ect_n++;
    if ((placed->seen->dscp_ecn & LA_IP_ECN_MASK) != LA_IP_CE)
        return;
    find(explain, track, LA_FINDING_CE_MARKED, placed->from, placed->frame, ++m->ce_n);
}

/* How many reports there are in it: of RFC 3168 one for each time that ECE was set anew (6.1.3),
 * of RFC 9768 as many as packets were marked. */
static uint32_t
reports_in(struct la_measure *m, const struct la_track *track, const struct la_placed *placed)
{
    uint32_t agreed = track->end[0].options & track->end[1].options;
    uint16_t flags = placed->seen->tcp.flags;
    if ((agreed & LA_EXPLAIN_HAS_ACCURATE_ECN) != 0) {
        /* Only with news: others may be old, and no count at all (RFC 9768 3.2.2.1, A.1). Who has
         * acknowledged a FIN may have forgotten in TIME-WAIT (3.1.2). */
        if (placed->acked_bytes == 0 || (placed->peer->flags & LA_END_FIN) != 0)
            return 0;
        return (la_tcp_ace(flags) + ACE_N - (ACE_FIRST + m->reports_n) % ACE_N) % ACE_N;
    }
    bool was_set = m->ece;
    m->ece = (flags & LA_TCP_ECE) != 0;
    return (agreed & LA_EXPLAIN_HAS_ECN) != 0 && m->ece && !was_set;
}

static void
take_reports(struct la_explain *explain, struct la_track *track, const struct la_placed *placed)
{
    struct la_measure *m = placed->its;
    uint32_t n = reports_in(m, track, placed);
    if (n == 0)
        return;
    m->reports_n += n;
    la_rounds_marked(m);
    if (m->ce_n == 0) /* else there is that */
        find(explain, track, LA_FINDING_CE_REPORTED, 1u - placed->from, placed->frame,
             m->reports_n);
}

LA_APART void
la_ecn_segment(struct la_explain *explain, struct la_track *track, const struct la_placed *placed)
{
    const struct la_seen *seen = placed->seen;
    bool is_capable = (seen->dscp_ecn & LA_IP_ECN_MASK) != 0;
    if (placed->mine != NULL && seen->tcp.text_bytes > 0 && is_capable)
        take_mark(explain, track, placed);
    if (placed->its != NULL)
        take_reports(explain, track, placed);
}
