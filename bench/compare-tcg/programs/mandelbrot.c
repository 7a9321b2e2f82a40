/* Counts the iterations of the Mandelbrot set on a grid, in double. */
#include "program.h"

enum { SIDE = 900, MOST = 250 };

static uint64_t run(void)
{
    uint64_t sum = 0;
    for (int row = 0; row < SIDE; row++)
        for (int column = 0; column < SIDE; column++) {
            double cx = column * 3.0 / SIDE - 2.0, cy = row * 3.0 / SIDE - 1.5, x = 0, y = 0;
            int n = 0;
            while (n < MOST && x * x + y * y < 4) {
                double next = x * x - y * y + cx;
                y = 2 * x * y + cy;
                x = next;
                n++;
            }
            sum = mix(sum, (uint64_t)n);
        }
    return sum;
}

const struct program mandelbrot = { .name = "mandelbrot", .run = run };
