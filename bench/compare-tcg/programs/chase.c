/* Follows pointers at random through 32 MiB, one in each cache line. */
#include "program.h"

enum { LINES = 32 << 20 >> 6, STEPS = 1000000 };

struct line {
    struct line *next;
    uint64_t number;
    uint8_t rest[48];
};

static struct line *lines;

/* Sattolo's shuffle makes one cycle through all of them. */
static void prepare(void)
{
    uint64_t state = 3;
    uint32_t *order = allocate(LINES * sizeof *order);
    lines = allocate(LINES * sizeof *lines);
    for (uint32_t i = 0; i < LINES; i++) order[i] = i;
    for (uint32_t i = LINES - 1; i > 0; i--) {
        uint32_t other = next_random(&state) % i, kept = order[i];
        order[i] = order[other];
        order[other] = kept;
    }
    for (uint32_t i = 0; i < LINES; i++) {
        lines[i].next = &lines[order[i]];
        lines[i].number = i;
    }
}

static uint64_t run(void)
{
    const struct line *line = lines;
    for (int i = 0; i < STEPS; i++) line = line->next;
    return line->number;
}

const struct program chase = { .name = "chase", .prepare = prepare, .run = run };
