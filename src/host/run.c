/* SPDX-License-Identifier: MIT
 *
 * run.c - an unmodified program on the stack: setting up, supervising, taking down
 *
 *     program --unix sockets-- near stack --wire-- far stack --host sockets-- real destinations
 *
 * Everything is made before the program starts, so that what cannot work is said in one line and
 * nothing has happened yet.
 */
#include "host/run.h"

#include "host/errors.h"
#include "host/inspect.h"
#include "host/supervisor.h"
#include "host/via.h"

#include <lastack/host.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

enum { BUFFER_BYTES = 4 * 1024 * 1024 };

static int
explain(const char *what, int error)
{
    la_host_say("%s: %s", what, strerror(error));
    return LA_EXIT_OURS;
}

static int
explain_stack(const char *what, la_err err)
{
    la_host_say("%s: %s", what, la_strerror(err));
    return LA_EXIT_OURS;
}

/* ---- two stacks and a wire ------------------------------------------------------------------- */

static struct la_link_caps
caps_of(const struct la_run_cfg *cfg)
{
    /* A wire that cannot corrupt needs no checksums. Super-segments are not used: the story is to
     * show segments as a real wire has them. */
    bool exact = cfg->impair[0].corrupt <= 0 && cfg->impair[1].corrupt <= 0;
    return (struct la_link_caps){.layer = LA_LINK_IP,
                                 .mtu_bytes = cfg->mtu_bytes,
                                 .checksum_tx = exact,
                                 .checksum_rx = exact};
}

static la_err
add_addresses(struct la_run *run, struct la_stack *stack, bool near)
{
    const struct la_aliases *n = &run->aliases;
    static const struct la_addr any6 = {{0}};
    struct la_addr any4 = la_addr_v4(0, 0, 0, 0);
    la_err err = la_stack_addr_add(stack, 0, near ? &n->own4 : &n->far4, 24);
    if (err == LA_OK)
        err = la_stack_addr_add(stack, 0, near ? &n->own6 : &n->far6, 64);
    if (err == LA_OK)
        err = la_stack_route_add(stack, 0, &any4, 0, NULL);
    if (err == LA_OK)
        err = la_stack_route_add(stack, 0, &any6, 0, NULL);
    return err;
}

/* Passes the near stack's story on, and listens for ICMP errors: see la_connect_soft_errors(). */
static void
near_sink(void *ctx, const struct la_event *event)
{
    struct la_run *run = ctx;
    const struct la_trace *trace = &run->cfg->trace;
    if (event->kind == LA_EVENT_ERROR && event->u.error.soft)
        run->soft_error = true;
    if ((trace->mask & LA_EVENT_BIT(event->kind)) != 0)
        trace->sink(trace->ctx, event);
}

static la_err
make_stack(struct la_run *run, bool near, struct la_stack **out)
{
    struct la_stack_cfg cfg;
    la_stack_cfg_init(&cfg);
    cfg.mem = run->mem;
    /* The same seed, the same ports and sequence numbers: a run can be repeated. Both ends of the
     * wire are in this process, so nobody is there to guess them; behind a device there is. */
    for (unsigned i = 0; i < 4; i++)
        cfg.seed[i] = (run->cfg->seed + (near ? 0 : 1)) * UINT64_C(0x9e3779b97f4a7c15) + i;
    if (run->device != NULL)
        la_host_seed(cfg.seed);
    cfg.end_id = near ? 0 : 1;
    cfg.checksum = la_host_checksum();
    cfg.checksum_verify = true;
    cfg.tcp.sndbuf.bytes_initial = cfg.tcp.rcvbuf.bytes_initial = BUFFER_BYTES;
    if (run->cfg->congestion != NULL)
        (void)snprintf(cfg.tcp.congestion_control, sizeof(cfg.tcp.congestion_control), "%s",
                       run->cfg->congestion);
    if (near) {
        cfg.tcp.ecn = (uint8_t)run->cfg->ecn;
        cfg.tcp.fast_open = true; /* for programs that ask for it, as Linux */
    } else {
        cfg.tcp.ecn = LA_ECN_ACCURATE_ACCEPT; /* whichever kind the program's end asks for */
    }
    cfg.trace = run->cfg->trace;
    if (near)
        cfg.trace =
            (struct la_trace){near_sink, run, cfg.trace.mask | LA_EVENT_BIT(LA_EVENT_ERROR)};
    la_err err = la_stack_new(&cfg, run->now, out);
    if (err == LA_OK && run->device != NULL)
        return la_via_configure(run, *out);
    struct la_iface_cfg iface = {.caps = caps_of(run->cfg), .any_address = !near};
    int number;
    if (err == LA_OK)
        err = la_stack_iface_add(*out, &iface, &number);
    return err == LA_OK ? add_addresses(run, *out, near) : err;
}

static la_err
make_wire(struct la_run *run)
{
    const struct la_run_cfg *c = run->cfg;
    struct la_wire_cfg cfg = {
        .mem = run->mem,
        .seed = c->seed,
        .caps = caps_of(c),
        .impair = {c->impair[0], c->impair[1]},
        .trace = c->trace,
    };
    la_err err = la_wire_new(&cfg, &run->wire);
    if (err != LA_OK || c->capture == NULL)
        return err;
    run->tap = la_tee_new(la_wire_end(run->wire, 0), c->capture, c->capture_iface);
    if (run->tap == NULL)
        return LA_ERR_NO_MEMORY;
    la_wire_outer_set(run->wire, 0, run->tap);
    return LA_OK;
}

static la_err
make_far_side(struct la_run *run)
{
    la_err err = make_stack(run, false, &run->far_stack);
    if (err == LA_OK)
        err = la_far_udp_init(run);
    return err == LA_OK ? make_wire(run) : err;
}

static int
make_network(struct la_run *run)
{
    bool on_device = run->cfg->via != NULL;
    la_aliases_init(&run->aliases, on_device);
    run->mem = la_mem_new(la_host_alloc(), 0);
    if (run->mem == NULL)
        return explain_stack("the stack cannot be made", LA_ERR_NO_MEMORY);
    if (on_device && !la_via_open(run))
        return LA_EXIT_OURS;
    la_err err = make_stack(run, true, &run->near_stack);
    if (err == LA_OK)
        err = la_socks_new(run->near_stack, &run->socks);
    if (err != LA_OK)
        return explain_stack("the stack cannot be made", err);
    err = on_device ? LA_OK : make_far_side(run);
    return err == LA_OK ? 0 : explain_stack("the wire cannot be made", err);
}

/* ---- the supervisor's own things ------------------------------------------------------------- */

static int
make_tools(struct la_run *run)
{
    run->scratch = calloc(1, LA_RUN_SCRATCH_BYTES);
    if (run->scratch == NULL)
        return explain("no memory", ENOMEM);
    int error = la_loop_init(&run->loop);
    if (error != 0)
        return explain("epoll_create1", error);
    error = la_registry_init(&run->registry);
    if (error != 0)
        return explain("epoll_create1", error);
    error = la_private_init(&run->pairing);
    if (error != 0)
        return explain("no place for a private socket (set TMPDIR to a writable directory)", error);
    if (socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, run->weigh.fd) != 0)
        return explain("socketpair", errno);
    int signal_fd;
    error = la_launch_prepare(&signal_fd);
    if (error == 0)
        error = la_loop_add(&run->loop, &run->signal_watch, signal_fd, EPOLLIN);
    if (error == 0 && run->device != NULL)
        error = la_via_watch(run);
    if (error == 0)
        la_inspect_open(run);
    return error != 0 ? explain("signalfd", error) : 0;
}

static int
start_program(struct la_run *run)
{
    int code = la_launch(run->cfg->argv, run->cfg->udp, &run->program);
    if (code != 0)
        return code;
    la_notify_tune(run->program.notify_fd);
    /* The wire's deadlines are microseconds apart; set after the fork, which would hand it down. */
    (void)prctl(PR_SET_TIMERSLACK, 1);
    int error = la_loop_add(&run->loop, &run->notify_watch, run->program.notify_fd, EPOLLIN);
    return error != 0 ? explain("epoll_ctl", error) : 0;
}

/* ---- taking down ----------------------------------------------------------------------------- */

static void
report(const struct la_run *run, struct la_run_result *out)
{
    const struct la_stack_stats *stats = la_stack_stats(run->near_stack);
    out->connections_n = stats->tcp_active_opens + stats->tcp_passive_opens;
    out->segments_n = stats->tcp_segments_in + stats->tcp_segments_out;
    out->retransmissions_n = stats->tcp_retransmissions;
    for (int i = 0; i < 2 && run->wire != NULL; i++)
        la_wire_stats_get(run->wire, i, &out->wire[i]);
}

static void
close_fd(int fd)
{
    if (fd >= 0)
        (void)close(fd);
}

static void
take_down(struct la_run *run)
{
    if (run->interrupted && !run->first_exited && run->program.pid > 0)
        (void)kill(run->program.pid, SIGKILL);
    la_inspect_close(run);
    if (run->socks != NULL)
        la_registry_fini(run);
    la_far_fini(run);
    la_far_udp_fini(run);
    la_publish_fini(run);
    la_ports_fini(&run->ports);
    la_processes_fini(&run->processes);
    la_loop_close(&run->loop, &run->notify_watch);
    la_loop_close(&run->loop, &run->signal_watch);
    la_private_fini(&run->pairing);
    close_fd(run->weigh.fd[0]);
    close_fd(run->weigh.fd[1]);
    la_loop_fini(&run->loop);
    la_socks_free(run->socks);
    la_loop_remove(&run->loop, &run->device_watch);
    if (run->tap != NULL)
        run->tap->ops->free(run->tap);
    if (run->device != NULL)
        run->device->ops->free(run->device);
    la_stack_free(run->near_stack);
    la_stack_free(run->far_stack);
    la_wire_free(run->wire);
    if (run->mem != NULL)
        la_mem_unref(run->mem);
    free(run->scratch);
}

void
la_run(const struct la_run_cfg *cfg, struct la_run_result *out)
{
    *out = (struct la_run_result){.exit_code = LA_EXIT_OURS};
    struct la_run *run = calloc(1, sizeof(*run));
    if (run == NULL) {
        out->exit_code = explain("no memory", ENOMEM);
        return;
    }
    run->cfg = cfg;
    run->notify_watch.fd = run->signal_watch.fd = run->device_watch.fd = -1;
    run->inspect.watch.fd = -1;
    run->weigh.fd[0] = run->weigh.fd[1] = -1;
    run->pairing.listener_fd = run->pairing.path_fd = -1;
    run->registry.living_fd = run->loop.epoll_fd = -1;
    run->program.pid = -1;
    la_walltime_init(&run->clock);
    run->now = la_walltime_now(&run->clock);
    int code = make_network(run);
    if (code == 0)
        code = make_tools(run);
    if (code == 0)
        code = la_publish_open(run);
    if (code == 0)
        code = start_program(run);
    if (code == 0) {
        out->started = true;
        la_supervise(run);
        out->interrupted = run->interrupted;
        code = run->first_exited ? run->exit_code : 128 + SIGINT;
        report(run, out);
    }
    out->exit_code = code;
    take_down(run);
    free(run);
}
