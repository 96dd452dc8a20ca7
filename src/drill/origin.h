/* SPDX-License-Identifier: MIT
 *
 * origin.h - which stack was a script written for?
 *
 * Scripts expect the habits of the stack that their author had. One that runs a system's commands
 * says so; one that names a profile is obeyed; any other is lastack's own.
 */
#ifndef LA_DRILL_ORIGIN_H
#define LA_DRILL_ORIGIN_H

#include "drill/script.h"

struct la_drill_origin {
    const char *profile; /* of ways/ways.h; NULL: what the script says itself, or nothing */
    uint32_t line;       /* where that was seen; 0: --as */
    char because[64];    /* what was seen there */
};

/* A function of the script's text and of --as alone. */
void la_drill_origin_find(const struct la_drill_script *script, struct la_drill_origin *origin);

#endif
