/* SPDX-License-Identifier: MIT
 *
 * drill_jobs.c - many scripts, in several processes
 *
 * Process k of n plays the scripts k, k + n, … and writes each one's outcome and words into its
 * pipe; the parent reads them in the order of the scripts. A script that ends its process ends the
 * others of that process, and is named.
 */
#include "cli/cli.h"
#include "cli/drill.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { PROFILES_N = 8, NAME_BYTES = 16 };

struct totals {
    size_t count[3]; /* by outcome */
    size_t died_n;
    struct {
        char as[NAME_BYTES]; /* a profile that was recognised, */
        size_t n;            /* and how often */
    } profiles[PROFILES_N];
};

struct record {
    uint8_t outcome;
    uint32_t text_n;
    char as[NAME_BYTES];
};

/* ---- one script ------------------------------------------------------------------------- */

/* *text is the caller's; NULL: no memory. */
static struct record
play(const struct la_drill_jobs *jobs, size_t i, char **text)
{
    size_t n = 0;
    FILE *out = open_memstream(text, &n);
    const char *as = "";
    struct record record = {LA_DRILL_FAILED, 0, ""};
    if (out == NULL)
        *text = NULL;
    else
        record.outcome = (uint8_t)la_drill_file(jobs->paths[i], &jobs->file, out, &as);
    if (out != NULL && fclose(out) == 0 && n <= UINT32_MAX)
        record.text_n = (uint32_t)n;
    else
        (void)fprintf(stderr, "lastack drill: out of memory: nothing is said of %s\n",
                      jobs->paths[i]);
    (void)snprintf(record.as, sizeof(record.as), "%s", as);
    return record;
}

static void
tell(struct totals *totals, const struct record *record, const char *text)
{
    totals->count[record->outcome]++;
    for (size_t i = 0; record->as[0] != 0 && i < PROFILES_N; i++) {
        if (totals->profiles[i].n != 0 && strcmp(totals->profiles[i].as, record->as) != 0)
            continue;
        memcpy(totals->profiles[i].as, record->as, NAME_BYTES);
        totals->profiles[i].n++;
        break;
    }
    if (text != NULL)
        (void)fwrite(text, 1, record->text_n, stdout);
}

/* ---- processes -------------------------------------------------------------------------- */

static bool
write_all(int fd, const void *p, size_t n)
{
    const char *at = p;
    while (n > 0) {
        ssize_t written = write(fd, at, n);
        if (written < 0 && errno != EINTR)
            return false;
        if (written > 0) {
            at += written;
            n -= (size_t)written;
        }
    }
    return true;
}

static bool
read_all(int fd, void *p, size_t n)
{
    char *at = p;
    while (n > 0) {
        ssize_t got = read(fd, at, n);
        if (got == 0 || (got < 0 && errno != EINTR))
            return false;
        if (got > 0) {
            at += got;
            n -= (size_t)got;
        }
    }
    return true;
}

static void
work(const struct la_drill_jobs *jobs, size_t first, int fd)
{
    for (size_t i = first; i < jobs->paths_n; i += jobs->jobs_n) {
        char *text;
        struct record record = play(jobs, i, &text);
        if (!write_all(fd, &record, sizeof(record)) || !write_all(fd, text, record.text_n))
            _exit(1);
        free(text);
    }
    _exit(0);
}

struct worker {
    int fd;
    pid_t pid;
};

static bool
start(const struct la_drill_jobs *jobs, struct worker *workers)
{
    for (unsigned k = 0; k < jobs->jobs_n; k++) {
        int fds[2];
        if (pipe(fds) != 0)
            return false;
        (void)fflush(stdout);
        workers[k].pid = fork();
        if (workers[k].pid == 0) {
            (void)close(fds[0]);
            for (unsigned other = 0; other < k; other++)
                (void)close(workers[other].fd);
            work(jobs, k, fds[1]);
        }
        (void)close(fds[1]);
        workers[k].fd = fds[0];
        if (workers[k].pid < 0) {
            (void)close(fds[0]);
            workers[k].fd = -1;
            return false;
        }
    }
    return true;
}

static void
gather(const struct la_drill_jobs *jobs, struct worker *workers, struct totals *totals)
{
    for (size_t i = 0; i < jobs->paths_n; i++) {
        struct worker *worker = &workers[i % jobs->jobs_n];
        struct record record;
        char *text = NULL;
        if (worker->fd < 0) {
            totals->died_n++;
            continue;
        }
        bool good = read_all(worker->fd, &record, sizeof(record)) && record.outcome < 3 &&
                    (text = malloc(record.text_n + 1u)) != NULL &&
                    read_all(worker->fd, text, record.text_n);
        if (good) {
            tell(totals, &record, text);
        } else {
            (void)printf("%s: the process that played it has died\n", jobs->paths[i]);
            (void)close(worker->fd);
            worker->fd = -1;
            totals->died_n++;
        }
        free(text);
    }
}

/* False: no process could be started for some of them. */
static bool
play_apart(const struct la_drill_jobs *jobs, struct totals *totals)
{
    struct worker workers[LA_DRILL_JOBS_N_MAX];
    for (unsigned k = 0; k < LA_DRILL_JOBS_N_MAX; k++)
        workers[k] = (struct worker){-1, -1};
    bool good = start(jobs, workers);
    if (!good)
        (void)fprintf(stderr, "lastack drill: cannot start %u processes: %s\n", jobs->jobs_n,
                      strerror(errno));
    else
        gather(jobs, workers, totals);
    for (unsigned k = 0; k < jobs->jobs_n; k++) {
        if (workers[k].fd >= 0)
            (void)close(workers[k].fd);
        if (workers[k].pid > 0)
            (void)waitpid(workers[k].pid, NULL, 0);
    }
    return good;
}

/* ---- all -------------------------------------------------------------------------------- */

static void
put_summary(const struct totals *totals, double seconds)
{
    size_t all_n = totals->count[0] + totals->count[1] + totals->count[2] + totals->died_n;
    (void)printf("%zu script%s: %zu passed, %zu failed", all_n, all_n == 1 ? "" : "s",
                 totals->count[LA_DRILL_PASSED], totals->count[LA_DRILL_FAILED]);
    if (totals->count[LA_DRILL_UNREADABLE] != 0)
        (void)printf(", %zu cannot be read", totals->count[LA_DRILL_UNREADABLE]);
    if (totals->died_n != 0)
        (void)printf(", %zu not played: a process died", totals->died_n);
    for (size_t i = 0; i < PROFILES_N && totals->profiles[i].n != 0; i++)
        (void)printf("; %zu as %s", totals->profiles[i].n, totals->profiles[i].as);
    (void)printf("; %.2f s", seconds);
    size_t played_n = totals->count[LA_DRILL_PASSED] + totals->count[LA_DRILL_FAILED];
    if (played_n > 1 && seconds > 0)
        (void)printf(", %.0f a minute", (double)played_n * 60 / seconds);
    (void)putchar('\n');
}

static double
seconds_now(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

int
la_drill_jobs(const struct la_drill_jobs *jobs)
{
    struct totals totals = {.died_n = 0};
    double from = seconds_now();
    if (jobs->jobs_n > 1) {
        if (!play_apart(jobs, &totals))
            return LA_CLI_FAILED;
    } else {
        for (size_t i = 0; i < jobs->paths_n; i++) {
            char *text;
            struct record record = play(jobs, i, &text);
            tell(&totals, &record, text);
            free(text);
        }
    }
    if (!jobs->quiet && !jobs->file.json)
        put_summary(&totals, seconds_now() - from);
    if (totals.count[LA_DRILL_FAILED] != 0 || totals.died_n != 0)
        return LA_CLI_FAILED;
    return totals.count[LA_DRILL_UNREADABLE] != 0 ? LA_CLI_USAGE : LA_CLI_OK;
}
