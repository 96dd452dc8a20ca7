/* SPDX-License-Identifier: MIT
 *
 * router.h - a router in the middle of the wire, whose next link takes smaller packets
 *
 * The wire drops what is too big (struct la_impair); the router tells the sender by ICMP, or not.
 * It looks when anything has happened, so time must pass under it.
 */
#ifndef LA_LAB_ROUTER_H
#define LA_LAB_ROUTER_H

#include "lab/lab.h"

struct la_lab_router {
    struct la_lab *lab;
    uint32_t mtu_bytes; /* of its next link; what it tells */
    bool silent;        /* it tells nobody */
    size_t event;       /* of the bed's record: the next to look at */
    size_t told_n;
};

/* Of the client's packets; the wire must drop those that are larger than mtu_bytes. */
void la_lab_router_begin(struct la_lab_router *router, struct la_lab *lab, uint32_t mtu_bytes);
void la_lab_router_run(struct la_lab_router *router, uint32_t ms);
void la_lab_router_await_octets(struct la_lab_router *router, uint64_t received_n);
/* Tells the client that a segment of it was too big, true or not. `about`: as it was sent. */
void la_lab_router_tell(struct la_lab *lab, const struct la_event *about, uint32_t mtu_bytes);

#endif
