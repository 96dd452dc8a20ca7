/* SPDX-License-Identifier: MIT
 *
 * peer.c - one stack and a scripted peer in virtual time
 */
#include "peer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/bytes.h"
#include "base/time.h"
#include "wire/icmp4.h"
#include "wire/ip.h"
#include "wire/ip4.h"
#include "wire/ip6.h"
#include "wire/udp.h"

const struct peer_options peer_plain = {.mss = 1460, .wscale = -1};

/* ---- memory ----------------------------------------------------------------------------- */

static void *
take_memory(void *ctx, size_t n)
{
    struct peer_memory *m = ctx;
    m->calls_n++;
    uint64_t for_n = m->fail_for_n == 0 ? 1 : m->fail_for_n;
    if (m->fail_all ||
        (m->fail_at != 0 && m->calls_n >= m->fail_at && m->calls_n - m->fail_at < for_n))
        return NULL;
    m->live_bytes += (int64_t)n;
    return malloc(n);
}

static void
give_memory(void *ctx, void *bytes, size_t n)
{
    struct peer_memory *m = ctx;
    m->live_bytes -= (int64_t)n;
    free(bytes);
}

/* ---- checksums, not the stack's own ----------------------------------------------------- */

static uint32_t
sum16(uint32_t sum, const uint8_t *bytes, size_t n)
{
    for (size_t i = 0; i < n; i++)
        sum += (i & 1) != 0 ? bytes[i] : (uint32_t)bytes[i] << 8;
    while (sum >> 16 != 0)
        sum = (sum & 0xffff) + (sum >> 16);
    return sum;
}

static uint16_t
transport_sum(const struct la_addr *src, const struct la_addr *dst, uint8_t protocol,
              const uint8_t *bytes, size_t n)
{
    bool v4 = la_addr_is_v4(src);
    uint32_t sum = protocol + (uint32_t)n;
    sum = sum16(sum, v4 ? src->b + 12 : src->b, v4 ? 4 : 16);
    sum = sum16(sum, v4 ? dst->b + 12 : dst->b, v4 ? 4 : 16);
    return (uint16_t)~sum16(sum, bytes, n);
}

/* ---- life ------------------------------------------------------------------------------- */

static void
hear(void *ctx, const struct la_event *event)
{
    struct peer *p = ctx;
    p->events_n[event->kind]++;
    p->last[event->kind] = *event;
    if (event->kind == LA_EVENT_DROP)
        p->reason = (enum la_reason)event->u.drop.reason;
}

static void
stack_new(struct peer *p, const struct peer_cfg *cfg)
{
    struct la_stack_cfg c;
    la_stack_cfg_init(&c);
    c.mem = p->mem;
    c.seed[0] = 42;
    c.trace = (struct la_trace){hear, p, LA_EVENT_ALL};
    if (cfg->stack != NULL)
        cfg->stack(&c);
    struct la_iface_cfg iface = {
        .caps = {.layer = LA_LINK_IP, .mtu_bytes = cfg->mtu_bytes == 0 ? 1500 : cfg->mtu_bytes},
        .any_address = cfg->any_address};
    assert_int_equal(la_stack_new(&c, p->now, &p->stack), LA_OK);
    assert_int_equal(la_stack_iface_add(p->stack, &iface, &p->iface), LA_OK);
    struct la_addr v4 = la_addr_v4(10, 0, 0, 1), v6 = {{0xfd}};
    v6.b[15] = 1;
    assert_int_equal(la_stack_addr_add(p->stack, p->iface, &v4, 24), LA_OK);
    assert_int_equal(la_stack_addr_add(p->stack, p->iface, &v6, 64), LA_OK);
}

void
peer_reno(struct la_stack_cfg *cfg)
{
    memcpy(cfg->tcp.congestion_control, "reno", sizeof("reno"));
}

void
peer_new(struct peer *p, const struct peer_cfg *cfg)
{
    memset(p, 0, offsetof(struct peer, seg));
    p->now = la_instant_of_ns(INT64_C(1000) * LA_NS_PER_S);
    p->alloc = (struct la_alloc){take_memory, give_memory, &p->memory};
    p->mem = la_mem_new(&p->alloc, cfg->budget_bytes);
    assert_non_null(p->mem);
    p->ipv6 = cfg->ipv6;
    p->host = (struct la_endpoint){la_addr_v4(10, 0, 0, 1), PEER_HOST_PORT};
    p->addr = (struct la_endpoint){la_addr_v4(10, 0, 0, 2), PEER_PORT};
    if (cfg->ipv6) {
        p->host.addr = p->addr.addr = (struct la_addr){{0xfd}};
        p->host.addr.b[15] = 1;
        p->addr.addr.b[15] = 2;
    }
    p->iss = 0xfffffff0; /* numbers wrap early */
    p->snd_nxt = la_seq_of(p->iss);
    p->wnd = PEER_WND;
    p->ts_val = 0xfffffff8;
    stack_new(p, cfg);
}

void
peer_free(struct peer *p)
{
    struct la_mem_stats stats;
    la_stack_free(p->stack);
    la_mem_stats_get(p->mem, &stats);
    assert_int_equal(stats.frames_live_n, 0);
    assert_int_equal(stats.blocks_live_n, 0);
    la_mem_unref(p->mem);
    assert_int_equal(p->memory.live_bytes, 0);
}

void
peer_reboot(struct peer *p, const struct peer_cfg *cfg)
{
    la_stack_free(p->stack);
    stack_new(p, cfg);
}

/* ---- from the peer ---------------------------------------------------------------------- */

struct la_tcp_seg
peer_usual(const struct peer *p, uint16_t flags)
{
    struct la_tcp_seg seg = {
        .seq = p->snd_nxt,
        .ack = (flags & LA_TCP_ACK) != 0 ? p->rcv_nxt : la_seq_of(0),
        .wnd = p->wnd,
        .src_port = p->addr.port,
        .dst_port = p->host.port,
        .flags = flags,
    };
    if (p->timestamps) {
        seg.has = LA_TCP_HAS_TIMESTAMPS;
        seg.ts_val = p->ts_val;
        seg.ts_ecr = p->ts_ecr;
    }
    return seg;
}

/* An IP header in front of n octets; returns its length. */
static size_t
put_ip(const struct peer *p, uint8_t protocol, size_t n, uint8_t *out, size_t out_n)
{
    struct la_room room = {out, out_n};
    if (!p->ipv6) {
        struct la_ip4 ip = {.src = p->addr.addr,
                            .dst = p->host.addr,
                            .dscp_ecn = p->dscp_ecn,
                            .total_bytes = (uint16_t)(20 + n),
                            .ttl_hops = 64,
                            .protocol = protocol};
        return la_ip4_emit(&ip, room);
    }
    struct la_ip6 ip = {.src = p->addr.addr,
                        .dst = p->host.addr,
                        .dscp_ecn = p->dscp_ecn,
                        .payload_bytes = (uint16_t)n,
                        .hop_limit = 64,
                        .next_header = protocol};
    return la_ip6_emit(&ip, room);
}

/* As a device hands it over. NULL: no memory. */
static struct la_frame *
frame_of(struct peer *p, struct la_bytes packet)
{
    struct la_room room;
    if (p->room_bytes == 0)
        return la_frame_from_bytes(p->mem, packet);
    struct la_frame *f = la_frame_with_room(p->mem, p->room_bytes, &room);
    if (f == NULL)
        return NULL;
    memcpy(room.p, packet.p, packet.n);
    la_frame_commit(f, packet.n);
    return f;
}

static void
input(struct peer *p, const uint8_t *packet, size_t n)
{
    bool failing = p->memory.fail_all;
    uint64_t fail_at = p->memory.fail_at;
    p->memory.fail_all = false; /* the frame is the link's, not the stack's */
    p->memory.fail_at = 0;
    uint64_t calls_n = p->memory.calls_n;
    struct la_frame *f = frame_of(p, (struct la_bytes){packet, n});
    p->memory.calls_n = calls_n;
    p->memory.fail_all = failing;
    p->memory.fail_at = fail_at;
    if (f == NULL)
        return; /* over the budget: as if lost */
    if (p->holds) {
        assert_true(p->held_n < PEER_HELD_MAX);
        p->held[p->held_n++] = f;
        return;
    }
    la_stack_input(p->stack, p->iface, &f, 1, p->now);
    peer_collect(p);
}

void
peer_hold(struct peer *p)
{
    p->holds = true;
}

void
peer_release(struct peer *p)
{
    la_stack_input(p->stack, p->iface, p->held, p->held_n, p->now);
    p->holds = false;
    p->held_n = 0;
    peer_collect(p);
}

void
peer_say(struct peer *p, const struct la_tcp_seg *seg, const void *text, size_t n)
{
    uint8_t packet[40 + 60 + 65536];
    size_t header_bytes = la_tcp_seg_header_bytes(seg);
    size_t ip_bytes = put_ip(p, LA_IP_TCP, header_bytes + n, packet, 40);
    uint8_t *tcp = packet + ip_bytes;
    assert_int_equal(la_tcp_seg_emit(seg, (struct la_room){tcp, header_bytes}), header_bytes);
    if (text != NULL)
        memcpy(tcp + header_bytes, text, n);
    else
        for (size_t i = 0; i < n; i++) /* octet i of the stream has a value of its own */
            tcp[header_bytes + i] = (uint8_t)((seg->seq.v - p->iss - 1 + i) * 7);
    uint16_t sum = transport_sum(&p->addr.addr, &p->host.addr, LA_IP_TCP, tcp, header_bytes + n);
    la_put16(tcp + 16, (uint16_t)(sum + p->sum_error));
    p->reason = LA_REASON_NONE;
    input(p, packet, ip_bytes + header_bytes + n);
}

void
peer_send(struct peer *p, uint16_t flags, const void *text, size_t n)
{
    struct la_tcp_seg seg = peer_usual(p, flags);
    uint32_t len = (uint32_t)n + ((flags & LA_TCP_SYN) != 0) + ((flags & LA_TCP_FIN) != 0);
    p->snd_nxt = la_seq_add(p->snd_nxt, len);
    peer_say(p, &seg, text, n);
}

void
peer_icmp(struct peer *p, uint8_t type, uint8_t code, uint32_t rest, const struct la_tcp_seg *about)
{
    uint8_t packet[40 + 8 + 40 + 20] = {0};
    size_t ip_bytes = p->ipv6 ? 40 : 20;
    uint8_t protocol = p->ipv6 ? LA_IP_ICMPV6 : LA_IP_ICMP;
    size_t n = 8 + ip_bytes + 20;
    uint8_t *icmp = packet + put_ip(p, protocol, n, packet, 40);
    icmp[0] = type;
    icmp[1] = code;
    la_put32(icmp + 4, rest);
    /* The quoted packet is the stack's: the ends the other way round. */
    static struct peer from_host;
    from_host.ipv6 = p->ipv6;
    from_host.host = p->addr;
    from_host.addr = p->host;
    put_ip(&from_host, LA_IP_TCP, 20, icmp + 8, 40);
    struct la_tcp_seg seg = *about;
    seg.src_port = p->host.port;
    seg.dst_port = p->addr.port;
    seg.has = 0;
    la_tcp_seg_emit(&seg, (struct la_room){icmp + 8 + ip_bytes, 20});
    la_put16(icmp + 2, p->ipv6 ? transport_sum(&p->addr.addr, &p->host.addr, protocol, icmp, n)
                               : (uint16_t)~sum16(0, icmp, n));
    p->reason = LA_REASON_NONE;
    input(p, packet, ip_bytes + n);
}

void
peer_udp(struct peer *p, uint16_t port, const void *text, size_t n)
{
    uint8_t packet[20 + 8 + 1500] = {0};
    uint8_t *udp = packet + put_ip(p, LA_IP_UDP, 8 + n, packet, 20);
    la_put16(udp, p->addr.port);
    la_put16(udp + 2, port);
    la_put16(udp + 4, (uint16_t)(8 + n));
    memcpy(udp + 8, text, n);
    la_put16(udp + 6, transport_sum(&p->addr.addr, &p->host.addr, LA_IP_UDP, udp, 8 + n));
    input(p, packet, 28 + n);
}

/* ---- from the stack --------------------------------------------------------------------- */

static void
collect_tcp(struct peer *p, const struct la_addr *src, const uint8_t *tcp, size_t n,
            struct peer_seg *out)
{
    struct la_tcp_view view;
    assert_true(la_tcp_view_init(&view, (struct la_bytes){tcp, n}));
    assert_int_equal(transport_sum(src, &out->dst, LA_IP_TCP, tcp, n), 0);
    size_t text_bytes = n - view.header_bytes;
    la_tcp_seg_judge(&out->tcp, &view, (uint32_t)text_bytes);
    assert_true(text_bytes <= PEER_TEXT_MAX);
    memcpy(out->text, tcp + view.header_bytes, text_bytes);
    out->at = p->now;
    p->seg_n++;
}

static void
collect_icmp(struct peer *p, const uint8_t *icmp, size_t n)
{
    assert_true(n <= PEER_ICMP_MAX);
    memcpy(p->icmp, icmp, n);
    p->icmp_bytes = n;
    p->icmp_n++;
}

static void
collect_packet(struct peer *p, const uint8_t *packet, size_t n)
{
    assert_true(p->seg_n < PEER_SEGMENTS_MAX);
    struct peer_seg *out = &p->seg[(p->seg_first + p->seg_n) % PEER_SEGMENTS_MAX];
    struct la_bytes bytes = {packet, n};
    if (packet[0] >> 4 == 6) {
        struct la_ip6_view view;
        struct la_ip6 ip;
        assert_true(la_ip6_view_init(&view, bytes));
        la_ip6_judge(&ip, &view);
        assert_int_equal(ip.payload_bytes + 40u, n);
        out->src = ip.src;
        out->dst = ip.dst;
        out->ttl_hops = ip.hop_limit;
        out->dscp_ecn = ip.dscp_ecn;
        if (ip.next_header == LA_IP_TCP)
            collect_tcp(p, &ip.src, packet + 40, n - 40, out);
        else if (ip.next_header == LA_IP_ICMPV6)
            collect_icmp(p, packet + 40, n - 40);
        return;
    }
    struct la_ip4_view view;
    struct la_ip4 ip;
    assert_true(la_ip4_view_init(&view, bytes));
    assert_true(la_ip4_view_checksum_ok(&view));
    la_ip4_judge(&ip, &view);
    assert_int_equal(ip.total_bytes, n);
    out->src = ip.src;
    out->dst = ip.dst;
    out->ttl_hops = ip.ttl_hops;
    out->dscp_ecn = ip.dscp_ecn;
    if (ip.protocol == LA_IP_TCP)
        collect_tcp(p, &ip.src, packet + view.header_bytes, n - view.header_bytes, out);
    else if (ip.protocol == LA_IP_ICMP)
        collect_icmp(p, packet + view.header_bytes, n - view.header_bytes);
}

void
peer_collect(struct peer *p)
{
    struct la_frame *frames[16];
    for (unsigned round = 0;; round++) {
        assert_true(round < 10000);
        size_t n = la_stack_output(p->stack, p->iface, frames, 16, p->now);
        for (size_t i = 0; i < n; i++) {
            uint8_t packet[65536];
            size_t len = la_frame_copy_out(frames[i], 0, packet, sizeof(packet));
            la_frame_free(frames[i]);
            collect_packet(p, packet, len);
        }
        if (n < 16)
            return;
    }
}

const struct peer_seg *
peer_take(struct peer *p)
{
    if (p->seg_n == 0)
        return NULL;
    const struct peer_seg *seg = &p->seg[p->seg_first];
    p->seg_first = (p->seg_first + 1) % PEER_SEGMENTS_MAX;
    p->seg_n--;
    la_seq end = la_seq_add(seg->tcp.seq, seg->tcp.len);
    bool syn = (seg->tcp.flags & LA_TCP_SYN) != 0;
    if ((seg->tcp.flags & LA_TCP_RST) == 0 && (syn || la_seq_gt(end, p->rcv_nxt)))
        p->rcv_nxt = end;
    if ((seg->tcp.has & LA_TCP_HAS_TIMESTAMPS) != 0)
        p->ts_ecr = seg->tcp.ts_val;
    return seg;
}

const struct peer_seg *
peer_expect(struct peer *p, uint16_t flags)
{
    const struct peer_seg *seg = peer_take(p);
    assert_non_null(seg);
    assert_int_equal(seg->tcp.flags & ~LA_TCP_PSH, flags & ~LA_TCP_PSH);
    return seg;
}

void
peer_expect_none(struct peer *p)
{
    peer_collect(p);
    assert_int_equal(p->seg_n, 0);
}

size_t
peer_forget(struct peer *p)
{
    size_t n = 0;
    peer_collect(p);
    while (peer_take(p) != NULL)
        n++;
    return n;
}

/* Runs what is due until `until`; `stop`: as soon as something was sent. */
static void
run(struct peer *p, la_instant until, bool stop)
{
    peer_collect(p);
    for (unsigned round = 0; !stop || p->seg_n == 0; round++) {
        assert_true(round < 100000);
        la_instant due = la_stack_deadline(p->stack);
        if (!la_instant_le(due, until))
            break;
        p->now = la_instant_max(p->now, due);
        while (la_stack_run(p->stack, p->now, 64)) {
        }
        peer_collect(p);
    }
    if (!stop || p->seg_n == 0)
        p->now = until;
    while (la_stack_run(p->stack, p->now, 64)) {
    }
    peer_collect(p);
}

void
peer_run_us(struct peer *p, int64_t us)
{
    run(p, la_instant_add_us(p->now, us), false);
}

bool
peer_run_until_sent(struct peer *p, int64_t us)
{
    run(p, la_instant_add_us(p->now, us), true);
    return p->seg_n > 0;
}

/* ---- to a state ------------------------------------------------------------------------- */

la_handle
peer_listen(struct peer *p, uint32_t backlog)
{
    la_handle listener;
    struct la_endpoint at = {p->host.addr, PEER_HOST_PORT};
    assert_int_equal(la_listener_open(p->stack, &at, backlog, NULL, &listener, p->now), LA_OK);
    return listener;
}

void
peer_say_syn(struct peer *p, uint16_t flags, const struct peer_options *options)
{
    p->snd_nxt = la_seq_of(p->iss);
    p->timestamps = options->timestamps;
    struct la_tcp_seg seg = peer_usual(p, flags);
    if (options->mss != 0) {
        seg.has |= LA_TCP_HAS_MSS;
        seg.mss = options->mss;
    }
    if (options->wscale >= 0) {
        seg.has |= LA_TCP_HAS_WSCALE;
        seg.wscale = (uint8_t)options->wscale;
    }
    seg.has |= options->sack ? LA_TCP_HAS_SACK_PERMITTED : 0;
    p->snd_nxt = la_seq_add(p->snd_nxt, 1);
    peer_say(p, &seg, NULL, 0);
}

la_handle
peer_accepted(struct peer *p, la_handle listener)
{
    la_handle conn;
    assert_int_equal(la_listener_accept(p->stack, listener, &conn, p->now), LA_OK);
    return conn;
}

la_handle
peer_connect(struct peer *p, la_handle listener, const struct peer_options *options)
{
    peer_say_syn(p, LA_TCP_SYN, options);
    peer_expect(p, LA_TCP_SYN | LA_TCP_ACK);
    peer_send(p, LA_TCP_ACK, NULL, 0);
    la_handle conn = peer_accepted(p, listener);
    peer_expect_none(p);
    return conn;
}

la_handle
peer_passive(struct peer *p, const struct peer_options *options)
{
    la_handle listener = peer_listen(p, 8);
    la_handle conn = peer_connect(p, listener, options);
    assert_int_equal(la_listener_close(p->stack, listener, p->now), LA_OK);
    return conn;
}

la_handle
peer_open(struct peer *p, const struct la_tcp_cfg *cfg)
{
    la_handle conn;
    struct la_endpoint local = {{{0}}, 0};
    assert_int_equal(la_conn_open(p->stack, &local, &p->addr, cfg, &conn, p->now), LA_OK);
    p->host.port = peer_status(p, conn).local.port;
    peer_collect(p);
    return conn;
}

la_handle
peer_active(struct peer *p, const struct peer_options *options)
{
    la_handle conn = peer_open(p, NULL);
    peer_expect(p, LA_TCP_SYN);
    peer_say_syn(p, LA_TCP_SYN | LA_TCP_ACK, options);
    peer_expect(p, LA_TCP_ACK);
    peer_expect_none(p);
    return conn;
}

/* From ESTABLISHED on, with data in flight from `una` on. */
static void
closing_states(struct peer *p, la_handle conn, la_seq una, enum la_tcp_state state)
{
    struct la_tcp_seg fin = peer_usual(p, LA_TCP_FIN | LA_TCP_ACK);
    fin.ack = una;
    if (state == LA_TCP_CLOSE_WAIT || state == LA_TCP_LAST_ACK) {
        peer_say(p, &fin, NULL, 0);
        p->snd_nxt = la_seq_add(p->snd_nxt, 1);
    }
    if (state == LA_TCP_ESTABLISHED || state == LA_TCP_CLOSE_WAIT)
        return;
    assert_int_equal(la_conn_close(p->stack, conn, p->now), LA_OK);
    peer_forget(p);
    if (state == LA_TCP_CLOSING) {
        peer_say(p, &fin, NULL, 0);
        p->snd_nxt = la_seq_add(p->snd_nxt, 1);
    } else if (state == LA_TCP_FIN_WAIT_2) {
        peer_send(p, LA_TCP_ACK, NULL, 0);
    } else if (state == LA_TCP_TIME_WAIT) {
        peer_send(p, LA_TCP_FIN | LA_TCP_ACK, NULL, 0);
    }
}

la_handle
peer_to(struct peer *p, enum la_tcp_state state)
{
    la_handle conn;
    if (state <= LA_TCP_SYN_RECEIVED_ACTIVE) {
        conn = peer_open(p, NULL);
        peer_forget(p);
        if (state == LA_TCP_CLOSED)
            peer_send(p, LA_TCP_RST | LA_TCP_ACK, NULL, 0);
        else if (state != LA_TCP_SYN_SENT)
            peer_say_syn(p, LA_TCP_SYN, &peer_plain);
    } else {
        conn = peer_passive(p, &peer_plain);
        la_seq una = p->rcv_nxt;
        peer_user_send(p, conn, 100);
        peer_forget(p);
        closing_states(p, conn, una, state);
    }
    peer_forget(p);
    assert_int_equal(peer_status(p, conn).state, state);
    return conn;
}

/* ---- looking ---------------------------------------------------------------------------- */

struct la_conn_status
peer_status(const struct peer *p, la_handle conn)
{
    struct la_conn_status status;
    assert_int_equal(la_conn_status(p->stack, conn, &status), LA_OK);
    return status;
}

enum la_tcp_state
peer_state(const struct peer *p)
{
    uint32_t n[LA_TCP_STATE_COUNT];
    enum la_tcp_state state = LA_TCP_CLOSED;
    unsigned conns_n = 0;
    la_stack_state_counts(p->stack, n);
    for (unsigned s = LA_TCP_CLOSED; s < LA_TCP_STATE_COUNT; s++) {
        conns_n += n[s];
        if (n[s] > 0)
            state = (enum la_tcp_state)s;
    }
    assert_true(conns_n <= 1);
    return state;
}

void
peer_user_send(struct peer *p, la_handle conn, size_t n)
{
    static uint8_t octets[1 << 20];
    assert_true(n <= sizeof(octets));
    for (size_t i = 0; i < n; i++)
        octets[i] = (uint8_t)(i * 7);
    assert_int_equal(la_conn_send(p->stack, conn, (struct la_bytes){octets, n}, false, p->now), n);
    peer_collect(p);
}

void
peer_user_read(struct peer *p, la_handle conn, size_t n)
{
    static uint8_t octets[1 << 20];
    size_t got = 0;
    la_ssize took;
    while ((took = la_conn_receive(p->stack, conn, (struct la_room){octets, sizeof(octets)},
                                   p->now)) > 0)
        got += (size_t)took;
    assert_int_equal(got, n);
    peer_collect(p);
}

uint32_t
peer_ready(struct peer *p, la_handle conn)
{
    struct la_stack_event ev;
    uint32_t ready = 0;
    while (la_stack_next_event(p->stack, &ev))
        if (ev.kind == LA_STACK_EV_CONN && ev.handle == conn)
            ready |= ev.ready;
    return ready;
}
