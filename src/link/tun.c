/* SPDX-License-Identifier: MIT
 *
 * tun.c - a TUN device: IP packets
 */
#include "link/device.h"

int
la_tun_open(const struct la_device_cfg *cfg, struct la_link **out)
{
    return la_device_open(cfg, LA_LINK_IP, out);
}
