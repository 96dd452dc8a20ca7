/* SPDX-License-Identifier: MIT
 *
 * ss_filter.c - `state syn-received dport = :443`: which sockets are listed
 *
 * Read first: ss(8), STATE-FILTER and EXPRESSION; expression.h.
 *
 *     filter     = { ("state" | "exclude") STATES } [ expression ]
 *     predicate  = ("src" | "dst") [ "=" | "!=" ] HOST | ("sport" | "dport") [ COMPARISON ] PORT
 */
#include "cli/ss_filter.h"

#include "base/addr.h"

#include <stdio.h>
#include <string.h>

/* ---- predicates ------------------------------------------------------------------------------ */

/* A leaf and its node. */
static bool
leaf_new(struct la_expr_parser *p, const struct la_ss_leaf *leaf, uint8_t *out)
{
    struct la_ss_filter *f = p->ctx;
    struct la_expr_node node = {.op = LA_EXPR_LEAF, .left = (uint8_t)f->leaves_n};
    if (!la_expr_node_new(p, node, out))
        return false;
    f->leaves[f->leaves_n++] = *leaf;
    return true;
}

/* Where the port of "10.0.0.1:80", "[::1]:80", ":80" or "*:80" begins; NULL: there is none. */
static char *
split_port(char *text)
{
    if (text[0] == '[') {
        char *end = strchr(text, ']');
        return end != NULL && end[1] == ':' ? end + 1 : NULL;
    }
    char *colon = strchr(text, ':');
    /* More than one colon is an IPv6 address without a port. */
    return colon != NULL && strchr(colon + 1, ':') == NULL ? colon : NULL;
}

static bool
host_parse(struct la_expr_parser *p, struct la_ss_leaf *addr, struct la_ss_leaf *port,
           bool *has_addr, bool *has_port)
{
    char *text = p->token, *colon = split_port(text);
    *has_port = colon != NULL && strcmp(colon, ":*") != 0;
    if (colon != NULL)
        *colon = '\0';
    if (*has_port && !la_expr_port_parse(colon + 1, &port->port))
        return false;
    size_t n = strlen(text);
    if (text[0] == '[') {
        if (n < 2 || text[n - 1] != ']')
            return false;
        text[n - 1] = '\0';
        text++;
    }
    *has_addr = text[0] != '\0' && strcmp(text, "*") != 0;
    return (*has_addr || colon != NULL || text[0] == '*') &&
           (!*has_addr || la_expr_prefix_parse(text, &addr->addr, &addr->prefix_len));
}

static bool
host_predicate(struct la_expr_parser *p, bool remote, uint8_t *out)
{
    static const char *const equal[] = {"=", "==", "eq", NULL}, *const unequal[] = {"!=", "ne",
                                                                                    "neq", NULL};
    struct la_ss_leaf addr = {.remote = remote};
    struct la_ss_leaf port = {.is_port = true, .remote = remote};
    struct la_expr_node both = {.op = LA_EXPR_AND}, negated = {.op = LA_EXPR_NOT};
    bool has_addr, has_port;
    bool negative = la_expr_take(p, unequal);
    if (!negative)
        (void)la_expr_take(p, equal);
    char shown[LA_EXPR_TOKEN_BYTES];
    (void)snprintf(shown, sizeof(shown), "%s", p->token);
    if (!host_parse(p, &addr, &port, &has_addr, &has_port)) {
        (void)snprintf(p->token, sizeof(p->token), "%s", shown);
        return la_expr_fail(p, "an address such as 10.0.0.1, 10.0.0.0/8 or [::1]:80 is wanted");
    }
    if (!has_addr && !has_port) { /* "*": all of them */
        port.cmp = LA_EXPR_GE;
        has_port = true;
    }
    la_expr_next(p);
    bool ok = !has_addr || leaf_new(p, &addr, &both.left);
    ok = ok && (!has_port || leaf_new(p, &port, &both.right));
    *out = has_addr ? both.left : both.right;
    if (has_addr && has_port)
        ok = ok && la_expr_node_new(p, both, out);
    negated.left = *out;
    return ok && (!negative || la_expr_node_new(p, negated, out));
}

static bool
port_predicate(struct la_expr_parser *p, bool remote, uint8_t *out)
{
    bool there;
    struct la_ss_leaf leaf = {
        .is_port = true, .remote = remote, .cmp = la_expr_comparison(p, &there)};
    const char *text = p->token[0] == ':' ? p->token + 1 : p->token;
    if (!la_expr_port_parse(text, &leaf.port))
        return la_expr_fail(p, "a port such as :443 or :https is wanted");
    la_expr_next(p);
    return leaf_new(p, &leaf, out);
}

static bool
predicate(struct la_expr_parser *p, uint8_t *out)
{
    static const char *const word_src[] = {"src", NULL}, *const word_dst[] = {"dst", NULL},
                             *const word_sport[] = {"sport", NULL},
                             *const word_dport[] = {"dport", NULL};
    if (la_expr_take(p, word_src))
        return host_predicate(p, false, out);
    if (la_expr_take(p, word_dst))
        return host_predicate(p, true, out);
    if (la_expr_take(p, word_sport))
        return port_predicate(p, false, out);
    if (la_expr_take(p, word_dport))
        return port_predicate(p, true, out);
    return la_expr_fail(p, "src, dst, sport or dport is wanted");
}

/* ---- the filter ------------------------------------------------------------------------------ */

/* "state X" adds, "exclude X" takes away from all when nothing was added yet. */
static bool
parse_states(struct la_expr_parser *p)
{
    struct la_ss_filter *f = p->ctx;
    bool any = false;
    for (;;) {
        bool adds = la_expr_is(p, "state");
        if (!adds && !la_expr_is(p, "exclude") && !la_expr_is(p, "excl"))
            return true;
        la_expr_next(p);
        uint32_t states = la_tcp_states_parse(p->token);
        if (states == 0)
            return la_expr_fail(
                p, "a state such as syn-received or a group such as connected is wanted");
        if (!any && !adds)
            f->states = la_tcp_states_parse("all");
        f->states = adds ? f->states | states : f->states & ~states;
        any = true;
        la_expr_next(p);
    }
}

static bool
join(char *const *words, int n, char text[LA_SS_FILTER_TEXT_BYTES])
{
    size_t len = 0;
    text[0] = '\0';
    for (int i = 0; i < n; i++) {
        int more_n = snprintf(text + len, LA_SS_FILTER_TEXT_BYTES - len, "%s ", words[i]);
        if (more_n < 0 || (size_t)more_n >= LA_SS_FILTER_TEXT_BYTES - len)
            return false;
        len += (size_t)more_n;
    }
    return true;
}

bool
la_ss_filter_parse(char *const *words, int n, struct la_ss_filter *out,
                   char error[LA_SS_FILTER_ERROR_BYTES])
{
    char text[LA_SS_FILTER_TEXT_BYTES];
    struct la_expr_parser p = {
        .expr = &out->expr, .error = error, .predicate = predicate, .ctx = out};
    memset(out, 0, sizeof(*out));
    error[0] = '\0';
    if (!join(words, n, text)) {
        (void)snprintf(error, LA_SS_FILTER_ERROR_BYTES, "the filter is too long");
        return false;
    }
    la_expr_begin(&p, text);
    if (!parse_states(&p))
        return false;
    out->has_expression = p.token[0] != '\0';
    return !out->has_expression || la_expr_parse(&p);
}

struct subject {
    const struct la_ss_filter *filter;
    const struct la_endpoint *local, *remote;
};

static bool
leaf_holds(void *ctx, uint8_t idx)
{
    const struct subject *subject = ctx;
    const struct la_ss_leaf *leaf = &subject->filter->leaves[idx];
    const struct la_endpoint *end = leaf->remote ? subject->remote : subject->local;
    return leaf->is_port ? la_expr_compare(leaf->cmp, end->port, leaf->port)
                         : la_addr_in_prefix(&end->addr, &leaf->addr, leaf->prefix_len);
}

bool
la_ss_filter_holds(const struct la_ss_filter *f, const struct la_endpoint *local,
                   const struct la_endpoint *remote)
{
    struct subject subject = {f, local, remote};
    return !f->has_expression || la_expr_holds(&f->expr, leaf_holds, &subject);
}
