/* SPDX-License-Identifier: MIT
 *
 * peer.c - a peer made by hand: it has no stack and sends what it is told to
 */
#include "lab/peer.h"

enum { PACKET_BYTES_MAX = 2048, WINDOW_BYTES = 65535 };

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
    la_lab_packet_event(packet, &event.u.segment);
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
la_lab_peer_init(struct la_lab_peer *peer, struct la_bed *bed, const struct la_addr *addr)
{
    *peer =
        (struct la_lab_peer){.link = {&peer_ops, bed->tap->caps}, .bed = bed, .local.addr = *addr};
    la_wire_outer_set(bed->wire, LA_CLIENT, &peer->link);
}

void
la_lab_peer_fini(struct la_lab_peer *peer)
{
    la_wire_outer_set(peer->bed->wire, LA_CLIENT, peer->bed->tap);
}

void
la_lab_peer_begin(struct la_lab_peer *peer, uint16_t port, const struct la_endpoint *remote,
                  la_seq iss)
{
    peer->local.port = port;
    peer->remote = *remote;
    peer->snd_nxt = iss;
    peer->rcv_nxt = la_seq_of(0);
    peer->flags_seen = 0;
    peer->mss = 0;
    peer->text_bytes_max = 0;
    peer->octets_n = 0;
}

bool
la_lab_peer_send(struct la_lab_peer *peer, uint8_t flags, struct la_bytes options,
                 struct la_bytes text)
{
    uint8_t octets[PACKET_BYTES_MAX];
    struct la_lab_packet packet = {
        .src = peer->local,
        .dst = peer->remote,
        .seg = {.seq = peer->snd_nxt, .flags = flags, .wnd = WINDOW_BYTES},
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
