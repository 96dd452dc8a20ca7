/* SPDX-License-Identifier: MIT
 *
 * checksum.c - checksum kernels with vector instructions, and the choice among them
 *
 * A vector of 32-bit lanes takes the low and the high half of each lane of the data; 2^15 additions
 * of two halves cannot overflow it. Long data is summed in runs of at most RUN_BYTES, and each run
 * is then added to a 64-bit sum, as are the octets that do not fill a vector.
 *
 * Byte order: x86 is little-endian; the sum is swapped once at the end (RFC 1071 2 B).
 */
#include "host/checksum.h"

#include <string.h>

#if defined(__x86_64__)

#include <immintrin.h>

enum { RUN_BYTES = 1 << 19 };

/* The folded sum, in network order, of a sum of little-endian words. */
static uint16_t
finish(uint64_t sum)
{
    sum = (sum & UINT32_MAX) + (sum >> 32);
    sum = (sum & UINT32_MAX) + (sum >> 32);
    return __builtin_bswap16(la_sum_fold((uint32_t)sum));
}

/* Fewer octets than a vector. */
static inline uint64_t
sum_rest(const uint8_t *p, size_t n)
{
    uint64_t sum = 0;
    for (; n >= 8; p += 8, n -= 8) {
        uint64_t v;
        memcpy(&v, p, sizeof(v));
        sum += (v & UINT32_MAX) + (v >> 32);
    }
    uint64_t last = 0;
    for (size_t i = 0; i < n; i++)
        last |= (uint64_t)p[i] << (8 * i);
    return sum + (last & UINT32_MAX) + (last >> 32);
}

static uint16_t
sum_sse2(const uint8_t *p, size_t n)
{
    const __m128i low_half = _mm_set1_epi32(0xffff);
    uint64_t sum = 0;
    while (n >= 16) {
        size_t run_n = (n < RUN_BYTES ? n : RUN_BYTES) & ~(size_t)15;
        __m128i low = _mm_setzero_si128();
        __m128i high = _mm_setzero_si128();
        for (const uint8_t *end = p + run_n; p < end; p += 16) {
            __m128i v = _mm_loadu_si128((const __m128i *)(const void *)p);
            low = _mm_add_epi32(low, _mm_and_si128(v, low_half));
            high = _mm_add_epi32(high, _mm_srli_epi32(v, 16));
        }
        n -= run_n;
        uint32_t lanes[8];
        memcpy(lanes, &low, sizeof(low));
        memcpy(lanes + 4, &high, sizeof(high));
        for (int i = 0; i < 4; i++)
            sum += lanes[i] + ((uint64_t)lanes[i + 4] << 16);
    }
    return finish(sum + sum_rest(p, n));
}

__attribute__((target("avx2"))) static uint64_t
run_avx2(const uint8_t *p, size_t n)
{
    const __m256i low_half = _mm256_set1_epi32(0xffff);
    __m256i low = _mm256_setzero_si256();
    __m256i high = _mm256_setzero_si256();
    const uint8_t *end = p + (n & ~(size_t)63);
    for (; p < end; p += 64) {
        __m256i a = _mm256_loadu_si256((const __m256i *)(const void *)p);
        __m256i b = _mm256_loadu_si256((const __m256i *)(const void *)(p + 32));
        low = _mm256_add_epi32(low, _mm256_and_si256(a, low_half));
        high = _mm256_add_epi32(high, _mm256_srli_epi32(a, 16));
        low = _mm256_add_epi32(low, _mm256_and_si256(b, low_half));
        high = _mm256_add_epi32(high, _mm256_srli_epi32(b, 16));
    }
    if (n & 32) {
        __m256i a = _mm256_loadu_si256((const __m256i *)(const void *)p);
        low = _mm256_add_epi32(low, _mm256_and_si256(a, low_half));
        high = _mm256_add_epi32(high, _mm256_srli_epi32(a, 16));
    }
    /* Widened to 64 bits before the lanes meet. */
    const __m256i low_lane = _mm256_set1_epi64x(UINT32_MAX);
    __m256i wide = _mm256_add_epi64(_mm256_and_si256(low, low_lane), _mm256_srli_epi64(low, 32));
    __m256i wide_high =
        _mm256_add_epi64(_mm256_and_si256(high, low_lane), _mm256_srli_epi64(high, 32));
    wide = _mm256_add_epi64(wide, _mm256_slli_epi64(wide_high, 16));
    __m128i half = _mm_add_epi64(_mm256_castsi256_si128(wide), _mm256_extracti128_si256(wide, 1));
    return (uint64_t)_mm_cvtsi128_si64(half) + (uint64_t)_mm_extract_epi64(half, 1);
}

__attribute__((target("avx2"))) static uint16_t
sum_avx2(const uint8_t *p, size_t n)
{
    uint64_t sum = 0;
    while (n >= 32) {
        size_t run_n = (n < RUN_BYTES ? n : RUN_BYTES) & ~(size_t)31;
        sum += run_avx2(p, run_n);
        p += run_n;
        n -= run_n;
    }
    return finish(sum + sum_rest(p, n));
}

size_t
la_host_checksum_kernels(struct la_sum_kernel out[LA_SUM_KERNELS_MAX])
{
    size_t n = 0;
    if (__builtin_cpu_supports("avx2"))
        out[n++] = (struct la_sum_kernel){"avx2", sum_avx2};
    out[n++] = (struct la_sum_kernel){"sse2", sum_sse2};
    out[n++] = (struct la_sum_kernel){"portable", la_sum_portable};
    return n;
}

#else

size_t
la_host_checksum_kernels(struct la_sum_kernel out[LA_SUM_KERNELS_MAX])
{
    out[0] = (struct la_sum_kernel){"portable", la_sum_portable};
    return 1;
}

#endif

uint16_t (*la_host_checksum(void))(const uint8_t *p, size_t n)
{
    struct la_sum_kernel kernels[LA_SUM_KERNELS_MAX];
    la_host_checksum_kernels(kernels);
    return kernels[0].sum;
}
