/* SPDX-License-Identifier: MIT
 *
 * publish.h - the value of -p: a port of the host, and the port inside behind it
 */
#ifndef LA_CLI_PUBLISH_H
#define LA_CLI_PUBLISH_H

#include "host/run.h"

/* "8080:80", "80", "127.0.0.1:8080:80", "[::1]:0:80". False: it is none of these. */
bool la_publish_parse(const char *text, struct la_publish_rule *out);

#endif
