/* SPDX-License-Identifier: MIT
 *
 * states.h - a file that says what connections there are, for commands that scripts run
 *
 * One line each, as FreeBSD's sockstat -s has them: user, command, process, descriptor, protocol,
 * our address, the peer's, state. A command of the name reads it (tools/packetdrill/sockstat).
 */
#ifndef LA_PACKETDRILL_STATES_H
#define LA_PACKETDRILL_STATES_H

#include "packetdrill/pd.h"

/* Writes it anew if something has changed; without a name in the settings, nothing. */
void la_pd_states_write(struct la_pd *pd);

#endif
