/* Many small blocks of memory, taken and given back in no order. */
#include "program.h"
#include <stdlib.h>
#include <string.h>

enum { LIVE = 1 << 15, STEPS = 7000000 };

static uint64_t run(void)
{
    static uint8_t *blocks[LIVE];
    uint64_t state = 101, sum = 0;
    for (int i = 0; i < STEPS; i++) {
        uint32_t random = next_random(&state);
        uint8_t **block = &blocks[random % LIVE];
        if (*block) {
            sum += **block;
            free(*block);
            *block = NULL;
            continue;
        }
        size_t size = 8 + (random >> 16) % (random >> 28 ? 120 : 2000);
        *block = malloc(size);
        if (!*block) die("malloc");
        **block = (*block)[size - 1] = (uint8_t)i;
    }
    for (int i = 0; i < LIVE; i++) {
        if (blocks[i]) sum += *blocks[i];
        free(blocks[i]);
        blocks[i] = NULL;
    }
    return sum;
}

const struct program mallocs = { .name = "mallocs", .run = run };
