/* SPDX-License-Identifier: MIT
 *
 * explain_json.h - parts of the document that `lastack explain --json` writes
 *
 * A value that memory lacks for is NULL, which an object or a list refuses: then it is not there.
 */
#ifndef LA_CLI_EXPLAIN_JSON_H
#define LA_CLI_EXPLAIN_JSON_H

#include <jansson.h>
#include <lastack/explain.h>

#include "base/time.h"

static inline void
set(json_t *object, const char *key, json_t *value)
{
    (void)json_object_set_new(object, key, value);
}

static inline json_t *
text(const char *s)
{
    return json_string(s);
}

static inline json_t *
number(uint64_t n)
{
    return json_integer((json_int_t)n);
}

/* Seconds since 1970 to the microsecond, the most that a double has room for. */
static inline json_t *
when(la_instant at)
{
    if (la_instant_is_never(at))
        return json_null();
    return json_real((double)(at.ns / LA_NS_PER_US) / 1e6);
}

/* explain_json_conn.c */
json_t *la_explain_json_endpoint(const struct la_endpoint *at);
json_t *la_explain_json_findings(const struct la_explain_finding *list, size_t n);
/* What is known of a connection. names: enum la_names. */
json_t *la_explain_json_conn(const struct la_explain_conn *conn, uint32_t names);

#endif
