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

static const char *
remedy_of(int error)
{
    switch (error) {
    case EPERM:
    case EACCES:
        return "; be root, or have root make it yours: ip tuntap add NAME mode KIND user YOU";
    case ENOENT:
    case ENXIO:
    case ENODEV:
        return " (there is no /dev/net/tun: modprobe tun, or give the container the device)";
    case EBUSY:
        return "; another program has it open";
    case EINVAL:
        return "; it is a device of another kind, or the name cannot be one";
    case EMSGSIZE:
        return "; the MTU asked for is above the device's: ip link set NAME mtu N";
    case ENETDOWN:
        return "; ip link set NAME up";
    default:
        return "";
    }
}

char *
la_device_explain(enum la_link_layer layer, const char *name, int error,
                  char out[LA_DEVICE_TEXT_BYTES])
{
    (void)snprintf(out, LA_DEVICE_TEXT_BYTES, "%s %.32s cannot be used: %s%s",
                   layer == LA_LINK_ETHERNET ? "tap" : "tun", name, strerror(error),
                   remedy_of(error));
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
