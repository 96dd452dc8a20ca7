/* SPDX-License-Identifier: MIT
 *
 * match.c - is what the stack sent what the line says?
 */
#include "drill/run.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "wire/icmp6.h"
#include "wire/ip.h"

enum { US_PER_TICK = 1000 }; /* of our timestamps, RFC 7323 5.4 */

/* One packet under comparison. */
struct pair {
    struct la_drill_run *run;
    const struct la_drill_packet *line;
    struct la_drill_seen seen;
    struct la_drill_flow *flow;
};

static bool
differs(struct pair *m, const char *what, uint32_t expected, uint32_t came)
{
    return la_drill_fail(m->run, "%s is %u, not %u", what, came, expected);
}

/* ---- the flow --------------------------------------------------------------------------- */

/* What our SYN tells: where our numbers begin. */
static void
learn(struct pair *m)
{
    struct la_drill_flow *f = m->flow;
    const struct la_tcp_seg *seg = &m->seen.seg;
    if ((seg->flags & LA_TCP_SYN) == 0 || (f->iss_known && !f->fresh))
        return;
    if (f->fresh && (seg->flags & LA_TCP_ACK) != 0)
        f->irs = f->irs_next;
    bool tcp_line = m->line->protocol == LA_DRILL_TCP;
    f->iss = tcp_line ? m->line->seq : 0;
    f->local_offset = seg->seq.v - f->iss;
    f->iss_known = true;
    f->fresh = f->ts_known = false;
    if ((seg->flags & LA_TCP_ACK) != 0) /* else since la_drill_flow_begin(): a SYN may have text */
        f->written_n = f->read_n = 0;
}

static bool
learn_clock(struct pair *m)
{
    const struct la_drill_option *o = m->line->options;
    while (o != NULL && o->kind != LA_DRILL_OPT_TS)
        o = o->next;
    if ((m->seen.seg.has & LA_TCP_HAS_TIMESTAMPS) == 0)
        return true;
    if (!m->flow->ts_known) {
        m->flow->ts_offset = m->seen.seg.ts_val - (o != NULL ? o->a : 0);
        m->flow->ts_known = o != NULL;
    }
    /* Where clocks are not compared, what the script says of one is what the peer echoes. */
    return m->run->strict || o == NULL ||
           la_drill_flow_clock(m->run, m->flow, o->a, m->seen.seg.ts_val);
}

/* ---- options ---------------------------------------------------------------------------- */

static bool
clock_matches(struct pair *m, const struct la_tcp_option *want, const struct la_tcp_option *got)
{
    int64_t off_ticks = (int32_t)(la_get32(got->data.p) - la_get32(want->data.p));
    int64_t tick_us = m->run->script->cfg.tick_us;
    if (!m->run->strict && tick_us <= 0)
        return true; /* packetdrill compares neither, unless it is told the clock's tick */
    tick_us = tick_us < 0 ? US_PER_TICK : tick_us;
    int64_t tolerance =
        tick_us == 0 ? INT64_MAX : la_drill_tolerance_us(m->run, m->run->now_us) / tick_us + 1;
    if (off_ticks > tolerance || off_ticks < -tolerance)
        return differs(m, "TS val", la_get32(want->data.p) - m->flow->ts_offset,
                       la_get32(got->data.p) - m->flow->ts_offset);
    if (m->run->strict && memcmp(want->data.p + 4, got->data.p + 4, 4) != 0)
        return differs(m, "TS ecr", la_get32(want->data.p + 4), la_get32(got->data.p + 4));
    return true;
}

/* NULL: there is none. */
static bool
option_differs(struct pair *m, unsigned nth, const struct la_tcp_option *want,
               const struct la_tcp_option *got)
{
    char wanted[LA_DRILL_MESSAGE_BYTES] = "", came[LA_DRILL_MESSAGE_BYTES] = "";
    if (want != NULL)
        la_drill_show_option(m->run, m->flow, want, wanted);
    if (got != NULL)
        la_drill_show_option(m->run, m->flow, got, came);
    if (got == NULL)
        return la_drill_fail(m->run, "option %u, %.120s, is missing", nth, wanted);
    if (want == NULL)
        return la_drill_fail(m->run, "option %u, %.120s, is one too many", nth, came);
    return la_drill_fail(m->run, "option %u is %.120s, not %.120s", nth, came, wanted);
}

static bool
options_match(struct pair *m)
{
    uint8_t header[LA_TCP_HEADER_BYTES_MAX] = {0};
    struct la_tcp_view expected;
    struct la_tcp_option want, got;
    size_t n;
    if (m->line->any_options)
        return true;
    if (!la_drill_make_options(m->run, m->flow, m->line, header + LA_TCP_HEADER_BYTES, &n))
        return la_drill_fail(m->run, "the options of the line have more than %d octets",
                             LA_DRILL_OPTIONS_BYTES_MAX);
    header[12] = (uint8_t)((LA_TCP_HEADER_BYTES + n) / 4 << 4);
    if (!la_tcp_view_init(&expected, (struct la_bytes){header, LA_TCP_HEADER_BYTES + n}))
        return la_drill_fail(m->run, "the options of the line make no header");
    struct la_tcp_option_iter a = la_tcp_option_iter(&expected),
                              b = la_tcp_option_iter(&m->seen.tcp);
    for (unsigned i = 1;; i++) {
        bool more = la_tcp_option_next(&a, &want);
        if (more != la_tcp_option_next(&b, &got))
            return option_differs(m, i, more ? &want : NULL, more ? NULL : &got);
        if (!more)
            return true;
        bool same = want.kind == got.kind && want.data.n == got.data.n;
        if (same && want.kind == LA_TCP_OPT_TIMESTAMPS && want.data.n == 8) {
            if (!clock_matches(m, &want, &got))
                return false;
        } else if (!same ||
                   (want.data.n != 0 && memcmp(want.data.p, got.data.p, want.data.n) != 0)) {
            return option_differs(m, i, &want, &got);
        }
    }
}

/* ---- TCP -------------------------------------------------------------------------------- */

/* Octets as the application wrote them, or as the line spells them. */
static bool
text_matches(struct pair *m, uint32_t seq)
{
    const struct la_bytes *text = &m->seen.text;
    const struct la_drill_flow *f = m->flow;
    if (m->line->has_text)
        return memcmp(text->p, m->line->text.p, text->n) == 0 ||
               la_drill_fail(m->run, "the octets are not those of the line");
    bool syn = (m->seen.seg.flags & LA_TCP_SYN) != 0;
    uint32_t off = seq + syn - (m->run->strict || syn ? f->iss : 0) - 1;
    if (text->n == 0 || !f->iss_known)
        return true;
    if (off > f->written_n || text->n > f->written_n - off)
        return la_drill_fail(m->run, "it carries octets that nobody has written");
    for (size_t i = 0; i < text->n; i++)
        if (text->p[i] != f->written[off + i])
            return la_drill_fail(m->run, "octet %zu of its text is not what was written", i + 1);
    return true;
}

static bool
flags_match(struct pair *m)
{
    uint16_t expected = m->line->flags, came = m->seen.seg.flags;
    for (unsigned i = 0; i < LA_TCP_FLAGS_N; i++)
        if (((expected ^ came) & 1u << i) != 0)
            return la_drill_fail(m->run, "%s is %sset", la_tcp_flag_name(i),
                                 (came & 1u << i) != 0 ? "" : "not ");
    return true;
}

static bool
tcp_matches(struct pair *m)
{
    const struct la_tcp_seg *seg = &m->seen.seg;
    const struct la_drill_packet *line = m->line;
    bool syn = (seg->flags & LA_TCP_SYN) != 0;
    uint32_t offset = seg->seq.v == 0 && (seg->flags & LA_TCP_RST) != 0
                          ? 0
                          : la_drill_local_offset(m->run, m->flow, syn);
    uint32_t peer_offset = la_drill_peer_offset(m->run, m->flow, syn);
    uint32_t seq = seg->seq.v - (line->absolute_seq ? 0 : offset);
    uint32_t ack = seg->ack.v - (line->absolute_ack ? 0 : peer_offset);
    if (!learn_clock(m) || !flags_match(m))
        return false;
    if (seq != line->seq)
        return differs(m, "the sequence number", line->seq, seq);
    if (seg->text_bytes != line->len)
        return differs(m, "the length", line->len, seg->text_bytes);
    if (line->has_ack && ack != line->ack)
        return differs(m, "the acknowledgement", line->ack, ack);
    if (line->has_win && seg->wnd != line->win)
        return differs(m, "the window", line->win, seg->wnd);
    if (line->has_urg && seg->up != line->urg)
        return differs(m, "the urgent pointer", line->urg, seg->up);
    return options_match(m) && text_matches(m, seq);
}

/* ---- ICMP ------------------------------------------------------------------------------- */

static bool
icmp_matches(struct pair *m)
{
    const uint8_t *p = m->seen.l4.p;
    if (p[0] != m->line->icmp_type)
        return differs(m, "the type", m->line->icmp_type, p[0]);
    if (p[1] != m->line->icmp_code)
        return differs(m, "the code", m->line->icmp_code, p[1]);
    uint32_t mtu = m->seen.protocol == LA_IP_ICMP ? la_get16(p + 6) : la_get32(p + 4);
    return m->line->mtu == 0 || mtu == m->line->mtu || differs(m, "the MTU", m->line->mtu, mtu);
}

/* ---- all of it -------------------------------------------------------------------------- */

static bool
ip_matches(struct pair *m)
{
    const struct la_drill_packet *line = m->line;
    unsigned ecn = m->seen.dscp_ecn & LA_IP_ECN_MASK;
    if (!m->seen.checksum_ok)
        return la_drill_fail(m->run, "a checksum is wrong");
    if (line->has_ecn && ecn != line->ecn && !(line->any_ecn && ecn == LA_IP_ECT_1))
        return differs(m, "IP's ECN field", line->ecn, ecn);
    if (line->has_tos && m->seen.dscp_ecn != line->tos)
        return differs(m, "TOS", line->tos, m->seen.dscp_ecn);
    if (line->has_ttl && m->seen.ttl != line->ttl)
        return differs(m, "TTL", line->ttl, m->seen.ttl);
    return true;
}

static bool
ports_match(struct pair *m)
{
    const struct la_drill_packet *line = m->line;
    if (line->has_ports && line->src_port != m->seen.src.port)
        return differs(m, "the source port", line->src_port, m->seen.src.port);
    if (line->has_ports && line->dst_port != m->seen.dst.port)
        return differs(m, "the destination port", line->dst_port, m->seen.dst.port);
    return true;
}

static bool
match(struct pair *m)
{
    bool icmp = m->seen.protocol == LA_IP_ICMP || m->seen.protocol == LA_IP_ICMPV6;
    enum la_drill_protocol came = icmp                            ? LA_DRILL_ICMP
                                  : m->seen.protocol == LA_IP_UDP ? LA_DRILL_UDP
                                                                  : LA_DRILL_TCP;
    static const char *const names[] = {"TCP", "UDP", "ICMP"};
    if (came != m->line->protocol)
        return la_drill_fail(m->run, "it is %s, not %s", names[came], names[m->line->protocol]);
    if (!ip_matches(m))
        return false;
    if (icmp)
        return icmp_matches(m);
    if (!ports_match(m))
        return false;
    m->run->flow = m->flow;
    if (came == LA_DRILL_TCP)
        return tcp_matches(m);
    if (m->seen.text.n != m->line->len)
        return differs(m, "the length", m->line->len, (uint32_t)m->seen.text.n);
    return !m->line->has_text || memcmp(m->seen.text.p, m->line->text.p, m->line->len) == 0 ||
           la_drill_fail(m->run, "the octets are not those of the line");
}

bool
la_drill_match(struct la_drill_run *run, const struct la_drill_event *event,
               const struct la_drill_seen *seen)
{
    struct pair m = {.run = run, .line = event->packet, .seen = *seen};
    char came[LA_DRILL_MESSAGE_BYTES];
    m.flow = la_drill_flow_get(run, &m.seen.src, &m.seen.dst);
    if (m.flow == NULL)
        return false;
    if (run->flow == NULL)
        run->flow = m.flow;
    if (m.seen.protocol == LA_IP_TCP)
        learn(&m);
    if (match(&m))
        return true;
    la_drill_show(run, m.flow, &m.seen, came);
    la_drill_fail_came(run, came);
    return false;
}
