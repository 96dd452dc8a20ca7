/* SPDX-License-Identifier: MIT
 *
 * accecn_syn.c - accurate ECN: the SYNs, and what acknowledges them
 *
 * Read first: RFC 9768 3.1 and 3.2.2.1, its tables 2 to 4 (sections without a number of an RFC are
 * its).
 *
 * What was agreed is in the flags of the connection, also while it is half-open and folded; what is
 * counted is in a record of its own, made when the connection opens. A SYN is asked with ECT never,
 * so that whatever else it or its answer is said to have come with was changed on the way.
 */
#include "tcp/accecn.h"

#include "tcp/acknowledge.h"
#include "tcp/ecn.h"

enum {
    /* What the SYN,ACK and its acknowledgement say of how SYN and SYN,ACK came (tables 2, 3). */
    ACE_NOT_ECT = 2,
    ACE_ECT_1 = 3,
    ACE_ECT_0 = 4,
    ACE_RESERVED = 5, /* 3.1.3: as if unchanged */
    ACE_CE = 6
};
/* 3.1.4.1: that it was lost is more likely than that somebody drops it. */
enum { SYNS_THAT_ASK = 2, SYN_ACKS_THAT_AGREE = 2 };

static unsigned
code_of(unsigned ip_ecn)
{
    static const uint8_t codes[] = {
        [LA_IP_NOT_ECT] = ACE_NOT_ECT,
        [LA_IP_ECT_1] = ACE_ECT_1,
        [LA_IP_ECT_0] = ACE_ECT_0,
        [LA_IP_CE] = ACE_CE,
    };
    return codes[ip_ecn & LA_IP_ECN_MASK];
}

unsigned
la_tcp_accecn_code(const struct la_tcp_conn *c)
{
    return code_of((c->flags & LA_TCP_F_SYN_MARK) >> LA_TCP_SYN_MARK_SHIFT);
}

/* 3.1.5: that of the latest one is told. */
static void
note_mark(struct la_tcp_conn *c, unsigned ip_ecn)
{
    c->flags = (c->flags & ~LA_TCP_F_SYN_MARK) | (uint32_t)ip_ecn << LA_TCP_SYN_MARK_SHIFT;
}

/* ---- 3.1: the SYNs ---------------------------------------------------------------------- */

uint16_t
la_tcp_accecn_syn(struct la_tcp_conn *c, bool again, const struct la_tcp_cfg *cfg)
{
    uint32_t asks_n = cfg->syn_ecn_n > SYNS_THAT_ASK ? cfg->syn_ecn_n : (uint32_t)SYNS_THAT_ASK;
    if (again && cfg->ecn_fallback && c->backoff_n >= asks_n)
        c->flags &= ~(uint32_t)LA_TCP_F_ECN_ASK;
    return (c->flags & LA_TCP_F_ECN_ASK) != 0 ? LA_TCP_ACE_MASK : 0;
}

/* 3.2.3.2.2: in the end it is answered as if it had not asked. It may believe that, so that 3.1.5
 * lets this end send nothing as ECT. */
uint16_t
la_tcp_accecn_syn_ack(struct la_tcp_conn *c, bool again)
{
    if (!again || c->backoff_n < SYN_ACKS_THAT_AGREE)
        return la_tcp_ace_flags(la_tcp_accecn_code(c));
    c->flags &= ~(uint32_t)LA_TCP_F_ECN;
    return 0;
}

/* A SYN,ACK: how our SYN came (it went as Not-ECT), and how it came itself. */
static void
look_at_syn_ack(struct la_tcp_conn *c, const struct la_tcp_seg *syn_ack, struct la_tcp_todo *todo)
{
    struct la_tcp_accecn *a = la_tcp_accecn_get(c, todo->env);
    unsigned said = la_tcp_ace(syn_ack->flags);
    note_mark(c, todo->ecn);
    if (said != ACE_NOT_ECT && said != ACE_RESERVED)
        la_tcp_accecn_stop(c, LA_ECN_MANGLED, todo);
    if (a == NULL)
        return;
    a->answers = a->option_ack = a->option_text = true;
    la_tcp_accecn_option_seen(a, syn_ack);
    a->reacts = said == ACE_CE;
    if (todo->ecn == LA_IP_CE && !a->answer_marked) { /* 3.2.2.2: once, however often it comes */
        a->answer_marked = true;
        a->r.cep++;
    }
}

bool
la_tcp_accecn_take_syn(struct la_tcp_conn *c, const struct la_tcp_seg *syn,
                       struct la_tcp_todo *todo)
{
    if ((c->flags & LA_TCP_F_ACCECN) == 0)
        return false;
    bool answer = (syn->flags & LA_TCP_ACK) != 0;
    bool agrees =
        answer ? la_tcp_accecn_is_granted(syn->flags) : la_tcp_accecn_is_asked(syn->flags);
    if (!agrees) {
        la_tcp_tally_narrow(c, todo->env);
        return false;
    }
    if (!answer) {
        note_mark(c, todo->ecn);
        return true;
    }
    /* 3.1.4.1: it counts what the answer says, whatever the latest SYN asked for. */
    c->flags |= LA_TCP_F_ECN_ASK;
    look_at_syn_ack(c, syn, todo);
    return true;
}

bool
la_tcp_accecn_syn_again(struct la_tcp_conn *c, const struct la_tcp_seg *syn,
                        const struct la_tcp_todo *todo)
{
    unsigned said = la_tcp_ace(syn->flags);
    if (said != 0 && !la_tcp_accecn_is_asked(syn->flags))
        return false;
    if (said == 0) /* 3.1.5: nobody knows in which mode the client will end up */
        c->flags &= ~(uint32_t)LA_TCP_F_ECN;
    note_mark(c, todo->ecn);
    return true;
}

void
la_tcp_accecn_crossing(struct la_tcp_conn *c, const struct la_tcp_seg *syn_ack,
                       struct la_tcp_todo *todo)
{
    if ((c->flags & LA_TCP_F_ACCECN) == 0)
        return;
    look_at_syn_ack(c, syn_ack, todo);
}

void
la_tcp_accecn_syn_ack_again(struct la_tcp_conn *c, const struct la_tcp_seg *seg,
                            const struct la_tcp_todo *todo)
{
    struct la_tcp_accecn *a = la_tcp_accecn(c, todo->env);
    bool syn_ack =
        (seg->flags & (LA_TCP_SYN | LA_TCP_ACK | LA_TCP_RST)) == (LA_TCP_SYN | LA_TCP_ACK) &&
        la_seq_eq(seg->seq, c->irs) && la_seq_eq(seg->ack, la_seq_add(c->iss, 1));
    if (a == NULL || !syn_ack || !la_tcp_is_synchronised(c))
        return;
    note_mark(c, todo->ecn);
    a->answers = a->option_ack = true;
    if (todo->ecn == LA_IP_CE && !a->answer_marked) {
        a->answer_marked = true;
        a->r.cep++;
    }
}

/* ---- 3.2.2.1: the acknowledgement of a SYN,ACK ------------------------------------------ */

bool
la_tcp_accecn_shake(struct la_tcp_conn *c, const struct la_tcp_seg *seg, struct la_tcp_todo *todo)
{
    if ((c->flags & LA_TCP_F_ACCECN) == 0)
        return true;
    struct la_tcp_accecn *a = la_tcp_accecn_get(c, todo->env);
    if (a == NULL)
        return false;
    todo->shakes_hands = todo->crossing || la_tcp_accecn_is_pure(seg);
    la_tcp_accecn_option_seen(a, seg);
    if (todo->crossing || !todo->shakes_hands)
        return true;
    a->heard = true;
    switch (la_tcp_ace(seg->flags)) {
    case 0: /* note 1 */
        a->deaf = true;
        la_tcp_accecn_stop(c, LA_ECN_ZEROED, todo);
        break;
    case ACE_CE:
        a->s.cep++;
        a->reacts = true;
        la_tcp_accecn_stop(c, LA_ECN_MANGLED, todo);
        break;
    case ACE_ECT_0:
    case ACE_ECT_1:
        la_tcp_accecn_stop(c, LA_ECN_MANGLED, todo);
        break;
    default:
        break;
    }
    return true;
}

void
la_tcp_accecn_opened(struct la_tcp_conn *c, la_seq ack, struct la_tcp_todo *todo)
{
    struct la_tcp_accecn *a = la_tcp_accecn(c, todo->env);
    if (a == NULL)
        return;
    if (a->answers)
        la_tcp_ack_now(c, LA_CAUSE_ACK);
    if (!a->reacts)
        return;
    a->reacts = false;
    const struct la_tcp_marked marked = {ack, c->cwnd_bytes, 1};
    la_tcp_ecn_react(c, &marked, todo);
}
