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

/* What to do about it: text before the name of the device, and text behind it; NULL ends without
 * the name. */
struct remedy {
    int error;
    const char *before, *behind;
};

static const struct remedy remedies[] = {
    {EPERM, "; be root, or as root: ip tuntap add ", " user NAME mode "},
    {EACCES, "; be root, or as root: ip tuntap add ", " user NAME mode "},
    {ENOENT, " (/dev/net/tun); modprobe tun, or give the container that device", NULL},
    {ENXIO, " (/dev/net/tun); modprobe tun, or give the container that device", NULL},
    {ENODEV, " (/dev/net/tun); modprobe tun, or give the container that device", NULL},
    {EBUSY, "; another program has it open", NULL},
    {EINVAL, "; a device of that name is of another kind, or it cannot be a name", NULL},
    {EMSGSIZE, "; its MTU is smaller than asked for", NULL},
    {ENETDOWN, "; as root: ip link set up ", ""},
};

char *
la_device_explain(enum la_link_layer layer, const char *name, int error,
                  char out[LA_DEVICE_TEXT_BYTES])
{
    static const struct remedy none = {0, "", NULL};
    const struct remedy *r = &none;
    const char *kind = layer == LA_LINK_ETHERNET ? "tap" : "tun";
    for (size_t i = 0; i < sizeof(remedies) / sizeof(remedies[0]); i++) {
        if (remedies[i].error == error)
            r = &remedies[i];
    }
    bool named = r->behind != NULL, mode = named && r->behind[0] != '\0';
    (void)snprintf(out, LA_DEVICE_TEXT_BYTES, "%s %.32s cannot be used: %s%s%.32s%s%s", kind, name,
                   strerror(error), r->before, named ? name : "", named ? r->behind : "",
                   mode ? kind : "");
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
