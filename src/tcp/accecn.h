/* SPDX-License-Identifier: MIT
 *
 * accecn.h - accurate ECN: how many marks there were (RFC 9768)
 *
 * Three flags of the header, AE, CWR and ECE, become one number, ACE: in a SYN what is asked for,
 * in its answer how it came, later the low bits of how many packets came marked. LA_TCP_F_ACCECN:
 * before the SYNs have met, this end is willing; afterwards it is agreed, and LA_TCP_F_ECN says
 * that we send text as ECT(0). Each of these does nothing where it is not agreed.
 */
#ifndef LA_TCP_ACCECN_H
#define LA_TCP_ACCECN_H

#include "tcp/conn.h"
#include "tcp/tally.h"
#include "wire/tcp.h"

/* Would a SYN cookie's acknowledgement say so (5.1)? One with text has the counter, which begins at
 * 5; peers that know RFC 3168 alone never set AE. */
static inline bool
la_tcp_accecn_is_kept(const struct la_tcp_seg *ack)
{
    return la_tcp_ace(ack->flags) >= (ack->text_bytes == 0 ? 2u : 4u);
}

/* Have both SYNs met? */
static inline bool
la_tcp_accecn_is_agreed(const struct la_tcp_conn *c)
{
    return (c->flags & LA_TCP_F_ACCECN) != 0 && c->state != LA_TCP_SYN_SENT;
}

/* Has it neither text nor SACK blocks (table 4)? */
static inline bool
la_tcp_accecn_is_pure(const struct la_tcp_seg *seg)
{
    return seg->len == 0 && seg->sack_n == 0 && (seg->flags & LA_TCP_RST) == 0;
}
/* 3.2.2.3, 3.2.2.4: text goes without ECT from here on. */
void la_tcp_accecn_stop(struct la_tcp_conn *c, enum la_ecn_step step, struct la_tcp_todo *todo);

/* ---- the SYNs (3.1; accecn_syn.c) ------------------------------------------------------ */

/* The flags of our SYN, and of our SYN,ACK. DEVIATION(D20): what failed is not remembered. */
uint16_t la_tcp_accecn_syn(struct la_tcp_conn *c, bool again, const struct la_tcp_cfg *cfg);
uint16_t la_tcp_accecn_syn_ack(struct la_tcp_conn *c, bool again);
/* The peer's SYN or SYN,ACK. False: it knows RFC 3168 at most; then this is over. */
bool la_tcp_accecn_take_syn(struct la_tcp_conn *c, const struct la_tcp_seg *syn,
                            struct la_tcp_todo *todo);
/* Its SYN came again. False: it asks for another kind of ECN than before. */
bool la_tcp_accecn_syn_again(struct la_tcp_conn *c, const struct la_tcp_seg *syn,
                             const struct la_tcp_todo *todo);
/* Its SYN,ACK: that of a simultaneous open; and one that comes again to who has it already, and
 * says again in its answer how it came. */
void la_tcp_accecn_crossing(struct la_tcp_conn *c, const struct la_tcp_seg *syn_ack,
                            struct la_tcp_todo *todo);
void la_tcp_accecn_syn_ack_again(struct la_tcp_conn *c, const struct la_tcp_seg *seg,
                                 const struct la_tcp_todo *todo);
/* What acknowledges our SYN in SYN-RECEIVED (3.2.2.1). False: no memory to count in. */
bool la_tcp_accecn_shake(struct la_tcp_conn *c, const struct la_tcp_seg *seg,
                         struct la_tcp_todo *todo);
/* How the peer's latest SYN or SYN,ACK came, as ACE says it (table 3). */
unsigned la_tcp_accecn_code(const struct la_tcp_conn *c);
/* ESTABLISHED: if our SYN or SYN,ACK had been marked, the window is smaller from the beginning. */
void la_tcp_accecn_opened(struct la_tcp_conn *c, la_seq ack, struct la_tcp_todo *todo);

/* ---- feedback (3.2) --------------------------------------------------------------------- */

/* The receiver's part: an acceptable segment came. */
void la_tcp_accecn_arrived(struct la_tcp_conn *c, uint32_t text_bytes, struct la_tcp_todo *todo);
/* Is a bare acknowledgement due, to say how a SYN,ACK came? DEVIATION(D33): not how a later copy of
 * it did, which would be taken for a count. */
bool la_tcp_accecn_answers(const struct la_tcp_conn *c, const struct la_tcp_env *env);
/* Must it have no SACK blocks? An answer has none (3.2.2.1), nor what tells of marks on
 * acknowledgements alone, lest it be taken for a duplicate (3.2.2.5.1). The next has them. */
bool la_tcp_accecn_leaves_blocks(const struct la_tcp_conn *c, const struct la_tcp_seg *seg,
                                 const struct la_tcp_env *env);
/* ACE for a segment that is ready but for it; what is told with it has been told. */
uint16_t la_tcp_accecn_told(struct la_tcp_conn *c, const struct la_tcp_seg *seg,
                            struct la_tcp_env *env);
/* The sender's part: what an acknowledgement says, once what it acknowledges is known. */
void la_tcp_accecn_feedback(struct la_tcp_conn *c, const struct la_tcp_seg *seg,
                            struct la_tcp_todo *todo);

/* ---- the option (3.2.3; accecn_option.c) ------------------------------------------------ */

/* Into a segment that lacks it and its SACK blocks, of which there are so many; and into the first
 * SYN,ACK, behind all others. */
void la_tcp_accecn_option_fill(struct la_tcp_conn *c, struct la_tcp_seg *seg, unsigned blocks_n,
                               struct la_tcp_env *env);
void la_tcp_accecn_option_first(const struct la_tcp_conn *c, struct la_tcp_seg *seg,
                                const struct la_tcp_env *env);
/* One has come with the peer's SYN,ACK or its acknowledgement: what of it there can be. */
void la_tcp_accecn_option_seen(struct la_tcp_accecn *a, const struct la_tcp_seg *seg);
/* What it says, counted. False: nothing of marked octets, for certain or not; else *ceb more. */
bool la_tcp_accecn_option_take(struct la_tcp_accecn *a, const struct la_tcp_seg *seg,
                               uint32_t *ceb);
/* Text is about to be sent again. */
void la_tcp_accecn_text_again(struct la_tcp_conn *c, const struct la_tcp_busy *busy,
                              struct la_tcp_env *env);

/* DEVIATION(D21): is whatever is sent ECN-capable? Bare acknowledgements where SACK tells those
 * that they draw from duplicates (3.2.2.5.1). */
static inline bool
la_tcp_accecn_marks_all(const struct la_tcp_conn *c, const struct la_tcp_seg *seg,
                        const struct la_tcp_env *env)
{
    bool bare = seg->text_bytes == 0 && (seg->flags & LA_TCP_FIN) == 0;
    return env->cfg->ect_all && (c->flags & LA_TCP_F_ACCECN) != 0 &&
           (c->flags & LA_TCP_F_ECN) != 0 && (seg->flags & LA_TCP_SYN) == 0 &&
           (!bare || (c->flags & LA_TCP_F_SACK) != 0);
}

/* Whoever cuts a super-segment clears CWR in all but the first piece (RFC 3168 6.1.2), and would
 * change the number (3.3.4). */
static inline bool
la_tcp_accecn_is_cut_wrong(const struct la_tcp_conn *c, const struct la_tcp_env *env)
{
    const struct la_tcp_accecn *a = la_tcp_accecn(c, env);
    return a != NULL && (la_tcp_ace_flags(a->r.cep) & LA_TCP_CWR) != 0;
}

#endif
