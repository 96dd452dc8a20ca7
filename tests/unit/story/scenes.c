/* SPDX-License-Identifier: MIT
 *
 * scenes.c - whole connections as two ends and a wire would tell them
 */
#include "play.h"

/* Request and answer, closed by the client. */
static void
scene_simple(const struct la_trace *trace)
{
    struct play p;
    play_init(&p, trace, 49152);
    play_call(&p, SERVER, LA_CALL_OPEN_PASSIVE);
    play_handshake(&p);
    play_at(&p, 40100);
    uint64_t get = play_send(&p, CLIENT, PSH | ACK, 78, LA_CAUSE_DATA);
    play_at(&p, 60100);
    play_arrive(&p, get);
    play_at(&p, 61000);
    uint64_t page = play_send(&p, SERVER, PSH | ACK, 612, LA_CAUSE_DATA);
    play_at(&p, 81000);
    play_arrive(&p, page);
    play_rtt(&p, CLIENT, 40900, page);
    play_at(&p, 121000);
    play_timer(&p, CLIENT, LA_TIMER_DELAYED_ACK, 40000, 0);
    uint64_t ack = play_send(&p, CLIENT, ACK, 0, LA_CAUSE_ACK_DELAYED);
    play_at(&p, 141000);
    play_arrive(&p, ack);
    play_rtt(&p, SERVER, 80000, ack);
    play_at(&p, 150000);
    play_close(&p, CLIENT);
}

/* The only data segment is lost twice. */
static void
scene_rto(const struct la_trace *trace)
{
    struct play p;
    play_init(&p, trace, 49153);
    play_handshake(&p);
    play_at(&p, 70000);
    uint64_t id = play_send(&p, CLIENT, PSH | ACK, 512, LA_CAUSE_DATA);
    play_wire(&p, id, LA_WIRE_DROPPED, LA_REASON_WIRE_LOST);
    play_at(&p, 270000);
    play_timer(&p, CLIENT, LA_TIMER_RETRANSMIT, 200000, 400000);
    play_congestion(&p, CLIENT, LA_CC_LOSS, 1460, 0);
    id = play_send_again(&p, CLIENT, PSH | ACK, 1, 512, LA_CAUSE_RETRANSMIT_RTO, 1);
    play_at(&p, 270010);
    play_wire(&p, id, LA_WIRE_DROPPED, LA_REASON_WIRE_QUEUE_FULL);
    play_at(&p, 670000);
    play_timer(&p, CLIENT, LA_TIMER_RETRANSMIT, 400000, 800000);
    id = play_send_again(&p, CLIENT, PSH | ACK, 1, 512, LA_CAUSE_RETRANSMIT_RTO, 2);
    play_at(&p, 690000);
    play_arrive(&p, id);
    id = play_send(&p, SERVER, ACK, 0, LA_CAUSE_ACK);
    play_at(&p, 710000);
    play_arrive(&p, id);
    play_congestion(&p, CLIENT, LA_CC_SLOW_START, 2920, id);
    play_at(&p, 720000);
    play_close(&p, SERVER);
}

/* The second of eight segments is lost. */
static void
scene_fast_retransmit(const struct la_trace *trace)
{
    struct play p;
    uint64_t id[8], ack[8];
    play_init(&p, trace, 49154);
    play_handshake(&p);
    for (unsigned i = 0; i < 8; i++) {
        play_at(&p, 70000 + i * 120);
        id[i] = play_send(&p, CLIENT, ACK, PLAY_MSS, LA_CAUSE_DATA);
        if (i == 1)
            play_wire(&p, id[i], LA_WIRE_DROPPED, LA_REASON_WIRE_LOST);
        if (i == 5)
            play_wire(&p, id[i], LA_WIRE_DUPLICATED, LA_REASON_WIRE_DUPLICATED);
    }
    for (unsigned i = 0; i < 8; i++) {
        play_at(&p, 90000 + i * 120);
        if (i == 1)
            continue;
        play_arrive(&p, id[i]);
        ack[i] = i == 0 ? play_send(&p, SERVER, ACK, 0, LA_CAUSE_ACK)
                        : play_send_sack(&p, SERVER, 1 + 2 * PLAY_MSS, 1 + (i + 1) * PLAY_MSS, 0);
        if (i == 5) {
            play_arrive(&p, id[i]);
            play_drop(&p, SERVER, LA_REASON_DATA_DUPLICATE, id[i]);
        }
    }
    uint64_t again = 0;
    for (unsigned i = 0; i < 8; i++) {
        play_at(&p, 110000 + i * 120);
        if (i == 1)
            continue;
        play_arrive(&p, ack[i]);
        if (i == 4) {
            play_congestion(&p, CLIENT, LA_CC_RECOVERY, 11680, ack[i]);
            again = play_send_again(&p, CLIENT, ACK, 1 + PLAY_MSS, PLAY_MSS,
                                    LA_CAUSE_RETRANSMIT_FAST, 1);
        }
    }
    play_at(&p, 130480);
    play_arrive(&p, again);
    p.rcv[SERVER] = 1 + 8 * PLAY_MSS;
    uint64_t all = play_send(&p, SERVER, ACK, 0, LA_CAUSE_ACK);
    play_at(&p, 150480);
    play_arrive(&p, all);
    play_congestion(&p, CLIENT, LA_CC_AVOIDANCE, 7300, all);
    play_at(&p, 151000);
    play_close(&p, CLIENT);
}

/* The server has nothing left to say either: its FIN goes with its ACK. */
static void
scene_close_merged(const struct la_trace *trace)
{
    struct play p;
    play_init(&p, trace, 49155);
    play_handshake(&p);
    play_at(&p, 100000);
    play_call(&p, CLIENT, LA_CALL_CLOSE);
    play_state(&p, CLIENT, LA_TCP_EV_CLOSE, 0);
    uint64_t fin = play_send(&p, CLIENT, FIN | ACK, 0, LA_CAUSE_FIN);
    play_at(&p, 120000);
    play_arrive(&p, fin);
    play_state(&p, SERVER, LA_TCP_EV_RCV_FIN, fin);
    play_call(&p, SERVER, LA_CALL_CLOSE);
    play_state(&p, SERVER, LA_TCP_EV_CLOSE, 0);
    uint64_t fin2 = play_send(&p, SERVER, FIN | ACK, 0, LA_CAUSE_FIN);
    play_at(&p, 140000);
    play_arrive(&p, fin2);
    play_state(&p, CLIENT, LA_TCP_EV_RCV_FIN_ACK_OF_FIN, fin2);
    uint64_t ack = play_send(&p, CLIENT, ACK, 0, LA_CAUSE_ACK);
    play_at(&p, 160000);
    play_arrive(&p, ack);
    play_state(&p, SERVER, LA_TCP_EV_ACK_OF_FIN, ack);
}

static void
scene_close_simultaneous(const struct la_trace *trace)
{
    struct play p;
    uint64_t fin[2], ack[2];
    play_init(&p, trace, 49156);
    play_handshake(&p);
    for (int end = CLIENT; end <= SERVER; end++) {
        play_at(&p, 100000 + end * 1000);
        play_call(&p, end, LA_CALL_CLOSE);
        play_state(&p, end, LA_TCP_EV_CLOSE, 0);
        fin[end] = play_send(&p, end, FIN | ACK, 0, LA_CAUSE_FIN);
    }
    for (int end = CLIENT; end <= SERVER; end++) {
        play_at(&p, 120000 + end * 1000);
        play_arrive(&p, fin[end]);
        play_state(&p, end ^ 1, LA_TCP_EV_RCV_FIN, fin[end]);
        ack[end] = play_send(&p, end ^ 1, ACK, 0, LA_CAUSE_ACK);
    }
    for (int end = CLIENT; end <= SERVER; end++) {
        play_at(&p, 140000 + end * 1000);
        play_arrive(&p, ack[end]);
        play_state(&p, end, LA_TCP_EV_ACK_OF_FIN, ack[end]);
    }
}

static void
scene_refused(const struct la_trace *trace)
{
    struct play p;
    play_init(&p, trace, 49157);
    p.endpoint[SERVER].port = 81;
    play_call(&p, CLIENT, LA_CALL_OPEN_ACTIVE);
    play_state(&p, CLIENT, LA_TCP_EV_OPEN_ACTIVE, 0);
    uint64_t syn = play_send(&p, CLIENT, SYN, 0, LA_CAUSE_OPEN);
    play_at(&p, 20000);
    play_arrive(&p, syn);
    play_drop(&p, SERVER, LA_REASON_NO_CONNECTION, syn);
    p.iss[SERVER] = 0;
    p.window[SERVER] = 0;
    uint64_t rst = play_send(&p, SERVER, RST | ACK, 0, LA_CAUSE_RST_REFUSED);
    play_at(&p, 40000);
    play_arrive(&p, rst);
    play_state(&p, CLIENT, LA_TCP_EV_RCV_RST, rst);
    play_error(&p, CLIENT, LA_ERR_CONNECTION_REFUSED, rst);
}

/* Nobody answers. */
static void
scene_syn_timeout(const struct la_trace *trace)
{
    struct play p;
    play_init(&p, trace, 49158);
    play_call(&p, CLIENT, LA_CALL_OPEN_ACTIVE);
    play_state(&p, CLIENT, LA_TCP_EV_OPEN_ACTIVE, 0);
    uint64_t syn = play_send(&p, CLIENT, SYN, 0, LA_CAUSE_OPEN);
    play_wire(&p, syn, LA_WIRE_DROPPED, LA_REASON_WIRE_LOST);
    for (unsigned i = 0; i < 3; i++) {
        play_at(&p, ((1 << (i + 1)) - 1) * 1000000);
        play_timer(&p, CLIENT, LA_TIMER_RETRANSMIT, 1000000u << i, 2000000u << i);
        syn = play_send_again(&p, CLIENT, SYN, 0, 0, LA_CAUSE_RETRANSMIT_RTO, (uint8_t)(i + 1));
        play_wire(&p, syn, LA_WIRE_DROPPED, LA_REASON_WIRE_BURST);
    }
    play_at(&p, 15000000);
    play_timer(&p, CLIENT, LA_TIMER_RETRANSMIT, 8000000, 0);
    play_state(&p, CLIENT, LA_TCP_EV_TIMEOUT_R2, 0);
    play_error(&p, CLIENT, LA_ERR_TIMED_OUT, 0);
}

/* ABORT while data is on its way to the aborting end. */
static void
scene_abort(const struct la_trace *trace)
{
    struct play p;
    play_init(&p, trace, 49159);
    play_handshake(&p);
    play_at(&p, 100000);
    uint64_t data = play_send(&p, SERVER, PSH | ACK, 100, LA_CAUSE_DATA);
    play_at(&p, 101000);
    play_call(&p, CLIENT, LA_CALL_ABORT);
    play_state(&p, CLIENT, LA_TCP_EV_ABORT, 0);
    uint64_t rst = play_send(&p, CLIENT, RST, 0, LA_CAUSE_RST_ABORT);
    play_at(&p, 120000);
    play_arrive(&p, data);
    play_drop(&p, CLIENT, LA_REASON_NO_CONNECTION, data);
    uint64_t rst2 = play_send_again(&p, CLIENT, RST, p.nxt[CLIENT], 0, LA_CAUSE_RST_REFUSED, 0);
    play_at(&p, 121000);
    play_arrive(&p, rst);
    play_state(&p, SERVER, LA_TCP_EV_RCV_RST, rst);
    play_error(&p, SERVER, LA_ERR_CONNECTION_RESET, rst);
    play_at(&p, 140000);
    play_arrive(&p, rst2);
    play_drop(&p, SERVER, LA_REASON_RST_TO_CLOSED, rst2);
}

/* The server's user does not read for a while. */
static void
scene_zero_window(const struct la_trace *trace)
{
    struct play p;
    play_init(&p, trace, 49160);
    play_handshake(&p);
    play_at(&p, 70000);
    uint64_t id = play_send(&p, CLIENT, PSH | ACK, PLAY_MSS, LA_CAUSE_DATA);
    play_at(&p, 90000);
    play_arrive(&p, id);
    play_window(&p, SERVER, true, 0, id);
    p.window[SERVER] = 0;
    id = play_send(&p, SERVER, ACK, 0, LA_CAUSE_ACK);
    play_at(&p, 110000);
    play_arrive(&p, id);
    play_window(&p, CLIENT, false, 0, id);
    for (unsigned i = 0; i < 2; i++) {
        play_at(&p, 310000 + i * 400000);
        play_timer(&p, CLIENT, LA_TIMER_PERSIST, 200000u << i, 400000u << i);
        id = play_send_again(&p, CLIENT, ACK, 1 + PLAY_MSS, 1, LA_CAUSE_WINDOW_PROBE, 0);
        play_at(&p, 330000 + i * 400000);
        play_arrive(&p, id);
        p.rcv[SERVER] = 1 + PLAY_MSS;
        play_drop(&p, SERVER, LA_REASON_ZERO_WINDOW_PROBE, id);
        id = play_send(&p, SERVER, ACK, 0, LA_CAUSE_ACK);
        play_at(&p, 350000 + i * 400000);
        play_arrive(&p, id);
    }
    play_at(&p, 900000);
    p.window[SERVER] = 65160;
    id = play_send(&p, SERVER, ACK, 0, LA_CAUSE_WINDOW_UPDATE);
    play_window(&p, SERVER, true, 65160, id);
    play_at(&p, 920000);
    play_arrive(&p, id);
    play_window(&p, CLIENT, false, 65160, id);
    play_at(&p, 930000);
    play_close(&p, CLIENT);
}

/* 2000 segments, one of them lost, an ACK for every other one. */
static void
scene_bulk(const struct la_trace *trace)
{
    struct play p;
    play_init(&p, trace, 49161);
    play_handshake(&p);
    uint64_t ack[64];
    unsigned acks_n = 0;
    for (unsigned i = 0; i < 2000; i++) {
        play_at(&p, 70000 + i * 600);
        uint64_t id = play_send(&p, CLIENT, ACK, PLAY_MSS, LA_CAUSE_DATA);
        if (i == 1200) {
            play_wire(&p, id, LA_WIRE_DROPPED, LA_REASON_WIRE_LOST);
            id = play_send_again(&p, CLIENT, ACK, p.nxt[CLIENT] - PLAY_MSS, PLAY_MSS,
                                 LA_CAUSE_RETRANSMIT_SACK, 1);
        }
        play_at(&p, 70300 + i * 600);
        play_arrive(&p, id);
        if (i % 2 == 1)
            ack[acks_n++] = play_send(&p, SERVER, ACK, 0, LA_CAUSE_ACK);
        if (acks_n == 32 || i == 1999) {
            for (unsigned k = 0; k < acks_n; k++)
                play_arrive(&p, ack[k]);
            acks_n = 0;
        }
    }
    play_at(&p, 1300000);
    play_close(&p, CLIENT);
}

/* Two connections at once, the second one damaged on its way. */
static void
scene_interleaved(const struct la_trace *trace)
{
    struct play a, b;
    play_init(&a, trace, 49170);
    play_init(&b, trace, 49171);
    play_handshake(&a);
    play_at(&b, 60000);
    play_handshake(&b);
    play_at(&a, 121000);
    uint64_t id_a = play_send(&a, CLIENT, PSH | ACK, 100, LA_CAUSE_DATA);
    play_at(&b, 122000);
    uint64_t id_b = play_send(&b, CLIENT, PSH | ACK, 200, LA_CAUSE_DATA);
    play_wire(&b, id_b, LA_WIRE_CORRUPTED, LA_REASON_WIRE_CORRUPTED);
    play_at(&a, 141000);
    play_arrive(&a, id_a);
    id_a = play_send(&a, SERVER, PSH | ACK, 300, LA_CAUSE_DATA);
    play_at(&b, 142000);
    play_wire(&b, id_b, LA_WIRE_DELIVERED, LA_REASON_NONE);
    play_drop(&b, SERVER, LA_REASON_TCP_CHECKSUM, id_b);
    play_at(&a, 161000);
    play_arrive(&a, id_a);
    play_at(&b, 322000);
    play_timer(&b, CLIENT, LA_TIMER_RETRANSMIT, 200000, 400000);
    id_b = play_send_again(&b, CLIENT, PSH | ACK, 1, 200, LA_CAUSE_RETRANSMIT_RTO, 1);
    play_at(&b, 342000);
    play_arrive(&b, id_b);
    id_b = play_send(&b, SERVER, PSH | ACK, 400, LA_CAUSE_DATA);
    play_at(&b, 362000);
    play_arrive(&b, id_b);
    play_at(&a, 400000);
    play_close(&a, CLIENT);
    play_at(&b, a.now_us + 1000);
    play_close(&b, SERVER);
}

/* What an analyser tells about a capture: each segment once, states as they are inferred. */
static void
scene_tap(const struct la_trace *trace)
{
    struct play p;
    play_init(&p, trace, 49180);
    p.state[CLIENT] = p.state[SERVER] = 0;
    uint64_t id = play_send(&p, CLIENT, SYN, 0, LA_CAUSE_NONE);
    p.state[CLIENT] = LA_TCP_CLOSED;
    play_state(&p, CLIENT, LA_TCP_EV_OPEN_ACTIVE, id);
    play_at(&p, 31000);
    p.rcv[SERVER] = 1;
    p.state[SERVER] = LA_TCP_LISTEN;
    id = play_send(&p, SERVER, SYN | ACK, 0, LA_CAUSE_NONE);
    play_state(&p, SERVER, LA_TCP_EV_RCV_SYN, id);
    play_at(&p, 31100);
    p.rcv[CLIENT] = 1;
    id = play_send(&p, CLIENT, ACK, 0, LA_CAUSE_NONE);
    play_state(&p, CLIENT, LA_TCP_EV_RCV_SYN_ACK, id);
    play_at(&p, 32000);
    id = play_send(&p, CLIENT, PSH | ACK, 78, LA_CAUSE_NONE);
    play_at(&p, 250000);
    id = play_send_again(&p, CLIENT, PSH | ACK, 1, 78, LA_CAUSE_RETRANSMIT_RTO, 1);
    play_at(&p, 281000);
    p.rcv[SERVER] = 79;
    id = play_send(&p, SERVER, PSH | ACK, 612, LA_CAUSE_NONE);
    play_state(&p, SERVER, LA_TCP_EV_ACK_OF_SYN, id);
    play_at(&p, 282000);
    p.rcv[CLIENT] = 613;
    id = play_send(&p, CLIENT, RST | ACK, 0, LA_CAUSE_RST_ABORT);
    play_state(&p, CLIENT, LA_TCP_EV_ABORT, id);
}

const struct scene scenes[] = {
    {"simple", scene_simple},
    {"rto", scene_rto},
    {"fast_retransmit", scene_fast_retransmit},
    {"close_merged", scene_close_merged},
    {"close_simultaneous", scene_close_simultaneous},
    {"refused", scene_refused},
    {"syn_timeout", scene_syn_timeout},
    {"abort", scene_abort},
    {"zero_window", scene_zero_window},
    {"bulk", scene_bulk},
    {"interleaved", scene_interleaved},
    {"tap", scene_tap},
};
const unsigned scenes_n = sizeof(scenes) / sizeof(scenes[0]);
