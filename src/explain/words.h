/* SPDX-License-Identifier: MIT
 *
 * words.h - parts of sentences about findings
 */
#ifndef LA_EXPLAIN_WORDS_H
#define LA_EXPLAIN_WORDS_H

#include <stdint.h>

/* "port unreachable"; of what has no name, "an unknown error". version: 4 or 6. */
const char *la_explain_icmp_words(int64_t version, int64_t type, int64_t code);

#endif
