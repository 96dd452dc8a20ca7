/* SPDX-License-Identifier: MIT
 *
 * far_udp.c - datagrams that reach the far side: one host socket per pair of endpoints
 *
 * Read first: udp(7).
 *
 * A host socket is connected, so that only the destination's answers come back and its ICMP errors
 * are heard: ECONNREFUSED becomes port unreachable on the wire. A flow costs a descriptor, so it is
 * forgotten after 60 s without traffic (15 s for DNS), and the oldest makes room when there are too
 * many.
 */
#include "host/far_udp.h"

#include "host/errors.h"
#include "host/names.h"
#include "host/supervisor.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { FLOWS_N_MAX = 1024, DNS_PORT = 53, BURST_N = 64 };
static const int64_t idle_ns = INT64_C(60) * 1000000000;
static const int64_t idle_dns_ns = INT64_C(15) * 1000000000;

struct la_flow {
    struct la_watch watch;
    struct la_run *run;
    struct la_flow *newer, *older;
    struct la_flow *chain; /* the next of the same hash */
    uint64_t hash;
    struct la_udp_from ends; /* local: the destination, remote: the program's endpoint */
    la_instant used_at;
};

/* ---- the table ----------------------------------------------------------------------------- */

static uint64_t
hash_of(const struct la_udp_from *ends)
{
    /* FNV-1a. A program can only make its own look-ups slow. */
    uint64_t h = UINT64_C(0xcbf29ce484222325);
    const struct la_endpoint *both[2] = {&ends->local, &ends->remote};
    for (int i = 0; i < 2; i++) {
        for (size_t k = 0; k < sizeof(both[i]->addr.b); k++)
            h = (h ^ both[i]->addr.b[k]) * UINT64_C(0x100000001b3);
        h = (h ^ both[i]->port) * UINT64_C(0x100000001b3);
    }
    return h;
}

static bool
same(const struct la_endpoint *a, const struct la_endpoint *b)
{
    return a->port == b->port && la_addr_equal(&a->addr, &b->addr);
}

static struct la_flow *
find(const struct la_run *run, const struct la_udp_from *ends, uint64_t hash)
{
    struct la_flow *f = la_map_get(&run->far_udp.by_key, hash);
    while (f != NULL &&
           !(same(&f->ends.local, &ends->local) && same(&f->ends.remote, &ends->remote)))
        f = f->chain;
    return f;
}

static void
unlink_use(struct la_far_udp *u, struct la_flow *f)
{
    if (f->newer != NULL)
        f->newer->older = f->older;
    else
        u->newest = f->older;
    if (f->older != NULL)
        f->older->newer = f->newer;
    else
        u->oldest = f->newer;
}

static void
link_use(struct la_far_udp *u, struct la_flow *f)
{
    f->newer = NULL;
    f->older = u->newest;
    if (u->newest != NULL)
        u->newest->newer = f;
    else
        u->oldest = f;
    u->newest = f;
    f->used_at = f->run->now;
}

static void
end_flow(struct la_flow *f)
{
    struct la_far_udp *u = &f->run->far_udp;
    unlink_use(u, f);
    struct la_flow *first = la_map_take(&u->by_key, f->hash);
    if (first == f) {
        first = f->chain;
    } else {
        struct la_flow *before = first;
        while (before->chain != f)
            before = before->chain;
        before->chain = f->chain;
    }
    if (first != NULL)
        (void)la_map_put(&u->by_key, f->hash, first); /* room: one was just taken */
    la_loop_close(&f->run->loop, &f->watch);
    free(f);
    u->flows_n--;
}

/* ---- from the host to the wire ------------------------------------------------------------- */

static void
on_ready(struct la_watch *watch, uint32_t events)
{
    struct la_flow *f = (struct la_flow *)watch; /* its first member */
    struct la_run *run = f->run;
    (void)events;
    /* A portion at a time: a flood from outside may not starve the program. */
    for (int i = 0; i < BURST_N; i++) {
        ssize_t n = recv(f->watch.fd, run->scratch, LA_RUN_SCRATCH_BYTES, MSG_DONTWAIT);
        if (n < 0 && errno == ECONNREFUSED)
            (void)la_udp_refuse(run->far_stack, run->far_udp.udp, &f->ends, run->now);
        if (n < 0)
            return;
        (void)la_udp_send(run->far_stack, run->far_udp.udp, &f->ends.local, &f->ends.remote,
                          (struct la_bytes){run->scratch, (size_t)n}, run->now);
        unlink_use(&run->far_udp, f);
        link_use(&run->far_udp, f);
    }
}

/* ---- from the wire to the host ------------------------------------------------------------- */

static int
open_host(struct la_flow *f)
{
    struct sockaddr_storage sa;
    struct la_endpoint to = la_name_inward(f->run, &f->ends.local);
    socklen_t n = la_name_to_host(&to, &sa);
    int fd = socket(sa.ss_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return errno;
    int error = connect(fd, (const struct sockaddr *)&sa, n) != 0 ? errno : 0;
    if (error == 0)
        error = la_loop_add(&f->run->loop, &f->watch, fd, EPOLLIN);
    if (error != 0)
        (void)close(fd);
    return error;
}

static struct la_flow *
new_flow(struct la_run *run, const struct la_udp_from *ends, uint64_t hash)
{
    struct la_far_udp *u = &run->far_udp;
    if (u->flows_n >= FLOWS_N_MAX)
        end_flow(u->oldest);
    struct la_flow *f = calloc(1, sizeof(*f));
    if (f == NULL)
        return NULL;
    f->run = run;
    f->hash = hash;
    f->ends = *ends;
    f->watch.fd = -1;
    f->watch.on_ready = on_ready;
    int error = open_host(f);
    if (error == EMFILE && u->oldest != NULL) {
        end_flow(u->oldest);
        error = open_host(f);
    }
    f->chain = la_map_get(&u->by_key, hash);
    if (error != 0 || !la_map_put(&u->by_key, hash, f)) {
        la_loop_close(&run->loop, &f->watch);
        free(f);
        return NULL;
    }
    u->flows_n++;
    link_use(u, f);
    return f;
}

static void
forward(struct la_run *run, const struct la_udp_from *from, size_t n)
{
    uint64_t hash = hash_of(from);
    struct la_flow *f = find(run, from, hash);
    if (f == NULL)
        f = new_flow(run, from, hash);
    if (f == NULL) {
        (void)la_udp_refuse(run->far_stack, run->far_udp.udp, from, run->now);
        return;
    }
    unlink_use(&run->far_udp, f);
    link_use(&run->far_udp, f);
    /* The first attempt may only report an error of an earlier datagram. */
    ssize_t sent = send(f->watch.fd, run->scratch, n, MSG_DONTWAIT);
    if (sent < 0 && errno == ECONNREFUSED) {
        (void)la_udp_refuse(run->far_stack, run->far_udp.udp, from, run->now);
        (void)!send(f->watch.fd, run->scratch, n, MSG_DONTWAIT);
    }
}

void
la_far_udp_progress(struct la_run *run)
{
    for (;;) {
        struct la_udp_from from;
        size_t full_n = 0;
        struct la_room room = {run->scratch, LA_RUN_SCRATCH_BYTES};
        la_ssize n = la_udp_receive(run->far_stack, run->far_udp.udp, room, &full_n, &from);
        if (n == LA_ERR_AGAIN || n == LA_ERR_BAD_HANDLE)
            return;
        if (n >= 0)
            forward(run, &from, (size_t)n);
    }
}

/* ---- life ---------------------------------------------------------------------------------- */

la_err
la_far_udp_init(struct la_run *run)
{
    static const struct la_endpoint any = {{{0}}, 0};
    return la_udp_open(run->far_stack, &any, true, &run->far_udp.udp);
}

void
la_far_udp_fini(struct la_run *run)
{
    while (run->far_udp.newest != NULL)
        end_flow(run->far_udp.newest);
    la_map_fini(&run->far_udp.by_key);
}

static int64_t
idle_limit(const struct la_flow *f)
{
    return f->ends.local.port == DNS_PORT ? idle_dns_ns : idle_ns;
}

void
la_far_udp_tick(struct la_run *run)
{
    struct la_flow *newer;
    for (struct la_flow *f = run->far_udp.oldest; f != NULL; f = newer) {
        newer = f->newer;
        if (run->now.ns - f->used_at.ns < idle_dns_ns)
            break; /* and so are all that follow */
        if (run->now.ns - f->used_at.ns >= idle_limit(f))
            end_flow(f);
    }
}

la_instant
la_far_udp_deadline(const struct la_run *run)
{
    const struct la_flow *f = run->far_udp.oldest;
    if (f == NULL)
        return LA_INSTANT_NEVER;
    int64_t at = f->used_at.ns + idle_limit(f);
    return (la_instant){at > run->now.ns ? at : run->now.ns + idle_dns_ns};
}
