/* SPDX-License-Identifier: MIT
 *
 * track.h - one connection as it is watched, and the instance around it
 *
 * Read first: docs/explain.md.
 *
 * A track belongs to one incarnation of a four-tuple. end[i] holds what end i has sent (so it is
 * also the direction i) and what may be said about its state. What most connections do not need is
 * behind a pointer or an index and taken on demand.
 *
 * flows.c finds, begins and ends tracks; segment.c takes a segment through the parts; numbers.c
 * places it among the sequence numbers; marks.c, arrivals.c, states.c and possible.c
 * follow the two ends along the figure; opening.c, closing.c and reset.c judge; result.c writes
 * what the caller gets.
 */
#ifndef LA_EXPLAIN_TRACK_H
#define LA_EXPLAIN_TRACK_H

#include <lastack/explain.h>

#include <string.h>

#include "base/addr.h"
#include "base/hash.h"
#include "base/index.h"
#include "base/mem.h"
#include "base/pool.h"
#include "base/seq.h"
#include "base/time.h"
#include "explain/decode.h"
#include "proto/tcp_accept.h"
#include "proto/tcp_fsm.h"

#define NONE UINT32_MAX

/* ---- what passed the tap on its way to an end ------------------------------------------- */

/* Each of them may have reached the end or not; until the end shows it, it waits
 * (arrivals.c). Their order is that in which ties are taken. */
enum la_mark {
    LA_MARK_SYN,        /* the peer's SYN, without ACK */
    LA_MARK_SYN_ACK,    /* the peer's SYN,ACK of this end's SYN */
    LA_MARK_ACK_OF_SYN, /* an ACK of this end's SYN, without SYN */
    LA_MARK_FIN,        /* the peer's FIN */
    LA_MARK_ACK_OF_FIN, /* an ACK of this end's FIN */
    LA_MARKS_N
};

struct la_marks {
    uint8_t waiting; /* 1 << enum la_mark: passed, not known to have reached the end */
    uint8_t taken;   /* the end has it */
    uint8_t unseen;  /* of those, what was not captured: it passed at at_ns or before */
    uint8_t again;   /* it had passed before at_ns, and was taken to be lost */
    uint32_t frame[LA_MARKS_N]; /* counted from the track's first one */
    int64_t at_ns[LA_MARKS_N];
};

/* ---- one end ---------------------------------------------------------------------------- */

enum la_end_flag {
    LA_END_SPOKE = 1,         /* it sent something: nxt is valid */
    LA_END_ACKED = 2,         /* it sent an ACK: ack is valid, and the peer's una */
    LA_END_SYN = 4,           /* it sent a SYN without ACK: iss is valid */
    LA_END_SYN_ACK = 8,       /* it sent a SYN with ACK: iss is valid */
    LA_END_FIN = 16,          /* it sent a FIN: fin_seq is valid */
    LA_END_FIN_ACKED = 32,    /* the peer acknowledged it */
    LA_END_SYN_ACKED = 64,
    LA_END_NEW_TEXT = 128,    /* new text after what was first captured: no FIN went before */
    LA_END_EDGE = 256,        /* edge is valid */
    LA_END_SCALE_KNOWN = 512, /* whether and how its windows are scaled */
    LA_END_RST = 1024,        /* it sent a RST, or was made to seem to */
    LA_END_FIN_WITH_TEXT = 2048,
    LA_END_FIN_ACKS_FIN = 4096, /* its first FIN acknowledged the peer's */
    LA_END_BARE_ACK_OF_FIN = 8192, /* it acknowledged the peer's FIN before it sent its own */
    LA_END_SYN_UNSEEN = 32768, /* its SYN was not captured, others show it */
    LA_END_TOOK_SYN_TEXT = 65536, /* its SYN,ACK acknowledges text in the SYN */
    LA_END_SYN_CUT = 131072,   /* of its SYN's options, some were not captured */
    LA_END_SYN_DAMAGED = 262144, /* its SYN's checksum is wrong */
    LA_END_TEXT_BEHIND_FIN = 524288, /* text that acknowledged its peer's FIN */
    LA_END_ANSWERED_COPY = 1048576, /* its SYN,ACK went again behind a copy of the SYN */
    LA_END_OFFERED_LESS = 2097152, /* with its first segment behind the SYN than with that */
    LA_END_ACK_OVER_FIN = 4194304, /* its first ACK of its peer's FIN stands behind a hole of one */
    LA_END_UNSTAMPED = 8388608, /* from the first on, its segments have no timestamps */
    LA_END_WENT_ON = 16384     /* after its RST it sent text: the RST was not its own */
};

enum la_repeat { LA_REPEAT_NONE, LA_REPEAT_SYN, LA_REPEAT_TEXT, LA_REPEAT_PROBE };

struct la_measure;

/* What every segment needs stands first: of most tracks, no more is in the caches. */
struct la_track_end {
    uint32_t flags;        /* enum la_end_flag */
    la_seq nxt;            /* behind the highest octet it sent, SYN and FIN counted */
    la_seq una;            /* highest acknowledgement of what it sent */
    la_seq edge;           /* how far the peer lets it send */
    la_seq ack;            /* highest acknowledgement that it sent */
    la_seq last_ack;       /* of its latest segment */
    uint32_t window;       /* as it last offered, scaled where the scale is known */
    uint32_t window_max;
    uint16_t window_raw;   /* of its latest segment */
    uint16_t possible, proven;
    uint16_t mss;
    uint8_t certainty;     /* enum la_certainty, of proven */
    uint8_t wscale;        /* that its own windows are shifted by, once agreed */
    uint32_t options;      /* enum la_explain_option, of its SYN */
    struct la_measure *measure; /* see measure.h; NULL: none yet */
    uint32_t segment_bytes_max;
    uint32_t part_us_min;  /* from the tap to this end and back; UINT32_MAX: not known */
    uint64_t segments_n, bytes, unique_bytes;
    int64_t last_at_ns;    /* its latest segment that is no RST */
    int64_t text_at_ns;    /* its latest new text */
    int64_t ts_at_ns;
    uint32_t ts_seen;      /* TSval of its latest segment, at ts_at_ns */
    uint32_t ts_val;       /* TSval of its latest new text or SYN */
    int64_t timed_at_ns;   /* when text up to timed_seq passed */
    la_seq timed_seq;
    bool timing;           /* timed_* are valid: an answer is awaited that gives part_us_min */
    bool window_closed;    /* the peer's window for it is zero */
    uint8_t repeats_n;     /* repetitions without an answer, see patience.c */
    uint8_t repeat;        /* enum la_repeat: of what */
    int64_t repeat_at_ns;
    uint32_t part_us_max;  /* the longest that it took, with a part_us_min */
    uint32_t recent[4];    /* fingerprints of its latest segments, see artefacts.c */
    uint32_t recent_at_us[4];
    uint8_t recent_iface[4];
    uint8_t recent_idx;
    uint16_t tcp_flags;    /* of all its segments together */
    uint8_t probes_n;      /* in a row, answered or not */
    uint8_t ttl_hops;      /* of its first segment */
    struct la_marks marks; /* towards this end; all but its first octets: */
    /* What only opening, closing, loss and repetition need. */
    la_seq iss;
    la_seq fin_seq;
    la_seq fin_ack;        /* that its first FIN acknowledged */
    uint16_t syn_window;
    uint8_t ttl_copy_hops; /* of copies of its segments, where a capture has them from elsewhere */
    uint8_t widened_by;    /* what had passed when `possible` was last closed, see possible.c */
    uint32_t syn_n;        /* copies of its SYN or SYN,ACK */
    uint32_t syn_frame;
    uint32_t syn_text_bytes;
    uint32_t rst_n;
    int64_t syn_at_ns, fin_at_ns;
    uint32_t fin_frame, fin_n;
    uint64_t bytes_at_fin; /* unique_bytes when the peer's FIN passed */
    int64_t repeat_pause_ns;
    la_seq missing_from, missing_to; /* the latest of what is missing */
    uint32_t copy_lag_us;  /* of the latest of its copies, behind the first one */
    uint32_t copies_n;     /* made by the capture or the network, see artefacts.c */
    uint64_t missing_bytes;/* acknowledged, never captured */
    la_seq largest_seq;    /* of the first segment with segment_bytes_max */
    uint32_t turn_us;      /* its timed text passed so long behind its peer's; 0: no turn */
    uint32_t turn_frame;   /* of that */
};

/* ---- what few connections need ---------------------------------------------------------- */

enum { LA_RSTS_N_MAX = 4 };

enum la_rst_evidence {
    LA_RST_ANSWERS = 1,         /* numbers of an answer to what the peer sent, 3.10.7.1 */
    LA_RST_OTHER_TTL = 2,       /* another TTL than the end's first segment */
    LA_RST_TEXT_AFTER_FIN = 4,  /* the end had sent its FIN, and text came after it */
    LA_RST_DUE = 8,             /* what it repeated was not answered, and was due again */
    LA_RST_HEARD_LAST = 16,     /* the latest text was its peer's */
    LA_RST_HEARD_LONG_AGO = 32,
    LA_RST_NEVER_SAID = 64,     /* it had sent no text at all */
    LA_RST_WINDOW_SHUT = 128,
    LA_RST_AFTER_RST = 256,     /* the peer had sent a RST */
    LA_RST_AFTER_FIN = 512,
    LA_RST_IN_OPENING = 1024,   /* the handshake was not complete */
    LA_RST_ONLY_SYNS = 2048,    /* it had sent nothing but SYNs */
    LA_RST_LONG_SILENT = 8192,  /* it had not sent anything for a while */
    LA_RST_AFTER_OWN_FIN = 16384,
    LA_RST_OTHER_WINDOW = 32768, /* without ACK, and a window far from the end's last one */
    LA_RST_TO_THIRD_ACK = 4096, /* it came at once when the handshake was complete */
    LA_RST_TEXT_ON_WAY = 65536, /* the peer's text was under way to it, */
    LA_RST_STREAM_ON_WAY = 262144, /* and more than one segment of it */
    LA_RST_FREED_ROOM = 131072, /* it offers more than the end's latest segment did, */
    LA_RST_LAY_THERE = 524288,  /* and no program had read that meanwhile */
    LA_RST_TOOK_AFTER_FIN = 2097152, /* it acknowledged text that came behind its own FIN */
    LA_RST_ACKS_FIN = 4194304,  /* it acknowledges its peer's FIN */
    LA_RST_ACKS_SYN = 8388608,  /* it acknowledges its peer's SYN,ACK */
    LA_RST_MORE_TO_ANSWER = 16777216, /* its peer had sent more behind the ACK of the handshake */
    LA_RST_HEARD_NONE = 1048576 /* its peer, whose segments were captured, never sent any text */
};

/* A RST as it passed, with what was known then. */
struct la_rst {
    int64_t at_ns;
    int64_t after_ns;          /* the end sent something else then, at the earliest */
    uint32_t frame;
    la_seq seq;
    uint32_t evidence;         /* enum la_rst_evidence */
    uint16_t flags;
    uint8_t from, ttl_hops;
    uint8_t place;             /* enum la_tcp_rst_kind */
};

/* The latest segment that was far from all numbers before it, see leap.c. */
struct la_leap {
    struct la_seen seen;
    uint64_t frame;
    int64_t at_ns;
    la_seq first_seq;          /* with so many in a row, of the first one of them */
    uint32_t segments_n;       /* 0: none waits */
    uint8_t from;
    bool is_taken;             /* it is being taken anew, */
    bool is_told;              /* and was told of before */
    bool has_syn_ack;          /* the server's latest one with another number, and its frame */
    la_seq syn_ack_seq;
    uint64_t syn_ack_frame;
};

struct la_track_rare {
    struct la_leap leap;
    struct la_rst rst[LA_RSTS_N_MAX];
    uint8_t rst_n;
    bool syn_waits;            /* a SYN with another number came into the connection, */
    bool answer_waits;         /* and a SYN,ACK of it: a new one begins if that is acknowledged */
    uint8_t syn_from;
    struct la_seen syn, answer;
    int64_t syn_at_ns, answer_at_ns;
    uint64_t syn_frame, answer_frame;
    struct la_seen_icmp icmp;  /* the first ICMP error about it */
    uint8_t icmp_about;        /* whose segment it quotes */
    uint64_t icmp_frame;
    int64_t icmp_at_ns;
    bool has_icmp;
};

/* A change of state, compact. */
struct la_step {
    int64_t earliest_ns, latest_ns;
    uint32_t frame;
    uint16_t from, to;
    uint8_t end, event, certainty;
};

enum { LA_STEPS_PER_BLOCK = 5 };

struct la_steps {
    uint32_t next; /* index of the next block */
    struct la_step step[LA_STEPS_PER_BLOCK];
};

struct la_found {
    uint32_t next;
    struct la_explain_finding finding;
};

enum { LA_FINDINGS_N_MAX = 32 };

/* ---- a connection ----------------------------------------------------------------------- */

struct la_flow_key {
    struct la_addr addr[2]; /* of the client, of the server */
    uint16_t port[2];
    uint32_t path_key;
};

enum { LA_TRACK_AGREED = 1 << 15 };
enum la_track_list { LA_LIST_LIVE, LA_LIST_OPENING, LA_LIST_CLOSED, LA_LIST_DONE, LA_LISTS_N };

struct la_track {
    uint64_t pool_link;       /* the pool's, while the record is free */
    struct la_flow_key key;
    uint32_t idx;             /* its own */
    uint8_t list;             /* enum la_track_list; LIVE has no order */
    bool is_used;             /* up to here it is looked at for each segment, to find it */
    uint32_t hash;
    uint32_t hash_next;
    struct la_track *list_prev, *list_next;
    bool client_guessed;
    bool handshake_seen;      /* a SYN was captured */
    uint16_t usual_has;       /* enum la_tcp_seg_has of most segments by what was agreed, and
                               * LA_TRACK_AGREED; 0: that is not known */
    bool complete;            /* both SYNs acknowledged */
    bool evicted;
    bool steps_lost;          /* no memory for a change of state */
    bool steps_open;          /* there are undecided ones */
    uint8_t closing;          /* enum la_close_kind as far as FINs tell; 0: none yet */
    uint8_t first_fin;        /* end; 2: none */
    uint8_t findings_n;
    uint64_t id;
    uint64_t first_frame, last_frame;
    int64_t first_at_ns, last_at_ns;
    int64_t listed_at_ns;     /* when it came into its list, */
    uint64_t listed_n;        /* with which packet of the capture */
    struct la_track_end end[2];
    uint32_t steps_first, steps_last, found_first, found_last;
    uint8_t steps_room;       /* of the last block */
    struct la_step *steps_end; /* with room: the next one stands there */
    uint32_t listener;        /* index of its listener; NONE */
    bool half_open;           /* counted there */
    struct la_track_rare *rare;
};

/* ---- a segment, placed ------------------------------------------------------------------ */

/* What numbers.c finds out; the parts behind it work on this and need not compare numbers again. */
struct la_placed {
    const struct la_seen *seen;
    int64_t at_ns;
    uint64_t frame;
    uint32_t iface;
    uint32_t at_us;          /* at_ns, by a clock of 32 bits */
    uint8_t from;            /* the end that sent it; 1 - from is the other */
    struct la_track_end *me, *peer; /* these ends, */
    struct la_measure *mine, *its;  /* and what is measured of their text; NULL: nothing yet */
    bool is_next;            /* without SYN or RST, and both its numbers are the next ones: */
    bool goes_on;            /* the same, and without FIN: nothing needs to be looked at twice */
    uint32_t new_bytes;      /* text beyond nxt */
    uint32_t old_bytes;      /* text before nxt: sent before, or late */
    uint32_t gap_bytes;      /* between nxt and its beginning: not captured, or not yet */
    uint32_t acked_bytes;    /* by which it advances the peer's una */
    uint32_t window;         /* scaled */
    uint32_t beyond_bytes;   /* of its new text, beyond what the peer had offered */
    uint32_t shrunk_bytes;   /* by which the right edge that it offers has moved left */
    bool is_copy;            /* the same packet again: nothing was sent */
    bool is_other;           /* other text than what passed under the same numbers */
    bool is_disbelieved;     /* its checksum is wrong, and it fits no connection */
    bool is_strange;         /* its numbers are far from the connection's: teaches nothing */
    bool acks_missing;       /* acknowledges what was not captured */
    bool is_inferred;        /* it did not pass: others show that it was sent */
    bool syn_first, fin_first; /* first SYN, first FIN of this end */
    bool syn_again;          /* a SYN or SYN,ACK that it had sent before */
    uint32_t missing_bytes;  /* what it acknowledges and was not captured, with acks_missing */
    int64_t rtt_us;          /* since the text that it acknowledges passed; -1: not timed */
    uint32_t filled_bytes;   /* of old_bytes: they had not passed before */
    uint8_t again_n;         /* so often the same had gone before, as far as is known */
    uint8_t cause;           /* and why (enum la_cause) */
};

/* ---- the instance ----------------------------------------------------------------------- */

struct la_list {
    struct la_track *first, *last;
    uint32_t n;
};

enum { LA_CLOSURES_SHIFT = 10, LA_RECENT_SHIFT = 12, LA_LISTENERS_SHIFT = 6 };
/* Beside 1 << enum la_mark: what passed on its way to an end. ANYTHING: the capture began later. */
enum { LA_PASSED_RST = 1 << LA_MARKS_N, LA_PASSED_ANYTHING = 1 << (LA_MARKS_N + 1) };

enum { LA_SOURCES_BITS = 2048 };

/* An endpoint that SYNs were sent to, see servers.c. */
struct la_server {
    uint64_t pool_link;
    struct la_endpoint at;
    struct la_addr client; /* the first one */
    uint32_t hash, hash_next;
    uint32_t half_open_n, half_open_n_max;
    int64_t half_open_max_at_ns, first_at_ns, last_at_ns, interval_ns;
    uint64_t syn_n, synack_n, synack_again_n, complete_n, refused_n, unanswered_n, unfinished_n;
    uint64_t forgotten_n, ignored_n, backlog_rst_n;
    uint64_t served_n;     /* complete, and neither ignored nor reset at once */
    bool one_client;       /* no other client was seen */
    bool is_counted, is_flooded, has_cookies, is_full, is_scanned;
    uint8_t samples_n;
    struct la_explain_half_open samples[LA_EXPLAIN_SAMPLES_MAX];
    uint64_t sources[LA_SOURCES_BITS / 64]; /* a bit for each client, by hash */
};

/* A client's address and its bit in la_server.sources. */
struct la_source {
    struct la_addr addr;
    uint16_t bit;
    bool is_known;
};

/* Results of possible.c's closure, direct mapped. */
struct la_closure {
    uint32_t events;
    uint16_t from, to;
};

struct la_explain {
    struct la_mem *mem;
    struct la_explain_cfg cfg;
    struct la_key key;
    struct la_decoder decoder;
    struct la_seen seen;           /* the packet at hand */
    struct la_pool tracks, steps, found, listeners, measures;
    struct la_index index, listener_index;
    uint32_t listener_recent[1 << LA_LISTENERS_SHIFT]; /* SYNs went there; NONE */
    struct la_source source_recent; /* the latest came from there */
    struct la_track *recent[1 << LA_RECENT_SHIFT]; /* that were found, see flows.c; or NULL */
    uint32_t sought_hash;          /* with was_sought: of what was looked for last, in vain */
    bool was_sought;
    struct la_list lists[LA_LISTS_N];
    struct la_track *lent;         /* that the caller holds a result of; or NULL */
    uint64_t spare_bytes;          /* with less than this left, room is made */
    uint32_t hand;                 /* where the search for something to evict goes on */
    uint64_t next_id;
    int64_t back_ns_max;           /* by which a packet's time was before the one before it */
    uint32_t above_mss_bytes_max;  /* text of the largest segment that no sender cut */
    uint64_t texts_n, text_copies_n; /* segments with text of what has ended, and their copies */
    uint64_t mirrored_n;           /* copies in directions that were captured twice */
    int64_t now_ns;                /* the latest time so far */
    uint64_t packet_n;             /* the packet at hand, counted from 1 */
    int64_t expire_ns;             /* up to then, and up to that packet, */
    uint64_t expire_n;             /* nothing has waited long enough */
    struct la_outbox *outbox;      /* of a part, see share.h; else NULL. Of such a one: */
    const struct la_part *part;    /* itself, */
    uint64_t note_order;           /* and the order of what is put there */
    struct la_explain_file file;
    uint32_t file_found_first, file_found_last;
    /* What can be reached from an end that has sent its first SYN, that is in SYN-RECEIVED or
     * beyond, that has sent its FIN, that has acknowledged its peer's. */
    uint16_t reach_syn, reach_open, reach_fin, reach_acked_fin;
    struct la_closure closures[1 << LA_CLOSURES_SHIFT];
    /* What may have happened to an end, by what passed on its way to it. */
    uint32_t events_by_passed[LA_PASSED_ANYTHING + 1];
    struct la_explain_transition *transitions; /* scratch of results */
    size_t transitions_cap;
    struct la_explain_finding *findings;
    size_t findings_cap;
};

static inline struct la_track *
la_track_at(const struct la_explain *explain, uint32_t idx)
{
    return la_pool_at(&explain->tracks, idx);
}

/* Where an end (LA_END_CLIENT, LA_END_SERVER) of the track is. */
static inline struct la_endpoint
la_track_endpoint(const struct la_track *track, unsigned end)
{
    return (struct la_endpoint){track->key.addr[end], track->key.port[end]};
}

/* A frame's number within a track. */
static inline uint32_t
la_track_frame(const struct la_track *track, uint64_t frame)
{
    uint64_t n = frame - track->first_frame;
    return n < UINT32_MAX ? (uint32_t)n : UINT32_MAX - 1;
}

#endif
