/* SPDX-License-Identifier: MIT
 *
 * drill.h - many scripts, in several processes
 */
#ifndef LA_CLI_DRILL_H
#define LA_CLI_DRILL_H

#include "drill/report.h"

enum { LA_DRILL_JOBS_N_MAX = 64, LA_DRILL_DEFINES_N_MAX = 64 };

struct la_drill_jobs {
    struct la_drill_file_cfg file;
    const char *defines[LA_DRILL_DEFINES_N_MAX];
    size_t defines_n;
    const char **paths;
    size_t paths_n;
    unsigned jobs_n;
    bool quiet;
};

/* Plays all, writes what there is to say in the order of the paths, and a closing line. Returns
 * the exit status (enum la_cli_exit). */
int la_drill_jobs(const struct la_drill_jobs *jobs);

#endif
