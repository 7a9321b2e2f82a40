/* Divisions and remainders, 64 and 32 bits, signed and unsigned, none by a constant. */
#include "program.h"

static uint64_t run(void)
{
    uint64_t sum = 0, a = 0xfedcba9876543210, b = 12345;
    for (int i = 0; i < 7000000; i++) {
        uint64_t wide = a / b;
        int64_t low = (int64_t)(a ^ sum) / (int64_t)(b | 1);
        uint32_t narrow = (uint32_t)a % (uint32_t)(b | 1);
        sum = mix(sum, wide + (uint64_t)low + narrow);
        a += 0x9e3779b97f4a7c15;
        b = (sum & 0xffffff) + 3;
    }
    return sum;
}

const struct program division = { .name = "division", .run = run };
