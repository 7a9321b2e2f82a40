/* A fast Fourier transform in place, there and back: strides that double with each pass. */
#include "program.h"
#include <math.h>

enum { BITS = 16, SIZE = 1 << BITS };

struct complex { double re, im; };

static struct complex *values, *roots;

static void prepare(void)
{
    uint64_t state = 31;
    values = allocate(SIZE * sizeof *values);
    roots = allocate(SIZE * sizeof *roots);
    for (int i = 0; i < SIZE; i++) {
        values[i].re = next_random(&state) / 4294967296.0;
        roots[i].re = cos(2 * M_PI * i / SIZE);
        roots[i].im = sin(2 * M_PI * i / SIZE);
    }
}

static void transform(double sign)
{
    for (unsigned i = 0; i < SIZE; i++) {
        unsigned reversed = 0;
        for (int bit = 0; bit < BITS; bit++) reversed |= (i >> bit & 1) << (BITS - 1 - bit);
        if (reversed <= i) continue;
        struct complex other = values[i];
        values[i] = values[reversed];
        values[reversed] = other;
    }

    for (int half = 1; half < SIZE; half *= 2)
        for (int start = 0; start < SIZE; start += 2 * half)
            for (int i = 0; i < half; i++) {
                struct complex root = roots[i * (SIZE / 2 / half)], *low = &values[start + i], *high = low + half;
                root.im *= sign;
                double re = high->re * root.re - high->im * root.im, im = high->re * root.im + high->im * root.re;
                *high = (struct complex){ low->re - re, low->im - im };
                *low = (struct complex){ low->re + re, low->im + im };
            }
}

static uint64_t run(void)
{
    for (int round = 0; round < 40; round++) {
        transform(-1);
        transform(1);
        for (int i = 0; i < SIZE; i++) {
            values[i].re /= SIZE;
            values[i].im /= SIZE;
        }
    }
    uint64_t sum = 0;
    for (int i = 0; i < SIZE; i += 64) sum = mix(sum, nine_digits(values[i].re));
    return sum;
}

const struct program fft = { .name = "fft", .prepare = prepare, .run = run };
