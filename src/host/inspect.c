/* SPDX-License-Identifier: MIT
 *
 * inspect.c - the control socket of a run: both its stacks, and which process has which socket
 */
#include "host/inspect.h"

#include "host/control.h"
#include "host/errors.h"
#include "host/supervisor.h"

#include <string.h>

/* The process of a thread; asked once per round, since /proc is slow. */
static void
fill_process(struct la_run *run, pid_t tid, struct la_report_owner *out)
{
    struct la_inspect *in = &run->inspect;
    if (in->tid != tid || in->at.ns != run->now.ns) {
        in->tid = tid;
        in->at = run->now;
        in->pid = la_process_leader(tid);
        (void)la_process_name(in->pid, in->name);
    }
    if (in->pid == 0)
        return; /* it has ended: a child may have the socket, which we do not know */
    out->pid = (uint32_t)in->pid;
    memcpy(out->process, in->name, sizeof(out->process));
}

/* The near stack's user values are sockets of `sock`. */
static void
owner(void *ctx, uint64_t user, struct la_report_owner *out)
{
    struct la_run *run = ctx;
    const struct la_psock *ps = la_registry_find_sock(&run->registry, user);
    if (ps == NULL)
        return;
    out->undelivered_n = ps->acceptor.delivered_n;
    if (ps->caller != 0)
        fill_process(run, ps->caller, out);
}

static void
on_control(struct la_watch *watch, uint32_t events)
{
    struct la_run *run =
        (struct la_run *)((uint8_t *)watch - offsetof(struct la_run, inspect.watch));
    (void)events;
    la_control_serve(run->inspect.control, run->now);
}

void
la_inspect_open(struct la_run *run)
{
    struct la_inspect *in = &run->inspect;
    struct la_control_cfg cfg = {
        .command = "run",
        .argv = run->cfg->argv,
        .end = {{"near", run->near_stack, owner, run}, {"far", run->far_stack, NULL, NULL}},
        .end_n = run->far_stack != NULL ? 2 : 1,
    };
    in->watch.on_ready = on_control;
    int error = la_control_new(&cfg, run->now, &in->control);
    if (error == 0)
        error = la_loop_add(&run->loop, &in->watch, la_control_descriptor(in->control), EPOLLIN);
    if (error == 0)
        return;
    la_control_free(in->control);
    in->control = NULL;
    if (run->cfg->trace_calls)
        la_host_say("no control socket for lastack ss: %s", strerror(error));
}

void
la_inspect_close(struct la_run *run)
{
    la_loop_remove(&run->loop, &run->inspect.watch);
    la_control_free(run->inspect.control);
    run->inspect.control = NULL;
}

void
la_inspect_tick(struct la_run *run)
{
    if (la_inspect_deadline(run).ns <= run->now.ns)
        la_control_serve(run->inspect.control, run->now);
}

la_instant
la_inspect_deadline(const struct la_run *run)
{
    const struct la_control *control = run->inspect.control;
    return control != NULL ? la_control_deadline(control) : LA_INSTANT_NEVER;
}
