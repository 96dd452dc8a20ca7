/* SPDX-License-Identifier: MIT
 *
 * fuzz_explain.c - the analyser fed with segments of two connections that talk nonsense
 *
 * The input is a list of segments, each with a few octets that say how it differs from what would
 * fit, so that it gets far into the analyser: handshakes, FINs, RSTs, wrong numbers, ICMP errors,
 * times that jump, packets that come twice. Memory is short and fails where the input says so.
 *
 * Held against every result: sets of states are never empty, transitions are edges of the figure,
 * sentences have an end, times and shares are within bounds, and nothing is lost of the memory.
 */
#include "fuzz.h"

#include <lastack/explain.h>

#include "proto/tcp_fsm.h"
#include "base/link_type.h"
#include "wire/tcp.h"

#include <stdlib.h>
#include <string.h>

enum { STEP_BYTES = 8, HEADERS_BYTES = 20, PACKET_BYTES = 2048, TEXT_BYTES_MAX = 1400 };

struct memory {
    uint64_t out_bytes;
    uint64_t allowed_n; /* calls until one fails; then every second one does */
};

static void
must(bool ok)
{
    if (!ok)
        abort();
}

static void *
take(void *ctx, size_t n)
{
    struct memory *memory = ctx;
    if (memory->allowed_n == 0 && n % 2 == 0)
        return NULL;
    memory->allowed_n -= memory->allowed_n > 0;
    memory->out_bytes += n;
    return malloc(n);
}

static void
give(void *ctx, void *p, size_t n)
{
    struct memory *memory = ctx;
    memory->out_bytes -= n;
    free(p);
}

/* What each end of each connection would send next. */
struct talk {
    uint32_t nxt[2];
};

static void
check(const struct la_explain_conn *conn)
{
    char text[256];
    for (unsigned end = 0; end < 2; end++)
        must(conn->possible[end] != 0 && conn->proven[end] != 0);
    for (size_t i = 0; i < conn->transitions_n; i++) {
        const struct la_explain_transition *t = &conn->transitions[i];
        uint16_t to = la_tcp_fsm_step_set(t->from, (enum la_tcp_event)t->event);
        must(t->from != 0 && t->to != 0 && (t->to & ~to) == 0);
        must(t->certainty < LA_CERTAINTY_COUNT && t->end < 2);
    }
    for (size_t i = 0; i < conn->findings_n; i++) {
        must(conn->findings[i].id < LA_FINDING_COUNT && conn->findings[i].n > 0);
        (void)la_explain_finding_text(&conn->findings[i], text, sizeof(text));
        must(memchr(text, '\0', sizeof(text)) != NULL && text[0] != '\0');
    }
    must(la_close_kind_name((enum la_close_kind)conn->close.kind)[0] != '?');
    must(la_open_kind_name((enum la_open_kind)conn->open.kind)[0] != '?');
}

/* What is timed and judged of a direction is within bounds, and amounts over time are what came. */
static void
check_direction(const struct la_explain_direction *d)
{
    uint64_t sum = 0;
    for (unsigned i = 0; i < LA_LIMIT_COUNT; i++)
        must(d->limit_us[i] <= INT64_MAX / 1000);
    must(d->congestion.family < LA_CONGESTION_FAMILY_COUNT);
    must(d->congestion.confidence_percent < 100);
    must((d->congestion.family == LA_CONGESTION_UNKNOWN) ==
         (d->congestion.confidence_percent == 0));
    must((d->throughput == NULL) == (d->throughput_n == 0));
    for (size_t i = 0; i < d->throughput_n; i++)
        sum += d->throughput[i];
    must(sum <= d->bytes_unique);
}

/* Whoever listens hears of connections and ends that there are. */
static void
hear(void *ctx, const struct la_event *event)
{
    (void)ctx;
    must(event->conn > 0 && event->end < 2);
    if (event->kind == LA_EVENT_CONGESTION)
        must(event->u.congestion.phase < LA_CC_PHASE_COUNT);
}

static void
drain(struct la_explain *explain)
{
    struct la_explain_conn conn;
    while (la_explain_next(explain, &conn)) {
        check(&conn);
        for (unsigned end = 0; end < 2; end++)
            check_direction(&conn.direction[end]);
    }
}

/* Blocks behind what is acknowledged, each a segment or so further; a D-SACK block before them,
 * where the first step goes back (RFC 2018, RFC 2883). */
static void
add_sack(const uint8_t *step, struct la_tcp_seg *seg)
{
    uint32_t at = seg->ack.v + (uint32_t)((int8_t)step[5] * 64);
    seg->sack_n = (uint8_t)(step[6] >> 6);
    for (unsigned i = 0; i < seg->sack_n; i++) {
        seg->sack[i] = (struct la_tcp_sack){{at}, {at + 64u * (1 + step[6] % 16)}};
        at = (i == 0 && (step[5] & 0x80) != 0 ? seg->ack.v : at) + 64u * (2 + step[2] % 32);
    }
}

/* One packet: which connection and end, flags, how far its numbers are off, text, SACK blocks
 * without text, time. */
static size_t
make(const uint8_t *step, struct talk *talks, uint8_t *packet)
{
    unsigned which = step[0] & 1, end = step[0] >> 1 & 1;
    struct talk *talk = &talks[which];
    struct la_tcp_seg seg = {
        .src_port = (uint16_t)(end == 0 ? 5000 + which : 80),
        .dst_port = (uint16_t)(end == 0 ? 80 : 5000 + which),
        .flags = step[1],
        .wnd = (uint16_t)(step[2] << 8),
        .seq = {talk->nxt[end] + (uint32_t)((int8_t)step[3] * 64)},
        .ack = {talk->nxt[1 - end] + (uint32_t)((int8_t)step[4] * 64)},
        .text_bytes = (uint32_t)step[5] * 5,
        .has = step[6] & (LA_TCP_HAS_MSS | LA_TCP_HAS_WSCALE | LA_TCP_HAS_SACK_PERMITTED |
                          LA_TCP_HAS_TIMESTAMPS),
        .wscale = step[6] >> 4,
        .mss = 1460,
        .ts_val = (uint32_t)step[7] << (step[0] >> 5),
    };
    if ((step[2] & 4) != 0) {
        seg.text_bytes = 0;
        add_sack(step, &seg);
    }
    size_t header_n = la_tcp_seg_header_bytes(&seg);
    size_t n = HEADERS_BYTES + header_n + seg.text_bytes;
    memset(packet, 0, n);
    packet[0] = 0x45;
    packet[2] = (uint8_t)(n >> 8);
    packet[3] = (uint8_t)n;
    packet[5] = step[7];
    packet[8] = (step[0] & 4) != 0 ? 44 : 64;
    packet[9] = 6;
    packet[15] = (uint8_t)(1 + end);
    packet[19] = (uint8_t)(2 - end);
    (void)la_tcp_seg_emit(&seg, (struct la_room){packet + HEADERS_BYTES, header_n});
    if ((seg.flags & LA_TCP_RST) == 0 && (int8_t)step[3] >= 0)
        talk->nxt[end] = seg.seq.v + seg.text_bytes + ((seg.flags & LA_TCP_SYN) != 0) +
                         ((seg.flags & LA_TCP_FIN) != 0);
    return n;
}

/* The packet as an ICMP error quotes it. */
static size_t
quote(uint8_t *packet, size_t n)
{
    uint8_t inner[PACKET_BYTES];
    size_t quoted_n = n < 48 ? n : 48, total = HEADERS_BYTES + 8 + quoted_n;
    memcpy(inner, packet, quoted_n);
    memset(packet, 0, total);
    packet[0] = 0x45;
    packet[3] = (uint8_t)total;
    packet[8] = 64;
    packet[9] = 1;
    packet[15] = 9;
    packet[19] = inner[15];
    packet[HEADERS_BYTES] = 3;
    packet[HEADERS_BYTES + 1] = 13;
    memcpy(packet + HEADERS_BYTES + 8, inner, quoted_n);
    return total;
}

static void
play(struct la_explain *explain, const uint8_t *data, size_t size)
{
    struct talk talks[2] = {{{1000, 2000000000}}, {{UINT32_MAX - 50, 7}}};
    uint8_t packet[PACKET_BYTES];
    int64_t at_ns = INT64_C(1700000000) * 1000000000;
    uint64_t frame = 0;
    for (; size >= STEP_BYTES; data += STEP_BYTES, size -= STEP_BYTES) {
        size_t n = make(data, talks, packet);
        if ((data[0] & 8) != 0)
            n = quote(packet, n);
        at_ns += (int64_t)(int8_t)data[7] * (INT64_C(1) << data[1] % 34);
        struct la_explain_packet one = {.bytes = {packet, n},
                                        .wire_bytes = (uint32_t)n,
                                        .link_type = LA_LINKTYPE_RAW,
                                        .iface = data[2] & 1,
                                        .frame = ++frame,
                                        .at = {at_ns}};
        for (unsigned copies = (data[0] & 16) != 0 ? 2 : 1; copies > 0; copies--)
            la_explain_packet(explain, &one);
        if ((data[2] & 2) == 0)
            drain(explain);
    }
    la_explain_finish(explain);
    drain(explain);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2)
        return 0;
    struct memory memory = {0, data[0] < 128 ? UINT64_MAX : data[0]};
    struct la_alloc alloc = {take, give, &memory};
    struct la_mem *mem = la_mem_new(&alloc, data[1] < 128 ? 0 : UINT64_C(1) << (16 + data[1] % 8));
    struct la_explain_cfg cfg;
    la_explain_cfg_init(&cfg);
    cfg.closed_packets = data[1] % 16;
    cfg.throughput = (data[1] & 4) != 0;
    if ((data[1] & 8) != 0)
        cfg.trace = (struct la_trace){hear, NULL, LA_EVENT_ALL};
    struct la_explain *explain = NULL;
    if (mem != NULL && la_explain_new(&cfg, mem, &explain) == LA_OK) {
        play(explain, data + 2, size - 2);
        struct la_explain_file file;
        la_explain_file_get(explain, &file);
    }
    la_explain_free(explain);
    if (mem != NULL)
        la_mem_unref(mem);
    must(memory.out_bytes == 0);
    return 0;
}
