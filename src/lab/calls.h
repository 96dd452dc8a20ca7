/* SPDX-License-Identifier: MIT
 *
 * calls.h - sockets in a scenario, and which segments each call caused
 *
 * Either end can have a set of sockets in place of the lab's own application. The calls are noted
 * with what was on the wire afterwards, until the next one.
 */
#ifndef LA_LAB_CALLS_H
#define LA_LAB_CALLS_H

#include <lastack/sock.h>
#include <lastack/story.h>
#include "lab/lab.h"

enum { LA_LAB_CALLS_N_MAX = 40, LA_LAB_CALL_BYTES = 72 };

struct la_lab_calls {
    struct la_lab *lab;
    struct la_socks *socks[2]; /* NULL: the lab's own application */
    struct la_bed_app lab_app;
    struct {
        la_instant at;
        uint8_t end;
        size_t event; /* of the bed's record: what it caused begins there */
        char text[LA_LAB_CALL_BYTES];
    } call[LA_LAB_CALLS_N_MAX];
    size_t calls_n;
};

/* ends: bit 0 the client has sockets, bit 1 the server. */
void la_lab_calls_begin(struct la_lab_calls *calls, struct la_lab *lab, unsigned ends);
void la_lab_calls_end(struct la_lab_calls *calls);
/* Before the call is made: "connect(c, 10.0.0.2:4242)". */
void la_lab_call(struct la_lab_calls *calls, int end, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* What it returned, behind it; then all that it causes happens, for so long. */
void la_lab_call_returns(struct la_lab_calls *calls, uint32_t ms, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* How many segments the nth call caused, at both ends. */
size_t la_lab_call_segments(const struct la_lab_calls *calls, size_t nth);
/* The calls, one below the other, and beside each the segments that it caused. */
void la_lab_calls_tell(const struct la_lab_calls *calls, const struct la_story_cfg *story);

#endif
