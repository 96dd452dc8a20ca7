/* SPDX-License-Identifier: MIT
 *
 * lastack/story.h - views of the event stream: ladder, summaries, JSON lines
 *
 * A story hears the events of any number of stacks and wires (or of the analyser) through one
 * trace, groups them into connections, joins a segment's departure, fate and arrival by its id,
 * and writes what happened. docs/ladder.md says how to read the ladder, docs/events-json.md is
 * the contract of the JSON.
 *
 * One thread at a time. Memory is malloc's and bounded by the configuration: what does not fit,
 * and what malloc refused, is let go and counted. Nothing an event holds can make it fail.
 */
#ifndef LASTACK_STORY_H
#define LASTACK_STORY_H

#include <lastack/event.h>

LA_API_BEGIN

/* Where output goes. It must not call back into the story. A zeroed writer writes nothing. */
struct la_story_writer {
    void (*write)(void *ctx, const char *bytes, size_t n);
    void *ctx;
};

/* A writer onto a stdio stream (`stream` is a FILE *, not flushed, not closed). */
struct la_story_writer la_story_writer_file(void *stream);

enum la_story_flag {
    LA_STORY_COLOR = 1,         /* SGR colours */
    LA_STORY_ASCII = 2,         /* no octet above 126 */
    LA_STORY_FULL = 4,          /* every row: long uneventful runs are not collapsed */
    LA_STORY_ABSOLUTE = 8,      /* sequence numbers as on the wire, not relative to the ISN */
    LA_STORY_NAMES_LINUX = 16,  /* SYN_RECV, not SYN-RECEIVED */
    LA_STORY_ONE_SIDED = 32,    /* a segment is seen once (one capture point, or one end only): a
                                   row is complete at once, all times stand on the left */
    LA_STORY_COMMON_CLOCK = 64, /* times count from the story's first event, not the connection's */
    LA_STORY_NO_LADDER = 128,   /* summaries only */
    LA_STORY_NO_SUMMARY = 256,  /* ladder only */
    LA_STORY_CONN_NUMBERS = 512, /* connections are numbered as the analyser does: by la_event.conn,
                                   from 0, not in the order in which they are met, from 1 */
    LA_STORY_NAMES_BSD = 1024   /* SYN_RCVD */
};

enum { LA_STORY_WIDTH_MIN = 60, LA_STORY_WIDTH_MAX = 240 };

struct la_story_cfg {
    struct la_story_writer ladder;  /* text for people: ladder and summaries */
    struct la_story_writer json;    /* JSON lines */
    /* Each remark on a segment as one line of text, valid during the call: the ladder's words,
     * with "->" for its arrow, and the paragraph in brackets. It comes with the event that caused
     * it; what a call or a timer caused comes with the segment that the same end sends next.
     * NULL = not wanted. */
    void (*remark)(void *ctx, uint64_t segment_id, const char *text);
    void *remark_ctx;
    /* What else is known of the connection that bears that number, in sentences, for its summary;
     * valid until the next call. NULL, or returns NULL = nothing. */
    const char *(*noticed)(void *ctx, uint32_t number);
    void *noticed_ctx;
    const char *client_name;        /* copied; NULL = "client" */
    const char *server_name;        /* copied; NULL = "server" */
    uint32_t flags;                 /* enum la_story_flag */
    uint32_t width;                 /* columns, brought into 60..240; 0 = 80 */
    uint32_t rows_n_max;            /* rows waiting to be complete; default 65536 */
    uint32_t conns_n_max;           /* connections remembered; default 4096 */
    uint32_t plain_n_max;           /* uneventful rows before a run is collapsed; default 6 */
    uint32_t hold_ms_max;           /* a segment may hold others back this long; default 10 s */
};

/* Fills in every default; no view is chosen. */
void la_story_cfg_init(struct la_story_cfg *cfg);

struct la_story;

/* NO_MEMORY. *out is the caller's, to be freed. */
la_err la_story_new(const struct la_story_cfg *cfg, struct la_story **out) LA_MUST_CHECK;
/* What stacks, wires and the analyser are given: every kind of event. Valid until the story is
 * freed; events after la_story_finish() are counted and otherwise ignored. */
struct la_trace la_story_trace(struct la_story *story);
/* Writes what is complete by `now`, and the runs collapsed so far. For live views, when idle. */
void la_story_flush(struct la_story *story, la_instant now);
/* Writes everything that still waits, a summary of each connection that had none, and of all. */
void la_story_finish(struct la_story *story);
/* NULL is allowed. Writes nothing. */
void la_story_free(struct la_story *story);

struct la_story_stats {
    uint64_t events_n;
    uint64_t conns_n;            /* connections met, remembered or not */
    uint64_t rows_n;             /* rows begun */
    uint64_t rows_let_go_n;      /* rows printed early or not at all for lack of room */
    uint64_t conns_let_go_n;     /* connections forgotten, or never remembered, for lack of room */
    uint64_t no_memory_n;        /* requests that malloc refused */
    uint64_t unplaced_n;         /* events that belong to no connection and no segment known here */
    uint64_t late_n;             /* events after la_story_finish() */
};
void la_story_stats_get(const struct la_story *story, struct la_story_stats *out);

LA_API_END

#endif
