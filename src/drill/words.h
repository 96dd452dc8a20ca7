/* SPDX-License-Identifier: MIT
 *
 * words.h - what stands between backquotes, word by word
 *
 * Settings, NAME=VALUE, or commands of a shell, of which nothing is run. Quotes keep blanks
 * together; a command ends at a line's end, `;` or `&`, but not at `|` or behind a backslash.
 */
#ifndef LA_DRILL_WORDS_H
#define LA_DRILL_WORDS_H

#include <lastack/base.h>

enum { LA_DRILL_WORD_BYTES = 128 };

struct la_drill_words {
    const char *p, *from, *end;
    bool begins;   /* `word` is the first of its command */
    uint32_t line; /* where it stands */
    char word[LA_DRILL_WORD_BYTES];
};

/* `line`: of its first octet. */
void la_drill_words_init(struct la_drill_words *words, struct la_bytes text, uint32_t line);
/* False: there is no other. */
bool la_drill_words_next(struct la_drill_words *words);
/* /a/b/defaults.sh is defaults.sh. */
const char *la_drill_command_name(const char *word);
/* /proc/sys/net/ipv4/tcp_sack=1 becomes net.ipv4.tcp_sack=1; other words stay. */
const char *la_drill_sysctl_name(char *word);

#endif
