/* SPDX-License-Identifier: MIT
 *
 * packet.c - an IP packet on its way through the simulated network
 */
#include "sim/packet.h"

#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/checksum.h"
#include "sim/plan.h"
#include "wire/ip.h"
#include "wire/ip4.h"

/* Most packets fit one size, so that their buffers serve again. */
enum { ROOM_BYTES = 1600, TCP_CHECKSUM_OFF = 16, IPV6_HEADER_BYTES = 40 };

struct la_sim_packet *
la_sim_packet_new(struct la_sim_packets *packets, size_t n)
{
    struct la_sim_packet *packet = packets->spare;
    if (n <= ROOM_BYTES && packet != NULL) {
        packets->spare = packet->next;
    } else {
        size_t room = n <= ROOM_BYTES ? ROOM_BYTES : n;
        packet = malloc(sizeof(*packet) + room);
        if (packet == NULL)
            return NULL;
        packet->room = (uint32_t)room;
    }
    packet->next = NULL;
    packet->id = ++packets->made_n;
    packet->n = (uint32_t)n;
    packet->marks = 0;
    packet->conn = LA_SIM_NO_CONN;
    packet->is_tcp = false;
    packet->told = (struct la_sim_told){.known = false};
    return packet;
}

struct la_sim_packet *
la_sim_packet_copy(struct la_sim_packets *packets, const struct la_sim_packet *packet)
{
    struct la_sim_packet *copy = la_sim_packet_new(packets, packet->n);
    if (copy == NULL)
        return NULL;
    memcpy(copy->bytes, packet->bytes, packet->n);
    copy->marks = packet->marks;
    copy->conn = packet->conn;
    copy->told = packet->told;
    la_sim_packet_read(copy);
    return copy;
}

void
la_sim_packet_free(struct la_sim_packets *packets, struct la_sim_packet *packet)
{
    if (packet == NULL)
        return;
    if (packet->room != ROOM_BYTES) {
        free(packet);
        return;
    }
    packet->next = packets->spare;
    packets->spare = packet;
}

void
la_sim_packets_fini(struct la_sim_packets *packets)
{
    while (packets->spare != NULL) {
        struct la_sim_packet *gone = packets->spare;
        packets->spare = gone->next;
        free(gone);
    }
}

void
la_sim_packet_read(struct la_sim_packet *packet)
{
    packet->is_tcp = la_lab_packet_read(&packet->read, (struct la_bytes){packet->bytes, packet->n});
}

size_t
la_sim_packet_tcp_off(const struct la_sim_packet *packet)
{
    if (!packet->is_tcp)
        return 0;
    return packet->bytes[0] >> 4 == 4 ? (packet->bytes[0] & 0x0fu) * 4u : IPV6_HEADER_BYTES;
}

void
la_sim_packet_sum(struct la_sim_packet *packet)
{
    size_t off = la_sim_packet_tcp_off(packet);
    if (off == 0)
        return;
    uint8_t *tcp = packet->bytes + off;
    uint32_t n = packet->n - (uint32_t)off;
    struct la_ip_pseudo pseudo = {packet->read.src.addr, packet->read.dst.addr, LA_IP_TCP, n};
    la_put16(tcp + TCP_CHECKSUM_OFF, 0);
    uint32_t sum = la_sum_combine(la_ip_pseudo_sum(&pseudo), la_sum_portable(tcp, n), 0);
    la_put16(tcp + TCP_CHECKSUM_OFF, (uint16_t)~la_sum_fold(sum));
}

enum la_ip_ecn
la_sim_packet_ecn(const struct la_sim_packet *packet)
{
    const uint8_t *p = packet->bytes;
    return (enum la_ip_ecn)((p[0] >> 4 == 4 ? p[1] : p[1] >> 4) & LA_IP_ECN_MASK);
}

bool
la_sim_packet_mark(struct la_sim_packet *packet)
{
    uint8_t *p = packet->bytes;
    bool v4 = p[0] >> 4 == 4;
    enum la_ip_ecn ecn = la_sim_packet_ecn(packet);
    if (ecn == LA_IP_NOT_ECT || ecn == LA_IP_CE)
        return false;
    uint16_t before = la_get16(p);
    p[1] |= v4 ? 0x03 : 0x30;
    if (v4)
        la_put16(p + 10, la_sum_update(la_get16(p + 10), before, la_get16(p)));
    return true;
}

struct la_sim_packet *
la_sim_packet_make(struct la_sim_packets *packets, const struct la_lab_packet *like)
{
    size_t room = like->text.n + IPV6_HEADER_BYTES + LA_TCP_HEADER_BYTES_MAX + 60;
    struct la_sim_packet *packet = la_sim_packet_new(packets, room);
    if (packet == NULL)
        return NULL;
    packet->n = (uint32_t)la_lab_packet_make(like, (struct la_room){packet->bytes, packet->room});
    packet->marks = LA_SIM_M_MADE;
    la_sim_packet_read(packet);
    return packet;
}

unsigned
la_sim_packet_kinds(const struct la_sim_packet *packet)
{
    if (!packet->is_tcp)
        return 0;
    const struct la_tcp_seg *seg = &packet->read.seg;
    unsigned kinds = 0;
    if ((seg->flags & LA_TCP_SYN) != 0)
        kinds |= (seg->flags & LA_TCP_ACK) != 0 ? LA_SIM_K_SYN_ACK : LA_SIM_K_SYN;
    if ((seg->flags & LA_TCP_FIN) != 0)
        kinds |= LA_SIM_K_FIN;
    if ((seg->flags & LA_TCP_RST) != 0)
        kinds |= LA_SIM_K_RST;
    if (seg->text_bytes != 0)
        kinds |= LA_SIM_K_TEXT;
    if (kinds == 0)
        kinds |= LA_SIM_K_ACK;
    if (seg->sack_n != 0)
        kinds |= LA_SIM_K_SACK;
    return kinds;
}

bool
la_sim_packet_is_sound(struct la_sim_packet *packet)
{
    if ((packet->marks & LA_SIM_M_ALTERED) == 0)
        return true;
    size_t off = la_sim_packet_tcp_off(packet);
    if (off == 0)
        return false;
    uint16_t told = la_get16(packet->bytes + off + TCP_CHECKSUM_OFF);
    la_sim_packet_sum(packet);
    bool sound = la_get16(packet->bytes + off + TCP_CHECKSUM_OFF) == told;
    la_put16(packet->bytes + off + TCP_CHECKSUM_OFF, told);
    struct la_ip4_view v4;
    if (la_ip4_view_init(&v4, (struct la_bytes){packet->bytes, packet->n}))
        sound &= la_ip4_view_checksum_ok(&v4);
    return sound;
}
