/* SPDX-License-Identifier: MIT
 *
 * control.h - the control socket of a running instance: it answers what `lastack ss` asks
 *
 * It brings one descriptor that is readable when there is something to do, so that it fits any
 * loop, and does a bounded piece of work each time. docs/control.md describes the protocol.
 */
#ifndef LA_HOST_CONTROL_H
#define LA_HOST_CONTROL_H

#include "host/report.h"

struct la_control;

/* One stack of the instance. */
struct la_control_end {
    const char *name; /* "near": the program's; "far": what answers it */
    const struct la_stack *stack;
    /* Who has the socket that the stack's user value names; NULL: not known. */
    void (*owner)(void *ctx, uint64_t user, struct la_report_owner *out);
    void *ctx;
};

enum { LA_CONTROL_ENDS_MAX = 2 };

struct la_control_cfg {
    const char *command;    /* "run" */
    char *const *argv; /* the program and its arguments; NULL: none */
    struct la_control_end end[LA_CONTROL_ENDS_MAX];
    unsigned end_n;
};

/* 0 or an errno value: no place for it (EPERM: not ours alone), or no descriptor. The program works
 * without. `cfg` is copied, what it points to is borrowed until la_control_free(). */
int la_control_new(const struct la_control_cfg *cfg, la_instant now, struct la_control **out);
/* Clients are dropped, the name is removed. NULL is allowed. */
void la_control_free(struct la_control *control);
/* Readable when la_control_serve() has something to do. */
int la_control_descriptor(const struct la_control *control);
/* One bounded piece of work. The stacks are only looked at. */
void la_control_serve(struct la_control *control, la_instant now);
/* When la_control_serve() is needed at the latest; NEVER without clients. */
la_instant la_control_deadline(const struct la_control *control);

#endif
