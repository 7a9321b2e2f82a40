/* Plain ALU code: shifts, rotates, adds, multiplies and a compare, all in registers. */
#include "program.h"

static uint64_t run(void)
{
    uint64_t a = 0x9e3779b97f4a7c15, b = 1, taken = 0;
    for (int i = 0; i < 45000000; i++) {
        a ^= a << 13;
        a ^= a >> 7;
        a ^= a << 17;
        b = (b << 11 | b >> 53) + a * 5;
        if ((uint32_t)b < (uint32_t)a) taken++;
    }
    return mix(mix(a, b), taken);
}

const struct program alu = { .name = "alu", .run = run };
