/* SPDX-License-Identifier: MIT
 *
 * bench_serve.h - the three services of `lastack bench peer`
 *
 * Port 5001 reads and discards, 5002 writes until the peer closes, 5003 sends back what it gets.
 */
#ifndef LA_CLI_BENCH_SERVE_H
#define LA_CLI_BENCH_SERVE_H

#include <lastack/stack.h>

enum { LA_BENCH_SERVICES_N = 3 };

/* Listens. Errors are those of la_listener_open(). */
la_err la_bench_serve_open(struct la_stack *stack, const struct la_addr *addr, la_instant now);
/* Serves every event of the stack; what it sends comes out of the next la_stack_output(). */
void la_bench_serve(struct la_stack *stack, la_instant now);

#endif
