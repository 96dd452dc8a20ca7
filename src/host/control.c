/* SPDX-License-Identifier: MIT
 *
 * control.c - the control socket of a running instance: it answers what `lastack ss` asks
 *
 * Read first: docs/control.md.
 *
 * Whoever asks must not slow the program down. So a client has a small request, a fixed buffer
 * that is filled as it is read, and a time in which it must take each portion; one call of
 * la_control_serve() writes LINES_N lines at most, all clients together.
 */
#include "host/control.h"

#include "host/control_answer.h"
#include "host/control_dir.h"
#include "host/loop.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    CLIENTS_N_MAX = 8,
    ACCEPTS_N = 4, /* per call of la_control_serve() */
    LINES_N = 32,  /* the same, shared by the clients; or steps of a walk over free records */
    REQUEST_BYTES = 128,
    PLACES_N = 3 /* tries: the last instance of the directory may just be removing it */
};
static const int64_t patience_ns = INT64_C(10000000000);
static const int64_t rest_ns = INT64_C(1000000000);

struct client {
    struct la_watch watch;
    struct la_control *control;
    la_instant patience_at; /* dropped then */
    char request[REQUEST_BYTES];
    size_t request_n;
    bool answering; /* the answer has begun */
    size_t out_off; /* so much of what it has written was sent */
    struct la_control_answer answer;
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

/* ---- a client -------------------------------------------------------------------------------- */

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
        la_control_answer_begin(&c->answer, c->request);
    } else {
        la_control_answer_refuse(&c->answer, "the request is too long");
    }
    c->answering = true;
    /* From here on nothing is read, so that a half-closed client wakes nobody. */
    return la_loop_change(&c->control->loop, &c->watch, EPOLLOUT) == 0;
}

/* False: the client is gone, or has everything. */
static bool
flush(struct client *c)
{
    struct la_control_answer *answer = &c->answer;
    while (c->out_off < answer->out_n) {
        ssize_t n =
            send(c->watch.fd, answer->out + c->out_off, answer->out_n - c->out_off, MSG_NOSIGNAL);
        if (n < 0)
            return errno == EAGAIN || errno == EINTR;
        c->out_off += (size_t)n;
    }
    c->patience_at.ns = c->control->now.ns + patience_ns; /* it took a whole portion */
    c->out_off = answer->out_n = 0;
    return !answer->finished;
}

static void
on_client(struct la_watch *watch, uint32_t events)
{
    struct client *c = (struct client *)((uint8_t *)watch - offsetof(struct client, watch));
    struct la_control *control = c->control;
    bool stays = (events & (EPOLLERR | EPOLLHUP)) == 0 && (c->answering || read_request(c));
    /* A share for each, so that nobody's large answer keeps another one waiting. */
    unsigned share_n = LINES_N / control->clients_n;
    bool more = stays && c->answering;
    for (; more && !c->answer.finished && la_control_answer_has_room(&c->answer) && share_n > 0;
         share_n--)
        la_control_answer_advance(&c->answer, control->now);
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
    c->answer.cfg = &control->cfg;
    c->answer.began_at = control->began_at;
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
        if (dir_fd == -ENOENT)
            continue; /* the last one that left has just removed it */
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
