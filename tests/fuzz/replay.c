/* SPDX-License-Identifier: MIT
 *
 * replay.c - runs a harness without libFuzzer
 *
 *     fuzz_NAME RUNS [FILE|FOLDER...]
 *
 * Every file is an input, short ones also at every shorter length; then RUNS inputs made from them
 * by a fixed generator (the same in every run): octets changed, cut out, repeated, or joined with
 * another input. It shows crashes that a few thousand inputs find; the search is libFuzzer's (make
 * fuzz).
 */
#include "fuzz.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { INPUTS_MAX = 1024, INPUT_BYTES_MAX = 1 << 16, EVERY_LENGTH_BYTES_MAX = 512 };

struct input {
    uint8_t *p;
    size_t n;
};

static struct input inputs[INPUTS_MAX];
static size_t inputs_n;

static uint64_t
next_random(void)
{
    static uint64_t x = 0x9e3779b97f4a7c15;
    x ^= x << 13;
    x ^= x >> 7;
    x ^= x << 17;
    return x;
}

static size_t
below(size_t n)
{
    return n == 0 ? 0 : (size_t)(next_random() % n);
}

static void
add_file(const char *path)
{
    FILE *f = fopen(path, "rb");
    if (f == NULL) {
        perror(path);
        exit(2);
    }
    uint8_t *p = malloc(INPUT_BYTES_MAX);
    if (p == NULL || inputs_n == INPUTS_MAX) {
        fprintf(stderr, "replay: too many inputs\n");
        exit(2);
    }
    inputs[inputs_n++] = (struct input){p, fread(p, 1, INPUT_BYTES_MAX, f)};
    fclose(f);
}

static int
not_hidden(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

/* A folder's files in the order of their names, so that every machine makes the same inputs. */
static void
add_path(const char *path)
{
    struct dirent **names;
    int n = scandir(path, &names, not_hidden, alphasort);
    if (n < 0) {
        add_file(path);
        return;
    }
    for (int i = 0; i < n; i++) {
        char file[4096];
        snprintf(file, sizeof(file), "%s/%s", path, names[i]->d_name);
        add_file(file);
        free(names[i]);
    }
    free(names);
}

/* In a buffer of exact size, so that a sanitizer sees a read past its end. */
static void
try_input(const uint8_t *p, size_t n)
{
    uint8_t *exact = malloc(n > 0 ? n : 1);
    if (exact == NULL)
        abort();
    memcpy(exact, p, n);
    LLVMFuzzerTestOneInput(exact, n);
    free(exact);
}

/* One change of p[0..n) within room for INPUT_BYTES_MAX octets; the new length. */
static size_t
change(uint8_t *p, size_t n)
{
    size_t at = below(n);
    size_t len = below(n - at < 64 ? n - at : 64);
    switch (next_random() % 5) {
    case 0:
        if (n > 0)
            p[at] ^= (uint8_t)(1u << below(8));
        return n;
    case 1:
        if (n > 0)
            p[at] = (uint8_t)next_random();
        return n;
    case 2: /* cut out */
        memmove(p + at, p + at + len, n - at - len);
        return n - len;
    case 3: /* repeat */
        if (n + len > INPUT_BYTES_MAX)
            return n;
        memmove(p + at + len, p + at, n - at);
        return n + len;
    default: { /* join with the end of another input */
        const struct input *other = &inputs[below(inputs_n)];
        size_t from = below(other->n);
        size_t more = other->n - from;
        if (at + more > INPUT_BYTES_MAX)
            return n;
        if (more > 0)
            memcpy(p + at, other->p + from, more);
        return at + more;
    }
    }
}

int
main(int argc, char **argv)
{
    if (argc < 2) {
        fprintf(stderr, "usage: %s RUNS [FILE|FOLDER...]\n", argv[0]);
        return 2;
    }
    long runs = strtol(argv[1], NULL, 10);
    for (int i = 2; i < argc; i++)
        add_path(argv[i]);
    for (size_t i = 0; i < inputs_n; i++)
        for (size_t k = inputs[i].n > EVERY_LENGTH_BYTES_MAX ? inputs[i].n : 0; k <= inputs[i].n;
             k++)
            try_input(inputs[i].p, k);
    size_t files_n = inputs_n;
    if (inputs_n == 0) /* nothing to change: begin with noise */
        inputs[inputs_n++] = (struct input){calloc(1, INPUT_BYTES_MAX), 512};

    static uint8_t work[INPUT_BYTES_MAX];
    for (long i = 0; i < runs; i++) {
        const struct input *from = &inputs[below(inputs_n)];
        size_t n = from->n;
        memcpy(work, from->p, n);
        for (size_t k = 1 + below(8); k > 0; k--)
            n = change(work, n);
        try_input(work, n);
    }
    for (size_t i = 0; i < inputs_n; i++)
        free(inputs[i].p);
    printf("%zu files, %ld changed inputs\n", files_n, runs);
    return 0;
}
