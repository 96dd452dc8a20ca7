/* SPDX-License-Identifier: MIT
 *
 * map.c - mapped files that may shrink
 *
 * Read first: mmap(2), madvise(2), signal-safety(7). The handler looks at a table of plain words
 * that are written before a map is read and cleared after it was; it calls nothing but mmap(),
 * which is a bare system call.
 */
#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>
#include <sys/mman.h>
#include <unistd.h>

#include "capture/map.h"

/* Linux 5.14; older headers do not have it. */
#ifndef MADV_POPULATE_READ
#define MADV_POPULATE_READ 22
#endif

enum { MAPS_MAX = 64 };

static struct {
    atomic_uintptr_t begin; /* 0: the place is free */
    atomic_size_t bytes;
    atomic_bool shrunk;
} maps[MAPS_MAX];
static struct sigaction before;
static long page_bytes;

static void
pass_on(int number, siginfo_t *info, void *context)
{
    if ((before.sa_flags & SA_SIGINFO) != 0)
        before.sa_sigaction(number, info, context);
    else if (before.sa_handler != SIG_DFL && before.sa_handler != SIG_IGN)
        before.sa_handler(number);
    else
        (void)sigaction(number, &before, NULL); /* it happens again, and nobody is in the way */
}

static void
on_sigbus(int number, siginfo_t *info, void *context)
{
    uintptr_t at = (uintptr_t)info->si_addr;
    for (size_t i = 0; i < MAPS_MAX; i++) {
        uintptr_t begin = atomic_load(&maps[i].begin);
        if (begin == 0 || at < begin || at >= begin + atomic_load(&maps[i].bytes))
            continue;
        void *page = (void *)(at & ~((uintptr_t)page_bytes - 1));
        atomic_store(&maps[i].shrunk, true);
        if (mmap(page, (size_t)page_bytes, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1,
                 0) != MAP_FAILED)
            return;
    }
    pass_on(number, info, context);
}

/* With each map: somebody may have installed another handler since. */
static bool
install(void)
{
    struct sigaction now, action = {.sa_sigaction = on_sigbus, .sa_flags = SA_SIGINFO};
    page_bytes = sysconf(_SC_PAGESIZE);
    if (page_bytes <= 0 || sigaction(SIGBUS, NULL, &now) != 0)
        return false;
    if ((now.sa_flags & SA_SIGINFO) != 0 && now.sa_sigaction == on_sigbus)
        return true;
    before = now;
    return sigaction(SIGBUS, &action, NULL) == 0;
}

const uint8_t *
la_capture_map_new(int fd, size_t n)
{
    size_t i = 0;
    while (i < MAPS_MAX && atomic_load(&maps[i].begin) != 0)
        i++;
    if (i == MAPS_MAX || !install())
        return NULL;
    void *map = mmap(NULL, n, PROT_READ, MAP_PRIVATE, fd, 0);
    if (map == MAP_FAILED)
        return NULL;
    (void)madvise(map, n, MADV_SEQUENTIAL);
    atomic_store(&maps[i].bytes, n);
    atomic_store(&maps[i].shrunk, false);
    atomic_store(&maps[i].begin, (uintptr_t)map);
    return map;
}

static size_t
place_of(const uint8_t *map)
{
    size_t i = 0;
    while (i < MAPS_MAX && atomic_load(&maps[i].begin) != (uintptr_t)map)
        i++;
    return i;
}

bool
la_capture_map_on(const uint8_t *map, size_t off, size_t to)
{
    size_t i = place_of(map);
    uintptr_t at = ((uintptr_t)map + off) & ~((uintptr_t)page_bytes - 1);
    uintptr_t end = (uintptr_t)map + to;
    bool gone = madvise((void *)at, end - at, MADV_POPULATE_READ) != 0 && errno == EFAULT;
    return !gone && i < MAPS_MAX && !atomic_load(&maps[i].shrunk);
}

void
la_capture_map_free(const uint8_t *map, size_t n)
{
    size_t i = place_of(map);
    (void)munmap((void *)(uintptr_t)map, n);
    if (i < MAPS_MAX)
        atomic_store(&maps[i].begin, 0);
}
