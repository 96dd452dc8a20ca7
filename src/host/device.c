/* SPDX-License-Identifier: MIT
 *
 * device.c - what is said when a TUN or TAP device cannot be used
 */
#include "host/device.h"

#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { PAUSES_MAX = 1000 };

/* What to do about it: @ stands for the name of the device, # for tun or tap. */
struct remedy {
    int error;
    const char *text;
};

/* What ENETDOWN is about need not have been there before: it was made as it was opened, and goes.
 */
static const struct remedy remedies[] = {
    {EPERM, "; be root, or as root: ip tuntap add @ user NAME mode #"},
    {EACCES, "; be root, or as root: ip tuntap add @ user NAME mode #"},
    {ENOENT, " (/dev/net/tun); modprobe tun, or give the container that device"},
    {ENXIO, " (/dev/net/tun); modprobe tun, or give the container that device"},
    {ENODEV, " (/dev/net/tun); modprobe tun, or give the container that device"},
    {EBUSY, "; another program has it open"},
    {EINVAL, "; a device of that name is of another kind, or it cannot be a name"},
    {EMSGSIZE, "; its MTU is smaller than asked for"},
    {ENAMETOOLONG, "; a device's name has 15 characters at most"},
    {ENETDOWN, "; as root: ip tuntap add @ mode #, unless it is there; ip link set up @"},
};

static const char *
remedy_of(int error)
{
    for (size_t i = 0; i < sizeof(remedies) / sizeof(remedies[0]); i++)
        if (remedies[i].error == error)
            return remedies[i].text;
    return "";
}

char *
la_device_explain(enum la_link_layer layer, const char *name, int error,
                  char out[LA_DEVICE_TEXT_BYTES])
{
    const char *kind = layer == LA_LINK_ETHERNET ? "tap" : "tun";
    int n = snprintf(out, LA_DEVICE_TEXT_BYTES, "%s %.32s cannot be used: %s", kind, name,
                     strerror(error));
    size_t at = (size_t)n;
    for (const char *p = remedy_of(error); *p != '\0' && at < LA_DEVICE_TEXT_BYTES - 1; p++) {
        char one[2] = {*p, '\0'};
        const char *piece = *p == '@' ? name : *p == '#' ? kind : one;
        n = snprintf(out + at, LA_DEVICE_TEXT_BYTES - at, "%.32s", piece);
        at += (size_t)n;
    }
    return out;
}

/* 0, or an errno value. */
static int
flags_of(int fd, const char *name, unsigned *out)
{
    struct ifreq req = {0};
    memcpy(req.ifr_name, name, strnlen(name, sizeof(req.ifr_name) - 1));
    if (ioctl(fd, SIOCGIFFLAGS, &req) != 0)
        return errno;
    *out = (unsigned short)req.ifr_flags;
    return 0;
}

int
la_device_wait_up(const char *name)
{
    const struct timespec pause = {.tv_nsec = 1000000};
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return errno;
    unsigned flags = 0;
    int error = flags_of(fd, name, &flags);
    if (error == 0 && (flags & IFF_UP) == 0)
        error = ENETDOWN;
    for (int i = 0; i < PAUSES_MAX && error == 0 && (flags & IFF_RUNNING) == 0; i++) {
        (void)nanosleep(&pause, NULL);
        error = flags_of(fd, name, &flags);
    }
    (void)close(fd);
    return error;
}
