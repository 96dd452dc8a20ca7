/* SPDX-License-Identifier: MIT
 *
 * fuzz_tell.c - any octets as a capture file, and what `lastack explain` and `annotate` make of it
 *
 * The first octet chooses the view. Whatever the file is, there is a result or a line that says why
 * not; JSON is JSON; several threads say what one says; a capture with comments has the packets
 * that it had without.
 */
#include "capture/reader.h"
#include "cli/cli.h"
#include "fuzz.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { WORDS_MAX = 12, PATH_BYTES = 32, DAMAGED = 3 };
enum check { CHECK_TEXT, CHECK_DOCUMENT, CHECK_LINES, CHECK_JOBS };

struct view {
    enum check check;
    const char *words[WORDS_MAX]; /* the file goes behind them */
};

static const struct view views[] = {
    {CHECK_TEXT, {"explain", "-q", "--memory", "16", "--stats", "--width", "80"}},
    {CHECK_DOCUMENT, {"explain", "-q", "--memory", "16", "--json"}},
    {CHECK_LINES, {"explain", "-q", "--memory", "16", "--jsonl"}},
    {CHECK_TEXT, {"explain", "-q", "--memory", "16", "-f", "csv"}},
    {CHECK_TEXT, {"explain", "-q", "--memory", "16", "-f", "table", "-F", "segments > 1"}},
    {CHECK_TEXT, {"explain", "-q", "--memory", "16", "-f", "ladder", "--full"}},
    {CHECK_TEXT, {"explain", "-q", "--memory", "16", "-c", "0", "--graph", "all", "--ascii"}},
    {CHECK_JOBS, {"explain", "-q", "--memory", "16", "--json", "--jobs", "1"}},
};
enum { VIEWS_N = sizeof(views) / sizeof(views[0]) };

struct said {
    int status;
    char *out, *err;
    size_t out_n, err_n;
};

static void
must(bool ok)
{
    if (!ok)
        abort();
}

static int
file_of(const uint8_t *data, size_t n, char path[PATH_BYTES])
{
    int fd = memfd_create("fuzz", MFD_CLOEXEC);
    must(fd >= 0 && write(fd, data, n) == (ssize_t)n);
    (void)snprintf(path, PATH_BYTES, "/dev/fd/%d", fd);
    return fd;
}

/* What the command says, and that it says so when there is no result. */
static struct said
say(const char *const *words)
{
    struct said said = {0};
    char *argv[WORDS_MAX + 1] = {0};
    int argc = 0;
    for (; words[argc] != NULL; argc++)
        must((argv[argc] = strdup(words[argc])) != NULL);
    FILE *out = stdout, *err = stderr;
    stdout = open_memstream(&said.out, &said.out_n);
    stderr = open_memstream(&said.err, &said.err_n);
    said.status = la_cli_command_find(argv[0])->main(argc, argv);
    must(fclose(stdout) == 0 && fclose(stderr) == 0);
    stdout = out;
    stderr = err;
    must(said.status == LA_CLI_OK || said.status == LA_CLI_FAILED || said.status == DAMAGED);
    must((said.status == LA_CLI_OK) || said.err_n > 0);
    must(said.err_n == 0 ||
         (strncmp(said.err, "lastack ", 8) == 0 && said.err[said.err_n - 1] == '\n'));
    for (int i = 0; i < argc; i++)
        free(argv[i]);
    return said;
}

static void
forget(struct said *said)
{
    free(said->out);
    free(said->err);
}

static void
check_json(const char *text, size_t n)
{
    json_t *value = json_loadb(text, n, JSON_REJECT_DUPLICATES, NULL);
    must(json_is_object(value));
    json_decref(value);
}

static void
check_lines(const struct said *said)
{
    const char *line = said->out, *end;
    for (; (end = strchr(line, '\n')) != NULL; line = end + 1)
        check_json(line, (size_t)(end - line));
    must(*line == '\0');
}

static void
explain(const struct view *view, const char *path)
{
    const char *words[WORDS_MAX + 1] = {0};
    size_t n = 0;
    for (; view->words[n] != NULL; n++)
        words[n] = view->words[n];
    words[n] = path;
    struct said said = say(words);
    bool whole = said.status != LA_CLI_FAILED;
    if (whole && view->check == CHECK_LINES)
        check_lines(&said);
    else if (whole && view->check != CHECK_TEXT)
        check_json(said.out, said.out_n);
    if (whole && view->check == CHECK_JOBS) {
        words[n - 1] = "2";
        struct said other = say(words);
        must(other.status == said.status && strcmp(other.out, said.out) == 0 &&
             strcmp(other.err, said.err) == 0);
        forget(&other);
    }
    forget(&said);
}

static uint64_t
packets_of(const char *path)
{
    const struct la_capture_reader_options options = {0};
    char error[LA_CAPTURE_LINE_BYTES];
    struct la_capture_packet packet;
    struct la_capture_reader *reader = la_capture_reader_open(path, &options, error);
    uint64_t n = 0;
    must(reader != NULL);
    while (la_capture_reader_next(reader, &packet) == LA_CAPTURE_PACKET)
        n++;
    la_capture_reader_close(reader);
    return n;
}

static void
annotate(const char *path)
{
    char out[PATH_BYTES];
    int fd = file_of(NULL, 0, out);
    struct said said = say((const char *[]){"annotate", path, "-o", out, NULL});
    if (said.status != LA_CLI_FAILED)
        must(packets_of(out) == packets_of(path));
    forget(&said);
    (void)close(fd);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    char path[PATH_BYTES];
    if (n == 0)
        return 0;
    int fd = file_of(data + 1, n - 1, path);
    unsigned which = data[0] % (VIEWS_N + 1);
    if (which == VIEWS_N)
        annotate(path);
    else
        explain(&views[which], path);
    (void)close(fd);
    return 0;
}
