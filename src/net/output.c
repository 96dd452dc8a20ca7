/* SPDX-License-Identifier: MIT
 *
 * output.c - packets out: next hop, queue
 *
 * Read first: RFC 1122 3.2.1 and 3.3.1.
 */
#include "net/internal.h"

#include "base/addr.h"
#include "base/assert.h"

/* Counts, frees, returns the error. */
static la_err
refuse(struct la_net *net, struct la_frame *frame, la_err err)
{
    if (err == LA_ERR_NO_ROUTE)
        la_net_drop(net, LA_REASON_NO_ROUTE);
    else if (err == LA_ERR_MESSAGE_TOO_BIG)
        la_net_drop(net, LA_REASON_PACKET_TOO_BIG);
    else if (err == LA_ERR_NO_MEMORY)
        la_net_drop(net, LA_REASON_TX_QUEUE_FULL);
    la_frame_free(frame);
    return err;
}

/* Groups have addresses of their own on the link (RFC 1112 6.4, RFC 2464 7). */
static void
group_mac(const struct la_addr *dst, uint8_t mac[6])
{
    if (la_addr_is_v4(dst) && !la_addr_is_multicast(dst)) {
        for (unsigned i = 0; i < 6; i++)
            mac[i] = 0xff;
        return;
    }
    bool v4 = la_addr_is_v4(dst);
    mac[0] = v4 ? 0x01 : 0x33;
    mac[1] = v4 ? 0x00 : 0x33;
    mac[2] = v4 ? 0x5e : dst->b[12];
    mac[3] = v4 ? dst->b[13] & 0x7f : dst->b[13];
    mac[4] = dst->b[14];
    mac[5] = dst->b[15];
}

/* What packets with the same struct la_net_out have in common. */
struct path {
    la_err err;
    /* Borrowed: nothing on the way out asks for another destination, which might take its line. */
    const struct la_net_dest *dest;
    const struct la_addr *src;
    struct la_net_header header;
};

static void
path_init(struct la_net *net, struct path *path, const struct la_net_out *out)
{
    path->dest = la_net_dest(net, &out->dst);
    path->src = &out->src;
    path->err = path->dest->err;
    if (path->err != LA_OK)
        return;
    path->err =
        la_addr_is_any(&out->src) ? LA_ERR_BAD_ARGUMENT : la_net_header_init(&path->header, out);
}

static void
send_on(struct la_net *net, const struct path *path, struct la_frame *frame, la_instant now)
{
    const struct la_net_dest *dest = path->dest;
    int iface = dest->route.iface;
    uint16_t type = path->header.v4 ? LA_ETH_IPV4 : LA_ETH_IPV6;
    if (net->port[iface].cfg.caps.layer == LA_LINK_IP) {
        la_net_emit(net, iface, NULL, type, frame);
    } else if (dest->class == LA_NET_CLASS_MULTICAST || dest->class == LA_NET_CLASS_BROADCAST) {
        uint8_t mac[6];
        group_mac(&dest->addr, mac);
        la_net_emit(net, iface, mac, type, frame);
    } else {
        /* RFC 3927 2.6.2: from a link-local address nothing goes to a router. */
        bool link_local = la_addr_is_link_local(path->src);
        la_neigh_send(net, iface, link_local ? &dest->addr : &dest->route.next_hop, frame, now);
    }
}

static la_err
path_send(struct la_net *net, const struct path *path, struct la_frame *frame, la_instant now)
{
    if (path->err != LA_OK)
        return refuse(net, frame, path->err);
    int iface = path->dest->route.iface;
    if (la_net_tx_room(net, iface) == 0)
        return refuse(net, frame, LA_ERR_NO_MEMORY);
    la_err err = la_net_header_push(net, &path->header, frame, path->dest->route.mtu_bytes);
    if (err != LA_OK)
        return refuse(net, frame, err);
    if (iface == LA_NET_IFACE_LOCAL)
        la_frameq_push(&net->local, frame);
    else
        send_on(net, path, frame, now);
    return LA_OK;
}

la_err
la_net_output(struct la_net *net, struct la_frame *take_frame, const struct la_net_out *out,
              la_instant now)
{
    struct path path;
    path_init(net, &path, out);
    return path_send(net, &path, take_frame, now);
}

void
la_net_output_burst(struct la_net *net, struct la_frame **take_frames, size_t n,
                    const struct la_net_out *out, la_instant now)
{
    struct path path;
    if (n == 0)
        return;
    path_init(net, &path, out);
    for (size_t i = 0; i < n; i++) {
        la_err err = path_send(net, &path, take_frames[i], now);
        (void)err; /* counted; the caller treats it as lost on the way */
    }
}
