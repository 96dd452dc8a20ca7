/* SPDX-License-Identifier: MIT
 *
 * checksum.h - checksum kernels of this machine
 *
 * Each equals la_sum_portable() on every input. For tests and benchmarks; everybody else asks
 * la_host_checksum() for the best one.
 */
#ifndef LA_HOST_CHECKSUM_H
#define LA_HOST_CHECKSUM_H

#include <lastack/host.h>

#include "base/checksum.h"

struct la_sum_kernel {
    const char *name;
    la_sum_fn *sum;
};

/* The kernels that this processor can run, fastest first; returns how many (at least one, at most
 * LA_SUM_KERNELS_MAX). */
enum { LA_SUM_KERNELS_MAX = 4 };
size_t la_host_checksum_kernels(struct la_sum_kernel out[LA_SUM_KERNELS_MAX]);

#endif
