/* The C library's memcpy: large blocks, where it may use REP MOVSB, and small ones, where it uses vector registers. */
#include "program.h"
#include <string.h>

enum { LARGE = 2 << 20, SMALL_AREA = 64 << 10 };

static uint8_t *from, *to;

static void prepare(void)
{
    uint64_t state = 5;
    from = allocate(LARGE + 4096);
    to = allocate(LARGE + 4096);
    for (int i = 0; i < LARGE; i++) from[i] = (uint8_t)next_random(&state);
}

static uint64_t sum_of(const uint8_t *bytes, size_t count, size_t stride)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < count; i += stride) sum = mix(sum, bytes[i]);
    return sum;
}

static uint64_t run_large(void)
{
    for (int i = 0; i < 1500; i++) memcpy(to + (i & 63), from + (i >> 1 & 63), LARGE - 128);
    return sum_of(to, LARGE - 128, 61);
}

static uint64_t run_small(void)
{
    uint64_t state = 9;
    for (int i = 0; i < 6000000; i++) {
        uint32_t random = next_random(&state);
        memcpy(to + (random & (SMALL_AREA - 1)), from + (random >> 8 & (SMALL_AREA - 1)), random >> 23);
    }
    return sum_of(to, SMALL_AREA, 1);
}

const struct program copy_large = { .name = "memcpy", .prepare = prepare, .run = run_large };
const struct program copy_small = { .name = "memcpy-small", .prepare = prepare, .run = run_small };
