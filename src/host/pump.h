/* SPDX-License-Identifier: MIT
 *
 * pump.h - joins a stream descriptor and a connection of a stack, both ways
 *
 * The same machine on both sides of the wire: near, the descriptor is our end of the program's
 * unix socket; far, a TCP socket of the host. Octets are read into the stack's send buffer and
 * written from its receive buffer without a copy in between. Whichever side is slower stops the
 * other: nothing is queued here.
 *
 * Descriptors are watched edge-triggered, once for all; the pump remembers what is readable and
 * writable. Work is done in la_pump_run(), in portions, from the round of the supervisor.
 *
 * Urgent data: the descriptor has SO_OOBINLINE, so that its octets stay in their places and a read
 * stops before the marked one (SIOCATMARK); that one is moved alone, as urgent data or with
 * MSG_OOB.
 */
#ifndef LA_HOST_PUMP_H
#define LA_HOST_PUMP_H

#include "host/loop.h"

#include <lastack/stack.h>

struct la_run;
struct la_pump;

enum la_pump_end {
    LA_PUMP_FD_END,    /* end of file: everything readable was sent */
    LA_PUMP_FD_CLOSED, /* the descriptor is dead both ways and everything readable was sent */
    LA_PUMP_FD_RESET,  /* the descriptor's far end is gone in disorder */
    LA_PUMP_FD_DEAF,   /* the descriptor takes nothing more (EPIPE) */
    LA_PUMP_CONN_END,  /* the peer's FIN; all data and the shutdown were passed on */
    LA_PUMP_CONN_ERROR /* the connection ended with an error; its data were passed on */
};

/* What came of moving one portion from the descriptor to the connection. */
enum la_pump_take {
    LA_TAKE_MORE,  /* moved, there may be more */
    LA_TAKE_DRY,   /* moved what there was, or nothing was there */
    LA_TAKE_FULL,  /* the send buffer is full */
    LA_TAKE_END,   /* end of file */
    LA_TAKE_RESET, /* the descriptor reports an error */
    LA_TAKE_CONN   /* the connection reports an error */
};

struct la_pump_ops {
    /* Moves one portion; adds its length to pump->moved_n. */
    enum la_pump_take (*take)(struct la_pump *pump);
    /* Told once each. May stop the pump, but not free it: see la_pump_run(). */
    void (*ended)(struct la_pump *pump, enum la_pump_end end, la_err err);
    /* Told when it was run, whatever came of it; NULL: not wanted. */
    void (*ran)(struct la_pump *pump);
};

struct la_pump {
    struct la_watch watch;
    const struct la_pump_ops *ops;
    struct la_run *run;
    struct la_stack *stack;
    la_handle conn;
    struct la_pump *busy_next;
    size_t moved_n;     /* in the present portion */
    uint32_t take_n;    /* how much to ask for; grows with what is there (far side) */
    bool busy;          /* on the busy list */
    bool fd_readable;
    bool fd_writable;
    bool fd_end;        /* end of file or worse is announced: read on until it is met */
    bool fd_hup;        /* dead both ways */
    bool out_open;      /* descriptor to connection goes on */
    bool in_open;       /* connection to descriptor goes on */
    bool conn_end;      /* the peer's FIN was passed on */
    bool discard;       /* what arrives is consumed and thrown away */
    bool closed_told;
};

/* Starts joining fd (non-blocking; taken) and conn. False: no memory for the watch; fd is
 * closed. */
bool la_pump_start(struct la_pump *pump, int fd);
/* Is the next octet to be read from the descriptor, which must have one, the marked one? */
bool la_pump_at_mark(const struct la_pump *pump);
/* Moves it: octet and mark. Only looks at it with `stays`; somebody else will take it out. */
enum la_pump_take la_pump_take_marked(struct la_pump *pump, bool stays);
/* Forgets and closes the descriptor; the connection stays the owner's. */
void la_pump_stop(struct la_pump *pump);
/* Something changed at either side: the pump will be run in this round. */
void la_pump_kick(struct la_pump *pump);
/* Takes the pump off the busy list, for an owner that is going to free it. */
void la_pump_unlink(struct la_pump *pump);
/* Runs every busy pump once, each for at most one portion per direction. */
void la_pump_round(struct la_run *run);

static inline bool
la_pump_is_on(const struct la_pump *pump)
{
    return pump->watch.fd >= 0;
}

#endif
