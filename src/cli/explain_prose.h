/* SPDX-License-Identifier: MIT
 *
 * explain_prose.h - paragraphs, and the sentences about a connection
 */
#ifndef LA_CLI_EXPLAIN_PROSE_H
#define LA_CLI_EXPLAIN_PROSE_H

#include "cli/explain.h"

/* ---- explain_prose.c: a paragraph, wrapped when it is whole -------------------------------- */

struct la_prose {
    FILE *stream; /* sentences, each with a space behind it */
    char *text;
    size_t n;
};

/* False: no memory; then there is nothing to end. */
bool la_prose_begin(struct la_prose *p);
/* Ends it; free(). NULL: no memory. */
char *la_prose_take(struct la_prose *p);
/* In lines of at most `width` columns, each two columns in. */
void la_prose_wrap(FILE *out, const char *text, uint32_t width);
/* Prints it in lines of at most `width` columns. False: no memory. */
bool la_prose_end(struct la_prose *p, FILE *out, uint32_t width);
/* "s", unless it is one. */
const char *la_prose_plural(uint64_t n);
/* One more of a list ": 3 this, 1,234 that"; of none, nothing. *some: false before the first. */
void la_prose_item(FILE *stream, bool *some, uint64_t n, const char *what);

/* ---- explain_sentences.c ------------------------------------------------------------------ */

/* All that happened to a connection. */
void la_explain_say_conn(FILE *stream, const struct la_explain_conn *conn);
/* What was noticed of it, but for what is said of its opening and closing. */
void la_explain_say_findings(FILE *stream, const struct la_explain_conn *conn);
/* A sentence. */
void la_explain_say_finding(FILE *stream, const struct la_explain_finding *finding);

/* ---- explain_servers.c -------------------------------------------------------------------- */

/* Is it of servers, not of a connection or the capture? */
bool la_explain_is_of_servers(const struct la_explain_finding *finding);
/* A paragraph for each such finding, below the servers that it is about. False: no memory. */
bool la_explain_say_servers(const struct la_explain_out *out, const struct la_explain_file *file);

#endif
