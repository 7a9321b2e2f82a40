/* Recursive calls: Fibonacci and Takeuchi. */
#include "program.h"

/* Not for the compiler to unroll: the calls are what is measured. */
__attribute__((noipa)) static int fibonacci(int n)
{
    return n < 2 ? n : fibonacci(n - 1) + fibonacci(n - 2);
}

__attribute__((noipa)) static int takeuchi(int x, int y, int z)
{
    return y >= x ? z : takeuchi(takeuchi(x - 1, y, z), takeuchi(y - 1, z, x), takeuchi(z - 1, x, y));
}

static uint64_t run(void)
{
    return mix((uint64_t)fibonacci(38), (uint64_t)takeuchi(24, 16, 8));
}

const struct program calls = { .name = "calls", .run = run };
