/* SPDX-License-Identifier: MIT
 *
 * forward.c - any address, any port: the SYN waits while the application decides
 *
 * A request is a connection record that has taken the SYN but stays in LISTEN. Its SYN,ACK is sent
 * when the application accepts. The same SYN again is absorbed, a RST cancels, and what is not
 * answered in REQUEST_US ends without a word. Cookies are never used here: the SYN,ACK is a promise
 * that the far side exists.
 */
#include "base/assert.h"
#include "base/time.h"
#include "proto/tcp_accept.h"
#include "stack/instance.h"
#include "tcp/congestion.h"
#include "tcp/open.h"

/* Longer than the SYNs of a patient client take (RFC 9293 MUST-23). */
enum { REQUEST_S = 200 };

void
la_forward_syn(struct la_stack *s, const struct la_tuple *tuple, int iface,
               const struct la_tcp_seg *syn, struct la_tcp_todo *todo)
{
    uint32_t idx;
    la_err err = s->requests_n >= s->cfg.requests_n_max
                     ? LA_ERR_LIMIT
                     : la_rec_new(s, tuple, &s->cfg.tcp, iface, &idx);
    if (err != LA_OK) {
        todo->reason = err == LA_ERR_NO_MEMORY  ? LA_REASON_NO_MEMORY
                       : err == LA_ERR_NO_ROUTE ? LA_REASON_NO_ROUTE
                                                : LA_REASON_SYN_QUEUE_FULL;
        return;
    }
    struct la_rec *rec = la_rec_at(s, idx);
    rec->flags |= LA_REC_REQUEST;
    s->requests_n++;
    la_tcp_open_passive(&rec->tcp, syn, true, todo);
    la_wheel_arm(&s->wheel, idx, la_instant_add_us(s->now, REQUEST_S * LA_US_PER_S));
    la_rec_tell(s, idx, 0);
}

/* The request ends without a connection. A handle that the application knows stays valid until it
 * has been told. */
static void
cancel(struct la_stack *s, uint32_t idx)
{
    struct la_rec *rec = la_rec_at(s, idx);
    s->requests_n--;
    if ((rec->flags & LA_REC_TOLD) == 0) {
        la_rec_free(s, idx);
        return;
    }
    rec->flags |= LA_REC_GONE;
    la_rec_unindex(s, idx);
    la_rec_tell(s, idx, 0);
}

void
la_forward_segment(struct la_stack *s, uint32_t idx, const struct la_tcp_seg *seg,
                   struct la_tcp_todo *todo)
{
    const struct la_tcp_conn *c = &la_rec_at(s, idx)->tcp;
    if ((seg->flags & LA_TCP_RST) != 0) {
        if (la_tcp_rst_classify(c->rcv_nxt, 1, seg->seq) == LA_TCP_RST_EXACT)
            cancel(s, idx);
        else
            todo->reason = LA_REASON_RST_OUTSIDE_WINDOW;
        return;
    }
    bool same_syn = (seg->flags & LA_TCP_SYN) != 0 && la_seq_eq(seg->seq, c->irs);
    todo->reason = same_syn ? LA_REASON_DATA_DUPLICATE : LA_REASON_LISTEN_NO_SYN;
}

void
la_forward_timeout(struct la_stack *s, uint32_t idx, struct la_tcp_todo *todo)
{
    (void)todo;
    if ((la_rec_at(s, idx)->flags & LA_REC_GONE) == 0)
        cancel(s, idx);
}

/* ---- the application's answer ----------------------------------------------------------- */

static uint32_t
pending(const struct la_stack *s, la_handle request)
{
    uint32_t idx = la_rec_of_handle(s, request, true);
    bool gone = idx != LA_REC_NONE && (la_rec_at(s, idx)->flags & LA_REC_GONE) != 0;
    return gone ? LA_REC_NONE : idx;
}

la_err
la_forward_request(const struct la_stack *s, la_handle request, struct la_forward_request *out)
{
    uint32_t idx = pending(s, request);
    if (idx == LA_REC_NONE)
        return LA_ERR_BAD_HANDLE;
    struct la_tuple tuple = la_rec_tuple(la_rec_at(s, idx));
    out->local = tuple.local;
    out->remote = tuple.remote;
    return LA_OK;
}

la_err
la_forward_accept(struct la_stack *s, la_handle request, const struct la_tcp_cfg *cfg,
                  la_handle *out, la_instant now)
{
    *out = 0;
    now = la_stack_clock(s, now);
    uint32_t idx = pending(s, request);
    if (idx == LA_REC_NONE)
        return LA_ERR_BAD_HANDLE;
    if (cfg != NULL && !la_tcp_cfg_ok(cfg))
        return LA_ERR_BAD_ARGUMENT;
    struct la_rec *rec = la_rec_at(s, idx);
    if (cfg != NULL)
        la_tcp_conn_configure(&rec->tcp, cfg, la_cc_find(cfg->congestion_control));
    s->requests_n--;
    rec->flags = (uint8_t)((rec->flags & ~(unsigned)(LA_REC_REQUEST | LA_REC_TOLD)) | LA_REC_OWNED);
    if (la_rec_on_list(rec, LA_LIST_EVENTS))
        la_list_remove(s, &s->events, LA_LIST_EVENTS, idx);
    la_wheel_disarm(&s->wheel, idx);
    struct la_tcp_todo todo = la_stack_todo(s, now);
    la_tcp_open_release(&rec->tcp, &todo);
    s->stats.tcp_passive_opens++;
    *out = la_rec_handle(s, idx);
    la_rec_settle(s, idx, &todo);
    return LA_OK;
}

static enum la_net_icmp_kind
icmp_kind(enum la_forward_answer answer)
{
    switch (answer) {
    case LA_FORWARD_HOST_UNREACHABLE:
        return LA_NET_ICMP_HOST_UNREACHABLE;
    case LA_FORWARD_NET_UNREACHABLE:
        return LA_NET_ICMP_NET_UNREACHABLE;
    case LA_FORWARD_PROHIBITED:
        return LA_NET_ICMP_PROHIBITED;
    case LA_FORWARD_RESET:
    case LA_FORWARD_SILENCE:
        break;
    }
    return LA_NET_ICMP_NONE;
}

/* The SYN's first 8 octets, as an ICMP error quotes them (RFC 792): ports and sequence number. */
static void
quote_syn(const struct la_rec *rec, uint8_t quoted[8])
{
    la_put16(&quoted[0], rec->remote_port);
    la_put16(&quoted[2], rec->local_port);
    la_put32(&quoted[4], rec->tcp.irs.v);
}

la_err
la_forward_reject(struct la_stack *s, la_handle request, enum la_forward_answer answer,
                  la_instant now)
{
    now = la_stack_clock(s, now);
    uint32_t idx = pending(s, request);
    if (idx == LA_REC_NONE)
        return LA_ERR_BAD_HANDLE;
    struct la_rec *rec = la_rec_at(s, idx);
    struct la_tuple tuple = la_rec_tuple(rec);
    if (answer == LA_FORWARD_RESET) {
        struct la_tcp_todo todo = la_stack_todo(s, now);
        struct la_tcp_seg syn = {.seq = rec->tcp.irs, .len = 1, .flags = LA_TCP_SYN};
        la_tcp_closed_state(&syn, &todo);
        la_stack_send_rst(s, &tuple, NULL, &todo);
    } else if (icmp_kind(answer) != LA_NET_ICMP_NONE) {
        uint8_t quoted[8];
        quote_syn(rec, quoted);
        struct la_net_in in = {
            .src = tuple.remote.addr,
            .dst = tuple.local.addr,
            .iface = rec->iface,
            .protocol = 6,
            .ttl_hops = 64,
        };
        la_net_icmp_unreachable(s->net, &in, (struct la_bytes){quoted, sizeof(quoted)},
                                icmp_kind(answer), now);
    }
    s->requests_n--;
    la_rec_free(s, idx);
    return LA_OK;
}
