/* SIMD integers by intrinsics: sums of differences, saturating arithmetic, shuffles, multiplies and compares over 32 KiB. */
#include "program.h"
#include <immintrin.h>

enum { SIZE = 32 << 10, ROUNDS_SSE2 = 40000, ROUNDS_AVX2 = 25000 };

static uint8_t *left, *right;

static void prepare(void)
{
    uint64_t state = 17;
    left = allocate(SIZE);
    right = allocate(SIZE);
    for (int i = 0; i < SIZE; i++) {
        left[i] = (uint8_t)next_random(&state);
        right[i] = (uint8_t)next_random(&state);
    }
}

static uint64_t run_sse2(void)
{
    __m128i sum = _mm_setzero_si128(), products = sum, greater = sum;
    for (int round = 0; round < ROUNDS_SSE2; round++)
        for (int i = 0; i < SIZE; i += 16) {
            __m128i a = _mm_load_si128((const __m128i *)(left + i)), b = _mm_load_si128((const __m128i *)(right + i));
            sum = _mm_add_epi64(sum, _mm_sad_epu8(a, b));
            products = _mm_add_epi32(products, _mm_madd_epi16(_mm_unpacklo_epi8(a, b), _mm_adds_epi16(a, b)));
            greater = _mm_sub_epi8(greater, _mm_cmpgt_epi8(_mm_xor_si128(a, products), b));
            products = _mm_shuffle_epi32(products, 0x93);
        }

    uint64_t words[6];
    _mm_storeu_si128((__m128i *)words, sum);
    _mm_storeu_si128((__m128i *)(words + 2), products);
    _mm_storeu_si128((__m128i *)(words + 4), greater);
    uint64_t checksum = 0;
    for (int i = 0; i < 6; i++) checksum = mix(checksum, words[i]);
    return checksum;
}

__attribute__((target("avx2"))) static uint64_t run_avx2(void)
{
    __m256i sum = _mm256_setzero_si256(), products = sum, greater = sum;
    for (int round = 0; round < ROUNDS_AVX2; round++)
        for (int i = 0; i < SIZE; i += 32) {
            __m256i a = _mm256_load_si256((const __m256i *)(left + i)), b = _mm256_load_si256((const __m256i *)(right + i));
            sum = _mm256_add_epi64(sum, _mm256_sad_epu8(a, b));
            products = _mm256_add_epi32(products, _mm256_maddubs_epi16(a, _mm256_shuffle_epi8(b, a)));
            greater = _mm256_sub_epi8(greater, _mm256_cmpgt_epi8(_mm256_xor_si256(a, products), b));
            products = _mm256_permute4x64_epi64(products, 0x93);
        }

    uint64_t words[12];
    _mm256_storeu_si256((__m256i *)words, sum);
    _mm256_storeu_si256((__m256i *)(words + 4), products);
    _mm256_storeu_si256((__m256i *)(words + 8), greater);
    uint64_t checksum = 0;
    for (int i = 0; i < 12; i++) checksum = mix(checksum, words[i]);
    return checksum;
}

const struct program simd_sse2 = { .name = "simd-sse2", .prepare = prepare, .run = run_sse2 };
const struct program simd_avx2 = { .name = "simd-avx2", .prepare = prepare, .run = run_avx2, .avx2 = true };
