/* SPDX-License-Identifier: MIT
 *
 * control.c - the control socket of a running instance: it answers what `lastack ss` asks
 *
 * Read first: docs/control.md.
 *
 * Whoever asks must not slow the program down. So a client has a small request, a fixed buffer
 * that is filled as it is read, and a time in which it must take each portion; one call of
 * la_control_serve() writes LINES_N lines at most, all clients together. The answer is no snapshot:
 * connections come and go while it is read.
 */
#include "host/control.h"

#include "host/control_dir.h"
#include "host/loop.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    CLIENTS_N_MAX = 8,
    ACCEPTS_N = 4, /* per call of la_control_serve() */
    LINES_N = 32,  /* the same, shared by the clients; or steps of a walk over free records */
    REQUEST_BYTES = 128,
    OUT_BYTES = 4 * LA_REPORT_LINE_BYTES,
    PLACES_N = 3 /* tries: the last instance of the directory may just be removing it */
};
static const int64_t patience_ns = INT64_C(10000000000);
static const int64_t rest_ns = INT64_C(1000000000);

/* What comes next in the answer; COUNTERS of an end follows all its sockets. */
enum part {
    PART_INSTANCE,
    PART_LISTENERS,
    PART_CONNS,
    PART_REQUESTS,
    PART_UDP,
    PART_COUNTERS,
    PART_END
};

struct client {
    struct la_watch watch;
    struct la_control *control;
    la_instant patience_at; /* dropped then */
    char request[REQUEST_BYTES];
    size_t request_n;
    bool answering, finished; /* the answer has begun; all of it is in `out` */
    bool summary;             /* no sockets */
    unsigned ends;            /* bit per end that is wanted */
    unsigned end_idx;
    enum part part;
    uint32_t cursor, lines_n;
    size_t out_n, out_off;
    char out[OUT_BYTES];
};

struct la_control {
    struct la_control_cfg cfg;
    struct la_loop loop;
    struct la_watch listener;
    unsigned place;
    char name[LA_CONTROL_NAME_BYTES];
    la_instant began_at, now;
    la_instant
        rest_until; /* no descriptors were left: nobody is accepted until then; NEVER: go on */
    int listener_fd;
    unsigned clients_n;
    struct client *client[CLIENTS_N_MAX];
};

static void
drop(struct client *c)
{
    struct la_control *control = c->control;
    for (unsigned i = 0; i < CLIENTS_N_MAX; i++) {
        if (control->client[i] == c)
            control->client[i] = NULL;
    }
    control->clients_n--;
    la_loop_close(&control->loop, &c->watch);
    free(c);
}

/* ---- lines ----------------------------------------------------------------------------------- */

/* A line is written whole or not at all. */
static void
put(struct client *c, const struct la_report *report)
{
    char *at = c->out + c->out_n;
    json_t *object = la_report_encode(report, c->control->now);
    size_t n = object != NULL ? json_dumpb(object, at, LA_REPORT_LINE_BYTES - 1, JSON_COMPACT) : 0;
    json_decref(object);
    if (n == 0 || n > LA_REPORT_LINE_BYTES - 1)
        return; /* no memory */
    at[n] = '\n';
    c->out_n += n + 1;
    c->lines_n++;
}

static bool
has_room(const struct client *c)
{
    return sizeof(c->out) - c->out_n >= LA_REPORT_LINE_BYTES;
}

static struct la_report
report_new(const struct client *c, enum la_report_kind kind)
{
    struct la_report r = {.kind = kind, .instance = (uint32_t)getpid()};
    if (kind != LA_REPORT_INSTANCE && kind != LA_REPORT_END && kind != LA_REPORT_ERROR)
        (void)snprintf(r.end, sizeof(r.end), "%s", c->control->cfg.end[c->end_idx].name);
    return r;
}

static void
finish_with(struct client *c, const struct la_report *last)
{
    put(c, last);
    c->finished = true;
}

static void
complain(struct client *c, const char *text)
{
    struct la_report r = report_new(c, LA_REPORT_ERROR);
    (void)snprintf(r.u.text, sizeof(r.u.text), "%s", text);
    finish_with(c, &r);
}

static void
put_instance(struct client *c)
{
    const struct la_control *control = c->control;
    const struct la_control_cfg *cfg = &control->cfg;
    struct la_report r = report_new(c, LA_REPORT_INSTANCE);
    struct la_report_instance *in = &r.u.instance;
    struct la_mem_stats mem;
    size_t n = 0;
    la_mem_stats_get(la_stack_mem(cfg->end[0].stack), &mem);
    in->pid = r.instance;
    (void)snprintf(in->command, sizeof(in->command), "%s", cfg->command);
    (void)snprintf(in->lastack, sizeof(in->lastack), "%s", la_version());
    for (size_t i = 0; cfg->argv != NULL && cfg->argv[i] != NULL && n < sizeof(in->program); i++)
        n += (size_t)snprintf(in->program + n, sizeof(in->program) - n, "%s%s", i > 0 ? " " : "",
                              cfg->argv[i]);
    in->uptime_us = (uint64_t)((control->now.ns - control->began_at.ns) / 1000);
    in->memory_used_bytes = mem.used_bytes;
    in->memory_peak_bytes = mem.peak_bytes;
    in->memory_budget_bytes = mem.budget_bytes;
    put(c, &r);
}

/* One step of a walk. False: it is at its end. */
static bool
step(struct client *c, enum la_report_kind kind)
{
    const struct la_control_end *end = &c->control->cfg.end[c->end_idx];
    struct la_report r = report_new(c, kind);
    la_err err = LA_ERR_BAD_HANDLE;
    uint64_t user = 0;
    bool more = false;
    switch (kind) {
    case LA_REPORT_LISTENER:
        more = la_listener_next(end->stack, &c->cursor, &r.handle);
        err = la_listener_status(end->stack, r.handle, &r.u.listener);
        user = r.u.listener.user;
        break;
    case LA_REPORT_CONNECTION:
        more = la_conn_next(end->stack, &c->cursor, &r.handle);
        err = la_conn_status(end->stack, r.handle, &r.u.conn);
        user = r.u.conn.user;
        break;
    case LA_REPORT_REQUEST:
        more = la_forward_next(end->stack, &c->cursor, &r.handle);
        err = la_forward_request(end->stack, r.handle, &r.u.request);
        break;
    case LA_REPORT_UDP:
        more = la_udp_next(end->stack, &c->cursor, &r.handle);
        err = la_udp_status(end->stack, r.handle, &r.u.udp);
        user = r.u.udp.user;
        break;
    case LA_REPORT_INSTANCE:
    case LA_REPORT_COUNTERS:
    case LA_REPORT_END:
    case LA_REPORT_ERROR:
    case LA_REPORT_KIND_COUNT:
        break;
    }
    if (err != LA_OK)
        return more;
    if (user != 0 && end->owner != NULL)
        end->owner(end->ctx, user, &r.owner);
    put(c, &r);
    return more;
}

static void
put_counters(struct client *c)
{
    const struct la_stack *stack = c->control->cfg.end[c->end_idx].stack;
    struct la_report r = report_new(c, LA_REPORT_COUNTERS);
    r.u.counters.stats = *la_stack_stats(stack);
    la_stack_state_counts(stack, r.u.counters.state_n);
    put(c, &r);
}

static bool
is_wanted(const struct client *c)
{
    return (c->ends & (1u << c->end_idx)) != 0;
}

/* The first part of the next end that is wanted. */
static void
next_end(struct client *c, unsigned idx)
{
    unsigned end_n = c->control->cfg.end_n;
    for (c->end_idx = idx; c->end_idx < end_n && !is_wanted(c);)
        c->end_idx++;
    c->cursor = 0;
    c->part = c->end_idx >= end_n ? PART_END : c->summary ? PART_COUNTERS : PART_LISTENERS;
}

/* Writes a line, or looks at a bounded number of records. */
static void
advance(struct client *c)
{
    static const enum la_report_kind kinds[] = {
        [PART_LISTENERS] = LA_REPORT_LISTENER,
        [PART_CONNS] = LA_REPORT_CONNECTION,
        [PART_REQUESTS] = LA_REPORT_REQUEST,
        [PART_UDP] = LA_REPORT_UDP,
    };
    struct la_report end;
    switch (c->part) {
    case PART_INSTANCE:
        put_instance(c);
        next_end(c, 0);
        break;
    case PART_LISTENERS:
    case PART_CONNS:
    case PART_REQUESTS:
    case PART_UDP:
        if (!step(c, kinds[c->part])) {
            c->part++;
            c->cursor = 0;
        }
        break;
    case PART_COUNTERS:
        put_counters(c);
        next_end(c, c->end_idx + 1);
        break;
    case PART_END:
        end = report_new(c, LA_REPORT_END);
        end.u.lines_n = c->lines_n;
        finish_with(c, &end);
        break;
    }
}

/* ---- a client -------------------------------------------------------------------------------- */

/* "lastack 1 status [END]..." or "lastack 1 counters [END]...". */
static void
understand(struct client *c)
{
    const struct la_control_cfg *cfg = &c->control->cfg;
    char *rest = NULL;
    const char *word[3];
    for (unsigned i = 0; i < 3; i++)
        word[i] = strtok_r(i == 0 ? c->request : NULL, " \r", &rest);
    if (word[0] == NULL || strcmp(word[0], "lastack") != 0 || word[1] == NULL || word[2] == NULL)
        complain(c, "this is no request; docs/control.md describes them");
    else if (strcmp(word[1], "1") != 0)
        complain(c, "this instance speaks version 1");
    else if (strcmp(word[2], "status") != 0 && strcmp(word[2], "counters") != 0)
        complain(c, "there are the requests status and counters");
    if (c->finished)
        return;
    c->summary = strcmp(word[2], "counters") == 0;
    const char *name;
    unsigned all = (1u << cfg->end_n) - 1, named_n = 0;
    for (; (name = strtok_r(NULL, " \r", &rest)) != NULL; named_n++) {
        /* An end that this instance does not have is nothing to complain about. */
        for (unsigned i = 0; i < cfg->end_n; i++)
            c->ends |= strcmp(cfg->end[i].name, name) == 0 ? 1u << i : 0;
    }
    c->ends = named_n == 0 ? all : c->ends;
}

/* False: the client is gone. */
static bool
read_request(struct client *c)
{
    ssize_t n = recv(c->watch.fd, c->request + c->request_n, sizeof(c->request) - c->request_n, 0);
    if (n < 0)
        return errno == EAGAIN || errno == EINTR;
    c->request_n += (size_t)n;
    char *end = memchr(c->request, '\n', c->request_n);
    if (end == NULL && n > 0 && c->request_n < sizeof(c->request))
        return true;
    if (end == NULL && n == 0)
        return false; /* it left before it had asked */
    if (end != NULL) {
        *end = '\0';
        understand(c);
    } else {
        complain(c, "the request is too long");
    }
    c->answering = true;
    /* From here on nothing is read, so that a half-closed client wakes nobody. */
    return la_loop_change(&c->control->loop, &c->watch, EPOLLOUT) == 0;
}

/* False: the client is gone, or has everything. */
static bool
flush(struct client *c)
{
    while (c->out_off < c->out_n) {
        ssize_t n = send(c->watch.fd, c->out + c->out_off, c->out_n - c->out_off, MSG_NOSIGNAL);
        if (n < 0)
            return errno == EAGAIN || errno == EINTR;
        c->out_off += (size_t)n;
    }
    c->patience_at.ns = c->control->now.ns + patience_ns; /* it took a whole portion */
    c->out_off = c->out_n = 0;
    return !c->finished;
}

static void
on_client(struct la_watch *watch, uint32_t events)
{
    struct client *c = (struct client *)((uint8_t *)watch - offsetof(struct client, watch));
    struct la_control *control = c->control;
    bool stays = (events & (EPOLLERR | EPOLLHUP)) == 0 && (c->answering || read_request(c));
    /* A share for each, so that nobody's large answer keeps another one waiting. */
    unsigned share_n = LINES_N / control->clients_n;
    for (; stays && c->answering && !c->finished && has_room(c) && share_n > 0; share_n--)
        advance(c);
    if (stays && c->answering)
        stays = flush(c);
    if (!stays)
        drop(c);
}

/* ---- accepting ------------------------------------------------------------------------------- */

/* The directory lets nobody else in, but a descriptor of it may have been passed on. */
static bool
is_allowed(int fd)
{
    struct ucred cred;
    socklen_t n = sizeof(cred);
    return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &n) == 0 &&
           (cred.uid == geteuid() || cred.uid == 0);
}

static bool
admit(struct la_control *control, int fd)
{
    unsigned i = 0;
    while (i < CLIENTS_N_MAX && control->client[i] != NULL)
        i++;
    struct client *c = i < CLIENTS_N_MAX && is_allowed(fd) ? calloc(1, sizeof(*c)) : NULL;
    if (c == NULL || la_loop_add(&control->loop, &c->watch, fd, EPOLLIN) != 0) {
        free(c);
        return false;
    }
    c->watch.on_ready = on_client;
    c->control = control;
    c->patience_at.ns = control->now.ns + patience_ns;
    control->client[i] = c;
    control->clients_n++;
    return true;
}

static void
on_listener(struct la_watch *watch, uint32_t events)
{
    struct la_control *control =
        (struct la_control *)((uint8_t *)watch - offsetof(struct la_control, listener));
    (void)events;
    for (int i = 0; i < ACCEPTS_N && watch->fd >= 0; i++) {
        int fd = accept4(watch->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd >= 0 && !admit(control, fd))
            (void)close(fd);
        if (fd >= 0 || errno == ECONNABORTED || errno == EINTR)
            continue;
        if (errno != EAGAIN) { /* no descriptor: the one that waits would wake us for ever */
            la_loop_remove(&control->loop, watch);
            control->rest_until.ns = control->now.ns + rest_ns;
        }
        return;
    }
}

/* ---- the control ----------------------------------------------------------------------------- */

int
la_control_descriptor(const struct la_control *control)
{
    return control->loop.epoll_fd;
}

static void
expire(struct la_control *control)
{
    for (unsigned i = 0; i < CLIENTS_N_MAX; i++) {
        struct client *c = control->client[i];
        if (c != NULL && control->now.ns >= c->patience_at.ns)
            drop(c);
    }
    if (control->now.ns >= control->rest_until.ns &&
        la_loop_add(&control->loop, &control->listener, control->listener_fd, EPOLLIN) == 0)
        control->rest_until = LA_INSTANT_NEVER;
}

void
la_control_serve(struct la_control *control, la_instant now)
{
    control->now = now;
    (void)la_loop_wait(&control->loop, 0);
    la_loop_serve(&control->loop);
    expire(control);
}

la_instant
la_control_deadline(const struct la_control *control)
{
    la_instant at = control->rest_until;
    for (unsigned i = 0; i < CLIENTS_N_MAX && control->clients_n > 0; i++) {
        const struct client *c = control->client[i];
        if (c != NULL && c->patience_at.ns < at.ns)
            at = c->patience_at;
    }
    return at;
}

/* 0 or an errno value. */
static int
publish_at(struct la_control *control, unsigned place)
{
    int error = ENOENT;
    for (int i = 0; i < PLACES_N && error == ENOENT; i++) {
        int dir_fd = la_control_dir_open(place, true);
        if (dir_fd < 0)
            return -dir_fd;
        la_control_dir_sweep(dir_fd);
        error = la_control_dir_publish(dir_fd, control->listener_fd, control->name);
        (void)close(dir_fd);
    }
    control->place = place;
    return error;
}

static int
open_listener(struct la_control *control)
{
    int error = la_loop_init(&control->loop);
    if (error != 0)
        return error;
    control->listener_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (control->listener_fd < 0)
        return errno;
    error = ENOENT;
    for (unsigned place = 0; place < LA_CONTROL_DIRS_N && error != 0; place++)
        error = publish_at(control, place);
    if (error != 0) {
        control->name[0] = '\0';
        return error;
    }
    return la_loop_add(&control->loop, &control->listener, control->listener_fd, EPOLLIN);
}

int
la_control_new(const struct la_control_cfg *cfg, la_instant now, struct la_control **out)
{
    struct la_control *control = calloc(1, sizeof(*control));
    *out = NULL;
    if (control == NULL)
        return ENOMEM;
    control->cfg = *cfg;
    control->began_at = control->now = now;
    control->rest_until = LA_INSTANT_NEVER;
    control->listener = (struct la_watch){.fd = -1, .on_ready = on_listener};
    control->listener_fd = control->loop.epoll_fd = -1;
    int error = open_listener(control);
    if (error != 0)
        la_control_free(control);
    else
        *out = control;
    return error;
}

void
la_control_free(struct la_control *control)
{
    if (control == NULL)
        return;
    for (unsigned i = 0; i < CLIENTS_N_MAX; i++) {
        if (control->client[i] != NULL)
            drop(control->client[i]);
    }
    int dir_fd = control->name[0] != '\0' ? la_control_dir_open(control->place, false) : -1;
    if (dir_fd >= 0) {
        (void)unlinkat(dir_fd, control->name, 0);
        (void)close(dir_fd);
        la_control_dir_tidy(control->place);
    }
    la_loop_remove(&control->loop, &control->listener);
    if (control->listener_fd >= 0)
        (void)close(control->listener_fd);
    la_loop_fini(&control->loop);
    free(control);
}
