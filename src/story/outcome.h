/* SPDX-License-Identifier: MIT
 *
 * outcome.h - how a connection went, and the summaries that tell it
 */
#ifndef LA_STORY_OUTCOME_H
#define LA_STORY_OUTCOME_H

#include "story/story.h"

enum open_how {
    OPEN_NOT_SEEN, /* the capture or the trace began later */
    OPEN_HANDSHAKE,
    OPEN_SIMULTANEOUS,
    OPEN_REFUSED,
    OPEN_TIMED_OUT,
    OPEN_FAILED, /* ICMP error, ABORT or CLOSE before it was up */
    OPEN_PENDING,
    OPEN_HOW_COUNT
};
enum close_how {
    CLOSE_NONE, /* never was open */
    CLOSE_FOUR_SEGMENTS,
    CLOSE_THREE_SEGMENTS,
    CLOSE_SIMULTANEOUS,
    CLOSE_RESET,
    CLOSE_TIMED_OUT,
    CLOSE_HALF, /* one FIN so far */
    CLOSE_STILL_OPEN,
    CLOSE_HOW_COUNT
};
enum { BY_NOBODY = 2 };
struct outcome {
    uint8_t open_how, close_how; /* enum open_how, enum close_how */
    uint8_t open_by, close_by;   /* side, BY_NOBODY */
    bool reset_after_close;      /* a RST although both FINs had been sent */
    int64_t open_ns;             /* SYN to ESTABLISHED at the opener; -1 = not known */
    int64_t half_closed_ns;      /* between the FINs; -1 = not known */
};
void la_outcome_of(const struct conn *conn, struct outcome *out);
const char *la_outcome_open_name(enum open_how how);   /* "HANDSHAKE" */
const char *la_outcome_open_text(enum open_how how);   /* "handshake" */
const char *la_outcome_close_name(enum close_how how); /* "FOUR_SEGMENTS" */
const char *la_outcome_close_text(enum close_how how);
uint64_t la_story_conn_retransmits_n(const struct conn_end *end);
uint64_t la_story_conn_lost_n(const struct conn_end *end);

/* Text and JSON object; once per connection. */
void la_story_summary_conn(struct la_story *st, struct conn *conn);
void la_story_summary_all(struct la_story *st);

void la_story_json_event(struct la_story *st, const struct la_event *event,
                         const struct conn *conn);
void la_story_json_conn(struct la_story *st, const struct conn *conn);

#endif
