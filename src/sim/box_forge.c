/* SPDX-License-Identifier: MIT
 *
 * box_forge.c - the middlebox makes segments up, or sends again what it saw
 *
 * It sees what passes but is taken for somebody who does not (RFC 5961 1): numbers are drawn, near
 * the right ones or anywhere. Whether a forgery happens to fit is judged by the tracker (track.h).
 */
#include "sim/world.h"

enum { NEAR = 1 << 17, TEXT_BYTES = 16, AHEAD = 1 << 20 };

/* A connection and direction that has been seen; false: none was drawn. */
static bool
choose(const struct la_sim_world *world, uint64_t draw, unsigned *conn, unsigned *end)
{
    if (world->conns_n == 0)
        return false;
    *conn = (unsigned)(draw % world->conns_n);
    *end = (unsigned)(draw >> 32 & 1);
    return world->box.known[*conn][*end];
}

/* A segment such as that end last sent, without text. */
static struct la_lab_packet
like(const struct la_sim_world *world, unsigned conn, unsigned end)
{
    struct la_lab_packet packet = {
        .src = world->conn[conn].at[end],
        .dst = world->conn[conn].at[1 - end],
        .seg = world->box.last[conn][end],
    };
    packet.seg.has &= LA_TCP_HAS_TIMESTAMPS;
    packet.seg.sack_n = 0;
    packet.seg.seq = world->box.nxt[conn][end];
    packet.seg.len = packet.seg.text_bytes = 0;
    packet.seg.flags = LA_TCP_ACK;
    return packet;
}

static void
launch(struct la_sim_world *world, const struct la_sim_fault *fault,
       struct la_sim_packet *take_packet)
{
    if (take_packet == NULL)
        return;
    la_sim_struck(world, fault);
    take_packet->marks |= LA_SIM_M_BOXED;
    la_sim_tell_segment(world, world->conn[take_packet->conn].app[0].host, take_packet,
                        LA_EVENT_SEGMENT_SENT);
    la_sim_route(world, LA_SIM_BOX_NODE, take_packet);
}

static void
replay(struct la_sim_world *world, struct la_sim_fault *fault)
{
    struct la_sim_box *box = &world->box;
    uint32_t back = 1 + (uint32_t)fault->step->a[0] % LA_SIM_SEEN;
    if (box->seen_n < back)
        return;
    const struct la_sim_packet *seen = box->seen[(box->seen_n - back) % LA_SIM_SEEN];
    struct la_sim_packet *again = seen == NULL ? NULL : la_sim_packet_copy(&world->packets, seen);
    if (again != NULL)
        again->marks |= LA_SIM_M_REPLAYED;
    launch(world, fault, again);
}

void
la_sim_box_inject(struct la_sim_world *world, struct la_sim_fault *fault)
{
    static const uint8_t text[TEXT_BYTES] = "this was forged";
    uint64_t n = 3 * fault->seen_n++;
    uint64_t draw = la_sim_draw(world, fault->step->id, n);
    uint64_t more = la_sim_draw(world, fault->step->id, n + 1);
    unsigned conn, end;
    if (fault->step->kind == LA_SIM_REPLAY) {
        replay(world, fault);
        return;
    }
    if (!choose(world, la_sim_draw(world, fault->step->id, n + 2), &conn, &end))
        return;
    struct la_lab_packet made = like(world, conn, end);
    bool near = fault->step->a[0] != 0;
    uint32_t off = near ? (uint32_t)(draw % NEAR) - NEAR / 2 : (uint32_t)draw;
    if (fault->step->kind != LA_SIM_OPTIMISTIC)
        made.seg.seq = la_seq_add(made.seg.seq, off);
    if (fault->step->kind == LA_SIM_INJECT_RST) {
        made.seg.flags = more % 2 == 0 ? LA_TCP_RST : LA_TCP_RST | LA_TCP_ACK;
        made.seg.has = 0;
    } else if (fault->step->kind == LA_SIM_INJECT_SYN) {
        made.seg.flags = more % 4 == 0 ? LA_TCP_SYN | LA_TCP_ACK : LA_TCP_SYN;
    } else if (fault->step->kind == LA_SIM_INJECT_DATA) {
        made.text = (struct la_bytes){text, sizeof(text)};
        made.seg.ack = la_seq_of((uint32_t)(more >> 8));
        made.seg.flags = more % 4 == 0 ? LA_TCP_PSH : LA_TCP_ACK | LA_TCP_PSH;
    } else if (world->box.known[conn][1 - end]) {
        made.seg.ack = la_seq_add(world->box.nxt[conn][1 - end], near ? AHEAD : 0);
    }
    struct la_sim_packet *packet = la_sim_packet_make(&world->packets, &made);
    if (packet != NULL)
        packet->conn = (uint8_t)conn;
    launch(world, fault, packet);
}
