/* SPDX-License-Identifier: MIT
 *
 * sack.h - the scoreboard of SACKed octets, and what it says about losses (RFC 6675)
 *
 * HighACK is SND.UNA - 1, HighData is SND.NXT - 1, RecoveryPoint is `recover` - 1. HighRxt and
 * RescueRxt are kept as the number behind them, `high_rxt` and `rescue_rxt`.
 *
 * A peer's reports are one range for each segment in flight at most; LA_TCP_SACKED_MIN there may be
 * always, more than LA_TCP_SACKED_MAX never. With RACK, an acknowledgement costs the logarithm of
 * that, and moving half of them at worst (64 KiB); the rule of RFC 6675 alone goes through all, and
 * has the minimum.
 */
#ifndef LA_TCP_SACK_H
#define LA_TCP_SACK_H

#include "tcp/conn.h"
#include "wire/tcp.h"

enum { LA_TCP_SACKED_MIN = 256, LA_TCP_SACKED_MAX = 16384, LA_TCP_DUP_THRESH = 3 };

/* A range that is sent again, one segment at most. */
struct la_tcp_again {
    la_seq first;
    uint32_t n;
    bool rescue; /* NextSeg() rule 4: HighRxt stays */
};

/* Update() of RFC 6675 4. True: the blocks report octets that were neither acknowledged nor SACKed
 * before, which makes the segment a duplicate acknowledgement (2). A D-SACK block is none; a block
 * that is empty or not inside SND.UNA .. SND.NXT is ignored and becomes todo->reason. */
bool la_tcp_sack_update(struct la_tcp_conn *c, struct la_tcp_busy *busy,
                        const struct la_tcp_seg *seg, struct la_tcp_todo *todo);
/* Tells RACK and the rate sampler what of a range of the board is not SACKed: it has arrived. */
void la_tcp_sack_delivered(struct la_tcp_conn *c, struct la_tcp_busy *busy, struct la_range range,
                           const struct la_tcp_seg *seg, struct la_tcp_todo *todo);
/* SND.UNA has moved. True: it stands at octets that were SACKed, so the receiver has discarded them
 * (RFC 2018 8); then everything it has reported is forgotten. */
bool la_tcp_sack_advance(const struct la_tcp_conn *c, struct la_tcp_busy *busy);
/* RFC 2018 5: after a timeout nothing counts as SACKed. */
void la_tcp_sack_forget(struct la_tcp_busy *busy);

/* Octets of [first, end) that are not SACKed. */
uint32_t la_tcp_sack_missing(const struct la_tcp_busy *busy, la_seq first, la_seq end);
/* The first number from `seq` on that is not SACKed. */
la_seq la_tcp_sack_skip(const struct la_tcp_busy *busy, la_seq seq);
/* The n octets from `first` on, which is not SACKed, up to the next one that is. */
uint32_t la_tcp_sack_gap(const struct la_tcp_busy *busy, la_seq first, uint32_t n);

/* IsLost(HighACK + 1). */
bool la_tcp_sack_is_lost(const struct la_tcp_conn *c, const struct la_tcp_busy *busy);
/* SetPipe(). */
uint32_t la_tcp_sack_pipe(const struct la_tcp_conn *c, const struct la_tcp_busy *busy);
/* NextSeg() rule 1. False: there is none. */
bool la_tcp_sack_next(const struct la_tcp_conn *c, const struct la_tcp_busy *busy,
                      struct la_tcp_again *again);
/* NextSeg() rules 3 and 4, when no new data can be sent (rule 2). */
bool la_tcp_sack_last_resort(const struct la_tcp_conn *c, const struct la_tcp_busy *busy,
                             struct la_tcp_again *again);

static inline bool
la_tcp_has_sack(const struct la_tcp_conn *c)
{
    return (c->flags & LA_TCP_F_SACK) != 0;
}

#endif
