/* SPDX-License-Identifier: MIT
 *
 * psock.h - one socket of the program
 *
 * What the kernel would keep in its struct sock. The program holds a unix socket; this record is
 * found by that socket's cookie, a 64-bit number that the kernel never uses twice, so dup, fork,
 * exec and descriptor passing keep meaning the same socket.
 *
 *     FRESH ---- connect, non-blocking: paired and filled ----> CONNECTING --> ESTABLISHED
 *       |------- connect, blocking: not paired yet ----------->     |               |
 *       `------- listen --> LISTENING                               `--> SPENT <----'
 *
 * A SPENT one has used up its unix socket: a non-blocking connect failed, the connection ended with
 * an error, or it was dissolved. A blocking connect that fails goes back to FRESH.
 */
#ifndef LA_HOST_PSOCK_H
#define LA_HOST_PSOCK_H

#include "host/options.h"
#include "host/pump.h"

#include <lastack/sock.h>
#include <sys/types.h>

enum la_psock_state {
    LA_PSOCK_FRESH,
    LA_PSOCK_CONNECTING,
    LA_PSOCK_ESTABLISHED,
    LA_PSOCK_LISTENING,
    LA_PSOCK_SPENT
};

/* Our end of a connected stream: see near.h. */
struct la_near {
    struct la_pump pump;     /* must stay first: la_psock_of_pump() */
    bool held;               /* the first octet in the queue was forwarded already (the sentinel) */
    size_t filled_n;         /* octets that stuff the queue until the connection is up, 0 = none */
    uint64_t inode;          /* of the program's end, while it is stuffed */
    bool shut_read;          /* the program called shutdown() for this direction */
    bool shut_write;
    bool deferred;           /* connect() has returned 0, the SYN goes with the first octets */
    bool early;              /* it has gone, with them: the program's end was never stuffed */
    size_t syn_taken_n;      /* octets of a blocking sendto(MSG_FASTOPEN) that went with its SYN */
    bool connect_untold;     /* established, and no connect() has returned 0 yet */
    bool failure_untold;     /* failed, and no connect() has returned the error yet */
};

/* A connection handed to the program's unix listener and not accepted yet. */
struct la_delivery {
    struct la_delivery *next;
    struct la_psock *child;
    int fd;                  /* our end, until it is accepted */
    char name[8];            /* our end's autobound name, which accept4() shows */
};

struct la_acceptor {
    int path_fd;             /* O_PATH of the unlinked name that our ends connect to */
    int backlog;
    bool shut;               /* shutdown() was called: accept says EINVAL */
    struct la_delivery *first, *last;
    unsigned delivered_n;
};

struct la_letter;

/* Our end of a datagram socket: see datagram.h. */
struct la_dgram {
    struct la_watch watch;
    struct la_letter *first, *last; /* what lies in the program's queue, oldest first */
    struct la_letter *stash;        /* received from the stack, did not fit the queue */
    int queued_n;                   /* memory of those, as SIOCOUTQ counts it */
    bool connected;
    struct la_endpoint peer;
};

struct la_psock {
    struct la_near near;     /* streams */
    struct la_dgram dgram;   /* datagram sockets */
    struct la_acceptor acceptor;
    struct la_run *run;
    uint64_t cookie;         /* of the program's end; 0 = that is not known yet */
    la_sock sock;            /* in the near stack; 0 = none */
    enum la_psock_state state;
    int family;              /* AF_INET, AF_INET6 */
    bool datagram;
    bool doomed;             /* on the list of records to be freed at the end of the round */
    bool bound;              /* by bind(), to … */
    struct la_endpoint bound_to; /* … this endpoint of the stack */
    bool local_shown;        /* bound to a loopback address, which the stack does not have */
    struct la_addr local_as; /* … this one */
    uint16_t port_inside;    /* bound to it, so that sockets inside reach it; 0 = none */
    struct la_psock *port_next; /* another with the same port */
    int error;               /* SO_ERROR: an errno value, 0 = none */
    uint64_t seen_n;         /* the last scan that found it alive */
    unsigned waiting_n;      /* kept calls */
    pid_t caller;            /* the thread whose call was the last one on it */
    pid_t tid;               /* who connected, with what number: to find the program's end again */
    int fd;
    struct la_options options;
    struct la_psock *doomed_next;
};

static inline struct la_psock *
la_psock_of_pump(struct la_pump *pump)
{
    return (struct la_psock *)pump;
}

#endif
