/* SPDX-License-Identifier: MIT
 *
 * ss.h - what the parts of `lastack ss` share
 *
 * ss.c has the command line, ss_ask.c asks running instances, ss_table.c and ss_words.c draw the
 * table, ss_summary.c the counters.
 */
#ifndef LA_CLI_SS_H
#define LA_CLI_SS_H

#include "cli/ss_filter.h"
#include "host/report.h"

#include <stdbool.h>

struct la_ss_cfg {
    bool tcp, udp;          /* which of them */
    bool all, listening;
    bool numeric, processes, timers, info, no_header;
    bool summary, json;
    bool near, far;         /* which ends */
    enum la_names names;
    uint32_t pid;           /* of one instance; 0: all */
    int64_t watch_ns;       /* 0: once */
    struct la_ss_filter filter;
};

/* ---- asking (ss_ask.c) ----------------------------------------------------------------------- */

struct la_ss_asked {
    unsigned answered_n, failed_n; /* instances; what failed was said on standard error */
};

/* Told each object of each instance, INSTANCE first; `object` is borrowed. */
struct la_ss_sink {
    void (*take)(void *ctx, const struct la_report *report, const json_t *object);
    void *ctx;
};

struct la_ss_asked la_ss_ask(const struct la_ss_cfg *cfg, const struct la_ss_sink *sink);

/* ---- what is shown --------------------------------------------------------------------------- */

/* Is it a socket that the command line asks for? */
bool la_ss_wants(const struct la_ss_cfg *cfg, const struct la_report *report);

struct la_ss_rows {
    struct la_report *report;
    size_t n, room;
    unsigned instances_n;
    bool no_memory;
};

void la_ss_rows_add(struct la_ss_rows *rows, const struct la_report *report);
void la_ss_rows_fini(struct la_ss_rows *rows);
/* To standard output, `width` columns wide (0: as wide as it gets). */
void la_ss_table(const struct la_ss_cfg *cfg, const struct la_ss_rows *rows, unsigned width);
/* INSTANCE and COUNTERS in words. */
void la_ss_summary(const struct la_ss_cfg *cfg, const struct la_report *report);

/* ---- words (ss_words.c) ---------------------------------------------------------------------- */

enum { LA_SS_WORDS_MAX = 48, LA_SS_WORD_BYTES = 64 };

/* Pieces that a line is broken between. */
struct la_ss_words {
    char word[LA_SS_WORDS_MAX][LA_SS_WORD_BYTES];
    unsigned n;
};

/* "10.0.0.1:80", "[::1]:http", "0.0.0.0:*". */
void la_ss_endpoint(const struct la_ss_cfg *cfg, const struct la_endpoint *endpoint, bool udp,
                    char *out, size_t bytes);
/* Half-open connections of a listener, process, timers. */
void la_ss_words_brief(const struct la_ss_cfg *cfg, const struct la_report *report,
                       struct la_ss_words *out);
/* What -i shows. */
void la_ss_words_info(const struct la_report *report, struct la_ss_words *out);
/* Nothing but printable ASCII, in place: a program's name may be anything. */
void la_ss_clean(char *text);

#endif
