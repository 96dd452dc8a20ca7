/* SPDX-License-Identifier: MIT
 *
 * scan.h - a place in a script's text, and the small things that stand there
 *
 * After the first mistake every function fails, so a reader is a straight list of reads.
 */
#ifndef LA_DRILL_SCAN_H
#define LA_DRILL_SCAN_H

#include "drill/script.h"

struct la_drill_scan {
    struct la_drill_script *script;
    const char *p, *end;
    uint32_t line;
    unsigned depth;
    bool failed;
    struct la_drill_mistake *mistake;
};

/* Says what is wrong here; the first one stands. Returns false. */
__attribute__((format(printf, 2, 3))) bool la_drill_wrong(struct la_drill_scan *s,
                                                         const char *format, ...);
void *la_drill_scan_take(struct la_drill_scan *s, size_t n);
/* Blanks, line ends and comments. */
void la_drill_skip(struct la_drill_scan *s);
/* Blanks on this line. */
void la_drill_skip_blanks(struct la_drill_scan *s);
bool la_drill_at_end(const struct la_drill_scan *s);
/* Is it next (after blanks)? Then it is taken. */
bool la_drill_try(struct la_drill_scan *s, const char *text);
/* The same for a whole word: no letter, digit or _ may follow. */
bool la_drill_try_word(struct la_drill_scan *s, const char *word);
bool la_drill_need(struct la_drill_scan *s, const char *text);
/* Letters, digits, _ and (inside) . and -; empty bytes when there is none. */
struct la_bytes la_drill_word(struct la_drill_scan *s);
/* A NUL-terminated copy. */
const char *la_drill_copy(struct la_drill_scan *s, struct la_bytes bytes);
/* Decimal, 0x, with sign; or a name that was defined as one. */
bool la_drill_number(struct la_drill_scan *s, int64_t min, int64_t max, int64_t *out);
bool la_drill_u32(struct la_drill_scan *s, uint32_t *out);
/* Seconds with a fraction, as microseconds. */
bool la_drill_seconds(struct la_drill_scan *s, int64_t *us);
/* Behind its first quote: octets with C's escapes up to the closing one. */
bool la_drill_string(struct la_drill_scan *s, struct la_bytes *out);
/* What stands up to `closing`, which is taken too. */
bool la_drill_until(struct la_drill_scan *s, const char *closing, struct la_bytes *out);
/* NULL: not defined. */
const char *la_drill_defined(const struct la_drill_script *script, struct la_bytes name);

/* Packet lines (read_packet.c) and calls (read_call.c), from their first character on. */
bool la_drill_read_packet(struct la_drill_scan *s, bool out, struct la_drill_packet **packet);
/* Behind their < (read_options.c). */
bool la_drill_read_options(struct la_drill_scan *s, struct la_drill_packet *packet);
/* Behind the word icmp (read_icmp.c). */
bool la_drill_read_icmp(struct la_drill_scan *s, struct la_drill_packet *packet);
/* first:last(len) */
bool la_drill_read_sequence(struct la_drill_scan *s, struct la_drill_packet *packet);
bool la_drill_read_call(struct la_drill_scan *s, struct la_bytes name, struct la_drill_call **call);

#endif
