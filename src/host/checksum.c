/* SPDX-License-Identifier: MIT
 *
 * checksum.c - checksum kernels with vector instructions, and the choice among them
 *
 * One instruction multiplies the signed 16-bit words of a vector by one and adds them in pairs. To
 * be signed, words have their top bit turned, which takes 0x8000 off each: that is added again for
 * all of them at the end. A run of at most RUN_BYTES has 2^15 words, so its sum fits in 32 bits.
 * Octets that do not fill a vector are added to a 64-bit sum, as are the sums of runs.
 *
 * Byte order: x86 is little-endian; the sum is swapped once at the end (RFC 1071 2 B).
 */
#include "host/checksum.h"

#include <string.h>

#if defined(__x86_64__)

#include <immintrin.h>

/* A header is added up before a vector is. */
enum { RUN_BYTES = 1 << 16, VECTOR_BYTES_MIN = 64 };

/* The folded sum, in network order, of a sum of little-endian words. */
static uint16_t
finish(uint64_t sum)
{
    sum = (sum & UINT32_MAX) + (sum >> 32);
    sum = (sum & UINT32_MAX) + (sum >> 32);
    return __builtin_bswap16(la_sum_fold((uint32_t)sum));
}

/* What does not fill a vector, and short headers. */
static inline uint64_t
sum_rest(const uint8_t *p, size_t n)
{
    uint64_t sum = 0;
    for (; n >= 8; p += 8, n -= 8) {
        uint64_t v;
        memcpy(&v, p, sizeof(v));
        sum += (v & UINT32_MAX) + (v >> 32);
    }
    if (n >= 4) {
        uint32_t v;
        memcpy(&v, p, sizeof(v));
        sum += v;
        p += 4;
        n -= 4;
    }
    uint32_t last = 0;
    for (size_t i = 0; i < n; i++)
        last |= (uint32_t)p[i] << (8 * i);
    return sum + last;
}

/* What turning the top bits took off the words of n octets. */
static uint64_t
turned(size_t n)
{
    return (uint64_t)(n / 2) << 15;
}

/* Four words in pairs, added to four sums. */
static inline __m128i
add_sse2(__m128i sum, const uint8_t *p)
{
    __m128i v = _mm_loadu_si128((const __m128i *)(const void *)p);
    v = _mm_xor_si128(v, _mm_set1_epi16(INT16_MIN));
    return _mm_add_epi32(sum, _mm_madd_epi16(v, _mm_set1_epi16(1)));
}

static inline int32_t
lanes_sse2(__m128i sum)
{
    sum = _mm_add_epi32(sum, _mm_shuffle_epi32(sum, _MM_SHUFFLE(1, 0, 3, 2)));
    sum = _mm_add_epi32(sum, _mm_shuffle_epi32(sum, _MM_SHUFFLE(2, 3, 0, 1)));
    return _mm_cvtsi128_si32(sum);
}

static uint16_t
sum_sse2(const uint8_t *p, size_t n)
{
    uint64_t sum = 0;
    while (n >= VECTOR_BYTES_MIN) {
        size_t run_n = (n < RUN_BYTES ? n : RUN_BYTES) & ~(size_t)31;
        __m128i even = _mm_setzero_si128();
        __m128i odd = _mm_setzero_si128();
        for (const uint8_t *end = p + run_n; p < end; p += 32) {
            even = add_sse2(even, p);
            odd = add_sse2(odd, p + 16);
        }
        n -= run_n;
        sum += (uint64_t)lanes_sse2(_mm_add_epi32(even, odd)) + turned(run_n);
    }
    return finish(sum + sum_rest(p, n));
}

__attribute__((target("avx2"))) static inline __m256i
add_avx2(__m256i sum, const uint8_t *p)
{
    __m256i v = _mm256_loadu_si256((const __m256i *)(const void *)p);
    v = _mm256_xor_si256(v, _mm256_set1_epi16(INT16_MIN));
    return _mm256_add_epi32(sum, _mm256_madd_epi16(v, _mm256_set1_epi16(1)));
}

/* n is a multiple of 32. */
__attribute__((target("avx2"))) static inline uint64_t
run_avx2(const uint8_t *p, size_t n)
{
    __m256i even = _mm256_setzero_si256();
    __m256i odd = _mm256_setzero_si256();
    const uint8_t *end = p + n;
    for (; p + 128 <= end; p += 128) {
        even = add_avx2(even, p);
        odd = add_avx2(odd, p + 32);
        even = add_avx2(even, p + 64);
        odd = add_avx2(odd, p + 96);
    }
    for (; p < end; p += 32)
        even = add_avx2(even, p);
    even = _mm256_add_epi32(even, odd);
    __m128i half = _mm_add_epi32(_mm256_castsi256_si128(even), _mm256_extracti128_si256(even, 1));
    return (uint64_t)lanes_sse2(half) + turned(n);
}

__attribute__((target("avx2"))) static uint16_t
sum_avx2(const uint8_t *p, size_t n)
{
    uint64_t sum = 0;
    while (n >= VECTOR_BYTES_MIN) {
        size_t run_n = (n < RUN_BYTES ? n : RUN_BYTES) & ~(size_t)31;
        sum += run_avx2(p, run_n);
        p += run_n;
        n -= run_n;
    }
    return finish(sum + sum_rest(p, n));
}

#define TARGET_VNNI __attribute__((target("avx512f,avx512bw,avx512vnni")))

/* Multiplying and adding to the sum is one instruction here. */
TARGET_VNNI static inline __m512i
add_vnni(__m512i sum, __m512i v)
{
    v = _mm512_xor_si512(v, _mm512_set1_epi16(INT16_MIN));
    return _mm512_dpwssd_epi32(sum, v, _mm512_set1_epi16(1));
}

/* Four sums, because each waits five cycles for the one before it. The last vector is filled up
 * with zeros, which are words as well. */
TARGET_VNNI static uint64_t
run_vnni(const uint8_t *p, size_t n)
{
    __m512i sum[4] = {_mm512_setzero_si512(), _mm512_setzero_si512(), _mm512_setzero_si512(),
                      _mm512_setzero_si512()};
    size_t left_n = n, vectors_n = (n + 63) / 64;
    for (; left_n >= 256; p += 256, left_n -= 256) {
        sum[0] = add_vnni(sum[0], _mm512_loadu_si512(p));
        sum[1] = add_vnni(sum[1], _mm512_loadu_si512(p + 64));
        sum[2] = add_vnni(sum[2], _mm512_loadu_si512(p + 128));
        sum[3] = add_vnni(sum[3], _mm512_loadu_si512(p + 192));
    }
    for (; left_n >= 64; p += 64, left_n -= 64)
        sum[0] = add_vnni(sum[0], _mm512_loadu_si512(p));
    if (left_n > 0)
        sum[1] = add_vnni(sum[1], _mm512_maskz_loadu_epi8((UINT64_C(1) << left_n) - 1, p));
    sum[0] = _mm512_add_epi32(_mm512_add_epi32(sum[0], sum[1]), _mm512_add_epi32(sum[2], sum[3]));
    return (uint64_t)(int64_t)_mm512_reduce_add_epi32(sum[0]) + turned(vectors_n * 64);
}

TARGET_VNNI static uint16_t
sum_vnni(const uint8_t *p, size_t n)
{
    uint64_t sum = 0;
    if (n < VECTOR_BYTES_MIN)
        return finish(sum_rest(p, n));
    for (size_t run_n; n > 0; p += run_n, n -= run_n) {
        run_n = n < RUN_BYTES ? n : RUN_BYTES;
        sum += run_vnni(p, run_n);
    }
    return finish(sum);
}

static bool
has_vnni(void)
{
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
           __builtin_cpu_supports("avx512vnni");
}

size_t
la_host_checksum_kernels(struct la_sum_kernel out[LA_SUM_KERNELS_MAX])
{
    size_t n = 0;
    if (has_vnni())
        out[n++] = (struct la_sum_kernel){"vnni", sum_vnni};
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
