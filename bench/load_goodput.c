/* SPDX-License-Identifier: MIT
 *
 * load_goodput.c - what connections bring over a path, each from a source of its own
 *
 * The i-th connection goes to the i-th address from the one that was given. Octets count as they
 * are read, from when the last connection was opened, and --skip seconds later, on.
 */
#include "load.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum { CONNS_MAX = 16 };

struct goodput {
    struct pollfd fds[CONNS_MAX];
    uint64_t moved[CONNS_MAX]; /* octets that count */
    unsigned n;
    char *chunk;
};

/* Reads what there is until then. False: a connection broke. */
static bool
read_until(struct goodput *g, uint64_t end_ns, bool counts)
{
    uint64_t now_ns;
    while ((now_ns = la_load_now_ns()) < end_ns) {
        uint64_t wait_ns = end_ns - now_ns;
        struct timespec wait = {(time_t)(wait_ns / 1000000000u), (long)(wait_ns % 1000000000u)};
        if (ppoll(g->fds, g->n, &wait, NULL) < 0 && errno != EINTR)
            return false;
        for (unsigned i = 0; i < g->n; i++) {
            if (g->fds[i].revents == 0)
                continue;
            ssize_t n = recv(g->fds[i].fd, g->chunk, LA_LOAD_CHUNK_BYTES, MSG_DONTWAIT);
            if (n == 0 || (n < 0 && errno != EAGAIN))
                return false;
            g->moved[i] += n > 0 && counts ? (uint64_t)n : 0;
        }
    }
    return true;
}

/* One after the other, `apart` seconds from each other. */
static bool
open_all(struct goodput *g, const struct la_load *load)
{
    for (unsigned i = 0; i < load->conns_n; i++) {
        struct la_load one = *load;
        one.to.sin_addr.s_addr = htonl(ntohl(load->to.sin_addr.s_addr) + i);
        if (i > 0 && !read_until(g, la_load_end_ns(load->apart_s), false))
            return false;
        int fd = la_load_dial(&one, i, LA_LOAD_SOURCE);
        if (fd < 0)
            return false;
        g->fds[g->n++] = (struct pollfd){.fd = fd, .events = POLLIN};
    }
    return true;
}

static int
report(const struct goodput *g, double seconds)
{
    double sum = 0;
    printf("{\"each_mbit_per_s\": [");
    for (unsigned i = 0; i < g->n; i++) {
        double mbit = (double)g->moved[i] * 8 / seconds / 1e6;
        sum += mbit;
        printf("%s%.4f", i > 0 ? ", " : "", mbit);
    }
    printf("], \"mbit_per_s\": %.4f}\n", sum);
    return EXIT_SUCCESS;
}

int
la_load_goodput(const struct la_load *load)
{
    struct goodput g = {.chunk = calloc(1, LA_LOAD_CHUNK_BYTES)};
    errno = 0;
    bool good = g.chunk != NULL && load->conns_n <= CONNS_MAX && open_all(&g, load) &&
                read_until(&g, la_load_end_ns(load->skip_s), false);
    uint64_t from_ns = la_load_now_ns();
    good = good && read_until(&g, la_load_end_ns(load->seconds), true);
    double seconds = (double)(la_load_now_ns() - from_ns) / 1e9;
    for (unsigned i = 0; i < g.n; i++)
        la_load_abort(g.fds[i].fd);
    free(g.chunk);
    return good ? report(&g, seconds) : la_load_failed("goodput");
}
