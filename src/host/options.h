/* SPDX-License-Identifier: MIT
 *
 * options.h - socket options: whose they are and what they are worth
 */
#ifndef LA_HOST_OPTIONS_H
#define LA_HOST_OPTIONS_H

#include <lastack/sock.h>
#include "host/option_rows.h"

#include <stdbool.h>

struct la_psock;

/* What one socket was given. Options of the stack are remembered too, since a socket whose connect
 * failed is replaced by a new one. */
struct la_options {
    int64_t stack[LA_SO_COUNT];
    uint32_t stack_set; /* a bit per LA_SO_* that the program has set */
    int32_t kept[LA_OPTIONS_KEPT_N];
};

void la_options_init(struct la_options *options);
/* Applies what the program has set to the stack's socket behind ps, which is new. */
void la_options_restore(struct la_psock *ps);
/* Does it want to know where datagrams of this family's level were sent to? */
bool la_options_packet_info(const struct la_options *options, int family);

#endif
