/* SPDX-License-Identifier: MIT
 *
 * conn_field.c - what a connection filter can ask: conn_field.def as a table
 */
#include "cli/conn_field.h"
#include "cli/conn_filter.h"

#include <stddef.h>
#include <string.h>
#include <strings.h>

#define CONN_MEMBER(m) offsetof(struct la_explain_conn, m), sizeof(((struct la_explain_conn *)0)->m)
#define SIDE_MEMBER(m)                                                                             \
    offsetof(struct la_explain_direction, m), sizeof(((struct la_explain_direction *)0)->m)

const struct la_conn_field_row la_conn_fields[LA_CONN_FIELDS_N] = {
#define FIELD(id, type, ends, name, text) {LA_CONN_##type, LA_CONN_##ends, name, text, 0, 0},
#define CONN_FIELD(id, type, name, member, text)                                                   \
    {LA_CONN_##type, LA_CONN_ONE, name, text, CONN_MEMBER(member)},
#define SIDE_FIELD(id, type, name, member, text)                                                   \
    {LA_CONN_##type, LA_CONN_SIDES, name, text, SIDE_MEMBER(member)},
#define ALIAS(name, id)
#include "cli/conn_field.def"
#undef FIELD
#undef CONN_FIELD
#undef SIDE_FIELD
#undef ALIAS
};

static const struct {
    const char *name;
    enum la_conn_field field;
} aliases[] = {
#define FIELD(id, type, ends, name, text)
#define CONN_FIELD(id, type, name, member, text)
#define SIDE_FIELD(id, type, name, member, text)
#define ALIAS(name, id) {name, LA_CONN_FIELD_##id},
#include "cli/conn_field.def"
#undef FIELD
#undef CONN_FIELD
#undef SIDE_FIELD
#undef ALIAS
};

/* ---- names ------------------------------------------------------------------------------------
 */

/* The name of a value, NULL behind the last one. */
const char *
la_conn_value_name(enum la_conn_type type, unsigned v)
{
    switch (type) {
    case LA_CONN_OPEN_KIND:
        return v < LA_OPEN_KIND_COUNT ? la_open_kind_name((enum la_open_kind)v) : NULL;
    case LA_CONN_CLOSE_KIND:
        return v < LA_CLOSE_KIND_COUNT ? la_close_kind_name((enum la_close_kind)v) : NULL;
    case LA_CONN_WHO:
        return v < LA_WHO_COUNT ? la_who_name((enum la_who)v) : NULL;
    case LA_CONN_RESET_CAUSE:
        return v < LA_RESET_CAUSE_COUNT ? la_reset_cause_name((enum la_reset_cause)v) : NULL;
    case LA_CONN_TAP_PLACE:
        return v < LA_TAP_PLACE_COUNT ? la_tap_place_name((enum la_tap_place)v) : NULL;
    case LA_CONN_FAMILY:
        return v < LA_CONGESTION_FAMILY_COUNT
                   ? la_congestion_family_name((enum la_congestion_family)v)
                   : NULL;
    case LA_CONN_FINDING:
        return v < LA_FINDING_COUNT ? la_finding_name((enum la_finding)v) : NULL;
    case LA_CONN_NUMBER:
    case LA_CONN_TIME:
    case LA_CONN_YES:
    case LA_CONN_ADDR:
    case LA_CONN_PORT:
    case LA_CONN_STATES:
        break;
    }
    return NULL;
}

/* Upper and lower case are one, and so are '-' and '_'. */
static bool
is_same_name(const char *a, const char *b)
{
    for (; *a != '\0' && *b != '\0'; a++, b++)
        if (strncasecmp(a, b, 1) != 0 && !((*a == '-' || *a == '_') && (*b == '-' || *b == '_')))
            return false;
    return *a == *b;
}

bool
la_conn_value_find(enum la_conn_type type, const char *text, int64_t *out)
{
    const char *name;
    for (unsigned v = 0; (name = la_conn_value_name(type, v)) != NULL; v++)
        if (is_same_name(name, text)) {
            *out = v;
            return true;
        }
    return false;
}

/* "client." and "server." ask for one end; without a field it is its address. */
bool
la_conn_field_find(const char *word, enum la_conn_field *field, uint8_t *ends)
{
    static const struct {
        const char *prefix, *alone;
        uint8_t ends;
    } sides[] = {{"client.", "client", 1 << LA_END_CLIENT},
                 {"server.", "server", 1 << LA_END_SERVER},
                 {"", NULL, LA_CONN_BOTH_ENDS}};
    for (size_t i = 0; i < sizeof(sides) / sizeof(sides[0]); i++) {
        size_t n = strlen(sides[i].prefix);
        *ends = sides[i].ends;
        *field = LA_CONN_FIELD_ADDR;
        if (sides[i].alone != NULL && is_same_name(word, sides[i].alone))
            return true;
        if (strncmp(word, sides[i].prefix, n) != 0)
            continue;
        for (unsigned f = 0; f < LA_CONN_FIELDS_N; f++)
            if (is_same_name(la_conn_fields[f].name, word + n) &&
                (*ends == LA_CONN_BOTH_ENDS || la_conn_fields[f].ends == LA_CONN_SIDES)) {
                *field = (enum la_conn_field)f;
                return true;
            }
    }
    for (size_t i = 0; i < sizeof(aliases) / sizeof(aliases[0]); i++)
        if (is_same_name(aliases[i].name, word)) {
            *field = aliases[i].field;
            return true;
        }
    return false;
}

/* The names that a field's values have, in lines of at most 80 columns. */
static void
names_help(FILE *file, enum la_conn_type type)
{
    enum { INDENT = 4, COLUMNS = 80 };
    const char *name;
    size_t column = 0;
    for (unsigned v = 0; (name = la_conn_value_name(type, v)) != NULL; v++) {
        size_t n = strlen(name) + 2;
        bool fits = v > 0 && column + n <= COLUMNS;
        (void)fprintf(file, "%s%s%s", v == 0 ? "" : ",",
                      fits     ? " "
                      : v == 0 ? ""
                               : "\n",
                      fits ? "" : "    ");
        (void)fputs(name, file);
        column = fits ? column + n : INDENT + n;
    }
    if (column > 0)
        (void)fputc('\n', file);
}

void
la_conn_filter_help(FILE *file)
{
    (void)fputs("lastack explain --filter EXPRESSION: connections of which it holds\n"
                "\n"
                "  closed_by == server and retransmissions > 3 and port == 443\n"
                "  client in {10.0.0.0/8, fd00::/8} and not complete\n"
                "  server.rtt > 100ms or tcp.flags.reset == 1\n"
                "\n"
                "Comparisons: == != < <= > >=, 'in {A, B..C}'; a field alone: it is not 0.\n"
                "client.FIELD and server.FIELD are of what that end sent; without, counts are of\n"
                "both together. Wireshark's names of these are known.\n"
                "\n",
                file);
    for (unsigned f = 0; f < LA_CONN_FIELDS_N; f++) {
        (void)fprintf(file, "  %-20s %s\n", la_conn_fields[f].name, la_conn_fields[f].text);
        for (size_t i = 0; i < sizeof(aliases) / sizeof(aliases[0]); i++)
            if (aliases[i].field == f)
                (void)fprintf(file, "    %s\n", aliases[i].name);
        names_help(file, la_conn_fields[f].type);
    }
}
