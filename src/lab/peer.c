/* SPDX-License-Identifier: MIT
 *
 * peer.c - a peer made by hand: it has no stack and sends what it is told to
 */
#include "lab/peer.h"

#include "proto/event_segment.h"

enum { PACKET_BYTES_MAX = 2048, PEER_HOST = 9, ISS = 1000000 };

static const struct la_bytes nothing = {NULL, 0};

/* ---- what arrives ----------------------------------------------------------------------- */

static void
tell_arrived(const struct la_lab_peer *peer, const struct la_lab_packet *packet, uint64_t id)
{
    struct la_event event = {
        .at = peer->bed->now,
        .kind = LA_EVENT_SEGMENT_ARRIVED,
        .end = LA_CLIENT,
        .segment_id = id,
        .local = packet->dst,
        .remote = packet->src,
    };
    la_event_segment_of(&event.u.segment, &packet->seg, packet->seg.wnd);
    la_bed_tell(peer->bed, &event);
}

static void
take(struct la_lab_peer *peer, const struct la_lab_packet *packet)
{
    const struct la_tcp_seg *seg = &packet->seg;
    if (packet->dst.port != peer->local.port)
        return;
    peer->flags_seen |= seg->flags;
    if ((seg->flags & LA_TCP_SYN) != 0) {
        peer->rcv_nxt = seg->seq;
        peer->mss = (seg->has & LA_TCP_HAS_MSS) != 0 ? seg->mss : 0;
    }
    if (seg->text_bytes > peer->text_bytes_max)
        peer->text_bytes_max = seg->text_bytes;
    if (!la_seq_eq(seg->seq, peer->rcv_nxt))
        return;
    peer->rcv_nxt = la_seq_add(seg->seq, seg->len);
    peer->octets_n += seg->text_bytes;
}

/* ---- the link that takes its packets out ------------------------------------------------ */

static size_t
peer_send(struct la_link *link, struct la_frame **take_frames, size_t n, la_instant now)
{
    return la_link_send(((struct la_lab_peer *)link)->bed->tap, take_frames, n, now);
}

static size_t
peer_receive(struct la_link *link, struct la_frame **frames, size_t max, la_instant now)
{
    struct la_lab_peer *peer = (struct la_lab_peer *)link;
    size_t n = la_link_receive(peer->bed->tap, frames, max, now);
    size_t kept_n = 0;
    for (size_t i = 0; i < n; i++) {
        struct la_lab_packet packet;
        if (!la_lab_packet_of_frame(&packet, frames[i]) ||
            !la_addr_equal(&packet.dst.addr, &peer->local.addr)) {
            frames[kept_n++] = frames[i];
            continue;
        }
        tell_arrived(peer, &packet, la_frame_id(frames[i]));
        take(peer, &packet);
        la_frame_free(frames[i]);
    }
    return kept_n;
}

static la_instant
peer_deadline(const struct la_link *link)
{
    return la_link_deadline(((const struct la_lab_peer *)link)->bed->tap);
}

static int
peer_descriptor(const struct la_link *link)
{
    (void)link;
    return -1;
}

/* A peer belongs to its caller. */
static void
peer_free(struct la_link *link)
{
    (void)link;
}

static const struct la_link_ops peer_ops = {
    .send = peer_send,
    .receive = peer_receive,
    .deadline = peer_deadline,
    .descriptor = peer_descriptor,
    .free = peer_free,
};

/* ---- the peer --------------------------------------------------------------------------- */

void
la_lab_peer_join(struct la_lab_peer *peer, struct la_lab *lab, bool v6)
{
    *peer = (struct la_lab_peer){.link = {&peer_ops, lab->bed->tap->caps},
                                 .lab = lab,
                                 .bed = lab->bed,
                                 .local.addr = la_bed_addr(PEER_HOST - 1, v6)};
    la_wire_outer_set(lab->bed->wire, LA_CLIENT, &peer->link);
    la_lab_listen(lab, LA_LAB_BACKLOG_N);
}

void
la_lab_peer_fini(struct la_lab_peer *peer)
{
    la_wire_outer_set(peer->bed->wire, LA_CLIENT, peer->bed->tap);
}

static bool
put_segment(struct la_lab_peer *peer, uint16_t flags, struct la_bytes options, struct la_bytes text)
{
    uint8_t octets[PACKET_BYTES_MAX];
    struct la_lab_packet packet = {
        .src = peer->local,
        .dst = peer->remote,
        .seg = {.seq = peer->snd_nxt, .flags = flags, .wnd = peer->wnd},
        .options = options,
        .text = text,
    };
    if ((flags & LA_TCP_ACK) != 0)
        packet.seg.ack = peer->rcv_nxt;
    size_t n = la_lab_packet_make(&packet, (struct la_room){octets, sizeof(octets)});
    uint32_t len = (uint32_t)text.n + ((flags & LA_TCP_SYN) != 0) + ((flags & LA_TCP_FIN) != 0);
    peer->snd_nxt = la_seq_add(peer->snd_nxt, len);
    return n != 0 && la_bed_send_packet(peer->bed, LA_CLIENT, (struct la_bytes){octets, n}) != 0;
}

void
la_lab_peer_says(struct la_lab_peer *peer, uint16_t flags, struct la_bytes options,
                 struct la_bytes text)
{
    la_lab_expect(peer->lab, put_segment(peer, flags, options, text), "no memory for a segment");
    la_bed_settle(peer->bed);
}

static bool
answered(void *ctx)
{
    return ((const struct la_lab_peer *)ctx)->flags_seen != 0;
}

void
la_lab_peer_open(struct la_lab_peer *peer, uint16_t port, struct la_bytes options, uint16_t wnd)
{
    struct la_lab *lab = peer->lab;
    peer->local.port = port;
    peer->remote = la_lab_server(!la_addr_is_v4(&peer->local.addr));
    peer->snd_nxt = la_seq_of(ISS);
    peer->rcv_nxt = la_seq_of(0);
    peer->flags_seen = 0;
    peer->wnd = wnd;
    peer->mss = 0;
    peer->text_bytes_max = 0;
    peer->octets_n = 0;
    la_lab_peer_says(peer, LA_TCP_SYN, options, nothing);
    la_lab_expect(
        lab, la_lab_await(lab, answered, peer) && peer->flags_seen == (LA_TCP_SYN | LA_TCP_ACK),
        "the server did not answer the SYN");
    la_lab_peer_says(peer, LA_TCP_ACK, nothing, nothing);
    la_lab_await_state(lab, LA_SERVER, LA_TCP_ESTABLISHED);
    la_lab_run(lab, 100);
}

static bool
has_all(void *ctx)
{
    const struct la_lab_peer *peer = ctx;
    return peer->octets_n >= peer->wanted_n;
}

void
la_lab_peer_await(struct la_lab_peer *peer, uint64_t octets_n)
{
    peer->wanted_n = octets_n;
    la_lab_expect(peer->lab, la_lab_await(peer->lab, has_all, peer),
                  "%llu octets came to the client", (unsigned long long)peer->octets_n);
}

void
la_lab_peer_end(struct la_lab_peer *peer)
{
    la_lab_peer_says(peer, LA_TCP_RST | LA_TCP_ACK, nothing, nothing);
    la_lab_await_state(peer->lab, LA_SERVER, LA_TCP_CLOSED);
    la_lab_run(peer->lab, 100);
}
