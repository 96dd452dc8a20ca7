/* SPDX-License-Identifier: MIT
 *
 * host_port.c - one port of the host: bound, listened on or not, and who connects to it
 *
 * Read first: listen(2), shutdown(2), SO_REUSEADDR in socket(7).
 *
 * Linux ends listening, and keeps the port, by shutdown(SHUT_RD): then the kernel refuses whoever
 * connects. A backlog that is full, or a limit of ours, makes clients wait in the kernel's queue.
 */
#include "host/host_port.h"

#include "host/errors.h"
#include "host/supervisor.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { BURST_N = 32, OPENING_N_MAX = 512, TRIES_N = 16, OWN_N = 32, RETRY_NS = 10000000 };

struct la_endpoint
la_host_port_inside(const struct la_host_port *hp)
{
    const struct la_aliases *aliases = &hp->run->aliases;
    return (struct la_endpoint){la_addr_is_v4(&hp->at.addr) ? aliases->own4 : aliases->own6,
                                hp->port};
}

/* ---- accepting ------------------------------------------------------------------------------- */

static void
refuse(int fd)
{
    struct linger l = {.l_onoff = 1, .l_linger = 0};
    (void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &l, sizeof(l));
    (void)close(fd);
}

/* What comes waits in the kernel's queue. */
static void
pause_port(struct la_host_port *hp)
{
    la_loop_remove(&hp->run->loop, &hp->watch);
    hp->run->publish.retry_at.ns = hp->run->now.ns + RETRY_NS;
}

static void
say_limit(struct la_publish *p)
{
    if (!p->limit_said)
        la_host_say("too many connections for the limit of open files (ulimit -Hn): they wait");
    p->limit_said = true;
}

static void
enter(struct la_host_port *hp, int fd, const struct sockaddr_storage *sa)
{
    struct la_run *run = hp->run;
    struct la_endpoint client, to = la_host_port_inside(hp);
    la_name_from_host(sa, &client);
    client = la_name_of_client(run, &client);
    if (la_ports_is_inside(run, false, &to))
        la_far_enter(run, fd, &client, &to);
    else
        refuse(fd);
}

/* Asked before accept(): what is accepted cannot be given back. Each socket of the program costs
 * one, and so does each connection of the far side; one that is being opened will cost another. */
static bool
has_descriptors(const struct la_run *run)
{
    size_t used_n = OWN_N + run->registry.by_sock.live_n + run->far.by_handle.live_n +
                    run->far.opening_n + run->far_udp.flows_n + run->processes.n;
    return used_n + 2 <= (size_t)run->loop.fd_limit;
}

static bool
is_shortage(int error)
{
    return error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM;
}

static void
on_ready(struct la_watch *watch, uint32_t events)
{
    struct la_host_port *hp = (struct la_host_port *)watch; /* its first member */
    struct la_run *run = hp->run;
    (void)events;
    for (int i = 0; i < BURST_N && hp->listening; i++) {
        struct sockaddr_storage sa;
        socklen_t n = sizeof(sa);
        int fd = -1, error = 0;
        if (run->far.opening_n >= OPENING_N_MAX) {
            pause_port(hp);
            return;
        }
        if (has_descriptors(run))
            fd = accept4(hp->fd, (struct sockaddr *)&sa, &n, SOCK_CLOEXEC | SOCK_NONBLOCK);
        else
            error = EMFILE;
        if (fd < 0 && error == 0)
            error = errno;
        if (fd >= 0) {
            enter(hp, fd, &sa);
        } else if (is_shortage(error)) {
            say_limit(&run->publish);
            pause_port(hp);
            return;
        } else if (error == EAGAIN) {
            return;
        } /* else that connection has failed already, and there may be another */
    }
}

/* ---- life ------------------------------------------------------------------------------------ */

static int
set_reuse(int fd, int on)
{
    return setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
}

/* Without SO_REUSEADDR nobody else can take the port while it is not listened on. Connections of an
 * earlier run in TIME-WAIT ask for it. */
static int
bind_exactly(int fd, const struct sockaddr_storage *sa, socklen_t n)
{
    if (bind(fd, (const struct sockaddr *)sa, n) == 0)
        return 0;
    if (errno != EADDRINUSE || set_reuse(fd, 1) != 0)
        return errno;
    int error = bind(fd, (const struct sockaddr *)sa, n) == 0 ? 0 : errno;
    (void)set_reuse(fd, 0);
    return error;
}

static void
set_v6only(int fd, const struct sockaddr_storage *sa)
{
    int on = 1;
    if (sa->ss_family == AF_INET6)
        (void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
}

/* Fills in a port that is free at the moment. 0 or an errno value. */
static int
choose_port(struct la_endpoint *at)
{
    struct sockaddr_storage sa;
    socklen_t n = la_name_to_host(at, &sa);
    int fd = socket(sa.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return errno;
    set_v6only(fd, &sa);
    int error = bind(fd, (const struct sockaddr *)&sa, n) != 0 ||
                        getsockname(fd, (struct sockaddr *)&sa, &n) != 0
                    ? errno
                    : 0;
    (void)close(fd);
    if (error == 0)
        la_name_from_host(&sa, at);
    return error;
}

/* The kernel keeps a port beyond shutdown() only if it was asked for by its number, so one that is
 * free is found out before. 0 or an errno value. */
static int
bind_host(int fd, const struct la_endpoint *wanted, struct la_endpoint *at)
{
    struct sockaddr_storage sa;
    int error;
    for (int i = 0; i < TRIES_N; i++) {
        *at = *wanted;
        error = wanted->port == 0 ? choose_port(at) : 0;
        if (error != 0)
            return error;
        socklen_t n = la_name_to_host(at, &sa);
        set_v6only(fd, &sa);
        error = bind_exactly(fd, &sa, n);
        if (error != EADDRINUSE || wanted->port != 0)
            break; /* else somebody was faster */
    }
    return error;
}

int
la_host_port_open(struct la_run *run, const struct la_endpoint *at, uint16_t port,
                  struct la_host_port **out)
{
    struct la_host_port *hp = calloc(1, sizeof(*hp));
    if (hp == NULL)
        return ENOMEM;
    int family = la_addr_is_v4(&at->addr) ? AF_INET : AF_INET6;
    hp->fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    int error = hp->fd < 0 ? errno : bind_host(hp->fd, at, &hp->at);
    if (error != 0) {
        if (hp->fd >= 0)
            (void)close(hp->fd);
        free(hp);
        return error;
    }
    hp->run = run;
    hp->port = port != 0 ? port : hp->at.port;
    hp->watch = (struct la_watch){.fd = -1, .on_ready = on_ready};
    hp->next = run->publish.first;
    run->publish.first = hp;
    *out = hp;
    return 0;
}

void
la_host_port_close(struct la_host_port *hp)
{
    if (hp->fd < 0)
        return;
    la_loop_remove(&hp->run->loop, &hp->watch);
    (void)close(hp->fd);
    hp->fd = -1;
    hp->listening = false;
    hp->reserver = NULL;
}

/* ---- listening ------------------------------------------------------------------------------- */

void
la_host_port_explain(const struct la_host_port *hp, int error)
{
    char text[LA_ADDR_TEXT_BYTES];
    la_host_say("port %u is not published at port %u of %s: %s", hp->port, hp->at.port,
                la_addr_format(&hp->at.addr, text), strerror(error));
}

void
la_host_port_begin(struct la_host_port *hp, int backlog)
{
    /* Connections that are left from when it listened before are no obstacle with this. */
    (void)set_reuse(hp->fd, 1);
    int error = listen(hp->fd, backlog) != 0 ? errno : 0;
    if (error == 0)
        error = la_loop_add(&hp->run->loop, &hp->watch, hp->fd, EPOLLIN);
    hp->listening = error == 0;
    if (error != 0)
        la_host_port_explain(hp, error);
}

void
la_host_port_end(struct la_host_port *hp)
{
    la_loop_remove(&hp->run->loop, &hp->watch);
    (void)shutdown(hp->fd, SHUT_RD);
    (void)set_reuse(hp->fd, 0);
    hp->listening = false;
}

void
la_host_port_resume(struct la_host_port *hp)
{
    if (hp->listening && hp->watch.fd < 0 &&
        la_loop_add(&hp->run->loop, &hp->watch, hp->fd, EPOLLIN) != 0)
        pause_port(hp);
}
