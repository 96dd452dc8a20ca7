/* SPDX-License-Identifier: MIT
 *
 * sane.h - instants that captures claim
 *
 * They may claim any. From 1896 to 2116 differences do not overflow, nor do sums with what programs
 * wait for; what is beyond counts as these.
 */
#ifndef LA_BASE_SANE_H
#define LA_BASE_SANE_H

#include <lastack/base.h>

#define LA_NS_EARLIEST (-(INT64_C(1) << 61))
#define LA_NS_LATEST (INT64_C(1) << 62)

static inline la_instant
la_instant_sane(la_instant at)
{
    int64_t ns = at.ns < LA_NS_EARLIEST ? LA_NS_EARLIEST : at.ns;
    return (la_instant){ns > LA_NS_LATEST ? LA_NS_LATEST : ns};
}

#endif
