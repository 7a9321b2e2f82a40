/* The C library's string functions, which take AVX2 where CPUID has it (natively perhaps a later set). */
#include "program.h"
#include <string.h>

enum { SIZE = 16 << 10 };

static char *left, *right;

static void prepare(void)
{
    uint64_t state = 13;
    left = allocate(SIZE + 64);
    right = allocate(SIZE + 64);
    for (int i = 0; i < SIZE - 1; i++) left[i] = right[i] = (char)('a' + next_random(&state) % 20);
    right[SIZE - 2]++;
}

static uint64_t run(void)
{
    uint64_t sum = 0;
    for (int i = 0; i < 120000; i++) {
        /* Volatile, or the compiler does each but once. */
        char *volatile a = left + i % 509, *volatile b = right + i % 509;
        sum += strlen(a);
        sum += (uint64_t)((char *)memchr(a, 0, SIZE) - left);
        sum += strcmp(a, b) < 0;
        sum += strchr(b, '!') == NULL;
        sum += memcmp(a, b, SIZE - 600) == 0;
    }
    return sum;
}

const struct program strings = { .name = "avx2-strings", .prepare = prepare, .run = run, .avx2 = true };
