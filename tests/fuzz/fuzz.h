/* SPDX-License-Identifier: MIT
 *
 * fuzz.h - what every harness defines
 *
 * A harness aborts when a property does not hold. In the normal build replay.c feeds it its corpus;
 * with clang, libFuzzer drives it:
 *
 *     CC=clang meson setup build-fuzz -Db_sanitize=address,undefined -Db_lundef=false \
 *         -Dc_args=-fsanitize=fuzzer-no-link
 *     ninja -C build-fuzz tests/fuzz/fuzz_wire
 *     build-fuzz/tests/fuzz/fuzz_wire -max_len=256 NEW_CORPUS tests/fuzz/corpus/wire
 */
#ifndef TESTS_FUZZ_FUZZ_H
#define TESTS_FUZZ_FUZZ_H

#include <stddef.h>
#include <stdint.h>

/* Returns 0. The name is libFuzzer's. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

#endif
