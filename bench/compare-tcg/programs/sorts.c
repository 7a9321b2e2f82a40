/* Sorting as programs do it: strings by pointers, structures by merging, numbers on a heap. */
#include "program.h"
#include <stdlib.h>
#include <string.h>

enum { STRINGS = 400000, RECORDS = 1000000, NUMBERS = 1000000 };

struct record { uint32_t key, order; uint64_t load[2]; };

static char (*letters)[16], **lines;
static struct record *records, *spare;
static uint32_t *numbers;

static void prepare_strings(void)
{
    uint64_t state = 67;
    letters = allocate(STRINGS * sizeof *letters);
    lines = allocate(STRINGS * sizeof *lines);
    for (int i = 0; i < STRINGS; i++) {
        int length = 6 + (int)(next_random(&state) % 9);
        for (int j = 0; j < length; j++) letters[i][j] = (char)('a' + next_random(&state) % (j < 3 ? 4 : 26));
        lines[i] = letters[i];
    }
}

static int compare(const void *left, const void *right)
{
    return strcmp(*(char *const *)left, *(char *const *)right);
}

static uint64_t run_strings(void)
{
    uint64_t sum = 0;
    qsort(lines, STRINGS, sizeof *lines, compare);
    for (int i = 0; i < STRINGS; i++)
        for (const char *letter = lines[i]; *letter; letter++) sum = mix(sum, (uint8_t)*letter);
    return sum;
}

static void prepare_records(void)
{
    uint64_t state = 71;
    records = allocate(RECORDS * sizeof *records);
    spare = allocate(RECORDS * sizeof *spare);
    for (uint32_t i = 0; i < RECORDS; i++) records[i] = (struct record){ next_random(&state) % 50000, i, { i, ~i } };
}

static void merge(struct record *from, struct record *to, size_t count)
{
    if (count < 2) return;
    size_t half = count / 2, left = 0, right = half;
    merge(to, from, half);
    merge(to + half, from + half, count - half);
    for (size_t i = 0; i < count; i++)
        to[i] = right == count || (left < half && from[left].key <= from[right].key) ? from[left++] : from[right++];
}

static uint64_t run_records(void)
{
    uint64_t sum = 0;
    memcpy(spare, records, RECORDS * sizeof *spare);
    merge(spare, records, RECORDS);
    for (int i = 0; i < RECORDS; i += 16) sum = mix(sum, records[i].order ^ records[i].load[1]);
    return sum;
}

static void prepare_numbers(void)
{
    uint64_t state = 73;
    numbers = allocate(NUMBERS * sizeof *numbers);
    for (int i = 0; i < NUMBERS; i++) numbers[i] = next_random(&state);
}

static void sift(size_t at, size_t count)
{
    uint32_t value = numbers[at];
    for (size_t child; (child = 2 * at + 1) < count; at = child) {
        if (child + 1 < count && numbers[child + 1] > numbers[child]) child++;
        if (numbers[child] <= value) break;
        numbers[at] = numbers[child];
    }
    numbers[at] = value;
}

static uint64_t run_heap(void)
{
    uint64_t sum = 0;
    for (size_t i = NUMBERS / 2; i-- > 0;) sift(i, NUMBERS);
    for (size_t left = NUMBERS; left-- > 1;) {
        uint32_t largest = numbers[0];
        numbers[0] = numbers[left];
        numbers[left] = largest;
        sift(0, left);
    }
    for (int i = 0; i < NUMBERS; i += 100) sum = mix(sum, numbers[i]);
    return sum;
}

const struct program sort_strings = { .name = "sort-strings", .prepare = prepare_strings, .run = run_strings };
const struct program sort_records = { .name = "merge-sort", .prepare = prepare_records, .run = run_records };
const struct program sort_heap = { .name = "heap-sort", .prepare = prepare_numbers, .run = run_heap };
