/* SPDX-License-Identifier: MIT
 *
 * tap.c - two ends whose segments pass a tap, for tests of the analyser
 */
#include <setjmp.h>
#include <stdarg.h>
#include <lastack/host.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tap.h"
#include "base/link_type.h"

enum { IP_BYTES = 20, PACKET_BYTES = 4096, WINDOW = 60000, NS_PER_MS = 1000000, DAMAGE = 0x5500 };

void
tap_open(struct tap *tap, const struct la_explain_cfg *cfg, uint64_t budget_bytes)
{
    struct la_explain_cfg standard;
    la_explain_cfg_init(&standard);
    *tap = (struct tap){.mem = la_mem_new(la_host_alloc(), budget_bytes),
                        .now_ns = INT64_C(1700000000000000000),
                        .ttl_hops = {64, 60},
                        .port = 5000};
    assert_non_null(tap->mem);
    assert_int_equal(la_explain_new(cfg != NULL ? cfg : &standard, tap->mem, &tap->explain), LA_OK);
}

void
tap_close(struct tap *tap)
{
    la_explain_free(tap->explain);
    la_mem_unref(tap->mem);
}

static void
fill_sum(uint8_t *packet, size_t n, uint16_t flip)
{
    uint32_t sum = 6 + (uint32_t)(n - IP_BYTES); /* and the addresses: the pseudo-header */
    for (size_t i = 12; i < n; i += 2)
        sum += (uint32_t)(packet[i] << 8 | (i + 1 < n ? packet[i + 1] : 0));
    while (sum >> 16 != 0)
        sum = (sum & 0xffff) + (sum >> 16);
    sum = (~sum & 0xffff) ^ flip;
    packet[IP_BYTES + 16] = (uint8_t)(sum >> 8);
    packet[IP_BYTES + 17] = (uint8_t)sum;
}

void
tap_send(struct tap *tap, const struct line *line)
{
    static const uint32_t isn[2] = {ISN_CLIENT, ISN_SERVER};
    uint8_t packet[PACKET_BYTES] = {0};
    struct la_tcp_seg seg = {
        .src_port = line->from == C ? tap->port : 80,
        .dst_port = line->from == C ? 80 : tap->port,
        .seq = {isn[line->from] + line->seq},
        .ack = {(line->flags & LA_TCP_ACK) != 0 ? isn[1 - line->from] + line->ack : 0},
        .flags = line->flags,
        .has = (uint8_t)line->has,
        .mss = 1460,
        .wscale = 2,
        .ts_val = line->ts_val,
        .ts_ecr = line->ts_ecr,
        .wnd = line->closed     ? 0
               : line->wnd != 0 ? line->wnd
                                : WINDOW,
    };
    if (line->sack[1] != 0) {
        seg.sack_n = 1;
        seg.sack[0] = (struct la_tcp_sack){{isn[1 - line->from] + line->sack[0]},
                                           {isn[1 - line->from] + line->sack[1]}};
    }
    size_t header_n = la_tcp_seg_header_bytes(&seg), n = IP_BYTES + header_n + line->text_n;
    packet[0] = 0x45;
    packet[1] = line->ip_ecn;
    packet[2] = (uint8_t)(n >> 8);
    packet[3] = (uint8_t)n;
    tap->frame++;
    uint64_t ip_id = line->no_id ? 0 : line->ip_id != 0 ? line->ip_id : tap->frame;
    packet[4] = (uint8_t)(ip_id >> 8);
    packet[5] = (uint8_t)ip_id;
    packet[8] = tap->ttl_hops[line->from];
    packet[9] = 6;
    const uint8_t server = (uint8_t)(2 + tap->host), net = tap->net != 0 ? tap->net : 10;
    memcpy(packet + 12,
           line->from == C ? (uint8_t[]){net, 0, 0, 1, 10, 0, 0, server}
                           : (uint8_t[]){10, 0, 0, server, net, 0, 0, 1},
           8);
    (void)la_tcp_seg_emit(&seg, (struct la_room){packet + IP_BYTES, header_n});
    if (line->text_n > 0)
        packet[n - 1] = line->last;
    if (line->sum || line->damaged || line->flip != 0 || tap->sums)
        fill_sum(packet, n, line->damaged ? DAMAGE : line->flip);
    tap->now_ns += (int64_t)(line->after_ms != 0 ? line->after_ms : 1) * NS_PER_MS;
    struct la_explain_packet one = {.bytes = {packet, n},
                                    .wire_bytes = (uint32_t)n,
                                    .link_type = LA_LINKTYPE_RAW,
                                    .frame = tap->frame,
                                    .at = {tap->now_ns}};
    la_explain_packet(tap->explain, &one);
}

void
tap_lines(struct tap *tap, const struct line *lines, size_t n)
{
    for (size_t i = 0; i < n; i++)
        tap_send(tap, &lines[i]);
}

void
tap_handshake(struct tap *tap)
{
    enum { HAS = LA_TCP_HAS_MSS | LA_TCP_HAS_SACK_PERMITTED };
    TAP_LINES(tap, {.from = C, .flags = LA_TCP_SYN, .has = HAS},
              {.from = S, .flags = LA_TCP_SYN | LA_TCP_ACK, .ack = 1, .has = HAS, .after_ms = 10},
              {.from = C, .flags = LA_TCP_ACK, .seq = 1, .ack = 1});
}

struct la_explain_conn
tap_result(struct tap *tap)
{
    struct la_explain_conn conn;
    la_explain_finish(tap->explain);
    assert_true(la_explain_next(tap->explain, &conn));
    return conn;
}

const char *
tap_states(const struct la_explain_conn *conn, unsigned end)
{
    static char text[256];
    text[0] = '\0';
    for (size_t i = 0; i < conn->transitions_n; i++) {
        const struct la_explain_transition *t = &conn->transitions[i];
        if (t->end != end || (t->to & (t->to - 1)) != 0)
            continue;
        if (text[0] != '\0')
            strcat(text, " ");
        for (unsigned s = 1; s < LA_TCP_STATE_COUNT; s++)
            if ((t->to >> s & 1) != 0)
                strcat(text, la_tcp_state_name((enum la_tcp_state)s, LA_NAMES_RFC));
    }
    return text;
}

const struct la_explain_finding *
tap_finding(const struct la_explain_conn *conn, enum la_finding id)
{
    for (size_t i = 0; i < conn->findings_n; i++)
        if (conn->findings[i].id == id)
            return &conn->findings[i];
    return NULL;
}
