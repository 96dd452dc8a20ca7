/* SPDX-License-Identifier: MIT
 *
 * device.h - what is said when a TUN or TAP device cannot be used
 */
#ifndef LA_HOST_DEVICE_H
#define LA_HOST_DEVICE_H

#include <lastack/iface.h>

enum { LA_DEVICE_TEXT_BYTES = 256 };

/* One line without its end: why la_tun_open() or la_tap_open() said `error` (of errno), and what
 * to do about it. Returns `out`. */
char *la_device_explain(enum la_link_layer layer, const char *name, int error,
                        char out[LA_DEVICE_TEXT_BYTES]);
/* A device that was just opened has its carrier a moment later, and until then the kernel drops
 * what it is to send there: waits for it, a second at most. 0, ENETDOWN or what the kernel says. */
int la_device_wait_up(const char *name);

#endif
