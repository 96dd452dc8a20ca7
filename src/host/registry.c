/* SPDX-License-Identifier: MIT
 *
 * registry.c - from a descriptor of the program to the record of its socket, and which still live
 *
 * Read first: SO_COOKIE in socket(7); epoll(7), question 6; proc(5) on /proc/PID/fdinfo.
 *
 * A connected stream tells us of its last close by EPOLLHUP at our end. One that is unconnected or
 * listening has no other end, and a datagram pair says nothing. For those: the program's end is
 * registered in an epoll instance on which nobody ever waits. The kernel removes a registration
 * with the last close of the file, wherever copies of the descriptor went, so the "tfd:" lines
 * of /proc/self/fdinfo/EPOLL name exactly the living. They are read when an address is in use,
 * before a listener takes a connection, and once a second.
 */
#include "host/registry.h"

#include "host/acceptor.h"
#include "host/datagram.h"
#include "host/supervisor.h"
#include "host/waiters.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { SCAN_NS = 1000000000 };

int
la_registry_init(struct la_registry *r)
{
    *r = (struct la_registry){0};
    r->living_fd = epoll_create1(EPOLL_CLOEXEC);
    return r->living_fd < 0 ? errno : 0;
}

void
la_registry_fini(struct la_run *run)
{
    struct la_registry *r = &run->registry;
    struct la_map *maps[] = {&r->by_sock, &r->by_cookie};
    for (size_t i = 0; i < sizeof(maps) / sizeof(maps[0]); i++) {
        size_t cursor = 0;
        struct la_psock *ps;
        for (; (ps = la_map_next(maps[i], &cursor)) != NULL; cursor = 0)
            la_psock_retire(ps);
    }
    la_registry_reap(run);
    la_map_fini(&r->by_cookie);
    la_map_fini(&r->by_sock);
    if (r->living_fd >= 0)
        (void)close(r->living_fd);
}

static bool
open_sock(struct la_psock *ps)
{
    enum la_sock_family family = ps->family == AF_INET ? LA_SOCK_IPV4 : LA_SOCK_IPV6;
    enum la_sock_type type = ps->datagram ? LA_SOCK_DATAGRAM : LA_SOCK_STREAM;
    if (la_sock_open(ps->run->socks, family, type, &ps->sock) != LA_OK) {
        ps->sock = 0;
        return false;
    }
    return la_map_put(&ps->run->registry.by_sock, ps->sock, ps);
}

struct la_psock *
la_psock_new(struct la_run *run, int family, bool datagram, la_sock sock)
{
    struct la_psock *ps = calloc(1, sizeof(*ps));
    if (ps == NULL)
        return NULL;
    ps->run = run;
    ps->family = family;
    ps->datagram = datagram;
    ps->sock = sock;
    ps->near.pump.run = run;
    ps->near.pump.watch.fd = -1;
    ps->dgram.watch.fd = -1;
    ps->acceptor.path_fd = -1;
    la_options_init(&ps->options);
    bool known = sock != 0 ? la_map_put(&run->registry.by_sock, sock, ps) : open_sock(ps);
    if (!known) {
        la_psock_retire(ps);
        return NULL;
    }
    return ps;
}

static bool
cookie_of(int fd, uint64_t *cookie)
{
    socklen_t n = sizeof(*cookie);
    return getsockopt(fd, SOL_SOCKET, SO_COOKIE, cookie, &n) == 0;
}

bool
la_psock_name(struct la_psock *ps, int fd)
{
    struct la_registry *r = &ps->run->registry;
    uint64_t cookie;
    if (!cookie_of(fd, &cookie) || !la_map_put(&r->by_cookie, cookie, ps))
        return false;
    la_psock_unname(ps);
    ps->cookie = cookie;
    /* One-shot: after one wake-up that nobody waits for, the registration costs nothing. */
    struct epoll_event ev = {.events = EPOLLONESHOT, .data.u64 = cookie};
    ps->seen_n = r->scans_n;
    return epoll_ctl(r->living_fd, EPOLL_CTL_ADD, fd, &ev) == 0;
}

void
la_psock_unname(struct la_psock *ps)
{
    if (ps->cookie != 0)
        (void)la_map_take(&ps->run->registry.by_cookie, ps->cookie);
    ps->cookie = 0;
}

void
la_psock_retire(struct la_psock *ps)
{
    struct la_run *run = ps->run;
    if (ps->doomed)
        return;
    ps->doomed = true;
    la_wait_fail_all(ps, EBADF);
    la_acceptor_close(ps);
    la_publish_forget(ps);
    la_pump_stop(&ps->near.pump);
    la_datagram_close(ps);
    la_psock_unname(ps);
    if (ps->sock != 0) {
        (void)la_map_take(&run->registry.by_sock, ps->sock);
        (void)la_sock_close(run->socks, ps->sock, run->now);
    }
    ps->sock = 0;
    ps->doomed_next = run->registry.doomed;
    run->registry.doomed = ps;
}

void
la_psock_abort(struct la_psock *ps)
{
    if (ps->sock != 0)
        (void)la_sock_option_set(ps->run->socks, ps->sock, LA_SO_LINGER_S, 0, ps->run->now);
    la_psock_retire(ps);
}

bool
la_psock_renew(struct la_psock *ps)
{
    (void)la_map_take(&ps->run->registry.by_sock, ps->sock);
    (void)la_sock_close(ps->run->socks, ps->sock, ps->run->now);
    ps->sock = 0;
    if (!open_sock(ps))
        return false;
    la_options_restore(ps);
    if (ps->bound) /* it may be taken by now: then the next call chooses another */
        (void)la_sock_bind(ps->run->socks, ps->sock, &ps->bound_to);
    return true;
}

struct la_psock *
la_registry_find(const struct la_registry *r, int borrowed_fd)
{
    uint64_t cookie;
    return cookie_of(borrowed_fd, &cookie) ? la_map_get(&r->by_cookie, cookie) : NULL;
}

struct la_psock *
la_registry_find_sock(const struct la_registry *r, la_sock sock)
{
    return la_map_get(&r->by_sock, sock);
}

/* A silent last close: our end, if there is one, does not say it. */
static bool
is_silent(const struct la_psock *ps)
{
    if (ps->cookie == 0)
        return false; /* not accepted yet: it belongs to its listener */
    return ps->datagram || !la_pump_is_on(&ps->near.pump) || ps->near.pump.discard;
}

static void
retire_unseen(struct la_run *run)
{
    struct la_registry *r = &run->registry;
    size_t cursor = 0;
    struct la_psock *ps;
    while ((ps = la_map_next(&r->by_cookie, &cursor)) != NULL) {
        if (ps->seen_n != r->scans_n && is_silent(ps)) {
            la_psock_retire(ps);
            cursor = 0; /* the table has changed */
        }
    }
}

void
la_registry_scan(struct la_run *run)
{
    struct la_registry *r = &run->registry;
    char path[64], line[256];
    (void)snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", r->living_fd);
    FILE *f = fopen(path, "re");
    if (f == NULL)
        return; /* without /proc the records stay until the end */
    r->scans_n++;
    while (fgets(line, sizeof(line), f) != NULL) {
        const char *data = strncmp(line, "tfd:", 4) == 0 ? strstr(line, "data:") : NULL;
        struct la_psock *ps =
            data != NULL ? la_map_get(&r->by_cookie, strtoull(data + 5, NULL, 16)) : NULL;
        if (ps != NULL)
            ps->seen_n = r->scans_n;
    }
    (void)fclose(f);
    retire_unseen(run);
}

void
la_registry_tick(struct la_run *run)
{
    struct la_registry *r = &run->registry;
    if (run->now.ns < r->scan_at.ns)
        return;
    la_registry_scan(run);
    r->scan_at.ns = run->now.ns + SCAN_NS;
}

la_instant
la_registry_deadline(const struct la_run *run)
{
    /* Nothing to be found: the next socket is named by a call, which wakes the loop anyway. */
    return run->registry.by_cookie.live_n != 0 ? run->registry.scan_at : LA_INSTANT_NEVER;
}

void
la_registry_reap(struct la_run *run)
{
    while (run->registry.doomed != NULL) {
        struct la_psock *ps = run->registry.doomed;
        run->registry.doomed = ps->doomed_next;
        la_pump_unlink(&ps->near.pump);
        free(ps);
    }
}
