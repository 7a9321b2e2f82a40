/* What the C library computes with the x87's own functions: exponentials, logarithms, arc tangents, remainders. */
#include "program.h"
#include <math.h>

static uint64_t run(void)
{
    long double sum = 0;
    for (int i = 1; i <= 700000; i++) {
        long double x = i * 1.37e-4L;
        sum += expl(-x) + logl(x) + atanl(x) + fmodl(x * 1000, 1.5L) + rintl(x);
    }
    return nine_digits((double)(sum / 700000));
}

const struct program x87_mathlib = { .name = "x87-libm", .run = run };
