/* SPDX-License-Identifier: MIT
 *
 * pair.h - two stacks and a wire in virtual time, for tests
 */
#ifndef LA_TESTS_PAIR_H
#define LA_TESTS_PAIR_H

#include <lastack/host.h>
#include <lastack/link.h>

struct pair {
    struct la_mem *mem;
    struct la_stack *end[2]; /* 10.0.0.1, fd00::1 and 10.0.0.2, fd00::2 */
    struct la_wire *wire;
    la_instant now;
};

struct pair_cfg {
    uint64_t seed;
    uint64_t budget_bytes;
    struct la_impair impair[2];
    uint32_t mtu_bytes; /* 0 = 1500 */
    struct la_tcp_cfg *tcp[2]; /* NULL = defaults */
    struct la_trace trace;
    struct la_alloc *alloc; /* NULL = malloc */
    bool keep_nothing; /* every frame and block is an allocation of its own */
};

/* False: no memory. */
bool pair_new(struct pair *p, const struct pair_cfg *cfg);
/* Frees all; returns how many frames and blocks were left (0 in a good world). */
uint64_t pair_free(struct pair *p);
struct la_endpoint pair_addr(int end, bool ipv6, uint16_t port);
/* Moves what moves now. */
void pair_settle(struct pair *p);
/* Jumps to the next instant at which something happens; false when nothing ever does. */
bool pair_step(struct pair *p);
void pair_run_us(struct pair *p, int64_t us);
/* Connects client (end 0) to a listener at end 1 and accepts. False: it did not come about. */
bool pair_connect(struct pair *p, bool ipv6, la_handle *client, la_handle *server);

#endif
