/* SPDX-License-Identifier: MIT
 *
 * law_marks.c - what accurate ECN counts, from the wire to the receiver and back to the sender
 *
 * Read first: RFC 9768 3.2, 3.2.2.5.2, A.1, A.2 (sections without a number of an RFC are its).
 *
 * Three counts stand for each direction: what reached the receiver with a mark, as its IP headers
 * said; r, what the receiver took of that; s, what the sender knows. r grows with each burst by no
 * more than the burst brought, and by all of it where RCV.NXT shows that all was taken. Whatever is
 * sent says r as it is. It is noted in the packet in full, so that the sender's s can be held
 * against it: after an acknowledgement of text they are equal, but where the field of three bits
 * may have cycled; there they differ by a multiple of eight, and by no more than 3.2.2.5.2 allows.
 */
#include "sim/laws.h"

#include <inttypes.h>

#include "stack/instance.h"
#include "tcp/accecn.h"

enum { ACE_N = 8, FIELD_MASK = 0xffffff, PLAIN = LA_TCP_SYN | LA_TCP_RST };

/* The record at that host, where accurate ECN is agreed; NULL: there is none. */
static struct la_tcp_conn *
conn_of(const struct la_sim_host *host, const struct la_tuple *tuple, struct la_tcp_accecn **a)
{
    uint32_t idx = la_stack_find(host->stack, tuple);
    if (!la_idx_is_rec(idx))
        return NULL;
    struct la_tcp_conn *c = &la_rec_at(host->stack, idx)->tcp;
    *a = la_tcp_accecn(c, &host->stack->env);
    return *a != NULL && la_tcp_accecn_is_agreed(c) ? c : NULL;
}

static struct la_tuple
tuple_at_receiver(const struct la_sim_packet *packet)
{
    return (struct la_tuple){packet->read.dst, packet->read.src};
}

/* Is it the first one of the burst for its connection? */
static bool
is_first(struct la_sim_packet *const *packets, size_t i)
{
    struct la_tuple tuple = tuple_at_receiver(packets[i]);
    for (size_t k = 0; k < i; k++) {
        struct la_tuple other = tuple_at_receiver(packets[k]);
        if (packets[k]->is_tcp && la_tuple_equal(&tuple, &other))
            return false;
    }
    return true;
}

static void
note_before(const struct la_sim_host *host, const struct la_tuple *tuple,
            const struct la_tcp_marks *r)
{
    struct la_sim_world *world = host->world;
    unsigned end = 0;
    uint8_t conn = la_sim_track_find(world, host->index, &tuple->local, &tuple->remote, &end);
    if (conn == LA_SIM_NO_CONN)
        return;
    world->conn[conn].view[end].marks_before = *r;
    world->conn[conn].view[end].marks_at_ns = world->now_ns;
}

void
la_sim_law_marks_before(const struct la_sim_host *host, struct la_sim_packet *const *packets,
                        size_t n, struct la_sim_marks_before *before)
{
    static const struct la_tcp_marks first = {.cep = LA_TCP_CEP_FIRST, .e0b = 1, .e1b = 1};
    for (size_t i = 0; i < n; i++) {
        before[i] = (struct la_sim_marks_before){.known = false};
        if (!packets[i]->is_tcp || !is_first(packets, i))
            continue;
        struct la_tuple tuple = tuple_at_receiver(packets[i]);
        struct la_tcp_accecn *a;
        const struct la_tcp_conn *c = conn_of(host, &tuple, &a);
        note_before(host, &tuple, c != NULL ? &a->r : &first);
        if (c == NULL)
            continue;
        const struct la_tcp_busy *busy = la_tcp_busy(c, &host->stack->env);
        before[i] = (struct la_sim_marks_before){
            .known = true,
            .up = la_tcp_is_synchronised(c),
            .gap = busy != NULL && (busy->runs.row.n > 0 || busy->fin_early),
            .smss = c->smss,
            .iss = c->iss,
            .snd_una = c->snd_una,
            .rcv_nxt = c->rcv_nxt,
            .flight_bytes = la_tcp_flight(c),
            .r = a->r,
            .s = a->s,
        };
    }
}

/* ---- the receiver ----------------------------------------------------------------------- */

/* What a burst brought for one connection. */
struct brought {
    uint32_t marked_n, marked_text_n;  /* packets that came as CE; those of them with text */
    uint32_t text[LA_IP_ECN_MASK + 1]; /* octets, by IP's ECN field */
    uint32_t text_bytes;
    bool plain; /* no SYN, no RST */
    bool has_fin;
};

static void
bring(struct brought *sum, const struct la_sim_packet *packet)
{
    const struct la_tcp_seg *seg = &packet->read.seg;
    enum la_ip_ecn ecn = la_sim_packet_ecn(packet);
    sum->plain &= (seg->flags & PLAIN) == 0;
    sum->has_fin |= (seg->flags & LA_TCP_FIN) != 0;
    sum->marked_n += ecn == LA_IP_CE;
    sum->marked_text_n += ecn == LA_IP_CE && seg->text_bytes > 0;
    sum->text[ecn] += seg->text_bytes;
    sum->text_bytes += seg->text_bytes;
}

/* Text in order and nothing behind a gap: RCV.NXT has moved over each octet that came, and over a
 * FIN that did. So no segment was refused, and none came twice. */
static bool
took_all(const struct la_sim_marks_before *before, const struct la_tcp_conn *c,
         const struct brought *brought)
{
    uint32_t fin = brought->has_fin && (c->flags & LA_TCP_F_FIN_RECEIVED) != 0;
    uint32_t moved = (uint32_t)la_seq_diff(c->rcv_nxt, before->rcv_nxt);
    return before->up && !before->gap && brought->plain && brought->text_bytes > 0 &&
           moved == brought->text_bytes + fin;
}

static void
judge_receiver(const struct la_sim_host *host, unsigned conn,
               const struct la_sim_marks_before *before, const struct la_tcp_conn *c,
               const struct brought *brought)
{
    struct la_tcp_accecn *a = la_tcp_accecn(c, &host->stack->env);
    enum la_sim_mutant mutant = host->world->env.mutant;
    bool all = took_all(before, c, brought);
    struct la_tcp_marks more = {a->r.cep - before->r.cep, a->r.ceb - before->r.ceb,
                                a->r.e0b - before->r.e0b, a->r.e1b - before->r.e1b};
    if (mutant == LA_SIM_MUTANT_MARK_INVENTED)
        more.cep++;
    if (mutant == LA_SIM_MUTANT_MARK_FORGOTTEN && all)
        more.e0b = 0;
    bool invented = more.cep > brought->marked_n || more.ceb > brought->text[LA_IP_CE] ||
                    more.e0b > brought->text[LA_IP_ECT_0] || more.e1b > brought->text[LA_IP_ECT_1];
    bool forgotten =
        all && (more.cep < brought->marked_text_n || more.ceb < brought->text[LA_IP_CE] ||
                more.e0b < brought->text[LA_IP_ECT_0] || more.e1b < brought->text[LA_IP_ECT_1]);
    if (invented || forgotten)
        la_sim_violate(host->world, LA_SIM_L_MARKS, conn,
                       "host %u was brought %" PRIu32 " marked packets (%" PRIu32
                       " octets; %" PRIu32 " as ECT(0)) and counts %" PRIu32 " (%" PRIu32
                       "; %" PRIu32 ")",
                       host->index, brought->marked_n, brought->text[LA_IP_CE],
                       brought->text[LA_IP_ECT_0], more.cep, more.ceb, more.e0b);
}

/* ---- the sender ------------------------------------------------------------------------- */

/* What the acknowledgements of a burst said to one connection. */
struct heard {
    struct la_sim_packet *const *packets;
    size_t n, from;
    const struct la_tuple *tuple;
};

/* The next of them; NULL: none is left. An answer to a SYN,ACK is no count. */
static const struct la_sim_packet *
next_count(const struct heard *heard, size_t *i)
{
    while (*i < heard->n) {
        const struct la_sim_packet *packet = heard->packets[(*i)++];
        struct la_tuple tuple = tuple_at_receiver(packet);
        if (packet->is_tcp && la_tuple_equal(&tuple, heard->tuple) && packet->told.known &&
            !packet->told.answer && (packet->read.seg.flags & (PLAIN | LA_TCP_ACK)) == LA_TCP_ACK)
            return packet;
    }
    return NULL;
}

/* Did the peer say each of them, in this connection? What answers a SYN,ACK may be taken for a
 * count once the handshake is over (3.2.2.2): where acknowledgements are heeded that bring nothing
 * else, and where Fast Open hides that it is (D33). */
static bool
are_honest(const struct la_sim_host *host, const struct la_tcp_conn *c, const struct heard *heard)
{
    const uint8_t lies = LA_SIM_M_MADE | LA_SIM_M_DISGUISED;
    uint32_t by = host->index == 1 ? 0 : host->world->box.shift_by;
    for (size_t i = heard->from; i < heard->n; i++) {
        struct la_sim_packet *packet = heard->packets[i];
        struct la_tuple tuple = tuple_at_receiver(packet);
        if (!packet->is_tcp || !la_tuple_equal(&tuple, heard->tuple) ||
            (packet->read.seg.flags & PLAIN) != 0)
            continue;
        bool mistaken =
            packet->told.answer && (host->cfg.tcp.ect_all || host->cfg.tcp.fast_open_n_max != 0);
        if (!packet->told.known || mistaken || (packet->marks & lies) != 0 ||
            !la_seq_eq(packet->told.irs, la_seq_add(c->iss, by)))
            return false;
    }
    return true;
}

static uint32_t
octets_of(const struct la_tcp_marks *marks, enum la_ip_ecn ecn)
{
    return ecn == LA_IP_CE ? marks->ceb : ecn == LA_IP_ECT_0 ? marks->e0b : marks->e1b;
}

/* Are the octets with that mark as they were, or as one of the options said? */
static bool
are_told(const struct heard *heard, const struct la_tcp_marks *now, const struct la_tcp_marks *was,
         enum la_ip_ecn ecn)
{
    const struct la_sim_packet *packet;
    bool told = octets_of(now, ecn) == octets_of(was, ecn);
    for (size_t i = heard->from; !told && (packet = next_count(heard, &i)) != NULL;)
        told = (packet->read.seg.has & LA_TCP_HAS_ACCECN) != 0 &&
               octets_of(&packet->told.r, ecn) == octets_of(now, ecn);
    return told;
}

/* What the acknowledgements said of packets, against what is believed. */
struct belief {
    uint32_t said_n;
    bool told;      /* as one of them had it */
    bool congruent; /* or but for rounds of the field */
    bool certain;   /* no round can have been missed by any of them */
};

static struct belief
believe(const struct heard *heard, const struct la_sim_marks_before *before, uint32_t now)
{
    struct belief belief = {.certain = before->flight_bytes < (ACE_N - 1) * (uint32_t)before->smss};
    const struct la_sim_packet *packet;
    for (size_t i = heard->from; (packet = next_count(heard, &i)) != NULL;) {
        uint32_t said = packet->told.r.cep;
        belief.said_n++;
        belief.told |= said == now;
        belief.congruent |= (said - now) % ACE_N == 0;
        belief.certain &= said - before->s.cep < ACE_N;
    }
    return belief;
}

static void
judge_sender(const struct la_sim_host *host, unsigned conn,
             const struct la_sim_marks_before *before, const struct la_tcp_conn *c,
             const struct heard *heard)
{
    const struct la_tcp_accecn *a = la_tcp_accecn(c, &host->stack->env);
    struct la_tcp_marks s = a->s;
    if (host->world->env.mutant == LA_SIM_MUTANT_MARK_UNHEARD)
        s.cep--;
    /* What acknowledges our FIN is no news (accecn.c). */
    bool heeds = la_seq_gt(c->snd_una, before->snd_una) && !la_tcp_fin_is_acked(c) && !a->deaf;
    struct belief belief = believe(heard, before, s.cep);
    bool moved = s.cep != before->s.cep;
    const char *wrong = NULL;
    if ((moved || heeds) && !belief.congruent)
        wrong = "which nobody said";
    else if ((moved || heeds) && belief.certain && !belief.told)
        wrong = "where no round can have been missed";
    else if (s.cep - before->s.cep > ACE_N * belief.said_n + before->flight_bytes / before->smss)
        wrong = "more than were sent";
    else if (!are_told(heard, &s, &before->s, LA_IP_CE) ||
             !are_told(heard, &s, &before->s, LA_IP_ECT_0) ||
             !are_told(heard, &s, &before->s, LA_IP_ECT_1))
        wrong = "or octets that no option told";
    if (wrong != NULL)
        la_sim_violate(host->world, LA_SIM_L_MARKS, conn,
                       "host %u knew of %" PRIu32 " marked packets (%" PRIu32
                       " octets) and now of %" PRIu32 " (%" PRIu32 "), %s",
                       host->index, before->s.cep, before->s.ceb, s.cep, s.ceb, wrong);
}

/* ---- a burst ---------------------------------------------------------------------------- */

static void
judge(const struct la_sim_host *host, const struct heard *heard,
      const struct la_sim_marks_before *before)
{
    struct la_sim_world *world = host->world;
    struct la_tcp_accecn *a;
    const struct la_tcp_conn *c = conn_of(host, heard->tuple, &a);
    unsigned end = 0;
    if (c == NULL || !la_seq_eq(c->iss, before->iss))
        return;
    uint8_t conn =
        la_sim_track_find(world, host->index, &heard->tuple->local, &heard->tuple->remote, &end);
    world->counts.checked[LA_SIM_L_MARKS]++;
    struct brought brought = {.plain = true};
    for (size_t i = heard->from; i < heard->n; i++) {
        struct la_tuple tuple = tuple_at_receiver(heard->packets[i]);
        if (heard->packets[i]->is_tcp && la_tuple_equal(&tuple, heard->tuple))
            bring(&brought, heard->packets[i]);
    }
    judge_receiver(host, conn, before, c, &brought);
    if (conn == LA_SIM_NO_CONN)
        return;
    struct la_sim_view *view = &world->conn[conn].view[end];
    view->misled_marks |= !are_honest(host, c, heard);
    if (before->up && !view->misled_marks)
        judge_sender(host, conn, before, c, heard);
}

void
la_sim_law_marks_after(const struct la_sim_host *host, struct la_sim_packet *const *packets,
                       size_t n, const struct la_sim_marks_before *before)
{
    for (size_t i = 0; i < n; i++) {
        if (!before[i].known)
            continue;
        struct la_tuple tuple = tuple_at_receiver(packets[i]);
        struct heard heard = {packets, n, i, &tuple};
        judge(host, &heard, &before[i]);
    }
}

/* ---- what leaves ------------------------------------------------------------------------ */

/* 3.2.2.1: a bare acknowledgement may say how a SYN,ACK came, one for each. */
static bool
answers(struct la_sim_view *view, const struct la_tcp_seg *seg)
{
    static const uint8_t codes[] = {
        [LA_IP_NOT_ECT] = 2, [LA_IP_ECT_1] = 3, [LA_IP_ECT_0] = 4, [LA_IP_CE] = 6};
    if (seg->len != 0 || seg->sack_n != 0 || view->answers_n == 0)
        return false;
    for (unsigned ecn = 0; ecn < sizeof(codes); ecn++) {
        if ((view->syn_ack_marks & 1u << ecn) != 0 && la_tcp_ace(seg->flags) == codes[ecn]) {
            view->answers_n--;
            return true;
        }
    }
    return false;
}

/* What a field of so many values says of a count that has grown from `from` to `to`; UINT32_MAX: of
 * none of those. */
static uint32_t
read_field(uint32_t field, uint32_t modulus, uint32_t from, uint32_t to)
{
    uint32_t more = (field - from) % modulus;
    return more <= to - from ? from + more : UINT32_MAX;
}

/* 3.2.3: the fields that are there, into `said`. False: one says what it has not been. */
static bool
read_option(const struct la_tcp_accecn_option *option, const struct la_tcp_marks *from,
            struct la_tcp_marks *said)
{
    uint32_t *order_0[] = {&said->e0b, &said->ceb, &said->e1b};
    uint32_t *order_1[] = {&said->e1b, &said->ceb, &said->e0b};
    const uint32_t from_0[] = {from->e0b, from->ceb, from->e1b};
    const uint32_t from_1[] = {from->e1b, from->ceb, from->e0b};
    bool good = true;
    for (unsigned i = 0; i < option->n; i++) {
        uint32_t *to = (option->order != 0 ? order_1 : order_0)[i];
        *to = read_field(option->field[i], FIELD_MASK + 1,
                         (option->order != 0 ? from_1 : from_0)[i], *to);
        good &= *to != UINT32_MAX;
    }
    return good;
}

/* What is sent while a burst is looked at (RFC 3042) has been made before all of it was. */
void
la_sim_law_marks_sent(struct la_sim_host *host, struct la_sim_packet *packet)
{
    struct la_sim_world *world = host->world;
    const struct la_tcp_seg *seg = &packet->read.seg;
    if (!packet->is_tcp || (seg->flags & PLAIN) != 0)
        return;
    struct la_tuple tuple = {packet->read.src, packet->read.dst};
    struct la_tcp_accecn *a;
    const struct la_tcp_conn *c = conn_of(host, &tuple, &a);
    unsigned end = 0;
    uint8_t conn = la_sim_track_find(world, host->index, &tuple.local, &tuple.remote, &end);
    if (c == NULL || conn == LA_SIM_NO_CONN)
        return;
    struct la_sim_view *view = &world->conn[conn].view[end];
    struct la_tcp_marks from = view->marks_at_ns == world->now_ns ? view->marks_before : a->r;
    struct la_sim_told *told = &packet->told;
    *told = (struct la_sim_told){.r = a->r, .irs = c->irs};
    unsigned ace = la_tcp_ace(seg->flags) ^ (world->env.mutant == LA_SIM_MUTANT_MARK_UNTOLD);
    told->r.cep = read_field(ace, ACE_N, from.cep, a->r.cep);
    told->answer = told->r.cep == UINT32_MAX && answers(view, seg);
    told->known = a->r.cep - from.cep < ACE_N; /* else it may say one or the other */
    bool good = told->r.cep != UINT32_MAX || told->answer;
    if ((seg->has & LA_TCP_HAS_ACCECN) != 0)
        good &= read_option(&seg->accecn, &from, &told->r);
    world->counts.checked[LA_SIM_L_MARKS]++;
    if (!good)
        la_sim_violate(world, LA_SIM_L_MARKS, conn,
                       "host %u has counted %" PRIu32 " marked packets (%" PRIu32
                       " octets), says %u, and by its option %" PRIu32 " octets",
                       host->index, a->r.cep, a->r.ceb, ace,
                       seg->accecn.n > 1 ? seg->accecn.field[1] : 0);
}
