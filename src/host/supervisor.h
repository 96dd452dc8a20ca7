/* SPDX-License-Identifier: MIT
 *
 * supervisor.h - what the parts of the supervisor share
 *
 * One thread, one epoll. A round: descriptors that are ready (notified calls, unix sockets, host
 * sockets), then the pumps, then the wire, then the events of both stacks, until nothing is left
 * to do at this instant. Nothing in a round may block: every thread of the program waits behind it.
 */
#ifndef LA_HOST_SUPERVISOR_H
#define LA_HOST_SUPERVISOR_H

#include "host/walltime.h"
#include "host/far.h"
#include "host/far_udp.h"
#include "host/launch.h"
#include "host/loop.h"
#include "host/names.h"
#include "host/ports.h"
#include "host/private.h"
#include "host/process.h"
#include "host/publish.h"
#include "host/registry.h"
#include "host/run.h"
#include "host/waiters.h"

#include <lastack/link.h>
#include <lastack/sock.h>

enum { LA_RUN_SCRATCH_BYTES = 128 * 1024, LA_WEIGH_N = 64 };

/* What datagrams of certain lengths weigh in a unix queue (datagram.c). */
struct la_weigh {
    int fd[2];
    size_t octets[LA_WEIGH_N];
    int memory_n[LA_WEIGH_N];
};

struct la_control;

/* The control socket (inspect.c), and the process that was last looked up. */
struct la_inspect {
    struct la_control *control; /* NULL: no place for one */
    struct la_watch watch;
    la_instant at;
    pid_t tid, pid;
    char name[16];
};

struct la_run {
    const struct la_run_cfg *cfg;
    struct la_walltime clock;
    la_instant now;              /* of this round */
    struct la_loop loop;
    struct la_watch notify_watch;
    struct la_watch signal_watch;
    struct la_launch program;

    struct la_mem *mem;
    struct la_stack *near_stack; /* the program's */
    struct la_stack *far_stack;  /* the forwarder */
    struct la_socks *socks;      /* of the near stack */
    struct la_wire *wire;
    struct la_link *tap;         /* around the wire's end 0; NULL: none */
    struct la_link *device;      /* in place of the far stack and the wire (via.c); NULL: those */
    struct la_watch device_watch;
    struct la_aliases aliases;

    struct la_processes processes;
    struct la_registry registry;
    struct la_waiters waiters;
    struct la_private pairing;
    struct la_weigh weigh;
    struct la_ports ports;
    struct la_publish publish;
    struct la_far far;
    struct la_far_udp far_udp;
    struct la_inspect inspect;
    struct la_pump *busy_first, *busy_last;
    uint8_t *scratch;            /* LA_RUN_SCRATCH_BYTES, nobody's for longer than a call */

    bool first_exited;           /* the first child has ended … */
    int exit_code;               /* … with this code */
    la_instant give_up_at;       /* when open connections are not waited for any longer; NEVER:
                                    the processes have not ended */
    bool tasks_gone;             /* no process under the filter is left */
    la_instant signal_at;        /* the latest signal that asked the program to end */
    bool interrupted;            /* asked a second time: end at once */
    bool soft_error;             /* the near stack heard an ICMP error since this was cleared */
    bool foreign_said;           /* the line about 32-bit programs was written */
};

/* Rounds until the run is over. */
void la_supervise(struct la_run *run);

/* --trace: one line for a call that was refused. */
void la_run_refused(const struct la_run *run, const struct la_syscall *call, const char *what,
                    int error);

#endif
