/* SPDX-License-Identifier: MIT
 *
 * tcp_extras.c - TCP options that the stack does not speak and an observer wants to know
 *
 * Read first: RFC 7413 4.1.1, RFC 8684 3, RFC 6994 3, RFC 2385 3, RFC 5925 2.2.
 */
#include "wire/tcp_extras.h"

static void
judge_mptcp(struct la_tcp_extras *extras, struct la_bytes data)
{
    if (data.n == 0)
        return;
    unsigned subtype = data.p[0] >> 4;
    extras->has |= LA_TCP_EXTRA_MPTCP;
    extras->mptcp |= (uint16_t)(1u << subtype);
    if (subtype == LA_MPTCP_CAPABLE)
        extras->mptcp_version = data.p[0] & 0x0f;
}

static void
judge_other(struct la_tcp_extras *extras, uint8_t kind)
{
    extras->has |= LA_TCP_EXTRA_OTHER;
    if (extras->other_n < LA_TCP_OTHER_KINDS_MAX)
        extras->other_kinds[extras->other_n++] = kind;
}

static void
judge_option(struct la_tcp_extras *extras, const struct la_tcp_option *opt)
{
    switch (opt->kind) {
    case LA_TCP_OPT_NOP:
    case LA_TCP_OPT_MSS:
    case LA_TCP_OPT_WSCALE:
    case LA_TCP_OPT_SACK_PERMITTED:
    case LA_TCP_OPT_SACK:
    case LA_TCP_OPT_TIMESTAMPS:
    case LA_TCP_OPT_USER_TIMEOUT:
        return;
    case LA_TCP_OPT_MD5:
        extras->has |= LA_TCP_EXTRA_MD5;
        return;
    case LA_TCP_OPT_AO:
        extras->has |= LA_TCP_EXTRA_AO;
        return;
    case LA_TCP_OPT_MPTCP:
        judge_mptcp(extras, opt->data);
        return;
    case LA_TCP_OPT_FAST_OPEN:
        extras->has |= LA_TCP_EXTRA_FAST_OPEN;
        extras->fast_open = opt->data;
        return;
    case LA_TCP_OPT_EXPERIMENT_1:
    case LA_TCP_OPT_EXPERIMENT_2:
        if (opt->data.n >= 2 && la_get16(opt->data.p) == LA_TCP_FAST_OPEN_EXPERIMENT_ID) {
            extras->has |= LA_TCP_EXTRA_FAST_OPEN | LA_TCP_EXTRA_FAST_OPEN_EXPERIMENT;
            extras->fast_open = (struct la_bytes){opt->data.p + 2, opt->data.n - 2};
            return;
        }
        judge_other(extras, opt->kind);
        return;
    default:
        judge_other(extras, opt->kind);
        return;
    }
}

void
la_tcp_extras_judge(struct la_tcp_extras *extras, const struct la_tcp_view *view)
{
    struct la_tcp_option_iter it = la_tcp_option_iter(view);
    struct la_tcp_option opt;
    *extras = (struct la_tcp_extras){0};
    while (la_tcp_option_next(&it, &opt))
        judge_option(extras, &opt);
}
