/* SPDX-License-Identifier: MIT
 *
 * settings.h - a script's options, and what it sets about the stack by name
 */
#ifndef LA_DRILL_SETTINGS_H
#define LA_DRILL_SETTINGS_H

#include "drill/script.h"
#include "ways/ways.h"

/* NAME=VALUE, by sysctl's name or by that of the field in lastack/conn.h; or commands that say so:
 * `sysctl -w NAME=VALUE`, where unknown names change nothing. False: *mistake says what to do. */
bool la_drill_settings_apply(struct la_bytes text, uint32_t line, struct la_ways *ways,
                             struct la_drill_mistake *mistake);

#endif
