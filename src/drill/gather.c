/* SPDX-License-Identifier: MIT
 *
 * gather.c - what one line expects, of one packet or of several
 *
 * A stack under packetdrill hands large segments to a device that cuts them, and packetdrill puts
 * the pieces together again until they have the length of the line. Pieces differ in their place
 * alone, and in PSH, FIN and CWR; all but the last are of one size. What is seen is the last one
 * with the place, and the CWR, of the first.
 */
#include "drill/run.h"

#include <stdlib.h>
#include <string.h>

#include "wire/ip.h"

/* The oldest packet that no line has taken; NULL: none comes, or failed. */
static struct la_drill_sent *
take_sent(struct la_drill_run *run, int64_t until_us)
{
    if (!la_drill_advance(run, until_us, true))
        return NULL;
    struct la_drill_sent *sent = run->sent_first;
    if (sent == NULL)
        return NULL;
    run->sent_first = sent->next;
    run->sent_n--;
    return sent;
}

static bool
nothing_came(struct la_drill_run *run, const char *what)
{
    if (!la_drill_fail(run, "the packet did not come"))
        la_drill_fail_came(run, what);
    return false;
}

static bool
is_packet(struct la_drill_run *run, const struct la_drill_sent *sent, struct la_drill_seen *seen)
{
    return la_drill_look(seen, (struct la_bytes){sent->bytes, sent->n}) ||
           la_drill_fail(run, "the stack sent what is no packet: %zu octets", sent->n);
}

/* Is `piece` what stands behind `all`, `left_n` octets before the end? */
static bool
follows(const struct la_drill_seen *all, const struct la_drill_seen *piece, size_t size_n,
        size_t left_n)
{
    const uint16_t free_flags = LA_TCP_PSH | LA_TCP_FIN | LA_TCP_CWR;
    const struct la_tcp_seg *a = &all->seg, *b = &piece->seg;
    return piece->protocol == LA_IP_TCP && all->src.port == piece->src.port &&
           all->dst.port == piece->dst.port && ((a->flags ^ b->flags) & ~free_flags) == 0 &&
           a->ack.v == b->ack.v && a->wnd == b->wnd && a->up == b->up &&
           a->seq.v + a->text_bytes == b->seq.v &&
           (piece->text.n == size_n || piece->text.n >= left_n);
}

/* The first `n` octets are there. */
static bool
join(struct la_drill_run *run, struct la_drill_seen *all, const struct la_drill_seen *piece,
     void **taken)
{
    size_t n = all->text.n + piece->text.n, header_n = piece->l4.n - piece->text.n;
    uint8_t *octets = malloc(header_n + n);
    if (octets == NULL)
        return la_drill_fail(run, "out of memory");
    struct la_drill_seen joined = *piece;
    uint8_t *text = octets + header_n;
    memcpy(octets, piece->l4.p, header_n);
    memcpy(text, all->text.p, all->text.n);
    memcpy(text + all->text.n, piece->text.p, piece->text.n);
    joined.seg.seq = all->seg.seq;
    joined.seg.flags = (uint16_t)((piece->seg.flags & ~LA_TCP_CWR) | (all->seg.flags & LA_TCP_CWR));
    joined.seg.text_bytes = (uint32_t)n;
    joined.checksum_ok &= all->checksum_ok;
    joined.text = (struct la_bytes){text, n};
    joined.l4 = (struct la_bytes){octets, header_n + n};
    bool good = la_tcp_view_init(&joined.tcp, joined.l4);
    *all = joined;
    free(*taken);
    *taken = octets;
    return good || la_drill_fail(run, "the stack sent what is no packet");
}

/* packetdrill looks at the connection alone that came last, where a line names none. */
static bool
is_passed_over(const struct la_drill_run *run, const struct la_drill_packet *line,
               const struct la_drill_seen *seen)
{
    const struct la_drill_flow *flow = run->flow;
    bool icmp = seen->protocol == LA_IP_ICMP || seen->protocol == LA_IP_ICMPV6;
    if (!run->strict && icmp && line->protocol != LA_DRILL_ICMP)
        return true;
    return !run->strict && flow != NULL && !line->has_ports && seen->protocol == LA_IP_TCP &&
           (seen->src.port != flow->local.port || seen->dst.port != flow->remote.port);
}

/* The pieces of a line of `n` octets behind the first one. */
static bool
gather_rest(struct la_drill_run *run, size_t n, int64_t until_us, struct la_drill_seen *seen,
            int64_t *at_us, void **taken)
{
    const size_t size_n = seen->text.n;
    while (seen->text.n < n && seen->text.n > 0) {
        struct la_drill_seen piece;
        struct la_drill_sent *next;
        if (!la_drill_advance(run, until_us, true))
            return false;
        next = run->sent_first;
        if (next == NULL || !la_drill_look(&piece, (struct la_bytes){next->bytes, next->n}) ||
            !follows(seen, &piece, size_n, n - seen->text.n))
            return true; /* the length tells */
        next = take_sent(run, until_us);
        *at_us = next->at_us;
        bool good = join(run, seen, &piece, taken);
        free(next);
        if (!good)
            return false;
    }
    return true;
}

bool
la_drill_gather(struct la_drill_run *run, const struct la_drill_event *event, int64_t until_us,
                struct la_drill_seen *seen, int64_t *at_us, void **taken)
{
    const struct la_drill_packet *line = event->packet;
    struct la_drill_sent *sent;
    *taken = NULL;
    do {
        free(*taken);
        *taken = sent = take_sent(run, until_us);
        if (sent == NULL)
            return nothing_came(run, "nothing");
        *at_us = sent->at_us;
        if (!is_packet(run, sent, seen))
            return false;
    } while (is_passed_over(run, line, seen));
    if (line->protocol != LA_DRILL_TCP || seen->protocol != LA_IP_TCP || run->segments_strict)
        return true;
    return gather_rest(run, line->len, until_us, seen, at_us, taken);
}
