/* SPDX-License-Identifier: MIT
 *
 * collect.h - events in, rows out
 */
#ifndef LA_STORY_COLLECT_H
#define LA_STORY_COLLECT_H

#include "story/story.h"

/* `event` has a known kind; st->now is its instant or later. */
void la_story_collect_event(struct la_story *st, const struct la_event *event);
/* Writes what is complete. */
void la_story_collect_flush(struct la_story *st, la_instant now);
/* Writes everything. */
void la_story_collect_finish(struct la_story *st);

/* ---- floating.c ------------------------------------------------------------------------- */

/* Does the timer (enum la_timer_kind) send a segment, mostly? */
bool la_floating_timer(uint8_t timer);
/* A line that waits for the next segment of its end. NULL: no memory. */
struct row *la_floating_new(struct la_story *st, struct conn *conn, unsigned side,
                            const struct la_event *event);
/* Its line goes to the queue: the timer sent nothing, or its line has something to tell. */
void la_floating_land(struct la_story *st, struct conn *conn, unsigned side);
/* Its notes go to the segment that it sent. */
void la_floating_merge(struct la_story *st, struct conn *conn, struct row *sent);
/* Did the timer (or the window's change) that floats make the end send this segment? */
bool la_floating_explains(const struct conn_end *end, const struct la_event_segment *s);
bool la_floating_is(const struct row *row);

#endif
