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

#endif
