/* SPDX-License-Identifier: MIT
 *
 * load_serve.c - the reference: the three services on the kernel's TCP
 */
#include "load.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

enum { EVENTS_N = 256, BACKLOG = 65535, SERVICES_N = 3 };
enum service { SINK, SOURCE, ECHO };

/* What epoll keeps for a descriptor: itself, its service, and whether it is the listener's. */
struct watched {
    int fd;
    uint8_t service;
    bool listens;
};

static bool
watch(int poll, struct watched w)
{
    uint32_t ready = w.service == SOURCE && !w.listens ? EPOLLOUT : EPOLLIN;
    struct epoll_event event = {.events = ready};
    event.data.u64 =
        (uint64_t)(uint32_t)w.fd | (uint64_t)w.service << 32 | (uint64_t)w.listens << 40;
    return epoll_ctl(poll, EPOLL_CTL_ADD, w.fd, &event) == 0;
}

static struct watched
watched_of(const struct epoll_event *event)
{
    uint64_t u = event->data.u64;
    return (struct watched){(int)(uint32_t)u, (uint8_t)(u >> 32), (u >> 40 & 1) != 0};
}

static bool
listen_at(const struct la_load *load, int poll, uint8_t service)
{
    struct sockaddr_in at = load->to;
    int one = 1;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    at.sin_port = htons((uint16_t)(LA_LOAD_SINK + service));
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
    if (load->control != NULL && setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, load->control,
                                            (socklen_t)strlen(load->control)) != 0)
        return false;
    return bind(fd, (const struct sockaddr *)&at, sizeof(at)) == 0 && listen(fd, BACKLOG) == 0 &&
           watch(poll, (struct watched){fd, service, true});
}

static void
accept_some(int poll, const struct watched *listener)
{
    int one = 1;
    for (int i = 0; i < EVENTS_N; i++) {
        int fd = accept4(listener->fd, NULL, NULL, SOCK_NONBLOCK);
        if (fd < 0)
            return;
        (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
        if (!watch(poll, (struct watched){fd, listener->service, false}))
            (void)close(fd);
    }
}

/* False: the connection has ended. */
static bool
serve(const struct watched *w, char *chunk)
{
    ssize_t n;
    if (w->service == SOURCE) {
        n = send(w->fd, chunk, LA_LOAD_CHUNK_BYTES, MSG_NOSIGNAL);
        return n > 0 || errno == EAGAIN;
    }
    n = recv(w->fd, chunk, LA_LOAD_CHUNK_BYTES, 0);
    if (n <= 0)
        return n < 0 && errno == EAGAIN;
    return w->service == SINK || send(w->fd, chunk, (size_t)n, MSG_NOSIGNAL) == n;
}

int
la_load_serve(const struct la_load *load)
{
    struct epoll_event events[EVENTS_N];
    struct rlimit limit;
    int poll = epoll_create1(0);
    char *chunk = calloc(1, LA_LOAD_CHUNK_BYTES);
    if (poll < 0 || chunk == NULL)
        return la_load_failed("serve");
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &limit);
    }
    for (uint8_t service = 0; service < SERVICES_N; service++)
        if (!listen_at(load, poll, service))
            return la_load_failed("serve");
    puts("serving");
    (void)fflush(stdout);
    for (;;) {
        int n = epoll_wait(poll, events, EVENTS_N, -1);
        for (int i = 0; i < n; i++) {
            struct watched w = watched_of(&events[i]);
            if (w.listens)
                accept_some(poll, &w);
            else if (!serve(&w, chunk))
                (void)close(w.fd);
        }
    }
}
