/* SPDX-License-Identifier: MIT
 *
 * lastack/explain.h - the analyser: packets in, connections and what happened to them out
 *
 * Read first: docs/explain.md, which says how it reasons and what a certainty means.
 *
 * It watches from one point, the tap. Ends are 0, the client (who sent the first SYN; of a
 * connection whose beginning was not captured, the end with the higher port), and 1, the server. A
 * direction has the number of the end that sends. States are shown as sets of
 * 1 << enum la_tcp_state: one bit where the capture decides it.
 *
 * No system calls, clocks or globals: packets come with their times, memory through a struct la_mem
 * whose budget is the cap. What does not fit is ended early and counted (evicted_n).
 */
#ifndef LASTACK_EXPLAIN_H
#define LASTACK_EXPLAIN_H

#include <lastack/event.h>

LA_API_BEGIN

/* ---- vocabulary ------------------------------------------------------------------------- */

/* How sure the analyser is. */
enum la_certainty {
    LA_CERTAINTY_UNKNOWN,  /* the capture leaves it open */
    LA_CERTAINTY_INFERRED, /* the likely reading; another one is not excluded */
    LA_CERTAINTY_SEEN,     /* segments show it */
    LA_CERTAINTY_COUNT
};

enum { LA_END_CLIENT = 0, LA_END_SERVER = 1 };

/* Who did it. */
enum la_who {
    LA_WHO_NONE,   /* nobody: time-out, still open */
    LA_WHO_CLIENT, /* 1 + end */
    LA_WHO_SERVER,
    LA_WHO_BOTH,
    LA_WHO_THIRD,  /* neither end: injected, or a box on the path */
    LA_WHO_UNKNOWN,
    LA_WHO_COUNT
};

enum la_open_kind {
    LA_OPEN_MID_STREAM,   /* its beginning was not captured */
    LA_OPEN_THREE_WAY,    /* SYN, SYN,ACK, ACK (RFC 9293 3.5) */
    LA_OPEN_FAST_OPEN,    /* the same with accepted text in the SYN (RFC 7413) */
    LA_OPEN_SIMULTANEOUS, /* SYNs crossed (RFC 9293 3.5 figure 8) */
    LA_OPEN_SPLIT,        /* the SYN was answered by ACK and SYN, or SYN alone */
    LA_OPEN_HALF_OPEN,    /* SYN,ACK sent, never acknowledged */
    LA_OPEN_UNANSWERED,   /* no answer at all */
    LA_OPEN_REFUSED,      /* answered by RST */
    LA_OPEN_UNREACHABLE,  /* answered by an ICMP error */
    LA_OPEN_KIND_COUNT
};

enum la_close_kind {
    LA_CLOSE_OPEN,          /* not closed when the capture ends */
    LA_CLOSE_FOUR_SEGMENT,  /* FIN, ACK, FIN, ACK */
    LA_CLOSE_THREE_SEGMENT, /* FIN, FIN+ACK, ACK */
    LA_CLOSE_SIMULTANEOUS,  /* FINs crossed */
    LA_CLOSE_RESET,         /* RST without a FIN before */
    LA_CLOSE_FIN_THEN_RESET,
    LA_CLOSE_REFUSED,       /* RST to the SYN */
    LA_CLOSE_UNREACHABLE,   /* ICMP error to the SYN */
    LA_CLOSE_SYN_TIMEOUT,   /* SYNs without an answer */
    LA_CLOSE_TIMEOUT,       /* given up: retransmissions, keep-alives or probes without an answer */
    LA_CLOSE_HALF_OPEN,     /* the handshake, or one direction, was never finished */
    LA_CLOSE_KIND_COUNT
};

enum la_reset_cause {
    LA_RESET_NONE,            /* no RST */
    LA_RESET_UNKNOWN,
    LA_RESET_REFUSED,         /* nobody listens (RFC 9293 3.10.7.1) */
    LA_RESET_BACKLOG,         /* the accept queue was full */
    LA_RESET_UNREAD_DATA,     /* closed with received text unread (RFC 2525 2.17) */
    LA_RESET_LINGER_ABORT,    /* ABORT: SO_LINGER with time 0, or a program that died */
    LA_RESET_DATA_AFTER_CLOSE,/* something came for an end that had closed */
    LA_RESET_HALF_OPEN_PEER,  /* the end knows nothing of the connection: crashed, restarted */
    LA_RESET_TIMEOUT,         /* gave up waiting */
    LA_RESET_MIDDLEBOX,       /* made by a box on the path */
    LA_RESET_INJECTED,        /* forged: the end it speaks for goes on */
    LA_RESET_STRAY,           /* answer to a segment that fits no connection */
    LA_RESET_CAUSE_COUNT
};

/* Where the capture was taken. */
enum la_tap_place {
    LA_TAP_UNKNOWN,
    LA_TAP_CLIENT,
    LA_TAP_SERVER,
    LA_TAP_BETWEEN,
    LA_TAP_PLACE_COUNT
};

/* What kind of congestion control a sender has. */
enum la_congestion_family {
    LA_CONGESTION_UNKNOWN,
    LA_CONGESTION_RENO,  /* half of the window stays after a loss (RFC 5681 3.1) */
    LA_CONGESTION_CUBIC, /* seven tenths of it (RFC 9438 4.6) */
    LA_CONGESTION_BBR,   /* all of it, and dips that measure the round trip */
    LA_CONGESTION_FAMILY_COUNT
};

/* What was noticed: finding.def. */
enum la_finding {
#define FINDING(name, requirement, section, text) LA_FINDING_##name,
#include <lastack/finding.def>
#undef FINDING
    LA_FINDING_COUNT
};

/* Stable names: "three-way", "fin-then-reset", "unread-data", "near-client". Never NULL. */
const char *la_certainty_name(enum la_certainty certainty);
const char *la_who_name(enum la_who who);
const char *la_open_kind_name(enum la_open_kind kind);
const char *la_close_kind_name(enum la_close_kind kind);
const char *la_reset_cause_name(enum la_reset_cause cause);
const char *la_tap_place_name(enum la_tap_place place);
const char *la_congestion_family_name(enum la_congestion_family family);
const char *la_finding_name(enum la_finding finding);
/* The requirement's id in docs/requirements.tsv that is broken; "" for what breaks none. */
const char *la_finding_requirement(enum la_finding finding);
/* "RFC 9293 3.10.7.4 second", or "heuristic: ..." */
const char *la_finding_section(enum la_finding finding);

/* ---- one connection --------------------------------------------------------------------- */

/* A change of state of one end. From and to are sets: more than one bit where undecided. */
struct la_explain_transition {
    uint8_t end;
    uint8_t event;          /* enum la_tcp_event */
    uint8_t certainty;      /* enum la_certainty */
    uint16_t from, to;
    const char *section;    /* of the edge */
    uint64_t frame;         /* the segment that caused it, or that shows it; 0: none */
    la_instant earliest, latest; /* at the end itself, by the capture's clock; NEVER: not known */
};

enum { LA_FINDING_FRAMES_MAX = 4, LA_FINDING_VALUES_MAX = 3 };

struct la_explain_finding {
    uint16_t id;        /* enum la_finding */
    uint8_t certainty;  /* enum la_certainty */
    uint8_t who;        /* enum la_who: whom it is about */
    uint32_t n;         /* how often; frames are those of the first ones */
    uint8_t frames_n;
    uint64_t frames[LA_FINDING_FRAMES_MAX];
    int64_t values[LA_FINDING_VALUES_MAX]; /* what {0}, {1}, {2} of its text stand for */
};

/* The finding as one sentence without a full stop. Cut to n octets with its zero octet. */
char *la_explain_finding_text(const struct la_explain_finding *finding, char *out, size_t n);

enum la_explain_option {
    LA_EXPLAIN_HAS_MSS = 1,
    LA_EXPLAIN_HAS_WSCALE = 2,
    LA_EXPLAIN_HAS_SACK_PERMITTED = 4,
    LA_EXPLAIN_HAS_TIMESTAMPS = 8,
    LA_EXPLAIN_HAS_ECN = 16,       /* ECE and CWR in the SYN, ECE in the SYN,ACK (RFC 3168 6.1.1) */
    LA_EXPLAIN_HAS_FAST_OPEN = 32, /* the option, a cookie or a request for one */
    LA_EXPLAIN_HAS_FAST_OPEN_COOKIE = 64,
    LA_EXPLAIN_HAS_MPTCP = 128,    /* MP_CAPABLE */
    LA_EXPLAIN_HAS_MPTCP_JOIN = 256,
    LA_EXPLAIN_HAS_AO = 512,
    LA_EXPLAIN_HAS_MD5 = 1024,
    LA_EXPLAIN_HAS_USER_TIMEOUT = 2048,
    LA_EXPLAIN_HAS_ACCURATE_ECN = 4096 /* AE as well, and a SYN,ACK that counts (RFC 9768 3.1) */
};

/* What an end's SYN said. */
struct la_explain_syn {
    bool seen;
    uint32_t isn;
    uint32_t options;    /* enum la_explain_option */
    uint16_t mss;
    uint16_t window;     /* never scaled (RFC 7323 2.2) */
    uint8_t wscale;
    uint32_t text_bytes; /* text in the SYN */
    uint32_t n;          /* copies of it that the end sent */
    uint64_t frame;
    la_instant at;
};

struct la_explain_open {
    uint8_t kind;        /* enum la_open_kind */
    bool complete;       /* both SYNs were captured, and acknowledged */
    uint32_t agreed;     /* enum la_explain_option: what both said */
    uint16_t mss[2];     /* what may be sent by each end: the other's MSS (RFC 9293 3.7.1) */
    int64_t rtt_us;      /* SYN to its answer, or the sum of both parts; -1: not known */
    int64_t rtt_part_us[2]; /* from the tap to that end and back; -1: not known */
    struct la_explain_syn syn[2];
};

/* What is known of the RST that ended it. */
struct la_explain_reset {
    uint8_t cause;       /* enum la_reset_cause */
    uint8_t by;          /* enum la_who */
    uint8_t certainty;   /* enum la_certainty */
    uint8_t or_cause;    /* enum la_reset_cause: as likely, where that is unknown; NONE: no other */
    uint32_t n[2];       /* RSTs that each end sent, or was made to seem to send */
    uint64_t frame;      /* the one that decided */
};

struct la_explain_close {
    uint8_t kind;        /* enum la_close_kind */
    uint8_t by;          /* enum la_who: whose FIN or RST came first */
    uint8_t certainty;   /* enum la_certainty */
    uint8_t segments_n;  /* 3 or 4 for FINs that went in order, else what there was */
    uint8_t half_close_by; /* enum la_who: whose FIN came while the other went on sending text */
    int64_t half_close_us; /* from that FIN to the other; -1: not known */
    struct la_explain_reset reset;
};

/* Why a segment went again, as far as can be told. total is the sum of all but spurious. */
struct la_explain_retransmissions {
    uint64_t total, rto, fast, tail_probe, syn, fin, unknown;
    uint64_t spurious; /* of them, what had arrived already */
};

struct la_explain_rtt {
    uint64_t samples_n;
    uint32_t min_us, median_us, p95_us, max_us;
};

/* What held a direction back, for how long. */
enum la_limit {
    LA_LIMIT_APPLICATION, /* nothing to send */
    LA_LIMIT_RECEIVER,    /* the offered window was full or closed */
    LA_LIMIT_SEND_BUFFER, /* the sender's buffer */
    LA_LIMIT_CONGESTION,  /* the congestion window */
    LA_LIMIT_PATH,        /* the rate of the path */
    LA_LIMIT_COUNT
};

/* A guess, and what it rests on. */
struct la_explain_congestion {
    uint8_t family;             /* enum la_congestion_family */
    uint8_t confidence_percent; /* 0 with LA_CONGESTION_UNKNOWN */
    uint8_t kept_percent;       /* what stayed in flight after a loss, median; 0: no loss tells */
    uint32_t losses_n, dips_n;  /* that tell something */
};

struct la_explain_direction {
    uint64_t segments, bytes, bytes_unique;
    uint64_t bytes_missing;       /* acknowledged and not captured */
    struct la_explain_retransmissions retransmissions;
    uint64_t keepalives, window_probes;
    uint64_t network_duplicates, capture_duplicates, reordered, capture_gaps;
    uint64_t ect, ce;             /* segments with text that passed as ECN-capable, and marked */
    uint64_t ce_reports;          /* its receiver told of marks: that often, or of so many packets
                                     with accurate ECN (RFC 9768) */
    uint64_t duplicate_acks, zero_windows;
    uint64_t zero_window_us;
    struct la_explain_rtt rtt;    /* from this direction's text to its acknowledgement */
    uint64_t limit_us[LA_LIMIT_COUNT];
    bool limits_told;             /* false: the tap is too far from the sender for limit_us */
    struct la_explain_congestion congestion;
    uint64_t flight_bytes_max;
    uint32_t window_max;
    uint32_t segment_bytes_max;   /* text of the largest segment */
    uint8_t ttl_hops;             /* of its first segment */
    uint16_t flags;               /* of all its segments together: lastack/wire.h */
    /* Text that passed, each octet once, in buckets from the connection's first_at on; NULL: not
     * asked for (cfg.throughput), or none passed. */
    const uint64_t *throughput;
    size_t throughput_n;
    uint64_t throughput_ms;       /* width of a bucket */
};

struct la_explain_conn {
    uint64_t id;                  /* the stream's number, from 0, in the order of appearance */
    struct la_endpoint at[2];
    uint32_t path_key;            /* tells tunnels apart; 0: none */
    uint64_t first_frame, last_frame;
    la_instant first_at, last_at;
    uint8_t tap;                  /* enum la_tap_place */
    uint8_t tap_certainty;
    bool evicted;                 /* ended early for lack of memory: what follows is missing */
    bool client_guessed;          /* no SYN was seen: which end is the client is a guess */
    struct la_explain_open open;
    struct la_explain_close close;
    uint16_t possible[2];         /* states that an end may be in now */
    uint16_t proven[2];           /* as of its last segment, or what reached it after that */
    uint8_t proven_certainty[2];
    struct la_explain_direction direction[2];
    const struct la_explain_transition *transitions;
    size_t transitions_n;
    const struct la_explain_finding *findings;
    size_t findings_n;
};

/* ---- the file --------------------------------------------------------------------------- */

/* How many connections were half-open at a listener from then on. */
struct la_explain_half_open {
    la_instant at;
    uint32_t n; /* the most, until the next sample */
};

enum { LA_EXPLAIN_SAMPLES_MAX = 64 };

/* An endpoint that SYNs were sent to, and what came of the connections that they began. Those still
 * watched are not counted. */
struct la_explain_listener {
    struct la_endpoint at;
    uint64_t syn_n;          /* connections begun */
    uint64_t synack_n, synack_again_n; /* answered; of them those whose answer went again */
    uint64_t complete_n, refused_n, unanswered_n;
    uint64_t unfinished_n;   /* answered, never acknowledged */
    uint64_t ignored_n;      /* their SYN or last ACK was ignored, copies included */
    uint64_t backlog_rst_n;  /* reset when the accept queue was full */
    uint64_t sources_n;      /* different addresses, estimated */
    uint32_t half_open_n_max;
    la_instant half_open_max_at, first_at, last_at;
    bool is_flooded, has_cookies, is_full; /* verdicts, after la_explain_finish() */
    bool is_scanned;         /* one of many ports that `scanner` has tried */
    struct la_addr scanner;
    const struct la_explain_half_open *samples;
    size_t samples_n;
};

enum { LA_EXPLAIN_TOLD_SERVERS_MAX = 8 }; /* findings of one kind, each about one server */

struct la_explain_file {
    uint64_t packets, segments, icmp_errors;
    uint64_t connections, live, evicted;
    uint64_t unwatched; /* segments for whose connection there was no memory */
    uint64_t copies;           /* packets that were there twice, and of those */
    uint64_t copies_elsewhere; /* those that another interface had captured */
    uint64_t times_back, bad_checksums, unfilled_checksums, above_mss, one_way;
    uint64_t changed_checksums; /* of the bad ones: while few others were right */
    uint64_t missing_bytes;    /* acknowledged, never captured; without those of one-way captures */
    la_instant first_at, last_at;
    const struct la_explain_finding *findings; /* artefacts and what concerns no one connection */
    size_t findings_n;
};

/* ---- the instance ----------------------------------------------------------------------- */

struct la_explain_cfg {
    uint64_t conns_n_max;      /* watched at one time; default 4 million */
    uint32_t closed_s;         /* ended ones wait for late segments; default 240 s (2 MSL), */
    uint32_t closed_packets;   /* and for how many packets of the capture at most; default 16384 */
    uint32_t idle_s;           /* a silent connection is ended after this; 0 (default): never */
    uint64_t seed;             /* of the hash that flows are found by */
    bool no_transitions;       /* connections are told without them, which costs less */
    bool throughput;           /* amounts over time, 1 KiB for each direction with text */
    struct la_trace trace;     /* hears what is told as it is understood: segments, states, RTT,
                                  congestion windows */
};

/* Fills in every default. */
void la_explain_cfg_init(struct la_explain_cfg *cfg);

struct la_explain;

/* NO_MEMORY. `mem` is referenced until la_explain_free(); its budget is the cap. */
la_err la_explain_new(const struct la_explain_cfg *cfg, struct la_mem *mem,
                      struct la_explain **out) LA_MUST_CHECK;
/* NULL is allowed. */
void la_explain_free(struct la_explain *explain);

/* One captured packet. */
struct la_explain_packet {
    struct la_bytes bytes; /* what was captured */
    uint32_t wire_bytes;   /* what the packet had */
    uint16_t link_type;    /* LINKTYPE_ number */
    uint32_t iface;        /* which interface of which file it came from */
    uint64_t frame;        /* its number in the capture, from 1, never falling */
    la_instant at;         /* may go back: captures do; before 1896 and after 2116 count as these */
};

/* Decodes and analyses; frees what la_explain_next() lent. */
void la_explain_packet(struct la_explain *explain, const struct la_explain_packet *packet);
/* The capture has ended: every connection that is left is ended. */
void la_explain_finish(struct la_explain *explain);
/* A connection that has ended, in the order of ending; what it points to is valid until the next
 * call on this object. False: none now. */
bool la_explain_next(struct la_explain *explain, struct la_explain_conn *out);
/* What may be said now of a connection that is being watched. */
struct la_explain_look {
    uint64_t id;
    uint8_t end_of_a;          /* which end the first endpoint is */
    uint16_t possible[2], proven[2];
    bool isn_known[2];
    uint32_t isn[2];
};

/* The connection between two endpoints, outside tunnels. False: none is watched. */
bool la_explain_look(const struct la_explain *explain, const struct la_endpoint *a,
                     const struct la_endpoint *b, struct la_explain_look *out);
/* What is known of the capture as a whole; complete after la_explain_finish(). */
void la_explain_file_get(struct la_explain *explain, struct la_explain_file *out);
/* Listeners, in the order of appearance. False: none behind idx. */
bool la_explain_listener_get(const struct la_explain *explain, size_t idx,
                             struct la_explain_listener *out);
LA_API_END

#endif
