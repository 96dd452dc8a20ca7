/* SPDX-License-Identifier: MIT
 *
 * play.h - a tiny stage: two ends and a wire that say what they are told to say
 *
 * Events come out in the order and with the fields of lastack/event.h; sequence numbers, states
 * and ids are kept, everything else is written down by the scene. Times are microseconds.
 */
#ifndef LA_TESTS_STORY_PLAY_H
#define LA_TESTS_STORY_PLAY_H

#include <lastack/story.h>

enum { CLIENT = 0, SERVER = 1, PLAY_SENT_N_MAX = 4096, PLAY_MSS = 1460 };
enum {
    SYN = LA_TCP_SYN,
    FIN = LA_TCP_FIN,
    RST = LA_TCP_RST,
    PSH = LA_TCP_PSH,
    ACK = LA_TCP_ACK
};

struct play {
    struct la_trace trace;
    int64_t now_us;
    int64_t delay_us; /* one way */
    struct la_endpoint endpoint[2];
    uint32_t iss[2];
    uint32_t nxt[2];   /* relative: the next number to be sent */
    uint32_t rcv[2];   /* relative: what that end acknowledges */
    uint32_t window[2];
    uint8_t state[2];
    uint8_t timer[2], backoff_n[2]; /* the last one, how often in a row */
    uint64_t id_next;
    struct la_event sent[PLAY_SENT_N_MAX]; /* by id, in a ring */
};

void play_init(struct play *play, const struct la_trace *trace, uint16_t client_port);
void play_at(struct play *play, int64_t us);
/* New sequence space: advances what the end has sent. Returns the segment's id. */
uint64_t play_send(struct play *play, int end, uint16_t flags, uint32_t len, enum la_cause cause);
/* The same number once more. */
uint64_t play_send_again(struct play *play, int end, uint16_t flags, uint32_t seq, uint32_t len,
                         enum la_cause cause, uint8_t again_n);
/* An ACK with one SACK block (relative numbers). */
uint64_t play_send_sack(struct play *play, int end, uint32_t left, uint32_t right, uint8_t has);
/* It reaches the other end now, which then acknowledges up to its end if it was next. */
void play_arrive(struct play *play, uint64_t id);
void play_wire(struct play *play, uint64_t id, enum la_wire_fate fate, enum la_reason reason);
/* The edge of the figure; id 0: caused by a call or a timer. */
void play_state(struct play *play, int end, enum la_tcp_event event, uint64_t id);
void play_call(struct play *play, int end, enum la_call call);
void play_timer(struct play *play, int end, enum la_timer_kind timer, uint32_t after_us,
                uint32_t next_us);
void play_rtt(struct play *play, int end, uint32_t sample_us, uint64_t id);
void play_drop(struct play *play, int end, enum la_reason reason, uint64_t id);
void play_window(struct play *play, int end, bool ours, uint32_t window, uint64_t id);
void play_congestion(struct play *play, int end, enum la_cc_phase phase, uint32_t cwnd_bytes,
                     uint64_t id);
void play_negotiated(struct play *play, int end, uint64_t id);
void play_error(struct play *play, int end, la_err err, uint64_t id);
/* OPEN to ESTABLISHED at both ends, from now on; the clock ends when the server is up. */
void play_handshake(struct play *play);
/* FIN, ACK, FIN, ACK by `end`, and 2 MSL. */
void play_close(struct play *play, int end);

/* ---- scenes.c: whole connections -------------------------------------------------------- */

struct scene {
    const char *name;
    void (*run)(const struct la_trace *trace);
};
extern const struct scene scenes[];
extern const unsigned scenes_n;

#endif
