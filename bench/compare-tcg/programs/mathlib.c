/* The C library's mathematics in double; it chooses its FMA variants by CPUID. */
#include "program.h"
#include <math.h>

static uint64_t run(void)
{
    double sum = 0;
    for (int i = 1; i <= 2000000; i++) {
        double x = i * 1.37e-4;
        sum += sin(x) * cos(x) + exp(-x) + log(x) + pow(x, 0.3) + atan(x);
    }
    return nine_digits(sum / 2000000);
}

const struct program mathlib = { .name = "libm", .run = run };
