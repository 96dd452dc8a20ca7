/* SPDX-License-Identifier: MIT
 *
 * bench_path.c - `lastack bench path`: an emulated path between two TUN devices
 *
 * What the kernel, or a stack behind it, sends to one device comes out of the other as the memory
 * wire says: later, at a limited rate, or not at all. Packets are as on a wire, never
 * super-segments.
 *
 * Everything is planned by the instants at which packets ought to leave, so being late once does
 * not make the path slower. How late they left is counted: it says whether the machine was busy.
 */
#include "cli/bench.h"
#include "cli/cli.h"
#include "cli/netopt.h"
#include "cli/option.h"
#include "host/device.h"

#include <errno.h>
#include <fcntl.h>
#include <lastack/host.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <unistd.h>

enum { BURST_N = 64, LATE_NS = 1000000, NAME_BYTES = 64 };
/* At 200 Mbit/s a packet is due each 60 us. What is due within so short a time goes together, which
 * halves the work; the kernel's habit of waking later still (50 us) comes on top, so it goes. */
enum { REST_NS_MIN = 100000, TIMER_SLACK_NS = 1 };

struct end {
    const char *word; /* DEVICE[@NETNS] */
    struct la_link *device;
    uint64_t refused_n; /* packets that the device did not take */
};

/* How late packets left. */
struct lateness {
    uint64_t packets_n, late_n; /* late: by more than LATE_NS */
    int64_t max_ns;
};

struct path {
    struct la_netopt net;
    struct end end[2];
    struct la_mem *mem;
    struct la_wire *wire;
    struct lateness lateness;
    bool json;
};

/* ---- arguments -------------------------------------------------------------------------- */

static bool
complain(const char *what, const char *word)
{
    (void)la_cli_usage("bench path", what, word);
    return false;
}

static bool
option_take(struct path *path, const char *name, const char *value)
{
    char error[LA_NETOPT_ERROR_BYTES];
    switch (la_netopt_take(&path->net, name, value, error)) {
    case LA_NETOPT_OK:
        return true;
    case LA_NETOPT_BAD:
        return complain(error, NULL);
    case LA_NETOPT_OTHER:
        break;
    }
    return complain("no option --", name);
}

static bool
parse(struct path *path, int argc, char **argv)
{
    int operands_n = 0;
    for (int i = 1; i < argc; i++) {
        struct la_option option;
        if (strcmp(argv[i], "--json") == 0) {
            path->json = true;
        } else if (la_option_split(argv, i, &option)) {
            if (!option_take(path, option.name, option.value))
                return false;
            i += !option.joined;
        } else if (argv[i][0] == '-') {
            return complain("no option ", argv[i]);
        } else if (operands_n < 2) {
            path->end[operands_n++].word = argv[i];
        } else {
            return complain("one word too many: ", argv[i]);
        }
    }
    return operands_n == 2 || complain("wanted are two devices", NULL);
}

/* ---- setting up ------------------------------------------------------------------------- */

/* 0, or an errno value. */
static int
namespace_enter(const char *name)
{
    char file[2 * NAME_BYTES];
    (void)snprintf(file, sizeof(file), "/run/netns/%s", name);
    int fd = open(file, O_RDONLY | O_CLOEXEC);
    int error = fd < 0 || setns(fd, CLONE_NEWNET) != 0 ? errno : 0;
    if (fd >= 0)
        (void)close(fd);
    return error;
}

/* A device stays in the namespace where it was opened, whatever this process does afterwards. */
static bool
end_open(struct path *path, struct end *end)
{
    char name[NAME_BYTES], text[LA_DEVICE_TEXT_BYTES];
    struct la_device_cfg cfg = {.mem = path->mem, .name = name, .offload = LA_DEVICE_OFFLOAD_NONE};
    const char *space = strchr(end->word, '@');
    size_t n = space == NULL ? strlen(end->word) : (size_t)(space - end->word);
    if (n >= sizeof(name) || (space != NULL && strlen(space) >= sizeof(name)))
        return complain("too long a name: ", end->word);
    memcpy(name, end->word, n);
    name[n] = '\0';
    int home = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
    int error = home < 0 ? errno : space == NULL ? 0 : namespace_enter(space + 1);
    if (error != 0) {
        fprintf(stderr, "lastack bench path: %s: %s\n", end->word, strerror(error));
    } else {
        error = la_tun_open(&cfg, &end->device);
        if (error != 0)
            fprintf(stderr, "lastack bench path: %s\n",
                    la_device_explain(LA_LINK_IP, name, error, text));
        else
            (void)la_device_wait_up(name);
    }
    if (home >= 0 && setns(home, CLONE_NEWNET) != 0 && space != NULL)
        error = errno;
    if (home >= 0)
        (void)close(home);
    return error == 0;
}

static bool
wire_open(struct path *path)
{
    struct la_wire_cfg cfg = {
        .mem = path->mem,
        .seed = path->net.seed,
        .caps = {.layer = LA_LINK_IP, .mtu_bytes = path->net.mtu_bytes},
        .impair = {path->net.impair[0], path->net.impair[1]},
    };
    la_err err = la_wire_new(&cfg, &path->wire);
    if (err != LA_OK)
        (void)la_bench_failed(la_strerror(err));
    return err == LA_OK;
}

static int
signals_open(void)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    return sigprocmask(SIG_BLOCK, &set, NULL) == 0 ? signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC)
                                                   : -1;
}

/* ---- carrying --------------------------------------------------------------------------- */

static void
take(struct path *path, int idx, la_instant now)
{
    struct la_frame *frames[BURST_N];
    struct la_link *into = la_wire_end(path->wire, idx);
    size_t n;
    do {
        n = la_link_receive(path->end[idx].device, frames, BURST_N, now);
        (void)la_link_send(into, frames, n, now);
    } while (n == BURST_N);
}

/* What end `idx` is to get by now, one by one: each has an instant of its own. */
static void
give(struct path *path, int idx, la_instant now)
{
    struct la_link *from = la_wire_end(path->wire, idx);
    struct end *end = &path->end[idx];
    struct lateness *lateness = &path->lateness;
    struct la_frame *frame;
    la_instant due = la_link_deadline(from);
    while (due.ns <= now.ns && la_link_receive(from, &frame, 1, now) == 1) {
        int64_t late_ns = now.ns - due.ns;
        lateness->packets_n++;
        lateness->late_n += late_ns > LATE_NS;
        lateness->max_ns = late_ns > lateness->max_ns ? late_ns : lateness->max_ns;
        if (la_link_send(end->device, &frame, 1, now) == 0) {
            end->refused_n++;
            la_frame_free(frame);
        }
        due = la_link_deadline(from);
    }
}

/* Until something arrives or is due; *arrived gets a bit for each device with packets. 0;
 * ECANCELED: a signal asked for the end; or what is wrong. */
static int
rest(const struct path *path, int signal_fd, unsigned *arrived)
{
    struct pollfd fds[3] = {{.fd = signal_fd, .events = POLLIN}};
    la_instant at = LA_INSTANT_NEVER;
    *arrived = 0;
    for (int i = 0; i < 2; i++) {
        struct la_link *device = path->end[i].device;
        la_instant due = la_link_deadline(la_wire_end(path->wire, i));
        fds[i + 1] = (struct pollfd){.fd = device->ops->descriptor(device), .events = POLLIN};
        at = due.ns < at.ns ? due : at;
    }
    int64_t wait_ns = at.ns - la_host_now().ns;
    wait_ns = wait_ns < REST_NS_MIN ? REST_NS_MIN : wait_ns;
    struct timespec wait = {wait_ns / 1000000000, wait_ns % 1000000000};
    if (ppoll(fds, 3, at.ns == LA_INSTANT_NEVER.ns ? NULL : &wait, NULL) < 0)
        return errno == EINTR ? 0 : errno;
    for (unsigned i = 0; i < 2; i++)
        *arrived |= (fds[i + 1].revents & POLLIN) != 0 ? 1u << i : 0;
    if (fds[0].revents != 0)
        return ECANCELED;
    return ((fds[1].revents | fds[2].revents) & (POLLERR | POLLNVAL)) != 0 ? ENODEV : 0;
}

static int
carry(struct path *path, int signal_fd)
{
    unsigned arrived = 0;
    int error;
    (void)prctl(PR_SET_TIMERSLACK, TIMER_SLACK_NS);
    while ((error = rest(path, signal_fd, &arrived)) == 0) {
        la_instant now = la_host_now();
        for (int i = 0; i < 2; i++) {
            if ((arrived >> i & 1) != 0)
                take(path, i, now);
            give(path, 1 - i, now);
        }
    }
    return error;
}

/* ---- results ---------------------------------------------------------------------------- */

static void
direction_add(struct la_bench_report *report, const struct path *path, int from)
{
    static const struct {
        const char *key[2], *text[2];
        size_t off;
    } rows[] = {
        {{"up_sent", "down_sent"},
         {"packets of the first device", "packets of the second device"},
         offsetof(struct la_wire_stats, sent_n)},
        {{"up_delivered", "down_delivered"},
         {"  delivered to the second", "  delivered to the first"},
         offsetof(struct la_wire_stats, delivered_n)},
        {{"up_lost", "down_lost"},
         {"  lost, one by one", "  lost, one by one"},
         offsetof(struct la_wire_stats, lost_n)},
        {{"up_burst_lost", "down_burst_lost"},
         {"  lost in bursts", "  lost in bursts"},
         offsetof(struct la_wire_stats, burst_lost_n)},
        {{"up_queue_dropped", "down_queue_dropped"},
         {"  dropped by the full queue", "  dropped by the full queue"},
         offsetof(struct la_wire_stats, queue_dropped_n)},
        {{"up_reordered", "down_reordered"},
         {"  held back", "  held back"},
         offsetof(struct la_wire_stats, reordered_n)},
    };
    struct la_wire_stats stats;
    la_wire_stats_get(path->wire, from, &stats);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        uint64_t n;
        memcpy(&n, (const char *)&stats + rows[i].off, sizeof(n));
        la_bench_report_add(
            report, (struct la_bench_result){rows[i].key[from], rows[i].text[from], (double)n, 0});
    }
    la_bench_report_add(report, (struct la_bench_result){from == 0 ? "up_refused" : "down_refused",
                                                         "  not taken by the other device",
                                                         (double)path->end[1 - from].refused_n, 0});
}

static int
report(const struct path *path)
{
    struct la_bench_report out = {.noun = "path"};
    const struct lateness *l = &path->lateness;
    double late = l->packets_n > 0 ? (double)l->late_n / (double)l->packets_n : 0;
    direction_add(&out, path, 0);
    direction_add(&out, path, 1);
    la_bench_report_add(&out, (struct la_bench_result){"late_percent", "% left more than 1 ms late",
                                                       late * 100, 3});
    la_bench_report_add(&out, (struct la_bench_result){"late_us_max", "us late at the most",
                                                       (double)l->max_ns / 1e3, 0});
    la_bench_report_print(&out, path->json);
    return LA_CLI_OK;
}

static int
carry_until_told(struct path *path)
{
    int signal_fd = signals_open();
    int error = signal_fd < 0 ? errno : 0;
    if (error == 0) {
        printf("carrying between %s and %s\n", path->end[0].word, path->end[1].word);
        error = fflush(stdout) == 0 ? carry(path, signal_fd) : ECANCELED; /* see main.c */
        (void)close(signal_fd);
    }
    if (error == ECANCELED)
        return report(path);
    fprintf(stderr, "lastack bench path: %s\n", strerror(error));
    return LA_CLI_FAILED;
}

int
la_bench_path(int argc, char **argv)
{
    struct path path = {0};
    int status = LA_CLI_FAILED;
    la_netopt_init(&path.net);
    if (!parse(&path, argc, argv))
        return LA_CLI_USAGE;
    path.mem = la_mem_new(la_host_alloc(), 0);
    if (path.mem == NULL)
        return la_bench_failed("no memory");
    if (end_open(&path, &path.end[0]) && end_open(&path, &path.end[1]) && wire_open(&path))
        status = carry_until_told(&path);
    la_wire_free(path.wire);
    for (int i = 0; i < 2; i++)
        if (path.end[i].device != NULL)
            path.end[i].device->ops->free(path.end[i].device);
    la_mem_unref(path.mem);
    return status;
}
