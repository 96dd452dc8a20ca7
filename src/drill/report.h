/* SPDX-License-Identifier: MIT
 *
 * report.h - a script file from its path to what is said about it
 */
#ifndef LA_DRILL_REPORT_H
#define LA_DRILL_REPORT_H

#include <stdio.h>

#include "drill/drill.h"

struct la_drill_file_cfg {
    struct la_drill_cfg cfg;     /* before the script's own options */
    const char *const *defines;  /* NAME=VALUE */
    size_t defines_n;
    bool verbose;                /* the whole ladder, also of a script that passes */
    bool json;                   /* one object in place of words */
};

/* Reads and plays the script at `path` and writes to `out` what a user is to see: nothing for one
 * that passes, unless cfg says otherwise. A file that cannot be read counts as unreadable. *as: the
 * profile that was recognised, "" where none was. */
enum la_drill_outcome la_drill_file(const char *path, const struct la_drill_file_cfg *cfg,
                                    FILE *out, const char **as);

#endif
