/* Bytes of pictures: a blur that the compiler makes SSE2 of, differences of blocks by AVX2, and a histogram that nothing makes vectors of. */
#include "program.h"
#include <immintrin.h>

enum { WIDTH = 2048, HEIGHT = 1024 };

static uint8_t (*from)[WIDTH], (*to)[WIDTH];

static void prepare(void)
{
    uint64_t state = 127;
    from = allocate(sizeof(uint8_t[HEIGHT][WIDTH]));
    to = allocate(sizeof(uint8_t[HEIGHT][WIDTH]));
    for (int y = 0; y < HEIGHT; y++)
        for (int x = 0; x < WIDTH; x++) from[y][x] = (uint8_t)(next_random(&state) % 97 + (x ^ y) % 128);
}

__attribute__((optimize("O3"))) static uint64_t run_blur(void)
{
    uint64_t sum = 0;
    for (int round = 0; round < 400; round++) {
        for (int y = 1; y < HEIGHT - 1; y++)
            for (int x = 1; x < WIDTH - 1; x++)
                to[y][x] = (uint8_t)((from[y][x] * 4 + from[y - 1][x] + from[y + 1][x] + from[y][x - 1] + from[y][x + 1]) >> 3);
        sum = mix(sum, to[round + 1][round * 3 + 1]);
        uint8_t (*other)[WIDTH] = from;
        from = to;
        to = other;
    }
    return sum;
}

/* The block of 32 by 16 in a window that is most like one given, as encoders of video look for it. */
__attribute__((target("avx2"))) static uint64_t run_blocks(void)
{
    uint64_t sum = 0;
    for (int block = 0; block < 96 * 48; block++) {
        uint64_t least = UINT64_MAX;
        int by = block / 12 % 8 * 100 + 32 + block / 96, bx = block % 12 * 130 + 32;
        for (int dy = -24; dy < 24; dy++)
            for (int dx = -24; dx < 24; dx++) {
                __m256i total = _mm256_setzero_si256();
                for (int row = 0; row < 16; row++)
                    total = _mm256_add_epi64(total, _mm256_sad_epu8(_mm256_loadu_si256((const void *)&from[by + row][bx]),
                                                                    _mm256_loadu_si256((const void *)&from[by + row + dy][bx + dx + 300])));
                uint64_t parts[4];
                _mm256_storeu_si256((void *)parts, total);
                uint64_t difference = parts[0] + parts[1] + parts[2] + parts[3];
                if (difference < least) least = difference;
            }
        sum = mix(sum, least);
    }
    return sum;
}

static uint64_t run_histogram(void)
{
    static uint32_t counts[256];
    uint64_t sum = 0;
    for (int round = 0; round < 150; round++)
        for (int y = 0; y < HEIGHT; y++)
            for (int x = 0; x < WIDTH; x++) counts[from[y][x]]++;
    for (int i = 0; i < 256; i++) sum = mix(sum, counts[i]);
    return sum;
}

const struct program blur = { .name = "blur", .prepare = prepare, .run = run_blur };
const struct program blocks = { .name = "block-search", .prepare = prepare, .run = run_blocks, .avx2 = true };
const struct program histogram = { .name = "histogram", .prepare = prepare, .run = run_histogram };
