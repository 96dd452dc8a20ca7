/* SPDX-License-Identifier: MIT
 *
 * check.c - what stands between %{ and }%: conditions on the connection and on what was counted
 *
 * Statements end at a line's end or a semicolon: conditions, name = value, name += value, and
 * print(), which says nothing here. Operators as in C, with and, or, not and a <= b <= c as in
 * Python; names are those of info.def and of variables; `reason NAME` and `stack NAME` are
 * counters.
 */
#include "drill/run.h"

#include "host/tcp_info.h"

#include <ctype.h>
#include <linux/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DEPTH_MAX = 32, WORD_BYTES = 64 };

struct check {
    struct la_drill_run *run;
    const char *p, *end;
    unsigned depth;
    bool wrong;
    char seen[LA_DRILL_MESSAGE_BYTES]; /* names and their values */
};

static int64_t expression(struct check *c);

static int64_t
wrong(struct check *c, const char *what, const char *word)
{
    if (!c->wrong)
        la_drill_fail(c->run, "the condition cannot be read: %s%s", what, word);
    c->wrong = true;
    c->p = c->end;
    return 0;
}

/* ---- words ------------------------------------------------------------------------------ */

static void
skip(struct check *c)
{
    while (c->p < c->end && isspace((unsigned char)*c->p))
        c->p++;
    if (c->p + 1 < c->end && c->p[0] == '\\' && c->p[1] == '\n') {
        c->p += 2;
        skip(c);
    }
}

static bool
try_op(struct check *c, const char *op)
{
    size_t n = strlen(op);
    skip(c);
    if ((size_t)(c->end - c->p) < n || memcmp(c->p, op, n) != 0)
        return false;
    bool word = isalpha((unsigned char)op[0]) != 0;
    if (word && c->p + n < c->end && (isalnum((unsigned char)c->p[n]) || c->p[n] == '_'))
        return false;
    c->p += n;
    return true;
}

/* FIN-WAIT-1 is a name, a-1 is not. */
static bool
joins(const struct check *c, size_t word_n)
{
    return *c->p == '-' && word_n > 0 && isupper((unsigned char)c->p[-1]) && c->p + 1 < c->end &&
           (isupper((unsigned char)c->p[1]) || isdigit((unsigned char)c->p[1]));
}

static void
word(struct check *c, char out[WORD_BYTES])
{
    size_t n = 0;
    skip(c);
    while (c->p < c->end && (isalnum((unsigned char)*c->p) || *c->p == '_' || joins(c, n))) {
        if (n < WORD_BYTES - 1)
            out[n++] = *c->p;
        c->p++;
    }
    out[n] = 0;
}

static int64_t
saw(struct check *c, const char *kind, const char *name, int64_t value)
{
    size_t n = strlen(c->seen);
    if (n < sizeof(c->seen))
        (void)snprintf(c->seen + n, sizeof(c->seen) - n, "%s%s%s = %lld", n == 0 ? "" : ", ", kind,
                       name, (long long)value);
    return value;
}

/* ---- names ------------------------------------------------------------------------------ */

static int64_t
reason(struct check *c)
{
    char name[WORD_BYTES];
    word(c, name);
    for (unsigned i = 1; i < LA_REASON_COUNT; i++)
        if (strcmp(la_reason_name((enum la_reason)i), name) == 0)
            return saw(c, "reason ", name, (int64_t)la_stack_stats(c->run->stack)->reason[i]);
    return wrong(c, "no reason is called ", name);
}

static int64_t
counter(struct check *c)
{
    char name[WORD_BYTES];
    const struct la_stack_stats *s = la_stack_stats(c->run->stack);
    const struct {
        const char *name;
        uint64_t value;
    } all[] = {{"tcp_segments_in", s->tcp_segments_in},
               {"tcp_segments_out", s->tcp_segments_out},
               {"tcp_retransmissions", s->tcp_retransmissions},
               {"tcp_active_opens", s->tcp_active_opens},
               {"tcp_passive_opens", s->tcp_passive_opens},
               {"tcp_attempt_fails", s->tcp_attempt_fails},
               {"tcp_resets_in", s->tcp_resets_in},
               {"tcp_resets_out", s->tcp_resets_out},
               {"udp_in", s->udp_in},
               {"udp_out", s->udp_out},
               {"icmp_in", s->icmp_in},
               {"icmp_out", s->icmp_out}};
    word(c, name);
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
        if (strcmp(all[i].name, name) == 0)
            return saw(c, "stack ", name, (int64_t)all[i].value);
    return wrong(c, "the stack counts no ", name);
}

static bool
constant(const char *name, int64_t *out)
{
    static const struct {
        const char *name;
        int64_t value;
    } names[] = {{"SLOW_START", LA_CC_SLOW_START},
                 {"AVOIDANCE", LA_CC_AVOIDANCE},
                 {"RECOVERY", LA_CC_RECOVERY},
                 {"LOSS", LA_CC_LOSS},
                 {"BBR_STARTUP", LA_CC_BBR_STARTUP},
                 {"BBR_DRAIN", LA_CC_BBR_DRAIN},
                 {"BBR_DOWN", LA_CC_BBR_DOWN},
                 {"BBR_CRUISE", LA_CC_BBR_CRUISE},
                 {"BBR_REFILL", LA_CC_BBR_REFILL},
                 {"BBR_UP", LA_CC_BBR_UP},
                 {"BBR_PROBE_RTT", LA_CC_BBR_PROBE_RTT},
                 {"TCP_CA_Open", TCP_CA_Open},
                 {"TCP_CA_Disorder", TCP_CA_Disorder},
                 {"TCP_CA_CWR", TCP_CA_CWR},
                 {"TCP_CA_Recovery", TCP_CA_Recovery},
                 {"TCP_CA_Loss", TCP_CA_Loss},
                 {"TCPI_OPT_TIMESTAMPS", TCPI_OPT_TIMESTAMPS},
                 {"TCPI_OPT_SACK", TCPI_OPT_SACK},
                 {"TCPI_OPT_WSCALE", TCPI_OPT_WSCALE},
                 {"TCPI_OPT_ECN", TCPI_OPT_ECN},
                 {"TCPI_OPT_ECN_SEEN", TCPI_OPT_ECN_SEEN},
                 {"TCPI_OPT_SYN_DATA", TCPI_OPT_SYN_DATA},
                 {"TCP_CLOSE", LA_TCP_CLOSED}, /* Linux's */
                 {"TCP_SYN_RECV", LA_TCP_SYN_RECEIVED},
                 {"TCP_FIN_WAIT1", LA_TCP_FIN_WAIT_1},
                 {"TCP_FIN_WAIT2", LA_TCP_FIN_WAIT_2},
                 {"true", 1},
                 {"True", 1},
                 {"false", 0},
                 {"False", 0}};
    const char *bare = strncmp(name, "TCP_", 4) == 0    ? name + 4
                       : strncmp(name, "TCPI_", 5) == 0 ? name + 5 /* FreeBSD's */
                                                        : name;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (strcmp(names[i].name, name) == 0) {
            *out = names[i].value;
            return true;
        }
    enum la_tcp_state state = la_tcp_state_parse(bare);
    *out = state == LA_TCP_SYN_RECEIVED_ACTIVE ? LA_TCP_SYN_RECEIVED : (int64_t)state;
    return state != 0;
}

/* The connection that the latest call named, else the flow's: nobody has accepted it yet, or what
 * is left of it rests in TIME-WAIT. */
static bool
status_of(const struct la_drill_run *run, struct la_conn_status *status)
{
    uint32_t cursor = 0;
    la_handle conn;
    if (run->conn != 0 && la_conn_status(run->stack, run->conn, status) == LA_OK)
        return true;
    while (run->flow != NULL && la_conn_next(run->stack, &cursor, &conn))
        if (conn != 0 && la_conn_status(run->stack, conn, status) == LA_OK &&
            status->remote.port == run->flow->remote.port &&
            status->local.port == run->flow->local.port)
            return true;
    return false;
}

/* NULL: there is none. */
static struct la_drill_variable *
variable(struct la_drill_run *run, const char *name)
{
    for (uint32_t i = 0; i < run->variables_n; i++)
        if (strcmp(run->variables[i].name, name) == 0)
            return &run->variables[i];
    return NULL;
}

/* Only its state outlives a connection. */
static int64_t
field(struct check *c, const char *name)
{
    struct la_conn_status status = {0};
    const struct la_conn_status *s = &status;
    const struct la_drill_variable *v = variable(c->run, name);
    struct tcp_info info = {0};
    if (v != NULL)
        return saw(c, "", name, v->value);
    bool there = status_of(c->run, &status);
    bool asked = !c->run->strict && strncmp(name, "tcpi_", 5) == 0; /* asks also of none */
    bool asks_state = strcmp(name, "state") == 0 || strcmp(name, "tcpi_state") == 0;
    if (asks_state && (!there || (c->run->listener && !c->run->strict)))
        return saw(c, "", name, c->run->listener ? LA_TCP_LISTEN : LA_TCP_CLOSED);
    if (there)
        la_tcp_info_of(s, la_drill_now(c->run), &info);
    const struct {
        const char *name;
        int64_t value;
    } all[] = {
#define FIELD(name, expression) {#name, (int64_t)(expression)},
#include "drill/info.def"
#undef FIELD
    };
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
        if (strcmp(all[i].name, name) == 0)
            return there || asked ? saw(c, "", name, all[i].value)
                                  : wrong(c, "there is no connection any more to ask for ", name);
    return wrong(c, "nothing is called ", name);
}

/* ---- grammar ---------------------------------------------------------------------------- */

static int64_t
primary(struct check *c)
{
    char name[WORD_BYTES];
    int64_t value;
    if (c->depth > DEPTH_MAX)
        return wrong(c, "it is nested too deep", "");
    c->depth++;
    if (try_op(c, "(")) {
        value = expression(c);
        if (!try_op(c, ")"))
            value = wrong(c, "a ) is missing", "");
    } else if (try_op(c, "-")) {
        value = (int64_t)(0 - (uint64_t)primary(c));
    } else if (try_op(c, "~")) {
        value = ~primary(c);
    } else if (try_op(c, "!")) {
        value = !primary(c);
    } else {
        word(c, name);
        if (isdigit((unsigned char)name[0]))
            value = (int64_t)strtoull(name, NULL, name[1] == 'x' ? 16 : 10);
        else if (name[0] == 0)
            value = wrong(c, "a value is missing", "");
        else if (strcmp(name, "reason") == 0)
            value = reason(c);
        else if (strcmp(name, "stack") == 0)
            value = counter(c);
        else if (!constant(name, &value))
            value = field(c, name);
    }
    c->depth--;
    return value;
}

static int64_t
product(struct check *c)
{
    int64_t a = primary(c);
    for (;;) {
        bool times = try_op(c, "*"), divide = !times && (try_op(c, "//") || try_op(c, "/"));
        bool modulo = !times && !divide && try_op(c, "%");
        if (!times && !divide && !modulo)
            return a;
        int64_t b = primary(c);
        if (times)
            a = (int64_t)((uint64_t)a * (uint64_t)b);
        else if (b == 0 || b == -1)
            return wrong(c, "a division by 0 or -1", "");
        else
            a = divide ? a / b : a % b;
    }
}

static int64_t
sum(struct check *c)
{
    int64_t a = product(c);
    for (;;) {
        if (try_op(c, "+"))
            a = (int64_t)((uint64_t)a + (uint64_t)product(c));
        else if (try_op(c, "-"))
            a = (int64_t)((uint64_t)a - (uint64_t)product(c));
        else
            return a;
    }
}

/* Shifts, and the bits: tighter than comparisons, as in Python. */
static int64_t
shift(struct check *c)
{
    int64_t a = sum(c);
    for (;;) {
        bool left = try_op(c, "<<");
        if (!left && !try_op(c, ">>"))
            return a;
        uint64_t by = (uint64_t)sum(c) & 63;
        a = left ? (int64_t)((uint64_t)a << by) : a >> by;
    }
}

/* & and not &&. */
static bool
try_bit(struct check *c, char op)
{
    skip(c);
    if (c->p == c->end || *c->p != op || (c->p + 1 < c->end && c->p[1] == op))
        return false;
    c->p++;
    return true;
}

static int64_t
bits(struct check *c)
{
    int64_t a = shift(c);
    for (;;) {
        if (try_bit(c, '&'))
            a &= shift(c);
        else if (try_bit(c, '|'))
            a |= shift(c);
        else if (try_bit(c, '^'))
            a ^= shift(c);
        else
            return a;
    }
}

static bool
compare(struct check *c, int64_t *a, bool *holds)
{
    static const char *const ops[] = {"==", "!=", "<=", ">=", "<", ">"};
    unsigned op = 0;
    while (op < 6 && !try_op(c, ops[op]))
        op++;
    if (op == 6)
        return false;
    int64_t b = bits(c);
    const bool is[] = {*a == b, *a != b, *a <= b, *a >= b, *a<b, *a> b};
    *holds &= is[op];
    *a = b;
    return true;
}

static int64_t comparison(struct check *c);

static int64_t
negated(struct check *c)
{
    if (c->depth > DEPTH_MAX)
        return wrong(c, "it is nested too deep", "");
    c->depth++;
    int64_t value = comparison(c);
    c->depth--;
    return value;
}

/* a <= b <= c is a <= b and b <= c. */
static int64_t
comparison(struct check *c)
{
    bool any = false, holds = true;
    if (try_op(c, "not"))
        return !negated(c);
    int64_t a = bits(c);
    while (compare(c, &a, &holds))
        any = true;
    return any ? holds : a;
}

static int64_t
conjunction(struct check *c)
{
    int64_t a = comparison(c);
    while (try_op(c, "&&") || try_op(c, "and")) {
        int64_t b = comparison(c);
        a = a != 0 && b != 0;
    }
    return a;
}

static int64_t
expression(struct check *c)
{
    int64_t a = conjunction(c);
    while (try_op(c, "||") || try_op(c, "or")) {
        int64_t b = conjunction(c);
        a = a != 0 || b != 0;
    }
    return a;
}

/* name = value, or name += value. True: it was one. */
static bool
assigns(struct check *c)
{
    struct la_drill_run *run = c->run;
    const char *from = c->p;
    char name[WORD_BYTES];
    word(c, name);
    bool adds = try_op(c, "+=");
    bool sets = !adds && name[0] != 0 && !isdigit((unsigned char)name[0]) && try_bit(c, '=');
    struct la_drill_variable *v = variable(run, name);
    if (!adds && !sets) {
        c->p = from;
        return false;
    }
    if (v == NULL && sets && run->variables_n < LA_DRILL_VARIABLES_N &&
        strlen(name) < sizeof(v->name)) {
        v = &run->variables[run->variables_n++];
        memcpy(v->name, name, strlen(name) + 1);
    }
    int64_t value = expression(c);
    if (v == NULL)
        wrong(c, "nothing is called ", name);
    else if (!c->wrong)
        v->value = adds ? (int64_t)((uint64_t)v->value + (uint64_t)value) : value;
    return true;
}

/* One condition; behind a comma stands what Python would print. */
static bool
statement(struct check *c)
{
    c->seen[0] = 0;
    if (try_op(c, "print"))
        return true;
    bool asserts = try_op(c, "assert");
    bool done = !asserts && assigns(c);
    int64_t value = done ? 1 : expression(c);
    if (c->wrong)
        return false;
    skip(c);
    if (c->p < c->end && *c->p != ',' && *c->p != '#')
        wrong(c, "what stands behind it", "");
    if (value == 0 && !c->wrong) {
        la_drill_fail(c->run, "the condition does not hold");
        la_drill_fail_came(c->run, c->seen);
    }
    return value != 0 && !c->wrong;
}

/* Where the statement ends that begins at `p`: a backslash takes the next line along. */
static const char *
end_of(const char *p, const char *end)
{
    char quote = 0;
    for (; p < end; p++) {
        if (*p == '\\' && p + 1 < end)
            p++;
        else if (*p == '\n' || (quote == 0 && *p == ';'))
            break;
        else if (*p == '\'' || *p == '"')
            quote = quote == 0 ? *p : quote == *p ? (char)0 : quote;
    }
    return p;
}

bool
la_drill_check(struct la_drill_run *run, const struct la_drill_event *event)
{
    const char *p = (const char *)event->code.p, *end = p + event->code.n;
    while (p < end) {
        const char *stop = end_of(p, end);
        struct check c = {.run = run, .p = p, .end = stop};
        skip(&c);
        if (c.p < c.end && *c.p != '#' && !statement(&c))
            return false;
        for (; p < stop; p++)
            run->line += *p == '\n';
        run->line += stop < end && *stop == '\n';
        p = stop + (stop < end);
    }
    return true;
}
