/* SPDX-License-Identifier: MIT
 *
 * via.h - the near stack on a TUN or TAP device instead of the wire
 */
#ifndef LA_HOST_VIA_H
#define LA_HOST_VIA_H

#include "host/supervisor.h"

/* Opens cfg->via as run->device, which must be up. False: one line has said why not. */
bool la_via_open(struct la_run *run);
/* The interface of the near stack, its addresses and routes. */
la_err la_via_configure(struct la_run *run, struct la_stack *stack);
/* Frames that wait end the loop's sleep. 0 or an errno value. */
int la_via_watch(struct la_run *run);

#endif
