/* SPDX-License-Identifier: MIT
 *
 * option.h - one option of a command line: --NAME, --NAME VALUE, --NAME=VALUE
 *
 * For commands whose options are no fixed list, as those with network options; the others have
 * getopt_long(3).
 */
#ifndef LA_CLI_OPTION_H
#define LA_CLI_OPTION_H

#include <stdbool.h>

enum { LA_OPTION_NAME_BYTES = 64 };

struct la_option {
    char name[LA_OPTION_NAME_BYTES]; /* without dashes */
    char *value; /* what stands behind '=', or the next word; NULL: the line ends before it */
    bool joined; /* by '=': it is no switch, and uses no other word */
};

/* argv[i] of a line that ends with NULL. False: it is no such option. */
bool la_option_split(char **argv, int i, struct la_option *out);

#endif
