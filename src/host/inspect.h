/* SPDX-License-Identifier: MIT
 *
 * inspect.h - the control socket of a run: both its stacks, and which process has which socket
 */
#ifndef LA_HOST_INSPECT_H
#define LA_HOST_INSPECT_H

#include <lastack/base.h>

struct la_run;

/* Without a place for the socket the run goes on; --trace says why. */
void la_inspect_open(struct la_run *run);
void la_inspect_close(struct la_run *run);
/* Drops clients whose time is over; la_inspect_deadline: when there can be one. */
void la_inspect_tick(struct la_run *run);
la_instant la_inspect_deadline(const struct la_run *run);

#endif
