/* SPDX-License-Identifier: MIT
 *
 * report_fields.h - which keys each kind of report has, and where they stand in struct la_report
 *
 * report.c writes by these tables, and report_read.c reads by them.
 */
#ifndef LA_HOST_REPORT_FIELDS_H
#define LA_HOST_REPORT_FIELDS_H

#include "host/report.h"

enum la_report_field_type {
    LA_FIELD_U8,
    LA_FIELD_U32,
    LA_FIELD_U64,
    LA_FIELD_BOOL,
    LA_FIELD_TEXT, /* `bytes` of room */
    LA_FIELD_ENDPOINT,
    LA_FIELD_ID,    /* 64 bits as a string: readers in JavaScript would round a number */
    LA_FIELD_UNTIL, /* an instant to come, in microseconds from now; absent: never */
    LA_FIELD_SINCE, /* one that has passed */
    LA_FIELD_SCALE, /* 255: absent */
    LA_FIELD_STATE,
    LA_FIELD_TIMER, /* absent: none runs */
    LA_FIELD_PHASE,
    LA_FIELD_ERR /* absent: LA_OK */
};

struct la_report_field {
    const char *key;
    enum la_report_field_type type;
    uint16_t off, bytes;
};

/* What the object of a kind is made of. */
struct la_report_form {
    const char *name;
    const struct la_report_field *fields;
    size_t fields_n;
    bool owned; /* by a process that may be known: the owner's fields follow */
};

enum { LA_REPORT_OWNER_FIELDS_N = 2 };

extern const struct la_report_form la_report_forms[LA_REPORT_KIND_COUNT];
extern const struct la_report_field la_report_owner_fields[LA_REPORT_OWNER_FIELDS_N];

#endif
