/* SPDX-License-Identifier: MIT
 *
 * assert.c - the default end of a broken invariant, and the version
 */
#include "base/assert.h"

__attribute__((weak, visibility("default"))) void
la_assert_failed(const char *file, int line, const char *expr)
{
    (void)file;
    (void)line;
    (void)expr;
    __builtin_trap();
}

const char *
la_version(void)
{
    return LA_VERSION;
}
