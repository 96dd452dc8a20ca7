/* SPDX-License-Identifier: MIT
 *
 * ss_filter.h - `state syn-received dport = :443`: which sockets are listed
 */
#ifndef LA_CLI_SS_FILTER_H
#define LA_CLI_SS_FILTER_H

#include "cli/expression.h"

#include <lastack/tcp.h>

enum {
    LA_SS_FILTER_TEXT_BYTES = LA_EXPR_TEXT_BYTES,
    LA_SS_FILTER_ERROR_BYTES = LA_EXPR_ERROR_BYTES
};

/* An address or a port of one end. */
struct la_ss_leaf {
    bool is_port;
    bool remote; /* dst, dport */
    enum la_expr_cmp cmp;
    uint16_t port;
    unsigned prefix_len;
    struct la_addr addr;
};

struct la_ss_filter {
    uint32_t states; /* bits 1 << state; 0: none was named */
    bool has_expression;
    struct la_expr expr;
    unsigned leaves_n;
    struct la_ss_leaf leaves[LA_EXPR_NODES_MAX]; /* never more than nodes */
};

/* words: n of them, as on a command line. False: `error` says what was not understood. */
bool la_ss_filter_parse(char *const *words, int n, struct la_ss_filter *out,
                        char error[LA_SS_FILTER_ERROR_BYTES]);
/* Does its expression (not its states) hold for a socket between these two? */
bool la_ss_filter_holds(const struct la_ss_filter *filter, const struct la_endpoint *local,
                        const struct la_endpoint *remote);

#endif
