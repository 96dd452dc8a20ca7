/* SPDX-License-Identifier: MIT
 *
 * conn_filter.c - which connections are shown
 *
 * Read first: conn_field.def, expression.h.
 *
 *     predicate = FIELD [ COMPARISON VALUE | "in" "{" RANGE { [","] RANGE } "}" ]
 *     RANGE     = VALUE [ ".." VALUE ]
 *
 * A field with several values holds when one of them does; "!=" when none is equal, as in
 * Wireshark. A field alone holds when it is not 0, and is true.
 */
#include "cli/conn_filter.h"
#include "cli/conn_field.h"
#include "cli/number.h"

#include "base/addr.h"
#include "base/assert.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* ---- values -----------------------------------------------------------------------------------
 */

/* "client, server, both, ... is wanted" */
static bool
fail_names(struct la_expr_parser *p, enum la_conn_type type)
{
    char wanted[LA_EXPR_ERROR_BYTES];
    size_t n = 0;
    const char *name;
    for (unsigned v = 0; (name = la_conn_value_name(type, v)) != NULL && n < 70; v++)
        n += (size_t)snprintf(wanted + n, sizeof(wanted) - n, "%s%s", v > 0 ? ", " : "", name);
    (void)snprintf(wanted + n, sizeof(wanted) - n, "%s is wanted", name != NULL ? ", ..." : "");
    return la_expr_fail(p, wanted);
}

/* ---- values -----------------------------------------------------------------------------------
 */

/* "20ms", "1.5s", "300us", "2min", "1h"; a number alone is seconds, as in Wireshark. */
static bool
time_parse(const char *text, int64_t *us)
{
    static const struct {
        const char *unit;
        double us;
    } units[] = {{"", 1e6}, {"us", 1}, {"ms", 1e3}, {"s", 1e6}, {"min", 6e7}, {"h", 3.6e9}};
    char *rest;
    if (text[0] < '0' || text[0] > '9')
        return false;
    double v = strtod(text, &rest);
    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
        if (strcmp(rest, units[i].unit) == 0 && v * units[i].us < 9e18) {
            *us = (int64_t)(v * units[i].us + 0.5);
            return true;
        }
    return false;
}

static bool
yes_parse(const char *text, int64_t *out)
{
    *out = strcmp(text, "1") == 0 || strcasecmp(text, "true") == 0 || strcasecmp(text, "yes") == 0;
    return *out != 0 || strcmp(text, "0") == 0 || strcasecmp(text, "false") == 0 ||
           strcasecmp(text, "no") == 0;
}

/* The word as a value of the leaf's field. */
static bool
value_parse(struct la_expr_parser *p, const char *word, struct la_conn_filter_leaf *leaf)
{
    uint64_t n = 0;
    uint16_t port = 0;
    enum la_conn_type type = la_conn_fields[leaf->field].type;
    switch (type) {
    case LA_CONN_NUMBER:
        if (!la_number_parse(word, 0, INT64_MAX, &n))
            return la_expr_fail(p, "a number is wanted");
        leaf->value = (int64_t)n;
        return true;
    case LA_CONN_TIME:
        return time_parse(word, &leaf->value) ||
               la_expr_fail(p, "a time such as 20ms, 1.5s or 2min is wanted");
    case LA_CONN_YES:
        return yes_parse(word, &leaf->value) || la_expr_fail(p, "1 or 0, true or false is wanted");
    case LA_CONN_ADDR:
        return la_expr_prefix_parse(word, &leaf->addr, &leaf->prefix_len) ||
               la_expr_fail(p, "an address such as 10.0.0.1, 10.0.0.0/8 or fd00::/8 is wanted");
    case LA_CONN_PORT:
        if (!la_expr_port_parse(word, &port))
            return la_expr_fail(p, "a port such as 443 or https is wanted");
        leaf->value = port;
        return true;
    case LA_CONN_STATES:
        leaf->value = la_tcp_states_parse(word);
        return leaf->value != 0 || la_expr_fail(p, "a state such as TIME-WAIT is wanted");
    case LA_CONN_OPEN_KIND:
    case LA_CONN_CLOSE_KIND:
    case LA_CONN_WHO:
    case LA_CONN_RESET_CAUSE:
    case LA_CONN_TAP_PLACE:
    case LA_CONN_FAMILY:
    case LA_CONN_FINDING:
        return la_conn_value_find(type, word, &leaf->value) || fail_names(p, type);
    }
    return false;
}

/* ---- predicates -------------------------------------------------------------------------------
 */

static bool
leaf_new(struct la_expr_parser *p, const struct la_conn_filter_leaf *leaf, uint8_t *out)
{
    struct la_conn_filter *f = p->ctx;
    struct la_expr_node node = {.op = LA_EXPR_LEAF, .left = (uint8_t)f->leaves_n};
    if (!la_expr_node_new(p, node, out))
        return false;
    f->leaves[f->leaves_n++] = *leaf;
    return true;
}

static bool
is_ordered(enum la_conn_type type)
{
    return type == LA_CONN_NUMBER || type == LA_CONN_TIME || type == LA_CONN_PORT;
}

/* "8000..8080", or one value. */
static bool
range(struct la_expr_parser *p, struct la_conn_filter_leaf leaf, uint8_t *out)
{
    char word[LA_EXPR_TOKEN_BYTES];
    (void)snprintf(word, sizeof(word), "%s", p->token);
    char *dots = is_ordered(la_conn_fields[leaf.field].type) ? strstr(word, "..") : NULL;
    struct la_expr_node both = {.op = LA_EXPR_AND};
    if (dots != NULL)
        *dots = '\0';
    leaf.cmp = dots != NULL ? LA_EXPR_GE : LA_EXPR_EQ;
    if (!value_parse(p, word, &leaf) || !leaf_new(p, &leaf, &both.left))
        return false;
    *out = both.left;
    if (dots != NULL) {
        leaf.cmp = LA_EXPR_LE;
        if (!value_parse(p, dots + 2, &leaf) || !leaf_new(p, &leaf, &both.right) ||
            !la_expr_node_new(p, both, out))
            return false;
    }
    la_expr_next(p);
    return true;
}

/* "{443 80, 8000..8080}" */
static bool
set_predicate(struct la_expr_parser *p, const struct la_conn_filter_leaf *leaf, uint8_t *out)
{
    static const char *const open[] = {"{", NULL}, *const close[] = {"}", NULL},
                             *const comma[] = {",", NULL};
    if (!la_expr_take(p, open))
        return la_expr_fail(p, "'{' is wanted behind 'in'");
    if (!range(p, *leaf, out))
        return false;
    while (!la_expr_take(p, close)) {
        struct la_expr_node node = {.op = LA_EXPR_OR, .left = *out};
        (void)la_expr_take(p, comma);
        if (!range(p, *leaf, &node.right) || !la_expr_node_new(p, node, out))
            return false;
    }
    return true;
}

static bool
predicate(struct la_expr_parser *p, uint8_t *out)
{
    static const char *const in[] = {"in", NULL};
    enum la_conn_field field;
    struct la_conn_filter_leaf leaf = {0};
    bool there;
    if (p->quoted || !la_conn_field_find(p->token, &field, &leaf.ends))
        return la_expr_fail(p, "a field such as port or closed_by is wanted (--filter help)");
    enum la_conn_type type = la_conn_fields[field].type;
    leaf.field = (uint8_t)field;
    la_expr_next(p);
    if (la_expr_take(p, in))
        return set_predicate(p, &leaf, out);
    leaf.cmp = la_expr_comparison(p, &there);
    if (!there) {
        leaf.cmp = LA_EXPR_NE;
        leaf.value = 0;
        return type <= LA_CONN_YES ? leaf_new(p, &leaf, out)
                                   : la_expr_fail(p, "a comparison such as == is wanted");
    }
    if (!is_ordered(type) && leaf.cmp != LA_EXPR_EQ && leaf.cmp != LA_EXPR_NE)
        return la_expr_fail(p, "this field can be equal or not (== or !=), and no more");
    if (!value_parse(p, p->token, &leaf))
        return false;
    la_expr_next(p);
    struct la_expr_node negated = {.op = LA_EXPR_NOT};
    bool none_equal = leaf.cmp == LA_EXPR_NE;
    leaf.cmp = none_equal ? LA_EXPR_EQ : leaf.cmp;
    if (!leaf_new(p, &leaf, none_equal ? &negated.left : out))
        return false;
    return !none_equal || la_expr_node_new(p, negated, out);
}

bool
la_conn_filter_parse(const char *text, struct la_conn_filter *out, char error[LA_EXPR_ERROR_BYTES])
{
    struct la_expr_parser p = {
        .expr = &out->expr, .error = error, .predicate = predicate, .ctx = out};
    memset(out, 0, sizeof(*out));
    la_expr_begin(&p, text);
    return la_expr_parse(&p);
}

/* ---- evaluation -------------------------------------------------------------------------------
 */

/* A member of a connection or of one of its directions. */
static int64_t
member_value(enum la_conn_field field, const void *base)
{
    const uint8_t *at = (const uint8_t *)base + la_conn_fields[field].off;
    uint8_t v8;
    uint32_t v32;
    int64_t v64;
    switch (la_conn_fields[field].bytes) {
    case sizeof(v8):
        memcpy(&v8, at, sizeof(v8));
        return v8;
    case sizeof(v32):
        memcpy(&v32, at, sizeof(v32));
        return v32;
    default:
        LA_ASSERT(la_conn_fields[field].bytes == sizeof(v64));
        memcpy(&v64, at, sizeof(v64));
        return v64;
    }
}

static int64_t
us_between(la_instant from, la_instant to)
{
    return (to.ns - from.ns) / 1000;
}

/* What is the connection's; -1: not known. */
static int64_t
conn_value(enum la_conn_field field, const struct la_explain_conn *conn, la_instant begin_at)
{
    if (la_conn_fields[field].bytes > 0)
        return member_value(field, conn);
    if (field == LA_CONN_FIELD_V4 || field == LA_CONN_FIELD_V6)
        return la_addr_is_v4(&conn->at[0].addr) == (field == LA_CONN_FIELD_V4);
    if (field == LA_CONN_FIELD_TUNNEL)
        return conn->path_key != 0;
    if (field == LA_CONN_FIELD_START)
        return us_between(begin_at, conn->first_at);
    if (field == LA_CONN_FIELD_END)
        return us_between(begin_at, conn->last_at);
    if (field == LA_CONN_FIELD_DURATION)
        return us_between(conn->first_at, conn->last_at);
    return 1; /* "tcp" */
}

/* What a direction has; -1: not known. */
static int64_t
side_value(enum la_conn_field field, const struct la_explain_conn *conn, unsigned end)
{
    const struct la_explain_direction *d = &conn->direction[end];
    bool is_rtt = field == LA_CONN_FIELD_RTT || field == LA_CONN_FIELD_RTT_MIN ||
                  field == LA_CONN_FIELD_RTT_MAX;
    if (is_rtt && d->rtt.samples_n == 0)
        return conn->open.rtt_us;
    if (la_conn_fields[field].bytes > 0)
        return member_value(field, d);
    return (d->flags >> (field - LA_CONN_FIELD_FLAG_FIN) & 1) != 0;
}

/* Counts of both directions are added; everything else is asked of each. */
static bool
is_added(enum la_conn_field field)
{
    return la_conn_fields[field].type == LA_CONN_NUMBER && field != LA_CONN_FIELD_FLIGHT &&
           field != LA_CONN_FIELD_WINDOW && field != LA_CONN_FIELD_TTL;
}

/* What is not known (-1) is neither more nor less than anything. */
static bool
value_holds(const struct la_conn_filter_leaf *leaf, int64_t v)
{
    bool unknown = v < 0 && la_conn_fields[leaf->field].type == LA_CONN_TIME &&
                   leaf->field != LA_CONN_FIELD_START && leaf->field != LA_CONN_FIELD_END;
    return !unknown && la_expr_compare(leaf->cmp, v, leaf->value);
}

static bool
finding_holds(const struct la_conn_filter_leaf *leaf, const struct la_explain_conn *conn)
{
    for (size_t i = 0; i < conn->findings_n; i++)
        if (conn->findings[i].id == leaf->value)
            return true;
    return false;
}

/* Is the end one of those that the leaf is about? */
static bool
concerns(const struct la_conn_filter_leaf *leaf, const struct la_explain_conn *conn, unsigned end)
{
    enum la_conn_ends ends = la_conn_fields[leaf->field].ends;
    if ((leaf->ends >> end & 1) == 0)
        return false;
    return (ends != LA_CONN_SENDERS || conn->direction[end].segments > 0) &&
           (ends != LA_CONN_RECEIVERS || conn->direction[1 - end].segments > 0);
}

static bool
end_holds(const struct la_conn_filter_leaf *leaf, const struct la_explain_conn *conn, unsigned end)
{
    if (!concerns(leaf, conn, end))
        return false;
    enum la_conn_type type = la_conn_fields[leaf->field].type;
    if (type == LA_CONN_ADDR)
        return la_addr_in_prefix(&conn->at[end].addr, &leaf->addr, leaf->prefix_len);
    if (type == LA_CONN_PORT)
        return la_expr_compare(leaf->cmp, conn->at[end].port, leaf->value);
    if (type == LA_CONN_STATES)
        return (conn->proven[end] & leaf->value) != 0;
    return value_holds(leaf, side_value((enum la_conn_field)leaf->field, conn, end));
}

struct subject {
    const struct la_conn_filter *filter;
    const struct la_explain_conn *conn;
    la_instant begin_at;
};

static bool
leaf_holds(void *ctx, uint8_t idx)
{
    const struct subject *s = ctx;
    const struct la_conn_filter_leaf *leaf = &s->filter->leaves[idx];
    enum la_conn_field field = (enum la_conn_field)leaf->field;
    if (field == LA_CONN_FIELD_FINDING)
        return finding_holds(leaf, s->conn);
    if (la_conn_fields[field].ends == LA_CONN_ONE)
        return value_holds(leaf, conn_value(field, s->conn, s->begin_at));
    if (is_added(field)) {
        int64_t sum = 0;
        for (unsigned end = 0; end < 2; end++)
            if (concerns(leaf, s->conn, end))
                sum += side_value(field, s->conn, end);
        return value_holds(leaf, sum);
    }
    /* "Not 0" of flags and the like: of either end. */
    return end_holds(leaf, s->conn, LA_END_CLIENT) || end_holds(leaf, s->conn, LA_END_SERVER);
}

bool
la_conn_filter_holds(const struct la_conn_filter *filter, const struct la_explain_conn *conn,
                     la_instant begin_at)
{
    struct subject subject = {filter, conn, begin_at};
    return la_expr_holds(&filter->expr, leaf_holds, &subject);
}
