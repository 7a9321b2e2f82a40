/* What a measured program is, and what all of them share. */
#ifndef PROGRAM_H
#define PROGRAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct program {
    const char *name;
    void (*prepare)(void);  /* not timed; may be absent */
    uint64_t (*run)(void);  /* timed; returns the checksum, which must be the same on every right CPU */
    bool avx2;              /* skipped where CPUID or XCR0 has no AVX2 or no FMA */
};

extern const struct program
    alu, crc, division, sieve, calls, sorting, bytecode, chase,
    ackermann, queens, tree, hash_strings, hash_open, json, expressions,
    sort_strings, sort_records, sort_heap, text_handling, lz, regex_backtracking, regex_sets, regex_table,
    walk_pages, walk_random, walk_sums, mallocs, methods, histogram,
    nbody, mandelbrot, matrix, mathlib,
    matrix_columns, matrix_blocks, matrix_fma, matrix_floats, fft, rays, stencil,
    x87, x87_mathlib, x87_matrix, x87_series,
    copy_large, copy_small, strings, simd_sse2, simd_avx2, blur, blocks,
    getppid_loop, faults, ping_pong, spawn, spawn_cold,
    futex, mutexes, files_small, files_large, mapping_churn, fork_copies, guard_pages, signals,
    patches, jit_open, jit_flips, jit_aliases;

/* Commands that rows of busybox need beside a program. */
int stopwatch(int count, char **arguments);
int corpus(void);

/* Prints a line and an exit status of 1: a step that can't fail has failed. */
_Noreturn void die(const char *step);

/* Memory that stays as long as the process. */
void *allocate(size_t bytes);

/* The next of a fixed sequence of pseudo-random numbers (Knuth's MMIX constants; the low bits are weak, so they are left out). */
static inline uint32_t next_random(uint64_t *state)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(*state >> 32);
}

/* Mixes a value into a checksum (FNV-1a, by words). */
static inline uint64_t mix(uint64_t sum, uint64_t value)
{
    return (sum ^ value) * 0x100000001b3u;
}

/* The bits of a double: for results that IEEE 754 defines exactly. */
static inline uint64_t bits_of(double value)
{
    uint64_t bits;
    __builtin_memcpy(&bits, &value, sizeof bits);
    return bits;
}

/* A result that is right to about 1e-12 and differs in its last bits between CPUs with and without FMA: nine digits of it. */
static inline uint64_t nine_digits(double value)
{
    return (uint64_t)(int64_t)(value * 1e9);
}

#endif
