/* SPDX-License-Identifier: MIT
 *
 * cc_state.h - what congestion controls are told, and what they keep (congestion.h)
 */
#ifndef LA_TCP_CC_STATE_H
#define LA_TCP_CC_STATE_H

#include <stdbool.h>

#include "base/seq.h"
#include "base/time.h"
#include "tcp/bbr_state.h"

/* A rate sample: how fast the path has delivered (draft-ietf-ccwg-bbr 4.1). */
struct la_cc_rate {
    uint64_t rate;            /* RS.delivery_rate, octets/s; 0 = the sample is not reliable */
    uint32_t delivered_bytes; /* RS.delivered: since the newest of what has arrived was sent */
    uint32_t prior_delivered; /* RS.prior_delivered, modulo 2^32 */
    uint32_t lost_bytes;      /* RS.lost: since then */
    uint32_t flight_bytes;    /* RS.tx_in_flight: when that was sent */
    uint32_t rtt_us;          /* RS.rtt, of the same; 0 = unknown */
    bool app_limited;         /* RS.is_app_limited */
};

/* An acknowledgement, as congestion controls see it. */
struct la_cc_ack {
    la_instant now;
    uint32_t acked_bytes;     /* SND.UNA has moved over so many octets of text */
    uint32_t delivered_bytes; /* acknowledged or SACKed for the first time */
    uint32_t lost_bytes;      /* found lost since the acknowledgement before */
    uint32_t flight_bytes;    /* in the network before it arrived (la_tcp_pipe()) */
    uint32_t rtt_us;          /* measured by it; 0 = nothing was */
    uint32_t limit_bytes;     /* what it may add in slow start (RFC 3465's L) */
    bool recovers;            /* it arrived during fast recovery */
    bool undone;              /* it told that the recovery was for nothing */
    bool limited;             /* cwnd, not the sender, had limited what was in flight */
    bool ece;                 /* it echoes a mark of congestion (RFC 3168) */
    bool paced;               /* what it acknowledges had been spaced by the sender */
    const struct la_cc_rate *rate; /* NULL: none */
};

/* RFC 9406; hystart.h. */
struct la_hystart {
    la_seq window_end;
    uint32_t last_round_us, current_round_us; /* shortest round trips; 0 = none */
    uint32_t css_baseline_us;                 /* 0 = not in conservative slow start */
    la_instant round_at, train_at; /* the round began; the last of its train of acknowledgements */
    uint8_t samples_n, css_rounds_n;
    bool round_on;
};

/* What a spurious reduction has changed (RFC 9438 4.9.2). */
struct la_cubic_before {
    la_instant epoch_at;
    uint32_t w_max_bytes, k_ms, w_est_bytes, cwnd_bytes, cwnd_prior_bytes;
    bool on;
};

/* Of one control, while something is in flight; begins as zeros. */
union la_cc_state {
    struct la_cc_reno {
        uint32_t acked_bytes; /* congestion avoidance: acknowledged since the last growth */
    } reno;
    struct la_cc_cubic {
        bool on;                     /* an epoch of congestion avoidance has begun */
        uint32_t w_max_bytes;        /* 0 = not known */
        uint32_t k_ms;
        uint32_t w_est_bytes;
        uint32_t cwnd_prior_bytes;
        uint32_t rest;               /* of growth: less than an octet, in parts of cwnd */
        uint64_t reno_acked;         /* of W_est: less than a segment, in parts of 17 * cwnd */
        la_instant epoch_at;         /* t_epoch, moved on by the time that does not count */
        la_instant grown_at;         /* t counts up to here */
        struct la_hystart hystart;
        struct la_cubic_before before;
    } cubic;
    struct la_cc_bbr bbr;
};

#endif
