/* SPDX-License-Identifier: MIT
 *
 * faults.c - one direction's faults, checked and made ready
 *
 * Burst loss is Gilbert's chain: every packet in the bad state is lost. With r = bad to good and
 * p = good to bad, the mean burst is 1 / r and the stationary share of bad p / (p + r); both are
 * given, p and r follow.
 */
#include "link/faults.h"

#define DRAW_ONE (UINT64_C(1) << LA_WIRE_DRAW_BITS)
/* Above it, 64 KiB take no time that a clock in nanoseconds shows. */
#define RATE_BPS_MAX UINT64_C(1000000000000000)
#define REORDER_NS_DEFAULT INT64_C(5000000)
#define BURST_N_DEFAULT 5.0

enum { QUEUE_N_DEFAULT = 1000, MTU_BYTES_MIN = 68, MTU_BYTES_MAX = 65535 };

/* A NaN is no share. */
static bool
is_share(double x)
{
    return x >= 0 && x <= 1;
}

static bool
is_time(int64_t ns)
{
    return ns >= 0 && ns <= INT64_MAX / 4;
}

static bool
is_valid(const struct la_impair *impair, const struct la_link_caps *caps)
{
    bool offload = caps->checksum_tx || caps->checksum_rx || caps->tso4 || caps->tso6;
    if (!is_share(impair->loss) || !is_share(impair->burst_loss) || !is_share(impair->reorder) ||
        !is_share(impair->duplicate) || !is_share(impair->corrupt))
        return false;
    if (!is_time(impair->delay_ns) || !is_time(impair->jitter_ns) || !is_time(impair->reorder_ns))
        return false;
    if (impair->burst_n != 0 && !(impair->burst_n >= 1 && impair->burst_n <= 1e9))
        return false;
    if (impair->mtu_bytes != 0 &&
        (impair->mtu_bytes < MTU_BYTES_MIN || impair->mtu_bytes > MTU_BYTES_MAX))
        return false;
    return !(impair->corrupt > 0 && offload);
}

static uint64_t
threshold(double share)
{
    return share >= 1 ? DRAW_ONE : (uint64_t)(share * (double)DRAW_ONE);
}

static void
burst_init(struct la_wire_faults *out, const struct la_impair *impair)
{
    double share = impair->burst_loss;
    double leave = 1 / (impair->burst_n == 0 ? BURST_N_DEFAULT : impair->burst_n);
    double enter = share < 1 ? leave * share / (1 - share) : 1;
    if (enter > 1) { /* so large a share has no such short bursts: the share is kept */
        enter = 1;
        leave = (1 - share) / share;
    }
    if (share >= 1)
        leave = 0;
    out->burst_share = threshold(share);
    out->burst_enter = threshold(enter);
    out->burst_leave = threshold(leave);
}

la_err
la_wire_faults_init(struct la_wire_faults *out, const struct la_impair *impair,
                    const struct la_link_caps *caps)
{
    if (!is_valid(impair, caps))
        return LA_ERR_BAD_ARGUMENT;
    *out = (struct la_wire_faults){
        .delay_ns = impair->delay_ns,
        .jitter_ns = impair->jitter_ns,
        .reorder_ns = impair->reorder_ns == 0 ? REORDER_NS_DEFAULT : impair->reorder_ns,
        .rate_bps = impair->rate_bps > RATE_BPS_MAX ? 0 : impair->rate_bps,
        .queue_n = impair->queue_n == 0 ? QUEUE_N_DEFAULT : impair->queue_n,
        .mark_n = impair->mark_n,
        .mtu_bytes = impair->mtu_bytes == 0 ? caps->mtu_bytes : impair->mtu_bytes,
        .loss = threshold(impair->loss),
        .reorder = threshold(impair->reorder),
        .duplicate = threshold(impair->duplicate),
        .corrupt = threshold(impair->corrupt),
    };
    burst_init(out, impair);
    out->keyed =
        (out->loss | out->burst_share | out->reorder | out->duplicate | out->corrupt) != 0 ||
        out->jitter_ns != 0;
    out->perfect = !out->keyed && out->delay_ns == 0 && out->rate_bps == 0;
    return LA_OK;
}
