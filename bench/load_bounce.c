/* SPDX-License-Identifier: MIT
 *
 * load_bounce.c - what a TUN device gives to a process that does nothing with it
 *
 * Each IPv4 packet that is read is written back as its answer: addresses and ports change places, a
 * SYN becomes a SYN,ACK. Two system calls a packet, and no TCP: no stack behind that device can
 * answer more.
 */
#include "load.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <netinet/ip.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum { BURST_N = 64, PACKET_BYTES = 2048, TCP_BYTES_MIN = 20, TCP_FLAGS_OFF = 13, TCP_ACK = 16 };

static int
device_open(const char *name)
{
    struct ifreq request = {.ifr_flags = IFF_TUN | IFF_NO_PI};
    snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", name);
    int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0 || ioctl(fd, TUNSETIFF, &request) == 0)
        return fd;
    int error = errno;
    (void)close(fd);
    errno = error;
    return -1;
}

/* The checksums are not made again: nobody is there to read them. */
static bool
turn_round(uint8_t *packet, size_t n)
{
    struct iphdr ip;
    if (n < sizeof(ip) + TCP_BYTES_MIN)
        return false;
    memcpy(&ip, packet, sizeof(ip));
    if (ip.version != 4 || ip.ihl != 5)
        return false;
    uint32_t src = ip.saddr;
    ip.saddr = ip.daddr;
    ip.daddr = src;
    memcpy(packet, &ip, sizeof(ip));
    uint8_t *tcp = packet + sizeof(ip), port[2];
    memcpy(port, tcp, sizeof(port));
    memmove(tcp, tcp + sizeof(port), sizeof(port));
    memcpy(tcp + sizeof(port), port, sizeof(port));
    tcp[TCP_FLAGS_OFF] |= TCP_ACK;
    return true;
}

static size_t
bounce(int fd)
{
    static uint8_t packet[BURST_N][PACKET_BYTES];
    ssize_t octets[BURST_N];
    size_t n = 0;
    while (n < BURST_N && (octets[n] = read(fd, packet[n], PACKET_BYTES)) > 0)
        n++;
    for (size_t i = 0; i < n; i++)
        if (turn_round(packet[i], (size_t)octets[i]) &&
            write(fd, packet[i], (size_t)octets[i]) < 0 && errno != EAGAIN && errno != EINVAL)
            return 0;
    return n;
}

int
la_load_bounce(const struct la_load *load)
{
    struct pollfd wait = {.events = POLLIN};
    wait.fd = load->device == NULL ? -1 : device_open(load->device);
    if (wait.fd < 0)
        return la_load_failed("bounce: the device");
    printf("serving what comes, turned round, on %s\n", load->device);
    if (fflush(stdout) != 0)
        return la_load_failed("bounce");
    while (bounce(wait.fd) > 0 || poll(&wait, 1, -1) >= 0)
        continue;
    return la_load_failed("bounce");
}
