/* SPDX-License-Identifier: MIT
 *
 * lwip.c - lwIP on a TAP, serving what the load wants: the yardstick of `make bench`
 *
 * usage: lwip TAP IP MTU
 *
 * Debian's liblwip as it is, by its raw interface from one thread, which is how lwIP is fastest: no
 * mailbox, no thread of its own, no lock that anybody waits for. Its options are Debian's; the
 * first line of output tells those that bound what it can do.
 */
#include <lwip/etharp.h>
#include <lwip/init.h>
#include <lwip/netif.h>
#include <lwip/opt.h>
#include <lwip/pbuf.h>
#include <lwip/tcp.h>
#include <lwip/timeouts.h>
#include <netif/ethernet.h>

#include <errno.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/uio.h>
#include <unistd.h>

enum { SINK = 5001, SOURCE = 5002, ECHO = 5003 };
enum { BURST_N = 64, PIECES_MAX = 64, ETHERNET_HEADER_BYTES = 14 };

static uint8_t zeros[TCP_SND_BUF];

/* ---- the device ------------------------------------------------------------------------- */

static int
pieces_of(struct pbuf *p, struct iovec *pieces)
{
    int n = 0;
    for (; p != NULL && n < PIECES_MAX; p = p->next)
        pieces[n++] = (struct iovec){p->payload, p->len};
    return n;
}

static err_t
frame_out(struct netif *netif, struct pbuf *p)
{
    struct iovec pieces[PIECES_MAX];
    int fd = *(const int *)netif->state;
    return writev(fd, pieces, pieces_of(p, pieces)) >= 0 ? ERR_OK : ERR_IF;
}

/* False: there is none. Not from PBUF_POOL, which is meant for this: Debian's library takes 592
 * octets for an element that it fills with 1514. */
static bool
frame_in(struct netif *netif)
{
    struct iovec pieces[PIECES_MAX];
    int fd = *(const int *)netif->state;
    struct pbuf *p = pbuf_alloc(PBUF_RAW, (u16_t)(netif->mtu + ETHERNET_HEADER_BYTES), PBUF_RAM);
    if (p == NULL)
        return false;
    ssize_t n = readv(fd, pieces, pieces_of(p, pieces));
    if (n > 0)
        pbuf_realloc(p, (u16_t)n);
    if (n <= 0 || netif->input(p, netif) != ERR_OK)
        pbuf_free(p);
    return n > 0;
}

static err_t
interface_init(struct netif *netif)
{
    static const uint8_t mac[] = {2, 0, 0, 0, 0, 2};
    memcpy(netif->hwaddr, mac, sizeof(mac));
    netif->hwaddr_len = sizeof(mac);
    netif->output = etharp_output;
    netif->linkoutput = frame_out;
    netif->flags = NETIF_FLAG_BROADCAST | NETIF_FLAG_ETHARP | NETIF_FLAG_ETHERNET;
    return ERR_OK;
}

static int
tap_open(const char *name)
{
    struct ifreq request = {.ifr_flags = IFF_TAP | IFF_NO_PI};
    int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
    (void)snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", name);
    if (fd >= 0 && ioctl(fd, TUNSETIFF, &request) != 0) {
        close(fd);
        return -1;
    }
    return fd;
}

/* ---- the services ----------------------------------------------------------------------- */

static err_t
end(struct tcp_pcb *pcb)
{
    tcp_recv(pcb, NULL);
    tcp_sent(pcb, NULL);
    if (tcp_close(pcb) == ERR_OK)
        return ERR_OK;
    tcp_abort(pcb);
    return ERR_ABRT;
}

static err_t
discard(void *arg, struct tcp_pcb *pcb, struct pbuf *p, err_t err)
{
    (void)arg, (void)err;
    if (p == NULL)
        return end(pcb);
    tcp_recved(pcb, p->tot_len);
    pbuf_free(p);
    return ERR_OK;
}

static err_t
fill(void *arg, struct tcp_pcb *pcb, u16_t acked)
{
    (void)arg, (void)acked;
    while (tcp_sndbuf(pcb) > 0 &&
           tcp_write(pcb, zeros, (u16_t)LWIP_MIN(tcp_sndbuf(pcb), UINT16_MAX),
                     TCP_WRITE_FLAG_COPY) == ERR_OK)
        continue;
    return tcp_output(pcb);
}

/* What there is no room for is refused; lwIP keeps it and offers it again. */
static err_t
send_back(void *arg, struct tcp_pcb *pcb, struct pbuf *p, err_t err)
{
    (void)arg, (void)err;
    if (p == NULL)
        return end(pcb);
    if (tcp_sndbuf(pcb) < p->tot_len)
        return ERR_MEM;
    for (struct pbuf *piece = p; piece != NULL; piece = piece->next)
        if (tcp_write(pcb, piece->payload, piece->len, TCP_WRITE_FLAG_COPY) != ERR_OK) {
            pbuf_free(p);
            tcp_abort(pcb);
            return ERR_ABRT;
        }
    tcp_recved(pcb, p->tot_len);
    pbuf_free(p);
    return tcp_output(pcb);
}

static err_t
accepted(void *arg, struct tcp_pcb *pcb, err_t err)
{
    (void)arg;
    if (err != ERR_OK || pcb == NULL)
        return ERR_VAL;
    tcp_nagle_disable(pcb);
    tcp_recv(pcb, pcb->local_port == ECHO ? send_back : discard);
    if (pcb->local_port != SOURCE)
        return ERR_OK;
    tcp_sent(pcb, fill);
    return fill(NULL, pcb, 0);
}

static bool
services_open(void)
{
    for (u16_t port = SINK; port <= ECHO; port++) {
        struct tcp_pcb *pcb = tcp_new();
        if (pcb == NULL || tcp_bind(pcb, IP_ADDR_ANY, port) != ERR_OK)
            return false;
        pcb = tcp_listen(pcb);
        if (pcb == NULL)
            return false;
        tcp_accept(pcb, accepted);
    }
    return true;
}

/* ---- the loop --------------------------------------------------------------------------- */

static int
serve(struct netif *netif, int fd)
{
    struct pollfd device = {.fd = fd, .events = POLLIN};
    for (;;) {
        for (int i = 0; i < BURST_N && frame_in(netif); i++)
            continue;
        sys_check_timeouts();
        if (poll(&device, 1, (int)LWIP_MIN(sys_timeouts_sleeptime(), 1000)) < 0 && errno != EINTR)
            return errno;
        if ((device.revents & (POLLERR | POLLNVAL)) != 0)
            return ENODEV;
    }
}

int
main(int argc, char **argv)
{
    static struct netif netif;
    ip4_addr_t addr, mask, none = {0};
    if (argc != 4 || !ip4addr_aton(argv[2], &addr) || atoi(argv[3]) < 68) {
        fputs("usage: lwip TAP IP MTU\n", stderr);
        return 2;
    }
    IP4_ADDR(&mask, 255, 255, 255, 0);
    int fd = tap_open(argv[1]);
    if (fd < 0) {
        fprintf(stderr, "lwip: %s: %s\n", argv[1], strerror(errno));
        return EXIT_FAILURE;
    }
    lwip_init();
    if (netif_add(&netif, &addr, &mask, &none, &fd, interface_init, ethernet_input) == NULL ||
        !services_open()) {
        fputs("lwip: it does not start\n", stderr);
        return EXIT_FAILURE;
    }
    netif.mtu = (u16_t)atoi(argv[3]);
    netif_set_default(&netif);
    netif_set_link_up(&netif);
    netif_set_up(&netif);
    printf("serving lwIP %s: windows of %d and %d octets, timestamps %d, SACK sent %d\n",
           LWIP_VERSION_STRING, TCP_WND, TCP_SND_BUF, LWIP_TCP_TIMESTAMPS, LWIP_TCP_SACK_OUT);
    (void)fflush(stdout);
    fprintf(stderr, "lwip: %s: %s\n", argv[1], strerror(serve(&netif, fd)));
    return EXIT_FAILURE;
}
