/* SPDX-License-Identifier: MIT
 *
 * uto.c - the user timeout option
 *
 * Read first: RFC 5482 3 (its variables keep their names), 3.1, 5.
 */
#include "tcp/uto.h"

#include "base/extremes.h"

/* L_LIMIT: not less than R2 (RFC 9293 3.8.3, SHLD-11). U_LIMIT: a peer may not make us keep a
 * dead connection for longer. ADV_UTO where the application has said nothing. */
enum { L_LIMIT_S = 100, U_LIMIT_S = 3600, ADV_UTO_S = 300 };
enum {
    MINUTES = 0x8000,
    VALUE_MASK = 0x7fff,
    S_PER_MINUTE = 60,
    MS_PER_S = 1000,
    OPTION_BYTES = 4,
    HEADER_BYTES_MAX = 60
};

static uint32_t
adv_uto_s(const struct la_tcp_conn *c)
{
    uint32_t s = c->user_timeout_ms / MS_PER_S;
    return !c->uto_fixed ? (uint32_t)ADV_UTO_S : s == 0 ? 1 : s;
}

/* Seconds as long as they fit, else minutes. */
static uint16_t
encode(uint32_t s)
{
    if (s <= VALUE_MASK)
        return (uint16_t)s;
    uint32_t minutes = (s + S_PER_MINUTE - 1) / S_PER_MINUTE;
    return (uint16_t)(MINUTES | (minutes < VALUE_MASK ? minutes : (uint32_t)VALUE_MASK));
}

void
la_tcp_uto_fill(struct la_tcp_conn *c, struct la_tcp_seg *seg)
{
    bool syn = (seg->flags & LA_TCP_SYN) != 0;
    if (!c->uto_on || (!syn && !c->uto_due))
        return;
    if (seg->text_bytes + OPTION_BYTES > c->smss)
        return; /* the next one with room has it */
    seg->has |= LA_TCP_HAS_USER_TIMEOUT;
    seg->user_timeout = encode(adv_uto_s(c));
    if (!syn)
        c->uto_due = false;
}

void
la_tcp_uto_arrived(struct la_tcp_conn *c, const struct la_tcp_seg *seg)
{
    if (!c->uto_on || c->uto_fixed || (seg->has & LA_TCP_HAS_USER_TIMEOUT) == 0)
        return;
    uint32_t remote_s = seg->user_timeout & VALUE_MASK;
    if (remote_s == 0) /* 3.2: reserved */
        return;
    if ((seg->user_timeout & MINUTES) != 0)
        remote_s *= S_PER_MINUTE;
    uint32_t s = max32(max32(ADV_UTO_S, remote_s), L_LIMIT_S);
    c->user_timeout_ms = (s < U_LIMIT_S ? s : (uint32_t)U_LIMIT_S) * MS_PER_S;
}

void
la_tcp_uto_set(struct la_tcp_conn *c, uint32_t ms)
{
    c->user_timeout_ms = ms;
    c->uto_fixed = ms != 0;
    c->uto_due = c->uto_on;
}
