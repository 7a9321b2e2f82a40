/* Objects of several kinds in one list, each called through its table of functions: indirect calls with mixed targets. */
#include "program.h"

enum { OBJECTS = 4096, ROUNDS = 3000 };

struct object;
struct methods { uint64_t (*step)(struct object *self, uint64_t input); uint64_t (*value)(const struct object *self); };
struct object { const struct methods *methods; uint64_t state; };

static struct object *objects;

static uint64_t count_step(struct object *self, uint64_t input) { return self->state += input & 1; }
static uint64_t shift_step(struct object *self, uint64_t input) { return self->state = self->state << 1 ^ input; }
static uint64_t scale_step(struct object *self, uint64_t input) { return self->state = self->state * 31 + input; }
static uint64_t plain_value(const struct object *self) { return self->state; }
static uint64_t folded_value(const struct object *self) { return self->state ^ self->state >> 32; }

static const struct methods kinds[] = { { count_step, plain_value }, { shift_step, folded_value }, { scale_step, folded_value } };

static void prepare(void)
{
    uint64_t state = 103;
    objects = allocate(OBJECTS * sizeof *objects);
    for (int i = 0; i < OBJECTS; i++) objects[i] = (struct object){ &kinds[next_random(&state) % 3], next_random(&state) };
}

static uint64_t run(void)
{
    uint64_t sum = 0;
    for (int round = 0; round < ROUNDS; round++)
        for (int i = 0; i < OBJECTS; i++) {
            objects[i].methods->step(&objects[i], sum);
            sum += objects[i].methods->value(&objects[i]);
        }
    return sum;
}

const struct program methods = { .name = "methods", .prepare = prepare, .run = run };
