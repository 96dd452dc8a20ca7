/* SPDX-License-Identifier: MIT
 *
 * via.c - the near stack on a TUN or TAP device instead of the wire
 *
 * Whatever is behind the device is the peer, so nothing may be guessed: sequence numbers and ports
 * come from the kernel's entropy. Segments are as on a real wire, super-segments are not used; sums
 * alone are left to the kernel, which is on the same machine.
 */
#include "host/via.h"

#include "base/hash.h"
#include "host/device.h"
#include "host/errors.h"

#include <lastack/host.h>

#include <errno.h>
#include <string.h>

static bool
open_device(struct la_run *run, int *out_error)
{
    const struct la_via *via = run->cfg->via;
    struct la_device_cfg cfg = {
        .mem = run->mem, .name = via->name, .offload = LA_DEVICE_OFFLOAD_CHECKSUM};
    *out_error = via->layer == LA_LINK_ETHERNET ? la_tap_open(&cfg, &run->device)
                                                : la_tun_open(&cfg, &run->device);
    if (*out_error == 0)
        *out_error = la_device_wait_up(via->name);
    return *out_error == 0;
}

bool
la_via_open(struct la_run *run)
{
    const struct la_via *via = run->cfg->via;
    char text[LA_DEVICE_TEXT_BYTES];
    int error;
    if (!open_device(run, &error)) {
        la_host_say("%s", la_device_explain(via->layer, via->name, error, text));
        return false;
    }
    if (run->cfg->capture == NULL)
        return true;
    struct la_link *tee = la_tee_new(run->device, run->cfg->capture, run->cfg->capture_iface);
    if (tee == NULL) {
        la_host_say("%s", strerror(ENOMEM));
        return false;
    }
    run->device = tee;
    return true;
}

/* A default route, when there is somebody for what is not on the link: on a TUN, whoever is behind
 * it. */
static la_err
add_default(struct la_run *run, struct la_stack *stack, int iface, bool v4)
{
    const struct la_via *via = run->cfg->via;
    const struct la_addr *gateway = v4 ? &via->gateway4 : &via->gateway6;
    static const struct la_addr any6 = {{0}};
    struct la_addr any4 = la_addr_v4(0, 0, 0, 0);
    bool given = !la_addr_is_any(gateway);
    if (!given && via->layer == LA_LINK_ETHERNET)
        return LA_OK;
    return la_stack_route_add(stack, iface, v4 ? &any4 : &any6, 0, given ? gateway : NULL);
}

/* A locally administered unicast address, the same in each run with the same first address: behind
 * a switch, neighbours remember it, and would send to one of chance until they ask again. */
static void
mac_init(const struct la_via *via, uint8_t mac[6])
{
    static const struct la_key key = {0x6c61737461636b, 0};
    const struct la_addr *addr = &via->addr[0].addr;
    uint64_t hash = la_hash(&key, (struct la_bytes){addr->b, sizeof(addr->b)});
    memcpy(mac, &hash, 6);
    mac[0] = 2;
}

la_err
la_via_configure(struct la_run *run, struct la_stack *stack)
{
    const struct la_via *via = run->cfg->via;
    struct la_iface_cfg cfg = {.caps = run->device->caps};
    bool family[2] = {false, false};
    int iface;
    mac_init(via, cfg.mac);
    la_err err = la_stack_iface_add(stack, &cfg, &iface);
    for (unsigned i = 0; i < via->addr_n && err == LA_OK; i++) {
        err = la_stack_addr_add(stack, iface, &via->addr[i].addr, via->addr[i].prefix_len);
        family[la_addr_is_v4(&via->addr[i].addr)] = true;
    }
    for (unsigned v4 = 0; v4 < 2 && err == LA_OK; v4++) {
        if (family[v4])
            err = add_default(run, stack, iface, v4 == 1);
    }
    return err;
}

static void
on_frames(struct la_watch *watch, uint32_t events)
{
    struct la_run *run =
        (struct la_run *)((uint8_t *)watch - offsetof(struct la_run, device_watch));
    if ((events & EPOLLERR) == 0)
        return; /* the round reads them */
    la_host_say("%s is gone", run->cfg->via->name);
    la_loop_remove(&run->loop, watch);
}

int
la_via_watch(struct la_run *run)
{
    run->device_watch.on_ready = on_frames;
    return la_loop_add(&run->loop, &run->device_watch, run->device->ops->descriptor(run->device),
                       EPOLLIN);
}
