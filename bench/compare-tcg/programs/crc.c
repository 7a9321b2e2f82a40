/* CRC-32 with a table, byte by byte over 1 MiB. */
#include "program.h"

enum { SIZE = 1 << 20, ROUNDS = 50 };

static uint32_t table[256];
static uint8_t *data;

static void prepare(void)
{
    for (uint32_t i = 0; i < 256; i++) {
        uint32_t value = i;
        for (int bit = 0; bit < 8; bit++) value = value >> 1 ^ (value & 1 ? 0xedb88320 : 0);
        table[i] = value;
    }

    uint64_t state = 1;
    data = allocate(SIZE);
    for (int i = 0; i < SIZE; i++) data[i] = (uint8_t)next_random(&state);
}

static uint64_t run(void)
{
    uint32_t value = ~0u;
    for (int round = 0; round < ROUNDS; round++)
        for (int i = 0; i < SIZE; i++) value = table[(uint8_t)value ^ data[i]] ^ value >> 8;
    return ~value;
}

const struct program crc = { .name = "crc", .prepare = prepare, .run = run };
