/* A product of two matrices of doubles; the inner loop goes along rows. */
#include "program.h"

enum { N = 384, ROUNDS = 5 };

static double (*a)[N], (*b)[N], (*c)[N];

static void prepare(void)
{
    uint64_t state = 11;
    a = allocate(sizeof(double[N][N]));
    b = allocate(sizeof(double[N][N]));
    c = allocate(sizeof(double[N][N]));
    for (int i = 0; i < N; i++)
        for (int j = 0; j < N; j++) {
            a[i][j] = next_random(&state) / 4294967296.0;
            b[i][j] = next_random(&state) / 4294967296.0;
        }
}

static uint64_t run(void)
{
    for (int round = 0; round < ROUNDS; round++)
        for (int i = 0; i < N; i++)
            for (int k = 0; k < N; k++) {
                double factor = a[i][k];
                for (int j = 0; j < N; j++) c[i][j] += factor * b[k][j];
            }

    uint64_t sum = 0;
    for (int i = 0; i < N; i++) sum = mix(sum, bits_of(c[i][(i * 7) % N]));
    return sum;
}

const struct program matrix = { .name = "matrix", .prepare = prepare, .run = run };
