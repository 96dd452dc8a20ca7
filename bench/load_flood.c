/* SPDX-License-Identifier: MIT
 *
 * load_flood.c - SYNs from made-up addresses, and connections that mean it
 *
 * SYNs leave through a packet socket on the device, at most WINDOW_N of them unanswered, so that
 * none is lost in a queue before it reaches the stack: the rate is what the stack keeps up with.
 * Answers are what the device has received meanwhile. A second process connects so many times
 * (--connections), one after another, with a message there and back.
 */
#include "load.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <netinet/ip.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { BURST_N = 32, WINDOW_N = 128, SYN_BYTES = 60, STALL_NS = 200000000 };
/* What a connection that means it makes the device receive: SYN,ACK, an ACK, the echo, and little
 * more. */
enum { PACKETS_PER_CONNECT = 4 };

struct flood {
    const struct la_load *load;
    int fd, counter;
    struct sockaddr_ll to;
    uint8_t syn[BURST_N][SYN_BYTES];
    struct iovec piece[BURST_N];
    struct mmsghdr message[BURST_N];
    uint64_t made_n; /* SYNs */
};

/* ---- SYNs ------------------------------------------------------------------------------- */

static uint32_t
sum_of(const uint8_t *p, size_t n, uint32_t sum)
{
    for (size_t i = 0; i + 1 < n; i += 2)
        sum += (uint32_t)(p[i] << 8 | p[i + 1]);
    while (sum >> 16 != 0)
        sum = (sum & 0xffff) + (sum >> 16);
    return sum;
}

/* What a SYN of today's systems offers. */
static const uint8_t options[20] = {2, 4, 0x05, 0xb4, 4, 2, 8, 10, 0, 0,
                                    0, 1, 0,    0,    0, 0, 1, 3,  3, 7};

/* The n-th: from 10.200.x.y, each with many ports. */
static void
make_syn(const struct flood *f, uint64_t n, uint8_t out[SYN_BYTES])
{
    struct iphdr ip = {.version = 4, .ihl = 5, .ttl = 64, .protocol = IPPROTO_TCP};
    struct tcphdr tcp = {.doff = 10, .syn = 1};
    ip.tot_len = htons(SYN_BYTES);
    ip.saddr = htonl(UINT32_C(0x0ac80000) | (uint32_t)(n * 40503 & 0xffff));
    ip.daddr = f->load->to.sin_addr.s_addr;
    memcpy(out, &ip, sizeof(ip));
    ip.check = htons((uint16_t)~sum_of(out, sizeof(ip), 0));
    memcpy(out, &ip, sizeof(ip));
    tcp.source = htons((uint16_t)(1024 + n / 65536 % 64000));
    tcp.dest = htons(LA_LOAD_ECHO);
    tcp.seq = htonl((uint32_t)n * UINT32_C(2654435761));
    tcp.window = htons(64240);
    memcpy(out + sizeof(ip), &tcp, sizeof(tcp));
    memcpy(out + sizeof(ip) + sizeof(tcp), options, sizeof(options));
    uint32_t sum = IPPROTO_TCP + SYN_BYTES - sizeof(ip) + sum_of(out + 12, 8, 0);
    tcp.check = htons((uint16_t)~sum_of(out + sizeof(ip), SYN_BYTES - sizeof(ip), sum));
    memcpy(out + sizeof(ip), &tcp, sizeof(tcp));
}

/* Packets that the device has received, all told. */
static uint64_t
received_n(const struct flood *f)
{
    char text[32] = {0};
    return pread(f->counter, text, sizeof(text) - 1, 0) > 0 ? strtoull(text, NULL, 10) : 0;
}

static bool
burst(struct flood *f)
{
    for (size_t i = 0; i < BURST_N; i++)
        make_syn(f, f->made_n++, f->syn[i]);
    for (unsigned sent = 0; sent < BURST_N;) {
        int n = sendmmsg(f->fd, f->message + sent, BURST_N - sent, 0);
        if (n < 0 && errno != ENOBUFS && errno != EAGAIN)
            return false;
        sent += n > 0 ? (unsigned)n : 1; /* one that finds no room is lost */
    }
    return true;
}

/* ---- setting up ------------------------------------------------------------------------- */

/* Where the device has addresses, the stack's; it has just been talked to. */
static void
find_station(struct flood *f)
{
    struct arpreq request = {0};
    memcpy(&request.arp_pa, &f->load->to, sizeof(f->load->to));
    snprintf(request.arp_dev, sizeof(request.arp_dev), "%s", f->load->device);
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    if (fd >= 0 && ioctl(fd, SIOCGARP, &request) == 0) {
        memcpy(f->to.sll_addr, request.arp_ha.sa_data, ETH_ALEN);
        f->to.sll_halen = ETH_ALEN;
    }
    if (fd >= 0)
        (void)close(fd);
}

static bool
flood_open(struct flood *f)
{
    char path[96];
    int one = 1;
    snprintf(path, sizeof(path), "/sys/class/net/%s/statistics/rx_packets", f->load->device);
    f->counter = open(path, O_RDONLY | O_CLOEXEC);
    f->fd = socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC, 0); /* 0: it receives nothing */
    if (f->counter < 0 || f->fd < 0)
        return false;
    (void)setsockopt(f->fd, SOL_PACKET, PACKET_QDISC_BYPASS, &one, sizeof(one));
    f->to = (struct sockaddr_ll){.sll_family = AF_PACKET,
                                 .sll_protocol = htons(ETH_P_IP),
                                 .sll_ifindex = (int)if_nametoindex(f->load->device)};
    find_station(f);
    for (size_t i = 0; i < BURST_N; i++) {
        f->piece[i] = (struct iovec){f->syn[i], SYN_BYTES};
        f->message[i].msg_hdr = (struct msghdr){.msg_name = &f->to,
                                                .msg_namelen = sizeof(f->to),
                                                .msg_iov = &f->piece[i],
                                                .msg_iovlen = 1};
    }
    return f->to.sll_ifindex != 0;
}

/* ---- those that mean it ----------------------------------------------------------------- */

/* How many came about; the process ends with that. */
static void
connect_all(const struct la_load *load, int report)
{
    uint32_t done_n = 0;
    for (uint64_t i = 0; !load->bare && i < load->conns_n; i++) {
        int fd = la_load_dial(load, i, LA_LOAD_ECHO);
        if (fd >= 0)
            done_n += la_load_echo(fd);
        if (fd >= 0)
            la_load_abort(fd);
    }
    bool told = write(report, &done_n, sizeof(done_n)) == (ssize_t)sizeof(done_n);
    _exit(told ? EXIT_SUCCESS : EXIT_FAILURE);
}

static bool
connects_once(const struct la_load *load)
{
    int fd = la_load_dial(load, 0, LA_LOAD_ECHO);
    bool good = fd >= 0 && la_load_echo(fd);
    if (fd >= 0)
        la_load_abort(fd);
    return good;
}

struct outcome {
    uint64_t ns, sent_n, answered_n;
    uint32_t connects_n;
    bool asked; /* the connects are over, and connects_n says how many came about */
};

/* Until the time is over and the connects are. Unanswered SYNs count as lost after a while. */
static bool
flood_run(struct flood *f, int report, struct outcome *out)
{
    uint64_t from_ns = la_load_now_ns(), from_n = received_n(f), lost_n = 0, moved_ns = from_ns;
    uint64_t end_ns = la_load_end_ns(f->load->seconds), last_n = from_n;
    for (uint64_t now_ns = from_ns; now_ns < end_ns || !out->asked; now_ns = la_load_now_ns()) {
        uint64_t got_n = received_n(f);
        if (got_n != last_n)
            moved_ns = now_ns;
        last_n = got_n;
        int64_t waiting_n = (int64_t)(f->made_n - lost_n) - (int64_t)(got_n - from_n);
        if (waiting_n + BURST_N <= WINDOW_N) {
            if (!burst(f))
                return false;
        } else if (now_ns - moved_ns > STALL_NS) {
            lost_n += (uint64_t)waiting_n;
            moved_ns = now_ns;
        }
        if (!out->asked && f->made_n / BURST_N % 16 == 0)
            out->asked = read(report, &out->connects_n, sizeof(out->connects_n)) ==
                         (ssize_t)sizeof(out->connects_n);
    }
    out->ns = la_load_now_ns() - from_ns;
    out->sent_n = f->made_n;
    uint64_t theirs_n = f->load->bare ? 0 : (uint64_t)f->load->conns_n * PACKETS_PER_CONNECT,
             got_n = received_n(f) - from_n;
    out->answered_n = got_n > theirs_n ? got_n - theirs_n : 0;
    return true;
}

int
la_load_flood(const struct la_load *load)
{
    static struct flood f;
    struct outcome out = {0};
    int report[2];
    f.load = load;
    if (!load->bare && !connects_once(load))
        return la_load_failed("flood: a first connection");
    if (load->device == NULL || !flood_open(&f) || pipe2(report, O_NONBLOCK | O_CLOEXEC) != 0)
        return la_load_failed("flood: the device");
    pid_t pid = fork();
    if (pid < 0)
        return la_load_failed("flood: fork");
    if (pid == 0)
        connect_all(load, report[1]);
    struct la_load_usage from = la_load_usage(load);
    bool ran = flood_run(&f, report[0], &out);
    struct la_load_usage used = la_load_usage_since(load, &from);
    int error = errno;
    (void)waitpid(pid, NULL, 0);
    errno = error;
    if (!ran)
        return la_load_failed("flood: sending");
    printf("{\"per_s\": %.0f, \"sent\": %llu, \"answered\": %llu, \"connects\": %u, "
           "\"connects_tried\": %u, \"stack_cpu_us\": %.3f}\n",
           (double)out.answered_n * 1e9 / (double)out.ns, (unsigned long long)out.sent_n,
           (unsigned long long)out.answered_n, out.connects_n, load->conns_n,
           (double)used.peer_ns / 1e3 / (double)(out.answered_n > 0 ? out.answered_n : 1));
    return EXIT_SUCCESS;
}
