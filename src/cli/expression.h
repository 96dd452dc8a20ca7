/* SPDX-License-Identifier: MIT
 *
 * expression.h - what filters have in common: words, "and", "or", "not", brackets, comparisons
 *
 *     or  = and { ("or" | "|" | "||") and }
 *     and = not { [ "and" | "&" | "&&" ] not }
 *     not = ("not" | "!") not | "(" or ")" | predicate
 *
 * What a predicate is, the filter's own function says; to the expression it is a leaf with a
 * number. Nodes are counted and so is the depth, so that no text is too much for it.
 */
#ifndef LA_CLI_EXPRESSION_H
#define LA_CLI_EXPRESSION_H

#include <lastack/base.h>

enum {
    LA_EXPR_NODES_MAX = 128,
    LA_EXPR_TOKEN_BYTES = 128,
    LA_EXPR_TEXT_BYTES = 4096,
    LA_EXPR_ERROR_BYTES = 160
};

enum la_expr_op { LA_EXPR_AND, LA_EXPR_OR, LA_EXPR_NOT, LA_EXPR_LEAF };
enum la_expr_cmp { LA_EXPR_EQ, LA_EXPR_NE, LA_EXPR_LT, LA_EXPR_LE, LA_EXPR_GT, LA_EXPR_GE };

struct la_expr_node {
    uint8_t op;          /* enum la_expr_op */
    uint8_t left, right; /* nodes below; of a leaf: left is its number */
};

struct la_expr {
    uint8_t root;
    unsigned nodes_n;
    struct la_expr_node nodes[LA_EXPR_NODES_MAX];
};

struct la_expr_parser {
    const char *at;                  /* behind the present token */
    char token[LA_EXPR_TOKEN_BYTES]; /* "": the end */
    bool quoted;                     /* the token stood in quotes */
    unsigned depth_n;
    struct la_expr *expr;
    char *error;                     /* LA_EXPR_ERROR_BYTES; "" as long as nothing is wrong */
    /* Reads one predicate, at the present token, into a node. */
    bool (*predicate)(struct la_expr_parser *p, uint8_t *out);
    void *ctx;                       /* the filter's */
};

/* ---- words ---------------------------------------------------------------------------------- */

/* Moves to the first token. */
void la_expr_begin(struct la_expr_parser *p, const char *text);
void la_expr_next(struct la_expr_parser *p);
bool la_expr_is(const struct la_expr_parser *p, const char *text);
/* Takes the token when it is one of these (NULL ends them). */
bool la_expr_take(struct la_expr_parser *p, const char *const *texts);
/* False. The first one counts: "WHAT, not 'TOKEN'". */
bool la_expr_fail(struct la_expr_parser *p, const char *what);

/* ---- nodes ---------------------------------------------------------------------------------- */

bool la_expr_node_new(struct la_expr_parser *p, struct la_expr_node node, uint8_t *out);
/* The whole text from the present token on. */
bool la_expr_parse(struct la_expr_parser *p);

typedef bool la_expr_leaf_fn(void *ctx, uint8_t leaf);
bool la_expr_holds(const struct la_expr *expr, la_expr_leaf_fn *leaf_holds, void *ctx);

/* ---- values --------------------------------------------------------------------------------- */

/* "=", "ne", "<=" and so on; *there: one stood there, else it is EQ. */
enum la_expr_cmp la_expr_comparison(struct la_expr_parser *p, bool *there);
bool la_expr_compare(enum la_expr_cmp cmp, int64_t a, int64_t b);
/* "443", "https" */
bool la_expr_port_parse(const char *text, uint16_t *out);
/* "10.0.0.1", "10.0.0.0/8", "::1", "fd00::/8" */
bool la_expr_prefix_parse(const char *text, struct la_addr *addr, unsigned *prefix_len);

#endif
