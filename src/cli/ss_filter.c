/* SPDX-License-Identifier: MIT
 *
 * ss_filter.c - `state syn-received dport = :443`: which sockets are listed
 *
 * Read first: ss(8), STATE-FILTER and EXPRESSION.
 *
 *     filter     = { ("state" | "exclude") STATES } [ or ]
 *     or         = and { ("or" | "|" | "||") and }
 *     and        = not { [ "and" | "&" | "&&" ] not }
 *     not        = ("not" | "!") not | "(" or ")" | predicate
 *     predicate  = ("src" | "dst") [ "=" | "!=" ] HOST | ("sport" | "dport") [ COMPARISON ] PORT
 *
 * Nodes are counted and so is the depth, so that no text is too much for it.
 */
#include "cli/ss_filter.h"
#include "cli/number.h"

#include "base/addr.h"

#include <netdb.h>
#include <stdio.h>
#include <string.h>

enum { TOKEN_BYTES = 128, DEPTH_MAX = 64 };

struct parser {
    const char *at;          /* behind the present token */
    char token[TOKEN_BYTES]; /* "": the end */
    unsigned depth_n;
    struct la_ss_filter *filter;
    char *error;
};

/* ---- words ----------------------------------------------------------------------------------- */

/* What a token may consist of besides words: the longer ones first. */
static const char *const signs[] = {"&&", "||", "==", "!=", "<=", ">=", "(",
                                    ")",  "&",  "|",  "=",  "!",  "<",  ">"};

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

static void
next(struct parser *p)
{
    p->at += strspn(p->at, " \t\n");
    size_t n = sign_length(p->at);
    while (n == 0 && p->at[n] != '\0')
        n = strcspn(p->at, " \t\n()&|=!<>");
    /* One that is too long is none that is known, and is shown cut. */
    (void)snprintf(p->token, sizeof(p->token), "%.*s", (int)(n < INT16_MAX ? n : INT16_MAX), p->at);
    p->at += n;
}

static bool
is_token(const struct parser *p, const char *text)
{
    return strcmp(p->token, text) == 0;
}

/* Takes it when it is one of these (NULL ends them). */
static bool
take(struct parser *p, const char *const *texts)
{
    for (; *texts != NULL; texts++) {
        if (is_token(p, *texts)) {
            next(p);
            return true;
        }
    }
    return false;
}

static bool
fail(struct parser *p, const char *what)
{
    if (p->error[0] == '\0')
        (void)snprintf(p->error, LA_SS_FILTER_ERROR_BYTES, "%s, not '%.80s'", what,
                       p->token[0] != '\0' ? p->token : "nothing");
    return false;
}

static bool
node_new(struct parser *p, struct la_ss_node node, uint8_t *out)
{
    struct la_ss_filter *f = p->filter;
    if (f->nodes_n == LA_SS_FILTER_NODES_MAX) {
        (void)snprintf(p->error, LA_SS_FILTER_ERROR_BYTES, "the filter is too long");
        return false;
    }
    f->nodes[f->nodes_n] = node;
    *out = (uint8_t)f->nodes_n++;
    return true;
}

/* ---- predicates ------------------------------------------------------------------------------ */

/* "443", "https". */
static bool
port_parse(const char *text, uint16_t *out)
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

/* An address with the length of its prefix, without brackets: "10.0.0.0/8", "::1". */
static bool
prefix_parse(const char *text, struct la_ss_node *node)
{
    char addr[LA_ADDR_TEXT_BYTES];
    size_t n = strcspn(text, "/");
    if (n >= sizeof(addr))
        return false;
    memcpy(addr, text, n);
    addr[n] = '\0';
    if (!la_addr_parse(addr, &node->addr))
        return false;
    unsigned max = la_addr_is_v4(&node->addr) ? 32 : 128;
    node->prefix_len = max;
    if (text[n] == '\0')
        return true;
    uint64_t len;
    if (!la_number_parse(text + n + 1, 0, max, &len))
        return false;
    node->prefix_len = (unsigned)len;
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
host_parse(struct parser *p, struct la_ss_node *addr, struct la_ss_node *port, bool *has_addr,
           bool *has_port)
{
    char *text = p->token, *colon = split_port(text);
    *has_port = colon != NULL && strcmp(colon, ":*") != 0;
    if (colon != NULL)
        *colon = '\0';
    if (*has_port && !port_parse(colon + 1, &port->port))
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
           (!*has_addr || prefix_parse(text, addr));
}

static const char
    *const equal[] = {"=", "==", "eq", NULL},
           *const unequal[] = {"!=", "ne", "neq", NULL}, *const less[] = {"<", "lt", NULL},
           *const at_most[] = {"<=", "le", "leq", NULL}, *const more[] = {">", "gt", NULL},
           *const at_least[] = {">=", "ge", "geq", NULL};

static enum la_ss_cmp
comparison(struct parser *p)
{
    if (take(p, unequal))
        return LA_SS_NE;
    if (take(p, at_most))
        return LA_SS_LE;
    if (take(p, at_least))
        return LA_SS_GE;
    if (take(p, less))
        return LA_SS_LT;
    if (take(p, more))
        return LA_SS_GT;
    (void)take(p, equal);
    return LA_SS_EQ;
}

static bool
host_predicate(struct parser *p, bool remote, uint8_t *out)
{
    struct la_ss_node addr = {.op = LA_SS_ADDR, .remote = remote};
    struct la_ss_node port = {.op = LA_SS_PORT, .remote = remote};
    struct la_ss_node both = {.op = LA_SS_AND}, negated = {.op = LA_SS_NOT};
    bool has_addr, has_port;
    bool negative = take(p, unequal);
    if (!negative)
        (void)take(p, equal);
    char shown[TOKEN_BYTES];
    (void)snprintf(shown, sizeof(shown), "%s", p->token);
    if (!host_parse(p, &addr, &port, &has_addr, &has_port)) {
        (void)snprintf(p->token, sizeof(p->token), "%s", shown);
        return fail(p, "an address such as 10.0.0.1, 10.0.0.0/8 or [::1]:80 is wanted");
    }
    if (!has_addr && !has_port) { /* "*": all of them */
        port.cmp = LA_SS_GE;
        has_port = true;
    }
    next(p);
    bool ok = !has_addr || node_new(p, addr, &both.left);
    ok = ok && (!has_port || node_new(p, port, &both.right));
    *out = has_addr ? both.left : both.right;
    if (has_addr && has_port)
        ok = ok && node_new(p, both, out);
    negated.left = *out;
    return ok && (!negative || node_new(p, negated, out));
}

static bool
port_predicate(struct parser *p, bool remote, uint8_t *out)
{
    struct la_ss_node node = {.op = LA_SS_PORT, .remote = remote, .cmp = comparison(p)};
    const char *text = p->token[0] == ':' ? p->token + 1 : p->token;
    if (!port_parse(text, &node.port))
        return fail(p, "a port such as :443 or :https is wanted");
    next(p);
    return node_new(p, node, out);
}

/* ---- expressions ----------------------------------------------------------------------------- */

static const char *const word_or[] = {"or", "|", "||", NULL},
                         *const word_and[] = {"and", "&", "&&", NULL},
                         *const word_not[] = {"not", "!", NULL}, *const word_open[] = {"(", NULL},
                         *const word_close[] = {")", NULL}, *const word_src[] = {"src", NULL},
                         *const word_dst[] = {"dst", NULL}, *const word_sport[] = {"sport", NULL},
                         *const word_dport[] = {"dport", NULL};

static bool parse_or(struct parser *p, uint8_t *out);

static bool
parse_not(struct parser *p, uint8_t *out)
{
    struct la_ss_node node = {.op = LA_SS_NOT};
    if (++p->depth_n > DEPTH_MAX)
        return fail(p, "the filter is too deep");
    bool ok;
    if (take(p, word_not))
        ok = parse_not(p, &node.left) && node_new(p, node, out);
    else if (take(p, word_open))
        ok = parse_or(p, out) && (take(p, word_close) || fail(p, "')' is wanted"));
    else if (take(p, word_src))
        ok = host_predicate(p, false, out);
    else if (take(p, word_dst))
        ok = host_predicate(p, true, out);
    else if (take(p, word_sport))
        ok = port_predicate(p, false, out);
    else if (take(p, word_dport))
        ok = port_predicate(p, true, out);
    else
        ok = fail(p, "src, dst, sport or dport is wanted");
    p->depth_n--;
    return ok;
}

static bool
parse_and(struct parser *p, uint8_t *out)
{
    struct la_ss_node node = {.op = LA_SS_AND};
    if (!parse_not(p, out))
        return false;
    /* Two side by side are joined by "and", as in ss. */
    while (take(p, word_and) ||
           (p->token[0] != '\0' && !is_token(p, ")") && !is_token(p, "or") && p->token[0] != '|')) {
        node.left = *out;
        if (!parse_not(p, &node.right) || !node_new(p, node, out))
            return false;
    }
    return true;
}

static bool
parse_or(struct parser *p, uint8_t *out)
{
    struct la_ss_node node = {.op = LA_SS_OR};
    if (!parse_and(p, out))
        return false;
    while (take(p, word_or)) {
        node.left = *out;
        if (!parse_and(p, &node.right) || !node_new(p, node, out))
            return false;
    }
    return true;
}

/* "state X" adds, "exclude X" takes away from all when nothing was added yet. */
static bool
parse_states(struct parser *p)
{
    struct la_ss_filter *f = p->filter;
    bool any = false;
    for (;;) {
        bool adds = is_token(p, "state");
        if (!adds && !is_token(p, "exclude") && !is_token(p, "excl"))
            return true;
        next(p);
        uint32_t states = la_tcp_states_parse(p->token);
        if (states == 0)
            return fail(p, "a state such as syn-received or a group such as connected is wanted");
        if (!any && !adds)
            f->states = la_tcp_states_parse("all");
        f->states = adds ? f->states | states : f->states & ~states;
        any = true;
        next(p);
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
    struct parser p = {.at = text, .filter = out, .error = error};
    memset(out, 0, sizeof(*out));
    error[0] = '\0';
    if (!join(words, n, text)) {
        (void)snprintf(error, LA_SS_FILTER_ERROR_BYTES, "the filter is too long");
        return false;
    }
    next(&p);
    if (!parse_states(&p))
        return false;
    out->has_expression = p.token[0] != '\0';
    if (!out->has_expression)
        return true;
    return parse_or(&p, &out->root) && (p.token[0] == '\0' || fail(&p, "the end is wanted"));
}

/* ---- evaluation ------------------------------------------------------------------------------ */

static bool
port_holds(const struct la_ss_node *node, uint16_t port)
{
    switch (node->cmp) {
    case LA_SS_EQ:
        return port == node->port;
    case LA_SS_NE:
        return port != node->port;
    case LA_SS_LT:
        return port < node->port;
    case LA_SS_LE:
        return port <= node->port;
    case LA_SS_GT:
        return port > node->port;
    case LA_SS_GE:
        return port >= node->port;
    }
    return false;
}

static bool
holds(const struct la_ss_filter *f, uint8_t idx, const struct la_endpoint *local,
      const struct la_endpoint *remote)
{
    const struct la_ss_node *node = &f->nodes[idx];
    const struct la_endpoint *end = node->remote ? remote : local;
    switch (node->op) {
    case LA_SS_AND:
        return holds(f, node->left, local, remote) && holds(f, node->right, local, remote);
    case LA_SS_OR:
        return holds(f, node->left, local, remote) || holds(f, node->right, local, remote);
    case LA_SS_NOT:
        return !holds(f, node->left, local, remote);
    case LA_SS_ADDR:
        return la_addr_in_prefix(&end->addr, &node->addr, node->prefix_len);
    case LA_SS_PORT:
        return port_holds(node, end->port);
    }
    return false;
}

bool
la_ss_filter_holds(const struct la_ss_filter *f, const struct la_endpoint *local,
                   const struct la_endpoint *remote)
{
    return !f->has_expression || holds(f, f->root, local, remote);
}
