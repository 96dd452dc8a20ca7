/* SPDX-License-Identifier: MIT
 *
 * artefacts.c - what the capture did, not the connection
 *
 * Copies. The same packet twice has the same numbers, IP identification and timestamp; a
 * retransmission is a new packet and differs in one of the two (heuristic: RFC 6864 leaves the
 * identification of atomic packets free, so 0 says nothing, and without either a copy must carry
 * something and follow within less than a round trip). ACKs without text are told apart by the
 * identification alone: several in a row that say the same are duplicate acknowledgements.
 */
#include "base/apart.h"
#include "base/bytes.h"
#include "base/extremes.h"
#include "explain/measure.h"
#include "explain/parts.h"

enum { RECENT_N = 4, COPY_NS_MAX = 1000000, DOUBT_S = 60 };

static uint32_t
fingerprint(const struct la_seen *seen)
{
    const struct la_tcp_seg *seg = &seen->tcp;
    uint64_t mixed = (uint64_t)seg->seq.v << 32 | seg->ack.v;
    mixed *= UINT64_C(0x9e3779b97f4a7c15); /* a FIN and the next ACK number must not cancel */
    mixed ^= (uint64_t)seen->ip_id << 16 | seg->flags | (uint64_t)seg->text_bytes << 40;
    mixed *= UINT64_C(0x9e3779b97f4a7c15);
    if ((seg->has & LA_TCP_HAS_TIMESTAMPS) != 0)
        mixed ^= (uint64_t)seg->ts_val << 32 | seg->ts_ecr;
    mixed ^= seg->wnd;
    if (seen->text.n >= 4) /* Other text under the same numbers is another packet. */
        mixed ^= (uint64_t)la_get32(seen->text.p) << 16;
    mixed *= UINT64_C(0xd6e8feb86659fd93);
    return (uint32_t)(mixed >> 32) | 1; /* 0 is an empty place. */
}

void
la_artefacts_count_copy(struct la_explain *explain, struct la_track_end *e, bool elsewhere)
{
    e->copies_n++;
    explain->file.copies++;
    explain->file.copies_elsewhere += elsewhere;
}

/* Sooner than that nothing is sent again as it was: three quarters of the shortest round trip, and
 * a timeout at least (200 ms in common stacks) where it carries a timestamp, which would have moved
 * on, or is a SYN (RFC 6298 2.1: a second). */
static int64_t
soon_ns(const struct la_track *track, const struct la_tcp_seg *seg)
{
    enum { TIMEOUT_NS = 200000000 };
    int64_t us = 0;
    if ((seg->has & LA_TCP_HAS_TIMESTAMPS) != 0 || (seg->flags & LA_TCP_SYN) != 0)
        return TIMEOUT_NS;
    for (unsigned end = 0; end < 2; end++)
        if (track->end[end].part_us_min != UINT32_MAX)
            us += track->end[end].part_us_min;
    int64_t ns = us * LA_NS_PER_US * 3 / 4;
    return ns > COPY_NS_MAX ? ns : COPY_NS_MAX;
}

/* By a clock of 32 bits; what is older than half of its range is a chance that few meet. */
static int64_t
since_ns(const struct la_placed *placed, uint32_t at_us)
{
    return (int32_t)(placed->at_us - at_us) * LA_NS_PER_US;
}

/* Text is remembered for longer, by the direction that has it. */
static const struct la_print *
known_text(const struct la_track *track, const struct la_placed *placed, uint32_t print)
{
    const struct la_measure *m = placed->mine;
    const struct la_seen *seen = placed->seen;
    if (m == NULL || seen->tcp.text_bytes == 0)
        return NULL;
    bool has_id = seen->has_ip_id && seen->ip_id != 0;
    for (unsigned i = 0; i < LA_PRINTS_N && i < m->prints_n; i++)
        if (m->prints[i].print == print &&
            (has_id || since_ns(placed, m->prints[i].at_us) <= soon_ns(track, &seen->tcp)))
            return &m->prints[i];
    return NULL;
}

/* A SYN,ACK goes out again for each SYN that comes (RFC 9293 3.10.7.4 fourth). */
static bool
answers_syn(const struct la_placed *placed)
{
    const uint8_t both = LA_TCP_SYN | LA_TCP_ACK;
    return (placed->seen->tcp.flags & both) == both && (placed->peer->flags & LA_END_ACKED) == 0 &&
           placed->peer->last_at_ns > placed->me->last_at_ns;
}

/* RFC 9293 3.10.7.4 fourth: a SYN that the network has doubled is answered twice. A capture that
 * doubles all does so within a moment, and as fast each time (heuristic: a quarter, and 10 us). */
static bool
answers_copy(const struct la_placed *placed, uint32_t lag_us)
{
    enum { SLACK_US = 10 };
    const uint8_t both = LA_TCP_SYN | LA_TCP_ACK;
    const struct la_track_end *peer = placed->peer;
    if ((placed->seen->tcp.flags & both) != both || (peer->flags & LA_END_ACKED) != 0 ||
        peer->copies_n <= placed->me->copies_n)
        return false;
    uint32_t low = min32(lag_us, peer->copy_lag_us), high = max32(lag_us, peer->copy_lag_us);
    return high > COPY_NS_MAX / LA_NS_PER_US || high - low > high / 4 + SLACK_US;
}

/* RFC 9293 3.5.1 figure 10: whose SYN met an old connection resets that, and asks again at once. */
static bool
asks_anew(const struct la_placed *placed)
{
    return (placed->seen->tcp.flags & (LA_TCP_SYN | LA_TCP_ACK)) == LA_TCP_SYN &&
           (placed->me->tcp_flags & LA_TCP_RST) != 0;
}

static void
take_copy(struct la_explain *explain, const struct la_placed *placed, uint32_t first_us,
          bool elsewhere)
{
    struct la_track_end *me = placed->me;
    uint32_t lag_us = placed->at_us - first_us;
    if (placed->mine != NULL && placed->seen->tcp.text_bytes > 0)
        placed->mine->text_copies_n++;
    if (answers_copy(placed, lag_us))
        me->flags |= LA_END_ANSWERED_COPY;
    me->copy_lag_us = lag_us;
    me->ttl_copy_hops = placed->seen->ttl_hops;
    la_artefacts_count_copy(explain, me, elsewhere);
}

/* One of the end's latest segments, or of its text, again. */
LA_APART static bool
is_known(struct la_explain *explain, const struct la_track *track, const struct la_placed *placed,
         uint32_t print)
{
    const struct la_seen *seen = placed->seen;
    struct la_track_end *e = placed->me;
    if (track->rare != NULL && track->rare->leap.is_taken)
        return false;
    for (unsigned i = 0; i < RECENT_N; i++) {
        if (e->recent[i] != print)
            continue;
        bool has_id = seen->has_ip_id && seen->ip_id != 0;
        bool has_ts = (seen->tcp.has & LA_TCP_HAS_TIMESTAMPS) != 0;
        bool carries = seen->tcp.len > 0 && !answers_syn(placed) && !asks_anew(placed);
        bool other_iface = e->recent_iface[i] != (uint8_t)placed->iface;
        int64_t ago_ns = since_ns(placed, e->recent_at_us[i]);
        bool soon = ago_ns <= soon_ns(track, &seen->tcp);
        if (!(has_id && (has_ts || soon)) && !(carries && soon) &&
            !(other_iface && ago_ns <= COPY_NS_MAX))
            continue;
        take_copy(explain, placed, e->recent_at_us[i], other_iface);
        return true;
    }
    const struct la_print *text = known_text(track, placed, print);
    if (text != NULL)
        take_copy(explain, placed, text->at_us, false);
    return text != NULL;
}

static inline bool
may_be_known(const struct la_placed *placed, uint32_t print)
{
    const uint32_t *recent = placed->me->recent;
    bool is_recent = false;
    for (unsigned i = 0; i < RECENT_N; i++)
        is_recent |= recent[i] == print;
    return is_recent || (placed->mine != NULL && placed->seen->tcp.text_bytes > 0);
}

static inline void
remember_text(const struct la_placed *placed, uint32_t print)
{
    struct la_measure *m = placed->mine;
    if (m == NULL || placed->seen->tcp.text_bytes == 0)
        return;
    la_texts_remember(m, placed->seen);
    m->prints[m->prints_n++ % LA_PRINTS_N] = (struct la_print){print, placed->at_us};
}

void
la_artefacts_first_text(const struct la_placed *placed)
{
    const struct la_track_end *e = placed->me; /* It was remembered last. */
    remember_text(placed, e->recent[(e->recent_idx - 1u) % RECENT_N]);
}

static inline void
remember(const struct la_placed *placed, uint32_t print)
{
    struct la_track_end *e = placed->me;
    unsigned i = e->recent_idx % RECENT_N;
    e->recent[i] = print;
    e->recent_iface[i] = (uint8_t)placed->iface;
    e->recent_at_us[i] = placed->at_us;
    e->recent_idx = (uint8_t)(i + 1);
    remember_text(placed, print);
}

void
la_artefacts_take(struct la_explain *explain, const struct la_track *track,
                  struct la_placed *placed)
{
    const struct la_tcp_seg *seg = &placed->seen->tcp;
    uint32_t print = fingerprint(placed->seen);
    /* Such text, or such an acknowledgement, has not passed before. */
    bool is_new = placed->goes_on && (seg->text_bytes > 0 || la_seq_gt(seg->ack, placed->me->ack));
    if (!is_new) {
        placed->is_other = seg->text_bytes > 0 && placed->mine != NULL &&
                           la_texts_differ(placed->mine, placed->seen);
        placed->is_copy = !placed->is_other && may_be_known(placed, print) &&
                          is_known(explain, track, placed, print);
    }
    if (!placed->is_copy)
        remember(placed, print);
}

void
la_copies_add(struct la_copies *to, const struct la_copies *from)
{
    to->segments_n += from->segments_n;
    to->copies_n += from->copies_n;
    to->elsewhere_n += from->elsewhere_n;
    to->texts_n += from->texts_n;
    to->text_copies_n += from->text_copies_n;
}

void
la_artefacts_copies(const struct la_explain *explain, struct la_copies *out)
{
    const struct la_explain_file *file = &explain->file;
    *out = (struct la_copies){.segments_n = file->segments,
                              .copies_n = file->copies,
                              .elsewhere_n = file->copies_elsewhere,
                              .texts_n = explain->texts_n,
                              .text_copies_n = explain->text_copies_n};
}

/* Heuristic: a mirror or a second interface doubles most packets, a network a few: a quarter of
 * all, and of few some more, which may be chance. Text tells more than ACKs without identification,
 * of which several that say the same are no copies. */
bool
la_artefacts_are_doubles(const struct la_copies *of)
{
    enum { SHARE = 4, TEXT_COPIES_N_MIN = 4, CHANCE_N = 3 };
    return of->elsewhere_n > 0 || of->copies_n * SHARE > of->segments_n + CHANCE_N ||
           (of->text_copies_n >= TEXT_COPIES_N_MIN &&
            of->text_copies_n * SHARE > of->texts_n + of->text_copies_n);
}

/* Heuristic: a mirror port may have one direction twice; no network doubles so much of it. */
bool
la_artefacts_is_mirrored(const struct la_track_end *e)
{
    enum { SHARE = 4, TEXT_COPIES_N_MIN = 16 };
    const struct la_measure *m = e->measure;
    return m != NULL && m->text_copies_n >= TEXT_COPIES_N_MIN &&
           m->text_copies_n * (uint64_t)SHARE > m->prints_n + m->text_copies_n;
}

/* Of a part, the whole knows. */
bool
la_artefacts_doubles(const struct la_explain *explain)
{
    struct la_copies copies;
    la_artefacts_copies(explain, &copies);
    return explain->outbox == NULL && la_artefacts_are_doubles(&copies);
}

bool
la_artefacts_is_doubled(const struct la_track *track)
{
    const struct la_track_end *a = &track->end[0], *b = &track->end[1];
    struct la_copies copies = {.segments_n =
                                   a->segments_n + b->segments_n + a->copies_n + b->copies_n,
                               .copies_n = a->copies_n + b->copies_n};
    return la_artefacts_are_doubles(&copies);
}

/* ---- time ----------------------------------------------------------------------------------- */

/* An end's timestamps tick at least once a second (RFC 7323 5.4). Where the capture says that much
 * more time has passed, or less than none, its clock was stepped. By how much is told by ticks of a
 * millisecond, which most ends use. */
LA_APART static void
look_at_clock(struct la_explain *explain, const struct la_placed *placed, int64_t passed_ns)
{
    int64_t ticks = (int32_t)(placed->seen->tcp.ts_val - placed->me->ts_seen);
    if (ticks < 0 ||
        (passed_ns > 0 && passed_ns <= (ticks + 1) * LA_NS_PER_S + DOUBT_S * LA_NS_PER_S))
        return;
    struct la_explain_finding *finding =
        la_found_in_file(explain, LA_FINDING_CAPTURE_CLOCK_STEP, placed->frame);
    if (finding != NULL && finding->n == 1) {
        finding->certainty = LA_CERTAINTY_INFERRED;
        finding->values[0] = passed_ns / LA_NS_PER_US - ticks * LA_US_PER_MS;
    }
}

void
la_artefacts_clock(struct la_explain *explain, const struct la_placed *placed)
{
    enum { BACK_S = 1 };
    struct la_track_end *e = placed->me;
    if ((placed->seen->tcp.has & LA_TCP_HAS_TIMESTAMPS) == 0)
        return;
    int64_t passed_ns = placed->at_ns - e->ts_at_ns;
    if (e->ts_at_ns != 0 &&
        (passed_ns > DOUBT_S * LA_NS_PER_S || passed_ns < -BACK_S * LA_NS_PER_S))
        look_at_clock(explain, placed, passed_ns);
    e->ts_seen = placed->seen->tcp.ts_val;
    e->ts_at_ns = placed->at_ns;
}

/* ---- the whole capture ------------------------------------------------------------------------
 */

void
la_artefacts_end(struct la_explain *explain, const struct la_track *track)
{
    enum { SEGMENTS_N_MIN = 3 };
    /* What was acknowledged may have passed before the capture began (heuristic: a second). */
    bool lasted = track->handshake_seen || track->last_at_ns - track->first_at_ns > LA_NS_PER_S;
    for (unsigned end = 0; end < 2; end++) {
        const struct la_measure *m = track->end[end].measure;
        explain->texts_n += m == NULL ? 0 : m->prints_n;
        explain->text_copies_n += m == NULL ? 0 : m->text_copies_n;
        if (la_artefacts_is_mirrored(&track->end[end]))
            explain->mirrored_n += track->end[end].copies_n;
    }
    const struct la_track_end *a = &track->end[0], *b = &track->end[1];
    bool one_way =
        lasted &&
        ((a->segments_n == 0 && b->segments_n >= SEGMENTS_N_MIN && a->missing_bytes > 0) ||
         (b->segments_n == 0 && a->segments_n >= SEGMENTS_N_MIN && b->missing_bytes > 0));
    if (one_way)
        explain->file.one_way++;
    else
        explain->file.missing_bytes += a->missing_bytes + b->missing_bytes;
}

/* Frames of both, the first ones, in order. */
static void
add_frames(struct la_explain_finding *to, const struct la_explain_finding *from)
{
    uint64_t frames[LA_FINDING_FRAMES_MAX];
    unsigned n = 0, i = 0, k = 0;
    while (n < LA_FINDING_FRAMES_MAX && (i < to->frames_n || k < from->frames_n)) {
        bool mine = k == from->frames_n || (i < to->frames_n && to->frames[i] < from->frames[k]);
        frames[n++] = mine ? to->frames[i++] : from->frames[k++];
    }
    memcpy(to->frames, frames, n * sizeof(frames[0]));
    to->frames_n = (uint8_t)n;
}

static void
add_findings(struct la_explain *explain, const struct la_explain *part)
{
    for (uint32_t i = part->file_found_first; i != NONE;) {
        const struct la_found *found = la_pool_at(&part->found, i);
        const struct la_explain_finding *from = &found->finding;
        struct la_explain_finding *to = la_found_in_file(explain, (enum la_finding)from->id, 0);
        i = found->next;
        if (to == NULL)
            continue;
        /* Its values are those of the first time. */
        if (to->frames_n == 0 || (from->frames_n > 0 && from->frames[0] < to->frames[0])) {
            memcpy(to->values, from->values, sizeof(to->values));
            to->certainty = from->certainty;
        }
        to->n += from->n - 1; /* la_found_in_file() has counted one. */
        add_frames(to, from);
    }
}

void
la_artefacts_add(struct la_explain *explain, const struct la_explain *part)
{
    struct la_explain_file *to = &explain->file;
    const struct la_explain_file *from = &part->file;
    to->segments += from->segments;
    to->icmp_errors += from->icmp_errors;
    to->connections += from->connections;
    to->evicted += from->evicted;
    to->unwatched += from->unwatched;
    to->copies += from->copies;
    to->copies_elsewhere += from->copies_elsewhere;
    to->bad_checksums += from->bad_checksums;
    to->changed_checksums += from->changed_checksums;
    to->unfilled_checksums += from->unfilled_checksums;
    to->above_mss += from->above_mss;
    to->one_way += from->one_way;
    to->missing_bytes += from->missing_bytes;
    explain->texts_n += part->texts_n;
    explain->text_copies_n += part->text_copies_n;
    explain->mirrored_n += part->mirrored_n;
    if (part->above_mss_bytes_max > explain->above_mss_bytes_max)
        explain->above_mss_bytes_max = part->above_mss_bytes_max;
    add_findings(explain, part);
}

static void
tell(struct la_explain *explain, enum la_finding id, uint64_t a, uint64_t b)
{
    struct la_explain_finding *finding = a > 0 ? la_found_in_file(explain, id, 0) : NULL;
    if (finding == NULL)
        return;
    finding->certainty = LA_CERTAINTY_INFERRED;
    finding->values[0] = (int64_t)a;
    finding->values[1] = (int64_t)b;
}

/* A step of the clock, once or twice and by a lot, or records that have changed places. */
static void
tell_back(struct la_explain *explain)
{
    enum { STEPS_N_MAX = 2, STEP_S_MIN = 2 };
    const struct la_explain_file *file = &explain->file;
    int64_t back_us = explain->back_ns_max / LA_NS_PER_US;
    if (file->times_back == 0 || file->times_back > STEPS_N_MAX ||
        explain->back_ns_max <= STEP_S_MIN * LA_NS_PER_S) {
        tell(explain, LA_FINDING_CAPTURE_BACK, file->times_back, (uint64_t)back_us);
        return;
    }
    struct la_explain_finding *step = la_found_in_file(explain, LA_FINDING_CAPTURE_CLOCK_STEP, 0);
    if (step == NULL)
        return;
    step->certainty = LA_CERTAINTY_INFERRED;
    step->values[0] = -back_us;
}

void
la_artefacts_finish(struct la_explain *explain)
{
    const struct la_explain_file *file = &explain->file;
    tell(explain, LA_FINDING_CAPTURE_TWICE,
         la_artefacts_doubles(explain) ? file->copies : explain->mirrored_n, 0);
    tell(explain, LA_FINDING_CAPTURE_UNFILLED, file->unfilled_checksums, 0);
    tell(explain, LA_FINDING_CAPTURE_CHANGED, file->changed_checksums, 0);
    tell(explain, LA_FINDING_CAPTURE_SUPER, file->above_mss, explain->above_mss_bytes_max);
    tell(explain, LA_FINDING_CAPTURE_MISSING, file->missing_bytes, 0);
    tell(explain, LA_FINDING_CAPTURE_ONE_WAY, file->one_way, 0);
    tell_back(explain);
}
