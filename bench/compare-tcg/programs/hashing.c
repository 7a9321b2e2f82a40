/* Hash tables: strings in chains, made by malloc as programs do it; and numbers with open addressing, in and out. */
#include "program.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BUCKETS = 1 << 15, WORDS = 40000, LOOKUPS = 2500000, SLOTS = 1 << 20 };

struct entry { struct entry *next; char *key; uint64_t count; };

static uint64_t *slots;

static uint64_t hash_of(const char *text)
{
    uint64_t hash = 0xcbf29ce484222325u;
    for (; *text; text++) hash = mix(hash, (uint8_t)*text);
    return hash;
}

static uint64_t run_strings(void)
{
    struct entry **buckets = calloc(BUCKETS, sizeof *buckets);
    if (!buckets) die("calloc");
    uint64_t state = 47, sum = 0;
    for (int i = 0; i < LOOKUPS; i++) {
        char key[32];
        uint32_t number = next_random(&state) % WORDS, length = 0;
        key[length++] = 'k';
        for (uint32_t rest = number * 2654435761u; rest; rest /= 26) key[length++] = (char)('a' + rest % 26);
        key[length] = 0;

        uint64_t hash = hash_of(key);
        struct entry **place = &buckets[hash % BUCKETS];
        while (*place && strcmp((*place)->key, key) != 0) place = &(*place)->next;
        if (!*place) {
            struct entry *made = malloc(sizeof *made);
            if (!made || !(made->key = strdup(key))) die("malloc");
            made->next = NULL;
            made->count = 0;
            *place = made;
        }
        (*place)->count += hash & 0xff;
    }

    for (int i = 0; i < BUCKETS; i++)
        for (struct entry *entry = buckets[i], *next; entry; entry = next) {
            sum = mix(sum, entry->count);
            next = entry->next;
            free(entry->key);
            free(entry);
        }
    free(buckets);
    return sum;
}

static void prepare_open(void)
{
    slots = allocate(SLOTS * sizeof *slots);
}

static uint64_t run_open(void)
{
    uint64_t state = 53, found = 0;
    for (int i = 0; i < 12000000; i++) {
        uint64_t key = (next_random(&state) & 0xfffff) + 1, at = key * 0x9e3779b97f4a7c15u >> 44;
        while (slots[at] && slots[at] != key) at = (at + 1) % SLOTS;
        if (slots[at]) found += key ^ at;
        else if (i & 1) slots[at] = key;
    }
    return found;
}

const struct program hash_strings = { .name = "hash-strings", .run = run_strings };
const struct program hash_open = { .name = "hash-open", .prepare = prepare_open, .run = run_open };
