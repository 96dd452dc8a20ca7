/* SPDX-License-Identifier: MIT
 *
 * counts.h - what is counted of a connection, in records of their own (tally.h)
 */
#ifndef LA_TCP_COUNTS_H
#define LA_TCP_COUNTS_H

#include <stdbool.h>

#include "base/seq.h"

/* What a connection counts that not every one has to: losses, and what has been moved beyond 2^32
 * octets. */
struct la_tcp_tally {
    uint64_t bytes_retransmitted;
    uint32_t retransmissions_n, rto_n, fast_retransmits_n, duplicate_acks_n;
    uint32_t acked_wraps_n, received_wraps_n; /* of 2^32 octets; la_tcp_bytes_acked() */
};

/* RFC 9768 3.2: packets that came as CE, and octets of text by the mark they came with. */
struct la_tcp_marks {
    uint32_t cep, ceb, e0b, e1b;
};

/* What accurate ECN counts, and the tally of its connection (accecn.h). */
struct la_tcp_accecn {
    struct la_tcp_tally tally;
    struct la_tcp_marks r, s; /* what we have received; what of ours the peer has, as it says */
    uint32_t told_cep;        /* r.cep in the latest acknowledgement that was sent */
    struct la_tcp_marks told; /* the octets in the latest options that were */
    la_seq round_end;         /* until `unmarked`: of the round trip */
    uint32_t heeded_ts;       /* timestamp of the latest feedback that was heeded */
    uint16_t acked_8n;        /* segments that an acknowledgement is about: average, in eighths */
    bool answers;       /* a SYN,ACK came: the next bare acknowledgement says what marked it */
    bool answered;      /* something was sent since: not said again when it was heard */
    bool of_acks;       /* the next acknowledgement is due to marks on acknowledgements alone */
    bool answer_marked; /* one of them came as CE, and was counted */
    bool reacts;        /* our SYN or SYN,ACK was marked: the window is reduced once it is open */
    bool came_marked;   /* the packet before came as CE */
    uint8_t rounds_n;   /* round trips of which all text was marked, from the first on */
    bool unmarked;      /* some was not */
    bool text_acked;    /* text of ours was, by more than the SYN,ACK */
    bool heard;         /* the first feedback behind the handshake was looked at */
    bool deaf;          /* the field came as zero where it cannot be: no feedback is heeded */
    bool option_seen;   /* an option came */
    bool option_zeroed; /* with zeros where there can be none: they are not looked at */
    bool option_stuck;  /* ours do not arrive: none is sent */
    bool option_ack, option_text; /* the next bare acknowledgement, or text, has one */
    bool text_told;     /* text was sent with one */
};

#endif
