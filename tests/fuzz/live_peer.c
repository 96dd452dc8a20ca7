/* SPDX-License-Identifier: MIT
 *
 * live_peer.c - the scripted peer: it knows what is right, and moves away from it as it is told
 */
#include "live.h"

#include "base/bytes.h"
#include "base/checksum.h"
#include "base/frame.h"

#include <stdlib.h>
#include <string.h>

enum { FIN = LA_TCP_FIN, SYN = LA_TCP_SYN, RST = LA_TCP_RST, ACK = LA_TCP_ACK, PSH = LA_TCP_PSH };
enum { PROTOCOL_ICMP = 1, PROTOCOL_TCP = 6, WINDOW = 8192, WSCALE = 2 };

uint8_t
live_sent_octet(uint32_t position)
{
    return packet_octet(position + 12345);
}

void
live_peer_init(struct live_peer *peer)
{
    for (unsigned i = 0; i < LIVE_SLOTS_N; i++) {
        struct live_slot *s = &peer->slot[i];
        s->host_port = LIVE_HOST_PORT;
        s->peer_port = (uint16_t)(LIVE_PEER_PORT + i);
        s->iss = s->snd_nxt = UINT32_C(0xfffffc00) + i * UINT32_C(0x10000000);
    }
}

/* ---- how a segment travels ------------------------------------------------------------------- */

void
live_peer_flush(struct live_peer *peer)
{
    size_t n = peer->held_n;
    peer->held_n = 0;
    if (n > 0)
        la_stack_input(peer->stack, 0, peer->held, n, peer->now);
}

static void
send_packet(struct live_peer *peer, const uint8_t *p, size_t n, uint16_t gso_size)
{
    struct la_frame *frame = la_frame_from_bytes(peer->mem, (struct la_bytes){p, n});
    if (frame == NULL)
        return;
    if (gso_size > 0) { /* a device that has gathered segments, and vouches for their checksums */
        frame->gso_size = gso_size;
        frame->gso_kind = peer->v6 ? LA_GSO_TCPV6 : LA_GSO_TCPV4;
        frame->csum = LA_CSUM_VALID;
    }
    peer->held[peer->held_n++] = frame;
    if (!peer->holds || peer->held_n == LIVE_HELD_MAX)
        live_peer_flush(peer);
}

/* Two fragments, in either order; IPv6 has a header for it. */
static void
send_fragments(struct live_peer *peer, struct packet_ip *ip, uint8_t protocol, const uint8_t *p,
               size_t n, bool swapped)
{
    uint8_t out[PACKET_BYTES_MAX];
    size_t cut = n / 16 * 8;
    for (unsigned i = 0; i < 2; i++) {
        bool second = (i == 1) != swapped;
        size_t from = second ? cut : 0, to = second ? n : cut;
        ip->fragment = (uint16_t)(from / 8 | (second ? 0 : 0x2000));
        if (ip->v6) {
            ip->first_header = 44;
            ip->extra_n = 8;
            memset(ip->extra, 0, 8);
            ip->extra[0] = protocol;
            la_put16(ip->extra + 2, (uint16_t)(from | (second ? 0 : 1)));
        }
        send_packet(peer, out, packet_ip(ip, protocol, p + from, to - from, out), 0);
    }
}

/* IPv4 options; IPv6 extension headers, one behind the other. */
static void
draw_extra(struct live_peer *peer, struct packet_ip *ip, uint8_t protocol)
{
    static const uint8_t headers[] = {0, 60, 43, 44, 60, 135, 51, 59};
    size_t n = 1u + fuzz_u8(peer->in) % 4u;
    for (size_t i = 0; i < n * (ip->v6 ? 8 : 4); i++)
        ip->extra[ip->extra_n++] = fuzz_u8(peer->in);
    for (size_t i = 0; ip->v6 && i < n; i++) {
        uint8_t kind = headers[ip->extra[8 * i] & 7];
        *(i == 0 ? &ip->first_header : &ip->extra[8 * i - 8]) = kind;
        ip->extra[8 * i + 1] &= 0x80; /* one unit long, or far too long */
    }
    if (ip->v6)
        ip->extra[8 * n - 8] = protocol;
}

static void
send_payload(struct live_peer *peer, uint8_t protocol, const uint8_t *p, size_t n, uint8_t how)
{
    uint8_t out[PACKET_BYTES_MAX];
    struct packet_ip ip = {.v6 = peer->v6, .ttl = 64, .tos = how >> 6};
    if ((how & 15) == 10) {
        send_fragments(peer, &ip, protocol, p, n, (how & 16) != 0);
        return;
    }
    if ((how & 15) == 11)
        draw_extra(peer, &ip, protocol);
    size_t total = packet_ip(&ip, protocol, p, n, out);
    if ((how & 15) == 12) { /* a bit is wrong: of two octets at most, so the checksum must see it */
        size_t at = fuzz_u16(peer->in) % total;
        out[at] ^= (uint8_t)(1u << (how >> 4 & 7));
    } else if ((how & 15) == 13) {
        total -= fuzz_u16(peer->in) % total;
    }
    send_packet(peer, out, total, (how & 15) == 14 ? (uint16_t)(n / 3 + 1) : 0);
    if ((how & 15) == 15)
        send_packet(peer, out, total, 0);
}

/* ---- what a segment says --------------------------------------------------------------------- */

/* A number near one that matters: left and right edge of a window, first and next number. */
static uint32_t
draw_number(struct live_peer *peer, uint32_t next, uint32_t left, uint32_t right, uint32_t first)
{
    static const int32_t deltas[16] = {0,    1,    -1,    2,     -2,     3,       536,  -536,
                                       1460, 8192, -1460, 65535, -65536, 1 << 30, 4096, INT32_MIN};
    uint8_t how = fuzz_u8(peer->in);
    const uint32_t anchors[8] = {next, left, right, first, next, right, left, next};
    uint32_t number = anchors[how >> 5] + (uint32_t)deltas[how & 15];
    int32_t more = (how & 16) != 0 ? (int8_t)fuzz_u8(peer->in) : 0;
    return number + (uint32_t)more;
}

static void
put_timestamps(const struct live_peer *peer, const struct live_slot *s, uint8_t *p)
{
    la_put32(p, (uint32_t)(peer->now.ns / 1000000));
    la_put32(p + 4, s->ts_echo);
}

static size_t
usual_options(const struct live_peer *peer, const struct live_slot *s, const struct packet_tcp *t,
              uint8_t *p)
{
    static const uint8_t syn[20] = {2, 4, 5, 180, 4, 2, 8, 10, [16] = 1, 3, 3, WSCALE};
    static const uint8_t plain[12] = {1, 1, 8, 10};
    if ((t->flags & SYN) != 0) {
        memcpy(p, syn, sizeof(syn));
        put_timestamps(peer, s, p + 8);
        return sizeof(syn);
    }
    if (!s->host_timestamps)
        return 0;
    memcpy(p, plain, sizeof(plain));
    put_timestamps(peer, s, p + 4);
    return sizeof(plain);
}

/* The octets of one option behind its length. */
static void
option_value(struct live_peer *peer, const struct live_slot *s, uint8_t kind, uint8_t *p, size_t n)
{
    for (size_t i = 0; i < n; i++)
        p[i] = fuzz_u8(peer->in);
    if (kind == 5) {
        for (size_t i = 0; i + 8 <= n; i += 8) {
            uint32_t left = s->acked + (uint32_t)(int8_t)p[i] * 97;
            la_put32(p + i + 4, left + (uint32_t)(int8_t)p[i + 1] * 97);
            la_put32(p + i, left);
        }
    } else if (kind == 8 && n == 8) {
        uint32_t moved = (uint32_t)(int8_t)p[0] << (p[1] & 24);
        put_timestamps(peer, s, p);
        la_put32(p, la_get32(p) + moved);
    }
}

/* Options of all kinds and lengths; what remains of the last unit of 4 octets is drawn as well. */
static size_t
draw_options(struct live_peer *peer, const struct live_slot *s, uint8_t *p)
{
    static const struct {
        uint8_t kind, n;
    } kinds[16] = {{2, 4}, {3, 3}, {4, 2},  {5, 10},  {5, 18}, {5, 26}, {8, 10},  {1, 1},
                   {0, 1}, {8, 9}, {28, 4}, {30, 12}, {34, 6}, {5, 34}, {254, 8}, {255, 2}};
    size_t n = 0;
    for (unsigned i = 0; i < 8 && n < PACKET_OPTIONS_MAX; i++) {
        uint8_t how = fuzz_u8(peer->in);
        uint8_t kind = kinds[how & 15].kind;
        size_t len = kinds[how & 15].n;
        if (how >> 4 == 0)
            break;
        if (len > PACKET_OPTIONS_MAX - n)
            len = PACKET_OPTIONS_MAX - n;
        p[n] = kind;
        if (len > 1) {
            p[n + 1] = (uint8_t)(how >> 4 == 15 ? fuzz_u8(peer->in) : len);
            option_value(peer, s, kind, p + n + 2, len - 2);
        }
        n += len;
    }
    while (n % 4 != 0)
        p[n++] = fuzz_u8(peer->in) & 3;
    return n;
}

static struct packet_tcp
right_segment(const struct live_peer *peer, const struct live_slot *s, uint8_t flags)
{
    struct packet_tcp t = {.src_port = s->peer_port,
                           .dst_port = s->host_port,
                           .seq = s->snd_nxt,
                           .ack = s->host_nxt,
                           .flags = flags,
                           .wnd = WINDOW};
    t.options_n = usual_options(peer, s, &t, t.options);
    return t;
}

static void
send_segment(struct live_peer *peer, struct live_slot *s, struct packet_tcp *t, uint8_t how)
{
    uint8_t p[PACKET_BYTES_MAX];
    struct packet_ip ip = {.v6 = peer->v6};
    if ((t->flags & SYN) != 0 && s->syns_n == LIVE_SYNS_MAX)
        t->flags &= (uint8_t)~SYN; /* they are all remembered, or not sent */
    if ((t->flags & SYN) != 0)
        s->syns[s->syns_n++] = t->seq;
    if (t->seq == s->snd_nxt)
        s->snd_nxt += (uint32_t)t->text_n + ((t->flags & SYN) != 0) + ((t->flags & FIN) != 0);
    if ((t->flags & ACK) != 0)
        s->acked = t->ack;
    send_payload(peer, PROTOCOL_TCP, p, packet_tcp(&ip, t, p), how);
}

static void
act_segment(struct live_peer *peer, struct live_slot *s)
{
    static const uint8_t kinds[8] = {ACK, ACK | PSH, ACK, ACK | FIN,
                                     RST, RST | ACK, SYN, SYN | ACK};
    uint8_t kind = fuzz_u8(peer->in), moved = fuzz_u8(peer->in), how = fuzz_u8(peer->in);
    uint8_t flags = kinds[kind & 7];
    if ((moved & 1) != 0)
        flags ^= fuzz_u8(peer->in);
    struct packet_tcp t = right_segment(peer, s, flags);
    if ((kind & 7) == 1 || (kind & 7) == 3 || (moved & 2) != 0)
        t.text_n = fuzz_u16(peer->in) % ((kind & 0x80) != 0 ? PACKET_TEXT_MAX : 100u);
    if ((moved & 4) != 0)
        t.seq = draw_number(peer, t.seq, s->host_ack, s->host_edge, s->iss);
    if ((moved & 8) != 0)
        t.ack = draw_number(peer, t.ack, s->acked, s->host_nxt, s->host_iss);
    if ((moved & 16) != 0)
        t.options_n = draw_options(peer, s, t.options);
    if ((moved & 32) != 0)
        t.wnd = (uint16_t)(fuzz_u16(peer->in) >> (kind >> 3 & 15));
    if ((moved & 64) != 0) {
        t.up = (uint16_t)draw_number(peer, (uint32_t)t.text_n, 0, 65535, 1);
        t.flags |= LA_TCP_URG;
    }
    /* A smaller offset would turn options into text. */
    if ((moved & 128) != 0 && t.text_n == 0) {
        t.reserved = fuzz_u8(peer->in);
        t.offset_wrong = (kind & 0x40) != 0 ? 15 : 4;
    }
    send_segment(peer, s, &t, how);
}

/* Segments that continue each other, but for one of them perhaps. */
static void
act_burst(struct live_peer *peer, struct live_slot *s)
{
    uint8_t how = fuzz_u8(peer->in), odd = fuzz_u8(peer->in);
    size_t segments_n = 2 + (how & 15), text_n = 1 + (fuzz_u16(peer->in) % 1460);
    for (size_t i = 0; i < segments_n; i++) {
        struct packet_tcp t = right_segment(peer, s, ACK);
        t.text_n = text_n;
        if (i == (odd & 15)) {
            switch (odd >> 4) {
            case 0:
                t.flags |= fuzz_u8(peer->in);
                break;
            case 1:
                s->snd_nxt += (uint32_t)text_n; /* lost */
                continue;
            case 2:
                t.seq -= (uint32_t)text_n; /* again */
                break;
            case 3:
                t.options_n = draw_options(peer, s, t.options);
                break;
            case 4:
                t.wnd = fuzz_u16(peer->in);
                break;
            case 5:
                t.ack = draw_number(peer, t.ack, s->acked, s->host_nxt, s->host_iss);
                break;
            case 6:
                t.text_n = fuzz_u8(peer->in);
                break;
            default:
                break;
            }
        }
        send_segment(peer, s, &t,
                     odd >> 4 == 7 && i == (odd & 15) ? fuzz_u8(peer->in) : how & 0xc0);
    }
}

/* ICMP about a packet of the host's, or about one that nearly was. */
static void
act_icmp(struct live_peer *peer, struct live_slot *s)
{
    static const uint8_t types4[8] = {3, 3, 3, 11, 12, 4, 5, 8};
    static const uint8_t types6[8] = {1, 2, 2, 3, 4, 2, 128, 135};
    uint8_t quote[PACKET_BYTES_MAX], p[PACKET_BYTES_MAX], rest[4 + LIVE_LAST_BYTES];
    struct packet_ip ip = {.v6 = peer->v6, .from_host = true, .ttl = 60};
    uint8_t type = fuzz_u8(peer->in), code = fuzz_u8(peer->in) & 15, how = fuzz_u8(peer->in);
    size_t n = s->last_n;
    memcpy(quote, s->last, n);
    if ((type & 8) != 0 || n == 0) {
        struct packet_tcp t = {.src_port = s->host_port, .dst_port = s->peer_port, .flags = ACK};
        t.seq = draw_number(peer, s->host_nxt, s->acked, s->host_nxt, s->host_iss);
        n = packet_ip(&ip, PROTOCOL_TCP, p, packet_tcp(&ip, &t, p), quote);
    }
    if ((type & 16) != 0)
        n -= fuzz_u8(peer->in) % n;
    if (n > LIVE_LAST_BYTES)
        n = LIVE_LAST_BYTES;
    la_put32(rest, fuzz_u16(peer->in)); /* the MTU in both versions, if it is about that */
    memcpy(rest + 4, quote, n);
    ip.from_host = false;
    type = (peer->v6 ? types6 : types4)[type & 7];
    send_payload(peer, PROTOCOL_ICMP, p, packet_icmp(&ip, type, code, rest, 4 + n, p), how);
}

void
live_peer_answer(struct live_peer *peer, struct live_slot *slot)
{
    bool opens = slot->snd_nxt == slot->iss; /* nothing was sent yet, not even a SYN */
    struct packet_tcp t = right_segment(peer, slot, opens ? SYN | ACK : ACK);
    send_segment(peer, slot, &t, 0);
}

void
live_peer_act(struct live_peer *peer, uint8_t what)
{
    struct live_slot *s = &peer->slot[(what >> 3) % LIVE_SLOTS_N];
    struct packet_tcp t;
    switch (what & 7) {
    case 0:
        t = right_segment(peer, s, SYN);
        send_segment(peer, s, &t, 0);
        break;
    case 1:
        t = right_segment(peer, s, ACK);
        send_segment(peer, s, &t, 0);
        break;
    case 2:
        act_burst(peer, s);
        break;
    case 3:
        act_icmp(peer, s);
        break;
    case 4:
        s->answers = !s->answers;
        break;
    default:
        act_segment(peer, s);
        break;
    }
}
