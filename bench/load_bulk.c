/* SPDX-License-Identifier: MIT
 *
 * load_bulk.c - one connection, as fast as it goes, one way
 *
 * What is sent counts when it is acknowledged. The beginning, while the windows open, does not
 * count.
 */
#include "load.h"

#include <linux/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

/* <netinet/tcp.h> has a tcp_info without tcpi_bytes_acked; both headers cannot be had at once. */

static const double warm_part = 0.25;

struct bulk {
    int fd;
    bool in;
    char *chunk;
    uint64_t moved; /* octets */
};

/* False: the connection broke, or stood still for LA_LOAD_PATIENCE_S. */
static bool
move(struct bulk *bulk, double seconds)
{
    for (uint64_t end = la_load_end_ns(seconds); la_load_now_ns() < end;) {
        ssize_t n = bulk->in ? recv(bulk->fd, bulk->chunk, LA_LOAD_CHUNK_BYTES, 0)
                             : send(bulk->fd, bulk->chunk, LA_LOAD_CHUNK_BYTES, MSG_NOSIGNAL);
        if (n <= 0)
            return false;
        bulk->moved += (uint64_t)n;
    }
    return true;
}

static struct tcp_info
information(int fd)
{
    struct tcp_info info = {0};
    socklen_t n = sizeof(info);
    (void)getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &n);
    return info;
}

static int
report(const struct la_load_usage *used, uint64_t bytes, const struct tcp_info *info)
{
    double s = (double)used->at_ns / 1e9, gb = (double)bytes / 1e9;
    double own_s = (double)used->own_ns / 1e9, peer_s = (double)used->peer_ns / 1e9;
    printf("{\"gbit_per_s\": %.4f, \"cpu_s_per_gb\": %.4f, \"load_cpu_s_per_gb\": %.4f, "
           "\"stack_cpu_s_per_gb\": %.4f, \"bytes\": %llu, \"segments_again\": %u, "
           "\"segment_bytes\": %u}\n",
           gb * 8 / s, (own_s + peer_s) / gb, own_s / gb, peer_s / gb, (unsigned long long)bytes,
           info->tcpi_total_retrans, info->tcpi_snd_mss);
    return EXIT_SUCCESS;
}

static int
bulk_run(const struct la_load *load, bool in)
{
    struct bulk bulk = {.in = in, .chunk = calloc(1, LA_LOAD_CHUNK_BYTES)};
    if (bulk.chunk == NULL)
        return la_load_failed("memory");
    bulk.fd = la_load_dial(load, 0, in ? LA_LOAD_SOURCE : LA_LOAD_SINK);
    if (bulk.fd < 0 || !move(&bulk, warm_part * load->seconds)) {
        free(bulk.chunk);
        return la_load_failed("bulk");
    }
    struct tcp_info before = information(bulk.fd);
    struct la_load_usage from = la_load_usage(load);
    bulk.moved = 0;
    bool good = move(&bulk, load->seconds);
    struct la_load_usage used = la_load_usage_since(load, &from);
    struct tcp_info after = information(bulk.fd);
    uint64_t acked = after.tcpi_bytes_acked - before.tcpi_bytes_acked;
    la_load_abort(bulk.fd);
    free(bulk.chunk);
    uint64_t bytes = in ? bulk.moved : acked;
    return good && bytes > 0 ? report(&used, bytes, &after) : la_load_failed("bulk");
}

int
la_load_bulk_out(const struct la_load *load)
{
    return bulk_run(load, false);
}

int
la_load_bulk_in(const struct la_load *load)
{
    return bulk_run(load, true);
}
