/* SPDX-License-Identifier: MIT
 *
 * accecn.c - accurate ECN: marks counted, told and heard
 *
 * Read first: RFC 9768 3.2, A.1, A.2 (sections without a number of an RFC are its). How it is
 * agreed is in accecn_syn.c, its option in accecn_option.c.
 */
#include "tcp/accecn.h"

#include "proto/tcp_accept.h"
#include "tcp/acknowledge.h"
#include "tcp/ecn.h"

enum { ACE_N = 8 };
/* 3.2.2.5.1. */
enum { MARKS_WITH_TEXT = 2, MARKS_WITHOUT = 3 };
/* A.2.1: on a path where one acknowledgement stands for many segments anyway, the field is not
 * thought to have cycled. */
enum { EIGHTHS = 8, THINNED_N = 4 };
/* 3.2.2.3: "three or four rounds". A queue that marks all for so long, while the window is halved
 * each time, is none that a smaller one would empty. */
enum { MARKED_ROUNDS = 4 };

/* 3.2.2.3, 3.2.2.4: text goes without ECT from here on; what comes marked is still told. */
void
la_tcp_accecn_stop(struct la_tcp_conn *c, enum la_ecn_step step, struct la_tcp_todo *todo)
{
    if (!la_tcp_ecn_marks(c) || !todo->env->cfg->ecn_fallback)
        return;
    c->flags &= ~(uint32_t)LA_TCP_F_ECN;
    la_tcp_ecn_tell(c, step, 0, todo);
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
    a->of_acks &= text_bytes == 0;
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
    if (a->r.cep - a->told_cep < (owes ? MARKS_WITH_TEXT : MARKS_WITHOUT))
        return;
    a->of_acks |= text_bytes == 0 && (c->want & LA_TCP_WANT_ACK) == 0;
    la_tcp_ack_now(c, LA_CAUSE_ACK);
}

/* Has the peer left SYN-RECEIVED? What we have said since its SYN,ACK, or our own that crossed it,
 * may have opened it. It shows that when it has acknowledged text of ours that it did not take with
 * our SYN, or sent text; where it did (RFC 7413), it may send from there. */
static bool
handshake_is_over(const struct la_tcp_conn *c, const struct la_tcp_accecn *a)
{
    if (!a->answered && (c->flags & LA_TCP_F_SYN_ACK_SENT) == 0)
        return false;
    return a->text_acked || (!c->fast_opened && !la_seq_eq(c->rcv_nxt, la_seq_add(c->irs, 1)));
}

bool
la_tcp_accecn_answers(const struct la_tcp_conn *c, const struct la_tcp_env *env)
{
    const struct la_tcp_accecn *a = la_tcp_accecn(c, env);
    return a != NULL && a->answers && !handshake_is_over(c, a);
}

bool
la_tcp_accecn_leaves_blocks(const struct la_tcp_conn *c, const struct la_tcp_seg *seg,
                            const struct la_tcp_env *env)
{
    const struct la_tcp_accecn *a = la_tcp_accecn(c, env);
    return a != NULL && (a->of_acks || la_tcp_accecn_is_answer(c, seg, env));
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
    a->answered |= a->answers;
    a->answers = a->of_acks = false;
    a->told_cep = a->r.cep;
    return la_tcp_ace_flags(answers ? la_tcp_accecn_code(c) : a->r.cep);
}

/* ---- the sender ------------------------------------------------------------------------- */

/* What an acknowledgement says beside the number. */
struct said {
    uint32_t delivered_bytes, acked_n; /* that it acknowledges: octets, and segments */
    uint32_t ceb;                      /* octets that were marked, with `ceb_known` */
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

/* 3.2.2.1: where our SYN,ACK went more than once, or the peer's crossed it, what acknowledges the
 * SYN alone may be another answer to it. */
static bool
may_answer(const struct la_tcp_conn *c, const struct la_tcp_seg *seg)
{
    return (c->flags & (LA_TCP_F_SYN_RETRANSMITTED | LA_TCP_F_SYN_ACK_SENT)) != 0 &&
           la_tcp_accecn_is_pure(seg) && la_seq_eq(seg->ack, la_seq_add(c->iss, 1)) &&
           la_seq_eq(seg->seq, la_seq_add(c->irs, 1));
}

/* 3.2.2.3: all that was ever sent, for several round trips, is said to have been marked: that is no
 * congestion. Nothing goes as ECT any more, and no feedback is heeded. */
static bool
is_marked_always(struct la_tcp_conn *c, struct la_tcp_accecn *a, const struct la_tcp_seg *seg,
                 const struct said *said, uint32_t marks)
{
    bool all = marks >= said->acked_n && (!said->ceb_known || said->ceb >= said->delivered_bytes);
    a->unmarked |= said->acked_n > 0 && !all;
    bool in_round = a->rounds_n > 0 && la_seq_lt(seg->ack, a->round_end);
    if (a->unmarked || said->acked_n == 0 || in_round)
        return false;
    a->round_end = c->snd_nxt;
    return ++a->rounds_n > MARKED_ROUNDS; /* the first has only begun */
}

/* A.1: has no other one, sent later, said more? One that acknowledges nothing new, but is newer by
 * its timestamp, tells of marks on what has no text, where that goes as ECT. TS.Recent alone does
 * not say that: behind a gap it stands still, and all that comes there is newer. Elsewhere whatever
 * it tells is told again with the next text, and it may be no count: the answer to a late copy of a
 * SYN,ACK is none, wherever it acknowledges. */
static bool
is_news(const struct la_tcp_conn *c, const struct la_tcp_accecn *a, const struct la_tcp_seg *seg,
        uint32_t delivered_bytes, const struct la_tcp_todo *todo)
{
    return delivered_bytes > 0 ||
           (todo->env->cfg->ect_all && todo->ts_advances &&
            la_tcp_ts_older(a->heeded_ts, seg->ts_val) && !may_answer(c, seg));
}

void
la_tcp_accecn_feedback(struct la_tcp_conn *c, const struct la_tcp_seg *seg,
                       struct la_tcp_todo *todo)
{
    struct la_tcp_accecn *a = la_tcp_accecn(c, todo->env);
    if (a == NULL || todo->shakes_hands)
        return;
    a->text_acked |= todo->acked_bytes > 0;
    /* Who has acknowledged our FIN may have forgotten in TIME-WAIT (3.1.2), and nothing is left
     * that could go slower. */
    if (a->deaf || la_tcp_fin_is_acked(c))
        return;
    unsigned ace = la_tcp_ace(seg->flags);
    bool first = !a->heard;
    if (first)
        a->heeded_ts = c->ts_recent;
    a->heard = true;
    if (first && ace == 0) { /* 3.2.2.4 */
        a->deaf = true;
        la_tcp_accecn_stop(c, LA_ECN_ZEROED, todo);
        return;
    }
    uint32_t delivered = todo->acked_bytes + todo->delivered_bytes;
    if (!is_news(c, a, seg, delivered, todo))
        return;
    a->heeded_ts = seg->ts_val;
    struct said said = {delivered, (delivered + c->smss - 1) / c->smss, 0, false};
    said.ceb_known = la_tcp_accecn_option_take(a, seg, &said.ceb);
    uint32_t marks = marks_of(a, (ace - a->s.cep) % ACE_N, &said, c->smss);
    a->s.cep += marks;
    if (todo->env->cfg->ecn_fallback && is_marked_always(c, a, seg, &said, marks)) {
        a->deaf = true;
        la_tcp_accecn_stop(c, LA_ECN_ALL_MARKED, todo);
        return;
    }
    /* 3.2.3.2.5: octets were marked, but never a packet. */
    if (a->s.ceb != 0 && a->s.cep == LA_TCP_CEP_FIRST)
        la_tcp_accecn_stop(c, LA_ECN_MANGLED, todo);
    if (marks == 0)
        return;
    todo->ack.ece = true;
    const struct la_tcp_marked marked = {seg->ack, la_tcp_flight(c) + todo->ack.acked_bytes, marks};
    la_tcp_ecn_react(c, &marked, todo);
}
