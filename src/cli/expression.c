/* SPDX-License-Identifier: MIT
 *
 * expression.c - what filters have in common: words, "and", "or", "not", brackets, comparisons
 */
#include "cli/expression.h"
#include "cli/number.h"

#include <netdb.h>
#include <stdio.h>
#include <string.h>

enum { DEPTH_MAX = 64 };

/* ---- words ---------------------------------------------------------------------------------- */

/* What a token may consist of besides words: the longer ones first. */
static const char *const signs[] = {"&&", "||", "==", "!=", "<=", ">=", "(", ")", "&",
                                    "|",  "=",  "!",  "<",  ">",  "{",  "}", ","};

static size_t
sign_length(const char *at)
{
    for (size_t i = 0; i < sizeof(signs) / sizeof(signs[0]); i++) {
        size_t n = strlen(signs[i]);
        if (strncmp(at, signs[i], n) == 0)
            return n;
    }
    return 0;
}

void
la_expr_next(struct la_expr_parser *p)
{
    p->at += strspn(p->at, " \t\n");
    p->quoted = p->at[0] == '"' || p->at[0] == '\'';
    const char quote[2] = {p->at[0], '\0'};
    p->at += p->quoted;
    size_t n = p->quoted ? strcspn(p->at, quote) : sign_length(p->at);
    if (n == 0 && !p->quoted)
        n = strcspn(p->at, " \t\n()&|=!<>{},");
    /* One that is too long is none that is known, and is shown cut. */
    (void)snprintf(p->token, sizeof(p->token), "%.*s", (int)(n < INT16_MAX ? n : INT16_MAX), p->at);
    p->at += n;
    p->at += p->quoted && p->at[0] != '\0';
}

void
la_expr_begin(struct la_expr_parser *p, const char *text)
{
    p->at = text;
    p->depth_n = 0;
    p->error[0] = '\0';
    *p->expr = (struct la_expr){0};
    la_expr_next(p);
}

bool
la_expr_is(const struct la_expr_parser *p, const char *text)
{
    return !p->quoted && strcmp(p->token, text) == 0;
}

bool
la_expr_take(struct la_expr_parser *p, const char *const *texts)
{
    for (; *texts != NULL; texts++) {
        if (la_expr_is(p, *texts)) {
            la_expr_next(p);
            return true;
        }
    }
    return false;
}

bool
la_expr_fail(struct la_expr_parser *p, const char *what)
{
    if (p->error[0] != '\0')
        return false;
    if (p->token[0] == '\0' && !p->quoted)
        (void)snprintf(p->error, LA_EXPR_ERROR_BYTES, "%s, and it ends there", what);
    else
        (void)snprintf(p->error, LA_EXPR_ERROR_BYTES, "%s, not '%.80s'", what, p->token);
    return false;
}

/* ---- nodes ---------------------------------------------------------------------------------- */

static const char *const word_or[] = {"or", "|", "||", NULL},
                         *const word_and[] = {"and", "&", "&&", NULL},
                         *const word_not[] = {"not", "!", NULL}, *const word_open[] = {"(", NULL},
                         *const word_close[] = {")", NULL};

bool
la_expr_node_new(struct la_expr_parser *p, struct la_expr_node node, uint8_t *out)
{
    struct la_expr *expr = p->expr;
    if (expr->nodes_n == LA_EXPR_NODES_MAX) {
        (void)snprintf(p->error, LA_EXPR_ERROR_BYTES, "the filter is too long");
        return false;
    }
    expr->nodes[expr->nodes_n] = node;
    *out = (uint8_t)expr->nodes_n++;
    return true;
}

static bool parse_or(struct la_expr_parser *p, uint8_t *out);

static bool
parse_not(struct la_expr_parser *p, uint8_t *out)
{
    struct la_expr_node node = {.op = LA_EXPR_NOT};
    if (++p->depth_n > DEPTH_MAX)
        return la_expr_fail(p, "the filter is too deep");
    bool ok;
    if (la_expr_take(p, word_not))
        ok = parse_not(p, &node.left) && la_expr_node_new(p, node, out);
    else if (la_expr_take(p, word_open))
        ok = parse_or(p, out) && (la_expr_take(p, word_close) || la_expr_fail(p, "')' is wanted"));
    else
        ok = p->predicate(p, out);
    p->depth_n--;
    return ok;
}

static bool
parse_and(struct la_expr_parser *p, uint8_t *out)
{
    struct la_expr_node node = {.op = LA_EXPR_AND};
    if (!parse_not(p, out))
        return false;
    /* Two side by side are joined by "and", as in ss. */
    while (la_expr_take(p, word_and) || (p->token[0] != '\0' && !la_expr_is(p, ")") &&
                                         !la_expr_is(p, "or") && p->token[0] != '|')) {
        node.left = *out;
        if (!parse_not(p, &node.right) || !la_expr_node_new(p, node, out))
            return false;
    }
    return true;
}

static bool
parse_or(struct la_expr_parser *p, uint8_t *out)
{
    struct la_expr_node node = {.op = LA_EXPR_OR};
    if (!parse_and(p, out))
        return false;
    while (la_expr_take(p, word_or)) {
        node.left = *out;
        if (!parse_and(p, &node.right) || !la_expr_node_new(p, node, out))
            return false;
    }
    return true;
}

bool
la_expr_parse(struct la_expr_parser *p)
{
    return parse_or(p, &p->expr->root) &&
           (p->token[0] == '\0' || la_expr_fail(p, "the end is wanted"));
}

static bool
node_holds(const struct la_expr *expr, uint8_t idx, la_expr_leaf_fn *leaf_holds, void *ctx)
{
    const struct la_expr_node *node = &expr->nodes[idx];
    switch ((enum la_expr_op)node->op) {
    case LA_EXPR_AND:
        return node_holds(expr, node->left, leaf_holds, ctx) &&
               node_holds(expr, node->right, leaf_holds, ctx);
    case LA_EXPR_OR:
        return node_holds(expr, node->left, leaf_holds, ctx) ||
               node_holds(expr, node->right, leaf_holds, ctx);
    case LA_EXPR_NOT:
        return !node_holds(expr, node->left, leaf_holds, ctx);
    case LA_EXPR_LEAF:
        return leaf_holds(ctx, node->left);
    }
    return false;
}

bool
la_expr_holds(const struct la_expr *expr, la_expr_leaf_fn *leaf_holds, void *ctx)
{
    return node_holds(expr, expr->root, leaf_holds, ctx);
}

/* ---- values --------------------------------------------------------------------------------- */

static const char
    *const equal[] = {"=", "==", "eq", NULL},
           *const unequal[] = {"!=", "ne", "neq", NULL}, *const less[] = {"<", "lt", NULL},
           *const at_most[] = {"<=", "le", "leq", NULL}, *const more[] = {">", "gt", NULL},
           *const at_least[] = {">=", "ge", "geq", NULL};

enum la_expr_cmp
la_expr_comparison(struct la_expr_parser *p, bool *there)
{
    static const struct {
        const char *const *words;
        enum la_expr_cmp cmp;
    } rows[] = {{equal, LA_EXPR_EQ},    {unequal, LA_EXPR_NE}, {at_most, LA_EXPR_LE},
                {at_least, LA_EXPR_GE}, {less, LA_EXPR_LT},    {more, LA_EXPR_GT}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        if (la_expr_take(p, rows[i].words)) {
            *there = true;
            return rows[i].cmp;
        }
    *there = false;
    return LA_EXPR_EQ;
}

bool
la_expr_compare(enum la_expr_cmp cmp, int64_t a, int64_t b)
{
    switch (cmp) {
    case LA_EXPR_EQ:
        return a == b;
    case LA_EXPR_NE:
        return a != b;
    case LA_EXPR_LT:
        return a < b;
    case LA_EXPR_LE:
        return a <= b;
    case LA_EXPR_GT:
        return a > b;
    case LA_EXPR_GE:
        return a >= b;
    }
    return false;
}

bool
la_expr_port_parse(const char *text, uint16_t *out)
{
    uint64_t n;
    if (la_number_parse(text, 0, UINT16_MAX, &n)) {
        *out = (uint16_t)n;
        return true;
    }
    bool name = text[0] != '\0' && strspn(text, "0123456789") == 0;
    const struct servent *service = name ? getservbyname(text, NULL) : NULL;
    if (service == NULL)
        return false;
    *out = (uint16_t)((service->s_port & 0xff) << 8 | (service->s_port >> 8 & 0xff));
    return true;
}

bool
la_expr_prefix_parse(const char *text, struct la_addr *addr, unsigned *prefix_len)
{
    char word[LA_ADDR_TEXT_BYTES];
    size_t n = strcspn(text, "/");
    if (n >= sizeof(word))
        return false;
    memcpy(word, text, n);
    word[n] = '\0';
    if (!la_addr_parse(word, addr))
        return false;
    unsigned max = la_addr_is_v4(addr) ? 32 : 128;
    *prefix_len = max;
    if (text[n] == '\0')
        return true;
    uint64_t len;
    if (!la_number_parse(text + n + 1, 0, max, &len))
        return false;
    *prefix_len = (unsigned)len;
    return true;
}
