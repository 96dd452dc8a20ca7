/* SPDX-License-Identifier: MIT
 *
 * accecn.c - accurate ECN
 *
 * Read first: RFC 9768 3.1 (its tables 2 to 4), 3.2 (sections without a number of an RFC are its).
 *
 * What was agreed is in the flags of the connection, also while it is half-open and folded; what is
 * counted is in a record of its own, made when the connection opens. A SYN is asked with ECT never,
 * so that whatever else it or its answer is said to have come with was changed on the way.
 */
#include "tcp/accecn.h"

#include "tcp/acknowledge.h"
#include "tcp/ecn.h"

enum {
    ACE_N = 8,
    /* What the SYN,ACK and its acknowledgement say of how SYN and SYN,ACK came (tables 2, 3). */
    ACE_NOT_ECT = 2,
    ACE_ECT_1 = 3,
    ACE_ECT_0 = 4,
    ACE_RESERVED = 5, /* 3.1.3: as if unchanged */
    ACE_CE = 6,
    ACE_MIRRORED = 7,
    ACE_PLAIN = 1 /* RFC 3168's answer */
};
/* 3.1.4.1: that it was lost is more likely than that somebody drops it. */
enum { SYNS_THAT_ASK = 2, SYN_ACKS_THAT_AGREE = 2 };
/* 3.2.2.5.1. */
enum { MARKS_WITH_TEXT = 2, MARKS_WITHOUT = 3 };
/* A.2.1: on a path where one acknowledgement stands for many segments anyway, the field is not
 * thought to have cycled. */
enum { EIGHTHS = 8, THINNED_N = 4 };

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

static unsigned
syn_mark(const struct la_tcp_conn *c)
{
    return (c->flags & LA_TCP_F_SYN_MARK) >> LA_TCP_SYN_MARK_SHIFT;
}

/* 3.1.5: that of the latest one is told. */
static void
note_mark(struct la_tcp_conn *c, unsigned ip_ecn)
{
    c->flags = (c->flags & ~LA_TCP_F_SYN_MARK) | (uint32_t)ip_ecn << LA_TCP_SYN_MARK_SHIFT;
}

/* 3.2.2.3, 3.2.2.4: text goes without ECT from here on; what comes marked is still told. */
static void
stop_marking(struct la_tcp_conn *c, enum la_ecn_step step, struct la_tcp_todo *todo)
{
    if (!la_tcp_ecn_marks(c) || !todo->env->cfg->ecn_fallback)
        return;
    c->flags &= ~(uint32_t)LA_TCP_F_ECN;
    la_tcp_ecn_tell(c, step, 0, todo);
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
        return la_tcp_ace_flags(code_of(syn_mark(c)));
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
        stop_marking(c, LA_ECN_MANGLED, todo);
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
    unsigned said = la_tcp_ace(syn->flags);
    bool answer = (syn->flags & LA_TCP_ACK) != 0;
    bool agrees = answer ? said != 0 && said != ACE_PLAIN && said != ACE_MIRRORED
                         : la_tcp_accecn_is_asked(syn->flags);
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
    struct la_tcp_accecn *a = la_tcp_accecn(c, todo->env);
    if (a != NULL) /* our SYN,ACK may have opened it on the other side */
        a->may_be_over = true;
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

/* One that has neither text nor SACK blocks: table 4. */
static bool
is_pure(const struct la_tcp_seg *seg)
{
    return seg->len == 0 && seg->sack_n == 0 && (seg->flags & LA_TCP_RST) == 0;
}

bool
la_tcp_accecn_shake(struct la_tcp_conn *c, const struct la_tcp_seg *seg, struct la_tcp_todo *todo)
{
    if ((c->flags & LA_TCP_F_ACCECN) == 0)
        return true;
    struct la_tcp_accecn *a = la_tcp_accecn_get(c, todo->env);
    if (a == NULL)
        return false;
    todo->shakes_hands = todo->crossing || is_pure(seg);
    la_tcp_accecn_option_seen(a, seg);
    if (todo->crossing || !todo->shakes_hands)
        return true;
    a->heard = true;
    switch (la_tcp_ace(seg->flags)) {
    case 0: /* note 1 */
        a->deaf = true;
        stop_marking(c, LA_ECN_ZEROED, todo);
        break;
    case ACE_CE:
        a->s.cep++;
        a->reacts = true;
        stop_marking(c, LA_ECN_MANGLED, todo);
        break;
    case ACE_ECT_0:
    case ACE_ECT_1:
        stop_marking(c, LA_ECN_MANGLED, todo);
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

/* ---- the receiver ----------------------------------------------------------------------- */

static void
count_text(struct la_tcp_marks *r, unsigned ip_ecn, uint32_t text_bytes)
{
    r->ceb += ip_ecn == LA_IP_CE ? text_bytes : 0;
    r->e0b += ip_ecn == LA_IP_ECT_0 ? text_bytes : 0;
    r->e1b += ip_ecn == LA_IP_ECT_1 ? text_bytes : 0;
}

void
la_tcp_accecn_arrived(struct la_tcp_conn *c, uint32_t text_bytes, struct la_tcp_todo *todo)
{
    struct la_tcp_accecn *a = la_tcp_accecn(c, todo->env);
    if (a == NULL || todo->crossing)
        return;
    count_text(&a->r, todo->ecn, text_bytes);
    bool marked = todo->ecn == LA_IP_CE, changed = marked && !a->came_marked;
    a->came_marked = marked;
    if (!marked)
        return;
    a->r.cep += todo->segments_n > 1 ? todo->segments_n : 1;
    const struct la_tcp_busy *busy = la_tcp_busy(c, todo->env);
    bool owes = text_bytes > 0 || !la_seq_eq(la_tcp_ack_told(c, busy), c->rcv_nxt);
    if (changed && text_bytes > 0) { /* 3.2.2.5.1 */
        la_tcp_ack_now(c, LA_CAUSE_ACK);
        la_tcp_ecn_tell(c, LA_ECN_COUNTED, 0, todo);
    }
    if (a->r.cep - a->told_cep >= (owes ? MARKS_WITH_TEXT : MARKS_WITHOUT))
        la_tcp_ack_now(c, LA_CAUSE_ACK);
}

/* Has the server left SYN-RECEIVED? It has when it has acknowledged text of ours that it did not
 * take with our SYN, or sent text; where it did (RFC 7413), it may send from there. */
static bool
handshake_is_over(const struct la_tcp_conn *c, const struct la_tcp_accecn *a)
{
    return a->text_acked || (!c->fast_opened && !la_seq_eq(c->rcv_nxt, la_seq_add(c->irs, 1)));
}

bool
la_tcp_accecn_answers(const struct la_tcp_conn *c, const struct la_tcp_env *env)
{
    const struct la_tcp_accecn *a = la_tcp_accecn(c, env);
    return a != NULL && a->answers && !(a->may_be_over && handshake_is_over(c, a));
}

bool
la_tcp_accecn_is_answer(const struct la_tcp_conn *c, const struct la_tcp_seg *seg,
                        const struct la_tcp_env *env)
{
    bool bare = seg->text_bytes == 0 && (seg->flags & (LA_TCP_SYN | LA_TCP_FIN)) == 0;
    return bare && la_tcp_accecn_answers(c, env);
}

uint16_t
la_tcp_accecn_told(struct la_tcp_conn *c, const struct la_tcp_seg *seg, struct la_tcp_env *env)
{
    struct la_tcp_accecn *a = la_tcp_accecn(c, env);
    if (a == NULL)
        return la_tcp_ace_flags(LA_TCP_CEP_FIRST);
    bool answers = la_tcp_accecn_is_answer(c, seg, env);
    a->may_be_over |= a->answers;
    a->answers = false;
    a->told_cep = a->r.cep;
    return la_tcp_ace_flags(answers ? code_of(syn_mark(c)) : a->r.cep);
}

/* ---- the sender ------------------------------------------------------------------------- */

/* What an acknowledgement says beside the number. */
struct said {
    uint32_t acked_n; /* segments that it acknowledges */
    uint32_t ceb;     /* octets that were marked, with `ceb_known` */
    bool ceb_known;
};

/* 3.2.2.5.2: `least` marks, or so many times ACE_N more. The option's octets tell how many (A.2.2).
 * Without, an acknowledgement of enough for the field to have gone all the way round is taken for
 * the worst that fits (A.2.1), unless such are usual on this path. */
static uint32_t
marks_of(struct la_tcp_accecn *a, uint32_t least, const struct said *said, uint32_t smss)
{
    uint32_t n = said->acked_n, sample = n < UINT8_MAX ? n : UINT8_MAX;
    a->acked_8n =
        (uint16_t)(a->acked_8n == 0 ? sample * EIGHTHS
                                    : a->acked_8n - (uint32_t)a->acked_8n / EIGHTHS + sample);
    if (n < ACE_N)
        return least;
    uint32_t worst = n - (n - least) % ACE_N;
    if (!said->ceb_known)
        return a->acked_8n >= THINNED_N * EIGHTHS ? least : worst;
    uint32_t marked_n = (said->ceb + smss - 1) / smss;
    if (marked_n <= least)
        return least;
    uint32_t likely = least + (marked_n - least + ACE_N - 1) / ACE_N * ACE_N;
    return likely < worst ? likely : worst;
}

/* 3.2.2.1: what acknowledges the SYN alone may be another answer to our SYN,ACK. */
static bool
may_answer(const struct la_tcp_conn *c, const struct la_tcp_seg *seg)
{
    return is_pure(seg) && la_seq_eq(seg->ack, la_seq_add(c->iss, 1)) &&
           la_seq_eq(seg->seq, la_seq_add(c->irs, 1));
}

/* A.1: has no other one, sent later, said more? One that acknowledges nothing new, but is newer by
 * its timestamp, tells of marks on what has no text, where that goes as ECT. Elsewhere whatever it
 * tells is told again with the next text, and it may be no count: the answer to a late copy of a
 * SYN,ACK is none, wherever it acknowledges, and TIME-WAIT has forgotten (3.1.2). */
static bool
is_news(const struct la_tcp_conn *c, const struct la_tcp_seg *seg, uint32_t delivered_bytes,
        const struct la_tcp_todo *todo)
{
    return delivered_bytes > 0 ||
           (todo->env->cfg->ect_all && todo->ts_advances && !may_answer(c, seg));
}

void
la_tcp_accecn_feedback(struct la_tcp_conn *c, const struct la_tcp_seg *seg,
                       struct la_tcp_todo *todo)
{
    struct la_tcp_accecn *a = la_tcp_accecn(c, todo->env);
    if (a == NULL || todo->shakes_hands)
        return;
    a->text_acked |= todo->acked_bytes > 0;
    if (a->deaf)
        return;
    unsigned ace = la_tcp_ace(seg->flags);
    bool first = !a->heard;
    a->heard = true;
    if (first && ace == 0) { /* 3.2.2.4 */
        a->deaf = true;
        stop_marking(c, LA_ECN_ZEROED, todo);
        return;
    }
    uint32_t delivered = todo->acked_bytes + todo->delivered_bytes;
    if (!is_news(c, seg, delivered, todo))
        return;
    struct said said = {.acked_n = (delivered + c->smss - 1) / c->smss};
    said.ceb_known = la_tcp_accecn_option_take(a, seg, &said.ceb);
    uint32_t marks = marks_of(a, (ace - a->s.cep) % ACE_N, &said, c->smss);
    a->s.cep += marks;
    /* 3.2.3.2.5: octets were marked, but never a packet. */
    if (a->s.ceb != 0 && a->s.cep == LA_TCP_CEP_FIRST)
        stop_marking(c, LA_ECN_MANGLED, todo);
    if (marks == 0)
        return;
    todo->ack.ece = true;
    const struct la_tcp_marked marked = {seg->ack, la_tcp_flight(c) + todo->ack.acked_bytes, marks};
    la_tcp_ecn_react(c, &marked, todo);
}
