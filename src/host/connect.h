/* SPDX-License-Identifier: MIT
 *
 * connect.h - connect() of a stream, from the call to the outcome
 */
#ifndef LA_HOST_CONNECT_H
#define LA_HOST_CONNECT_H

#include "host/calls.h"
#include "host/psock.h"

/* sendto() with MSG_FASTOPEN on a socket that is not connected: connects, and what the SYN takes of
 * `bytes` goes with it. A call that may block is kept until the handshake is over. */
void la_connect_send(struct la_visit *visit, const struct la_endpoint *remote,
                     struct la_bytes bytes, bool may_block);
/* The stack has news of a socket in LA_PSOCK_CONNECTING. */
void la_connect_progress(struct la_psock *ps);
/* The stack has heard ICMP errors: attempts that they are about are given up. */
void la_connect_soft_errors(struct la_run *run);
/* Nobody waits in a blocking connect() any longer, but the attempt goes on: from now on the socket
 * behaves as after a non-blocking one. */
void la_connect_left_alone(struct la_psock *ps);

#endif
