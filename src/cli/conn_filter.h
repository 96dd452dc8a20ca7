/* SPDX-License-Identifier: MIT
 *
 * conn_filter.h - `closed_by == server and retransmissions > 3`: which connections are shown
 *
 * Fields are in conn_field.def; expression.h has the rest of the language. Wireshark's names are
 * accepted for what they mean there when one packet of the connection has it.
 */
#ifndef LA_CLI_CONN_FILTER_H
#define LA_CLI_CONN_FILTER_H

#include "cli/expression.h"

#include <lastack/explain.h>

#include <stdio.h>

struct la_conn_filter_leaf {
    uint8_t field; /* row of conn_field.def */
    uint8_t ends;  /* 1 << end: which of the two it is about */
    enum la_expr_cmp cmp;
    int64_t value;
    struct la_addr addr;
    unsigned prefix_len;
};

struct la_conn_filter {
    struct la_expr expr;
    unsigned leaves_n;
    struct la_conn_filter_leaf leaves[LA_EXPR_NODES_MAX]; /* never more than nodes */
};

/* False: `error` says what was not understood, and what is wanted there. */
bool la_conn_filter_parse(const char *text, struct la_conn_filter *out,
                          char error[LA_EXPR_ERROR_BYTES]);
/* begin_at: of the capture's first packet; what "start" and "end" count from. */
bool la_conn_filter_holds(const struct la_conn_filter *filter, const struct la_explain_conn *conn,
                          la_instant begin_at);
/* The fields, one a line, for people. */
void la_conn_filter_help(FILE *file);

#endif
