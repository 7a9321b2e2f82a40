/* Memory far larger than caches and TLBs: 64 MiB page by page, 128 MiB at random places, and sums of it all. */
#include "program.h"

enum { PAGES = 64 << 20, LARGE = 128 << 20 };

static uint64_t *memory;

static void prepare_pages(void)
{
    memory = allocate(PAGES);
}

static void prepare_large(void)
{
    memory = allocate(LARGE);
    for (size_t i = 0; i < LARGE / 8; i++) memory[i] = i * 0x9e3779b97f4a7c15u;
}

static uint64_t run_pages(void)
{
    uint64_t sum = 0;
    for (int round = 0; round < 400; round++)
        for (size_t i = (size_t)(round * 5 % 64) * 8; i < PAGES / 8; i += 512) sum += memory[i]++ + i;
    return sum;
}

static uint64_t run_random(void)
{
    uint64_t state = 97, sum = 0;
    for (int i = 0; i < 8000000; i++) {
        uint64_t *word = &memory[next_random(&state) % (LARGE / 8)];
        sum = mix(sum, *word);
        *word = sum;
    }
    return sum;
}

static uint64_t run_sums(void)
{
    uint64_t sum = 0;
    for (int round = 0; round < 8; round++)
        for (size_t i = 0; i < LARGE / 8; i++) sum += memory[i] ^ (sum >> 7);
    return sum;
}

const struct program walk_pages = { .name = "walk-pages", .prepare = prepare_pages, .run = run_pages };
const struct program walk_random = { .name = "walk-random", .prepare = prepare_large, .run = run_random };
const struct program walk_sums = { .name = "walk-sums", .prepare = prepare_large, .run = run_sums };
