/* The C library's qsort with a comparison by function pointer. */
#include "program.h"
#include <stdlib.h>
#include <string.h>

enum { COUNT = 300000, ROUNDS = 4 };

static uint32_t *unsorted, *numbers;

static void prepare(void)
{
    uint64_t state = 7;
    unsorted = allocate(COUNT * sizeof *unsorted);
    numbers = allocate(COUNT * sizeof *numbers);
    for (int i = 0; i < COUNT; i++) unsorted[i] = next_random(&state);
}

static int compare(const void *left, const void *right)
{
    uint32_t a = *(const uint32_t *)left, b = *(const uint32_t *)right;
    return (a > b) - (a < b);
}

static uint64_t run(void)
{
    uint64_t sum = 0;
    for (int round = 0; round < ROUNDS; round++) {
        memcpy(numbers, unsorted, COUNT * sizeof *numbers);
        qsort(numbers, COUNT, sizeof *numbers, compare);
        for (int i = 0; i < COUNT; i += 1000) sum = mix(sum, numbers[i]);
    }
    return sum;
}

const struct program sorting = { .name = "qsort", .prepare = prepare, .run = run };
