/* SPDX-License-Identifier: MIT
 *
 * explain.h - what the views of `lastack explain` share
 *
 * explain.c reads the command line and the captures; a view is told each connection as it ends, and
 * the capture as a whole at the end. explain_words.c has the words that several views use.
 */
#ifndef LA_CLI_EXPLAIN_H
#define LA_CLI_EXPLAIN_H

#include <lastack/explain.h>

#include <stdbool.h>
#include <stdio.h>

/* Whose text graphs are about. */
enum la_graph_whose {
    LA_WHOSE_BUSIER, /* in the terminal the one's that sent more, in files both */
    LA_WHOSE_CLIENT,
    LA_WHOSE_SERVER,
    LA_WHOSE_BOTH
};

struct la_captures;
struct la_conn_filter;
struct la_explain_view;

struct la_explain_args {
    const struct la_explain_view *view;
    char **files;             /* paths, "-" among them */
    size_t files_n;
    char **ifaces;
    size_t ifaces_n;
    const char *packets;      /* libpcap's language; NULL: all */
    char *joined;             /* the words that it was made of; NULL: it is the command line's */
    struct la_conn_filter *filter; /* connections; NULL: all */
    uint64_t conn;            /* one connection alone; UINT64_MAX: all */
    uint64_t memory_bytes;
    la_instant from, to;      /* packets within; NEVER: without end */
    bool from_relative, to_relative; /* counted from the first packet */
    uint32_t worst_n;         /* connections of the verdict */
    uint32_t names;           /* enum la_names */
    unsigned jobs_n;          /* threads; 0: as fits the captures */
    uint32_t graphs;          /* LA_GRAPH_BIT(): those in the terminal */
    const char *plot_dir;     /* for those in files; NULL: none */
    uint8_t whose;            /* enum la_graph_whose */
    bool follow, stats, absolute, full, ascii, quiet;
    uint32_t width;           /* of the terminal, or what was asked for */
    uint32_t table_width;     /* the same; 0, in a pipe: as wide as tables are */
    bool colour;
    int status;               /* when nothing is to be done */
};

/* One view at work. */
struct la_explain_out {
    const struct la_explain_args *args;
    FILE *file;
    const struct la_explain *explain; /* once it is made */
    void *view;  /* its own memory, for free(); NULL: none (yet) */
    bool failed; /* out of memory; said once at the end */
};

struct la_explain_view {
    const char *name;
    bool wants_throughput; /* of each connection, over time */
    bool transitions; /* it shows those of a connection */
    /* A view may look at connections where they are analysed, in several threads with a share each:
     * share_conn says whether conn is to be told of it. All three or none. */
    void *(*share_new)(const struct la_explain_args *args); /* for free(); NULL: no memory */
    bool (*share_conn)(void *share, const struct la_explain_conn *conn);
    void (*share_end)(struct la_explain_out *out, const void *share); /* before end */
    /* Each may be NULL. begin: false when there is no memory. */
    bool (*begin)(struct la_explain_out *out);
    void (*conn)(struct la_explain_out *out, const struct la_explain_conn *conn);
    /* segment and state events, when the view wants them: of the connections that are shown */
    void (*event)(struct la_explain_out *out, const struct la_event *event);
    void (*end)(struct la_explain_out *out, const struct la_explain_file *file,
                struct la_captures *captures);
    /* In any case, also when begin was not called: what out->view holds, itself not. */
    void (*fini)(struct la_explain_out *out);
};

extern const struct la_explain_view la_explain_verdict, la_explain_table, la_explain_json,
    la_explain_jsonl, la_explain_csv, la_explain_ladder;

/* Of --stats. */
void la_explain_figures(FILE *file, const struct la_explain_conn *conn);
void la_explain_table_header(const struct la_explain_out *out);
void la_explain_table_row(const struct la_explain_out *out, const struct la_explain_conn *conn);
/* How it ended, for people: an open that still waits for its answer is no open connection. */
const char *la_explain_ending_name(const struct la_explain_conn *conn);

enum { LA_EXPLAIN_JOBS_MAX = 64 };
enum { LA_EXPLAIN_STATUS_DAMAGED = 3 }; /* exit status: a capture is damaged */

/* False: it was said on standard error what is wrong, or help was given; args->status is what to
 * return. In any case args are to be freed. */
bool la_explain_args_parse(struct la_explain_args *args, int argc, char **argv);
void la_explain_args_free(struct la_explain_args *args);

/* ---- explain_words.c -------------------------------------------------------------------- */

enum { LA_EXPLAIN_WORD_BYTES = 80, LA_EXPLAIN_TEXT_BYTES = 320 };

/* "10.0.0.1:80", "[2001:db8::1]:80" */
const char *la_explain_endpoint(const struct la_endpoint *at, char out[LA_EXPLAIN_WORD_BYTES]);
/* Names of a set of states with '|' between: "FIN-WAIT-1|FIN-WAIT-2". "-": the empty set; "any":
 * all of them. */
const char *la_explain_states(uint16_t set, uint32_t names, char out[LA_EXPLAIN_TEXT_BYTES]);
/* "3.2 ms", "1 h 2 min" */
const char *la_explain_duration(int64_t us, char out[LA_EXPLAIN_WORD_BYTES]);
/* "1,234,567" */
const char *la_explain_count(uint64_t n, char out[LA_EXPLAIN_WORD_BYTES]);
/* "2026-11-28 10:00:01.123456" in UTC; "-" for NEVER */
const char *la_explain_time(la_instant at, char out[LA_EXPLAIN_WORD_BYTES]);
/* Says why there is no connection to show. */
void la_explain_none(const struct la_explain_out *out, const struct la_explain_file *file);
const char *la_explain_limit_name(enum la_limit limit);
/* How much trouble a connection had: what the verdict and the table are ordered by. */
uint64_t la_explain_trouble(const struct la_explain_conn *conn);
uint64_t la_explain_lost(const struct la_explain_conn *conn); /* retransmissions of both ends */

#endif
