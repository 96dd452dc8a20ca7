/* SPDX-License-Identifier: MIT
 *
 * violations.c - what an end should not have sent
 *
 * Each finding names the requirement that was broken (docs/requirements.tsv). What the capture can
 * feign (text above the MSS, checksums that a device fills in) is counted for the file instead.
 */
#include "base/apart.h"
#include "explain/measure.h"
#include "explain/parts.h"

enum { SHIFT_MAX = 14 };

/* Its checksum shows that the segment is as it was sent. */
static bool
is_verified(struct la_explain *explain, const struct la_placed *placed)
{
    bool is_at_hand = placed->seen == &explain->seen;
    return is_at_hand && !la_decoder_disbelieves(&explain->decoder, &explain->seen) &&
           explain->seen.checksum == LA_SEEN_CHECKSUM_GOOD;
}

/* Otherwise the capture may be at fault: what was seen so few times is not told (findings.c leaves
 * out what is uncertain). */
static void
doubt(struct la_explain *explain, const struct la_placed *placed,
      struct la_explain_finding *finding)
{
    enum { UNVERIFIED_N_MIN = 4 };
    if (is_verified(explain, placed))
        finding->certainty = LA_CERTAINTY_SEEN;
    else if (finding->n == 1 || finding->certainty == LA_CERTAINTY_UNKNOWN)
        finding->certainty =
            finding->n < UNVERIFIED_N_MIN ? LA_CERTAINTY_UNKNOWN : LA_CERTAINTY_INFERRED;
}

/* Damage on the way is nobody's fault. NULL: that, or no memory. */
static struct la_explain_finding *
blame(struct la_explain *explain, struct la_track *track, const struct la_placed *placed,
      enum la_finding id)
{
    bool is_at_hand = placed->seen == &explain->seen;
    if (is_at_hand && la_decoder_disbelieves(&explain->decoder, &explain->seen))
        return NULL;
    struct la_explain_finding *finding =
        la_found(explain, track, id, la_who_of(placed->from), placed->frame);
    if (finding != NULL)
        doubt(explain, placed, finding);
    return finding;
}

static void
blame_number(struct la_explain *explain, struct la_track *track, const struct la_placed *placed,
             enum la_finding id, int64_t value)
{
    struct la_explain_finding *finding = blame(explain, track, placed, id);
    if (finding == NULL)
        return;
    if (finding->certainty == LA_CERTAINTY_SEEN)
        finding->certainty = LA_CERTAINTY_INFERRED;
    if (value > finding->values[0])
        finding->values[0] = value;
}

void
la_violations_checksum(struct la_explain *explain, struct la_track *track,
                       const struct la_placed *placed)
{
    explain->file.bad_checksums++;
    /* Where most are wrong, or most of one source, it is the file's matter. */
    if (!la_decoder_trusts(&explain->decoder, &placed->seen->src.addr)) {
        explain->file.changed_checksums++;
        return;
    }
    struct la_explain_finding *finding =
        la_found(explain, track, LA_FINDING_CHECKSUM_WRONG, la_who_of(placed->from), placed->frame);
    if (finding != NULL)
        finding->values[0] = finding->n;
}

bool
la_violations_other_text(struct la_explain *explain, struct la_track *track,
                         const struct la_placed *placed)
{
    bool is_sure = is_verified(explain, placed);
    if (!is_sure && placed->seen->checksum != LA_SEEN_CHECKSUM_PARTIAL)
        return false;
    struct la_explain_finding *finding =
        la_found(explain, track, LA_FINDING_OTHER_TEXT, la_who_of(placed->from), placed->frame);
    if (finding == NULL)
        return true;
    finding->values[0] = finding->n;
    finding->values[1] = placed->seen->ttl_hops;
    finding->values[2] = placed->me->ttl_hops;
    if (!is_sure)
        finding->certainty = LA_CERTAINTY_INFERRED;
    return true;
}

static void
check_header(struct la_explain *explain, struct la_track *track, const struct la_placed *placed)
{
    const struct la_seen *seen = placed->seen;
    if ((seen->tcp.has & LA_TCP_HAS_MALFORMED) == 0 &&
        (seen->oddities & LA_SEEN_RESERVED_BITS) == 0 && seen->checksum != LA_SEEN_CHECKSUM_BAD)
        return;
    /* What is cut by the capture ends early. */
    if ((seen->tcp.has & LA_TCP_HAS_MALFORMED) != 0 && (seen->oddities & LA_SEEN_HEADER_CUT) == 0)
        (void)blame(explain, track, placed, LA_FINDING_OPTION_MALFORMED);
    if ((seen->oddities & LA_SEEN_RESERVED_BITS) != 0)
        (void)blame(explain, track, placed, LA_FINDING_RESERVED_BITS);
    if (seen->checksum == LA_SEEN_CHECKSUM_BAD)
        la_violations_checksum(explain, track, placed);
}

/* RFC 9293 3.10.7.4 fifth: without ACK a segment is dropped, unless it is a SYN or RST. */
bool
la_violations_flags(struct la_explain *explain, struct la_track *track,
                    const struct la_placed *placed)
{
    uint16_t flags = placed->seen->tcp.flags;
    if ((flags & (LA_TCP_SYN | LA_TCP_FIN)) == (LA_TCP_SYN | LA_TCP_FIN)) {
        (void)blame(explain, track, placed, LA_FINDING_SYN_AND_FIN);
        return false;
    }
    if ((flags & (LA_TCP_SYN | LA_TCP_RST | LA_TCP_ACK)) != 0)
        return true;
    (void)blame(explain, track, placed, LA_FINDING_NO_ACK);
    return false;
}

/* Is it this SYN that it answers? One before it may not have been captured, and may have asked for
 * more: a client that gets no answer asks for less (RFC 3168 6.1.1.1). The echo tells. */
static bool
answers_syn(const struct la_placed *placed)
{
    const struct la_tcp_seg *seg = &placed->seen->tcp;
    const struct la_track_end *peer = placed->peer;
    if ((seg->has & LA_TCP_HAS_TIMESTAMPS) == 0 || seg->ts_ecr == 0)
        return peer->syn_n == 1;
    return (peer->options & LA_EXPLAIN_HAS_TIMESTAMPS) != 0 && seg->ts_ecr == peer->ts_val;
}

static void
check_syn(struct la_explain *explain, struct la_track *track, const struct la_placed *placed)
{
    const struct la_tcp_seg *seg = &placed->seen->tcp;
    const struct la_track_end *peer = placed->peer;
    if ((seg->has & LA_TCP_HAS_WSCALE) != 0 && seg->wscale > SHIFT_MAX)
        blame_number(explain, track, placed, LA_FINDING_SCALE_TOO_LARGE, seg->wscale);
    if ((seg->flags & LA_TCP_ACK) == 0 || (peer->flags & LA_END_SYN) == 0 ||
        (peer->flags & (LA_END_SYN_UNSEEN | LA_END_SYN_CUT | LA_END_SYN_DAMAGED)) != 0)
        return;
    /* In a simultaneous open it repeats what its own SYN offered. */
    if ((placed->me->flags & LA_END_SYN) != 0 || !answers_syn(placed))
        return;
    uint32_t unasked = la_opening_options(placed->seen) & ~peer->options;
    if ((unasked & LA_EXPLAIN_HAS_WSCALE) != 0)
        (void)blame(explain, track, placed, LA_FINDING_SCALE_UNASKED);
    if ((unasked & LA_EXPLAIN_HAS_TIMESTAMPS) != 0)
        (void)blame(explain, track, placed, LA_FINDING_TIMESTAMPS_UNASKED);
    /* A first SYN that asked for it may have gone before the capture began: the echo alone tells.
     */
    if ((unasked & LA_EXPLAIN_HAS_ECN) != 0 && (seg->has & LA_TCP_HAS_TIMESTAMPS) != 0)
        (void)blame(explain, track, placed, LA_FINDING_ECN_UNASKED);
}

/* An end that never had timestamps does not know that they were agreed (heuristic): a box between
 * the ends took them out of the SYN that it was sent, behind the tap. */
static void
take_unstamped(struct la_explain *explain, struct la_track *track, const struct la_placed *placed)
{
    struct la_track_end *e = placed->me;
    if (e->syn_n > 0 && e->segments_n <= e->syn_n + e->rst_n)
        e->flags |= LA_END_UNSTAMPED;
    if ((e->flags & LA_END_UNSTAMPED) == 0) {
        (void)blame(explain, track, placed, LA_FINDING_TIMESTAMP_MISSING);
        return;
    }
    struct la_explain_finding *finding = la_found(explain, track, LA_FINDING_OPTIONS_TAKEN_OUT,
                                                  la_who_of(placed->from), placed->frame);
    if (finding != NULL)
        finding->certainty = LA_CERTAINTY_INFERRED;
}

/* Options of segments that are no SYN, against what both SYNs said. */
static void
check_options(struct la_explain *explain, struct la_track *track, const struct la_placed *placed)
{
    const struct la_tcp_seg *seg = &placed->seen->tcp;
    struct la_track_end *e = placed->me;
    if ((seg->has & LA_TCP_HAS_MSS) != 0)
        (void)blame(explain, track, placed, LA_FINDING_MSS_IN_TEXT);
    if ((seg->has & LA_TCP_HAS_SACK_PERMITTED) != 0)
        (void)blame(explain, track, placed, LA_FINDING_SACK_PERMITTED_LATE);
    bool cut = (placed->seen->oddities & LA_SEEN_HEADER_CUT) != 0;
    if (cut || (e->flags & placed->peer->flags & LA_END_SCALE_KNOWN) == 0)
        return;
    uint32_t agreed = e->options & placed->peer->options;
    /* Whose SYN,ACK has lost the answer to what was offered on its way, still means it. */
    bool was_offered = (placed->peer->options & LA_EXPLAIN_HAS_SACK_PERMITTED) != 0 &&
                       (e->flags & LA_END_SYN_ACK) != 0;
    if (seg->sack_n > 0 && (agreed & LA_EXPLAIN_HAS_SACK_PERMITTED) == 0 && !was_offered)
        (void)blame(explain, track, placed, LA_FINDING_SACK_NOT_AGREED);
    if ((agreed & LA_EXPLAIN_HAS_TIMESTAMPS) == 0)
        return;
    if ((seg->has & LA_TCP_HAS_TIMESTAMPS) == 0) {
        if ((seg->flags & LA_TCP_RST) == 0)
            take_unstamped(explain, track, placed);
        return;
    }
    if (placed->new_bytes > 0 && placed->gap_bytes == 0 && la_tcp_ts_older(seg->ts_val, e->ts_val))
        blame_number(explain, track, placed, LA_FINDING_TIMESTAMP_BACK, e->ts_val - seg->ts_val);
}

/* RFC 8684 3.3.1: its windows are those of the whole connection, and of the numbers in DATA_ACK. */
static bool
is_multipath(const struct la_placed *placed)
{
    const uint32_t any = LA_EXPLAIN_HAS_MPTCP | LA_EXPLAIN_HAS_MPTCP_JOIN;
    return (placed->me->options & placed->peer->options & any) != 0;
}

/* Text beyond the window is held against its sender when its receiver has acknowledged all before
 * it and still does not offer that much. Otherwise the segment that did may not have been captured:
 * the right edge does not move left (RFC 9293 3.8.6). */
LA_APART static void
check_beyond(struct la_explain *explain, struct la_track *track, const struct la_placed *placed)
{
    const struct la_tcp_seg *seg = &placed->seen->tcp;
    struct la_measure *mine = placed->mine, *its = placed->its;
    if (placed->beyond_bytes > 0 && mine != NULL && mine->beyond_bytes == 0 &&
        !is_multipath(placed)) {
        mine->beyond_bytes = placed->beyond_bytes;
        mine->beyond_to = la_seq_add(seg->seq, seg->text_bytes);
        mine->beyond_frame = placed->frame;
    }
    if (its == NULL || its->beyond_bytes == 0 || (seg->flags & LA_TCP_ACK) == 0 ||
        la_seq_lt(seg->ack, la_seq_sub(its->beyond_to, its->beyond_bytes)))
        return;
    if (la_seq_lt(placed->peer->edge, its->beyond_to)) {
        struct la_explain_finding *finding =
            la_found(explain, track, LA_FINDING_BEYOND_WINDOW, la_who_of(1u - placed->from),
                     its->beyond_frame);
        if (finding != NULL && its->beyond_bytes > finding->values[0])
            finding->values[0] = its->beyond_bytes;
        if (finding != NULL)
            doubt(explain, placed, finding);
        if (finding != NULL && finding->certainty == LA_CERTAINTY_SEEN)
            finding->certainty = LA_CERTAINTY_INFERRED;
    }
    its->beyond_bytes = 0;
}

LA_APART static void
check_shrunk(struct la_explain *explain, struct la_track *track, const struct la_placed *placed)
{
    struct la_track_end *e = placed->me;
    const struct la_track_end *peer = placed->peer;
    bool is_newest = placed->acked_bytes > 0 || placed->new_bytes > 0;
    /* The window of a SYN is no more than a beginning: what it offered counts once it was offered
     * again. */
    la_seq by_syn = la_seq_add(peer->iss, 1 + e->syn_window);
    if ((e->flags & LA_END_TOOK_SYN_TEXT) != 0)
        by_syn = la_seq_add(by_syn, peer->syn_text_bytes);
    if (e->segments_n == e->syn_n)
        e->flags |= LA_END_OFFERED_LESS;
    bool offered = (e->flags & LA_END_OFFERED_LESS) == 0 || !la_seq_eq(peer->edge, by_syn);
    /* One window that was misread moves the edge for long. */
    /* Nor does it know of the scale, then. */
    if ((e->flags & LA_END_UNSTAMPED) != 0)
        return;
    if (is_newest && offered && !is_multipath(placed) && is_verified(explain, placed) &&
        !la_found_has(explain, track, LA_FINDING_CHECKSUM_WRONG))
        blame_number(explain, track, placed, LA_FINDING_WINDOW_SHRUNK, placed->shrunk_bytes);
}

static inline void
check_numbers(struct la_explain *explain, struct la_track *track, const struct la_placed *placed)
{
    const struct la_tcp_seg *seg = &placed->seen->tcp;
    const struct la_track_end *e = placed->me;
    if (placed->beyond_bytes > 0 || (placed->its != NULL && placed->its->beyond_bytes > 0))
        check_beyond(explain, track, placed);
    if (placed->shrunk_bytes > 0)
        check_shrunk(explain, track, placed);
    if (seg->text_bytes > 0 && (e->flags & LA_END_FIN) != 0 && !placed->fin_first &&
        la_seq_gt(la_seq_add(seg->seq, seg->text_bytes), e->fin_seq))
        (void)blame(explain, track, placed, LA_FINDING_TEXT_AFTER_FIN);
}

/* Nothing in its header is wrong, or was not agreed on: most are such. */
static inline bool
is_ordinary(const struct la_track *track, const struct la_placed *placed)
{
    const struct la_seen *seen = placed->seen;
    return (seen->tcp.has | LA_TRACK_AGREED) == track->usual_has && seen->tcp.sack_n == 0 &&
           (seen->tcp.flags & (LA_TCP_SYN | LA_TCP_RST)) == 0 &&
           (seen->oddities & (LA_SEEN_RESERVED_BITS | LA_SEEN_HEADER_CUT)) == 0 &&
           seen->checksum != LA_SEEN_CHECKSUM_BAD && seen->checksum != LA_SEEN_CHECKSUM_UNFILLED &&
           ((seen->tcp.has & LA_TCP_HAS_TIMESTAMPS) == 0 || placed->new_bytes == 0 ||
            !la_tcp_ts_older(seen->tcp.ts_val, placed->me->ts_val));
}

LA_APART static void
check_what_is_said(struct la_explain *explain, struct la_track *track,
                   const struct la_placed *placed)
{
    check_header(explain, track, placed);
    if (placed->seen->checksum == LA_SEEN_CHECKSUM_UNFILLED)
        explain->file.unfilled_checksums++;
    if ((placed->seen->tcp.flags & LA_TCP_SYN) != 0)
        check_syn(explain, track, placed);
    else
        check_options(explain, track, placed);
}

static bool
is_damaged(const struct la_explain *explain, const struct la_placed *placed)
{
    return placed->seen->checksum == LA_SEEN_CHECKSUM_BAD &&
           la_decoder_trusts(&explain->decoder, &placed->seen->src.addr);
}

void
la_violations_segment(struct la_explain *explain, struct la_track *track,
                      const struct la_placed *placed)
{
    const struct la_tcp_seg *seg = &placed->seen->tcp;
    if (!is_ordinary(track, placed))
        check_what_is_said(explain, track, placed);
    if ((seg->flags & LA_TCP_RST) == 0)
        check_numbers(explain, track, placed);
    if ((seg->has & LA_TCP_HAS_TIMESTAMPS) != 0 && placed->new_bytes > 0 &&
        !is_damaged(explain, placed))
        placed->me->ts_val = seg->ts_val;
    /* RFC 9293 3.7.1: more than the peer's MSS is the work of a device (TSO, GRO). */
    uint32_t mss = placed->peer->mss;
    if (mss != 0 && seg->text_bytes > mss) {
        explain->file.above_mss++;
        if (seg->text_bytes > explain->above_mss_bytes_max)
            explain->above_mss_bytes_max = seg->text_bytes;
    }
}
