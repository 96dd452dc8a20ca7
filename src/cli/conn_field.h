/* SPDX-License-Identifier: MIT
 *
 * conn_field.h - what a connection filter can ask: conn_field.def as a table
 */
#ifndef LA_CLI_CONN_FIELD_H
#define LA_CLI_CONN_FIELD_H

#include <lastack/explain.h>

enum la_conn_type {
    LA_CONN_NUMBER,
    LA_CONN_TIME, /* microseconds */
    LA_CONN_YES,
    LA_CONN_ADDR,
    LA_CONN_PORT,
    LA_CONN_STATES,
    LA_CONN_OPEN_KIND, /* from here on: names */
    LA_CONN_CLOSE_KIND,
    LA_CONN_WHO,
    LA_CONN_RESET_CAUSE,
    LA_CONN_TAP_PLACE,
    LA_CONN_FAMILY,
    LA_CONN_FINDING
};

enum la_conn_ends { LA_CONN_ONE, LA_CONN_SIDES, LA_CONN_SENDERS, LA_CONN_RECEIVERS };

enum la_conn_field {
#define FIELD(id, type, ends, name, text) LA_CONN_FIELD_##id,
#define CONN_FIELD(id, type, name, member, text) LA_CONN_FIELD_##id,
#define SIDE_FIELD(id, type, name, member, text) LA_CONN_FIELD_##id,
#define ALIAS(name, id)
#include "cli/conn_field.def"
#undef FIELD
#undef CONN_FIELD
#undef SIDE_FIELD
#undef ALIAS
    LA_CONN_FIELDS_N
};

struct la_conn_field_row {
    enum la_conn_type type;
    enum la_conn_ends ends;
    const char *name;
    const char *text;
    size_t off, bytes; /* of the member; bytes 0: it is worked out */
};

extern const struct la_conn_field_row la_conn_fields[LA_CONN_FIELDS_N];

enum { LA_CONN_BOTH_ENDS = 1 << LA_END_CLIENT | 1 << LA_END_SERVER };

/* The field that a word names, and which ends it asks for: "client.rtt". */
bool la_conn_field_find(const char *word, enum la_conn_field *field, uint8_t *ends);
/* The name of a value, NULL behind the last one and for types without names. */
const char *la_conn_value_name(enum la_conn_type type, unsigned v);
bool la_conn_value_find(enum la_conn_type type, const char *name, int64_t *out);

#endif
