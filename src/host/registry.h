/* SPDX-License-Identifier: MIT
 *
 * registry.h - from a descriptor of the program to the record of its socket, and which still live
 */
#ifndef LA_HOST_REGISTRY_H
#define LA_HOST_REGISTRY_H

#include "host/map.h"
#include "host/psock.h"

struct la_registry {
    struct la_map by_cookie;
    struct la_map by_sock;   /* of the near stack */
    int living_fd;           /* an epoll that nobody waits for: its registrations are the living */
    uint64_t scans_n;
    la_instant scan_at;      /* the next periodic scan */
    struct la_psock *doomed;
};

/* 0 or an errno value. */
int la_registry_init(struct la_registry *r);
void la_registry_fini(struct la_run *run);

/* A record with a socket of the near stack behind it, not known by any cookie yet. `sock` (taken)
 * 0: a new one is opened. NULL: no memory. */
struct la_psock *la_psock_new(struct la_run *run, int family, bool datagram, la_sock sock);
/* From now on the program's end is `fd` (borrowed, ours or new). False: no memory. */
bool la_psock_name(struct la_psock *ps, int fd);
/* The program never got the descriptor of that name: the record waits for another. */
void la_psock_unname(struct la_psock *ps);
/* The program has closed it, or never got it: ends what it stands for; the record is freed at the
 * end of the round and may be used until then. Repeating it is harmless. */
void la_psock_retire(struct la_psock *ps);
/* The same, but the peer is told by a RST. */
void la_psock_abort(struct la_psock *ps);
/* A fresh socket of the stack instead of the one that failed, with its options and what it was
 * bound to. False: no memory. */
bool la_psock_renew(struct la_psock *ps);

/* The record behind a borrowed descriptor; NULL: not one of ours. */
struct la_psock *la_registry_find(const struct la_registry *r, int borrowed_fd);
struct la_psock *la_registry_find_sock(const struct la_registry *r, la_sock sock);

/* Finds out which sockets the program has closed without our end seeing it, and retires them. */
void la_registry_scan(struct la_run *run);
/* Scans now and then, while there is a socket whose last close is silent. */
void la_registry_tick(struct la_run *run);
/* When la_registry_tick() is next needed. */
la_instant la_registry_deadline(const struct la_run *run);
/* Frees what was retired. Only at the end of a round, when nobody holds a pointer. */
void la_registry_reap(struct la_run *run);

#endif
