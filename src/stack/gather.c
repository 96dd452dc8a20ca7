/* SPDX-License-Identifier: MIT
 *
 * gather.c - segments of a burst that continue each other arrive as one
 *
 * What is gathered is what its receiver cannot tell from one longer segment: text that begins at
 * RCV.NXT and goes on inside the window without a gap, with nothing in the header changing but
 * sequence number and PSH, nor IP's ECN field (RFC 3168 6.1.3). Duplicates, what fills a gap or
 * lies behind one, every other flag, option and window go alone, so that each draws its own
 * acknowledgement. When somebody listens to segments arriving, nothing is gathered.
 */
#include "proto/tcp_accept.h"
#include "stack/instance.h"

/* One segment cannot be longer either, but for a jumbogram. */
enum { GATHERED_BYTES_MAX = 65535 };

static bool
is_plain(const struct la_tcp_seg *seg)
{
    return seg->text_bytes > 0 && (seg->flags & ~(unsigned)LA_TCP_PSH) == LA_TCP_ACK &&
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

bool
la_gather_begin(struct la_stack *s, struct la_arrival *run)
{
    if (!is_plain(&run->seg) || la_tcp_hears(&s->env, LA_EVENT_SEGMENT_ARRIVED))
        return false;
    uint32_t idx = la_rec_find_again(s, &run->tuple);
    if (idx == LA_REC_NONE)
        return false;
    const struct la_tcp_conn *c = &la_rec_at(s, idx)->tcp;
    const struct la_tcp_busy *busy = la_tcp_busy(c, &s->env);
    if (!is_expected(c, &run->seg) || (busy != NULL && busy->ooo != NULL))
        return false;
    uint32_t rcv_wnd = la_tcp_rcv_wnd(c);
    run->bytes_max = rcv_wnd < GATHERED_BYTES_MAX ? rcv_wnd : GATHERED_BYTES_MAX;
    return run->seg.text_bytes <= run->bytes_max;
}

static bool
continues(const struct la_arrival *run, const struct la_arrival *a)
{
    const struct la_tcp_seg *first = &run->seg;
    const struct la_tcp_seg *seg = &a->seg;
    bool same_header = seg->has == first->has && la_seq_eq(seg->ack, first->ack) &&
                       seg->wnd == first->wnd && seg->ts_val == first->ts_val &&
                       seg->ts_ecr == first->ts_ecr;
    return same_header && is_plain(seg) && a->ecn == run->ecn &&
           la_seq_eq(seg->seq, la_seq_add(first->seq, first->text_bytes)) &&
           seg->text_bytes <= run->bytes_max - first->text_bytes &&
           la_tuple_equal(&run->tuple, &a->tuple);
}

bool
la_gather_add(struct la_arrival *run, const struct la_arrival *take_a)
{
    const struct la_tcp_seg *seg = &take_a->seg;
    if (!continues(run, take_a))
        return false;
    run->last_off = run->seg.text_bytes + take_a->last_off;
    run->seg.text_bytes += seg->text_bytes;
    run->seg.len += seg->len;
    run->seg.flags |= seg->flags;
    run->segments_n += take_a->segments_n;
    if (take_a->piece_bytes > run->piece_bytes)
        run->piece_bytes = take_a->piece_bytes;
    la_chain_append_chain(&run->frame->payload, &take_a->frame->payload);
    la_frame_free(take_a->frame);
    return true;
}
