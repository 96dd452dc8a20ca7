/* SPDX-License-Identifier: MIT
 *
 * bench_peer.c - `lastack bench peer`: a stack on a TUN or TAP for somebody else's load
 */
#include "cli/bench.h"
#include "cli/bench_serve.h"
#include "cli/cli.h"
#include "cli/prefix.h"
#include "cli/number.h"
#include "cli/option.h"
#include "host/control.h"
#include "host/device.h"

#include <lastack/host.h>

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

enum { WINDOW_BYTES = 1024 * 1024, CONGESTION_CONTROL_BYTES = 16, BUSY_ROUNDS_N = 256 };

struct run {
    enum la_link_layer layer;
    const char *name;
    struct la_addr addr, gateway; /* gateway: any = none */
    unsigned prefix_len;
    uint64_t mtu_bytes, window_bytes, plain;
    const char *congestion_control; /* NULL: the default */
    enum la_ecn ecn;
    struct la_mem *mem;
    struct la_link *link;
    struct la_stack *stack;
    struct la_control *control; /* NULL: no place for its socket */
};

/* ---- arguments -------------------------------------------------------------------------- */

static bool
complain(const char *what, const char *word)
{
    (void)la_cli_usage("bench peer", what, word);
    return false;
}

/* The i-th word that is no option. */
static bool
operand_take(struct run *run, int i, const char *word)
{
    switch (i) {
    case 0:
        run->layer = strcmp(word, "tap") == 0 ? LA_LINK_ETHERNET : LA_LINK_IP;
        return strcmp(word, "tap") == 0 || strcmp(word, "tun") == 0 ||
               complain("'tap' or 'tun' is wanted, not ", word);
    case 1:
        run->name = word;
        return true;
    case 2:
        return la_prefix_parse(word, &run->addr, &run->prefix_len) ||
               complain("no address: ", word);
    case 3:
        return la_number_parse(word, 68, 65535, &run->mtu_bytes) ||
               complain("the MTU must be a number from 68 to 65535, not ", word);
    default:
        return complain("one word too many: ", word);
    }
}

static bool
option_take(struct run *run, const char *name, const char *value)
{
    if (value == NULL)
        return complain("no option, or a value is missing: --", name);
    if (strcmp(name, "congestion") == 0 || strcmp(name, "cc") == 0) {
        run->congestion_control = value;
        return strlen(value) < CONGESTION_CONTROL_BYTES ||
               complain("there is no congestion control ", value);
    }
    if (strcmp(name, "gateway") == 0)
        return (la_addr_parse(value, &run->gateway) &&
                la_addr_is_v4(&run->gateway) == la_addr_is_v4(&run->addr)) ||
               complain("no gateway of the address's family: ", value);
    if (strcmp(name, "window") == 0)
        return la_number_parse(value, 4096, 1 << 30, &run->window_bytes) ||
               complain("--window must be a number of octets from 4096 to 1073741824, not ", value);
    return complain("no option --", name);
}

static bool
parse(struct run *run, int argc, char **argv)
{
    int operands_n = 0;
    for (int i = 1; i < argc; i++) {
        struct la_option option;
        if (strcmp(argv[i], "--plain") == 0) {
            run->plain = 1;
        } else if (strcmp(argv[i], "--ecn") == 0 || strcmp(argv[i], "--no-ecn") == 0) {
            run->ecn = argv[i][2] == 'e' ? LA_ECN_ASK : LA_ECN_OFF;
        } else if (la_option_split(argv, i, &option)) {
            if (!option_take(run, option.name, option.value))
                return false;
            i += !option.joined;
        } else if (argv[i][0] == '-') {
            return complain("no option ", argv[i]);
        } else if (!operand_take(run, operands_n++, argv[i])) {
            return false;
        }
    }
    return operands_n == 4 || complain("wanted are tap or tun, NAME, IP and MTU", NULL);
}

/* ---- setting up ------------------------------------------------------------------------- */

static bool
device_open(struct run *run)
{
    char text[LA_DEVICE_TEXT_BYTES];
    struct la_device_cfg cfg = {
        .mem = run->mem,
        .name = run->name,
        .mtu_bytes = (uint32_t)run->mtu_bytes,
        .offload = run->plain != 0 ? LA_DEVICE_OFFLOAD_NONE : LA_DEVICE_OFFLOAD_ALL,
    };
    int error = run->layer == LA_LINK_ETHERNET ? la_tap_open(&cfg, &run->link)
                                               : la_tun_open(&cfg, &run->link);
    if (error != 0)
        fprintf(stderr, "lastack bench peer: %s\n",
                la_device_explain(run->layer, run->name, error, text));
    return error == 0;
}

static la_err
stack_open(struct run *run, la_instant now)
{
    struct la_stack_cfg cfg;
    la_stack_cfg_init(&cfg);
    cfg.mem = run->mem;
    la_host_seed(cfg.seed);
    cfg.end_id = 1;
    cfg.checksum = la_host_checksum();
    cfg.tcp.sndbuf_bytes = cfg.tcp.rcvbuf_bytes = (uint32_t)run->window_bytes;
    cfg.tcp.ecn = (uint8_t)run->ecn;
    cfg.tcp.push_bursts = true; /* as Linux: its receivers then acknowledge at once */
    cfg.tcp.push_small_windows = true;
    cfg.tcp.nagle = false; /* an answer is not held back for the next one */
    if (run->congestion_control != NULL)
        (void)snprintf(cfg.tcp.congestion_control, sizeof(cfg.tcp.congestion_control), "%s",
                       run->congestion_control);
    struct la_iface_cfg iface = {.caps = run->link->caps, .mac = {2, 0, 0, 0, 0, 2}};
    struct la_addr none =
        la_addr_is_v4(&run->addr) ? la_addr_v4(0, 0, 0, 0) : (struct la_addr){{0}};
    bool gateway = !la_addr_is_any(&run->gateway);
    int idx;
    la_err err = la_stack_new(&cfg, now, &run->stack);
    if (err == LA_OK)
        err = la_stack_iface_add(run->stack, &iface, &idx);
    if (err == LA_OK)
        err = la_stack_addr_add(run->stack, idx, &run->addr, run->prefix_len);
    if (err == LA_OK && (gateway || run->layer == LA_LINK_IP))
        err = la_stack_route_add(run->stack, idx, &none, 0, gateway ? &run->gateway : NULL);
    return err == LA_OK ? la_bench_serve_open(run->stack, &run->addr, now) : err;
}

static bool
open_all(struct run *run)
{
    run->mem = la_mem_new(la_host_alloc(), 0);
    if (run->mem == NULL) {
        la_bench_failed("no memory");
        return false;
    }
    if (!device_open(run))
        return false;
    la_err err = stack_open(run, la_host_now());
    if (err == LA_ERR_BAD_ARGUMENT && run->congestion_control != NULL && run->stack == NULL)
        return complain("there is no congestion control ", run->congestion_control);
    if (err != LA_OK)
        la_bench_failed(la_strerror(err));
    return err == LA_OK;
}

/* ---- serving ---------------------------------------------------------------------------- */

/* One line: how many connections there are in each state. */
static void
print_connections(const struct la_stack *stack)
{
    uint32_t counts[LA_TCP_STATE_COUNT] = {0};
    const char *before = "connections: ";
    la_stack_state_counts(stack, counts);
    for (int state = LA_TCP_CLOSED; state < LA_TCP_STATE_COUNT; state++) {
        if (counts[state] == 0)
            continue;
        printf("%s%" PRIu32 " %s", before, counts[state],
               la_tcp_state_name((enum la_tcp_state)state, LA_NAMES_RFC));
        before = ", ";
    }
    puts(before[0] == ',' ? "" : "connections: none");
    (void)fflush(stdout);
}

/* SIGUSR1 asks for the connections, SIGINT and SIGTERM for the end. -1: it cannot be made. */
static int
signals_open(void)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    return sigprocmask(SIG_BLOCK, &set, NULL) == 0 ? signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC)
                                                   : -1;
}

/* Without a place for its socket the peer serves all the same. */
static void
control_open(struct run *run, la_instant now)
{
    struct la_control_cfg cfg = {
        .command = "bench peer", .end = {{"near", run->stack, NULL, NULL}}, .end_n = 1};
    (void)la_control_new(&cfg, now, &run->control);
}

/* Until something is to be done, at the latest at `at`. 0; ECANCELED: a signal asked for the end;
 * or what became of the device. */
static int
rest(const struct run *run, int signal_fd, la_instant at, la_instant now)
{
    struct pollfd fds[3] = {{.fd = run->link->ops->descriptor(run->link), .events = POLLIN},
                            {.fd = signal_fd, .events = POLLIN},
                            {.fd = -1, .events = POLLIN}};
    la_instant ask_at = LA_INSTANT_NEVER;
    if (run->control != NULL) {
        fds[2].fd = la_control_descriptor(run->control);
        ask_at = la_control_deadline(run->control);
    }
    at = ask_at.ns < at.ns ? ask_at : at;
    int64_t wait_ns = at.ns > now.ns ? at.ns - now.ns : 0;
    struct timespec wait = {wait_ns / 1000000000, wait_ns % 1000000000};
    struct signalfd_siginfo info;
    if (ppoll(fds, 3, at.ns == LA_INSTANT_NEVER.ns ? NULL : &wait, NULL) < 0)
        return errno == EINTR ? 0 : errno;
    if ((fds[0].revents & (POLLERR | POLLNVAL)) != 0)
        return ENODEV;
    if (fds[2].revents != 0 || ask_at.ns <= now.ns)
        la_control_serve(run->control, now);
    while (fds[1].revents != 0 && read(signal_fd, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
        print_connections(run->stack);
        if (info.ssi_signo != SIGUSR1)
            return ECANCELED;
    }
    return 0;
}

/* Returns an errno value: ECANCELED when it was asked to end. */
static int
serve(const struct run *run, int signal_fd)
{
    int error = 0;
    for (unsigned round = 1; error == 0; round++) {
        la_instant now = la_host_now();
        bool more = la_link_pump(run->link, run->stack, now);
        la_bench_serve(run->stack, now);
        la_link_flush(run->link, run->stack, now);
        more |= la_stack_has_output(run->stack);
        if (!more)
            error = rest(run, signal_fd, la_stack_deadline(run->stack), now);
        else if (round % BUSY_ROUNDS_N == 0)
            error = rest(run, signal_fd, now, now); /* signals, questions, a device that is gone */
    }
    return error;
}

/* The status. */
static int
serve_until_told(const struct run *run)
{
    int signal_fd = signals_open();
    int error = signal_fd < 0 ? errno : 0;
    if (error == 0) {
        printf("serving 5001 (sink), 5002 (source) and 5003 (echo) on %s\n", run->name);
        error = fflush(stdout) == 0 ? serve(run, signal_fd) : ECANCELED; /* see main.c */
        (void)close(signal_fd);
    }
    if (error == ECANCELED)
        return LA_CLI_OK;
    fprintf(stderr, "lastack bench peer: %s: %s\n", run->name, strerror(error));
    return LA_CLI_FAILED;
}

int
la_bench_peer(int argc, char **argv)
{
    struct run run = {.window_bytes = WINDOW_BYTES, .ecn = LA_ECN_ACCEPT};
    int status = LA_CLI_FAILED;
    if (!parse(&run, argc, argv))
        return LA_CLI_USAGE;
    if (open_all(&run)) {
        /* One that is down serves when it is up. */
        (void)la_device_wait_up(run.name);
        control_open(&run, la_host_now());
        status = serve_until_told(&run);
    }
    la_control_free(run.control);
    la_stack_free(run.stack);
    if (run.link != NULL)
        run.link->ops->free(run.link);
    if (run.mem != NULL)
        la_mem_unref(run.mem);
    return status;
}
