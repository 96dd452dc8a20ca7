/* SPDX-License-Identifier: MIT
 *
 * control_answer.h - what an instance says to one client of its control socket, line by line
 *
 * Read first: docs/control.md. A line is written whole into a fixed buffer, whoever has the answer
 * empties it. The answer is no snapshot: connections come and go while it is read.
 */
#ifndef LA_HOST_CONTROL_ANSWER_H
#define LA_HOST_CONTROL_ANSWER_H

#include "host/control.h"
#include "host/report.h"

enum { LA_CONTROL_ANSWER_BYTES = 4 * LA_REPORT_LINE_BYTES };

/* What comes next; COUNTERS of an end follows all its sockets. */
enum la_answer_part {
    LA_ANSWER_INSTANCE,
    LA_ANSWER_LISTENERS,
    LA_ANSWER_CONNS,
    LA_ANSWER_REQUESTS,
    LA_ANSWER_UDP,
    LA_ANSWER_COUNTERS,
    LA_ANSWER_END
};

/* cfg and began_at are set by whoever has it, the rest is zero. */
struct la_control_answer {
    const struct la_control_cfg *cfg;
    la_instant began_at, now; /* the instance's beginning */
    bool finished;            /* all of it is in `out` */
    bool summary;             /* no sockets */
    unsigned ends;            /* bit per end that is wanted */
    unsigned end_idx;
    enum la_answer_part part;
    uint32_t cursor, lines_n;
    size_t out_n;
    char out[LA_CONTROL_ANSWER_BYTES];
};

/* "lastack 1 status [END]..." or "lastack 1 counters [END]...", which is taken apart. What is no
 * request is refused. */
void la_control_answer_begin(struct la_control_answer *answer, char *request);
/* ERROR is the only line. */
void la_control_answer_refuse(struct la_control_answer *answer, const char *text);
/* For one line more? */
bool la_control_answer_has_room(const struct la_control_answer *answer);
/* Writes a line, or looks at a bounded number of records. There is room, and it is not finished. */
void la_control_answer_advance(struct la_control_answer *answer, la_instant now);

#endif
