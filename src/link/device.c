/* SPDX-License-Identifier: MIT
 *
 * device.c - opening a TUN or TAP device
 *
 * Read first: device.h; TUNSETIFF and TUNSETOFFLOAD in linux/if_tun.h.
 *
 * The header of virtio is asked for also where nothing is offloaded to the device: a super-segment
 * of the kernel is then cut by the kernel.
 */
#include "link/device.h"

#include "base/chain.h"
#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

enum { MTU_BYTES_MIN = 68, MTU_BYTES_MAX = 65535 };

/* ---- the other operations ---------------------------------------------------------------- */

static la_instant
device_deadline(const struct la_link *link)
{
    (void)link;
    return LA_INSTANT_NEVER;
}

static int
device_descriptor(const struct la_link *link)
{
    return ((const struct la_device *)link)->fd;
}

static void
device_free(struct la_link *link)
{
    struct la_device *device = (struct la_device *)link;
    struct la_mem *mem = device->mem;
    la_frame_free(device->spare);
    if (device->rest != NULL)
        la_block_unref(device->rest);
    (void)close(device->fd);
    la_mem_give(mem, device, sizeof(*device));
    la_mem_unref(mem);
}

static const struct la_link_ops device_ops = {
    .send = la_device_send,
    .receive = la_device_receive,
    .deadline = device_deadline,
    .descriptor = device_descriptor,
    .free = device_free,
};

/* ---- opening ----------------------------------------------------------------------------- */

/* 0, or an errno value. */
static int
mtu_of(const char *name, uint32_t *out)
{
    struct ifreq req = {0};
    memcpy(req.ifr_name, name, strlen(name));
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return errno;
    int error = ioctl(fd, SIOCGIFMTU, &req) != 0 ? errno : 0;
    (void)close(fd);
    *out = error == 0 && req.ifr_mtu > 0 ? (uint32_t)req.ifr_mtu : 0;
    return error;
}

/* The kernel may send what the stack takes, and takes what the stack may send. */
static unsigned long
offload_bits(enum la_device_offload offload)
{
    switch (offload) {
    case LA_DEVICE_OFFLOAD_ALL:
        return TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6 | TUN_F_TSO_ECN;
    case LA_DEVICE_OFFLOAD_CHECKSUM:
        return TUN_F_CSUM;
    case LA_DEVICE_OFFLOAD_NONE:
        break;
    }
    return 0;
}

/* Puts the descriptor on the device. 0, or an errno value. */
static int
attach(int fd, const struct la_device_cfg *cfg, enum la_link_layer layer)
{
    struct ifreq req = {0};
    memcpy(req.ifr_name, cfg->name, strlen(cfg->name));
    int kind = layer == LA_LINK_ETHERNET ? IFF_TAP : IFF_TUN;
    req.ifr_flags = (short)(kind | IFF_NO_PI | IFF_VNET_HDR);
    if (ioctl(fd, TUNSETIFF, &req) != 0)
        return errno;
    return ioctl(fd, TUNSETOFFLOAD, offload_bits(cfg->offload)) != 0 ? errno : 0;
}

static struct la_link_caps
caps_of(const struct la_device_cfg *cfg, enum la_link_layer layer, uint32_t mtu_bytes)
{
    bool sums = cfg->offload != LA_DEVICE_OFFLOAD_NONE;
    bool cuts = cfg->offload == LA_DEVICE_OFFLOAD_ALL;
    return (struct la_link_caps){.layer = (uint8_t)layer,
                                 .mtu_bytes = mtu_bytes,
                                 .checksum_tx = sums,
                                 .checksum_rx = sums,
                                 .tso4 = cuts,
                                 .tso6 = cuts};
}

/* What the kernel says of the device's MTU against what was asked for. 0, or an errno value. */
static int
choose_mtu(const struct la_device_cfg *cfg, uint32_t *out)
{
    int error = mtu_of(cfg->name, out);
    if (error != 0)
        return error;
    if (cfg->mtu_bytes > *out)
        return EMSGSIZE;
    if (cfg->mtu_bytes != 0)
        *out = cfg->mtu_bytes;
    if (*out > MTU_BYTES_MAX)
        *out = MTU_BYTES_MAX;
    return *out < MTU_BYTES_MIN ? EINVAL : 0;
}

int
la_device_open(const struct la_device_cfg *cfg, enum la_link_layer layer, struct la_link **out)
{
    uint32_t mtu_bytes = 0;
    *out = NULL;
    if (cfg->name[0] == '\0')
        return EINVAL;
    if (strlen(cfg->name) >= IFNAMSIZ)
        return ENAMETOOLONG;
    int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0)
        return errno;
    int error = attach(fd, cfg, layer);
    if (error == 0)
        error = choose_mtu(cfg, &mtu_bytes);
    struct la_device *device = error == 0 ? la_mem_take(cfg->mem, sizeof(*device)) : NULL;
    if (device == NULL) {
        (void)close(fd);
        return error != 0 ? error : ENOMEM;
    }
    *device = (struct la_device){
        .link = {&device_ops, caps_of(cfg, layer, mtu_bytes)},
        .mem = la_mem_ref(cfg->mem),
        .fd = fd,
    };
    *out = &device->link;
    return 0;
}
