/* The sieve of Eratosthenes over bytes: stores with a stride. */
#include "program.h"
#include <string.h>

enum { LIMIT = 8 << 20, ROUNDS = 4 };

static uint8_t *composite;

static void prepare(void)
{
    composite = allocate(LIMIT);
}

static uint64_t run(void)
{
    uint64_t sum = 0;
    for (int round = 0; round < ROUNDS; round++) {
        memset(composite, 0, LIMIT);
        for (int i = 2; i * i < LIMIT; i++)
            if (!composite[i])
                for (int multiple = i * i; multiple < LIMIT; multiple += i) composite[multiple] = 1;
        int primes = 0;
        for (int i = 2; i < LIMIT; i++) primes += !composite[i];
        sum = mix(sum, (uint64_t)primes);
    }
    return sum;
}

const struct program sieve = { .name = "sieve", .prepare = prepare, .run = run };
