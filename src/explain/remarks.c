/* SPDX-License-Identifier: MIT
 *
 * remarks.c - what is worth saying of a connection that is over
 */
#include "explain/measure.h"
#include "explain/parts.h"

static struct la_explain_finding *
remark(struct la_explain *explain, struct la_track *track, enum la_finding id, enum la_who who,
       uint32_t frame)
{
    return la_found(explain, track, id, who, track->first_frame + frame);
}

static void
set(struct la_explain_finding *finding, int64_t a, int64_t b, int64_t c)
{
    if (finding == NULL)
        return;
    finding->values[0] = a;
    finding->values[1] = b;
    finding->values[2] = c;
}

/* ---- opening ------------------------------------------------------------------------------ */

static void
remark_unanswered(struct la_explain *explain, struct la_track *track)
{
    const struct la_track_end *client = &track->end[LA_END_CLIENT];
    const struct la_track_rare *rare = track->rare;
    if (rare != NULL && rare->has_icmp) {
        struct la_explain_finding *finding =
            remark(explain, track, LA_FINDING_ICMP_ANSWER, la_who_of(rare->icmp_about),
                   la_track_frame(track, rare->icmp_frame));
        set(finding, rare->icmp.version, rare->icmp.type, rare->icmp.code);
    }
    enum { FIRST_RTO_S = 1 }; /* RFC 6298 2: a client waits that long before it asks again. */
    bool waited =
        client->syn_n > 1 || explain->now_ns - client->syn_at_ns >= FIRST_RTO_S * LA_NS_PER_S;
    if (track->handshake_seen && waited &&
        (track->end[LA_END_SERVER].flags & (LA_END_SPOKE | LA_END_RST)) == 0)
        set(remark(explain, track, LA_FINDING_SYN_UNANSWERED, LA_WHO_SERVER, client->syn_frame),
            client->syn_n, (explain->now_ns - client->syn_at_ns) / LA_NS_PER_US, 0);
}

static void
remark_fast_open(struct la_explain *explain, struct la_track *track)
{
    const struct la_track_end *client = &track->end[LA_END_CLIENT];
    const struct la_track_end *server = &track->end[LA_END_SERVER];
    if (client->syn_text_bytes > 0) {
        set(remark(explain, track, LA_FINDING_SYN_TEXT, LA_WHO_CLIENT, client->syn_frame),
            client->syn_text_bytes, 0, 0);
        if ((server->flags & LA_END_SYN_ACK) != 0)
            (void)remark(explain, track,
                         (server->flags & LA_END_TOOK_SYN_TEXT) != 0 ? LA_FINDING_FAST_OPEN_ACCEPTED
                                                                     : LA_FINDING_FAST_OPEN_REFUSED,
                         LA_WHO_SERVER, server->syn_frame);
    }
    if ((server->options & LA_EXPLAIN_HAS_FAST_OPEN_COOKIE) != 0)
        (void)remark(explain, track, LA_FINDING_FAST_OPEN_COOKIE, LA_WHO_SERVER, server->syn_frame);
}

static void
remark_options(struct la_explain *explain, struct la_track *track)
{
    const struct la_track_end *client = &track->end[LA_END_CLIENT];
    const struct la_track_end *server = &track->end[LA_END_SERVER];
    uint32_t any = client->options | server->options, both = client->options & server->options;
    if ((both & LA_EXPLAIN_HAS_MPTCP) != 0)
        (void)remark(explain, track, LA_FINDING_MULTIPATH, LA_WHO_BOTH, server->syn_frame);
    else if ((client->options & LA_EXPLAIN_HAS_MPTCP) != 0 && track->complete)
        (void)remark(explain, track, LA_FINDING_MULTIPATH_FALLBACK, LA_WHO_SERVER,
                     server->syn_frame);
    if ((client->options & LA_EXPLAIN_HAS_MPTCP_JOIN) != 0)
        (void)remark(explain, track, LA_FINDING_MULTIPATH_JOIN, LA_WHO_CLIENT, client->syn_frame);
    if ((any & (LA_EXPLAIN_HAS_AO | LA_EXPLAIN_HAS_MD5)) != 0)
        (void)remark(explain, track, LA_FINDING_AUTHENTICATED, LA_WHO_BOTH, client->syn_frame);
}

static void
remark_opening(struct la_explain *explain, struct la_track *track)
{
    enum la_open_kind kind = la_opening_kind(track);
    remark_unanswered(explain, track);
    remark_fast_open(explain, track);
    remark_options(explain, track);
    if (kind == LA_OPEN_SIMULTANEOUS)
        (void)remark(explain, track, LA_FINDING_OPEN_SIMULTANEOUS, LA_WHO_BOTH,
                     track->end[LA_END_SERVER].syn_frame);
    if (kind == LA_OPEN_SPLIT)
        (void)remark(explain, track, LA_FINDING_OPEN_SPLIT, LA_WHO_SERVER,
                     track->end[LA_END_SERVER].syn_frame);
    if (track->rare != NULL && track->rare->syn_waits)
        (void)la_found(explain, track, LA_FINDING_SYN_CHALLENGED, la_who_of(track->rare->syn_from),
                       track->rare->syn_frame);
}

/* ---- closing -------------------------------------------------------------------------------- */

static void
remark_fins(struct la_explain *explain, struct la_track *track,
            const struct la_explain_close *close)
{
    if (track->first_fin > LA_END_SERVER)
        return;
    const struct la_track_end *e = &track->end[track->first_fin];
    const struct la_track_end *peer = &track->end[1 - track->first_fin];
    for (unsigned end = 0; end < 2; end++)
        if (track->end[end].fin_n > 1)
            set(remark(explain, track, LA_FINDING_FIN_REPEATED, la_who_of(end),
                       track->end[end].fin_frame),
                track->end[end].fin_n, 0, 0);
    if (close->half_close_by != LA_WHO_NONE)
        set(remark(explain, track, LA_FINDING_HALF_CLOSED, (enum la_who)close->half_close_by,
                   e->fin_frame),
            (int64_t)(peer->unique_bytes - peer->bytes_at_fin), 0, 0);
    if (close->kind == LA_CLOSE_SIMULTANEOUS)
        (void)remark(explain, track, LA_FINDING_CLOSED_SIMULTANEOUSLY, LA_WHO_BOTH,
                     peer->fin_frame);
    if (close->kind == LA_CLOSE_THREE_SEGMENT && (peer->flags & LA_END_FIN) != 0)
        set(remark(explain, track, LA_FINDING_ACK_AND_FIN_MERGED, la_who_of(1 - track->first_fin),
                   peer->fin_frame),
            close->half_close_us, 0, 0);
}

static enum la_finding
finding_of(const struct la_track *track, const struct la_rst *rst, bool decisive)
{
    if (rst->place == LA_TCP_RST_OUTSIDE)
        return LA_FINDING_RESET_IGNORED;
    return !decisive && track->end[1 - rst->from].last_at_ns > rst->at_ns
               ? LA_FINDING_RESET_CHALLENGED
               : LA_FINDING_RESET_BELIEVED;
}

/* Whether it was believed, its receiver's own RST shows: silence may have other reasons. */
static void
remark_odd(struct la_explain *explain, struct la_track *track, const struct la_rst *rst,
           bool decisive)
{
    unsigned receiver = 1 - rst->from;
    enum la_finding id = finding_of(track, rst, decisive);
    struct la_explain_finding *finding =
        remark(explain, track, id, la_who_of(receiver), rst->frame);
    if (finding != NULL && id == LA_FINDING_RESET_BELIEVED && track->end[receiver].rst_n == 0)
        finding->certainty = LA_CERTAINTY_UNKNOWN;
}

static void
remark_resets(struct la_explain *explain, struct la_track *track,
              const struct la_explain_close *close)
{
    const struct la_rst *decisive = la_reset_decisive(track);
    if (track->rare == NULL)
        return;
    for (unsigned i = 0; i < track->rare->rst_n; i++) {
        const struct la_rst *rst = &track->rare->rst[i];
        const struct la_track_end *e = &track->end[rst->from];
        if (la_reset_is_forged(track, rst))
            set(remark(explain, track,
                       (e->flags & LA_END_WENT_ON) != 0 ? LA_FINDING_RESET_OUTLIVED
                                                        : LA_FINDING_RESET_FORGED,
                       la_who_of(rst->from), rst->frame),
                rst->ttl_hops, e->ttl_hops, 0);
        if (rst->place != LA_TCP_RST_EXACT && !la_reset_is_own(track, rst))
            remark_odd(explain, track, rst, rst == decisive);
    }
    if (decisive == NULL)
        return;
    const struct la_track_end *e = &track->end[decisive->from];
    int64_t since_ns = decisive->at_ns - e->fin_at_ns;
    if (close->reset.cause == LA_RESET_DATA_AFTER_CLOSE &&
        (decisive->evidence & LA_RST_ANSWERS) != 0 && since_ns > LA_NS_PER_S)
        set(remark(explain, track, LA_FINDING_FIN_WAIT_2_EXPIRED, la_who_of(decisive->from),
                   decisive->frame),
            since_ns / LA_NS_PER_US, 0, 0);
    if (close->kind >= LA_CLOSE_FOUR_SEGMENT && close->kind <= LA_CLOSE_SIMULTANEOUS)
        (void)remark(explain, track, LA_FINDING_RESET_AFTER_CLOSE, la_who_of(decisive->from),
                     decisive->frame);
}

static void
remark_silence(struct la_explain *explain, struct la_track *track)
{
    const struct la_rst *rst = la_reset_decisive(track);
    int64_t end_ns = rst != NULL ? rst->at_ns : explain->now_ns;
    for (unsigned end = 0; end < 2; end++) {
        const struct la_track_end *e = &track->end[end];
        if (e->repeat == LA_REPEAT_SYN || !la_patience_gave_up(e, end_ns))
            continue;
        struct la_explain_finding *finding =
            la_found(explain, track, LA_FINDING_GAVE_UP, la_who_of(end), 0);
        set(finding, e->repeats_n, (la_patience_due_ns(e) - e->repeat_at_ns) / LA_NS_PER_US, 0);
        if (finding != NULL)
            finding->certainty = LA_CERTAINTY_INFERRED;
    }
}

void
la_remarks(struct la_explain *explain, struct la_track *track, const struct la_explain_close *close)
{
    remark_opening(explain, track);
    remark_fins(explain, track, close);
    remark_resets(explain, track, close);
    remark_silence(explain, track);
    la_stalls_remark(explain, track);
    if (la_turns_may_be_slow(track->end[LA_END_SERVER].measure))
        la_turns_remark(explain, track);
    if (!la_seq_eq(track->end[0].una, track->end[0].nxt) ||
        !la_seq_eq(track->end[1].una, track->end[1].nxt))
        la_black_hole_remark(explain, track);
}
