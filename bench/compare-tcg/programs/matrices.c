/* Products of matrices in other loop orders than matrix.c: along columns, in blocks, in floats, and with FMA on registers. */
#include "program.h"
#include <immintrin.h>

enum { N = 320, WIDE = 640, BLOCK = 64 };

static double (*a)[WIDE], (*b)[WIDE], (*c)[WIDE];
static float (*fa)[WIDE], (*fb)[WIDE], (*fc)[WIDE];

static void prepare(void)
{
    uint64_t state = 23;
    a = allocate(sizeof(double[WIDE][WIDE]));
    b = allocate(sizeof(double[WIDE][WIDE]));
    c = allocate(sizeof(double[WIDE][WIDE]));
    for (int i = 0; i < WIDE; i++)
        for (int j = 0; j < WIDE; j++) {
            a[i][j] = next_random(&state) / 4294967296.0;
            b[i][j] = next_random(&state) / 4294967296.0;
        }
}

static void prepare_floats(void)
{
    uint64_t state = 29;
    fa = allocate(sizeof(float[WIDE][WIDE]));
    fb = allocate(sizeof(float[WIDE][WIDE]));
    fc = allocate(sizeof(float[WIDE][WIDE]));
    for (int i = 0; i < WIDE; i++)
        for (int j = 0; j < WIDE; j++) {
            fa[i][j] = (float)(next_random(&state) >> 8) / 16777216.0f;
            fb[i][j] = (float)(next_random(&state) >> 8) / 16777216.0f;
        }
}

static uint64_t checksum(int size)
{
    uint64_t sum = 0;
    for (int i = 0; i < size; i++)
        for (int j = 0; j < size; j += 16) sum = mix(sum, bits_of(c[i][j]));
    return sum;
}

/* A dot product for each element: the inner loop goes down a column. */
static uint64_t run_columns(void)
{
    for (int round = 0; round < 2; round++)
        for (int i = 0; i < N; i++)
            for (int j = 0; j < N; j++) {
                double dot = 0;
                for (int k = 0; k < N; k++) dot += a[i][k] * b[k][j];
                c[i][j] += dot;
            }
    return checksum(N);
}

/* Blocks that stay in the first cache; the compiler makes SSE2 of the inner loop. */
__attribute__((optimize("O3"))) static uint64_t run_blocks(void)
{
    for (int kk = 0; kk < WIDE; kk += BLOCK)
        for (int jj = 0; jj < WIDE; jj += BLOCK)
            for (int i = 0; i < WIDE; i++)
                for (int k = kk; k < kk + BLOCK; k++) {
                    double factor = a[i][k];
                    for (int j = jj; j < jj + BLOCK; j++) c[i][j] += factor * b[k][j];
                }
    return checksum(WIDE);
}

/* Four rows by eight columns in registers, as libraries do it. */
__attribute__((target("avx2,fma"))) static uint64_t run_fma(void)
{
    for (int round = 0; round < 3; round++)
        for (int i = 0; i < WIDE; i += 4)
            for (int j = 0; j < WIDE; j += 8) {
                __m256d sums[4][2];
                for (int r = 0; r < 4; r++) sums[r][0] = sums[r][1] = _mm256_setzero_pd();
                for (int k = 0; k < WIDE; k++) {
                    __m256d first = _mm256_loadu_pd(&b[k][j]), second = _mm256_loadu_pd(&b[k][j + 4]);
#pragma GCC unroll 4
                    for (int r = 0; r < 4; r++) {
                        __m256d factor = _mm256_broadcast_sd(&a[i + r][k]);
                        sums[r][0] = _mm256_fmadd_pd(factor, first, sums[r][0]);
                        sums[r][1] = _mm256_fmadd_pd(factor, second, sums[r][1]);
                    }
                }
                for (int r = 0; r < 4; r++) {
                    _mm256_storeu_pd(&c[i + r][j], sums[r][0]);
                    _mm256_storeu_pd(&c[i + r][j + 4], sums[r][1]);
                }
            }
    return checksum(WIDE);
}

static uint64_t run_floats(void)
{
    for (int i = 0; i < WIDE; i++)
        for (int k = 0; k < WIDE; k++) {
            float factor = fa[i][k];
            for (int j = 0; j < WIDE; j++) fc[i][j] += factor * fb[k][j];
        }

    uint64_t sum = 0;
    for (int i = 0; i < WIDE; i++)
        for (int j = 0; j < WIDE; j += 16) sum = mix(sum, bits_of(fc[i][j]));
    return sum;
}

const struct program matrix_columns = { .name = "matrix-columns", .prepare = prepare, .run = run_columns };
const struct program matrix_blocks = { .name = "matrix-blocks", .prepare = prepare, .run = run_blocks };
const struct program matrix_fma = { .name = "matrix-fma", .prepare = prepare, .run = run_fma, .avx2 = true };
const struct program matrix_floats = { .name = "matrix-floats", .prepare = prepare_floats, .run = run_floats };
