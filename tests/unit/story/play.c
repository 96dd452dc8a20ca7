/* SPDX-License-Identifier: MIT
 *
 * play.c - two ends and a wire that say what they are told to say
 */
#include "play.h"

#include <string.h>

#include "proto/tcp_fsm.h"

static struct la_event
event(const struct play *play, enum la_event_kind kind, int end, uint64_t id)
{
    struct la_event e;
    memset(&e, 0, sizeof(e));
    e.at.ns = play->now_us * 1000;
    e.kind = (uint8_t)kind;
    e.end = (uint8_t)end;
    e.conn = kind == LA_EVENT_WIRE ? 0 : 1 + (uint64_t)end;
    e.segment_id = id;
    e.local = play->endpoint[end];
    e.remote = play->endpoint[end ^ 1];
    return e;
}

static void
emit(const struct play *play, const struct la_event *e)
{
    play->trace.sink(play->trace.ctx, e);
}

void
play_init(struct play *play, const struct la_trace *trace, uint16_t client_port)
{
    memset(play, 0, sizeof(*play));
    play->trace = *trace;
    play->delay_us = 20000;
    play->endpoint[CLIENT] = (struct la_endpoint){la_addr_v4(10, 0, 0, 1), client_port};
    play->endpoint[SERVER] = (struct la_endpoint){la_addr_v4(10, 0, 0, 2), 80};
    play->iss[CLIENT] = 0xfffffff0u + client_port;
    play->iss[SERVER] = 3735928559u;
    play->window[CLIENT] = 64240;
    play->window[SERVER] = 65160;
    play->state[CLIENT] = LA_TCP_CLOSED;
    play->state[SERVER] = LA_TCP_LISTEN;
    play->id_next = (uint64_t)client_port << 16;
}

void
play_at(struct play *play, int64_t us)
{
    play->now_us = us;
}

static struct la_event
segment(struct play *play, int end, uint16_t flags, uint32_t seq, uint32_t len)
{
    struct la_event e = event(play, LA_EVENT_SEGMENT_SENT, end, ++play->id_next);
    struct la_event_segment *s = &e.u.segment;
    s->flags = flags;
    s->seq = play->iss[end] + seq;
    s->ack = (flags & ACK) != 0 ? play->iss[end ^ 1] + play->rcv[end] : 0;
    s->len = len;
    s->window = play->window[end];
    s->window_raw = (uint16_t)(s->window < 65535 ? s->window : 65535);
    s->wscale = 255;
    s->has = LA_SEG_HAS_TS;
    s->ts_val = (uint32_t)(play->now_us / 1000);
    if ((flags & SYN) != 0) {
        s->has |= LA_SEG_HAS_MSS | LA_SEG_HAS_SACK_PERMITTED;
        s->mss = PLAY_MSS;
        s->wscale = 7;
    }
    return e;
}

static uint64_t
send(struct play *play, struct la_event *e)
{
    play->sent[e->segment_id % PLAY_SENT_N_MAX] = *e;
    emit(play, e);
    return e->segment_id;
}

uint64_t
play_send(struct play *play, int end, uint16_t flags, uint32_t len, enum la_cause cause)
{
    struct la_event e = segment(play, end, flags, play->nxt[end], len);
    e.u.segment.cause = (uint8_t)cause;
    play->nxt[end] += len + ((flags & SYN) != 0) + ((flags & FIN) != 0);
    return send(play, &e);
}

uint64_t
play_send_again(struct play *play, int end, uint16_t flags, uint32_t seq, uint32_t len,
                enum la_cause cause, uint8_t again_n)
{
    struct la_event e = segment(play, end, flags, seq, len);
    e.u.segment.cause = (uint8_t)cause;
    e.u.segment.retransmit_n = again_n;
    return send(play, &e);
}

uint64_t
play_send_sack(struct play *play, int end, uint32_t left, uint32_t right, uint8_t has)
{
    struct la_event e = segment(play, end, ACK, play->nxt[end], 0);
    e.u.segment.cause = LA_CAUSE_ACK_DUPLICATE;
    e.u.segment.has |= has;
    e.u.segment.sack_n = 1;
    e.u.segment.sack[0].left = play->iss[end ^ 1] + left;
    e.u.segment.sack[0].right = play->iss[end ^ 1] + right;
    return send(play, &e);
}

void
play_arrive(struct play *play, uint64_t id)
{
    play_wire(play, id, LA_WIRE_DELIVERED, LA_REASON_NONE);
    struct la_event e = play->sent[id % PLAY_SENT_N_MAX];
    int end = e.end ^ 1;
    uint32_t seq = e.u.segment.seq - play->iss[e.end];
    uint32_t n =
        e.u.segment.len + ((e.u.segment.flags & SYN) != 0) + ((e.u.segment.flags & FIN) != 0);
    if (seq == play->rcv[end])
        play->rcv[end] += n;
    struct la_event arrived = event(play, LA_EVENT_SEGMENT_ARRIVED, end, id);
    arrived.u.segment = e.u.segment;
    arrived.u.segment.cause = 0;
    arrived.u.segment.retransmit_n = 0;
    emit(play, &arrived);
}

void
play_wire(struct play *play, uint64_t id, enum la_wire_fate fate, enum la_reason reason)
{
    const struct la_event *sent = &play->sent[id % PLAY_SENT_N_MAX];
    struct la_event e = event(play, LA_EVENT_WIRE, sent->end, id);
    e.u.wire.fate = (uint8_t)fate;
    e.u.wire.reason = (uint16_t)reason;
    emit(play, &e);
}

void
play_state(struct play *play, int end, enum la_tcp_event what, uint64_t id)
{
    struct la_event e = event(play, LA_EVENT_STATE, end, id);
    e.u.state.from = play->state[end];
    e.u.state.event = (uint8_t)what;
    e.u.state.to = la_tcp_fsm_edge((enum la_tcp_state)play->state[end], what)->to;
    play->state[end] = e.u.state.to;
    emit(play, &e);
}

void
play_call(struct play *play, int end, enum la_call call)
{
    struct la_event e = event(play, LA_EVENT_CALL, end, 0);
    e.u.call.call = (uint8_t)call;
    if (call == LA_CALL_OPEN_PASSIVE)
        memset(&e.remote, 0, sizeof(e.remote));
    emit(play, &e);
}

void
play_timer(struct play *play, int end, enum la_timer_kind timer, uint32_t after_us,
           uint32_t next_us)
{
    struct la_event e = event(play, LA_EVENT_TIMER, end, 0);
    e.u.timer.timer = (uint8_t)timer;
    e.u.timer.backoff_n = play->backoff_n[end] =
        timer == play->timer[end] ? (uint8_t)(play->backoff_n[end] + 1) : 1;
    play->timer[end] = (uint8_t)timer;
    e.u.timer.after_us = after_us;
    e.u.timer.next_us = next_us;
    emit(play, &e);
}

void
play_rtt(struct play *play, int end, uint32_t sample_us, uint64_t id)
{
    struct la_event e = event(play, LA_EVENT_RTT, end, id);
    e.u.rtt.sample_us = sample_us;
    e.u.rtt.srtt_us = sample_us;
    e.u.rtt.rto_us = 200000;
    emit(play, &e);
}

void
play_drop(struct play *play, int end, enum la_reason reason, uint64_t id)
{
    struct la_event e = event(play, LA_EVENT_DROP, end, id);
    e.u.drop.reason = (uint16_t)reason;
    emit(play, &e);
}

void
play_window(struct play *play, int end, bool ours, uint32_t window, uint64_t id)
{
    struct la_event e = event(play, LA_EVENT_WINDOW, end, id);
    e.u.window.ours = ours;
    e.u.window.window = window;
    emit(play, &e);
}

void
play_congestion(struct play *play, int end, enum la_cc_phase phase, uint32_t cwnd_bytes,
                uint64_t id)
{
    struct la_event e = event(play, LA_EVENT_CONGESTION, end, id);
    e.u.congestion.phase = (uint8_t)phase;
    e.u.congestion.cwnd_bytes = cwnd_bytes;
    e.u.congestion.ssthresh_bytes = 7300;
    emit(play, &e);
}

void
play_negotiated(struct play *play, int end, uint64_t id)
{
    struct la_event e = event(play, LA_EVENT_NEGOTIATED, end, id);
    e.u.negotiated.mss_send = e.u.negotiated.mss_receive = PLAY_MSS;
    e.u.negotiated.wscale_send = e.u.negotiated.wscale_receive = 7;
    e.u.negotiated.timestamps = e.u.negotiated.sack = true;
    e.u.negotiated.passive = end == SERVER;
    emit(play, &e);
}

void
play_error(struct play *play, int end, la_err err, uint64_t id)
{
    struct la_event e = event(play, LA_EVENT_ERROR, end, id);
    e.u.error.err = err;
    emit(play, &e);
}

void
play_handshake(struct play *play)
{
    int64_t start_us = play->now_us;
    play_call(play, CLIENT, LA_CALL_OPEN_ACTIVE);
    play_state(play, CLIENT, LA_TCP_EV_OPEN_ACTIVE, 0);
    uint64_t syn = play_send(play, CLIENT, SYN, 0, LA_CAUSE_OPEN);
    play_at(play, start_us + play->delay_us);
    play_arrive(play, syn);
    play_state(play, SERVER, LA_TCP_EV_RCV_SYN, syn);
    uint64_t syn_ack = play_send(play, SERVER, SYN | ACK, 0, LA_CAUSE_OPEN);
    play_at(play, start_us + 2 * play->delay_us);
    play_arrive(play, syn_ack);
    play_rtt(play, CLIENT, (uint32_t)(2 * play->delay_us), syn_ack);
    play_state(play, CLIENT, LA_TCP_EV_RCV_SYN_ACK, syn_ack);
    play_negotiated(play, CLIENT, syn_ack);
    uint64_t ack = play_send(play, CLIENT, ACK, 0, LA_CAUSE_ACK);
    play_at(play, start_us + 3 * play->delay_us);
    play_arrive(play, ack);
    play_rtt(play, SERVER, (uint32_t)(2 * play->delay_us), ack);
    play_state(play, SERVER, LA_TCP_EV_ACK_OF_SYN, ack);
    play_negotiated(play, SERVER, ack);
}

void
play_close(struct play *play, int end)
{
    int peer = end ^ 1;
    int64_t start_us = play->now_us;
    play_call(play, end, LA_CALL_CLOSE);
    play_state(play, end, LA_TCP_EV_CLOSE, 0);
    uint64_t fin = play_send(play, end, FIN | ACK, 0, LA_CAUSE_FIN);
    play_at(play, start_us + play->delay_us);
    play_arrive(play, fin);
    play_state(play, peer, LA_TCP_EV_RCV_FIN, fin);
    uint64_t ack = play_send(play, peer, ACK, 0, LA_CAUSE_ACK);
    play_at(play, start_us + play->delay_us + 12000);
    play_call(play, peer, LA_CALL_CLOSE);
    play_state(play, peer, LA_TCP_EV_CLOSE, 0);
    uint64_t fin2 = play_send(play, peer, FIN | ACK, 0, LA_CAUSE_FIN);
    play_at(play, start_us + 2 * play->delay_us);
    play_arrive(play, ack);
    play_state(play, end, LA_TCP_EV_ACK_OF_FIN, ack);
    play_at(play, start_us + 2 * play->delay_us + 12000);
    play_arrive(play, fin2);
    play_state(play, end, LA_TCP_EV_RCV_FIN, fin2);
    uint64_t ack2 = play_send(play, end, ACK, 0, LA_CAUSE_ACK);
    play_at(play, start_us + 3 * play->delay_us + 12000);
    play_arrive(play, ack2);
    play_state(play, peer, LA_TCP_EV_ACK_OF_FIN, ack2);
    play_at(play, start_us + 2 * play->delay_us + 12000 + 60000000);
    play_timer(play, end, LA_TIMER_TIME_WAIT, 60000000, 0);
    play_state(play, end, LA_TCP_EV_TIMEOUT_2MSL, 0);
}
