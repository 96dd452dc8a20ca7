/* SPDX-License-Identifier: MIT
 *
 * replay.c - feeds the files of corpus folders to a harness, once each
 *
 * Each file is tried whole and at every shorter length, in a buffer of exactly that length.
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"

enum { FILE_BYTES_MAX = 65536, EVERY_LENGTH_BYTES_MAX = 512 };

static void
try_prefix(const uint8_t *bytes, size_t n)
{
    uint8_t *exact = malloc(n ? n : 1);
    if (exact == NULL)
        abort();
    memcpy(exact, bytes, n);
    LLVMFuzzerTestOneInput(exact, n);
    free(exact);
}

static int
replay_file(const char *path)
{
    static uint8_t bytes[FILE_BYTES_MAX];
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        perror(path);
        return 1;
    }
    size_t n = fread(bytes, 1, sizeof bytes, file);
    fclose(file);
    for (size_t k = n > EVERY_LENGTH_BYTES_MAX ? n : 0; k <= n; k++)
        try_prefix(bytes, k);
    return 0;
}

static int
replay_folder(const char *folder, unsigned *files_n)
{
    DIR *dir = opendir(folder);
    if (dir == NULL) {
        perror(folder);
        return 1;
    }
    int failed = 0;
    const struct dirent *entry;
    while ((entry = readdir(dir)) != NULL) {
        char path[4096];
        if (entry->d_name[0] == '.')
            continue;
        if (snprintf(path, sizeof path, "%s/%s", folder, entry->d_name) >= (int)sizeof path)
            return 1;
        failed |= replay_file(path);
        ++*files_n;
    }
    closedir(dir);
    return failed;
}

int
main(int argc, char **argv)
{
    unsigned files_n = 0;
    int failed = 0;
    for (int i = 1; i < argc; i++)
        failed |= replay_folder(argv[i], &files_n);
    printf("%u inputs\n", files_n);
    return failed != 0 || files_n == 0;
}
