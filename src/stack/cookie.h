/* SPDX-License-Identifier: MIT
 *
 * cookie.h - SYN cookies: a SYN,ACK that costs no memory
 *
 * Read first: RFC 4987 3.6 and appendix A.
 *
 * Our ISS is the cookie: a keyed hash of the four-tuple and the peer's ISN, the age of the key and
 * an index into a table of MSS. What the acknowledgement brings back is all that is known; with
 * timestamps, the lowest bits of ours hold the window scale, SACK and ECN as well.
 */
#ifndef LA_STACK_COOKIE_H
#define LA_STACK_COOKIE_H

#include "stack/half.h"

/* May, and should, this listener answer a SYN with a cookie now? */
bool la_cookie_wanted(const struct la_stack *s, uint32_t listener, const struct la_tcp_todo *todo);
/* Answers with one. */
void la_cookie_answer(struct la_stack *s, const struct la_half_open *open,
                      const struct la_tcp_seg *syn, struct la_tcp_todo *todo);
/* Does this segment, for which there is no connection, acknowledge one? Then it is served, and the
 * connection waits to be accepted (or there was no room for it); false: it is somebody else's. */
bool la_cookie_arrive(struct la_stack *s, const struct la_half_open *open,
                      const struct la_tcp_seg *seg, struct la_tcp_todo *todo);

#endif
