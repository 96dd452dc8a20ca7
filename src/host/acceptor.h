/* SPDX-License-Identifier: MIT
 *
 * acceptor.h - listen() and accept(): a real unix listener fed from the stack
 */
#ifndef LA_HOST_ACCEPTOR_H
#define LA_HOST_ACCEPTOR_H

#include "host/psock.h"

/* The stack has connections for this listener. */
void la_acceptor_progress(struct la_psock *ps);
/* Stops listening; connections that were not accepted are reset. Harmless when it does not
 * listen. */
void la_acceptor_close(struct la_psock *ps);

#endif
