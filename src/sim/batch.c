/* SPDX-License-Identifier: MIT
 *
 * batch.c - many runs, in as many processes as there are processors to use
 *
 * Run i of a batch is drawn from a hash of the batch's seed and i, so that which process runs it
 * changes nothing. Counters and the first failure lie in memory that the processes share.
 */
#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/hash.h"
#include "sim/sim.h"

enum { JOBS_N_MAX = 256, NAP_MS = 50, PROGRESS_MS = 250, RUN_S_MAX = 60 };

struct job {
    struct la_sim_counts counts;
    uint64_t seed; /* of the run that goes on */
    char assertion[LA_SIM_TEXT_BYTES];
    struct la_sim_result result;
    pid_t pid;
    bool failed, ended;
};

struct shared {
    atomic_bool stop;
    struct job job[];
};

uint64_t
la_sim_batch_seed(uint64_t seed, uint64_t i)
{
    struct la_key key = {seed, UINT64_C(0x73696d)};
    return la_hash2(&key, i, 0);
}

static void
run_one(const struct la_sim_batch *batch, struct job *job, uint64_t i)
{
    struct la_sim_plan plan;
    job->seed = la_sim_batch_seed(batch->seed, i);
    alarm(RUN_S_MAX);
    la_sim_plan_draw(&plan, job->seed);
    la_sim_run(&plan, &batch->env, &job->result);
    la_sim_counts_add(&job->counts, &job->result.counts);
    job->failed = job->result.law != LA_SIM_L_NONE;
    if (job->failed || batch->twice_n == 0 || i % batch->twice_n != 0)
        return;
    struct la_sim_result again;
    la_sim_run(&plan, &batch->env, &again);
    job->counts.twice++;
    job->counts.checked[LA_SIM_L_IDENTICAL]++;
    if (again.hash == job->result.hash)
        return;
    job->failed = true;
    job->result.law = LA_SIM_L_IDENTICAL;
    (void)snprintf(job->result.text, sizeof(job->result.text),
                   "two runs differ: %016llx and %016llx", (unsigned long long)job->result.hash,
                   (unsigned long long)again.hash);
}

static void
work(const struct la_sim_batch *batch, struct shared *shared, uint32_t index)
{
    struct job *job = &shared->job[index];
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    (void)signal(SIGINT, SIG_IGN); /* the parent says when to stop */
    la_sim_assertions_to(job->assertion);
    for (uint64_t i = index; i < batch->runs_n; i += batch->jobs_n) {
        if (atomic_load(&shared->stop))
            break;
        run_one(batch, job, i);
        if (job->failed)
            break;
    }
    _exit(0);
}

static int64_t
now_ms(void)
{
    struct timespec ts;
    (void)clock_gettime(CLOCK_MONOTONIC, &ts);
    return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static void
sum_up(const struct la_sim_batch *batch, const struct shared *shared, struct la_sim_counts *sum)
{
    memset(sum, 0, sizeof(*sum));
    for (uint32_t i = 0; i < batch->jobs_n; i++)
        la_sim_counts_add(sum, &shared->job[i].counts);
}

/* A process has ended: how? */
static void
end_job(struct job *job, int status)
{
    job->ended = true;
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return;
    job->failed = true;
    job->result.conn_valid = 0;
    if (WIFEXITED(status) && WEXITSTATUS(status) == LA_SIM_EXIT_ASSERTION) {
        job->result.law = LA_SIM_L_ASSERTION;
        memcpy(job->result.text, job->assertion, sizeof(job->result.text));
        return;
    }
    job->result.law = LA_SIM_L_CRASH;
    int number = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
    (void)snprintf(job->result.text, sizeof(job->result.text), "%s",
                   number == SIGALRM ? "it does not end"
                   : number != 0     ? strsignal(number)
                                     : "it ended too early");
}

/* Waits for all of them; the first failure stops the others. */
static void
watch(const struct la_sim_batch *batch, struct shared *shared, uint32_t started_n)
{
    struct la_sim_counts sum;
    int64_t begun_ms = now_ms(), told_ms = begun_ms;
    uint32_t left = started_n;
    while (left > 0) {
        for (uint32_t i = 0; i < started_n; i++) {
            int status;
            struct job *job = &shared->job[i];
            if (job->ended || waitpid(job->pid, &status, WNOHANG) != job->pid)
                continue;
            end_job(job, status);
            if (job->failed)
                atomic_store(&shared->stop, true);
            left--;
        }
        if (batch->stop != NULL && *batch->stop != 0)
            atomic_store(&shared->stop, true);
        struct timespec nap = {.tv_nsec = NAP_MS * 1000000L};
        if (left > 0)
            (void)nanosleep(&nap, NULL);
        if (batch->progress == NULL || now_ms() - told_ms < PROGRESS_MS)
            continue;
        told_ms = now_ms();
        sum_up(batch, shared, &sum);
        batch->progress(batch->ctx, &sum, told_ms - begun_ms);
    }
}

int
la_sim_batch_run(const struct la_sim_batch *batch, struct la_sim_counts *sum, bool *failed,
                 uint64_t *failed_seed, struct la_sim_result *result)
{
    size_t bytes = sizeof(struct shared) + batch->jobs_n * sizeof(struct job);
    int err = 0;
    uint32_t started_n = 0;
    *failed = false;
    if (batch->jobs_n == 0 || batch->jobs_n > JOBS_N_MAX)
        return EINVAL;
    struct shared *shared =
        mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (shared == MAP_FAILED)
        return errno;
    for (; started_n < batch->jobs_n; started_n++) {
        pid_t pid = fork();
        if (pid == 0)
            work(batch, shared, started_n);
        if (pid < 0) {
            err = errno;
            atomic_store(&shared->stop, true);
            break;
        }
        shared->job[started_n].pid = pid;
    }
    watch(batch, shared, started_n);
    sum_up(batch, shared, sum);
    for (uint32_t i = 0; i < started_n; i++) {
        if (!shared->job[i].failed)
            continue;
        *failed = true;
        *failed_seed = shared->job[i].seed;
        *result = shared->job[i].result;
        break;
    }
    (void)munmap(shared, bytes);
    return err;
}
