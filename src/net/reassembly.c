/* SPDX-License-Identifier: MIT
 *
 * reassembly.c - packets that come in pieces
 *
 * Read first: RFC 791 3.2; RFC 8200 4.5; RFC 1122 3.3.2; RFC 5722 (overlaps); RFC 3168 5.3 (ECN).
 *
 * Pieces wait, in order of their place, until the last missing one is there: then they are one
 * packet with one header again, which is judged like any other. What disagrees (overlaps, two ends)
 * ruins its packet: nobody can tell which piece is the honest one. A ruined packet keeps its entry,
 * so that pieces that come later are not the beginning of another.
 *
 * Bounded by packets, by pieces of each and by the memory that all of them keep; the packet that
 * was begun first makes room. The table is taken with the first piece that comes.
 */
#include "net/internal.h"

#include <string.h>

#include "base/addr.h"
#include "base/assert.h"
#include "base/mem.h"
#include "base/time.h"

enum {
    PACKETS_N_MAX = 64,
    PIECES_N_MAX = 256, /* of one packet: 65535 octets in pieces of 256 */
    PINNED_BYTES_MAX = 512 * 1024,
    LIFE_S = 60, /* RFC 8200 4.5; RFC 1122 3.3.2: 60 to 120 s */
    PIECE_CHUNK_SHIFT = 5
};

struct piece {
    uint32_t next_idx; /* overwritten by the pool while free, with the next one */
    uint32_t off_bytes;
    uint32_t n_bytes;
    uint32_t pinned_bytes;
    struct la_frame *frame;
};

struct packet {
    bool used, ruined;
    bool link_broadcast; /* one of the pieces was */
    uint8_t ecn_seen;    /* a bit for each codepoint */
    uint8_t protocol;    /* IPv4: part of the name; 0 for IPv6 */
    uint8_t next_header; /* what the first piece says that the packet holds */
    uint32_t id;
    uint32_t first_idx;
    uint32_t pieces_n;
    uint32_t have_bytes;
    uint32_t total_bytes; /* 0: the last piece is not there */
    la_instant until;
    struct la_net_in in; /* as it was of the first piece, or, before that one is there, of any */
};

struct la_net_fragments {
    struct la_pool pieces;
    uint32_t pinned_bytes;
    struct packet packet[PACKETS_N_MAX];
};

static struct piece *
piece_at(const struct la_net *net, uint32_t idx)
{
    return la_pool_at(&net->fragments->pieces, idx);
}

/* ---- the table -------------------------------------------------------------------------- */

static bool
table_ready(struct la_net *net)
{
    if (net->fragments != NULL)
        return true;
    net->fragments = la_mem_take(net->mem, sizeof(*net->fragments));
    if (net->fragments == NULL)
        return false;
    la_pool_init(&net->fragments->pieces, net->mem, sizeof(struct piece), PIECE_CHUNK_SHIFT,
                 PACKETS_N_MAX * PIECES_N_MAX);
    return true;
}

static void
pieces_free(struct la_net *net, struct packet *p)
{
    while (p->first_idx != LA_POOL_NONE) {
        uint32_t idx = p->first_idx;
        struct piece *piece = piece_at(net, idx);
        p->first_idx = piece->next_idx;
        net->fragments->pinned_bytes -= piece->pinned_bytes;
        la_frame_free(piece->frame); /* NULL: it is the whole packet */
        la_pool_give(&net->fragments->pieces, idx);
    }
    p->pieces_n = 0;
}

static void
packet_free(struct la_net *net, struct packet *p)
{
    pieces_free(net, p);
    p->used = false;
}

void
la_net_fragments_fini(struct la_net *net)
{
    if (net->fragments == NULL)
        return;
    for (unsigned i = 0; i < PACKETS_N_MAX; i++)
        if (net->fragments->packet[i].used)
            packet_free(net, &net->fragments->packet[i]);
    la_pool_fini(&net->fragments->pieces);
    la_mem_give(net->mem, net->fragments, sizeof(*net->fragments));
    net->fragments = NULL;
}

/* The one that was begun first, but for `except`; NULL: there is no other. */
static struct packet *
packet_oldest(struct la_net *net, const struct packet *except)
{
    struct packet *oldest = NULL;
    for (unsigned i = 0; i < PACKETS_N_MAX; i++) {
        struct packet *p = &net->fragments->packet[i];
        if (p->used && p != except && (oldest == NULL || la_instant_lt(p->until, oldest->until)))
            oldest = p;
    }
    return oldest;
}

static void
packet_give_up(struct la_net *net, struct packet *p)
{
    if (!p->ruined)
        la_net_drop(net, LA_REASON_IP_FRAGMENT_LIMIT);
    packet_free(net, p);
}

/* RFC 791 3.2: source, destination, protocol and identification name a packet; RFC 8200 4.5:
 * without the protocol. NULL: it is the first piece of its packet that comes, and has no place yet.
 */
static struct packet *
packet_find(struct la_net *net, const struct la_net_in *in, const struct la_net_piece *piece)
{
    for (unsigned i = 0; i < PACKETS_N_MAX; i++) {
        struct packet *p = &net->fragments->packet[i];
        if (p->used && p->id == piece->id && p->protocol == piece->protocol &&
            la_addr_equal(&p->in.src, &in->src) && la_addr_equal(&p->in.dst, &in->dst))
            return p;
    }
    return NULL;
}

static struct packet *
packet_make(struct la_net *net, const struct la_net_in *in, const struct la_net_piece *piece,
            la_instant now)
{
    struct packet *p = NULL;
    for (unsigned i = 0; i < PACKETS_N_MAX && p == NULL; i++)
        if (!net->fragments->packet[i].used)
            p = &net->fragments->packet[i];
    if (p == NULL) {
        p = packet_oldest(net, NULL);
        packet_give_up(net, p);
    }
    *p = (struct packet){
        .used = true,
        .protocol = piece->protocol,
        .id = piece->id,
        .first_idx = LA_POOL_NONE,
        .until = la_instant_add_us(now, LIFE_S * LA_US_PER_S),
        .in = *in,
    };
    net->fragments_at = la_instant_min(net->fragments_at, p->until);
    return p;
}

/* ---- one piece -------------------------------------------------------------------------- */

/* Nothing of it may be kept, nor what is still to come of it (RFC 5722 4). */
static void
packet_ruin(struct la_net *net, struct packet *p)
{
    pieces_free(net, p);
    p->ruined = true;
}

enum fit { FIT_GOOD, FIT_AGAIN, FIT_NEVER };

/* Where it goes in the list, *link; or that it came before, or cannot belong to what is there. */
static enum fit
piece_fit(struct la_net *net, struct packet *p, const struct la_net_piece *piece, uint32_t n,
          uint32_t **link)
{
    uint32_t end = piece->off_bytes + n;
    if (p->total_bytes != 0 && (end > p->total_bytes || (piece->more && end == p->total_bytes)))
        return FIT_NEVER;
    *link = &p->first_idx;
    for (; **link != LA_POOL_NONE; *link = &piece_at(net, **link)->next_idx) {
        const struct piece *there = piece_at(net, **link);
        bool again = there->off_bytes == piece->off_bytes && there->n_bytes == n;
        if (again && piece->more == (end != p->total_bytes))
            return FIT_AGAIN; /* RFC 8200 4.5: the network may have doubled it */
        if (there->off_bytes >= end)
            break;
        if (there->off_bytes + there->n_bytes > piece->off_bytes)
            return FIT_NEVER;
    }
    if (!piece->more && p->total_bytes == 0 && **link != LA_POOL_NONE)
        return FIT_NEVER; /* something lies behind the end */
    if (!piece->more && p->total_bytes != 0)
        return FIT_NEVER; /* another end */
    return p->pieces_n < PIECES_N_MAX ? FIT_GOOD : FIT_NEVER;
}

/* Memory for it, by giving up older packets. False: not even so. */
static bool
room_make(struct la_net *net, const struct packet *p, uint32_t pinned_bytes)
{
    while (net->fragments->pinned_bytes + (uint64_t)pinned_bytes > PINNED_BYTES_MAX) {
        struct packet *oldest = packet_oldest(net, p);
        if (oldest == NULL)
            return false;
        packet_give_up(net, oldest);
    }
    return true;
}

static void
piece_count(struct packet *p, const struct la_net_in *in, const struct la_net_piece *piece,
            uint32_t n)
{
    p->pieces_n++;
    p->have_bytes += n;
    p->ecn_seen |= (uint8_t)(1u << (in->dscp_ecn & LA_IP_ECN_MASK));
    p->link_broadcast |= in->link_broadcast;
    if (!piece->more)
        p->total_bytes = piece->off_bytes + n;
    if (piece->off_bytes == 0) {
        p->in = *in;
        p->next_header = piece->next_header;
    }
}

/* Takes the frame. NONE, or why the piece was dropped. The last one that is missing stays the frame
 * that it is: its packet will be in it. */
static enum la_reason
piece_add(struct la_net *net, struct packet *p, struct la_frame *frame, const struct la_net_in *in,
          const struct la_net_piece *piece)
{
    uint32_t *link, n = (uint32_t)la_frame_octets(frame), pinned_bytes = 0;
    enum fit fit = p->ruined ? FIT_NEVER : piece_fit(net, p, piece, n, &link);
    if (fit != FIT_GOOD) {
        if (fit == FIT_NEVER)
            packet_ruin(net, p);
        la_frame_free(frame);
        return LA_REASON_IP_FRAGMENT;
    }
    uint32_t total_bytes = piece->more ? p->total_bytes : piece->off_bytes + n;
    if (p->have_bytes + n != total_bytes)
        frame = la_net_keep(frame, &pinned_bytes);
    if (!room_make(net, p, pinned_bytes)) {
        packet_ruin(net, p);
        la_frame_free(frame);
        return LA_REASON_IP_FRAGMENT_LIMIT;
    }
    uint32_t idx = la_pool_take(&net->fragments->pieces);
    if (idx == LA_POOL_NONE) {
        la_frame_free(frame);
        return LA_REASON_NO_MEMORY;
    }
    *piece_at(net, idx) = (struct piece){*link, piece->off_bytes, n, pinned_bytes, frame};
    *link = idx;
    net->fragments->pinned_bytes += pinned_bytes;
    piece_count(p, in, piece, n);
    return LA_REASON_NONE;
}

/* ---- the whole packet ------------------------------------------------------------------- */

/* All octets into `whole`, which is the frame of one of the pieces. False: no memory. */
static bool
pieces_join(struct la_net *net, const struct packet *p, struct la_frame *whole)
{
    struct la_chain octets = {NULL, NULL, 0, 0};
    for (uint32_t idx = p->first_idx; idx != LA_POOL_NONE; idx = piece_at(net, idx)->next_idx) {
        struct piece *piece = piece_at(net, idx);
        if (!la_frame_head_to_payload(piece->frame)) {
            la_chain_clear(&octets);
            return false;
        }
        la_chain_append_chain(&octets, &piece->frame->payload);
        if (piece->frame == whole)
            piece->frame = NULL;
    }
    /* Whatever a link has said of a piece, it has not seen them all. */
    la_frame_renew(whole);
    whole->payload = octets;
    return true;
}

/* One header for all; the identification is that of the pieces, so that a quote can be matched. */
static void
header_push(const struct packet *p, struct la_frame *whole, const struct la_net_in *in)
{
    if (la_addr_is_v4(&in->src)) {
        struct la_ip4_view view;
        struct la_ip4 ip;
        bool there = la_ip4_view_init(&view, (struct la_bytes){in->header, in->header_n});
        LA_ASSERT(there);
        la_ip4_judge(&ip, &view);
        ip.dscp_ecn = in->dscp_ecn;
        ip.total_bytes = (uint16_t)(view.header_bytes + p->total_bytes);
        ip.more_fragments = false;
        uint8_t *out = la_frame_push(whole, view.header_bytes);
        la_ip4_emit(&ip, (struct la_room){out, view.header_bytes});
        return;
    }
    struct la_ip6 ip = {
        .src = in->src,
        .dst = in->dst,
        .payload_bytes = (uint16_t)p->total_bytes,
        .next_header = p->next_header,
        .hop_limit = in->ttl_hops,
        .dscp_ecn = in->dscp_ecn,
    };
    uint8_t *out = la_frame_push(whole, LA_IP6_HEADER_BYTES);
    la_ip6_emit(&ip, (struct la_room){out, LA_IP6_HEADER_BYTES});
}

/* RFC 3168 5.3: congestion that one piece has met the packet has met; unless it cannot have. */
static bool
ecn_join(const struct packet *p, struct la_net_in *in)
{
    const unsigned unable = 1u << LA_IP_NOT_ECT, marked = 1u << LA_IP_CE;
    if ((p->ecn_seen & marked) == 0)
        return true;
    in->dscp_ecn |= LA_IP_CE;
    return (p->ecn_seen & unable) == 0;
}

static bool
packet_finish(struct la_net *net, struct packet *p, struct la_frame *whole, struct la_net_in *in)
{
    int iface = in->iface;
    bool v4 = la_addr_is_v4(&p->in.src);
    *in = p->in;
    in->iface = iface;
    in->protocol = v4 ? in->protocol : p->next_header;
    in->link_broadcast = p->link_broadcast;
    in->came = (struct la_bytes){NULL, 0}; /* it came as several */
    enum la_reason reason = LA_REASON_NONE;
    if (p->total_bytes + (v4 ? in->header_n : 0u) > UINT16_MAX || !ecn_join(p, in))
        reason = LA_REASON_IP_FRAGMENT;
    else if (!pieces_join(net, p, whole))
        reason = LA_REASON_NO_MEMORY;
    else
        header_push(p, whole, in);
    packet_free(net, p);
    if (reason != LA_REASON_NONE)
        la_net_drop(net, reason);
    return reason == LA_REASON_NONE;
}

bool
la_net_reassemble(struct la_net *net, struct la_frame *take_piece, struct la_net_in *in,
                  const struct la_net_piece *piece, la_instant now)
{
    if (!table_ready(net)) {
        la_net_drop_frame(net, take_piece, LA_REASON_NO_MEMORY);
        return false;
    }
    la_net_fragments_run(net, now); /* what is over takes no piece */
    struct packet *p = packet_find(net, in, piece);
    if (p == NULL)
        p = packet_make(net, in, piece, now);
    enum la_reason reason = piece_add(net, p, take_piece, in, piece);
    if (reason != LA_REASON_NONE)
        la_net_drop(net, reason);
    return reason == LA_REASON_NONE && p->have_bytes == p->total_bytes &&
           packet_finish(net, p, take_piece, in);
}

/* ---- time ------------------------------------------------------------------------------- */

/* RFC 1122 3.3.2, RFC 8200 4.5: who sent the first piece hears that others are missing. */
static void
packet_expire(struct la_net *net, struct packet *p, la_instant now)
{
    if (!p->ruined) {
        la_net_drop(net, LA_REASON_IP_FRAGMENT_TIMEOUT);
        const struct piece *first =
            p->first_idx == LA_POOL_NONE ? NULL : piece_at(net, p->first_idx);
        if (first != NULL && first->off_bytes == 0)
            la_icmp_incomplete(net, &p->in, la_net_peek(first->frame, NET_PEEK_BYTES), now);
    }
    packet_free(net, p);
}

void
la_net_fragments_run(struct la_net *net, la_instant now)
{
    if (la_instant_lt(now, net->fragments_at))
        return;
    net->fragments_at = LA_INSTANT_NEVER;
    for (unsigned i = 0; i < PACKETS_N_MAX; i++) {
        struct packet *p = &net->fragments->packet[i];
        if (p->used && la_instant_le(p->until, now))
            packet_expire(net, p, now);
        if (p->used)
            net->fragments_at = la_instant_min(net->fragments_at, p->until);
    }
}
