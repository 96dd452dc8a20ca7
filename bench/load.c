/* SPDX-License-Identifier: MIT
 *
 * load.c - the load program: arguments, and what its parts share
 *
 * usage: load serve|bulk-out|bulk-in|talk|churn|hold|goodput|flood ADDRESS [OPTION...]
 *
 * bench/stacks.py starts it; see load.h for what it expects at the other end.
 */
#include "load.h"

#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* ---- shared ----------------------------------------------------------------------------- */

int
la_load_failed(const char *what)
{
    fprintf(stderr, "load: %s: %s\n", what, strerror(errno));
    return EXIT_FAILURE;
}

static uint64_t
clock_ns(clockid_t id)
{
    struct timespec at = {0};
    (void)clock_gettime(id, &at);
    return (uint64_t)at.tv_sec * 1000000000u + (uint64_t)at.tv_nsec;
}

uint64_t
la_load_now_ns(void)
{
    return clock_ns(CLOCK_MONOTONIC);
}

uint64_t
la_load_end_ns(double seconds)
{
    return la_load_now_ns() + (uint64_t)(seconds * 1e9);
}

int
la_load_socket(const struct la_load *load, uint64_t i, int flags)
{
    struct sockaddr_in from = {.sin_family = AF_INET};
    struct timeval patience = {.tv_sec = LA_LOAD_PATIENCE_S};
    int one = 1;
    int fd = socket(AF_INET, SOCK_STREAM | flags, 0);
    if (fd < 0)
        return -1;
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    (void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
    if (load->source.s_addr == 0)
        return fd;
    /* The port is chosen by connect(), which knows the peer: all ports of each address serve. */
    (void)setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof(one));
    from.sin_addr.s_addr = htonl(ntohl(load->source.s_addr) + (uint32_t)(i % load->sources_n));
    if (bind(fd, (const struct sockaddr *)&from, sizeof(from)) == 0)
        return fd;
    (void)close(fd);
    return -1;
}

int
la_load_dial(const struct la_load *load, uint64_t i, uint16_t port)
{
    struct sockaddr_in to = load->to;
    to.sin_port = htons(port);
    int fd = la_load_socket(load, i, 0);
    if (fd >= 0 && connect(fd, (const struct sockaddr *)&to, sizeof(to)) != 0) {
        int error = errno;
        (void)close(fd);
        errno = error;
        return -1;
    }
    return fd;
}

void
la_load_abort(int fd)
{
    struct linger at_once = {.l_onoff = 1};
    (void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
    (void)close(fd);
}

bool
la_load_echo(int fd)
{
    char message[LA_LOAD_MESSAGE_BYTES] = {0};
    if (send(fd, message, sizeof(message), MSG_NOSIGNAL) != sizeof(message))
        return false;
    return recv(fd, message, sizeof(message), MSG_WAITALL) == sizeof(message);
}

struct la_load_usage
la_load_usage(const struct la_load *load)
{
    uint64_t peer_ns = load->peer != 0 ? clock_ns(load->peer_clock) : 0;
    return (struct la_load_usage){la_load_now_ns(), clock_ns(CLOCK_PROCESS_CPUTIME_ID), peer_ns};
}

struct la_load_usage
la_load_usage_since(const struct la_load *load, const struct la_load_usage *from)
{
    struct la_load_usage now = la_load_usage(load);
    return (struct la_load_usage){now.at_ns - from->at_ns, now.own_ns - from->own_ns,
                                  now.peer_ns - from->peer_ns};
}

bool
la_load_times_add(struct la_load_times *times, uint64_t ns)
{
    if (times->n == times->room_n) {
        size_t room_n = times->room_n > 0 ? 2 * times->room_n : 65536;
        uint32_t *more = realloc(times->ns, room_n * sizeof(*more));
        if (more == NULL)
            return false;
        times->ns = more;
        times->room_n = room_n;
    }
    times->ns[times->n++] = ns < UINT32_MAX ? (uint32_t)ns : UINT32_MAX;
    return true;
}

static int
compare(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

double
la_load_times_us(struct la_load_times *times, double part)
{
    if (times->n == 0)
        return 0;
    qsort(times->ns, times->n, sizeof(*times->ns), compare);
    return times->ns[(size_t)(part * (double)(times->n - 1))] / 1e3;
}

/* ---- arguments -------------------------------------------------------------------------- */

static const struct mode {
    const char *name;
    int (*run)(const struct la_load *load);
} modes[] = {
    {"serve", la_load_serve},     {"bulk-out", la_load_bulk_out}, {"bulk-in", la_load_bulk_in},
    {"talk", la_load_talk},       {"churn", la_load_churn},       {"hold", la_load_hold},
    {"goodput", la_load_goodput}, {"flood", la_load_flood},       {"bounce", la_load_bounce},
};

static int
usage(void)
{
    fputs("usage: load MODE ADDRESS [OPTION...]\n"
          "\n"
          "  serve        sink 5001, source 5002 and echo 5003, on the kernel's TCP\n"
          "  bulk-out     send to 5001\n"
          "  bulk-in      receive from 5002\n"
          "  talk         one message after another to 5003 and back\n"
          "  churn        connect to 5003, a message there and back, close\n"
          "  hold         open connections to 5003 and weigh the process that serves them\n"
          "  goodput      receive from 5002 of this address and those behind it, one each\n"
          "  flood        SYNs from 10.200.0.0/16 to 5003, and connections that mean it\n"
          "  bounce       on a TUN device: what comes goes back, and that is all\n"
          "\n"
          "  --seconds S        how long (1)\n"
          "  --connections N    at the same time (1)\n"
          "  --source IP        connect from this address ...\n"
          "  --sources N        ... and those behind it (1)\n"
          "  --peer PID         the process that serves: its CPU time is counted\n"
          "  --skip S           goodput: so long nothing counts (0)\n"
          "  --apart S          goodput: from one connection to the next (0)\n"
          "  --control NAME     serve: congestion control\n"
          "  --device NAME      flood: where it leaves; bounce: where it stands\n"
          "  --bare             flood: no connections beside it\n",
          stderr);
    return 2;
}

static bool
option_take(struct la_load *load, int option)
{
    switch (option) {
    case 's':
        load->seconds = strtod(optarg, NULL);
        return load->seconds > 0 && load->seconds <= 3600;
    case 'c':
        load->conns_n = (unsigned)strtoul(optarg, NULL, 10);
        return load->conns_n > 0;
    case 'a':
        return inet_pton(AF_INET, optarg, &load->source) == 1;
    case 'n':
        load->sources_n = (unsigned)strtoul(optarg, NULL, 10);
        return load->sources_n > 0;
    case 'p':
        load->peer = atoi(optarg);
        return load->peer > 0 && clock_getcpuclockid(load->peer, &load->peer_clock) == 0;
    case 'k':
        load->skip_s = strtod(optarg, NULL);
        return load->skip_s >= 0 && load->skip_s <= 3600;
    case 'd':
        load->apart_s = strtod(optarg, NULL);
        return load->apart_s >= 0 && load->apart_s <= 3600;
    case 'g':
        load->control = optarg;
        return true;
    case 'b':
        load->bare = true;
        return true;
    case 'v':
        load->device = optarg;
        return true;
    default:
        return false;
    }
}

int
main(int argc, char **argv)
{
    static const struct option options[] = {
        {"seconds", required_argument, NULL, 's'},
        {"connections", required_argument, NULL, 'c'},
        {"source", required_argument, NULL, 'a'},
        {"sources", required_argument, NULL, 'n'},
        {"peer", required_argument, NULL, 'p'},
        {"skip", required_argument, NULL, 'k'},
        {"apart", required_argument, NULL, 'd'},
        {"control", required_argument, NULL, 'g'},
        {"device", required_argument, NULL, 'v'},
        {"bare", no_argument, NULL, 'b'},
        {NULL, 0, NULL, 0},
    };
    struct la_load load = {.to.sin_family = AF_INET, .seconds = 1, .conns_n = 1, .sources_n = 1};
    int option;
    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1)
        if (!option_take(&load, option))
            return usage();
    if (argc - optind != 2 || inet_pton(AF_INET, argv[optind + 1], &load.to.sin_addr) != 1)
        return usage();
    for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++)
        if (strcmp(argv[optind], modes[i].name) == 0)
            return modes[i].run(&load);
    return usage();
}
