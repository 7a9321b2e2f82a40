/* Arithmetic of the x87: an orbit, with square roots, in long double. */
#include "program.h"
#include <string.h>

static uint64_t run(void)
{
    long double x = 1, y = 0, vx = 0, vy = 0.7L, energy = 0;
    const long double step = 0.0001L;
    for (int i = 0; i < 5000000; i++) {
        long double square = x * x + y * y, pull = step / (square * __builtin_sqrtl(square));
        vx -= x * pull;
        vy -= y * pull;
        x += step * vx;
        y += step * vy;
        if (vx > 0) energy += vx * vx; else energy -= vy * vy;
    }

    /* Ten bytes are the number; the rest is padding. */
    uint64_t words[2] = { 0, 0 };
    memcpy(words, &energy, 10);
    return mix(words[0], words[1]);
}

const struct program x87 = { .name = "x87", .run = run };
