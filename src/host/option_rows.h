/* SPDX-License-Identifier: MIT
 *
 * option_rows.h - the socket options that programs name, one row each
 *
 * Read first: socket(7), ip(7), ipv6(7), tcp(7). A row says whose the option is; who serves the
 * call reads and writes the value.
 */
#ifndef LA_HOST_OPTION_ROWS_H
#define LA_HOST_OPTION_ROWS_H

#include <stddef.h>
#include <stdint.h>

enum la_option_kind {
    LA_OPTION_STACK,  /* arg: enum la_sock_option */
    LA_OPTION_KEPT,   /* a hint; arg: slot, first: its default */
    LA_OPTION_NATIVE, /* for `run`, the kernel obeys it on the unix socket */
    LA_OPTION_FIXED,  /* read only; first: the value */
    LA_OPTION_REFUSE, /* arg: an errno value */
    LA_OPTION_SPECIAL /* has a function of its own where it is served */
};

/* Slots of what is kept. */
enum { LA_OPTIONS_KEPT_N = 32 };

struct la_option_row {
    int16_t level, name;
    uint8_t kind; /* enum la_option_kind */
    uint8_t arg;
    int32_t first;
};

/* NULL: there is no such option. */
const struct la_option_row *la_option_find(int level, int name);
/* SO_MAX_PACING_RATE is an unsigned int or, where there is room, an unsigned long; all ones: no
 * bound. To and from the value of LA_SO_MAX_PACING_RATE; n is at least 4; the octets written are
 * returned. */
enum { LA_OPTION_RATE_BYTES = 8 };
int64_t la_option_rate_read(const uint8_t *p, size_t n);
size_t la_option_rate_write(int64_t rate, uint8_t out[LA_OPTION_RATE_BYTES], size_t room_n);
/* Writes the defaults of what is kept. */
void la_option_kept_init(int32_t kept[LA_OPTIONS_KEPT_N]);

#endif
