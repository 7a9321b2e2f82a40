/* Compression by matches in a window, found through hash chains; then what it made is unpacked and compared. */
#include "program.h"
#include <string.h>

enum { SIZE = 4 << 20, WINDOW = 1 << 15, HASHES = 1 << 14, TRIES = 12, LEAST = 4, MOST = 255 };

static uint8_t *input, *packed, *unpacked;
static int32_t *heads, *chain;

static void prepare(void)
{
    static char words[512][8];
    uint64_t state = 83;
    input = allocate(SIZE);
    packed = allocate(SIZE * 2);
    unpacked = allocate(SIZE + MOST);
    heads = allocate(HASHES * sizeof *heads);
    chain = allocate(WINDOW * sizeof *chain);
    for (int i = 0; i < 512; i++)
        for (int j = 0; j < 7; j++) words[i][j] = (char)('a' + next_random(&state) % 26);
    for (int i = 0; i < SIZE;) {
        uint32_t word = next_random(&state) % 512;
        word = word * word / 512;
        for (uint32_t j = 0; j < 3 + word % 5 && i < SIZE; j++) input[i++] = (uint8_t)words[word][j];
        if (i < SIZE) input[i++] = ' ';
    }
}

static uint32_t hash_of(const uint8_t *bytes)
{
    uint32_t word;
    memcpy(&word, bytes, sizeof word);
    return word * 2654435761u >> 18;
}

static uint8_t *pack(void)
{
    uint8_t *out = packed;
    for (int i = 0; i < HASHES; i++) heads[i] = -1;
    for (int at = 0; at < SIZE;) {
        int best = 0, from = 0;
        if (at + MOST < SIZE) {
            int candidate = heads[hash_of(input + at)];
            for (int tries = 0; tries < TRIES && candidate >= 0 && candidate > at - WINDOW; tries++) {
                int length = 0;
                while (length < MOST && input[candidate + length] == input[at + length]) length++;
                if (length > best) {
                    best = length;
                    from = candidate;
                }
                candidate = chain[candidate % WINDOW];
            }
        }

        int step = best >= LEAST ? best : 1;
        if (step > 1) {
            *out++ = 1;
            *out++ = (uint8_t)best;
            *out++ = (uint8_t)(at - from);
            *out++ = (uint8_t)((at - from) >> 8);
        } else {
            *out++ = 0;
            *out++ = input[at];
        }
        for (; step > 0; step--, at++) {
            if (at + MOST >= SIZE) continue;
            uint32_t hash = hash_of(input + at);
            chain[at % WINDOW] = heads[hash];
            heads[hash] = at;
        }
    }
    return out;
}

static uint64_t run(void)
{
    uint8_t *end = pack(), *to = unpacked;
    for (int round = 0; round < 10; round++) {
        to = unpacked;
        for (const uint8_t *from = packed; from < end;) {
            if (*from == 0) {
                *to++ = from[1];
                from += 2;
                continue;
            }
            const uint8_t *match = to - (from[2] | from[3] << 8);
            for (int left = from[1]; left > 0; left--) *to++ = *match++;
            from += 4;
        }
    }
    if (to != unpacked + SIZE || memcmp(unpacked, input, SIZE) != 0) return 0;
    return mix((uint64_t)(end - packed), packed[(end - packed) / 2]);
}

const struct program lz = { .name = "lz", .prepare = prepare, .run = run };
