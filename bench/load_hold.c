/* SPDX-License-Identifier: MIT
 *
 * load_hold.c - many connections at once, each used and then left idle
 *
 * Weighed are the resident pages of the process that serves, and the kernel's slabs, which hold
 * this end's sockets, and the other end's as well when that is the kernel.
 */
#include "load.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

/* What is opened beforehand, so that neither end's first steps are weighed; what is looked at
 * afterwards; how long the connections rest before they are weighed. */
enum { WARM_N = 64, LOOKED_AT_N = 200, REST_MS = 500, MESSAGES_N = 5 };

/* The line "WORD  N kB" of a file of /proc, in octets; 0 when it is not there. */
static double
proc_bytes(const char *path, const char *format)
{
    char line[256];
    unsigned long long kib = 0;
    FILE *file = fopen(path, "r");
    while (file != NULL && fgets(line, sizeof(line), file) != NULL)
        if (sscanf(line, format, &kib) == 1)
            break;
    if (file != NULL)
        fclose(file);
    return (double)kib * 1024;
}

struct weight {
    double stack_rss, slab;
};

static struct weight
weigh(const struct la_load *load)
{
    char path[64];
    (void)snprintf(path, sizeof(path), "/proc/%d/status", load->peer);
    return (struct weight){proc_bytes(path, "VmRSS: %llu"),
                           proc_bytes("/proc/meminfo", "Slab: %llu")};
}

static void
rest(void)
{
    struct timespec time = {.tv_nsec = REST_MS * 1000000L};
    (void)nanosleep(&time, NULL);
}

/* Opens connections until there are `until`; how many there are. */
static unsigned
open_some(const struct la_load *load, int *fds, unsigned n, unsigned until)
{
    for (; n < until; n++) {
        fds[n] = la_load_dial(load, n, LA_LOAD_ECHO);
        if (fds[n] < 0)
            break;
        for (int i = 0; i < MESSAGES_N; i++)
            if (!la_load_echo(fds[n]))
                return n + 1;
    }
    return n;
}

/* Still alive after their rest? */
static unsigned
look_at_some(const int *fds, unsigned n, unsigned *tried_n)
{
    unsigned good_n = 0;
    for (unsigned i = 0; i < n; i += n / LOOKED_AT_N + 1, ++*tried_n)
        good_n += la_load_echo(fds[i]);
    return good_n;
}

static int
hold(const struct la_load *load, int *fds)
{
    unsigned warm_n = open_some(load, fds, 0, WARM_N), tried_n = 0;
    rest();
    struct weight from = weigh(load);
    struct la_load_usage start = la_load_usage(load);
    unsigned n = open_some(load, fds, warm_n, warm_n + load->conns_n);
    struct la_load_usage used = la_load_usage_since(load, &start);
    if (n < warm_n + load->conns_n)
        return la_load_failed("hold");
    rest();
    struct weight to = weigh(load);
    unsigned good_n = look_at_some(fds, n, &tried_n);
    double held = n - warm_n;
    printf("{\"connections\": %.0f, \"stack_rss_bytes\": %.1f, \"slab_bytes\": %.1f, "
           "\"open_us\": %.2f, \"looked_at\": %u, \"alive\": %u}\n",
           held, (to.stack_rss - from.stack_rss) / held, (to.slab - from.slab) / held,
           (double)used.at_ns / held / 1e3, tried_n, good_n);
    for (unsigned i = 0; i < n; i++)
        la_load_abort(fds[i]);
    return EXIT_SUCCESS;
}

int
la_load_hold(const struct la_load *load)
{
    struct rlimit limit;
    int *fds = calloc(WARM_N + load->conns_n, sizeof(*fds));
    if (fds == NULL)
        return la_load_failed("memory");
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &limit);
    }
    int status = hold(load, fds);
    free(fds);
    return status;
}
