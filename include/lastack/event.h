/* SPDX-License-Identifier: MIT
 *
 * lastack/event.h - one story: the event stream of stacks, wires and the analyser
 *
 * Plain data without strings: views (ladder, JSON, capture comments, counters) turn it into words.
 * A sink is called synchronously, must not call back into the instance, and may keep nothing that
 * the event points to (it points to nothing).
 *
 * For one arriving segment the order is: SEGMENT_ARRIVED, then what it caused (STATE, RTT, DROP,
 * CONGESTION, …), all with the segment's id. For a sent one: the cause (TIMER, CALL), then
 * SEGMENT_SENT.
 */
#ifndef LASTACK_EVENT_H
#define LASTACK_EVENT_H

#include <lastack/tcp.h>

LA_API_BEGIN

enum la_event_kind {
    LA_EVENT_SEGMENT_SENT,    /* .segment */
    LA_EVENT_SEGMENT_ARRIVED, /* .segment; before it is processed */
    LA_EVENT_WIRE,            /* .wire: what the wire did to a segment */
    LA_EVENT_STATE,           /* .state */
    LA_EVENT_DROP,            /* .drop: a reason applies to the segment just seen */
    LA_EVENT_TIMER,           /* .timer: a timer expired */
    LA_EVENT_RTT,             /* .rtt */
    LA_EVENT_CONGESTION,      /* .congestion */
    LA_EVENT_WINDOW,          /* .window: zero window seen or offered, opened again */
    LA_EVENT_CALL,            /* .call: the user called */
    LA_EVENT_NEGOTIATED,      /* .negotiated: what the handshake agreed, once, at ESTABLISHED */
    LA_EVENT_ERROR,           /* .error: the connection ended with an error, or a soft one */
    LA_EVENT_URGENT,          /* .urgent: the peer's urgent pointer appeared, or advanced */
    LA_EVENT_ECN,             /* .ecn: congestion was marked, and what followed (RFC 3168) */
    LA_EVENT_LOSS,            /* .loss: a rule found a loss, or found that there was none */
    LA_EVENT_KIND_COUNT
};
#define LA_EVENT_BIT(kind) (UINT32_C(1) << (kind))
#define LA_EVENT_ALL ((UINT32_C(1) << LA_EVENT_KIND_COUNT) - 1)

/* Why a segment was sent (several may apply; the first one in this order is named). */
enum la_cause {
    LA_CAUSE_NONE = 0,
    LA_CAUSE_OPEN,               /* SYN, or SYN,ACK */
    LA_CAUSE_DATA,               /* new data */
    LA_CAUSE_FIN,                /* the FIN, first time */
    LA_CAUSE_ACK,                /* acknowledgement that was due at once */
    LA_CAUSE_ACK_DELAYED,        /* the delayed-ACK timer expired */
    LA_CAUSE_ACK_DUPLICATE,      /* out-of-order or duplicate data was received */
    LA_CAUSE_ACK_CHALLENGE,      /* RFC 5961 */
    LA_CAUSE_WINDOW_UPDATE,
    LA_CAUSE_RETRANSMIT_RTO,     /* retransmission timeout (RFC 6298) */
    LA_CAUSE_RETRANSMIT_FAST,    /* third duplicate ACK (RFC 5681 3.2) */
    LA_CAUSE_RETRANSMIT_PARTIAL, /* partial ACK during recovery (RFC 6582) */
    LA_CAUSE_RETRANSMIT_SACK,    /* a hole between SACK blocks (RFC 6675) */
    LA_CAUSE_RETRANSMIT_RACK,    /* RFC 8985 */
    LA_CAUSE_RETRANSMIT_SYN_TEXT,/* it went with the SYN, which did not get it there (RFC 7413) */
    LA_CAUSE_RETRANSMIT_MTU,     /* it was larger than the path takes (RFC 1191, RFC 8201) */
    LA_CAUSE_TAIL_PROBE,         /* RFC 8985 7 */
    LA_CAUSE_MTU_PROBE,          /* new data: does the path take so much? (RFC 4821 7) */
    LA_CAUSE_WINDOW_PROBE,       /* zero-window probe */
    LA_CAUSE_KEEPALIVE,
    LA_CAUSE_RST_REFUSED,        /* no such connection or listener */
    LA_CAUSE_RST_ABORT,          /* ABORT, or closed with unread data */
    LA_CAUSE_RST_TIMEOUT,
    LA_CAUSE_COUNT
};

enum la_timer_kind {
    LA_TIMER_RETRANSMIT,
    LA_TIMER_PERSIST,
    LA_TIMER_DELAYED_ACK,
    LA_TIMER_KEEPALIVE,
    LA_TIMER_FIN_WAIT_2,
    LA_TIMER_TIME_WAIT,
    LA_TIMER_USER,
    LA_TIMER_REORDER, /* RFC 8985 6.2 step 5 */
    LA_TIMER_PROBE,   /* RFC 8985 7 */
    LA_TIMER_COUNT
};

enum la_call {
    LA_CALL_OPEN_ACTIVE,
    LA_CALL_OPEN_PASSIVE,
    LA_CALL_SEND,    /* .octets accepted */
    LA_CALL_RECEIVE, /* .octets taken */
    LA_CALL_CLOSE,
    LA_CALL_ABORT,
    LA_CALL_RELEASE, /* the handle was given up (BSD close()) */
    LA_CALL_SEND_URGENT, /* .octets accepted */
    LA_CALL_COUNT
};

/* A TCP segment as the ladder shows it. Numbers are absolute; lengths do not count SYN and FIN. */
struct la_event_segment {
    uint32_t seq, ack;
    uint32_t len;         /* payload octets */
    uint32_t window;      /* after scaling, where the scale is known */
    uint16_t window_raw;
    uint16_t flags;       /* LA_TCP_FIN … LA_TCP_AE */
    uint8_t cause;        /* enum la_cause; 0 when not known (arrived segments) */
    uint8_t retransmit_n; /* how many times this has been sent before, 0 = first time */
    uint8_t sack_n;       /* blocks in sack[] */
    uint8_t wscale;       /* 255 = absent */
    uint8_t has;          /* LA_SEG_HAS_* */
    uint8_t ecn;          /* IP's ECN field: enum la_ip_ecn */
    uint16_t mss;
    uint16_t urgent;
    uint32_t ts_val, ts_ecr;
    struct {
        uint32_t left, right;
    } sack[4];
    uint8_t marks_n;      /* option of accurate ECN (RFC 9768): 1 and its fields; 0 = absent */
    uint8_t marks_order;  /* 0: octets that came as ECT(0), CE, ECT(1); 1: the other way round */
    uint32_t marks[3];    /* their low 24 bits */
};
enum {
    LA_SEG_HAS_MSS = 1,
    LA_SEG_HAS_TS = 2,
    LA_SEG_HAS_SACK_PERMITTED = 4,
    LA_SEG_HAS_DSACK = 8,   /* sack[0] reports a duplicate (RFC 2883) */
    LA_SEG_HAS_UNKNOWN = 16,/* an option of a kind not known here */
    LA_SEG_FILLS_WINDOW = 32,/* sent: its text ends where the peer's window does */
    LA_SEG_HAS_FAST_OPEN = 64, /* RFC 7413: a cookie, or the wish for one */
    LA_SEG_STRANGE = 128    /* the analyser: its numbers are not of this connection */
};

enum la_wire_fate {
    LA_WIRE_DELIVERED = 1, /* handed to the far end, at event.at */
    LA_WIRE_DROPPED,       /* .reason says why; at event.at it is gone */
    LA_WIRE_CORRUPTED,     /* will be delivered changed */
    LA_WIRE_DUPLICATED,    /* a second copy is under way */
    LA_WIRE_REORDERED,     /* held back so that later ones overtake it */
    LA_WIRE_MARKED         /* its queue is long: CE in the IP header */
};

enum la_ecn_step {
    LA_ECN_SYN_PLAIN = 1, /* a SYN was not answered: it goes again without ECN */
    LA_ECN_MARK_SEEN,     /* text came marked (CE): acknowledgements say ECE from here on */
    LA_ECN_REDUCED,       /* ECE came: the window was reduced */
    LA_ECN_ECHO_ENDS,     /* CWR came: no ECE any more */
    LA_ECN_COUNTED,       /* accurate ECN: marked text came behind what was not: told at once */
    LA_ECN_MANGLED,       /* a SYN's ECN field was changed on its way: nothing is sent as ECT */
    LA_ECN_ZEROED,        /* accurate ECN: its field came as zero: nothing is sent as ECT */
    LA_ECN_ALL_MARKED,    /* accurate ECN: all text of several round trips came marked: the same */
    LA_ECN_STEP_END
};

enum la_loss_rule {
    LA_LOSS_DUP_ACKS = 1,    /* RFC 5681 3.2: the third duplicate acknowledgement */
    LA_LOSS_SACK,            /* RFC 6675: enough is SACKed above it */
    LA_LOSS_RACK,            /* RFC 8985 6: sent before what has arrived */
    LA_LOSS_PROBE_REPAIRED,  /* RFC 8985 7.4: a tail loss probe has repaired it */
    LA_LOSS_UNDONE_EIFEL,    /* RFC 3522: by the timestamp the original had arrived */
    LA_LOSS_UNDONE_DSACK,    /* RFC 2883: all that was sent again is reported as duplicate */
    LA_LOSS_UNDONE_FRTO,     /* RFC 5682 */
    /* About the size of segments; .mss is what it is now. */
    LA_LOSS_MTU_TOLD,        /* RFC 1191, RFC 8201: a router could not pass a segment on */
    LA_LOSS_MTU_KNOWN,       /* an earlier connection was told that */
    LA_LOSS_MTU_BLACK_HOLE,  /* RFC 4821 7.7: timeouts in a row; perhaps nobody tells */
    LA_LOSS_MTU_PROBE_LOST,  /* RFC 4821 7.6.2: the path takes less than the probe had */
    LA_LOSS_MTU_PROBED,      /* RFC 4821 7.6.1: it takes that much */
    LA_LOSS_RULE_END
};

struct la_event {
    la_instant at;
    uint8_t kind;       /* enum la_event_kind */
    uint8_t end;        /* the stack's cfg.end_id; wires: the end that sent the segment */
    uint64_t conn;      /* handle at that end, 0 = none (closed port, wire) */
    uint64_t segment_id;/* joins SENT, WIRE and ARRIVED; 0 = none */
    struct la_endpoint local, remote; /* seen from `end` */
    union {
        struct la_event_segment segment;
        struct {
            uint8_t fate;    /* enum la_wire_fate */
            uint8_t copy_n;  /* 0 = the original, 1 = the duplicate */
            uint16_t reason; /* enum la_reason */
        } wire;
        struct {
            uint8_t from, to, event; /* la_tcp_state, la_tcp_state, la_tcp_event */
        } state;
        struct {
            uint16_t reason; /* enum la_reason */
        } drop;
        struct {
            uint8_t timer;       /* enum la_timer_kind */
            uint8_t backoff_n;   /* expirations in a row, 1 = first */
            uint32_t after_us;   /* how long it had been running */
            uint32_t next_us;    /* the next interval, 0 = none */
        } timer;
        struct {
            uint32_t sample_us, srtt_us, rttvar_us, rto_us;
        } rtt;
        struct {
            uint32_t cwnd_bytes, ssthresh_bytes, flight_bytes;
            uint64_t pacing_rate; /* octets/s; 0 = not paced by the congestion control */
            uint8_t phase;        /* enum la_cc_phase */
            uint8_t why;          /* enum la_cc_why */
        } congestion;
        struct {
            uint32_t window;
            bool ours; /* we offer it; otherwise the peer does */
        } window;
        struct {
            uint8_t call; /* enum la_call */
            uint64_t octets;
        } call;
        struct {
            uint16_t mss_send, mss_receive;
            uint8_t wscale_send, wscale_receive; /* 255 = no scaling */
            bool timestamps, sack, ecn;
            bool passive; /* this end listened */
            bool accurate_ecn; /* RFC 9768 */
        } negotiated;
        struct {
            la_err err;
            bool soft;
        } error;
        struct {
            uint32_t pointer;      /* RCV.UP: the octet behind the urgent data */
            uint32_t unread_bytes; /* up to there, arrived or not */
        } urgent;
        struct {
            uint8_t step; /* enum la_ecn_step */
            uint32_t cwnd_bytes, ssthresh_bytes;
            uint32_t marks_n; /* accurate ECN: so many packets more were marked; else 0 */
        } ecn;
        struct {
            uint8_t rule;      /* enum la_loss_rule */
            uint32_t after_us; /* RACK: since what was sent later was acknowledged */
            uint16_t mss;      /* MTU_…: octets of text that a segment holds from here on */
        } loss;
    } u;
};

enum la_cc_phase {
    LA_CC_SLOW_START,
    LA_CC_AVOIDANCE,
    LA_CC_RECOVERY, /* fast recovery */
    LA_CC_LOSS,     /* after a retransmission timeout */
    LA_CC_BBR_STARTUP, /* the states of BBR (draft-ietf-ccwg-bbr 5.1.1) */
    LA_CC_BBR_DRAIN,
    LA_CC_BBR_DOWN,    /* ProbeBW_DOWN */
    LA_CC_BBR_CRUISE,
    LA_CC_BBR_REFILL,
    LA_CC_BBR_UP,
    LA_CC_BBR_PROBE_RTT,
    LA_CC_PHASE_COUNT
};

/* What an event about congestion control tells besides the phase. */
enum la_cc_why {
    LA_CC_WHY_PHASE,      /* the phase has changed */
    LA_CC_WHY_CSS_BEGINS, /* HyStart++: the round trip grows (RFC 9406 4.2) */
    LA_CC_WHY_CSS_ENDS,   /* it has fallen again: slow start as before */
    LA_CC_WHY_RESTED,     /* nothing was sent for longer than an RTO (RFC 2861 3.1) */
    LA_CC_WHY_UNUSED,     /* the window was not used up for an RTO (RFC 2861 3.2) */
    LA_CC_WHY_COUNT
};

/* Stable names: "RETRANSMIT_RTO", and words: "retransmission timeout". Never NULL. */
const char *la_event_kind_name(enum la_event_kind kind);
const char *la_cause_name(enum la_cause cause);
const char *la_cause_text(enum la_cause cause);
const char *la_timer_name(enum la_timer_kind timer);
const char *la_call_name(enum la_call call);
const char *la_cc_phase_name(enum la_cc_phase phase);
const char *la_cc_why_name(enum la_cc_why why);
const char *la_wire_fate_name(enum la_wire_fate fate);
const char *la_ecn_step_name(enum la_ecn_step step);
const char *la_loss_rule_name(enum la_loss_rule rule);
const char *la_ip_ecn_name(enum la_ip_ecn ecn); /* "ECT(0)" */

/* Where events go. A zeroed trace hears nothing. */
struct la_trace {
    void (*sink)(void *ctx, const struct la_event *event);
    void *ctx;
    uint32_t mask; /* LA_EVENT_BIT(kind) | … */
};

LA_API_END

#endif
