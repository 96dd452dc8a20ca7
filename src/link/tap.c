/* SPDX-License-Identifier: MIT
 *
 * tap.c - a TAP device: Ethernet frames
 */
#include "link/device.h"

int
la_tap_open(const struct la_device_cfg *cfg, struct la_link **out)
{
    return la_device_open(cfg, LA_LINK_ETHERNET, out);
}
