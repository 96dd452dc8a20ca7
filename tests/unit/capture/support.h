/* SPDX-License-Identifier: MIT
 *
 * support.h - frames and temporary files for the tests of the capture room
 */
#ifndef LA_TEST_CAPTURE_SUPPORT_H
#define LA_TEST_CAPTURE_SUPPORT_H

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include <lastack/capture.h>

#include "base/frame.h"
#include "base/time.h"

static inline void *
plain_take(void *ctx, size_t n)
{
    (void)ctx;
    return aligned_alloc(64, (n + 63) / 64 * 64);
}

static inline void
plain_give(void *ctx, void *p, size_t n)
{
    (void)ctx, (void)n;
    free(p);
}

static inline struct la_mem *
plain_mem(void)
{
    const struct la_alloc alloc = {plain_take, plain_give, NULL};
    struct la_mem *mem = la_mem_new(&alloc, 0);
    assert_non_null(mem);
    return mem;
}

/* 10.0.0.1:50000 -> 10.0.0.2:80 with SYN, header checksums right; TTL `ttl` to tell them apart. */
static inline struct la_frame *
syn_frame(struct la_mem *mem, uint64_t id, uint8_t ttl)
{
    uint8_t octets[40] = {0x45, 0, 0, 40, 0, 0, 0x40, 0, ttl, 6, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2,
                          0xC3, 0x50, 0, 80, 0, 0, 0, 1, 0, 0, 0, 0, 0x50, 2, 0xFF, 0xFF};
    uint32_t ip = 0, tcp = 6 + 20;
    for (size_t i = 0; i < 20; i += 2)
        ip += (uint32_t)octets[i] << 8 | octets[i + 1];
    for (size_t i = 12; i < 40; i += 2)
        tcp += (uint32_t)octets[i] << 8 | octets[i + 1];
    ip = ~((ip & 0xFFFF) + (ip >> 16));
    tcp = ~((tcp & 0xFFFF) + (tcp >> 16));
    octets[10] = (uint8_t)(ip >> 8);
    octets[11] = (uint8_t)ip;
    octets[36] = (uint8_t)(tcp >> 8);
    octets[37] = (uint8_t)tcp;
    struct la_frame *frame = la_frame_from_bytes(mem, (struct la_bytes){octets, sizeof(octets)});
    assert_non_null(frame);
    frame->id = id;
    return frame;
}

static inline void
temporary_path(char *path)
{
    strcpy(path, "/tmp/test_capture_XXXXXX");
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    close(fd);
}

#endif
