/* All measured programs in one static executable: programs NAME runs one and prints its row. */
#include "measure.h"
#include "program.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

static const struct program *const programs[] = {
    &alu, &crc, &division, &sieve, &calls, &sorting, &bytecode, &chase,
    &ackermann, &queens, &tree, &hash_strings, &hash_open, &json, &expressions,
    &sort_strings, &sort_records, &sort_heap, &text_handling, &lz, &regex_backtracking, &regex_sets, &regex_table,
    &walk_pages, &walk_random, &walk_sums, &mallocs, &methods, &histogram,
    &nbody, &mandelbrot, &matrix, &mathlib,
    &matrix_columns, &matrix_blocks, &matrix_fma, &matrix_floats, &fft, &rays, &stencil,
    &x87, &x87_mathlib, &x87_matrix, &x87_series,
    &copy_large, &copy_small, &strings, &simd_sse2, &simd_avx2, &blur, &blocks,
    &getppid_loop, &faults, &ping_pong, &spawn, &spawn_cold,
    &futex, &mutexes, &files_small, &files_large, &mapping_churn, &fork_copies, &guard_pages, &signals,
    &patches, &jit_open, &jit_flips, &jit_aliases,
};

void die(const char *step)
{
    perror(step);
    exit(1);
}

void *allocate(size_t bytes)
{
    void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
    if (memory == MAP_FAILED) die("mmap");
    return memory;
}

static double seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

double begin(const char *name)
{
    printf("BEGIN %s\n", name);
    fflush(stdout);

    /* A serial port sends for milliseconds; that is no part of the measurement. Elsewhere this fails, and has nothing to do. */
    tcdrain(STDOUT_FILENO);
    return seconds();
}

double done(const char *name, double start)
{
    double elapsed = seconds() - start;
    printf("DONE %s\n", name);
    fflush(stdout);
    return elapsed;
}

void report(const char *name, double elapsed, uint64_t checksum)
{
    printf("ROW %s %.6f %016llx\n", name, elapsed, (unsigned long long)checksum);
}

static int run(const struct program *program)
{
    if (program->avx2 && !(__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))) {
        printf("SKIP %s no AVX2 or FMA\n", program->name);
        return 0;
    }

    if (program->prepare) program->prepare();
    double start = begin(program->name);
    uint64_t checksum = program->run();
    report(program->name, done(program->name, start), checksum);
    return 0;
}

int main(int count, char **arguments)
{
    if (count > 3 && strcmp(arguments[1], "stopwatch") == 0) return stopwatch(count - 2, arguments + 2);
    if (count == 2 && strcmp(arguments[1], "corpus") == 0) return corpus();
    if (count == 2)
        for (size_t i = 0; i < sizeof programs / sizeof *programs; i++)
            if (strcmp(arguments[1], programs[i]->name) == 0) return run(programs[i]);
    fputs("usage: programs NAME | programs stopwatch NAME COMMAND... | programs corpus\n", stderr);
    return 2;
}
