/* SPDX-License-Identifier: MIT
 *
 * via.h - the value of --via: a device, addresses, gateways
 */
#ifndef LA_CLI_VIA_H
#define LA_CLI_VIA_H

#include "host/run.h"

/* "tun:NAME[,ADDR/LEN]..." or "tap:NAME[,ADDR/LEN]...[,GATEWAY]...". Without an address it is
 * 10.77.0.2/24 and fd77::2/64, gateways 10.77.0.1 and fd77::1. False: *out_word, part of `text`,
 * is what was not understood. */
bool la_via_parse(const char *text, struct la_via *out, const char **out_word);

#endif
