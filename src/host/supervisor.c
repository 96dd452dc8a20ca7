/* SPDX-License-Identifier: MIT
 *
 * supervisor.c - the round, the signals, and when it is over
 *
 * Read first: docs/theory/run.md.
 *
 * Bulk data must not cost a system call for every small piece: after the descriptors that were
 * ready, pumps, wire and events go around among themselves as long as they make progress at this
 * instant, and only then the kernel is asked again.
 */
#include "host/supervisor.h"

#include "host/acceptor.h"
#include "host/calls.h"
#include "host/connect.h"
#include "host/datagram.h"
#include "host/errors.h"
#include "host/inspect.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

enum { TURNS_N = 8 }; /* of pumps, wire and events before descriptors are looked at again */
static const int64_t second_signal_ns = INT64_C(2000000000);

void
la_run_refused(const struct la_run *run, const struct la_syscall *call, const char *what, int error)
{
    char name[16];
    if (run->cfg->trace_calls)
        la_host_say("refused: %s of %s[%d]: %s", what, la_process_name(call->tid, name),
                    (int)call->tid, strerror(error));
}

/* ---- events of the stacks -------------------------------------------------------------------- */

static void
near_event(struct la_run *run, la_sock sock)
{
    struct la_psock *ps = la_registry_find_sock(&run->registry, sock);
    if (ps == NULL || ps->doomed)
        return;
    if (ps->datagram)
        la_datagram_progress(ps);
    else if (ps->state == LA_PSOCK_LISTENING)
        la_acceptor_progress(ps);
    else if (ps->state == LA_PSOCK_CONNECTING)
        la_connect_progress(ps);
    else if (la_pump_is_on(&ps->near.pump))
        la_pump_kick(&ps->near.pump);
}

static void
far_event(struct la_run *run, const struct la_stack_event *ev)
{
    switch ((enum la_stack_event_kind)ev->kind) {
    case LA_STACK_EV_REQUEST:
        la_far_request(run, ev->handle);
        break;
    case LA_STACK_EV_REQUEST_GONE:
        la_far_gone(run, ev->handle);
        break;
    case LA_STACK_EV_CONN:
        la_far_progress(run, ev->handle);
        break;
    case LA_STACK_EV_UDP:
        la_far_udp_progress(run);
        break;
    case LA_STACK_EV_LISTENER:
        break; /* the far stack has none */
    }
}

static void
serve_events(struct la_run *run)
{
    struct la_sock_event near;
    while (la_sock_next_event(run->socks, &near))
        near_event(run, near.sock);
    struct la_stack_event far;
    while (run->far_stack != NULL && la_stack_next_event(run->far_stack, &far))
        far_event(run, &far);
}

static void
move(struct la_run *run)
{
    for (int turn = 0; turn < TURNS_N; turn++) {
        la_pump_round(run);
        if (run->device != NULL)
            (void)la_link_pump(run->device, run->near_stack, run->now);
        else
            la_wire_pump(run->wire, run->near_stack, run->far_stack, run->now);
        serve_events(run);
        if (run->soft_error)
            la_connect_soft_errors(run);
        if (run->busy_first == NULL)
            break;
    }
}

/* ---- signals --------------------------------------------------------------------------------- */

static void
first_exited(struct la_run *run, int status)
{
    run->first_exited = true;
    run->exit_code = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

static void
reap_children(struct la_run *run)
{
    int status;
    pid_t pid;
    while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
        if (pid == run->program.pid && !run->first_exited)
            first_exited(run, status);
    }
    if (pid < 0 && errno == ECHILD)
        run->tasks_gone = true;
}

/* A signal of the terminal goes to the whole foreground group, so the program has it already. One
 * that somebody sent to us alone is meant for the program. */
static void
forward(const struct la_run *run, const struct signalfd_siginfo *si)
{
    if (si->ssi_code != SI_KERNEL && !run->first_exited)
        (void)kill(run->program.pid, (int)si->ssi_signo);
}

static void
on_signal(struct la_watch *watch, uint32_t events)
{
    struct la_run *run =
        (struct la_run *)((uint8_t *)watch - offsetof(struct la_run, signal_watch));
    struct signalfd_siginfo si;
    (void)events;
    while (read(watch->fd, &si, sizeof(si)) == (ssize_t)sizeof(si)) {
        if (si.ssi_signo == SIGCHLD) {
            reap_children(run);
            continue;
        }
        /* The first is the program's to obey. A second one soon after it, or one that comes when
         * the program has ended, is for us; an interactive program gets its Ctrl-C one at a time.
         */
        if (run->first_exited || run->now.ns - run->signal_at.ns < second_signal_ns)
            run->interrupted = true;
        run->signal_at = run->now;
        forward(run, &si);
    }
}

static void
on_notification(struct la_watch *watch, uint32_t events)
{
    struct la_run *run =
        (struct la_run *)((uint8_t *)watch - offsetof(struct la_run, notify_watch));
    if ((events & EPOLLIN) != 0) {
        la_calls_serve(run);
    } else if ((events & (EPOLLHUP | EPOLLERR)) != 0) {
        run->tasks_gone = true; /* no task under the filter is left; nothing will come again */
        la_loop_remove(&run->loop, watch);
    }
}

/* ---- until it is over ------------------------------------------------------------------------ */

/* Every connection is CLOSED or TIME-WAIT, and nothing is to be sent. */
static bool
is_at_rest(const struct la_stack *stack)
{
    uint32_t counts[LA_TCP_STATE_COUNT] = {0};
    la_stack_state_counts(stack, counts);
    for (int state = LA_TCP_SYN_SENT; state < LA_TCP_TIME_WAIT; state++) {
        if (counts[state] != 0)
            return false;
    }
    return !la_stack_has_output(stack);
}

/* The far stack rests, and nothing is under way (the last datagrams of a program, for example). */
static bool
is_far_side_at_rest(const struct la_run *run)
{
    for (int i = 0; i < 2; i++) {
        if (la_link_deadline(la_wire_end(run->wire, i)).ns != LA_INSTANT_NEVER.ns)
            return false;
    }
    return is_at_rest(run->far_stack);
}

static bool
is_quiet(const struct la_run *run)
{
    return run->busy_first == NULL && is_at_rest(run->near_stack) &&
           (run->device != NULL || is_far_side_at_rest(run));
}

static bool
is_over(struct la_run *run)
{
    if (run->interrupted)
        return true;
    bool ended = run->first_exited && (!run->cfg->wait_all || run->tasks_gone);
    if (!ended)
        return false;
    if (run->give_up_at.ns == LA_INSTANT_NEVER.ns) {
        run->give_up_at.ns = run->now.ns + run->cfg->linger_ns;
        la_publish_close(run);
    }
    return run->now.ns >= run->give_up_at.ns || is_quiet(run);
}

static la_instant
network_deadline(const struct la_run *run)
{
    if (run->device == NULL)
        return la_wire_next(run->wire, run->near_stack, run->far_stack);
    return la_stack_has_output(run->near_stack) ? run->now : la_stack_deadline(run->near_stack);
}

static int64_t
wait_ns(const struct la_run *run)
{
    if (run->busy_first != NULL)
        return 0;
    la_instant at = network_deadline(run);
    const la_instant others[] = {la_wait_deadline(run),     la_far_udp_deadline(run),
                                 la_registry_deadline(run), run->give_up_at,
                                 la_inspect_deadline(run),  la_publish_deadline(run)};
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        if (others[i].ns < at.ns)
            at = others[i];
    }
    if (at.ns == LA_INSTANT_NEVER.ns)
        return -1;
    int64_t now = la_walltime_now(&run->clock).ns;
    return at.ns > now ? at.ns - now : 0;
}

void
la_supervise(struct la_run *run)
{
    run->signal_watch.on_ready = on_signal;
    run->notify_watch.on_ready = on_notification;
    run->give_up_at = LA_INSTANT_NEVER;
    while (!is_over(run)) {
        int64_t wait = wait_ns(run);
        if (wait != 0 && run->cfg->idle != NULL)
            run->cfg->idle(run->cfg->idle_ctx, run->now);
        (void)la_loop_wait(&run->loop, wait);
        run->now = la_walltime_now(&run->clock); /* it may have waited long */
        la_loop_serve(&run->loop);
        la_wait_tick(run);
        la_far_udp_tick(run);
        la_registry_tick(run);
        la_publish_tick(run);
        la_inspect_tick(run);
        move(run);
        la_registry_reap(run);
        la_far_reap(run);
    }
}
