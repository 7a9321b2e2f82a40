/* Text that compresses and sorts as text does: 4 MiB of words, few of them often and many of them rarely. */
#include "program.h"
#include <stdio.h>

enum { WORDS = 4000, SIZE = 4 << 20 };

int corpus(void)
{
    static char words[WORDS][12];
    uint64_t state = 19;
    for (int i = 0; i < WORDS; i++) {
        int length = 2 + (int)(next_random(&state) % 9);
        for (int j = 0; j < length; j++) words[i][j] = (char)('a' + (next_random(&state) % 26) * (next_random(&state) % 26) / 26);
    }

    int written = 0;
    for (int i = 0; written < SIZE; i++) {
        /* The square of a fraction favours the first words. */
        uint64_t fraction = next_random(&state) >> 16;
        const char *word = words[(fraction * fraction >> 16) * WORDS >> 16];
        written += printf("%s%c", word, i % 9 == 8 ? '\n' : ' ');
    }
    putchar('\n');
    return 0;
}
