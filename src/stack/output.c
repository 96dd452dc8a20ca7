/* SPDX-License-Identifier: MIT
 *
 * output.c - frames out: pulled by the embedder, made at that moment
 *
 * Connections with something to send stand in a list. Each gets a turn of at most TURN_FRAMES and
 * goes to the end of the list when it has more, so that none starves the others. What makes no
 * progress (the transmit queue of its interface is full) keeps its place for the next call.
 */
#include "base/time.h"
#include "stack/instance.h"
#include "tcp/out.h"

enum { TURN_FRAMES = 16, IP_PROTOCOL_TCP = 6 };

static void
send_frames(struct la_stack *s, const struct la_rec *rec, struct la_tcp_out *out, la_instant now)
{
    struct la_net_out ip = {
        .src = rec->local_addr,
        .dst = rec->remote_addr,
        .protocol = IP_PROTOCOL_TCP,
        .ttl_hops = rec->tcp.ttl_hops,
        .dscp_ecn = rec->tcp.dscp_ecn,
        .dont_fragment = true,
    };
    /* Not sent is the same as lost: retransmission comes back to it. */
    la_net_output_burst(s->net, out->frames, out->n, &ip, now);
}

/* One turn of the connection at the head of the list. False: its interface takes no more. */
static bool
turn(struct la_stack *s, uint32_t idx, la_instant now)
{
    struct la_rec *rec = la_rec_at(s, idx);
    uint32_t room = la_net_tx_room(s->net, rec->iface);
    la_list_remove(s, &s->output, LA_LIST_OUTPUT, idx);
    if (room == 0) {
        la_list_push(s, &s->output, LA_LIST_OUTPUT, idx);
        return false;
    }
    const struct la_iface_cfg *iface = la_net_iface(s->net, rec->iface);
    bool v4 = la_addr_is_v4(&rec->remote_addr);
    bool super = iface != NULL && (v4 ? iface->caps.tso4 : iface->caps.tso6);
    struct la_frame *frames[TURN_FRAMES];
    struct la_tcp_out out = {
        .frames = frames,
        .max = room < TURN_FRAMES ? room : TURN_FRAMES,
        .src_port = rec->local_port,
        .dst_port = rec->remote_port,
        .super_bytes_max = super ? 65000 : 0,
    };
    struct la_tcp_todo todo = la_stack_todo(s, now);
    bool more = la_tcp_output(&rec->tcp, &out, &todo);
    send_frames(s, rec, &out, now);
    if (more)
        la_list_push(s, &s->output, LA_LIST_OUTPUT, idx);
    la_rec_settle(s, idx, &todo);
    return true;
}

size_t
la_stack_output(struct la_stack *s, int iface, struct la_frame **frames, size_t max, la_instant now)
{
    now = la_stack_clock(s, now);
    la_stack_local(s, now);
    size_t n = 0;
    uint32_t stuck_n = 0;
    while (n < max) {
        struct la_frame *f = la_net_tx_pop(s->net, iface);
        if (f != NULL) {
            frames[n++] = f;
            continue;
        }
        if (s->output.first == LA_REC_NONE || stuck_n >= s->output.n)
            break;
        if (!turn(s, s->output.first, now))
            stuck_n++;
        la_stack_local(s, now);
    }
    s->stats.frames_out += n;
    return n;
}
