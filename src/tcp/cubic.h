/* SPDX-License-Identifier: MIT
 *
 * cubic.h - CUBIC (RFC 9438): the arithmetic
 *
 * Windows in octets, times in milliseconds, whole numbers throughout. The control itself is
 * la_cc_cubic (congestion.h).
 */
#ifndef LA_TCP_CUBIC_H
#define LA_TCP_CUBIC_H

#include "tcp/conn.h"

/* The largest y with y * y * y <= x. */
uint32_t la_cubic_root(uint64_t x);
/* K of RFC 9438 4.2 eqn. 2: the time to grow by `gap` octets, in milliseconds; rounded down. */
uint32_t la_cubic_k_ms(uint32_t gap_bytes, uint32_t smss);
/* C * t^3 in octets, for t in milliseconds; saturates. */
uint32_t la_cubic_growth(uint32_t t_ms, uint32_t smss);

#endif
