/* SPDX-License-Identifier: MIT
 *
 * pd.h - the stack under packetdrill: its clock, its packets, its descriptors
 *
 * Time is virtual. It moves when packetdrill sleeps or waits for a packet, jumping from timer to
 * timer, and by a microsecond whenever it is read, because packetdrill spins on the clock.
 *
 * Two threads come here: the main one, and one that makes the calls of a script that block. A call
 * that blocks waits until the main thread has moved a packet or the time; the main thread then
 * waits until that call waits again, or has returned and its thread has read the clock (packetdrill
 * judges when it returned). So a run is as repeatable as its script.
 */
#ifndef LA_PACKETDRILL_PD_H
#define LA_PACKETDRILL_PD_H

#include <pthread.h>
#include <lastack/sock.h>
#include "packetdrill/settings.h"

struct la_pd_packet;
struct la_pd_fd;

/* A call that blocks. */
struct la_pd_wait {
    struct la_pd_wait *next;
    la_instant until;
    uint64_t seen; /* the turn after which it looked last */
    bool asleep;
};

struct la_pd {
    pthread_mutex_t lock; /* held by every function here */
    pthread_cond_t turned;  /* to calls that block: look again */
    pthread_cond_t settled; /* to the thread that moves time: they have looked */
    pid_t main_tid;
    pid_t returning_tid; /* has returned and not yet read the clock; 0 = none */
    uint64_t turn;
    struct la_pd_wait *waits;
    la_instant now;
    struct la_pd_settings settings;
    struct la_mem *mem;
    struct la_stack *stack; /* made when it is first needed: sysctls come before */
    struct la_socks *socks;
    struct la_pd_packet *out_first, *out_last; /* sent, not yet received by packetdrill */
    size_t out_n;
    struct la_pd_fd *fds;
    bool keyed;
    uint8_t key[LA_FAST_OPEN_KEY_BYTES]; /* of Fast Open, as the stack has it */
    char *states; /* what its file says (states.h) */
};

/* NULL: no memory. */
struct la_pd *la_pd_new(const struct la_pd_settings *settings);
void la_pd_free(struct la_pd *pd);
/* Makes the stack if there is none, and follows the sysctls. False: no memory. */
bool la_pd_ready(struct la_pd *pd);
/* Gives the stack a key of Fast Open. */
void la_pd_key(struct la_pd *pd, const uint8_t key[LA_FAST_OPEN_KEY_BYTES]);
/* Makes an address one of this host's. */
void la_pd_adopt(struct la_pd *pd, const struct la_addr *addr);

/* Moves what can be moved now: timers, packets out, events. */
void la_pd_move(struct la_pd *pd);
/* The same, and lets those that wait look. Not within a call. */
void la_pd_turn(struct la_pd *pd);
void la_pd_advance(struct la_pd *pd, la_instant to);
/* When something will happen by itself. */
la_instant la_pd_deadline(const struct la_pd *pd);

/* A packet for packetdrill; NULL: none now. It is taken off and must be freed by free(). */
struct la_pd_packet {
    struct la_pd_packet *next;
    la_instant at;
    size_t n;
    uint8_t bytes[];
};
struct la_pd_packet *la_pd_packet_take(struct la_pd *pd);

/* One try of a call: its result, or a negative errno value; -EAGAIN means not yet. */
typedef int64_t la_pd_try(struct la_pd *pd, void *call);
/* Tries, and if it may block, again after every turn until `until`, which ends it with -EAGAIN. */
int64_t la_pd_block(struct la_pd *pd, la_pd_try *attempt, void *call, bool may_block,
                    la_instant until);

#endif
