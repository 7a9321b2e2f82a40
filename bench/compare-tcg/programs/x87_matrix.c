/* A product of matrices of long doubles, and a sum of a series in which the order matters. */
#include "program.h"

enum { N = 192 };

static long double (*a)[N], (*b)[N];

static void prepare(void)
{
    uint64_t state = 131;
    a = allocate(sizeof(long double[N][N]));
    b = allocate(sizeof(long double[N][N]));
    for (int i = 0; i < N; i++)
        for (int j = 0; j < N; j++) {
            a[i][j] = next_random(&state) / 4294967296.0L;
            b[i][j] = next_random(&state) / 4294967296.0L;
        }
}

static uint64_t run_matrix(void)
{
    uint64_t sum = 0;
    for (int round = 0; round < 8; round++)
        for (int i = 0; i < N; i++)
            for (int j = 0; j < N; j++) {
                long double dot = 0;
                for (int k = 0; k < N; k++) dot += a[i][k] * b[k][j];
                sum = mix(sum, nine_digits((double)dot));
            }
    return sum;
}

static uint64_t run_series(void)
{
    long double sum = 0, correction = 0;
    for (int i = 1; i < 16000000; i++) {
        long double term = (i & 1 ? 1.0L : -1.0L) / i - correction, next = sum + term;
        correction = next - sum - term;
        sum = next;
    }
    return nine_digits((double)sum);
}

const struct program x87_matrix = { .name = "x87-matrix", .prepare = prepare, .run = run_matrix };
const struct program x87_series = { .name = "x87-series", .run = run_series };
