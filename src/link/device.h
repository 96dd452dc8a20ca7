/* SPDX-License-Identifier: MIT
 *
 * device.h - a TUN or TAP device of Linux as a link
 *
 * Read first: Documentation/networking/tuntap.rst of Linux; virtio 1.2 5.1.6 (the header that
 * carries offload marks).
 */
#ifndef LA_LINK_DEVICE_H
#define LA_LINK_DEVICE_H

#include <lastack/link.h>

struct la_block;

struct la_device {
    struct la_link link; /* first: a link is cast back to its device */
    struct la_mem *mem;
    int fd;
    struct la_frame *spare;  /* what the next packet is read into, … */
    struct la_room room;     /* … its octets, … */
    struct la_block *rest;   /* … and where those go for which it has no room */
};

/* layer: LA_LINK_IP is a TUN, LA_LINK_ETHERNET a TAP. The contract is that of la_tun_open(). */
int la_device_open(const struct la_device_cfg *cfg, enum la_link_layer layer,
                   struct la_link **out);

/* The operations send and receive (device_io.c). */
size_t la_device_send(struct la_link *link, struct la_frame **take_frames, size_t n,
                      la_instant now);
size_t la_device_receive(struct la_link *link, struct la_frame **frames, size_t max,
                         la_instant now);

#endif
