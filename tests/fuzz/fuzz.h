/* SPDX-License-Identifier: MIT
 *
 * fuzz.h - what a harness is: one function, and a reader of its input
 *
 * tests/fuzz/fuzz_NAME.c defines the function that libFuzzer calls. Without it, replay.c calls it
 * with the corpus and with changed copies of it, so that `make check` runs every harness with any
 * compiler. A harness aborts when a property does not hold.
 */
#ifndef LA_FUZZ_H
#define LA_FUZZ_H

#include <stddef.h>
#include <stdint.h>

/* Returns 0. The name is libFuzzer's. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

/* The input as a stream of decisions; past its end everything is 0. */
struct fuzz_in {
    const uint8_t *p;
    size_t n;
};

static inline uint8_t
fuzz_u8(struct fuzz_in *in)
{
    if (in->n == 0)
        return 0;
    in->n--;
    return *in->p++;
}

static inline uint16_t
fuzz_u16(struct fuzz_in *in)
{
    uint8_t high = fuzz_u8(in);
    return (uint16_t)(high << 8 | fuzz_u8(in));
}

#endif
