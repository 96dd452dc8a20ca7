/* SPDX-License-Identifier: MIT
 *
 * memory.c - malloc as an allocator
 */
#include <lastack/host.h>

#include <stdlib.h>

static void *
host_alloc(void *ctx, size_t n)
{
    (void)ctx;
    return malloc(n);
}

static void
host_free(void *ctx, void *p, size_t n)
{
    (void)ctx;
    (void)n;
    free(p);
}

const struct la_alloc *
la_host_alloc(void)
{
    static const struct la_alloc alloc = {host_alloc, host_free, NULL};
    return &alloc;
}
