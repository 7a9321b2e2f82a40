/* Heat on a grid larger than the caches: each cell from its four neighbours. */
#include "program.h"

enum { N = 1536, ROUNDS = 50 };

static double (*grids[2])[N];

static void prepare(void)
{
    uint64_t state = 41;
    for (int g = 0; g < 2; g++) {
        grids[g] = allocate(sizeof(double[N][N]));
        for (int j = 0; j < N; j++) grids[g][0][j] = next_random(&state) / 4294967296.0;
    }
}

static uint64_t run(void)
{
    for (int round = 0; round < ROUNDS; round++) {
        double (*from)[N] = grids[round & 1], (*to)[N] = grids[(round & 1) ^ 1];
        for (int i = 1; i < N - 1; i++)
            for (int j = 1; j < N - 1; j++) to[i][j] = 0.25 * (from[i - 1][j] + from[i + 1][j] + from[i][j - 1] + from[i][j + 1]);
    }
    uint64_t sum = 0;
    for (int i = 0; i < N; i++) sum = mix(sum, bits_of(grids[0][i % 16][i]));
    return sum;
}

const struct program stencil = { .name = "stencil", .prepare = prepare, .run = run };
