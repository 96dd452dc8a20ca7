/* SPDX-License-Identifier: MIT
 *
 * story.h - the inside of a story: connections, rows, notes
 *
 * collect.c receives events, floating.c keeps back what a segment will explain, conn.c finds their
 * connection, track.c learns from segments, row.c keeps rows and notes, words.c and words_sent.c
 * say what the notes say, and remark.c says it of segments in captures. order.c lets complete rows
 * go, fold.c decides which of them are shown, and draw.h draws.
 *
 * Sides: 0 is left (the client by convention), 1 is right, whatever an event's `end` says; a row's
 * `from` and a note's side are such sides.
 */
#ifndef LA_STORY_STORY_H
#define LA_STORY_STORY_H

#include "base/hash.h"
#include "base/time.h"
#include "story/text.h"

enum { LEFT = 0, RIGHT = 1 };

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

/* ---- notes: what is said under or beside a row ------------------------------------------ */

struct note {
    struct note *next;
    const char *cite; /* "RFC 9293 3.10.4", or NULL */
    uint8_t side;
    uint8_t style;  /* enum style */
    uint8_t name_n; /* octets of `text` that name the end: not needed where its side is seen */
    bool quiet;     /* said if the row is shown, but no reason to show it */
    char text[];
};

/* ---- rows ------------------------------------------------------------------------------- */

enum row_kind { ROW_SEGMENT, ROW_LINE };

enum row_fate {
    FATE_UNDER_WAY,
    FATE_ARRIVED,
    FATE_LOST,    /* did not reach the other end: .reason */
    FATE_REFUSED, /* reached it, and was dropped before TCP looked at it: .reason */
    FATE_UNKNOWN  /* nothing was heard of it */
};

enum { NOTES_N_MAX = 12 };

struct row {
    struct row *prev, *next; /* the queue, or a connection's hidden rows */
    struct row *bucket_next;
    struct conn *conn; /* NULL: a listener's line */
    struct note *notes;
    uint64_t id;
    la_instant begun_at;
    la_instant at[2]; /* at either side; NEVER = not known */
    la_instant delivered_at;
    la_instant left_at; /* when it came into the queue */
    int64_t seq_rel, ack_rel;
    struct la_event_segment segment;
    uint16_t reason; /* enum la_reason */
    uint8_t kind;    /* enum row_kind */
    uint8_t fate;    /* enum row_fate */
    uint8_t from;    /* side */
    uint8_t state[2];
    bool changed[2];
    bool hashed, in_lane;
    bool copy;   /* the second copy that the wire made */
    bool again;  /* sent before, or a copy */
    bool counts; /* its flags AE, CWR and ECE are a number (RFC 9768 3.2.2) */
    bool acks_nothing; /* its acknowledgement has been said before */
    bool at_end; /* was under way when the story ended */
    bool eventful;
    uint8_t notes_n;
    char title[80]; /* ROW_LINE: "CLOSE" */
};

struct row_queue {
    struct row *first, *last;
    uint32_t n;
};

/* ---- connections ------------------------------------------------------------------------ */

enum { RETRANSMIT_KINDS = LA_CAUSE_COUNT };

/* What one end did, and what became of it. */
struct conn_end {
    uint8_t state;     /* enum la_tcp_state, 0 = not known */
    bool was_closed;   /* entered CLOSED */
    bool was_up;       /* was in ESTABLISHED */
    bool told;         /* an error was reported to its user */
    bool refusal_told; /* by the segment or by its RST: the other one need not say so again */
    la_err err;
    uint8_t phase; /* enum la_cc_phase */
    bool base_known;
    uint32_t base;                               /* the ISN, or what relative numbers count from */
    int64_t high;                                /* highest relative number sent, plus one */
    bool syn_sent, syn_plain_sent, syn_ack_sent; /* plain: without ACK */
    bool asks_for_counts;                        /* by a SYN (RFC 9768 3.1.1) */
    la_instant syn_at, up_at;
    bool fin_sent, fin_covers_peer; /* the FIN acknowledged the peer's FIN */
    bool acked_peer_fin;            /* before sending its own FIN */
    la_instant fin_at;
    int64_t fin_end; /* relative number behind the FIN */
    bool rst_sent;
    bool abort_called, close_called; /* by its user; RELEASE is a CLOSE */
    uint8_t rst_cause;               /* enum la_cause */
    la_instant rst_at;
    uint8_t last_event; /* enum la_tcp_event that led to CLOSED */
    bool agreed;
    uint16_t mss_send, mss_receive;
    uint8_t wscale_send, wscale_receive;
    bool timestamps, sack, ecn, accurate_ecn;
    uint64_t segments_n, octets;
    uint64_t retransmits_n[RETRANSMIT_KINDS];
    uint64_t lost_n, queue_dropped_n, corrupted_n, duplicated_n, reordered_n, marked_n;
    uint64_t drops_n; /* of what arrived here */
    uint64_t rtt_n;
    uint32_t rtt_us_min, rtt_us_max, srtt_us;
    int64_t dup_ack; /* the last number acknowledged, which duplicate ACKs repeat */
    uint32_t dup_ack_n;
    bool urgent;       /* it has announced urgent data */
    int64_t urgent_up; /* the furthest pointer, relative */
    struct row_queue lane; /* what it sent or did, and has not left (order.c) */
    struct row *floating;  /* a timer's line until it is known what the timer caused */
    struct la_event timer;
    struct remark *waiting; /* remark.c: for its next segment, the oldest first */
};

/* Uneventful rows not shown, until something happens. */
struct fold {
    uint32_t plain_n; /* uneventful rows shown since the last eventful one */
    struct row_queue hidden;
    uint64_t rows_n;
    uint64_t data_n[2], octets[2], acks_n[2];
    la_instant first_at, last_at;
};

struct conn {
    struct conn *bucket_next;
    struct conn *older, *newer;
    uint32_t number; /* from 1 */
    struct la_endpoint endpoint[2];
    la_instant first_at, last_at;
    struct conn_end end[2];
    struct fold fold;
    uint32_t rows_n; /* rows that point here */
    bool announced, summed_up, agreed_noted;
    bool counts_marks; /* accurate ECN is agreed, by the SYNs */
};

/* ---- the story -------------------------------------------------------------------------- */

/* Columns of the ladder. Every *_col is where a field begins. */
struct layout {
    uint32_t width; /* of the ladder alone */
    uint32_t tag_n; /* 0: no tags */
    uint32_t time_n, state_n;
    uint32_t left_line_col, right_line_col;
    uint32_t note_col; /* 0: notes stand under the row */
    uint32_t note_n;
    bool terse;    /* states and words abbreviated */
    bool spacious; /* lengths written out */
};

struct la_story {
    struct la_story_cfg cfg;
    struct text name[2];
    const char *to, *from; /* "→", "←", or their ASCII forms */
    struct layout layout;
    struct la_story_stats stats;
    la_instant first_at, now;
    la_instant looked_at; /* la_order_look() */
    bool started, finished, json_started;
    bool ladder_open;       /* lifelines run at the end of the output */
    struct row_queue queue; /* what is about to be written */
    uint32_t lanes_n;       /* rows in lanes */
    struct row **row_buckets;
    uint32_t row_buckets_n;
    struct row *current; /* the row that the next events may belong to */
    uint8_t current_side;
    struct conn **conn_buckets;
    uint32_t conn_buckets_n;
    struct conn *oldest, *newest;
    uint32_t conns_live_n; /* remembered */
    uint32_t alive_n;      /* announced and not summed up */
    struct la_key key;
};

/* malloc, zeroed, counted when it fails. */
void *la_story_take(struct la_story *st, size_t n);

static inline bool
story_has(const struct la_story *st, enum la_story_flag flag)
{
    return (st->cfg.flags & (uint32_t)flag) != 0;
}
static inline const char *
story_state_name(const struct la_story *st, uint8_t state)
{
    enum la_names names = story_has(st, LA_STORY_NAMES_LINUX) ? LA_NAMES_LINUX
                          : story_has(st, LA_STORY_NAMES_BSD) ? LA_NAMES_BSD
                                                              : LA_NAMES_RFC;
    return la_tcp_state_name((enum la_tcp_state)state, names);
}

/* ---- conn.c ----------------------------------------------------------------------------- */

/* The connection of an event, made if it is new; NULL: a listener's event, no addresses, or no
 * room. */
struct conn *la_story_conn_of_event(struct la_story *st, const struct la_event *event);
uint8_t la_story_conn_side(const struct conn *conn, const struct la_event *event);
bool la_story_conn_is_over(const struct conn *conn);
/* Over, or nothing but TIME-WAIT left. */
bool la_story_conn_is_resting(const struct conn *conn);
void la_story_conn_free(struct la_story *st, struct conn *conn);
/* Relative number of end `side`, near its highest; seq as on the wire. */
int64_t la_story_conn_relative(const struct conn *conn, unsigned side, uint32_t seq);

/* ---- track.c ---------------------------------------------------------------------------- */

/* A segment met for the first time: relative numbers, FIN, RST, counts. */
void la_story_track_segment(struct conn *conn, struct row *row);
void la_story_track_state(struct conn *conn, unsigned side, const struct la_event *event);

/* ---- row.c ------------------------------------------------------------------------------ */

/* In no queue yet. NULL: no memory. */
struct row *la_row_new(struct la_story *st, enum row_kind kind, struct conn *conn, la_instant at);
void la_row_hash(struct la_story *st, struct row *row, uint64_t id);
/* Frees; the row is in no queue and no longer hashed. */
void la_row_free(struct la_story *st, struct row *row);
void la_row_unhash(struct la_story *st, struct row *row);
/* The oldest row of that id, connection (NULL: any) and fate, or any fate if none has it. */
struct row *la_row_find(struct la_story *st, uint64_t id, const struct conn *conn,
                        enum row_fate fate);
void la_row_queue_push(struct row_queue *queue, struct row *row);
void la_row_queue_remove(struct row_queue *queue, struct row *row);
struct row *la_row_queue_pop(struct row_queue *queue);
/* Appends a note, and has it remarked upon (remark.c). No memory: the note is missing. */
void la_row_note(struct la_story *st, struct row *row, const struct note *head, const char *text);

/* ---- remark.c --------------------------------------------------------------------------- */

/* Words of the ladder as a line: its signs as one types them; cite: the paragraph, or NULL. */
struct text la_remark_line(const char *words, const char *cite);
/* About the segment of that id. cite: may be NULL. */
void la_remark_segment(struct la_story *st, uint64_t id, const char *words, const char *cite);
/* About the row's segment, or the next one that the end sends whose side `head` names. */
void la_remark_row(struct la_story *st, const struct row *row, const struct note *head,
                   const char *words);
/* The end sends a segment: what waited for it is said. */
void la_remark_sent(struct la_story *st, struct conn_end *end, uint64_t id);
void la_remark_forget(struct conn_end *end);

/* ---- order.c ---------------------------------------------------------------------------- */

/* The row has begun. */
void la_order_add(struct la_story *st, struct row *row);
/* Its fate is known. */
void la_order_complete(struct la_story *st, struct row *row);
/* Writes what has left its lane before now, up to the current row. */
void la_order_put_out(struct la_story *st);
/* Gives rows of a connection up until there are no more than allowed. */
void la_order_make_room(struct la_story *st, struct conn *conn);
/* From time to time: ends that are silent, connections that rest. */
void la_order_look(struct la_story *st);
void la_order_flush(struct la_story *st);
void la_order_finish(struct la_story *st);

/* ---- words_sent.c ----------------------------------------------------------------------- */

void la_words_sent(struct la_story *st, struct row *row, const struct la_event *timer);
void la_words_arrived(struct la_story *st, struct row *row);
void la_words_wire(struct la_story *st, struct row *row, const struct la_event *event);
/* DROP, WIRE: a remark alone, where the arrow says it in the ladder, or no row stands for it. */
void la_words_fate(struct la_story *st, const struct la_event *event);

/* ---- words.c ---------------------------------------------------------------------------- */

void la_words_say(struct la_story *st, struct row *row, const struct note *head,
                  const struct text *text);
/* What stands at an octet of the row's sender, `off` behind the row's first one. */
void la_words_place(const struct la_story *st, struct text *out, const struct row *row,
                    uint32_t off);
/* "client FIN-WAIT-1 → CLOSING"; from: NULL when it is the same state. */
void la_words_change(struct text *out, const char *who, const char *from, const char *to,
                     const char *arrow);
/* " · FIN received" */
void la_words_because(struct text *out, enum la_tcp_event event);
void la_words_state(struct la_story *st, struct row *row, unsigned side,
                    const struct la_event *event);
/* "server: wrong TCP checksum"; returns where that is written, or NULL. */
const char *la_words_reason(const struct la_story *st, struct text *out, unsigned side,
                            enum la_reason reason);
void la_words_drop(struct la_story *st, struct row *row, unsigned side, enum la_reason reason);
void la_words_congestion(struct la_story *st, struct row *row, unsigned side,
                         const struct la_event *event);
void la_words_window(struct la_story *st, struct row *row, unsigned side,
                     const struct la_event *event);
void la_words_negotiated(struct la_story *st, struct row *row, unsigned side);
void la_words_loss(struct la_story *st, struct row *row, unsigned side,
                   const struct la_event *event);
void la_words_ecn(struct la_story *st, struct row *row, unsigned side,
                  const struct la_event *event);
/* The peer's urgent pointer appeared, or advanced. */
void la_words_urgent(struct la_story *st, struct row *row, unsigned side,
                     const struct la_event *e);
void la_words_error(struct la_story *st, struct row *row, unsigned side,
                    const struct la_event *event);
/* "MSS 1460, window scale 7, SACK, timestamps"; nothing when it was not heard. */
void la_words_agreed(const struct la_story *st, struct text *out, const struct conn *conn);
/* The title of a timer's or a call's own line. */
void la_words_timer(struct row *row, const struct la_event *event);
void la_words_call(struct row *row, const struct la_event *event);

#endif
