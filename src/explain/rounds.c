/* SPDX-License-Identifier: MIT
 *
 * rounds.c - what a sender's congestion window did, round trip by round trip
 *
 * What is in flight, where nothing else holds the sender back, is its congestion window (RFC 5681
 * 2). A round begins with new text and is over when that is acknowledged. Everything here is a
 * heuristic, and holds where the tap is near the sender: elsewhere a part of what is in flight has
 * not passed yet, or has been acknowledged already.
 *
 *   path         the round trip has grown by a quarter of the shortest one and a millisecond: a
 * queue stands before the bottleneck, and a larger window would only make it longer send buffer the
 * same ceiling for 16 rounds, to within two segments, without a loss ever and without a queue: any
 * congestion control would have grown (RFC 5681 3.1)
 *
 * The family of the congestion control shows in what stays in flight after a loss: half of it
 * (Reno, RFC 5681 3.1), seven tenths (CUBIC, RFC 9438 4.6), or all, with dips for 200 ms now and
 * then, in which the round trip is measured (BBR, draft-ietf-ccwg-bbr 5.3.4).
 */
#include "explain/measure.h"
#include "explain/parts.h"

enum { LOSS_SEGMENTS_MIN = 8, CEILING_ROUNDS = 16, PERCENT_MAX = 200 };
enum { DIP_SEGMENTS = 5, LEVEL_SEGMENTS = 12, DIP_MS_MIN = 100, DIP_MS_MAX = 600, DIP_S_APART = 2 };
enum { QUEUE_US = 1000, NEAR_SHARE = 4, NEAR_US = 200, SLOW_ROUNDS = 2 };
enum { RENO_PERCENT = 50, CUBIC_PERCENT = 70 };

/* Something else than congestion control held the sender back in this round. */
static bool
is_limited(const struct la_rounds *r)
{
    return (r->limits & (1u << LA_LIMIT_APPLICATION | 1u << LA_LIMIT_RECEIVER)) != 0;
}

/* Nothing was in flight at some time of it, or the window was full. */
static bool
is_idle(const struct la_rounds *r)
{
    return (r->limits & (1u << LA_ROUND_EMPTY | 1u << LA_LIMIT_RECEIVER)) != 0;
}

/* ---- losses ----------------------------------------------------------------------------- */

static void
loss_begins(struct la_rounds *r, uint32_t full)
{
    bool tells = !is_limited(r) && !r->limited_last && !r->settles &&
                 r->flight_now >= LOSS_SEGMENTS_MIN * full;
    r->flight_at_loss = tells ? r->flight_now : 0;
    r->settles = false;
    r->lost = r->lost_ever = r->grown = true;
}

static void
recovery_turned(struct la_rounds *r, const struct la_track_end *me, uint8_t recovery)
{
    if (recovery == LA_RECOVERY_FAST && r->recovery == LA_RECOVERY_NONE) {
        loss_begins(r, me->segment_bytes_max);
    } else if (recovery == LA_RECOVERY_RTO) { /* everything begins anew: RFC 5681 3.1 */
        r->lost = r->lost_ever = true;
        r->grown = r->settles = false;
        r->flight_at_loss = 0;
    } else if (recovery == LA_RECOVERY_NONE && r->flight_at_loss > 0) {
        r->settles = true;
        r->begun = false;
    }
    r->recovery = recovery;
}

/* Is it that share of the window, with what a round adds to it? Windows are whole segments, and a
 * round may have brought one more. */
static bool
is_share(uint32_t now, uint32_t before, uint32_t percent, uint32_t full)
{
    uint64_t share = (uint64_t)before * percent / 100;
    uint64_t below = share / 10 > full / 2 ? share / 10 : full / 2;
    uint64_t above = share / 8 > full + full / 4 ? share / 8 : full + full / 4;
    return now + below >= share && now <= share + above;
}

/* A round behind a recovery: what the sender dares now. */
static void
settle(struct la_rounds *r, uint32_t full)
{
    uint32_t before = r->flight_at_loss;
    r->settles = false;
    if (is_limited(r) || before == 0 || r->flight == 0)
        return;
    uint64_t percent = (uint64_t)r->flight * 100 / before;
    bool reno = is_share(r->flight, before, RENO_PERCENT, full);
    bool cubic = is_share(r->flight, before, CUBIC_PERCENT, full);
    r->kept_percent[r->kept_n++ % LA_LOSSES_N] =
        (uint8_t)(percent < PERCENT_MAX ? percent : PERCENT_MAX);
    r->reno_n += reno && !cubic;
    r->cubic_n += cubic && !reno;
    r->whole_n += !cubic && percent > CUBIC_PERCENT;
}

/* ---- dips ------------------------------------------------------------------------------- */

static void
dip(struct la_rounds *r, int64_t at_ns, uint32_t full)
{
    int64_t lasted_ms = (at_ns - r->dip_at_ns) / LA_NS_PER_MS;
    int64_t longest_ms = DIP_MS_MAX + 4 * (int64_t)r->rtt_us / LA_US_PER_MS;
    if (is_limited(r) || r->lost || (r->level > 0 && lasted_ms > longest_ms)) {
        r->level = 0;
    } else if (r->level == 0) {
        bool falls = r->flight < r->flight_last * UINT64_C(65) / 100;
        if (!falls || r->limited_last || r->flight_last < LEVEL_SEGMENTS * full)
            return;
        r->level = r->flight_last;
        r->dip_flight = r->flight;
        r->dip_at_ns = r->at_ns;
    } else if (r->flight >= r->level * UINT64_C(3) / 4) {
        if (lasted_ms >= DIP_MS_MIN) {
            r->uneven_dips_n += r->dips_n > 0 && at_ns - r->dip_over_ns < DIP_S_APART * LA_NS_PER_S;
            r->dips_n++;
            r->deep_dips_n += r->dip_flight <= DIP_SEGMENTS * full;
            r->dip_over_ns = at_ns;
        }
        r->level = 0;
    } else if (r->flight < r->dip_flight) {
        r->dip_flight = r->flight;
    }
}

/* ---- limits ----------------------------------------------------------------------------- */

static void
move(struct la_measure *m, enum la_limit from, enum la_limit to, uint64_t ns)
{
    m->limit_ns[from] -= ns;
    m->limit_ns[to] += ns;
}

/* It is never exceeded, and reached in every other round. */
static void
ceiling(struct la_measure *m, uint64_t held_ns, uint32_t full)
{
    struct la_rounds *r = &m->rounds;
    bool none = r->lost_ever || is_idle(r) || r->flight > r->ceiling + full ||
                (r->ceiling_n >= CEILING_ROUNDS && r->touched_n < r->ceiling_n / 2);
    if (none) {
        if (r->is_ceiling)
            move(m, LA_LIMIT_SEND_BUFFER, LA_LIMIT_CONGESTION, r->ceiling_ns);
        r->is_ceiling = false;
        r->ceiling_n = r->touched_n = 0;
        r->ceiling_ns = 0;
        r->ceiling = r->flight;
        return;
    }
    r->ceiling_ns += held_ns;
    r->ceiling_n++;
    r->touched_n += r->flight + full >= r->ceiling;
    if (r->is_ceiling) {
        move(m, LA_LIMIT_CONGESTION, LA_LIMIT_SEND_BUFFER, held_ns);
    } else if (r->ceiling_n >= CEILING_ROUNDS && r->touched_n >= r->ceiling_n / 2) {
        r->is_ceiling = true;
        move(m, LA_LIMIT_CONGESTION, LA_LIMIT_SEND_BUFFER, r->ceiling_ns);
    }
}

/* What of the time since the round before was the congestion window's doing. */
static void
judge(struct la_measure *m, uint32_t full)
{
    struct la_rounds *r = &m->rounds;
    uint64_t held_ns = m->limit_ns[LA_LIMIT_CONGESTION] - r->judged_ns;
    bool queue = r->rtt_us > m->rtt_us_min + m->rtt_us_min / 4 + QUEUE_US;
    if (queue)
        move(m, LA_LIMIT_CONGESTION, LA_LIMIT_PATH, held_ns);
    ceiling(m, queue ? 0 : held_ns, full);
    r->judged_ns = m->limit_ns[LA_LIMIT_CONGESTION];
}

/* Where nothing is lost, a window that losses govern does not shrink; one round behind each
 * recovery may seem to. */
static void
look_for_shrinking(struct la_rounds *r, uint32_t full)
{
    bool calm = !is_limited(r) && !r->lost && r->recovery == LA_RECOVERY_NONE && r->flight > 0;
    r->shrunk_n += calm && r->calm_last && r->flight_last >= LOSS_SEGMENTS_MIN * full &&
                   r->flight + full + full / 2 < r->flight_last;
    r->calm_last = calm;
}

/* ---- rounds ----------------------------------------------------------------------------- */

static void
begin(struct la_rounds *r, const struct la_track_end *me, int64_t at_ns)
{
    r->begun = true;
    r->end = me->nxt;
    r->at_ns = at_ns;
    r->flight_last = r->flight;
    r->limited_last = is_limited(r);
    r->flight = 0;
    r->limits = 0;
    r->lost = false;
}

static void
over(struct la_measure *m, const struct la_track_end *me, int64_t at_ns)
{
    struct la_rounds *r = &m->rounds;
    r->n++;
    if (r->settles)
        settle(r, me->segment_bytes_max);
    dip(r, at_ns, me->segment_bytes_max);
    bool slow = !is_limited(r) && r->flight < r->flight_last + r->flight_last / 4;
    r->slow_n = slow ? (uint8_t)(r->slow_n + (r->slow_n < SLOW_ROUNDS)) : 0;
    r->grown = r->grown || r->slow_n == SLOW_ROUNDS;
    judge(m, me->segment_bytes_max);
    look_for_shrinking(r, me->segment_bytes_max);
    r->begun = false;
}

uint32_t
la_rounds_window(const struct la_measure *m, const struct la_track_end *me)
{
    const struct la_rounds *r = &m->rounds;
    bool tells = !is_limited(r) && !r->begun && r->flight >= 2 * me->segment_bytes_max;
    return tells ? r->flight : 0;
}

static void
turned(const struct la_explain *explain, struct la_measure *m, const struct la_track *track,
       const struct la_placed *placed, unsigned sender)
{
    recovery_turned(&m->rounds, &track->end[sender], m->recovery);
    la_tell_window(explain, track, sender, m, placed);
}

void
la_rounds_sent(const struct la_explain *explain, struct la_measure *m, const struct la_track *track,
               const struct la_placed *placed)
{
    const struct la_track_end *me = placed->me;
    struct la_rounds *r = &m->rounds;
    if (r->recovery != m->recovery)
        turned(explain, m, track, placed, placed->from);
    if (placed->new_bytes == 0)
        return;
    if (!r->begun)
        begin(r, me, placed->at_ns);
    if (m->recovery == LA_RECOVERY_NONE && m->duplicates_now == 0 && !m->sacked) {
        r->flight_now = (uint32_t)la_seq_diff(me->nxt, me->una);
        r->flight = r->flight_now > r->flight ? r->flight_now : r->flight;
    }
}

void
la_rounds_acked(const struct la_explain *explain, struct la_measure *m,
                const struct la_track *track, const struct la_placed *placed)
{
    const struct la_track_end *sender = placed->peer;
    struct la_rounds *r = &m->rounds;
    if (r->recovery != m->recovery)
        turned(explain, m, track, placed, 1u - placed->from);
    if (placed->rtt_us >= 0)
        r->rtt_us = placed->rtt_us > UINT32_MAX ? UINT32_MAX : (uint32_t)placed->rtt_us;
    if (!r->begun || !la_seq_ge(sender->una, r->end))
        return;
    over(m, sender, placed->at_ns);
    la_tell_window(explain, track, 1u - placed->from, m, placed);
}

void
la_rounds_marked(struct la_measure *m)
{
    m->rounds.lost = m->rounds.lost_ever = m->rounds.grown = true;
}

/* ---- the family ------------------------------------------------------------------------- */

bool
la_rounds_tell(const struct la_measure *m, const struct la_track *track, unsigned sender)
{
    uint32_t part_us = track->end[sender].part_us_min;
    bool windows = (track->end[1 - sender].flags & LA_END_SCALE_KNOWN) != 0;
    return windows && m->rtt_n > 0 && part_us != UINT32_MAX &&
           (part_us < m->rtt_us_min / NEAR_SHARE || part_us + m->rtt_us_min < NEAR_US);
}

/* So many witnesses, of so many. One alone may be chance, and is never enough. */
static uint8_t
confidence(uint32_t for_n, uint32_t all_n)
{
    return (uint8_t)((uint64_t)for_n * 100 / ((uint64_t)all_n + 1));
}

/* Losses speak, if they do, for three quarters of themselves; BBR's windows vary more. Without
 * losses dips speak, if they are as rare as BBR's. */
static void
guess(const struct la_rounds *r, struct la_explain_congestion *out)
{
    uint32_t n = r->kept_n, dips_n = r->uneven_dips_n > 0 ? 0 : r->dips_n;
    uint32_t whole_n = r->whole_n + r->deep_dips_n;
    bool by_losses = r->shrunk_n <= n + n / 2 + 2;
    if (by_losses && r->reno_n >= 2 && r->reno_n >= n - n / 4) {
        out->family = LA_CONGESTION_RENO;
        out->confidence_percent = confidence(r->reno_n, n);
    } else if (by_losses && r->cubic_n >= 2 && r->cubic_n >= n - n / 4) {
        out->family = LA_CONGESTION_CUBIC;
        out->confidence_percent = confidence(r->cubic_n, n);
    } else if (n > 0 && whole_n >= 3 && r->whole_n > n - n * 2 / 5) {
        out->family = LA_CONGESTION_BBR;
        out->confidence_percent = confidence(whole_n, n + r->deep_dips_n);
    } else if (n == 0 && dips_n + r->deep_dips_n >= 2) {
        out->family = LA_CONGESTION_BBR;
        out->confidence_percent = confidence(dips_n, dips_n);
    }
}

static uint8_t
median(const struct la_rounds *r)
{
    uint8_t values[LA_LOSSES_N];
    uint32_t n = r->kept_n < LA_LOSSES_N ? r->kept_n : LA_LOSSES_N;
    for (uint32_t i = 0; i < n; i++) {
        uint32_t k = i;
        for (; k > 0 && values[k - 1] > r->kept_percent[i]; k--)
            values[k] = values[k - 1];
        values[k] = r->kept_percent[i];
    }
    return n == 0 ? 0 : values[n / 2];
}

void
la_rounds_fill(const struct la_measure *m, const struct la_track *track, unsigned sender,
               struct la_explain_direction *out)
{
    const struct la_rounds *r = &m->rounds;
    out->limits_told = la_rounds_tell(m, track, sender);
    if (!out->limits_told)
        return;
    out->congestion.kept_percent = median(r);
    out->congestion.losses_n = r->kept_n;
    out->congestion.dips_n = r->dips_n;
    guess(r, &out->congestion);
    if (out->congestion.family != LA_CONGESTION_BBR)
        return;
    /* It paces by the rate of the path, which its window does not limit (5.5, 5.6.1). */
    out->limit_us[LA_LIMIT_PATH] += out->limit_us[LA_LIMIT_CONGESTION];
    out->limit_us[LA_LIMIT_CONGESTION] = 0;
}
