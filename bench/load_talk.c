/* SPDX-License-Identifier: MIT
 *
 * load_talk.c - request/response on one connection; connections that live for one request
 */
#include "load.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

int
la_load_talk(const struct la_load *load)
{
    struct la_load_times times = {0};
    int fd = la_load_dial(load, 0, LA_LOAD_ECHO);
    if (fd < 0 || !la_load_echo(fd))
        return la_load_failed("talk");
    struct la_load_usage from = la_load_usage(load);
    uint64_t end_ns = la_load_end_ns(load->seconds), at_ns = la_load_now_ns();
    while (at_ns < end_ns) {
        if (!la_load_echo(fd))
            return la_load_failed("talk");
        uint64_t now_ns = la_load_now_ns();
        if (!la_load_times_add(&times, now_ns - at_ns))
            return la_load_failed("memory");
        at_ns = now_ns;
    }
    struct la_load_usage used = la_load_usage_since(load, &from);
    double n = (double)times.n;
    printf("{\"per_s\": %.0f, \"p50_us\": %.2f, \"p99_us\": %.2f, \"cpu_us\": %.3f, "
           "\"stack_cpu_us\": %.3f}\n",
           n * 1e9 / (double)used.at_ns, la_load_times_us(&times, 0.5),
           la_load_times_us(&times, 0.99), (double)(used.own_ns + used.peer_ns) / n / 1e3,
           (double)used.peer_ns / n / 1e3);
    la_load_abort(fd);
    free(times.ns);
    return EXIT_SUCCESS;
}

/* ---- churn ------------------------------------------------------------------------------ */

enum { EVENTS_N = 256, TICK_MS = 100 };

struct client {
    int fd;
    bool asked;      /* connected, and the message is sent */
    size_t answered; /* octets of the answer */
    uint64_t from_ns;
};

struct churn {
    const struct la_load *load;
    int poll;
    uint64_t begun_n, done_n, failed_n;
    struct la_load_times times;
};

/* Begins the client's next connection. False: this system cannot. */
static bool
client_begin(struct churn *churn, struct client *client)
{
    struct sockaddr_in to = churn->load->to;
    to.sin_port = htons(LA_LOAD_ECHO);
    struct epoll_event event = {.events = EPOLLOUT, .data.ptr = client};
    *client = (struct client){.from_ns = la_load_now_ns()};
    client->fd = la_load_socket(churn->load, churn->begun_n++, SOCK_NONBLOCK);
    if (client->fd < 0)
        return false;
    if (connect(client->fd, (const struct sockaddr *)&to, sizeof(to)) != 0 && errno != EINPROGRESS)
        return false;
    return epoll_ctl(churn->poll, EPOLL_CTL_ADD, client->fd, &event) == 0;
}

enum progress { WAITS, DONE, FAILED };

static enum progress
client_ask(struct churn *churn, struct client *client, uint32_t ready)
{
    static const char message[LA_LOAD_MESSAGE_BYTES];
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = client};
    if ((ready & (EPOLLERR | EPOLLHUP)) != 0)
        return FAILED;
    if (send(client->fd, message, sizeof(message), MSG_NOSIGNAL) != sizeof(message))
        return FAILED;
    client->asked = true;
    return epoll_ctl(churn->poll, EPOLL_CTL_MOD, client->fd, &event) == 0 ? WAITS : FAILED;
}

static enum progress
client_answered(struct client *client)
{
    char octets[LA_LOAD_MESSAGE_BYTES];
    ssize_t n = recv(client->fd, octets, sizeof(octets), 0);
    if (n < 0 && errno == EAGAIN)
        return WAITS;
    if (n <= 0)
        return FAILED;
    client->answered += (size_t)n;
    return client->answered < sizeof(octets) ? WAITS : DONE;
}

/* This end closes first and keeps the TIME-WAIT. */
static bool
client_step(struct churn *churn, struct client *client, uint32_t ready)
{
    enum progress progress =
        client->asked ? client_answered(client) : client_ask(churn, client, ready);
    if (progress == WAITS)
        return true;
    (void)close(client->fd);
    if (progress == FAILED)
        churn->failed_n++;
    else if (la_load_times_add(&churn->times, la_load_now_ns() - client->from_ns))
        churn->done_n++;
    return client_begin(churn, client);
}

static bool
churn_run(struct churn *churn, struct client *clients)
{
    struct epoll_event events[EVENTS_N];
    for (unsigned i = 0; i < churn->load->conns_n; i++)
        if (!client_begin(churn, &clients[i]))
            return false;
    for (uint64_t end = la_load_end_ns(churn->load->seconds); la_load_now_ns() < end;) {
        int n = epoll_wait(churn->poll, events, EVENTS_N, TICK_MS);
        for (int i = 0; i < n; i++)
            if (!client_step(churn, events[i].data.ptr, events[i].events))
                return false;
    }
    return true;
}

int
la_load_churn(const struct la_load *load)
{
    struct churn churn = {.load = load, .poll = epoll_create1(0)};
    struct client *clients = calloc(load->conns_n, sizeof(*clients));
    if (clients == NULL || churn.poll < 0)
        return la_load_failed("churn");
    struct la_load_usage from = la_load_usage(load);
    bool good = churn_run(&churn, clients);
    struct la_load_usage used = la_load_usage_since(load, &from);
    free(clients);
    if (!good || churn.done_n == 0)
        return la_load_failed(good ? "churn: no connection came to its end" : "churn");
    double n = (double)churn.done_n;
    printf("{\"per_s\": %.0f, \"p50_us\": %.1f, \"p99_us\": %.1f, \"cpu_us\": %.2f, "
           "\"stack_cpu_us\": %.2f, \"done\": %.0f, \"failed\": %llu}\n",
           n * 1e9 / (double)used.at_ns, la_load_times_us(&churn.times, 0.5),
           la_load_times_us(&churn.times, 0.99), (double)(used.own_ns + used.peer_ns) / n / 1e3,
           (double)used.peer_ns / n / 1e3, n, (unsigned long long)churn.failed_n);
    free(churn.times.ns);
    return EXIT_SUCCESS;
}
