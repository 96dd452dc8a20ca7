/* SPDX-License-Identifier: MIT
 *
 * option.c - one option of a command line
 */
#include "cli/option.h"

#include <stddef.h>
#include <string.h>

bool
la_option_split(char **argv, int i, struct la_option *out)
{
    char *name = argv[i];
    if (strncmp(name, "--", 2) != 0)
        return false;
    name += 2;
    size_t n = strcspn(name, "=");
    if (n == 0 || n >= sizeof(out->name))
        return false;
    memcpy(out->name, name, n);
    out->name[n] = '\0';
    out->joined = name[n] == '=';
    out->value = out->joined ? name + n + 1 : argv[i + 1];
    return true;
}
