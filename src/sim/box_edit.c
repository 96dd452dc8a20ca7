/* SPDX-License-Identifier: MIT
 *
 * box_edit.c - the middlebox changes what passes: options, numbers, boundaries of segments
 */
#include <string.h>

#include "sim/world.h"

enum { PACKET_BYTES_MAX = 1500 };

static uint8_t *
options_of(struct la_sim_packet *packet, size_t *n)
{
    *n = packet->read.options.n;
    return packet->bytes + la_sim_packet_tcp_off(packet) + LA_TCP_HEADER_BYTES;
}

static void
changed(struct la_sim_packet *packet)
{
    la_sim_packet_sum(packet);
    la_sim_packet_read(packet);
}

/* Octets of the option at p, at most n; 0: behind the last one, or malformed. */
static size_t
option_bytes(const uint8_t *p, size_t n)
{
    if (n == 0 || p[0] == LA_TCP_OPT_EOL)
        return 0;
    if (p[0] == LA_TCP_OPT_NOP)
        return 1;
    return n < 2 || p[1] < 2 || p[1] > n ? 0 : p[1];
}

static unsigned
option_kind(uint8_t kind)
{
    switch (kind) {
    case LA_TCP_OPT_MSS:
        return LA_SIM_O_MSS;
    case LA_TCP_OPT_WSCALE:
        return LA_SIM_O_WSCALE;
    case LA_TCP_OPT_SACK_PERMITTED:
    case LA_TCP_OPT_SACK:
        return LA_SIM_O_SACK;
    case LA_TCP_OPT_TIMESTAMPS:
        return LA_SIM_O_TIMESTAMPS;
    default:
        return 0;
    }
}

bool
la_sim_box_strip(struct la_sim_packet *packet, unsigned kinds)
{
    size_t n, len;
    uint8_t *p = options_of(packet, &n);
    bool stripped = false;
    for (; (len = option_bytes(p, n)) != 0; p += len, n -= len) {
        if ((option_kind(p[0]) & kinds) == 0)
            continue;
        memset(p, LA_TCP_OPT_NOP, len);
        stripped = true;
    }
    if (stripped)
        changed(packet);
    return stripped;
}

/* The last option first. */
bool
la_sim_box_shuffle(struct la_sim_packet *packet)
{
    uint8_t turned[LA_LAB_OPTIONS_BYTES_MAX];
    size_t n, len, total, at, options_n = 0;
    uint8_t *p = options_of(packet, &n);
    total = at = n;
    uint8_t *first = p;
    for (; (len = option_bytes(p, n)) != 0; p += len, n -= len) {
        if (p[0] == LA_TCP_OPT_NOP)
            continue;
        at -= len;
        memcpy(turned + at, p, len);
        options_n++;
    }
    if (options_n < 2)
        return false;
    memset(turned, LA_TCP_OPT_NOP, at);
    memcpy(first, turned, total);
    changed(packet);
    return true;
}

static void
shift_blocks(struct la_sim_packet *packet, uint32_t by)
{
    size_t n, len;
    uint8_t *p = options_of(packet, &n);
    for (; (len = option_bytes(p, n)) != 0; p += len, n -= len)
        for (size_t at = 2; p[0] == LA_TCP_OPT_SACK && at + 4 <= len; at += 4)
            la_put32(p + at, la_get32(p + at) - by);
}

/* The client's numbers as the server sees them, and back. */
void
la_sim_box_shift(struct la_sim_world *world, struct la_sim_packet *packet)
{
    uint32_t by = world->box.shift_by;
    struct la_addr server = la_sim_addr(1, world->ipv6);
    uint8_t *tcp = packet->bytes + la_sim_packet_tcp_off(packet);
    if (!la_addr_equal(&packet->read.src.addr, &server)) {
        la_put32(tcp + 4, packet->read.seg.seq.v + by);
    } else {
        if ((packet->read.seg.flags & LA_TCP_ACK) != 0)
            la_put32(tcp + 8, packet->read.seg.ack.v - by);
        if (world->box.shift_sack)
            shift_blocks(packet, by);
    }
    world->counts.step[LA_SIM_SHIFT]++;
    changed(packet);
}

bool
la_sim_box_split(struct la_sim_world *world, const struct la_sim_packet *packet,
                 struct la_sim_packet *out[2])
{
    struct la_lab_packet part = packet->read;
    size_t n = part.text.n, first_n = n / 3 + 1;
    if (n < 2 || (part.seg.flags & (LA_TCP_SYN | LA_TCP_RST | LA_TCP_URG)) != 0)
        return false;
    part.text.n = first_n;
    part.seg.flags &= (uint16_t) ~(LA_TCP_FIN | LA_TCP_PSH);
    out[0] = la_sim_packet_make(&world->packets, &part);
    part = packet->read;
    part.text.p += first_n;
    part.text.n = n - first_n;
    part.seg.seq = la_seq_add(part.seg.seq, (uint32_t)first_n);
    out[1] = la_sim_packet_make(&world->packets, &part);
    for (unsigned i = 0; i < 2; i++) {
        if (out[i] == NULL) {
            la_sim_packet_free(&world->packets, out[1 - i]);
            return false;
        }
        out[i]->marks = packet->marks;
        out[i]->conn = packet->conn;
        out[i]->told = packet->told;
    }
    return true;
}

struct la_sim_packet *
la_sim_box_merge(struct la_sim_world *world, const struct la_sim_packet *first,
                 const struct la_sim_packet *second)
{
    uint8_t text[PACKET_BYTES_MAX];
    struct la_lab_packet one = second->read;
    const struct la_lab_packet *head = &first->read;
    uint8_t apart = LA_TCP_SYN | LA_TCP_RST | LA_TCP_URG | LA_TCP_FIN;
    if (first->conn != second->conn || head->src.port != one.src.port ||
        !la_addr_equal(&head->src.addr, &one.src.addr) || one.text.n == 0 ||
        (head->seg.flags & apart) != 0 || (one.seg.flags & apart & ~LA_TCP_FIN) != 0 ||
        !la_seq_eq(la_seq_add(head->seg.seq, head->seg.len), one.seg.seq) ||
        first->n + one.text.n > PACKET_BYTES_MAX || head->options.n != one.options.n)
        return NULL;
    memcpy(text, head->text.p, head->text.n);
    memcpy(text + head->text.n, one.text.p, one.text.n);
    one.seg.seq = head->seg.seq;
    one.text = (struct la_bytes){text, head->text.n + one.text.n};
    struct la_sim_packet *packet = la_sim_packet_make(&world->packets, &one);
    if (packet == NULL)
        return NULL;
    packet->marks = first->marks | second->marks;
    packet->conn = second->conn;
    packet->told = second->told;
    return packet;
}
