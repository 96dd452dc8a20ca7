/* SPDX-License-Identifier: MIT
 *
 * client.c - a static program without any run-time library to interpose on
 *
 * usage: client PORT OCTETS [poll|epoll|select|blocking]
 *
 * Connects to an echo server in the manner named, sends that many octets and compares what comes
 * back. Says "ok".
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <unistd.h>

enum { CHUNK_BYTES = 20000 };

static int epoll_fd;

__attribute__((noreturn)) static void
fail(const char *what)
{
    perror(what);
    exit(1);
}

static bool
wait_by_select(int fd, bool writing)
{
    fd_set set;
    FD_ZERO(&set);
    FD_SET(fd, &set);
    struct timeval tv = {.tv_sec = 60};
    return select(fd + 1, writing ? NULL : &set, writing ? &set : NULL, NULL, &tv) == 1;
}

/* Edge-triggered, registered before connect(): every later readiness must be an event. */
static bool
wait_by_epoll(uint32_t *ready, bool writing)
{
    uint32_t want = writing ? EPOLLOUT : EPOLLIN;
    while ((*ready & want) == 0) {
        struct epoll_event ev;
        if (epoll_wait(epoll_fd, &ev, 1, 60000) != 1)
            return false;
        *ready |= ev.events;
    }
    return true;
}

static bool
wait_for(const char *how, int fd, uint32_t *ready, bool writing)
{
    struct pollfd p = {.fd = fd, .events = writing ? POLLOUT : POLLIN};
    if (strcmp(how, "select") == 0)
        return wait_by_select(fd, writing);
    if (strcmp(how, "epoll") == 0)
        return wait_by_epoll(ready, writing);
    return poll(&p, 1, 60000) == 1;
}

static int
open_connection(const char *how, uint16_t port, uint32_t *ready)
{
    bool blocking = strcmp(how, "blocking") == 0;
    int fd = socket(AF_INET, SOCK_STREAM | (blocking ? 0 : SOCK_NONBLOCK), 0);
    struct epoll_event ev = {.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET};
    if (fd < 0 || epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &ev) != 0)
        fail("socket");
    /* An unconnected socket is "writable": that edge is no news. */
    (void)epoll_wait(epoll_fd, &ev, 1, 0);
    struct sockaddr_in sa = {.sin_family = AF_INET, .sin_port = htons(port)};
    sa.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (connect(fd, (const struct sockaddr *)&sa, sizeof(sa)) != 0) {
        int error = 0;
        socklen_t n = sizeof(error);
        if (errno != EINPROGRESS || !wait_for(how, fd, ready, true) ||
            getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &n) != 0)
            fail("connect");
        errno = error;
        if (error != 0)
            fail("connect");
    }
    return fd;
}

static ssize_t
moved(ssize_t n, uint32_t *ready, uint32_t bit)
{
    if (n < 0 && errno == EAGAIN) {
        *ready &= ~bit;
        return 0;
    }
    if (n < 0)
        fail(bit == EPOLLIN ? "read" : "write");
    return n;
}

static void
echo(const char *how, int fd, size_t total, uint32_t ready)
{
    static uint8_t out[CHUNK_BYTES], in[CHUNK_BYTES];
    size_t sent = 0, got = 0;
    while (got < total) {
        size_t n = total - sent < CHUNK_BYTES ? total - sent : CHUNK_BYTES;
        for (size_t i = 0; i < n; i++)
            out[i] = (uint8_t)((sent + i) * 7 >> 3);
        bool writing = sent < total && sent - got < 4 * CHUNK_BYTES;
        if (!wait_for(how, fd, &ready, writing))
            fail("wait");
        if (writing) {
            sent += (size_t)moved(write(fd, out, n), &ready, EPOLLOUT);
            continue;
        }
        ssize_t r = moved(read(fd, in, sizeof(in)), &ready, EPOLLIN);
        for (ssize_t i = 0; i < r; i++) {
            if (in[i] != (uint8_t)((got + (size_t)i) * 7 >> 3))
                fail("the octets differ");
        }
        got += (size_t)r;
    }
}

int
main(int argc, char **argv)
{
    if (argc != 4)
        return 2;
    uint32_t ready = 0;
    epoll_fd = epoll_create1(0);
    int fd = open_connection(argv[3], (uint16_t)atoi(argv[1]), &ready);
    echo(argv[3], fd, (size_t)atol(argv[2]), ready);
    puts("ok");
    return 0;
}
