/* SPDX-License-Identifier: MIT
 *
 * time_wait.h - TIME-WAIT: connections of which only 2 MSL are left
 *
 * Read first: RFC 9293 3.6.1, 3.10.7.4; RFC 6191 2; RFC 1337.
 *
 * A connection in TIME-WAIT that no handle owns, and that has nothing to say, is folded: its
 * record goes, and struct la_time_wait stays, which is what 3.10.7.4 may still ask for. A segment,
 * the end of 2 MSL or a look unfolds it into a whole connection (struct la_rec); tcp/ then does
 * what it does for every connection, and afterwards it is folded again or over. Events about it
 * keep the handle that they had before. Where the application still owns the handle, the whole
 * record stays, and the timer wheel ends it.
 *
 * Both kinds together are bounded (cfg.time_wait_n_max): one more, and that whose 2 MSL end
 * first goes (D3; reason TIME_WAIT_FULL). Without memory for a small record the whole one stays.
 */
#ifndef LA_STACK_TIME_WAIT_H
#define LA_STACK_TIME_WAIT_H

#include "stack/instance.h"

/* Folds a connection, if that can be. False: its record stays. */
bool la_time_wait_fold(struct la_stack *s, uint32_t idx);

void la_time_waits_init(struct la_stack *s);
void la_time_waits_fini(struct la_stack *s);

/* `idx` names one as the index does, with LA_WAIT_IDX. */
uint32_t *la_time_wait_hash_next(const struct la_stack *s, uint32_t idx);
uint32_t la_time_wait_hash(const struct la_stack *s, uint32_t idx);
bool la_time_wait_is_about(const struct la_stack *s, uint32_t idx, const struct la_tuple *tuple);
/* LA_REC_NONE: it is not, or no longer, the handle of one that is folded. */
uint32_t la_time_wait_of_handle(const struct la_stack *s, la_handle h);
/* The next one of a walk, from *cursor on, which counts records; false at the end. */
bool la_time_wait_next(const struct la_stack *s, uint32_t *cursor, la_handle *out);

/* The whole connection, to look at or to work with. */
void la_time_wait_unfold(const struct la_stack *s, uint32_t idx, struct la_rec *out);
/* After the work: sends what is to be sent, then folds it or ends it. */
void la_time_wait_settle(struct la_stack *s, uint32_t idx, struct la_rec *rec,
                    struct la_tcp_todo *todo);

/* When the oldest one's 2 MSL are over; NEVER: there is none. */
la_instant la_time_wait_deadline(const struct la_stack *s);
/* Serves one whose time has come. False: there is none. */
bool la_time_wait_run(struct la_stack *s, la_instant now);
/* Forgets connections in TIME-WAIT, folded or not, until there are at most cfg.time_wait_n_max.
 * `newest`: the record that has just come; LA_REC_NONE: none has. */
void la_time_waits_bound(struct la_stack *s, uint32_t newest);

#endif
