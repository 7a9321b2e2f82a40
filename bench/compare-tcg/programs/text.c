/* Strings as programs handle them: printed, split at separators, numbers out of them, joined again. */
#include "program.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LINES = 400000 };

static uint64_t run(void)
{
    static const char *const names[] = { "north", "east", "south", "west", "up", "down" };
    uint64_t state = 79, sum = 0;
    for (int i = 0; i < LINES; i++) {
        char line[128], joined[128] = "", *rest = line, *field;
        snprintf(line, sizeof line, "%d;%s;%08x;%u.%03u;%-10s|", i, names[next_random(&state) % 6], next_random(&state),
                 next_random(&state) % 1000, next_random(&state) % 1000, names[next_random(&state) % 6]);
        while ((field = strsep(&rest, ";|"))) {
            char *end;
            unsigned long number = strtoul(field, &end, 10);
            if (end != field && *end == 0) sum = mix(sum, number);
            strcat(joined, field);
            strcat(joined, ",");
        }
        if (strstr(joined, "south,")) sum++;
        for (char *letter = joined; *letter; letter++) sum += (uint8_t)(*letter >= 'a' && *letter <= 'z' ? *letter - 32 : *letter);
    }
    return sum;
}

const struct program text_handling = { .name = "text", .run = run };
