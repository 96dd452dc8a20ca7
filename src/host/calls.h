/* SPDX-License-Identifier: MIT
 *
 * calls.h - a notified call on one of our sockets, and who serves which
 *
 * A handler answers the call or keeps it (waiters.h). Order inside: read the arguments, ask whether
 * the caller still waits, do the deed, write the results into the program's memory, answer.
 */
#ifndef LA_HOST_CALLS_H
#define LA_HOST_CALLS_H

#include "host/notify.h"
#include "host/psock.h"

struct la_visit {
    struct la_run *run;
    struct la_psock *ps;
    struct la_syscall call;
    int fd;              /* the program's descriptor, borrowed for the length of the visit */
    bool kept;           /* the call was kept before … */
    la_instant deadline; /* … with this deadline */
};

/* Serves one notification; the listener must poll readable. */
void la_calls_serve(struct la_run *run);
/* Tries the calls of this kind (enum la_wait_kind) that are kept for ps again, oldest first, until
 * one must be kept on. */
void la_calls_resume(struct la_psock *ps, int kind);

/* Is the file behind the borrowed descriptor non-blocking? It is the file's flag: any copy may have
 * changed it. */
bool la_visit_is_nonblocking(const struct la_visit *visit);
/* SO_RCVTIMEO or SO_SNDTIMEO, which live on the unix socket; 0 = none. */
int64_t la_visit_timeout_ns(const struct la_visit *visit, int option);

/* socket_calls.c */
void la_syscall_socket(struct la_run *run, const struct la_syscall *call);
void la_syscall_bind(struct la_visit *visit);
void la_syscall_getsockname(struct la_visit *visit);
void la_syscall_getpeername(struct la_visit *visit);
void la_syscall_shutdown(struct la_visit *visit);
/* A socket that listens without having been bound gets a port that can be published, too (-P). 0 or
 * an errno value. */
int la_bind_for_listening(struct la_psock *ps);
/* connect.c */
void la_syscall_connect(struct la_visit *visit);
/* acceptor.c */
void la_syscall_listen(struct la_visit *visit);
void la_syscall_accept(struct la_visit *visit);
/* options.c */
void la_syscall_getsockopt(struct la_visit *visit);
void la_syscall_setsockopt(struct la_visit *visit);
/* messages.c */
void la_syscall_send(struct la_visit *visit);    /* sendto, sendmsg */
void la_syscall_receive(struct la_visit *visit); /* recvfrom, recvmsg */
void la_syscall_sendmmsg(struct la_visit *visit);
void la_syscall_recvmmsg(struct la_visit *visit);

#endif
