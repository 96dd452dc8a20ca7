/* SPDX-License-Identifier: MIT
 *
 * rtt.c - round trips, from the tap to the receiver and back
 *
 * One segment is timed at a time (numbers.c), never one that was sent again (Karn, RFC 6298 3). The
 * smallest and the largest are exact. Median and percentile are of 64 samples at most; when there
 * were more, these are a uniform choice of all (reservoir sampling, its random numbers from the
 * ordinal, so that two runs agree).
 */
#include "explain/measure.h"

/* RTO: RFC 6298 2.3, with the minimum that today's stacks use (Linux: 200 ms). */
enum { RTO_US_MIN = 200000, RTO_US_UNKNOWN = 1000000 };

static uint64_t
mixed(uint64_t n)
{
    n = (n ^ n >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    n = (n ^ n >> 27) * UINT64_C(0x94d049bb133111eb);
    return n ^ n >> 31;
}

void
la_rtt_sample(struct la_measure *m, int64_t us)
{
    uint32_t rtt = us < 0 ? 0 : us > UINT32_MAX ? UINT32_MAX : (uint32_t)us;
    uint64_t at = m->rtt_n < LA_RTT_SAMPLES_N ? m->rtt_n : mixed(m->rtt_n) % (m->rtt_n + 1);
    if (at < LA_RTT_SAMPLES_N)
        m->rtt_us[at] = rtt;
    if (m->rtt_n == 0 || rtt < m->rtt_us_min)
        m->rtt_us_min = rtt;
    if (rtt > m->rtt_us_max)
        m->rtt_us_max = rtt;
    if (m->rtt_n == 0) {
        m->srtt_us = rtt;
        m->rttvar_us = rtt / 2;
    } else {
        uint32_t off = rtt > m->srtt_us ? rtt - m->srtt_us : m->srtt_us - rtt;
        m->rttvar_us = m->rttvar_us - m->rttvar_us / 4 + off / 4;
        m->srtt_us = m->srtt_us - m->srtt_us / 8 + rtt / 8;
    }
    m->rtt_n++;
}

uint32_t
la_rtt_longest_before(const struct la_measure *m)
{
    uint32_t longest_us = 0;
    for (unsigned i = 0; i < LA_RTT_SAMPLES_N && i + 1 < m->rtt_n; i++)
        if (m->rtt_us[i] > longest_us)
            longest_us = m->rtt_us[i];
    return longest_us;
}

int64_t
la_rtt_timeout_ns(const struct la_measure *m, const struct la_track *track, unsigned sender)
{
    uint32_t part_us = track->end[sender].part_us_min;
    uint32_t rest_us = track->end[1 - sender].part_us_min;
    if (m->rtt_n == 0 && (part_us == UINT32_MAX || rest_us == UINT32_MAX))
        return RTO_US_UNKNOWN * LA_NS_PER_US;
    /* RFC 6298 2.2: three times the first round trip, which the handshake was. */
    int64_t us =
        m->rtt_n == 0 ? 3 * (int64_t)rest_us : (int64_t)m->srtt_us + 4 * (int64_t)m->rttvar_us;
    if (part_us != UINT32_MAX)
        us += part_us;
    return (us > RTO_US_MIN ? us : RTO_US_MIN) * LA_NS_PER_US;
}

/* 64 at most. */
static void
sort(uint32_t *values, size_t n)
{
    for (size_t i = 1; i < n; i++) {
        uint32_t value = values[i];
        size_t k = i;
        for (; k > 0 && values[k - 1] > value; k--)
            values[k] = values[k - 1];
        values[k] = value;
    }
}

void
la_rtt_fill(const struct la_measure *m, struct la_explain_rtt *out)
{
    uint32_t values[LA_RTT_SAMPLES_N];
    size_t n = m->rtt_n < LA_RTT_SAMPLES_N ? (size_t)m->rtt_n : LA_RTT_SAMPLES_N;
    *out = (struct la_explain_rtt){.samples_n = m->rtt_n};
    if (n == 0)
        return;
    memcpy(values, m->rtt_us, n * sizeof(values[0]));
    sort(values, n);
    out->min_us = m->rtt_us_min;
    out->median_us = values[n / 2];
    out->p95_us = values[n * 95 / 100];
    out->max_us = m->rtt_us_max;
}
