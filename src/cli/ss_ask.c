/* SPDX-License-Identifier: MIT
 *
 * ss_ask.c - asking every running instance of this user by its control socket
 *
 * Read first: docs/control.md.
 *
 * An instance that does not answer costs ANSWER_MS, not more, and one line; the others are asked
 * all the same.
 */
#include "cli/ss.h"
#include "host/control_dir.h"

#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { INSTANCES_N_MAX = 1024, ANSWER_MS = 10000, TRIES_N = 50 };
static const struct timespec between_tries = {.tv_nsec = 20000000};

struct line {
    char buf[LA_REPORT_LINE_BYTES + 1];
    size_t n;
};

/* The answer of one instance, as far as it has come. */
struct answer {
    const struct la_ss_sink *sink;
    uint32_t pid;
    bool begun, ended; /* the first, the last line has come */
    bool crowded;      /* it was closed before it had begun: too many others ask */
    bool failed;
};

static void
say(struct answer *a, const char *what)
{
    fprintf(stderr, "lastack ss: instance %u: %s\n", a->pid, what);
    a->failed = true;
}

/* The connection is gone before the answer's end: errno, 0 when it was closed in order. */
static void
gone(struct answer *a, int error)
{
    a->crowded = !a->begun && (error == 0 || error == EPIPE || error == ECONNRESET);
    if (!a->crowded)
        say(a, error == 0 ? "it ended in the middle of its answer" : strerror(error));
}

/* ---- one instance ---------------------------------------------------------------------------- */

static void
take_line(struct answer *a, const char *text, size_t n)
{
    struct la_report report;
    a->begun = true;
    json_t *object = json_loadb(text, n, 0, NULL);
    if (object == NULL || !la_report_decode(object, &report)) {
        /* Kinds that a later program knows are skipped; what is no object is an error. */
        if (!json_is_object(object))
            say(a, "its answer is not understood");
    } else if (report.kind == LA_REPORT_ERROR) {
        la_ss_clean(report.u.text);
        say(a, report.u.text);
    } else if (report.kind == LA_REPORT_END) {
        a->ended = true;
    } else {
        a->sink->take(a->sink->ctx, &report, object);
    }
    json_decref(object);
}

/* Takes the whole lines of what was read. */
static void
take_lines(struct answer *a, struct line *line)
{
    size_t begin = 0;
    for (const char *end; !a->failed && !a->ended &&
                          (end = memchr(line->buf + begin, '\n', line->n - begin)) != NULL;) {
        size_t n = (size_t)(end - (line->buf + begin));
        take_line(a, line->buf + begin, n);
        begin += n + 1;
    }
    line->n -= begin;
    memmove(line->buf, line->buf + begin, line->n);
}

static void
read_answer(struct answer *a, int fd)
{
    static struct line line;
    struct pollfd p = {.fd = fd, .events = POLLIN};
    line.n = 0;
    while (!a->ended && !a->failed && !a->crowded) {
        if (line.n >= LA_REPORT_LINE_BYTES) {
            say(a, "its answer is not understood");
            return;
        }
        if (poll(&p, 1, ANSWER_MS) == 0) {
            say(a, "no answer");
            return;
        }
        ssize_t n = recv(fd, line.buf + line.n, sizeof(line.buf) - line.n, 0);
        if (n < 0 && (errno == EAGAIN || errno == EINTR))
            continue;
        if (n <= 0) {
            gone(a, n == 0 ? 0 : errno);
            return;
        }
        line.n += (size_t)n;
        take_lines(a, &line);
    }
}

static void
ask(const struct la_ss_cfg *cfg, struct answer *a, int fd)
{
    char request[96];
    struct ucred cred;
    socklen_t cred_n = sizeof(cred);
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &cred_n) != 0 || cred.uid != geteuid()) {
        say(a, "it belongs to another user");
        return;
    }
    int n = snprintf(request, sizeof(request), "lastack %d %s%s%s\n", LA_REPORT_VERSION,
                     cfg->summary ? "counters" : "status", cfg->near ? " near" : "",
                     cfg->far ? " far" : "");
    if (send(fd, request, (size_t)n, MSG_NOSIGNAL) != n)
        gone(a, errno);
    else
        read_answer(a, fd);
}

/* ---- all of them ----------------------------------------------------------------------------- */

struct names {
    char name[INSTANCES_N_MAX][LA_CONTROL_NAME_BYTES];
    size_t n;
};

static int
by_number(const void *a, const void *b)
{
    return strverscmp(a, b);
}

static void
list(int dir_fd, struct names *out)
{
    int copy = dup(dir_fd);
    DIR *dir = copy >= 0 ? fdopendir(copy) : NULL;
    const struct dirent *e;
    uint32_t pid;
    out->n = 0;
    while (dir != NULL && out->n < INSTANCES_N_MAX && (e = readdir(dir)) != NULL) {
        if (la_control_name_pid(e->d_name, &pid))
            (void)snprintf(out->name[out->n++], LA_CONTROL_NAME_BYTES, "%.31s", e->d_name);
    }
    if (dir != NULL)
        (void)closedir(dir);
    else if (copy >= 0)
        (void)close(copy);
    qsort(out->name, out->n, sizeof(out->name[0]), by_number);
}

/* False: there is none any more. */
static bool
ask_once(const struct la_ss_cfg *cfg, struct answer *a, int dir_fd, const char *name)
{
    int fd = la_control_dir_connect(dir_fd, name);
    a->crowded = fd == -EAGAIN;
    if (fd == -ECONNREFUSED || fd == -ENOENT)
        return false;
    if (fd >= 0) {
        ask(cfg, a, fd);
        (void)close(fd);
    } else if (!a->crowded) {
        say(a, strerror(-fd));
    }
    return true;
}

static void
ask_named(const struct la_ss_cfg *cfg, const struct la_ss_sink *sink, int dir_fd, const char *name,
          struct la_ss_asked *out)
{
    struct answer a = {.sink = sink, .crowded = true};
    if (!la_control_name_pid(name, &a.pid) || (cfg->pid != 0 && cfg->pid != a.pid))
        return;
    for (int i = 0; i < TRIES_N && a.crowded; i++) {
        if (i > 0)
            (void)nanosleep(&between_tries, NULL);
        if (!ask_once(cfg, &a, dir_fd, name))
            return;
    }
    if (a.crowded)
        say(&a, "too many others are asking it");
    out->answered_n += a.failed ? 0 : 1;
    out->failed_n += a.failed ? 1 : 0;
}

struct la_ss_asked
la_ss_ask(const struct la_ss_cfg *cfg, const struct la_ss_sink *sink)
{
    static struct names names;
    struct la_ss_asked out = {0, 0};
    for (unsigned place = 0; place < LA_CONTROL_DIRS_N; place++) {
        int dir_fd = la_control_dir_open(place, false);
        if (dir_fd == -EPERM)
            fputs("lastack ss: a folder for control sockets is not yours alone; see "
                  "lastack-ss(1), FILES\n",
                  stderr);
        if (dir_fd < 0)
            continue;
        list(dir_fd, &names);
        for (size_t i = 0; i < names.n; i++)
            ask_named(cfg, sink, dir_fd, names.name[i], &out);
        (void)close(dir_fd);
    }
    return out;
}
