/* SPDX-License-Identifier: MIT
 *
 * gather.c - segments of a burst that continue each other arrive as one
 *
 * What is gathered is what its receiver cannot tell from one longer segment: text that begins at
 * RCV.NXT and goes on inside the window without a gap, with nothing in the header changing but
 * sequence number and PSH, nor IP's ECN field (RFC 3168 6.1.3). Duplicates, what fills a gap or
 * lies behind one, every other flag, option and window go alone, so that each draws its own
 * acknowledgement. When somebody listens to segments arriving, nothing is gathered.
 *
 * Most frames of a burst repeat the headers of the one before. What was judged of those octets is
 * not judged again; what may differ (length, identification, sequence number, PSH, checksums) is.
 */
#include "proto/tcp_accept.h"
#include "stack/instance.h"
#include "tcp/accecn.h"
#include "wire/ip.h"

/* One segment cannot be longer either, but for a jumbogram. */
enum { GATHERED_BYTES_MAX = 65535 };

/* `ace`: with accurate ECN AE, CWR and ECE are a number, which all of a run say alike. */
static bool
is_plain(const struct la_tcp_seg *seg, unsigned ace)
{
    return seg->text_bytes > 0 && (seg->flags & ~(unsigned)LA_TCP_PSH) == (LA_TCP_ACK | ace) &&
           (seg->has & ~(unsigned)LA_TCP_HAS_TIMESTAMPS) == 0 && seg->sack_n == 0;
}

/* Would its first segment pass SEGMENT ARRIVES without a remark? Those behind it, which say the
 * same, would then as well. */
static bool
is_expected(const struct la_tcp_conn *c, const struct la_tcp_seg *seg)
{
    unsigned has = (c->flags & LA_TCP_F_TIMESTAMPS) != 0 ? LA_TCP_HAS_TIMESTAMPS : 0;
    return c->state == LA_TCP_ESTABLISHED && la_seq_eq(seg->seq, c->rcv_nxt) && seg->has == has &&
           (has == 0 || !la_tcp_ts_older(seg->ts_val, c->ts_recent)) &&
           la_seq_ge(seg->ack, c->snd_una) && la_seq_le(seg->ack, c->snd_nxt);
}

/* What a segment that continues the run adds to it, besides its text. */
struct growth {
    uint32_t text_bytes, last_off, segments_n, piece_bytes;
    uint16_t flags;
};

static void
run_grow(struct la_arrival *run, const struct growth *growth, struct la_frame *take_frame)
{
    run->last_off = run->seg.text_bytes + growth->last_off;
    run->seg.text_bytes += growth->text_bytes;
    run->seg.len += growth->text_bytes; /* neither SYN nor FIN */
    run->seg.flags |= growth->flags;
    run->segments_n += growth->segments_n;
    if (growth->piece_bytes > run->piece_bytes)
        run->piece_bytes = growth->piece_bytes;
    la_chain_append_chain(&run->frame->payload, &take_frame->payload);
    la_frame_give(take_frame); /* all of it was payload */
}

/* ---- frames whose headers repeat those before them -------------------------------------- */

static void
heads_note(struct la_arrival *run, const struct la_net_in *in)
{
    run->heads.p = NULL;
    if (la_frame_keeps(run->frame, in->came.p))
        (void)la_heads_init(&run->heads, in->came, in->link_n, in->header_n);
}

bool
la_gather_begin(struct la_stack *s, struct la_arrival *run, const struct la_net_in *in)
{
    unsigned ace = run->seg.flags & LA_TCP_ACE_MASK;
    if (!is_plain(&run->seg, ace) || la_tcp_hears(&s->env, LA_EVENT_SEGMENT_ARRIVED))
        return false;
    uint32_t idx = la_stack_find_again(s, &run->tuple);
    if (!la_idx_is_rec(idx))
        return false;
    const struct la_tcp_conn *c = &la_rec_at(s, idx)->tcp;
    const struct la_tcp_busy *busy = la_tcp_busy(c, &s->env);
    bool accurate = (c->flags & LA_TCP_F_ACCECN) != 0;
    /* RFC 9768 3.2.2.5.1: each second mark draws an acknowledgement. */
    if (ace != 0 ? !accurate : accurate && run->ecn == LA_IP_CE)
        return false;
    if (!is_expected(c, &run->seg) || (busy != NULL && busy->runs.row.n > 0))
        return false;
    uint32_t rcv_wnd = la_tcp_rcv_wnd(c);
    run->bytes_max = rcv_wnd < GATHERED_BYTES_MAX ? rcv_wnd : GATHERED_BYTES_MAX;
    if (run->seg.text_bytes > run->bytes_max)
        return false;
    heads_note(run, in);
    return true;
}

/* Is the frame of frame_n octets the next of the run? */
static bool
repeats(const struct la_arrival *run, const struct la_frame *f, uint32_t frame_n)
{
    const struct la_heads *heads = &run->heads;
    return frame_n > heads->n && frame_n - heads->n <= run->bytes_max - run->seg.text_bytes &&
           la_get32(f->head + heads->tcp_off + 4) ==
               la_seq_add(run->seg.seq, run->seg.text_bytes).v &&
           la_heads_repeat(heads, f->head, frame_n);
}

/* Not part of its one caller, which has no registers left for it. */
__attribute__((noinline)) bool
la_gather_repeat(struct la_stack *s, int iface, struct la_arrival *run, struct la_frame *take_frame)
{
    struct la_frame *f = take_frame;
    const struct la_heads *heads = &run->heads;
    uint32_t frame_n = (uint32_t)la_frame_octets(f);
    if (heads->p == NULL || run->iface != iface || f->gso_size != 0 || f->head_n < heads->n ||
        !repeats(run, f, frame_n))
        return false;
    la_net_count_repeated(s->net);
    enum la_reason reason = LA_REASON_NONE;
    uint16_t flags = la_tcp_flags_at(f->head + heads->tcp_off + 12);
    uint32_t sum = la_heads_tcp_sum(heads, f->head, frame_n);
    la_frame_pull(f, heads->n);
    if (!la_net_l4_sum_ok(s->net, sum, f))
        reason = LA_REASON_TCP_CHECKSUM;
    if (reason == LA_REASON_NONE && !la_frame_head_to_payload(f))
        reason = LA_REASON_NO_MEMORY;
    if (reason != LA_REASON_NONE) {
        la_stack_drop(s, reason);
        la_frame_free(f);
        return true;
    }
    s->stats.tcp_segments_in++;
    uint32_t text_bytes = f->payload.len;
    const struct growth growth = {text_bytes, 0, 1, text_bytes, flags};
    run_grow(run, &growth, f);
    return true;
}

static bool
continues(const struct la_arrival *run, const struct la_arrival *a)
{
    const struct la_tcp_seg *first = &run->seg;
    const struct la_tcp_seg *seg = &a->seg;
    bool same_header = seg->has == first->has && la_seq_eq(seg->ack, first->ack) &&
                       seg->wnd == first->wnd && seg->ts_val == first->ts_val &&
                       seg->ts_ecr == first->ts_ecr;
    return same_header && is_plain(seg, first->flags & LA_TCP_ACE_MASK) && a->ecn == run->ecn &&
           la_seq_eq(seg->seq, la_seq_add(first->seq, first->text_bytes)) &&
           seg->text_bytes <= run->bytes_max - first->text_bytes &&
           la_tuple_equal(&run->tuple, &a->tuple);
}

bool
la_gather_add(struct la_arrival *run, const struct la_arrival *take_a)
{
    if (!continues(run, take_a))
        return false;
    const struct growth growth = {take_a->seg.text_bytes, take_a->last_off, take_a->segments_n,
                                  take_a->piece_bytes, take_a->seg.flags};
    run_grow(run, &growth, take_a->frame);
    return true;
}
