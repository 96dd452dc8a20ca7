/* SPDX-License-Identifier: MIT
 *
 * prefix.h - an address with the length of its prefix, on a command line
 */
#ifndef LA_CLI_PREFIX_H
#define LA_CLI_PREFIX_H

#include <lastack/base.h>

/* "10.9.0.2/24", "fd00::2"; without a length it is 24 or 64. False: it is neither. */
bool la_prefix_parse(const char *text, struct la_addr *out_addr, unsigned *out_len);

#endif
