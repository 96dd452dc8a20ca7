/* SPDX-License-Identifier: MIT
 *
 * test_want.c - commands that are refused memory or threads
 *
 * Each is run once in peace, and then again and again with another allocation refused, alone or
 * with all behind it, until one is never reached. What is said is whole, or there is a line that
 * says that it is not; and nothing leaks.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"

/* ---- allocations and threads ------------------------------------------------------------ */

enum { LIVE_SLOTS = 1 << 15 };

static atomic_uint calls_n, threads_n;
static unsigned fails_at, thread_fails_at; /* 0: none */
static bool and_all_behind;
static bool watched; /* between the beginning of a command and its end */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static void *live[LIVE_SLOTS];
static size_t live_n;

void *__real_malloc(size_t n);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t n);
char *__real_strdup(const char *text);
void __real_free(void *p);
int __real_pthread_create(pthread_t *thread, const pthread_attr_t *attr, void *(*start)(void *),
                          void *ctx);
void *__wrap_malloc(size_t n);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t n);
char *__wrap_strdup(const char *text);
void __wrap_free(void *p);
int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attr, void *(*start)(void *),
                          void *ctx);

static bool
fails(unsigned n, unsigned at)
{
    return at != 0 && (n == at || (and_all_behind && n > at));
}

static bool
refused(void)
{
    if (!watched || !fails(++calls_n, fails_at))
        return false;
    errno = ENOMEM;
    return true;
}

/* Deleted slots are filled from behind (Knuth 6.4, algorithm R). */
static size_t
slot_of(const void *p)
{
    return ((uintptr_t)p >> 4) * UINT64_C(0x9e3779b97f4a7c15) >> 20 & (LIVE_SLOTS - 1);
}

static void
add(void *p)
{
    if (p == NULL || !watched)
        return;
    (void)pthread_mutex_lock(&lock);
    size_t at = slot_of(p);
    while (live[at] != NULL)
        at = (at + 1) & (LIVE_SLOTS - 1);
    live[at] = p;
    if (++live_n > LIVE_SLOTS / 2)
        abort(); /* the table is too small for what is tested */
    (void)pthread_mutex_unlock(&lock);
}

/* What this program did not allocate itself (a library did, or the compiler left a call out) is not
 * there. */
static void
take_out(void *p)
{
    (void)pthread_mutex_lock(&lock);
    size_t at = slot_of(p);
    while (live[at] != NULL && live[at] != p)
        at = (at + 1) & (LIVE_SLOTS - 1);
    bool found = live[at] == p && p != NULL;
    for (size_t next = at; found;) {
        next = (next + 1) & (LIVE_SLOTS - 1);
        if (live[next] == NULL)
            break;
        size_t home = slot_of(live[next]);
        if (((next - home) & (LIVE_SLOTS - 1)) < ((next - at) & (LIVE_SLOTS - 1)))
            continue;
        live[at] = live[next];
        at = next;
    }
    if (found) {
        live[at] = NULL;
        live_n--;
    }
    (void)pthread_mutex_unlock(&lock);
}

void *
__wrap_malloc(size_t n)
{
    void *p = refused() ? NULL : __real_malloc(n);
    add(p);
    return p;
}

void *
__wrap_calloc(size_t n, size_t size)
{
    void *p = refused() ? NULL : __real_calloc(n, size);
    add(p);
    return p;
}

void *
__wrap_realloc(void *p, size_t n)
{
    if (refused())
        return NULL;
    take_out(p);
    void *grown = __real_realloc(p, n);
    add(grown);
    return grown;
}

char *
__wrap_strdup(const char *text)
{
    char *p = refused() ? NULL : __real_strdup(text);
    add(p);
    return p;
}

void
__wrap_free(void *p)
{
    take_out(p);
    __real_free(p);
}

int
__wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attr, void *(*start)(void *),
                      void *ctx)
{
    if (watched && fails(++threads_n, thread_fails_at))
        return EAGAIN;
    return __real_pthread_create(thread, attr, start, ctx);
}

/* ---- a command -------------------------------------------------------------------------- */

enum { WORDS_MAX = 12, TEXT_BYTES = 1 << 20 };

static const char *folder;
static char output_path[64];

struct result {
    int status;
    char *out, *err; /* behind the longest text that fits there is nothing more */
};

static char texts[4][TEXT_BYTES];

static void
read_back(FILE *file, char *text)
{
    rewind(file);
    size_t n = fread(text, 1, TEXT_BYTES - 1, file);
    text[n] = '\0';
    (void)fclose(file);
}

/* What stands in the file, behind what was said. */
static void
add_file(const char *path, char *text)
{
    FILE *file = fopen(path, "r");
    uint64_t hash = 0, octets_n = 0;
    for (int c; file != NULL && (c = fgetc(file)) != EOF; octets_n++)
        hash = (hash ^ (uint64_t)c) * UINT64_C(0x100000001b3);
    if (file != NULL)
        (void)fclose(file);
    size_t n = strlen(text);
    (void)snprintf(text + n, TEXT_BYTES - n, "%llu octets of hash %llx\n",
                   (unsigned long long)octets_n, (unsigned long long)hash);
}

/* A word @NAME is a file of the folder, and % one for output. */
static void
command(const char *const *words, struct result *result)
{
    static char args[WORDS_MAX][512];
    char *argv[WORDS_MAX + 1], *output = NULL;
    int argc = 0;
    for (; words[argc] != NULL; argc++) {
        assert_true(argc < WORDS_MAX);
        const char *word = words[argc];
        char *arg = argv[argc] = args[argc];
        if (word[0] == '@')
            (void)snprintf(arg, sizeof(args[argc]), "%s/%s", folder, word + 1);
        else
            (void)snprintf(arg, sizeof(args[argc]), "%s", word[0] == '%' ? output_path : word);
        if (word[0] == '%')
            output = arg;
    }
    argv[argc] = NULL;
    FILE *out = stdout, *err = stderr;
    stdout = tmpfile();
    stderr = tmpfile();
    assert_true(stdout != NULL && stderr != NULL);
    calls_n = threads_n = 0;
    watched = true;
    result->status = la_cli_command_find(argv[0])->main(argc, argv);
    watched = false;
    read_back(stdout, result->out);
    if (output != NULL)
        add_file(output, result->out);
    read_back(stderr, result->err);
    stdout = out;
    stderr = err;
}

static const char *
where_they_part(const char *a, const char *b)
{
    size_t n = 0;
    while (a[n] == b[n])
        n++;
    return a + n;
}

static void
holds(const char *const *words, const struct result *whole)
{
    struct result result = {.out = texts[2], .err = texts[3]};
    command(words, &result);
    if (live_n != 0)
        fail_msg("%s, call %u: %zu blocks are left", words[0], fails_at, live_n);
    if (result.status == whole->status) {
        if (strcmp(result.out, whole->out) != 0)
            fail_msg("%s, call %u: not whole, and nothing says so: %.200s", words[0], fails_at,
                     where_they_part(result.out, whole->out));
        return;
    }
    /* Of a script the stack itself may be short of memory, which then does otherwise than it says.
     */
    bool script = strcmp(words[0], "drill") == 0;
    if (script)
        assert_in_range(result.status, LA_CLI_FAILED, LA_CLI_USAGE);
    else
        assert_int_equal(result.status, LA_CLI_FAILED);
    char prefix[32];
    (void)snprintf(prefix, sizeof(prefix), "lastack %s: ", words[0]);
    if (strstr(result.err, "memory") == NULL && (!script || result.out[0] == '\0'))
        fail_msg("%s, call %u: failed, and nothing says why: %s", words[0], fails_at, result.err);
    const char *line = result.err;
    for (; line[0] != '\0'; line = strchr(line, '\n') + 1) {
        if (strncmp(line, prefix, strlen(prefix)) != 0 || strchr(line, '\n') == NULL)
            fail_msg("call %u: %s", fails_at, result.err);
    }
}

static void
in_want(const char *const *words)
{
    struct result whole = {.out = texts[0], .err = texts[1]};
    fails_at = 0;
    command(words, &whole);
    if (live_n != 0)
        fail_msg("%s: %zu blocks are left", words[0], live_n);
    assert_int_equal(whole.status, LA_CLI_OK);
    assert_int_not_equal(calls_n, 0);
    for (unsigned all = 0; all < 2; all++) {
        and_all_behind = all != 0;
        do {
            fails_at++;
            holds(words, &whole);
        } while (calls_n >= fails_at);
        fails_at = 0;
    }
}

/* ---- tests ------------------------------------------------------------------------------ */

static void
test_want__explain(void **state)
{
    (void)state;
    static const char *const commands[][WORDS_MAX] = {
        {"explain", "-q", "--width", "80", "--stats", "@syn_lost_once.pcap", "@refused_rst.pcap"},
        {"explain", "-q", "-n", "1", "--jobs", "3", "@syn_lost_once.pcap", "@refused_rst.pcap"},
        {"explain", "-q", "-F", "retransmissions > 0", "--jobs", "2", "@syn_lost_once.pcap"},
        {"explain", "-q", "-f", "table", "@syn_lost_once.pcap"},
        {"explain", "-q", "-f", "ladder", "--width", "80", "@refused_rst.pcap"},
        {"explain", "-q", "-c", "0", "--graph", "all", "--width", "80", "@syn_lost_once.pcap"},
        {"explain", "-q", "--json", "--jobs", "2", "@syn_lost_once.pcap"},
        {"explain", "-q", "--jsonl", "@syn_lost_once.pcap"},
        {"explain", "-q", "-f", "csv", "@syn_lost_once.pcap"},
        {"explain", "-q", "-f", "table", "@file_pcapng.pcapng", "@file_gzip.pcap.gz"},
    };
    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
        in_want(commands[i]);
}

static void
test_want__annotate(void **state)
{
    (void)state;
    static const char *const words[] = {"annotate", "@syn_lost_once.pcap", "-o", "%", NULL};
    static const char *const compressed[] = {"annotate", "@file_gzip.pcap.gz", "-o", "%", NULL};
    in_want(words);
    in_want(compressed);
}

static void
test_want__drill(void **state)
{
    (void)state;
    static const char *const words[] = {"drill", "--json",
                                        "@../../script/rfc2018_sack_retransmits_hole.pkt", NULL};
    in_want(words);
}

static void
test_want__lab(void **state)
{
    (void)state;
    static const char *const words[] = {"lab", "handshake", "--width", "80", NULL};
    in_want(words);
}

/* The same is said by fewer threads than there are jobs, by the caller's alone as well. */
static void
test_want__threads_of_explain(void **state)
{
    (void)state;
    static const char *const words[] = {
        "explain", "-q", "--json", "--jobs", "4", "@syn_lost_once.pcap", "@refused_rst.pcap", NULL};
    struct result whole = {.out = texts[0], .err = texts[1]},
                  result = {.out = texts[2], .err = texts[3]};
    fails_at = thread_fails_at = 0;
    command(words, &whole);
    assert_int_equal(threads_n, 3); /* The caller's is the fourth. */
    for (thread_fails_at = 1; thread_fails_at <= 3; thread_fails_at++)
        for (unsigned all = 0; all < 2; all++) {
            and_all_behind = all != 0;
            command(words, &result);
            assert_int_equal(result.status, LA_CLI_OK);
            assert_string_equal(result.out, whole.out);
            assert_string_equal(result.err, "");
            assert_int_equal(live_n, 0);
        }
    thread_fails_at = 0;
}

int
main(int argc, char **argv)
{
    if (argc != 2)
        return 2;
    folder = argv[1];
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_want__explain),  cmocka_unit_test(test_want__threads_of_explain),
        cmocka_unit_test(test_want__annotate), cmocka_unit_test(test_want__drill),
        cmocka_unit_test(test_want__lab),
    };
    (void)snprintf(output_path, sizeof(output_path), "/tmp/lastack-want.%ld", (long)getpid());
    int failed_n = cmocka_run_group_tests(tests, NULL, NULL);
    (void)unlink(output_path);
    return failed_n;
}
