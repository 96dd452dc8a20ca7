/* SPDX-License-Identifier: MIT
 *
 * lastack/host.h - what an embedder on an ordinary system usually gives an instance
 *
 * Memory, time, entropy and fast checksums. None of it is needed: an embedder with sources of its
 * own links the core without it.
 */
#ifndef LASTACK_HOST_H
#define LASTACK_HOST_H

#include <lastack/base.h>

LA_API_BEGIN

/* malloc and free. Static, any thread. */
const struct la_alloc *la_host_alloc(void);
/* The fastest checksum of this machine, for la_stack_cfg.checksum. Any thread. */
uint16_t (*la_host_checksum(void))(const uint8_t *p, size_t n);
/* CLOCK_MONOTONIC. Any thread. */
la_instant la_host_now(void);
/* 256 bits from the kernel's random generator, for la_stack_cfg.seed; waits until that is seeded
 * (early boot). Any thread. */
void la_host_seed(uint64_t seed[4]);

LA_API_END

#endif
