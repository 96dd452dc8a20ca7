/* SPDX-License-Identifier: MIT
 *
 * relay.c - a path with delay and loss between the kernel's device and the stack's
 *
 *     kernel -- DEVICE (here) -- relay -- DEVICE of NAMESPACE -- lastack
 *
 * Read first: packet(7) on PACKET_VNET_HDR, linux/virtio_net.h.
 *
 * The kernel's device is opened as a TUN or TAP. lastack has the other one open in that way (where
 * `lastack bench path`, which joins two kernels, opens both), so the relay meets it from its kernel
 * side, with a packet socket; that kernel has no address and stays silent. Both give the header of
 * virtio in front of each packet, which is passed on as it is, so checksums that are still to be
 * filled in need no care here. Each direction is a queue, since the delay is the same for all; the
 * fate of its n-th packet is a hash of seed, direction and n. After SIGUSR1 nothing leaves until
 * SIGUSR2: what both ends send meanwhile crosses, however long it takes them.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { PACKET_BYTES_MAX = 66000, WAITING_N_MAX = 65536, SOCKET_BYTES = 64 << 20, BURST_N = 256 };

struct packet {
    struct packet *next;
    int64_t due_ns;
    size_t n;
    uint8_t octets[];
};

struct direction {
    const char *name;
    int from_fd, to_fd;
    struct packet *first, **last;
    uint64_t seen_n, lost_n, dropped_n; /* lost: by intent; dropped: no room in a queue */
    uint32_t waiting_n;
};

struct relay {
    struct direction direction[2];
    int64_t delay_ns;
    uint64_t seed, loss; /* of 2^64 */
    int signal_fd;
    bool holds, ended;
};

static void
fail(const char *what)
{
    fprintf(stderr, "relay: %s: %s\n", what, strerror(errno));
    exit(1);
}

static int64_t
now_ns(void)
{
    struct timespec now;
    if (clock_gettime(CLOCK_MONOTONIC, &now) != 0)
        fail("clock_gettime");
    return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

/* Mixes each bit of the number into all bits of the result (the finaliser of MurmurHash3). */
static uint64_t
mix(uint64_t x)
{
    x = (x ^ x >> 33) * UINT64_C(0xff51afd7ed558ccd);
    x = (x ^ x >> 33) * UINT64_C(0xc4ceb9fe1a85ec53);
    return x ^ x >> 33;
}

/* ---- devices ------------------------------------------------------------------------------ */

static int
kernel_device_open(const char *kind, const char *name)
{
    struct ifreq req = {0};
    int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0)
        fail("/dev/net/tun");
    (void)snprintf(req.ifr_name, sizeof(req.ifr_name), "%s", name);
    req.ifr_flags =
        (short)((strcmp(kind, "tap") == 0 ? IFF_TAP : IFF_TUN) | IFF_NO_PI | IFF_VNET_HDR);
    if (ioctl(fd, TUNSETIFF, &req) != 0 || ioctl(fd, TUNSETOFFLOAD, 0) != 0)
        fail(name);
    return fd;
}

static void
namespace_enter(const char *name)
{
    char path[128];
    (void)snprintf(path, sizeof(path), "/run/netns/%s", name);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || setns(fd, CLONE_NEWNET) != 0)
        fail(path);
    (void)close(fd);
}

static int
packet_socket_open(const char *device)
{
    const int on = 1, bytes = SOCKET_BYTES;
    struct sockaddr_ll at = {.sll_family = AF_PACKET, .sll_protocol = htobe16(ETH_P_ALL)};
    at.sll_ifindex = (int)if_nametoindex(device);
    /* Protocol 0: nothing is heard before the socket is bound to its device. */
    int fd = socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0 || at.sll_ifindex == 0 ||
        setsockopt(fd, SOL_PACKET, PACKET_VNET_HDR, &on, sizeof(on)) != 0 ||
        setsockopt(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &on, sizeof(on)) != 0 ||
        setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes)) != 0 ||
        setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &bytes, sizeof(bytes)) != 0 ||
        bind(fd, (const struct sockaddr *)&at, sizeof(at)) != 0)
        fail(device);
    return fd;
}

/* ---- packets ------------------------------------------------------------------------------ */

static void
take(struct relay *relay, struct direction *d, const uint8_t *octets, size_t n)
{
    uint64_t ordinal = d->seen_n++, side = d == &relay->direction[0] ? 0 : 1;
    if (mix(mix(relay->seed * 2 + side) + ordinal) < relay->loss) {
        d->lost_n++;
        return;
    }
    struct packet *packet = d->waiting_n < WAITING_N_MAX ? malloc(sizeof(*packet) + n) : NULL;
    if (packet == NULL) {
        d->dropped_n++;
        return;
    }
    *packet = (struct packet){.due_ns = now_ns() + relay->delay_ns, .n = n};
    memcpy(packet->octets, octets, n);
    *d->last = packet;
    d->last = &packet->next;
    d->waiting_n++;
}

static void
read_packets(struct relay *relay, struct direction *d)
{
    static uint8_t octets[PACKET_BYTES_MAX];
    for (int i = 0; i < BURST_N; i++) {
        ssize_t n = read(d->from_fd, octets, sizeof(octets));
        if (n <= 0)
            break;
        take(relay, d, octets, (size_t)n);
    }
}

static void
write_due(struct direction *d)
{
    int64_t now = now_ns();
    struct packet *packet;
    while ((packet = d->first) != NULL && packet->due_ns <= now) {
        if (write(d->to_fd, packet->octets, packet->n) != (ssize_t)packet->n)
            d->dropped_n++;
        d->first = packet->next;
        if (d->first == NULL)
            d->last = &d->first;
        d->waiting_n--;
        free(packet);
    }
}

static void
wait_for_work(const struct relay *relay, struct pollfd fds[3])
{
    int64_t due = INT64_MAX;
    for (int i = 0; i < 2 && !relay->holds; i++) {
        const struct packet *first = relay->direction[i].first;
        if (first != NULL && first->due_ns < due)
            due = first->due_ns;
    }
    int64_t wait = due == INT64_MAX ? 0 : due - now_ns();
    struct timespec ts = {.tv_sec = wait > 0 ? wait / 1000000000 : 0,
                          .tv_nsec = wait > 0 ? wait % 1000000000 : 0};
    if (ppoll(fds, 3, due == INT64_MAX ? NULL : &ts, NULL) < 0 && errno != EINTR)
        fail("ppoll");
}

static void
heed_signal(struct relay *relay)
{
    struct signalfd_siginfo info;
    if (read(relay->signal_fd, &info, sizeof(info)) != (ssize_t)sizeof(info))
        fail("signalfd");
    relay->ended = info.ssi_signo == SIGTERM || info.ssi_signo == SIGINT;
    if (relay->ended)
        return;
    relay->holds = info.ssi_signo == SIGUSR1;
    puts(relay->holds ? "holds" : "goes on");
    (void)fflush(stdout);
}

static void
serve(struct relay *relay)
{
    struct pollfd fds[3] = {{.fd = relay->direction[0].from_fd, .events = POLLIN},
                            {.fd = relay->direction[1].from_fd, .events = POLLIN},
                            {.fd = relay->signal_fd, .events = POLLIN}};
    while (!relay->ended) {
        for (int i = 0; i < 2; i++) {
            read_packets(relay, &relay->direction[i]);
            if (!relay->holds)
                write_due(&relay->direction[i]);
        }
        wait_for_work(relay, fds);
        if ((fds[2].revents & POLLIN) != 0)
            heed_signal(relay);
    }
}

/* ---- the program -------------------------------------------------------------------------- */

static int
signals_open(void)
{
    sigset_t set;
    (void)prctl(PR_SET_PDEATHSIG, SIGTERM); /* a test that is killed leaves no relay */
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGUSR1);
    sigaddset(&set, SIGUSR2);
    if (sigprocmask(SIG_BLOCK, &set, NULL) != 0)
        fail("sigprocmask");
    return signalfd(-1, &set, SFD_CLOEXEC);
}

int
main(int argc, char **argv)
{
    if (argc != 8) {
        fputs("usage: relay tun|tap DEVICE NAMESPACE DEVICE DELAY_MS LOSS_PERCENT SEED\n", stderr);
        return 2;
    }
    struct relay relay = {
        .delay_ns = (int64_t)(strtod(argv[5], NULL) * 1e6),
        .loss = (uint64_t)(strtod(argv[6], NULL) / 100 * 18446744073709549568.0),
        .seed = strtoull(argv[7], NULL, 10),
        .signal_fd = signals_open(),
    };
    int kernel_fd = kernel_device_open(argv[1], argv[2]);
    namespace_enter(argv[3]);
    int stack_fd = packet_socket_open(argv[4]);
    relay.direction[0] = (struct direction){.name = "to-stack", kernel_fd, stack_fd};
    relay.direction[1] = (struct direction){.name = "to-kernel", stack_fd, kernel_fd};
    for (int i = 0; i < 2; i++)
        relay.direction[i].last = &relay.direction[i].first;
    puts("ready");
    (void)fflush(stdout);
    serve(&relay);
    for (int i = 0; i < 2; i++) {
        const struct direction *d = &relay.direction[i];
        printf("%s seen %" PRIu64 " lost %" PRIu64 " dropped %" PRIu64 "\n", d->name, d->seen_n,
               d->lost_n, d->dropped_n);
    }
    return fflush(stdout) == 0 ? 0 : 1;
}
