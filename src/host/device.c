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
#include <unistd.h>

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

int
la_device_up(const char *name)
{
    struct ifreq req = {0};
    memcpy(req.ifr_name, name, strnlen(name, sizeof(req.ifr_name) - 1));
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return errno;
    int error = ioctl(fd, SIOCGIFFLAGS, &req) != 0 ? errno : 0;
    (void)close(fd);
    if (error == 0 && (req.ifr_flags & IFF_UP) == 0)
        error = ENETDOWN;
    return error;
}
