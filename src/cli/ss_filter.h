/* SPDX-License-Identifier: MIT
 *
 * ss_filter.h - `state syn-received dport = :443`: which sockets are listed
 */
#ifndef LA_CLI_SS_FILTER_H
#define LA_CLI_SS_FILTER_H

#include <lastack/tcp.h>

enum {
    LA_SS_FILTER_NODES_MAX = 128,
    LA_SS_FILTER_TEXT_BYTES = 4096,
    LA_SS_FILTER_ERROR_BYTES = 160
};

enum la_ss_op { LA_SS_AND, LA_SS_OR, LA_SS_NOT, LA_SS_ADDR, LA_SS_PORT };
enum la_ss_cmp { LA_SS_EQ, LA_SS_NE, LA_SS_LT, LA_SS_LE, LA_SS_GT, LA_SS_GE };

struct la_ss_node {
    enum la_ss_op op;
    uint8_t left, right; /* nodes below */
    bool remote;         /* dst, dport */
    enum la_ss_cmp cmp;
    uint16_t port;
    unsigned prefix_len;
    struct la_addr addr;
};

struct la_ss_filter {
    uint32_t states; /* bits 1 << state; 0: none was named */
    bool has_expression;
    uint8_t root;
    unsigned nodes_n;
    struct la_ss_node nodes[LA_SS_FILTER_NODES_MAX];
};

/* words: n of them, as on a command line. False: `error` says what was not understood. */
bool la_ss_filter_parse(char *const *words, int n, struct la_ss_filter *out,
                        char error[LA_SS_FILTER_ERROR_BYTES]);
/* Does its expression (not its states) hold for a socket between these two? */
bool la_ss_filter_holds(const struct la_ss_filter *filter, const struct la_endpoint *local,
                        const struct la_endpoint *remote);

#endif
